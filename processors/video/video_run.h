/*
 * What the threads of a run share; see video_pipeline.h for the picture.
 *
 *     video_pipeline.c   the threads
 *     video_ahead.c      what they do first, for the smallest rendition
 *     video_open.c       what is opened before, and closed after them
 *     video_finish.c     what is left when they have ended
 */

#ifndef VIDEO_RUN_H
#define VIDEO_RUN_H

#include <stdatomic.h>

#include "video_ahead.h"
#include "video_pipeline.h"
#include "video_sound.h"
#include "video_watermark.h"


/* demux, decode, stills, mux, VP9, sounds; rungs, each with its measure */
#define VIDEO_RUN_THREADS  (2 * VIDEO_RUNGS_MAX + VIDEO_SOUNDS_MAX + 5)

/* the tracks of the HLS presentation, then those of the WebM */
#define VIDEO_LANE_VP9     VIDEO_TRACKS_MAX
#define VIDEO_LANE_OPUS    (VIDEO_TRACKS_MAX + 1)
#define VIDEO_LANES_MAX    (VIDEO_TRACKS_MAX + 2)

#define VIDEO_MP4_NAME     "video.mp4"
#define VIDEO_WEBM_NAME    "video.webm"

/* shares of the progress, in permille, that are not the encoding */
#define VIDEO_PROGRESS_PROBE  20
#define VIDEO_PROGRESS_END    980


typedef struct video_run_s  video_run_t;

typedef pt_err_t (*video_stage_fn)(video_run_t *run, unsigned lane);

/* where packets come from that are written; its number is theirs */
typedef struct {
    video_run_t     *run;
    unsigned         index;
    AVRational       time_base;
    int64_t          done_us;      /* written so far */
    int64_t          frame;        /* what a packet lasts that does not say */

    /* of pictures */
    bool             copied;       /* from the source as it is */
    video_rung_t     rung;
    video_queue_t    pictures;
    video_quality_t  quality;
    int64_t          ahead_pts;    /* up to this one it was given ahead */

    /* of sound */
    video_sound_t    sound;
    video_queue_t    heard;        /* packets */
    unsigned         ahead_packets;    /* that were given ahead */
} video_lane_t;

typedef struct {
    video_run_t     *run;
    video_stage_fn   stage;
    unsigned         lane;
    pthread_t        thread;
} video_worker_t;

struct video_run_s {
    const video_request_t  *request;
    const video_info_t     *info;
    const video_plan_t     *plan;
    const video_watcher_t  *watcher;
    video_captions_t       *captions;
    video_result_t         *result;
    video_report_t         *report;

    video_source_t          source;
    video_picture_t         picture;
    video_ahead_t           ahead;
    video_stills_t          stills;
    video_hls_t             hls;
    video_file_t            mp4;
    video_file_t            webm;

    /* nrungs, then nsounds; those of the WebM at their own places */
    video_lane_t            lanes[VIDEO_LANES_MAX];
    unsigned                nrungs;
    unsigned                nsounds;

    char                    overlay[VIDEO_WATERMARK_BYTES];

    video_queue_t           video_packets;
    video_queue_t           packets;      /* stream_index: the lane */
    atomic_uint             encoding;     /* lanes that have not ended */

    int64_t                 key_grid;     /* of the last keyframe, >= -1 */
    unsigned                permille;
    int64_t                 begun_us;     /* when encoding began, */
    int64_t                 told_us;      /* and its speed was told last */
    char                    stage[64];

    video_worker_t          workers[VIDEO_RUN_THREADS];
    unsigned                nworkers;
};


/* the callbacks of what is opened, in video_pipeline.c */
bool video_run_picture(void *ctx, AVFrame *frame);
bool video_run_packet(void *ctx, AVPacket *packet);
pt_err_t video_run_shown(void *ctx, const AVFrame *frame);

/* makes a picture a keyframe, or not; grid: of the last one, moved on */
void video_run_key(const video_run_t *run, int64_t *grid, AVFrame *frame);

/* a reference to a picture, for a lane's encoder; false: stopped */
bool video_run_give(video_lane_t *l, const AVFrame *frame);

/* the lane that wants the packets of a stream of sound, or NULL */
video_lane_t *video_run_hears(video_run_t *run, int stream);

PT_MUST_CHECK pt_err_t video_run_open(video_run_t *run, const char *path);
void video_run_close(video_run_t *run);
PT_MUST_CHECK pt_err_t video_run_finish(video_run_t *run);


#endif /* VIDEO_RUN_H */
