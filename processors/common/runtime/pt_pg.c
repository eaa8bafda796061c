/* PostgreSQL in a libuv loop: one connection, pipelined. */

#include <stdio.h>
#include <stdlib.h>

#include "pt_log.h"
#include "pt_pg.h"


/* a connection that is refused is tried again after this, doubled each time */
#define PT_PG_RETRY_MIN_MS   100
#define PT_PG_RETRY_MAX_MS   2000

#define PT_PG_CONNECT_MS     10000

/* a server that refuses everything is quoted so often */
#define PT_PG_COMPLAIN_MS    10000

/* PostgreSQL counts microseconds from 2000 */
#define PT_PG_EPOCH_MS       946684800000LL

/* dimensions, flags, type, length, lower bound: 5 integers */
#define PT_PG_ARRAY_HEAD     20

/* what one statement may carry; PostgreSQL's own limit is 1 GiB */
#define PT_PG_COLUMN_MAX     (256u << 20)


typedef struct pt_pg_tx_s  pt_pg_tx_t;

struct pt_pg_tx_s {
    pt_pg_tx_t       *next;
    pt_pg_done_fn     done;
    void             *ctx;
    pt_err_t          err;
    size_t            n;
    PGresult         *results[PT_PG_RESULTS_MAX];
};


typedef enum {
    PT_PG_DOWN = 0,          /* the timer tries again */
    PT_PG_CONNECTING,        /* PQconnectPoll() goes on when the socket says */
    PT_PG_PREPARING,         /* waits for the answers to its first pipeline */
    PT_PG_READY,
    PT_PG_CLOSED
} pt_pg_state_t;


struct pt_pg_s {
    uv_loop_t          *loop;
    uv_timer_t          timer;
    uv_poll_t          *poll;        /* of this connection's socket */
    int                 events;      /* that poll waits for */

    pt_pg_options_t     options;
    char               *conninfo;
    PGconn             *conn;
    pt_pg_state_t       state;
    unsigned            retry_ms;

    pt_pg_tx_t         *head;        /* sent, in order */
    pt_pg_tx_t        **tail;
    unsigned            pending;
    bool                broken;      /* a statement is missing: start over */
    bool                draining;    /* in pt_pg_drain(): its callbacks send */
    uint64_t            complained_ms;
    char                reason[512]; /* of the transaction that failed last */
};


static void pt_pg_retry(uv_timer_t *timer);
static void pt_pg_connect(pt_pg_t *pg);
static void pt_pg_connect_step(pt_pg_t *pg);
static void pt_pg_prepare(pt_pg_t *pg);
static void pt_pg_prepared(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n);
static void pt_pg_watch(pt_pg_t *pg, int events);
static void pt_pg_unwatch(pt_pg_t *pg);
static void pt_pg_freed(uv_handle_t *handle);
static void pt_pg_event(uv_poll_t *poll, int status, int events);
static void pt_pg_flush(pt_pg_t *pg);
static void pt_pg_drain(pt_pg_t *pg);
static bool pt_pg_take(pt_pg_t *pg, PGresult *res);
static void pt_pg_complain(pt_pg_t *pg, const PGresult *res);
static pt_err_t pt_pg_result_err(const PGresult *res);
static void pt_pg_end(pt_pg_t *pg, pt_err_t err);
static void pt_pg_lost(pt_pg_t *pg, const char *reason);
static void pt_pg_ignore_notice(void *ctx, const char *message);
static void pt_pg_put(uint8_t *p, size_t n, uint64_t v);
static void pt_pg_column_add(pt_pg_column_t *c, const void *data, size_t len);
static void pt_pg_closed(uv_handle_t *handle);


pt_err_t
pt_pg_open(uv_loop_t *loop, const pt_pg_options_t *options, pt_pg_t **ret_pg)
{
    pt_pg_t  *pg;

    pg = calloc(1, sizeof(*pg));
    if (pg == NULL) {
        return PT_E_NOMEM;
    }

    pg->conninfo = strdup(options->conninfo);
    if (pg->conninfo == NULL) {
        free(pg);
        return PT_E_NOMEM;
    }

    pg->loop = loop;
    pg->options = *options;
    pg->tail = &pg->head;
    pg->retry_ms = PT_PG_RETRY_MIN_MS;

    uv_timer_init(loop, &pg->timer);
    pg->timer.data = pg;
    uv_timer_start(&pg->timer, pt_pg_retry, 0, 0);

    *ret_pg = pg;
    return PT_OK;
}


void
pt_pg_close(pt_pg_t *pg)
{
    if (pg == NULL || pg->state == PT_PG_CLOSED) {
        return;
    }

    pg->options.on_state = NULL;
    pt_pg_lost(pg, "closed");
    pg->state = PT_PG_CLOSED;

    uv_close((uv_handle_t *) &pg->timer, pt_pg_closed);
}


static void
pt_pg_closed(uv_handle_t *handle)
{
    pt_pg_t  *pg = handle->data;

    free(pg->conninfo);
    free(pg);
}


bool
pt_pg_ready(const pt_pg_t *pg)
{
    return pg->state == PT_PG_READY;
}


unsigned
pt_pg_pending(const pt_pg_t *pg)
{
    return pg->pending;
}


/* the timer: a new try when down, the end of one that takes too long */
static void
pt_pg_retry(uv_timer_t *timer)
{
    pt_pg_t  *pg = timer->data;

    if (pg->state == PT_PG_DOWN) {
        pt_pg_connect(pg);

    } else if (pg->state != PT_PG_READY || pg->broken) {
        pt_pg_lost(pg, pg->reason[0] ? pg->reason
                                     : pg->broken ? "a statement could not be "
                                                    "sent"
                                                  : "no answer in time");
    }
}


static void
pt_pg_connect(pt_pg_t *pg)
{
    static const char *const  keys[] = {
        "dbname", "fallback_application_name", "client_encoding",
        "keepalives_idle", "keepalives_interval", "tcp_user_timeout", NULL
    };

    const char  *values[] = { pg->conninfo, pg->options.application_name,
                              "UTF8", "5", "2", "10000", NULL };

    pg->state = PT_PG_CONNECTING;
    pg->conn = PQconnectStartParams(keys, values, 1);

    if (pg->conn == NULL || PQstatus(pg->conn) == CONNECTION_BAD) {
        pt_pg_lost(pg, pg->conn ? PQerrorMessage(pg->conn) : "no memory");
        return;
    }

    PQsetNoticeProcessor(pg->conn, pt_pg_ignore_notice, NULL);
    uv_timer_start(&pg->timer, pt_pg_retry, PT_PG_CONNECT_MS, 0);

    /* as if PQconnectPoll() had said so, as libpq's manual has it */
    pt_pg_watch(pg, UV_WRITABLE);
}


static void
pt_pg_connect_step(pt_pg_t *pg)
{
    PostgresPollingStatusType  step;

    /* it may close the socket and take the next address of the host */
    pt_pg_unwatch(pg);

    step = PQconnectPoll(pg->conn);

    switch (step) {

    case PGRES_POLLING_READING:
        pt_pg_watch(pg, UV_READABLE);
        break;

    case PGRES_POLLING_WRITING:
        pt_pg_watch(pg, UV_WRITABLE);
        break;

    case PGRES_POLLING_OK:
        pt_pg_watch(pg, UV_READABLE);
        pt_pg_prepare(pg);
        break;

    default:
        pt_pg_lost(pg, PQerrorMessage(pg->conn));
        break;
    }
}


static void
pt_pg_prepare(pt_pg_t *pg)
{
    char    name[32];
    size_t  i;

    pg->state = PT_PG_PREPARING;

    if (PQsetnonblocking(pg->conn, 1) != 0
        || PQenterPipelineMode(pg->conn) != 1)
    {
        pt_pg_lost(pg, PQerrorMessage(pg->conn));
        return;
    }

    for (i = 0; i < pg->options.nstatements; i++) {
        snprintf(name, sizeof(name), "s%zu", i);

        if (PQsendPrepare(pg->conn, name, pg->options.statements[i],
                          pg->options.ntypes, pg->options.types)
            != 1)
        {
            pt_pg_lost(pg, PQerrorMessage(pg->conn));
            return;
        }
    }

    if (pt_pg_commit(pg, pt_pg_prepared, pg) != PT_OK) {
        pt_pg_lost(pg, PQerrorMessage(pg->conn));
    }
}


static void
pt_pg_prepared(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    pt_pg_t  *pg = ctx;

    (void) results;
    (void) n;

    if (pg->state != PT_PG_PREPARING) {
        return;
    }

    if (err != PT_OK) {
        /* PQfinish() must not happen under pt_pg_drain(): the timer does it */
        uv_timer_start(&pg->timer, pt_pg_retry, 0, 0);
        return;
    }

    uv_timer_stop(&pg->timer);
    pg->state = PT_PG_READY;
    pg->retry_ms = PT_PG_RETRY_MIN_MS;

    if (pg->options.on_state) {
        pg->options.on_state(pg->options.ctx, true, "");
    }
}


static void
pt_pg_watch(pt_pg_t *pg, int events)
{
    if (pg->poll == NULL) {
        pg->poll = malloc(sizeof(uv_poll_t));

        if (pg->poll == NULL) {
            pt_pg_lost(pg, "no memory");
            return;
        }

        if (uv_poll_init(pg->loop, pg->poll, PQsocket(pg->conn)) != 0) {
            free(pg->poll);
            pg->poll = NULL;
            pt_pg_lost(pg, "cannot watch its socket");
            return;
        }

        pg->poll->data = pg;
        pg->events = 0;
    }

    if (pg->events != events) {
        pg->events = events;
        uv_poll_start(pg->poll, events, pt_pg_event);
    }
}


static void
pt_pg_unwatch(pt_pg_t *pg)
{
    if (pg->poll) {
        uv_close((uv_handle_t *) pg->poll, pt_pg_freed);
        pg->poll = NULL;
    }
}


static void
pt_pg_freed(uv_handle_t *handle)
{
    free(handle);
}


static void
pt_pg_event(uv_poll_t *poll, int status, int events)
{
    pt_pg_t  *pg = poll->data;

    if (pg->state == PT_PG_CONNECTING) {
        pt_pg_connect_step(pg);
        return;
    }

    /*
     * An error of the socket, behind what can still be read: libuv has stopped
     * the handle, and pt_pg_flush() has to start it again.
     */
    if (status < 0) {
        pg->events = 0;
    }

    if (status < 0 || events & UV_READABLE) {
        if (PQconsumeInput(pg->conn) != 1) {
            pt_pg_lost(pg, PQerrorMessage(pg->conn));
            return;
        }
    }

    pt_pg_drain(pg);

    if (pg->conn) {
        pt_pg_flush(pg);
    }
}


static void
pt_pg_flush(pt_pg_t *pg)
{
    int  rc = PQflush(pg->conn);

    /*
     * A write that fails makes libpq read, and what it reads may be the end:
     * then it has closed the socket, and no event will ever come from it.
     */
    if (PQstatus(pg->conn) == CONNECTION_BAD || PQsocket(pg->conn) < 0) {
        snprintf(pg->reason, sizeof(pg->reason), "%s",
                 PQerrorMessage(pg->conn));
        pg->broken = true;
        uv_timer_start(&pg->timer, pt_pg_retry, 0, 0);
        return;
    }

    pt_pg_watch(pg, rc == 1 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}


/* all that has arrived */
static void
pt_pg_drain(pt_pg_t *pg)
{
    unsigned   nulls = 0;
    PGresult  *res;

    pg->draining = true;

    /* a null ends each statement's results; two mean that there is no more */
    while (pg->head && nulls < 2 && !PQisBusy(pg->conn)) {
        res = PQgetResult(pg->conn);

        if (res == NULL) {
            nulls++;
            continue;
        }

        nulls = 0;

        if (!pt_pg_take(pg, res)) {
            PQclear(res);
        }
    }

    pg->draining = false;

    if (pg->conn && PQstatus(pg->conn) == CONNECTION_BAD) {
        pt_pg_lost(pg, pg->reason[0] ? pg->reason : PQerrorMessage(pg->conn));
    }
}


/* whether the result is kept */
static bool
pt_pg_take(pt_pg_t *pg, PGresult *res)
{
    pt_pg_tx_t  *tx = pg->head;

    switch (PQresultStatus(res)) {

    case PGRES_PIPELINE_SYNC:
        pt_pg_end(pg, tx->err);

        /* the connection outlived it: no reason for its loss */
        if (pg->state == PT_PG_READY) {
            pg->reason[0] = '\0';
        }

        return false;

    case PGRES_PIPELINE_ABORTED:
        return false;

    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:

        /* those of pt_pg_prepare() are more, and of no interest */
        if (tx->n < PT_PG_RESULTS_MAX && pg->state == PT_PG_READY) {
            tx->results[tx->n++] = res;
            return true;
        }

        return false;

    default:

        /* also an error of the commit itself: it comes before its sync */
        if (tx->err == PT_OK) {
            tx->err = pt_pg_result_err(res);
            snprintf(pg->reason, sizeof(pg->reason), "%s",
                     PQresultErrorMessage(res));

            if (tx->err == PT_E_DATABASE) {
                pt_pg_complain(pg, res);
            }
        }

        return false;
    }
}


/* an error of the server that no caller can mend: its operator can */
static void
pt_pg_complain(pt_pg_t *pg, const PGresult *res)
{
    uint64_t     now = uv_now(pg->loop);
    const char  *severity, *state, *text;

    severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);

    /* FATAL ends the connection, which is told by on_state */
    if (severity == NULL || strcmp(severity, "ERROR") != 0
        || (pg->complained_ms && now - pg->complained_ms < PT_PG_COMPLAIN_MS))
    {
        return;
    }

    state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    pg->complained_ms = now;
    pt_log(PT_LOG_ERROR, "database", "the database refuses a statement: %s "
           "sqlstate=%s", text ? text : "", state ? state : "");
}


/* SQLSTATE classes, PostgreSQL manual, appendix A */
static pt_err_t
pt_pg_result_err(const PGresult *res)
{
    const char  *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    if (state == NULL) {
        return PT_E_DATABASE;
    }

    if (strncmp(state, "40", 2) == 0 || strcmp(state, "55P03") == 0) {
        return PT_E_UNAVAILABLE;
    }

    if (strncmp(state, "21", 2) == 0 || strncmp(state, "22", 2) == 0
        || strncmp(state, "23", 2) == 0 || strncmp(state, "54", 2) == 0)
    {
        return PT_E_INVALID;
    }

    return PT_E_DATABASE;
}


/* the first transaction has ended */
static void
pt_pg_end(pt_pg_t *pg, pt_err_t err)
{
    size_t       i;
    pt_pg_tx_t  *tx = pg->head;

    pg->head = tx->next;
    pg->pending--;

    if (pg->head == NULL) {
        pg->tail = &pg->head;
    }

    tx->done(tx->ctx, err, tx->results, tx->n);

    for (i = 0; i < tx->n; i++) {
        PQclear(tx->results[i]);
    }

    free(tx);
}


static void
pt_pg_lost(pt_pg_t *pg, const char *reason)
{
    char  text[512];

    /* it is PQfinish()'s */
    snprintf(text, sizeof(text), "%s", reason);

    pt_pg_unwatch(pg);
    PQfinish(pg->conn);

    pg->conn = NULL;
    pg->state = PT_PG_DOWN;
    pg->broken = false;
    pg->reason[0] = '\0';

    uv_timer_start(&pg->timer, pt_pg_retry,
                   pg->retry_ms / 2 + (unsigned) rand() % pg->retry_ms, 0);

    if (pg->retry_ms < PT_PG_RETRY_MAX_MS) {
        pg->retry_ms *= 2;
    }

    while (pg->head) {
        pt_pg_end(pg, PT_E_DATABASE);
    }

    if (pg->options.on_state) {
        pg->options.on_state(pg->options.ctx, false, text);
    }
}


static void
pt_pg_ignore_notice(void *ctx, const char *message)
{
    (void) ctx;
    (void) message;
}


pt_err_t
pt_pg_query(pt_pg_t *pg, unsigned statement, const pt_pg_args_t *args)
{
    int          i, lengths[PT_PG_ARGS_MAX], formats[PT_PG_ARGS_MAX];
    char         name[16];
    const char  *values[PT_PG_ARGS_MAX];

    if (pg->state != PT_PG_READY || pg->broken) {
        return PT_E_DATABASE;
    }

    for (i = 0; i < args->n; i++) {
        values[i] = args->values[i].data;
        lengths[i] = (int) args->values[i].len;
        formats[i] = 1;
    }

    snprintf(name, sizeof(name), "s%u", statement);

    if (args->bad
        || PQsendQueryPrepared(pg->conn, name, args->n, values, lengths,
                               formats, 1) != 1)
    {
        /* what was sent before it must not commit: drop the connection */
        pg->broken = true;
        uv_timer_start(&pg->timer, pt_pg_retry, 0, 0);
        return args->bad ? PT_E_NOMEM : PT_E_DATABASE;
    }

    return PT_OK;
}


pt_err_t
pt_pg_commit(pt_pg_t *pg, pt_pg_done_fn done, void *ctx)
{
    pt_pg_tx_t  *tx;

    if ((pg->state != PT_PG_READY && pg->state != PT_PG_PREPARING)
        || pg->broken)
    {
        return PT_E_DATABASE;
    }

    tx = calloc(1, sizeof(*tx));

    if (tx == NULL || PQpipelineSync(pg->conn) != 1) {
        free(tx);
        pg->broken = true;
        uv_timer_start(&pg->timer, pt_pg_retry, 0, 0);
        return PT_E_DATABASE;
    }

    tx->done = done;
    tx->ctx = ctx;

    *pg->tail = tx;
    pg->tail = &tx->next;
    pg->pending++;

    if (!pg->draining) {
        pt_pg_flush(pg);
    }

    return PT_OK;
}


void
pt_pg_arg_id(pt_pg_args_t *a, const pt_id_t *id)
{
    a->values[a->n++] = (pt_str_t) { (const char *) id->bytes, 16 };
}


void
pt_pg_arg_id_opt(pt_pg_args_t *a, const pt_id_t *id)
{
    if (pt_id_is_zero(id)) {
        a->values[a->n++] = PT_STR_NULL;

    } else {
        pt_pg_arg_id(a, id);
    }
}


void
pt_pg_arg_int4(pt_pg_args_t *a, int32_t v)
{
    pt_pg_put(a->ints[a->n], 4, (uint32_t) v);
    a->values[a->n] = (pt_str_t) { (char *) a->ints[a->n], 4 };
    a->n++;
}


void
pt_pg_arg_int8(pt_pg_args_t *a, int64_t v)
{
    pt_pg_put(a->ints[a->n], 8, (uint64_t) v);
    a->values[a->n] = (pt_str_t) { (char *) a->ints[a->n], 8 };
    a->n++;
}


void
pt_pg_arg_time(pt_pg_args_t *a, int64_t ms)
{
    if (ms == 0) {
        a->values[a->n++] = PT_STR_NULL;

    } else {
        pt_pg_arg_int8(a, (ms - PT_PG_EPOCH_MS) * 1000);
    }
}


void
pt_pg_arg_text(pt_pg_args_t *a, pt_str_t s)
{
    a->values[a->n++] = s;
}


void
pt_pg_arg_bytes(pt_pg_args_t *a, const uint8_t *p, size_t len)
{
    a->values[a->n++] = (pt_str_t) { (const char *) p, len };
}


void
pt_pg_arg_column(pt_pg_args_t *a, pt_pg_column_t *c)
{
    uint8_t  *head = (uint8_t *) c->buf.data;

    static const char  none[12];     /* no dimension, no flags, no type */

    if (c->buf.err != PT_OK) {
        a->bad = true;
    }

    if (c->buf.err != PT_OK || c->n == 0) {
        a->values[a->n++] = (pt_str_t) { none, sizeof(none) };
        return;
    }

    pt_pg_put(head, 4, 1);
    pt_pg_put(head + 4, 4, 1);       /* it may have nulls */
    pt_pg_put(head + 8, 4, c->type);
    pt_pg_put(head + 12, 4, c->n);
    pt_pg_put(head + 16, 4, 1);

    a->values[a->n++] = pt_buf_str(&c->buf);
}


void
pt_pg_column_init(pt_pg_column_t *c, uint32_t type)
{
    pt_buf_init(&c->buf, &pt_mem_heap, PT_PG_COLUMN_MAX);
    c->type = type;
    c->n = 0;
}


void
pt_pg_column_done(pt_pg_column_t *c)
{
    pt_buf_done(&c->buf);
    c->n = 0;
}


void
pt_pg_column_reset(pt_pg_column_t *c)
{
    pt_buf_reset(&c->buf);
    c->n = 0;
}


void
pt_pg_column_id(pt_pg_column_t *c, const pt_id_t *id)
{
    pt_pg_column_add(c, id->bytes, sizeof(id->bytes));
}


void
pt_pg_column_id_opt(pt_pg_column_t *c, const pt_id_t *id)
{
    pt_pg_column_add(c, pt_id_is_zero(id) ? NULL : id->bytes,
                     sizeof(id->bytes));
}


void
pt_pg_column_int4(pt_pg_column_t *c, int32_t v)
{
    uint8_t  bytes[4];

    pt_pg_put(bytes, 4, (uint32_t) v);
    pt_pg_column_add(c, bytes, 4);
}


void
pt_pg_column_int8(pt_pg_column_t *c, int64_t v)
{
    uint8_t  bytes[8];

    pt_pg_put(bytes, 8, (uint64_t) v);
    pt_pg_column_add(c, bytes, 8);
}


void
pt_pg_column_time(pt_pg_column_t *c, int64_t ms)
{
    if (ms == 0) {
        pt_pg_column_add(c, NULL, 0);

    } else {
        pt_pg_column_int8(c, (ms - PT_PG_EPOCH_MS) * 1000);
    }
}


void
pt_pg_column_bool(pt_pg_column_t *c, bool v)
{
    uint8_t  byte = v;

    pt_pg_column_add(c, &byte, 1);
}


void
pt_pg_column_text(pt_pg_column_t *c, pt_str_t s)
{
    pt_pg_column_add(c, s.data, s.len);
}


void
pt_pg_column_bytes(pt_pg_column_t *c, const uint8_t *p, size_t len)
{
    pt_pg_column_add(c, p, len);
}


static void
pt_pg_column_add(pt_pg_column_t *c, const void *data, size_t len)
{
    uint8_t  head[PT_PG_ARRAY_HEAD] = { 0 };

    if (c->n++ == 0) {
        pt_buf_add(&c->buf, head, sizeof(head));
    }

    /* a length of -1 is null */
    pt_pg_put(head, 4, data ? len : UINT32_MAX);
    pt_buf_add(&c->buf, head, 4);

    if (data) {
        pt_buf_add(&c->buf, data, len);
    }
}


static void
pt_pg_put(uint8_t *p, size_t n, uint64_t v)
{
    while (n--) {
        p[n] = (uint8_t) v;
        v >>= 8;
    }
}


pt_id_t
pt_pg_id(const PGresult *res, int row, int column)
{
    pt_id_t   id = { { 0 } };
    pt_str_t  s = pt_pg_text(res, row, column);

    if (s.len == sizeof(id.bytes)) {
        memcpy(id.bytes, s.data, s.len);
    }

    return id;
}


int64_t
pt_pg_int(const PGresult *res, int row, int column)
{
    size_t    i;
    uint64_t  v;
    pt_str_t  s = pt_pg_text(res, row, column);

    if (s.len == 0 || s.len > 8) {
        return 0;
    }

    /* the sign goes into what is above */
    v = (uint8_t) s.data[0] & 0x80 ? UINT64_MAX : 0;

    for (i = 0; i < s.len; i++) {
        v = v << 8 | (uint8_t) s.data[i];
    }

    return (int64_t) v;
}


bool
pt_pg_bool(const PGresult *res, int row, int column)
{
    return pt_pg_int(res, row, column) != 0;
}


int64_t
pt_pg_time(const PGresult *res, int row, int column)
{
    if (PQgetisnull(res, row, column)) {
        return 0;
    }

    return pt_pg_int(res, row, column) / 1000 + PT_PG_EPOCH_MS;
}


pt_str_t
pt_pg_text(const PGresult *res, int row, int column)
{
    if (PQgetisnull(res, row, column)) {
        return PT_STR_NULL;
    }

    return (pt_str_t) { PQgetvalue(res, row, column),
                        (size_t) PQgetlength(res, row, column) };
}
