/*
 * Resumable uploads: tus 1.0.0 with creation, creation-with-upload,
 * termination and expiration.
 *
 *     POST /files/tus              201, Location: /files/tus/{id}
 *     HEAD, PATCH, DELETE          of that
 *
 * The last PATCH makes it a file with the same id, which the answer names in
 * Pitchey-File-Id.  Any worker takes any request; one request at a time has an
 * upload, another one that wants to write gets 423.
 */

#ifndef NGX_HTTP_PITCHEY_TUS_H
#define NGX_HTTP_PITCHEY_TUS_H

#include "ngx_http_pitchey_route.h"


ngx_int_t ngx_http_pitchey_tus_options(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

ngx_int_t ngx_http_pitchey_tus_create(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

/* HEAD and GET, PATCH, DELETE, and POST with X-HTTP-Method-Override */
ngx_int_t ngx_http_pitchey_tus_upload(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

/* init_process: one of the workers removes what has expired */
ngx_int_t ngx_http_pitchey_tus_init(ngx_cycle_t *cycle,
    ngx_http_pitchey_main_conf_t *pmcf);


#endif /* NGX_HTTP_PITCHEY_TUS_H */
