/* Submissions become jobs. */

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "orch.h"


/* more are refused: the edge tells its clients to come back */
#define ORCH_ACCEPT_MAX      10000

/* one transaction: enough to share a commit, little enough to be quick */
#define ORCH_BATCH_ROWS      1000
#define ORCH_BATCH_BYTES     (8u << 20)

/* batches on a connection: the next is there when one has committed */
#define ORCH_BATCHES         1

/* a submission whose rivals commit at the same time is tried again */
#define ORCH_ACCEPT_TRIES    5

/* the end of year 9999, RFC 3339's last */
#define ORCH_TIME_MAX_MS     253402300799999LL

#define ORCH_ACCEPT_COLUMNS  22


typedef struct {
    orch_t          *o;
    orch_request_t  *list;         /* in the order of the rows */
    unsigned         n;
    pt_pg_t         *pg;           /* that it was sent over */
    int64_t          now_ms;
    char             body[128];    /* of their first events: all the same */
    char             running[128]; /* of the second, where they begin */
} orch_batch_t;


static pt_err_t orch_accept_check(orch_request_t *rq, const char **ret_why);
static bool orch_accept_take_key(orch_request_t *rq);
static void orch_accept_files(orch_request_t *rq);
static void orch_accept_files_known(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_accept_missing(orch_request_t *rq, const PGresult *res);
static void orch_accept_wait(orch_request_t *rq);
static void orch_accept_answered(orch_request_t *rq);
static orch_batch_t *orch_batch_new(orch_t *o);
static pt_err_t orch_batch_send(orch_batch_t *b, pt_pg_t *pg);
static pt_err_t orch_batch_events(orch_batch_t *b);
static pt_err_t orch_batch_send_keys(orch_batch_t *b, pt_pg_t *pg);
static pt_err_t orch_batch_send_files(orch_batch_t *b, pt_pg_t *pg);
static void orch_batch_row(pt_pg_column_t *c, const orch_request_t *rq);
static void orch_batch_done(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_batch_commit(orch_batch_t *b, const PGresult *ids);
static void orch_batch_failed(orch_batch_t *b, pt_err_t err);
static void orch_accept_ok(const orch_batch_t *b, orch_request_t *rq,
    bool begun);
static orch_job_row_t orch_accept_row(const orch_request_t *rq,
    int64_t now_ms);
static void orch_accept_view(pt_buf_t *buf, const pt_submit_t *s);
static void orch_accept_before(orch_batch_t *b);
static void orch_accept_explain(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_accept_same(orch_request_t *rq, const PGresult *res, int row);


/* types of $1 .. $22 of ORCH_SQL_ACCEPT */
static const uint32_t  orch_accept_types[ORCH_ACCEPT_COLUMNS] = {
    PT_PG_UUID, PT_PG_TEXT, PT_PG_TEXT, PT_PG_TEXT, PT_PG_TEXT, PT_PG_TEXT,
    PT_PG_INT4, PT_PG_TEXT, PT_PG_TEXT, PT_PG_BYTEA, PT_PG_UUID, PT_PG_UUID,
    PT_PG_TEXT, PT_PG_TEXT, PT_PG_TIME, PT_PG_TIME, PT_PG_INT4, PT_PG_INT4,
    PT_PG_TEXT, PT_PG_TIME, PT_PG_BOOL, PT_PG_BOOL
};


void
orch_accept_submit(orch_request_t *rq)
{
    orch_t      *o = rq->o;
    pt_err_t     err;
    const char  *why;

    if (!orch_webhook_check(rq, rq->msg.u.submit.webhook_url)
        || !orch_seal_submit(rq))
    {
        return;
    }

    o->accept.open++;

    rq->msg.u.submit.priority =
        orch_accept_priority(o, rq->msg.u.submit.rq.tier,
                             rq->msg.u.submit.priority);

    err = orch_accept_check(rq, &why);

    if (err != PT_OK) {
        orch_accept_answered(rq);
        orch_refuse_with(rq, err, why, pt_err_retryable(err) ? 1 : 0,
                         PT_STR_NULL);
        return;
    }

    if (rq->msg.u.submit.idempotency_key.data && !orch_accept_take_key(rq)) {
        orch_accept_answered(rq);
        orch_refuse_with(rq, PT_E_IN_FLIGHT, "the first request with this "
                         "idempotency key is not answered yet", 1,
                         PT_STR_NULL);
        return;
    }

    if (rq->msg.u.submit.inputs.len) {
        orch_accept_files(rq);

    } else {
        orch_accept_wait(rq);
    }
}


static pt_err_t
orch_accept_check(orch_request_t *rq, const char **ret_why)
{
    orch_t             *o = rq->o;
    const pt_submit_t  *s = &rq->msg.u.submit;

    if (s->rq.user.len == 0) {
        *ret_why = "a submission needs a user";
        return PT_E_INVALID;
    }

    if (!orch_time_is_good(s->run_at) || !orch_time_is_good(s->expires_at)) {
        *ret_why = "run_at or expires_at is out of range";
        return PT_E_INVALID;
    }

    if (!orch_supervisor_offers(o, s->service)) {
        *ret_why = "no processor offers this service";
        return PT_E_UNKNOWN_ACTION;
    }

    if (o->accept.open > ORCH_ACCEPT_MAX) {
        *ret_why = "too many submissions at once";
        return PT_E_QUEUE_FULL;
    }

    if (orch_db_get(o, ORCH_DB_ACCEPT) == NULL) {
        *ret_why = "the database cannot be reached";
        return PT_E_DATABASE;
    }

    return orch_accept_admits(o, s->service, s->rq.user, 1, ret_why);
}


orch_limits_t
orch_accept_limits(void *ctx, pt_str_t service)
{
    const orch_t               *o = ctx;
    const orch_config_limit_t  *l = orch_config_limit_of(o->config, service);

    return l ? (orch_limits_t) { l->queued, l->running, l->user_queued,
                                 l->user_running }
             : (orch_limits_t) { .queued = 0 };
}


pt_err_t
orch_accept_admits(orch_t *o, pt_str_t name, pt_str_t user, unsigned n,
    const char **ret_why)
{
    pt_err_t         err;
    orch_service_t  *service = orch_queue_find_service(&o->queue, name);

    err = service ? orch_queue_admits(service, user, n) : PT_OK;

    if (err == PT_E_QUEUE_FULL) {
        *ret_why = "the service has as many open jobs as it may";

    } else if (err == PT_E_QUOTA) {
        *ret_why = "the user has as many open jobs of this service as one may";
    }

    return err;
}


uint8_t
orch_accept_priority(const orch_t *o, pt_str_t tier, uint8_t priority)
{
    uint8_t  max = orch_config_priority_of(o->config, tier);

    return priority < max ? priority : max;
}


bool
orch_time_is_good(int64_t ms)
{
    return ms >= 0 && ms <= ORCH_TIME_MAX_MS;
}


/* two rows of one key cannot be in one statement, nor wait for each other */
static bool
orch_accept_take_key(orch_request_t *rq)
{
    size_t           len;
    orch_t          *o = rq->o;
    pt_str_t         user = rq->msg.u.submit.rq.user;
    pt_str_t         key = rq->msg.u.submit.idempotency_key;
    orch_request_t  *other;

    /* no text of PJP1 has a NUL: it separates */
    len = user.len + 1 + key.len;

    rq->key = malloc(len);
    if (rq->key == NULL) {
        return false;
    }

    memcpy(rq->key, user.data, user.len);
    rq->key[user.len] = '\0';
    memcpy(rq->key + user.len + 1, key.data, key.len);

    HASH_FIND(hh, o->accept.keys, rq->key, len, other);

    if (other) {
        free(rq->key);
        rq->key = NULL;
        return false;
    }

    HASH_ADD_KEYPTR(hh, o->accept.keys, rq->key, len, rq);

    return true;
}


/* it is about to be answered */
static void
orch_accept_answered(orch_request_t *rq)
{
    rq->o->accept.open--;

    if (rq->key) {
        HASH_DEL(rq->o->accept.keys, rq);
        free(rq->key);
        rq->key = NULL;
    }
}


/* whether its input files are the caller's */
static void
orch_accept_files(orch_request_t *rq)
{
    size_t              i;
    pt_id_t             id;
    pt_err_t            err;
    pt_pg_args_t        args = { .n = 0 };
    pt_pg_column_t      ids;
    const pt_submit_t  *s = &rq->msg.u.submit;

    pt_pg_column_init(&ids, PT_PG_UUID);

    for (i = 0; i < s->inputs.len; i += sizeof(id.bytes)) {
        memcpy(id.bytes, s->inputs.data + i, sizeof(id.bytes));
        pt_pg_column_id(&ids, &id);
    }

    pt_pg_arg_column(&args, &ids);
    pt_pg_arg_text(&args, s->rq.user);

    err = orch_db_query(rq->o, ORCH_DB_READ, ORCH_SQL_FILES_MISSING, &args,
                        orch_accept_files_known, rq);
    pt_pg_column_done(&ids);

    if (err != PT_OK) {
        orch_accept_answered(rq);
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_accept_files_known(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    orch_request_t  *rq = ctx;

    if (err != PT_OK || n != 1) {
        orch_accept_answered(rq);
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
        return;
    }

    if (PQntuples(results[0]) > 0) {
        orch_accept_missing(rq, results[0]);
        return;
    }

    orch_accept_wait(rq);
}


static void
orch_accept_missing(orch_request_t *rq, const PGresult *res)
{
    orch_accept_answered(rq);
    orch_refuse_files(rq, res);
}


/* the edge, which knows where each id stood, gives them their pointers */
void
orch_refuse_files(orch_request_t *rq, const PGresult *res)
{
    int         i;
    char        text[64], id_text[PT_ID_TEXT_LEN];
    pt_id_t     id;
    pt_buf_t    buf;
    pt_jsonw_t  w;

    pt_buf_init(&buf, &pt_mem_heap, PT_INPUTS_MAX * 128);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_array(&w);

    for (i = 0; i < PQntuples(res) && i < PT_INPUTS_MAX; i++) {
        id = pt_pg_id(res, i, 0);
        pt_id_format(&id, id_text);
        snprintf(text, sizeof(text), "no such file: %.*s", PT_ID_TEXT_LEN,
                 id_text);

        pt_jsonw_object(&w);
        pt_jsonw_key(&w, "pointer");
        pt_jsonw_text(&w, "");
        pt_jsonw_key(&w, "detail");
        pt_jsonw_text(&w, text);
        pt_jsonw_end(&w);
    }

    pt_jsonw_end(&w);

    orch_refuse_with(rq, PT_E_UNKNOWN_FILE, "a file does not exist", 0,
                     buf.err == PT_OK ? pt_buf_str(&buf) : PT_STR_NULL);
    pt_buf_done(&buf);
}


static void
orch_accept_wait(orch_request_t *rq)
{
    DL_APPEND(rq->o->accept.waiting, rq);
}


void
orch_accept_flush(orch_t *o)
{
    pt_pg_t       *pg;
    orch_batch_t  *b;

    while (o->accept.waiting) {
        pg = orch_db_get(o, ORCH_DB_ACCEPT);

        if (pg && pt_pg_pending(pg) >= ORCH_BATCHES) {
            return;
        }

        b = orch_batch_new(o);
        if (b == NULL) {
            return;
        }

        if (pg == NULL || orch_batch_send(b, pg) != PT_OK) {
            orch_batch_failed(b, PT_E_DATABASE);
        }
    }
}


void
orch_accept_drop(orch_t *o)
{
    orch_request_t  *rq;

    while ((rq = o->accept.waiting) != NULL) {
        DL_DELETE(o->accept.waiting, rq);
        orch_accept_answered(rq);
        orch_refuse(rq, PT_E_UNAVAILABLE, "shutting down");
    }
}


/* the first of those that wait; one that has harmed a batch goes alone */
static orch_batch_t *
orch_batch_new(orch_t *o)
{
    size_t           bytes = 0;
    orch_batch_t    *b;
    orch_request_t  *rq, *next;

    b = calloc(1, sizeof(*b));
    if (b == NULL) {
        return NULL;
    }

    b->o = o;

    DL_FOREACH_SAFE(o->accept.waiting, rq, next) {
        if (b->n == ORCH_BATCH_ROWS || bytes > ORCH_BATCH_BYTES
            || (rq->tries && b->n))
        {
            break;
        }

        DL_DELETE(o->accept.waiting, rq);
        DL_APPEND(b->list, rq);
        b->n++;
        bytes += rq->msg.u.submit.params.len + rq->msg.u.submit.metadata.len;

        if (rq->tries++) {
            break;
        }
    }

    return b;
}


static pt_err_t
orch_batch_send(orch_batch_t *b, pt_pg_t *pg)
{
    int              i;
    pt_err_t         err;
    orch_job_row_t   row;
    pt_pg_args_t     args = { .n = 0 };
    pt_pg_column_t   columns[ORCH_ACCEPT_COLUMNS];
    orch_request_t  *rq;

    b->pg = pg;
    b->now_ms = orch_now_ms();

    for (i = 0; i < ORCH_ACCEPT_COLUMNS; i++) {
        pt_pg_column_init(&columns[i], orch_accept_types[i]);
    }

    DL_FOREACH(b->list, rq) {
        row = orch_accept_row(rq, b->now_ms);
        rq->begun = rq->msg.u.submit.inputs.len == 0
                    && orch_begin_try(b->o, &row);
        orch_batch_row(columns, rq);
    }

    for (i = 0; i < ORCH_ACCEPT_COLUMNS; i++) {
        pt_pg_arg_column(&args, &columns[i]);
    }

    err = orch_batch_events(b);

    pt_pg_arg_text(&args, pt_str(b->body));
    pt_pg_arg_text(&args, pt_str(b->running));
    pt_pg_arg_int4(&args, b->o->recover.id);
    pt_pg_arg_time(&args, b->now_ms);

    if (err == PT_OK) {
        err = orch_batch_send_keys(b, pg);
    }

    if (err == PT_OK) {
        err = orch_batch_send_files(b, pg);
    }

    if (err == PT_OK) {
        err = pt_pg_query(pg, ORCH_SQL_ACCEPT, &args);
    }

    if (err == PT_OK) {
        err = pt_pg_commit(pg, orch_batch_done, b);
    }

    if (err == PT_OK && ORCH_FAULT("reply-before-commit")) {
        DL_FOREACH(b->list, rq) {
            pt_buf_t  early;

            pt_buf_init(&early, &pt_mem_heap, PT_REPLY_MAX);
            orch_accept_view(&early, &rq->msg.u.submit);
            orch_reply_early(rq, pt_buf_str(&early));
            pt_buf_done(&early);
        }
    }

    for (i = 0; i < ORCH_ACCEPT_COLUMNS; i++) {
        pt_pg_column_done(&columns[i]);
    }

    return err;
}


static pt_err_t
orch_batch_events(orch_batch_t *b)
{
    size_t    i;
    pt_err_t  err = PT_OK;
    pt_buf_t  buf;

    struct {
        const char  *status;
        char        *body;
    } events[] = { { "queued", b->body }, { "running", b->running } };

    for (i = 0; i < 2 && err == PT_OK; i++) {
        pt_buf_init(&buf, &pt_mem_heap, sizeof(b->body) - 1);
        orch_json_state(&buf, events[i].status, (uint32_t) i, b->now_ms, 0,
                        NULL, false);
        memcpy(events[i].body, pt_buf_str(&buf).data, buf.len);
        err = buf.err;
        pt_buf_done(&buf);
    }

    return err;
}


/* in the same transaction, before the jobs: their keys */
static pt_err_t
orch_batch_send_keys(orch_batch_t *b, pt_pg_t *pg)
{
    int                 i;
    pt_err_t            err = PT_OK;
    pt_pg_args_t        args = { .n = 0 };
    pt_pg_column_t      c[4];
    orch_request_t     *rq;
    const pt_submit_t  *s;

    pt_pg_column_init(&c[0], PT_PG_TEXT);
    pt_pg_column_init(&c[1], PT_PG_TEXT);
    pt_pg_column_init(&c[2], PT_PG_BYTEA);
    pt_pg_column_init(&c[3], PT_PG_UUID);

    DL_FOREACH(b->list, rq) {
        s = &rq->msg.u.submit;

        if (rq->key) {
            pt_pg_column_text(&c[0], s->rq.user);
            pt_pg_column_text(&c[1], s->idempotency_key);
            pt_pg_column_bytes(&c[2], s->body_sha256, 32);
            pt_pg_column_id(&c[3], &s->job);
        }
    }

    if (c[0].n) {
        for (i = 0; i < 4; i++) {
            pt_pg_arg_column(&args, &c[i]);
        }

        err = pt_pg_query(pg, ORCH_SQL_ACCEPT_KEYS, &args);
    }

    for (i = 0; i < 4; i++) {
        pt_pg_column_done(&c[i]);
    }

    return err;
}


/* they were there a moment ago: now they stay until the jobs are committed */
static pt_err_t
orch_batch_send_files(orch_batch_t *b, pt_pg_t *pg)
{
    pt_err_t         err;
    pt_pg_column_t   ids, owners;
    orch_request_t  *rq;

    pt_pg_column_init(&ids, PT_PG_UUID);
    pt_pg_column_init(&owners, PT_PG_TEXT);

    DL_FOREACH(b->list, rq) {
        orch_inputs_add(&ids, &owners, rq->msg.u.submit.rq.user,
                        rq->msg.u.submit.inputs);
    }

    err = orch_inputs_keep(pg, &ids, &owners);

    pt_pg_column_done(&ids);
    pt_pg_column_done(&owners);

    return err;
}


void
orch_inputs_add(pt_pg_column_t *ids, pt_pg_column_t *owners, pt_str_t owner,
    pt_str_t inputs)
{
    size_t   i;
    pt_id_t  id;

    for (i = 0; i < inputs.len; i += sizeof(id.bytes)) {
        memcpy(id.bytes, inputs.data + i, sizeof(id.bytes));
        pt_pg_column_id(ids, &id);
        pt_pg_column_text(owners, owner);
    }
}


pt_err_t
orch_inputs_keep(pt_pg_t *pg, pt_pg_column_t *ids, pt_pg_column_t *owners)
{
    pt_pg_args_t  args = { .n = 0 };

    if (ids->n == 0) {
        return PT_OK;
    }

    pt_pg_arg_column(&args, ids);
    pt_pg_arg_column(&args, owners);

    return pt_pg_query(pg, ORCH_SQL_FILES_KEEP, &args);
}


static void
orch_batch_row(pt_pg_column_t *c, const orch_request_t *rq)
{
    const pt_submit_t  *s = &rq->msg.u.submit;

    pt_pg_column_id(c++, &s->job);
    pt_pg_column_text(c++, s->rq.user);
    pt_pg_column_text(c++, s->rq.role);
    pt_pg_column_text(c++, s->user_type);
    pt_pg_column_text(c++, s->service);
    pt_pg_column_text(c++, s->action);
    pt_pg_column_int4(c++, s->priority);
    pt_pg_column_text(c++, s->params);
    pt_pg_column_text(c++, s->metadata);
    pt_pg_column_bytes(c++, s->inputs.len ? (const uint8_t *) s->inputs.data
                                          : NULL, s->inputs.len);
    pt_pg_column_id_opt(c++, &s->batch);
    pt_pg_column_id_opt(c++, &s->retry_of);
    pt_pg_column_text(c++, s->webhook_url);
    pt_pg_column_text(c++, s->rq.traceparent);
    pt_pg_column_time(c++, s->run_at);
    pt_pg_column_time(c++, s->expires_at);
    pt_pg_column_int4(c++, s->max_attempts ? s->max_attempts
                                           : ORCH_MAX_ATTEMPTS);
    pt_pg_column_int4(c++, (int32_t) s->timeout_s);
    pt_pg_column_text(c++, s->idempotency_key);
    pt_pg_column_time(c++, (int64_t) pt_id_time_ms(&s->job));
    pt_pg_column_bool(c++, s->no_cache != 0);
    pt_pg_column_bool(c++, rq->begun);
}


static void
orch_batch_done(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    orch_batch_t  *b = ctx;

    if (err != PT_OK || n == 0) {
        orch_batch_failed(b, err == PT_OK ? PT_E_DATABASE : err);
        return;
    }

    orch_batch_commit(b, results[n - 1]);
}


/* the ids come back in the order of the rows, without those not accepted */
static void
orch_batch_commit(orch_batch_t *b, const PGresult *ids)
{
    int              row = 0;
    pt_id_t          id;
    orch_request_t  *rq, *next;

    DL_FOREACH_SAFE(b->list, rq, next) {
        if (row == PQntuples(ids)) {
            break;
        }

        id = pt_pg_id(ids, row, 0);

        if (pt_id_eq(&id, &rq->msg.u.submit.job)) {
            b->n--;
            DL_DELETE(b->list, rq);
            orch_accept_ok(b, rq, pt_pg_bool(ids, row++, 1));
        }
    }

    if (b->n) {
        orch_accept_before(b);

    } else {
        free(b);
    }
}


static void
orch_batch_failed(orch_batch_t *b, pt_err_t err)
{
    bool             again, alone = b->n == 1;
    bool             lost = b->pg && !pt_pg_ready(b->pg);
    orch_request_t  *rq, *next;

    if (lost) {
        /* the answer is lost: it may be committed all the same */
        orch_recover_look(b->o);
    }

    DL_FOREACH_SAFE(b->list, rq, next) {
        DL_DELETE(b->list, rq);

        if (rq->begun && lost) {
            orch_begin_doubt(b->o, &rq->msg.u.submit.job);

        } else if (rq->begun) {
            orch_begin_undo(b->o, &rq->msg.u.submit.job);
        }

        /* a value that the database does not take spoils its batch */
        again = (err == PT_E_UNAVAILABLE || (err == PT_E_INVALID && !alone))
                && rq->tries < ORCH_ACCEPT_TRIES;

        if (again) {
            DL_PREPEND(rq->o->accept.waiting, rq);
            continue;
        }

        if (err == PT_E_INVALID && rq->msg.u.submit.inputs.len
            && rq->tries++ < ORCH_ACCEPT_TRIES)
        {
            /* a file may have gone since it was looked for */
            orch_accept_files(rq);
            continue;
        }

        orch_accept_answered(rq);

        if (err == PT_E_INVALID) {
            pt_log(PT_LOG_ERROR, "accept", "the database does not take a "
                   "submission job=%s", pt_log_id(&rq->msg.u.submit.job));
            orch_refuse(rq, PT_E_INVALID, "a value cannot be stored");

        } else {
            orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
        }
    }

    free(b);
}


/* it is committed: into the queue, to its owner's streams, and the answer */
static void
orch_accept_ok(const orch_batch_t *b, orch_request_t *rq, bool begun)
{
    pt_buf_t            buf;
    orch_t             *o = rq->o;
    orch_job_row_t      row = orch_accept_row(rq, b->now_ms);
    const pt_submit_t  *s = &rq->msg.u.submit;

    orch_publish(o, &s->job, s->rq.user, 1, "state", pt_str(b->body));

    if (begun) {
        orch_publish(o, &s->job, s->rq.user, 2, "state", pt_str(b->running));
        row.attempt = 1;
        orch_begin_done(o, &row, s);

    } else {
        if (rq->begun) {
            orch_begin_undo(o, &s->job);
        }

        orch_job_admit(o, &row);
    }

    orch_metrics_add(rq->o, ORCH_METRIC_ACCEPTED, 1);
    orch_metrics_observe(rq->o, ORCH_METRIC_COMMIT,
                         (uint64_t) (orch_now_ms() - b->now_ms));

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    orch_accept_view(&buf, s);
    orch_accept_answered(rq);

    if (buf.err == PT_OK) {
        orch_reply(rq, pt_buf_str(&buf));

    } else {
        orch_refuse(rq, PT_E_NOMEM, "out of memory");
    }

    pt_buf_done(&buf);
}


static orch_job_row_t
orch_accept_row(const orch_request_t *rq, int64_t now_ms)
{
    const pt_submit_t  *s = &rq->msg.u.submit;

    return (orch_job_row_t) {
        .id = s->job,
        .owner = s->rq.user,
        .service = s->service,
        .action = s->action,
        .priority = s->priority,
        .max_attempts = s->max_attempts ? s->max_attempts : ORCH_MAX_ATTEMPTS,
        .timeout_s = s->timeout_s,
        .run_at_ms = s->run_at ? s->run_at : now_ms,
        .expires_at_ms = s->expires_at
    };
}


/* the job as it is before anything happens to it */
static void
orch_accept_view(pt_buf_t *buf, const pt_submit_t *s)
{
    pt_jsonw_t  w;

    pt_jsonw_init(&w, buf);

    orch_json_job(&w, &(orch_job_view_t) {
        .id = s->job,
        .service = s->service,
        .action = s->action,
        .status = PT_STR("queued"),
        .priority = s->priority,
        .max_attempts = s->max_attempts ? s->max_attempts : ORCH_MAX_ATTEMPTS,
        .created_ms = (int64_t) pt_id_time_ms(&s->job),
        .metadata = s->metadata,
        .batch = s->batch,
        .retry_of = s->retry_of });
}


/* the rest of a batch: accepted before, or refused; the database says which */
static void
orch_accept_before(orch_batch_t *b)
{
    int                 i;
    pt_err_t            err;
    pt_pg_args_t        args = { .n = 0 };
    pt_pg_column_t      c[3];
    orch_request_t     *rq;
    const pt_submit_t  *s;

    pt_pg_column_init(&c[0], PT_PG_UUID);
    pt_pg_column_init(&c[1], PT_PG_TEXT);
    pt_pg_column_init(&c[2], PT_PG_TEXT);

    DL_FOREACH(b->list, rq) {
        s = &rq->msg.u.submit;

        if (rq->begun) {
            orch_begin_undo(b->o, &s->job);
            rq->begun = false;
        }

        pt_pg_column_id(&c[0], &s->job);
        pt_pg_column_text(&c[1], s->rq.user);
        pt_pg_column_text(&c[2], s->idempotency_key);
    }

    for (i = 0; i < 3; i++) {
        pt_pg_arg_column(&args, &c[i]);
    }

    err = orch_db_query(b->o, ORCH_DB_READ, ORCH_SQL_ACCEPTED_BEFORE, &args,
                        orch_accept_explain, b);

    for (i = 0; i < 3; i++) {
        pt_pg_column_done(&c[i]);
    }

    if (err != PT_OK) {
        orch_batch_failed(b, PT_E_DATABASE);
    }
}


static void
orch_accept_explain(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    int              row = 0;
    orch_batch_t    *b = ctx;
    orch_request_t  *rq, *next;

    if (err != PT_OK || n != 1 || PQntuples(results[0]) != (int) b->n) {
        orch_batch_failed(b, PT_E_DATABASE);
        return;
    }

    DL_FOREACH_SAFE(b->list, rq, next) {
        DL_DELETE(b->list, rq);
        orch_accept_same(rq, results[0], row++);
    }

    free(b);
}


static void
orch_accept_same(orch_request_t *rq, const PGresult *res, int row)
{
    pt_id_t             job = pt_pg_id(res, row, 1);
    pt_str_t            owner = pt_pg_text(res, row, 0);
    pt_str_t            hash = pt_pg_text(res, row, 2);
    const pt_submit_t  *s = &rq->msg.u.submit;

    if (rq->key && hash.data && !pt_id_eq(&job, &s->job)) {
        orch_accept_answered(rq);

        if (hash.len == 32 && memcmp(hash.data, s->body_sha256, 32) == 0) {
            orch_read_job(rq, &job);

        } else {
            orch_refuse(rq, PT_E_IDEMPOTENCY_MISMATCH, "this idempotency key "
                        "was used with another body");
        }

        return;
    }

    if (owner.data == NULL && rq->tries < ORCH_ACCEPT_TRIES) {
        /* what stood in its way was not committed yet, or has gone */
        orch_accept_wait(rq);
        return;
    }

    orch_accept_answered(rq);

    if (pt_str_eq(owner, s->rq.user)) {
        if (orch_queue_find(&rq->o->queue, &s->job) == NULL) {
            orch_recover_look(rq->o);
        }

        orch_read_job(rq, &s->job);

    } else {
        orch_refuse(rq, PT_E_CONFLICT, "this job id is taken");
    }
}
