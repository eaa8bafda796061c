/*
 * A ZeroMQ socket in a libuv loop, speaking PJP1.
 *
 * ZMQ_FD is edge-triggered and any call on the socket may swallow the edge.
 * So the socket is read until it says EAGAIN, and after every send it is read
 * once more before the loop may sleep.
 *
 * Nothing here blocks: a full queue and a peer that has gone are errors of
 * pt_zloop_send(), at once.
 */

#ifndef PT_ZLOOP_H
#define PT_ZLOOP_H

#include <uv.h>
#include "pt_curve.h"
#include "pt_wire.h"


typedef struct pt_zloop_s  pt_zloop_t;


/*
 * A message has come.  peer is the identity of the sender where the socket is
 * a ROUTER, else absent.  frames begin with "PJP1" if the sender knows the
 * protocol: pass them to pt_wire_decode().  Both live for the call only.
 */
typedef void (*pt_zloop_message_fn)(void *ctx, pt_str_t peer,
    const pt_str_t *frames, size_t n);


typedef struct {
    int                   type;         /* ZMQ_ROUTER or ZMQ_DEALER */
    bool                  bind;         /* else connect */
    const char           *endpoint;     /* "ipc:///run/pitchey/edge.sock" */

    /* of a socket that binds: another endpoint, for the clients that are
     * admitted to zap_domain; of one that connects: the server's key */
    const char           *remote;       /* "tcp://0.0.0.0:5701"; NULL: none */
    const char           *zap_domain;
    const char           *server_key;   /* NULL: endpoint is not over tcp:// */
    const pt_curve_t     *curve;
    int                   send_max;     /* messages waiting for one peer */
    int                   receive_max;  /* messages of one peer waiting for us */
    size_t                frame_max;    /* who sends more is cut off; 0: none */

    pt_zloop_message_fn   on_message;

    /* what pt_zloop_post() took could not be sent.  Not needed by who does
     * not post, or repeats what was not answered. */
    void                (*on_unsent)(void *ctx, pt_str_t peer);
    void                 *ctx;
} pt_zloop_options_t;


/*
 * zctx is a context of zmq_ctx_new().  The socket has ZMQ_LINGER 0; a ROUTER
 * has ZMQ_ROUTER_MANDATORY and ZMQ_ROUTER_HANDOVER, a DEALER ZMQ_IMMEDIATE.
 *
 * Errors  PT_E_UNAVAILABLE with errno of zmq_bind() or zmq_connect(),
 *         PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_zloop_open(uv_loop_t *loop, void *zctx,
    const pt_zloop_options_t *options, pt_zloop_t **ret_z);

/* closes the socket now, frees after another turn of the loop; takes NULL */
void pt_zloop_close(pt_zloop_t *z);

/*
 * Sends one message; peer is absent for a DEALER.  May be called in
 * on_message.
 *
 * Errors  PT_E_QUEUE_FULL   the peer does not read (or, DEALER, nobody is
 *                           connected): try later or give up on it
 *         PT_E_UNAVAILABLE  ROUTER: that peer has gone
 *         PT_E_INVALID      msg breaks the grammar
 *         PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_zloop_send(pt_zloop_t *z, pt_str_t peer,
    const pt_msg_t *msg);

/*
 * The same for messages that come in crowds between daemons: those posted to
 * one peer in a turn of the loop leave together before it sleeps, as one
 * PACK.  pt_zloop_send() does not overtake them.
 *
 * Errors  PT_E_INVALID, PT_E_NOMEM; the others come as on_unsent
 */
PT_MUST_CHECK pt_err_t pt_zloop_post(pt_zloop_t *z, pt_str_t peer,
    const pt_msg_t *msg);


#endif /* PT_ZLOOP_H */
