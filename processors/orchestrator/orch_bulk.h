/*
 * SUBMIT_BATCH: many jobs, all or none, in one statement of their own; BATCH:
 * how far they have come.  A batch is nothing but its jobs: it has no row.
 */

#ifndef ORCH_BULK_H
#define ORCH_BULK_H


void orch_bulk_submit(orch_request_t *rq);
void orch_bulk_progress(orch_request_t *rq);


#endif /* ORCH_BULK_H */
