/*
 * Any bytes are JSON or an error.  What was read is written compactly, which
 * must be read as the same value, with the same compact and canonical texts.
 */

#include <stdint.h>
#include <stdlib.h>

#include "pt_json.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_both(const pt_json_t *root, pt_buf_t *compact,
    pt_buf_t *canonical);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int               i;
    pt_buf_t          compact[2], canonical[2];
    pt_json_t        *root, *again;
    pt_json_error_t   error;
    pt_str_t          text = { (const char *) data, size };

    if (pt_json_parse(text, &pt_mem_heap, &root, &error) != PT_OK) {
        if (error.message[0] == '\0' || error.offset > size) {
            abort();
        }

        return 0;
    }

    if (!pt_str_is_utf8(text) || !pt_json_equal(root, root)) {
        abort();
    }

    write_both(root, &compact[0], &canonical[0]);

    if (pt_json_parse(pt_buf_str(&compact[0]), &pt_mem_heap, &again, NULL)
        != PT_OK)
    {
        abort();
    }

    write_both(again, &compact[1], &canonical[1]);

    if (!pt_json_equal(root, again)
        || !pt_str_eq(pt_buf_str(&compact[0]), pt_buf_str(&compact[1]))
        || !pt_str_eq(pt_buf_str(&canonical[0]), pt_buf_str(&canonical[1])))
    {
        abort();
    }

    for (i = 0; i < 2; i++) {
        pt_buf_done(&compact[i]);
        pt_buf_done(&canonical[i]);
    }

    pt_json_free(again);
    pt_json_free(root);

    return 0;
}


static void
write_both(const pt_json_t *root, pt_buf_t *compact, pt_buf_t *canonical)
{
    pt_jsonw_t  w;

    pt_buf_init(compact, &pt_mem_heap, SIZE_MAX / 4);
    pt_buf_init(canonical, &pt_mem_heap, SIZE_MAX / 4);

    pt_jsonw_init(&w, compact);
    pt_jsonw_value(&w, root);
    pt_json_canonical(root, canonical);
}
