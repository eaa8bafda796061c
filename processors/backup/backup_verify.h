/*
 * The restore drill: a generation's rows into tables of a transaction that is
 * rolled back, read again and compared.
 */

#ifndef BACKUP_VERIFY_H
#define BACKUP_VERIFY_H

#include "backup_read.h"
#include "backup_session.h"


typedef struct {
    bool      done;
    uint64_t  tables;
    uint64_t  rows;
    uint64_t  bytes;
    double    seconds;
} backup_drill_t;


/*
 * Errors  PT_E_INPUT_BROKEN (what was restored is not what was saved),
 *         PT_E_DATABASE, ...
 */
PT_MUST_CHECK pt_err_t backup_drill(pt_job_t *job,
    const backup_owner_t *owner, const char *generation,
    backup_drill_t *ret_drill);

void backup_drill_json(pt_jsonw_t *w, const backup_drill_t *drill);

/*
 * Rows of a manifest's table, into a table that has its columns.
 *
 * into   quoted
 * Errors PT_E_INPUT_BROKEN (also: the hash is another), PT_E_DATABASE
 */
PT_MUST_CHECK pt_err_t backup_rows_into(PGconn *conn,
    const backup_manifest_t *m, const pt_json_t *table, const char *into);

/* "a", "b" of a manifest's columns */
void backup_column_list(PGconn *conn, const pt_json_t *table,
    const char *alias, pt_buf_t *sql);

/* a temporary table of a manifest's columns, with their types */
PT_MUST_CHECK pt_err_t backup_scratch_table(PGconn *conn,
    const pt_json_t *table, const char *name);


#endif /* BACKUP_VERIFY_H */
