/* Whether an attempt is followed by another, and when. */

#include "orch_retry.h"


static uint32_t orch_backoff(uint32_t nth, uint64_t random, uint64_t cap);


bool
orch_retry(const orch_tries_t *tries, orch_fault_t fault, uint64_t random,
    uint32_t *ret_delay_ms)
{
    uint32_t  crashes, failures, others = tries->crashes + tries->lost;

    switch (fault) {

    case ORCH_FAULT_LOST:
        /* the first time at once; not again and again in no time */
        *ret_delay_ms = tries->lost ? orch_backoff(tries->lost, random,
                                                   ORCH_LOST_MAX_MS) : 0;
        return true;

    case ORCH_FAULT_CRASHED:
        crashes = tries->crashes + 1;

        if (crashes >= ORCH_CRASHES_MAX) {
            return false;
        }

        *ret_delay_ms = orch_backoff(crashes, random, ORCH_BACKOFF_MAX_MS);
        return true;

    case ORCH_FAULT_FAILED:
        failures = tries->attempt > others ? tries->attempt - others : 1;

        if (failures >= tries->max_attempts) {
            return false;
        }

        *ret_delay_ms = orch_backoff(failures, random, ORCH_BACKOFF_MAX_MS);
        return true;

    default:
        return false;
    }
}


static uint32_t
orch_backoff(uint32_t nth, uint64_t random, uint64_t cap)
{
    if (nth - 1 < 16 && (uint64_t) ORCH_BACKOFF_BASE_MS << (nth - 1) < cap) {
        cap = (uint64_t) ORCH_BACKOFF_BASE_MS << (nth - 1);
    }

    return (uint32_t) (random % (cap + 1));
}
