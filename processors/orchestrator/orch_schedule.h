/*
 * Schedules: SCHEDULE_ADD, _LIST, _GET and _CHANGE, and the jobs that come
 * when they are due.
 *
 * A tick is the moment that a schedule's row names.  Its job is an ordinary
 * submission with the tick's idempotency key, so however many orchestrators
 * see the tick, and whenever they die, it is one job.  Ticks that nobody was
 * there for are made up for by one.
 *
 * A schedule acts for its owner: who is gone or banned, or has another role or
 * user type than when it was made, has it paused, with the reason.
 */

#ifndef ORCH_SCHEDULE_H
#define ORCH_SCHEDULE_H


typedef struct orch_tick_s  orch_tick_t;

typedef struct {
    orch_tick_t  *ticks;           /* under way */
    unsigned      n;
    bool          asking;          /* which are due */
} orch_schedules_t;


void orch_schedule_add(orch_request_t *rq);
void orch_schedule_list(orch_request_t *rq);
void orch_schedule_get(orch_request_t *rq);
void orch_schedule_change(orch_request_t *rq);

/* every second: what is due */
void orch_schedules_tick(orch_t *o);


#endif /* ORCH_SCHEDULE_H */
