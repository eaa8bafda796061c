/* One page of each action's result, to be printed. */

#ifndef ANALYSIS_PAGE_H
#define ANALYSIS_PAGE_H

#include "pt_flow.h"
#include "pt_json.h"


/* a page with two charts has about 60 KB */
#define ANALYSIS_PDF_MAX  (4u << 20)


/*
 * Each writes the PDF of what its action has said.
 *
 * Errors  PT_E_NOMEM, PT_E_TOO_LARGE, PT_E_INTERNAL
 */
typedef pt_err_t (*analysis_page_fn)(const pt_json_t *result,
    const pt_typeface_t *typeface, pt_buf_t *pdf);

pt_err_t analysis_page_pitch(const pt_json_t *result,
    const pt_typeface_t *typeface, pt_buf_t *pdf);
pt_err_t analysis_page_market(const pt_json_t *result,
    const pt_typeface_t *typeface, pt_buf_t *pdf);
pt_err_t analysis_page_investment(const pt_json_t *result,
    const pt_typeface_t *typeface, pt_buf_t *pdf);
pt_err_t analysis_page_content(const pt_json_t *result,
    const pt_typeface_t *typeface, pt_buf_t *pdf);


#endif /* ANALYSIS_PAGE_H */
