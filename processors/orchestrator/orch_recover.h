/*
 * What is known after a start, a lost connection, or a race: the database
 * says it.  Also this orchestrator's lease, and the jobs of those whose lease
 * has ended.
 */

#ifndef ORCH_RECOVER_H
#define ORCH_RECOVER_H


typedef struct {
    int32_t       id;              /* lease_owner; 0: not known yet */
    bool          done;            /* memory is what the database says */
    uint64_t      since_ms;
    uint64_t      renewed_ms;      /* our lease */
    bool          renewing;        /* it is being */
    bool          starting;        /* the first questions are under way */
    bool          loading;         /* jobs that wait are being read */
    bool          look;            /* there may be some that we do not know */
    size_t        low;             /* ready jobs: fewer ask for more */
    orch_job_t   *doubts;          /* to be asked about */
} orch_recover_t;


/* the connection is there: read everything; it was lost: know nothing */
void orch_recover_start(orch_t *o);
void orch_recover_stop(orch_t *o);

bool orch_recover_is_done(const orch_t *o);

/* rows of open jobs: they wait, or run and have wait_ms to come back */
void orch_recover_rows(orch_t *o, const PGresult *res, bool running,
    uint64_t wait_ms);

/* the same of rows that say which; how many of them run */
int orch_recover_open(orch_t *o, const PGresult *res);

/* the job's state is DOUBT, or was */
void orch_recover_doubt(orch_t *o, orch_job_t *job);
void orch_recover_undoubt(orch_t *o, orch_job_t *job);

/* a CANCEL of a job that is open and not in memory */
void orch_recover_cancel(orch_request_t *rq);

/* once in each turn: asks about those in doubt */
void orch_recover_flush(orch_t *o);

/* a job may be in the database and not here: looks before long */
void orch_recover_look(orch_t *o);

/* every second: the lease, others' leases, more jobs */
void orch_recover_tick(orch_t *o);


#endif /* ORCH_RECOVER_H */
