/* The keys under which results are found again. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "orch.h"


#define ZERO_A   "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
#define FILE_A   "{\"id\":\"x\",\"sha256\":\"" ZERO_A ZERO_A "\"}"
#define FILE_F   "{\"id\":\"y\",\"sha256\":\""                              \
                 "ffffffffffffffffffffffffffffffff"                         \
                 "ffffffffffffffffffffffffffffffff\"}"

static const char  cacheable[] =
    "{\"name\":\"echo\",\"version\":\"1f3a\",\"cacheable\":true}";


/* the key as hexadecimal text, "" if there is none */
static const char *
key_of(const char *action, const char *user, const char *params,
    const char *inputs)
{
    size_t        i;
    uint8_t       key[ORCH_CACHE_KEY];
    pt_json_t    *offer;
    pt_assign_t   assign = { .action = PT_STR("echo") };

    static char  text[2 * ORCH_CACHE_KEY + 1];

    assign.user = pt_str(user);
    assign.params = pt_str(params);
    assign.inputs = pt_str(inputs);
    text[0] = '\0';

    assert_int_equal(pt_json_parse(pt_str(action), &pt_mem_heap, &offer, NULL),
                     PT_OK);

    if (orch_cache_key(offer, PT_STR("test-service"), &assign, key)) {
        for (i = 0; i < sizeof(key); i++) {
            snprintf(text + 2 * i, 3, "%02x", key[i]);
        }
    }

    pt_json_free(offer);

    return text;
}


/* computed by another program, from the text of orch_cache.h */
static void
test_the_key_is_that_of_the_specification(void **state)
{
    (void) state;

    assert_string_equal(key_of(cacheable, "alice",
                               "{ \"b\": 1.0, \"a\": [2, \"\xc3\xa9\"] }",
                               "[]"),
        "fdb9231cfd6467be148a58958b5c6ab2dbbbf560d733464d49f48be27e8a9f43");

    assert_string_equal(key_of(cacheable, "alice", "{}",
                               "[" FILE_F "," FILE_A "]"),
        "501bdbdc239c5c380a2702994f735a501c4b26a6ff0bf5f95aa91312d5dd89a7");
}


static void
test_what_a_result_depends_on_changes_the_key(void **state)
{
    size_t  i;
    char    first[2 * ORCH_CACHE_KEY + 1];

    static const char *const  others[][4] = {
        { "{\"version\":\"1f3b\",\"cacheable\":true}", "alice", "{\"a\":1}",
          "[" FILE_A "]" },
        { cacheable, "alicf", "{\"a\":1}", "[" FILE_A "]" },
        { cacheable, "alice", "{\"a\":2}", "[" FILE_A "]" },
        { cacheable, "alice", "{\"a\":\"1\"}", "[" FILE_A "]" },
        { cacheable, "alice", "{\"a\":1}", "[]" },
        { cacheable, "alice", "{\"a\":1}", "[" FILE_A "," FILE_A "]" }
    };

    (void) state;

    snprintf(first, sizeof(first), "%s",
             key_of(cacheable, "alice", "{\"a\":1}", "[" FILE_A "]"));
    assert_int_equal(strlen(first), 2 * ORCH_CACHE_KEY);

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_string_not_equal(key_of(others[i][0], others[i][1],
                                       others[i][2], others[i][3]), first);
    }
}


static void
test_what_must_not_be_served_again_has_no_key(void **state)
{
    size_t  i;

    static const char  live[] =
        "{\"cacheable\":true,\"version\":\"1\",\"uncached_with\":\"live\"}";
    static const struct {
        const char  *action;
        const char  *params;
        const char  *inputs;
        bool         keyed;
    } cases[] = {
        { "{\"version\":\"1\"}",                  "{}", "[]", false },
        { "{\"version\":\"1\",\"cacheable\":false}", "{}", "[]", false },
        { cacheable, "{",                         "[]", false },
        { cacheable, "{}",                        "[{\"id\":\"x\"}]", false },
        { cacheable, "{}",                        "nothing", false },
        { live,      "{\"a\":1,\"live\":7}",      "[]", false },
        { live,      "{\"live\":0}",              "[]", false },
        { live,      "{\"live\":true}",           "[]", false },
        { live,      "{\"live\":{}}",             "[]", false },
        { live,      "{\"live\":false}",          "[]", true },
        { live,      "{\"live\":null}",           "[]", true },
        { live,      "{\"a\":{\"live\":1}}",      "[]", true }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(key_of(cases[i].action, "alice", cases[i].params,
                                cases[i].inputs)[0] != '\0', cases[i].keyed);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_the_key_is_that_of_the_specification),
        cmocka_unit_test(test_what_a_result_depends_on_changes_the_key),
        cmocka_unit_test(test_what_must_not_be_served_again_has_no_key)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
