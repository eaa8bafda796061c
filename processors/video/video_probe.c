/*
 * One pass over the packets of an input.
 */

#include "video_probe.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavutil/display.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/pixdesc.h>


/* a file that ends this much before its header says so was cut */
#define VIDEO_SHORT_US  500000


typedef struct {
    int64_t   first_us;
    int64_t   last_us;      /* start of the last one */
    int64_t   end_us;
    uint64_t  packets;
} video_span_t;


typedef struct {
    video_info_t        *info;
    video_source_t      *source;
    video_caption_fn     captions;
    void                *ctx;
    video_span_t         video;
    video_span_t         sounds[VIDEO_SOUNDS_MAX];
    int64_t              other_end_us;
} video_probe_t;


static void video_probe_static(video_info_t *info, const video_source_t *s);
static void video_probe_size(video_info_t *info, const AVStream *st);
static void video_probe_sound(video_sound_info_t *sound, const AVStream *st);
static pt_err_t video_probe_scan(video_probe_t *p, video_report_t *report);
static void video_probe_packet(video_probe_t *p, const AVPacket *packet);
static void video_span_add(video_span_t *span, const AVPacket *packet,
    const AVStream *st);
static void video_probe_rate(video_info_t *info, const video_span_t *video);
static void video_probe_times(video_probe_t *p);
static pt_err_t video_probe_check(video_info_t *info, const video_source_t *s,
    int rc, video_report_t *report);
static bool video_probe_boxes_fit(int fd);


static const AVRational  video_rates[] = {
    { 24000, 1001 }, { 24, 1 }, { 25, 1 }, { 30000, 1001 }, { 30, 1 },
    { 48, 1 }, { 50, 1 }, { 60000, 1001 }, { 60, 1 }, { 120, 1 },
    { 12, 1 }, { 15, 1 }, { 0, 1 }
};


pt_err_t
video_probe(video_info_t *info, const char *path, video_report_t *report)
{
    return video_probe_tracks(info, path, NULL, NULL, NULL, report);
}


pt_err_t
video_probe_tracks(video_info_t *info, const char *path,
    const video_languages_t *languages, video_caption_fn captions, void *ctx,
    video_report_t *report)
{
    pt_err_t             err;
    video_source_t       source;
    video_probe_t        probe;

    memset(info, 0, sizeof(*info));

    err = video_source_open(&source, path, report);
    if (err != PT_OK) {
        return err;
    }

    if (languages) {
        video_source_tracks(&source, languages, report);

    } else if (source.audio) {
        source.sounds[source.nsounds++] = source.audio;
    }

    video_source_others(&source);

    memset(&probe, 0, sizeof(probe));
    probe.info = info;
    probe.source = &source;
    probe.captions = captions;
    probe.ctx = ctx;

    video_probe_static(info, &source);
    err = video_probe_scan(&probe, report);

    video_source_close(&source);

    return err;
}


static void
video_probe_static(video_info_t *info, const video_source_t *s)
{
    unsigned                  i;
    const AVStream           *st;
    const AVCodecParameters  *par;

    st = s->video;
    par = st->codecpar;

    info->container = s->container;
    info->video_codec = avcodec_get_name(par->codec_id);
    info->time_base = st->time_base;
    info->interlaced = par->field_order > AV_FIELD_PROGRESSIVE;
    info->hdr = par->color_trc == AVCOL_TRC_SMPTE2084
                || par->color_trc == AVCOL_TRC_ARIB_STD_B67;

    if (s->format->duration > 0) {
        info->declared_us = s->format->duration;
    }

    video_probe_size(info, st);

    for (i = 0; i < s->nsounds; i++) {
        video_probe_sound(&info->sounds[i], s->sounds[i]);
    }

    info->nsounds = s->nsounds;

    if (info->nsounds > 0) {
        info->audio_codec = info->sounds[0].codec;
        info->channels = info->sounds[0].channels;
        snprintf(info->language, sizeof(info->language), "%s",
                 info->sounds[0].language);
    }
}


static void
video_probe_sound(video_sound_info_t *sound, const AVStream *st)
{
    const AVDictionaryEntry  *tag;

    sound->codec = avcodec_get_name(st->codecpar->codec_id);
    sound->channels = st->codecpar->ch_layout.nb_channels;
    snprintf(sound->language, sizeof(sound->language), "%s",
             video_source_language(st));

    tag = av_dict_get(st->metadata, "title", NULL, 0);
    if (tag) {
        video_title(sound->title, sizeof(sound->title), tag->value);
    }
}


/* what a viewer sees: pixels made square, the long way up */
static void
video_probe_size(video_info_t *info, const AVStream *st)
{
    int             swap;
    size_t          size;
    AVRational      sar;
    const uint8_t  *matrix;

    info->width = st->codecpar->width;
    info->height = st->codecpar->height;

    sar = st->sample_aspect_ratio;
    if (sar.num <= 0) {
        sar = st->codecpar->sample_aspect_ratio;
    }

    /* beyond 1:4 and 4:1 it is damage, not anamorphic film */
    if (sar.num > 0 && sar.den > 0 && av_q2d(sar) > 0.25 && av_q2d(sar) < 4) {
        info->width = (int) av_rescale(info->width, sar.num, sar.den);
    }

    matrix = av_stream_get_side_data(st, AV_PKT_DATA_DISPLAYMATRIX, &size);
    info->orient = video_orient(matrix && size >= 9 * sizeof(int32_t)
                                ? (const int32_t *) matrix : NULL);
    info->rotation = video_orient_degrees(info->orient);

    if (info->orient.transpose) {
        swap = info->width;
        info->width = info->height;
        info->height = swap;
    }
}


/*
 * The matrix takes the stored point (p, q) to x = a p + c q, y = b p + d q
 * with a, b at 0, 1 and c, d at 3, 4.  Angles between are left alone.
 */
video_orient_t
video_orient(const int32_t *m)
{
    video_orient_t  o = { false, false, false };

    if (m == NULL) {
        return o;
    }

    if (m[0] == 0 && m[4] == 0 && m[1] != 0 && m[3] != 0) {
        o.transpose = true;
        o.hflip = m[3] < 0;
        o.vflip = m[1] < 0;

    } else if (m[1] == 0 && m[3] == 0) {
        o.hflip = m[0] < 0;
        o.vflip = m[4] < 0;
    }

    return o;
}


int
video_orient_degrees(video_orient_t o)
{
    if (o.transpose) {
        return o.vflip && !o.hflip ? 270 : 90;
    }

    return o.vflip && o.hflip ? 180 : 0;
}


static pt_err_t
video_probe_scan(video_probe_t *p, video_report_t *report)
{
    int              rc;
    AVPacket        *packet;
    pt_err_t         err;
    video_info_t    *info;
    video_source_t  *s;

    s = p->source;
    info = p->info;

    packet = av_packet_alloc();
    if (packet == NULL) {
        return video_fail_av(report, AVERROR(ENOMEM), "cannot read the input");
    }

    for ( ;; ) {
        rc = video_source_read(s, packet);
        if (rc < 0) {
            break;
        }

        video_probe_packet(p, packet);
        av_packet_unref(packet);
    }

    av_packet_free(&packet);

    err = video_source_fault(s, rc, report);
    if (err != PT_OK) {
        return err;
    }

    if (p->video.packets == 0) {
        return video_fail(report, PT_E_INPUT_BROKEN,
                          "the file holds no pictures");
    }

    info->frames = p->video.packets;
    info->frame_rate = av_guess_frame_rate(s->format, s->video, NULL);

    video_probe_rate(info, &p->video);
    video_probe_times(p);

    return video_probe_check(info, s, rc, report);
}


static void
video_probe_packet(video_probe_t *p, const AVPacket *packet)
{
    unsigned         i;
    AVStream        *st;
    video_source_t  *s;

    s = p->source;

    if (packet->stream_index == s->video->index) {
        video_span_add(&p->video, packet, s->video);
        return;
    }

    for (i = 0; i < s->nsounds; i++) {
        if (packet->stream_index == s->sounds[i]->index) {
            video_span_add(&p->sounds[i], packet, s->sounds[i]);
            return;
        }
    }

    st = s->format->streams[packet->stream_index];

    if (packet->pts != AV_NOPTS_VALUE) {
        p->other_end_us = FFMAX(p->other_end_us,
                                av_rescale_q(packet->pts + packet->duration,
                                             st->time_base, AV_TIME_BASE_Q));
    }

    if (p->captions && st->codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE) {
        p->captions(p->ctx, s, packet);
    }
}


static void
video_span_add(video_span_t *span, const AVPacket *packet, const AVStream *st)
{
    size_t          size;
    int64_t         ts, us, end;
    const uint8_t  *skip;

    ts = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;

    if (packet->flags & AV_PKT_FLAG_DISCARD) {
        return;     /* outside of the edit list: decoded, never shown */
    }

    if (ts == AV_NOPTS_VALUE) {
        span->packets++;
        return;
    }

    us = av_rescale_q(ts, st->time_base, AV_TIME_BASE_Q);
    end = us + av_rescale_q(packet->duration, st->time_base, AV_TIME_BASE_Q);

    /* the encoder's delay, which the decoder takes away again */
    skip = av_packet_get_side_data(packet, AV_PKT_DATA_SKIP_SAMPLES, &size);
    if (skip && size >= 4 && st->codecpar->sample_rate > 0) {
        us += av_rescale(AV_RL32(skip), AV_TIME_BASE,
                         st->codecpar->sample_rate);
    }

    if (span->packets == 0 || us < span->first_us) {
        span->first_us = us;
    }

    if (span->packets == 0 || us > span->last_us) {
        span->last_us = us;
    }

    if (span->packets == 0 || end > span->end_us) {
        span->end_us = end;
    }

    span->packets++;
}


static void
video_probe_rate(video_info_t *info, const video_span_t *video)
{
    double   rate;

    rate = 0;

    if (video->packets > 1 && video->last_us > video->first_us) {
        rate = (double) (video->packets - 1) * AV_TIME_BASE
               / (double) (video->last_us - video->first_us);

        /* the container's word, unless the packets say otherwise: a few that
         * are missing at the start make the average wrong */
        if (info->frame_rate.num <= 0 || info->frame_rate.den <= 0
            || fabs(av_q2d(info->frame_rate) / rate - 1) > 0.1)
        {
            info->frame_rate = video_rate_snap(rate, 0.005);
        }
    }

    if (info->frame_rate.num <= 0 || info->frame_rate.den <= 0
        || av_q2d(info->frame_rate) > 1000)
    {
        info->frame_rate = (AVRational) { 25, 1 };
    }
}


static void
video_probe_times(video_probe_t *p)
{
    int64_t              frame_us;
    unsigned             i;
    video_info_t        *info;
    const video_span_t  *video, *audio;

    info = p->info;
    video = &p->video;

    frame_us = av_rescale(AV_TIME_BASE, info->frame_rate.den,
                          info->frame_rate.num);

    info->zero_us = video->first_us;

    for (i = 0; i < info->nsounds; i++) {
        audio = &p->sounds[i];

        if (audio->packets > 0 && audio->first_us < info->zero_us) {
            info->zero_us = audio->first_us;
        }
    }

    info->start_us = video->first_us - info->zero_us;
    info->end_us = video->end_us - info->zero_us;

    if (info->end_us < video->last_us - info->zero_us + frame_us / 2) {
        info->end_us = video->last_us - info->zero_us + frame_us;
    }

    for (i = 0; i < info->nsounds; i++) {
        audio = &p->sounds[i];

        if (audio->packets > 0) {
            info->sounds[i].end_us = audio->end_us - info->zero_us;
        }

        if (info->sounds[i].end_us > info->audio_end_us) {
            info->audio_end_us = info->sounds[i].end_us;
        }
    }

    info->other_end_us = p->other_end_us - info->zero_us;
    info->duration_us = info->end_us > info->audio_end_us
                        ? info->end_us : info->audio_end_us;
}


pt_err_t
video_trim(video_info_t *info, int64_t start_us, int64_t end_us,
    video_report_t *report)
{
    int64_t   *end;
    unsigned   i;

    if (start_us >= info->end_us || end_us <= start_us
        || end_us <= info->start_us)
    {
        return video_fail(report, PT_E_PARAMETERS,
                          "the film, which lasts %.3f s, has no picture "
                          "between %.3f s and %.3f s",
                          (double) info->duration_us / AV_TIME_BASE,
                          (double) start_us / AV_TIME_BASE,
                          (double) end_us / AV_TIME_BASE);
    }

    if (end_us > info->duration_us) {
        end_us = info->duration_us;
    }

    info->zero_us += start_us;
    info->trim_us = start_us;
    info->limit_us = end_us - start_us;
    info->start_us = FFMAX(info->start_us - start_us, 0);
    info->end_us = FFMIN(info->end_us, end_us) - start_us;

    info->audio_end_us = 0;

    for (i = 0; i < info->nsounds; i++) {
        end = &info->sounds[i].end_us;
        *end = FFMAX(FFMIN(*end, end_us) - start_us, 0);
        info->audio_end_us = FFMAX(info->audio_end_us, *end);
    }

    info->duration_us = FFMAX(info->end_us, info->audio_end_us);

    return PT_OK;
}


AVRational
video_rate_snap(double rate, double tolerance)
{
    double             off, best;
    AVRational         found;
    const AVRational  *r;

    found = av_d2q(rate, 100000);
    best = tolerance;

    for (r = video_rates; r->num; r++) {
        off = fabs(rate / av_q2d(*r) - 1);

        if (off < best) {
            best = off;
            found = *r;
        }
    }

    return found;
}


bool
video_rate_known(double rate)
{
    const AVRational  *r;

    for (r = video_rates; r->num; r++) {
        if (fabs(rate / av_q2d(*r) - 1) < 0.0001) {
            return true;
        }
    }

    return false;
}


/* rc is how the demuxer ended: its end of file, or what it could not read */
static pt_err_t
video_probe_check(video_info_t *info, const video_source_t *s, int rc,
    video_report_t *report)
{
    int64_t  real;

    if (info->duration_us > VIDEO_SECONDS_MAX * (int64_t) AV_TIME_BASE) {
        return video_fail(report, PT_E_INPUT_LIMIT,
                          "the file lasts %" PRId64 " minutes, more than %d",
                          info->duration_us / AV_TIME_BASE / 60,
                          VIDEO_SECONDS_MAX / 60);
    }

    real = FFMAX(info->duration_us, info->other_end_us);

    if (rc != AVERROR_EOF) {
        video_warn(report, "truncated", "the file becomes unreadable after "
                   "%.2f s; what comes before was processed",
                   (double) real / AV_TIME_BASE);
    }

    /* a transport stream declares nothing: FFmpeg guessed, and may guess
     * wrong where the clock jumps */
    if (info->declared_us == 0 || strcmp(s->container, "mpegts") == 0) {
        return PT_OK;
    }

    if (info->declared_us > VIDEO_SECONDS_MAX * (int64_t) AV_TIME_BASE) {
        video_warn(report, "duration_wrong", "the header declares %.0f s, "
                   "the file holds %.2f s",
                   (double) info->declared_us / AV_TIME_BASE,
                   (double) real / AV_TIME_BASE);

    } else if (info->declared_us > real + VIDEO_SHORT_US) {
        video_warn(report, "truncated", "the file declares %.2f s and ends "
                   "after %.2f s; what is there was processed",
                   (double) info->declared_us / AV_TIME_BASE,
                   (double) real / AV_TIME_BASE);

    } else if (strcmp(s->container, "mp4") == 0
               && !video_probe_boxes_fit(s->fd))
    {
        video_warn(report, "truncated", "the file is shorter than its "
                   "sections say; what is there was processed");
    }

    return PT_OK;
}


/* a file's own words, for a playlist's quotes: what does not fit is cut */
void
video_title(char *title, size_t size, const char *text)
{
    size_t  n;

    for (n = 0; *text != '\0' && n + 1 < size; text++) {
        if ((unsigned char) *text >= 0x20 && *text != '"' && *text != 0x7f) {
            title[n++] = *text;
        }
    }

    title[n] = '\0';

    /* the cut may have split a character, and the text may be none */
    while (!pt_str_is_utf8(pt_str(title))) {
        title[--n] = '\0';
    }
}


/* whether the outermost boxes (ISO 14496-12, 4.2) end where the file does */
static bool
video_probe_boxes_fit(int fd)
{
    uint8_t      head[16];
    uint64_t     at, size;
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return false;
    }

    at = 0;

    while (at < (uint64_t) st.st_size) {
        memset(head, 0, sizeof(head));

        if (pread(fd, head, sizeof(head), (off_t) at) < 8) {
            return false;
        }

        size = AV_RB32(head);

        if (size == 0) {
            return true;            /* to the end of the file */
        }

        if (size == 1) {
            size = AV_RB64(head + 8);
        }

        if (size < 8 || size > (uint64_t) st.st_size - at) {
            return false;
        }

        at += size;
    }

    return true;
}
