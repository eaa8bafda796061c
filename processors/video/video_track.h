/*
 * One track of an HLS presentation: a folder with init.mp4, segments of
 * fragmented MP4 (CMAF) and index.m3u8.
 */

#ifndef VIDEO_TRACK_H
#define VIDEO_TRACK_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "video_playlist.h"
#include "video_report.h"


typedef struct {
    video_report_t    *report;
    char               folder[64];     /* "hls/720p" */
    AVFormatContext   *format;
    AVIOContext       *io;
    AVRational         time_base;      /* of the packets that come */
    int64_t            target;         /* of a segment, in time_base */
    int64_t            frame;          /* nominal duration of the last one */

    bool               begun;          /* init.mp4 is written */
    int                fd;             /* what is written now, -1: nothing */
    uint64_t           bytes;          /* of that file */

    AVPacket          *held;           /* until the next one tells its end */
    int64_t            segment_start;  /* pts; AV_NOPTS_VALUE: none open */
    int64_t            segment_end;    /* the latest end of a picture */
    int64_t            segment_grid;   /* its place on the grid */
    video_segments_t   segments;
    char               codecs[32];     /* "avc1.64001f" */
} video_track_t;


/*
 * Makes the folder; init.mp4 is written with the first packet.
 *
 * encoder    open, with global headers
 * target_us  a segment begins with the first keyframe at or after each
 *            multiple of it
 * frame_us   how long the last packet lasts
 */
PT_MUST_CHECK pt_err_t video_track_open(video_track_t *t, const char *folder,
    const AVCodecContext *encoder, int64_t target_us, int64_t frame_us,
    video_report_t *report);
void video_track_close(video_track_t *t);

/* a packet in the encoder's time base, borrowed */
PT_MUST_CHECK pt_err_t video_track_write(video_track_t *t,
    const AVPacket *packet);

/* the last segment and the playlist */
PT_MUST_CHECK pt_err_t video_track_finish(video_track_t *t);

/* writes a whole file; the reason of a failure goes into the report */
PT_MUST_CHECK pt_err_t video_write_file(const char *path, const void *data,
    size_t len, video_report_t *report);


#endif /* VIDEO_TRACK_H */
