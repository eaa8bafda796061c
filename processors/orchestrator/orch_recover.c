/* From the database into memory. */

#include <stdlib.h>
#include <utlist.h>

#include "orch.h"


/* a processor that survived its orchestrator comes back within this */
#define ORCH_ORPHAN_MS    5000

/* when we were cut off others may have been: they renew within this */
#define ORCH_OTHERS_MS    6000

/* our own renewals come in turn: nothing holds up the database, and others */
#define ORCH_STEADY_MS    2000

/* jobs read at once; the rest when half of them is gone */
#define ORCH_LOAD_MAX     100000


/* of ORCH_SQL_QUEUE_COLUMNS; behind them in some statements, and of
 * ORCH_SQL_SETTLE */
enum {
    COL_JOB = 0, COL_OWNER, COL_SERVICE, COL_ACTION, COL_PRIORITY,
    COL_MAX_ATTEMPTS, COL_ATTEMPT, COL_CRASHES, COL_LOST, COL_LAST_REPORT,
    COL_TIMEOUT, COL_RUN_AT, COL_EXPIRES_AT, COL_STATUS, COL_LEASE_OWNER
};


/* the jobs that one question is about */
typedef struct {
    orch_t    *o;
    size_t     n;
    pt_id_t    ids[];
} orch_settle_t;


static void orch_recover_registered(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_recover_failed(orch_t *o);
static void orch_recover_read(orch_t *o);
static void orch_recover_loaded(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static orch_job_row_t orch_recover_row(const PGresult *res, int row);
static void orch_recover_load(orch_t *o);
static void orch_recover_more(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static int orch_recover_queue(orch_t *o, const PGresult *res);
static void orch_settled(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n);
static void orch_settle_job(orch_t *o, const pt_id_t *id,
    const PGresult *res);
static void orch_recover_cancel_row(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_recover_renewed(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_recover_take_over(orch_t *o, bool ended);
static void orch_recover_took_over(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);


bool
orch_recover_is_done(const orch_t *o)
{
    return o->recover.done;
}


void
orch_recover_start(orch_t *o)
{
    pt_pg_args_t  args = { .n = 0 };

    o->recover.done = false;

    pt_pg_arg_text(&args, pt_str(o->config->name));

    /* what fails is tried again by the tick, or by the next connection */
    o->recover.starting = orch_db_query(o, ORCH_DB_WORK, ORCH_SQL_REGISTER,
                                        &args, orch_recover_registered, o)
                          == PT_OK;
}


/* what is under way ends in doubt by itself; what runs may have changed */
void
orch_recover_stop(orch_t *o)
{
    orch_job_t  *job, *next;

    o->recover.done = false;
    orch_work_drop(o);

    HASH_ITER(hh, o->queue.jobs, job, next) {
        if (job->state != ORCH_JOB_WAITING && job->state != ORCH_JOB_READY) {
            orch_job_doubt(o, job);
        }
    }
}


static void
orch_recover_registered(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    orch_t  *o = ctx;

    if (err == PT_OK && n == 1 && PQntuples(results[0]) == 1) {
        if (o->recover.id == 0 && pt_pg_bool(results[0], 0, 1)) {
            orch_supervisor_hold(o);
        }

        o->recover.id = (int32_t) pt_pg_int(results[0], 0, 0);
        orch_recover_read(o);

    } else {
        orch_recover_failed(o);
    }
}


/* the connection, if it is lost, has been complained about */
static void
orch_recover_failed(orch_t *o)
{
    o->recover.starting = false;

    if (orch_db_get(o, ORCH_DB_WORK)) {
        pt_log(PT_LOG_ERROR, "recover", "could not read the queue, trying "
               "again in a second");
    }
}


static void
orch_recover_read(orch_t *o)
{
    pt_pg_args_t  args = { .n = 0 };

    pt_pg_arg_int4(&args, ORCH_LOAD_MAX);
    pt_pg_arg_int4(&args, ORCH_LOAD_MAX);
    pt_pg_arg_int4(&args, o->recover.id);

    if (orch_db_query(o, ORCH_DB_WORK, ORCH_SQL_OPEN, &args,
                      orch_recover_loaded, o) != PT_OK)
    {
        orch_recover_failed(o);
    }
}


static void
orch_recover_loaded(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    int      running;
    orch_t  *o = ctx;

    if (err != PT_OK || n != 1) {
        orch_recover_failed(o);
        return;
    }

    running = orch_recover_queue(o, results[0]);
    o->recover.starting = false;
    o->recover.done = true;

    pt_log(PT_LOG_INFO, "recover", "knows the queue waiting=%d running=%d",
           PQntuples(results[0]) - running, running);

    /* attempts without a lease, whatever left them behind */
    o->recover.since_ms = orch_loop_ms(o);
    orch_recover_take_over(o, false);
}


void
orch_recover_rows(orch_t *o, const PGresult *res, bool running,
    uint64_t wait_ms)
{
    int             i;
    orch_job_row_t  row;

    for (i = 0; i < PQntuples(res); i++) {
        row = orch_recover_row(res, i);

        if (running) {
            orch_job_orphan(o, &row, wait_ms);

        } else {
            orch_job_admit(o, &row);
        }
    }
}


int
orch_recover_open(orch_t *o, const PGresult *res)
{
    int             i, running = 0;
    orch_job_row_t  row;

    for (i = 0; i < PQntuples(res); i++) {
        row = orch_recover_row(res, i);

        if (pt_str_is(pt_pg_text(res, i, COL_STATUS), "running")) {
            orch_job_orphan(o, &row, ORCH_ORPHAN_MS);
            running++;

        } else {
            orch_job_admit(o, &row);
        }
    }

    return running;
}


/* of the whole of it, or as much as was asked for */
static int
orch_recover_queue(orch_t *o, const PGresult *res)
{
    int  running = orch_recover_open(o, res);

    o->queue.more |= PQntuples(res) - running == ORCH_LOAD_MAX;
    o->recover.low = orch_queue_ready(&o->queue) / 2;

    return running;
}


static orch_job_row_t
orch_recover_row(const PGresult *res, int row)
{
    return (orch_job_row_t) {
        .id = pt_pg_id(res, row, COL_JOB),
        .owner = pt_pg_text(res, row, COL_OWNER),
        .service = pt_pg_text(res, row, COL_SERVICE),
        .action = pt_pg_text(res, row, COL_ACTION),
        .priority = (uint8_t) (pt_pg_int(res, row, COL_PRIORITY) & 3),
        .max_attempts = (uint16_t) pt_pg_int(res, row, COL_MAX_ATTEMPTS),
        .attempt = (uint32_t) pt_pg_int(res, row, COL_ATTEMPT),
        .crashes = (uint32_t) pt_pg_int(res, row, COL_CRASHES),
        .lost = (uint32_t) pt_pg_int(res, row, COL_LOST),
        .last_report = (uint32_t) pt_pg_int(res, row, COL_LAST_REPORT),
        .timeout_s = (uint32_t) pt_pg_int(res, row, COL_TIMEOUT),
        .run_at_ms = pt_pg_time(res, row, COL_RUN_AT),
        .expires_at_ms = pt_pg_time(res, row, COL_EXPIRES_AT)
    };
}


/* more of those that wait, once half of what was read has had its turn */
static void
orch_recover_load(orch_t *o)
{
    bool          room = orch_queue_ready(&o->queue) <= o->recover.low;
    pt_pg_args_t  args = { .n = 0 };

    if (o->recover.loading || !(o->recover.look || (o->queue.more && room))) {
        return;
    }

    pt_pg_arg_int4(&args, ORCH_LOAD_MAX);
    pt_pg_arg_int4(&args, ORCH_LOAD_MAX);

    o->recover.loading = orch_db_query(o, ORCH_DB_READ, ORCH_SQL_READY, &args,
                                       orch_recover_more, o) == PT_OK;

    if (o->recover.loading) {
        /* who finds no room, or comes too late for this, sets them again */
        o->queue.more = o->recover.look = false;
    }
}


void
orch_recover_look(orch_t *o)
{
    o->recover.look = true;
}


static void
orch_recover_more(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    orch_t  *o = ctx;

    o->recover.loading = false;

    if (err == PT_OK && n == 1) {
        (void) orch_recover_queue(o, results[0]);

    } else {
        o->recover.look = true;
    }
}


/* ---- doubts ---- */

void
orch_recover_doubt(orch_t *o, orch_job_t *job)
{
    DL_APPEND(o->recover.doubts, job);
    job->asked = false;
}


void
orch_recover_undoubt(orch_t *o, orch_job_t *job)
{
    DL_DELETE(o->recover.doubts, job);
}


void
orch_recover_flush(orch_t *o)
{
    size_t           n = 0;
    pt_err_t         err;
    orch_job_t      *job;
    pt_pg_args_t     args = { .n = 0 };
    orch_settle_t   *s;
    pt_pg_column_t   ids;

    if (o->recover.doubts == NULL || !orch_recover_is_done(o)) {
        return;
    }

    DL_FOREACH(o->recover.doubts, job) {
        n += !job->asked;
    }

    if (n == 0) {
        return;
    }

    s = malloc(sizeof(*s) + n * sizeof(*s->ids));
    if (s == NULL) {
        return;
    }

    s->o = o;
    s->n = 0;
    pt_pg_column_init(&ids, PT_PG_UUID);

    DL_FOREACH(o->recover.doubts, job) {
        if (!job->asked) {
            job->asked = true;
            s->ids[s->n++] = job->id;
            pt_pg_column_id(&ids, &job->id);
        }
    }

    pt_pg_arg_column(&args, &ids);

    /* on the connection of their transactions: behind the last of them */
    err = orch_db_query(o, ORCH_DB_WORK, ORCH_SQL_SETTLE, &args, orch_settled,
                        s);
    pt_pg_column_done(&ids);

    if (err != PT_OK) {
        orch_settled(s, err, NULL, 0);
    }
}


static void
orch_settled(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    size_t          i;
    orch_t         *o;
    orch_job_t     *job;
    orch_settle_t  *s = ctx;

    o = s->o;

    if (err == PT_OK && n == 1) {
        for (i = 0; i < s->n; i++) {
            orch_settle_job(o, &s->ids[i], results[0]);
        }

    } else {
        DL_FOREACH(o->recover.doubts, job) {
            job->asked = false;
        }
    }

    free(s);
}


static void
orch_settle_job(orch_t *o, const pt_id_t *id, const PGresult *res)
{
    int              i;
    orch_job_t      *job = orch_queue_find(&o->queue, id);
    orch_job_row_t   row = { .attempt = 0 };

    if (job == NULL || job->state != ORCH_JOB_DOUBT) {
        return;
    }

    for (i = 0; i < PQntuples(res); i++) {
        row = orch_recover_row(res, i);

        if (pt_id_eq(&row.id, id)) {
            break;
        }
    }

    if (i == PQntuples(res)) {
        orch_job_is_elsewhere(o, job);

    } else if (!pt_str_is(pt_pg_text(res, i, COL_STATUS), "running")) {
        orch_job_is_waiting(o, job, &row);

    } else if (pt_pg_int(res, i, COL_LEASE_OWNER) == o->recover.id) {
        orch_job_is_running(o, job, &row);

    } else {
        orch_job_is_elsewhere(o, job);
    }
}


/* ---- a CANCEL of a job that is not in memory ---- */

void
orch_recover_cancel(orch_request_t *rq)
{
    pt_err_t         err;
    pt_pg_args_t     args = { .n = 0 };
    pt_pg_column_t   ids;

    pt_pg_column_init(&ids, PT_PG_UUID);
    pt_pg_column_id(&ids, &rq->msg.u.get.id);
    pt_pg_arg_column(&args, &ids);

    err = orch_db_query(rq->o, ORCH_DB_WORK, ORCH_SQL_SETTLE, &args,
                        orch_recover_cancel_row, rq);
    pt_pg_column_done(&ids);

    if (err != PT_OK) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_recover_cancel_row(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    orch_t          *o;
    orch_job_t      *job;
    orch_job_row_t   row;
    orch_request_t  *rq = ctx;

    if (err != PT_OK || n != 1) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
        return;
    }

    o = rq->o;

    if (PQntuples(results[0]) == 0) {
        /* it has ended meanwhile */
        if (rq->tries++ < 2) {
            orch_attempt_cancel(rq);

        } else {
            orch_refuse(rq, PT_E_CONFLICT, "the job has ended");
        }

        return;
    }

    row = orch_recover_row(results[0], 0);
    row.force = true;

    if (orch_queue_find(&o->queue, &row.id) == NULL) {
        if (pt_str_is(pt_pg_text(results[0], 0, COL_STATUS), "running")) {
            orch_job_orphan(o, &row, ORCH_ORPHAN_MS);

        } else {
            orch_job_admit(o, &row);
        }
    }

    job = orch_queue_find(&o->queue, &row.id);

    if (job == NULL) {
        orch_refuse(rq, PT_E_NOMEM, "out of memory");
        return;
    }

    DL_APPEND(job->cancels, rq);

    if (job->state == ORCH_JOB_WAITING || job->state == ORCH_JOB_READY
        || job->state == ORCH_JOB_RUNNING || job->state == ORCH_JOB_ORPHAN)
    {
        orch_cancel_now(o, job);
    }
}


/* ---- leases ---- */

void
orch_recover_tick(orch_t *o)
{
    pt_pg_args_t  args = { .n = 0 };

    if (!orch_recover_is_done(o)) {
        if (!o->recover.starting) {
            orch_recover_start(o);
        }

        return;
    }

    /* what fails now is tried again in a second */
    if (!o->recover.renewing) {
        pt_pg_arg_int4(&args, o->recover.id);
        o->recover.renewing = orch_db_query(o, ORCH_DB_LEASE, ORCH_SQL_RENEW,
                                            &args, orch_recover_renewed, o)
                              == PT_OK;
    }

    orch_recover_load(o);
}


static void
orch_recover_renewed(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    bool       steady;
    orch_t    *o = ctx;
    uint64_t   now = orch_loop_ms(o);

    o->recover.renewing = false;

    if (err != PT_OK || n != 1 || !orch_recover_is_done(o)) {
        return;
    }

    steady = now - o->recover.since_ms > ORCH_OTHERS_MS
             && now - o->recover.renewed_ms < ORCH_STEADY_MS;
    o->recover.renewed_ms = now;
    o->share.others = PQntuples(results[0]) && pt_pg_bool(results[0], 0, 1);

    if (PQntuples(results[0]) == 0) {
        pt_log(PT_LOG_WARN, "recover", "another orchestrator has taken our "
               "jobs over, starting afresh");
        orch_recover_stop(o);
        orch_recover_start(o);

    } else if (steady && pt_pg_bool(results[0], 0, 0)) {
        /* looks at the whole queue: only when there is something to take */
        orch_recover_take_over(o, true);

        /* what waits was in its memory, and may not be in ours */
        orch_recover_look(o);
    }
}


/* where a lost answer means a lost connection: what is ours is read again */
static void
orch_recover_take_over(orch_t *o, bool ended)
{
    pt_pg_args_t  args = { .n = 0 };

    pt_pg_arg_int4(&args, o->recover.id);
    pt_pg_arg_int4(&args, ended);
    (void) orch_db_query(o, ORCH_DB_WORK, ORCH_SQL_TAKE_OVER, &args,
                         orch_recover_took_over, o);
}


static void
orch_recover_took_over(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    orch_t  *o = ctx;

    if (err != PT_OK || n != 1 || PQntuples(results[0]) == 0) {
        return;
    }

    pt_log(PT_LOG_WARN, "recover", "takes over the jobs of an orchestrator "
           "that has died jobs=%d", PQntuples(results[0]));

    orch_recover_rows(o, results[0], true, 0);
}
