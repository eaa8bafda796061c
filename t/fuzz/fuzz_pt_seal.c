/*
 * Whatever stands in a job's row as its parameters opens, or does not.  Input:
 * a byte, then the parameters; odd: the rest is first sealed, as secrets of
 * the parameters before it, so that what is behind the box is met too.
 */

#include <stdlib.h>
#include <unistd.h>

#include "pt_log.h"
#include "pt_seal.h"
#include "pt_secret.h"


#define OUT_MAX  (1u << 20)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static pt_seal_t *
keys(pt_seal_use_t use)
{
    char               path[] = "/tmp/fuzz_pt_seal.XXXXXX/keys";
    static pt_seal_t  *all[2];

    if (all[use]) {
        return all[use];
    }

    path[24] = '\0';

    if (mkdtemp(path) == NULL) {
        abort();
    }

    path[24] = '/';

    if (pt_seal_make(path) != PT_OK
        || pt_seal_load(path, PT_SEAL_SEALS, &all[PT_SEAL_SEALS]) != PT_OK
        || pt_seal_load(path, PT_SEAL_OPENS, &all[PT_SEAL_OPENS]) != PT_OK)
    {
        abort();
    }

    (void) unlink(path);
    path[24] = '\0';
    (void) rmdir(path);

    return all[use];
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_buf_t  stored, out;
    pt_str_t  text, params;

    if (size < 2) {
        return 0;
    }

    /* a file that has gone is told about each second */
    pt_log_set_level(PT_LOG_ERROR);

    text = (pt_str_t) { (const char *) data + 2, size - 2 };
    pt_buf_init(&stored, &pt_mem_heap, OUT_MAX);
    pt_buf_init(&out, &pt_mem_heap, OUT_MAX);

    if (data[0] & 1) {
        params = (pt_str_t) { text.data, text.len * data[1] / 256 };
        text.data += params.len;
        text.len -= params.len;

        if (pt_seal_params(keys(PT_SEAL_SEALS), PT_STR("ann"), params, text,
                           &stored) == PT_OK)
        {
            (void) pt_seal_open(keys(PT_SEAL_OPENS), PT_STR("ann"),
                                pt_buf_str(&stored), &out);
        }

    } else {
        (void) pt_seal_open(keys(PT_SEAL_OPENS), PT_STR("ann"), text, &out);
    }

    pt_buf_done(&stored);
    pt_buf_done(&out);

    return 0;
}
