/*
 * Hyphenation by libhyphen's patterns, one dictionary for each language.
 */

#ifndef PT_HYPHEN_H
#define PT_HYPHEN_H

#include "pt_font.h"


typedef struct pt_hyphen_s  pt_hyphen_t;


/*
 * The dictionary of a language tag ("en", "en-GB"): hyph_en_GB.dic and then
 * hyph_en.dic of the packages hyphen-*.  Read once: who asks for a tag again
 * gets the same, counted.
 *
 * Errors  PT_E_NOT_FOUND (no such file, or none for UTF-8 text), PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_hyphen_new(pt_str_t language,
    pt_hyphen_t **ret_hyphen);

/* takes NULL */
void pt_hyphen_free(pt_hyphen_t *hyphen);

/*
 * Fills word->hyphens, once.  A word with anything but small letters has no
 * break: names, defined terms and numbers stay whole.
 */
PT_MUST_CHECK pt_err_t pt_hyphen_word(const pt_hyphen_t *hyphen,
    pt_word_t *word);

#endif /* PT_HYPHEN_H */
