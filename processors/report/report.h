/* The report processor: what its files share. */

#ifndef REPORT_H
#define REPORT_H

#include "pt_processor.h"
#include "report_view.h"


/* of a PDF or HTML page */
#define REPORT_FILE_MAX  (256 * 1024 * 1024)

/* seconds of one statement, below the job's own deadline; a definition may
 * have less */
#define REPORT_TIMEOUT   600


/* the action "generate-analytics" */
pt_err_t report_generate(pt_job_t *job);

/*
 * Whether the datasets have every column that a section names, whatever the
 * formats; PT_E_PARAMETERS with r->error.
 */
PT_MUST_CHECK pt_err_t report_check_columns(report_t *r);

/* what main.c's load() read */
const report_definitions_t *report_definitions(void);
const pt_typeface_t *report_typeface(void);

/*
 * "pitchey-report check": every definition against a database.  Prints what is
 * wrong with which dataset; returns main()'s exit status.
 */
int report_check(int argc, char **argv);


#endif /* REPORT_H */
