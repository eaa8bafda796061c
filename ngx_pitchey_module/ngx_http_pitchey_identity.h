/*
 * Who it is, for the rest of a configuration: the variables $pitchey_..., and
 * pitchey_require.
 */

#ifndef NGX_HTTP_PITCHEY_IDENTITY_H
#define NGX_HTTP_PITCHEY_IDENTITY_H

#include "ngx_http_pitchey_module.h"


/* a condition; all of a location's have to hold */
typedef struct {
    ngx_uint_t                 user_type;     /* else the role */
    ngx_array_t                values;        /* of ngx_str_t; any of them */
} ngx_http_pitchey_require_t;


/* whether the request's user, who is known, may come in here */
ngx_uint_t ngx_http_pitchey_identity_may(ngx_http_request_t *r,
    const ngx_http_pitchey_ctx_t *ctx);

/* pitchey_require role=NAME[,NAME...] user_type=NAME[,NAME...] */
char *ngx_http_pitchey_identity_require(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* preconfiguration */
ngx_int_t ngx_http_pitchey_identity_variables(ngx_conf_t *cf);


#endif /* NGX_HTTP_PITCHEY_IDENTITY_H */
