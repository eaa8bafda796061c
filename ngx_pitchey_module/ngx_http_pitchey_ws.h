/*
 * GET /ws: one WebSocket (RFC 6455) that follows as many jobs as its client
 * subscribes to, or all of the user's (ngx_http_pitchey_subs.h).
 */

#ifndef NGX_HTTP_PITCHEY_WS_H
#define NGX_HTTP_PITCHEY_WS_H

#include "ngx_http_pitchey_route.h"


typedef struct ngx_http_pitchey_ws_s  ngx_http_pitchey_ws_t;


ngx_int_t ngx_http_pitchey_ws_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

/* a message of ours behind those that wait; advance() sends */
void ngx_http_pitchey_ws_text(ngx_http_pitchey_ws_t *ws, pt_str_t text);

/* code goes out behind the answers that wait; news go to nobody any more */
void ngx_http_pitchey_ws_close_with(ngx_http_pitchey_ws_t *ws,
    ngx_uint_t code);

/* sends what there is, until the client has to read first */
void ngx_http_pitchey_ws_advance(ngx_http_pitchey_ws_t *ws);


#endif /* NGX_HTTP_PITCHEY_WS_H */
