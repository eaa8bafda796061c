/*
 * Filters of placeholders, by the language of the template:
 *
 *     {{effective_date|date}}           23 November 2026
 *                                       November 23, 2026 (en-US)
 *                                       23. November 2026 (de)
 *     {{effective_date|date-us}}        November 23, 2026
 *     {{term_years|words}}              two (English only)
 *     {{term_years|plural year}}        years
 *     {{screens|number}}                12,500  (de 12.500)
 *     {{share|percent}}                 12.5%   (de 12,5 %)
 *     {{budget|money}}                  USD 1,250,000.50
 *     {{budget|money-words}}            one million ... US dollars and fifty
 *                                       cents (English only)
 *
 * Money is {"amount": 1250000.5, "currency": "USD"}: at most two decimals.
 */

#ifndef DOCUMENT_FORMAT_H
#define DOCUMENT_FORMAT_H

#include "pt_json.h"


/* language is a template's: "en-GB".  PT_E_INVALID: not for this value */
pt_err_t document_format(pt_str_t language, pt_str_t filter,
    const pt_json_t *value, pt_buf_t *out);

/*
 * A cardinal in words, "one hundred and five", without "and" for Americans;
 * 0 .. 999,999,999,999
 */
void document_format_words(uint64_t n, bool us, pt_buf_t *out);

/* {{x|number}}, percent, money and money-words: document_money.c */
pt_err_t document_format_number(pt_str_t language, pt_str_t filter,
    const pt_json_t *value, pt_buf_t *out);

/* whether a template's language is this one: "en" is "en-GB"'s */
bool document_language_is(pt_str_t language, const char *code);


#endif /* DOCUMENT_FORMAT_H */
