/*
 * GET /jobs/{id}/events: a job's events as server-sent events, first from the
 * log, then live, without a gap or a repeat in between.
 */

#ifndef NGX_HTTP_PITCHEY_EVENTS_H
#define NGX_HTTP_PITCHEY_EVENTS_H

#include "ngx_http_pitchey_route.h"
#include "pt_wire.h"


ngx_int_t ngx_http_pitchey_events_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

/* from _zmq: news of an orchestrator, by its number */
void ngx_http_pitchey_events_receive(const pt_event_t *event);
void ngx_http_pitchey_events_lagged(ngx_uint_t from);
void ngx_http_pitchey_events_connected(ngx_uint_t from);

/* per worker: init_process and exit_process */
ngx_int_t ngx_http_pitchey_events_init(ngx_cycle_t *cycle);
void ngx_http_pitchey_events_exit(void);


#endif /* NGX_HTTP_PITCHEY_EVENTS_H */
