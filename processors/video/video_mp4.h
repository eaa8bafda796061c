/*
 * The progressive MP4: packets of one rendition and of the audio, boxed a
 * second time; nothing is encoded again.
 */

#ifndef VIDEO_MP4_H
#define VIDEO_MP4_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "video_report.h"


typedef struct {
    video_report_t    *report;
    AVFormatContext   *format;
    AVRational         time_base[2];    /* of video and audio packets */
} video_mp4_t;


/* audio: NULL without */
PT_MUST_CHECK pt_err_t video_mp4_open(video_mp4_t *m, const char *path,
    const AVCodecContext *video, const AVCodecContext *audio,
    video_report_t *report);
void video_mp4_close(video_mp4_t *m);

/* a packet of stream 0 (video) or 1 (audio), borrowed */
PT_MUST_CHECK pt_err_t video_mp4_write(video_mp4_t *m, int stream,
    const AVPacket *packet);

/* the index, moved to the front */
PT_MUST_CHECK pt_err_t video_mp4_finish(video_mp4_t *m);


#endif /* VIDEO_MP4_H */
