/*
 * The action "thumbnails".
 */

#include "video_action.h"
#include "video_pick.h"
#include "video_request.h"
#include "video_result.h"


/* 100 of them */
#define VIDEO_RESULT_BYTES  (64u << 10)


static pt_err_t video_thumbnails_input(pt_job_t *job, const char *path,
    video_report_t *report);


pt_err_t
video_thumbnails(pt_job_t *job)
{
    return video_action(job, video_thumbnails_input);
}


static pt_err_t
video_thumbnails_input(pt_job_t *job, const char *path,
    video_report_t *report)
{
    unsigned         n;
    pt_buf_t         buf;
    pt_err_t         err;
    video_info_t     info;
    video_still_t    stills[VIDEO_THUMBNAILS_MAX];
    video_thumbs_t   thumbs;
    video_watcher_t  watcher;

    video_thumbs_of(&thumbs, pt_job_params(job));

    err = video_probe(&info, path, report);
    if (err != PT_OK) {
        return err;
    }

    watcher = video_action_watcher(job);

    err = video_pick(path, &thumbs, &info, &watcher, stills, &n, report);
    if (err != PT_OK) {
        return err;
    }

    err = video_action_stills(job, stills, n);
    if (err != PT_OK) {
        return pt_job_fail(job, err, "cannot publish the thumbnails");
    }

    pt_buf_init(&buf, &pt_mem_heap, VIDEO_RESULT_BYTES);
    video_result_thumbnails(&buf, &info, stills, n, report);

    return video_action_result(job, &buf);
}
