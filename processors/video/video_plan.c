/*
 * The ladder.
 */

#include "video_plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>


#define VIDEO_WEBM_PIXELS  (1280 * 720)


static void video_plan_rung(video_plan_t *plan, const video_info_t *info,
    int lines);
static void video_plan_own_size(video_plan_t *plan, const video_info_t *info);
static bool video_plan_reaches(const video_info_t *info, int lines);
static int video_long_side(int lines);
static int video_even(double pixels);


/* x264's crf moves with its preset: these look alike, and cost more or less */
static const video_preset_t  video_presets[] = {
    { "fast", "veryfast", "23", "0", "realtime", "7", "34" },
    { "balanced", "fast", "22", "40", "good", "4", "33" },
    { "quality", "slow", "20", "40", "good", "2", "31" },
    { NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const int  video_ladder[VIDEO_RUNGS_MAX] = { 1080, 720, 480 };


const video_preset_t *
video_preset(const char *name)
{
    const video_preset_t  *p;

    for (p = video_presets; p->name; p++) {
        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }

    return NULL;
}


void
video_plan(video_plan_t *plan, const video_request_t *request,
    const video_info_t *info, video_report_t *report)
{
    bool      asked;
    unsigned  i, k;

    memset(plan, 0, sizeof(*plan));

    for (i = 0; i < VIDEO_RUNGS_MAX; i++) {
        asked = request->nladder == 0;

        for (k = 0; k < request->nladder; k++) {
            asked = asked || request->ladder[k] == video_ladder[i];
        }

        if (!asked) {
            continue;
        }

        if (video_plan_reaches(info, video_ladder[i])) {
            video_plan_rung(plan, info, video_ladder[i]);

        } else if (request->nladder > 0) {
            video_warn(report, "not_enlarged", "the picture has %d x %d "
                       "pixels: renditions above that were left out",
                       info->width, info->height);
        }
    }

    if (plan->nrungs == 0) {
        video_plan_own_size(plan, info);
    }

    /* the largest that is not above 720 lines: VP9 takes its time */
    for (i = 0; i < plan->nrungs; i++) {
        plan->webm = i;

        if ((int64_t) plan->rungs[i].width * plan->rungs[i].height
            <= VIDEO_WEBM_PIXELS)
        {
            break;
        }
    }

    for (i = 0; i < plan->nrungs; i++) {
        plan->rungs[i].cap = video_cap(plan->rungs[i].width,
                                       plan->rungs[i].height,
                                       info->frame_rate.den > 0
                                       ? av_q2d(info->frame_rate) : 25);
    }
}


/*
 * 8 Mbit/s for 1080p, 4.4 for 720p, 2.4 for 480p: fewer pixels need more bits
 * each; half as much again for twice the pictures.
 */
int64_t
video_cap(int width, int height, double frame_rate)
{
    double  share;

    share = (double) width * height / (1920.0 * 1080.0);

    return (int64_t) (8e6 * pow(share, 0.75) * (frame_rate > 32 ? 1.5 : 1))
           + 64000;
}


static bool
video_plan_reaches(const video_info_t *info, int lines)
{
    int  longer, shorter;

    longer = info->width > info->height ? info->width : info->height;
    shorter = info->width > info->height ? info->height : info->width;

    return shorter >= lines || longer >= video_long_side(lines);
}


static void
video_plan_rung(video_plan_t *plan, const video_info_t *info, int lines)
{
    double              scale, by_long, by_short;
    bool                portrait;
    video_rung_size_t  *rung;

    portrait = info->height > info->width;

    /* a picture of 16:9 takes its long side from its own shape, not from
     * the box, which was rounded */
    by_short = (double) lines / (portrait ? info->width : info->height);
    by_long = (double) video_long_side(lines)
              / (portrait ? info->height : info->width);

    scale = by_short < by_long ? by_short : by_long;
    if (scale > 1) {
        scale = 1;
    }

    rung = &plan->rungs[plan->nrungs++];
    rung->width = video_even(info->width * scale);
    rung->height = video_even(info->height * scale);

    if (scale == 1) {
        rung->width = info->width & ~1;      /* an odd line is lost */
        rung->height = info->height & ~1;
    }

    snprintf(rung->name, sizeof(rung->name), "%dp", lines);
}


static void
video_plan_own_size(video_plan_t *plan, const video_info_t *info)
{
    video_rung_size_t  *rung;

    rung = &plan->rungs[plan->nrungs++];
    rung->width = info->width > 1 ? info->width & ~1 : 2;
    rung->height = info->height > 1 ? info->height & ~1 : 2;

    snprintf(rung->name, sizeof(rung->name), "%dp",
             rung->width < rung->height ? rung->width : rung->height);
}


/* 1080: 1920, 720: 1280, 480: 854 */
static int
video_long_side(int lines)
{
    return video_even(lines * 16.0 / 9.0);
}


/* 4:2:0 needs even sides */
static int
video_even(double pixels)
{
    int  even;

    even = 2 * (int) (pixels / 2 + 0.5);

    return even < 2 ? 2 : even;
}
