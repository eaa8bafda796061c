/* From what people wrote to words. */

#include <stdlib.h>
#include <string.h>

#include <libstemmer.h>
#include <utf8proc.h>

#include "analysis_text.h"


#define DECOMPOSED_MAX  18       /* of one character, Unicode's longest */


typedef struct {
    analysis_text_t  *text;
    analysis_word_t   word;
    size_t            max;       /* words of the text */
    bool              open;      /* a word is being read */
} text_reader_t;


static pt_err_t text_read(analysis_text_t *t, pt_str_t s, size_t max);
static void text_char(text_reader_t *r, int32_t c, uint32_t at);
static unsigned text_fold(int32_t c, char *ret, bool *ret_letter);
static void text_put(text_reader_t *r, char c, uint32_t at);
static pt_err_t text_close(text_reader_t *r, uint32_t at);
static void text_stem(analysis_text_t *t, analysis_word_t *w);
static bool text_is_stop(const analysis_word_t *w);
static int text_compare(const void *a, const void *b);
static bool text_is_number(const char *word, size_t len);


/* ascending: found by bsearch() */
static const char *const  text_stops[] = {
    "about", "above", "after", "again", "against", "ain", "all", "also", "am",
    "an", "and", "another", "any", "are", "aren", "as", "at", "be", "because",
    "become", "becomes", "been", "before", "being", "below", "between", "both",
    "but", "by", "can", "cannot", "could", "couldn", "did", "didn", "do",
    "does", "doesn", "doing", "don", "down", "during", "each", "else", "ever",
    "few", "film", "films", "for", "from", "further", "get", "gets", "had",
    "hadn", "has", "hasn", "have", "haven", "having", "he", "her", "here",
    "hers", "herself", "him", "himself", "his", "how", "however", "if", "in",
    "into", "is", "isn", "it", "its", "itself", "just", "ll", "made", "make",
    "may", "me", "more", "most", "movie", "movies", "must", "mustn", "my",
    "myself", "needn", "no", "nor", "not", "now", "of", "off", "on", "once",
    "one", "only", "or", "other", "our", "ours", "ourselves", "out", "over",
    "own", "re", "same", "shan", "she", "should", "shouldn", "so", "some",
    "such", "than", "that", "the", "their", "theirs", "them", "themselves",
    "then", "there", "these", "they", "this", "those", "through", "to", "too",
    "two", "under", "until", "up", "upon", "ve", "very", "was", "wasn", "we",
    "were", "weren", "what", "when", "where", "which", "while", "who", "whom",
    "whose", "why", "will", "with", "within", "without", "won", "would",
    "wouldn", "you", "your", "yours", "yourself", "yourselves"
};


pt_err_t
analysis_text_init(analysis_text_t *t)
{
    memset(t, 0, sizeof(*t));

    t->stemmer = sb_stemmer_new("english", "UTF_8");

    return t->stemmer ? PT_OK : PT_E_NOMEM;
}


void
analysis_text_done(analysis_text_t *t)
{
    sb_stemmer_delete(t->stemmer);
    free(t->words);
    memset(t, 0, sizeof(*t));
}


void
analysis_text_reset(analysis_text_t *t)
{
    t->n = 0;
    t->ntitle = 0;
    t->parts = 0;
    t->letters = 0;
    t->foreign = 0;
    t->sentences = 0;
    t->cut = false;
}


pt_err_t
analysis_text_add(analysis_text_t *t, pt_str_t s)
{
    return text_read(t, s, ANALYSIS_WORDS_MAX);
}


pt_err_t
analysis_text_add_title(analysis_text_t *t, pt_str_t s)
{
    pt_err_t         err;
    analysis_text_t  prose = *t;

    t->cut = false;
    err = text_read(t, s, prose.n + ANALYSIS_TITLE_WORDS);

    t->ntitle = t->n - prose.n;
    t->n = prose.n;
    t->letters = prose.letters;
    t->foreign = prose.foreign;
    t->sentences = prose.sentences;
    t->cut = prose.cut;

    return err;
}


static pt_err_t
text_read(analysis_text_t *t, pt_str_t s, size_t max)
{
    size_t              i;
    uint32_t            at = 0;
    pt_err_t            err;
    text_reader_t       r = { .text = t, .max = max };
    utf8proc_int32_t    c;
    utf8proc_ssize_t    n;

    for (i = 0; i < s.len && !t->cut; i += (size_t) n, at++) {
        n = 1;
        c = (unsigned char) s.data[i];

        if (c >= 0x80) {
            n = utf8proc_iterate((const uint8_t *) s.data + i,
                                 (utf8proc_ssize_t) (s.len - i), &c);
            if (n < 1) {
                n = 1;
                c = ' ';
            }
        }

        text_char(&r, c, at);

        if (!r.open && r.word.len != 0) {
            err = text_close(&r, at);

            if (err != PT_OK) {
                return err;
            }

            t->sentences += c == '.' || c == '!' || c == '?';
        }
    }

    /* the last word is of this text, not of the next */
    err = text_close(&r, at);
    t->parts++;

    return err;
}


static void
text_char(text_reader_t *r, int32_t c, uint32_t at)
{
    char      folded[DECOMPOSED_MAX];
    bool      letter;
    unsigned  i, n;

    /* "don't" is two words, of which the second is too short to count */
    n = text_fold(c, folded, &letter);

    r->text->letters += letter;
    r->text->foreign += letter && n == 0;

    /* a combining mark belongs to the letter before it */
    if (n == 0 && r->open && c >= 0x300 && c < 0x370) {
        return;
    }

    r->open = n != 0;

    for (i = 0; i < n; i++) {
        text_put(r, folded[i], at);
    }
}


/* to [a-z0-9], by compatibility decomposition; the length */
static unsigned
text_fold(int32_t c, char *ret, bool *ret_letter)
{
    int                  boundary = 0;
    unsigned             n = 0;
    utf8proc_int32_t     buf[DECOMPOSED_MAX], d;
    utf8proc_ssize_t     i, len;
    utf8proc_category_t  category;

    if (c < 0x80) {
        d = c >= 'A' && c <= 'Z' ? c + 32 : c;
        *ret_letter = d >= 'a' && d <= 'z';
        ret[0] = (char) d;
        return *ret_letter || (d >= '0' && d <= '9');
    }

    category = utf8proc_category(c);
    *ret_letter = category >= UTF8PROC_CATEGORY_LU
                  && category <= UTF8PROC_CATEGORY_LO;

    len = utf8proc_decompose_char(c, buf, DECOMPOSED_MAX,
                                  UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE
                                  | UTF8PROC_CASEFOLD, &boundary);

    for (i = 0; i < len && i < DECOMPOSED_MAX; i++) {
        d = buf[i];

        if ((d >= 'a' && d <= 'z') || (d >= '0' && d <= '9')) {
            ret[n++] = (char) d;
        }
    }

    return n;
}


static void
text_put(text_reader_t *r, char c, uint32_t at)
{
    analysis_word_t  *w = &r->word;

    if (w->len == 0) {
        w->offset = at;
    }

    if (w->len < ANALYSIS_WORD_MAX) {
        w->word[w->len++] = c;
    }
}


static pt_err_t
text_close(text_reader_t *r, uint32_t at)
{
    size_t            cap;
    analysis_text_t  *t = r->text;
    analysis_word_t  *w = &r->word, *words;

    if (w->len < 2) {
        w->len = 0;
        return PT_OK;
    }

    if (t->n == r->max) {
        t->cut = true;
        return PT_OK;
    }

    if (t->n == t->cap) {
        cap = t->cap ? t->cap * 2 : 256;
        words = realloc(t->words, cap * sizeof(*words));

        if (words == NULL) {
            return PT_E_NOMEM;
        }

        t->words = words;
        t->cap = cap;
    }

    w->word[w->len] = '\0';
    w->length = at - w->offset;
    w->part = (uint8_t) t->parts;
    w->stop = text_is_stop(w);
    text_stem(t, w);

    t->words[t->n++] = *w;
    w->len = 0;

    return PT_OK;
}


static void
text_stem(analysis_text_t *t, analysis_word_t *w)
{
    const sb_symbol  *stem;

    stem = w->stop ? NULL
                   : sb_stemmer_stem(t->stemmer, (const sb_symbol *) w->word,
                                     w->len);

    w->hash = stem ? analysis_hash(ANALYSIS_HASH_WORD, stem,
                                   (size_t) sb_stemmer_length(t->stemmer))
                   : analysis_hash(ANALYSIS_HASH_WORD, w->word, w->len);
}


static bool
text_is_stop(const analysis_word_t *w)
{
    const char  *key = w->word;

    return bsearch(&key, text_stops, sizeof(text_stops) / sizeof(char *),
                   sizeof(char *), text_compare) != NULL;
}


static int
text_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}


/* FNV-1a with a last mixing, since its low bits are poor for short keys */
uint32_t
analysis_hash(uint32_t kind, const void *data, size_t len)
{
    size_t          i;
    uint32_t        h = kind;
    const uint8_t  *p = data;

    for (i = 0; i < len; i++) {
        h = (h ^ p[i]) * 16777619u;
    }

    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;

    return h ^ (h >> 16);
}


uint32_t
analysis_hash_pair(uint32_t a, uint32_t b)
{
    uint32_t  pair[2] = { a, b };

    return analysis_hash(ANALYSIS_HASH_PAIR, pair, sizeof(pair));
}


/* ---- titles ---- */

size_t
analysis_title_fold(pt_str_t title, char *buf, size_t size)
{
    bool              letter, gap = false;
    char              folded[DECOMPOSED_MAX];
    size_t            i, len = 0;
    unsigned          k, n;
    utf8proc_int32_t  c;
    utf8proc_ssize_t  used;

    static const char *const  articles[] = { "the ", "a ", "an " };

    for (i = 0; i < title.len; i += (size_t) used) {
        used = utf8proc_iterate((const uint8_t *) title.data + i,
                                (utf8proc_ssize_t) (title.len - i), &c);
        if (used < 1) {
            used = 1;
            continue;
        }

        n = text_fold(c, folded, &letter);

        /* an apostrophe is no gap: "ocean's" is one word */
        gap = n == 0 ? gap || (c != '\'' && c != 0x2019 && !letter) : gap;

        if (n != 0 && gap && len != 0 && len < size - 1) {
            buf[len++] = ' ';
        }

        for (k = 0; k < n && len < size - 1; k++) {
            buf[len++] = folded[k];
        }

        gap = gap && n == 0;
    }

    buf[len] = '\0';

    for (i = 0; i < sizeof(articles) / sizeof(char *); i++) {
        n = (unsigned) strlen(articles[i]);

        if (strncmp(buf, articles[i], n) == 0) {
            len -= n;
            memmove(buf, buf + n, len + 1);
            break;
        }
    }

    return len;
}


size_t
analysis_title_stem(pt_str_t title, char *buf, size_t size)
{
    size_t  i, len;

    static const char *const  parts[] = {
        "part", "chapter", "episode", "volume", "vol"
    };

    for (i = 1; i < title.len; i++) {
        if (title.data[i] == ':'
            || (title.data[i] == '-' && title.data[i - 1] == ' '))
        {
            title.len = i;
        }
    }

    len = analysis_title_fold(title, buf, size);

    for ( ;; ) {
        for (i = len; i > 0 && buf[i - 1] != ' '; i--) { /* void */ }

        if (i < 2 || !text_is_number(buf + i, len - i)) {
            break;
        }

        len = i - 1;
        buf[len] = '\0';

        for (i = 0; i < sizeof(parts) / sizeof(char *); i++) {
            size_t  n = strlen(parts[i]);

            if (len > n + 1 && strcmp(buf + len - n, parts[i]) == 0
                && buf[len - n - 1] == ' ')
            {
                len -= n + 1;
                buf[len] = '\0';
                break;
            }
        }
    }

    return len;
}


/* 2, 13, ii, iv, three */
static bool
text_is_number(const char *word, size_t len)
{
    size_t  i;

    static const char *const  words[] = {
        "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "two",
        "three", "four", "five", "one", "second", "third", "2nd", "3rd"
    };

    for (i = 0; i < sizeof(words) / sizeof(char *); i++) {
        if (strlen(words[i]) == len && memcmp(words[i], word, len) == 0) {
            return true;
        }
    }

    for (i = 0; i < len; i++) {
        if (word[i] < '0' || word[i] > '9') {
            return false;
        }
    }

    return len != 0 && len <= 2;
}
