/*
 * The sandbox from inside: what an honest action needs works.  What it keeps
 * out is tested by the action "escape" in test_pt_processor.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "pt_folder.h"
#include "pt_sandbox.h"


#define MIB  (1ull << 20)


typedef int (*inside_fn)(void);


static int run_inside(void **state, inside_fn inside);
static int inside_files(void);
static int inside_threads(void);
static int inside_time(void);
static int inside_abort(void);
static int inside_large_file(void);
static int inside_kill_other(void);
static int inside_chdir_out(void);
static void *thread_open(void *arg);


static void
test_files_of_the_scratch_folder_work(void **state)
{
    assert_int_equal(run_inside(state, inside_files), 0);
}


static void
test_threads_start_and_end_and_are_caged_too(void **state)
{
    assert_int_equal(run_inside(state, inside_threads), 0);
}


static void
test_time_and_its_zone_work(void **state)
{
    assert_int_equal(run_inside(state, inside_time), 0);
}


static void
test_abort_tells_its_signal(void **state)
{
    assert_int_equal(run_inside(state, inside_abort), 128 + SIGABRT);
}


static void
test_a_file_over_its_limit_is_fatal(void **state)
{
    assert_int_equal(run_inside(state, inside_large_file), 128 + SIGXFSZ);
}


static void
test_other_processes_are_out_of_reach(void **state)
{
    assert_int_equal(run_inside(state, inside_kill_other), 0);
}


static void
test_folders_cannot_be_left(void **state)
{
    assert_int_equal(run_inside(state, inside_chdir_out), 0);
}


/* the line that failed, 0, or 128 and a signal */
static int
run_inside(void **state, inside_fn inside)
{
    int           status;
    char          in[PATH_MAX], out[PATH_MAX], file[PATH_MAX + 8];
    pid_t         pid;
    const char   *root = *state, *step;
    pt_sandbox_t  s = {
        .in = in, .out = out,
        .memory_bytes = 512 * MIB, .file_bytes = MIB
    };

    (void) snprintf(in, sizeof(in), "%s/in", root);
    (void) snprintf(out, sizeof(out), "%s/out", root);
    (void) snprintf(file, sizeof(file), "%s/f", in);
    assert_int_equal(mkdir(in, 0700), 0);
    assert_int_equal(mkdir(out, 0700), 0);
    (void) close(open(file, O_CREAT | O_WRONLY, 0600));

    pt_sandbox_prepare();
    pid = fork();

    if (pid == 0) {
        if (chdir(out) == -1 || pt_sandbox_enter(&s, &step) != PT_OK) {
            _exit(1);
        }

        _exit(inside());
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);

    return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                               : WEXITSTATUS(status);
}


/* an exit status is 8 bits: numbers of the steps, not lines */
#define STEP(n, what)  do { if (!(what)) { return n; } } while (0)

static int
inside_files(void)
{
    FILE  *f;
    char   text[8] = "";

    STEP(2, (f = fopen("a", "w")) != NULL);
    STEP(3, fputs("hello", f) >= 0 && fclose(f) == 0);
    STEP(4, mkdir("d", 0755) == 0 && rename("a", "d/b") == 0);
    STEP(5, (f = fopen("d/b", "r+")) != NULL);
    STEP(6, fgets(text, sizeof(text), f) && strcmp(text, "hello") == 0);
    STEP(7, ftruncate(fileno(f), 2) == 0 && fclose(f) == 0);
    STEP(8, unlink("d/b") == 0 && rmdir("d") == 0);
    STEP(9, (f = fopen("../in/f", "r")) != NULL && fclose(f) == 0);
    STEP(10, fopen("../in/f", "r+") == NULL && errno == EACCES);
    STEP(11, fopen("../in/g", "w") == NULL && errno == EACCES);
    STEP(12, (f = tmpfile()) == NULL);

    return 0;
}


static int
inside_threads(void)
{
    int        i;
    void      *rc;
    pthread_t  t[8];

    for (i = 0; i < 8; i++) {
        STEP(2, pthread_create(&t[i], NULL, thread_open, NULL) == 0);
    }

    for (i = 0; i < 8; i++) {
        STEP(3, pthread_join(t[i], &rc) == 0 && rc == (void *) 1);
    }

    return 0;
}


/* pthread_exit(): glibc wants the unwinder for it */
static void *
thread_open(void *arg)
{
    (void) arg;

    if (open("/etc/passwd", O_RDONLY) == -1 && errno == EACCES) {
        pthread_exit((void *) 1);
    }

    return NULL;
}


static int
inside_time(void)
{
    time_t           now = 0;
    struct tm        tm;
    struct timespec  t = { 0, 1000000 };

    STEP(2, localtime_r(&now, &tm) != NULL);
    STEP(3, nanosleep(&t, NULL) == 0);
    STEP(4, clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
    STEP(5, sysconf(_SC_NPROCESSORS_ONLN) >= 1);

    return 0;
}


static int
inside_abort(void)
{
    (void) signal(SIGABRT, SIG_DFL);
    abort();
}


static int
inside_large_file(void)
{
    int   fd;
    char  mib[4096] = { 0 };

    STEP(2, (fd = open("big", O_CREAT | O_WRONLY, 0600)) != -1);

    while (write(fd, mib, sizeof(mib)) > 0) { /* void */ }

    return 3;
}


static int
inside_kill_other(void)
{
    STEP(2, kill(getppid(), SIGCONT) == -1 && errno == EPERM);
    STEP(3, kill(0, 0) == -1 && errno == EPERM);
    STEP(4, kill(-1, 0) == -1 && errno == EPERM);
    STEP(5, fcntl(0, F_SETOWN, getppid()) == -1 && errno == EPERM);

    return 0;
}


static int
inside_chdir_out(void)
{
    STEP(2, chdir("/") == -1 && errno == EPERM);
    STEP(3, open("../../../../../../etc/passwd", O_RDONLY) == -1);
    STEP(4, rename("../in/f", "f") == -1);
    STEP(5, unlink("../in/f") == -1);

    return 0;
}


static int
root_open(void **state)
{
    char  *root;

    root = strdup("/tmp/pt-sandbox.XXXXXX");
    assert_non_null(mkdtemp(root));

    *state = root;
    return 0;
}


static int
root_close(void **state)
{
    (void) pt_folder_remove(*state);
    free(*state);

    return 0;
}


#define ROOT(test)  cmocka_unit_test_setup_teardown(test, root_open, root_close)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        ROOT(test_files_of_the_scratch_folder_work),
        ROOT(test_threads_start_and_end_and_are_caged_too),
        ROOT(test_time_and_its_zone_work),
        ROOT(test_abort_tells_its_signal),
        ROOT(test_a_file_over_its_limit_is_fatal),
        ROOT(test_other_processes_are_out_of_reach),
        ROOT(test_folders_cannot_be_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
