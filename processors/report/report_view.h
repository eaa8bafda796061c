/*
 * What people look at: the sections of a definition as PDF or HTML.  Both make
 * figures, texts, charts and tables by the functions here, so that they say
 * the same.
 */

#ifndef REPORT_VIEW_H
#define REPORT_VIEW_H

#include "pt_chart.h"
#include "report_figure.h"


/* rows of a table behind a chart that are printed; more are in the files */
#define REPORT_BEHIND_MAX   200


typedef struct {
    report_t                *r;
    pt_room_t               *room;
    const pt_typeface_t     *typeface;
    const report_locale_t   *locale;
    pt_str_t                 currency;
    pt_str_t                 requested_by;
    bool                     letter;         /* 216 x 279 mm, else A4 */
    pt_json_t               *data;           /* of texts: see report_view_data */
    size_t                   replaced;       /* characters that no font has */
} report_view_t;


/* a figure of a "kpis" section */
typedef struct {
    pt_str_t                 title, value, previous, change;
    pt_str_t                 since;          /* "+12 since 16 Nov 2026", or "" */
    int                      good;           /* 1: as one wishes, -1: not */
} report_kpi_t;


/* a control total */
typedef struct {
    pt_str_t                 title, left, right;
} report_check_t;


/* PT_E_NOMEM, PT_E_TOO_LARGE, PT_E_PARAMETERS; r->error says more */
PT_MUST_CHECK pt_err_t report_pdf(report_view_t *view, pt_buf_t *buf,
    unsigned *ret_pages);
PT_MUST_CHECK pt_err_t report_html(report_view_t *view, pt_buf_t *buf);


/*
 * The data of texts: {"parameters":{...},"snapshot","NAME":{"rows":n,COLUMN:
 * the first row's cell as it is shown}}.  Freed by pt_json_free().
 */
PT_MUST_CHECK pt_err_t report_view_data(report_view_t *view);

/* text that can be set: one line, and U+FFFD for what no font has */
pt_str_t report_view_clean(report_view_t *view, pt_str_t text);

/* a cell as it is shown, clean; data NULL: no memory */
pt_str_t report_view_cell(report_view_t *view, const report_column_t *column,
    pt_str_t cell);
pt_str_t report_view_figure(report_view_t *view, report_format_t format,
    const report_figure_t *figure);

/* a "text" section, rendered */
PT_MUST_CHECK pt_err_t report_view_text(report_view_t *view,
    const pt_json_t *section, pt_str_t *ret_text);

PT_MUST_CHECK pt_err_t report_view_kpi(report_view_t *view,
    const pt_json_t *item, report_kpi_t *ret_kpi);

/*
 * PT_E_PARAMETERS, with r->error, where left and right differ: what does not
 * agree is not delivered.
 */
PT_MUST_CHECK pt_err_t report_view_check(report_view_t *view,
    const pt_json_t *check, report_check_t *ret_check);

/* the columns that a table section names; all of them where it names none, or
 * is NULL */
PT_MUST_CHECK pt_err_t report_view_columns(report_view_t *view,
    const report_table_t *table, const pt_json_t *section,
    size_t **ret_columns, size_t *ret_n);

/* whether the row is the last of its group; n_columns: there are none */
bool report_view_group_ends(const report_table_t *table, size_t group,
    uint64_t row);

/* 1: good, -1: bad, 0: neither, as the section's "highlight" has it */
int report_view_highlight(const pt_json_t *section,
    const report_column_t *column, pt_str_t cell);

/* in a box of that size */
PT_MUST_CHECK pt_err_t report_view_chart(report_view_t *view,
    const pt_json_t *section, int32_t width, int32_t height,
    pt_drawing_t **ret_drawing);


#endif /* REPORT_VIEW_H */
