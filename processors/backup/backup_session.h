/*
 * What every action begins with: the store, the keys, the data map, whose
 * backup it is about, and a transaction that sees one state of the database.
 */

#ifndef BACKUP_SESSION_H
#define BACKUP_SESSION_H

#include "backup_ledger.h"
#include "backup_map.h"


/* connections of a child: the leader's, and those that copy rows */
#define BACKUP_CONNECTIONS  3


typedef struct {
    pt_job_t         *job;
    backup_store_t    store;
    const pt_json_t  *map;
    char             *user;           /* as the request names them */
    char              name[BACKUP_OWNER_LEN + 1];
} backup_session_t;


/* load() of the processor: the keys and the data map; share NULL: no map */
PT_MUST_CHECK pt_err_t backup_load(const char *share);

/*
 * The job's store and user.  A user reaches their own backups only; "user_id"
 * is an admin's.
 *
 * platform  of the whole platform; admins only
 * Errors    PT_E_FORBIDDEN, PT_E_UNAVAILABLE (nothing is configured), ...
 */
PT_MUST_CHECK pt_err_t backup_session_open(pt_job_t *job, bool platform,
    backup_session_t *ret_session);
void backup_session_close(backup_session_t *s);

/* the store without a job, for the command line */
PT_MUST_CHECK pt_err_t backup_store_configured(const char *root,
    backup_store_t *ret_store);
const pt_json_t *backup_map(void);

/* no backup of the platform is older: PITCHEY_BACKUP_MAX_DAYS */
unsigned backup_max_days(void);

/*
 * One state of the database for the first n connections: REPEATABLE READ,
 * READ ONLY, and settings under which values read as they were written.
 *
 * ret_id  the snapshot's, for pg_dump
 * ret_at  when it was taken, by the database's clock
 */
PT_MUST_CHECK pt_err_t backup_snapshot(pt_job_t *job, unsigned n,
    char ret_id[64], char ret_at[BACKUP_TIME_LEN + 1]);

/* values read as they are written; in a transaction */
PT_MUST_CHECK pt_err_t backup_settings(PGconn *conn);

/* appends to the ledger what this session did */
PT_MUST_CHECK pt_err_t backup_session_note(backup_session_t *s,
    const char *kind, pt_str_t data);


#endif /* BACKUP_SESSION_H */
