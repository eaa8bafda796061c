/*
 * Random parameters for every template that is shipped: a right document, or
 * an error that says what is wrong.  What is right: the same structure as with
 * harmless values, the title's own characters, the same bytes again.
 *
 *   PITCHEY_DOCUMENTS=N   sets of parameters (default 40)
 *   PITCHEY_SEED=N        where they begin
 *   PITCHEY_PAGES=DIR     leaves the PDFs there
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <png.h>
#include <uninorm.h>
#include <unictype.h>

#include "document_library.h"


#define JSON_MAX    (64 * 1024 * 1024)
#define SECONDS_MAX 60          /* of CPU for one, with sanitizers */
#define BIG         (100 * 1024)


/* what one set of parameters is made with */
typedef struct {
    uint64_t          state;
    bool              hostile;       /* false: each string is "A" */
    bool              wild;          /* what most likely is refused, too */
    size_t            big;           /* megabyte strings so far */
    pt_buf_t          image;
    unsigned          told;          /* violations */
} dice_t;


static pt_err_t render(const document_template_t *template, dice_t *dice,
    uint64_t seed, bool hostile, pt_buf_t *pdf, pt_buf_t *html,
    pt_buf_t *text, pt_buf_t *json, document_result_t *result);
static void make_value(dice_t *dice, const pt_json_t *root,
    const pt_json_t *schema, unsigned depth, pt_jsonw_t *w);
static void make_object(dice_t *dice, const pt_json_t *root,
    const pt_json_t *schema, unsigned depth, pt_jsonw_t *w);
static void make_string(dice_t *dice, pt_jsonw_t *w);
static void make_noise(dice_t *dice, pt_buf_t *buf);
static void make_image(dice_t *dice);
static pt_err_t give_image(void *ctx, pt_str_t id, pt_str_t *ret_bytes);
static void skeleton(const pt_buf_t *html, pt_buf_t *out);
static void squeeze(pt_str_t text, pt_buf_t *out);
static uint32_t roll(dice_t *dice, uint32_t sides);
static void count_violation(void *ctx, pt_str_t pointer, pt_str_t detail);
static void leave(const pt_buf_t *pdf, long number);
static long number_of(const char *name, long otherwise);


static document_library_t  *library;


static int
load(void **state)
{
    char         dir[4096], error[DOCUMENT_ERROR_MAX] = "";
    const char  *source = getenv("PITCHEY_SOURCE");
    pt_fonts_t  *fonts;

    (void) snprintf(dir, sizeof(dir), "%s/conf/templates",
                    source != NULL ? source : ".");

    if (pt_fonts_new(&fonts) != PT_OK
        || document_library_load(dir, fonts, &library, error, sizeof(error))
           != PT_OK)
    {
        fprintf(stderr, "%s\n", error);
        return -1;
    }

    *state = fonts;

    return 0;
}


static int
unload(void **state)
{
    document_library_free(library);
    pt_fonts_free(*state);

    return 0;
}


/* a document that is there must be right; one that is not, was refused */
static void
judge(const document_template_t *template, uint64_t seed, long i,
    long counts[2])
{
    size_t              k;
    dice_t              dice;
    clock_t             start = clock();
    pt_err_t            err, plain;
    pt_buf_t            buf[9];
    pt_json_t          *json;
    document_result_t   result, ignored;

    for (k = 0; k < 9; k++) {
        pt_buf_init(&buf[k], &pt_mem_heap, JSON_MAX);
    }

    err = render(template, &dice, seed, true, &buf[0], &buf[1], &buf[2],
                 &buf[3], &result);

    if ((double) (clock() - start) / CLOCKS_PER_SEC > SECONDS_MAX) {
        fail_msg("set %ld (seed %lu) took too long", i, (unsigned long) seed);
    }

    counts[err == PT_OK]++;

    if (err != PT_OK) {
        if (err == PT_E_INTERNAL || (dice.told == 0 && result.error[0] == '\0'
            && !((err == PT_E_TOO_LARGE || err == PT_E_NOMEM)
                 && buf[3].len > BIG)))
        {
            fail_msg("set %ld (seed %lu), \"%.*s\": %s: %s", i,
                     (unsigned long) seed, PT_STR_ARG(template->name),
                     pt_err_code(err), result.error);
        }

    } else {
        assert_memory_equal(buf[0].data, "%PDF-1.7", 8);
        assert_memory_equal(buf[0].data + buf[0].len - 6, "%%EOF", 5);
        leave(&buf[0], i);

        /* the title is in the text, letter by letter */
        assert_int_equal(pt_json_parse(pt_buf_str(&buf[3]), &pt_mem_heap,
                                       &json, NULL), PT_OK);
        squeeze(pt_json_string(pt_json_member(json, "project"), "title",
                               PT_STR("")), &buf[4]);
        squeeze(pt_buf_str(&buf[2]), &buf[5]);
        pt_buf_add_char(&buf[4], '\0');
        pt_buf_add_char(&buf[5], '\0');

        if (memmem(buf[5].data, buf[5].len, buf[4].data, buf[4].len - 1)
            == NULL)
        {
            fail_msg("set %ld (seed %lu), \"%.*s\": \"%.300s\" is lost", i,
                     (unsigned long) seed, PT_STR_ARG(template->name),
                     buf[4].data);
        }

        pt_json_free(json);

        /* no value can make or break a heading, an item, a cell */
        pt_buf_reset(&buf[3]);
        skeleton(&buf[1], &buf[6]);
        pt_buf_reset(&buf[1]);
        pt_buf_reset(&buf[2]);
        pt_buf_reset(&buf[7]);

        plain = render(template, &dice, seed, false, &buf[7], &buf[1],
                       &buf[2], &buf[3], &ignored);
        assert_int_equal(plain, PT_OK);
        skeleton(&buf[1], &buf[8]);

        if (buf[6].len != buf[8].len
            || memcmp(buf[6].data, buf[8].data, buf[6].len) != 0)
        {
            for (k = 0; k < buf[6].len && k < buf[8].len
                        && buf[6].data[k] == buf[8].data[k]; k++)
            {
                /* up to the first difference */
            }

            fail_msg("set %ld (seed %lu), \"%.*s\": a value has changed the"
                     " structure: ...%.60s instead of ...%.60s", i,
                     (unsigned long) seed, PT_STR_ARG(template->name),
                     buf[6].data + (k > 30 ? k - 30 : 0),
                     buf[8].data + (k > 30 ? k - 30 : 0));
        }

        /* and chance has no part in it */
        if (i % 8 == 0) {
            for (k = 1; k < 8; k++) {
                pt_buf_reset(&buf[k]);
            }

            assert_int_equal(render(template, &dice, seed, true, &buf[7],
                &buf[1], &buf[2], &buf[3], &ignored), PT_OK);
            assert_int_equal(buf[7].len, buf[0].len);
            assert_memory_equal(buf[7].data, buf[0].data, buf[0].len);
        }
    }

    for (k = 0; k < 9; k++) {
        pt_buf_done(&buf[k]);
    }
}


static void
test_random_parameters_give_a_right_document_or_a_clear_error(void **state)
{
    long      i, n = number_of("PITCHEY_DOCUMENTS", 40), counts[2] = { 0 };
    uint64_t  seed = (uint64_t) number_of("PITCHEY_SEED", 2026);

    (void) state;

    for (i = 0; i < n; i++) {
        judge(library->templates[(size_t) i % library->n_templates],
              seed + (uint64_t) i, i, counts);
    }

    print_message("%ld documents, %ld refused\n", counts[1], counts[0]);

    assert_true(counts[1] > n / 5);
    assert_true(counts[0] > 0);
}


/* each string of either rendering is made with the same rolls */
static pt_err_t
render(const document_template_t *template, dice_t *dice, uint64_t seed,
    bool hostile, pt_buf_t *pdf, pt_buf_t *html, pt_buf_t *text,
    pt_buf_t *json, document_result_t *result)
{
    pt_err_t            err;
    pt_json_t          *data;
    pt_jsonw_t          w;
    document_options_t  options = { .html = html, .text = text };

    const document_visitor_t  visitor = { count_violation, dice };
    const pt_json_t          *schema = pt_schema_document(template->schema);

    *dice = (dice_t) { .state = seed * 0x9e3779b97f4a7c15 + 1,
                       .hostile = hostile };
    pt_buf_init(&dice->image, &pt_mem_heap, JSON_MAX);
    dice->wild = roll(dice, 3) == 0;
    make_image(dice);

    options.verification = roll(dice, 4) == 0;
    options.image = give_image;
    options.ctx = dice;

    pt_jsonw_init(&w, json);
    make_value(dice, schema, schema, 0, &w);
    assert_int_equal(json->err, PT_OK);
    assert_int_equal(pt_json_parse(pt_buf_str(json), &pt_mem_heap, &data,
                                   NULL), PT_OK);

    *result = (document_result_t) { 0 };
    err = document_template_render(template, data, &visitor, &options, pdf,
                                   result);

    pt_json_free(data);
    pt_buf_done(&dice->image);

    return err;
}


static void
make_value(dice_t *dice, const pt_json_t *root, const pt_json_t *schema,
    unsigned depth, pt_jsonw_t *w)
{
    int              i, n;
    double           low, high;
    pt_str_t         type, format, ref;
    const pt_json_t  *list, *choice;

    ref = pt_json_string(schema, "$ref", PT_STR(""));
    if (ref.len > 8) {
        schema = pt_json_member_str(pt_json_member(root, "$defs"),
                                    (pt_str_t) { ref.data + 8, ref.len - 8 });
    }

    assert_non_null(schema);
    assert_true(depth < 12);

    list = pt_json_member(schema, "enum");
    if (list != NULL) {
        for (n = (int) roll(dice, (uint32_t) list->n), choice = list->first;
             n > 0; n--)
        {
            choice = choice->next;
        }

        pt_jsonw_value(w, choice);
        return;
    }

    type = pt_json_string(schema, "type", PT_STR("object"));
    format = pt_json_string(schema, "format", PT_STR(""));

    if (pt_str_is(type, "object")) {
        make_object(dice, root, schema, depth, w);

    } else if (pt_str_is(type, "array")) {
        n = (int) roll(dice, roll(dice, 12) == 0 ? 120 : 6);
        pt_jsonw_array(w);

        for (i = 0; i < n; i++) {
            make_value(dice, root, pt_json_member(schema, "items"),
                       depth + 1, w);
        }

        pt_jsonw_end(w);

    } else if (pt_str_is(type, "boolean")) {
        pt_jsonw_bool(w, roll(dice, 2) == 0);

    } else if (pt_str_is(format, "date")) {
        static const char *const  dates[] = {
            "2026-11-23", "0001-01-01", "9999-12-31", "2024-02-29"
        };
        pt_jsonw_text(w, dates[roll(dice, 4)]);

    } else if (pt_str_is(format, "email")) {
        pt_jsonw_text(w, "a@example.com");

    } else if (pt_str_is(format, "file-id")) {
        pt_jsonw_text(w, "01890000-0000-7000-8000-000000000001");

    } else if (pt_str_is(type, "string")) {
        make_string(dice, w);

    } else {
        low = pt_json_double(schema, "minimum", 0);
        high = pt_json_double(schema, "maximum", 1e15);
        n = (int) roll(dice, 4);
        pt_jsonw_int(w, n == 0 ? (int64_t) low : n == 1 ? (int64_t) high
                        : (int64_t) (low + roll(dice, 1000)));
    }
}


static void
make_object(dice_t *dice, const pt_json_t *root, const pt_json_t *schema,
    unsigned depth, pt_jsonw_t *w)
{
    const pt_json_t  *member, *properties;

    pt_jsonw_object(w);
    properties = pt_json_member(schema, "properties");

    for (member = properties != NULL ? properties->first : NULL;
         member != NULL; member = member->next)
    {
        if (pt_json_bool(member, "writeOnly", false)
            || (roll(dice, 250) == 0 && dice->wild)
            || (pt_str_is(pt_json_string(member, "format", PT_STR("")),
                          "file-id") && roll(dice, 2) == 0))
        {
            continue;
        }

        pt_jsonw_key_str(w, member->key);
        make_value(dice, root, member, depth + 1, w);
    }

    pt_jsonw_end(w);
}


/* the rolls are those of a hostile one, also where the string is not */
static void
make_string(dice_t *dice, pt_jsonw_t *w)
{
    size_t    i;
    pt_buf_t  buf;

    pt_buf_init(&buf, &pt_mem_heap, JSON_MAX);
    pt_buf_add_char(&buf, 'A');

    for (i = roll(dice, 4); i > 0; i--) {
        make_noise(dice, &buf);
    }

    pt_jsonw_str(w, dice->hostile ? pt_buf_str(&buf) : PT_STR("A"));
    pt_buf_done(&buf);
}


static void
make_noise(dice_t *dice, pt_buf_t *buf)
{
    size_t    i;
    uint32_t  c;

    static const char *const  parts[] = {
        "{{project.title}}", "{{{x}}}", "{{>nda-general}}", "{{#a}}", "{{/a}}",
        "{{=<% %>=}}", "# x\n", "\n\n## y\n\n", "\n1. z\n", "| a | b |\n|-|-|",
        "<!-- signatures -->", "<!-- page break -->", "![i](poster)",
        "[clause](#nowhere)", "<b>", "</p><h2>", "&amp;", "&#65;", "\\", "\\\\",
        "**", "__", "`", "```\n", "~~~", "> ", "---\n", "***", "\t", " ", "-",
        "\u00e9", "\u0416", "\u00df", "\u00a0", "\u2028", "\u200b", "\u00ad",
        "\u0141\u00f3d\u017a", "http://a.example/b?c=d&e=f",
        "nonbreakingwordnonbreakingwordnonbreakingword", "\ufb01", "\u20ac",
        "\u1e9e", "\u2014", "%s%n", "'\";--", ")Tj ET", "\u10d0\u0561",
    };

    switch (roll(dice, 40) + !dice->wild) {

    case 0:                          /* any character at all: most are refused */
        c = roll(dice, 0x110000);
        c = c >= 0xd800 && c < 0xe000 ? 'x' : c;

        if (c < 0x80) {
            pt_buf_add_char(buf, c < ' ' ? '?' : (char) c);
        } else if (c < 0x800) {
            pt_buf_printf(buf, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 63));
        } else if (c < 0x10000) {
            pt_buf_printf(buf, "%c%c%c", 0xe0 | c >> 12, 0x80 | (c >> 6 & 63),
                          0x80 | (c & 63));
        } else {
            pt_buf_printf(buf, "%c%c%c%c", 0xf0 | c >> 18,
                          0x80 | (c >> 12 & 63), 0x80 | (c >> 6 & 63),
                          0x80 | (c & 63));
        }
        break;

    case 1:                          /* as long as the schemas never let in */
        if (roll(dice, 24) == 0 && dice->big++ == 0) {
            c = roll(dice, 4);

            for (i = 0; i < 1024 * 1024; i += 2) {
                pt_buf_add_text(buf, c == 0 ? "WW" : c == 1 ? "w " : c == 2
                                ? "{{" : "\u00e9");
            }
        }
        break;

    default:
        pt_buf_add_text(buf, parts[roll(dice, sizeof(parts)
                                              / sizeof(parts[0]))]);
    }
}


/* a picture, one that is broken, one that says it is enormous, or none */
static void
make_image(dice_t *dice)
{
    char             *p;
    size_t            k;
    png_image         image = { .version = PNG_IMAGE_VERSION, .width = 20,
                                .height = 30, .format = PNG_FORMAT_RGBA };
    static uint8_t    pixels[20 * 30 * 4];
    static uint8_t    file[8192];
    png_alloc_size_t  size = sizeof(file);

    for (k = 0; k < sizeof(pixels); k++) {
        pixels[k] = (uint8_t) (k * 7);
    }

    assert_true(png_image_write_to_memory(&image, file, &size, 0, pixels, 0,
                                          NULL));
    pt_buf_add(&dice->image, file, size);
    p = dice->image.data;

    switch (dice->wild ? roll(dice, 4) : 4) {

    case 0:                          /* a bomb: 16 gigapixels */
        memcpy(p + 16, "\0\1\xff\xff\0\1\xff\xff", 8);
        break;

    case 1:
        for (k = roll(dice, 6) + 1; k > 0; k--) {
            p[roll(dice, (uint32_t) size)] ^= (char) (1 + roll(dice, 255));
        }
        break;

    case 2:
        dice->image.len = roll(dice, (uint32_t) size);
        break;

    default:
        break;
    }
}


static pt_err_t
give_image(void *ctx, pt_str_t id, pt_str_t *ret_bytes)
{
    dice_t  *dice = ctx;

    (void) id;

    *ret_bytes = pt_buf_str(&dice->image);

    return PT_OK;
}


/* the tags of the body, without what they hold; a chart is one */
static void
skeleton(const pt_buf_t *html, pt_buf_t *out)
{
    bool         tag = false;
    const char  *p, *end, *last = html->data + html->len;

    p = memmem(html->data, html->len, "<body>", 6);
    assert_non_null(p);

    for ( /* void */ ; p < last; p++) {
        tag |= *p == '<';

        if (tag) {
            pt_buf_add_char(out, *p);
        }

        tag &= *p != '>';

        if (last - p > 5 && memcmp(p, "<svg ", 5) == 0) {
            end = memmem(p, (size_t) (last - p), "</svg>", 6);
            assert_non_null(end);
            p = end;
        }
    }

    pt_buf_add_char(out, '\0');
}


/* in normal form C, without white space, which lines may add and lose */
static void
squeeze(pt_str_t text, pt_buf_t *out)
{
    size_t    i, n;
    uint8_t  *normal;
    unsigned  len;
    uint32_t  c;

    normal = u8_normalize(UNINORM_NFC, (const uint8_t *) text.data, text.len,
                          NULL, &n);
    assert_true(normal != NULL || n == 0);

    for (i = 0; i < n; i += len) {
        c = pt_utf8_get((const char *) normal + i, &len);

        if (!uc_is_property_white_space(c) && c != 0xad && c != 0x200b) {
            pt_buf_add(out, normal + i, len);
        }
    }

    free(normal);
}


/* xorshift64*: the same everywhere */
static uint32_t
roll(dice_t *dice, uint32_t sides)
{
    dice->state ^= dice->state >> 12;
    dice->state ^= dice->state << 25;
    dice->state ^= dice->state >> 27;

    return (uint32_t) (dice->state * 0x2545f4914f6cdd1d >> 32) % sides;
}


static void
count_violation(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    dice_t  *dice = ctx;

    assert_true(pointer.len > 0 && detail.len > 0);
    dice->told++;
}


static void
leave(const pt_buf_t *pdf, long number)
{
    char         path[4096];
    FILE        *file;
    const char  *dir = getenv("PITCHEY_PAGES");

    if (dir == NULL) {
        return;
    }

    (void) snprintf(path, sizeof(path), "%s/campaign-%05ld.pdf", dir, number);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(pdf->data, 1, pdf->len, file), pdf->len);
    assert_int_equal(fclose(file), 0);
}


static long
number_of(const char *name, long otherwise)
{
    const char  *value = getenv(name);

    return value != NULL ? atol(value) : otherwise;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(
            test_random_parameters_give_a_right_document_or_a_clear_error,
            load, unload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
