/*
 * Signed links: whoever may see a job makes one, POST /jobs/{id}/links; whoever
 * has it reads the job's outputs without a session until it expires, GET
 * /links/{token}/{path}.  The token stands in the path, so that a playlist's
 * relative URIs keep it.
 */

#ifndef NGX_HTTP_PITCHEY_LINKS_H
#define NGX_HTTP_PITCHEY_LINKS_H

#include "ngx_http_pitchey_route.h"


ngx_int_t ngx_http_pitchey_links_create(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

ngx_int_t ngx_http_pitchey_links_get(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);


#endif /* NGX_HTTP_PITCHEY_LINKS_H */
