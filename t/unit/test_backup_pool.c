/* Threads that work off a queue: all of it, or the first error. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backup_pool.h"


#define TASKS  1000


typedef struct {
    atomic_uint  sum;
    atomic_int   open;             /* workers */
    unsigned     fail_at;          /* a task; 0: none */
    bool         fail_open;
} count_t;


static pt_err_t count_open(void *ctx, unsigned n, void **ret_worker);
static pt_err_t count_run(void *ctx, void *worker, void *task);
static void count_close(void *worker);


static const backup_crew_t  crew = {
    .task    = sizeof(unsigned),
    .threads = 3,
    .open    = count_open,
    .run     = count_run,
    .close   = count_close
};


static pt_err_t
count_open(void *ctx, unsigned n, void **ret_worker)
{
    count_t  *c = ctx;

    if (c->fail_open && n == 2) {
        return backup_say(PT_E_NOMEM, "no worker");
    }

    atomic_fetch_add(&c->open, 1);
    *ret_worker = c;

    return PT_OK;
}


static pt_err_t
count_run(void *ctx, void *worker, void *task)
{
    count_t   *c = ctx;
    unsigned   n = *(unsigned *) task;

    (void) worker;

    if (n == c->fail_at) {
        return backup_say(PT_E_IO, "task %u failed", n);
    }

    atomic_fetch_add(&c->sum, n);

    return PT_OK;
}


static void
count_close(void *worker)
{
    if (worker != NULL) {
        atomic_fetch_sub(&((count_t *) worker)->open, 1);
    }
}


static pt_err_t
add_all(backup_pool_t *pool)
{
    unsigned  i;
    pt_err_t  err = PT_OK;

    for (i = 1; i <= TASKS && err == PT_OK; i++) {
        err = backup_pool_add(pool, &i);
    }

    return err;
}


static void
test_every_task_is_done_once(void **state)
{
    count_t         c = { .fail_at = 0 };
    backup_pool_t  *pool;

    (void) state;

    assert_int_equal(backup_pool_open(&crew, &c, &pool), PT_OK);
    assert_int_equal(add_all(pool), PT_OK);
    assert_int_equal(backup_pool_close(pool, false), PT_OK);
    assert_int_equal(c.sum, TASKS * (TASKS + 1) / 2);
    assert_int_equal(c.open, 0);
}


static void
test_the_first_error_ends_it_and_is_told(void **state)
{
    count_t         c = { .fail_at = 5 };
    backup_pool_t  *pool;

    (void) state;

    assert_int_equal(backup_pool_open(&crew, &c, &pool), PT_OK);
    assert_int_equal(add_all(pool), PT_E_IO);
    (void) backup_say(PT_OK, "something else");
    assert_int_equal(backup_pool_close(pool, false), PT_E_IO);
    assert_string_equal(backup_said(), "task 5 failed");
    assert_true(c.sum < TASKS * (TASKS + 1) / 2);
    assert_int_equal(c.open, 0);
}


/* nobody waits for a thread that never came to be */
static void
test_a_worker_that_cannot_begin_is_an_error(void **state)
{
    count_t         c = { .fail_open = true };
    backup_pool_t  *pool;

    (void) state;

    assert_int_equal(backup_pool_open(&crew, &c, &pool), PT_OK);
    (void) !add_all(pool);
    assert_int_equal(backup_pool_close(pool, false), PT_E_NOMEM);
    assert_string_equal(backup_said(), "no worker");
    assert_int_equal(c.open, 0);
}


/* whoever closes after a failure of its own keeps its reason */
static void
test_a_failed_leader_keeps_its_reason(void **state)
{
    count_t         c = { .fail_at = 1 };
    backup_pool_t  *pool;

    (void) state;

    assert_int_equal(backup_pool_open(&crew, &c, &pool), PT_OK);
    (void) !add_all(pool);
    (void) backup_say(PT_E_DATABASE, "mine");
    assert_int_equal(backup_pool_close(pool, true), PT_OK);
    assert_string_equal(backup_said(), "mine");
    assert_int_equal(backup_pool_close(NULL, true), PT_OK);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_every_task_is_done_once),
        cmocka_unit_test(test_the_first_error_ends_it_and_is_told),
        cmocka_unit_test(test_a_worker_that_cannot_begin_is_an_error),
        cmocka_unit_test(test_a_failed_leader_keeps_its_reason)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
