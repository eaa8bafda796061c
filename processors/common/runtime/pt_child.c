/* A child's life: settle, close the cage, then job after job. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "pt_child.h"
#include "pt_sandbox.h"
#include "pt_zygote.h"


/* where the socket lies, after stdin, stdout and stderr */
#define CHILD_FD  3


static int pt_child_settle(const char *out, pid_t zygote, int fd, int log);
static void pt_child_signals(void);
static pt_err_t pt_child_reach(const pt_processor_t *processor,
    pt_access_t *access);
static pt_err_t pt_child_cage(const pt_processor_t *processor,
    const pt_access_t *access, const char *folder, const char *out);
static bool pt_child_say_idle(void);
static pt_err_t pt_child_next(pt_buf_t *in, size_t *at, pt_childmsg_t *ret_m);
static bool pt_child_run(const pt_processor_t *processor,
    const pt_access_t *access, const pt_childmsg_t *m, const char *scratch);


void
pt_child_main(const pt_processor_t *processor, pt_access_t *access,
    const char *folder, pid_t zygote, int fd, int log)
{
    char           out[PT_CHILD_FOLDER_MAX + 8];
    bool           light;
    size_t         at = 0;
    pt_buf_t       in;
    pt_childmsg_t  m;

    (void) snprintf(out, sizeof(out), "%s/out", folder);

    if (pt_child_settle(out, zygote, fd, log) == -1) {
        (void) fprintf(stderr, "could not prepare a child: %s\n",
                       strerror(errno));
        _exit(1);
    }

    if (pt_child_reach(processor, access) != PT_OK
        || pt_child_cage(processor, access, folder, out) != PT_OK)
    {
        _exit(1);
    }

    pt_buf_init(&in, &pt_mem_heap, PT_CHILDMSG_MAX);

    if (pt_child_say_idle()) {
        while (pt_child_next(&in, &at, &m) == PT_OK) {
            light = pt_child_run(processor, access, &m, out);

            /* a fresh child has fresh connections */
            if (!pt_connections_reset() || (!light && !pt_child_say_idle())) {
                break;
            }

            /* the parameters of a large job need not stay */
            if (at == in.len) {
                pt_buf_done(&in);
                at = 0;
            }
        }
    }

    _exit(0);
}


static int
pt_child_settle(const char *out, pid_t zygote, int fd, int log)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != zygote) {
        return -1;
    }

    (void) prctl(PR_SET_NAME, "pt-child");

    pt_child_signals();

    if (dup2(log, STDOUT_FILENO) == -1 || dup2(log, STDERR_FILENO) == -1
        || (fd != CHILD_FD && dup2(fd, CHILD_FD) == -1)
        || close_range(CHILD_FD + 1, ~0U, 0) == -1)
    {
        return -1;
    }

    /* lines reach the log as they are printed, also those before a crash */
    (void) setvbuf(stdout, NULL, _IOLBF, 0);

    /* what the zygote has loaded stays; secrets of the service do not */
    if (clearenv() != 0 || setenv("LC_ALL", "C.UTF-8", 1) == -1
        || setenv("TZ", "UTC", 1) == -1
        || setenv("HOME", out, 1) == -1 || setenv("TMPDIR", out, 1) == -1)
    {
        return -1;
    }

    return chdir(out);
}


/* whatever the zygote's ancestors ignored or blocked */
static void
pt_child_signals(void)
{
    size_t    i;
    sigset_t  none;

    static const int  signals[] = {
        SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGCHLD, SIGXCPU, SIGXFSZ
    };

    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        (void) signal(signals[i], SIG_DFL);
    }

    (void) sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);
}


/* what the cage would not let through any more */
static pt_err_t
pt_child_reach(const pt_processor_t *processor, pt_access_t *access)
{
    pt_err_t    err = PT_OK;
    pt_reach_t  reach = { access->conninfo, access->s3 };

    if (processor->connections != 0) {
        err = pt_connections_open(access, processor->service,
                                  processor->connections);
    }

    if (err == PT_OK && processor->prepare != NULL) {
        err = processor->prepare(&reach);
    }

    pt_access_done(access);

    return err;
}


static pt_err_t
pt_child_cage(const pt_processor_t *processor, const pt_access_t *access,
    const char *folder, const char *out)
{
    char          in[PT_CHILD_FOLDER_MAX + 8];
    pt_err_t      err;
    const char   *step;
    pt_sandbox_t  sandbox = {
        .in = in,
        .out = out,
        .also_in = access->storage,
        .also_out = { access->folder,
                      access->writes_storage ? access->storage : NULL },
        .connected = pt_connection(0) != NULL,
        .memory_bytes = processor->memory_bytes,
        .file_bytes = processor->file_bytes
    };

    (void) snprintf(in, sizeof(in), "%s/in", folder);

    err = pt_sandbox_enter(&sandbox, &step);

    if (err != PT_OK) {
        (void) fprintf(stderr, "could not %s: %s\n", step, strerror(errno));
    }

    return err;
}


static bool
pt_child_say_idle(void)
{
    bool           said;
    pt_buf_t       out;
    pt_childmsg_t  m = { .kind = PT_CHILDMSG_IDLE };

    pt_buf_init(&out, &pt_mem_heap, 64);
    pt_childmsg_write(&out, &m);

    said = out.err == PT_OK
           && write(CHILD_FD, out.data, out.len) == (ssize_t) out.len;

    pt_buf_done(&out);

    return said;
}


/*
 * Waits for the next job, which begins in in behind *at, and moves *at behind
 * it; an end of the stream is the end of the child.
 */
static pt_err_t
pt_child_next(pt_buf_t *in, size_t *at, pt_childmsg_t *ret_m)
{
    char      chunk[65536];
    size_t    used;
    ssize_t   n;
    pt_err_t  err;
    pt_str_t  text;

    for ( ;; ) {
        text = pt_buf_str(in);
        text.data += *at;
        text.len -= *at;
        err = pt_childmsg_read(text, ret_m, &used);

        if (err != PT_OK || used != 0) {
            *at += used;
            return err;
        }

        if (!pt_connections_wait(CHILD_FD)) {
            return PT_E_DATABASE;
        }

        n = read(CHILD_FD, chunk, sizeof(chunk));

        if (n == 0 || (n == -1 && errno != EINTR)) {
            return PT_E_UNAVAILABLE;
        }

        /* jobs that are done make room for one that is only half here */
        if (*at > 0) {
            memmove(in->data, in->data + *at, in->len - *at);
            in->len -= *at;
            *at = 0;
        }

        if (n > 0) {
            pt_buf_add(in, chunk, (size_t) n);
        }

        if (in->err != PT_OK) {
            return in->err;
        }
    }
}


/* whether the next job may follow at once */
static bool
pt_child_run(const pt_processor_t *processor, const pt_access_t *access,
    const pt_childmsg_t *m, const char *scratch)
{
    pt_err_t            err;
    pt_job_t            job;
    const pt_action_t  *action;

    for (action = processor->actions; action->name != NULL; action++) {
        if (pt_str_is(m->action, action->name)) {
            break;
        }
    }

    /* the parent has looked: neither happens but by our own mistake */
    if (m->kind != PT_CHILDMSG_JOB || action->name == NULL) {
        _exit(1);
    }

    err = pt_job_init(&job, CHILD_FD, scratch, m);
    job.limited = processor->memory_bytes != 0;
    job.access = access;
    job.light = (action->flags & PT_ACTION_LIGHT) != 0;

    if (err == PT_OK) {
        err = action->run(&job);
    }

    (void) fflush(NULL);

    pt_job_finish(&job, err);
    pt_job_done(&job);

    return job.light;
}
