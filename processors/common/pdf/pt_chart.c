/*
 * From series to shapes: the head (title, legend), the plot's place, axes,
 * then the marks.
 */

#include <math.h>

#include "pt_plot.h"


/* so many categories that nothing could tell them apart */
#define PT_CHART_CATEGORIES_MAX  2000


static pt_err_t pt_chart_check(const pt_chart_t *chart);
static void pt_chart_range(pt_plot_t *plot);
static void pt_chart_stack_range(pt_plot_t *plot);
static bool pt_chart_stacks(const pt_chart_t *chart);
static bool pt_chart_has_bars(const pt_chart_t *chart);
static void pt_chart_head(pt_plot_t *plot);
static void pt_chart_legend(pt_plot_t *plot);
static void pt_chart_swatch(pt_plot_t *plot, size_t i, int32_t x, int32_t y);
static bool pt_chart_lies(pt_plot_t *plot, int32_t widest);
static void pt_chart_place(pt_plot_t *plot);
static void pt_chart_place_flat(pt_plot_t *plot, int32_t widest);
static void pt_chart_values_fit(pt_plot_t *plot, int32_t length,
    int32_t spacing);
static int32_t pt_chart_values_width(pt_plot_t *plot);
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
double
pt_chart_value(const pt_series_t *series, size_t i)
{
    return i < series->n && !isnan(series->y[i]) ? series->y[i] : 0;
}


double
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


int32_t
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
    double   low, high;
    int32_t  n = length / spacing;

    n = n < 2 ? 2 : n > 10 ? 10 : n;

    pt_ticks_numbers(plot->min, plot->max, (unsigned) n, &plot->values);

    /* so few that each gets its tick; there are three at the least */
    if (plot->chart->y_units.whole && plot->values.step < 1) {
        low = floor(plot->min);
        high = fmax(ceil(plot->max), low + 2);
        pt_ticks_numbers(low, high, (unsigned) (high - low) + 1,
                         &plot->values);
    }
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
pt_chart_nothing(pt_plot_t *plot)
{
    const pt_chart_t  *chart = plot->chart;

    (void) pt_draw_text(plot->drawing,
                        chart->nothing.data != NULL ? chart->nothing
                        : PT_STR("no data"), PT_STYLE_ITALIC, chart->size,
                        chart->width / 2, plot->y + plot->height / 2,
                        PT_ALIGN_CENTER, chart->width, PT_INK_LIGHT);
}
