/*
 * Measuring a film.
 */

#include "video_measure.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libavutil/pixdesc.h>

#include "video_detector.h"


/* pictures are judged at most this large: cuts show, and it is fast */
#define VIDEO_MEASURE_SIDE     640

#define VIDEO_SCENE_QUALITY    3

/* a cut's first picture may still be half of the one before */
#define VIDEO_SCENE_STILL_US   (AV_TIME_BASE / 2)

#define VIDEO_BLACK_US         100000
#define VIDEO_FROZEN_US        AV_TIME_BASE
#define VIDEO_SILENT_US        500000

/* 24 of 255 is black; a crop that decoders can do */
#define VIDEO_RAW_GRAPH        "idet,cropdetect=limit=0.0941:round=2:reset=0"
#define VIDEO_SMALL_GRAPH      "scdet=threshold=10,blackdetect=d=0.1" \
                               ",freezedetect=n=0.001:d=1"
#define VIDEO_SOUND_GRAPH      "silencedetect=noise=-50dB:duration=0.5" \
                               ",ebur128=peak=true:metadata=1" \
                               ":framelog=verbose"

#define VIDEO_SHARE_END        980


typedef struct {
    const video_info_t     *info;
    const video_thumbs_t   *thumbs;
    const video_watcher_t  *watcher;
    video_report_t         *report;
    video_measures_t       *measures;

    video_source_t          source;
    video_picture_t         picture;
    video_colors_t          colors;
    AVCodecContext         *sound;   /* a decoder, NULL: nothing to hear */
    AVFrame                *heard;

    video_detector_t        raw;
    video_detector_t        small;
    video_detector_t        loud;

    AVFrame                *last;    /* picture of the scene */
    uint64_t                bytes[VIDEO_STREAMS_MAX];
    uint64_t                audio_errors;
} video_meter_t;


static pt_err_t video_meter_open(video_meter_t *m, const char *path);
static pt_err_t video_meter_sound(video_meter_t *m);
static void video_meter_close(video_meter_t *m);
static pt_err_t video_meter_run(video_meter_t *m);
static pt_err_t video_meter_finish(video_meter_t *m);
static void video_meter_streams(video_meter_t *m);
static pt_err_t video_meter_hear(video_meter_t *m, const AVPacket *packet);
static bool video_meter_raw(void *ctx, const AVFrame *frame);
static bool video_meter_picture(void *ctx, AVFrame *frame);
static void video_meta_raw(void *ctx, const AVFrame *frame);
static void video_meta_small(void *ctx, const AVFrame *frame);
static void video_meta_sound(void *ctx, const AVFrame *frame);
static void video_meter_crop(video_meter_t *m, const AVFrame *frame);
static void video_meter_scene(video_meter_t *m, int64_t at, double score);
static void video_meter_still(video_meter_t *m, const AVFrame *frame);
static void video_ranges_follow(video_ranges_t *r, const AVFrame *frame,
    const char *start, const char *end, int64_t shortest);
static void video_ranges_close(video_ranges_t *r, int64_t at,
    int64_t shortest);


pt_err_t
video_measure(video_measures_t *measures, const char *path,
    const video_thumbs_t *thumbs, const video_info_t *info,
    const video_watcher_t *watcher, video_report_t *report)
{
    pt_err_t       err;
    video_meter_t  m;

    memset(&m, 0, sizeof(m));
    memset(measures, 0, sizeof(*measures));

    m.measures = measures;
    m.info = info;
    m.thumbs = thumbs;
    m.watcher = watcher;
    m.report = report;
    m.source.fd = -1;

    measures->black.open_us = AV_NOPTS_VALUE;
    measures->frozen.open_us = AV_NOPTS_VALUE;
    measures->silent.open_us = AV_NOPTS_VALUE;

    err = video_meter_open(&m, path);

    if (err == PT_OK) {
        err = video_meter_run(&m);
    }

    if (err == PT_OK) {
        err = video_meter_finish(&m);
    }

    video_meter_close(&m);

    return err;
}


static pt_err_t
video_meter_open(video_meter_t *m, const char *path)
{
    int                longer;
    double             scale;
    pt_err_t           err;
    video_rung_size_t  size;

    err = video_source_open(&m->source, path, m->report);
    if (err != PT_OK) {
        return err;
    }

    m->colors = video_picture_colors(m->source.video, m->info);

    longer = m->info->width > m->info->height ? m->info->width
                                              : m->info->height;
    scale = longer > VIDEO_MEASURE_SIDE ? (double) VIDEO_MEASURE_SIDE / longer
                                        : 1;

    /* the detectors take nothing below 8 x 8 */
    memset(&size, 0, sizeof(size));
    size.width = (int) fmax(16, m->info->width * scale) & ~1;
    size.height = (int) fmax(16, m->info->height * scale) & ~1;

    err = video_picture_open(&m->picture, m->source.video, m->info, &size,
                             m->report);
    if (err != PT_OK) {
        return err;
    }

    video_detector_init(&m->raw, VIDEO_RAW_GRAPH, m->info->time_base,
                        video_meta_raw, m);
    video_detector_init(&m->small, VIDEO_SMALL_GRAPH, m->info->time_base,
                        video_meta_small, m);

    m->picture.wanted = video_meter_raw;
    m->picture.emit = video_meter_picture;
    m->picture.ctx = m;

    if (m->thumbs->count > 0 && mkdir("scenes", 0750) == -1
        && errno != EEXIST)
    {
        return video_fail(m->report, PT_E_IO, "cannot make a folder: %s",
                          strerror(errno));
    }

    return m->source.audio ? video_meter_sound(m) : PT_OK;
}


static pt_err_t
video_meter_sound(video_meter_t *m)
{
    int             rc;
    const AVCodec  *codec;

    video_detector_init(&m->loud, VIDEO_SOUND_GRAPH,
                        m->source.audio->time_base, video_meta_sound, m);

    codec = avcodec_find_decoder(m->source.audio->codecpar->codec_id);
    m->sound = codec ? avcodec_alloc_context3(codec) : NULL;
    m->heard = av_frame_alloc();

    if (m->heard == NULL || (codec && m->sound == NULL)) {
        return video_fail_av(m->report, AVERROR(ENOMEM), "audio");
    }

    rc = AVERROR_DECODER_NOT_FOUND;

    if (m->sound) {
        rc = avcodec_parameters_to_context(m->sound,
                                           m->source.audio->codecpar);
        m->sound->pkt_timebase = m->source.audio->time_base;
    }

    if (rc >= 0) {
        rc = avcodec_open2(m->sound, codec, NULL);
    }

    if (rc == AVERROR(ENOMEM)) {
        return video_fail_av(m->report, rc, "cannot decode the audio");
    }

    if (rc < 0) {
        avcodec_free_context(&m->sound);
        video_warn(m->report, "audio_unreadable", "the audio track cannot be "
                   "decoded; it was left out");
    }

    return PT_OK;
}


static void
video_meter_close(video_meter_t *m)
{
    video_detector_close(&m->raw);
    video_detector_close(&m->small);
    video_detector_close(&m->loud);
    av_frame_free(&m->last);
    av_frame_free(&m->heard);
    avcodec_free_context(&m->sound);
    video_picture_close(&m->picture);
    video_source_close(&m->source);
}


static pt_err_t
video_meter_run(video_meter_t *m)
{
    pt_err_t   err;
    AVPacket  *packet;

    packet = av_packet_alloc();
    if (packet == NULL) {
        return video_fail_av(m->report, AVERROR(ENOMEM), "cannot measure");
    }

    err = PT_OK;

    /* what is unreadable was seen by the probe, which warned of it */
    while (err == PT_OK && video_source_read(&m->source, packet) >= 0) {
        m->bytes[packet->stream_index] += packet->size;

        err = packet->stream_index == m->source.video->index
              ? video_picture_decode(&m->picture, packet)
              : video_meter_hear(m, packet);

        av_packet_unref(packet);
    }

    av_packet_free(&packet);

    if (err == PT_OK) {
        err = video_picture_decode(&m->picture, NULL);
    }

    if (err == PT_OK) {
        err = video_meter_hear(m, NULL);
    }

    /* what the detectors hold back: idet a picture, ebur128 100 ms */
    if (err == PT_OK) {
        err = video_detect(&m->raw, NULL, m->report);
    }

    if (err == PT_OK) {
        err = video_detect(&m->loud, NULL, m->report);
    }

    return err == PT_E_CANCELLED ? video_report_err(m->report) : err;
}


static pt_err_t
video_meter_finish(video_meter_t *m)
{
    video_measures_t  *s;

    s = m->measures;
    s->pictures = m->picture.pictures;

    if (s->pictures == 0) {
        return video_fail(m->report, PT_E_INPUT_BROKEN,
                          "none of the file's pictures can be decoded");
    }

    if (s->nscenes > 0) {
        s->scenes[s->nscenes - 1].range.end_us = m->info->end_us;
        video_meter_still(m, m->last);
    }

    video_ranges_close(&s->black, m->info->end_us, VIDEO_BLACK_US);
    video_ranges_close(&s->frozen, m->info->end_us, VIDEO_FROZEN_US);
    video_ranges_close(&s->silent, m->info->audio_end_us, VIDEO_SILENT_US);

    if (m->picture.errors > 0) {
        video_warn(m->report, "damaged", "%llu of %llu pictures are damaged "
                   "or missing", (unsigned long long) m->picture.errors,
                   (unsigned long long) m->info->frames);
    }

    if (m->audio_errors > 0) {
        video_warn(m->report, "audio_damaged", "%llu pieces of the audio "
                   "cannot be decoded",
                   (unsigned long long) m->audio_errors);
    }

    video_meter_streams(m);

    return video_report_err(m->report);
}


static void
video_meter_streams(video_meter_t *m)
{
    unsigned                  i;
    struct stat               st;
    video_stream_t           *s;
    const AVStream           *av;
    const AVCodecParameters  *par;
    const AVDictionaryEntry  *tag;

    if (fstat(m->source.fd, &st) == 0) {
        m->measures->bytes = st.st_size;
    }

    for (i = 0; i < m->source.format->nb_streams && i < VIDEO_STREAMS_MAX;
         i++)
    {
        av = m->source.format->streams[i];
        par = av->codecpar;
        s = &m->measures->streams[m->measures->nstreams++];

        s->type = av_get_media_type_string(par->codec_type);
        s->codec = avcodec_get_name(par->codec_id);
        s->profile = avcodec_profile_name(par->codec_id, par->profile);
        s->used = av == m->source.video || av == m->source.audio;
        s->is_default = (av->disposition & AV_DISPOSITION_DEFAULT) != 0;
        s->bit_rate = par->bit_rate;
        s->width = par->width;
        s->height = par->height;
        s->pixels = par->codec_type == AVMEDIA_TYPE_VIDEO
                    ? av_get_pix_fmt_name(par->format) : NULL;
        s->sample_rate = par->sample_rate;
        s->channels = par->ch_layout.nb_channels;

        if (s->used && m->info->duration_us > 0) {
            s->bit_rate = av_rescale(m->bytes[i] * 8, AV_TIME_BASE,
                                     m->info->duration_us);
        }

        tag = av_dict_get(av->metadata, "language", NULL, 0);
        if (tag && video_language_valid(tag->value)) {
            snprintf(s->language, sizeof(s->language), "%.3s", tag->value);
        }
    }
}


/* NULL ends the track */
static pt_err_t
video_meter_hear(video_meter_t *m, const AVPacket *packet)
{
    int               rc;
    pt_err_t          err;
    AVChannelLayout  *layout;

    if (m->sound == NULL) {
        return PT_OK;
    }

    rc = avcodec_send_packet(m->sound, packet);
    if (rc < 0 && rc != AVERROR_EOF) {
        m->audio_errors++;
    }

    for ( ;; ) {
        rc = avcodec_receive_frame(m->sound, m->heard);

        if (rc == AVERROR(EAGAIN) || rc == AVERROR_EOF) {
            return PT_OK;
        }

        if (rc == AVERROR(ENOMEM)) {
            return video_fail_av(m->report, rc, "cannot decode the audio");
        }

        layout = &m->heard->ch_layout;

        /* PCM may not tell its speakers; the usual ones, if there are such */
        if (rc >= 0 && layout->order == AV_CHANNEL_ORDER_UNSPEC) {
            av_channel_layout_default(layout, layout->nb_channels);
        }

        if (rc < 0 || m->heard->nb_samples <= 0 || m->heard->sample_rate <= 0
            || layout->order == AV_CHANNEL_ORDER_UNSPEC)
        {
            m->audio_errors++;
            continue;
        }

        m->heard->pts = m->heard->best_effort_timestamp;

        if (m->heard->pts != AV_NOPTS_VALUE) {
            m->heard->pts = av_sat_sub64(m->heard->pts,
                av_rescale_q(m->info->zero_us, AV_TIME_BASE_Q,
                             m->source.audio->time_base));
        }

        err = video_detect(&m->loud, m->heard, m->report);
        av_frame_unref(m->heard);

        if (err != PT_OK) {
            return err;
        }
    }
}


static bool
video_meter_raw(void *ctx, const AVFrame *frame)
{
    video_meter_t  *m;

    m = ctx;

    /* a failure is in the report, where the end of the run looks */
    (void) video_detect(&m->raw, frame, m->report);

    return true;
}


static bool
video_meter_picture(void *ctx, AVFrame *frame)
{
    int64_t         at, end;
    video_meter_t  *m;

    m = ctx;
    at = av_rescale_q(frame->pts, m->info->time_base, AV_TIME_BASE_Q);
    end = m->info->end_us > 0 ? m->info->end_us : 1;

    m->watcher->progress(m->watcher->ctx, (unsigned) (VIDEO_SHARE_END
                         * (at < end ? at : end) / end), "measure");

    return video_detect(&m->small, frame, m->report) == PT_OK
           && video_report_err(m->report) == PT_OK;
}


static void
video_meta_raw(void *ctx, const AVFrame *frame)
{
    video_meter_t     *m;
    video_measures_t  *s;

    m = ctx;
    s = m->measures;

    /* sums over what it has seen */
    s->progressive = (uint64_t)
        video_detector_value(frame, "lavfi.idet.multiple.progressive", 0);
    s->top_first = (uint64_t)
        video_detector_value(frame, "lavfi.idet.multiple.tff", 0);
    s->bottom_first = (uint64_t)
        video_detector_value(frame, "lavfi.idet.multiple.bff", 0);

    video_meter_crop(m, frame);
}


/* from the stored picture to the upright one */
static void
video_meter_crop(video_meter_t *m, const AVFrame *frame)
{
    int                    x, y, w, h, width, height, swap;
    video_measures_t      *s;
    const video_orient_t  *o;

    s = m->measures;
    o = &m->info->orient;

    w = (int) video_detector_value(frame, "lavfi.cropdetect.w", 0);
    h = (int) video_detector_value(frame, "lavfi.cropdetect.h", 0);
    x = (int) video_detector_value(frame, "lavfi.cropdetect.x", 0);
    y = (int) video_detector_value(frame, "lavfi.cropdetect.y", 0);
    width = frame->width;
    height = frame->height;

    if (w <= 0 || h <= 0) {
        return;
    }

    if (o->transpose) {
        swap = w, w = h, h = swap;
        swap = x, x = y, y = swap;
        swap = width, width = height, height = swap;
    }

    s->crop_x = o->hflip ? width - x - w : x;
    s->crop_y = o->vflip ? height - y - h : y;
    s->crop_width = w;
    s->crop_height = h;
}


static void
video_meta_small(void *ctx, const AVFrame *frame)
{
    int64_t            at;
    video_meter_t     *m;
    video_scene_t     *scene;
    video_measures_t  *s;

    m = ctx;
    s = m->measures;
    at = av_rescale_q(frame->pts, m->info->time_base, AV_TIME_BASE_Q);

    if (s->nscenes == 0) {
        video_meter_scene(m, at, 0);

    } else if (video_detector_value(frame, "lavfi.scd.time", -1) >= 0) {
        video_meter_scene(m, at, video_detector_value(frame,
                                                      "lavfi.scd.score", 0));
    }

    scene = &s->scenes[s->nscenes - 1];

    if (at >= scene->range.start_us + VIDEO_SCENE_STILL_US) {
        video_meter_still(m, frame);
    }

    av_frame_free(&m->last);
    m->last = av_frame_clone(frame);

    video_ranges_follow(&s->black, frame, "lavfi.black_start",
                        "lavfi.black_end", VIDEO_BLACK_US);
    video_ranges_follow(&s->frozen, frame, "lavfi.freezedetect.freeze_start",
                        "lavfi.freezedetect.freeze_end", VIDEO_FROZEN_US);
}


static void
video_meter_scene(video_meter_t *m, int64_t at, double score)
{
    video_scene_t     *scene;
    video_measures_t  *s;

    s = m->measures;

    if (s->nscenes > 0) {
        s->scenes[s->nscenes - 1].range.end_us = at;

        /* shorter than half a second: its last picture */
        video_meter_still(m, m->last);
    }

    if (s->nscenes == VIDEO_SCENES_MAX) {
        video_warn(m->report, "many_scenes", "the film has more than %d "
                   "scenes: the last one stands for the rest",
                   VIDEO_SCENES_MAX);
        return;
    }

    scene = &s->scenes[s->nscenes++];
    scene->range.start_us = at;
    scene->score = score;
}


/* of the scene that is open, once */
static void
video_meter_still(video_meter_t *m, const AVFrame *frame)
{
    video_still_t     *still;
    video_measures_t  *s;

    s = m->measures;
    still = &s->scenes[s->nscenes - 1].still;

    if (frame == NULL || still->name[0] != '\0'
        || s->nscenes > m->thumbs->count)
    {
        return;
    }

    still->format = m->thumbs->format;
    still->time_us = av_rescale_q(frame->pts, m->info->time_base,
                                  AV_TIME_BASE_Q);
    snprintf(still->name, sizeof(still->name), "scenes/%04u.%s", s->nscenes,
             still->format->ending);
    video_stills_fit(frame, m->thumbs->width, m->thumbs->height,
                     &still->width, &still->height);

    /* the reason is in the report, where the end of the run looks */
    if (video_image_write(still->name, still->format, frame, still->width,
                          still->height, VIDEO_SCENE_QUALITY, &m->colors,
                          m->report) != PT_OK)
    {
        still->name[0] = '\0';
    }
}


static void
video_meta_sound(void *ctx, const AVFrame *frame)
{
    video_measures_t  *s;

    s = ((video_meter_t *) ctx)->measures;

    if (av_dict_get(frame->metadata, "lavfi.r128.I", NULL, 0)) {
        s->loudness = true;
        s->integrated_lufs = video_detector_value(frame, "lavfi.r128.I", 0);
        s->range_lu = video_detector_value(frame, "lavfi.r128.LRA", 0);
        s->true_peak_dbtp = 20 * log10(video_detector_value(frame,
                                                  "lavfi.r128.true_peak", 0));
    }

    video_ranges_follow(&s->silent, frame, "lavfi.silence_start",
                        "lavfi.silence_end", VIDEO_SILENT_US);
}


/*
 * Keys hold seconds.  A picture may end a range and start another, or tell
 * both of the same one.
 */
static void
video_ranges_follow(video_ranges_t *r, const AVFrame *frame,
    const char *start, const char *end, int64_t shortest)
{
    double  from, to;

    from = video_detector_value(frame, start, NAN);
    to = video_detector_value(frame, end, NAN);

    if (isfinite(to) && isfinite(from) && from < to) {
        r->open_us = (int64_t) (from * AV_TIME_BASE);
        from = NAN;
    }

    if (isfinite(to)) {
        video_ranges_close(r, (int64_t) (to * AV_TIME_BASE), shortest);
    }

    if (isfinite(from)) {
        r->open_us = from > 0 ? (int64_t) (from * AV_TIME_BASE) : 0;
    }
}


static void
video_ranges_close(video_ranges_t *r, int64_t at, int64_t shortest)
{
    video_range_t  *range;

    if (r->open_us != AV_NOPTS_VALUE && at - r->open_us >= shortest) {
        if (r->n < VIDEO_RANGES_MAX) {
            range = &r->list[r->n++];
            range->start_us = r->open_us;
        }

        r->list[r->n - 1].end_us = at;
    }

    r->open_us = AV_NOPTS_VALUE;
}
