/*
 * Any header gives a name that is a label: valid UTF-8, without controls and
 * slashes, and the same after it was sent out and read back.
 */

#include <stdlib.h>

#include "ngx_http_pitchey_name.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char      buf[NGX_HTTP_PITCHEY_NAME_LEN], again[NGX_HTTP_PITCHEY_NAME_LEN];
    char      out[64 + 4 * NGX_HTTP_PITCHEY_NAME_LEN];
    size_t    i, len;
    pt_str_t  name, back, input;

    input = (pt_str_t) { (const char *) data, size };

    name = ngx_http_pitchey_name_parse(input, buf);

    if (name.len > NGX_HTTP_PITCHEY_NAME_LEN || !pt_str_is_utf8(name)) {
        abort();
    }

    for (i = 0; i < name.len; i++) {
        if ((unsigned char) name.data[i] < 0x20 || name.data[i] == '/'
            || name.data[i] == '\\' || name.data[i] == 0x7f)
        {
            abort();
        }
    }

    len = ngx_http_pitchey_name_disposition(true, name, NULL);
    if (len > sizeof(out)
        || ngx_http_pitchey_name_disposition(true, name, out) != len)
    {
        abort();
    }

    back = ngx_http_pitchey_name_parse((pt_str_t) { out, len }, again);
    if (!pt_str_eq(name, back)) {
        abort();
    }

    if (ngx_http_pitchey_name_is_output(input)
        && (memchr(data, 0, size) || data[0] == '/' || data[0] == '.'))
    {
        abort();
    }

    return 0;
}
