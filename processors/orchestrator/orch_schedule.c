/* Schedules and their ticks. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <utlist.h>

#include "orch.h"
#include "orch_cron.h"


/* ticks under way at once; more are seen a second later */
#define ORCH_TICKS_MAX     100

/* a submission that is refused for now is tried again, so often */
#define ORCH_TICK_TRIES    300


/* of ORCH_SQL_SCHEDULE_COLUMNS */
enum {
    COL_ID = 0, COL_OWNER, COL_ROLE, COL_USER_TYPE, COL_NAME, COL_CRON,
    COL_TIME_ZONE, COL_SERVICE, COL_ACTION, COL_PRIORITY, COL_PARAMS,
    COL_METADATA, COL_INPUTS, COL_WEBHOOK_URL, COL_MAX_ATTEMPTS, COL_TIMEOUT,
    COL_NEXT_AT, COL_PAUSED, COL_PROBLEM, COL_LAST_AT, COL_LAST_JOB,
    COL_CREATED_AT
};


struct orch_tick_s {
    orch_tick_t  *prev, *next;
    orch_t       *o;
    pt_id_t       id;
    int64_t       at_ms;           /* the tick; the row names it still */
    int64_t       next_ms;
    pt_id_t       job;
    char          owner[PT_USER_MAX + 1];
    char          role[PT_NAME_MAX + 1];
    char          user_type[PT_NAME_MAX + 1];
    char          tier[PT_NAME_MAX + 1];
};


static void orch_schedule_ids(pt_pg_args_t *args, pt_pg_column_t *ids);
static bool orch_schedule_check(orch_request_t *rq, int64_t *ret_next_ms);
static void orch_schedule_refuse(orch_request_t *rq, const char *pointer,
    const char *detail);
static pt_err_t orch_schedule_next(pt_str_t cron, pt_str_t time_zone,
    int64_t after_ms, int64_t *ret_next_ms, const char **ret_why);
static void orch_schedule_added(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_schedule_missing(orch_request_t *rq, const PGresult *res);
static void orch_schedule_read(orch_request_t *rq, const pt_id_t *id,
    pt_pg_done_fn done);
static void orch_schedule_got(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_schedule_listed(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static bool orch_schedule_rows(orch_request_t *rq, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_schedule_json(pt_jsonw_t *w, const PGresult *res, int row);
static void orch_schedule_seen(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_schedule_run(orch_request_t *rq, const PGresult *res);
static void orch_schedule_ran(void *ctx, pt_err_t err, pt_str_t text,
    pt_str_t errors);
static void orch_schedule_changed(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static pt_submit_t orch_schedule_submit(const PGresult *res);

static void orch_schedules_due(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_tick_begin(orch_t *o, const PGresult *res, int row);
static void orch_tick_user(void *ctx, pt_err_t err, const orch_user_t *user);
static void orch_tick_row(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n);
static void orch_tick_submit(orch_tick_t *t, const PGresult *res);
static void orch_tick_submitted(void *ctx, pt_err_t err, pt_str_t text,
    pt_str_t errors);
static void orch_tick_move(orch_tick_t *t, bool pause, pt_str_t problem);
static void orch_tick_moved(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n);
static void orch_tick_free(orch_tick_t *t);
static void orch_copy(char *to, size_t size, pt_str_t s);


/* what a tick's key stands for is the tick itself */
static const uint8_t  orch_tick_sha256[32];


/* ---- requests ---- */

void
orch_schedule_add(orch_request_t *rq)
{
    size_t                     i;
    int64_t                    next_ms;
    pt_id_t                    id;
    pt_pg_t                   *pg;
    pt_err_t                   err = PT_E_DATABASE;
    pt_pg_args_t               files = { .n = 0 }, args = { .n = 0 };
    pt_pg_column_t             ids;
    const pt_schedule_add_t   *m = &rq->msg.u.schedule_add;

    if (!orch_schedule_check(rq, &next_ms) || !orch_seal_schedule(rq)) {
        return;
    }

    pt_pg_column_init(&ids, PT_PG_UUID);

    for (i = 0; i < m->inputs.len; i += sizeof(id.bytes)) {
        memcpy(id.bytes, m->inputs.data + i, sizeof(id.bytes));
        pt_pg_column_id(&ids, &id);
    }

    orch_schedule_ids(&files, &ids);
    pt_pg_arg_text(&files, m->rq.user);

    pt_pg_arg_id(&args, &m->id);
    pt_pg_arg_text(&args, m->rq.user);
    pt_pg_arg_text(&args, m->rq.role);
    pt_pg_arg_text(&args, m->user_type);
    pt_pg_arg_text(&args, m->name);
    pt_pg_arg_text(&args, m->cron);
    pt_pg_arg_text(&args, m->time_zone);
    pt_pg_arg_text(&args, m->service);
    pt_pg_arg_text(&args, m->action);
    pt_pg_arg_int4(&args, m->priority);
    pt_pg_arg_text(&args, m->params);
    pt_pg_arg_text(&args, m->metadata);
    orch_schedule_ids(&args, &ids);
    pt_pg_arg_text(&args, m->webhook_url);
    pt_pg_arg_int4(&args, m->max_attempts);
    pt_pg_arg_int4(&args, (int32_t) m->timeout_s);
    pt_pg_arg_time(&args, next_ms);

    pg = orch_db_get(rq->o, ORCH_DB_READ);

    if (pg) {
        err = pt_pg_query(pg, ORCH_SQL_FILES_MISSING, &files);
    }

    if (err == PT_OK) {
        err = pt_pg_query(pg, ORCH_SQL_SCHEDULE_ADD, &args);
    }

    if (err == PT_OK) {
        err = pt_pg_commit(pg, orch_schedule_added, rq);
    }

    pt_pg_column_done(&ids);

    if (err != PT_OK) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


/* a column of nothing is no array */
static void
orch_schedule_ids(pt_pg_args_t *args, pt_pg_column_t *ids)
{
    if (ids->n) {
        pt_pg_arg_column(args, ids);

    } else {
        pt_pg_arg_text(args, PT_STR_NULL);
    }
}


/* false: it is refused */
static bool
orch_schedule_check(orch_request_t *rq, int64_t *ret_next_ms)
{
    pt_err_t                  err;
    const char               *why;
    const pt_schedule_add_t  *m = &rq->msg.u.schedule_add;

    if (!orch_users_known(rq->o)) {
        orch_refuse(rq, PT_E_UNAVAILABLE, "nobody can say who a user is when "
                    "a job is due: there is no platform/user.sql");
        return false;
    }

    if (!orch_webhook_check(rq, m->webhook_url)) {
        return false;
    }

    if (m->rq.user.len == 0 || !orch_supervisor_offers(rq->o, m->service)) {
        orch_refuse(rq, PT_E_UNKNOWN_ACTION,
                    "no processor offers this service");
        return false;
    }

    err = orch_schedule_next(m->cron, m->time_zone, orch_now_ms(),
                             ret_next_ms, &why);

    if (err == PT_E_NOT_FOUND) {
        orch_schedule_refuse(rq, "/time_zone", why);

    } else if (err == PT_E_INVALID) {
        orch_schedule_refuse(rq, "/cron", why);

    } else if (err != PT_OK) {
        orch_refuse(rq, err, why);
    }

    return err == PT_OK;
}


static void
orch_schedule_refuse(orch_request_t *rq, const char *pointer,
    const char *detail)
{
    char  errors[256];

    snprintf(errors, sizeof(errors), "[{\"pointer\":\"%s\",\"detail\":"
             "\"%s\"}]", pointer, detail);

    orch_refuse_with(rq, PT_E_INVALID, "the schedule cannot be one", 0,
                     pt_str(errors));
}


/* PT_E_INVALID of the expression, PT_E_NOT_FOUND of the zone */
static pt_err_t
orch_schedule_next(pt_str_t text, pt_str_t time_zone, int64_t after_ms,
    int64_t *ret_next_ms, const char **ret_why)
{
    int64_t       next;
    pt_err_t      err;
    orch_cron_t   cron;
    orch_zone_t  *zone;

    err = orch_cron_parse(text, &cron, ret_why);
    if (err != PT_OK) {
        return err;
    }

    err = orch_zone_open(time_zone, &zone);

    if (err != PT_OK) {
        *ret_why = err == PT_E_NOT_FOUND
                   ? "is no time zone such as Europe/Berlin"
                   : "the time zone could not be read";
        return err;
    }

    next = orch_cron_next(&cron, zone, after_ms / 1000);
    orch_zone_free(zone);

    if (next == 0) {
        *ret_why = "never comes";
        return PT_E_INVALID;
    }

    *ret_next_ms = next * 1000;
    return PT_OK;
}


static void
orch_schedule_added(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    orch_request_t  *rq = ctx;

    if (!orch_schedule_rows(rq, err, results, n)) {
        return;
    }

    if (PQntuples(results[0]) > 0) {
        orch_schedule_missing(rq, results[0]);
        return;
    }

    /* there now or before, or there are too many */
    rq->tries = 1;
    orch_schedule_read(rq, &rq->msg.u.schedule_add.id, orch_schedule_got);
}


static void
orch_schedule_missing(orch_request_t *rq, const PGresult *res)
{
    int         i;
    char        id_text[PT_ID_TEXT_LEN];
    pt_id_t     id;
    pt_buf_t    buf, detail;
    pt_jsonw_t  w;

    pt_buf_init(&buf, &pt_mem_heap, PT_INPUTS_MAX * 128);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_array(&w);

    for (i = 0; i < PQntuples(res); i++) {
        id = pt_pg_id(res, i, 0);
        pt_id_format(&id, id_text);

        pt_buf_init(&detail, &pt_mem_heap, 64);
        pt_buf_printf(&detail, "no such file: %.*s", PT_ID_TEXT_LEN, id_text);

        pt_jsonw_object(&w);
        pt_jsonw_key(&w, "pointer");
        pt_jsonw_text(&w, "");
        pt_jsonw_key(&w, "detail");
        pt_jsonw_str(&w, pt_buf_str(&detail));
        pt_jsonw_end(&w);
        pt_buf_done(&detail);
    }

    pt_jsonw_end(&w);
    orch_refuse_with(rq, PT_E_UNKNOWN_FILE, "a file does not exist", 0,
                     buf.err == PT_OK ? pt_buf_str(&buf) : PT_STR_NULL);
    pt_buf_done(&buf);
}


void
orch_schedule_get(orch_request_t *rq)
{
    orch_schedule_read(rq, &rq->msg.u.get.id, orch_schedule_got);
}


static void
orch_schedule_read(orch_request_t *rq, const pt_id_t *id, pt_pg_done_fn done)
{
    pt_pg_args_t  args = { .n = 0 };

    pt_pg_arg_id(&args, id);
    pt_pg_arg_text(&args, orch_request_owner(rq));

    if (orch_db_query(rq->o, ORCH_DB_READ, ORCH_SQL_SCHEDULE, &args, done, rq)
        != PT_OK)
    {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_schedule_got(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    pt_buf_t         buf;
    pt_jsonw_t       w;
    orch_request_t  *rq = ctx;

    if (!orch_schedule_rows(rq, err, results, n)) {
        return;
    }

    if (PQntuples(results[0]) == 0) {
        if (rq->msg.command == PT_CMD_SCHEDULE_ADD) {
            orch_refuse(rq, PT_E_QUOTA, "a user has 100 schedules at most");

        } else {
            orch_refuse(rq, PT_E_NOT_FOUND, "no such schedule");
        }

        return;
    }

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    orch_schedule_json(&w, results[0], 0);

    if (buf.err == PT_OK) {
        orch_reply(rq, pt_buf_str(&buf));

    } else {
        orch_refuse(rq, buf.err, "the answer is too large");
    }

    pt_buf_done(&buf);
}


void
orch_schedule_list(orch_request_t *rq)
{
    pt_pg_args_t  args = { .n = 0 };

    pt_pg_arg_text(&args, rq->msg.u.request.user);

    if (orch_db_query(rq->o, ORCH_DB_READ, ORCH_SQL_SCHEDULES, &args,
                      orch_schedule_listed, rq) != PT_OK)
    {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_schedule_listed(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    int              row;
    pt_buf_t         buf;
    pt_jsonw_t       w;
    orch_request_t  *rq = ctx;

    if (!orch_schedule_rows(rq, err, results, n)) {
        return;
    }

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "schedules");
    pt_jsonw_array(&w);

    for (row = 0; row < PQntuples(results[0]); row++) {
        orch_schedule_json(&w, results[0], row);
    }

    pt_jsonw_end(&w);
    pt_jsonw_end(&w);

    if (buf.err == PT_OK) {
        orch_reply(rq, pt_buf_str(&buf));

    } else {
        orch_refuse(rq, buf.err, "the answer is too large");
    }

    pt_buf_done(&buf);
}


/* false: it is refused */
static bool
orch_schedule_rows(orch_request_t *rq, pt_err_t err, PGresult *const *results,
    size_t n)
{
    (void) results;

    if (err == PT_OK && n > 0) {
        return true;
    }

    if (err == PT_E_INVALID) {
        orch_refuse(rq, PT_E_INVALID, "a value cannot be stored");

    } else {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }

    return false;
}


/* as its owner sees it; a list has no params */
static void
orch_schedule_json(pt_jsonw_t *w, const PGresult *res, int row)
{
    bool      paused = pt_pg_bool(res, row, COL_PAUSED);
    pt_id_t   id;
    pt_str_t  json;

    static const char *const  priorities[] = {
        "low", "normal", "high", "urgent"
    };

    pt_jsonw_object(w);

    id = pt_pg_id(res, row, COL_ID);
    orch_json_id(w, "id", &id);
    pt_jsonw_key(w, "name");
    pt_jsonw_str(w, pt_pg_text(res, row, COL_NAME));
    pt_jsonw_key(w, "cron");
    pt_jsonw_str(w, pt_pg_text(res, row, COL_CRON));
    pt_jsonw_key(w, "time_zone");
    pt_jsonw_str(w, pt_pg_text(res, row, COL_TIME_ZONE));
    pt_jsonw_key(w, "service");
    pt_jsonw_str(w, pt_pg_text(res, row, COL_SERVICE));
    pt_jsonw_key(w, "action");
    pt_jsonw_str(w, pt_pg_text(res, row, COL_ACTION));
    pt_jsonw_key(w, "priority");
    pt_jsonw_text(w, priorities[pt_pg_int(res, row, COL_PRIORITY) & 3]);

    json = pt_pg_text(res, row, COL_PARAMS);

    if (json.data) {
        pt_jsonw_key(w, "params");
        orch_json_params(w, json);
    }

    json = pt_pg_text(res, row, COL_METADATA);
    pt_jsonw_key(w, "metadata");
    pt_jsonw_raw(w, json.data ? json : PT_STR("null"));

    pt_jsonw_key(w, "paused");
    pt_jsonw_bool(w, paused);
    pt_jsonw_key(w, "problem");
    pt_jsonw_str(w, pt_pg_text(res, row, COL_PROBLEM));
    orch_json_time(w, "next_at", paused ? 0
                                        : pt_pg_time(res, row, COL_NEXT_AT));
    orch_json_time(w, "last_at", pt_pg_time(res, row, COL_LAST_AT));
    id = pt_pg_id(res, row, COL_LAST_JOB);
    orch_json_id(w, "last_job", &id);
    orch_json_time(w, "created_at", pt_pg_time(res, row, COL_CREATED_AT));

    pt_jsonw_end(w);
}


void
orch_schedule_change(orch_request_t *rq)
{
    orch_schedule_read(rq, &rq->msg.u.schedule_change.id, orch_schedule_seen);
}


static void
orch_schedule_seen(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    int64_t                       next_ms = 0;
    const char                   *why;
    pt_pg_args_t                  args = { .n = 0 };
    orch_request_t               *rq = ctx;
    const pt_schedule_change_t   *m = &rq->msg.u.schedule_change;

    if (!orch_schedule_rows(rq, err, results, n)) {
        return;
    }

    if (PQntuples(results[0]) == 0) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no such schedule");
        return;
    }

    if ((m->change == PT_SCHEDULE_RUN || m->change == PT_SCHEDULE_RESUME)
        && !pt_str_eq(m->rq.user, pt_pg_text(results[0], 0, COL_OWNER)))
    {
        orch_refuse(rq, PT_E_FORBIDDEN, "a schedule runs for its owner, who "
                    "alone may resume it or have it run now");
        return;
    }

    if (m->change == PT_SCHEDULE_RUN) {
        orch_schedule_run(rq, results[0]);
        return;
    }

    if (m->change == PT_SCHEDULE_RESUME
        && orch_schedule_next(pt_pg_text(results[0], 0, COL_CRON),
                              pt_pg_text(results[0], 0, COL_TIME_ZONE),
                              orch_now_ms(), &next_ms, &why) != PT_OK)
    {
        orch_refuse(rq, PT_E_CONFLICT, why);
        return;
    }

    /* a pause and a resume change nothing where there is nothing to change */
    pt_pg_arg_id(&args, &m->id);

    if (m->change != PT_SCHEDULE_DELETE) {
        pt_pg_arg_int4(&args, m->change);
        pt_pg_arg_time(&args, next_ms);
        pt_pg_arg_text(&args, m->rq.role);
        pt_pg_arg_text(&args, m->user_type);
    }

    if (orch_db_query(rq->o, ORCH_DB_READ,
                      m->change == PT_SCHEDULE_DELETE
                      ? ORCH_SQL_SCHEDULE_DELETE : ORCH_SQL_SCHEDULE_CHANGE,
                      &args, orch_schedule_changed, rq) != PT_OK)
    {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_schedule_changed(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    orch_request_t  *rq = ctx;

    if (!orch_schedule_rows(rq, err, results, n)) {
        return;
    }

    if (rq->msg.u.schedule_change.change == PT_SCHEDULE_DELETE) {
        orch_reply(rq, PT_STR("{}"));
        return;
    }

    orch_schedule_read(rq, &rq->msg.u.schedule_change.id, orch_schedule_got);
}


/* with the rights of who asks, who is its owner */
static void
orch_schedule_run(orch_request_t *rq, const PGresult *res)
{
    pt_err_t                      err;
    pt_msg_t                      msg = { .command = PT_CMD_SUBMIT };
    const pt_schedule_change_t   *m = &rq->msg.u.schedule_change;

    msg.u.submit = orch_schedule_submit(res);
    msg.u.submit.rq = m->rq;
    msg.u.submit.user_type = m->user_type;
    msg.u.submit.job = m->job;

    err = orch_request_own(rq->o, &msg, orch_schedule_ran, rq);

    if (err != PT_OK) {
        orch_refuse(rq, err, "the job could not be made");
    }
}


static void
orch_schedule_ran(void *ctx, pt_err_t err, pt_str_t text, pt_str_t errors)
{
    char             detail[256];
    orch_request_t  *rq = ctx;

    if (err == PT_OK) {
        orch_reply(rq, text);
        return;
    }

    orch_copy(detail, sizeof(detail), text);
    orch_refuse_with(rq, err, detail, pt_err_retryable(err) ? 1 : 0, errors);
}


/* the job that a schedule's row describes, without user and id */
static pt_submit_t
orch_schedule_submit(const PGresult *res)
{
    return (pt_submit_t) {
        .service = pt_pg_text(res, 0, COL_SERVICE),
        .action = pt_pg_text(res, 0, COL_ACTION),
        .priority = (uint8_t) (pt_pg_int(res, 0, COL_PRIORITY) & 3),
        .body_sha256 = orch_tick_sha256,
        .params = pt_pg_text(res, 0, COL_PARAMS),
        .metadata = pt_pg_text(res, 0, COL_METADATA),
        .inputs = pt_pg_text(res, 0, COL_INPUTS),
        .webhook_url = pt_pg_text(res, 0, COL_WEBHOOK_URL),
        .max_attempts = (uint16_t) pt_pg_int(res, 0, COL_MAX_ATTEMPTS),
        .timeout_s = (uint32_t) pt_pg_int(res, 0, COL_TIMEOUT)
    };
}


/* ---- ticks ---- */

void
orch_schedules_tick(orch_t *o)
{
    pt_pg_args_t  args = { .n = 0 };

    if (o->schedules.asking || o->stop_ms || !orch_users_known(o)
        || !orch_recover_is_done(o) || o->schedules.n >= ORCH_TICKS_MAX)
    {
        return;
    }

    o->schedules.asking = orch_db_query(o, ORCH_DB_READ,
                                        ORCH_SQL_SCHEDULES_DUE, &args,
                                        orch_schedules_due, o) == PT_OK;
}


static void
orch_schedules_due(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    int      row;
    orch_t  *o = ctx;

    o->schedules.asking = false;

    if (err != PT_OK || n != 1 || o->stop_ms) {
        return;
    }

    for (row = 0; row < PQntuples(results[0])
                  && o->schedules.n < ORCH_TICKS_MAX; row++)
    {
        orch_tick_begin(o, results[0], row);
    }
}


static void
orch_tick_begin(orch_t *o, const PGresult *res, int row)
{
    pt_id_t       id = pt_pg_id(res, row, 0);
    orch_tick_t  *t;

    DL_FOREACH(o->schedules.ticks, t) {
        if (pt_id_eq(&t->id, &id)) {
            return;
        }
    }

    t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return;
    }

    t->o = o;
    t->id = id;
    t->at_ms = pt_pg_time(res, row, 2);
    orch_copy(t->owner, sizeof(t->owner), pt_pg_text(res, row, 1));

    DL_APPEND(o->schedules.ticks, t);
    o->schedules.n++;

    if (orch_user_ask(o, pt_str(t->owner), orch_tick_user, t) != PT_OK) {
        /* seen again in a second */
        orch_tick_free(t);
    }
}


static void
orch_tick_user(void *ctx, pt_err_t err, const orch_user_t *user)
{
    orch_tick_t   *t = ctx;
    pt_pg_args_t   args = { .n = 0 };

    if (err == PT_E_NOT_FOUND) {
        orch_tick_move(t, true, PT_STR("its owner is gone or banned"));
        return;
    }

    if (err != PT_OK) {
        orch_tick_free(t);
        return;
    }

    orch_copy(t->role, sizeof(t->role), user->role);
    orch_copy(t->user_type, sizeof(t->user_type), user->user_type);
    orch_copy(t->tier, sizeof(t->tier), user->tier);

    pt_pg_arg_id(&args, &t->id);
    pt_pg_arg_text(&args, pt_str(t->owner));

    if (orch_db_query(t->o, ORCH_DB_READ, ORCH_SQL_SCHEDULE, &args,
                      orch_tick_row, t) != PT_OK)
    {
        orch_tick_free(t);
    }
}


static void
orch_tick_row(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    orch_tick_t      *t = ctx;
    const char       *why;
    const PGresult   *res;

    res = err == PT_OK && n == 1 ? results[0] : NULL;

    if (res == NULL || PQntuples(res) == 0 || pt_pg_bool(res, 0, COL_PAUSED)
        || pt_pg_time(res, 0, COL_NEXT_AT) != t->at_ms)
    {
        /* somebody was faster */
        orch_tick_free(t);
        return;
    }

    if (!pt_str_is(pt_pg_text(res, 0, COL_ROLE), t->role)
        || !pt_str_is(pt_pg_text(res, 0, COL_USER_TYPE), t->user_type))
    {
        orch_tick_move(t, true, PT_STR("its owner's role or user type has "
                                       "changed: resume it to go on"));
        return;
    }

    /* ticks that were missed are this one */
    if (orch_schedule_next(pt_pg_text(res, 0, COL_CRON),
                           pt_pg_text(res, 0, COL_TIME_ZONE), orch_now_ms(),
                           &t->next_ms, &why) != PT_OK)
    {
        orch_tick_move(t, true, pt_str(why));
        return;
    }

    orch_tick_submit(t, res);
}


static void
orch_tick_submit(orch_tick_t *t, const PGresult *res)
{
    char       key[64], id[PT_ID_TEXT_LEN];
    uint8_t    noise[10];
    pt_msg_t   msg = { .command = PT_CMD_SUBMIT };

    pt_id_format(&t->id, id);
    snprintf(key, sizeof(key), "schedule %.*s %lld", PT_ID_TEXT_LEN, id,
             (long long) t->at_ms);

    if (getrandom(noise, sizeof(noise), GRND_NONBLOCK) != sizeof(noise)) {
        orch_tick_free(t);
        return;
    }

    msg.u.submit = orch_schedule_submit(res);
    msg.u.submit.rq = (pt_request_t) {
        .user = pt_str(t->owner),
        .role = pt_str(t->role),
        .tier = pt_str(t->tier)
    };
    msg.u.submit.user_type = pt_str(t->user_type);
    msg.u.submit.job = pt_id_make((uint64_t) orch_now_ms(), noise);
    msg.u.submit.idempotency_key = pt_str(key);

    if (orch_request_own(t->o, &msg, orch_tick_submitted, t) != PT_OK) {
        orch_tick_move(t, true, PT_STR("its job could not be made"));
    }
}


static void
orch_tick_submitted(void *ctx, pt_err_t err, pt_str_t text, pt_str_t errors)
{
    char          problem[256];
    pt_json_t    *job;
    orch_tick_t  *t = ctx;

    (void) errors;

    if (err == PT_OK && pt_json_parse(text, &pt_mem_heap, &job, NULL) == PT_OK)
    {
        if (pt_id_parse(pt_json_string(job, "id", PT_STR("")), &t->job)
            != PT_OK)
        {
            memset(&t->job, 0, sizeof(t->job));
        }

        pt_json_free(job);
        orch_tick_move(t, false, PT_STR_NULL);
        return;
    }

    if (err == PT_OK || (pt_err_retryable(err)
                         && orch_now_ms() - t->at_ms
                            < ORCH_TICK_TRIES * 1000))
    {
        /* full, or no database: seen again in a second, until too old */
        orch_tick_free(t);
        return;
    }

    snprintf(problem, sizeof(problem), "%s: %.*s", pt_err_code(err),
             PT_STR_ARG(text));

    /* what cannot work the next time either stops it */
    orch_tick_move(t, err == PT_E_UNKNOWN_FILE || err == PT_E_UNKNOWN_ACTION
                      || err == PT_E_INVALID, pt_str(problem));
}


/* on from the tick that was seen, if nobody has done so */
static void
orch_tick_move(orch_tick_t *t, bool pause, pt_str_t problem)
{
    pt_pg_args_t  args = { .n = 0 };

    if (problem.data) {
        pt_log(PT_LOG_WARN, "schedule", "%s a schedule: %.*s schedule=%s",
               pause ? "pausing" : "no job of", PT_STR_ARG(problem),
               pt_log_id(&t->id));
    }

    pt_pg_arg_id(&args, &t->id);
    pt_pg_arg_time(&args, t->at_ms);
    pt_pg_arg_time(&args, t->next_ms ? t->next_ms : t->at_ms);
    pt_pg_arg_int4(&args, pause);
    pt_pg_arg_text(&args, problem);
    pt_pg_arg_id_opt(&args, &t->job);

    if (orch_db_query(t->o, ORCH_DB_READ, ORCH_SQL_SCHEDULE_MOVE, &args,
                      orch_tick_moved, t) != PT_OK)
    {
        orch_tick_free(t);
    }
}


/* if it failed, the tick is seen again, and its job is the same one */
static void
orch_tick_moved(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    (void) err;
    (void) results;
    (void) n;

    orch_tick_free(ctx);
}


static void
orch_tick_free(orch_tick_t *t)
{
    DL_DELETE(t->o->schedules.ticks, t);
    t->o->schedules.n--;
    free(t);
}


static void
orch_copy(char *to, size_t size, pt_str_t s)
{
    size_t  len = s.len < size ? s.len : size - 1;

    if (len) {
        memcpy(to, s.data, len);
    }

    to[len] = '\0';
}
