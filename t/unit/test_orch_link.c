/* Links in webhooks: what they say, and the secrets they are made with. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "orch.h"


#define NOW  1795460400123LL

static const char  links_job[] =
    "{\"status\":\"succeeded\",\"outputs\":["
    "{\"name\":\"report.pdf\",\"kind\":\"file\"},"
    "{\"name\":\"hls\",\"kind\":\"tree\",\"entry\":\"master.m3u8\"},"
    "{\"name\":\"a b/\xc3\xa9?\",\"kind\":\"file\"}]}";


static pt_json_t *
links_of(const orch_links_t *links, const char *job, pt_buf_t *text)
{
    pt_id_t      id = { { 1, 2, 3 } };
    pt_json_t   *given, *made;
    pt_jsonw_t   w;

    assert_int_equal(pt_json_parse(pt_str(job), &pt_mem_heap, &given, NULL),
                     PT_OK);

    pt_buf_init(text, &pt_mem_heap, 65536);
    pt_jsonw_init(&w, text);
    pt_jsonw_object(&w);
    orch_links_write(links, &w, &id, given, NOW);
    pt_jsonw_end(&w);

    assert_int_equal(text->err, PT_OK);
    assert_int_equal(pt_json_parse(pt_buf_str(text), &pt_mem_heap, &made,
                                   NULL), PT_OK);
    pt_json_free(given);

    return made;
}


static const orch_links_t  links_some = {
    .secret = "0123456789abcdef0123456789abcdef",
    .base = "https://films.example/api/containers"
};


static void
test_each_output_has_a_url(void **state)
{
    size_t            n = 0;
    char              url[512];
    pt_id_t           job;
    pt_buf_t          text;
    pt_str_t          base;
    uint32_t          expires;
    pt_json_t        *made = links_of(&links_some, links_job, &text);
    const pt_json_t  *links = pt_json_member(made, "links"), *output;
    const char       *paths[] = { "report.pdf", "hls/master.m3u8",
                                  "a%20b/%C3%A9%3F" };

    (void) state;

    base = pt_json_string(links, "url", PT_STR(""));
    output = pt_json_member(links, "outputs")->first;

    for ( /* void */ ; output != NULL; output = output->next, n++) {
        snprintf(url, sizeof(url), "%.*s%s", PT_STR_ARG(base), paths[n]);
        assert_true(pt_str_is(pt_json_string(output, "url", PT_STR("")), url));
    }

    assert_int_equal(n, 3);

    /* what the edge makes of it */
    base.data += sizeof("https://films.example/api/containers/links/") - 1;
    base.len = PT_LINK_LEN;
    assert_true(pt_link_read(pt_str(links_some.secret), base, &job, &expires));
    assert_int_equal(job.bytes[1], 2);
    assert_int_equal(expires, NOW / 1000 + 7 * 86400);
    assert_true(pt_str_is(pt_json_string(links, "expires_at", PT_STR("")),
                          "2026-11-30T19:00:00.000Z"));

    pt_json_free(made);
    pt_buf_done(&text);
}


static void
test_nothing_without_outputs_or_secret(void **state)
{
    size_t              i;
    pt_buf_t            text;
    const orch_links_t  none = { .base = "https://films.example" };
    const char         *jobs[] = { "{\"status\":\"failed\"}",
                                   "{\"outputs\":[]}", "{\"outputs\":null}" };

    (void) state;

    for (i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        pt_json_free(links_of(&links_some, jobs[i], &text));
        assert_true(pt_str_is(pt_buf_str(&text), "{}"));
        pt_buf_done(&text);
    }

    pt_json_free(links_of(&none, links_job, &text));
    assert_true(pt_str_is(pt_buf_str(&text), "{}"));
    pt_buf_done(&text);
}


static void
test_secret_of_a_file_without_its_newline(void **state)
{
    int    fd;
    char   name[] = "/tmp/pitchey-secret.XXXXXX";
    char   value[64], secret[ORCH_SECRET_MAX + 1];

    (void) state;

    fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "quiet\r\n", 7), 7);
    close(fd);

    snprintf(value, sizeof(value), "file:%s", name);
    assert_int_equal(orch_secret_read("s", value, secret), PT_OK);
    assert_string_equal(secret, "quiet");
    unlink(name);

    assert_int_equal(orch_secret_read("s", value, secret), PT_E_INVALID);
    assert_int_equal(orch_secret_read("s", "given", secret), PT_OK);
    assert_string_equal(secret, "given");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_each_output_has_a_url),
        cmocka_unit_test(test_nothing_without_outputs_or_secret),
        cmocka_unit_test(test_secret_of_a_file_without_its_newline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
