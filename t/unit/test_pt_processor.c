/*
 * A processor as its orchestrator sees it: pitchey-test at one end of a
 * socket, this program as orchestrator at the other.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "pt_folder.h"
#include "pt_json.h"
#include "pt_wire.h"


#define WAIT_MS      60000     /* for what must come; a loaded machine is slow */
#define PIDS_MAX     64
#define FRAME_MAX    (PT_PACK_MAX + 1)


typedef struct {
    void      *zctx;
    void      *socket;
    char       dir[64];
    pid_t      pid;              /* of the processor, 0: none */

    char       peer[256];        /* its identity, of the last message */
    size_t     peer_len;
    char       frames[PT_WIRE_FRAMES_MAX][FRAME_MAX];
    pt_str_t   strs[PT_WIRE_FRAMES_MAX];
    pt_str_t   rest;             /* of a PACK: messages to be received yet */
} rig_t;


static void rig_start(rig_t *rig, char *more, char *value);
static int rig_wait(rig_t *rig);
static bool rig_receive(rig_t *rig, int ms, pt_msg_t *ret_m);
static pt_msg_t rig_expect(rig_t *rig, pt_command_t command);
static bool rig_hears(rig_t *rig, pt_command_t command, int ms);
static void rig_send(rig_t *rig, const pt_msg_t *m);
static void rig_assign(rig_t *rig, uint8_t job, const char *action,
    const char *params);
static void rig_assign_full(rig_t *rig, uint8_t job, const char *action,
    const char *params, const char *inputs, uint64_t deadline_ms);
static void rig_say(rig_t *rig, pt_command_t command, uint8_t job, uint32_t n);
static void rig_path(rig_t *rig, char *to, const char *below);
static void rig_write(rig_t *rig, const char *below, const char *text);
static size_t rig_entries(rig_t *rig, const char *below);
static bool rig_sees_gone(const char *path);
static pt_id_t job_id(uint8_t n);
static size_t children_of(pid_t parent, pid_t *pids, size_t n);
static size_t descendants(pid_t parent, pid_t *pids);
static bool all_gone(const pid_t *pids, size_t n);
static unsigned fds_of(pid_t pid);
static uint64_t start_time_of(pid_t pid);
static uint64_t now_ms(void);
static void nap(void);


static void
test_it_announces_itself_and_runs_a_job(void **state)
{
    rig_t     *rig = *state;
    pt_msg_t   m;

    rig_start(rig, NULL, NULL);

    m = rig_expect(rig, PT_CMD_READY);
    assert_true(pt_str_is(m.u.ready.service, "test-service"));
    assert_int_equal(m.u.ready.slots, 2);
    assert_int_equal(m.u.ready.group, 64);
    assert_int_equal(m.u.ready.pid, rig->pid);
    assert_int_equal(m.u.ready.start_time, start_time_of(rig->pid));
    assert_int_equal(pt_marks_count(m.u.ready.running), 0);
    assert_non_null(memmem(m.u.ready.actions.data, m.u.ready.actions.len,
                           "{\"name\":\"echo\",\"version\":\"", 26));

    rig_assign(rig, 1, "echo", "{\"a\":[1,\"\xc3\xa9\"]}");

    m = rig_expect(rig, PT_CMD_DONE);
    assert_int_equal(m.u.done.n, 1);
    assert_true(pt_str_is(m.u.done.result, "{\"a\":[1,\"\xc3\xa9\"]}"));
    assert_non_null(memmem(m.u.done.usage.data, m.u.done.usage.len,
                           "\"peak_bytes\":", 13));
    rig_say(rig, PT_CMD_ACK, 1, 1);
}


static void
test_reports_come_in_order_and_again_until_acknowledged(void **state)
{
    int        round;
    rig_t     *rig = *state;
    pt_msg_t   m;

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);

    rig_assign(rig, 1, "output", "{\"name\":\"a/b.txt\",\"text\":\"hello\"}");

    for (round = 0; round < 2; round++) {
        m = rig_expect(rig, PT_CMD_OUTPUT);
        assert_int_equal(m.u.output.n, 1);
        assert_non_null(memmem(m.u.output.body.data, m.u.output.body.len,
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            64));

        m = rig_expect(rig, PT_CMD_DONE);
        assert_int_equal(m.u.done.n, 2);
    }

    rig_say(rig, PT_CMD_ACK, 1, 1);
    m = rig_expect(rig, PT_CMD_DONE);
    assert_int_equal(m.u.done.n, 2);

    rig_say(rig, PT_CMD_ACK, 1, 2);
    (void) rig_hears(rig, PT_CMD_DONE, 200);
    assert_false(rig_hears(rig, PT_CMD_DONE, 1500));
}


static void
test_a_new_orchestrator_learns_what_runs(void **state)
{
    rig_t     *rig = *state;
    pt_id_t    id;
    uint32_t   attempt;
    pt_msg_t   m;

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);

    rig_assign(rig, 7, "sleep", "{\"seconds\":30,\"steps\":300}");
    rig_assign(rig, 8, "noop", "{}");
    (void) rig_expect(rig, PT_CMD_PROGRESS);
    (void) rig_expect(rig, PT_CMD_DONE);

    rig_say(rig, PT_CMD_WHO, 0, 0);
    m = rig_expect(rig, PT_CMD_READY);
    assert_int_equal(pt_marks_count(m.u.ready.running), 2);
    pt_mark_read(m.u.ready.running, 0, &id, &attempt);
    assert_int_equal(id.bytes[15], 7);
    assert_int_equal(attempt, 1);

    /* at once, not after a second: it was never said to this one */
    m = rig_expect(rig, PT_CMD_DONE);
    assert_int_equal(m.u.done.job.bytes[15], 8);
}


static void
test_the_same_assignment_twice_is_one_attempt(void **state)
{
    rig_t  *rig = *state;

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);

    rig_assign(rig, 1, "sleep", "{\"seconds\":0.3,\"steps\":1}");
    rig_assign(rig, 1, "sleep", "{\"seconds\":0.3,\"steps\":1}");
    (void) rig_expect(rig, PT_CMD_DONE);
    rig_say(rig, PT_CMD_ACK, 1, 1);

    assert_false(rig_hears(rig, PT_CMD_DONE, 900));
}


static void
test_more_than_the_credit_is_refused_and_may_come_again(void **state)
{
    uint8_t    i;
    rig_t     *rig = *state;
    pt_msg_t   m;

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);

    for (i = 1; i <= 3; i++) {
        rig_assign(rig, i, "sleep", "{\"seconds\":20,\"steps\":1}");
    }

    m = rig_expect(rig, PT_CMD_FAILED);
    assert_int_equal(m.u.failed.job.bytes[15], 3);
    assert_true(pt_str_is(m.u.failed.code, "unavailable"));
    assert_int_equal(m.u.failed.retryable, 1);
}


static void
test_a_cancelled_attempt_ends_at_once_without_a_word(void **state)
{
    rig_t     *rig = *state;
    uint64_t   began;

    rig_start(rig, "--slots", "1");
    (void) rig_expect(rig, PT_CMD_READY);

    rig_assign(rig, 1, "sleep", "{\"seconds\":20,\"steps\":200}");
    (void) rig_expect(rig, PT_CMD_PROGRESS);

    began = now_ms();
    rig_say(rig, PT_CMD_CANCEL_ATTEMPT, 1, 0);

    /* the one slot is free again */
    rig_assign(rig, 2, "noop", "{}");
    assert_int_equal(rig_expect(rig, PT_CMD_DONE).u.done.job.bytes[15], 2);
    assert_true(now_ms() - began < 5000);
    rig_say(rig, PT_CMD_ACK, 2, 1);

    assert_false(rig_hears(rig, PT_CMD_FAILED, 1200));
}


static void
test_the_outputs_of_attempts_without_success_are_deleted(void **state)
{
    char     path[PATH_MAX];
    rig_t   *rig = *state;
    size_t   i;

    /* one that has failed, and one in the middle of its work */
    static const struct {
        const char    *then;
        pt_command_t   heard;
    } ends[] = {
        { "\"code\":\"input_broken\"", PT_CMD_FAILED },
        { "\"seconds\":20", PT_CMD_OUTPUT }
    };

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        (void) snprintf(path, sizeof(path), "{\"name\":\"x.txt\",%s}",
                        ends[i].then);
        rig_assign(rig, (uint8_t) (i + 1), "output", path);
        (void) rig_expect(rig, ends[i].heard);

        rig_path(rig, path, i == 0 ? "storage/jobs/01/"
                 "00000000-0000-0000-0000-000000000001/1/x.txt"
                 : "storage/jobs/02/"
                 "00000000-0000-0000-0000-000000000002/1/x.txt");
        assert_int_equal(access(path, R_OK), 0);

        rig_say(rig, PT_CMD_CANCEL_ATTEMPT, (uint8_t) (i + 1), 0);
        assert_true(rig_sees_gone(path));
    }
}


/* its DONE may be committed: only the ACK, or its sender, was lost */
static void
test_a_cancel_deletes_no_output_of_what_is_done(void **state)
{
    char    path[PATH_MAX];
    rig_t  *rig = *state;

    rig_start(rig, "--slots", "1");
    (void) rig_expect(rig, PT_CMD_READY);

    rig_assign(rig, 1, "output", "{\"name\":\"x.txt\"}");
    (void) rig_expect(rig, PT_CMD_DONE);

    /* first of an attempt that is done, then of one it has forgotten */
    rig_say(rig, PT_CMD_CANCEL_ATTEMPT, 1, 0);
    rig_say(rig, PT_CMD_CANCEL_ATTEMPT, 1, 0);

    /* nor does it speak of it again */
    (void) rig_hears(rig, PT_CMD_DONE, 200);
    assert_false(rig_hears(rig, PT_CMD_DONE, 1500));

    rig_path(rig, path, "storage/jobs/01/"
             "00000000-0000-0000-0000-000000000001/1/x.txt");
    assert_int_equal(access(path, R_OK), 0);
}


static void
test_each_bad_end_has_its_code(void **state)
{
    size_t     i;
    rig_t     *rig = *state;
    pt_msg_t   m;

    static const struct {
        const char  *action;
        const char  *params;
        uint64_t     deadline_ms;
        const char  *code;
        const char  *message;      /* a part of it */
    } ends[] = {
        { "fail", "{\"code\":\"input_broken\",\"message\":\"no index\"}", 0,
          "input_broken", "no index" },
        { "crash", "{\"signal\":11}", 0, "processor_crashed", "SIGSEGV" },
        { "crash", "{\"signal\":9}", 0, "processor_crashed", "SIGKILL" },
        { "crash", "{\"signal\":0}", 0, "processor_crashed", "status 7" },
        { "hog", "{\"what\":\"file\"}", 0, "resource_limit_exceeded",
          "67108864 bytes" },
        { "hog", "{\"what\":\"cpu\"}", 0, "resource_limit_exceeded",
          "CPU time" },
        { "sleep", "{\"seconds\":9,\"steps\":9}", 200, "timeout", "0.2 s" },
        { "no-such", "{}", 0, "unknown_action", "cannot" },
        { "output", "{\"name\":\"../x\"}", 0, "invalid", "../x" },
        { "output", "{\"name\":\"a/.x\"}", 0, "invalid", "a/.x" },
        { "output", "{\"name\":\"A\"}", 0, "invalid", "\"A\"" },
        { "output", "{\"name\":\"big\",\"bytes\":33554433}", 0,
          "resource_limit_exceeded", "33554432 bytes" },
    };

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        rig_assign_full(rig, (uint8_t) (i + 1), ends[i].action,
                        ends[i].params, "[]", ends[i].deadline_ms);

        m = rig_expect(rig, PT_CMD_FAILED);
        assert_int_equal(m.u.failed.job.bytes[15], i + 1);
        assert_true(pt_str_is(m.u.failed.code, ends[i].code));
        assert_non_null(memmem(m.u.failed.message.data,
                               m.u.failed.message.len, ends[i].message,
                               strlen(ends[i].message)));
        rig_say(rig, PT_CMD_ACK, (uint8_t) (i + 1), m.u.failed.n);
    }

    /* and the processor lives on */
    rig_assign(rig, 99, "noop", "{}");
    assert_int_equal(rig_expect(rig, PT_CMD_DONE).u.done.job.bytes[15], 99);
}


/* two slots, two children that never wait again: the third job has room */
static void
test_a_child_that_is_done_and_stays_is_ended(void **state)
{
    rig_t    *rig = *state;
    uint8_t   i;
    pt_msg_t  m;

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);

    for (i = 1; i <= 2; i++) {
        rig_assign(rig, i, "linger", "{}");
    }

    for (i = 1; i <= 2; i++) {
        m = rig_expect(rig, PT_CMD_DONE);
        rig_say(rig, PT_CMD_ACK, m.u.done.job.bytes[15], m.u.done.n);
    }

    rig_assign(rig, 9, "noop", "{}");
    assert_int_equal(rig_expect(rig, PT_CMD_DONE).u.done.job.bytes[15], 9);
}


static void
test_memory_is_limited(void **state)
{
    rig_t     *rig = *state;
    pt_msg_t   m;

#if defined(__SANITIZE_ADDRESS__)
    skip();        /* its shadow memory leaves no room for a limit */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    skip();
#endif
#endif

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);

    rig_assign(rig, 1, "hog", "{\"what\":\"memory\"}");
    m = rig_expect(rig, PT_CMD_FAILED);
    assert_true(pt_str_is(m.u.failed.code, "resource_limit_exceeded"));
}


static void
test_an_input_is_readable_and_out_of_reach(void **state)
{
    char              path[PATH_MAX], text[16];
    FILE             *f;
    rig_t            *rig = *state;
    pt_msg_t          m;
    pt_json_t        *result;
    const pt_json_t  *way;

    static const char  inputs[] =
        "[{\"id\":\"f1\",\"key\":\"files/f1/f1\",\"size\":5,"
        "\"media_type\":\"text/plain\",\"name\":\"a.txt\"}]";

    rig_write(rig, "storage/files/f1/f1", "hello");
    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);

    rig_assign_full(rig, 1, "read-file", "{\"file\":\"f1\"}", inputs, 0);
    m = rig_expect(rig, PT_CMD_DONE);
    assert_true(pt_str_is(m.u.done.result, "{\"size\":5,\"sha256\":\""
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        "\"}"));
    rig_say(rig, PT_CMD_ACK, 1, 1);

    rig_assign_full(rig, 2, "escape", "{\"file\":\"f1\"}", inputs, 0);
    m = rig_expect(rig, PT_CMD_DONE);
    assert_int_equal(pt_json_parse(m.u.done.result, &pt_mem_heap, &result,
                                   NULL), PT_OK);
    assert_true(result->n >= 35);

    for (way = result->first; way != NULL; way = way->next) {
        if (pt_str_is(way->text, "none")) {
            fail_msg("got out by \"%.*s\"", PT_STR_ARG(way->key));
        }
    }

    pt_json_free(result);

    rig_path(rig, path, "storage/files/f1/f1");
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    assert_string_equal(text, "hello");
    (void) fclose(f);
}


static void
test_a_missing_input_is_gone(void **state)
{
    rig_t  *rig = *state;

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);

    rig_assign_full(rig, 1, "read-file", "{\"file\":\"f1\"}",
                    "[{\"id\":\"f1\",\"key\":\"files/f1/f1\"}]", 0);
    assert_true(pt_str_is(rig_expect(rig, PT_CMD_FAILED).u.failed.code,
                          "gone"));
}


static void
test_a_tree_is_one_output(void **state)
{
    rig_t     *rig = *state;
    pt_msg_t   m;

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);

    rig_assign(rig, 1, "tree", "{\"name\":\"hls\",\"files\":20}");
    m = rig_expect(rig, PT_CMD_OUTPUT);
    assert_true(pt_str_is(m.u.output.body,
        "{\"name\":\"hls\",\"kind\":\"tree\",\"entry\":\"index.m3u8\","
        "\"files\":21,\"size\":20008,\"key\":\"jobs/01/"
        "00000000-0000-0000-0000-000000000001/1/hls/\"}"));
    (void) rig_expect(rig, PT_CMD_DONE);

    assert_int_equal(rig_entries(rig, "storage/jobs/01/"
        "00000000-0000-0000-0000-000000000001/1/hls/segments"), 20);
}


/* its size is told anew at the end, and what it grew by is in its place */
static void
test_a_tree_grows_while_its_job_runs(void **state)
{
    rig_t     *rig = *state;
    pt_msg_t   m;

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);

    rig_assign(rig, 1, "tree", "{\"name\":\"hls\",\"files\":2,\"grow\":3}");
    m = rig_expect(rig, PT_CMD_OUTPUT);
    assert_true(pt_str_is(m.u.output.body,
        "{\"name\":\"hls\",\"kind\":\"tree\",\"entry\":\"index.m3u8\","
        "\"files\":3,\"size\":2008,\"key\":\"jobs/01/"
        "00000000-0000-0000-0000-000000000001/1/hls/\"}"));

    m = rig_expect(rig, PT_CMD_OUTPUT);
    assert_int_equal(m.u.output.n, 2);
    assert_true(pt_str_is(m.u.output.body,
        "{\"name\":\"hls\",\"kind\":\"tree\",\"entry\":\"index.m3u8\","
        "\"files\":6,\"size\":5103,\"key\":\"jobs/01/"
        "00000000-0000-0000-0000-000000000001/1/hls/\"}"));
    (void) rig_expect(rig, PT_CMD_DONE);

    assert_int_equal(rig_entries(rig, "storage/jobs/01/"
        "00000000-0000-0000-0000-000000000001/1/hls/segments"), 5);
}


static void
test_nothing_survives_a_killed_parent(void **state)
{
    size_t   i, n;
    rig_t   *rig = *state;
    pid_t    pids[PIDS_MAX];

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);
    rig_assign(rig, 1, "hog", "{\"what\":\"cpu\"}");
    rig_assign(rig, 2, "sleep", "{\"seconds\":9,\"steps\":90}");
    (void) rig_expect(rig, PT_CMD_PROGRESS);

    /* the zygote and two children at least */
    n = descendants(rig->pid, pids);
    assert_true(n >= 3);

    (void) kill(rig->pid, SIGKILL);
    (void) rig_wait(rig);

    for (i = 0; i < 200 && !all_gone(pids, n); i++) {
        nap();
    }

    assert_true(all_gone(pids, n));

    /* what it left in the scratch folder goes when the next one starts */
    assert_int_equal(rig_entries(rig, "scratch"), 1);
    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);
    assert_int_equal(rig_entries(rig, "scratch"), 1);
}


static void
test_a_processor_without_zygote_ends(void **state)
{
    size_t   i, n;
    rig_t   *rig = *state;
    pid_t    pids[PIDS_MAX];

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);
    rig_assign(rig, 1, "sleep", "{\"seconds\":9,\"steps\":90}");
    (void) rig_expect(rig, PT_CMD_PROGRESS);

    n = descendants(rig->pid, pids);
    assert_true(n >= 3);
    (void) kill(pids[0], SIGKILL);

    assert_int_equal(rig_wait(rig), 1);

    for (i = 0; i < 200 && !all_gone(pids, n); i++) {
        nap();
    }

    assert_true(all_gone(pids, n));
    assert_int_equal(rig_entries(rig, "scratch"), 0);
}


static void
test_sigterm_finishes_what_runs(void **state)
{
    rig_t     *rig = *state;
    pt_msg_t   m;

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);
    rig_assign(rig, 1, "sleep", "{\"seconds\":0.5,\"steps\":5}");
    (void) rig_expect(rig, PT_CMD_PROGRESS);

    (void) kill(rig->pid, SIGTERM);

    m = rig_expect(rig, PT_CMD_READY);
    assert_int_equal(m.u.ready.slots, 0);
    assert_int_equal(pt_marks_count(m.u.ready.running), 1);

    rig_assign(rig, 2, "noop", "{}");
    m = rig_expect(rig, PT_CMD_FAILED);
    assert_true(pt_str_is(m.u.failed.code, "unavailable"));
    rig_say(rig, PT_CMD_ACK, 2, 1);

    m = rig_expect(rig, PT_CMD_DONE);
    assert_int_equal(m.u.done.job.bytes[15], 1);
    rig_say(rig, PT_CMD_ACK, 1, 1);

    (void) rig_expect(rig, PT_CMD_BYE);
    assert_int_equal(rig_wait(rig), 0);
    assert_int_equal(rig_entries(rig, "scratch"), 0);
}


static void
test_a_second_sigterm_waits_for_nobody(void **state)
{
    rig_t  *rig = *state;

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);
    rig_assign(rig, 1, "sleep", "{\"seconds\":20,\"steps\":200}");
    (void) rig_expect(rig, PT_CMD_PROGRESS);

    (void) kill(rig->pid, SIGTERM);
    (void) rig_expect(rig, PT_CMD_READY);
    (void) kill(rig->pid, SIGTERM);

    assert_int_equal(rig_wait(rig), 1);
    assert_int_equal(rig_entries(rig, "scratch"), 0);
}


static void
test_many_jobs_leave_no_descriptor_and_no_folder(void **state)
{
    int        i;
    rig_t     *rig = *state;
    pid_t      pids[PIDS_MAX];
    unsigned   before, zygote_before;
    pt_msg_t   m;

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);

    before = zygote_before = 0;

    /* every tenth takes its child with it */
    for (i = 0; i < 450; i++) {
        rig_assign(rig, 1, i % 10 == 9 ? "crash" : "noop", "{}");
        m = rig_expect(rig, i % 10 == 9 ? PT_CMD_FAILED : PT_CMD_DONE);
        rig_say(rig, PT_CMD_ACK, 1, m.u.done.n);

        if (i == 30) {
            nap();
            assert_true(children_of(rig->pid, pids, PIDS_MAX) == 1);
            before = fds_of(rig->pid);
            zygote_before = fds_of(pids[0]);
        }
    }

    for (i = 0; i < 200; i++) {
        nap();

        if (fds_of(rig->pid) <= before && fds_of(pids[0]) <= zygote_before
            && descendants(rig->pid, pids) == 3)
        {
            break;
        }
    }

    assert_true(fds_of(rig->pid) <= before);
    assert_true(fds_of(pids[0]) <= zygote_before);
    assert_int_equal(descendants(rig->pid, pids), 3);
}


/* as one PACK; job i is the crash */
static void
rig_crowd(rig_t *rig, uint8_t n, uint8_t crash)
{
    uint8_t      i;
    pt_buf_t     buf;
    pt_msg_t     m;
    pt_frames_t  f;

    pt_buf_init(&buf, &pt_mem_heap, PT_PACK_MAX);

    for (i = 1; i <= n; i++) {
        m = (pt_msg_t) { .command = PT_CMD_ASSIGN };
        m.u.assign = (pt_assign_t) { job_id(i), 1,
            i == crash ? PT_STR("crash") : PT_STR("noop"),
            PT_STR("{\"signal\":9}"), 0, PT_STR("u1"), PT_STR("user"),
            PT_STR("creator"), PT_STR_NULL, PT_STR("[]") };
        assert_int_equal(pt_wire_encode(&m, &f), PT_OK);
        pt_pack_add(&buf, &f);
    }

    m = (pt_msg_t) { .command = PT_CMD_PACK };
    m.u.pack.messages = pt_buf_str(&buf);
    rig_send(rig, &m);
    pt_buf_done(&buf);
}


static void
test_jobs_that_ask_for_rows_of_the_platform_are_told_apart(void **state)
{
    char       path[256], share[256];
    FILE      *f;
    rig_t     *rig = *state;
    size_t     i;
    pt_msg_t   m;

    static const char *const  below[] = {
        "share", "share/platform", "share/platform/test-service"
    };

    static const char  uncached[] = "\"uncached_with\":\"pitch_id\"";

    for (i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        (void) snprintf(path, sizeof(path), "%s/%s", rig->dir, below[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }

    (void) snprintf(path, sizeof(path), "%s/%s/echo.sql", rig->dir, below[2]);
    f = fopen(path, "w");
    assert_non_null(f);
    (void) fputs("-- when: pitch_id\nSELECT '{}'::jsonb\n", f);
    (void) fclose(f);

    (void) snprintf(share, sizeof(share), "%s/share", rig->dir);
    rig_start(rig, (char *) (uintptr_t) "--share", share);

    m = rig_expect(rig, PT_CMD_READY);
    assert_non_null(memmem(m.u.ready.actions.data, m.u.ready.actions.len,
                           uncached, sizeof(uncached) - 1));

    rig_assign(rig, 1, "echo", "{\"a\":1}");
    (void) rig_expect(rig, PT_CMD_DONE);
    rig_say(rig, PT_CMD_ACK, 1, 1);

    /* no database is named in this environment */
    rig_assign(rig, 2, "echo", "{\"pitch_id\":1}");
    m = rig_expect(rig, PT_CMD_FAILED);
    assert_true(pt_str_is(m.u.failed.code, "unavailable"));
    assert_int_equal(m.u.failed.retryable, 1);
    rig_say(rig, PT_CMD_ACK, 2, 1);
}


static void
test_a_crowd_of_light_jobs_shares_a_slot(void **state)
{
    int        i, round;
    rig_t     *rig = *state;
    bool       seen[101];
    pid_t      before[PIDS_MAX], after[PIDS_MAX];
    pt_msg_t   m;

    rig_start(rig, NULL, NULL);
    m = rig_expect(rig, PT_CMD_READY);
    assert_int_equal(m.u.ready.group, 64);
    assert_non_null(memmem(m.u.ready.actions.data, m.u.ready.actions.len,
                           "\"light\":true", 12));

    /* two slots, 1,000 jobs a child: both are replaced */
    for (round = 0; round < 30; round++) {
        memset(seen, 0, sizeof(seen));
        rig_crowd(rig, 100, 0);

        for (i = 0; i < 100; i++) {
            m = rig_expect(rig, PT_CMD_DONE);
            assert_false(seen[m.u.done.job.bytes[15]]);
            seen[m.u.done.job.bytes[15]] = true;
            rig_say(rig, PT_CMD_ACK, m.u.done.job.bytes[15], 1);
        }

        if (round == 0) {
            assert_int_equal(descendants(rig->pid, before), 3);
        }
    }

    for (i = 0; i < 200 && descendants(rig->pid, after) != 3; i++) {
        nap();
    }

    assert_int_equal(descendants(rig->pid, after), 3);
    assert_int_equal(before[0], after[0]);
    assert_true(before[1] != after[1] && before[2] != after[2]);
}


static void
test_a_crash_among_light_jobs_is_its_own_only(void **state)
{
    int        i, failed = 0;
    bool       seen[101] = { false };
    rig_t     *rig = *state;
    uint8_t    job;
    pt_msg_t   m;
    uint64_t   end = now_ms() + WAIT_MS;

    rig_start(rig, NULL, NULL);
    (void) rig_expect(rig, PT_CMD_READY);
    rig_crowd(rig, 100, 31);

    for (i = 0; i < 100 && now_ms() < end; ) {
        if (!rig_receive(rig, 100, &m)
            || (m.command != PT_CMD_DONE && m.command != PT_CMD_FAILED))
        {
            continue;
        }

        job = m.u.done.job.bytes[15];

        if (!seen[job]) {
            seen[job] = true;
            i++;
            assert_int_equal(m.command, job == 31 ? PT_CMD_FAILED
                                                  : PT_CMD_DONE);
            failed += m.command == PT_CMD_FAILED;
        }
    }

    assert_int_equal(i, 100);
    assert_int_equal(failed, 1);
}


static void
test_it_ends_when_nobody_is_there_for_long(void **state)
{
    rig_t  *rig = *state;

    assert_int_equal(zmq_close(rig->socket), 0);
    rig->socket = NULL;

    rig_start(rig, "--orphan-timeout", "1");
    assert_int_equal(rig_wait(rig), 0);
}


/* ---- the rig ---- */

static int
rig_open(void **state)
{
    char    path[128];
    int     linger = 0, mandatory = 1;
    rig_t  *rig;

    rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);

    (void) snprintf(rig->dir, sizeof(rig->dir), "/tmp/pt-rig.XXXXXX");
    assert_non_null(mkdtemp(rig->dir));

    (void) snprintf(path, sizeof(path), "%s/storage", rig->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void) snprintf(path, sizeof(path), "%s/scratch", rig->dir);
    assert_int_equal(mkdir(path, 0700), 0);

    rig->zctx = zmq_ctx_new();
    rig->socket = zmq_socket(rig->zctx, ZMQ_ROUTER);
    (void) zmq_setsockopt(rig->socket, ZMQ_LINGER, &linger, sizeof(linger));
    (void) zmq_setsockopt(rig->socket, ZMQ_ROUTER_MANDATORY, &mandatory,
                          sizeof(mandatory));

    (void) snprintf(path, sizeof(path), "ipc://%s/processors.sock", rig->dir);
    assert_int_equal(zmq_bind(rig->socket, path), 0);

    *state = rig;
    return 0;
}


static int
rig_close(void **state)
{
    rig_t  *rig = *state;

    if (rig->pid != 0) {
        (void) kill(rig->pid, SIGKILL);
        (void) rig_wait(rig);
    }

    if (rig->socket != NULL) {
        (void) zmq_close(rig->socket);
    }

    (void) zmq_ctx_term(rig->zctx);
    (void) pt_folder_remove(rig->dir);
    free(rig);

    return 0;
}


static void
rig_start(rig_t *rig, char *more, char *value)
{
    char  *argv[16], endpoint[128], storage[128], scratch[128], log[128];
    int    n = 0, fd;

    (void) snprintf(endpoint, sizeof(endpoint), "ipc://%s/processors.sock",
                    rig->dir);
    (void) snprintf(storage, sizeof(storage), "%s/storage", rig->dir);
    (void) snprintf(scratch, sizeof(scratch), "%s/scratch", rig->dir);
    (void) snprintf(log, sizeof(log), "%s/log", rig->dir);

    argv[n++] = getenv("PITCHEY_TEST_PROCESSOR");
    assert_non_null(argv[0]);
    argv[n++] = (char *) "--connect";
    argv[n++] = endpoint;
    argv[n++] = (char *) "--storage";
    argv[n++] = storage;
    argv[n++] = (char *) "--scratch";
    argv[n++] = scratch;
    argv[n++] = (char *) "--slots";
    argv[n++] = (char *) "2";

    if (more != NULL) {
        argv[n++] = more;
        argv[n++] = value;
    }

    argv[n] = NULL;

    rig->pid = fork();

    if (rig->pid == 0) {
        fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        (void) dup2(fd, STDERR_FILENO);
        (void) execv(argv[0], argv);
        _exit(127);
    }

    assert_true(rig->pid > 0);
}


/* for the end of the processor: its exit status, or -1 */
static int
rig_wait(rig_t *rig)
{
    int       status = 0;
    uint64_t  end = now_ms() + WAIT_MS;

    while (waitpid(rig->pid, &status, WNOHANG) == 0 && now_ms() < end) {
        nap();
    }

    rig->pid = 0;

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}


static bool
rig_receive(rig_t *rig, int ms, pt_msg_t *ret_m)
{
    int     rc, more;
    size_t  n, size = sizeof(more);

    if (rig->rest.len) {
        assert_int_equal(pt_pack_next(&rig->rest, rig->strs, &n), PT_OK);
        assert_int_equal(pt_wire_decode(rig->strs, n, ret_m, NULL), PT_OK);
        return true;
    }

    (void) zmq_setsockopt(rig->socket, ZMQ_RCVTIMEO, &ms, sizeof(ms));

    rc = zmq_recv(rig->socket, rig->peer, sizeof(rig->peer), 0);
    if (rc == -1) {
        return false;
    }

    rig->peer_len = (size_t) rc;

    for (n = 0, more = 1; more && n < PT_WIRE_FRAMES_MAX; n++) {
        rc = zmq_recv(rig->socket, rig->frames[n], FRAME_MAX, 0);
        assert_true(rc >= 0 && rc <= (int) FRAME_MAX);
        rig->strs[n] = (pt_str_t) { rig->frames[n], (size_t) rc };
        (void) zmq_getsockopt(rig->socket, ZMQ_RCVMORE, &more, &size);
    }

    assert_int_equal(pt_wire_decode(rig->strs, n, ret_m, NULL), PT_OK);

    if (ret_m->command == PT_CMD_PACK) {
        rig->rest = ret_m->u.pack.messages;
        return rig_receive(rig, ms, ret_m);
    }

    return true;
}


/* the next message of this kind; it must come */
static pt_msg_t
rig_expect(rig_t *rig, pt_command_t command)
{
    pt_msg_t  m;
    uint64_t  end = now_ms() + WAIT_MS;

    while (now_ms() < end) {
        if (rig_receive(rig, 100, &m) && m.command == command) {
            return m;
        }
    }

    fail_msg("no %s came", pt_command_name(command));
    return m;
}


static bool
rig_hears(rig_t *rig, pt_command_t command, int ms)
{
    pt_msg_t  m;
    uint64_t  end = now_ms() + (uint64_t) ms;

    while (now_ms() < end) {
        if (rig_receive(rig, 50, &m) && m.command == command) {
            return true;
        }
    }

    return false;
}


static void
rig_send(rig_t *rig, const pt_msg_t *m)
{
    size_t       i;
    pt_frames_t  f;

    assert_int_equal(pt_wire_encode(m, &f), PT_OK);
    assert_true(zmq_send(rig->socket, rig->peer, rig->peer_len, ZMQ_SNDMORE)
                >= 0);

    for (i = 0; i < f.n; i++) {
        assert_true(zmq_send(rig->socket, f.frames[i].data, f.frames[i].len,
                             i + 1 < f.n ? ZMQ_SNDMORE : 0) >= 0);
    }
}


static void
rig_assign(rig_t *rig, uint8_t job, const char *action, const char *params)
{
    rig_assign_full(rig, job, action, params, "[]", 0);
}


static void
rig_assign_full(rig_t *rig, uint8_t job, const char *action,
    const char *params, const char *inputs, uint64_t deadline_ms)
{
    pt_msg_t  m = { .command = PT_CMD_ASSIGN };

    m.u.assign = (pt_assign_t) {
        .job = job_id(job),
        .attempt = 1,
        .action = pt_str(action),
        .params = pt_str(params),
        .deadline_ms = deadline_ms,
        .user = PT_STR("u1"),
        .role = PT_STR("user"),
        .user_type = PT_STR("creator"),
        .inputs = pt_str(inputs)
    };

    rig_send(rig, &m);
}


static void
rig_say(rig_t *rig, pt_command_t command, uint8_t job, uint32_t n)
{
    pt_msg_t  m = { .command = command };

    m.u.attempt = (pt_attempt_ref_t) { job_id(job), 1, n };

    /* past the time in which a WHO is taken for one that crossed a READY */
    if (command == PT_CMD_WHO) {
        (void) usleep(300000);
    }

    rig_send(rig, &m);
}


static void
rig_path(rig_t *rig, char *to, const char *below)
{
    (void) snprintf(to, PATH_MAX, "%s/%s", rig->dir, below);
}


static void
rig_write(rig_t *rig, const char *below, const char *text)
{
    int    fd;
    char   path[PATH_MAX], *p;

    rig_path(rig, path, below);

    for (p = path + strlen(rig->dir) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        (void) mkdir(path, 0700);
        *p = '/';
    }

    fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd != -1);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void) close(fd);
}


static size_t
rig_entries(rig_t *rig, const char *below)
{
    DIR            *d;
    char            path[PATH_MAX];
    size_t          n = 0;
    struct dirent  *e;

    rig_path(rig, path, below);
    d = opendir(path);
    assert_non_null(d);

    while ((e = readdir(d)) != NULL) {
        n += e->d_name[0] != '.';
    }

    (void) closedir(d);
    return n;
}


static bool
rig_sees_gone(const char *path)
{
    int  i;

    for (i = 0; i < 200 && access(path, F_OK) == 0; i++) {
        nap();
    }

    return access(path, F_OK) == -1;
}


static pt_id_t
job_id(uint8_t n)
{
    pt_id_t  id = { { 0 } };

    id.bytes[15] = n;
    return id;
}


static size_t
children_of(pid_t parent, pid_t *pids, size_t n)
{
    int     pid, got = 0, ppid;
    DIR    *d;
    char    path[300], line[512], *at;
    FILE   *f;
    struct dirent  *e;

    d = opendir("/proc");
    assert_non_null(d);

    while ((e = readdir(d)) != NULL && got < (int) n) {
        pid = atoi(e->d_name);
        (void) snprintf(path, sizeof(path), "/proc/%d/stat", pid);

        if (pid == 0 || (f = fopen(path, "r")) == NULL) {
            continue;
        }

        if (fgets(line, sizeof(line), f) && (at = strrchr(line, ')'))
            && sscanf(at + 1, " %*c %d", &ppid) == 1 && ppid == parent)
        {
            pids[got++] = pid;
        }

        (void) fclose(f);
    }

    (void) closedir(d);
    return (size_t) got;
}


/* the zygote first, then its children */
static size_t
descendants(pid_t parent, pid_t *pids)
{
    size_t  n;

    n = children_of(parent, pids, 1);

    return n == 0 ? 0 : 1 + children_of(pids[0], pids + 1, PIDS_MAX - 1);
}


static bool
all_gone(const pid_t *pids, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (kill(pids[i], 0) == 0) {
            return false;
        }
    }

    return true;
}


static unsigned
fds_of(pid_t pid)
{
    DIR       *d;
    char       path[64];
    unsigned   n = 0;

    (void) snprintf(path, sizeof(path), "/proc/%d/fd", (int) pid);
    d = opendir(path);
    assert_non_null(d);

    while (readdir(d) != NULL) {
        n++;
    }

    (void) closedir(d);
    return n;
}


static uint64_t
start_time_of(pid_t pid)
{
    char                 path[64], line[1024], *at;
    FILE                *f;
    unsigned long long   ticks = 0;

    (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    (void) fclose(f);

    at = strrchr(line, ')');
    assert_non_null(at);
    assert_int_equal(sscanf(at + 1, " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
                            " %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
                            &ticks), 1);
    return ticks;
}


static uint64_t
now_ms(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);

    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}


static void
nap(void)
{
    (void) usleep(20000);
}


#define RIG(test)  cmocka_unit_test_setup_teardown(test, rig_open, rig_close)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        RIG(test_it_announces_itself_and_runs_a_job),
        RIG(test_reports_come_in_order_and_again_until_acknowledged),
        RIG(test_a_new_orchestrator_learns_what_runs),
        RIG(test_the_same_assignment_twice_is_one_attempt),
        RIG(test_more_than_the_credit_is_refused_and_may_come_again),
        RIG(test_a_cancelled_attempt_ends_at_once_without_a_word),
        RIG(test_the_outputs_of_attempts_without_success_are_deleted),
        RIG(test_a_cancel_deletes_no_output_of_what_is_done),
        RIG(test_each_bad_end_has_its_code),
        RIG(test_a_child_that_is_done_and_stays_is_ended),
        RIG(test_memory_is_limited),
        RIG(test_an_input_is_readable_and_out_of_reach),
        RIG(test_a_missing_input_is_gone),
        RIG(test_a_tree_is_one_output),
        RIG(test_a_tree_grows_while_its_job_runs),
        RIG(test_nothing_survives_a_killed_parent),
        RIG(test_a_processor_without_zygote_ends),
        RIG(test_sigterm_finishes_what_runs),
        RIG(test_a_second_sigterm_waits_for_nobody),
        RIG(test_many_jobs_leave_no_descriptor_and_no_folder),
        RIG(test_jobs_that_ask_for_rows_of_the_platform_are_told_apart),
        RIG(test_a_crowd_of_light_jobs_shares_a_slot),
        RIG(test_a_crash_among_light_jobs_is_its_own_only),
        RIG(test_it_ends_when_nobody_is_there_for_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
