/*
 * Filters of placeholders, for English text:
 *
 *     {{effective_date|date}}           23 November 2026
 *     {{effective_date|date-us}}        November 23, 2026
 *     {{term_years|words}}              two
 *     {{term_years|plural year}}        years
 */

#ifndef DOCUMENT_FORMAT_H
#define DOCUMENT_FORMAT_H

#include "pt_json.h"


/* a pt_mustache_env_t's filter */
pt_err_t document_format(void *ctx, pt_str_t filter, const pt_json_t *value,
    pt_buf_t *out);

/* a cardinal in words, "one hundred and five"; 0 .. 999,999,999,999 */
void document_format_words(uint64_t n, pt_buf_t *out);


#endif /* DOCUMENT_FORMAT_H */
