/*
 * The jobs that this orchestrator knows, and the order in which those that
 * are ready get their turn.  A cache of the table pitchey.queue: it decides
 * nothing by itself, every claim is decided by the database.
 *
 *   service -- ring of priority 3: owner A (jobs 1 4 9), owner B (job 7)
 *           `- ring of priority 1: owner C (jobs 2 3)     ...
 *
 * Higher priority first; within one, owner by owner; each owner's jobs in the
 * order of their coming.  A job gains one priority for every minute it waits,
 * so that nobody starves.  Who runs as many jobs as one may is not in the rings
 * until one of them ends.
 */

#ifndef ORCH_QUEUE_H
#define ORCH_QUEUE_H

#include <uv.h>
#include <uthash.h>
#include "pt_wire.h"


#define ORCH_PRIORITIES     4
#define ORCH_AGING_MS       60000

/* more stay in the database until these are fewer: 64 MiB or so */
#define ORCH_QUEUE_MAX      200000

/* of one owner in one ring; up to the second number there is always room:
 * who has few jobs must not wait for those who have many */
#define ORCH_LANE_MAX       100000
#define ORCH_LANE_MIN       1000

/* a question about a job's place should not cost what running it does */
#define ORCH_AHEAD_MAX      10000


typedef enum {
    ORCH_JOB_NEW = 0,      /* being made */
    ORCH_JOB_WAITING,      /* for its run_at: the timer moves it on */
    ORCH_JOB_READY,        /* in its ring: a processor's free slot does */
    ORCH_JOB_CLAIMING,     /* its claim is under way: the commit does */
    ORCH_JOB_RUNNING,      /* a processor works: its reports do */
    ORCH_JOB_ORPHAN,       /* runs for all that we know: READY or a timer does */
    ORCH_JOB_ENDING,       /* its end, or return to the queue, is under way */
    ORCH_JOB_DOUBT,        /* the database has to say where it stands */
    ORCH_JOB_GONE          /* freed within the call */
} orch_job_state_t;

typedef struct orch_job_s      orch_job_t;
typedef struct orch_lane_s     orch_lane_t;
typedef struct orch_owner_s    orch_owner_t;
typedef struct orch_action_s   orch_action_t;
typedef struct orch_service_s  orch_service_t;
typedef struct orch_run_s      orch_run_t;
typedef struct orch_request_s  orch_request_t;

struct orch_job_s {
    pt_id_t            id;
    orch_job_state_t   state;
    orch_service_t    *service;
    orch_owner_t      *of;
    const char        *owner;          /* its name */
    const char        *action;         /* the service's */

    uint8_t            priority;
    uint16_t           max_attempts;
    uint32_t           attempt;        /* the last that began */
    uint32_t           crashes;        /* of the attempts */
    uint32_t           lost;
    uint32_t           timeout_s;      /* 0: none */
    int64_t            run_at_ms;
    int64_t            expires_at_ms;  /* 0: never */

    uint64_t           ready_ms;       /* since then it waits in the ring */
    orch_lane_t       *lane;           /* while READY */
    orch_job_t        *prev, *next;    /* in it, or among those in doubt */

    uv_timer_t        *timer;          /* run_at, or the attempt's deadline */
    orch_run_t        *run;            /* from CLAIMING to ENDING */
    orch_request_t    *cancels;        /* that wait for its end */
    unsigned           items;          /* transactions that point here */
    bool               asked;          /* in DOUBT: the answer is under way */

    UT_hash_handle     hh;
};

struct orch_lane_s {
    orch_owner_t      *owner;
    orch_job_t        *jobs;
    size_t             n;
    orch_lane_t       *prev, *next;    /* in the ring, if it has jobs */
};

/* whose jobs of one service there are */
struct orch_owner_s {
    char              *name;
    unsigned           open;           /* jobs found by their ids */
    unsigned           running;
    unsigned           refs;           /* jobs in memory */
    bool               parked;         /* its lanes are in no ring */
    orch_lane_t        lanes[ORCH_PRIORITIES];
    UT_hash_handle     hh;
};

struct orch_action_s {
    orch_action_t     *next;
    char               name[];
};

/* 0: no limit */
typedef struct {
    unsigned           queued;         /* open jobs */
    unsigned           running;
    unsigned           user_queued;    /* the same, of each owner */
    unsigned           user_running;
} orch_limits_t;

struct orch_service_s {
    char              *name;
    orch_lane_t       *rings[ORCH_PRIORITIES];  /* the first has its turn */
    orch_owner_t      *owners;         /* by name */
    orch_action_t     *actions;
    orch_limits_t      limits;
    size_t             nready;
    unsigned           open;
    unsigned           running;
    double             run_ms;         /* of an attempt, on average; 0: unknown */
    void              *pool;           /* orch_supervisor's */
    UT_hash_handle     hh;
};

typedef struct {
    orch_job_t        *jobs;           /* by id */
    orch_service_t    *services;       /* by name */
    bool               more;           /* the database has jobs not in here */

    /* what is allowed of a service that is new */
    orch_limits_t    (*limits)(void *ctx, pt_str_t service);
    void              *ctx;
} orch_queue_t;


/* limits may be NULL */
void orch_queue_init(orch_queue_t *q,
    orch_limits_t (*limits)(void *ctx, pt_str_t service), void *ctx);
void orch_queue_done(orch_queue_t *q);

/* the service of that name, made if needed; NULL without memory */
orch_service_t *orch_queue_service(orch_queue_t *q, pt_str_t name);

/* the same, or NULL */
orch_service_t *orch_queue_find_service(orch_queue_t *q, pt_str_t name);

/* a job in state NEW, found by its id from now on; NULL without memory */
orch_job_t *orch_queue_new(orch_queue_t *q, const pt_id_t *id,
    orch_service_t *service, pt_str_t owner, pt_str_t action);

orch_job_t *orch_queue_find(orch_queue_t *q, const pt_id_t *id);

/*
 * Forgets it; not while it is in a ring.  While transactions point to it, it
 * stays in memory as GONE: the last one calls orch_queue_unref().
 */
void orch_queue_free(orch_queue_t *q, orch_job_t *job);

void orch_queue_ref(orch_job_t *job);
void orch_queue_unref(orch_job_t *job);

/* jobs in all rings */
size_t orch_queue_ready(const orch_queue_t *q);

/* whether there is room for one more of this owner */
bool orch_queue_room(orch_queue_t *q, orch_service_t *service, pt_str_t owner,
    uint8_t priority);

/*
 * Whether n more of this owner are within the limits.
 *
 * Errors  PT_E_QUEUE_FULL (the service's), PT_E_QUOTA (the owner's)
 */
PT_MUST_CHECK pt_err_t orch_queue_admits(orch_service_t *service,
    pt_str_t owner, unsigned n);

/* it runs, or no longer does: each once, in turns */
void orch_queue_started(orch_job_t *job);
void orch_queue_stopped(orch_job_t *job);

/* puts it into its ring, at the end of its owner's */
PT_MUST_CHECK pt_err_t orch_queue_push(orch_job_t *job, uint64_t now_ms);

/* takes it out of its ring, wherever it stands */
void orch_queue_remove(orch_job_t *job);

/*
 * How many jobs have their turn before this one, which is in a lane, if none
 * comes and none goes.  Aging is left out; of its owner's jobs ORCH_AHEAD_MAX
 * are counted at most.
 */
size_t orch_queue_ahead(const orch_job_t *job);

/* the job whose turn it is; NULL: none is ready */
orch_job_t *orch_queue_peek(const orch_service_t *service, uint64_t now_ms);

/* takes that job out, and gives the next turn of its ring to the next owner */
void orch_queue_take(orch_job_t *job);


#endif /* ORCH_QUEUE_H */
