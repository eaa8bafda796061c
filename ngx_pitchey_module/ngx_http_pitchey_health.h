/* Liveness and readiness, for load balancers: no session needed. */

#ifndef NGX_HTTP_PITCHEY_HEALTH_H
#define NGX_HTTP_PITCHEY_HEALTH_H

#include "ngx_http_pitchey_route.h"


/* 200 while nginx runs */
ngx_int_t ngx_http_pitchey_health_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

/* 200, or 503, with the state of each part */
ngx_int_t ngx_http_pitchey_health_ready_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);


#endif /* NGX_HTTP_PITCHEY_HEALTH_H */
