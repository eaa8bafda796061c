/*
 * Charts: nothing leaves its box, no label touches another, no value is lost.
 * PITCHEY_CHARTS=DIR keeps what the tests draw, as PDF and SVG, to look at.
 */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pt_chart.h"
#include "pt_pdf.h"
#include "pt_svg.h"


#define ROOM_MAX  (64 * 1024 * 1024)
#define N_MAX     10000


static pt_fonts_t          *fonts;
static const pt_family_t   *family;
static pt_typeface_t        typeface;
static pt_room_t            room;

static double       values[4][N_MAX], times[N_MAX];
static pt_series_t  series[4];

static const pt_str_t  months[] = {
    PT_STR("January"), PT_STR("February"), PT_STR("March"), PT_STR("April"),
    PT_STR("May"), PT_STR("June"), PT_STR("July"), PT_STR("August"),
    PT_STR("September"), PT_STR("October"), PT_STR("November"),
    PT_STR("December")
};

static const pt_str_t  genres[] = {
    PT_STR("Documentary about the history of independent cinema in Europe"),
    PT_STR("Action"), PT_STR("Comedy"), PT_STR("Romantic comedy with music"),
    PT_STR("Drama"), PT_STR("Western"), PT_STR("Science fiction"),
    PT_STR("Fantasy"), PT_STR("Crime"), PT_STR("Noir")
};


static pt_chart_t chart_of(pt_chart_kind_t kind, size_t n_series, size_t n);
static pt_drawing_t *draw(const pt_chart_t *chart);
static void check(const pt_drawing_t *drawing, const pt_chart_t *chart);
static bool touch(const pt_label_t *a, const pt_label_t *b);
static bool has_label(const pt_drawing_t *drawing, const char *text);
static size_t count(const pt_drawing_t *drawing, pt_shape_kind_t kind,
    pt_color_t color, size_t *ret_points);
static void keep(const char *name, pt_drawing_t *drawing);
static double between(double min, double max);


static int
setup(void **state)
{
    (void) state;

    if (pt_fonts_new(&fonts) != PT_OK
        || pt_fonts_family(fonts, PT_STR("Gentium Book Plus"), &family) != PT_OK)
    {
        return -1;
    }

    typeface.families[0] = family;
    typeface.n = 1;

    return 0;
}


static int
teardown(void **state)
{
    (void) state;
    pt_fonts_free(fonts);
    return 0;
}


static int
begin(void **state)
{
    (void) state;
    pt_room_init(&room, ROOM_MAX);
    srand(1);
    return 0;
}


static int
end(void **state)
{
    (void) state;
    pt_room_done(&room);
    return 0;
}


static void
test_every_kind_of_chart_stays_in_its_box(void **state)
{
    size_t      i;
    pt_chart_t  chart;

    static const struct {
        const char       *name;
        pt_chart_kind_t   kind;
        size_t            n_series, n;
        pt_chart_axis_t   axis;
    } cases[] = {
        { "line",         PT_CHART_LINE, 3, 12, PT_CHART_CATEGORIES },
        { "line-times",   PT_CHART_LINE, 2, 400, PT_CHART_TIMES },
        { "line-many",    PT_CHART_LINE, 2, N_MAX, PT_CHART_TIMES },
        { "line-one",     PT_CHART_LINE, 1, 1, PT_CHART_CATEGORIES },
        { "area",         PT_CHART_AREA, 3, 12, PT_CHART_CATEGORIES },
        { "area-one",     PT_CHART_AREA, 3, 1, PT_CHART_CATEGORIES },
        { "bar",          PT_CHART_BAR, 1, 12, PT_CHART_CATEGORIES },
        { "bar-groups",   PT_CHART_BAR, 4, 6, PT_CHART_CATEGORIES },
        { "bar-one",      PT_CHART_BAR, 1, 1, PT_CHART_CATEGORIES },
        { "stacked",      PT_CHART_STACKED, 4, 12, PT_CHART_CATEGORIES },
        { "scatter",      PT_CHART_SCATTER, 2, 200, PT_CHART_NUMBERS },
        { "scatter-many", PT_CHART_SCATTER, 1, N_MAX, PT_CHART_NUMBERS },
        { "sparkline",    PT_CHART_SPARKLINE, 1, 30, PT_CHART_CATEGORIES },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        chart = chart_of(cases[i].kind, cases[i].n_series, cases[i].n);
        chart.axis = cases[i].axis;

        if (cases[i].kind == PT_CHART_SPARKLINE) {
            chart.width = 60 * PT_POINT;
            chart.height = 14 * PT_POINT;
        }

        keep(cases[i].name, draw(&chart));
    }
}


static void
test_random_charts_keep_labels_apart(void **state)
{
    int         i;
    size_t      s, k;
    double      scale;
    pt_chart_t  chart;

    (void) state;

    for (i = 0; i < 2000; i++) {
        chart = chart_of((pt_chart_kind_t) (i % 5), 1 + (size_t) rand() % 4,
                         1 + (size_t) rand() % 12);

        if (rand() % 2) {
            chart.categories = genres;
            chart.n_categories = 10;
            chart.n_series = 1;
            series[0].n = series[0].n > 10 ? 10 : series[0].n;
        }

        if (chart.kind == PT_CHART_SCATTER) {
            chart.axis = PT_CHART_NUMBERS;

        } else if (chart.kind == PT_CHART_LINE && rand() % 2) {
            chart.axis = PT_CHART_TIMES;
        }

        scale = pow(10, between(-4, 12));

        for (s = 0; s < chart.n_series; s++) {
            for (k = 0; k < series[s].n; k++) {
                values[s][k] = rand() % 10 == 0 ? NAN
                               : between(-1, 2) * scale;
            }
        }

        chart.y_units.compact = rand() % 2;
        chart.width = (120 + rand() % 400) * PT_POINT;
        chart.height = (120 + rand() % 200) * PT_POINT;

        (void) draw(&chart);

        pt_room_done(&room);
        pt_room_init(&room, ROOM_MAX);
    }
}


static void
test_long_categories_lay_the_bars_down(void **state)
{
    pt_chart_t     chart = chart_of(PT_CHART_BAR, 1, 10);
    pt_drawing_t  *drawing;

    (void) state;

    chart.categories = genres;
    chart.n_categories = 10;
    chart.x_title = PT_STR("Genre");
    drawing = draw(&chart);
    keep("bar-flat", drawing);

    /* all are named, and the long one is cut */
    assert_true(has_label(drawing, "Science fiction"));
    assert_true(has_label(drawing, "Noir"));
    assert_false(has_label(drawing, genres[0].data));
    assert_int_equal(count(drawing, PT_SHAPE_RECT, pt_chart_color(0), NULL),
                     10);
}


static void
test_bars_are_as_long_as_their_values(void **state)
{
    pt_chart_t         chart = chart_of(PT_CHART_STACKED, 2, 3);
    int32_t            zero;
    const pt_shape_t  *shape, *bars[6];
    size_t             n = 0;

    (void) state;

    values[0][0] = 10;  values[1][0] = 20;
    values[0][1] = -10; values[1][1] = 20;
    values[0][2] = 0;   values[1][2] = 40;

    for (shape = draw(&chart)->shapes; shape != NULL; shape = shape->next) {
        if (shape->kind == PT_SHAPE_RECT && shape->thickness == 0
            && shape->points[1].y - shape->points[0].y > 10 * PT_POINT)
        {
            assert_true(n < 6);
            bars[n++] = shape;
        }
    }

    /* zero draws nothing; the second stands on the first, or on zero */
    assert_int_equal(n, 5);

    zero = bars[0]->points[1].y;
    assert_int_equal(bars[1]->points[1].y, bars[0]->points[0].y);
    assert_int_equal(bars[2]->points[0].y, zero);
    assert_int_equal(bars[3]->points[1].y, zero);
    assert_int_equal(bars[4]->points[1].y, zero);

    assert_in_range(bars[4]->points[1].y - bars[4]->points[0].y,
                    (bars[0]->points[1].y - bars[0]->points[0].y) * 4 - 4,
                    (bars[0]->points[1].y - bars[0]->points[0].y) * 4 + 4);
}


static void
test_thinning_keeps_the_extremes(void **state)
{
    size_t             i, points;
    int32_t            top = INT32_MAX, bottom = 0;
    pt_chart_t         chart = chart_of(PT_CHART_LINE, 1, N_MAX);
    pt_drawing_t      *drawing;
    const pt_shape_t  *shape;

    (void) state;

    for (i = 0; i < N_MAX; i++) {
        values[0][i] = sin((double) i / 500);
    }

    values[0][1234] = 9;
    values[0][4321] = -9;
    chart.axis = PT_CHART_TIMES;
    drawing = draw(&chart);

    assert_int_equal(count(drawing, PT_SHAPE_LINE, pt_chart_color(0), &points),
                     1);
    assert_in_range(points, 400, 4 * 2 * 460);

    for (shape = drawing->shapes; shape != NULL; shape = shape->next) {
        for (i = 0; shape->color == pt_chart_color(0) && i < shape->n; i++) {
            top = shape->points[i].y < top ? shape->points[i].y : top;
            bottom = shape->points[i].y > bottom ? shape->points[i].y
                     : bottom;
        }
    }

    /* the axis goes from -10 to 10: both needles reach 95 % of it */
    assert_true(bottom - top > 150 * PT_POINT);
}


static void
test_a_gap_in_the_values_is_a_gap_in_the_line(void **state)
{
    pt_chart_t     chart = chart_of(PT_CHART_LINE, 1, 7);
    pt_drawing_t  *drawing;

    (void) state;

    values[0][2] = NAN;
    values[0][4] = NAN;
    drawing = draw(&chart);
    keep("line-gaps", drawing);

    /* two, one alone, two */
    assert_int_equal(count(drawing, PT_SHAPE_LINE, pt_chart_color(0), NULL),
                     2);
    assert_int_equal(count(drawing, PT_SHAPE_DISC, pt_chart_color(0), NULL),
                     1);
}


static void
test_counts_have_no_halves(void **state)
{
    int         i;
    pt_chart_t  chart = chart_of(PT_CHART_LINE, 1, 3);

    (void) state;

    for (i = 0; i < 3; i++) {
        values[0][i] = i == 1;
    }

    assert_true(has_label(draw(&chart), "0.4"));

    chart.y_units.whole = true;
    assert_false(has_label(draw(&chart), "0.4"));
    assert_true(has_label(draw(&chart), "1"));
    assert_true(has_label(draw(&chart), "2"));

    values[0][2] = -3;
    assert_false(has_label(draw(&chart), "0.4"));
    assert_true(has_label(draw(&chart), "1"));
}


static void
test_no_values_say_so(void **state)
{
    pt_chart_t     chart = chart_of(PT_CHART_LINE, 1, 3);
    pt_drawing_t  *drawing;

    (void) state;

    values[0][0] = values[0][1] = values[0][2] = NAN;
    drawing = draw(&chart);
    keep("nothing", drawing);
    assert_true(has_label(drawing, "no data"));

    chart.n_series = 0;
    chart.nothing = PT_STR("keine Daten");
    assert_true(has_label(draw(&chart), "keine Daten"));
}


static void
test_what_no_axis_holds_is_refused(void **state)
{
    pt_chart_t     chart = chart_of(PT_CHART_LINE, 1, 3);
    pt_drawing_t  *drawing;

    (void) state;

    values[0][1] = INFINITY;
    assert_int_equal(pt_chart_draw(&chart, &room, &drawing), PT_E_PARAMETERS);

    values[0][1] = -1.1e300;
    assert_int_equal(pt_chart_draw(&chart, &room, &drawing), PT_E_PARAMETERS);

    values[0][1] = 1e300;
    assert_int_equal(pt_chart_draw(&chart, &room, &drawing), PT_OK);

    /* no place for a plot between the labels */
    chart.height = 10 * PT_POINT;
    assert_int_equal(pt_chart_draw(&chart, &room, &drawing), PT_E_PARAMETERS);

    chart = chart_of(PT_CHART_BAR, 1, 3);
    chart.axis = PT_CHART_TIMES;
    assert_int_equal(pt_chart_draw(&chart, &room, &drawing), PT_E_PARAMETERS);
}


static void
test_svg_is_markup_whatever_the_names(void **state)
{
    pt_buf_t    buf;
    pt_chart_t  chart = chart_of(PT_CHART_LINE, 2, 3);

    (void) state;

    series[0].name = PT_STR("R&B <\"live\">");
    chart.title = PT_STR("</svg>");

    pt_buf_init(&buf, &pt_mem_heap, 1 << 20);
    pt_svg_write(draw(&chart), "serif", &buf);
    pt_buf_add_char(&buf, '\0');
    assert_int_equal(buf.err, PT_OK);

    assert_non_null(strstr(buf.data, ">R&amp;B &lt;&quot;live&quot;&gt;<"));
    assert_non_null(strstr(buf.data, "<title>&lt;/svg&gt;</title>"));
    assert_ptr_equal(strstr(buf.data, "</svg>"),
                     buf.data + buf.len - 1 - strlen("</svg>\n"));

    pt_buf_done(&buf);
}


/* random walks, some below zero */
static pt_chart_t
chart_of(pt_chart_kind_t kind, size_t n_series, size_t n)
{
    size_t  s, i;

    static const pt_str_t  names[] = {
        PT_STR("Views"), PT_STR("Signed NDAs"), PT_STR("Investments of others"),
        PT_STR("Messages")
    };

    for (s = 0; s < n_series; s++) {
        series[s] = (pt_series_t) { names[s], times, values[s], n };

        for (i = 0; i < n; i++) {
            values[s][i] = (i == 0 ? 40 : values[s][i - 1]) + between(-9, 9);
        }
    }

    for (i = 0; i < n; i++) {
        times[i] = 1.7e9 + (double) i * 86400;
    }

    return (pt_chart_t) {
        .kind = kind, .title = PT_STR("Views of \"The Salt Line\""),
        .y_title = PT_STR("per day"), .categories = months,
        .n_categories = n < 12 ? n : 12, .series = series,
        .n_series = n_series, .typeface = &typeface, .size = 8 * PT_POINT,
        .width = 460 * PT_POINT, .height = 220 * PT_POINT
    };
}


/* draws, and checks what is true of every chart */
static pt_drawing_t *
draw(const pt_chart_t *chart)
{
    pt_drawing_t  *drawing;

    assert_int_equal(pt_chart_draw(chart, &room, &drawing), PT_OK);
    check(drawing, chart);

    return drawing;
}


static void
check(const pt_drawing_t *drawing, const pt_chart_t *chart)
{
    size_t             i;
    int32_t            margin = chart->size / 3;
    const pt_label_t  *label, *other;
    const pt_shape_t  *shape;

    for (shape = drawing->shapes; shape != NULL; shape = shape->next) {
        for (i = 0; i < (shape->kind == PT_SHAPE_DISC ? 1 : shape->n); i++) {
            assert_in_range(shape->points[i].x, 0, chart->width);
            assert_in_range(shape->points[i].y, 0, chart->height);
        }
    }

    for (label = drawing->labels; label != NULL; label = label->next) {
        assert_true(label->x >= -margin);
        assert_true(label->x + label->width <= chart->width + margin);
        assert_in_range(label->baseline, 0, chart->height);

        for (other = label->next; other != NULL; other = other->next) {
            if (touch(label, other)) {
                fail_msg("\"%.*s\" touches \"%.*s\"", PT_STR_ARG(label->text),
                         PT_STR_ARG(other->text));
            }
        }
    }
}


static bool
touch(const pt_label_t *a, const pt_label_t *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width
           && a->baseline - a->size * 2 / 3 < b->baseline
           && b->baseline - b->size * 2 / 3 < a->baseline;
}


static bool
has_label(const pt_drawing_t *drawing, const char *text)
{
    const pt_label_t  *label;

    for (label = drawing->labels; label != NULL; label = label->next) {
        if (pt_str_is(label->text, text)) {
            return true;
        }
    }

    return false;
}


static size_t
count(const pt_drawing_t *drawing, pt_shape_kind_t kind, pt_color_t color,
    size_t *ret_points)
{
    size_t             n = 0;
    const pt_shape_t  *shape;

    for (shape = drawing->shapes; shape != NULL; shape = shape->next) {
        if (shape->kind == kind && shape->color == color) {
            n++;

            if (ret_points != NULL) {
                *ret_points = shape->n;
            }
        }
    }

    return n;
}


/* as a page of its own, and as SVG; in files where somebody wants to look */
static void
keep(const char *name, pt_drawing_t *drawing)
{
    char             path[4096];
    FILE            *f;
    unsigned         i;
    pt_buf_t         out[2];
    pt_flow_t        flow;
    pt_block_t       block = { .drawing = drawing };
    const char      *folder = getenv("PITCHEY_CHARTS");
    const pt_page_t  page = {
        500 * PT_POINT, 260 * PT_POINT,
        20 * PT_POINT, 20 * PT_POINT, 20 * PT_POINT, 20 * PT_POINT
    };

    pt_flow_init(&flow, &room, &page);
    pt_buf_init(&out[0], &pt_mem_heap, 16 << 20);
    pt_buf_init(&out[1], &pt_mem_heap, 16 << 20);

    assert_int_equal(pt_flow_para(&flow, &block), PT_OK);
    assert_int_equal(pt_flow_paginate(&flow), PT_OK);
    assert_int_equal(flow.pages, 1);
    assert_int_equal(pt_pdf_write(&flow, &(pt_pdf_info_t) { 0 }, &out[0]),
                     PT_OK);
    pt_svg_write(drawing, "'Gentium Book Plus', serif", &out[1]);
    assert_int_equal(out[1].err, PT_OK);

    for (i = 0; i < 2; i++) {
        if (folder != NULL) {
            snprintf(path, sizeof(path), "%s/%s.%s", folder, name,
                     i == 0 ? "pdf" : "svg");
            f = fopen(path, "w");
            assert_non_null(f);
            fwrite(out[i].data, 1, out[i].len, f);
            fclose(f);
        }

        pt_buf_done(&out[i]);
    }
}


static double
between(double min, double max)
{
    return min + (max - min) * rand() / RAND_MAX;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
#define TEST(f)  cmocka_unit_test_setup_teardown(f, begin, end)
        TEST(test_every_kind_of_chart_stays_in_its_box),
        TEST(test_random_charts_keep_labels_apart),
        TEST(test_long_categories_lay_the_bars_down),
        TEST(test_bars_are_as_long_as_their_values),
        TEST(test_thinning_keeps_the_extremes),
        TEST(test_a_gap_in_the_values_is_a_gap_in_the_line),
        TEST(test_counts_have_no_halves),
        TEST(test_no_values_say_so),
        TEST(test_what_no_axis_holds_is_refused),
        TEST(test_svg_is_markup_whatever_the_names),
#undef TEST
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
