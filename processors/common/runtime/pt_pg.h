/*
 * PostgreSQL in a libuv loop: one connection, pipelined, that comes back by
 * itself.
 *
 *     pt_pg_query(pg, ACCEPT, &args);        statements of one transaction ...
 *     pt_pg_query(pg, NOTE, &args);
 *     pt_pg_commit(pg, on_accepted, batch);  ... which ends here
 *
 * The next transaction may be sent at once: the server runs them in order.
 * on_accepted comes exactly once, after the commit or when it is known that
 * nobody can tell, and not within pt_pg_commit().
 *
 * Statements are prepared when the connection opens.  All values travel in
 * binary form.  A host's name would be looked up in the loop's thread, by
 * libpq: conninfo should have an address or a socket's folder.
 */

#ifndef PT_PG_H
#define PT_PG_H

#include <libpq-fe.h>
#include <uv.h>
#include "pt_id.h"
#include "pt_mem.h"


#define PT_PG_ARGS_MAX     32       /* of one statement */
#define PT_PG_RESULTS_MAX  8        /* statements of one transaction */


typedef struct pt_pg_s  pt_pg_t;


/*
 * How a transaction ended.
 *
 * results  of its n statements, in order; freed after the call
 * err      PT_OK           it is committed
 *          PT_E_UNAVAILABLE  rolled back (deadlock, serialization): repeat it
 *          PT_E_INVALID    rolled back: a value is not acceptable
 *          PT_E_DATABASE   the connection was lost or the server refused: it
 *                          may be committed or not
 */
typedef void (*pt_pg_done_fn)(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);


typedef struct {
    const char         *conninfo;
    const char         *application_name;

    /* a statement's number is its place in this table */
    const char *const  *statements;
    size_t              nstatements;

    /* of the first parameters of each, as OIDs; the server infers others */
    const unsigned     *types;
    int                 ntypes;

    /* the connection is ready, or was lost, or could not be made (reason) */
    void              (*on_state)(void *ctx, bool ready, const char *reason);
    void               *ctx;
} pt_pg_options_t;


/* connects in the background, and again whenever the connection is lost */
PT_MUST_CHECK pt_err_t pt_pg_open(uv_loop_t *loop,
    const pt_pg_options_t *options, pt_pg_t **ret_pg);

/*
 * Closes at once; transactions under way end with PT_E_DATABASE, within this
 * call.  Frees after another turn of the loop.  Takes NULL.
 */
void pt_pg_close(pt_pg_t *pg);

bool pt_pg_ready(const pt_pg_t *pg);

/* transactions that were sent and have not ended */
unsigned pt_pg_pending(const pt_pg_t *pg);


/* a statement's values: they borrow until pt_pg_query() */
typedef struct {
    pt_str_t  values[PT_PG_ARGS_MAX];
    int       n;
    bool      bad;             /* a column ran out of memory */
    uint8_t   ints[PT_PG_ARGS_MAX][8];
} pt_pg_args_t;

/* a column of values: one array argument */
typedef struct {
    pt_buf_t  buf;
    uint32_t  type;            /* OID of an element */
    uint32_t  n;
} pt_pg_column_t;

#define PT_PG_BOOL   16
#define PT_PG_BYTEA  17
#define PT_PG_INT8   20
#define PT_PG_INT4   23
#define PT_PG_TEXT   25
#define PT_PG_TIME   1184     /* timestamptz */
#define PT_PG_UUID   2950

void pt_pg_arg_id(pt_pg_args_t *a, const pt_id_t *id);
void pt_pg_arg_id_opt(pt_pg_args_t *a, const pt_id_t *id);  /* zero: null */
void pt_pg_arg_int4(pt_pg_args_t *a, int32_t v);
void pt_pg_arg_int8(pt_pg_args_t *a, int64_t v);
void pt_pg_arg_time(pt_pg_args_t *a, int64_t ms);           /* 0: null */
void pt_pg_arg_text(pt_pg_args_t *a, pt_str_t s);           /* absent: null */
void pt_pg_arg_bytes(pt_pg_args_t *a, const uint8_t *p, size_t len);
void pt_pg_arg_column(pt_pg_args_t *a, pt_pg_column_t *c);

void pt_pg_column_init(pt_pg_column_t *c, uint32_t type);
void pt_pg_column_done(pt_pg_column_t *c);
void pt_pg_column_reset(pt_pg_column_t *c);
void pt_pg_column_id(pt_pg_column_t *c, const pt_id_t *id);
void pt_pg_column_id_opt(pt_pg_column_t *c, const pt_id_t *id);
void pt_pg_column_int4(pt_pg_column_t *c, int32_t v);
void pt_pg_column_int8(pt_pg_column_t *c, int64_t v);
void pt_pg_column_time(pt_pg_column_t *c, int64_t ms);      /* 0: null */
void pt_pg_column_bool(pt_pg_column_t *c, bool v);
void pt_pg_column_text(pt_pg_column_t *c, pt_str_t s);      /* absent: null */
void pt_pg_column_bytes(pt_pg_column_t *c, const uint8_t *p, size_t len);


/*
 * Adds a statement to the transaction that is being sent.
 *
 * Errors  PT_E_DATABASE (no connection), PT_E_NOMEM (also of a column).  The
 *         transaction cannot succeed then: pt_pg_commit() fails as well.
 */
PT_MUST_CHECK pt_err_t pt_pg_query(pt_pg_t *pg, unsigned statement,
    const pt_pg_args_t *args);

/* ends the transaction; on an error, done does not come */
PT_MUST_CHECK pt_err_t pt_pg_commit(pt_pg_t *pg, pt_pg_done_fn done,
    void *ctx);


/* a value of a result; a null is zero, absent or false */
pt_id_t pt_pg_id(const PGresult *res, int row, int column);
int64_t pt_pg_int(const PGresult *res, int row, int column);
int64_t pt_pg_time(const PGresult *res, int row, int column); /* ms since 1970 */
bool pt_pg_bool(const PGresult *res, int row, int column);
pt_str_t pt_pg_text(const PGresult *res, int row, int column);


#endif /* PT_PG_H */
