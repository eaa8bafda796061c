/*
 * Training: from films to the model file.  Nothing here is in a processor.
 */

#ifndef TRAIN_H
#define TRAIN_H

#include "analysis_film.h"
#include "analysis_genre.h"
#include "pt_json.h"


#define TRAIN_FOLDS   5

/* files of the data folder, in the order of their hashes in the model */
#define TRAIN_FILES   3


typedef struct {
    char      *title;
    char      *href;
    char      *extract;          /* the summary; NULL: none */
    char      *plot;             /* its sentences that tell the story */
    int        plot_words;
    unsigned   year, month, fold;
    uint32_t   genres;
    unsigned   main_genre;       /* 1 + that which is named first; 0: none */
    unsigned   sequel, based_on, mpaa;
    double     budget_usd;       /* of its year; 0: unknown */
    double     gross_usd;
    double     cpi;              /* 2019's prices over those of its year */
} train_film_t;


typedef struct {
    train_film_t  *films;
    size_t         n, cap;
    double         cpi[200];     /* from 1900 on; 0: unknown */
    char           hashes[TRAIN_FILES][65];
} train_data_t;


extern const char *const  train_files[TRAIN_FILES];


/* ends the program on any fault: nobody waits for half a model */
void train_data_load(train_data_t *data, const char *folder);
void *train_alloc(size_t n, size_t size);
void train_die(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));
void train_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));


/* runs n tasks on the cores there are */
void train_parallel(size_t n, void (*task)(void *ctx, size_t i), void *ctx);


#endif /* TRAIN_H */
