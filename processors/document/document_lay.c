/* Blocks to the flow of lines: headings, clauses, running lines. */

#include "document_render.h"


/* indentation of numbered text, in per cent of the text's size */
#define DOCUMENT_INDENT_CLAUSE   330
#define DOCUMENT_INDENT_ITEM     270


static pt_err_t document_lay_running(document_rendering_t *r);
static void document_lay_watermark(document_rendering_t *r);
static pt_err_t document_lay_heading(document_rendering_t *r,
    const document_block_t *block);
static pt_err_t document_lay_paragraph(document_rendering_t *r,
    const document_block_t *block);
static bool document_signed(const document_block_t *block);
static pt_str_t document_title_text(document_rendering_t *r,
    const document_block_t *block);


pt_err_t
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


void
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

    /* the words before signatures stay with them, and a clause with both:
       nobody should sign a page that could belong to anything */
    if (document_signed(block->next)) {
        b.keep_next = true;
        b.keep_together = true;
    }

    if (block->next != NULL && block->next->type == DOCUMENT_SIGNATURES) {
        b.keep_next = true;
        b.keep_together = true;
        b.indent = 0;
        b.before = r->template->leading;
    }

    return pt_flow_para(&r->flow, &b);
}


/* the words before signatures */
static bool
document_signed(const document_block_t *block)
{
    return block != NULL && block->type == DOCUMENT_PARAGRAPH
           && block->next != NULL
           && block->next->type == DOCUMENT_SIGNATURES;
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
