/* What the processor's actions share: the templates that load() read. */

#ifndef DOCUMENT_H
#define DOCUMENT_H

#include "pt_processor.h"

#include "document_template.h"


/* by its file's name without ".md"; NULL: not shipped */
const document_template_t *document_template(const char *name);


pt_err_t document_nda(pt_job_t *job);


#endif /* DOCUMENT_H */
