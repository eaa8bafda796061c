/*
 * The actions.  Each has a plain function from parameters and platform rows
 * to JSON, which tests and benches call, and one that the runtime calls.
 */

#ifndef ANALYSIS_ACTION_H
#define ANALYSIS_ACTION_H

#include "analysis_score.h"
#include "pt_processor.h"


/* as pt_job_result() takes it */
#define ANALYSIS_RESULT_MAX  (1u << 20)


/*
 * Errors  PT_E_PARAMETERS (ret_reason says why), PT_E_NOMEM, PT_E_TOO_LARGE
 */
typedef pt_err_t (*analysis_action_fn)(analysis_engine_t *e,
    const pt_json_t *params, const pt_json_t *platform, pt_buf_t *out,
    const char **ret_reason);

pt_err_t analysis_analyze_json(analysis_engine_t *e, const pt_json_t *params,
    const pt_json_t *platform, pt_buf_t *out, const char **ret_reason);
pt_err_t analysis_market_json(analysis_engine_t *e, const pt_json_t *params,
    const pt_json_t *platform, pt_buf_t *out, const char **ret_reason);
pt_err_t analysis_assess_json(analysis_engine_t *e, const pt_json_t *params,
    const pt_json_t *platform, pt_buf_t *out, const char **ret_reason);
pt_err_t analysis_recommend_json(analysis_engine_t *e,
    const pt_json_t *params, const pt_json_t *platform, pt_buf_t *out,
    const char **ret_reason);


/* ---- what results have in common ---- */

/*
 * The pitch of params and platform: {"pitch":{...}}.
 *
 * Errors  PT_E_PARAMETERS (a pitch_id that was not found)
 */
PT_MUST_CHECK pt_err_t analysis_action_pitch(const pt_json_t *params,
    const pt_json_t *platform, analysis_pitch_t *ret,
    const char **ret_reason);

void analysis_write_pitch(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s);
void analysis_write_genres(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s, double *scratch);
void analysis_write_comps(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s);
void analysis_write_forecast(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s);
void analysis_write_word(pt_jsonw_t *w, const analysis_engine_t *e,
    uint32_t word);

/* what was not answered, and why */
void analysis_write_abstained(pt_jsonw_t *w, const analysis_score_t *s);
const char *analysis_refusal_detail(const char *refusal);

/* a warning, where a genre is named that films do not carry */
void analysis_write_genre_warning(pt_jsonw_t *w,
    const analysis_pitch_t *pitch);

/* warnings that hold for any forecast of the pitch */
void analysis_write_warnings(pt_jsonw_t *w, const analysis_score_t *s);

/* the model's own account of itself: sources, licences, measured accuracy */
void analysis_write_model(pt_jsonw_t *w, const analysis_model_t *model);


#endif /* ANALYSIS_ACTION_H */
