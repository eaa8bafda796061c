/*
 * SUBMIT: durable accept by group commit.
 *
 * What arrives while a commit is under way is the next one: one statement
 * writes all of it, and every answer comes after its own commit.  So the rate
 * grows with the load while nobody waits for others.
 */

#ifndef ORCH_ACCEPT_H
#define ORCH_ACCEPT_H


typedef struct {
    orch_request_t  *waiting;      /* for the next batch, in order */
    orch_request_t  *keys;         /* idempotency keys in flight */
    unsigned         open;         /* submissions not answered yet */
} orch_accept_t;


void orch_accept_submit(orch_request_t *rq);

/* the request's files that do not exist, as rows of ids */
void orch_refuse_files(orch_request_t *rq, const PGresult *res);

/*
 * The files that jobs name, before the jobs in their transaction: they stay,
 * or it fails with PT_E_INVALID because one has gone.
 */
void orch_inputs_add(pt_pg_column_t *ids, pt_pg_column_t *owners,
    pt_str_t owner, pt_str_t inputs);
PT_MUST_CHECK pt_err_t orch_inputs_keep(pt_pg_t *pg, pt_pg_column_t *ids,
    pt_pg_column_t *owners);

/* whether a time of a submission can be stored; 0: none */
bool orch_time_is_good(int64_t ms);

/* once in each turn: sends what waits, if a connection is free */
void orch_accept_flush(orch_t *o);

/* refuses what waits, at exit */
void orch_accept_drop(orch_t *o);


/* what the configuration allows of a service; ctx is orch_t */
orch_limits_t orch_accept_limits(void *ctx, pt_str_t service);

/*
 * Whether n more jobs of a user are within the limits; else why not.
 *
 * Errors  PT_E_QUEUE_FULL, PT_E_QUOTA
 */
PT_MUST_CHECK pt_err_t orch_accept_admits(orch_t *o, pt_str_t service,
    pt_str_t user, unsigned n, const char **ret_why);

/* the priority that was asked for, or the highest of the user's tier */
uint8_t orch_accept_priority(const orch_t *o, pt_str_t tier,
    uint8_t priority);


#endif /* ORCH_ACCEPT_H */
