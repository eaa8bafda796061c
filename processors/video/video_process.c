/*
 * The action "process": look at the input, plan, run, publish.
 */

#include "video_action.h"

#include <math.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "video_copy.h"
#include "video_loudness.h"
#include "video_request.h"
#include "video_result.h"


/* 100 thumbnails and three renditions are 20 KB */
#define VIDEO_RESULT_BYTES  (256u << 10)


static pt_err_t video_process_input(pt_job_t *job, const char *path,
    video_report_t *report);
static pt_err_t video_process_film(pt_job_t *job, const char *path,
    video_captions_t *captions, video_result_t *result,
    video_report_t *report);
static pt_err_t video_process_captions(pt_job_t *job,
    const video_request_t *request, video_captions_t *captions,
    video_report_t *report);
static pt_err_t video_process_room(const video_request_t *request,
    const video_info_t *info, const video_plan_t *plan,
    video_report_t *report);
static pt_err_t video_process_grow(void *ctx, const char *folder);
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
    pt_err_t           err;
    video_result_t    *result;
    video_captions_t  *captions;

    result = calloc(1, sizeof(*result));
    captions = calloc(1, sizeof(*captions));

    if (result == NULL || captions == NULL) {
        err = video_fail(report, PT_E_NOMEM, "no memory");

    } else {
        video_captions_init(captions, report);
        err = video_process_film(job, path, captions, result, report);
        video_captions_done(captions);
    }

    free(captions);
    free(result);

    return err;
}


static pt_err_t
video_process_film(pt_job_t *job, const char *path,
    video_captions_t *captions, video_result_t *result,
    video_report_t *report)
{
    pt_buf_t         buf;
    pt_err_t         err;
    unsigned         i;
    video_info_t     info;
    video_plan_t     plan;
    video_watcher_t  watcher;
    video_request_t  request;

    video_request_of(&request, pt_job_params(job));

    err = video_probe_tracks(&info, path, &request.languages,
                             video_captions_packet, captions, report);

    if (err == PT_OK) {
        err = video_process_captions(job, &request, captions, report);
    }

    if (err == PT_OK && request.trim) {
        err = video_trim(&info, llround(request.trim_start * AV_TIME_BASE),
                         llround(request.trim_end * AV_TIME_BASE), report);
    }

    if (err != PT_OK) {
        return err;
    }

    video_plan(&plan, &request, &info, report);

    plan.copy = request.copy && !request.trim && report->nwarnings == 0
                && request.watermark.text[0] == '\0'
                && video_copy_fits(path, &info, &plan.rungs[0]);

    err = video_process_room(&request, &info, &plan, report);

    for (i = 0; err == PT_OK && request.loudness < 0 && i < info.nsounds; i++) {
        pt_job_progress(job, 10, "listen");

        err = video_loudness(&plan.gains[i], path, &request.languages, i,
                             request.loudness, &info, report);
    }

    if (err != PT_OK) {
        return err;
    }

    watcher = video_action_watcher(job);
    watcher.publish = video_process_grow;

    err = video_run(path, &request, &info, &plan, captions, &watcher, result,
                    report);
    if (err != PT_OK) {
        return err;
    }

    err = video_process_publish(job, result);
    if (err != PT_OK) {
        return pt_job_fail(job, err, "cannot publish the outputs");
    }

    pt_buf_init(&buf, &pt_mem_heap, VIDEO_RESULT_BYTES);
    video_result_write(&buf, &info, captions, result, report);

    return video_action_result(job, &buf);
}


/* the files that the parameters name */
static pt_err_t
video_process_captions(pt_job_t *job, const video_request_t *request,
    video_captions_t *captions, video_report_t *report)
{
    unsigned           i;
    pt_err_t           err;
    const pt_input_t  *input;

    for (i = 0; i < request->ncaptions; i++) {
        input = pt_job_input(job, request->captions[i].file);

        if (input == NULL) {
            return video_fail(report, PT_E_UNKNOWN_FILE,
                              "there is no such file of captions");
        }

        err = video_captions_file(captions, input->path,
                                  &request->captions[i]);
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


/*
 * A full disk should be told before hours of work.  A rendition seldom needs
 * half of its cap; what it takes above, the run finds out.
 */
static pt_err_t
video_process_room(const video_request_t *request, const video_info_t *info,
    const video_plan_t *plan, video_report_t *report)
{
    double          seconds, bits;
    unsigned        i;
    struct statvfs  fs;

    seconds = (double) info->duration_us / AV_TIME_BASE;
    bits = info->nsounds * VIDEO_AUDIO_BIT_RATE;

    for (i = 0; i < plan->nrungs; i++) {
        bits += (double) plan->rungs[i].cap / 2;
    }

    bits += request->mp4 ? (double) plan->rungs[0].cap / 2 : 0;
    bits += request->webm ? (double) plan->rungs[plan->webm].cap / 2 : 0;

    if (statvfs(".", &fs) == -1
        || (double) fs.f_bavail * (double) fs.f_frsize >= seconds * bits / 8)
    {
        return PT_OK;
    }

    return video_fail(report, PT_E_STORAGE, "the disk has %.0f MB free, the "
                      "outputs may need %.0f MB",
                      (double) fs.f_bavail * (double) fs.f_frsize / 1e6,
                      seconds * bits / 8 / 1e6);
}


static pt_err_t
video_process_grow(void *ctx, const char *folder)
{
    return pt_job_output_tree(ctx, "hls", "master.m3u8", folder);
}


/* HLS is there already */
static pt_err_t
video_process_publish(pt_job_t *job, const video_result_t *result)
{
    pt_err_t  err;

    err = PT_OK;

    if (result->storyboard.tiles > 0) {
        err = pt_job_output_tree(job, "storyboard", "storyboard.vtt",
                                 "storyboard");
    }

    if (err == PT_OK && result->mp4.bytes > 0) {
        err = pt_job_output(job, "video.mp4", "video/mp4", "video.mp4");
    }

    if (err == PT_OK && result->webm.bytes > 0) {
        err = pt_job_output(job, "video.webm", "video/webm", "video.webm");
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
