/*
 * Opening an input by its content, and reading packets from it.
 */

#include "video_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavutil/mem.h>


/* as FFmpeg's file protocol: fewer calls, and a probe reads one piece */
#define VIDEO_IO_BYTES     32768

/* how far into a file a container may begin (MPEG-TS after junk) */
#define VIDEO_SNIFF_BYTES  (1 << 20)

/* a smaller step ahead is a gap, not a new clock; decode times never go back
 * by more than rounding */
#define VIDEO_JUMP_US      (10 * AV_TIME_BASE)
#define VIDEO_BACK_US      (AV_TIME_BASE / 5)


typedef struct {
    const char  *demuxer;    /* AVInputFormat.name */
    const char  *container;  /* what we call it */
} video_container_t;


static pt_err_t video_source_sniff(video_source_t *s,
    const AVInputFormat **ret_format, video_report_t *report);
static pt_err_t video_source_header(video_source_t *s,
    const AVInputFormat *format, video_report_t *report);
static pt_err_t video_source_limits(video_source_t *s, video_report_t *report);
static pt_err_t video_source_info(video_source_t *s, video_report_t *report);
static pt_err_t video_source_choose(video_source_t *s, video_report_t *report);
static void video_source_follow(video_source_t *s, AVPacket *packet,
    AVRational tb);
static bool video_source_hears(const AVStream *st);
static bool video_source_is_text(const AVStream *st);
static bool video_source_takes(const video_source_t *s, int index);
static int64_t video_time_check(int64_t ts, AVRational tb);
static int video_io_read(void *opaque, uint8_t *buf, int size);
static int64_t video_io_seek(void *opaque, int64_t offset, int whence);
static int video_io_refuse(AVFormatContext *format, AVIOContext **io,
    const char *url, int flags, AVDictionary **options);


/*
 * What may come in.  Left out on purpose: everything that names other files
 * or hosts (playlists, concat, SDP), still images, raw streams without times.
 */
static const video_container_t  video_containers[] = {
    { "mov,mp4,m4a,3gp,3g2,mj2", "mp4" },
    { "matroska,webm", "matroska" },
    { "mpegts", "mpegts" },
    { "mpeg", "mpegps" },
    { "avi", "avi" },
    { "flv", "flv" },
    { "asf", "asf" },
    { "ogg", "ogg" },
    { "mxf", "mxf" },
    { "dv", "dv" },
    { NULL, NULL }
};


pt_err_t
video_source_open(video_source_t *s, const char *path, video_report_t *report)
{
    pt_err_t              err;
    const AVInputFormat  *format;

    memset(s, 0, sizeof(*s));

    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (s->fd == -1) {
        return video_fail(report, PT_E_IO, "cannot open the input: %s",
                          strerror(errno));
    }

    format = NULL;

    err = video_source_sniff(s, &format, report);
    if (err != PT_OK) {
        goto failed;
    }

    err = video_source_header(s, format, report);
    if (err != PT_OK) {
        goto failed;
    }

    err = video_source_limits(s, report);
    if (err != PT_OK) {
        goto failed;
    }

    err = video_source_info(s, report);
    if (err != PT_OK) {
        goto failed;
    }

    err = video_source_choose(s, report);
    if (err != PT_OK) {
        goto failed;
    }

    return PT_OK;

failed:

    video_source_close(s);

    return err;
}


void
video_source_close(video_source_t *s)
{
    avformat_close_input(&s->format);

    if (s->io) {
        av_freep(&s->io->buffer);
        avio_context_free(&s->io);
    }

    if (s->fd != -1) {
        close(s->fd);
        s->fd = -1;
    }
}


static pt_err_t
video_source_sniff(video_source_t *s, const AVInputFormat **ret_format,
    video_report_t *report)
{
    int                       rc;
    uint8_t                  *buffer;
    pt_err_t                  err;
    struct stat               st;
    const AVInputFormat      *format;
    const video_container_t  *c;

    if (fstat(s->fd, &st) == -1) {
        return video_fail(report, PT_E_IO, "cannot read the input: %s",
                          strerror(errno));
    }

    if (st.st_size == 0) {
        return video_fail(report, PT_E_INPUT_BROKEN, "the file is empty");
    }

    buffer = av_malloc(VIDEO_IO_BYTES);
    if (buffer == NULL) {
        return video_fail_av(report, AVERROR(ENOMEM), "cannot open the input");
    }

    s->io = avio_alloc_context(buffer, VIDEO_IO_BYTES, 0, s, video_io_read,
                               NULL, video_io_seek);
    if (s->io == NULL) {
        av_free(buffer);
        return video_fail_av(report, AVERROR(ENOMEM), "cannot open the input");
    }

    format = NULL;

    rc = av_probe_input_buffer2(s->io, &format, "", NULL, 0,
                                VIDEO_SNIFF_BYTES);
    if (rc < 0) {
        err = video_source_fault(s, rc, report);
        if (err != PT_OK) {
            return err;
        }
    }

    if (rc < 0 || format == NULL) {
        return video_fail(report, PT_E_INPUT_UNSUPPORTED,
                          "the file is in no video format that is known");
    }

    for (c = video_containers; c->demuxer; c++) {
        if (strcmp(c->demuxer, format->name) == 0) {
            s->container = c->container;
            *ret_format = format;
            return PT_OK;
        }
    }

    return video_fail(report, PT_E_INPUT_UNSUPPORTED,
                      "the file is \"%.64s\", which is not accepted as video",
                      format->long_name ? format->long_name : format->name);
}


static pt_err_t
video_source_header(video_source_t *s, const AVInputFormat *format,
    video_report_t *report)
{
    int       rc;
    pt_err_t  err;

    s->format = avformat_alloc_context();
    if (s->format == NULL) {
        return video_fail_av(report, AVERROR(ENOMEM), "cannot open the input");
    }

    s->format->pb = s->io;
    s->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    s->format->io_open = video_io_refuse;
    s->format->max_streams = VIDEO_STREAMS_MAX;

    rc = avformat_open_input(&s->format, "", format, NULL);

    if (rc >= 0) {
        return PT_OK;
    }

    err = video_source_fault(s, rc, report);

    return err != PT_OK ? err
                        : video_fail(report, PT_E_INPUT_BROKEN,
                                     "the header or index of the %s file is "
                                     "missing or damaged", s->container);
}


/* before anything is decoded: by the numbers that the headers declare */
static pt_err_t
video_source_limits(video_source_t *s, video_report_t *report)
{
    unsigned                  i;
    const AVCodecParameters  *par;

    if (s->format->nb_streams > VIDEO_STREAMS_MAX) {
        return video_fail(report, PT_E_INPUT_LIMIT,
                          "the file holds %u streams, more than %d",
                          s->format->nb_streams, VIDEO_STREAMS_MAX);
    }

    for (i = 0; i < s->format->nb_streams; i++) {
        par = s->format->streams[i]->codecpar;

        if (par->codec_type != AVMEDIA_TYPE_VIDEO) {
            continue;
        }

        if (par->width > VIDEO_SIDE_MAX || par->height > VIDEO_SIDE_MAX
            || (int64_t) par->width * par->height > VIDEO_PIXELS_MAX)
        {
            return video_fail(report, PT_E_INPUT_LIMIT,
                              "the picture has %d x %d pixels, more than "
                              "%d million", par->width, par->height,
                              VIDEO_PIXELS_MAX / 1000000);
        }
    }

    return PT_OK;
}


/*
 * FFmpeg may decode a few frames here to learn what the header left out; the
 * decoders get the pixel limit, so that it holds for these too.
 */
static pt_err_t
video_source_info(video_source_t *s, video_report_t *report)
{
    int            rc;
    pt_err_t       err;
    unsigned       i, n;
    AVDictionary  *options[VIDEO_STREAMS_MAX];

    n = s->format->nb_streams;

    memset(options, 0, sizeof(options));

    for (i = 0; i < n; i++) {
        (void) av_dict_set_int(&options[i], "max_pixels", VIDEO_PIXELS_MAX, 0);
        (void) av_dict_set_int(&options[i], "threads", 1, 0);
    }

    rc = avformat_find_stream_info(s->format, n > 0 ? options : NULL);

    for (i = 0; i < n; i++) {
        av_dict_free(&options[i]);
    }

    if (rc < 0) {
        err = video_source_fault(s, rc, report);

        return err != PT_OK ? err
                            : video_fail(report, PT_E_INPUT_BROKEN,
                                         "the file's streams are damaged");
    }

    return video_source_limits(s, report);
}


/*
 * Demuxers say EIO of a file that makes no sense: ask the reader itself.  And
 * a demuxer alone needs little memory, unless a header asks for more than
 * VIDEO_ALLOC_MAX or for one more stream than max_streams, which they call
 * no memory, too: trying again would not help.
 */
pt_err_t
video_source_fault(const video_source_t *s, int rc, video_report_t *report)
{
    if (rc == AVERROR(ENOMEM)) {
        return video_fail(report, PT_E_INPUT_LIMIT,
                          "the file's tables need more memory than allowed, "
                          "or it holds more than %d streams",
                          VIDEO_STREAMS_MAX);
    }

    if (s->io->error < 0 && s->io->error != AVERROR_EOF) {
        return video_fail(report, PT_E_IO, "cannot read the input: %s",
                          strerror(AVUNERROR(s->io->error)));
    }

    return PT_OK;
}


static pt_err_t
video_source_choose(video_source_t *s, video_report_t *report)
{
    int               video, audio;
    unsigned          i;
    const AVCodec    *codec;
    AVFormatContext  *format;

    format = s->format;
    codec = NULL;

    video = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);

    if (video == AVERROR_DECODER_NOT_FOUND) {
        return video_fail(report, PT_E_INPUT_UNSUPPORTED,
                          "there is no decoder for the file's video codec");
    }

    if (video < 0 || (format->streams[video]->disposition
                      & AV_DISPOSITION_ATTACHED_PIC))
    {
        if (format->nb_streams == 0) {
            return video_fail(report, PT_E_INPUT_BROKEN,
                              "the %s file holds no streams", s->container);
        }

        return video_fail(report, PT_E_INPUT_UNSUPPORTED,
                          "the file has no moving picture");
    }

    s->video = format->streams[video];

    audio = av_find_best_stream(format, AVMEDIA_TYPE_AUDIO, -1, video, &codec,
                                0);
    if (audio >= 0) {
        s->audio = format->streams[audio];
    }

    for (i = 0; i < format->nb_streams; i++) {
        if ((int) i != video && (int) i != audio) {
            format->streams[i]->discard = AVDISCARD_ALL;
        }

        if (audio < 0 && format->streams[i]->codecpar->codec_type
                         == AVMEDIA_TYPE_AUDIO)
        {
            video_warn(report, "audio_unreadable", "the audio track is in a "
                       "format that cannot be decoded; it was left out");
        }

        s->last_us[i] = AV_NOPTS_VALUE;
    }

    return PT_OK;
}


void
video_source_tracks(video_source_t *s, const video_languages_t *languages,
    video_report_t *report)
{
    unsigned   i, k;
    AVStream  *st;

    for (k = 0; k < languages->n; k++) {
        st = NULL;

        for (i = 0; i < s->format->nb_streams && st == NULL; i++) {
            if (video_source_hears(s->format->streams[i])
                && strcmp(video_source_language(s->format->streams[i]),
                          languages->list[k]) == 0)
            {
                st = s->format->streams[i];
            }
        }

        if (st == NULL) {
            video_warn(report, "language_missing", "there is no audio track "
                       "in \"%s\"", languages->list[k]);
            continue;
        }

        s->sounds[s->nsounds++] = st;
    }

    if (s->nsounds == 0 && s->audio) {
        s->sounds[s->nsounds++] = s->audio;
    }

    for (i = 0; languages->n == 0 && i < s->format->nb_streams; i++) {
        st = s->format->streams[i];

        if (st != s->audio && video_source_hears(st)
            && s->nsounds < VIDEO_SOUNDS_MAX)
        {
            s->sounds[s->nsounds++] = st;
        }
    }

    if (s->audio) {
        s->audio->discard = AVDISCARD_ALL;
    }

    s->audio = s->nsounds > 0 ? s->sounds[0] : NULL;

    for (i = 0; i < s->nsounds; i++) {
        s->sounds[i]->discard = AVDISCARD_DEFAULT;
    }

    for (i = 0; i < s->format->nb_streams; i++) {
        st = s->format->streams[i];

        if (st->codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE
            && video_source_is_text(st) && s->ncaptions < VIDEO_CAPTIONS_MAX)
        {
            st->discard = AVDISCARD_DEFAULT;
            s->captions[s->ncaptions++] = st;
        }
    }
}


/*
 * Where the clock jumps every stream moves all: those of a transport stream
 * are left out, as they are when it is decoded.
 */
void
video_source_others(video_source_t *s)
{
    unsigned   i;
    AVStream  *st;

    if (s->format->iformat->flags & AVFMT_TS_DISCONT) {
        return;
    }

    for (i = 0; i < s->format->nb_streams; i++) {
        st = s->format->streams[i];

        if (st->codecpar->codec_type == AVMEDIA_TYPE_AUDIO) {
            st->discard = AVDISCARD_DEFAULT;
        }
    }

    s->others = true;
}


static bool
video_source_hears(const AVStream *st)
{
    return st->codecpar->codec_type == AVMEDIA_TYPE_AUDIO
           && avcodec_find_decoder(st->codecpar->codec_id) != NULL
           && st->codecpar->ch_layout.nb_channels > 0;
}


/* pictures of text are no captions for HLS */
static bool
video_source_is_text(const AVStream *st)
{
    const AVCodecDescriptor  *d;

    d = avcodec_descriptor_get(st->codecpar->codec_id);

    return d && (d->props & AV_CODEC_PROP_TEXT_SUB)
           && avcodec_find_decoder(st->codecpar->codec_id) != NULL;
}


const char *
video_source_language(const AVStream *stream)
{
    const AVDictionaryEntry  *tag;

    tag = av_dict_get(stream->metadata, "language", NULL, 0);

    return tag && video_language_valid(tag->value) ? tag->value : "";
}


bool
video_language_valid(const char *text)
{
    size_t  len;

    len = strspn(text, "abcdefghijklmnopqrstuvwxyz");

    return text[len] == '\0' && (len == 2 || len == 3)
           && strcmp(text, "und") != 0;
}


static bool
video_source_takes(const video_source_t *s, int index)
{
    unsigned  i;

    for (i = 0; i < s->nsounds; i++) {
        if (s->sounds[i]->index == index) {
            return true;
        }
    }

    for (i = 0; i < s->ncaptions; i++) {
        if (s->captions[i]->index == index) {
            return true;
        }
    }

    if (s->others && s->format->streams[index]->codecpar->codec_type
                     == AVMEDIA_TYPE_AUDIO)
    {
        return true;
    }

    return s->audio && s->audio->index == index;
}


int
video_source_read(video_source_t *s, AVPacket *packet)
{
    int         rc;
    AVRational  tb;

    for ( ;; ) {
        rc = av_read_frame(s->format, packet);
        if (rc < 0) {
            return rc;
        }

        /* a stream may have come after the choice */
        if (packet->stream_index < VIDEO_STREAMS_MAX
            && (packet->stream_index == s->video->index
                || video_source_takes(s, packet->stream_index)))
        {
            break;
        }

        av_packet_unref(packet);
    }

    tb = s->format->streams[packet->stream_index]->time_base;
    video_packet_check(packet, tb);

    if (s->format->iformat->flags & AVFMT_TS_DISCONT) {
        video_source_follow(s, packet, tb);
        video_packet_check(packet, tb);
    }

    return 0;
}


void
video_packet_check(AVPacket *packet, AVRational tb)
{
    int64_t  us;

    packet->pts = video_time_check(packet->pts, tb);
    packet->dts = video_time_check(packet->dts, tb);

    us = av_rescale_q(packet->duration, tb, AV_TIME_BASE_Q);

    if (us < 0 || us > VIDEO_SECONDS_MAX * (int64_t) AV_TIME_BASE) {
        packet->duration = 0;
    }
}


/*
 * A quarter of what fits, in the stream's unit, and some centuries: sums and
 * differences of a few of them fit, too.  Where a time does not fit after
 * av_rescale_q(), it is INT64_MIN.
 */
static int64_t
video_time_check(int64_t ts, AVRational tb)
{
    int64_t  us;

    if (ts < -INT64_MAX / 4 || ts > INT64_MAX / 4) {
        return AV_NOPTS_VALUE;
    }

    us = av_rescale_q(ts, tb, AV_TIME_BASE_Q);

    return us < -VIDEO_TIME_MAX || us > VIDEO_TIME_MAX ? AV_NOPTS_VALUE : ts;
}


/*
 * A transport stream may be joined from several recordings: its clock jumps
 * at the seams.  Whichever stream is first to jump moves both, so they stay
 * in sync; packets of the other one from before the seam, that come after,
 * still fit the clock before.
 */
static void
video_source_follow(video_source_t *s, AVPacket *packet, AVRational tb)
{
    int64_t  at, by, step, old, *last;

    if (packet->dts == AV_NOPTS_VALUE) {
        return;
    }

    last = &s->last_us[packet->stream_index];
    at = av_rescale_q(packet->dts, tb, AV_TIME_BASE_Q);
    by = s->jump_us;

    if (*last != AV_NOPTS_VALUE) {
        step = at + s->jump_us - *last;
        old = at + s->before_us - *last;

        if (llabs(old) < VIDEO_BACK_US && llabs(old) < llabs(step)) {
            by = s->before_us;

        } else if (step > VIDEO_JUMP_US || step < -VIDEO_BACK_US) {
            s->before_us = s->jump_us;
            s->jump_us -= step;
            by = s->jump_us;
        }
    }

    *last = at + by + av_rescale_q(packet->duration, tb, AV_TIME_BASE_Q);

    by = av_rescale_q(by, AV_TIME_BASE_Q, tb);
    packet->dts = av_sat_add64(packet->dts, by);

    if (packet->pts != AV_NOPTS_VALUE) {
        packet->pts = av_sat_add64(packet->pts, by);
    }
}


static int
video_io_read(void *opaque, uint8_t *buf, int size)
{
    ssize_t          n;
    video_source_t  *s;

    s = opaque;

    do {
        n = read(s->fd, buf, size);
    } while (n == -1 && errno == EINTR);

    if (n == -1) {
        return AVERROR(errno);
    }

    return n > 0 ? (int) n : AVERROR_EOF;
}


static int64_t
video_io_seek(void *opaque, int64_t offset, int whence)
{
    off_t            at;
    struct stat      st;
    video_source_t  *s;

    s = opaque;

    if (whence & AVSEEK_SIZE) {
        return fstat(s->fd, &st) == -1 ? AVERROR(errno) : st.st_size;
    }

    at = lseek(s->fd, offset, whence & ~AVSEEK_FORCE);

    return at == -1 ? AVERROR(errno) : at;
}


/* a header that refers to another file or host gets nothing */
static int
video_io_refuse(AVFormatContext *format, AVIOContext **io, const char *url,
    int flags, AVDictionary **options)
{
    (void) format;
    (void) io;
    (void) url;
    (void) flags;
    (void) options;

    return AVERROR(EPERM);
}
