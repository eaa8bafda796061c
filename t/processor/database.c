/*
 * pitchey-test-database: a processor whose children reach the platform's
 * database, the storage and a folder, for the tests of how they do.
 */

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pt_processor.h"


static pt_err_t database_prepare(const pt_reach_t *reach);
static pt_err_t database_sql(pt_job_t *job);
static pt_err_t database_cage(pt_job_t *job);
static void cage_note(pt_jsonw_t *w, const char *name, int rc);
static int cage_open(const char *folder, const char *name, int flags);
static int cage_reconnect(int fd);


static bool  prepared;


static const pt_action_t  database_actions[] = {
    { "sql",  database_sql,  0 },
    { "cage", database_cage, 0 },
    { NULL, NULL, 0 }
};

static const pt_processor_t  database_processor = {
    .service       = "test-database",
    .actions       = database_actions,
    .slots         = 1,
    .timeout_s     = 60,
    .connections   = 2,
    .reads_storage = true,
    .folder_env    = "PITCHEY_TEST_FOLDER",
    .prepare       = database_prepare
};


int
main(int argc, char **argv)
{
    return pt_processor_main(&database_processor, argc, argv);
}


static pt_err_t
database_prepare(const pt_reach_t *reach)
{
    prepared = reach->conninfo != NULL;

    return PT_OK;
}


/* {"sql", "connection"?}: the first column of the first row */
static pt_err_t
database_sql(pt_job_t *job)
{
    char             *sql;
    pt_buf_t          buf;
    pt_err_t          err;
    PGconn           *conn;
    PGresult         *result;
    pt_str_t          text;
    pt_jsonw_t        w;
    const pt_json_t  *params = pt_job_params(job);

    conn = pt_job_connection(job, (unsigned) pt_json_int(params, "connection",
                                                         0));
    if (conn == NULL) {
        return PT_E_DATABASE;
    }

    text = pt_json_string(params, "sql", PT_STR("SELECT 1"));
    sql = strndup(text.data, text.len);
    if (sql == NULL) {
        return PT_E_NOMEM;
    }

    result = PQexec(conn, sql);
    free(sql);

    if (PQresultStatus(result) != PGRES_TUPLES_OK
        && PQresultStatus(result) != PGRES_COMMAND_OK)
    {
        PQclear(result);
        return pt_job_fail(job, PT_E_DATABASE, "%s", PQerrorMessage(conn));
    }

    pt_buf_init(&buf, &pt_mem_heap, 65536);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_text(&w, PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);

    err = buf.err != PT_OK ? buf.err : pt_job_result(job, pt_buf_str(&buf));
    pt_buf_done(&buf);

    return err;
}


/* {"storage"?}: what is within reach, "none" or errno's name for each */
static pt_err_t
database_cage(pt_job_t *job)
{
    char         name[256];
    pt_buf_t     buf;
    pt_err_t     err;
    PGconn      *conn = pt_job_connection(job, 0);
    pt_jsonw_t   w;
    const char  *storage = pt_job_storage(job), *folder = pt_job_folder(job);

    if (conn == NULL) {
        return PT_E_DATABASE;
    }

    (void) snprintf(name, sizeof(name), "%.*s",
                    PT_STR_ARG(pt_json_string(pt_job_params(job), "stored",
                                              PT_STR("x"))));

    pt_buf_init(&buf, &pt_mem_heap, 65536);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);

    cage_note(&w, "prepared", prepared ? 0 : -1);
    cage_note(&w, "environment", getenv("PITCHEY_PLATFORM_DATABASE") == NULL
                                 ? 0 : -1);
    cage_note(&w, "storage_read", cage_open(storage, name, O_RDONLY));
    cage_note(&w, "storage_write", cage_open(storage, name, O_WRONLY));
    cage_note(&w, "storage_create",
              cage_open(storage, "new", O_WRONLY | O_CREAT));
    cage_note(&w, "folder_create",
              cage_open(folder, "new", O_WRONLY | O_CREAT));
    cage_note(&w, "folder_read", cage_open(folder, "new", O_RDONLY));
    cage_note(&w, "passwd", cage_open("/etc", "passwd", O_RDONLY));
    cage_note(&w, "socket", socket(AF_INET, SOCK_STREAM, 0));
    cage_note(&w, "connect", cage_reconnect(PQsocket(conn)));
    cage_note(&w, "sendto", cage_reconnect(-1));

    pt_jsonw_end(&w);

    err = buf.err != PT_OK ? buf.err : pt_job_result(job, pt_buf_str(&buf));
    pt_buf_done(&buf);

    return err;
}


static void
cage_note(pt_jsonw_t *w, const char *name, int rc)
{
    pt_jsonw_key(w, name);
    pt_jsonw_text(w, rc != -1 ? "none" : strerrorname_np(errno));
}


static int
cage_open(const char *folder, const char *name, int flags)
{
    int   fd;
    char  path[4096];

    if (folder == NULL) {
        errno = ENOTDIR;
        return -1;
    }

    (void) snprintf(path, sizeof(path), "%s/%s", folder, name);

    fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd == -1) {
        return -1;
    }

    (void) close(fd);
    return 0;
}


/* a socket that we have, to where we choose: both ways that Linux knows */
static int
cage_reconnect(int fd)
{
    struct sockaddr_in  to = { .sin_family = AF_INET, .sin_port = 9 };

    if (fd != -1) {
        return connect(fd, (struct sockaddr *) &to, sizeof(to));
    }

    return (int) sendto(3, "", 0, MSG_FASTOPEN, (struct sockaddr *) &to,
                        sizeof(to));
}
