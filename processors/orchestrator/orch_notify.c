/* One datagram for each state; no library is needed for that. */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "orch_notify.h"


void
orch_notify(const char *state)
{
    int                 fd;
    size_t              len;
    const char         *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un  to = { .sun_family = AF_UNIX };

    /* a path, or "@" and a name of the abstract namespace */
    len = path ? strlen(path) : 0;

    if (len < 2 || len >= sizeof(to.sun_path)
        || (*path != '/' && *path != '@'))
    {
        return;
    }

    memcpy(to.sun_path, path, len);

    if (*path == '@') {
        to.sun_path[0] = '\0';
    }

    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return;
    }

    /* a manager that does not read loses a message, and we no time */
    (void) sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                  (struct sockaddr *) &to,
                  (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}


void
orch_notify_reloading(void)
{
    char             text[64];
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long) now.tv_sec * 1000000 + now.tv_nsec / 1000);
    orch_notify(text);
}


void
orch_notify_alive(void)
{
    const char  *pid = getenv("WATCHDOG_PID");

    if (getenv("WATCHDOG_USEC") && (pid == NULL || atol(pid) == getpid())) {
        orch_notify("WATCHDOG=1");
    }
}
