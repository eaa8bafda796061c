/* What a child that was taken over would do. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "pt_childmsg.h"
#include "test_actions.h"


/* one attempt to get out: 0 where it worked, else errno */
typedef struct {
    const char  *name;
    int        (*attempt)(const pt_input_t *input);
} test_escape_t;


static int escape_socket(const pt_input_t *input);
static int escape_socketpair(const pt_input_t *input);
static int escape_connect(const pt_input_t *input);
static int escape_open(const pt_input_t *input);
static int escape_open_self(const pt_input_t *input);
static int escape_list(const pt_input_t *input);
static int escape_create(const pt_input_t *input);
static int escape_create_above(const pt_input_t *input);
static int escape_input_write(const pt_input_t *input);
static int escape_input_truncate(const pt_input_t *input);
static int escape_input_unlink(const pt_input_t *input);
static int escape_input_rename(const pt_input_t *input);
static int escape_input_chmod(const pt_input_t *input);
static int escape_input_reopen(const pt_input_t *input);
static int escape_symlink(const pt_input_t *input);
static int escape_link(const pt_input_t *input);
static int escape_mknod(const pt_input_t *input);
static int escape_fork(const pt_input_t *input);
static int escape_execve(const pt_input_t *input);
static int escape_ptrace(const pt_input_t *input);
static int escape_read_memory(const pt_input_t *input);
static int escape_kill_parent(const pt_input_t *input);
static int escape_mmap_exec(const pt_input_t *input);
static int escape_setrlimit(const pt_input_t *input);
static int escape_setuid(const pt_input_t *input);
static int escape_mount(const pt_input_t *input);
static int escape_chroot(const pt_input_t *input);
static int escape_unshare(const pt_input_t *input);
static int escape_bpf(const pt_input_t *input);
static int escape_keyctl(const pt_input_t *input);
static int escape_io_uring(const pt_input_t *input);
static int escape_userfaultfd(const pt_input_t *input);
static int escape_memfd(const pt_input_t *input);
static int escape_dumpable(const pt_input_t *input);
static int escape_descriptors(const pt_input_t *input);

static int escape_opened(int fd);
static int escape_said(long rc);
static void hog_memory(void);
static void hog_cpu(void);
static void hog_file(void);


static const test_escape_t  test_escapes[] = {
    { "socket",         escape_socket },
    { "socketpair",     escape_socketpair },
    { "connect",        escape_connect },
    { "open",           escape_open },
    { "open_self",      escape_open_self },
    { "list",           escape_list },
    { "create",         escape_create },
    { "create_above",   escape_create_above },
    { "input_write",    escape_input_write },
    { "input_truncate", escape_input_truncate },
    { "input_unlink",   escape_input_unlink },
    { "input_rename",   escape_input_rename },
    { "input_chmod",    escape_input_chmod },
    { "input_reopen",   escape_input_reopen },
    { "symlink",        escape_symlink },
    { "link",           escape_link },
    { "mknod",          escape_mknod },
    { "fork",           escape_fork },
    { "execve",         escape_execve },
    { "ptrace",         escape_ptrace },
    { "read_memory",    escape_read_memory },
    { "kill_parent",    escape_kill_parent },
    { "mmap_exec",      escape_mmap_exec },
    { "setrlimit",      escape_setrlimit },
    { "setuid",         escape_setuid },
    { "mount",          escape_mount },
    { "chroot",         escape_chroot },
    { "unshare",        escape_unshare },
    { "bpf",            escape_bpf },
    { "keyctl",         escape_keyctl },
    { "io_uring",       escape_io_uring },
    { "userfaultfd",    escape_userfaultfd },
    { "memfd",          escape_memfd },
    { "dumpable",       escape_dumpable },
    { "descriptors",    escape_descriptors }
};


/* {"signal"}: by number, 0: exits without a result */
pt_err_t
test_crash(pt_job_t *job)
{
    int64_t  number;

    number = pt_json_int(pt_job_params(job), "signal", SIGSEGV);

    if (number == 0) {
        _exit(7);
    }

    /* without the sanitizers' handlers, if there are any */
    (void) signal((int) number, SIG_DFL);
    (void) raise((int) number);

    return pt_job_fail(job, PT_E_INTERNAL, "still there after a signal");
}


/* {"what"}: takes memory, CPU time or disk until somebody ends it */
pt_err_t
test_hog(pt_job_t *job)
{
    pt_str_t  what;

    what = pt_json_string(pt_job_params(job), "what", PT_STR("memory"));

    if (pt_str_is(what, "cpu")) {
        hog_cpu();

    } else if (pt_str_is(what, "file")) {
        hog_file();

    } else {
        hog_memory();
        return PT_E_NOMEM;
    }

    return pt_job_fail(job, PT_E_INTERNAL, "nobody ended it");
}


/* says DONE itself, over the child's socket, and never waits for another job */
pt_err_t
test_linger(pt_job_t *job)
{
    pt_buf_t  buf;

    pt_buf_init(&buf, &pt_mem_heap, 4096);
    pt_childmsg_write(&buf, &(pt_childmsg_t) {
        .kind = PT_CHILDMSG_DONE, .json = PT_STR("{}") });

    /* its one socket, behind stdin, stdout and stderr */
    if (write(3, buf.data, buf.len) != (ssize_t) buf.len) {
        return pt_job_fail(job, PT_E_INTERNAL, "could not say so");
    }

    for ( ;; ) {
        (void) poll(NULL, 0, 1000);
    }
}


/* {"file"?}: tries each way out; the result has its errno's name, or "none" */
pt_err_t
test_escape(pt_job_t *job)
{
    int                rc;
    size_t             i;
    pt_buf_t           buf;
    pt_err_t           err;
    pt_jsonw_t         w;
    const pt_input_t  *input;

    input = pt_job_input(job, pt_json_string(pt_job_params(job), "file",
                                             PT_STR_NULL));

    pt_buf_init(&buf, &pt_mem_heap, 65536);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);

    for (i = 0; i < sizeof(test_escapes) / sizeof(test_escapes[0]); i++) {

        if (input == NULL && strncmp(test_escapes[i].name, "input", 5) == 0) {
            continue;
        }

        errno = 0;
        rc = test_escapes[i].attempt(input);

        pt_jsonw_key(&w, test_escapes[i].name);
        pt_jsonw_text(&w, rc == 0 ? "none" : strerrorname_np(rc));
    }

    pt_jsonw_end(&w);

    err = buf.err != PT_OK ? buf.err : pt_job_result(job, pt_buf_str(&buf));
    pt_buf_done(&buf);

    return err;
}


static int
escape_socket(const pt_input_t *input)
{
    (void) input;

    return escape_opened(socket(AF_INET, SOCK_STREAM, 0));
}


static int
escape_socketpair(const pt_input_t *input)
{
    int  fds[2];

    (void) input;

    return escape_said(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
}


/* with the one socket that there is */
static int
escape_connect(const pt_input_t *input)
{
    struct sockaddr_un  sun = { .sun_family = AF_UNIX };

    (void) input;
    (void) snprintf(sun.sun_path, sizeof(sun.sun_path), "/run/x.sock");

    return escape_said(connect(3, (struct sockaddr *) &sun, sizeof(sun)));
}


static int
escape_open(const pt_input_t *input)
{
    (void) input;

    return escape_opened(open("/etc/passwd", O_RDONLY));
}


static int
escape_open_self(const pt_input_t *input)
{
    (void) input;

    return escape_opened(open("/proc/self/environ", O_RDONLY));
}


static int
escape_list(const pt_input_t *input)
{
    (void) input;

    return escape_opened(open("/", O_RDONLY | O_DIRECTORY));
}


static int
escape_create(const pt_input_t *input)
{
    (void) input;

    return escape_opened(open("/tmp/escaped", O_WRONLY | O_CREAT, 0600));
}


static int
escape_create_above(const pt_input_t *input)
{
    (void) input;

    return escape_opened(open("../escaped", O_WRONLY | O_CREAT, 0600));
}


static int
escape_input_write(const pt_input_t *input)
{
    return escape_opened(open(input->path, O_WRONLY));
}


static int
escape_input_truncate(const pt_input_t *input)
{
    if (truncate(input->path, 0) == 0) {
        return 0;
    }

    /* Linux lets O_TRUNC cut what is opened for reading */
    return escape_opened(open(input->path, O_RDONLY | O_TRUNC));
}


static int
escape_input_unlink(const pt_input_t *input)
{
    return escape_said(unlink(input->path));
}


static int
escape_input_rename(const pt_input_t *input)
{
    return escape_said(rename(input->path, "mine"));
}


static int
escape_input_chmod(const pt_input_t *input)
{
    return escape_said(chmod(input->path, 0666));
}


static int
escape_input_reopen(const pt_input_t *input)
{
    int   fd, rc;
    char  path[64];

    fd = open(input->path, O_RDONLY);
    if (fd == -1) {
        return 0;        /* it must be readable: that would be a find */
    }

    (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    rc = escape_opened(open(path, O_RDWR));
    (void) close(fd);

    return rc;
}


static int
escape_symlink(const pt_input_t *input)
{
    (void) input;

    return escape_said(symlink("/etc/passwd", "link"));
}


static int
escape_link(const pt_input_t *input)
{
    return escape_said(link(input ? input->path : "/etc/passwd", "link"));
}


static int
escape_mknod(const pt_input_t *input)
{
    (void) input;

    return escape_said(mknod("fifo", S_IFIFO | 0600, 0));
}


static int
escape_fork(const pt_input_t *input)
{
    pid_t  pid;

    (void) input;

    pid = (pid_t) syscall(SYS_fork);

    if (pid == 0) {
        _exit(0);
    }

    return escape_said(pid);
}


static int
escape_execve(const pt_input_t *input)
{
    char  *const none[] = { NULL };

    (void) input;

    return escape_said(execve("/bin/true", none, none));
}


static int
escape_ptrace(const pt_input_t *input)
{
    (void) input;

    return escape_said(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}


static int
escape_read_memory(const pt_input_t *input)
{
    (void) input;

    return escape_said(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL,
                               0, 0));
}


static int
escape_kill_parent(const pt_input_t *input)
{
    (void) input;

    return escape_said(kill(getppid(), 0));
}


static int
escape_mmap_exec(const pt_input_t *input)
{
    void  *p;

    (void) input;

    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? errno : 0;
}


static int
escape_setrlimit(const pt_input_t *input)
{
    struct rlimit  limit = { 1, 1 };

    (void) input;

    return escape_said(setrlimit(RLIMIT_MSGQUEUE, &limit));
}


static int
escape_setuid(const pt_input_t *input)
{
    (void) input;

    return escape_said(setuid(0));
}


static int
escape_mount(const pt_input_t *input)
{
    (void) input;

    return escape_said(syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL));
}


static int
escape_chroot(const pt_input_t *input)
{
    (void) input;

    return escape_said(chroot("."));
}


static int
escape_unshare(const pt_input_t *input)
{
    (void) input;

    return escape_said(syscall(SYS_unshare, 0));
}


static int
escape_bpf(const pt_input_t *input)
{
    (void) input;

    return escape_said(syscall(SYS_bpf, 0, NULL, 0));
}


static int
escape_keyctl(const pt_input_t *input)
{
    (void) input;

    return escape_said(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}


static int
escape_io_uring(const pt_input_t *input)
{
    char  params[256] = { 0 };

    (void) input;

    return escape_said(syscall(SYS_io_uring_setup, 1, params));
}


static int
escape_userfaultfd(const pt_input_t *input)
{
    (void) input;

    return escape_said(syscall(SYS_userfaultfd, 0));
}


static int
escape_memfd(const pt_input_t *input)
{
    (void) input;

    return escape_opened(memfd_create("x", 0));
}


static int
escape_dumpable(const pt_input_t *input)
{
    (void) input;

    return escape_said(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}


/* 0, 1, 2 and the job's socket are all that is open */
static int
escape_descriptors(const pt_input_t *input)
{
    int  fd;

    (void) input;

    for (fd = 4; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) != -1) {
            return 0;
        }
    }

    return EBADF;
}


static int
escape_opened(int fd)
{
    if (fd == -1) {
        return errno;
    }

    (void) close(fd);
    return 0;
}


static int
escape_said(long rc)
{
    return rc == -1 ? errno : 0;
}


static void
hog_memory(void)
{
    void    *p;
    size_t   i;

    /* a bound of its own, where sanitizers make the limit impossible */
    for (i = 0; i < 1024; i++) {
        p = malloc(1u << 20);
        if (p == NULL) {
            return;
        }

        memset(p, 1, 1u << 20);

        /* kept on purpose, and not optimised away */
        __asm__ volatile ("" : : "r" (p) : "memory");
    }
}


static void
hog_cpu(void)
{
    volatile unsigned  n;

    for (n = 0; ; n++) { /* void */ }
}


static void
hog_file(void)
{
    int   fd;
    char  chunk[65536] = { 0 };

    fd = open("hog", O_WRONLY | O_CREAT, 0600);

    while (fd != -1 && write(fd, chunk, sizeof(chunk)) > 0) { /* void */ }
}
