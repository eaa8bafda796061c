/*
 * Thumbnails without a film's decoding: one pass over the packets finds which
 * one holds each picture and the keyframe that it needs, a second decodes
 * these packets and drops all others.
 *
 * A picture is the one that a full decode would show at its time, in every
 * container: nothing is sought, so there is no index to trust.
 */

#ifndef VIDEO_PICK_H
#define VIDEO_PICK_H

#include "video_pipeline.h"


/*
 * Makes thumbnails/ in the current folder.
 *
 * stills  VIDEO_THUMBNAILS_MAX of them; ret_n: how many were made
 * Errors  as in the report, where the reason stands
 */
PT_MUST_CHECK pt_err_t video_pick(const char *path,
    const video_thumbs_t *thumbs, const video_info_t *info,
    const video_watcher_t *watcher, video_still_t *stills, unsigned *ret_n,
    video_report_t *report);


#endif /* VIDEO_PICK_H */
