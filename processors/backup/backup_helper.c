/* Helpers outside of a child's sandbox. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backup_helper.h"


#define HELPER_FD  3


pt_err_t
backup_helper_start(const char *name, backup_helper_fn run,
    const pt_reach_t *reach, int *ret_fd)
{
    int    fds[2];
    pid_t  pid, parent = getpid();

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
            || dup2(fds[1], HELPER_FD) == -1
            || fcntl(HELPER_FD, F_SETFD, FD_CLOEXEC) == -1
            || close_range(HELPER_FD + 1, ~0U, 0) == -1)
        {
            _exit(1);
        }

        (void) prctl(PR_SET_NAME, name);
        run(HELPER_FD, reach);
        _exit(0);
    }

    (void) close(fds[1]);
    *ret_fd = fds[0];

    return PT_OK;
}


bool
backup_helper_read(int fd, void *data, size_t len)
{
    size_t   at;
    ssize_t  n;

    for (at = 0; at < len; at += (size_t) n) {
        n = read(fd, (char *) data + at, len - at);

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


bool
backup_helper_write(int fd, const void *data, size_t len)
{
    size_t   at;
    ssize_t  n;

    for (at = 0; at < len; at += (size_t) n) {
        n = write(fd, (const char *) data + at, len - at);

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
