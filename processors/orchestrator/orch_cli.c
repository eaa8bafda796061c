/* Commands for operators. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "orch_cli.h"
#include "orch_migrate.h"
#include "pt_curve.h"
#include "pt_seal.h"
#include "pt_json.h"
#include "pt_sandbox.h"
#include "pt_wire.h"


#define ORCH_CLI_LIST_MAX    10000
#define ORCH_CLI_LIST        50

/* an answer of the orchestrator comes in milliseconds, or not at all */
#define ORCH_CLI_WAIT_MS     5000


/* a connection to the orchestrator */
typedef struct {
    void        *context;
    void        *socket;
    zmq_msg_t    frames[PT_WIRE_FRAMES_MAX];
    size_t       n;
} orch_cli_t;

typedef struct {
    const char  *status;
    const char  *service;
    const char  *user;
    const char  *since;
    int          limit;
} orch_cli_filter_t;


static bool orch_cli_folder(const char *what, const char *path, int mode);
static bool orch_cli_socket(const char *what, const char *endpoint);
static int orch_cli_list(const orch_config_t *config, int argc, char **argv);
static int orch_cli_show(const orch_config_t *config, int argc, char **argv);
static int orch_cli_cancel(const orch_config_t *config, int argc,
    char **argv);
static int orch_cli_each(const orch_config_t *config, pt_command_t command,
    int argc, char **argv);
static int orch_cli_redrive(const orch_config_t *config, int argc,
    char **argv);
static bool orch_cli_filter(int argc, char **argv,
    orch_cli_filter_t *ret_filter);
static PGresult *orch_cli_select(const orch_config_t *config,
    const orch_cli_filter_t *filter, PGconn **ret_conn);
static bool orch_cli_sealing(const char *path);
static bool orch_cli_landlock(const orch_config_t *config);
static bool orch_cli_retry(orch_cli_t *cli, const pt_id_t *of);
static bool orch_cli_open(orch_cli_t *cli, const orch_config_t *config);
static void orch_cli_close(orch_cli_t *cli);
static bool orch_cli_ask(orch_cli_t *cli, pt_msg_t *msg, pt_str_t *ret_body);
static bool orch_cli_receive(orch_cli_t *cli, pt_str_t *frames);
static void orch_cli_forget(orch_cli_t *cli);
static bool orch_cli_id(const char *text, pt_id_t *ret_id);


/* ---- check ---- */

int
orch_cli_check(const orch_config_t *config)
{
    bool    good = true;
    size_t  i;

    good &= orch_cli_socket("edge_listen", config->edge_listen);
    good &= orch_cli_socket("processor_listen", config->processor_listen);
    good &= orch_cli_folder("storage", config->storage, R_OK | W_OK | X_OK);
    good &= orch_cli_folder("scratch", config->scratch, R_OK | W_OK | X_OK);
    good &= orch_cli_folder("share", config->share, R_OK | X_OK);

    for (i = 0; i < config->nprocessors; i++) {
        if (access(config->processors[i].path, X_OK) != 0) {
            fprintf(stderr, "processor %s: cannot run \"%s\": %s\n",
                    config->processors[i].service, config->processors[i].path,
                    strerror(errno));
            good = false;
        }
    }

    /* they say themselves what is wrong */
    good &= orch_cli_sealing(config->sealing);
    good &= orch_cli_landlock(config);
    good &= orch_migrate_check(config) == PT_OK;

    if (good) {
        puts("the configuration, its folders and programs, and the database "
             "are in order");
    }

    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}


/* here, and in the processors that we start */
static bool
orch_cli_sealing(const char *path)
{
    size_t      i;
    bool        good = true;
    pt_seal_t  *seal;

    static const pt_seal_use_t  uses[] = { PT_SEAL_SEALS, PT_SEAL_OPENS };

    for (i = 0; path[0] && i < 2; i++) {
        if (pt_seal_load(path, uses[i], &seal) == PT_OK) {
            pt_seal_free(seal);

        } else {
            good = false;
        }
    }

    return good;
}


/* a processor looks at the same, once it is started (pt_processor.c) */
static bool
orch_cli_landlock(const orch_config_t *config)
{
    bool         without;
    size_t       i;
    const char  *value = getenv("PITCHEY_WITHOUT_LANDLOCK");

    static const char  line[] = "PITCHEY_WITHOUT_LANDLOCK=1";

    if (config->nprocessors == 0 || pt_sandbox_has_landlock()) {
        return true;
    }

    without = value && strcmp(value, "1") == 0;

    for (i = 0; i < config->nenvironment; i++) {
        without |= strcmp(config->environment[i], line) == 0;
    }

    fprintf(stderr, "this kernel has no Landlock, %s\n", without
            ? "going on: a job that was taken over reaches any file of the "
              "processors' user"
            : "and processors do not start without "
              "(\"environment PITCHEY_WITHOUT_LANDLOCK 1\")");

    return without;
}


static bool
orch_cli_folder(const char *what, const char *path, int mode)
{
    struct stat  st;

    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;

    } else if (access(path, mode) == 0) {
        return true;
    }

    fprintf(stderr, "%s: cannot use \"%s\": %s\n", what, path,
            strerror(errno));

    return false;
}


static bool
orch_cli_socket(const char *what, const char *endpoint)
{
    char   folder[4096];
    char  *slash;

    if (strncmp(endpoint, "ipc://", 6) != 0) {
        return true;
    }

    snprintf(folder, sizeof(folder), "%s", endpoint + 6);
    slash = strrchr(folder, '/');

    if (slash == NULL) {
        return true;
    }

    slash[slash == folder] = '\0';

    return orch_cli_folder(what, folder, R_OK | W_OK | X_OK);
}


/* ---- status ---- */

int
orch_cli_status(const orch_config_t *config)
{
    bool              good;
    pt_msg_t          msg = { .command = PT_CMD_HEALTH };
    pt_str_t          body;
    pt_json_t        *health = NULL, *all = NULL;
    orch_cli_t        cli;
    const pt_json_t  *p;

    if (!orch_cli_open(&cli, config)) {
        return EXIT_FAILURE;
    }

    good = orch_cli_ask(&cli, &msg, &body)
           && pt_json_parse(body, &pt_mem_heap, &health, NULL) == PT_OK;

    msg.command = PT_CMD_INSTANCES;

    good = good && orch_cli_ask(&cli, &msg, &body)
           && pt_json_parse(body, &pt_mem_heap, &all, NULL) == PT_OK;

    if (good) {
        printf("database  %s\nstorage   %s\n",
               pt_json_bool(health, "database", false) ? "ok" : "away",
               pt_json_bool(health, "storage", false) ? "ok" : "away");

        printf("\n%-24s %5s %5s %9s %8s\n", "SERVICE", "MIN", "MAX",
               "PROCESSES", "WAITING");

        p = pt_json_member(all, "pools");

        for (p = p ? p->first : NULL; p; p = p->next) {
            printf("%-24.*s %5lld %5lld %9lld %8lld%s\n",
                   PT_STR_ARG(pt_json_string(p, "service", PT_STR(""))),
                   (long long) pt_json_int(p, "min", 0),
                   (long long) pt_json_int(p, "max", 0),
                   (long long) pt_json_int(p, "processes", 0),
                   (long long) pt_json_int(p, "waiting_jobs", 0),
                   pt_json_bool(p, "restarting", false) ? "  restarting" : "");
        }

        printf("\n%-24s %8s %-9s %5s %7s  %s\n", "PROCESSOR", "PID", "STATE",
               "SLOTS", "RUNNING", "SINCE");

        p = pt_json_member(all, "instances");

        for (p = p ? p->first : NULL; p; p = p->next) {
            printf("%-24.*s %8lld %-9.*s %5lld %7lld  %.*s\n",
                   PT_STR_ARG(pt_json_string(p, "service", PT_STR(""))),
                   (long long) pt_json_int(p, "pid", 0),
                   PT_STR_ARG(pt_json_string(p, "state", PT_STR(""))),
                   (long long) pt_json_int(p, "slots", 0),
                   (long long) pt_json_int(p, "running", 0),
                   PT_STR_ARG(pt_json_string(p, "since", PT_STR(""))));
        }
    }

    pt_json_free(health);
    pt_json_free(all);
    orch_cli_close(&cli);

    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}


/* ---- drain ---- */

int
orch_cli_drain(const orch_config_t *config)
{
    int            fd;
    long           pid = 0;
    char           path[4096];
    FILE          *f;
    struct pollfd  end = { .events = POLLIN };

    snprintf(path, sizeof(path), "%s.lock",
             strncmp(config->edge_listen, "ipc://", 6) == 0
             ? config->edge_listen + 6 : config->edge_listen);

    f = fopen(path, "re");

    if (f == NULL || fscanf(f, "%ld", &pid) != 1 || pid <= 0) {
        fprintf(stderr, "no orchestrator listens on \"%s\"\n",
                config->edge_listen);

        if (f) {
            fclose(f);
        }

        return EXIT_FAILURE;
    }

    fclose(f);
    fd = (int) syscall(SYS_pidfd_open, (pid_t) pid, 0);

    if (fd < 0 || kill((pid_t) pid, SIGUSR1) != 0) {
        fprintf(stderr, "could not drain the orchestrator with pid %ld: %s\n",
                pid, strerror(errno));
        return EXIT_FAILURE;
    }

    printf("draining the orchestrator with pid %ld: it ends when what runs has "
           "ended\n", pid);
    fflush(stdout);

    end.fd = fd;

    while (poll(&end, 1, -1) < 0 && errno == EINTR) {
        /* again */
    }

    close(fd);
    puts("it has ended");

    return EXIT_SUCCESS;
}


/* ---- jobs ---- */

int
orch_cli_jobs(const orch_config_t *config, int argc, char **argv)
{
    size_t  i;

    static const struct {
        const char  *name;
        int        (*run)(const orch_config_t *config, int argc, char **argv);
    } commands[] = {
        { "list",    orch_cli_list },
        { "show",    orch_cli_show },
        { "cancel",  orch_cli_cancel },
        { "redrive", orch_cli_redrive }
    };

    for (i = 0; argc && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[0], commands[i].name) == 0) {
            return commands[i].run(config, argc, argv);
        }
    }

    fputs("usage: pitchey-orchestrator [-c FILE] jobs COMMAND\n"
          "\n"
          "  list [FILTER]...      jobs, newest first\n"
          "  show ID...            jobs as JSON\n"
          "  cancel ID...          cancels them\n"
          "  redrive ID...         makes new jobs like ended ones, or like all\n"
          "  redrive FILTER...     of a filter\n"
          "\n"
          "  FILTER: --status STATUS  --service SERVICE  --user ID\n"
          "          --since TIME (such as \"2026-11-23\" or \"1 hour ago\")  "
          "--limit N\n",
          stderr);

    return ORCH_EXIT_USAGE;
}


static int
orch_cli_list(const orch_config_t *config, int argc, char **argv)
{
    int                 row;
    PGconn             *conn;
    PGresult           *res;
    orch_cli_filter_t   filter;

    if (!orch_cli_filter(argc, argv, &filter) || optind < argc) {
        return ORCH_EXIT_USAGE;
    }

    res = orch_cli_select(config, &filter, &conn);

    if (res) {
        printf("%-36s %-10s %-38s %3s %-24s %s\n", "ID", "STATUS", "ACTION",
               "TRY", "CREATED", "ERROR");
    }

    for (row = 0; res && row < PQntuples(res); row++) {
        printf("%-36s %-10s %-38s %3s %-24s %s\n", PQgetvalue(res, row, 0),
               PQgetvalue(res, row, 1), PQgetvalue(res, row, 2),
               PQgetvalue(res, row, 3), PQgetvalue(res, row, 4),
               PQgetvalue(res, row, 5));
    }

    row = res ? EXIT_SUCCESS : EXIT_FAILURE;
    PQclear(res);
    PQfinish(conn);

    return row;
}


/* false: it has said what is wrong; optind is at the first other argument */
static bool
orch_cli_filter(int argc, char **argv, orch_cli_filter_t *ret_filter)
{
    int    c;
    char  *end;

    static const struct option  options[] = {
        { "status",  required_argument, NULL, 's' },
        { "service", required_argument, NULL, 'S' },
        { "user",    required_argument, NULL, 'u' },
        { "since",   required_argument, NULL, 't' },
        { "limit",   required_argument, NULL, 'n' },
        { NULL, 0, NULL, 0 }
    };

    *ret_filter = (orch_cli_filter_t) { .limit = ORCH_CLI_LIST };
    optind = 1;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {

        case 's':
            ret_filter->status = optarg;
            break;

        case 'S':
            ret_filter->service = optarg;
            break;

        case 'u':
            ret_filter->user = optarg;
            break;

        case 't':
            ret_filter->since = optarg;
            break;

        case 'n':
            ret_filter->limit = (int) strtol(optarg, &end, 10);

            if (*end || ret_filter->limit < 1
                || ret_filter->limit > ORCH_CLI_LIST_MAX)
            {
                fprintf(stderr, "--limit is a number from 1 to %d\n",
                        ORCH_CLI_LIST_MAX);
                return false;
            }

            break;

        default:
            return false;
        }
    }

    return true;
}


/* NULL: it has said what is wrong */
static PGresult *
orch_cli_select(const orch_config_t *config, const orch_cli_filter_t *filter,
    PGconn **ret_conn)
{
    char         limit[16];
    PGresult    *res;
    const char  *values[5] = { filter->status, filter->service, filter->user,
                               filter->since, limit };

    static const char  sql[] =
        "select id, status, service || '/' || action, attempt,"
        " to_char(created_at at time zone 'UTC',"
        "         'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),"
        " coalesce((error->>'code') || ': ' || (error->>'detail'), '')"
        " from pitchey.jobs"
        " where ($1::text is null or status::text = $1)"
        " and ($2::text is null or service = $2)"
        " and ($3::text is null or owner = $3)"
        " and ($4::text is null or created_at >= case"
        "     when $4 ~ ' ago$' then now() - replace($4, ' ago', '')::interval"
        "     else $4::timestamptz end)"
        " order by id desc limit $5::int";

    snprintf(limit, sizeof(limit), "%d", filter->limit);

    *ret_conn = PQconnectdb(config->database);

    if (PQstatus(*ret_conn) != CONNECTION_OK) {
        fprintf(stderr, "could not connect to the database: %s",
                PQerrorMessage(*ret_conn));
        return NULL;
    }

    res = PQexecParams(*ret_conn, sql, 5, NULL, values, NULL, NULL, 0);

    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        fprintf(stderr, "the database refused: %s",
                PQerrorMessage(*ret_conn));
        PQclear(res);
        return NULL;
    }

    return res;
}


static int
orch_cli_show(const orch_config_t *config, int argc, char **argv)
{
    return orch_cli_each(config, PT_CMD_GET, argc, argv);
}


static int
orch_cli_cancel(const orch_config_t *config, int argc, char **argv)
{
    return orch_cli_each(config, PT_CMD_CANCEL, argc, argv);
}


/* of each id that is named */
static int
orch_cli_each(const orch_config_t *config, pt_command_t command, int argc,
    char **argv)
{
    int         i, status = argc > 1 ? EXIT_SUCCESS : ORCH_EXIT_USAGE;
    pt_msg_t    msg = { .command = command };
    pt_str_t    body;
    orch_cli_t  cli;

    if (!orch_cli_open(&cli, config)) {
        return EXIT_FAILURE;
    }

    for (i = 1; i < argc; i++) {
        if (!orch_cli_id(argv[i], &msg.u.get.id)
            || !orch_cli_ask(&cli, &msg, &body))
        {
            status = EXIT_FAILURE;

        } else if (command == PT_CMD_CANCEL) {
            printf("%s cancelled\n", argv[i]);

        } else {
            printf("%.*s\n", PT_STR_ARG(body));
        }
    }

    orch_cli_close(&cli);

    return status;
}


/* ids, or a filter: "redrive" without either is nobody's wish */
static int
orch_cli_redrive(const orch_config_t *config, int argc, char **argv)
{
    int                 i, status = EXIT_SUCCESS;
    PGconn             *conn = NULL;
    pt_id_t             id;
    PGresult           *res = NULL;
    orch_cli_t          cli;
    orch_cli_filter_t   filter;

    if (!orch_cli_filter(argc, argv, &filter)) {
        return ORCH_EXIT_USAGE;
    }

    if (argc == 1 || (optind < argc && optind > 1)) {
        fputs("jobs redrive takes ids or a filter\n", stderr);
        return ORCH_EXIT_USAGE;
    }

    if (optind == argc) {
        filter.status = filter.status ? filter.status : "failed";
        res = orch_cli_select(config, &filter, &conn);

        if (res == NULL) {
            PQfinish(conn);
            return EXIT_FAILURE;
        }
    }

    if (!orch_cli_open(&cli, config)) {
        PQclear(res);
        PQfinish(conn);
        return EXIT_FAILURE;
    }

    for (i = 0; i < (res ? PQntuples(res) : argc - 1); i++) {
        if (!orch_cli_id(res ? PQgetvalue(res, i, 0) : argv[i + 1], &id)
            || !orch_cli_retry(&cli, &id))
        {
            status = EXIT_FAILURE;
        }
    }

    orch_cli_close(&cli);
    PQclear(res);
    PQfinish(conn);

    return status;
}


static bool
orch_cli_retry(orch_cli_t *cli, const pt_id_t *of)
{
    char             before[PT_ID_TEXT_LEN], after[PT_ID_TEXT_LEN];
    uint8_t          noise[10];
    pt_msg_t         msg = { .command = PT_CMD_RETRY };
    pt_str_t         body;
    struct timespec  now;

    static const uint8_t  sha256[32];

    clock_gettime(CLOCK_REALTIME, &now);

    if (getrandom(noise, sizeof(noise), 0) != sizeof(noise)) {
        return false;
    }

    msg.u.retry.retry_of = *of;
    msg.u.retry.job = pt_id_make((uint64_t) now.tv_sec * 1000
                                 + (uint64_t) now.tv_nsec / 1000000, noise);
    msg.u.retry.user_type = PT_STR("");
    msg.u.retry.body_sha256 = sha256;

    if (!orch_cli_ask(cli, &msg, &body)) {
        return false;
    }

    pt_id_format(of, before);
    pt_id_format(&msg.u.retry.job, after);
    printf("%.*s redriven as %.*s\n", PT_ID_TEXT_LEN, before, PT_ID_TEXT_LEN,
           after);

    return true;
}


/* ---- keygen, sealkey ---- */

int
orch_cli_keygen(const char *path)
{
    pt_curve_t  pair;

    if (pt_curve_make(path, &pair) != PT_OK) {
        return EXIT_FAILURE;
    }

    puts(pair.public_key);

    return EXIT_SUCCESS;
}


int
orch_cli_sealkey(const char *path)
{
    return pt_seal_make(path) == PT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}


/* ---- asking ---- */

static bool
orch_cli_open(orch_cli_t *cli, const orch_config_t *config)
{
    int  none = 0;

    cli->n = 0;
    cli->context = zmq_ctx_new();
    cli->socket = cli->context ? zmq_socket(cli->context, ZMQ_DEALER) : NULL;

    if (cli->socket == NULL
        || zmq_setsockopt(cli->socket, ZMQ_LINGER, &none, sizeof(none)) != 0
        || zmq_connect(cli->socket, config->edge_listen) != 0)
    {
        fprintf(stderr, "could not connect to \"%s\": %s\n",
                config->edge_listen, zmq_strerror(errno));
        orch_cli_close(cli);
        return false;
    }

    return true;
}


static void
orch_cli_close(orch_cli_t *cli)
{
    orch_cli_forget(cli);

    if (cli->socket) {
        zmq_close(cli->socket);
    }

    if (cli->context) {
        zmq_ctx_term(cli->context);
    }
}


/* false: it has said why there is no answer; the body lives until the next */
static bool
orch_cli_ask(orch_cli_t *cli, pt_msg_t *msg, pt_str_t *ret_body)
{
    size_t       i;
    pt_str_t     frames[PT_WIRE_FRAMES_MAX];
    pt_msg_t     answer;
    pt_frames_t  f;

    msg->u.request = (pt_request_t) {
        .rid = 1, .deadline_ms = ORCH_CLI_WAIT_MS, .user = PT_STR("operator"),
        .role = PT_STR("admin"), .admin = 1, .tier = PT_STR("")
    };

    if (pt_wire_encode(msg, &f) != PT_OK) {
        return false;
    }

    for (i = 0; i < f.n; i++) {
        if (zmq_send(cli->socket, f.frames[i].len ? f.frames[i].data : "",
                     f.frames[i].len, i + 1 < f.n ? ZMQ_SNDMORE : 0) < 0)
        {
            return false;
        }
    }

    if (!orch_cli_receive(cli, frames)
        || pt_wire_decode(frames, cli->n, &answer, NULL) != PT_OK)
    {
        fputs("the orchestrator does not answer: is it running?\n", stderr);
        return false;
    }

    if (answer.command == PT_CMD_OK) {
        *ret_body = answer.u.ok.body;
        return true;
    }

    fprintf(stderr, "%.*s (%.*s)\n",
            PT_STR_ARG(answer.command == PT_CMD_PROBLEM
                       ? answer.u.problem.detail : PT_STR("no answer of ours")),
            PT_STR_ARG(answer.command == PT_CMD_PROBLEM
                       ? answer.u.problem.code : PT_STR("bad_message")));

    return false;
}


static bool
orch_cli_receive(orch_cli_t *cli, pt_str_t *frames)
{
    zmq_pollitem_t  item = { .socket = cli->socket, .events = ZMQ_POLLIN };

    orch_cli_forget(cli);

    if (zmq_poll(&item, 1, ORCH_CLI_WAIT_MS) != 1) {
        return false;
    }

    do {
        if (cli->n == PT_WIRE_FRAMES_MAX) {
            return false;
        }

        zmq_msg_init(&cli->frames[cli->n]);
        cli->n++;

        if (zmq_msg_recv(&cli->frames[cli->n - 1], cli->socket, 0) < 0) {
            return false;
        }

        frames[cli->n - 1] = (pt_str_t) {
            zmq_msg_data(&cli->frames[cli->n - 1]),
            zmq_msg_size(&cli->frames[cli->n - 1])
        };

    } while (zmq_msg_more(&cli->frames[cli->n - 1]));

    return true;
}


static void
orch_cli_forget(orch_cli_t *cli)
{
    while (cli->n) {
        zmq_msg_close(&cli->frames[--cli->n]);
    }
}


static bool
orch_cli_id(const char *text, pt_id_t *ret_id)
{
    if (pt_id_parse(pt_str(text), ret_id) == PT_OK) {
        return true;
    }

    fprintf(stderr, "\"%s\" is not the id of a job\n", text);

    return false;
}
