/*
 * One track of an HLS presentation: a folder with init.mp4, segments of
 * fragmented MP4 (CMAF) and index.m3u8.
 */

#ifndef VIDEO_TRACK_H
#define VIDEO_TRACK_H

#include "video_file.h"
#include "video_plan.h"
#include "video_playlist.h"


typedef struct {
    video_report_t    *report;
    const char        *root;           /* "hls.0001": changes as it grows */
    char               name[32];       /* "720p" */
    AVFormatContext   *format;
    AVIOContext       *io;
    AVRational         time_base;      /* of the packets that come */
    int64_t            first;          /* where the second segment begins, */
    int64_t            target;         /* and length of one, in time_base */
    int64_t            frame;          /* nominal duration of the last one */

    bool               begun;          /* init.mp4 is written */
    int                fd;             /* what is written now, -1: nothing */
    uint64_t           bytes;          /* of that file */
    uint64_t           init_bytes;
    struct AVSHA      *sha;            /* over all files */

    AVPacket          *held;           /* until the next one tells its end */
    int64_t            segment_start;  /* pts; AV_NOPTS_VALUE: none open */
    int64_t            segment_end;    /* the latest end of a picture */
    int64_t            segment_grid;   /* its place on the grid */
    video_segments_t   segments;
    char               codecs[32];     /* "avc1.64001f" */
} video_track_t;


/*
 * Files are made in the folder name below what root points to when they are;
 * init.mp4 with the first packet.
 *
 * made      its global headers are in the parameters
 * frame_us  how long the last packet lasts
 *
 * A segment begins with the first keyframe at or after VIDEO_FIRST_US, and
 * each multiple of VIDEO_SEGMENT_US.
 */
PT_MUST_CHECK pt_err_t video_track_open(video_track_t *t, const char *root,
    const char *name, const video_made_t *made, int64_t frame_us,
    video_report_t *report);
void video_track_close(video_track_t *t);

/* a packet, borrowed */
PT_MUST_CHECK pt_err_t video_track_write(video_track_t *t,
    const AVPacket *packet);

/* the last segment */
PT_MUST_CHECK pt_err_t video_track_finish(video_track_t *t);

/* index.m3u8 of the segments so far */
PT_MUST_CHECK pt_err_t video_track_playlist(video_track_t *t, bool ended);

/* SHA-256 of init.mp4 and all segments, one after the other, in hex; once */
void video_track_digest(video_track_t *t, char hex[65]);

/* makes a folder, unless it is there */
PT_MUST_CHECK pt_err_t video_folder(const char *path, video_report_t *report);

/* writes a whole file; the reason of a failure goes into the report */
PT_MUST_CHECK pt_err_t video_write_file(const char *path, const void *data,
    size_t len, video_report_t *report);


#endif /* VIDEO_TRACK_H */
