/*
 * The job's result as JSON: what came in, what was made, what to know.
 */

#ifndef VIDEO_RESULT_H
#define VIDEO_RESULT_H

#include "pt_json.h"
#include "video_measure.h"


void video_result_write(pt_buf_t *buf, const video_info_t *info,
    const video_captions_t *captions, const video_result_t *result,
    const video_report_t *report);

/* of "thumbnails" */
void video_result_thumbnails(pt_buf_t *buf, const video_info_t *info,
    const video_still_t *stills, unsigned n, const video_report_t *report);

/* of "analyze" */
void video_result_measures(pt_buf_t *buf, const video_info_t *info,
    const video_measures_t *measures, const video_report_t *report);


#endif /* VIDEO_RESULT_H */
