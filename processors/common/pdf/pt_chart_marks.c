/* A chart's marks: bars, lines, areas, points. */

#include <math.h>

#include "pt_plot.h"


/* two points of a line closer than this look like one */
#define PT_CHART_CELL  (PT_POINT / 2)

/* a bar as wide as the page would look like a background */
#define PT_CHART_BAR_MAX  (60 * PT_POINT)


static void pt_chart_bars(pt_plot_t *plot);
static void pt_chart_bar(pt_plot_t *plot, size_t slot, double offset,
    double share, double from, double to, pt_color_t color);
static void pt_chart_line(pt_plot_t *plot, size_t s);
static size_t pt_chart_thin(pt_point_t *points, size_t n);
static void pt_chart_areas(pt_plot_t *plot);
static void pt_chart_scatter(pt_plot_t *plot, size_t s);


void
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


void
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
void
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
