/* Figures: rates of return against known ones, numbers as people write them. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report_figure.h"


static void assert_written(report_format_t format, const char *locale,
    const char *value, const char *written);


static void
test_rates_of_return_are_those_of_spreadsheets(void **state)
{
    size_t  i, n;
    double  rate, days[5];

    /* the first is the example of Excel's own page on XIRR */
    static const struct {
        const char  *dates[5];
        double       amounts[5];
        double       rate;
    } cases[] = {
        { { "2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15",
            "2009-04-01" },
          { -10000, 2750, 4250, 3250, 2750 }, 0.373362535 },
        { { "2021-01-01", "2022-01-01" }, { -100, 110 }, 0.10 },
        { { "2021-01-01", "2023-01-01" }, { -100, 121 }, 0.10 },
        { { "2021-01-01", "2022-01-01" }, { -100, 40 }, -0.60 },
        { { "2022-01-01", "2021-01-01" }, { 110, -100 }, 0.10 },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (n = 0; n < 5 && cases[i].dates[n] != NULL; n++) {
            assert_int_equal(report_days(pt_str(cases[i].dates[n]), &days[n]),
                             PT_OK);
        }

        assert_int_equal(report_irr(days, cases[i].amounts, n, &rate), PT_OK);
        assert_true(fabs(rate - cases[i].rate) < 1e-8);
    }
}


static void
test_flows_of_one_sign_have_no_rate(void **state)
{
    double  rate, days[] = { 0, 365 };

    (void) state;

    assert_int_equal(report_irr(days, (double []) { 100, 110 }, 2, &rate),
                     PT_E_INVALID);
    assert_int_equal(report_irr(days, (double []) { -100, -1 }, 2, &rate),
                     PT_E_INVALID);
    assert_int_equal(report_irr(days, (double []) { -100 }, 1, &rate),
                     PT_E_INVALID);
    assert_int_equal(report_irr(days, (double []) { NAN, 1 }, 2, &rate),
                     PT_E_INVALID);
}


static void
test_days_are_counted_over_leap_years(void **state)
{
    double  days;

    (void) state;

    assert_int_equal(report_days(PT_STR("1970-01-01"), &days), PT_OK);
    assert_true(days == 0);
    assert_int_equal(report_days(PT_STR("2000-03-01"), &days), PT_OK);
    assert_true(days == 11017);
    assert_int_equal(report_days(PT_STR("2026-11-23 12:00:00+00"), &days),
                     PT_OK);
    assert_true(days == 20780);
    assert_int_equal(report_days(PT_STR("1969-12-31"), &days), PT_OK);
    assert_true(days == -1);

    assert_int_equal(report_days(PT_STR("infinity"), &days), PT_E_INVALID);
    assert_int_equal(report_days(PT_STR("2026-13-01"), &days), PT_E_INVALID);
    assert_int_equal(report_days(PT_STR("12026-01-01"), &days), PT_E_INVALID);
}


static void
test_numbers_follow_the_locale(void **state)
{
    (void) state;

    assert_written(REPORT_INTEGER, "en-GB", "1234567", "1,234,567");
    assert_written(REPORT_MONEY, "en-US", "-1234.5", "-$1,234.50");
    assert_written(REPORT_MONEY, "en-US", "1234", "$1,234");
    assert_written(REPORT_MONEY, "de-DE", "1234.5", "$1.234,50");
    assert_written(REPORT_DECIMAL, "fr-FR", "1234.5",
                   "1\xc2\xa0""234,50");
    assert_written(REPORT_PERCENT, "en-GB", "0.12345", "12.3 %");
    assert_written(REPORT_MULTIPLE, "en-GB", "1.256", "1.26x");
    assert_written(REPORT_DURATION, "en-GB", "0.25", "250 ms");
    assert_written(REPORT_DURATION, "en-GB", "75", "1 min 15 s");
    assert_written(REPORT_DURATION, "en-GB", "7320", "2 h 02 min");
}


static void
test_dates_follow_the_locale(void **state)
{
    size_t    i;
    pt_buf_t  buf;

    static const struct {
        report_format_t   format;
        const char       *locale, *cell, *written;
    } cases[] = {
        { REPORT_DATE, "en-GB", "2026-11-03", "03 Nov 2026" },
        { REPORT_DATE, "en-US", "2026-11-03", "11/03/2026" },
        { REPORT_DATE, "de-DE", "2026-11-03", "03.11.2026" },
        { REPORT_DATETIME, "fr-FR", "2026-11-03 08:09:10.5+01",
          "03/11/2026 08:09" },
        { REPORT_MONTH, "en-GB", "2026-11-01", "2026-11" },
        { REPORT_QUARTER, "en-GB", "2026-11-01", "2026 Q4" },
        { REPORT_DATE, "en-GB", "infinity", "infinity" },
    };

    (void) state;

    pt_buf_init(&buf, &pt_mem_heap, 256);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pt_buf_reset(&buf);
        report_write_cell(report_locale(pt_str(cases[i].locale)), PT_STR("$"),
                          &(report_column_t) { .format = cases[i].format },
                          pt_str(cases[i].cell), &buf);
        pt_buf_add_char(&buf, '\0');
        assert_string_equal(buf.data, cases[i].written);
    }

    pt_buf_done(&buf);
}


static void
assert_written(report_format_t format, const char *locale, const char *value,
    const char *written)
{
    pt_buf_t          buf;
    report_decimal_t  number;

    assert_int_equal(report_decimal_read(pt_str(value), &number), PT_OK);

    pt_buf_init(&buf, &pt_mem_heap, 256);
    report_write_figure(report_locale(pt_str(locale)), PT_STR("$"), format,
                        number, &buf);
    pt_buf_add_char(&buf, '\0');
    assert_string_equal(buf.data, written);
    pt_buf_done(&buf);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_rates_of_return_are_those_of_spreadsheets),
        cmocka_unit_test(test_flows_of_one_sign_have_no_rate),
        cmocka_unit_test(test_days_are_counted_over_leap_years),
        cmocka_unit_test(test_numbers_follow_the_locale),
        cmocka_unit_test(test_dates_follow_the_locale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
