/* The arguments of a URI. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ngx_http_pitchey_args.h"


static void
test_the_first_of_a_name_counts_decoded(void **state)
{
    char      buf[64];
    size_t    i;
    pt_str_t  value;

    static const struct {
        const char  *args;
        const char  *value;       /* NULL: there is none */
    } cases[] = {
        { "", NULL },
        { "b=1", NULL },
        { "aa=1&A=2", NULL },
        { "a", "" },
        { "a=", "" },
        { "&&a=1&a=2", "1" },
        { "b=a=1&a=x=y", "x=y" },
        { "a=%41%6a+%2B%00", "Aj +\0" },
        { "a=%4", "%4" },
        { "a=%", "%" },
        { "a=%zz%4g", "%zz%4g" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ngx_http_pitchey_args_get(pt_str(cases[i].args), "a",
                                                   buf, &value),
                         cases[i].value != NULL);

        if (cases[i].value) {
            assert_memory_equal(value.data, cases[i].value,
                                strlen(cases[i].value));
        }
    }
}


static void
test_unknown_and_repeated_names_are_told(void **state)
{
    static const char *const  names[] = { "limit", "cursor", NULL };

    (void) state;

    assert_true(ngx_http_pitchey_args_are(PT_STR(""), names));
    assert_true(ngx_http_pitchey_args_are(PT_STR("&limit=1&cursor&"), names));
    assert_false(ngx_http_pitchey_args_are(PT_STR("limit=1&limit=1"), names));
    assert_false(ngx_http_pitchey_args_are(PT_STR("Limit=1"), names));
    assert_false(ngx_http_pitchey_args_are(PT_STR("=1"), names));
    assert_false(ngx_http_pitchey_args_are(PT_STR("limit%3d=1"), names));
}


static void
test_a_number_is_digits_within_its_bounds(void **state)
{
    unsigned  n = 7;

    (void) state;

    assert_true(ngx_http_pitchey_args_number(PT_STR("100"), 100, &n));
    assert_int_equal(n, 100);
    assert_true(ngx_http_pitchey_args_number(PT_STR("01"), 100, &n));
    assert_int_equal(n, 1);

    assert_false(ngx_http_pitchey_args_number(PT_STR(""), 100, &n));
    assert_false(ngx_http_pitchey_args_number(PT_STR("0"), 100, &n));
    assert_false(ngx_http_pitchey_args_number(PT_STR("101"), 100, &n));
    assert_false(ngx_http_pitchey_args_number(PT_STR("-1"), 100, &n));
    assert_false(ngx_http_pitchey_args_number(PT_STR("1 "), 100, &n));
    assert_false(ngx_http_pitchey_args_number(
                             PT_STR("18446744073709551617"), 100, &n));
    assert_int_equal(n, 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_the_first_of_a_name_counts_decoded),
        cmocka_unit_test(test_unknown_and_repeated_names_are_told),
        cmocka_unit_test(test_a_number_is_digits_within_its_bounds)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
