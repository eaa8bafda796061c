/*
 * PostgreSQL inside nginx's event loop.
 *
 * A connection moves CLOSED -> CONNECTING -> READY <-> BUSY, and from each of
 * them to CLOSED.  The pool gives READY ones to the questions in its queue and
 * opens closed ones again, one at a time: a SCRAM handshake takes milliseconds
 * of CPU in one call.
 */

#include "ngx_http_pitchey_pg.h"


/* connections of a worker: one answers some 5,000 lookups a second */
#define NGX_HTTP_PITCHEY_PG_POOL     4

/* ms; a host that does not answer the connect */
#define NGX_HTTP_PITCHEY_PG_CONNECT  5000

/* ms; a client waits no longer for its session */
#define NGX_HTTP_PITCHEY_PG_WAIT     3000

/* ms between attempts to connect: the first, and the most after doubling */
#define NGX_HTTP_PITCHEY_PG_BACKOFF_MIN  50
#define NGX_HTTP_PITCHEY_PG_BACKOFF_MAX  1000

/* questions that wait: more would not be answered in time; and of those that
 * anybody can cause, fewer, and never on the last connection */
#define NGX_HTTP_PITCHEY_PG_QUEUE    4096
#define NGX_HTTP_PITCHEY_PG_LOW      256

/* a question whose connection broke is asked once more */
#define NGX_HTTP_PITCHEY_PG_TRIES    2


typedef struct {
    ngx_http_pitchey_pg_conn_t  conns[NGX_HTTP_PITCHEY_PG_POOL];
    ngx_queue_t                 waiting[2];/* questions without a connection:
                                            * those to go first, and others */
    ngx_uint_t                  n[2];      /* how many */
    ngx_event_t                 timer;     /* until the next attempt */
    ngx_msec_t                  backoff;
    ngx_uint_t                  down;      /* the last attempt failed */
} ngx_http_pitchey_pg_pool_t;


/* one of several addresses that libpq tries in turn */
typedef struct {
    ngx_str_t                   host;      /* as written: TLS compares it */
    ngx_str_t                   hostaddr;  /* empty for a unix socket */
    ngx_str_t                   port;
} ngx_http_pitchey_pg_address_t;


static void ngx_http_pitchey_pg_notice(void *arg, const char *message);
static void ngx_http_pitchey_pg_connect_poll(
    ngx_http_pitchey_pg_conn_t *conn);
static void ngx_http_pitchey_pg_timer(ngx_event_t *ev);
static void ngx_http_pitchey_pg_event(ngx_event_t *ev);
static void ngx_http_pitchey_pg_io(ngx_http_pitchey_pg_conn_t *conn);
static ngx_int_t ngx_http_pitchey_pg_flush(ngx_http_pitchey_pg_conn_t *conn);
static void ngx_http_pitchey_pg_notifies(ngx_http_pitchey_pg_conn_t *conn);
static ngx_uint_t ngx_http_pitchey_pg_results(
    ngx_http_pitchey_pg_conn_t *conn);
static void ngx_http_pitchey_pg_lost(ngx_http_pitchey_pg_conn_t *conn,
    const char *reason);
static ngx_int_t ngx_http_pitchey_pg_attach(ngx_http_pitchey_pg_conn_t *conn,
    ngx_uint_t read, ngx_uint_t write);
static void ngx_http_pitchey_pg_detach(ngx_http_pitchey_pg_conn_t *conn);

static void ngx_http_pitchey_pg_pool_open(void);
static void ngx_http_pitchey_pg_pool_timer(ngx_event_t *ev);
static void ngx_http_pitchey_pg_pool_send(void);
static ngx_http_pitchey_pg_query_t *ngx_http_pitchey_pg_pool_next(void);
static void ngx_http_pitchey_pg_pool_opened(ngx_http_pitchey_pg_conn_t *conn);
static void ngx_http_pitchey_pg_pool_done(ngx_http_pitchey_pg_conn_t *conn,
    PGresult *res);
static void ngx_http_pitchey_pg_pool_closed(ngx_http_pitchey_pg_conn_t *conn,
    const char *reason);
static ngx_uint_t ngx_http_pitchey_pg_pool_alive(void);
static void ngx_http_pitchey_pg_query_again(
    ngx_http_pitchey_pg_query_t *query);
static void ngx_http_pitchey_pg_query_finish(
    ngx_http_pitchey_pg_query_t *query, PGresult *res);
static void ngx_http_pitchey_pg_query_timeout(ngx_event_t *ev);

static const char *ngx_http_pitchey_pg_user(ngx_conf_t *cf);
static const char *ngx_http_pitchey_pg_option(
    const PQconninfoOption *options, const char *keyword);
static ngx_int_t ngx_http_pitchey_pg_add(ngx_http_pitchey_pg_t *database,
    ngx_pool_t *pool, ngx_uint_t *n, const char *keyword, const char *value);
static ngx_int_t ngx_http_pitchey_pg_resolve(ngx_conf_t *cf,
    ngx_str_t *directive, const PQconninfoOption *options,
    ngx_array_t *addresses);
static ngx_int_t ngx_http_pitchey_pg_resolve_host(ngx_conf_t *cf,
    ngx_str_t *directive, ngx_str_t *host, ngx_str_t *port,
    ngx_array_t *addresses);
static ngx_str_t ngx_http_pitchey_pg_list(const char *list, ngx_uint_t n);
static const char *ngx_http_pitchey_pg_join(ngx_pool_t *pool,
    ngx_array_t *addresses, size_t offset);


static const ngx_http_pitchey_pg_handlers_t  ngx_http_pitchey_pg_pool_handlers =
{
    ngx_http_pitchey_pg_pool_opened,
    ngx_http_pitchey_pg_pool_done,
    NULL,                                  /* notified: it does not listen */
    ngx_http_pitchey_pg_pool_closed
};


static ngx_http_pitchey_pg_pool_t  ngx_http_pitchey_pg_pool;


ngx_int_t
ngx_http_pitchey_pg_open(ngx_http_pitchey_pg_conn_t *conn)
{
    conn->pq = PQconnectStartParams(conn->database->keywords,
                                    conn->database->values, 0);
    if (conn->pq == NULL) {
        return NGX_ERROR;
    }

    (void) PQsetNoticeProcessor(conn->pq, ngx_http_pitchey_pg_notice, NULL);

    conn->state = NGX_HTTP_PITCHEY_PG_CONNECTING;

    conn->timer.handler = ngx_http_pitchey_pg_timer;
    conn->timer.data = conn;
    conn->timer.log = ngx_cycle->log;
    conn->timer.cancelable = 1;

    /* libpq: before the first poll, behave as if it had asked to write */
    if (PQstatus(conn->pq) == CONNECTION_BAD
        || ngx_http_pitchey_pg_attach(conn, 0, 1) != NGX_OK)
    {
        /* as if the time had run out at once: no handler is called in here */
        ngx_add_timer(&conn->timer, 1);
        return NGX_OK;
    }

    ngx_add_timer(&conn->timer, NGX_HTTP_PITCHEY_PG_CONNECT);

    return NGX_OK;
}


/* libpq's own writes to stderr */
static void
ngx_http_pitchey_pg_notice(void *arg, const char *message)
{
    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0, "PostgreSQL: %*s",
                  strcspn(message, "\n"), message);
}


static void
ngx_http_pitchey_pg_connect_poll(ngx_http_pitchey_pg_conn_t *conn)
{
    ngx_int_t                  rc;
    PostgresPollingStatusType  status;

    /*
     * The poll may close the socket and open another one (the next address,
     * TLS refused), even under the same number: it must not be watched then.
     */
    ngx_http_pitchey_pg_detach(conn);

    status = PQconnectPoll(conn->pq);

    switch (status) {

    case PGRES_POLLING_READING:
        rc = ngx_http_pitchey_pg_attach(conn, 1, 0);
        break;

    case PGRES_POLLING_WRITING:
        rc = ngx_http_pitchey_pg_attach(conn, 0, 1);
        break;

    case PGRES_POLLING_OK:
        rc = ngx_http_pitchey_pg_attach(conn, 1, 0);
        break;

    default:
        ngx_http_pitchey_pg_lost(conn, NULL);
        return;
    }

    if (rc != NGX_OK) {
        ngx_http_pitchey_pg_lost(conn, "no connection of nginx is free");
        return;
    }

    if (status != PGRES_POLLING_OK) {
        return;
    }

    ngx_del_timer(&conn->timer);

    if (PQsetnonblocking(conn->pq, 1) != 0) {
        ngx_http_pitchey_pg_lost(conn, NULL);
        return;
    }

    conn->state = NGX_HTTP_PITCHEY_PG_READY;
    conn->handlers->opened(conn);
}


static void
ngx_http_pitchey_pg_timer(ngx_event_t *ev)
{
    ngx_http_pitchey_pg_conn_t  *conn = ev->data;

    ngx_http_pitchey_pg_lost(conn,
                             conn->state == NGX_HTTP_PITCHEY_PG_CONNECTING
                             && PQstatus(conn->pq) != CONNECTION_BAD
                             ? "the connect timed out" : NULL);
}


static void
ngx_http_pitchey_pg_event(ngx_event_t *ev)
{
    ngx_connection_t            *c = ev->data;
    ngx_http_pitchey_pg_conn_t  *conn = c->data;

    if (conn->state == NGX_HTTP_PITCHEY_PG_CONNECTING) {
        ngx_http_pitchey_pg_connect_poll(conn);
        return;
    }

    ngx_http_pitchey_pg_io(conn);
}


void
ngx_http_pitchey_pg_send(ngx_http_pitchey_pg_conn_t *conn, const char *sql,
    ngx_uint_t n, const char *const *params)
{
    int  sent;

    conn->state = NGX_HTTP_PITCHEY_PG_BUSY;

    if (n != 0) {
        sent = PQsendQueryParams(conn->pq, sql, (int) n, NULL, params, NULL,
                                 NULL, 0);
    } else {
        sent = PQsendQuery(conn->pq, sql);
    }

    if (!sent || ngx_http_pitchey_pg_flush(conn) != NGX_OK) {
        /* lost, but no handler is called in here; the socket may be closed
         * already and tell nothing */
        ngx_add_timer(&conn->timer, 1);
    }
}


/* what the socket brought, in the order in which libpq has it */
static void
ngx_http_pitchey_pg_io(ngx_http_pitchey_pg_conn_t *conn)
{
    PGconn    *pq;
    PGresult  *res;

    if (PQconsumeInput(conn->pq) == 0
        || ngx_http_pitchey_pg_flush(conn) != NGX_OK)
    {
        ngx_http_pitchey_pg_lost(conn, NULL);
        return;
    }

    pq = conn->pq;

    if (conn->handlers->notified != NULL) {
        ngx_http_pitchey_pg_notifies(conn);
    }

    /* a handler may have closed it */
    if (conn->pq != pq || conn->state != NGX_HTTP_PITCHEY_PG_BUSY
        || !ngx_http_pitchey_pg_results(conn))
    {
        return;
    }

    if (PQstatus(conn->pq) == CONNECTION_BAD || conn->result == NULL) {
        ngx_http_pitchey_pg_lost(conn, NULL);
        return;
    }

    res = conn->result;
    conn->result = NULL;
    conn->state = NGX_HTTP_PITCHEY_PG_READY;

    conn->handlers->done(conn, res);

    PQclear(res);
}


static void
ngx_http_pitchey_pg_notifies(ngx_http_pitchey_pg_conn_t *conn)
{
    PGconn    *pq;
    PGnotify  *notify;

    pq = conn->pq;

    while (conn->pq == pq && (notify = PQnotifies(pq)) != NULL) {
        conn->handlers->notified(conn, notify->relname, notify->extra);
        PQfreemem(notify);
    }
}


/* keeps the statement's first result; true: that was the last one */
static ngx_uint_t
ngx_http_pitchey_pg_results(ngx_http_pitchey_pg_conn_t *conn)
{
    PGresult  *res;

    while (!PQisBusy(conn->pq)) {
        res = PQgetResult(conn->pq);

        if (res == NULL) {
            return 1;
        }

        if (conn->result == NULL) {
            conn->result = res;
            continue;
        }

        /* of several statements the one that failed is of interest */
        if (PQresultStatus(res) == PGRES_FATAL_ERROR) {
            PQclear(conn->result);
            conn->result = res;
            continue;
        }

        PQclear(res);
    }

    return 0;
}


static ngx_int_t
ngx_http_pitchey_pg_flush(ngx_http_pitchey_pg_conn_t *conn)
{
    int           rc;
    ngx_event_t  *wev;

    rc = PQflush(conn->pq);
    wev = conn->c->write;

    if (rc == -1) {
        return NGX_ERROR;
    }

    if (rc == 1 && !wev->active) {
        return ngx_add_event(wev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
    }

    if (rc == 0 && wev->active) {
        return ngx_del_event(wev, NGX_WRITE_EVENT, 0);
    }

    return NGX_OK;
}


static void
ngx_http_pitchey_pg_lost(ngx_http_pitchey_pg_conn_t *conn, const char *reason)
{
    char    line[256];
    size_t  len;

    if (reason == NULL) {
        reason = PQerrorMessage(conn->pq);
    }

    len = strcspn(reason, "\n");
    len = ngx_min(len, sizeof(line) - 1);
    ngx_memcpy(line, reason, len);
    line[len] = '\0';

    ngx_http_pitchey_pg_close(conn);

    conn->handlers->closed(conn, line);
}


void
ngx_http_pitchey_pg_close(ngx_http_pitchey_pg_conn_t *conn)
{
    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    /* first: PQfinish() closes the socket */
    ngx_http_pitchey_pg_detach(conn);

    PQclear(conn->result);
    conn->result = NULL;

    PQfinish(conn->pq);
    conn->pq = NULL;

    conn->state = NGX_HTTP_PITCHEY_PG_CLOSED;
}


/*
 * Watches libpq's socket.  Level-triggered: libpq reads what it needs, not
 * until the socket is empty.
 */
static ngx_int_t
ngx_http_pitchey_pg_attach(ngx_http_pitchey_pg_conn_t *conn, ngx_uint_t read,
    ngx_uint_t write)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(PQsocket(conn->pq), ngx_cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = conn;
    c->read->handler = ngx_http_pitchey_pg_event;
    c->read->log = c->log;
    c->write->handler = ngx_http_pitchey_pg_event;
    c->write->log = c->log;

    conn->c = c;

    if (read && ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT)
                != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (write && ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT)
                 != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* as ngx_close_connection(), but the socket is libpq's */
static void
ngx_http_pitchey_pg_detach(ngx_http_pitchey_pg_conn_t *conn)
{
    ngx_uint_t         flags;
    ngx_connection_t  *c;

    c = conn->c;

    if (c == NULL) {
        return;
    }

    conn->c = NULL;

    /* libpq closes it where it finds the connection broken */
    flags = PQsocket(conn->pq) == -1 ? NGX_CLOSE_EVENT : 0;

    if (c->read->active) {
        ngx_del_event(c->read, NGX_READ_EVENT, flags);
    }

    if (c->write->active) {
        ngx_del_event(c->write, NGX_WRITE_EVENT, flags);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    ngx_free_connection(c);

    /* an event of it that is still in this round's list is stale */
    c->fd = (ngx_socket_t) -1;
}


ngx_int_t
ngx_http_pitchey_pg_ask(ngx_http_pitchey_pg_query_t *query)
{
    ngx_http_pitchey_pg_pool_t  *pool;

    pool = &ngx_http_pitchey_pg_pool;

    if ((pool->down && !ngx_http_pitchey_pg_pool_alive())
        || pool->n[query->low] >= (query->low ? NGX_HTTP_PITCHEY_PG_LOW
                                              : NGX_HTTP_PITCHEY_PG_QUEUE))
    {
        return NGX_DECLINED;
    }

    query->conn = NULL;
    query->tries = 0;

    /* not cancelable: a worker that quits first answers its clients */
    ngx_memzero(&query->timer, sizeof(ngx_event_t));
    query->timer.handler = ngx_http_pitchey_pg_query_timeout;
    query->timer.data = query;
    query->timer.log = ngx_cycle->log;
    ngx_add_timer(&query->timer, NGX_HTTP_PITCHEY_PG_WAIT);

    ngx_queue_insert_tail(&pool->waiting[query->low], &query->queue);
    pool->n[query->low]++;

    ngx_http_pitchey_pg_pool_send();

    return NGX_OK;
}


static void
ngx_http_pitchey_pg_pool_send(void)
{
    ngx_uint_t                    i;
    ngx_http_pitchey_pg_conn_t   *conn;
    ngx_http_pitchey_pg_pool_t   *pool;
    ngx_http_pitchey_pg_query_t  *query;

    pool = &ngx_http_pitchey_pg_pool;

    for (i = 0; i < NGX_HTTP_PITCHEY_PG_POOL; i++) {
        conn = &pool->conns[i];

        if (conn->state != NGX_HTTP_PITCHEY_PG_READY) {
            continue;
        }

        query = ngx_http_pitchey_pg_pool_next();
        if (query == NULL) {
            return;
        }

        query->conn = conn;
        query->tries++;
        conn->data = query;

        ngx_http_pitchey_pg_send(conn, query->sql, query->nparams,
                                 query->params);
    }
}


/* the question that is asked next, taken off its queue, or NULL */
static ngx_http_pitchey_pg_query_t *
ngx_http_pitchey_pg_pool_next(void)
{
    ngx_uint_t                    i, low;
    ngx_queue_t                  *q;
    ngx_http_pitchey_pg_pool_t   *pool;
    ngx_http_pitchey_pg_query_t  *query;

    pool = &ngx_http_pitchey_pg_pool;
    low = 0;

    if (ngx_queue_empty(&pool->waiting[0])) {

        for (i = 0; i < NGX_HTTP_PITCHEY_PG_POOL; i++) {
            query = pool->conns[i].data;
            low += (query != NULL && query->low);
        }

        if (ngx_queue_empty(&pool->waiting[1])
            || low >= NGX_HTTP_PITCHEY_PG_POOL - 1)
        {
            return NULL;
        }

        low = 1;
    }

    q = ngx_queue_head(&pool->waiting[low]);
    ngx_queue_remove(q);
    pool->n[low]--;

    return ngx_queue_data(q, ngx_http_pitchey_pg_query_t, queue);
}


static void
ngx_http_pitchey_pg_pool_done(ngx_http_pitchey_pg_conn_t *conn, PGresult *res)
{
    const char                   *state;
    ngx_http_pitchey_pg_query_t  *query;

    query = conn->data;
    conn->data = NULL;

    if (PQresultStatus(res) != PGRES_TUPLES_OK
        && PQresultStatus(res) != PGRES_COMMAND_OK)
    {
        state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

        if (state != NULL && ngx_strncmp(state, "57P", 3) == 0) {
            /* the server is going down, and the connection with it */
            if (query != NULL) {
                ngx_http_pitchey_pg_query_again(query);
            }

            ngx_http_pitchey_pg_lost(conn, PQresultErrorMessage(res));
            return;
        }

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "%s failed: %*s", query ? query->name : "a statement",
                      strcspn(PQresultErrorMessage(res), "\n"),
                      PQresultErrorMessage(res));
        res = NULL;
    }

    if (query != NULL) {
        ngx_http_pitchey_pg_query_finish(query, res);
    }

    ngx_http_pitchey_pg_pool_send();
}


static void
ngx_http_pitchey_pg_pool_opened(ngx_http_pitchey_pg_conn_t *conn)
{
    ngx_http_pitchey_pg_pool_t  *pool;

    pool = &ngx_http_pitchey_pg_pool;

    if (pool->down) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "pitchey_database is back");
    }

    pool->down = 0;
    pool->backoff = 0;

    ngx_http_pitchey_pg_pool_send();
    ngx_http_pitchey_pg_pool_open();
}


static void
ngx_http_pitchey_pg_pool_closed(ngx_http_pitchey_pg_conn_t *conn,
    const char *reason)
{
    ngx_uint_t                    i, level;
    ngx_queue_t                   questions, *q;
    ngx_http_pitchey_pg_pool_t   *pool;
    ngx_http_pitchey_pg_query_t  *query;

    pool = &ngx_http_pitchey_pg_pool;

    query = conn->data;
    conn->data = NULL;

    if (query != NULL) {
        ngx_http_pitchey_pg_query_again(query);
    }

    /* later failures of one outage are of no interest */
    level = pool->down ? NGX_LOG_INFO : NGX_LOG_ERR;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "no connection to pitchey_database: %s", reason);

    pool->down = 1;
    pool->backoff = ngx_min(ngx_max(pool->backoff * 2,
                                    NGX_HTTP_PITCHEY_PG_BACKOFF_MIN),
                            NGX_HTTP_PITCHEY_PG_BACKOFF_MAX);

    if (!pool->timer.timer_set) {
        ngx_add_timer(&pool->timer, pool->backoff);
    }

    if (ngx_http_pitchey_pg_pool_alive()) {
        return;
    }

    /* nobody can answer: better now than after the whole wait; a handler may
     * ask anew, so that the queue must not be the one that is walked */
    ngx_queue_init(&questions);

    for (i = 0; i < 2; i++) {
        if (!ngx_queue_empty(&pool->waiting[i])) {
            ngx_queue_add(&questions, &pool->waiting[i]);
            ngx_queue_init(&pool->waiting[i]);
            pool->n[i] = 0;
        }
    }

    while (!ngx_queue_empty(&questions)) {
        q = ngx_queue_head(&questions);
        ngx_queue_remove(q);

        ngx_http_pitchey_pg_query_finish(
                  ngx_queue_data(q, ngx_http_pitchey_pg_query_t, queue), NULL);
    }
}


/* opens the next one that is closed, unless one is being opened */
static void
ngx_http_pitchey_pg_pool_open(void)
{
    ngx_uint_t                   i;
    ngx_http_pitchey_pg_conn_t  *conn, *closed;
    ngx_http_pitchey_pg_pool_t  *pool;

    pool = &ngx_http_pitchey_pg_pool;
    closed = NULL;

    if (pool->timer.timer_set) {
        return;
    }

    for (i = 0; i < NGX_HTTP_PITCHEY_PG_POOL; i++) {
        conn = &pool->conns[i];

        if (conn->state == NGX_HTTP_PITCHEY_PG_CONNECTING) {
            return;
        }

        if (conn->state == NGX_HTTP_PITCHEY_PG_CLOSED) {
            closed = conn;
        }
    }

    if (closed != NULL && ngx_http_pitchey_pg_open(closed) != NGX_OK) {
        ngx_add_timer(&pool->timer, NGX_HTTP_PITCHEY_PG_BACKOFF_MAX);
    }
}


static void
ngx_http_pitchey_pg_pool_timer(ngx_event_t *ev)
{
    ngx_http_pitchey_pg_pool_open();
}


/* whether a connection is open */
static ngx_uint_t
ngx_http_pitchey_pg_pool_alive(void)
{
    ngx_uint_t                   i;
    ngx_http_pitchey_pg_conn_t  *conn;

    for (i = 0; i < NGX_HTTP_PITCHEY_PG_POOL; i++) {
        conn = &ngx_http_pitchey_pg_pool.conns[i];

        if (conn->state >= NGX_HTTP_PITCHEY_PG_READY) {
            return 1;
        }
    }

    return 0;
}


/* its connection broke: back to the head of the queue, if it may */
static void
ngx_http_pitchey_pg_query_again(ngx_http_pitchey_pg_query_t *query)
{
    ngx_http_pitchey_pg_pool_t  *pool;

    pool = &ngx_http_pitchey_pg_pool;

    if (query->tries >= NGX_HTTP_PITCHEY_PG_TRIES) {
        ngx_http_pitchey_pg_query_finish(query, NULL);
        return;
    }

    query->conn = NULL;
    ngx_queue_insert_head(&pool->waiting[query->low], &query->queue);
    pool->n[query->low]++;
}


static void
ngx_http_pitchey_pg_query_finish(ngx_http_pitchey_pg_query_t *query,
    PGresult *res)
{
    if (query->timer.timer_set) {
        ngx_del_timer(&query->timer);
    }

    query->handler(query, res);
}


static void
ngx_http_pitchey_pg_query_timeout(ngx_event_t *ev)
{
    ngx_http_pitchey_pg_conn_t   *conn;
    ngx_http_pitchey_pg_query_t  *query = ev->data;

    conn = query->conn;

    if (conn == NULL) {
        ngx_queue_remove(&query->queue);
        ngx_http_pitchey_pg_pool.n[query->low]--;

    } else {
        /* its answer may still come, so nothing else can be asked there */
        conn->data = NULL;
        ngx_http_pitchey_pg_lost(conn, "no answer in time");
    }

    ngx_http_pitchey_pg_query_finish(query, NULL);
}


ngx_int_t
ngx_http_pitchey_pg_init(ngx_cycle_t *cycle,
    const ngx_http_pitchey_pg_t *database)
{
    ngx_uint_t                   i;
    ngx_http_pitchey_pg_pool_t  *pool;

    pool = &ngx_http_pitchey_pg_pool;

    ngx_memzero(pool, sizeof(ngx_http_pitchey_pg_pool_t));
    ngx_queue_init(&pool->waiting[0]);
    ngx_queue_init(&pool->waiting[1]);

    pool->timer.handler = ngx_http_pitchey_pg_pool_timer;
    pool->timer.data = pool;
    pool->timer.log = cycle->log;
    pool->timer.cancelable = 1;

    for (i = 0; i < NGX_HTTP_PITCHEY_PG_POOL; i++) {
        pool->conns[i].database = database;
        pool->conns[i].handlers = &ngx_http_pitchey_pg_pool_handlers;
    }

    if (database == NULL) {
        pool->down = 1;
        return NGX_OK;
    }

    /*
     * Timestamps are read as text.  libpq sends these two when it connects, so
     * that they win over what the role or the database is set to, and a pooler
     * keeps them apart by client, which it does for no other way.
     */
    if (setenv("PGDATESTYLE", "ISO", 1) != 0
        || setenv("PGTZ", "UTC", 1) != 0)
    {
        return NGX_ERROR;
    }

    ngx_http_pitchey_pg_pool_open();

    return NGX_OK;
}


void
ngx_http_pitchey_pg_exit(void)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_PITCHEY_PG_POOL; i++) {
        ngx_http_pitchey_pg_close(&ngx_http_pitchey_pg_pool.conns[i]);
    }
}


ngx_http_pitchey_pg_t *
ngx_http_pitchey_pg_parse(ngx_conf_t *cf, ngx_str_t *directive,
    ngx_str_t *conninfo)
{
    char                    *error;
    ngx_int_t                rc;
    ngx_uint_t               n, i, count;
    ngx_array_t              addresses;
    PQconninfoOption        *options;
    ngx_http_pitchey_pg_t   *database;

    const char  *mine[][2] = {
        /* the library of Kerberos looks for its tickets, and waits */
        { "gssencmode", "disable" },
        { "client_encoding", "UTF8" },
        /* libpq would look both up at each connect, in files that may wait */
        { "user", ngx_http_pitchey_pg_user(cf) },
        { "passfile", "/nonexistent" },
        { "fallback_application_name", "pitchey-edge" }
    };

    error = NULL;
    options = PQconninfoParse((char *) conninfo->data, &error);

    if (options == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"%V\": %*s",
                           directive, error ? strcspn(error, "\n") : 0,
                           error ? error : "");
        PQfreemem(error);
        return NULL;
    }

    for (count = 0; options[count].keyword != NULL; count++) { /* void */ }

    database = ngx_palloc(cf->pool, sizeof(ngx_http_pitchey_pg_t));

    /* one more each for the end, the two lists may be new, and so may mine */
    n = count + 3 + sizeof(mine) / sizeof(mine[0]);

    if (database == NULL
        || (database->keywords = ngx_pcalloc(cf->pool, n * sizeof(char *)))
           == NULL
        || (database->values = ngx_pcalloc(cf->pool, n * sizeof(char *)))
           == NULL
        || ngx_array_init(&addresses, cf->temp_pool, 4,
                          sizeof(ngx_http_pitchey_pg_address_t)) != NGX_OK)
    {
        goto failed;
    }

    rc = ngx_http_pitchey_pg_resolve(cf, directive, options, &addresses);
    if (rc == NGX_ERROR) {
        goto failed;
    }

    n = 0;

    for (i = 0; i < count; i++) {
        if (options[i].val == NULL
            || (addresses.nelts
                && (ngx_strcmp(options[i].keyword, "host") == 0
                    || ngx_strcmp(options[i].keyword, "port") == 0)))
        {
            continue;
        }

        if (ngx_http_pitchey_pg_add(database, cf->pool, &n,
                                    options[i].keyword, options[i].val)
            != NGX_OK)
        {
            goto failed;
        }
    }

    for (i = 0; i < sizeof(mine) / sizeof(mine[0]); i++) {
        if (mine[i][1] == NULL
            || ngx_http_pitchey_pg_option(options, mine[i][0]) != NULL)
        {
            continue;
        }

        if (ngx_http_pitchey_pg_add(database, cf->pool, &n, mine[i][0],
                                    mine[i][1])
            != NGX_OK)
        {
            goto failed;
        }
    }

    if (addresses.nelts) {
        database->keywords[n] = "host";
        database->values[n++] = ngx_http_pitchey_pg_join(cf->pool, &addresses,
                               offsetof(ngx_http_pitchey_pg_address_t, host));
        database->keywords[n] = "hostaddr";
        database->values[n++] = ngx_http_pitchey_pg_join(cf->pool, &addresses,
                           offsetof(ngx_http_pitchey_pg_address_t, hostaddr));
        database->keywords[n] = "port";
        database->values[n++] = ngx_http_pitchey_pg_join(cf->pool, &addresses,
                               offsetof(ngx_http_pitchey_pg_address_t, port));

        /* a NULL would end the list */
        if (database->values[n - 3] == NULL || database->values[n - 2] == NULL
            || database->values[n - 1] == NULL)
        {
            goto failed;
        }
    }

    PQconninfoFree(options);

    return database;

failed:

    PQconninfoFree(options);

    return NULL;
}


/* as whom a worker will run: libpq's default */
static const char *
ngx_http_pitchey_pg_user(ngx_conf_t *cf)
{
    struct passwd    *pw;
    ngx_core_conf_t  *ccf;

    if (geteuid() == 0) {
        ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                               ngx_core_module);
        return ccf->username ? ccf->username : NGX_USER;
    }

    pw = getpwuid(geteuid());

    return pw ? pw->pw_name : NULL;
}


static ngx_int_t
ngx_http_pitchey_pg_add(ngx_http_pitchey_pg_t *database, ngx_pool_t *pool,
    ngx_uint_t *n, const char *keyword, const char *value)
{
    ngx_str_t  k, v;

    k.data = (u_char *) keyword;
    k.len = ngx_strlen(keyword) + 1;
    v.data = (u_char *) value;
    v.len = ngx_strlen(value) + 1;

    database->keywords[*n] = (char *) ngx_pstrdup(pool, &k);
    database->values[*n] = (char *) ngx_pstrdup(pool, &v);

    if (database->keywords[*n] == NULL || database->values[*n] == NULL) {
        return NGX_ERROR;
    }

    (*n)++;

    return NGX_OK;
}


static const char *
ngx_http_pitchey_pg_option(const PQconninfoOption *options,
    const char *keyword)
{
    for ( /* void */ ; options->keyword != NULL; options++) {
        if (ngx_strcmp(options->keyword, keyword) == 0) {
            return options->val;
        }
    }

    return NULL;
}


/*
 * Each address of each name in "host" becomes a host of its own, so that
 * libpq tries them in turn as it would have done; none if there is nothing to
 * look up.
 */
static ngx_int_t
ngx_http_pitchey_pg_resolve(ngx_conf_t *cf, ngx_str_t *directive,
    const PQconninfoOption *options, ngx_array_t *addresses)
{
    ngx_str_t    host, port;
    ngx_uint_t   i;
    const char  *hosts, *ports;

    hosts = ngx_http_pitchey_pg_option(options, "host");
    ports = ngx_http_pitchey_pg_option(options, "port");

    if (hosts == NULL || hosts[0] == '\0'
        || ngx_http_pitchey_pg_option(options, "hostaddr") != NULL)
    {
        return NGX_OK;
    }

    if (ports == NULL || ports[0] == '\0') {
        ports = "5432";
    }

    for (i = 0; /* void */ ; i++) {
        host = ngx_http_pitchey_pg_list(hosts, i);

        if (host.data == NULL) {
            return NGX_OK;
        }

        /* one port holds for all */
        port = ngx_http_pitchey_pg_list(ports,
                                        ngx_strchr(ports, ',') ? i : 0);

        if (port.data == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" has more hosts than ports", directive);
            return NGX_ERROR;
        }

        if (ngx_http_pitchey_pg_resolve_host(cf, directive, &host, &port,
                                             addresses)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_http_pitchey_pg_resolve_host(ngx_conf_t *cf, ngx_str_t *directive,
    ngx_str_t *host, ngx_str_t *port, ngx_array_t *addresses)
{
    ngx_url_t                       u;
    ngx_uint_t                      i;
    ngx_http_pitchey_pg_address_t  *address;

    ngx_memzero(&u, sizeof(ngx_url_t));

    if (host->len == 0 || host->data[0] == '/' || host->data[0] == '@') {
        /* a unix socket */
        u.naddrs = 1;

    } else {
        u.url.data = ngx_pnalloc(cf->temp_pool, host->len + 2);
        if (u.url.data == NULL) {
            return NGX_ERROR;
        }

        u.url.len = ngx_sprintf(u.url.data,
                                ngx_strlchr(host->data, host->data + host->len,
                                            ':') ? "[%V]" : "%V", host)
                    - u.url.data;
        u.default_port = 5432;

        if (ngx_parse_url(cf->temp_pool, &u) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "%s for host \"%V\" of \"%V\"",
                               u.err ? u.err : "no memory", host, directive);
            return NGX_ERROR;
        }
    }

    for (i = 0; i < u.naddrs; i++) {
        address = ngx_array_push(addresses);
        if (address == NULL) {
            return NGX_ERROR;
        }

        address->host = *host;
        address->port = *port;
        ngx_str_set(&address->hostaddr, "");

        if (u.addrs == NULL) {
            continue;
        }

        address->hostaddr.data = ngx_pnalloc(cf->temp_pool,
                                             NGX_SOCKADDR_STRLEN);
        if (address->hostaddr.data == NULL) {
            return NGX_ERROR;
        }

        address->hostaddr.len = ngx_sock_ntop(u.addrs[i].sockaddr,
                                              u.addrs[i].socklen,
                                              address->hostaddr.data,
                                              NGX_SOCKADDR_STRLEN, 0);
    }

    return NGX_OK;
}


/* the n-th of a comma-separated list; data is NULL behind the last one */
static ngx_str_t
ngx_http_pitchey_pg_list(const char *list, ngx_uint_t n)
{
    ngx_str_t  item;

    for ( /* void */ ; n > 0; n--) {
        list = strchr(list, ',');

        if (list == NULL) {
            ngx_str_null(&item);
            return item;
        }

        list++;
    }

    item.data = (u_char *) list;
    item.len = strcspn(list, ",");

    return item;
}


/* one member of all addresses, comma-separated and terminated */
static const char *
ngx_http_pitchey_pg_join(ngx_pool_t *pool, ngx_array_t *addresses,
    size_t offset)
{
    char        *list, *p;
    size_t       len;
    ngx_str_t   *s;
    ngx_uint_t   i;

    len = 0;

    for (i = 0; i < addresses->nelts; i++) {
        s = (ngx_str_t *) ((u_char *) addresses->elts
                           + i * addresses->size + offset);
        len += s->len + 1;
    }

    list = ngx_pnalloc(pool, len);
    if (list == NULL) {
        return NULL;
    }

    p = list;

    for (i = 0; i < addresses->nelts; i++) {
        s = (ngx_str_t *) ((u_char *) addresses->elts
                           + i * addresses->size + offset);
        p = (char *) ngx_cpymem(p, s->data, s->len);
        *p++ = ',';
    }

    p[-1] = '\0';

    return list;
}
