/*
 * HLS, bit by bit.
 */

#include "video_hls.h"

#include <stdio.h>
#include <string.h>


#define VIDEO_MASTER_BYTES  65536

/* what the audio's encoder may add to what it is asked for */
#define VIDEO_AUDIO_BOUND   (VIDEO_AUDIO_BIT_RATE + VIDEO_AUDIO_BIT_RATE / 4)


static pt_err_t video_hls_begin(video_hls_t *h);
static pt_err_t video_hls_grow(video_hls_t *h);
static pt_err_t video_hls_put(video_hls_t *h, bool ended);
static pt_err_t video_hls_master(video_hls_t *h, bool ended);
static void video_hls_label(video_hls_t *h, unsigned n,
    const video_sound_info_t *sound);
static void video_hls_silent(video_hls_t *h);


pt_err_t
video_hls_open(video_hls_t *h, const video_info_t *info,
    video_captions_t *captions, video_publish_fn publish, void *ctx,
    video_report_t *report)
{
    unsigned  i;
    pt_err_t  err;

    memset(h, 0, sizeof(*h));
    h->report = report;
    h->info = info;
    h->captions = captions;
    h->publish = publish;
    h->ctx = ctx;

    for (i = 0; i < VIDEO_TRACKS_MAX; i++) {
        h->tracks[i].fd = -1;
    }

    err = video_hls_begin(h);

    return err != PT_OK ? err : video_captions_write(captions, h->root, info);
}


void
video_hls_close(video_hls_t *h)
{
    unsigned  i;

    /* one that was never opened has not set its descriptors */
    for (i = 0; h->report && i < VIDEO_TRACKS_MAX; i++) {
        video_track_close(&h->tracks[i]);
    }
}


static pt_err_t
video_hls_begin(video_hls_t *h)
{
    h->piece++;
    snprintf(h->root, sizeof(h->root), "hls.%04u", h->piece);

    return video_folder(h->root, h->report);
}


pt_err_t
video_hls_rung(video_hls_t *h, const video_rung_size_t *size,
    const video_made_t *made)
{
    int64_t           frame_us;
    video_track_t    *t;
    video_variant_t  *v;

    t = &h->tracks[h->nvariants];
    v = &h->variants[h->nvariants++];

    v->name = size->name;
    v->codecs = t->codecs;
    v->width = size->width;
    v->height = size->height;
    v->frame_rate = av_q2d(h->info->frame_rate);
    v->segments = &t->segments;

    /* a segment has what flows in its time, and a buffer of two seconds */
    v->bound = (uint64_t) size->cap * 4 / 3;

    frame_us = av_rescale(AV_TIME_BASE, h->info->frame_rate.den,
                          h->info->frame_rate.num);

    return video_track_open(t, h->root, size->name, made, frame_us,
                            h->report);
}


pt_err_t
video_hls_sound(video_hls_t *h, const video_sound_info_t *sound,
    const video_made_t *made)
{
    unsigned        n;
    video_track_t  *t;
    video_group_t  *g;

    n = h->nsounds++;
    t = &h->tracks[h->nvariants + n];
    g = &h->sounds[n];

    snprintf(h->names[n], sizeof(h->names[n]), n == 0 ? "audio" : "audio-%u",
             n + 1);
    video_hls_label(h, n, sound);

    g->name = h->names[n];
    g->label = h->labels[n];
    g->language = sound->language;
    g->is_default = n == 0;
    g->codecs = t->codecs;
    g->bound = VIDEO_AUDIO_BOUND;
    g->segments = &t->segments;

    return video_track_open(t, h->root, g->name, made,
                            av_rescale(AV_TIME_BASE, 1024, VIDEO_AUDIO_RATE),
                            h->report);
}


/* no two of a group may have the same name */
static void
video_hls_label(video_hls_t *h, unsigned n, const video_sound_info_t *sound)
{
    unsigned     i;
    const char  *name;

    name = sound->title[0] != '\0' ? sound->title
           : h->info->nsounds > 1 && sound->language[0] != '\0'
           ? sound->language : "Audio";

    snprintf(h->labels[n], sizeof(h->labels[n]), "%s", name);

    for (i = 0; i < n; i++) {
        if (strcmp(h->labels[i], name) == 0) {
            snprintf(h->labels[n], sizeof(h->labels[n]), "%s %u", name, n + 1);
        }
    }
}


pt_err_t
video_hls_write(video_hls_t *h, unsigned track, const AVPacket *packet)
{
    unsigned  n;
    pt_err_t  err;

    n = h->tracks[track].segments.n;

    err = video_track_write(&h->tracks[track], packet);
    if (err != PT_OK || h->tracks[track].segments.n == n) {
        return err;
    }

    return video_hls_grow(h);
}


/*
 * Rounds: when each track has another segment.  Before them is the first
 * segment of the smallest rendition, which can be watched that much earlier.
 */
static pt_err_t
video_hls_grow(video_hls_t *h)
{
    bool      early;
    unsigned  i;
    pt_err_t  err;

    early = h->piece == 1;

    for (i = early ? h->nvariants - 1 : 0; i < h->nvariants + h->nsounds; i++) {

        /* sound may end long before the pictures; who has none yet is waited
         * for, as the master playlist names it */
        if (h->tracks[i].segments.n <= (i < h->nvariants ? h->segments : 0)) {
            return PT_OK;
        }
    }

    err = video_hls_put(h, false);
    if (err != PT_OK) {
        return err;
    }

    h->segments += early ? 0 : 1;

    return video_hls_begin(h);
}


static pt_err_t
video_hls_put(video_hls_t *h, bool ended)
{
    unsigned  i;
    pt_err_t  err;

    for (i = 0; i < h->nvariants + h->nsounds; i++) {
        err = video_track_playlist(&h->tracks[i], ended);
        if (err != PT_OK) {
            return err;
        }
    }

    if (ended || h->piece == 1) {
        err = video_hls_master(h, ended);
        if (err != PT_OK) {
            return err;
        }
    }

    err = h->publish(h->ctx, h->root);

    return err == PT_OK ? err
                        : video_fail(h->report, err, "cannot publish HLS");
}


static pt_err_t
video_hls_master(video_hls_t *h, bool ended)
{
    char             path[32];
    unsigned         i;
    pt_buf_t         buf;
    pt_err_t         err;
    video_group_t    captions[VIDEO_CAPTIONS_MAX];
    video_master_t   m;

    memset(captions, 0, sizeof(captions));

    for (i = 0; i < h->captions->n; i++) {
        captions[i].name = h->captions->tracks[i].name;
        captions[i].label = h->captions->tracks[i].label;
        captions[i].language = h->captions->tracks[i].language;
        captions[i].is_default = h->captions->tracks[i].is_default;
    }

    m = (video_master_t) {
        .variants = h->variants, .nvariants = h->nvariants,
        .sounds = h->sounds, .nsounds = h->nsounds,
        .captions = captions, .ncaptions = h->captions->n,
        .target_us = VIDEO_SEGMENT_US, .ended = ended
    };

    pt_buf_init(&buf, &pt_mem_heap, VIDEO_MASTER_BYTES);
    video_playlist_master(&buf, &m);

    snprintf(path, sizeof(path), "%s/master.m3u8", h->root);

    err = buf.err != PT_OK
          ? video_fail(h->report, buf.err, "cannot write the playlist")
          : video_write_file(path, buf.data, buf.len, h->report);

    pt_buf_done(&buf);

    return err;
}


pt_err_t
video_hls_finish(video_hls_t *h, double frame_rate)
{
    unsigned  i;
    pt_err_t  err;

    video_hls_silent(h);

    for (i = 0; i < h->nvariants + h->nsounds; i++) {
        err = video_track_finish(&h->tracks[i]);
        if (err != PT_OK) {
            return err;
        }
    }

    for (i = 0; i < h->nvariants; i++) {
        h->variants[i].frame_rate = frame_rate;
    }

    return video_hls_put(h, true);
}


/* nothing was published before every sound had a segment */
static void
video_hls_silent(video_hls_t *h)
{
    unsigned        i, kept;
    video_track_t  *t, *to;

    for (i = 0, kept = 0; i < h->nsounds; i++) {
        t = &h->tracks[h->nvariants + i];

        if (t->begun || t->held->data) {
            to = &h->tracks[h->nvariants + kept];

            if (to != t) {
                *to = *t;
                to->io->opaque = to;
                memset(t, 0, sizeof(*t));
                t->fd = -1;

                h->sounds[kept] = h->sounds[i];
                h->sounds[kept].codecs = to->codecs;
                h->sounds[kept].segments = &to->segments;
            }

            kept++;
            continue;
        }

        video_warn(h->report, "audio_unreadable", "nothing of an audio track "
                   "can be decoded; it was left out");

        video_track_close(t);
    }

    h->nsounds = kept;
    h->sounds[0].is_default = true;
}
