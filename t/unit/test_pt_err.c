/* Codes of errors: they are an API's, so a change of one shows here. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pt_err.h"
#include "pt_str.h"


static void
test_every_code_is_found_again(void **state)
{
    int  err;

    (void) state;

    for (err = PT_OK; err < PT_E_COUNT_; err++) {
        assert_non_null(pt_err_code(err));
        assert_int_equal(pt_err_from_code(pt_str(pt_err_code(err))), err);
    }
}


static void
test_a_code_of_another_release_is_internal(void **state)
{
    (void) state;

    assert_int_equal(pt_err_from_code(pt_str("of_tomorrow")), PT_E_INTERNAL);
    assert_string_equal(pt_err_code((pt_err_t) 1000), "internal");
}


static void
test_what_may_pass_may_be_tried_again(void **state)
{
    (void) state;

    assert_string_equal(pt_err_code(PT_E_NOMEM), "out_of_memory");
    assert_true(pt_err_retryable(PT_E_NOMEM));

    /* until its orchestrator is of our release */
    assert_string_equal(pt_err_code(PT_E_UNKNOWN_COMMAND), "unknown_command");
    assert_false(pt_err_retryable(PT_E_UNKNOWN_COMMAND));
    assert_false(pt_err_retryable(PT_E_INPUT_BROKEN));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_every_code_is_found_again),
        cmocka_unit_test(test_a_code_of_another_release_is_internal),
        cmocka_unit_test(test_what_may_pass_may_be_tried_again)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
