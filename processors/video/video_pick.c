/*
 * Finding and decoding the packets of a few pictures.
 */

#include "video_pick.h"

#include <string.h>


/* shares of the progress, in permille */
#define VIDEO_PICK_FOUND  100
#define VIDEO_PICK_DONE   950


/* where a wish is fulfilled, counting the packets of the video stream */
typedef struct {
    uint64_t    at;          /* the packet of the picture */
    uint64_t    key;         /* decoding begins here */
    int64_t     pts;         /* on the run's clock; AV_NOPTS_VALUE: not found */
} video_place_t;


typedef struct {
    const video_info_t     *info;
    const video_watcher_t  *watcher;
    video_report_t         *report;

    video_source_t          source;
    video_picture_t         picture;
    video_stills_t          stills;

    video_place_t           places[VIDEO_STILLS_MAX];   /* of the wishes */
    bool                    all;     /* times are missing: decode it all */
} video_pick_t;


static pt_err_t video_pick_open(video_pick_t *k, const char *path,
    const video_thumbs_t *thumbs);
static void video_pick_close(video_pick_t *k);
static pt_err_t video_pick_find(video_pick_t *k, const char *path);
static void video_pick_look(video_pick_t *k, int64_t pts, uint64_t n,
    const uint64_t keys[2], const int64_t key_pts[2]);
static pt_err_t video_pick_threads(video_pick_t *k);
static void *video_pick_worker(void *data);
static pt_err_t video_pick_decode(video_pick_t *k);
static pt_err_t video_pick_packet(video_pick_t *k, AVPacket *packet,
    uint64_t n, bool *fed, unsigned *current);
static bool video_pick_is_wanted(const video_pick_t *k, uint64_t n);
static bool video_pick_frame(void *ctx, const AVFrame *frame);
static bool video_pick_emit(void *ctx, AVFrame *frame);


pt_err_t
video_pick(const char *path, const video_thumbs_t *thumbs,
    const video_info_t *info, const video_watcher_t *watcher,
    video_still_t *stills, unsigned *ret_n, video_report_t *report)
{
    pt_err_t      err;
    video_pick_t  k;

    memset(&k, 0, sizeof(k));

    k.info = info;
    k.watcher = watcher;
    k.report = report;
    k.source.fd = -1;

    err = video_pick_open(&k, path, thumbs);

    if (err == PT_OK) {
        watcher->progress(watcher->ctx, VIDEO_PICK_FOUND, "decode");
        err = video_pick_threads(&k);
    }

    memcpy(stills, k.stills.thumbnails, sizeof(k.stills.thumbnails));
    *ret_n = k.stills.nthumbnails;

    video_pick_close(&k);

    return err;
}


static pt_err_t
video_pick_open(video_pick_t *k, const char *path,
    const video_thumbs_t *thumbs)
{
    pt_err_t           err;
    video_colors_t     colors;
    video_rung_size_t  size;

    memset(&colors, 0, sizeof(colors));

    /* the stills' queue exists even if nothing else does */
    err = video_source_open(&k->source, path, k->report);

    if (err == PT_OK) {
        colors = video_picture_colors(k->source.video, k->info);
    }

    if (video_stills_open(&k->stills, thumbs, false, false, k->info, &colors,
                          k->report) != PT_OK
        || err != PT_OK)
    {
        return video_report_err(k->report);
    }

    /* as large as it is: only the wanted ones are ever scaled */
    memset(&size, 0, sizeof(size));
    size.width = k->info->width > 1 ? k->info->width & ~1 : 2;
    size.height = k->info->height > 1 ? k->info->height & ~1 : 2;

    err = video_picture_open(&k->picture, k->source.video, k->info, &size,
                             k->report);
    if (err != PT_OK) {
        return err;
    }

    k->picture.wanted = video_pick_frame;
    k->picture.emit = video_pick_emit;
    k->picture.ctx = k;

    return video_pick_find(k, path);
}


static void
video_pick_close(video_pick_t *k)
{
    video_stills_close(&k->stills);
    video_picture_close(&k->picture);
    video_source_close(&k->source);
}


/* the first pass */
static pt_err_t
video_pick_find(video_pick_t *k, const char *path)
{
    int64_t         pts, key_pts[2] = { 0, 0 };
    uint64_t        n, keys[2] = { 0, 0 };
    unsigned        i;
    pt_err_t        err;
    AVPacket       *packet;
    video_source_t  source;

    for (i = 0; i < k->stills.nwishes; i++) {
        k->places[i].pts = AV_NOPTS_VALUE;
    }

    err = video_source_open(&source, path, k->report);
    if (err != PT_OK) {
        return err;
    }

    packet = av_packet_alloc();
    if (packet == NULL) {
        video_source_close(&source);
        return video_fail_av(k->report, AVERROR(ENOMEM), "thumbnails");
    }

    n = 0;

    while (!k->all && video_source_read(&source, packet) >= 0) {
        if (packet->stream_index == source.video->index) {
            pts = av_sat_sub64(packet->pts, k->picture.zero);
            k->all = packet->pts == AV_NOPTS_VALUE;

            if (packet->flags & AV_PKT_FLAG_KEY) {
                keys[0] = keys[1];
                key_pts[0] = key_pts[1];
                keys[1] = n;
                key_pts[1] = pts;
            }

            if (pts >= 0 && !(packet->flags & AV_PKT_FLAG_DISCARD)) {
                video_pick_look(k, pts, n, keys, key_pts);
            }

            n++;
        }

        av_packet_unref(packet);
    }

    av_packet_free(&packet);
    video_source_close(&source);

    return PT_OK;
}


/* the wishes that this picture is nearer to than those before */
static void
video_pick_look(video_pick_t *k, int64_t pts, uint64_t n,
    const uint64_t keys[2], const int64_t key_pts[2])
{
    int64_t         late;
    unsigned        i;
    video_place_t  *p;

    for (i = 0; i < k->stills.nwishes; i++) {
        p = &k->places[i];
        late = av_compare_ts(pts, k->info->time_base,
                             k->stills.wishes[i].time_us, AV_TIME_BASE_Q);

        /* the last one by then; before the first picture, the first */
        if (p->pts != AV_NOPTS_VALUE
            && (late > 0 ? pts >= p->pts
                         : pts <= p->pts && av_compare_ts(p->pts,
                               k->info->time_base,
                               k->stills.wishes[i].time_us,
                               AV_TIME_BASE_Q) <= 0))
        {
            continue;
        }

        p->pts = pts;
        p->at = n;

        /* shown before its keyframe: it needs the pictures before that, too */
        p->key = pts < key_pts[1] ? keys[0] : keys[1];
    }
}


static pt_err_t
video_pick_threads(video_pick_t *k)
{
    int        rc;
    pt_err_t   err;
    pthread_t  worker;

    rc = pthread_create(&worker, NULL, video_pick_worker, k);
    if (rc != 0) {
        return video_fail(k->report, PT_E_NOMEM, "cannot start a thread: %s",
                          strerror(rc));
    }

    err = video_pick_decode(k);
    if (err != PT_OK) {
        video_queue_stop(&k->stills.queue);
    }

    pthread_join(worker, NULL);

    if (video_report_err(k->report) != PT_OK) {
        return video_report_err(k->report);
    }

    if (k->picture.pictures == 0 && k->stills.nwishes > 0) {
        return video_fail(k->report, PT_E_INPUT_BROKEN,
                          "none of the file's pictures can be decoded");
    }

    if (k->picture.errors > 0) {
        video_warn(k->report, "damaged", "pictures are damaged or missing");
    }

    return PT_OK;
}


static void *
video_pick_worker(void *data)
{
    video_pick_t  *k;

    k = data;

    if (video_stills_work(&k->stills) != PT_OK) {
        video_queue_stop(&k->stills.queue);
    }

    return NULL;
}


/* the second pass */
static pt_err_t
video_pick_decode(video_pick_t *k)
{
    bool       fed;
    uint64_t   n;
    unsigned   current;
    pt_err_t   err;
    AVPacket  *packet;

    packet = av_packet_alloc();
    if (packet == NULL) {
        return video_fail_av(k->report, AVERROR(ENOMEM), "thumbnails");
    }

    n = 0;
    fed = false;
    current = 0;
    err = PT_OK;

    while (err == PT_OK && current < k->stills.nwishes
           && video_source_read(&k->source, packet) >= 0)
    {
        if (packet->stream_index == k->source.video->index) {
            err = video_pick_packet(k, packet, n++, &fed, &current);
        }

        av_packet_unref(packet);
    }

    av_packet_free(&packet);

    if (err == PT_OK) {
        err = video_picture_decode(&k->picture, NULL);
    }

    return err == PT_OK ? video_stills_offer(&k->stills, NULL) : err;
}


/*
 * fed      the decoder holds something of what came before
 * current  the wish that packets are decoded for
 */
static pt_err_t
video_pick_packet(video_pick_t *k, AVPacket *packet, uint64_t n, bool *fed,
    unsigned *current)
{
    pt_err_t         err;
    AVCodecContext  *decoder;

    decoder = k->picture.decoder;

    if (k->all) {
        return video_picture_decode(&k->picture, packet);
    }

    while (*current < k->stills.nwishes && n > k->places[*current].at) {
        k->watcher->progress(k->watcher->ctx, VIDEO_PICK_FOUND
                             + ++*current * (VIDEO_PICK_DONE
                                             - VIDEO_PICK_FOUND)
                               / k->stills.nwishes, "decode");
    }

    if (*current == k->stills.nwishes || n < k->places[*current].key) {
        if (!*fed) {
            return PT_OK;
        }

        *fed = false;
        err = video_picture_decode(&k->picture, NULL);

        if (err == PT_OK) {
            video_picture_restart(&k->picture);
        }

        return err;
    }

    /* what nothing else is built on is decoded only for its own sake */
    decoder->skip_frame = video_pick_is_wanted(k, n) || k->picture.interlaced
                          ? AVDISCARD_DEFAULT : AVDISCARD_NONREF;
    *fed = true;

    return video_picture_decode(&k->picture, packet);
}


static bool
video_pick_is_wanted(const video_pick_t *k, uint64_t n)
{
    unsigned  i;

    for (i = 0; i < k->stills.nwishes; i++) {
        if (k->places[i].at == n) {
            return true;
        }
    }

    return false;
}


/* on the way to a picture the others need no filters and no look */
static bool
video_pick_frame(void *ctx, const AVFrame *frame)
{
    unsigned             i;
    const video_pick_t  *k;

    k = ctx;

    if (k->all || k->picture.interlaced) {
        return true;
    }

    for (i = 0; i < k->stills.nwishes; i++) {
        if (k->places[i].pts == frame->pts) {
            return true;
        }
    }

    /* in place of one that was lost */
    return k->stills.next < k->stills.nwishes
           && frame->pts > k->places[k->stills.next].pts;
}


static bool
video_pick_emit(void *ctx, AVFrame *frame)
{
    return video_stills_offer(&((video_pick_t *) ctx)->stills, frame)
           == PT_OK;
}
