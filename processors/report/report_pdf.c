/*
 * PDF: cover, contents, sections, the rows behind the charts.
 *
 * The contents come before the pages are known: their lines are laid out
 * without numbers, which are put in after pagination and change no line.
 */

#include <stdio.h>
#include <string.h>

#include "pt_pdf.h"
#include "report_pdf.h"


#define REPORT_MARGIN        (20 * PT_MM)
#define REPORT_BODY          (9 * PT_POINT)
#define REPORT_CHART_HEIGHT  (190 * PT_POINT)
#define REPORT_SPARK_HEIGHT  (40 * PT_POINT)

#define REPORT_TILES         3                   /* figures beside each other */
#define REPORT_TILE_HEIGHT   (58 * PT_POINT)
#define REPORT_TILE_SINCE    (12 * PT_POINT)

#define REPORT_TILE          0xf2f4f7


static void report_pdf_page(report_pdf_t *p);
static pt_err_t report_pdf_cover(report_pdf_t *p);
static pt_err_t report_pdf_facts(report_pdf_t *p);
static pt_err_t report_pdf_fact(report_pdf_t *p, pt_str_t name,
    pt_str_t value);
static pt_err_t report_pdf_contents(report_pdf_t *p);
static pt_err_t report_pdf_contents_line(report_pdf_t *p, pt_str_t title);
static pt_err_t report_pdf_numbers(report_pdf_t *p);
static pt_err_t report_pdf_sections(report_pdf_t *p);
static pt_err_t report_pdf_section(report_pdf_t *p, const pt_json_t *section);
static pt_err_t report_pdf_heading(report_pdf_t *p, pt_str_t title);
static pt_err_t report_pdf_text(report_pdf_t *p, const pt_json_t *section);
static pt_err_t report_pdf_kpis(report_pdf_t *p, const pt_json_t *section);
static int32_t report_pdf_tile_height(const report_pdf_t *p);
static pt_err_t report_pdf_tile(report_pdf_t *p, pt_drawing_t *drawing,
    const pt_json_t *item, int32_t x, int32_t width);
static pt_err_t report_pdf_chart(report_pdf_t *p, const pt_json_t *section);
static pt_err_t report_pdf_totals(report_pdf_t *p, const pt_json_t *section);
static pt_err_t report_pdf_behind(report_pdf_t *p);


pt_err_t
report_pdf(report_view_t *view, pt_buf_t *buf, unsigned *ret_pages)
{
    pt_err_t       err;
    report_pdf_t   p = { .view = view, .r = view->r, .room = view->room };
    pt_pdf_info_t  info = {
        .title = report_view_clean(view, view->r->definition->title),
        .language = pt_str(view->locale->name),
        .date = view->r->snapshot
    };

    info.date.len = info.date.len < 10 ? info.date.len : 10;

    report_pdf_page(&p);

    p.ruler = pt_drawing_new(p.room, view->typeface, 0, 0);
    if (p.ruler == NULL) {
        return PT_E_NOMEM;
    }

    if ((err = report_pdf_cover(&p)) != PT_OK
        || (err = report_pdf_contents(&p)) != PT_OK
        || (err = report_pdf_sections(&p)) != PT_OK
        || (err = report_pdf_behind(&p)) != PT_OK
        || (err = pt_flow_paginate(&p.flow)) != PT_OK
        || (err = report_pdf_numbers(&p)) != PT_OK)
    {
        return err;
    }

    *ret_pages = p.flow.pages;

    return pt_pdf_write(&p.flow, &info, buf);
}


static void
report_pdf_page(report_pdf_t *p)
{
    pt_page_t        page = {
        .width = 210 * PT_MM, .height = 297 * PT_MM, .top = 25 * PT_MM,
        .right = REPORT_MARGIN, .bottom = 22 * PT_MM, .left = REPORT_MARGIN
    };
    pt_para_style_t  style = {
        .typeface = p->view->typeface, .size = 7 * PT_POINT
    };

    static const char  pages[] = { PT_RUNNING_PAGE, ' ', '/', ' ',
                                   PT_RUNNING_PAGES };

    if (p->view->letter) {
        page.width = 612 * PT_POINT;
        page.height = 792 * PT_POINT;
    }

    pt_flow_init(&p->flow, p->room, &page);

    p->flow.header = (pt_running_t) {
        .left = report_view_clean(p->view, p->r->definition->title),
        .right = p->r->snapshot, .style = style, .y = 15 * PT_MM,
        .rule_y = 17 * PT_MM
    };
    p->flow.footer = (pt_running_t) {
        .right = { pages, sizeof(pages) }, .style = style,
        .y = page.height - 12 * PT_MM
    };
}


static pt_err_t
report_pdf_cover(report_pdf_t *p)
{
    pt_str_t    description;
    pt_err_t    err;
    report_t   *r = p->r;

    description = pt_json_string(r->definition->root, "description",
                                 PT_STR(""));

    err = report_pdf_para(p, r->definition->title, PT_STYLE_BOLD,
                          26 * PT_POINT, PT_BLACK, 60 * PT_MM, 6 * PT_MM);

    if (err == PT_OK && description.len > 0) {
        err = report_pdf_para(p, description, 0, 11 * PT_POINT,
                              REPORT_INK_LIGHT, 0, 10 * PT_MM);
    }

    return err == PT_OK ? report_pdf_facts(p) : err;
}


/* which data: as of when, for whom, by which parameters */
static pt_err_t
report_pdf_facts(report_pdf_t *p)
{
    pt_err_t          err;
    pt_buf_t          buf;
    pt_jsonw_t        w;
    const pt_json_t  *value, *schema;
    report_t         *r = p->r;

    if ((err = report_pdf_fact(p, PT_STR("Data as of"), r->snapshot)) != PT_OK
        || (err = report_pdf_fact(p, PT_STR("Time zone"), r->timezone))
               != PT_OK
        || (err = report_pdf_fact(p, PT_STR("Requested by"),
                                  p->view->requested_by)) != PT_OK)
    {
        return err;
    }

    schema = pt_json_member(pt_json_member(r->definition->root, "parameters"),
                            "properties");

    for (value = r->parameters->first; value != NULL && err == PT_OK;
         value = value->next)
    {
        pt_buf_init(&buf, &pt_mem_heap, 4096);
        pt_jsonw_init(&w, &buf);

        if (value->type != PT_JSON_STRING) {
            pt_jsonw_value(&w, value);

        } else {
            pt_buf_add_str(&buf, value->text);
        }

        if (buf.err == PT_OK) {
            err = report_pdf_fact(p, pt_json_string(
                      pt_json_member_str(schema, value->key), "title",
                      value->key), pt_room_copy(p->room, pt_buf_str(&buf)));
        }

        pt_buf_done(&buf);
    }

    return err;
}


static pt_err_t
report_pdf_fact(report_pdf_t *p, pt_str_t name, pt_str_t value)
{
    pt_run_t    runs[2] = {
        { .text = report_view_clean(p->view, name), .style = PT_STYLE_BOLD },
        { .text = report_view_clean(p->view, value) }
    };
    pt_block_t  blocks[2] = {
        report_pdf_block(p, &runs[0], REPORT_BODY),
        report_pdf_block(p, &runs[1], REPORT_BODY)
    };
    pt_cell_t   cells[2] = {
        { .width = 45 * PT_MM, .blocks = &blocks[0], .n = 1 },
        { .x = 48 * PT_MM, .width = pt_flow_measure(&p->flow) - 48 * PT_MM,
          .blocks = &blocks[1], .n = 1 }
    };

    blocks[0].before = blocks[0].after = 4 * PT_POINT;
    blocks[1].before = blocks[1].after = 4 * PT_POINT;

    return pt_flow_row(&p->flow, cells, 2, true);
}


static pt_err_t
report_pdf_contents(report_pdf_t *p)
{
    bool              behind = false;
    pt_err_t          err;
    pt_str_t          title;
    const pt_json_t  *section;

    err = pt_flow_page_break(&p->flow);

    if (err == PT_OK) {
        err = report_pdf_para(p, PT_STR("Contents"), PT_STYLE_BOLD,
                              14 * PT_POINT, PT_BLACK, 0, 4 * PT_MM);
    }

    for (section = p->r->definition->sections->first;
         section != NULL && err == PT_OK; section = section->next)
    {
        title = pt_json_string(section, "title", PT_STR_NULL);
        behind |= pt_str_is(pt_json_string(section, "type", PT_STR("")),
                            "chart");

        if (title.data != NULL) {
            err = report_pdf_contents_line(p, title);
        }
    }

    if (err == PT_OK && behind) {
        err = report_pdf_contents_line(p, PT_STR("Data behind the charts"));
    }

    return err == PT_OK ? pt_flow_page_break(&p->flow) : err;
}


/* the target is the one that the heading gets when its turn comes */
static pt_err_t
report_pdf_contents_line(report_pdf_t *p, pt_str_t title)
{
    pt_err_t    err;
    pt_run_t    run = {
        .text = report_view_clean(p->view, title),
        .target = (unsigned) p->n_contents + 1
    };
    pt_block_t  block = report_pdf_block(p, &run, REPORT_BODY);

    block.after = 3 * PT_POINT;
    block.indent_right = 15 * PT_MM;

    if (p->n_contents == REPORT_CONTENTS_MAX) {
        return PT_E_TOO_LARGE;
    }

    err = pt_flow_para(&p->flow, &block);

    p->contents[p->n_contents].strip = p->flow.n - 1;
    p->contents[p->n_contents].target = run.target;
    p->n_contents++;

    return err;
}


static pt_err_t
report_pdf_numbers(report_pdf_t *p)
{
    char         text[16];
    size_t       i, k;
    pt_label_t  *label;
    pt_piece_t  *piece;
    pt_strip_t  *strip;

    for (i = 0; i < p->n_contents; i++) {
        for (k = 0; k < p->flow.n
                    && p->flow.strips[k].target != p->contents[i].target; k++)
        {
            /* each has its heading */
        }

        if (k == p->flow.n) {
            continue;
        }

        snprintf(text, sizeof(text), "%u", p->flow.strips[k].page);
        label = pt_draw_text(p->ruler, pt_str(text), 0, REPORT_BODY,
                             pt_flow_measure(&p->flow), 0, PT_ALIGN_RIGHT, 0,
                             PT_BLACK);
        piece = pt_room_alloc(p->room, sizeof(pt_piece_t));

        if (label == NULL || piece == NULL) {
            return PT_E_NOMEM;
        }

        strip = &p->flow.strips[p->contents[i].strip];
        piece->line = label->line;
        piece->x = label->x;
        piece->baseline = strip->pieces->baseline;
        piece->next = strip->pieces->next;
        strip->pieces->next = piece;
    }

    return PT_OK;
}


static pt_err_t
report_pdf_sections(report_pdf_t *p)
{
    pt_err_t          err = PT_OK;
    const pt_json_t  *section;

    for (section = p->r->definition->sections->first;
         section != NULL && err == PT_OK; section = section->next)
    {
        err = report_pdf_section(p, section);
    }

    return err;
}


static pt_err_t
report_pdf_section(report_pdf_t *p, const pt_json_t *section)
{
    pt_err_t               err = PT_OK;
    pt_str_t               type, title;
    const report_table_t  *table;

    type = pt_json_string(section, "type", PT_STR(""));
    title = pt_json_string(section, "title", PT_STR_NULL);

    if (title.data != NULL) {
        err = report_pdf_heading(p, title);
    }

    if (err != PT_OK) {
        return err;
    }

    if (pt_str_is(type, "text")) {
        return report_pdf_text(p, section);
    }

    if (pt_str_is(type, "kpis")) {
        return report_pdf_kpis(p, section);
    }

    if (pt_str_is(type, "chart")) {
        return report_pdf_chart(p, section);
    }

    if (pt_str_is(type, "totals")) {
        return report_pdf_totals(p, section);
    }

    table = report_table(p->r, pt_json_string(section, "dataset",
                                              PT_STR("")));

    return report_pdf_table(p, table, section, table->n_rows);
}


static pt_err_t
report_pdf_heading(report_pdf_t *p, pt_str_t title)
{
    pt_run_t    run = {
        .text = report_view_clean(p->view, title), .style = PT_STYLE_BOLD
    };
    pt_block_t  block = report_pdf_block(p, &run, 13 * PT_POINT);

    block.before = 7 * PT_MM;
    block.after = 2 * PT_MM;
    block.keep_next = true;
    block.target = ++p->targets;
    block.outline = 1;
    block.title = run.text;

    return pt_flow_para(&p->flow, &block);
}


/* paragraphs are parted by empty lines */
static pt_err_t
report_pdf_text(report_pdf_t *p, const pt_json_t *section)
{
    pt_err_t     err;
    pt_str_t     text, para;
    const char  *end;

    err = report_view_text(p->view, section, &text);

    while (err == PT_OK && text.data != NULL && text.len > 0) {
        end = memmem(text.data, text.len, "\n\n", 2);
        para = (pt_str_t) {
            text.data, end != NULL ? (size_t) (end - text.data) : text.len
        };
        text.data += para.len + (end != NULL ? 2 : 0);
        text.len -= para.len + (end != NULL ? 2 : 0);

        if (para.len > 0) {
            err = report_pdf_para(p, para, 0, REPORT_BODY, PT_BLACK, 0,
                                  2 * PT_MM);
        }
    }

    return err;
}


static pt_err_t
report_pdf_kpis(report_pdf_t *p, const pt_json_t *section)
{
    size_t            i = 0;
    int32_t           width = pt_flow_measure(&p->flow);
    int32_t           tile = (width - (REPORT_TILES - 1) * REPORT_GAP)
                             / REPORT_TILES;
    pt_err_t          err;
    pt_block_t        block = { .after = REPORT_GAP };
    const pt_json_t  *item = pt_json_member(section, "items")->first;

    for ( /* void */ ; item != NULL; item = item->next, i++) {

        if (i % REPORT_TILES == 0) {
            block.drawing = pt_drawing_new(p->room, p->view->typeface, width,
                                           report_pdf_tile_height(p));
            if (block.drawing == NULL) {
                return PT_E_NOMEM;
            }
        }

        err = report_pdf_tile(p, block.drawing, item,
                              (int32_t) (i % REPORT_TILES)
                              * (tile + REPORT_GAP), tile);
        if (err != PT_OK) {
            return err;
        }

        if (i % REPORT_TILES == REPORT_TILES - 1 || item->next == NULL) {
            err = pt_flow_para(&p->flow, &block);
            if (err != PT_OK) {
                return err;
            }
        }
    }

    return PT_OK;
}


static int32_t
report_pdf_tile_height(const report_pdf_t *p)
{
    return REPORT_TILE_HEIGHT
           + (p->view->r->last.result != NULL ? REPORT_TILE_SINCE : 0);
}


static pt_err_t
report_pdf_tile(report_pdf_t *p, pt_drawing_t *drawing, const pt_json_t *item,
    int32_t x, int32_t width)
{
    char          change[256];
    int32_t       inner = width - 2 * REPORT_GAP, wide;
    int32_t       size = 17 * PT_POINT;
    pt_err_t      err;
    report_kpi_t  kpi;

    err = report_view_kpi(p->view, item, &kpi);
    if (err != PT_OK) {
        return err;
    }

    pt_draw_rect(drawing, x, 0, width, report_pdf_tile_height(p),
                 REPORT_TILE);

    x += REPORT_GAP;
    pt_draw_text(drawing, kpi.title, 0, REPORT_CELL, x, 14 * PT_POINT,
                 PT_ALIGN_LEFT, inner, REPORT_INK_LIGHT);

    /* a figure that is cut is another figure */
    wide = pt_draw_measure(p->ruler, kpi.value, PT_STYLE_BOLD, size);

    if (wide > inner) {
        size = (int32_t) ((int64_t) size * inner / wide) * 98 / 100;
    }

    pt_draw_text(drawing, kpi.value, PT_STYLE_BOLD, size, x,
                 35 * PT_POINT, PT_ALIGN_LEFT, inner, PT_BLACK);

    if (kpi.previous.data != NULL) {
        snprintf(change, sizeof(change), "%.*s%s%.*s%s",
                 PT_STR_ARG(kpi.change), kpi.change.len > 0 ? " (" : "",
                 PT_STR_ARG(kpi.previous),
                 kpi.change.len > 0 ? " before)" : " before");
        pt_draw_text(drawing, pt_str(change), 0, REPORT_CELL, x, 49 * PT_POINT,
                     PT_ALIGN_LEFT, inner,
                     kpi.good > 0 ? REPORT_GOOD
                     : kpi.good < 0 ? REPORT_BAD : REPORT_INK_LIGHT);
    }

    if (kpi.since.len > 0) {
        pt_draw_text(drawing, kpi.since, 0, REPORT_CELL, x, 61 * PT_POINT,
                     PT_ALIGN_LEFT, inner, REPORT_INK_LIGHT);
    }

    return drawing->err;
}


static pt_err_t
report_pdf_chart(report_pdf_t *p, const pt_json_t *section)
{
    pt_err_t    err;
    pt_block_t  block = { .after = 3 * PT_MM };

    err = report_view_chart(p->view, section, pt_flow_measure(&p->flow),
                            pt_str_is(pt_json_string(section, "kind",
                                                     PT_STR("")), "sparkline")
                            ? REPORT_SPARK_HEIGHT : REPORT_CHART_HEIGHT,
                            &block.drawing);

    return err == PT_OK ? pt_flow_para(&p->flow, &block) : err;
}


/* what it proves: the parts and the whole were counted apart, and agree */
static pt_err_t
report_pdf_totals(report_pdf_t *p, const pt_json_t *section)
{
    pt_err_t          err = PT_OK;
    pt_run_t          runs[3] = { { .style = 0 } };
    pt_cell_t         cells[3];
    pt_block_t        blocks[3];
    report_check_t    total;
    size_t            i;
    int32_t           measure = pt_flow_measure(&p->flow);
    const pt_json_t  *check = pt_json_member(section, "checks")->first;

    for ( /* void */ ; check != NULL && err == PT_OK; check = check->next) {
        err = report_view_check(p->view, check, &total);
        if (err != PT_OK) {
            return err;
        }

        runs[0].text = total.title;
        runs[1].text = total.left;
        runs[2].text = total.right;

        for (i = 0; i < 3; i++) {
            blocks[i] = report_pdf_block(p, &runs[i], REPORT_CELL);
            blocks[i].style.align = i > 0 ? PT_ALIGN_RIGHT : PT_ALIGN_LEFT;
            blocks[i].before = blocks[i].after = 4 * PT_POINT;
            cells[i] = (pt_cell_t) {
                .x = i == 0 ? 0 : measure * (i == 1 ? 6 : 8) / 10,
                .width = i == 0 ? measure * 58 / 100 : measure * 2 / 10,
                .blocks = &blocks[i], .n = 1
            };
        }

        err = pt_flow_row(&p->flow, cells, 3, true);
    }

    return err == PT_OK
           ? report_pdf_para(p, PT_STR("Each pair was counted by two queries"
                                       " in one snapshot of the database, and"
                                       " agrees."), PT_STYLE_ITALIC,
                             REPORT_CELL, REPORT_INK_LIGHT, 2 * PT_MM, 0)
           : err;
}


/* the figures of each chart, for those who cannot see or want to check it */
static pt_err_t
report_pdf_behind(report_pdf_t *p)
{
    char                   note[160];
    bool                   headed = false;
    pt_err_t               err = PT_OK;
    pt_str_t               title;
    const pt_json_t       *section = p->r->definition->sections->first;
    const report_table_t  *table;

    for ( /* void */ ; section != NULL && err == PT_OK;
         section = section->next)
    {
        if (!pt_str_is(pt_json_string(section, "type", PT_STR("")), "chart")) {
            continue;
        }

        if (!headed) {
            headed = true;
            err = pt_flow_page_break(&p->flow);
            err = err == PT_OK ? report_pdf_heading(p,
                                     PT_STR("Data behind the charts")) : err;
        }

        table = report_table(p->r, pt_json_string(section, "dataset",
                                                  PT_STR("")));
        title = pt_json_string(section, "title", PT_STR(""));

        if (err == PT_OK) {
            err = report_pdf_para(p, title, PT_STYLE_BOLD, REPORT_BODY,
                                  PT_BLACK, 4 * PT_MM, PT_MM);
            p->flow.strips[p->flow.n - 1].keep = true;
        }

        if (err == PT_OK && table->n_rows <= REPORT_BEHIND_MAX) {
            err = report_pdf_table(p, table, NULL, table->n_rows);

        } else if (err == PT_OK) {
            snprintf(note, sizeof(note), "%llu rows, which are not printed:"
                     " ask for the report as XLSX, CSV or JSON, dataset"
                     " \"%.*s\".", (unsigned long long) table->n_rows,
                     PT_STR_ARG(table->dataset->name));
            err = report_pdf_para(p, pt_str(note), 0, REPORT_CELL,
                                  REPORT_INK_LIGHT, 0, 0);
        }
    }

    return err;
}


pt_err_t
report_pdf_para(report_pdf_t *p, pt_str_t text, unsigned style, int32_t size,
    pt_color_t color, int32_t before, int32_t after)
{
    pt_run_t    run = {
        .text = report_view_clean(p->view, text), .style = style
    };
    pt_block_t  block = report_pdf_block(p, &run, size);

    block.color = color;
    block.before = before;
    block.after = after;

    return run.text.data != NULL ? pt_flow_para(&p->flow, &block)
           : PT_E_NOMEM;
}


pt_block_t
report_pdf_block(report_pdf_t *p, pt_run_t *run, int32_t size)
{
    return (pt_block_t) {
        .runs = run, .n = 1, .leading = size * 14 / 10,
        .style = { .typeface = p->view->typeface, .size = size,
                   .align = PT_ALIGN_LEFT }
    };
}
