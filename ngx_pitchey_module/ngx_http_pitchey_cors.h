/*
 * Which pages of other sites may call: CORS for what they read, and a refusal
 * of what they would change with the user's cookie.
 */

#ifndef NGX_HTTP_PITCHEY_CORS_H
#define NGX_HTTP_PITCHEY_CORS_H

#include "ngx_http_pitchey_module.h"


/* "https://app.example", or with "*." before the host; in lower case */
typedef struct {
    ngx_str_t    scheme;        /* with "://" */
    ngx_str_t    host;          /* with port; of a wildcard with its dot */
    unsigned     wildcard:1;    /* one label or more stand before */
} ngx_http_pitchey_origin_t;


/*
 * In PREACCESS, before auth: answers preflights, refuses cross-site changes.
 * NGX_DECLINED: go on; NGX_DONE: answered; NGX_HTTP_INTERNAL_SERVER_ERROR
 */
ngx_int_t ngx_http_pitchey_cors_handler(ngx_http_request_t *r);

/* header filter: NGX_OK, NGX_ERROR */
ngx_int_t ngx_http_pitchey_cors_headers(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);

/* the directive's setter: pitchey_cors_origin ORIGIN... */
char *ngx_http_pitchey_cors_origin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_PITCHEY_CORS_H */
