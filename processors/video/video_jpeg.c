/*
 * Writing JPEG files.
 */

#include "video_jpeg.h"

#include "video_rung.h"
#include "video_track.h"


static AVFrame *video_jpeg_convert(const AVFrame *frame, int width, int height,
    const video_colors_t *colors);
static int video_jpeg_encode(const AVFrame *frame, int quality,
    AVPacket *packet);
static int video_sws_matrix(enum AVColorSpace matrix);


pt_err_t
video_jpeg_write(const char *path, const AVFrame *frame, int width,
    int height, int quality, const video_colors_t *colors,
    video_report_t *report)
{
    int        rc;
    AVFrame   *picture;
    AVPacket  *packet;
    pt_err_t   err;

    packet = av_packet_alloc();
    picture = video_jpeg_convert(frame, width, height, colors);

    if (packet == NULL || picture == NULL) {
        err = video_fail_av(report, AVERROR(ENOMEM), "cannot make a JPEG");
        goto done;
    }

    rc = video_jpeg_encode(picture, quality, packet);
    if (rc < 0) {
        err = video_fail_av(report, rc, "cannot make a JPEG");
        goto done;
    }

    err = video_write_file(path, packet->data, packet->size, report);

done:

    av_frame_free(&picture);
    av_packet_free(&packet);

    return err;
}


static AVFrame *
video_jpeg_convert(const AVFrame *frame, int width, int height,
    const video_colors_t *colors)
{
    int                 rc;
    AVFrame            *out;
    struct SwsContext  *sws;

    out = av_frame_alloc();
    sws = video_sws(frame->width, frame->height, AV_PIX_FMT_YUV420P,
                    width, height, AV_PIX_FMT_YUVJ420P,
                    sws_getCoefficients(video_sws_matrix(colors->matrix)));
    rc = AVERROR(ENOMEM);

    if (out && sws) {
        out->format = AV_PIX_FMT_YUVJ420P;
        out->width = width;
        out->height = height;
        out->sample_aspect_ratio = (AVRational) { 1, 1 };

        rc = av_frame_get_buffer(out, 0);
        if (rc >= 0) {
            rc = sws_scale(sws, (const uint8_t *const *) frame->data,
                           frame->linesize, 0, frame->height, out->data,
                           out->linesize);
        }
    }

    sws_freeContext(sws);

    if (rc < 0) {
        av_frame_free(&out);
    }

    return out;
}


static int
video_sws_matrix(enum AVColorSpace matrix)
{
    switch (matrix) {
    case AVCOL_SPC_BT709:
        return SWS_CS_ITU709;

    case AVCOL_SPC_SMPTE240M:
        return SWS_CS_SMPTE240M;

    case AVCOL_SPC_FCC:
        return SWS_CS_FCC;

    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return SWS_CS_BT2020;

    default:
        return SWS_CS_ITU601;
    }
}


static int
video_jpeg_encode(const AVFrame *frame, int quality, AVPacket *packet)
{
    int              rc;
    const AVCodec   *codec;
    AVCodecContext  *e;

    codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    e = codec ? avcodec_alloc_context3(codec) : NULL;
    if (e == NULL) {
        return AVERROR(ENOMEM);
    }

    e->width = frame->width;
    e->height = frame->height;
    e->pix_fmt = AV_PIX_FMT_YUVJ420P;
    e->color_range = AVCOL_RANGE_JPEG;
    e->sample_aspect_ratio = frame->sample_aspect_ratio;
    e->time_base = (AVRational) { 1, 25 };
    e->thread_count = 1;
    e->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
    e->global_quality = FF_QP2LAMBDA * quality;

    rc = avcodec_open2(e, codec, NULL);

    if (rc >= 0) {
        rc = avcodec_send_frame(e, frame);
    }

    if (rc >= 0) {
        rc = avcodec_receive_packet(e, packet);
    }

    avcodec_free_context(&e);

    return rc;
}
