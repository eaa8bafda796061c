/*
 * What the orchestrator counts, and METRICS, which tells it as Prometheus
 * reads it.  What can be read off the queue and the pools is read when it is
 * asked for; the rest is counted where it happens.
 */

#ifndef ORCH_METRICS_H
#define ORCH_METRICS_H


/* in the order of the table in orch_metrics.c */
typedef enum {
    ORCH_METRIC_ACCEPTED = 0,    /* jobs whose submission is committed */
    ORCH_METRIC_SUCCEEDED,       /* jobs that ended so */
    ORCH_METRIC_FAILED,
    ORCH_METRIC_CANCELLED,
    ORCH_METRIC_EXPIRED,
    ORCH_METRIC_RETRIES,         /* attempts that are repeated */
    ORCH_METRIC_CACHED,          /* jobs whose result was known */
    ORCH_METRIC_COUNTERS_
} orch_metric_t;

/* seconds, in buckets */
typedef enum {
    ORCH_METRIC_COMMIT = 0,      /* from the statement to its commit */
    ORCH_METRIC_WAIT,            /* from being ready to its claim */
    ORCH_METRIC_RUN,             /* from the claim's commit to the end */
    ORCH_METRIC_TIMES_
} orch_metric_time_t;

#define ORCH_METRIC_BUCKETS  14

typedef struct {
    uint64_t  counters[ORCH_METRIC_COUNTERS_];
    uint64_t  buckets[ORCH_METRIC_TIMES_][ORCH_METRIC_BUCKETS + 1];
    uint64_t  sums_ms[ORCH_METRIC_TIMES_];
} orch_metrics_t;


void orch_metrics_add(orch_t *o, orch_metric_t metric, uint64_t n);
void orch_metrics_observe(orch_t *o, orch_metric_time_t metric, uint64_t ms);

/* the counter of a job's end with that status */
void orch_metrics_ended(orch_t *o, const char *status);

/* METRICS */
void orch_metrics_request(orch_request_t *rq);


#endif /* ORCH_METRICS_H */
