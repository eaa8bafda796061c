/*
 * Files that a client puts into the bucket itself: POST /files with "Prefer:
 * direct" gives it an address that is good for one PUT of that size, POST
 * /files/{id}/complete makes a file of what it has put.  Between the two nobody
 * remembers anything: the address says whose it is, what the second one needs
 * is in the URL that the first one gives.
 */

#ifndef NGX_HTTP_PITCHEY_DIRECT_H
#define NGX_HTTP_PITCHEY_DIRECT_H

#include "ngx_http_pitchey_route.h"


/* whether it is asked for, and there is a bucket */
ngx_uint_t ngx_http_pitchey_direct_preferred(ngx_http_request_t *r);

ngx_int_t ngx_http_pitchey_direct_begin(ngx_http_request_t *r);

ngx_int_t ngx_http_pitchey_direct_complete(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);


#endif /* NGX_HTTP_PITCHEY_DIRECT_H */
