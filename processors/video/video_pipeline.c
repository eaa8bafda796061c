/*
 * The threads of a run, and what flows between them.
 */

#include "video_pipeline.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "video_mp4.h"
#include "video_sound.h"
#include "video_track.h"
#include "video_watermark.h"


/* demux runs a little ahead; audio may lie far from its pictures */
#define VIDEO_QUEUE_VIDEO     32
#define VIDEO_QUEUE_AUDIO     256

/* enough that a slow keyframe of one rung does not starve the others */
#define VIDEO_QUEUE_PICTURES  4
#define VIDEO_QUEUE_PACKETS   64

/* shares of the progress, in permille, that are not the encoding */
#define VIDEO_PROGRESS_PROBE  20
#define VIDEO_PROGRESS_END    980

/* demux, decode, rungs, stills, sound, mux */
#define VIDEO_THREADS_MAX     (VIDEO_RUNGS_MAX + 5)

#define VIDEO_MP4_NAME        "video.mp4"


typedef struct video_run_s  video_run_t;

typedef pt_err_t (*video_stage_fn)(video_run_t *run, unsigned lane);

/* an encoder and where its packets go; the audio is the lane after the rungs */
typedef struct {
    video_run_t     *run;
    unsigned         index;
    video_rung_t     rung;
    video_queue_t    pictures;
    video_track_t    track;
    int64_t          done_us;     /* written so far */
} video_lane_t;

typedef struct {
    video_run_t     *run;
    video_stage_fn   stage;
    unsigned         lane;
    pthread_t        thread;
} video_worker_t;

struct video_run_s {
    const video_request_t  *request;
    const video_info_t     *info;
    const video_plan_t     *plan;
    const video_watcher_t  *watcher;
    video_result_t         *result;
    video_report_t         *report;

    video_source_t          source;
    video_picture_t         picture;
    video_sound_t           sound;
    video_stills_t          stills;
    video_mp4_t             mp4;
    video_lane_t            lanes[VIDEO_RUNGS_MAX + 1];
    unsigned                nlanes;       /* with audio */

    char                    overlay[VIDEO_WATERMARK_BYTES];

    video_queue_t           video_packets;
    video_queue_t           audio_packets;
    video_queue_t           packets;      /* stream_index: the lane */
    atomic_uint             encoding;     /* lanes that have not ended */

    int64_t                 key_grid;     /* of the last keyframe */
    unsigned                permille;

    video_worker_t          workers[VIDEO_THREADS_MAX];
    unsigned                nworkers;
};


static pt_err_t video_run_open(video_run_t *run, const char *path);
static pt_err_t video_run_lanes(video_run_t *run);
static pt_err_t video_run_outputs(video_run_t *run);
static void video_run_close(video_run_t *run);
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
static pt_err_t video_stage_mux(video_run_t *run, unsigned lane);
static bool video_run_beyond(const video_run_t *run, const AVPacket *packet);
static bool video_run_picture(void *ctx, AVFrame *frame);
static bool video_run_packet(void *ctx, AVPacket *packet);
static void video_run_encoded(video_run_t *run);
static pt_err_t video_run_write(video_run_t *run, AVPacket *packet);
static void video_run_progress(video_run_t *run);
static pt_err_t video_run_finish(video_run_t *run);
static void video_run_silent(video_run_t *run);
static void video_run_damage(video_run_t *run);
static double video_run_frame_rate(const video_run_t *run);
static pt_err_t video_run_master(video_run_t *run);
static pt_err_t video_run_result(video_run_t *run);


pt_err_t
video_run(const char *path, const video_request_t *request,
    const video_info_t *info, const video_plan_t *plan,
    const video_watcher_t *watcher, video_result_t *result,
    video_report_t *report)
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
video_run_open(video_run_t *run, const char *path)
{
    unsigned        i;
    pt_err_t        err;
    video_colors_t  colors;

    run->source.fd = -1;

    video_queue_init(&run->video_packets, VIDEO_QUEUE_VIDEO,
                     video_free_packet);
    video_queue_init(&run->audio_packets, VIDEO_QUEUE_AUDIO,
                     video_free_packet);
    video_queue_init(&run->packets, VIDEO_QUEUE_PACKETS, video_free_packet);

    for (i = 0; i <= VIDEO_RUNGS_MAX; i++) {
        run->lanes[i].run = run;
        run->lanes[i].index = i;
        run->lanes[i].track.fd = -1;
        video_queue_init(&run->lanes[i].pictures, VIDEO_QUEUE_PICTURES,
                         video_free_frame);
    }

    err = video_source_open(&run->source, path, run->report);

    /* the stills' queue exists even if nothing else does */
    memset(&colors, 0, sizeof(colors));

    if (err == PT_OK) {
        colors = video_picture_colors(run->source.video, run->info);
    }

    if (video_stills_open(&run->stills, &run->request->thumbs,
                          run->request->poster, run->request->storyboard,
                          run->info, &colors, run->report) != PT_OK
        || err != PT_OK)
    {
        return video_report_err(run->report);
    }

    err = video_picture_open(&run->picture, run->source.video, run->info,
                             &run->plan->rungs[0], run->report);
    if (err != PT_OK) {
        return err;
    }

    if (run->request->watermark.text[0] != '\0') {
        err = video_watermark_prepare(&run->request->watermark, run->report);
        if (err != PT_OK) {
            return err;
        }

        video_watermark_filter(&run->request->watermark, run->picture.width,
                               run->picture.height, run->overlay,
                               sizeof(run->overlay));
        run->picture.overlay = run->overlay;
    }

    run->picture.emit = video_run_picture;
    run->picture.ctx = run;

    err = video_run_lanes(run);
    if (err != PT_OK) {
        return err;
    }

    return video_run_outputs(run);
}


static pt_err_t
video_run_lanes(video_run_t *run)
{
    unsigned             i;
    pt_err_t             err;
    video_colors_t       colors;
    const video_plan_t  *plan;

    plan = run->plan;
    colors = video_picture_colors(run->source.video, run->info);

    for (i = 0; i < plan->nrungs; i++) {
        err = video_rung_open(&run->lanes[i].rung, &plan->rungs[i],
                              &plan->rungs[0], run->request->preset,
                              run->info, &colors, run->report);
        if (err != PT_OK) {
            return err;
        }

        run->lanes[i].rung.emit = video_run_packet;
        run->lanes[i].rung.ctx = &run->lanes[i];
    }

    run->nlanes = plan->nrungs;

    if (run->source.audio && run->info->audio_end_us > 0) {
        err = video_sound_open(&run->sound, run->source.audio, run->info,
                               run->report);
        if (err == PT_OK) {
            run->sound.emit = video_run_packet;
            run->sound.ctx = &run->lanes[run->nlanes];
            run->sound.gain = pow(10, plan->gain_db / 20);
            run->nlanes++;

        } else if (err == PT_E_INPUT_UNSUPPORTED) {
            video_warn(run->report, "audio_unreadable", "the audio track "
                       "cannot be decoded; it was left out");

        } else {
            return err;
        }
    }

    atomic_init(&run->encoding, run->nlanes);

    return PT_OK;
}


static pt_err_t
video_run_outputs(video_run_t *run)
{
    char             folder[64];
    int64_t          frame_us;
    unsigned         i;
    pt_err_t         err;
    AVCodecContext  *encoder;

    if (mkdir("hls", 0750) == -1 && errno != EEXIST) {
        return video_fail(run->report, PT_E_IO, "cannot make a folder: %s",
                          strerror(errno));
    }

    for (i = 0; i < run->nlanes; i++) {
        if (i < run->plan->nrungs) {
            encoder = run->lanes[i].rung.encoder;
            frame_us = av_rescale(AV_TIME_BASE, run->info->frame_rate.den,
                                  run->info->frame_rate.num);
            snprintf(folder, sizeof(folder), "hls/%s",
                     run->plan->rungs[i].name);

        } else {
            encoder = run->sound.encoder;
            frame_us = av_rescale(AV_TIME_BASE, encoder->frame_size,
                                  encoder->sample_rate);
            snprintf(folder, sizeof(folder), "hls/audio");
        }

        err = video_track_open(&run->lanes[i].track, folder, encoder,
                               VIDEO_SEGMENT_US, frame_us, run->report);
        if (err != PT_OK) {
            return err;
        }
    }

    if (!run->request->mp4) {
        return PT_OK;
    }

    return video_mp4_open(&run->mp4, VIDEO_MP4_NAME,
                          run->lanes[0].rung.encoder, run->sound.encoder,
                          run->report);
}


/* takes a run that was opened half */
static void
video_run_close(video_run_t *run)
{
    unsigned  i;

    video_mp4_close(&run->mp4);
    video_stills_close(&run->stills);
    video_sound_close(&run->sound);
    video_picture_close(&run->picture);

    for (i = 0; i <= VIDEO_RUNGS_MAX; i++) {
        video_track_close(&run->lanes[i].track);
        video_rung_close(&run->lanes[i].rung);
        video_queue_done(&run->lanes[i].pictures);
    }

    video_queue_done(&run->packets);
    video_queue_done(&run->audio_packets);
    video_queue_done(&run->video_packets);
    video_source_close(&run->source);
}


static pt_err_t
video_run_threads(video_run_t *run)
{
    unsigned  i;

    video_run_thread(run, video_stage_mux, 0);

    for (i = 0; i < run->plan->nrungs; i++) {
        video_run_thread(run, video_stage_encode, i);
    }

    if (run->nlanes > run->plan->nrungs) {
        video_run_thread(run, video_stage_sound, i);
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
    video_queue_stop(&run->audio_packets);
    video_queue_stop(&run->packets);
    video_queue_stop(&run->stills.queue);

    for (i = 0; i < VIDEO_RUNGS_MAX; i++) {
        video_queue_stop(&run->lanes[i].pictures);
    }
}


/* ---- stages, each one a thread ---- */

static pt_err_t
video_stage_demux(video_run_t *run, unsigned lane)
{
    bool       sound;
    AVPacket  *packet;

    sound = run->nlanes > run->plan->nrungs;
    (void) lane;

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

        if (video_run_beyond(run, packet)) {
            av_packet_free(&packet);

        } else if (packet->stream_index == run->source.video->index) {
            if (!video_queue_push(&run->video_packets, packet)) {
                return PT_E_CANCELLED;
            }

        } else if (!sound) {
            av_packet_free(&packet);

        } else if (!video_queue_push(&run->audio_packets, packet)) {
            return PT_E_CANCELLED;
        }
    }

    video_queue_end(&run->video_packets);
    video_queue_end(&run->audio_packets);

    return PT_OK;
}


static pt_err_t
video_stage_decode(video_run_t *run, unsigned lane)
{
    unsigned   i;
    pt_err_t   err;
    AVPacket  *packet;

    (void) lane;

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

    for (i = 0; i < run->plan->nrungs; i++) {
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
static bool
video_run_picture(void *ctx, AVFrame *frame)
{
    int64_t       grid;
    unsigned      i;
    AVFrame      *ref;
    video_run_t  *run;

    run = ctx;

    /* the first picture at or after every two seconds, in all rungs alike */
    grid = av_rescale_q(frame->pts, run->info->time_base, AV_TIME_BASE_Q)
           / VIDEO_KEY_US;

    if (grid > run->key_grid) {
        run->key_grid = grid;
        frame->pict_type = AV_PICTURE_TYPE_I;

    } else {
        frame->pict_type = AV_PICTURE_TYPE_NONE;
    }

    for (i = 0; i < run->plan->nrungs; i++) {
        ref = av_frame_clone(frame);
        if (ref == NULL) {
            (void) video_fail_av(run->report, AVERROR(ENOMEM), "pictures");
            return false;
        }

        if (!video_queue_push(&run->lanes[i].pictures, ref)) {
            return false;
        }
    }

    return video_stills_offer(&run->stills, frame) == PT_OK;
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
    pt_err_t   err;
    AVPacket  *packet;

    (void) lane;

    do {
        packet = video_queue_pop(&run->audio_packets);

        if (packet == NULL && video_report_err(run->report) != PT_OK) {
            return PT_E_CANCELLED;
        }

        err = video_sound_decode(&run->sound, packet);
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
video_stage_stills(video_run_t *run, unsigned lane)
{
    (void) lane;

    return video_stills_work(&run->stills);
}


/* an encoded packet, to the lane's outputs */
static bool
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
    AVPacket  *packet;

    (void) lane;

    for ( ;; ) {
        packet = video_queue_pop(&run->packets);
        if (packet == NULL) {
            return video_report_err(run->report);
        }

        err = video_run_write(run, packet);
        av_packet_free(&packet);

        if (err != PT_OK) {
            return err;
        }

        video_run_progress(run);
    }
}


static pt_err_t
video_run_write(video_run_t *run, AVPacket *packet)
{
    bool           audio;
    pt_err_t       err;
    video_lane_t  *l;

    l = &run->lanes[packet->stream_index];
    audio = l->index == run->plan->nrungs;

    /* x264's packets come without; the next one's time tells it better,
     * but the last one has none */
    if (packet->duration == 0) {
        packet->duration = l->track.frame;
    }

    l->done_us = av_rescale_q(packet->dts, l->track.time_base,
                              AV_TIME_BASE_Q);

    err = video_track_write(&l->track, packet);

    if (err == PT_OK && run->mp4.format && (audio || l->index == 0)) {
        err = video_mp4_write(&run->mp4, audio ? 1 : 0, packet);
    }

    return err;
}


/* as far as the slowest rendition; an input that ends early jumps at the end */
static void
video_run_progress(video_run_t *run)
{
    int64_t   done, all;
    unsigned  i, permille;

    done = INT64_MAX;

    for (i = 0; i < run->plan->nrungs; i++) {
        if (run->lanes[i].done_us < done) {
            done = run->lanes[i].done_us;
        }
    }

    all = run->info->end_us > 0 ? run->info->end_us : 1;
    done = done < 0 ? 0 : done > all ? all : done;

    permille = VIDEO_PROGRESS_PROBE
               + (unsigned) (done * (VIDEO_PROGRESS_END - VIDEO_PROGRESS_PROBE)
                             / all);

    if (permille > run->permille) {
        run->permille = permille;
        run->watcher->progress(run->watcher->ctx, permille, "encode");
    }
}


/* ---- after the threads ---- */

static pt_err_t
video_run_finish(video_run_t *run)
{
    unsigned  i;
    pt_err_t  err;

    run->watcher->progress(run->watcher->ctx, VIDEO_PROGRESS_END, "finish");

    video_run_silent(run);

    for (i = 0; i < run->nlanes; i++) {
        err = video_track_finish(&run->lanes[i].track);
        if (err != PT_OK) {
            return err;
        }
    }

    if (run->mp4.format) {
        err = video_mp4_finish(&run->mp4);
        if (err != PT_OK) {
            return err;
        }
    }

    video_run_damage(run);

    run->result->frame_rate = video_run_frame_rate(run);

    err = video_run_master(run);
    if (err != PT_OK) {
        return err;
    }

    return video_run_result(run);
}


/* an audio track of which nothing could be decoded: as if it were not there */
static void
video_run_silent(video_run_t *run)
{
    video_lane_t  *audio;

    audio = &run->lanes[run->plan->nrungs];

    if (run->nlanes == run->plan->nrungs || audio->track.begun
        || audio->track.held->data)
    {
        return;
    }

    run->nlanes--;
    (void) unlink("hls/audio/init.mp4");
    (void) rmdir("hls/audio");

    video_warn(run->report, "audio_unreadable", "nothing of the audio track "
               "can be decoded; it was left out");
}


static void
video_run_damage(video_run_t *run)
{
    if (run->picture.errors > 0) {
        video_warn(run->report, "damaged", "%llu of %llu pictures are damaged "
                   "or missing",
                   (unsigned long long) run->picture.errors,
                   (unsigned long long) run->info->frames);
    }

    if (run->sound.errors > 0) {
        video_warn(run->report, "audio_damaged", "%llu pieces of the audio "
                   "cannot be decoded",
                   (unsigned long long) run->sound.errors);
    }
}


/*
 * HLS wants the highest.  A steady film's is its average, since containers
 * round the distances; a varying one's follows from its smallest distance.
 */
static double
video_run_frame_rate(const video_run_t *run)
{
    double                  average, peak;
    const video_picture_t  *p;

    p = &run->picture;
    average = av_q2d(run->info->frame_rate);

    if (p->pictures < 2 || video_rate_known(average)) {
        return average;
    }

    peak = 1 / (p->min_step * av_q2d(run->info->time_base));

    return peak > 240 ? average : av_q2d(video_rate_snap(peak, 0.03));
}


static pt_err_t
video_run_master(video_run_t *run)
{
    unsigned                 i;
    pt_buf_t                 buf;
    pt_err_t                 err;
    video_lane_t            *audio;
    video_variant_t          variants[VIDEO_RUNGS_MAX];

    for (i = 0; i < run->plan->nrungs; i++) {
        variants[i].name = run->plan->rungs[i].name;
        variants[i].width = run->plan->rungs[i].width;
        variants[i].height = run->plan->rungs[i].height;
        variants[i].codecs = run->lanes[i].track.codecs;
        variants[i].frame_rate = run->result->frame_rate;
        variants[i].segments = &run->lanes[i].track.segments;
    }

    audio = run->nlanes > run->plan->nrungs ? &run->lanes[i] : NULL;

    pt_buf_init(&buf, &pt_mem_heap, 16384);
    video_playlist_master(&buf, variants, run->plan->nrungs,
                          audio ? &audio->track.segments : NULL,
                          audio ? audio->track.codecs : NULL,
                          run->info->language, VIDEO_SEGMENT_US);

    err = buf.err != PT_OK
          ? video_fail(run->report, buf.err, "cannot write the playlist")
          : video_write_file("hls/master.m3u8", buf.data, buf.len,
                             run->report);

    pt_buf_done(&buf);

    return err;
}


static pt_err_t
video_run_result(video_run_t *run)
{
    unsigned            i;
    struct stat         st;
    video_lane_t       *l;
    video_result_t     *result;
    video_rendition_t  *r;

    result = run->result;

    for (i = 0; i < run->nlanes; i++) {
        l = &run->lanes[i];
        r = &result->audio;

        if (i < run->plan->nrungs) {
            r = &result->renditions[result->nrenditions++];
            r->width = run->plan->rungs[i].width;
            r->height = run->plan->rungs[i].height;
        }

        snprintf(r->name, sizeof(r->name), "%s",
                 i < run->plan->nrungs ? run->plan->rungs[i].name : "audio");
        snprintf(r->codecs, sizeof(r->codecs), "%s", l->track.codecs);
        r->bytes = video_segments_bytes(&l->track.segments);
        r->segments = l->track.segments.n;
        r->average_bit_rate = video_segments_average(&l->track.segments);
        r->peak_bit_rate = video_segments_peak(&l->track.segments,
                                               VIDEO_SEGMENT_US);
    }

    memcpy(result->thumbnails, run->stills.thumbnails,
           sizeof(result->thumbnails));
    result->nthumbnails = run->stills.nthumbnails;
    result->poster = run->stills.poster;
    result->storyboard = run->stills.storyboard.info;
    result->gain_db = run->plan->gain_db;
    result->measured_lufs = run->plan->measured_lufs;
    result->pictures = run->picture.pictures;
    result->duration_us = run->info->duration_us;

    if (run->request->mp4) {
        if (stat(VIDEO_MP4_NAME, &st) == -1) {
            return video_fail(run->report, PT_E_IO, "cannot read \"%s\": %s",
                              VIDEO_MP4_NAME, strerror(errno));
        }

        result->mp4_bytes = st.st_size;
    }

    return PT_OK;
}
