/*
 * One rendition: scales finished pictures to its size and encodes them.
 */

#ifndef VIDEO_RUNG_H
#define VIDEO_RUNG_H

#include <libswscale/swscale.h>

#include "video_picture.h"


/* a packet, handed over; false stops the encoding */
typedef bool (*video_packet_fn)(void *ctx, AVPacket *packet);


typedef struct {
    video_report_t     *report;
    AVCodecContext     *encoder;
    struct SwsContext  *sws;         /* NULL: pictures have this size */
    AVFrame            *scaled;

    /* NULL, or who sees what the encoder is given; not PT_OK stops */
    pt_err_t          (*shown)(void *ctx, const AVFrame *frame);
    video_packet_fn     emit;
    void               *ctx;
} video_rung_t;


/* codec: "libx264" or "libvpx-vp9" */
PT_MUST_CHECK pt_err_t video_rung_open(video_rung_t *r, const char *codec,
    const video_rung_size_t *size, const video_rung_size_t *source,
    const video_preset_t *preset, const video_info_t *info,
    const video_colors_t *colors, video_report_t *report);
void video_rung_close(video_rung_t *r);

/* frame is borrowed; NULL ends the stream.  A frame whose pict_type is I
 * becomes a keyframe.  PT_E_CANCELLED: emit() said so */
PT_MUST_CHECK pt_err_t video_rung_encode(video_rung_t *r,
    const AVFrame *frame);

/* packets of an encoder to emit(), until it wants input; NULL frame: end */
PT_MUST_CHECK pt_err_t video_encode(AVCodecContext *encoder,
    const AVFrame *frame, video_packet_fn emit, void *ctx,
    video_report_t *report);

/*
 * A context between two sizes that gives what FFmpeg's scale filter gives.
 *
 * matrix  NULL: the numbers keep their meaning.  Else from limited range with
 *         these coefficients to BT.601, in full range unless it is YUV420P
 */
struct SwsContext *video_sws(int width, int height, enum AVPixelFormat format,
    int to_width, int to_height, enum AVPixelFormat to_format,
    const int *matrix);


#endif /* VIDEO_RUNG_H */
