/* Numbers made of rows, and numbers made text. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pt_date.h"
#include "report_figure.h"


/* rates between which one is looked for */
#define REPORT_IRR_MIN     (-0.9999)
#define REPORT_IRR_MAX     1000.0
#define REPORT_IRR_STEPS   200

#define REPORT_YEAR        365.0       /* days, as XIRR counts them */


static pt_err_t report_figure_irr(report_t *r, const pt_json_t *value,
    const report_table_t *table, size_t column, report_figure_t *ret_figure);
static double report_present_value(const double *days, const double *amounts,
    size_t n, double rate);
static pt_err_t report_figure_column(report_t *r, const report_table_t *table,
    const pt_json_t *value, const char *member, size_t *ret_column);
static void report_write_duration(report_decimal_t value, pt_buf_t *buf);
static void report_write_date(const report_locale_t *locale,
    report_format_t format, pt_str_t cell, pt_buf_t *buf);


static const report_locale_t  report_locales[] = {
    { "en-GB", ".", ",",            "DMY " },
    { "en-US", ".", ",",            "MDY/" },
    { "de-DE", ",", ".",            "DMY." },
    { "fr-FR", ",", "\xc2\xa0",     "DMY/" },
};

pt_err_t
report_figure(report_t *r, const pt_json_t *value,
    report_figure_t *ret_figure)
{
    size_t                 column;
    uint64_t               i;
    pt_str_t               fn, cell;
    pt_err_t               err;
    report_decimal_t       number;
    const report_table_t  *table;

    table = report_table(r, pt_json_string(value, "dataset", PT_STR("")));
    fn = pt_json_string(value, "fn", PT_STR("first"));

    *ret_figure = (report_figure_t) { .known = true };

    if (pt_str_is(fn, "count")) {
        ret_figure->value = (report_decimal_t) table->n_rows
                            * REPORT_DECIMAL_ONE;
        return PT_OK;
    }

    err = report_figure_column(r, table, value, "column", &column);
    if (err != PT_OK) {
        return err;
    }

    if (!table->columns[column].numeric) {
        return report_fail(r, PT_E_PARAMETERS, "dataset \"%.*s\": column"
                           " \"%.*s\" has no numbers",
                           PT_STR_ARG(table->dataset->name),
                           PT_STR_ARG(table->columns[column].name));
    }

    if (pt_str_is(fn, "irr")) {
        return report_figure_irr(r, value, table, column, ret_figure);
    }

    if (pt_str_is(fn, "first")) {
        cell = table->n_rows > 0 ? report_cell(table, 0, column) : PT_STR_NULL;
        ret_figure->known = cell.data != NULL
                            && report_decimal_read(cell, &ret_figure->value)
                               == PT_OK;
        return PT_OK;
    }

    for (i = 0; i < table->n_rows; i++) {
        cell = report_cell(table, i, column);

        if (cell.data != NULL
            && (report_decimal_read(cell, &number) != PT_OK
                || report_decimal_add(&ret_figure->value, number) != PT_OK))
        {
            return report_fail(r, PT_E_PARAMETERS, "dataset \"%.*s\": %.*s"
                               " has no sum", PT_STR_ARG(table->dataset->name),
                               PT_STR_ARG(cell));
        }
    }

    return PT_OK;
}


static pt_err_t
report_figure_column(report_t *r, const report_table_t *table,
    const pt_json_t *value, const char *member, size_t *ret_column)
{
    size_t    column;
    pt_str_t  name = pt_json_string(value, member, PT_STR_NULL);

    column = name.data == NULL ? table->n_columns : report_column(table, name);

    if (column == table->n_columns) {
        return report_fail(r, PT_E_PARAMETERS, "dataset \"%.*s\" has no column"
                           " \"%.*s\"", PT_STR_ARG(table->dataset->name),
                           PT_STR_ARG(name));
    }

    *ret_column = column;

    return PT_OK;
}


static pt_err_t
report_figure_irr(report_t *r, const pt_json_t *value,
    const report_table_t *table, size_t column, report_figure_t *ret_figure)
{
    double             rate, *days, *amounts;
    size_t             date, n = 0;
    uint64_t           i;
    pt_str_t           when, amount;
    pt_err_t           err;
    report_decimal_t   number;

    err = report_figure_column(r, table, value, "date", &date);
    if (err != PT_OK) {
        return err;
    }

    days = pt_room_array(r->room, table->n_rows + 1, sizeof(double));
    amounts = pt_room_array(r->room, table->n_rows + 1, sizeof(double));

    if (days == NULL || amounts == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < table->n_rows; i++) {
        when = report_cell(table, i, date);
        amount = report_cell(table, i, column);

        if (when.data != NULL && amount.data != NULL
            && report_days(when, &days[n]) == PT_OK
            && report_decimal_read(amount, &number) == PT_OK)
        {
            amounts[n++] = report_decimal_double(number);
        }
    }

    ret_figure->known = report_irr(days, amounts, n, &rate) == PT_OK
                        && report_decimal_from(rate, &ret_figure->value)
                           == PT_OK;

    return PT_OK;
}


/*
 * By halving: slower than Newton's method, and it cannot run away.  Where the
 * sign changes more than once any of the rates would do.
 */
pt_err_t
report_irr(const double *days, const double *amounts, size_t n,
    double *ret_rate)
{
    int     i;
    double  low = REPORT_IRR_MIN, high = REPORT_IRR_MAX, middle, at_low, at;

    if (n < 2) {
        return PT_E_INVALID;
    }

    at_low = report_present_value(days, amounts, n, low);
    at = report_present_value(days, amounts, n, high);

    if (!(at_low * at < 0)) {
        return PT_E_INVALID;
    }

    for (i = 0; i < REPORT_IRR_STEPS; i++) {
        middle = low + (high - low) / 2;
        at = report_present_value(days, amounts, n, middle);

        if (at * at_low > 0) {
            low = middle;

        } else {
            high = middle;
        }
    }

    *ret_rate = low + (high - low) / 2;

    return PT_OK;
}


/* from the middle of the dates, so that no power grows out of bounds */
static double
report_present_value(const double *days, const double *amounts, size_t n,
    double rate)
{
    size_t  i;
    double  sum = 0, first = days[0], last = days[0], origin;

    for (i = 1; i < n; i++) {
        first = fmin(first, days[i]);
        last = fmax(last, days[i]);
    }

    origin = rate < 0 ? last : first;

    for (i = 0; i < n; i++) {
        sum += amounts[i] * pow(1 + rate, (origin - days[i]) / REPORT_YEAR);
    }

    return sum;
}


pt_err_t
report_days(pt_str_t text, double *ret_days)
{
    size_t    i;
    unsigned  parts[3] = { 0, 0, 0 }, n = 0;

    static const char  form[] = "yyyy-mm-dd";

    if (text.len < sizeof(form) - 1) {
        return PT_E_INVALID;
    }

    /* a million rows have a few each: sscanf() would be felt */
    for (i = 0; i < sizeof(form) - 1; i++) {

        if (form[i] == '-') {
            n++;

            if (text.data[i] != '-') {
                return PT_E_INVALID;
            }

        } else if (text.data[i] < '0' || text.data[i] > '9') {
            return PT_E_INVALID;

        } else {
            parts[n] = parts[n] * 10 + (unsigned) (text.data[i] - '0');
        }
    }

    if (parts[1] < 1 || parts[1] > 12 || parts[2] < 1 || parts[2] > 31) {
        return PT_E_INVALID;
    }

    *ret_days = (double) pt_date_days((int) parts[0], parts[1], parts[2]);

    return PT_OK;
}


const report_locale_t *
report_locale(pt_str_t name)
{
    size_t  i;

    for (i = 0; i < sizeof(report_locales) / sizeof(report_locales[0]); i++) {
        if (pt_str_is(name, report_locales[i].name)) {
            return &report_locales[i];
        }
    }

    return NULL;
}


report_format_t
report_format(pt_str_t name)
{
    size_t  i;

    for (i = 0; name.data != NULL && i < sizeof(report_format_names)
                                         / sizeof(report_format_names[0]); i++)
    {
        if (pt_str_is(name, report_format_names[i])) {
            return (report_format_t) i;
        }
    }

    return REPORT_TEXT;
}


void
report_write_figure(const report_locale_t *locale, pt_str_t currency,
    report_format_t format, report_decimal_t value, pt_buf_t *buf)
{
    char        text[64], *point;
    size_t      i, n, start;
    unsigned    places;
    pt_buf_t    plain;

    if (format == REPORT_DURATION) {
        report_write_duration(value, buf);
        return;
    }

    places = format == REPORT_INTEGER ? 0 : format == REPORT_PERCENT ? 1 : 2;

    /* whole amounts have no cents */
    if (format == REPORT_MONEY && value % REPORT_DECIMAL_ONE == 0) {
        places = 0;
    }

    pt_buf_init(&plain, &pt_mem_heap, sizeof(text) - 1);
    report_decimal_text(format == REPORT_PERCENT ? value * 100 : value, places,
                        &plain);
    n = plain.len;
    memcpy(text, plain.data == NULL ? "" : plain.data, n);
    text[n] = '\0';
    pt_buf_done(&plain);

    start = text[0] == '-';

    if (start) {
        pt_buf_add_char(buf, '-');
    }

    if (format == REPORT_MONEY) {
        pt_buf_add_str(buf, currency);
    }

    point = strchr(text, '.');
    n = point != NULL ? (size_t) (point - text) : n;

    for (i = start; i < n; i++) {
        if (i > start && (n - i) % 3 == 0) {
            pt_buf_add_text(buf, locale->group);
        }

        pt_buf_add_char(buf, text[i]);
    }

    if (point != NULL) {
        pt_buf_add_text(buf, locale->decimal);
        pt_buf_add_text(buf, point + 1);
    }

    pt_buf_add_text(buf, format == REPORT_PERCENT ? " %"
                         : format == REPORT_MULTIPLE ? "x" : "");
}


static void
report_write_duration(report_decimal_t value, pt_buf_t *buf)
{
    double   s = report_decimal_double(value);
    int64_t  whole = (int64_t) fabs(s);

    if (s < 0) {
        pt_buf_add_char(buf, '-');
    }

    if (fabs(s) < 1) {
        pt_buf_printf(buf, "%.0f ms", fabs(s) * 1000);

    } else if (fabs(s) < 60) {
        pt_buf_printf(buf, "%.1f s", fabs(s));

    } else if (whole < 3600) {
        pt_buf_printf(buf, "%d min %02d s", (int) (whole / 60),
                      (int) (whole % 60));

    } else {
        pt_buf_printf(buf, "%lld h %02d min", (long long) (whole / 3600),
                      (int) (whole / 60 % 60));
    }
}


void
report_write_cell(const report_locale_t *locale, pt_str_t currency,
    const report_column_t *column, pt_str_t cell, pt_buf_t *buf)
{
    report_decimal_t  value;

    if (cell.data == NULL) {
        return;
    }

    if (column->numeric && column->format != REPORT_TEXT
        && report_decimal_read(cell, &value) == PT_OK)
    {
        report_write_figure(locale, currency, column->format, value, buf);
        return;
    }

    if (column->format >= REPORT_DATE && cell.len >= 10) {
        report_write_date(locale, column->format, cell, buf);
        return;
    }

    pt_buf_add_str(buf, cell);
}


/* from PostgreSQL's ISO text, whose zone is the report's own */
static void
report_write_date(const report_locale_t *locale, report_format_t format,
    pt_str_t cell, pt_buf_t *buf)
{
    int          month = (cell.data[5] - '0') * 10 + cell.data[6] - '0';
    const char  *d = cell.data, *order = locale->date;

    static const char *const  names[] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
        "Nov", "Dec"
    };

    if (cell.data[4] != '-' || cell.data[7] != '-' || month < 1 || month > 12
        || cell.data[cell.len - 1] == 'C')
    {
        pt_buf_add_str(buf, cell);          /* "infinity", a year BC */
        return;
    }

    if (format == REPORT_QUARTER) {
        pt_buf_printf(buf, "%.4s Q%d", d, (month + 2) / 3);
        return;
    }

    if (format == REPORT_MONTH) {
        pt_buf_printf(buf, "%.4s-%.2s", d, d + 5);
        return;
    }

    if (order[3] == ' ') {
        pt_buf_printf(buf, "%.2s %s %.4s", d + 8, names[month - 1], d);

    } else if (order[0] == 'M') {
        pt_buf_printf(buf, "%.2s%c%.2s%c%.4s", d + 5, order[3], d + 8,
                      order[3], d);

    } else {
        pt_buf_printf(buf, "%.2s%c%.2s%c%.4s", d + 8, order[3], d + 5,
                      order[3], d);
    }

    if (format == REPORT_DATETIME && cell.len >= 16) {
        pt_buf_printf(buf, " %.5s", d + 11);
    }
}
