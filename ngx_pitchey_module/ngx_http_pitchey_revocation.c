/*
 * Revocations: the worker's listening connection, and the answers under way
 * that have to end with their session.
 *
 * The connection proves itself each second: it notifies a channel of its own
 * and hears that.  Notifications come in the order of their commits, so what
 * was revoked before the proof was sent has been heard, and a pooler that
 * swallows notifications proves nothing.
 */

#include "ngx_http_pitchey_revocation.h"
#include "ngx_http_pitchey_pg.h"
#include "ngx_http_pitchey_session.h"


#define NGX_HTTP_PITCHEY_CHANNEL     "pitchey_session"

/* ms between proofs, and attempts to connect */
#define NGX_HTTP_PITCHEY_PROBE       1000

/* ms that a proof holds: the next one may take its time */
#define NGX_HTTP_PITCHEY_PROVEN      2000

/* ms without a proof after which the connection is given up */
#define NGX_HTTP_PITCHEY_SILENT      4000

/* sessions of streams asked for in one turn of the timer, while the listening
 * connection is away */
#define NGX_HTTP_PITCHEY_RECHECKS    500


typedef struct {
    ngx_queue_t                    queue;
    ngx_http_request_t            *request;
    ngx_http_pitchey_ctx_t        *ctx;
    ngx_http_pitchey_watch_pt      handler;
    ngx_http_pitchey_waiter_t      waiter;
    ngx_msec_t                     time;      /* when the session was good */
    unsigned                       asking:1;
    unsigned                       doubted:1; /* the answer has not begun */
} ngx_http_pitchey_auth_watch_t;


typedef struct {
    ngx_http_pitchey_main_conf_t  *pmcf;
    ngx_http_pitchey_pg_conn_t     conn;
    ngx_event_t                    timer;
    u_char                         channel[64];

    ngx_msec_t                     since;     /* listening; if listening */
    ngx_uint_t                     heard;     /* revocations */
    ngx_uint_t                     number;    /* of the proof under way */
    ngx_msec_t                     sent;      /* when that was */
    ngx_msec_t                     proven;    /* when the last one that came
                                               * back was sent, or opening */
    unsigned                       listening:1;
    unsigned                       alive:1;   /* a proof came back */
    unsigned                       down:1;    /* the failure was logged */

    ngx_queue_t                    watches;
} ngx_http_pitchey_revocation_t;


static void ngx_http_pitchey_revocation_timer(ngx_event_t *ev);
static void ngx_http_pitchey_revocation_prove(void);
static void ngx_http_pitchey_revocation_opened(
    ngx_http_pitchey_pg_conn_t *conn);
static void ngx_http_pitchey_revocation_done(ngx_http_pitchey_pg_conn_t *conn,
    PGresult *res);
static void ngx_http_pitchey_revocation_notified(
    ngx_http_pitchey_pg_conn_t *conn, const char *channel,
    const char *payload);
static void ngx_http_pitchey_revocation_closed(
    ngx_http_pitchey_pg_conn_t *conn, const char *reason);
static ngx_int_t ngx_http_pitchey_revocation_hash(const ngx_str_t *hex,
    u_char *ret_hash);

static void ngx_http_pitchey_auth_watch_check(void);
static ngx_int_t ngx_http_pitchey_auth_watch_ask(
    ngx_http_pitchey_auth_watch_t *watch);
static void ngx_http_pitchey_auth_watch_asked(
    ngx_http_pitchey_waiter_t *waiter, ngx_int_t rc,
    const ngx_http_pitchey_user_t *user, ngx_msec_t time);
static void ngx_http_pitchey_auth_watch_revoke(const u_char *hash,
    const ngx_str_t *user_id);
static void ngx_http_pitchey_auth_watch_end_all(ngx_queue_t *ended);
static void ngx_http_pitchey_auth_watch_end(
    ngx_http_pitchey_auth_watch_t *watch);
static void ngx_http_pitchey_auth_watch_tell(
    ngx_http_pitchey_auth_watch_t *watch, ngx_int_t rc);
static void ngx_http_pitchey_auth_watch_cleanup(void *data);


static const ngx_http_pitchey_pg_handlers_t
    ngx_http_pitchey_revocation_handlers =
{
    ngx_http_pitchey_revocation_opened,
    ngx_http_pitchey_revocation_done,
    ngx_http_pitchey_revocation_notified,
    ngx_http_pitchey_revocation_closed
};


static ngx_http_pitchey_revocation_t  ngx_http_pitchey_revocation;


ngx_uint_t
ngx_http_pitchey_revocation_covers(ngx_msec_t time)
{
    ngx_http_pitchey_revocation_t  *rev;

    rev = &ngx_http_pitchey_revocation;

    return ngx_http_pitchey_revocation_alive()
           && (ngx_msec_int_t) (time - rev->since) >= 0;
}


ngx_uint_t
ngx_http_pitchey_revocation_alive(void)
{
    ngx_http_pitchey_revocation_t  *rev;

    rev = &ngx_http_pitchey_revocation;

    return rev->listening
           && rev->alive
           && ngx_current_msec - rev->proven <= NGX_HTTP_PITCHEY_PROVEN;
}


ngx_uint_t
ngx_http_pitchey_revocation_heard(void)
{
    return ngx_http_pitchey_revocation.heard;
}


static void
ngx_http_pitchey_revocation_timer(ngx_event_t *ev)
{
    ngx_http_pitchey_revocation_t  *rev;

    rev = &ngx_http_pitchey_revocation;

    switch (rev->conn.state) {

    case NGX_HTTP_PITCHEY_PG_CLOSED:
        if (rev->conn.database != NULL) {
            (void) ngx_http_pitchey_pg_open(&rev->conn);
        }

        break;

    case NGX_HTTP_PITCHEY_PG_READY:
        if (rev->listening) {
            ngx_http_pitchey_revocation_prove();
        }

        break;

    default:
        break;
    }

    if (rev->conn.state >= NGX_HTTP_PITCHEY_PG_READY
        && ngx_current_msec - rev->proven > NGX_HTTP_PITCHEY_SILENT)
    {
        ngx_http_pitchey_pg_close(&rev->conn);
        ngx_http_pitchey_revocation_closed(&rev->conn,
                                           "it hears no notification");
    }

    ngx_http_pitchey_auth_watch_check();

    ngx_add_timer(&rev->timer, NGX_HTTP_PITCHEY_PROBE);
}


static void
ngx_http_pitchey_revocation_prove(void)
{
    u_char                          sql[128];
    ngx_http_pitchey_revocation_t  *rev;

    rev = &ngx_http_pitchey_revocation;

    rev->number++;
    rev->sent = ngx_current_msec;

    (void) ngx_sprintf(sql, "NOTIFY %s, '%ui'%Z", rev->channel, rev->number);

    ngx_http_pitchey_pg_send(&rev->conn, (char *) sql, 0, NULL);
}


static void
ngx_http_pitchey_revocation_opened(ngx_http_pitchey_pg_conn_t *conn)
{
    u_char                          sql[128];
    ngx_http_pitchey_revocation_t  *rev;

    rev = &ngx_http_pitchey_revocation;

    rev->proven = ngx_current_msec;

    (void) ngx_sprintf(sql, "LISTEN " NGX_HTTP_PITCHEY_CHANNEL
                       "; LISTEN %s%Z", rev->channel);

    ngx_http_pitchey_pg_send(conn, (char *) sql, 0, NULL);
}


static void
ngx_http_pitchey_revocation_done(ngx_http_pitchey_pg_conn_t *conn,
    PGresult *res)
{
    char                            reason[256];
    ngx_http_pitchey_revocation_t  *rev;

    rev = &ngx_http_pitchey_revocation;

    if (PQresultStatus(res) == PGRES_FATAL_ERROR) {
        ngx_cpystrn((u_char *) reason, (u_char *) PQresultErrorMessage(res),
                    sizeof(reason));
        reason[strcspn(reason, "\n")] = '\0';

        ngx_http_pitchey_pg_close(conn);
        ngx_http_pitchey_revocation_closed(conn, reason);
        return;
    }

    if (rev->listening) {
        return;
    }

    rev->listening = 1;

    /* a row that is read in this millisecond may be older than the LISTEN */
    ngx_time_update();
    rev->since = ngx_current_msec + 1;

    ngx_http_pitchey_revocation_prove();
}


static void
ngx_http_pitchey_revocation_notified(ngx_http_pitchey_pg_conn_t *conn,
    const char *channel, const char *payload)
{
    u_char                          kind;
    u_char                          hash[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN];
    ngx_str_t                       value;
    ngx_http_pitchey_revocation_t  *rev;

    rev = &ngx_http_pitchey_revocation;

    if (ngx_strcmp(channel, rev->channel) == 0) {
        if (ngx_atoi((u_char *) payload, ngx_strlen(payload))
            != (ngx_int_t) rev->number)
        {
            return;
        }

        rev->proven = rev->sent;
        rev->alive = 1;

        if (rev->down) {
            rev->down = 0;
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "pitchey_database_listen is back");
        }

        return;
    }

    rev->heard++;

    value.data = (u_char *) payload;
    value.len = ngx_strlen(payload);
    kind = '\0';

    if (value.len > 2 && payload[1] == ':') {
        kind = value.data[0];
        value.data += 2;
        value.len -= 2;
    }

    if (kind == 's'
        && ngx_http_pitchey_revocation_hash(&value, hash) == NGX_OK)
    {
        ngx_http_pitchey_session_forget(rev->pmcf, hash);
        ngx_http_pitchey_auth_watch_revoke(hash, NULL);
        return;
    }

    if (kind == 'u') {
        ngx_http_pitchey_session_forget_user(rev->pmcf, &value);
        ngx_http_pitchey_auth_watch_revoke(NULL, &value);
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "a notification on \"%s\" is neither \"s:HASH\" nor "
                  "\"u:USER\", ignoring", channel);
}


static void
ngx_http_pitchey_revocation_closed(ngx_http_pitchey_pg_conn_t *conn,
    const char *reason)
{
    ngx_uint_t                      level;
    ngx_http_pitchey_revocation_t  *rev;

    rev = &ngx_http_pitchey_revocation;

    /* later failures of one outage are of no interest */
    level = rev->down ? NGX_LOG_INFO : NGX_LOG_ERR;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "no connection to pitchey_database_listen: %s", reason);

    rev->listening = 0;
    rev->alive = 0;
    rev->down = 1;
}


static ngx_int_t
ngx_http_pitchey_revocation_hash(const ngx_str_t *hex, u_char *ret_hash)
{
    ngx_int_t   n;
    ngx_uint_t  i;

    if (hex->len != 2 * NGX_HTTP_PITCHEY_TOKEN_HASH_LEN) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_PITCHEY_TOKEN_HASH_LEN; i++) {
        n = ngx_hextoi(hex->data + 2 * i, 2);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        ret_hash[i] = (u_char) n;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_pitchey_auth_watch(ngx_http_request_t *r,
    ngx_http_pitchey_watch_pt handler)
{
    ngx_http_cleanup_t             *cln;
    ngx_http_pitchey_auth_watch_t  *watch;

    /* not the pool's: HTTP/2 keeps that until the last frame has left */
    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_pitchey_auth_watch_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    watch = cln->data;
    ngx_memzero(watch, sizeof(ngx_http_pitchey_auth_watch_t));
    cln->handler = ngx_http_pitchey_auth_watch_cleanup;

    watch->request = r;
    watch->ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    watch->handler = handler;
    watch->waiter.handler = ngx_http_pitchey_auth_watch_asked;
    watch->waiter.data = watch;

    /* the timer asks, unless the connection has been alive since then */
    watch->time = watch->ctx->session_time;

    ngx_queue_insert_tail(&ngx_http_pitchey_revocation.watches,
                          &watch->queue);

    if (watch->ctx->session_heard == ngx_http_pitchey_revocation.heard) {
        return NGX_OK;
    }

    /* one that came between the session and this was told to nobody; what
     * cannot be asked now ends by the timer */

    watch->doubted = 1;
    (void) ngx_http_pitchey_auth_watch_ask(watch);

    return NGX_AGAIN;
}


/*
 * Each second: sessions that have run out, and those of which nobody would
 * have told.  Who was looked at goes to the end, so that all have their turn.
 */
static void
ngx_http_pitchey_auth_watch_check(void)
{
    int64_t                         now;
    ngx_uint_t                      asked;
    ngx_queue_t                    *q, *next, *end, *watches, ended;
    ngx_http_pitchey_ctx_t         *ctx;
    ngx_http_pitchey_auth_watch_t  *watch;
    ngx_http_pitchey_revocation_t  *rev;

    rev = &ngx_http_pitchey_revocation;
    watches = &rev->watches;
    now = ngx_http_pitchey_session_now();
    asked = 0;

    if (ngx_queue_empty(watches)) {
        return;
    }

    end = ngx_queue_last(watches);
    ngx_queue_init(&ended);

    for (q = ngx_queue_head(watches); /* void */ ; q = next) {
        next = ngx_queue_next(q);
        watch = ngx_queue_data(q, ngx_http_pitchey_auth_watch_t, queue);
        ctx = watch->ctx;

        if (asked < NGX_HTTP_PITCHEY_RECHECKS && !watch->asking
            && (ctx->user.expires_ms < now
                || watch->doubted
                || (!ngx_http_pitchey_revocation_covers(watch->time)
                    && ngx_current_msec - watch->time
                       > rev->pmcf->session_recheck)))
        {
            ngx_queue_remove(q);
            asked++;

            /* without the database the end that was known is the end */
            if (ngx_http_pitchey_auth_watch_ask(watch) != NGX_OK
                && (watch->doubted || ctx->user.expires_ms < now))
            {
                ngx_queue_insert_tail(&ended, q);

            } else {
                ngx_queue_insert_tail(watches, q);
            }
        }

        if (q == end) {
            break;
        }
    }

    ngx_http_pitchey_auth_watch_end_all(&ended);
}


static ngx_int_t
ngx_http_pitchey_auth_watch_ask(ngx_http_pitchey_auth_watch_t *watch)
{
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = watch->ctx;

    if (ngx_http_pitchey_session_lookup(ngx_http_pitchey_revocation.pmcf,
                      ctx->token_hash,
                      (pt_str_t) { (char *) ctx->token.data, ctx->token.len },
                      0, &watch->waiter)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    watch->asking = 1;

    return NGX_OK;
}


static void
ngx_http_pitchey_auth_watch_asked(ngx_http_pitchey_waiter_t *waiter,
    ngx_int_t rc, const ngx_http_pitchey_user_t *user, ngx_msec_t time)
{
    ngx_http_pitchey_auth_watch_t  *watch;

    watch = waiter->data;
    watch->asking = 0;

    switch (rc) {

    case NGX_OK:
        watch->ctx->user.expires_ms = user->expires_ms;
        watch->time = time;

        if (watch->doubted) {
            watch->doubted = 0;
            ngx_http_pitchey_auth_watch_tell(watch, NGX_OK);
        }

        break;

    case NGX_DECLINED:
        watch->doubted = 0;
        ngx_http_pitchey_auth_watch_end(watch);
        break;

    default:
        /* else asked again at the next turn */
        if (watch->doubted
            || watch->ctx->user.expires_ms < ngx_http_pitchey_session_now())
        {
            ngx_http_pitchey_auth_watch_end(watch);
        }
    }
}


/* by the token's hash, or by the user */
static void
ngx_http_pitchey_auth_watch_revoke(const u_char *hash, const ngx_str_t *user_id)
{
    ngx_queue_t                    *q, ended, *watches;
    ngx_http_pitchey_ctx_t         *ctx;
    ngx_http_pitchey_auth_watch_t  *watch;

    watches = &ngx_http_pitchey_revocation.watches;

    /* first collected: a handler may end other requests than its own */
    ngx_queue_init(&ended);

    for (q = ngx_queue_head(watches); q != ngx_queue_sentinel(watches);) {
        watch = ngx_queue_data(q, ngx_http_pitchey_auth_watch_t, queue);
        q = ngx_queue_next(q);

        ctx = watch->ctx;

        if (hash != NULL
            ? ngx_memcmp(ctx->token_hash, hash,
                         NGX_HTTP_PITCHEY_TOKEN_HASH_LEN) == 0
            : (ctx->user.id.len == user_id->len
               && ngx_memcmp(ctx->user.id.data, user_id->data, user_id->len)
                  == 0))
        {
            watch->doubted = 0;
            ngx_queue_remove(&watch->queue);
            ngx_queue_insert_tail(&ended, &watch->queue);
        }
    }

    ngx_http_pitchey_auth_watch_end_all(&ended);
}


static void
ngx_http_pitchey_auth_watch_end_all(ngx_queue_t *ended)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(ended)) {
        q = ngx_queue_head(ended);
        ngx_http_pitchey_auth_watch_end(
                    ngx_queue_data(q, ngx_http_pitchey_auth_watch_t, queue));
    }
}


/* the cleanup then finds it in a queue of its own */
static void
ngx_http_pitchey_auth_watch_end(ngx_http_pitchey_auth_watch_t *watch)
{
    ngx_queue_remove(&watch->queue);
    ngx_queue_init(&watch->queue);

    ngx_http_pitchey_auth_watch_tell(watch, watch->doubted ? NGX_ERROR
                                                           : NGX_DECLINED);
}


static void
ngx_http_pitchey_auth_watch_tell(ngx_http_pitchey_auth_watch_t *watch,
    ngx_int_t rc)
{
    ngx_connection_t  *c;

    c = watch->request->connection;

    ngx_http_set_log_request(c->log, watch->request);

    watch->handler(watch->request, rc);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_pitchey_auth_watch_cleanup(void *data)
{
    ngx_http_pitchey_auth_watch_t  *watch = data;

    ngx_queue_remove(&watch->queue);

    if (watch->asking) {
        ngx_queue_remove(&watch->waiter.queue);
    }
}


ngx_int_t
ngx_http_pitchey_revocation_init(ngx_cycle_t *cycle,
    ngx_http_pitchey_main_conf_t *pmcf)
{
    ngx_http_pitchey_revocation_t  *rev;

    rev = &ngx_http_pitchey_revocation;

    ngx_memzero(rev, sizeof(ngx_http_pitchey_revocation_t));
    ngx_queue_init(&rev->watches);

    rev->pmcf = pmcf;
    rev->conn.database = pmcf->database_listen;
    rev->conn.handlers = &ngx_http_pitchey_revocation_handlers;

    /* no other worker of any host listens to the channel of the proofs */
    (void) ngx_sprintf(rev->channel, "pitchey_probe_%P_%08xD%Z", ngx_pid,
                       (uint32_t) ngx_random());

    rev->timer.handler = ngx_http_pitchey_revocation_timer;
    rev->timer.data = rev;
    rev->timer.log = cycle->log;
    rev->timer.cancelable = 1;

    ngx_add_timer(&rev->timer, 1);

    return NGX_OK;
}


void
ngx_http_pitchey_revocation_exit(void)
{
    ngx_http_pitchey_pg_close(&ngx_http_pitchey_revocation.conn);
}
