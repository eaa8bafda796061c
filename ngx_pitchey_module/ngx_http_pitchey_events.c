/* Streams of a job's events; so far nobody listens. */

#include "ngx_http_pitchey_events.h"


void
ngx_http_pitchey_events_receive(ngx_uint_t from, const pt_event_t *event)
{
}


void
ngx_http_pitchey_events_lagged(ngx_uint_t from)
{
}


void
ngx_http_pitchey_events_connected(ngx_uint_t from)
{
}


void
ngx_http_pitchey_events_revoke_token(const u_char token_hash[32])
{
}


void
ngx_http_pitchey_events_revoke_user(const ngx_str_t *user_id)
{
}


ngx_int_t
ngx_http_pitchey_events_init(ngx_cycle_t *cycle)
{
    return NGX_OK;
}


void
ngx_http_pitchey_events_exit(void)
{
}


ngx_int_t
ngx_http_pitchey_events_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return NGX_HTTP_NOT_FOUND;
}
