/*
 * Audio: decode, downmix, keep time, encode.
 */

#include "video_sound.h"

#include <string.h>

#include <libavutil/opt.h>


/* less is the rounding of container times (1 ms in Matroska) and jitter */
#define VIDEO_DRIFT_SAMPLES  (VIDEO_AUDIO_RATE / 100)

/* more is a gap or an overlap, not a drift: corrected at once */
#define VIDEO_GAP_SAMPLES    (VIDEO_AUDIO_RATE / 10)

/* a drift is taken back over this long: at most 10 %, mostly far less */
#define VIDEO_STRETCH        VIDEO_AUDIO_RATE

/* silence is made in pieces: a gap may last hours */
#define VIDEO_SILENCE        4096


static pt_err_t video_sound_decoder(video_sound_t *s, const AVStream *stream);
static pt_err_t video_voice_open(video_voice_t *v, const char *name,
    video_report_t *report);
static void video_voice_close(video_voice_t *v);
static pt_err_t video_sound_frame(video_sound_t *s, AVFrame *frame);
static pt_err_t video_sound_convert(video_sound_t *s, const AVFrame *frame,
    int64_t drop);
static pt_err_t video_sound_silence(video_sound_t *s, int64_t samples);
static pt_err_t video_sound_encode(video_sound_t *s, bool flush);
static int video_sound_store(video_sound_t *s, void **planes, int n);
static pt_err_t video_voice_encode(video_sound_t *s, video_voice_t *v,
    bool flush);
static pt_err_t video_sound_give(video_sound_t *s, video_voice_t *v,
    AVFrame *frame);
static AVFrame *video_sound_pack(const AVFrame *frame);
static pt_err_t video_sound_swr(video_sound_t *s, const AVFrame *frame);
static bool video_sound_same_kind(const AVFrame *a, const AVFrame *b);


pt_err_t
video_sound_open(video_sound_t *s, const AVStream *stream,
    const video_info_t *info, video_report_t *report)
{
    pt_err_t  err;

    memset(s, 0, sizeof(*s));

    s->info = info;
    s->report = report;
    s->time_base = stream->time_base;
    s->gain = 1;
    s->limit = info->limit_us > 0
               ? av_rescale(info->limit_us, VIDEO_AUDIO_RATE, AV_TIME_BASE)
               : INT64_MAX;

    s->decoded = av_frame_alloc();
    s->kind = av_frame_alloc();

    if (!s->decoded || !s->kind) {
        return video_fail_av(report, AVERROR(ENOMEM), "cannot decode audio");
    }

    err = video_sound_decoder(s, stream);
    if (err != PT_OK) {
        return err;
    }

    return video_voice_open(&s->aac, "aac", report);
}


pt_err_t
video_sound_opus(video_sound_t *s)
{
    return video_voice_open(&s->opus, "libopus", s->report);
}


void
video_sound_close(video_sound_t *s)
{
    video_voice_close(&s->aac);
    video_voice_close(&s->opus);
    swr_free(&s->swr);
    av_frame_free(&s->kind);
    av_frame_free(&s->decoded);
    avcodec_free_context(&s->decoder);
}


static pt_err_t
video_sound_decoder(video_sound_t *s, const AVStream *stream)
{
    int             rc;
    const AVCodec  *codec;

    codec = avcodec_find_decoder(stream->codecpar->codec_id);
    if (codec == NULL) {
        return PT_E_INPUT_UNSUPPORTED;
    }

    s->decoder = avcodec_alloc_context3(codec);
    if (s->decoder == NULL) {
        return video_fail_av(s->report, AVERROR(ENOMEM), "audio");
    }

    rc = avcodec_parameters_to_context(s->decoder, stream->codecpar);

    if (rc >= 0) {
        s->decoder->pkt_timebase = stream->time_base;
        rc = avcodec_open2(s->decoder, codec, NULL);
    }

    if (rc == AVERROR(ENOMEM)) {
        return video_fail_av(s->report, rc, "cannot decode the audio");
    }

    return rc < 0 ? PT_E_INPUT_UNSUPPORTED : PT_OK;
}


static pt_err_t
video_voice_open(video_voice_t *v, const char *name, video_report_t *report)
{
    int              rc;
    const AVCodec   *codec;
    AVCodecContext  *e;

    codec = avcodec_find_encoder_by_name(name);
    e = codec ? avcodec_alloc_context3(codec) : NULL;
    if (e == NULL) {
        return video_fail(report, PT_E_INTERNAL, "there is no encoder \"%s\"",
                          name);
    }

    v->encoder = e;

    e->sample_fmt = codec->sample_fmts[0] == AV_SAMPLE_FMT_FLTP
                    ? AV_SAMPLE_FMT_FLTP : AV_SAMPLE_FMT_FLT;
    e->sample_rate = VIDEO_AUDIO_RATE;
    e->bit_rate = VIDEO_AUDIO_BIT_RATE;
    e->time_base = (AVRational) { 1, VIDEO_AUDIO_RATE };
    e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_channel_layout_default(&e->ch_layout, 2);

    rc = avcodec_open2(e, codec, NULL);
    if (rc < 0) {
        return video_fail_av(report, rc, "cannot encode the audio");
    }

    /* grows to one decoded frame and an encoder's frame */
    v->fifo = av_audio_fifo_alloc(AV_SAMPLE_FMT_FLTP, 2, VIDEO_SILENCE);

    return v->fifo ? PT_OK
                   : video_fail_av(report, AVERROR(ENOMEM), "audio");
}


static void
video_voice_close(video_voice_t *v)
{
    av_audio_fifo_free(v->fifo);
    v->fifo = NULL;
    avcodec_free_context(&v->encoder);
}


pt_err_t
video_sound_decode(video_sound_t *s, const AVPacket *packet)
{
    int       rc;
    pt_err_t  err;

    rc = avcodec_send_packet(s->decoder, packet);

    if (rc == AVERROR(ENOMEM)) {
        return video_fail_av(s->report, rc, "cannot decode the audio");
    }

    if (rc < 0 && rc != AVERROR_EOF) {
        s->errors++;
    }

    for ( ;; ) {
        rc = avcodec_receive_frame(s->decoder, s->decoded);

        if (rc == AVERROR(EAGAIN) || rc == AVERROR_EOF) {
            break;
        }

        if (rc == AVERROR(ENOMEM)) {
            return video_fail_av(s->report, rc, "cannot decode the audio");
        }

        if (rc < 0) {
            s->errors++;
            continue;
        }

        err = video_sound_frame(s, s->decoded);
        av_frame_unref(s->decoded);

        if (err != PT_OK) {
            return err;
        }
    }

    if (packet != NULL) {
        return PT_OK;
    }

    if (s->swr) {
        err = video_sound_convert(s, NULL, 0);
        if (err != PT_OK) {
            return err;
        }
    }

    err = video_sound_encode(s, true);
    if (err != PT_OK) {
        return err;
    }

    if (s->tap) {
        return PT_OK;
    }

    err = video_encode(s->aac.encoder, NULL, s->aac.emit, s->aac.ctx,
                       s->report);

    return err != PT_OK || s->opus.encoder == NULL
           ? err : video_encode(s->opus.encoder, NULL, s->opus.emit,
                                s->opus.ctx, s->report);
}


/* puts a frame where its time says, give or take what is inaudible */
static pt_err_t
video_sound_frame(video_sound_t *s, AVFrame *frame)
{
    bool        first;
    int64_t     at, gap, drop;
    pt_err_t    err;
    AVRational  samples = { 1, VIDEO_AUDIO_RATE };

    if (frame->nb_samples <= 0 || frame->sample_rate <= 0) {
        s->errors++;
        return PT_OK;
    }

    err = video_sound_swr(s, frame);

    if (err == PT_E_INPUT_UNSUPPORTED) {
        s->errors++;
        return PT_OK;
    }

    if (err != PT_OK) {
        return err;
    }

    first = s->position == 0;
    drop = 0;
    gap = 0;

    if (frame->best_effort_timestamp != AV_NOPTS_VALUE) {
        at = av_rescale_q(frame->best_effort_timestamp, s->time_base, samples)
             - av_rescale_q(s->info->zero_us, AV_TIME_BASE_Q, samples);
        gap = at - s->position - swr_get_delay(s->swr, VIDEO_AUDIO_RATE);
    }

    if (gap > VIDEO_GAP_SAMPLES || (first && gap > 0)) {
        /* a flushed resampler takes nothing more: a new one goes on */
        av_frame_unref(s->kind);

        err = video_sound_swr(s, frame);
        if (err == PT_OK) {
            err = video_sound_silence(s, at - s->position);
        }

        if (err != PT_OK) {
            return err;
        }

    } else if (gap < -VIDEO_GAP_SAMPLES || (first && gap < 0)) {
        drop = -gap;

    } else if ((gap > VIDEO_DRIFT_SAMPLES || gap < -VIDEO_DRIFT_SAMPLES)
               && s->position >= s->stretching)
    {
        if (swr_set_compensation(s->swr, (int) gap, VIDEO_STRETCH) < 0) {
            return video_fail(s->report, PT_E_INTERNAL,
                              "cannot keep the audio in time");
        }

        s->stretching = s->position + VIDEO_STRETCH;
    }

    return video_sound_convert(s, frame, drop);
}


/*
 * frame  NULL: what the resampler still holds
 * drop   samples to leave out first; what this frame cannot give is found
 *        early again with the next one
 */
static pt_err_t
video_sound_convert(video_sound_t *s, const AVFrame *frame, int64_t drop)
{
    int       rc, room, skip;
    AVFrame  *out;
    uint8_t  *from[2];

    room = swr_get_out_samples(s->swr, frame ? frame->nb_samples : 0);
    if (room <= 0) {
        return PT_OK;
    }

    out = av_frame_alloc();
    if (out == NULL) {
        return video_fail_av(s->report, AVERROR(ENOMEM), "audio");
    }

    out->format = AV_SAMPLE_FMT_FLTP;
    out->nb_samples = room;
    av_channel_layout_default(&out->ch_layout, 2);

    rc = av_frame_get_buffer(out, 0);
    if (rc < 0) {
        goto done;
    }

    rc = swr_convert(s->swr, out->extended_data, room,
                     frame ? (const uint8_t **) frame->extended_data : NULL,
                     frame ? frame->nb_samples : 0);
    if (rc < 0) {
        goto done;
    }

    skip = drop < rc ? (int) drop : rc;
    from[0] = out->extended_data[0] + skip * sizeof(float);
    from[1] = out->extended_data[1] + skip * sizeof(float);

    rc = video_sound_store(s, (void **) from, rc - skip);

done:

    av_frame_free(&out);

    if (rc < 0) {
        return video_fail_av(s->report, rc, "cannot convert the audio");
    }

    return video_sound_encode(s, false);
}


static pt_err_t
video_sound_silence(video_sound_t *s, int64_t samples)
{
    int           n;
    pt_err_t      err;
    void         *planes[2];
    static float  zeros[VIDEO_SILENCE];

    planes[0] = zeros;
    planes[1] = zeros;

    while (samples > 0) {
        n = samples < VIDEO_SILENCE ? (int) samples : VIDEO_SILENCE;

        if (video_sound_store(s, planes, n) < 0) {
            return video_fail_av(s->report, AVERROR(ENOMEM), "audio");
        }

        samples -= n;

        err = video_sound_encode(s, false);
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


/* for all encoders: n samples, or FFmpeg's code */
static int
video_sound_store(video_sound_t *s, void **planes, int n)
{
    int  rc;

    rc = av_audio_fifo_write(s->aac.fifo, planes, n);

    if (rc >= 0 && s->opus.encoder && !s->tap) {
        rc = av_audio_fifo_write(s->opus.fifo, planes, n);
    }

    if (rc > 0) {
        s->position += n;
    }

    return rc;
}


/* whole frames to the encoders; with flush, also the rest */
static pt_err_t
video_sound_encode(video_sound_t *s, bool flush)
{
    pt_err_t  err;

    err = video_voice_encode(s, &s->aac, flush);

    return err != PT_OK || s->opus.encoder == NULL || s->tap
           ? err : video_voice_encode(s, &s->opus, flush);
}


static pt_err_t
video_voice_encode(video_sound_t *s, video_voice_t *v, bool flush)
{
    int       rc, have;
    AVFrame  *frame;
    pt_err_t  err;

    for ( ;; ) {
        have = av_audio_fifo_size(v->fifo);

        if (have == 0 || (have < v->encoder->frame_size && !flush)) {
            return PT_OK;
        }

        frame = av_frame_alloc();
        if (frame == NULL) {
            return video_fail_av(s->report, AVERROR(ENOMEM), "audio");
        }

        frame->format = AV_SAMPLE_FMT_FLTP;
        frame->sample_rate = VIDEO_AUDIO_RATE;
        frame->nb_samples = have < v->encoder->frame_size
                            ? have : v->encoder->frame_size;
        av_channel_layout_default(&frame->ch_layout, 2);

        rc = av_frame_get_buffer(frame, 0);
        if (rc >= 0) {
            rc = av_audio_fifo_read(v->fifo, (void **) frame->extended_data,
                                    frame->nb_samples);
        }

        if (rc < 0) {
            av_frame_free(&frame);
            return video_fail_av(s->report, rc, "cannot encode the audio");
        }

        err = video_sound_give(s, v, frame);
        av_frame_free(&frame);

        if (err != PT_OK) {
            return err;
        }
    }
}


/* a frame to the encoder, or to who listens in its place */
static pt_err_t
video_sound_give(video_sound_t *s, video_voice_t *v, AVFrame *frame)
{
    int       i, channel;
    float    *sample;
    pt_err_t  err;
    AVFrame  *packed;

    if (v->encoded >= s->limit) {
        return PT_OK;
    }

    if (frame->nb_samples > s->limit - v->encoded) {
        frame->nb_samples = (int) (s->limit - v->encoded);
    }

    frame->pts = v->encoded;
    v->encoded += frame->nb_samples;

    if (s->tap) {
        return s->tap(s->ctx, frame) ? PT_OK : PT_E_CANCELLED;
    }

    for (channel = 0; channel < 2 && s->gain != 1; channel++) {
        sample = (float *) frame->extended_data[channel];

        for (i = 0; i < frame->nb_samples; i++) {
            sample[i] *= (float) s->gain;
        }
    }

    if (v->encoder->sample_fmt == AV_SAMPLE_FMT_FLTP) {
        return video_encode(v->encoder, frame, v->emit, v->ctx, s->report);
    }

    packed = video_sound_pack(frame);
    if (packed == NULL) {
        return video_fail_av(s->report, AVERROR(ENOMEM), "audio");
    }

    err = video_encode(v->encoder, packed, v->emit, v->ctx, s->report);
    av_frame_free(&packed);

    return err;
}


/* left, right, left, right: as libopus takes it */
static AVFrame *
video_sound_pack(const AVFrame *frame)
{
    int           i;
    float        *to;
    AVFrame      *packed;
    const float  *left, *right;

    packed = av_frame_alloc();
    if (packed == NULL) {
        return NULL;
    }

    packed->format = AV_SAMPLE_FMT_FLT;
    packed->sample_rate = frame->sample_rate;
    packed->nb_samples = frame->nb_samples;
    packed->pts = frame->pts;
    av_channel_layout_default(&packed->ch_layout, 2);

    if (av_frame_get_buffer(packed, 0) < 0) {
        av_frame_free(&packed);
        return NULL;
    }

    to = (float *) packed->extended_data[0];
    left = (const float *) frame->extended_data[0];
    right = (const float *) frame->extended_data[1];

    for (i = 0; i < frame->nb_samples; i++) {
        *to++ = left[i];
        *to++ = right[i];
    }

    return packed;
}


/*
 * A resampler for frames like this one, after what is still in the old one.
 * PT_E_INPUT_UNSUPPORTED: there is none, and this is not in the report.
 */
static pt_err_t
video_sound_swr(video_sound_t *s, const AVFrame *frame)
{
    int              rc;
    pt_err_t         err;
    AVChannelLayout  stereo = AV_CHANNEL_LAYOUT_STEREO, layout;

    if (s->swr && video_sound_same_kind(s->kind, frame)) {
        return PT_OK;
    }

    if (s->swr) {
        err = video_sound_convert(s, NULL, 0);
        if (err != PT_OK) {
            return err;
        }

        swr_free(&s->swr);
    }

    /* a decoder that does not know the order of its channels */
    memset(&layout, 0, sizeof(layout));

    if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) {
        av_channel_layout_default(&layout, frame->ch_layout.nb_channels);
        rc = 0;

    } else {
        rc = av_channel_layout_copy(&layout, &frame->ch_layout);
    }

    if (rc >= 0) {
        rc = swr_alloc_set_opts2(&s->swr, &stereo, AV_SAMPLE_FMT_FLTP,
                                 VIDEO_AUDIO_RATE, &layout, frame->format,
                                 frame->sample_rate, 0, NULL);
    }

    av_channel_layout_uninit(&layout);

    if (rc >= 0) {
        rc = swr_init(s->swr);
    }

    if (rc == AVERROR(ENOMEM)) {
        return video_fail_av(s->report, rc, "cannot convert the audio");
    }

    if (rc < 0) {
        swr_free(&s->swr);       /* a layout that cannot be mixed to stereo */
        return PT_E_INPUT_UNSUPPORTED;
    }

    av_frame_unref(s->kind);
    s->kind->format = frame->format;
    s->kind->sample_rate = frame->sample_rate;

    rc = av_channel_layout_copy(&s->kind->ch_layout, &frame->ch_layout);
    if (rc < 0) {
        return video_fail_av(s->report, rc, "audio");
    }

    return PT_OK;
}


static bool
video_sound_same_kind(const AVFrame *a, const AVFrame *b)
{
    return a->format == b->format && a->sample_rate == b->sample_rate
           && av_channel_layout_compare(&a->ch_layout, &b->ch_layout) == 0;
}
