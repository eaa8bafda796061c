/* Jobs in memory, and whose turn it is. */

#include <stdlib.h>
#include <utlist.h>

#include "orch_queue.h"


static orch_lane_t *orch_lane_get(orch_ring_t *ring, const char *owner);
static void orch_lane_drop(orch_ring_t *ring, orch_lane_t *lane);
static int64_t orch_queue_rank(const orch_job_t *job, uint64_t now_ms);


void
orch_queue_init(orch_queue_t *q)
{
    *q = (orch_queue_t) { .more = false };
}


void
orch_queue_done(orch_queue_t *q)
{
    orch_job_t      *job, *next_job;
    orch_service_t  *service, *next_service;

    HASH_ITER(hh, q->jobs, job, next_job) {
        orch_queue_remove(job);
        orch_queue_free(q, job);
    }

    HASH_ITER(hh, q->services, service, next_service) {
        HASH_DEL(q->services, service);
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

    HASH_ADD_KEYPTR(hh, q->services, service->name, name.len, service);

    return service;
}


orch_job_t *
orch_queue_new(orch_queue_t *q, const pt_id_t *id, orch_service_t *service,
    pt_str_t owner, pt_str_t action)
{
    char        *text;
    orch_job_t  *job;

    job = calloc(1, sizeof(*job) + owner.len + 1 + action.len + 1);
    if (job == NULL) {
        return NULL;
    }

    text = (char *) (job + 1);
    memcpy(text, owner.data, owner.len);
    job->owner = text;

    text += owner.len + 1;
    memcpy(text, action.data, action.len);
    job->action = text;

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

    if (job->items == 0) {
        free(job);
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
        free(job);
    }
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
    orch_lane_t  *lane;

    HASH_FIND(hh, service->rings[priority].by_owner, owner.data, owner.len,
              lane);

    return lane == NULL || lane->n < ORCH_LANE_MIN
           || (lane->n < ORCH_LANE_MAX && HASH_COUNT(q->jobs)
                                          < ORCH_QUEUE_MAX);
}


pt_err_t
orch_queue_push(orch_job_t *job, uint64_t now_ms)
{
    orch_lane_t  *lane;

    lane = orch_lane_get(&job->service->rings[job->priority], job->owner);
    if (lane == NULL) {
        return PT_E_NOMEM;
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

    if (lane->n == 0) {
        orch_lane_drop(&job->service->rings[job->priority], lane);
    }
}


orch_job_t *
orch_queue_peek(const orch_service_t *service, uint64_t now_ms)
{
    int           p;
    orch_job_t   *job, *best = NULL;
    orch_lane_t  *lane;

    for (p = ORCH_PRIORITIES - 1; p >= 0; p--) {
        lane = service->rings[p].ring;
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
    orch_lane_t  *lane = job->lane;
    orch_ring_t  *ring = &job->service->rings[job->priority];

    /* the next owner's turn; a lane that gets empty leaves the ring */
    DL_DELETE(ring->ring, lane);
    DL_APPEND(ring->ring, lane);

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


static orch_lane_t *
orch_lane_get(orch_ring_t *ring, const char *owner)
{
    orch_lane_t  *lane;

    HASH_FIND(hh, ring->by_owner, owner, strlen(owner), lane);
    if (lane) {
        return lane;
    }

    lane = calloc(1, sizeof(*lane));
    if (lane == NULL) {
        return NULL;
    }

    lane->owner = strdup(owner);
    if (lane->owner == NULL) {
        free(lane);
        return NULL;
    }

    HASH_ADD_KEYPTR(hh, ring->by_owner, lane->owner, strlen(owner), lane);
    DL_APPEND(ring->ring, lane);

    return lane;
}


static void
orch_lane_drop(orch_ring_t *ring, orch_lane_t *lane)
{
    HASH_DEL(ring->by_owner, lane);
    DL_DELETE(ring->ring, lane);
    free(lane->owner);
    free(lane);
}
