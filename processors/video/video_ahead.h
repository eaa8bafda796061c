/*
 * The film's beginning, ahead of all for the smallest rendition.
 *
 * All renditions together take a second or more for a second of film, and the
 * queues keep them at the same picture: nobody could watch before the largest
 * one has its first segment.  The smallest alone needs an eighth of that.  So
 * the beginning is decoded twice: first for the smallest rendition and for
 * the sounds, until their first segments are published; then all starts, and
 * who was ahead is given what comes after.  It costs the decoding of the few
 * seconds that an encoder looks forward.
 */

#ifndef VIDEO_AHEAD_H
#define VIDEO_AHEAD_H

#include <stdatomic.h>

#include "video_picture.h"


/* a film of less is done before it would be worth it */
#define VIDEO_AHEAD_FILM_US  (20 * AV_TIME_BASE)

/* who has no segment by then (a sound that begins late) is not waited for */
#define VIDEO_AHEAD_MAX_US   (12 * AV_TIME_BASE)


struct video_run_s;

typedef struct {
    video_source_t   source;        /* format NULL: nothing goes ahead */
    video_picture_t  picture;
    int64_t          key_grid;
    atomic_bool      enough;        /* it can be watched */
} video_ahead_t;


/* after all lanes; a film for which it is not worth it has none */
PT_MUST_CHECK pt_err_t video_ahead_open(struct video_run_s *run,
    const char *path);
void video_ahead_close(video_ahead_t *a);

/* what the threads of the same names do first; PT_E_CANCELLED: stopped */
PT_MUST_CHECK pt_err_t video_ahead_demux(struct video_run_s *run);
PT_MUST_CHECK pt_err_t video_ahead_decode(struct video_run_s *run);


#endif /* VIDEO_AHEAD_H */
