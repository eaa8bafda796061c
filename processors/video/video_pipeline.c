/*
 * The threads of a run, and what flows between them.
 */

#include "video_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/time.h>


static pt_err_t video_run_threads(video_run_t *run);
static void video_run_thread(video_run_t *run, video_stage_fn stage,
    unsigned lane);
static void *video_run_worker(void *data);
static void video_run_stop(video_run_t *run);
static pt_err_t video_stage_demux(video_run_t *run, unsigned lane);
static pt_err_t video_stage_decode(video_run_t *run, unsigned lane);
static pt_err_t video_stage_encode(video_run_t *run, unsigned lane);
static pt_err_t video_stage_sound(video_run_t *run, unsigned lane);
static pt_err_t video_stage_stills(video_run_t *run, unsigned lane);
static pt_err_t video_stage_measure(video_run_t *run, unsigned lane);
static pt_err_t video_stage_mux(video_run_t *run, unsigned lane);
static bool video_run_route(video_run_t *run, AVPacket *packet);
static bool video_run_copy(video_run_t *run, const AVPacket *packet);
static bool video_run_beyond(const video_run_t *run, const AVPacket *packet);
static void video_run_encoded(video_run_t *run);
static pt_err_t video_run_write(video_run_t *run, AVPacket *packet);
static pt_err_t video_run_measure(video_run_t *run, const AVPacket *packet);
static void video_run_progress(video_run_t *run);
static void video_run_speed(video_run_t *run, int64_t done, int64_t all);


pt_err_t
video_run(const char *path, const video_request_t *request,
    const video_info_t *info, const video_plan_t *plan,
    video_captions_t *captions, const video_watcher_t *watcher,
    video_result_t *result, video_report_t *report)
{
    pt_err_t      err;
    video_run_t  *run;

    run = calloc(1, sizeof(*run));
    if (run == NULL) {
        return video_fail(report, PT_E_NOMEM, "no memory");
    }

    memset(result, 0, sizeof(*result));

    run->request = request;
    run->info = info;
    run->plan = plan;
    run->watcher = watcher;
    run->captions = captions;
    run->result = result;
    run->report = report;
    run->key_grid = -1;

    err = video_run_open(run, path);

    if (err == PT_OK) {
        err = video_run_threads(run);
    }

    if (err == PT_OK) {
        err = video_run_finish(run);
    }

    video_run_close(run);
    free(run);

    return err;
}


static pt_err_t
video_run_threads(video_run_t *run)
{
    unsigned  i;

    video_run_thread(run, video_stage_mux, 0);

    for (i = 0; i < run->nrungs; i++) {
        if (!run->lanes[i].copied) {
            video_run_thread(run, video_stage_encode, i);
        }

        if (run->lanes[i].quality.report) {
            video_run_thread(run, video_stage_measure, i);
        }
    }

    for ( /* void */ ; i < run->nrungs + run->nsounds; i++) {
        video_run_thread(run, video_stage_sound, i);
    }

    if (run->request->webm) {
        video_run_thread(run, video_stage_encode, VIDEO_LANE_VP9);
    }

    video_run_thread(run, video_stage_stills, 0);
    video_run_thread(run, video_stage_decode, 0);
    video_run_thread(run, video_stage_demux, 0);

    for (i = 0; i < run->nworkers; i++) {
        pthread_join(run->workers[i].thread, NULL);
    }

    return video_report_err(run->report);
}


static void
video_run_thread(video_run_t *run, video_stage_fn stage, unsigned lane)
{
    int              rc;
    video_worker_t  *w;

    w = &run->workers[run->nworkers];
    w->run = run;
    w->stage = stage;
    w->lane = lane;

    rc = pthread_create(&w->thread, NULL, video_run_worker, w);
    if (rc != 0) {
        (void) video_fail(run->report, PT_E_NOMEM, "cannot start a thread: %s",
                          strerror(rc));
        video_run_stop(run);
        return;
    }

    run->nworkers++;
}


static void *
video_run_worker(void *data)
{
    video_worker_t  *w;

    w = data;

    /* PT_E_CANCELLED is another thread's failure, seen from here */
    if (w->stage(w->run, w->lane) != PT_OK) {
        video_run_stop(w->run);
    }

    return NULL;
}


static void
video_run_stop(video_run_t *run)
{
    unsigned  i;

    video_queue_stop(&run->video_packets);
    video_queue_stop(&run->packets);
    video_queue_stop(&run->stills.queue);

    for (i = 0; i < VIDEO_LANES_MAX; i++) {
        video_queue_stop(&run->lanes[i].pictures);
        video_queue_stop(&run->lanes[i].heard);

        if (run->lanes[i].quality.report) {
            video_queue_stop(&run->lanes[i].quality.packets);
        }
    }
}


/* ---- stages, each one a thread ---- */

static pt_err_t
video_stage_demux(video_run_t *run, unsigned lane)
{
    unsigned   i;
    pt_err_t   err;
    AVPacket  *packet;

    (void) lane;

    err = video_ahead_demux(run);
    if (err != PT_OK) {
        return err;
    }

    for ( ;; ) {
        packet = av_packet_alloc();
        if (packet == NULL) {
            return video_fail_av(run->report, AVERROR(ENOMEM), "demux");
        }

        /* what is unreadable was seen by the probe, which warned of it */
        if (video_source_read(&run->source, packet) < 0) {
            av_packet_free(&packet);
            break;
        }

        if (!video_run_route(run, packet)) {
            return PT_E_CANCELLED;
        }
    }

    video_queue_end(&run->video_packets);

    for (i = run->nrungs; i < run->nrungs + run->nsounds; i++) {
        video_queue_end(&run->lanes[i].heard);
    }

    if (run->lanes[0].copied) {
        video_run_encoded(run);
    }

    return PT_OK;
}


/* takes the packet; false: stopped */
static bool
video_run_route(video_run_t *run, AVPacket *packet)
{
    video_lane_t  *l;

    if (video_run_beyond(run, packet)) {
        av_packet_free(&packet);
        return true;
    }

    if (packet->stream_index == run->source.video->index) {

        if (run->lanes[0].copied && !video_run_copy(run, packet)) {
            av_packet_free(&packet);
            return false;
        }

        return video_queue_push(&run->video_packets, packet);
    }

    l = video_run_hears(run, packet->stream_index);

    if (l && l->ahead_packets == 0) {
        return video_queue_push(&l->heard, packet);
    }

    if (l) {
        l->ahead_packets--;
    }

    av_packet_free(&packet);    /* or captions, which were read before */

    return true;
}


video_lane_t *
video_run_hears(video_run_t *run, int stream)
{
    unsigned  i;

    for (i = run->nrungs; i < run->nrungs + run->nsounds; i++) {
        if (run->lanes[i].sound.stream == stream) {
            return &run->lanes[i];
        }
    }

    return NULL;
}


/* a packet of the source that is one of the largest rendition, too */
static bool
video_run_copy(video_run_t *run, const AVPacket *packet)
{
    AVPacket  *copy;

    copy = av_packet_clone(packet);
    if (copy == NULL) {
        (void) video_fail_av(run->report, AVERROR(ENOMEM), "demux");
        return false;
    }

    av_packet_free_side_data(copy);
    copy->pts -= run->picture.zero;
    copy->dts -= run->picture.zero;

    return video_run_packet(&run->lanes[0], copy);
}


static pt_err_t
video_stage_decode(video_run_t *run, unsigned lane)
{
    unsigned   i;
    pt_err_t   err;
    AVPacket  *packet;

    (void) lane;

    err = video_ahead_decode(run);
    if (err != PT_OK) {
        return err;
    }

    do {
        packet = video_queue_pop(&run->video_packets);

        if (packet == NULL && video_report_err(run->report) != PT_OK) {
            return PT_E_CANCELLED;
        }

        err = video_picture_decode(&run->picture, packet);
        if (err != PT_OK) {
            av_packet_free(&packet);
            return err;
        }

        if (packet == NULL) {
            break;
        }

        av_packet_free(&packet);

    } while (true);

    if (run->picture.pictures == 0) {
        return video_fail(run->report, PT_E_INPUT_BROKEN,
                          "none of the file's pictures can be decoded");
    }

    for (i = 0; i < VIDEO_LANES_MAX; i++) {
        video_queue_end(&run->lanes[i].pictures);
    }

    return video_stills_offer(&run->stills, NULL);
}


/* what is decoded after the end of a trimmed film is shown after it, too */
static bool
video_run_beyond(const video_run_t *run, const AVPacket *packet)
{
    AVRational  tb;

    if (run->info->limit_us == 0 || packet->dts == AV_NOPTS_VALUE) {
        return false;
    }

    tb = run->source.format->streams[packet->stream_index]->time_base;

    return av_compare_ts(packet->dts, tb, run->info->zero_us
                         + run->info->limit_us, AV_TIME_BASE_Q) > 0;
}


/* a finished picture: to all rungs and to the stills */
bool
video_run_picture(void *ctx, AVFrame *frame)
{
    unsigned       i;
    video_run_t   *run;
    video_lane_t  *l;

    run = ctx;

    video_run_key(run, &run->key_grid, frame);

    for (i = 0; i < VIDEO_LANES_MAX; i++) {
        l = &run->lanes[i];

        if (l->rung.encoder && frame->pts > l->ahead_pts
            && !video_run_give(l, frame))
        {
            return false;
        }
    }

    return video_stills_offer(&run->stills, frame) == PT_OK;
}


/* the first picture at or after every two seconds, in all rungs alike */
void
video_run_key(const video_run_t *run, int64_t *grid, AVFrame *frame)
{
    int64_t  place;

    place = av_rescale_q(frame->pts, run->info->time_base, AV_TIME_BASE_Q)
            / VIDEO_KEY_US;

    frame->pict_type = place > *grid ? AV_PICTURE_TYPE_I
                                     : AV_PICTURE_TYPE_NONE;

    *grid = place > *grid ? place : *grid;
}


bool
video_run_give(video_lane_t *l, const AVFrame *frame)
{
    AVFrame  *ref;

    ref = av_frame_clone(frame);
    if (ref == NULL) {
        (void) video_fail_av(l->run->report, AVERROR(ENOMEM), "pictures");
        return false;
    }

    return video_queue_push(&l->pictures, ref);
}


static pt_err_t
video_stage_encode(video_run_t *run, unsigned lane)
{
    AVFrame       *frame;
    pt_err_t       err;
    video_lane_t  *l;

    l = &run->lanes[lane];

    do {
        frame = video_queue_pop(&l->pictures);

        if (frame == NULL && video_report_err(run->report) != PT_OK) {
            return PT_E_CANCELLED;
        }

        err = video_rung_encode(&l->rung, frame);
        if (err != PT_OK) {
            av_frame_free(&frame);
            return err;
        }

        if (frame == NULL) {
            break;
        }

        av_frame_free(&frame);

    } while (true);

    video_run_encoded(run);

    return PT_OK;
}


static pt_err_t
video_stage_sound(video_run_t *run, unsigned lane)
{
    pt_err_t       err;
    AVPacket      *packet;
    video_lane_t  *l;

    l = &run->lanes[lane];

    do {
        packet = video_queue_pop(&l->heard);

        if (packet == NULL && video_report_err(run->report) != PT_OK) {
            return PT_E_CANCELLED;
        }

        err = video_sound_decode(&l->sound, packet);
        if (err != PT_OK) {
            av_packet_free(&packet);
            return err;
        }

        if (packet == NULL) {
            break;
        }

        av_packet_free(&packet);

    } while (true);

    video_run_encoded(run);

    return PT_OK;
}


static pt_err_t
video_stage_measure(video_run_t *run, unsigned lane)
{
    return video_quality_work(&run->lanes[lane].quality);
}


static pt_err_t
video_stage_stills(video_run_t *run, unsigned lane)
{
    (void) lane;

    return video_stills_work(&run->stills);
}


/* what a rung's encoder is given */
pt_err_t
video_run_shown(void *ctx, const AVFrame *frame)
{
    video_lane_t  *l;

    l = ctx;

    return video_quality_shown(&l->quality, frame);
}


/* an encoded packet, to the lane's outputs */
bool
video_run_packet(void *ctx, AVPacket *packet)
{
    video_lane_t  *l;

    l = ctx;
    packet->stream_index = l->index;

    return video_queue_push(&l->run->packets, packet);
}


static void
video_run_encoded(video_run_t *run)
{
    if (atomic_fetch_sub(&run->encoding, 1) == 1) {
        video_queue_end(&run->packets);
    }
}


static pt_err_t
video_stage_mux(video_run_t *run, unsigned lane)
{
    pt_err_t   err;
    unsigned   i;
    AVPacket  *packet;

    (void) lane;

    for ( ;; ) {
        packet = video_queue_pop(&run->packets);
        if (packet == NULL) {
            break;
        }

        err = video_run_write(run, packet);
        av_packet_free(&packet);

        if (err != PT_OK) {
            return err;
        }

        video_run_progress(run);
    }

    for (i = 0; i < run->nrungs; i++) {
        if (run->lanes[i].quality.report) {
            (void) video_quality_packet(&run->lanes[i].quality, NULL);
        }
    }

    return video_report_err(run->report);
}


static pt_err_t
video_run_write(video_run_t *run, AVPacket *packet)
{
    unsigned       n;
    pt_err_t       err;
    video_lane_t  *l;

    n = (unsigned) packet->stream_index;
    l = &run->lanes[n];

    /* x264's packets come without; the next one's time tells it better,
     * but the last one has none */
    if (packet->duration == 0) {
        packet->duration = l->frame;
    }

    l->done_us = av_rescale_q(packet->dts, l->time_base, AV_TIME_BASE_Q);

    if (n >= VIDEO_TRACKS_MAX) {
        return video_file_write(&run->webm, n == VIDEO_LANE_OPUS, packet);
    }

    err = video_run_measure(run, packet);

    if (err == PT_OK) {
        err = video_hls_write(&run->hls, n, packet);
    }

    if (run->hls.piece > 1) {
        atomic_store(&run->ahead.enough, true);
    }

    /* the largest picture, and the default sound */
    if (err == PT_OK && run->mp4.format && (n == 0 || n == run->nrungs)) {
        err = video_file_write(&run->mp4, n == 0 ? 0 : 1, packet);
    }

    return err;
}


static pt_err_t
video_run_measure(video_run_t *run, const AVPacket *packet)
{
    video_quality_t  *q;

    q = &run->lanes[packet->stream_index].quality;

    return q->report == NULL || video_quality_packet(q, packet)
           ? PT_OK : PT_E_CANCELLED;
}


/* as far as the slowest rendition; an input that ends early jumps at the end */
static void
video_run_progress(video_run_t *run)
{
    int64_t   done, all;
    unsigned  i, permille;

    done = INT64_MAX;

    for (i = 0; i < VIDEO_LANES_MAX; i++) {
        if (run->lanes[i].rung.encoder && run->lanes[i].done_us < done) {
            done = run->lanes[i].done_us;
        }
    }

    /* nothing is encoded: as far as the source was copied */
    if (done == INT64_MAX) {
        done = run->lanes[0].done_us;
    }

    all = run->info->end_us > 0 ? run->info->end_us : 1;
    done = done < 0 ? 0 : done > all ? all : done;

    permille = VIDEO_PROGRESS_PROBE
               + (unsigned) (done * (VIDEO_PROGRESS_END - VIDEO_PROGRESS_PROBE)
                             / all);

    if (permille > run->permille) {
        run->permille = permille;
        video_run_speed(run, done, all);
        run->watcher->progress(run->watcher->ctx, permille, run->stage);
    }
}


/* "encode 2.4x, 31 s left": anew each second, as a new word is told at once */
static void
video_run_speed(video_run_t *run, int64_t done, int64_t all)
{
    double   speed;
    int64_t  now;

    now = av_gettime_relative();

    if (run->begun_us == 0) {
        run->begun_us = now;
        run->told_us = now;
        snprintf(run->stage, sizeof(run->stage), "encode");
    }

    if (now - run->told_us < AV_TIME_BASE || done <= 0) {
        return;
    }

    run->told_us = now;
    speed = (double) done / (double) (now - run->begun_us);

    snprintf(run->stage, sizeof(run->stage), "encode %.1fx, %.0f s left",
             speed, (double) (all - done) / speed / AV_TIME_BASE);
}
