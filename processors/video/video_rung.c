/*
 * Scaling and encoding of one rendition.
 */

#include "video_rung.h"

#include <string.h>

#include <libavutil/cpu.h>
#include <libavutil/opt.h>


/*
 * x264 takes 1.5 threads a core by itself.  More than this many cost memory
 * and picture quality and gain nothing beside the other rungs.
 */
#define VIDEO_CORES_AUTO   8
#define VIDEO_THREADS_MAX  12


static pt_err_t video_rung_encoder(video_rung_t *r, const char *name,
    const video_rung_size_t *size, const video_preset_t *preset,
    const video_info_t *info, const video_colors_t *colors);


pt_err_t
video_rung_open(video_rung_t *r, const char *codec,
    const video_rung_size_t *size, const video_rung_size_t *source,
    const video_preset_t *preset, const video_info_t *info,
    const video_colors_t *colors, video_report_t *report)
{
    int  rc;

    memset(r, 0, sizeof(*r));
    r->report = report;

    if (size->width != source->width || size->height != source->height) {
        r->sws = video_sws(source->width, source->height, AV_PIX_FMT_YUV420P,
                           size->width, size->height, AV_PIX_FMT_YUV420P,
                           NULL);
        r->scaled = av_frame_alloc();

        if (r->sws == NULL || r->scaled == NULL) {
            return video_fail_av(report, AVERROR(ENOMEM), "cannot scale");
        }

        r->scaled->format = AV_PIX_FMT_YUV420P;
        r->scaled->width = size->width;
        r->scaled->height = size->height;

        rc = av_frame_get_buffer(r->scaled, 0);
        if (rc < 0) {
            return video_fail_av(report, rc, "cannot scale the picture");
        }
    }

    return video_rung_encoder(r, codec, size, preset, info, colors);
}


void
video_rung_close(video_rung_t *r)
{
    avcodec_free_context(&r->encoder);
    av_frame_free(&r->scaled);
    sws_freeContext(r->sws);
    r->sws = NULL;
}


static pt_err_t
video_rung_encoder(video_rung_t *r, const char *name,
    const video_rung_size_t *size, const video_preset_t *preset,
    const video_info_t *info, const video_colors_t *colors)
{
    int              rc;
    AVDictionary    *options;
    const AVCodec   *codec;
    AVCodecContext  *e;

    codec = avcodec_find_encoder_by_name(name);
    e = codec ? avcodec_alloc_context3(codec) : NULL;
    if (e == NULL) {
        return video_fail(r->report, PT_E_INTERNAL, "there is no %s", name);
    }

    r->encoder = e;

    e->width = size->width;
    e->height = size->height;
    e->pix_fmt = AV_PIX_FMT_YUV420P;
    e->time_base = info->time_base;
    e->framerate = info->frame_rate;
    e->sample_aspect_ratio = (AVRational) { 1, 1 };
    e->color_range = AVCOL_RANGE_MPEG;
    e->color_primaries = colors->primaries;
    e->color_trc = colors->transfer;
    e->colorspace = colors->matrix;
    e->chroma_sample_location = AVCHROMA_LOC_LEFT;
    e->rc_max_rate = size->cap;
    e->rc_buffer_size = (int) (2 * size->cap);
    e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    e->thread_count = av_cpu_count() > VIDEO_CORES_AUTO ? VIDEO_THREADS_MAX
                                                        : 0;

    options = NULL;

    if (e->codec_id == AV_CODEC_ID_H264) {
        (void) av_dict_set(&options, "preset", preset->x264, 0);
        (void) av_dict_set(&options, "crf", preset->crf, 0);
        (void) av_dict_set(&options, "sc_threshold", preset->scenecut, 0);
        (void) av_dict_set(&options, "forced-idr", "1", 0);

    } else {
        /* at most so many bits, and fewer where the picture needs fewer */
        e->bit_rate = size->cap * 2 / 3;
        (void) av_dict_set(&options, "crf", preset->vp9_crf, 0);
        (void) av_dict_set(&options, "cpu-used", preset->vp9_speed, 0);
        (void) av_dict_set(&options, "deadline", preset->vp9_deadline, 0);
        (void) av_dict_set(&options, "row-mt", "1", 0);
        (void) av_dict_set(&options, "tile-columns", "2", 0);
        (void) av_dict_set(&options, "auto-alt-ref", "0", 0);
    }

    rc = avcodec_open2(e, codec, &options);
    av_dict_free(&options);

    if (rc < 0) {
        return video_fail_av(r->report, rc, "cannot encode H.264");
    }

    return PT_OK;
}


pt_err_t
video_rung_encode(video_rung_t *r, const AVFrame *frame)
{
    int       rc;
    pt_err_t  err;

    if (frame && r->sws) {
        /* the encoder has copied the last one; else this makes a new one */
        rc = av_frame_make_writable(r->scaled);
        if (rc >= 0) {
            rc = sws_scale_frame(r->sws, r->scaled, frame);
        }

        if (rc < 0) {
            return video_fail_av(r->report, rc, "cannot scale the picture");
        }

        r->scaled->pts = frame->pts;
        r->scaled->pict_type = frame->pict_type;
        frame = r->scaled;
    }

    if (frame && r->shown) {
        err = r->shown(r->ctx, frame);
        if (err != PT_OK) {
            return err;
        }
    }

    return video_encode(r->encoder, frame, r->emit, r->ctx, r->report);
}


pt_err_t
video_encode(AVCodecContext *encoder, const AVFrame *frame,
    video_packet_fn emit, void *ctx, video_report_t *report)
{
    int        rc;
    AVPacket  *packet;

    rc = avcodec_send_frame(encoder, frame);
    if (rc < 0) {
        return video_fail_av(report, rc, "cannot encode");
    }

    for ( ;; ) {
        packet = av_packet_alloc();
        if (packet == NULL) {
            return video_fail_av(report, AVERROR(ENOMEM), "cannot encode");
        }

        rc = avcodec_receive_packet(encoder, packet);

        if (rc < 0) {
            av_packet_free(&packet);

            return rc == AVERROR(EAGAIN) || rc == AVERROR_EOF
                   ? PT_OK : video_fail_av(report, rc, "cannot encode");
        }

        if (!emit(ctx, packet)) {
            return PT_E_CANCELLED;
        }
    }
}


struct SwsContext *
video_sws(int width, int height, enum AVPixelFormat format, int to_width,
    int to_height, enum AVPixelFormat to_format, const int *matrix)
{
    struct SwsContext  *sws;

    sws = sws_alloc_context();
    if (sws == NULL) {
        return NULL;
    }

    av_opt_set_int(sws, "srcw", width, 0);
    av_opt_set_int(sws, "srch", height, 0);
    av_opt_set_int(sws, "src_format", format, 0);
    av_opt_set_int(sws, "dstw", to_width, 0);
    av_opt_set_int(sws, "dsth", to_height, 0);
    av_opt_set_int(sws, "dst_format", to_format, 0);
    av_opt_set_int(sws, "sws_flags", to_format == AV_PIX_FMT_RGB24
                   ? SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT
                   : SWS_BICUBIC, 0);

    /* chroma lies between two lines (MPEG-2's and H.264's position) */
    av_opt_set_int(sws, "src_v_chr_pos", 128, 0);
    av_opt_set_int(sws, "dst_v_chr_pos", 128, 0);

    if (sws_init_context(sws, NULL, NULL) < 0) {
        goto failed;
    }

    if (matrix
        && sws_setColorspaceDetails(sws, matrix, 0,
                                    sws_getCoefficients(SWS_CS_ITU601),
                                    to_format != AV_PIX_FMT_YUV420P,
                                    0, 1 << 16, 1 << 16) < 0)
    {
        goto failed;
    }

    return sws;

failed:

    sws_freeContext(sws);

    return NULL;
}
