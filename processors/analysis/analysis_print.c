/* What pages of results are made of. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "analysis_print.h"
#include "pt_pdf.h"


#define PRINT_MARGIN  (18 * PT_MM)
#define PRINT_SMALL   (6 * PT_POINT)
#define PRINT_BODY    (8 * PT_POINT)
#define PRINT_CHART   (140 * PT_POINT)
#define PRINT_GAP     (6 * PT_MM)
#define PRINT_LIGHT   0x595959

#define PRINT_ROOM    (32u << 20)
#define PRINT_TEXT    65536

/* longer titles are set smaller, so that all stays one page */
#define PRINT_TITLE   80


static void print_foot(analysis_print_t *p);
static void print_para(analysis_print_t *p, analysis_print_kind_t kind,
    pt_str_t text);
static void print_cells(analysis_print_t *p, const analysis_column_t *columns,
    unsigned n, const pt_str_t *texts, unsigned style);
static pt_block_t print_block(analysis_print_t *p, pt_run_t *run,
    int32_t size);
static pt_str_t print_clean(analysis_print_t *p, pt_str_t text);
static pt_str_t print_format(analysis_print_t *p, const char *fmt,
    va_list args) __attribute__((format(printf, 2, 0)));


static const struct {
    unsigned    style;
    int32_t     size;
    int32_t     before;
    pt_color_t  color;
} print_kinds[] = {
    { PT_STYLE_BOLD, 20 * PT_POINT, 0, PT_BLACK },
    { PT_STYLE_BOLD, 13 * PT_POINT, 2 * PT_MM, PT_BLACK },
    { 0, 9 * PT_POINT, 2 * PT_MM, PT_BLACK },
    { PT_STYLE_BOLD, 10 * PT_POINT, PRINT_GAP, PT_BLACK },
    { 0, PRINT_BODY, PT_MM, PT_BLACK },
    { PT_STYLE_BOLD, PRINT_BODY, 2 * PT_MM, PT_BLACK },
    { 0, PRINT_SMALL, PT_MM, PRINT_LIGHT }
};


void
analysis_print_begin(analysis_print_t *p, const pt_json_t *result,
    const pt_typeface_t *typeface, pt_str_t title)
{
    pt_page_t  page = {
        .width = 210 * PT_MM, .height = 297 * PT_MM, .top = PRINT_MARGIN,
        .right = PRINT_MARGIN, .bottom = PRINT_MARGIN, .left = PRINT_MARGIN
    };

    *p = (analysis_print_t) { .result = result, .typeface = typeface };

    pt_room_init(&p->room, PRINT_ROOM);
    pt_flow_init(&p->flow, &p->room, &page);
    p->title = print_clean(p, title);
    print_para(p, title.len > PRINT_TITLE ? ANALYSIS_PRINT_HEAD
                                          : ANALYSIS_PRINT_TITLE, title);
}


pt_err_t
analysis_print_end(analysis_print_t *p, pt_buf_t *pdf)
{
    pt_pdf_info_t  info = { .title = p->title, .language = PT_STR("en") };

    print_foot(p);

    if (p->err == PT_OK) {
        p->err = pt_flow_paginate(&p->flow);
    }

    if (p->err == PT_OK) {
        p->err = pt_pdf_write(&p->flow, &info, pdf);
    }

    pt_room_done(&p->room);

    return p->err;
}


static void
print_foot(analysis_print_t *p)
{
    const pt_json_t  *w, *folds;

    p->gap = PRINT_GAP;

    for (w = analysis_print_at(p->result, "abstained")->first; w; w = w->next)
    {
        analysis_print(p, ANALYSIS_PRINT_STRONG, "No %s: %.*s.",
                       analysis_print_name(p, pt_json_string(w, "what",
                                                             PT_STR(""))).data,
                       PT_STR_ARG(pt_json_string(w, "detail", PT_STR(""))));
    }

    for (w = analysis_print_at(p->result, "warnings")->first; w; w = w->next) {
        analysis_print(p, ANALYSIS_PRINT_NOTE, "Note: %.*s.",
                       PT_STR_ARG(pt_json_string(w, "detail", PT_STR(""))));
    }

    folds = analysis_print_at(p->result, "model.evaluation.finance.folds");

    if (pt_json_member(p->result, "forecast") != NULL) {
        analysis_print(p, ANALYSIS_PRINT_NOTE, "Measured on %lld films that a"
                       " fit had not seen: the order of hits is right in"
                       " %.0f of 100 pairs, the interval held %.0f of 100"
                       " films, %.0f of 100 were within a factor of 2.",
                       (long long) pt_json_int(folds, "films", 0),
                       pt_json_double(folds, "auc", 0) * 100,
                       pt_json_double(folds, "interval_80_coverage", 0) * 100,
                       pt_json_double(folds, "within_factor_2", 0) * 100);
    }

    print_para(p, ANALYSIS_PRINT_NOTE,
               pt_json_string(analysis_print_at(p->result, "model"),
                              "attribution", PT_STR("")));
}


/* ---- text ---- */

void
analysis_print(analysis_print_t *p, analysis_print_kind_t kind,
    const char *fmt, ...)
{
    va_list   args;
    pt_str_t  text;

    va_start(args, fmt);
    text = print_format(p, fmt, args);
    va_end(args);

    print_para(p, kind, text);
}


static void
print_para(analysis_print_t *p, analysis_print_kind_t kind, pt_str_t text)
{
    pt_run_t    run = { .text = print_clean(p, text),
                        .style = print_kinds[kind].style };
    pt_block_t  block = print_block(p, &run, print_kinds[kind].size);

    block.color = print_kinds[kind].color;
    block.before = p->gap ? p->gap : print_kinds[kind].before;
    block.keep_next = kind == ANALYSIS_PRINT_HEAD;
    p->gap = 0;

    if (p->err == PT_OK) {
        p->err = pt_flow_para(&p->flow, &block);
    }
}


static pt_block_t
print_block(analysis_print_t *p, pt_run_t *run, int32_t size)
{
    return (pt_block_t) {
        .runs = run, .n = 1, .leading = size + size / 3,
        .style = { .typeface = p->typeface, .size = size }
    };
}


/* a character that no font has becomes a question mark */
static pt_str_t
print_clean(analysis_print_t *p, pt_str_t text)
{
    size_t    i;
    pt_str_t  clean;
    uint32_t  c;
    pt_buf_t  buf;
    unsigned  len;

    pt_buf_init(&buf, &pt_mem_heap, PRINT_TEXT);

    for (i = 0; i < text.len; i += len) {
        c = pt_utf8_get(text.data + i, &len);

        if (c < 0x20 || c == 0x7f) {
            pt_buf_add_char(&buf, ' ');

        } else if (pt_typeface_cover(p->typeface, PT_STYLE_BOLD, c)
                   == PT_COVER_OK)
        {
            pt_buf_add(&buf, text.data + i, len);

        } else {
            pt_buf_add_char(&buf, '?');
        }
    }

    clean = buf.err == PT_OK ? pt_room_copy(&p->room, pt_buf_str(&buf))
                             : PT_STR_NULL;
    pt_buf_done(&buf);

    if (clean.data == NULL) {
        p->err = p->err == PT_OK ? PT_E_NOMEM : p->err;
        return PT_STR("");
    }

    return clean;
}


pt_str_t
analysis_print_copy(analysis_print_t *p, const char *fmt, ...)
{
    va_list   args;
    pt_str_t  text;

    va_start(args, fmt);
    text = print_format(p, fmt, args);
    va_end(args);

    return text;
}


static pt_str_t
print_format(analysis_print_t *p, const char *fmt, va_list args)
{
    pt_str_t  text;
    pt_buf_t  buf;

    pt_buf_init(&buf, &pt_mem_heap, PRINT_TEXT);
    pt_buf_vprintf(&buf, fmt, args);

    text = buf.err == PT_OK ? pt_room_copy(&p->room, pt_buf_str(&buf))
                            : PT_STR_NULL;
    pt_buf_done(&buf);

    if (text.data == NULL) {
        p->err = p->err == PT_OK ? PT_E_NOMEM : p->err;
        return PT_STR("");
    }

    return text;
}


pt_str_t
analysis_print_name(analysis_print_t *p, pt_str_t name)
{
    char      *c;
    pt_str_t   text;

    if (name.len > 4 && memcmp(name.data + name.len - 4, "_usd", 4) == 0) {
        name.len -= 4;
    }

    text = analysis_print_copy(p, "%.*s", PT_STR_ARG(name));

    for (c = (char *) (uintptr_t) text.data; text.len && *c != '\0'; c++) {
        *c = *c == '_' ? ' ' : *c;
    }

    return text;
}


pt_str_t
analysis_print_money(analysis_print_t *p, double v)
{
    if (v >= 1e9) {
        return analysis_print_copy(p, "$%.2f bn", v / 1e9);
    }

    if (v >= 1e6) {
        return analysis_print_copy(p, "$%.1f m", v / 1e6);
    }

    if (v >= 1e3) {
        return analysis_print_copy(p, "$%.0f k", v / 1e3);
    }

    return analysis_print_copy(p, "$%.0f", v);
}


/* ---- tables ---- */

void
analysis_print_heads(analysis_print_t *p, const analysis_column_t *columns,
    unsigned n)
{
    unsigned  i;
    pt_str_t  texts[ANALYSIS_COLUMNS_MAX];

    for (i = 0; i < n; i++) {
        texts[i] = pt_str(columns[i].head);
    }

    print_cells(p, columns, n, texts, PT_STYLE_BOLD);
}


void
analysis_print_row(analysis_print_t *p, const analysis_column_t *columns,
    unsigned n, const pt_str_t *texts)
{
    print_cells(p, columns, n, texts, 0);
}


static void
print_cells(analysis_print_t *p, const analysis_column_t *columns, unsigned n,
    const pt_str_t *texts, unsigned style)
{
    int         x = 0;
    unsigned    i;
    pt_run_t    runs[ANALYSIS_COLUMNS_MAX];
    pt_cell_t   cells[ANALYSIS_COLUMNS_MAX];
    pt_block_t  blocks[ANALYSIS_COLUMNS_MAX];

    for (i = 0; i < n; i++) {
        runs[i] = (pt_run_t) { .text = print_clean(p, texts[i]),
                               .style = style };
        blocks[i] = print_block(p, &runs[i], PRINT_BODY);
        blocks[i].style.align = i ? PT_ALIGN_RIGHT : PT_ALIGN_LEFT;
        blocks[i].before = blocks[i].after = PT_POINT;
        cells[i] = (pt_cell_t) {
            .x = x * PT_MM, .width = columns[i].width * PT_MM,
            .blocks = &blocks[i], .n = 1
        };
        x += columns[i].width;
    }

    if (p->err == PT_OK) {
        p->err = pt_flow_row(&p->flow, cells, n, true);
    }
}


/* ---- charts ---- */

void
analysis_print_charts(analysis_print_t *p, pt_chart_t *left,
    pt_chart_t *right)
{
    int32_t      half = (pt_flow_measure(&p->flow) - PRINT_GAP) / 2;
    unsigned     i, n = 0;
    pt_cell_t    cells[2];
    pt_block_t   blocks[2];
    pt_chart_t  *charts[2] = { left, right };

    for (i = 0; i < 2 && p->err == PT_OK; i++) {
        if (charts[i] == NULL || charts[i]->n_series == 0) {
            continue;
        }

        charts[i]->typeface = p->typeface;
        charts[i]->size = PRINT_SMALL;
        charts[i]->width = half;
        charts[i]->height = PRINT_CHART;

        blocks[n] = (pt_block_t) { .before = PRINT_GAP };
        p->err = pt_chart_draw(charts[i], &p->room, &blocks[n].drawing);

        cells[n] = (pt_cell_t) {
            .x = n ? half + PRINT_GAP : 0, .width = half,
            .blocks = &blocks[n], .n = 1
        };
        n++;
    }

    if (p->err == PT_OK && n != 0) {
        p->err = pt_flow_row(&p->flow, cells, n, false);
    }
}


const pt_json_t *
analysis_print_at(const pt_json_t *json, const char *path)
{
    size_t                   len;
    static const pt_json_t   nothing = { .type = PT_JSON_OBJECT };

    for ( ; *path != '\0' && json != NULL; path += len + (path[len] == '.')) {
        len = strcspn(path, ".");
        json = pt_json_member_str(json, (pt_str_t) { path, len });
    }

    return json ? json : &nothing;
}
