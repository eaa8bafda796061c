/* Markdown: clause numbers, references, directives, and no injection. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "document_markdown.h"


#define ROOM_MAX  (8 * 1024 * 1024)


static pt_err_t outline(const char *text, char *out, size_t size,
    char *error);


static void
test_clauses_are_numbered_as_lawyers_do(void **state)
{
    char  out[1000], error[200];

    (void) state;

    assert_int_equal(outline(
        "# Title\n\n"
        "1. before\n2. any clause\n\n"
        "## Parties <!-- unnumbered -->\n\n"
        "## First\n\n"
        "1. one\n"
        "   1. deep\n"
        "      1. deeper\n"
        "      2. and\n"
        "   2. deep\n"
        "2. two\n\n"
        "interrupted\n\n"
        "1. three\n\n"
        "## Second\n\n"
        "1. one\n"
        "- dot\n",
        out, sizeof(out), error), PT_OK);

    assert_string_equal(out,
        "h1 Title\n"
        "p [1.]before\np [2.]any clause\n"
        "h2 Parties \n"
        "h2 [1.]First\n"
        "p [1.1]one\n"
        "p [(a)]deep\n"
        "p [(i)]deeper\n"
        "p [(ii)]and\n"
        "p [(b)]deep\n"
        "p [1.2]two\n"
        "p interrupted\n"
        "p [1.3]three\n"
        "h2 [2.]Second\n"
        "p [2.1]one\n"
        "p [\xe2\x80\xa2]" "dot\n");
}


static void
test_references_take_the_number_of_their_place(void **state)
{
    char  out[1000], error[200];

    (void) state;

    assert_int_equal(outline(
        "See [clause](#late) and [](#deep).\n\n"
        "## A\n\n"
        "1. x\n   1. y\n   2. z <!-- #deep -->\n\n"
        "## B <!-- #late -->\n",
        out, sizeof(out), error), PT_OK);
    assert_string_equal(out,
        "p See clause\xc2\xa0" "2 and 1.1(b).\n"
        "h2 [1.]A\np [1.1]x\np [(a)]y\np [(b)]z \nh2 [2.]B \n");

    assert_int_equal(outline("[clause](#nowhere)", out, sizeof(out), error),
                     PT_E_INVALID);
    assert_non_null(strstr(error, "nowhere"));
}


static void
test_links_lead_out_to_the_web_and_to_mailboxes(void **state)
{
    char    out[6000], error[200], text[5000];
    size_t  i;

    static const struct {
        const char  *text, *out;
    } cases[] = {
        { "See [our *site*](https://example.org/a?b=1&amp;c=2#d).",
          "p See our {https://example.org/a?b=1&c=2#d}"
          "site{https://example.org/a?b=1&c=2#d}.\n" },
        { "<HTTP://a.example:80>",
          "p HTTP://a.example:80{HTTP://a.example:80}\n" },
        { "<ada@a.example>", "p ada@a.example{mailto:ada@a.example}\n" },
        { "[](https://a.example)",
          "p https://a.example{https://a.example}\n" },
        { "- [x](https://a.example)\n",
          "p [\xe2\x80\xa2]x{https://a.example}\n" },
        /* what is no part of an address is its bytes in digits */
        { "[x](<https://a.example/b c\"\\\\{\xc3\xbc%20'>)",
          "p x{https://a.example/b%20c%22%5C%7B%C3%BC%20'}\n" },
        { "[x][1] [y](https://b.example)\n\n[1]: https://a.example",
          "p x{https://a.example} y{https://b.example}\n" },
    };

    static const char *const  refused[] = {
        "javascript:alert(1)", "JavaScript://a.example/%0aalert(1)",
        "data:text/html,x", "file:///etc/passwd", "ftp://a.example",
        "//a.example", "a.example", "/etc/passwd", "https:a.example",
        "https://", "https:///path", "https://?q", "mailto:", "mailto:ada",
        "#", "", "https://bank.example@a.example", "https://u:p@a.example/",
        "https://bank.example&#64;a.example", "java&#115;cript:x",
        "https://a.example/&#10;b", "https://a.example/&#x7f;",
        "&#32;https://a.example", "https\\://",
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(outline(cases[i].text, out, sizeof(out), error),
                         PT_OK);
        assert_string_equal(out, cases[i].out);
    }

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        (void) snprintf(text, sizeof(text), "[x](<%s>)", refused[i]);
        assert_int_equal(outline(text, out, sizeof(out), error),
                         PT_E_INVALID);
        assert_non_null(strstr(error, "no link leads to"));
    }

    assert_int_equal(outline("[a <https://b.example> c](https://d.example)",
                             out, sizeof(out), error), PT_E_INVALID);
    assert_non_null(strstr(error, "within a link"));
    assert_int_equal(outline("[a <ada@b.example> c](#d)\n\n## D <!-- #d -->\n",
                             out, sizeof(out), error), PT_E_INVALID);

    /* longer than what everything takes */
    (void) snprintf(text, sizeof(text), "[x](https://%04000d)", 0);
    assert_int_equal(outline(text, out, sizeof(out), error), PT_E_INVALID);
}


static void
test_an_image_is_a_paragraph_of_its_own(void **state)
{
    char    out[1000], error[200];
    size_t  i;

    static const char *const  refused[] = {
        "text ![x](poster)", "![x](poster) text", "![x](poster)\ntext",
        "![x](poster)![y](poster)", "- ![x](poster)", "1. a\n\n   ![x](y)",
        "# ![x](poster)", "[![x](poster)](https://a.example)", "![x]()",
        "| a |\n| - |\n| ![x](poster) |\n",
    };

    (void) state;

    assert_int_equal(outline("a\n\n![The *film*](film.poster)\n\n![](b)\n\n"
                             "<!-- image c The film -->\n\nd\n",
                             out, sizeof(out), error), PT_OK);
    assert_string_equal(out, "p a\nimage [film.poster]The film\n"
                             "image [b]b\nimage [c]The film\np d\n");

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_int_equal(outline(refused[i], out, sizeof(out), error),
                         PT_E_INVALID);
        assert_non_null(strstr(error, "image"));
    }
}


static void
test_letters_and_roman_numbers_go_on(void **state)
{
    char    text[4000] = "## A\n\n1. x\n", out[8000], error[200];
    int     i;
    size_t  len = strlen(text);

    (void) state;

    for (i = 0; i < 30; i++) {
        len += (size_t) snprintf(text + len, sizeof(text) - len,
                                 "   1. y\n");
    }

    for (i = 0; i < 14; i++) {
        len += (size_t) snprintf(text + len, sizeof(text) - len,
                                 "      1. z\n");
    }

    assert_int_equal(outline(text, out, sizeof(out), error), PT_OK);
    assert_non_null(strstr(out, "p [(z)]y\np [(aa)]y\np [(bb)]y\n"));
    assert_non_null(strstr(out, "p [(ix)]z\n"));
    assert_non_null(strstr(out, "p [(xiv)]z\n"));
}


static void
test_directives_are_comments_and_other_html_is_refused(void **state)
{
    char  out[1000], error[200];

    (void) state;

    assert_int_equal(outline("a\n\n<!-- page break -->\n\nb\n\n"
                             "<!-- signatures -->\n\n<!-- a note -->\n",
                             out, sizeof(out), error), PT_OK);
    assert_string_equal(out, "p a\nbreak\np b\nsignatures\n");

    assert_int_equal(outline("<b>bold</b>", out, sizeof(out), error),
                     PT_E_INVALID);
    assert_int_equal(outline("&nosuch;", out, sizeof(out), error),
                     PT_E_INVALID);
}


static void
test_a_directive_in_a_heading_or_paragraph_is_refused(void **state)
{
    char  out[1000], error[200];

    (void) state;

    assert_int_equal(outline("## A <!-- signatures -->\n", out, sizeof(out),
                             error), PT_E_INVALID);
    assert_non_null(strstr(error, "not on a line of its own"));

    assert_int_equal(outline("text <!-- page break --> text\n", out,
                             sizeof(out), error), PT_E_INVALID);

    assert_int_equal(outline("text\n\n<!-- signatures -->\n", out,
                             sizeof(out), error), PT_OK);
    assert_string_equal(out, "p text\nsignatures\n");
}


static void
test_a_value_is_text_and_nothing_else(void **state)
{
    char      out[2000], error[200];
    size_t    i;
    pt_buf_t  buf;

    static const char *const  values[] = {
        "# heading", "## h\n\n1. item", "- item", "+ item", "* item",
        "1. item", "1) item", "> quote", "```", "~~~ x", "    code",
        "**bold**", "_it_", "`code`", "[a](#b)", "![a](b)", "<b>",
        "<!-- signatures -->", "<!-- page break -->", "&amp;", "&#65;",
        "a\\", "\\*", "| a | b |\n| - | - |", "---", "===", "https://a.b",
        "[a]: b", "{{x}}", "a  \nb", "*", "\\",
    };

    (void) state;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        pt_buf_init(&buf, &pt_mem_heap, 4000);
        document_escape_markdown(&buf, pt_str(values[i]));
        pt_buf_add_char(&buf, '\0');
        assert_int_equal(buf.err, PT_OK);

        assert_int_equal(outline(buf.data, out, sizeof(out), error), PT_OK);

        /* one paragraph, whose text is the value but for white space */
        assert_memory_equal(out, "p ", 2);
        assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);

        if (strpbrk(values[i], " \n") == NULL) {
            out[strlen(out) - 1] = '\0';
            assert_string_equal(out + 2, values[i]);
        }

        pt_buf_done(&buf);
    }
}


/* a line for each block: type, [label], text, {address of a link} */
static pt_err_t
outline(const char *text, char *out, size_t size, char *error)
{
    size_t                   i, len = 0;
    pt_room_t                room;
    pt_err_t                 err;
    document_content_t       content = { 0 };
    const document_block_t  *block;

    pt_room_init(&room, ROOM_MAX);
    error[0] = '\0';
    out[0] = '\0';

    err = document_markdown_read(pt_str(text), &room, &content, error, 200);

    for (block = err == PT_OK ? content.blocks : NULL; block != NULL;
         block = block->next)
    {
        switch (block->type) {
        case DOCUMENT_HEADING:
            len += (size_t) snprintf(out + len, size - len, "h%u ",
                                     block->level);
            break;
        case DOCUMENT_PAGE_BREAK:
            len += (size_t) snprintf(out + len, size - len, "break");
            break;
        case DOCUMENT_SIGNATURES:
            len += (size_t) snprintf(out + len, size - len, "signatures");
            break;
        case DOCUMENT_IMAGE:
            len += (size_t) snprintf(out + len, size - len, "image ");
            break;
        default:
            len += (size_t) snprintf(out + len, size - len, "p ");
            break;
        }

        if (block->label.len > 0) {
            len += (size_t) snprintf(out + len, size - len, "[%.*s]",
                                     PT_STR_ARG(block->label));
        }

        for (i = 0; i < block->n; i++) {
            len += (size_t) snprintf(out + len, size - len, "%.*s",
                                     PT_STR_ARG(block->runs[i].text));

            if (block->runs[i].uri != NULL) {
                len += (size_t) snprintf(out + len, size - len, "{%s}",
                                         block->runs[i].uri->data);
            }
        }

        len += (size_t) snprintf(out + len, size - len, "\n");
        assert_true(len < size);
    }

    pt_room_done(&room);

    return err;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_clauses_are_numbered_as_lawyers_do),
        cmocka_unit_test(test_references_take_the_number_of_their_place),
        cmocka_unit_test(test_links_lead_out_to_the_web_and_to_mailboxes),
        cmocka_unit_test(test_an_image_is_a_paragraph_of_its_own),
        cmocka_unit_test(test_letters_and_roman_numbers_go_on),
        cmocka_unit_test(
            test_directives_are_comments_and_other_html_is_refused),
        cmocka_unit_test(
            test_a_directive_in_a_heading_or_paragraph_is_refused),
        cmocka_unit_test(test_a_value_is_text_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
