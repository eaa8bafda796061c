/*
 * How loud the film's sound is as it will be encoded: a pass over the audio
 * alone, before the run, since a gain must be known from the first sample on.
 */

#ifndef VIDEO_LOUDNESS_H
#define VIDEO_LOUDNESS_H

#include "video_sound.h"


/*
 * Sets the plan's gain so that the whole has the loudness that is asked for
 * (EBU R128), and no true peak above -1 dBTP; a film without audible sound is
 * left alone.
 */
PT_MUST_CHECK pt_err_t video_loudness(video_plan_t *plan, const char *path,
    double target_lufs, const video_info_t *info, video_report_t *report);


#endif /* VIDEO_LOUDNESS_H */
