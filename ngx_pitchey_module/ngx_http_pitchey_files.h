/*
 * POST /files: an input is streamed to storage and becomes a file of the
 * user's.  GET /files/{id}: its owner gets it back.
 */

#ifndef NGX_HTTP_PITCHEY_FILES_H
#define NGX_HTTP_PITCHEY_FILES_H

#include "ngx_http_pitchey_route.h"


ngx_int_t ngx_http_pitchey_files_upload(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

ngx_int_t ngx_http_pitchey_files_download(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

/* postconfiguration: uploads are written in the default thread pool */
ngx_int_t ngx_http_pitchey_files_init(ngx_conf_t *cf);


#endif /* NGX_HTTP_PITCHEY_FILES_H */
