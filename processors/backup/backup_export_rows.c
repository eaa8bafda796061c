/* A part's rows as CSV and JSON, and what its columns are. */

#include <stdio.h>
#include <stdlib.h>

#include "backup_export.h"


#define SQL_MAX  (1u << 20)

/* of COPY's binary format: signature, flags, length of what follows */
#define COPY_HEAD  (11 + 4 + 4)

/* of a row of one column: number of columns, the value's length */
#define COPY_ROW   (2 + 4)


/* what a column's values are in JSON; row_to_json() writes NaN as text */
static const struct {
    const char  *type;
    const char  *schema;
    const char  *format;
} export_types[] = {
    { "boolean",                     "\"boolean\"",            NULL },
    { "smallint",                    "\"integer\"",            NULL },
    { "integer",                     "\"integer\"",            NULL },
    { "bigint",                      "\"integer\"",            NULL },
    { "real",                        "\"number\",\"string\"", NULL },
    { "double precision",            "\"number\",\"string\"", NULL },
    { "numeric",                     "\"number\",\"string\"", NULL },
    { "text",                        "\"string\"",             NULL },
    { "uuid",                        "\"string\"",             "uuid" },
    { "date",                        "\"string\"",             NULL },
    { "bytea",                       "\"string\"",             NULL },
    { "timestamp with time zone",    "\"string\"",             NULL },
    { "timestamp without time zone", "\"string\"",             NULL }
};


static pt_err_t rows_begin(PGconn *conn, const char *before,
    const char *select, const char *after);
static pt_err_t rows_end(PGconn *conn, int n, pt_err_t err);
static pt_err_t rows_gather(export_worker_t *w, size_t *len,
    const char *data, size_t n);
static void schema_column(pt_jsonw_t *w, const export_part_t *part,
    const backup_column_t *c);


void
backup_export_select(const export_t *e, const export_part_t *part,
    pt_buf_t *sql)
{
    size_t                  i, n = 0;
    const backup_column_t  *c;
    const backup_table_t   *table = part->table;

    pt_buf_add_text(sql, "SELECT ");

    for (i = 0; i < table->ncolumns; i++) {
        c = &table->columns[i];

        if (c->secret) {
            continue;
        }

        pt_buf_add_text(sql, n++ == 0 ? "" : ", ");
        pt_buf_add_text(sql, part->about && c->redact
                             ? "'[another person]'::text AS " : "t.");
        backup_sql_name(e->conn, sql, c->name);
    }

    pt_buf_printf(sql, " FROM %s t WHERE ", table->quoted);

    if (part->about && table->own != NULL) {
        pt_buf_printf(sql, "(%s) AND (%s) IS NOT TRUE", table->about,
                      table->own);
    } else {
        pt_buf_add_text(sql, part->about ? table->about : table->own);
    }
}


pt_err_t
backup_export_csv(export_t *e, export_worker_t *w, const export_part_t *part)
{
    int        n = 0;
    char      *row, name[BACKUP_ZIP_NAME_MAX];
    size_t     len = 0;
    pt_buf_t   select;
    pt_err_t   err;

    pt_buf_init(&select, &pt_mem_heap, SQL_MAX);
    backup_export_select(e, part, &select);
    pt_buf_add_char(&select, '\0');

    err = select.err != PT_OK ? backup_say(select.err, "no memory")
          : rows_begin(w->conn, "COPY (", select.data,
                       ") TO STDOUT (FORMAT csv, HEADER)");
    pt_buf_done(&select);

    if (err != PT_OK) {
        return err;
    }

    (void) snprintf(name, sizeof(name), "data/%s.csv", part->title);
    err = backup_member_deflate(w->entry, name);

    while (err == PT_OK && (n = PQgetCopyData(w->conn, &row, 0)) > 0) {
        err = rows_gather(w, &len, row, (size_t) n);
        PQfreemem(row);
    }

    err = rows_end(w->conn, n, err);

    if (err == PT_OK) {
        err = backup_member_add(w->entry, w->chunk, len);
    }

    return err == PT_OK ? backup_member_end(w->entry) : err;
}


/* binary COPY, of one column: nothing is escaped, and rows need no PGresult */
pt_err_t
backup_export_json(export_t *e, export_worker_t *w, export_part_t *part)
{
    int        n = 0;
    char      *row, name[BACKUP_ZIP_NAME_MAX];
    size_t     len = 0, skip, size;
    pt_buf_t   select;
    pt_err_t   err;

    pt_buf_init(&select, &pt_mem_heap, SQL_MAX);
    backup_export_select(e, part, &select);
    pt_buf_add_char(&select, '\0');

    err = select.err != PT_OK ? backup_say(select.err, "no memory")
          : rows_begin(w->conn, "COPY (SELECT pg_catalog.row_to_json(x.*)::text"
                       " FROM (", select.data, ") x) TO STDOUT (FORMAT binary)");
    pt_buf_done(&select);

    if (err != PT_OK) {
        return err;
    }

    (void) snprintf(name, sizeof(name), "data/%s.json", part->title);
    err = backup_member_deflate(w->entry, name);

    /* the head is before the first row, or before the end if there is none */
    skip = COPY_HEAD + COPY_ROW;

    while (err == PT_OK && (n = PQgetCopyData(w->conn, &row, 0)) > 0) {
        size = (size_t) n;

        if (size > skip) {
            err = rows_gather(w, &len, part->rows++ == 0 ? "[\n" : ",\n", 2);

            if (err == PT_OK) {
                err = rows_gather(w, &len, row + skip, size - skip);
            }

            skip = COPY_ROW;
        }

        PQfreemem(row);
    }

    err = rows_end(w->conn, n, err);

    if (err == PT_OK) {
        err = rows_gather(w, &len, part->rows == 0 ? "[]\n" : "\n]\n", 3);
    }

    if (err == PT_OK) {
        err = backup_member_add(w->entry, w->chunk, len);
    }

    if (err == PT_OK) {
        err = backup_member_end(w->entry);
    }

    if (err == PT_OK) {
        (void) pthread_mutex_lock(&e->lock);
        e->rows += part->rows;
        (void) pthread_mutex_unlock(&e->lock);
    }

    return err;
}


static pt_err_t
rows_begin(PGconn *conn, const char *before, const char *select,
    const char *after)
{
    pt_buf_t   sql;
    pt_err_t   err = PT_OK;
    PGresult  *result;

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_printf(&sql, "%s%s%s", before, select, after);
    pt_buf_add_char(&sql, '\0');

    result = sql.err == PT_OK ? PQexec(conn, sql.data) : NULL;
    pt_buf_done(&sql);

    if (PQresultStatus(result) != PGRES_COPY_OUT) {
        err = backup_say(PT_E_DATABASE, "%s", PQerrorMessage(conn));
    }

    PQclear(result);

    return err;
}


/* n: PQgetCopyData()'s last answer.  After an error the connection is left as
 * it is: the job is over, and the child finds it busy and goes */
static pt_err_t
rows_end(PGconn *conn, int n, pt_err_t err)
{
    PGresult  *result;

    if (err != PT_OK) {
        return err;
    }

    if (n == -2) {
        err = backup_say(PT_E_DATABASE, "%s", PQerrorMessage(conn));
    }

    while ((result = PQgetResult(conn)) != NULL) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK && err == PT_OK) {
            err = backup_say(PT_E_DATABASE, "%s", PQerrorMessage(conn));
        }

        PQclear(result);
    }

    return err;
}


/* rows gather, so that they are hashed and compressed by the 100 kB */
static pt_err_t
rows_gather(export_worker_t *w, size_t *len, const char *data, size_t n)
{
    pt_err_t  err = PT_OK;

    if (*len + n > EXPORT_CHUNK) {
        err = backup_member_add(w->entry, w->chunk, *len);
        *len = 0;
    }

    if (err == PT_OK && n > EXPORT_CHUNK) {
        return backup_member_add(w->entry, data, n);
    }

    if (err == PT_OK) {
        memcpy(w->chunk + *len, data, n);
        *len += n;
    }

    return err;
}


/* ---- JSON Schema ---- */

pt_err_t
backup_export_schema(export_worker_t *worker, const export_part_t *part)
{
    char                    name[BACKUP_ZIP_NAME_MAX];
    size_t                  i;
    pt_buf_t                text;
    pt_err_t                err;
    pt_jsonw_t              w;
    const backup_table_t   *table = part->table;

    pt_buf_init(&text, &pt_mem_heap, SQL_MAX);
    pt_jsonw_init(&w, &text);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "$schema");
    pt_jsonw_text(&w, "https://json-schema.org/draft/2020-12/schema");
    pt_jsonw_key(&w, "title");
    pt_jsonw_text(&w, table->name);
    pt_jsonw_key(&w, "type");
    pt_jsonw_text(&w, "array");
    pt_jsonw_key(&w, "items");
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "type");
    pt_jsonw_text(&w, "object");
    pt_jsonw_key(&w, "properties");
    pt_jsonw_object(&w);

    for (i = 0; i < table->ncolumns; i++) {
        if (!table->columns[i].secret) {
            schema_column(&w, part, &table->columns[i]);
        }
    }

    pt_jsonw_end(&w);
    pt_jsonw_key(&w, "required");
    pt_jsonw_array(&w);

    for (i = 0; i < table->ncolumns; i++) {
        if (!table->columns[i].secret) {
            pt_jsonw_text(&w, table->columns[i].name);
        }
    }

    pt_jsonw_end(&w);
    pt_jsonw_key(&w, "additionalProperties");
    pt_jsonw_bool(&w, false);
    pt_jsonw_end(&w);
    pt_jsonw_end(&w);

    (void) snprintf(name, sizeof(name), "schemas/%s.schema.json", part->title);

    err = text.err != PT_OK ? backup_say(text.err, "a table is too wide")
                            : backup_member_text(worker->entry, name,
                                                pt_buf_str(&text));
    pt_buf_done(&text);

    return err;
}


static void
schema_column(pt_jsonw_t *w, const export_part_t *part,
    const backup_column_t *c)
{
    size_t       i;
    const char  *schema = NULL, *format = NULL;

    if (part->about && c->redact) {
        schema = "\"string\"";
    }

    for (i = 0; i < sizeof(export_types) / sizeof(export_types[0])
                && schema == NULL; i++)
    {
        if (strcmp(c->type, export_types[i].type) == 0) {
            schema = export_types[i].schema;
            format = export_types[i].format;
        }
    }

    pt_jsonw_key(w, c->name);
    pt_jsonw_object(w);
    pt_jsonw_key(w, "description");
    pt_jsonw_text(w, c->type);

    /* of any other type, any JSON */
    if (schema != NULL) {
        pt_jsonw_key(w, "type");
        pt_jsonw_array(w);
        pt_jsonw_raw(w, pt_str(schema));
        pt_jsonw_text(w, "null");
        pt_jsonw_end(w);
    }

    if (format != NULL) {
        pt_jsonw_key(w, "format");
        pt_jsonw_text(w, format);
    }

    pt_jsonw_end(w);
}
