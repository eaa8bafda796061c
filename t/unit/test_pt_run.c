/*
 * One job from the command line: its deadline, and a parent that hears what a
 * child says that was taken over.
 */

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pt_child.h"
#include "pt_folder.h"


/* what a child says instead of being content with its result */
typedef struct {
    const char     *name;
    pt_childmsg_t   says;
} lie_t;


static pt_err_t action_sleep(pt_job_t *job);
static pt_err_t action_lie(pt_job_t *job);
static int run_open(void **state);
static int run_close(void **state);
static int run(const char *dir, const char *action, const char *params);
static int without_landlock(void);
static void assert_said(const char *dir, const char *part);


static bool  lose_landlock;


static const lie_t  lies[] = {
    { "idle in the middle of a job", { .kind = PT_CHILDMSG_IDLE } },
    { "a result that is empty",
      { .kind = PT_CHILDMSG_DONE, .json = { "", 0 } } },
    { "a result that is no JSON",
      { .kind = PT_CHILDMSG_DONE, .json = { "{\"a\":", 5 } } },
    { "errors that are no list",
      { .kind = PT_CHILDMSG_FAILED, .json = { "{}", 2 } } },
    { "a job", { .kind = PT_CHILDMSG_JOB } },
    { "a media type that is two header lines",
      { .kind = PT_CHILDMSG_OUTPUT, .name = { "a", 1 }, .path = { "a", 1 },
        .media_type = { "text/html\r\nX: y", 15 } } },
    { "a name above its folder",
      { .kind = PT_CHILDMSG_OUTPUT, .name = { "../a", 4 }, .path = { "a", 1 },
        .media_type = { "text/html", 9 } } }
};

#define LIES  (sizeof(lies) / sizeof(lies[0]))


static const pt_action_t  actions[] = {
    { "sleep", action_sleep, 0 },
    { "lie",   action_lie,   0 },
    { NULL, NULL, 0 }
};

static const pt_processor_t  declared = {
    .service   = "run-service",
    .actions   = actions,
    .timeout_s = 2
};


static void
test_a_job_without_a_deadline_has_its_processors(void **state)
{
    assert_int_equal(run(*state, "sleep", "{\"seconds\":60}"), 1);
    assert_said(*state, "\"code\":\"timeout\"");
    assert_said(*state, "2.0 s");

    assert_int_equal(run(*state, "sleep", "{\"seconds\":0}"), 0);
    assert_said(*state, "\"status\":\"succeeded\"");
}


static void
test_a_child_that_lies_is_ended(void **state)
{
    char    params[64];
    size_t  i;

    for (i = 0; i < LIES; i++) {
        (void) snprintf(params, sizeof(params), "{\"n\":%zu}", i);

        if (run(*state, "lie", params) != 1) {
            fail_msg("got away with %s", lies[i].name);
        }

        assert_said(*state, "\"code\":\"processor_crashed\"");
        assert_said(*state, "broke the protocol");
    }
}


static void
test_a_kernel_without_landlock_is_refused_unless_told(void **state)
{
    lose_landlock = true;
    assert_int_equal(run(*state, "sleep", "{}"), 1);
    assert_said(*state, "no Landlock");

    assert_int_equal(setenv("PITCHEY_WITHOUT_LANDLOCK", "1", 1), 0);
    assert_int_equal(run(*state, "sleep", "{}"), 0);
    assert_said(*state, "no Landlock");
    assert_said(*state, "\"status\":\"succeeded\"");

    assert_int_equal(unsetenv("PITCHEY_WITHOUT_LANDLOCK"), 0);
    lose_landlock = false;
}


/* ---- in a child ---- */

static pt_err_t
action_sleep(pt_job_t *job)
{
    (void) sleep((unsigned) pt_json_int(pt_job_params(job), "seconds", 0));

    return PT_OK;
}


static pt_err_t
action_lie(pt_job_t *job)
{
    int64_t   n;
    pt_buf_t  buf;

    n = pt_json_int(pt_job_params(job), "n", 0);

    pt_buf_init(&buf, &pt_mem_heap, PT_CHILDMSG_MAX);
    pt_childmsg_write(&buf, &lies[n].says);

    if (write(job->fd, buf.data, buf.len) != (ssize_t) buf.len) {
        _exit(1);
    }

    /* to be ended at once, not by its deadline */
    (void) sleep(60);

    return PT_OK;
}


/* ---- around it ---- */

static int
run_open(void **state)
{
    static char  dir[] = "/tmp/pt-run-XXXXXX";

    (void) strcpy(dir + sizeof(dir) - 7, "XXXXXX");
    *state = mkdtemp(dir);

    return *state == NULL ? -1 : 0;
}


static int
run_close(void **state)
{
    return pt_folder_remove(*state) == PT_OK ? 0 : -1;
}


/* its exit status; what it said is in the file "said" */
static int
run(const char *dir, const char *action, const char *params)
{
    char   file[128], out[128], said[128];
    char  *argv[] = {
        (char *) "test_pt_run", (char *) "run",
        (char *) (uintptr_t) action, (char *) "--params", file,
        (char *) "--out", out, NULL
    };
    FILE  *f;
    int    status, fd;
    pid_t  pid;

    (void) snprintf(file, sizeof(file), "%s/params", dir);
    (void) snprintf(out, sizeof(out), "%s/out", dir);
    (void) snprintf(said, sizeof(said), "%s/said", dir);

    f = fopen(file, "w");
    assert_non_null(f);
    assert_true(fputs(params, f) >= 0);
    assert_int_equal(fclose(f), 0);

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        fd = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        (void) dup2(fd, STDOUT_FILENO);
        (void) dup2(fd, STDERR_FILENO);
        (void) close(fd);

        if (lose_landlock && without_landlock() != 0) {
            _exit(99);
        }

        status = pt_processor_main(&declared, 7, argv);
        (void) fflush(stdout);
        _exit(status);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}


/* as an old kernel answers */
static int
without_landlock(void)
{
    int              rc;
    scmp_filter_ctx  ctx;

    ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (ctx == NULL) {
        return -1;
    }

    rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS),
                          SCMP_SYS(landlock_create_ruleset), 0);
    if (rc == 0) {
        rc = seccomp_load(ctx);
    }

    seccomp_release(ctx);

    return rc;
}


static void
assert_said(const char *dir, const char *part)
{
    char    said[128], text[8192];
    FILE   *f;
    size_t  len;

    (void) snprintf(said, sizeof(said), "%s/said", dir);

    f = fopen(said, "r");
    assert_non_null(f);
    len = fread(text, 1, sizeof(text) - 1, f);
    text[len] = '\0';
    (void) fclose(f);

    if (strstr(text, part) == NULL) {
        fail_msg("no %s in: %s", part, text);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_job_without_a_deadline_has_its_processors),
        cmocka_unit_test(test_a_child_that_lies_is_ended),
        cmocka_unit_test(test_a_kernel_without_landlock_is_refused_unless_told)
    };

    return cmocka_run_group_tests(tests, run_open, run_close);
}
