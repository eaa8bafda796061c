/* The analysis processor: numbers that an investor can check. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "analysis_action.h"
#include "analysis_page.h"
#include "analysis_predict.h"
#include "pt_log.h"
#include "pt_pdf.h"


static pt_err_t analysis_load(const char *share);
static void analysis_version(pt_buf_t *buf);
static pt_err_t analysis_run(pt_job_t *job, analysis_action_fn action);
static pt_err_t analysis_analyze(pt_job_t *job);
static pt_err_t analysis_market(pt_job_t *job);
static pt_err_t analysis_assess(pt_job_t *job);
static pt_err_t analysis_recommend(pt_job_t *job);
static pt_err_t analysis_pitch_page(pt_job_t *job);
static pt_err_t analysis_market_page(pt_job_t *job);
static pt_err_t analysis_assess_page(pt_job_t *job);
static pt_err_t analysis_recommend_page(pt_job_t *job);
static pt_err_t analysis_print_page(pt_job_t *job, analysis_action_fn action,
    analysis_page_fn page);
static pt_err_t analysis_write_pdf(pt_job_t *job, pt_str_t pdf);
static void analysis_load_fonts(void);


/* a millisecond of work, and the same result for the same parameters */
#define ANALYSIS_FLAGS  (PT_ACTION_CACHEABLE | PT_ACTION_LIGHT)

static const pt_action_t  analysis_actions[] = {
    { "analyze-pitch",          analysis_analyze,        ANALYSIS_FLAGS },
    { "market-research",        analysis_market,         ANALYSIS_FLAGS },
    { "assess-investment",      analysis_assess,         ANALYSIS_FLAGS },
    { "recommend-content",      analysis_recommend,      ANALYSIS_FLAGS },
    { "analyze-pitch-page",     analysis_pitch_page,     PT_ACTION_CACHEABLE },
    { "market-research-page",   analysis_market_page,    PT_ACTION_CACHEABLE },
    { "assess-investment-page", analysis_assess_page,    PT_ACTION_CACHEABLE },
    { "recommend-content-page", analysis_recommend_page, PT_ACTION_CACHEABLE },
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
static pt_buf_t           analysis_said;         /* by its last action */
static pt_fonts_t        *analysis_fonts;
static pt_typeface_t      analysis_typeface;     /* n == 0: no fonts */

#define ANALYSIS_PDF  "page.pdf"


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
        return err;
    }

    analysis_load_fonts();

    return PT_OK;
}


/* for pages only: without them the other actions go on */
static void
analysis_load_fonts(void)
{
    size_t    i;
    pt_err_t  err;

    static const char *const  families[] = { "Open Sans", "Gentium Book Plus" };

    if (sodium_init() == -1 || pt_fonts_new(&analysis_fonts) != PT_OK) {
        pt_log(PT_LOG_WARN, "analysis", "could not read the list of fonts,"
               " going on without pages");
        return;
    }

    for (i = 0; i < sizeof(families) / sizeof(char *); i++) {
        if (pt_fonts_family(analysis_fonts, pt_str(families[i]),
                            &analysis_typeface.families[analysis_typeface.n])
            == PT_OK)
        {
            analysis_typeface.n++;

        } else {
            pt_log(PT_LOG_WARN, "analysis", "%s, going on without",
                   pt_fonts_error(analysis_fonts));
        }
    }

    err = pt_pdf_load_profile();
    if (err != PT_OK) {
        pt_log(PT_LOG_WARN, "analysis", "could not read the profile of sRGB"
               " (package icc-profiles-free): %s, going on without PDF/A",
               pt_err_code(err));
    }
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

    if (analysis_fonts != NULL) {
        pt_fonts_version(analysis_fonts, buf);
        pt_pdf_version(buf);
    }
}


static pt_err_t
analysis_run(pt_job_t *job, analysis_action_fn action)
{
    pt_err_t     err;
    const char  *reason = NULL;

    if (analysis_engine.model == NULL) {
        err = analysis_engine_init(&analysis_engine, &analysis_model);

        if (err != PT_OK) {
            return err;
        }
    }

    pt_buf_done(&analysis_said);
    pt_buf_init(&analysis_said, &pt_mem_heap, ANALYSIS_RESULT_MAX);

    err = action(&analysis_engine, pt_job_params(job), pt_job_platform(job),
                 &analysis_said, &reason);

    if (err == PT_OK) {
        err = pt_job_result(job, pt_buf_str(&analysis_said));

    } else if (err == PT_E_PARAMETERS) {
        pt_job_fail_at(job, PT_STR("/pitch_id"), pt_str(reason));
        err = pt_job_fail(job, err, "%s", reason);
    }

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


/* ---- what they say, and a page of it ---- */

static pt_err_t
analysis_pitch_page(pt_job_t *job)
{
    return analysis_print_page(job, analysis_analyze_json,
                               analysis_page_pitch);
}


static pt_err_t
analysis_market_page(pt_job_t *job)
{
    return analysis_print_page(job, analysis_market_json,
                               analysis_page_market);
}


static pt_err_t
analysis_assess_page(pt_job_t *job)
{
    return analysis_print_page(job, analysis_assess_json,
                               analysis_page_investment);
}


static pt_err_t
analysis_recommend_page(pt_job_t *job)
{
    return analysis_print_page(job, analysis_recommend_json,
                               analysis_page_content);
}


static pt_err_t
analysis_print_page(pt_job_t *job, analysis_action_fn action,
    analysis_page_fn page)
{
    pt_buf_t    pdf;
    pt_err_t    err;
    pt_json_t  *result;

    if (analysis_typeface.n == 0) {
        return pt_job_fail(job, PT_E_UNAVAILABLE, "no fonts are installed");
    }

    err = analysis_run(job, action);
    if (err != PT_OK) {
        return err;
    }

    err = pt_json_parse(pt_buf_str(&analysis_said), &pt_mem_heap, &result,
                        NULL);
    if (err != PT_OK) {
        return err;
    }

    pt_buf_init(&pdf, &pt_mem_heap, ANALYSIS_PDF_MAX);
    err = page(result, &analysis_typeface, &pdf);

    err = err == PT_OK ? analysis_write_pdf(job, pt_buf_str(&pdf))
                       : pt_job_fail(job, err, "could not set \"%s\"",
                                     ANALYSIS_PDF);

    pt_buf_done(&pdf);
    pt_json_free(result);

    return err;
}


/* the child's current directory is the job's scratch */
static pt_err_t
analysis_write_pdf(pt_job_t *job, pt_str_t pdf)
{
    int      fd;
    bool     good = true;
    size_t   at;
    ssize_t  n;

    fd = open(ANALYSIS_PDF, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd == -1) {
        return pt_job_fail(job, PT_E_IO, "could not create \"%s\": %s",
                           ANALYSIS_PDF, strerror(errno));
    }

    for (at = 0; at < pdf.len && good; at += good ? (size_t) n : 0) {
        n = write(fd, pdf.data + at, pdf.len - at);
        good = n > 0;
    }

    if (close(fd) == -1 || !good) {
        return pt_job_fail(job, PT_E_IO, "could not write \"%s\": %s",
                           ANALYSIS_PDF, strerror(errno));
    }

    return pt_job_output(job, ANALYSIS_PDF, "application/pdf", ANALYSIS_PDF);
}
