/*
 * Any bytes have a media type, and the same one when more than is looked at
 * follows.
 */

#include <stdlib.h>

#include "ngx_http_pitchey_sniff.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char  *type;

    type = ngx_http_pitchey_sniff(data, size, true);
    if (type == NULL || strchr(type, '/') == NULL) {
        abort();
    }

    type = ngx_http_pitchey_sniff(data, size, false);
    if (type == NULL || strchr(type, '/') == NULL) {
        abort();
    }

    (void) ngx_http_pitchey_sniff_contradicts((pt_str_t) { (const char *) data,
                                                           size }, type);

    return 0;
}
