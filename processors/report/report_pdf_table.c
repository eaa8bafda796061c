/* Tables of the PDF: columns as wide as their cells, groups, totals. */

#include <string.h>

#include "report_pdf.h"


#define REPORT_GOOD_FILL     0xdff3ec
#define REPORT_BAD_FILL      0xfbe6dc

/* texts that ask for more than the first ones wrap; numbers never do */
#define REPORT_SAMPLE_ROWS   100
#define REPORT_COLUMN_MIN    (28 * PT_POINT)
#define REPORT_CELL_MIN      (5 * PT_POINT)      /* of the letters */


/* a table while it is laid out */
typedef struct {
    const report_table_t  *table;
    const pt_json_t       *section;    /* NULL: rows behind a chart */
    size_t                *columns;
    size_t                 n;
    int32_t               *widths;
    int32_t                size;       /* of the letters */
    uint64_t               rows;       /* to be shown */
    size_t                 group;      /* a column, or n_columns: none */
    size_t                 first;      /* strip of its head */
    report_decimal_t      *sums;       /* of the group */
} report_layout_t;


static pt_err_t report_pdf_widths(report_pdf_t *p, report_layout_t *layout);
static bool report_pdf_whole(const report_layout_t *layout, size_t i);
static void report_pdf_scale(report_layout_t *layout, int64_t room,
    int64_t asked);
static void report_pdf_share(report_layout_t *layout, int64_t room,
    int64_t asked);
static int32_t report_pdf_width(report_pdf_t *p, report_layout_t *layout,
    size_t column);
static int32_t report_pdf_number_width(report_pdf_t *p,
    report_layout_t *layout, size_t column);
static void report_pdf_stretch(report_figure_t *ends, report_decimal_t value);
static pt_err_t report_pdf_rows(report_pdf_t *p, report_layout_t *layout);
static pt_err_t report_pdf_row(report_pdf_t *p, report_layout_t *layout,
    uint64_t row);
static pt_err_t report_pdf_sum_row(report_pdf_t *p, report_layout_t *layout,
    pt_str_t label, const report_decimal_t *sums);
static bool report_pdf_has_totals(const report_layout_t *layout);
static pt_err_t report_pdf_cells(report_pdf_t *p, report_layout_t *layout,
    const pt_str_t *texts, const int *marks, unsigned style, bool rule);


pt_err_t
report_pdf_table(report_pdf_t *p, const report_table_t *table,
    const pt_json_t *section, uint64_t rows)
{
    size_t           i;
    pt_err_t         err;
    pt_str_t        *heads;
    report_layout_t  layout = {
        .table = table, .section = section, .rows = rows,
        .size = REPORT_CELL,
        .group = report_column(table, pt_json_string(section, "group",
                                                     PT_STR("")))
    };

    err = report_view_columns(p->view, table, section, &layout.columns,
                              &layout.n);
    if (err != PT_OK) {
        return err;
    }

    layout.widths = pt_room_array(p->room, layout.n, sizeof(int32_t));
    layout.sums = pt_room_array(p->room, table->n_columns,
                                sizeof(report_decimal_t));
    heads = pt_room_array(p->room, layout.n, sizeof(pt_str_t));

    if (layout.widths == NULL || layout.sums == NULL || heads == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < layout.n; i++) {
        heads[i] = report_view_clean(p->view,
                                     table->columns[layout.columns[i]].title);
    }

    err = report_pdf_widths(p, &layout);
    if (err != PT_OK) {
        return err;
    }

    layout.first = p->flow.n;

    err = report_pdf_cells(p, &layout, heads, NULL, PT_STYLE_BOLD, true);

    return err == PT_OK ? report_pdf_rows(p, &layout) : err;
}


/*
 * As wide as they want to be.  Where the page has no room for that, texts
 * wrap; then all letters become smaller: a number that goes on in the next
 * line is read as two.
 */
static pt_err_t
report_pdf_widths(report_pdf_t *p, report_layout_t *layout)
{
    size_t   i;
    int64_t  room, texts = 0, numbers = 0, least = 0, all;

    room = pt_flow_measure(&p->flow) - (int64_t) (layout->n - 1) * REPORT_GAP;

    for (i = 0; i < layout->n; i++) {
        layout->widths[i] = report_pdf_width(p, layout, layout->columns[i]);

        if (report_pdf_whole(layout, i)) {
            numbers += layout->widths[i];

        } else {
            texts += layout->widths[i];
            least += REPORT_COLUMN_MIN;
        }
    }

    all = numbers + texts;

    if (all <= room) {
        /* narrow tables are let out a little, not torn over the page */
        report_pdf_scale(layout, room > all * 3 / 2 ? all * 3 / 2 : room, all);

    } else if (numbers + least <= room) {
        report_pdf_share(layout, room - numbers, texts);

    } else {
        report_pdf_share(layout, least, texts);
        report_pdf_scale(layout, room, numbers + least);
        layout->size = (int32_t) (REPORT_CELL * room / (numbers + least));
    }

    for (i = 0; i < layout->n; i++) {
        if (layout->widths[i] < 8 * PT_POINT) {
            return report_fail(p->r, PT_E_PARAMETERS, "dataset \"%.*s\" has too"
                               " many columns for a page",
                               PT_STR_ARG(layout->table->dataset->name));
        }
    }

    layout->size = layout->size < REPORT_CELL_MIN ? REPORT_CELL_MIN
                   : layout->size;

    return p->ruler->err;
}


/* whether what stands in a column is not torn apart */
static bool
report_pdf_whole(const report_layout_t *layout, size_t i)
{
    const report_column_t  *c = &layout->table->columns[layout->columns[i]];

    return c->numeric || c->format >= REPORT_DATE;
}


static void
report_pdf_scale(report_layout_t *layout, int64_t room, int64_t asked)
{
    size_t  i;

    for (i = 0; i < layout->n; i++) {
        layout->widths[i] = (int32_t) (layout->widths[i] * room / asked);
    }
}


/* among the columns of texts alone */
static void
report_pdf_share(report_layout_t *layout, int64_t room, int64_t asked)
{
    size_t  i;

    for (i = 0; i < layout->n; i++) {
        if (!report_pdf_whole(layout, i)) {
            layout->widths[i] = (int32_t) (layout->widths[i] * room / asked);
        }
    }
}


static int32_t
report_pdf_width(report_pdf_t *p, report_layout_t *layout, size_t column)
{
    int32_t                 width, widest, most;
    uint64_t                i;
    const report_column_t  *c = &layout->table->columns[column];

    most = pt_flow_measure(&p->flow) / 2;
    widest = pt_draw_measure(p->ruler, report_view_clean(p->view, c->title),
                             PT_STYLE_BOLD, REPORT_CELL);

    /* a title of several words may wrap */
    widest = memchr(c->title.data, ' ', c->title.len) != NULL
             ? widest * 2 / 3 : widest;

    for (i = 0; i < layout->rows && i < REPORT_SAMPLE_ROWS; i++) {
        width = pt_draw_measure(p->ruler,
                    report_view_cell(p->view, c, report_cell(layout->table, i,
                                                             column)),
                    c->total ? PT_STYLE_BOLD : 0, REPORT_CELL);
        widest = width > widest ? width : widest;
    }

    if (c->numeric) {
        width = report_pdf_number_width(p, layout, column);
        widest = width > widest ? width : widest;
    }

    widest = widest < REPORT_COLUMN_MIN ? REPORT_COLUMN_MIN : widest;

    return widest > most ? most : widest;
}


/* of the least and the greatest of all rows, subtotals and the total */
static int32_t
report_pdf_number_width(report_pdf_t *p, report_layout_t *layout,
    size_t column)
{
    bool                    cents = false;
    size_t                  k;
    int32_t                 width, widest = 0;
    uint64_t                i;
    pt_str_t                cell;
    report_figure_t         ends[2] = { { .known = true }, { .known = true } };
    report_decimal_t        value, sum = 0;
    const report_column_t  *c = &layout->table->columns[column];

    report_pdf_stretch(ends, c->sum);

    for (i = 0; i < layout->rows; i++) {
        cell = report_cell(layout->table, i, column);

        if (cell.data != NULL && report_decimal_read(cell, &value) == PT_OK
            && report_decimal_add(&sum, value) == PT_OK)
        {
            report_pdf_stretch(ends, value);
            cents |= value % REPORT_DECIMAL_ONE != 0;
        }

        if (report_view_group_ends(layout->table, layout->group, i)) {
            report_pdf_stretch(ends, c->total ? sum : 0);
            sum = 0;
        }
    }

    for (k = 0; k < 2; k++) {

        /* whole amounts of money are written shorter than others */
        if (cents && ends[k].value % REPORT_DECIMAL_ONE == 0) {
            ends[k].value += (k == 0 ? -1 : 1) * REPORT_DECIMAL_ONE / 2;
        }

        width = pt_draw_measure(p->ruler,
                                report_view_figure(p->view, c->format,
                                                   &ends[k]),
                                c->total ? PT_STYLE_BOLD : 0, REPORT_CELL);
        widest = width > widest ? width : widest;
    }

    return widest;
}


static void
report_pdf_stretch(report_figure_t *ends, report_decimal_t value)
{
    ends[0].value = value < ends[0].value ? value : ends[0].value;
    ends[1].value = value > ends[1].value ? value : ends[1].value;
}


static pt_err_t
report_pdf_rows(report_pdf_t *p, report_layout_t *layout)
{
    size_t            k;
    uint64_t          i;
    pt_err_t          err = PT_OK;
    pt_str_t          name;
    report_decimal_t *all;

    if (layout->rows == 0) {
        return report_pdf_para(p, PT_STR("No rows."), PT_STYLE_ITALIC,
                               REPORT_CELL, REPORT_INK_LIGHT, PT_MM, 0);
    }

    for (i = 0; i < layout->rows && err == PT_OK; i++) {
        err = report_pdf_row(p, layout, i);

        if (err == PT_OK
            && report_view_group_ends(layout->table, layout->group, i))
        {
            name = report_view_cell(p->view,
                                    &layout->table->columns[layout->group],
                                    report_cell(layout->table, i,
                                                layout->group));
            err = report_pdf_sum_row(p, layout, name, layout->sums);
            memset(layout->sums, 0,
                   layout->table->n_columns * sizeof(report_decimal_t));
        }
    }

    if (err == PT_OK && report_pdf_has_totals(layout)) {
        all = pt_room_array(p->room, layout->table->n_columns,
                            sizeof(report_decimal_t));
        if (all == NULL) {
            return PT_E_NOMEM;
        }

        for (k = 0; k < layout->table->n_columns; k++) {
            all[k] = layout->table->columns[k].sum;
        }

        err = report_pdf_sum_row(p, layout, PT_STR("Total"), all);
    }

    if (err == PT_OK) {
        pt_flow_head(&p->flow, layout->first, 1);
    }

    return err;
}


static pt_err_t
report_pdf_row(report_pdf_t *p, report_layout_t *layout, uint64_t row)
{
    int                    *marks;
    size_t                  i, column;
    pt_str_t               *texts, cell;
    pt_err_t                err = PT_OK;
    report_decimal_t        value;
    const report_column_t  *c;

    texts = pt_room_array(p->room, layout->n, sizeof(pt_str_t));
    marks = pt_room_array(p->room, layout->n, sizeof(int));

    if (texts == NULL || marks == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < layout->n && err == PT_OK; i++) {
        column = layout->columns[i];
        c = &layout->table->columns[column];
        cell = report_cell(layout->table, row, column);
        texts[i] = report_view_cell(p->view, c, cell);

        if (texts[i].data == NULL) {
            return PT_E_NOMEM;
        }

        marks[i] = layout->section == NULL ? 0
                   : report_view_highlight(layout->section, c, cell);

        if (c->total && cell.data != NULL
            && report_decimal_read(cell, &value) == PT_OK)
        {
            err = report_decimal_add(&layout->sums[column], value);
        }
    }

    return err == PT_OK
           ? report_pdf_cells(p, layout, texts, marks, 0, false)
           : err;
}


static bool
report_pdf_has_totals(const report_layout_t *layout)
{
    size_t  i;

    for (i = 0; i < layout->n; i++) {
        if (layout->table->columns[layout->columns[i]].total) {
            return true;
        }
    }

    return false;
}


static pt_err_t
report_pdf_sum_row(report_pdf_t *p, report_layout_t *layout, pt_str_t label,
    const report_decimal_t *sums)
{
    size_t                  i;
    pt_str_t               *texts;
    report_figure_t         figure = { .known = true };
    const report_column_t  *c;

    texts = pt_room_array(p->room, layout->n, sizeof(pt_str_t));
    if (texts == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < layout->n; i++) {
        c = &layout->table->columns[layout->columns[i]];
        figure.value = sums[layout->columns[i]];
        texts[i] = c->total ? report_view_figure(p->view, c->format, &figure)
                   : i == 0 ? label : PT_STR("");
    }

    return report_pdf_cells(p, layout, texts, NULL, PT_STYLE_BOLD, true);
}


/* marks: as report_view_highlight() has them, or NULL */
static pt_err_t
report_pdf_cells(report_pdf_t *p, report_layout_t *layout,
    const pt_str_t *texts, const int *marks, unsigned style, bool rule)
{
    size_t                  i;
    int32_t                 x = 0;
    pt_run_t               *runs;
    pt_cell_t              *cells;
    pt_block_t             *blocks;
    const report_column_t  *c;

    runs = pt_room_array(p->room, layout->n, sizeof(pt_run_t));
    cells = pt_room_array(p->room, layout->n, sizeof(pt_cell_t));
    blocks = pt_room_array(p->room, layout->n, sizeof(pt_block_t));

    if (runs == NULL || cells == NULL || blocks == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < layout->n; i++) {
        c = &layout->table->columns[layout->columns[i]];
        runs[i] = (pt_run_t) { .text = texts[i], .style = style };
        blocks[i] = report_pdf_block(p, &runs[i], layout->size);
        blocks[i].style.align = c->numeric ? PT_ALIGN_RIGHT : PT_ALIGN_LEFT;
        blocks[i].before = blocks[i].after = rule ? 4 * PT_POINT
                                             : 2 * PT_POINT;

        cells[i] = (pt_cell_t) {
            .x = x, .width = layout->widths[i], .blocks = &blocks[i], .n = 1
        };

        if (marks != NULL && marks[i] != 0) {
            cells[i].filled = true;
            cells[i].fill = marks[i] > 0 ? REPORT_GOOD_FILL : REPORT_BAD_FILL;
            blocks[i].color = marks[i] > 0 ? REPORT_GOOD : REPORT_BAD;
        }

        x += layout->widths[i] + REPORT_GAP;
    }

    return pt_flow_row(&p->flow, cells, layout->n, rule);
}
