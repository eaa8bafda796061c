/* JSON: one document with all datasets. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "report_files.h"


#define REPORT_JSON_BUFFER  (256 * 1024)


struct report_json_s {
    FILE        *file;
    pt_buf_t     buf;
    size_t       datasets;
    bool         row;              /* one was written */
};


static pt_err_t report_json_open(void *ctx, report_t *r,
    const report_table_t *table);
static pt_err_t report_json_row(void *ctx, report_t *r,
    const report_table_t *table, const pt_str_t *cells);
static pt_err_t report_json_close(void *ctx, report_t *r,
    const report_table_t *table);
static void report_json_done(void *ctx);
static void report_json_head(report_json_t *json, const report_t *r);
static void report_json_columns(pt_jsonw_t *w, const report_table_t *table);
static pt_err_t report_json_flush(report_json_t *json, report_t *r);
static void report_json_cells(const report_table_t *table, pt_buf_t *buf);
static bool report_json_is_number(const report_column_t *column,
    pt_str_t cell);


pt_err_t
report_json_new(const char *path, pt_room_t *room, report_sink_t *ret_sink)
{
    report_json_t  *json;

    json = pt_room_alloc(room, sizeof(report_json_t));
    if (json == NULL) {
        return PT_E_NOMEM;
    }

    json->file = fopen(path, "we");
    if (json->file == NULL) {
        return PT_E_IO;
    }

    pt_buf_init(&json->buf, &pt_mem_heap, (size_t) 1 << 31);

    *ret_sink = (report_sink_t) {
        report_json_open, report_json_row, report_json_close, report_json_done,
        json
    };

    return PT_OK;
}


static pt_err_t
report_json_open(void *ctx, report_t *r, const report_table_t *table)
{
    pt_jsonw_t      w;
    report_json_t  *json = ctx;

    if (json->datasets++ == 0) {
        report_json_head(json, r);

    } else {
        pt_buf_add_text(&json->buf, ",\n");
    }

    pt_jsonw_init(&w, &json->buf);
    pt_jsonw_str(&w, table->dataset->name);
    pt_buf_add_text(&json->buf, ":{\"title\":");
    pt_jsonw_init(&w, &json->buf);
    pt_jsonw_str(&w, table->dataset->title);
    pt_buf_add_text(&json->buf, ",\"columns\":");
    pt_jsonw_init(&w, &json->buf);
    report_json_columns(&w, table);
    pt_buf_add_text(&json->buf, ",\"rows\":[");

    json->row = false;

    return PT_OK;
}


static void
report_json_head(report_json_t *json, const report_t *r)
{
    pt_jsonw_t  w;

    pt_buf_add_text(&json->buf, "{\"report\":");
    pt_jsonw_init(&w, &json->buf);
    pt_jsonw_str(&w, r->definition->name);
    pt_buf_add_text(&json->buf, ",\"title\":");
    pt_jsonw_init(&w, &json->buf);
    pt_jsonw_str(&w, r->definition->title);
    pt_buf_add_text(&json->buf, ",\"snapshot\":");
    pt_jsonw_init(&w, &json->buf);
    pt_jsonw_str(&w, r->snapshot);
    pt_buf_add_text(&json->buf, ",\"parameters\":");
    pt_jsonw_init(&w, &json->buf);
    pt_jsonw_value(&w, r->parameters);
    pt_buf_add_text(&json->buf, ",\"datasets\":{\n");
}


static void
report_json_columns(pt_jsonw_t *w, const report_table_t *table)
{
    size_t                  i;
    const report_column_t  *column;

    pt_jsonw_array(w);

    for (i = 0; i < table->n_columns; i++) {
        column = &table->columns[i];

        pt_jsonw_object(w);
        pt_jsonw_key(w, "name");
        pt_jsonw_str(w, column->name);
        pt_jsonw_key(w, "title");
        pt_jsonw_str(w, column->title);
        pt_jsonw_key(w, "format");
        pt_jsonw_text(w, report_format_names[column->format]);
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
}


static pt_err_t
report_json_row(void *ctx, report_t *r, const report_table_t *table,
    const pt_str_t *cells)
{
    size_t          i;
    pt_jsonw_t      w;
    report_json_t  *json = ctx;
    pt_buf_t       *buf = &json->buf;

    pt_buf_add_text(buf, json->row ? ",\n[" : "\n[");
    json->row = true;

    for (i = 0; i < table->n_columns; i++) {
        pt_buf_add_text(buf, i > 0 ? "," : "");

        if (report_json_is_number(&table->columns[i], cells[i])) {
            pt_buf_add_str(buf, cells[i]);

        } else {
            pt_jsonw_init(&w, buf);
            pt_jsonw_str(&w, cells[i]);
        }
    }

    pt_buf_add_char(buf, ']');

    return buf->len < REPORT_JSON_BUFFER && buf->err == PT_OK ? PT_OK
           : report_json_flush(json, r);
}


/* NaN and Infinity are texts: JSON has no such numbers */
static bool
report_json_is_number(const report_column_t *column, pt_str_t cell)
{
    return column->numeric && cell.len > 0
           && (cell.data[0] == '-' ? cell.len > 1 && cell.data[1] <= '9'
               : cell.data[0] <= '9');
}


static pt_err_t
report_json_close(void *ctx, report_t *r, const report_table_t *table)
{
    report_json_t  *json = ctx;

    pt_buf_printf(&json->buf, "],\"row_count\":%llu}",
                  (unsigned long long) table->n_rows);

    return report_json_flush(json, r);
}


static pt_err_t
report_json_flush(report_json_t *json, report_t *r)
{
    if (json->buf.err != PT_OK) {
        return report_fail(r, json->buf.err, "a row is too long for JSON");
    }

    if (fwrite(json->buf.data, 1, json->buf.len, json->file)
        != json->buf.len)
    {
        return report_fail(r, PT_E_IO, "JSON: %s", strerror(errno));
    }

    pt_buf_reset(&json->buf);

    return PT_OK;
}


pt_err_t
report_json_end(report_t *r, report_sink_t *sink)
{
    pt_err_t        err;
    report_json_t  *json = sink->ctx;

    pt_buf_add_text(&json->buf, "\n}}\n");
    err = report_json_flush(json, r);

    if (fclose(json->file) != 0 && err == PT_OK) {
        err = report_fail(r, PT_E_IO, "JSON: %s", strerror(errno));
    }

    json->file = NULL;

    return err;
}


static void
report_json_done(void *ctx)
{
    report_json_t  *json = ctx;

    if (json->file != NULL) {
        fclose(json->file);
    }

    pt_buf_done(&json->buf);
}


void
report_json_schema(const report_t *r, pt_buf_t *buf)
{
    size_t      i;
    pt_jsonw_t  w;

    pt_jsonw_init(&w, buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "$schema");
    pt_jsonw_text(&w, "https://json-schema.org/draft/2020-12/schema");
    pt_jsonw_key(&w, "title");
    pt_jsonw_str(&w, r->definition->title);
    pt_jsonw_key(&w, "type");
    pt_jsonw_text(&w, "object");
    pt_jsonw_key(&w, "required");
    pt_jsonw_raw(&w, PT_STR("[\"report\",\"title\",\"snapshot\",\"parameters\","
                            "\"datasets\"]"));
    pt_jsonw_key(&w, "properties");
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "report");
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "const");
    pt_jsonw_str(&w, r->definition->name);
    pt_jsonw_end(&w);
    pt_jsonw_key(&w, "title");
    pt_jsonw_raw(&w, PT_STR("{\"type\":\"string\"}"));
    pt_jsonw_key(&w, "snapshot");
    pt_jsonw_raw(&w, PT_STR("{\"type\":\"string\",\"format\":\"date-time\"}"));
    pt_jsonw_key(&w, "parameters");
    pt_jsonw_value(&w, pt_json_member(r->definition->root, "parameters"));
    pt_jsonw_key(&w, "datasets");
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "type");
    pt_jsonw_text(&w, "object");
    pt_jsonw_key(&w, "properties");
    pt_jsonw_object(&w);

    for (i = 0; i < r->definition->n_datasets; i++) {
        pt_jsonw_key_str(&w, r->tables[i].dataset->name);
        pt_jsonw_raw(&w, PT_STR("{\"type\":\"object\",\"required\":[\"title\","
                                "\"columns\",\"rows\",\"row_count\"],"
                                "\"properties\":{\"title\":{\"type\":"
                                "\"string\"},\"columns\":{\"type\":\"array\"},"
                                "\"row_count\":{\"type\":\"integer\"},"
                                "\"rows\":{\"type\":\"array\",\"items\":"
                                "{\"type\":\"array\",\"prefixItems\":["));
        report_json_cells(&r->tables[i], buf);
        pt_buf_printf(buf, "],\"minItems\":%zu,\"maxItems\":%zu}}}}",
                      r->tables[i].n_columns, r->tables[i].n_columns);
    }

    while (w.depth > 0) {
        pt_jsonw_end(&w);
    }
}


static void
report_json_cells(const report_table_t *table, pt_buf_t *buf)
{
    size_t      i;
    pt_jsonw_t  w;

    for (i = 0; i < table->n_columns; i++) {
        pt_buf_add_text(buf, i > 0 ? "," : "");
        pt_buf_add_text(buf, table->columns[i].numeric
                             ? "{\"type\":[\"number\",\"string\",\"null\"],"
                               "\"title\":"
                             : "{\"type\":[\"string\",\"null\"],\"title\":");
        pt_jsonw_init(&w, buf);
        pt_jsonw_str(&w, table->columns[i].title);
        pt_buf_add_char(buf, '}');
    }
}
