/* Which jobs ask for the platform's rows, and how a question may end. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pt_folder.h"
#include "pt_platform.h"


typedef struct {
    unsigned  n;
    pt_err_t  err;
    char      json[64];
} answer_t;


static pt_err_t action_none(pt_job_t *job);
static void write_sql(const char *dir, const char *action, const char *text);
static pt_err_t open_at(const char *dir, const char *answer);
static void ask(pt_platform_ask_t **ret_ask, answer_t *answer);
static void on_answer(void *ctx, pt_err_t err, pt_str_t json);


static uv_loop_t       loop;
static pt_platform_t  *platform;

static const pt_action_t  actions[] = {
    { "with",    action_none, 0 },
    { "without", action_none, 0 },
    { NULL, NULL, 0 }
};

static const pt_processor_t  declared = {
    .service = "svc",
    .actions = actions
};


static void
test_the_first_line_names_the_member_that_asks(void **state)
{
    size_t  i;

    static const struct {
        const char  *params;
        bool         wants;
    } cases[] = {
        { "{\"pitch_id\":1}", true },
        { "{\"pitch_id\":\"x\"}", true },
        { "{\"pitch_id\":true}", true },
        { "{\"pitch_id\":0}", true },
        { "{\"pitch_id\":null}", false },
        { "{\"pitch_id\":false}", false },
        { "{\"a\":{\"pitch_id\":1}}", false },
        { "{}", false },
        { "[]", false },
        { "{\"pitch_id\":", false },
        { "", false }
    };

    write_sql(*state, "with", "-- when: pitch_id\nSELECT 1\n");
    assert_int_equal(open_at(*state, NULL), PT_OK);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (pt_platform_wants(platform, "with", pt_str(cases[i].params))
            != cases[i].wants)
        {
            fail_msg("%s", cases[i].params);
        }

        assert_false(pt_platform_wants(platform, "without",
                                       pt_str(cases[i].params)));
    }

    assert_string_equal(pt_platform_when(platform, "with"), "pitch_id");
    assert_null(pt_platform_when(platform, "without"));
}


static void
test_a_file_without_that_line_is_refused(void **state)
{
    size_t  i;

    static const char *const  texts[] = {
        "", "SELECT 1\n", "-- when:\nSELECT 1\n", "-- when: a b\nSELECT 1\n",
        "\n-- when: a\nSELECT 1\n", "-- when: a"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_sql(*state, "with", texts[i]);

        if (open_at(*state, NULL) != PT_E_INVALID) {
            fail_msg("took \"%s\"", texts[i]);
        }
    }
}


static void
test_a_given_answer_is_everyones(void **state)
{
    answer_t            answer = { 0 };
    pt_platform_ask_t  *a;

    write_sql(*state, "with", "-- when: pitch_id\nSELECT 1\n");
    assert_int_equal(open_at(*state, "{\"x\":1}"), PT_OK);

    ask(&a, &answer);
    assert_int_equal(answer.n, 0);

    (void) uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(answer.n, 1);
    assert_int_equal(answer.err, PT_OK);
    assert_string_equal(answer.json, "{\"x\":1}");
}


static void
test_without_a_database_the_question_fails(void **state)
{
    answer_t            answer = { 0 };
    pt_platform_ask_t  *a;

    write_sql(*state, "with", "-- when: pitch_id\nSELECT 1\n");
    assert_int_equal(open_at(*state, NULL), PT_OK);

    ask(&a, &answer);
    (void) uv_run(&loop, UV_RUN_DEFAULT);

    assert_int_equal(answer.n, 1);
    assert_int_equal(answer.err, PT_E_UNAVAILABLE);
}


static void
test_who_forgets_a_question_hears_nothing(void **state)
{
    answer_t            answer = { 0 };
    pt_platform_ask_t  *a, *b;

    write_sql(*state, "with", "-- when: pitch_id\nSELECT 1\n");
    assert_int_equal(open_at(*state, "{}"), PT_OK);

    ask(&a, &answer);
    ask(&b, &answer);
    pt_platform_forget(a);

    (void) uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(answer.n, 1);

    /* and one that waits when all ends */
    ask(&a, &answer);
    pt_platform_close(platform);
    platform = NULL;

    (void) uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(answer.n, 1);
}


static pt_err_t
action_none(pt_job_t *job)
{
    (void) job;

    return PT_OK;
}


static void
write_sql(const char *dir, const char *action, const char *text)
{
    char   path[256];
    FILE  *f;

    (void) snprintf(path, sizeof(path), "%s/platform/svc/%s.sql", dir, action);
    f = fopen(path, "w");
    assert_non_null(f);
    (void) fputs(text, f);
    (void) fclose(f);
}


static pt_err_t
open_at(const char *dir, const char *answer)
{
    return pt_platform_open(&loop, &declared, dir, NULL, answer,
                            &platform);
}


static void
ask(pt_platform_ask_t **ret_ask, answer_t *answer)
{
    assert_int_equal(pt_platform_ask(platform, "with", PT_STR("u"),
                                     PT_STR("user"), PT_STR("{}"), on_answer,
                                     answer, ret_ask), PT_OK);
}


static void
on_answer(void *ctx, pt_err_t err, pt_str_t json)
{
    answer_t  *answer = ctx;

    answer->n++;
    answer->err = err;
    (void) snprintf(answer->json, sizeof(answer->json), "%.*s",
                    PT_STR_ARG(json));
}


static int
folder_open(void **state)
{
    char  path[256], *dir;

    platform = NULL;
    dir = strdup("/tmp/pt_platform.XXXXXX");

    if (dir == NULL || mkdtemp(dir) == NULL) {
        return -1;
    }

    (void) snprintf(path, sizeof(path), "%s/platform", dir);
    if (mkdir(path, 0700) == -1) {
        return -1;
    }

    (void) snprintf(path, sizeof(path), "%s/platform/svc", dir);
    if (mkdir(path, 0700) == -1) {
        return -1;
    }

    *state = dir;
    return uv_loop_init(&loop);
}


static int
folder_close(void **state)
{
    pt_platform_close(platform);
    (void) uv_run(&loop, UV_RUN_DEFAULT);

    (void) pt_folder_remove(*state);
    free(*state);

    return uv_loop_close(&loop);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(
            test_the_first_line_names_the_member_that_asks,
            folder_open, folder_close),
        cmocka_unit_test_setup_teardown(
            test_a_file_without_that_line_is_refused,
            folder_open, folder_close),
        cmocka_unit_test_setup_teardown(
            test_a_given_answer_is_everyones,
            folder_open, folder_close),
        cmocka_unit_test_setup_teardown(
            test_without_a_database_the_question_fails,
            folder_open, folder_close),
        cmocka_unit_test_setup_teardown(
            test_who_forgets_a_question_hears_nothing,
            folder_open, folder_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
