/*
 * A user's files, the inputs of jobs: POST /files takes one, as the body or
 * as the field "file" of a form; then it is listed, looked at, downloaded and
 * deleted.
 */

#ifndef NGX_HTTP_PITCHEY_FILES_H
#define NGX_HTTP_PITCHEY_FILES_H

#include "ngx_http_pitchey_route.h"
#include "ngx_http_pitchey_zmq.h"


ngx_int_t ngx_http_pitchey_files_upload(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

ngx_int_t ngx_http_pitchey_files_list(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

ngx_int_t ngx_http_pitchey_files_download(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

ngx_int_t ngx_http_pitchey_files_metadata(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

ngx_int_t ngx_http_pitchey_files_delete(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);


/* 201, with the file that the reply tells of */
ngx_int_t ngx_http_pitchey_files_created(ngx_http_request_t *r,
    const pt_id_t *id, const ngx_http_pitchey_reply_t *reply);

/* for whoever takes uploads: refuses where no storage is configured, with
 * what to return; NGX_DECLINED: there is one */
ngx_int_t ngx_http_pitchey_files_storage(ngx_http_request_t *r);


#endif /* NGX_HTTP_PITCHEY_FILES_H */
