/*
 * The film's beginning, ahead of all for the smallest rendition.
 */

#include "video_run.h"


/* no packet's stream: that of the one that ends the beginning */
#define VIDEO_AHEAD_END  (-1)


static bool video_ahead_wanted(const video_run_t *run);
static bool video_ahead_route(video_run_t *run, AVPacket *packet);
static bool video_ahead_beyond(const video_run_t *run, const AVPacket *packet);
static bool video_ahead_picture(void *ctx, AVFrame *frame);


pt_err_t
video_ahead_open(video_run_t *run, const char *path)
{
    pt_err_t        err;
    video_ahead_t  *a;

    a = &run->ahead;
    a->key_grid = -1;

    if (!video_ahead_wanted(run)) {
        return PT_OK;
    }

    err = video_source_open(&a->source, path, run->report);
    if (err != PT_OK) {
        return err;
    }

    video_source_tracks(&a->source, &run->request->languages, run->report);

    err = video_picture_open(&a->picture, a->source.video, run->info,
                             &run->plan->rungs[0], run->report);

    a->picture.overlay = run->picture.overlay;
    a->picture.emit = video_ahead_picture;
    a->picture.ctx = run;

    return err;
}


/*
 * A damaged film may not be decoded alike twice; a part of one begins where
 * all before it was decoded.
 */
static bool
video_ahead_wanted(const video_run_t *run)
{
    return run->nrungs > 1 && !run->request->trim
           && run->report->nwarnings == 0
           && run->info->duration_us >= VIDEO_AHEAD_FILM_US;
}


void
video_ahead_close(video_ahead_t *a)
{
    video_picture_close(&a->picture);
    video_source_close(&a->source);
}


pt_err_t
video_ahead_demux(video_run_t *run)
{
    bool            more;
    AVPacket       *packet;
    video_ahead_t  *a;

    a = &run->ahead;

    if (a->source.format == NULL) {
        return PT_OK;
    }

    do {
        packet = av_packet_alloc();
        if (packet == NULL) {
            return video_fail_av(run->report, AVERROR(ENOMEM), "demux");
        }

        more = !atomic_load(&a->enough)
               && video_source_read(&a->source, packet) >= 0
               && !video_ahead_beyond(run, packet);

        if (!more) {
            av_packet_unref(packet);
            packet->stream_index = VIDEO_AHEAD_END;
        }

        if (!video_ahead_route(run, packet)) {
            return PT_E_CANCELLED;
        }

    } while (more);

    return PT_OK;
}


static bool
video_ahead_beyond(const video_run_t *run, const AVPacket *packet)
{
    AVRational  tb;

    tb = run->ahead.source.format->streams[packet->stream_index]->time_base;

    return packet->dts != AV_NOPTS_VALUE
           && av_compare_ts(packet->dts, tb, run->info->zero_us
                            + VIDEO_AHEAD_MAX_US, AV_TIME_BASE_Q) > 0;
}


/* takes the packet; false: stopped */
static bool
video_ahead_route(video_run_t *run, AVPacket *packet)
{
    video_lane_t  *l;

    if (packet->stream_index == VIDEO_AHEAD_END
        || packet->stream_index == run->ahead.source.video->index)
    {
        return video_queue_push(&run->video_packets, packet);
    }

    l = video_run_hears(run, packet->stream_index);
    if (l == NULL) {
        av_packet_free(&packet);
        return true;
    }

    l->ahead_packets++;

    return video_queue_push(&l->heard, packet);
}


pt_err_t
video_ahead_decode(video_run_t *run)
{
    bool            more;
    pt_err_t        err;
    AVPacket       *packet;
    video_ahead_t  *a;

    a = &run->ahead;
    more = a->source.format != NULL;

    while (more) {
        packet = video_queue_pop(&run->video_packets);
        if (packet == NULL) {
            return PT_E_CANCELLED;
        }

        more = packet->stream_index != VIDEO_AHEAD_END;

        /* what is queued when it is enough comes again */
        err = more && !atomic_load(&a->enough)
              ? video_picture_decode(&a->picture, packet) : PT_OK;

        av_packet_free(&packet);

        if (err != PT_OK) {
            return err;
        }
    }

    /* its pictures are large, and its memory is wanted */
    video_picture_close(&a->picture);

    return PT_OK;
}


/* a finished picture, to the smallest rendition alone */
static bool
video_ahead_picture(void *ctx, AVFrame *frame)
{
    video_run_t   *run;
    video_lane_t  *l;

    run = ctx;
    l = &run->lanes[run->nrungs - 1];
    l->ahead_pts = frame->pts;

    video_run_key(run, &run->ahead.key_grid, frame);

    return video_run_give(l, frame);
}
