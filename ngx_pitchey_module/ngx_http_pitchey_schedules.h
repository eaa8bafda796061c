/*
 * Schedules: POST and GET /schedules, GET and DELETE /schedules/{id}, and
 * POST /schedules/{id}/pause, /resume and /run.
 */

#ifndef NGX_HTTP_PITCHEY_SCHEDULES_H
#define NGX_HTTP_PITCHEY_SCHEDULES_H

#include "ngx_http_pitchey_route.h"


ngx_int_t ngx_http_pitchey_schedules_add_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_schedules_list_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_schedules_get_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_schedules_delete_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_schedules_pause_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_schedules_resume_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);
ngx_int_t ngx_http_pitchey_schedules_run_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);


#endif /* NGX_HTTP_PITCHEY_SCHEDULES_H */
