/*
 * Removes what has been kept long enough (the setting `keep`): jobs that have
 * ended with their events and outputs, outputs before their jobs, uploads that
 * nothing uses, idempotency keys.  Rows only, some at a time, while the database
 * has nothing better to do; bytes without a row are orch_sweep's and
 * orch_left's.
 */

#ifndef ORCH_PRUNE_H
#define ORCH_PRUNE_H


typedef struct {
    unsigned   what;         /* whose turn it is */
    bool       asked;        /* a statement is under way */
    uint64_t   next_ms;
} orch_prune_t;


/* every 100 ms */
void orch_prune_tick(orch_t *o);


#endif /* ORCH_PRUNE_H */
