/*
 * RETRY: a submission that is read from a job that has ended.  From there on
 * it is a submission like any other.
 */

#ifndef ORCH_REDO_H
#define ORCH_REDO_H


void orch_redo_retry(orch_request_t *rq);


#endif /* ORCH_REDO_H */
