/* Cron expressions and the zones that they are read in. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "orch_cron.h"


/* "2026-03-29 01:30" to seconds, as if the clock showed UTC */
static int64_t
clock_at(const char *text)
{
    int  y, mon, d, h, min;

    assert_int_equal(sscanf(text, "%d-%d-%d %d:%d", &y, &mon, &d, &h, &min),
                     5);

    return orch_days_of(y, mon, d) * 86400 + h * 3600 + min * 60;
}


static void
assert_next(const char *expression, const char *zone_name, const char *after,
    const char *want)
{
    char          got[32] = "never";
    time_t        next;
    struct tm     tm;
    const char   *why;
    orch_cron_t   cron;
    orch_zone_t  *zone;

    assert_int_equal(orch_cron_parse(pt_str(expression), &cron, &why), PT_OK);
    assert_int_equal(orch_zone_open(pt_str(zone_name), &zone), PT_OK);

    next = (time_t) orch_cron_next(&cron, zone, clock_at(after));
    orch_zone_free(zone);

    if (next) {
        assert_int_equal(next % 60, 0);
        gmtime_r(&next, &tm);
        strftime(got, sizeof(got), "%Y-%m-%d %H:%M", &tm);
    }

    assert_string_equal(got, want);
}


static void
test_fields_lists_ranges_steps_and_names_are_understood(void **state)
{
    size_t  i;

    static const char *const  cases[][3] = {
        { "* * * * *",              "2026-11-23 12:00", "2026-11-23 12:01" },
        { "0 * * * *",              "2026-11-23 12:00", "2026-11-23 13:00" },
        { "30 9 * * mon-fri",       "2026-11-20 09:30", "2026-11-23 09:30" },
        { "30 9 * * 1-5",           "2026-11-20 09:30", "2026-11-23 09:30" },
        { "*/20 8-10/2 * * *",      "2026-11-23 08:41", "2026-11-23 10:00" },
        { "5/25 1 * * *",           "2026-11-23 01:30", "2026-11-23 01:55" },
        { "0 0 1 jan,JUL *",        "2026-11-23 00:00", "2027-01-01 00:00" },
        { "0 0 29 2 *",             "2026-01-01 00:00", "2028-02-29 00:00" },
        { "0 0 29 2 *",             "2096-03-01 00:00", "2104-02-29 00:00" },
        { "0 0 31 * *",             "2026-11-01 00:00", "2026-12-31 00:00" },
        { "0 0 30 2 *",             "2026-11-01 00:00", "never" },
        { "0 12 * * 7",             "2026-11-23 00:00", "2026-11-29 12:00" },
        { "0 12 * * sun",           "2026-11-23 00:00", "2026-11-29 12:00" },
        /* both days given: one of them is enough */
        { "0 0 13 * fri",           "2026-11-23 00:00", "2026-11-27 00:00" },
        { "0 0 13 * fri",           "2026-12-11 00:00", "2026-12-13 00:00" },
        /* one of them "*", with a step as well: both */
        { "0 0 */2 * mon",          "2026-11-23 00:00", "2026-12-07 00:00" },
        { "@daily",                 "2026-11-23 00:00", "2026-11-24 00:00" },
        { "@weekly",                "2026-11-23 00:00", "2026-11-29 00:00" },
        { "@monthly",               "2026-11-23 00:00", "2026-12-01 00:00" },
        { "@yearly",                "2026-11-23 00:00", "2027-01-01 00:00" },
        { "@hourly",                "2026-11-23 00:00", "2026-11-23 01:00" },
        { "  0\t0  * *   *  ",      "2026-11-23 00:00", "2026-11-24 00:00" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_next(cases[i][0], "UTC", cases[i][1], cases[i][2]);
    }
}


static void
test_what_is_no_expression_is_refused_with_a_reason(void **state)
{
    size_t        i;
    const char   *why;
    orch_cron_t   cron;

    static const char *const  bad[] = {
        "", " ", "*", "* * * *", "* * * * * *", "@", "@never", "@daily x",
        "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *",
        "* * * 13 *", "* * * * 8", "* * * foo *", "* * * * mo", "-1 * * * *",
        "5-1 * * * *", "1- * * * *", "1, * * * *", ",1 * * * *", "*/0 * * * *",
        "*/ * * * *", "*/61 * * * *", "1-2-3 * * * *", "1/2/3 * * * *",
        "** * * * *", "*5 * * * *", "0001 * * * *", "1;2 * * * *",
        "99999999999999999999 * * * *", "* * * * fri-mon"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why = NULL;
        assert_int_equal(orch_cron_parse(pt_str(bad[i]), &cron, &why),
                         PT_E_INVALID);
        assert_non_null(why);
    }
}


/* Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00 */
static void
test_a_skipped_time_comes_at_the_change(void **state)
{
    (void) state;

    assert_next("30 2 * * *", "Europe/Berlin", "2026-03-28 12:00",
                "2026-03-29 01:00");
    assert_next("30 2 * * *", "Europe/Berlin", "2026-03-29 01:00",
                "2026-03-30 00:30");
    /* several of them: once */
    assert_next("0,20,40 2 * * *", "Europe/Berlin", "2026-03-29 01:00",
                "2026-03-30 00:00");
    /* every hour: there is none at 2 */
    assert_next("30 * * * *", "Europe/Berlin", "2026-03-29 00:30",
                "2026-03-29 01:30");
}


static void
test_a_doubled_time_comes_once_unless_it_is_every_hours(void **state)
{
    (void) state;

    assert_next("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00",
                "2026-10-25 00:30");
    assert_next("30 2 * * *", "Europe/Berlin", "2026-10-25 00:30",
                "2026-10-26 01:30");
    assert_next("30 * * * *", "Europe/Berlin", "2026-10-25 00:30",
                "2026-10-25 01:30");
    assert_next("30 * * * *", "Europe/Berlin", "2026-10-25 01:30",
                "2026-10-25 02:30");
    assert_next("*/15 */2 * * *", "Europe/Berlin", "2026-10-25 00:45",
                "2026-10-25 01:00");
}


static void
test_midnight_that_is_skipped_and_half_hours_are_right(void **state)
{
    (void) state;

    /* Havana: 2026-03-08 00:00 becomes 01:00 */
    assert_next("@daily", "America/Havana", "2026-03-07 12:00",
                "2026-03-08 05:00");
    /* Lord Howe: half an hour, 2026-04-05 02:00 becomes 01:30 */
    assert_next("45 1 * * *", "Australia/Lord_Howe", "2026-04-04 12:00",
                "2026-04-04 14:45");
    assert_next("45 1 * * *", "Australia/Lord_Howe", "2026-04-04 14:45",
                "2026-04-05 15:15");
    assert_next("0 9 * * *", "Asia/Kathmandu", "2026-11-23 00:00",
                "2026-11-23 03:15");
    /* after the last change that the file lists: the rule's */
    assert_next("0 9 * * *", "Pacific/Auckland", "2040-12-31 23:00",
                "2041-01-01 20:00");
}


/* libc, which reads the same files in its own way */
static void
test_offsets_are_those_of_libc(void **state)
{
    size_t        i;
    time_t        at;
    struct tm     tm;
    orch_zone_t  *zone;

    static const char *const  names[] = {
        "UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York",
        "America/Sao_Paulo", "America/St_Johns", "Pacific/Auckland",
        "Pacific/Chatham", "Pacific/Apia", "Australia/Lord_Howe",
        "Africa/Casablanca", "Africa/Cairo", "Asia/Jerusalem", "Asia/Gaza",
        "Asia/Tehran", "Asia/Kolkata", "America/Santiago",
        "Antarctica/Troll", "Etc/GMT+12"
    };

    (void) state;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        setenv("TZ", names[i], 1);
        tzset();
        assert_int_equal(orch_zone_open(pt_str(names[i]), &zone), PT_OK);

        /* 1950 to 2060 in steps of some three hours */
        for (at = -631152000; at < 2840140800; at += 11003) {
            localtime_r(&at, &tm);
            assert_int_equal(orch_zone_offset(zone, at), tm.tm_gmtoff);
        }

        orch_zone_free(zone);
    }

    unsetenv("TZ");
}


static void
test_names_that_are_no_zones_are_not_found(void **state)
{
    size_t        i;
    orch_zone_t  *zone;

    static const char *const  bad[] = {
        "", "Europe", "Europe/", "/etc/passwd", "../../../etc/passwd",
        "Europe/../Berlin", "Europe//Berlin", "Mars/Olympus", "zone.tab",
        "tzdata.zi", "leapseconds", "Europe/Berlin/x",
        "Europe/Berlin\n", ("a23456789012345678901234567890123456789012345678"
                            "90123456789012345")
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(orch_zone_open(pt_str(bad[i]), &zone),
                         PT_E_NOT_FOUND);
    }
}


static void
test_every_truncation_of_a_zone_is_refused(void **state)
{
    char          bytes[8192];
    FILE         *f;
    size_t        i, n;
    orch_zone_t  *zone;

    (void) state;

    f = fopen(ORCH_ZONE_FOLDER "/Europe/Berlin", "re");
    assert_non_null(f);
    n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);

    for (i = 0; i < n; i++) {
        assert_int_equal(orch_zone_parse((pt_str_t) { bytes, i }, &zone),
                         PT_E_INVALID);
    }

    assert_int_equal(orch_zone_parse((pt_str_t) { bytes, n }, &zone), PT_OK);
    orch_zone_free(zone);
}


static void
test_days_and_dates_are_each_others_inverse(void **state)
{
    int      month, day;
    int64_t  d, year;

    (void) state;

    for (d = -800000; d < 800000; d += 13) {
        orch_date_of(d, &year, &month, &day);
        assert_in_range(month, 1, 12);
        assert_in_range(day, 1, 31);
        assert_true(orch_days_of(year, month, day) == d);
    }

    assert_true(orch_days_of(2000, 3, 1) == 11017);
    assert_int_equal(orch_weekday_of(orch_days_of(2026, 11, 23)), 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(
            test_fields_lists_ranges_steps_and_names_are_understood),
        cmocka_unit_test(test_what_is_no_expression_is_refused_with_a_reason),
        cmocka_unit_test(test_a_skipped_time_comes_at_the_change),
        cmocka_unit_test(
            test_a_doubled_time_comes_once_unless_it_is_every_hours),
        cmocka_unit_test(
            test_midnight_that_is_skipped_and_half_hours_are_right),
        cmocka_unit_test(test_offsets_are_those_of_libc),
        cmocka_unit_test(test_names_that_are_no_zones_are_not_found),
        cmocka_unit_test(test_every_truncation_of_a_zone_is_refused),
        cmocka_unit_test(test_days_and_dates_are_each_others_inverse)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
