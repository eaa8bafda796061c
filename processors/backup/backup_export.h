/*
 * export-user-data: entries of the ZIP are made by a few threads, each with a
 * connection to the same snapshot; then the leader writes what a person reads.
 */

#ifndef BACKUP_EXPORT_H
#define BACKUP_EXPORT_H

#include <pthread.h>

#include "backup_export_row.h"
#include "backup_session.h"
#include "backup_storage.h"
#include "backup_zip.h"


/* rows that are told: a table's own, or those that are about the user */
typedef struct {
    const backup_table_t  *table;
    bool                   about;
    char                   title[300];     /* "public.pitches", in names too */
    uint64_t               rows;
} export_part_t;


typedef struct {
    backup_session_t   session;
    backup_tables_t    tables;
    char               snapshot[64];
    char               snapshot_at[BACKUP_TIME_LEN + 1];
    char              *user;
    PGconn            *conn;               /* the leader's */
    backup_zip_t      *zip;

    export_part_t     *parts;
    size_t             nparts;
    uint64_t           entries;            /* files so far, for their names */
    uint64_t           todo, done;         /* steps, for progress */

    pthread_mutex_t    lock;               /* of what follows */
    uint64_t           rows;
    uint64_t           files;
    uint64_t           missing;
    pt_buf_t           listing;            /* of files, for the page */
} export_t;


/* a thread's own */
typedef struct {
    PGconn           *conn;
    backup_member_t  *entry;
    backup_member_t  *second;          /* rows are told twice at a time */
    char             *chunk;           /* of a file */
    export_out_t      csv, json;
} export_worker_t;


/*
 * The query of a part's rows: secrets and others' personal data are not told.
 *
 * with_json  a column of EXPORT_OTHER is followed by its JSON
 */
void backup_export_select(const export_t *e, const export_part_t *part,
    bool with_json, pt_buf_t *sql);

/* as CSV and JSON; counts the part's rows */
PT_MUST_CHECK pt_err_t backup_export_rows(export_t *e, export_worker_t *w,
    export_part_t *part);
PT_MUST_CHECK pt_err_t backup_export_schema(export_worker_t *w,
    const export_part_t *part);

/* about.json and index.html, when all else is there */
PT_MUST_CHECK pt_err_t backup_export_pages(export_t *e,
    backup_member_t *entry);

/* escaped; what is longer than max bytes is cut */
void backup_export_text(pt_buf_t *page, const char *text, size_t max);


#endif /* BACKUP_EXPORT_H */
