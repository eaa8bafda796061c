/*
 * usage: limits [LIMITED] < /dev/null
 *
 * What the queue in memory does for a job, from its admission to its end, in
 * us for each of a million jobs of a thousand users; with an argument, under
 * limits of all four kinds.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "orch_queue.h"


#define JOBS   1000000
#define USERS  1000
#define OPEN   10000             /* jobs that wait at any time */


static orch_limits_t
limits(void *ctx, pt_str_t service)
{
    (void) service;

    return ctx ? (orch_limits_t) { OPEN * 2, OPEN, OPEN, OPEN }
               : (orch_limits_t) { .queued = 0 };
}


static double
now_us(void)
{
    struct timespec  t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);

    return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}


static void
admit(orch_queue_t *q, unsigned n)
{
    char             user[32];
    pt_id_t          id = { { 0 } };
    orch_job_t      *job;
    orch_service_t  *service = orch_queue_service(q, PT_STR("test-service"));

    snprintf(user, sizeof(user), "user-%u", n % USERS);
    memcpy(id.bytes, &n, sizeof(n));

    if (service == NULL || orch_queue_admits(service, pt_str(user), 1) != PT_OK
        || (job = orch_queue_new(q, &id, service, pt_str(user),
                                 PT_STR("noop"))) == NULL)
    {
        exit(1);
    }

    job->priority = 1;

    if (orch_queue_push(job, n / 1000) != PT_OK) {
        exit(1);
    }
}


static void
run(orch_queue_t *q, unsigned n)
{
    orch_service_t  *service = orch_queue_find_service(q,
                                                       PT_STR("test-service"));
    orch_job_t      *job = orch_queue_peek(service, n / 1000);

    if (job == NULL) {
        exit(1);
    }

    orch_queue_take(job);
    orch_queue_started(job);
    orch_queue_stopped(job);
    orch_queue_free(q, job);
}


int
main(int argc, char **argv)
{
    double        began;
    unsigned      n;
    orch_queue_t  q;

    orch_queue_init(&q, limits, argc > 1 ? argv : NULL);

    for (n = 0; n < OPEN; n++) {
        admit(&q, n);
    }

    began = now_us();

    for ( /* void */ ; n < JOBS; n++) {
        admit(&q, n);
        run(&q, n);
    }

    printf("%.4f\n", (now_us() - began) / (JOBS - OPEN));

    return 0;
}
