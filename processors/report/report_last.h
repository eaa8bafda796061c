/*
 * The last run: what the same request of the same user gave before, to say
 * what has changed since.  The orchestrator keeps it, as long as it keeps jobs;
 * so its schema `pitchey` has to be in the platform's database.
 */

#ifndef REPORT_LAST_H
#define REPORT_LAST_H

#include "report_figure.h"


/*
 * Reads it into r->last, inside the transaction; untouched where there is none.
 *
 * request  the job's parameters; a run is the same if all of them are
 * Errors   PT_E_PARAMETERS (the database does not have it), PT_E_DATABASE,
 *          PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t report_last_read(report_t *r,
    const pt_json_t *request);

/* the figure of a tile by its title; not known where that run had none */
report_figure_t report_last_figure(const report_t *r, pt_str_t title);

/* now - last; not known where one of them is not, or it is too large */
report_figure_t report_last_change(const report_figure_t *now,
    const report_figure_t *last);


#endif /* REPORT_LAST_H */
