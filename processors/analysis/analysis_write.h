/* Numbers as results have them: six significant digits, always the same. */

#ifndef ANALYSIS_WRITE_H
#define ANALYSIS_WRITE_H

#include "pt_json.h"


#define ANALYSIS_NUMBER_MAX  40

/* the length written, not terminated; what is not finite is "null" */
size_t analysis_number(double v, char ret_text[ANALYSIS_NUMBER_MAX]);

void analysis_put(pt_jsonw_t *w, double v);
void analysis_put_key(pt_jsonw_t *w, const char *key, double v);
void analysis_put_int(pt_jsonw_t *w, const char *key, int64_t v);
void analysis_put_text(pt_jsonw_t *w, const char *key, const char *v);
void analysis_put_str(pt_jsonw_t *w, const char *key, pt_str_t v);

/* a budget or gross: whole dollars where six digits allow */
void analysis_put_money(pt_jsonw_t *w, const char *key, double v);

/* an array of genres' names */
void analysis_put_genres(pt_jsonw_t *w, const char *key, uint32_t genres);


#endif /* ANALYSIS_WRITE_H */
