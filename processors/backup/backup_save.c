/*
 * backup-user-data and backup-platform: one state of the database and the
 * files that it names, into a generation.
 */

#include <stdio.h>
#include <stdlib.h>

#include "backup_dump.h"
#include "backup_files.h"
#include "backup_pool.h"
#include "backup_save.h"
#include "backup_save_manifest.h"


/* rows gather to so much before they are hashed and compressed */
#define ROWS_BATCH    (256u << 10)

#define LEVEL_ROWS    3            /* zstd's */

#define RESULT_MAX    65536
#define KEEP_DEFAULT  10

/* of progress: rows have this share, files the rest */
#define ROWS_PERMILLE  400


/* a thread's own */
typedef struct {
    PGconn           *conn;
    backup_writer_t  *writer;
    char             *batch;
} save_worker_t;


static pt_err_t save_run(pt_job_t *job, bool platform);
static pt_err_t save_begin(save_t *s);
static pt_err_t save_all(save_t *s);
static pt_err_t save_worker_open(void *ctx, unsigned n, void **ret_worker);
static pt_err_t save_worker_run(void *ctx, void *worker, void *task);
static void save_worker_close(void *worker);
static pt_err_t save_table(save_t *s, PGconn *conn, backup_writer_t *writer,
    size_t n, char *batch);
static pt_err_t save_copy(PGconn *conn, backup_writer_t *writer, char *batch,
    uint64_t *ret_rows);
static pt_err_t save_files(save_t *s);
static pt_err_t save_files_of(save_t *s, backup_files_t *files,
    const char *sql);
static pt_err_t save_file_row(backup_files_t *files, const PGresult *row);
static pt_err_t save_dump(save_t *s, backup_writer_t *writer);
static pt_err_t save_dump_piece(void *ctx, pt_str_t piece);
static void save_progress(save_t *s);
static void save_keep(const pt_json_t *params, bool platform,
    backup_keep_t *ret_keep);


/* the leader's connection tells which files there are, meanwhile */
static const backup_crew_t  save_crew = {
    .task    = sizeof(size_t),
    .threads = BACKUP_CONNECTIONS - 1,
    .open    = save_worker_open,
    .run     = save_worker_run,
    .close   = save_worker_close
};


pt_err_t
backup_user_data(pt_job_t *job)
{
    return save_run(job, false);
}


pt_err_t
backup_platform(pt_job_t *job)
{
    return save_run(job, true);
}


static pt_err_t
save_run(pt_job_t *job, bool platform)
{
    save_t          s;
    pt_buf_t        result;
    pt_err_t        err;
    unsigned        removed = 0;
    backup_keep_t   keep;
    backup_drill_t  drill = { .done = false };

    memset(&s, 0, sizeof(s));
    s.platform = platform;
    s.owner.lock = -1;
    s.started = backup_save_clock();
    pt_buf_init(&result, &pt_mem_heap, RESULT_MAX);

    err = backup_session_open(job, platform, &s.session);

    if (err == PT_OK) {
        err = save_begin(&s);
    }

    if (err == PT_OK) {
        err = save_all(&s);
    }

    if (err == PT_OK) {
        err = backup_save_manifest(&s);
    }

    if (err == PT_OK && !platform
        && pt_json_bool(pt_job_params(job), "drill", true))
    {
        pt_job_progress(job, 990, "drill");
        err = backup_drill(job, &s.owner, s.generation, &drill);
    }

    if (err == PT_OK) {
        save_keep(pt_job_params(job), platform, &keep);
        err = backup_retain(&s.owner, &keep, &removed);
    }

    if (err == PT_OK) {
        backup_save_result(&s, removed, &drill, &result);
        err = backup_session_note(&s.session, "backup", pt_buf_str(&result));
    }

    if (err == PT_OK) {
        err = pt_job_result(job, pt_buf_str(&result));
    } else {
        err = backup_fail(job, err);
    }

    pt_buf_done(&result);
    backup_owner_close(&s.owner);
    backup_tables_done(&s.tables);
    backup_session_close(&s.session);
    free(s.saved);
    free(s.user);

    return err;
}


static pt_err_t
save_begin(save_t *s)
{
    pt_err_t   err;
    pt_job_t  *job = s->session.job;

    if (pt_job_storage(job) == NULL) {
        return backup_say(PT_E_UNAVAILABLE, "the storage is not known");
    }

    backup_time(s->started_at);
    (void) snprintf(s->generation, sizeof(s->generation),
                    "%.4s%.2s%.2sT%.2s%.2s%.7s", s->started_at,
                    s->started_at + 5, s->started_at + 8, s->started_at + 11,
                    s->started_at + 14, s->started_at + 17);

    err = backup_snapshot(job, s->platform ? 1 : BACKUP_CONNECTIONS,
                          s->snapshot, s->snapshot_at);

    if (err == PT_OK && !s->platform) {
        err = backup_map_user(s->session.map, pt_job_connection(job, 0),
                              pt_str(s->session.user), &s->user);
    }

    if (err == PT_OK) {
        err = backup_map_resolve(s->session.map, pt_job_connection(job, 0),
                                 s->user, &s->tables);
    }

    if (err != PT_OK) {
        return err;
    }

    s->saved = calloc(s->tables.n + 1, sizeof(*s->saved));
    if (s->saved == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    err = backup_owner_open(&s->session.store, s->session.name,
                            BACKUP_OWNER_WRITE, &s->owner);

    return err != PT_OK ? err : backup_owner_clean(&s->owner, &s->crashed);
}


/* ---- rows ---- */

/* rows, or the dump, and files at the same time: all of one snapshot */
static pt_err_t
save_all(save_t *s)
{
    size_t          i;
    pt_err_t        err, end;
    backup_pool_t  *pool;

    err = backup_pool_open(&save_crew, s, &pool);
    if (err != PT_OK) {
        return err;
    }

    for (i = 0; i < (s->platform ? 1 : s->tables.n) && err == PT_OK; i++) {
        err = backup_pool_add(pool, &i);
    }

    if (err == PT_OK) {
        err = save_files(s);
    }

    end = backup_pool_close(pool, err != PT_OK);

    return err != PT_OK ? err : end;
}


static pt_err_t
save_worker_open(void *ctx, unsigned n, void **ret_worker)
{
    save_t         *s = ctx;
    save_worker_t  *w;

    w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    *ret_worker = w;
    w->conn = pt_job_connection(s->session.job, n + 1);
    w->batch = malloc(ROWS_BATCH);

    return w->batch == NULL ? backup_say(PT_E_NOMEM, "no memory")
                            : backup_writer_new(&w->writer);
}


static void
save_worker_close(void *worker)
{
    save_worker_t  *w = worker;

    if (w != NULL) {
        backup_writer_free(w->writer);
        free(w->batch);
        free(w);
    }
}


static pt_err_t
save_worker_run(void *ctx, void *worker, void *task)
{
    save_t         *s = ctx;
    size_t          n = *(const size_t *) task;
    pt_err_t        err = PT_OK;
    save_worker_t  *w = worker;

    if (s->platform) {
        return save_dump(s, w->writer);
    }

    if (backup_table_is_saved(&s->tables.tables[n])) {
        err = save_table(s, w->conn, w->writer, n, w->batch);
    }

    atomic_fetch_add(&s->tables_done, 1);
    save_progress(s);

    return err;
}


static pt_err_t
save_table(save_t *s, PGconn *conn, backup_writer_t *writer, size_t n,
    char *batch)
{
    char            path[BACKUP_PATH_MAX], name[BACKUP_PATH_MAX];
    pt_buf_t        sql;
    pt_err_t        err;
    PGresult       *result;
    backup_put_t    put = { .fd = -1, .path = "" };
    saved_table_t  *saved = &s->saved[n];

    (void) snprintf(path, sizeof(path), "generations/%s/%zu", s->generation,
                    n);
    backup_object_path(&s->owner, path, name);

    pt_buf_init(&sql, &pt_mem_heap, 1u << 20);
    err = backup_table_copy(&s->tables.tables[n], conn, &sql);

    if (err == PT_OK) {
        err = backup_put_begin(&s->owner, &put);
    }

    if (err == PT_OK) {
        err = backup_writer_begin(writer, put.fd, &s->owner.keys, BACKUP_ROWS,
                                  name, LEVEL_ROWS);
    }

    if (err == PT_OK) {
        result = PQexec(conn, sql.data);

        if (PQresultStatus(result) != PGRES_COPY_OUT) {
            err = backup_say(PT_E_DATABASE, "could not read table %s: %s",
                             s->tables.tables[n].quoted,
                             PQerrorMessage(conn));
        }

        PQclear(result);
    }

    if (err == PT_OK) {
        err = save_copy(conn, writer, batch, &saved->rows);
    }

    if (err == PT_OK) {
        err = backup_writer_end(writer, &saved->sum);
    }

    if (err == PT_OK) {
        err = backup_put_commit(&s->owner, &put, path);
    }

    backup_put_abort(&put);
    pt_buf_done(&sql);

    return err;
}


static pt_err_t
save_copy(PGconn *conn, backup_writer_t *writer, char *batch,
    uint64_t *ret_rows)
{
    int        n;
    char      *row;
    size_t     len = 0;
    uint64_t   rows = 0;
    pt_err_t   err = PT_OK;
    PGresult  *result;

    while (err == PT_OK && (n = PQgetCopyData(conn, &row, 0)) > 0) {
        rows++;

        if (len + (size_t) n > ROWS_BATCH) {
            err = backup_writer_add(writer, batch, len);
            len = 0;
        }

        if (err == PT_OK && (size_t) n > ROWS_BATCH) {
            err = backup_writer_add(writer, row, (size_t) n);

        } else if (err == PT_OK) {
            memcpy(batch + len, row, (size_t) n);
            len += (size_t) n;
        }

        PQfreemem(row);
    }

    if (err != PT_OK) {
        return err;
    }

    /* how the COPY ended */
    while ((result = PQgetResult(conn)) != NULL) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            err = backup_say(PT_E_DATABASE, "%s", PQerrorMessage(conn));
        }

        PQclear(result);
    }

    if (err == PT_OK && n == -2) {
        err = backup_say(PT_E_DATABASE, "%s", PQerrorMessage(conn));
    }

    if (err == PT_OK && len != 0) {
        err = backup_writer_add(writer, batch, len);
    }

    *ret_rows = rows;
    return err;
}


/* ---- files ---- */

static pt_err_t
save_files(save_t *s)
{
    char             path[BACKUP_PATH_MAX];
    size_t           i;
    pt_buf_t         sql, sum;
    pt_err_t         err, close_err;
    PGresult        *result;
    backup_files_t  *files;

    (void) snprintf(path, sizeof(path), "generations/%s/files",
                    s->generation);

    err = backup_files_open(&s->owner, pt_job_storage(s->session.job), path,
                            s->crashed, &s->files_done, &files);
    if (err != PT_OK) {
        return err;
    }

    for (i = 0; i < s->tables.n && err == PT_OK; i++) {
        pt_buf_init(&sql, &pt_mem_heap, 1u << 20);
        pt_buf_init(&sum, &pt_mem_heap, 1u << 20);

        if (backup_table_files(&s->tables.tables[i],
                               pt_job_connection(s->session.job, 0), &sql))
        {
            pt_buf_add_char(&sql, '\0');
            pt_buf_printf(&sum, "SELECT coalesce(sum(f.size), 0) FROM (%s)"
                          " f (key, sha256, size, tree)", sql.data);
            pt_buf_add_char(&sum, '\0');

            err = sum.err != PT_OK
                  ? backup_say(sum.err, "no memory")
                  : backup_query(pt_job_connection(s->session.job, 0),
                                 sum.data, NULL, 0, &result);

            if (err == PT_OK) {
                s->files_total += strtoull(PQgetvalue(result, 0, 0), NULL, 10);
                PQclear(result);
                err = save_files_of(s, files, sql.data);
            }
        }

        pt_buf_done(&sum);
        pt_buf_done(&sql);
    }

    close_err = backup_files_close(files, err != PT_OK, &s->files);

    return err != PT_OK ? err : close_err;
}


static pt_err_t
save_files_of(save_t *s, backup_files_t *files, const char *sql)
{
    PGconn    *conn = pt_job_connection(s->session.job, 0);
    pt_err_t   err = PT_OK;
    PGresult  *row;

    if (PQsendQuery(conn, sql) != 1 || PQsetSingleRowMode(conn) != 1) {
        return backup_say(PT_E_DATABASE, "%s", PQerrorMessage(conn));
    }

    while ((row = PQgetResult(conn)) != NULL) {

        if (PQresultStatus(row) == PGRES_SINGLE_TUPLE) {
            if (err == PT_OK) {
                err = save_file_row(files, row);
                save_progress(s);
            }

        } else if (PQresultStatus(row) != PGRES_TUPLES_OK && err == PT_OK) {
            err = backup_say(PT_E_DATABASE, "could not list the files: %s",
                             PQerrorMessage(conn));
        }

        PQclear(row);
    }

    return err;
}


static pt_err_t
save_file_row(backup_files_t *files, const PGresult *row)
{
    uint8_t      sha256[32];
    const char  *key = PQgetvalue(row, 0, 0);

    if (PQgetvalue(row, 0, 3)[0] == 't') {
        return backup_files_add_tree(files, key);
    }

    return backup_files_add(files, key,
        backup_unhex(pt_str(PQgetvalue(row, 0, 1)), sha256, 32) ? sha256
                                                                : NULL,
        strtoull(PQgetvalue(row, 0, 2), NULL, 10));
}


/* ---- the platform's dump ---- */

static pt_err_t
save_dump(save_t *s, backup_writer_t *writer)
{
    char          path[BACKUP_PATH_MAX], name[BACKUP_PATH_MAX];
    pt_err_t      err;
    backup_put_t  put = { .fd = -1, .path = "" };

    (void) snprintf(path, sizeof(path), "generations/%s/dump", s->generation);
    backup_object_path(&s->owner, path, name);

    err = backup_put_begin(&s->owner, &put);

    if (err == PT_OK) {
        err = backup_writer_begin(writer, put.fd, &s->owner.keys,
                                  BACKUP_DUMP, name, LEVEL_ROWS);
    }

    if (err == PT_OK) {
        err = backup_dump(s->snapshot, save_dump_piece, writer);
    }

    if (err == PT_OK) {
        err = backup_writer_end(writer, &s->dump);
    }

    if (err == PT_OK) {
        err = backup_put_commit(&s->owner, &put, path);
    }

    backup_put_abort(&put);

    return err;
}


static pt_err_t
save_dump_piece(void *ctx, pt_str_t piece)
{
    return backup_writer_add(ctx, piece.data, piece.len);
}


/* ---- what keeps it company ---- */

static void
save_progress(save_t *s)
{
    double  rows, files = 0;

    rows = s->platform || s->tables.n == 0 ? 1
           : (double) atomic_load(&s->tables_done) / (double) s->tables.n;

    if (s->files_total != 0) {
        files = (double) atomic_load(&s->files_done)
                / (double) s->files_total;
    }

    if (files > 1) {
        files = 1;
    }

    pt_job_progress(s->session.job,
                    (unsigned) (rows * ROWS_PERMILLE
                                + files * (970 - ROWS_PERMILLE)),
                    s->files_total == 0 ? "rows" : "files");
}


static void
save_keep(const pt_json_t *params, bool platform, backup_keep_t *ret_keep)
{
    const pt_json_t  *keep = pt_json_member(params, "keep");

    *ret_keep = (backup_keep_t) {
        .last = (unsigned) pt_json_int(keep, "last", KEEP_DEFAULT),
        .daily = (unsigned) pt_json_int(keep, "daily", 7),
        .weekly = (unsigned) pt_json_int(keep, "weekly", 4),
        .monthly = (unsigned) pt_json_int(keep, "monthly", 12),
        .days = platform ? backup_max_days() : 0
    };
}
