/*
 * GET /openapi.json: the contract (OpenAPI 3.1), made from the table of routes
 * and the request schemas when the configuration is read.
 */

#ifndef NGX_HTTP_PITCHEY_OPENAPI_H
#define NGX_HTTP_PITCHEY_OPENAPI_H

#include "ngx_http_pitchey_route.h"


ngx_int_t ngx_http_pitchey_openapi_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

/* makes the location's document; its schemas are loaded */
ngx_int_t ngx_http_pitchey_openapi_make(ngx_conf_t *cf,
    ngx_http_pitchey_loc_conf_t *plcf);


#endif /* NGX_HTTP_PITCHEY_OPENAPI_H */
