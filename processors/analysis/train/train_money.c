/*
 * Money: XGBoost for the trees, ridge and logistic regression beside them,
 * and the median of films alike.  All that is chosen or measured is so by
 * films that a fit has not seen; the residuals of those films are what the
 * intervals of a forecast are made of.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xgboost/c_api.h>

#include "analysis_math.h"
#include "train_money.h"


#define SPLIT_YEAR  2012
#define BUDGET_MIN  10000
#define HIT         2.5          /* times its budget */

#define BAGS        3

#define F  ANALYSIS_FEATURES
#define Z  ANALYSIS_LINEAR
#define C  ANALYSIS_CALIBRATE


typedef struct {
    uint32_t  film;
    unsigned  fold, year;
    double    budget, roi;
    bool      hit;
} row_t;


/* what the parts say of a row */
typedef struct {
    double  roi[TRAIN_PARTS];
    double  hit[TRAIN_PARTS];    /* log-odds */
} said_t;


typedef struct {
    const train_data_t      *data;
    const analysis_films_t  *films;
    row_t                   *rows;
    size_t                   n;
    said_t                  *said;        /* out of fold */
    said_t                  *said_time;   /* <= 2012 by folds, later by them */
} money_t;


/* of rows, by what has not seen them */
typedef struct {
    double   *p;                 /* of a hit */
    double   *roi;
    double  (*q)[3];             /* 10, 50, 90 % of roi */
    double   *alike;             /* of a hit, by films alike only */
} forecasts_t;


static void money_try(const money_t *m, const bool *in, const bool *of,
    said_t *said);
static void money_by_folds(money_t *m, train_money_measure_t *ret);
static void money_by_time(money_t *m, train_money_measure_t *ret);
static void forecasts_init(forecasts_t *f, size_t n);
static void forecasts_done(forecasts_t *f);
static void money_rows(money_t *m);
static void money_fit(const money_t *m, const bool *in, train_fit_t *fit);
static void money_say(const money_t *m, const bool *in, const bool *of,
    const train_fit_t *fit, said_t *said);
static void money_films(const money_t *m, const bool *in,
    analysis_films_t *ret, uint32_t **ret_order, uint32_t *ret_n);
static void money_features(const money_t *m, const analysis_films_t *films,
    size_t i, double x[F]);
static void money_trees(train_fit_t *fit, const float *x, const float *y,
    size_t n, bool hit);
static void money_dump(train_fit_t *fit, BoosterHandle booster, double eta);
static double money_node(train_fit_t *fit, const pt_json_t *json,
    uint32_t root, uint32_t at, double *ret_cover);
static void money_ridge(const double (*z)[Z], const double *y, size_t n,
    double coef[Z + 1]);
static void money_logistic(const double (*z)[Z], const double *y, size_t n,
    double coef[Z + 1]);
static void money_solve(double *a, double *b, size_t n);
static void money_finish(const money_t *m, const said_t *said,
    const bool *use, train_money_t *out);
static double money_mix(const double *part, const double *mix);
static void money_calibrate(const money_t *m, const said_t *said,
    const bool *use, train_money_t *out);
static void money_level(const money_t *m, const said_t *said,
    const bool *use, train_money_t *out);
static double money_said(const train_money_t *how, const said_t *said,
    unsigned year, unsigned k);
static void money_measure(const money_t *m, const said_t *said,
    const bool *of, const train_money_t *how, forecasts_t *f);
static void money_figures(const money_t *m, const bool *of,
    const forecasts_t *f, const char *name, train_money_measure_t *out);
static void money_chances(const money_t *m, const bool *of,
    const forecasts_t *f, train_money_measure_t *out);
static void money_grosses(const money_t *m, const bool *of,
    const forecasts_t *f, train_money_measure_t *out);
static double money_auc(const double *p, const bool *hit, size_t n);


/* tuned by folds */
static const struct {
    const char  *name;
    const char  *value;
} money_settings[] = {
    { "tree_method", "exact" },
    { "nthread", "1" },
    { "verbosity", "0" },
    { "subsample", "0.6" },
    { "colsample_bytree", "0.5" },
    { "min_child_weight", "8" },
    { "lambda", "5" },
};

void
train_money(const train_data_t *data, const analysis_films_t *films,
    train_money_t *ret_money)
{
    size_t   i;
    bool    *all;
    money_t  m = { .data = data, .films = films };

    memset(ret_money, 0, sizeof(*ret_money));
    money_rows(&m);

    m.said = train_alloc(m.n, sizeof(said_t));
    m.said_time = train_alloc(m.n, sizeof(said_t));

    money_by_folds(&m, &ret_money->folds);
    money_by_time(&m, &ret_money->time);

    /* what is shipped */
    all = train_alloc(m.n, 1);

    for (i = 0; i < m.n; i++) {
        all[i] = true;
    }

    money_finish(&m, m.said, all, ret_money);
    money_fit(&m, all, &ret_money->fit);
    free(all);

    train_note("money: %zu films; %zu trees' nodes; mix roi %.2f %.2f %.2f "
               "hit %.2f %.2f %.2f", m.n, ret_money->fit.nnodes,
               ret_money->mix[0][0], ret_money->mix[0][1],
               ret_money->mix[0][2], ret_money->mix[1][0],
               ret_money->mix[1][1], ret_money->mix[1][2]);
}


/* what a fit to the films of in says of those of of */
static void
money_try(const money_t *m, const bool *in, const bool *of, said_t *said)
{
    train_fit_t  fit;

    money_fit(m, in, &fit);
    money_say(m, in, of, &fit, said);
    free(fit.nodes);
    free(fit.roots);
}


static void
money_by_folds(money_t *m, train_money_measure_t *ret)
{
    bool           *in = train_alloc(m->n, 1), *of = train_alloc(m->n, 1);
    size_t          i;
    unsigned        k, pass;
    train_money_t   how;
    forecasts_t     f;

    forecasts_init(&f, m->n);

    /* what follows from the said of four folds is measured on the fifth */
    for (pass = 0; pass < 2; pass++) {
        for (k = 0; k < TRAIN_FOLDS; k++) {
            for (i = 0; i < m->n; i++) {
                in[i] = m->rows[i].fold != k;
                of[i] = !in[i];
            }

            if (pass == 0) {
                money_try(m, in, of, m->said);

            } else {
                money_finish(m, m->said, in, &how);
                money_measure(m, m->said, of, &how, &f);
            }
        }
    }

    for (i = 0; i < m->n; i++) {
        of[i] = true;
    }

    money_figures(m, of, &f, "folds", ret);
    forecasts_done(&f);
    free(in);
    free(of);
}


/* folds up to the year for the mix, all of them for the rest */
static void
money_by_time(money_t *m, train_money_measure_t *ret)
{
    bool           *in = train_alloc(m->n, 1), *of = train_alloc(m->n, 1);
    size_t          i;
    unsigned        k;
    train_money_t   how;
    forecasts_t     f;

    forecasts_init(&f, m->n);

    for (k = 0; k <= TRAIN_FOLDS; k++) {
        for (i = 0; i < m->n; i++) {
            bool  old = m->rows[i].year <= SPLIT_YEAR;

            in[i] = old && (k == TRAIN_FOLDS || m->rows[i].fold != k);
            of[i] = k == TRAIN_FOLDS ? !old : old && !in[i];
        }

        money_try(m, in, of, m->said_time);
    }

    for (i = 0; i < m->n; i++) {
        in[i] = m->rows[i].year <= SPLIT_YEAR;
        of[i] = !in[i];
    }

    money_finish(m, m->said_time, in, &how);
    money_measure(m, m->said_time, of, &how, &f);
    money_figures(m, of, &f, "time", ret);
    forecasts_done(&f);
    free(in);
    free(of);
}


static void
forecasts_init(forecasts_t *f, size_t n)
{
    f->p = train_alloc(n, sizeof(*f->p));
    f->roi = train_alloc(n, sizeof(*f->roi));
    f->q = train_alloc(n, sizeof(*f->q));
    f->alike = train_alloc(n, sizeof(*f->alike));
}


static void
forecasts_done(forecasts_t *f)
{
    free(f->p);
    free(f->roi);
    free(f->q);
    free(f->alike);
}


static void
money_rows(money_t *m)
{
    size_t                  i;
    row_t                  *r;
    const train_film_t     *f;
    const analysis_film_t  *film;

    m->rows = train_alloc(m->data->n, sizeof(row_t));

    for (i = 0; i < m->data->n; i++) {
        f = &m->data->films[i];
        film = &m->films->films[i];

        if (f->budget_usd < BUDGET_MIN || f->gross_usd <= 0
            || !analysis_film_is_usable(film))
        {
            continue;
        }

        r = &m->rows[m->n++];
        r->film = (uint32_t) i;
        r->fold = f->fold;
        r->year = f->year;
        r->budget = (double) film->budget;
        r->roi = (double) film->gross - (double) film->budget;
        r->hit = f->gross_usd >= HIT * f->budget_usd;
    }
}


/* the films that a fit may know: no money but of those that it sees */
static void
money_films(const money_t *m, const bool *in, analysis_films_t *ret,
    uint32_t **ret_order, uint32_t *ret_n)
{
    size_t            i;
    uint32_t          n = 0, k;
    analysis_film_t  *films;

    films = train_alloc(m->films->n, sizeof(*films));
    memcpy(films, m->films->films, m->films->n * sizeof(*films));

    for (i = 0; i < m->films->n; i++) {
        films[i].gross = 0;
    }

    *ret_order = train_alloc(m->n, sizeof(uint32_t));

    for (i = 0; i < m->n; i++) {
        if (in[i]) {
            k = m->rows[i].film;
            films[k].gross = m->films->films[k].gross;
            (*ret_order)[n++] = k;
        }
    }

    for (i = 1; i < n; i++) {        /* by budget */
        uint32_t  film = (*ret_order)[i];
        size_t    at;

        for (at = i; at > 0 && films[(*ret_order)[at - 1]].budget
                               > films[film].budget; at--)
        {
            (*ret_order)[at] = (*ret_order)[at - 1];
        }

        (*ret_order)[at] = film;
    }

    *ret = *m->films;
    ret->films = films;
    *ret_n = n;
}


static void
money_deal(const money_t *m, size_t i, analysis_deal_t *deal)
{
    const train_film_t  *f = &m->data->films[m->rows[i].film];

    *deal = (analysis_deal_t) {
        .title = pt_str(f->title),
        .budget = m->rows[i].budget,
        .year = f->year,
        .month = f->month,
        .genres = f->genres,
        .sequel = f->sequel,
        .based_on = f->based_on
    };
}


static void
money_features(const money_t *m, const analysis_films_t *films, size_t i,
    double x[F])
{
    analysis_deal_t   deal;
    analysis_prior_t  prior;

    money_deal(m, i, &deal);
    analysis_films_prior(films, deal.title, deal.sequel, deal.year, &prior);
    analysis_deal_features(&deal, &prior, x);
}


static void
money_fit(const money_t *m, const bool *in, train_fit_t *fit)
{
    float             *x[2], *y[2];
    double           (*z[2])[Z], *t[2], row[F];
    size_t             i, k, f, n = 0;
    uint32_t          *order, norder;
    analysis_films_t   films;

    memset(fit, 0, sizeof(*fit));
    money_films(m, in, &films, &order, &norder);

    for (k = 0; k < 2; k++) {
        x[k] = train_alloc(m->n * F, sizeof(float));
        z[k] = train_alloc(m->n, sizeof(**z));
        y[k] = train_alloc(m->n, sizeof(float));
        t[k] = train_alloc(m->n, sizeof(double));
    }

    for (i = 0; i < m->n; i++) {
        if (!in[i]) {
            continue;
        }

        money_features(m, &films, i, row);

        for (k = 0; k < 2; k++) {
            row[ANALYSIS_F_YEAR] = k ? ANALYSIS_YEAR_NONE
                                     : row[ANALYSIS_F_YEAR];
            analysis_deal_linear(row, z[k][n]);

            for (f = 0; f < F; f++) {
                x[k][n * F + f] = (float) row[f];
            }
        }

        t[0][n] = m->rows[i].roi;
        t[1][n] = m->rows[i].hit;
        y[0][n] = (float) t[0][n];
        y[1][n] = (float) t[1][n];
        n++;
    }

    money_trees(fit, x[0], y[0], n, false);
    money_trees(fit, x[1], y[1], n, true);
    money_ridge((const double (*)[Z]) z[0], t[0], n, fit->linear[0]);
    money_logistic((const double (*)[Z]) z[1], t[1], n, fit->linear[1]);

    for (k = 0; k < 2; k++) {
        free(x[k]);
        free(y[k]);
        free(z[k]);
        free(t[k]);
    }

    free(order);
    free((void *) (uintptr_t) films.films);
}


static double
money_linear(const double *coef, const double *z)
{
    double    sum = coef[Z];
    unsigned  i;

    for (i = 0; i < Z; i++) {
        sum += coef[i] * z[i];
    }

    return sum;
}


static void
money_say(const money_t *m, const bool *in, const bool *of,
    const train_fit_t *fit, said_t *said)
{
    size_t            i, k;
    double            x[F], z[Z], alike[ANALYSIS_NEAREST];
    uint32_t         *order, norder;
    unsigned          n, hits;
    analysis_deal_t   deal;
    analysis_near_t   near[ANALYSIS_NEAREST];
    analysis_films_t  films;
    analysis_trees_t  trees = { fit->nodes, fit->roots,
                                fit->ngross + fit->nhit };

    money_films(m, in, &films, &order, &norder);

    for (i = 0; i < m->n; i++) {
        if (!of[i]) {
            continue;
        }

        money_features(m, &films, i, x);
        analysis_deal_linear(x, z);

        said[i].roi[0] = fit->base[0] + analysis_trees_sum(&trees, 0,
                                            fit->ngross, x, NULL, NULL);
        said[i].roi[1] = money_linear(fit->linear[0], z);

        x[ANALYSIS_F_YEAR] = ANALYSIS_YEAR_NONE;
        analysis_deal_linear(x, z);

        said[i].hit[0] = fit->base[1] + analysis_trees_sum(&trees,
                             fit->ngross, trees.n, x, NULL, NULL);
        said[i].hit[1] = money_linear(fit->linear[1], z);

        money_deal(m, i, &deal);
        n = analysis_deal_nearest(&deal, &films, order, norder,
                                  ANALYSIS_NEAREST, near);

        for (hits = 0, k = 0; k < n; k++) {
            alike[k] = (double) films.films[near[k].film].gross
                       - (double) films.films[near[k].film].budget;
            hits += alike[k] >= ANALYSIS_HIT;
        }

        analysis_sort(alike, n);
        said[i].roi[2] = n ? analysis_quantile(alike, n, 0.5) : 0.25;
        said[i].hit[2] = analysis_logit((hits + 0.4 * 5) / (n + 5.0));
    }

    free(order);
    free((void *) (uintptr_t) films.films);
}


/* ---- trees ---- */

static void
money_check(int status)
{
    if (status != 0) {
        train_die("xgboost: %s", XGBGetLastError());
    }
}


static void
money_trees(train_fit_t *fit, const float *x, const float *y, size_t n,
    bool hit)
{
    int            round, rounds;
    char           text[32];
    size_t         k;
    double         eta, mean = 0;
    unsigned       bag;
    BoosterHandle  booster;
    DMatrixHandle  matrix;

    rounds = hit ? 160 : 220;
    eta = 0.03;

    for (k = 0; k < n; k++) {
        mean += (double) y[k] / (double) n;
    }

    fit->base[hit] = hit ? analysis_logit(mean) : mean;

    money_check(XGDMatrixCreateFromMat(x, n, F, NAN, &matrix));
    money_check(XGDMatrixSetFloatInfo(matrix, "label", y, n));

    for (bag = 0; bag < BAGS; bag++) {
        money_check(XGBoosterCreate(&matrix, 1, &booster));

        for (k = 0; k < sizeof(money_settings) / sizeof(money_settings[0]);
             k++)
        {
            money_check(XGBoosterSetParam(booster, money_settings[k].name,
                                          money_settings[k].value));
        }

        money_check(XGBoosterSetParam(booster, "objective",
                                      hit ? "binary:logistic"
                                          : "reg:squarederror"));
        (void) snprintf(text, sizeof(text), "%.9g", mean);
        money_check(XGBoosterSetParam(booster, "base_score", text));
        (void) snprintf(text, sizeof(text), "%g", eta);
        money_check(XGBoosterSetParam(booster, "eta", text));
        (void) snprintf(text, sizeof(text), "%u", bag + 1);
        money_check(XGBoosterSetParam(booster, "seed", text));
        money_check(XGBoosterSetParam(booster, "max_depth", hit ? "4" : "5"));

        for (round = 0; round < rounds; round++) {
            money_check(XGBoosterUpdateOneIter(booster, round, matrix));
        }

        money_dump(fit, booster, 1.0 / BAGS);
        money_check(XGBoosterFree(booster));
    }

    money_check(XGDMatrixFree(matrix));

    if (hit) {
        fit->nhit = (uint32_t) (BAGS * rounds);

    } else {
        fit->ngross = (uint32_t) (BAGS * rounds);
    }
}


/* as JSON with statistics, since a node's mean is not stored elsewhere */
static void
money_dump(train_fit_t *fit, BoosterHandle booster, double share)
{
    double        cover;
    size_t        i;
    uint32_t      at, end;
    bst_ulong     n;
    pt_json_t    *json;
    const char  **dump;

    money_check(XGBoosterDumpModelEx(booster, "", 1, "json", &n, &dump));

    /* behind the trees so far: the last root is the end of all nodes */
    for (at = 0; fit->roots != NULL && fit->roots[at] != fit->nnodes; at++) {
        /* void */
    }

    fit->roots = realloc(fit->roots, (at + n + 1) * sizeof(uint32_t));

    for (i = 0; i < n; i++) {
        if (pt_json_parse(pt_str(dump[i]), &pt_mem_heap, &json, NULL)
            != PT_OK)
        {
            train_die("xgboost dumped what is no JSON");
        }

        if (fit->nnodes + 4096 > fit->cap) {
            fit->cap = fit->cap ? fit->cap * 2 : 65536;
            fit->nodes = realloc(fit->nodes,
                                 fit->cap * sizeof(analysis_node_t));
        }

        fit->roots[at + i] = (uint32_t) fit->nnodes;
        fit->nnodes++;
        (void) money_node(fit, json, fit->roots[at + i],
                          fit->roots[at + i], &cover);

        for (end = fit->roots[at + i]; end < fit->nnodes; end++) {
            fit->nodes[end].value = (float) ((double) fit->nodes[end].value
                                             * share);
        }

        pt_json_free(json);
    }

    fit->roots[at + n] = (uint32_t) fit->nnodes;
}


/* children stand side by side behind all that is there; returns the mean */
static double
money_node(train_fit_t *fit, const pt_json_t *json, uint32_t root,
    uint32_t at, double *ret_cover)
{
    int               feature;
    double            left, right, cover[2], mean;
    int64_t           yes;
    uint32_t          child;
    const pt_json_t  *children, *a, *b;
    analysis_node_t  *node = &fit->nodes[at];

    *ret_cover = pt_json_double(json, "cover", 0);

    if (pt_json_member(json, "leaf") != NULL) {
        mean = pt_json_double(json, "leaf", 0);
        *node = (analysis_node_t) { -1, 0, 0, (float) mean };
        return mean;
    }

    children = pt_json_member(json, "children");
    yes = pt_json_int(json, "yes", -1);
    a = children ? children->first : NULL;
    b = a ? a->next : NULL;

    if (b == NULL || sscanf(pt_json_string(json, "split", PT_STR("")).data,
                            "f%d", &feature) != 1
        || feature < 0 || feature >= F)
    {
        train_die("xgboost dumped what is no tree");
    }

    if (pt_json_int(a, "nodeid", -1) != yes) {
        const pt_json_t  *swap = a;

        a = b;
        b = swap;
    }

    child = (uint32_t) fit->nnodes;
    fit->nnodes += 2;

    *node = (analysis_node_t) {
        .feature = (int16_t) feature,
        .left = (uint16_t) (child - root),
        .split = (float) pt_json_double(json, "split_condition", 0)
    };

    left = money_node(fit, a, root, child, &cover[0]);
    right = money_node(fit, b, root, child + 1, &cover[1]);

    mean = (left * cover[0] + right * cover[1]) / (cover[0] + cover[1]);
    fit->nodes[at].value = (float) mean;

    return mean;
}


/* ---- linear models ---- */

static void
money_ridge(const double (*z)[Z], const double *y, size_t n,
    double coef[Z + 1])
{
    size_t    i, r, c;
    double   *a, v[Z + 1];

    a = train_alloc((Z + 1) * (Z + 1), sizeof(*a));
    memset(coef, 0, (Z + 1) * sizeof(*coef));

    for (i = 0; i < n; i++) {
        memcpy(v, z[i], Z * sizeof(*v));
        v[Z] = 1;

        for (r = 0; r <= Z; r++) {
            coef[r] += v[r] * y[i];

            for (c = 0; c <= Z; c++) {
                a[r * (Z + 1) + c] += v[r] * v[c];
            }
        }
    }

    for (r = 0; r < Z; r++) {
        a[r * (Z + 1) + r] += 10;
    }

    money_solve(a, coef, Z + 1);
    free(a);
}


/* Newton's steps */
static void
money_logistic(const double (*z)[Z], const double *y, size_t n,
    double coef[Z + 1])
{
    int      step;
    size_t   i, r, c;
    double  *a, g[Z + 1], v[Z + 1], p;

    a = train_alloc((Z + 1) * (Z + 1), sizeof(*a));
    memset(coef, 0, (Z + 1) * sizeof(*coef));

    for (step = 0; step < 12; step++) {
        memset(a, 0, (Z + 1) * (Z + 1) * sizeof(*a));
        memset(g, 0, sizeof(g));

        for (i = 0; i < n; i++) {
            memcpy(v, z[i], Z * sizeof(*v));
            v[Z] = 1;
            p = analysis_logistic(money_linear(coef, z[i]));

            for (r = 0; r <= Z; r++) {
                g[r] += v[r] * (y[i] - p);

                for (c = 0; c <= Z; c++) {
                    a[r * (Z + 1) + c] += v[r] * v[c] * p * (1 - p);
                }
            }
        }

        for (r = 0; r < Z; r++) {
            a[r * (Z + 1) + r] += 3;
            g[r] -= 3 * coef[r];
        }

        money_solve(a, g, Z + 1);

        for (r = 0; r <= Z; r++) {
            coef[r] += g[r];
        }
    }

    free(a);
}


/* a symmetric and positive definite; b becomes the solution */
static void
money_solve(double *a, double *b, size_t n)
{
    double  f;
    size_t  i, k, c;

    for (i = 0; i < n; i++) {
        a[i * n + i] += 1e-9;

        for (k = i + 1; k < n; k++) {
            f = a[k * n + i] / a[i * n + i];

            for (c = i; c < n; c++) {
                a[k * n + c] -= f * a[i * n + c];
            }

            b[k] -= f * b[i];
        }
    }

    for (i = n; i-- > 0; ) {
        for (c = i + 1; c < n; c++) {
            b[i] -= a[i * n + c] * b[c];
        }

        b[i] /= a[i * n + i];
    }
}


/* ---- from what the parts say to a forecast ---- */

static double
money_mix(const double *part, const double *mix)
{
    return part[0] * mix[0] + part[1] * mix[1] + part[2] * mix[2];
}


/* weights in steps of 0.05, calibration, residuals: by the rows to use */
static void
money_finish(const money_t *m, const said_t *said, const bool *use,
    train_money_t *out)
{
    size_t   i, n = 0;
    double   best[2] = { HUGE_VAL, HUGE_VAL }, mix[TRAIN_PARTS], loss[2];
    double  *value, *budget, p, v;
    int      a, b;
    unsigned k, q;

    for (a = 0; a <= 20; a++) {
        for (b = 0; a + b <= 20; b++) {
            mix[0] = a / 20.0;
            mix[1] = b / 20.0;
            mix[2] = (20 - a - b) / 20.0;
            loss[0] = loss[1] = 0;

            for (i = 0; i < m->n; i++) {
                if (use[i]) {
                    v = money_mix(said[i].roi, mix) - m->rows[i].roi;
                    loss[0] += v * v;
                    p = analysis_logistic(money_mix(said[i].hit, mix));
                    p = m->rows[i].hit ? p : 1 - p;
                    loss[1] -= analysis_log(p < 1e-9 ? 1e-9 : p);
                }
            }

            for (k = 0; k < 2; k++) {
                if (loss[k] < best[k]) {
                    best[k] = loss[k];
                    memcpy(out->mix[k], mix, sizeof(mix));
                }
            }
        }
    }

    money_calibrate(m, said, use, out);
    money_level(m, said, use, out);

    value = train_alloc(m->n, sizeof(*value));
    budget = train_alloc(m->n, sizeof(*budget));

    for (i = 0; i < m->n; i++) {
        if (use[i]) {
            budget[n++] = m->rows[i].budget;
        }
    }

    analysis_sort(budget, n);

    for (k = 0; k < TRAIN_FIFTHS - 1; k++) {
        out->cut[k] = analysis_quantile(budget, n, 0.2 * (k + 1));
    }

    for (k = 0; k < TRAIN_FIFTHS; k++) {
        for (i = 0, n = 0; i < m->n; i++) {
            for (q = 0; q < TRAIN_FIFTHS - 1
                        && m->rows[i].budget >= out->cut[q]; q++) { }

            if (use[i] && q == k) {
                value[n++] = m->rows[i].roi
                             - money_said(out, &said[i], m->rows[i].year, 0);
            }
        }

        analysis_sort(value, n);

        for (q = 0; q < TRAIN_QUANTILES; q++) {
            out->residual[k][q] = analysis_quantile(value, n, q / 100.0);
        }
    }

    free(value);
    free(budget);
}


/* slope and constant of both sums */
static void
money_calibrate(const money_t *m, const said_t *said, const bool *use,
    train_money_t *out)
{
    double    a[2][C * C], g[2][C], u[C], w, p;
    size_t    i;
    unsigned  k, r, c, step;

    memset(out->calibrate, 0, sizeof(out->calibrate));

    for (step = 0; step < 15; step++) {
        memset(a, 0, sizeof(a));
        memset(g, 0, sizeof(g));

        for (i = 0; i < m->n; i++) {
            for (k = 0; k < 2 && use[i]; k++) {
                u[0] = money_mix(k ? said[i].hit : said[i].roi, out->mix[k]);
                u[1] = 1;
                p = out->calibrate[k][0] * u[0] + out->calibrate[k][1];
                p = k ? analysis_logistic(p) : p;
                w = k ? p * (1 - p) : 1;
                p = (k ? m->rows[i].hit : m->rows[i].roi) - p;

                for (r = 0; r < C; r++) {
                    g[k][r] += u[r] * p;

                    for (c = 0; c < C; c++) {
                        a[k][r * C + c] += u[r] * u[c] * w;
                    }
                }
            }
        }

        for (k = 0; k < 2; k++) {
            money_solve(a[k], g[k], C);

            for (r = 0; r < C; r++) {
                out->calibrate[k][r] += g[k][r];
            }
        }
    }
}


/*
 * The share of hits moves over the years, and no film tells where to: those
 * trees do not see the year.  A year's level is that of the films around it,
 * each year farther away counting half.  Half was chosen by forecasts of
 * 1995-2012 from the years before each; it makes the end of the films, which
 * a pitch is compared with, their last three years.
 */
static void
money_level(const money_t *m, const said_t *said, const bool *use,
    train_money_t *out)
{
    int       years;
    double    g, h, p, w, *before;
    size_t    i;
    unsigned  k, step;

    memset(out->level, 0, sizeof(out->level));
    before = train_alloc(m->n, sizeof(*before));

    for (i = 0; i < m->n; i++) {
        before[i] = money_said(out, &said[i], m->rows[i].year, 1);
    }

    for (k = 0; k < ANALYSIS_LEVELS; k++) {
        for (step = 0; step < 10; step++) {
            for (g = 0, h = 0, i = 0; i < m->n; i++) {
                if (use[i]) {
                    years = (int) analysis_level(m->rows[i].year) - (int) k;
                    w = ldexp(1, years < 0 ? years : -years);
                    p = analysis_logistic(before[i] + out->level[k]);
                    g += w * (m->rows[i].hit - p);
                    h += w * p * (1 - p);
                }
            }

            out->level[k] += g / h;
        }
    }

    free(before);
}


static double
money_said(const train_money_t *how, const said_t *said, unsigned year,
    unsigned k)
{
    return how->calibrate[k][0] * money_mix(k ? said->hit : said->roi,
                                            how->mix[k])
           + how->calibrate[k][1] + (k ? how->level[analysis_level(year)] : 0);
}


static void
money_measure(const money_t *m, const said_t *said, const bool *of,
    const train_money_t *how, forecasts_t *f)
{
    size_t    i;
    unsigned  k;

    for (i = 0; i < m->n; i++) {
        if (!of[i]) {
            continue;
        }

        for (k = 0; k < TRAIN_FIFTHS - 1
                    && m->rows[i].budget >= how->cut[k]; k++) { }

        f->roi[i] = money_said(how, &said[i], m->rows[i].year, 0);
        f->q[i][0] = f->roi[i] + how->residual[k][10];
        f->q[i][1] = f->roi[i] + how->residual[k][50];
        f->q[i][2] = f->roi[i] + how->residual[k][90];
        f->p[i] = analysis_logistic(money_said(how, &said[i],
                                               m->rows[i].year, 1));
        f->alike[i] = said[i].hit[2];
    }
}


static void
money_figures(const money_t *m, const bool *of, const forecasts_t *f,
    const char *name, train_money_measure_t *out)
{
    size_t  i;

    memset(out, 0, sizeof(*out));

    for (i = 0; i < m->n; i++) {
        out->n += of[i];
    }

    money_chances(m, of, f, out);
    money_grosses(m, of, f, out);

    train_note("%s: n %zu AUC %.4f (alike %.4f) Brier %.4f (base %.4f) "
               "ECE %.4f R2 %.4f R2 roi %.4f pinball %.4f x2 %.3f "
               "cover %.3f width %.3f", name, out->n, out->auc,
               out->auc_alike, out->brier, out->brier_base, out->ece,
               out->r2, out->r2_roi, out->pinball, out->within2,
               out->coverage, out->width);
}


static void
money_chances(const money_t *m, const bool *of, const forecasts_t *f,
    train_money_measure_t *out)
{
    bool      *hit = train_alloc(m->n, 1);
    double    *p = train_alloc(m->n, sizeof(*p)), rate = 0, e, *r;
    double    *alike = train_alloc(m->n, sizeof(*alike));
    size_t     i, k, n = 0;
    unsigned   b;

    for (i = 0; i < m->n; i++) {
        if (of[i]) {
            hit[n] = m->rows[i].hit;
            alike[n] = f->alike[i];
            p[n++] = f->p[i];
            rate += m->rows[i].hit;
        }
    }

    rate /= (double) n;
    out->auc = money_auc(p, hit, n);
    out->auc_alike = money_auc(alike, hit, n);

    for (i = 0; i < n; i++) {
        e = p[i] - hit[i];
        out->brier += e * e / (double) n;
        e = rate - hit[i];
        out->brier_base += e * e / (double) n;

        b = (unsigned) (p[i] * 10);
        b = b > 9 ? 9 : b;
        out->reliability[b][0]++;
        out->reliability[b][1] += p[i];
        out->reliability[b][2] += hit[i];
    }

    for (k = 0; k < 10; k++) {
        r = out->reliability[k];

        if (r[0] > 0) {
            out->ece += fabs(r[1] - r[2]) / (double) n;
            r[1] /= r[0];
            r[2] /= r[0];
        }
    }

    free(hit);
    free(p);
    free(alike);
}


static void
money_grosses(const money_t *m, const bool *of, const forecasts_t *f,
    train_money_measure_t *out)
{
    double               mean[2] = { 0 }, all[2] = { 0 }, left = 0, e, n;
    size_t               i, k;
    const row_t         *r;
    const double        *q;
    static const double  level[3] = { 0.1, 0.5, 0.9 };

    n = (double) out->n;

    for (i = 0; i < m->n; i++) {
        if (of[i]) {
            mean[0] += m->rows[i].roi + m->rows[i].budget;
            mean[1] += m->rows[i].roi;
        }
    }

    mean[0] /= n;
    mean[1] /= n;

    for (i = 0; i < m->n; i++) {
        if (!of[i]) {
            continue;
        }

        r = &m->rows[i];
        q = f->q[i];
        e = r->roi - f->roi[i];
        left += e * e;
        e = r->roi + r->budget - mean[0];
        all[0] += e * e;
        e = r->roi - mean[1];
        all[1] += e * e;
        out->within2 += (r->roi - q[1] < 0.30103
                         && r->roi - q[1] > -0.30103) / n;

        for (k = 0; k < 3; k++) {
            e = r->roi - q[k];
            out->pinball += (e > 0 ? level[k] * e : (level[k] - 1) * e)
                            / (3.0 * n);
        }

        out->coverage += (r->roi >= q[0] && r->roi <= q[2]) / n;
        out->width += (q[2] - q[0]) / n;
    }

    out->r2 = 1 - left / all[0];
    out->r2_roi = 1 - left / all[1];
}


static double
money_auc(const double *p, const bool *hit, size_t n)
{
    double  above = 0, pairs = 0;
    size_t  i, k;

    for (i = 0; i < n; i++) {
        for (k = 0; hit[i] && k < n; k++) {
            if (!hit[k]) {
                pairs++;
                above += p[i] > p[k] ? 1 : p[i] < p[k] ? 0 : 0.5;
            }
        }
    }

    return pairs > 0 ? above / pairs : 0;
}
