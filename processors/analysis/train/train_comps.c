/* How good comparables are. */

#include <stdlib.h>
#include <string.h>

#include "analysis_math.h"
#include "train_comps.h"


#define TEXT_NEAREST   10
#define MONEY_NEAREST  30


typedef struct {
    double  value;
    size_t  at;
} rank_t;


typedef struct {
    const train_data_t      *data;
    const analysis_model_t  *model;
    analysis_engine_t        engine;
    size_t                   main[ANALYSIS_GENRES + 1];  /* films by it */
    double                  *said[2], *was[2];   /* multiple, gross */
    train_comps_t           *out;
} comps_t;


static void comps_by_text(comps_t *c, size_t film, const analysis_genres_t *g);
static void comps_by_money(comps_t *c, size_t film,
    const analysis_genres_t *g);
static double comps_rank_correlation(const double *a, const double *b,
    size_t n);
static void comps_ranks(const double *v, size_t n, double *rank);
static int comps_compare(const void *a, const void *b);


void
train_comps(const train_data_t *data, const train_genre_t *genre,
    const analysis_model_t *model, train_comps_t *ret)
{
    size_t                    i;
    unsigned                  k;
    comps_t                   c = { .data = data, .model = model, .out = ret };
    const train_film_t       *f;
    const analysis_genres_t  *said;

    static const analysis_genres_t  none;

    memset(ret, 0, sizeof(*ret));

    if (analysis_engine_init(&c.engine, model) != PT_OK) {
        train_die("no memory");
    }

    for (k = 0; k < 2; k++) {
        c.said[k] = train_alloc(data->n, sizeof(double));
        c.was[k] = train_alloc(data->n, sizeof(double));
    }

    for (i = 0; i < data->n; i++) {
        c.main[data->films[i].main_genre]++;
    }

    for (i = 0; i < data->n; i++) {
        f = &data->films[i];
        said = genre->said[i];

        analysis_text_reset(&c.engine.text);

        if (said != NULL
            && analysis_text_add(&c.engine.text, pt_str(f->plot)) != PT_OK)
        {
            train_die("no memory");
        }

        if (said != NULL && f->main_genre != 0
            && f->year >= ANALYSIS_YEAR_FIRST)
        {
            comps_by_text(&c, i, said);
        }

        if (analysis_film_is_usable(&model->films.films[i])) {
            comps_by_money(&c, i, said ? said : &none);
        }
    }

    ret->same_main /= (double) ret->texts;
    ret->random_main /= (double) ret->texts;
    ret->jaccard /= (double) ret->texts;
    ret->roi_rank = comps_rank_correlation(c.said[0], c.was[0], ret->films);
    ret->gross_rank = comps_rank_correlation(c.said[1], c.was[1], ret->films);

    train_note("comps: %zu texts, main genre %.4f (random %.4f), jaccard %.4f;"
               " %zu films, rank of roi %.4f, gross %.4f", ret->texts,
               ret->same_main, ret->random_main, ret->jaccard, ret->films,
               ret->roi_rank, ret->gross_rank);

    for (k = 0; k < 2; k++) {
        free(c.said[k]);
        free(c.was[k]);
    }

    analysis_engine_done(&c.engine);
}


static void
comps_by_text(comps_t *c, size_t film, const analysis_genres_t *g)
{
    unsigned                i, n;
    uint32_t                genres;
    analysis_comp_t         comps[TEXT_NEAREST];
    const train_film_t     *f = &c->data->films[film], *other;
    analysis_comps_query_t  q = { .max = TEXT_NEAREST, .without = f->fold + 1 };

    n = analysis_comps(&c->engine, g, &q, comps);

    for (i = 0; i < n; i++) {
        other = &c->data->films[comps[i].film];
        genres = f->genres | other->genres;
        c->out->same_main += (double) (other->main_genre == f->main_genre) / n;
        c->out->jaccard += (double) analysis_count(f->genres & other->genres)
                           / analysis_count(genres) / n;
    }

    c->out->random_main += (double) c->main[f->main_genre]
                           / (double) c->data->n;
    c->out->texts++;
}


static void
comps_by_money(comps_t *c, size_t film, const analysis_genres_t *g)
{
    double                  roi[MONEY_NEAREST], gross[MONEY_NEAREST];
    unsigned                i, n;
    analysis_comp_t         comps[MONEY_NEAREST];
    const analysis_film_t  *films = c->model->films.films, *f = &films[film];
    analysis_comps_query_t  q = {
        .genres = f->genres,
        .budget = (double) f->budget,
        .year = f->year,
        .money = true,
        .max = MONEY_NEAREST,
        .without = f->fold + 1u
    };

    n = analysis_comps(&c->engine, g, &q, comps);

    for (i = 0; i < n; i++) {
        gross[i] = (double) films[comps[i].film].gross;
        roi[i] = gross[i] - (double) films[comps[i].film].budget;
    }

    analysis_sort(roi, n);
    analysis_sort(gross, n);

    i = (unsigned) c->out->films++;
    c->said[0][i] = analysis_quantile(roi, n, 0.5);
    c->said[1][i] = analysis_quantile(gross, n, 0.5);
    c->was[0][i] = (double) f->gross - (double) f->budget;
    c->was[1][i] = (double) f->gross;
}


/* Spearman's */
static double
comps_rank_correlation(const double *a, const double *b, size_t n)
{
    double  *x, *y, mean = ((double) n - 1) / 2, xy = 0, xx = 0, yy = 0;
    size_t   i;

    x = train_alloc(n, sizeof(*x));
    y = train_alloc(n, sizeof(*y));
    comps_ranks(a, n, x);
    comps_ranks(b, n, y);

    for (i = 0; i < n; i++) {
        xy += (x[i] - mean) * (y[i] - mean);
        xx += (x[i] - mean) * (x[i] - mean);
        yy += (y[i] - mean) * (y[i] - mean);
    }

    free(x);
    free(y);

    return xy / __builtin_sqrt(xx * yy);
}


static void
comps_ranks(const double *v, size_t n, double *rank)
{
    size_t   i;
    rank_t  *order = train_alloc(n, sizeof(*order));

    for (i = 0; i < n; i++) {
        order[i] = (rank_t) { v[i], i };
    }

    qsort(order, n, sizeof(*order), comps_compare);

    for (i = 0; i < n; i++) {
        rank[order[i].at] = (double) i;
    }

    free(order);
}


static int
comps_compare(const void *a, const void *b)
{
    const rank_t  *x = a, *y = b;

    if (x->value > y->value || x->value < y->value) {
        return x->value < y->value ? -1 : 1;
    }

    return (x->at > y->at) - (x->at < y->at);
}
