/* A trusted child's connections and folders. */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pt_access.h"
#include "pt_log.h"


#define S3_WORDS_MAX  16


#define CONNECT_TRIES   10         /* one a second: a restart takes as long */
#define CONNECT_S       "5"        /* of one try */


static pt_err_t pt_access_take_s3(pt_access_t *access, const char *service);
static pt_err_t pt_access_take_database(pt_access_t *access);
static pt_err_t pt_connection_open(const pt_access_t *access,
    const char *name, unsigned n);
static bool pt_connection_reset(PGconn *conn);
static bool pt_connection_run(PGconn *conn, const char *sql);


/* what every job finds; both servers that know the setting and others do */
static const char  connection_settings[] =
    "SELECT set_config(name, '5s', false) FROM pg_catalog.pg_settings"
    " WHERE name = 'client_connection_check_interval'";

/* a child's, which has one thread when they are opened */
static PGconn    *connections[PT_CONNECTIONS_MAX];
static unsigned   nconnections;


/* ---- in main() ---- */

pt_err_t
pt_access_init(pt_access_t *access, const pt_processor_t *processor,
    const char *storage)
{
    pt_err_t     err;
    struct stat  st;

    memset(access, 0, sizeof(*access));

    err = pt_access_take_database(access);
    if (err != PT_OK) {
        return err;
    }

    err = pt_access_take_s3(access, processor->service);
    if (err != PT_OK) {
        pt_access_done(access);
        return err;
    }

    if (processor->reads_storage) {
        access->storage = storage;
        access->writes_storage = processor->writes_storage;
    }

    if (processor->folder_env == NULL) {
        return PT_OK;
    }

    access->folder = getenv(processor->folder_env);

    if (access->folder == NULL || access->folder[0] == '\0') {
        access->folder = NULL;
        return PT_OK;
    }

    if (access->folder[0] != '/' || stat(access->folder, &st) == -1
        || !S_ISDIR(st.st_mode))
    {
        pt_log(PT_LOG_ERROR, processor->service,
               "%s names no folder by its full path: \"%s\"",
               processor->folder_env, access->folder);
        pt_access_done(access);
        return PT_E_INVALID;
    }

    return PT_OK;
}


void
pt_access_done(pt_access_t *access)
{
    if (access->conninfo != NULL) {
        explicit_bzero(access->conninfo, strlen(access->conninfo));
        free(access->conninfo);
        access->conninfo = NULL;
    }

    pt_access_forget_s3(access);
}


void
pt_access_forget_s3(pt_access_t *access)
{
    if (access->s3 != NULL) {
        pt_s3_done(access->s3);
        free(access->s3);
        access->s3 = NULL;
    }
}


/* the bytes too: /proc/PID/environ shows them for as long as we live */
static pt_err_t
pt_access_take_database(pt_access_t *access)
{
    char  *value;

    value = getenv(PT_DATABASE_ENV);

    if (value == NULL) {
        return PT_OK;
    }

    if (value[0] != '\0') {
        access->conninfo = strdup(value);

        if (access->conninfo == NULL) {
            return PT_E_NOMEM;
        }
    }

    explicit_bzero(value, strlen(value));
    (void) unsetenv(PT_DATABASE_ENV);

    return PT_OK;
}


/* read here and not by the parent later: a file's owner may be root alone */
static pt_err_t
pt_access_take_s3(pt_access_t *access, const char *service)
{
    char        *value, *rest, *word;
    size_t       i, n = 0;
    pt_err_t     err = PT_E_NOMEM;
    pt_str_t     words[S3_WORDS_MAX];
    const char  *why = "no memory";

    static const char *const  secrets[] = {
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
    };

    value = getenv(PT_S3_ENV);

    if (value != NULL) {
        for (word = strtok_r(value, " ", &rest); word && n < S3_WORDS_MAX;
             word = strtok_r(NULL, " ", &rest))
        {
            words[n++] = pt_str(word);
        }

        access->s3 = malloc(sizeof(*access->s3));

        if (access->s3) {
            err = pt_s3_parse(words, n, access->s3, &why);
        }

        if (err == PT_OK) {
            err = pt_s3_credentials(access->s3, &why);
        }

        if (err != PT_OK) {
            pt_log(PT_LOG_ERROR, service, "cannot use the bucket of "
                   PT_S3_ENV ": %s", why);
            return PT_E_INVALID;
        }
    }

    for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        value = getenv(secrets[i]);

        if (value != NULL) {
            explicit_bzero(value, strlen(value));
            (void) unsetenv(secrets[i]);
        }
    }

    return PT_OK;
}


/* ---- in a child ---- */

pt_err_t
pt_connections_open(const pt_access_t *access, const char *name, unsigned n)
{
    unsigned  i;
    pt_err_t  err;

    if (access->conninfo == NULL) {
        return PT_OK;
    }

    if (n > PT_CONNECTIONS_MAX) {
        return PT_E_INVALID;
    }

    for (i = 0; i < n; i++) {
        err = pt_connection_open(access, name, i);
        if (err != PT_OK) {
            return err;
        }

        nconnections++;
    }

    return PT_OK;
}


static pt_err_t
pt_connection_open(const pt_access_t *access, const char *name, unsigned n)
{
    int         len;
    unsigned    try;
    PGconn     *conn;
    const char *why;

    const char  *keys[] = {
        "dbname", "fallback_application_name", "connect_timeout",
        "client_encoding", NULL
    };
    const char  *values[] = {
        access->conninfo, name, CONNECT_S, "UTF8", NULL
    };

    for (try = 1; ; try++) {
        conn = PQconnectdbParams(keys, values, 1);

        if (conn != NULL && PQstatus(conn) == CONNECTION_OK
            && pt_connection_run(conn, connection_settings))
        {
            connections[n] = conn;
            return PT_OK;
        }

        if (try == 1 || try == CONNECT_TRIES) {
            why = conn == NULL ? "no memory" : PQerrorMessage(conn);
            len = (int) strcspn(why, "\n");

            (void) fprintf(stderr, "could not connect to the platform's "
                           "database%s: %.*s\n",
                           try == 1 ? ", trying again" : "", len, why);
        }

        PQfinish(conn);

        if (try == CONNECT_TRIES) {
            return PT_E_DATABASE;
        }

        (void) sleep(1);
    }
}


PGconn *
pt_connection(unsigned n)
{
    return n < nconnections ? connections[n] : NULL;
}


bool
pt_connections_reset(void)
{
    unsigned  i;

    for (i = 0; i < nconnections; i++) {
        if (!pt_connection_reset(connections[i])) {
            return false;
        }
    }

    return true;
}


static bool
pt_connection_reset(PGconn *conn)
{
    switch (PQtransactionStatus(conn)) {

    case PQTRANS_IDLE:
        break;

    case PQTRANS_INTRANS:
    case PQTRANS_INERROR:
        if (!pt_connection_run(conn, "ROLLBACK")) {
            return false;
        }

        break;

    default:
        /* in the middle of a command: a new connection is the sure way */
        return false;
    }

    return pt_connection_run(conn, "DISCARD ALL")
           && pt_connection_run(conn, connection_settings);
}


static bool
pt_connection_run(PGconn *conn, const char *sql)
{
    bool       good;
    PGresult  *result;

    result = PQexec(conn, sql);
    good = PQresultStatus(result) == PGRES_COMMAND_OK
           || PQresultStatus(result) == PGRES_TUPLES_OK;
    PQclear(result);

    return good;
}


bool
pt_connections_wait(int fd)
{
    unsigned       i;
    struct pollfd  polls[PT_CONNECTIONS_MAX + 1];

    for ( ;; ) {
        polls[0] = (struct pollfd) { fd, POLLIN, 0 };

        for (i = 0; i < nconnections; i++) {
            polls[i + 1] = (struct pollfd) { PQsocket(connections[i]),
                                             POLLIN, 0 };
        }

        if (poll(polls, nconnections + 1, -1) == -1 && errno != EINTR) {
            return false;
        }

        /* nothing is asked: what comes is a parameter, a notice, or the end */
        for (i = 0; i < nconnections; i++) {
            if (polls[i + 1].revents != 0
                && PQconsumeInput(connections[i]) != 1)
            {
                return false;
            }
        }

        if (polls[0].revents != 0) {
            return true;
        }
    }
}
