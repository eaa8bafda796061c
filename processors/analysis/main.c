/* The analysis processor: numbers that an investor can check. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "analysis_action.h"
#include "analysis_predict.h"
#include "pt_log.h"


static pt_err_t analysis_load(const char *share);
static void analysis_version(pt_buf_t *buf);
static pt_err_t analysis_run(pt_job_t *job, analysis_action_fn action);
static pt_err_t analysis_analyze(pt_job_t *job);
static pt_err_t analysis_market(pt_job_t *job);
static pt_err_t analysis_assess(pt_job_t *job);
static pt_err_t analysis_recommend(pt_job_t *job);


/* a millisecond of work, and the same result for the same parameters */
#define ANALYSIS_FLAGS  (PT_ACTION_CACHEABLE | PT_ACTION_LIGHT)

static const pt_action_t  analysis_actions[] = {
    { "analyze-pitch",     analysis_analyze,   ANALYSIS_FLAGS },
    { "market-research",   analysis_market,    ANALYSIS_FLAGS },
    { "assess-investment", analysis_assess,    ANALYSIS_FLAGS },
    { "recommend-content", analysis_recommend, ANALYSIS_FLAGS },
    { NULL, NULL, 0 }
};

static const pt_processor_t  analysis_processor = {
    .service        = "ai-analysis",
    .actions        = analysis_actions,
    .jobs_per_child = 10000,
    .memory_bytes   = 512 * 1024 * 1024,  /* address space: libraries, model */
    .file_bytes     = 16 * 1024 * 1024,
    .cpu_s          = 10,
    .timeout_s      = 30,
    .load           = analysis_load,      /* the model */
    .version        = analysis_version,
};


static analysis_model_t   analysis_model;
static analysis_engine_t  analysis_engine;       /* a child's own */


int
main(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "predict") == 0
                     || strcmp(argv[1], "evaluate") == 0))
    {
        return analysis_predict_main(argc, argv);
    }

    return pt_processor_main(&analysis_processor, argc, argv);
}


static pt_err_t
analysis_load(const char *share)
{
    pt_err_t  err;

    err = analysis_model_load(share, &analysis_model);

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "analysis",
               "could not load \"%s/model/analysis.model.xz\": %s", share,
               err == PT_E_IO ? strerror(errno) : pt_err_code(err));
    }

    return err;
}


/* all of it: a weight that moved moves results */
static void
analysis_version(pt_buf_t *buf)
{
    size_t    i;
    uint8_t   hash[EVP_MAX_MD_SIZE] = "";
    unsigned  len = 0;

    if (EVP_Digest(analysis_model.base, analysis_model.size, hash, &len,
                   EVP_sha256(), NULL) != 1)
    {
        buf->err = PT_E_NOMEM;
    }

    pt_buf_add_text(buf, "model ");

    for (i = 0; i < len; i++) {
        pt_buf_printf(buf, "%02x", hash[i]);
    }
}


static pt_err_t
analysis_run(pt_job_t *job, analysis_action_fn action)
{
    pt_buf_t     out;
    pt_err_t     err;
    const char  *reason = NULL;

    if (analysis_engine.model == NULL) {
        err = analysis_engine_init(&analysis_engine, &analysis_model);

        if (err != PT_OK) {
            return err;
        }
    }

    pt_buf_init(&out, &pt_mem_heap, ANALYSIS_RESULT_MAX);

    err = action(&analysis_engine, pt_job_params(job), pt_job_platform(job),
                 &out, &reason);

    if (err == PT_OK) {
        err = pt_job_result(job, pt_buf_str(&out));

    } else if (err == PT_E_PARAMETERS) {
        pt_job_fail_at(job, PT_STR("/pitch_id"), pt_str(reason));
        err = pt_job_fail(job, err, "%s", reason);
    }

    pt_buf_done(&out);

    return err;
}


static pt_err_t
analysis_analyze(pt_job_t *job)
{
    return analysis_run(job, analysis_analyze_json);
}


static pt_err_t
analysis_market(pt_job_t *job)
{
    return analysis_run(job, analysis_market_json);
}


static pt_err_t
analysis_assess(pt_job_t *job)
{
    return analysis_run(job, analysis_assess_json);
}


static pt_err_t
analysis_recommend(pt_job_t *job)
{
    return analysis_run(job, analysis_recommend_json);
}
