/*
 * The stat zone: counters that all workers share, and GET /metrics, which
 * shows them as Prometheus reads them.
 *
 * Counting is one atomic addition; a worker that dies loses nothing.
 */

#ifndef NGX_HTTP_PITCHEY_METRICS_H
#define NGX_HTTP_PITCHEY_METRICS_H

#include "ngx_http_pitchey_route.h"


/* in the order of ngx_http_pitchey_metrics_table */
typedef enum {
    NGX_HTTP_PITCHEY_METRIC_SESSION_HITS = 0,
    NGX_HTTP_PITCHEY_METRIC_SESSION_MISSES,
    NGX_HTTP_PITCHEY_METRIC_AUTH_REFUSED,
    NGX_HTTP_PITCHEY_METRIC_AUTH_UNAVAILABLE,
    NGX_HTTP_PITCHEY_METRIC_RATE_LIMITED,
    NGX_HTTP_PITCHEY_METRIC_SUBMITS,
    NGX_HTTP_PITCHEY_METRIC_JOB_HITS,
    NGX_HTTP_PITCHEY_METRIC_JOB_MISSES,
    NGX_HTTP_PITCHEY_METRIC_UPLOADS,
    NGX_HTTP_PITCHEY_METRIC_UPLOAD_BYTES,
    NGX_HTTP_PITCHEY_METRIC_DOWNLOADS,
    NGX_HTTP_PITCHEY_METRIC_DOWNLOAD_BYTES,
    NGX_HTTP_PITCHEY_METRIC_CALLS,
    NGX_HTTP_PITCHEY_METRIC_CALL_FAILURES,
    NGX_HTTP_PITCHEY_METRIC_STREAMS_OPENED,

    NGX_HTTP_PITCHEY_METRIC_COUNT_
} ngx_http_pitchey_metric_e;


void ngx_http_pitchey_metrics_add(ngx_http_pitchey_metric_e metric,
    ngx_uint_t n);

static ngx_inline void
ngx_http_pitchey_metrics_count(ngx_http_pitchey_metric_e metric)
{
    ngx_http_pitchey_metrics_add(metric, 1);
}

/* this worker's event streams that are open: 1 or -1 */
void ngx_http_pitchey_metrics_streams(ngx_int_t change);

/* GET /metrics */
ngx_int_t ngx_http_pitchey_metrics_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

/* postconfiguration, when the zone is known, and each worker's start */
ngx_int_t ngx_http_pitchey_metrics_init(ngx_conf_t *cf);
void ngx_http_pitchey_metrics_init_process(void);


#endif /* NGX_HTTP_PITCHEY_METRICS_H */
