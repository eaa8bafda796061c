/* Several orchestrators, one queue; and jobs that nobody has in memory. */

#include <utlist.h>

#include "orch.h"


/* attempts of one question */
#define ORCH_SHARE_RUNS   10000

/* jobs taken at once: some seconds' work, or others' turns would suffer */
#define ORCH_SHARE_JOBS   64

/* who is alone looks so often, in tenths of a second: a lost connection's last
 * transaction may be committed after all was read again */
#define ORCH_SHARE_ALONE_TICKS  50


static void orch_share_ask(orch_t *o);
static void orch_share_ended(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_share_look(orch_t *o);
static bool orch_share_is_idle(orch_t *o, orch_service_t *service);
static void orch_share_found(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);


void
orch_share_tick(orch_t *o)
{
    if (!orch_recover_is_done(o) || o->stop_ms) {
        return;
    }

    if (o->share.others && !o->share.asking) {
        orch_share_ask(o);
    }

    if (!o->share.looking
        && (o->share.others || o->ticks % ORCH_SHARE_ALONE_TICKS == 0))
    {
        orch_share_look(o);
    }
}


/* which of our attempts the database does not have any more */
static void
orch_share_ask(orch_t *o)
{
    unsigned           n = 0;
    orch_run_t        *run;
    pt_pg_args_t       args = { .n = 0 };
    pt_pg_column_t     jobs, attempts;
    orch_processor_t  *p, *next;

    pt_pg_column_init(&jobs, PT_PG_UUID);
    pt_pg_column_init(&attempts, PT_PG_INT4);

    HASH_ITER(hh, o->processors.all, p, next) {
        DL_FOREACH(p->runs, run) {
            if (run->job->state == ORCH_JOB_RUNNING && n < ORCH_SHARE_RUNS) {
                pt_pg_column_id(&jobs, &run->job->id);
                pt_pg_column_int4(&attempts, (int32_t) run->job->attempt);
                n++;
            }
        }
    }

    if (n) {
        pt_pg_arg_column(&args, &jobs);
        pt_pg_arg_column(&args, &attempts);
        o->share.asking = orch_db_query(o, ORCH_DB_READ, ORCH_SQL_ENDED, &args,
                                        orch_share_ended, o) == PT_OK;
    }

    pt_pg_column_done(&jobs);
    pt_pg_column_done(&attempts);
}


static void
orch_share_ended(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    int          row;
    orch_t      *o = ctx;
    pt_id_t      id;
    orch_job_t  *job;

    o->share.asking = false;

    if (err != PT_OK || n != 1) {
        return;
    }

    for (row = 0; row < PQntuples(results[0]); row++) {
        id = pt_pg_id(results[0], row, 0);
        job = orch_queue_find(&o->queue, &id);

        /* what ended here meanwhile, or is about to, is not concerned */
        if (job && job->state == ORCH_JOB_RUNNING
            && job->attempt == (uint32_t) pt_pg_int(results[0], row, 1))
        {
            orch_job_doubt(o, job);
        }
    }
}


static void
orch_share_look(orch_t *o)
{
    unsigned         n = 0;
    pt_pg_args_t     args = { .n = 0 };
    pt_pg_column_t   services;
    orch_service_t  *service, *next;

    pt_pg_column_init(&services, PT_PG_TEXT);

    HASH_ITER(hh, o->queue.services, service, next) {
        if (orch_share_is_idle(o, service)) {
            pt_pg_column_text(&services, pt_str(service->name));
            n++;
        }
    }

    if (n) {
        pt_pg_arg_column(&args, &services);
        pt_pg_arg_int4(&args, ORCH_SHARE_JOBS);
        pt_pg_arg_int4(&args, o->recover.id);
        o->share.looking = orch_db_query(o, ORCH_DB_READ, ORCH_SQL_WAITING,
                                         &args, orch_share_found, o) == PT_OK;
    }

    pt_pg_column_done(&services);
}


/* no job is ready for it, and a processor has room, or could be started */
static bool
orch_share_is_idle(orch_t *o, orch_service_t *service)
{
    uint64_t  values[3];

    if (service->nready || !orch_supervisor_offers(o, pt_str(service->name))) {
        return false;
    }

    orch_processor_count(o, service, values);

    return values[0] == 0 || values[2] < values[1];
}


static void
orch_share_found(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    orch_t  *o = ctx;

    o->share.looking = false;

    if (err == PT_OK && n == 1) {
        (void) orch_recover_open(o, results[0]);
    }
}
