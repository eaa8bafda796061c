/* The parameters of "process": schema and code, and what both call default. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pt_schema.h"
#include "video_image.h"
#include "video_request.h"


typedef struct {
    pt_schema_t  *schema;
    unsigned      violations;
    unsigned      files;
} video_schema_t;


static char *
read_schema(const char *action)
{
    char         path[512];
    char        *text;
    FILE        *f;
    size_t       n;
    const char  *source;

    source = getenv("PITCHEY_SOURCE");
    snprintf(path, sizeof(path),
             "%s/conf/schemas/video-processing/%s.json",
             source ? source : ".", action);

    f = fopen(path, "r");
    assert_non_null(f);

    text = calloc(1, 65536);
    assert_non_null(text);
    n = fread(text, 1, 65535, f);
    assert_in_range(n, 100, 65534);
    fclose(f);

    return text;
}


static video_schema_t *
schema_open(const char *action)
{
    char             *text, error[256];
    video_schema_t   *s;

    s = calloc(1, sizeof(*s));
    text = read_schema(action);

    if (pt_schema_compile(pt_str(text), &pt_mem_heap, &s->schema, error,
                          sizeof(error)) != PT_OK)
    {
        fail_msg("%s", error);
    }

    free(text);

    return s;
}


static void
schema_close(video_schema_t *s)
{
    pt_schema_free(s->schema);
    free(s);
}


static int
setup(void **state)
{
    *state = schema_open("process");

    return 0;
}


static int
teardown(void **state)
{
    schema_close(*state);

    return 0;
}


static void
on_violation(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    (void) pointer;
    (void) detail;

    ((video_schema_t *) ctx)->violations++;
}


static void
on_file(void *ctx, pt_str_t pointer, pt_str_t id)
{
    (void) id;

    assert_true(pt_str_is(pointer, "/file"));
    ((video_schema_t *) ctx)->files++;
}


static bool
valid(video_schema_t *s, const pt_json_t *body)
{
    pt_err_t             err;
    pt_schema_visitor_t  visitor = { .violation = on_violation,
                                     .file_id = on_file, .ctx = s };

    s->violations = 0;
    s->files = 0;
    err = pt_schema_validate(s->schema, body, 100, &visitor);
    assert_int_equal(err == PT_OK, s->violations == 0);

    return err == PT_OK;
}


#define FILE_MEMBER  "\"file\":\"0198c2f4-7a31-7c3e-9b1d-2f60a7c5e412\""


static pt_json_t *
parse(const char *text)
{
    pt_json_t  *root;

    assert_int_equal(pt_json_parse(pt_str(text), &pt_mem_heap, &root, NULL),
                     PT_OK);

    return root;
}


static void
test_the_schema_accepts_what_is_meant_and_names_the_file(void **state)
{
    size_t              i;
    pt_json_t          *body;
    static const char  *good[] = {
        "{" FILE_MEMBER "}",
        "{" FILE_MEMBER ",\"ladder\":\"auto\"}",
        "{" FILE_MEMBER ",\"ladder\":[480,1080],\"preset\":\"quality\"}",
        "{" FILE_MEMBER ",\"thumbnails\":{\"count\":0},\"poster\":false}",
        "{" FILE_MEMBER ",\"thumbnails\":{\"width\":640},\"mp4\":false}",
        "{" FILE_MEMBER ",\"trim\":{\"start_s\":2.5},\"loudness\":-23}",
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        body = parse(good[i]);
        assert_true(valid(*state, body));
        assert_true(((video_schema_t *) *state)->files > 0);
        pt_json_free(body);
    }
}


static void
test_the_schema_refuses_the_rest(void **state)
{
    size_t              i;
    pt_json_t          *body;
    static const char  *bad[] = {
        "{}",
        "{\"file\":\"../etc/passwd\"}",
        "{\"file\":7}",
        "{" FILE_MEMBER ",\"ladder\":\"all\"}",
        "{" FILE_MEMBER ",\"ladder\":[]}",
        "{" FILE_MEMBER ",\"ladder\":[2160]}",
        "{" FILE_MEMBER ",\"ladder\":[720,720]}",
        "{" FILE_MEMBER ",\"thumbnails\":{\"count\":101}}",
        "{" FILE_MEMBER ",\"thumbnails\":{\"count\":2.5}}",
        "{" FILE_MEMBER ",\"thumbnails\":{\"width\":31}}",
        "{" FILE_MEMBER ",\"thumbnails\":{\"height\":32}}",
        "{" FILE_MEMBER ",\"poster\":1}",
        "{" FILE_MEMBER ",\"trim\":{}}",
        "{" FILE_MEMBER ",\"trim\":{\"end_s\":0}}",
        "{" FILE_MEMBER ",\"loudness\":0}",
        "{" FILE_MEMBER ",\"preset\":\"placebo\"}",
        "{" FILE_MEMBER ",\"watermark\":\"x\"}",
        "{" FILE_MEMBER ",\"watermark\":{\"text\":\"\"}}",
        "{" FILE_MEMBER ",\"subtitles\":\"x\"}",
        "[]",
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        body = parse(bad[i]);
        assert_false(valid(*state, body));
        pt_json_free(body);
    }
}


static void
test_the_schema_s_examples_are_valid_and_its_defaults_the_code_s(
    void **state)
{
    pt_json_t        *body;
    video_schema_t   *s;
    video_request_t   r;
    const pt_json_t  *example, *properties, *thumbnails;

    s = *state;

    example = pt_json_member(pt_schema_document(s->schema), "examples");
    assert_non_null(example);

    for (example = example->first; example; example = example->next) {
        assert_true(valid(s, example));
    }

    body = parse("{" FILE_MEMBER "}");
    video_request_of(&r, body);
    pt_json_free(body);

    properties = pt_json_member(pt_schema_document(s->schema), "properties");
    thumbnails = pt_json_member(pt_json_member(properties, "thumbnails"),
                                "default");

    assert_int_equal(r.thumbs.count, pt_json_int(thumbnails, "count", -1));
    assert_int_equal(r.thumbs.width, pt_json_int(thumbnails, "width", -1));
    assert_int_equal(r.nladder, 0);
    assert_true(pt_str_is(pt_json_string(pt_json_member(properties, "ladder"),
                                         "default", PT_STR("")), "auto"));
    assert_int_equal(r.poster, pt_json_bool(pt_json_member(properties,
                                            "poster"), "default", !r.poster));
    assert_int_equal(r.storyboard, pt_json_bool(pt_json_member(properties,
                                   "storyboard"), "default", !r.storyboard));
    assert_int_equal(r.mp4, pt_json_bool(pt_json_member(properties, "mp4"),
                                         "default", !r.mp4));
    assert_true(pt_str_is(pt_json_string(pt_json_member(properties, "preset"),
                                         "default", PT_STR("")),
                          r.preset->name));
}


static void
test_parameters_are_taken_over(void **state)
{
    pt_json_t        *body;
    video_request_t   r;

    (void) state;

    body = parse("{" FILE_MEMBER ",\"ladder\":[480,1080],\"thumbnails\":"
                 "{\"count\":3,\"width\":64},\"poster\":false,\"mp4\":false,"
                 "\"preset\":\"quality\",\"trim\":{\"start_s\":2.5},"
                 "\"loudness\":-16,\"watermark\":{\"text\":\"a:'b\","
                 "\"position\":\"top\"}}");
    video_request_of(&r, body);
    pt_json_free(body);

    assert_int_equal(r.nladder, 2);
    assert_int_equal(r.ladder[0], 480);
    assert_int_equal(r.ladder[1], 1080);
    assert_int_equal(r.thumbs.count, 3);
    assert_int_equal(r.thumbs.width, 64);
    assert_false(r.poster);
    assert_false(r.mp4);
    assert_string_equal(r.preset->name, "quality");
    assert_string_equal(r.watermark.text, "a:'b");
    assert_int_equal(r.watermark.across, 1);
    assert_int_equal(r.watermark.down, 0);
    assert_true(r.watermark.opacity > 0.49 && r.watermark.opacity < 0.51);
    assert_true(r.trim && r.trim_start > 2.4 && r.trim_start < 2.6);
    assert_true(r.trim_end >= VIDEO_SECONDS_MAX);
    assert_true(r.loudness < -15.9 && r.loudness > -16.1);
}


static void
test_thumbnails_are_counted_or_listed(void **state)
{
    pt_json_t        *body;
    video_schema_t   *s;
    video_thumbs_t    t;
    const pt_json_t  *example, *properties;

    (void) state;

    s = schema_open("thumbnails");

    example = pt_json_member(pt_schema_document(s->schema), "examples");
    for (example = example->first; example; example = example->next) {
        assert_true(valid(s, example));
    }

    properties = pt_json_member(pt_schema_document(s->schema), "properties");

    body = parse("{" FILE_MEMBER "}");
    assert_true(valid(s, body));
    video_thumbs_of(&t, body);
    pt_json_free(body);

    assert_int_equal(t.count, pt_json_int(pt_json_member(properties, "count"),
                                          "default", -1));
    assert_int_equal(t.width, pt_json_int(pt_json_member(properties, "width"),
                                          "default", -1));
    assert_true(pt_str_is(pt_json_string(pt_json_member(properties, "format"),
                                         "default", PT_STR("")),
                          t.format->name));
    assert_false(t.listed);

    body = parse("{" FILE_MEMBER ",\"timestamps\":[2.5,0],\"format\":"
                 "\"webp\",\"height\":90}");
    assert_true(valid(s, body));
    video_thumbs_of(&t, body);
    pt_json_free(body);

    assert_true(t.listed);
    assert_int_equal(t.count, 2);
    assert_true(t.timestamps[0] > 2.4 && t.timestamps[0] < 2.6);
    assert_int_equal(t.height, 90);
    assert_string_equal(t.format->ending, "webp");

    body = parse("{" FILE_MEMBER ",\"timestamps\":[1],\"count\":3}");
    assert_false(valid(s, body));
    pt_json_free(body);

    schema_close(s);
}


static void
test_pictures_of_scenes_have_the_schema_s_defaults(void **state)
{
    pt_json_t        *body;
    video_schema_t   *s;
    video_thumbs_t    t;
    const pt_json_t  *example, *thumbnails;

    (void) state;

    s = schema_open("analyze");

    example = pt_json_member(pt_schema_document(s->schema), "examples");
    for (example = example->first; example; example = example->next) {
        assert_true(valid(s, example));
    }

    thumbnails = pt_json_member(pt_json_member(pt_json_member(
                     pt_schema_document(s->schema), "properties"),
                     "thumbnails"), "default");

    body = parse("{" FILE_MEMBER "}");
    video_scenes_of(&t, body);
    pt_json_free(body);

    assert_int_equal(t.count, pt_json_int(thumbnails, "count", -1));
    assert_int_equal(t.width, pt_json_int(thumbnails, "width", -1));
    assert_true(pt_str_is(pt_json_string(thumbnails, "format", PT_STR("")),
                          t.format->name));

    schema_close(s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(
            test_the_schema_accepts_what_is_meant_and_names_the_file),
        cmocka_unit_test(test_the_schema_refuses_the_rest),
        cmocka_unit_test(
            test_the_schema_s_examples_are_valid_and_its_defaults_the_code_s),
        cmocka_unit_test(test_parameters_are_taken_over),
        cmocka_unit_test(test_thumbnails_are_counted_or_listed),
        cmocka_unit_test(test_pictures_of_scenes_have_the_schema_s_defaults),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
