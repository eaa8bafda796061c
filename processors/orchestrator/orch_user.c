/* Users of the platform. */

#include <stdio.h>
#include <stdlib.h>

#include "orch.h"


#define ORCH_USER_SQL_MAX  16384


typedef struct {
    orch_user_fn   done;
    void          *ctx;
} orch_user_question_t;


static char *orch_user_sql(const char *share);
static void orch_user_state(void *ctx, bool ready, const char *reason);
static void orch_user_answered(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);


void
orch_users_open(orch_t *o)
{
    o->users.sql = orch_user_sql(o->config->share);

    if (o->users.sql == NULL) {
        return;
    }

    o->users.statements[0] = o->users.sql;

    if (pt_pg_open(&o->loop, &(pt_pg_options_t) {
            .conninfo = o->config->platform_database[0]
                        ? o->config->platform_database : o->config->database,
            .application_name = "pitchey-orchestrator",
            .statements = o->users.statements,
            .nstatements = 1,
            .on_state = orch_user_state,
            .ctx = o }, &o->users.pg) != PT_OK)
    {
        o->users.pg = NULL;
    }
}


/* the text of SHARE/platform/user.sql, or NULL */
static char *
orch_user_sql(const char *share)
{
    char    path[4096], *sql;
    FILE   *f;
    size_t  n;

    if (snprintf(path, sizeof(path), "%s/platform/user.sql", share)
        >= (int) sizeof(path))
    {
        return NULL;
    }

    f = fopen(path, "re");
    if (f == NULL) {
        return NULL;
    }

    sql = malloc(ORCH_USER_SQL_MAX);

    if (sql) {
        n = fread(sql, 1, ORCH_USER_SQL_MAX - 1, f);
        sql[n] = '\0';
    }

    fclose(f);

    return sql;
}


void
orch_users_close(orch_t *o)
{
    pt_pg_close(o->users.pg);
    o->users.pg = NULL;
    free(o->users.sql);
    o->users.sql = NULL;
}


bool
orch_users_known(const orch_t *o)
{
    return o->users.sql != NULL;
}


/* an outage of the one database is told by its other connections */
static void
orch_user_state(void *ctx, bool ready, const char *reason)
{
    orch_t  *o = ctx;

    if (!ready && orch_db_is_ready(o)) {
        pt_log(PT_LOG_WARN, "user", "cannot ask who a user is, and so "
               "schedules wait: %s", reason);
    }
}


pt_err_t
orch_user_ask(orch_t *o, pt_str_t user, orch_user_fn done, void *ctx)
{
    pt_err_t               err;
    pt_pg_args_t           args = { .n = 0 };
    orch_user_question_t  *q;

    if (o->users.pg == NULL || !pt_pg_ready(o->users.pg)) {
        return PT_E_DATABASE;
    }

    q = malloc(sizeof(*q));
    if (q == NULL) {
        return PT_E_NOMEM;
    }

    *q = (orch_user_question_t) { done, ctx };

    pt_pg_arg_text(&args, user);
    err = pt_pg_query(o->users.pg, 0, &args);

    if (err == PT_OK) {
        err = pt_pg_commit(o->users.pg, orch_user_answered, q);
    }

    if (err != PT_OK) {
        free(q);
    }

    return err;
}


static void
orch_user_answered(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    orch_user_t            user;
    orch_user_question_t   q = *(orch_user_question_t *) ctx;

    free(ctx);

    if (err != PT_OK || n != 1 || PQnfields(results[0]) < 3) {
        q.done(q.ctx, PT_E_DATABASE, NULL);
        return;
    }

    if (PQntuples(results[0]) == 0) {
        q.done(q.ctx, PT_E_NOT_FOUND, NULL);
        return;
    }

    user.role = pt_pg_text(results[0], 0, 0);
    user.user_type = pt_pg_text(results[0], 0, 1);
    user.tier = pt_pg_text(results[0], 0, 2);

    q.done(q.ctx, PT_OK, &user);
}
