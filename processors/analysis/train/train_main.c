/* train-analysis DATA MODEL.xz: from films to the model file. */

#include <stdio.h>
#include <stdlib.h>

#include "train_write.h"


int
main(int argc, char **argv)
{
    static train_data_t      data;
    static train_genre_t     genre;
    static train_money_t     money;
    static analysis_films_t  films;

    if (argc != 3) {
        (void) fprintf(stderr, "usage: %s DATA MODEL.xz\n", argv[0]);
        return 2;
    }

    /* the order of a sum is the order of its threads */
    (void) setenv("OMP_NUM_THREADS", "1", 1);

    train_data_load(&data, argv[1]);
    train_films(&data, &films);
    train_index(&data, &films);
    train_genre(&data, &genre);
    train_money(&data, &films, &money);
    train_write(&data, &films, &genre, &money, argv[2]);

    return 0;
}
