/*
 * GET /jobs/{id}/events: a job's events as server-sent events, first from the
 * log, then live, without a gap or a repeat in between.
 */

#ifndef NGX_HTTP_PITCHEY_EVENTS_H
#define NGX_HTTP_PITCHEY_EVENTS_H

#include "ngx_http_pitchey_route.h"


ngx_int_t ngx_http_pitchey_events_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

/* the same for any request of the job's owner, after a number */
ngx_int_t ngx_http_pitchey_events_send(ngx_http_request_t *r,
    const pt_id_t *job, uint32_t after);

/* whether the request asks for server-sent events, and not for JSON */
ngx_uint_t ngx_http_pitchey_events_accepted(ngx_http_request_t *r);


#endif /* NGX_HTTP_PITCHEY_EVENTS_H */
