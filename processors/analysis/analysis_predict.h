/* The command line for those who measure: JSON lines in, JSON lines out. */

#ifndef ANALYSIS_PREDICT_H
#define ANALYSIS_PREDICT_H

#include "analysis_engine.h"
#include "pt_json.h"


typedef enum {
    ANALYSIS_PREDICT_GENRE = 0,
    ANALYSIS_PREDICT_FINANCE,
    ANALYSIS_PREDICT_COMPS
} analysis_predict_t;

/* predict genre|finance|comps, evaluate; the exit status */
int analysis_predict_main(int argc, char **argv);

/*
 * Answers one line.
 *
 * Errors  PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t analysis_predict_line(analysis_engine_t *e,
    analysis_predict_t what, pt_str_t line, pt_buf_t *out);


#endif /* ANALYSIS_PREDICT_H */
