/*
 * HLS playlists (RFC 8216bis): text from numbers, no file and no codec.
 */

#ifndef VIDEO_PLAYLIST_H
#define VIDEO_PLAYLIST_H

#include <stdbool.h>
#include <stdint.h>
#include "pt_mem.h"


typedef struct {
    int64_t            duration_us;
    uint64_t           bytes;
} video_segment_t;


typedef struct {
    video_segment_t   *list;
    unsigned           n;
    unsigned           cap;
} video_segments_t;


typedef struct {
    const char              *name;        /* "720p": also its folder */
    const char              *codecs;      /* "avc1.64001f" */
    int                      width;
    int                      height;
    double                   frame_rate;  /* the highest, fps */
    uint64_t                 bound;       /* bits a second that it may need */
    const video_segments_t  *segments;
} video_variant_t;


/* one of a group: a track of audio, or of captions */
typedef struct {
    const char              *name;        /* its folder */
    const char              *label;       /* what a viewer is shown */
    const char              *language;    /* RFC 5646 tag, "" unknown */
    bool                     is_default;
    const char              *codecs;      /* of audio */
    uint64_t                 bound;
    const video_segments_t  *segments;
} video_group_t;


typedef struct {
    const video_variant_t   *variants;
    unsigned                 nvariants;
    const video_group_t     *sounds;
    unsigned                 nsounds;
    const video_group_t     *captions;
    unsigned                 ncaptions;
    int64_t                  target_us;
    bool                     ended;       /* the bit rates are measured */
} video_master_t;


PT_MUST_CHECK pt_err_t video_segments_add(video_segments_t *s,
    int64_t duration_us, uint64_t bytes);
void video_segments_done(video_segments_t *s);

uint64_t video_segments_bytes(const video_segments_t *s);

/* bits a second over all of it; 0 for an empty list */
uint64_t video_segments_average(const video_segments_t *s);

/*
 * The peak as RFC 8216bis means it: over any run of segments that lasts 0.5
 * to 1.5 times the target duration; over all where there is no such run.
 */
uint64_t video_segments_peak(const video_segments_t *s, int64_t target_us);

/*
 * A media playlist: init.mp4, then 0001.m4s, 0002.m4s, ...  One that has not
 * ended will grow (EVENT); one that has is the whole film (VOD).
 */
void video_playlist_media(pt_buf_t *buf, const video_segments_t *s,
    int64_t target_us, bool ended);

void video_playlist_master(pt_buf_t *buf, const video_master_t *m);


#endif /* VIDEO_PLAYLIST_H */
