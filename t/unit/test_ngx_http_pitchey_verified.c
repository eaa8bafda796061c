/* What was verified is found again, and nothing else is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ngx_http_pitchey_verified.h"


static const unsigned char  mine[NGX_HTTP_PITCHEY_SCOPE_LEN] = "mine";
static const unsigned char  theirs[NGX_HTTP_PITCHEY_SCOPE_LEN] = "theirs";
static const unsigned char  hash[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN] = "hash";


static bool
find(const unsigned char *scope, char kind, const char *value)
{
    bool           found;
    pt_str_t       token;
    unsigned char  ret[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN];

    found = ngx_http_pitchey_verified_find(scope, kind, pt_str(value), &token,
                                           ret);
    if (found) {
        assert_true(pt_str_is(token, "token"));
        assert_memory_equal(ret, hash, sizeof(ret));
    }

    return found;
}


static void
test_a_value_is_found_by_all_of_its_bytes(void **state)
{
    (void) state;

    assert_false(find(mine, 'c', "token.signature"));

    ngx_http_pitchey_verified_add(mine, 'c', PT_STR("token.signature"),
                                  PT_STR("token"), hash);

    assert_true(find(mine, 'c', "token.signature"));

    assert_false(find(mine, 'c', "token.signaturE"));
    assert_false(find(mine, 'c', "Token.signature"));
    assert_false(find(mine, 'c', "token.signatur"));
    assert_false(find(mine, 'c', "token.signature="));
    assert_false(find(mine, 'c', "token"));
    assert_false(find(mine, 'c', ""));
}


static void
test_another_scope_or_kind_finds_nothing(void **state)
{
    (void) state;

    ngx_http_pitchey_verified_add(mine, 'c', PT_STR("token.other"),
                                  PT_STR("token"), hash);

    assert_true(find(mine, 'c', "token.other"));
    assert_false(find(theirs, 'c', "token.other"));
    assert_false(find(mine, 'b', "token.other"));
}


static void
test_what_is_long_is_not_kept(void **state)
{
    char      text[512];
    pt_str_t  value;

    (void) state;

    memset(text, 'a', sizeof(text));

    for (value = (pt_str_t) { text, 1 }; value.len <= sizeof(text);
         value.len++)
    {
        pt_str_t       token;
        unsigned char  ret[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN];

        ngx_http_pitchey_verified_add(mine, 'l', value, PT_STR("token"),
                                      hash);
        ngx_http_pitchey_verified_add(mine, 'm', value, value, hash);

        assert_true(value.len <= 64
                    || !ngx_http_pitchey_verified_find(mine, 'm', value,
                                                       &token, ret));
    }

    assert_false(find(mine, 'l', ""));
}


/* the table is bounded: the n-th value pushes some out and breaks none */
static void
test_many_values_are_kept_or_forgotten(void **state)
{
    char      text[32];
    size_t    i, kept;

    (void) state;

    for (i = 0; i < 20000; i++) {
        (void) snprintf(text, sizeof(text), "token.%zu", i);
        ngx_http_pitchey_verified_add(mine, 'c', pt_str(text),
                                      PT_STR("token"), hash);
        assert_true(find(mine, 'c', text));
    }

    for (i = 0, kept = 0; i < 20000; i++) {
        (void) snprintf(text, sizeof(text), "token.%zu", i);
        kept += find(mine, 'c', text);
    }

    /* of 4096 slots nearly all, if the values spread */
    assert_in_range(kept, 3500, 4096);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_value_is_found_by_all_of_its_bytes),
        cmocka_unit_test(test_another_scope_or_kind_finds_nothing),
        cmocka_unit_test(test_what_is_long_is_not_kept),
        cmocka_unit_test(test_many_values_are_kept_or_forgotten)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
