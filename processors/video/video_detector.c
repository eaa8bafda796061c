/*
 * Feeding a graph, and reading what it found.
 */

#include "video_detector.h"

#include <stdlib.h>
#include <string.h>

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/mem.h>


static int video_detector_pass(video_detector_t *d, const AVFrame *frame);
static bool video_detector_fits(const video_detector_t *d,
    const AVFrame *frame);
static int video_detector_open(video_detector_t *d, const AVFrame *frame);
static int video_detector_source(video_detector_t *d, const AVFrame *frame);
static int video_detector_parse(video_detector_t *d);


void
video_detector_init(video_detector_t *d, const char *text,
    AVRational time_base, video_found_fn found, void *ctx)
{
    memset(d, 0, sizeof(*d));

    d->text = text;
    d->time_base = time_base;
    d->found = found;
    d->ctx = ctx;
}


void
video_detector_close(video_detector_t *d)
{
    avfilter_graph_free(&d->graph);
    av_frame_free(&d->kind);
}


pt_err_t
video_detect(video_detector_t *d, const AVFrame *frame,
    video_report_t *report)
{
    int  rc;

    if (frame == NULL && d->graph == NULL) {
        return PT_OK;
    }

    rc = 0;

    if (frame && !video_detector_fits(d, frame)) {
        video_detector_close(d);
        rc = video_detector_open(d, frame);
    }

    if (rc >= 0) {
        rc = video_detector_pass(d, frame);
    }

    return rc < 0 ? video_fail_av(report, rc, "cannot measure") : PT_OK;
}


static int
video_detector_pass(video_detector_t *d, const AVFrame *frame)
{
    int       rc;
    AVFrame  *in, *out;

    in = frame ? av_frame_clone(frame) : NULL;
    out = av_frame_alloc();
    rc = (frame && in == NULL) || out == NULL ? AVERROR(ENOMEM) : 0;

    if (rc >= 0) {
        rc = av_buffersrc_add_frame_flags(d->in, in, 0);
    }

    while (rc >= 0) {
        rc = av_buffersink_get_frame(d->out, out);

        if (rc >= 0) {
            out->pts = av_rescale_q(out->pts,
                                    av_buffersink_get_time_base(d->out),
                                    d->time_base);
            d->found(d->ctx, out);
            av_frame_unref(out);
        }
    }

    av_frame_free(&in);
    av_frame_free(&out);

    return rc == AVERROR(EAGAIN) || rc == AVERROR_EOF ? 0 : rc;
}


static bool
video_detector_fits(const video_detector_t *d, const AVFrame *frame)
{
    return d->graph
           && d->kind->format == frame->format
           && d->kind->width == frame->width
           && d->kind->height == frame->height
           && d->kind->sample_rate == frame->sample_rate
           && d->kind->ch_layout.nb_channels == frame->ch_layout.nb_channels;
}


static int
video_detector_open(video_detector_t *d, const AVFrame *frame)
{
    int          rc;
    const char  *sink;

    d->graph = avfilter_graph_alloc();
    d->kind = av_frame_alloc();

    if (d->graph == NULL || d->kind == NULL) {
        return AVERROR(ENOMEM);
    }

    d->kind->format = frame->format;
    d->kind->width = frame->width;
    d->kind->height = frame->height;
    d->kind->sample_rate = frame->sample_rate;
    d->kind->ch_layout.nb_channels = frame->ch_layout.nb_channels;

    /* in this thread: there are enough for the decoder */
    d->graph->nb_threads = 1;

    rc = video_detector_source(d, frame);
    if (rc < 0) {
        return rc;
    }

    sink = frame->width > 0 ? "buffersink" : "abuffersink";
    rc = avfilter_graph_create_filter(&d->out, avfilter_get_by_name(sink),
                                      "out", NULL, NULL, d->graph);

    return rc < 0 ? rc : video_detector_parse(d);
}


static int
video_detector_source(video_detector_t *d, const AVFrame *frame)
{
    int                     rc;
    const char             *source;
    AVBufferSrcParameters  *par;

    source = frame->width > 0 ? "buffer" : "abuffer";
    d->in = avfilter_graph_alloc_filter(d->graph,
                                        avfilter_get_by_name(source), "in");
    par = av_buffersrc_parameters_alloc();

    if (d->in == NULL || par == NULL) {
        av_free(par);
        return AVERROR(ENOMEM);
    }

    par->format = frame->format;
    par->time_base = d->time_base;

    if (frame->width > 0) {
        par->width = frame->width;
        par->height = frame->height;
        par->sample_aspect_ratio = (AVRational) { 1, 1 };

    } else {
        par->sample_rate = frame->sample_rate;
        par->ch_layout = frame->ch_layout;
    }

    rc = av_buffersrc_parameters_set(d->in, par);
    av_free(par);

    return rc < 0 ? rc : avfilter_init_str(d->in, NULL);
}


static int
video_detector_parse(video_detector_t *d)
{
    int             rc;
    AVFilterInOut  *in, *out;

    in = avfilter_inout_alloc();
    out = avfilter_inout_alloc();
    rc = AVERROR(ENOMEM);

    if (in && out) {
        /* named from the text's point of view: its input is our source */
        out->name = av_strdup("in");
        out->filter_ctx = d->in;
        in->name = av_strdup("out");
        in->filter_ctx = d->out;

        rc = avfilter_graph_parse_ptr(d->graph, d->text, &in, &out, NULL);
    }

    avfilter_inout_free(&in);
    avfilter_inout_free(&out);

    return rc < 0 ? rc : avfilter_graph_config(d->graph, NULL);
}


double
video_detector_value(const AVFrame *frame, const char *key, double otherwise)
{
    const AVDictionaryEntry  *e;

    e = av_dict_get(frame->metadata, key, NULL, 0);

    return e ? strtod(e->value, NULL) : otherwise;
}
