/* The session of a request: 401 without one, a user with one. */

#ifndef NGX_HTTP_PITCHEY_AUTH_H
#define NGX_HTTP_PITCHEY_AUTH_H

#include "ngx_http_pitchey_module.h"


/*
 * In PREACCESS.  NGX_DECLINED: go on, the user is known or none is needed;
 * NGX_AGAIN: the database's answer goes on with the phases; NGX_DONE: the
 * request was answered
 */
ngx_int_t ngx_http_pitchey_auth_handler(ngx_http_request_t *r);

/*
 * The user as the cookie cache has it, for the token that was verified.
 *
 * NGX_OK; NGX_DECLINED: what is there is no copy of this session that holds;
 * NGX_ABORT: there is none, or none is wanted; NGX_ERROR: no memory
 */
ngx_int_t ngx_http_pitchey_auth_copy(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx, ngx_http_pitchey_user_t *user);

/* the first cookie of the name over all lines, as the header has it */
ngx_uint_t ngx_http_pitchey_auth_cookie_value(ngx_http_request_t *r,
    ngx_str_t *name, pt_str_t *value);


/* of a merged location: the cookies' names, and what its verified values are
 * kept under */
ngx_int_t ngx_http_pitchey_auth_cookies(ngx_conf_t *cf,
    ngx_http_pitchey_loc_conf_t *plcf);
void ngx_http_pitchey_auth_scope(ngx_http_pitchey_loc_conf_t *plcf);


#endif /* NGX_HTTP_PITCHEY_AUTH_H */
