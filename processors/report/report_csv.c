/* CSV: a file for each dataset. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "report_files.h"


#define REPORT_CSV_BUFFER  (256 * 1024)


struct report_csv_s {
    const char  *dir;
    bool         formula_safe;
    FILE        *file;             /* of the dataset that is open */
    pt_buf_t     line;
};


static pt_err_t report_csv_open(void *ctx, report_t *r,
    const report_table_t *table);
static pt_err_t report_csv_row(void *ctx, report_t *r,
    const report_table_t *table, const pt_str_t *cells);
static pt_err_t report_csv_close(void *ctx, report_t *r,
    const report_table_t *table);
static void report_csv_done(void *ctx);
static void report_csv_field(report_csv_t *csv, pt_str_t text, bool numeric);
static pt_err_t report_csv_flush(report_csv_t *csv, report_t *r,
    const report_table_t *table);


pt_err_t
report_csv_new(const char *dir, bool formula_safe, pt_room_t *room,
    report_sink_t *ret_sink)
{
    report_csv_t  *csv;

    csv = pt_room_alloc(room, sizeof(report_csv_t));
    if (csv == NULL) {
        return PT_E_NOMEM;
    }

    csv->dir = dir;
    csv->formula_safe = formula_safe;

    *ret_sink = (report_sink_t) {
        report_csv_open, report_csv_row, report_csv_close, report_csv_done,
        csv
    };

    return PT_OK;
}


static pt_err_t
report_csv_open(void *ctx, report_t *r, const report_table_t *table)
{
    char           path[4096];
    size_t         i;
    report_csv_t  *csv = ctx;

    snprintf(path, sizeof(path), "%s/%.*s.csv", csv->dir,
             PT_STR_ARG(table->dataset->name));

    csv->file = fopen(path, "we");
    if (csv->file == NULL) {
        return report_fail(r, PT_E_IO, "%s: %s", path, strerror(errno));
    }

    /* a row has the longest value of PostgreSQL, a gigabyte, as its limit */
    pt_buf_init(&csv->line, &pt_mem_heap, (size_t) 1 << 30);

    for (i = 0; i < table->n_columns; i++) {
        pt_buf_add_text(&csv->line, i > 0 ? "," : "");
        report_csv_field(csv, table->columns[i].title, false);
    }

    pt_buf_add_text(&csv->line, "\r\n");

    return PT_OK;
}


static pt_err_t
report_csv_row(void *ctx, report_t *r, const report_table_t *table,
    const pt_str_t *cells)
{
    size_t         i;
    report_csv_t  *csv = ctx;

    for (i = 0; i < table->n_columns; i++) {
        if (i > 0) {
            pt_buf_add_char(&csv->line, ',');
        }

        report_csv_field(csv, cells[i], table->columns[i].numeric);
    }

    pt_buf_add(&csv->line, "\r\n", 2);

    return csv->line.len < REPORT_CSV_BUFFER && csv->line.err == PT_OK
           ? PT_OK : report_csv_flush(csv, r, table);
}


/* NULL is nothing, an empty string is "" */
static void
report_csv_field(report_csv_t *csv, pt_str_t text, bool numeric)
{
    size_t     i;
    bool       formula;
    pt_buf_t  *line = &csv->line;

    if (text.data == NULL) {
        return;
    }

    if (numeric) {
        pt_buf_add(line, text.data, text.len);
        return;
    }

    formula = csv->formula_safe && text.len > 0
              && memchr("=+-@\t\r", text.data[0], 6) != NULL;

    for (i = 0; i < text.len && text.data[i] != '"' && text.data[i] != ','
                && text.data[i] != '\r' && text.data[i] != '\n'; i++)
    {
        /* what needs no quotes */
    }

    if (i == text.len && text.len > 0 && !formula && text.data[0] != ' '
        && text.data[text.len - 1] != ' ')
    {
        pt_buf_add(line, text.data, text.len);
        return;
    }

    pt_buf_add_char(line, '"');

    if (formula) {
        pt_buf_add_char(line, '\'');
    }

    for (i = 0; i < text.len; i++) {
        if (text.data[i] == '"') {
            pt_buf_add_char(line, '"');
        }

        pt_buf_add_char(line, text.data[i]);
    }

    pt_buf_add_char(line, '"');
}


static pt_err_t
report_csv_flush(report_csv_t *csv, report_t *r, const report_table_t *table)
{
    if (csv->line.err != PT_OK) {
        return report_fail(r, csv->line.err, "dataset \"%.*s\": a row is too"
                           " long", PT_STR_ARG(table->dataset->name));
    }

    if (fwrite(csv->line.data, 1, csv->line.len, csv->file) != csv->line.len) {
        return report_fail(r, PT_E_IO, "%.*s.csv: %s",
                           PT_STR_ARG(table->dataset->name), strerror(errno));
    }

    pt_buf_reset(&csv->line);

    return PT_OK;
}


static pt_err_t
report_csv_close(void *ctx, report_t *r, const report_table_t *table)
{
    pt_err_t       err;
    report_csv_t  *csv = ctx;

    err = report_csv_flush(csv, r, table);

    if (fclose(csv->file) != 0 && err == PT_OK) {
        err = report_fail(r, PT_E_IO, "%.*s.csv: %s",
                          PT_STR_ARG(table->dataset->name), strerror(errno));
    }

    csv->file = NULL;
    pt_buf_done(&csv->line);

    return err;
}


/* what a failure left open */
static void
report_csv_done(void *ctx)
{
    report_csv_t  *csv = ctx;

    if (csv->file != NULL) {
        fclose(csv->file);
        pt_buf_done(&csv->line);
    }
}
