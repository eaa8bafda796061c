/* PostgreSQL's timestamps, from text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ngx_http_pitchey_timestamp.h"


static void
test_what_postgresql_writes_is_read(void **state)
{
    size_t   i;
    int64_t  ms;

    /* milliseconds as extract(epoch from ...) gives them */
    static const struct {
        const char  *text;
        int64_t      ms;
    } cases[] = {
        { "1970-01-01 00:00:00", 0 },
        { "1970-01-01 00:00:00+00", 0 },
        { "1969-12-31 23:59:59.5+00", -500 },
        { "2026-11-23 12:00:00.123456+00", 1795435200123LL },
        { "2026-11-23 12:00:00.1", 1795435200100LL },
        { "2026-11-23T12:00:00.123Z", 1795435200123LL },
        { "2026-11-23t12:00:00.123456789z", 1795435200123LL },
        { "2026-11-23T12:00:00.123+00:00", 1795435200123LL },
        { "2026-11-23 13:30:00+01:30", 1795435200000LL },
        { "2026-11-23 09:30:00-02:30", 1795435200000LL },
        { "1890-01-01 00:19:32+00:19:32", -2524521600000LL },
        { "2000-02-29 00:00:00", 951782400000LL },
        { "2024-12-31 23:59:60", 1735689600000LL },
        { "294276-12-31 23:59:59.999", 9224318015999999LL },
        { "infinity", INT64_MAX },
        { "-infinity", INT64_MIN }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!ngx_http_pitchey_timestamp_parse(pt_str(cases[i].text), &ms)) {
            fail_msg("\"%s\" is not read", cases[i].text);
        }

        if (ms != cases[i].ms) {
            fail_msg("\"%s\" is %lld", cases[i].text, (long long) ms);
        }
    }
}


/* other DateStyles, too: a date in the wrong order is worse than none */
static void
test_anything_else_is_refused(void **state)
{
    size_t   i;
    int64_t  ms;

    static const char *const  cases[] = {
        "", " ", "now", "2026", "2026-11-23", "2026-11-23 12:00",
        "11/23/2026 12:00:00", "23.11.2026 12:00:00",
        "Mon Nov 23 12:00:00 2026 UTC", "0044-03-15 00:00:00 BC",
        "2026-13-01 00:00:00", "2026-00-01 00:00:00", "2026-01-32 00:00:00",
        "2026-01-01 25:00:00", "2026-01-01 00:60:00", "2026-01-01 00:00:61",
        "2026-01-01 00:00:00.", "2026-01-01 00:00:00+",
        "2026-01-01 00:00:00+1", "2026-01-01 00:00:00+01:",
        "2026-01-01 00:00:00 UTC", "2026-01-01 00:00:00+00x", "Infinity"
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ms = 42;

        if (ngx_http_pitchey_timestamp_parse(pt_str(cases[i]), &ms)) {
            fail_msg("\"%s\" is %lld", cases[i], (long long) ms);
        }

        assert_int_equal(ms, 42);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_what_postgresql_writes_is_read),
        cmocka_unit_test(test_anything_else_is_refused)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
