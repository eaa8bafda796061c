/* States of jobs, and their attempts. */

#include <stdlib.h>
#include <utlist.h>

#include "orch.h"


/* after its own deadline, a processor has this long to say how it ended */
#define ORCH_DEADLINE_GRACE_MS  5000


static bool orch_job_push(orch_t *o, orch_job_t *job);
static void orch_job_wait(orch_t *o, orch_job_t *job);
static bool orch_job_may_expire(const orch_job_t *job);
static bool orch_job_is_late(const orch_job_t *job);
static void orch_job_update(orch_job_t *job, const orch_job_row_t *row);
static void orch_job_timer(orch_t *o, orch_job_t *job, uint64_t after_ms);
static void orch_job_timer_stop(orch_job_t *job);
static void orch_job_alarm(uv_timer_t *timer);
static void orch_timer_closed(uv_handle_t *handle);

static bool orch_claim(orch_t *o, orch_job_t *job, orch_processor_t *p);
static void orch_claim_assign(orch_t *o, orch_job_t *job,
    const pt_assign_t *assign);
static void orch_attempt_deadline(orch_t *o, orch_job_t *job);
static void orch_run_free(orch_t *o, orch_job_t *job);

static void orch_attempt_again(orch_t *o, orch_job_t *job,
    orch_fault_t fault, const orch_reason_t *reason, uint32_t report,
    uint32_t delay_ms);
static void orch_attempt_timeout(orch_t *o, orch_job_t *job);


static const char *const  orch_state_names[] = {
    "new", "waiting", "ready", "claiming", "running", "orphan", "ending",
    "doubt", "gone"
};

#define TO(state)  (1u << ORCH_JOB_##state)

/* who may follow whom */
static const unsigned  orch_state_next[] = {
    [ORCH_JOB_NEW]      = TO(WAITING) | TO(READY) | TO(CLAIMING) | TO(ORPHAN)
                          | TO(GONE),
    [ORCH_JOB_WAITING]  = TO(WAITING) | TO(READY) | TO(ENDING) | TO(DOUBT) | TO(GONE),
    [ORCH_JOB_READY]    = TO(CLAIMING) | TO(ENDING) | TO(DOUBT) | TO(GONE),
    [ORCH_JOB_CLAIMING] = TO(RUNNING) | TO(READY) | TO(DOUBT),
    [ORCH_JOB_RUNNING]  = TO(ENDING) | TO(DOUBT),
    [ORCH_JOB_ORPHAN]   = TO(RUNNING) | TO(ENDING) | TO(DOUBT),
    [ORCH_JOB_ENDING]   = TO(WAITING) | TO(READY) | TO(DOUBT) | TO(GONE),
    [ORCH_JOB_DOUBT]    = TO(WAITING) | TO(READY) | TO(RUNNING) | TO(ORPHAN)
                          | TO(GONE),
    [ORCH_JOB_GONE]     = 0
};


/* checks, sets, logs, and keeps the lists: a ring has who is READY */
bool
orch_job_to(orch_t *o, orch_job_t *job, orch_job_state_t state)
{
    if (!(orch_state_next[job->state] & (1u << state))) {
        pt_log(PT_LOG_ERROR, "attempt", "a job cannot go from %s to %s, "
               "asking where it stands job=%s", orch_state_names[job->state],
               orch_state_names[state], pt_log_id(&job->id));

        if (orch_state_next[job->state] & TO(DOUBT)) {
            orch_job_doubt(o, job);
        }

        return false;
    }

    if (pt_log_on(PT_LOG_DEBUG)) {
        pt_log(PT_LOG_DEBUG, "attempt", "%s -> %s job=%s attempt=%u",
               orch_state_names[job->state], orch_state_names[state],
               pt_log_id(&job->id), job->attempt);
    }

    if (job->state == ORCH_JOB_READY) {
        orch_queue_remove(job);

    } else if (job->state == ORCH_JOB_DOUBT) {
        orch_recover_undoubt(o, job);
    }

    orch_job_timer_stop(job);

    job->state = state;

    return state == ORCH_JOB_READY ? orch_job_push(o, job) : true;
}


/* without memory it is not forgotten: the database has it */
static bool
orch_job_push(orch_t *o, orch_job_t *job)
{
    if (orch_queue_push(job, orch_loop_ms(o)) == PT_OK) {
        return true;
    }

    o->queue.more = true;
    orch_job_gone(o, job);

    return false;
}


void
orch_job_admit(orch_t *o, const orch_job_row_t *row)
{
    orch_job_t  *job;

    job = orch_queue_find(&o->queue, &row->id);

    if (job) {
        /* an answer may be on its way that does not know of it yet */
        if (job->state == ORCH_JOB_DOUBT) {
            orch_recover_look(o);
        }

        return;
    }

    job = orch_job_make(o, row, row->force);

    if (job) {
        orch_job_wait(o, job);
    }
}


/* NULL: no room; the database keeps it until there is */
orch_job_t *
orch_job_make(orch_t *o, const orch_job_row_t *row, bool force)
{
    orch_job_t      *job = NULL;
    orch_service_t  *service;

    service = orch_queue_service(&o->queue, row->service);

    if (service
        && (force || orch_queue_room(&o->queue, service, row->owner,
                                     row->priority)))
    {
        job = orch_queue_new(&o->queue, &row->id, service, row->owner,
                             row->action);
    }

    if (job == NULL) {
        o->queue.more = true;
        return NULL;
    }

    job->priority = row->priority;
    job->max_attempts = row->max_attempts;
    job->timeout_s = row->timeout_s;
    job->expires_at_ms = row->expires_at_ms;
    orch_job_update(job, row);

    return job;
}


/* what changes while a job is open */
static void
orch_job_update(orch_job_t *job, const orch_job_row_t *row)
{
    job->attempt = row->attempt;
    job->crashes = row->crashes;
    job->lost = row->lost;
    job->run_at_ms = row->run_at_ms;
}


/* into its ring, or, before its time, to sleep; it may not wait for ever */
static void
orch_job_wait(orch_t *o, orch_job_t *job)
{
    bool     early;
    int64_t  alarm_ms, now = orch_now_ms();

    early = job->run_at_ms > now;

    if (!orch_job_to(o, job, early ? ORCH_JOB_WAITING : ORCH_JOB_READY)) {
        return;
    }

    alarm_ms = early ? job->run_at_ms : 0;

    if (orch_job_may_expire(job)
        && (alarm_ms == 0 || job->expires_at_ms < alarm_ms))
    {
        alarm_ms = job->expires_at_ms;
    }

    if (alarm_ms) {
        orch_job_timer(o, job, alarm_ms > now ? (uint64_t) (alarm_ms - now)
                                              : 0);
    }
}


/* before its first start only */
static bool
orch_job_may_expire(const orch_job_t *job)
{
    return job->expires_at_ms && job->attempt == 0;
}


static bool
orch_job_is_late(const orch_job_t *job)
{
    return orch_job_may_expire(job) && job->expires_at_ms <= orch_now_ms();
}


void
orch_job_orphan(orch_t *o, const orch_job_row_t *row, uint64_t wait_ms)
{
    orch_job_t  *job;

    job = orch_queue_find(&o->queue, &row->id);

    if (job) {
        /* somebody else began what waits here, and has died since */
        if (job->state == ORCH_JOB_WAITING || job->state == ORCH_JOB_READY) {
            orch_job_doubt(o, job);
        }

        return;
    }

    job = orch_job_make(o, row, true);
    if (job == NULL) {
        return;
    }

    job->run = orch_run_new(job);

    if (job->run == NULL) {
        orch_job_gone(o, job);
        o->queue.more = true;
        return;
    }

    job->run->taken = job->run->committed = row->last_report;
    job->run->outputs = row->last_report > 0;

    if (orch_job_to(o, job, ORCH_JOB_ORPHAN)) {
        orch_job_timer(o, job, wait_ms);
    }
}


void
orch_job_doubt(orch_t *o, orch_job_t *job)
{
    if (job->state == ORCH_JOB_DOUBT || job->state == ORCH_JOB_GONE) {
        return;
    }

    if (orch_job_to(o, job, ORCH_JOB_DOUBT)) {
        orch_recover_doubt(o, job);
    }
}


/* it waits in the database: an attempt that we had of it has no standing */
void
orch_job_is_waiting(orch_t *o, orch_job_t *job, const orch_job_row_t *row)
{
    orch_attempt_stop(o, job);
    orch_run_free(o, job);
    orch_job_update(job, row);

    if (job->cancels) {
        if (orch_job_to(o, job, ORCH_JOB_READY)) {
            orch_cancel_now(o, job);
        }

        return;
    }

    orch_job_wait(o, job);
}


/* it runs under our lease; whether our attempt does depends on its number */
void
orch_job_is_running(orch_t *o, orch_job_t *job, const orch_job_row_t *row)
{
    orch_run_t  *run = job->run;

    if (run && run->processor && run->assigned && job->attempt == row->attempt)
    {
        /* reports that were on their way are repeated from here */
        run->taken = run->committed = row->last_report;

        if (orch_job_to(o, job, ORCH_JOB_RUNNING)) {
            orch_attempt_deadline(o, job);

            if (job->cancels) {
                orch_cancel_now(o, job);

            } else if (run->poisoned) {
                orch_job_poisoned(o, job);
            }
        }

        return;
    }

    /* claimed, and never assigned: another attempt, without a grudge */
    orch_job_update(job, row);

    if (run == NULL) {
        run = job->run = orch_run_new(job);
    }

    if (run == NULL || !orch_job_to(o, job, ORCH_JOB_ORPHAN)) {
        return;
    }

    run->taken = run->committed = row->last_report;
    run->outputs = row->last_report > 0;

    if (job->cancels) {
        orch_cancel_now(o, job);
        return;
    }

    orch_attempt_abandon(o, run, ORCH_FAULT_LOST,
                         "the database was away when it began");
}


/* ended, or somebody else's now */
void
orch_job_is_elsewhere(orch_t *o, orch_job_t *job)
{
    orch_attempt_stop(o, job);
    orch_cancels_answer(job);
    orch_job_gone(o, job);
}


void
orch_job_gone(orch_t *o, orch_job_t *job)
{
    if (job->state == ORCH_JOB_READY) {
        orch_queue_remove(job);

    } else if (job->state == ORCH_JOB_DOUBT) {
        orch_recover_undoubt(o, job);
    }

    orch_job_timer_stop(job);
    orch_run_free(o, job);
    orch_queue_free(&o->queue, job);
}


void
orch_job_forget_all(orch_t *o)
{
    orch_job_t  *job, *next;

    HASH_ITER(hh, o->queue.jobs, job, next) {
        while (job->cancels) {
            orch_request_t  *rq = job->cancels;

            DL_DELETE(job->cancels, rq);
            orch_refuse(rq, PT_E_UNAVAILABLE, "shutting down");
        }

        orch_job_gone(o, job);
    }
}


static void
orch_job_timer(orch_t *o, orch_job_t *job, uint64_t after_ms)
{
    if (job->timer == NULL) {
        job->timer = malloc(sizeof(uv_timer_t));

        if (job->timer == NULL) {
            pt_log(PT_LOG_ERROR, "attempt", "no memory for a timer job=%s",
                   pt_log_id(&job->id));
            return;
        }

        uv_timer_init(&o->loop, job->timer);
        job->timer->data = job;
    }

    uv_timer_start(job->timer, orch_job_alarm, after_ms, 0);
}


static void
orch_job_timer_stop(orch_job_t *job)
{
    if (job->timer) {
        uv_close((uv_handle_t *) job->timer, orch_timer_closed);
        job->timer = NULL;
    }
}


static void
orch_timer_closed(uv_handle_t *handle)
{
    free(handle);
}


static void
orch_job_alarm(uv_timer_t *timer)
{
    orch_t      *o = timer->loop->data;
    orch_job_t  *job = timer->data;

    switch (job->state) {

    case ORCH_JOB_WAITING:
    case ORCH_JOB_READY:

        if (orch_job_is_late(job)) {
            orch_job_end(o, job, "expired", NULL, 0, PT_STR_NULL);

        } else if (job->state == ORCH_JOB_WAITING) {
            orch_job_wait(o, job);

        } else if (orch_job_may_expire(job)) {
            /* the loop's clock and the wall's differ by a little */
            orch_job_timer(o, job, (uint64_t) (job->expires_at_ms
                                               - orch_now_ms()));
        }

        break;

    case ORCH_JOB_RUNNING:
        orch_attempt_timeout(o, job);
        break;

    case ORCH_JOB_ORPHAN:
        orch_attempt_abandon(o, job->run, ORCH_FAULT_LOST,
                             "its processor did not come back");
        break;

    default:
        break;
    }
}


pt_str_t
orch_job_owner(const orch_job_t *job)
{
    return pt_str(job->owner);
}


/* ---- claiming and assigning ---- */

void
orch_assign(orch_t *o)
{
    orch_job_t        *job;
    orch_service_t    *service, *next;
    orch_processor_t  *p;

    if (!orch_recover_is_done(o) || o->stop_ms || orch_work_is_held(o)) {
        return;
    }

    HASH_ITER(hh, o->queue.services, service, next) {
        while ((job = orch_queue_peek(service, orch_loop_ms(o))) != NULL) {
            p = orch_processor_free(o, job);

            if (p == NULL) {
                orch_supervisor_want(o, service);
                break;
            }

            orch_queue_take(job);

            if (!orch_claim(o, job, p)) {
                break;
            }
        }
    }
}


/* job has left its ring already */
static bool
orch_claim(orch_t *o, orch_job_t *job, orch_processor_t *p)
{
    orch_item_t  *item;

    if (orch_job_is_late(job)) {
        orch_job_end(o, job, "expired", NULL, 0, PT_STR_NULL);
        return true;
    }

    job->run = orch_run_new(job);
    item = job->run ? orch_item_new(job, ORCH_ITEM_CLAIM) : NULL;

    if (item == NULL) {
        orch_run_free(o, job);
        orch_job_push(o, job);
        return false;
    }

    item->attempt = ++job->attempt;
    orch_json_state(&item->body, "running", job->attempt, orch_now_ms(), 0,
                    NULL, false);

    orch_processor_take(p, job->run);

    orch_metrics_observe(o, ORCH_METRIC_WAIT, orch_loop_ms(o) - job->ready_ms);

    if (orch_job_to(o, job, ORCH_JOB_CLAIMING)) {
        orch_work_add(o, item);
    }

    return true;
}


orch_run_t *
orch_run_new(orch_job_t *job)
{
    orch_run_t  *run;

    run = calloc(1, sizeof(*run));

    if (run) {
        run->job = job;
        orch_queue_started(job);
    }

    return run;
}


static void
orch_run_free(orch_t *o, orch_job_t *job)
{
    if (job->run) {
        orch_processor_release(o, job->run);
        orch_queue_stopped(job);
        free(job->run);
        job->run = NULL;
    }
}


void
orch_claim_done(orch_t *o, orch_item_t *item, const PGresult *res, int row)
{
    pt_str_t      inputs = pt_pg_text(res, row, 6);
    orch_job_t   *job = item->job;
    pt_assign_t   assign;

    if (job->state != ORCH_JOB_CLAIMING) {
        return;
    }

    orch_publish(o, &job->id, orch_job_owner(job),
                 (uint32_t) pt_pg_int(res, row, 1), "state",
                 pt_buf_str(&item->body));

    assign = (pt_assign_t) {
        .job = job->id,
        .attempt = job->attempt,
        .action = pt_str(job->action),
        .params = pt_pg_text(res, row, 2),
        .deadline_ms = job->timeout_s * 1000ULL,
        .user = orch_job_owner(job),
        .role = pt_pg_text(res, row, 3),
        .user_type = pt_pg_text(res, row, 4),
        .traceparent = pt_pg_text(res, row, 5),
        .inputs = inputs.data ? inputs : PT_STR("[]")
    };

    orch_claim_known(o, job, &assign, pt_pg_bool(res, row, 7));
}


void
orch_claim_known(orch_t *o, orch_job_t *job, const pt_assign_t *assign,
    bool no_cache)
{
    if (job->run->processor == NULL || job->cancels
        || !orch_cache_ask(o, job, assign, no_cache))
    {
        orch_claim_begin(o, job, assign);
    }
}


void
orch_claim_begin(orch_t *o, orch_job_t *job, const pt_assign_t *assign)
{
    if (!orch_job_to(o, job, ORCH_JOB_RUNNING)) {
        return;
    }

    job->run->began_ms = orch_loop_ms(o);

    if (job->cancels) {
        orch_cancel_now(o, job);

    } else if (job->run->processor == NULL || job->run->processor->drain_ms) {
        orch_attempt_abandon(o, job->run, ORCH_FAULT_LOST,
                             "its processor left before it began");

    } else {
        orch_claim_assign(o, job, assign);
    }
}


static void
orch_claim_assign(orch_t *o, orch_job_t *job, const pt_assign_t *assign)
{
    pt_err_t           err;
    pt_msg_t           msg = { .command = PT_CMD_ASSIGN };
    orch_processor_t  *p;

    msg.u.assign = *assign;
    job->run->assigned = true;

    orch_attempt_deadline(o, job);

    if (orch_processor_offer(job->run->processor, assign->action) == NULL) {
        orch_attempt_fault(o, job, ORCH_FAULT_REFUSED, &(orch_reason_t) {
            .code = PT_STR("unknown_action"),
            .detail = PT_STR("no processor offers this action") }, 0,
            PT_STR_NULL);
        return;
    }

    p = job->run->processor;
    err = orch_processor_post(o, p, &msg);

    if (err == PT_E_INVALID) {
        orch_attempt_fault(o, job, ORCH_FAULT_REFUSED, &(orch_reason_t) {
            .code = PT_STR("internal"),
            .detail = PT_STR("the job cannot be sent to a processor") }, 0,
            PT_STR_NULL);

    } else if (err != PT_OK) {
        /* one that lives says READY again after its next heartbeat */
        orch_processor_gone(o, p, ORCH_FAULT_LOST,
                            "its processor could not be reached");
    }
}


bool
orch_attempt_adopt(orch_t *o, orch_processor_t *p, const pt_id_t *id,
    uint32_t attempt)
{
    orch_job_t  *job = orch_queue_find(&o->queue, id);

    if (job == NULL || job->attempt != attempt || job->run == NULL) {
        return false;
    }

    if (job->run->processor == p) {
        return true;
    }

    if (job->state != ORCH_JOB_ORPHAN
        || !orch_job_to(o, job, ORCH_JOB_RUNNING))
    {
        return false;
    }

    orch_processor_take(p, job->run);
    job->run->assigned = true;

    orch_attempt_deadline(o, job);

    return true;
}


/* its processor ends it in time, if it can */
static void
orch_attempt_deadline(orch_t *o, orch_job_t *job)
{
    if (job->timeout_s) {
        orch_job_timer(o, job, job->timeout_s * 1000ULL
                               + ORCH_DEADLINE_GRACE_MS);
    }
}


/* ---- ends ---- */

void
orch_attempt_abandon(orch_t *o, orch_run_t *run, orch_fault_t fault,
    const char *why)
{
    orch_job_t     *job = run->job;
    orch_reason_t   reason = { .detail = pt_str(why) };

    orch_processor_release(o, run);

    /* the others are on their way: their commit finds no processor */
    if (job->state != ORCH_JOB_RUNNING && job->state != ORCH_JOB_ORPHAN) {
        return;
    }

    reason.code = pt_str(pt_err_code(fault == ORCH_FAULT_CRASHED
                                     ? PT_E_CRASHED : PT_E_UNAVAILABLE));

    orch_attempt_fault(o, job, fault, &reason, 0, PT_STR_NULL);
}


/* the attempt ended without success: another, or the end of the job */
void
orch_attempt_fault(orch_t *o, orch_job_t *job, orch_fault_t fault,
    const orch_reason_t *reason, uint32_t report, pt_str_t usage)
{
    bool      again;
    uint32_t  delay_ms = 0;

    again = orch_retry(&(orch_tries_t) {
        .attempt = job->attempt,
        .crashes = job->crashes,
        .lost = job->lost,
        .max_attempts = job->max_attempts }, fault, orch_random(), &delay_ms);

    pt_log(fault == ORCH_FAULT_CRASHED ? PT_LOG_WARN : PT_LOG_DEBUG,
           "attempt", "an attempt ended without success, %s: %.*s "
           "code=%.*s job=%s attempt=%u", again ? "trying again" : "giving up",
           PT_STR_ARG(reason->detail), PT_STR_ARG(reason->code),
           pt_log_id(&job->id), job->attempt);

    if (report) {
        job->run->taken = report;
        orch_processor_rest(o, job->run);
    }

    if (again) {
        orch_attempt_again(o, job, fault, reason, report, delay_ms);

    } else {
        orch_job_end(o, job, "failed", reason, report, usage);
    }
}


static void
orch_attempt_again(orch_t *o, orch_job_t *job, orch_fault_t fault,
    const orch_reason_t *reason, uint32_t report, uint32_t delay_ms)
{
    int64_t       now = orch_now_ms();
    orch_item_t  *item;

    item = orch_item_new(job, ORCH_ITEM_REQUEUE);

    if (item == NULL) {
        orch_job_doubt(o, job);
        return;
    }

    item->report = report;
    item->crashes = fault == ORCH_FAULT_CRASHED;
    item->lost = fault == ORCH_FAULT_LOST;
    item->run_at_ms = now + delay_ms;

    /* forgotten in memory alone, it would be found again */
    if (ORCH_FAULT("lost-retry")) {
        item->run_at_ms += 86400000;
    }

    orch_json_state(&item->body, "retrying", job->attempt, now,
                    item->run_at_ms, reason, job->run->outputs);

    if (orch_job_to(o, job, ORCH_JOB_ENDING)) {
        orch_work_add(o, item);
    }
}


/* without success; from a ring too, which it has left or leaves here */
void
orch_job_end(orch_t *o, orch_job_t *job, const char *status,
    const orch_reason_t *reason, uint32_t report, pt_str_t usage)
{
    bool          withdrawn = job->run && job->run->outputs;
    orch_item_t  *item;

    item = orch_item_new(job, ORCH_ITEM_END);

    if (item == NULL) {
        orch_job_doubt(o, job);
        return;
    }

    item->report = report;
    item->running = job->run != NULL;
    item->status = status;

    if (reason) {
        item->extra_type = "error";
        orch_json_error(&item->extra, reason);
    }

    if (usage.data) {
        pt_buf_add_str(&item->usage, usage);
    }

    orch_json_state(&item->body, status, job->attempt, orch_now_ms(), 0, NULL,
                    withdrawn);

    if (orch_job_to(o, job, ORCH_JOB_ENDING)) {
        orch_work_add(o, item);
    }
}


void
orch_end_done(orch_t *o, orch_item_t *item, const PGresult *res, int row)
{
    uint32_t     seq = (uint32_t) pt_pg_int(res, row, 1);
    orch_job_t  *job = item->job;

    if (item->extra_type) {
        orch_publish(o, &job->id, orch_job_owner(job), ++seq,
                     item->extra_type, pt_buf_str(&item->extra));
    }

    orch_publish(o, &job->id, orch_job_owner(job), ++seq, "state",
                 pt_buf_str(&item->body));

    orch_metrics_ended(o, item->status);

    if (job->state == ORCH_JOB_GONE) {
        return;
    }

    if (job->run && job->run->began_ms) {
        orch_wait_measured(job, orch_loop_ms(o) - job->run->began_ms);
        orch_metrics_observe(o, ORCH_METRIC_RUN,
                             orch_loop_ms(o) - job->run->began_ms);
    }

    if (item->report && job->run && job->run->processor) {
        orch_processor_ack(o, job->run->processor, &job->id, item->attempt,
                           item->report);

    } else {
        orch_attempt_stop(o, job);
    }

    orch_cancels_answer(job);
    orch_job_gone(o, job);
}


void
orch_requeue_done(orch_t *o, orch_item_t *item, const PGresult *res, int row)
{
    orch_job_t  *job = item->job;

    orch_publish(o, &job->id, orch_job_owner(job),
                 (uint32_t) pt_pg_int(res, row, 1), "state",
                 pt_buf_str(&item->body));

    orch_metrics_add(o, ORCH_METRIC_RETRIES, 1);

    if (job->state != ORCH_JOB_ENDING) {
        return;
    }

    if (item->report && job->run->processor) {
        orch_processor_ack(o, job->run->processor, &job->id, item->attempt,
                           item->report);

    } else {
        orch_attempt_stop(o, job);
    }

    orch_run_free(o, job);
    job->crashes += item->crashes;
    job->lost += item->lost;
    job->run_at_ms = item->run_at_ms;

    if (!job->cancels) {
        orch_job_wait(o, job);

    } else if (orch_job_to(o, job, ORCH_JOB_READY)) {
        orch_cancel_now(o, job);
    }
}


/* its processor, if it was told to begin, is told to stop */
void
orch_attempt_stop(orch_t *o, orch_job_t *job)
{
    pt_msg_t  msg = { .command = PT_CMD_CANCEL_ATTEMPT };

    if (job->run && job->run->processor && job->run->assigned) {
        msg.u.attempt.job = job->id;
        msg.u.attempt.attempt = job->attempt;
        (void) orch_processor_post(o, job->run->processor, &msg);
    }
}


static void
orch_attempt_timeout(orch_t *o, orch_job_t *job)
{
    /* told now, not after the commit: it works in vain */
    orch_attempt_stop(o, job);

    orch_attempt_fault(o, job, ORCH_FAULT_FAILED, &(orch_reason_t) {
        .code = PT_STR("timeout"),
        .detail = PT_STR("it took longer than its timeout") }, 0,
        PT_STR_NULL);
}


void
orch_job_poisoned(orch_t *o, orch_job_t *job)
{
    if (job->state == ORCH_JOB_GONE) {
        return;
    }

    if (job->state == ORCH_JOB_RUNNING) {
        orch_attempt_fault(o, job, ORCH_FAULT_REFUSED, &(orch_reason_t) {
            .code = PT_STR("internal"),
            .detail = PT_STR("what its processor reported cannot be "
                             "stored") }, 0, PT_STR_NULL);
        return;
    }

    /* an end was: where it stands first, and then the same */
    if (job->run) {
        job->run->poisoned = true;
    }

    orch_job_doubt(o, job);
}
