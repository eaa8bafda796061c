/*
 * Still pictures as JPEG (JFIF: full range, BT.601, square pixels).
 */

#ifndef VIDEO_JPEG_H
#define VIDEO_JPEG_H

#include "video_picture.h"


/*
 * Scales a finished picture and writes it.
 *
 * quality  of the quantizer, 2 (best) to 31
 */
PT_MUST_CHECK pt_err_t video_jpeg_write(const char *path, const AVFrame *frame,
    int width, int height, int quality, const video_colors_t *colors,
    video_report_t *report);


#endif /* VIDEO_JPEG_H */
