/* Money: trees, linear models and films alike, and what to do with them. */

#ifndef TRAIN_MONEY_H
#define TRAIN_MONEY_H

#include "analysis_money.h"
#include "train.h"


#define TRAIN_QUANTILES  101     /* of residuals: 0 %, 1 %, .. 100 % */
#define TRAIN_FIFTHS     5

/* trees, linear, films alike */
#define TRAIN_PARTS      3


/* what a fit is made of; log10 gross / budget, and log-odds of a hit */
typedef struct {
    analysis_node_t  *nodes;
    uint32_t         *roots;
    uint32_t          ngross, nhit;
    size_t            nnodes, cap;
    double            base[2];
    double            linear[2][ANALYSIS_LINEAR + 1];    /* last: intercept */
} train_fit_t;


typedef struct {
    size_t  n;
    double  auc, brier, brier_base, ece;
    double  r2, r2_roi, pinball, within2;
    double  coverage, width;
    double  auc_alike;           /* of films alike only */
    double  reliability[10][3];  /* n, said, was */
} train_money_measure_t;


typedef struct {
    train_fit_t             fit;          /* of all films */
    double                  mix[2][TRAIN_PARTS];
    double                  calibrate[2][ANALYSIS_CALIBRATE];
    double                  level[ANALYSIS_LEVELS];
    double                  cut[TRAIN_FIFTHS - 1];
    double                  residual[TRAIN_FIFTHS][TRAIN_QUANTILES];
    train_money_measure_t   folds, time;
} train_money_t;


/* films: those of the data in the same order, as the model will have them */
void train_money(const train_data_t *data, const analysis_films_t *films,
    train_money_t *ret_money);


#endif /* TRAIN_MONEY_H */
