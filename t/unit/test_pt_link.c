/* The token of a signed link. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pt_link.h"


#define LEN  PT_LINK_LEN


static const pt_id_t  job = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
                                15, 16 } };


static void
test_a_token_says_what_was_signed(void **state)
{
    char      token[LEN];
    pt_id_t   id;
    size_t    i;
    uint32_t  expires;

    static const uint32_t  times[] = { 0, 1, 1795348800u, UINT32_MAX };

    (void) state;

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        assert_true(pt_link_make(PT_STR("secret"), &job,
                                                    times[i], token));
        assert_true(pt_link_read(PT_STR("secret"),
                                        (pt_str_t) { token, LEN }, &id,
                                        &expires));
        assert_true(pt_id_eq(&id, &job));
        assert_int_equal(expires, times[i]);

        assert_false(pt_link_read(PT_STR("secreT"),
                                        (pt_str_t) { token, LEN }, &id,
                                        &expires));
    }
}


/* by another implementation: Python's hmac and base64 */
static void
test_a_token_is_the_same_tomorrow(void **state)
{
    char  token[LEN + 1] = { 0 };

    (void) state;

    assert_true(pt_link_make(PT_STR("secret"), &job,
                                                1795348800u, token));
    assert_string_equal(token, "AQECAwQFBgcICQoLDA0ODxBrAtlAenARb-8fodP4hNTXn8zYfQ");
}


static void
test_no_other_spelling_is_a_token(void **state)
{
    int       c;
    char      token[LEN], other[LEN];
    size_t    i;
    pt_id_t   id;
    uint32_t  expires;

    (void) state;

    assert_true(pt_link_make(PT_STR("secret"), &job, 7,
                                                token));

    for (i = 0; i < LEN; i++) {
        for (c = 0; c < 256; c++) {
            memcpy(other, token, LEN);
            other[i] = (char) c;

            assert_int_equal(pt_link_read(PT_STR("secret"),
                                 (pt_str_t) { other, LEN }, &id, &expires),
                             other[i] == token[i]);
        }
    }

    for (i = 0; i < LEN; i++) {
        assert_false(pt_link_read(PT_STR("secret"),
                             (pt_str_t) { token, i }, &id, &expires));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_token_says_what_was_signed),
        cmocka_unit_test(test_a_token_is_the_same_tomorrow),
        cmocka_unit_test(test_no_other_spelling_is_a_token)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
