/* Whether an attempt is followed by another, and when. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "orch_retry.h"


static void
test_failures_are_counted_without_crashes_and_losses(void **state)
{
    size_t    i;
    uint32_t  delay_ms;

    static const struct {
        orch_tries_t  tries;     /* attempt, crashes, lost, max_attempts */
        orch_fault_t  fault;
        bool          again;
    } cases[] = {
        { { 1, 0, 0, 1 }, ORCH_FAULT_FAILED,  false },
        { { 1, 0, 0, 3 }, ORCH_FAULT_FAILED,  true },
        { { 2, 0, 0, 3 }, ORCH_FAULT_FAILED,  true },
        { { 3, 0, 0, 3 }, ORCH_FAULT_FAILED,  false },
        { { 3, 1, 0, 3 }, ORCH_FAULT_FAILED,  true },
        { { 4, 1, 1, 3 }, ORCH_FAULT_FAILED,  true },
        { { 5, 1, 1, 3 }, ORCH_FAULT_FAILED,  false },

        /* a crash does not use up an attempt, but three are enough */
        { { 1, 0, 0, 1 }, ORCH_FAULT_CRASHED, true },
        { { 2, 1, 0, 1 }, ORCH_FAULT_CRASHED, true },
        { { 3, 2, 0, 1 }, ORCH_FAULT_CRASHED, false },
        { { 9, 2, 6, 9 }, ORCH_FAULT_CRASHED, false },

        { { 1, 0, 0, 9 }, ORCH_FAULT_REFUSED, false },
        { { 50, 0, 49, 1 }, ORCH_FAULT_LOST,  true }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(orch_retry(&cases[i].tries, cases[i].fault, 0,
                                    &delay_ms), cases[i].again);
    }
}


/* the largest delay: the random number that is the bound itself */
static uint32_t
longest(uint32_t failures)
{
    uint32_t      delay_ms, max = 0;
    uint64_t      r;
    orch_tries_t  tries = { failures, 0, 0, 1000 };

    for (r = 0; r <= ORCH_BACKOFF_MAX_MS; r++) {
        assert_true(orch_retry(&tries, ORCH_FAULT_FAILED, r, &delay_ms));
        max = delay_ms > max ? delay_ms : max;
    }

    return max;
}


static void
test_delays_double_up_to_a_bound_with_full_jitter(void **state)
{
    uint32_t      delay_ms;
    orch_tries_t  tries = { 4, 0, 0, 1000 };

    (void) state;

    assert_int_equal(longest(1), 1000);
    assert_int_equal(longest(2), 2000);
    assert_int_equal(longest(4), 8000);
    assert_int_equal(longest(9), 256000);
    assert_int_equal(longest(10), ORCH_BACKOFF_MAX_MS);
    assert_int_equal(longest(900), ORCH_BACKOFF_MAX_MS);

    /* from nothing */
    assert_true(orch_retry(&tries, ORCH_FAULT_FAILED, 0, &delay_ms));
    assert_int_equal(delay_ms, 0);
}


static void
test_a_lost_attempt_is_repeated_at_once_but_not_in_a_storm(void **state)
{
    uint32_t      delay_ms = 7;
    orch_tries_t  tries = { 4, 0, 0, 1 };

    (void) state;

    assert_true(orch_retry(&tries, ORCH_FAULT_LOST, 12345, &delay_ms));
    assert_int_equal(delay_ms, 0);

    tries.lost = 1;
    assert_true(orch_retry(&tries, ORCH_FAULT_LOST, 1000, &delay_ms));
    assert_int_equal(delay_ms, 1000);

    tries.lost = 1000;
    assert_true(orch_retry(&tries, ORCH_FAULT_LOST, 5000, &delay_ms));
    assert_int_equal(delay_ms, ORCH_LOST_MAX_MS);
    assert_true(orch_retry(&tries, ORCH_FAULT_LOST, 5001, &delay_ms));
    assert_int_equal(delay_ms, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_failures_are_counted_without_crashes_and_losses),
        cmocka_unit_test(test_delays_double_up_to_a_bound_with_full_jitter),
        cmocka_unit_test(
            test_a_lost_attempt_is_repeated_at_once_but_not_in_a_storm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
