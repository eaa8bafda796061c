/*
 * For operators: GET /instances, POST /instances/scale and /instances/restart.
 * For each user: GET /usage, what one has used, and GET /jobs/{id}/deliveries,
 * the calls that told of a job's end.
 */

#ifndef NGX_HTTP_PITCHEY_ADMIN_H
#define NGX_HTTP_PITCHEY_ADMIN_H

#include "ngx_http_pitchey_route.h"


ngx_int_t ngx_http_pitchey_admin_instances_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_admin_scale_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_admin_restart_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_admin_users_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_admin_usage_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_admin_deliveries_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);


#endif /* NGX_HTTP_PITCHEY_ADMIN_H */
