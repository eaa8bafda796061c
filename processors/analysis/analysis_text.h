/*
 * From what people wrote to words: folded to [a-z0-9], stemmed, with the
 * place where each stands.
 */

#ifndef ANALYSIS_TEXT_H
#define ANALYSIS_TEXT_H

#include "pt_mem.h"


/* what lies behind is not read: a synopsis has some hundred words */
#define ANALYSIS_WORDS_MAX  20000

#define ANALYSIS_WORD_MAX   31        /* bytes; longer ones are cut */

#define ANALYSIS_TITLE_WORDS  40      /* of a title, likewise */


typedef struct {
    uint32_t  offset;                 /* characters before it, in its text */
    uint32_t  length;                 /* characters */
    uint32_t  hash;                   /* of the stem */
    uint8_t   len;                    /* bytes of word */
    uint8_t   part;                   /* which text of analysis_text_add() */
    bool      stop;                   /* "the", "and" */
    char      word[ANALYSIS_WORD_MAX + 1];     /* folded, not stemmed */
} analysis_word_t;


typedef struct {
    struct sb_stemmer  *stemmer;
    analysis_word_t    *words;
    size_t              n, cap;
    size_t              ntitle;       /* words behind those n: the title's */
    unsigned            parts;
    size_t              letters;      /* of any script */
    size_t              foreign;      /* that do not fold to a-z */
    size_t              sentences;    /* "." "!" "?" after a word */
    bool                cut;          /* at ANALYSIS_WORDS_MAX */
} analysis_text_t;


PT_MUST_CHECK pt_err_t analysis_text_init(analysis_text_t *t);
void analysis_text_done(analysis_text_t *t);

/* empties it, keeps the memory */
void analysis_text_reset(analysis_text_t *t);

/* reads one text after the others; any bytes */
PT_MUST_CHECK pt_err_t analysis_text_add(analysis_text_t *t, pt_str_t s);

/*
 * Reads the title, after all texts.  It is no prose: of what is counted, it
 * only adds to ntitle.
 */
PT_MUST_CHECK pt_err_t analysis_text_add_title(analysis_text_t *t,
    pt_str_t s);


/* what a feature is, in its hash */
#define ANALYSIS_HASH_WORD   0x811c9dc5u
#define ANALYSIS_HASH_PAIR   0x050c5d1fu
#define ANALYSIS_HASH_CHARS  0x2f0b4a27u
#define ANALYSIS_HASH_TITLE  0x9f3c1b55u

uint32_t analysis_hash(uint32_t kind, const void *data, size_t len);
uint32_t analysis_hash_pair(uint32_t a, uint32_t b);

/*
 * A title as titles are compared: folded, without a leading article, words
 * with one space between, no more than size - 1 bytes.  Its length.
 */
size_t analysis_title_fold(pt_str_t title, char *buf, size_t size);

/*
 * The length of that title without what numbers a sequel: what stands behind
 * a colon or dash, "part 2", "2", "iii".
 */
size_t analysis_title_stem(pt_str_t title, char *buf, size_t size);


#endif /* ANALYSIS_TEXT_H */
