/* A ZeroMQ socket in a libuv loop. */

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>
#include <zmq.h>

#include "pt_zloop.h"


/* messages taken in one turn: timers and the other sockets want theirs too */
#define PT_ZLOOP_TURN        256

/* frames kept of one message; one more than any that decodes */
#define PT_ZLOOP_FRAMES_MAX  (PT_WIRE_FRAMES_MAX + 1)


/* messages for one peer that leave together */
typedef struct pt_zloop_box_s  pt_zloop_box_t;

struct pt_zloop_box_s {
    pt_buf_t              messages;
    unsigned              n;
    pt_err_t              err;         /* they could not be sent */

    UT_hash_handle        hh;
    size_t                len;
    char                  peer[];
};


struct pt_zloop_s {
    void                 *socket;      /* NULL: closed */
    bool                  router;

    uv_poll_t             poll;        /* wakes the loop, nothing more */
    uv_idle_t             idle;        /* active: look again before sleeping */
    uv_check_t            check;       /* looks, once in each turn */
    uv_prepare_t          prepare;     /* sends the boxes, once in each turn */
    int                   closing;     /* handles not closed yet */

    pt_zloop_box_t       *boxes;       /* by peer */

    pt_zloop_message_fn   on_message;
    void                (*on_unsent)(void *ctx, pt_str_t peer);
    void                 *ctx;

    zmq_msg_t             parts[1 + PT_ZLOOP_FRAMES_MAX];
    size_t                n;           /* of parts that hold something */
};


static pt_err_t pt_zloop_socket(pt_zloop_t *z, void *zctx,
    const pt_zloop_options_t *options);
static bool pt_zloop_set(pt_zloop_t *z, int option, int value);
static pt_err_t pt_zloop_handles(pt_zloop_t *z, uv_loop_t *loop);
static void pt_zloop_wake(uv_poll_t *poll, int status, int events);
static void pt_zloop_again(uv_idle_t *idle);
static void pt_zloop_look(uv_check_t *check);
static bool pt_zloop_receive(pt_zloop_t *z);
static void pt_zloop_deliver(pt_zloop_t *z);
static void pt_zloop_unpack(pt_zloop_t *z, pt_str_t peer, pt_str_t messages);
static void pt_zloop_forget(pt_zloop_t *z);
static pt_err_t pt_zloop_send_frames(pt_zloop_t *z, pt_str_t peer,
    const pt_str_t *frames, size_t n);
static pt_zloop_box_t *pt_zloop_find(pt_zloop_t *z, pt_str_t peer);
static pt_zloop_box_t *pt_zloop_box(pt_zloop_t *z, pt_str_t peer);
static void pt_zloop_empty(pt_zloop_t *z, pt_zloop_box_t *box);
static void pt_zloop_flush(uv_prepare_t *prepare);
static pt_err_t pt_zloop_send_part(pt_zloop_t *z, pt_str_t part, int flags);
static void pt_zloop_closed(uv_handle_t *handle);


pt_err_t
pt_zloop_open(uv_loop_t *loop, void *zctx, const pt_zloop_options_t *options,
    pt_zloop_t **ret_z)
{
    int          error;
    pt_err_t     err;
    pt_zloop_t  *z;

    z = calloc(1, sizeof(*z));
    if (z == NULL) {
        return PT_E_NOMEM;
    }

    z->router = options->type == ZMQ_ROUTER;
    z->on_message = options->on_message;
    z->on_unsent = options->on_unsent;
    z->ctx = options->ctx;

    err = pt_zloop_socket(z, zctx, options);

    if (err == PT_OK) {
        err = pt_zloop_handles(z, loop);
    }

    if (err != PT_OK) {
        error = errno;

        if (z->socket) {
            zmq_close(z->socket);
        }

        free(z);
        errno = error;
        return err;
    }

    *ret_z = z;
    return PT_OK;
}


static pt_err_t
pt_zloop_socket(pt_zloop_t *z, void *zctx, const pt_zloop_options_t *options)
{
    int      rc;
    int64_t  max = options->frame_max ? (int64_t) options->frame_max : -1;

    z->socket = zmq_socket(zctx, options->type);

    if (z->socket == NULL
        || !pt_zloop_set(z, ZMQ_LINGER, 0)
        || !pt_zloop_set(z, ZMQ_SNDHWM, options->send_max)
        || !pt_zloop_set(z, ZMQ_RCVHWM, options->receive_max)
        || zmq_setsockopt(z->socket, ZMQ_MAXMSGSIZE, &max, sizeof(max)) != 0)
    {
        return PT_E_UNAVAILABLE;
    }

    if (z->router) {
        /* a peer that comes back under its name replaces the dead one */
        if (!pt_zloop_set(z, ZMQ_ROUTER_MANDATORY, 1)
            || !pt_zloop_set(z, ZMQ_ROUTER_HANDOVER, 1))
        {
            return PT_E_UNAVAILABLE;
        }

    } else if (!pt_zloop_set(z, ZMQ_IMMEDIATE, 1)) {
        return PT_E_UNAVAILABLE;
    }

    if (options->server_key
        && pt_curve_call(z->socket, options->curve, options->server_key)
           != PT_OK)
    {
        return PT_E_UNAVAILABLE;
    }

    rc = options->bind ? zmq_bind(z->socket, options->endpoint)
                       : zmq_connect(z->socket, options->endpoint);

    /* options count for what is bound after they were set */
    if (rc == 0 && options->remote) {
        rc = pt_curve_serve(z->socket, options->curve, options->zap_domain)
             == PT_OK ? zmq_bind(z->socket, options->remote) : -1;
    }

    return rc == 0 ? PT_OK : PT_E_UNAVAILABLE;
}


static bool
pt_zloop_set(pt_zloop_t *z, int option, int value)
{
    return zmq_setsockopt(z->socket, option, &value, sizeof(value)) == 0;
}


static pt_err_t
pt_zloop_handles(pt_zloop_t *z, uv_loop_t *loop)
{
    int     fd;
    size_t  size = sizeof(fd);

    if (zmq_getsockopt(z->socket, ZMQ_FD, &fd, &size) != 0
        || uv_poll_init(loop, &z->poll, fd) != 0)
    {
        return PT_E_UNAVAILABLE;
    }

    uv_idle_init(loop, &z->idle);
    uv_check_init(loop, &z->check);
    uv_prepare_init(loop, &z->prepare);

    z->poll.data = z;
    z->idle.data = z;
    z->check.data = z;
    z->prepare.data = z;

    uv_poll_start(&z->poll, UV_READABLE, pt_zloop_wake);
    uv_check_start(&z->check, pt_zloop_look);
    uv_prepare_start(&z->prepare, pt_zloop_flush);

    /* something may have come between zmq_bind() and here */
    uv_idle_start(&z->idle, pt_zloop_again);

    return PT_OK;
}


static void
pt_zloop_wake(uv_poll_t *poll, int status, int events)
{
    pt_zloop_t  *z = poll->data;

    (void) status;
    (void) events;

    uv_idle_start(&z->idle, pt_zloop_again);
}


static void
pt_zloop_again(uv_idle_t *idle)
{
    /* an active idle handle keeps the loop from sleeping: that is all */
    (void) idle;
}


static void
pt_zloop_look(uv_check_t *check)
{
    int          i;
    pt_zloop_t  *z = check->data;

    if (!uv_is_active((uv_handle_t *) &z->idle)) {
        return;
    }

    /* stopped first: a send below asks for another look */
    uv_idle_stop(&z->idle);

    for (i = 0; i < PT_ZLOOP_TURN; i++) {
        if (!pt_zloop_receive(z)) {
            /* EAGAIN: all is read, the next arrival signals the descriptor */
            return;
        }

        pt_zloop_deliver(z);

        if (z->socket == NULL) {
            return;
        }
    }

    uv_idle_start(&z->idle, pt_zloop_again);
}


/* one whole message into parts; surplus frames are dropped, but counted */
static bool
pt_zloop_receive(pt_zloop_t *z)
{
    int        more = 1;
    zmq_msg_t  part;

    z->n = 0;

    while (more) {
        zmq_msg_init(&part);

        if (zmq_msg_recv(&part, z->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&part);
            pt_zloop_forget(z);
            return false;
        }

        more = zmq_msg_more(&part);

        if (z->n < sizeof(z->parts) / sizeof(z->parts[0])) {
            zmq_msg_init(&z->parts[z->n]);
            zmq_msg_move(&z->parts[z->n++], &part);
        }

        zmq_msg_close(&part);
    }

    return true;
}


static void
pt_zloop_deliver(pt_zloop_t *z)
{
    size_t     i, n = 0;
    pt_str_t   all[1 + PT_ZLOOP_FRAMES_MAX], peer = PT_STR_NULL;
    pt_str_t  *frames = all;

    all[0] = PT_STR_NULL;

    for (i = 0; i < z->n; i++) {
        all[n++] = (pt_str_t) { zmq_msg_data(&z->parts[i]),
                                zmq_msg_size(&z->parts[i]) };
    }

    if (z->router) {
        peer = *frames++;
        n--;
    }

    if (n == 3 && pt_str_is(frames[1], "PACK")) {
        pt_zloop_unpack(z, peer, frames[2]);

    } else {
        z->on_message(z->ctx, peer, frames, n);
    }

    pt_zloop_forget(z);
}


/* what is left of a broken one is lost: its sender is not one of ours */
static void
pt_zloop_unpack(pt_zloop_t *z, pt_str_t peer, pt_str_t messages)
{
    size_t    n;
    pt_str_t  frames[PT_WIRE_FRAMES_MAX];

    while (z->socket && pt_pack_next(&messages, frames, &n) == PT_OK) {
        z->on_message(z->ctx, peer, frames, n);
    }
}


static void
pt_zloop_forget(pt_zloop_t *z)
{
    while (z->n) {
        zmq_msg_close(&z->parts[--z->n]);
    }
}


pt_err_t
pt_zloop_send(pt_zloop_t *z, pt_str_t peer, const pt_msg_t *msg)
{
    pt_err_t         err;
    pt_frames_t      f;
    pt_zloop_box_t  *box;

    err = pt_wire_encode(msg, &f);

    if (err != PT_OK) {
        return err;
    }

    if (z->socket == NULL) {
        return PT_E_UNAVAILABLE;
    }

    box = pt_zloop_find(z, peer);

    if (box) {
        pt_zloop_empty(z, box);

        if (box->err != PT_OK) {
            return box->err;
        }
    }

    return pt_zloop_send_frames(z, peer, f.frames, f.n);
}


static pt_err_t
pt_zloop_send_frames(pt_zloop_t *z, pt_str_t peer, const pt_str_t *frames,
    size_t n)
{
    size_t    i;
    pt_err_t  err = PT_OK;

    /* any call may take the edge that announces an arrival */
    uv_idle_start(&z->idle, pt_zloop_again);

    if (z->router) {
        err = pt_zloop_send_part(z, peer, ZMQ_SNDMORE);
    }

    /* only the first part can meet a full queue: the rest follows it */
    for (i = 0; i < n && err == PT_OK; i++) {
        err = pt_zloop_send_part(z, frames[i], i + 1 < n ? ZMQ_SNDMORE : 0);
    }

    return err;
}


pt_err_t
pt_zloop_post(pt_zloop_t *z, pt_str_t peer, const pt_msg_t *msg)
{
    pt_err_t         err;
    pt_frames_t      f;
    pt_zloop_box_t  *box;

    err = pt_wire_encode(msg, &f);

    if (err != PT_OK) {
        return err;
    }

    box = z->socket ? pt_zloop_box(z, peer) : NULL;

    if (box == NULL) {
        return z->socket ? PT_E_NOMEM : PT_E_UNAVAILABLE;
    }

    if (box->messages.len + pt_pack_len(&f) > PT_PACK_MAX) {
        pt_zloop_empty(z, box);
    }

    if (box->err != PT_OK) {
        return box->err;
    }

    if (pt_pack_len(&f) > PT_PACK_MAX) {
        return pt_zloop_send_frames(z, peer, f.frames, f.n);
    }

    pt_pack_add(&box->messages, &f);
    box->n++;

    return box->messages.err;
}


/* a DEALER's one peer is absent, and the table wants an address */
static pt_zloop_box_t *
pt_zloop_find(pt_zloop_t *z, pt_str_t peer)
{
    const char      *key = peer.len ? peer.data : "";
    pt_zloop_box_t  *box;

    HASH_FIND(hh, z->boxes, key, peer.len, box);

    return box;
}


/* made with the first message to a peer in a turn */
static pt_zloop_box_t *
pt_zloop_box(pt_zloop_t *z, pt_str_t peer)
{
    pt_zloop_box_t  *box;

    box = pt_zloop_find(z, peer);

    if (box) {
        return box;
    }

    box = calloc(1, sizeof(*box) + peer.len + 1);
    if (box == NULL) {
        return NULL;
    }

    pt_buf_init(&box->messages, &pt_mem_heap, 2 * PT_PACK_MAX);

    box->len = peer.len;

    if (peer.len) {
        memcpy(box->peer, peer.data, peer.len);
    }

    HASH_ADD_KEYPTR(hh, z->boxes, box->peer, box->len, box);

    /* it leaves in this turn, or, made after its step, in the next */
    uv_idle_start(&z->idle, pt_zloop_again);

    return box;
}


/* one message goes as it is, more of them as a PACK */
static void
pt_zloop_empty(pt_zloop_t *z, pt_zloop_box_t *box)
{
    size_t    n;
    pt_str_t  peer = { box->peer, box->len };
    pt_str_t  rest = pt_buf_str(&box->messages), one[PT_WIRE_FRAMES_MAX];
    pt_str_t  pack[] = { PT_STR(PT_WIRE_MAGIC), PT_STR("PACK"), rest };

    if (box->n == 0 || box->err != PT_OK) {
        return;
    }

    box->err = box->messages.err;

    if (box->err == PT_OK && box->n == 1) {
        box->err = pt_pack_next(&rest, one, &n);

        if (box->err == PT_OK) {
            box->err = pt_zloop_send_frames(z, peer, one, n);
        }

    } else if (box->err == PT_OK) {
        box->err = pt_zloop_send_frames(z, peer, pack, 3);
    }

    box->n = 0;
    pt_buf_reset(&box->messages);
}


static void
pt_zloop_flush(uv_prepare_t *prepare)
{
    pt_err_t         err;
    pt_zloop_t      *z = prepare->data;
    pt_zloop_box_t  *box, *next;

    HASH_ITER(hh, z->boxes, box, next) {
        pt_zloop_empty(z, box);
        err = box->err;
        HASH_DEL(z->boxes, box);

        /* not before: nobody expects it while sending */
        if (err != PT_OK && z->on_unsent) {
            z->on_unsent(z->ctx, (pt_str_t) { box->peer, box->len });
        }

        pt_buf_done(&box->messages);
        free(box);

        if (z->socket == NULL) {
            return;
        }
    }
}


static pt_err_t
pt_zloop_send_part(pt_zloop_t *z, pt_str_t part, int flags)
{
    if (zmq_send(z->socket, part.len ? part.data : "", part.len,
                 flags | ZMQ_DONTWAIT) >= 0)
    {
        return PT_OK;
    }

    switch (errno) {

    case EAGAIN:
        return PT_E_QUEUE_FULL;

    case ENOMEM:
        return PT_E_NOMEM;

    default:
        return PT_E_UNAVAILABLE;
    }
}


void
pt_zloop_close(pt_zloop_t *z)
{
    pt_zloop_box_t  *box, *next;

    if (z == NULL || z->socket == NULL) {
        return;
    }

    /* the descriptor is the socket's: stop polling before it goes */
    z->closing = 4;
    uv_close((uv_handle_t *) &z->poll, pt_zloop_closed);
    uv_close((uv_handle_t *) &z->idle, pt_zloop_closed);
    uv_close((uv_handle_t *) &z->check, pt_zloop_closed);
    uv_close((uv_handle_t *) &z->prepare, pt_zloop_closed);

    HASH_ITER(hh, z->boxes, box, next) {
        HASH_DEL(z->boxes, box);
        pt_buf_done(&box->messages);
        free(box);
    }

    zmq_close(z->socket);
    z->socket = NULL;
}


static void
pt_zloop_closed(uv_handle_t *handle)
{
    pt_zloop_t  *z = handle->data;

    if (--z->closing == 0) {
        free(z);
    }
}
