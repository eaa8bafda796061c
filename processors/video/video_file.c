/*
 * A film in one file.
 */

#include "video_file.h"

#include <string.h>


static int video_file_stream(video_file_t *m, const video_made_t *made);


pt_err_t
video_file_open(video_file_t *m, const char *path, const char *muxer,
    const video_made_t *video, const video_made_t *audio,
    video_report_t *report)
{
    int            rc;
    AVDictionary  *options;

    memset(m, 0, sizeof(*m));
    m->report = report;

    rc = avformat_alloc_output_context2(&m->format, NULL, muxer, path);
    if (rc < 0) {
        return video_fail_av(report, rc, "cannot write a file");
    }

    m->format->flags |= AVFMT_FLAG_BITEXACT;

    rc = video_file_stream(m, video);

    if (rc >= 0 && audio) {
        rc = video_file_stream(m, audio);
    }

    if (rc >= 0) {
        rc = avio_open(&m->format->pb, path, AVIO_FLAG_WRITE);
    }

    if (rc >= 0) {
        options = NULL;

        if (strcmp(muxer, "mp4") == 0) {
            (void) av_dict_set(&options, "movflags", "faststart", 0);

        } else {
            (void) av_dict_set(&options, "cues_to_front", "1", 0);
        }

        rc = avformat_write_header(m->format, &options);
        av_dict_free(&options);
    }

    if (rc < 0) {
        return video_fail_av(report, rc, "cannot write a file");
    }

    return PT_OK;
}


void
video_file_close(video_file_t *m)
{
    if (m->format) {
        avio_closep(&m->format->pb);
        avformat_free_context(m->format);
        m->format = NULL;
    }
}


static int
video_file_stream(video_file_t *m, const video_made_t *made)
{
    int        rc;
    AVStream  *st;

    st = avformat_new_stream(m->format, NULL);
    if (st == NULL) {
        return AVERROR(ENOMEM);
    }

    rc = avcodec_parameters_copy(st->codecpar, made->par);
    if (rc < 0) {
        return rc;
    }

    /* the muxer's own; the source's container may have called it otherwise */
    st->codecpar->codec_tag = 0;
    st->time_base = made->time_base;
    st->avg_frame_rate = made->frame_rate;
    m->time_base[st->index] = made->time_base;

    return 0;
}


pt_err_t
video_file_write(video_file_t *m, int stream, const AVPacket *packet)
{
    int        rc;
    AVPacket  *copy;

    copy = av_packet_clone(packet);
    if (copy == NULL) {
        return video_fail_av(m->report, AVERROR(ENOMEM), "cannot write a file");
    }

    copy->stream_index = stream;
    av_packet_rescale_ts(copy, m->time_base[stream],
                         m->format->streams[stream]->time_base);

    rc = av_interleaved_write_frame(m->format, copy);
    av_packet_free(&copy);

    if (rc < 0) {
        return video_fail_av(m->report, rc, "cannot write a file");
    }

    return PT_OK;
}


pt_err_t
video_file_finish(video_file_t *m)
{
    int  rc;

    rc = av_write_trailer(m->format);

    if (rc >= 0 && m->format->pb->error < 0) {
        rc = m->format->pb->error;
    }

    if (rc < 0) {
        return video_fail_av(m->report, rc, "cannot write a file");
    }

    rc = avio_closep(&m->format->pb);
    if (rc < 0) {
        return video_fail_av(m->report, rc, "cannot write a file");
    }

    return PT_OK;
}
