/* Any query string: a value is no longer than it, a number within its bounds. */

#include <stdint.h>
#include <stdlib.h>

#include "ngx_http_pitchey_args.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char      *buf;
    unsigned   n;
    pt_str_t   args, value;

    static const char *const  names[] = { "limit", "cursor", "name", NULL };

    args = (pt_str_t) { (const char *) data, size };

    buf = malloc(size ? size : 1);
    if (buf == NULL) {
        return 0;
    }

    if (ngx_http_pitchey_args_get(args, "limit", buf, &value)) {

        if (value.len > size || (value.len && value.data != buf)) {
            abort();
        }

        if (ngx_http_pitchey_args_number(value, 100, &n)
            && (n < 1 || n > 100))
        {
            abort();
        }
    }

    (void) ngx_http_pitchey_args_are(args, names);

    free(buf);
    return 0;
}
