/*
 * Stored files that are in a bucket: an address with a signature of ours, for
 * the client (302) or for nginx's own proxy, in a named location.
 *
 * A client that is sent elsewhere resolves a playlist's relative names there,
 * where they have no signature: so playlists always go through the proxy, and
 * the segments that they name come back to us, each to be sent on.
 */

#ifndef NGX_HTTP_PITCHEY_S3_H
#define NGX_HTTP_PITCHEY_S3_H

#include "ngx_http_pitchey_module.h"
#include "pt_s3.h"


typedef struct ngx_http_pitchey_s3_s {
    pt_s3_t     s3;
    ngx_str_t   endpoint;          /* scheme://host, before a signed path */
    ngx_str_t   host;              /* what the proxy's Host has to be */
    ngx_str_t   proxy;             /* a named location */
    time_t      expires;           /* s; of an address */
    ngx_uint_t  redirect;          /* what is no playlist */
} ngx_http_pitchey_s3_t;


/* pitchey_storage_s3 */
char *ngx_http_pitchey_s3(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* $pitchey_storage_uri, $pitchey_storage_host */
ngx_int_t ngx_http_pitchey_s3_variables(ngx_conf_t *cf,
    ngx_http_pitchey_main_conf_t *pmcf);

/*
 * Answers with what lies under key; type, disposition and cache become its
 * Content-Type, Content-Disposition and Cache-Control.  Returns what a content
 * handler does.
 */
ngx_int_t ngx_http_pitchey_s3_serve(ngx_http_request_t *r, pt_str_t key,
    pt_str_t type, const ngx_str_t *disposition, const ngx_str_t *cache);


#endif /* NGX_HTTP_PITCHEY_S3_H */
