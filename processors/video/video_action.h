/*
 * What all actions of video-processing have in common: one input, one report,
 * FFmpeg's log, a result.
 */

#ifndef VIDEO_ACTION_H
#define VIDEO_ACTION_H

#include "pt_processor.h"
#include "video_pipeline.h"


/* PT_OK, or the reason is in the report or was told to the job */
typedef pt_err_t (*video_action_fn)(pt_job_t *job, const char *path,
    video_report_t *report);


/* runs it on the file that the parameters name */
pt_err_t video_action(pt_job_t *job, video_action_fn run);

/* for stages that report progress: passes it on to the job */
video_watcher_t video_action_watcher(pt_job_t *job);

PT_MUST_CHECK pt_err_t video_action_stills(pt_job_t *job,
    const video_still_t *stills, unsigned n);

/* the result as it was written into buf; frees buf */
PT_MUST_CHECK pt_err_t video_action_result(pt_job_t *job, pt_buf_t *buf);

/* the actions */
pt_err_t video_process(pt_job_t *job);
pt_err_t video_thumbnails(pt_job_t *job);
pt_err_t video_analyze(pt_job_t *job);


#endif /* VIDEO_ACTION_H */
