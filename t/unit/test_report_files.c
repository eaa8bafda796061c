/* Sinks: what a failed job leaves behind is nothing. */

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "report_files.h"


#define TEST_MEMORY  (16 * 1024 * 1024)


typedef pt_err_t (*test_new_fn)(const char *dir, pt_room_t *room,
    report_sink_t *ret_sink);


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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
