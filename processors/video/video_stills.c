/*
 * Thumbnails and the poster.
 */

#include "video_stills.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "video_rung.h"


#define VIDEO_THUMBNAIL_QUALITY  3
#define VIDEO_POSTER_QUALITY     2

/* the poster's long side: what a player shows before it plays */
#define VIDEO_POSTER_SIDE        1280

/* a time in whole milliseconds means the picture that begins there */
#define VIDEO_ROUNDED_US         500

/* pictures are judged at this width: blur shows, noise and grain do not */
#define VIDEO_JUDGE_WIDTH        480


static void video_stills_wish(video_stills_t *s, const video_info_t *info,
    unsigned n, video_wish_kind_t kind);
static void video_stills_listed(video_stills_t *s, const video_info_t *info);
static int video_wish_compare(const void *a, const void *b);
static pt_err_t video_stills_send(video_stills_t *s, const AVFrame *frame,
    const video_wish_t *wish);
static pt_err_t video_stills_thumbnail(video_stills_t *s,
    const AVFrame *frame);
static pt_err_t video_stills_judge(video_stills_t *s, const AVFrame *frame);
static pt_err_t video_stills_poster(video_stills_t *s);
static int video_even_side(int side, int num, int den);


pt_err_t
video_stills_open(video_stills_t *s, const video_thumbs_t *thumbs, bool poster,
    bool storyboard, const video_info_t *info, const video_colors_t *colors,
    video_report_t *report)
{
    pt_err_t  err;

    memset(s, 0, sizeof(*s));

    s->report = report;
    s->colors = *colors;
    s->time_base = info->time_base;
    s->thumbs = *thumbs;
    s->last_thumbnail = AV_NOPTS_VALUE;
    s->best_score = -1;

    video_queue_init(&s->queue, 2, video_free_frame);

    if (thumbs->listed) {
        video_stills_listed(s, info);

    } else {
        video_stills_wish(s, info, thumbs->count, VIDEO_WISH_THUMBNAIL);
    }

    if (poster) {
        video_stills_wish(s, info, VIDEO_POSTER_CANDIDATES,
                          VIDEO_WISH_POSTER);
    }

    if (storyboard) {
        err = video_storyboard_open(&s->storyboard, info, colors, report);
        if (err != PT_OK) {
            return err;
        }

        video_stills_wish(s, info, s->storyboard.info.tiles, VIDEO_WISH_TILE);
    }

    qsort(s->wishes, s->nwishes, sizeof(s->wishes[0]), video_wish_compare);

    if (thumbs->count > 0 && mkdir("thumbnails", 0750) == -1
        && errno != EEXIST)
    {
        return video_fail(report, PT_E_IO, "cannot make a folder: %s",
                          strerror(errno));
    }

    return PT_OK;
}


void
video_stills_close(video_stills_t *s)
{
    av_frame_free(&s->before);
    av_frame_free(&s->best);
    video_storyboard_close(&s->storyboard);
    video_queue_done(&s->queue);
}


/* in the middle of n equal parts of the film */
static void
video_stills_wish(video_stills_t *s, const video_info_t *info, unsigned n,
    video_wish_kind_t kind)
{
    unsigned       i;
    video_wish_t  *w;

    for (i = 0; i < n; i++) {
        w = &s->wishes[s->nwishes++];
        w->kind = kind;
        w->time_us = info->start_us
                     + (info->end_us - info->start_us) * (2 * i + 1) / (2 * n);
    }
}


/* what lies outside of the film gives its first or last picture */
static void
video_stills_listed(video_stills_t *s, const video_info_t *info)
{
    unsigned       i;
    video_wish_t  *w;

    for (i = 0; i < s->thumbs.count; i++) {
        w = &s->wishes[s->nwishes++];
        w->kind = VIDEO_WISH_THUMBNAIL;
        w->time_us = llround(s->thumbs.timestamps[i] * AV_TIME_BASE)
                     + VIDEO_ROUNDED_US;

        if (w->time_us >= info->end_us + VIDEO_ROUNDED_US) {
            video_warn(s->report, "after_end", "the film ends after %.3f s: "
                       "its last picture stands for later ones",
                       (double) info->end_us / AV_TIME_BASE);
        }
    }
}


static int
video_wish_compare(const void *a, const void *b)
{
    int64_t  x, y;

    x = ((const video_wish_t *) a)->time_us;
    y = ((const video_wish_t *) b)->time_us;

    return (x > y) - (x < y);
}


/* the picture on the screen at a time is the last one that began by then */
pt_err_t
video_stills_offer(video_stills_t *s, const AVFrame *frame)
{
    pt_err_t             err;
    const AVFrame       *shown;
    const video_wish_t  *w;

    while (s->next < s->nwishes) {
        w = &s->wishes[s->next];

        if (frame && av_compare_ts(frame->pts, s->time_base, w->time_us,
                                   AV_TIME_BASE_Q) <= 0)
        {
            break;
        }

        shown = s->before ? s->before : frame;
        if (shown == NULL) {
            break;
        }

        err = video_stills_send(s, shown, w);
        if (err != PT_OK) {
            return err;
        }

        s->next++;
    }

    av_frame_free(&s->before);

    if (frame == NULL) {
        video_queue_end(&s->queue);
        return PT_OK;
    }

    if (s->next < s->nwishes) {
        s->before = av_frame_clone(frame);
        if (s->before == NULL) {
            return video_fail_av(s->report, AVERROR(ENOMEM), "thumbnails");
        }
    }

    return PT_OK;
}


static pt_err_t
video_stills_send(video_stills_t *s, const AVFrame *frame,
    const video_wish_t *wish)
{
    AVFrame  *copy;

    if (wish->kind == VIDEO_WISH_THUMBNAIL) {
        if (frame->pts == s->last_thumbnail && !s->thumbs.listed) {
            video_warn(s->report, "few_frames", "the film has fewer pictures "
                       "than thumbnails were asked for");
            return PT_OK;
        }

        s->last_thumbnail = frame->pts;
    }

    copy = av_frame_clone(frame);
    if (copy == NULL) {
        return video_fail_av(s->report, AVERROR(ENOMEM), "thumbnails");
    }

    copy->opaque = (void *) (uintptr_t) wish;

    return video_queue_push(&s->queue, copy) ? PT_OK : PT_E_CANCELLED;
}


pt_err_t
video_stills_work(video_stills_t *s)
{
    AVFrame             *frame;
    pt_err_t             err;
    const video_wish_t  *wish;

    for ( ;; ) {
        frame = video_queue_pop(&s->queue);
        if (frame == NULL) {
            break;
        }

        wish = frame->opaque;

        switch (wish->kind) {
        case VIDEO_WISH_THUMBNAIL:
            err = video_stills_thumbnail(s, frame);
            break;

        case VIDEO_WISH_POSTER:
            err = video_stills_judge(s, frame);
            break;

        default:
            err = video_storyboard_add(&s->storyboard, frame);
            break;
        }

        av_frame_free(&frame);

        if (err != PT_OK) {
            return err;
        }
    }

    if (s->storyboard.done > 0) {
        err = video_storyboard_finish(&s->storyboard);
        if (err != PT_OK) {
            return err;
        }
    }

    return s->best ? video_stills_poster(s) : PT_OK;
}


static pt_err_t
video_stills_thumbnail(video_stills_t *s, const AVFrame *frame)
{
    video_still_t  *t;

    t = &s->thumbnails[s->nthumbnails];

    video_stills_fit(frame, s->thumbs.width, s->thumbs.height, &t->width,
                     &t->height);
    t->time_us = av_rescale_q(frame->pts, s->time_base, AV_TIME_BASE_Q);
    t->format = s->thumbs.format;
    snprintf(t->name, sizeof(t->name), "thumbnails/%02u.%s",
             s->nthumbnails + 1, t->format->ending);

    s->nthumbnails++;

    return video_image_write(t->name, t->format, frame, t->width, t->height,
                             VIDEO_THUMBNAIL_QUALITY, &s->colors, s->report);
}


void
video_stills_fit(const AVFrame *frame, int width, int height, int *ret_width,
    int *ret_height)
{
    if (height > 0 && (int64_t) width * frame->height
                      > (int64_t) height * frame->width)
    {
        /* the height is what limits it */
        width = (int) av_rescale(height, frame->width, frame->height);
        width = width < 2 ? 2 : width;
    }

    *ret_width = width < frame->width ? width & ~1 : frame->width;
    *ret_height = video_even_side(frame->height, *ret_width, frame->width);
}


static int
video_even_side(int side, int num, int den)
{
    int  even;

    even = 2 * (int) (((int64_t) side * num + den) / (2 * (int64_t) den));

    return even < 2 ? 2 : even;
}


static pt_err_t
video_stills_judge(video_stills_t *s, const AVFrame *frame)
{
    int                 rc, width, height;
    double              score;
    AVFrame            *small;
    struct SwsContext  *sws;

    width = frame->width < VIDEO_JUDGE_WIDTH ? frame->width
                                             : VIDEO_JUDGE_WIDTH;
    height = video_even_side(frame->height, width, frame->width);

    small = av_frame_alloc();
    sws = video_sws(frame->width, frame->height, AV_PIX_FMT_YUV420P, width,
                    height, AV_PIX_FMT_YUV420P, NULL);
    rc = AVERROR(ENOMEM);

    if (small && sws) {
        small->format = AV_PIX_FMT_YUV420P;
        small->width = width;
        small->height = height;

        rc = av_frame_get_buffer(small, 0);
        if (rc >= 0) {
            rc = sws_scale(sws, (const uint8_t *const *) frame->data,
                           frame->linesize, 0, frame->height, small->data,
                           small->linesize);
        }
    }

    if (rc >= 0) {
        score = video_poster_score(small->data[0], small->linesize[0], width,
                                   height);
        if (score > s->best_score) {
            s->best_score = score;
            av_frame_free(&s->best);
            s->best = av_frame_clone(frame);
            rc = s->best ? 0 : AVERROR(ENOMEM);
        }
    }

    sws_freeContext(sws);
    av_frame_free(&small);

    return rc < 0 ? video_fail_av(s->report, rc, "cannot judge a picture")
                  : PT_OK;
}


double
video_poster_score(const uint8_t *luma, int stride, int width, int height)
{
    int             x, y;
    double          n, v, edge, sum, squares, edges, mean, contrast, exposure;
    const uint8_t  *p;

    sum = 0;
    squares = 0;
    edges = 0;
    n = 0;

    for (y = 1; y < height - 1; y++) {
        for (x = 1; x < width - 1; x++) {
            p = luma + (ptrdiff_t) y * stride + x;
            v = *p;

            /* what is left of a point after its neighbours: focus */
            edge = 4 * v - p[-1] - p[1] - p[-stride] - p[stride];

            sum += v;
            squares += v * v;
            edges += edge * edge;
            n++;
        }
    }

    if (n == 0) {
        return 0;
    }

    mean = sum / n;
    contrast = sqrt(fmax(squares / n - mean * mean, 0));

    /* 110: middle gray; one step of the bell is what a night scene is off */
    exposure = exp(-(mean - 110) * (mean - 110) / (2 * 50.0 * 50.0));

    return log1p(edges / n) * exposure * fmin(contrast / 40, 1);
}


static pt_err_t
video_stills_poster(video_stills_t *s)
{
    int             longer, side;
    video_still_t  *p;

    p = &s->poster;
    longer = s->best->width > s->best->height ? s->best->width
                                              : s->best->height;
    side = longer < VIDEO_POSTER_SIDE ? longer : VIDEO_POSTER_SIDE;

    p->width = video_even_side(s->best->width, side, longer);
    p->height = video_even_side(s->best->height, side, longer);
    p->time_us = av_rescale_q(s->best->pts, s->time_base, AV_TIME_BASE_Q);
    p->format = video_image_format(PT_STR("jpeg"));
    snprintf(p->name, sizeof(p->name), "poster.%s", p->format->ending);

    return video_image_write(p->name, p->format, s->best, p->width, p->height,
                             VIDEO_POSTER_QUALITY, &s->colors, s->report);
}
