/* The pool of children, in the parent. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "pt_folder.h"
#include "pt_log.h"
#include "pt_pool.h"


#define JOBS_PER_CHILD   1000
#define FAILED_STARTS    3          /* one after the other, then it is hopeless */
#define RETRY_MS         1000       /* until a child is asked for again */

#define GROUP            64         /* jobs that share a child */
/* a group's jobs, each as large as can be: more than is ever there */
#define PT_CHILD_OUT_MAX  ((size_t) PT_CHILDMSG_MAX * 256)

#define PEAK_MS          100        /* between two looks at a shared one's memory */

#define PRINTED_LINE     1024       /* bytes of a printed line, then it is cut */
#define STRAYS_MAX       100        /* lines of a child between its jobs */


/* ms: who says DONE has said IDLE by then, unless somebody else has the child */
#define CLEANING_MS      5000


typedef enum {
    CHILD_STARTING = 0,      /* forked, not in its cage yet; its IDLE ends it */
    CHILD_IDLE,              /* waits for a job */
    CHILD_BUSY,              /* has an owner */
    CHILD_SHARED,            /* has several; the last DONE ends it */
    CHILD_CLEANING,          /* given back; a thread empties its folder */
    CHILD_ENDING             /* dead or about to be; child_over() frees it */
} pt_child_state_t;


/* a light job that a child has; its owner may have lost interest */
typedef struct pt_share_s  pt_share_t;

struct pt_share_s {
    pt_share_t         *prev, *next;
    void               *owner;
};


struct pt_child_s {
    pt_pool_t          *pool;
    pt_child_t         *next;
    unsigned            n;
    pt_child_state_t    state;
    char               *folder;

    pid_t               pid;           /* -1: not forked yet */
    int                 pidfd;
    uv_pipe_t           socket;
    uv_pipe_t           log;
    unsigned            handles;       /* of the two that are not closed */

    bool                ready;         /* it said IDLE and has no job since */
    bool                has_job;       /* until its DONE or FAILED */
    bool                eof;           /* all that it said has been read */
    bool                log_eof;       /* and all that it printed */
    bool                exited;        /* the zygote says so */
    bool                working;       /* a thread is in its folder */
    bool                told;          /* its owner knows that it is gone */
    void               *owner;         /* whose job it runs */
    pt_share_t         *shares;        /* SHARED: the first has begun */
    unsigned            nshares;
    unsigned            njobs;

    pt_buf_t            out;           /* to be written, behind what is */
    bool                writing;

    pt_buf_t            in;            /* bytes of a message to be completed */
    uint64_t            cpu_before_ms; /* until the present job */
    uint64_t            given_ms;      /* CLEANING: since it was given back */
    uint64_t            peak_ms;       /* SHARED: when it was looked at */
    uint64_t            peak_bytes;
    pt_child_end_t      end;

    char                line[PRINTED_LINE];
    size_t              line_len;
    unsigned            strays;        /* lines without an owner */
    uv_work_t           work;
    pt_err_t            work_err;
};


struct pt_pool_s {
    uv_loop_t              *loop;
    const pt_processor_t   *processor;
    unsigned                slots;
    pt_zygote_t            *zygote;
    pt_scratch_t           *scratch;
    pt_pool_events_t        events;

    uv_poll_t               zygote_poll;
    uv_timer_t              retry;
    unsigned                handles;

    pt_child_t             *children;
    unsigned                n;             /* number of the last child */
    unsigned                failed_starts;
    bool                    broken;
    bool                    closing;
};


typedef struct {
    uv_write_t   request;
    pt_buf_t     data;
} pt_child_write_t;


static void pt_pool_fill(pt_pool_t *pool);
static void pt_pool_on_retry(uv_timer_t *timer);
static bool pt_pool_spawn(pt_pool_t *pool);
static void pt_pool_on_zygote(uv_poll_t *handle, int status, int events);
static void pt_pool_on_started(pt_pool_t *pool, const pt_zygote_event_t *event,
    const pt_child_fds_t *fds);
static void pt_pool_on_exited(pt_pool_t *pool, const pt_zygote_event_t *event);
static void pt_pool_break(pt_pool_t *pool, const char *why);
static void pt_pool_finish(pt_pool_t *pool);
static void pt_pool_on_closed(uv_handle_t *handle);

static void pt_child_open(pt_child_t *c, pid_t pid, const pt_child_fds_t *fds);
static void pt_child_on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf);
static void pt_child_on_socket(uv_stream_t *stream, ssize_t n,
    const uv_buf_t *buf);
static bool pt_child_read(pt_child_t *c);
static bool pt_child_on_message(pt_child_t *c, const pt_childmsg_t *m);
static void pt_child_settle(pt_child_t *c);
static void pt_child_next_share(pt_child_t *c);
static void pt_child_end_shares(pt_child_t *c);
static void pt_child_flush(pt_child_t *c);
static void pt_child_on_log(uv_stream_t *stream, ssize_t n,
    const uv_buf_t *buf);
static void pt_child_on_line(pt_child_t *c);
static void pt_child_on_written(uv_write_t *request, int status);
static void pt_child_work(pt_child_t *c, uv_work_cb work,
    uv_after_work_cb after);
static void pt_child_do_empty(uv_work_t *work);
static void pt_child_after_empty(uv_work_t *work, int status);
static void pt_child_do_remove(uv_work_t *work);
static void pt_child_after_remove(uv_work_t *work, int status);
static void pt_child_check_over(pt_child_t *c);
static void pt_child_on_closed(uv_handle_t *handle);
static void pt_child_free(pt_child_t *c);
static uint64_t pt_child_cpu_ms(const pt_child_t *c);
static uint64_t pt_child_peak_bytes(const pt_child_t *c);
static void pt_child_peak_reset(const pt_child_t *c);


/* one read at a time, in the loop's thread: all children share the room */
static char  pt_read_room[65536];


pt_err_t
pt_pool_open(uv_loop_t *loop, const pt_processor_t *processor, unsigned slots,
    pt_zygote_t *zygote, pt_scratch_t *scratch, const pt_pool_events_t *events,
    pt_pool_t **ret_pool)
{
    pt_pool_t  *pool;

    pool = calloc(1, sizeof(*pool));
    if (pool == NULL) {
        return PT_E_NOMEM;
    }

    pool->loop = loop;
    pool->processor = processor;
    pool->slots = slots;
    pool->zygote = zygote;
    pool->scratch = scratch;
    pool->events = *events;

    if (uv_poll_init(loop, &pool->zygote_poll, zygote->fd) != 0) {
        free(pool);
        return PT_E_NOMEM;
    }

    (void) uv_timer_init(loop, &pool->retry);
    pool->handles = 2;
    pool->zygote_poll.data = pool;
    pool->retry.data = pool;

    (void) uv_poll_start(&pool->zygote_poll, UV_READABLE, pt_pool_on_zygote);

    pt_pool_fill(pool);

    *ret_pool = pool;
    return PT_OK;
}


void
pt_pool_close(pt_pool_t *pool)
{
    pt_child_t  *c;

    pool->closing = true;

    for (c = pool->children; c != NULL; c = c->next) {
        pt_child_kill(c);
    }

    pt_pool_finish(pool);
}


pt_child_t *
pt_pool_take(pt_pool_t *pool, void *owner)
{
    pt_child_t  *c;

    for (c = pool->children; c != NULL; c = c->next) {
        if (c->state == CHILD_IDLE) {
            c->state = CHILD_BUSY;
            c->owner = owner;
            return c;
        }
    }

    return NULL;
}


unsigned
pt_processor_group(const pt_processor_t *processor)
{
    return processor->group ? processor->group : GROUP;
}


pt_child_t *
pt_pool_share(pt_pool_t *pool, void *owner)
{
    unsigned     group = pt_processor_group(pool->processor);
    unsigned     jobs = pool->processor->jobs_per_child;
    pt_share_t  *share;
    pt_child_t  *c, *best = NULL;

    jobs = jobs ? jobs : JOBS_PER_CHILD;

    for (c = pool->children; c != NULL; c = c->next) {

        if (c->state == CHILD_IDLE) {
            best = c;
            break;
        }

        if (c->state == CHILD_SHARED && c->nshares < group && c->njobs < jobs
            && (best == NULL || c->nshares < best->nshares))
        {
            best = c;
        }
    }

    share = best ? calloc(1, sizeof(*share)) : NULL;

    if (share == NULL) {
        return NULL;
    }

    share->owner = owner;
    DL_APPEND(best->shares, share);
    best->nshares++;

    if (best->state == CHILD_IDLE) {
        best->state = CHILD_SHARED;
        best->owner = owner;
    }

    return best;
}


void
pt_child_give(pt_child_t *c, void *owner)
{
    pt_share_t  *share;
    unsigned     max = c->pool->processor->jobs_per_child;

    /* it is the next owner's already, or will be by its DONE */
    if (c->shares != NULL || c->state == CHILD_SHARED) {
        DL_SEARCH_SCALAR(c->shares, share, owner, owner);

        if (share != NULL) {
            share->owner = NULL;
        }

        if (c->owner == owner) {
            c->owner = NULL;
        }

        return;
    }

    c->owner = NULL;

    if (c->state != CHILD_BUSY) {
        pt_child_check_over(c);
        return;
    }

    if (c->njobs >= (max ? max : JOBS_PER_CHILD) || c->pool->closing) {
        pt_child_kill(c);
        return;
    }

    c->state = CHILD_CLEANING;
    c->given_ms = uv_now(c->pool->loop);
    pt_child_work(c, pt_child_do_empty, pt_child_after_empty);
}


const char *
pt_child_folder(const pt_child_t *c)
{
    return c->folder;
}


pt_err_t
pt_child_send_job(pt_child_t *c, const pt_childmsg_t *m)
{
    pt_err_t  err;
    size_t    before = c->out.len;
    uint64_t  now = uv_now(c->pool->loop);

    pt_childmsg_write(&c->out, m);

    if (c->out.err != PT_OK) {
        err = c->out.err;

        /* what stands before it has begun to be somebody's job */
        c->out.err = PT_OK;
        c->out.len = before;
        return err;
    }

    c->njobs++;

    if (c->ready) {
        c->ready = false;
        c->has_job = true;
        c->cpu_before_ms = pt_child_cpu_ms(c);

        if (c->state != CHILD_SHARED || now - c->peak_ms >= PEAK_MS) {
            c->peak_ms = 0;
            pt_child_peak_reset(c);
        }
    }

    pt_child_flush(c);

    return PT_OK;
}


/* what comes while something is being written is written together */
static void
pt_child_flush(pt_child_t *c)
{
    uv_buf_t           buf;
    pt_child_write_t  *w;

    if (c->writing || c->out.len == 0 || c->state == CHILD_ENDING) {
        return;
    }

    w = calloc(1, sizeof(*w));

    if (w == NULL) {
        pt_child_kill(c);
        return;
    }

    w->data = c->out;
    pt_buf_init(&c->out, &pt_mem_heap, PT_CHILD_OUT_MAX);
    buf = uv_buf_init(w->data.data, (unsigned) w->data.len);
    c->writing = true;

    if (uv_write(&w->request, (uv_stream_t *) &c->socket, &buf, 1,
                 pt_child_on_written) != 0)
    {
        pt_buf_done(&w->data);
        free(w);
        pt_child_kill(c);
    }
}


pt_child_usage_t
pt_child_usage(pt_child_t *c)
{
    uint64_t  now = uv_now(c->pool->loop);

    /* of many jobs in a tenth of a second one look tells as much */
    if (c->state != CHILD_SHARED || c->peak_ms == 0
        || now - c->peak_ms >= PEAK_MS)
    {
        c->peak_ms = now;
        c->peak_bytes = pt_child_peak_bytes(c);
    }

    return (pt_child_usage_t) {
        .cpu_ms = pt_child_cpu_ms(c) - c->cpu_before_ms,
        .peak_bytes = c->peak_bytes
    };
}


void
pt_child_kill(pt_child_t *c)
{
    c->state = CHILD_ENDING;

    if (c->pidfd != -1) {
        (void) pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
    }

    pt_pool_fill(c->pool);
}


bool
pt_child_abandon(pt_child_t *c, void *owner)
{
    if (c->owner == owner || c->shares == NULL) {
        pt_child_kill(c);
        return false;
    }

    pt_child_give(c, owner);

    return true;
}


void
pt_pool_watch(pt_pool_t *pool)
{
    pt_child_t  *c;
    uint64_t     now = uv_now(pool->loop);

    for (c = pool->children; c != NULL; c = c->next) {

        if (pool->processor->cpu_s != 0
            && (c->state == CHILD_BUSY || c->state == CHILD_SHARED)
            && !c->ready
            && pt_child_cpu_ms(c) - c->cpu_before_ms
               > pool->processor->cpu_s * 1000ULL)
        {
            c->end.over_cpu = true;
            pt_child_kill(c);

        } else if (c->state == CHILD_CLEANING && !c->ready && !c->working
                   && now - c->given_ms > CLEANING_MS)
        {
            pt_log(PT_LOG_WARN, pool->processor->service, "a child said that "
                   "its job is done and does not wait for another, ending it "
                   "pid=%d", (int) c->pid);
            pt_child_kill(c);
        }
    }
}


/* ---- the pool ---- */

static void
pt_pool_fill(pt_pool_t *pool)
{
    unsigned     n = 0;
    pt_child_t  *c;

    if (pool->closing || pool->broken) {
        return;
    }

    for (c = pool->children; c != NULL; c = c->next) {
        n += c->state != CHILD_ENDING;
    }

    for ( /* void */ ; n < pool->slots; n++) {
        if (!pt_pool_spawn(pool)) {
            (void) uv_timer_start(&pool->retry, pt_pool_on_retry, RETRY_MS, 0);
            return;
        }
    }
}


static void
pt_pool_on_retry(uv_timer_t *timer)
{
    pt_pool_fill(timer->data);
}


static bool
pt_pool_spawn(pt_pool_t *pool)
{
    pt_err_t     err;
    pt_child_t  *c;

    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return false;
    }

    c->pool = pool;
    c->n = ++pool->n;
    c->pid = -1;
    c->pidfd = -1;
    pt_buf_init(&c->in, &pt_mem_heap, PT_CHILDMSG_MAX);
    pt_buf_init(&c->out, &pt_mem_heap, PT_CHILD_OUT_MAX);

    err = pt_scratch_make(pool->scratch, c->n, &c->folder);

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, pool->processor->service,
               "could not make a scratch folder: %s", strerror(errno));
        free(c);
        return false;
    }

    err = pt_zygote_spawn(pool->zygote, c->n, c->folder);

    if (err != PT_OK) {
        (void) pt_folder_remove(c->folder);
        free(c->folder);
        free(c);

        /* its end of file is about to be read */
        return false;
    }

    c->next = pool->children;
    pool->children = c;

    return true;
}


static void
pt_pool_on_zygote(uv_poll_t *handle, int status, int events)
{
    pt_err_t            err;
    pt_pool_t          *pool = handle->data;
    pt_child_fds_t      fds;
    pt_zygote_event_t   event;

    (void) status;
    (void) events;

    while ((err = pt_zygote_event(pool->zygote, &event, &fds)) == PT_OK) {

        switch (event.kind) {

        case PT_ZYGOTE_STARTED:
            pt_pool_on_started(pool, &event, &fds);
            break;

        case PT_ZYGOTE_EXITED:
            pt_pool_on_exited(pool, &event);
            break;

        default:
            break;
        }
    }

    if (err == PT_E_UNAVAILABLE) {
        pt_pool_break(pool, "the zygote is gone");
    }
}


static void
pt_pool_on_started(pt_pool_t *pool, const pt_zygote_event_t *event,
    const pt_child_fds_t *fds)
{
    pt_child_t  *c;

    for (c = pool->children; c->n != event->child; c = c->next) { /* void */ }

    if (event->error == 0 && fds->pidfd != -1) {
        pt_child_open(c, event->pid, fds);

        /* it was given up before it was there */
        if (c->state == CHILD_ENDING) {
            pt_child_kill(c);
        }

        return;
    }

    pt_log(PT_LOG_ERROR, pool->processor->service,
           "could not make a child: %s", strerror(event->error));

    c->exited = true;
    pt_child_check_over(c);
}


static void
pt_pool_on_exited(pt_pool_t *pool, const pt_zygote_event_t *event)
{
    pt_child_t  *c;

    for (c = pool->children; c != NULL; c = c->next) {

        if (c->pid == event->pid && !c->exited) {
            c->exited = true;
            c->end.status = event->status;
            c->end.usage = (pt_child_usage_t) {
                .cpu_ms = event->cpu_ms - c->cpu_before_ms,
                .peak_bytes = event->peak_bytes
            };
            pt_child_check_over(c);
            return;
        }
    }
}


/* children end with the zygote: their sockets' ends say so, nobody else does */
static void
pt_pool_break(pt_pool_t *pool, const char *why)
{
    pt_child_t  *c, *next;

    (void) uv_poll_stop(&pool->zygote_poll);

    if (pool->broken) {
        return;
    }

    pool->broken = true;

    for (c = pool->children; c != NULL; c = next) {
        next = c->next;

        if (!c->exited) {
            c->exited = true;
            c->end.status = SIGKILL;
            pt_child_check_over(c);
        }
    }

    if (!pool->closing) {
        pool->events.broken(pool->events.ctx, why);
    }
}


/* when the last child has gone */
static void
pt_pool_finish(pt_pool_t *pool)
{
    if (!pool->closing || pool->children != NULL
        || uv_is_closing((uv_handle_t *) &pool->retry))
    {
        return;
    }

    uv_close((uv_handle_t *) &pool->zygote_poll, pt_pool_on_closed);
    uv_close((uv_handle_t *) &pool->retry, pt_pool_on_closed);
}


static void
pt_pool_on_closed(uv_handle_t *handle)
{
    pt_pool_t         *pool = handle->data;
    pt_pool_events_t   events = pool->events;

    if (--pool->handles == 0) {
        free(pool);
        events.closed(events.ctx);
    }
}


/* ---- a child ---- */

static void
pt_child_open(pt_child_t *c, pid_t pid, const pt_child_fds_t *fds)
{
    c->pid = pid;
    c->pidfd = fds->pidfd;

    (void) uv_pipe_init(c->pool->loop, &c->socket, 0);
    (void) uv_pipe_init(c->pool->loop, &c->log, 0);
    c->handles = 2;
    c->socket.data = c;
    c->log.data = c;

    if (uv_pipe_open(&c->socket, fds->socket) != 0
        || uv_pipe_open(&c->log, fds->log) != 0
        || uv_read_start((uv_stream_t *) &c->socket, pt_child_on_alloc,
                         pt_child_on_socket) != 0
        || uv_read_start((uv_stream_t *) &c->log, pt_child_on_alloc,
                         pt_child_on_log) != 0)
    {
        c->eof = true;
        c->log_eof = true;
        pt_child_kill(c);
    }
}


static void
pt_child_on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
    (void) handle;
    (void) hint;

    *buf = uv_buf_init(pt_read_room, sizeof(pt_read_room));
}


static void
pt_child_on_socket(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    pt_child_t  *c = stream->data;

    if (n > 0) {
        pt_buf_add(&c->in, buf->base, (size_t) n);

        if (c->in.err == PT_OK && pt_child_read(c)) {
            return;
        }

        pt_log(PT_LOG_WARN, c->pool->processor->service,
               "child %d broke its protocol, ending it", (int) c->pid);
        c->end.broken = true;

    } else if (n == 0) {
        return;
    }

    (void) uv_read_stop(stream);

    c->eof = true;
    pt_child_kill(c);
    pt_child_check_over(c);
}


/* takes the complete messages out of c->in; false: one is none */
static bool
pt_child_read(pt_child_t *c)
{
    size_t         used, at = 0;
    pt_str_t       rest;
    pt_childmsg_t  m;

    for ( ;; ) {
        rest = (pt_str_t) { c->in.data + at, c->in.len - at };

        if (pt_childmsg_read(rest, &m, &used) != PT_OK) {
            return false;
        }

        if (used == 0) {
            break;
        }

        at += used;

        if (!pt_child_on_message(c, &m)) {
            return false;
        }
    }

    if (at == c->in.len) {
        pt_buf_done(&c->in);

    } else if (at != 0) {
        memmove(c->in.data, c->in.data + at, c->in.len - at);
        c->in.len -= at;
    }

    return true;
}


static bool
pt_child_on_message(pt_child_t *c, const pt_childmsg_t *m)
{
    bool                     end, known;
    const pt_pool_events_t  *events = &c->pool->events;

    if (m->kind == PT_CHILDMSG_IDLE) {
        if (c->ready || c->has_job) {
            return false;
        }

        c->ready = true;
        pt_child_settle(c);
        return true;
    }

    if (c->ready) {
        return false;
    }

    end = m->kind == PT_CHILDMSG_DONE || m->kind == PT_CHILDMSG_FAILED;

    if (end && c->shares == NULL) {
        c->has_job = false;
    }

    /* nobody wants to know any more */
    if (c->owner == NULL) {
        known = c->state == CHILD_ENDING || c->shares != NULL;

    } else {
        known = events->message(events->ctx, c->owner, m);
    }

    if (end && known && c->shares != NULL) {
        pt_child_next_share(c);
    }

    return known;
}


/* the first of its jobs has ended */
static void
pt_child_next_share(pt_child_t *c)
{
    pt_share_t  *share = c->shares;
    unsigned     max = c->pool->processor->jobs_per_child;

    DL_DELETE(c->shares, share);
    c->nshares--;
    free(share);

    c->owner = c->shares ? c->shares->owner : NULL;
    c->cpu_before_ms = pt_child_cpu_ms(c);

    if (c->shares != NULL || c->state != CHILD_SHARED) {
        return;
    }

    c->has_job = false;

    if (c->njobs >= (max ? max : JOBS_PER_CHILD) || c->pool->closing) {
        pt_child_kill(c);
        return;
    }

    c->ready = true;
    c->state = CHILD_IDLE;
    c->pool->events.idle(c->pool->events.ctx);
}


/* it has gone: who was behind the first has not begun */
static void
pt_child_end_shares(pt_child_t *c)
{
    pt_share_t              *share;
    const pt_pool_events_t  *events = &c->pool->events;

    while ((share = c->shares) != NULL) {
        DL_DELETE(c->shares, share);

        if (share->owner != NULL && share->owner != c->owner) {
            events->unbegun(events->ctx, share->owner);
        }

        free(share);
    }
}


/* to IDLE, when it has said so and nothing of the last job is left */
static void
pt_child_settle(pt_child_t *c)
{
    pt_pool_t  *pool = c->pool;

    if (!c->ready || c->working
        || (c->state != CHILD_STARTING && c->state != CHILD_CLEANING))
    {
        return;
    }

    c->state = CHILD_IDLE;
    pool->failed_starts = 0;

    pool->events.idle(pool->events.ctx);
}


static void
pt_child_on_log(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    ssize_t      i;
    pt_child_t  *c = stream->data;

    if (n < 0) {
        pt_child_on_line(c);
        (void) uv_read_stop(stream);

        c->log_eof = true;
        pt_child_check_over(c);
        return;
    }

    for (i = 0; i < n; i++) {
        if (buf->base[i] == '\n') {
            pt_child_on_line(c);

        } else if (c->line_len < sizeof(c->line)) {
            c->line[c->line_len++] = buf->base[i];
        }
    }
}


static void
pt_child_on_line(pt_child_t *c)
{
    pt_str_t                 line = { c->line, c->line_len };
    const pt_pool_events_t  *events = &c->pool->events;

    c->line_len = 0;

    if (line.len == 0 || (c->owner == NULL && c->strays == STRAYS_MAX)) {
        return;
    }

    if (c->owner == NULL) {
        c->strays++;
    }

    events->line(events->ctx, c->owner, line);
}


static void
pt_child_on_written(uv_write_t *request, int status)
{
    pt_child_t        *c = request->handle->data;
    pt_child_write_t  *w = (pt_child_write_t *) request;

    pt_buf_done(&w->data);
    free(w);

    c->writing = false;

    /* a child that does not read has gone, or will miss its deadline */
    if (status == 0) {
        pt_child_flush(c);
    }
}


static void
pt_child_work(pt_child_t *c, uv_work_cb work, uv_after_work_cb after)
{
    c->working = true;
    c->work.data = c;

    (void) uv_queue_work(c->pool->loop, &c->work, work, after);
}


static void
pt_child_do_empty(uv_work_t *work)
{
    pt_child_t  *c = work->data;

    c->work_err = pt_scratch_empty(c->folder);
}


static void
pt_child_after_empty(uv_work_t *work, int status)
{
    pt_child_t  *c = work->data;

    (void) status;
    c->working = false;

    if (c->work_err != PT_OK) {
        pt_child_kill(c);
    }

    pt_child_settle(c);
    pt_child_check_over(c);
}


static void
pt_child_do_remove(uv_work_t *work)
{
    pt_child_t  *c = work->data;

    c->work_err = pt_folder_remove(c->folder);
}


static void
pt_child_after_remove(uv_work_t *work, int status)
{
    pt_child_t  *c = work->data;

    (void) status;

    if (c->work_err != PT_OK) {
        pt_log(PT_LOG_WARN, c->pool->processor->service,
               "could not remove \"%s\", ignoring", c->folder);
    }

    if (c->handles == 0) {
        pt_child_free(c);
        return;
    }

    uv_close((uv_handle_t *) &c->socket, pt_child_on_closed);
    uv_close((uv_handle_t *) &c->log, pt_child_on_closed);
}


/* whether it has gone, and then what is left to do about it */
static void
pt_child_check_over(pt_child_t *c)
{
    pt_pool_t  *pool = c->pool;

    if (!c->exited || (c->handles != 0 && (!c->eof || !c->log_eof))) {
        return;
    }

    c->state = CHILD_ENDING;
    pt_child_end_shares(c);

    if (c->owner != NULL && !c->told) {
        c->told = true;
        pool->events.gone(pool->events.ctx, c->owner, &c->end);
        return;
    }

    if (c->owner != NULL || c->working) {
        return;
    }

    pt_child_work(c, pt_child_do_remove, pt_child_after_remove);

    if (c->njobs == 0 && !c->ready && !pool->closing
        && ++pool->failed_starts == FAILED_STARTS)
    {
        pt_pool_break(pool, "children end before they are ready");
        return;
    }

    pt_pool_fill(pool);
}


static void
pt_child_on_closed(uv_handle_t *handle)
{
    pt_child_t  *c = handle->data;

    if (--c->handles == 0) {
        pt_child_free(c);
    }
}


static void
pt_child_free(pt_child_t *c)
{
    pt_pool_t    *pool = c->pool;
    pt_child_t  **p;

    for (p = &pool->children; *p != c; p = &(*p)->next) { /* void */ }

    *p = c->next;

    if (c->pidfd != -1) {
        (void) close(c->pidfd);
    }

    pt_buf_done(&c->in);
    pt_buf_done(&c->out);
    free(c->folder);
    free(c);

    pt_pool_finish(pool);
}


/* of all its threads, since it was made; 0 when it has gone */
static uint64_t
pt_child_cpu_ms(const pt_child_t *c)
{
    clockid_t        clock;
    struct timespec  t;

    if (c->exited || clock_getcpuclockid(c->pid, &clock) != 0
        || clock_gettime(clock, &t) == -1)
    {
        return c->cpu_before_ms;
    }

    return (uint64_t) t.tv_sec * 1000 + (uint64_t) t.tv_nsec / 1000000;
}


static uint64_t
pt_child_peak_bytes(const pt_child_t *c)
{
    FILE                *f;
    char                 line[256];
    unsigned long long   kib = 0;

    (void) snprintf(line, sizeof(line), "/proc/%d/status", (int) c->pid);

    f = fopen(line, "re");
    if (f == NULL) {
        return 0;
    }

    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "VmHWM: %llu", &kib) == 1) {
            break;
        }
    }

    (void) fclose(f);

    return kib * 1024;
}


/* the peak of a child's former jobs is not this one's */
static void
pt_child_peak_reset(const pt_child_t *c)
{
    int   fd;
    char  path[64];

    (void) snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int) c->pid);

    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd != -1) {
        (void) !write(fd, "5", 1);
        (void) close(fd);
    }
}
