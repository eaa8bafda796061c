/*
 * Jobs that begin with their accept: where a slot is free and nobody waits for
 * it, the transaction that accepts a job is its first claim, too.  Who submits
 * to an idle service waits for one commit, not for two.
 *
 * Until that commit the job is CLAIMING, as if its claim were under way, and
 * the slot is taken.
 */

#ifndef ORCH_BEGIN_H
#define ORCH_BEGIN_H


/* whether the job, which is about to be accepted, begins by that */
bool orch_begin_try(orch_t *o, const orch_job_row_t *row);

/* it is accepted, and runs under our lease */
void orch_begin_done(orch_t *o, const orch_job_row_t *row,
    const pt_submit_t *s);

/* it was not accepted, or has to wait; nobody knows which: it is in doubt */
void orch_begin_undo(orch_t *o, const pt_id_t *id);
void orch_begin_doubt(orch_t *o, const pt_id_t *id);


#endif /* ORCH_BEGIN_H */
