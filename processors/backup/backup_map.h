/*
 * The data map (conf/backup/datamap.json): which rows and files are a user's,
 * and, with the database's catalog, the SQL that reads them.
 *
 *   {"format": "pitchey-datamap-1",
 *    "user": {"schema", "table", "key"},
 *    "tables": [{
 *      "schema", "table", "purpose", "basis", "retention", "source",
 *      "own":    [MATCH...],      rows that are the user's: any of them matches
 *      "about":  [MATCH...],      rows of others that concern the user: they
 *                                 are told in an export and never restored
 *      "redact": ["column"...],   of "about" rows: others' personal data
 *      "secret": ["column"...],   never in an export: password hashes, tokens
 *      "only":   "SQL over t",    the operator's own condition
 *      "newer":  "column",        a time: the later row wins, where asked to
 *      "backup": false,           not saved (sessions)
 *      "file":   {"key", "sha256", "size", "name", "unless",
 *                 "tree": {"column", "value"}}}],
 *    "not_personal": [["schema", "table"]...]}
 *
 *   MATCH: {"column": C}                            t.C is the user's id
 *          {"column": C, "in": {"schema", "table", "column", "match": MATCH}}
 */

#ifndef BACKUP_MAP_H
#define BACKUP_MAP_H

#include <libpq-fe.h>

#include "backup.h"


typedef struct {
    char      *name;
    char      *type;           /* as SQL writes it, with its schema */
    bool       generated;      /* cannot be written */
    bool       always;         /* an identity that is written at birth only */
    unsigned   key;            /* place in the primary key, from 1; 0: not */
    bool       secret;
    bool       redact;
} backup_column_t;


typedef struct {
    char             *schema;
    char             *name;
    char             *quoted;      /* "schema"."name" */
    const pt_json_t  *json;        /* in the map */
    backup_column_t  *columns;
    size_t            ncolumns;
    unsigned          nkey;
    char             *own;         /* SQL conditions over t; "true" for all */
    char             *owned;       /* own without the map's "only" */
    char             *about;       /* NULL: none */
} backup_table_t;


typedef struct {
    backup_table_t   *tables;
    size_t            n;
} backup_tables_t;


/* Errors: PT_E_INVALID, PT_E_IO; what is wrong was said */
PT_MUST_CHECK pt_err_t backup_map_load(const char *path,
    pt_json_t **ret_map);

/* of any text; path is what an error calls it */
PT_MUST_CHECK pt_err_t backup_map_parse(pt_str_t text, const char *path,
    pt_json_t **ret_map);

/*
 * The user's id as the database has it.
 *
 * ret_id  to be freed
 * Errors  PT_E_NOT_FOUND, PT_E_DATABASE
 */
PT_MUST_CHECK pt_err_t backup_map_user(const pt_json_t *map, PGconn *conn,
    pt_str_t user, char **ret_id);

/*
 * The map's tables as the database has them.
 *
 * user    an id that backup_map_user() or a manifest gave
 * Errors  PT_E_INVALID (a table or column is not there), PT_E_DATABASE
 */
PT_MUST_CHECK pt_err_t backup_map_resolve(const pt_json_t *map, PGconn *conn,
    const char *user, backup_tables_t *ret_tables);
void backup_tables_done(backup_tables_t *tables);

/* COPY of the rows that are backed up, in the order of the key */
PT_MUST_CHECK pt_err_t backup_table_copy(const backup_table_t *table,
    PGconn *conn, pt_buf_t *sql);

/* whether its rows are part of a backup */
bool backup_table_is_saved(const backup_table_t *table);

/*
 * The files that a table's rows name: key, SHA-256 in hex or NULL, size or
 * NULL, whether the key is of a folder, and what the user calls it.  false: it
 * names none.
 */
bool backup_table_files(const backup_table_t *table, PGconn *conn,
    pt_buf_t *sql);

void backup_sql_name(PGconn *conn, pt_buf_t *sql, const char *name);
void backup_sql_text(PGconn *conn, pt_buf_t *sql, const char *text);

/* a statement; its only result is that it worked, or the rows */
PT_MUST_CHECK pt_err_t backup_sql(PGconn *conn, const char *sql);
PT_MUST_CHECK pt_err_t backup_query(PGconn *conn, const char *sql,
    const char *const *values, int n, PGresult **ret_result);


#endif /* BACKUP_MAP_H */
