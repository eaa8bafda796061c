/* Sinks: a failed job leaves nothing behind, a full disk no part of a file. */

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "report_files.h"


#define TEST_MEMORY  (16 * 1024 * 1024)


typedef pt_err_t (*test_new_fn)(const char *dir, pt_room_t *room,
    report_sink_t *ret_sink);


static size_t test_written(test_new_fn make, const char *name, rlim_t limit,
    char *data, size_t size);
static unsigned test_descriptors(void);
static void test_give_up(test_new_fn make, unsigned rows);
static pt_err_t test_csv(const char *dir, pt_room_t *room,
    report_sink_t *ret_sink);
static pt_err_t test_json(const char *dir, pt_room_t *room,
    report_sink_t *ret_sink);
static pt_err_t test_xlsx(const char *dir, pt_room_t *room,
    report_sink_t *ret_sink);


static void
test_a_sink_that_is_given_up_leaves_no_descriptor(void **state)
{
    size_t    i;
    unsigned  before, rows;

    static const test_new_fn  sinks[] = { test_csv, test_json, test_xlsx };

    (void) state;

    before = test_descriptors();

    for (i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++) {
        for (rows = 0; rows < 3; rows++) {
            test_give_up(sinks[i], rows);
            assert_int_equal(test_descriptors(), before);
        }
    }
}


/* begun, given some rows, then a dataset fails; 0: before any was there */
static void
test_give_up(test_new_fn make, unsigned rows)
{
    char       dir[] = "/tmp/test_report_files.XXXXXX", command[64];
    unsigned   i;
    pt_str_t   cells[2] = { PT_STR("2026-11-23"), PT_STR("12.50") };
    pt_room_t  room;

    pt_json_t         root = { .type = PT_JSON_OBJECT };
    report_dataset_t  dataset = { .name = PT_STR("data") };
    report_column_t   columns[2] = {
        { .name = PT_STR("day"), .title = PT_STR("Day"),
          .format = REPORT_DATE },
        { .name = PT_STR("n"), .title = PT_STR("N"),
          .format = REPORT_DECIMAL, .numeric = true }
    };
    report_table_t       table = {
        .dataset = &dataset, .columns = columns, .n_columns = 2
    };
    report_definition_t  definition = {
        .name = PT_STR("x"), .title = PT_STR("X"), .root = &root,
        .datasets = &dataset, .n_datasets = 1
    };
    report_sink_t        sink = { .done = NULL };
    report_t             r = {
        .definition = &definition, .parameters = &root, .room = &room,
        .tables = &table, .snapshot = PT_STR("2026-11-23T12:00:00Z")
    };

    assert_non_null(mkdtemp(dir));
    pt_room_init(&room, TEST_MEMORY);

    assert_int_equal(make(dir, &room, &sink), PT_OK);

    if (rows > 0) {
        assert_int_equal(sink.open(sink.ctx, &r, &table), PT_OK);
    }

    for (i = 0; i < rows; i++) {
        assert_int_equal(sink.row(sink.ctx, &r, &table, cells), PT_OK);
        table.n_rows++;
    }

    sink.done(sink.ctx);

    pt_room_done(&room);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}


static pt_err_t
test_csv(const char *dir, pt_room_t *room, report_sink_t *ret_sink)
{
    return report_csv_new(dir, true, room, ret_sink);
}


static pt_err_t
test_json(const char *dir, pt_room_t *room, report_sink_t *ret_sink)
{
    char  path[128];

    snprintf(path, sizeof(path), "%s/report.json", dir);

    return report_json_new(path, room, ret_sink);
}


static pt_err_t
test_xlsx(const char *dir, pt_room_t *room, report_sink_t *ret_sink)
{
    char  path[128];

    snprintf(path, sizeof(path), "%s/report.xlsx", dir);

    return report_xlsx_new(path, dir, room, ret_sink);
}


/*
 * No file may become larger than the limit, as on a disk that is full at that
 * moment: then there is an error, or the file is the one that there is without.
 */
static void
test_what_is_not_whole_is_an_error(void **state)
{
    char    *whole, *part;
    size_t   i, len, got;
    rlim_t   limit;

    static const struct {
        test_new_fn   make;
        const char   *name;
    } sinks[] = {
        { test_csv, "data.csv" }, { test_json, "report.json" },
        { test_xlsx, "report.xlsx" }
    };

    (void) state;

    signal(SIGXFSZ, SIG_IGN);

    whole = malloc(TEST_MEMORY);
    part = malloc(TEST_MEMORY);
    assert_true(whole != NULL && part != NULL);

    for (i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++) {
        len = test_written(sinks[i].make, sinks[i].name, RLIM_INFINITY, whole,
                           TEST_MEMORY);
        assert_true(len > 1000);

        /* a part of any size, around that of the temporary files, too */
        for (limit = 512; limit < 320000; limit += limit < 88000 ? 4001
                                                   : limit < 93000 ? 67 : 19997)
        {
            got = test_written(sinks[i].make, sinks[i].name, limit, part,
                               TEST_MEMORY);
            assert_true(got == 0
                        || (got == len && memcmp(whole, part, len) == 0));
        }

        assert_int_equal(got, len);
    }

    free(whole);
    free(part);
    signal(SIGXFSZ, SIG_DFL);
}


/* the file's size after 1,000 rows; 0: something failed */
static size_t
test_written(test_new_fn make, const char *name, rlim_t limit, char *data,
    size_t size)
{
    int            fd;
    char           dir[] = "/tmp/test_report_files.XXXXXX", text[64];
    size_t         got = 0;
    unsigned       i;
    pt_err_t       err;
    pt_str_t       cells[2] = { PT_STR("2026-11-23"), { text, 0 } };
    pt_room_t      room;
    struct rlimit  before, now;

    pt_json_t            root = { .type = PT_JSON_OBJECT };
    pt_json_t            sections = { .type = PT_JSON_ARRAY };
    report_dataset_t     dataset = { .name = PT_STR("data") };
    report_column_t      columns[2] = {
        { .name = PT_STR("day"), .title = PT_STR("Day"),
          .format = REPORT_DATE },
        { .name = PT_STR("n"), .title = PT_STR("N"),
          .format = REPORT_DECIMAL, .numeric = true }
    };
    report_table_t       table = {
        .dataset = &dataset, .columns = columns, .n_columns = 2
    };
    report_definition_t  definition = {
        .name = PT_STR("x"), .title = PT_STR("X"), .root = &root,
        .sections = &sections, .datasets = &dataset, .n_datasets = 1
    };
    report_sink_t        sink = { .done = NULL };
    report_t             r = {
        .definition = &definition, .parameters = &root, .room = &room,
        .tables = &table, .snapshot = PT_STR("2026-11-23T12:00:00Z")
    };

    assert_non_null(mkdtemp(dir));
    pt_room_init(&room, TEST_MEMORY);

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    now = before;
    now.rlim_cur = limit;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);

    err = make(dir, &room, &sink);
    err = err == PT_OK ? sink.open(sink.ctx, &r, &table) : err;

    for (i = 0; i < 1000 && err == PT_OK; i++) {
        cells[1].len = (size_t) snprintf(text, sizeof(text), "%u.%u", i * 7919,
                                         i % 7);
        err = sink.row(sink.ctx, &r, &table, cells);
        table.n_rows++;
    }

    err = err == PT_OK ? sink.close(sink.ctx, &r, &table) : err;
    err = err != PT_OK ? err
          : make == test_json ? report_json_end(&r, &sink)
          : make == test_xlsx ? report_xlsx_end(&r, &sink) : PT_OK;

    if (sink.done != NULL) {
        sink.done(sink.ctx);
    }

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

    if (err == PT_OK) {
        snprintf(text, sizeof(text), "%s/%s", dir, name);
        fd = open(text, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        got = (size_t) read(fd, data, size);
        close(fd);
    }

    pt_room_done(&room);
    snprintf(text, sizeof(text), "rm -r %s", dir);
    assert_int_equal(system(text), 0);

    return got;
}


static unsigned
test_descriptors(void)
{
    DIR       *dir = opendir("/proc/self/fd");
    unsigned   n = 0;

    assert_non_null(dir);

    while (readdir(dir) != NULL) {
        n++;
    }

    closedir(dir);

    return n;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_sink_that_is_given_up_leaves_no_descriptor),
        cmocka_unit_test(test_what_is_not_whole_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
