/* Jobs that begin with their accept. */

#include "orch.h"


static bool orch_begin_may(orch_t *o, const orch_job_row_t *row);
static orch_job_t *orch_begin_find(orch_t *o, const pt_id_t *id);


bool
orch_begin_try(orch_t *o, const orch_job_row_t *row)
{
    orch_job_t        *job;
    orch_processor_t  *p;

    if (!orch_begin_may(o, row)) {
        return false;
    }

    job = orch_job_make(o, row, true);
    if (job == NULL) {
        return false;
    }

    p = orch_processor_free(o, job);

    if (p == NULL) {
        orch_supervisor_expect(o, job->service);

    } else if (!job->of->parked) {
        job->run = orch_run_new(job);
    }

    if (job->run == NULL) {
        orch_job_gone(o, job);
        return false;
    }

    job->attempt = 1;
    orch_processor_take(p, job->run);
    orch_metrics_observe(o, ORCH_METRIC_WAIT, 0);

    return orch_job_to(o, job, ORCH_JOB_CLAIMING);
}


/* whoever waits has the next turn; files are looked up by a claim */
static bool
orch_begin_may(orch_t *o, const orch_job_row_t *row)
{
    orch_service_t  *service;

    if (!orch_recover_is_done(o) || o->stop_ms || orch_work_is_held(o)
        || row->expires_at_ms || row->run_at_ms > orch_now_ms()
        || orch_queue_find(&o->queue, &row->id))
    {
        return false;
    }

    service = orch_queue_find_service(&o->queue, row->service);

    return service && service->nready == 0
           && (service->limits.running == 0
               || service->running < service->limits.running);
}


void
orch_begin_done(orch_t *o, const orch_job_row_t *row, const pt_submit_t *s)
{
    orch_job_t   *job = orch_queue_find(&o->queue, &row->id);
    pt_assign_t   assign;

    if (job == NULL) {
        /* it was asked for too early, and was not there yet */
        orch_job_orphan(o, row, 0);
        return;
    }

    if (job->state == ORCH_JOB_DOUBT) {
        /* this answer is newer than the one that is on its way */
        orch_job_is_running(o, job, row);
        return;
    }

    if (job->state != ORCH_JOB_CLAIMING) {
        return;
    }

    assign = (pt_assign_t) {
        .job = job->id,
        .attempt = job->attempt,
        .action = pt_str(job->action),
        .params = s->params,
        .deadline_ms = job->timeout_s * 1000ULL,
        .user = orch_job_owner(job),
        .role = s->rq.role,
        .user_type = s->user_type,
        .traceparent = s->rq.traceparent,
        .inputs = PT_STR("[]")
    };

    orch_claim_known(o, job, &assign, s->no_cache != 0);
}


void
orch_begin_undo(orch_t *o, const pt_id_t *id)
{
    orch_job_t  *job = orch_begin_find(o, id);

    if (job) {
        orch_job_is_elsewhere(o, job);
    }
}


void
orch_begin_doubt(orch_t *o, const pt_id_t *id)
{
    orch_job_t  *job = orch_begin_find(o, id);

    if (job) {
        orch_job_doubt(o, job);
    }
}


static orch_job_t *
orch_begin_find(orch_t *o, const pt_id_t *id)
{
    orch_job_t  *job = orch_queue_find(&o->queue, id);

    return job && job->state == ORCH_JOB_CLAIMING ? job : NULL;
}
