/*
 * The processors' socket: who is there, how much credit is left, what they
 * report.
 */

#ifndef ORCH_PROCESSOR_H
#define ORCH_PROCESSOR_H


typedef struct orch_child_s  orch_child_t;

struct orch_processor_s {
    orch_t            *o;
    orch_service_t    *service;
    orch_processor_t  *prev, *next;    /* of its service */
    pt_json_t         *actions;

    unsigned           group;          /* light attempts in one slot */
    unsigned           credit;         /* in light attempts: slots * group */
    unsigned           used;
    orch_run_t        *runs;

    uint32_t           pid;            /* 0: on another host */
    uint64_t           start_time;
    orch_child_t      *child;          /* that we started; else NULL */
    uv_poll_t         *pidfd;          /* of one that is not our child */
    int                fd;

    uint64_t           heard_ms;
    uint64_t           joined_ms;
    uint64_t           idle_ms;        /* since then it has no attempt */
    uint64_t           drain_ms;       /* it was told to leave; 0: not */

    UT_hash_handle     hh;
    size_t             len;
    char               identity[256];
};

typedef struct {
    pt_zloop_t        *socket;
    orch_processor_t  *all;            /* by identity */
    uint64_t           beat_ms;        /* of our last heartbeat */
} orch_processors_t;


PT_MUST_CHECK pt_err_t orch_processors_open(orch_t *o);
void orch_processors_close(orch_t *o);

/* every second: heartbeats, and the end of those who are silent */
void orch_processors_beat(orch_t *o);

/* every 100 ms: progress that was held back */
void orch_processors_progress(orch_t *o);

/* the one that has credit for that job and least to do, or NULL */
orch_processor_t *orch_processor_free(orch_t *o, const orch_job_t *job);

/* how many of that service there are, their credit, and what is used of it */
void orch_processor_count(orch_t *o, orch_service_t *service,
    uint64_t ret_values[3]);

/* the action as READY told it, or NULL */
const pt_json_t *orch_processor_offer(const orch_processor_t *p,
    pt_str_t action);

/* the attempt uses credit of p's, or no longer */
void orch_processor_take(orch_processor_t *p, orch_run_t *run);
void orch_processor_release(orch_t *o, orch_run_t *run);

/* its processor has ended it, and waits for the ACK only */
void orch_processor_rest(orch_t *o, orch_run_t *run);

/* may be lost: heartbeats, repeats and leases mend it */
pt_err_t orch_processor_send(orch_t *o, orch_processor_t *p,
    const pt_msg_t *msg);

/* the same, together with what else this turn has for it */
pt_err_t orch_processor_post(orch_t *o, orch_processor_t *p,
    const pt_msg_t *msg);

void orch_processor_ack(orch_t *o, orch_processor_t *p, const pt_id_t *job,
    uint32_t attempt, uint32_t n);

/* finishes what it has, gets nothing new, and leaves */
void orch_processor_drain(orch_t *o, orch_processor_t *p);

/* it is not there any more: its attempts are abandoned */
void orch_processor_gone(orch_t *o, orch_processor_t *p, orch_fault_t fault,
    const char *why);


#endif /* ORCH_PROCESSOR_H */
