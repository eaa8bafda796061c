/*
 * usage: fan PORT N < request
 *
 * N clients on 127.0.0.1 send the request and read.  "up" is written when all
 * have a header of 200 or 101.  Each "T=" and 20 digits in what they read is
 * a time of CLOCK_MONOTONIC in ns; SIGTERM ends it with a line of how many
 * there were, and p50, p99 and the maximum of their ages in ms.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define MARK       22                   /* "T=" and the digits */
#define AGES_MAX   (8 * 1000 * 1000)


typedef struct {
    int     fd;
    int     up;
    size_t  kept;
    char    tail[MARK];                 /* a mark may be cut */
} client_t;


static volatile sig_atomic_t  ended;


static void
end(int signo)
{
    (void) signo;
    ended = 1;
}


static uint64_t
now(void)
{
    struct timespec  t;

    clock_gettime(CLOCK_MONOTONIC, &t);

    return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}


static int
ascending(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


static void
die(const char *what)
{
    fprintf(stderr, "fan: %s: %s\n", what, strerror(errno));
    exit(1);
}


static void
dial(client_t *c, int ep, uint16_t port, const char *request, size_t len)
{
    int                 one = 1;
    struct sockaddr_in  a = { .sin_family = AF_INET, .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event  e = { .events = EPOLLIN, .data.ptr = c };

    c->fd = socket(AF_INET, SOCK_STREAM, 0);

    if (c->fd == -1 || connect(c->fd, (struct sockaddr *) &a, sizeof(a)) != 0) {
        die("connect");
    }

    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    if (write(c->fd, request, len) != (ssize_t) len
        || epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e) != 0)
    {
        die("write");
    }
}


/* the ages of the marks in what it read; whether it has just come up */
static int
take(client_t *c, double *ages, size_t *nages)
{
    int          up = 0;
    char        *p, *last;
    size_t       len;
    ssize_t      n;
    uint64_t     time;
    static char  buf[MARK + 65536 + 1];

    memcpy(buf, c->tail, c->kept);
    n = read(c->fd, buf + c->kept, 65536);

    if (n <= 0) {
        die("a client was closed");
    }

    time = now();
    len = c->kept + (size_t) n;
    buf[len] = '\0';
    last = buf + len;

    if (!c->up) {
        if (strncmp(buf, "HTTP/1.1 200", 12) != 0
            && strncmp(buf, "HTTP/1.1 101", 12) != 0)
        {
            fprintf(stderr, "fan: %.400s\n", buf);
            exit(1);
        }

        c->up = up = 1;
    }

    for (p = buf; (p = memmem(p, (size_t) (last - p), "T=", 2)); p += MARK) {
        if (last - p < MARK) {
            break;
        }

        if (*nages < AGES_MAX) {
            ages[(*nages)++] = (double) (int64_t) (time
                                       - strtoull(p + 2, NULL, 10)) / 1e6;
        }
    }

    c->kept = p ? (size_t) (last - p) : last[-1] == 'T';
    memcpy(c->tail, last - c->kept, c->kept);

    return up;
}


int
main(int argc, char **argv)
{
    int                 i, n, ep, ready, nup = 0;
    char                request[4096];
    size_t              len, nages = 0;
    double             *ages;
    client_t           *clients;
    struct rlimit       files;
    struct sigaction    action = { .sa_handler = end };
    struct epoll_event  events[512];

    if (argc != 3) {
        return 2;
    }

    n = atoi(argv[2]);
    len = fread(request, 1, sizeof(request), stdin);
    clients = calloc((size_t) n, sizeof(*clients));
    ages = malloc(AGES_MAX * sizeof(*ages));
    ep = epoll_create1(0);

    if (clients == NULL || ages == NULL || ep == -1) {
        die("start");
    }

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    sigaction(SIGTERM, &action, NULL);

    for (i = 0; i < n; i++) {
        dial(&clients[i], ep, (uint16_t) atoi(argv[1]), request, len);
    }

    while (!ended) {
        ready = epoll_wait(ep, events, 512, 100);

        for (i = 0; i < ready; i++) {
            nup += take(events[i].data.ptr, ages, &nages);

            if (nup == n) {
                printf("up\n");
                fflush(stdout);
                nup++;
            }
        }
    }

    qsort(ages, nages, sizeof(*ages), ascending);

    if (nages) {
        printf("%zu %.3f %.3f %.3f\n", nages, ages[nages / 2],
               ages[nages * 99 / 100], ages[nages - 1]);
    } else {
        printf("0 0 0 0\n");
    }

    return 0;
}
