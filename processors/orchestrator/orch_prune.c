/* Rows that have been kept long enough. */

#include "orch.h"


/* rows of one statement: some milliseconds of the database's */
#define ORCH_PRUNE_ROWS   200

/* when there was less than that of all kinds */
#define ORCH_PRUNE_MS     10000


static bool orch_prune_args(orch_t *o, orch_sql_t sql, pt_pg_args_t *args,
    pt_id_t *below);
static void orch_prune_done(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);


static const orch_sql_t  orch_prunes[] = {
    ORCH_SQL_PRUNE_JOBS, ORCH_SQL_PRUNE_OUTPUTS, ORCH_SQL_PRUNE_FILES,
    ORCH_SQL_PRUNE_KEYS
};

#define ORCH_PRUNES  (sizeof(orch_prunes) / sizeof(orch_prunes[0]))


void
orch_prune_tick(orch_t *o)
{
    pt_id_t        below;
    orch_sql_t     sql = orch_prunes[o->prune.what];
    pt_pg_args_t   args = { .n = 0 };

    if (o->prune.asked || o->stop_ms || orch_loop_ms(o) < o->prune.next_ms
        || !orch_recover_is_done(o))
    {
        return;
    }

    if (!orch_prune_args(o, sql, &args, &below)) {
        orch_prune_done(o, PT_OK, NULL, 0);
        return;
    }

    o->prune.asked = orch_db_query(o, ORCH_DB_READ, sql, &args,
                                   orch_prune_done, o) == PT_OK;
}


/* false: there is nothing of that kind to do */
static bool
orch_prune_args(orch_t *o, orch_sql_t sql, pt_pg_args_t *args,
    pt_id_t *below)
{
    int64_t          before;
    const unsigned  *keep = o->config->keep_s;

    if (sql == ORCH_SQL_PRUNE_JOBS || sql == ORCH_SQL_PRUNE_OUTPUTS) {

        /* they go with their jobs */
        if (sql == ORCH_SQL_PRUNE_OUTPUTS
            && keep[ORCH_KEEP_OUTPUTS] >= keep[ORCH_KEEP_JOBS])
        {
            return false;
        }

        before = orch_now_ms()
                 - 1000LL * keep[sql == ORCH_SQL_PRUNE_JOBS
                                 ? ORCH_KEEP_JOBS : ORCH_KEEP_OUTPUTS];

        /* what has ended before was made before: ids are in that order */
        *below = orch_id_of_time(before);

        pt_pg_arg_id(args, below);
        pt_pg_arg_time(args, before);
    }

    pt_pg_arg_int4(args, ORCH_PRUNE_ROWS);

    return true;
}


static void
orch_prune_done(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    orch_t  *o = ctx;

    o->prune.asked = false;

    if (err == PT_OK && n == 1 && PQntuples(results[0]) > 0) {
        pt_log(PT_LOG_DEBUG, "prune", "removed what was kept long enough "
               "kind=%u rows=%d", o->prune.what, PQntuples(results[0]));

        if (PQntuples(results[0]) >= ORCH_PRUNE_ROWS) {
            return;
        }
    }

    o->prune.what = (o->prune.what + 1) % ORCH_PRUNES;

    if (o->prune.what == 0) {
        o->prune.next_ms = orch_loop_ms(o)
                           + (o->config->orphans_ms < ORCH_PRUNE_MS
                              ? o->config->orphans_ms : ORCH_PRUNE_MS);
    }
}
