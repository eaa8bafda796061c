/* A part's rows as CSV and JSON, and what its columns are. */

#include <stdio.h>
#include <stdlib.h>

#include "backup_export.h"


#define SQL_MAX  (1u << 20)


/* of a part: its columns that are told */
typedef struct {
    export_value_t  *values;
    pt_str_t        *names;            /* {"id":  ,"title":  ... */
    size_t           n;
} rows_t;

/* what a column's values are in JSON; NaN is text */
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


static export_value_t rows_value(const export_part_t *part,
    const backup_column_t *c);
static pt_err_t rows_columns(const export_part_t *part, rows_t *ret_rows);
static void rows_columns_done(rows_t *rows);
static pt_err_t rows_open(export_worker_t *w, const export_part_t *part);
static pt_err_t rows_begin(export_t *e, export_worker_t *w,
    const export_part_t *part);
static pt_err_t rows_copy(export_worker_t *w, export_part_t *part,
    const rows_t *rows);
static pt_err_t rows_end(PGconn *conn, int n, pt_err_t err);
static pt_err_t rows_flush(void *ctx, const void *data, size_t len);
static pt_err_t rows_close(export_out_t *out);
static void schema_column(pt_jsonw_t *w, const export_part_t *part,
    const backup_column_t *c);


void
backup_export_select(const export_t *e, const export_part_t *part,
    bool with_json, pt_buf_t *sql)
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

        if (with_json && rows_value(part, c) == EXPORT_OTHER) {
            pt_buf_add_text(sql, ", pg_catalog.to_json(t.");
            backup_sql_name(e->conn, sql, c->name);
            pt_buf_add_text(sql, ")::text");
        }
    }

    pt_buf_printf(sql, " FROM %s t WHERE ", table->quoted);

    if (part->about && table->own != NULL) {
        pt_buf_printf(sql, "(%s) AND (%s) IS NOT TRUE", table->about,
                      table->own);
    } else {
        pt_buf_add_text(sql, part->about ? table->about : table->own);
    }
}


/* another person's are one text */
static export_value_t
rows_value(const export_part_t *part, const backup_column_t *c)
{
    return part->about && c->redact ? EXPORT_TEXT
                                    : backup_export_value(c->type);
}


/* CSV and JSON at once: the server makes each row's text a single time */
pt_err_t
backup_export_rows(export_t *e, export_worker_t *w, export_part_t *part)
{
    rows_t    rows = { NULL, NULL, 0 };
    pt_err_t  err;

    err = rows_columns(part, &rows);

    if (err == PT_OK) {
        err = rows_begin(e, w, part);
    }

    if (err == PT_OK) {
        err = rows_open(w, part);
    }

    if (err == PT_OK) {
        err = rows_copy(w, part, &rows);
    }

    if (err == PT_OK) {
        backup_export_put(&w->json, part->rows == 0 ? "[]\n" : "\n]\n", 3);
        err = rows_close(&w->json);
    }

    if (err == PT_OK) {
        err = rows_close(&w->csv);
    }

    if (err == PT_OK) {
        (void) pthread_mutex_lock(&e->lock);
        e->rows += part->rows;
        (void) pthread_mutex_unlock(&e->lock);
    }

    rows_columns_done(&rows);

    return err;
}


static pt_err_t
rows_columns(const export_part_t *part, rows_t *ret_rows)
{
    size_t                  i;
    pt_buf_t                name;
    pt_jsonw_t              w;
    const backup_column_t  *c;
    const backup_table_t   *table = part->table;

    ret_rows->values = calloc(table->ncolumns + 1, sizeof(export_value_t));
    ret_rows->names = calloc(table->ncolumns + 1, sizeof(pt_str_t));

    if (ret_rows->values == NULL || ret_rows->names == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    for (i = 0; i < table->ncolumns; i++) {
        c = &table->columns[i];

        if (c->secret) {
            continue;
        }

        pt_buf_init(&name, &pt_mem_heap, SQL_MAX);
        pt_buf_add_char(&name, ret_rows->n == 0 ? '{' : ',');
        pt_jsonw_init(&w, &name);
        pt_jsonw_text(&w, c->name);
        pt_buf_add_char(&name, ':');

        /* its memory is the name's from here on */
        ret_rows->values[ret_rows->n] = rows_value(part, c);
        ret_rows->names[ret_rows->n++] = (pt_str_t) { name.data, name.len };

        if (name.err != PT_OK) {
            return backup_say(name.err, "no memory");
        }
    }

    return PT_OK;
}


static void
rows_columns_done(rows_t *rows)
{
    while (rows->n > 0) {
        free((char *) (uintptr_t) rows->names[--rows->n].data);
    }

    free(rows->values);
    free(rows->names);
}


static pt_err_t
rows_begin(export_t *e, export_worker_t *w, const export_part_t *part)
{
    pt_buf_t   sql;
    pt_err_t   err = PT_OK;
    PGresult  *result;

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_add_text(&sql, "COPY (");
    backup_export_select(e, part, true, &sql);
    pt_buf_add_text(&sql, ") TO STDOUT");
    pt_buf_add_char(&sql, '\0');

    result = sql.err == PT_OK ? PQexec(w->conn, sql.data) : NULL;
    pt_buf_done(&sql);

    if (PQresultStatus(result) != PGRES_COPY_OUT) {
        err = backup_say(PT_E_DATABASE, "%s", PQerrorMessage(w->conn));
    }

    PQclear(result);

    return err;
}


/* both entries, and the first line of the CSV */
static pt_err_t
rows_open(export_worker_t *w, const export_part_t *part)
{
    char                   name[BACKUP_ZIP_NAME_MAX];
    size_t                 i, n = 0;
    pt_err_t               err;
    const backup_table_t  *table = part->table;

    w->csv = (export_out_t) { .flush = rows_flush, .ctx = w->second,
                              .data = w->csv.data };
    w->json = (export_out_t) { .flush = rows_flush, .ctx = w->entry,
                               .data = w->json.data };

    (void) snprintf(name, sizeof(name), "data/%s.csv", part->title);
    err = backup_member_deflate(w->second, name);

    if (err == PT_OK) {
        (void) snprintf(name, sizeof(name), "data/%s.json", part->title);
        err = backup_member_deflate(w->entry, name);
    }

    for (i = 0; i < table->ncolumns; i++) {
        if (!table->columns[i].secret) {
            backup_export_put(&w->csv, ",", n++ == 0 ? 0 : 1);
            backup_export_csv_text(&w->csv, table->columns[i].name,
                                   strlen(table->columns[i].name), false);
        }
    }

    backup_export_put(&w->csv, "\n", 1);

    return err;
}


static pt_err_t
rows_copy(export_worker_t *w, export_part_t *part, const rows_t *rows)
{
    int        n = 0;
    char      *row;
    pt_err_t   err = PT_OK;

    while (err == PT_OK && (n = PQgetCopyData(w->conn, &row, 0)) > 0) {
        backup_export_put(&w->json, part->rows++ == 0 ? "[\n" : ",\n", 2);
        err = backup_export_row(row, (size_t) n, rows->values, rows->names,
                                rows->n, &w->csv, &w->json);
        PQfreemem(row);
    }

    return rows_end(w->conn, n, err);
}


static pt_err_t
rows_flush(void *ctx, const void *data, size_t len)
{
    return backup_member_add(ctx, data, len);
}


/* what is left, and the entry's end */
static pt_err_t
rows_close(export_out_t *out)
{
    if (out->err == PT_OK) {
        out->err = rows_flush(out->ctx, out->data, out->len);
    }

    return out->err == PT_OK ? backup_member_end(out->ctx) : out->err;
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
