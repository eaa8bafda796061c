/* Requests of the edge. */

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zmq.h>

#include "orch.h"


/* answers and news waiting for one nginx worker; then it has LAGGED */
#define ORCH_EDGE_SEND_MAX     20000
#define ORCH_EDGE_RECEIVE_MAX  20000

/* beyond it new requests are refused: memory is finite */
#define ORCH_EDGE_OPEN_MAX     20000
#define ORCH_EDGE_BYTES_MAX    (512u << 20)

/* of a frame: its contents have their own limits */
#define ORCH_EDGE_FRAME_MAX    (PT_JSON_FRAME_MAX + 1024)


static void orch_edge_message(void *ctx, pt_str_t peer,
    const pt_str_t *frames, size_t n);
static orch_request_t *orch_request_new(orch_t *o, pt_str_t peer,
    pt_str_t *frames, size_t n);
static void orch_edge_problem(orch_t *o, pt_str_t peer, uint64_t rid,
    pt_err_t err, const char *detail, uint32_t retry_after_s,
    pt_str_t errors);
static void orch_edge_send(orch_t *o, pt_str_t peer, const pt_msg_t *msg);
static void orch_request_free(orch_request_t *rq);
static bool orch_edge_answers(pt_command_t command);
static bool orch_request_is_late(const orch_request_t *rq);


/* what answers which request */
static void (*const  orch_edge_handlers[])(orch_request_t *rq) = {
    [PT_CMD_SUBMIT]   = orch_accept_submit,
    [PT_CMD_GET]      = orch_read_get,
    [PT_CMD_LIST]     = orch_read_list,
    [PT_CMD_CANCEL]   = orch_attempt_cancel,
    [PT_CMD_OPEN]     = orch_read_open,
    [PT_CMD_FILE_ADD] = orch_files_add,
    [PT_CMD_FILE_GET] = orch_files_get,
    [PT_CMD_FILE_LIST] = orch_files_list,
    [PT_CMD_FILE_DELETE] = orch_files_delete,
    [PT_CMD_FILE_FETCH] = orch_direct_fetch,
    [PT_CMD_EVENTS]   = orch_read_events,
    [PT_CMD_WATCH]    = orch_watch_watch,
    [PT_CMD_UNWATCH]  = orch_watch_unwatch,
    [PT_CMD_SYNC]     = orch_watch_sync,
    [PT_CMD_CHANGED]  = orch_watch_changed,
    [PT_CMD_HEALTH]   = orch_storage_health,
    [PT_CMD_SUBMIT_BATCH] = orch_bulk_submit,
    [PT_CMD_BATCH]    = orch_bulk_progress,
    [PT_CMD_RETRY]    = orch_redo_retry,
    [PT_CMD_METRICS]  = orch_metrics_request,
    [PT_CMD_SCHEDULE_ADD]    = orch_schedule_add,
    [PT_CMD_SCHEDULE_LIST]   = orch_schedule_list,
    [PT_CMD_SCHEDULE_GET]    = orch_schedule_get,
    [PT_CMD_SCHEDULE_CHANGE] = orch_schedule_change,
    [PT_CMD_INSTANCES] = orch_instances_list,
    [PT_CMD_SCALE]    = orch_instances_scale,
    [PT_CMD_RESTART]  = orch_instances_restart,
    [PT_CMD_USAGE]    = orch_usage_get,
    [PT_CMD_DELIVERIES] = orch_webhook_deliveries
};


pt_err_t
orch_edge_open(orch_t *o)
{
    pt_err_t     err;
    const char  *endpoint = o->config->edge_listen;

    err = pt_zloop_open(&o->loop, o->zctx, &(pt_zloop_options_t) {
        .type = ZMQ_ROUTER,
        .bind = true,
        .endpoint = endpoint,
        .remote = o->config->edge_remote[0] ? o->config->edge_remote : NULL,
        .zap_domain = "edge",
        .curve = &o->curve,
        .send_max = ORCH_EDGE_SEND_MAX,
        .receive_max = ORCH_EDGE_RECEIVE_MAX,
        .frame_max = ORCH_EDGE_FRAME_MAX,
        .on_message = orch_edge_message,
        .ctx = o }, &o->edge.socket);

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "edge", "could not listen on \"%s\": %s",
               endpoint, zmq_strerror(errno));
        return err;
    }

    /* nginx's workers are of our group */
    if (strncmp(endpoint, "ipc://", 6) == 0 && endpoint[6] != '@'
        && chmod(endpoint + 6, 0660) != 0)
    {
        pt_log(PT_LOG_WARN, "edge", "could not open \"%s\" to our group: %m",
               endpoint + 6);
    }

    return PT_OK;
}


void
orch_edge_close(orch_t *o)
{
    pt_zloop_close(o->edge.socket);
    o->edge.socket = NULL;
}


static void
orch_edge_message(void *ctx, pt_str_t peer, const pt_str_t *frames, size_t n)
{
    orch_t          *o = ctx;
    pt_err_t         err;
    pt_str_t         own[PT_WIRE_FRAMES_MAX + 1];
    uint64_t         rid;
    orch_request_t  *rq;

    orch_watch_heard(o, peer);

    n = n < PT_WIRE_FRAMES_MAX + 1 ? n : PT_WIRE_FRAMES_MAX + 1;
    memcpy(own, frames, n * sizeof(*own));

    rq = orch_request_new(o, peer, own, n);
    if (rq == NULL) {
        return;
    }

    err = pt_wire_decode(own, n, &rq->msg, &rid);

    if (err == PT_OK && !orch_edge_answers(rq->msg.command)) {
        err = PT_E_UNKNOWN_COMMAND;
    }

    if (err != PT_OK) {
        orch_edge_problem(o, peer, rid, err, "not a request of PJP1", 0,
                          PT_STR_NULL);
        orch_request_free(rq);
        return;
    }

    if (rq->msg.u.request.deadline_ms) {
        rq->deadline_ms = orch_loop_ms(o) + rq->msg.u.request.deadline_ms;
    }

    if (o->edge.open > ORCH_EDGE_OPEN_MAX
        || o->edge.bytes > ORCH_EDGE_BYTES_MAX)
    {
        orch_refuse_with(rq, PT_E_QUEUE_FULL, "too many requests at once", 1,
                         PT_STR_NULL);
        return;
    }

    orch_edge_handlers[rq->msg.command](rq);
}


static bool
orch_edge_answers(pt_command_t command)
{
    return (size_t) command < sizeof(orch_edge_handlers)
                              / sizeof(orch_edge_handlers[0])
           && orch_edge_handlers[command] != NULL;
}


pt_err_t
orch_request_own(orch_t *o, const pt_msg_t *msg, orch_answer_fn answer,
    void *ctx)
{
    pt_err_t         err;
    pt_str_t         own[PT_WIRE_FRAMES_MAX];
    pt_frames_t      f;
    orch_request_t  *rq;

    err = pt_wire_encode(msg, &f);
    if (err != PT_OK) {
        return err;
    }

    memcpy(own, f.frames, f.n * sizeof(*own));

    rq = orch_request_new(o, PT_STR(""), own, f.n);
    if (rq == NULL) {
        return PT_E_NOMEM;
    }

    err = pt_wire_decode(own, f.n, &rq->msg, NULL);

    if (err != PT_OK || !orch_edge_answers(rq->msg.command)) {
        orch_request_free(rq);
        return PT_E_INVALID;
    }

    rq->answer = answer;
    rq->ctx = ctx;

    orch_edge_handlers[rq->msg.command](rq);

    return PT_OK;
}


/* copies the frames' bytes, which live for the call only, and points there */
static orch_request_t *
orch_request_new(orch_t *o, pt_str_t peer, pt_str_t *frames, size_t n)
{
    char            *p;
    size_t           i, len = peer.len;
    orch_request_t  *rq;

    for (i = 0; i < n; i++) {
        len += frames[i].len;
    }

    rq = calloc(1, sizeof(*rq) + len);
    if (rq == NULL) {
        return NULL;
    }

    rq->o = o;
    p = rq->bytes;

    memcpy(p, peer.data, peer.len);
    rq->peer = (pt_str_t) { p, peer.len };
    p += peer.len;

    for (i = 0; i < n; i++) {
        if (frames[i].len) {
            memcpy(p, frames[i].data, frames[i].len);
        }

        frames[i].data = p;
        p += frames[i].len;
    }

    rq->len = len;
    o->edge.open++;
    o->edge.bytes += len;

    return rq;
}


static void
orch_request_free(orch_request_t *rq)
{
    rq->o->edge.open--;
    rq->o->edge.bytes -= rq->len;
    free(rq->key);
    free(rq->more);
    free(rq);
}


void
orch_reply(orch_request_t *rq, pt_str_t body)
{
    if (body.len > PT_REPLY_MAX) {
        orch_refuse(rq, PT_E_TOO_LARGE, "the answer is too large");
        return;
    }

    if (rq->answer) {
        rq->answer(rq->ctx, PT_OK, body, PT_STR_NULL);

    } else {
        orch_reply_early(rq, body);
    }

    orch_request_free(rq);
}


void
orch_reply_early(orch_request_t *rq, pt_str_t body)
{
    pt_msg_t  msg = { .command = PT_CMD_OK };

    msg.u.ok.rid = rq->msg.u.request.rid;
    msg.u.ok.body = body;

    if (!orch_request_is_late(rq)) {
        orch_edge_send(rq->o, rq->peer, &msg);
    }
}


void
orch_refuse(orch_request_t *rq, pt_err_t err, const char *detail)
{
    orch_refuse_with(rq, err, detail, err == PT_E_DATABASE ? 1 : 0,
                     PT_STR_NULL);
}


void
orch_refuse_with(orch_request_t *rq, pt_err_t err, const char *detail,
    uint32_t retry_after_s, pt_str_t errors)
{
    if (rq->answer) {
        rq->answer(rq->ctx, err, pt_str(detail), errors);

    } else if (!orch_request_is_late(rq)) {
        orch_edge_problem(rq->o, rq->peer, rq->msg.u.request.rid, err, detail,
                          retry_after_s, errors);
    }

    orch_request_free(rq);
}


static void
orch_edge_problem(orch_t *o, pt_str_t peer, uint64_t rid, pt_err_t err,
    const char *detail, uint32_t retry_after_s, pt_str_t errors)
{
    pt_msg_t  msg = { .command = PT_CMD_PROBLEM };

    msg.u.problem = (pt_problem_t) {
        .rid = rid,
        .code = pt_str(pt_err_code(err)),
        .detail = pt_str(detail),
        .retry_after_s = retry_after_s,
        .errors = errors
    };

    orch_edge_send(o, peer, &msg);
}


/* a worker that has gone, or does not read, has nobody waiting */
static void
orch_edge_send(orch_t *o, pt_str_t peer, const pt_msg_t *msg)
{
    pt_err_t  err;

    if (o->edge.socket == NULL) {
        /* closed, and a thread has only now tried the storage */
        return;
    }

    err = pt_zloop_send(o->edge.socket, peer, msg);

    if (err == PT_E_INVALID) {
        pt_log(PT_LOG_ERROR, "edge", "cannot send %s: it breaks the grammar",
               pt_command_name(msg->command));

    } else if (err != PT_OK) {
        pt_log(PT_LOG_DEBUG, "edge", "could not answer: %s", pt_err_code(err));
    }
}


static bool
orch_request_is_late(const orch_request_t *rq)
{
    return rq->deadline_ms && orch_loop_ms(rq->o) > rq->deadline_ms;
}


pt_str_t
orch_request_owner(const orch_request_t *rq)
{
    return rq->msg.u.request.admin || ORCH_FAULT("no-owner")
           ? PT_STR_NULL : rq->msg.u.request.user;
}
