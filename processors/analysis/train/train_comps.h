/* How good comparables are, by films that the index may not answer with. */

#ifndef TRAIN_COMPS_H
#define TRAIN_COMPS_H

#include "train_genre.h"
#include "train_money.h"


typedef struct {
    /* by the text and its genres as folds say, of the ten nearest */
    size_t  texts;
    double  same_main;           /* share with the film's first genre */
    double  random_main;         /* the same of any films */
    double  jaccard;             /* genres of both over genres of either */

    /* by declared genres, budget, year and text: medians of 30, their rank */
    size_t  films;
    double  roi_rank, gross_rank;
} train_comps_t;


void train_comps(const train_data_t *data, const train_genre_t *genre,
    const analysis_model_t *model, train_comps_t *ret);


#endif /* TRAIN_COMPS_H */
