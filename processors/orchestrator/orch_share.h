/*
 * What concerns other orchestrators of the same database.
 *
 * Each second: attempts of ours that were ended elsewhere, by a CANCEL that
 * came there, are stopped; and where a service has nothing to do here, some of
 * the jobs are taken that have waited elsewhere for a second.  Who claims a job
 * first has it: the other one's claim is refused, and settled as any doubt.
 */

#ifndef ORCH_SHARE_H
#define ORCH_SHARE_H


typedef struct {
    bool      others;              /* there are some that live */
    bool      asking;              /* about our attempts */
    bool      looking;             /* for jobs */
} orch_share_t;


/* every second */
void orch_share_tick(orch_t *o);


#endif /* ORCH_SHARE_H */
