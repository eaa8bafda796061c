/*
 * A job's way through its states, and the attempts that it takes.
 *
 *   WAITING -> READY -> CLAIMING -> RUNNING -> ENDING -> gone
 *      ^         ^                     |         |
 *      `---------+---------------------+---------'  another attempt
 *
 * orch_job_to() alone changes the state.  What is decided here is proposed
 * to the database (orch_work) and becomes true by its commit.
 */

#ifndef ORCH_ATTEMPT_H
#define ORCH_ATTEMPT_H


#define ORCH_MAX_ATTEMPTS   3

typedef struct orch_processor_s  orch_processor_t;

/* an attempt that is claimed */
struct orch_run_s {
    orch_job_t        *job;
    orch_processor_t  *processor;      /* NULL: nobody works on it */
    orch_run_t        *prev, *next;    /* in the processor's list */
    bool               assigned;       /* the processor was told */
    unsigned           weight;         /* of its credit; 0: it has ended */

    uint32_t           taken;          /* the last report under way */
    uint32_t           committed;
    bool               outputs;        /* it has some: to be withdrawn */
    bool               poisoned;       /* its end cannot be stored */
    bool               keyed;          /* its result may be served again */
    uint8_t            key[32];        /* under that key: orch_cache.h */

    uint16_t           permille;
    char               stage[PT_NAME_MAX + 1];
    uint64_t           began_ms;       /* by the claim's commit */
    uint64_t           progress_ms;    /* when the edge was told last */
    bool               progress_new;
};

/* an open job as the database has it */
typedef struct {
    pt_id_t            id;
    pt_str_t           owner;
    pt_str_t           service;
    pt_str_t           action;
    uint8_t            priority;
    uint16_t           max_attempts;
    uint32_t           attempt;
    uint32_t           crashes;
    uint32_t           lost;
    uint32_t           last_report;
    uint32_t           timeout_s;
    int64_t            run_at_ms;
    int64_t            expires_at_ms;
    bool               force;          /* however full the memory is */
} orch_job_row_t;


/* a job that waits in the database becomes known here */
void orch_job_admit(orch_t *o, const orch_job_row_t *row);

/* one that runs, for all that we know: its processor has wait_ms to say so */
void orch_job_orphan(orch_t *o, const orch_job_row_t *row, uint64_t wait_ms);

/* the database has to say where it stands; and has said so */
void orch_job_doubt(orch_t *o, orch_job_t *job);
void orch_job_is_waiting(orch_t *o, orch_job_t *job,
    const orch_job_row_t *row);
void orch_job_is_running(orch_t *o, orch_job_t *job,
    const orch_job_row_t *row);
void orch_job_is_elsewhere(orch_t *o, orch_job_t *job);

/* its transaction cannot be stored: it ends here */
void orch_job_poisoned(orch_t *o, orch_job_t *job);

/* forgets all jobs, at exit */
void orch_job_forget_all(orch_t *o);


/* once in each turn: jobs that are ready to processors that are free */
void orch_assign(orch_t *o);

/* the attempt goes on at this processor, which says that it runs it */
bool orch_attempt_adopt(orch_t *o, orch_processor_t *p, const pt_id_t *job,
    uint32_t attempt);

/* its processor has left: crashed, or lost without anybody's fault */
void orch_attempt_abandon(orch_t *o, orch_run_t *run, orch_fault_t fault,
    const char *why);

/* orch_report.c: reports of processors */
void orch_attempt_output(orch_t *o, orch_processor_t *p,
    const pt_output_t *m);
void orch_attempt_finished(orch_t *o, orch_processor_t *p,
    const pt_done_t *m);
void orch_attempt_failed(orch_t *o, orch_processor_t *p,
    const pt_failed_t *m);
void orch_attempt_progress(orch_t *o, orch_processor_t *p,
    const pt_progress_t *m);

/* progress that came too fast to be passed on at once */
void orch_attempt_flush_progress(orch_t *o, orch_run_t *run);

/* orch_cancel.c: CANCEL */
void orch_attempt_cancel(orch_request_t *rq);

/* the job, which waits or runs, ends as cancelled by the next commit */
void orch_cancel_now(orch_t *o, orch_job_t *job);

/* those who asked get the job as it is now */
void orch_cancels_answer(orch_job_t *job);


/* ---- the machine, for orch_attempt.c, orch_report.c and orch_cancel.c ---- */

/* checks, sets, logs, and keeps the lists; false: it could not be */
bool orch_job_to(orch_t *o, orch_job_t *job, orch_job_state_t state);

pt_str_t orch_job_owner(const orch_job_t *job);

/* the attempt ended without success: another, or the end of the job */
void orch_attempt_fault(orch_t *o, orch_job_t *job, orch_fault_t fault,
    const orch_reason_t *reason, uint32_t report, pt_str_t usage);

/* without success; from a ring too, which it has left or leaves here */
void orch_job_end(orch_t *o, orch_job_t *job, const char *status,
    const orch_reason_t *reason, uint32_t report, pt_str_t usage);

/* its processor, if it was told to begin, is told to stop */
void orch_attempt_stop(orch_t *o, orch_job_t *job);


/* NULL: no room, or no memory; force: however full the queue is */
orch_job_t *orch_job_make(orch_t *o, const orch_job_row_t *row, bool force);

/* forgets it; its transactions find it GONE */
void orch_job_gone(orch_t *o, orch_job_t *job);

orch_run_t *orch_run_new(orch_job_t *job);


/* the claim is committed: its result may be known, or it begins */
void orch_claim_known(orch_t *o, orch_job_t *job, const pt_assign_t *assign,
    bool no_cache);

/* the claim is committed, and what it does is not known: to its processor */
void orch_claim_begin(orch_t *o, orch_job_t *job, const pt_assign_t *assign);


/* what orch_work calls after the commit */
struct orch_item_s;
void orch_claim_done(orch_t *o, struct orch_item_s *item,
    const PGresult *res, int row);
void orch_output_done(orch_t *o, struct orch_item_s *item,
    const PGresult *res, int row);
void orch_end_done(orch_t *o, struct orch_item_s *item, const PGresult *res,
    int row);
void orch_requeue_done(orch_t *o, struct orch_item_s *item,
    const PGresult *res, int row);


#endif /* ORCH_ATTEMPT_H */
