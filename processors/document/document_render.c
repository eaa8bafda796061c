/*
 * A rendering, in order: fill the placeholders, read the Markdown, check that
 * each character can be set, lay the blocks out, make pages, write the PDF.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <uniname.h>
#include <uninorm.h>

#include "document_format.h"
#include "document_markdown.h"
#include "document_library.h"
#include "document_text.h"
#include "pt_chart.h"
#include "pt_pdf.h"


/* a request with more characters wrong than this is wrong enough */
#define DOCUMENT_VIOLATIONS_MAX  20
#define DOCUMENT_POINTER_MAX     512

/* indentation of numbered text, in per cent of the text's size */
#define DOCUMENT_INDENT_CLAUSE   330
#define DOCUMENT_INDENT_ITEM     270

#define DOCUMENT_GAP             (8 * PT_MM)      /* between columns */
#define DOCUMENT_SIGN_SPACE      (12 * PT_MM)     /* room for a signature */
#define DOCUMENT_IMAGE_HEIGHT    (105 * PT_MM)
#define DOCUMENT_CHART_HEIGHT    (58 * PT_MM)


typedef struct {
    const document_template_t  *template;
    const document_visitor_t   *visitor;
    const pt_json_t            *data;
    const document_options_t   *options;
    document_result_t          *result;
    document_signer_t           signers[DOCUMENT_SIGNERS_MAX];
    size_t                      n_signers;
    pt_room_t                  room;
    pt_flow_t                   flow;
    unsigned                    violations;
    pt_str_t                    absent[DOCUMENT_VIOLATIONS_MAX];
    size_t                      n_absent;
    size_t                      table;        /* first strip of the open one */
    int32_t                     columns[DOCUMENT_COLUMNS_MAX + 1];   /* where
                                               * they begin, and the end */
    size_t                      table_head;   /* strips of its head */
    bool                        in_table;
} document_rendering_t;


static pt_err_t document_fill(document_rendering_t *r, pt_str_t *ret_title,
    pt_str_t *ret_text);
static pt_err_t document_fill_one(document_rendering_t *r,
    const pt_mustache_t *mustache,
    void (*escape)(pt_buf_t *out, pt_str_t text), pt_str_t *ret_text);
static pt_err_t document_filter(void *ctx, pt_str_t filter,
    const pt_json_t *value, pt_buf_t *out);
static const pt_mustache_t *document_partial(void *ctx, pt_str_t name);
static pt_err_t document_read(document_rendering_t *r, pt_str_t text,
    document_content_t *ret_content);
static pt_err_t document_verification(document_rendering_t *r, pt_str_t text,
    document_content_t *ret_content);
static pt_err_t document_check_options(document_rendering_t *r);
static void document_lay_watermark(document_rendering_t *r);
static pt_err_t document_lay_image(document_rendering_t *r,
    document_block_t *block);
static pt_err_t document_lay_chart(document_rendering_t *r,
    document_block_t *block);
static pt_err_t document_lay_figure(document_rendering_t *r,
    document_block_t *block);
static pt_err_t document_fail_image(document_rendering_t *r, pt_err_t err,
    pt_str_t name);
static void document_missing(void *ctx, pt_str_t name);
static void document_escape_normal(pt_buf_t *out, pt_str_t text);
static void document_escape_plain(pt_buf_t *out, pt_str_t text);
static void document_violation(document_rendering_t *r, pt_str_t pointer,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void document_check_value(document_rendering_t *r,
    const pt_json_t *value, char *pointer, size_t len);
static void document_check_text(document_rendering_t *r, pt_str_t text,
    pt_str_t pointer);
static pt_err_t document_check_runs(document_rendering_t *r,
    const document_content_t *content);
static pt_err_t document_lay_out(document_rendering_t *r,
    const document_content_t *content);
static pt_err_t document_lay_running(document_rendering_t *r);
static pt_err_t document_lay_heading(document_rendering_t *r,
    const document_block_t *block);
static pt_err_t document_lay_paragraph(document_rendering_t *r,
    const document_block_t *block);
static pt_err_t document_lay_row(document_rendering_t *r,
    const document_block_t *block);
static void document_lay_columns(document_rendering_t *r,
    const document_block_t *row);
static void document_end_table(document_rendering_t *r);
static pt_err_t document_lay_signatures(document_rendering_t *r);
static pt_err_t document_lay_party(document_rendering_t *r,
    const document_signer_t *signer, pt_cell_t *ret_cell);
static pt_str_t document_title_text(document_rendering_t *r,
    const document_block_t *block);
static void document_style(const document_rendering_t *r, pt_block_t *block);
static void document_cut(pt_str_t text, char *out, size_t size);


pt_err_t
document_template_render(const document_template_t *template,
    const pt_json_t *data, const document_visitor_t *visitor,
    const document_options_t *options, pt_buf_t *pdf,
    document_result_t *ret_result)
{
    char                  pointer[DOCUMENT_POINTER_MAX] = "";
    pt_str_t              title, text;
    pt_err_t              err;
    pt_pdf_info_t         info;
    document_content_t    content;
    document_rendering_t  r = {
        .template = template, .visitor = visitor, .data = data,
        .result = ret_result
    };

    static const document_options_t  none = { 0 };

    *ret_result = (document_result_t) { 0 };
    r.options = options != NULL ? options : &none;
    pt_room_init(&r.room, DOCUMENT_ARENA_MAX);
    pt_flow_init(&r.flow, &r.room, &template->page);

    document_check_value(&r, data, pointer, 0);

    err = document_fill(&r, &title, &text);
    if (err != PT_OK) {
        goto done;
    }

    if (r.violations > 0) {
        err = PT_E_PARAMETERS;
        goto done;
    }

    if ((err = document_check_options(&r)) != PT_OK
        || (err = document_read(&r, text, &content)) != PT_OK
        || (err = document_check_runs(&r, &content)) != PT_OK
        || (err = document_lay_out(&r, &content)) != PT_OK
        || (err = pt_flow_paginate(&r.flow)) != PT_OK)
    {
        goto done;
    }

    info = (pt_pdf_info_t) {
        .title = title,
        .subject = template->subject,
        .language = template->language,
        .date = pt_json_string(data, "effective_date", PT_STR_NULL),
        .password = r.options->password,
    };

    err = pt_pdf_write(&r.flow, &info, pdf);
    if (err != PT_OK) {
        goto done;
    }

    if (r.options->html != NULL) {
        document_html_write(&content, r.signers, r.n_signers, title,
                            template->language, r.options->html);
        err = r.options->html->err;
    }

    ret_result->pages = r.flow.pages;
    ret_result->words = content.words;
    document_cut(title, ret_result->title, sizeof(ret_result->title));

done:

    pt_room_done(&r.room);

    return err;
}


/* the content, and its plain text, which is what a hash can stand for */
static pt_err_t
document_read(document_rendering_t *r, pt_str_t text,
    document_content_t *ret_content)
{
    pt_buf_t   buf;
    pt_err_t   err;

    err = document_markdown_read(text, &r->room, ret_content,
                                 r->result->error, DOCUMENT_ERROR_MAX);
    if (err != PT_OK) {
        return err;
    }

    r->n_signers = document_signers(r->template, r->data, r->signers,
                                    DOCUMENT_SIGNERS_MAX);

    pt_buf_init(&buf, &pt_mem_heap, 2 * DOCUMENT_TEXT_MAX);
    document_text_write(ret_content, r->signers, r->n_signers, &buf);
    err = buf.err;

    if (err == PT_OK) {
        document_hash(pt_buf_str(&buf), r->result->text);

        if (r->options->text != NULL) {
            pt_buf_add_str(r->options->text, pt_buf_str(&buf));
            err = r->options->text->err;
        }
    }

    pt_buf_reset(&buf);
    pt_json_canonical(r->data, &buf);
    document_hash(pt_buf_str(&buf), r->result->parameters);
    pt_buf_done(&buf);

    return err == PT_OK && r->options->verification
           ? document_verification(r, text, ret_content) : err;
}


/* a page more, in the document's own language: Markdown */
static pt_err_t
document_verification(document_rendering_t *r, pt_str_t text,
    document_content_t *ret_content)
{
    size_t                    i;
    pt_buf_t                  buf;
    pt_err_t                  err;
    const document_clause_t  *clause;

    pt_buf_init(&buf, &pt_mem_heap, 2 * DOCUMENT_TEXT_MAX);
    pt_buf_add_str(&buf, text);
    pt_buf_printf(&buf, "\n\n<!-- page break -->\n\n# Verification\n\n"
        "This page is no part of the document before it. It tells how that"
        " was made: the same template, clauses and parameters give the same"
        " text and the same file.\n\n**Template**\\\n%.*s, version ",
        PT_STR_ARG(r->template->name));
    document_escape_markdown(&buf, r->template->version);
    pt_buf_add_text(&buf, "\n\n**Clauses** (with the first digits of their"
                          " SHA-256)\\\n");

    for (i = 0; i < r->result->n_clauses; i++) {
        clause = r->result->clauses[i];
        pt_buf_add_text(&buf, i > 0 ? ", " : "");
        pt_buf_printf(&buf, "%.*s.", PT_STR_ARG(clause->name));
        document_escape_markdown(&buf, clause->variant);
        pt_buf_printf(&buf, " (%.12s)", clause->hash);
    }

    pt_buf_printf(&buf, "%s\n\n**SHA-256 of the parameters** (their RFC 8785"
        " text)\\\n%s\n\n**SHA-256 of the text** (the document as plain"
        " text, without this page)\\\n%s\n", r->result->n_clauses > 0
        ? "" : "none", r->result->parameters, r->result->text);

    err = buf.err != PT_OK ? buf.err
          : document_markdown_read(pt_buf_str(&buf), &r->room, ret_content,
                                   r->result->error, DOCUMENT_ERROR_MAX);
    pt_buf_done(&buf);

    return err;
}


/* a recipient's name is set like any value */
static pt_err_t
document_check_options(document_rendering_t *r)
{
    document_check_text(r, r->options->watermark, PT_STR("/watermark/text"));

    return r->violations > 0 ? PT_E_PARAMETERS : PT_OK;
}


static pt_err_t
document_fill(document_rendering_t *r, pt_str_t *ret_title, pt_str_t *ret_text)
{
    pt_err_t  err;

    err = document_fill_one(r, r->template->title, document_escape_plain,
                            ret_title);
    if (err != PT_OK) {
        return err;
    }

    return document_fill_one(r, r->template->content, document_escape_normal,
                             ret_text);
}


static pt_err_t
document_fill_one(document_rendering_t *r, const pt_mustache_t *mustache,
    void (*escape)(pt_buf_t *out, pt_str_t text), pt_str_t *ret_text)
{
    pt_buf_t  buf;
    pt_err_t  err;

    const pt_mustache_env_t  env = {
        .escape = escape, .filter = document_filter,
        .partial = document_partial, .missing = document_missing, .ctx = r
    };

    pt_buf_init(&buf, &pt_mem_heap, DOCUMENT_TEXT_MAX);

    err = pt_mustache_render(mustache, r->data, &env, &buf);

    /* a clause that is not there */
    if (err == PT_OK && r->result->error[0] != '\0' && r->violations == 0) {
        err = PT_E_INVALID;
    }

    if (err == PT_OK) {
        *ret_text = pt_room_copy(&r->room, pt_buf_str(&buf));
        err = ret_text->data != NULL ? PT_OK : PT_E_NOMEM;
    }

    if (err == PT_E_INVALID && r->result->error[0] == '\0') {
        (void) snprintf(r->result->error, DOCUMENT_ERROR_MAX,
                        "a filter does not fit its value");
    }

    pt_buf_done(&buf);

    return err;
}


static pt_err_t
document_filter(void *ctx, pt_str_t filter, const pt_json_t *value,
    pt_buf_t *out)
{
    pt_err_t               err;
    document_rendering_t  *r = ctx;

    err = document_format(r->template->language, filter, value, out);

    if (err == PT_E_INVALID) {
        (void) snprintf(r->result->error, DOCUMENT_ERROR_MAX,
                        "\"%.*s\" does not fit the value of \"%.*s\"",
                        filter.len < 60 ? (int) filter.len : 60, filter.data,
                        value->key.len < 60 ? (int) value->key.len : 60,
                        value->key.data != NULL ? value->key.data : "");
    }

    return err;
}


/* the clause for the legal system that data or template name */
static const pt_mustache_t *
document_partial(void *ctx, pt_str_t name)
{
    size_t                    i;
    document_result_t        *result;
    document_rendering_t     *r = ctx;
    const document_clause_t  *clause = NULL;

    result = r->result;

    if (r->template->library != NULL) {
        clause = document_library_clause(r->template->library, name,
                     pt_json_string(r->data, "legal_system",
                                    r->template->jurisdiction));
    }

    for (i = 0; i < result->n_clauses && result->clauses[i] != clause; i++) {
        /* whether it is new */
    }

    if (clause == NULL || i == DOCUMENT_CLAUSES_MAX) {
        (void) snprintf(result->error, DOCUMENT_ERROR_MAX,
                        clause == NULL ? "there is no clause \"%.*s\""
                        : "too many clauses, at \"%.*s\"",
                        name.len < 80 ? (int) name.len : 80, name.data);
        return NULL;
    }

    if (i == result->n_clauses) {
        result->clauses[result->n_clauses++] = clause;
    }

    return clause->content;
}


/* a contract has no blanks */
static void
document_missing(void *ctx, pt_str_t name)
{
    char                   pointer[DOCUMENT_POINTER_MAX];
    size_t                 i, n = 0;
    document_rendering_t  *r = ctx;

    pointer[n++] = '/';

    for (i = 0; i < name.len && n < sizeof(pointer); i++) {
        pointer[n++] = name.data[i] == '.' ? '/' : name.data[i];
    }

    for (i = 0; i < r->n_absent; i++) {
        if (pt_str_eq(r->absent[i], (pt_str_t) { pointer, n })) {
            return;                   /* told already */
        }
    }

    if (r->n_absent < DOCUMENT_VIOLATIONS_MAX) {
        r->absent[r->n_absent++] =
            pt_room_copy(&r->room, (pt_str_t) { pointer, n });
    }

    document_violation(r, (pt_str_t) { pointer, n },
                       "the document needs a value here");
}


static void
document_escape_normal(pt_buf_t *out, pt_str_t text)
{
    size_t    i, len;
    uint8_t  *normal;

    for (i = 0; i < text.len && (text.data[i] & 0x80) == 0; i++) {
        /* ASCII is in normal form */
    }

    if (i == text.len) {
        document_escape_markdown(out, text);
        return;
    }

    normal = u8_normalize(UNINORM_NFC, (const uint8_t *) text.data, text.len,
                          NULL, &len);
    if (normal == NULL) {
        out->err = PT_E_NOMEM;
        return;
    }

    document_escape_markdown(out, (pt_str_t) { (char *) normal, len });
    free(normal);
}


/* titles and running lines are no Markdown */
static void
document_escape_plain(pt_buf_t *out, pt_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        pt_buf_add_char(out, strchr("\t\r\n", text.data[i]) != NULL
                             ? ' ' : text.data[i]);
    }
}


static void
document_violation(document_rendering_t *r, pt_str_t pointer,
    const char *fmt, ...)
{
    char     detail[256];
    va_list  args;

    if (r->violations++ >= DOCUMENT_VIOLATIONS_MAX) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);

    if (r->result->error[0] == '\0') {
        (void) snprintf(r->result->error, DOCUMENT_ERROR_MAX, "%.*s: %.180s",
                        PT_STR_ARG(pointer), detail);
    }

    r->visitor->violation(r->visitor->ctx, pointer, pt_str(detail));
}


/* every string of the parameters; pointer is its RFC 6901 pointer so far */
static void
document_check_value(document_rendering_t *r, const pt_json_t *value,
    char *pointer, size_t len)
{
    int               n;
    size_t            i;
    const pt_json_t  *child;

    if (value->type == PT_JSON_STRING) {
        document_check_text(r, value->text, (pt_str_t) { pointer, len });
        return;
    }

    for (child = value->first, i = 0; child != NULL;
         child = child->next, i++)
    {
        n = value->type == PT_JSON_OBJECT
            ? snprintf(pointer + len, DOCUMENT_POINTER_MAX - len, "/%.*s",
                       PT_STR_ARG(child->key))
            : snprintf(pointer + len, DOCUMENT_POINTER_MAX - len, "/%zu", i);

        if (n > 0 && (size_t) n < DOCUMENT_POINTER_MAX - len) {
            document_check_value(r, child, pointer, len + (size_t) n);
        }

        pointer[len] = '\0';
    }
}


/* the first character that cannot be set is named; one is enough to mend it */
static void
document_check_text(document_rendering_t *r, pt_str_t text, pt_str_t pointer)
{
    char        name[UNINAME_MAX];
    size_t      i;
    uint32_t    c;
    unsigned    len;
    pt_cover_t  cover;

    static const char *const  reasons[] = {
        [PT_COVER_MISSING] = "is in none of the document's fonts",
        [PT_COVER_SHAPING] = "belongs to a script that needs shaping, which"
                             " is not supported",
        [PT_COVER_CONTROL] = "is a control character",
    };

    for (i = 0; i < text.len; i += len) {
        c = pt_utf8_get(text.data + i, &len);

        cover = pt_typeface_cover(&r->template->body, PT_STYLE_REGULAR, c);
        if (cover == PT_COVER_OK) {
            cover = pt_typeface_cover(&r->template->heading, PT_STYLE_BOLD, c);
        }

        if (cover != PT_COVER_OK) {
            document_violation(r, pointer, "U+%04X %s %s", c,
                               unicode_character_name(c, name) != NULL
                               ? name : "(no name)", reasons[cover]);
            return;
        }
    }
}


/* the template's own words, too */
static pt_err_t
document_check_runs(document_rendering_t *r, const document_content_t *content)
{
    size_t                   i, k;
    unsigned                 len;
    uint32_t                 c;
    pt_str_t                 text;
    const document_block_t  *block;

    for (block = content->blocks; block != NULL; block = block->next) {
        for (i = 0; i < block->n; i++) {
            text = block->runs[i].text;

            for (k = 0; k < text.len; k += len) {
                c = pt_utf8_get(text.data + k, &len);

                if (pt_typeface_cover(block->type == DOCUMENT_HEADING
                                      ? &r->template->heading
                                      : &r->template->body,
                                      block->runs[i].style, c)
                    != PT_COVER_OK)
                {
                    (void) snprintf(r->result->error, DOCUMENT_ERROR_MAX,
                                    "template \"%.*s\": U+%04X cannot be set",
                                    PT_STR_ARG(r->template->name), c);
                    return PT_E_INVALID;
                }
            }
        }
    }

    return PT_OK;
}


static pt_err_t
document_lay_out(document_rendering_t *r, const document_content_t *content)
{
    pt_err_t                 err;
    document_block_t  *block;

    err = document_lay_running(r);

    for (block = content->blocks; err == PT_OK && block != NULL;
         block = block->next)
    {
        if (block->type != DOCUMENT_ROW || (block->head && r->in_table)) {
            document_end_table(r);
        }

        switch (block->type) {

        case DOCUMENT_HEADING:
            err = document_lay_heading(r, block);
            break;

        case DOCUMENT_PARAGRAPH:
            err = document_lay_paragraph(r, block);
            break;

        case DOCUMENT_ROW:
            err = document_lay_row(r, block);
            break;

        case DOCUMENT_RULE:
            err = pt_flow_rule(&r->flow, 0, pt_flow_measure(&r->flow),
                               PT_POINT / 2, r->template->leading,
                               r->template->leading);
            break;

        case DOCUMENT_PAGE_BREAK:
            err = pt_flow_page_break(&r->flow);
            break;

        case DOCUMENT_SIGNATURES:
            err = document_lay_signatures(r);
            break;

        case DOCUMENT_IMAGE:
            err = document_lay_image(r, block);
            break;

        case DOCUMENT_CHART:
            err = document_lay_chart(r, block);
            break;
        }
    }

    document_end_table(r);

    return err;
}


/* header and footer stand in the middle of their margins */
static pt_err_t
document_lay_running(document_rendering_t *r)
{
    size_t          i, k;
    pt_err_t        err;
    pt_running_t   *running;
    const document_template_t  *t = r->template;

    for (k = 0; k < 2; k++) {
        running = k == 0 ? &r->flow.header : &r->flow.footer;

        pt_str_t *const             texts[] = {
            &running->left, &running->center, &running->right
        };
        pt_mustache_t *const *parts = k == 0 ? t->header : t->footer;

        running->style.typeface = &t->heading;
        running->style.size = t->size * 4 / 5;
        running->y = k == 0 ? t->page.top * 11 / 20
                     : t->page.height - t->page.bottom * 9 / 20;

        for (i = 0; i < 3; i++) {
            if (parts[i] == NULL) {
                continue;
            }

            err = document_fill_one(r, parts[i], document_escape_plain,
                                    texts[i]);
            if (err != PT_OK) {
                return err;
            }
        }
    }

    document_lay_watermark(r);

    return r->violations > 0 ? PT_E_PARAMETERS : PT_OK;
}


static void
document_lay_watermark(document_rendering_t *r)
{
    pt_flow_t                 *flow = &r->flow;
    pt_running_t              *mark;
    const document_template_t *t = r->template;

    if (r->options->watermark.len == 0) {
        return;
    }

    mark = r->options->watermark_footer ? &flow->notice : &flow->watermark;

    mark->style.typeface = &t->heading;
    mark->style.size = t->size * 4 / 5;
    mark->center = r->options->watermark;

    /* above the footer */
    mark->y = flow->footer.y - mark->style.size * 14 / 10;
}


static pt_err_t
document_lay_image(document_rendering_t *r, document_block_t *block)
{
    double            scale;
    int32_t           width, height;
    pt_err_t          err;
    pt_image_t       *image;
    const pt_json_t  *value;

    value = document_member(r->data, block->label);

    if (value == NULL || value->type != PT_JSON_STRING
        || r->options->image == NULL)
    {
        document_missing(r, block->label);
        return PT_E_PARAMETERS;
    }

    image = pt_room_alloc(&r->room, sizeof(pt_image_t));
    if (image == NULL) {
        return PT_E_NOMEM;
    }

    err = r->options->image(r->options->ctx, value->text, &block->bytes);
    if (err == PT_OK) {
        err = pt_image_read(block->bytes, &r->room, image);
    }

    if (err != PT_OK) {
        return document_fail_image(r, err, block->label);
    }

    /* as large as it may be: the measure, or a good third of the page */
    scale = (double) pt_flow_measure(&r->flow) / image->width;

    if (scale * image->height > DOCUMENT_IMAGE_HEIGHT) {
        scale = (double) DOCUMENT_IMAGE_HEIGHT / image->height;
    }

    width = (int32_t) (image->width * scale) + 1;
    height = (int32_t) (image->height * scale) + 1;

    block->drawing = pt_drawing_new(&r->room, &r->template->body, width,
                                    height);
    if (block->drawing == NULL) {
        return PT_E_NOMEM;
    }

    pt_draw_image(block->drawing, 0, 0, width, height, image);

    return document_lay_figure(r, block);
}


static pt_err_t
document_fail_image(document_rendering_t *r, pt_err_t err, pt_str_t name)
{
    char         pointer[DOCUMENT_POINTER_MAX];
    const char  *reason;

    switch (err) {

    case PT_E_INPUT_UNSUPPORTED:
        reason = "is no JPEG or PNG that can be set";
        break;

    case PT_E_INPUT_LIMIT:
        reason = "has too many bytes or pixels";
        break;

    case PT_E_INPUT_BROKEN:
        reason = "is damaged";
        break;

    default:
        return err;
    }

    (void) snprintf(pointer, sizeof(pointer), "/%.*s",
                    name.len < 200 ? (int) name.len : 200, name.data);
    document_violation(r, pt_str(pointer), "the image %s", reason);

    return err;
}


/* bars of an array's {"name", "amount"} */
static pt_err_t
document_lay_chart(document_rendering_t *r, document_block_t *block)
{
    double            *amounts;
    size_t             i;
    pt_err_t           err;
    pt_str_t          *names;
    pt_chart_t         chart;
    pt_series_t        series;
    const pt_json_t   *list, *item;

    list = document_member(r->data, block->label);

    if (list == NULL || list->type != PT_JSON_ARRAY || list->n == 0) {
        document_missing(r, block->label);
        return PT_E_PARAMETERS;
    }

    amounts = pt_room_array(&r->room, list->n, sizeof(double));
    names = pt_room_array(&r->room, list->n, sizeof(pt_str_t));

    if (amounts == NULL || names == NULL) {
        return PT_E_NOMEM;
    }

    for (item = list->first, i = 0; item != NULL; item = item->next, i++) {
        names[i] = pt_json_string(item, "name", PT_STR("?"));
        amounts[i] = pt_json_double(item, "amount", 0);
    }

    series = (pt_series_t) { .name = block->runs[0].text, .y = amounts,
                             .n = list->n };
    chart = (pt_chart_t) {
        .kind = PT_CHART_BAR, .axis = PT_CHART_CATEGORIES,
        .title = block->runs[0].text, .categories = names,
        .n_categories = list->n, .series = &series, .n_series = 1,
        .y_units.compact = true, .typeface = &r->template->heading,
        .size = r->template->size * 4 / 5,
        .width = pt_flow_measure(&r->flow), .height = DOCUMENT_CHART_HEIGHT,
    };

    err = pt_chart_draw(&chart, &r->room, &block->drawing);

    return err == PT_OK ? document_lay_figure(r, block) : err;
}


static pt_err_t
document_lay_figure(document_rendering_t *r, document_block_t *block)
{
    pt_block_t  b;

    document_style(r, &b);

    b.drawing = block->drawing;
    b.drawing->alt = block->runs[0].text;
    b.style.align = PT_ALIGN_CENTER;
    b.before = b.after = r->template->leading;

    return b.drawing->err != PT_OK ? b.drawing->err
           : pt_flow_para(&r->flow, &b);
}


static void
document_style(const document_rendering_t *r, pt_block_t *block)
{
    const document_template_t  *t = r->template;

    *block = (pt_block_t) {
        .style = {
            .typeface = &t->body, .hyphen = t->hyphen, .size = t->size,
            .align = t->align
        },
        .leading = t->leading,
        .before = t->leading / 3,
        .after = t->leading / 3,
    };
}


static pt_err_t
document_lay_heading(document_rendering_t *r, const document_block_t *block)
{
    size_t      i;
    pt_run_t    label;
    pt_block_t  b;

    /* per cent of the text's size */
    static const int32_t  sizes[] = { 190, 115, 105, 100, 100, 100 };

    document_style(r, &b);

    b.runs = block->runs;
    b.n = block->n;
    b.style.typeface = &r->template->heading;
    b.style.hyphen = NULL;
    b.style.align = block->level == 1 ? PT_ALIGN_CENTER : PT_ALIGN_LEFT;
    b.style.size = b.style.size * sizes[block->level - 1] / 100;
    b.leading = b.style.size * 13 / 10;
    b.keep_next = true;
    b.keep_together = true;
    b.outline = block->level;
    b.target = block->target;
    b.title = document_title_text(r, block);

    if (b.title.data == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < block->n; i++) {
        block->runs[i].style |= PT_STYLE_BOLD;
    }

    if (block->level == 1) {
        b.after = r->template->leading;

    } else {
        b.before = r->template->leading * 11 / 10;
        b.after = r->template->leading * 3 / 10;
    }

    if (block->label.len > 0) {
        label = (pt_run_t) { .text = block->label, .style = PT_STYLE_BOLD };
        b.label = &label;
        b.n_label = 1;
        b.indent = r->template->size * DOCUMENT_INDENT_CLAUSE / 100;
    }

    return pt_flow_para(&r->flow, &b);
}


static pt_err_t
document_lay_paragraph(document_rendering_t *r, const document_block_t *block)
{
    int32_t     clause, item;
    pt_run_t    label;
    pt_block_t  b;

    clause = r->template->size * DOCUMENT_INDENT_CLAUSE / 100;
    item = r->template->size * DOCUMENT_INDENT_ITEM / 100;

    document_style(r, &b);

    b.runs = block->runs;
    b.n = block->n;
    b.target = block->target;

    if (block->level > 0) {
        b.indent = clause + (int32_t) (block->level - 1) * item;
        b.label_indent = b.indent - (block->level == 1 ? clause : item);

        /* what belongs to a clause stands closer together */
        if (block->level > 1) {
            b.before = b.after = r->template->leading / 5;
        }

    } else if (block->in_clause) {
        b.indent = clause;
    }

    if (block->quote) {
        b.indent += item;
        b.indent_right = item;
    }

    if (block->label.len > 0) {
        label = (pt_run_t) { .text = block->label };
        b.label = &label;
        b.n_label = 1;
    }

    /* "... that:" must not end a page alone */
    b.keep_next = block->n > 0 && block->next != NULL
                  && block->next->type == DOCUMENT_PARAGRAPH
                  && block->next->level > block->level;

    /* the words before signatures stay with them */
    if (block->next != NULL && block->next->type == DOCUMENT_SIGNATURES) {
        b.keep_next = true;
        b.keep_together = true;
        b.indent = 0;
        b.before = r->template->leading;
    }

    return pt_flow_para(&r->flow, &b);
}


/* the head is bold, with a line below each row */
static pt_err_t
document_lay_row(document_rendering_t *r, const document_block_t *block)
{
    size_t       i, k;
    pt_err_t     err;
    pt_cell_t   *cells;
    pt_block_t  *blocks, *b;

    if (!r->in_table) {
        r->in_table = true;
        r->table = r->flow.n;
        r->table_head = 0;
        document_lay_columns(r, block);
    }

    cells = pt_room_array(&r->room, block->n_cells, sizeof(pt_cell_t));
    blocks = pt_room_array(&r->room, block->n_cells, sizeof(pt_block_t));

    if (cells == NULL || blocks == NULL || block->n_cells == 0) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < block->n_cells; i++) {
        b = &blocks[i];
        document_style(r, b);
        b->runs = block->cells[i].runs;
        b->n = block->cells[i].n;
        b->style.align = block->cells[i].align;
        b->before = b->after = r->template->leading / 4;
        b->keep_together = true;

        for (k = 0; block->head && k < b->n; k++) {
            block->cells[i].runs[k].style |= PT_STYLE_BOLD;
        }

        cells[i] = (pt_cell_t) {
            .x = r->columns[i],
            .width = r->columns[i + 1] - r->columns[i]
                     - (i + 1 < block->n_cells ? DOCUMENT_GAP / 2 : 0),
            .blocks = b, .n = 1
        };
    }

    err = pt_flow_row(&r->flow, cells, block->n_cells, true);

    if (err == PT_OK && block->head) {
        r->table_head = r->flow.n - r->table;
    }

    return err;
}


/*
 * Columns share the measure as their longest cells' lengths are to each other,
 * within bounds: a long one does not starve the others.
 */
static void
document_lay_columns(document_rendering_t *r, const document_block_t *row)
{
    size_t                   i, k, n = row->n_cells, len;
    size_t                   widest[DOCUMENT_COLUMNS_MAX] = { 0 }, sum = 0;
    const document_block_t  *b;

    for (b = row; b != NULL && b->type == DOCUMENT_ROW
                  && (b == row || !b->head); b = b->next)
    {
        for (i = 0; i < b->n_cells && i < n; i++) {
            for (len = 0, k = 0; k < b->cells[i].n; k++) {
                len += b->cells[i].runs[k].text.len;
            }

            widest[i] = len > widest[i] ? len : widest[i];
        }
    }

    for (i = 0; i < n; i++) {
        widest[i] = widest[i] < 12 ? 12 : widest[i] > 40 ? 40 : widest[i];
        sum += widest[i];
    }

    for (i = 0; i < n; i++) {
        r->columns[i + 1] = r->columns[i]
            + (int32_t) (pt_flow_measure(&r->flow)
                         * (int64_t) widest[i] / (int64_t) sum);
    }
}


static void
document_end_table(document_rendering_t *r)
{
    if (r->in_table) {
        pt_flow_head(&r->flow, r->table, r->table_head);
        r->in_table = false;
    }
}


/* two beside each other, all on one page if it can hold them */
static pt_err_t
document_lay_signatures(document_rendering_t *r)
{
    size_t      i, n;
    int32_t     width;
    pt_err_t    err;
    pt_cell_t   cells[2] = { { .n = 0 } };

    width = (pt_flow_measure(&r->flow) - DOCUMENT_GAP) / 2;

    pt_flow_keep_begin(&r->flow);

    for (i = 0; i < r->n_signers; i += 2) {
        n = r->n_signers - i < 2 ? 1 : 2;

        err = document_lay_party(r, &r->signers[i], &cells[0]);
        if (err == PT_OK && n == 2) {
            err = document_lay_party(r, &r->signers[i + 1], &cells[1]);
        }

        if (err != PT_OK) {
            return err;
        }

        cells[0].x = 0;
        cells[0].width = width;
        cells[1].x = width + DOCUMENT_GAP;
        cells[1].width = width;

        err = pt_flow_row(&r->flow, cells, n, false);
        if (err != PT_OK) {
            return err;
        }
    }

    pt_flow_keep_end(&r->flow);

    return PT_OK;
}


/* who signs, the line to sign on, name and title, the line for the date */
static pt_err_t
document_lay_party(document_rendering_t *r, const document_signer_t *signer,
    pt_cell_t *ret_cell)
{
    size_t            i, n = 0;
    pt_run_t         *runs;
    pt_block_t       *blocks;

    runs = pt_room_array(&r->room, 8, sizeof(pt_run_t));
    blocks = pt_room_array(&r->room, 8, sizeof(pt_block_t));

    if (runs == NULL || blocks == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < 8; i++) {
        document_style(r, &blocks[i]);
        blocks[i].style.align = PT_ALIGN_LEFT;
        blocks[i].style.hyphen = NULL;
        blocks[i].before = blocks[i].after = 0;
        blocks[i].runs = &runs[i];
        blocks[i].n = 1;
    }

    blocks[0].before = 2 * r->template->leading;
    runs[n++].text = signer->own ? PT_STR("Signed by")
                                 : PT_STR("Signed for and on behalf of");

    runs[n].style = PT_STYLE_BOLD;
    runs[n++].text = signer->name;

    blocks[n].before = DOCUMENT_SIGN_SPACE;
    blocks[n].overline = true;
    runs[n++].text = PT_STR("Signature");

    if (signer->signer.data != NULL) {
        blocks[n].before = r->template->leading / 3;
        runs[n++].text = signer->signer;
    }

    if (signer->title.data != NULL) {
        runs[n].style = PT_STYLE_ITALIC;
        runs[n++].text = signer->title;
    }

    blocks[n].before = DOCUMENT_SIGN_SPACE;
    blocks[n].overline = true;
    runs[n++].text = PT_STR("Date");

    ret_cell->blocks = blocks;
    ret_cell->n = n;

    return PT_OK;
}


/* "2. Purpose", for the bookmarks */
static pt_str_t
document_title_text(document_rendering_t *r, const document_block_t *block)
{
    size_t    i;
    pt_buf_t  buf;
    pt_str_t  title = PT_STR_NULL;

    pt_buf_init(&buf, &pt_mem_heap, DOCUMENT_TEXT_MAX);

    if (block->label.len > 0) {
        pt_buf_add_str(&buf, block->label);
        pt_buf_add_char(&buf, ' ');
    }

    for (i = 0; i < block->n; i++) {
        pt_buf_add_str(&buf, block->runs[i].text);
    }

    while (buf.len > 0 && buf.data[buf.len - 1] == ' ') {
        buf.len--;
    }

    if (buf.err == PT_OK) {
        title = pt_room_copy(&r->room, pt_buf_str(&buf));
    }

    pt_buf_done(&buf);

    return title;
}


/* as many whole characters as fit, terminated */
static void
document_cut(pt_str_t text, char *out, size_t size)
{
    size_t  len = text.len;

    if (len >= size) {
        len = size - 1;

        while (len > 0 && (text.data[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    memcpy(out, text.data, len);
    out[len] = '\0';
}
