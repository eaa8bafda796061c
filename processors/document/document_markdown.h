/*
 * Markdown (CommonMark with tables, by md4c) becomes the blocks of a contract:
 * clauses with their numbers, cross-references resolved.
 *
 *     # Title                      not numbered
 *     ## Definitions               1.
 *     1. In this Agreement         1.1
 *        1. a first                (a)
 *           1. and below           (i)
 *     ## Parties <!-- unnumbered -->
 *     ## Purpose <!-- #purpose -->     [clause](#purpose) becomes "clause 2"
 *     [words](https://a.example)       http, https and mailto; <mailto:a@b.c>
 *     <!-- page break -->    <!-- signatures -->
 *     ![Poster of the film](poster)    or <!-- image poster Poster of ... -->
 *     <!-- chart budget.lines Budget by department -->
 *
 * Comments carry the directives because no value can ever become one: its
 * "<" is escaped.  Any other HTML is an error.
 */

#ifndef DOCUMENT_MARKDOWN_H
#define DOCUMENT_MARKDOWN_H

#include "pt_flow.h"


/* items in items: 1.1, (a), (i), (A) */
#define DOCUMENT_LEVELS  4

#define DOCUMENT_COLUMNS_MAX   16     /* of a table */


typedef enum {
    DOCUMENT_HEADING = 0,
    DOCUMENT_PARAGRAPH,
    DOCUMENT_ROW,               /* of a table: its cells are the runs */
    DOCUMENT_RULE,
    DOCUMENT_PAGE_BREAK,
    DOCUMENT_SIGNATURES,
    DOCUMENT_IMAGE,             /* label: the parameter; runs: what it shows */
    DOCUMENT_CHART
} document_block_type_t;


typedef struct document_block_s  document_block_t;

struct document_block_s {
    document_block_t      *next;
    document_block_type_t  type;

    pt_run_t              *runs;
    size_t                 n;
    size_t                 cap;

    unsigned               level;     /* of a heading, 1 .. 6; of an item, 1 .. */
    bool                   in_clause; /* below a numbered heading */
    bool                   quote;
    pt_str_t               label;     /* "1.", "1.1", "(a)"; absent: none */
    bool                   unnumbered;
    unsigned               target;    /* of cross-references; 0: none */

    document_block_t      *cells;     /* of a row */
    size_t                 n_cells;
    bool                   head;      /* a row of the table's head */
    pt_align_t             align;     /* of a cell */

    pt_drawing_t          *drawing;   /* of image and chart, once laid out */
    pt_str_t               bytes;     /* an image's file */
};


typedef struct {
    document_block_t      *blocks;
    size_t                 words;
} document_content_t;


/*
 * Reads text; everything lives in the room.
 *
 * ret_error  what is wrong, terminated, at most size bytes
 * Errors     PT_E_INVALID (HTML, a link to nowhere), PT_E_NOMEM,
 *            PT_E_TOO_LARGE
 */
PT_MUST_CHECK pt_err_t document_markdown_read(pt_str_t text,
    pt_room_t *room, document_content_t *ret_content, char *ret_error,
    size_t size);

/*
 * The escape function of a value in Markdown: it becomes text and nothing
 * else, on one line, without white space around it.
 */
void document_escape_markdown(pt_buf_t *out, pt_str_t text);

/* a part of text: without white space around it, Unicode's too */
pt_str_t document_trim(pt_str_t text);


#endif /* DOCUMENT_MARKDOWN_H */
