/*
 * Captions.
 */

#include "video_captions.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>

#include "video_track.h"


#define VIDEO_CUE_BYTES  4096
#define VIDEO_CUE_US     (3 * AV_TIME_BASE)   /* where none is told */


/* a file in memory, for a demuxer */
typedef struct {
    const uint8_t  *data;
    size_t          len;
    size_t          at;
} video_text_t;


static video_caption_track_t *video_captions_track(video_captions_t *c,
    const AVStream *st);
static bool video_caption_codecs(video_caption_track_t *t,
    const AVStream *st);
static pt_err_t video_caption_cue(video_captions_t *c,
    video_caption_track_t *t, const AVPacket *packet);
static pt_err_t video_caption_add(video_captions_t *c,
    video_caption_track_t *t, const video_cue_t *cue, const char *text);
static void video_caption_text(pt_buf_t *buf, const char *text, size_t len);
static pt_err_t video_captions_read(video_captions_t *c, const char *path,
    pt_buf_t *buf);
static void video_captions_unstyle(pt_buf_t *buf);
static pt_err_t video_captions_demux(video_captions_t *c, pt_str_t text,
    const video_caption_file_t *wanted);
static pt_err_t video_captions_cues(video_captions_t *c,
    AVFormatContext *format, const video_caption_file_t *wanted);
static const AVInputFormat *video_captions_format(pt_str_t text);
static int video_text_read(void *opaque, uint8_t *buf, int size);
static pt_err_t video_caption_put(video_captions_t *c,
    video_caption_track_t *t, const char *root, const video_info_t *info);
static void video_caption_vtt(pt_buf_t *buf, const video_caption_track_t *t,
    const video_info_t *info);
static void video_caption_time(pt_buf_t *buf, int64_t us);
static int video_cue_order(const void *a, const void *b);
static void video_caption_free(video_caption_track_t *t);


void
video_captions_init(video_captions_t *c, video_report_t *report)
{
    memset(c, 0, sizeof(*c));
    c->report = report;
}


void
video_captions_done(video_captions_t *c)
{
    while (c->n > 0) {
        video_caption_free(&c->tracks[--c->n]);
    }
}


static void
video_caption_free(video_caption_track_t *t)
{
    avcodec_free_context(&t->decoder);
    avcodec_free_context(&t->encoder);
    free(t->cues);
    pt_buf_done(&t->texts);
}


void
video_captions_packet(void *ctx, const video_source_t *source,
    const AVPacket *packet)
{
    video_captions_t       *c;
    video_caption_track_t  *t;

    c = ctx;

    t = video_captions_track(c, source->format->streams[packet->stream_index]);

    /* what cannot be read costs a caption, not the film */
    if (t == NULL || video_caption_cue(c, t, packet) != PT_OK) {
        video_warn(c->report, "captions_damaged", "some captions of the file "
                   "cannot be read; they were left out");
    }
}


/* the track of a stream, made with its first packet; NULL: there is none */
static video_caption_track_t *
video_captions_track(video_captions_t *c, const AVStream *st)
{
    unsigned                  i;
    video_caption_track_t    *t;
    const AVDictionaryEntry  *tag;

    for (i = 0; i < c->n; i++) {
        if (c->tracks[i].stream == st->index) {
            return &c->tracks[i];
        }
    }

    if (c->n == VIDEO_CAPTIONS_MAX) {
        return NULL;
    }

    t = &c->tracks[c->n];
    memset(t, 0, sizeof(*t));
    pt_buf_init(&t->texts, &pt_mem_heap, VIDEO_CAPTIONS_BYTES);
    t->stream = st->index;

    if (!video_caption_codecs(t, st)) {
        video_caption_free(t);
        return NULL;
    }

    snprintf(t->language, sizeof(t->language), "%s",
             video_source_language(st));

    tag = av_dict_get(st->metadata, "title", NULL, 0);
    if (tag) {
        video_title(t->label, sizeof(t->label), tag->value);
    }

    t->is_default = (st->disposition & AV_DISPOSITION_DEFAULT) != 0
                    && (st->disposition & AV_DISPOSITION_FORCED) != 0;
    c->n++;

    return t;
}


static bool
video_caption_codecs(video_caption_track_t *t, const AVStream *st)
{
    const AVCodec  *decoder, *encoder;

    decoder = avcodec_find_decoder(st->codecpar->codec_id);
    encoder = avcodec_find_encoder(AV_CODEC_ID_WEBVTT);

    t->time_base = st->time_base;
    t->decoder = decoder ? avcodec_alloc_context3(decoder) : NULL;
    t->encoder = encoder ? avcodec_alloc_context3(encoder) : NULL;

    if (t->decoder == NULL || t->encoder == NULL
        || avcodec_parameters_to_context(t->decoder, st->codecpar) < 0)
    {
        return false;
    }

    t->decoder->pkt_timebase = st->time_base;

    if (avcodec_open2(t->decoder, decoder, NULL) < 0) {
        return false;
    }

    /* the encoder reads ASS, whose styles the decoder has made up */
    t->encoder->time_base = (AVRational) { 1, 1000 };

    if (t->decoder->subtitle_header_size > 0) {
        t->encoder->subtitle_header =
            av_mallocz((size_t) t->decoder->subtitle_header_size + 1);

        if (t->encoder->subtitle_header == NULL) {
            return false;
        }

        memcpy(t->encoder->subtitle_header, t->decoder->subtitle_header,
               (size_t) t->decoder->subtitle_header_size);
        t->encoder->subtitle_header_size = t->decoder->subtitle_header_size;
    }

    return avcodec_open2(t->encoder, encoder, NULL) >= 0;
}


static pt_err_t
video_caption_cue(video_captions_t *c, video_caption_track_t *t,
    const AVPacket *packet)
{
    int          rc, got;
    char         text[VIDEO_CUE_BYTES];
    AVPacket    *copy;
    pt_err_t     err;
    AVSubtitle   subtitle;
    video_cue_t  cue;

    if (packet->pts == AV_NOPTS_VALUE || packet->size <= 0) {
        return PT_OK;
    }

    copy = av_packet_clone(packet);
    if (copy == NULL) {
        return video_fail_av(c->report, AVERROR(ENOMEM), "captions");
    }

    got = 0;
    rc = avcodec_decode_subtitle2(t->decoder, &subtitle, &got, copy);
    av_packet_free(&copy);

    if (rc < 0) {
        return PT_E_INPUT_BROKEN;
    }

    if (!got) {
        return PT_OK;
    }

    rc = subtitle.num_rects > 0
         ? avcodec_encode_subtitle(t->encoder, (uint8_t *) text,
                                   sizeof(text) - 1, &subtitle)
         : 0;

    cue.start_us = av_rescale_q(packet->pts, t->time_base, AV_TIME_BASE_Q);
    cue.end_us = cue.start_us
                 + (packet->duration > 0
                    ? av_rescale_q(packet->duration, t->time_base,
                                   AV_TIME_BASE_Q)
                    : subtitle.end_display_time > 0
                      && subtitle.end_display_time != UINT32_MAX
                      ? (int64_t) subtitle.end_display_time * 1000
                      : VIDEO_CUE_US);

    avsubtitle_free(&subtitle);

    if (rc < 0) {
        return PT_E_INPUT_BROKEN;
    }

    text[rc] = '\0';
    err = rc > 0 ? video_caption_add(c, t, &cue, text) : PT_OK;

    return err;
}


static pt_err_t
video_caption_add(video_captions_t *c, video_caption_track_t *t,
    const video_cue_t *cue, const char *text)
{
    size_t        len;
    unsigned      cap;
    video_cue_t  *cues;

    len = strlen(text);

    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        len--;
    }

    if (len == 0) {
        return PT_OK;
    }

    if (!pt_str_is_utf8((pt_str_t) { text, len })) {
        return PT_E_INPUT_BROKEN;
    }

    if (t->ncues == VIDEO_CUES_MAX) {
        return PT_E_INPUT_LIMIT;
    }

    if (t->ncues == t->cap) {
        cap = t->cap ? t->cap * 2 : 256;

        cues = realloc(t->cues, cap * sizeof(*cues));
        if (cues == NULL) {
            return video_fail_av(c->report, AVERROR(ENOMEM), "captions");
        }

        t->cues = cues;
        t->cap = cap;
    }

    t->cues[t->ncues] = *cue;
    t->cues[t->ncues].text = t->texts.len;

    video_caption_text(&t->texts, text, len);

    t->cues[t->ncues].len = t->texts.len - t->cues[t->ncues].text;

    if (t->texts.err != PT_OK) {
        return PT_E_INPUT_LIMIT;
    }

    t->ncues++;

    return PT_OK;
}


/*
 * The encoder leaves WebVTT's own characters as they are: an empty line would
 * end the cue, an arrow begin another, and what looks like a tag is lost.
 */
static void
video_caption_text(pt_buf_t *buf, const char *text, size_t len)
{
    size_t  i, k;

    static const char *const  tags[] = {
        "<b>", "</b>", "<i>", "</i>", "<u>", "</u>", NULL
    };

    for (i = 0; i < len; i++) {

        switch (text[i]) {

        case '\r':
            break;

        case '\n':
            if (text[i + 1] != '\n') {
                pt_buf_add_text(buf, "\n");
            }

            break;

        case '&':
            pt_buf_add_text(buf, "&amp;");
            break;

        case '>':
            pt_buf_add_text(buf, "&gt;");
            break;

        case '<':
            for (k = 0; tags[k] && strncmp(text + i, tags[k],
                                           strlen(tags[k])) != 0; k++)
            {
                /* void */
            }

            pt_buf_add_text(buf, tags[k] ? tags[k] : "&lt;");
            i += tags[k] ? strlen(tags[k]) - 1 : 0;
            break;

        default:
            pt_buf_add(buf, &text[i], 1);
            break;
        }
    }
}


/* ---- a file of its own ---- */

pt_err_t
video_captions_file(video_captions_t *c, const char *path,
    const video_caption_file_t *wanted)
{
    pt_buf_t  buf;
    pt_err_t  err;

    if (c->n == VIDEO_CAPTIONS_MAX) {
        return video_fail(c->report, PT_E_INPUT_LIMIT,
                          "the film has more than %d tracks of captions",
                          VIDEO_CAPTIONS_MAX);
    }

    pt_buf_init(&buf, &pt_mem_heap, VIDEO_CAPTIONS_BYTES);

    err = video_captions_read(c, path, &buf);

    if (err == PT_OK) {
        err = video_captions_demux(c, pt_buf_str(&buf), wanted);
    }

    pt_buf_done(&buf);

    return err;
}


static pt_err_t
video_captions_read(video_captions_t *c, const char *path, pt_buf_t *buf)
{
    int      fd;
    char     chunk[16384];
    ssize_t  n;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return video_fail(c->report, PT_E_IO, "cannot open the captions: %s",
                          strerror(errno));
    }

    do {
        n = read(fd, chunk, sizeof(chunk));

        if (n > 0) {
            pt_buf_add(buf, chunk, (size_t) n);
        }

    } while (n > 0 && buf->err == PT_OK);

    close(fd);

    if (n < 0) {
        return video_fail(c->report, PT_E_IO, "cannot read the captions: %s",
                          strerror(errno));
    }

    if (buf->err != PT_OK) {
        return video_fail(c->report, PT_E_INPUT_LIMIT,
                          "a file of captions has more than %u MiB",
                          VIDEO_CAPTIONS_BYTES >> 20);
    }

    video_captions_unstyle(buf);

    if (!pt_str_is_utf8(pt_buf_str(buf))) {
        return video_fail(c->report, PT_E_INPUT_BROKEN,
                          "a file of captions is not in UTF-8");
    }

    return PT_OK;
}


/*
 * WebVTT's blocks of style and regions, which FFmpeg's demuxer takes for
 * damage, go: our players style captions themselves.
 */
static void
video_captions_unstyle(pt_buf_t *buf)
{
    bool    skip, begins;
    char   *line, *next, *to, *end;

    if (buf->len == 0) {
        return;
    }

    skip = false;
    begins = true;
    to = buf->data;
    end = buf->data + buf->len;

    for (line = to; line < end; line = next) {
        next = memchr(line, '\n', (size_t) (end - line));
        next = next ? next + 1 : end;

        if (line[0] == '\n' || line[0] == '\r') {
            skip = false;
            begins = true;

        } else if (begins) {
            skip = (end - line >= 5 && memcmp(line, "STYLE", 5) == 0)
                   || (end - line >= 6 && memcmp(line, "REGION", 6) == 0);
            begins = false;
        }

        if (!skip) {
            memmove(to, line, (size_t) (next - line));
            to += next - line;
        }
    }

    buf->len = (size_t) (to - buf->data);
}


static pt_err_t
video_captions_demux(video_captions_t *c, pt_str_t text,
    const video_caption_file_t *wanted)
{
    int                   rc;
    uint8_t              *buffer;
    pt_err_t              err;
    AVIOContext          *io;
    video_text_t          from = { (const uint8_t *) text.data, text.len, 0 };
    AVFormatContext      *format;
    const AVInputFormat  *input;

    input = video_captions_format(text);
    if (input == NULL) {
        return video_fail(c->report, PT_E_INPUT_UNSUPPORTED,
                          "a file of captions is neither SRT nor WebVTT");
    }

    buffer = av_malloc(4096);
    io = buffer ? avio_alloc_context(buffer, 4096, 0, &from, video_text_read,
                                     NULL, NULL)
                : NULL;
    format = avformat_alloc_context();

    if (io == NULL || format == NULL) {
        if (io == NULL) {
            av_free(buffer);
        }

        rc = AVERROR(ENOMEM);

    } else {
        format->pb = io;
        format->flags |= AVFMT_FLAG_CUSTOM_IO;
        rc = avformat_open_input(&format, "", input, NULL);
    }

    err = rc == AVERROR(ENOMEM)
          ? video_fail_av(c->report, rc, "cannot read the captions")
          : rc < 0
          ? video_fail(c->report, PT_E_INPUT_BROKEN,
                       "a file of captions cannot be read")
          : video_captions_cues(c, format, wanted);

    avformat_close_input(&format);

    if (io) {
        av_freep(&io->buffer);
        avio_context_free(&io);
    }

    return err;
}


static pt_err_t
video_captions_cues(video_captions_t *c, AVFormatContext *format,
    const video_caption_file_t *wanted)
{
    pt_err_t                err;
    AVPacket               *packet;
    video_caption_track_t  *t;

    packet = av_packet_alloc();
    if (packet == NULL) {
        return video_fail_av(c->report, AVERROR(ENOMEM), "captions");
    }

    t = &c->tracks[c->n++];
    memset(t, 0, sizeof(*t));
    pt_buf_init(&t->texts, &pt_mem_heap, VIDEO_CAPTIONS_BYTES);

    t->stream = -1;
    t->of_file = true;
    t->is_default = wanted->is_default;
    memcpy(t->language, wanted->language, sizeof(t->language));
    memcpy(t->label, wanted->label, sizeof(t->label));

    err = format->nb_streams == 1
          && video_caption_codecs(t, format->streams[0])
          ? PT_OK : PT_E_INPUT_BROKEN;

    while (err == PT_OK && av_read_frame(format, packet) >= 0) {
        err = video_caption_cue(c, t, packet);
        av_packet_unref(packet);
    }

    av_packet_free(&packet);

    if (err == PT_OK && t->ncues == 0) {
        err = PT_E_INPUT_BROKEN;
    }

    if (err == PT_OK || video_report_err(c->report) != PT_OK) {
        return err;
    }

    return err == PT_E_INPUT_LIMIT
           ? video_fail(c->report, err, "a file of captions has more than %d "
                        "cues", VIDEO_CUES_MAX)
           : video_fail(c->report, err, "a file of captions holds no cue that "
                        "can be read");
}


/* by its first line: a number is SRT's, and nothing else is opened */
static const AVInputFormat *
video_captions_format(pt_str_t text)
{
    size_t  i;

    i = text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    if (text.len - i >= 6 && memcmp(text.data + i, "WEBVTT", 6) == 0) {
        return av_find_input_format("webvtt");
    }

    while (i < text.len && strchr(" \t\r\n", text.data[i])) {
        i++;
    }

    if (i == text.len || text.data[i] < '0' || text.data[i] > '9'
        || memmem(text.data, text.len, " --> ", 5) == NULL)
    {
        return NULL;
    }

    return av_find_input_format("srt");
}


static int
video_text_read(void *opaque, uint8_t *buf, int size)
{
    size_t         n;
    video_text_t  *t;

    t = opaque;
    n = t->len - t->at;

    if (n == 0) {
        return AVERROR_EOF;
    }

    n = n < (size_t) size ? n : (size_t) size;
    memcpy(buf, t->data + t->at, n);
    t->at += n;

    return (int) n;
}


/* ---- what is written ---- */

pt_err_t
video_captions_write(video_captions_t *c, const char *root,
    const video_info_t *info)
{
    unsigned                i, n;
    pt_err_t                err;
    video_caption_track_t  *t;

    for (i = 0, n = 0; i < c->n; i++) {
        t = &c->tracks[i];

        if (t->ncues == 0) {
            video_caption_free(t);
            continue;
        }

        c->tracks[n++] = *t;
    }

    c->n = n;

    for (i = 0; i < c->n; i++) {
        t = &c->tracks[i];
        snprintf(t->name, sizeof(t->name), "captions-%u", i + 1);

        if (t->label[0] == '\0') {
            snprintf(t->label, sizeof(t->label), "Captions %u", i + 1);
        }

        err = video_caption_put(c, t, root, info);
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


static pt_err_t
video_caption_put(video_captions_t *c, video_caption_track_t *t,
    const char *root, const video_info_t *info)
{
    char      path[96];
    int64_t   us;
    pt_buf_t  buf;
    pt_err_t  err;

    snprintf(path, sizeof(path), "%s/%s", root, t->name);

    err = video_folder(path, c->report);
    if (err != PT_OK) {
        return err;
    }

    pt_buf_init(&buf, &pt_mem_heap, 3 * VIDEO_CAPTIONS_BYTES);
    video_caption_vtt(&buf, t, info);

    snprintf(path, sizeof(path), "%s/%s/captions.vtt", root, t->name);
    err = buf.err != PT_OK
          ? video_fail(c->report, buf.err, "cannot write the captions")
          : video_write_file(path, buf.data, buf.len, c->report);

    pt_buf_reset(&buf);

    us = info->duration_us > 0 ? info->duration_us : 1;
    pt_buf_printf(&buf, "#EXTM3U\n#EXT-X-VERSION:7\n"
                  "#EXT-X-TARGETDURATION:%" PRId64 "\n"
                  "#EXT-X-PLAYLIST-TYPE:VOD\n"
                  "#EXTINF:%" PRId64 ".%06" PRId64 ",\ncaptions.vtt\n"
                  "#EXT-X-ENDLIST\n", (us + AV_TIME_BASE / 2) / AV_TIME_BASE
                  + (us < AV_TIME_BASE / 2), us / AV_TIME_BASE,
                  us % AV_TIME_BASE);

    if (err == PT_OK) {
        snprintf(path, sizeof(path), "%s/%s/index.m3u8", root, t->name);
        err = buf.err != PT_OK
              ? video_fail(c->report, buf.err, "cannot write the captions")
              : video_write_file(path, buf.data, buf.len, c->report);
    }

    pt_buf_done(&buf);

    return err;
}


/* the times of a film's own tracks are on its clock, a file's on ours; in a
 * part of a film, both are moved to its start */
static void
video_caption_vtt(pt_buf_t *buf, const video_caption_track_t *t,
    const video_info_t *info)
{
    int64_t             start, end, zero;
    unsigned            i;
    const video_cue_t  *cue;

    pt_buf_add_text(buf, "WEBVTT\n"
                    "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n");

    qsort(t->cues, t->ncues, sizeof(*t->cues), video_cue_order);
    zero = t->of_file ? info->trim_us : info->zero_us;

    for (i = 0; i < t->ncues; i++) {
        cue = &t->cues[i];
        start = FFMAX(cue->start_us - zero, 0);
        end = FFMIN(cue->end_us - zero, info->duration_us);

        if (end <= start) {
            continue;
        }

        pt_buf_add_text(buf, "\n");
        video_caption_time(buf, start);
        pt_buf_add_text(buf, " --> ");
        video_caption_time(buf, end);
        pt_buf_add_text(buf, "\n");
        pt_buf_add(buf, t->texts.data + cue->text, cue->len);
        pt_buf_add_text(buf, "\n");
    }
}


static void
video_caption_time(pt_buf_t *buf, int64_t us)
{
    int64_t  ms;

    ms = us / 1000;

    pt_buf_printf(buf, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%03" PRId64,
                  ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}


static int
video_cue_order(const void *a, const void *b)
{
    const video_cue_t  *x = a, *y = b;

    if (x->start_us != y->start_us) {
        return x->start_us < y->start_us ? -1 : 1;
    }

    return x->text < y->text ? -1 : x->text > y->text;
}
