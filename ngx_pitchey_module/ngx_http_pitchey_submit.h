/*
 * Jobs are submitted: one by its route or by POST /jobs, or many in a batch.
 */

#ifndef NGX_HTTP_PITCHEY_SUBMIT_H
#define NGX_HTTP_PITCHEY_SUBMIT_H

#include "ngx_http_pitchey_route.h"
#include "ngx_http_pitchey_ask.h"


/* POST /{service}/{action} */
ngx_int_t ngx_http_pitchey_submit_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

/* POST /jobs, POST /process: the body says which action, or has "jobs" */
ngx_int_t ngx_http_pitchey_submit_any(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

/* the request's Idempotency-Key, which may be absent; NGX_DECLINED: go on */
ngx_int_t ngx_http_pitchey_submit_key(ngx_http_request_t *r,
    pt_str_t *ret_key);

/* 202 with the job, and where it is */
ngx_int_t ngx_http_pitchey_submit_accepted(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);

/*
 * The answer to a submission that failed.  If it may have been accepted all
 * the same, the problem has its id as that member.
 */
ngx_int_t ngx_http_pitchey_submit_failed(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply, const char *member,
    const pt_id_t *id);


#endif /* NGX_HTTP_PITCHEY_SUBMIT_H */
