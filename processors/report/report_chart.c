/* A chart section and its dataset become a chart. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report_view.h"


/* in what a section's "y" or "split" becomes series */
typedef struct {
    report_view_t         *view;
    const pt_json_t       *section;
    const report_table_t  *table;
    size_t                 x;            /* columns */
    size_t                 split;        /* or n_columns: none */

    pt_str_t               title;
    double                 scale;        /* of y: 100 for per cent */
    pt_chart_t             chart;
    pt_str_t              *categories;
    pt_series_t           *series;
    size_t                *position;     /* first row of each x */
    size_t                 points;       /* different values of x */
} report_charting_t;


static pt_err_t report_chart_columns(report_charting_t *c);
static pt_err_t report_chart_column(report_charting_t *c, pt_str_t name,
    size_t *ret_column);
static void report_chart_kind(report_charting_t *c);
static pt_err_t report_chart_points(report_charting_t *c);
static pt_err_t report_chart_categories(report_charting_t *c);
static pt_err_t report_chart_series(report_charting_t *c);
static pt_err_t report_chart_split(report_charting_t *c);
static size_t report_chart_split_find(report_charting_t *c, size_t n,
    pt_str_t name);
static double *report_chart_values(report_charting_t *c, size_t n);
static pt_err_t report_chart_x(report_charting_t *c, double *x);
static double report_chart_number(pt_str_t cell);
static double report_chart_time(pt_str_t cell);
static void report_chart_units(report_charting_t *c,
    const report_column_t *column);


pt_err_t
report_view_chart(report_view_t *view, const pt_json_t *section,
    int32_t width, int32_t height, pt_drawing_t **ret_drawing)
{
    pt_err_t           err;
    report_charting_t  c = { .view = view, .section = section };

    c.table = report_table(view->r, pt_json_string(section, "dataset",
                                                   PT_STR("")));

    c.title = report_view_clean(view, pt_json_string(section, "title",
                                                     PT_STR("")));

    /* the title stands above it, as the section's heading */
    c.chart = (pt_chart_t) {
        .alt = report_view_clean(view, pt_json_string(section, "alt",
                                                      c.title)),
        .typeface = view->typeface, .size = 8 * PT_POINT,
        .width = width, .height = height
    };

    report_chart_kind(&c);

    if ((err = report_chart_columns(&c)) != PT_OK
        || (err = report_chart_points(&c)) != PT_OK
        || (err = report_chart_categories(&c)) != PT_OK)
    {
        return err;
    }

    err = c.split < c.table->n_columns ? report_chart_split(&c)
          : report_chart_series(&c);

    if (err == PT_OK) {
        c.chart.series = c.series;
        err = pt_chart_draw(&c.chart, view->room, ret_drawing);
    }

    return err == PT_E_PARAMETERS && view->r->error[0] == '\0'
           ? report_fail(view->r, err, "chart \"%.*s\" cannot be drawn: too"
                         " many series or categories, or a value that is not"
                         " finite", PT_STR_ARG(c.title))
           : err;
}


static void
report_chart_kind(report_charting_t *c)
{
    pt_str_t  kind = pt_json_string(c->section, "kind", PT_STR("line"));

    c->chart.kind = pt_str_is(kind, "area") ? PT_CHART_AREA
                    : pt_str_is(kind, "bar") ? PT_CHART_BAR
                    : pt_str_is(kind, "stacked") ? PT_CHART_STACKED
                    : pt_str_is(kind, "scatter") ? PT_CHART_SCATTER
                    : pt_str_is(kind, "sparkline") ? PT_CHART_SPARKLINE
                    : PT_CHART_LINE;
}


static pt_err_t
report_chart_columns(report_charting_t *c)
{
    pt_err_t                err;
    pt_str_t                split;
    const report_column_t  *column;

    err = report_chart_column(c, pt_json_string(c->section, "x", PT_STR("")),
                              &c->x);
    if (err != PT_OK) {
        return err;
    }

    column = &c->table->columns[c->x];

    if (c->chart.kind != PT_CHART_BAR && c->chart.kind != PT_CHART_STACKED) {
        c->chart.axis = column->format >= REPORT_DATE ? PT_CHART_TIMES
                        : column->numeric ? PT_CHART_NUMBERS
                        : PT_CHART_CATEGORIES;
    }

    split = pt_json_string(c->section, "split", PT_STR_NULL);
    c->split = c->table->n_columns;

    return split.data == NULL ? PT_OK
           : report_chart_column(c, split, &c->split);
}


static pt_err_t
report_chart_column(report_charting_t *c, pt_str_t name, size_t *ret_column)
{
    *ret_column = report_column(c->table, name);

    if (*ret_column < c->table->n_columns) {
        return PT_OK;
    }

    return report_fail(c->view->r, PT_E_PARAMETERS, "chart \"%.*s\": dataset"
                       " \"%.*s\" has no column \"%.*s\"",
                       PT_STR_ARG(c->title),
                       PT_STR_ARG(c->table->dataset->name), PT_STR_ARG(name));
}


/* the values of x in the rows' order; where it is split, each once */
static pt_err_t
report_chart_points(report_charting_t *c)
{
    size_t                 k, n = 0;
    uint64_t               i;
    const report_table_t  *table = c->table;

    c->position = pt_room_array(c->view->room, table->n_rows + 1,
                                sizeof(size_t));
    if (c->position == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < table->n_rows; i++) {

        /* rows of a split come by x, or by the split: then all are searched */
        if (c->split == table->n_columns) {
            k = n;

        } else {
            for (k = n; k > 0 && !pt_str_eq(report_cell(table,
                                                c->position[k - 1], c->x),
                                            report_cell(table, i, c->x)); k--)
            {
                /* position holds the first row of point k - 1 here */
            }

            k = k > 0 ? k - 1 : n;
        }

        if (k == n) {
            c->position[n++] = i;
        }
    }

    c->points = n;

    return PT_OK;
}


/* their texts, where the axis has texts */
static pt_err_t
report_chart_categories(report_charting_t *c)
{
    size_t                 k;
    pt_str_t               text;
    const report_table_t  *table = c->table;

    if (c->chart.axis != PT_CHART_CATEGORIES
        || c->chart.kind == PT_CHART_SPARKLINE)
    {
        return PT_OK;
    }

    c->categories = pt_room_array(c->view->room, c->points + 1,
                                  sizeof(pt_str_t));
    if (c->categories == NULL) {
        return PT_E_NOMEM;
    }

    for (k = 0; k < c->points; k++) {
        text = report_view_cell(c->view, &table->columns[c->x],
                                report_cell(table, c->position[k], c->x));
        if (text.data == NULL) {
            return PT_E_NOMEM;
        }

        c->categories[k] = text;
    }

    c->chart.categories = c->categories;
    c->chart.n_categories = c->points;

    return PT_OK;
}


/* a series for each column of "y" */
static pt_err_t
report_chart_series(report_charting_t *c)
{
    size_t            column, n = 0;
    double           *x, *y;
    uint64_t          i;
    pt_err_t          err;
    const pt_json_t  *name = pt_json_member(c->section, "y");

    c->series = pt_room_array(c->view->room, name->n, sizeof(pt_series_t));
    x = report_chart_values(c, c->table->n_rows);

    if (c->series == NULL || x == NULL) {
        return PT_E_NOMEM;
    }

    err = report_chart_x(c, x);

    for (name = name->first; name != NULL && err == PT_OK; name = name->next) {
        err = report_chart_column(c, name->text, &column);
        y = report_chart_values(c, c->table->n_rows);

        if (err != PT_OK || y == NULL) {
            return err != PT_OK ? err : PT_E_NOMEM;
        }

        if (n == 0) {
            report_chart_units(c, &c->table->columns[column]);
        }

        for (i = 0; i < c->table->n_rows; i++) {
            y[i] = report_chart_number(report_cell(c->table, i, column))
                   * c->scale;
        }

        c->series[n++] = (pt_series_t) {
            .name = report_view_clean(c->view,
                                      c->table->columns[column].title),
            .x = x, .y = y, .n = c->table->n_rows
        };
    }

    c->chart.n_series = n;

    return err;
}


/* a series for each value of the split's column */
static pt_err_t
report_chart_split(report_charting_t *c)
{
    size_t    k, s, n = 0, column, points = c->points;
    double   *x, *y;
    uint64_t  i;
    pt_err_t  err;
    pt_str_t  name;

    err = report_chart_column(c, pt_json_member(c->section, "y")->first->text,
                              &column);
    if (err != PT_OK) {
        return err;
    }

    report_chart_units(c, &c->table->columns[column]);

    c->series = pt_room_array(c->view->room, PT_CHART_SERIES_MAX + 1,
                              sizeof(pt_series_t));
    x = report_chart_values(c, points);

    if (c->series == NULL || x == NULL) {
        return PT_E_NOMEM;
    }

    for (k = 0; k < points; k++) {
        name = report_cell(c->table, c->position[k], c->x);
        x[k] = c->chart.axis == PT_CHART_TIMES ? report_chart_time(name)
               : c->chart.axis == PT_CHART_NUMBERS ? report_chart_number(name)
               : (double) k;
    }

    for (i = 0, k = 0; i < c->table->n_rows; i++) {

        /* rows ordered by x stand at the same category, or the next one */
        for ( /* void */ ; !pt_str_eq(report_cell(c->table, c->position[k],
                                                  c->x),
                                      report_cell(c->table, i, c->x)); )
        {
            k = k + 1 < points ? k + 1 : 0;
        }

        name = report_cell(c->table, i, c->split);
        s = report_chart_split_find(c, n, report_view_clean(c->view, name));

        if (s == n) {
            y = n < PT_CHART_SERIES_MAX ? report_chart_values(c, points)
                : NULL;
            if (y == NULL) {
                return n < PT_CHART_SERIES_MAX ? PT_E_NOMEM : PT_E_PARAMETERS;
            }

            c->series[n++] = (pt_series_t) {
                report_view_clean(c->view, name), x, y, points
            };
        }

        ((double *) c->series[s].y)[k] =
            report_chart_number(report_cell(c->table, i, column)) * c->scale;
    }

    c->chart.n_series = n;

    return PT_OK;
}


static size_t
report_chart_split_find(report_charting_t *c, size_t n, pt_str_t name)
{
    size_t  s;

    for (s = 0; s < n && !pt_str_eq(c->series[s].name, name); s++) {
        /* sixteen at most */
    }

    return s;
}


/* n values, none of them known */
static double *
report_chart_values(report_charting_t *c, size_t n)
{
    size_t   i;
    double  *values;

    values = pt_room_array(c->view->room, n + 1, sizeof(double));

    for (i = 0; values != NULL && i < n; i++) {
        values[i] = NAN;
    }

    return values;
}


static pt_err_t
report_chart_x(report_charting_t *c, double *x)
{
    uint64_t  i;
    pt_str_t  cell;

    for (i = 0; i < c->table->n_rows; i++) {
        cell = report_cell(c->table, i, c->x);

        x[i] = c->chart.axis == PT_CHART_TIMES ? report_chart_time(cell)
               : c->chart.axis == PT_CHART_NUMBERS ? report_chart_number(cell)
               : (double) i;

        if (isnan(x[i])) {
            return report_fail(c->view->r, PT_E_PARAMETERS, "chart \"%.*s\":"
                               " row %llu has no \"%.*s\"",
                               PT_STR_ARG(c->title),
                               (unsigned long long) i + 1,
                               PT_STR_ARG(c->table->columns[c->x].name));
        }
    }

    return PT_OK;
}


static double
report_chart_number(pt_str_t cell)
{
    report_decimal_t  value;

    return cell.data != NULL && report_decimal_read(cell, &value) == PT_OK
           ? report_decimal_double(value) : NAN;
}


/* seconds since 1970, of the local time that is written */
static double
report_chart_time(pt_str_t cell)
{
    int     hour = 0, minute = 0;
    double  days, second = 0;

    if (cell.data == NULL || report_days(cell, &days) != PT_OK) {
        return NAN;
    }

    if (cell.len >= 19) {
        (void) sscanf(cell.data + 10, " %2d:%2d:%lf", &hour, &minute, &second);
    }

    return days * 86400 + hour * 3600 + minute * 60 + second;
}


static void
report_chart_units(report_charting_t *c, const report_column_t *column)
{
    pt_units_t  *units = &c->chart.y_units;

    units->decimal = c->view->locale->decimal;
    units->group = c->view->locale->group;
    units->compact = true;
    units->whole = column->format == REPORT_INTEGER;

    if (column->format == REPORT_MONEY) {
        units->prefix = pt_room_copy(c->view->room, c->view->currency).data;

    } else if (column->format == REPORT_MULTIPLE) {
        units->suffix = "x";

    } else if (column->format == REPORT_DURATION) {
        units->suffix = " s";

    } else if (column->format == REPORT_PERCENT) {
        units->suffix = " %";
    }

    c->scale = column->format == REPORT_PERCENT ? 100 : 1;

    c->chart.x_units = (pt_units_t) {
        .decimal = units->decimal, .group = units->group, .compact = true
    };
}
