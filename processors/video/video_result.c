/*
 * The job's result as JSON.
 */

#include "video_result.h"

#include <math.h>
#include <stdio.h>


static void video_result_source(pt_jsonw_t *w, const video_info_t *info);
static void video_result_renditions(pt_jsonw_t *w,
    const video_result_t *result);
static void video_result_sounds(pt_jsonw_t *w, const video_result_t *result);
static void video_result_sound(pt_jsonw_t *w, const video_rendition_t *r);
static void video_result_captions(pt_jsonw_t *w,
    const video_captions_t *captions);
static void video_result_whole(pt_jsonw_t *w, const char *name,
    const video_whole_t *whole, const video_result_t *result);
static void video_result_rates(pt_jsonw_t *w, const video_rendition_t *r);
static void video_result_streams(pt_jsonw_t *w, const video_measures_t *m);
static void video_result_scenes(pt_jsonw_t *w, const video_measures_t *m);
static void video_result_ranges(pt_jsonw_t *w, const char *key,
    const video_ranges_t *ranges);
static void video_result_loudness(pt_jsonw_t *w, const video_measures_t *m);
static void video_result_fields(pt_jsonw_t *w, const video_info_t *info,
    const video_measures_t *m);
static void video_result_crop(pt_jsonw_t *w, const video_measures_t *m);
static void video_result_storyboard(pt_jsonw_t *w,
    const video_storyboard_info_t *b);
static void video_result_stills(pt_jsonw_t *w, const video_still_t *stills,
    unsigned n);
static void video_result_still(pt_jsonw_t *w, const video_still_t *still);
static void video_result_warnings(pt_jsonw_t *w,
    const video_report_t *report);
static double video_seconds(int64_t us);
static double video_thousandth(double v);


void
video_result_write(pt_buf_t *buf, const video_info_t *info,
    const video_captions_t *captions, const video_result_t *result,
    const video_report_t *report)
{
    pt_jsonw_t  w;

    pt_jsonw_init(&w, buf);
    pt_jsonw_object(&w);

    pt_jsonw_key(&w, "source");
    video_result_source(&w, info);

    pt_jsonw_key(&w, "duration_s");
    pt_jsonw_double(&w, video_seconds(result->duration_us));
    pt_jsonw_key(&w, "frame_rate");
    pt_jsonw_double(&w, video_thousandth(result->frame_rate));
    pt_jsonw_key(&w, "frames");
    pt_jsonw_int(&w, (int64_t) result->pictures);

    pt_jsonw_key(&w, "hls");
    pt_jsonw_text(&w, "hls/master.m3u8");

    pt_jsonw_key(&w, "renditions");
    video_result_renditions(&w, result);

    pt_jsonw_key(&w, "audio");
    video_result_sounds(&w, result);
    pt_jsonw_key(&w, "captions");
    video_result_captions(&w, captions);
    pt_jsonw_key(&w, "mp4");
    video_result_whole(&w, "video.mp4", &result->mp4, result);
    pt_jsonw_key(&w, "webm");
    video_result_whole(&w, "video.webm", &result->webm, result);

    pt_jsonw_key(&w, "thumbnails");
    video_result_stills(&w, result->thumbnails, result->nthumbnails);

    pt_jsonw_key(&w, "poster");

    if (result->poster.name[0] != '\0') {
        video_result_still(&w, &result->poster);

    } else {
        pt_jsonw_null(&w);
    }

    pt_jsonw_key(&w, "storyboard");
    video_result_storyboard(&w, &result->storyboard);

    pt_jsonw_key(&w, "warnings");
    video_result_warnings(&w, report);

    pt_jsonw_end(&w);
}


/* the default track, and in it the others; null: no sound */
static void
video_result_sounds(pt_jsonw_t *w, const video_result_t *result)
{
    unsigned  i;

    if (result->nsounds == 0) {
        pt_jsonw_null(w);
        return;
    }

    pt_jsonw_object(w);
    video_result_sound(w, &result->sounds[0]);
    pt_jsonw_key(w, "others");
    pt_jsonw_array(w);

    for (i = 1; i < result->nsounds; i++) {
        pt_jsonw_object(w);
        video_result_sound(w, &result->sounds[i]);
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
    pt_jsonw_end(w);
}


static void
video_result_sound(pt_jsonw_t *w, const video_rendition_t *r)
{
    char  playlist[64];

    snprintf(playlist, sizeof(playlist), "hls/%s/index.m3u8", r->name);

    pt_jsonw_key(w, "playlist");
    pt_jsonw_text(w, playlist);
    pt_jsonw_key(w, "language");
    pt_jsonw_text(w, r->language[0] != '\0' ? r->language : NULL);
    pt_jsonw_key(w, "label");
    pt_jsonw_text(w, r->label);
    video_result_rates(w, r);

    if (r->gain.measured_lufs < 0) {
        pt_jsonw_key(w, "measured_lufs");
        pt_jsonw_double(w, r->gain.measured_lufs);
        pt_jsonw_key(w, "gain_db");
        pt_jsonw_double(w, video_thousandth(r->gain.gain_db));
    }
}


static void
video_result_captions(pt_jsonw_t *w, const video_captions_t *captions)
{
    char                          playlist[64];
    unsigned                      i;
    const video_caption_track_t  *t;

    pt_jsonw_array(w);

    for (i = 0; i < captions->n; i++) {
        t = &captions->tracks[i];
        snprintf(playlist, sizeof(playlist), "hls/%s/index.m3u8", t->name);

        pt_jsonw_object(w);
        pt_jsonw_key(w, "playlist");
        pt_jsonw_text(w, playlist);
        pt_jsonw_key(w, "language");
        pt_jsonw_text(w, t->language[0] != '\0' ? t->language : NULL);
        pt_jsonw_key(w, "label");
        pt_jsonw_text(w, t->label);
        pt_jsonw_key(w, "default");
        pt_jsonw_bool(w, t->is_default);
        pt_jsonw_key(w, "cues");
        pt_jsonw_int(w, t->ncues);
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
}


static void
video_result_whole(pt_jsonw_t *w, const char *name,
    const video_whole_t *whole, const video_result_t *result)
{
    if (whole->bytes == 0) {
        pt_jsonw_null(w);
        return;
    }

    pt_jsonw_object(w);
    pt_jsonw_key(w, "name");
    pt_jsonw_text(w, name);
    pt_jsonw_key(w, "width");
    pt_jsonw_int(w, whole->width);
    pt_jsonw_key(w, "height");
    pt_jsonw_int(w, whole->height);
    pt_jsonw_key(w, "duration_s");
    pt_jsonw_double(w, video_seconds(result->duration_us));
    pt_jsonw_key(w, "codecs");
    pt_jsonw_text(w, whole->codecs);
    pt_jsonw_key(w, "bytes");
    pt_jsonw_int(w, (int64_t) whole->bytes);
    pt_jsonw_end(w);
}


static void
video_result_storyboard(pt_jsonw_t *w, const video_storyboard_info_t *b)
{
    if (b->tiles == 0) {
        pt_jsonw_null(w);
        return;
    }

    pt_jsonw_object(w);
    pt_jsonw_key(w, "name");
    pt_jsonw_text(w, "storyboard/storyboard.vtt");
    pt_jsonw_key(w, "tiles");
    pt_jsonw_int(w, b->tiles);
    pt_jsonw_key(w, "tile_width");
    pt_jsonw_int(w, b->tile_width);
    pt_jsonw_key(w, "tile_height");
    pt_jsonw_int(w, b->tile_height);
    pt_jsonw_key(w, "sheets");
    pt_jsonw_int(w, b->sheets);
    pt_jsonw_end(w);
}


void
video_result_thumbnails(pt_buf_t *buf, const video_info_t *info,
    const video_still_t *stills, unsigned n, const video_report_t *report)
{
    pt_jsonw_t  w;

    pt_jsonw_init(&w, buf);
    pt_jsonw_object(&w);

    pt_jsonw_key(&w, "source");
    video_result_source(&w, info);
    pt_jsonw_key(&w, "thumbnails");
    video_result_stills(&w, stills, n);
    pt_jsonw_key(&w, "warnings");
    video_result_warnings(&w, report);

    pt_jsonw_end(&w);
}


void
video_result_measures(pt_buf_t *buf, const video_info_t *info,
    const video_measures_t *m, const video_report_t *report)
{
    pt_jsonw_t  w;

    pt_jsonw_init(&w, buf);
    pt_jsonw_object(&w);

    pt_jsonw_key(&w, "source");
    video_result_source(&w, info);
    pt_jsonw_key(&w, "bytes");
    pt_jsonw_int(&w, (int64_t) m->bytes);
    pt_jsonw_key(&w, "bit_rate");
    pt_jsonw_int(&w, info->duration_us > 0
                     ? av_rescale((int64_t) m->bytes * 8, AV_TIME_BASE,
                                  info->duration_us) : 0);
    pt_jsonw_key(&w, "frames");
    pt_jsonw_int(&w, (int64_t) m->pictures);

    video_result_streams(&w, m);
    video_result_scenes(&w, m);
    video_result_ranges(&w, "black", &m->black);
    video_result_ranges(&w, "frozen", &m->frozen);
    video_result_ranges(&w, "silent", &m->silent);
    video_result_loudness(&w, m);
    video_result_fields(&w, info, m);
    video_result_crop(&w, m);

    pt_jsonw_key(&w, "warnings");
    video_result_warnings(&w, report);

    pt_jsonw_end(&w);
}


static void
video_result_streams(pt_jsonw_t *w, const video_measures_t *m)
{
    unsigned               i;
    const video_stream_t  *s;

    pt_jsonw_key(w, "streams");
    pt_jsonw_array(w);

    for (i = 0; i < m->nstreams; i++) {
        s = &m->streams[i];

        pt_jsonw_object(w);
        pt_jsonw_key(w, "type");
        pt_jsonw_text(w, s->type);
        pt_jsonw_key(w, "codec");
        pt_jsonw_text(w, s->codec);
        pt_jsonw_key(w, "profile");
        pt_jsonw_text(w, s->profile);
        pt_jsonw_key(w, "language");
        pt_jsonw_text(w, s->language[0] != '\0' ? s->language : NULL);
        pt_jsonw_key(w, "default");
        pt_jsonw_bool(w, s->is_default);
        pt_jsonw_key(w, "used");
        pt_jsonw_bool(w, s->used);
        pt_jsonw_key(w, "bit_rate");

        if (s->bit_rate > 0) {
            pt_jsonw_int(w, s->bit_rate);

        } else {
            pt_jsonw_null(w);
        }

        if (s->width > 0) {
            pt_jsonw_key(w, "width");
            pt_jsonw_int(w, s->width);
            pt_jsonw_key(w, "height");
            pt_jsonw_int(w, s->height);
            pt_jsonw_key(w, "pixel_format");
            pt_jsonw_text(w, s->pixels);
        }

        if (s->sample_rate > 0) {
            pt_jsonw_key(w, "sample_rate");
            pt_jsonw_int(w, s->sample_rate);
            pt_jsonw_key(w, "channels");
            pt_jsonw_int(w, s->channels);
        }

        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
}


static void
video_result_scenes(pt_jsonw_t *w, const video_measures_t *m)
{
    unsigned              i;
    const video_scene_t  *s;

    pt_jsonw_key(w, "scenes");
    pt_jsonw_array(w);

    for (i = 0; i < m->nscenes; i++) {
        s = &m->scenes[i];

        pt_jsonw_object(w);
        pt_jsonw_key(w, "start_s");
        pt_jsonw_double(w, video_seconds(s->range.start_us));
        pt_jsonw_key(w, "end_s");
        pt_jsonw_double(w, video_seconds(s->range.end_us));
        pt_jsonw_key(w, "score");
        pt_jsonw_double(w, video_thousandth(s->score));
        pt_jsonw_key(w, "thumbnail");

        if (s->still.name[0] != '\0') {
            video_result_still(w, &s->still);

        } else {
            pt_jsonw_null(w);
        }

        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
}


static void
video_result_ranges(pt_jsonw_t *w, const char *key,
    const video_ranges_t *ranges)
{
    unsigned  i;

    pt_jsonw_key(w, key);
    pt_jsonw_array(w);

    for (i = 0; i < ranges->n; i++) {
        pt_jsonw_object(w);
        pt_jsonw_key(w, "start_s");
        pt_jsonw_double(w, video_seconds(ranges->list[i].start_us));
        pt_jsonw_key(w, "end_s");
        pt_jsonw_double(w, video_seconds(ranges->list[i].end_us));
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
}


static void
video_result_loudness(pt_jsonw_t *w, const video_measures_t *m)
{
    pt_jsonw_key(w, "loudness");

    if (!m->loudness) {
        pt_jsonw_null(w);
        return;
    }

    pt_jsonw_object(w);
    pt_jsonw_key(w, "integrated_lufs");
    pt_jsonw_double(w, m->integrated_lufs);
    pt_jsonw_key(w, "range_lu");
    pt_jsonw_double(w, m->range_lu);
    pt_jsonw_key(w, "true_peak_dbtp");           /* null: digital silence */
    pt_jsonw_double(w, video_thousandth(m->true_peak_dbtp));
    pt_jsonw_end(w);
}


/* what most of the pictures look like, where they tell */
static void
video_result_fields(pt_jsonw_t *w, const video_info_t *info,
    const video_measures_t *m)
{
    const char  *measured;

    measured = "unknown";

    if (m->progressive + m->top_first + m->bottom_first > 0) {
        measured = m->progressive >= m->top_first + m->bottom_first
                   ? "progressive"
                   : m->top_first >= m->bottom_first ? "top_field_first"
                                                     : "bottom_field_first";
    }

    pt_jsonw_key(w, "interlacing");
    pt_jsonw_object(w);
    pt_jsonw_key(w, "declared");
    pt_jsonw_bool(w, info->interlaced);
    pt_jsonw_key(w, "measured");
    pt_jsonw_text(w, measured);
    pt_jsonw_end(w);
}


static void
video_result_crop(pt_jsonw_t *w, const video_measures_t *m)
{
    pt_jsonw_key(w, "crop");

    if (m->crop_width == 0) {
        pt_jsonw_null(w);
        return;
    }

    pt_jsonw_object(w);
    pt_jsonw_key(w, "x");
    pt_jsonw_int(w, m->crop_x);
    pt_jsonw_key(w, "y");
    pt_jsonw_int(w, m->crop_y);
    pt_jsonw_key(w, "width");
    pt_jsonw_int(w, m->crop_width);
    pt_jsonw_key(w, "height");
    pt_jsonw_int(w, m->crop_height);
    pt_jsonw_end(w);
}


static void
video_result_source(pt_jsonw_t *w, const video_info_t *info)
{
    pt_jsonw_object(w);

    pt_jsonw_key(w, "container");
    pt_jsonw_text(w, info->container);
    pt_jsonw_key(w, "video_codec");
    pt_jsonw_text(w, info->video_codec);
    pt_jsonw_key(w, "audio_codec");
    pt_jsonw_text(w, info->audio_codec);       /* null: no audio */
    pt_jsonw_key(w, "audio_channels");
    pt_jsonw_int(w, info->channels);
    pt_jsonw_key(w, "language");
    pt_jsonw_text(w, info->language[0] != '\0' ? info->language : NULL);
    pt_jsonw_key(w, "duration_s");
    pt_jsonw_double(w, video_seconds(info->duration_us));
    pt_jsonw_key(w, "width");
    pt_jsonw_int(w, info->width);
    pt_jsonw_key(w, "height");
    pt_jsonw_int(w, info->height);
    pt_jsonw_key(w, "fps");
    pt_jsonw_double(w, video_thousandth(av_q2d(info->frame_rate)));
    pt_jsonw_key(w, "frames");
    pt_jsonw_int(w, (int64_t) info->frames);
    pt_jsonw_key(w, "rotation");
    pt_jsonw_int(w, info->rotation);
    pt_jsonw_key(w, "interlaced");
    pt_jsonw_bool(w, info->interlaced);
    pt_jsonw_key(w, "hdr");
    pt_jsonw_bool(w, info->hdr);

    pt_jsonw_end(w);
}


static void
video_result_renditions(pt_jsonw_t *w, const video_result_t *result)
{
    char                      playlist[64];
    unsigned                  i;
    const video_rendition_t  *r;

    pt_jsonw_array(w);

    for (i = 0; i < result->nrenditions; i++) {
        r = &result->renditions[i];
        snprintf(playlist, sizeof(playlist), "hls/%s/index.m3u8", r->name);

        pt_jsonw_object(w);
        pt_jsonw_key(w, "name");
        pt_jsonw_text(w, r->name);
        pt_jsonw_key(w, "width");
        pt_jsonw_int(w, r->width);
        pt_jsonw_key(w, "height");
        pt_jsonw_int(w, r->height);
        pt_jsonw_key(w, "playlist");
        pt_jsonw_text(w, playlist);
        pt_jsonw_key(w, "copied");
        pt_jsonw_bool(w, r->copied);
        video_result_rates(w, r);

        if (r->score.psnr_db > 0) {
            pt_jsonw_key(w, "psnr_db");
            pt_jsonw_double(w, video_thousandth(r->score.psnr_db));
            pt_jsonw_key(w, "ssim");
            pt_jsonw_double(w, round(r->score.ssim * 1e5) / 1e5);
        }

        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
}


static void
video_result_rates(pt_jsonw_t *w, const video_rendition_t *r)
{
    pt_jsonw_key(w, "codecs");
    pt_jsonw_text(w, r->codecs);
    pt_jsonw_key(w, "bit_rate");
    pt_jsonw_int(w, (int64_t) r->average_bit_rate);
    pt_jsonw_key(w, "peak_bit_rate");
    pt_jsonw_int(w, (int64_t) r->peak_bit_rate);
    pt_jsonw_key(w, "segments");
    pt_jsonw_int(w, r->segments);
    pt_jsonw_key(w, "bytes");
    pt_jsonw_int(w, (int64_t) r->bytes);
    pt_jsonw_key(w, "duration_s");
    pt_jsonw_double(w, video_seconds(r->duration_us));
    pt_jsonw_key(w, "sha256");
    pt_jsonw_text(w, r->sha256);
}


static void
video_result_stills(pt_jsonw_t *w, const video_still_t *stills, unsigned n)
{
    unsigned  i;

    pt_jsonw_array(w);

    for (i = 0; i < n; i++) {
        video_result_still(w, &stills[i]);
    }

    pt_jsonw_end(w);
}


static void
video_result_still(pt_jsonw_t *w, const video_still_t *still)
{
    pt_jsonw_object(w);
    pt_jsonw_key(w, "name");
    pt_jsonw_text(w, still->name);
    pt_jsonw_key(w, "time_s");
    pt_jsonw_double(w, video_seconds(still->time_us));
    pt_jsonw_key(w, "width");
    pt_jsonw_int(w, still->width);
    pt_jsonw_key(w, "height");
    pt_jsonw_int(w, still->height);
    pt_jsonw_end(w);
}


static void
video_result_warnings(pt_jsonw_t *w, const video_report_t *report)
{
    unsigned  i;

    pt_jsonw_array(w);

    for (i = 0; i < report->nwarnings; i++) {
        pt_jsonw_object(w);
        pt_jsonw_key(w, "code");
        pt_jsonw_text(w, report->warnings[i].code);
        pt_jsonw_key(w, "detail");
        pt_jsonw_text(w, report->warnings[i].detail);
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
}


static double
video_seconds(int64_t us)
{
    return (double) us / AV_TIME_BASE;
}


static double
video_thousandth(double v)
{
    return round(v * 1000) / 1000;
}
