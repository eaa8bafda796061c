/* The headers of tus 1.0.0: plain C. */

#ifndef NGX_HTTP_PITCHEY_TUSHEAD_H
#define NGX_HTTP_PITCHEY_TUSHEAD_H

#include <stdint.h>
#include "pt_str.h"


/* Upload-Length, Upload-Offset: digits alone, up to INT64_MAX */
bool ngx_http_pitchey_tus_number_parse(pt_str_t text, int64_t *ret_number);

/*
 * Whether it is an Upload-Metadata: pairs of a key and a value in base64, or
 * keys alone, with commas between, and no key twice.
 */
bool ngx_http_pitchey_tus_metadata_is_good(pt_str_t header);

/*
 * The value of a key in a good header, decoded into buf of header.len bytes;
 * false: it has no such key, or that has no value.
 */
bool ngx_http_pitchey_tus_metadata(pt_str_t header, const char *key,
    char *buf, pt_str_t *ret_value);


#endif /* NGX_HTTP_PITCHEY_TUSHEAD_H */
