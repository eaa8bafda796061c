/* The child's cage: rlimits, capabilities, Landlock, seccomp. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "pt_sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PT_SANITIZED  1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PT_SANITIZED  1
#endif
#endif

#ifdef PT_SANITIZED
#include <sanitizer/common_interface_defs.h>
#endif

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER      (1ULL << 13)    /* ABI 2 */
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE   (1ULL << 14)    /* ABI 3 */
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV  (1ULL << 15)    /* ABI 5 */
#endif


#define PT_ACCESS_READ   (LANDLOCK_ACCESS_FS_READ_FILE                        \
                          | LANDLOCK_ACCESS_FS_READ_DIR)

#define PT_ACCESS_WRITE  (PT_ACCESS_READ                                      \
                          | LANDLOCK_ACCESS_FS_WRITE_FILE                     \
                          | LANDLOCK_ACCESS_FS_REMOVE_FILE                    \
                          | LANDLOCK_ACCESS_FS_REMOVE_DIR                     \
                          | LANDLOCK_ACCESS_FS_MAKE_DIR                       \
                          | LANDLOCK_ACCESS_FS_MAKE_REG                       \
                          | LANDLOCK_ACCESS_FS_REFER                          \
                          | LANDLOCK_ACCESS_FS_TRUNCATE)


static int pt_sandbox_limits(const pt_sandbox_t *s);
static int pt_sandbox_capabilities(void);
static int pt_sandbox_landlock(const pt_sandbox_t *s);
static int pt_landlock_abi(void);
static uint64_t pt_landlock_known(int abi);
static int pt_landlock_allow(int ruleset, const char *path, uint64_t access);
static int pt_sandbox_seccomp(const pt_sandbox_t *s);
static int pt_seccomp_fill(scmp_filter_ctx ctx);
static int pt_seccomp_talk(scmp_filter_ctx ctx);
static int pt_seccomp_opens(scmp_filter_ctx ctx, int call, unsigned arg);


/* what works on memory, threads, time, and files that Landlock lets through */
static const int  pt_calls[] = {

    /* files */
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
    SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(preadv),
    SCMP_SYS(pwritev), SCMP_SYS(preadv2), SCMP_SYS(pwritev2),
    SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(lseek),
    SCMP_SYS(stat), SCMP_SYS(fstat), SCMP_SYS(lstat), SCMP_SYS(newfstatat),
    SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(access),
    SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd),
    SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(unlink),
    SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
    SCMP_SYS(renameat2), SCMP_SYS(ftruncate), SCMP_SYS(fallocate),
    SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range),
    SCMP_SYS(fadvise64), SCMP_SYS(readahead), SCMP_SYS(copy_file_range),
    SCMP_SYS(sendfile), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
    SCMP_SYS(flock), SCMP_SYS(umask), SCMP_SYS(pipe), SCMP_SYS(pipe2),

    /* memory */
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
    SCMP_SYS(mincore), SCMP_SYS(msync), SCMP_SYS(membarrier),
    SCMP_SYS(mlock), SCMP_SYS(munlock),

    /* threads */
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(get_robust_list),
    SCMP_SYS(rseq), SCMP_SYS(set_tid_address), SCMP_SYS(gettid),
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(restart_syscall),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler),
    SCMP_SYS(sched_get_priority_max), SCMP_SYS(sched_get_priority_min),
    SCMP_SYS(getcpu), SCMP_SYS(getpriority),

    /* waiting */
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6),
    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait), SCMP_SYS(eventfd2), SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(pause),

    /* signals to itself */
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigsuspend),
    SCMP_SYS(rt_sigtimedwait), SCMP_SYS(sigaltstack), SCMP_SYS(alarm),

    /* questions */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday),
    SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(getrusage), SCMP_SYS(getpid),
    SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
    SCMP_SYS(getegid), SCMP_SYS(uname), SCMP_SYS(sysinfo),
    SCMP_SYS(getrandom), SCMP_SYS(getrlimit)
};


pt_err_t
pt_sandbox_enter(const pt_sandbox_t *s, const char **ret_step)
{
#ifdef PT_SANITIZED
    __sanitizer_sandbox_arguments  args = { 0 };

    /* it reads /proc/self/maps for its reports: last chance */
    __sanitizer_sandbox_on_notify(&args);
#endif

    *ret_step = "set no_new_privs";

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) {
        return PT_E_INTERNAL;
    }

    *ret_step = "set resource limits";

    if (pt_sandbox_limits(s) == -1) {
        return PT_E_INTERNAL;
    }

    *ret_step = "set Landlock rules";

    if (pt_sandbox_landlock(s) == -1) {
        return PT_E_INTERNAL;
    }

    *ret_step = "drop capabilities";

    if (pt_sandbox_capabilities() == -1) {
        return PT_E_INTERNAL;
    }

    /* last: it forbids the steps above */
    *ret_step = "set the seccomp filter";

    if (pt_sandbox_seccomp(s) == -1) {
        return PT_E_INTERNAL;
    }

    return PT_OK;
}


bool
pt_sandbox_has_landlock(void)
{
    return pt_landlock_abi() > 0;
}


void
pt_sandbox_prepare(void)
{
    tzset();

    /* glibc opens it at the first pthread_exit(), and aborts without it */
    (void) dlopen("libgcc_s.so.1", RTLD_NOW);
}


static int
pt_sandbox_limits(const pt_sandbox_t *s)
{
    struct rlimit  limit;

    limit = (struct rlimit) { 0, 0 };

    if (setrlimit(RLIMIT_CORE, &limit) == -1) {
        return -1;
    }

    if (s->file_bytes != 0) {
        limit = (struct rlimit) { s->file_bytes, s->file_bytes };

        if (setrlimit(RLIMIT_FSIZE, &limit) == -1) {
            return -1;
        }
    }

#ifndef PT_SANITIZED    /* its shadow alone takes terabytes of addresses */
    if (s->memory_bytes != 0) {
        /* the operator's limit for the whole process may be lower */
        if (getrlimit(RLIMIT_AS, &limit) == -1) {
            return -1;
        }

        if (limit.rlim_max > s->memory_bytes) {
            limit.rlim_max = s->memory_bytes;
        }

        limit.rlim_cur = limit.rlim_max;

        if (setrlimit(RLIMIT_AS, &limit) == -1) {
            return -1;
        }
    }
#endif

    return 0;
}


static int
pt_sandbox_capabilities(void)
{
    struct __user_cap_header_struct  head = {
        .version = _LINUX_CAPABILITY_VERSION_3
    };
    struct __user_cap_data_struct    none[_LINUX_CAPABILITY_U32S_3] = { 0 };

    return (int) syscall(SYS_capset, &head, none);
}


static int
pt_sandbox_landlock(const pt_sandbox_t *s)
{
    int                            abi, ruleset, rc;
    struct landlock_ruleset_attr   attr = { 0 };

    abi = pt_landlock_abi();
    if (abi <= 0) {
        return 0;
    }

    attr.handled_access_fs = pt_landlock_known(abi);

    ruleset = (int) syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr),
                            0);
    if (ruleset == -1) {
        return -1;
    }

    rc = -1;

    if (pt_landlock_allow(ruleset, s->in,
                          PT_ACCESS_READ & attr.handled_access_fs) == 0
        && pt_landlock_allow(ruleset, s->out,
                             PT_ACCESS_WRITE & attr.handled_access_fs) == 0
        && pt_landlock_allow(ruleset, s->also_in,
                             PT_ACCESS_READ & attr.handled_access_fs) == 0
        && pt_landlock_allow(ruleset, s->also_out[0],
                             PT_ACCESS_WRITE & attr.handled_access_fs) == 0
        && pt_landlock_allow(ruleset, s->also_out[1],
                             PT_ACCESS_WRITE & attr.handled_access_fs) == 0)
    {
        rc = (int) syscall(SYS_landlock_restrict_self, ruleset, 0);
    }

    (void) close(ruleset);

    return rc;
}


static int
pt_landlock_abi(void)
{
    return (int) syscall(SYS_landlock_create_ruleset, NULL, 0,
                         LANDLOCK_CREATE_RULESET_VERSION);
}


/* every right on files that this kernel knows: all are taken away */
static uint64_t
pt_landlock_known(int abi)
{
    uint64_t  known = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

    if (abi >= 2) {
        known |= LANDLOCK_ACCESS_FS_REFER;
    }

    if (abi >= 3) {
        known |= LANDLOCK_ACCESS_FS_TRUNCATE;
    }

    if (abi >= 5) {
        known |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
    }

    return known;
}


static int
pt_landlock_allow(int ruleset, const char *path, uint64_t access)
{
    int                               rc;
    struct landlock_path_beneath_attr  rule = { .allowed_access = access };

    if (path == NULL) {
        return 0;
    }

    rule.parent_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (rule.parent_fd == -1) {
        return -1;
    }

    rc = (int) syscall(SYS_landlock_add_rule, ruleset,
                       LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    (void) close(rule.parent_fd);

    return rc;
}


static int
pt_sandbox_seccomp(const pt_sandbox_t *s)
{
    int              rc;
    scmp_filter_ctx  ctx;

    ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (ctx == NULL) {
        errno = ENOMEM;
        return -1;
    }

    /* a call by another ABI's numbers has no honest reason */
    rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

    if (rc == 0) {
        rc = pt_seccomp_fill(ctx);
    }

    if (rc == 0 && s->connected) {
        rc = pt_seccomp_talk(ctx);
    }

    if (rc == 0) {
        rc = seccomp_load(ctx);
    }

    seccomp_release(ctx);
    errno = -rc;

    return rc == 0 ? 0 : -1;
}


static int
pt_seccomp_fill(scmp_filter_ctx ctx)
{
    int     rc;
    size_t  i;
    pid_t   self = getpid();

    for (i = 0; i < sizeof(pt_calls) / sizeof(pt_calls[0]); i++) {
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, pt_calls[i], 0);
        if (rc != 0) {
            return rc;
        }
    }

    if ((rc = pt_seccomp_opens(ctx, SCMP_SYS(open), 1)) != 0
        || (rc = pt_seccomp_opens(ctx, SCMP_SYS(openat), 2)) != 0)
    {
        return rc;
    }

    /* threads, not processes; glibc falls back from clone3() on ENOSYS */
    rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (rc != 0) {
        return rc;
    }

    rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                          SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD,
                                  CLONE_THREAD));
    if (rc != 0) {
        return rc;
    }

    /* memory is written or executed, and what is executed is loaded already */
    rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                          SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (rc != 0) {
        return rc;
    }

    rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                          SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (rc != 0) {
        return rc;
    }

    /* abort() and raise(): signals to no other process */
    rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                          SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t) self, 0));
    if (rc != 0) {
        return rc;
    }

    rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1,
                          SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t) self, 0));
    if (rc != 0) {
        return rc;
    }

    /* limits may be read, also as getrlimit(), and not changed */
    rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
                          SCMP_A0(SCMP_CMP_EQ, 0, 0),
                          SCMP_A2(SCMP_CMP_EQ, 0, 0));
    if (rc != 0) {
        return rc;
    }

    /* thread names */
    rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                          SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
    if (rc != 0) {
        return rc;
    }

    /* isatty(), when a library prints */
    rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
    if (rc != 0) {
        return rc;
    }

    /* not F_SETOWN and F_SETSIG, which send signals elsewhere */
    for (i = 0; i <= F_SETLKW; i++) {
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                              SCMP_A1(SCMP_CMP_EQ, i, 0));
        if (rc != 0) {
            return rc;
        }
    }

    return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                            SCMP_A1(SCMP_CMP_EQ, F_DUPFD_CLOEXEC, 0));
}


/*
 * What libpq does with a socket that is connected.  Without an address: a
 * sendto() with one could open a connection anew (MSG_FASTOPEN).
 */
static int
pt_seccomp_talk(scmp_filter_ctx ctx)
{
    int  rc;

    rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1,
                          SCMP_A4(SCMP_CMP_EQ, 0, 0));
    if (rc != 0) {
        return rc;
    }

    rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(recvfrom), 1,
                          SCMP_A4(SCMP_CMP_EQ, 0, 0));
    if (rc != 0) {
        return rc;
    }

    /* a backup's objects are made durable at once, not one by one */
    return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(syncfs), 0);
}


/*
 * Opening is allowed, except O_TRUNC on a file that is only read: before its
 * ABI 3, Landlock lets that pass, and inputs are links to stored files.
 */
static int
pt_seccomp_opens(scmp_filter_ctx ctx, int call, unsigned arg)
{
    int                  rc;
    size_t               i;
    struct scmp_arg_cmp  cmp[] = {
        SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, O_TRUNC, 0),
        SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, O_ACCMODE, O_WRONLY),
        SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDWR)
    };

    for (i = 0; i < sizeof(cmp) / sizeof(cmp[0]); i++) {
        rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, 1, &cmp[i]);
        if (rc != 0) {
            return rc;
        }
    }

    return 0;
}
