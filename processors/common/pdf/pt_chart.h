/*
 * Charts as drawings: lines, areas, bars, stacked bars, points, sparklines.
 *
 * The colours are Okabe and Ito's, told apart by people with any of the
 * common colour deficiencies; lines also differ by their dashes.  No label
 * touches another: what does not fit is cut with an ellipsis, or the bars lie
 * down, or every second, third ... is left out.  Thousands of points are
 * thinned to what the page can show, extremes kept.
 */

#ifndef PT_CHART_H
#define PT_CHART_H

#include "pt_axis.h"
#include "pt_draw.h"


#define PT_CHART_SERIES_MAX  16


typedef enum {
    PT_CHART_LINE = 0,
    PT_CHART_AREA,                     /* from zero */
    PT_CHART_BAR,                      /* side by side */
    PT_CHART_STACKED,                  /* on top of each other */
    PT_CHART_SCATTER,
    PT_CHART_SPARKLINE                 /* one line, no axes */
} pt_chart_kind_t;


typedef enum {
    PT_CHART_CATEGORIES = 0,           /* x is the index into categories */
    PT_CHART_NUMBERS,
    PT_CHART_TIMES                     /* x is seconds since 1970, UTC */
} pt_chart_axis_t;


typedef struct {
    pt_str_t              name;        /* in the legend */
    const double         *x;           /* ascending but in a scatter; not used
                                        * with categories */
    const double         *y;           /* NAN: no value, a gap */
    size_t                n;
} pt_series_t;


typedef struct {
    pt_chart_kind_t       kind;
    pt_chart_axis_t       axis;

    pt_str_t              title;       /* absent: none */
    pt_str_t              alt;         /* absent: the title */
    pt_str_t              x_title, y_title;

    const pt_str_t       *categories;  /* of PT_CHART_CATEGORIES */
    size_t                n_categories;

    const pt_series_t    *series;
    size_t                n_series;

    pt_units_t            x_units, y_units;
    pt_str_t              nothing;     /* shown where there is no value at all;
                                        * absent: "no data" */

    const pt_typeface_t  *typeface;
    int32_t               size;        /* of the labels */
    int32_t               width, height;
} pt_chart_t;


/*
 * Errors  PT_E_PARAMETERS (a value that is infinite or beyond
 *         PT_AXIS_LIMIT, more than PT_CHART_SERIES_MAX series, a box in which
 *         nothing has room), PT_E_NOMEM, PT_E_TOO_LARGE
 */
PT_MUST_CHECK pt_err_t pt_chart_draw(const pt_chart_t *chart, pt_room_t *room,
    pt_drawing_t **ret_drawing);

/* the colour of series i; they repeat after eight */
pt_color_t pt_chart_color(size_t i);


#endif /* PT_CHART_H */
