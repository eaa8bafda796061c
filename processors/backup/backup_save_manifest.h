/*
 * A backup that is being made, and what is written down of it.
 */

#ifndef BACKUP_SAVE_MANIFEST_H
#define BACKUP_SAVE_MANIFEST_H

#include <stdatomic.h>

#include "backup_files.h"
#include "backup_verify.h"


typedef struct {
    backup_sum_t  sum;
    uint64_t      rows;
} saved_table_t;


typedef struct {
    backup_session_t      session;
    backup_owner_t        owner;
    bool                  platform;
    backup_generation_t   generation;
    char                  started_at[BACKUP_TIME_LEN + 1];
    char                  snapshot_at[BACKUP_TIME_LEN + 1];
    char                  snapshot[64];
    char                 *user;            /* as the database has it */
    double                started;         /* of the clock, in seconds */

    backup_tables_t       tables;
    saved_table_t        *saved;           /* one for each table */
    bool                  crashed;
    backup_files_sum_t    files;
    backup_sum_t          dump;
    uint8_t               root[32];

    atomic_ullong         files_done;
    uint64_t              files_total;
    atomic_uint           tables_done;
} save_t;


/* durable, with all that it names, when it returns */
PT_MUST_CHECK pt_err_t backup_save_manifest(save_t *s);

void backup_save_result(save_t *s, unsigned removed,
    const backup_drill_t *drill, pt_buf_t *text);

/* in seconds; monotonic */
double backup_save_clock(void);


#endif /* BACKUP_SAVE_MANIFEST_H */
