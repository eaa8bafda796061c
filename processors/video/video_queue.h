/*
 * A bounded queue between two stages of a run.
 *
 *     push  waits while the queue is full: back-pressure, and the bound on
 *           memory at every resolution
 *     pop   waits while it is empty
 *     end   the producer has no more; what is in the queue is still delivered
 *     stop  the run has failed: both sides return at once, items are freed
 *
 * An item belongs to the queue from a push that returned true until its pop.
 */

#ifndef VIDEO_QUEUE_H
#define VIDEO_QUEUE_H

#include <pthread.h>
#include <stdbool.h>


/* the longest queue: packets of a demuxer, 4 KiB of pointers */
#define VIDEO_QUEUE_MAX  512


typedef void (*video_queue_free_fn)(void *item);


typedef struct {
    pthread_mutex_t       lock;
    pthread_cond_t        not_full;
    pthread_cond_t        not_empty;

    void                 *items[VIDEO_QUEUE_MAX];
    unsigned              size;      /* how many fit */
    unsigned              head;
    unsigned              n;

    bool                  ended;
    bool                  stopped;
    video_queue_free_fn   free;
} video_queue_t;


/* size: 1 .. VIDEO_QUEUE_MAX */
void video_queue_init(video_queue_t *q, unsigned size,
    video_queue_free_fn free_item);
void video_queue_done(video_queue_t *q);

/* false: stopped, and the item was freed; also for a NULL item */
bool video_queue_push(video_queue_t *q, void *item);

/* NULL: ended and empty, or stopped */
void *video_queue_pop(video_queue_t *q);

void video_queue_end(video_queue_t *q);
void video_queue_stop(video_queue_t *q);

/* for queues of frames and of packets */
void video_free_frame(void *frame);
void video_free_packet(void *packet);


#endif /* VIDEO_QUEUE_H */
