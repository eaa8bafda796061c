/*
 * Results that are known: what a job is about to do was done before.
 *
 * A job is claimed as ever.  Where the processor that would do it says that
 * the action's results may be served again, the job's key is looked up before
 * it is told to begin: a hit ends the job by the transaction that found it, a
 * miss is assigned.  So the version that counts is that of a processor which
 * is there, and of two equal jobs, one after the other, the second is a hit.
 *
 * The key is the SHA-256 of these, each with its length (u32, network order)
 * before it:
 *
 *   "PJC1" service action version owner parameters (RFC 8785) inputs
 *
 * inputs are the SHA-256s of the job's files, sorted.  The owner is part of it:
 * nobody is served what was made for somebody else.
 */

#ifndef ORCH_CACHE_H
#define ORCH_CACHE_H


#define ORCH_CACHE_KEY  32

/*
 * Asks, if the job may be served from the cache; later orch_end_done() or
 * orch_claim_begin() comes.  False: it cannot be, begin at once.
 *
 * no_cache  the client wants it done; its result is remembered all the same
 */
bool orch_cache_ask(orch_t *o, orch_job_t *job, const pt_assign_t *assign,
    bool no_cache);

/*
 * The key of a job as action, an object of READY's actions, is offered; false:
 * its result is not to be served again.
 */
bool orch_cache_key(const pt_json_t *action, pt_str_t service,
    const pt_assign_t *assign, uint8_t ret_key[ORCH_CACHE_KEY]);


/* what orch_work calls after the commit */
struct orch_item_s;
void orch_cache_hit(orch_t *o, struct orch_item_s *item, const PGresult *res,
    int row);
void orch_cache_missed(orch_t *o, struct orch_item_s *item);


#endif /* ORCH_CACHE_H */
