/*
 * The action "process" of video-processing.
 */

#ifndef VIDEO_PROCESS_H
#define VIDEO_PROCESS_H

#include "pt_processor.h"


pt_err_t video_process(pt_job_t *job);


#endif /* VIDEO_PROCESS_H */
