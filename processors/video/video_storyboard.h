/*
 * The pictures that a player shows over its time line: sheets of small tiles,
 * and a WebVTT file that says which tile belongs to which time.
 */

#ifndef VIDEO_STORYBOARD_H
#define VIDEO_STORYBOARD_H

#include "video_image.h"


#define VIDEO_TILES_MAX      400
#define VIDEO_SHEET_SIDE     5         /* tiles across and down */


typedef struct {
    unsigned             tiles;        /* of the film; 0: not asked for */
    int                  tile_width;
    int                  tile_height;
    unsigned             sheets;
} video_storyboard_info_t;


typedef struct {
    video_report_t          *report;
    video_colors_t           colors;
    int64_t                  start_us;
    int64_t                  end_us;

    video_storyboard_info_t  info;
    unsigned                 done;     /* tiles */
    AVFrame                 *sheet;    /* that is being filled */
} video_storyboard_t;


/* makes the folder storyboard/ and decides how many tiles the film has */
PT_MUST_CHECK pt_err_t video_storyboard_open(video_storyboard_t *b,
    const video_info_t *info, const video_colors_t *colors,
    video_report_t *report);
void video_storyboard_close(video_storyboard_t *b);

/* the next tile, from a finished picture */
PT_MUST_CHECK pt_err_t video_storyboard_add(video_storyboard_t *b,
    const AVFrame *frame);

/* the last sheet and the text */
PT_MUST_CHECK pt_err_t video_storyboard_finish(video_storyboard_t *b);


#endif /* VIDEO_STORYBOARD_H */
