/* Jobs: list them, look at one or at a batch, cancel one, do one again. */

#ifndef NGX_HTTP_PITCHEY_JOBS_H
#define NGX_HTTP_PITCHEY_JOBS_H

#include "ngx_http_pitchey_route.h"


ngx_int_t ngx_http_pitchey_jobs_list_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_jobs_get_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_jobs_cancel_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_jobs_batch_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_jobs_retry_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);


#endif /* NGX_HTTP_PITCHEY_JOBS_H */
