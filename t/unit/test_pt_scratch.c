/* Scratch folders: whatever a child made of its own, the parent removes. */

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
#include <unistd.h>

#include <cmocka.h>

#include "pt_folder.h"
#include "pt_scratch.h"


#define DEPTH  3000        /* folders: beyond any path and descriptor limit */


static void make_deep(const char *path, int depth);
static bool is_empty(const char *path);


static void
test_a_child_gets_in_and_out(void **state)
{
    char          *root = *state, *path, sub[PATH_MAX];
    struct stat    st;
    pt_scratch_t  *s;

    assert_int_equal(pt_scratch_open(root, "test", &s), PT_OK);
    assert_int_equal(pt_scratch_make(s, 7, &path), PT_OK);

    (void) snprintf(sub, sizeof(sub), "%s/in", path);
    assert_int_equal(stat(sub, &st), 0);
    (void) snprintf(sub, sizeof(sub), "%s/out", path);
    assert_int_equal(stat(sub, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);

    free(path);
    pt_scratch_close(s);
    assert_true(is_empty(root));
}


static void
test_emptying_keeps_the_two_folders_themselves(void **state)
{
    char          *root = *state, *path, sub[PATH_MAX];
    struct stat    before, after;
    pt_scratch_t  *s;

    assert_int_equal(pt_scratch_open(root, "test", &s), PT_OK);
    assert_int_equal(pt_scratch_make(s, 1, &path), PT_OK);

    (void) snprintf(sub, sizeof(sub), "%s/out/x", path);
    assert_int_equal(mkdir(sub, 0700), 0);
    (void) snprintf(sub, sizeof(sub), "%s/out/x/f", path);
    (void) close(open(sub, O_CREAT | O_WRONLY, 0600));

    /* the child's Landlock rules are about these inodes */
    (void) snprintf(sub, sizeof(sub), "%s/out", path);
    assert_int_equal(stat(sub, &before), 0);
    assert_int_equal(pt_scratch_empty(path), PT_OK);
    assert_int_equal(stat(sub, &after), 0);

    assert_true(before.st_ino == after.st_ino);
    assert_true(is_empty(sub));

    free(path);
    pt_scratch_close(s);
}


static void
test_no_folder_is_too_deep_or_too_closed_to_be_removed(void **state)
{
    int    i;
    char  *root = *state, path[PATH_MAX], sub[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%s/deep", root);
    assert_int_equal(mkdir(path, 0700), 0);
    make_deep(path, DEPTH);

    for (i = 0; i < 50; i++) {
        (void) snprintf(sub, sizeof(sub), "%.1000s/.lifted.%d", path, i);
        assert_int_equal(mkdir(sub, 0), 0);
    }

    (void) snprintf(sub, sizeof(sub), "%.1000s/link", path);
    assert_int_equal(symlink("/etc", sub), 0);

    assert_int_equal(pt_folder_remove(path), PT_OK);
    assert_true(is_empty(root));
    assert_int_equal(access("/etc/passwd", F_OK), 0);

    /* and none there is no error */
    assert_int_equal(pt_folder_remove(path), PT_OK);
}


static void
test_the_dead_are_cleaned_up_and_the_living_left_alone(void **state)
{
    int            fds[2], status;
    char          *root = *state, byte, path[PATH_MAX], *child;
    pid_t          pid;
    pt_scratch_t  *s;

    assert_int_equal(pipe(fds), 0);
    pid = fork();

    if (pid == 0) {
        if (pt_scratch_open(root, "test", &s) != PT_OK
            || pt_scratch_make(s, 1, &child) != PT_OK)
        {
            _exit(1);
        }

        (void) !write(fds[1], "x", 1);
        (void) pause();
        _exit(0);
    }

    assert_int_equal(read(fds[0], &byte, 1), 1);
    (void) snprintf(path, sizeof(path), "%s/test.%d/1/out", root, (int) pid);

    /* alive */
    assert_int_equal(pt_scratch_open(root, "test", &s), PT_OK);
    assert_int_equal(access(path, F_OK), 0);
    pt_scratch_close(s);

    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, &status, 0);

    /* dead, but of another service */
    assert_int_equal(pt_scratch_open(root, "tes", &s), PT_OK);
    assert_int_equal(access(path, F_OK), 0);
    pt_scratch_close(s);

    assert_int_equal(pt_scratch_open(root, "test", &s), PT_OK);
    assert_int_equal(access(path, F_OK), -1);
    pt_scratch_close(s);

    assert_true(is_empty(root));
    (void) close(fds[0]);
    (void) close(fds[1]);
}


static void
make_deep(const char *path, int depth)
{
    int  i, fd, next;

    fd = open(path, O_DIRECTORY);

    for (i = 0; i < depth; i++) {
        assert_int_equal(mkdirat(fd, "d", 0700), 0);
        next = openat(fd, "d", O_DIRECTORY);
        assert_true(next != -1);
        (void) close(openat(next, "f", O_CREAT | O_WRONLY, 0600));
        (void) close(fd);
        fd = next;
    }

    (void) close(fd);
}


/* by trying to remove it: nothing is left, hidden or not */
static bool
is_empty(const char *path)
{
    if (rmdir(path) == -1) {
        return false;
    }

    assert_int_equal(mkdir(path, 0700), 0);
    return true;
}


static int
root_open(void **state)
{
    char  *root;

    root = strdup("/tmp/pt-scratch.XXXXXX");
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
        ROOT(test_a_child_gets_in_and_out),
        ROOT(test_emptying_keeps_the_two_folders_themselves),
        ROOT(test_no_folder_is_too_deep_or_too_closed_to_be_removed),
        ROOT(test_the_dead_are_cleaned_up_and_the_living_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
