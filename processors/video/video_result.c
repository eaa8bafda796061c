/*
 * The job's result as JSON.
 */

#include "video_result.h"

#include <math.h>
#include <stdio.h>


static void video_result_source(pt_jsonw_t *w, const video_info_t *info);
static void video_result_renditions(pt_jsonw_t *w,
    const video_result_t *result);
static void video_result_rates(pt_jsonw_t *w, const video_rendition_t *r);
static void video_result_stills(pt_jsonw_t *w, const video_still_t *stills,
    unsigned n);
static void video_result_still(pt_jsonw_t *w, const video_still_t *still);
static void video_result_warnings(pt_jsonw_t *w,
    const video_report_t *report);
static double video_seconds(int64_t us);
static double video_thousandth(double v);


void
video_result_write(pt_buf_t *buf, const video_info_t *info,
    const video_result_t *result, const video_report_t *report)
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

    if (result->audio.name[0] != '\0') {
        pt_jsonw_object(&w);
        pt_jsonw_key(&w, "playlist");
        pt_jsonw_text(&w, "hls/audio/index.m3u8");
        video_result_rates(&w, &result->audio);
        pt_jsonw_end(&w);

    } else {
        pt_jsonw_null(&w);
    }

    pt_jsonw_key(&w, "mp4");

    if (result->mp4_bytes > 0) {
        pt_jsonw_object(&w);
        pt_jsonw_key(&w, "name");
        pt_jsonw_text(&w, "video.mp4");
        pt_jsonw_key(&w, "width");
        pt_jsonw_int(&w, result->renditions[0].width);
        pt_jsonw_key(&w, "height");
        pt_jsonw_int(&w, result->renditions[0].height);
        pt_jsonw_key(&w, "bytes");
        pt_jsonw_int(&w, (int64_t) result->mp4_bytes);
        pt_jsonw_end(&w);

    } else {
        pt_jsonw_null(&w);
    }

    pt_jsonw_key(&w, "thumbnails");
    video_result_stills(&w, result->thumbnails, result->nthumbnails);

    pt_jsonw_key(&w, "poster");

    if (result->poster.name[0] != '\0') {
        video_result_still(&w, &result->poster);

    } else {
        pt_jsonw_null(&w);
    }

    pt_jsonw_key(&w, "warnings");
    video_result_warnings(&w, report);

    pt_jsonw_end(&w);
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
        video_result_rates(w, r);
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
