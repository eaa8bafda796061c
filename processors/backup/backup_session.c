/* A job's store, user and snapshot. */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backup_session.h"
#include "pt_log.h"


#define BACKUP_MAX_DAYS  100


static backup_keys_t   loaded_keys;
static bool            have_keys;
static pt_json_t      *loaded_map;
static unsigned        max_days = BACKUP_MAX_DAYS;


/*
 * A time zone, a float's digits or a currency that differ between backup and
 * restore would change what the same text means.
 */
static const char  settings_sql[] =
    "SET LOCAL search_path = '';"
    "SET LOCAL datestyle = 'ISO, YMD';"
    "SET LOCAL intervalstyle = 'postgres';"
    "SET LOCAL timezone = 'UTC';"
    "SET LOCAL extra_float_digits = 3;"
    "SET LOCAL bytea_output = 'hex';"
    "SET LOCAL xmloption = 'content';"
    "SET LOCAL lc_monetary = 'C';"
    "SET LOCAL quote_all_identifiers = off;"
    "SET LOCAL statement_timeout = 0;"
    "SET LOCAL idle_in_transaction_session_timeout = 0;"
    "SET LOCAL row_security = off";


pt_err_t
backup_load(const char *share)
{
    char      path[BACKUP_PATH_MAX];
    pt_err_t  err;

    const char  *days = getenv("PITCHEY_BACKUP_MAX_DAYS");

    if (days != NULL) {
        max_days = (unsigned) strtoul(days, NULL, 10);

        if (max_days == 0) {
            pt_log(PT_LOG_ERROR, "backup-service", "PITCHEY_BACKUP_MAX_DAYS is"
                   " no number of days: \"%s\"", days);
            return PT_E_INVALID;
        }
    }

    err = backup_keys_load(&loaded_keys, &have_keys);

    if (err == PT_OK && share != NULL) {
        (void) snprintf(path, sizeof(path), "%s/backup/datamap.json", share);
        err = backup_map_load(path, &loaded_map);
    }

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "backup-service", "%s", backup_said());
    }

    return err;
}


pt_err_t
backup_store_configured(const char *root, backup_store_t *ret_store)
{
    if (root == NULL) {
        return backup_say(PT_E_UNAVAILABLE, "PITCHEY_BACKUP_STORE names no "
                          "folder");
    }

    if (!have_keys) {
        return backup_say(PT_E_UNAVAILABLE, "neither PITCHEY_BACKUP_KEY nor "
                          "PITCHEY_BACKUP_KEY_COMMAND is set");
    }

    return backup_store_open(root, &loaded_keys, ret_store);
}


unsigned
backup_max_days(void)
{
    return max_days;
}


const pt_json_t *
backup_map(void)
{
    return loaded_map;
}


pt_err_t
backup_session_open(pt_job_t *job, bool platform, backup_session_t *ret_session)
{
    bool              admin = pt_job_is_admin(job);
    pt_err_t          err;
    pt_str_t          user;
    backup_session_t  s = { .job = job, .map = loaded_map };

    user = pt_json_string(pt_job_params(job), "user_id", PT_STR_NULL);

    if (user.data != NULL && !admin && !pt_str_eq(user, pt_job_user(job))) {
        pt_job_fail_at(job, PT_STR("/user_id"), PT_STR("is not you"));
        return backup_say(PT_E_FORBIDDEN, "another user's backup is an "
                          "admin's business");
    }

    if (platform && !admin) {
        return backup_say(PT_E_FORBIDDEN, "the platform's backup is an admin's"
                          " business");
    }

    err = backup_store_configured(pt_job_folder(job), &s.store);
    if (err != PT_OK) {
        return err;
    }

    if (user.data == NULL) {
        user = pt_job_user(job);
    }

    s.user = strndup(user.data, user.len);
    if (s.user == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    backup_who(&s.store, platform ? PT_STR_NULL : user, s.name);

    *ret_session = s;
    return PT_OK;
}


void
backup_session_close(backup_session_t *s)
{
    free(s->user);
    sodium_memzero(s, sizeof(*s));
}


pt_err_t
backup_session_note(backup_session_t *s, const char *kind, pt_str_t data)
{
    return backup_ledger_add(&s->store, kind, s->name, pt_job_id(s->job), data,
                             NULL);
}


pt_err_t
backup_snapshot(pt_job_t *job, unsigned n, char ret_id[64],
    char ret_at[BACKUP_TIME_LEN + 1])
{
    char       sql[128];
    unsigned   i;
    PGconn    *conn;
    pt_err_t   err;
    PGresult  *result;

    for (i = 0; i < n; i++) {
        conn = pt_job_connection(job, i);
        if (conn == NULL) {
            return backup_say(PT_E_DATABASE, "no platform database is "
                              "configured");
        }

        err = backup_sql(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ, "
                               "READ ONLY");

        if (err == PT_OK && i > 0) {
            (void) snprintf(sql, sizeof(sql),
                            "SET TRANSACTION SNAPSHOT '%s'", ret_id);
            err = backup_sql(conn, sql);
        }

        if (err == PT_OK) {
            err = backup_settings(conn);
        }

        if (err == PT_OK && i == 0) {
            err = backup_query(conn, "SELECT pg_catalog.pg_export_snapshot(),"
                " pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE"
                " 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')", NULL, 0,
                &result);

            if (err == PT_OK) {
                (void) snprintf(ret_id, 64, "%s", PQgetvalue(result, 0, 0));
                (void) snprintf(ret_at, BACKUP_TIME_LEN + 1, "%s",
                                PQgetvalue(result, 0, 1));
                PQclear(result);
            }
        }

        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


pt_err_t
backup_settings(PGconn *conn)
{
    return backup_sql(conn, settings_sql);
}
