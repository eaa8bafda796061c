/*
 * Calls to the orchestrators over ZeroMQ, inside nginx's event loop.
 *
 * Each worker has one context, and a DEALER and its monitor per orchestrator.
 * A call is in the table under its rid, and in one queue: of the orchestrator
 * whose answer it waits for, or of those that are parked until one is there.
 *
 *     _call --> send --> waiting(peer) --> OK, PROBLEM --> handler
 *                 |            |
 *                 |            +-- connection lost, no answer --> send
 *                 +--> parked --> connected --> send
 *                         |
 *                         +-- deadline --> handler
 */

#include <zmq.h>

#include "ngx_http_pitchey_zmq.h"
#include "ngx_http_pitchey_curve.h"
#include "ngx_http_pitchey_jobzone.h"
#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_watch.h"


/* messages taken from a socket before others get their turn */
#define NGX_HTTP_PITCHEY_ZMQ_TURN     64

/* calls of a worker that wait at once; beyond, clients are told 503 */
#define NGX_HTTP_PITCHEY_ZMQ_CALLS    16384

/* messages queued per direction before they are refused */
#define NGX_HTTP_PITCHEY_ZMQ_HWM      4096

/*
 * ms after the start, or the loss of the last connection, in which new calls
 * are parked rather than refused: an orchestrator's restart is not an outage
 */
#define NGX_HTTP_PITCHEY_ZMQ_GRACE    2000

#define NGX_HTTP_PITCHEY_ZMQ_INDEX    (NGX_HTTP_PITCHEY_ZMQ_CALLS - 1)


typedef struct {
    ngx_uint_t                 number;
    ngx_str_t                  endpoint;
    const ngx_http_pitchey_orchestrator_t
                              *keys;          /* of the configuration */

    void                      *socket;        /* DEALER */
    void                      *monitor;       /* PAIR */
    ngx_connection_t          *connection;    /* watch their ZMQ_FD, which */
    ngx_connection_t          *monitor_connection;   /* libzmq owns */

    ngx_queue_t                waiting;       /* calls sent, not answered */
    ngx_uint_t                 nwaiting;

    unsigned                   connected:1;   /* handshake done */
    unsigned                   full:1;        /* took no call just now */
} ngx_http_pitchey_peer_t;


typedef struct {
    uint64_t                   rid;
    ngx_queue_t                queue;
    ngx_http_pitchey_peer_t   *peer;          /* NULL: parked */
    ngx_uint_t                 to;            /* a peer's number, or ANY */

    ngx_event_t                timer;
    ngx_msec_t                 deadline;      /* in ngx_current_msec's time */

    ngx_http_pitchey_call_pt   handler;
    void                      *data;

    unsigned                   sent:1;

    ngx_uint_t                 n;             /* frames, for sending again: */
    uint32_t                   lens[PT_WIRE_FRAMES_MAX];
    u_char                     bytes[];       /* one after the other */
} ngx_http_pitchey_zmq_call_t;


struct ngx_http_pitchey_zmq_s {
    void                      *context;
    ngx_log_t                 *log;

    ngx_http_pitchey_peer_t   *peers;
    ngx_uint_t                 npeers;
    ngx_uint_t                 nconnected;
    ngx_msec_t                 down_since;    /* nobody is connected since */

    ngx_queue_t                parked;

    /* a call's index is the low part of its rid */
    ngx_http_pitchey_zmq_call_t  **calls;
    uint16_t                  *free;          /* indexes, the first nfree */
    ngx_uint_t                 nfree;
    uint64_t                   serial;
};


static ngx_http_pitchey_zmq_call_t *ngx_http_pitchey_zmq_call_new(
    pt_msg_t *msg);
static void ngx_http_pitchey_zmq_call_free(ngx_http_pitchey_zmq_call_t *call);
static ngx_http_pitchey_zmq_call_t *ngx_http_pitchey_zmq_call_find(
    uint64_t rid);
static void ngx_http_pitchey_zmq_call_end(ngx_http_pitchey_zmq_call_t *call,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_zmq_call_fail(
    ngx_http_pitchey_zmq_call_t *call);
static void ngx_http_pitchey_zmq_call_timeout(ngx_event_t *ev);
static void ngx_http_pitchey_zmq_call_detach(
    ngx_http_pitchey_zmq_call_t *call);

static ngx_int_t ngx_http_pitchey_zmq_place(
    ngx_http_pitchey_zmq_call_t *call);
static ngx_int_t ngx_http_pitchey_zmq_send_any(
    ngx_http_pitchey_zmq_call_t *call, ngx_http_pitchey_peer_t *except);
static ngx_http_pitchey_peer_t *ngx_http_pitchey_zmq_least_busy(
    ngx_http_pitchey_peer_t *except);
static ngx_int_t ngx_http_pitchey_zmq_send(ngx_http_pitchey_peer_t *peer,
    ngx_http_pitchey_zmq_call_t *call);
static void ngx_http_pitchey_zmq_call_wait(ngx_http_pitchey_zmq_call_t *call,
    ngx_http_pitchey_peer_t *peer);

static void ngx_http_pitchey_zmq_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_http_pitchey_zmq_read_message(
    ngx_http_pitchey_peer_t *peer);
static void ngx_http_pitchey_zmq_message(ngx_http_pitchey_peer_t *peer,
    zmq_msg_t *parts, ngx_uint_t n);
static void ngx_http_pitchey_zmq_answer(ngx_http_pitchey_peer_t *peer,
    const pt_msg_t *msg);
static void ngx_http_pitchey_zmq_monitor_handler(ngx_event_t *rev);
static int ngx_http_pitchey_zmq_monitor_event(ngx_http_pitchey_peer_t *peer);
static void ngx_http_pitchey_zmq_up(ngx_http_pitchey_peer_t *peer);
static void ngx_http_pitchey_zmq_down(ngx_http_pitchey_peer_t *peer);

static ngx_int_t ngx_http_pitchey_zmq_peer_open(ngx_http_pitchey_peer_t *peer);
static ngx_int_t ngx_http_pitchey_zmq_peer_options(
    ngx_http_pitchey_peer_t *peer);
static void ngx_http_pitchey_zmq_peer_close(ngx_http_pitchey_peer_t *peer);
static ngx_connection_t *ngx_http_pitchey_zmq_watch(void *socket, void *data,
    ngx_event_handler_pt handler);
static void ngx_http_pitchey_zmq_unwatch(ngx_connection_t *c);


/*
 * One per process.  Not in the configuration, which a process that runs
 * without a master replaces while its sockets stay.
 */
static ngx_http_pitchey_zmq_t  *ngx_http_pitchey_zmq;


ngx_int_t
ngx_http_pitchey_zmq_call(ngx_uint_t to, pt_msg_t *msg, ngx_msec_t deadline,
    ngx_http_pitchey_call_pt handler, void *data, uint64_t *ret_rid)
{
    ngx_http_pitchey_zmq_t       *z;
    ngx_http_pitchey_zmq_call_t  *call;

    z = ngx_http_pitchey_zmq;

    if (z == NULL || z->npeers == 0 || z->nfree == 0) {
        return NGX_BUSY;
    }

    /* before the work of encoding it */

    if (z->nconnected == 0
        && ngx_current_msec - z->down_since >= NGX_HTTP_PITCHEY_ZMQ_GRACE)
    {
        return NGX_BUSY;
    }

    msg->u.request.deadline_ms = (uint32_t) deadline;

    call = ngx_http_pitchey_zmq_call_new(msg);
    if (call == NULL) {
        return NGX_ERROR;
    }

    call->to = to;
    call->handler = handler;
    call->data = data;
    call->deadline = ngx_current_msec + deadline;

    call->timer.cancelable = 1;

    if (ngx_http_pitchey_zmq_place(call) != NGX_OK) {
        ngx_http_pitchey_zmq_call_free(call);
        return NGX_BUSY;
    }

    if (ret_rid != NULL) {
        *ret_rid = call->rid;
    }

    ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_CALLS);

    return NGX_OK;
}


void
ngx_http_pitchey_zmq_forget(uint64_t rid)
{
    ngx_http_pitchey_zmq_call_t  *call;

    call = ngx_http_pitchey_zmq_call_find(rid);

    if (call != NULL) {
        ngx_http_pitchey_zmq_call_free(call);
    }
}


void
ngx_http_pitchey_zmq_keep(uint64_t rid)
{
    ngx_http_pitchey_zmq_call_t  *call;

    call = ngx_http_pitchey_zmq_call_find(rid);

    if (call != NULL) {
        call->timer.cancelable = 0;
    }
}


ngx_uint_t
ngx_http_pitchey_zmq_count(void)
{
    return ngx_http_pitchey_zmq ? ngx_http_pitchey_zmq->npeers : 0;
}


ngx_uint_t
ngx_http_pitchey_zmq_connected(ngx_uint_t n)
{
    return n < ngx_http_pitchey_zmq_count()
           && ngx_http_pitchey_zmq->peers[n].connected;
}


/* takes a rid from the table and keeps the encoded message */
static ngx_http_pitchey_zmq_call_t *
ngx_http_pitchey_zmq_call_new(pt_msg_t *msg)
{
    size_t                        len;
    u_char                       *p;
    ngx_uint_t                    i, index;
    pt_frames_t                   frames;
    ngx_http_pitchey_zmq_t       *z;
    ngx_http_pitchey_zmq_call_t  *call;

    z = ngx_http_pitchey_zmq;

    index = z->free[z->nfree - 1];

    msg->u.request.rid = ++z->serial * NGX_HTTP_PITCHEY_ZMQ_CALLS + index;

    if (pt_wire_encode(msg, &frames) != PT_OK) {
        ngx_log_error(NGX_LOG_ERR, z->log, 0,
                      "could not encode %s for an orchestrator: a field is "
                      "outside what it may be", pt_command_name(msg->command));
        return NULL;
    }

    len = 0;

    for (i = 0; i < frames.n; i++) {
        len += frames.frames[i].len;
    }

    call = ngx_alloc(sizeof(ngx_http_pitchey_zmq_call_t) + len, z->log);
    if (call == NULL) {
        return NULL;
    }

    ngx_memzero(call, sizeof(ngx_http_pitchey_zmq_call_t));

    p = call->bytes;

    for (i = 0; i < frames.n; i++) {
        call->lens[i] = (uint32_t) frames.frames[i].len;

        if (frames.frames[i].len) {              /* absent: no address */
            p = ngx_cpymem(p, frames.frames[i].data, frames.frames[i].len);
        }
    }

    call->n = frames.n;
    call->rid = msg->u.request.rid;

    call->timer.handler = ngx_http_pitchey_zmq_call_timeout;
    call->timer.data = call;
    call->timer.log = z->log;

    ngx_queue_init(&call->queue);

    z->nfree--;
    z->calls[index] = call;

    return call;
}


static void
ngx_http_pitchey_zmq_call_free(ngx_http_pitchey_zmq_call_t *call)
{
    ngx_uint_t               index;
    ngx_http_pitchey_zmq_t  *z;

    z = ngx_http_pitchey_zmq;

    ngx_http_pitchey_zmq_call_detach(call);

    if (call->timer.timer_set) {
        ngx_del_timer(&call->timer);
    }

    index = call->rid & NGX_HTTP_PITCHEY_ZMQ_INDEX;

    z->calls[index] = NULL;
    z->free[z->nfree++] = (uint16_t) index;

    ngx_free(call);
}


/* NULL is normal: an answer came late, its request is gone */
static ngx_http_pitchey_zmq_call_t *
ngx_http_pitchey_zmq_call_find(uint64_t rid)
{
    ngx_http_pitchey_zmq_call_t  *call;

    if (ngx_http_pitchey_zmq == NULL) {
        return NULL;
    }

    call = ngx_http_pitchey_zmq->calls[rid & NGX_HTTP_PITCHEY_ZMQ_INDEX];

    return (call && call->rid == rid) ? call : NULL;
}


static void
ngx_http_pitchey_zmq_call_end(ngx_http_pitchey_zmq_call_t *call,
    const ngx_http_pitchey_reply_t *reply)
{
    void                      *data;
    ngx_http_pitchey_call_pt   handler;

    handler = call->handler;
    data = call->data;

    /* before the handler, which may make the next call, or forget this one */
    ngx_http_pitchey_zmq_call_free(call);

    handler(data, reply);
}


static void
ngx_http_pitchey_zmq_call_fail(ngx_http_pitchey_zmq_call_t *call)
{
    ngx_http_pitchey_reply_t  reply;

    ngx_memzero(&reply, sizeof(ngx_http_pitchey_reply_t));

    ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_CALL_FAILURES);

    reply.err = PT_E_UNAVAILABLE;
    reply.sent = call->sent;
    reply.retry_after_s = NGX_HTTP_PITCHEY_RETRY_AFTER;

    ngx_http_pitchey_zmq_call_end(call, &reply);
}


static void
ngx_http_pitchey_zmq_call_timeout(ngx_event_t *ev)
{
    ngx_msec_int_t                left;
    ngx_http_pitchey_peer_t      *peer;
    ngx_http_pitchey_zmq_call_t  *call;

    call = ev->data;
    peer = call->peer;

    left = (ngx_msec_int_t) (call->deadline - ngx_current_msec);

    if (left > 0 && peer != NULL) {

        /* half of the time is over: is there somebody else to ask? */

        ngx_http_pitchey_zmq_call_detach(call);

        if (ngx_http_pitchey_zmq_send_any(call, peer) != NGX_OK) {
            ngx_http_pitchey_zmq_call_wait(call, peer);
        }

        ngx_add_timer(&call->timer, (ngx_msec_t) left);
        return;
    }

    ngx_http_pitchey_zmq_call_fail(call);
}


/* from the queue of its peer, or of the parked ones */
static void
ngx_http_pitchey_zmq_call_detach(ngx_http_pitchey_zmq_call_t *call)
{
    ngx_queue_remove(&call->queue);
    ngx_queue_init(&call->queue);

    if (call->peer != NULL) {
        call->peer->nwaiting--;
        call->peer = NULL;
    }
}


/*
 * Sends the call to the one it is for, or to the least busy, or parks it until
 * somebody is connected, and arms its timer.  NGX_BUSY: the call is in no
 * queue, and the caller's.
 */
static ngx_int_t
ngx_http_pitchey_zmq_place(ngx_http_pitchey_zmq_call_t *call)
{
    ngx_msec_t               left, grace;
    ngx_http_pitchey_zmq_t  *z;

    z = ngx_http_pitchey_zmq;

    left = call->deadline - ngx_current_msec;

    if ((ngx_msec_int_t) left <= 0) {
        return NGX_BUSY;
    }

    if (call->to != NGX_HTTP_PITCHEY_ZMQ_ANY) {
        if (!ngx_http_pitchey_zmq_connected(call->to)
            || ngx_http_pitchey_zmq_send(&z->peers[call->to], call) != NGX_OK)
        {
            return NGX_BUSY;
        }

        ngx_add_timer(&call->timer, left);
        return NGX_OK;
    }

    if (ngx_http_pitchey_zmq_send_any(call, NULL) == NGX_OK) {

        if (z->nconnected > 1) {
            left = (left + 1) / 2;
        }

        ngx_add_timer(&call->timer, left);
        return NGX_OK;
    }

    if (z->nconnected) {
        return NGX_BUSY;
    }

    if (!call->sent) {

        /* nobody can have done it: there is no need to wait for long */

        grace = z->down_since + NGX_HTTP_PITCHEY_ZMQ_GRACE - ngx_current_msec;

        if ((ngx_msec_int_t) grace <= 0) {
            return NGX_BUSY;
        }

        left = ngx_min(left, grace);
    }

    ngx_queue_insert_tail(&z->parked, &call->queue);
    ngx_add_timer(&call->timer, left);

    return NGX_OK;
}


/* to the least busy that takes it, other than "except"; NGX_BUSY: nobody */
static ngx_int_t
ngx_http_pitchey_zmq_send_any(ngx_http_pitchey_zmq_call_t *call,
    ngx_http_pitchey_peer_t *except)
{
    ngx_int_t                 rc;
    ngx_uint_t                i;
    ngx_http_pitchey_peer_t  *peer;
    ngx_http_pitchey_zmq_t   *z;

    z = ngx_http_pitchey_zmq;

    do {
        peer = ngx_http_pitchey_zmq_least_busy(except);
        if (peer == NULL) {
            rc = NGX_BUSY;
            break;
        }

        rc = ngx_http_pitchey_zmq_send(peer, call);
        peer->full = (rc != NGX_OK);

    } while (rc != NGX_OK);

    for (i = 0; i < z->npeers; i++) {
        z->peers[i].full = 0;
    }

    return rc;
}


static ngx_http_pitchey_peer_t *
ngx_http_pitchey_zmq_least_busy(ngx_http_pitchey_peer_t *except)
{
    ngx_uint_t                i;
    ngx_http_pitchey_peer_t  *peer, *best;
    ngx_http_pitchey_zmq_t   *z;

    z = ngx_http_pitchey_zmq;
    best = NULL;

    for (i = 0; i < z->npeers; i++) {
        peer = &z->peers[i];

        if (peer->connected && !peer->full && peer != except
            && (best == NULL || peer->nwaiting < best->nwaiting))
        {
            best = peer;
        }
    }

    return best;
}


/* NGX_BUSY: the queue is full; nothing was sent then */
static ngx_int_t
ngx_http_pitchey_zmq_send(ngx_http_pitchey_peer_t *peer,
    ngx_http_pitchey_zmq_call_t *call)
{
    int          rc, flags, events;
    size_t       size;
    u_char      *p;
    ngx_uint_t   i;

    p = call->bytes;

    for (i = 0; i < call->n; i++) {
        flags = ZMQ_DONTWAIT | (i + 1 < call->n ? ZMQ_SNDMORE : 0);

        rc = zmq_send(peer->socket, p, call->lens[i], flags);

        if (rc == -1 && i == 0) {

            /*
             * zmq_send() looks for new connections once in a while only,
             * asking for the events does it now
             */

            size = sizeof(int);

            if (zmq_getsockopt(peer->socket, ZMQ_EVENTS, &events, &size) != 0
                || !(events & ZMQ_POLLOUT))
            {
                break;
            }

            rc = zmq_send(peer->socket, p, call->lens[i], flags);

            if (rc == -1) {
                break;
            }
        }

        /*
         * Once the first frame was taken the others must follow, whatever is
         * returned: when the connection breaks in between, libzmq drops all
         * up to the last one.
         */

        p += call->lens[i];
    }

    /*
     * ZMQ_FD is edge-triggered, and zmq_send() may have taken the edge of an
     * answer: look after this turn
     */

    ngx_post_event(peer->connection->read, &ngx_posted_events);

    if (i == 0) {
        return NGX_BUSY;
    }

    call->sent = 1;
    ngx_http_pitchey_zmq_call_wait(call, peer);

    return NGX_OK;
}


/* for the peer's answer */
static void
ngx_http_pitchey_zmq_call_wait(ngx_http_pitchey_zmq_call_t *call,
    ngx_http_pitchey_peer_t *peer)
{
    call->peer = peer;

    ngx_queue_insert_tail(&peer->waiting, &call->queue);
    peer->nwaiting++;
}


static void
ngx_http_pitchey_zmq_read_handler(ngx_event_t *rev)
{
    ngx_uint_t                n;
    ngx_connection_t         *c;
    ngx_http_pitchey_peer_t  *peer;

    c = rev->data;
    peer = c->data;

    for (n = 0; n < NGX_HTTP_PITCHEY_ZMQ_TURN; n++) {
        if (ngx_http_pitchey_zmq_read_message(peer) != NGX_OK) {

            /* nothing was there after all commands had been looked at, so
             * that whatever comes raises the edge again */

            return;
        }
    }

    ngx_post_event(rev, &ngx_posted_next_events);
}


/* NGX_AGAIN: there is none */
static ngx_int_t
ngx_http_pitchey_zmq_read_message(ngx_http_pitchey_peer_t *peer)
{
    int         more;
    zmq_msg_t   parts[PT_WIRE_FRAMES_MAX + 1];
    ngx_uint_t  i, n;

    n = 0;

    do {
        (void) zmq_msg_init(&parts[n]);

        if (zmq_msg_recv(&parts[n], peer->socket, ZMQ_DONTWAIT) == -1) {
            (void) zmq_msg_close(&parts[n]);
            break;
        }

        more = zmq_msg_more(&parts[n]);

        if (n < PT_WIRE_FRAMES_MAX) {
            n++;

        } else {
            /* more frames than any message has: one too many is enough to
             * have it refused */
            (void) zmq_msg_close(&parts[n]);
        }

    } while (more);

    if (n == 0) {
        return NGX_AGAIN;
    }

    ngx_http_pitchey_zmq_message(peer, parts, n);

    for (i = 0; i < n; i++) {
        (void) zmq_msg_close(&parts[i]);
    }

    return NGX_OK;
}


static void
ngx_http_pitchey_zmq_message(ngx_http_pitchey_peer_t *peer, zmq_msg_t *parts,
    ngx_uint_t n)
{
    pt_msg_t    msg;
    pt_err_t    err;
    pt_str_t    frames[PT_WIRE_FRAMES_MAX];
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        frames[i].data = zmq_msg_data(&parts[i]);
        frames[i].len = zmq_msg_size(&parts[i]);
    }

    err = pt_wire_decode(frames, n, &msg, NULL);

    if (err != PT_OK) {
        ngx_log_error(NGX_LOG_ERR, ngx_http_pitchey_zmq->log, 0,
                      "orchestrator \"%V\" sent what is no message: %s",
                      &peer->endpoint, pt_err_code(err));
        return;
    }

    switch (msg.command) {

    case PT_CMD_OK:
    case PT_CMD_PROBLEM:
        ngx_http_pitchey_zmq_answer(peer, &msg);
        break;

    case PT_CMD_EVENT:
        /* first: whoever hears of it may ask at once; progress, which comes
         * often, is as fresh as an unfinished entry is believed */
        if (msg.u.event.seq) {
            ngx_http_pitchey_jobzone_drop(&msg.u.event.job);
        }

        ngx_http_pitchey_watch_receive(&msg.u.event);
        break;

    case PT_CMD_LAGGED:
        ngx_http_pitchey_watch_lagged(peer->number);
        break;

    default:
        ngx_log_error(NGX_LOG_ERR, ngx_http_pitchey_zmq->log, 0,
                      "orchestrator \"%V\" sent %s, ignoring",
                      &peer->endpoint, pt_command_name(msg.command));
    }
}


static void
ngx_http_pitchey_zmq_answer(ngx_http_pitchey_peer_t *peer, const pt_msg_t *msg)
{
    uint64_t                      rid;
    ngx_http_pitchey_reply_t      reply;
    ngx_http_pitchey_zmq_call_t  *call;

    ngx_memzero(&reply, sizeof(ngx_http_pitchey_reply_t));

    reply.sent = 1;

    if (msg->command == PT_CMD_OK) {
        rid = msg->u.ok.rid;
        reply.body = msg->u.ok.body;

    } else {
        rid = msg->u.problem.rid;
        reply.err = pt_err_from_code(msg->u.problem.code);
        reply.detail = msg->u.problem.detail;
        reply.retry_after_s = msg->u.problem.retry_after_s;
        reply.errors = msg->u.problem.errors;

        if (reply.err == PT_OK) {
            reply.err = PT_E_INTERNAL;
        }
    }

    call = ngx_http_pitchey_zmq_call_find(rid);

    if (call == NULL) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_http_pitchey_zmq->log, 0,
                       "pitchey: late answer from \"%V\", rid %uL",
                       &peer->endpoint, rid);
        return;
    }

    ngx_http_pitchey_zmq_call_end(call, &reply);
}


static void
ngx_http_pitchey_zmq_monitor_handler(ngx_event_t *rev)
{
    int                       event;
    ngx_connection_t         *c;
    ngx_http_pitchey_peer_t  *peer;

    c = rev->data;
    peer = c->data;

    for ( ;; ) {
        event = ngx_http_pitchey_zmq_monitor_event(peer);

        switch (event) {

        case 0:
            return;

        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            ngx_http_pitchey_zmq_up(peer);
            break;

        case ZMQ_EVENT_DISCONNECTED:
            ngx_http_pitchey_zmq_down(peer);
            break;

        default:
            break;
        }
    }
}


/* the next event's number, 0 if there is none */
static int
ngx_http_pitchey_zmq_monitor_event(ngx_http_pitchey_peer_t *peer)
{
    int        event, more;
    uint16_t   number;
    zmq_msg_t  part;

    event = 0;

    do {
        (void) zmq_msg_init(&part);

        if (zmq_msg_recv(&part, peer->monitor, ZMQ_DONTWAIT) == -1) {
            (void) zmq_msg_close(&part);
            break;
        }

        more = zmq_msg_more(&part);

        /* the first frame is number and value, the second the address */

        if (more && zmq_msg_size(&part) >= sizeof(uint16_t)) {
            ngx_memcpy(&number, zmq_msg_data(&part), sizeof(uint16_t));
            event = number;
        }

        (void) zmq_msg_close(&part);

    } while (more);

    return event;
}


static void
ngx_http_pitchey_zmq_up(ngx_http_pitchey_peer_t *peer)
{
    ngx_queue_t                   parked, *q;
    ngx_http_pitchey_zmq_t       *z;
    ngx_http_pitchey_zmq_call_t  *call;

    if (peer->connected) {
        return;
    }

    z = ngx_http_pitchey_zmq;

    ngx_log_error(NGX_LOG_NOTICE, z->log, 0,
                  "orchestrator \"%V\" is connected", &peer->endpoint);

    peer->connected = 1;
    z->nconnected++;

    /* first, so that watches are in force again before anything else */
    ngx_http_pitchey_watch_connected(peer->number);

    ngx_queue_init(&parked);

    if (!ngx_queue_empty(&z->parked)) {
        ngx_queue_add(&parked, &z->parked);
        ngx_queue_init(&z->parked);
    }

    while (!ngx_queue_empty(&parked)) {
        q = ngx_queue_head(&parked);
        call = ngx_queue_data(q, ngx_http_pitchey_zmq_call_t, queue);

        ngx_http_pitchey_zmq_call_detach(call);

        if (ngx_http_pitchey_zmq_place(call) != NGX_OK) {
            ngx_http_pitchey_zmq_call_fail(call);
        }
    }
}


static void
ngx_http_pitchey_zmq_down(ngx_http_pitchey_peer_t *peer)
{
    ngx_uint_t                    i;
    ngx_queue_t                   waiting, *q;
    ngx_http_pitchey_zmq_t       *z;
    ngx_http_pitchey_zmq_call_t  *call;

    if (!peer->connected) {
        return;
    }

    z = ngx_http_pitchey_zmq;

    ngx_log_error(NGX_LOG_WARN, z->log, 0,
                  "lost the connection to orchestrator \"%V\"",
                  &peer->endpoint);

    /* answers that are already here count */

    for (i = 0; i < NGX_HTTP_PITCHEY_ZMQ_HWM; i++) {
        if (ngx_http_pitchey_zmq_read_message(peer) != NGX_OK) {
            break;
        }
    }

    peer->connected = 0;

    if (--z->nconnected == 0) {
        z->down_since = ngx_current_msec;
    }

    ngx_queue_init(&waiting);

    if (!ngx_queue_empty(&peer->waiting)) {
        ngx_queue_add(&waiting, &peer->waiting);
        ngx_queue_init(&peer->waiting);
    }

    while (!ngx_queue_empty(&waiting)) {
        q = ngx_queue_head(&waiting);
        call = ngx_queue_data(q, ngx_http_pitchey_zmq_call_t, queue);

        ngx_http_pitchey_zmq_call_detach(call);

        if (ngx_http_pitchey_zmq_place(call) != NGX_OK) {
            ngx_http_pitchey_zmq_call_fail(call);
        }
    }
}


const char *
ngx_http_pitchey_zmq_check(const ngx_str_t *endpoint)
{
    int    err, linger;
    void  *context, *socket;

    err = 0;
    linger = 0;

    context = zmq_ctx_new();
    socket = context ? zmq_socket(context, ZMQ_DEALER) : NULL;

    if (socket == NULL
        || zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(int)) != 0
        || zmq_connect(socket, (char *) endpoint->data) != 0)
    {
        err = zmq_errno();
    }

    if (socket != NULL) {
        (void) zmq_close(socket);
    }

    if (context != NULL) {
        (void) zmq_ctx_term(context);
    }

    return err ? zmq_strerror(err) : NULL;
}


ngx_int_t
ngx_http_pitchey_zmq_init(ngx_cycle_t *cycle,
    ngx_http_pitchey_main_conf_t *pmcf)
{
    ngx_uint_t                        i;
    ngx_http_pitchey_zmq_t           *z;
    ngx_http_pitchey_orchestrator_t  *orchestrators;

    if (pmcf->orchestrators == NULL) {
        return NGX_OK;
    }

    z = ngx_pcalloc(cycle->pool, sizeof(ngx_http_pitchey_zmq_t));
    if (z == NULL) {
        return NGX_ERROR;
    }

    z->log = cycle->log;
    z->down_since = ngx_current_msec;
    ngx_queue_init(&z->parked);

    z->peers = ngx_pcalloc(cycle->pool, pmcf->orchestrators->nelts
                                        * sizeof(ngx_http_pitchey_peer_t));
    z->calls = ngx_pcalloc(cycle->pool, NGX_HTTP_PITCHEY_ZMQ_CALLS
                                        * sizeof(z->calls[0]));
    z->free = ngx_palloc(cycle->pool, NGX_HTTP_PITCHEY_ZMQ_CALLS
                                      * sizeof(z->free[0]));

    if (z->peers == NULL || z->calls == NULL || z->free == NULL) {
        return NGX_ERROR;
    }

    while (z->nfree < NGX_HTTP_PITCHEY_ZMQ_CALLS) {
        z->free[z->nfree] = (uint16_t) z->nfree;
        z->nfree++;
    }

    ngx_http_pitchey_zmq = z;

    z->context = zmq_ctx_new();

    if (z->context == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "zmq_ctx_new() failed");
        return NGX_ERROR;
    }

    orchestrators = pmcf->orchestrators->elts;

    for (i = 0; i < pmcf->orchestrators->nelts; i++) {
        z->peers[i].number = i;
        z->peers[i].endpoint = orchestrators[i].endpoint;
        z->peers[i].keys = &orchestrators[i];
        z->npeers++;

        if (ngx_http_pitchey_zmq_peer_open(&z->peers[i]) != NGX_OK) {
            ngx_http_pitchey_zmq_exit();
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_pitchey_zmq_exit(void)
{
    ngx_uint_t               i;
    ngx_http_pitchey_zmq_t  *z;

    z = ngx_http_pitchey_zmq;

    if (z == NULL) {
        return;
    }

    for (i = 0; i < NGX_HTTP_PITCHEY_ZMQ_CALLS; i++) {
        if (z->calls[i] != NULL) {
            ngx_http_pitchey_zmq_call_free(z->calls[i]);
        }
    }

    for (i = 0; i < z->npeers; i++) {
        ngx_http_pitchey_zmq_peer_close(&z->peers[i]);
    }

    /* all sockets are closed, and none lingers: this does not wait */

    if (z->context != NULL) {
        (void) zmq_ctx_term(z->context);
    }

    ngx_http_pitchey_zmq = NULL;
}


static ngx_int_t
ngx_http_pitchey_zmq_peer_open(ngx_http_pitchey_peer_t *peer)
{
    u_char                   name[sizeof("inproc://pitchey-") + NGX_INT_T_LEN];
    ngx_log_t               *log;
    ngx_http_pitchey_zmq_t  *z;

    z = ngx_http_pitchey_zmq;
    log = z->log;

    ngx_queue_init(&peer->waiting);

    ngx_sprintf(name, "inproc://pitchey-%ui%Z", peer->number);

    peer->socket = zmq_socket(z->context, ZMQ_DEALER);
    peer->monitor = zmq_socket(z->context, ZMQ_PAIR);

    if (peer->socket == NULL || peer->monitor == NULL
        || ngx_http_pitchey_zmq_peer_options(peer) != NGX_OK
        || ngx_http_pitchey_curve_set(peer->socket, peer->keys) != NGX_OK
        || zmq_socket_monitor(peer->socket, (char *) name,
                              ZMQ_EVENT_HANDSHAKE_SUCCEEDED
                              |ZMQ_EVENT_DISCONNECTED) != 0
        || zmq_connect(peer->monitor, (char *) name) != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "could not make a socket for orchestrator \"%V\": %s",
                      &peer->endpoint, zmq_strerror(zmq_errno()));
        return NGX_ERROR;
    }

    peer->monitor_connection = ngx_http_pitchey_zmq_watch(peer->monitor, peer,
                                         ngx_http_pitchey_zmq_monitor_handler);
    peer->connection = ngx_http_pitchey_zmq_watch(peer->socket, peer,
                                            ngx_http_pitchey_zmq_read_handler);

    if (peer->monitor_connection == NULL || peer->connection == NULL) {
        return NGX_ERROR;
    }

    /* the directive has tried the endpoint */

    if (zmq_connect(peer->socket, (char *) peer->endpoint.data) != 0) {
        /* it stays away: no reason to serve nothing */
        ngx_log_error(NGX_LOG_CRIT, log, 0,
                      "could not connect to orchestrator \"%V\": %s",
                      &peer->endpoint, zmq_strerror(zmq_errno()));
    }

    /* an edge that came before the descriptors were watched */
    ngx_post_event(peer->monitor_connection->read, &ngx_posted_events);
    ngx_post_event(peer->connection->read, &ngx_posted_events);

    return NGX_OK;
}


static ngx_int_t
ngx_http_pitchey_zmq_peer_options(ngx_http_pitchey_peer_t *peer)
{
    ngx_uint_t  i;
    int64_t     max = PT_REPLY_MAX;

    static const struct {
        int  option;
        int  value;
    } options[] = {
        { ZMQ_LINGER,            0 },
        { ZMQ_IMMEDIATE,         1 },     /* only to whom is there */
        { ZMQ_SNDHWM,            NGX_HTTP_PITCHEY_ZMQ_HWM },
        { ZMQ_RCVHWM,            NGX_HTTP_PITCHEY_ZMQ_HWM },
        { ZMQ_RECONNECT_IVL,     50 },    /* ms */
        { ZMQ_RECONNECT_IVL_MAX, 1000 },
        { ZMQ_HEARTBEAT_IVL,     1000 },  /* finds a peer that is stopped, */
        { ZMQ_HEARTBEAT_TIMEOUT, 3000 },  /* or a cable that is cut */
        { ZMQ_HANDSHAKE_IVL,     3000 }
    };

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (zmq_setsockopt(peer->socket, options[i].option, &options[i].value,
                           sizeof(int)) != 0)
        {
            return NGX_ERROR;
        }
    }

    if (zmq_setsockopt(peer->socket, ZMQ_MAXMSGSIZE, &max, sizeof(max)) != 0
        || zmq_setsockopt(peer->monitor, ZMQ_LINGER, &options[0].value,
                          sizeof(int)) != 0)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* takes a peer that is half open */
static void
ngx_http_pitchey_zmq_peer_close(ngx_http_pitchey_peer_t *peer)
{
    /* while the descriptors are still libzmq's */

    ngx_http_pitchey_zmq_unwatch(peer->connection);
    ngx_http_pitchey_zmq_unwatch(peer->monitor_connection);

    if (peer->socket != NULL) {
        (void) zmq_socket_monitor(peer->socket, NULL, 0);
        (void) zmq_close(peer->socket);
    }

    if (peer->monitor != NULL) {
        (void) zmq_close(peer->monitor);
    }
}


/* a connection of nginx's for a descriptor of libzmq's */
static ngx_connection_t *
ngx_http_pitchey_zmq_watch(void *socket, void *data,
    ngx_event_handler_pt handler)
{
    int                fd;
    size_t             size;
    ngx_int_t          event;
    ngx_connection_t  *c;

    size = sizeof(fd);

    if (zmq_getsockopt(socket, ZMQ_FD, &fd, &size) != 0) {
        return NULL;
    }

    c = ngx_get_connection(fd, ngx_http_pitchey_zmq->log);
    if (c == NULL) {
        return NULL;
    }

    c->data = data;

    c->read->handler = handler;
    c->read->log = c->log;
    c->write->log = c->log;

    event = (ngx_event_flags & NGX_USE_CLEAR_EVENT) ? NGX_CLEAR_EVENT
                                                    : NGX_LEVEL_EVENT;

    if (ngx_add_event(c->read, NGX_READ_EVENT, event) != NGX_OK) {
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        return NULL;
    }

    return c;
}


/* ngx_close_connection() without the close: libzmq does that */
static void
ngx_http_pitchey_zmq_unwatch(ngx_connection_t *c)
{
    if (c == NULL) {
        return;
    }

    (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    c->read->closed = 1;
    c->write->closed = 1;

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}
