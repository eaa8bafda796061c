/*
 * Before the threads of a run: the source, the lanes, the outputs.
 */

#include "video_run.h"

#include <math.h>
#include <string.h>

#include "video_source.h"


/* demux runs a little ahead; audio may lie far from its pictures */
#define VIDEO_QUEUE_VIDEO     32
#define VIDEO_QUEUE_AUDIO     256

/* enough that a slow keyframe of one rung does not starve the others */
#define VIDEO_QUEUE_PICTURES  4
#define VIDEO_QUEUE_PACKETS   64


static void video_open_queues(video_run_t *run);
static pt_err_t video_open_picture(video_run_t *run);
static pt_err_t video_open_rungs(video_run_t *run);
static pt_err_t video_open_rung(video_run_t *run, unsigned n,
    const char *codec, const video_rung_size_t *size);
static pt_err_t video_open_sounds(video_run_t *run);
static pt_err_t video_open_sound(video_run_t *run, unsigned n);
static pt_err_t video_open_outputs(video_run_t *run);
static pt_err_t video_open_rendition(video_run_t *run, unsigned n,
    video_made_t *made);
static pt_err_t video_open_files(video_run_t *run, const video_made_t *video,
    const video_made_t *audio);
static pt_err_t video_open_webm(video_run_t *run);
static pt_err_t video_made_of(video_made_t *made,
    const AVCodecContext *encoder, video_report_t *report);


pt_err_t
video_run_open(video_run_t *run, const char *path)
{
    pt_err_t        err;
    video_colors_t  colors;

    run->source.fd = -1;
    run->ahead.source.fd = -1;
    video_open_queues(run);

    err = video_source_open(&run->source, path, run->report);

    /* the stills' queue exists even if nothing else does */
    memset(&colors, 0, sizeof(colors));

    if (err == PT_OK) {
        video_source_tracks(&run->source, &run->request->languages,
                            run->report);
        colors = video_picture_colors(run->source.video, run->info);
    }

    if (video_stills_open(&run->stills, &run->request->thumbs,
                          run->request->poster, run->request->storyboard,
                          run->info, &colors, run->report) != PT_OK
        || err != PT_OK)
    {
        return video_report_err(run->report);
    }

    err = video_open_picture(run);

    if (err == PT_OK) {
        err = video_open_rungs(run);
    }

    if (err == PT_OK) {
        err = video_open_sounds(run);
    }

    if (err == PT_OK) {
        err = video_open_outputs(run);
    }

    return err != PT_OK ? err : video_ahead_open(run, path);
}


static void
video_open_queues(video_run_t *run)
{
    unsigned       i;
    video_lane_t  *l;

    video_queue_init(&run->video_packets, VIDEO_QUEUE_VIDEO,
                     video_free_packet);
    video_queue_init(&run->packets, VIDEO_QUEUE_PACKETS, video_free_packet);

    for (i = 0; i < VIDEO_LANES_MAX; i++) {
        l = &run->lanes[i];
        l->run = run;
        l->index = i;
        l->ahead_pts = INT64_MIN;
        video_queue_init(&l->pictures, VIDEO_QUEUE_PICTURES,
                         video_free_frame);
        video_queue_init(&l->heard, VIDEO_QUEUE_AUDIO, video_free_packet);
    }
}


static pt_err_t
video_open_picture(video_run_t *run)
{
    pt_err_t  err;

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

    return PT_OK;
}


static pt_err_t
video_open_rungs(video_run_t *run)
{
    unsigned             i;
    pt_err_t             err;
    const video_plan_t  *plan;

    plan = run->plan;
    run->nrungs = plan->nrungs;

    for (i = 0; i < plan->nrungs; i++) {
        if (i == 0 && plan->copy) {
            run->lanes[0].copied = true;
            run->lanes[0].time_base = run->source.video->time_base;
            continue;
        }

        err = video_open_rung(run, i, "libx264", &plan->rungs[i]);
        if (err != PT_OK) {
            return err;
        }
    }

    atomic_init(&run->encoding, plan->nrungs);

    if (!run->request->webm) {
        return PT_OK;
    }

    atomic_fetch_add(&run->encoding, 1);

    return video_open_rung(run, VIDEO_LANE_VP9, "libvpx-vp9",
                           &plan->rungs[plan->webm]);
}


static pt_err_t
video_open_rung(video_run_t *run, unsigned n, const char *codec,
    const video_rung_size_t *size)
{
    pt_err_t        err;
    video_lane_t   *l;
    video_colors_t  colors;

    l = &run->lanes[n];
    colors = video_picture_colors(run->source.video, run->info);

    err = video_rung_open(&l->rung, codec, size, &run->plan->rungs[0],
                          run->request->preset, run->info, &colors,
                          run->report);
    if (err != PT_OK) {
        return err;
    }

    l->time_base = l->rung.encoder->time_base;
    l->rung.emit = video_run_packet;
    l->rung.ctx = l;

    return PT_OK;
}


static pt_err_t
video_open_sounds(video_run_t *run)
{
    unsigned  i;
    pt_err_t  err;

    for (i = 0; i < run->source.nsounds && i < run->info->nsounds; i++) {

        if (run->info->sounds[i].end_us <= 0) {
            continue;
        }

        err = video_open_sound(run, i);

        if (err == PT_E_INPUT_UNSUPPORTED) {
            video_sound_close(&run->lanes[run->nrungs + run->nsounds].sound);
            video_warn(run->report, "audio_unreadable", "an audio track "
                       "cannot be decoded; it was left out");
            continue;
        }

        if (err != PT_OK) {
            return err;
        }

        run->nsounds++;
        atomic_fetch_add(&run->encoding, 1);
    }

    if (run->request->webm && run->nsounds > 0) {
        return video_sound_opus(&run->lanes[run->nrungs].sound);
    }

    return PT_OK;
}


static pt_err_t
video_open_sound(video_run_t *run, unsigned n)
{
    pt_err_t        err;
    video_lane_t   *l;
    video_sound_t  *s;

    l = &run->lanes[run->nrungs + run->nsounds];
    s = &l->sound;

    err = video_sound_open(s, run->source.sounds[n], run->info, run->report);
    if (err != PT_OK) {
        return err;
    }

    l->time_base = s->aac.encoder->time_base;
    s->stream = run->source.sounds[n]->index;
    s->track = n;
    s->gain = pow(10, run->plan->gains[n].gain_db / 20);
    s->aac.emit = video_run_packet;
    s->aac.ctx = l;
    s->opus.emit = video_run_packet;
    s->opus.ctx = &run->lanes[VIDEO_LANE_OPUS];

    return PT_OK;
}


static pt_err_t
video_open_outputs(video_run_t *run)
{
    unsigned       i;
    pt_err_t       err;
    video_made_t   made[VIDEO_TRACKS_MAX];

    memset(made, 0, sizeof(made));

    err = video_hls_open(&run->hls, run->info, run->captions,
                         run->watcher->publish, run->watcher->ctx,
                         run->report);

    for (i = 0; i < run->nrungs && err == PT_OK; i++) {
        err = video_open_rendition(run, i, &made[i]);
    }

    for ( /* void */ ; i < run->nrungs + run->nsounds && err == PT_OK; i++) {
        err = video_made_of(&made[i], run->lanes[i].sound.aac.encoder,
                            run->report);

        if (err == PT_OK) {
            err = video_hls_sound(&run->hls,
                      &run->info->sounds[run->lanes[i].sound.track], &made[i]);
        }
    }

    if (err == PT_OK) {
        err = video_open_files(run, &made[0], run->nsounds > 0
                                              ? &made[run->nrungs] : NULL);
    }

    for (i = 0; i < VIDEO_TRACKS_MAX; i++) {
        avcodec_parameters_free(&made[i].par);
    }

    return err;
}


static pt_err_t
video_open_rendition(video_run_t *run, unsigned n, video_made_t *made)
{
    pt_err_t       err;
    video_lane_t  *l;

    l = &run->lanes[n];

    l->frame = av_rescale_q(1, av_inv_q(run->info->frame_rate), l->time_base);
    l->frame = l->frame > 0 ? l->frame : 1;

    if (l->copied) {
        made->par = avcodec_parameters_alloc();
        made->time_base = l->time_base;
        made->frame_rate = run->info->frame_rate;

        err = made->par != NULL
              && avcodec_parameters_copy(made->par,
                                         run->source.video->codecpar) >= 0
              ? PT_OK : video_fail_av(run->report, AVERROR(ENOMEM), "outputs");

    } else {
        err = video_made_of(made, l->rung.encoder, run->report);
    }

    if (err == PT_OK) {
        err = video_hls_rung(&run->hls, &run->plan->rungs[n], made);
    }

    if (err == PT_OK && run->request->quality && !l->copied) {
        l->rung.shown = video_run_shown;
        err = video_quality_open(&l->quality, made->par, made->time_base,
                                 run->report);
    }

    return err;
}


static pt_err_t
video_open_files(video_run_t *run, const video_made_t *video,
    const video_made_t *audio)
{
    pt_err_t  err;

    if (run->request->mp4) {
        err = video_file_open(&run->mp4, VIDEO_MP4_NAME, "mp4", video, audio,
                              run->report);
        if (err != PT_OK) {
            return err;
        }
    }

    return run->request->webm ? video_open_webm(run) : PT_OK;
}


static pt_err_t
video_open_webm(video_run_t *run)
{
    bool                   sound;
    pt_err_t               err;
    video_made_t           video = { 0 }, audio = { 0 };
    const AVCodecContext  *opus;

    sound = run->nsounds > 0;
    opus = sound ? run->lanes[run->nrungs].sound.opus.encoder : NULL;

    err = video_made_of(&video, run->lanes[VIDEO_LANE_VP9].rung.encoder,
                        run->report);

    if (err == PT_OK && sound) {
        err = video_made_of(&audio, opus, run->report);
        run->lanes[VIDEO_LANE_OPUS].time_base = opus->time_base;
    }

    if (err == PT_OK) {
        err = video_file_open(&run->webm, VIDEO_WEBM_NAME, "webm", &video,
                              sound ? &audio : NULL, run->report);
    }

    avcodec_parameters_free(&video.par);
    avcodec_parameters_free(&audio.par);

    return err;
}


static pt_err_t
video_made_of(video_made_t *made, const AVCodecContext *encoder,
    video_report_t *report)
{
    made->par = avcodec_parameters_alloc();
    made->time_base = encoder->time_base;
    made->frame_rate = encoder->framerate;

    if (made->par == NULL
        || avcodec_parameters_from_context(made->par, encoder) < 0)
    {
        return video_fail_av(report, AVERROR(ENOMEM), "outputs");
    }

    return PT_OK;
}


/* takes a run that was opened half */
void
video_run_close(video_run_t *run)
{
    unsigned       i;
    video_lane_t  *l;

    video_file_close(&run->mp4);
    video_file_close(&run->webm);
    video_hls_close(&run->hls);
    video_stills_close(&run->stills);
    video_picture_close(&run->picture);
    video_ahead_close(&run->ahead);

    for (i = 0; i < VIDEO_LANES_MAX; i++) {
        l = &run->lanes[i];
        video_quality_close(&l->quality);
        video_rung_close(&l->rung);
        video_sound_close(&l->sound);
        video_queue_done(&l->pictures);
        video_queue_done(&l->heard);
    }

    video_queue_done(&run->packets);
    video_queue_done(&run->video_packets);
    video_source_close(&run->source);
}
