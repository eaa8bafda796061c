/* market-research: what films of a kind have earned, and when. */

#include <stdlib.h>

#include "analysis_action.h"
#include "analysis_math.h"
#include "analysis_write.h"


#define YEAR_FROM     1990
#define BUDGET_MAX    1e15       /* beyond it is no limit */
#define RECENT_YEARS  5
#define SHOWN         10

/* fewer years are no trend */
#define TREND_YEARS_MIN  5

#define NORMAL_95     1.959964


typedef struct {
    uint32_t                 genres;         /* 0: any */
    double                   low, high;      /* log10 of 2019 dollars */
    unsigned                 from, to;
} market_filter_t;


/* films that are counted together */
typedef struct {
    double    *roi;
    unsigned   n;
    unsigned   hits;
    double     gross;
} market_group_t;


/* a straight line through a figure of each year, by weighted sums */
typedef struct {
    double    w, x, y, xx, xy, yy;
    unsigned  n;
} market_line_t;

enum {
    MARKET_FILMS = 0,
    MARKET_HITS,
    MARKET_MULTIPLE,

    MARKET_TRENDS
};


typedef bool (*market_in_fn)(const analysis_film_t *film, unsigned key);


static void market_write_filter(pt_jsonw_t *w, const market_filter_t *f);
static void market_series(pt_jsonw_t *w, const analysis_model_t *m,
    const market_filter_t *f, market_group_t *g);
static void market_years(pt_jsonw_t *w, const analysis_model_t *m,
    const market_filter_t *f, market_group_t *g);
static void market_filter(const analysis_model_t *m, const pt_json_t *params,
    uint32_t genres, market_filter_t *f);
static bool market_takes(const market_filter_t *f,
    const analysis_film_t *film);
static void market_group(const analysis_model_t *m, const market_filter_t *f,
    market_in_fn in, unsigned key, market_group_t *g);
static void market_figures(pt_jsonw_t *w, market_group_t *g);
static bool market_any(const analysis_film_t *film, unsigned key);
static bool market_genre(const analysis_film_t *film, unsigned key);
static bool market_month(const analysis_film_t *film, unsigned key);
static bool market_year(const analysis_film_t *film, unsigned key);
static bool market_band(const analysis_film_t *film, unsigned key);
static const char *market_band_name(unsigned key);
static bool market_mpaa(const analysis_film_t *film, unsigned key);
static void market_trend_add(market_line_t *lines, unsigned year,
    const market_group_t *g);
static void market_line_add(market_line_t *line, double x, double y,
    double weight);
static void market_trends(pt_jsonw_t *w, const market_line_t *lines);
static void market_saturation(pt_jsonw_t *w, const analysis_model_t *m,
    const market_filter_t *f);
static void market_largest(pt_jsonw_t *w, const analysis_model_t *m,
    const market_filter_t *f);
static void market_wilson(unsigned hits, unsigned n, double *low,
    double *high);


/* upper ends in log10 of 2019 dollars */
static const struct {
    const char  *name;
    double       to;
} market_bands[] = {
    { "0-1m", 6 }, { "1m-5m", 6.69897 }, { "5m-20m", 7.30103 },
    { "20m-50m", 7.69897 }, { "50m-100m", 8 }, { "100m+", 20 }
};

#define BANDS  (sizeof(market_bands) / sizeof(market_bands[0]))


pt_err_t
analysis_market_json(analysis_engine_t *e, const pt_json_t *params,
    const pt_json_t *platform, pt_buf_t *out, const char **ret_reason)
{
    pt_jsonw_t               w;
    market_group_t           g;
    market_filter_t          f;
    analysis_pitch_t         pitch;      /* genres, read like a pitch's */
    const analysis_model_t  *m = e->model;

    (void) ret_reason;

    g.roi = malloc((m->films.n + 1) * sizeof(double));
    if (g.roi == NULL) {
        return PT_E_NOMEM;
    }

    analysis_pitch_read(params, NULL, &pitch);
    market_filter(m, params, pitch.genres, &f);

    pt_jsonw_init(&w, out);
    pt_jsonw_object(&w);
    market_write_filter(&w, &f);

    pt_jsonw_key(&w, "total");
    market_group(m, &f, market_any, 0, &g);
    market_figures(&w, &g);

    market_series(&w, m, &f, &g);
    market_years(&w, m, &f, &g);
    market_saturation(&w, m, &f);
    market_largest(&w, m, &f);

    pt_jsonw_key(&w, "platform");

    if (platform != NULL) {
        pt_jsonw_value(&w, platform);

    } else {
        pt_jsonw_null(&w);
    }

    pt_jsonw_key(&w, "warnings");
    pt_jsonw_array(&w);
    analysis_write_genre_warning(&w, &pitch);
    pt_jsonw_end(&w);
    analysis_write_model(&w, m);
    pt_jsonw_end(&w);
    free(g.roi);

    return out->err;
}


static void
market_write_filter(pt_jsonw_t *w, const market_filter_t *f)
{
    pt_jsonw_key(w, "filter");
    pt_jsonw_object(w);
    analysis_put_genres(w, "genres", f->genres);
    analysis_put_money(w, "budget_from_2019_usd",
                       f->low > 0 ? analysis_pow10(f->low) : 0);

    if (f->high < 15) {
        analysis_put_money(w, "budget_to_2019_usd", analysis_pow10(f->high));
    }

    analysis_put_int(w, "from", f->from);
    analysis_put_int(w, "to", f->to);
    pt_jsonw_end(w);
}


/* in the order of a chart */
static void
market_series(pt_jsonw_t *w, const analysis_model_t *m,
    const market_filter_t *f, market_group_t *g)
{
    size_t    i;
    unsigned  key;

    static const struct {
        const char    *name, *label;
        market_in_fn   in;
        unsigned       first, end;
        const char  *(*said)(unsigned key);  /* NULL: the number itself */
        bool           empty;                /* shown, too */
    } series[] = {
        { "by_genre", "genre", market_genre, 0, ANALYSIS_GENRES,
          analysis_genre_name, false },
        { "by_budget", "band", market_band, 0, BANDS, market_band_name,
          true },
        { "by_month", "month", market_month, 1, 13, NULL, true },
        { "ratings", "rating", market_mpaa, 1, ANALYSIS_MPAA,
          analysis_mpaa_name, true }
    };

    for (i = 0; i < sizeof(series) / sizeof(series[0]); i++) {
        pt_jsonw_key(w, series[i].name);
        pt_jsonw_array(w);

        for (key = series[i].first; key < series[i].end; key++) {
            market_group(m, f, series[i].in, key, g);

            if (g->n == 0 && !series[i].empty) {
                continue;
            }

            pt_jsonw_object(w);

            if (series[i].said != NULL) {
                analysis_put_text(w, series[i].label, series[i].said(key));

            } else {
                analysis_put_int(w, series[i].label, key);
            }

            pt_jsonw_key(w, "figures");
            market_figures(w, g);
            pt_jsonw_end(w);
        }

        pt_jsonw_end(w);
    }
}


/* and the lines through them */
static void
market_years(pt_jsonw_t *w, const analysis_model_t *m,
    const market_filter_t *f, market_group_t *g)
{
    unsigned       year;
    market_line_t  trends[MARKET_TRENDS];

    memset(trends, 0, sizeof(trends));

    pt_jsonw_key(w, "by_year");
    pt_jsonw_array(w);

    for (year = f->from; year <= f->to; year++) {
        market_group(m, f, market_year, year, g);
        market_trend_add(trends, year, g);
        pt_jsonw_object(w);
        analysis_put_int(w, "year", year);
        pt_jsonw_key(w, "figures");
        market_figures(w, g);
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
    market_trends(w, trends);
}


static void
market_filter(const analysis_model_t *m, const pt_json_t *params,
    uint32_t genres, market_filter_t *f)
{
    double            v, price;
    int64_t           year;
    const pt_json_t  *budget = pt_json_member(params, "budget_usd");

    *f = (market_filter_t) {
        .genres = genres, .low = 0, .high = 20, .from = YEAR_FROM,
        .to = ANALYSIS_YEAR_LAST
    };

    price = analysis_model_prices(m, 2100);
    v = pt_json_double(budget, "from", 0);
    f->low = v >= 1 ? analysis_log10(v * price) : 0;
    v = pt_json_double(budget, "to", BUDGET_MAX);
    f->high = v < 1 ? 0 : v < BUDGET_MAX ? analysis_log10(v * price) : 20;

    year = pt_json_int(pt_json_member(params, "years"), "from", YEAR_FROM);
    f->from = (unsigned) (year < 1915 ? 1915 : year > 2022 ? 2022 : year);
    year = pt_json_int(pt_json_member(params, "years"), "to",
                       ANALYSIS_YEAR_LAST);
    f->to = (unsigned) (year < f->from ? f->from : year > 2022 ? 2022 : year);
}


static bool
market_takes(const market_filter_t *f, const analysis_film_t *film)
{
    return analysis_film_has_money(film)
           && (f->genres == 0 || (film->genres & f->genres) != 0)
           && (double) film->budget >= f->low
           && (double) film->budget <= f->high
           && film->year >= f->from && film->year <= f->to;
}


/* fills g, whose numbers are sorted */
static void
market_group(const analysis_model_t *m, const market_filter_t *f,
    market_in_fn in, unsigned key, market_group_t *g)
{
    uint32_t                i;
    const analysis_film_t  *film;

    g->n = 0;
    g->hits = 0;
    g->gross = 0;

    for (i = 0; i < m->films.n; i++) {
        film = &m->films.films[i];

        if (!market_takes(f, film) || !in(film, key)) {
            continue;
        }

        g->roi[g->n] = (double) film->gross - (double) film->budget;
        g->hits += g->roi[g->n++] >= ANALYSIS_HIT;
        g->gross += analysis_pow10((double) film->gross);
    }

    analysis_sort(g->roi, g->n);
}


static void
market_figures(pt_jsonw_t *w, market_group_t *g)
{
    double    low, high;
    unsigned  i;

    static const struct {
        const char  *key;
        double       p;
    } levels[] = {
        { "p10", 0.1 }, { "p25", 0.25 }, { "median", 0.5 }, { "p75", 0.75 },
        { "p90", 0.9 }
    };

    pt_jsonw_object(w);
    analysis_put_int(w, "films", g->n);

    if (g->n != 0) {
        pt_jsonw_key(w, "multiple");
        pt_jsonw_object(w);

        for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
            analysis_put_key(w, levels[i].key,
                             analysis_pow10(analysis_quantile(g->roi, g->n,
                                                              levels[i].p)));
        }

        pt_jsonw_end(w);
        market_wilson(g->hits, g->n, &low, &high);
        pt_jsonw_key(w, "hit_rate");
        pt_jsonw_object(w);
        analysis_put_key(w, "rate", (double) g->hits / g->n);
        analysis_put_key(w, "low", low);
        analysis_put_key(w, "high", high);
        pt_jsonw_end(w);
        analysis_put_money(w, "gross_2019_usd", g->gross);
    }

    pt_jsonw_end(w);
}


/* Wilson's 95 % interval of a share */
static void
market_wilson(unsigned hits, unsigned n, double *low, double *high)
{
    double  p = (double) hits / n, z = NORMAL_95, middle, half;

    middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    half = z / (1 + z * z / n)
           * __builtin_sqrt(p * (1 - p) / n + z * z / (4.0 * n * n));

    *low = middle - half < 0 ? 0 : middle - half;
    *high = middle + half > 1 ? 1 : middle + half;
}


static bool
market_any(const analysis_film_t *film, unsigned key)
{
    (void) film;
    (void) key;

    return true;
}


static bool
market_genre(const analysis_film_t *film, unsigned key)
{
    return film->genres >> key & 1;
}


static bool
market_month(const analysis_film_t *film, unsigned key)
{
    return film->month == key;
}


static bool
market_year(const analysis_film_t *film, unsigned key)
{
    return film->year == key;
}


static bool
market_mpaa(const analysis_film_t *film, unsigned key)
{
    return film->mpaa == key;
}


static bool
market_band(const analysis_film_t *film, unsigned key)
{
    return (double) film->budget <= market_bands[key].to
           && (key == 0
               || (double) film->budget > market_bands[key - 1].to);
}


static const char *
market_band_name(unsigned key)
{
    return market_bands[key].name;
}


/* ---- trends ---- */

/* a year's shares and means count by its films */
static void
market_trend_add(market_line_t *lines, unsigned year, const market_group_t *g)
{
    double    mean = 0, decade = ((double) year - 2000) / 10;
    unsigned  i;

    market_line_add(&lines[MARKET_FILMS], decade, g->n, 1);

    if (g->n == 0) {
        return;
    }

    for (i = 0; i < g->n; i++) {
        mean += g->roi[i] / g->n;
    }

    market_line_add(&lines[MARKET_HITS], decade, (double) g->hits / g->n,
                    g->n);
    market_line_add(&lines[MARKET_MULTIPLE], decade, mean, g->n);
}


static void
market_line_add(market_line_t *line, double x, double y, double weight)
{
    line->w += weight;
    line->x += weight * x;
    line->y += weight * y;
    line->xx += weight * x * x;
    line->xy += weight * x * y;
    line->yy += weight * y * y;
    line->n++;
}


/* the slope in ten years, with its 95 % interval */
static void
market_trends(pt_jsonw_t *w, const market_line_t *lines)
{
    double                xx, xy, yy, slope, half;
    unsigned              i;
    const market_line_t  *l;

    static const char *const  names[MARKET_TRENDS] = {
        "films", "hit_rate", "log10_multiple"
    };

    pt_jsonw_key(w, "trends");
    pt_jsonw_object(w);

    for (i = 0; i < MARKET_TRENDS; i++) {
        l = &lines[i];

        if (l->n < TREND_YEARS_MIN) {
            continue;
        }

        xx = l->xx - l->x * l->x / l->w;
        xy = l->xy - l->x * l->y / l->w;
        yy = l->yy - l->y * l->y / l->w;
        slope = xy / xx;
        half = (yy - slope * xy) / xx / (l->n - 2);
        half = NORMAL_95 * __builtin_sqrt(half > 0 ? half : 0);

        pt_jsonw_key(w, names[i]);
        pt_jsonw_object(w);
        analysis_put_key(w, "per_decade", slope);
        analysis_put_key(w, "low", slope - half);
        analysis_put_key(w, "high", slope + half);
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
}


/* the last years against those before */
static void
market_saturation(pt_jsonw_t *w, const analysis_model_t *m,
    const market_filter_t *f)
{
    uint32_t                i;
    unsigned                n[2] = { 0 }, hits[2] = { 0 }, k;
    market_filter_t         wide = *f;
    const analysis_film_t  *film;

    wide.from = f->to - 2 * RECENT_YEARS + 1;

    for (i = 0; i < m->films.n; i++) {
        film = &m->films.films[i];

        if (market_takes(&wide, film)) {
            k = film->year > f->to - RECENT_YEARS;
            n[k]++;
            hits[k] += (double) film->gross - (double) film->budget
                       >= ANALYSIS_HIT;
        }
    }

    pt_jsonw_key(w, "saturation");
    pt_jsonw_object(w);
    analysis_put_int(w, "years", RECENT_YEARS);
    analysis_put_int(w, "films_before", n[0]);
    analysis_put_int(w, "films_recent", n[1]);

    if (n[0] != 0 && n[1] != 0) {
        analysis_put_key(w, "films_change", (double) n[1] / n[0] - 1);
        analysis_put_key(w, "hit_rate_change", (double) hits[1] / n[1]
                                               - (double) hits[0] / n[0]);
    }

    pt_jsonw_end(w);
}


static void
market_largest(pt_jsonw_t *w, const analysis_model_t *m,
    const market_filter_t *f)
{
    uint32_t                i;
    unsigned                n = 0, k;
    analysis_near_t         list[SHOWN];
    const analysis_film_t  *film;

    for (i = 0; i < m->films.n; i++) {
        film = &m->films.films[i];

        if (market_takes(f, film) && film->year + 10u > f->to) {
            n = analysis_near_add(list, n, SHOWN, i, film->gross);
        }
    }

    pt_jsonw_key(w, "landscape");
    pt_jsonw_array(w);

    for (k = 0; k < n; k++) {
        film = &m->films.films[list[k].film];
        pt_jsonw_object(w);
        analysis_put_str(w, "title",
                         analysis_film_title(&m->films, list[k].film));
        analysis_put_int(w, "year", film->year);
        analysis_put_genres(w, "genres", film->genres);
        analysis_put_money(w, "budget_2019_usd",
                           analysis_pow10((double) film->budget));
        analysis_put_money(w, "gross_2019_usd",
                           analysis_pow10((double) film->gross));
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
}
