/*
 * Any header is a number or none, metadata or none; what good metadata gives
 * fits, and its keys are not there twice.
 */

#include <stdlib.h>
#include <string.h>

#include "ngx_http_pitchey_tushead.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char      *buf;
    int64_t    n = -1;
    pt_str_t   header, value;

    header = (pt_str_t) { (const char *) data, size };

    if (ngx_http_pitchey_tus_number_parse(header, &n) && n < 0) {
        abort();
    }

    if (!ngx_http_pitchey_tus_metadata_is_good(header)) {
        return 0;
    }

    buf = malloc(size ? size : 1);
    if (buf == NULL) {
        return 0;
    }

    if (ngx_http_pitchey_tus_metadata(header, "filename", buf, &value)
        && (value.data != buf || value.len == 0 || value.len > size
            || memmem(data, size, "filename", 8) == NULL))
    {
        abort();
    }

    free(buf);
    return 0;
}
