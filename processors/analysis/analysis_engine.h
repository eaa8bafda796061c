/*
 * What the model says of a text and of a film to be made.  One engine for
 * each process: the model is shared, what is written to is not.
 */

#ifndef ANALYSIS_ENGINE_H
#define ANALYSIS_ENGINE_H

#include "analysis_genre.h"
#include "analysis_model.h"


/* a feature of the model where it occurs in the text */
typedef struct {
    uint32_t  feature;
    uint32_t  word, last;        /* places in text.words */
} analysis_occurrence_t;


typedef struct {
    const analysis_model_t  *model;
    analysis_text_t          text;

    uint16_t                *tf;         /* of each feature; zero between */
    double                  *value;      /* of those that are touched */
    uint32_t                *touched;    /* features of this text */
    uint32_t                 ntouched;
    analysis_occurrence_t   *found;
    size_t                   nfound, found_cap;
    bool                     nomem;

    float                   *score;      /* of each film, for its words */
    uint8_t                 *shown;      /* 1 + its place among the best */
} analysis_engine_t;


PT_MUST_CHECK pt_err_t analysis_engine_init(analysis_engine_t *e,
    const analysis_model_t *model);
void analysis_engine_done(analysis_engine_t *e);


/* ---- genres of e->text ---- */

typedef struct {
    double    logit[ANALYSIS_LABELS];
    double    p[ANALYSIS_LABELS];
    uint8_t   order[ANALYSIS_LABELS];    /* labels, likeliest first */
    uint32_t  labels;                    /* those over their thresholds */
    unsigned  words;                     /* of the text */
    unsigned  stops;                     /* of them: "the" */
    unsigned  known;                     /* the others that the model knows */
} analysis_genres_t;

PT_MUST_CHECK pt_err_t analysis_genres(analysis_engine_t *e,
    analysis_genres_t *ret);

/* what each word adds to a label's log-odds; n + ntitle of e->text */
void analysis_genre_words(const analysis_engine_t *e, unsigned label,
    double *share);

/* why the text cannot carry an answer, or NULL: "too_little_text" */
const char *analysis_text_refusal(const analysis_engine_t *e,
    const analysis_genres_t *genres);


/* ---- films like it ---- */

#define ANALYSIS_COMPS_MAX   40
#define ANALYSIS_SHARED_MAX  5

typedef struct {
    uint32_t  film;
    double    score;             /* the sum of these */
    double    text, genres, budget, year;
    unsigned  nshared;
    uint32_t  shared[ANALYSIS_SHARED_MAX];   /* words of e->text */
} analysis_comp_t;


typedef struct {
    uint32_t   genres;           /* bits; 0: those of the text */
    double     budget;           /* log10 of 2019 dollars; 0: unknown */
    unsigned   year;             /* 0: unknown */
    bool       money;            /* only films with known budget and gross */
    unsigned   max;              /* up to ANALYSIS_COMPS_MAX */
    unsigned   without;          /* 1 + a fold that is not asked; 0: all are */
} analysis_comps_query_t;


/* by the words of e->text and the rest; the number found */
unsigned analysis_comps(analysis_engine_t *e, const analysis_genres_t *genres,
    const analysis_comps_query_t *query, analysis_comp_t *ret);


/* ---- money ---- */

/* what a forecast is the sum of, in millionths of log10 and of log-odds */
enum {
    ANALYSIS_C_BASE = 0,         /* of all films */
    ANALYSIS_C_BUDGET,
    ANALYSIS_C_SEASON,
    ANALYSIS_C_YEAR,
    ANALYSIS_C_GENRES,
    ANALYSIS_C_SEQUEL,           /* and what came before */
    ANALYSIS_C_BASED,
    ANALYSIS_C_ALIKE,            /* films like it */

    ANALYSIS_CONTRIBUTIONS
};

#define ANALYSIS_MICRO  1000000

typedef struct {
    /* the sums of these two are roi and hit, to the last digit */
    int64_t   roi_part[ANALYSIS_CONTRIBUTIONS];
    int64_t   hit_part[ANALYSIS_CONTRIBUTIONS];
    int64_t   roi;               /* log10 of gross over budget */
    int64_t   hit;               /* log-odds of 2.5 times the budget */

    double    p_hit;
    unsigned  fifth;             /* whose residuals it has */
    double    widen;             /* 1, or more for what is not known */
    double    alike[2];          /* what films like it say of both */
    double    price;             /* 2019 dollars for one of its year */
    double    budget;            /* log10 of 2019 dollars */
} analysis_forecast_t;


/* like: that of a film which differs by its month alone, or NULL */
void analysis_forecast(const analysis_model_t *model,
    const analysis_deal_t *deal, unsigned unknown,
    const analysis_forecast_t *like, analysis_forecast_t *ret);

/* the chance of a hit of one that differs from that of like by its month */
double analysis_forecast_hit(const analysis_model_t *model,
    const analysis_deal_t *deal, const analysis_forecast_t *like);

/* worldwide gross in dollars of its year that p of such films stay below */
double analysis_forecast_gross(const analysis_model_t *model,
    const analysis_forecast_t *f, double p);

/* log10 of gross over budget, likewise; p in 0..1 */
double analysis_forecast_roi(const analysis_model_t *model,
    const analysis_forecast_t *f, double p);

/* the share of such films that gross at least so many times the budget */
double analysis_forecast_reach(const analysis_model_t *model,
    const analysis_forecast_t *f, double times);

const char *analysis_contribution_name(unsigned contribution);


#endif /* ANALYSIS_ENGINE_H */
