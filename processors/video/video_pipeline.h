/*
 * A run: one decode, everything made from it at the same time.
 *
 *              packets          pictures            packets
 *   demux ─┬──[ 32 ]──> decode ─┬─[ 4 ]─> rung 0 ─┐
 *          │            filter  ├─[ 4 ]─> rung 1 ─┤
 *          │                    ├─[ 4 ]─> rung 2 ─┼─[ 64 ]─> mux ─> files
 *          │                    ├─[ 4 ]─> VP9 ────┤           └─[ 16 ]─> measure
 *          │                    └─[ 2 ]─> stills  │
 *          └──[ 256 ]─────────────────> sounds ───┘
 *
 * A rung that the source already is has no thread: its packets go straight
 * from demux to mux.  VP9 and measuring are there where they are asked for.
 *
 * Before all that, the same threads take the film's beginning to the smallest
 * rendition and the sounds alone: see video_ahead.h.
 *
 * Every name is a thread, every bracket a bounded queue.  Pictures are
 * counted references: a rung of the largest size encodes the decoder's own.
 * A stage that is behind holds back the ones before it; none waits for one
 * behind itself, so there is no circle to wait in.  The first failure stops
 * all queues, and with them all threads.
 */

#ifndef VIDEO_PIPELINE_H
#define VIDEO_PIPELINE_H

#include "video_hls.h"
#include "video_quality.h"
#include "video_stills.h"


typedef struct {
    /* one thread at a time calls it: 0 .. 1000, never backwards */
    void              (*progress)(void *ctx, unsigned permille,
                                  const char *stage);
    video_publish_fn    publish;          /* what hls/ grows by */
    void               *ctx;
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
    int64_t        duration_us;
    char           sha256[65];       /* of all its files, in hex */

    bool           copied;           /* the source's own packets */
    video_score_t  score;            /* of one that was measured */

    char           language[16];     /* of an audio track */
    char           label[80];
    bool           is_default;
    video_gain_t   gain;
} video_rendition_t;


/* a film in one file */
typedef struct {
    uint64_t       bytes;            /* 0: not asked for */
    int            width;
    int            height;
    char           codecs[48];
} video_whole_t;


/* what a run has made, below the current folder */
typedef struct {
    video_rendition_t  renditions[VIDEO_RUNGS_MAX];
    unsigned           nrenditions;
    video_rendition_t  sounds[VIDEO_SOUNDS_MAX];   /* the default one first */
    unsigned           nsounds;
    video_whole_t      mp4;
    video_whole_t      webm;

    video_still_t      thumbnails[VIDEO_THUMBNAILS_MAX];
    unsigned           nthumbnails;
    video_still_t      poster;        /* name "" if there is none */
    video_storyboard_info_t  storyboard;   /* no tiles if there is none */

    double             frame_rate;    /* the highest, fps */
    uint64_t           pictures;
    int64_t            duration_us;
} video_result_t;


/*
 * Publishes HLS as it grows, and makes video.mp4, video.webm, thumbnails/ and
 * poster.jpg in the current folder.
 *
 * Errors  as in the report, where the reason stands
 */
PT_MUST_CHECK pt_err_t video_run(const char *path,
    const video_request_t *request, const video_info_t *info,
    const video_plan_t *plan, video_captions_t *captions,
    const video_watcher_t *watcher, video_result_t *result,
    video_report_t *report);


#endif /* VIDEO_PIPELINE_H */
