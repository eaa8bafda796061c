/*
 * Bounded queues between the stages.
 */

#include "video_queue.h"

#include <assert.h>

#include <libavcodec/packet.h>
#include <libavutil/frame.h>


void
video_queue_init(video_queue_t *q, unsigned size,
    video_queue_free_fn free_item)
{
    assert(size > 0 && size <= VIDEO_QUEUE_MAX);

    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->not_full, NULL);
    pthread_cond_init(&q->not_empty, NULL);

    q->size = size;
    q->head = 0;
    q->n = 0;
    q->ended = false;
    q->stopped = false;
    q->free = free_item;
}


void
video_queue_done(video_queue_t *q)
{
    video_queue_stop(q);

    pthread_cond_destroy(&q->not_empty);
    pthread_cond_destroy(&q->not_full);
    pthread_mutex_destroy(&q->lock);
}


bool
video_queue_push(video_queue_t *q, void *item)
{
    bool  taken;

    if (item == NULL) {
        return false;
    }

    pthread_mutex_lock(&q->lock);

    while (q->n == q->size && !q->stopped) {
        pthread_cond_wait(&q->not_full, &q->lock);
    }

    taken = !q->stopped;

    if (taken) {
        q->items[(q->head + q->n) % q->size] = item;
        q->n++;
        pthread_cond_signal(&q->not_empty);
    }

    pthread_mutex_unlock(&q->lock);

    if (!taken) {
        q->free(item);
    }

    return taken;
}


void *
video_queue_pop(video_queue_t *q)
{
    void  *item;

    item = NULL;

    pthread_mutex_lock(&q->lock);

    while (q->n == 0 && !q->ended && !q->stopped) {
        pthread_cond_wait(&q->not_empty, &q->lock);
    }

    if (q->n > 0) {
        item = q->items[q->head];
        q->head = (q->head + 1) % q->size;
        q->n--;
        pthread_cond_signal(&q->not_full);
    }

    pthread_mutex_unlock(&q->lock);

    return item;
}


void
video_queue_end(video_queue_t *q)
{
    pthread_mutex_lock(&q->lock);
    q->ended = true;
    pthread_cond_broadcast(&q->not_empty);
    pthread_mutex_unlock(&q->lock);
}


void
video_queue_stop(video_queue_t *q)
{
    pthread_mutex_lock(&q->lock);

    q->stopped = true;

    while (q->n > 0) {
        q->free(q->items[q->head]);
        q->head = (q->head + 1) % q->size;
        q->n--;
    }

    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
    pthread_mutex_unlock(&q->lock);
}


void
video_free_frame(void *frame)
{
    AVFrame  *f = frame;

    av_frame_free(&f);
}


void
video_free_packet(void *packet)
{
    AVPacket  *p = packet;

    av_packet_free(&p);
}
