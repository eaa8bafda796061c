/* Axes: ticks that people count in, at the right places, with the right texts. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pt_axis.h"


#define DAY  86400.0


static void texts(const pt_ticks_t *ticks, const pt_units_t *units,
    char *out, size_t size);
static double between(double min, double max);


static void
test_numbers_get_nice_steps(void **state)
{
    size_t      i;
    char        out[512];
    pt_ticks_t  ticks;

    static const struct {
        double       min, max;
        unsigned     n;
        const char  *texts;
    } cases[] = {
        { 0, 10, 6, "0 2 4 6 8 10" },
        { 0, 97, 6, "0 20 40 60 80 100" },
        { 0, 0.3, 4, "0.0 0.1 0.2 0.3" },
        { -3, 7, 7, "-4 -2 0 2 4 6 8" },
        { 1234, 1290, 5, "1,220 1,240 1,260 1,280 1,300" },
        { -1, 1, 3, "-1 0 1" },
        { 0, 0, 3, "-1 0 1" },
        { 5, 5, 4, "2 4 6 8" },
        { 0, 4000000, 5, "0 1,000,000 2,000,000 3,000,000 4,000,000" },
    };

    static const pt_units_t  plain = { 0 };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pt_ticks_numbers(cases[i].min, cases[i].max, cases[i].n, &ticks);
        texts(&ticks, &plain, out, sizeof(out));
        assert_string_equal(out, cases[i].texts);
    }
}


static void
test_ticks_hold_any_range(void **state)
{
    int         i;
    double      a, b, scale;
    unsigned    n, k;
    pt_ticks_t  ticks;

    (void) state;

    srand(1);

    for (i = 0; i < 100000; i++) {
        scale = pow(10, between(-300, 300));
        a = between(-1, 1) * scale;
        b = i % 7 == 0 ? a : between(-1, 1) * scale;
        n = 3 + (unsigned) rand() % (PT_TICKS_MAX - 2);

        pt_ticks_numbers(fmin(a, b), fmax(a, b), n, &ticks);

        assert_in_range(ticks.n, 2, n);
        assert_true(ticks.min <= fmin(a, b) && ticks.max >= fmax(a, b));
        assert_true(ticks.at[0] <= fmin(a, b) + ticks.step / 1e6);

        for (k = 1; k < ticks.n; k++) {
            assert_true(fabs(ticks.at[k] - ticks.at[k - 1] - ticks.step)
                        < ticks.step / 1e5);
        }
    }
}


static void
test_times_stand_at_the_calendars_places(void **state)
{
    size_t      i;
    char        out[1024];
    pt_ticks_t  ticks;

    static const struct {
        double       from, days;
        unsigned     n;
        const char  *texts;
    } cases[] = {
        { 0, 1, 5, "1970-01-01 06:00 12:00 18:00 1970-01-02" },
        { 0, 31, 6, "1970-01-05 1970-01-12 1970-01-19 1970-01-26" },

        /* 2024-01-15, over a leap day */
        { 1705276800, 91, 5, "2024-02 2024-03 2024-04" },
        { 1705276800, 6, 8, "2024-01-15 2024-01-16 2024-01-17 2024-01-18"
                            " 2024-01-19 2024-01-20 2024-01-21" },

        /* 1999-12-01, five years; three months apart is too near */
        { 944006400, 1827, 12, "2000-01 2000-07 2001-01 2001-07 2002-01"
                               " 2002-07 2003-01 2003-07 2004-01 2004-07" },
        { 944006400, 36525, 12, "2000 2010 2020 2030 2040 2050 2060 2070 2080"
                                " 2090" },
    };

    static const pt_units_t  plain = { 0 };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pt_ticks_times(cases[i].from, cases[i].from + cases[i].days * DAY,
                       cases[i].n, &ticks);
        texts(&ticks, &plain, out, sizeof(out));
        assert_string_equal(out, cases[i].texts);
    }
}


static void
test_any_times_give_few_ticks_in_order(void **state)
{
    int         i;
    double      a, b;
    unsigned    n, k;
    pt_ticks_t  ticks;

    (void) state;

    srand(2);

    for (i = 0; i < 20000; i++) {
        a = between(-7e10, 3e11);
        b = a + pow(10, between(0, 12));
        n = 3 + (unsigned) rand() % 20;

        pt_ticks_times(a, b, n, &ticks);
        assert_true(ticks.n <= n);

        for (k = 0; k < ticks.n; k++) {
            assert_true(ticks.at[k] >= ticks.min && ticks.at[k] <= ticks.max);
            assert_true(k == 0 || ticks.at[k] > ticks.at[k - 1]);
        }
    }
}


static void
test_numbers_are_written_as_their_units_say(void **state)
{
    size_t      i;
    char        out[256];
    pt_buf_t    buf;
    pt_ticks_t  ticks;

    static const struct {
        pt_units_t   units;
        double       v;
        int          decimals;
        const char  *text;
    } cases[] = {
        { { 0 }, 1234567.891, 2, "1,234,567.89" },
        { { .prefix = "$" }, -1234, 0, "-$1,234" },
        { { .suffix = " \xe2\x82\xac", .decimal = ",", .group = "." }, 1234.5,
          2, "1.234,50 \xe2\x82\xac" },
        { { .suffix = " %" }, 0.04, 1, "0.0 %" },
        { { 0 }, -0.04, 1, "0.0" },
        { { 0 }, 999, 0, "999" },
        { { 0 }, 1e300, 0, "1e+300" },
    };

    static const pt_units_t  compact = { .prefix = "$", .compact = true };

    (void) state;

    pt_buf_init(&buf, &pt_mem_heap, 256);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pt_buf_reset(&buf);
        pt_units_text(&cases[i].units, cases[i].v, cases[i].decimals, &buf);
        assert_int_equal(buf.len, strlen(cases[i].text));
        assert_memory_equal(buf.data, cases[i].text, buf.len);
    }

    pt_buf_done(&buf);

    pt_ticks_numbers(0, 2500000, 6, &ticks);
    texts(&ticks, &compact, out, sizeof(out));
    assert_string_equal(out, "$0.0 $0.5M $1.0M $1.5M $2.0M $2.5M");

    pt_ticks_numbers(-20000, 40000, 5, &ticks);
    texts(&ticks, &compact, out, sizeof(out));
    assert_string_equal(out, "-$20k $0 $20k $40k");
}


static void
texts(const pt_ticks_t *ticks, const pt_units_t *units, char *out,
    size_t size)
{
    unsigned  i;
    pt_buf_t  buf;

    pt_buf_init(&buf, &pt_mem_heap, size - 1);

    for (i = 0; i < ticks->n; i++) {
        if (i > 0) {
            pt_buf_add_char(&buf, ' ');
        }

        pt_tick_text(ticks, i, units, &buf);
    }

    assert_int_equal(buf.err, PT_OK);
    memcpy(out, buf.data == NULL ? "" : buf.data, buf.len);
    out[buf.len] = '\0';
    pt_buf_done(&buf);
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
        cmocka_unit_test(test_numbers_get_nice_steps),
        cmocka_unit_test(test_ticks_hold_any_range),
        cmocka_unit_test(test_times_stand_at_the_calendars_places),
        cmocka_unit_test(test_any_times_give_few_ticks_in_order),
        cmocka_unit_test(test_numbers_are_written_as_their_units_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
