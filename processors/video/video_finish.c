/*
 * After the threads of a run: what ends the outputs, and what is told of them.
 */

#include "video_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>


static void video_finish_damage(video_run_t *run);
static double video_finish_frame_rate(const video_run_t *run);
static void video_finish_rendition(video_run_t *run, unsigned n);
static void video_finish_sound(video_run_t *run, unsigned n);
static void video_finish_track(video_run_t *run, unsigned n,
    video_rendition_t *r);
static pt_err_t video_finish_files(video_run_t *run);
static pt_err_t video_finish_file(video_run_t *run, video_file_t *file,
    const char *name, unsigned rung, video_whole_t *whole);


pt_err_t
video_run_finish(video_run_t *run)
{
    unsigned         i;
    pt_err_t         err;
    video_result_t  *result;

    result = run->result;

    run->watcher->progress(run->watcher->ctx, VIDEO_PROGRESS_END, "finish");

    video_finish_damage(run);

    result->frame_rate = video_finish_frame_rate(run);

    err = video_hls_finish(&run->hls, result->frame_rate);

    if (err == PT_OK) {
        err = video_finish_files(run);
    }

    if (err != PT_OK) {
        return err;
    }

    for (i = 0; i < run->nrungs; i++) {
        video_finish_rendition(run, i);
    }

    for (i = 0; i < run->hls.nsounds; i++) {
        video_finish_sound(run, i);
    }

    memcpy(result->thumbnails, run->stills.thumbnails,
           sizeof(result->thumbnails));
    result->nthumbnails = run->stills.nthumbnails;
    result->poster = run->stills.poster;
    result->storyboard = run->stills.storyboard.info;
    result->pictures = run->picture.pictures;
    result->duration_us = run->info->duration_us;

    return PT_OK;
}


static void
video_finish_damage(video_run_t *run)
{
    unsigned  i;
    uint64_t  errors;

    if (run->picture.errors > 0) {
        video_warn(run->report, "damaged", "%llu of %llu pictures are damaged "
                   "or missing",
                   (unsigned long long) run->picture.errors,
                   (unsigned long long) run->info->frames);
    }

    errors = 0;

    for (i = run->nrungs; i < run->nrungs + run->nsounds; i++) {
        errors += run->lanes[i].sound.errors;
    }

    if (errors > 0) {
        video_warn(run->report, "audio_damaged", "%llu pieces of the audio "
                   "cannot be decoded", (unsigned long long) errors);
    }
}


/*
 * HLS wants the highest.  A steady film's is its average, since containers
 * round the distances; a varying one's follows from its smallest distance.
 */
static double
video_finish_frame_rate(const video_run_t *run)
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


static void
video_finish_rendition(video_run_t *run, unsigned n)
{
    video_rendition_t  *r;

    r = &run->result->renditions[run->result->nrenditions++];

    snprintf(r->name, sizeof(r->name), "%s", run->plan->rungs[n].name);
    r->width = run->plan->rungs[n].width;
    r->height = run->plan->rungs[n].height;
    r->copied = run->lanes[n].copied;
    r->score = video_quality_score(&run->lanes[n].quality);

    video_finish_track(run, n, r);
}


/* the n-th of those that were kept */
static void
video_finish_sound(video_run_t *run, unsigned n)
{
    unsigned              i;
    video_rendition_t    *r;
    const video_group_t  *g;

    g = &run->hls.sounds[n];
    r = &run->result->sounds[run->result->nsounds++];

    snprintf(r->name, sizeof(r->name), "%s", g->name);
    snprintf(r->language, sizeof(r->language), "%s", g->language);
    snprintf(r->label, sizeof(r->label), "%s", g->label);
    r->is_default = g->is_default;

    for (i = 0; i < run->info->nsounds; i++) {
        if (run->info->sounds[i].language == g->language) {
            r->gain = run->plan->gains[i];
        }
    }

    video_finish_track(run, run->nrungs + n, r);
}


static void
video_finish_track(video_run_t *run, unsigned n, video_rendition_t *r)
{
    unsigned        i;
    video_track_t  *t;

    t = &run->hls.tracks[n];

    snprintf(r->codecs, sizeof(r->codecs), "%s", t->codecs);
    r->bytes = video_segments_bytes(&t->segments);
    r->segments = t->segments.n;
    r->average_bit_rate = video_segments_average(&t->segments);
    r->peak_bit_rate = video_segments_peak(&t->segments, VIDEO_SEGMENT_US);

    for (i = 0; i < t->segments.n; i++) {
        r->duration_us += t->segments.list[i].duration_us;
    }

    video_track_digest(t, r->sha256);
}


static pt_err_t
video_finish_files(video_run_t *run)
{
    bool             sound;
    pt_err_t         err;
    video_result_t  *result;

    err = PT_OK;
    result = run->result;
    sound = run->hls.nsounds > 0;

    if (run->mp4.format) {
        snprintf(result->mp4.codecs, sizeof(result->mp4.codecs), "%s%s",
                 run->hls.tracks[0].codecs, sound ? ",mp4a.40.2" : "");

        err = video_finish_file(run, &run->mp4, VIDEO_MP4_NAME, 0,
                                &result->mp4);
    }

    if (err == PT_OK && run->webm.format) {
        snprintf(result->webm.codecs, sizeof(result->webm.codecs), "vp9%s",
                 sound ? ",opus" : "");

        err = video_finish_file(run, &run->webm, VIDEO_WEBM_NAME,
                                run->plan->webm, &result->webm);
    }

    return err;
}


static pt_err_t
video_finish_file(video_run_t *run, video_file_t *file, const char *name,
    unsigned rung, video_whole_t *whole)
{
    pt_err_t     err;
    struct stat  st;

    err = video_file_finish(file);
    if (err != PT_OK) {
        return err;
    }

    if (stat(name, &st) == -1) {
        return video_fail(run->report, PT_E_IO, "cannot read \"%s\": %s",
                          name, strerror(errno));
    }

    whole->bytes = (uint64_t) st.st_size;
    whole->width = run->plan->rungs[rung].width;
    whole->height = run->plan->rungs[rung].height;

    return PT_OK;
}
