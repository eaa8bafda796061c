/* Schemas: what compiles, what validates, and what is said otherwise. */

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "junk_mem.h"
#include "pt_schema.h"


/* groups of the test suite that ask for what we refuse on purpose */
static const struct {
    const char  *group;
    const char  *reason;
} refused[] = {
    { "dependentSchemas with additionalProperties",
      "dependentSchemas is not among the keywords" },
    { "characters with the same visual representation but different codepoint",
      "$comment is not among the keywords" },
    { "characters with the same visual representation, but different number "
      "of codepoints",
      "$comment is not among the keywords" },
    { "float and integers are equal up to 64-bit representation limits",
      "integers beyond 2^53 - 1 are refused" },
    { "nul characters in strings",
      "U+0000 is refused" },
    { "collect annotations inside a 'not', even if collection is disabled",
      "unevaluatedProperties is not among the keywords" },
    { "pattern with Unicode property escape requires unicode mode",
      "\\p{Letter} is ECMAScript's; PCRE2 writes \\p{L}" },
};

#define REFUSED  (sizeof(refused) / sizeof(refused[0]))


typedef struct {
    const char  *file;
    size_t       ran;
    size_t       seen[REFUSED];
} suite_t;


/* malloc() of the validator, by -Wl,--wrap: the n-th fails, 0: none */
static size_t  malloc_fail_at, malloc_made;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);


static pt_schema_t *compile(pt_str_t text);

/* lines "pointer: detail", or "pointer = id" for files */
static pt_err_t validate(const pt_schema_t *schema, pt_str_t document,
    size_t max, bool files, pt_buf_t *lines);
static pt_err_t check(const pt_schema_t *schema, pt_str_t document);
static void on_violation(void *ctx, pt_str_t pointer, pt_str_t detail);
static void on_file_id(void *ctx, pt_str_t pointer, pt_str_t id);
static void assert_told(const char *schema, const char *document,
    const char *lines);
static void assert_files(const char *schema, const char *document,
    const char *lines);
static void assert_wrong(const char *schema, const char *message);

static void suite_file(suite_t *suite, const char *folder);
static void suite_group(suite_t *suite, pt_str_t group);
static void suite_case(suite_t *suite, const pt_schema_t *schema,
    const pt_json_t *test);
static size_t find_refused(pt_str_t group);
static char *text_of(const pt_json_t *value);
static char *vectors_folder(void);
static char *read_text(const char *folder, const char *name, size_t *ret_len);
static pt_str_t next_group(pt_str_t *rest);


/* JSON-Schema-Test-Suite, in the folder json-schema of the vectors */
static void
test_the_test_suite_agrees(void **state)
{
    char           *folder;
    DIR            *dir;
    size_t          i;
    suite_t         suite = { 0 };
    struct dirent  *file;

    (void) state;

    folder = vectors_folder();
    dir = opendir(folder);

    if (dir == NULL) {
        print_message("# no tests in \"%s\": set PITCHEY_VECTORS\n", folder);
        free(folder);
        skip();
    }

    while ((file = readdir(dir)) != NULL) {
        if (strstr(file->d_name, ".json") != NULL) {
            suite.file = file->d_name;
            suite_file(&suite, folder);
        }
    }

    closedir(dir);
    free(folder);

    print_message("# %zu tests of the suite ran\n", suite.ran);
    assert_true(suite.ran > 0);

    for (i = 0; i < REFUSED; i++) {
        assert_int_equal(suite.seen[i], 1);
    }
}


static void
suite_file(suite_t *suite, const char *folder)
{
    char      *text;
    size_t     len;
    pt_str_t   rest, group;

    text = read_text(folder, suite->file, &len);
    rest = (pt_str_t) { text, len };

    for ( ;; ) {
        group = next_group(&rest);
        if (group.len == 0) {
            break;
        }

        suite_group(suite, group);
    }

    free(text);
}


static void
suite_group(suite_t *suite, pt_str_t group)
{
    char              *text, error[256];
    size_t             i;
    pt_err_t           err;
    pt_json_t         *root = NULL;
    pt_schema_t       *schema = NULL;
    const pt_json_t   *test;
    pt_json_error_t    json_error;

    i = find_refused(group);
    err = pt_json_parse(group, &pt_mem_heap, &root, &json_error);

    if (err == PT_OK) {
        text = text_of(pt_json_member(root, "schema"));
        err = pt_schema_compile(pt_str(text), &pt_mem_heap, &schema, error,
                                sizeof(error));
        free(text);

    } else {
        snprintf(error, sizeof(error), "%s", json_error.message);
    }

    if (i < REFUSED) {
        assert_int_equal(err, PT_E_INVALID);
        print_message("# skipped: %s: %s (%s)\n", refused[i].group,
                      refused[i].reason, error);
        suite->seen[i]++;

    } else if (err != PT_OK) {
        fail_msg("%s: %s in %.*s", suite->file, error, PT_STR_ARG(group));

    } else {
        for (test = pt_json_member(root, "tests")->first; test != NULL;
             test = test->next)
        {
            suite_case(suite, schema, test);
        }
    }

    pt_schema_free(schema);
    pt_json_free(root);
}


static void
suite_case(suite_t *suite, const pt_schema_t *schema, const pt_json_t *test)
{
    char      *data;
    pt_err_t   err;

    data = text_of(pt_json_member(test, "data"));
    err = check(schema, pt_str(data));

    if ((err == PT_OK) != pt_json_bool(test, "valid", false)) {
        fail_msg("%s: %.*s: %s", suite->file,
                 PT_STR_ARG(pt_json_string(test, "description", PT_STR_NULL)),
                 data);
    }

    free(data);
    suite->ran++;
}


/* REFUSED for a group that must work; its description comes first */
static size_t
find_refused(pt_str_t group)
{
    size_t  i, len;
    char    description[256];

    for (i = 0; i < REFUSED; i++) {
        len = (size_t) snprintf(description, sizeof(description),
                                "\"description\": \"%s\"", refused[i].group);

        if (group.len > 100 + len
            && memmem(group.data, 100 + len, description, len) != NULL)
        {
            break;
        }
    }

    return i;
}


static char *
text_of(const pt_json_t *value)
{
    char        *text;
    pt_buf_t     b;
    pt_jsonw_t   w;

    pt_buf_init(&b, &pt_mem_heap, 1 << 20);
    pt_jsonw_init(&w, &b);
    pt_jsonw_value(&w, value);
    assert_int_equal(b.err, PT_OK);

    text = strndup(b.data, b.len);
    pt_buf_done(&b);

    return text;
}


static char *
vectors_folder(void)
{
    char        *folder;
    const char  *vectors = getenv("PITCHEY_VECTORS");
    const char  *source = getenv("PITCHEY_SOURCE");

    if (vectors != NULL) {
        assert_true(asprintf(&folder, "%s/json-schema", vectors) > 0);
    } else {
        assert_true(asprintf(&folder, "%s/../shared/vectors/json-schema",
                             source != NULL ? source : ".") > 0);
    }

    return folder;
}


static char *
read_text(const char *folder, const char *name, size_t *ret_len)
{
    char    *path, *text;
    FILE    *f;
    size_t   size = 1 << 20;

    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);

    f = fopen(path, "r");
    assert_non_null(f);

    text = malloc(size);
    *ret_len = fread(text, 1, size, f);
    assert_true(*ret_len < size);

    fclose(f);
    free(path);

    return text;
}


/*
 * The next object of an array of objects.  By its braces, not by parsing the
 * whole: some groups hold what our parser refuses.
 */
static pt_str_t
next_group(pt_str_t *rest)
{
    bool      string = false;
    size_t    i, depth = 0, from = 0;
    pt_str_t  group = { NULL, 0 };

    for (i = 0; i < rest->len; i++) {
        if (rest->data[i] == '"') {
            string = !string;

        } else if (string && rest->data[i] == '\\') {
            i++;

        } else if (!string && rest->data[i] == '{') {
            if (depth++ == 0) {
                from = i;
            }

        } else if (!string && rest->data[i] == '}' && --depth == 0) {
            group = (pt_str_t) { rest->data + from, i + 1 - from };
            *rest = (pt_str_t) { rest->data + i + 1, rest->len - i - 1 };
            break;
        }
    }

    return group;
}


static pt_schema_t *
compile(pt_str_t text)
{
    char          error[256] = "";
    pt_schema_t  *schema = NULL;

    if (pt_schema_compile(text, &pt_mem_heap, &schema, error, sizeof(error))
        != PT_OK)
    {
        fail_msg("%.*s: %s", PT_STR_ARG(text), error);
    }

    return schema;
}


static pt_err_t
check(const pt_schema_t *schema, pt_str_t document)
{
    pt_err_t  err;
    pt_buf_t  lines;

    pt_buf_init(&lines, &pt_mem_heap, 65536);
    err = validate(schema, document, 100, true, &lines);
    pt_buf_done(&lines);

    return err;
}


static pt_err_t
validate(const pt_schema_t *schema, pt_str_t document, size_t max, bool files,
    pt_buf_t *lines)
{
    pt_err_t              err;
    pt_json_t            *root;
    pt_schema_visitor_t   visitor = { on_violation, NULL, NULL, lines };

    if (files) {
        visitor.file_id = on_file_id;
    }

    assert_int_equal(pt_json_parse(document, &pt_mem_heap, &root, NULL), PT_OK);

    err = pt_schema_validate(schema, root, max, &visitor);

    /* silence and a refusal never go together */
    assert_int_equal(err == PT_E_INVALID,
                     lines->len > 0 && memmem(lines->data, lines->len, ": ", 2)
                     != NULL);

    pt_json_free(root);

    return err;
}


static void
on_violation(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    pt_buf_t  *lines = ctx;

    assert_true(pt_str_is_utf8(pointer));
    assert_true(pt_str_is_utf8(detail));

    pt_buf_add_str(lines, pointer);
    pt_buf_add_text(lines, ": ");
    pt_buf_add_str(lines, detail);
    pt_buf_add_char(lines, '\n');
}


static void
on_file_id(void *ctx, pt_str_t pointer, pt_str_t id)
{
    pt_buf_t  *lines = ctx;

    pt_buf_add_str(lines, pointer);
    pt_buf_add_text(lines, " = ");
    pt_buf_add_str(lines, id);
    pt_buf_add_char(lines, '\n');
}


static void
assert_told(const char *schema, const char *document, const char *lines)
{
    pt_buf_t      got;
    pt_schema_t  *s;

    s = compile(pt_str(schema));
    pt_buf_init(&got, &pt_mem_heap, 65536);

    assert_int_equal(validate(s, pt_str(document), 100, false, &got),
                     *lines == '\0' ? PT_OK : PT_E_INVALID);

    pt_buf_add_char(&got, '\0');
    assert_string_equal(got.data, lines);

    pt_buf_done(&got);
    pt_schema_free(s);
}


static void
assert_files(const char *schema, const char *document, const char *lines)
{
    pt_buf_t      got;
    pt_schema_t  *s;

    s = compile(pt_str(schema));
    pt_buf_init(&got, &pt_mem_heap, 65536);

    (void) validate(s, pt_str(document), 100, true, &got);

    pt_buf_add_char(&got, '\0');
    assert_string_equal(got.data, lines);

    pt_buf_done(&got);
    pt_schema_free(s);
}


static void
assert_wrong(const char *schema, const char *message)
{
    char          error[256] = "";
    junk_mem_t    junk;
    pt_schema_t  *s = (pt_schema_t *) &junk;

    junk_init(&junk, 0);

    assert_int_equal(pt_schema_compile(pt_str(schema), &junk.mem, &s, error,
                                       sizeof(error)), PT_E_INVALID);
    assert_string_equal(error, message);
    assert_ptr_equal(s, &junk);
    assert_int_equal(junk.held, 0);
}


static void
test_each_keyword_says_what_is_wrong(void **state)
{
    size_t  i;

    static const struct {
        const char  *schema;
        const char  *document;
        const char  *lines;
    } cases[] = {
        { "false", "1", ": is not allowed\n" },
        { "true", "1", "" },

        { "{\"type\":\"string\"}", "1", ": must be a string, not a number\n" },
        { "{\"type\":[\"string\",\"null\"]}", "{}",
          ": must be a string or null, not an object\n" },
        { "{\"type\":[\"object\",\"array\",\"boolean\"]}", "null",
          ": must be true or false, an array or an object, not null\n" },
        { "{\"type\":\"integer\"}", "1.5",
          ": must be an integer, not a fraction\n" },
        { "{\"type\":\"integer\"}", "true",
          ": must be an integer, not true or false\n" },
        { "{\"type\":\"integer\"}", "1.0", "" },
        { "{\"type\":\"integer\"}", "1e300", "" },
        { "{\"type\":\"number\"}", "[]",
          ": must be a number, not an array\n" },
        { "{\"type\":\"number\"}", "1", "" },

        { "{\"enum\":[\"mutual\",\"one-way\"]}", "\"x\"",
          ": must be one of \"mutual\", \"one-way\"\n" },
        { "{\"enum\":[1]}", "2", ": must be 1\n" },
        { "{\"enum\":[1,{\"a\":[null]}]}", "{\"a\":[null]}", "" },
        { "{\"const\":{\"a\":1}}", "1", ": must be {\"a\":1}\n" },
        { "{\"const\":1}", "1.0", "" },

        { "{\"minLength\":1}", "\"\"",
          ": must have at least 1 character\n" },
        { "{\"minLength\":2}", "\"\xf0\x9f\x98\x80\"",
          ": must have at least 2 characters\n" },
        { "{\"maxLength\":2}", "\"\xf0\x9f\x98\x80\xc3\xa9\"", "" },
        { "{\"maxLength\":2}", "\"abc\"",
          ": must have at most 2 characters\n" },
        { "{\"pattern\":\"^a+$\"}", "\"aa\\n\"",
          ": must match the pattern \"^a+$\"\n" },
        { "{\"pattern\":\"^.$\"}", "\"\xf0\x9f\x98\x80\"", "" },
        { "{\"pattern\":\"b\"}", "\"abc\"", "" },
        { "{\"pattern\":\"^$\"}", "\"\"", "" },

        { "{\"minimum\":1}", "0", ": must be at least 1\n" },
        { "{\"maximum\":0.5}", "1", ": must be at most 0.5\n" },
        { "{\"exclusiveMinimum\":1}", "1", ": must be more than 1\n" },
        { "{\"exclusiveMaximum\":1}", "1", ": must be less than 1\n" },
        { "{\"minimum\":1,\"maximum\":1}", "1", "" },
        { "{\"multipleOf\":0.01}", "19.999",
          ": must be a multiple of 0.01\n" },
        { "{\"multipleOf\":0.01}", "19.99", "" },
        { "{\"minimum\":5,\"multipleOf\":2}", "3",
          ": must be at least 5\n: must be a multiple of 2\n" },

        { "{\"minItems\":2}", "[1]", ": must have at least 2 items\n" },
        { "{\"maxItems\":1}", "[1,2]", ": must have at most 1 item\n" },
        { "{\"uniqueItems\":true}", "[1,{\"a\":1,\"b\":2},\"1\","
          "{\"b\":2.0,\"a\":1}]",
          ": must not have equal items, as 1 and 3 are\n" },
        { "{\"uniqueItems\":true}", "[1,\"1\",true,[1],{\"1\":1},null]", "" },
        { "{\"uniqueItems\":true}", "[[],[]]",
          ": must not have equal items, as 0 and 1 are\n" },
        { "{\"uniqueItems\":false}", "[1,1]", "" },
        { "{\"items\":{\"type\":\"string\"}}", "[\"a\",1,null]",
          "/1: must be a string, not a number\n"
          "/2: must be a string, not null\n" },
        { "{\"prefixItems\":[{\"type\":\"null\"},true],\"items\":false}",
          "[1,2,3]", "/0: must be null, not a number\n"
          "/2: is not allowed\n" },
        { "{\"prefixItems\":[{\"const\":1}]}", "[1,2]", "" },
        { "{\"contains\":{\"const\":1}}", "[2,3]",
          ": has no item of the kind that it must contain\n" },
        { "{\"contains\":{\"const\":1}}", "[2,1]", "" },

        { "{\"required\":[\"a\",\"b~/c\"]}", "{}",
          "/a: is required\n/b~0~1c: is required\n" },
        { "{\"minProperties\":2}", "{\"a\":1}",
          ": must have at least 2 members\n" },
        { "{\"maxProperties\":0}", "{\"a\":1}",
          ": must have at most 0 members\n" },
        { "{\"dependentRequired\":{\"a\":[\"b\",\"c\"]}}", "{\"a\":1,\"c\":1}",
          "/b: is required where \"a\" is given\n" },
        { "{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"c\":1}", "" },
        { "{\"properties\":{\"a\":{\"type\":\"null\"}},"
          "\"additionalProperties\":false}", "{\"a\":1,\"\xc3\xa9\":1}",
          "/a: must be null, not a number\n/\xc3\xa9: unknown member\n" },
        { "{\"properties\":{\"a\":false}}", "{\"a\":1}",
          "/a: is not allowed\n" },
        { "{\"additionalProperties\":{\"type\":\"null\"}}", "{\"a\":1}",
          "/a: must be null, not a number\n" },
        { "{\"patternProperties\":{\"^x-\":{\"type\":\"null\"},"
          "\"y\":{\"type\":\"string\"}},\"additionalProperties\":false}",
          "{\"x-y\":1,\"x-z\":null,\"z\":1}",
          "/x-y: must be null, not a number\n"
          "/x-y: must be a string, not a number\n/z: unknown member\n" },
        { "{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1,\"ab\":1}",
          "/abc: is not a name that a member may have\n" },

        { "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"type\":\"null\"}}}",
          "1", ": must be null, not a number\n" },
        { "{\"allOf\":[{\"minimum\":1},{\"multipleOf\":2}]}", "-1",
          ": must be at least 1\n: must be a multiple of 2\n" },
        { "{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}", "1",
          ": fits none of the 2 allowed forms\n" },
        { "{\"anyOf\":[{\"type\":\"null\",\"title\":\"nothing\"},"
          "{\"type\":\"string\",\"title\":\"a name\"}]}", "1",
          ": fits none of these: nothing, a name\n" },
        { "{\"oneOf\":[{\"minimum\":1},{\"maximum\":0}]}", "0.5",
          ": fits none of the 2 allowed forms\n" },
        { "{\"oneOf\":[{\"minimum\":1},{\"maximum\":2}]}", "1.5",
          ": must fit one alone of the 2 allowed forms\n" },
        { "{\"not\":{\"type\":\"null\"}}", "null",
          ": has a form that is not allowed\n" },
        { "{\"if\":{\"const\":1},\"then\":false,\"else\":{\"minimum\":5}}",
          "1", ": is not allowed\n" },
        { "{\"if\":{\"const\":1},\"then\":false,\"else\":{\"minimum\":5}}",
          "2", ": must be at least 5\n" },
        { "{\"then\":false,\"else\":false}", "2", "" },
        { "{\"if\":true}", "2", "" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_told(cases[i].schema, cases[i].document, cases[i].lines);
    }
}


static void
test_a_wrong_type_is_told_alone(void **state)
{
    (void) state;

    assert_told("{\"type\":\"string\",\"minimum\":5,\"enum\":[\"a\"],"
                "\"not\":{\"const\":1}}", "1",
                ": must be a string, not a number\n");
    assert_told("{\"enum\":[\"a\"],\"pattern\":\"a\",\"minLength\":5}", "\"b\"",
                ": must be \"a\"\n");
}


static void
test_violations_come_in_document_order_with_their_pointers(void **state)
{
    (void) state;

    assert_told(
        "{\"required\":[\"z\"],\"additionalProperties\":false,\"properties\":{"
        "\"z\":{},\"list\":{\"items\":{\"required\":[\"id\"],"
        "\"properties\":{\"a/b~c\":{\"type\":\"null\"}}}},"
        "\"first\":{\"maxLength\":1}}}",
        "{\"first\":\"ab\",\"list\":[{\"a/b~c\":1},{\"id\":1},{}],"
        "\"more\":1,\"\":2}",
        "/z: is required\n"
        "/first: must have at most 1 character\n"
        "/list/0/id: is required\n"
        "/list/0/a~1b~0c: must be null, not a number\n"
        "/list/2/id: is required\n"
        "/more: unknown member\n"
        "/: unknown member\n");
}


static void
test_no_more_than_the_maximum_is_told(void **state)
{
    size_t        max, told, i;
    pt_buf_t      lines;
    pt_schema_t  *schema;

    (void) state;

    schema = compile(PT_STR("{\"items\":{\"type\":\"null\"}}"));

    for (max = 1; max < 5; max++) {
        pt_buf_init(&lines, &pt_mem_heap, 65536);
        assert_int_equal(validate(schema, PT_STR("[1,2,3]"), max, false,
                                  &lines), PT_E_INVALID);

        for (i = 0, told = 0; i < lines.len; i++) {
            told += lines.data[i] == '\n';
        }

        assert_int_equal(told, max < 3 ? max : 3);
        pt_buf_done(&lines);
    }

    pt_schema_free(schema);
}


static void
test_a_long_list_is_cut_between_its_values(void **state)
{
    int           i;
    char         *text;
    pt_buf_t      b, lines;
    pt_schema_t  *schema;

    (void) state;

    pt_buf_init(&b, &pt_mem_heap, 65536);
    pt_buf_add_text(&b, "{\"enum\":[");

    for (i = 0; i < 100; i++) {
        pt_buf_printf(&b, "%s\"\xc3\xa9\xc3\xa9\xc3\xa9%d\"", i ? "," : "", i);
    }

    pt_buf_add_text(&b, "]}");
    schema = compile(pt_buf_str(&b));

    pt_buf_init(&lines, &pt_mem_heap, 65536);
    assert_int_equal(validate(schema, PT_STR("1"), 9, false, &lines),
                     PT_E_INVALID);
    assert_true(lines.len < 400);

    text = strndup(lines.data, lines.len);
    assert_non_null(strstr(text, "\", ...\n"));
    free(text);

    pt_buf_done(&lines);
    pt_buf_done(&b);
    pt_schema_free(schema);
}


static void
test_formats_are_asserted(void **state)
{
    size_t  i;
    char    schema[64];
    char    document[512];

    static const struct {
        const char  *format;
        const char  *value;
        bool         valid;
    } cases[] = {
        { "uuid", "0198c0de-1111-7222-8333-444455556666", true },
        { "uuid", "0198C0DE-1111-7222-8333-444455556666", true },
        { "uuid", "0198c0de11117222833344445555666", false },
        { "uuid", "", false },
        { "file-id", "0198c0de-1111-7222-8333-444455556666", true },
        { "file-id", "../../etc/passwd", false },

        { "date", "2026-11-23", true },
        { "date", "2024-02-29", true },
        { "date", "2000-02-29", true },
        { "date", "1900-02-29", false },
        { "date", "2026-02-29", false },
        { "date", "2026-04-31", false },
        { "date", "2026-13-01", false },
        { "date", "2026-00-01", false },
        { "date", "2026-01-00", false },
        { "date", "26-01-01", false },
        { "date", "2026-1-01", false },
        { "date", "2026-01-01T", false },
        { "date", "\xd9\xa1\xd9\xa1" "26-01-01", false },

        { "date-time", "2026-11-23T12:00:00Z", true },
        { "date-time", "2026-11-23t12:00:00z", true },
        { "date-time", "2026-11-23T12:00:00.123456789Z", true },
        { "date-time", "2026-11-23T12:00:00+05:30", true },
        { "date-time", "2026-11-23T12:00:00.5-23:59", true },
        { "date-time", "2016-12-31T23:59:60Z", true },
        { "date-time", "2016-12-31T15:59:60-08:00", true },
        { "date-time", "2017-01-01T00:59:60+01:00", true },
        { "date-time", "2016-12-31T22:59:60Z", false },
        { "date-time", "2026-11-23T12:00:61Z", false },
        { "date-time", "2026-11-23T24:00:00Z", false },
        { "date-time", "2026-11-23T12:60:00Z", false },
        { "date-time", "2026-11-23T12:00:00", false },
        { "date-time", "2026-11-23 12:00:00Z", false },
        { "date-time", "2026-11-23T12:00:00.Z", false },
        { "date-time", "2026-11-23T12:00:00.12", false },
        { "date-time", "2026-11-23T12:00:00Z ", false },
        { "date-time", "2026-11-23T12:00:00+0530", false },
        { "date-time", "2026-11-23T12:00:00+24:00", false },
        { "date-time", "2026-11-23T12:00:00+05:60", false },
        { "date-time", "2026-11-23T12:00Z", false },

        { "email", "joe.bloggs@example.com", true },
        { "email", "te~st+x@example-1.co.uk", true },
        { "email", "a@b", true },
        { "email", "joe", false },
        { "email", "@example.com", false },
        { "email", "joe@", false },
        { "email", ".joe@example.com", false },
        { "email", "joe.@example.com", false },
        { "email", "jo..e@example.com", false },
        { "email", "jo e@example.com", false },
        { "email", "a@b@example.com", false },
        { "email", "joe@example..com", false },
        { "email", "joe@.example.com", false },
        { "email", "joe@example.com.", false },
        { "email", "joe@-example.com", false },
        { "email", "joe@example-.com", false },
        { "email", "joe@exam_ple.com", false },
        { "email", "jo\xc3\xa9@example.com", false },
        { "email", "a123456789a123456789a123456789a123456789a123456789"
          "a12345678912345@example.com", false },
        { "email", "a@a123456789a123456789a123456789a123456789a123456789"
          "a123456789a123.com", false },

        { "uri", "https://example.com/", true },
        { "uri", "https://a:b@example.com:8080/p;x?q=1&r=%20#frag", true },
        { "uri", "http://[2001:db8::1]:80/x", true },
        { "uri", "http://[2001:db8::1]", true },
        { "uri", "mailto:joe@example.com", true },
        { "uri", "urn:isbn:0451450523", true },
        { "uri", "file:///etc/passwd", true },
        { "uri", "a:", true },
        { "uri", "", false },
        { "uri", "/relative", false },
        { "uri", "//example.com/", false },
        { "uri", "example.com", false },
        { "uri", "1http://example.com", false },
        { "uri", "ht_tp://example.com", false },
        { "uri", "http://example.com/a b", false },
        { "uri", "http://example.com/%2", false },
        { "uri", "http://example.com/%zz", false },
        { "uri", "http://example.com/#a#b", false },
        { "uri", "http://exam ple.com", false },
        { "uri", "http://example.com:80a/", false },
        { "uri", "http://[::1", false },
        { "uri", "http://[]/", false },
        { "uri", "http://[::1]x/", false },
        { "uri", "http://a[b]c/", false },
        { "uri", "http://a@b@c/", false },
        { "uri", "http://example.com/<x>", false },
        { "uri", "http://example.com/\xc3\xa9", false },
        { "uri", "http:\\\\\\\\example.com", false }
    };

    pt_schema_t  *s;

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(schema, sizeof(schema), "{\"format\":\"%s\"}",
                 cases[i].format);
        snprintf(document, sizeof(document), "\"%s\"", cases[i].value);

        s = compile(pt_str(schema));

        if ((check(s, pt_str(document)) == PT_OK) != cases[i].valid) {
            fail_msg("%s: %s", cases[i].format, cases[i].value);
        }

        /* formats are for strings alone */
        assert_int_equal(check(s, PT_STR("1")), PT_OK);
        pt_schema_free(s);
    }

    assert_told("{\"format\":\"date\"}", "\"x\"",
                ": must be a date such as 2026-11-23\n");
    assert_told("{\"format\":\"file-id\"}", "\"x\"",
                ": must be the id of an uploaded file\n");
}


#define ID_A  "0198c0de-1111-7222-8333-44445555666a"
#define ID_B  "0198c0de-1111-7222-8333-44445555666b"

static void
test_file_ids_are_told_where_they_count(void **state)
{
    (void) state;

    assert_files("{\"properties\":{\"v\":{\"format\":\"file-id\"},"
                 "\"l\":{\"items\":{\"format\":\"file-id\"}},"
                 "\"u\":{\"format\":\"uuid\"}}}",
                 "{\"v\":\"" ID_A "\",\"l\":[\"" ID_B "\",1],\"u\":\"" ID_A
                 "\"}",
                 "/v = " ID_A "\n/l/0 = " ID_B "\n");

    /* the branch that holds tells its own, the other says nothing */
    assert_files("{\"oneOf\":[{\"properties\":{\"a\":{\"format\":\"file-id\"},"
                 "\"k\":{\"const\":1}}},{\"properties\":{\"b\":{\"format\":"
                 "\"file-id\"},\"k\":{\"const\":2}}}]}",
                 "{\"a\":\"" ID_A "\",\"b\":\"" ID_B "\",\"k\":2}",
                 "/b = " ID_B "\n");

    assert_files("{\"anyOf\":[{\"format\":\"uuid\"},{\"format\":\"file-id\"}]}",
                 "\"" ID_A "\"", " = " ID_A "\n");
    assert_files("{\"contains\":{\"format\":\"file-id\"}}",
                 "[\"x\",\"" ID_A "\",\"" ID_B "\"]",
                 "/1 = " ID_A "\n/2 = " ID_B "\n");
    assert_files("{\"if\":{\"format\":\"file-id\"},\"then\":true}",
                 "\"" ID_A "\"", " = " ID_A "\n");
    assert_files("{\"not\":{\"not\":{\"format\":\"file-id\"}}}",
                 "\"" ID_A "\"", "");

    /* a schema that was found to fit in silence is gone through again */
    assert_files("{\"$defs\":{\"f\":{\"format\":\"file-id\"}},\"anyOf\":["
                 "{\"allOf\":[{\"$ref\":\"#/$defs/f\"},false]},"
                 "{\"$ref\":\"#/$defs/f\"}]}",
                 "\"" ID_A "\"", " = " ID_A "\n");
}


static void
test_a_schema_may_refer_to_itself(void **state)
{
    (void) state;

    assert_told(
        "{\"$ref\":\"#/$defs/tree\",\"$defs\":{\"tree\":{\"required\":[\"n\"],"
        "\"properties\":{\"n\":{\"type\":\"integer\"},\"kids\":{\"items\":"
        "{\"$ref\":\"#/$defs/tree\"}}}}}}",
        "{\"n\":1,\"kids\":[{\"n\":2},{\"n\":3,\"kids\":[{\"n\":\"x\"},{}]}]}",
        "/kids/1/kids/0/n: must be an integer, not a string\n"
        "/kids/1/kids/1/n: is required\n");

    /* escapes in a reference, and deeper places */
    assert_told("{\"$ref\":\"#/$defs/a~1b%25~0\",\"$defs\":{\"a/b%~\":"
                "{\"type\":\"null\"}}}", "1",
                ": must be null, not a number\n");
    assert_told("{\"$ref\":\"#/$defs/a/allOf/1\",\"$defs\":{\"a\":"
                "{\"allOf\":[true,false]}}}", "1", ": is not allowed\n");

    /* the name of a member, not the member, is what is remembered */
    assert_told("{\"$defs\":{\"s\":{\"type\":\"string\"}},\"propertyNames\":"
                "{\"$ref\":\"#/$defs/s\"},\"additionalProperties\":"
                "{\"$ref\":\"#/$defs/s\"}}", "{\"a\":1,\"b\":\"x\"}",
                "/a: must be a string, not a number\n");
}


/* each of these takes longer than anybody waits if a verdict is forgotten */
static void
test_work_is_bounded(void **state)
{
    int           i;
    pt_buf_t      s, d;
    pt_schema_t  *schema;

    (void) state;

    pt_buf_init(&s, &pt_mem_heap, 1 << 20);
    pt_buf_init(&d, &pt_mem_heap, 4 << 20);

    /* two ways to each deeper level */
    schema = compile(PT_STR(
        "{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"anyOf\":["
        "{\"properties\":{\"a\":{\"$ref\":\"#/$defs/n\"},\"x\":false}},"
        "{\"properties\":{\"a\":{\"$ref\":\"#/$defs/n\"},\"y\":false}},"
        "{\"not\":{\"properties\":{\"a\":{\"$ref\":\"#/$defs/n\"}}}}]}}}"));

    for (i = 0; i < 63; i++) {
        pt_buf_add_text(&d, "{\"a\":");
    }

    pt_buf_add_text(&d, "{\"x\":1,\"y\":2}");

    for (i = 0; i < 63; i++) {
        pt_buf_add_char(&d, '}');
    }

    (void) check(schema, pt_buf_str(&d));
    pt_schema_free(schema);

    /* two ways to the same value at each step */
    pt_buf_add_text(&s, "{\"$ref\":\"#/$defs/0\",\"$defs\":{\"12\":true");

    for (i = 0; i < 12; i++) {
        pt_buf_printf(&s, ",\"%d\":{\"allOf\":[{\"$ref\":\"#/$defs/%d\"},"
                      "{\"$ref\":\"#/$defs/%d\"},{\"$ref\":\"#/$defs/%d\"},"
                      "{\"$ref\":\"#/$defs/%d\"},{\"$ref\":\"#/$defs/%d\"}]}",
                      i, i + 1, i + 1, i + 1, i + 1, i + 1);
    }

    pt_buf_add_text(&s, "}}");
    schema = compile(pt_buf_str(&s));
    assert_int_equal(check(schema, PT_STR("1")), PT_OK);
    pt_schema_free(schema);

    /* many items, all different but for the last */
    schema = compile(PT_STR("{\"uniqueItems\":true}"));
    pt_buf_reset(&d);
    pt_buf_add_char(&d, '[');

    for (i = 0; i < 100000; i++) {
        pt_buf_printf(&d, "%d,", i);
    }

    pt_buf_add_text(&d, "7]");
    assert_int_equal(check(schema, pt_buf_str(&d)), PT_E_INVALID);
    pt_schema_free(schema);

    pt_buf_done(&s);
    pt_buf_done(&d);
}


static void
test_a_hostile_string_ends_the_match(void **state)
{
    (void) state;

    assert_told("{\"items\":{\"pattern\":\"^(a+)+$\"}}",
                "[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\",1]",
                "/0: is too much to check against the pattern \"^(a+)+$\"\n");

    /* not even where not fitting is what is asked for */
    assert_told("{\"not\":{\"pattern\":\"^(a+)+$\"}}",
                "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"",
                ": is too much to check against the pattern \"^(a+)+$\"\n");
}


static void
test_a_very_long_string_meets_no_pattern(void **state)
{
    pt_buf_t      d;
    pt_schema_t  *schema;

    (void) state;

    pt_buf_init(&d, &pt_mem_heap, 1 << 20);
    pt_buf_printf(&d, "\"%016384d\"", 0);

    schema = compile(PT_STR("{\"pattern\":\"^0*$\"}"));
    assert_int_equal(check(schema, pt_buf_str(&d)), PT_OK);

    d.len--;
    pt_buf_add_text(&d, "0\"");
    assert_int_equal(check(schema, pt_buf_str(&d)), PT_E_INVALID);

    pt_schema_free(schema);
    pt_buf_done(&d);
}


static void
test_a_wrong_schema_is_refused_with_its_place(void **state)
{
    size_t  i;

    static const struct {
        const char  *schema;
        const char  *message;
    } cases[] = {
        { "{", "#: not JSON: parse error: premature EOF at byte 1" },
        { "1", "#: a schema is an object, true or false" },
        { "{\"properties\":{\"a\":{\"type\":\"strin\"}}}",
          "#/properties/a/type: unknown type \"strin\"" },
        { "{\"type\":[\"null\",\"null\"]}",
          "#/type/1: lists \"null\" twice" },
        { "{\"type\":[]}", "#/type: lists no type" },
        { "{\"type\":1}", "#/type: must be the name of a type" },
        { "{\"not\":{\"allOf\":[true,{\"not\":3}]}}",
          "#/not/allOf/1/not: a schema is an object, true or false" },
        { "{\"a~/b\":1}", "#/a~0~1b: a keyword that is not supported" },
        { "{\"$comment\":\"x\"}",
          "#/$comment: a keyword that is not supported" },
        { "{\"enum\":1}", "#/enum: must be an array with a value at least" },
        { "{\"enum\":[]}", "#/enum: must be an array with a value at least" },
        { "{\"minLength\":-1}",
          "#/minLength: must be an integer of 0 or more" },
        { "{\"maxItems\":1.5}", "#/maxItems: must be an integer of 0 or more" },
        { "{\"minimum\":\"1\"}", "#/minimum: must be a number" },
        { "{\"multipleOf\":0}", "#/multipleOf: must be a number above 0" },
        { "{\"uniqueItems\":1}", "#/uniqueItems: must be true or false" },
        { "{\"writeOnly\":1}", "#/writeOnly: must be true or false" },
        { "{\"pattern\":1}", "#/pattern: must be a string" },
        { "{\"pattern\":\"(\"}",
          "#/pattern: pattern \"(\": missing closing parenthesis at byte 1" },
        { "{\"patternProperties\":{\"[\":true}}",
          "#/patternProperties/[: pattern \"[\": missing terminating ] for "
          "character class at byte 1" },
        { "{\"patternProperties\":1}",
          "#/patternProperties: must be an object of schemas" },
        { "{\"patternProperties\":{\"a\":1}}",
          "#/patternProperties/a: a schema is an object, true or false" },
        { "{\"format\":\"ipv4\"}", "#/format: unknown format \"ipv4\"" },
        { "{\"format\":1}", "#/format: must be a string" },
        { "{\"required\":\"a\"}", "#/required: must be an array of names" },
        { "{\"required\":[1]}", "#/required/0: must be a string" },
        { "{\"required\":[\"a\",\"a\"]}", "#/required/1: lists \"a\" twice" },
        { "{\"dependentRequired\":1}",
          "#/dependentRequired: must be an object of arrays of names" },
        { "{\"dependentRequired\":{\"a\":1}}",
          "#/dependentRequired/a: must be an array of names" },
        { "{\"items\":[]}", "#/items: a schema is an object, true or false" },
        { "{\"allOf\":[]}",
          "#/allOf: must be an array with a schema at least" },
        { "{\"anyOf\":{}}",
          "#/anyOf: must be an array with a schema at least" },
        { "{\"oneOf\":[true,1]}",
          "#/oneOf/1: a schema is an object, true or false" },
        { "{\"properties\":[]}", "#/properties: must be an object of schemas" },
        { "{\"$defs\":{\"a\":[]}}",
          "#/$defs/a: a schema is an object, true or false" },
        { "{\"title\":1}", "#/title: must be a string" },
        { "{\"examples\":1}", "#/examples: must be an array" },
        { "{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}",
          "#/$schema: must be \"https://json-schema.org/draft/2020-12/schema\""
        },
        { "{\"not\":{\"$schema\":1}}",
          "#/not/$schema: is for the top level only" },
        { "{\"x-pitchey\":1}", "#/x-pitchey: must be an object" },
        { "{\"not\":{\"x-pitchey\":{}}}",
          "#/not/x-pitchey: is for the top level only" },
        { "{\"$ref\":1}", "#/$ref: must be a string" },
        { "{\"$ref\":\"#\"}",
          "#/$ref: only references to #/$defs/... are supported" },
        { "{\"$ref\":\"https://example.com/x.json#/$defs/a\"}",
          "#/$ref: only references to #/$defs/... are supported" },
        { "{\"$ref\":\"#/$defs/a\",\"$defs\":{}}",
          "#/$ref: \"#/$defs/a\" does not exist" },
        { "{\"$ref\":\"#/$defs/a%2\",\"$defs\":{\"a%2\":true}}",
          "#/$ref: \"#/$defs/a%2\" does not exist" },
        { "{\"$ref\":\"#/$defs/a%zz\",\"$defs\":{\"a%zz\":true}}",
          "#/$ref: \"#/$defs/a%zz\" does not exist" },
        { "{\"$ref\":\"#/$defs/a/allOf/x\",\"$defs\":{\"a\":{\"allOf\":"
          "[true]}}}",
          "#/$ref: \"#/$defs/a/allOf/x\" does not exist" },
        { "{\"$ref\":\"#/$defs/a~\",\"$defs\":{\"a~\":true}}",
          "#/$ref: \"#/$defs/a~\" does not exist" },
        { "{\"$ref\":\"#/$defs/a/allOf/01\",\"$defs\":{\"a\":{\"allOf\":"
          "[true,true]}}}",
          "#/$ref: \"#/$defs/a/allOf/01\" does not exist" },
        { "{\"$ref\":\"#/$defs/a/required\",\"$defs\":{\"a\":{\"required\":"
          "[]}}}",
          "#: $ref \"#/$defs/a/required\" names no schema" },
        { "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":\"#/$defs/a\"}}}",
          "#: schemas apply one through the other without end, or more than "
          "32 times" },
        { "{\"$defs\":{\"a\":{\"anyOf\":[true,{\"not\":{\"$ref\":"
          "\"#/$defs/b\"}}]},\"b\":{\"if\":{\"$ref\":\"#/$defs/a\"}}}}",
          "#: schemas apply one through the other without end, or more than "
          "32 times" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_wrong(cases[i].schema, cases[i].message);
    }
}


static void
test_a_message_is_cut_to_its_buffer(void **state)
{
    char          error[12];
    size_t        size;
    pt_schema_t  *schema;

    (void) state;

    for (size = 0; size <= sizeof(error); size++) {
        memset(error, 'x', sizeof(error));
        assert_int_equal(pt_schema_compile(
            PT_STR("{\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\":1}"),
            &pt_mem_heap, &schema, error, size), PT_E_INVALID);

        if (size > 0) {
            assert_true(strlen(error) < size);
            assert_true(pt_str_is_utf8(pt_str(error)));
        }

        if (size < sizeof(error)) {
            assert_int_equal(error[size], 'x');
        }
    }
}


static const char  rich[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
    "\"title\":\"t\",\"description\":\"d\",\"default\":{},\"examples\":[1],"
    "\"x-pitchey\":{\"role\":[\"user\"]},\"type\":[\"object\",\"null\"],"
    "\"$defs\":{\"a\":{\"pattern\":\"^(?:a|b)[c-f]+$\",\"format\":\"date\"}},"
    "\"properties\":{\"p\":{\"$ref\":\"#/$defs/a\",\"writeOnly\":true},"
    "\"l\":{\"items\":{\"$ref\":\"#/$defs/a\"},\"uniqueItems\":true},"
    "\"c\":{\"const\":{\"k\":[1,2]}}},"
    "\"patternProperties\":{\"^x-\":{\"anyOf\":[{\"minimum\":1},true]}},"
    "\"required\":[\"p\",\"q\"],\"dependentRequired\":{\"p\":[\"l\"]},"
    "\"oneOf\":[{\"required\":[\"l\"]},{\"not\":true}]}";


static void
test_every_truncation_of_a_schema_is_refused(void **state)
{
    char         *cut, error[256];
    size_t        len;
    junk_mem_t    junk;
    pt_schema_t  *schema;

    (void) state;

    for (len = 0; len < sizeof(rich) - 1; len++) {
        cut = malloc(len + (len == 0));
        memcpy(cut, rich, len);

        junk_init(&junk, 0);
        assert_int_equal(pt_schema_compile((pt_str_t) { cut, len }, &junk.mem,
                                           &schema, error, sizeof(error)),
                         PT_E_INVALID);
        assert_int_equal(junk.held, 0);
        free(cut);
    }
}


static void
test_a_failed_allocation_of_the_compiler_leaks_nothing(void **state)
{
    char          error[256];
    size_t        n;
    pt_err_t      err;
    junk_mem_t    junk;
    pt_schema_t  *schema = NULL;

    (void) state;

    for (n = 1; ; n++) {
        junk_init(&junk, n);
        err = pt_schema_compile(pt_str(rich), &junk.mem, &schema, error,
                                sizeof(error));
        if (err == PT_OK) {
            break;
        }

        assert_int_equal(err, PT_E_NOMEM);
        assert_null(schema);
        assert_int_equal(junk.held, 0);
    }

    assert_true(n > 6);

    /* the text may be gone, the document stays */
    assert_true(pt_str_is(pt_json_string(pt_schema_document(schema), "title",
                                         PT_STR_NULL), "t"));
    pt_schema_free(schema);
    assert_int_equal(junk.held, 0);
    pt_schema_free(NULL);
}


static void
test_a_failed_allocation_of_the_validator_is_told(void **state)
{
    size_t               n;
    pt_err_t             err;
    pt_buf_t             lines;
    pt_json_t           *root;
    pt_schema_t         *schema;
    pt_schema_visitor_t  visitor = { on_violation, on_file_id, NULL, &lines };

    (void) state;

    schema = compile(pt_str(rich));
    assert_int_equal(pt_json_parse(PT_STR(
        "{\"p\":\"ac\",\"l\":[\"bd\",\"bd\"],\"c\":1,\"x-y\":0,\"x-z\":2}"),
        &pt_mem_heap, &root, NULL), PT_OK);

    /* filled beforehand, so that the test's own buffer allocates nothing */
    pt_buf_init(&lines, &pt_mem_heap, 1 << 16);
    pt_buf_printf(&lines, "%08000d", 0);

    for (n = 1; ; n++) {
        pt_buf_reset(&lines);

        malloc_made = 0;
        malloc_fail_at = n;
        err = pt_schema_validate(schema, root, 100, &visitor);
        malloc_fail_at = 0;

        if (malloc_made < n) {
            break;
        }

        assert_int_equal(err, PT_E_NOMEM);
    }

    /* verdicts, canonical texts, a list of values, a pointer */
    assert_true(n > 4);
    assert_int_equal(err, PT_E_INVALID);

    pt_buf_done(&lines);
    pt_json_free(root);
    pt_schema_free(schema);
}


void *
__wrap_malloc(size_t size)
{
    malloc_made++;

    return malloc_made == malloc_fail_at ? NULL : __real_malloc(size);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_the_test_suite_agrees),
        cmocka_unit_test(test_each_keyword_says_what_is_wrong),
        cmocka_unit_test(test_a_wrong_type_is_told_alone),
        cmocka_unit_test(
            test_violations_come_in_document_order_with_their_pointers),
        cmocka_unit_test(test_no_more_than_the_maximum_is_told),
        cmocka_unit_test(test_a_long_list_is_cut_between_its_values),
        cmocka_unit_test(test_formats_are_asserted),
        cmocka_unit_test(test_file_ids_are_told_where_they_count),
        cmocka_unit_test(test_a_schema_may_refer_to_itself),
        cmocka_unit_test(test_work_is_bounded),
        cmocka_unit_test(test_a_hostile_string_ends_the_match),
        cmocka_unit_test(test_a_very_long_string_meets_no_pattern),
        cmocka_unit_test(test_a_wrong_schema_is_refused_with_its_place),
        cmocka_unit_test(test_a_message_is_cut_to_its_buffer),
        cmocka_unit_test(test_every_truncation_of_a_schema_is_refused),
        cmocka_unit_test(
            test_a_failed_allocation_of_the_compiler_leaks_nothing),
        cmocka_unit_test(test_a_failed_allocation_of_the_validator_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
