/* Applies the numbered files of conf/sql. */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <libpq-fe.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#include "orch_migrate.h"


/* of "pitchey" in ASCII: one migration at a time in a database */
#define ORCH_MIGRATE_LOCK     "31641145996502393"

#define ORCH_MIGRATION_MAX    (4u << 20)


typedef struct {
    PGconn           *conn;
    struct dirent   **files;
    int               nfiles;
    const char       *folder;
    pt_buf_t          path;
} orch_migrate_t;


static pt_err_t orch_migrate_open(orch_migrate_t *m,
    const orch_config_t *config);
static void orch_migrate_close(orch_migrate_t *m);
static int orch_migrate_is_file(const struct dirent *d);
static pt_err_t orch_migrate_file(orch_migrate_t *m, const char *name,
    bool apply);
static pt_err_t orch_migrate_read(orch_migrate_t *m, const char *name,
    pt_buf_t *text);
static pt_err_t orch_migrate_recorded(orch_migrate_t *m, const char *name,
    const char *sha256, bool *ret_recorded);
static pt_err_t orch_migrate_apply(orch_migrate_t *m, const char *name,
    const char *sql, const char *sha256);
static pt_err_t orch_migrate_exec(orch_migrate_t *m, const char *sql);
static void orch_migrate_hash(pt_str_t text, char ret_hex[65]);


static const char  orch_migrate_begin[] =
    "select pg_advisory_lock(" ORCH_MIGRATE_LOCK ");"
    "create schema if not exists pitchey;"
    "create table if not exists pitchey.migration ("
    "    number      integer primary key,"
    "    name        text not null,"
    "    sha256      text not null,"
    "    applied_at  timestamptz not null default now())";


pt_err_t
orch_migrate(const orch_config_t *config)
{
    int             i;
    pt_err_t        err;
    orch_migrate_t  m = { 0 };

    err = orch_migrate_open(&m, config);

    if (err == PT_OK) {
        /* "already exists, skipping" is no news */
        err = orch_migrate_exec(&m, "set client_min_messages = warning");
    }

    if (err == PT_OK) {
        err = orch_migrate_exec(&m, orch_migrate_begin);
    }

    for (i = 0; i < m.nfiles && err == PT_OK; i++) {
        err = orch_migrate_file(&m, m.files[i]->d_name, true);
    }

    orch_migrate_close(&m);

    return err;
}


pt_err_t
orch_migrate_check(const orch_config_t *config)
{
    int             i;
    pt_err_t        err;
    orch_migrate_t  m = { 0 };

    err = orch_migrate_open(&m, config);

    for (i = 0; i < m.nfiles && err == PT_OK; i++) {
        err = orch_migrate_file(&m, m.files[i]->d_name, false);
    }

    orch_migrate_close(&m);

    return err;
}


static pt_err_t
orch_migrate_open(orch_migrate_t *m, const orch_config_t *config)
{
    static const char *const  keys[] = { "dbname", "application_name",
                                         "connect_timeout", NULL };
    const char               *values[] = { config->database,
                                           "pitchey migrate", "10", NULL };

    pt_buf_init(&m->path, &pt_mem_heap, 4096);
    pt_buf_printf(&m->path, "%s/sql", config->share);
    pt_buf_add_char(&m->path, '\0');

    if (m->path.err != PT_OK) {
        return m->path.err;
    }

    m->folder = m->path.data;

    m->nfiles = scandir(m->folder, &m->files, orch_migrate_is_file, alphasort);
    if (m->nfiles <= 0) {
        pt_log(PT_LOG_ERROR, "migrate", "no migrations in \"%s\": %s",
               m->folder, m->nfiles < 0 ? strerror(errno) : "none there");
        m->nfiles = 0;
        return PT_E_IO;
    }

    m->conn = PQconnectdbParams(keys, values, 1);

    if (PQstatus(m->conn) != CONNECTION_OK) {
        pt_log(PT_LOG_ERROR, "migrate", "could not connect to the database: "
               "%s", m->conn ? PQerrorMessage(m->conn) : "no memory");
        return PT_E_DATABASE;
    }

    return PT_OK;
}


static void
orch_migrate_close(orch_migrate_t *m)
{
    int  i;

    for (i = 0; i < m->nfiles; i++) {
        free(m->files[i]);
    }

    free(m->files);
    pt_buf_done(&m->path);

    /* ends the advisory lock as well */
    PQfinish(m->conn);
}


/* NNNN_name.sql */
static int
orch_migrate_is_file(const struct dirent *d)
{
    int     i;
    size_t  len = strlen(d->d_name);

    for (i = 0; i < 4; i++) {
        if (!isdigit((unsigned char) d->d_name[i])) {
            return 0;
        }
    }

    return d->d_name[4] == '_' && len > 9
           && strcmp(d->d_name + len - 4, ".sql") == 0;
}


static pt_err_t
orch_migrate_file(orch_migrate_t *m, const char *name, bool apply)
{
    bool       recorded;
    char       sha256[65];
    pt_buf_t   sql;
    pt_err_t   err;

    pt_buf_init(&sql, &pt_mem_heap, ORCH_MIGRATION_MAX);

    err = orch_migrate_read(m, name, &sql);

    if (err == PT_OK) {
        orch_migrate_hash(pt_buf_str(&sql), sha256);
        err = orch_migrate_recorded(m, name, sha256, &recorded);
    }

    if (err == PT_OK && !recorded) {
        if (apply) {
            pt_buf_add_char(&sql, '\0');
            err = sql.err == PT_OK
                  ? orch_migrate_apply(m, name, sql.data, sha256) : sql.err;

        } else {
            pt_log(PT_LOG_ERROR, "migrate", "migration \"%s\" is not applied: "
                   "run \"pitchey-orchestrator -c FILE migrate\"", name);
            err = PT_E_CONFLICT;
        }
    }

    pt_buf_done(&sql);

    return err;
}


static pt_err_t
orch_migrate_read(orch_migrate_t *m, const char *name, pt_buf_t *text)
{
    FILE      *f;
    char       chunk[4096], path[4096];
    size_t     n;
    pt_err_t   err = PT_E_IO;

    if (snprintf(path, sizeof(path), "%s/%s", m->folder, name)
        >= (int) sizeof(path))
    {
        return PT_E_IO;
    }

    f = fopen(path, "re");

    if (f) {
        while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
            pt_buf_add(text, chunk, n);
        }

        err = ferror(f) ? PT_E_IO : text->err;
        fclose(f);
    }

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "migrate", "could not read \"%s\": %m", path);
    }

    return err;
}


/* PT_E_CONFLICT where the file has changed since */
static pt_err_t
orch_migrate_recorded(orch_migrate_t *m, const char *name, const char *sha256,
    bool *ret_recorded)
{
    PGresult    *res;
    pt_err_t     err = PT_OK;
    const char  *state, *params[] = { name };

    res = PQexecParams(m->conn, "select sha256 from pitchey.migration"
                       " where number = left($1, 4)::integer", 1, NULL,
                       params, NULL, NULL, 0);

    state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    if (state && strcmp(state, "42P01") == 0) {
        /* undefined_table: nothing was applied yet */
        *ret_recorded = false;

    } else if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        pt_log(PT_LOG_ERROR, "migrate", "could not read which migrations are "
               "applied: %s", PQerrorMessage(m->conn));
        err = PT_E_DATABASE;

    } else if (PQntuples(res) == 1 && strcmp(PQgetvalue(res, 0, 0), sha256)) {
        pt_log(PT_LOG_ERROR, "migrate", "cannot go on: \"%s\" has changed "
               "since it was applied", name);
        err = PT_E_CONFLICT;

    } else {
        *ret_recorded = PQntuples(res) == 1;
    }

    PQclear(res);

    return err;
}


static pt_err_t
orch_migrate_apply(orch_migrate_t *m, const char *name, const char *sql,
    const char *sha256)
{
    PGresult    *res;
    pt_err_t     err;
    const char  *params[] = { name, sha256 };

    err = orch_migrate_exec(m, "begin");

    if (err == PT_OK) {
        err = orch_migrate_exec(m, sql);
    }

    if (err == PT_OK) {
        res = PQexecParams(m->conn, "insert into pitchey.migration"
                           " (number, name, sha256)"
                           " values (left($1, 4)::integer, $1, $2)", 2, NULL,
                           params, NULL, NULL, 0);

        if (PQresultStatus(res) != PGRES_COMMAND_OK) {
            err = PT_E_DATABASE;
        }

        PQclear(res);
    }

    if (err == PT_OK) {
        err = orch_migrate_exec(m, "commit");
    }

    if (err == PT_OK) {
        pt_log(PT_LOG_INFO, "migrate", "applied \"%s\"", name);

    } else {
        pt_log(PT_LOG_ERROR, "migrate", "could not apply \"%s\"", name);
    }

    return err;
}


/* the results are not wanted, only whether it worked */
static pt_err_t
orch_migrate_exec(orch_migrate_t *m, const char *sql)
{
    PGresult        *res;
    ExecStatusType   status;

    res = PQexec(m->conn, sql);
    status = PQresultStatus(res);
    PQclear(res);

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        return PT_OK;
    }

    pt_log(PT_LOG_ERROR, "migrate", "the database refused: %s",
           PQerrorMessage(m->conn));

    return PT_E_DATABASE;
}


static void
orch_migrate_hash(pt_str_t text, char ret_hex[65])
{
    int            i;
    unsigned char  hash[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *) text.data, text.len, hash);

    for (i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        snprintf(ret_hex + 2 * i, 3, "%02x", hash[i]);
    }
}
