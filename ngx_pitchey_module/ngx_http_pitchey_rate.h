/*
 * Rate limits for users: how many requests, and how many jobs of a service.
 *
 * GCRA in shared memory: of each user and policy one time, that at which all
 * that was taken is paid back.  Every worker decides under one lock, so the
 * limits are exact however many there are.
 */

#ifndef NGX_HTTP_PITCHEY_RATE_H
#define NGX_HTTP_PITCHEY_RATE_H

#include "ngx_http_pitchey_module.h"


/*
 * In PREACCESS, once the user is known: the location's policies without a
 * service.  NGX_DECLINED: go on; else what the phase's handler returns.
 */
ngx_int_t ngx_http_pitchey_rate_request(ngx_http_request_t *r);

/*
 * For a content handler, before jobs are sent: the policies of their services.
 * service() names the i-th one's.  NGX_DECLINED: go on; else what the request
 * is finalized with.
 */
typedef const ngx_str_t *(*ngx_http_pitchey_rate_pt)(void *data, ngx_uint_t i);

ngx_int_t ngx_http_pitchey_rate_jobs(ngx_http_request_t *r, ngx_uint_t n,
    ngx_http_pitchey_rate_pt service, void *data);


/* the directive pitchey_rate, and what the zone needs after all were read */
char *ngx_http_pitchey_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
void ngx_http_pitchey_rate_init(ngx_http_pitchey_main_conf_t *pmcf);


#endif /* NGX_HTTP_PITCHEY_RATE_H */
