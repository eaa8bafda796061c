/* The data map, and the SQL that comes of it. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "backup_map.h"
#include "backup_store.h"


#define MAP_MAX         (4u << 20)
#define SQL_MAX         (1u << 20)
#define MATCH_DEPTH     8
#define TABLES_MAX      2000


static bool map_is_good(const pt_json_t *map);
static bool map_match_is_good(const pt_json_t *match, unsigned depth);
static pt_err_t map_resolve_table(const pt_json_t *json, PGconn *conn,
    const char *user, backup_table_t *table);
static pt_err_t map_columns(PGconn *conn, backup_table_t *table);
static pt_err_t map_condition(PGconn *conn, backup_table_t *table,
    const char *which, const char *user, char **ret_sql);
static void map_match_sql(PGconn *conn, pt_buf_t *sql, const pt_json_t *match,
    const char *alias, unsigned depth, const char *user);
static bool map_lists(const pt_json_t *table, const char *list,
    const char *column);
static char *map_dup(pt_str_t s);
static void map_table_done(backup_table_t *table);
static char *map_take(pt_buf_t *buf);
/* a member as an identifier; "value" as a literal */
static void map_name(PGconn *conn, pt_buf_t *sql, const pt_json_t *json,
    const char *member);


/*
 * Names with their schema wherever they are not PostgreSQL's own: the search
 * path is empty (backup_snapshot.c, backup_restore.c).
 */
static const char  columns_sql[] =
    "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),"
    "       a.attgenerated <> '',"
    "       coalesce(pg_catalog.array_position(i.indkey::int2[],"
    "                a.attnum), -1) + 1, a.attidentity = 'a'"
    "  FROM pg_catalog.pg_attribute a"
    "  LEFT JOIN pg_catalog.pg_index i"
    "    ON i.indrelid = a.attrelid AND i.indisprimary"
    " WHERE a.attrelid = pg_catalog.to_regclass(pg_catalog.format('%I.%I',"
    "                    $1::text, $2::text))"
    "   AND a.attnum > 0 AND NOT a.attisdropped"
    " ORDER BY a.attnum";


pt_err_t
backup_map_load(const char *path, pt_json_t **ret_map)
{
    pt_buf_t  text;
    pt_err_t  err;

    pt_buf_init(&text, &pt_mem_heap, MAP_MAX);
    err = backup_file_read(path, &text);

    err = err != PT_OK
          ? backup_say(PT_E_IO, "could not read the data map \"%s\"", path)
          : backup_map_parse(pt_buf_str(&text), path, ret_map);
    pt_buf_done(&text);

    return err;
}


pt_err_t
backup_map_parse(pt_str_t text, const char *path, pt_json_t **ret_map)
{
    pt_json_t        *map;
    pt_json_error_t   error;

    if (pt_json_parse(text, &pt_mem_heap, &map, &error) != PT_OK) {
        return backup_say(PT_E_INVALID, "%s: %s at byte %zu", path,
                          error.message, error.offset);
    }

    if (!map_is_good(map)) {
        pt_json_free(map);
        return backup_say(PT_E_INVALID, "%s: %s", path, backup_said());
    }

    *ret_map = map;
    return PT_OK;
}


static bool
map_is_good(const pt_json_t *map)
{
    pt_str_t          name;
    const pt_json_t  *table, *match, *user, *tables;

    static const char *const  lists[] = { "own", "about" };

    user = pt_json_member(map, "user");
    tables = pt_json_member(map, "tables");

    if (!pt_str_is(pt_json_string(map, "format", PT_STR("")),
                   "pitchey-datamap-1")
        || pt_json_string(user, "schema", PT_STR_NULL).data == NULL
        || pt_json_string(user, "table", PT_STR_NULL).data == NULL
        || pt_json_string(user, "key", PT_STR_NULL).data == NULL
        || tables == NULL || tables->type != PT_JSON_ARRAY
        || tables->n > TABLES_MAX)
    {
        (void) backup_say(PT_E_INVALID, "no data map of pitchey-datamap-1");
        return false;
    }

    for (table = tables->first; table != NULL; table = table->next) {
        size_t  i;

        name = pt_json_string(table, "table", PT_STR("?"));

        if (pt_json_string(table, "schema", PT_STR_NULL).data == NULL
            || pt_str_is(name, "?")
            || (pt_json_member(table, "own") == NULL
                && pt_json_member(table, "about") == NULL))
        {
            (void) backup_say(PT_E_INVALID, "table \"%.*s\" lacks schema, "
                              "table or own", PT_STR_ARG(name));
            return false;
        }

        for (i = 0; i < 2; i++) {
            match = pt_json_member(table, lists[i]);

            for (match = match ? match->first : NULL; match != NULL;
                 match = match->next)
            {
                if (!map_match_is_good(match, 0)) {
                    (void) backup_say(PT_E_INVALID, "table \"%.*s\": bad "
                                      "\"%s\"", PT_STR_ARG(name), lists[i]);
                    return false;
                }
            }
        }
    }

    return true;
}


static bool
map_match_is_good(const pt_json_t *match, unsigned depth)
{
    const pt_json_t  *in;

    if (depth > MATCH_DEPTH
        || pt_json_string(match, "column", PT_STR_NULL).data == NULL)
    {
        return false;
    }

    in = pt_json_member(match, "in");

    return in == NULL
           || (pt_json_string(in, "schema", PT_STR_NULL).data != NULL
               && pt_json_string(in, "table", PT_STR_NULL).data != NULL
               && pt_json_string(in, "column", PT_STR_NULL).data != NULL
               && map_match_is_good(pt_json_member(in, "match"), depth + 1));
}


pt_err_t
backup_map_user(const pt_json_t *map, PGconn *conn, pt_str_t user,
    char **ret_id)
{
    char             *id;
    char             *values[1];
    pt_buf_t          sql;
    pt_err_t          err;
    PGresult         *result;
    const pt_json_t  *where = pt_json_member(map, "user");

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_add_text(&sql, "SELECT t.");
    map_name(conn, &sql, where, "key");
    pt_buf_add_text(&sql, "::text FROM ");
    map_name(conn, &sql, where, "schema");
    pt_buf_add_char(&sql, '.');
    map_name(conn, &sql, where, "table");
    pt_buf_add_text(&sql, " t WHERE t.");
    map_name(conn, &sql, where, "key");
    pt_buf_add_text(&sql, "::text = $1");
    pt_buf_add_char(&sql, '\0');

    values[0] = map_dup(user);
    err = values[0] == NULL || sql.err != PT_OK
          ? backup_say(PT_E_NOMEM, "no memory")
          : backup_query(conn, sql.data, (const char *const *) values, 1,
                         &result);
    free(values[0]);
    pt_buf_done(&sql);

    if (err != PT_OK) {
        return err;
    }

    if (PQntuples(result) != 1) {
        PQclear(result);
        return backup_say(PT_E_NOT_FOUND, "there is no such user");
    }

    id = strdup(PQgetvalue(result, 0, 0));
    PQclear(result);

    if (id == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    *ret_id = id;
    return PT_OK;
}


pt_err_t
backup_map_resolve(const pt_json_t *map, PGconn *conn, const char *user,
    backup_tables_t *ret_tables)
{
    pt_err_t          err = PT_OK;
    backup_tables_t   tables = { NULL, 0 };
    const pt_json_t  *list = pt_json_member(map, "tables"), *json;

    tables.tables = calloc(list->n + 1, sizeof(*tables.tables));
    if (tables.tables == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    for (json = list->first; json != NULL && err == PT_OK; json = json->next) {
        err = map_resolve_table(json, conn, user, &tables.tables[tables.n++]);
    }

    if (err != PT_OK) {
        backup_tables_done(&tables);
        return err;
    }

    *ret_tables = tables;
    return PT_OK;
}


static pt_err_t
map_resolve_table(const pt_json_t *json, PGconn *conn, const char *user,
    backup_table_t *table)
{
    pt_buf_t  quoted;
    pt_err_t  err;

    table->json = json;
    table->schema = map_dup(pt_json_string(json, "schema", PT_STR("")));
    table->name = map_dup(pt_json_string(json, "table", PT_STR("")));

    if (table->schema == NULL || table->name == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    pt_buf_init(&quoted, &pt_mem_heap, SQL_MAX);
    backup_sql_name(conn, &quoted, table->schema);
    pt_buf_add_char(&quoted, '.');
    backup_sql_name(conn, &quoted, table->name);
    table->quoted = map_take(&quoted);

    if (table->quoted == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    err = map_columns(conn, table);

    if (err == PT_OK) {
        err = map_condition(conn, table, "own", user, &table->own);
    }

    if (err == PT_OK) {
        err = map_condition(conn, table, "about", user, &table->about);
    }

    return err;
}


static pt_err_t
map_columns(PGconn *conn, backup_table_t *table)
{
    int               i, n;
    pt_err_t          err;
    PGresult         *result;
    const char       *values[2] = { table->schema, table->name };
    backup_column_t  *c;

    err = backup_query(conn, columns_sql, values, 2, &result);
    if (err != PT_OK) {
        return err;
    }

    n = PQntuples(result);
    table->columns = calloc((size_t) n + 1, sizeof(*table->columns));

    for (i = 0; i < n && table->columns != NULL; i++) {
        c = &table->columns[table->ncolumns++];
        c->name = strdup(PQgetvalue(result, i, 0));
        c->type = strdup(PQgetvalue(result, i, 1));
        c->generated = PQgetvalue(result, i, 2)[0] == 't';
        c->key = (unsigned) strtoul(PQgetvalue(result, i, 3), NULL, 10);
        c->always = PQgetvalue(result, i, 4)[0] == 't';

        if (c->name == NULL || c->type == NULL) {
            err = backup_say(PT_E_NOMEM, "no memory");
            break;
        }

        c->secret = map_lists(table->json, "secret", c->name);
        c->redact = map_lists(table->json, "redact", c->name);
        table->nkey += c->key != 0;
    }

    PQclear(result);

    if (table->columns == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    if (err == PT_OK && n == 0) {
        err = backup_say(PT_E_INVALID, "the data map names table %s, which is "
                         "not there", table->quoted);
    }

    return err;
}


/* matches with OR between; NULL: there are none */
static pt_err_t
map_condition(PGconn *conn, backup_table_t *table, const char *which,
    const char *user, char **ret_sql)
{
    pt_buf_t          sql;
    const pt_json_t  *list = pt_json_member(table->json, which), *match;

    if (list == NULL || list->n == 0) {
        return PT_OK;
    }

    /* of the platform: everybody's */
    if (user == NULL) {
        *ret_sql = strdup("true");
        return *ret_sql != NULL ? PT_OK : backup_say(PT_E_NOMEM, "no memory");
    }

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);

    for (match = list->first; match != NULL; match = match->next) {
        pt_buf_add_text(&sql, match == list->first ? "(" : " OR ");
        map_match_sql(conn, &sql, match, "t", 0, user);
    }

    pt_buf_add_char(&sql, ')');

    if (strcmp(which, "own") == 0) {
        table->owned = strndup(pt_buf_str(&sql).data, sql.len);
    }

    if (pt_json_string(table->json, "only", PT_STR_NULL).data != NULL) {
        pt_buf_add_text(&sql, " AND (");
        pt_buf_add_str(&sql, pt_json_string(table->json, "only", PT_STR("")));
        pt_buf_add_char(&sql, ')');
    }

    *ret_sql = map_take(&sql);

    return *ret_sql != NULL ? PT_OK : backup_say(PT_E_NOMEM, "no memory");
}


/*
 * The id is a literal of no type yet, so that it becomes the column's, and
 * an index serves.  It came out of the database or a manifest.
 */
static void
map_match_sql(PGconn *conn, pt_buf_t *sql, const pt_json_t *match,
    const char *alias, unsigned depth, const char *user)
{
    char              inner[16];
    const pt_json_t  *in = pt_json_member(match, "in");

    pt_buf_printf(sql, "%s.", alias);
    map_name(conn, sql, match, "column");

    if (in == NULL) {
        pt_buf_add_text(sql, " = ");
        backup_sql_text(conn, sql, user);
        return;
    }

    (void) snprintf(inner, sizeof(inner), "m%u", depth);

    pt_buf_printf(sql, " IN (SELECT %s.", inner);
    map_name(conn, sql, in, "column");
    pt_buf_add_text(sql, " FROM ");
    map_name(conn, sql, in, "schema");
    pt_buf_add_char(sql, '.');
    map_name(conn, sql, in, "table");
    pt_buf_printf(sql, " %s WHERE ", inner);
    map_match_sql(conn, sql, pt_json_member(in, "match"), inner, depth + 1,
                  user);
    pt_buf_add_char(sql, ')');
}


void
backup_tables_done(backup_tables_t *tables)
{
    size_t  i;

    for (i = 0; i < tables->n; i++) {
        map_table_done(&tables->tables[i]);
    }

    free(tables->tables);
    *tables = (backup_tables_t) { NULL, 0 };
}


static void
map_table_done(backup_table_t *table)
{
    size_t  i;

    for (i = 0; i < table->ncolumns; i++) {
        free(table->columns[i].name);
        free(table->columns[i].type);
    }

    free(table->columns);
    free(table->schema);
    free(table->name);
    free(table->quoted);
    free(table->own);
    free(table->owned);
    free(table->about);
}


/* ---- statements ---- */

bool
backup_table_is_saved(const backup_table_t *table)
{
    return table->own != NULL && pt_json_bool(table->json, "backup", true);
}


pt_err_t
backup_table_copy(const backup_table_t *table, PGconn *conn, pt_buf_t *sql)
{
    size_t    i, n = 0;
    unsigned  k;

    pt_buf_add_text(sql, "COPY (SELECT ");

    for (i = 0; i < table->ncolumns; i++) {
        if (!table->columns[i].generated) {
            pt_buf_add_text(sql, n++ == 0 ? "t." : ", t.");
            backup_sql_name(conn, sql, table->columns[i].name);
        }
    }

    pt_buf_printf(sql, " FROM %s t WHERE %s ORDER BY ", table->quoted,
                  table->own);

    /* without a key, the row's text: any order will do that is always one */
    if (table->nkey == 0) {
        pt_buf_add_text(sql, "(t.*)::text COLLATE \"C\"");
    }

    for (k = 1; k <= table->nkey; k++) {
        for (i = 0; i < table->ncolumns; i++) {
            if (table->columns[i].key == k) {
                pt_buf_add_text(sql, k == 1 ? "t." : ", t.");
                backup_sql_name(conn, sql, table->columns[i].name);
            }
        }
    }

    pt_buf_add_text(sql, ") TO STDOUT");
    pt_buf_add_char(sql, '\0');

    return sql->err == PT_OK ? PT_OK : backup_say(sql->err, "no memory");
}


bool
backup_table_files(const backup_table_t *table, PGconn *conn, pt_buf_t *sql)
{
    const pt_json_t  *file = pt_json_member(table->json, "file"), *tree;

    if (file == NULL || table->own == NULL) {
        return false;
    }

    tree = pt_json_member(file, "tree");

    /* a folder's key ends with "/" */
    pt_buf_add_text(sql, "SELECT pg_catalog.rtrim(t.");
    map_name(conn, sql, file, "key");
    pt_buf_add_text(sql, ", '/'), pg_catalog.encode(t.");
    map_name(conn, sql, file, "sha256");
    pt_buf_add_text(sql, ", 'hex'), t.");
    map_name(conn, sql, file, "size");

    if (tree != NULL) {
        pt_buf_add_text(sql, ", t.");
        map_name(conn, sql, tree, "column");
        pt_buf_add_text(sql, "::text = ");
        map_name(conn, sql, tree, "value");
    } else {
        pt_buf_add_text(sql, ", false");
    }

    pt_buf_add_text(sql, ", t.");
    map_name(conn, sql, file,
             pt_json_member(file, "name") != NULL ? "name" : "key");
    pt_buf_add_text(sql, "::text");

    pt_buf_printf(sql, " FROM %s t WHERE (%s)", table->quoted, table->own);

    if (pt_json_member(file, "unless") != NULL) {
        pt_buf_add_text(sql, " AND NOT t.");
        map_name(conn, sql, file, "unless");
    }

    return true;
}


void
backup_sql_name(PGconn *conn, pt_buf_t *sql, const char *name)
{
    char  *quoted;

    quoted = PQescapeIdentifier(conn, name, strlen(name));

    if (quoted == NULL) {
        sql->err = PT_E_NOMEM;
        return;
    }

    pt_buf_add_text(sql, quoted);
    PQfreemem(quoted);
}


void
backup_sql_text(PGconn *conn, pt_buf_t *sql, const char *text)
{
    char  *quoted;

    quoted = PQescapeLiteral(conn, text, strlen(text));

    if (quoted == NULL) {
        sql->err = PT_E_NOMEM;
        return;
    }

    pt_buf_add_text(sql, quoted);
    PQfreemem(quoted);
}


pt_err_t
backup_sql(PGconn *conn, const char *sql)
{
    pt_err_t   err;
    PGresult  *result;

    err = backup_query(conn, sql, NULL, 0, &result);

    if (err == PT_OK) {
        PQclear(result);
    }

    return err;
}


pt_err_t
backup_query(PGconn *conn, const char *sql, const char *const *values, int n,
    PGresult **ret_result)
{
    PGresult       *result;
    ExecStatusType  status;

    result = n == 0 ? PQexec(conn, sql)
                    : PQexecParams(conn, sql, n, NULL, values, NULL, NULL, 0);
    status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        PQclear(result);
        return backup_say(PT_E_DATABASE, "%s", PQerrorMessage(conn));
    }

    *ret_result = result;
    return PT_OK;
}


static void
map_name(PGconn *conn, pt_buf_t *sql, const pt_json_t *json,
    const char *member)
{
    char  *name;

    name = map_dup(pt_json_string(json, member, PT_STR("?")));

    if (name == NULL) {
        sql->err = PT_E_NOMEM;
        return;
    }

    if (strcmp(member, "value") == 0) {
        backup_sql_text(conn, sql, name);

    } else {
        backup_sql_name(conn, sql, name);
    }

    free(name);
}


static bool
map_lists(const pt_json_t *table, const char *list, const char *column)
{
    const pt_json_t  *item = pt_json_member(table, list);

    for (item = item ? item->first : NULL; item != NULL; item = item->next) {
        if (item->type == PT_JSON_STRING && pt_str_is(item->text, column)) {
            return true;
        }
    }

    return false;
}


static char *
map_dup(pt_str_t s)
{
    return strndup(s.data, s.len);
}


/* the buffer's text, terminated, to be freed; NULL: no memory */
static char *
map_take(pt_buf_t *buf)
{
    char  *text;

    text = buf->err == PT_OK ? strndup(pt_buf_str(buf).data, buf->len) : NULL;
    pt_buf_done(buf);

    return text;
}
