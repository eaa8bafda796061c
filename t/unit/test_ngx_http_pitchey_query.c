/* Query strings, and the filters of a list of jobs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ngx_http_pitchey_query.h"


/* "name:detail-begins-so" of each, joined by " " */
typedef struct {
    char    text[1024];
} told_t;

static void
tell(void *ctx, pt_str_t parameter, const char *detail)
{
    told_t  *told = ctx;
    size_t   len = strlen(told->text);

    (void) detail;
    snprintf(told->text + len, sizeof(told->text) - len, "%s%.*s",
             len ? " " : "", (int) parameter.len, parameter.data);
}


static void
test_arguments_are_taken_one_by_one_and_decoded(void **state)
{
    char      buf[64], *room = buf;
    pt_str_t  args = PT_STR("&&a=1&b=%41%c3%a9+&c&=d&e=%zz&f=%00&g=%ff&h=%4");
    pt_str_t  name, value;
    size_t    i;

    static const struct {
        const char  *name;
        const char  *value;      /* NULL: absent */
    } want[] = {
        { "a", "1" }, { "b", "A\xc3\xa9+" }, { "c", "" }, { "", "d" },
        { "e", NULL }, { "f", NULL }, { "g", NULL }, { "h", NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_true(ngx_http_pitchey_query_next(&args, &room, &name, &value));
        assert_true(pt_str_is(name, want[i].name));

        if (want[i].value == NULL) {
            assert_null(value.data);

        } else {
            assert_true(pt_str_is(value, want[i].value));
        }
    }

    assert_false(ngx_http_pitchey_query_next(&args, &room, &name, &value));
}


static void
test_every_filter_is_read(void **state)
{
    char                           room[512];
    told_t                         told = { "" };
    ngx_http_pitchey_query_list_t  q = { .error = tell, .ctx = &told };

    (void) state;

    assert_true(ngx_http_pitchey_query_list(
        PT_STR("limit=7&cursor=0198c0df-0000-7000-8000-000000000001"
               "&status=queued,failed,queued&service=a-1&action=b&status=expired"
               "&created_after=1970-01-01T00:00:01Z"
               "&created_before=1970-01-01T01:00:02%2b01:00"
               "&batch=0198c0df-0000-7000-8000-000000000002&user=u%31"),
        room, &q));

    assert_string_equal(told.text, "");
    assert_int_equal(q.list.limit, 7);
    assert_true(pt_str_is(q.list.status, "queued,failed,expired"));
    assert_true(pt_str_is(q.list.service, "a-1"));
    assert_true(pt_str_is(q.list.action, "b"));
    assert_int_equal(q.list.created_after, 1000);
    assert_int_equal(q.list.created_before, 2000);
    assert_int_equal(q.list.batch.bytes[15], 2);
    assert_true(pt_str_is(q.list.owner, "u1"));
}


static void
test_all_states_at_once_have_room(void **state)
{
    char                           room[512];
    told_t                         told = { "" };
    ngx_http_pitchey_query_list_t  q = { .error = tell, .ctx = &told };

    (void) state;

    assert_true(ngx_http_pitchey_query_list(
        PT_STR("status=queued,running,retrying,succeeded,failed,cancelled,"
               "expired&status=expired,queued"), room, &q));
    assert_true(pt_str_is(q.list.status, "queued,running,retrying,succeeded,"
                          "failed,cancelled,expired"));
}


static void
test_every_wrong_filter_is_named(void **state)
{
    char                           room[512];
    told_t                         told = { "" };
    ngx_http_pitchey_query_list_t  q = { .error = tell, .ctx = &told };

    (void) state;

    assert_false(ngx_http_pitchey_query_list(
        PT_STR("limit=101&limit=&cursor=x&status=queued,&service=A_&action=%2f"
               "&created_after=1970-01-01T00:00:00Z&created_before=tomorrow"
               "&batch=00000000-0000-0000-0000-000000000000&what=1&user"),
        room, &q));

    assert_string_equal(told.text, "limit limit cursor status service action "
                        "created_after created_before batch what user");
}


static void
test_nothing_is_a_first_page(void **state)
{
    char                           room[1];
    told_t                         told = { "" };
    ngx_http_pitchey_query_list_t  q = { .error = tell, .ctx = &told };

    (void) state;

    assert_true(ngx_http_pitchey_query_list(PT_STR(""), room, &q));
    assert_int_equal(q.list.limit, NGX_HTTP_PITCHEY_PAGE);
    assert_null(q.list.status.data);
    assert_null(q.list.cursor.data);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_arguments_are_taken_one_by_one_and_decoded),
        cmocka_unit_test(test_every_filter_is_read),
        cmocka_unit_test(test_all_states_at_once_have_room),
        cmocka_unit_test(test_every_wrong_filter_is_named),
        cmocka_unit_test(test_nothing_is_a_first_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
