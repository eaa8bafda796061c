/*
 * GET /metrics asks every orchestrator for its own text and puts all of it
 * together: a family's samples have to stand in one place.
 */

#ifndef NGX_HTTP_PITCHEY_GATHER_H
#define NGX_HTTP_PITCHEY_GATHER_H

#include "ngx_http_pitchey_module.h"


/* sends own and what the orchestrators answer; for a content handler */
ngx_int_t ngx_http_pitchey_gather_send(ngx_http_request_t *r,
    ngx_str_t *type, ngx_str_t *own);


#endif /* NGX_HTTP_PITCHEY_GATHER_H */
