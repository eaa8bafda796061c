/* Counters in shared memory, and Prometheus' text format (version 0.0.4). */

#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_gather.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_zmq.h"


/* rows of the table of routes, and the one for what has no route */
#define NGX_HTTP_PITCHEY_METRICS_ROUTES   64

/* 1xx to 5xx, and 0 for a client that left without an answer */
#define NGX_HTTP_PITCHEY_METRICS_CLASSES  6

/* statuses that nginx can answer with */
#define NGX_HTTP_PITCHEY_METRICS_STATUSES 600

/* and the last one, without a bound */
#define NGX_HTTP_PITCHEY_METRICS_BUCKETS  12

/* bytes of a sample's line without the texts that the tables hold */
#define NGX_HTTP_PITCHEY_METRICS_LINE     128


typedef struct {
    ngx_atomic_t   counters[NGX_HTTP_PITCHEY_METRIC_COUNT_];
    ngx_atomic_t   requests[NGX_HTTP_PITCHEY_METRICS_ROUTES]
                           [NGX_HTTP_PITCHEY_METRICS_CLASSES];

    ngx_atomic_t   statuses[NGX_HTTP_PITCHEY_METRICS_STATUSES];

    /* of answers, by route */
    ngx_atomic_t   times[NGX_HTTP_PITCHEY_METRICS_ROUTES]
                        [NGX_HTTP_PITCHEY_METRICS_BUCKETS];
    ngx_atomic_t   times_ms[NGX_HTTP_PITCHEY_METRICS_ROUTES];

    /* by process slot: a worker that was killed takes its streams along when
     * the next one in its slot starts at 0 */
    ngx_atomic_t   streams[NGX_MAX_PROCESSES];
} ngx_http_pitchey_metrics_t;


typedef struct {
    const char    *name;         /* with labels */
    const char    *help;         /* NULL: of the family of the one before */
} ngx_http_pitchey_metrics_row_t;


static ngx_int_t ngx_http_pitchey_metrics_init_zone(ngx_shm_zone_t *zone,
    void *data);
static ngx_int_t ngx_http_pitchey_metrics_log_handler(ngx_http_request_t *r);
static void ngx_http_pitchey_metrics_took(ngx_http_request_t *r,
    ngx_http_pitchey_metrics_t *m, ngx_uint_t route);
static ngx_http_pitchey_metrics_t *ngx_http_pitchey_metrics(void);
static size_t ngx_http_pitchey_metrics_size(void);
static u_char *ngx_http_pitchey_metrics_counters(u_char *p,
    ngx_http_pitchey_metrics_t *m);
static u_char *ngx_http_pitchey_metrics_requests(u_char *p,
    ngx_http_pitchey_metrics_t *m);
static u_char *ngx_http_pitchey_metrics_statuses(u_char *p,
    ngx_http_pitchey_metrics_t *m);
static u_char *ngx_http_pitchey_metrics_times(u_char *p,
    ngx_http_pitchey_metrics_t *m);
static u_char *ngx_http_pitchey_metrics_gauges(u_char *p,
    ngx_http_pitchey_metrics_t *m);


static const ngx_http_pitchey_metrics_row_t
    ngx_http_pitchey_metrics_table[NGX_HTTP_PITCHEY_METRIC_COUNT_] = {

    [NGX_HTTP_PITCHEY_METRIC_SESSION_HITS] = {
        "pitchey_session_lookups_total{from=\"zone\"}",
        "Sessions looked up, by where they were found." },
    [NGX_HTTP_PITCHEY_METRIC_SESSION_MISSES] = {
        "pitchey_session_lookups_total{from=\"database\"}", NULL },

    [NGX_HTTP_PITCHEY_METRIC_AUTH_REFUSED] = {
        "pitchey_auth_failures_total{status=\"401\"}",
        "Requests that ended for want of a session." },
    [NGX_HTTP_PITCHEY_METRIC_AUTH_UNAVAILABLE] = {
        "pitchey_auth_failures_total{status=\"503\"}", NULL },

    [NGX_HTTP_PITCHEY_METRIC_RATE_LIMITED] = {
        "pitchey_rate_limited_total",
        "Requests that a rate limit refused." },

    [NGX_HTTP_PITCHEY_METRIC_SUBMITS] = {
        "pitchey_jobs_submitted_total",
        "Jobs that were accepted." },

    [NGX_HTTP_PITCHEY_METRIC_JOB_HITS] = {
        "pitchey_job_lookups_total{from=\"zone\"}",
        "Jobs looked up, by where they were found." },
    [NGX_HTTP_PITCHEY_METRIC_JOB_MISSES] = {
        "pitchey_job_lookups_total{from=\"orchestrator\"}", NULL },

    [NGX_HTTP_PITCHEY_METRIC_UPLOADS] = {
        "pitchey_uploads_total",
        "Files that were uploaded." },
    [NGX_HTTP_PITCHEY_METRIC_UPLOAD_BYTES] = {
        "pitchey_upload_bytes_total",
        "Bytes of the files that were uploaded." },

    [NGX_HTTP_PITCHEY_METRIC_DOWNLOADS] = {
        "pitchey_downloads_total",
        "Answers with bytes of an output or a file." },
    [NGX_HTTP_PITCHEY_METRIC_DOWNLOAD_BYTES] = {
        "pitchey_download_bytes_total",
        "Bytes sent of outputs and files." },

    [NGX_HTTP_PITCHEY_METRIC_CALLS] = {
        "pitchey_orchestrator_calls_total",
        "Requests to orchestrators that were taken." },
    [NGX_HTTP_PITCHEY_METRIC_CALL_FAILURES] = {
        "pitchey_orchestrator_call_failures_total",
        "Requests to orchestrators that nobody took, or answered in time." },

    [NGX_HTTP_PITCHEY_METRIC_STREAMS_OPENED] = {
        "pitchey_event_streams_opened_total",
        "Event streams that were opened." }
};


static const char  *ngx_http_pitchey_metrics_classes[] = {
    "none", "1xx", "2xx", "3xx", "4xx", "5xx"
};


/* upper bounds: from what the zone answers to what an upload takes */
static const struct {
    ngx_msec_t   ms;
    const char  *le;
} ngx_http_pitchey_metrics_bounds[NGX_HTTP_PITCHEY_METRICS_BUCKETS - 1] = {
    { 1, "0.001" }, { 5, "0.005" }, { 10, "0.01" }, { 25, "0.025" },
    { 50, "0.05" }, { 100, "0.1" }, { 250, "0.25" }, { 1000, "1" },
    { 5000, "5" }, { 30000, "30" }, { 300000, "300" }
};


static ngx_str_t  ngx_http_pitchey_metrics_type =
    ngx_string("text/plain; version=0.0.4; charset=utf-8");


void
ngx_http_pitchey_metrics_add(ngx_http_pitchey_metric_e metric, ngx_uint_t n)
{
    (void) ngx_atomic_fetch_add(&ngx_http_pitchey_metrics()->counters[metric],
                                (ngx_atomic_int_t) n);
}


void
ngx_http_pitchey_metrics_streams(ngx_int_t change)
{
    (void) ngx_atomic_fetch_add(
               &ngx_http_pitchey_metrics()->streams[ngx_process_slot], change);
}


/* through the cycle: without a master a reload replaces the zone under us */
static ngx_http_pitchey_metrics_t *
ngx_http_pitchey_metrics(void)
{
    ngx_http_pitchey_main_conf_t  *pmcf;

    pmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_pitchey_module);

    return pmcf->stat_zone->data;
}


static ngx_int_t
ngx_http_pitchey_metrics_log_handler(ngx_http_request_t *r)
{
    off_t                         sent;
    ngx_uint_t                    status, class;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_metrics_t   *m;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (!plcf->enable) {
        return NGX_OK;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    if (ctx == NULL) {
        return NGX_OK;
    }

    status = r->err_status ? r->err_status : r->headers_out.status;
    class = status / 100 < NGX_HTTP_PITCHEY_METRICS_CLASSES ? status / 100 : 0;

    m = ngx_http_pitchey_metrics();

    (void) ngx_atomic_fetch_add(&m->requests[ctx->route_number][class], 1);
    (void) ngx_atomic_fetch_add(
                 &m->statuses[status < NGX_HTTP_PITCHEY_METRICS_STATUSES
                              ? status : 0], 1);

    ngx_http_pitchey_metrics_took(r, m, ctx->route_number);

    if (ctx->download) {
        sent = r->connection->sent - (off_t) r->header_size;

        if (sent > 0) {
            ngx_http_pitchey_metrics_add(NGX_HTTP_PITCHEY_METRIC_DOWNLOAD_BYTES,
                                         (ngx_uint_t) sent);
        }
    }

    return NGX_OK;
}


/* to the end of the answer: of a stream, all of its life */
static void
ngx_http_pitchey_metrics_took(ngx_http_request_t *r,
    ngx_http_pitchey_metrics_t *m, ngx_uint_t route)
{
    ngx_uint_t       i;
    ngx_time_t      *tp;
    ngx_msec_int_t   ms;

    tp = ngx_timeofday();

    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (tp->msec - r->start_msec));
    ms = ngx_max(ms, 0);

    for (i = 0; i < NGX_HTTP_PITCHEY_METRICS_BUCKETS - 1; i++) {
        if ((ngx_msec_t) ms <= ngx_http_pitchey_metrics_bounds[i].ms) {
            break;
        }
    }

    (void) ngx_atomic_fetch_add(&m->times[route][i], 1);
    (void) ngx_atomic_fetch_add(&m->times_ms[route], ms);
}


ngx_int_t
ngx_http_pitchey_metrics_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    u_char                      *p;
    ngx_str_t                    text;
    ngx_http_pitchey_metrics_t  *m;

    text.data = ngx_pnalloc(r->pool, ngx_http_pitchey_metrics_size());
    if (text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    m = ngx_http_pitchey_metrics();

    p = ngx_http_pitchey_metrics_counters(text.data, m);
    p = ngx_http_pitchey_metrics_requests(p, m);
    p = ngx_http_pitchey_metrics_statuses(p, m);
    p = ngx_http_pitchey_metrics_times(p, m);
    p = ngx_http_pitchey_metrics_gauges(p, m);

    text.len = p - text.data;

    return ngx_http_pitchey_gather_send(r, &ngx_http_pitchey_metrics_type,
                                        &text);
}


/* an upper bound: every line of every table, and three gauges */
static size_t
ngx_http_pitchey_metrics_size(void)
{
    size_t       size;
    ngx_uint_t   i;
    const char  *pattern;

    size = (16 + NGX_HTTP_PITCHEY_METRICS_STATUSES)
           * NGX_HTTP_PITCHEY_METRICS_LINE
           + ngx_http_pitchey_zmq_count() * NGX_HTTP_PITCHEY_METRICS_LINE;

    for (i = 0; i < NGX_HTTP_PITCHEY_METRIC_COUNT_; i++) {
        size += 3 * (NGX_HTTP_PITCHEY_METRICS_LINE
                     + ngx_strlen(ngx_http_pitchey_metrics_table[i].name));
    }

    for (i = 0; i < NGX_HTTP_PITCHEY_METRICS_ROUTES; i++) {
        pattern = ngx_http_pitchey_route_pattern(i);

        if (pattern == NULL) {
            break;
        }

        size += (NGX_HTTP_PITCHEY_METRICS_CLASSES
                 + NGX_HTTP_PITCHEY_METRICS_BUCKETS + 2)
                * (NGX_HTTP_PITCHEY_METRICS_LINE + ngx_strlen(pattern));
    }

    return size;
}


static u_char *
ngx_http_pitchey_metrics_counters(u_char *p, ngx_http_pitchey_metrics_t *m)
{
    size_t                                 len;
    ngx_uint_t                             i;
    const ngx_http_pitchey_metrics_row_t  *row;

    for (i = 0; i < NGX_HTTP_PITCHEY_METRIC_COUNT_; i++) {
        row = &ngx_http_pitchey_metrics_table[i];

        if (row->help) {
            len = strcspn(row->name, "{");
            p = ngx_sprintf(p, "# HELP %*s %s\n# TYPE %*s counter\n",
                            len, row->name, row->help, len, row->name);
        }

        p = ngx_sprintf(p, "%s %uA\n", row->name, m->counters[i]);
    }

    return p;
}


static u_char *
ngx_http_pitchey_metrics_requests(u_char *p, ngx_http_pitchey_metrics_t *m)
{
    ngx_uint_t   i, class;
    const char  *pattern;

    p = ngx_sprintf(p, "# HELP pitchey_http_requests_total Requests, by route "
                    "and class of status.\n"
                    "# TYPE pitchey_http_requests_total counter\n");

    for (i = 0; i < NGX_HTTP_PITCHEY_METRICS_ROUTES; i++) {
        pattern = ngx_http_pitchey_route_pattern(i);

        if (pattern == NULL) {
            break;
        }

        for (class = 0; class < NGX_HTTP_PITCHEY_METRICS_CLASSES; class++) {
            if (m->requests[i][class]) {
                p = ngx_sprintf(p, "pitchey_http_requests_total{route=\"%s\","
                                "status=\"%s\"} %uA\n", pattern,
                                ngx_http_pitchey_metrics_classes[class],
                                m->requests[i][class]);
            }
        }
    }

    return p;
}


static u_char *
ngx_http_pitchey_metrics_statuses(u_char *p, ngx_http_pitchey_metrics_t *m)
{
    ngx_uint_t  i;

    p = ngx_sprintf(p, "# HELP pitchey_http_responses_total Answers, by "
                    "status.\n"
                    "# TYPE pitchey_http_responses_total counter\n");

    for (i = 0; i < NGX_HTTP_PITCHEY_METRICS_STATUSES; i++) {
        if (m->statuses[i]) {
            p = ngx_sprintf(p, "pitchey_http_responses_total{status=\"%ui\"} "
                            "%uA\n", i, m->statuses[i]);
        }
    }

    return p;
}


static u_char *
ngx_http_pitchey_metrics_times(u_char *p, ngx_http_pitchey_metrics_t *m)
{
    ngx_uint_t          i, k;
    const char         *pattern, *le;
    ngx_atomic_uint_t   n;

    p = ngx_sprintf(p, "# HELP pitchey_http_request_duration_seconds From a "
                    "request's first byte to its answer's last.\n"
                    "# TYPE pitchey_http_request_duration_seconds "
                    "histogram\n");

    for (i = 0; i < NGX_HTTP_PITCHEY_METRICS_ROUTES; i++) {
        pattern = ngx_http_pitchey_route_pattern(i);

        if (pattern == NULL) {
            break;
        }

        n = 0;

        for (k = 0; k < NGX_HTTP_PITCHEY_METRICS_BUCKETS; k++) {
            n += m->times[i][k];
        }

        if (n == 0) {
            continue;
        }

        n = 0;

        for (k = 0; k < NGX_HTTP_PITCHEY_METRICS_BUCKETS; k++) {
            n += m->times[i][k];
            le = (k < NGX_HTTP_PITCHEY_METRICS_BUCKETS - 1)
                 ? ngx_http_pitchey_metrics_bounds[k].le : "+Inf";

            p = ngx_sprintf(p, "pitchey_http_request_duration_seconds_bucket"
                            "{route=\"%s\",le=\"%s\"} %uA\n", pattern, le,
                            n);
        }

        p = ngx_sprintf(p, "pitchey_http_request_duration_seconds_sum"
                        "{route=\"%s\"} %uA.%03uA\n"
                        "pitchey_http_request_duration_seconds_count"
                        "{route=\"%s\"} %uA\n", pattern,
                        m->times_ms[i] / 1000, m->times_ms[i] % 1000, pattern,
                        n);
    }

    return p;
}


static u_char *
ngx_http_pitchey_metrics_gauges(u_char *p, ngx_http_pitchey_metrics_t *m)
{
    ngx_uint_t         i, n;
    ngx_atomic_uint_t  streams;

    streams = 0;

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
        streams += m->streams[i];
    }

    p = ngx_sprintf(p, "# HELP pitchey_event_streams Event streams that are "
                    "open.\n# TYPE pitchey_event_streams gauge\n"
                    "pitchey_event_streams %uA\n", streams);

    n = 0;

    for (i = 0; i < ngx_http_pitchey_zmq_count(); i++) {
        n += ngx_http_pitchey_zmq_connected(i) ? 1 : 0;
    }

    return ngx_sprintf(p, "# HELP pitchey_orchestrators_connected "
                       "Orchestrators that the answering worker is connected "
                       "to.\n# TYPE pitchey_orchestrators_connected gauge\n"
                       "pitchey_orchestrators_connected %ui\n", n);
}


ngx_int_t
ngx_http_pitchey_metrics_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_pitchey_main_conf_t  *pmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_pitchey_module);

    pmcf->stat_zone->init = ngx_http_pitchey_metrics_init_zone;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_pitchey_metrics_log_handler;

    return NGX_OK;
}


/* data: of the configuration before, whose counters go on */
static ngx_int_t
ngx_http_pitchey_metrics_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data) {
        zone->data = data;
        return NGX_OK;
    }

    if (zone->shm.exists) {
        zone->data = shpool->data;
        return NGX_OK;
    }

    zone->data = ngx_slab_calloc(shpool, sizeof(ngx_http_pitchey_metrics_t));
    shpool->data = zone->data;

    if (zone->data == NULL) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "zone \"%V\" is too small", &zone->shm.name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_pitchey_metrics_init_process(void)
{
    ngx_http_pitchey_metrics()->streams[ngx_process_slot] = 0;
}
