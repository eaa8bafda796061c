/* From blocks to strips, from strips to pages. */

#include <stdio.h>

#include "pt_flow.h"


#define PT_HAIRLINE   (PT_POINT / 2)


static pt_err_t pt_flow_block(pt_flow_t *flow, const pt_block_t *block,
    int32_t x, int32_t width, pt_strip_t **ret_strips, size_t *ret_n);
static pt_err_t pt_flow_label(pt_flow_t *flow, const pt_block_t *block,
    int32_t x, int32_t baseline, pt_strip_t *strip);
static pt_piece_t *pt_flow_piece(pt_flow_t *flow, pt_strip_t *strip,
    pt_textline_t *line, int32_t x, int32_t baseline);
static pt_err_t pt_flow_drawing(pt_flow_t *flow, const pt_block_t *block,
    int32_t x, int32_t width, pt_strip_t **ret_strips, size_t *ret_n);
static pt_picture_t *pt_flow_picture(pt_flow_t *flow, pt_strip_t *strip,
    const pt_shape_t *shapes, int32_t x, int32_t y);
static pt_err_t pt_flow_fill(pt_flow_t *flow, size_t first,
    const pt_cell_t *cell);
static pt_rule_t *pt_flow_hairline(pt_flow_t *flow, pt_strip_t *strip,
    int32_t x, int32_t y, int32_t width);
static pt_strip_t *pt_flow_strip(pt_flow_t *flow);
static pt_err_t pt_flow_cell(pt_flow_t *flow, const pt_cell_t *cell,
    pt_strip_t **ret_strips, size_t *ret_n);
static pt_err_t pt_flow_row_whole(pt_flow_t *flow, pt_strip_t **strips,
    const size_t *counts, size_t n);
static pt_err_t pt_flow_row_lines(pt_flow_t *flow, pt_strip_t **strips,
    const size_t *counts, size_t n);
static int32_t pt_flow_stack(pt_strip_t *strips, size_t n, pt_strip_t *into);
static void pt_flow_merge(pt_strip_t *into, pt_strip_t *strip, int32_t y);
static size_t pt_flow_page_end(const pt_flow_t *flow, size_t begin,
    int32_t y, int32_t bottom);
static int32_t pt_flow_gap(const pt_flow_t *flow, size_t i);
static pt_err_t pt_flow_repeat(pt_flow_t *flow, size_t begin, int32_t *y);
static pt_err_t pt_flow_running_part(pt_flow_t *flow,
    const pt_running_t *running, pt_str_t text, pt_align_t align,
    int32_t width, unsigned page, pt_piece_t **ret_piece);


void
pt_flow_init(pt_flow_t *flow, pt_room_t *room, const pt_page_t *page)
{
    *flow = (pt_flow_t) { .room = room, .page = *page };
}


pt_err_t
pt_flow_para(pt_flow_t *flow, const pt_block_t *block)
{
    size_t       i, n;
    pt_err_t     err;
    pt_strip_t  *strips, *strip;

    err = pt_flow_block(flow, block, 0, pt_flow_measure(flow), &strips, &n);
    if (err != PT_OK) {
        return err;
    }

    for (i = 0; i < n; i++) {
        strip = pt_flow_strip(flow);
        if (strip == NULL) {
            return PT_E_NOMEM;
        }

        strips[i].page_break |= strip->page_break;
        *strip = strips[i];
    }

    return PT_OK;
}


/* a paragraph's lines as strips, not yet part of the flow */
static pt_err_t
pt_flow_block(pt_flow_t *flow, const pt_block_t *block, int32_t x,
    int32_t width, pt_strip_t **ret_strips, size_t *ret_n)
{
    size_t           i, n;
    int32_t          baseline;
    pt_err_t         err;
    pt_strip_t      *strips;
    pt_piece_t      *piece;
    pt_textline_t   *line;
    pt_para_style_t  style = block->style;

    if (block->drawing != NULL) {
        return pt_flow_drawing(flow, block, x, width, ret_strips, ret_n);
    }

    style.width = width - block->indent - block->indent_right;

    err = pt_para_set(block->runs, block->n, &style, flow->room, &line, &n);
    if (err != PT_OK) {
        return err;
    }

    strips = pt_room_array(flow->room, n, sizeof(pt_strip_t));
    if (strips == NULL) {
        return PT_E_NOMEM;
    }

    /* small letters, not capitals, look centred in the leading */
    baseline = block->leading / 2 + style.size * 34 / 100;

    for (i = 0; i < n; i++, line = line->next) {
        strips[i].height = block->leading;

        piece = pt_flow_piece(flow, &strips[i], line, x + block->indent,
                              baseline);
        if (piece == NULL) {
            return PT_E_NOMEM;
        }

        piece->color = block->color;
        strips[i].keep = block->keep_together;
    }

    /* two lines at least on both sides of a page break */
    strips[0].keep |= n > 1;
    strips[n > 1 ? n - 2 : 0].keep |= n > 1;
    strips[n - 1].keep = block->keep_next;

    strips[0].before = block->before;
    strips[n - 1].after = block->after;
    strips[0].target = block->target;
    strips[0].outline = block->outline;
    strips[0].title = block->title;

    if (block->overline
        && pt_flow_hairline(flow, &strips[0], x + block->indent, 0,
                            style.width) == NULL)
    {
        return PT_E_NOMEM;
    }

    if (block->label != NULL) {
        err = pt_flow_label(flow, block, x, baseline, &strips[0]);
        if (err != PT_OK) {
            return err;
        }
    }

    *ret_strips = strips;
    *ret_n = n;

    return PT_OK;
}


/* a drawing is one strip, aligned in its column */
static pt_err_t
pt_flow_drawing(pt_flow_t *flow, const pt_block_t *block, int32_t x,
    int32_t width, pt_strip_t **ret_strips, size_t *ret_n)
{
    pt_piece_t          *piece;
    pt_strip_t          *strip;
    pt_picture_t        *picture;
    const pt_label_t    *label;
    const pt_drawing_t  *drawing = block->drawing;

    strip = pt_room_alloc(flow->room, sizeof(pt_strip_t));
    if (strip == NULL) {
        return PT_E_NOMEM;
    }

    x += block->style.align == PT_ALIGN_CENTER
         ? (width - drawing->width) / 2
         : block->style.align == PT_ALIGN_RIGHT ? width - drawing->width
         : block->indent;

    picture = pt_flow_picture(flow, strip, drawing->shapes, x, 0);
    if (picture == NULL) {
        return PT_E_NOMEM;
    }

    picture->alt = drawing->alt;

    for (label = drawing->labels; label != NULL; label = label->next) {
        piece = pt_flow_piece(flow, strip, label->line, x + label->x,
                              label->baseline);
        if (piece == NULL) {
            return PT_E_NOMEM;
        }

        piece->color = label->color;
    }

    strip->height = drawing->height;
    strip->before = block->before;
    strip->after = block->after;
    strip->keep = block->keep_next;
    strip->target = block->target;
    strip->outline = block->outline;
    strip->title = block->title;

    *ret_strips = strip;
    *ret_n = 1;

    return PT_OK;
}


static pt_picture_t *
pt_flow_picture(pt_flow_t *flow, pt_strip_t *strip, const pt_shape_t *shapes,
    int32_t x, int32_t y)
{
    pt_picture_t  *picture;

    picture = pt_room_alloc(flow->room, sizeof(pt_picture_t));
    if (picture == NULL) {
        return NULL;
    }

    *picture = (pt_picture_t) {
        .next = strip->pictures, .shapes = shapes, .x = x, .y = y
    };
    strip->pictures = picture;

    return picture;
}


static pt_err_t
pt_flow_label(pt_flow_t *flow, const pt_block_t *block, int32_t x,
    int32_t baseline, pt_strip_t *strip)
{
    size_t           n;
    pt_err_t         err;
    pt_textline_t   *line;
    pt_para_style_t  style = block->style;

    style.align = PT_ALIGN_LEFT;
    style.hyphen = NULL;
    style.width = INT32_MAX / 4;

    err = pt_para_set(block->label, block->n_label, &style, flow->room, &line,
                      &n);
    if (err != PT_OK) {
        return err;
    }

    return pt_flow_piece(flow, strip, line, x + block->label_indent, baseline)
           == NULL ? PT_E_NOMEM : PT_OK;
}


/* before the other pieces: labels come first in reading order */
static pt_piece_t *
pt_flow_piece(pt_flow_t *flow, pt_strip_t *strip, pt_textline_t *line,
    int32_t x, int32_t baseline)
{
    pt_piece_t  *piece;

    piece = pt_room_alloc(flow->room, sizeof(pt_piece_t));
    if (piece == NULL) {
        return NULL;
    }

    piece->line = line;
    piece->x = x;
    piece->baseline = baseline;
    piece->next = strip->pieces;
    strip->pieces = piece;

    return piece;
}


static pt_rule_t *
pt_flow_hairline(pt_flow_t *flow, pt_strip_t *strip, int32_t x, int32_t y,
    int32_t width)
{
    pt_rule_t  *rule;

    rule = pt_room_alloc(flow->room, sizeof(pt_rule_t));
    if (rule == NULL) {
        return NULL;
    }

    *rule = (pt_rule_t) {
        .next = strip->rules, .x = x, .y = y, .width = width,
        .thickness = PT_HAIRLINE
    };
    strip->rules = rule;

    return rule;
}


/* a new strip at the end, empty */
static pt_strip_t *
pt_flow_strip(pt_flow_t *flow)
{
    void  *strips;
    bool   page_break = false;

    /* an empty strip at the end is a page break that waits */
    if (flow->n > 0 && flow->strips[flow->n - 1].page_break
        && flow->strips[flow->n - 1].height == 0)
    {
        page_break = true;
        flow->n--;
    }

    strips = pt_room_grow(flow->room, flow->strips, flow->n, &flow->cap,
                           sizeof(pt_strip_t));
    if (strips == NULL) {
        return NULL;
    }

    flow->strips = strips;
    flow->strips[flow->n] = (pt_strip_t) { .page_break = page_break };

    return &flow->strips[flow->n++];
}


pt_err_t
pt_flow_row(pt_flow_t *flow, const pt_cell_t *cells, size_t n, bool rule)
{
    size_t        i, first = flow->n;
    int32_t       height = 0;
    pt_err_t      err;
    pt_strip_t  **strips, *last;
    size_t       *counts;

    strips = pt_room_array(flow->room, n, sizeof(pt_strip_t *));
    counts = pt_room_array(flow->room, n, sizeof(size_t));

    if (strips == NULL || counts == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < n; i++) {
        err = pt_flow_cell(flow, &cells[i], &strips[i], &counts[i]);
        if (err != PT_OK) {
            return err;
        }

        height = pt_flow_stack(strips[i], counts[i], NULL) > height
                 ? pt_flow_stack(strips[i], counts[i], NULL) : height;
    }

    err = height <= flow->page.height - flow->page.top - flow->page.bottom
          ? pt_flow_row_whole(flow, strips, counts, n)
          : pt_flow_row_lines(flow, strips, counts, n);

    for (i = 0; err == PT_OK && i < n; i++) {
        err = cells[i].filled ? pt_flow_fill(flow, first, &cells[i]) : PT_OK;
    }

    if (err != PT_OK || !rule || flow->n == first) {
        return err;
    }

    last = &flow->strips[flow->n - 1];

    return pt_flow_hairline(flow, last, cells[0].x,
                            last->height + last->after / 2,
                            cells[n - 1].x + cells[n - 1].width - cells[0].x)
           == NULL ? PT_E_NOMEM : PT_OK;
}


/*
 * Behind a cell of the row whose strips begin with first: up to the middle of
 * the gaps to its neighbours, so that the fills of rows meet.
 */
static pt_err_t
pt_flow_fill(pt_flow_t *flow, size_t first, const pt_cell_t *cell)
{
    pt_strip_t    *strip;
    pt_drawing_t  *drawing;

    drawing = pt_drawing_new(flow->room, NULL, 0, 0);
    if (drawing == NULL) {
        return PT_E_NOMEM;
    }

    for (strip = &flow->strips[first]; strip < &flow->strips[flow->n];
         strip++)
    {
        pt_draw_rect(drawing, 0, -strip->before / 2, cell->width,
                     strip->before / 2 + strip->height + strip->after / 2,
                     cell->fill);

        if (drawing->err != PT_OK
            || pt_flow_picture(flow, strip, drawing->shapes, cell->x, 0)
               == NULL)
        {
            return PT_E_NOMEM;
        }

        drawing->shapes = NULL;
        drawing->last_shape = &drawing->shapes;
    }

    return PT_OK;
}


/* the usual row: one strip, which no page break goes through */
static pt_err_t
pt_flow_row_whole(pt_flow_t *flow, pt_strip_t **strips, const size_t *counts,
    size_t n)
{
    size_t       i;
    pt_strip_t  *strip;

    strip = pt_flow_strip(flow);
    if (strip == NULL) {
        return PT_E_NOMEM;
    }

    /* the last cell first: pieces are pushed to the front */
    for (i = n; i-- > 0; ) {
        if (counts[i] > 0) {
            (void) pt_flow_stack(strips[i], counts[i], strip);
        }
    }

    strip->keep = false;

    return PT_OK;
}


/* a row that no page can hold: the first lines of all cells, the second ... */
static pt_err_t
pt_flow_row_lines(pt_flow_t *flow, pt_strip_t **strips, const size_t *counts,
    size_t n)
{
    bool         more = true;
    size_t       i, k;
    pt_strip_t  *strip;

    for (k = 0; more; k++) {
        strip = pt_flow_strip(flow);
        if (strip == NULL) {
            return PT_E_NOMEM;
        }

        for (i = n, more = false; i-- > 0; ) {
            if (k < counts[i]) {
                pt_flow_merge(strip, &strips[i][k], 0);
                strip->keep = false;
            }

            more |= k + 1 < counts[i];
        }
    }

    return PT_OK;
}


/* the height of strips below each other; into: puts them there, if given */
static int32_t
pt_flow_stack(pt_strip_t *strips, size_t n, pt_strip_t *into)
{
    size_t   i;
    int32_t  y = 0, gap, before, after;

    for (i = 0; i < n; i++) {
        if (i > 0) {
            gap = strips[i - 1].after > strips[i].before
                  ? strips[i - 1].after : strips[i].before;
            y += gap;
        }

        if (into != NULL) {
            before = into->before;
            after = into->after;
            pt_flow_merge(into, &strips[i], y);

            /* only the outer ones are the row's */
            into->before = i == 0 ? into->before : before;
            into->after = i + 1 == n ? into->after : after;
        }

        y += strips[i].height;
    }

    return y;
}


/* all blocks of a cell, one below the other */
static pt_err_t
pt_flow_cell(pt_flow_t *flow, const pt_cell_t *cell, pt_strip_t **ret_strips,
    size_t *ret_n)
{
    void        *grown;
    size_t       i, k, n, count = 0, cap = 0;
    pt_err_t     err;
    pt_strip_t  *strips = NULL, *more;

    for (i = 0; i < cell->n; i++) {
        err = pt_flow_block(flow, &cell->blocks[i], cell->x, cell->width,
                            &more, &n);
        if (err != PT_OK) {
            return err;
        }

        for (k = 0; k < n; k++) {
            grown = pt_room_grow(flow->room, strips, count, &cap,
                                  sizeof(pt_strip_t));
            if (grown == NULL) {
                return PT_E_NOMEM;
            }

            strips = grown;
            strips[count++] = more[k];
        }
    }

    *ret_strips = strips;
    *ret_n = count;

    return PT_OK;
}


/* moves what is in strip to y in into */
static void
pt_flow_merge(pt_strip_t *into, pt_strip_t *strip, int32_t y)
{
    pt_rule_t    **rule;
    pt_piece_t   **piece;
    pt_picture_t **picture;

    for (piece = &strip->pieces; *piece != NULL; piece = &(*piece)->next) {
        (*piece)->baseline += y;
    }

    *piece = into->pieces;
    into->pieces = strip->pieces;

    for (rule = &strip->rules; *rule != NULL; rule = &(*rule)->next) {
        (*rule)->y += y;
    }

    *rule = into->rules;
    into->rules = strip->rules;

    for (picture = &strip->pictures; *picture != NULL;
         picture = &(*picture)->next)
    {
        (*picture)->y += y;
    }

    *picture = into->pictures;
    into->pictures = strip->pictures;

    y += strip->height;
    into->height = y > into->height ? y : into->height;
    into->before = strip->before > into->before ? strip->before : into->before;
    into->after = strip->after > into->after ? strip->after : into->after;
    into->keep |= strip->keep;
}


pt_err_t
pt_flow_rule(pt_flow_t *flow, int32_t x, int32_t width, int32_t thickness,
    int32_t before, int32_t after)
{
    pt_rule_t   *rule;
    pt_strip_t  *strip;

    rule = pt_room_alloc(flow->room, sizeof(pt_rule_t));
    strip = pt_flow_strip(flow);

    if (rule == NULL || strip == NULL) {
        return PT_E_NOMEM;
    }

    rule->x = x;
    rule->width = width;
    rule->thickness = thickness;

    strip->rules = rule;
    strip->height = thickness;
    strip->before = before;
    strip->after = after;

    return PT_OK;
}


pt_err_t
pt_flow_page_break(pt_flow_t *flow)
{
    pt_strip_t  *strip;

    strip = pt_flow_strip(flow);
    if (strip == NULL) {
        return PT_E_NOMEM;
    }

    strip->page_break = true;

    return PT_OK;
}


void
pt_flow_keep_begin(pt_flow_t *flow)
{
    flow->keep_from = flow->n;
    flow->keeping = true;
}


void
pt_flow_keep_end(pt_flow_t *flow)
{
    size_t  i;

    for (i = flow->keep_from; flow->keeping && i + 1 < flow->n; i++) {
        flow->strips[i].keep = true;
    }

    flow->keeping = false;
}


void
pt_flow_head(pt_flow_t *flow, size_t first, size_t n_head)
{
    size_t  i;

    for (i = first; i < flow->n; i++) {
        if (i < first + n_head) {
            flow->strips[i].keep = true;

        } else {
            flow->strips[i].head = first;
            flow->strips[i].n_head = n_head;
        }
    }
}


pt_err_t
pt_flow_paginate(pt_flow_t *flow)
{
    size_t    i, begin, end;
    int32_t   y, bottom;
    pt_err_t  err;

    bottom = flow->page.height - flow->page.bottom;
    flow->n_repeats = 0;
    flow->pages = 0;

    /* a document without a word has a page too */
    for (begin = 0; begin < flow->n || flow->pages == 0; begin = end) {

        if (flow->pages == PT_FLOW_PAGES_MAX) {
            return PT_E_TOO_LARGE;
        }

        flow->pages++;
        y = flow->page.top;

        if (begin < flow->n) {
            err = pt_flow_repeat(flow, begin, &y);
            if (err != PT_OK) {
                return err;
            }
        }

        end = pt_flow_page_end(flow, begin, y, bottom);

        for (i = begin; i < end; i++) {
            y += i > begin ? pt_flow_gap(flow, i) : 0;
            flow->strips[i].page = flow->pages;
            flow->strips[i].y = y;
            y += flow->strips[i].height;
        }
    }

    return PT_OK;
}


/* the strip with which the next page begins */
static size_t
pt_flow_page_end(const pt_flow_t *flow, size_t begin, int32_t y,
    int32_t bottom)
{
    size_t  i, end;

    for (i = begin; i < flow->n; i++) {

        if (i > begin && flow->strips[i].page_break) {
            return i;
        }

        y += (i > begin ? pt_flow_gap(flow, i) : 0) + flow->strips[i].height;

        if (y > bottom) {
            break;
        }
    }

    if (i == flow->n) {
        return i;
    }

    for (end = i; end > begin; end--) {
        if (!flow->strips[end - 1].keep) {
            return end;
        }
    }

    /* a group that no page can hold breaks where the page is full */
    return i > begin ? i : begin + 1;
}


static int32_t
pt_flow_gap(const pt_flow_t *flow, size_t i)
{
    const pt_strip_t  *a = &flow->strips[i - 1], *b = &flow->strips[i];

    return a->after > b->before ? a->after : b->before;
}


/* the head of the table that a page begins in the middle of */
static pt_err_t
pt_flow_repeat(pt_flow_t *flow, size_t begin, int32_t *y)
{
    void              *repeats;
    size_t             i;
    const pt_strip_t  *strip = &flow->strips[begin], *head;

    for (i = strip->head; i < strip->head + strip->n_head; i++) {
        repeats = pt_room_grow(flow->room, flow->repeats, flow->n_repeats,
                                &flow->repeats_cap, sizeof(pt_repeat_t));
        if (repeats == NULL) {
            return PT_E_NOMEM;
        }

        head = &flow->strips[i];
        flow->repeats = repeats;
        flow->repeats[flow->n_repeats++] = (pt_repeat_t) {
            .strip = i, .page = flow->pages, .y = *y
        };

        *y += head->height + head->after;
    }

    return PT_OK;
}


pt_err_t
pt_flow_running(pt_flow_t *flow, const pt_running_t *running, unsigned page,
    pt_piece_t **ret_pieces)
{
    size_t       i;
    int32_t      measure = pt_flow_measure(flow), widths[3], left;
    pt_err_t     err;
    pt_piece_t  *piece, *pieces = NULL;

    const struct {
        pt_str_t    text;
        pt_align_t  align;
    } parts[] = {
        { running->center, PT_ALIGN_CENTER },
        { running->right, PT_ALIGN_RIGHT },
        { running->left, PT_ALIGN_LEFT },
    };

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        widths[i] = 0;

        if (parts[i].text.len == 0) {
            continue;
        }

        /* the center first, then the right; the left has what they leave */
        left = i == 0 ? measure
               : widths[0] > 0 ? (measure - widths[0]) / 2 - running->style.size
               : i == 1 ? measure / 2
               : widths[1] > 0 ? measure - widths[1] - running->style.size : measure;

        if (left < measure / 8) {
            continue;
        }

        err = pt_flow_running_part(flow, running, parts[i].text,
                                   parts[i].align, left, page, &piece);
        if (err != PT_OK) {
            return err;
        }

        widths[i] = piece->line->width;

        piece->next = pieces;
        pieces = piece;
    }

    *ret_pieces = pieces;

    return PT_OK;
}


static pt_err_t
pt_flow_running_part(pt_flow_t *flow, const pt_running_t *running,
    pt_str_t text, pt_align_t align, int32_t width, unsigned page,
    pt_piece_t **ret_piece)
{
    size_t           i, n;
    pt_buf_t         buf;
    pt_err_t         err;
    pt_run_t         run = { 0 };
    pt_piece_t      *piece;
    pt_textline_t   *line;
    pt_para_style_t  style = running->style;

    pt_buf_init(&buf, &pt_mem_heap, text.len * 10 + 16);

    for (i = 0; i < text.len; i++) {
        if (text.data[i] == PT_RUNNING_PAGE) {
            pt_buf_printf(&buf, "%u", page);

        } else if (text.data[i] == PT_RUNNING_PAGES) {
            pt_buf_printf(&buf, "%u", flow->pages);

        } else {
            pt_buf_add_char(&buf, text.data[i]);
        }
    }

    style.align = align;
    style.hyphen = NULL;
    style.width = width;
    run.text = pt_buf_str(&buf);

    err = buf.err != PT_OK ? buf.err
          : pt_para_set(&run, 1, &style, flow->room, &line, &n);
    pt_buf_done(&buf);

    if (err != PT_OK) {
        return err;
    }

    piece = pt_room_alloc(flow->room, sizeof(pt_piece_t));
    if (piece == NULL) {
        return PT_E_NOMEM;
    }

    /* one line: what does not fit is not shown */
    line->next = NULL;
    piece->line = line;
    piece->x = align == PT_ALIGN_RIGHT ? pt_flow_measure(flow) - width
               : align == PT_ALIGN_CENTER ? (pt_flow_measure(flow) - width) / 2
               : 0;
    piece->baseline = running->y;
    *ret_piece = piece;

    return PT_OK;
}
