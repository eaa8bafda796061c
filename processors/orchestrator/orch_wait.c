/* Why a job waits. */

#include "orch.h"


/* of the last attempts an average, in which each counts so much */
#define ORCH_WAIT_SHARE  0.125


static const char *orch_wait_reason(orch_t *o, const orch_job_t *job,
    unsigned *ret_slots);


void
orch_wait_measured(orch_job_t *job, uint64_t run_ms)
{
    double  *mean = &job->service->run_ms;

    /* 0 is for "unknown" */
    *mean = *mean == 0 ? (double) run_ms + 0.001
                       : *mean + ((double) run_ms - *mean) * ORCH_WAIT_SHARE;
}


void
orch_wait_write(orch_t *o, const pt_id_t *id, pt_buf_t *buf)
{
    size_t       ahead;
    unsigned     slots;
    pt_jsonw_t   w;
    orch_job_t  *job = orch_queue_find(&o->queue, id);

    if (job == NULL || (job->state != ORCH_JOB_WAITING
                        && job->state != ORCH_JOB_READY))
    {
        return;
    }

    pt_jsonw_init(&w, buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "reason");

    if (job->state == ORCH_JOB_WAITING) {
        pt_jsonw_text(&w, job->attempt ? "retry" : "schedule");
        orch_json_time(&w, "estimated_start_at", job->run_at_ms);

    } else {
        pt_jsonw_text(&w, orch_wait_reason(o, job, &slots));
        ahead = orch_queue_ahead(job);
        pt_jsonw_key(&w, "position");
        pt_jsonw_int(&w, (int64_t) ahead);

        if (job->service->run_ms > 0 && slots) {
            orch_json_time(&w, "estimated_start_at", orch_now_ms()
                           + (int64_t) ((double) ahead * job->service->run_ms
                                        / slots));
        }
    }

    pt_jsonw_end(&w);
}


static const char *
orch_wait_reason(orch_t *o, const orch_job_t *job, unsigned *ret_slots)
{
    uint64_t               values[3];
    const orch_service_t  *service = job->service;

    orch_processor_count(o, job->service, values);
    *ret_slots = (unsigned) values[1];

    if (job->of->parked) {
        return "user_limit";
    }

    if (service->limits.running && service->running >= service->limits.running)
    {
        return "service_limit";
    }

    return values[0] ? "turn" : "no_processor";
}
