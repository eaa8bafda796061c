/* Layout: lines within their measure, pages without orphans, the same bytes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pt_pdf.h"


#define ROOM_MAX  (32 * 1024 * 1024)
#define MEASURE   (300 * PT_POINT)


static pt_fonts_t          *fonts;
static pt_hyphen_t         *hyphen;
static const pt_family_t   *family;
static pt_typeface_t        typeface;
static pt_room_t            room;

static const char  prose[] =
    "The Recipient shall keep Confidential Information secret, and shall"
    " protect it with at least the care that it gives to its own confidential"
    " information, and never with less than reasonable care. Nothing in this"
    " agreement obliges either party to disclose any particular information"
    " or to enter into any further agreement with the other; notwithstanding"
    " the aforementioned, representatives may be informed.";


static pt_textline_t *set(const char *text, pt_align_t align, size_t *ret_n);
static void text_of(const pt_textline_t *line, char *out, size_t size);
static void add(pt_flow_t *flow, const char *text, bool keep_next);


static int
setup(void **state)
{
    (void) state;

    if (pt_fonts_new(&fonts) != PT_OK
        || pt_fonts_family(fonts, PT_STR("Gentium Book Plus"), &family) != PT_OK
        || pt_hyphen_new(PT_STR("en-GB"), &hyphen) != PT_OK)
    {
        return -1;
    }

    typeface.families[0] = family;
    typeface.n = 1;

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    pt_hyphen_free(hyphen);
    pt_fonts_free(fonts);

    return 0;
}


static int
begin(void **state)
{
    (void) state;
    pt_room_init(&room, ROOM_MAX);
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
test_a_justified_line_fills_the_measure(void **state)
{
    size_t          n;
    pt_textline_t  *line;

    (void) state;

    line = set(prose, PT_ALIGN_JUSTIFY, &n);
    assert_true(n >= 6 && n <= 12);

    for ( /* void */ ; line->next != NULL; line = line->next) {
        assert_in_range(line->width, MEASURE - 20, MEASURE);
    }

    assert_true(line->width < MEASURE);
}


static void
test_no_line_is_wider_than_the_measure(void **state)
{
    char            word[2001], spaces[402];
    size_t          i, k, n;
    pt_textline_t  *line;

    const char *const  texts[] = {
        prose,
        "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
        "one\xc2\xa0very\xc2\xa0long\xc2\xa0line\xc2\xa0that\xc2\xa0has\xc2\xa0no"
        "\xc2\xa0place\xc2\xa0to\xc2\xa0yield\xc2\xa0in\xc2\xa0its\xc2\xa0way\xc2\xa0to"
        "\xc2\xa0the\xc2\xa0margin\xc2\xa0on\xc2\xa0the\xc2\xa0right\xc2\xa0hand",
        "https://example.org/a/b/c/d/e/f/g/h/i/j/k?l=m&n=o&p=q&r=s&t=u&v=w&x=y",
        "x WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW y\nz",
        "", "\n", "\n\n\na", " ", " a ", "-", "a-b-c", "\xc2\xad",
        "e\xcc\x81\xcc\x82\xcc\x83\xcc\x84 stacked",
        spaces, spaces + 1, word,
    };

    static const pt_align_t  aligns[] = {
        PT_ALIGN_LEFT, PT_ALIGN_JUSTIFY, PT_ALIGN_CENTER, PT_ALIGN_RIGHT,
    };

    (void) state;

    memset(word, 'm', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    memset(spaces, ' ', sizeof(spaces) - 1);
    spaces[sizeof(spaces) - 1] = '\0';
    spaces[0] = spaces[300] = 'x';

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (k = 0; k < 4; k++) {
            line = set(texts[i], aligns[k], &n);
            assert_true(n > 0);

            for ( /* void */ ; line != NULL; line = line->next) {
                assert_in_range(line->width, 0, MEASURE);
                assert_true(line->frags == NULL || line->frags->x >= 0);
            }
        }
    }
}


/* what pt_typeface_cover() takes has a glyph, also beside other letters */
static void
test_a_mark_has_a_glyph_in_some_font(void **state)
{
    size_t              i, k, n;
    unsigned            len;
    pt_textline_t      *line;
    const pt_frag_t    *f;
    const pt_family_t  *sans;
    pt_typeface_t       before = typeface;

    static const char *const  texts[] = {
        "h\xcc\xb7", "h\xcc\x9b", "o\xcc\x9b", "l\xcc\xb4 e\xcc\x81",
        "h\xcc\xb7\xcc\x9bi\xcc\x81\xcc\xb7", "\xcc\xb7"
    };

    (void) state;

    assert_int_equal(pt_fonts_family(fonts, PT_STR("Open Sans"), &sans),
                     PT_OK);
    typeface = (pt_typeface_t) { .families = { sans, family }, .n = 2 };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (k = 0; texts[i][k] != '\0'; k += len) {
            if (pt_typeface_cover(&typeface, 0,
                                  pt_utf8_get(texts[i] + k, &len))
                != PT_COVER_OK)
            {
                fail_msg("text %zu at %zu", i, k);
            }
        }

        line = set(texts[i], PT_ALIGN_LEFT, &n);
        assert_int_equal(n, 1);

        for (f = line->frags; f != NULL; f = f->next) {
            for (k = f->first; k < f->first + f->n; k++) {
                assert_int_not_equal(f->word->glyphs[k].gid, 0);
            }
        }
    }

    typeface = before;
}


static void
test_no_character_is_lost(void **state)
{
    char            out[1000], joined[2000] = "";
    size_t          n, len;
    pt_textline_t  *line;

    (void) state;

    for (line = set(prose, PT_ALIGN_JUSTIFY, &n); line != NULL;
         line = line->next)
    {
        text_of(line, out, sizeof(out));
        len = strlen(joined);

        /* a hyphen that was added goes, a space that was taken comes back */
        if (len > 0 && joined[len - 1] == '-') {
            joined[len - 1] = '\0';
        } else if (len > 0) {
            strcat(joined, " ");
        }

        strcat(joined, out);
    }

    assert_string_equal(joined, prose);
}


static void
test_names_are_not_hyphenated(void **state)
{
    pt_word_t  *word;

    (void) state;

    word = (pt_word_t *) pt_font_shape(family->faces[0],
                                       PT_STR("representatives,"), &room);
    assert_int_equal(pt_hyphen_word(hyphen, word), PT_OK);
    assert_true(word->n_hyphens >= 2);

    word = (pt_word_t *) pt_font_shape(family->faces[0],
                                       PT_STR("Representatives"), &room);
    assert_int_equal(pt_hyphen_word(hyphen, word), PT_OK);
    assert_int_equal(word->n_hyphens, 0);

    word = (pt_word_t *) pt_font_shape(family->faces[0],
                                       PT_STR("info@example.org"), &room);
    assert_int_equal(pt_hyphen_word(hyphen, word), PT_OK);
    assert_int_equal(word->n_hyphens, 0);
}


/* libhyphen knows apostrophes and dashes, and wrote where they stand */
static void
test_what_follows_a_word_is_not_hyphenated(void **state)
{
    char          text[1200];
    size_t        i, n;
    pt_word_t    *word;
    pt_hyphen_t  *other;

    static const char *const  tags[] = { "en-GB", "en-US" };

    (void) state;

    for (i = 0; i < 2; i++) {
        assert_int_equal(pt_hyphen_new(pt_str(tags[i]), &other), PT_OK);

        for (n = 5; n <= 100; n += 19) {
            memset(text, 'n', n);
            memset(text + n, i == 0 ? '\'' : '-', sizeof(text) - n);
            word = (pt_word_t *) pt_font_shape(family->faces[0],
                       (pt_str_t) { text, sizeof(text) }, &room);
            assert_int_equal(pt_hyphen_word(other, word), PT_OK);
            assert_int_equal(word->len, sizeof(text));
            assert_true(word->n_hyphens < n);
        }

        pt_hyphen_free(other);
    }
}


static void
test_kerning_and_ligatures_are_applied(void **state)
{
    size_t            i;
    int32_t           sum = 0;
    const pt_word_t  *word;

    (void) state;

    word = pt_font_shape(family->faces[0], PT_STR("AVATAR"), &room);
    for (i = 0; i < word->n; i++) {
        sum += pt_font_glyph_width(family->faces[0], word->glyphs[i].gid);
    }

    assert_true(word->width < sum);
}


static void
test_what_cannot_be_set_is_known_before(void **state)
{
    (void) state;

    assert_int_equal(pt_typeface_cover(&typeface, 0, 'a'), PT_COVER_OK);
    assert_int_equal(pt_typeface_cover(&typeface, 0, 0x142), PT_COVER_OK);
    assert_int_equal(pt_typeface_cover(&typeface, 0, 0x4e00),
                     PT_COVER_MISSING);
    assert_int_equal(pt_typeface_cover(&typeface, 0, 0x627),
                     PT_COVER_SHAPING);
    assert_int_equal(pt_typeface_cover(&typeface, 0, 0x5d0),
                     PT_COVER_SHAPING);
    assert_int_equal(pt_typeface_cover(&typeface, 0, 0x202e),
                     PT_COVER_CONTROL);
    assert_int_equal(pt_typeface_cover(&typeface, 0, 0x7), PT_COVER_CONTROL);
    assert_int_equal(pt_typeface_cover(&typeface, 0, 0x10ffff),
                     PT_COVER_CONTROL);
}


static void
test_an_unknown_family_is_no_substitute(void **state)
{
    const pt_family_t  *none;

    (void) state;

    assert_int_equal(pt_fonts_family(fonts, PT_STR("No Such Font"), &none),
                     PT_E_NOT_FOUND);
    assert_non_null(strstr(pt_fonts_error(fonts), "No Such Font"));
}


static void
test_no_page_ends_with_a_heading_or_a_single_line(void **state)
{
    int               k;
    char              text[64];
    size_t            i, first;
    unsigned          lead;
    pt_flow_t         flow;
    const pt_page_t   page = {
        300 * PT_POINT, 200 * PT_POINT,
        20 * PT_POINT, 20 * PT_POINT, 20 * PT_POINT, 20 * PT_POINT
    };

    (void) state;

    /* push the same text down line by line: each break gets its chance */
    for (lead = 0; lead < 14; lead++) {
        pt_flow_init(&flow, &room, &page);

        for (i = 0; i < lead; i++) {
            (void) snprintf(text, sizeof(text), "line %zu", i);
            add(&flow, text, false);
        }

        for (k = 0; k < 3; k++) {
            add(&flow, "A heading", true);
            add(&flow, prose, false);
        }

        assert_int_equal(pt_flow_paginate(&flow), PT_OK);

        for (i = 1; i < flow.n; i++) {
            if (flow.strips[i].page == flow.strips[i - 1].page) {
                assert_true(flow.strips[i].y >= flow.strips[i - 1].y
                                                + flow.strips[i - 1].height);
                continue;
            }

            assert_int_equal(flow.strips[i].page,
                             flow.strips[i - 1].page + 1);
            assert_int_equal(flow.strips[i].y, page.top);
            assert_false(flow.strips[i - 1].keep);
        }

        for (i = 0, first = 0; i < flow.n; i++) {
            first = flow.strips[i].page;
            assert_true(first >= 1 && first <= flow.pages);
            assert_true(flow.strips[i].y + flow.strips[i].height
                        <= page.height - page.bottom);
        }
    }
}


static void
test_a_group_that_no_page_holds_is_broken(void **state)
{
    int              i;
    pt_flow_t        flow;
    const pt_page_t  page = {
        300 * PT_POINT, 200 * PT_POINT,
        20 * PT_POINT, 20 * PT_POINT, 20 * PT_POINT, 20 * PT_POINT
    };

    (void) state;

    pt_flow_init(&flow, &room, &page);
    pt_flow_keep_begin(&flow);

    for (i = 0; i < 40; i++) {
        add(&flow, "kept", true);
    }

    pt_flow_keep_end(&flow);
    assert_int_equal(pt_flow_paginate(&flow), PT_OK);
    assert_true(flow.pages >= 3 && flow.pages < 8);
}


static void
test_a_table_repeats_its_head(void **state)
{
    int              i;
    pt_run_t         run = { .text = PT_STR("cell") };
    pt_cell_t        cells[2];
    pt_flow_t        flow;
    pt_block_t       block = {
        .runs = &run, .n = 1, .style = { .typeface = &typeface,
                                         .size = 10 * PT_POINT },
        .leading = 14 * PT_POINT
    };
    const pt_page_t  page = {
        300 * PT_POINT, 200 * PT_POINT,
        20 * PT_POINT, 20 * PT_POINT, 20 * PT_POINT, 20 * PT_POINT
    };

    (void) state;

    pt_flow_init(&flow, &room, &page);
    cells[0] = (pt_cell_t) {
        .width = 120 * PT_POINT, .blocks = &block, .n = 1
    };
    cells[1] = cells[0];
    cells[1].x = 130 * PT_POINT;

    for (i = 0; i < 30; i++) {
        assert_int_equal(pt_flow_row(&flow, cells, 2, true), PT_OK);
    }

    pt_flow_head(&flow, 0, 1);
    assert_int_equal(pt_flow_paginate(&flow), PT_OK);

    assert_int_equal(flow.pages, 3);
    assert_int_equal(flow.n_repeats, 2);
    assert_int_equal(flow.repeats[0].page, 2);
    assert_int_equal(flow.repeats[1].page, 3);
}


static void
test_the_same_flow_gives_the_same_bytes(void **state)
{
    int                  k;
    pt_buf_t             pdf[2];
    pt_flow_t            flow;
    const pt_pdf_info_t  info = {
        .title = PT_STR("T\xc3\xa9st"), .language = PT_STR("en"),
        .date = PT_STR("2026-11-23")
    };
    const pt_page_t      page = {
        300 * PT_POINT, 200 * PT_POINT,
        20 * PT_POINT, 20 * PT_POINT, 20 * PT_POINT, 20 * PT_POINT
    };

    (void) state;

    for (k = 0; k < 2; k++) {
        pt_flow_init(&flow, &room, &page);
        add(&flow, prose, false);

        /* U+0142 is not in the base subset */
        add(&flow, "\xc5\x82\xc3\xb3" "d\xc5\xba", false);
        assert_int_equal(pt_flow_paginate(&flow), PT_OK);

        pt_buf_init(&pdf[k], &pt_mem_heap, 1024 * 1024);
        assert_int_equal(pt_pdf_write(&flow, &info, &pdf[k]), PT_OK);
    }

    assert_true(pdf[0].len > 10000);
    assert_memory_equal(pdf[0].data, "%PDF-1.7", 8);
    assert_true(pt_str_eq(pt_buf_str(&pdf[0]), pt_buf_str(&pdf[1])));

    pt_buf_done(&pdf[0]);
    pt_buf_done(&pdf[1]);
}


static void
test_a_document_too_large_is_an_error(void **state)
{
    pt_buf_t             pdf;
    pt_flow_t            flow;
    pt_room_t            small;
    pt_textline_t       *lines;
    size_t               n;
    pt_run_t             run = { .text = pt_str(prose) };
    pt_para_style_t      style = { .typeface = &typeface,
                                   .size = 10 * PT_POINT, .width = MEASURE };
    const pt_pdf_info_t  info = { .title = PT_STR("x") };
    const pt_page_t      page = { 300 * PT_POINT, 200 * PT_POINT, 0, 0, 0, 0 };

    (void) state;

    pt_room_init(&small, 8 * 1024);
    assert_int_equal(pt_para_set(&run, 1, &style, &small, &lines, &n),
                     PT_E_NOMEM);
    pt_room_done(&small);

    pt_flow_init(&flow, &room, &page);
    add(&flow, prose, false);
    assert_int_equal(pt_flow_paginate(&flow), PT_OK);

    pt_buf_init(&pdf, &pt_mem_heap, 1000);
    assert_int_equal(pt_pdf_write(&flow, &info, &pdf), PT_E_TOO_LARGE);
    pt_buf_done(&pdf);
}


static pt_textline_t *
set(const char *text, pt_align_t align, size_t *ret_n)
{
    pt_run_t         run = { .text = pt_str(text) };
    pt_textline_t   *line = NULL;
    pt_para_style_t  style = {
        .typeface = &typeface, .hyphen = hyphen, .size = 10 * PT_POINT,
        .width = MEASURE, .align = align
    };

    assert_int_equal(pt_para_set(&run, 1, &style, &room, &line, ret_n),
                     PT_OK);

    return line;
}


static void
text_of(const pt_textline_t *line, char *out, size_t size)
{
    size_t            len = 0, stop;
    const pt_frag_t  *f;

    for (f = line->frags; f != NULL; f = f->next) {
        stop = f->first + f->n < f->word->n
               ? f->word->glyphs[f->first + f->n].start : f->word->len;
        len += (size_t) snprintf(out + len, size - len, "%.*s",
            (int) (stop - f->word->glyphs[f->first].start),
            f->word->text + f->word->glyphs[f->first].start);
    }

    assert_true(len < size);
}


static void
add(pt_flow_t *flow, const char *text, bool keep_next)
{
    pt_run_t    run = { .text = pt_str(text) };
    pt_block_t  block = {
        .runs = &run, .n = 1,
        .style = { .typeface = &typeface, .hyphen = hyphen,
                   .size = 10 * PT_POINT, .align = PT_ALIGN_JUSTIFY },
        .leading = 14 * PT_POINT, .keep_next = keep_next
    };

    assert_int_equal(pt_flow_para(flow, &block), PT_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
#define T(name)  cmocka_unit_test_setup_teardown(name, begin, end)
        T(test_a_justified_line_fills_the_measure),
        T(test_no_line_is_wider_than_the_measure),
        T(test_a_mark_has_a_glyph_in_some_font),
        T(test_no_character_is_lost),
        T(test_names_are_not_hyphenated),
        T(test_what_follows_a_word_is_not_hyphenated),
        T(test_kerning_and_ligatures_are_applied),
        T(test_what_cannot_be_set_is_known_before),
        T(test_an_unknown_family_is_no_substitute),
        T(test_no_page_ends_with_a_heading_or_a_single_line),
        T(test_a_group_that_no_page_holds_is_broken),
        T(test_a_table_repeats_its_head),
        T(test_the_same_flow_gives_the_same_bytes),
        T(test_a_document_too_large_is_an_error),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
