/*
 * One job: its input, its reasons, its result.
 */

#include "video_action.h"

#include <libavutil/mem.h>

#include "video_log.h"


static void video_action_progress(void *ctx, unsigned permille,
    const char *stage);
static void video_action_log(void *ctx, const char *text);


pt_err_t
video_action(pt_job_t *job, video_action_fn run)
{
    pt_err_t           err;
    video_report_t     report;
    const pt_input_t  *input;

    input = pt_job_input(job, pt_json_string(pt_job_params(job), "file",
                                             PT_STR_NULL));
    if (input == NULL) {
        return pt_job_fail(job, PT_E_UNKNOWN_FILE, "there is no such file");
    }

    /* what a header claims is no reason to take gigabytes at once */
    av_max_alloc(VIDEO_ALLOC_MAX);

    video_log_start();
    video_report_init(&report);

    pt_job_progress(job, 0, "probe");

    err = run(job, input->path, &report);

    if (err != PT_OK && report.err != PT_OK) {
        err = pt_job_fail(job, report.err, "%s", report.reason);
    }

    (void) video_log_end(video_action_log, job);
    video_report_done(&report);

    return err;
}


video_watcher_t
video_action_watcher(pt_job_t *job)
{
    return (video_watcher_t) { .progress = video_action_progress, .ctx = job };
}


pt_err_t
video_action_stills(pt_job_t *job, const video_still_t *stills, unsigned n)
{
    unsigned  i;
    pt_err_t  err;

    err = PT_OK;

    for (i = 0; err == PT_OK && i < n; i++) {
        err = pt_job_output(job, stills[i].name, stills[i].format->media_type,
                            stills[i].name);
    }

    return err;
}


pt_err_t
video_action_result(pt_job_t *job, pt_buf_t *buf)
{
    pt_err_t  err;

    err = buf->err != PT_OK ? buf->err : pt_job_result(job, pt_buf_str(buf));

    pt_buf_done(buf);

    if (err != PT_OK) {
        return pt_job_fail(job, err, "cannot report the result");
    }

    pt_job_progress(job, 1000, "finish");

    return PT_OK;
}


static void
video_action_progress(void *ctx, unsigned permille, const char *stage)
{
    pt_job_progress(ctx, permille, stage);
}


static void
video_action_log(void *ctx, const char *text)
{
    pt_job_log(ctx, "ffmpeg: %s", text);
}
