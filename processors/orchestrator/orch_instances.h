/*
 * INSTANCES, SCALE and RESTART: the pools of this orchestrator, live, for
 * admins; and USAGE, what a user has used and stores.
 */

#ifndef ORCH_INSTANCES_H
#define ORCH_INSTANCES_H


void orch_instances_list(orch_request_t *rq);
void orch_instances_scale(orch_request_t *rq);
void orch_instances_restart(orch_request_t *rq);

void orch_usage_get(orch_request_t *rq);


#endif /* ORCH_INSTANCES_H */
