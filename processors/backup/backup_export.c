/*
 * export-user-data: what a person may ask for by Art. 15 and 20 GDPR, as a
 * ZIP: tables as JSON and CSV, files, and a page to read first.
 */

#include <errno.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backup_export.h"
#include "backup_pool.h"


#define SQL_MAX       (1u << 20)
#define LISTING_MAX   (8u << 20)

/* a file whose first bytes do not shrink to this share is stored as it is */
#define SAMPLE        (32u << 10)
#define SAMPLE_SHARE  3 / 4


typedef enum {
    TASK_ROWS = 0,
    TASK_FILE
} export_kind_t;


typedef struct {
    export_kind_t   kind;
    export_part_t  *part;                      /* of rows */
    char            key[BACKUP_FILE_KEY_MAX];
    char            name[BACKUP_ZIP_NAME_MAX]; /* in the ZIP */
} export_task_t;


/* what a tree's files need to become tasks */
typedef struct {
    export_t       *e;
    backup_pool_t  *pool;
} export_feed_t;


static pt_err_t export_open(export_t *e);
static pt_err_t export_plan(export_t *e);
static void export_part(export_t *e, const backup_table_t *table, bool about);
static pt_err_t export_all(export_t *e);
static pt_err_t export_feed(export_t *e, backup_pool_t *pool);
static pt_err_t export_files(export_t *e, backup_pool_t *pool,
    const backup_table_t *table);
static pt_err_t export_files_of(export_feed_t *feed, const PGresult *rows);
static pt_err_t export_tree(void *ctx, const char *key);
static pt_err_t export_add(export_feed_t *feed, const char *key,
    const char *name);
static void export_file_name(export_t *e, const char *name, char *ret_name,
    size_t size);
static pt_err_t export_worker_open(void *ctx, unsigned n, void **ret_worker);
static void export_worker_close(void *worker);
static pt_err_t export_worker_run(void *ctx, void *worker, void *of);
static pt_err_t export_file(export_t *e, export_worker_t *w,
    const export_task_t *task);
static bool export_shrinks(const char *data, size_t len);
static void export_list(export_t *e, const export_task_t *task, bool there,
    uint64_t size);
static void export_step(export_t *e, const char *stage);


/* the leader's connection tells which files there are, meanwhile */
static const backup_crew_t  export_crew = {
    .task    = sizeof(export_task_t),
    .threads = BACKUP_CONNECTIONS - 1,
    .open    = export_worker_open,
    .run     = export_worker_run,
    .close   = export_worker_close
};


pt_err_t
backup_export(pt_job_t *job)
{
    char             text[256];
    export_t         e;
    pt_err_t         err;
    uint64_t         bytes = 0;
    backup_member_t  *entry = NULL;

    memset(&e, 0, sizeof(e));
    (void) pthread_mutex_init(&e.lock, NULL);
    pt_buf_init(&e.listing, &pt_mem_heap, LISTING_MAX);

    err = backup_session_open(job, false, &e.session);

    if (err == PT_OK) {
        err = export_open(&e);
    }

    if (err == PT_OK) {
        err = export_all(&e);
    }

    if (err == PT_OK) {
        err = backup_member_new(e.zip, &entry);
    }

    if (err == PT_OK) {
        err = backup_export_pages(&e, entry);
    }

    if (err == PT_OK) {
        err = backup_zip_finish(e.zip, entry, &e.session.store.keys, &bytes);
    }

    backup_member_free(entry);
    backup_zip_free(e.zip);

    if (err == PT_OK) {
        (void) snprintf(text, sizeof(text), "{\"snapshot_at\":\"%s\","
                        "\"rows\":%llu,\"files\":%llu,\"files_missing\":%llu,"
                        "\"bytes\":%llu}", e.snapshot_at,
                        (unsigned long long) e.rows,
                        (unsigned long long) e.files,
                        (unsigned long long) e.missing,
                        (unsigned long long) bytes);
        err = backup_session_note(&e.session, "export", pt_str(text));
    }

    if (err == PT_OK) {
        err = pt_job_output(job, "export.zip", "application/zip",
                            "export.zip");
    }

    err = err == PT_OK ? pt_job_result(job, pt_str(text))
                       : backup_fail(job, err);

    pt_buf_done(&e.listing);
    backup_tables_done(&e.tables);
    backup_session_close(&e.session);
    (void) pthread_mutex_destroy(&e.lock);
    free(e.user);
    free(e.parts);

    return err;
}


static pt_err_t
export_open(export_t *e)
{
    pt_err_t   err;
    pt_job_t  *job = e->session.job;

    if (pt_job_storage(job) == NULL) {
        return backup_say(PT_E_UNAVAILABLE, "the storage is not known");
    }

    err = backup_snapshot(job, BACKUP_CONNECTIONS, e->snapshot,
                          e->snapshot_at);
    e->conn = pt_job_connection(job, 0);

    if (err == PT_OK) {
        err = backup_map_user(e->session.map, e->conn,
                              pt_str(e->session.user), &e->user);
    }

    if (err == PT_OK) {
        err = backup_map_resolve(e->session.map, e->conn, e->user, &e->tables);
    }

    if (err == PT_OK) {
        err = export_plan(e);
    }

    return err != PT_OK
           ? err : backup_zip_open("export.zip",
                                   pt_json_string(pt_job_params(job),
                                                  "passphrase", PT_STR_NULL),
                                   &e->zip);
}


static pt_err_t
export_plan(export_t *e)
{
    size_t  i;

    e->parts = calloc(2 * e->tables.n + 1, sizeof(*e->parts));
    if (e->parts == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    for (i = 0; i < e->tables.n; i++) {
        if (e->tables.tables[i].own != NULL) {
            export_part(e, &e->tables.tables[i], false);
        }

        if (e->tables.tables[i].about != NULL) {
            export_part(e, &e->tables.tables[i], true);
        }
    }

    e->todo = e->nparts;

    return PT_OK;
}


/* a title is an entry's name and a link: more than that in it becomes "_" */
static void
export_part(export_t *e, const backup_table_t *table, bool about)
{
    bool            changed = false;
    char           *c;
    uint8_t         hash[4];
    export_part_t  *part = &e->parts[e->nparts++];

    part->table = table;
    part->about = about;

    (void) snprintf(part->title, sizeof(part->title), "%.100s.%.100s%s",
                    table->schema, table->name, about ? ".about-you" : "");

    for (c = part->title; *c != '\0'; c++) {
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z')
              || (*c >= '0' && *c <= '9') || *c == '_' || *c == '-'
              || (*c == '.' && c != part->title)))
        {
            *c = '_';
            changed = true;
        }
    }

    /* two names that became one */
    if (changed) {
        uint8_t  whole[16];

        (void) crypto_generichash(whole, sizeof(whole),
                                  (const uint8_t *) table->quoted,
                                  strlen(table->quoted), NULL, 0);
        memcpy(hash, whole, sizeof(hash));
        *c++ = '-';
        backup_hex(hash, sizeof(hash), c);
    }
}


/* ---- the leader ---- */

static pt_err_t
export_all(export_t *e)
{
    pt_err_t        err, end;
    backup_pool_t  *pool;

    err = backup_pool_open(&export_crew, e, &pool);
    if (err != PT_OK) {
        return err;
    }

    err = export_feed(e, pool);
    end = backup_pool_close(pool, err != PT_OK);

    return err != PT_OK ? err : end;
}


static pt_err_t
export_feed(export_t *e, backup_pool_t *pool)
{
    size_t         i;
    pt_err_t       err = PT_OK;
    export_task_t  task;

    memset(&task, 0, sizeof(task));

    for (i = 0; i < e->nparts && err == PT_OK; i++) {
        task.part = &e->parts[i];
        task.kind = TASK_ROWS;
        err = backup_pool_add(pool, &task);
    }

    for (i = 0; i < e->tables.n && err == PT_OK; i++) {
        err = export_files(e, pool, &e->tables.tables[i]);
    }

    return err;
}


static pt_err_t
export_files(export_t *e, backup_pool_t *pool, const backup_table_t *table)
{
    pt_buf_t          sql, files;
    pt_err_t          err;
    PGresult         *rows;
    export_feed_t     feed = { e, pool };

    pt_buf_init(&files, &pt_mem_heap, SQL_MAX);
    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);

    if (!backup_table_files(table, e->conn, &files)) {
        pt_buf_done(&files);
        return PT_OK;
    }

    pt_buf_printf(&sql, "DECLARE files NO SCROLL CURSOR FOR SELECT f.key,"
                  " f.tree, f.name FROM (%.*s) f (key, sha256, size, tree,"
                  " name)", PT_STR_ARG(pt_buf_str(&files)));
    pt_buf_add_char(&sql, '\0');

    err = sql.err != PT_OK ? backup_say(sql.err, "no memory")
                           : backup_sql(e->conn, sql.data);

    while (err == PT_OK) {
        err = backup_query(e->conn, "FETCH 500 FROM files", NULL, 0, &rows);

        if (err == PT_OK) {
            if (PQntuples(rows) == 0) {
                PQclear(rows);
                break;
            }

            err = export_files_of(&feed, rows);
            PQclear(rows);
        }
    }

    if (err == PT_OK) {
        err = backup_sql(e->conn, "CLOSE files");
    }

    pt_buf_done(&sql);
    pt_buf_done(&files);

    return err;
}


static pt_err_t
export_files_of(export_feed_t *feed, const PGresult *rows)
{
    int          i;
    pt_err_t     err = PT_OK;
    const char  *key;

    for (i = 0; i < PQntuples(rows) && err == PT_OK; i++) {
        key = PQgetvalue(rows, i, 0);

        if (!backup_file_key_is_good(pt_str(key))) {
            err = backup_say(PT_E_INVALID, "a row names file \"%.100s\", "
                             "which is no key of storage", key);

        } else if (PQgetvalue(rows, i, 1)[0] != 't') {
            err = export_add(feed, key, PQgetvalue(rows, i, 2));

        } else {
            err = backup_storage_tree(pt_job_storage(feed->e->session.job),
                                      key, export_tree, feed);

            /* told as a missing file of that name */
            if (err == PT_E_NOT_FOUND) {
                err = export_add(feed, key, key);
            }
        }
    }

    return err;
}


static pt_err_t
export_tree(void *ctx, const char *key)
{
    return export_add(ctx, key, strrchr(key, '/') + 1);
}


static pt_err_t
export_add(export_feed_t *feed, const char *key, const char *name)
{
    export_t       *e = feed->e;
    export_task_t   task;

    memset(&task, 0, sizeof(task));
    task.kind = TASK_FILE;
    (void) snprintf(task.key, sizeof(task.key), "%s", key);
    export_file_name(e, name, task.name, sizeof(task.name));

    (void) pthread_mutex_lock(&e->lock);
    e->todo++;
    (void) pthread_mutex_unlock(&e->lock);

    return backup_pool_add(feed->pool, &task);
}


/*
 * "files/000001-a name.pdf": a number, then what is harmless of the name: no
 * folders, nothing that a system takes for more than a character.
 */
static void
export_file_name(export_t *e, const char *name, char *ret_name, size_t size)
{
    char    *to, *end = ret_name + (size < 200 ? size : 200) - 1;
    size_t   len, i;

    to = ret_name + snprintf(ret_name, size, "files/%06llu-",
                             (unsigned long long) ++e->entries);
    len = pt_str_utf8_len(pt_str(name));

    for (i = 0; i < len && to < end; i++) {
        *to++ = (unsigned char) name[i] < 0x20 || name[i] == 0x7f
                || strchr("/\\:*?\"<>|%#", name[i]) != NULL ? '_' : name[i];
    }

    /* not cut within a character, no trailing dot or space */
    *to = '\0';
    ret_name[pt_str_utf8_len((pt_str_t) { ret_name,
                                          (size_t) (to - ret_name) })] = '\0';
    len = strlen(ret_name);

    while (ret_name[len - 1] == '.' || ret_name[len - 1] == ' ') {
        ret_name[--len] = '\0';
    }
}


/* ---- in a thread ---- */

static pt_err_t
export_worker_open(void *ctx, unsigned n, void **ret_worker)
{
    pt_err_t          err;
    export_t         *e = ctx;
    export_worker_t  *w;

    w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    *ret_worker = w;
    w->conn = pt_job_connection(e->session.job, n + 1);
    w->chunk = malloc(EXPORT_CHUNK);
    w->csv.data = malloc(EXPORT_CHUNK);
    w->json.data = malloc(EXPORT_CHUNK);

    if (w->chunk == NULL || w->csv.data == NULL || w->json.data == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    err = backup_member_new(e->zip, &w->entry);

    return err == PT_OK ? backup_member_new(e->zip, &w->second) : err;
}


static void
export_worker_close(void *worker)
{
    export_worker_t  *w = worker;

    if (w != NULL) {
        backup_member_free(w->entry);
        backup_member_free(w->second);
        free(w->json.data);
        free(w->csv.data);
        free(w->chunk);
        free(w);
    }
}


static pt_err_t
export_worker_run(void *ctx, void *worker, void *of)
{
    pt_err_t        err = PT_OK;
    export_t       *e = ctx;
    export_task_t  *task = of;

    switch (task->kind) {

    case TASK_ROWS:
        err = backup_export_rows(e, worker, task->part);

        if (err == PT_OK) {
            err = backup_export_schema(worker, task->part);
        }

        break;

    case TASK_FILE:
        err = export_file(e, worker, task);
        break;
    }

    export_step(e, task->kind == TASK_FILE ? "files" : "rows");

    return err;
}


static pt_err_t
export_file(export_t *e, export_worker_t *w, const export_task_t *task)
{
    int       fd;
    ssize_t   n;
    pt_err_t  err;
    uint64_t  size;

    err = backup_storage_open(pt_job_storage(e->session.job), task->key, &fd,
                              &size);

    if (err == PT_E_NOT_FOUND) {
        export_list(e, task, false, 0);
        return PT_OK;
    }

    if (err != PT_OK) {
        return err;
    }

    (void) posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);

    n = read(fd, w->chunk, EXPORT_CHUNK);

    err = n > 0 && export_shrinks(w->chunk, (size_t) n)
          ? backup_member_deflate(w->entry, task->name)
          : backup_member_store(w->entry, task->name, size);

    while (err == PT_OK && n > 0) {
        err = backup_member_add(w->entry, w->chunk, (size_t) n);
        n = read(fd, w->chunk, EXPORT_CHUNK);
    }

    if (err == PT_OK && n == -1) {
        err = backup_say(PT_E_IO, "could not read \"%s\" in storage: %s",
                         task->key, strerror(errno));
    }

    (void) close(fd);

    if (err == PT_OK) {
        err = backup_member_end(w->entry);
    }

    if (err == PT_OK) {
        export_list(e, task, true, size);
    }

    return err;
}


/* media is compressed already, and takes no time if it is left alone */
static bool
export_shrinks(const char *data, size_t len)
{
    uint8_t              out[SAMPLE];
    struct isal_zstream  z;

    isal_deflate_stateless_init(&z);
    z.end_of_stream = 1;
    z.next_in = (uint8_t *) (uintptr_t) data;
    z.avail_in = (uint32_t) (len < SAMPLE ? len : SAMPLE);
    z.next_out = out;
    z.avail_out = z.avail_in * SAMPLE_SHARE;

    return isal_deflate_stateless(&z) == COMP_OK;
}


static void
export_list(export_t *e, const export_task_t *task, bool there, uint64_t size)
{
    const char  *shown = task->name + sizeof("files/") - 1;

    (void) pthread_mutex_lock(&e->lock);

    if (there) {
        e->files++;
        pt_buf_add_text(&e->listing, "<li><a href=\"");
        backup_export_text(&e->listing, task->name, sizeof(task->name));
        pt_buf_add_text(&e->listing, "\">");
        backup_export_text(&e->listing, shown, sizeof(task->name));
        pt_buf_printf(&e->listing, "</a> (%llu bytes)</li>\n",
                      (unsigned long long) size);

    } else {
        e->missing++;
        pt_buf_add_text(&e->listing, "<li>");
        backup_export_text(&e->listing, shown, sizeof(task->name));
        pt_buf_add_text(&e->listing, " (is not stored any more)</li>\n");
    }

    (void) pthread_mutex_unlock(&e->lock);
}


static void
export_step(export_t *e, const char *stage)
{
    unsigned  permille;

    (void) pthread_mutex_lock(&e->lock);
    e->done++;
    permille = (unsigned) (950 * e->done / e->todo);
    (void) pthread_mutex_unlock(&e->lock);

    pt_job_progress(e->session.job, permille, stage);
}
