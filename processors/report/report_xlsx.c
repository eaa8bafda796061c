/*
 * XLSX by libxlsxwriter in its constant-memory mode: rows go to a temporary
 * file as they come, so that each sheet is written from its top down.
 */

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xlsxwriter.h>

#include "report_figure.h"
#include "report_files.h"
#include "report_pivot.h"
#include "report_zip.h"


/* Excel's last row holds the totals */
#define REPORT_XLSX_ROWS     (LXW_ROW_MAX - 1)

/* Excel keeps 15 digits; what has more stays text */
#define REPORT_XLSX_EXACT    999999999999999.0

/* days since 1970 of 1901-01-01, and Excel's number of 1970-01-01 */
#define REPORT_XLSX_1901     (-25202)
#define REPORT_XLSX_EPOCH    25569

#define REPORT_XLSX_SHEETS   64
#define REPORT_XLSX_FRAME    65536      /* bytes of a sheet but for its rows */
#define REPORT_XLSX_CHART_H  18         /* rows that a chart covers */

/* no dataset has a blank in its name */
#define REPORT_XLSX_DATA     "Chart data"


typedef struct {
    const report_table_t  *table;
    char                   name[LXW_SHEETNAME_MAX + 1];
    uint32_t               rows;        /* without the head */
} report_sheet_t;


struct report_xlsx_s {
    const char            *path, *folder;
    lxw_workbook          *book;
    lxw_worksheet         *sheet;       /* of the dataset that is open */
    lxw_worksheet         *charts;
    lxw_worksheet         *data;        /* of charts that are split, or NULL */
    uint32_t               data_rows;
    lxw_format            *heads[2], *bold;     /* of texts, of numbers */
    lxw_format            *formats[REPORT_DATETIME + 1];
    lxw_format            *totals[REPORT_DATETIME + 1];
    pt_buf_t               text;        /* a cell, terminated */
    char                   money[64];   /* "[$€]#,##0.00" */

    report_sheet_t         sheets[REPORT_XLSX_SHEETS];
    size_t                 n_sheets;
};


static pt_err_t report_xlsx_open(void *ctx, report_t *r,
    const report_table_t *table);
static pt_err_t report_xlsx_begin(report_xlsx_t *x, report_t *r);
static void report_xlsx_formats(report_xlsx_t *x, const report_t *r);
static pt_err_t report_xlsx_sheet(report_xlsx_t *x, report_t *r,
    const report_table_t *table, unsigned part);
static lxw_error report_xlsx_text(report_xlsx_t *x, uint32_t row, uint16_t col,
    pt_str_t text, lxw_format *format);
static pt_err_t report_xlsx_row(void *ctx, report_t *r,
    const report_table_t *table, const pt_str_t *cells);
static lxw_error report_xlsx_cell(report_xlsx_t *x,
    const report_column_t *column, uint32_t row, uint16_t col, pt_str_t cell);
static bool report_xlsx_number(pt_str_t cell, double *ret_value);
static bool report_xlsx_date(pt_str_t cell, double *ret_serial);
static pt_err_t report_xlsx_close(void *ctx, report_t *r,
    const report_table_t *table);
static bool report_xlsx_room(const report_xlsx_t *x, uint64_t sheet,
    uint64_t packed);
static void report_xlsx_done(void *ctx);
static pt_err_t report_xlsx_totals(report_xlsx_t *x, report_t *r,
    const report_table_t *table);
static void report_xlsx_sum(report_xlsx_t *x, const report_table_t *table,
    uint16_t col, char *formula, size_t size);
static pt_err_t report_xlsx_charts(report_xlsx_t *x, report_t *r);
static pt_err_t report_xlsx_chart(report_xlsx_t *x, report_t *r,
    const pt_json_t *section, uint32_t row, const char **ret_without);
static uint8_t report_xlsx_kind(const pt_json_t *section);
static pt_err_t report_xlsx_column(report_t *r, const pt_json_t *section,
    const report_table_t *table, pt_str_t name, size_t *ret_column);
static pt_err_t report_xlsx_series(report_xlsx_t *x, report_t *r,
    const pt_json_t *section, const report_table_t *table, size_t at,
    lxw_chart *chart);
static pt_err_t report_xlsx_split(report_xlsx_t *x, report_t *r,
    const pt_json_t *section, const report_table_t *table, size_t at,
    size_t split, lxw_chart *chart);
static pt_err_t report_xlsx_pivot(report_xlsx_t *x, report_t *r,
    const pt_json_t *section, const report_table_t *table, size_t at,
    size_t split, size_t y, const report_pivot_t *pivot, uint32_t *ret_head);
static bool report_xlsx_range(lxw_chart *chart, const char *sheet,
    uint32_t head, uint32_t last, uint16_t x, uint16_t y);
static void report_xlsx_axis(lxw_chart *chart, report_format_t format);
static const report_sheet_t *report_xlsx_sheet_of(const report_xlsx_t *x,
    const report_table_t *table);
static pt_err_t report_xlsx_failed(report_t *r, const report_table_t *table,
    lxw_error error);


/* number formats, in the order of report_format_t; NULL: none, or money's */
static const char *const  report_xlsx_codes[] = {
    NULL, "#,##0", "#,##0.00", NULL, "0.0%", "0.00\"x\"", "0.000", "yyyy-mm-dd",
    "yyyy-mm", "yyyy-mm-dd", "yyyy-mm-dd hh:mm"
};


pt_err_t
report_xlsx_new(const char *path, const char *folder, pt_room_t *room,
    report_sink_t *ret_sink)
{
    report_xlsx_t         *x;
    lxw_workbook_options   options = {
        .constant_memory = LXW_TRUE, .tmpdir = (char *) folder,
        .use_zip64 = LXW_TRUE
    };

    x = pt_room_alloc(room, sizeof(report_xlsx_t));
    if (x == NULL) {
        return PT_E_NOMEM;
    }

    x->path = pt_room_copy(room, pt_str(path)).data;
    x->folder = pt_room_copy(room, pt_str(folder)).data;
    x->book = x->path != NULL && x->folder != NULL
              ? workbook_new_opt(path, &options) : NULL;
    if (x->book == NULL) {
        return PT_E_NOMEM;
    }

    pt_buf_init(&x->text, &pt_mem_heap, (size_t) 1 << 30);

    *ret_sink = (report_sink_t) {
        report_xlsx_open, report_xlsx_row, report_xlsx_close, report_xlsx_done,
        x
    };

    return PT_OK;
}


static pt_err_t
report_xlsx_open(void *ctx, report_t *r, const report_table_t *table)
{
    pt_err_t        err;
    report_xlsx_t  *x = ctx;

    if (x->n_sheets == 0) {
        err = report_xlsx_begin(x, r);
        if (err != PT_OK) {
            return err;
        }
    }

    return report_xlsx_sheet(x, r, table, 1);
}


/* properties, formats, and the sheet of charts, which stands first */
static pt_err_t
report_xlsx_begin(report_xlsx_t *x, report_t *r)
{
    char                 title[512], at[32];
    struct tm            tm = { 0 };
    lxw_doc_properties   properties = { .title = title };

    snprintf(title, sizeof(title), "%.*s", PT_STR_ARG(r->definition->title));
    snprintf(at, sizeof(at), "%.*s", PT_STR_ARG(r->snapshot));

    if (sscanf(at, "%d-%d-%dT%d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec) == 6)
    {
        tm.tm_year -= 1900;
        tm.tm_mon -= 1;
        properties.created = timegm(&tm);
    }

    workbook_set_properties(x->book, &properties);
    report_xlsx_formats(x, r);

    x->charts = workbook_add_worksheet(x->book, "Overview");

    return x->charts != NULL ? PT_OK : PT_E_NOMEM;
}


static void
report_xlsx_formats(report_xlsx_t *x, const report_t *r)
{
    size_t       i;
    pt_str_t     currency;
    const char  *code;

    currency = pt_json_string(r->definition->root, "currency", PT_STR(""));

    if (currency.len > 0) {
        snprintf(x->money, sizeof(x->money), "[$%.*s]#,##0.00",
                 PT_STR_ARG(currency));

    } else {
        snprintf(x->money, sizeof(x->money), "#,##0.00");
    }

    x->bold = workbook_add_format(x->book);
    format_set_bold(x->bold);

    for (i = 0; i < 2; i++) {
        x->heads[i] = workbook_add_format(x->book);
        format_set_bold(x->heads[i]);
        format_set_bottom(x->heads[i], LXW_BORDER_THIN);
        format_set_text_wrap(x->heads[i]);
        format_set_align(x->heads[i], i == 0 ? LXW_ALIGN_LEFT
                                      : LXW_ALIGN_RIGHT);
    }

    for (i = 0; i <= REPORT_DATETIME; i++) {
        code = i == REPORT_MONEY ? x->money : report_xlsx_codes[i];

        x->formats[i] = workbook_add_format(x->book);
        x->totals[i] = workbook_add_format(x->book);
        format_set_bold(x->totals[i]);
        format_set_top(x->totals[i], LXW_BORDER_THIN);

        if (code != NULL) {
            format_set_num_format(x->formats[i], code);
            format_set_num_format(x->totals[i], code);
        }
    }
}


static pt_err_t
report_xlsx_sheet(report_xlsx_t *x, report_t *r, const report_table_t *table,
    unsigned part)
{
    size_t           i;
    lxw_error        error = LXW_NO_ERROR;
    report_sheet_t  *sheet;

    if (x->n_sheets == REPORT_XLSX_SHEETS || table->n_columns > LXW_COL_MAX) {
        return report_fail(r, PT_E_INPUT_LIMIT, "dataset \"%.*s\" is too large"
                           " for a workbook", PT_STR_ARG(table->dataset->name));
    }

    sheet = &x->sheets[x->n_sheets++];
    sheet->table = table;
    sheet->rows = 0;

    /* names are [a-z0-9_], at most 31 bytes, hence unlike each other */
    snprintf(sheet->name, sizeof(sheet->name),
             part == 1 ? "%.31s" : "%.26s (%u)", table->dataset->name.data,
             part);

    x->sheet = workbook_add_worksheet(x->book, sheet->name);
    if (x->sheet == NULL) {
        return report_fail(r, PT_E_INTERNAL, "no sheet \"%s\"", sheet->name);
    }

    worksheet_freeze_panes(x->sheet, 1, 0);

    for (i = 0; i < table->n_columns && error == LXW_NO_ERROR; i++) {
        worksheet_set_column(x->sheet, (lxw_col_t) i, (lxw_col_t) i, 16, NULL);

        error = report_xlsx_text(x, 0, (lxw_col_t) i, table->columns[i].title,
                                 x->heads[table->columns[i].numeric
                                          || table->columns[i].format
                                             >= REPORT_DATE]);
    }

    return error == LXW_NO_ERROR ? PT_OK : report_xlsx_failed(r, table, error);
}


static lxw_error
report_xlsx_text(report_xlsx_t *x, uint32_t row, uint16_t col, pt_str_t text,
    lxw_format *format)
{
    pt_buf_reset(&x->text);
    pt_buf_add_str(&x->text, text);
    pt_buf_add_char(&x->text, '\0');

    return x->text.err != PT_OK ? LXW_ERROR_MEMORY_MALLOC_FAILED
           : worksheet_write_string(x->sheet, row, col, x->text.data, format);
}


static pt_err_t
report_xlsx_row(void *ctx, report_t *r, const report_table_t *table,
    const pt_str_t *cells)
{
    size_t           i;
    pt_err_t         err;
    lxw_error        error;
    report_xlsx_t   *x = ctx;
    report_sheet_t  *sheet = &x->sheets[x->n_sheets - 1];

    if (sheet->rows == REPORT_XLSX_ROWS - 1) {
        worksheet_autofilter(x->sheet, 0, 0, sheet->rows,
                             (lxw_col_t) (table->n_columns - 1));

        err = report_xlsx_sheet(x, r, table, (unsigned) (table->n_rows
                                             / (REPORT_XLSX_ROWS - 1)) + 1);
        if (err != PT_OK) {
            return err;
        }

        sheet = &x->sheets[x->n_sheets - 1];
    }

    sheet->rows++;

    for (i = 0; i < table->n_columns; i++) {
        error = report_xlsx_cell(x, &table->columns[i], sheet->rows,
                                 (uint16_t) i, cells[i]);
        if (error != LXW_NO_ERROR) {
            return report_xlsx_failed(r, table, error);
        }
    }

    return PT_OK;
}


static lxw_error
report_xlsx_cell(report_xlsx_t *x, const report_column_t *column, uint32_t row,
    uint16_t col, pt_str_t cell)
{
    double  value;

    if (cell.data == NULL) {
        return LXW_NO_ERROR;
    }

    if (column->numeric && report_xlsx_number(cell, &value)) {
        return worksheet_write_number(x->sheet, row, col, value,
                                      x->formats[column->format]);
    }

    if (column->format >= REPORT_DATE && report_xlsx_date(cell, &value)) {
        return worksheet_write_number(x->sheet, row, col, value,
                                      x->formats[column->format]);
    }

    /* libpq ends each value with a NUL */
    return worksheet_write_string(x->sheet, row, col, cell.data, NULL);
}


static bool
report_xlsx_number(pt_str_t cell, double *ret_value)
{
    char  *end;

    *ret_value = strtod(cell.data, &end);

    return end == cell.data + cell.len && fabs(*ret_value) <= REPORT_XLSX_EXACT;
}


/*
 * "2026-11-23" or "2026-11-23 12:00:00.5+01" to Excel's days.  From 1901 on:
 * early in 1900, Excel counts a day that there was not.
 */
static bool
report_xlsx_date(pt_str_t cell, double *ret_serial)
{
    int     hour, minute, n = 0;
    double  days, second;

    if (report_days(cell, &days) != PT_OK || days < REPORT_XLSX_1901
        || memmem(cell.data, cell.len, "BC", 2) != NULL)
    {
        return false;
    }

    *ret_serial = days + REPORT_XLSX_EPOCH;

    if (cell.len == 10) {
        return true;
    }

    if (sscanf(cell.data + 10, " %2d:%2d:%lf%n", &hour, &minute, &second, &n)
        != 3)
    {
        return false;
    }

    *ret_serial += (hour * 3600 + minute * 60 + second) / 86400;

    return true;
}


static pt_err_t
report_xlsx_close(void *ctx, report_t *r, const report_table_t *table)
{
    report_xlsx_t         *x = ctx;
    const report_sheet_t  *sheet = &x->sheets[x->n_sheets - 1];

    if (sheet->rows > 0) {
        worksheet_autofilter(x->sheet, 0, 0, sheet->rows,
                             (lxw_col_t) (table->n_columns - 1));
    }

    return table->n_rows > 0 ? report_xlsx_totals(x, r, table) : PT_OK;
}


static pt_err_t
report_xlsx_totals(report_xlsx_t *x, report_t *r, const report_table_t *table)
{
    char                   formula[4096];
    size_t                 i;
    uint32_t               row;
    lxw_error              error = LXW_NO_ERROR;
    const report_column_t *column;

    /* outside of the filter's range */
    row = x->sheets[x->n_sheets - 1].rows + 1;

    for (i = 0; i < table->n_columns && error == LXW_NO_ERROR; i++) {
        column = &table->columns[i];

        if (!column->total) {
            continue;
        }

        report_xlsx_sum(x, table, (uint16_t) i, formula, sizeof(formula));
        error = worksheet_write_formula_num(x->sheet, row, (lxw_col_t) i,
                                            formula,
                                            x->totals[column->format],
                                            report_decimal_double(column->sum));
    }

    return error == LXW_NO_ERROR ? PT_OK : report_xlsx_failed(r, table, error);
}


/* over all sheets of the dataset */
static void
report_xlsx_sum(report_xlsx_t *x, const report_table_t *table, uint16_t col,
    char *formula, size_t size)
{
    int     n;
    char    range[LXW_MAX_CELL_RANGE_LENGTH];
    size_t  i, len;

    len = (size_t) snprintf(formula, size, "=SUM(");

    for (i = 0; i < x->n_sheets; i++) {
        if (x->sheets[i].table != table || x->sheets[i].rows == 0) {
            continue;
        }

        lxw_rowcol_to_range(range, 1, col, x->sheets[i].rows, col);

        n = snprintf(formula + len, size - len, "%s'%s'!%s",
                     len > strlen("=SUM(") ? "," : "", x->sheets[i].name,
                     range);
        len += n > 0 && (size_t) n < size - len ? (size_t) n : 0;
    }

    snprintf(formula + len, size - len, ")");
}


/*
 * The library looks at no write of its temporary files: where the disk is
 * full, it would end a workbook that lacks rows.  So the room is claimed
 * first, and what was packed is compared with what was written.
 */
pt_err_t
report_xlsx_end(report_t *r, report_sink_t *sink)
{
    size_t          n = 0;
    pt_err_t        err;
    uint64_t        sizes[REPORT_XLSX_SHEETS + 2], largest = 0, all = 0;
    lxw_error       error;
    lxw_worksheet  *sheet;
    report_xlsx_t  *x = sink->ctx;

    err = report_xlsx_charts(x, r);
    if (err != PT_OK) {
        return err;
    }

    STAILQ_FOREACH (sheet, x->book->worksheets, list_pointers) {
        if (fflush(sheet->optimize_tmpfile) != 0
            || ferror(sheet->optimize_tmpfile))
        {
            return report_fail(r, PT_E_IO, "workbook: rows were not written:"
                               " %s", strerror(errno));
        }

        sizes[n] = (uint64_t) ftello(sheet->optimize_tmpfile);
        largest = sizes[n] > largest ? sizes[n] : largest;
        all += sizes[n++];
    }

    /* a sheet at a time once more, unpacked, and all of them packed */
    if (!report_xlsx_room(x, largest + REPORT_XLSX_FRAME, all / 4)) {
        return report_fail(r, PT_E_IO, "workbook: no room for it: %s",
                           strerror(errno));
    }

    error = workbook_close(x->book);
    x->book = NULL;

    if (error != LXW_NO_ERROR) {
        return report_fail(r, PT_E_IO, "workbook: %s", lxw_strerror(error));
    }

    return report_zip_holds(x->path, "xl/worksheets/sheet", sizes, n) ? PT_OK
           : report_fail(r, PT_E_IO, "workbook: rows were not written");
}


/* whether the disk takes files of both sizes; false with errno */
static bool
report_xlsx_room(const report_xlsx_t *x, uint64_t sheet, uint64_t packed)
{
    int  fd[2], i, err = 0;

    const uint64_t  sizes[] = { sheet, packed + 1 };

    for (i = 0; i < 2 && err == 0; i++) {
        fd[i] = open(x->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        err = fd[i] == -1 ? errno
              : posix_fallocate(fd[i], 0, (off_t) sizes[i]);
    }

    while (i-- > 0) {
        if (fd[i] != -1) {
            close(fd[i]);
        }
    }

    errno = err;

    /* some file systems cannot tell */
    return err == 0 || err == EOPNOTSUPP;
}


static void
report_xlsx_done(void *ctx)
{
    lxw_worksheet  *sheet;
    report_xlsx_t  *x = ctx;

    pt_buf_done(&x->text);

    if (x->book == NULL) {
        return;                        /* it was closed, which frees it */
    }

    /* lxw_workbook_free() leaves the files of its rows open */
    STAILQ_FOREACH (sheet, x->book->worksheets, list_pointers) {
        if (sheet->optimize_tmpfile != NULL) {
            fclose(sheet->optimize_tmpfile);
        }
    }

    lxw_workbook_free(x->book);
}


/* the overview: what this is, then a chart below the other */
static pt_err_t
report_xlsx_charts(report_xlsx_t *x, report_t *r)
{
    char              text[512];
    uint32_t          row = 3;
    pt_err_t          err;
    const char       *without;
    const pt_json_t  *section;

    worksheet_set_column(x->charts, 0, 0, 40, NULL);

    snprintf(text, sizeof(text), "%.*s", PT_STR_ARG(r->definition->title));
    worksheet_write_string(x->charts, 0, 0, text, x->bold);
    snprintf(text, sizeof(text), "Data as of %.*s", PT_STR_ARG(r->snapshot));
    worksheet_write_string(x->charts, 1, 0, text, NULL);

    for (section = r->definition->sections->first; section != NULL;
         section = section->next)
    {
        if (!pt_str_is(pt_json_string(section, "type", PT_STR("")), "chart")) {
            continue;
        }

        without = NULL;

        err = report_xlsx_chart(x, r, section, row, &without);
        if (err != PT_OK) {
            return err;
        }

        if (without == NULL) {
            row += REPORT_XLSX_CHART_H;
            continue;
        }

        snprintf(text, sizeof(text), "%.*s: no chart, %s",
                 PT_STR_ARG(pt_json_string(section, "title", PT_STR(""))),
                 without);
        worksheet_write_string(x->charts, row, 0, text, NULL);
        row += 2;
    }

    return PT_OK;
}


static pt_err_t
report_xlsx_chart(report_xlsx_t *x, report_t *r, const pt_json_t *section,
    uint32_t row, const char **ret_without)
{
    char                   title[256], alt[1024];
    size_t                 at, split;
    pt_err_t               err;
    lxw_chart             *chart;
    const report_table_t  *table;
    lxw_chart_options      options = { .description = alt };

    table = report_table(r, pt_json_string(section, "dataset", PT_STR("")));

    err = report_xlsx_column(r, section, table,
                             pt_json_string(section, "x", PT_STR("")), &at);
    if (err != PT_OK) {
        return err;
    }

    if (table->n_rows == 0) {
        *ret_without = "there are no rows";
        return PT_OK;
    }

    chart = workbook_add_chart(x->book, report_xlsx_kind(section));
    if (chart == NULL) {
        return PT_E_NOMEM;
    }

    if (pt_json_member(section, "split") == NULL) {
        err = report_xlsx_series(x, r, section, table, at, chart);

    } else {
        err = report_xlsx_column(r, section, table,
                                 pt_json_string(section, "split", PT_STR("")),
                                 &split);
        if (err == PT_OK) {
            err = report_xlsx_split(x, r, section, table, at, split, chart);
        }
    }

    if (err != PT_OK) {
        return err;
    }

    snprintf(title, sizeof(title), "%.*s",
             PT_STR_ARG(pt_json_string(section, "title", PT_STR(""))));
    chart_title_set_name(chart, title);
    snprintf(alt, sizeof(alt), "%.*s",
             PT_STR_ARG(pt_json_string(section, "alt", pt_str(title))));

    report_xlsx_axis(chart, table->columns[at].format);

    return worksheet_insert_chart_opt(x->charts, row, 0, chart, &options)
           == LXW_NO_ERROR ? PT_OK : PT_E_NOMEM;
}


static uint8_t
report_xlsx_kind(const pt_json_t *section)
{
    size_t    i;
    pt_str_t  kind = pt_json_string(section, "kind", PT_STR("line"));

    static const struct {
        const char  *kind;
        uint8_t      type;
    } kinds[] = {
        { "line", LXW_CHART_LINE }, { "area", LXW_CHART_AREA_STACKED },
        { "bar", LXW_CHART_COLUMN }, { "stacked", LXW_CHART_COLUMN_STACKED },
        { "sparkline", LXW_CHART_LINE }, { "scatter", LXW_CHART_SCATTER },
    };

    for (i = 0; i + 1 < sizeof(kinds) / sizeof(kinds[0])
                && !pt_str_is(kind, kinds[i].kind); i++)
    {
        /* the last one else */
    }

    return kinds[i].type;
}


static pt_err_t
report_xlsx_column(report_t *r, const pt_json_t *section,
    const report_table_t *table, pt_str_t name, size_t *ret_column)
{
    *ret_column = report_column(table, name);

    if (*ret_column < table->n_columns) {
        return PT_OK;
    }

    return report_fail(r, PT_E_PARAMETERS, "chart \"%.*s\": dataset \"%.*s\""
                       " has no column \"%.*s\"",
                       PT_STR_ARG(pt_json_string(section, "title",
                                                 PT_STR(""))),
                       PT_STR_ARG(table->dataset->name), PT_STR_ARG(name));
}


/* the columns of "y", where the dataset's sheet has them */
static pt_err_t
report_xlsx_series(report_xlsx_t *x, report_t *r, const pt_json_t *section,
    const report_table_t *table, size_t at, lxw_chart *chart)
{
    size_t                 column;
    pt_err_t               err;
    const pt_json_t       *y;
    const report_sheet_t  *sheet = report_xlsx_sheet_of(x, table);

    for (y = pt_json_member(section, "y")->first; y != NULL; y = y->next) {
        err = report_xlsx_column(r, section, table, y->text, &column);
        if (err != PT_OK) {
            return err;
        }

        if (!report_xlsx_range(chart, sheet->name, 0, sheet->rows,
                               (lxw_col_t) at, (lxw_col_t) column))
        {
            return PT_E_NOMEM;
        }
    }

    return PT_OK;
}


/*
 * A chart takes ranges of cells, and a series that is split from its dataset
 * has none there: a last sheet gets a table of x by series for each chart.
 */
static pt_err_t
report_xlsx_split(report_xlsx_t *x, report_t *r, const pt_json_t *section,
    const report_table_t *table, size_t at, size_t split, lxw_chart *chart)
{
    size_t          s, y;
    uint32_t        head;
    pt_err_t        err;
    report_pivot_t  pivot;

    err = report_xlsx_column(r, section, table,
                             pt_json_member(section, "y")->first->text, &y);
    if (err != PT_OK) {
        return err;
    }

    err = report_pivot(table, at, split, r->room, &pivot);

    if (err == PT_OK && pivot.n_points > LXW_ROW_MAX - 3 - x->data_rows) {
        err = PT_E_INPUT_LIMIT;
    }

    if (err != PT_OK) {
        return report_fail(r, err, "chart \"%.*s\" cannot be drawn: too many"
                           " series or points",
                           PT_STR_ARG(pt_json_string(section, "title",
                                                     PT_STR(""))));
    }

    if (x->data == NULL) {
        x->data = workbook_add_worksheet(x->book, REPORT_XLSX_DATA);
        if (x->data == NULL) {
            return PT_E_NOMEM;
        }

        worksheet_set_column(x->data, 0, REPORT_PIVOT_MAX, 16, NULL);
    }

    err = report_xlsx_pivot(x, r, section, table, at, split, y, &pivot, &head);

    for (s = 0; s < pivot.n_series && err == PT_OK; s++) {
        err = report_xlsx_range(chart, REPORT_XLSX_DATA, head,
                                head + (uint32_t) pivot.n_points, 0,
                                (lxw_col_t) (s + 1)) ? PT_OK : PT_E_NOMEM;
    }

    return err;
}


/* from its top down: the chart's title, a head, a row for each point */
static pt_err_t
report_xlsx_pivot(report_xlsx_t *x, report_t *r, const pt_json_t *section,
    const report_table_t *table, size_t at, size_t split, size_t y,
    const report_pivot_t *pivot, uint32_t *ret_head)
{
    size_t     k, s;
    uint32_t   row = x->data_rows;
    uint64_t   from;
    lxw_error  error;

    x->sheet = x->data;

    error = report_xlsx_text(x, row++, 0, pt_json_string(section, "title",
                                                         PT_STR("")), x->bold);
    *ret_head = row;

    if (error == LXW_NO_ERROR) {
        error = report_xlsx_text(x, row, 0, table->columns[at].title,
                                 x->heads[0]);
    }

    for (s = 0; s < pivot->n_series && error == LXW_NO_ERROR; s++) {
        error = report_xlsx_text(x, row, (uint16_t) (s + 1),
                                 report_cell(table, pivot->series[s], split),
                                 x->heads[1]);
    }

    for (k = 0; k < pivot->n_points && error == LXW_NO_ERROR; k++) {
        error = report_xlsx_cell(x, &table->columns[at], ++row, 0,
                                 report_cell(table, pivot->points[k], at));

        for (s = 0; s < pivot->n_series && error == LXW_NO_ERROR; s++) {
            from = pivot->rows[k * pivot->n_series + s];

            if (from > 0) {
                error = report_xlsx_cell(x, &table->columns[y], row,
                                         (uint16_t) (s + 1),
                                         report_cell(table, from - 1, y));
            }
        }
    }

    x->data_rows = row + 2;

    return error == LXW_NO_ERROR ? PT_OK : report_xlsx_failed(r, table, error);
}


/* a series below its name; false without memory */
static bool
report_xlsx_range(lxw_chart *chart, const char *sheet, uint32_t head,
    uint32_t last, uint16_t x, uint16_t y)
{
    lxw_chart_series  *series = chart_add_series(chart, NULL, NULL);

    if (series == NULL) {
        return false;
    }

    chart_series_set_categories(series, sheet, head + 1, x, last, x);
    chart_series_set_values(series, sheet, head + 1, y, last, y);
    chart_series_set_name_range(series, sheet, head, y);

    return true;
}


/* days are numbers to a workbook, and look like that without this */
static void
report_xlsx_axis(lxw_chart *chart, report_format_t format)
{
    if (format >= REPORT_DATE) {
        chart_axis_set_num_format(chart->x_axis, report_xlsx_codes[format]);
    }
}


static const report_sheet_t *
report_xlsx_sheet_of(const report_xlsx_t *x, const report_table_t *table)
{
    size_t  i;

    for (i = 0; i + 1 < x->n_sheets && x->sheets[i].table != table; i++) {
        /* the first part of it */
    }

    return &x->sheets[i];
}


static pt_err_t
report_xlsx_failed(report_t *r, const report_table_t *table, lxw_error error)
{
    return report_fail(r, error == LXW_ERROR_MAX_STRING_LENGTH_EXCEEDED
                          ? PT_E_INPUT_LIMIT : PT_E_IO,
                       "dataset \"%.*s\" as XLSX: %s",
                       PT_STR_ARG(table->dataset->name), lxw_strerror(error));
}
