/*
 * PostgreSQL inside nginx's event loop: a connection that opens and asks
 * without blocking, and each worker's pool of them.
 *
 * Of libpq only functions that never wait are called: PQconnectPoll(),
 * PQsendQuery...(), and PQgetResult() when PQisBusy() says no.
 */

#ifndef NGX_HTTP_PITCHEY_PG_H
#define NGX_HTTP_PITCHEY_PG_H

#include "ngx_http_pitchey_module.h"

#include <libpq-fe.h>


/* of a question to the pool */
#define NGX_HTTP_PITCHEY_PG_PARAMS  3


/* a database, from the configuration: what PQconnectStartParams() takes */
struct ngx_http_pitchey_pg_s {
    const char               **keywords;
    const char               **values;
};


typedef struct ngx_http_pitchey_pg_conn_s  ngx_http_pitchey_pg_conn_t;


typedef enum {
    NGX_HTTP_PITCHEY_PG_CLOSED = 0,     /* _open() moves it on */
    NGX_HTTP_PITCHEY_PG_CONNECTING,     /* its socket does, or the timer */
    NGX_HTTP_PITCHEY_PG_READY,          /* _send() does */
    NGX_HTTP_PITCHEY_PG_BUSY            /* the statement's end does */
} ngx_http_pitchey_pg_state_e;


/* none of them is called from within _open() or _send() */
typedef struct {
    void (*opened)(ngx_http_pitchey_pg_conn_t *conn);

    /* the statement is over, the connection READY again; res is cleared after
     * the call, and never NULL */
    void (*done)(ngx_http_pitchey_pg_conn_t *conn, PGresult *res);

    void (*notified)(ngx_http_pitchey_pg_conn_t *conn, const char *channel,
        const char *payload);

    /* it did not open, or was lost: CLOSED now; reason is one line */
    void (*closed)(ngx_http_pitchey_pg_conn_t *conn, const char *reason);
} ngx_http_pitchey_pg_handlers_t;


struct ngx_http_pitchey_pg_conn_s {
    const ngx_http_pitchey_pg_t           *database;
    const ngx_http_pitchey_pg_handlers_t  *handlers;
    void                                  *data;     /* of who opens it */

    ngx_http_pitchey_pg_state_e            state;
    PGconn                                *pq;       /* NULL if CLOSED */
    PGresult                              *result;   /* the first of this
                                                      * statement */
    ngx_connection_t                      *c;        /* its socket; or NULL */
    ngx_event_t                            timer;    /* the connect's limit, and
                                                      * what cannot be told at
                                                      * once */
};


/* NGX_OK: opened() or closed() will be called; NGX_ERROR: no memory */
ngx_int_t ngx_http_pitchey_pg_open(ngx_http_pitchey_pg_conn_t *conn);

/*
 * Sends a statement; the connection is READY, and done() or closed() will be
 * called.  With params it is one statement that has $1 to $n, an unnamed one,
 * so that poolers may stand between.
 */
void ngx_http_pitchey_pg_send(ngx_http_pitchey_pg_conn_t *conn,
    const char *sql, ngx_uint_t n, const char *const *params);

/* takes one that is closed; no handler is called */
void ngx_http_pitchey_pg_close(ngx_http_pitchey_pg_conn_t *conn);


/* a question to the pool, part of the asker's own structure */
typedef struct ngx_http_pitchey_pg_query_s  ngx_http_pitchey_pg_query_t;

struct ngx_http_pitchey_pg_query_s {
    ngx_queue_t                            queue;
    const char                            *sql;      /* by the asker, as all
                                                      * down to data */
    const char                            *params[NGX_HTTP_PITCHEY_PG_PARAMS];
    ngx_uint_t                             nparams;
    const char                            *name;     /* the directive that
                                                      * has the statement */
    ngx_uint_t                             low;      /* anybody can cause it:
                                                      * the others go first */
    void (*handler)(ngx_http_pitchey_pg_query_t *query, PGresult *res);
    void                                  *data;

    ngx_event_t                            timer;
    ngx_http_pitchey_pg_conn_t            *conn;     /* that answers it now */
    ngx_uint_t                             tries;
};


/*
 * Asks.  The handler is called once, never from within: with a result that is
 * no error, or with NULL when the database could not be asked in time or refused; that is logged.
 * NGX_DECLINED: it cannot be asked now, the handler is not called.
 */
ngx_int_t ngx_http_pitchey_pg_ask(ngx_http_pitchey_pg_query_t *query);


/*
 * Reads a conninfo string or URI for nginx -t; NULL after it was logged under
 * the directive's name.  Host names are looked up here, as proxy_pass does:
 * libpq would block on it later.
 */
ngx_http_pitchey_pg_t *ngx_http_pitchey_pg_parse(ngx_conf_t *cf,
    ngx_str_t *directive, ngx_str_t *conninfo);

/* per worker: init_process, exit_process */
ngx_int_t ngx_http_pitchey_pg_init(ngx_cycle_t *cycle,
    const ngx_http_pitchey_pg_t *database);
void ngx_http_pitchey_pg_exit(void);


#endif /* NGX_HTTP_PITCHEY_PG_H */
