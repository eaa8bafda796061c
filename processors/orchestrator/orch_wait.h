/*
 * Why a job that is open does not run yet, and when it may start: the member
 * "waiting" of a job's JSON.
 */

#ifndef ORCH_WAIT_H
#define ORCH_WAIT_H


/*
 * Appends {"reason","position"?,"estimated_start_at"?}; nothing for a job that
 * runs, or that this orchestrator does not have in memory.
 *
 *   schedule       its run_at has not come
 *   retry          it is tried again then
 *   turn           "position" jobs have their turn before it
 *   user_limit     its user runs as many jobs as one may
 *   service_limit  the service runs as many
 *   no_processor   none is there; one may be starting
 */
void orch_wait_write(orch_t *o, const pt_id_t *id, pt_buf_t *buf);

/* an attempt of that job took so long */
void orch_wait_measured(orch_job_t *job, uint64_t run_ms);


#endif /* ORCH_WAIT_H */
