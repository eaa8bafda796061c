/*
 * What a child may reach besides its scratch folder, where its processor
 * declares that it parses nothing of a stranger's: connections to the
 * platform's database, opened before the sandbox closes, the storage to read,
 * a folder of the operator's to write.
 */

#ifndef PT_ACCESS_H
#define PT_ACCESS_H

#include <libpq-fe.h>

#include "pt_processor.h"
#include "pt_s3.h"


/* the environment's name of the platform's database; see orch_config.h */
#define PT_DATABASE_ENV     "PITCHEY_PLATFORM_DATABASE"

/* the words of the configuration's line storage_s3 */
#define PT_S3_ENV           "PITCHEY_STORAGE_S3"

/* backup wants a snapshot's exporter, its readers and one for its ledger */
#define PT_CONNECTIONS_MAX  8


typedef struct {
    char        *conninfo;      /* ours; NULL: none is configured */
    const char  *storage;       /* NULL: not declared */
    pt_s3_t     *s3;            /* NULL: no bucket */
    bool         writes_storage;
    const char  *folder;        /* NULL: not declared, or not configured */
} pt_access_t;


/*
 * In main(), before the zygote: what the declaration asks for and the
 * environment has.  The conninfo and the bucket's keys are wiped out of the
 * environment: the parent keeps both, for pt_platform.h and for storage, the
 * zygote for connections and prepare().
 *
 * storage  absolute or relative, of the command line; NULL: there is none
 * Errors   PT_E_INVALID (the folder is not there), PT_E_NOMEM; a line is logged
 */
PT_MUST_CHECK pt_err_t pt_access_init(pt_access_t *access,
    const pt_processor_t *processor, const char *storage);

/* wipes the conninfo, and what the next does */
void pt_access_done(pt_access_t *access);

/* wipes the bucket's keys: a zygote's first act, but for one whose children
 * read storage by a helper that prepare() starts */
void pt_access_forget_s3(pt_access_t *access);


/* ---- in a child ---- */

/*
 * Opens n connections, and tries for some seconds while the database refuses.
 *
 * Errors  PT_E_DATABASE; a line is printed
 */
PT_MUST_CHECK pt_err_t pt_connections_open(const pt_access_t *access,
    const char *name, unsigned n);

/* NULL beyond those that are open */
PGconn *pt_connection(unsigned n);

/*
 * Between two jobs: takes back whatever the last one left open or set.
 * false: one is broken, and nobody in the sandbox can mend it.
 */
bool pt_connections_reset(void);

/*
 * Waits until fd can be read.  false: a connection has broken meanwhile.
 */
bool pt_connections_wait(int fd);


#endif /* PT_ACCESS_H */
