/* Whose turn it is. */

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "orch_queue.h"


typedef struct {
    orch_queue_t     queue;
    orch_service_t  *service;
    uint8_t          next;
    char             order[64];      /* the first letter of each action */
} fixture_t;


static int
setup(void **state)
{
    fixture_t  *f = calloc(1, sizeof(*f));

    orch_queue_init(&f->queue, NULL, NULL);
    f->service = orch_queue_service(&f->queue, PT_STR("s"));
    *state = f;

    return f->service == NULL;
}


static int
teardown(void **state)
{
    fixture_t  *f = *state;

    orch_queue_done(&f->queue);
    free(f);

    return 0;
}


static orch_job_t *
push(fixture_t *f, const char *owner, uint8_t priority, const char *action,
    uint64_t now_ms)
{
    pt_id_t      id = { { 1 } };
    orch_job_t  *job;

    id.bytes[15] = ++f->next;
    job = orch_queue_new(&f->queue, &id, f->service, pt_str(owner),
                         pt_str(action));
    assert_non_null(job);
    job->priority = priority;
    assert_int_equal(orch_queue_push(job, now_ms), PT_OK);

    return job;
}


static const char *
pop_all(fixture_t *f, uint64_t now_ms)
{
    size_t       n = 0;
    orch_job_t  *job;

    while ((job = orch_queue_peek(f->service, now_ms)) != NULL) {
        orch_queue_take(job);
        f->order[n++] = job->action[0];
        orch_queue_free(&f->queue, job);
    }

    f->order[n] = '\0';

    return f->order;
}


static void
test_of_one_owner_the_first_comes_first(void **state)
{
    fixture_t  *f = *state;

    push(f, "ann", 1, "a", 0);
    push(f, "ann", 1, "b", 0);
    push(f, "ann", 1, "c", 0);

    assert_string_equal(pop_all(f, 0), "abc");
    assert_int_equal(f->service->nready, 0);
}


static void
test_owners_take_turns_whoever_has_more(void **state)
{
    int         i;
    fixture_t  *f = *state;

    for (i = 0; i < 5; i++) {
        push(f, "ann", 1, "a", 0);
    }

    push(f, "bob", 1, "b", 0);
    push(f, "cid", 1, "c", 0);
    push(f, "cid", 1, "C", 0);

    assert_string_equal(pop_all(f, 0), "abcaCaaa");
}


static void
test_higher_priority_goes_first(void **state)
{
    fixture_t  *f = *state;

    push(f, "ann", 0, "l", 0);
    push(f, "ann", 1, "n", 0);
    push(f, "ann", 3, "u", 0);
    push(f, "bob", 2, "h", 0);

    assert_string_equal(pop_all(f, 0), "uhnl");
}


static void
test_who_waits_a_minute_gains_one_priority(void **state)
{
    fixture_t  *f = *state;

    push(f, "ann", 0, "l", 0);
    push(f, "bob", 1, "n", ORCH_AGING_MS);
    push(f, "bob", 3, "u", ORCH_AGING_MS);

    /* equal to normal is not before normal; beyond it is */
    assert_string_equal(pop_all(f, ORCH_AGING_MS), "unl");

    push(f, "ann", 0, "l", 0);
    push(f, "bob", 1, "n", 2 * ORCH_AGING_MS);
    assert_string_equal(pop_all(f, 2 * ORCH_AGING_MS), "ln");
}


static void
test_a_job_may_leave_from_anywhere(void **state)
{
    fixture_t   *f = *state;
    orch_job_t  *job;

    push(f, "ann", 1, "a", 0);
    job = push(f, "ann", 1, "b", 0);
    push(f, "ann", 1, "c", 0);
    orch_queue_remove(job);
    orch_queue_remove(job);
    orch_queue_free(&f->queue, job);

    job = push(f, "bob", 1, "d", 0);
    orch_queue_remove(job);
    orch_queue_free(&f->queue, job);

    assert_string_equal(pop_all(f, 0), "ac");
}


static void
test_a_job_is_found_by_its_id_until_it_is_freed(void **state)
{
    pt_id_t      id;
    fixture_t   *f = *state;
    orch_job_t  *job = push(f, "ann", 1, "a", 0);

    id = job->id;
    assert_ptr_equal(orch_queue_find(&f->queue, &id), job);
    assert_string_equal(job->owner, "ann");

    orch_queue_remove(job);
    orch_queue_ref(job);
    orch_queue_free(&f->queue, job);
    assert_null(orch_queue_find(&f->queue, &id));
    assert_int_equal(job->state, ORCH_JOB_GONE);
    orch_queue_unref(job);
}


static void
test_one_owner_cannot_fill_the_memory_for_others(void **state)
{
    uint32_t     i;
    pt_id_t      id = { { 7 } };
    fixture_t   *f = *state;
    orch_job_t  *job;

    for (i = 0; i < ORCH_LANE_MAX; i++) {
        memcpy(id.bytes + 12, &i, sizeof(i));
        assert_true(orch_queue_room(&f->queue, f->service, PT_STR("ann"), 1));
        job = orch_queue_new(&f->queue, &id, f->service, PT_STR("ann"),
                             PT_STR("a"));
        assert_non_null(job);
        job->priority = 1;
        assert_int_equal(orch_queue_push(job, 0), PT_OK);
    }

    assert_false(orch_queue_room(&f->queue, f->service, PT_STR("ann"), 1));
    assert_true(orch_queue_room(&f->queue, f->service, PT_STR("bob"), 1));
}


static void
test_who_runs_as_many_as_one_may_waits_and_others_do_not(void **state)
{
    fixture_t   *f = *state;
    orch_job_t  *first, *second;

    f->service->limits.user_running = 1;

    push(f, "ann", 1, "a", 0);
    push(f, "ann", 2, "A", 0);
    push(f, "bob", 1, "b", 0);

    first = orch_queue_peek(f->service, 0);
    assert_string_equal(first->action, "A");
    orch_queue_take(first);
    orch_queue_started(first);

    second = orch_queue_peek(f->service, 0);
    assert_string_equal(second->action, "b");
    orch_queue_take(second);
    orch_queue_started(second);

    assert_null(orch_queue_peek(f->service, 0));
    push(f, "bob", 3, "B", 0);
    assert_null(orch_queue_peek(f->service, 0));

    orch_queue_stopped(first);
    orch_queue_free(&f->queue, first);
    assert_string_equal(orch_queue_peek(f->service, 0)->action, "a");

    orch_queue_stopped(second);
    orch_queue_free(&f->queue, second);
    assert_string_equal(pop_all(f, 0), "Ba");
}


static void
test_a_parked_owners_job_may_leave(void **state)
{
    fixture_t   *f = *state;
    orch_job_t  *runs, *waits;

    f->service->limits.user_running = 1;
    runs = push(f, "ann", 1, "a", 0);
    waits = push(f, "ann", 1, "b", 0);

    orch_queue_take(runs);
    orch_queue_started(runs);
    orch_queue_remove(waits);
    orch_queue_free(&f->queue, waits);
    push(f, "ann", 1, "c", 0);

    orch_queue_stopped(runs);
    orch_queue_free(&f->queue, runs);
    assert_string_equal(pop_all(f, 0), "c");
}


static void
test_a_service_runs_no_more_than_it_may(void **state)
{
    fixture_t   *f = *state;
    orch_job_t  *job;

    f->service->limits.running = 1;
    push(f, "ann", 1, "a", 0);
    push(f, "bob", 1, "b", 0);

    job = orch_queue_peek(f->service, 0);
    orch_queue_take(job);
    orch_queue_started(job);
    assert_null(orch_queue_peek(f->service, 0));

    orch_queue_stopped(job);
    orch_queue_free(&f->queue, job);
    assert_string_equal(pop_all(f, 0), "b");
}


static void
test_limits_count_open_jobs_until_they_are_freed(void **state)
{
    fixture_t   *f = *state;
    orch_job_t  *job;

    f->service->limits.queued = 3;
    f->service->limits.user_queued = 2;

    push(f, "ann", 1, "a", 0);
    job = push(f, "ann", 1, "b", 0);
    assert_int_equal(orch_queue_admits(f->service, PT_STR("ann"), 1),
                     PT_E_QUOTA);
    assert_int_equal(orch_queue_admits(f->service, PT_STR("bob"), 1), PT_OK);
    assert_int_equal(orch_queue_admits(f->service, PT_STR("bob"), 2),
                     PT_E_QUEUE_FULL);

    orch_queue_remove(job);
    orch_queue_free(&f->queue, job);
    assert_int_equal(orch_queue_admits(f->service, PT_STR("ann"), 1), PT_OK);
}


/* what it says must be what happens */
static void
test_the_jobs_ahead_are_those_that_are_taken_before(void **state)
{
    int          i, n;
    size_t       ahead;
    fixture_t   *f = *state;
    orch_job_t  *mine, *job;

    for (i = 0; i < 10; i++) {
        push(f, "ann", 1, "a", 0);
        push(f, "bob", i % 3 ? 1 : 2, "b", 0);
        push(f, "cid", 1, "c", 0);
        mine = push(f, "cid", 1, "m", 0);
        push(f, i < 3 ? "dan" : "ann", 1, "d", 0);

        /* from another place of the ring each time */
        for (n = 0; n < i % 4; n++) {
            job = orch_queue_peek(f->service, 0);
            orch_queue_take(job);
            orch_queue_free(&f->queue, job);
        }

        ahead = orch_queue_ahead(mine);

        while ((job = orch_queue_peek(f->service, 0)) != mine) {
            orch_queue_take(job);
            orch_queue_free(&f->queue, job);
            ahead--;
        }

        assert_int_equal(ahead, 0);
    }
}


/* the bar: 64 MiB */
static void
test_a_hundred_thousand_jobs_cost_little_memory(void **state)
{
    uint32_t         i;
    char             owner[64];
    pt_id_t          id = { { 9 } };
    fixture_t       *f = *state;
    struct mallinfo2 before = mallinfo2(), after;
    orch_job_t      *job;

    for (i = 0; i < 100000; i++) {
        memcpy(id.bytes + 12, &i, sizeof(i));
        snprintf(owner, sizeof(owner), "%032u", i % 1000);
        job = orch_queue_new(&f->queue, &id, f->service, pt_str(owner),
                             PT_STR("generate-pitch-document"));
        assert_non_null(job);
        assert_int_equal(orch_queue_push(job, 0), PT_OK);
    }

    after = mallinfo2();
    print_message("# %zu bytes for each of 100,000 jobs\n",
                  (after.uordblks + after.hblkhd - before.uordblks
                   - before.hblkhd) / 100000);
    assert_true(after.uordblks + after.hblkhd - before.uordblks
                - before.hblkhd < 40u << 20);
    assert_true(ORCH_QUEUE_MAX * 400ULL < 256ULL << 20);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(
            test_of_one_owner_the_first_comes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_owners_take_turns_whoever_has_more, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_higher_priority_goes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_who_waits_a_minute_gains_one_priority, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_job_may_leave_from_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_job_is_found_by_its_id_until_it_is_freed, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_one_owner_cannot_fill_the_memory_for_others, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_who_runs_as_many_as_one_may_waits_and_others_do_not, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            test_a_parked_owners_job_may_leave, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_service_runs_no_more_than_it_may, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_limits_count_open_jobs_until_they_are_freed, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            test_the_jobs_ahead_are_those_that_are_taken_before, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            test_a_hundred_thousand_jobs_cost_little_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
