/*
 * Finding and decoding the packets of a few pictures.
 */

#include "video_pick.h"

#include <string.h>


/* shares of the progress, in permille */
#define VIDEO_PICK_FOUND  100
#define VIDEO_PICK_DONE   950


/* pictures that the later half may be ahead by: so many, of so many pixels */
#define VIDEO_PICK_LATER   12
#define VIDEO_PICK_PIXELS  (32 * 1000 * 1000)


/* where a wish is fulfilled, counting the packets of the video stream */
typedef struct {
    uint64_t    at;          /* the packet of the picture */
    uint64_t    key;         /* decoding begins here */
    int64_t     pts;         /* on the run's clock; AV_NOPTS_VALUE: not found */
} video_place_t;


typedef struct video_pick_s  video_pick_t;

/*
 * A decoder's threads wait for one another: each picture needs the one before
 * it.  So two halves of the wishes are decoded beside each other.
 */
typedef struct {
    video_pick_t           *pick;
    video_source_t          source;
    video_picture_t         picture;
    unsigned                current;   /* the wish that packets are decoded */
    unsigned                next;      /* for, that waits for its picture, */
    unsigned                end;       /* and that is not this half's */
    bool                    fed;       /* the decoder holds something */
} video_half_t;

struct video_pick_s {
    const video_info_t     *info;
    const video_watcher_t  *watcher;
    video_report_t         *report;

    video_half_t            halves[2];
    video_queue_t           later;   /* pictures of the second one */
    video_stills_t          stills;

    video_place_t           places[VIDEO_STILLS_MAX];   /* of the wishes */
    bool                    all;     /* times are missing: decode it all */
};


static pt_err_t video_pick_open(video_pick_t *k, const char *path,
    const video_thumbs_t *thumbs);
static pt_err_t video_pick_open_half(video_half_t *h, const char *path);
static void video_pick_close(video_pick_t *k);
static pt_err_t video_pick_find(video_pick_t *k, const char *path);
static void video_pick_look(video_pick_t *k, int64_t pts, uint64_t n,
    const uint64_t keys[2], const int64_t key_pts[2]);
static unsigned video_pick_middle(const video_pick_t *k);
static uint64_t video_pick_cost(const video_pick_t *k, unsigned i);
static pt_err_t video_pick_threads(video_pick_t *k);
static void *video_pick_worker(void *data);
static void *video_pick_ahead(void *data);
static pt_err_t video_pick_judge(video_pick_t *k);
static pt_err_t video_pick_join(video_pick_t *k);
static pt_err_t video_pick_decode(video_half_t *h);
static pt_err_t video_pick_packet(video_half_t *h, AVPacket *packet,
    uint64_t n);
static bool video_pick_is_wanted(const video_pick_t *k, uint64_t n);
static bool video_pick_frame(void *ctx, const AVFrame *frame);
static bool video_pick_emit(void *ctx, AVFrame *frame);
static pt_err_t video_pick_shown(video_pick_t *k, const AVFrame *frame);


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
    pt_err_t        err;
    unsigned        i, fit;
    video_half_t   *h;
    video_colors_t  colors;

    memset(&colors, 0, sizeof(colors));
    h = k->halves;

    for (i = 0; i < 2; i++) {
        h[i].pick = k;
        h[i].source.fd = -1;
    }

    /* the queues exist even if nothing else does */
    fit = VIDEO_PICK_PIXELS / (k->info->width * (unsigned) k->info->height + 1)
          + 1;
    video_queue_init(&k->later, fit < VIDEO_PICK_LATER ? fit
                                                       : VIDEO_PICK_LATER,
                     video_free_frame);

    err = video_pick_open_half(&h[0], path);

    if (err == PT_OK) {
        colors = video_picture_colors(h[0].source.video, k->info);
    }

    if (video_stills_open(&k->stills, thumbs, false, false, k->info, &colors,
                          k->report) != PT_OK
        || err != PT_OK)
    {
        return video_report_err(k->report);
    }

    err = video_pick_find(k, path);
    if (err != PT_OK) {
        return err;
    }

    h[0].end = video_pick_middle(k);
    h[1].current = h[0].end;
    h[1].next = h[0].end;
    h[1].end = k->stills.nwishes;

    return h[1].current == h[1].end ? PT_OK
                                    : video_pick_open_half(&h[1], path);
}


static pt_err_t
video_pick_open_half(video_half_t *h, const char *path)
{
    pt_err_t             err;
    video_rung_size_t    size;
    const video_info_t  *info;

    info = h->pick->info;

    err = video_source_open(&h->source, path, h->pick->report);
    if (err != PT_OK) {
        return err;
    }

    /* as large as it is: only the wanted ones are ever scaled */
    memset(&size, 0, sizeof(size));
    size.width = info->width > 1 ? info->width & ~1 : 2;
    size.height = info->height > 1 ? info->height & ~1 : 2;

    err = video_picture_open(&h->picture, h->source.video, info, &size,
                             h->pick->report);

    h->picture.wanted = video_pick_frame;
    h->picture.emit = video_pick_emit;
    h->picture.ctx = h;

    return err;
}


static void
video_pick_close(video_pick_t *k)
{
    unsigned  i;

    video_stills_close(&k->stills);
    video_queue_done(&k->later);

    for (i = 0; i < 2; i++) {
        video_picture_close(&k->halves[i].picture);
        video_source_close(&k->halves[i].source);
    }
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
            pts = av_sat_sub64(packet->pts, k->halves[0].picture.zero);
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


/*
 * The first wish of the second half: one of another keyframe than those before
 * it, with as many packets to decode before as after it.  Without such a one
 * the second half is empty.
 */
static unsigned
video_pick_middle(const video_pick_t *k)
{
    unsigned  i, middle;
    uint64_t  before, all, longer, least;

    middle = k->stills.nwishes;

    for (i = 0, all = 0; i < k->stills.nwishes; i++) {
        if (k->all || k->places[i].pts == AV_NOPTS_VALUE) {
            return k->stills.nwishes;
        }

        all += video_pick_cost(k, i);
    }

    least = all;

    for (i = 1, before = 0; i < k->stills.nwishes; i++) {
        before += video_pick_cost(k, i - 1);
        longer = before > all - before ? before : all - before;

        if (k->places[i].key > k->places[i - 1].at && longer < least) {
            least = longer;
            middle = i;
        }
    }

    return middle;
}


/* the packets that a wish needs and those before it did not */
static uint64_t
video_pick_cost(const video_pick_t *k, unsigned i)
{
    uint64_t              from;
    const video_place_t  *p;

    p = &k->places[i];
    from = i > 0 && p[-1].at > p->key ? p[-1].at : p->key;

    return p->at > from ? p->at - from : 0;
}


static pt_err_t
video_pick_threads(video_pick_t *k)
{
    int        rc;
    bool       split;
    pt_err_t   err;
    pthread_t  worker, ahead;

    rc = pthread_create(&worker, NULL, video_pick_worker, k);
    if (rc != 0) {
        return video_fail(k->report, PT_E_NOMEM, "cannot start a thread: %s",
                          strerror(rc));
    }

    split = k->halves[1].current < k->halves[1].end;
    rc = split ? pthread_create(&ahead, NULL, video_pick_ahead, k) : 0;

    if (rc != 0) {
        split = false;
        err = video_fail(k->report, PT_E_NOMEM, "cannot start a thread: %s",
                         strerror(rc));

    } else {
        err = video_pick_decode(&k->halves[0]);

        if (err == PT_OK && split) {
            err = video_pick_join(k);
        }

        if (err == PT_OK) {
            err = video_stills_offer(&k->stills, NULL);
        }
    }

    if (err != PT_OK) {
        video_queue_stop(&k->stills.queue);
        video_queue_stop(&k->later);
    }

    if (split) {
        pthread_join(ahead, NULL);
    }

    pthread_join(worker, NULL);

    return video_pick_judge(k);
}


static pt_err_t
video_pick_judge(video_pick_t *k)
{
    const video_half_t  *h;

    h = k->halves;

    if (video_report_err(k->report) != PT_OK) {
        return video_report_err(k->report);
    }

    if (h[0].picture.pictures + h[1].picture.pictures == 0
        && k->stills.nwishes > 0)
    {
        return video_fail(k->report, PT_E_INPUT_BROKEN,
                          "none of the file's pictures can be decoded");
    }

    if (h[0].picture.errors + h[1].picture.errors > 0) {
        video_warn(k->report, "damaged", "pictures are damaged or missing");
    }

    return PT_OK;
}


static void *
video_pick_ahead(void *data)
{
    video_pick_t  *k;

    k = data;

    if (video_pick_decode(&k->halves[1]) != PT_OK) {
        video_queue_stop(&k->later);
    }

    video_queue_end(&k->later);

    return NULL;
}


/* the second half's pictures come after all of the first */
static pt_err_t
video_pick_join(video_pick_t *k)
{
    AVFrame   *frame;
    pt_err_t   err;

    err = PT_OK;

    while (err == PT_OK && (frame = video_queue_pop(&k->later)) != NULL) {
        err = video_pick_shown(k, frame);
        av_frame_free(&frame);
    }

    return err != PT_OK ? err : video_report_err(k->report);
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
video_pick_decode(video_half_t *h)
{
    uint64_t   n;
    pt_err_t   err;
    AVPacket  *packet;

    packet = av_packet_alloc();
    if (packet == NULL) {
        return video_fail_av(h->pick->report, AVERROR(ENOMEM), "thumbnails");
    }

    n = 0;
    err = PT_OK;

    while (err == PT_OK && h->current < h->end
           && video_source_read(&h->source, packet) >= 0)
    {
        if (packet->stream_index == h->source.video->index) {
            err = video_pick_packet(h, packet, n++);
        }

        av_packet_unref(packet);
    }

    av_packet_free(&packet);

    return err == PT_OK ? video_picture_decode(&h->picture, NULL) : err;
}


static pt_err_t
video_pick_packet(video_half_t *h, AVPacket *packet, uint64_t n)
{
    pt_err_t             err;
    const video_pick_t  *k;

    k = h->pick;

    if (k->all) {
        return video_picture_decode(&h->picture, packet);
    }

    while (h->current < h->end && n > k->places[h->current].at) {
        h->current++;
    }

    if (h->current == h->end || n < k->places[h->current].key) {
        if (!h->fed) {
            return PT_OK;
        }

        h->fed = false;
        err = video_picture_decode(&h->picture, NULL);

        if (err == PT_OK) {
            video_picture_restart(&h->picture);
        }

        return err;
    }

    /* what nothing else is built on is decoded only for its own sake */
    h->picture.decoder->skip_frame = video_pick_is_wanted(k, n)
                                     || h->picture.interlaced
                                     ? AVDISCARD_DEFAULT : AVDISCARD_NONREF;
    h->fed = true;

    return video_picture_decode(&h->picture, packet);
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
    const video_half_t  *h;
    const video_pick_t  *k;

    h = ctx;
    k = h->pick;

    if (k->all || h->picture.interlaced) {
        return true;
    }

    for (i = 0; i < k->stills.nwishes; i++) {
        if (k->places[i].pts == frame->pts) {
            return true;
        }
    }

    /* in place of one that was lost */
    return h->next < h->end && frame->pts > k->places[h->next].pts;
}


static bool
video_pick_emit(void *ctx, AVFrame *frame)
{
    AVFrame       *ref;
    video_half_t  *h;
    video_pick_t  *k;

    h = ctx;
    k = h->pick;

    while (h->next < h->end && k->places[h->next].pts <= frame->pts) {
        h->next++;
    }

    if (h == &k->halves[1]) {
        ref = av_frame_clone(frame);
        if (ref == NULL) {
            (void) video_fail_av(k->report, AVERROR(ENOMEM), "thumbnails");
            return false;
        }

        return video_queue_push(&k->later, ref);
    }

    return video_pick_shown(k, frame) == PT_OK;
}


/* the first thread's */
static pt_err_t
video_pick_shown(video_pick_t *k, const AVFrame *frame)
{
    pt_err_t  err;

    err = video_stills_offer(&k->stills, frame);

    if (k->stills.nwishes > 0) {
        k->watcher->progress(k->watcher->ctx, VIDEO_PICK_FOUND
                             + k->stills.next * (VIDEO_PICK_DONE
                                                 - VIDEO_PICK_FOUND)
                               / k->stills.nwishes, "decode");
    }

    return err;
}
