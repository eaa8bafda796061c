/* What a film to be made may earn. */

#include "analysis_engine.h"
#include "analysis_math.h"


/* of each thing that is not known, on the interval's width */
#define WIDEN_EACH   0.12

/* what films alike say, before any is known */
#define ALIKE_ROI    0.25
#define ALIKE_HITS   0.4
#define ALIKE_PRIOR  5.0

/* more than any film: 1,000 times its budget, a chance of 99.9 % */
#define ROI_MAX      3.0


typedef struct {
    double  part[ANALYSIS_CONTRIBUTIONS];
} forecast_sum_t;


static unsigned forecast_contribution(unsigned feature);
static void forecast_part(const analysis_model_t *m, unsigned which,
    const double x[ANALYSIS_FEATURES], unsigned year, double alike,
    forecast_sum_t *sum);
static void forecast_alike(const analysis_model_t *m,
    const analysis_deal_t *deal, double *ret_roi, double *ret_hit);
static int64_t forecast_total(const forecast_sum_t *sum, int64_t *part);


const char *
analysis_contribution_name(unsigned contribution)
{
    static const char *const  names[ANALYSIS_CONTRIBUTIONS] = {
        "all_films", "budget", "season", "year", "genres", "sequel",
        "based_on", "films_alike"
    };

    return names[contribution];
}


void
analysis_forecast(const analysis_model_t *m, const analysis_deal_t *deal,
    unsigned unknown, const analysis_forecast_t *like,
    analysis_forecast_t *ret)
{
    double                     x[ANALYSIS_FEATURES];
    unsigned                   k;
    forecast_sum_t             roi, hit;
    analysis_prior_t           prior;
    const analysis_numbers_t  *n = m->numbers;

    memset(ret, 0, sizeof(*ret));

    if (like != NULL) {
        memcpy(ret->alike, like->alike, sizeof(ret->alike));

    } else {
        forecast_alike(m, deal, &ret->alike[0], &ret->alike[1]);
    }

    analysis_films_prior(&m->films, deal->title, deal->sequel != 0,
                         deal->year, &prior);
    analysis_deal_features(deal, &prior, x);

    forecast_part(m, 0, x, deal->year, ret->alike[0], &roi);
    x[ANALYSIS_F_YEAR] = ANALYSIS_YEAR_NONE;
    forecast_part(m, 1, x, deal->year, ret->alike[1], &hit);

    ret->roi = forecast_total(&roi, ret->roi_part);
    ret->hit = forecast_total(&hit, ret->hit_part);
    ret->p_hit = analysis_logistic((double) ret->hit / ANALYSIS_MICRO);
    ret->widen = 1 + WIDEN_EACH * unknown;
    ret->price = analysis_model_prices(m, deal->year);
    ret->budget = deal->budget;

    for (k = 0; k < ANALYSIS_FIFTHS - 1 && deal->budget >= n->cut[k]; k++) {
        /* void */
    }

    ret->fifth = k;
}


/* likeness does not look at the month */
double
analysis_forecast_hit(const analysis_model_t *m, const analysis_deal_t *deal,
    const analysis_forecast_t *like)
{
    double             x[ANALYSIS_FEATURES];
    int64_t            part[ANALYSIS_CONTRIBUTIONS];
    forecast_sum_t     hit;
    analysis_prior_t   prior;

    analysis_films_prior(&m->films, deal->title, deal->sequel != 0,
                         deal->year, &prior);
    analysis_deal_features(deal, &prior, x);
    x[ANALYSIS_F_YEAR] = ANALYSIS_YEAR_NONE;
    forecast_part(m, 1, x, deal->year, like->alike[1], &hit);

    return analysis_logistic((double) forecast_total(&hit, part)
                             / ANALYSIS_MICRO);
}


static unsigned
forecast_contribution(unsigned feature)
{
    switch (feature) {

    case ANALYSIS_F_BUDGET:
        return ANALYSIS_C_BUDGET;

    case ANALYSIS_F_YEAR:
        return ANALYSIS_C_YEAR;

    case ANALYSIS_F_MONTH:
        return ANALYSIS_C_SEASON;

    case ANALYSIS_F_SEQUEL:
    case ANALYSIS_F_PRIOR_N:
    case ANALYSIS_F_PRIOR_ROI:
    case ANALYSIS_F_PRIOR_GROSS:
        return ANALYSIS_C_SEQUEL;

    default:
        return feature >= ANALYSIS_F_NGENRES ? ANALYSIS_C_GENRES
                                             : ANALYSIS_C_BASED;
    }
}


/* which: 0 gross over budget, 1 hit */
static void
forecast_part(const analysis_model_t *m, unsigned which,
    const double x[ANALYSIS_FEATURES], unsigned year, double alike,
    forecast_sum_t *sum)
{
    double                     part[ANALYSIS_FEATURES] = { 0 }, base, c;
    double                     z[ANALYSIS_LINEAR];
    unsigned                   i;
    const double              *mix, *coef, *calibrate;
    const analysis_numbers_t  *n = m->numbers;

    memset(sum, 0, sizeof(*sum));
    mix = n->mix[which];
    coef = n->linear[which];
    calibrate = n->calibrate[which];

    (void) analysis_trees_sum(&m->trees, which ? n->ngross : 0,
                              which ? m->trees.n : n->ngross, x, part, &base);

    sum->part[ANALYSIS_C_BASE] = mix[0] * (base + n->base[which])
                                 + mix[1] * coef[ANALYSIS_LINEAR];

    for (i = 0; i < ANALYSIS_FEATURES; i++) {
        sum->part[forecast_contribution(i)] += mix[0] * part[i];
    }

    analysis_deal_linear(x, z);

    for (i = 0; i < ANALYSIS_LINEAR; i++) {
        sum->part[forecast_contribution(analysis_linear_feature(i))]
            += mix[1] * coef[i] * z[i];
    }

    c = which ? analysis_logit(ALIKE_HITS) : ALIKE_ROI;
    sum->part[ANALYSIS_C_BASE] += mix[2] * c;
    sum->part[ANALYSIS_C_ALIKE] = mix[2] * (alike - c);

    for (i = 0; i < ANALYSIS_CONTRIBUTIONS; i++) {
        sum->part[i] *= calibrate[0];
    }

    sum->part[ANALYSIS_C_BASE] += calibrate[1];

    if (which) {
        sum->part[ANALYSIS_C_YEAR] += n->level[analysis_level(year)];
    }
}


static void
forecast_alike(const analysis_model_t *m, const analysis_deal_t *deal,
    double *ret_roi, double *ret_hit)
{
    double                  roi[ANALYSIS_NEAREST];
    unsigned                i, n, hits = 0;
    analysis_near_t         near[ANALYSIS_NEAREST];
    const analysis_film_t  *f;

    n = analysis_deal_nearest(deal, &m->films, m->money, m->nmoney,
                              ANALYSIS_NEAREST, near);

    for (i = 0; i < n; i++) {
        f = &m->films.films[near[i].film];
        roi[i] = (double) f->gross - (double) f->budget;
        hits += roi[i] >= ANALYSIS_HIT;
    }

    analysis_sort(roi, n);
    *ret_roi = n ? analysis_quantile(roi, n, 0.5) : ALIKE_ROI;
    *ret_hit = analysis_logit((hits + ALIKE_HITS * ALIKE_PRIOR)
                              / (n + ALIKE_PRIOR));
}


static int64_t
forecast_total(const forecast_sum_t *sum, int64_t *part)
{
    int64_t   total = 0;
    unsigned  i;

    for (i = 0; i < ANALYSIS_CONTRIBUTIONS; i++) {
        part[i] = analysis_round(sum->part[i] * ANALYSIS_MICRO);
        total += part[i];
    }

    return total;
}


double
analysis_forecast_roi(const analysis_model_t *m, const analysis_forecast_t *f,
    double p)
{
    double         v, half;
    const double  *residual = m->numbers->residual[f->fifth];

    half = analysis_quantile(residual, ANALYSIS_QUANTILES, 0.5);
    v = analysis_quantile(residual, ANALYSIS_QUANTILES, p);
    v = (double) f->roi / ANALYSIS_MICRO + half + (v - half) * f->widen;

    return v > ROI_MAX ? ROI_MAX : v;
}


double
analysis_forecast_gross(const analysis_model_t *m,
    const analysis_forecast_t *f, double p)
{
    return analysis_pow10(f->budget + analysis_forecast_roi(m, f, p))
           / f->price;
}


/* by halving: the distribution is only known by its quantiles */
double
analysis_forecast_reach(const analysis_model_t *m,
    const analysis_forecast_t *f, double times)
{
    double    low = 0, high = 1, middle, v = analysis_log10(times);
    unsigned  i;

    if (analysis_forecast_roi(m, f, 0) >= v) {
        return 1;
    }

    if (analysis_forecast_roi(m, f, 1) < v) {
        return 0;
    }

    for (i = 0; i < 40; i++) {
        middle = (low + high) / 2;

        if (analysis_forecast_roi(m, f, middle) < v) {
            low = middle;

        } else {
            high = middle;
        }
    }

    return 1 - high;
}
