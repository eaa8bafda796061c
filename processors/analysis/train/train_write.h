/* The model file. */

#ifndef TRAIN_WRITE_H
#define TRAIN_WRITE_H

#include "train_comps.h"
#include "train_money.h"


/* what a model has of each film of the data, in the same order */
void train_films(const train_data_t *data, analysis_films_t *ret_films);

/* the index of their summaries; sets words of each film */
void train_index(const train_data_t *data, const analysis_films_t *films);

/* writes PATH, compressed */
void train_write(const train_data_t *data, const analysis_films_t *films,
    const train_genre_t *genre, const train_money_t *money,
    const char *path);


#endif /* TRAIN_WRITE_H */
