/*
 * Whether the source already is what its largest rendition would be: then its
 * packets are handed on, and nothing is encoded again.
 */

#ifndef VIDEO_COPY_H
#define VIDEO_COPY_H

#include "video_plan.h"


/*
 * H.264 that every player knows, upright, of the rung's size and below its
 * bit rate, each group of pictures closed and inside of one field of the grid
 * that the other rungs' keyframes lie on.  Reads packets until one does not
 * fit.
 */
bool video_copy_fits(const char *path, const video_info_t *info,
    const video_rung_size_t *rung);


#endif /* VIDEO_COPY_H */
