/* Jobs in memory, and whose turn it is. */

#include <stdlib.h>
#include <utlist.h>

#include "orch_queue.h"


static orch_owner_t *orch_owner_get(orch_service_t *service, pt_str_t name);
static void orch_owner_park(orch_service_t *service, orch_owner_t *owner,
    bool park);
static const char *orch_action_get(orch_service_t *service, pt_str_t name);
static void orch_job_destroy(orch_job_t *job);
static int64_t orch_queue_rank(const orch_job_t *job, uint64_t now_ms);


void
orch_queue_init(orch_queue_t *q,
    orch_limits_t (*limits)(void *ctx, pt_str_t service), void *ctx)
{
    *q = (orch_queue_t) { .limits = limits, .ctx = ctx };
}


void
orch_queue_done(orch_queue_t *q)
{
    orch_job_t      *job, *next_job;
    orch_action_t   *action;
    orch_service_t  *service, *next_service;

    HASH_ITER(hh, q->jobs, job, next_job) {
        orch_queue_remove(job);
        orch_queue_free(q, job);
    }

    HASH_ITER(hh, q->services, service, next_service) {
        HASH_DEL(q->services, service);

        while ((action = service->actions) != NULL) {
            service->actions = action->next;
            free(action);
        }

        free(service->name);
        free(service);
    }
}


orch_service_t *
orch_queue_find_service(orch_queue_t *q, pt_str_t name)
{
    orch_service_t  *service;

    HASH_FIND(hh, q->services, name.data, name.len, service);

    return service;
}


orch_service_t *
orch_queue_service(orch_queue_t *q, pt_str_t name)
{
    orch_service_t  *service;

    service = orch_queue_find_service(q, name);
    if (service) {
        return service;
    }

    service = calloc(1, sizeof(*service));
    if (service == NULL) {
        return NULL;
    }

    service->name = strndup(name.data, name.len);
    if (service->name == NULL) {
        free(service);
        return NULL;
    }

    if (q->limits) {
        service->limits = q->limits(q->ctx, name);
    }

    HASH_ADD_KEYPTR(hh, q->services, service->name, name.len, service);

    return service;
}


orch_job_t *
orch_queue_new(orch_queue_t *q, const pt_id_t *id, orch_service_t *service,
    pt_str_t owner, pt_str_t action)
{
    orch_job_t    *job;
    orch_owner_t  *of = orch_owner_get(service, owner);
    const char    *name = of ? orch_action_get(service, action) : NULL;

    job = name ? calloc(1, sizeof(*job)) : NULL;

    if (job == NULL) {
        if (of && of->refs == 0) {
            HASH_DEL(service->owners, of);
            free(of->name);
            free(of);
        }

        return NULL;
    }

    of->refs++;
    of->open++;
    service->open++;

    job->of = of;
    job->owner = of->name;
    job->action = name;
    job->id = *id;
    job->service = service;

    HASH_ADD(hh, q->jobs, id, sizeof(job->id), job);

    return job;
}


orch_job_t *
orch_queue_find(orch_queue_t *q, const pt_id_t *id)
{
    orch_job_t  *job;

    HASH_FIND(hh, q->jobs, id, sizeof(*id), job);

    return job;
}


void
orch_queue_free(orch_queue_t *q, orch_job_t *job)
{
    HASH_DEL(q->jobs, job);
    job->state = ORCH_JOB_GONE;
    job->of->open--;
    job->service->open--;

    if (job->items == 0) {
        orch_job_destroy(job);
    }
}


void
orch_queue_ref(orch_job_t *job)
{
    job->items++;
}


void
orch_queue_unref(orch_job_t *job)
{
    if (--job->items == 0 && job->state == ORCH_JOB_GONE) {
        orch_job_destroy(job);
    }
}


static void
orch_job_destroy(orch_job_t *job)
{
    orch_owner_t  *of = job->of;

    if (--of->refs == 0) {
        HASH_DEL(job->service->owners, of);
        free(of->name);
        free(of);
    }

    free(job);
}


size_t
orch_queue_ready(const orch_queue_t *q)
{
    size_t           n = 0;
    orch_service_t  *service;

    for (service = q->services; service; service = service->hh.next) {
        n += service->nready;
    }

    return n;
}


bool
orch_queue_room(orch_queue_t *q, orch_service_t *service, pt_str_t owner,
    uint8_t priority)
{
    orch_owner_t  *of;

    HASH_FIND(hh, service->owners, owner.data, owner.len, of);

    return of == NULL || of->open < ORCH_LANE_MIN
           || (of->lanes[priority].n < ORCH_LANE_MAX
               && HASH_COUNT(q->jobs) < ORCH_QUEUE_MAX);
}


pt_err_t
orch_queue_admits(orch_service_t *service, pt_str_t owner, unsigned n)
{
    orch_owner_t         *of;
    const orch_limits_t  *l = &service->limits;

    if (l->queued && service->open + n > l->queued) {
        return PT_E_QUEUE_FULL;
    }

    HASH_FIND(hh, service->owners, owner.data, owner.len, of);

    return l->user_queued && (of ? of->open : 0) + n > l->user_queued
           ? PT_E_QUOTA : PT_OK;
}


void
orch_queue_started(orch_job_t *job)
{
    orch_owner_t    *of = job->of;
    orch_service_t  *service = job->service;

    service->running++;
    of->running++;

    if (!of->parked && service->limits.user_running
        && of->running >= service->limits.user_running)
    {
        orch_owner_park(service, of, true);
    }
}


void
orch_queue_stopped(orch_job_t *job)
{
    orch_owner_t    *of = job->of;
    orch_service_t  *service = job->service;

    service->running--;
    of->running--;

    if (of->parked && of->running < service->limits.user_running) {
        orch_owner_park(service, of, false);
    }
}


/* out of the rings, or to their ends */
static void
orch_owner_park(orch_service_t *service, orch_owner_t *of, bool park)
{
    int           p;
    orch_lane_t  *lane;

    of->parked = park;

    for (p = 0; p < ORCH_PRIORITIES; p++) {
        lane = &of->lanes[p];

        if (lane->n == 0) {
            continue;
        }

        if (park) {
            DL_DELETE(service->rings[p], lane);

        } else {
            DL_APPEND(service->rings[p], lane);
        }
    }
}


pt_err_t
orch_queue_push(orch_job_t *job, uint64_t now_ms)
{
    orch_lane_t  *lane = &job->of->lanes[job->priority];

    if (lane->n == 0 && !job->of->parked) {
        DL_APPEND(job->service->rings[job->priority], lane);
    }

    DL_APPEND(lane->jobs, job);
    lane->n++;

    job->lane = lane;
    job->ready_ms = now_ms;
    job->service->nready++;

    return PT_OK;
}


void
orch_queue_remove(orch_job_t *job)
{
    orch_lane_t  *lane = job->lane;

    if (lane == NULL) {
        return;
    }

    DL_DELETE(lane->jobs, job);
    lane->n--;

    job->lane = NULL;
    job->service->nready--;

    if (lane->n == 0 && !job->of->parked) {
        DL_DELETE(job->service->rings[job->priority], lane);
    }
}


size_t
orch_queue_ahead(const orch_job_t *job)
{
    int                    p;
    bool                   before = true;
    size_t                 n = 0, i = 0;
    const orch_job_t      *other;
    const orch_lane_t     *lane;
    const orch_service_t  *service = job->service;

    for (p = ORCH_PRIORITIES - 1; p > job->priority; p--) {
        DL_FOREACH(service->rings[p], lane) {
            n += lane->n;
        }
    }

    /* a head's prev is the tail */
    for (other = job; other != job->lane->jobs && i < ORCH_AHEAD_MAX; i++) {
        other = other->prev;
    }

    n += i;

    /* the others have i turns each, those before its owner's one more */
    DL_FOREACH(service->rings[job->priority], lane) {
        if (lane == job->lane) {
            before = false;

        } else {
            n += lane->n < i + before ? lane->n : i + before;
        }
    }

    return n;
}


orch_job_t *
orch_queue_peek(const orch_service_t *service, uint64_t now_ms)
{
    int           p;
    orch_job_t   *job, *best = NULL;
    orch_lane_t  *lane;

    if (service->limits.running && service->running >= service->limits.running)
    {
        return NULL;
    }

    for (p = ORCH_PRIORITIES - 1; p >= 0; p--) {
        lane = service->rings[p];
        job = lane ? lane->jobs : NULL;

        /* of equals the higher priority, which comes first here */
        if (job && (best == NULL || orch_queue_rank(job, now_ms)
                                    > orch_queue_rank(best, now_ms)))
        {
            best = job;
        }
    }

    return best;
}


void
orch_queue_take(orch_job_t *job)
{
    orch_lane_t   *lane = job->lane;
    orch_lane_t  **ring = &job->service->rings[job->priority];

    /* the next owner's turn; a lane that gets empty leaves the ring */
    DL_DELETE(*ring, lane);
    DL_APPEND(*ring, lane);

    orch_queue_remove(job);
}


/* priority in milliseconds of waiting */
static int64_t
orch_queue_rank(const orch_job_t *job, uint64_t now_ms)
{
    return (int64_t) job->priority * ORCH_AGING_MS
           + (int64_t) (now_ms - job->ready_ms) / ORCH_AGING_MS
             * ORCH_AGING_MS;
}


static orch_owner_t *
orch_owner_get(orch_service_t *service, pt_str_t name)
{
    int            p;
    orch_owner_t  *of;

    HASH_FIND(hh, service->owners, name.data, name.len, of);

    if (of) {
        return of;
    }

    of = calloc(1, sizeof(*of));
    if (of == NULL) {
        return NULL;
    }

    of->name = strndup(name.data, name.len);
    if (of->name == NULL) {
        free(of);
        return NULL;
    }

    for (p = 0; p < ORCH_PRIORITIES; p++) {
        of->lanes[p].owner = of;
    }

    HASH_ADD_KEYPTR(hh, service->owners, of->name, name.len, of);

    return of;
}


/* as many as its processors offer, and what clients made up */
static const char *
orch_action_get(orch_service_t *service, pt_str_t name)
{
    orch_action_t  *action;

    for (action = service->actions; action; action = action->next) {
        if (pt_str_is(name, action->name)) {
            return action->name;
        }
    }

    action = calloc(1, sizeof(*action) + name.len + 1);
    if (action == NULL) {
        return NULL;
    }

    memcpy(action->name, name.data, name.len);
    action->next = service->actions;
    service->actions = action;

    return action->name;
}
