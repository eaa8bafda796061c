/* What the parts of pt_chart share: a chart while it is drawn. */

#ifndef PT_PLOT_H
#define PT_PLOT_H

#include "pt_chart.h"


#define PT_INK         0x1a1a1a        /* text and the zero line */
#define PT_INK_LIGHT   0x595959        /* labels: 7:1 on white */
#define PT_GRID        0xdddddd

#define PT_GRID_LINE   (PT_POINT / 2)
#define PT_DATA_LINE   (PT_POINT * 3 / 2)
#define PT_DOT         (PT_POINT * 2)


typedef struct {
    const pt_chart_t  *chart;
    pt_drawing_t      *drawing;

    /* the plot's box, inside the axes' labels */
    int32_t            x, y, width, height;

    bool               flat;           /* bars lie: categories go down */
    bool               empty;          /* no value at all */
    double             min, max;       /* of the values, stacked where they are */
    double             x_min, x_max;
    pt_ticks_t         values;         /* of the value axis */
    pt_ticks_t         ticks;          /* of x, but for categories */
} pt_plot_t;


/* pt_chart.c */
double pt_chart_value(const pt_series_t *series, size_t i);
double pt_chart_x(const pt_chart_t *chart, const pt_series_t *series,
    size_t i);
int32_t pt_chart_categories_width(pt_plot_t *plot);

/* pt_chart_axes.c */
void pt_chart_axes(pt_plot_t *plot);
int32_t pt_chart_at(const pt_plot_t *plot, double value);
int32_t pt_chart_across(const pt_plot_t *plot, double x);

/* pt_chart_marks.c */
void pt_chart_marks(pt_plot_t *plot);
void pt_chart_stroke(pt_plot_t *plot, size_t s, const pt_point_t *points,
    size_t n);
void pt_chart_sparkline(pt_plot_t *plot);


#endif /* PT_PLOT_H */
