/*
 * restore-user-data: which tables, in which order, and what came of it.
 */

#include <stdio.h>
#include <stdlib.h>

#include "backup_pool.h"
#include "backup_restore.h"


#define SQL_MAX      (1u << 20)
#define RESULT_MAX   (512u << 10)


static pt_err_t restore_open(restore_t *r);
static pt_err_t restore_check_erased(restore_t *r);
static pt_err_t restore_select(restore_t *r);
static bool restore_wants(const restore_t *r, const pt_json_t *saved);
static const backup_table_t *restore_find(const restore_t *r,
    const pt_json_t *saved);
static pt_err_t restore_sort(restore_t *r);
static bool restore_is_ready(const restore_t *r, const PGresult *keys,
    const restore_table_t *t);
static pt_err_t restore_all(restore_t *r);
static pt_err_t restore_crew_open(void *ctx, unsigned n, void **ret_worker);
static pt_err_t restore_crew_run(void *ctx, void *worker, void *task);
static void restore_crew_close(void *worker);
static void restore_result(restore_t *r, pt_buf_t *text);


/* one transaction has one thread */
static const backup_crew_t  restore_crew = {
    .task    = 1,
    .threads = 1,
    .open    = restore_crew_open,
    .run     = restore_crew_run,
    .close   = restore_crew_close
};


/* foreign keys between tables, with their columns in order */
static const char  foreign_keys_sql[] =
    "SELECT n.nspname, c.relname, fn.nspname, f.relname, k.conname,"
    "       (SELECT pg_catalog.json_agg(pg_catalog.json_build_array("
    "                   a.attname, b.attname) ORDER BY p.i)"
    "          FROM unnest(k.conkey, k.confkey)"
    "               WITH ORDINALITY p (a, b, i)"
    "          JOIN pg_catalog.pg_attribute a"
    "            ON a.attrelid = k.conrelid AND a.attnum = p.a"
    "          JOIN pg_catalog.pg_attribute b"
    "            ON b.attrelid = k.confrelid AND b.attnum = p.b)"
    "  FROM pg_catalog.pg_constraint k"
    "  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"
    "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    "  JOIN pg_catalog.pg_class f ON f.oid = k.confrelid"
    "  JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace"
    " WHERE k.contype = 'f'";


pt_err_t
backup_restore(pt_job_t *job)
{
    restore_t  r;
    pt_buf_t   result;
    pt_err_t   err;

    memset(&r, 0, sizeof(r));
    r.owner.lock = -1;
    pt_buf_init(&result, &pt_mem_heap, RESULT_MAX);

    err = backup_session_open(job, false, &r.session);

    if (err == PT_OK) {
        err = restore_open(&r);
    }

    if (err == PT_OK) {
        err = restore_all(&r);
    }

    if (err == PT_OK) {
        err = backup_sql(r.conn, r.dry_run ? "ROLLBACK" : "COMMIT");
    }

    if (err == PT_OK) {
        restore_result(&r, &result);
        err = result.err != PT_OK ? backup_say(result.err, "no memory")
                                  : PT_OK;
    }

    if (err == PT_OK && !r.dry_run) {
        err = backup_session_note(&r.session, "restore", PT_STR("{}"));
    }

    err = err == PT_OK ? pt_job_result(job, pt_buf_str(&result))
                       : backup_fail(job, err);

    while (r.n > 0) {
        free(r.order[--r.n].target);
        free(r.order[r.n].changes);
    }

    free(r.order);
    pt_buf_done(&result);
    backup_manifest_close(&r.manifest);
    backup_tables_done(&r.tables);
    backup_owner_close(&r.owner);
    backup_session_close(&r.session);

    return err;
}


static pt_err_t
restore_open(restore_t *r)
{
    pt_err_t          err;
    pt_str_t          policy, schema;
    pt_job_t         *job = r->session.job;
    const pt_json_t  *params = pt_job_params(job);

    policy = pt_json_string(params, "conflict", PT_STR("skip"));
    r->policy = pt_str_is(policy, "overwrite") ? POLICY_OVERWRITE
                : pt_str_is(policy, "newer") ? POLICY_NEWER : POLICY_SKIP;
    r->dry_run = pt_json_bool(params, "dry_run", false);
    r->with_files = pt_json_bool(params, "files", true);
    r->storage = pt_job_storage(job);

    schema = pt_json_string(params, "schema", PT_STR(""));

    if (schema.len != 0 && !pt_job_is_admin(job)) {
        return backup_say(PT_E_FORBIDDEN, "a schema of its own is an admin's "
                          "business");
    }

    (void) snprintf(r->schema, sizeof(r->schema), "%.*s", PT_STR_ARG(schema));
    r->with_files = r->with_files && schema.len == 0;

    r->conn = pt_job_connection(job, 0);
    if (r->conn == NULL) {
        return backup_say(PT_E_DATABASE, "no platform database is configured");
    }

    err = backup_owner_open(&r->session.store, r->session.name,
                            BACKUP_OWNER_READ, &r->owner);

    if (err == PT_OK) {
        err = backup_manifest_open(&r->owner,
                                   pt_json_string(params, "generation",
                                                  PT_STR_NULL),
                                   &r->manifest);
    }

    if (err == PT_OK) {
        err = restore_check_erased(r);
    }

    if (err == PT_OK) {
        err = backup_sql(r->conn, "BEGIN");
    }

    if (err == PT_OK) {
        err = backup_settings(r->conn);
    }

    if (err == PT_OK) {
        char  user[512];

        (void) snprintf(user, sizeof(user), "%.*s",
                        PT_STR_ARG(pt_json_string(r->manifest.json, "user",
                                                  PT_STR(""))));
        err = backup_map_resolve(r->session.map, r->conn, user, &r->tables);
    }

    return err == PT_OK ? restore_select(r) : err;
}


/* the ledger before anything else: who was erased stays so */
static pt_err_t
restore_check_erased(restore_t *r)
{
    char      erased[BACKUP_TIME_LEN + 1];
    pt_err_t  err;
    pt_str_t  at;

    err = backup_ledger_erased(&r->session.store, r->owner.name, erased);
    if (err != PT_OK) {
        return err;
    }

    at = pt_json_string(r->manifest.json, "snapshot_at", PT_STR(""));

    if (erased[0] != '\0' && strncmp(at.data, erased, BACKUP_TIME_LEN) <= 0) {
        return backup_say(PT_E_GONE, "this user was erased at %s, after the "
                          "backup: it is not restored", erased);
    }

    return PT_OK;
}


/* ---- which tables, in which order ---- */

static pt_err_t
restore_select(restore_t *r)
{
    char              name[64];
    size_t            n = 0;
    pt_buf_t          target;
    restore_table_t  *t;
    const pt_json_t  *saved, *tables, *wanted;

    tables = pt_json_member(r->manifest.json, "tables");
    wanted = pt_json_member(pt_job_params(r->session.job), "tables");

    r->order = calloc(tables->n + 1, sizeof(*r->order));
    if (r->order == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    for (saved = tables->first; saved != NULL; saved = saved->next) {
        if (!restore_wants(r, saved)) {
            continue;
        }

        t = &r->order[r->n++];
        t->saved = saved;
        t->table = restore_find(r, saved);
        (void) snprintf(t->staging, sizeof(t->staging), "pg_temp.staging_%zu",
                        n++);

        pt_buf_init(&target, &pt_mem_heap, SQL_MAX);

        if (r->schema[0] != '\0') {
            (void) snprintf(name, sizeof(name), "%.63s", r->schema);
            backup_sql_name(r->conn, &target, name);
            pt_buf_add_char(&target, '.');
            (void) snprintf(name, sizeof(name), "%.*s",
                            PT_STR_ARG(pt_json_string(saved, "table",
                                                      PT_STR("?"))));
            backup_sql_name(r->conn, &target, name);

        } else if (t->table == NULL) {
            pt_buf_done(&target);
            return backup_say(PT_E_CONFLICT, "table %.*s.%.*s of the backup is "
                              "not in the data map any more",
                              PT_STR_ARG(pt_json_string(saved, "schema",
                                                        PT_STR("?"))),
                              PT_STR_ARG(pt_json_string(saved, "table",
                                                        PT_STR("?"))));

        } else {
            pt_buf_add_text(&target, t->table->quoted);
        }

        t->target = target.err == PT_OK
                    ? strndup(target.data, target.len) : NULL;
        pt_buf_done(&target);

        if (t->target == NULL) {
            return backup_say(PT_E_NOMEM, "no memory");
        }
    }

    if (wanted != NULL && r->n != wanted->n) {
        return backup_say(PT_E_PARAMETERS, "the backup has not all of the "
                          "tables that are wanted");
    }

    return r->schema[0] != '\0' ? PT_OK : restore_sort(r);
}


/* "public.pitches" of the request, or all */
static bool
restore_wants(const restore_t *r, const pt_json_t *saved)
{
    char              name[512];
    const pt_json_t  *wanted;

    wanted = pt_json_member(pt_job_params(r->session.job), "tables");
    if (wanted == NULL) {
        return true;
    }

    (void) snprintf(name, sizeof(name), "%.*s.%.*s",
                    PT_STR_ARG(pt_json_string(saved, "schema", PT_STR(""))),
                    PT_STR_ARG(pt_json_string(saved, "table", PT_STR(""))));

    for (wanted = wanted->first; wanted != NULL; wanted = wanted->next) {
        if (pt_str_is(wanted->text, name)) {
            return true;
        }
    }

    return false;
}


static const backup_table_t *
restore_find(const restore_t *r, const pt_json_t *saved)
{
    size_t  i;

    for (i = 0; i < r->tables.n; i++) {
        if (pt_str_is(pt_json_string(saved, "schema", PT_STR("")),
                      r->tables.tables[i].schema)
            && pt_str_is(pt_json_string(saved, "table", PT_STR("")),
                         r->tables.tables[i].name))
        {
            return &r->tables.tables[i];
        }
    }

    return NULL;
}


/* a table comes after those that it refers to */
static pt_err_t
restore_sort(restore_t *r)
{
    bool              moved = true;
    size_t            i, n = 0;
    pt_err_t          err;
    PGresult         *keys;
    restore_table_t  *sorted;

    err = backup_restore_keys(r->conn, &keys);
    if (err != PT_OK) {
        return err;
    }

    sorted = calloc(r->n + 1, sizeof(*sorted));

    if (sorted == NULL) {
        PQclear(keys);
        return backup_say(PT_E_NOMEM, "no memory");
    }

    while (moved) {
        moved = false;

        for (i = 0; i < r->n; i++) {
            if (!r->order[i].placed && restore_is_ready(r, keys, &r->order[i]))
            {
                sorted[n++] = r->order[i];
                r->order[i].placed = true;
                moved = true;
            }
        }
    }

    /* a circle: as they come; constraints that are deferred will do */
    for (i = 0; i < r->n; i++) {
        if (!r->order[i].placed) {
            sorted[n++] = r->order[i];
        }
    }

    PQclear(keys);
    free(r->order);
    r->order = sorted;

    return PT_OK;
}


static bool
restore_is_ready(const restore_t *r, const PGresult *keys,
    const restore_table_t *t)
{
    int     k;
    size_t  i;

    for (k = 0; k < PQntuples(keys); k++) {
        if (strcmp(PQgetvalue(keys, k, 0), t->table->schema) != 0
            || strcmp(PQgetvalue(keys, k, 1), t->table->name) != 0)
        {
            continue;
        }

        for (i = 0; i < r->n; i++) {
            if (&r->order[i] != t && !r->order[i].placed
                && strcmp(PQgetvalue(keys, k, 2), r->order[i].table->schema)
                   == 0
                && strcmp(PQgetvalue(keys, k, 3), r->order[i].table->name)
                   == 0)
            {
                return false;
            }
        }
    }

    return true;
}


pt_err_t
backup_restore_keys(PGconn *conn, PGresult **ret_keys)
{
    return backup_query(conn, foreign_keys_sql, NULL, 0, ret_keys);
}


/* ---- rows and files ---- */

/*
 * At the same time.  Rows that name files are nothing without them, the other
 * way round it is a file that nobody names yet: the rows are committed by who
 * called, when all files are on the disk.
 */
static pt_err_t
restore_all(restore_t *r)
{
    char            task = 0;
    pt_err_t        err, end;
    backup_pool_t  *pool;

    err = backup_pool_open(&restore_crew, r, &pool);
    if (err != PT_OK) {
        return err;
    }

    err = backup_pool_add(pool, &task);

    if (err == PT_OK && r->with_files) {
        err = backup_restore_files(r);
    }

    end = backup_pool_close(pool, false);

    /* what ended both is the rows' error, if they have one */
    return end != PT_OK ? end : err;
}


static pt_err_t
restore_crew_open(void *ctx, unsigned n, void **ret_worker)
{
    (void) ctx;
    (void) n;
    *ret_worker = NULL;

    return PT_OK;
}


static pt_err_t
restore_crew_run(void *ctx, void *worker, void *task)
{
    pt_err_t    err;
    restore_t  *r = ctx;

    (void) worker;
    (void) task;

    err = backup_restore_rows(r);

    if (err != PT_OK) {
        atomic_store(&r->failed, true);
    }

    return err;
}


static void
restore_crew_close(void *worker)
{
    (void) worker;
}


void
backup_restore_progress(restore_t *r)
{
    double  rows, files = 1;

    int64_t  bytes = pt_json_int(pt_json_member(r->manifest.json, "files"),
                                 "bytes", 0);

    rows = r->n == 0 ? 1 : (double) atomic_load(&r->tables_done)
                           / (double) r->n;

    if (r->with_files && bytes > 0) {
        files = (double) atomic_load(&r->bytes_done) / (double) bytes;
    }

    pt_job_progress(r->session.job,
                    (unsigned) (400 * rows + 550 * (files > 1 ? 1 : files)),
                    rows < 1 ? "rows" : "files");
}


/* ---- the result ---- */

static void
restore_result(restore_t *r, pt_buf_t *text)
{
    size_t      i, k;
    pt_jsonw_t  w;

    static const struct {
        const char  *name;
        size_t       offset;
    } counts[] = {
        { "saved",    offsetof(restore_counts_t, saved) },
        { "inserted", offsetof(restore_counts_t, inserted) },
        { "updated",  offsetof(restore_counts_t, updated) },
        { "same",     offsetof(restore_counts_t, same) },
        { "kept",     offsetof(restore_counts_t, kept) },
        { "orphaned", offsetof(restore_counts_t, orphaned) },
        { "foreign",  offsetof(restore_counts_t, foreign) }
    };

    pt_jsonw_init(&w, text);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "generation");
    pt_jsonw_text(&w, r->manifest.name);
    pt_jsonw_key(&w, "dry_run");
    pt_jsonw_bool(&w, r->dry_run);
    pt_jsonw_key(&w, "tables");
    pt_jsonw_array(&w);

    for (i = 0; i < r->n; i++) {
        pt_jsonw_object(&w);
        pt_jsonw_key(&w, "table");
        pt_jsonw_text(&w, r->order[i].target);

        for (k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
            pt_jsonw_key(&w, counts[k].name);
            pt_jsonw_int(&w, *(const int64_t *) ((const char *)
                             &r->order[i].counts + counts[k].offset));
        }

        if (r->order[i].changes != NULL) {
            pt_jsonw_key(&w, "changes");
            pt_jsonw_raw(&w, pt_str(r->order[i].changes));
        }

        pt_jsonw_end(&w);
    }

    pt_jsonw_end(&w);
    pt_jsonw_key(&w, "files");
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "restored");
    pt_jsonw_int(&w, (int64_t) atomic_load(&r->files_restored));
    pt_jsonw_key(&w, "there");
    pt_jsonw_int(&w, (int64_t) atomic_load(&r->files_there));
    pt_jsonw_key(&w, "missing");
    pt_jsonw_int(&w, (int64_t) atomic_load(&r->files_missing));
    pt_jsonw_end(&w);
    pt_jsonw_end(&w);
}
