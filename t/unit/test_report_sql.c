/* Named parameters: bound, never found where SQL has other things. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report_sql.h"


static pt_room_t  room;


static int
begin(void **state)
{
    (void) state;
    pt_room_init(&room, 1 << 20);
    return 0;
}


static int
end(void **state)
{
    (void) state;
    pt_room_done(&room);
    return 0;
}


static void
test_names_become_numbers(void **state)
{
    char          error[128];
    size_t        i;
    report_sql_t  sql;

    static const struct {
        const char  *text, *bound;
        size_t       n;
    } cases[] = {
        { "SELECT :a, :b, :a", "SELECT $1, $2, $1", 2 },
        { "SELECT :from::date", "SELECT $1::date", 1 },
        { "SELECT now()::date AS x;", "SELECT now()::date AS x", 0 },
        { "SELECT ':a', \":b\", E'\\':c', $$:d$$, $x$ :e $$ $x$",
          "SELECT ':a', \":b\", E'\\':c', $$:d$$, $x$ :e $$ $x$", 0 },
        { "SELECT 'it''s :a', :b", "SELECT 'it''s :a', $1", 1 },
        { "SELECT 1 -- :a\n, :b /* :c /* :d */ */ + 1;\n-- :e\n",
          "SELECT 1 \n, $1   + 1\n\n", 1 },
        { "SELECT name'x', a1$b, :x1_y", "SELECT name'x', a1$b, $1", 1 },
        { "SELECT a[1: 2], :\xc3\xa9t\xc3\xa9", "SELECT a[1: 2], $1", 1 },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(report_sql_read(pt_str(cases[i].text), &room, &sql,
                                         error, sizeof(error)), PT_OK);
        assert_string_equal(sql.text, cases[i].bound);
        assert_int_equal(sql.n, cases[i].n);
    }

    assert_true(pt_str_is(sql.names[0], "\xc3\xa9t\xc3\xa9"));
}


static void
test_what_is_no_single_statement_is_refused(void **state)
{
    char          error[128], many[1024] = "SELECT 0";
    size_t        i, len;
    report_sql_t  sql;

    static const struct {
        const char  *text, *error;
    } cases[] = {
        { "SELECT 1;\nDROP TABLE x", "line 2: a dataset is one statement" },
        { "SELECT 'a", "line 1: a quote is not closed" },
        { "SELECT\n\n\"a", "line 3: a quote is not closed" },
        { "SELECT E'\\'", "line 1: a quote is not closed" },
        { "SELECT $q$ x", "line 1: a dollar quote is not closed" },
        { "SELECT /* /* */", "line 1: a comment is not closed" },
        { "SELECT $1", "line 1: parameters have names here: \":name\","
                       " not \"$1\"" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(report_sql_read(pt_str(cases[i].text), &room, &sql,
                                         error, sizeof(error)), PT_E_INVALID);
        assert_string_equal(error, cases[i].error);
    }

    for (i = 0; i <= REPORT_SQL_PARAMS_MAX; i++) {
        len = strlen(many);
        snprintf(many + len, sizeof(many) - len, ", :p%zu", i);
    }

    assert_int_equal(report_sql_read(pt_str(many), &room, &sql, error,
                                     sizeof(error)), PT_E_INVALID);
    assert_string_equal(error, "line 1: too many parameters");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_names_become_numbers, begin, end),
        cmocka_unit_test_setup_teardown(
            test_what_is_no_single_statement_is_refused, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
