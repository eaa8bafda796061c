/* The processor's actions, and what they share. */

#ifndef DOCUMENT_H
#define DOCUMENT_H

#include "pt_processor.h"

#include "document_library.h"


/* by its name; NULL: there is none.  Loaded before the fork. */
const document_template_t *document_template(pt_str_t name);


pt_err_t document_nda(pt_job_t *job);
pt_err_t document_contract(pt_job_t *job);
pt_err_t document_pitch(pt_job_t *job);
pt_err_t document_diligence(pt_job_t *job);
pt_err_t document_any(pt_job_t *job);

/*
 * One document: parameters filled up from the platform's row, rendered, and
 * each form that was asked for published as NAME.pdf, NAME.html, NAME.txt.
 *
 * params   of the template, where they are not the job's own
 * pointer  to them in the job's, "" for the whole
 */
pt_err_t document_produce(pt_job_t *job, const document_template_t *template,
    const char *name, const pt_json_t *params, const char *pointer);


#endif /* DOCUMENT_H */
