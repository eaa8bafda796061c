/* The session of a request: 401 without one, $pitchey_user_id with one. */

#ifndef NGX_HTTP_PITCHEY_AUTH_H
#define NGX_HTTP_PITCHEY_AUTH_H

#include "ngx_http_pitchey_module.h"


/*
 * In PREACCESS.  NGX_DECLINED: go on, the user is known or none is needed;
 * NGX_AGAIN: the database's answer goes on with the phases; NGX_DONE: the
 * request was answered
 */
ngx_int_t ngx_http_pitchey_auth_handler(ngx_http_request_t *r);

/* of a merged location: what its verified values are kept under */
void ngx_http_pitchey_auth_scope(ngx_http_pitchey_loc_conf_t *plcf);

/* preconfiguration */
ngx_int_t ngx_http_pitchey_auth_variables(ngx_conf_t *cf);


#endif /* NGX_HTTP_PITCHEY_AUTH_H */
