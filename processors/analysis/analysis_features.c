/* The features of a text. */

#include "analysis_genre.h"


#define PART_MIN  3
#define PART_MAX  5


static void features_parts(const analysis_word_t *w, uint32_t at,
    analysis_feature_fn fn, void *ctx);


void
analysis_text_features(const analysis_text_t *text, analysis_feature_fn fn,
    void *ctx)
{
    uint32_t                i, last = 0;
    const analysis_word_t  *w, *before = NULL;

    for (i = 0; i < text->n; i++) {
        w = &text->words[i];

        if (w->stop) {
            continue;
        }

        fn(ctx, ANALYSIS_WORDS, w->hash, i, i);

        if (before != NULL && before->part == w->part) {
            fn(ctx, ANALYSIS_WORDS, analysis_hash_pair(before->hash, w->hash),
               last, i);
        }

        features_parts(w, i, fn, ctx);

        before = w;
        last = i;
    }
}


/* of " word ": that it begins or ends so is part of it */
static void
features_parts(const analysis_word_t *w, uint32_t at, analysis_feature_fn fn,
    void *ctx)
{
    char      padded[ANALYSIS_WORD_MAX + 2];
    size_t    i, n, len = (size_t) w->len + 2;
    uint32_t  h;

    padded[0] = ' ';
    memcpy(padded + 1, w->word, w->len);
    padded[len - 1] = ' ';

    for (n = PART_MIN; n <= PART_MAX && n <= len; n++) {
        for (i = 0; i + n <= len; i++) {
            h = analysis_hash(ANALYSIS_HASH_CHARS, padded + i, n);
            fn(ctx, ANALYSIS_CHARS, h, at, at);
        }
    }
}
