/* Decimals: exact, rounded as people round, refused beyond their range. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report_decimal.h"


static void
test_what_postgresql_writes_is_read(void **state)
{
    size_t            i;
    pt_buf_t          buf;
    report_decimal_t  value;

    static const struct {
        const char  *text;
        unsigned     places;
        const char  *written;
    } cases[] = {
        { "0", 0, "0" }, { "-0.00", 2, "0.00" }, { "12.5", 2, "12.50" },
        { "-12.345", 2, "-12.35" }, { "-0.004", 2, "0.00" },
        { "0.005", 2, "0.01" }, { "1e+20", 0, "100000000000000000000" },
        { "1.5e-3", 9, "0.001500000" }, { "0.0000000005", 9, "0.000000001" },
        { "0.9999999995", 9, "1.000000000" },
        { "0.00000000049999999", 9, "0.000000000" },
        { "123456789012345678901234567.123456789", 9,
          "123456789012345678901234567.123456789" },
        { "0.33333333333333333333333333333333333333333333333333", 9,
          "0.333333333" },
        { "1e-400", 9, "0.000000000" },
    };

    (void) state;

    pt_buf_init(&buf, &pt_mem_heap, 256);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(report_decimal_read(pt_str(cases[i].text), &value),
                         PT_OK);
        pt_buf_reset(&buf);
        report_decimal_text(value, cases[i].places, &buf);
        pt_buf_add_char(&buf, '\0');
        assert_string_equal(buf.data, cases[i].written);
    }

    pt_buf_done(&buf);
}


static void
test_what_is_no_number_is_refused(void **state)
{
    size_t            i;
    report_decimal_t  value = 7;

    static const char *const  texts[] = {
        "", "-", ".", "NaN", "Infinity", "-Infinity", "1e", "1e+", "12a", "1.2.3",
        "1e30", "99999999999999999999999999999999999999999999", "1e9999999999",
        " 1", "0x10",
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(report_decimal_read(pt_str(texts[i]), &value),
                         PT_E_INVALID);
        assert_true(value == 7);
    }
}


static void
test_a_million_cents_are_ten_thousand(void **state)
{
    int               i;
    report_decimal_t  cent, sum = 0;

    (void) state;

    assert_int_equal(report_decimal_read(PT_STR("0.01"), &cent), PT_OK);

    for (i = 0; i < 1000000; i++) {
        assert_int_equal(report_decimal_add(&sum, cent), PT_OK);
    }

    assert_true(sum == (report_decimal_t) 10000 * REPORT_DECIMAL_ONE);
}


static void
test_a_sum_never_wraps(void **state)
{
    report_decimal_t  most, sum;

    (void) state;

    assert_int_equal(report_decimal_read(PT_STR("9e27"), &most), PT_OK);
    sum = most;
    assert_int_equal(report_decimal_add(&sum, most), PT_E_TOO_LARGE);
    assert_true(sum == most);
    assert_int_equal(report_decimal_add(&sum, -most), PT_OK);
    assert_true(sum == 0);
}


static void
test_doubles_come_and_go(void **state)
{
    report_decimal_t  value;

    (void) state;

    assert_int_equal(report_decimal_from(-1.25, &value), PT_OK);
    assert_true(report_decimal_double(value) == -1.25);
    assert_int_equal(report_decimal_from(NAN, &value), PT_E_INVALID);
    assert_int_equal(report_decimal_from(INFINITY, &value), PT_E_INVALID);
    assert_int_equal(report_decimal_from(-1e28, &value), PT_E_INVALID);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_what_postgresql_writes_is_read),
        cmocka_unit_test(test_what_is_no_number_is_refused),
        cmocka_unit_test(test_a_million_cents_are_ten_thousand),
        cmocka_unit_test(test_a_sum_never_wraps),
        cmocka_unit_test(test_doubles_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
