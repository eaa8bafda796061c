/* Which cookie or bearer counts, and whether its signature holds. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "ngx_http_pitchey_token.h"


#define SECRET  PT_STR("k7Qz-shared.vectors_SECRET/2026+not=base64!")
#define TOKEN   "isPXBwas2NDiBZz3D5SLlri5tpD8b4GE"
#define SIGNED  TOKEN ".V9Fdt96zCpupOhJSJJ3Qc1ltPWEsIOLvtKYTsvgavkE="


/* TOKEN.SIGNATURE of any token, with the secret */
static void
sign(pt_str_t token, char *ret_value)
{
    unsigned int   n;
    unsigned char  mac[EVP_MAX_MD_SIZE], text[64];

    (void) HMAC(EVP_sha256(), SECRET.data, (int) SECRET.len,
                (const unsigned char *) token.data, token.len, mac, &n);
    (void) EVP_EncodeBlock(text, mac, (int) n);

    memcpy(ret_value, token.data, token.len);
    ret_value[token.len] = '.';
    memcpy(ret_value + token.len + 1, text, 45);
}


static void
test_the_first_cookie_of_the_name_counts(void **state)
{
    size_t    i;
    bool      found;
    pt_str_t  value;

    /* header, value; NULL: none */
    static const char *const  cases[][2] = {
        { "a=1", "1" },
        { "b=2; a=1", "1" },
        { "b=2;a=1;c=3", "1" },
        { "a=1; a=2", "1" },
        { "a=; a=2", "" },
        { " a \t= 1 ", "1" },
        { "a=1=2", "1=2" },
        { "a; a=2", "2" },
        { "a=\"1\"", "\"1\"" },
        { "=1; ;; a=1", "1" },
        { "a=1,a=2", "1,a=2" },
        { "b=2", NULL },
        { "A=1", NULL },
        { "aa=1; ba=1", NULL },
        { "a", NULL },
        { "", NULL },
        { ";", NULL },
        { "=", NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        found = ngx_http_pitchey_token_cookie(pt_str(cases[i][0]),
                                              PT_STR("a"), &value);

        assert_int_equal(found, cases[i][1] != NULL);

        if (found && !pt_str_is(value, cases[i][1])) {
            fail_msg("\"%s\" gives \"%.*s\"", cases[i][0], PT_STR_ARG(value));
        }
    }
}


static void
test_a_signed_value_gives_its_token(void **state)
{
    size_t    i;
    char      buf[256];
    pt_str_t  token;

    static const char *const  values[] = {
        SIGNED,
        TOKEN ".V9Fdt96zCpupOhJSJJ3Qc1ltPWEsIOLvtKYTsvgavkE%3D",
        TOKEN ".V9Fdt96zCpupOhJSJJ3Qc1ltPWEsIOLvtKYTsvgavkE%3d",
        "%69sPXB%77as2NDiBZz3D5SLlri5tpD8b4GE%2EV9Fdt96zCpupOhJSJJ3Qc1ltPWEs"
            "IOLvtKYTsvgavkE=",
        "\"" SIGNED "\""
    };

    (void) state;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_true(ngx_http_pitchey_token_verify(SECRET, pt_str(values[i]),
                                                  buf, &token));
        assert_true(pt_str_is(token, TOKEN));
    }
}


static void
test_an_unsigned_value_gives_none(void **state)
{
    size_t    i;
    char      buf[256];
    pt_str_t  token;

    static const char *const  values[] = {
        "", ".", "=", "\"", "%", TOKEN, TOKEN ".",
        ".IJG1+bb/5zMUOth5kSOzEZVAgq8bY8xur3ySBAaPW1M=",
        TOKEN ".A9Fdt96zCpupOhJSJJ3Qc1ltPWEsIOLvtKYTsvgavkE=",
        TOKEN ".V9Fdt96zCpupOhJSJJ3Qc1ltPWEsIOLvtKYTsvgavkE",
        TOKEN ".V9Fdt96zCpupOhJSJJ3Qc1ltPWEsIOLvtKYTsvgavkE==",
        /* the two unused bits of the last character */
        TOKEN ".V9Fdt96zCpupOhJSJJ3Qc1ltPWEsIOLvtKYTsvgavkF=",
        /* one malformed escape leaves the whole value as it is */
        TOKEN "%2EV9Fdt96zCpupOhJSJJ3Qc1ltPWEsIOLvtKYTsvgavkE%3",
        SIGNED "%zz",
        SIGNED "%",
        "%FF" SIGNED
    };

    (void) state;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        token = PT_STR("untouched");

        if (ngx_http_pitchey_token_verify(SECRET, pt_str(values[i]), buf,
                                          &token))
        {
            fail_msg("\"%s\" gives \"%.*s\"", values[i], PT_STR_ARG(token));
        }

        assert_true(pt_str_is(token, "untouched"));
    }
}


static void
test_another_secret_opens_nothing(void **state)
{
    char      buf[256];
    pt_str_t  token;

    (void) state;

    assert_false(ngx_http_pitchey_token_verify(PT_STR("another"),
                                               PT_STR(SIGNED), buf, &token));
}


/* a hook of the platform may set any token: the last dot is the one */
static void
test_a_token_with_dots_is_one(void **state)
{
    char      value[128], buf[128];
    pt_str_t  token;

    (void) state;

    sign(PT_STR("a.b.c"), value);

    assert_true(ngx_http_pitchey_token_verify(SECRET, pt_str(value), buf,
                                              &token));
    assert_true(pt_str_is(token, "a.b.c"));
}


/* PostgreSQL would cut the one, and call the other an error */
static void
test_a_token_that_no_row_can_hold_is_none(void **state)
{
    char      value[128], buf[128];
    pt_str_t  token, zero;

    (void) state;

    zero = (pt_str_t) { "a\0b", 3 };
    sign(zero, value);
    assert_false(ngx_http_pitchey_token_verify(SECRET,
                           (pt_str_t) { value, zero.len + 45 }, buf, &token));

    sign(PT_STR("a\xff"), value);
    assert_false(ngx_http_pitchey_token_verify(SECRET, pt_str(value), buf,
                                               &token));

    assert_false(ngx_http_pitchey_token_bearer(SECRET,
                     (pt_str_t) { "Bearer a\0b", 10 }, false, buf, &token));
    assert_false(ngx_http_pitchey_token_bearer(SECRET,
                     PT_STR("Bearer \xff"), false, buf, &token));
}


static void
test_a_bearer_is_a_token_or_a_signed_one(void **state)
{
    size_t    i;
    bool      found;
    char      buf[256], dotted[128];
    pt_str_t  token;

    static const struct {
        const char  *header;
        bool         plain;      /* what counts when no signature is asked */
        bool         is_signed;
    } cases[] = {
        { "Bearer " TOKEN, true, false },
        { "bearer " TOKEN, true, false },
        { "BEARER   " TOKEN " ", true, false },
        { "Bearer " SIGNED, true, true },
        { "Bearer " TOKEN ".V9Fdt96zCpupOhJSJJ3Qc1ltPWEsIOLvtKYTsvgavkE%3D",
          true, true },
        { "Bearer " TOKEN ".A9Fdt96zCpupOhJSJJ3Qc1ltPWEsIOLvtKYTsvgavkE=",
          false, false },
        { "Bearer", false, false },
        { "Bearer ", false, false },
        { "Bearer  \t", false, false },
        { "Bearer\t" TOKEN, false, false },
        { "Basic " TOKEN, false, false },
        { TOKEN, false, false },
        { "", false, false }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        found = ngx_http_pitchey_token_bearer(SECRET, pt_str(cases[i].header),
                                              false, buf, &token);
        assert_int_equal(found, cases[i].plain);
        assert_true(!found || pt_str_is(token, TOKEN));

        found = ngx_http_pitchey_token_bearer(SECRET, pt_str(cases[i].header),
                                              true, buf, &token);
        assert_int_equal(found, cases[i].is_signed);
        assert_true(!found || pt_str_is(token, TOKEN));
    }

    /* the library looks at the first dot here, and at the last one there */
    memcpy(dotted, "Bearer ", 7);
    sign(PT_STR("a.b"), dotted + 7);
    assert_false(ngx_http_pitchey_token_bearer(SECRET, pt_str(dotted), false,
                                               buf, &token));
}


static void
test_the_hash_is_that_of_the_trigger(void **state)
{
    size_t         i;
    char           hex[65];
    unsigned char  hash[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN];

    (void) state;

    ngx_http_pitchey_token_hash(PT_STR("abc"), hash);

    for (i = 0; i < sizeof(hash); i++) {
        (void) snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    }

    /* encode(sha256('abc'), 'hex'), FIPS 180-2 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223"
                             "b00361a396177a9cb410ff61f20015ad");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_the_first_cookie_of_the_name_counts),
        cmocka_unit_test(test_a_signed_value_gives_its_token),
        cmocka_unit_test(test_an_unsigned_value_gives_none),
        cmocka_unit_test(test_another_secret_opens_nothing),
        cmocka_unit_test(test_a_token_with_dots_is_one),
        cmocka_unit_test(test_a_token_that_no_row_can_hold_is_none),
        cmocka_unit_test(test_a_bearer_is_a_token_or_a_signed_one),
        cmocka_unit_test(test_the_hash_is_that_of_the_trigger)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
