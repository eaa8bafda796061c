/*
 * A film in one file: the progressive MP4 repeats packets of the largest
 * rendition and of the audio, boxed a second time; the WebM has its own.
 */

#ifndef VIDEO_FILE_H
#define VIDEO_FILE_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "video_report.h"


typedef struct {
    video_report_t    *report;
    AVFormatContext   *format;
    AVRational         time_base[2];    /* of video and audio packets */
} video_file_t;


/* what a track is made of: an encoder's packets, or the source's */
typedef struct {
    AVCodecParameters   *par;
    AVRational           time_base;
    AVRational           frame_rate;    /* of video */
} video_made_t;


/* muxer: "mp4" or "webm"; audio: NULL without */
PT_MUST_CHECK pt_err_t video_file_open(video_file_t *m, const char *path,
    const char *muxer, const video_made_t *video, const video_made_t *audio,
    video_report_t *report);
void video_file_close(video_file_t *m);

/* a packet of stream 0 (video) or 1 (audio), borrowed */
PT_MUST_CHECK pt_err_t video_file_write(video_file_t *m, int stream,
    const AVPacket *packet);

/* the index; an MP4's is moved to the front */
PT_MUST_CHECK pt_err_t video_file_finish(video_file_t *m);


#endif /* VIDEO_FILE_H */
