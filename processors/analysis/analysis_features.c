/* The features of a text. */

#include "analysis_genre.h"


#define PART_MIN  3
#define PART_MAX  5


typedef struct {
    analysis_feature_fn   fn;
    void                 *ctx;
    bool                  title;
} features_t;


static void features_words(const features_t *f, const analysis_text_t *text,
    size_t first, size_t n);
static void features_parts(const features_t *f, const analysis_word_t *w,
    uint32_t at);
static void features_put(const features_t *f, analysis_block_t block,
    uint32_t hash, uint32_t word, uint32_t last);


void
analysis_text_features(const analysis_text_t *text, analysis_feature_fn fn,
    void *ctx)
{
    features_t  f = { fn, ctx, false };

    features_words(&f, text, 0, text->n);
    f.title = true;
    features_words(&f, text, text->n, text->ntitle);
}


static void
features_words(const features_t *f, const analysis_text_t *text,
    size_t first, size_t n)
{
    uint32_t                i, last = 0;
    const analysis_word_t  *w, *before = NULL;

    for (i = (uint32_t) first; i < first + n; i++) {
        w = &text->words[i];

        if (w->stop) {
            continue;
        }

        features_put(f, ANALYSIS_WORDS, w->hash, i, i);

        if (before != NULL && before->part == w->part) {
            features_put(f, ANALYSIS_WORDS,
                         analysis_hash_pair(before->hash, w->hash), last, i);
        }

        features_parts(f, w, i);

        before = w;
        last = i;
    }
}


/* of " word ": that it begins or ends so is part of it */
static void
features_parts(const features_t *f, const analysis_word_t *w, uint32_t at)
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
            features_put(f, ANALYSIS_CHARS, h, at, at);
        }
    }
}


static void
features_put(const features_t *f, analysis_block_t block, uint32_t hash,
    uint32_t word, uint32_t last)
{
    if (f->title) {
        block = block == ANALYSIS_WORDS ? ANALYSIS_TITLE_STEMS
                                        : ANALYSIS_TITLE_CHARS;
        hash = analysis_hash_pair(ANALYSIS_HASH_TITLE, hash);
    }

    f->fn(f->ctx, block, hash, word, last);
}
