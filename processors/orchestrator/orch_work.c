/* Batches of attempts' transactions. */

#include <stdlib.h>
#include <utlist.h>

#include "orch.h"


/* rows in one transaction; bytes of bodies and results */
#define ORCH_WORK_ROWS       1000
#define ORCH_WORK_BYTES      (16u << 20)

/* transactions under way: the next is there when one has committed */
#define ORCH_WORK_PENDING    2

/* after an error that another try would meet again: a full disk, a grant */
#define ORCH_WORK_HOLD_MS    1000

/* of them, results that are looked up: each is compared with each */
#define ORCH_WORK_CACHED     100

#define ORCH_COLUMNS_MAX     12


typedef struct {
    orch_t           *o;
    orch_db_role_t    role;            /* whose connection it went over */
    orch_item_t      *items[ORCH_ITEM_KINDS_];
    unsigned          n;
} orch_work_batch_t;


static void orch_work_flush_role(orch_t *o, orch_db_role_t role);
static orch_work_batch_t *orch_work_take(orch_t *o, orch_db_role_t role);
static bool orch_work_is_empty(const orch_t *o, orch_db_role_t role);
static pt_err_t orch_work_send(orch_work_batch_t *b, pt_pg_t *pg);
static pt_err_t orch_work_query(orch_work_batch_t *b, pt_pg_t *pg,
    orch_item_kind_t kind);
static void orch_row_output(pt_pg_column_t *c, const orch_item_t *item);
static void orch_row_end(pt_pg_column_t *c, const orch_item_t *item);
static void orch_row_requeue(pt_pg_column_t *c, const orch_item_t *item);
static void orch_row_cached(pt_pg_column_t *c, const orch_item_t *item);
static void orch_row_claim(pt_pg_column_t *c, const orch_item_t *item);
static void orch_work_done(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static const orch_item_t *orch_work_first(const orch_work_batch_t *b);
static void orch_work_failed(orch_work_batch_t *b, pt_err_t err);
static void orch_work_committed(orch_t *o, orch_item_t *items,
    const PGresult *res);
static void orch_work_missing(orch_t *o, orch_item_t *item);
static pt_str_t orch_buf_or_null(const pt_buf_t *buf);


/* how each kind becomes a statement, and what its commit means */
static const struct {
    orch_sql_t   sql;
    orch_db_role_t role;
    void       (*row)(pt_pg_column_t *c, const orch_item_t *item);
    void       (*done)(orch_t *o, orch_item_t *item, const PGresult *res,
                       int row);
    void       (*missing)(orch_t *o, orch_item_t *item);
    bool         lease;                /* an argument: whose lease */
    bool         now;                  /* an argument: the time */
    uint32_t     types[ORCH_COLUMNS_MAX + 1];
} orch_kinds[ORCH_ITEM_KINDS_] = {
    [ORCH_ITEM_OUTPUT] = {
        ORCH_SQL_OUTPUT, ORCH_DB_WORK, orch_row_output, orch_output_done,
        orch_work_missing, true, false,
        { PT_PG_UUID, PT_PG_INT4, PT_PG_INT4, PT_PG_TEXT, PT_PG_TEXT,
          PT_PG_TEXT, PT_PG_INT8, PT_PG_TEXT, PT_PG_TEXT, PT_PG_TEXT,
          PT_PG_INT4, PT_PG_TEXT, 0 } },

    [ORCH_ITEM_END] = {
        ORCH_SQL_END, ORCH_DB_WORK, orch_row_end, orch_end_done,
        orch_work_missing, false, true,
        { PT_PG_UUID, PT_PG_INT4, PT_PG_BOOL, PT_PG_TEXT, PT_PG_TEXT,
          PT_PG_TEXT, PT_PG_TEXT, PT_PG_TEXT, PT_PG_TEXT, PT_PG_TEXT,
          PT_PG_INT4, PT_PG_BYTEA, 0 } },

    [ORCH_ITEM_REQUEUE] = {
        ORCH_SQL_REQUEUE, ORCH_DB_WORK, orch_row_requeue, orch_requeue_done,
        orch_work_missing, false, false,
        { PT_PG_UUID, PT_PG_INT4, PT_PG_INT4, PT_PG_INT4, PT_PG_TIME,
          PT_PG_TEXT, 0 } },

    [ORCH_ITEM_CACHED] = {
        ORCH_SQL_CACHED, ORCH_DB_WORK, orch_row_cached, orch_cache_hit,
        orch_cache_missed, true, true,
        { PT_PG_UUID, PT_PG_INT4, PT_PG_BYTEA, PT_PG_TEXT, 0 } },

    [ORCH_ITEM_CLAIM] = {
        ORCH_SQL_CLAIM, ORCH_DB_CLAIM, orch_row_claim, orch_claim_done,
        orch_work_missing, true, true,
        { PT_PG_UUID, PT_PG_INT4, PT_PG_TEXT, 0 } }
};


orch_item_t *
orch_item_new(orch_job_t *job, orch_item_kind_t kind)
{
    orch_item_t  *item;

    item = calloc(1, sizeof(*item));
    if (item == NULL) {
        return NULL;
    }

    item->kind = kind;
    item->job = job;
    item->attempt = job->attempt;
    orch_queue_ref(job);

    pt_buf_init(&item->body, &pt_mem_heap, PT_JSON_FRAME_MAX);
    pt_buf_init(&item->extra, &pt_mem_heap, PT_JSON_FRAME_MAX + 64);
    pt_buf_init(&item->result, &pt_mem_heap, PT_JSON_FRAME_MAX);
    pt_buf_init(&item->usage, &pt_mem_heap, PT_JSON_FRAME_MAX);

    return item;
}


void
orch_item_free(orch_item_t *item)
{
    pt_buf_done(&item->body);
    pt_buf_done(&item->extra);
    pt_buf_done(&item->result);
    pt_buf_done(&item->usage);
    pt_json_free(item->output);
    free(item->kept);
    orch_queue_unref(item->job);
    free(item);
}


void
orch_work_add(orch_t *o, orch_item_t *item)
{
    DL_APPEND(o->work.items[item->kind], item);
}


void
orch_work_flush(orch_t *o)
{
    orch_work_flush_role(o, ORCH_DB_WORK);
    orch_work_flush_role(o, ORCH_DB_CLAIM);
}


static void
orch_work_flush_role(orch_t *o, orch_db_role_t role)
{
    pt_pg_t            *pg;
    orch_work_batch_t  *b;

    while (!orch_work_is_empty(o, role)) {
        pg = orch_db_get(o, role);

        /* without a connection they wait for orch_work_drop() */
        if (pg == NULL || pt_pg_pending(pg) >= ORCH_WORK_PENDING
            || !orch_recover_is_done(o) || orch_work_is_held(o))
        {
            return;
        }

        b = orch_work_take(o, role);
        if (b == NULL) {
            return;
        }

        if (orch_work_send(b, pg) != PT_OK) {
            orch_work_failed(b, PT_E_DATABASE);
            return;
        }
    }
}


bool
orch_work_is_held(const orch_t *o)
{
    return orch_loop_ms(o) < o->work.held_ms;
}


static bool
orch_work_is_empty(const orch_t *o, orch_db_role_t role)
{
    int  k;

    for (k = 0; k < ORCH_ITEM_KINDS_; k++) {
        if (orch_kinds[k].role == role && o->work.items[k]) {
            return false;
        }
    }

    return true;
}


/* kinds in their order, so that a job's reports stay in theirs */
static orch_work_batch_t *
orch_work_take(orch_t *o, orch_db_role_t role)
{
    int                 k;
    size_t              bytes = 0;
    unsigned            max, cached = 0;
    orch_item_t        *item, *next;
    orch_work_batch_t  *b;

    b = calloc(1, sizeof(*b));
    if (b == NULL) {
        return NULL;
    }

    b->o = o;
    b->role = role;
    max = o->work.careful ? 1 : ORCH_WORK_ROWS;

    if (o->work.careful) {
        o->work.careful--;
    }

    for (k = 0; k < ORCH_ITEM_KINDS_; k++) {
        if (orch_kinds[k].role != role) {
            continue;
        }

        DL_FOREACH_SAFE(o->work.items[k], item, next) {
            if (b->n == max || bytes > ORCH_WORK_BYTES
                || (k == ORCH_ITEM_CACHED && cached++ == ORCH_WORK_CACHED))
            {
                return b;
            }

            DL_DELETE(o->work.items[k], item);
            DL_APPEND(b->items[k], item);

            b->n++;
            bytes += item->body.len + item->extra.len + item->result.len;
        }
    }

    return b;
}


static pt_err_t
orch_work_send(orch_work_batch_t *b, pt_pg_t *pg)
{
    int       k;
    pt_err_t  err = PT_OK;

    for (k = 0; k < ORCH_ITEM_KINDS_ && err == PT_OK; k++) {
        if (b->items[k]) {
            err = orch_work_query(b, pg, (orch_item_kind_t) k);
        }
    }

    return err == PT_OK ? pt_pg_commit(pg, orch_work_done, b) : err;
}


static pt_err_t
orch_work_query(orch_work_batch_t *b, pt_pg_t *pg, orch_item_kind_t kind)
{
    int              i, n;
    bool             bad = false;
    pt_err_t         err;
    orch_item_t     *item;
    pt_pg_args_t     args = { .n = 0 };
    pt_pg_column_t   columns[ORCH_COLUMNS_MAX];

    for (n = 0; orch_kinds[kind].types[n]; n++) {
        pt_pg_column_init(&columns[n], orch_kinds[kind].types[n]);
    }

    DL_FOREACH(b->items[kind], item) {
        bad |= item->body.err || item->extra.err || item->result.err
               || item->usage.err;
        orch_kinds[kind].row(columns, item);
    }

    for (i = 0; i < n; i++) {
        pt_pg_arg_column(&args, &columns[i]);
    }

    if (orch_kinds[kind].lease) {
        pt_pg_arg_int4(&args, b->o->recover.id);
    }

    if (orch_kinds[kind].now) {
        pt_pg_arg_time(&args, orch_now_ms());
    }

    args.bad |= bad;
    err = pt_pg_query(pg, orch_kinds[kind].sql, &args);

    for (i = 0; i < n; i++) {
        pt_pg_column_done(&columns[i]);
    }

    return err;
}


static void
orch_row_output(pt_pg_column_t *c, const orch_item_t *item)
{
    int64_t           files;
    const pt_json_t  *out = item->output;

    files = pt_json_int(out, "files", 0);

    pt_pg_column_id(c++, &item->job->id);
    pt_pg_column_int4(c++, (int32_t) item->attempt);
    pt_pg_column_int4(c++, (int32_t) item->report);
    pt_pg_column_text(c++, pt_json_string(out, "name", PT_STR_NULL));
    pt_pg_column_text(c++, pt_json_string(out, "kind", PT_STR_NULL));
    pt_pg_column_text(c++, pt_json_string(out, "key", PT_STR_NULL));
    pt_pg_column_int8(c++, pt_json_int(out, "size", 0));
    pt_pg_column_text(c++, pt_json_string(out, "media_type", PT_STR_NULL));
    pt_pg_column_text(c++, pt_json_string(out, "sha256", PT_STR_NULL));
    pt_pg_column_text(c++, pt_json_string(out, "entry", PT_STR_NULL));
    pt_pg_column_int4(c++, files < INT32_MAX ? (int32_t) files : INT32_MAX);
    pt_pg_column_text(c++, pt_buf_str(&item->body));
}


static void
orch_row_end(pt_pg_column_t *c, const orch_item_t *item)
{
    bool  error = item->extra_type && strcmp(item->extra_type, "error") == 0;

    pt_pg_column_id(c++, &item->job->id);
    pt_pg_column_int4(c++, (int32_t) item->attempt);
    pt_pg_column_bool(c++, item->running);
    pt_pg_column_text(c++, pt_str(item->status));
    pt_pg_column_text(c++, orch_buf_or_null(&item->result));
    pt_pg_column_text(c++, error ? pt_buf_str(&item->extra) : PT_STR_NULL);
    pt_pg_column_text(c++, orch_buf_or_null(&item->usage));
    pt_pg_column_text(c++, pt_str(item->extra_type));
    pt_pg_column_text(c++, orch_buf_or_null(&item->extra));
    pt_pg_column_text(c++, pt_buf_str(&item->body));
    pt_pg_column_int4(c++, (int32_t) item->report);
    pt_pg_column_bytes(c++, item->keyed ? item->key : NULL, sizeof(item->key));
}


static void
orch_row_requeue(pt_pg_column_t *c, const orch_item_t *item)
{
    pt_pg_column_id(c++, &item->job->id);
    pt_pg_column_int4(c++, (int32_t) item->attempt);
    pt_pg_column_int4(c++, (int32_t) item->crashes);
    pt_pg_column_int4(c++, (int32_t) item->lost);
    pt_pg_column_time(c++, item->run_at_ms);
    pt_pg_column_text(c++, pt_buf_str(&item->body));
}


static void
orch_row_cached(pt_pg_column_t *c, const orch_item_t *item)
{
    pt_pg_column_id(c++, &item->job->id);
    pt_pg_column_int4(c++, (int32_t) item->attempt);
    pt_pg_column_bytes(c++, item->key, sizeof(item->key));
    pt_pg_column_text(c++, pt_buf_str(&item->body));
}


static void
orch_row_claim(pt_pg_column_t *c, const orch_item_t *item)
{
    pt_pg_column_id(c++, &item->job->id);
    pt_pg_column_int4(c++, (int32_t) item->attempt);
    pt_pg_column_text(c++, pt_buf_str(&item->body));
}


static pt_str_t
orch_buf_or_null(const pt_buf_t *buf)
{
    return buf->len ? pt_buf_str(buf) : PT_STR_NULL;
}


static void
orch_work_done(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    int                 k;
    size_t              i = 0;
    orch_work_batch_t  *b = ctx;

    if (err != PT_OK) {
        orch_work_failed(b, err);
        return;
    }

    for (k = 0; k < ORCH_ITEM_KINDS_; k++) {
        if (b->items[k] && i < n) {
            orch_work_committed(b->o, b->items[k], results[i++]);
        }
    }

    free(b);
}


/* each row of the result is an item's; one without was too late, or missed */
static void
orch_work_committed(orch_t *o, orch_item_t *items, const PGresult *res)
{
    int           i;
    pt_id_t       id;
    orch_item_t  *item, *next;

    /* the rows come in any order: each finds its job, and the job its item */
    for (i = 0; i < PQntuples(res); i++) {
        id = pt_pg_id(res, i, 0);

        DL_FOREACH_SAFE(items, item, next) {
            if (pt_id_eq(&item->job->id, &id)
                && (item->kind != ORCH_ITEM_OUTPUT
                    || item->report == (uint32_t) pt_pg_int(res, i, 1)))
            {
                break;
            }
        }

        if (item) {
            DL_DELETE(items, item);
            orch_kinds[item->kind].done(o, item, res, i);
            orch_item_free(item);
        }
    }

    DL_FOREACH_SAFE(items, item, next) {
        DL_DELETE(items, item);
        orch_kinds[item->kind].missing(o, item);
        orch_item_free(item);
    }
}


static void
orch_work_missing(orch_t *o, orch_item_t *item)
{
    pt_log(PT_LOG_DEBUG, "work", "was not the first to move a job, asking "
           "where it stands job=%s attempt=%u", pt_log_id(&item->job->id),
           item->attempt);

    orch_job_doubt(o, item->job);
}


static const orch_item_t *
orch_work_first(const orch_work_batch_t *b)
{
    int  k = 0;

    while (b->items[k] == NULL) {
        k++;
    }

    return b->items[k];
}


static void
orch_work_failed(orch_work_batch_t *b, pt_err_t err)
{
    int           k;
    orch_t       *o = b->o;
    orch_item_t  *item, *next;

    if (err == PT_E_INVALID) {
        pt_log(PT_LOG_ERROR, "work", "the database does not take a value, "
               "going on one by one%s%s",
               b->n == 1 ? " job=" : "",
               b->n == 1 ? pt_log_id(&orch_work_first(b)->job->id) : "");
        o->work.careful = b->n == 1 ? o->work.careful : 2 * b->n;
    }

    /* the server refused it, and is there: nothing else would slow us down */
    if ((err == PT_E_DATABASE && orch_db_get(o, b->role))
        || (err == PT_E_INVALID && b->n == 1 && b->items[ORCH_ITEM_CLAIM]))
    {
        o->work.held_ms = orch_loop_ms(o) + ORCH_WORK_HOLD_MS;
    }

    for (k = 0; k < ORCH_ITEM_KINDS_; k++) {
        DL_FOREACH_SAFE(b->items[k], item, next) {
            DL_DELETE(b->items[k], item);

            if (err == PT_E_INVALID && b->n == 1) {
                orch_job_poisoned(o, item->job);

            } else {
                orch_job_doubt(o, item->job);
            }

            orch_item_free(item);
        }
    }

    free(b);
}


void
orch_work_drop(orch_t *o)
{
    int           k;
    orch_item_t  *item, *next;

    for (k = 0; k < ORCH_ITEM_KINDS_; k++) {
        DL_FOREACH_SAFE(o->work.items[k], item, next) {
            DL_DELETE(o->work.items[k], item);
            orch_job_doubt(o, item->job);
            orch_item_free(item);
        }
    }
}
