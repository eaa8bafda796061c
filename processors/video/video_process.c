/*
 * One job: look at the input, plan, run, publish.
 */

#include "video_process.h"

#include <libavutil/mem.h>

#include "video_log.h"
#include "video_pipeline.h"
#include "video_request.h"
#include "video_result.h"


/* 100 thumbnails and three renditions are 20 KB */
#define VIDEO_RESULT_BYTES  (256u << 10)


static pt_err_t video_process_input(pt_job_t *job, const pt_input_t *input,
    const video_request_t *request, video_info_t *info,
    video_result_t *result, video_report_t *report);
static pt_err_t video_process_publish(pt_job_t *job,
    const video_result_t *result);
static pt_err_t video_process_result(pt_job_t *job, const video_info_t *info,
    const video_result_t *result, const video_report_t *report);
static void video_process_progress(void *ctx, unsigned permille,
    const char *stage);
static void video_process_log(void *ctx, const char *text);


pt_err_t
video_process(pt_job_t *job)
{
    pt_err_t           err;
    video_info_t       info;
    video_report_t     report;
    video_result_t     result;
    video_request_t    request;
    const pt_json_t   *params;
    const pt_input_t  *input;

    params = pt_job_params(job);
    video_request_of(&request, params);

    input = pt_job_input(job, pt_json_string(params, "file", PT_STR_NULL));
    if (input == NULL) {
        return pt_job_fail(job, PT_E_UNKNOWN_FILE, "there is no such file");
    }

    /* what a header claims is no reason to take gigabytes at once */
    av_max_alloc(VIDEO_ALLOC_MAX);

    video_log_start();
    video_report_init(&report);

    err = video_process_input(job, input, &request, &info, &result, &report);

    if (err == PT_OK) {
        err = video_process_publish(job, &result);
    }

    if (err == PT_OK) {
        err = video_process_result(job, &info, &result, &report);
    }

    if (err != PT_OK && report.err != PT_OK) {
        err = pt_job_fail(job, report.err, "%s", report.reason);
    }

    (void) video_log_end(video_process_log, job);
    video_report_done(&report);

    return err;
}


static pt_err_t
video_process_input(pt_job_t *job, const pt_input_t *input,
    const video_request_t *request, video_info_t *info,
    video_result_t *result, video_report_t *report)
{
    pt_err_t               err;
    video_plan_t           plan;
    const video_watcher_t  watcher = { video_process_progress, job };

    pt_job_progress(job, 0, "probe");

    err = video_probe(info, input->path, report);
    if (err != PT_OK) {
        return err;
    }

    video_plan(&plan, request, info, report);

    return video_run(input->path, request, info, &plan, &watcher, result,
                     report);
}


/* only now, when all of it is good: a job has its outputs or its error */
static pt_err_t
video_process_publish(pt_job_t *job, const video_result_t *result)
{
    unsigned  i;
    pt_err_t  err;

    err = pt_job_output_tree(job, "hls", "master.m3u8", "hls");

    if (err == PT_OK && result->mp4_bytes > 0) {
        err = pt_job_output(job, "video.mp4", "video/mp4", "video.mp4");
    }

    for (i = 0; err == PT_OK && i < result->nthumbnails; i++) {
        err = pt_job_output(job, result->thumbnails[i].name, "image/jpeg",
                            result->thumbnails[i].name);
    }

    if (err == PT_OK && result->poster.name[0] != '\0') {
        err = pt_job_output(job, result->poster.name, "image/jpeg",
                            result->poster.name);
    }

    return err == PT_OK ? PT_OK
                        : pt_job_fail(job, err, "cannot publish the outputs");
}


static pt_err_t
video_process_result(pt_job_t *job, const video_info_t *info,
    const video_result_t *result, const video_report_t *report)
{
    pt_buf_t  buf;
    pt_err_t  err;

    pt_buf_init(&buf, &pt_mem_heap, VIDEO_RESULT_BYTES);
    video_result_write(&buf, info, result, report);

    err = buf.err != PT_OK ? buf.err : pt_job_result(job, pt_buf_str(&buf));

    pt_buf_done(&buf);

    if (err != PT_OK) {
        return pt_job_fail(job, err, "cannot report the result");
    }

    pt_job_progress(job, 1000, "finish");

    return PT_OK;
}


static void
video_process_progress(void *ctx, unsigned permille, const char *stage)
{
    pt_job_progress(ctx, permille, stage);
}


static void
video_process_log(void *ctx, const char *text)
{
    pt_job_log(ctx, "ffmpeg: %s", text);
}
