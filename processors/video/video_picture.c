/*
 * Decoding, and the filters that make any picture a plain one.
 */

#include "video_picture.h"

#include <stdio.h>
#include <string.h>

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/cpu.h>
#include <libavutil/pixdesc.h>


/* the longest description is that of an interlaced, turned HDR picture */
#define VIDEO_GRAPH_BYTES   1152

/* each keeps a picture or two of the source's size; encoding takes longer */
#define VIDEO_DECODERS_MAX  4


static pt_err_t video_picture_take(video_picture_t *p);
static pt_err_t video_picture_filter(video_picture_t *p, AVFrame *frame);
static pt_err_t video_picture_drain(video_picture_t *p);
static pt_err_t video_picture_emit(video_picture_t *p, AVFrame *frame);
static bool video_picture_same_kind(const video_picture_t *p,
    const AVFrame *frame);
static bool video_picture_plain(const video_picture_t *p,
    const AVFrame *frame);
static pt_err_t video_picture_graph(video_picture_t *p, const AVFrame *frame);
static int video_graph_build(video_picture_t *p, const AVFrame *frame);
static int video_graph_source(video_picture_t *p, const AVFrame *frame);
static void video_graph_text(const video_picture_t *p, const AVFrame *frame,
    char *text, size_t size);
static bool video_wide_gamut(const AVFrame *frame);


pt_err_t
video_picture_open(video_picture_t *p, const AVStream *stream,
    const video_info_t *info, const video_rung_size_t *size,
    video_report_t *report)
{
    int             rc;
    const AVCodec  *codec;

    memset(p, 0, sizeof(*p));

    p->info = info;
    p->report = report;
    p->width = size->width;
    p->height = size->height;
    p->interlaced = info->interlaced;
    p->last = INT64_MIN;
    p->min_step = INT64_MAX;
    p->zero = av_rescale_q(info->zero_us, AV_TIME_BASE_Q, stream->time_base);
    p->expected = p->zero;

    codec = avcodec_find_decoder(stream->codecpar->codec_id);
    if (codec == NULL) {
        return video_fail_av(report, AVERROR_DECODER_NOT_FOUND, "no decoder");
    }

    p->decoder = avcodec_alloc_context3(codec);
    p->decoded = av_frame_alloc();
    p->filtered = av_frame_alloc();
    p->kind = av_frame_alloc();

    if (!p->decoder || !p->decoded || !p->filtered || !p->kind) {
        return video_fail_av(report, AVERROR(ENOMEM), "cannot decode");
    }

    rc = avcodec_parameters_to_context(p->decoder, stream->codecpar);
    if (rc < 0) {
        return video_fail_av(report, rc, "cannot decode the video");
    }

    p->decoder->pkt_timebase = stream->time_base;
    p->decoder->max_pixels = VIDEO_PIXELS_MAX;
    p->decoder->thread_count = av_cpu_count() < VIDEO_DECODERS_MAX
                               ? av_cpu_count() : VIDEO_DECODERS_MAX;

    rc = avcodec_open2(p->decoder, codec, NULL);

    if (rc == AVERROR(ENOMEM)) {
        return video_fail_av(report, rc, "cannot decode the video");
    }

    if (rc < 0) {
        return video_fail(report, PT_E_INPUT_BROKEN,
                          "the parameters of the %s video are damaged",
                          info->video_codec);
    }

    return PT_OK;
}


void
video_picture_close(video_picture_t *p)
{
    avfilter_graph_free(&p->graph);
    av_frame_free(&p->kind);
    av_frame_free(&p->filtered);
    av_frame_free(&p->decoded);
    avcodec_free_context(&p->decoder);
}


pt_err_t
video_picture_decode(video_picture_t *p, const AVPacket *packet)
{
    int       rc;
    pt_err_t  err;

    rc = avcodec_send_packet(p->decoder, packet);

    if (rc == AVERROR(ENOMEM)) {
        return video_fail_av(p->report, rc, "cannot decode the video");
    }

    /* a packet that makes no sense costs its pictures, not the film */
    if (rc < 0 && rc != AVERROR_EOF) {
        p->errors++;
    }

    err = video_picture_take(p);
    if (err != PT_OK || packet != NULL) {
        return err;
    }

    if (p->graph) {
        rc = av_buffersrc_add_frame_flags(p->in, NULL, 0);
        if (rc < 0) {
            return video_fail_av(p->report, rc, "cannot filter the video");
        }

        return video_picture_drain(p);
    }

    return PT_OK;
}


void
video_picture_restart(video_picture_t *p)
{
    avcodec_flush_buffers(p->decoder);

    /* the old ones have seen their end; the next picture gets new ones */
    avfilter_graph_free(&p->graph);
    av_frame_unref(p->kind);

    p->last = INT64_MIN;
    p->expected = p->zero;
}


/* all pictures that the decoder has ready */
static pt_err_t
video_picture_take(video_picture_t *p)
{
    int       rc;
    pt_err_t  err;

    for ( ;; ) {
        rc = avcodec_receive_frame(p->decoder, p->decoded);

        if (rc == AVERROR(EAGAIN) || rc == AVERROR_EOF) {
            return PT_OK;
        }

        if (rc == AVERROR(ENOMEM)) {
            return video_fail_av(p->report, rc, "cannot decode the video");
        }

        if (rc < 0) {
            p->errors++;

            /* with frame threads an error stands for one packet; more
             * pictures may follow, and the loop ends with EAGAIN or EOF */
            continue;
        }

        if (p->decoded->decode_error_flags
            || (p->decoded->flags & AV_FRAME_FLAG_CORRUPT))
        {
            p->errors++;
        }

        err = video_picture_filter(p, p->decoded);
        av_frame_unref(p->decoded);

        if (err != PT_OK) {
            return err;
        }
    }
}


static pt_err_t
video_picture_filter(video_picture_t *p, AVFrame *frame)
{
    int       rc;
    pt_err_t  err;

    frame->pts = frame->best_effort_timestamp;
    if (frame->pts == AV_NOPTS_VALUE) {
        frame->pts = p->expected;
    }

    p->expected = frame->pts + (frame->pkt_duration > 0
        ? frame->pkt_duration
        : av_rescale_q(1, av_inv_q(p->info->frame_rate),
                       p->info->time_base));

    /* zero may be the audio's, and too far away for the unit of the video */
    frame->pts = av_sat_sub64(frame->pts, p->zero);
    frame->pict_type = AV_PICTURE_TYPE_NONE;

    if (frame->interlaced_frame) {
        p->interlaced = true;
    }

    if (p->wanted && !p->wanted(p->ctx, frame)) {
        return PT_OK;
    }

    if (!video_picture_same_kind(p, frame)) {
        err = video_picture_graph(p, frame);
        if (err != PT_OK) {
            return err;
        }
    }

    if (p->graph == NULL) {
        return video_picture_emit(p, frame);
    }

    rc = av_buffersrc_add_frame_flags(p->in, frame, 0);
    if (rc < 0) {
        return video_fail_av(p->report, rc, "cannot filter the video");
    }

    return video_picture_drain(p);
}


static pt_err_t
video_picture_drain(video_picture_t *p)
{
    int        rc;
    pt_err_t   err;
    AVFrame   *frame;

    frame = p->filtered;

    for ( ;; ) {
        rc = av_buffersink_get_frame(p->out, frame);

        if (rc == AVERROR(EAGAIN) || rc == AVERROR_EOF) {
            return PT_OK;
        }

        if (rc < 0) {
            return video_fail_av(p->report, rc, "cannot filter the video");
        }

        frame->pts = av_rescale_q(frame->pts,
                                  av_buffersink_get_time_base(p->out),
                                  p->info->time_base);

        err = video_picture_emit(p, frame);
        av_frame_unref(frame);

        if (err != PT_OK) {
            return err;
        }
    }
}


static pt_err_t
video_picture_emit(video_picture_t *p, AVFrame *frame)
{
    /* before zero is outside of what is shown; not later than the last one:
     * a damaged time, or two fields of one picture */
    if (frame->pts < 0 || frame->pts <= p->last) {
        return PT_OK;
    }

    if (p->info->limit_us > 0
        && av_compare_ts(frame->pts, p->info->time_base, p->info->limit_us,
                         AV_TIME_BASE_Q) >= 0)
    {
        return PT_OK;
    }

    /* not since the start, or a restart: there is no distance to tell */
    if (p->last >= 0 && frame->pts - p->last < p->min_step) {
        p->min_step = frame->pts - p->last;
    }

    p->last = frame->pts;
    p->pictures++;

    return p->emit(p->ctx, frame) ? PT_OK : PT_E_CANCELLED;
}


static bool
video_picture_same_kind(const video_picture_t *p, const AVFrame *frame)
{
    const AVFrame  *k;

    k = p->kind;

    return k->width == frame->width
           && k->height == frame->height
           && k->format == frame->format
           && k->color_range == frame->color_range
           && k->colorspace == frame->colorspace
           && k->color_trc == frame->color_trc
           && k->color_primaries == frame->color_primaries
           && k->interlaced_frame == p->interlaced;
}


static bool
video_picture_plain(const video_picture_t *p, const AVFrame *frame)
{
    const video_orient_t  *o;

    o = &p->info->orient;

    return frame->format == AV_PIX_FMT_YUV420P
           && frame->width == p->width
           && frame->height == p->height
           && frame->color_range != AVCOL_RANGE_JPEG
           && p->overlay == NULL
           && !p->interlaced && !o->transpose && !o->hflip && !o->vflip
           && !video_wide_gamut(frame);
}


/* filters for frames like this one, after what is still in the old ones */
static pt_err_t
video_picture_graph(video_picture_t *p, const AVFrame *frame)
{
    int       rc;
    pt_err_t  err;

    if (p->graph) {
        rc = av_buffersrc_add_frame_flags(p->in, NULL, 0);
        err = rc < 0 ? PT_OK : video_picture_drain(p);
        avfilter_graph_free(&p->graph);

        if (err != PT_OK) {
            return err;
        }
    }

    av_frame_unref(p->kind);
    p->kind->width = frame->width;
    p->kind->height = frame->height;
    p->kind->format = frame->format;
    p->kind->color_range = frame->color_range;
    p->kind->colorspace = frame->colorspace;
    p->kind->color_trc = frame->color_trc;
    p->kind->color_primaries = frame->color_primaries;
    p->kind->interlaced_frame = p->interlaced;

    if (video_picture_plain(p, frame)) {
        return PT_OK;
    }

    rc = video_graph_build(p, frame);
    if (rc >= 0) {
        return PT_OK;
    }

    avfilter_graph_free(&p->graph);

    return rc == AVERROR(ENOMEM)
           ? video_fail_av(p->report, rc, "cannot convert the picture")
           : video_fail(p->report, PT_E_INPUT_UNSUPPORTED,
                        "pictures of %d x %d pixels in %s cannot be "
                        "converted", frame->width, frame->height,
                        av_get_pix_fmt_name(frame->format));
}


/* codes of FFmpeg's; a graph that was built half is the caller's to free */
static int
video_graph_build(video_picture_t *p, const AVFrame *frame)
{
    int             rc;
    char            text[VIDEO_GRAPH_BYTES];
    AVFilterInOut  *in, *out;

    p->graph = avfilter_graph_alloc();
    if (p->graph == NULL) {
        return AVERROR(ENOMEM);
    }

    p->graph->nb_threads = p->decoder->thread_count;

    rc = video_graph_source(p, frame);
    if (rc < 0) {
        return rc;
    }

    rc = avfilter_graph_create_filter(&p->out,
                                      avfilter_get_by_name("buffersink"),
                                      "out", NULL, NULL, p->graph);
    if (rc < 0) {
        return rc;
    }

    in = avfilter_inout_alloc();
    out = avfilter_inout_alloc();

    if (in == NULL || out == NULL) {
        rc = AVERROR(ENOMEM);
        goto done;
    }

    /* named from the text's point of view: its input is our source */
    out->name = av_strdup("in");
    out->filter_ctx = p->in;
    in->name = av_strdup("out");
    in->filter_ctx = p->out;

    video_graph_text(p, frame, text, sizeof(text));

    rc = avfilter_graph_parse_ptr(p->graph, text, &in, &out, NULL);
    if (rc >= 0) {
        rc = avfilter_graph_config(p->graph, NULL);
    }

done:

    avfilter_inout_free(&in);
    avfilter_inout_free(&out);

    return rc;
}


static int
video_graph_source(video_picture_t *p, const AVFrame *frame)
{
    int                     rc;
    AVBufferSrcParameters  *par;

    p->in = avfilter_graph_alloc_filter(p->graph,
                                        avfilter_get_by_name("buffer"), "in");
    par = av_buffersrc_parameters_alloc();

    if (p->in == NULL || par == NULL) {
        av_free(par);
        return AVERROR(ENOMEM);
    }

    par->format = frame->format;
    par->width = frame->width;
    par->height = frame->height;
    par->time_base = p->info->time_base;
    par->frame_rate = p->info->frame_rate;
    par->sample_aspect_ratio = (AVRational) { 1, 1 };

    rc = av_buffersrc_parameters_set(p->in, par);
    av_free(par);

    return rc < 0 ? rc : avfilter_init_str(p->in, NULL);
}


/*
 * Order: fields first, they cannot be scaled; then the size, so that the
 * costly steps see as few pixels as may be; light; turning last.
 */
static void
video_graph_text(const video_picture_t *p, const AVFrame *frame, char *text,
    size_t size)
{
    int                    n, w, h;
    const char            *matrix, *primaries, *transfer, *range;
    const video_orient_t  *o;

    o = &p->info->orient;
    w = o->transpose ? p->height : p->width;
    h = o->transpose ? p->width : p->height;

    n = snprintf(text, size, "%s",
                 p->interlaced ? "bwdif=mode=send_frame:deint=interlaced,"
                               : "");

    if (video_wide_gamut(frame)) {
        transfer = frame->color_trc == AVCOL_TRC_ARIB_STD_B67
                   ? "arib-std-b67"
                   : frame->color_trc == AVCOL_TRC_SMPTE2084 ? "smpte2084"
                                                             : "2020_10";
        matrix = frame->colorspace == AVCOL_SPC_BT709 ? "709" : "2020_ncl";
        primaries = frame->color_primaries == AVCOL_PRI_BT709 ? "709" : "2020";
        range = frame->color_range == AVCOL_RANGE_JPEG ? "full" : "limited";

        /* npl: the white of SDR; Hable's curve keeps mid tones and rolls the
         * highlights off */
        n += snprintf(text + n, size - n,
                      "zscale=w=%d:h=%d:filter=bicubic:min=%s:pin=%s:tin=%s"
                      ":rin=%s:t=linear:npl=100,format=gbrpf32le,"
                      "zscale=p=709,tonemap=tonemap=hable:desat=0,"
                      "zscale=t=709:m=709:r=limited,format=yuv420p",
                      w, h, matrix, primaries, transfer, range);

    } else {
        n += snprintf(text + n, size - n,
                      "scale=%d:%d:flags=bicubic%s:out_range=limited,"
                      "format=yuv420p", w, h,
                      frame->color_range == AVCOL_RANGE_JPEG
                      ? ":in_range=full" : "");
    }

    if (o->transpose) {
        /* 0: mirrored along the main diagonal */
        n += snprintf(text + n, size - n, ",transpose=%s",
                      o->hflip && o->vflip ? "clock_flip"
                      : o->hflip ? "clock"
                      : o->vflip ? "cclock" : "cclock_flip");

    } else {
        n += snprintf(text + n, size - n, "%s%s", o->hflip ? ",hflip" : "",
                      o->vflip ? ",vflip" : "");
    }

    snprintf(text + n, size - n, ",setsar=1%s%s", p->overlay ? "," : "",
             p->overlay ? p->overlay : "");
}


static bool
video_wide_gamut(const AVFrame *frame)
{
    return frame->color_trc == AVCOL_TRC_SMPTE2084
           || frame->color_trc == AVCOL_TRC_ARIB_STD_B67
           || frame->color_primaries == AVCOL_PRI_BT2020;
}


/*
 * What a stream does not say is what players assume by the size; said
 * explicitly, since a smaller rendition would otherwise be assumed another.
 */
video_colors_t
video_picture_colors(const AVStream *stream, const video_info_t *info)
{
    bool                       high;
    video_colors_t             c;
    const AVPixFmtDescriptor  *desc;

    c.primaries = stream->codecpar->color_primaries;
    c.transfer = stream->codecpar->color_trc;
    c.matrix = stream->codecpar->color_space;

    desc = av_pix_fmt_desc_get(stream->codecpar->format);
    high = info->height >= 720 || info->width >= 1280;

    if (info->hdr || c.primaries == AVCOL_PRI_BT2020) {
        c.primaries = AVCOL_PRI_BT709;
        c.transfer = AVCOL_TRC_BT709;
        c.matrix = AVCOL_SPC_BT709;
    }

    /* swscale's own choice when it comes from RGB */
    if (desc && (desc->flags & AV_PIX_FMT_FLAG_RGB)) {
        c.matrix = AVCOL_SPC_SMPTE170M;
    }

    if (c.matrix == AVCOL_SPC_UNSPECIFIED || c.matrix == AVCOL_SPC_RESERVED
        || c.matrix == AVCOL_SPC_RGB)
    {
        c.matrix = high ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    }

    if (c.primaries == AVCOL_PRI_UNSPECIFIED
        || c.primaries == AVCOL_PRI_RESERVED)
    {
        c.primaries = high ? AVCOL_PRI_BT709 : AVCOL_PRI_SMPTE170M;
    }

    if (c.transfer == AVCOL_TRC_UNSPECIFIED || c.transfer == AVCOL_TRC_RESERVED)
    {
        c.transfer = high ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M;
    }

    return c;
}
