/*
 * Figures: single numbers that are made of a dataset, and how they and the
 * cells of tables are written.
 */

#ifndef REPORT_FIGURE_H
#define REPORT_FIGURE_H

#include "pt_axis.h"
#include "report_data.h"


typedef struct {
    bool              known;       /* else there is no number: a NULL, no rows,
                                    * no rate of return */
    report_decimal_t  value;
} report_figure_t;


/* how people of a place write numbers and dates */
typedef struct {
    const char  *name;             /* "en-GB" */
    const char  *decimal, *group;
    const char  *date;             /* "DMY", "MDY": order; then the separator */
} report_locale_t;


/*
 * What {"dataset","fn","column","date"} of a definition stands for.
 *
 * Errors  PT_E_PARAMETERS (no such column, or it has no numbers)
 */
PT_MUST_CHECK pt_err_t report_figure(report_t *r, const pt_json_t *value,
    report_figure_t *ret_figure);

/*
 * The annual internal rate of return: r with the sum of amount / (1 + r)^t = 0,
 * t in years of 365 days from the first date, as XIRR has it.  days ascend or
 * not.  PT_E_INVALID: the amounts have one sign, or no rate between -99.99 %
 * and 100,000 % does it.
 */
PT_MUST_CHECK pt_err_t report_irr(const double *days, const double *amounts,
    size_t n, double *ret_rate);

/* "2026-11-23" or a timestamp as days since 1970; PT_E_INVALID */
PT_MUST_CHECK pt_err_t report_days(pt_str_t text, double *ret_days);


/* en-GB, en-US, de-DE, fr-FR; NULL: not known */
const report_locale_t *report_locale(pt_str_t name);

/* the format of a definition's name; text where it is absent */
report_format_t report_format(pt_str_t name);

/* a value in a format; money gets the currency before it */
void report_write_figure(const report_locale_t *locale, pt_str_t currency,
    report_format_t format, report_decimal_t value, pt_buf_t *buf);

/* a cell in its column's format; nothing for NULL */
void report_write_cell(const report_locale_t *locale, pt_str_t currency,
    const report_column_t *column, pt_str_t cell, pt_buf_t *buf);


#endif /* REPORT_FIGURE_H */
