/* The headers of tus. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ngx_http_pitchey_tushead.h"


static void
test_a_number_is_digits_up_to_its_maximum(void **state)
{
    size_t   i;
    int64_t  n = 7;

    static const char *const  none[] = {
        "", " 1", "1 ", "+1", "-1", "0x1", "1e3", "1.0",
        "9223372036854775808", "18446744073709551616", "99999999999999999999"
    };

    (void) state;

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_false(ngx_http_pitchey_tus_number_parse(pt_str(none[i]), &n));
        assert_int_equal(n, 7);
    }

    assert_true(ngx_http_pitchey_tus_number_parse(PT_STR("0"), &n));
    assert_int_equal(n, 0);
    assert_true(ngx_http_pitchey_tus_number_parse(
                                       PT_STR("9223372036854775807"), &n));
    assert_true(n == INT64_MAX);
}


static void
test_metadata_is_pairs_of_key_and_base64(void **state)
{
    size_t  i;

    static const char *const  good[] = {
        "", "a", "a ", "a YQ==", "a YWE=", "a YWFh", "a YQ==,b", "a,b,c YQ==",
        "filename d29ybGQ=, is_confidential"
    };

    static const char *const  bad[] = {
        ",", "a,", "a YQ==,", " ", "a YQ", "a Y", "a YQ===", "a ====",
        "a Y=Q=", "a YQ==YQ==", "a Y Q=", "a YQ==,a", "a,b,a", "a-_ Y-_=",
        "\t YQ==", "\xc3\xa4 YQ==", ",a YQ=="
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(ngx_http_pitchey_tus_metadata_is_good(pt_str(good[i])));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(ngx_http_pitchey_tus_metadata_is_good(pt_str(bad[i])));
    }
}


static void
test_a_value_is_found_and_decoded(void **state)
{
    char      buf[128];
    size_t    i;
    pt_str_t  value;

    static const struct {
        const char  *key;
        const char  *value;       /* NULL: none */
    } cases[] = {
        { "a", "world" }, { "b", "a" }, { "c", "aa" }, { "d", "aaa" },
        { "e", NULL }, { "f", NULL }, { "A", NULL }, { "", NULL },
        { "g", "\xff\xfe\xfd\xfb" }
    };

    static const pt_str_t  header =
        { "a d29ybGQ=,b YQ==, c YWE=,d YWFh,e,f ,g //79+w==", 48 };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ngx_http_pitchey_tus_metadata(header, cases[i].key,
                                                       buf, &value),
                         cases[i].value != NULL);

        if (cases[i].value) {
            assert_int_equal(value.len, strlen(cases[i].value));
            assert_memory_equal(value.data, cases[i].value, value.len);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_number_is_digits_up_to_its_maximum),
        cmocka_unit_test(test_metadata_is_pairs_of_key_and_base64),
        cmocka_unit_test(test_a_value_is_found_and_decoded)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
