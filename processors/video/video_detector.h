/*
 * A detector: a graph of FFmpeg's filters that hangs its findings on the
 * frames that pass, of picture or of sound.
 */

#ifndef VIDEO_DETECTOR_H
#define VIDEO_DETECTOR_H

#include <stdbool.h>
#include <libavfilter/avfilter.h>

#include "video_report.h"


/* a frame with findings in its metadata, borrowed for the call */
typedef void (*video_found_fn)(void *ctx, const AVFrame *frame);


typedef struct {
    const char        *text;         /* of the graph */
    AVRational         time_base;    /* of the frames' times, in and out */
    video_found_fn     found;
    void              *ctx;

    AVFilterGraph     *graph;        /* made for the first frame */
    AVFilterContext   *in;
    AVFilterContext   *out;
    AVFrame           *kind;         /* what it was made for */
} video_detector_t;


void video_detector_init(video_detector_t *d, const char *text,
    AVRational time_base, video_found_fn found, void *ctx);
void video_detector_close(video_detector_t *d);

/*
 * frame  borrowed; NULL: the end.  One of another kind gets a new graph, which
 *        begins anew
 */
pt_err_t video_detect(video_detector_t *d, const AVFrame *frame,
    video_report_t *report);

/* a finding as a number */
double video_detector_value(const AVFrame *frame, const char *key,
    double otherwise);


#endif /* VIDEO_DETECTOR_H */
