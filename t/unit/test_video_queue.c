/* The bounded queues between the stages of a run. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "video_queue.h"


static atomic_int  freed;
static atomic_int  pushed;


static void
free_item(void *item)
{
    free(item);
    atomic_fetch_add(&freed, 1);
}


static int *
item(int value)
{
    int  *p;

    p = malloc(sizeof(*p));
    assert_non_null(p);
    *p = value;

    return p;
}


static void *
push_hundred(void *data)
{
    int  i;

    for (i = 0; i < 100; i++) {
        if (!video_queue_push(data, item(i))) {
            return NULL;
        }

        atomic_store(&pushed, i + 1);
    }

    video_queue_end(data);

    return NULL;
}


static void
test_items_come_in_order_and_the_queue_stays_within_its_size(void **state)
{
    int             i, *p;
    pthread_t       thread;
    video_queue_t   q;

    (void) state;

    atomic_store(&pushed, 0);
    video_queue_init(&q, 3, free_item);
    assert_int_equal(pthread_create(&thread, NULL, push_hundred, &q), 0);

    for (i = 0; i < 100; i++) {
        p = video_queue_pop(&q);
        assert_non_null(p);
        assert_int_equal(*p, i);
        free(p);

        /* taken so far, in the queue, and one that may be on its way */
        assert_true(atomic_load(&pushed) <= i + 1 + 3 + 1);
    }

    assert_null(video_queue_pop(&q));
    assert_null(video_queue_pop(&q));
    pthread_join(thread, NULL);
    video_queue_done(&q);
}


static void
test_stop_wakes_a_waiting_producer_and_frees_everything(void **state)
{
    pthread_t      thread;
    video_queue_t  q;

    (void) state;

    atomic_store(&freed, 0);
    atomic_store(&pushed, 0);
    video_queue_init(&q, 2, free_item);
    assert_int_equal(pthread_create(&thread, NULL, push_hundred, &q), 0);

    while (atomic_load(&pushed) < 2) {
        sched_yield();
    }

    video_queue_stop(&q);
    pthread_join(thread, NULL);

    /* two were in it; the third was refused and freed */
    assert_int_equal(atomic_load(&freed), 3);
    assert_null(video_queue_pop(&q));
    assert_false(video_queue_push(&q, item(1)));
    assert_int_equal(atomic_load(&freed), 4);
    assert_false(video_queue_push(&q, NULL));

    video_queue_done(&q);
}


static void *
pop_one(void *data)
{
    return video_queue_pop(data);
}


static void
test_stop_wakes_a_waiting_consumer(void **state)
{
    void           *result;
    pthread_t       thread;
    video_queue_t   q;

    (void) state;

    video_queue_init(&q, 1, free_item);
    assert_int_equal(pthread_create(&thread, NULL, pop_one, &q), 0);
    video_queue_stop(&q);
    pthread_join(thread, &result);
    assert_null(result);
    video_queue_done(&q);
}


static void
test_what_was_queued_before_the_end_is_delivered(void **state)
{
    int            *p;
    video_queue_t   q;

    (void) state;

    video_queue_init(&q, 4, free_item);
    assert_true(video_queue_push(&q, item(7)));
    video_queue_end(&q);

    p = video_queue_pop(&q);
    assert_int_equal(*p, 7);
    free(p);
    assert_null(video_queue_pop(&q));
    video_queue_done(&q);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(
            test_items_come_in_order_and_the_queue_stays_within_its_size),
        cmocka_unit_test(
            test_stop_wakes_a_waiting_producer_and_frees_everything),
        cmocka_unit_test(test_stop_wakes_a_waiting_consumer),
        cmocka_unit_test(test_what_was_queued_before_the_end_is_delivered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
