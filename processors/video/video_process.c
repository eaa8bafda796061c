/*
 * The action "process": look at the input, plan, run, publish.
 */

#include "video_action.h"

#include <math.h>

#include "video_loudness.h"
#include "video_request.h"
#include "video_result.h"


/* 100 thumbnails and three renditions are 20 KB */
#define VIDEO_RESULT_BYTES  (256u << 10)


static pt_err_t video_process_input(pt_job_t *job, const char *path,
    video_report_t *report);
static pt_err_t video_process_publish(pt_job_t *job,
    const video_result_t *result);


pt_err_t
video_process(pt_job_t *job)
{
    return video_action(job, video_process_input);
}


static pt_err_t
video_process_input(pt_job_t *job, const char *path, video_report_t *report)
{
    pt_buf_t         buf;
    pt_err_t         err;
    video_info_t     info;
    video_plan_t     plan;
    video_result_t   result;
    video_watcher_t  watcher;
    video_request_t  request;

    video_request_of(&request, pt_job_params(job));

    err = video_probe(&info, path, report);
    if (err != PT_OK) {
        return err;
    }

    if (request.trim) {
        err = video_trim(&info, llround(request.trim_start * AV_TIME_BASE),
                         llround(request.trim_end * AV_TIME_BASE), report);
        if (err != PT_OK) {
            return err;
        }
    }

    video_plan(&plan, &request, &info, report);

    if (request.loudness < 0 && info.audio_end_us > 0) {
        pt_job_progress(job, 10, "listen");

        err = video_loudness(&plan, path, request.loudness, &info, report);
        if (err != PT_OK) {
            return err;
        }
    }

    watcher = video_action_watcher(job);

    err = video_run(path, &request, &info, &plan, &watcher, &result, report);
    if (err != PT_OK) {
        return err;
    }

    err = video_process_publish(job, &result);
    if (err != PT_OK) {
        return pt_job_fail(job, err, "cannot publish the outputs");
    }

    pt_buf_init(&buf, &pt_mem_heap, VIDEO_RESULT_BYTES);
    video_result_write(&buf, &info, &result, report);

    return video_action_result(job, &buf);
}


/* only now, when all of it is good: a job has its outputs or its error */
static pt_err_t
video_process_publish(pt_job_t *job, const video_result_t *result)
{
    pt_err_t  err;

    err = pt_job_output_tree(job, "hls", "master.m3u8", "hls");

    if (err == PT_OK && result->storyboard.tiles > 0) {
        err = pt_job_output_tree(job, "storyboard", "storyboard.vtt",
                                 "storyboard");
    }

    if (err == PT_OK && result->mp4_bytes > 0) {
        err = pt_job_output(job, "video.mp4", "video/mp4", "video.mp4");
    }

    if (err == PT_OK) {
        err = video_action_stills(job, result->thumbnails,
                                  result->nthumbnails);
    }

    if (err == PT_OK && result->poster.name[0] != '\0') {
        err = video_action_stills(job, &result->poster, 1);
    }

    return err;
}
