/*
 * The supervisor: starts a processor when a job for it is ready, stops it
 * when it has been idle, starts it again, more and more slowly, when it
 * crashes.  Processors survive their orchestrator.
 */

#ifndef ORCH_SUPERVISOR_H
#define ORCH_SUPERVISOR_H


typedef struct orch_pool_s  orch_pool_t;

typedef struct {
    orch_pool_t  *pools;
    size_t        n;
} orch_supervisor_t;


PT_MUST_CHECK pt_err_t orch_supervisor_open(orch_t *o);
void orch_supervisor_close(orch_t *o);

/* whether somebody does this service's jobs, or can be started for it */
bool orch_supervisor_offers(orch_t *o, pt_str_t service);

/* processors of the orchestrator before us may come back: starts none yet */
void orch_supervisor_hold(orch_t *o);

/* a job of that service is ready and nobody has credit */
void orch_supervisor_want(orch_t *o, orch_service_t *service);

/* a processor said READY; it has gone */
void orch_supervisor_joined(orch_t *o, orch_processor_t *p);
void orch_supervisor_left(orch_t *o, orch_processor_t *p);

/* every second: idle ones leave, those that do not are made to */
void orch_supervisor_tick(orch_t *o);

/* all leave; true when all have */
void orch_supervisor_drain(orch_t *o);
bool orch_supervisor_is_empty(const orch_t *o);


#endif /* ORCH_SUPERVISOR_H */
