/* Mustache: the specification's own tests, and what goes beyond them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "document_format.h"
#include "pt_mustache.h"


#define OUT_MAX  (64 * 1024)


typedef struct {
    const pt_json_t      *partials;
    pt_mustache_t  *compiled[16];
    size_t                n;
    size_t                missing;
} partials_t;


static char *read_vectors(const char *name, size_t *ret_len);
static void run_vector(const char *file, const pt_json_t *test);
static const pt_mustache_t *get_partial(void *ctx, pt_str_t name);
static void count_missing(void *ctx, pt_str_t name);
static pt_err_t render(const char *template, const char *json, char *out,
    size_t size, partials_t *partials);


static void
test_every_vector_of_the_specification_passes(void **state)
{
    char             *text;
    size_t            i, len, passed = 0;
    pt_json_t        *root;
    const pt_json_t  *test;

    static const char *const  files[] = {
        "comments", "delimiters", "interpolation", "inverted", "partials",
        "sections",
    };

    (void) state;

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        text = read_vectors(files[i], &len);
        if (text == NULL) {
            print_message("vectors/mustache is not here, skipping\n");
            skip();
        }

        assert_int_equal(pt_json_parse((pt_str_t) { text, len }, &pt_mem_heap,
                                       &root, NULL), PT_OK);

        for (test = pt_json_member(root, "tests")->first; test != NULL;
             test = test->next)
        {
            run_vector(files[i], test);
            passed++;
        }

        pt_json_free(root);
        free(text);
    }

    assert_true(passed > 100);
}


static void
test_a_filter_formats_a_value(void **state)
{
    char  out[200];

    (void) state;

    assert_int_equal(render("{{d|date}}, {{ n | words }} {{n|plural year}}"
                            " {{one|plural year}}",
                            "{\"d\":\"2026-03-01\",\"n\":3,\"one\":1}",
                            out, sizeof(out), NULL), PT_OK);
    assert_string_equal(out, "1\u00a0March 2026, three years year");

    assert_int_equal(render("{{d|date}}", "{\"d\":\"2026-13-01\"}", out,
                            sizeof(out), NULL), PT_E_INVALID);
    assert_int_equal(render("{{d|shout}}", "{\"d\":\"x\"}", out, sizeof(out),
                            NULL), PT_E_INVALID);
}


static void
test_what_is_missing_is_told(void **state)
{
    char        out[200];
    partials_t  p = { 0 };

    (void) state;

    assert_int_equal(render("{{a}}{{b.c}}{{b.d}}{{n}}{{#no}}{{x}}{{/no}}",
                            "{\"a\":1,\"b\":{\"c\":2},\"n\":null}", out,
                            sizeof(out), &p), PT_OK);
    assert_string_equal(out, "12");
    assert_int_equal(p.missing, 2);
}


static void
test_broken_templates_are_refused_with_their_line(void **state)
{
    char                  error[200];
    size_t                i;
    pt_mustache_t  *template;

    static const struct {
        const char  *text, *error;
    } broken[] = {
        { "a\nb {{#c}}",      "line 2: section is not closed \"c\"" },
        { "{{/c}}",           "line 1: closes a section" },
        { "{{#a}}{{/b}}",     "line 1: closes a section" },
        { "\n\n{{a",          "line 3: tag is not closed" },
        { "{{}}",             "line 1: tag without a name" },
        { "{{=x=}}",          "line 1: bad delimiters" },
        { "{{{a}}",           "line 1: tag is not closed" },
    };

    (void) state;

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        assert_int_equal(pt_mustache_new(pt_str(broken[i].text),
                                               &template, error,
                                               sizeof(error)), PT_E_INVALID);
        assert_memory_equal(error, broken[i].error, strlen(broken[i].error));
    }
}


static void
test_an_endless_partial_ends(void **state)
{
    char        out[100];
    pt_json_t  *json;
    partials_t  p = { 0 };

    (void) state;

    assert_int_equal(pt_json_parse(PT_STR("{\"a\":\"x{{>a}}\"}"), &pt_mem_heap,
                                   &json, NULL), PT_OK);
    p.partials = json;

    assert_int_equal(render("{{>a}}", "{}", out, sizeof(out), &p),
                     PT_E_TOO_LARGE);

    pt_json_free(json);
}


static void
test_numbers_become_words(void **state)
{
    size_t    i;
    pt_buf_t  buf;

    static const struct {
        uint64_t     n;
        const char  *text;
    } cases[] = {
        { 0, "zero" }, { 7, "seven" }, { 13, "thirteen" }, { 20, "twenty" },
        { 42, "forty-two" }, { 100, "one hundred" },
        { 105, "one hundred and five" }, { 1001, "one thousand and one" },
        { 1200000, "one million two hundred thousand" },
        { 999999999999, "nine hundred and ninety-nine billion nine hundred and"
          " ninety-nine million nine hundred and ninety-nine thousand nine"
          " hundred and ninety-nine" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pt_buf_init(&buf, &pt_mem_heap, 1000);
        document_format_words(cases[i].n, false, &buf);
        pt_buf_add_char(&buf, '\0');
        assert_string_equal(buf.data, cases[i].text);
        pt_buf_done(&buf);
    }
}


static char *
read_vectors(const char *name, size_t *ret_len)
{
    char         path[4096], *text;
    FILE        *file;
    const char  *dir = getenv("PITCHEY_VECTORS");
    const char  *source = getenv("PITCHEY_SOURCE");

    if (dir != NULL) {
        (void) snprintf(path, sizeof(path), "%s/mustache/%s.json", dir, name);
    } else {
        (void) snprintf(path, sizeof(path),
                        "%s/../shared/vectors/mustache/%s.json",
                        source != NULL ? source : ".", name);
    }

    file = fopen(path, "re");
    if (file == NULL) {
        return NULL;
    }

    text = malloc(OUT_MAX * 4);
    assert_non_null(text);
    *ret_len = fread(text, 1, OUT_MAX * 4, file);
    (void) fclose(file);

    return text;
}


static void
run_vector(const char *file, const pt_json_t *test)
{
    char                  error[200];
    size_t                i;
    pt_buf_t              out;
    partials_t            partials = { 0 };
    pt_mustache_t  *template;

    const pt_mustache_env_t  env = {
        .escape = pt_mustache_html, .partial = get_partial,
        .ctx = &partials
    };

    partials.partials = pt_json_member(test, "partials");
    pt_buf_init(&out, &pt_mem_heap, OUT_MAX);

    assert_int_equal(pt_mustache_new(
        pt_json_string(test, "template", PT_STR("")), &template, error,
        sizeof(error)), PT_OK);
    assert_int_equal(pt_mustache_render(template,
        pt_json_member(test, "data"), &env, &out), PT_OK);

    if (!pt_str_eq(pt_buf_str(&out),
                   pt_json_string(test, "expected", PT_STR("?"))))
    {
        fail_msg("%s, %.*s: \"%.*s\" instead of \"%.*s\"", file,
                 PT_STR_ARG(pt_json_string(test, "name", PT_STR(""))),
                 PT_STR_ARG(pt_buf_str(&out)),
                 PT_STR_ARG(pt_json_string(test, "expected", PT_STR("?"))));
    }

    for (i = 0; i < partials.n; i++) {
        pt_mustache_free(partials.compiled[i]);
    }

    pt_mustache_free(template);
    pt_buf_done(&out);
}


/* compiled anew each time: the test is not about speed */
static const pt_mustache_t *
get_partial(void *ctx, pt_str_t name)
{
    char              error[200];
    partials_t       *p = ctx;
    const pt_json_t  *text;

    text = pt_json_member_str(p->partials, name);

    if (text == NULL || p->n == sizeof(p->compiled) / sizeof(void *)) {
        return p->n > 0 && text != NULL ? p->compiled[0] : NULL;
    }

    assert_int_equal(pt_mustache_new(text->text, &p->compiled[p->n],
                                           error, sizeof(error)), PT_OK);

    return p->compiled[p->n++];
}


static void
count_missing(void *ctx, pt_str_t name)
{
    partials_t  *p = ctx;

    assert_true(name.len > 0);
    p->missing++;
}


static pt_err_t
british(void *ctx, pt_str_t filter, const pt_json_t *value, pt_buf_t *out)
{
    (void) ctx;

    return document_format(PT_STR("en-GB"), filter, value, out);
}


static pt_err_t
render(const char *template, const char *json, char *out, size_t size,
    partials_t *partials)
{
    char                  error[200];
    size_t                i;
    pt_buf_t              buf;
    pt_err_t              err;
    pt_json_t            *data;
    partials_t            none = { 0 };
    pt_mustache_t  *t;

    const pt_mustache_env_t  env = {
        .escape = pt_mustache_html, .partial = get_partial,
        .filter = british, .missing = count_missing,
        .ctx = partials != NULL ? partials : &none
    };

    assert_int_equal(pt_mustache_new(pt_str(template), &t, error,
                                           sizeof(error)), PT_OK);
    assert_int_equal(pt_json_parse(pt_str(json), &pt_mem_heap, &data, NULL),
                     PT_OK);
    pt_buf_init(&buf, &pt_mem_heap, OUT_MAX);

    err = pt_mustache_render(t, data, &env, &buf);
    (void) snprintf(out, size, "%.*s", PT_STR_ARG(pt_buf_str(&buf)));

    for (i = 0; partials != NULL && i < partials->n; i++) {
        pt_mustache_free(partials->compiled[i]);
    }

    pt_buf_done(&buf);
    pt_json_free(data);
    pt_mustache_free(t);

    return err;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_every_vector_of_the_specification_passes),
        cmocka_unit_test(test_a_filter_formats_a_value),
        cmocka_unit_test(test_what_is_missing_is_told),
        cmocka_unit_test(test_broken_templates_are_refused_with_their_line),
        cmocka_unit_test(test_an_endless_partial_ends),
        cmocka_unit_test(test_numbers_become_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
