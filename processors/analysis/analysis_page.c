/* One page of each action's result, to be printed. */

#include <math.h>

#include "analysis_page.h"
#include "analysis_print.h"


/* so that all of it stays one page */
#define PAGE_RAISES  5
#define PAGE_EDITS   12
#define PAGE_BARS    12
#define PAGE_YEARS   120


/* the bars of a chart, filled one by one */
typedef struct {
    pt_str_t     names[PAGE_BARS];
    double       y[PAGE_BARS];
    bool         any;                /* is not 0 */
    pt_series_t  series;
} page_bars_t;


static pt_str_t page_title(const pt_json_t *result);
static void page_bars(page_bars_t *bars, const char *name);
static void page_bar(page_bars_t *bars, pt_str_t name, double y);
static pt_chart_t page_chart(const page_bars_t *bars, const char *title);
static void page_odds(analysis_print_t *p);
static void page_score(analysis_print_t *p, page_bars_t *bars);
static void page_gross(analysis_print_t *p, page_bars_t *bars);
static void page_genres(analysis_print_t *p);
static void page_films(analysis_print_t *p, const pt_json_t *film,
    const char *head);
static void page_otherwise(analysis_print_t *p);
static void page_raises(analysis_print_t *p);
static void page_returns(analysis_print_t *p);
static void page_returns_charts(analysis_print_t *p);
static void page_terms(analysis_print_t *p);
static void page_comps(analysis_print_t *p);
static void page_risks(analysis_print_t *p);
static void page_rate(analysis_print_t *p, const pt_json_t *total);
static pt_str_t page_filter(analysis_print_t *p);
static void page_market_charts(analysis_print_t *p);
static void page_bands(analysis_print_t *p);
static void page_trends(analysis_print_t *p);
static void page_demand(analysis_print_t *p);
static void page_edits(analysis_print_t *p);
static void page_content_charts(analysis_print_t *p);
static void page_similar(analysis_print_t *p);


static pt_str_t
page_title(const pt_json_t *result)
{
    return pt_json_string(analysis_print_at(result, "pitch"), "title",
                          PT_STR(""));
}


/* ---- charts ---- */

static void
page_bars(page_bars_t *bars, const char *name)
{
    memset(bars, 0, sizeof(*bars));
    bars->series = (pt_series_t) { .name = pt_str(name), .y = bars->y };
}


static void
page_bar(page_bars_t *bars, pt_str_t name, double y)
{
    if (bars->series.n < PAGE_BARS) {
        bars->names[bars->series.n] = name;
        bars->y[bars->series.n++] = y;
        bars->any |= y > 0 || y < 0;
    }
}


/* without a bar that can be seen it has no series, and is not drawn */
static pt_chart_t
page_chart(const page_bars_t *bars, const char *title)
{
    return (pt_chart_t) {
        .kind = PT_CHART_BAR, .axis = PT_CHART_CATEGORIES,
        .title = pt_str(title), .categories = bars->names,
        .n_categories = bars->series.n, .series = &bars->series,
        .n_series = bars->any
    };
}


/* ---- a pitch ---- */

pt_err_t
analysis_page_pitch(const pt_json_t *result, const pt_typeface_t *typeface,
    pt_buf_t *pdf)
{
    pt_chart_t        left, right;
    page_bars_t       score, gross;
    const pt_json_t  *points = analysis_print_at(result, "score");
    analysis_print_t  p;

    analysis_print_begin(&p, result, typeface, page_title(result));
    analysis_print(&p, ANALYSIS_PRINT_LEAD, "Score %lld of %lld",
                   (long long) pt_json_int(points, "points", 0),
                   (long long) pt_json_int(points, "of", 0));
    page_odds(&p);

    page_score(&p, &score);
    page_gross(&p, &gross);
    left = page_chart(&score, "Score by part, in percent");
    left.y_units.suffix = " %";
    right = page_chart(&gross, "Worldwide gross");
    right.y_units = (pt_units_t) { .prefix = "$", .compact = true };
    analysis_print_charts(&p, &left, &right);

    page_genres(&p);
    page_films(&p, analysis_print_at(result, "comparables.films")->first,
               "Films most like it (dollars of 2019)");
    page_otherwise(&p);
    page_raises(&p);

    return analysis_print_end(&p, pdf);
}


static void
page_odds(analysis_print_t *p)
{
    const pt_json_t  *gross, *f = analysis_print_at(p->result, "forecast");

    if (pt_json_member(f, "hit_probability") == NULL) {
        return;
    }

    gross = analysis_print_at(f, "worldwide_gross_usd");

    analysis_print(p, ANALYSIS_PRINT_SAY, "Chance of 2.5 times the budget:"
                   " %.0f %%. Worldwide gross: 8 of 10 such films between %s"
                   " and %s, half above %s.",
                   pt_json_double(f, "hit_probability", 0) * 100,
                   analysis_print_money(p, pt_json_double(gross, "p10",
                                                          0)).data,
                   analysis_print_money(p, pt_json_double(gross, "p90",
                                                          0)).data,
                   analysis_print_money(p, pt_json_double(gross, "p50",
                                                          0)).data);
}


/* each part, in percent of what it may be */
static void
page_score(analysis_print_t *p, page_bars_t *bars)
{
    int64_t           of;
    const pt_json_t  *part = analysis_print_at(p->result, "score.parts");

    page_bars(bars, "points");

    for (part = part->first; part != NULL; part = part->next) {
        of = pt_json_int(part, "of", 0);

        if (of == 0) {
            continue;
        }

        page_bar(bars, analysis_print_name(p, pt_json_string(part, "name",
                                                             PT_STR(""))),
                 (double) pt_json_int(part, "points", 0) * 100
                 / (double) of);
    }
}


/* none without a forecast */
static void
page_gross(analysis_print_t *p, page_bars_t *bars)
{
    const pt_json_t  *f = analysis_print_at(p->result, "forecast");

    page_bars(bars, "US dollars");

    if (pt_json_member(f, "hit_probability") == NULL) {
        return;
    }

    page_bar(bars, PT_STR("budget"),
             analysis_print_at(p->result, "pitch.budget_usd")->number);

    f = analysis_print_at(f, "worldwide_gross_usd");
    page_bar(bars, PT_STR("1 in 10 below"), pt_json_double(f, "p10", 0));
    page_bar(bars, PT_STR("half below"), pt_json_double(f, "p50", 0));
    page_bar(bars, PT_STR("9 in 10 below"), pt_json_double(f, "p90", 0));
}


static void
page_genres(analysis_print_t *p)
{
    pt_str_t          words;
    const pt_json_t  *g, *term;

    g = analysis_print_at(p->result, "genres.recommended")->first;

    if (g != NULL) {
        analysis_print(p, ANALYSIS_PRINT_HEAD, "It reads as");
    }

    for ( ; g != NULL; g = g->next) {
        words = PT_STR("");

        for (term = analysis_print_at(g, "because")->first; term != NULL;
             term = term->next)
        {
            words = analysis_print_copy(p, "%.*s%s %.*s", PT_STR_ARG(words),
                        words.len ? "," : "",
                        PT_STR_ARG(pt_json_string(term, "term", PT_STR(""))));
        }

        analysis_print(p, ANALYSIS_PRINT_BODY, "%.*s, %.0f %%:%.*s",
                       PT_STR_ARG(pt_json_string(g, "genre", PT_STR(""))),
                       pt_json_double(g, "probability", 0) * 100,
                       PT_STR_ARG(words));
    }
}


/* films whose money is of 2019 */
static void
page_films(analysis_print_t *p, const pt_json_t *film, const char *head)
{
    double    budget, gross;
    pt_str_t  row[5];

    static const analysis_column_t  columns[5] = {
        { "Film", 82 }, { "Year", 16 }, { "Budget", 28 }, { "Gross", 28 },
        { "Multiple", 20 }
    };

    if (film == NULL) {
        return;
    }

    analysis_print(p, ANALYSIS_PRINT_HEAD, "%s", head);
    analysis_print_heads(p, columns, 5);

    for ( ; film != NULL; film = film->next) {
        budget = pt_json_double(film, "budget_2019_usd", 0);
        gross = pt_json_double(film, "gross_2019_usd", 0);

        row[0] = pt_json_string(film, "title", PT_STR(""));
        row[1] = analysis_print_copy(p, "%lld",
                     (long long) pt_json_int(film, "year", 0));
        row[2] = analysis_print_money(p, budget);
        row[3] = analysis_print_money(p, gross);
        row[4] = analysis_print_copy(p, "%.1f",
                     pt_json_double(film, "multiple",
                                    budget > 0 ? gross / budget : 0));
        analysis_print_row(p, columns, 5, row);
    }
}


/* the counterfactuals, beside what the head says */
static void
page_otherwise(analysis_print_t *p)
{
    const pt_json_t  *c = analysis_print_at(p->result, "counterfactuals");

    if ((c = c->first) != NULL) {
        analysis_print(p, ANALYSIS_PRINT_HEAD,
                       "What would change the forecast");
    }

    for ( ; c != NULL; c = c->next) {
        analysis_print(p, ANALYSIS_PRINT_BODY, "%.*s: a chance of %.0f %%,"
                       " half of such films above %s",
                       PT_STR_ARG(pt_json_string(c, "what", PT_STR(""))),
                       pt_json_double(c, "hit_probability", 0) * 100,
                       analysis_print_money(p, pt_json_double(c, "p50",
                                                              0)).data);
    }
}


static void
page_raises(analysis_print_t *p)
{
    unsigned          n = 0;
    const pt_json_t  *r = analysis_print_at(p->result, "raises")->first;

    if (r != NULL) {
        analysis_print(p, ANALYSIS_PRINT_HEAD, "What would raise the score");
    }

    for ( ; r != NULL && n < PAGE_RAISES; r = r->next, n++) {
        analysis_print(p, ANALYSIS_PRINT_BODY, "%.*s: up to %lld points",
                       PT_STR_ARG(pt_json_string(r, "advice", PT_STR(""))),
                       (long long) pt_json_int(r, "points", 0));
    }
}


/* ---- an investment ---- */

pt_err_t
analysis_page_investment(const pt_json_t *result,
    const pt_typeface_t *typeface, pt_buf_t *pdf)
{
    analysis_print_t  p;

    analysis_print_begin(&p, result, typeface, page_title(result));

    if (pt_json_member(result, "returns") != NULL) {
        page_returns(&p);
        page_returns_charts(&p);
        page_terms(&p);
        page_comps(&p);
        page_risks(&p);

    } else {
        page_films(&p, analysis_print_at(result, "comparables.films")->first,
                   "Films most like it (dollars of 2019)");
    }

    return analysis_print_end(&p, pdf);
}


static void
page_returns(analysis_print_t *p)
{
    double            even;
    const pt_json_t  *r = analysis_print_at(p->result, "returns");
    const pt_json_t  *moic = analysis_print_at(r, "moic");
    const pt_json_t  *irr = analysis_print_at(r, "irr");

    even = pt_json_double(r, "break_even_gross_usd", 0);

    analysis_print(p, ANALYSIS_PRINT_LEAD, "%s come back in full in %.0f of"
                   " 100 cases",
                   analysis_print_money(p, pt_json_double(analysis_print_at(
                       p->result, "terms"), "amount_usd", 0)).data,
                   100 - pt_json_double(r, "loss_probability", 0) * 100);
    page_odds(p);
    analysis_print(p, ANALYSIS_PRINT_SAY, "Half of %lld draws return more than"
                   " %.2f times the amount (%.0f %% a year), one in ten more"
                   " than %.2f times, one in ten less than %.2f times; the"
                   " mean is %.2f, that of the worst twentieth %.2f.%s%s%s",
                   (long long) pt_json_int(r, "draws", 0),
                   pt_json_double(moic, "p50", 0),
                   pt_json_double(irr, "p50", 0) * 100,
                   pt_json_double(moic, "p90", 0),
                   pt_json_double(moic, "p10", 0),
                   pt_json_double(moic, "mean", 0),
                   pt_json_double(r, "expected_shortfall_moic", 0),
                   even > 0 ? " It breaks even at a gross of " : "",
                   even > 0 ? analysis_print_money(p, even).data : "",
                   even > 0 ? "." : "");
}


static void
page_returns_charts(analysis_print_t *p)
{
    double            to;
    pt_chart_t        left, right;
    page_bars_t       moic, mean;
    const pt_json_t  *m, *s;

    page_bars(&moic, "times the amount");
    m = analysis_print_at(p->result, "returns.moic")->first;

    for ( ; m != NULL; m = m->next) {
        page_bar(&moic, m->key, m->number);
    }

    page_bars(&mean, "mean multiple");
    s = analysis_print_at(p->result, "sensitivity")->first;

    for ( ; s != NULL; s = s->next) {
        to = pt_json_double(s, "to", 0);

        /* the gross itself, and the terms where they are higher */
        if (pt_str_is(pt_json_string(s, "term", PT_STR("")), "gross")) {
            page_bar(&mean, to < 1 ? PT_STR("gross -20 %")
                                   : PT_STR("gross +20 %"),
                     pt_json_double(s, "mean_moic", 0));

        } else if (to > pt_json_double(s, "from", 0)) {
            page_bar(&mean, analysis_print_copy(p, "%s +20 %%",
                         analysis_print_name(p, pt_json_string(s, "term",
                                                 PT_STR(""))).data),
                     pt_json_double(s, "mean_moic", 0));
        }
    }

    left = page_chart(&moic, "Money back, as a multiple: mean and quantiles");
    right = page_chart(&mean, "The mean multiple, if one thing changes");
    analysis_print_charts(p, &left, &right);
}


static void
page_terms(analysis_print_t *p)
{
    const pt_json_t  *t = analysis_print_at(p->result, "terms");

    analysis_print(p, ANALYSIS_PRINT_HEAD, "The terms");
    analysis_print(p, ANALYSIS_PRINT_BODY, "Cinemas keep %.0f %% of the gross,"
                   " the distributor %.0f %% of what is left; then %s of"
                   " marketing and %s of senior debt with %.0f %% interest are"
                   " paid, then equity of %s with a premium of %.0f %%. Of"
                   " profits this investor has %.2g %%. Money is back after"
                   " %.1f years.",
                   pt_json_double(t, "cinema_share", 0) * 100,
                   pt_json_double(t, "distribution_fee", 0) * 100,
                   analysis_print_money(p, pt_json_double(t, "marketing_usd",
                                                          0)).data,
                   analysis_print_money(p, pt_json_double(t,
                                               "senior_debt_usd", 0)).data,
                   pt_json_double(t, "senior_interest", 0) * 100,
                   analysis_print_money(p, pt_json_double(t, "equity_usd",
                                                          0)).data,
                   pt_json_double(t, "premium", 0) * 100,
                   pt_json_double(t, "profit_share", 0) * 100,
                   pt_json_double(t, "years", 0));
}


static void
page_comps(analysis_print_t *p)
{
    pt_str_t          row[5];
    const pt_json_t  *c;

    static const analysis_column_t  columns[5] = {
        { "Film", 86 }, { "Year", 16 }, { "Multiple", 24 },
        { "Money back", 26 }, { "A year", 22 }
    };

    c = analysis_print_at(p->result, "comparables_under_terms")->first;

    if (c == NULL) {
        return;
    }

    analysis_print(p, ANALYSIS_PRINT_HEAD,
                   "Films most like it, under the same terms");
    analysis_print_heads(p, columns, 5);

    for ( ; c != NULL; c = c->next) {
        row[0] = pt_json_string(c, "title", PT_STR(""));
        row[1] = analysis_print_copy(p, "%lld",
                                     (long long) pt_json_int(c, "year", 0));
        row[2] = analysis_print_copy(p, "%.1f",
                                     pt_json_double(c, "multiple", 0));
        row[3] = analysis_print_copy(p, "%.2f",
                                     pt_json_double(c, "moic", 0));
        row[4] = analysis_print_copy(p, "%.0f %%",
                                     pt_json_double(c, "irr", 0) * 100);
        analysis_print_row(p, columns, 5, row);
    }
}


static void
page_risks(analysis_print_t *p)
{
    const pt_json_t  *r = analysis_print_at(p->result, "risks")->first;

    analysis_print(p, ANALYSIS_PRINT_HEAD, "Risks");

    for ( ; r != NULL; r = r->next) {
        analysis_print(p, ANALYSIS_PRINT_BODY, "%.0f %% (%.*s): %.*s; by %.*s",
                       pt_json_double(r, "probability", 0) * 100,
                       PT_STR_ARG(pt_json_string(r, "severity", PT_STR(""))),
                       PT_STR_ARG(pt_json_string(r, "detail", PT_STR(""))),
                       PT_STR_ARG(pt_json_string(r, "source", PT_STR(""))));
    }
}


/* ---- a market ---- */

pt_err_t
analysis_page_market(const pt_json_t *result, const pt_typeface_t *typeface,
    pt_buf_t *pdf)
{
    const pt_json_t  *f = analysis_print_at(result, "filter");
    const pt_json_t  *total = analysis_print_at(result, "total");
    analysis_print_t  p;

    analysis_print_begin(&p, result, typeface, PT_STR("Market research"));
    analysis_print(&p, ANALYSIS_PRINT_LEAD, "%s, %lld to %lld: %lld films",
                   page_filter(&p).data,
                   (long long) pt_json_int(f, "from", 0),
                   (long long) pt_json_int(f, "to", 0),
                   (long long) pt_json_int(total, "films", 0));

    if (pt_json_int(total, "films", 0) != 0) {
        page_rate(&p, total);
        page_market_charts(&p);
        page_bands(&p);
        page_trends(&p);
        page_films(&p, analysis_print_at(result, "landscape")->first,
                   "The largest of the last ten years (dollars of 2019)");
    }

    page_demand(&p);

    return analysis_print_end(&p, pdf);
}


static void
page_rate(analysis_print_t *p, const pt_json_t *total)
{
    const pt_json_t  *times = analysis_print_at(total, "multiple");
    const pt_json_t  *rate = analysis_print_at(total, "hit_rate");

    analysis_print(p, ANALYSIS_PRINT_SAY, "Half of them made %.1f times their"
                   " budget or more, one in ten %.1f times or more, one in ten"
                   " %.2f times or less. %.0f of 100 made 2.5 times (the share"
                   " of all such films lies between %.0f and %.0f with a"
                   " certainty of 95 %%).",
                   pt_json_double(times, "median", 0),
                   pt_json_double(times, "p90", 0),
                   pt_json_double(times, "p10", 0),
                   pt_json_double(rate, "rate", 0) * 100,
                   pt_json_double(rate, "low", 0) * 100,
                   pt_json_double(rate, "high", 0) * 100);
}


/* "Horror, Mystery; budgets to $5.0 m" */
static pt_str_t
page_filter(analysis_print_t *p)
{
    double            from, to;
    pt_str_t          text = PT_STR("");
    const pt_json_t  *g, *f = analysis_print_at(p->result, "filter");

    for (g = analysis_print_at(f, "genres")->first; g != NULL; g = g->next) {
        text = analysis_print_copy(p, "%.*s%s%.*s", PT_STR_ARG(text),
                                   text.len ? ", " : "",
                                   PT_STR_ARG(g->text));
    }

    if (text.len == 0) {
        text = PT_STR("All genres");
    }

    from = pt_json_double(f, "budget_from_2019_usd", 0);
    to = pt_json_double(f, "budget_to_2019_usd", 0);

    if (from > 0) {
        text = analysis_print_copy(p, "%.*s; budgets from %s",
                   PT_STR_ARG(text), analysis_print_money(p, from).data);
    }

    if (to > 0) {
        text = analysis_print_copy(p, "%.*s; budgets to %s",
                   PT_STR_ARG(text), analysis_print_money(p, to).data);
    }

    return text;
}


static void
page_market_charts(analysis_print_t *p)
{
    double            y[PAGE_YEARS];
    pt_str_t          year[PAGE_YEARS];
    pt_chart_t        left, right;
    pt_series_t       years = { .name = PT_STR("films"), .y = y };
    page_bars_t       months;
    const pt_json_t  *v, *rate;

    static const char *const  names[12] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
        "Nov", "Dec"
    };

    v = analysis_print_at(p->result, "by_year")->first;

    for ( ; v != NULL && years.n < PAGE_YEARS; v = v->next) {
        year[years.n] = analysis_print_copy(p, "%lld",
                            (long long) pt_json_int(v, "year", 0));
        y[years.n++] = (double) pt_json_int(analysis_print_at(v, "figures"),
                                            "films", 0);
    }

    left = (pt_chart_t) {
        .kind = PT_CHART_LINE, .axis = PT_CHART_CATEGORIES,
        .title = PT_STR("Films a year"), .categories = year,
        .n_categories = years.n, .series = &years,
        .n_series = years.n != 0
    };

    page_bars(&months, "hit rate");

    for (v = analysis_print_at(p->result, "by_month")->first; v != NULL;
         v = v->next)
    {
        rate = analysis_print_at(v, "figures.hit_rate");
        page_bar(&months, pt_str(names[(pt_json_int(v, "month", 1) + 11)
                                       % 12]),
                 pt_json_double(rate, "rate", (double) NAN) * 100);
    }

    right = page_chart(&months, "Hit rate by month of release");
    right.y_units.suffix = " %";
    analysis_print_charts(p, &left, &right);
}


static void
page_bands(analysis_print_t *p)
{
    pt_str_t          row[5];
    const pt_json_t  *b, *f, *hits;

    static const analysis_column_t  columns[5] = {
        { "Budget (dollars of 2019)", 66 }, { "Films", 22 },
        { "Median multiple", 30 }, { "Hit rate", 22 }, { "95 % interval", 34 }
    };

    analysis_print(p, ANALYSIS_PRINT_HEAD, "By budget");
    analysis_print_heads(p, columns, 5);
    b = analysis_print_at(p->result, "by_budget")->first;

    for ( ; b != NULL; b = b->next) {
        f = analysis_print_at(b, "figures");
        hits = analysis_print_at(f, "hit_rate");

        row[0] = pt_json_string(b, "band", PT_STR(""));
        row[1] = analysis_print_copy(p, "%lld",
                                     (long long) pt_json_int(f, "films", 0));
        row[2] = row[3] = row[4] = PT_STR("");

        if (pt_json_int(f, "films", 0) != 0) {
            row[2] = analysis_print_copy(p, "%.1f",
                         analysis_print_at(f, "multiple.median")->number);
            row[3] = analysis_print_copy(p, "%.0f %%",
                         pt_json_double(hits, "rate", 0) * 100);
            row[4] = analysis_print_copy(p, "%.0f to %.0f %%",
                         pt_json_double(hits, "low", 0) * 100,
                         pt_json_double(hits, "high", 0) * 100);
        }

        analysis_print_row(p, columns, 5, row);
    }
}


static void
page_trends(analysis_print_t *p)
{
    size_t            i;
    const pt_json_t  *t;

    static const struct {
        const char  *name, *said;
        double       times;
    } trends[] = {
        { "films", "films a year", 1 },
        { "hit_rate", "points of hit rate", 100 },
        { "log10_multiple", "to the mean log10 of the multiple", 1 }
    };

    t = analysis_print_at(p->result, "trends");

    if (t->first == NULL) {
        return;
    }

    analysis_print(p, ANALYSIS_PRINT_HEAD,
                   "In ten years (with 95 %% intervals)");

    for (i = 0; i < sizeof(trends) / sizeof(trends[0]); i++) {
        t = analysis_print_at(analysis_print_at(p->result, "trends"),
                              trends[i].name);

        if (t->first != NULL) {
            analysis_print(p, ANALYSIS_PRINT_BODY, "%+.2f %s (%+.2f to"
                           " %+.2f)",
                           pt_json_double(t, "per_decade", 0)
                           * trends[i].times, trends[i].said,
                           pt_json_double(t, "low", 0) * trends[i].times,
                           pt_json_double(t, "high", 0) * trends[i].times);
        }
    }
}


static void
page_demand(analysis_print_t *p)
{
    unsigned          n = 0;
    const pt_json_t  *g;

    g = analysis_print_at(p->result, "platform.by_genre")->first;

    if (g != NULL) {
        analysis_print(p, ANALYSIS_PRINT_HEAD, "Demand on the platform");
    }

    for ( ; g != NULL && n < PAGE_BARS; g = g->next, n++) {
        const pt_json_t  *views = pt_json_member(g, "views");

        analysis_print(p, ANALYSIS_PRINT_BODY, "%.*s: %lld published pitches,"
                       " %s views",
                       PT_STR_ARG(pt_json_string(g, "genre", PT_STR(""))),
                       (long long) pt_json_int(g, "pitches", 0),
                       views == NULL || views->type != PT_JSON_NUMBER
                       ? "too few people for a number of"
                       : analysis_print_copy(p, "%.0f",
                                             views->number).data);
    }
}


/* ---- content ---- */

pt_err_t
analysis_page_content(const pt_json_t *result, const pt_typeface_t *typeface,
    pt_buf_t *pdf)
{
    analysis_print_t  p;

    analysis_print_begin(&p, result, typeface, page_title(result));
    page_edits(&p);
    page_content_charts(&p);
    page_genres(&p);
    page_films(&p, analysis_print_at(result, "comparables.films")->first,
               "Films most like it (dollars of 2019)");
    page_similar(&p);

    return analysis_print_end(&p, pdf);
}


static void
page_edits(analysis_print_t *p)
{
    unsigned          n = 0;
    const pt_json_t  *e = analysis_print_at(p->result, "edits");

    analysis_print(p, ANALYSIS_PRINT_LEAD, "%zu edits to make", e->n);

    for (e = e->first; e != NULL && n < PAGE_EDITS; e = e->next, n++) {
        analysis_print(p, ANALYSIS_PRINT_BODY, "%s, %.*s: %.*s",
                       analysis_print_name(p, pt_json_string(e, "field",
                                                      PT_STR(""))).data,
                       PT_STR_ARG(pt_json_string(e, "why", PT_STR(""))),
                       PT_STR_ARG(pt_json_string(e, "edit", PT_STR(""))));
    }
}


static void
page_content_charts(analysis_print_t *p)
{
    pt_chart_t        left, right;
    page_bars_t       genres, films;
    const pt_json_t  *v;

    page_bars(&genres, "probability");
    v = analysis_print_at(p->result, "genres.recommended")->first;

    for ( ; v != NULL; v = v->next) {
        page_bar(&genres, pt_json_string(v, "genre", PT_STR("")),
                 pt_json_double(v, "probability", 0) * 100);
    }

    page_bars(&films, "multiple");
    v = analysis_print_at(p->result, "positioning")->first;

    for ( ; v != NULL; v = v->next) {
        page_bar(&films, analysis_print_copy(p, "%lld",
                             (long long) pt_json_int(v, "year", 0)),
                 pt_json_double(v, "its_multiple", 0));
    }

    left = page_chart(&genres, "The genres that it reads as");
    left.y_units.suffix = " %";
    right = page_chart(&films, "Multiples of the nearest films, by year");
    analysis_print_charts(p, &left, &right);
}


static void
page_similar(analysis_print_t *p)
{
    const pt_json_t  *s = analysis_print_at(p->result, "similar_pitches");

    if ((s = s->first) != NULL) {
        analysis_print(p, ANALYSIS_PRINT_HEAD,
                       "Pitches like it on the platform");
    }

    for ( ; s != NULL; s = s->next) {
        analysis_print(p, ANALYSIS_PRINT_BODY, "%.*s: %.0f %% of its words"
                       " stand here, too",
                       PT_STR_ARG(page_title(s)),
                       pt_json_double(s, "likeness", 0) * 100);
    }
}
