/*
 * The secrets of submissions, batches and schedules: sealed before anything is
 * stored, or refused.  Afterwards the request has none, its parameters have
 * the sealed member, and its digest is a keyed one.
 */

#ifndef ORCH_SEAL_H
#define ORCH_SEAL_H

#include "pt_seal.h"


/* the keys of the configuration's file; those it has until now, on an error */
PT_MUST_CHECK pt_err_t orch_seal_load(orch_t *o);

/* false: it has been refused */
PT_MUST_CHECK bool orch_seal_submit(orch_request_t *rq);
PT_MUST_CHECK bool orch_seal_batch(orch_request_t *rq);
PT_MUST_CHECK bool orch_seal_schedule(orch_request_t *rq);


#endif /* ORCH_SEAL_H */
