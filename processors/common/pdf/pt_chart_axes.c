/* A chart's axes: grid, labels, and where a value stands. */

#include <math.h>

#include "pt_plot.h"


static void pt_chart_axis_values(pt_plot_t *plot);
static void pt_chart_axis_values_flat(pt_plot_t *plot);
static void pt_chart_axis_x(pt_plot_t *plot);
static void pt_chart_axis_categories(pt_plot_t *plot);
static void pt_chart_axis_categories_flat(pt_plot_t *plot);
static int32_t pt_chart_x_label(pt_plot_t *plot, pt_str_t text, int32_t x,
    int32_t max, int32_t taken);


void
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
int32_t
pt_chart_at(const pt_plot_t *plot, double value)
{
    double  share = (value - plot->values.min)
                    / (plot->values.max - plot->values.min);

    return plot->flat
           ? plot->x + (int32_t) lround(share * plot->width)
           : plot->y + plot->height - (int32_t) lround(share * plot->height);
}


int32_t
pt_chart_across(const pt_plot_t *plot, double x)
{
    double  min = plot->ticks.min, max = plot->ticks.max, share;

    share = plot->chart->axis == PT_CHART_CATEGORIES
            && plot->chart->kind != PT_CHART_SPARKLINE
            ? (x + 0.5) / (double) plot->chart->n_categories
            : max > min ? (x - min) / (max - min) : 0.5;

    return plot->x + (int32_t) lround(share * plot->width);
}
