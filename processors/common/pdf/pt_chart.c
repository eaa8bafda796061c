/*
 * From series to shapes: the head (title, legend), the plot's place, axes,
 * then the marks.
 */

#include <math.h>

#include "pt_chart.h"


#define PT_INK         0x1a1a1a        /* text and the zero line */
#define PT_INK_LIGHT   0x595959        /* labels: 7:1 on white */
#define PT_GRID        0xdddddd

#define PT_GRID_LINE   (PT_POINT / 2)
#define PT_DATA_LINE   (PT_POINT * 3 / 2)
#define PT_DOT         (PT_POINT * 2)

/* two points of a line closer than this look like one */
#define PT_CHART_CELL  (PT_POINT / 2)

/* a bar as wide as the page would look like a background */
#define PT_CHART_BAR_MAX  (60 * PT_POINT)

/* so many categories that nothing could tell them apart */
#define PT_CHART_CATEGORIES_MAX  2000


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


static pt_err_t pt_chart_check(const pt_chart_t *chart);
static void pt_chart_range(pt_plot_t *plot);
static void pt_chart_stack_range(pt_plot_t *plot);
static bool pt_chart_stacks(const pt_chart_t *chart);
static bool pt_chart_has_bars(const pt_chart_t *chart);
static double pt_chart_value(const pt_series_t *series, size_t i);
static double pt_chart_x(const pt_chart_t *chart, const pt_series_t *series,
    size_t i);
static void pt_chart_head(pt_plot_t *plot);
static void pt_chart_legend(pt_plot_t *plot);
static void pt_chart_swatch(pt_plot_t *plot, size_t i, int32_t x, int32_t y);
static int32_t pt_chart_categories_width(pt_plot_t *plot);
static bool pt_chart_lies(pt_plot_t *plot, int32_t widest);
static void pt_chart_place(pt_plot_t *plot);
static void pt_chart_place_flat(pt_plot_t *plot, int32_t widest);
static void pt_chart_values_fit(pt_plot_t *plot, int32_t length,
    int32_t spacing);
static int32_t pt_chart_values_width(pt_plot_t *plot);
static void pt_chart_axes(pt_plot_t *plot);
static void pt_chart_axis_values(pt_plot_t *plot);
static void pt_chart_axis_values_flat(pt_plot_t *plot);
static void pt_chart_axis_x(pt_plot_t *plot);
static void pt_chart_axis_categories(pt_plot_t *plot);
static void pt_chart_axis_categories_flat(pt_plot_t *plot);
static int32_t pt_chart_x_label(pt_plot_t *plot, pt_str_t text, int32_t x,
    int32_t max, int32_t taken);
static int32_t pt_chart_at(const pt_plot_t *plot, double value);
static int32_t pt_chart_across(const pt_plot_t *plot, double x);
static void pt_chart_marks(pt_plot_t *plot);
static void pt_chart_bars(pt_plot_t *plot);
static void pt_chart_bar(pt_plot_t *plot, size_t slot, double offset,
    double share, double from, double to, pt_color_t color);
static void pt_chart_line(pt_plot_t *plot, size_t s);
static void pt_chart_stroke(pt_plot_t *plot, size_t s,
    const pt_point_t *points, size_t n);
static size_t pt_chart_thin(pt_point_t *points, size_t n);
static void pt_chart_areas(pt_plot_t *plot);
static void pt_chart_scatter(pt_plot_t *plot, size_t s);
static void pt_chart_sparkline(pt_plot_t *plot);
static void pt_chart_nothing(pt_plot_t *plot);


/* Okabe and Ito (2008), without yellow, which is too pale for a line */
static const pt_color_t  pt_chart_colors[] = {
    0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x444444,
    0x8a6d00
};

#define PT_CHART_COLORS  (sizeof(pt_chart_colors) / sizeof(pt_chart_colors[0]))


pt_color_t
pt_chart_color(size_t i)
{
    return pt_chart_colors[i % PT_CHART_COLORS];
}


pt_err_t
pt_chart_draw(const pt_chart_t *chart, pt_room_t *room,
    pt_drawing_t **ret_drawing)
{
    pt_err_t   err;
    pt_plot_t  plot = { .chart = chart };

    err = pt_chart_check(chart);
    if (err != PT_OK) {
        return err;
    }

    plot.drawing = pt_drawing_new(room, chart->typeface, chart->width,
                                  chart->height);
    if (plot.drawing == NULL) {
        return PT_E_NOMEM;
    }

    plot.drawing->alt = pt_room_copy(room, chart->alt.data != NULL
                                           ? chart->alt : chart->title);
    plot.width = chart->width;
    plot.height = chart->height;

    pt_chart_range(&plot);

    if (chart->kind == PT_CHART_SPARKLINE) {
        pt_chart_sparkline(&plot);

    } else {
        pt_chart_head(&plot);

        if (plot.empty) {
            pt_chart_nothing(&plot);

        } else {
            pt_chart_place(&plot);

            if (plot.width < chart->size || plot.height < chart->size) {
                return PT_E_PARAMETERS;
            }

            pt_chart_axes(&plot);
            pt_chart_marks(&plot);
        }
    }

    if (plot.drawing->err != PT_OK) {
        return plot.drawing->err;
    }

    *ret_drawing = plot.drawing;

    return PT_OK;
}


static pt_err_t
pt_chart_check(const pt_chart_t *chart)
{
    size_t              s, i;
    const pt_series_t  *series;

    if (chart->n_series > PT_CHART_SERIES_MAX
        || chart->n_categories > PT_CHART_CATEGORIES_MAX
        || (pt_chart_has_bars(chart) && chart->axis != PT_CHART_CATEGORIES)
        || chart->size <= 0 || chart->width <= 0 || chart->height <= 0)
    {
        return PT_E_PARAMETERS;
    }

    for (s = 0; s < chart->n_series; s++) {
        series = &chart->series[s];

        if (chart->axis == PT_CHART_CATEGORIES
            && chart->kind != PT_CHART_SPARKLINE
            && series->n > chart->n_categories)
        {
            return PT_E_PARAMETERS;
        }

        for (i = 0; i < series->n; i++) {
            if (fabs(series->y[i]) > PT_AXIS_LIMIT
                || (chart->axis != PT_CHART_CATEGORIES
                    && !(fabs(series->x[i]) <= PT_AXIS_LIMIT)))
            {
                return PT_E_PARAMETERS;
            }
        }
    }

    return PT_OK;
}


/* what the axes have to hold; zero, too, where lengths or areas are compared */
static void
pt_chart_range(pt_plot_t *plot)
{
    size_t              s, i;
    double              x, y;
    const pt_chart_t   *chart = plot->chart;
    const pt_series_t  *series;

    plot->empty = true;
    plot->min = plot->x_min = INFINITY;
    plot->max = plot->x_max = -INFINITY;

    for (s = 0; s < chart->n_series; s++) {
        series = &chart->series[s];

        for (i = 0; i < series->n; i++) {
            y = series->y[i];
            x = pt_chart_x(chart, series, i);

            plot->x_min = fmin(plot->x_min, x);
            plot->x_max = fmax(plot->x_max, x);

            if (!isnan(y)) {
                plot->min = fmin(plot->min, y);
                plot->max = fmax(plot->max, y);
                plot->empty = false;
            }
        }
    }

    if (pt_chart_stacks(chart)) {
        pt_chart_stack_range(plot);
    }

    if (pt_chart_has_bars(chart) || chart->kind == PT_CHART_AREA) {
        plot->min = fmin(plot->min, 0);
        plot->max = fmax(plot->max, 0);
    }
}


static void
pt_chart_stack_range(pt_plot_t *plot)
{
    size_t             s, i, n = 0;
    double             up, down, y;
    const pt_chart_t  *chart = plot->chart;

    for (s = 0; s < chart->n_series; s++) {
        n = chart->series[s].n > n ? chart->series[s].n : n;
    }

    for (i = 0; i < n; i++) {
        up = down = 0;

        for (s = 0; s < chart->n_series; s++) {
            y = pt_chart_value(&chart->series[s], i);

            if (y > 0 || chart->kind == PT_CHART_AREA) {
                up += y;

            } else {
                down += y;
            }

            plot->max = fmax(plot->max, up);
            plot->min = fmin(plot->min, fmin(up, down));
        }
    }
}


static bool
pt_chart_stacks(const pt_chart_t *chart)
{
    return chart->kind == PT_CHART_STACKED || chart->kind == PT_CHART_AREA;
}


static bool
pt_chart_has_bars(const pt_chart_t *chart)
{
    return chart->kind == PT_CHART_BAR || chart->kind == PT_CHART_STACKED;
}


/* in a sum, no value is zero */
static double
pt_chart_value(const pt_series_t *series, size_t i)
{
    return i < series->n && !isnan(series->y[i]) ? series->y[i] : 0;
}


static double
pt_chart_x(const pt_chart_t *chart, const pt_series_t *series, size_t i)
{
    return chart->axis == PT_CHART_CATEGORIES || series->x == NULL
           ? (double) i : series->x[i];
}


/* title and legend take the top; the titles of the axes stand below them */
static void
pt_chart_head(pt_plot_t *plot)
{
    int32_t            size = plot->chart->size;
    const pt_chart_t  *chart = plot->chart;

    if (chart->title.len > 0) {
        plot->y += size * 3 / 2;
        (void) pt_draw_text(plot->drawing, chart->title, PT_STYLE_BOLD,
                            size * 9 / 8, 0, plot->y - size / 2,
                            PT_ALIGN_LEFT, chart->width, PT_INK);
    }

    if (chart->n_series > 1) {
        pt_chart_legend(plot);
    }

    plot->height = chart->height - plot->y;
}


static void
pt_chart_legend(pt_plot_t *plot)
{
    size_t             i;
    int32_t            x = 0, width, size = plot->chart->size;
    const pt_chart_t  *chart = plot->chart;
    pt_label_t        *label;

    plot->y += size * 3 / 2;

    for (i = 0; i < chart->n_series; i++) {
        width = pt_draw_measure(plot->drawing, chart->series[i].name, 0, size)
                + size * 2;
        width = width > chart->width ? chart->width : width;

        if (x > 0 && x + width > chart->width) {
            x = 0;
            plot->y += size * 3 / 2;
        }

        pt_chart_swatch(plot, i, x, plot->y - size * 3 / 4);
        label = pt_draw_text(plot->drawing, chart->series[i].name, 0, size,
                             x + size * 3 / 2, plot->y - size / 2,
                             PT_ALIGN_LEFT, chart->width - size * 2, PT_INK);

        x += (label != NULL ? label->width : 0) + size * 3;
    }

    plot->y += size / 4;
}


/* as the marks look: a piece of the line, or a square of the area */
static void
pt_chart_swatch(pt_plot_t *plot, size_t i, int32_t x, int32_t y)
{
    int32_t            size = plot->chart->size;
    pt_color_t         color = pt_chart_color(i);
    const pt_point_t   points[] = { { x, y }, { x + size, y } };

    if (plot->chart->kind == PT_CHART_LINE) {
        pt_chart_stroke(plot, i, points, 2);

    } else if (plot->chart->kind == PT_CHART_SCATTER) {
        pt_draw_disc(plot->drawing, x + size / 2, y, PT_DOT, color);

    } else {
        pt_draw_rect(plot->drawing, x, y - size * 3 / 8, size, size * 3 / 4,
                     color);
    }
}


static int32_t
pt_chart_categories_width(pt_plot_t *plot)
{
    size_t             i;
    int32_t            width, widest = 0;
    const pt_chart_t  *chart = plot->chart;

    for (i = 0; i < chart->n_categories; i++) {
        width = pt_draw_measure(plot->drawing, chart->categories[i], 0,
                                chart->size);
        widest = width > widest ? width : widest;
    }

    return widest;
}


/* whether bars lie down: where that gives all of their names room */
static bool
pt_chart_lies(pt_plot_t *plot, int32_t widest)
{
    int32_t            size = plot->chart->size;
    int32_t            n = (int32_t) plot->chart->n_categories;
    const pt_chart_t  *chart = plot->chart;

    return pt_chart_has_bars(chart) && n > 0
           && widest + size / 2 > chart->width * 9 / 10 / n
           && (plot->height - size * 5) / n >= size * 5 / 4;
}


/* the plot's box: what the axes' labels and titles leave of the rest */
static void
pt_chart_place(pt_plot_t *plot)
{
    int32_t            widest, size = plot->chart->size;
    const pt_chart_t  *chart = plot->chart;

    widest = pt_chart_categories_width(plot);
    plot->flat = pt_chart_lies(plot, widest);

    /* the title of the axis that goes up stands above it */
    if ((plot->flat ? chart->x_title : chart->y_title).len > 0) {
        plot->y += size * 3 / 2;
        plot->height -= size * 3 / 2;
    }

    plot->height -= size * 2
                    + ((plot->flat ? chart->y_title : chart->x_title).len > 0
                       ? size * 3 / 2 : 0);

    if (plot->flat) {
        pt_chart_place_flat(plot, widest);
        return;
    }

    /* half a label stands out above the topmost tick */
    plot->y += size / 2;
    plot->height -= size / 2;

    pt_chart_values_fit(plot, plot->height, size * 2);

    plot->x = pt_chart_values_width(plot) + size / 2;
    plot->width = chart->width - plot->x - size / 2;

    if (chart->axis == PT_CHART_NUMBERS) {
        pt_ticks_numbers(plot->x_min, plot->x_max,
                         plot->width > size * 18 ? 7 : 3, &plot->ticks);

    } else if (chart->axis == PT_CHART_TIMES) {
        pt_ticks_times(plot->x_min, plot->x_max,
                       plot->width > size * 48 ? 8 : 4, &plot->ticks);
    }
}


static void
pt_chart_place_flat(pt_plot_t *plot, int32_t widest)
{
    int32_t  size = plot->chart->size, most = plot->chart->width * 2 / 5;

    plot->x = (widest < most ? widest : most) + size;

    /* half of the last tick's text stands out on the right */
    plot->width = plot->chart->width - plot->x;
    pt_chart_values_fit(plot, plot->width, size * 5);
    plot->width -= pt_chart_values_width(plot) / 2;
}


static void
pt_chart_values_fit(pt_plot_t *plot, int32_t length, int32_t spacing)
{
    int32_t  n = length / spacing;

    n = n < 2 ? 2 : n > 10 ? 10 : n;

    pt_ticks_numbers(plot->min, plot->max, (unsigned) n, &plot->values);
}


static int32_t
pt_chart_values_width(pt_plot_t *plot)
{
    int32_t   width, widest = 0;
    unsigned  i;
    pt_buf_t  buf;

    pt_buf_init(&buf, &pt_mem_heap, 1024);

    for (i = 0; i < plot->values.n; i++) {
        pt_buf_reset(&buf);
        pt_tick_text(&plot->values, i, &plot->chart->y_units, &buf);

        width = pt_draw_measure(plot->drawing, pt_buf_str(&buf), 0,
                                plot->chart->size);
        widest = width > widest ? width : widest;
    }

    pt_buf_done(&buf);

    return widest;
}


static void
pt_chart_axes(pt_plot_t *plot)
{
    int32_t            size = plot->chart->size;
    const pt_chart_t  *chart = plot->chart;

    (void) pt_draw_text(plot->drawing,
                        plot->flat ? chart->x_title : chart->y_title, 0, size,
                        0, plot->y - (plot->flat ? size / 2 : size),
                        PT_ALIGN_LEFT, chart->width, PT_INK_LIGHT);

    (void) pt_draw_text(plot->drawing,
                        plot->flat ? chart->y_title : chart->x_title, 0, size,
                        plot->x + plot->width / 2, chart->height - size / 2,
                        PT_ALIGN_CENTER, plot->width, PT_INK_LIGHT);

    if (plot->flat) {
        pt_chart_axis_values_flat(plot);
        pt_chart_axis_categories_flat(plot);

    } else {
        pt_chart_axis_values(plot);

        if (chart->axis == PT_CHART_CATEGORIES) {
            pt_chart_axis_categories(plot);

        } else {
            pt_chart_axis_x(plot);
        }
    }
}


static void
pt_chart_axis_values(pt_plot_t *plot)
{
    int32_t   y, size = plot->chart->size;
    unsigned  i;
    pt_buf_t  buf;

    pt_buf_init(&buf, &pt_mem_heap, 1024);

    for (i = 0; i < plot->values.n; i++) {
        y = pt_chart_at(plot, plot->values.at[i]);
        pt_draw_line(plot->drawing, plot->x, y, plot->x + plot->width, y,
                     PT_GRID_LINE,
                     plot->values.at[i] == 0 ? PT_INK : PT_GRID);

        pt_buf_reset(&buf);
        pt_tick_text(&plot->values, i, &plot->chart->y_units, &buf);
        (void) pt_draw_text(plot->drawing, pt_buf_str(&buf), 0, size,
                            plot->x - size / 2, y + size * 3 / 8,
                            PT_ALIGN_RIGHT, 0, PT_INK_LIGHT);
    }

    pt_buf_done(&buf);
}


static void
pt_chart_axis_values_flat(pt_plot_t *plot)
{
    int32_t   x, taken = INT32_MIN, size = plot->chart->size;
    unsigned  i;
    pt_buf_t  buf;

    pt_buf_init(&buf, &pt_mem_heap, 1024);

    for (i = 0; i < plot->values.n; i++) {
        x = pt_chart_at(plot, plot->values.at[i]);
        pt_draw_line(plot->drawing, x, plot->y, x, plot->y + plot->height,
                     PT_GRID_LINE,
                     plot->values.at[i] == 0 ? PT_INK : PT_GRID);

        pt_buf_reset(&buf);
        pt_tick_text(&plot->values, i, &plot->chart->y_units, &buf);
        taken = pt_chart_x_label(plot, pt_buf_str(&buf), x, size * 12, taken);
    }

    pt_buf_done(&buf);
}


static void
pt_chart_axis_x(pt_plot_t *plot)
{
    int32_t   x, taken = INT32_MIN, bottom = plot->y + plot->height;
    unsigned  i;
    pt_buf_t  buf;

    pt_buf_init(&buf, &pt_mem_heap, 1024);

    for (i = 0; i < plot->ticks.n; i++) {
        x = pt_chart_across(plot, plot->ticks.at[i]);
        pt_draw_line(plot->drawing, x, bottom, x,
                     bottom + plot->chart->size / 3, PT_GRID_LINE,
                     PT_INK_LIGHT);

        pt_buf_reset(&buf);
        pt_tick_text(&plot->ticks, i, &plot->chart->x_units, &buf);
        taken = pt_chart_x_label(plot, pt_buf_str(&buf), x,
                                 plot->chart->size * 12, taken);
    }

    pt_buf_done(&buf);
}


/* all of them, or every second, third ... */
static void
pt_chart_axis_categories(pt_plot_t *plot)
{
    size_t             i, every;
    int32_t            slot, widest, most, taken = INT32_MIN;
    const pt_chart_t  *chart = plot->chart;

    if (chart->n_categories == 0) {
        return;
    }

    slot = plot->width / (int32_t) chart->n_categories;
    slot = slot > 0 ? slot : 1;
    widest = pt_chart_categories_width(plot) + chart->size;
    most = plot->width / 5 > slot ? plot->width / 5 : slot;
    widest = widest < most ? widest : most;
    every = (size_t) ((widest + slot - 1) / slot);
    every = every > 0 ? every : 1;

    for (i = 0; i < chart->n_categories; i += every) {
        taken = pt_chart_x_label(plot, chart->categories[i],
                                 pt_chart_across(plot, (double) i),
                                 (int32_t) every * slot - chart->size / 2,
                                 taken);
    }
}


static void
pt_chart_axis_categories_flat(pt_plot_t *plot)
{
    size_t             i;
    int32_t            y, size = plot->chart->size;
    const pt_chart_t  *chart = plot->chart;

    for (i = 0; i < chart->n_categories; i++) {
        y = plot->y + (int32_t) ((i * 2 + 1) * (size_t) plot->height
                                 / (chart->n_categories * 2));

        (void) pt_draw_text(plot->drawing, chart->categories[i], 0, size,
                            plot->x - size / 2, y + size * 3 / 8,
                            PT_ALIGN_RIGHT, plot->x - size / 2, PT_INK);
    }
}


/*
 * Below the plot, centered at x but inside the box; left out where it would
 * touch what stands left of it.  Returns the right end of what is there now.
 */
static int32_t
pt_chart_x_label(pt_plot_t *plot, pt_str_t text, int32_t x, int32_t max,
    int32_t taken)
{
    int32_t      width, left, size = plot->chart->size;
    pt_label_t  *label;

    width = pt_draw_measure(plot->drawing, text, 0, size);
    width = width > max ? max : width;

    left = x - width / 2;
    left = left + width > plot->chart->width ? plot->chart->width - width
           : left;
    left = left < 0 ? 0 : left;

    if (taken != INT32_MIN && left < taken + size / 2) {
        return taken;
    }

    label = pt_draw_text(plot->drawing, text, 0, size, left,
                         plot->y + plot->height + size * 3 / 2, PT_ALIGN_LEFT,
                         max, PT_INK_LIGHT);

    return label == NULL ? taken : label->x + label->width;
}


/* where a value stands: from the bottom up, or from the left */
static int32_t
pt_chart_at(const pt_plot_t *plot, double value)
{
    double  share = (value - plot->values.min)
                    / (plot->values.max - plot->values.min);

    return plot->flat
           ? plot->x + (int32_t) lround(share * plot->width)
           : plot->y + plot->height - (int32_t) lround(share * plot->height);
}


static int32_t
pt_chart_across(const pt_plot_t *plot, double x)
{
    double  min = plot->ticks.min, max = plot->ticks.max, share;

    share = plot->chart->axis == PT_CHART_CATEGORIES
            && plot->chart->kind != PT_CHART_SPARKLINE
            ? (x + 0.5) / (double) plot->chart->n_categories
            : max > min ? (x - min) / (max - min) : 0.5;

    return plot->x + (int32_t) lround(share * plot->width);
}


static void
pt_chart_marks(pt_plot_t *plot)
{
    size_t  s;

    switch (plot->chart->kind) {

    case PT_CHART_BAR:
    case PT_CHART_STACKED:
        pt_chart_bars(plot);
        return;

    case PT_CHART_AREA:
        pt_chart_areas(plot);
        return;

    default:
        break;
    }

    for (s = 0; s < plot->chart->n_series; s++) {
        if (plot->chart->kind == PT_CHART_SCATTER) {
            pt_chart_scatter(plot, s);

        } else {
            pt_chart_line(plot, s);
        }
    }
}


static void
pt_chart_bars(pt_plot_t *plot)
{
    size_t              s, i;
    double              up, down, y, share;
    const pt_chart_t   *chart = plot->chart;

    share = 0.8 / (double) chart->n_series;

    for (i = 0; i < chart->n_categories; i++) {
        up = down = 0;

        for (s = 0; s < chart->n_series; s++) {
            y = pt_chart_value(&chart->series[s], i);

            if (chart->kind == PT_CHART_BAR) {
                pt_chart_bar(plot, i, 0.1 + (double) s * share, share, 0, y,
                             pt_chart_color(s));

            } else if (y > 0) {
                pt_chart_bar(plot, i, 0.15, 0.7, up, up + y,
                             pt_chart_color(s));
                up += y;

            } else {
                pt_chart_bar(plot, i, 0.15, 0.7, down, down + y,
                             pt_chart_color(s));
                down += y;
            }
        }
    }
}


/* offset and share: of the category's slot */
static void
pt_chart_bar(pt_plot_t *plot, size_t slot, double offset, double share,
    double from, double to, pt_color_t color)
{
    double   n = (double) plot->chart->n_categories;
    int32_t  a = pt_chart_at(plot, from), b = pt_chart_at(plot, to);
    int32_t  low = a < b ? a : b, length = a < b ? b - a : a - b;
    double   side = plot->flat ? plot->height : plot->width;
    double   most = PT_CHART_BAR_MAX / (side / n * share);
    double   squeeze = most < 1 ? most : 1;
    double   at = (double) slot + 0.5 + (offset - 0.5) * squeeze;
    int32_t  begin = (int32_t) lround(at / n * side);
    int32_t  end = (int32_t) lround((at + share * squeeze) / n * side);

    if (length == 0) {
        return;
    }

    if (plot->flat) {
        pt_draw_rect(plot->drawing, low, plot->y + begin, length,
                     end - begin, color);

    } else {
        pt_draw_rect(plot->drawing, plot->x + begin, low, end - begin, length,
                     color);
    }
}


/* a polyline for each run of values without a gap; a dot for a single one */
static void
pt_chart_line(pt_plot_t *plot, size_t s)
{
    size_t              i, n;
    pt_point_t         *points;
    const pt_series_t  *series = &plot->chart->series[s];

    points = pt_room_array(plot->drawing->room, series->n + 1,
                           sizeof(pt_point_t));
    if (points == NULL) {
        plot->drawing->err = PT_E_NOMEM;
        return;
    }

    for (i = 0, n = 0; i <= series->n; i++) {
        if (i < series->n && !isnan(series->y[i])) {
            points[n].x = pt_chart_across(plot,
                                          pt_chart_x(plot->chart, series, i));
            points[n++].y = pt_chart_at(plot, series->y[i]);
            continue;
        }

        if (n == 1) {
            pt_draw_disc(plot->drawing, points[0].x, points[0].y, PT_DOT,
                         pt_chart_color(s));

        } else if (n > 1) {
            pt_chart_stroke(plot, s, points, pt_chart_thin(points, n));
        }

        n = 0;
    }
}


static void
pt_chart_stroke(pt_plot_t *plot, size_t s, const pt_point_t *points, size_t n)
{
    pt_shape_t  *shape;

    static const int32_t  dashes[] = { 0, 4, 2, 7 };

    shape = pt_draw(plot->drawing, PT_SHAPE_LINE, points, n,
                    pt_chart_color(s));

    if (shape != NULL) {
        shape->thickness = PT_DATA_LINE;
        shape->dash = dashes[s % 4] * PT_POINT;
    }
}


/*
 * Of the points in one column as narrow as the eye can tell, the first, the
 * lowest, the highest and the last are kept, in their order.
 */
static size_t
pt_chart_thin(pt_point_t *points, size_t n)
{
    size_t  i, k, first, low, high, out = 0;

    for (i = 0; i < n; i = k) {
        first = low = high = i;

        for (k = i; k < n
                    && points[k].x / PT_CHART_CELL
                       == points[first].x / PT_CHART_CELL; k++)
        {
            low = points[k].y < points[low].y ? k : low;
            high = points[k].y > points[high].y ? k : high;
        }

        for ( /* void */ ; i < k; i++) {
            if (i == first || i == low || i == high || i == k - 1) {
                points[out++] = points[i];
            }
        }
    }

    return out;
}


/* each on the sum of those before, from the last to the first */
static void
pt_chart_areas(pt_plot_t *plot)
{
    size_t              s, i, n = plot->chart->series[0].n, k;
    double             *sums, *sum;
    pt_point_t         *points;
    const pt_chart_t   *chart = plot->chart;
    pt_room_t          *room = plot->drawing->room;

    for (s = 1; s < chart->n_series; s++) {
        n = chart->series[s].n < n ? chart->series[s].n : n;
    }

    if (n == 0) {
        return;
    }

    sums = pt_room_array(room, n * (chart->n_series + 1), sizeof(double));
    points = pt_room_array(room, n + 2, sizeof(pt_point_t));

    if (sums == NULL || points == NULL) {
        plot->drawing->err = PT_E_NOMEM;
        return;
    }

    for (s = 0; s < chart->n_series; s++) {
        sum = &sums[s * n];

        for (i = 0; i < n; i++) {
            sum[n + i] = sum[i] + pt_chart_value(&chart->series[s], i);
        }
    }

    for (s = chart->n_series; s-- > 0; ) {
        sum = &sums[(s + 1) * n];

        for (i = 0; i < n; i++) {
            points[i].x = pt_chart_across(plot, pt_chart_x(chart,
                                                           chart->series, i));
            points[i].y = pt_chart_at(plot, sum[i]);
        }

        if (n == 1) {
            pt_draw_disc(plot->drawing, points[0].x, points[0].y, PT_DOT,
                         pt_chart_color(s));
            continue;
        }

        k = pt_chart_thin(points, n);
        points[k] = (pt_point_t) { points[k - 1].x, pt_chart_at(plot, 0) };
        points[k + 1] = (pt_point_t) { points[0].x, pt_chart_at(plot, 0) };

        (void) pt_draw(plot->drawing, PT_SHAPE_POLYGON, points, k + 2,
                       pt_chart_color(s));
    }
}


/* points that would cover each other are drawn once */
static void
pt_chart_scatter(pt_plot_t *plot, size_t s)
{
    size_t              i, bit;
    int32_t             x, y, columns, rows;
    uint8_t            *drawn;
    const pt_series_t  *series = &plot->chart->series[s];

    columns = plot->width / PT_CHART_CELL + 1;
    rows = plot->height / PT_CHART_CELL + 1;

    drawn = pt_room_alloc(plot->drawing->room,
                          (size_t) columns * (size_t) rows / 8 + 1);
    if (drawn == NULL) {
        plot->drawing->err = PT_E_NOMEM;
        return;
    }

    for (i = 0; i < series->n; i++) {
        if (isnan(series->y[i])) {
            continue;
        }

        x = pt_chart_across(plot, pt_chart_x(plot->chart, series, i));
        y = pt_chart_at(plot, series->y[i]);

        bit = (size_t) ((y - plot->y) / PT_CHART_CELL) * (size_t) columns
              + (size_t) ((x - plot->x) / PT_CHART_CELL);

        if ((drawn[bit / 8] & 1 << bit % 8) == 0) {
            drawn[bit / 8] |= (uint8_t) (1 << bit % 8);
            pt_draw_disc(plot->drawing, x, y, PT_DOT, pt_chart_color(s));
        }
    }
}


/* the line alone, its last value marked */
static void
pt_chart_sparkline(pt_plot_t *plot)
{
    size_t              i;
    const pt_series_t  *series = plot->chart->series;

    if (plot->empty) {
        return;
    }

    plot->x = plot->y = PT_DOT;
    plot->width -= 2 * PT_DOT;
    plot->height -= 2 * PT_DOT;

    plot->ticks.min = plot->x_min;
    plot->ticks.max = plot->x_max;
    plot->values.min = plot->min;
    plot->values.max = plot->max;

    /* a level line runs through the middle */
    if (plot->max <= plot->min) {
        plot->values.min -= 1 + fabs(plot->min) / 2;
        plot->values.max += 1 + fabs(plot->max) / 2;
    }

    pt_chart_line(plot, 0);

    for (i = series->n; i-- > 0; ) {
        if (!isnan(series->y[i])) {
            pt_draw_disc(plot->drawing,
                         pt_chart_across(plot, pt_chart_x(plot->chart,
                                                          series, i)),
                         pt_chart_at(plot, series->y[i]), PT_DOT,
                         pt_chart_color(1));
            return;
        }
    }
}


static void
pt_chart_nothing(pt_plot_t *plot)
{
    const pt_chart_t  *chart = plot->chart;

    (void) pt_draw_text(plot->drawing,
                        chart->nothing.data != NULL ? chart->nothing
                        : PT_STR("no data"), PT_STYLE_ITALIC, chart->size,
                        chart->width / 2, plot->y + plot->height / 2,
                        PT_ALIGN_CENTER, chart->width, PT_INK_LIGHT);
}
