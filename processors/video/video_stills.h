/*
 * Thumbnails and the poster, from the same decode as everything else.
 *
 * The decoding thread offers every picture; those that are wanted go into a
 * short queue, and a thread of its own scales and compresses them.
 */

#ifndef VIDEO_STILLS_H
#define VIDEO_STILLS_H

#include "video_storyboard.h"
#include "video_queue.h"


/* pictures that the poster is chosen from */
#define VIDEO_POSTER_CANDIDATES  24

#define VIDEO_STILLS_MAX  \
    (VIDEO_THUMBNAILS_MAX + VIDEO_POSTER_CANDIDATES + VIDEO_TILES_MAX)


typedef struct {
    char              name[32];       /* "thumbnails/01.jpg" */
    int               width;
    int               height;
    int64_t           time_us;        /* of the picture */
    const video_image_format_t  *format;
} video_still_t;


typedef enum {
    VIDEO_WISH_THUMBNAIL = 0,
    VIDEO_WISH_POSTER,                /* a candidate for it */
    VIDEO_WISH_TILE                   /* of the storyboard */
} video_wish_kind_t;


typedef struct {
    int64_t            time_us;
    video_wish_kind_t  kind;
} video_wish_t;


typedef struct {
    video_report_t   *report;
    video_colors_t    colors;
    AVRational        time_base;
    video_thumbs_t    thumbs;

    /* the decoding thread's */
    video_wish_t      wishes[VIDEO_STILLS_MAX];   /* by time */
    unsigned          nwishes;
    unsigned          next;           /* not yet sent; all before it are */
    AVFrame          *before;         /* the picture shown until the next */
    int64_t           last_thumbnail; /* pts */

    video_queue_t     queue;          /* of frames; opaque: the wish */

    /* the worker's */
    AVFrame          *best;
    double            best_score;
    video_still_t     thumbnails[VIDEO_THUMBNAILS_MAX];
    unsigned          nthumbnails;
    video_still_t     poster;         /* name "" if there is none */
    video_storyboard_t  storyboard;   /* no tiles: not asked for */
} video_stills_t;


/* whether to choose a poster, and to make a storyboard */
PT_MUST_CHECK pt_err_t video_stills_open(video_stills_t *s,
    const video_thumbs_t *thumbs, bool poster, bool storyboard,
    const video_info_t *info, const video_colors_t *colors,
    video_report_t *report);
void video_stills_close(video_stills_t *s);

/* decoding thread: a picture, borrowed; NULL: there are no more */
PT_MUST_CHECK pt_err_t video_stills_offer(video_stills_t *s,
    const AVFrame *frame);

/*
 * The size of a picture in a box, never larger than it is; even sides.
 *
 * height  of the box; 0: any
 */
void video_stills_fit(const AVFrame *frame, int width, int height,
    int *ret_width, int *ret_height);

/* the worker's whole life; writes files below the current folder */
PT_MUST_CHECK pt_err_t video_stills_work(video_stills_t *s);

/*
 * How good a poster a picture makes, 0 (black, white, flat) and up: sharp
 * edges, a middle exposure, contrast.
 *
 * luma  8 bits, limited range, at least 8 x 8
 */
double video_poster_score(const uint8_t *luma, int stride, int width,
    int height);


#endif /* VIDEO_STILLS_H */
