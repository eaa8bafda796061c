/* What an action may call, and what its parent then hears. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pt_child.h"


typedef struct {
    int            fds[2];       /* 0: the parent's */
    pt_buf_t       heard;
    size_t         at;
    pt_childmsg_t  m;            /* the job; it borrows from nothing */
    pt_job_t       job;
    char           scratch[64];
} line_t;


static bool hear(line_t *l, pt_childmsg_t *ret_m);


static void
test_progress_is_coalesced_and_never_goes_back(void **state)
{
    line_t         *l = *state;
    unsigned        i, n, last;
    pt_childmsg_t   m;

    for (i = 0; i < 100000; i++) {
        pt_job_progress(&l->job, (i * 7919) % 1000, "encode");
    }

    pt_job_progress(&l->job, 5000, "package");
    pt_job_progress(&l->job, 10, "again");

    last = 0;

    for (n = 0; hear(l, &m); n++) {
        assert_int_equal(m.kind, PT_CHILDMSG_PROGRESS);
        assert_true(m.number >= last && m.number <= 1000);
        last = (unsigned) m.number;
    }

    /* the first, those of a few tenths of a second, and two new stages */
    assert_true(n >= 3 && n < 100);
    assert_int_equal(last, 1000);
}


static void
test_inputs_are_found_by_their_id(void **state)
{
    line_t            *l = *state;
    const pt_input_t  *input;

    input = pt_job_input(&l->job, PT_STR("f2"));
    assert_non_null(input);
    assert_string_equal(input->path, "/tmp/in/f2");
    assert_true(pt_str_is(input->media_type, "video/mp4"));
    assert_true(pt_str_is(input->name, "b \"c\".mp4"));
    assert_int_equal(input->size, 12);

    assert_null(pt_job_input(&l->job, PT_STR("f")));
    assert_null(pt_job_input(&l->job, PT_STR_NULL));
    assert_int_equal(pt_json_int(pt_job_params(&l->job), "a", 0), 1);
    assert_true(pt_str_is(pt_job_user(&l->job), "u1"));
    assert_true(pt_str_is(pt_job_user_type(&l->job), "creator"));
}


static void
test_an_admin_has_the_role_among_others(void **state)
{
    size_t   i;
    line_t  *l = *state;

    static const struct {
        const char  *role;
        bool         admin;
    } cases[] = {
        { "user,admin", true }, { "admin", true }, { "admin,user", true },
        { "", false }, { "user", false }, { "administrator", false },
        { "user,admin2", false }, { ",admin,", true }, { ",", false }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        l->job.role = pt_str(cases[i].role);
        assert_int_equal(pt_job_is_admin(&l->job), cases[i].admin);
    }
}


static void
test_an_output_must_lie_in_the_scratch_folder(void **state)
{
    char            path[128];
    line_t         *l = *state;
    pt_childmsg_t   m;

    (void) close(open("here", O_CREAT | O_WRONLY, 0600));
    (void) snprintf(path, sizeof(path), "%s/here", l->scratch);

    assert_int_equal(pt_job_output(&l->job, "a.txt", "text/plain", "here"),
                     PT_OK);
    assert_int_equal(pt_job_output(&l->job, "b.txt", "text/plain", path),
                     PT_OK);

    assert_int_equal(pt_job_output(&l->job, "c", "text/plain", "none"),
                     PT_E_INVALID);
    assert_int_equal(pt_job_output(&l->job, "c", "text/plain", "/etc/passwd"),
                     PT_E_INVALID);
    assert_int_equal(pt_job_output(&l->job, "../c", "text/plain", "here"),
                     PT_E_INVALID);
    assert_int_equal(pt_job_output_tree(&l->job, "c", "i", "here"),
                     PT_E_INVALID);

    assert_true(hear(l, &m) && pt_str_is(m.name, "a.txt")
                && pt_str_is(m.path, "here"));
    assert_true(hear(l, &m) && pt_str_is(m.name, "b.txt")
                && pt_str_is(m.path, "here"));
    assert_false(hear(l, &m));
}


static void
test_the_last_result_counts(void **state)
{
    line_t         *l = *state;
    pt_childmsg_t   m;

    assert_int_equal(pt_job_result(&l->job, PT_STR("{\"a\":1}")), PT_OK);
    assert_int_equal(pt_job_result(&l->job, PT_STR("{}")), PT_OK);
    pt_job_finish(&l->job, PT_OK);

    assert_true(hear(l, &m) && m.kind == PT_CHILDMSG_DONE);
    assert_true(pt_str_is(m.json, "{}"));
}


static void
test_the_first_reason_counts(void **state)
{
    line_t         *l = *state;
    pt_childmsg_t   m;

    assert_int_equal(pt_job_fail(&l->job, PT_E_INPUT_BROKEN, "no %s", "index"),
                     PT_E_INPUT_BROKEN);
    assert_int_equal(pt_job_fail(&l->job, PT_E_INTERNAL, "and so on"),
                     PT_E_INTERNAL);
    pt_job_fail_at(&l->job, PT_STR("/file"), PT_STR("a \"b\""));
    pt_job_fail_at(&l->job, PT_STR("/x"), PT_STR("\xff"));
    pt_job_finish(&l->job, PT_E_INTERNAL);

    assert_true(hear(l, &m) && m.kind == PT_CHILDMSG_FAILED);
    assert_int_equal(m.number, PT_E_INPUT_BROKEN);
    assert_true(pt_str_is(m.text, "no index"));
    assert_true(pt_str_is(m.json,
        "[{\"pointer\":\"/file\",\"detail\":\"a \\\"b\\\"\"},"
        "{\"pointer\":\"/x\",\"detail\":\"\xef\xbf\xbd\"}]"));
}


static void
test_no_memory_under_a_limit_is_the_limit(void **state)
{
    line_t         *l = *state;
    pt_childmsg_t   m;

    l->job.limited = true;
    pt_job_finish(&l->job, PT_E_NOMEM);

    assert_true(hear(l, &m));
    assert_int_equal(m.number, PT_E_RESOURCE_LIMIT);
}


static void
test_texts_are_cut_between_characters(void **state)
{
    size_t          i;
    char            text[3000];
    line_t         *l = *state;
    pt_childmsg_t   m;

    for (i = 0; i + 2 < sizeof(text); i += 2) {
        memcpy(text + i, "\xc3\xa9", 2);
    }

    text[i] = '\0';
    pt_job_log(&l->job, "x%s", text);
    assert_true(hear(l, &m) && m.kind == PT_CHILDMSG_LOG);
    assert_int_equal(m.text.len, PT_LINE_MAX - 1);

    /* a library's message in Latin-1 */
    pt_job_log(&l->job, "caf\xe9 is closed today");
    assert_true(hear(l, &m));
    assert_true(pt_str_is(m.text, "caf? is closed today"));
}


/* the next message, if there is one */
static bool
hear(line_t *l, pt_childmsg_t *ret_m)
{
    char      chunk[4096];
    size_t    used;
    ssize_t   n;
    pt_str_t  rest;

    while ((n = recv(l->fds[0], chunk, sizeof(chunk), MSG_DONTWAIT)) > 0) {
        pt_buf_add(&l->heard, chunk, (size_t) n);
    }

    rest = pt_buf_str(&l->heard);
    rest.data += l->at;
    rest.len -= l->at;

    assert_int_equal(pt_childmsg_read(rest, ret_m, &used), PT_OK);
    l->at += used;

    return used != 0;
}


static int
line_open(void **state)
{
    line_t  *l;

    l = calloc(1, sizeof(*l));
    assert_non_null(l);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, l->fds), 0);
    pt_buf_init(&l->heard, &pt_mem_heap, PT_CHILDMSG_MAX);

    (void) snprintf(l->scratch, sizeof(l->scratch), "/tmp/pt-job.XXXXXX");
    assert_non_null(mkdtemp(l->scratch));
    assert_int_equal(chdir(l->scratch), 0);

    l->m = (pt_childmsg_t) {
        .kind = PT_CHILDMSG_JOB,
        .action = PT_STR("x"),
        .id = PT_STR("00000000-0000-0000-0000-000000000001"),
        .user = PT_STR("u1"),
        .role = PT_STR("user,admin"),
        .user_type = PT_STR("creator"),
        .params = PT_STR("{\"a\":1}"),
        .inputs = PT_STR(
            "[{\"id\":\"f1\",\"path\":\"/tmp/in/f1\",\"media_type\":\"a/b\","
            "\"name\":\"a\",\"size\":1},"
            "{\"id\":\"f2\",\"path\":\"/tmp/in/f2\",\"media_type\":"
            "\"video/mp4\",\"name\":\"b \\\"c\\\".mp4\",\"size\":12}]")
    };

    assert_int_equal(pt_job_init(&l->job, l->fds[1], l->scratch, &l->m),
                     PT_OK);

    *state = l;
    return 0;
}


static int
line_close(void **state)
{
    line_t  *l = *state;

    pt_job_done(&l->job);
    pt_buf_done(&l->heard);
    (void) close(l->fds[0]);
    (void) close(l->fds[1]);
    (void) unlink("here");
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(l->scratch), 0);
    free(l);

    return 0;
}


#define LINE(test)  cmocka_unit_test_setup_teardown(test, line_open, line_close)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        LINE(test_progress_is_coalesced_and_never_goes_back),
        LINE(test_inputs_are_found_by_their_id),
        LINE(test_an_admin_has_the_role_among_others),
        LINE(test_an_output_must_lie_in_the_scratch_folder),
        LINE(test_the_last_result_counts),
        LINE(test_the_first_reason_counts),
        LINE(test_no_memory_under_a_limit_is_the_limit),
        LINE(test_texts_are_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
