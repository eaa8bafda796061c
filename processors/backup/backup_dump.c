/* The helper that starts pg_dump. */

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backup_dump.h"


#define SNAPSHOT_MAX  64
#define PIECE         65536


/*
 * Over the socket, from the helper: len:u32 (1..PIECE) and so many bytes,
 * again and again; then 0:u32 and status:u32 of pg_dump.
 */
static int  dump_socket = -1;

/* of this helper's child: an error is the end of both */
static void dump_helper(int fd, const char *conninfo)
    __attribute__((noreturn));
static int dump_environment(const char *conninfo);
static int dump_start(const char *snapshot, pid_t *ret_pid);
static void dump_relay(int fd, int from, pid_t pid);
static bool dump_all(int fd, void *data, size_t len, bool in);


pt_err_t
backup_dump_prepare(const char *conninfo)
{
    int    fds[2];
    pid_t  pid, parent = getpid();

    if (conninfo == NULL) {
        return PT_OK;
    }

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == -1) {
        return PT_E_INTERNAL;
    }

    pid = fork();

    if (pid == -1) {
        (void) close(fds[0]);
        (void) close(fds[1]);
        return PT_E_INTERNAL;
    }

    if (pid == 0) {
        /* nothing of the child's: neither its parent's socket nor the
         * database's, which this process would keep open */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != parent
            || dup2(fds[1], 3) == -1 || close_range(4, ~0U, 0) == -1)
        {
            _exit(1);
        }

        (void) prctl(PR_SET_NAME, "pt-dump");
        dump_helper(3, conninfo);
    }

    (void) close(fds[1]);
    dump_socket = fds[0];

    return PT_OK;
}


/* ---- in the helper ---- */

static void
dump_helper(int fd, const char *conninfo)
{
    int    from;
    char   snapshot[SNAPSHOT_MAX];
    pid_t  pid;

    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1
        || dump_environment(conninfo) == -1)
    {
        _exit(1);
    }

    while (dump_all(fd, snapshot, sizeof(snapshot), true)) {
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

    _exit(0);
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

        if (!dump_all(fd, &word, sizeof(word), false)
            || !dump_all(fd, piece, (size_t) n, false))
        {
            _exit(1);
        }
    }

    if (n == -1 || waitpid(pid, &status, 0) != pid) {
        _exit(1);
    }

    word = 0;

    if (!dump_all(fd, &word, sizeof(word), false)) {
        _exit(1);
    }

    word = (uint32_t) status;

    if (!dump_all(fd, &word, sizeof(word), false)) {
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

    if (dump_socket == -1 || !dump_all(dump_socket, text, sizeof(text), false))
    {
        return backup_say(PT_E_DATABASE, "pg_dump cannot be started");
    }

    for ( ;; ) {
        if (!dump_all(dump_socket, &word, sizeof(word), true)) {
            return backup_say(PT_E_DATABASE, "pg_dump's helper has ended");
        }

        if (word == 0) {
            break;
        }

        if (word > PIECE || !dump_all(dump_socket, piece, word, true)) {
            return backup_say(PT_E_DATABASE, "pg_dump's helper has ended");
        }

        /* to its end in any case: the next dump begins with its own bytes */
        if (err == PT_OK) {
            err = visit(ctx, (pt_str_t) { piece, word });
        }
    }

    if (!dump_all(dump_socket, &word, sizeof(word), true)) {
        return backup_say(PT_E_DATABASE, "pg_dump's helper has ended");
    }

    return err != PT_OK || word == 0
           ? err : backup_say(PT_E_DATABASE, "pg_dump failed with status %d",
                              WIFEXITED((int) word)
                              ? WEXITSTATUS((int) word) : -1);
}


static bool
dump_all(int fd, void *data, size_t len, bool in)
{
    size_t   at;
    ssize_t  n;

    for (at = 0; at < len; at += (size_t) n) {
        n = in ? read(fd, (char *) data + at, len - at)
               : write(fd, (char *) data + at, len - at);

        if (n == -1 && errno == EINTR) {
            n = 0;
            continue;
        }

        if (n <= 0) {
            return false;
        }
    }

    return true;
}
