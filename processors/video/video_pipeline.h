/*
 * A run: one decode, everything made from it at the same time.
 *
 *              packets          pictures            packets
 *   demux ─┬──[ 32 ]──> decode ─┬─[ 4 ]─> rung 0 ─┐
 *          │            filter  ├─[ 4 ]─> rung 1 ─┤
 *          │                    ├─[ 4 ]─> rung 2 ─┼─[ 64 ]─> mux ─> files
 *          │                    └─[ 2 ]─> stills  │
 *          └──[ 256 ]─────────────────> sound ────┘
 *
 * Every name is a thread, every bracket a bounded queue.  Pictures are
 * counted references: a rung of the largest size encodes the decoder's own.
 * A stage that is behind holds back the ones before it; none waits for one
 * behind itself, so there is no circle to wait in.  The first failure stops
 * all queues, and with them all threads.
 */

#ifndef VIDEO_PIPELINE_H
#define VIDEO_PIPELINE_H

#include "video_playlist.h"
#include "video_stills.h"


typedef struct {
    /* one thread at a time calls it: 0 .. 1000, never backwards */
    void  (*progress)(void *ctx, unsigned permille, const char *stage);
    void   *ctx;
} video_watcher_t;


typedef struct {
    char           name[16];
    int            width;
    int            height;
    char           codecs[32];
    uint64_t       bytes;            /* of its segments, without audio */
    unsigned       segments;
    uint64_t       average_bit_rate; /* bits a second */
    uint64_t       peak_bit_rate;
} video_rendition_t;


/* what a run has made, below the current folder */
typedef struct {
    video_rendition_t  renditions[VIDEO_RUNGS_MAX];
    unsigned           nrenditions;
    video_rendition_t  audio;         /* name "" if there is none */
    uint64_t           mp4_bytes;     /* 0: not asked for */

    video_still_t      thumbnails[VIDEO_THUMBNAILS_MAX];
    unsigned           nthumbnails;
    video_still_t      poster;        /* name "" if there is none */
    video_storyboard_info_t  storyboard;   /* no tiles if there is none */
    double             gain_db;       /* of the sound */
    double             measured_lufs; /* before; 0: not measured */

    double             frame_rate;    /* the highest, fps */
    uint64_t           pictures;
    int64_t            duration_us;
} video_result_t;


/*
 * Makes hls/, video.mp4, thumbnails/ and poster.jpg in the current folder.
 *
 * Errors  as in the report, where the reason stands
 */
PT_MUST_CHECK pt_err_t video_run(const char *path,
    const video_request_t *request, const video_info_t *info,
    const video_plan_t *plan, const video_watcher_t *watcher,
    video_result_t *result, video_report_t *report);


#endif /* VIDEO_PIPELINE_H */
