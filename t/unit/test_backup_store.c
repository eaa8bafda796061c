/* The store: its ledger, its generations, and what is kept of them. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "backup_ledger.h"
#include "backup_read.h"
#include "backup_save.h"


typedef struct {
    char             root[64];
    backup_store_t   store;
    backup_keys_t    keys;
} bench_t;


static unsigned count_lines(bench_t *b);
static bool count_line(void *ctx, const backup_entry_t *entry);
static void add(bench_t *b, const char *kind, const char *owner);
static void generation(const backup_owner_t *owner, const char *name);
static size_t generations(const backup_owner_t *owner);


static const char  alex[] = "00000000000000000000000000000001";
static const char  sarah[] = "00000000000000000000000000000002";


static void
test_the_ledger_remembers_in_order(void **state)
{
    bool      held;
    char      at[BACKUP_TIME_LEN + 1];
    bench_t  *b = *state;

    add(b, "backup", alex);
    add(b, "hold", alex);
    add(b, "erase", sarah);
    assert_int_equal(count_lines(b), 3);

    assert_int_equal(backup_ledger_erased(&b->store, sarah, at), PT_OK);
    assert_int_equal(strlen(at), BACKUP_TIME_LEN);
    assert_int_equal(backup_ledger_erased(&b->store, alex, at), PT_OK);
    assert_string_equal(at, "");

    assert_int_equal(backup_ledger_held(&b->store, alex, &held), PT_OK);
    assert_true(held);
    add(b, "release", alex);
    assert_int_equal(backup_ledger_held(&b->store, alex, &held), PT_OK);
    assert_false(held);
}


/* a crash in the middle of a line: it never happened */
static void
test_half_a_line_never_happened(void **state)
{
    int       fd;
    char      path[128];
    bench_t  *b = *state;

    add(b, "backup", alex);
    (void) snprintf(path, sizeof(path), "%s/ledger", b->root);
    fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "{\"seq\":2,\"at\":\"20", 17), 17);
    (void) close(fd);

    assert_int_equal(count_lines(b), 1);
    add(b, "backup", sarah);
    assert_int_equal(count_lines(b), 2);
    assert_int_equal(backup_ledger_read(&b->store, true, NULL, NULL), PT_OK);
}


static void
test_every_flipped_bit_of_the_ledger_is_found(void **state)
{
    int          fd;
    char         path[128], byte;
    off_t        i;
    bench_t     *b = *state;
    struct stat  st;

    add(b, "erase", alex);
    add(b, "erased", alex);
    (void) snprintf(path, sizeof(path), "%s/ledger", b->root);
    fd = open(path, O_RDWR);
    assert_int_equal(fstat(fd, &st), 0);

    /* but of the last line feed: without it the line never happened */
    for (i = 0; i < 8 * (st.st_size - 1); i++) {
        assert_int_equal(pread(fd, &byte, 1, i / 8), 1);
        byte = (char) (byte ^ (1 << i % 8));
        assert_int_equal(pwrite(fd, &byte, 1, i / 8), 1);

        if (backup_ledger_read(&b->store, true, NULL, NULL)
            != PT_E_INPUT_BROKEN)
        {
            fail_msg("bit %d of byte %d", (int) i % 8, (int) i / 8);
        }

        byte = (char) (byte ^ (1 << i % 8));
        assert_int_equal(pwrite(fd, &byte, 1, i / 8), 1);
    }

    (void) close(fd);
}


/* a line taken out, and another operator's */
static void
test_a_ledger_of_another_story_is_refused(void **state)
{
    char       path[128], cut[256];
    uint8_t    key[32] = { 9 };
    bench_t   *b = *state;

    add(b, "backup", alex);
    add(b, "erase", alex);
    add(b, "backup", sarah);

    (void) snprintf(path, sizeof(path), "%s/ledger", b->root);
    (void) snprintf(cut, sizeof(cut), "sed -i 2d %s", path);
    assert_int_equal(system(cut), 0);
    assert_int_equal(backup_ledger_read(&b->store, true, NULL, NULL),
                     PT_E_INPUT_BROKEN);

    (void) unlink(path);
    add(b, "backup", alex);
    assert_int_equal(backup_keys_derive(key, &b->store.keys), PT_OK);
    assert_int_equal(backup_ledger_read(&b->store, true, NULL, NULL),
                     PT_E_INPUT_BROKEN);
    b->store.keys = b->keys;
}


static void
test_writers_of_the_ledger_take_turns(void **state)
{
    int       n, i, status;
    pid_t     pids[4];
    bench_t  *b = *state;

    for (n = 0; n < 4; n++) {
        pids[n] = fork();

        if (pids[n] == 0) {
            for (i = 0; i < 25; i++) {
                if (backup_ledger_add(&b->store, "backup", alex, PT_STR("x"),
                                      PT_STR("{}"), NULL) != PT_OK)
                {
                    _exit(1);
                }
            }

            _exit(0);
        }
    }

    for (n = 0; n < 4; n++) {
        assert_int_equal(waitpid(pids[n], &status, 0), pids[n]);
        assert_int_equal(status, 0);
    }

    assert_int_equal(count_lines(b), 100);
}


static void
test_a_store_of_another_key_is_refused(void **state)
{
    uint8_t         key[32] = { 9 };
    bench_t        *b = *state;
    backup_keys_t   keys;
    backup_store_t  store;

    assert_int_equal(backup_keys_derive(key, &keys), PT_OK);
    assert_int_equal(backup_store_open(b->root, &keys, &store),
                     PT_E_INPUT_BROKEN);
    assert_int_equal(backup_store_open(b->root, &b->keys, &store), PT_OK);
}


static void
test_a_generation_is_there_with_its_manifest(void **state)
{
    bool             crashed;
    char             path[BACKUP_PATH_MAX];
    bench_t         *b = *state;
    backup_put_t     put;
    backup_owner_t   owner;

    assert_int_equal(backup_owner_open(&b->store, alex, BACKUP_OWNER_READ,
                                       &owner), PT_E_NOT_FOUND);
    assert_int_equal(backup_owner_open(&b->store, alex, BACKUP_OWNER_WRITE,
                                       &owner), PT_OK);

    assert_int_equal(backup_put_begin(&owner, &put), PT_OK);
    assert_int_equal(backup_put_commit(&owner, &put,
                         "generations/20260101T000000.000Z/0"), PT_OK);
    assert_int_equal(backup_put_begin(&owner, &put), PT_OK);
    assert_int_equal(generations(&owner), 0);

    assert_int_equal(backup_owner_clean(&owner, &crashed), PT_OK);
    assert_true(crashed);
    backup_owner_path(&owner, "generations/20260101T000000.000Z", path);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(access(put.path, F_OK), -1);
    backup_put_abort(&put);

    generation(&owner, "20260102T000000.000Z");
    assert_int_equal(generations(&owner), 1);
    assert_int_equal(backup_owner_clean(&owner, &crashed), PT_OK);
    assert_false(crashed);
    assert_int_equal(generations(&owner), 1);

    backup_owner_close(&owner);
}


static void
test_one_job_at_a_time(void **state)
{
    bench_t         *b = *state;
    backup_owner_t   one, two;

    assert_int_equal(backup_owner_open(&b->store, alex, BACKUP_OWNER_WRITE,
                                       &one), PT_OK);
    assert_int_equal(backup_owner_open(&b->store, alex, BACKUP_OWNER_READ,
                                       &two), PT_E_IN_FLIGHT);
    backup_owner_close(&one);
    assert_int_equal(backup_owner_open(&b->store, alex, BACKUP_OWNER_READ,
                                       &two), PT_OK);
    backup_owner_close(&two);
}


static void
test_what_is_kept_is_by_days_weeks_and_months(void **state)
{
    char                   name[64];
    int                    day;
    bench_t               *b = *state;
    unsigned               removed;
    backup_owner_t         owner;
    backup_generations_t   list;

    const backup_keep_t  keep = {
        .last = 2, .daily = 3, .weekly = 3, .monthly = 2
    };

    assert_int_equal(backup_owner_open(&b->store, alex, BACKUP_OWNER_WRITE,
                                       &owner), PT_OK);

    /* two a day, in June 2026, whose first is a Monday */
    for (day = 1; day <= 30; day++) {
        (void) snprintf(name, sizeof(name), "202606%02uT010000.000Z",
                        (unsigned) day % 100);
        generation(&owner, name);
        (void) snprintf(name, sizeof(name), "202606%02uT130000.000Z",
                        (unsigned) day % 100);
        generation(&owner, name);
    }

    generation(&owner, "20260520T010000.000Z");

    /* under a hold nothing is touched */
    add(b, "hold", alex);
    assert_int_equal(backup_retain(&owner, &keep, &removed), PT_OK);
    assert_int_equal(removed, 0);
    add(b, "release", alex);

    assert_int_equal(backup_retain(&owner, &keep, &removed), PT_OK);
    assert_int_equal(backup_generations(&owner, &list), PT_OK);
    assert_int_equal(list.n, 6);
    assert_int_equal(removed, 61 - 6);

    /* the month's; two weeks' Sundays; two days'; the last two */
    assert_string_equal(list.names[0], "20260520T010000.000Z");
    assert_string_equal(list.names[1], "20260621T130000.000Z");
    assert_string_equal(list.names[2], "20260628T130000.000Z");
    assert_string_equal(list.names[3], "20260629T130000.000Z");
    assert_string_equal(list.names[4], "20260630T010000.000Z");
    assert_string_equal(list.names[5], "20260630T130000.000Z");
    free(list.names);

    backup_owner_close(&owner);
}


/* paths that climb, wrong types, what is missing: refused, each of them */
static void
test_a_line_of_an_index_names_files_only(void **state)
{
    size_t             i;
    pt_json_t         *json;
    backup_indexed_t   file;

    static const char *const  bad[] = {
        "", "[]", "{}", "{\"key\":\"a\"}", "{\"key\":\"../a\",\"size\":1}",
        "{\"key\":\"a/../b\",\"size\":1}", "{\"key\":\"/a\",\"size\":1}",
        "{\"key\":\"a//b\",\"size\":1}", "{\"key\":\"a/\",\"size\":1}",
        "{\"key\":\"a\\u0001\",\"size\":1}", "{\"key\":\"a\",\"size\":-1}",
        "{\"key\":\"a\",\"size\":1,\"object\":\"objects/aa/b\"}",
        "{\"key\":\"a\",\"size\":1,\"object\":\"objects/../aaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"sha256\":\"0000000000000"
        "000000000000000000000000000000000000000000000000000\"}"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (backup_index_line(pt_str(bad[i]), &json, &file)
            != PT_E_INPUT_BROKEN)
        {
            fail_msg("took %s", bad[i]);
        }
    }

    assert_int_equal(backup_index_line(
        PT_STR("{\"key\":\"files/0a/x\",\"size\":7,\"missing\":true}"), &json,
        &file), PT_OK);
    assert_null(file.object.data);
    assert_int_equal(file.size, 7);
    pt_json_free(json);
}


static void
test_a_manifest_is_checked_before_it_is_used(void **state)
{
    size_t      i;
    char        text[2048];
    pt_json_t  *json;

    /* each takes the place of a part of a good one */
    static const struct {
        const char  *part;
        const char  *instead;
    } cases[] = {
        { "pitchey-backup-1", "pitchey-backup-2" },
        { "\"owner\":\"o\"", "\"owner\":\"p\"" },
        { "\"user\":\"u\"", "\"user\":1" },
        { "\"object\":\"0\"", "\"object\":\"../0\"" },
        { "\"object\":\"0\"", "\"object\":\"\"" },
        { "\"object\":\"files\"", "\"object\":\"a/b\"" },
        { "\"rows\":1", "\"rows\":-1" },
        { "\"rows\":1", "\"rows\":\"1\"" },
        { "\"columns\":[{\"name\":\"a\",\"type\":\"int\"}]",
          "\"columns\":[{\"name\":\"a\"}]" },
        { "\"columns\":[{\"name\":\"a\",\"type\":\"int\"}]", "\"columns\":1" },
        { "\"key\":[\"a\"]", "\"key\":[1]" },
        { "\"schema\":\"s\"", "\"schema\":\"\"" },
        { "\"snapshot_at\":\"2026-01-01T00:00:00.000Z\"",
          "\"snapshot_at\":\"2026\"" }
    };

#define HASH  "0000000000000000000000000000000000000000000000000000000000000000"

    static const char  good[] =
        "{\"format\":\"pitchey-backup-1\",\"owner\":\"o\",\"user\":\"u\","
        "\"generation\":\"g\",\"snapshot_at\":\"2026-01-01T00:00:00.000Z\","
        "\"tables\":[{\"schema\":\"s\",\"table\":\"t\",\"columns\":[{\"name\":"
        "\"a\",\"type\":\"int\"}],\"key\":[\"a\"],\"object\":\"0\",\"rows\":1,"
        "\"sha256\":\"" HASH "\"}],\"files\":{\"object\":\"files\"},\"root\":\""
        HASH "\"}";

    (void) state;

    assert_int_equal(pt_json_parse(pt_str(good), &pt_mem_heap, &json, NULL),
                     PT_OK);
    assert_int_equal(backup_manifest_check(json, "o", "g"), PT_OK);
    assert_int_equal(backup_manifest_check(json, "x", "g"), PT_E_INPUT_BROKEN);
    assert_int_equal(backup_manifest_check(json, "o", "x"), PT_E_INPUT_BROKEN);
    pt_json_free(json);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char  *at = strstr(good, cases[i].part);

        assert_non_null(at);
        (void) snprintf(text, sizeof(text), "%.*s%s%s", (int) (at - good),
                        good, cases[i].instead, at + strlen(cases[i].part));
        assert_int_equal(pt_json_parse(pt_str(text), &pt_mem_heap, &json,
                                       NULL), PT_OK);

        if (backup_manifest_check(json, "o", "g") != PT_E_INPUT_BROKEN) {
            fail_msg("took %s", cases[i].instead);
        }

        pt_json_free(json);
    }
}


/* ---- around it ---- */

static void
add(bench_t *b, const char *kind, const char *owner)
{
    assert_int_equal(backup_ledger_add(&b->store, kind, owner, PT_STR("test"),
                                       PT_STR("{\"n\":1}"), NULL), PT_OK);
}


static unsigned
count_lines(bench_t *b)
{
    unsigned  n = 0;

    assert_int_equal(backup_ledger_read(&b->store, true, count_line, &n),
                     PT_OK);

    return n;
}


static bool
count_line(void *ctx, const backup_entry_t *entry)
{
    unsigned  *n = ctx;

    assert_int_equal(entry->seq, ++*n);

    return true;
}


/* its manifest is no object: retention does not open what it removes */
static void
generation(const backup_owner_t *owner, const char *name)
{
    char          path[BACKUP_PATH_MAX];
    backup_put_t  put;

    (void) snprintf(path, sizeof(path), "generations/%s/manifest", name);
    assert_int_equal(backup_put_begin(owner, &put), PT_OK);
    assert_int_equal(backup_put_commit(owner, &put, path), PT_OK);
}


static size_t
generations(const backup_owner_t *owner)
{
    backup_generations_t  list;

    assert_int_equal(backup_generations(owner, &list), PT_OK);
    free(list.names);

    return list.n;
}


static int
bench_open(void **state)
{
    uint8_t   key[32] = { 1 };
    bench_t  *b;

    b = calloc(1, sizeof(*b));
    assert_non_null(b);
    assert_true(sodium_init() != -1);

    (void) snprintf(b->root, sizeof(b->root), "/tmp/pt-store.XXXXXX");
    assert_non_null(mkdtemp(b->root));
    assert_int_equal(backup_keys_derive(key, &b->keys), PT_OK);
    assert_int_equal(backup_store_open(b->root, &b->keys, &b->store), PT_OK);

    *state = b;
    return 0;
}


static int
bench_close(void **state)
{
    bench_t   *b = *state;
    pt_err_t   err = backup_remove(b->root);

    free(b);

    return err == PT_OK ? 0 : -1;
}


#define BENCH(test)  cmocka_unit_test_setup_teardown(test, bench_open,      \
                                                     bench_close)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        BENCH(test_the_ledger_remembers_in_order),
        BENCH(test_half_a_line_never_happened),
        BENCH(test_every_flipped_bit_of_the_ledger_is_found),
        BENCH(test_a_ledger_of_another_story_is_refused),
        BENCH(test_writers_of_the_ledger_take_turns),
        BENCH(test_a_store_of_another_key_is_refused),
        BENCH(test_a_generation_is_there_with_its_manifest),
        BENCH(test_one_job_at_a_time),
        BENCH(test_what_is_kept_is_by_days_weeks_and_months),
        BENCH(test_a_line_of_an_index_names_files_only),
        BENCH(test_a_manifest_is_checked_before_it_is_used)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
