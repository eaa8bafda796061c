/*
 * The HLS presentation as it grows.  Files are made in a folder of their own,
 * "hls.0001"; when each track has another segment, that folder is published
 * with playlists that tell of it, and "hls.0002" is begun.  The first one has
 * the master playlist and the captions, and the first segment of the smallest
 * rendition: the playlists of the others are empty yet.  The last one has all
 * playlists, ended.
 *
 * One thread at a time may use it.
 */

#ifndef VIDEO_HLS_H
#define VIDEO_HLS_H

#include "video_captions.h"
#include "video_track.h"


#define VIDEO_TRACKS_MAX  (VIDEO_RUNGS_MAX + VIDEO_SOUNDS_MAX)


/* folder: what to add to what was published before; it is the callee's */
typedef pt_err_t (*video_publish_fn)(void *ctx, const char *folder);


typedef struct {
    video_report_t     *report;
    char                root[16];       /* "hls.0001" */
    unsigned            piece;
    unsigned            segments;       /* of each track, in all rounds */

    video_track_t       tracks[VIDEO_TRACKS_MAX];
    video_variant_t     variants[VIDEO_RUNGS_MAX];
    unsigned            nvariants;
    video_group_t       sounds[VIDEO_SOUNDS_MAX];
    unsigned            nsounds;
    char                names[VIDEO_SOUNDS_MAX][16];
    char                labels[VIDEO_SOUNDS_MAX][80];

    video_captions_t   *captions;
    const video_info_t *info;

    video_publish_fn    publish;
    void               *ctx;
} video_hls_t;


/* captions are written at once, and stay the caller's */
PT_MUST_CHECK pt_err_t video_hls_open(video_hls_t *h,
    const video_info_t *info, video_captions_t *captions,
    video_publish_fn publish, void *ctx, video_report_t *report);
void video_hls_close(video_hls_t *h);

/* all rungs, then all sounds: tracks 0, 1, 2, ... */
PT_MUST_CHECK pt_err_t video_hls_rung(video_hls_t *h,
    const video_rung_size_t *size, const video_made_t *made);
PT_MUST_CHECK pt_err_t video_hls_sound(video_hls_t *h,
    const video_sound_info_t *sound, const video_made_t *made);

/* a packet of a track, borrowed */
PT_MUST_CHECK pt_err_t video_hls_write(video_hls_t *h, unsigned track,
    const AVPacket *packet);

/*
 * The end of all tracks.  A sound of which nothing came is left out, with a
 * warning, and has no segments.
 *
 * frame_rate  of the film, as it was
 */
PT_MUST_CHECK pt_err_t video_hls_finish(video_hls_t *h, double frame_rate);


#endif /* VIDEO_HLS_H */
