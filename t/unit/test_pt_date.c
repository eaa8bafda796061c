/* Dates to days and back. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pt_date.h"


static void
test_days_are_those_of_the_calendar(void **state)
{
    (void) state;

    assert_int_equal(pt_date_days(1970, 1, 1), 0);
    assert_int_equal(pt_date_days(1969, 12, 31), -1);
    assert_int_equal(pt_date_days(2000, 2, 29), 11016);
    assert_int_equal(pt_date_days(2026, 11, 23), 20780);
    assert_int_equal(pt_date_days(0, 1, 1), -719528);
    assert_int_equal(pt_date_days(9999, 12, 31), 2932896);

    /* 1900 had no 29 February, 2000 had */
    assert_int_equal(pt_date_days(1900, 3, 1) - pt_date_days(1900, 2, 28), 1);
    assert_int_equal(pt_date_days(2000, 3, 1) - pt_date_days(2000, 2, 28), 2);
}


static void
test_every_day_comes_back(void **state)
{
    int64_t   days, year;
    unsigned  month, day;

    (void) state;

    for (days = -719528; days <= 2932896; days++) {
        pt_date_civil(days, &year, &month, &day);

        if (pt_date_days(year, month, day) != days || month < 1 || month > 12
            || day < 1 || day > 31)
        {
            fail_msg("day %lld", (long long) days);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_days_are_those_of_the_calendar),
        cmocka_unit_test(test_every_day_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
