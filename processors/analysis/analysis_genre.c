/* Genres of a text, and which words say so. */

#include <stdlib.h>

#include "analysis_engine.h"
#include "analysis_math.h"


/* fewer known words are no basis for an answer */
#define KNOWN_MIN     8

/* English prose has four words in ten of the commonest, and knows them */
#define STOPS_MIN     0.12
#define KNOWN_SHARE   0.55
#define FOREIGN_MAX   0.3

#define TF_MAX        UINT16_MAX


static void genre_on_feature(void *ctx, analysis_block_t block, uint32_t hash,
    uint32_t word, uint32_t last);
/* before its block's length is made 1 */
static double genre_value(const analysis_engine_t *e, uint32_t feature);
static void genre_order(analysis_genres_t *g);


pt_err_t
analysis_engine_init(analysis_engine_t *e, const analysis_model_t *model)
{
    pt_err_t  err;

    memset(e, 0, sizeof(*e));
    e->model = model;

    err = analysis_text_init(&e->text);
    if (err != PT_OK) {
        return err;
    }

    e->tf = calloc(model->nfeatures + 1, sizeof(*e->tf));
    e->value = calloc(model->nfeatures + 1, sizeof(*e->value));
    e->touched = calloc(model->nfeatures + 1, sizeof(*e->touched));
    e->score = calloc(model->films.n + 1, sizeof(*e->score));

    e->shown = calloc(model->films.n + 1, sizeof(*e->shown));

    if (e->tf == NULL || e->value == NULL || e->touched == NULL
        || e->score == NULL || e->shown == NULL)
    {
        analysis_engine_done(e);
        return PT_E_NOMEM;
    }

    return PT_OK;
}


void
analysis_engine_done(analysis_engine_t *e)
{
    analysis_text_done(&e->text);
    free(e->tf);
    free(e->value);
    free(e->touched);
    free(e->found);
    free(e->score);
    free(e->shown);
    memset(e, 0, sizeof(*e));
}


pt_err_t
analysis_genres(analysis_engine_t *e, analysis_genres_t *ret)
{
    double                   v, sum[ANALYSIS_BLOCKS] = { 0 };
    size_t                   i;
    uint32_t                 f;
    unsigned                 l;
    const int8_t            *w;
    const analysis_model_t  *m = e->model;

    memset(ret, 0, sizeof(*ret));

    for (i = 0; i < e->ntouched; i++) {
        e->tf[e->touched[i]] = 0;
    }

    e->ntouched = 0;
    e->nfound = 0;
    e->nomem = false;

    analysis_text_features(&e->text, genre_on_feature, e);

    if (e->nomem) {
        return PT_E_NOMEM;
    }

    ret->words = (unsigned) e->text.n;

    for (i = 0; i < e->text.n; i++) {
        ret->stops += e->text.words[i].stop;
        ret->known += !e->text.words[i].stop
                      && analysis_model_feature(m, e->text.words[i].hash)
                         != m->nfeatures;
    }

    for (i = 0; i < e->ntouched; i++) {
        f = e->touched[i];
        v = genre_value(e, f);
        e->value[f] = v;
        sum[m->df[f] >> ANALYSIS_DF_BITS] += v * v;
    }

    for (i = 0; i < ANALYSIS_BLOCKS; i++) {
        sum[i] = sum[i] > 0 ? __builtin_sqrt(sum[i]) : 1;
    }

    memcpy(ret->logit, m->numbers->intercept, sizeof(ret->logit));

    for (i = 0; i < e->ntouched; i++) {
        f = e->touched[i];
        v = e->value[f] / sum[m->df[f] >> ANALYSIS_DF_BITS];
        e->value[f] = v;
        w = m->weight + (size_t) f * ANALYSIS_LABELS;

        for (l = 0; l < ANALYSIS_LABELS; l++) {
            ret->logit[l] += v * (double) m->level[l][w[l] + 128];
        }
    }

    for (l = 0; l < ANALYSIS_LABELS; l++) {
        ret->p[l] = analysis_logistic(ret->logit[l]);

        if (ret->p[l] >= m->numbers->threshold[l]) {
            ret->labels |= 1u << l;
        }
    }

    genre_order(ret);

    return PT_OK;
}


static void
genre_on_feature(void *ctx, analysis_block_t block, uint32_t hash,
    uint32_t word, uint32_t last)
{
    size_t                  cap;
    uint32_t                f;
    analysis_engine_t      *e = ctx;
    analysis_occurrence_t  *found;

    f = analysis_model_feature(e->model, hash);

    if (f == e->model->nfeatures
        || e->model->df[f] >> ANALYSIS_DF_BITS != block)
    {
        return;
    }

    if (e->nfound == e->found_cap) {
        cap = e->found_cap ? e->found_cap * 2 : 4096;
        found = realloc(e->found, cap * sizeof(*found));

        if (found == NULL) {
            e->nomem = true;
            return;
        }

        e->found = found;
        e->found_cap = cap;
    }

    e->found[e->nfound++] = (analysis_occurrence_t) { f, word, last };

    if (e->tf[f] == 0) {
        e->touched[e->ntouched++] = f;
    }

    e->tf[f] += e->tf[f] < TF_MAX;
}


static double
genre_value(const analysis_engine_t *e, uint32_t feature)
{
    unsigned  tf = e->tf[feature];
    double    v = (double) e->model->idf[feature];

    if (tf > 1) {
        v *= 1 + analysis_log(tf);
    }

    return v;
}


/* likeliest first; of equals the first in the list */
static void
genre_order(analysis_genres_t *g)
{
    unsigned  i, at;

    for (i = 0; i < ANALYSIS_LABELS; i++) {
        for (at = i; at > 0 && g->p[g->order[at - 1]] < g->p[i]; at--) {
            g->order[at] = g->order[at - 1];
        }

        g->order[at] = (uint8_t) i;
    }
}


void
analysis_genre_words(const analysis_engine_t *e, unsigned label,
    double *share)
{
    double                        v;
    size_t                        i;
    const analysis_model_t       *m = e->model;
    const analysis_occurrence_t  *o;

    memset(share, 0, (e->text.n + e->text.ntitle) * sizeof(*share));

    for (i = 0; i < e->nfound; i++) {
        o = &e->found[i];
        v = (double) m->level[label][m->weight[(size_t) o->feature
                                               * ANALYSIS_LABELS + label]
                                     + 128]
            * e->value[o->feature] / e->tf[o->feature];

        if (o->word != o->last) {
            v /= 2;
            share[o->last] += v;
        }

        share[o->word] += v;
    }
}


const char *
analysis_text_refusal(const analysis_engine_t *e, const analysis_genres_t *g)
{
    unsigned  content = g->words - g->stops;

    if ((double) e->text.foreign > FOREIGN_MAX * (double) e->text.letters) {
        return "unknown_language";
    }

    if (g->words >= 2 * KNOWN_MIN
        && ((double) g->stops < STOPS_MIN * g->words
            || (double) g->known < KNOWN_SHARE * content))
    {
        return "unknown_language";
    }

    return g->known < KNOWN_MIN ? "too_little_text" : NULL;
}
