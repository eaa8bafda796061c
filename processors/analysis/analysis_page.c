/* One page that a pitch's analysis is printed on. */

#include <stdio.h>

#include "analysis_page.h"
#include "pt_chart.h"
#include "pt_pdf.h"


#define PAGE_MARGIN   (18 * PT_MM)
#define PAGE_BODY     (8 * PT_POINT)
#define PAGE_SMALL    (6 * PT_POINT)
#define PAGE_CHART    (140 * PT_POINT)
#define PAGE_GAP      (6 * PT_MM)
#define PAGE_LIGHT    0x595959

#define PAGE_ROOM     (32u << 20)
/* so that all of it stays one page */
#define PAGE_RAISES   5

#define PAGE_COLUMNS  5


typedef struct {
    const pt_json_t      *result;
    const pt_typeface_t  *typeface;
    pt_room_t             room;
    pt_flow_t             flow;
} page_t;


static pt_err_t page_head(page_t *p);
static pt_err_t page_charts(page_t *p);
static pt_err_t page_score(page_t *p, pt_drawing_t **ret);
static pt_err_t page_gross(page_t *p, pt_drawing_t **ret);
static pt_err_t page_genres(page_t *p);
static pt_err_t page_comps(page_t *p);
static pt_err_t page_otherwise(page_t *p);
static pt_err_t page_raises(page_t *p);
static pt_err_t page_foot(page_t *p);
static pt_err_t page_row(page_t *p, const pt_str_t *texts, unsigned style);
static pt_err_t page_para(page_t *p, pt_str_t text, unsigned style,
    int32_t size, pt_color_t color, int32_t before);
static pt_block_t page_block(page_t *p, pt_run_t *run, int32_t size);
static pt_str_t page_clean(page_t *p, pt_str_t text);
static pt_str_t page_money(page_t *p, double v);
static const pt_json_t *page_at(const pt_json_t *json, const char *path);


/* of the comparables' table, in millimetres */
static const int  page_columns[PAGE_COLUMNS] = { 78, 16, 28, 28, 20 };


pt_err_t
analysis_page(const pt_json_t *result, const pt_typeface_t *typeface,
    pt_buf_t *pdf)
{
    page_t         p = { .result = result, .typeface = typeface };
    pt_err_t       err;
    pt_page_t      page = {
        .width = 210 * PT_MM, .height = 297 * PT_MM, .top = PAGE_MARGIN,
        .right = PAGE_MARGIN, .bottom = PAGE_MARGIN, .left = PAGE_MARGIN
    };
    pt_pdf_info_t  info = { .language = PT_STR("en") };

    pt_room_init(&p.room, PAGE_ROOM);
    pt_flow_init(&p.flow, &p.room, &page);

    info.title = page_clean(&p, pt_json_string(page_at(result, "pitch"),
                                               "title", PT_STR("")));

    if ((err = page_head(&p)) == PT_OK && (err = page_charts(&p)) == PT_OK
        && (err = page_genres(&p)) == PT_OK && (err = page_comps(&p)) == PT_OK
        && (err = page_otherwise(&p)) == PT_OK
        && (err = page_raises(&p)) == PT_OK && (err = page_foot(&p)) == PT_OK
        && (err = pt_flow_paginate(&p.flow)) == PT_OK)
    {
        err = pt_pdf_write(&p.flow, &info, pdf);
    }

    pt_room_done(&p.room);

    return err;
}


static pt_err_t
page_head(page_t *p)
{
    char              text[200];
    pt_err_t          err;
    const pt_json_t  *score = page_at(p->result, "score");
    const pt_json_t  *f = pt_json_member(p->result, "forecast");

    err = page_para(p, pt_json_string(page_at(p->result, "pitch"), "title",
                                      PT_STR("")),
                    PT_STYLE_BOLD, 20 * PT_POINT, PT_BLACK, 0);
    if (err != PT_OK) {
        return err;
    }

    (void) snprintf(text, sizeof(text), "Score %lld of %lld",
                    (long long) pt_json_int(score, "points", 0),
                    (long long) pt_json_int(score, "of", 0));
    err = page_para(p, pt_room_copy(&p->room, pt_str(text)), PT_STYLE_BOLD,
                    13 * PT_POINT, PT_BLACK, 2 * PT_MM);

    if (err != PT_OK || f == NULL || f->type != PT_JSON_OBJECT) {
        return err;
    }

    (void) snprintf(text, sizeof(text), "Chance of 2.5 times the budget:"
                    " %.0f %%. Worldwide gross: 8 of 10 such films between"
                    " %s and %s, half above %s.",
                    pt_json_double(f, "hit_probability", 0) * 100,
                    page_money(p, page_at(f, "worldwide_gross_usd.p10")
                                  ->number).data,
                    page_money(p, page_at(f, "worldwide_gross_usd.p90")
                                  ->number).data,
                    page_money(p, page_at(f, "worldwide_gross_usd.p50")
                                  ->number).data);

    return page_para(p, pt_room_copy(&p->room, pt_str(text)), 0,
                     9 * PT_POINT, PT_BLACK, 2 * PT_MM);
}


/* ---- charts ---- */

static pt_err_t
page_charts(page_t *p)
{
    int32_t       half = (pt_flow_measure(&p->flow) - PAGE_GAP) / 2;
    pt_err_t      err;
    unsigned      n = 1;
    pt_block_t    blocks[2] = {
        { .before = PAGE_GAP }, { .before = PAGE_GAP }
    };
    pt_cell_t     cells[2] = {
        { .width = half, .blocks = &blocks[0], .n = 1 },
        { .x = half + PAGE_GAP, .width = half, .blocks = &blocks[1], .n = 1 }
    };

    err = page_score(p, &blocks[0].drawing);

    if (err == PT_OK) {
        err = page_gross(p, &blocks[1].drawing);
        n += blocks[1].drawing != NULL;
    }

    return err == PT_OK ? pt_flow_row(&p->flow, cells, n, false) : err;
}


/* each part, in percent of what it may be */
static pt_err_t
page_score(page_t *p, pt_drawing_t **ret)
{
    double            y[8];
    pt_str_t          names[8];
    pt_series_t       series = { .name = PT_STR("points"), .y = y };
    const pt_json_t  *part;

    part = page_at(p->result, "score.parts")->first;

    for ( ; part != NULL && series.n < 8; part = part->next) {
        char    *name;
        int64_t  of = pt_json_int(part, "of", 0);

        if (of == 0) {
            continue;
        }

        names[series.n] = pt_room_copy(&p->room, pt_json_string(part, "name",
                                                       PT_STR("")));
        name = (char *) (uintptr_t) names[series.n].data;

        for ( ; name != NULL && *name != '\0'; name++) {
            *name = *name == '_' ? ' ' : *name;
        }

        y[series.n++] = (double) pt_json_int(part, "points", 0) * 100
                        / (double) of;
    }

    return pt_chart_draw(&(pt_chart_t) {
        .kind = PT_CHART_BAR, .axis = PT_CHART_CATEGORIES,
        .title = PT_STR("Score by part, in percent"),
        .categories = names, .n_categories = series.n, .series = &series,
        .n_series = 1, .y_units = { .suffix = " %" },
        .typeface = p->typeface, .size = PAGE_SMALL,
        .width = (pt_flow_measure(&p->flow) - PAGE_GAP) / 2,
        .height = PAGE_CHART
    }, &p->room, ret);
}


/* none without a forecast */
static pt_err_t
page_gross(page_t *p, pt_drawing_t **ret)
{
    double                 y[4];
    pt_series_t            series = { .name = PT_STR("US dollars"), .y = y };
    const pt_json_t       *f = pt_json_member(p->result, "forecast");
    static const pt_str_t  names[] = {
        { "budget", 6 }, { "1 in 10 below", 13 }, { "half below", 10 },
        { "9 in 10 below", 13 }
    };

    if (f == NULL || f->type != PT_JSON_OBJECT) {
        *ret = NULL;
        return PT_OK;
    }

    y[0] = page_at(p->result, "pitch.budget_usd")->number;
    y[1] = page_at(f, "worldwide_gross_usd.p10")->number;
    y[2] = page_at(f, "worldwide_gross_usd.p50")->number;
    y[3] = page_at(f, "worldwide_gross_usd.p90")->number;
    series.n = 4;

    return pt_chart_draw(&(pt_chart_t) {
        .kind = PT_CHART_BAR, .axis = PT_CHART_CATEGORIES,
        .title = PT_STR("Worldwide gross"), .categories = names,
        .n_categories = 4, .series = &series, .n_series = 1,
        .y_units = { .prefix = "$", .compact = true },
        .typeface = p->typeface, .size = PAGE_SMALL,
        .width = (pt_flow_measure(&p->flow) - PAGE_GAP) / 2,
        .height = PAGE_CHART
    }, &p->room, ret);
}


/* ---- tables and text ---- */

static pt_err_t
page_genres(page_t *p)
{
    char              text[400];
    pt_buf_t          line;
    pt_err_t          err = PT_OK;
    const pt_json_t  *g, *term;

    g = page_at(p->result, "genres.recommended")->first;

    if (g != NULL) {
        err = page_para(p, PT_STR("It reads as"), PT_STYLE_BOLD,
                        10 * PT_POINT, PT_BLACK, PAGE_GAP);
    }

    for ( ; g != NULL && err == PT_OK; g = g->next) {
        pt_buf_init(&line, &pt_mem_heap, sizeof(text));
        pt_buf_add_str(&line, pt_json_string(g, "genre", PT_STR("")));
        pt_buf_printf(&line, ", %.0f %%:",
                      pt_json_double(g, "probability", 0) * 100);

        for (term = page_at(g, "because")->first; term; term = term->next) {
            pt_buf_add_char(&line, ' ');
            pt_buf_add_str(&line, pt_json_string(term, "term", PT_STR("")));
            pt_buf_add_text(&line, term->next ? "," : "");
        }

        err = line.err != PT_OK ? line.err
              : page_para(p, pt_room_copy(&p->room, pt_buf_str(&line)), 0,
                          PAGE_BODY, PT_BLACK, PT_MM);
        pt_buf_done(&line);
    }

    return err;
}


static pt_err_t
page_comps(page_t *p)
{
    char                   year[24], times[40];
    pt_str_t               row[PAGE_COLUMNS];
    pt_err_t               err;
    const pt_json_t       *c;
    static const pt_str_t  head[PAGE_COLUMNS] = {
        { "Film", 4 }, { "Year", 4 }, { "Budget", 6 }, { "Gross", 5 },
        { "Multiple", 8 }
    };

    c = page_at(p->result, "comparables.films")->first;

    if (c == NULL) {
        return PT_OK;
    }

    err = page_para(p, PT_STR("Films most like it (dollars of 2019)"),
                    PT_STYLE_BOLD, 10 * PT_POINT, PT_BLACK, PAGE_GAP);

    if (err == PT_OK) {
        err = page_row(p, head, PT_STYLE_BOLD);
    }

    for ( ; c != NULL && err == PT_OK; c = c->next) {
        (void) snprintf(year, sizeof(year), "%lld",
                        (long long) pt_json_int(c, "year", 0));
        (void) snprintf(times, sizeof(times), "%.1f",
                        pt_json_double(c, "multiple", 0));

        row[0] = pt_json_string(c, "title", PT_STR(""));
        row[1] = pt_room_copy(&p->room, pt_str(year));
        row[2] = page_money(p, pt_json_double(c, "budget_2019_usd", 0));
        row[3] = page_money(p, pt_json_double(c, "gross_2019_usd", 0));
        row[4] = pt_room_copy(&p->room, pt_str(times));
        err = page_row(p, row, 0);
    }

    return err;
}


/* the counterfactuals, beside what the head says */
static pt_err_t
page_otherwise(page_t *p)
{
    char              text[300];
    pt_err_t          err = PT_OK;
    pt_str_t          half;
    const pt_json_t  *c = page_at(p->result, "counterfactuals")->first;

    if (c != NULL) {
        err = page_para(p, PT_STR("What would change the forecast"),
                        PT_STYLE_BOLD, 10 * PT_POINT, PT_BLACK, PAGE_GAP);
    }

    for ( ; c != NULL && err == PT_OK; c = c->next) {
        half = page_money(p, pt_json_double(c, "p50", 0));
        (void) snprintf(text, sizeof(text), "%.*s: a chance of %.0f %%, half"
                        " of such films above %.*s",
                        PT_STR_ARG(pt_json_string(c, "what", PT_STR(""))),
                        pt_json_double(c, "hit_probability", 0) * 100,
                        PT_STR_ARG(half));
        err = page_para(p, pt_room_copy(&p->room, pt_str(text)), 0, PAGE_BODY,
                        PT_BLACK, PT_MM);
    }

    return err;
}


static pt_err_t
page_raises(page_t *p)
{
    char              text[300];
    pt_err_t          err = PT_OK;
    unsigned          n = 0;
    const pt_json_t  *r = page_at(p->result, "raises")->first;

    if (r != NULL) {
        err = page_para(p, PT_STR("What would raise the score"),
                        PT_STYLE_BOLD, 10 * PT_POINT, PT_BLACK, PAGE_GAP);
    }

    for ( ; r != NULL && n < PAGE_RAISES && err == PT_OK; r = r->next, n++) {
        (void) snprintf(text, sizeof(text), "%.*s: up to %lld points",
                        PT_STR_ARG(pt_json_string(r, "advice", PT_STR(""))),
                        (long long) pt_json_int(r, "points", 0));
        err = page_para(p, pt_room_copy(&p->room, pt_str(text)), 0, PAGE_BODY,
                        PT_BLACK, PT_MM);
    }

    return err;
}


/* what it does not say, and how good it has been */
static pt_err_t
page_foot(page_t *p)
{
    char              text[400];
    int32_t           before = PAGE_GAP;
    pt_err_t          err = PT_OK;
    const pt_json_t  *w, *folds;

    for (w = page_at(p->result, "abstained")->first; w && err == PT_OK;
         w = w->next)
    {
        (void) snprintf(text, sizeof(text), "No %.*s: %.*s.",
                        PT_STR_ARG(pt_json_string(w, "what", PT_STR(""))),
                        PT_STR_ARG(pt_json_string(w, "detail", PT_STR(""))));
        err = page_para(p, pt_room_copy(&p->room, pt_str(text)),
                        PT_STYLE_BOLD, PAGE_BODY, PT_BLACK, 2 * PT_MM);
    }

    for (w = page_at(p->result, "warnings")->first; w && err == PT_OK;
         w = w->next)
    {
        err = page_para(p, pt_json_string(w, "detail", PT_STR("")), 0,
                        PAGE_SMALL, PAGE_LIGHT, before);
        before = PT_MM;
    }

    folds = page_at(p->result, "model.evaluation.finance.folds");

    if (err == PT_OK && folds != NULL) {
        (void) snprintf(text, sizeof(text), "Measured on %lld films that a"
                        " fit had not seen: the order of hits is right in"
                        " %.0f of 100 pairs, the interval held %.0f of 100"
                        " films, %.0f of 100 were within a factor of 2.",
                        (long long) pt_json_int(folds, "films", 0),
                        pt_json_double(folds, "auc", 0) * 100,
                        pt_json_double(folds, "interval_80_coverage", 0)
                        * 100,
                        pt_json_double(folds, "within_factor_2", 0) * 100);
        err = page_para(p, pt_room_copy(&p->room, pt_str(text)), 0,
                        PAGE_SMALL, PAGE_LIGHT, 2 * PT_MM);
    }

    return err != PT_OK ? err
           : page_para(p, pt_json_string(page_at(p->result, "model"),
                                         "attribution", PT_STR("")), 0,
                       PAGE_SMALL, PAGE_LIGHT, PT_MM);
}


static pt_err_t
page_row(page_t *p, const pt_str_t *texts, unsigned style)
{
    int         x = 0;
    unsigned    i;
    pt_run_t    runs[PAGE_COLUMNS];
    pt_cell_t   cells[PAGE_COLUMNS];
    pt_block_t  blocks[PAGE_COLUMNS];

    for (i = 0; i < PAGE_COLUMNS; i++) {
        runs[i] = (pt_run_t) { .text = page_clean(p, texts[i]),
                               .style = style };
        blocks[i] = page_block(p, &runs[i], PAGE_BODY);
        blocks[i].style.align = i ? PT_ALIGN_RIGHT : PT_ALIGN_LEFT;
        blocks[i].before = blocks[i].after = PT_POINT;
        cells[i] = (pt_cell_t) {
            .x = x * PT_MM, .width = page_columns[i] * PT_MM,
            .blocks = &blocks[i], .n = 1
        };
        x += page_columns[i];
    }

    return pt_flow_row(&p->flow, cells, PAGE_COLUMNS, true);
}


static pt_err_t
page_para(page_t *p, pt_str_t text, unsigned style, int32_t size,
    pt_color_t color, int32_t before)
{
    pt_run_t    run = { .text = page_clean(p, text), .style = style };
    pt_block_t  block = page_block(p, &run, size);

    block.color = color;
    block.before = before;

    return run.text.data != NULL ? pt_flow_para(&p->flow, &block)
                                 : PT_E_NOMEM;
}


static pt_block_t
page_block(page_t *p, pt_run_t *run, int32_t size)
{
    return (pt_block_t) {
        .runs = run, .n = 1, .leading = size + size / 3,
        .style = { .typeface = p->typeface, .size = size }
    };
}


/* a character that no font has becomes a question mark */
static pt_str_t
page_clean(page_t *p, pt_str_t text)
{
    size_t    i;
    pt_str_t  clean;
    uint32_t  c;
    pt_buf_t  buf;
    unsigned  len;

    pt_buf_init(&buf, &pt_mem_heap, 65536);

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

    return clean;
}


/* "$4.2 m" */
static pt_str_t
page_money(page_t *p, double v)
{
    char      text[64];
    pt_str_t  s;

    if (v >= 1e9) {
        (void) snprintf(text, sizeof(text), "$%.2f bn", v / 1e9);

    } else if (v >= 1e6) {
        (void) snprintf(text, sizeof(text), "$%.1f m", v / 1e6);

    } else {
        (void) snprintf(text, sizeof(text), "$%.0f k", v / 1e3);
    }

    s = pt_room_copy(&p->room, pt_str(text));

    return s.data ? s : PT_STR("");
}


/* "a.b.c"; what is missing is an empty object */
static const pt_json_t *
page_at(const pt_json_t *json, const char *path)
{
    size_t                   len;
    static const pt_json_t   nothing = { .type = PT_JSON_OBJECT };

    for ( ; *path != '\0' && json != NULL; path += len + (path[len] == '.')) {
        len = strcspn(path, ".");
        json = pt_json_member_str(json, (pt_str_t) { path, len });
    }

    return json ? json : &nothing;
}
