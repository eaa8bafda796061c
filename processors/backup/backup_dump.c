/* The helper that starts pg_dump. */

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backup_dump.h"
#include "backup_helper.h"


#define SNAPSHOT_MAX  64
#define PIECE         65536


/*
 * Over the socket, from the helper: len:u32 (1..PIECE) and so many bytes,
 * again and again; then 0:u32 and status:u32 of pg_dump.
 */
static int  dump_socket = -1;

/* of this helper's child: an error is the end of both */
static void dump_helper(int fd, const pt_reach_t *reach);
static int dump_environment(const char *conninfo);
static int dump_start(const char *snapshot, pid_t *ret_pid);
static void dump_relay(int fd, int from, pid_t pid);


pt_err_t
backup_dump_prepare(const pt_reach_t *reach)
{
    return reach->conninfo == NULL
           ? PT_OK : backup_helper_start("pt-dump", dump_helper, reach,
                                         &dump_socket);
}


/* ---- in the helper ---- */

static void
dump_helper(int fd, const pt_reach_t *reach)
{
    int    from;
    char   snapshot[SNAPSHOT_MAX];
    pid_t  pid;

    if (dump_environment(reach->conninfo) == -1) {
        _exit(1);
    }

    while (backup_helper_read(fd, snapshot, sizeof(snapshot))) {
        snapshot[SNAPSHOT_MAX - 1] = '\0';

        if (strspn(snapshot, "0123456789ABCDEFabcdef-") != strlen(snapshot)) {
            _exit(1);
        }

        from = dump_start(snapshot, &pid);
        if (from == -1) {
            _exit(1);
        }

        dump_relay(fd, from, pid);
        (void) close(from);
    }
}


/* a password in an argument would show in ps */
static int
dump_environment(const char *conninfo)
{
    int                rc = 0;
    PQconninfoOption  *options, *o;

    options = PQconninfoParse(conninfo, NULL);
    if (options == NULL) {
        return -1;
    }

    for (o = options; o->keyword != NULL; o++) {
        if (o->val != NULL && o->envvar != NULL
            && setenv(o->envvar, o->val, 1) == -1)
        {
            rc = -1;
        }
    }

    PQconninfoFree(options);

    return rc;
}


static int
dump_start(const char *snapshot, pid_t *ret_pid)
{
    int    fds[2];
    char   option[SNAPSHOT_MAX + 16];
    pid_t  pid, parent = getpid();

    (void) snprintf(option, sizeof(option), "--snapshot=%s", snapshot);

    if (pipe2(fds, O_CLOEXEC) == -1) {
        return -1;
    }

    pid = fork();

    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != parent
            || dup2(fds[1], STDOUT_FILENO) == -1)
        {
            _exit(126);
        }

        (void) execlp("pg_dump", "pg_dump", "--format=custom", "--compress=0",
                      "--no-password", option, (char *) NULL);
        (void) fprintf(stderr, "could not start pg_dump: %s\n",
                       strerror(errno));
        _exit(127);
    }

    (void) close(fds[1]);

    if (pid == -1) {
        (void) close(fds[0]);
        return -1;
    }

    *ret_pid = pid;
    return fds[0];
}


static void
dump_relay(int fd, int from, pid_t pid)
{
    int       status;
    ssize_t   n;
    uint32_t  word;

    static char  piece[PIECE];

    while ((n = read(from, piece, sizeof(piece))) > 0) {
        word = (uint32_t) n;

        if (!backup_helper_write(fd, &word, sizeof(word))
            || !backup_helper_write(fd, piece, (size_t) n))
        {
            _exit(1);
        }
    }

    if (n == -1 || waitpid(pid, &status, 0) != pid) {
        _exit(1);
    }

    word = 0;

    if (!backup_helper_write(fd, &word, sizeof(word))) {
        _exit(1);
    }

    word = (uint32_t) status;

    if (!backup_helper_write(fd, &word, sizeof(word))) {
        _exit(1);
    }
}


/* ---- in the child ---- */

pt_err_t
backup_dump(const char *snapshot, backup_piece_fn visit, void *ctx)
{
    char      text[SNAPSHOT_MAX] = "";
    pt_err_t  err = PT_OK;
    uint32_t  word;

    static char  piece[PIECE];

    (void) snprintf(text, sizeof(text), "%s", snapshot);

    if (dump_socket == -1
        || !backup_helper_write(dump_socket, text, sizeof(text)))
    {
        return backup_say(PT_E_DATABASE, "pg_dump cannot be started");
    }

    for ( ;; ) {
        if (!backup_helper_read(dump_socket, &word, sizeof(word))) {
            return backup_say(PT_E_DATABASE, "pg_dump's helper has ended");
        }

        if (word == 0) {
            break;
        }

        if (word > PIECE || !backup_helper_read(dump_socket, piece, word)) {
            return backup_say(PT_E_DATABASE, "pg_dump's helper has ended");
        }

        /* to its end in any case: the next dump begins with its own bytes */
        if (err == PT_OK) {
            err = visit(ctx, (pt_str_t) { piece, word });
        }
    }

    if (!backup_helper_read(dump_socket, &word, sizeof(word))) {
        return backup_say(PT_E_DATABASE, "pg_dump's helper has ended");
    }

    return err != PT_OK || word == 0
           ? err : backup_say(PT_E_DATABASE, "pg_dump failed with status %d",
                              WIFEXITED((int) word)
                              ? WEXITSTATUS((int) word) : -1);
}
