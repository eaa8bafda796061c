/*
 * Flow: paragraphs, rows of columns and rules become strips, strips become
 * pages.
 *
 * A strip is what no page break goes through: a line of text, or the lines of
 * a row's columns beside each other.  Each says whether a page may end after
 * it, and that is all that keeping headings, single lines and signatures
 * together takes.
 */

#ifndef PT_FLOW_H
#define PT_FLOW_H

#include "pt_draw.h"


/* a document of more pages is a mistake of its parameters */
#define PT_FLOW_PAGES_MAX  2000


typedef struct {
    int32_t           width, height;
    int32_t           top, right, bottom, left;    /* margins */
} pt_page_t;


/* a paragraph, and how it stands among others */
typedef struct {
    const pt_run_t   *runs;
    size_t            n;
    pt_drawing_t     *drawing;       /* instead of text; once in a flow */
    pt_color_t        color;
    pt_para_style_t   style;         /* width is set by the flow */
    int32_t           leading;       /* from baseline to baseline */
    int32_t           indent;        /* of the text, from the column's left */
    int32_t           indent_right;

    const pt_run_t   *label;         /* "1.1", at label_indent; or NULL */
    size_t            n_label;
    int32_t           label_indent;

    int32_t           before, after; /* the larger of two neighbours counts */
    bool              keep_next;     /* with the first lines of what follows */
    bool              keep_together;
    bool              overline;      /* a hairline above: here one signs */

    unsigned          target;        /* links lead here; 0: none */
    unsigned          outline;       /* level of the bookmark; 0: none */
    pt_str_t          title;         /* of the bookmark */
} pt_block_t;


/* a line drawn across its column */
typedef struct pt_rule_s  pt_rule_t;

struct pt_rule_s {
    pt_rule_t        *next;
    int32_t           x, y, width;   /* y down from the strip's top */
    int32_t           thickness;
};


/* shapes at their place in a strip, below its rules and text */
typedef struct pt_picture_s  pt_picture_t;

struct pt_picture_s {
    pt_picture_t     *next;
    const pt_shape_t *shapes;
    int32_t           x, y;
    pt_str_t          alt;           /* absent: decoration */
};


/* a line of text at its place in a strip */
typedef struct pt_piece_s  pt_piece_t;

struct pt_piece_s {
    pt_piece_t       *next;
    pt_textline_t    *line;
    int32_t           x;
    int32_t           baseline;      /* down from the strip's top */
    pt_color_t        color;
};


typedef struct {
    pt_piece_t       *pieces;
    pt_rule_t        *rules;
    pt_picture_t     *pictures;
    int32_t           height;
    int32_t           before, after;
    bool              keep;          /* no page ends after it */
    bool              page_break;    /* a page begins with it */

    unsigned          target;
    unsigned          outline;
    pt_str_t          title;

    size_t            head, n_head;  /* strips repeated above it on a new page */

    unsigned          page;          /* of pt_flow_paginate(): from 1 */
    int32_t           y;             /* its top, down from the page's top */
} pt_strip_t;


/* a strip of a table's head that a later page repeats */
typedef struct {
    size_t            strip;
    unsigned          page;
    int32_t           y;
} pt_repeat_t;


/* in the texts of a running line; no text that can be set has them */
#define PT_RUNNING_PAGE   '\1'
#define PT_RUNNING_PAGES  '\2'

typedef struct {
    pt_str_t          left, center, right;
    pt_para_style_t   style;
    int32_t           y;             /* baseline, down from the page's top */
    int32_t           rule_y;        /* 0: no rule */
} pt_running_t;


typedef struct {
    pt_room_t       *room;
    pt_page_t         page;
    pt_running_t      header, footer;
    pt_running_t      notice;        /* a third line, anywhere */
    pt_running_t      watermark;     /* its center: large and grey, from corner
                                      * to corner below the text */

    pt_strip_t       *strips;
    size_t            n;
    size_t            cap;

    pt_repeat_t      *repeats;
    size_t            n_repeats;
    size_t            repeats_cap;

    unsigned          pages;
    size_t            keep_from;     /* first strip of an open group */
    bool              keeping;
} pt_flow_t;


typedef struct {
    int32_t           x, width;      /* from the text area's left */
    const pt_block_t *blocks;
    size_t            n;
    bool              filled;        /* behind the text, as high as the row */
    pt_color_t        fill;
} pt_cell_t;


void pt_flow_init(pt_flow_t *flow, pt_room_t *room, const pt_page_t *page);

/* Errors of all: PT_E_NOMEM, PT_E_TOO_LARGE */
PT_MUST_CHECK pt_err_t pt_flow_para(pt_flow_t *flow, const pt_block_t *block);

/*
 * Columns beside each other, in one strip; in one for each line where no page
 * can hold them.  rule: a hairline under the row.
 */
PT_MUST_CHECK pt_err_t pt_flow_row(pt_flow_t *flow, const pt_cell_t *cells,
    size_t n, bool rule);

/* a line over part of the measure, in a strip of its own */
PT_MUST_CHECK pt_err_t pt_flow_rule(pt_flow_t *flow, int32_t x, int32_t width,
    int32_t thickness, int32_t before, int32_t after);

/* what is added next begins a page */
PT_MUST_CHECK pt_err_t pt_flow_page_break(pt_flow_t *flow);

/* what is added between stays on one page if a page can hold it */
void pt_flow_keep_begin(pt_flow_t *flow);
void pt_flow_keep_end(pt_flow_t *flow);

/* strips from first up to now are the head of those that follow it */
void pt_flow_head(pt_flow_t *flow, size_t first, size_t n_head);

/* gives each strip its page and place */
PT_MUST_CHECK pt_err_t pt_flow_paginate(pt_flow_t *flow);

/* the lines of header and footer of a page, at most six, y in their baseline */
PT_MUST_CHECK pt_err_t pt_flow_running(pt_flow_t *flow,
    const pt_running_t *running, unsigned page, pt_piece_t **ret_pieces);

static inline int32_t
pt_flow_measure(const pt_flow_t *flow)
{
    return flow->page.width - flow->page.left - flow->page.right;
}


#endif /* PT_FLOW_H */
