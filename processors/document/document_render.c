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
#include "document_template.h"
#include "pt_pdf.h"


/* a request with more characters wrong than this is wrong enough */
#define DOCUMENT_VIOLATIONS_MAX  20
#define DOCUMENT_POINTER_MAX     512

/* indentation of numbered text, in per cent of the text's size */
#define DOCUMENT_INDENT_CLAUSE   330
#define DOCUMENT_INDENT_ITEM     270

#define DOCUMENT_GAP             (8 * PT_MM)      /* between columns */
#define DOCUMENT_SIGN_SPACE      (12 * PT_MM)     /* room for a signature */


typedef struct {
    const document_template_t  *template;
    const document_visitor_t   *visitor;
    const pt_json_t            *data;
    document_result_t          *result;
    pt_room_t                  room;
    pt_flow_t                   flow;
    unsigned                    violations;
    pt_str_t                    absent[DOCUMENT_VIOLATIONS_MAX];
    size_t                      n_absent;
    size_t                      table;        /* first strip of the open one */
    size_t                      table_head;   /* strips of its head */
    bool                        in_table;
} document_rendering_t;


static pt_err_t document_fill(document_rendering_t *r, pt_str_t *ret_title,
    pt_str_t *ret_text);
static pt_err_t document_fill_one(document_rendering_t *r,
    const pt_mustache_t *mustache,
    void (*escape)(pt_buf_t *out, pt_str_t text), pt_str_t *ret_text);
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
static void document_end_table(document_rendering_t *r);
static pt_err_t document_lay_signatures(document_rendering_t *r);
static pt_err_t document_lay_party(document_rendering_t *r, pt_str_t name,
    pt_cell_t *ret_cell);
static const pt_json_t *document_member(const pt_json_t *value, pt_str_t name);
static pt_str_t document_title_text(document_rendering_t *r,
    const document_block_t *block);
static void document_style(const document_rendering_t *r, pt_block_t *block);
static void document_cut(pt_str_t text, char *out, size_t size);


pt_err_t
document_template_render(const document_template_t *template,
    const pt_json_t *data, const document_visitor_t *visitor, pt_buf_t *pdf,
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

    *ret_result = (document_result_t) { 0 };
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

    if ((err = document_markdown_read(text, &r.room, &content,
                                      ret_result->error, DOCUMENT_ERROR_MAX))
           != PT_OK
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
    };

    err = pt_pdf_write(&r.flow, &info, pdf);
    if (err != PT_OK) {
        goto done;
    }

    ret_result->pages = r.flow.pages;
    ret_result->words = content.words;
    document_cut(title, ret_result->title, sizeof(ret_result->title));

done:

    pt_room_done(&r.room);

    return err;
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
        .escape = escape, .filter = document_format,
        .missing = document_missing, .ctx = r
    };

    pt_buf_init(&buf, &pt_mem_heap, DOCUMENT_TEXT_MAX);

    err = pt_mustache_render(mustache, r->data, &env, &buf);

    if (err == PT_OK) {
        *ret_text = pt_room_copy(&r->room, pt_buf_str(&buf));
        err = ret_text->data != NULL ? PT_OK : PT_E_NOMEM;
    }

    if (err == PT_E_INVALID) {
        (void) snprintf(r->result->error, DOCUMENT_ERROR_MAX,
                        "a filter does not fit its value");
    }

    pt_buf_done(&buf);

    return err;
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
    const document_block_t  *block;

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

    return r->violations > 0 ? PT_E_PARAMETERS : PT_OK;
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


/* columns of equal width; the head is bold, with a line below each row */
static pt_err_t
document_lay_row(document_rendering_t *r, const document_block_t *block)
{
    size_t       i, k;
    int32_t      width;
    pt_err_t     err;
    pt_cell_t   *cells;
    pt_block_t  *blocks, *b;

    if (!r->in_table) {
        r->in_table = true;
        r->table = r->flow.n;
        r->table_head = 0;
    }

    cells = pt_room_array(&r->room, block->n_cells, sizeof(pt_cell_t));
    blocks = pt_room_array(&r->room, block->n_cells, sizeof(pt_block_t));

    if (cells == NULL || blocks == NULL || block->n_cells == 0) {
        return PT_E_NOMEM;
    }

    width = pt_flow_measure(&r->flow) / (int32_t) block->n_cells;

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
            .x = (int32_t) i * width,
            .width = width - (i + 1 < block->n_cells ? DOCUMENT_GAP / 2 : 0),
            .blocks = b, .n = 1
        };
    }

    err = pt_flow_row(&r->flow, cells, block->n_cells, true);

    if (err == PT_OK && block->head) {
        r->table_head = r->flow.n - r->table;
    }

    return err;
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
    pt_cell_t   cells[2];

    width = (pt_flow_measure(&r->flow) - DOCUMENT_GAP) / 2;

    pt_flow_keep_begin(&r->flow);

    for (i = 0; i < r->template->n_parties; i += 2) {
        n = r->template->n_parties - i < 2 ? 1 : 2;

        err = document_lay_party(r, r->template->parties[i], &cells[0]);
        if (err == PT_OK && n == 2) {
            err = document_lay_party(r, r->template->parties[i + 1],
                                     &cells[1]);
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
document_lay_party(document_rendering_t *r, pt_str_t name, pt_cell_t *ret_cell)
{
    bool              own;
    size_t            i, n = 0;
    pt_run_t         *runs;
    pt_block_t       *blocks;
    const pt_json_t  *party, *who;

    party = document_member(r->data, name);
    who = pt_json_member(party, "representative");

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
    own = who == NULL
          || pt_str_eq(pt_json_string(who, "name", PT_STR("")),
                       pt_json_string(party, "name", PT_STR("")));
    runs[n++].text = own ? PT_STR("Signed by")
                         : PT_STR("Signed for and on behalf of");

    runs[n].style = PT_STYLE_BOLD;
    runs[n++].text = pt_json_string(party, "name", PT_STR(""));

    blocks[n].before = DOCUMENT_SIGN_SPACE;
    blocks[n].overline = true;
    runs[n++].text = PT_STR("Signature");

    if (who != NULL) {
        blocks[n].before = r->template->leading / 3;
        runs[n++].text = pt_json_string(who, "name", PT_STR(""));

        if (pt_json_member(who, "title") != NULL) {
            runs[n].style = PT_STYLE_ITALIC;
            runs[n++].text = pt_json_string(who, "title", PT_STR(""));
        }
    }

    blocks[n].before = DOCUMENT_SIGN_SPACE;
    blocks[n].overline = true;
    runs[n++].text = PT_STR("Date");

    ret_cell->blocks = blocks;
    ret_cell->n = n;

    return PT_OK;
}


/* "a.b" */
static const pt_json_t *
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
