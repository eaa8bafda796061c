/*
 * Sheets of tiles.
 */

#include "video_storyboard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "video_rung.h"
#include "video_track.h"


/* the long side of a tile */
#define VIDEO_TILE_SIDE      160

/* one for each two seconds; a long film has longer steps */
#define VIDEO_TILE_US        (2 * AV_TIME_BASE)

#define VIDEO_SHEET_TILES    (VIDEO_SHEET_SIDE * VIDEO_SHEET_SIDE)
#define VIDEO_SHEET_QUALITY  5

/* 400 tiles of 90 bytes of text */
#define VIDEO_VTT_MAX        (64u << 10)


static void video_storyboard_size(video_storyboard_t *b,
    const AVFrame *frame);
static pt_err_t video_storyboard_sheet(video_storyboard_t *b);
static int video_storyboard_tile(video_storyboard_t *b, const AVFrame *frame,
    int x, int y);
static pt_err_t video_storyboard_write(video_storyboard_t *b);
static void video_storyboard_text(pt_buf_t *buf, const video_storyboard_t *b);
static void video_storyboard_time(pt_buf_t *buf, int64_t us);


pt_err_t
video_storyboard_open(video_storyboard_t *b, const video_info_t *info,
    const video_colors_t *colors, video_report_t *report)
{
    int64_t  n;

    memset(b, 0, sizeof(*b));

    n = (info->end_us - info->start_us + VIDEO_TILE_US - 1) / VIDEO_TILE_US;

    b->report = report;
    b->colors = *colors;
    b->start_us = info->start_us;
    b->end_us = info->end_us;
    b->info.tiles = (unsigned) FFMIN(FFMAX(n, 1), VIDEO_TILES_MAX);

    if (mkdir("storyboard", 0750) == -1 && errno != EEXIST) {
        return video_fail(report, PT_E_IO, "cannot make a folder: %s",
                          strerror(errno));
    }

    return PT_OK;
}


void
video_storyboard_close(video_storyboard_t *b)
{
    av_frame_free(&b->sheet);
}


pt_err_t
video_storyboard_add(video_storyboard_t *b, const AVFrame *frame)
{
    int       rc;
    pt_err_t  err;
    unsigned  at;

    if (b->done == 0) {
        video_storyboard_size(b, frame);
    }

    if (b->sheet == NULL) {
        err = video_storyboard_sheet(b);
        if (err != PT_OK) {
            return err;
        }
    }

    at = b->done % VIDEO_SHEET_TILES;

    rc = video_storyboard_tile(b, frame, (int) (at % VIDEO_SHEET_SIDE)
                                         * b->info.tile_width,
                               (int) (at / VIDEO_SHEET_SIDE)
                               * b->info.tile_height);
    if (rc < 0) {
        return video_fail_av(b->report, rc, "cannot make a storyboard");
    }

    b->done++;

    return b->done % VIDEO_SHEET_TILES == 0 ? video_storyboard_write(b)
                                            : PT_OK;
}


/* in a square; even, since a tile begins at a whole chroma sample */
static void
video_storyboard_size(video_storyboard_t *b, const AVFrame *frame)
{
    int  longer;

    longer = FFMAX(frame->width, frame->height);

    b->info.tile_width = (int) av_rescale(VIDEO_TILE_SIDE, frame->width,
                                          longer) & ~1;
    b->info.tile_height = (int) av_rescale(VIDEO_TILE_SIDE, frame->height,
                                           longer) & ~1;

    /* swscale's least */
    b->info.tile_width = FFMAX(b->info.tile_width, 8);
    b->info.tile_height = FFMAX(b->info.tile_height, 8);
}


/* an empty one: black */
static pt_err_t
video_storyboard_sheet(video_storyboard_t *b)
{
    int       i, rc;
    AVFrame  *sheet;

    sheet = av_frame_alloc();
    b->sheet = sheet;
    if (sheet == NULL) {
        return video_fail_av(b->report, AVERROR(ENOMEM), "storyboard");
    }

    sheet->format = AV_PIX_FMT_YUV420P;
    sheet->width = b->info.tile_width * VIDEO_SHEET_SIDE;
    sheet->height = b->info.tile_height * VIDEO_SHEET_SIDE;

    rc = av_frame_get_buffer(sheet, 0);
    if (rc < 0) {
        return video_fail_av(b->report, rc, "cannot make a storyboard");
    }

    for (i = 0; i < 3; i++) {
        memset(sheet->data[i], i == 0 ? 16 : 128,
               (size_t) sheet->linesize[i] * sheet->height / (i == 0 ? 1 : 2));
    }

    return PT_OK;
}


static int
video_storyboard_tile(video_storyboard_t *b, const AVFrame *frame, int x,
    int y)
{
    int                 i, rc;
    uint8_t            *planes[4] = { NULL, NULL, NULL, NULL };
    struct SwsContext  *sws;

    sws = video_sws(frame->width, frame->height, AV_PIX_FMT_YUV420P,
                    b->info.tile_width, b->info.tile_height,
                    AV_PIX_FMT_YUV420P, NULL);
    if (sws == NULL) {
        return AVERROR(ENOMEM);
    }

    for (i = 0; i < 3; i++) {
        planes[i] = b->sheet->data[i]
                    + (ptrdiff_t) (i == 0 ? y : y / 2) * b->sheet->linesize[i]
                    + (i == 0 ? x : x / 2);
    }

    rc = sws_scale(sws, (const uint8_t *const *) frame->data, frame->linesize,
                   0, frame->height, planes, b->sheet->linesize);

    sws_freeContext(sws);

    return rc;
}


static pt_err_t
video_storyboard_write(video_storyboard_t *b)
{
    char      path[64];
    pt_err_t  err;

    b->info.sheets++;
    snprintf(path, sizeof(path), "storyboard/%02u.jpg", b->info.sheets);

    err = video_image_write(path, video_image_format(PT_STR("jpeg")),
                            b->sheet, b->sheet->width, b->sheet->height,
                            VIDEO_SHEET_QUALITY, &b->colors, b->report);

    av_frame_free(&b->sheet);

    return err;
}


pt_err_t
video_storyboard_finish(video_storyboard_t *b)
{
    pt_buf_t  buf;
    pt_err_t  err;

    if (b->sheet) {
        err = video_storyboard_write(b);
        if (err != PT_OK) {
            return err;
        }
    }

    pt_buf_init(&buf, &pt_mem_heap, VIDEO_VTT_MAX);
    video_storyboard_text(&buf, b);

    err = buf.err != PT_OK
          ? video_fail(b->report, buf.err, "cannot write a storyboard")
          : video_write_file("storyboard/storyboard.vtt", buf.data, buf.len,
                             b->report);

    pt_buf_done(&buf);

    return err;
}


/* WebVTT whose cues name a part of a picture, as players read it */
static void
video_storyboard_text(pt_buf_t *buf, const video_storyboard_t *b)
{
    int64_t   lasts;
    unsigned  i, at;

    lasts = b->end_us - b->start_us;

    pt_buf_add_text(buf, "WEBVTT\n");

    for (i = 0; i < b->done; i++) {
        at = i % VIDEO_SHEET_TILES;

        pt_buf_add_text(buf, "\n");
        video_storyboard_time(buf, b->start_us + lasts * i / b->info.tiles);
        pt_buf_add_text(buf, " --> ");
        video_storyboard_time(buf, b->start_us
                                   + lasts * (i + 1) / b->info.tiles);
        pt_buf_printf(buf, "\n%02u.jpg#xywh=%d,%d,%d,%d\n",
                      i / VIDEO_SHEET_TILES + 1,
                      (int) (at % VIDEO_SHEET_SIDE) * b->info.tile_width,
                      (int) (at / VIDEO_SHEET_SIDE) * b->info.tile_height,
                      b->info.tile_width, b->info.tile_height);
    }
}


static void
video_storyboard_time(pt_buf_t *buf, int64_t us)
{
    int64_t  ms;

    ms = us / 1000;

    pt_buf_printf(buf, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%03" PRId64,
                  ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}
