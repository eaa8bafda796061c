/*
 * restore-user-data: rows by way of staging tables, in the order of their
 * foreign keys, in one transaction; then the files that are not there.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup_files.h"
#include "backup_verify.h"


#define SQL_MAX      (1u << 20)
#define RESULT_MAX   (512u << 10)


typedef enum {
    POLICY_SKIP = 0,           /* what is there stays */
    POLICY_OVERWRITE,
    POLICY_NEWER               /* the row with the later time wins */
} restore_policy_t;


/* what a restore does, or a dry run would do, with a table's rows */
typedef struct {
    int64_t  saved;
    int64_t  inserted;         /* were not there */
    int64_t  updated;
    int64_t  same;
    int64_t  kept;             /* differ, and stay as they are */
    int64_t  orphaned;         /* what they refer to is gone: left out */
    int64_t  foreign;          /* the key is another user's by now: left out */
} restore_counts_t;


typedef struct {
    const pt_json_t        *saved;         /* in the manifest */
    const backup_table_t   *table;         /* of the map; NULL: not there */
    char                    staging[64];
    char                   *target;        /* quoted */
    restore_counts_t        counts;
    bool                    wanted;
    bool                    placed;        /* in the order */
} restore_table_t;


typedef struct {
    backup_session_t    session;
    backup_owner_t      owner;
    backup_manifest_t   manifest;
    backup_tables_t     tables;            /* as the database has them */
    PGconn             *conn;
    restore_policy_t    policy;
    bool                dry_run;
    bool                with_files;
    char                schema[128];       /* "": the platform's own */

    restore_table_t    *order;             /* as they are restored */
    size_t              n;

    const char         *storage;
    backup_manifest_t   files;             /* with a reader of its own */
    uint64_t            files_restored;
    uint64_t            files_there;
    uint64_t            files_missing;
} restore_t;


/* a file of storage that is being written */
typedef struct {
    int  fd;
} restore_file_t;


static pt_err_t restore_open(restore_t *r);
static pt_err_t restore_check_erased(restore_t *r);
static pt_err_t restore_select(restore_t *r);
static bool restore_wants(const restore_t *r, const pt_json_t *saved);
static const backup_table_t *restore_find(const restore_t *r,
    const pt_json_t *saved);
static pt_err_t restore_sort(restore_t *r);
static bool restore_is_ready(const restore_t *r, const PGresult *keys,
    const restore_table_t *t);
static pt_err_t restore_rows(restore_t *r);
static pt_err_t restore_schema(restore_t *r);
static pt_err_t restore_table(restore_t *r, restore_table_t *t);
static pt_err_t restore_direct(restore_t *r, restore_table_t *t,
    bool *ret_done);
static pt_err_t restore_orphans(restore_t *r, restore_table_t *t);
static pt_err_t restore_count(restore_t *r, restore_table_t *t);
static pt_err_t restore_apply(restore_t *r, restore_table_t *t);
static void restore_apply_conflict(restore_t *r, const restore_table_t *t,
    pt_buf_t *sql);
static bool restore_is_fixed(const restore_table_t *t, const char *name);
static pt_err_t restore_sequences(restore_t *r, const restore_table_t *t);
static void restore_join(restore_t *r, const restore_table_t *t,
    const char *a, const char *b, pt_buf_t *sql);
static bool restore_newer(const restore_table_t *t, char ret_column[256]);
static pt_err_t restore_run(restore_t *r, pt_buf_t *sql, int64_t *ret_n);
static pt_err_t restore_files(restore_t *r);
static pt_err_t restore_file(void *ctx, const backup_indexed_t *file);
static pt_err_t restore_file_write(restore_t *r, const char *object,
    const char *key, const uint8_t sha256[32]);
static pt_err_t restore_file_piece(void *ctx, pt_str_t piece);
static pt_err_t restore_folders(const restore_t *r, const char *key);
static void restore_result(restore_t *r, pt_buf_t *text);


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
        err = restore_rows(&r);
    }

    /* rows that name files are nothing without them, the other way round it
     * is a file that nobody names yet: so files come first */
    if (err == PT_OK && r.with_files) {
        err = restore_files(&r);
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

    err = backup_query(r->conn, foreign_keys_sql, NULL, 0, &keys);
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


/* ---- rows ---- */

static pt_err_t
restore_rows(restore_t *r)
{
    size_t    i;
    pt_err_t  err = PT_OK;

    if (r->schema[0] != '\0') {
        err = restore_schema(r);
    }

    if (err == PT_OK) {
        err = backup_sql(r->conn, "SET CONSTRAINTS ALL DEFERRED");
    }

    for (i = 0; i < r->n && err == PT_OK; i++) {
        pt_job_progress(r->session.job, (unsigned) (600 * i / r->n), "rows");
        err = restore_table(r, &r->order[i]);
    }

    return err;
}


/* a schema of its own: tables of the manifest's columns, made here */
static pt_err_t
restore_schema(restore_t *r)
{
    char              name[256];
    size_t            i;
    pt_buf_t          sql;
    pt_err_t          err;
    const pt_json_t  *c;

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_add_text(&sql, "CREATE SCHEMA ");
    backup_sql_name(r->conn, &sql, r->schema);
    pt_buf_add_char(&sql, '\0');
    err = backup_sql(r->conn, sql.data);

    for (i = 0; i < r->n && err == PT_OK; i++) {
        pt_buf_reset(&sql);
        pt_buf_printf(&sql, "CREATE TABLE %s (", r->order[i].target);

        c = pt_json_member(r->order[i].saved, "columns")->first;

        for ( /* void */ ; c != NULL; c = c->next) {
            (void) snprintf(name, sizeof(name), "%.*s",
                            PT_STR_ARG(pt_json_string(c, "name",
                                                      PT_STR("?"))));
            backup_sql_name(r->conn, &sql, name);
            pt_buf_printf(&sql, " %.*s%s",
                          PT_STR_ARG(pt_json_string(c, "type", PT_STR("?"))),
                          c->next != NULL ? ", " : "");
        }

        pt_buf_add_text(&sql, ")");
        pt_buf_add_char(&sql, '\0');
        err = sql.err != PT_OK ? backup_say(sql.err, "a table is too wide")
                               : backup_sql(r->conn, sql.data);
    }

    pt_buf_done(&sql);

    return err;
}


static pt_err_t
restore_table(restore_t *r, restore_table_t *t)
{
    bool      done;
    pt_err_t  err;

    t->counts.saved = pt_json_int(t->saved, "rows", 0);

    if (r->schema[0] != '\0') {
        t->counts.inserted = t->counts.saved;
        return backup_rows_into(r->conn, &r->manifest, t->saved, t->target);
    }

    err = restore_direct(r, t, &done);

    if (err != PT_OK || done) {
        return err == PT_OK ? restore_sequences(r, t) : err;
    }

    err = backup_scratch_table(r->conn, t->saved, t->staging);

    if (err == PT_OK) {
        err = backup_rows_into(r->conn, &r->manifest, t->saved, t->staging);
    }

    if (err == PT_OK) {
        err = restore_orphans(r, t);
    }

    if (err == PT_OK) {
        err = restore_count(r, t);
    }

    if (err == PT_OK) {
        err = restore_apply(r, t);
    }

    return err == PT_OK ? restore_sequences(r, t) : err;
}


/*
 * A table that has none of the user's rows, which is what a loss looks like:
 * straight into it, without a staging table.  Where a constraint objects,
 * nothing has happened, and the long way tells which rows it is about.
 */
static pt_err_t
restore_direct(restore_t *r, restore_table_t *t, bool *ret_done)
{
    bool       some;
    pt_buf_t   sql;
    pt_err_t   err;
    PGresult  *result;

    *ret_done = false;

    if (t->table->own == NULL) {
        return PT_OK;
    }

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_printf(&sql, "SELECT EXISTS (SELECT FROM %s t WHERE %s)", t->target,
                  t->table->owned);
    pt_buf_add_char(&sql, '\0');
    err = sql.err != PT_OK ? backup_say(sql.err, "no memory")
                           : backup_query(r->conn, sql.data, NULL, 0, &result);
    pt_buf_done(&sql);

    if (err != PT_OK) {
        return err;
    }

    some = PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);

    if (some) {
        return PT_OK;
    }

    err = backup_sql(r->conn, "SAVEPOINT direct");

    if (err == PT_OK) {
        err = backup_rows_into(r->conn, &r->manifest, t->saved, t->target);
    }

    if (err == PT_OK) {
        t->counts.inserted = t->counts.saved;
        *ret_done = true;
        return backup_sql(r->conn, "RELEASE SAVEPOINT direct");
    }

    return err == PT_E_DATABASE && PQstatus(r->conn) == CONNECTION_OK
           ? backup_sql(r->conn, "ROLLBACK TO SAVEPOINT direct") : err;
}


/* rows whose parents are neither there nor come with them */
static pt_err_t
restore_orphans(restore_t *r, restore_table_t *t)
{
    int               k;
    bool              self;
    int64_t           n;
    pt_buf_t          sql, cond;
    pt_err_t          err;
    PGresult         *keys;
    pt_json_t        *pairs;
    const pt_json_t  *pair;

    err = backup_query(r->conn, foreign_keys_sql, NULL, 0, &keys);

    for (k = 0; err == PT_OK && k < PQntuples(keys); k++) {

        if (strcmp(PQgetvalue(keys, k, 0), t->table->schema) != 0
            || strcmp(PQgetvalue(keys, k, 1), t->table->name) != 0
            || pt_json_parse(pt_str(PQgetvalue(keys, k, 5)), &pt_mem_heap,
                             &pairs, NULL) != PT_OK)
        {
            continue;
        }

        self = strcmp(PQgetvalue(keys, k, 2), t->table->schema) == 0
               && strcmp(PQgetvalue(keys, k, 3), t->table->name) == 0;

        pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
        pt_buf_init(&cond, &pt_mem_heap, SQL_MAX);
        pt_buf_printf(&sql, "DELETE FROM %s s WHERE ", t->staging);

        for (pair = pairs->first; pair != NULL; pair = pair->next) {
            char  a[256], b[256];

            (void) snprintf(a, sizeof(a), "%.*s",
                            PT_STR_ARG(pair->first->text));
            (void) snprintf(b, sizeof(b), "%.*s",
                            PT_STR_ARG(pair->first->next->text));

            pt_buf_add_text(&sql, "s.");
            backup_sql_name(r->conn, &sql, a);
            pt_buf_add_text(&sql, " IS NOT NULL AND ");
            pt_buf_add_text(&cond, pair == pairs->first ? "p." : " AND p.");
            backup_sql_name(r->conn, &cond, b);
            pt_buf_add_text(&cond, " = s.");
            backup_sql_name(r->conn, &cond, a);
        }

        pt_buf_add_text(&sql, "NOT EXISTS (SELECT FROM ");
        backup_sql_name(r->conn, &sql, PQgetvalue(keys, k, 2));
        pt_buf_add_char(&sql, '.');
        backup_sql_name(r->conn, &sql, PQgetvalue(keys, k, 3));
        pt_buf_printf(&sql, " p WHERE %.*s)", PT_STR_ARG(pt_buf_str(&cond)));

        if (self) {
            pt_buf_printf(&sql, " AND NOT EXISTS (SELECT FROM %s p WHERE "
                          "%.*s)", t->staging, PT_STR_ARG(pt_buf_str(&cond)));
        }

        err = restore_run(r, &sql, &n);
        t->counts.orphaned += err == PT_OK ? n : 0;

        pt_buf_done(&cond);
        pt_buf_done(&sql);
        pt_json_free(pairs);
    }

    PQclear(keys);

    return err;
}


/* before anything is changed: what is there, and how it differs */
static pt_err_t
restore_count(restore_t *r, restore_table_t *t)
{
    char       newer[256];
    pt_buf_t   sql;
    pt_err_t   err;
    PGresult  *result;

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);

    /* without a key, a row is there if there is one like it */
    pt_buf_add_text(&sql, "SELECT count(*) FILTER (WHERE NOT x.there),"
                    " count(*) FILTER (WHERE x.there AND x.same),"
                    " count(*) FILTER (WHERE x.there AND NOT x.same"
                    "                  AND NOT x.own),"
                    " count(*) FILTER (WHERE x.there AND NOT x.same"
                    "                  AND x.own AND x.wins),"
                    " count(*) FILTER (WHERE x.there AND NOT x.same"
                    "                  AND x.own AND NOT x.wins)"
                    " FROM (SELECT t.tableoid IS NOT NULL AS there,");
    pt_buf_add_text(&sql, " t.tableoid IS NOT NULL AND ROW(");
    backup_column_list(r->conn, t->saved, "s.", &sql);
    pt_buf_add_text(&sql, ")::text IS NOT DISTINCT FROM ROW(");
    backup_column_list(r->conn, t->saved, "t.", &sql);
    pt_buf_printf(&sql, ")::text AS same, coalesce(%s, false) AS own, ",
                  t->table->own != NULL ? t->table->own : "false");

    if (r->policy == POLICY_OVERWRITE) {
        pt_buf_add_text(&sql, "true");

    } else if (r->policy == POLICY_NEWER && restore_newer(t, newer)) {
        pt_buf_add_text(&sql, "coalesce(s.");
        backup_sql_name(r->conn, &sql, newer);
        pt_buf_add_text(&sql, " > t.");
        backup_sql_name(r->conn, &sql, newer);
        pt_buf_add_text(&sql, ", false)");

    } else {
        pt_buf_add_text(&sql, "false");
    }

    pt_buf_printf(&sql, " AS wins FROM %s s LEFT JOIN %s t ON ", t->staging,
                  t->target);
    restore_join(r, t, "s.", "t.", &sql);
    pt_buf_add_text(&sql, ") x");
    pt_buf_add_char(&sql, '\0');

    err = sql.err != PT_OK ? backup_say(sql.err, "a table is too wide")
                           : backup_query(r->conn, sql.data, NULL, 0, &result);
    pt_buf_done(&sql);

    if (err != PT_OK) {
        return err;
    }

    t->counts.inserted = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    t->counts.same = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
    t->counts.foreign = strtoll(PQgetvalue(result, 0, 2), NULL, 10);
    t->counts.updated = strtoll(PQgetvalue(result, 0, 3), NULL, 10);
    t->counts.kept = strtoll(PQgetvalue(result, 0, 4), NULL, 10);
    PQclear(result);

    return PT_OK;
}


static pt_err_t
restore_apply(restore_t *r, restore_table_t *t)
{
    int64_t   n;
    pt_buf_t  sql;
    pt_err_t  err;

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_printf(&sql, "INSERT INTO %s AS t (", t->target);
    backup_column_list(r->conn, t->saved, "", &sql);
    pt_buf_add_text(&sql, ") OVERRIDING SYSTEM VALUE SELECT ");
    backup_column_list(r->conn, t->saved, "s.", &sql);
    pt_buf_printf(&sql, " FROM %s s", t->staging);

    if (t->table->nkey == 0) {
        pt_buf_printf(&sql, " WHERE NOT EXISTS (SELECT FROM %s t WHERE ",
                      t->target);
        restore_join(r, t, "s.", "t.", &sql);
        pt_buf_add_char(&sql, ')');

    } else {
        restore_apply_conflict(r, t, &sql);
    }

    err = restore_run(r, &sql, &n);
    pt_buf_done(&sql);

    return err;
}


/* the row that is there is only changed while it is the user's own */
static void
restore_apply_conflict(restore_t *r, const restore_table_t *t, pt_buf_t *sql)
{
    char              name[256], newer[256];
    bool              first = true;
    const pt_json_t  *c;

    if (r->policy == POLICY_SKIP
        || (r->policy == POLICY_NEWER && !restore_newer(t, newer)))
    {
        pt_buf_add_text(sql, " ON CONFLICT DO NOTHING");
        return;
    }

    pt_buf_add_text(sql, " ON CONFLICT (");

    for (c = pt_json_member(t->saved, "key")->first; c; c = c->next) {
        (void) snprintf(name, sizeof(name), "%.*s", PT_STR_ARG(c->text));
        backup_sql_name(r->conn, sql, name);
        pt_buf_add_text(sql, c->next != NULL ? ", " : ") DO UPDATE SET ");
    }

    for (c = pt_json_member(t->saved, "columns")->first; c; c = c->next) {
        (void) snprintf(name, sizeof(name), "%.*s",
                        PT_STR_ARG(pt_json_string(c, "name", PT_STR("?"))));

        if (restore_is_fixed(t, name)) {
            continue;
        }

        pt_buf_add_text(sql, first ? "" : ", ");
        backup_sql_name(r->conn, sql, name);
        pt_buf_add_text(sql, " = excluded.");
        backup_sql_name(r->conn, sql, name);
        first = false;
    }

    pt_buf_printf(sql, " WHERE (%s)",
                  t->table->own != NULL ? t->table->own : "false");

    if (r->policy == POLICY_NEWER) {
        pt_buf_add_text(sql, " AND excluded.");
        backup_sql_name(r->conn, sql, newer);
        pt_buf_add_text(sql, " > t.");
        backup_sql_name(r->conn, sql, newer);
    }
}


/* of the key, which is equal, or a number that is given once */
static bool
restore_is_fixed(const restore_table_t *t, const char *name)
{
    size_t  i;

    for (i = 0; i < t->table->ncolumns; i++) {
        if (strcmp(t->table->columns[i].name, name) == 0) {
            return t->table->columns[i].always
                   || (t->table->columns[i].key != 0
                       && t->table->ncolumns > t->table->nkey);
        }
    }

    return false;
}


/* numbers that rows have now are not given again */
static pt_err_t
restore_sequences(restore_t *r, const restore_table_t *t)
{
    size_t    i;
    pt_buf_t  sql;
    pt_err_t  err = PT_OK;

    if (t->counts.inserted == 0 || r->dry_run) {
        return PT_OK;
    }

    for (i = 0; i < t->table->ncolumns && err == PT_OK; i++) {
        const backup_column_t  *c = &t->table->columns[i];

        if (strcmp(c->type, "bigint") != 0 && strcmp(c->type, "integer") != 0
            && strcmp(c->type, "smallint") != 0)
        {
            continue;
        }

        pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
        pt_buf_add_text(&sql, "SELECT pg_catalog.setval(q.s, q.m) FROM (SELECT"
                        " pg_catalog.pg_get_serial_sequence(");
        backup_sql_text(r->conn, &sql, t->target);
        pt_buf_add_text(&sql, ", ");
        backup_sql_text(r->conn, &sql, c->name);
        pt_buf_add_text(&sql, ")::pg_catalog.regclass AS s, (SELECT max(");
        backup_sql_name(r->conn, &sql, c->name);
        pt_buf_printf(&sql, ") FROM %s) AS m) q WHERE q.s IS NOT NULL AND q.m >"
                      " coalesce(pg_catalog.pg_sequence_last_value(q.s), 0)",
                      t->target);
        pt_buf_add_char(&sql, '\0');

        err = sql.err != PT_OK ? backup_say(sql.err, "no memory")
                               : backup_sql(r->conn, sql.data);
        pt_buf_done(&sql);
    }

    return err;
}


/* by the key; without one, by the whole row */
static void
restore_join(restore_t *r, const restore_table_t *t, const char *a,
    const char *b, pt_buf_t *sql)
{
    char              name[256];
    const pt_json_t  *key = pt_json_member(t->saved, "key")->first;

    if (key == NULL) {
        pt_buf_add_text(sql, "ROW(");
        backup_column_list(r->conn, t->saved, a, sql);
        pt_buf_add_text(sql, ")::text = ROW(");
        backup_column_list(r->conn, t->saved, b, sql);
        pt_buf_add_text(sql, ")::text");
    }

    for ( /* void */ ; key != NULL; key = key->next) {
        (void) snprintf(name, sizeof(name), "%.*s", PT_STR_ARG(key->text));
        pt_buf_add_text(sql, a);
        backup_sql_name(r->conn, sql, name);
        pt_buf_printf(sql, " = %s", b);
        backup_sql_name(r->conn, sql, name);
        pt_buf_add_text(sql, key->next != NULL ? " AND " : "");
    }
}


static bool
restore_newer(const restore_table_t *t, char ret_column[256])
{
    pt_str_t  newer = pt_json_string(t->table->json, "newer", PT_STR_NULL);

    (void) snprintf(ret_column, 256, "%.*s", PT_STR_ARG(newer));

    return newer.data != NULL;
}


static pt_err_t
restore_run(restore_t *r, pt_buf_t *sql, int64_t *ret_n)
{
    pt_err_t   err;
    PGresult  *result;

    pt_buf_add_char(sql, '\0');

    if (sql->err != PT_OK) {
        return backup_say(sql->err, "a table is too wide");
    }

    err = backup_query(r->conn, sql->data, NULL, 0, &result);

    /* a value that somebody else has taken meanwhile, say */
    if (err != PT_OK && PQstatus(r->conn) == CONNECTION_OK) {
        return PT_E_CONFLICT;
    }

    if (err == PT_OK) {
        *ret_n = strtoll(PQcmdTuples(result), NULL, 10);
        PQclear(result);
    }

    return err;
}


/* ---- files ---- */

static pt_err_t
restore_files(restore_t *r)
{
    pt_err_t      err;
    backup_sum_t  sum;

    if (r->storage == NULL) {
        return backup_say(PT_E_UNAVAILABLE, "the storage is not known");
    }

    pt_job_progress(r->session.job, 600, "files");

    r->files = r->manifest;
    r->files.reader = NULL;
    err = backup_reader_new(&r->files.reader);

    if (err == PT_OK) {
        err = backup_index_read(&r->manifest, restore_file, r, &sum);
        backup_reader_free(r->files.reader);
    }

    /* all at once, before the rows that name them are committed */
    if (err == PT_OK && r->files_restored != 0 && !r->dry_run) {
        err = backup_sync(r->storage);
    }

    return err;
}


/* a stored file never changes: one that is there is the same */
static pt_err_t
restore_file(void *ctx, const backup_indexed_t *file)
{
    char         path[BACKUP_PATH_MAX], key[BACKUP_FILE_KEY_MAX];
    char         object[BACKUP_PATH_MAX];
    restore_t   *r = ctx;
    struct stat  st;

    if (file->object.data == NULL) {
        r->files_missing++;
        return PT_OK;
    }

    (void) snprintf(key, sizeof(key), "%.*s", PT_STR_ARG(file->key));
    (void) snprintf(object, sizeof(object), "%.*s", PT_STR_ARG(file->object));
    (void) snprintf(path, sizeof(path), "%s/%s", r->storage, key);

    if (stat(path, &st) == 0 && S_ISREG(st.st_mode)
        && (uint64_t) st.st_size == file->size)
    {
        r->files_there++;
        return PT_OK;
    }

    r->files_restored++;

    return r->dry_run ? PT_OK
                      : restore_file_write(r, object, key, file->sha256);
}


static pt_err_t
restore_file_write(restore_t *r, const char *object, const char *key,
    const uint8_t sha256[32])
{
    char            path[BACKUP_PATH_MAX], tmp[BACKUP_PATH_MAX];
    uint64_t        number;
    pt_err_t        err;
    backup_sum_t    sum;
    restore_file_t  file;

    err = restore_folders(r, key);
    if (err != PT_OK) {
        return err;
    }

    randombytes_buf(&number, sizeof(number));
    (void) snprintf(path, sizeof(path), "%s/%s", r->storage, key);
    (void) snprintf(tmp, sizeof(tmp), "%s/.restore-%016llx", r->storage,
                    (unsigned long long) number);

    file.fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (file.fd == -1) {
        return backup_say(PT_E_STORAGE, "could not write to storage: %s",
                          strerror(errno));
    }

    err = backup_object_read(&r->files, BACKUP_FILE, object,
                             restore_file_piece, &file, &sum);

    if (err == PT_OK && memcmp(sum.sha256, sha256, 32) != 0) {
        err = backup_say(PT_E_INPUT_BROKEN, "object \"%s/%s\" is not what its "
                         "index says", r->owner.name, object);
    }

    if (close(file.fd) == -1 && err == PT_OK) {
        err = backup_say(PT_E_STORAGE, "could not write to storage: %s",
                         strerror(errno));
    }

    if (err == PT_OK && rename(tmp, path) == -1) {
        err = backup_say(PT_E_STORAGE, "could not write \"%s\" in storage: %s",
                         key, strerror(errno));
    }

    if (err != PT_OK) {
        (void) unlink(tmp);
    }

    return err;
}


static pt_err_t
restore_file_piece(void *ctx, pt_str_t piece)
{
    ssize_t          n;
    restore_file_t  *file = ctx;

    while (piece.len != 0) {
        n = write(file->fd, piece.data, piece.len);

        if (n == -1 && errno != EINTR) {
            return backup_say(PT_E_STORAGE, "could not write to storage: %s",
                              strerror(errno));
        }

        if (n > 0) {
            piece.data += n;
            piece.len -= (size_t) n;
        }
    }

    return PT_OK;
}


static pt_err_t
restore_folders(const restore_t *r, const char *key)
{
    char         path[BACKUP_PATH_MAX];
    const char  *slash;

    for (slash = strchr(key, '/'); slash; slash = strchr(slash + 1, '/')) {
        (void) snprintf(path, sizeof(path), "%s/%.*s", r->storage,
                        (int) (slash - key), key);

        if (mkdir(path, 0750) == -1 && errno != EEXIST) {
            return backup_say(PT_E_STORAGE, "could not make \"%s\": %s", path,
                              strerror(errno));
        }
    }

    return PT_OK;
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

        pt_jsonw_end(&w);
    }

    pt_jsonw_end(&w);
    pt_jsonw_key(&w, "files");
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "restored");
    pt_jsonw_int(&w, (int64_t) r->files_restored);
    pt_jsonw_key(&w, "there");
    pt_jsonw_int(&w, (int64_t) r->files_there);
    pt_jsonw_key(&w, "missing");
    pt_jsonw_int(&w, (int64_t) r->files_missing);
    pt_jsonw_end(&w);
    pt_jsonw_end(&w);
}
