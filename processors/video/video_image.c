/*
 * Writing still pictures.
 */

#include "video_image.h"


#include "video_rung.h"
#include "video_track.h"


static AVFrame *video_image_convert(const video_image_format_t *format,
    const AVFrame *frame, int width, int height,
    const video_colors_t *colors);
static int video_image_encode(const video_image_format_t *format,
    const AVFrame *frame, int quality, AVPacket *packet);
static int video_sws_matrix(enum AVColorSpace matrix);


static const video_image_format_t  video_image_formats[] = {
    { "jpeg", "jpg", "image/jpeg", "mjpeg", AV_PIX_FMT_YUVJ420P,
      AVCOL_RANGE_JPEG },
    { "webp", "webp", "image/webp", "libwebp", AV_PIX_FMT_YUV420P,
      AVCOL_RANGE_MPEG },
    { "png", "png", "image/png", "png", AV_PIX_FMT_RGB24, AVCOL_RANGE_JPEG },
    { NULL, NULL, NULL, NULL, AV_PIX_FMT_NONE, AVCOL_RANGE_UNSPECIFIED }
};


const video_image_format_t *
video_image_format(pt_str_t name)
{
    const video_image_format_t  *f;

    for (f = video_image_formats; f->name; f++) {
        if (pt_str_is(name, f->name)) {
            return f;
        }
    }

    return NULL;
}


pt_err_t
video_image_write(const char *path, const video_image_format_t *format,
    const AVFrame *frame, int width, int height, int quality,
    const video_colors_t *colors, video_report_t *report)
{
    int        rc;
    AVFrame   *picture;
    AVPacket  *packet;
    pt_err_t   err;

    packet = av_packet_alloc();
    picture = video_image_convert(format, frame, width, height, colors);

    if (packet == NULL || picture == NULL) {
        err = video_fail_av(report, AVERROR(ENOMEM), "cannot make a picture");
        goto done;
    }

    rc = video_image_encode(format, picture, quality, packet);
    if (rc < 0) {
        err = video_fail_av(report, rc, "cannot make a picture");
        goto done;
    }

    err = video_write_file(path, packet->data, packet->size, report);

done:

    av_frame_free(&picture);
    av_packet_free(&packet);

    return err;
}


static AVFrame *
video_image_convert(const video_image_format_t *format, const AVFrame *frame,
    int width, int height, const video_colors_t *colors)
{
    int                 rc;
    AVFrame            *out;
    struct SwsContext  *sws;

    out = av_frame_alloc();
    sws = video_sws(frame->width, frame->height, AV_PIX_FMT_YUV420P,
                    width, height, format->pixels,
                    sws_getCoefficients(video_sws_matrix(colors->matrix)));
    rc = AVERROR(ENOMEM);

    if (out && sws) {
        out->format = format->pixels;
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
video_image_encode(const video_image_format_t *format, const AVFrame *frame,
    int quality, AVPacket *packet)
{
    int              rc;
    const AVCodec   *codec;
    AVCodecContext  *e;

    codec = avcodec_find_encoder_by_name(format->encoder);
    e = codec ? avcodec_alloc_context3(codec) : NULL;
    if (e == NULL) {
        return AVERROR(ENOMEM);
    }

    e->width = frame->width;
    e->height = frame->height;
    e->pix_fmt = format->pixels;
    e->color_range = format->range;
    e->sample_aspect_ratio = frame->sample_aspect_ratio;
    e->time_base = (AVRational) { 1, 25 };
    e->thread_count = 1;
    e->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
    e->global_quality = FF_QP2LAMBDA * quality;

    if (codec->id == AV_CODEC_ID_WEBP) {
        /* 0 to 100 (best): as sharp as the JPEG, at two thirds of its size */
        e->global_quality = FF_QP2LAMBDA * (94 - 4 * quality);
    }

    rc = avcodec_open2(e, codec, NULL);

    if (rc >= 0) {
        rc = avcodec_send_frame(e, frame);
    }

    if (rc >= 0) {
        rc = avcodec_send_frame(e, NULL);
    }

    if (rc >= 0) {
        rc = avcodec_receive_packet(e, packet);
    }

    avcodec_free_context(&e);

    return rc;
}
