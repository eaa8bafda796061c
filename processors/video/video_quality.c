/*
 * Measuring what was encoded.
 */

#include "video_quality.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>


/* no error at all, as FFmpeg's filter has it */
#define VIDEO_PSNR_MAX  100.0


static pt_err_t video_quality_graph(video_quality_t *q, int width, int height,
    AVRational time_base);
static pt_err_t video_quality_decode(video_quality_t *q,
    const AVPacket *packet);
static pt_err_t video_quality_compare(video_quality_t *q, AVFrame *frame);
static AVFrame *video_quality_find(video_quality_t *q, int64_t pts);
static void video_quality_add(video_quality_t *q, const AVFrame *frame);


pt_err_t
video_quality_open(video_quality_t *q, const AVCodecParameters *par,
    AVRational time_base, video_report_t *report)
{
    int             rc;
    const AVCodec  *codec;

    memset(q, 0, sizeof(*q));
    q->report = report;

    video_queue_init(&q->packets, 16, video_free_packet);
    pthread_mutex_init(&q->lock, NULL);

    codec = avcodec_find_decoder(par->codec_id);
    q->decoded = av_frame_alloc();
    q->decoder = codec ? avcodec_alloc_context3(codec) : NULL;

    if (q->decoder == NULL || q->decoded == NULL) {
        return video_fail_av(report, AVERROR(ENOMEM), "cannot measure");
    }

    rc = avcodec_parameters_to_context(q->decoder, par);

    if (rc >= 0) {
        q->decoder->pkt_timebase = time_base;
        q->decoder->thread_count = 1;
        rc = avcodec_open2(q->decoder, codec, NULL);
    }

    if (rc < 0) {
        return video_fail_av(report, rc, "cannot measure the quality");
    }

    return video_quality_graph(q, par->width, par->height, time_base);
}


void
video_quality_close(video_quality_t *q)
{
    if (q->report == NULL) {
        return;
    }

    while (q->n > 0) {
        av_frame_free(&q->shown[q->head]);
        q->head = (q->head + 1) % VIDEO_SHOWN_MAX;
        q->n--;
    }

    avfilter_graph_free(&q->graph);
    avcodec_free_context(&q->decoder);
    av_frame_free(&q->decoded);
    video_queue_done(&q->packets);
    pthread_mutex_destroy(&q->lock);
    q->report = NULL;
}


static pt_err_t
video_quality_graph(video_quality_t *q, int width, int height,
    AVRational time_base)
{
    int             rc;
    char            text[512];
    AVFilterInOut  *in, *out;

    q->graph = avfilter_graph_alloc();
    if (q->graph == NULL) {
        return video_fail_av(q->report, AVERROR(ENOMEM), "cannot measure");
    }

    q->graph->nb_threads = 1;

    snprintf(text, sizeof(text),
             "buffer@m=width=%d:height=%d:pix_fmt=yuv420p:time_base=%d/%d[m];"
             "buffer@r=width=%d:height=%d:pix_fmt=yuv420p:time_base=%d/%d,"
             "split[r1][r2];[m][r1]psnr[p];[p][r2]ssim,buffersink@o",
             width, height, time_base.num, time_base.den,
             width, height, time_base.num, time_base.den);

    in = NULL;
    out = NULL;
    rc = avfilter_graph_parse2(q->graph, text, &in, &out);
    avfilter_inout_free(&in);
    avfilter_inout_free(&out);

    if (rc >= 0) {
        rc = avfilter_graph_config(q->graph, NULL);
    }

    if (rc < 0) {
        return video_fail_av(q->report, rc, "cannot measure the quality");
    }

    q->main = avfilter_graph_get_filter(q->graph, "buffer@m");
    q->reference = avfilter_graph_get_filter(q->graph, "buffer@r");
    q->out = avfilter_graph_get_filter(q->graph, "buffersink@o");

    return q->main && q->reference && q->out
           ? PT_OK : video_fail(q->report, PT_E_INTERNAL,
                                "cannot measure the quality");
}


pt_err_t
video_quality_shown(video_quality_t *q, const AVFrame *frame)
{
    AVFrame   *copy;
    pt_err_t   err;

    /* a reference, unless the picture's buffer is used again for the next */
    copy = av_frame_clone(frame);
    if (copy == NULL) {
        return video_fail_av(q->report, AVERROR(ENOMEM), "cannot measure");
    }

    err = PT_OK;

    pthread_mutex_lock(&q->lock);

    if (q->n == VIDEO_SHOWN_MAX) {
        err = video_fail(q->report, PT_E_INTERNAL, "an encoder holds back "
                         "more pictures than it can be measured by");
        av_frame_free(&copy);

    } else {
        q->shown[(q->head + q->n) % VIDEO_SHOWN_MAX] = copy;
        q->n++;
    }

    pthread_mutex_unlock(&q->lock);

    return err;
}


bool
video_quality_packet(video_quality_t *q, const AVPacket *packet)
{
    AVPacket  *copy;

    if (packet == NULL) {
        video_queue_end(&q->packets);
        return true;
    }

    copy = av_packet_clone(packet);
    if (copy == NULL) {
        (void) video_fail_av(q->report, AVERROR(ENOMEM), "cannot measure");
        return false;
    }

    return video_queue_push(&q->packets, copy);
}


pt_err_t
video_quality_work(video_quality_t *q)
{
    pt_err_t   err;
    AVPacket  *packet;

    do {
        packet = video_queue_pop(&q->packets);

        if (packet == NULL && video_report_err(q->report) != PT_OK) {
            return PT_E_CANCELLED;
        }

        err = video_quality_decode(q, packet);

        if (packet == NULL) {
            return err;
        }

        av_packet_free(&packet);

    } while (err == PT_OK);

    return err;
}


static pt_err_t
video_quality_decode(video_quality_t *q, const AVPacket *packet)
{
    int       rc;
    pt_err_t  err;

    rc = avcodec_send_packet(q->decoder, packet);

    if (rc < 0 && rc != AVERROR_EOF) {
        return video_fail_av(q->report, rc, "cannot measure the quality");
    }

    for ( ;; ) {
        rc = avcodec_receive_frame(q->decoder, q->decoded);

        if (rc == AVERROR(EAGAIN) || rc == AVERROR_EOF) {
            return PT_OK;
        }

        if (rc < 0) {
            return video_fail_av(q->report, rc, "cannot measure the quality");
        }

        err = video_quality_compare(q, q->decoded);
        av_frame_unref(q->decoded);

        if (err != PT_OK) {
            return err;
        }
    }
}


static pt_err_t
video_quality_compare(video_quality_t *q, AVFrame *frame)
{
    int       rc;
    AVFrame  *reference;

    reference = video_quality_find(q, frame->pts);
    if (reference == NULL) {
        return PT_OK;
    }

    rc = av_buffersrc_add_frame(q->reference, reference);
    av_frame_free(&reference);

    if (rc >= 0) {
        rc = av_buffersrc_add_frame(q->main, frame);
    }

    while (rc >= 0) {
        av_frame_unref(q->decoded);
        rc = av_buffersink_get_frame(q->out, q->decoded);

        if (rc >= 0) {
            video_quality_add(q, q->decoded);
        }
    }

    if (rc != AVERROR(EAGAIN) && rc != AVERROR_EOF) {
        return video_fail_av(q->report, rc, "cannot measure the quality");
    }

    return PT_OK;
}


/* the picture of that time; what was shown before it is never asked for */
static AVFrame *
video_quality_find(video_quality_t *q, int64_t pts)
{
    AVFrame  *found;

    found = NULL;

    pthread_mutex_lock(&q->lock);

    while (q->n > 0 && found == NULL && q->shown[q->head]->pts <= pts) {

        if (q->shown[q->head]->pts == pts) {
            found = q->shown[q->head];
            q->shown[q->head] = NULL;

        } else {
            av_frame_free(&q->shown[q->head]);
        }

        q->head = (q->head + 1) % VIDEO_SHOWN_MAX;
        q->n--;
    }

    pthread_mutex_unlock(&q->lock);

    return found;
}


static void
video_quality_add(video_quality_t *q, const AVFrame *frame)
{
    const AVDictionaryEntry  *mse, *ssim;

    mse = av_dict_get(frame->metadata, "lavfi.psnr.mse_avg", NULL, 0);
    ssim = av_dict_get(frame->metadata, "lavfi.ssim.All", NULL, 0);

    if (mse && ssim) {
        q->mse += strtod(mse->value, NULL);
        q->ssim += strtod(ssim->value, NULL);
        q->pictures++;
    }
}


video_score_t
video_quality_score(const video_quality_t *q)
{
    double         mse;
    video_score_t  score = { 0, 0 };

    if (q->report == NULL || q->pictures == 0) {
        return score;
    }

    mse = q->mse / (double) q->pictures;

    score.ssim = q->ssim / (double) q->pictures;
    score.psnr_db = mse > 0 ? fmin(10 * log10(255.0 * 255.0 / mse),
                                   VIDEO_PSNR_MAX)
                            : VIDEO_PSNR_MAX;

    return score;
}
