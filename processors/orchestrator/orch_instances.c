/* Pools and processors as an admin sees them; usage as its user does. */

#include <time.h>
#include <utlist.h>

#include "orch.h"


static bool orch_instances_may(orch_request_t *rq);
static void orch_instances_reply(orch_request_t *rq, pt_buf_t *buf);
static void orch_instances_pool(pt_jsonw_t *w, const orch_pool_t *pool);
static void orch_instances_child(pt_jsonw_t *w, const orch_child_t *child);
static void orch_instances_processor(pt_jsonw_t *w,
    const orch_processor_t *p);
static void orch_instances_since(pt_jsonw_t *w, const orch_t *o,
    uint64_t loop_ms);
static void orch_usage_done(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_usage_row(pt_jsonw_t *w, const PGresult *res, int row,
    const char *of);
static void orch_usage_stored(pt_jsonw_t *w, const PGresult *res,
    int64_t quota_bytes);
static int64_t orch_month_ms(int64_t now_ms, int months);


/* of USAGE's services, or users */
enum {
    COL_OF = 0, COL_JOBS, COL_SUCCEEDED, COL_FAILED, COL_CACHED, COL_CPU_MS,
    COL_WALL_MS, COL_INPUT_BYTES, COL_OUTPUT_BYTES
};


static bool
orch_instances_may(orch_request_t *rq)
{
    if (!rq->msg.u.request.admin) {
        orch_refuse(rq, PT_E_FORBIDDEN, "for admins only");
        return false;
    }

    return true;
}


void
orch_instances_list(orch_request_t *rq)
{
    orch_t            *o = rq->o;
    pt_buf_t           buf;
    pt_jsonw_t         w;
    orch_pool_t       *pool;
    orch_child_t      *child;
    orch_processor_t  *p, *next;

    if (!orch_instances_may(rq)) {
        return;
    }

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);

    pt_jsonw_key(&w, "orchestrator");
    pt_jsonw_text(&w, o->config->name);

    pt_jsonw_key(&w, "pools");
    pt_jsonw_array(&w);

    LL_FOREACH(o->supervisor.pools, pool) {
        orch_instances_pool(&w, pool);
    }

    pt_jsonw_end(&w);

    pt_jsonw_key(&w, "instances");
    pt_jsonw_array(&w);

    HASH_ITER(hh, o->processors.all, p, next) {
        orch_instances_processor(&w, p);
    }

    LL_FOREACH(o->supervisor.pools, pool) {
        DL_FOREACH(pool->children, child) {
            if (child->processor == NULL) {
                orch_instances_child(&w, child);
            }
        }
    }

    pt_jsonw_end(&w);
    pt_jsonw_end(&w);

    orch_instances_reply(rq, &buf);
}


static void
orch_instances_reply(orch_request_t *rq, pt_buf_t *buf)
{
    if (buf->err == PT_OK) {
        orch_reply(rq, pt_buf_str(buf));

    } else {
        orch_refuse(rq, buf->err, "the answer is too large");
    }

    pt_buf_done(buf);
}


static void
orch_instances_pool(pt_jsonw_t *w, const orch_pool_t *pool)
{
    pt_jsonw_object(w);
    pt_jsonw_key(w, "service");
    pt_jsonw_text(w, pool->service->name);
    pt_jsonw_key(w, "min");
    pt_jsonw_int(w, pool->min);
    pt_jsonw_key(w, "max");
    pt_jsonw_int(w, pool->max);
    pt_jsonw_key(w, "processes");
    pt_jsonw_int(w, pool->n);
    pt_jsonw_key(w, "waiting_jobs");
    pt_jsonw_int(w, (int64_t) pool->service->nready);
    pt_jsonw_key(w, "restarting");
    pt_jsonw_bool(w, pool->renew_ms != 0);
    pt_jsonw_end(w);
}


/* a process that is not READY, or whose connection is lost */
static void
orch_instances_child(pt_jsonw_t *w, const orch_child_t *child)
{
    pt_jsonw_object(w);
    pt_jsonw_key(w, "service");
    pt_jsonw_text(w, child->pool->service->name);
    pt_jsonw_key(w, "state");
    pt_jsonw_text(w, child->leaving ? "leaving" : "starting");
    pt_jsonw_key(w, "pid");
    pt_jsonw_int(w, child->process.pid);
    pt_jsonw_key(w, "remote");
    pt_jsonw_bool(w, false);
    pt_jsonw_key(w, "slots");
    pt_jsonw_int(w, 0);
    pt_jsonw_key(w, "running");
    pt_jsonw_int(w, 0);
    orch_instances_since(w, child->pool->o, child->start_ms);
    pt_jsonw_end(w);
}


static void
orch_instances_processor(pt_jsonw_t *w, const orch_processor_t *p)
{
    unsigned           running = 0;
    const orch_run_t  *run;

    DL_FOREACH(p->runs, run) {
        running++;
    }

    pt_jsonw_object(w);
    pt_jsonw_key(w, "service");
    pt_jsonw_text(w, p->service->name);
    pt_jsonw_key(w, "state");
    pt_jsonw_text(w, p->drain_ms ? "draining" : running ? "busy" : "idle");
    pt_jsonw_key(w, "pid");

    if (p->pid) {
        pt_jsonw_int(w, p->pid);

    } else {
        pt_jsonw_null(w);
    }

    pt_jsonw_key(w, "remote");
    pt_jsonw_bool(w, p->pid == 0);
    pt_jsonw_key(w, "slots");
    pt_jsonw_int(w, p->group ? p->credit / p->group : p->credit);
    pt_jsonw_key(w, "running");
    pt_jsonw_int(w, running);
    orch_instances_since(w, p->o, p->child ? p->child->start_ms
                                           : p->joined_ms);
    pt_jsonw_end(w);
}


static void
orch_instances_since(pt_jsonw_t *w, const orch_t *o, uint64_t loop_ms)
{
    orch_json_time(w, "since",
                   orch_now_ms() - (int64_t) (orch_loop_ms(o) - loop_ms));
}


void
orch_instances_scale(orch_request_t *rq)
{
    pt_buf_t           buf;
    pt_jsonw_t         w;
    orch_pool_t       *pool;
    orch_service_t    *service;
    const pt_scale_t  *m = &rq->msg.u.scale;

    if (!orch_instances_may(rq)) {
        return;
    }

    service = orch_queue_find_service(&rq->o->queue, m->service);
    pool = service ? service->pool : NULL;

    if (pool == NULL) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no pool of processors has this "
                    "service");
        return;
    }

    if (m->min > m->max) {
        orch_refuse(rq, PT_E_INVALID, "min is more than max");
        return;
    }

    pt_log(PT_LOG_INFO, "supervisor", "scaled by an admin service=%s min=%u "
           "max=%u user=%.*s", service->name, m->min, m->max,
           PT_STR_ARG(m->rq.user));

    pool->min = m->min;
    pool->max = m->max;

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    orch_instances_pool(&w, pool);

    orch_instances_reply(rq, &buf);
}


void
orch_instances_restart(orch_request_t *rq)
{
    bool                 found = false;
    pt_buf_t             buf;
    unsigned             n = 0;
    pt_jsonw_t           w;
    orch_pool_t         *pool;
    const pt_restart_t  *m = &rq->msg.u.restart;

    if (!orch_instances_may(rq)) {
        return;
    }

    LL_FOREACH(rq->o->supervisor.pools, pool) {
        if (m->service.data == NULL
            || pt_str_is(m->service, pool->service->name))
        {
            found = true;
            n += orch_pool_renew(pool);
        }
    }

    if (!found && m->service.data) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no pool of processors has this "
                    "service");
        return;
    }

    pt_log(PT_LOG_INFO, "supervisor", "restarted by an admin processes=%u "
           "user=%.*s", n, PT_STR_ARG(m->rq.user));

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "restarting");
    pt_jsonw_int(&w, n);
    pt_jsonw_end(&w);

    orch_instances_reply(rq, &buf);
}


/* ---- usage ---- */

/* of the month that is asked about; stored is what it is now */
void
orch_usage_get(orch_request_t *rq)
{
    pt_id_t        from, to;
    pt_pg_t       *pg = orch_db_get(rq->o, ORCH_DB_READ);
    pt_err_t       err = PT_E_DATABASE;
    pt_str_t       owner;
    pt_pg_args_t   jobs = { .n = 0 }, stored = { .n = 0 };
    pt_usage_t    *m = &rq->msg.u.usage;

    static const uint8_t  zero[10];

    owner = m->owner.data ? m->owner : m->rq.user;

    if ((m->by_user || !pt_str_eq(owner, m->rq.user))
        && !orch_instances_may(rq))
    {
        return;
    }

    if (m->rq.user.len == 0 || !orch_time_is_good(m->month)) {
        orch_refuse(rq, PT_E_INVALID, "usage is a user's, in a month");
        return;
    }

    m->month = orch_month_ms(m->month ? m->month : orch_now_ms(), 0);
    from = pt_id_make((uint64_t) m->month, zero);
    to = pt_id_make((uint64_t) orch_month_ms(m->month, 1), zero);

    if (!m->by_user) {
        pt_pg_arg_text(&jobs, owner);
        pt_pg_arg_text(&stored, owner);
    }

    pt_pg_arg_id(&jobs, &from);
    pt_pg_arg_id(&jobs, &to);
    pt_pg_arg_time(&jobs, m->month);

    if (pg) {
        err = pt_pg_query(pg, m->by_user ? ORCH_SQL_USAGE_USERS
                                         : ORCH_SQL_USAGE, &jobs);
    }

    if (err == PT_OK && !m->by_user) {
        err = pt_pg_query(pg, ORCH_SQL_STORED, &stored);
    }

    if (err == PT_OK) {
        err = pt_pg_commit(pg, orch_usage_done, rq);
    }

    if (err != PT_OK) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_usage_done(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    int              row;
    size_t           want;
    pt_buf_t         buf;
    pt_jsonw_t       w;
    orch_request_t  *rq = ctx;

    const pt_usage_t  *m = &rq->msg.u.usage;

    want = m->by_user ? 1 : 2;

    if (err != PT_OK || n != want
        || (n == 2 && PQntuples(results[1]) != 1))
    {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
        return;
    }

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);
    orch_json_time(&w, "from", m->month);
    orch_json_time(&w, "to", orch_month_ms(m->month, 1));

    pt_jsonw_key(&w, m->by_user ? "users" : "services");
    pt_jsonw_array(&w);

    for (row = 0; row < PQntuples(results[0]); row++) {
        orch_usage_row(&w, results[0], row, m->by_user ? "user" : "service");
    }

    pt_jsonw_end(&w);

    if (!m->by_user) {
        orch_usage_stored(&w, results[1], rq->o->config->quota_bytes);
    }

    pt_jsonw_end(&w);

    orch_instances_reply(rq, &buf);
}


static void
orch_usage_row(pt_jsonw_t *w, const PGresult *res, int row, const char *of)
{
    pt_jsonw_object(w);
    pt_jsonw_key(w, of);
    pt_jsonw_str(w, pt_pg_text(res, row, COL_OF));
    pt_jsonw_key(w, "jobs");
    pt_jsonw_int(w, pt_pg_int(res, row, COL_JOBS));
    pt_jsonw_key(w, "succeeded");
    pt_jsonw_int(w, pt_pg_int(res, row, COL_SUCCEEDED));
    pt_jsonw_key(w, "failed");
    pt_jsonw_int(w, pt_pg_int(res, row, COL_FAILED));
    pt_jsonw_key(w, "cached");
    pt_jsonw_int(w, pt_pg_int(res, row, COL_CACHED));
    pt_jsonw_key(w, "cpu_seconds");
    pt_jsonw_double(w, (double) pt_pg_int(res, row, COL_CPU_MS) / 1000);
    pt_jsonw_key(w, "wall_seconds");
    pt_jsonw_double(w, (double) pt_pg_int(res, row, COL_WALL_MS) / 1000);
    pt_jsonw_key(w, "input_bytes");
    pt_jsonw_int(w, pt_pg_int(res, row, COL_INPUT_BYTES));
    pt_jsonw_key(w, "output_bytes");
    pt_jsonw_int(w, pt_pg_int(res, row, COL_OUTPUT_BYTES));
    pt_jsonw_end(w);
}


static void
orch_usage_stored(pt_jsonw_t *w, const PGresult *res, int64_t quota_bytes)
{
    pt_jsonw_key(w, "stored");
    pt_jsonw_object(w);
    pt_jsonw_key(w, "files");
    pt_jsonw_int(w, pt_pg_int(res, 0, 0));
    pt_jsonw_key(w, "file_bytes");
    pt_jsonw_int(w, pt_pg_int(res, 0, 1));
    pt_jsonw_key(w, "output_bytes");
    pt_jsonw_int(w, pt_pg_int(res, 0, 2));
    pt_jsonw_key(w, "file_bytes_max");

    if (quota_bytes) {
        pt_jsonw_int(w, quota_bytes);

    } else {
        pt_jsonw_null(w);
    }

    pt_jsonw_end(w);
}


/* when the month began, or one that many later, in UTC */
static int64_t
orch_month_ms(int64_t now_ms, int months)
{
    time_t     now = (time_t) (now_ms / 1000);
    struct tm  tm;

    gmtime_r(&now, &tm);

    tm = (struct tm) {
        .tm_year = tm.tm_year,
        .tm_mon = tm.tm_mon + months,
        .tm_mday = 1
    };

    return (int64_t) timegm(&tm) * 1000;
}
