/* One page that a pitch's analysis is printed on. */

#ifndef ANALYSIS_PAGE_H
#define ANALYSIS_PAGE_H

#include "pt_flow.h"
#include "pt_json.h"


/* a page with two charts has about 60 KB */
#define ANALYSIS_PDF_MAX  (4u << 20)


/*
 * Writes the PDF of what analyze-pitch has said.
 *
 * Errors  PT_E_NOMEM, PT_E_TOO_LARGE, PT_E_INTERNAL
 */
PT_MUST_CHECK pt_err_t analysis_page(const pt_json_t *result,
    const pt_typeface_t *typeface, pt_buf_t *pdf);


#endif /* ANALYSIS_PAGE_H */
