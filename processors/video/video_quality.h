/*
 * What the encoding has cost a rendition: PSNR and SSIM of its own packets,
 * decoded again, against the pictures that the encoder was given.
 *
 *     encode ──> shown() ──┐ (as many as the encoder holds back)
 *     mux    ──> packets ──┴──> thread: decode, compare
 */

#ifndef VIDEO_QUALITY_H
#define VIDEO_QUALITY_H

#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>

#include "video_queue.h"
#include "video_report.h"


/* the encoder's look-ahead and threads, with room: 50 and 12 at most */
#define VIDEO_SHOWN_MAX  256


typedef struct {
    video_report_t    *report;
    AVCodecContext    *decoder;      /* NULL: nobody asked */
    AVFrame           *decoded;
    AVFilterGraph     *graph;
    AVFilterContext   *main;
    AVFilterContext   *reference;
    AVFilterContext   *out;

    video_queue_t      packets;

    pthread_mutex_t    lock;
    AVFrame           *shown[VIDEO_SHOWN_MAX];   /* a ring */
    unsigned           head;
    unsigned           n;

    uint64_t           pictures;
    double             mse;          /* sum over pictures, all planes */
    double             ssim;
} video_quality_t;


typedef struct {
    double             psnr_db;      /* of the mean error; 0: not measured */
    double             ssim;
} video_score_t;


/* par is the encoder's; close() also takes what was never opened */
PT_MUST_CHECK pt_err_t video_quality_open(video_quality_t *q,
    const AVCodecParameters *par, AVRational time_base,
    video_report_t *report);
void video_quality_close(video_quality_t *q);

/* encoding thread: a picture that the encoder is about to get */
PT_MUST_CHECK pt_err_t video_quality_shown(video_quality_t *q,
    const AVFrame *frame);

/* what the encoder made of it, borrowed; NULL: the end.  false: stopped */
bool video_quality_packet(video_quality_t *q, const AVPacket *packet);

/* the thread's whole life */
PT_MUST_CHECK pt_err_t video_quality_work(video_quality_t *q);

video_score_t video_quality_score(const video_quality_t *q);


#endif /* VIDEO_QUALITY_H */
