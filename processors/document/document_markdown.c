/* md4c's events, in their order, become blocks and runs. */

#include <stdio.h>
#include <stdlib.h>

#include "document_reader.h"


#define DOCUMENT_MARKDOWN_MAX  (8 * 1024 * 1024)


static int document_enter_block(MD_BLOCKTYPE type, void *detail, void *data);
static int document_leave_block(MD_BLOCKTYPE type, void *detail, void *data);
static int document_enter_span(MD_SPANTYPE type, void *detail, void *data);
static int document_leave_span(MD_SPANTYPE type, void *detail, void *data);
static int document_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE len,
    void *data);
static int document_enter_paragraph(document_markdown_t *m);
static void document_drop_head(document_markdown_t *m);
static int document_enter_cell(document_markdown_t *m,
    const MD_BLOCK_TD_DETAIL *detail);
static pt_err_t document_join_all(pt_room_t *room, document_block_t *block);
static pt_err_t document_join(pt_room_t *room, document_block_t *block);


pt_err_t
document_markdown_read(pt_str_t text, pt_room_t *room,
    document_content_t *ret_content, char *ret_error, size_t size)
{
    int                   rc;
    pt_err_t              err;
    document_content_t    content = { 0 };
    document_markdown_t  *m;

    static const MD_PARSER  parser = {
        .flags = MD_FLAG_TABLES | MD_FLAG_NOINDENTEDCODEBLOCKS
                 | MD_FLAG_COLLAPSEWHITESPACE,
        .enter_block = document_enter_block,
        .leave_block = document_leave_block,
        .enter_span = document_enter_span,
        .leave_span = document_leave_span,
        .text = document_text,
    };

    if (text.len > DOCUMENT_MARKDOWN_MAX) {
        return PT_E_TOO_LARGE;
    }

    m = calloc(1, sizeof(document_markdown_t));
    if (m == NULL) {
        return PT_E_NOMEM;
    }

    m->room = room;
    m->content = &content;
    m->tail = &content.blocks;
    m->error = ret_error;
    m->size = size;

    rc = md_parse(text.data, (MD_SIZE) text.len, &parser, m);

    err = m->err != PT_OK ? m->err
          : rc != 0 ? PT_E_NOMEM : document_resolve(m);

    if (err == PT_OK) {
        err = document_join_all(room, content.blocks);
    }

    free(m);

    if (err == PT_OK) {
        *ret_content = content;
    }

    return err;
}


static int
document_enter_block(MD_BLOCKTYPE type, void *detail, void *data)
{
    document_markdown_t  *m = data;

    switch (type) {

    case MD_BLOCK_QUOTE:
        m->quotes++;
        return 0;

    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
        if (m->n_lists == DOCUMENT_LISTS_MAX) {
            return document_stop(m, PT_E_TOO_LARGE, "lists too deep in each other",
                                 PT_STR(""));
        }

        /* what a tight item says before it is complete now */
        m->block = NULL;
        m->lists[m->n_lists++] = (document_list_t) {
            .ordered = type == MD_BLOCK_OL
        };
        return 0;

    case MD_BLOCK_LI:
        m->lists[m->n_lists - 1].items++;
        m->item = true;
        return 0;

    case MD_BLOCK_HR:
        return document_open(m, DOCUMENT_RULE);

    case MD_BLOCK_H:
        return document_enter_heading(m, ((MD_BLOCK_H_DETAIL *) detail)->level);

    case MD_BLOCK_P:
    case MD_BLOCK_CODE:
        return document_enter_paragraph(m);

    case MD_BLOCK_THEAD:
        m->head = true;
        return 0;

    case MD_BLOCK_TBODY:
        m->head = false;
        return 0;

    case MD_BLOCK_TR:
        if (document_open(m, DOCUMENT_ROW) != 0) {
            return -1;
        }

        m->row = m->block;
        m->row->head = m->head;
        m->row->cells = pt_room_array(m->room, DOCUMENT_COLUMNS_MAX,
                                       sizeof(document_block_t));
        return m->row->cells != NULL ? 0
               : document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);

    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        return document_enter_cell(m, detail);

    default:
        return 0;
    }
}


static int
document_leave_block(MD_BLOCKTYPE type, void *detail, void *data)
{
    document_markdown_t  *m = data;

    (void) detail;

    m->in_word = false;

    switch (type) {

    case MD_BLOCK_QUOTE:
        m->quotes--;
        break;

    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
        m->n_lists--;
        m->item = false;
        break;

    case MD_BLOCK_H:
        return document_leave_heading(m);

    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        m->block = m->row;
        break;

    case MD_BLOCK_THEAD:
        document_drop_head(m);
        break;

    case MD_BLOCK_LI:
        /* an item of tight lists has no paragraph: its text is its own */
        m->block = NULL;
        m->item = false;
        break;

    case MD_BLOCK_P:
    case MD_BLOCK_CODE:
    case MD_BLOCK_TR:
    case MD_BLOCK_HR:
        m->block = NULL;
        break;

    default:
        break;
    }

    return 0;
}


static int
document_enter_span(MD_SPANTYPE type, void *detail, void *data)
{
    document_markdown_t  *m = data;

    switch (type) {

    case MD_SPAN_EM:
        m->italic++;
        break;

    case MD_SPAN_STRONG:
        m->bold++;
        break;

    case MD_SPAN_A:
        return document_link(m, &((MD_SPAN_A_DETAIL *) detail)->href);

    case MD_SPAN_IMG:
        return document_image(m, &((MD_SPAN_IMG_DETAIL *) detail)->src);

    default:
        break;
    }

    return 0;
}


static int
document_leave_span(MD_SPANTYPE type, void *detail, void *data)
{
    document_markdown_t  *m = data;

    (void) detail;

    switch (type) {

    case MD_SPAN_EM:
        m->italic--;
        break;

    case MD_SPAN_STRONG:
        m->bold--;
        break;

    case MD_SPAN_A:
        return document_link_end(m);

    case MD_SPAN_IMG:
        return document_image_end(m);

    default:
        break;
    }

    return 0;
}


static int
document_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE len, void *data)
{
    char                  entity[5];
    pt_str_t              s = { text, len };
    document_markdown_t  *m = data;

    switch (type) {

    case MD_TEXT_HTML:
        return document_comment(m, s);

    case MD_TEXT_NULLCHAR:
        return document_run(m, PT_STR("\xef\xbf\xbd"));

    case MD_TEXT_BR:
        return document_run(m, PT_STR("\n"));

    case MD_TEXT_SOFTBR:
        return document_run(m, PT_STR(" "));

    case MD_TEXT_ENTITY:
        return document_entity(s, entity) ? document_run(m, pt_str(entity))
               : document_stop(m, PT_E_INVALID, "unknown entity", s);

    default:
        return document_run(m, s);
    }
}


/* md4c swallows a positive return of some callbacks: -1 ends it always */
int
document_stop(document_markdown_t *m, pt_err_t err, const char *what,
    pt_str_t name)
{
    m->err = err;

    if (what != NULL && m->size > 0) {
        (void) snprintf(m->error, m->size, name.len > 0 ? "%s \"%.*s\"" : "%s",
                        what, name.len < 60 ? (int) name.len : 60,
                        name.data != NULL ? name.data : "");
    }

    return -1;
}


int
document_open(document_markdown_t *m, document_block_type_t type)
{
    document_block_t  *block;

    block = pt_room_alloc(m->room, sizeof(document_block_t));
    if (block == NULL) {
        return document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);
    }

    block->type = type;
    block->quote = m->quotes > 0;
    block->in_clause = m->in_clause;

    *m->tail = block;
    m->tail = &block->next;
    m->block = block;

    return 0;
}


static int
document_enter_paragraph(document_markdown_t *m)
{
    if (document_open(m, DOCUMENT_PARAGRAPH) != 0) {
        return -1;
    }

    m->block->level = m->n_lists;

    if (m->n_lists > 0 && m->item) {
        m->item = false;
        return document_label_item(m);
    }

    return 0;
}


/* Markdown knows no table without a head: an empty one is none */
static void
document_drop_head(document_markdown_t *m)
{
    size_t              i, n = 0;
    document_block_t  **block;

    for (i = 0; i < m->row->n_cells; i++) {
        n += m->row->cells[i].n;
    }

    if (n > 0) {
        return;
    }

    for (block = &m->content->blocks; *block != m->row;
         block = &(*block)->next)
    {
        /* to what points at it */
    }

    *block = NULL;
    m->tail = block;
}


static int
document_enter_cell(document_markdown_t *m, const MD_BLOCK_TD_DETAIL *detail)
{
    if (m->row->n_cells == DOCUMENT_COLUMNS_MAX) {
        return document_stop(m, PT_E_TOO_LARGE, "too many columns",
                             PT_STR(""));
    }

    m->block = &m->row->cells[m->row->n_cells++];
    m->block->type = DOCUMENT_PARAGRAPH;
    m->block->align = detail->align == MD_ALIGN_RIGHT ? PT_ALIGN_RIGHT
                      : detail->align == MD_ALIGN_CENTER ? PT_ALIGN_CENTER
                      : PT_ALIGN_LEFT;

    return 0;
}


int
document_run(document_markdown_t *m, pt_str_t text)
{
    char               c;
    void              *runs;
    size_t             i;
    pt_run_t          *run;
    document_block_t  *block;

    /* text of a tight item */
    if (m->block == NULL && document_enter_paragraph(m) != 0) {
        return -1;
    }

    block = m->block;

    if (block->type == DOCUMENT_IMAGE && !m->image) {
        return document_stop(m, PT_E_INVALID,
                             "an image is not on a line of its own, before",
                             text);
    }

    runs = pt_room_grow(m->room, block->runs, block->n, &block->cap,
                         sizeof(pt_run_t));
    if (runs == NULL) {
        return document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);
    }

    block->runs = runs;
    run = &block->runs[block->n++];
    run->text = pt_room_copy(m->room, text);
    run->style = (m->bold > 0 ? PT_STYLE_BOLD : 0)
                 | (m->italic > 0 ? PT_STYLE_ITALIC : 0);
    run->target = m->target;
    run->uri = m->uri;

    if (run->text.data == NULL) {
        return document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);
    }

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c == ' ' || c == '\n' || c == '\t') {
            m->in_word = false;

        } else if (!m->in_word) {
            m->in_word = true;
            m->content->words++;
        }
    }

    return 0;
}


/* the cells of a row are no list: each stands beside the one before */
static pt_err_t
document_join_all(pt_room_t *room, document_block_t *block)
{
    size_t    i;
    pt_err_t  err = PT_OK;

    for ( /* void */ ; err == PT_OK && block != NULL; block = block->next) {
        err = document_join(room, block);

        for (i = 0; err == PT_OK && i < block->n_cells; i++) {
            err = document_join(room, &block->cells[i]);
        }
    }

    return err;
}


/*
 * Runs of one style beside each other are one: each escaped character begins
 * another, and no kerning would reach over it.
 */
static pt_err_t
document_join(pt_room_t *room, document_block_t *block)
{
    char      *text;
    size_t     i, k, n, len;
    pt_run_t   run, *runs = block->runs;

    for (i = 0, n = 0; i < block->n; i = k, n++) {
        len = runs[i].text.len;

        for (k = i + 1; k < block->n && runs[k].style == runs[i].style
                        && runs[k].target == runs[i].target
                        && runs[k].uri == runs[i].uri; k++)
        {
            len += runs[k].text.len;
        }

        run = runs[i];

        if (k > i + 1) {
            text = pt_room_alloc(room, len + 1);
            if (text == NULL) {
                return PT_E_NOMEM;
            }

            run.text = (pt_str_t) { text, len };

            for ( /* void */ ; i < k; text += runs[i++].text.len) {
                memcpy(text, runs[i].text.data, runs[i].text.len);
            }
        }

        runs[n] = run;
    }

    block->n = n;

    return PT_OK;
}
