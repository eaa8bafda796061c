/*
 * A restore: a generation's tables in the order of their foreign keys, and its
 * files.  Rows and files come at the same time, and the rows are committed
 * when both are there.
 */

#ifndef BACKUP_RESTORE_H
#define BACKUP_RESTORE_H

#include <stdatomic.h>

#include "backup_verify.h"


typedef enum {
    POLICY_SKIP = 0,           /* what is there stays */
    POLICY_OVERWRITE,
    POLICY_NEWER               /* the row with the later time wins */
} restore_policy_t;


/* what a restore does, or a dry run would do, with a table's rows */
typedef struct {
    int64_t  saved;
    int64_t  inserted;         /* were not there */
    int64_t  updated;
    int64_t  same;
    int64_t  kept;             /* differ, and stay as they are */
    int64_t  orphaned;         /* what they refer to is gone: left out */
    int64_t  foreign;          /* the key is another user's by now: left out */
} restore_counts_t;


typedef struct {
    const pt_json_t        *saved;         /* in the manifest */
    const backup_table_t   *table;         /* of the map; NULL: not there */
    char                    staging[64];
    char                   *target;        /* quoted */
    restore_counts_t        counts;
    char                   *changes;       /* JSON, of a dry run; or NULL */
    bool                    wanted;
    bool                    placed;        /* in the order */
} restore_table_t;


typedef struct {
    backup_session_t    session;
    backup_owner_t      owner;
    backup_manifest_t   manifest;
    backup_tables_t     tables;            /* as the database has them */
    PGconn             *conn;
    restore_policy_t    policy;
    bool                dry_run;
    bool                with_files;
    char                schema[128];       /* "": the platform's own */

    restore_table_t    *order;             /* as they are restored */
    size_t              n;

    const char         *storage;
    atomic_ullong       files_restored;
    atomic_ullong       files_there;
    atomic_ullong       files_missing;
    atomic_ullong       bytes_done;        /* of files, for progress */
    atomic_uint         tables_done;
    atomic_bool         failed;            /* rows: no more files either */
} restore_t;


/* all tables, in the transaction that conn is in */
PT_MUST_CHECK pt_err_t backup_restore_rows(restore_t *r);

/* all files that are not there; durable when it returns */
PT_MUST_CHECK pt_err_t backup_restore_files(restore_t *r);

/*
 * Foreign keys of the database: schema and table, those that they refer to,
 * name, and pairs of columns as JSON.
 */
PT_MUST_CHECK pt_err_t backup_restore_keys(PGconn *conn,
    PGresult **ret_keys);

void backup_restore_progress(restore_t *r);


#endif /* BACKUP_RESTORE_H */
