/* One transaction: begin, each dataset by a cursor, commit. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "report_data.h"


/* rows of one FETCH: some hundred kilobytes, few round trips */
#define REPORT_FETCH      2000

#define REPORT_DECLARE  "DECLARE report_cursor NO SCROLL CURSOR FOR "

/* of all parameters as text */
#define REPORT_VALUES_MAX  (64 * 1024)

/* what pg_type has for the types that have a format of their own */
#define OID_BOOL          16
#define OID_INT8          20
#define OID_INT2          21
#define OID_INT4          23
#define OID_FLOAT4        700
#define OID_FLOAT8        701
#define OID_DATE          1082
#define OID_TIMESTAMP     1114
#define OID_TIMESTAMPTZ   1184
#define OID_NUMERIC       1700


/* the parameters of a statement, in its order */
typedef struct {
    const char  *values[REPORT_SQL_PARAMS_MAX];
    pt_buf_t     texts[REPORT_SQL_PARAMS_MAX];
} report_values_t;


static pt_err_t report_begin(report_t *r);
static pt_err_t report_set(report_t *r, const char *name, const char *value);
static pt_err_t report_snapshot(report_t *r);
static pt_err_t report_run(report_t *r, report_table_t *table);
static pt_err_t report_fetch(report_t *r);
static PGresult *report_fetched(report_t *r);
static void report_fail_section(report_t *r, pt_str_t dataset);
static bool report_shows(const pt_json_t *value, pt_str_t dataset);
static pt_err_t report_declare(report_t *r, const report_dataset_t *dataset);
static pt_err_t report_bind(report_t *r, const report_dataset_t *dataset,
    report_values_t *values);
static pt_err_t report_bind_one(report_t *r, const report_dataset_t *dataset,
    pt_str_t name, pt_buf_t *text, bool *ret_null);
static const pt_json_t *report_default(const report_t *r, pt_str_t name);
static void report_unbind(const report_dataset_t *dataset,
    report_values_t *values);
static pt_err_t report_columns(report_t *r, report_table_t *table,
    const PGresult *res);
static report_format_t report_format_of(const pt_json_t *column, Oid type,
    bool *ret_numeric);
static pt_err_t report_rows(report_t *r, report_table_t *table,
    const PGresult *res);
static pt_err_t report_row(report_t *r, report_table_t *table,
    const PGresult *res, int row, pt_str_t *cells);
static pt_err_t report_keep(report_t *r, report_table_t *table,
    const pt_str_t *cells);
static pt_err_t report_failed(report_t *r, const report_dataset_t *dataset,
    const PGresult *res);
static void report_line(const report_dataset_t *dataset, const PGresult *res,
    char *at, size_t size);


const char *const  report_format_names[REPORT_DATETIME + 1] = {
    "text", "integer", "decimal", "money", "percent", "multiple", "duration",
    "date", "month", "quarter", "datetime"
};


pt_err_t
report_read(report_t *r)
{
    size_t     i, n = r->definition->n_datasets;
    pt_err_t   err;
    PGresult  *res;

    r->tables = pt_room_array(r->room, n, sizeof(report_table_t));
    if (r->tables == NULL) {
        return PT_E_NOMEM;
    }

    err = report_begin(r);

    if (err == PT_OK && r->begun != NULL) {
        err = r->begun(r->ctx);
    }

    for (i = 0; i < n && err == PT_OK; i++) {
        r->tables[i].dataset = &r->definition->datasets[i];
        err = report_run(r, &r->tables[i]);

        if (err != PT_OK) {
            report_fail_section(r, r->tables[i].dataset->name);
        }

        if (r->progress != NULL) {
            r->progress(r->ctx, i + 1, n);
        }
    }

    /* nothing was written: how it ends makes no difference */
    res = PQexec(r->conn, "ROLLBACK");
    PQclear(res);

    return err;
}


pt_err_t
report_plan(report_t *r)
{
    size_t     i, n = r->definition->n_datasets;
    pt_err_t   err;
    PGresult  *res;

    r->tables = pt_room_array(r->room, n, sizeof(report_table_t));
    if (r->tables == NULL) {
        return PT_E_NOMEM;
    }

    err = report_begin(r);

    for (i = 0; i < n && err == PT_OK; i++) {
        r->tables[i].dataset = &r->definition->datasets[i];

        err = report_declare(r, r->tables[i].dataset);
        if (err != PT_OK) {
            break;
        }

        /* no row is asked for; what the columns are comes all the same */
        res = PQexec(r->conn, "FETCH 0 FROM report_cursor");
        err = PQresultStatus(res) != PGRES_TUPLES_OK
              ? report_failed(r, r->tables[i].dataset, res)
              : report_columns(r, &r->tables[i], res);
        PQclear(res);
        PQclear(PQexec(r->conn, "CLOSE report_cursor"));
    }

    PQclear(PQexec(r->conn, "ROLLBACK"));

    return err;
}


/* what PostgreSQL writes depends on these, hence the bytes of a report */
static pt_err_t
report_begin(report_t *r)
{
    char       timeout[32], zone[128];
    pt_err_t   err;
    PGresult  *res;

    res = PQexec(r->conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    err = PQresultStatus(res) == PGRES_COMMAND_OK ? PT_OK
          : report_failed(r, NULL, res);
    PQclear(res);

    snprintf(timeout, sizeof(timeout), "%u", r->timeout_ms);
    snprintf(zone, sizeof(zone), "%.*s", PT_STR_ARG(r->timezone));

    if (err != PT_OK
        || (err = report_snapshot(r)) != PT_OK
        || (err = report_set(r, "DateStyle", "ISO, YMD")) != PT_OK
        || (err = report_set(r, "IntervalStyle", "iso_8601")) != PT_OK
        || (err = report_set(r, "extra_float_digits", "1")) != PT_OK
        || (err = report_set(r, "statement_timeout", timeout)) != PT_OK
        || (err = report_set(r, "TimeZone", zone)) != PT_OK)
    {
        return err;
    }

    return PT_OK;
}


static pt_err_t
report_set(report_t *r, const char *name, const char *value)
{
    pt_err_t           err = PT_OK;
    PGresult          *res;
    const char *const  values[] = { name, value };

    res = PQexecParams(r->conn, "SELECT set_config($1, $2, true)", 2, NULL,
                       values, NULL, NULL, 0);

    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        err = PQstatus(r->conn) != CONNECTION_OK
              ? report_failed(r, NULL, res)
              : report_fail(r, PT_E_PARAMETERS, "%s \"%s\" is not known",
                            name, value);
    }

    PQclear(res);

    return err;
}


/* the transaction's first query: its snapshot is taken here */
static pt_err_t
report_snapshot(report_t *r)
{
    pt_err_t   err = PT_OK;
    PGresult  *res;

    res = PQexec(r->conn, "SELECT to_char(statement_timestamp() AT TIME ZONE"
                          " 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");

    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        err = report_failed(r, NULL, res);

    } else {
        r->snapshot = pt_room_copy(r->room, pt_str(PQgetvalue(res, 0, 0)));
        err = r->snapshot.data == NULL ? PT_E_NOMEM : PT_OK;
    }

    PQclear(res);

    return err;
}


/*
 * The next rows are asked for before those that came are written: the server
 * is at work meanwhile.  On a failure the answer to that is thrown away by the
 * ROLLBACK's PQexec().
 */
static pt_err_t
report_run(report_t *r, report_table_t *table)
{
    int        n = 1;
    size_t     i;
    pt_err_t   err;
    PGresult  *res;

    err = report_declare(r, table->dataset);

    if (err == PT_OK) {
        err = report_fetch(r);
    }

    while (err == PT_OK && n > 0) {
        res = report_fetched(r);
        n = PQntuples(res);

        if (PQresultStatus(res) != PGRES_TUPLES_OK) {
            err = report_failed(r, table->dataset, res);

        } else if (n > 0) {
            err = report_fetch(r);
        }

        if (err == PT_OK && table->columns == NULL) {
            err = report_columns(r, table, res);

            for (i = 0; i < r->n_sinks && err == PT_OK; i++) {
                err = r->sinks[i].open(r->sinks[i].ctx, r, table);
            }
        }

        err = err == PT_OK ? report_rows(r, table, res) : err;

        PQclear(res);
    }

    for (i = 0; i < r->n_sinks && err == PT_OK; i++) {
        err = r->sinks[i].close(r->sinks[i].ctx, r, table);
    }

    if (err == PT_OK) {
        PQclear(PQexec(r->conn, "CLOSE report_cursor"));
    }

    return err;
}


static pt_err_t
report_fetch(report_t *r)
{
    char  fetch[64];

    snprintf(fetch, sizeof(fetch), "FETCH %d FROM report_cursor",
             REPORT_FETCH);

    return PQsendQuery(r->conn, fetch) == 1 ? PT_OK
           : report_fail(r, PT_E_DATABASE, "%s", PQerrorMessage(r->conn));
}


/* as PQexec() does: the last result that is there, so that none is left */
static PGresult *
report_fetched(report_t *r)
{
    PGresult  *res, *last = NULL;

    while ((res = PQgetResult(r->conn)) != NULL) {
        PQclear(last);
        last = res;
    }

    return last;
}


/* what a reader misses: the first titled section that shows the dataset */
static void
report_fail_section(report_t *r, pt_str_t dataset)
{
    size_t            len = strlen(r->error);
    pt_str_t          title;
    const pt_json_t  *section = r->definition->sections->first;

    for ( /* void */ ; section != NULL && len > 0; section = section->next) {
        title = pt_json_string(section, "title", PT_STR(""));

        if (title.len > 0 && report_shows(section, dataset)) {
            snprintf(r->error + len, sizeof(r->error) - len,
                     " (section \"%.*s\")", PT_STR_ARG(title));
            return;
        }
    }
}


static bool
report_shows(const pt_json_t *value, pt_str_t dataset)
{
    const pt_json_t  *child;

    if (pt_str_eq(pt_json_string(value, "dataset", PT_STR("")), dataset)) {
        return true;
    }

    for (child = value->first; child != NULL; child = child->next) {
        if (report_shows(child, dataset)) {
            return true;
        }
    }

    return false;
}


static pt_err_t
report_declare(report_t *r, const report_dataset_t *dataset)
{
    char             *sql;
    size_t            size = strlen(dataset->sql.text) + 128;
    pt_err_t          err;
    PGresult         *res;
    report_values_t   values;

    err = report_bind(r, dataset, &values);
    sql = malloc(size);

    if (err == PT_OK && sql != NULL) {
        snprintf(sql, size, REPORT_DECLARE "%s", dataset->sql.text);

        res = PQexecParams(r->conn, sql, (int) dataset->sql.n, NULL,
                           values.values, NULL, NULL, 0);
        err = PQresultStatus(res) == PGRES_COMMAND_OK ? PT_OK
              : report_failed(r, dataset, res);
        PQclear(res);

    } else if (err == PT_OK) {
        err = PT_E_NOMEM;
    }

    free(sql);
    report_unbind(dataset, &values);

    return err;
}


static pt_err_t
report_bind(report_t *r, const report_dataset_t *dataset,
    report_values_t *values)
{
    bool      null;
    size_t    i;
    pt_err_t  err = PT_OK;

    for (i = 0; i < dataset->sql.n; i++) {
        pt_buf_init(&values->texts[i], &pt_mem_heap, REPORT_VALUES_MAX);
        values->values[i] = NULL;

        if (err == PT_OK) {
            null = false;
            err = report_bind_one(r, dataset, dataset->sql.names[i],
                                  &values->texts[i], &null);
            pt_buf_add_char(&values->texts[i], '\0');
            values->values[i] = null ? NULL : values->texts[i].data;
            err = err == PT_OK ? values->texts[i].err : err;
        }
    }

    return err;
}


/* who asks is known to each statement; the rest are the request's own */
static pt_err_t
report_bind_one(report_t *r, const report_dataset_t *dataset, pt_str_t name,
    pt_buf_t *text, bool *ret_null)
{
    pt_jsonw_t        w;
    const pt_json_t  *value;

    if (pt_str_is(name, "user_id")) {
        pt_buf_add_str(text, r->user);
        return PT_OK;
    }

    if (pt_str_is(name, "user_type")) {
        pt_buf_add_str(text, r->user_type);
        return PT_OK;
    }

    if (pt_str_is(name, "is_admin")) {
        pt_buf_add_text(text, r->admin ? "true" : "false");
        return PT_OK;
    }

    if (pt_str_is(name, "timezone")) {
        pt_buf_add_str(text, r->timezone);
        return PT_OK;
    }

    if (pt_str_is(name, "fiscal_month")) {
        pt_buf_printf(text, "%d", (int) r->fiscal_month);
        return PT_OK;
    }

    value = pt_json_member_str(r->parameters, name);
    value = value != NULL ? value : report_default(r, name);

    if (value == NULL || value->type == PT_JSON_NULL) {
        if (pt_json_member_str(pt_json_member(pt_json_member(
                r->definition->root, "parameters"), "properties"), name)
            == NULL)
        {
            return report_fail(r, PT_E_PARAMETERS, "dataset \"%.*s\" uses"
                               " \":%.*s\", which is no parameter of the"
                               " report", PT_STR_ARG(dataset->name),
                               PT_STR_ARG(name));
        }

        *ret_null = true;
        return PT_OK;
    }

    if (value->type == PT_JSON_STRING || value->type == PT_JSON_NUMBER) {
        pt_buf_add_str(text, value->text);

    } else {
        pt_jsonw_init(&w, text);
        pt_jsonw_value(&w, value);
    }

    return PT_OK;
}


static const pt_json_t *
report_default(const report_t *r, pt_str_t name)
{
    const pt_json_t  *schema;

    schema = pt_json_member(pt_json_member(r->definition->root, "parameters"),
                            "properties");

    return pt_json_member(pt_json_member_str(schema, name), "default");
}


static void
report_unbind(const report_dataset_t *dataset, report_values_t *values)
{
    size_t  i;

    for (i = 0; i < dataset->sql.n; i++) {
        pt_buf_done(&values->texts[i]);
    }
}


static pt_err_t
report_columns(report_t *r, report_table_t *table, const PGresult *res)
{
    int               i, k, n = PQnfields(res);
    pt_str_t          name;
    const pt_json_t  *json;
    report_column_t  *column;

    table->n_columns = (size_t) n;
    table->columns = pt_room_array(r->room, (size_t) n + 1,
                                   sizeof(report_column_t));
    if (table->columns == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < n; i++) {
        column = &table->columns[i];
        name = pt_room_copy(r->room, pt_str(PQfname(res, i)));

        if (name.data == NULL) {
            return PT_E_NOMEM;
        }

        for (k = 0; k < i; k++) {
            if (pt_str_eq(table->columns[k].name, name)) {
                return report_fail(r, PT_E_PARAMETERS, "dataset \"%.*s\" has"
                                   " two columns \"%.*s\"",
                                   PT_STR_ARG(table->dataset->name),
                                   PT_STR_ARG(name));
            }
        }

        json = pt_json_member_str(table->dataset->columns, name);
        column->name = name;
        column->title = pt_json_string(json, "title", name);
        column->format = report_format_of(json, PQftype(res, i),
                                          &column->numeric);
        column->total = column->numeric && pt_json_bool(json, "total", false);
    }

    /* what the definition says of columns that are gone would be lost */
    for (json = table->dataset->columns == NULL ? NULL
                : table->dataset->columns->first;
         json != NULL; json = json->next)
    {
        if (report_column(table, json->key) == table->n_columns) {
            return report_fail(r, PT_E_PARAMETERS, "dataset \"%.*s\" has no"
                               " column \"%.*s\"",
                               PT_STR_ARG(table->dataset->name),
                               PT_STR_ARG(json->key));
        }
    }

    return PT_OK;
}


static report_format_t
report_format_of(const pt_json_t *column, Oid type, bool *ret_numeric)
{
    size_t    i;
    pt_str_t  name;

    *ret_numeric = type == OID_INT2 || type == OID_INT4 || type == OID_INT8
                   || type == OID_NUMERIC || type == OID_FLOAT4
                   || type == OID_FLOAT8;

    name = pt_json_string(column, "format", PT_STR_NULL);

    for (i = 0; name.data != NULL
                && i < sizeof(report_format_names)
                    / sizeof(report_format_names[0]); i++)
    {
        if (pt_str_is(name, report_format_names[i])) {
            return (report_format_t) i;
        }
    }

    switch (type) {

    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
        return REPORT_INTEGER;

    case OID_NUMERIC:
    case OID_FLOAT4:
    case OID_FLOAT8:
        return REPORT_DECIMAL;

    case OID_DATE:
        return REPORT_DATE;

    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
        return REPORT_DATETIME;

    default:
        return REPORT_TEXT;
    }
}


static pt_err_t
report_rows(report_t *r, report_table_t *table, const PGresult *res)
{
    int        i, n = PQntuples(res);
    size_t     k;
    pt_err_t   err = PT_OK;
    pt_str_t  *cells;

    cells = malloc((table->n_columns + 1) * sizeof(pt_str_t));
    if (cells == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < n && err == PT_OK; i++) {
        err = report_row(r, table, res, i, cells);

        for (k = 0; k < r->n_sinks && err == PT_OK; k++) {
            err = r->sinks[k].row(r->sinks[k].ctx, r, table, cells);
        }

        if (err == PT_OK && table->dataset->kept) {
            err = report_keep(r, table, cells);
        }

        table->n_rows += err == PT_OK;
    }

    free(cells);

    return err;
}


/* cells borrow from the result */
static pt_err_t
report_row(report_t *r, report_table_t *table, const PGresult *res, int row,
    pt_str_t *cells)
{
    int                i;
    report_column_t   *column;
    report_decimal_t   value;

    if (table->n_rows == table->dataset->limit) {
        return report_fail(r, PT_E_INPUT_LIMIT, "dataset \"%.*s\" has more"
                           " than %llu rows: ask for a shorter period",
                           PT_STR_ARG(table->dataset->name),
                           (unsigned long long) table->dataset->limit);
    }

    for (i = 0; i < (int) table->n_columns; i++) {
        column = &table->columns[i];
        cells[i] = PQgetisnull(res, row, i) ? PT_STR_NULL
                   : (pt_str_t) { PQgetvalue(res, row, i),
                                  (size_t) PQgetlength(res, row, i) };

        if (column->total && cells[i].data != NULL
            && (report_decimal_read(cells[i], &value) != PT_OK
                || report_decimal_add(&column->sum, value) != PT_OK))
        {
            return report_fail(r, PT_E_INPUT_LIMIT, "dataset \"%.*s\", column"
                               " \"%.*s\": %.*s has no sum",
                               PT_STR_ARG(table->dataset->name),
                               PT_STR_ARG(column->name),
                               PT_STR_ARG(cells[i]));
        }
    }

    return PT_OK;
}


static pt_err_t
report_keep(report_t *r, report_table_t *table, const pt_str_t *cells)
{
    void    *grown;
    size_t   i;

    for (i = 0; i < table->n_columns; i++) {
        grown = pt_room_grow(r->room, table->cells, table->n_cells,
                             &table->cells_cap, sizeof(pt_str_t));
        if (grown == NULL) {
            return report_fail(r, PT_E_INPUT_LIMIT, "dataset \"%.*s\" is too"
                               " large to be shown",
                               PT_STR_ARG(table->dataset->name));
        }

        table->cells = grown;
        table->cells[table->n_cells] = PT_STR_NULL;

        if (cells[i].data != NULL) {
            table->cells[table->n_cells] = pt_room_copy(r->room, cells[i]);

            if (table->cells[table->n_cells].data == NULL) {
                return report_fail(r, PT_E_INPUT_LIMIT, "dataset \"%.*s\" is"
                                   " too large to be shown",
                                   PT_STR_ARG(table->dataset->name));
            }
        }

        table->n_cells++;
    }

    return PT_OK;
}


/* by SQLSTATE; the first line of what the server says is for people */
static pt_err_t
report_failed(report_t *r, const report_dataset_t *dataset,
    const PGresult *res)
{
    char         at[32];
    pt_err_t     err = PT_E_PARAMETERS;
    const char  *state, *message;

    if (PQstatus(r->conn) != CONNECTION_OK) {
        return report_fail(r, PT_E_DATABASE, "%s", PQerrorMessage(r->conn));
    }

    state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    if (state != NULL && strcmp(state, "57014") == 0) {
        err = PT_E_TIMEOUT;

    } else if (state != NULL && (strncmp(state, "08", 2) == 0
                                 || strncmp(state, "53", 2) == 0
                                 || strncmp(state, "57", 2) == 0))
    {
        err = PT_E_DATABASE;
    }

    message = message != NULL ? message : "no answer";

    if (dataset == NULL) {
        return report_fail(r, err, "%s", message);
    }

    report_line(dataset, res, at, sizeof(at));

    return report_fail(r, err, "dataset \"%.*s\"%s: %s",
                       PT_STR_ARG(dataset->name), at, message);
}


/* ", line 3", where the server says a place in the statement */
static void
report_line(const report_dataset_t *dataset, const PGresult *res, char *at,
    size_t size)
{
    long         i, place;
    unsigned     line = 1;
    const char  *position;

    at[0] = '\0';
    position = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);

    if (position == NULL) {
        return;
    }

    place = strtol(position, NULL, 10) - (long) strlen(REPORT_DECLARE);

    for (i = 0; i < place && dataset->sql.text[i] != '\0'; i++) {
        line += dataset->sql.text[i] == '\n';
    }

    snprintf(at, size, ", line %u", line);
}


pt_err_t
report_fail(report_t *r, pt_err_t err, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(r->error, sizeof(r->error), fmt, args);
    va_end(args);

    return err;
}


const report_table_t *
report_table(const report_t *r, pt_str_t dataset)
{
    return &r->tables[report_dataset(r->definition, dataset)];
}


size_t
report_column(const report_table_t *table, pt_str_t name)
{
    size_t  i;

    for (i = 0; i < table->n_columns; i++) {
        if (pt_str_eq(table->columns[i].name, name)) {
            break;
        }
    }

    return i;
}
