/* Jobs and events as their readers see them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "orch_json.h"


static void
check(pt_buf_t *buf, const char *expected)
{
    assert_int_equal(buf->err, PT_OK);
    pt_buf_add_char(buf, '\0');
    assert_string_equal(buf->data, expected);
    pt_buf_done(buf);
}


static void
test_a_queued_job_has_every_member(void **state)
{
    pt_buf_t         buf;
    pt_jsonw_t       w;
    orch_job_view_t  job = {
        .id = { { 1, 0x92, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 9 } },
        .service = PT_STR("video-processing"),
        .action = PT_STR("process"),
        .status = PT_STR("queued"),
        .priority = 2,
        .max_attempts = 3,
        .created_ms = 1795435200123,
        .metadata = PT_STR("{\"a\":1}")
    };

    (void) state;

    pt_buf_init(&buf, &pt_mem_heap, 4096);
    pt_jsonw_init(&w, &buf);
    orch_json_job(&w, &job);

    check(&buf, "{\"id\":\"01920000-0000-7000-8000-000000000009\","
          "\"service\":\"video-processing\",\"action\":\"process\","
          "\"status\":\"queued\",\"priority\":\"high\",\"progress\":0,"
          "\"stage\":null,\"attempt\":0,\"max_attempts\":3,"
          "\"created_at\":\"2026-11-23T12:00:00.123Z\",\"started_at\":null,"
          "\"finished_at\":null,\"outputs\":[],\"result\":null,"
          "\"error\":null,\"cached\":false,\"batch_id\":null,"
          "\"retry_of\":null,\"metadata\":{\"a\":1}}");
}


static void
test_a_state_event_names_the_reason_and_the_withdrawal(void **state)
{
    pt_buf_t       buf;
    orch_reason_t  reason = { PT_STR("io_error"), PT_STR("disk \"x\""),
                              PT_STR_NULL };

    (void) state;

    pt_buf_init(&buf, &pt_mem_heap, 4096);
    orch_json_state(&buf, "retrying", 2, 1000, 61001, &reason, true);

    check(&buf, "{\"status\":\"retrying\",\"attempt\":2,"
          "\"at\":\"1970-01-01T00:00:01.000Z\","
          "\"retry_at\":\"1970-01-01T00:01:01.001Z\",\"code\":\"io_error\","
          "\"detail\":\"disk \\\"x\\\"\",\"withdrawn\":true}");
}


static void
test_an_error_has_the_members_of_a_problem(void **state)
{
    pt_buf_t       buf;
    orch_reason_t  reason = { PT_STR("input_broken"), PT_STR("no index"),
                              PT_STR("[{\"pointer\":\"/a\"}]") };

    (void) state;

    pt_buf_init(&buf, &pt_mem_heap, 4096);
    orch_json_error(&buf, &reason);

    check(&buf, "{\"type\":\"about:blank\",\"title\":\"Input broken\","
          "\"code\":\"input_broken\",\"detail\":\"no index\","
          "\"errors\":[{\"pointer\":\"/a\"}]}");
}


static void
test_progress_is_a_fraction(void **state)
{
    pt_buf_t  buf;

    (void) state;

    pt_buf_init(&buf, &pt_mem_heap, 4096);
    orch_json_progress(&buf, 375, PT_STR("encode"));
    check(&buf, "{\"progress\":0.375,\"stage\":\"encode\"}");
}


static void
test_times_beyond_the_calendar_are_not_written(void **state)
{
    char  text[ORCH_TIME_LEN + 1];

    (void) state;

    orch_time_format(253402300799999LL, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");

    orch_time_format(INT64_MAX, text);
    assert_int_equal(strlen(text), ORCH_TIME_LEN);
    orch_time_format(INT64_MIN, text);
    assert_int_equal(strlen(text), ORCH_TIME_LEN);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_queued_job_has_every_member),
        cmocka_unit_test(
            test_a_state_event_names_the_reason_and_the_withdrawal),
        cmocka_unit_test(test_an_error_has_the_members_of_a_problem),
        cmocka_unit_test(test_progress_is_a_fraction),
        cmocka_unit_test(test_times_beyond_the_calendar_are_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
