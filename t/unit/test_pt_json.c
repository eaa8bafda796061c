/* The JSON parser, its tree, the writer and the canonical form. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "junk_mem.h"
#include "pt_json.h"
#include "pt_number.h"


/* of a text that must be JSON; the caller frees */
static pt_json_t *parse(const char *text);

/* the compact, or the canonical, text of a text; the caller frees */
static char *rewrite(const char *text, bool canonical);

static void assert_refused(pt_str_t text, const char *message, size_t offset);
static double of_bits(uint64_t bits);

/* as many kinds of value as fit, with more members than the few */
static const char  sample[] =
    " {\"a\":[1,-2.5e3,true,false,null,\"x\\u00e9\\ud83d\\ude00\\n\"],"
    "\"b\":{\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,"
    "\"8\":8,\"9\":9,\"10\":[[],{}]},\"\xc3\xa9\":\"\"}\n";


static void
test_every_kind_of_value_is_read(void **state)
{
    pt_json_t        *root;
    const pt_json_t  *a, *v;

    (void) state;

    root = parse(sample);
    assert_int_equal(root->type, PT_JSON_OBJECT);
    assert_int_equal(root->n, 3);
    assert_null(root->key.data);

    a = pt_json_member(root, "a");
    assert_int_equal(a->type, PT_JSON_ARRAY);
    assert_int_equal(a->n, 6);
    assert_true(pt_str_is(a->key, "a"));

    v = a->first;
    assert_int_equal(v->type, PT_JSON_NUMBER);
    assert_true(v->integer);
    assert_int_equal(v->i64, 1);
    assert_null(v->key.data);

    v = v->next;
    assert_true(v->integer);
    assert_int_equal(v->i64, -2500);
    assert_true(pt_str_is(v->text, "-2.5e3"));

    v = v->next;
    assert_int_equal(v->type, PT_JSON_BOOL);
    assert_true(v->boolean);

    v = v->next;
    assert_false(v->boolean);

    v = v->next;
    assert_int_equal(v->type, PT_JSON_NULL);

    v = v->next;
    assert_int_equal(v->type, PT_JSON_STRING);
    assert_true(pt_str_is(v->text, "x\xc3\xa9\xf0\x9f\x98\x80\n"));
    assert_null(v->next);

    assert_int_equal(pt_json_member(root, "b")->n, 10);
    assert_true(pt_str_is(pt_json_member(root, "\xc3\xa9")->text, ""));
    pt_json_free(root);

    root = parse("0.5");
    assert_false(root->integer);
    assert_true(root->number == 0.5);
    pt_json_free(root);

    pt_json_free(NULL);
}


static void
test_members_are_read_with_defaults(void **state)
{
    pt_json_t  *root;

    (void) state;

    root = parse("{\"s\":\"x\",\"i\":7,\"d\":0.25,\"b\":true,\"n\":null}");

    assert_true(pt_str_is(pt_json_string(root, "s", PT_STR_NULL), "x"));
    assert_true(pt_str_is(pt_json_string(root, "i", PT_STR("y")), "y"));
    assert_true(pt_str_is(pt_json_string(NULL, "i", PT_STR("y")), "y"));
    assert_int_equal(pt_json_int(root, "i", 1), 7);
    assert_int_equal(pt_json_int(root, "d", 1), 1);
    assert_true(pt_json_double(root, "d", 1) == 0.25);
    assert_true(pt_json_double(root, "i", 1) == 7);
    assert_true(pt_json_double(root, "x", 1) == 1);
    assert_true(pt_json_bool(root, "b", false));
    assert_true(pt_json_bool(root, "n", true));
    assert_null(pt_json_member(root->first, "s"));
    assert_null(pt_json_member(NULL, "s"));

    pt_json_free(root);
}


static void
test_what_is_not_json_is_refused(void **state)
{
    size_t  i;

    static const char *const  bad[] = {
        "", " ", "nul", "truex", "'a'", "{a:1}", "[1,]", "{\"a\":1,}", "[1 2]",
        "{\"a\" 1}", "{1:1}", "[", "]", "{", "}", "[}", "1 2", "{} x", "01",
        "[01]", "+1", "1.", ".5", "1e", "1e+", "-", "--1", "NaN", "Infinity",
        "0x10", "\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
        "\"a\nb\"", "\"a\tb\"", "// a\n1", "/* a */1", "\xef\xbb\xbf[]",
        "\"\\u\"", "[\"a\",,1]", "{\"a\":}", "\"\\U0041\"", "1\f", "\v1",
        "{}\"", "[] \"a", "1\"", "null\"x", "\"\"\"", "1 2", "true]", "{}{}"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_refused(pt_str(bad[i]), NULL, 0);
    }

    assert_refused((pt_str_t) { "1\0", 2 }, NULL, 0);
    assert_refused((pt_str_t) { "\"a\0b\"", 5 }, NULL, 0);
    assert_refused(PT_STR_NULL, NULL, 0);
}


static void
test_a_message_says_what_is_wrong_and_where(void **state)
{
    (void) state;

    assert_refused(PT_STR("[1,\"\xff\"]"), "not UTF-8", 4);
    assert_refused(PT_STR("[\"\\ud800\"]"), "half of a surrogate pair", 2);
    assert_refused(PT_STR("[\"\\ud800\\u0041\"]"), "half of a surrogate pair",
                   2);
    assert_refused(PT_STR("[\"\\ud800x\"]"), "half of a surrogate pair", 2);
    assert_refused(PT_STR("[\"\\uDC00\"]"), "half of a surrogate pair", 2);
    assert_refused(PT_STR("[\"\\\\\\uDC00\"]"), "half of a surrogate pair", 4);
    assert_refused(PT_STR("[\"a\\u0000\"]"),
                   "the character U+0000 is not allowed", 3);
    assert_refused(PT_STR("{\"a\":1,\"a\":1}"), "duplicate member \"a\"", 13);
    assert_refused(PT_STR("{\"a\":1,\"\\u0061\":1}"),
                   "duplicate member \"a\"", 18);
    assert_refused(PT_STR("[9007199254740992]"),
                   "the integer 9007199254740992 is beyond 2^53 - 1, which is "
                   "what JavaScript holds exactly", 17);
    assert_refused(PT_STR("[1e309]"),
                   "the number 1e309 is beyond the range of a double", 6);
    assert_refused(PT_STR("[1"), "parse error: premature EOF", 2);
    assert_refused(PT_STR("[1] \"x"), "something stands behind the document",
                   4);
}


static void
test_numbers_are_held_to_what_javascript_holds(void **state)
{
    size_t      i;
    pt_json_t  *v;

    static const char *const  bad[] = {
        "9007199254740992", "-9007199254740992", "123456789012345678901234567",
        "1e309", "-1e309", "1e99999999999999999999", "1e-400", "0.1e-330"
    };

    static const struct {
        const char  *text;
        bool         integer;
        int64_t      i64;
    } good[] = {
        { "9007199254740991", true, PT_JSON_INT_MAX },
        { "-9007199254740991", true, -PT_JSON_INT_MAX },
        { "1.0", true, 1 },
        { "-0", true, 0 },
        { "0e5", true, 0 },
        { "0.0e-999", true, 0 },
        { "1e2", true, 100 },
        { "1E+2", true, 100 },
        { "1.5", false, 0 },
        { "1e20", false, 0 },
        { "5e-324", false, 0 },
        { "1.7976931348623157e308", false, 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_refused(pt_str(bad[i]), NULL, 0);
    }

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        v = parse(good[i].text);
        assert_int_equal(v->integer, good[i].integer);
        assert_true(pt_str_is(v->text, good[i].text));

        if (v->integer) {
            assert_true(v->i64 == good[i].i64);
        }

        pt_json_free(v);
    }
}


static void
test_depth_ends_at_its_maximum(void **state)
{
    char        text[2 * PT_JSON_DEPTH_MAX + 4];
    pt_json_t  *root;

    (void) state;

    memset(text, '[', PT_JSON_DEPTH_MAX);
    memset(text + PT_JSON_DEPTH_MAX, ']', PT_JSON_DEPTH_MAX);
    text[2 * PT_JSON_DEPTH_MAX] = '\0';

    root = parse(text);
    pt_json_free(root);

    memset(text, '[', sizeof(text));
    assert_refused((pt_str_t) { text, sizeof(text) }, "nested deeper than 64",
                   PT_JSON_DEPTH_MAX + 1);
}


/* comparing each member with each would take minutes here */
static void
test_a_duplicate_among_many_members_is_found(void **state)
{
    int         i;
    pt_buf_t    b;
    pt_json_t  *root;

    (void) state;

    pt_buf_init(&b, &pt_mem_heap, 4 << 20);
    pt_buf_add_char(&b, '{');

    for (i = 0; i < 100000; i++) {
        pt_buf_printf(&b, "\"%d\":1,", i);
    }

    pt_buf_add_text(&b, "\"x\":1}");
    assert_int_equal(b.err, PT_OK);
    assert_int_equal(pt_json_parse(pt_buf_str(&b), &pt_mem_heap, &root, NULL),
                     PT_OK);
    assert_int_equal(root->n, 100001);
    pt_json_free(root);

    b.len -= 7;
    pt_buf_add_text(&b, ",\"54321\":1}");
    assert_refused(pt_buf_str(&b), "duplicate member \"54321\"", b.len);
    pt_buf_done(&b);
}


static void
test_a_long_name_in_a_message_is_cut_between_characters(void **state)
{
    int              i;
    char             name[300] = "x";
    pt_buf_t         b;
    pt_json_t       *root;
    pt_json_error_t  error;

    (void) state;

    for (i = 0; i < 100; i++) {
        strcat(name, "\xc3\xa9");
    }

    pt_buf_init(&b, &pt_mem_heap, 4096);
    pt_buf_printf(&b, "{\"%s\":1,\"%s\":2}", name, name);

    assert_int_equal(pt_json_parse(pt_buf_str(&b), &pt_mem_heap, &root,
                                   &error), PT_E_INVALID);
    assert_true(pt_str_is_utf8(pt_str(error.message)));
    assert_int_equal(strlen(error.message),
                     strlen("duplicate member \"\"") + 63);
    pt_buf_done(&b);
}


static void
test_every_truncation_is_refused(void **state)
{
    char        *cut;
    size_t       len, end;
    junk_mem_t   junk;
    pt_json_t   *root;

    (void) state;

    end = strlen(sample) - 1;       /* its last byte is white space */

    for (len = 0; len < end; len++) {

        /* of that size exactly: a byte read too far is found */
        cut = malloc(len + (len == 0));
        memcpy(cut, sample, len);

        junk_init(&junk, 0);
        assert_int_equal(pt_json_parse((pt_str_t) { cut, len }, &junk.mem,
                                       &root, NULL), PT_E_INVALID);
        assert_int_equal(junk.held, 0);
        free(cut);
    }
}


static void
test_a_failed_allocation_leaks_nothing(void **state)
{
    int          i;
    size_t       n;
    pt_err_t     err;
    pt_buf_t     b;
    junk_mem_t   junk;
    pt_json_t   *root = NULL;

    (void) state;

    /* a long string with an escape makes yajl grow a buffer of its own */
    pt_buf_init(&b, &pt_mem_heap, 1 << 20);
    pt_buf_add_text(&b, "{\"a\\n");

    for (i = 0; i < 10000; i++) {
        pt_buf_add_text(&b, "0123456789");
    }

    pt_buf_add_text(&b, "\":[]");

    for (i = 0; i < 2000; i++) {
        pt_buf_printf(&b, ",\"%d\":[\"x\",1]", i);
    }

    pt_buf_add_text(&b, "}");
    assert_int_equal(b.err, PT_OK);

    for (n = 1; ; n++) {
        junk_init(&junk, n);
        err = pt_json_parse(pt_buf_str(&b), &junk.mem, &root, NULL);

        if (err == PT_OK) {
            break;
        }

        assert_int_equal(err, PT_E_NOMEM);
        assert_null(root);
        assert_int_equal(junk.held, 0);
    }

    /* several chunks of the tree, of yajl's, and the sorting */
    assert_true(n > 5);

    pt_json_free(root);
    assert_int_equal(junk.held, 0);
    pt_buf_done(&b);
}


static void
test_a_pool_without_free_is_enough(void **state)
{
    junk_mem_t  junk;
    pt_json_t  *root;

    (void) state;

    junk_init(&junk, 0);
    assert_int_equal(pt_json_parse(pt_str(sample), &junk.mem, &root, NULL),
                     PT_OK);

    /* a request's body of this size costs one allocation */
    assert_int_equal(junk.made, 1);

    /* the tree keeps its own copy of the allocator */
    memset(&junk.mem, 0, sizeof(junk.mem));
    pt_json_free(root);
    assert_int_equal(junk.held, 0);
}


static void
test_equality_is_that_of_json_schema(void **state)
{
    size_t      i;
    pt_json_t  *a, *b;

    static const struct {
        const char  *a;
        const char  *b;
        bool         equal;
    } cases[] = {
        { "1", "1.0", true },
        { "0", "-0.0", true },
        { "1", "true", false },
        { "0", "false", false },
        { "null", "null", true },
        { "true", "true", true },
        { "true", "false", false },
        { "\"1\"", "1", false },
        { "\"\\u0061\"", "\"a\"", true },
        { "\"a\"", "\"b\"", false },
        { "[1,2]", "[1,2]", true },
        { "[1,2]", "[2,1]", false },
        { "[1,2]", "[1]", false },
        { "[]", "{}", false },
        { "{\"a\":1,\"b\":[]}", "{\"b\":[],\"a\":1.0}", true },
        { "{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}", false },
        { "{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false },
        { "{\"a\":1,\"b\":2}", "{\"b\":2,\"c\":1}", false },
        { "{\"a\":1}", "{\"a\":1,\"b\":2}", false },
        { "{}", "{}", true }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        a = parse(cases[i].a);
        b = parse(cases[i].b);
        assert_int_equal(pt_json_equal(a, b), cases[i].equal);
        assert_int_equal(pt_json_equal(b, a), cases[i].equal);
        pt_json_free(a);
        pt_json_free(b);
    }
}


static void
test_a_tree_is_written_as_it_was_read(void **state)
{
    char  *text;

    (void) state;

    text = rewrite(sample, false);
    assert_string_equal(text,
        "{\"a\":[1,-2500,true,false,null,\"x\xc3\xa9\xf0\x9f\x98\x80\\n\"],"
        "\"b\":{\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,"
        "\"8\":8,\"9\":9,\"10\":[[],{}]},\"\xc3\xa9\":\"\"}");
    free(text);

    /* a large number stays a number, and no integer that we would refuse */
    text = rewrite("[1e20,-1e15,1e16,1e300,0.5]", false);
    assert_string_equal(text, "[100000000000000000000.0,-1000000000000000,"
                              "10000000000000000.0,1e+300,0.5]");
    pt_json_free(parse(text));
    free(text);
}


static void
test_the_writer_places_commas_and_escapes(void **state)
{
    pt_buf_t    b;
    pt_json_t  *v;
    pt_jsonw_t  w;

    (void) state;

    v = parse("[1,{\"k\":[]}]");

    pt_buf_init(&b, &pt_mem_heap, 4096);
    pt_jsonw_init(&w, &b);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "id");
    pt_jsonw_str(&w, PT_STR("a\"\\/\b\f\n\r\t\x01\x1f\x7f"));
    pt_jsonw_key_str(&w, PT_STR("\xc3\xa9\n"));
    pt_jsonw_array(&w);
    pt_jsonw_int(&w, INT64_MIN);
    pt_jsonw_int(&w, 0);
    pt_jsonw_double(&w, 0.1);
    pt_jsonw_double(&w, NAN);
    pt_jsonw_array(&w);
    pt_jsonw_end(&w);
    pt_jsonw_object(&w);
    pt_jsonw_end(&w);
    pt_jsonw_bool(&w, true);
    pt_jsonw_bool(&w, false);
    pt_jsonw_null(&w);
    pt_jsonw_text(&w, NULL);
    pt_jsonw_text(&w, "");
    pt_jsonw_raw(&w, PT_STR("{\"raw\":1}"));
    pt_jsonw_value(&w, v);
    pt_jsonw_end(&w);
    pt_jsonw_key(&w, "last");
    pt_jsonw_value(&w, v);
    pt_jsonw_end(&w);

    assert_int_equal(b.err, PT_OK);
    pt_buf_add_char(&b, '\0');
    assert_string_equal(b.data,
        "{\"id\":\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\","
        "\"\xc3\xa9\\n\":[-9223372036854775808,0,0.1,null,[],{},true,false,"
        "null,null,\"\",{\"raw\":1},[1,{\"k\":[]}]],"
        "\"last\":[1,{\"k\":[]}]}");

    pt_json_free(v);
    pt_buf_done(&b);
}


static void
test_the_writer_mends_what_is_not_utf8(void **state)
{
    pt_buf_t    b;
    pt_jsonw_t  w;

    (void) state;

    pt_buf_init(&b, &pt_mem_heap, 4096);
    pt_jsonw_init(&w, &b);
    pt_jsonw_str(&w, PT_STR("a\xff\n\xe2\x82z\xc3"));
    pt_buf_add_char(&b, '\0');
    assert_string_equal(b.data, "\"a\xef\xbf\xbd\\n\xef\xbf\xbd\xef\xbf\xbdz"
                                "\xef\xbf\xbd\"");
    pt_buf_done(&b);
}


static void
test_the_writer_knows_its_own_mistakes(void **state)
{
    int         i;
    pt_buf_t    b;
    pt_jsonw_t  w;

    (void) state;

    pt_buf_init(&b, &pt_mem_heap, 4096);
    pt_jsonw_init(&w, &b);
    pt_jsonw_end(&w);
    assert_int_equal(b.err, PT_E_INTERNAL);

    pt_buf_reset(&b);
    pt_jsonw_init(&w, &b);

    for (i = 0; i < 64; i++) {
        pt_jsonw_array(&w);
    }

    assert_int_equal(b.err, PT_OK);
    pt_jsonw_array(&w);
    assert_int_equal(b.err, PT_E_INTERNAL);

    for (i = 0; i < 64; i++) {
        pt_jsonw_end(&w);
    }

    assert_int_equal(w.depth, 0);
    pt_buf_done(&b);
}


/* RFC 8785, appendix B */
static void
test_numbers_have_the_text_of_ecmascript(void **state)
{
    char    text[PT_NUMBER_TEXT_MAX + 1];
    size_t  i, n;

    static const struct {
        uint64_t     bits;
        const char  *text;
    } cases[] = {
        { 0x0000000000000000, "0" },
        { 0x8000000000000000, "0" },
        { 0x0000000000000001, "5e-324" },
        { 0x8000000000000001, "-5e-324" },
        { 0x7fefffffffffffff, "1.7976931348623157e+308" },
        { 0xffefffffffffffff, "-1.7976931348623157e+308" },
        { 0x4340000000000000, "9007199254740992" },
        { 0xc340000000000000, "-9007199254740992" },
        { 0x4430000000000000, "295147905179352830000" },
        { 0x44b52d02c7e14af5, "9.999999999999997e+22" },
        { 0x44b52d02c7e14af6, "1e+23" },
        { 0x44b52d02c7e14af7, "1.0000000000000001e+23" },
        { 0x444b1ae4d6e2ef4e, "999999999999999700000" },
        { 0x444b1ae4d6e2ef4f, "999999999999999900000" },
        { 0x444b1ae4d6e2ef50, "1e+21" },
        { 0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7" },
        { 0x3eb0c6f7a0b5ed8d, "0.000001" },
        { 0x41b3de4355555553, "333333333.3333332" },
        { 0x41b3de4355555554, "333333333.33333325" },
        { 0x41b3de4355555555, "333333333.3333333" },
        { 0x41b3de4355555556, "333333333.3333334" },
        { 0x41b3de4355555557, "333333333.33333343" },
        { 0xbecbf647612f3696, "-0.0000033333333333333333" },
        { 0x43143ff3c1cb0959, "1424953923781206.2" },

        /* powers of two, where the nearest 16 digits read back as another */
        { 0x0060000000000000, "7.120236347223045e-307" },
        { 0x3d30000000000000, "5.684341886080802e-14" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = pt_number_format(of_bits(cases[i].bits), text);
        text[n] = '\0';
        assert_string_equal(text, cases[i].text);
    }
}


static void
test_multiples_are_those_of_decimals(void **state)
{
    size_t  i;

    static const struct {
        double  v;
        double  divisor;
        bool    multiple;
    } cases[] = {
        { 19.99, 0.01, true },
        { 1.1, 0.1, true },
        { 0.3, 0.1, true },
        { 4.35, 0.01, true },
        { 0.0075, 0.0001, true },
        { 0.00751, 0.0001, false },
        { 19.999, 0.01, false },
        { -19.99, 0.01, true },
        { 0, 0.01, true },
        { 9, 3, true },
        { 9, 4, false },
        { 1e300, 7, false },
        { 1e300, 3, false },
        { 7e300, 7, true },
        { 1e308, 0.5, true },
        { 12391239123, 1e-8, true },
        { 1e-300, 1e300, false },
        { 5e-324, 5e-324, true },
        { 1.5, 1e308, false },
        { 100, 1000, false },
        { 1000, 100, true }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(pt_number_is_multiple(cases[i].v, cases[i].divisor),
                         cases[i].multiple);
    }
}


/* RFC 8785, sections 3.2.2 and 3.2.3 */
static void
test_the_canonical_form_is_that_of_the_rfc(void **state)
{
    char  *text;

    (void) state;

    text = rewrite(
        "{\n"
        "  \"numbers\": [333333333.33333329, 1E30, 4.50,\n"
        "              2e-3, 0.000000000000000000000000001],\n"
        "  \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\"
        "\\\"\\/\",\n"
        "  \"literals\": [null, true, false]\n"
        "}", true);
    assert_string_equal(text,
        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,"
        "1e+30,4.5,0.002,1e-27],\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\""
        "\\\\\\\\\\\"/\"}");
    free(text);

    text = rewrite(
        "{\n"
        "  \"\\u20ac\": \"Euro Sign\",\n"
        "  \"\\r\": \"Carriage Return\",\n"
        "  \"\\ufb33\": \"Hebrew Letter Dalet With Dagesh\",\n"
        "  \"1\": \"One\",\n"
        "  \"\\ud83d\\ude00\": \"Emoji: Grinning Face\",\n"
        "  \"\\u0080\": \"Control\",\n"
        "  \"\\u00f6\": \"Latin Small Letter O With Diaeresis\"\n"
        "}", true);
    assert_string_equal(text,
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
        "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\","
        "\"\xe2\x82\xac\":\"Euro Sign\","
        "\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
        "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
    free(text);

    text = rewrite("{\"b\":{\"d\":1.0,\"c\":-0},\"a\":1e2,\"\":[],\"ab\":{}}",
                   true);
    assert_string_equal(text, "{\"\":[],\"a\":100,\"ab\":{},"
                              "\"b\":{\"c\":0,\"d\":1}}");
    free(text);
}


static void
test_the_canonical_form_tells_a_failed_allocation(void **state)
{
    size_t       n;
    pt_buf_t     b;
    junk_mem_t   junk;
    pt_json_t   *root;

    (void) state;

    root = parse("{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,"
                 "\"8\":1,\"9\":1,\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,"
                 "\"f\":1,\"g\":1,\"h\":1}");

    for (n = 1; ; n++) {
        junk_init(&junk, n);
        pt_buf_init(&b, &junk.mem, 4096);
        pt_json_canonical(root, &b);

        if (b.err == PT_OK) {
            break;
        }

        assert_int_equal(b.err, PT_E_NOMEM);
        pt_buf_done(&b);
        assert_int_equal(junk.held, 0);
    }

    assert_int_equal(n, 3);
    pt_buf_done(&b);
    assert_int_equal(junk.held, 0);
    pt_json_free(root);
}


static pt_json_t *
parse(const char *text)
{
    pt_json_t        *root = NULL;
    pt_json_error_t   error;

    if (pt_json_parse(pt_str(text), &pt_mem_heap, &root, &error) != PT_OK) {
        fail_msg("%s: %s", text, error.message);
    }

    return root;
}


static char *
rewrite(const char *text, bool canonical)
{
    char       *copy;
    pt_buf_t    b;
    pt_json_t  *root;
    pt_jsonw_t  w;

    root = parse(text);
    pt_buf_init(&b, &pt_mem_heap, 65536);

    if (canonical) {
        pt_json_canonical(root, &b);

    } else {
        pt_jsonw_init(&w, &b);
        pt_jsonw_value(&w, root);
    }

    assert_int_equal(b.err, PT_OK);
    copy = strndup(b.data, b.len);

    pt_buf_done(&b);
    pt_json_free(root);

    return copy;
}


/* also that the tree is untouched and no memory is kept; message may be NULL */
static void
assert_refused(pt_str_t text, const char *message, size_t offset)
{
    junk_mem_t        junk;
    pt_json_t        *root = (pt_json_t *) &junk;
    pt_json_error_t   error;

    junk_init(&junk, 0);

    if (pt_json_parse(text, &junk.mem, &root, &error) != PT_E_INVALID) {
        fail_msg("not refused: %.*s", PT_STR_ARG(text));
    }

    assert_ptr_equal(root, &junk);
    assert_int_equal(junk.held, 0);
    assert_true(error.message[0] != '\0');
    assert_true(error.offset <= text.len);

    if (message != NULL) {
        assert_string_equal(error.message, message);
        assert_int_equal(error.offset, offset);
    }
}


static double
of_bits(uint64_t bits)
{
    double  v;

    memcpy(&v, &bits, sizeof(v));

    return v;
}


static void
test_a_peek_sees_leading_strings_and_no_more(void **state)
{
    size_t    i;
    pt_str_t  value;

    static const char *const  blind[] = {
        "", "{", "{}", "[\"a\"]", "{\"b\":1,\"a\":\"x\"}", "{\"a\":null}",
        "{\"a\":\"x", "{\"a\"", "{\"a\" \"x\"}", "{\"a\":\"\\u0041\"}",
        "{\"b\":\"x\" \"a\":\"y\"}", "{\"b\":{\"a\":\"x\"}}"
    };

    (void) state;

    assert_true(pt_json_peek(PT_STR(" { \"b\" : \"\" ,\n\"a\": \"x\""), "a",
                             &value));
    assert_true(pt_str_is(value, "x"));

    for (i = 0; i < sizeof(blind) / sizeof(blind[0]); i++) {
        assert_false(pt_json_peek(pt_str(blind[i]), "a", &value));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_peek_sees_leading_strings_and_no_more),
        cmocka_unit_test(test_every_kind_of_value_is_read),
        cmocka_unit_test(test_members_are_read_with_defaults),
        cmocka_unit_test(test_what_is_not_json_is_refused),
        cmocka_unit_test(test_a_message_says_what_is_wrong_and_where),
        cmocka_unit_test(test_numbers_are_held_to_what_javascript_holds),
        cmocka_unit_test(test_depth_ends_at_its_maximum),
        cmocka_unit_test(test_a_duplicate_among_many_members_is_found),
        cmocka_unit_test(
            test_a_long_name_in_a_message_is_cut_between_characters),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_a_failed_allocation_leaks_nothing),
        cmocka_unit_test(test_a_pool_without_free_is_enough),
        cmocka_unit_test(test_equality_is_that_of_json_schema),
        cmocka_unit_test(test_a_tree_is_written_as_it_was_read),
        cmocka_unit_test(test_the_writer_places_commas_and_escapes),
        cmocka_unit_test(test_the_writer_mends_what_is_not_utf8),
        cmocka_unit_test(test_the_writer_knows_its_own_mistakes),
        cmocka_unit_test(test_numbers_have_the_text_of_ecmascript),
        cmocka_unit_test(test_multiples_are_those_of_decimals),
        cmocka_unit_test(test_the_canonical_form_is_that_of_the_rfc),
        cmocka_unit_test(test_the_canonical_form_tells_a_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
