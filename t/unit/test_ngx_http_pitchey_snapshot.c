/* The library's compact cookie cache: what it signed is read, all else not. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ngx_http_pitchey_snapshot.h"
#include "ngx_http_pitchey_token.h"


#define SECRET  PT_STR("k7Qz-shared.vectors_SECRET/2026+not=base64!")
#define TOKEN   PT_STR("isPXBwas2NDiBZz3D5SLlri5tpD8b4GE")

/* as the library wrote it; good until 2037 */
#define CONTENT                                                               \
    "{\"session\":{\"expiresAt\":\"2038-01-01T00:00:00.000Z\","               \
    "\"token\":\"isPXBwas2NDiBZz3D5SLlri5tpD8b4GE\",\"userId\":\"89Dv\","     \
    "\"id\":\"jYzT\"},\"user\":{\"name\":\"Ann \xc3\x89" "crivain\","            \
    "\"email\":\"ann@example.com\",\"image\":null,\"userType\":\"creator\","  \
    "\"role\":\"user\",\"id\":\"89Dv\"},\"updatedAt\":1768478400016,"         \
    "\"version\":\"1\"}"

#define UNTIL  INT64_C(2143238400000)
#define NOW    INT64_C(1795000000000)


/* the library's value for that content */
static void
make(const char *content, int64_t until, char *ret_value, size_t size)
{
    int      n;
    char     text[4096], message[4096];
    char     signature[NGX_HTTP_PITCHEY_TOKEN_SIGNATURE_LEN + 1];
    size_t   i, len, out;
    unsigned word;

    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_";

    n = snprintf(message, sizeof(message), "%.*s,\"expiresAt\":%lld}",
                 (int) strlen(content) - 1, content, (long long) until);

    assert_true(ngx_http_pitchey_token_sign(SECRET,
                       (pt_str_t) { message, (size_t) n }, signature));

    for (i = 0; i < 43; i++) {
        signature[i] = signature[i] == '+' ? '-'
                       : signature[i] == '/' ? '_' : signature[i];
    }

    signature[43] = '\0';

    len = (size_t) snprintf(text, sizeof(text), "{\"session\":%s,"
                            "\"expiresAt\":%lld,\"signature\":\"%s\"}",
                            content, (long long) until, signature);

    for (i = 0, out = 0; i < len * 8; i += 6) {
        assert_true(out + 1 < size);
        word = (unsigned char) text[i / 8] << 8;
        word |= i / 8 + 1 < len ? (unsigned char) text[i / 8 + 1] : 0u;
        ret_value[out++] = digits[word >> (10 - i % 8) & 63];
    }

    ret_value[out] = '\0';
}


static bool
read_at(const char *value, const char *version, int64_t now,
    ngx_http_pitchey_snapshot_t *ret_snapshot)
{
    bool   found;
    char  *buf;

    buf = malloc(strlen(value) + 1);
    assert_non_null(buf);

    found = ngx_http_pitchey_snapshot_read(SECRET, pt_str(value), TOKEN,
                                           pt_str(version), now, buf,
                                           &pt_mem_heap, ret_snapshot);
    free(buf);

    return found;
}


static void
test_what_the_library_signed_is_read(void **state)
{
    char                         value[8192];
    ngx_http_pitchey_snapshot_t  copy;

    (void) state;

    make(CONTENT, UNTIL, value, sizeof(value));

    assert_true(read_at(value, "1", NOW, &copy));

    assert_true(pt_str_is(copy.session_id, "jYzT"));
    assert_true(pt_str_is(copy.user_id, "89Dv"));
    assert_true(pt_str_is(copy.email, "ann@example.com"));
    assert_true(pt_str_is(copy.role, "user"));
    assert_true(pt_str_is(copy.user_type, "creator"));
    assert_null(copy.tier.data);

    /* the copy ends before its session does */
    assert_int_equal(copy.expires_ms, UNTIL);

    pt_json_free(copy.tree);
}


static void
test_times_count_to_the_millisecond(void **state)
{
    char                         value[8192];
    ngx_http_pitchey_snapshot_t  copy;

    (void) state;

    make(CONTENT, NOW, value, sizeof(value));

    assert_true(read_at(value, "1", NOW, &copy));
    pt_json_free(copy.tree);
    assert_false(read_at(value, "1", NOW + 1, &copy));

    /* 2038-01-01 */
    make(CONTENT, INT64_C(2145916800001), value, sizeof(value));

    assert_true(read_at(value, "1", INT64_C(2145916800000), &copy));
    assert_int_equal(copy.expires_ms, INT64_C(2145916800000));
    pt_json_free(copy.tree);
    assert_false(read_at(value, "1", INT64_C(2145916800001), &copy));
}


static void
test_any_change_makes_it_none(void **state)
{
    char                         value[8192], c;
    size_t                       i;
    ngx_http_pitchey_snapshot_t  copy;

    (void) state;

    make(CONTENT, UNTIL, value, sizeof(value));

    for (i = 0; value[i] != '\0'; i++) {
        c = value[i];
        value[i] = c == 'A' ? 'B' : 'A';

        if (read_at(value, "1", NOW, &copy)) {
            fail_msg("changed at %zu", i);
        }

        value[i] = c;
    }

    for (i = strlen(value); i-- > 0; ) {
        value[i] = '\0';
        assert_false(read_at(value, "1", NOW, &copy));
    }
}


static void
test_what_is_signed_but_incomplete_is_none(void **state)
{
    size_t                       i;
    char                         value[8192];
    ngx_http_pitchey_snapshot_t  copy;

    static const char *const  contents[] = {
        "{}",
        "{\"session\":null,\"user\":null,\"updatedAt\":1}",
        /* another session's token */
        "{\"session\":{\"expiresAt\":\"2038-01-01T00:00:00.000Z\","
        "\"token\":\"other\",\"userId\":\"u\",\"id\":\"s\"},"
        "\"user\":{\"name\":\"\",\"email\":\"\",\"id\":\"u\"},"
        "\"updatedAt\":1}",
        /* another user's */
        "{\"session\":{\"expiresAt\":\"2038-01-01T00:00:00.000Z\","
        "\"token\":\"isPXBwas2NDiBZz3D5SLlri5tpD8b4GE\","
        "\"userId\":\"v\",\"id\":\"s\"},"
        "\"user\":{\"name\":\"\",\"email\":\"\",\"id\":\"u\"},"
        "\"updatedAt\":1}",
        /* banned */
        "{\"session\":{\"expiresAt\":\"2038-01-01T00:00:00.000Z\","
        "\"token\":\"isPXBwas2NDiBZz3D5SLlri5tpD8b4GE\","
        "\"userId\":\"u\",\"id\":\"s\"},"
        "\"user\":{\"name\":\"\",\"email\":\"\",\"id\":\"u\","
        "\"banned\":true},\"updatedAt\":1}",
        "{\"session\":\"}\",\"expiresAt\":1}",
        "[]"
    };

    (void) state;

    for (i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        make(contents[i], UNTIL, value, sizeof(value));

        if (read_at(value, "1", NOW, &copy)) {
            fail_msg("%s is read", contents[i]);
        }
    }

    make(CONTENT, UNTIL, value, sizeof(value));
    assert_false(read_at(value, "2", NOW, &copy));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_what_the_library_signed_is_read),
        cmocka_unit_test(test_times_count_to_the_millisecond),
        cmocka_unit_test(test_any_change_makes_it_none),
        cmocka_unit_test(test_what_is_signed_but_incomplete_is_none)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
