/* Where a word may be broken. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <hyphen.h>

#include "pt_hyphen.h"


#define PT_HYPHEN_DIR       "/usr/share/hyphen"

/* shorter words gain nothing, longer ones are no words */
#define PT_HYPHEN_MIN       5
#define PT_HYPHEN_MAX       100

/* letters that stay on the line, and that go to the next */
#define PT_HYPHEN_LEFT      2
#define PT_HYPHEN_RIGHT     3


struct pt_hyphen_s {
    HyphenDict   *dict;
    char          tag[16];
    unsigned      users;
    pt_hyphen_t  *next;
};


static HyphenDict *pt_hyphen_load(const char *tag);
static bool pt_hyphen_letters(const pt_word_t *word, size_t *ret_start,
    size_t *ret_len);
static bool pt_hyphen_mark(const char *p);


/* a dictionary takes longer to read than all else of a template */
static pt_hyphen_t  *pt_hyphens;


pt_err_t
pt_hyphen_new(pt_str_t language, pt_hyphen_t **ret_hyphen)
{
    char          tag[16] = "", *p;
    pt_hyphen_t  *hyphen;

    if (language.len == 0 || language.len >= sizeof(tag)) {
        return PT_E_NOT_FOUND;
    }

    memcpy(tag, language.data, language.len);
    tag[language.len] = '\0';

    for (p = tag; *p != '\0'; p++) {
        if (*p == '-') {
            *p = '_';

        } else if (!isalpha((unsigned char) *p)) {
            return PT_E_NOT_FOUND;        /* no way out of the folder */
        }
    }

    for (hyphen = pt_hyphens; hyphen != NULL; hyphen = hyphen->next) {
        if (strcmp(hyphen->tag, tag) == 0) {
            hyphen->users++;
            *ret_hyphen = hyphen;
            return PT_OK;
        }
    }

    hyphen = calloc(1, sizeof(pt_hyphen_t));
    if (hyphen == NULL) {
        return PT_E_NOMEM;
    }

    memcpy(hyphen->tag, tag, sizeof(tag));

    hyphen->dict = pt_hyphen_load(tag);
    if (hyphen->dict == NULL) {
        tag[strcspn(tag, "_")] = '\0';
        hyphen->dict = pt_hyphen_load(tag);
    }

    if (hyphen->dict == NULL) {
        free(hyphen);
        return PT_E_NOT_FOUND;
    }

    hyphen->users = 1;
    hyphen->next = pt_hyphens;
    pt_hyphens = hyphen;
    *ret_hyphen = hyphen;

    return PT_OK;
}


void
pt_hyphen_free(pt_hyphen_t *hyphen)
{
    pt_hyphen_t  **link;

    if (hyphen == NULL || --hyphen->users > 0) {
        return;
    }

    for (link = &pt_hyphens; *link != hyphen; link = &(*link)->next) {
        /* it is one of them */
    }

    *link = hyphen->next;
    hnj_hyphen_free(hyphen->dict);
    free(hyphen);
}


pt_err_t
pt_hyphen_word(const pt_hyphen_t *hyphen, pt_word_t *word)
{
    int       *pos = NULL, *cut = NULL;
    char       letters[PT_HYPHEN_MAX + 1], marks[PT_HYPHEN_MAX + 5];
    char     **rep = NULL;
    size_t     i, k, start, len, at;
    uint16_t  *hyphens;

    if (word->dictionary == hyphen) {
        return PT_OK;
    }

    word->hyphens = NULL;
    word->n_hyphens = 0;

    if (!pt_hyphen_letters(word, &start, &len)) {
        word->dictionary = hyphen;
        return PT_OK;
    }

    /*
     * libhyphen looks for the dictionary's NOHYPHEN marks up to the string's
     * end, not the word's, and writes a position of each into its marks
     */
    memcpy(letters, word->text + start, len);
    letters[len] = '\0';

    if (hnj_hyphen_hyphenate3(hyphen->dict, letters, (int) len, marks, NULL,
                              &rep, &pos, &cut, PT_HYPHEN_LEFT,
                              PT_HYPHEN_RIGHT, PT_HYPHEN_LEFT,
                              PT_HYPHEN_RIGHT)
        != 0)
    {
        return PT_E_NOMEM;
    }

    hyphens = pt_room_array(word->room, word->n, sizeof(uint16_t));

    /* a break inside a ligature or a cluster is none */
    for (i = 0, k = 1; hyphens != NULL && i + 1 < len; i++) {

        if ((marks[i] & 1) == 0 || (rep != NULL && rep[i] != NULL)) {
            continue;
        }

        at = start + i + 1;

        while (k < word->n && word->glyphs[k].start < at) {
            k++;
        }

        if (k < word->n && word->glyphs[k].start == at) {
            hyphens[word->n_hyphens++] = (uint16_t) k;
        }
    }

    /* libhyphen's own memory, where the language respells broken words */
    for (i = 0; rep != NULL && i < len; i++) {
        free(rep[i]);
    }

    free(rep);
    free(pos);
    free(cut);

    if (hyphens == NULL) {
        word->n_hyphens = 0;
        return PT_E_NOMEM;
    }

    word->hyphens = hyphens;
    word->dictionary = hyphen;

    return PT_OK;
}


static HyphenDict *
pt_hyphen_load(const char *tag)
{
    char  path[64];

    (void) snprintf(path, sizeof(path), PT_HYPHEN_DIR "/hyph_%s.dic", tag);

    return hnj_hyphen_load(path);
}


/*
 * The word without punctuation around it, if what is left are small ASCII
 * letters: patterns of other encodings than UTF-8 agree in these.
 */
static bool
pt_hyphen_letters(const pt_word_t *word, size_t *ret_start, size_t *ret_len)
{
    size_t  i, start, end;

    for (start = 0; start < word->len; start++) {
        if (isalnum((unsigned char) word->text[start])
            || !pt_hyphen_mark(word->text + start))
        {
            break;
        }
    }

    for (end = start; end < word->len; end++) {
        if (word->text[end] < 'a' || word->text[end] > 'z') {
            break;
        }
    }

    for (i = end; i < word->len; i++) {
        if (isalnum((unsigned char) word->text[i])
            || !pt_hyphen_mark(word->text + i))
        {
            return false;
        }
    }

    *ret_start = start;
    *ret_len = end - start;

    return end - start >= PT_HYPHEN_MIN && end - start <= PT_HYPHEN_MAX;
}


/* a byte of ASCII or of general punctuation (quotation marks, dashes) */
static bool
pt_hyphen_mark(const char *p)
{
    const uint8_t  *s = (const uint8_t *) p;

    return s[0] < 0x80 || s[0] == 0xe2 || s[0] < 0xc0;
}
