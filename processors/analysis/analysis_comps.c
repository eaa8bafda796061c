/* Films like a pitch: by words (BM25), genres, budget and year. */

#include <stdlib.h>

#include "analysis_engine.h"


/* different stems of a text that are looked up, the first ones */
#define TERMS_MAX  600


typedef struct {
    uint32_t  term;              /* its place in the model */
    uint32_t  word;              /* the first that has it */
    double    idf;
} comps_term_t;


static unsigned comps_terms(const analysis_engine_t *e, comps_term_t *terms);
static uint32_t comps_term(const analysis_model_t *m, uint32_t hash);
static const uint8_t *comps_next(const uint8_t *p, uint32_t *film,
    unsigned *tf);
static double comps_words(analysis_engine_t *e,
    const analysis_comps_query_t *q, const comps_term_t *terms, unsigned n);
static float comps_largest(const float *score, uint32_t n);
static double comps_genres(const analysis_genres_t *g,
    const analysis_comps_query_t *q, uint32_t genres, double norm);
static void comps_score(const analysis_engine_t *e,
    const analysis_genres_t *g, const analysis_comps_query_t *q, double norm,
    double scale, uint32_t film, analysis_comp_t *c);
static void comps_shared(const analysis_engine_t *e,
    const comps_term_t *terms, unsigned n, analysis_comp_t *comps);
static void comps_share(analysis_comp_t *c, const comps_term_t *terms,
    unsigned k);


unsigned
analysis_comps(analysis_engine_t *e, const analysis_genres_t *g,
    const analysis_comps_query_t *q, analysis_comp_t *ret)
{
    double                   norm = 0, scale;
    uint32_t                 i, films, film;
    unsigned                 l, n = 0, nterms, k;
    comps_term_t             terms[TERMS_MAX];
    analysis_comp_t          c;
    analysis_near_t          near[ANALYSIS_COMPS_MAX];
    const analysis_model_t  *m = e->model;

    nterms = comps_terms(e, terms);
    scale = comps_words(e, q, terms, nterms);
    scale = scale > 0 ? 1 / scale : 0;

    for (l = 0; l < ANALYSIS_LABELS; l++) {
        norm += g->p[l] * g->p[l];
    }

    norm = __builtin_sqrt(norm > 0 ? norm : 1);
    films = q->money ? m->nmoney : m->films.n;

    for (i = 0; i < films; i++) {
        film = q->money ? m->money[i] : i;

        if (m->films.films[film].fold + 1u == q->without) {
            continue;
        }

        comps_score(e, g, q, norm, scale, film, &c);

        if (n < q->max || (float) c.score >= near[n - 1].score) {
            n = analysis_near_add(near, n, q->max, film, (float) c.score);
        }
    }

    for (k = 0; k < n; k++) {
        comps_score(e, g, q, norm, scale, near[k].film, &ret[k]);
        ret[k].nshared = 0;
        e->shown[near[k].film] = (uint8_t) (k + 1);
    }

    comps_shared(e, terms, nterms, ret);

    for (k = 0; k < n; k++) {
        e->shown[near[k].film] = 0;

        for (l = 0; l < ret[k].nshared; l++) {
            ret[k].shared[l] = terms[ret[k].shared[l]].word;
        }
    }

    return n;
}


/* each stem once, in the order of the text */
static unsigned
comps_terms(const analysis_engine_t *e, comps_term_t *terms)
{
    size_t                   i;
    uint32_t                 term;
    unsigned                 k, n = 0;
    const analysis_model_t  *m = e->model;

    for (i = 0; i < e->text.n && n < TERMS_MAX; i++) {
        term = e->text.words[i].stop ? m->nterms
                                     : comps_term(m, e->text.words[i].hash);

        if (term == m->nterms) {
            continue;
        }

        for (k = 0; k < n && terms[k].term != term; k++) { /* void */ }

        if (k < n) {
            continue;
        }

        terms[n++] = (comps_term_t) {
            term, (uint32_t) i, m->rare[term]
        };
    }

    return n;
}


static uint32_t
comps_term(const analysis_model_t *m, uint32_t hash)
{
    uint32_t  low = 0, high = m->nterms, middle;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (m->term[middle] < hash) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return low < m->nterms && m->term[low] == hash ? low : m->nterms;
}


static const uint8_t *
comps_next(const uint8_t *p, uint32_t *film, unsigned *tf)
{
    uint32_t  v = 0;
    unsigned  shift = 0;

    for ( ;; shift += 7) {
        v |= (uint32_t) (*p & 0x7f) << shift;

        if (!(*p++ & 0x80)) {
            break;
        }
    }

    *film += v >> 2;
    *tf = (v & 3) + 1;

    return p;
}


/* fills e->score; the largest of those that are asked */
static double
comps_words(analysis_engine_t *e, const analysis_comps_query_t *q,
    const comps_term_t *terms, unsigned n)
{
    float                    max = 0;
    double                   idf[4];
    uint32_t                 film, i;
    unsigned                 tf, k;
    const uint8_t           *p, *end;
    const analysis_model_t  *m = e->model;

    memset(e->score, 0, m->films.n * sizeof(*e->score));

    for (k = 0; k < n; k++) {
        p = m->list + m->post[terms[k].term];
        end = m->list + m->post[terms[k].term + 1];
        film = 0;

        for (tf = 1; tf <= 4; tf++) {
            idf[tf - 1] = terms[k].idf * tf * (ANALYSIS_BM25_K1 + 1);
        }

        while (p < end) {
            p = comps_next(p, &film, &tf);
            e->score[film - 1] += (float) (idf[tf - 1]
                                           / (tf + m->length[film - 1]));
        }
    }

    if (q->without == 0) {
        return (double) comps_largest(e->score, m->films.n);
    }

    for (i = 0; i < m->films.n; i++) {
        if (e->score[i] > max && m->films.films[i].fold + 1u != q->without) {
            max = e->score[i];
        }
    }

    return (double) max;
}


/* eight side by side: the largest is the same in any order */
static float
comps_largest(const float *score, uint32_t n)
{
    float     max[8] = { 0 };
    uint32_t  i, k;

    for (i = 0; i + 8 <= n; i += 8) {
        for (k = 0; k < 8; k++) {
            max[k] = score[i + k] > max[k] ? score[i + k] : max[k];
        }
    }

    for ( ; i < n; i++) {
        max[0] = score[i] > max[0] ? score[i] : max[0];
    }

    for (k = 1; k < 8; k++) {
        max[0] = max[k] > max[0] ? max[k] : max[0];
    }

    return max[0];
}


static double
comps_genres(const analysis_genres_t *g, const analysis_comps_query_t *q,
    uint32_t genres, double norm)
{
    int       any;
    double    sum = 0;
    uint32_t  labels, left;

    if (q->genres != 0) {
        any = analysis_count(q->genres | genres);

        return (double) analysis_count(q->genres & genres) / any;
    }

    labels = analysis_genres_labels(genres);

    if (labels == 0) {
        return 0;
    }

    for (left = labels; left != 0; left &= left - 1) {
        sum += g->p[__builtin_ctz(left)];
    }

    return sum / (norm * __builtin_sqrt(analysis_count(labels)));
}


static void
comps_score(const analysis_engine_t *e, const analysis_genres_t *g,
    const analysis_comps_query_t *q, double norm, double scale,
    uint32_t film, analysis_comp_t *c)
{
    int                     years;
    double                  d;
    const analysis_film_t  *f = &e->model->films.films[film];

    c->film = film;
    c->text = (double) e->score[film] * scale;
    c->genres = comps_genres(g, q, f->genres, norm);
    c->budget = 0;
    c->year = 0;

    if (q->budget > 0 && f->budget > 0) {
        d = q->budget - (double) f->budget;
        d = d < 0 ? -d : d;
        c->budget = d > 1 ? 0 : 1 - d;
    }

    if (q->year != 0) {
        years = (int) q->year - (int) f->year;
        c->year = -0.5 / 20 * (years < 0 ? -years : years);
    }

    c->score = c->text + c->genres + c->budget + c->year;
}


/* walks each list once, whatever the number of films */
static void
comps_shared(const analysis_engine_t *e, const comps_term_t *terms,
    unsigned n, analysis_comp_t *comps)
{
    uint32_t                 film;
    unsigned                 k, tf;
    const uint8_t           *p, *end;
    const analysis_model_t  *m = e->model;

    for (k = 0; k < n; k++) {
        p = m->list + m->post[terms[k].term];
        end = m->list + m->post[terms[k].term + 1];

        for (film = 0; p < end; ) {
            p = comps_next(p, &film, &tf);

            if (e->shown[film - 1] != 0) {
                comps_share(&comps[e->shown[film - 1] - 1], terms, k);
            }
        }
    }
}


/* the rarest first, by their places in terms */
static void
comps_share(analysis_comp_t *c, const comps_term_t *terms, unsigned k)
{
    unsigned  at;

    for (at = c->nshared; at > 0 && terms[c->shared[at - 1]].idf
                                    < terms[k].idf; at--)
    {
        if (at < ANALYSIS_SHARED_MAX) {
            c->shared[at] = c->shared[at - 1];
        }
    }

    if (at < ANALYSIS_SHARED_MAX) {
        c->shared[at] = k;
        c->nshared += c->nshared < ANALYSIS_SHARED_MAX;
    }
}
