/* Storage in local files, filled from folders that somebody else wrote. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pt_folder.h"
#include "pt_storage.h"


typedef struct {
    char           dir[64];
    char           scratch[64];
    int            fd;           /* of the scratch folder */
    pt_storage_t  *storage;
} place_t;


static void write_file(int dir, const char *path, const char *text);
static void assert_holds(place_t *p, const char *key, const char *text);
static void assert_empty(place_t *p, const char *below);
static int place_open_at(void **state, const char *scratch);


static void
test_a_file_moves_under_its_key_with_size_and_hash(void **state)
{
    place_t      *p = *state;
    pt_stored_t   stored;

    static const uint8_t  sha256[4] = { 0x2c, 0xf2, 0x4d, 0xba };

    write_file(p->fd, "f", "hello");
    assert_int_equal(pt_storage_put(p->storage, "jobs/01/j/1/a/f.txt", p->fd,
                                    "f", &stored), PT_OK);
    assert_int_equal(stored.size, 5);
    assert_int_equal(stored.files, 1);
    assert_memory_equal(stored.sha256, sha256, 4);

    assert_holds(p, "jobs/01/j/1/a/f.txt", "hello");
    assert_int_equal(faccessat(p->fd, "f", F_OK, 0), -1);
}


static void
test_a_key_is_used_once(void **state)
{
    place_t      *p = *state;
    pt_stored_t   stored;

    write_file(p->fd, "f", "first");
    write_file(p->fd, "g", "second");
    assert_int_equal(pt_storage_put(p->storage, "jobs/x", p->fd, "f", &stored),
                     PT_OK);
    assert_int_equal(pt_storage_put(p->storage, "jobs/x", p->fd, "g", &stored),
                     PT_E_CONFLICT);
    assert_holds(p, "jobs/x", "first");

    /* nor below a file */
    write_file(p->fd, "g", "second");
    assert_int_equal(pt_storage_put(p->storage, "jobs/x/y", p->fd, "g",
                                    &stored), PT_E_CONFLICT);
}


static void
test_what_is_no_plain_file_below_is_refused(void **state)
{
    size_t        i;
    place_t      *p = *state;
    pt_stored_t   stored;

    static const char *const  paths[] = {
        "none", "link", "linked/f", "folder", "fifo", "../outside", "/etc/group",
        "folder/..", ".", "", "folder/", "hard"
    };

    write_file(p->fd, "../outside", "secret");
    assert_int_equal(mkdirat(p->fd, "folder", 0755), 0);
    write_file(p->fd, "folder/f", "x");
    assert_int_equal(symlinkat("../outside", p->fd, "link"), 0);
    assert_int_equal(symlinkat("folder", p->fd, "linked"), 0);
    assert_int_equal(mkfifoat(p->fd, "fifo", 0600), 0);
    assert_int_equal(linkat(p->fd, "../outside", p->fd, "hard", 0), 0);

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_equal(pt_storage_put(p->storage, "jobs/x", p->fd, paths[i],
                                        &stored), PT_E_INVALID);
    }

    assert_empty(p, "storage/jobs");
    assert_int_equal(faccessat(p->fd, "../outside", F_OK, 0), 0);
}


static void
test_a_file_that_is_still_written_is_refused(void **state)
{
    int           fd;
    place_t      *p = *state;
    pt_stored_t   stored;

    write_file(p->fd, "f", "hello");
    fd = openat(p->fd, "f", O_WRONLY);
    assert_int_equal(pt_storage_put(p->storage, "jobs/x", p->fd, "f", &stored),
                     PT_E_INVALID);
    assert_int_equal(errno, EBUSY);
    (void) close(fd);

    assert_empty(p, "storage/jobs");
}


static void
test_a_tree_moves_as_one(void **state)
{
    place_t      *p = *state;
    pt_stored_t   stored;

    assert_int_equal(mkdirat(p->fd, "t", 0700), 0);
    assert_int_equal(mkdirat(p->fd, "t/sub", 0700), 0);
    write_file(p->fd, "t/index.m3u8", "#EXTM3U");
    write_file(p->fd, "t/sub/1.m4s", "123");

    assert_int_equal(pt_storage_put_tree(p->storage, "jobs/hls", p->fd, "t",
                                         NULL, &stored), PT_OK);
    assert_int_equal(stored.files, 2);
    assert_int_equal(stored.size, 10);
    assert_holds(p, "jobs/hls/sub/1.m4s", "123");
}


static void
test_a_tree_with_one_bad_entry_leaves_nothing(void **state)
{
    int           i, fd;
    place_t      *p = *state;
    pt_stored_t   stored;

    for (i = 0; i < 5; i++) {
        assert_int_equal(mkdirat(p->fd, "t", 0700), 0);
        assert_int_equal(mkdirat(p->fd, "t/sub", 0700), 0);
        write_file(p->fd, "t/sub/good", "1");
        fd = -1;

        switch (i) {

        case 0:
            write_file(p->fd, "t/sub/.hidden", "1");
            break;

        case 1:
            write_file(p->fd, "t/sub/BIG", "1");
            break;

        case 2:
            assert_int_equal(symlinkat("good", p->fd, "t/sub/link"), 0);
            break;

        case 3:
            assert_int_equal(mkfifoat(p->fd, "t/sub/fifo", 0600), 0);
            break;

        case 4:
            fd = openat(p->fd, "t/sub/good", O_RDWR);
            break;
        }

        assert_int_equal(pt_storage_put_tree(p->storage, "jobs/hls", p->fd,
                                             "t", NULL, &stored),
                         PT_E_INVALID);
        assert_empty(p, "storage/jobs");

        if (fd != -1) {
            (void) close(fd);
        }

        /* a copied one is still there */
        if (faccessat(p->fd, "t", F_OK, 0) == 0) {
            assert_int_equal(renameat(p->fd, "t", p->fd, "t.old"), 0);
            assert_int_equal(pt_folder_remove(p->scratch), PT_OK);
            assert_int_equal(mkdir(p->scratch, 0700), 0);
            (void) close(p->fd);
            p->fd = open(p->scratch, O_DIRECTORY);
        }
    }
}


static void
test_a_tree_grows_and_a_file_takes_the_place_of_another(void **state)
{
    place_t      *p = *state;
    pt_tree_t    *tree;
    pt_stored_t   stored;

    tree = pt_tree_new();
    assert_non_null(tree);

    assert_int_equal(mkdirat(p->fd, "t", 0700), 0);
    write_file(p->fd, "t/index.m3u8", "one");
    write_file(p->fd, "t/1.m4s", "111");
    assert_int_equal(pt_storage_put_tree(p->storage, "jobs/hls", p->fd, "t",
                                         tree, &stored), PT_OK);
    assert_int_equal(stored.files, 2);
    assert_int_equal(stored.size, 6);

    assert_int_equal(mkdirat(p->fd, "u", 0700), 0);
    assert_int_equal(mkdirat(p->fd, "u/a", 0700), 0);
    assert_int_equal(mkdirat(p->fd, "u/a/b", 0700), 0);
    write_file(p->fd, "u/index.m3u8", "one two");
    write_file(p->fd, "u/a/b/2.m4s", "22");
    assert_int_equal(pt_storage_put_tree(p->storage, "jobs/hls", p->fd, "u",
                                         tree, &stored), PT_OK);
    assert_int_equal(stored.files, 3);
    assert_int_equal(stored.size, 12);

    assert_holds(p, "jobs/hls/index.m3u8", "one two");
    assert_holds(p, "jobs/hls/1.m4s", "111");
    assert_holds(p, "jobs/hls/a/b/2.m4s", "22");

    /* a file does not become a folder, nor the other way round */
    assert_int_equal(mkdirat(p->fd, "v", 0700), 0);
    write_file(p->fd, "v/a", "x");
    assert_int_equal(pt_storage_put_tree(p->storage, "jobs/hls", p->fd, "v",
                                         tree, &stored), PT_E_INVALID);
    assert_holds(p, "jobs/hls/a/b/2.m4s", "22");

    pt_tree_free(tree);
}


static void
test_a_tree_is_not_endlessly_deep(void **state)
{
    int           i;
    char          path[64] = "t";
    place_t      *p = *state;
    pt_stored_t   stored;

    for (i = 0; i <= PT_TREE_DEPTH_MAX; i++) {
        assert_int_equal(mkdirat(p->fd, path, 0700), 0);
        (void) strcat(path, "/d");
    }

    assert_int_equal(pt_storage_put_tree(p->storage, "jobs/hls", p->fd, "t",
                                         NULL, &stored), PT_E_TOO_LARGE);
    assert_empty(p, "storage/jobs");
}


static void
test_getting_links_or_copies(void **state)
{
    int           link;
    char          to[128];
    place_t      *p = *state;
    struct stat   st;
    pt_stored_t   stored;

    write_file(p->fd, "f", "hello");
    assert_int_equal(pt_storage_put(p->storage, "files/ab/f", p->fd, "f",
                                    &stored), PT_OK);

    for (link = 0; link < 2; link++) {
        (void) snprintf(to, sizeof(to), "%s/got%d", p->dir, link);
        assert_int_equal(pt_storage_get(p->storage, "files/ab/f", to, link),
                         PT_OK);
        assert_int_equal(stat(to, &st), 0);
        assert_int_equal(st.st_size, 5);
        assert_int_equal(st.st_nlink, link ? 2 : 1);
        assert_int_equal(st.st_mode & 0777, 0444);

        /* nothing is overwritten */
        assert_int_equal(pt_storage_get(p->storage, "files/ab/f", to, link),
                         PT_E_STORAGE);
    }

    (void) snprintf(to, sizeof(to), "%s/none", p->dir);
    assert_int_equal(pt_storage_get(p->storage, "files/ab/g", to, true),
                     PT_E_NOT_FOUND);
    assert_int_equal(pt_storage_get(p->storage, "files/../../outside", to,
                                    true), PT_E_INVALID);
}


static void
test_deleting_takes_a_file_or_all_below(void **state)
{
    int           fd;
    place_t      *p = *state;
    pt_stored_t   stored;

    write_file(p->fd, "f", "1");
    write_file(p->fd, "g", "2");
    assert_int_equal(pt_storage_put(p->storage, "jobs/1/a/f", p->fd, "f",
                                    &stored), PT_OK);
    assert_int_equal(pt_storage_put(p->storage, "jobs/2", p->fd, "g", &stored),
                     PT_OK);

    assert_int_equal(pt_storage_delete(p->storage, "jobs/1"), PT_OK);
    assert_int_equal(pt_storage_open(p->storage, "jobs/1/a/f", &fd),
                     PT_E_NOT_FOUND);
    assert_holds(p, "jobs/2", "2");

    assert_int_equal(pt_storage_delete(p->storage, "jobs/2"), PT_OK);
    assert_int_equal(pt_storage_delete(p->storage, "jobs/2"), PT_OK);
    assert_int_equal(pt_storage_delete(p->storage, "../x"), PT_E_INVALID);
    assert_int_equal(pt_storage_delete(p->storage, ""), PT_E_INVALID);
}


/* what is being put has a folder of its own, as long as its process lives */
static void
test_what_the_dead_have_left_goes_and_the_living_keep_theirs(void **state)
{
    int            fd;
    char           path[128], dead[160];
    place_t       *p = *state;
    pt_stored_t    stored;
    pt_storage_t  *other;

    (void) snprintf(path, sizeof(path), "%s/storage", p->dir);
    (void) snprintf(dead, sizeof(dead), "%s/.put.x1Y2z3", path);
    assert_int_equal(mkdir(dead, 0700), 0);

    fd = open(dead, O_RDONLY | O_DIRECTORY);
    assert_true(fd != -1);
    assert_int_equal(mkdirat(fd, "0", 0755), 0);
    write_file(fd, "0/seg-1.m4s", "half of it");
    (void) close(fd);

    assert_int_equal(pt_storage_open_local(path, &other), PT_OK);
    assert_int_equal(access(dead, F_OK), -1);

    write_file(p->fd, "f", "first");
    write_file(p->fd, "g", "second");
    assert_int_equal(pt_storage_put(p->storage, "jobs/x", p->fd, "f", &stored),
                     PT_OK);
    assert_int_equal(pt_storage_put(other, "jobs/y", p->fd, "g", &stored),
                     PT_OK);
    pt_storage_close(other);

    assert_holds(p, "jobs/x", "first");
    assert_holds(p, "jobs/y", "second");

    /* and nothing stays of those who end well */
    pt_storage_close(p->storage);
    p->storage = NULL;
    assert_int_equal(pt_folder_remove(strcat(path, "/jobs")), PT_OK);
    assert_empty(p, "storage");
    (void) snprintf(path, sizeof(path), "%s/storage", p->dir);
    assert_int_equal(access(path, F_OK), -1);
}


static void
test_output_names(void **state)
{
    size_t  i;
    char    longest[257];

    static const char *const  good[] = {
        "a", "contract.pdf", "hls/720p/0001.m4s", "a_b-c..d", "0/1/2"
    };
    static const char *const  bad[] = {
        "", "/", "/a", "a/", "a//b", ".", "..", ".a", "a/.b", "a/../b", "A",
        "a b", "a\\b", "\xc3\xa9", "a\n", "a%2f", "a:b"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(pt_output_name_is_good(pt_str(good[i])));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(pt_output_name_is_good(pt_str(bad[i])));
    }

    memset(longest, 'a', sizeof(longest));
    assert_true(pt_output_name_is_good((pt_str_t) { longest, 255 }));
    assert_false(pt_output_name_is_good((pt_str_t) { longest, 256 }));
    assert_false(pt_output_name_is_good((pt_str_t) { "a\0b", 3 }));
}


static void
write_file(int dir, const char *path, const char *text)
{
    int  fd;

    fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd != -1);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void) close(fd);
}


static void
assert_holds(place_t *p, const char *key, const char *text)
{
    int      fd;
    char     buf[64];
    ssize_t  n;

    assert_int_equal(pt_storage_open(p->storage, key, &fd), PT_OK);
    n = read(fd, buf, sizeof(buf));
    assert_int_equal(n, strlen(text));
    assert_memory_equal(buf, text, n);
    (void) close(fd);
}


/* not a temporary name either */
static void
assert_empty(place_t *p, const char *below)
{
    char  path[128];

    (void) snprintf(path, sizeof(path), "%s/%s", p->dir, below);
    assert_true(rmdir(path) == 0 || errno == ENOENT);
}


static int
place_open(void **state)
{
    return place_open_at(state, NULL);
}


/* the scratch folder on another file system: copied, not moved */
static int
place_open_apart(void **state)
{
    return place_open_at(state, "/dev/shm/pt-scratch.XXXXXX");
}


static int
place_open_at(void **state, const char *scratch)
{
    char      path[128];
    place_t  *p;

    p = calloc(1, sizeof(*p));
    assert_non_null(p);
    (void) snprintf(p->dir, sizeof(p->dir), "/tmp/pt-storage.XXXXXX");
    assert_non_null(mkdtemp(p->dir));

    if (scratch != NULL) {
        (void) snprintf(p->scratch, sizeof(p->scratch), "%s", scratch);
        assert_non_null(mkdtemp(p->scratch));
        (void) strcat(p->scratch, "/s");

    } else {
        (void) snprintf(p->scratch, sizeof(p->scratch), "%.50s/scratch",
                        p->dir);
    }

    assert_int_equal(mkdir(p->scratch, 0700), 0);
    p->fd = open(p->scratch, O_DIRECTORY);

    (void) snprintf(path, sizeof(path), "%s/storage", p->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(pt_storage_open_local(path, &p->storage), PT_OK);

    *state = p;
    return 0;
}


static int
place_close(void **state)
{
    place_t  *p = *state;

    pt_storage_close(p->storage);
    (void) close(p->fd);
    (void) pt_folder_remove(p->dir);

    if (strncmp(p->scratch, "/dev/shm", 8) == 0) {
        *strrchr(p->scratch, '/') = '\0';
        (void) pt_folder_remove(p->scratch);
    }

    free(p);
    return 0;
}


#define NEAR(test)   cmocka_unit_test_setup_teardown(test, place_open,        \
                         place_close)
#define APART(test)  { #test " across file systems", test, place_open_apart, \
                         place_close, NULL }

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        NEAR(test_a_file_moves_under_its_key_with_size_and_hash),
        NEAR(test_a_key_is_used_once),
        NEAR(test_what_is_no_plain_file_below_is_refused),
        NEAR(test_a_file_that_is_still_written_is_refused),
        NEAR(test_a_tree_moves_as_one),
        NEAR(test_a_tree_with_one_bad_entry_leaves_nothing),
        NEAR(test_a_tree_grows_and_a_file_takes_the_place_of_another),
        NEAR(test_a_tree_is_not_endlessly_deep),
        NEAR(test_getting_links_or_copies),
        NEAR(test_deleting_takes_a_file_or_all_below),
        NEAR(test_what_the_dead_have_left_goes_and_the_living_keep_theirs),
        APART(test_a_key_is_used_once),
        APART(test_a_tree_moves_as_one),
        APART(test_a_tree_grows_and_a_file_takes_the_place_of_another),
        APART(test_a_tree_is_not_endlessly_deep),
        cmocka_unit_test(test_output_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
