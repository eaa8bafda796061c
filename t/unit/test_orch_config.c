/* The orchestrator's configuration file. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "orch_config.h"


static const char  minimal[] =
    "database postgresql://pitchey@127.0.0.1:5433/pitchey\n"
    "edge_listen ipc:///run/e.sock\n"
    "processor_listen ipc:///run/p.sock\n"
    "storage /s\n"
    "scratch /t\n";


static pt_err_t
parse(const char *more, orch_config_t *config, char message[256])
{
    char      text[2048];
    pt_buf_t  error;
    pt_err_t  err;

    assert_true(snprintf(text, sizeof(text), "%s%s", minimal, more)
                < (int) sizeof(text));
    pt_buf_init(&error, &pt_mem_heap, 255);
    err = orch_config_parse("f", pt_str(text), config, &error);
    memcpy(message, error.len ? error.data : "", error.len);
    message[error.len] = '\0';
    pt_buf_done(&error);

    return err;
}


static void
test_a_full_file_is_read(void **state)
{
    char           message[256];
    orch_config_t  c;

    (void) state;

    assert_int_equal(parse("# a comment\n"
                           "\n"
                           "share  /share   # behind a value too\n"
                           "log_level debug\r\n"
                           "name here\n"
                           "processor video-processing /v max=3 idle=2m slots=4"
                           " min=1 nice=5 memory=2g cpu=150%\n"
                           "cgroup /sys/fs/cgroup/pitchey\n"
                           "webhook_secret file:/w\n"
                           "link_secret file:/l\n"
                           "link_base https://films.example/api/containers\n"
                           "webhook_http on\n"
                           "webhook_private off\n"
                           "log_format json\n"
                           "platform_database postgresql://p@127.0.0.1/p\n"
                           "environment PITCHEY_A b=c\n"
                           "environment PITCHEY_AB d\n"
                           "processor report /r",
                           &c, message), PT_OK);

    assert_string_equal(c.database,
                        "postgresql://pitchey@127.0.0.1:5433/pitchey");
    assert_string_equal(c.share, "/share");
    assert_string_equal(c.name, "here");
    assert_int_equal(c.log_level, PT_LOG_DEBUG);
    assert_string_equal(c.platform_database, "postgresql://p@127.0.0.1/p");
    assert_int_equal(c.nenvironment, 2);
    assert_string_equal(c.environment[0], "PITCHEY_A=b=c");
    assert_string_equal(c.environment[1], "PITCHEY_AB=d");
    assert_int_equal(c.nprocessors, 2);
    assert_string_equal(c.processors[0].service, "video-processing");
    assert_string_equal(c.processors[0].path, "/v");
    assert_int_equal(c.processors[0].max, 3);
    assert_int_equal(c.processors[0].slots, 4);
    assert_int_equal(c.processors[0].idle_ms, 120000);
    assert_int_equal(c.processors[0].min, 1);
    assert_int_equal(c.processors[0].nice, 5);
    assert_int_equal(c.processors[0].memory_bytes, 2LL << 30);
    assert_int_equal(c.processors[0].cpu_percent, 150);
    assert_string_equal(c.cgroup, "/sys/fs/cgroup/pitchey");
    assert_string_equal(c.webhook_secret, "file:/w");
    assert_string_equal(c.link_secret, "file:/l");
    assert_string_equal(c.link_base, "https://films.example/api/containers");
    assert_true(c.webhook_http);
    assert_false(c.webhook_private);
    assert_true(c.log_json);
    assert_int_equal(c.processors[1].max, 1);
    assert_int_equal(c.processors[1].slots, 0);
    assert_int_equal(c.processors[1].idle_ms, 60000);

    orch_config_done(&c);
}


static void
test_limits_tiers_and_retention_are_read(void **state)
{
    char                        message[256];
    orch_config_t               c;
    const orch_config_limit_t  *l;

    (void) state;

    assert_int_equal(parse("limit * user_queued=100\n"
                           "limit video-processing queued=10 running=2\n"
                           "tier free priority=normal\n"
                           "tier * priority=high\n"
                           "keep outputs=7d keys=90m\n", &c, message), PT_OK);

    l = orch_config_limit_of(&c, PT_STR("video-processing"));
    assert_int_equal(l->queued, 10);
    assert_int_equal(l->running, 2);
    assert_int_equal(l->user_queued, 0);
    l = orch_config_limit_of(&c, PT_STR("other"));
    assert_int_equal(l->user_queued, 100);
    assert_int_equal(orch_config_priority_of(&c, PT_STR("free")), 1);
    assert_int_equal(orch_config_priority_of(&c, PT_STR("pro")), 2);
    assert_int_equal(c.keep_s[ORCH_KEEP_JOBS], 30 * 86400);
    assert_int_equal(c.keep_s[ORCH_KEEP_OUTPUTS], 7 * 86400);
    assert_int_equal(c.keep_s[ORCH_KEEP_UPLOADS], 7 * 86400);
    assert_int_equal(c.keep_s[ORCH_KEEP_KEYS], 5400);
    orch_config_done(&c);

    assert_int_equal(parse("", &c, message), PT_OK);
    assert_null(orch_config_limit_of(&c, PT_STR("other")));
    assert_int_equal(orch_config_priority_of(&c, PT_STR("free")), 3);
    orch_config_done(&c);
}


static void
test_bad_limits_tiers_and_retention_are_told(void **state)
{
    size_t         i;
    char           message[256];
    orch_config_t  c;

    static const char *const  bad[] = {
        "limit *\n", "limit * queued\n", "limit * queued=\n",
        "limit * queued=-1\n", "limit * jobs=1\n",
        "limit a queued=1\nlimit a running=1\n",
        "tier free\n", "tier free priority=top\n", "tier free first=low\n",
        "keep\n", "keep jobs\n", "keep jobs=30\n", "keep jobs=0d\n",
        "keep jobs=d\n", "keep jobs=9999d\n", "keep files=1d\n"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(bad[i], &c, message), PT_E_INVALID);
        assert_true(strlen(message) > 5);
    }
}


static void
test_a_quota_has_units(void **state)
{
    char           message[256];
    size_t         i;
    orch_config_t  c;

    static const struct {
        const char  *text;
        int64_t      bytes;
    } cases[] = {
        { "", 0 }, { "quota 0\n", 0 }, { "quota 1000\n", 1000 },
        { "quota 64k\n", 65536 }, { "quota 20g\n", 20LL << 30 },
        { "quota 1024t\n", 1LL << 50 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(cases[i].text, &c, message), PT_OK);
        assert_int_equal(c.quota_bytes, cases[i].bytes);
        assert_int_equal(c.orphans_ms, 3600000);
        orch_config_done(&c);
    }

    assert_int_equal(parse("orphans 2s\n", &c, message), PT_OK);
    assert_int_equal(c.orphans_ms, 2000);
    orch_config_done(&c);
}


static void
test_the_name_is_made_of_host_and_socket(void **state)
{
    char           message[256];
    orch_config_t  c;

    (void) state;

    assert_int_equal(parse("", &c, message), PT_OK);
    assert_non_null(strstr(c.name, " ipc:///run/p.sock"));
    orch_config_done(&c);
}


static void
test_what_is_wrong_is_said_with_its_line(void **state)
{
    char           message[256];
    size_t         i;
    orch_config_t  c;

    static const struct {
        const char  *text;
        const char  *message;
    } cases[] = {
        { "speed 11\n", "f:6: unknown setting \"speed\"" },
        { "storage /x\n", "f:6: \"storage\" is given twice" },
        { "share\n", "f:6: \"share\" takes one value" },
        { "share /a /b\n", "f:6: \"share\" takes one value" },
        { "environment PITCHEY_X\n",
          "f:6: \"environment\" takes a name and a value" },
        { "environment LD_PRELOAD /x\n",
          "f:6: a name of the environment begins with PITCHEY_, not "
          "\"LD_PRELOAD\"" },
        { "environment PITCHEY_X=a b\n",
          "f:6: a name of the environment begins with PITCHEY_, not "
          "\"PITCHEY_X=a\"" },
        { "environment PITCHEY_X a\nenvironment PITCHEY_X b\n",
          "f:7: \"environment PITCHEY_X\" is given twice" },
        { "\nprocessor x\n",
          "f:7: \"processor\" takes a service and the path of a binary" },
        { "processor x /x max=0\n", "f:6: bad value in \"max=0\"" },
        { "processor x /x max=1001\n", "f:6: bad value in \"max=1001\"" },
        { "processor x /x max=99999999999999\n",
          "f:6: bad value in \"max=99999999999999\"" },
        { "processor x /x max=\n", "f:6: bad value in \"max=\"" },
        { "processor x /x idle=5\n", "f:6: bad value in \"idle=5\"" },
        { "processor x /x idle=s\n", "f:6: bad value in \"idle=s\"" },
        { "processor x /x idle=9999999h\n",
          "f:6: bad value in \"idle=9999999h\"" },
        { "processor x /x speed=5\n", "f:6: unknown option \"speed\"" },
        { "processor x /x nice=20\n", "f:6: bad value in \"nice=20\"" },
        { "processor x /x memory=1m\n", "f:6: bad value in \"memory=1m\"" },
        { "processor x /x cpu=50\n", "f:6: bad value in \"cpu=50\"" },
        { "processor x /x cpu=0%\n", "f:6: bad value in \"cpu=0%\"" },
        { "processor x /x min=2\n", "f:6: min=2 is more than max=1" },
        { "webhook_http yes\n", "f:6: \"webhook_http\" is on or off" },
        { "log_format xml\n", "f:6: \"log_format\" is text or json" },
        { "processor x /x quick\n", "f:6: \"quick\" is not key=value" },
        { "processor x /x\nprocessor x /y\n",
          "f:7: \"processor x\" is given twice" },
        { "log_level loud\n", "f:6: \"log_level\" is error, warn, info or "
          "debug, not \"loud\"" },
        { "quota much\n", "f:6: \"quota\" is bytes, such as 500m or 20g, "
          "not \"much\"" },
        { "quota g\n", "f:6: \"quota\" is bytes, such as 500m or 20g, "
          "not \"g\"" },
        { "quota 1025t\n", "f:6: \"quota\" is bytes, such as 500m or 20g, "
          "not \"1025t\"" },
        { "orphans 0s\n", "f:6: \"orphans\" is a time, such as 30m or 2h, "
          "not \"0s\"" },
        { "a a a a a a a a a a a a a a a a a\n", "f:6: too many words" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(cases[i].text, &c, message), PT_E_INVALID);
        assert_string_equal(message, cases[i].message);
    }
}


static void
test_it_listens_where_the_file_system_says_who_may_come(void **state)
{
    size_t         i;
    char           text[128];
    pt_buf_t       error;
    orch_config_t  c;

    static const char *const  endpoints[] = {
        "tcp://127.0.0.1:5555", "tcp://*:5555", "ipc://@abstract", "ipc://e",
        "ipc://", "ipc:///", "inproc://x", "/run/e.sock"
    };

    (void) state;

    for (i = 0; i < 2 * sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        snprintf(text, sizeof(text), "%s_listen %s\n",
                 i % 2 ? "edge" : "processor", endpoints[i / 2]);
        pt_buf_init(&error, &pt_mem_heap, 255);
        assert_int_equal(orch_config_parse("f", pt_str(text), &c, &error),
                         PT_E_INVALID);
        pt_buf_add_char(&error, '\0');
        assert_non_null(strstr(error.data, "_listen\" is ipc:///PATH, not"));
        pt_buf_done(&error);
    }
}


static void
test_a_missing_setting_is_named(void **state)
{
    pt_buf_t       error;
    orch_config_t  c;

    (void) state;

    pt_buf_init(&error, &pt_mem_heap, 255);
    assert_int_equal(orch_config_parse("f", PT_STR("database x"), &c, &error),
                     PT_E_INVALID);
    assert_true(pt_str_is(pt_buf_str(&error),
                          "f:1: \"edge_listen\" is missing"));
    pt_buf_done(&error);
}


static void
test_a_file_that_is_not_there_is_an_error(void **state)
{
    pt_buf_t       error;
    orch_config_t  c;

    (void) state;

    pt_buf_init(&error, &pt_mem_heap, 255);
    assert_int_equal(orch_config_load("/nonexistent", &c, &error), PT_E_IO);
    assert_true(pt_str_is(pt_buf_str(&error), "could not open "
                          "\"/nonexistent\": No such file or directory"));
    pt_buf_done(&error);
}


static void
test_a_bucket(void **state)
{
    char           message[256];
    orch_config_t  c;

    (void) state;

    assert_int_equal(parse("storage_s3 s3://b-1/p endpoint=http://h:1   "
                           "style=host # words\n", &c, message), PT_OK);
    assert_string_equal(c.storage_s3, "s3://b-1/p endpoint=http://h:1 "
                        "style=host");
    orch_config_done(&c);
    assert_null(c.storage_s3);

    assert_int_equal(parse("storage_s3 s3://b-1\nstorage_s3 s3://b-2\n", &c,
                           message), PT_E_INVALID);
    assert_non_null(strstr(message, "given twice"));

    assert_int_equal(parse("storage_s3 s3://b-1 acl=public\n", &c, message),
                     PT_E_INVALID);
    assert_non_null(strstr(message, "known are endpoint="));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_full_file_is_read),
        cmocka_unit_test(test_limits_tiers_and_retention_are_read),
        cmocka_unit_test(test_bad_limits_tiers_and_retention_are_told),
        cmocka_unit_test(test_a_bucket),
        cmocka_unit_test(test_a_quota_has_units),
        cmocka_unit_test(test_the_name_is_made_of_host_and_socket),
        cmocka_unit_test(test_what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(
            test_it_listens_where_the_file_system_says_who_may_come),
        cmocka_unit_test(test_a_missing_setting_is_named),
        cmocka_unit_test(test_a_file_that_is_not_there_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
