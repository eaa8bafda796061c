/* Both ends of the zygote: the process itself, and its parent's calls. */

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pt_child.h"
#include "pt_log.h"
#include "pt_sandbox.h"
#include "pt_zygote.h"


#define VERSION_TEXT_MAX  65536     /* of version(): names and hashes */

#define WARM_MS           500       /* of silence; then there is time for it */


typedef struct {
    unsigned  child;
    char      folder[PT_CHILD_FOLDER_MAX];
} pt_spawn_t;


/* descriptors of a child that is being made */
typedef struct {
    int  sockets[2];         /* 0: the parent's, 1: the child's */
    int  log[2];
} pt_child_pipes_t;


static void pt_zygote_main(const pt_processor_t *processor, const char *share,
    pt_access_t *access, bool eager, int fd, pid_t parent)
    __attribute__((noreturn));
static void pt_zygote_settle(int fd, pid_t parent);
static pt_err_t pt_zygote_version(const pt_processor_t *processor,
    char ret_version[PT_VERSION_LEN + 1]);
static int pt_digest_binary(EVP_MD_CTX *ctx);
static void pt_zygote_loop(const pt_processor_t *processor,
    pt_access_t *access, int fd, int signals);
static void pt_zygote_fork(const pt_processor_t *processor,
    pt_access_t *access, int fd, const pt_spawn_t *spawn);
static int pt_child_pipes_open(pt_child_pipes_t *pipes);
static void pt_child_pipes_close(pt_child_pipes_t *pipes);
static void pt_zygote_reap(int fd);
static void pt_zygote_tell(int fd, const pt_zygote_event_t *event,
    const int *fds, size_t nfds);
static void pt_close(int *fd);


/* ---- in the parent ---- */

pt_err_t
pt_zygote_start(const pt_processor_t *processor, const char *share,
    pt_access_t *access, bool eager, pt_zygote_t *ret_zygote,
    char ret_version[PT_VERSION_LEN + 1])
{
    int                fds[2];
    pid_t              pid, parent = getpid();
    pt_zygote_event_t  event;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == -1) {
        pt_log(PT_LOG_ERROR, "processor", "could not make a socket pair: %s",
               strerror(errno));
        return PT_E_INTERNAL;
    }

    pid = fork();

    if (pid == 0) {
        (void) close(fds[0]);
        pt_zygote_main(processor, share, access, eager, fds[1], parent);
    }

    (void) close(fds[1]);

    if (pid == -1) {
        pt_log(PT_LOG_ERROR, "processor", "could not fork: %s",
               strerror(errno));
        (void) close(fds[0]);
        return PT_E_INTERNAL;
    }

    /* loading may take its time; its end, good or bad, ends the wait */
    if (recv(fds[0], &event, sizeof(event), 0) != (ssize_t) sizeof(event)
        || event.kind != PT_ZYGOTE_READY)
    {
        pt_log(PT_LOG_ERROR, "processor", "could not load \"%s\" from \"%s\"",
               processor->service, share);
        (void) close(fds[0]);
        (void) waitpid(pid, NULL, 0);
        return PT_E_INTERNAL;
    }

    memcpy(ret_version, event.version, sizeof(event.version));

    ret_zygote->fd = fds[0];
    ret_zygote->pid = pid;

    return PT_OK;
}


void
pt_zygote_stop(pt_zygote_t *zygote)
{
    if (zygote->fd == -1) {
        return;
    }

    (void) kill(zygote->pid, SIGKILL);
    (void) waitpid(zygote->pid, NULL, 0);
    pt_close(&zygote->fd);
}


pt_err_t
pt_zygote_spawn(pt_zygote_t *zygote, unsigned child, const char *folder)
{
    pt_spawn_t  spawn;

    memset(&spawn, 0, sizeof(spawn));
    spawn.child = child;

    if (snprintf(spawn.folder, sizeof(spawn.folder), "%s", folder)
        >= (int) sizeof(spawn.folder))
    {
        return PT_E_INVALID;
    }

    if (send(zygote->fd, &spawn, sizeof(spawn), MSG_DONTWAIT | MSG_NOSIGNAL)
        == (ssize_t) sizeof(spawn))
    {
        return PT_OK;
    }

    return errno == EAGAIN ? PT_E_QUEUE_FULL : PT_E_UNAVAILABLE;
}


pt_err_t
pt_zygote_event(pt_zygote_t *zygote, pt_zygote_event_t *ret_event,
    pt_child_fds_t *ret_fds)
{
    int              got[3] = { -1, -1, -1 };
    char             room[CMSG_SPACE(sizeof(got))]
                         __attribute__((aligned(__alignof__(struct cmsghdr))));
    ssize_t          n;
    struct iovec     iov = { ret_event, sizeof(*ret_event) };
    struct msghdr    msg = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = room, .msg_controllen = sizeof(room)
    };
    struct cmsghdr  *c;

    n = recvmsg(zygote->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return PT_E_NOT_FOUND;
    }

    if (n != (ssize_t) sizeof(*ret_event)) {
        return PT_E_UNAVAILABLE;
    }

    c = CMSG_FIRSTHDR(&msg);

    if (c != NULL && c->cmsg_type == SCM_RIGHTS
        && c->cmsg_len == CMSG_LEN(sizeof(got)))
    {
        memcpy(got, CMSG_DATA(c), sizeof(got));
    }

    *ret_fds = (pt_child_fds_t) { got[0], got[1], got[2] };
    return PT_OK;
}


/* ---- in the zygote ---- */

static void
pt_zygote_main(const pt_processor_t *processor, const char *share,
    pt_access_t *access, bool eager, int fd, pid_t parent)
{
    int                signals;
    sigset_t           set;
    pt_zygote_event_t  event;

    pt_zygote_settle(fd, parent);

    if (!processor->reads_storage || processor->prepare == NULL) {
        pt_access_forget_s3(access);
    }

    if (processor->connections == 0 && processor->prepare == NULL) {
        pt_access_done(access);
    }

    if (processor->load != NULL && processor->load(share) != PT_OK) {
        _exit(1);
    }

    if (eager && processor->warm != NULL && processor->warm() != PT_OK) {
        _exit(1);
    }

    pt_sandbox_prepare();

    memset(&event, 0, sizeof(event));
    event.kind = PT_ZYGOTE_READY;

    if (pt_zygote_version(processor, event.version) != PT_OK) {
        pt_log(PT_LOG_ERROR, "processor", "could not tell the version of"
               " \"%s\"", processor->service);
        _exit(1);
    }

    (void) sigemptyset(&set);
    (void) sigaddset(&set, SIGCHLD);
    (void) sigprocmask(SIG_BLOCK, &set, NULL);

    signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals == -1) {
        _exit(1);
    }

    pt_zygote_tell(fd, &event, NULL, 0);
    pt_zygote_loop(processor, access, fd, signals);

    _exit(0);
}


/* a process of its own: nothing inherited that it or its children could use */
static void
pt_zygote_settle(int fd, pid_t parent)
{
    int  null;

    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void) prctl(PR_SET_NAME, "pt-zygote");

    /* the parent may have gone before the line above */
    if (getppid() != parent) {
        _exit(1);
    }

    /* a Ctrl-C at the terminal is the parent's to handle */
    (void) setpgid(0, 0);

    null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null == -1 || dup2(null, STDIN_FILENO) == -1
        || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
    {
        _exit(1);
    }

    (void) close(null);
}


static pt_err_t
pt_zygote_version(const pt_processor_t *processor,
    char ret_version[PT_VERSION_LEN + 1])
{
    bool         good;
    uint8_t      hash[32];
    size_t       i;
    pt_buf_t     text;
    EVP_MD_CTX  *ctx;

    pt_buf_init(&text, &pt_mem_heap, VERSION_TEXT_MAX);

    if (processor->version != NULL) {
        processor->version(&text);
    }

    ctx = EVP_MD_CTX_new();

    good = ctx != NULL && text.err == PT_OK
           && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1
           && pt_digest_binary(ctx) == 0
           && EVP_DigestUpdate(ctx, pt_buf_str(&text).data, text.len) == 1
           && EVP_DigestFinal_ex(ctx, hash, NULL) == 1;

    EVP_MD_CTX_free(ctx);
    pt_buf_done(&text);

    if (!good) {
        return PT_E_INTERNAL;
    }

    for (i = 0; i < sizeof(hash); i++) {
        (void) snprintf(ret_version + 2 * i, 3, "%02x", hash[i]);
    }

    return PT_OK;
}


static int
pt_digest_binary(EVP_MD_CTX *ctx)
{
    int      fd;
    char     chunk[16384];
    ssize_t  n;

    fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    do {
        n = read(fd, chunk, sizeof(chunk));
    } while (n > 0 && EVP_DigestUpdate(ctx, chunk, (size_t) n) == 1);

    (void) close(fd);

    return n == 0 ? 0 : -1;
}


static void
pt_zygote_loop(const pt_processor_t *processor, pt_access_t *access, int fd,
    int signals)
{
    int                      ready, wait_ms;
    ssize_t                  n;
    pt_spawn_t               spawn;
    struct pollfd            polls[2] = {
        { fd, POLLIN, 0 }, { signals, POLLIN, 0 }
    };
    struct signalfd_siginfo  info;

    wait_ms = processor->warm != NULL ? WARM_MS : -1;

    for ( ;; ) {
        ready = poll(polls, 2, wait_ms);

        if (ready == -1 && errno != EINTR) {
            return;
        }

        if (ready == 0) {
            /* it has said what it could not do; jobs go on without */
            (void) processor->warm();
            wait_ms = -1;
        }

        if (ready <= 0) {
            continue;
        }

        if (polls[1].revents & POLLIN) {
            (void) !read(signals, &info, sizeof(info));
            pt_zygote_reap(fd);
        }

        if (polls[0].revents == 0) {
            continue;
        }

        n = recv(fd, &spawn, sizeof(spawn), MSG_DONTWAIT);

        if (n == (ssize_t) sizeof(spawn)) {
            pt_zygote_fork(processor, access, fd, &spawn);

        } else if (n != -1 || (errno != EAGAIN && errno != EINTR)) {
            return;
        }
    }
}


static void
pt_zygote_fork(const pt_processor_t *processor, pt_access_t *access, int fd,
    const pt_spawn_t *spawn)
{
    int                fds[3];
    pid_t              zygote = getpid();
    pt_child_pipes_t   pipes;
    pt_zygote_event_t  event;

    memset(&event, 0, sizeof(event));
    event.kind = PT_ZYGOTE_STARTED;
    event.child = spawn->child;
    event.pid = -1;

    if (pt_child_pipes_open(&pipes) == 0) {
        event.pid = fork();
    }

    if (event.pid == 0) {
        pt_child_main(processor, access, spawn->folder, zygote,
                      pipes.sockets[1], pipes.log[1]);
    }

    fds[2] = -1;

    /* not reaped yet, so the pid is still this child's */
    if (event.pid > 0) {
        fds[2] = pidfd_open(event.pid, 0);
    }

    if (fds[2] == -1) {
        event.error = errno;

        if (event.pid > 0) {
            (void) kill(event.pid, SIGKILL);
        }

        pt_zygote_tell(fd, &event, NULL, 0);

    } else {
        fds[0] = pipes.sockets[0];
        fds[1] = pipes.log[0];

        pt_zygote_tell(fd, &event, fds, 3);
        pt_close(&fds[2]);
    }

    pt_child_pipes_close(&pipes);
}


static int
pt_child_pipes_open(pt_child_pipes_t *pipes)
{
    *pipes = (pt_child_pipes_t) { { -1, -1 }, { -1, -1 } };

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pipes->sockets) == -1
        || pipe2(pipes->log, O_CLOEXEC) == -1)
    {
        return -1;
    }

    /* the parent's ends: it waits in its loop only */
    return fcntl(pipes->sockets[0], F_SETFL, O_NONBLOCK) == -1
           || fcntl(pipes->log[0], F_SETFL, O_NONBLOCK) == -1 ? -1 : 0;
}


static void
pt_child_pipes_close(pt_child_pipes_t *pipes)
{
    pt_close(&pipes->sockets[0]);
    pt_close(&pipes->sockets[1]);
    pt_close(&pipes->log[0]);
    pt_close(&pipes->log[1]);
}


static void
pt_zygote_reap(int fd)
{
    pid_t              pid;
    struct rusage      usage;
    pt_zygote_event_t  event;

    memset(&event, 0, sizeof(event));
    event.kind = PT_ZYGOTE_EXITED;

    while ((pid = wait4(-1, &event.status, WNOHANG, &usage)) > 0) {
        event.pid = pid;
        event.cpu_ms = (uint64_t) (usage.ru_utime.tv_sec
                                   + usage.ru_stime.tv_sec) * 1000
                       + (uint64_t) (usage.ru_utime.tv_usec
                                     + usage.ru_stime.tv_usec) / 1000;
        event.peak_bytes = (uint64_t) usage.ru_maxrss * 1024;

        pt_zygote_tell(fd, &event, NULL, 0);
    }
}


/* a parent that cannot be told is gone, and this process with it */
static void
pt_zygote_tell(int fd, const pt_zygote_event_t *event, const int *fds,
    size_t nfds)
{
    char             room[CMSG_SPACE(3 * sizeof(int))]
                         __attribute__((aligned(__alignof__(struct cmsghdr))));
    struct iovec     iov = { (void *) (uintptr_t) event, sizeof(*event) };
    struct msghdr    msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr  *c;

    if (nfds > 0) {
        memset(room, 0, sizeof(room));
        msg.msg_control = room;
        msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));

        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
    }

    if (sendmsg(fd, &msg, MSG_NOSIGNAL) == -1) {
        _exit(1);
    }
}


static void
pt_close(int *fd)
{
    if (*fd != -1) {
        (void) close(*fd);
        *fd = -1;
    }
}
