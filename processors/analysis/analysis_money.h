/*
 * What a film may earn: the features that a pitch has, and the parts of the
 * forecast.  Money is log10 of 2019 dollars, earnings are worldwide cinema
 * grosses.
 */

#ifndef ANALYSIS_MONEY_H
#define ANALYSIS_MONEY_H

#include "analysis_film.h"


/* what trees look at */
enum {
    ANALYSIS_F_BUDGET = 0,
    ANALYSIS_F_YEAR,             /* for grosses only */
    ANALYSIS_F_MONTH,            /* 1..12 */
    ANALYSIS_F_SEQUEL,
    ANALYSIS_F_PRIOR_N,          /* films of that name before, up to 3 */
    ANALYSIS_F_PRIOR_ROI,        /* their mean log10 gross / budget */
    ANALYSIS_F_PRIOR_GROSS,      /* the latest one's, over this budget */
    ANALYSIS_F_BASED,            /* on anything */
    ANALYSIS_F_BASE,             /* 1..6: first of ANALYSIS_BASES - 1 */
    ANALYSIS_F_NGENRES = ANALYSIS_F_BASE + ANALYSIS_BASES - 1,
    ANALYSIS_F_GENRE,            /* first of ANALYSIS_GENRES */

    ANALYSIS_FEATURES = ANALYSIS_F_GENRE + ANALYSIS_GENRES
};

/* what the linear models look at: features, budget's square, each month */
#define ANALYSIS_LINEAR  (ANALYSIS_FEATURES + 1 + 12)

/* the median release of the training films, for what is not known */
#define ANALYSIS_MONTH_UNKNOWN  8

/* what the sum of the parts goes through: slope, constant */
#define ANALYSIS_CALIBRATE  2

/* years of which it is known how common hits were */
#define ANALYSIS_LEVELS  (ANALYSIS_YEAR_LAST - ANALYSIS_YEAR_FIRST + 1)

/* the year that hits are asked with: its level stands for the true one */
#define ANALYSIS_YEAR_NONE  2000

/* films that have an equal say in the third part of a forecast */
#define ANALYSIS_NEAREST  40

/* log10 of 2.5: a film that grosses so many times its budget is a hit */
#define ANALYSIS_HIT  0.39794


typedef struct {
    pt_str_t   title;
    double     budget;
    unsigned   year;
    unsigned   month;            /* 0: not known */
    uint32_t   genres;           /* bits */
    unsigned   sequel;
    unsigned   based_on;
} analysis_deal_t;


/* 12 bytes; nodes of a tree stand together, a pair of children too */
typedef struct {
    int16_t   feature;           /* -1: a leaf */
    uint16_t  left;              /* from the root; right is the next */
    float     split;             /* below it: left */
    float     value;             /* mean of its films; a leaf's: what it says */
} analysis_node_t;


typedef struct {
    const analysis_node_t  *nodes;
    const uint32_t         *roots;      /* n + 1 */
    uint32_t                n;
} analysis_trees_t;


void analysis_deal_features(const analysis_deal_t *deal,
    const analysis_prior_t *prior, double x[ANALYSIS_FEATURES]);
void analysis_deal_linear(const double x[ANALYSIS_FEATURES],
    double z[ANALYSIS_LINEAR]);

/* the feature that a column of the linear models is of */
unsigned analysis_linear_feature(unsigned column);

/*
 * The sum of trees from first to last - 1.  Adds to part, where given, how far
 * each feature moved it away from the sum of the roots, which is returned
 * in ret_base.
 */
double analysis_trees_sum(const analysis_trees_t *trees, uint32_t first,
    uint32_t last, const double x[ANALYSIS_FEATURES],
    double part[ANALYSIS_FEATURES], double *ret_base);


/* the place of a year's level; years beyond those known are like the nearest */
unsigned analysis_level(unsigned year);


/* ---- films like it ---- */

typedef struct {
    uint32_t  film;
    float     score;
} analysis_near_t;

/*
 * The films most like it, best first, of those of order: n places of films
 * with known money, ascending by budget.  The number found, up to max.
 */
unsigned analysis_deal_nearest(const analysis_deal_t *deal,
    const analysis_films_t *films, const uint32_t *order, uint32_t n,
    unsigned max, analysis_near_t *ret);

/* keeps the best max, best first; ties go to the lower film; the new count */
unsigned analysis_near_add(analysis_near_t *list, unsigned n, unsigned max,
    uint32_t film, float score);


#endif /* ANALYSIS_MONEY_H */
