/*
 * How loud the film's sound is as it will be encoded: a pass over the audio
 * alone, before the run, since a gain must be known from the first sample on.
 */

#ifndef VIDEO_LOUDNESS_H
#define VIDEO_LOUDNESS_H

#include "video_sound.h"


/*
 * The gain by which the whole of the n-th track has the loudness that is asked
 * for (EBU R128), and no true peak above -1 dBTP; one without audible sound is
 * left alone.
 */
PT_MUST_CHECK pt_err_t video_loudness(video_gain_t *gain, const char *path,
    const video_languages_t *languages, unsigned n, double target_lufs,
    const video_info_t *info, video_report_t *report);


#endif /* VIDEO_LOUDNESS_H */
