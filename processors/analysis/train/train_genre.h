/* Genres from text: a linear model for each kind of feature, one over all. */

#ifndef TRAIN_GENRE_H
#define TRAIN_GENRE_H

#include "analysis_engine.h"
#include "train.h"


typedef struct {
    double  micro, macro, lrap, first, three, ece;
    size_t  n;
} train_genre_measure_t;


typedef struct {
    /* ascending by hash; weight has ANALYSIS_LABELS numbers for each */
    size_t                   nfeatures;
    uint32_t                *hash;
    uint32_t                *df;
    uint8_t                 *block;
    float                   *weight;
    double                   docs;

    double                   intercept[ANALYSIS_LABELS];
    double                   threshold[ANALYSIS_LABELS];
    double                   share[ANALYSIS_LABELS];   /* of films */

    train_genre_measure_t    measured;        /* by folds, all nested */
    double                   reliability[10][3];  /* n, said, was */

    /* of each film with a plot, by models that have not seen it */
    analysis_genres_t      **said;
} train_genre_t;


/* leaves out of a summary what tells its genre outright, names of trades */
void train_mask(analysis_text_t *text);

void train_genre(const train_data_t *data, train_genre_t *ret_genre);


#endif /* TRAIN_GENRE_H */
