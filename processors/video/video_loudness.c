/*
 * The first of two passes over the sound.
 */

#include "video_loudness.h"

#include <math.h>
#include <string.h>

#include "video_detector.h"


/* EBU R128's limit */
#define VIDEO_PEAK_DBTP    (-1.0)

/* the gate of BS.1770: below it there is nothing to hear */
#define VIDEO_SILENT_LUFS  (-70.0)


typedef struct {
    video_detector_t   detector;
    video_report_t    *report;
    double             lufs;
    double             peak;         /* linear */
} video_listener_t;


static pt_err_t video_listen(video_listener_t *l, const char *path,
    const video_languages_t *languages, unsigned n, const video_info_t *info);
static pt_err_t video_listen_packets(video_listener_t *l,
    video_source_t *source, video_sound_t *sound);
static bool video_listen_tap(void *ctx, const AVFrame *frame);
static void video_listen_found(void *ctx, const AVFrame *frame);


pt_err_t
video_loudness(video_gain_t *gain, const char *path,
    const video_languages_t *languages, unsigned n, double target_lufs,
    const video_info_t *info, video_report_t *report)
{
    double            room;
    pt_err_t          err;
    video_listener_t  l;

    memset(&l, 0, sizeof(l));

    l.report = report;
    l.lufs = VIDEO_SILENT_LUFS;

    video_detector_init(&l.detector, "ebur128=peak=true:metadata=1"
                        ":framelog=verbose",
                        (AVRational) { 1, VIDEO_AUDIO_RATE },
                        video_listen_found, &l);

    err = video_listen(&l, path, languages, n, info);

    video_detector_close(&l.detector);

    if (err != PT_OK || l.lufs <= VIDEO_SILENT_LUFS || l.peak <= 0) {
        return err;
    }

    gain->measured_lufs = l.lufs;
    gain->gain_db = target_lufs - l.lufs;
    room = VIDEO_PEAK_DBTP - 20 * log10(l.peak);

    if (gain->gain_db > room) {
        video_warn(report, "loudness_limited", "%.1f LUFS would need peaks "
                   "above %.0f dBTP: the sound has %.1f LUFS", target_lufs,
                   VIDEO_PEAK_DBTP, l.lufs + room);
        gain->gain_db = room;
    }

    return PT_OK;
}


static pt_err_t
video_listen(video_listener_t *l, const char *path,
    const video_languages_t *languages, unsigned n, const video_info_t *info)
{
    unsigned        i;
    pt_err_t        err;
    video_sound_t   sound;
    video_source_t  source;

    err = video_source_open(&source, path, l->report);
    if (err != PT_OK) {
        return err;
    }

    video_source_tracks(&source, languages, l->report);

    if (n >= source.nsounds) {
        video_source_close(&source);
        return PT_OK;
    }

    /* the others need not be read */
    for (i = 0; i < source.format->nb_streams; i++) {
        source.format->streams[i]->discard = AVDISCARD_ALL;
    }

    source.audio = source.sounds[n];
    source.audio->discard = AVDISCARD_DEFAULT;

    err = video_sound_open(&sound, source.audio, info, l->report);

    if (err == PT_OK) {
        sound.tap = video_listen_tap;
        sound.ctx = l;
        err = video_listen_packets(l, &source, &sound);
    }

    video_sound_close(&sound);
    video_source_close(&source);

    /* no failure of the run, which will find the same and warn of it */
    return err == PT_E_INPUT_UNSUPPORTED ? PT_OK : err;
}


static pt_err_t
video_listen_packets(video_listener_t *l, video_source_t *source,
    video_sound_t *sound)
{
    pt_err_t   err;
    AVPacket  *packet;

    packet = av_packet_alloc();
    if (packet == NULL) {
        return video_fail_av(l->report, AVERROR(ENOMEM), "audio");
    }

    err = PT_OK;

    while (err == PT_OK && video_source_read(source, packet) >= 0) {
        if (packet->stream_index == source->audio->index) {
            err = video_sound_decode(sound, packet);
        }

        av_packet_unref(packet);
    }

    av_packet_free(&packet);

    if (err == PT_OK) {
        err = video_sound_decode(sound, NULL);
    }

    if (err == PT_OK) {
        err = video_detect(&l->detector, NULL, l->report);
    }

    return err == PT_E_CANCELLED ? video_report_err(l->report) : err;
}


static bool
video_listen_tap(void *ctx, const AVFrame *frame)
{
    video_listener_t  *l;

    l = ctx;

    return video_detect(&l->detector, frame, l->report) == PT_OK;
}


/* sums over all so far */
static void
video_listen_found(void *ctx, const AVFrame *frame)
{
    video_listener_t  *l;

    l = ctx;
    l->lufs = video_detector_value(frame, "lavfi.r128.I", l->lufs);
    l->peak = video_detector_value(frame, "lavfi.r128.true_peak", l->peak);
}
