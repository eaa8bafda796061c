/*
 * The connections to PostgreSQL, and every statement that is sent over them.
 */

#ifndef ORCH_DB_H
#define ORCH_DB_H


/* the statements' arguments and columns stand with their text, in orch_db.c */
typedef enum {
    ORCH_SQL_ACCEPT_KEYS = 0,
    ORCH_SQL_ACCEPT,
    ORCH_SQL_ACCEPTED_BEFORE,
    ORCH_SQL_FILES_MISSING,
    ORCH_SQL_FILES_KEEP,
    ORCH_SQL_BULK,
    ORCH_SQL_KEY,
    ORCH_SQL_BATCH_JOBS,
    ORCH_SQL_BATCH,
    ORCH_SQL_REDO,

    ORCH_SQL_CLAIM,
    ORCH_SQL_OUTPUT,
    ORCH_SQL_END,
    ORCH_SQL_CACHED,
    ORCH_SQL_REQUEUE,
    ORCH_SQL_SETTLE,

    ORCH_SQL_JOB,
    ORCH_SQL_LIST,
    ORCH_SQL_LIST_BATCH,
    ORCH_SQL_OWNED,
    ORCH_SQL_EVENTS,
    ORCH_SQL_SYNC,
    ORCH_SQL_CHANGED,
    ORCH_SQL_OPEN_OUTPUT,
    ORCH_SQL_FILE_ROOM,
    ORCH_SQL_FILE_ADD,
    ORCH_SQL_FILE,
    ORCH_SQL_FILE_LIST,
    ORCH_SQL_FILE_HOLD,
    ORCH_SQL_FILE_DELETE,
    ORCH_SQL_FILE_UNKNOWN,

    ORCH_SQL_USAGE,
    ORCH_SQL_USAGE_USERS,
    ORCH_SQL_STORED,
    ORCH_SQL_WEBHOOKS_CLAIM,
    ORCH_SQL_WEBHOOK_DONE,
    ORCH_SQL_WEBHOOK_LOG,
    ORCH_SQL_WEBHOOKS_PRUNE,
    ORCH_SQL_SCHEDULE_ADD,
    ORCH_SQL_SCHEDULE,
    ORCH_SQL_SCHEDULES,
    ORCH_SQL_SCHEDULE_CHANGE,
    ORCH_SQL_SCHEDULE_DELETE,
    ORCH_SQL_SCHEDULES_DUE,
    ORCH_SQL_SCHEDULE_MOVE,

    ORCH_SQL_REGISTER,
    ORCH_SQL_READY,
    ORCH_SQL_OPEN,
    ORCH_SQL_RENEW,
    ORCH_SQL_TAKE_OVER,
    ORCH_SQL_ENDED,
    ORCH_SQL_WAITING,
    ORCH_SQL_PING,
    ORCH_SQL_PRUNE_JOBS,
    ORCH_SQL_PRUNE_OUTPUTS,
    ORCH_SQL_PRUNE_KEYS,
    ORCH_SQL_PRUNE_FILES,
    ORCH_SQL_LEFT,
    ORCH_SQL_SETTINGS,

    ORCH_SQL_COUNT_
} orch_sql_t;


/* what a connection is for: each role waits for its own kind of work only */
typedef enum {
    ORCH_DB_ACCEPT = 0,      /* group commits, side by side */
    ORCH_DB_WORK,            /* one: what attempts report, in order */
    ORCH_DB_CLAIM,           /* one: attempts that begin */
    ORCH_DB_LEASE,           /* one: while a commit waits for a slow disk,
                              * nothing else waits behind it */
    ORCH_DB_READ
} orch_db_role_t;

#define ORCH_DB_CONNS  7


typedef struct {
    orch_t          *o;
    orch_db_role_t   role;
    pt_pg_t         *pg;
    bool             ready;
} orch_db_conn_t;

typedef struct {
    orch_db_conn_t   conns[ORCH_DB_CONNS];
    bool             complained;
    char             reason[256];      /* why it is not ready */
} orch_db_t;


PT_MUST_CHECK pt_err_t orch_db_open(orch_t *o);
void orch_db_close(orch_t *o);

/* whether every role has all its connections */
bool orch_db_is_ready(const orch_t *o);

/* the least busy connection of a role, or NULL while there is none */
pt_pg_t *orch_db_get(orch_t *o, orch_db_role_t role);

/*
 * One statement as a transaction of its own.  On an error, done does not
 * come.
 */
pt_err_t orch_db_query(orch_t *o, orch_db_role_t role,
    orch_sql_t sql, const pt_pg_args_t *args, pt_pg_done_fn done, void *ctx);


#endif /* ORCH_DB_H */
