/* Tables: how wide their columns are, and their rows. */

#include "document_render.h"


/* of each run, in bytes: enough to see that it is long */
#define DOCUMENT_CELL_TEXT       160

#define DOCUMENT_ROWS_KEPT       7       /* the head and six more */


static pt_err_t document_lay_columns(document_rendering_t *r,
    const document_block_t *row);
static bool document_table_wants(document_rendering_t *r,
    const document_block_t *row, int32_t *wants);
static void document_keep_rows(document_rendering_t *r);
static int32_t document_cell_width(document_rendering_t *r,
    const document_block_t *cell, bool head);


/* the head is bold, with a line below each row */
pt_err_t
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

        err = document_lay_columns(r, block);
        if (err != PT_OK) {
            return err;
        }
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
 * Each column gets what its widest cell takes, and the rest is shared.  Where
 * that is more than the measure, the narrow ones keep theirs and the others
 * share what is left: a long text does not starve the numbers beside it.
 */
static pt_err_t
document_lay_columns(document_rendering_t *r, const document_block_t *row)
{
    bool     kept[DOCUMENT_COLUMNS_MAX] = { false }, more;
    size_t   i, n = row->n_cells, wide = n;
    int32_t  wants[DOCUMENT_COLUMNS_MAX] = { 0 };
    int64_t  left = pt_flow_measure(&r->flow), sum = 0;

    if (!document_table_wants(r, row, wants)) {
        return PT_E_NOMEM;
    }

    do {
        more = false;

        for (i = 0; i < n; i++) {
            if (!kept[i] && wants[i] <= left / (int64_t) wide && wide > 1) {
                kept[i] = more = true;
                left -= wants[i];
                wide--;
            }
        }
    } while (more);

    for (i = 0; i < n; i++) {
        wants[i] = kept[i] || wants[i] < left / (int64_t) wide
                   ? wants[i] : (int32_t) (left / (int64_t) wide);
        sum += wants[i];
    }

    left = pt_flow_measure(&r->flow);

    for (i = 0; i < n; i++) {
        r->columns[i + 1] = r->columns[i]
                            + (int32_t) (left * wants[i] / sum);
    }

    return PT_OK;
}


/* the widest cell of each column, with the gap beside it; false: no memory */
static bool
document_table_wants(document_rendering_t *r, const document_block_t *row,
    int32_t *wants)
{
    size_t                   i;
    int32_t                  width;
    const document_block_t  *b;

    for (b = row; b != NULL && b->type == DOCUMENT_ROW
                  && (b == row || !b->head); b = b->next)
    {
        for (i = 0; i < b->n_cells && i < row->n_cells; i++) {
            width = document_cell_width(r, &b->cells[i], b->head)
                    + DOCUMENT_GAP / 2;

            if (width <= 0) {
                return false;
            }

            wants[i] = width > wants[i] ? width : wants[i];
        }
    }

    return true;
}


/* as if it were one line; more than a few words' worth is wide enough */
static int32_t
document_cell_width(document_rendering_t *r, const document_block_t *cell,
    bool head)
{
    size_t            i, k;
    int64_t           width = 0;
    unsigned          len;
    pt_str_t          text;
    pt_font_t        *font;
    const pt_word_t  *word;

    for (i = 0; i < cell->n; i++) {
        text = cell->runs[i].text;
        if (text.len == 0) {
            continue;
        }

        font = pt_typeface_font(&r->template->body, cell->runs[i].style
                                | (head ? PT_STYLE_BOLD : 0), ' ');

        for (k = 0; k < text.len && k < DOCUMENT_CELL_TEXT; k += len) {
            (void) pt_utf8_get(text.data + k, &len);
        }

        word = pt_font_shape(font, (pt_str_t) { text.data, k }, &r->room);
        if (word == NULL) {
            return INT32_MIN;
        }

        width += (int64_t) word->width * r->template->size / 1000;
    }

    k = (size_t) pt_flow_measure(&r->flow);

    return width < (int64_t) k ? (int32_t) width + 1 : (int32_t) k;
}


/* what stands around a table keeps some distance */
void
document_end_table(document_rendering_t *r)
{
    if (r->in_table) {
        pt_flow_head(&r->flow, r->table, r->table_head);
        r->in_table = false;

        document_keep_rows(r);

        if (r->flow.n > r->table) {
            r->flow.strips[r->table].before += r->template->leading / 4;
            r->flow.strips[r->flow.n - 1].after += r->template->leading / 2;
        }
    }
}


/* a short table stays whole, of a longer one no row stands alone */
static void
document_keep_rows(document_rendering_t *r)
{
    size_t       first = r->table + r->table_head, n = r->flow.n;
    pt_strip_t  *strips = r->flow.strips;

    if (n - r->table <= DOCUMENT_ROWS_KEPT) {
        r->flow.keep_from = r->table;
        r->flow.keeping = true;
        pt_flow_keep_end(&r->flow);

    } else if (n - first >= 4) {
        strips[first].keep = true;
        strips[n - 2].keep = true;
    }
}
