/*
 * The audio: any layout in, stereo AAC at 48 kHz out, on the run's clock.
 * Gaps become silence, what lies before zero is cut, and a source whose clock
 * drifts is stretched back, so that sample n is always at n / 48000 s.
 */

#ifndef VIDEO_SOUND_H
#define VIDEO_SOUND_H

#include <libavutil/audio_fifo.h>
#include <libswresample/swresample.h>

#include "video_rung.h"


/* an encoder that gets the finished sound */
typedef struct {
    AVCodecContext      *encoder;     /* NULL: there is none */
    AVAudioFifo         *fifo;
    int64_t              encoded;     /* samples given to it */
    video_packet_fn      emit;
    void                *ctx;
} video_voice_t;


typedef struct {
    const video_info_t  *info;
    video_report_t      *report;
    AVRational           time_base;   /* of the stream */

    AVCodecContext      *decoder;
    video_voice_t        aac;
    video_voice_t        opus;        /* where it is wanted, too */
    AVFrame             *decoded;
    AVFrame             *kind;        /* what swr was made for */
    struct SwrContext   *swr;

    int64_t              position;    /* samples put into the fifos so far */
    int64_t              stretching;  /* until this position */

    int                  stream;      /* whose packets; set after open */
    unsigned             track;       /* in video_info_t.sounds; too */
    double               gain;        /* linear; too */
    int64_t              limit;       /* samples; the rest is left out */

    /* not NULL: gets the sound in place of the encoders; false stops */
    bool               (*tap)(void *ctx, const AVFrame *frame);
    void                *ctx;

    uint64_t             errors;
} video_sound_t;


/*
 * Errors  PT_E_INPUT_UNSUPPORTED: this audio cannot be decoded; no failure
 *         of the run, so not in the report.  Others are.
 */
PT_MUST_CHECK pt_err_t video_sound_open(video_sound_t *s,
    const AVStream *stream, const video_info_t *info, video_report_t *report);

/* another encoder, before the first packet */
PT_MUST_CHECK pt_err_t video_sound_opus(video_sound_t *s);
void video_sound_close(video_sound_t *s);

/* NULL ends the stream.  PT_E_CANCELLED: emit() said so */
PT_MUST_CHECK pt_err_t video_sound_decode(video_sound_t *s,
    const AVPacket *packet);


#endif /* VIDEO_SOUND_H */
