/*
 * The one decode that feeds everything: packets of the video stream in,
 * finished pictures out: upright, square pixels, progressive, 8-bit 4:2:0
 * limited range, at the size of the largest rung, timed from the run's zero.
 */

#ifndef VIDEO_PICTURE_H
#define VIDEO_PICTURE_H

#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>

#include "video_plan.h"


/* a picture, borrowed for the call; false stops the decoding */
typedef bool (*video_frame_fn)(void *ctx, AVFrame *frame);


/* how the finished pictures' numbers mean light */
typedef struct {
    enum AVColorPrimaries               primaries;
    enum AVColorTransferCharacteristic  transfer;
    enum AVColorSpace                   matrix;
} video_colors_t;


typedef struct {
    const video_info_t  *info;
    video_report_t      *report;
    int                  width;
    int                  height;

    AVCodecContext      *decoder;
    AVFrame             *decoded;
    AVFrame             *filtered;

    /* the filters fit one kind of frame; another kind gets new ones */
    AVFilterGraph       *graph;      /* NULL: frames pass as they are */
    AVFilterContext     *in;
    AVFilterContext     *out;
    AVFrame             *kind;       /* properties, no data */
    bool                 interlaced;

    int64_t              zero;       /* in the stream's time base */
    int64_t              last;       /* pts of the last picture given out */
    int64_t              expected;   /* pts where the stream has none */
    int64_t              min_step;   /* smallest distance of two pictures */

    const char          *overlay;    /* filter drawn over all; NULL: none */

    /* NULL: all; else whether to filter a decoded one, timed as it will be */
    bool               (*wanted)(void *ctx, const AVFrame *frame);
    video_frame_fn       emit;
    void                *ctx;

    uint64_t             pictures;
    uint64_t             errors;     /* packets that could not be decoded */
} video_picture_t;


PT_MUST_CHECK pt_err_t video_picture_open(video_picture_t *p,
    const AVStream *stream, const video_info_t *info,
    const video_rung_size_t *size, video_report_t *report);
void video_picture_close(video_picture_t *p);

/* NULL ends the stream.  PT_E_CANCELLED: emit() said so */
PT_MUST_CHECK pt_err_t video_picture_decode(video_picture_t *p,
    const AVPacket *packet);

/* after the end of a stream: ready for packets of a later part of it */
void video_picture_restart(video_picture_t *p);

/* of the pictures that will come from this stream */
video_colors_t video_picture_colors(const AVStream *stream,
    const video_info_t *info);


#endif /* VIDEO_PICTURE_H */
