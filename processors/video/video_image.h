/*
 * Still pictures as files: JPEG (JFIF: full range, BT.601), WebP (BT.601) or
 * PNG (RGB), always with square pixels.
 */

#ifndef VIDEO_IMAGE_H
#define VIDEO_IMAGE_H

#include "video_picture.h"


typedef struct video_image_format_s {
    const char          *name;         /* "jpeg" */
    const char          *ending;       /* "jpg" */
    const char          *media_type;   /* "image/jpeg" */
    const char          *encoder;      /* FFmpeg's */
    enum AVPixelFormat   pixels;
    enum AVColorRange    range;
} video_image_format_t;


/* jpeg, webp, png; NULL: no such format */
const video_image_format_t *video_image_format(pt_str_t name);

/*
 * Scales a finished picture and writes it.
 *
 * quality  of JPEG's quantizer, 2 (best) to 31; WebP gets one that looks alike
 */
PT_MUST_CHECK pt_err_t video_image_write(const char *path,
    const video_image_format_t *format, const AVFrame *frame, int width,
    int height, int quality, const video_colors_t *colors,
    video_report_t *report);


#endif /* VIDEO_IMAGE_H */
