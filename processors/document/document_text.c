/* Blocks as plain text and as HTML. */

#include <sodium.h>
#include <stdlib.h>
#include <strings.h>

#include "document_text.h"
#include "pt_svg.h"


#define DOCUMENT_TEXT_WIDTH   78
#define DOCUMENT_TEXT_INDENT  4


static bool document_signer(const pt_json_t *party, document_signer_t *signer);
static void document_text_block(const document_block_t *block, pt_buf_t *line,
    pt_buf_t *out);
static void document_text_row(const document_block_t *row, pt_buf_t *line,
    pt_buf_t *out);
static void document_text_signers(const document_signer_t *signers, size_t n,
    pt_buf_t *line, pt_buf_t *out);
static void document_text_runs(const document_block_t *block, pt_buf_t *line);
static void document_text_address(pt_str_t address, size_t begin,
    pt_buf_t *line);
static void document_text_wrap(pt_str_t text, unsigned first, unsigned rest,
    pt_buf_t *out);
static size_t document_text_columns(pt_str_t text);
static void document_html_block(const document_block_t *block, pt_buf_t *out);
static void document_html_row(const document_block_t *row, bool first,
    bool last, pt_buf_t *out);
static void document_html_runs(const document_block_t *block, pt_buf_t *out);
static void document_html_picture(const document_block_t *block,
    pt_buf_t *out);
static void document_html_signers(const document_signer_t *signers, size_t n,
    pt_buf_t *out);


size_t
document_signers(const document_template_t *template, const pt_json_t *data,
    document_signer_t *signers, size_t max)
{
    size_t            i, n = 0;
    const pt_json_t  *party, *item;

    for (i = 0; i < template->n_parties; i++) {
        party = document_member(data, template->parties[i]);

        if (party == NULL || party->type != PT_JSON_ARRAY) {
            n += n < max && document_signer(party, &signers[n]);
            continue;
        }

        for (item = party->first; item != NULL; item = item->next) {
            n += n < max && document_signer(item, &signers[n]);
        }
    }

    return n;
}


static bool
document_signer(const pt_json_t *party, document_signer_t *signer)
{
    const pt_json_t  *who = pt_json_member(party, "representative");

    if (party == NULL || party->type != PT_JSON_OBJECT) {
        return false;
    }

    *signer = (document_signer_t) {
        .name = pt_json_string(party, "name", PT_STR("")),
        .signer = pt_json_string(who, "name", PT_STR_NULL),
        .title = pt_json_string(who, "title", PT_STR_NULL),
    };

    signer->own = signer->signer.data == NULL
                  || pt_str_eq(signer->signer, signer->name);

    return true;
}


const pt_json_t *
document_member(const pt_json_t *value, pt_str_t name)
{
    pt_str_t     part = name;
    const char  *dot;

    while (value != NULL && name.len > 0) {
        dot = memchr(name.data, '.', name.len);
        part.data = name.data;
        part.len = dot != NULL ? (size_t) (dot - name.data) : name.len;

        value = pt_json_member_str(value, part);

        name.data += part.len + (dot != NULL);
        name.len -= part.len + (dot != NULL);
    }

    return value;
}


void
document_text_write(const document_content_t *content,
    const document_signer_t *signers, size_t n, pt_buf_t *out)
{
    pt_buf_t                 line;
    const document_block_t  *block;

    pt_buf_init(&line, &pt_mem_heap, DOCUMENT_TEXT_MAX);

    for (block = content->blocks; block != NULL; block = block->next) {
        pt_buf_reset(&line);

        switch (block->type) {

        case DOCUMENT_ROW:
            document_text_row(block, &line, out);
            break;

        case DOCUMENT_SIGNATURES:
            document_text_signers(signers, n, &line, out);
            break;

        case DOCUMENT_RULE:
            pt_buf_add_text(out, "* * *\n\n");
            break;

        case DOCUMENT_PAGE_BREAK:
            pt_buf_add_text(out, "\n");
            break;

        default:
            document_text_block(block, &line, out);
        }
    }

    if (line.err != PT_OK && out->err == PT_OK) {
        out->err = line.err;
    }

    pt_buf_done(&line);
}


static void
document_text_block(const document_block_t *block, pt_buf_t *line,
    pt_buf_t *out)
{
    unsigned  indent;

    indent = block->type == DOCUMENT_HEADING ? 0
             : block->level * DOCUMENT_TEXT_INDENT;

    if (block->type == DOCUMENT_PARAGRAPH && block->label.len > 0) {
        indent -= DOCUMENT_TEXT_INDENT;
    }

    if (block->label.len > 0) {
        pt_buf_add_str(line, block->label);
        pt_buf_add_char(line, ' ');
    }

    if (block->type == DOCUMENT_IMAGE || block->type == DOCUMENT_CHART) {
        pt_buf_reset(line);
        pt_buf_add_char(line, '[');
    }

    document_text_runs(block, line);

    if (block->type == DOCUMENT_IMAGE || block->type == DOCUMENT_CHART) {
        pt_buf_add_char(line, ']');
    }

    document_text_wrap(pt_buf_str(line), indent,
                       indent + (block->label.len > 0
                                 ? DOCUMENT_TEXT_INDENT : 0), out);

    pt_buf_add_char(out, '\n');
}


/* cells with bars between; a table ends with an empty line */
static void
document_text_row(const document_block_t *row, pt_buf_t *line, pt_buf_t *out)
{
    size_t  i;

    for (i = 0; i < row->n_cells; i++) {
        pt_buf_add_text(line, i == 0 ? "" : " | ");
        document_text_runs(&row->cells[i], line);
    }

    document_text_wrap(pt_buf_str(line), 0, DOCUMENT_TEXT_INDENT, out);

    if (row->next == NULL || row->next->type != DOCUMENT_ROW) {
        pt_buf_add_char(out, '\n');
    }
}


static void
document_text_signers(const document_signer_t *signers, size_t n,
    pt_buf_t *line, pt_buf_t *out)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        pt_buf_reset(line);
        pt_buf_add_text(line, signers[i].own ? "Signed by "
                              : "Signed for and on behalf of ");
        pt_buf_add_str(line, signers[i].name);

        if (!signers[i].own) {
            pt_buf_add_text(line, " by ");
            pt_buf_add_str(line, signers[i].signer);
        }

        if (signers[i].title.len > 0) {
            pt_buf_add_text(line, ", ");
            pt_buf_add_str(line, signers[i].title);
        }

        document_text_wrap(pt_buf_str(line), 0, 0, out);
        pt_buf_add_text(out, "\n\nSignature: ______________________________"
                             "\n\nDate: ______________________________\n\n");
    }
}


static void
document_text_runs(const document_block_t *block, pt_buf_t *line)
{
    size_t           i, begin = 0;
    const pt_run_t  *run;

    for (i = 0; i < block->n; i++) {
        run = &block->runs[i];

        if (i == 0 || run->uri != run[-1].uri) {
            begin = line->len;
        }

        pt_buf_add_str(line, run->text);

        if (run->uri != NULL && (i + 1 == block->n || run[1].uri != run->uri)) {
            document_text_address(*run->uri, begin, line);
        }
    }
}


/* where a link leads, behind its words, unless they say so */
static void
document_text_address(pt_str_t address, size_t begin, pt_buf_t *line)
{
    pt_str_t      words;
    const size_t  n = sizeof("mailto:") - 1;

    if (line->err != PT_OK) {
        return;
    }

    words = (pt_str_t) { line->data + begin, line->len - begin };

    if (pt_str_eq(words, address)) {
        return;
    }

    if (strncasecmp(address.data, "mailto:", n) == 0) {
        address.data += n;
        address.len -= n;
    }

    if (!pt_str_eq(words, address)) {
        pt_buf_add_text(line, " (");
        pt_buf_add_str(line, address);
        pt_buf_add_char(line, ')');
    }
}


/* breaks at spaces alone; "\n" in the text is a break of its own */
static void
document_text_wrap(pt_str_t text, unsigned first, unsigned rest,
    pt_buf_t *out)
{
    size_t    i, end, columns = 0, width;
    unsigned  indent = first;
    bool      begun = false;

    for (i = 0; i < text.len; i = end) {

        if (text.data[i] == ' ' || text.data[i] == '\n') {
            if (text.data[i] == '\n') {
                pt_buf_add_char(out, '\n');
                begun = false;
            }

            end = i + 1;
            continue;
        }

        for (end = i; end < text.len && text.data[end] != ' '
                      && text.data[end] != '\n'; end++)
        {
            /* a word */
        }

        width = document_text_columns((pt_str_t) { text.data + i, end - i });

        if (begun && columns + 1 + width > DOCUMENT_TEXT_WIDTH) {
            pt_buf_add_char(out, '\n');
            begun = false;
        }

        if (begun) {
            pt_buf_add_char(out, ' ');
            columns++;

        } else {
            pt_buf_printf(out, "%*s", (int) indent, "");
            columns = indent;
            indent = rest;
        }

        pt_buf_add(out, text.data + i, end - i);
        columns += width;
        begun = true;
    }

    pt_buf_add_char(out, '\n');
}


/* characters; what a terminal makes of them is its own */
static size_t
document_text_columns(pt_str_t text)
{
    size_t  i, n = 0;

    for (i = 0; i < text.len; i++) {
        n += (text.data[i] & 0xc0) != 0x80;
    }

    return n;
}


void
document_html_write(const document_content_t *content,
    const document_signer_t *signers, size_t n, pt_str_t title,
    pt_str_t language, pt_buf_t *out)
{
    const document_block_t  *block, *last = NULL;

    pt_buf_add_text(out, "<!DOCTYPE html>\n<html lang=\"");
    pt_svg_text(language, out);
    pt_buf_add_text(out, "\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
    pt_svg_text(title, out);
    pt_buf_add_text(out, "</title>\n<style>\n"
        "body { max-width: 42em; margin: 2em auto; padding: 0 1em;"
        " font: 1em/1.45 \"Gentium Book Plus\", Georgia, serif }\n"
        "h1, h2, h3 { font-family: \"Open Sans\", sans-serif;"
        " line-height: 1.25 }\n"
        "h1 { text-align: center }\nh2 { font-size: 1.15em }\n"
        ".n { display: inline-block; min-width: 2.6em }\n"
        ".l1 { margin-left: 2.6em; text-indent: -2.6em }\n"
        ".l2 { margin-left: 5.2em; text-indent: -2.6em }\n"
        ".l3 { margin-left: 7.8em; text-indent: -2.6em }\n"
        ".n + *, p span { text-indent: 0 }\n"
        "table { border-collapse: collapse; width: 100% }\n"
        "td, th { border-bottom: 1px solid; padding: .25em .5em;"
        " text-align: left; vertical-align: top }\n"
        ".r { text-align: right } .c { text-align: center }\n"
        "img, svg { display: block; margin: 1em auto; max-width: 100%;"
        " max-height: 30em; height: auto }\n"
        ".s { margin: 2.5em 0 }\n"
        "@media print { h2 { break-after: avoid } .s { break-inside: avoid }"
        " }\n</style>\n</head>\n<body>\n");

    for (block = content->blocks; block != NULL;
         last = block, block = block->next)
    {
        switch (block->type) {

        case DOCUMENT_ROW:
            document_html_row(block, last == NULL
                              || last->type != DOCUMENT_ROW || block->head,
                              block->next == NULL
                              || block->next->type != DOCUMENT_ROW
                              || block->next->head, out);
            break;

        case DOCUMENT_RULE:
            pt_buf_add_text(out, "<hr>\n");
            break;

        case DOCUMENT_PAGE_BREAK:
            pt_buf_add_text(out, "<div style=\"break-before:page\"></div>\n");
            break;

        case DOCUMENT_SIGNATURES:
            document_html_signers(signers, n, out);
            break;

        case DOCUMENT_IMAGE:
        case DOCUMENT_CHART:
            document_html_picture(block, out);
            break;

        default:
            document_html_block(block, out);
        }
    }

    pt_buf_add_text(out, "</body>\n</html>\n");
}


static void
document_html_block(const document_block_t *block, pt_buf_t *out)
{
    char      tag[3] = "p";
    unsigned  level = block->level < 3 ? block->level : 3;

    if (block->type == DOCUMENT_HEADING) {
        tag[0] = 'h';
        tag[1] = (char) ('0' + block->level);
    }

    if (block->quote) {
        pt_buf_add_text(out, "<blockquote>");
    }

    pt_buf_printf(out, "<%s", tag);

    if (block->target != 0) {
        pt_buf_printf(out, " id=\"c%u\"", block->target);
    }

    if (block->type == DOCUMENT_PARAGRAPH && level > 0) {
        pt_buf_printf(out, block->label.len > 0 ? " class=\"l%u\""
                      : " class=\"l%u\" style=\"text-indent:0\"", level);
    }

    pt_buf_add_char(out, '>');

    if (block->label.len > 0) {
        pt_buf_add_text(out, "<span class=\"n\">");
        pt_svg_text(block->label, out);
        pt_buf_add_text(out, "</span> ");
    }

    document_html_runs(block, out);
    pt_buf_printf(out, "</%s>%s\n", tag, block->quote ? "</blockquote>" : "");
}


static void
document_html_row(const document_block_t *row, bool first, bool last,
    pt_buf_t *out)
{
    size_t       i;
    const char  *tag = row->head ? "th" : "td";

    pt_buf_add_text(out, first ? "<table>\n<tr>" : "<tr>");

    for (i = 0; i < row->n_cells; i++) {
        pt_buf_printf(out, "<%s%s>", tag,
                      row->cells[i].align == PT_ALIGN_RIGHT ? " class=\"r\""
                      : row->cells[i].align == PT_ALIGN_CENTER
                      ? " class=\"c\"" : "");
        document_html_runs(&row->cells[i], out);
        pt_buf_printf(out, "</%s>", tag);
    }

    pt_buf_add_text(out, last ? "</tr>\n</table>\n" : "</tr>\n");
}


static void
document_html_runs(const document_block_t *block, pt_buf_t *out)
{
    size_t           i, k;
    pt_str_t         text;
    const pt_run_t  *run;

    for (i = 0; i < block->n; i++) {
        run = &block->runs[i];

        if (run->target != 0) {
            pt_buf_printf(out, "<a href=\"#c%u\">", run->target);

        } else if (run->uri != NULL) {
            pt_buf_add_text(out, "<a href=\"");
            pt_svg_text(*run->uri, out);
            pt_buf_add_text(out, "\" rel=\"noopener noreferrer\">");
        }

        if (run->style & PT_STYLE_BOLD) {
            pt_buf_add_text(out, "<strong>");
        }

        if (run->style & PT_STYLE_ITALIC) {
            pt_buf_add_text(out, "<em>");
        }

        for (text = run->text, k = 0; k <= text.len; k++) {
            if (k == text.len || text.data[k] == '\n') {
                pt_svg_text((pt_str_t) { text.data, k }, out);

                if (k == text.len) {
                    break;
                }

                pt_buf_add_text(out, "<br>");
                text.data += k + 1;
                text.len -= k + 1;
                k = (size_t) -1;
            }
        }

        if (run->style & PT_STYLE_ITALIC) {
            pt_buf_add_text(out, "</em>");
        }

        if (run->style & PT_STYLE_BOLD) {
            pt_buf_add_text(out, "</strong>");
        }

        if (run->target != 0 || run->uri != NULL) {
            pt_buf_add_text(out, "</a>");
        }
    }
}


static void
document_html_picture(const document_block_t *block, pt_buf_t *out)
{
    char    *base64;
    size_t   size;

    if (block->drawing == NULL) {
        return;
    }

    if (block->type == DOCUMENT_CHART) {
        pt_svg_write(block->drawing, "Open Sans, sans-serif", out);
        return;
    }

    size = sodium_base64_ENCODED_LEN(block->bytes.len,
                                     sodium_base64_VARIANT_ORIGINAL);
    base64 = malloc(size);

    if (base64 == NULL) {
        out->err = PT_E_NOMEM;
        return;
    }

    (void) sodium_bin2base64(base64, size, (const uint8_t *) block->bytes.data,
                             block->bytes.len, sodium_base64_VARIANT_ORIGINAL);

    pt_buf_printf(out, "<img src=\"data:image/%s;base64,",
                  (uint8_t) block->bytes.data[0] == 0xff ? "jpeg" : "png");
    pt_buf_add_text(out, base64);
    pt_buf_add_text(out, "\" alt=\"");
    pt_svg_text(block->drawing->alt, out);
    pt_buf_add_text(out, "\">\n");
    free(base64);
}


static void
document_html_signers(const document_signer_t *signers, size_t n,
    pt_buf_t *out)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        pt_buf_printf(out, "<div class=\"s\"><p>%s <strong>",
                      signers[i].own ? "Signed by"
                                     : "Signed for and on behalf of");
        pt_svg_text(signers[i].name, out);
        pt_buf_add_text(out, "</strong></p>\n<p>Signature"
                             " ______________________________");

        if (signers[i].signer.len > 0) {
            pt_buf_add_text(out, "<br>");
            pt_svg_text(signers[i].signer, out);
        }

        if (signers[i].title.len > 0) {
            pt_buf_add_text(out, "<br><em>");
            pt_svg_text(signers[i].title, out);
            pt_buf_add_text(out, "</em>");
        }

        pt_buf_add_text(out, "</p>\n<p>Date"
                             " ______________________________</p></div>\n");
    }
}
