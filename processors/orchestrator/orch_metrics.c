/* Counters and histograms in Prometheus' text format (version 0.0.4). */

#include <stdio.h>

#include "orch.h"


/* of one family's name and help, and of all labels of a sample */
#define ORCH_METRICS_MAX  (8u << 20)


static void orch_metrics_family(pt_buf_t *b, const char *name,
    const char *type, const char *help);
static void orch_metrics_sample(orch_t *o, pt_buf_t *b, const char *name,
    const char *labels, pt_str_t service, int priority);
static void orch_metrics_counters(orch_t *o, pt_buf_t *b);
static void orch_metrics_times(orch_t *o, pt_buf_t *b);
static void orch_metrics_queue(orch_t *o, pt_buf_t *b);
static void orch_metrics_ring(const orch_service_t *service, int priority,
    uint64_t now_ms, uint64_t *ret_n, uint64_t *ret_age_ms);
static void orch_metrics_pools(orch_t *o, pt_buf_t *b);
static void orch_metrics_label(pt_buf_t *b, pt_str_t value);


/* upper bounds, ms: commits take one, videos hours */
static const uint64_t  orch_metrics_bounds[ORCH_METRIC_BUCKETS] = {
    1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000, 30000, 120000, 600000, 3600000
};

static const struct {
    const char  *name;
    const char  *labels;
    const char  *help;           /* NULL: of the family of the one before */
} orch_metrics_table[ORCH_METRIC_COUNTERS_] = {
    [ORCH_METRIC_ACCEPTED] = { "pitchey_jobs_accepted_total", "",
        "Jobs whose submission was committed." },
    [ORCH_METRIC_SUCCEEDED] = { "pitchey_jobs_ended_total",
        ",status=\"succeeded\"", "Jobs that ended." },
    [ORCH_METRIC_FAILED] = { "pitchey_jobs_ended_total",
        ",status=\"failed\"", NULL },
    [ORCH_METRIC_CANCELLED] = { "pitchey_jobs_ended_total",
        ",status=\"cancelled\"", NULL },
    [ORCH_METRIC_EXPIRED] = { "pitchey_jobs_ended_total",
        ",status=\"expired\"", NULL },
    [ORCH_METRIC_RETRIES] = { "pitchey_attempts_repeated_total", "",
        "Attempts that ended without success and are repeated." },
    [ORCH_METRIC_CACHED] = { "pitchey_jobs_cached_total", "",
        "Jobs that succeeded with a result that was known." }
};

static const struct {
    const char  *name;
    const char  *help;
} orch_metrics_time_table[ORCH_METRIC_TIMES_] = {
    [ORCH_METRIC_COMMIT] = { "pitchey_accept_commit_seconds",
        "From sending accepted jobs to the database to their commit." },
    [ORCH_METRIC_WAIT] = { "pitchey_job_wait_seconds",
        "From being ready to run to an attempt's claim." },
    [ORCH_METRIC_RUN] = { "pitchey_attempt_run_seconds",
        "From an attempt's claim to its end." }
};

static const char *const  orch_metrics_priorities[ORCH_PRIORITIES] = {
    "low", "normal", "high", "urgent"
};


void
orch_metrics_add(orch_t *o, orch_metric_t metric, uint64_t n)
{
    o->metrics.counters[metric] += n;
}


void
orch_metrics_observe(orch_t *o, orch_metric_time_t metric, uint64_t ms)
{
    size_t  i;

    for (i = 0; i < ORCH_METRIC_BUCKETS && ms > orch_metrics_bounds[i]; i++) {
        /* void */
    }

    o->metrics.buckets[metric][i]++;
    o->metrics.sums_ms[metric] += ms;
}


void
orch_metrics_ended(orch_t *o, const char *status)
{
    size_t    i;
    pt_str_t  s = pt_str(status);

    static const struct {
        const char     *status;
        orch_metric_t   metric;
    } ends[] = {
        { "succeeded", ORCH_METRIC_SUCCEEDED },
        { "failed",    ORCH_METRIC_FAILED },
        { "cancelled", ORCH_METRIC_CANCELLED },
        { "expired",   ORCH_METRIC_EXPIRED }
    };

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (pt_str_is(s, ends[i].status)) {
            orch_metrics_add(o, ends[i].metric, 1);
        }
    }
}


void
orch_metrics_request(orch_request_t *rq)
{
    orch_t    *o = rq->o;
    pt_buf_t   buf;

    pt_buf_init(&buf, &pt_mem_heap, ORCH_METRICS_MAX);

    orch_metrics_counters(o, &buf);
    orch_metrics_times(o, &buf);
    orch_metrics_queue(o, &buf);
    orch_metrics_pools(o, &buf);

    orch_metrics_family(&buf, "pitchey_orchestrator_ready", "gauge",
                        "Whether the orchestrator has its database.");
    orch_metrics_sample(o, &buf, "pitchey_orchestrator_ready", "",
                        PT_STR_NULL, -1);
    pt_buf_printf(&buf, " %d\n", orch_db_is_ready(o) ? 1 : 0);

    orch_read_reply(rq, &buf);
}


static void
orch_metrics_family(pt_buf_t *b, const char *name, const char *type,
    const char *help)
{
    pt_buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}


/* name and labels of a sample: its value and the end of its line follow */
static void
orch_metrics_sample(orch_t *o, pt_buf_t *b, const char *name,
    const char *labels, pt_str_t service, int priority)
{
    pt_buf_printf(b, "%s{orchestrator=\"", name);
    orch_metrics_label(b, pt_str(o->config->name));
    pt_buf_add_char(b, '"');

    if (service.data) {
        pt_buf_add_text(b, ",service=\"");
        orch_metrics_label(b, service);
        pt_buf_add_char(b, '"');
    }

    if (priority >= 0) {
        pt_buf_printf(b, ",priority=\"%s\"",
                      orch_metrics_priorities[priority]);
    }

    pt_buf_printf(b, "%s}", labels);
}


static void
orch_metrics_label(pt_buf_t *b, pt_str_t value)
{
    size_t  i;

    for (i = 0; i < value.len; i++) {
        if (value.data[i] == '\n') {
            pt_buf_add_text(b, "\\n");
            continue;
        }

        if (value.data[i] == '"' || value.data[i] == '\\') {
            pt_buf_add_char(b, '\\');
        }

        pt_buf_add_char(b, value.data[i]);
    }
}


static void
orch_metrics_counters(orch_t *o, pt_buf_t *b)
{
    size_t  i;

    for (i = 0; i < ORCH_METRIC_COUNTERS_; i++) {
        if (orch_metrics_table[i].help) {
            orch_metrics_family(b, orch_metrics_table[i].name, "counter",
                                orch_metrics_table[i].help);
        }

        orch_metrics_sample(o, b, orch_metrics_table[i].name,
                            orch_metrics_table[i].labels, PT_STR_NULL, -1);
        pt_buf_printf(b, " %llu\n",
                      (unsigned long long) o->metrics.counters[i]);
    }
}


static void
orch_metrics_times(orch_t *o, pt_buf_t *b)
{
    char                 name[64], le[32];
    size_t               i, k;
    unsigned long long   n;

    for (i = 0; i < ORCH_METRIC_TIMES_; i++) {
        orch_metrics_family(b, orch_metrics_time_table[i].name, "histogram",
                            orch_metrics_time_table[i].help);
        n = 0;

        snprintf(name, sizeof(name), "%s_bucket",
                 orch_metrics_time_table[i].name);

        for (k = 0; k <= ORCH_METRIC_BUCKETS; k++) {
            n += o->metrics.buckets[i][k];

            if (k < ORCH_METRIC_BUCKETS) {
                snprintf(le, sizeof(le), ",le=\"%g\"",
                         (double) orch_metrics_bounds[k] / 1000);
            } else {
                snprintf(le, sizeof(le), ",le=\"+Inf\"");
            }

            orch_metrics_sample(o, b, name, le, PT_STR_NULL, -1);
            pt_buf_printf(b, " %llu\n", n);
        }

        snprintf(name, sizeof(name), "%s_sum",
                 orch_metrics_time_table[i].name);
        orch_metrics_sample(o, b, name, "", PT_STR_NULL, -1);
        pt_buf_printf(b, " %.3f\n", (double) o->metrics.sums_ms[i] / 1000);

        snprintf(name, sizeof(name), "%s_count",
                 orch_metrics_time_table[i].name);
        orch_metrics_sample(o, b, name, "", PT_STR_NULL, -1);
        pt_buf_printf(b, " %llu\n", n);
    }
}


static void
orch_metrics_queue(orch_t *o, pt_buf_t *b)
{
    int              p, what;
    uint64_t         n, age_ms;
    orch_service_t  *service;

    static const struct {
        const char  *name;
        const char  *help;
    } families[] = {
        { "pitchey_queue_jobs", "Jobs that are ready and wait." },
        { "pitchey_queue_oldest_seconds",
          "For how long the job waits that has waited longest." }
    };

    for (what = 0; what < 2; what++) {
        orch_metrics_family(b, families[what].name, "gauge",
                            families[what].help);

        for (service = o->queue.services; service;
             service = service->hh.next)
        {
            for (p = 0; p < ORCH_PRIORITIES; p++) {
                orch_metrics_ring(service, p, orch_loop_ms(o), &n, &age_ms);
                orch_metrics_sample(o, b, families[what].name, "",
                                    pt_str(service->name), p);

                if (what == 0) {
                    pt_buf_printf(b, " %llu\n", (unsigned long long) n);

                } else {
                    pt_buf_printf(b, " %.3f\n", (double) age_ms / 1000);
                }
            }
        }
    }
}


/* each lane's first job is its oldest */
static void
orch_metrics_ring(const orch_service_t *service, int priority,
    uint64_t now_ms, uint64_t *ret_n, uint64_t *ret_age_ms)
{
    orch_owner_t       *of;
    const orch_lane_t  *lane;

    *ret_n = *ret_age_ms = 0;

    for (of = service->owners; of; of = of->hh.next) {
        lane = &of->lanes[priority];
        *ret_n += lane->n;

        if (lane->jobs && now_ms > lane->jobs->ready_ms
            && now_ms - lane->jobs->ready_ms > *ret_age_ms)
        {
            *ret_age_ms = now_ms - lane->jobs->ready_ms;
        }
    }
}


static void
orch_metrics_pools(orch_t *o, pt_buf_t *b)
{
    int              what;
    uint64_t         values[3];
    orch_service_t  *service;

    static const struct {
        const char  *name;
        const char  *help;
    } families[] = {
        { "pitchey_processors", "Processors that are connected." },
        { "pitchey_processor_slots", "Attempts that they can run at once." },
        { "pitchey_attempts_running", "Attempts that they run." }
    };

    for (what = 0; what < 3; what++) {
        orch_metrics_family(b, families[what].name, "gauge",
                            families[what].help);

        for (service = o->queue.services; service;
             service = service->hh.next)
        {
            orch_processor_count(o, service, values);
            orch_metrics_sample(o, b, families[what].name, "",
                                pt_str(service->name), -1);
            pt_buf_printf(b, " %llu\n", (unsigned long long) values[what]);
        }
    }
}
