/*
 * The action "analyze".
 */

#include "video_action.h"

#include <stdlib.h>

#include "video_measure.h"
#include "video_request.h"
#include "video_result.h"


/* 500 scenes and 1,500 ranges are 150 KB */
#define VIDEO_RESULT_BYTES  (512u << 10)


static pt_err_t video_analyze_input(pt_job_t *job, const char *path,
    video_report_t *report);
static pt_err_t video_analyze_with(pt_job_t *job, const char *path,
    video_measures_t *measures, video_report_t *report);


pt_err_t
video_analyze(pt_job_t *job)
{
    return video_action(job, video_analyze_input);
}


static pt_err_t
video_analyze_input(pt_job_t *job, const char *path, video_report_t *report)
{
    pt_err_t           err;
    video_measures_t  *measures;

    measures = malloc(sizeof(*measures));
    if (measures == NULL) {
        return video_fail(report, PT_E_NOMEM, "no memory");
    }

    err = video_analyze_with(job, path, measures, report);

    free(measures);

    return err;
}


static pt_err_t
video_analyze_with(pt_job_t *job, const char *path,
    video_measures_t *measures, video_report_t *report)
{
    unsigned         i;
    pt_buf_t         buf;
    pt_err_t         err;
    video_info_t     info;
    video_thumbs_t   thumbs;
    video_watcher_t  watcher;

    video_scenes_of(&thumbs, pt_job_params(job));

    err = video_probe(&info, path, report);
    if (err != PT_OK) {
        return err;
    }

    watcher = video_action_watcher(job);

    err = video_measure(measures, path, &thumbs, &info, &watcher, report);
    if (err != PT_OK) {
        return err;
    }

    for (i = 0; err == PT_OK && i < measures->nscenes; i++) {
        if (measures->scenes[i].still.name[0] != '\0') {
            err = video_action_stills(job, &measures->scenes[i].still, 1);
        }
    }

    if (err != PT_OK) {
        return pt_job_fail(job, err, "cannot publish the scenes' pictures");
    }

    pt_buf_init(&buf, &pt_mem_heap, VIDEO_RESULT_BYTES);
    video_result_measures(&buf, &info, measures, report);

    return video_action_result(job, &buf);
}
