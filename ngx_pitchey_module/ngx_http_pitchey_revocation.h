/*
 * Hears of sessions that end: LISTEN on a connection of each worker's own.
 *
 * The triggers of conf/sql/better-auth/revocation.sql notify with
 * "s:<hex SHA-256 of the token>" or "u:<user id>".
 */

#ifndef NGX_HTTP_PITCHEY_REVOCATION_H
#define NGX_HTTP_PITCHEY_REVOCATION_H

#include "ngx_http_pitchey_module.h"


/*
 * Whether every revocation since that time, in ngx_current_msec, has been
 * heard: the connection is proven alive now, and listened then.
 */
ngx_uint_t ngx_http_pitchey_revocation_covers(ngx_msec_t time);

/* whether this worker's connection is proven alive now */
ngx_uint_t ngx_http_pitchey_revocation_alive(void);

/* how many revocations this worker has heard; for auth_watch, what it was
 * before the session was looked up goes into ctx->session_heard */
ngx_uint_t ngx_http_pitchey_revocation_heard(void);


/*
 * NGX_DECLINED: the request's session has ended.  After NGX_AGAIN alone:
 * NGX_OK, it has not; NGX_ERROR, nobody can say.  But for NGX_OK it is the last
 * call: end the answer.
 */
typedef void (*ngx_http_pitchey_watch_pt)(ngx_http_request_t *r, ngx_int_t rc);

/*
 * For an answer that lasts: the handler is called when the request's session is
 * revoked or expires, or its user is banned.  While the connection is not alive
 * the session is asked for instead; an outage of the database ends no stream
 * before its session's known end.  Forgotten when the request ends.
 *
 * NGX_OK; NGX_AGAIN: the session may have ended since it was looked up, and the
 * handler tells whether; NGX_ERROR: no memory
 */
ngx_int_t ngx_http_pitchey_auth_watch(ngx_http_request_t *r,
    ngx_http_pitchey_watch_pt handler);


/* per worker: init_process, exit_process */
ngx_int_t ngx_http_pitchey_revocation_init(ngx_cycle_t *cycle,
    ngx_http_pitchey_main_conf_t *pmcf);
void ngx_http_pitchey_revocation_exit(void);


#endif /* NGX_HTTP_PITCHEY_REVOCATION_H */
