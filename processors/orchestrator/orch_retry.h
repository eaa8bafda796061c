/*
 * What follows when an attempt ends without success: a rule without state.
 */

#ifndef ORCH_RETRY_H
#define ORCH_RETRY_H

#include <stdint.h>
#include "pt_err.h"


/* a job that has killed its processor so often is at fault itself */
#define ORCH_CRASHES_MAX     3

/* full jitter: uniform in 0 .. min(max, base * 2^(failures - 1)) */
#define ORCH_BACKOFF_BASE_MS 1000
#define ORCH_BACKOFF_MAX_MS  300000

/* of an attempt that was lost before, so long at most */
#define ORCH_LOST_MAX_MS     5000


typedef enum {
    ORCH_FAULT_FAILED = 0,    /* the action said so, or ran out of time */
    ORCH_FAULT_REFUSED,       /* the same, and a retry cannot help */
    ORCH_FAULT_CRASHED,       /* it took its child or its processor with it */
    ORCH_FAULT_LOST           /* nobody's fault: nobody knows how it ended */
} orch_fault_t;


typedef struct {
    uint32_t  attempt;        /* the one that ended */
    uint32_t  crashes;        /* among the attempts before it */
    uint32_t  lost;
    uint32_t  max_attempts;
} orch_tries_t;


/*
 * Whether there is another attempt.
 *
 * random        any number, uniform
 * ret_delay_ms  until then; set if there is one
 */
bool orch_retry(const orch_tries_t *tries, orch_fault_t fault,
    uint64_t random, uint32_t *ret_delay_ms);


#endif /* ORCH_RETRY_H */
