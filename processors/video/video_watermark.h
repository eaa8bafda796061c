/*
 * A text over all pictures: who owns the film, or for whom this copy is.
 */

#ifndef VIDEO_WATERMARK_H
#define VIDEO_WATERMARK_H

#include "video_plan.h"
#include "video_report.h"


/* the filter's text, at most */
#define VIDEO_WATERMARK_BYTES  320


/*
 * Reads the font, which no sandbox lets a child read later.  PT_E_NOT_FOUND:
 * there is none; who asks for a text is told so then.
 */
PT_MUST_CHECK pt_err_t video_watermark_load(void);

/* puts font and text where the filter finds them: the current folder */
PT_MUST_CHECK pt_err_t video_watermark_prepare(const video_watermark_t *w,
    video_report_t *report);

/* the filter for pictures of this size */
void video_watermark_filter(const video_watermark_t *w, int width, int height,
    char *text, size_t size);


#endif /* VIDEO_WATERMARK_H */
