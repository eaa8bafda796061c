/*
 * Sliding expiry: what the library does when it reads a session that has lived
 * for its updateAge, for those who talk only to nginx.
 */

#ifndef NGX_HTTP_PITCHEY_REFRESH_H
#define NGX_HTTP_PITCHEY_REFRESH_H

#include "ngx_http_pitchey_module.h"


/*
 * The request's user was found by a row.  If it is due, one worker of all moves
 * the row's end while the request goes on, and this request's answer brings the
 * cookie again.
 */
void ngx_http_pitchey_refresh(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);

/* for the header filter: Set-Cookie, if ctx->refreshed */
ngx_int_t ngx_http_pitchey_refresh_cookie(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);

/* pitchey_session_refresh off | LIFE AGE */
char *ngx_http_pitchey_refresh_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_PITCHEY_REFRESH_H */
