/*
 * Rows of a restore: by way of a staging table, so that what is there can be
 * compared and orphans be left out; or straight into a table that has none of
 * the user's.
 */

#include <stdio.h>
#include <stdlib.h>

#include "backup_restore.h"


#define SQL_MAX      (1u << 20)

/* fewer are in an index before it could be made anew */
#define STRIP_ROWS   50000

/* of a table, that a dry run shows; and their JSON, which a result has to hold
 * for every table */
#define DIFF_ROWS    20
#define DIFF_MAX     8192


static pt_err_t restore_schema(restore_t *r);
static pt_err_t restore_table(restore_t *r, restore_table_t *t);
static pt_err_t restore_direct(restore_t *r, restore_table_t *t,
    bool *ret_done);
static pt_err_t restore_strip(restore_t *r, restore_table_t *t,
    PGresult **ret_indexes);
static pt_err_t restore_orphans(restore_t *r, restore_table_t *t);
static pt_err_t restore_count(restore_t *r, restore_table_t *t);
static pt_err_t restore_diff(restore_t *r, restore_table_t *t);
static void restore_compare(restore_t *r, const restore_table_t *t,
    pt_buf_t *sql);
static pt_err_t restore_apply(restore_t *r, restore_table_t *t);
static void restore_apply_conflict(restore_t *r, const restore_table_t *t,
    pt_buf_t *sql);
static bool restore_is_fixed(const restore_table_t *t, const char *name);
static pt_err_t restore_sequences(restore_t *r, const restore_table_t *t);
static void restore_join(restore_t *r, const restore_table_t *t,
    const char *a, const char *b, pt_buf_t *sql);
static bool restore_newer(const restore_table_t *t, char ret_column[256]);
static pt_err_t restore_run(restore_t *r, pt_buf_t *sql, int64_t *ret_n);


/* of table $1: those that CREATE INDEX makes again as they were */
static const char  indexes_sql[] =
    "SELECT i.indexrelid::pg_catalog.regclass,"
    "       pg_catalog.pg_get_indexdef(i.indexrelid)"
    "  FROM pg_catalog.pg_index i"
    "  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
    "  JOIN pg_catalog.pg_class t ON t.oid = i.indrelid"
    " WHERE i.indrelid = $1::pg_catalog.regclass"
    "   AND c.relkind = 'i' AND t.relkind = 'r' AND i.indisvalid"
    "   AND NOT i.indisunique AND NOT i.indisexclusion"
    "   AND NOT i.indisclustered AND NOT i.indisreplident"
    "   AND c.reltablespace = 0"
    "   AND pg_catalog.pg_has_role(t.relowner, 'USAGE')"
    "   AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h"
    "                    WHERE h.inhrelid = i.indexrelid)"
    "   AND NOT EXISTS (SELECT FROM pg_catalog.pg_description d"
    "                    WHERE d.objoid = i.indexrelid)"
    "   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d"
    "                    WHERE (d.refobjid = i.indexrelid"
    "                           OR (d.objid = i.indexrelid"
    "                               AND d.deptype NOT IN ('a', 'n'))))"
    "   AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a"
    "                    WHERE a.attrelid = i.indexrelid"
    "                      AND a.attstattarget > 0)";


pt_err_t
backup_restore_rows(restore_t *r)
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
        err = restore_table(r, &r->order[i]);
        atomic_fetch_add(&r->tables_done, 1);
        backup_restore_progress(r);
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
    int        i;
    bool       some;
    pt_buf_t   sql;
    pt_err_t   err;
    PGresult  *result, *indexes = NULL;

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
        err = restore_strip(r, t, &indexes);
    }

    if (err == PT_OK) {
        err = backup_rows_into(r->conn, &r->manifest, t->saved, t->target);
    }

    for (i = 0; err == PT_OK && i < PQntuples(indexes); i++) {
        err = backup_sql(r->conn, PQgetvalue(indexes, i, 1));
    }

    PQclear(indexes);

    if (err == PT_OK) {
        t->counts.inserted = t->counts.saved;
        *ret_done = true;
        return backup_sql(r->conn, "RELEASE SAVEPOINT direct");
    }

    return err == PT_E_DATABASE && PQstatus(r->conn) == CONNECTION_OK
           ? backup_sql(r->conn, "ROLLBACK TO SAVEPOINT direct") : err;
}


/*
 * Many rows into a table that has none at all, as after a loss or in another
 * database: its plain indexes are dropped and made again behind the rows, in
 * the same transaction, which takes half the time.  Not where somebody uses
 * the table, nor an index with properties that its definition does not tell.
 *
 * ret_indexes  name and definition of those that were dropped; NULL: none
 */
static pt_err_t
restore_strip(restore_t *r, restore_table_t *t, PGresult **ret_indexes)
{
    int          i;
    pt_buf_t     sql;
    pt_err_t     err;
    PGresult    *indexes;
    const char  *target = t->target;

    *ret_indexes = NULL;

    if (r->dry_run || t->counts.saved < STRIP_ROWS) {
        return PT_OK;
    }

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_printf(&sql, "LOCK TABLE %s IN ACCESS EXCLUSIVE MODE NOWAIT",
                  target);
    pt_buf_add_char(&sql, '\0');

    err = backup_sql(r->conn, "SAVEPOINT strip");

    if (err == PT_OK && backup_sql(r->conn, sql.data) != PT_OK) {
        pt_buf_done(&sql);
        return backup_sql(r->conn, "ROLLBACK TO SAVEPOINT strip");
    }

    pt_buf_reset(&sql);
    pt_buf_printf(&sql, "%s AND NOT EXISTS (SELECT FROM %s)", indexes_sql,
                  target);
    pt_buf_add_char(&sql, '\0');

    if (err == PT_OK) {
        err = backup_query(r->conn, sql.data, &target, 1, &indexes);
    }

    if (err != PT_OK) {
        pt_buf_done(&sql);
        return err;
    }

    for (i = 0; err == PT_OK && i < PQntuples(indexes); i++) {
        pt_buf_reset(&sql);
        pt_buf_printf(&sql, "DROP INDEX %s", PQgetvalue(indexes, i, 0));
        pt_buf_add_char(&sql, '\0');
        err = backup_sql(r->conn, sql.data);
    }

    pt_buf_done(&sql);
    *ret_indexes = indexes;

    return err;
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

    err = backup_restore_keys(r->conn, &keys);

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
    pt_buf_t   sql;
    pt_err_t   err;
    PGresult  *result;

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_add_text(&sql, "SELECT count(*) FILTER (WHERE x.change = 'insert'),"
                    " count(*) FILTER (WHERE x.change = 'same'),"
                    " count(*) FILTER (WHERE x.change = 'foreign'),"
                    " count(*) FILTER (WHERE x.change = 'update'),"
                    " count(*) FILTER (WHERE x.change = 'keep') FROM (");
    restore_compare(r, t, &sql);
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

    return r->dry_run ? restore_diff(r, t) : PT_OK;
}


/* the first rows that differ, and in which columns */
static pt_err_t
restore_diff(restore_t *r, restore_table_t *t)
{
    pt_buf_t   sql;
    pt_err_t   err;
    PGresult  *result;

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_add_text(&sql, "SELECT json_agg(json_build_object('change',"
                    " y.change, 'key', y.key, 'columns', y.columns))"
                    " FROM (SELECT x.change, x.key, x.columns FROM (");
    restore_compare(r, t, &sql);
    pt_buf_printf(&sql, ") x WHERE x.change <> 'same' LIMIT %d) y", DIFF_ROWS);
    pt_buf_add_char(&sql, '\0');

    err = sql.err != PT_OK ? backup_say(sql.err, "a table is too wide")
                           : backup_query(r->conn, sql.data, NULL, 0, &result);
    pt_buf_done(&sql);

    if (err != PT_OK) {
        return err;
    }

    if (!PQgetisnull(result, 0, 0) && PQgetlength(result, 0, 0) <= DIFF_MAX) {
        t->changes = strdup(PQgetvalue(result, 0, 0));
    }

    PQclear(result);

    return PT_OK;
}


/*
 * For each saved row: what would become of it, its key, and the columns that
 * differ.  Without a key, a row is there if there is one like it.
 */
static void
restore_compare(restore_t *r, const restore_table_t *t, pt_buf_t *sql)
{
    char              name[256], newer[256];
    const pt_json_t  *key = pt_json_member(t->saved, "key")->first;

    pt_buf_add_text(sql, "SELECT CASE WHEN t.tableoid IS NULL THEN 'insert'"
                    " WHEN ROW(");
    backup_column_list(r->conn, t->saved, "s.", sql);
    pt_buf_add_text(sql, ")::text IS NOT DISTINCT FROM ROW(");
    backup_column_list(r->conn, t->saved, "t.", sql);
    pt_buf_printf(sql, ")::text THEN 'same' WHEN (%s) IS NOT TRUE"
                  " THEN 'foreign' WHEN ",
                  t->table->own != NULL ? t->table->own : "false");

    if (r->policy == POLICY_OVERWRITE) {
        pt_buf_add_text(sql, "true");

    } else if (r->policy == POLICY_NEWER && restore_newer(t, newer)) {
        pt_buf_add_text(sql, "s.");
        backup_sql_name(r->conn, sql, newer);
        pt_buf_add_text(sql, " > t.");
        backup_sql_name(r->conn, sql, newer);

    } else {
        pt_buf_add_text(sql, "false");
    }

    pt_buf_add_text(sql, " THEN 'update' ELSE 'keep' END AS change,"
                    " json_build_object(");

    for ( /* void */ ; key != NULL; key = key->next) {
        (void) snprintf(name, sizeof(name), "%.*s", PT_STR_ARG(key->text));
        backup_sql_text(r->conn, sql, name);
        pt_buf_add_text(sql, ", s.");
        backup_sql_name(r->conn, sql, name);
        pt_buf_add_text(sql, key->next != NULL ? ", " : "");
    }

    pt_buf_printf(sql, ") AS key, (SELECT json_agg(a.key) FROM"
                  " jsonb_each(to_jsonb(s.*)) a"
                  " JOIN jsonb_each(to_jsonb(t.*)) b ON b.key = a.key"
                  " WHERE a.value <> b.value) AS columns"
                  " FROM %s s LEFT JOIN %s t ON ", t->staging, t->target);
    restore_join(r, t, "s.", "t.", sql);
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
