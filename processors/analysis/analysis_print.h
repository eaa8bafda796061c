/*
 * What pages of results are made of: lines of text, tables, charts side by
 * side.  The first error stays, and what follows it does nothing.
 */

#ifndef ANALYSIS_PRINT_H
#define ANALYSIS_PRINT_H

#include "pt_chart.h"
#include "pt_flow.h"
#include "pt_json.h"


#define ANALYSIS_COLUMNS_MAX  6


typedef enum {
    ANALYSIS_PRINT_TITLE = 0,
    ANALYSIS_PRINT_LEAD,             /* what the page says, in a line */
    ANALYSIS_PRINT_SAY,
    ANALYSIS_PRINT_HEAD,             /* of a section */
    ANALYSIS_PRINT_BODY,
    ANALYSIS_PRINT_STRONG,
    ANALYSIS_PRINT_NOTE              /* small and grey */
} analysis_print_kind_t;


typedef struct {
    const char  *head;
    int          width;              /* in millimetres; all: 174 at most */
} analysis_column_t;


typedef struct {
    const pt_json_t      *result;
    const pt_typeface_t  *typeface;
    pt_room_t             room;
    pt_flow_t             flow;
    pt_str_t              title;
    int32_t               gap;       /* above what comes next; 0: as usual */
    pt_err_t              err;
} analysis_print_t;


/* A4; the title heads the page, and is the PDF's */
void analysis_print_begin(analysis_print_t *p, const pt_json_t *result,
    const pt_typeface_t *typeface, pt_str_t title);

/*
 * What results do not say, how good the model has been, whose data it is; then
 * writes the PDF, and frees all.
 *
 * Errors  the first of all; PT_E_NOMEM, PT_E_TOO_LARGE, PT_E_INTERNAL
 */
PT_MUST_CHECK pt_err_t analysis_print_end(analysis_print_t *p, pt_buf_t *pdf);

void analysis_print(analysis_print_t *p, analysis_print_kind_t kind,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* the columns' heads, then rows; the first column stands left */
void analysis_print_heads(analysis_print_t *p, const analysis_column_t *columns,
    unsigned n);
void analysis_print_row(analysis_print_t *p, const analysis_column_t *columns,
    unsigned n, const pt_str_t *texts);

/* beside each other; right: NULL, or without series: none */
void analysis_print_charts(analysis_print_t *p, pt_chart_t *left,
    pt_chart_t *right);

/* texts that live as long as the page; "" where memory is short */
pt_str_t analysis_print_name(analysis_print_t *p, pt_str_t name);  /* "a_b_usd": "a b" */
pt_str_t analysis_print_copy(analysis_print_t *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
pt_str_t analysis_print_money(analysis_print_t *p, double v);   /* "$4.2 m" */

/* "a.b.c"; what is missing is an empty object */
const pt_json_t *analysis_print_at(const pt_json_t *json, const char *path);


#endif /* ANALYSIS_PRINT_H */
