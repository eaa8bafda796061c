/*
 * The features of a text: stems, pairs of stems, and parts of words (3 to 5
 * characters, with the gaps at both ends), each found by its hash.  Those of
 * the title are others than those of the prose.
 */

#ifndef ANALYSIS_GENRE_H
#define ANALYSIS_GENRE_H

#include "analysis_film.h"
#include "analysis_text.h"


typedef enum {
    ANALYSIS_WORDS = 0,          /* stems and pairs */
    ANALYSIS_CHARS,
    ANALYSIS_TITLE_STEMS,        /* of the title, likewise */
    ANALYSIS_TITLE_CHARS,

    ANALYSIS_BLOCKS
} analysis_block_t;

/*
 * One occurrence; word and last are the places in text->words that it covers,
 * which differ for a pair.
 */
typedef void (*analysis_feature_fn)(void *ctx, analysis_block_t block,
    uint32_t hash, uint32_t word, uint32_t last);

void analysis_text_features(const analysis_text_t *text,
    analysis_feature_fn fn, void *ctx);


#endif /* ANALYSIS_GENRE_H */
