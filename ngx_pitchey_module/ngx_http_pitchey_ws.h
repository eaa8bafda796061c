/*
 * GET /ws: one WebSocket (RFC 6455) that follows as many jobs as its client
 * subscribes to, or all of the user's.
 */

#ifndef NGX_HTTP_PITCHEY_WS_H
#define NGX_HTTP_PITCHEY_WS_H

#include "ngx_http_pitchey_route.h"


ngx_int_t ngx_http_pitchey_ws_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);


#endif /* NGX_HTTP_PITCHEY_WS_H */
