/* CANCEL. */

#include <utlist.h>

#include "orch.h"


static void orch_cancel_pretend(orch_request_t *rq);
static void orch_cancel_unknown(orch_request_t *rq, const PGresult *res);
static void orch_cancel_read(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);


void
orch_attempt_cancel(orch_request_t *rq)
{
    pt_pg_args_t  args = { .n = 0 };

    /* the owner first: the database knows */
    pt_pg_arg_id(&args, &rq->msg.u.get.id);
    pt_pg_arg_text(&args, orch_request_owner(rq));

    if (orch_db_query(rq->o, ORCH_DB_READ, ORCH_SQL_JOB, &args,
                      orch_cancel_read, rq) != PT_OK)
    {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_cancel_read(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    orch_t          *o;
    orch_job_t      *job;
    orch_request_t  *rq = ctx;

    if (err != PT_OK || n != 1) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
        return;
    }

    o = rq->o;
    job = orch_queue_find(&o->queue, &rq->msg.u.get.id);

    if (PQntuples(results[0]) == 0 || job == NULL) {
        orch_cancel_unknown(rq, results[0]);
        return;
    }

    if (ORCH_FAULT("cancel-forgotten")) {
        orch_cancel_pretend(rq);
        return;
    }

    DL_APPEND(job->cancels, rq);

    switch (job->state) {

    case ORCH_JOB_WAITING:
    case ORCH_JOB_READY:
    case ORCH_JOB_RUNNING:
    case ORCH_JOB_ORPHAN:
        orch_cancel_now(o, job);
        break;

    default:
        /* its transaction decides first, and then looks for cancels */
        break;
    }
}


/* a planted fault's answer */
static void
orch_cancel_pretend(orch_request_t *rq)
{
    pt_buf_t    buf;
    pt_jsonw_t  w;

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);
    orch_json_id(&w, "id", &rq->msg.u.get.id);
    pt_jsonw_key(&w, "status");
    pt_jsonw_text(&w, "cancelled");
    pt_jsonw_end(&w);

    orch_read_reply(rq, &buf);
}


/* ended, not theirs, or not in this memory */
static void
orch_cancel_unknown(orch_request_t *rq, const PGresult *res)
{
    pt_str_t  status;

    if (PQntuples(res) == 0) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no such job");
        return;
    }

    status = pt_pg_text(res, 0, 4);

    if (pt_str_is(status, "cancelled")) {
        orch_read_job(rq, &rq->msg.u.get.id);

    } else if (pt_str_is(status, "queued") || pt_str_is(status, "retrying")
               || pt_str_is(status, "running"))
    {
        orch_recover_cancel(rq);

    } else {
        orch_refuse(rq, PT_E_CONFLICT, "the job has ended");
    }
}


void
orch_cancel_now(orch_t *o, orch_job_t *job)
{
    /* whatever the processor does: it has no standing from the commit on */
    orch_attempt_stop(o, job);
    orch_job_end(o, job, "cancelled", NULL, 0, PT_STR_NULL);
}


/* those who asked get the job as it is now */
void
orch_cancels_answer(orch_job_t *job)
{
    orch_request_t  *rq;

    while ((rq = job->cancels) != NULL) {
        DL_DELETE(job->cancels, rq);
        orch_attempt_cancel(rq);
    }
}
