/*
 * The progressive MP4.
 */

#include "video_mp4.h"

#include <string.h>


static int video_mp4_stream(video_mp4_t *m, const AVCodecContext *encoder);


pt_err_t
video_mp4_open(video_mp4_t *m, const char *path, const AVCodecContext *video,
    const AVCodecContext *audio, video_report_t *report)
{
    int            rc;
    AVDictionary  *options;

    memset(m, 0, sizeof(*m));
    m->report = report;

    rc = avformat_alloc_output_context2(&m->format, NULL, "mp4", path);
    if (rc < 0) {
        return video_fail_av(report, rc, "cannot write MP4");
    }

    m->format->flags |= AVFMT_FLAG_BITEXACT;

    rc = video_mp4_stream(m, video);

    if (rc >= 0 && audio) {
        rc = video_mp4_stream(m, audio);
    }

    if (rc >= 0) {
        rc = avio_open(&m->format->pb, path, AVIO_FLAG_WRITE);
    }

    if (rc >= 0) {
        options = NULL;
        (void) av_dict_set(&options, "movflags", "faststart", 0);
        rc = avformat_write_header(m->format, &options);
        av_dict_free(&options);
    }

    if (rc < 0) {
        return video_fail_av(report, rc, "cannot write MP4");
    }

    return PT_OK;
}


void
video_mp4_close(video_mp4_t *m)
{
    if (m->format) {
        avio_closep(&m->format->pb);
        avformat_free_context(m->format);
        m->format = NULL;
    }
}


static int
video_mp4_stream(video_mp4_t *m, const AVCodecContext *encoder)
{
    int        rc;
    AVStream  *st;

    st = avformat_new_stream(m->format, NULL);
    if (st == NULL) {
        return AVERROR(ENOMEM);
    }

    rc = avcodec_parameters_from_context(st->codecpar, encoder);
    if (rc < 0) {
        return rc;
    }

    st->time_base = encoder->time_base;
    st->avg_frame_rate = encoder->framerate;
    m->time_base[st->index] = encoder->time_base;

    return 0;
}


pt_err_t
video_mp4_write(video_mp4_t *m, int stream, const AVPacket *packet)
{
    int        rc;
    AVPacket  *copy;

    copy = av_packet_clone(packet);
    if (copy == NULL) {
        return video_fail_av(m->report, AVERROR(ENOMEM), "cannot write MP4");
    }

    copy->stream_index = stream;
    av_packet_rescale_ts(copy, m->time_base[stream],
                         m->format->streams[stream]->time_base);

    rc = av_interleaved_write_frame(m->format, copy);
    av_packet_free(&copy);

    if (rc < 0) {
        return video_fail_av(m->report, rc, "cannot write MP4");
    }

    return PT_OK;
}


pt_err_t
video_mp4_finish(video_mp4_t *m)
{
    int  rc;

    rc = av_write_trailer(m->format);

    if (rc >= 0 && m->format->pb->error < 0) {
        rc = m->format->pb->error;
    }

    if (rc < 0) {
        return video_fail_av(m->report, rc, "cannot write MP4");
    }

    rc = avio_closep(&m->format->pb);
    if (rc < 0) {
        return video_fail_av(m->report, rc, "cannot write MP4");
    }

    return PT_OK;
}
