/*
 * Fragmented MP4 segments, cut by us and boxed by libavformat.
 */

#include "video_track.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/mem.h>
#include <libavutil/sha.h>


#define VIDEO_TRACK_IO  65536

/* 20,000 segments of 40 bytes of text */
#define VIDEO_PLAYLIST_MAX  (1u << 20)


static pt_err_t video_track_header(video_track_t *t,
    const AVCodecParameters *par);
static pt_err_t video_track_put(video_track_t *t, int64_t duration);
static pt_err_t video_track_flush(video_track_t *t);
static pt_err_t video_track_cut(video_track_t *t, int64_t end);
static pt_err_t video_track_create(video_track_t *t, const char *name);
static int video_track_io_write(void *opaque, uint8_t *buf, int size);
static int video_write_all(int fd, const uint8_t *data, size_t len);
static void video_codecs(char *text, size_t size,
    const AVCodecParameters *par);


pt_err_t
video_track_open(video_track_t *t, const char *root, const char *name,
    const video_made_t *made, int64_t frame_us, video_report_t *report)
{
    memset(t, 0, sizeof(*t));

    t->report = report;
    t->fd = -1;
    t->root = root;
    t->time_base = made->time_base;
    t->first = av_rescale_q(VIDEO_FIRST_US, AV_TIME_BASE_Q, t->time_base);
    t->target = av_rescale_q(VIDEO_SEGMENT_US, AV_TIME_BASE_Q, t->time_base);
    t->frame = av_rescale_q(frame_us, AV_TIME_BASE_Q, t->time_base);
    t->segment_start = AV_NOPTS_VALUE;
    snprintf(t->name, sizeof(t->name), "%s", name);
    video_codecs(t->codecs, sizeof(t->codecs), made->par);

    if (t->frame < 1) {
        t->frame = 1;
    }

    t->held = av_packet_alloc();
    t->sha = av_sha_alloc();

    if (t->held == NULL || t->sha == NULL || av_sha_init(t->sha, 256) < 0) {
        return video_fail_av(report, AVERROR(ENOMEM), "cannot write HLS");
    }

    return video_track_header(t, made->par);
}


void
video_track_close(video_track_t *t)
{
    av_packet_free(&t->held);
    av_freep(&t->sha);
    avformat_free_context(t->format);
    t->format = NULL;

    if (t->io) {
        av_freep(&t->io->buffer);
        avio_context_free(&t->io);
    }

    if (t->fd != -1) {
        close(t->fd);
        t->fd = -1;
    }

    video_segments_done(&t->segments);
}


static pt_err_t
video_track_header(video_track_t *t, const AVCodecParameters *par)
{
    int            rc;
    uint8_t       *buffer;
    AVStream      *st;
    AVDictionary  *options;

    rc = avformat_alloc_output_context2(&t->format, NULL, "mp4", NULL);
    if (rc < 0) {
        return video_fail_av(t->report, rc, "cannot write MP4");
    }

    buffer = av_malloc(VIDEO_TRACK_IO);
    t->io = buffer ? avio_alloc_context(buffer, VIDEO_TRACK_IO, 1, t, NULL,
                                        video_track_io_write, NULL)
                   : NULL;
    st = avformat_new_stream(t->format, NULL);

    if (t->io == NULL || st == NULL) {
        if (t->io == NULL) {
            av_free(buffer);
        }

        return video_fail_av(t->report, AVERROR(ENOMEM), "cannot write MP4");
    }

    t->format->pb = t->io;
    t->format->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;

    /* times are right as they come; shifting a track alone breaks the sync */
    t->format->avoid_negative_ts = 0;

    rc = avcodec_parameters_copy(st->codecpar, par);
    if (rc < 0) {
        return video_fail_av(t->report, rc, "cannot write MP4");
    }

    st->codecpar->codec_tag = 0;
    st->time_base = t->time_base;

    /*
     * The first picture's decode time lies before its own time.  An edit list
     * says by how much: negative composition offsets would do without, but
     * FFmpeg's demuxer shows such a track late by the largest of them.
     * delay_moov waits for the first packet, which tells the number;
     * frag_discont keeps a late start in the fragments' times.
     */
    options = NULL;
    (void) av_dict_set(&options, "movflags", "dash+skip_sidx+frag_custom"
                       "+default_base_moof+delay_moov+frag_discont"
                       "+skip_trailer", 0);

    rc = avformat_write_header(t->format, &options);
    av_dict_free(&options);

    if (rc < 0) {
        return video_fail_av(t->report, rc, "cannot write MP4");
    }

    return PT_OK;
}


pt_err_t
video_track_write(video_track_t *t, const AVPacket *packet)
{
    int       rc;
    bool      cut;
    int64_t   grid;
    pt_err_t  err;

    /*
     * AAC begins with a packet that only fills the decoder, before zero.
     * Dropping it needs no edit list, which players read differently, and
     * costs the overlap of the first 21 ms.
     */
    if (packet->pts < 0) {
        return PT_OK;
    }

    grid = packet->pts < t->first ? 0 : 1 + packet->pts / t->target;
    cut = t->segment_start == AV_NOPTS_VALUE
          || ((packet->flags & AV_PKT_FLAG_KEY) && grid > t->segment_grid);

    if (t->held->data) {
        err = video_track_put(t, packet->dts - t->held->dts);
        if (err != PT_OK) {
            return err;
        }
    }

    if (cut) {
        err = video_track_cut(t, packet->pts);
        if (err != PT_OK) {
            return err;
        }

        t->segment_start = packet->pts;
        t->segment_grid = grid;
    }

    rc = av_packet_ref(t->held, packet);
    if (rc < 0) {
        return video_fail_av(t->report, rc, "cannot write HLS");
    }

    if (packet->pts + t->frame > t->segment_end) {
        t->segment_end = packet->pts + t->frame;
    }

    return PT_OK;
}


pt_err_t
video_track_finish(video_track_t *t)
{
    pt_err_t  err;

    if (t->held->data) {
        err = video_track_put(t, t->held->duration > 0 ? t->held->duration
                                                       : t->frame);
        if (err != PT_OK) {
            return err;
        }
    }

    return video_track_cut(t, t->segment_end);
}


pt_err_t
video_track_playlist(video_track_t *t, bool ended)
{
    char      path[96];
    pt_buf_t  buf;
    pt_err_t  err;

    pt_buf_init(&buf, &pt_mem_heap, VIDEO_PLAYLIST_MAX);
    video_playlist_media(&buf, &t->segments, VIDEO_SEGMENT_US, ended);

    snprintf(path, sizeof(path), "%s/%s", t->root, t->name);

    err = video_folder(path, t->report);

    snprintf(path, sizeof(path), "%s/%s/index.m3u8", t->root, t->name);

    if (err == PT_OK) {
        err = buf.err != PT_OK
              ? video_fail(t->report, buf.err, "cannot write a playlist")
              : video_write_file(path, buf.data, buf.len, t->report);
    }

    pt_buf_done(&buf);

    return err;
}


void
video_track_digest(video_track_t *t, char hex[65])
{
    unsigned  i;
    uint8_t   sha256[32];

    av_sha_final(t->sha, sha256);

    for (i = 0; i < sizeof(sha256); i++) {
        snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
    }
}


/* the held packet, now that its duration is known */
static pt_err_t
video_track_put(video_track_t *t, int64_t duration)
{
    int       rc;
    pt_err_t  err;

    t->held->duration = duration > 0 ? duration : t->frame;
    t->held->stream_index = 0;
    av_packet_rescale_ts(t->held, t->time_base,
                         t->format->streams[0]->time_base);

    rc = av_write_frame(t->format, t->held);
    av_packet_unref(t->held);

    if (rc < 0) {
        return video_fail_av(t->report, rc, "cannot write a segment");
    }

    if (t->begun) {
        return PT_OK;
    }

    t->begun = true;

    err = video_track_create(t, "init.mp4");

    if (err == PT_OK) {
        err = video_track_flush(t);
    }

    t->init_bytes = t->bytes;

    return err;
}


/* NULL makes the muxer write what it has collected, into the open file */
static pt_err_t
video_track_flush(video_track_t *t)
{
    int  rc;

    rc = av_write_frame(t->format, NULL);

    avio_flush(t->io);

    if (rc >= 0) {
        rc = t->io->error;
    }

    if (rc < 0) {
        return video_fail_av(t->report, rc, "cannot write a segment");
    }

    rc = close(t->fd);
    t->fd = -1;

    if (rc == -1) {
        return video_fail(t->report, PT_E_IO, "cannot write in \"%s\": %s",
                          t->name, strerror(errno));
    }

    return PT_OK;
}


/* ends the open segment, if there is one */
static pt_err_t
video_track_cut(video_track_t *t, int64_t end)
{
    char      name[16];
    pt_err_t  err;

    if (t->segment_start == AV_NOPTS_VALUE) {
        return PT_OK;
    }

    snprintf(name, sizeof(name), "%04u.m4s", t->segments.n + 1);

    err = video_track_create(t, name);
    if (err != PT_OK) {
        return err;
    }

    err = video_track_flush(t);
    if (err != PT_OK) {
        return err;
    }

    err = video_segments_add(&t->segments,
                             av_rescale_q(end - t->segment_start,
                                          t->time_base, AV_TIME_BASE_Q),
                             t->bytes);
    if (err != PT_OK) {
        return video_fail(t->report, err, "too many segments");
    }

    return PT_OK;
}


static pt_err_t
video_track_create(video_track_t *t, const char *name)
{
    char      path[96];
    pt_err_t  err;

    snprintf(path, sizeof(path), "%s/%s", t->root, t->name);

    err = video_folder(path, t->report);
    if (err != PT_OK) {
        return err;
    }

    snprintf(path, sizeof(path), "%s/%s/%s", t->root, t->name, name);

    t->bytes = 0;
    t->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (t->fd == -1) {
        return video_fail(t->report, PT_E_IO, "cannot write \"%s\": %s", path,
                          strerror(errno));
    }

    return PT_OK;
}


static int
video_track_io_write(void *opaque, uint8_t *buf, int size)
{
    int             rc;
    video_track_t  *t;

    t = opaque;

    if (t->fd == -1) {
        return AVERROR(EBADF);
    }

    rc = video_write_all(t->fd, buf, size);
    if (rc < 0) {
        return rc;
    }

    t->bytes += size;
    av_sha_update(t->sha, buf, (size_t) size);

    return size;
}


static int
video_write_all(int fd, const uint8_t *data, size_t len)
{
    ssize_t  n;

    while (len > 0) {
        n = write(fd, data, len);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == -1) {
            return AVERROR(errno);
        }

        data += n;
        len -= n;
    }

    return 0;
}


pt_err_t
video_folder(const char *path, video_report_t *report)
{
    if (mkdir(path, 0750) == -1 && errno != EEXIST) {
        return video_fail(report, PT_E_IO, "cannot make folder \"%s\": %s",
                          path, strerror(errno));
    }

    return PT_OK;
}


pt_err_t
video_write_file(const char *path, const void *data, size_t len,
    video_report_t *report)
{
    int  fd, rc;

    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd == -1) {
        return video_fail(report, PT_E_IO, "cannot write \"%s\": %s", path,
                          strerror(errno));
    }

    rc = video_write_all(fd, data, len);

    if (close(fd) == -1 && rc == 0) {
        rc = AVERROR(errno);
    }

    if (rc < 0) {
        return video_fail_av(report, rc, "cannot write a file");
    }

    return PT_OK;
}


/*
 * RFC 6381: profile, constraints and level of H.264 stand in its first SPS, and
 * at the beginning of a header as MP4 has it.
 */
static void
video_codecs(char *text, size_t size, const AVCodecParameters *par)
{
    int             i;
    const uint8_t  *x;

    text[0] = '\0';

    if (par->codec_id == AV_CODEC_ID_AAC) {
        snprintf(text, size, "mp4a.40.2");
        return;
    }

    x = par->extradata;

    if (par->extradata_size > 6 && x[0] == 1) {
        snprintf(text, size, "avc1.%02x%02x%02x", x[1], x[2], x[3]);
        return;
    }

    for (i = 0; i + 6 < par->extradata_size; i++) {
        if (x[i] == 0 && x[i + 1] == 0 && x[i + 2] == 1
            && (x[i + 3] & 0x1f) == 7)
        {
            snprintf(text, size, "avc1.%02x%02x%02x", x[i + 4], x[i + 5],
                     x[i + 6]);
            return;
        }
    }
}
