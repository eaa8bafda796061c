/* Processors as seen over the wire. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utlist.h>
#include <zmq.h>

#include "orch.h"


#define ORCH_PROCESSOR_SILENT_MS  5000

/* between two of our own heartbeats, which are a second apart */
#define ORCH_PROCESSOR_LATE_MS    2000

/* an ASSIGN is at most 4 MiB: as many as a processor has credit, and news */
#define ORCH_PROCESSOR_SEND_MAX   10000

#define ORCH_PROCESSOR_FRAME_MAX  (PT_JSON_FRAME_MAX + 1024)


static void orch_processor_message(void *ctx, pt_str_t peer,
    const pt_str_t *frames, size_t n);
static void orch_processor_unsent(void *ctx, pt_str_t peer);
static void orch_processor_ready(orch_t *o, pt_str_t peer,
    const pt_ready_t *m);
static orch_processor_t *orch_processor_same(orch_t *o, const pt_ready_t *m);
static orch_processor_t *orch_processor_new(orch_t *o, pt_str_t peer,
    const pt_ready_t *m);
static void orch_processor_rename(orch_t *o, orch_processor_t *p,
    pt_str_t peer);
static void orch_processor_reconcile(orch_t *o, orch_processor_t *p,
    const pt_ready_t *m, bool back);
static bool orch_marks_have(pt_str_t marks, const pt_id_t *id, uint32_t n);
static void orch_processor_watch_pid(orch_processor_t *p);
static void orch_processor_exited(uv_poll_t *poll, int status, int events);
static uint64_t orch_start_time(uint32_t pid);
static void orch_pidfd_closed(uv_handle_t *handle);
static void orch_processor_who(orch_t *o, pt_str_t peer);
static unsigned orch_processor_weight(const orch_processor_t *p,
    const orch_job_t *job);
static orch_processor_t *orch_processor_find(orch_t *o, pt_str_t peer);


pt_err_t
orch_processors_open(orch_t *o)
{
    pt_err_t     err;
    const char  *endpoint = o->config->processor_listen;

    err = pt_zloop_open(&o->loop, o->zctx, &(pt_zloop_options_t) {
        .type = ZMQ_ROUTER,
        .bind = true,
        .endpoint = endpoint,
        .remote = o->config->processor_remote[0] ? o->config->processor_remote : NULL,
        .zap_domain = "processor",
        .curve = &o->curve,
        .send_max = ORCH_PROCESSOR_SEND_MAX,
        .receive_max = ORCH_PROCESSOR_SEND_MAX,
        .frame_max = ORCH_PROCESSOR_FRAME_MAX,
        .on_message = orch_processor_message,
        .on_unsent = orch_processor_unsent,
        .ctx = o }, &o->processors.socket);

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "processor", "could not listen on \"%s\": %s",
               endpoint, zmq_strerror(errno));
    }

    return err;
}


void
orch_processors_close(orch_t *o)
{
    orch_processor_t  *p, *next;

    HASH_ITER(hh, o->processors.all, p, next) {
        orch_processor_gone(o, p, ORCH_FAULT_LOST, "shutting down");
    }

    pt_zloop_close(o->processors.socket);
    o->processors.socket = NULL;
}


static void
orch_processor_message(void *ctx, pt_str_t peer, const pt_str_t *frames,
    size_t n)
{
    orch_t            *o = ctx;
    pt_err_t           err;
    pt_msg_t           msg;
    orch_processor_t  *p;

    err = pt_wire_decode(frames, n, &msg, NULL);

    if (err != PT_OK) {
        pt_log(PT_LOG_WARN, "processor", "a message that is not one of a "
               "processor, ignoring: %s", pt_err_code(err));
        return;
    }

    p = orch_processor_find(o, peer);

    if (msg.command == PT_CMD_READY) {
        /* what runs is known from the database first; WHO asks again */
        if (orch_recover_is_done(o)) {
            orch_processor_ready(o, peer, &msg.u.ready);
        }

        return;
    }

    if (p == NULL) {
        if (msg.command != PT_CMD_BYE) {
            orch_processor_who(o, peer);
        }

        return;
    }

    p->heard_ms = orch_loop_ms(o);

    switch (msg.command) {

    case PT_CMD_HEARTBEAT:
        break;

    case PT_CMD_PROGRESS:
        orch_attempt_progress(o, p, &msg.u.progress);
        break;

    case PT_CMD_OUTPUT:
        orch_attempt_output(o, p, &msg.u.output);
        break;

    case PT_CMD_DONE:
        orch_attempt_finished(o, p, &msg.u.done);
        break;

    case PT_CMD_FAILED:
        orch_attempt_failed(o, p, &msg.u.failed);
        break;

    case PT_CMD_BYE:
        orch_processor_gone(o, p, ORCH_FAULT_LOST, "its processor left");
        break;

    default:
        pt_log(PT_LOG_WARN, "processor", "a processor cannot send %s, "
               "ignoring", pt_command_name(msg.command));
        break;
    }
}


/* one that lives says READY again after its next heartbeat */
static void
orch_processor_unsent(void *ctx, pt_str_t peer)
{
    orch_t            *o = ctx;
    orch_processor_t  *p = orch_processor_find(o, peer);

    if (p) {
        orch_processor_gone(o, p, ORCH_FAULT_LOST,
                            "its processor could not be reached");
    }
}


static void
orch_processor_ready(orch_t *o, pt_str_t peer, const pt_ready_t *m)
{
    bool               back = false;
    pt_json_t         *actions;
    orch_processor_t  *p;

    if (pt_json_parse(m->actions, &pt_mem_heap, &actions, NULL) != PT_OK) {
        pt_log(PT_LOG_ERROR, "processor", "cannot read what a processor "
               "offers, ignoring it service=%.*s", PT_STR_ARG(m->service));
        return;
    }

    p = orch_processor_find(o, peer);

    if (p == NULL) {
        p = orch_processor_same(o, m);

        if (p) {
            back = true;
            orch_processor_rename(o, p, peer);

        } else {
            p = orch_processor_new(o, peer, m);
        }
    }

    if (p == NULL) {
        pt_json_free(actions);
        return;
    }

    pt_json_free(p->actions);
    p->actions = actions;
    p->group = m->group ? m->group : 1;
    p->credit = m->slots * p->group;

    if (p->service->pool && p->credit) {
        ((orch_pool_t *) p->service->pool)->slots = p->credit;
    }

    p->heard_ms = orch_loop_ms(o);

    orch_processor_reconcile(o, p, m, back);
}


/* the same process over a new connection */
static orch_processor_t *
orch_processor_same(orch_t *o, const pt_ready_t *m)
{
    orch_processor_t  *p, *next;

    if (m->pid == 0) {
        return NULL;
    }

    HASH_ITER(hh, o->processors.all, p, next) {
        if (p->pid == m->pid && p->start_time == m->start_time
            && pt_str_is(m->service, p->service->name))
        {
            return p;
        }
    }

    return NULL;
}


static orch_processor_t *
orch_processor_new(orch_t *o, pt_str_t peer, const pt_ready_t *m)
{
    orch_service_t    *service = orch_queue_service(&o->queue, m->service);
    orch_processor_t  *p;

    if (service == NULL || peer.len > sizeof(p->identity)) {
        return NULL;
    }

    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return NULL;
    }

    p->o = o;
    p->service = service;
    p->fd = -1;
    p->pid = m->pid;
    p->start_time = m->start_time;
    p->idle_ms = orch_loop_ms(o);

    p->len = peer.len;
    memcpy(p->identity, peer.data, peer.len);
    HASH_ADD_KEYPTR(hh, o->processors.all, p->identity, p->len, p);

    orch_supervisor_joined(o, p);

    if (p->child == NULL && p->pid) {
        orch_processor_watch_pid(p);
    }

    pt_log(PT_LOG_INFO, "processor", "%s a processor service=%s pid=%u "
           "credit=%u running=%zu", p->child ? "has started" : "has adopted",
           service->name, p->pid, (unsigned) m->slots * m->group,
           pt_marks_count(m->running));

    return p;
}


static void
orch_processor_rename(orch_t *o, orch_processor_t *p, pt_str_t peer)
{
    HASH_DEL(o->processors.all, p);

    p->len = peer.len < sizeof(p->identity) ? peer.len : sizeof(p->identity);
    memcpy(p->identity, peer.data, p->len);

    HASH_ADD_KEYPTR(hh, o->processors.all, p->identity, p->len, p);
}


/* what it runs against what we think that it runs */
static void
orch_processor_reconcile(orch_t *o, orch_processor_t *p, const pt_ready_t *m,
    bool back)
{
    size_t       i;
    pt_id_t      id;
    pt_msg_t     msg = { .command = PT_CMD_CANCEL_ATTEMPT };
    uint32_t     attempt;
    orch_run_t  *run, *next;

    for (i = 0; i < pt_marks_count(m->running); i++) {
        pt_mark_read(m->running, i, &id, &attempt);

        if (!orch_attempt_adopt(o, p, &id, attempt)
            && !ORCH_FAULT("no-fence"))
        {
            msg.u.attempt.job = id;
            msg.u.attempt.attempt = attempt;
            (void) orch_processor_send(o, p, &msg);
        }
    }

    if (!back) {
        return;
    }

    /* an ASSIGN that the old connection has swallowed */
    DL_FOREACH_SAFE(p->runs, run, next) {
        if (run->assigned
            && !orch_marks_have(m->running, &run->job->id, run->job->attempt))
        {
            orch_attempt_abandon(o, run, ORCH_FAULT_LOST,
                                 "its processor does not know it");
        }
    }
}


static bool
orch_marks_have(pt_str_t marks, const pt_id_t *id, uint32_t n)
{
    size_t    i;
    pt_id_t   other;
    uint32_t  other_n;

    for (i = 0; i < pt_marks_count(marks); i++) {
        pt_mark_read(marks, i, &other, &other_n);

        if (other_n == n && pt_id_eq(&other, id)) {
            return true;
        }
    }

    return false;
}


/* one that is not our child: it survived the orchestrator before us */
static void
orch_processor_watch_pid(orch_processor_t *p)
{
    int  fd;

    fd = (int) syscall(SYS_pidfd_open, (pid_t) p->pid, 0);
    if (fd < 0) {
        return;
    }

    /* the pid may be another process's by now, or another host's */
    if (orch_start_time(p->pid) != p->start_time) {
        close(fd);
        return;
    }

    p->pidfd = malloc(sizeof(*p->pidfd));

    if (p->pidfd == NULL || uv_poll_init(&p->o->loop, p->pidfd, fd) != 0) {
        free(p->pidfd);
        p->pidfd = NULL;
        close(fd);
        return;
    }

    p->fd = fd;
    p->pidfd->data = p;
    uv_poll_start(p->pidfd, UV_READABLE, orch_processor_exited);
}


static void
orch_processor_exited(uv_poll_t *poll, int status, int events)
{
    orch_processor_t  *p = poll->data;

    (void) status;
    (void) events;

    orch_processor_gone(p->o, p, ORCH_FAULT_CRASHED, "its processor died");
}


/* field 22 of /proc/PID/stat; 0 if there is no such process here */
static uint64_t
orch_start_time(uint32_t pid)
{
    int                  field;
    char                 path[64], text[1024], *s;
    FILE                *f;
    size_t               n;

    snprintf(path, sizeof(path), "/proc/%u/stat", pid);

    f = fopen(path, "re");
    if (f == NULL) {
        return 0;
    }

    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';

    /* the name, field 2, may hold anything; it ends with the last ")" */
    s = strrchr(text, ')');

    for (field = 2; s && field < 22; field++) {
        s = strchr(s + 1, ' ');
    }

    return s ? strtoull(s, NULL, 10) : 0;
}


static void
orch_pidfd_closed(uv_handle_t *handle)
{
    free(handle);
}


void
orch_processor_gone(orch_t *o, orch_processor_t *p, orch_fault_t fault,
    const char *why)
{
    pt_log(PT_LOG_INFO, "processor", "a processor has gone: %s service=%s "
           "pid=%u", why, p->service->name, p->pid);

    HASH_DEL(o->processors.all, p);

    while (p->runs) {
        if (o->stop_ms && o->processors.socket == NULL) {
            orch_processor_release(o, p->runs);

        } else {
            orch_attempt_abandon(o, p->runs, fault, why);
        }
    }

    orch_supervisor_left(o, p);

    if (p->pidfd) {
        uv_close((uv_handle_t *) p->pidfd, orch_pidfd_closed);
        close(p->fd);
    }

    pt_json_free(p->actions);
    free(p);
}


void
orch_processors_beat(orch_t *o)
{
    bool               late;
    pt_msg_t           msg = { .command = PT_CMD_HEARTBEAT };
    uint64_t           now = orch_loop_ms(o);
    orch_processor_t  *p, *next;

    /* we were the silent one: what they said waits to be read */
    late = now - o->processors.beat_ms > ORCH_PROCESSOR_LATE_MS;
    o->processors.beat_ms = now;

    HASH_ITER(hh, o->processors.all, p, next) {
        if (late) {
            p->heard_ms = now;
        }

        if (now - p->heard_ms > ORCH_PROCESSOR_SILENT_MS) {
            /* one that died is seen to: nobody knows whose fault this is */
            orch_processor_gone(o, p, ORCH_FAULT_LOST,
                                "its processor is silent");
            continue;
        }

        (void) orch_processor_send(o, p, &msg);
    }
}


void
orch_processors_progress(orch_t *o)
{
    orch_run_t        *run;
    orch_processor_t  *p, *next;

    HASH_ITER(hh, o->processors.all, p, next) {
        DL_FOREACH(p->runs, run) {
            orch_attempt_flush_progress(o, run);
        }
    }
}


orch_processor_t *
orch_processor_free(orch_t *o, const orch_job_t *job)
{
    orch_processor_t  *p, *next, *best = NULL;

    HASH_ITER(hh, o->processors.all, p, next) {
        if (p->service == job->service && p->drain_ms == 0
            && p->used + orch_processor_weight(p, job) <= p->credit
            && (best == NULL || p->used < best->used))
        {
            best = p;
        }
    }

    return best;
}


/* a light one takes a part of a slot, any other all of it */
static unsigned
orch_processor_weight(const orch_processor_t *p, const orch_job_t *job)
{
    const pt_json_t  *a = orch_processor_offer(p, pt_str(job->action));

    return a && pt_json_bool(a, "light", false) ? 1 : p->group;
}


void
orch_processor_count(orch_t *o, orch_service_t *service,
    uint64_t ret_values[3])
{
    orch_processor_t  *p, *next;

    ret_values[0] = ret_values[1] = ret_values[2] = 0;

    HASH_ITER(hh, o->processors.all, p, next) {
        if (p->service == service) {
            ret_values[0]++;
            ret_values[1] += p->credit / p->group;
            ret_values[2] += (p->used + p->group - 1) / p->group;
        }
    }
}


const pt_json_t *
orch_processor_offer(const orch_processor_t *p, pt_str_t action)
{
    const pt_json_t  *a;

    for (a = p->actions ? p->actions->first : NULL; a; a = a->next) {
        if (pt_str_eq(pt_json_string(a, "name", PT_STR_NULL), action)) {
            break;
        }
    }

    return a;
}


void
orch_processor_take(orch_processor_t *p, orch_run_t *run)
{
    run->processor = p;
    run->weight = orch_processor_weight(p, run->job);
    p->used += run->weight;
    DL_APPEND(p->runs, run);
}


void
orch_processor_rest(orch_t *o, orch_run_t *run)
{
    if (run->processor) {
        run->processor->used -= run->weight;
        run->processor->idle_ms = orch_loop_ms(o);
        run->weight = 0;
    }
}


void
orch_processor_release(orch_t *o, orch_run_t *run)
{
    orch_processor_t  *p = run->processor;

    if (p == NULL) {
        return;
    }

    orch_processor_rest(o, run);

    DL_DELETE(p->runs, run);
    run->processor = NULL;
}


pt_err_t
orch_processor_send(orch_t *o, orch_processor_t *p, const pt_msg_t *msg)
{
    return pt_zloop_send(o->processors.socket,
                         (pt_str_t) { p->identity, p->len }, msg);
}


pt_err_t
orch_processor_post(orch_t *o, orch_processor_t *p, const pt_msg_t *msg)
{
    return pt_zloop_post(o->processors.socket,
                         (pt_str_t) { p->identity, p->len }, msg);
}


void
orch_processor_ack(orch_t *o, orch_processor_t *p, const pt_id_t *job,
    uint32_t attempt, uint32_t n)
{
    pt_msg_t  msg = { .command = PT_CMD_ACK };

    msg.u.attempt = (pt_attempt_ref_t) { *job, attempt, n };

    /* what is lost is repeated */
    (void) orch_processor_post(o, p, &msg);
}


void
orch_processor_drain(orch_t *o, orch_processor_t *p)
{
    pt_msg_t  msg = { .command = PT_CMD_DRAIN };

    if (p->drain_ms == 0) {
        p->drain_ms = orch_loop_ms(o);
        (void) orch_processor_send(o, p, &msg);
    }
}


static void
orch_processor_who(orch_t *o, pt_str_t peer)
{
    pt_msg_t  msg = { .command = PT_CMD_WHO };

    if (pt_zloop_send(o->processors.socket, peer, &msg) != PT_OK) {
        pt_log(PT_LOG_DEBUG, "processor", "could not ask a processor who it "
               "is");
    }
}


static orch_processor_t *
orch_processor_find(orch_t *o, pt_str_t peer)
{
    orch_processor_t  *p;

    HASH_FIND(hh, o->processors.all, peer.data, peer.len, p);

    return p;
}
