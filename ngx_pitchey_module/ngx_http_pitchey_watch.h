/*
 * A watch is a job that this worker follows; it keeps the latest events, made
 * once for all of its subscribers.  A subscriber belongs to a transport (a
 * stream of server-sent events, a WebSocket, a request that waits) and is the
 * number of the last event that it has taken.
 *
 *     subscriber:  joined --> replaying --> ready --> left
 *
 * It takes the next event when its client has taken the one before, so nothing
 * piles up for a slow one: what the watch has dropped in the meantime is asked
 * for again.  The order WATCH, its answer, EVENTS, its answer leaves no gap,
 * and a number is given once, so there is no repeat.
 *
 * A watch ends with its last subscriber.
 */

#ifndef NGX_HTTP_PITCHEY_WATCH_H
#define NGX_HTTP_PITCHEY_WATCH_H

#include "ngx_http_pitchey_news.h"
#include "ngx_http_pitchey_stream.h"
#include "ngx_http_pitchey_zmq.h"


typedef struct ngx_http_pitchey_watch_s       ngx_http_pitchey_watch_t;
typedef struct ngx_http_pitchey_subscriber_s  ngx_http_pitchey_subscriber_t;


/* each may leave, and free the subscriber: none is called after another */
typedef struct {
    /* the replay is here: there may be something to take, from now on */
    void  (*ready)(ngx_http_pitchey_subscriber_t *sub);

    /* it is ready, and there may be something to take */
    void  (*news)(ngx_http_pitchey_subscriber_t *sub);

    /* it will never be ready, and has left; PT_E_INVALID: there is no event of
     * the number that it joined with */
    void  (*refused)(ngx_http_pitchey_subscriber_t *sub,
        const ngx_http_pitchey_reply_t *reply);

    /* it was ready, and has left: the job is no longer there */
    void  (*gone)(ngx_http_pitchey_subscriber_t *sub);
} ngx_http_pitchey_transport_t;


struct ngx_http_pitchey_subscriber_s {
    const ngx_http_pitchey_transport_t
                              *transport;
    ngx_http_pitchey_stream_t *stream;        /* whose user asks */
    ngx_http_pitchey_watch_t  *watch;         /* NULL: has left */
    ngx_queue_t                queue;         /* in the watch */
    uint64_t                   rid;           /* of EVENTS; 0: none */
    uint32_t                   seq;           /* the last number taken */
    uint32_t                   nprogress;     /* the last one taken */
    unsigned                   ready:1;
    unsigned                   resumed:1;     /* joined with a number */
};


/*
 * transport and stream are set, the rest is zero.  after is the number of
 * the last event that the client has, which is proven to exist; 0: none.
 * ready() or refused() follows, maybe before this returns.
 *
 * NGX_OK, NGX_ERROR (no memory; nothing follows)
 */
ngx_int_t ngx_http_pitchey_watch_join(ngx_http_pitchey_subscriber_t *sub,
    const pt_id_t *job, uint32_t after);

/*
 * The same where all jobs of the user are followed anyway (_owner), so that
 * nobody needs to be asked: it is ready at once, unless others wait for the
 * job's watch already.  Of known events, those after a number are news.
 * Nothing is called before this returns.
 */
ngx_int_t ngx_http_pitchey_watch_attach(ngx_http_pitchey_subscriber_t *sub,
    const pt_id_t *job, uint32_t after, uint32_t known);

/* events up to this number exist, if anybody follows the job */
void ngx_http_pitchey_watch_hint(const pt_id_t *job, uint32_t known);

/* may be called again */
void ngx_http_pitchey_watch_leave(ngx_http_pitchey_subscriber_t *sub);

/*
 * For one that is ready.  NGX_OK: the next event, with a reference of the
 * caller's; NGX_AGAIN: news() tells of more; NGX_DONE: there will be no more
 */
ngx_int_t ngx_http_pitchey_watch_take(ngx_http_pitchey_subscriber_t *sub,
    ngx_http_pitchey_news_t **ret_news);

/* for one that is ready: it has taken all, and there will be no more */
ngx_uint_t ngx_http_pitchey_watch_is_over(
    const ngx_http_pitchey_subscriber_t *sub);


/*
 * The user of a request, in strings of their own of
 * NGX_HTTP_PITCHEY_ASKER_MAX bytes.
 */
#define NGX_HTTP_PITCHEY_ASKER_MAX  (PT_USER_MAX + 2 * PT_NAME_MAX)

void ngx_http_pitchey_watch_asker(ngx_http_request_t *r, pt_request_t *asker,
    u_char *text);

/* succeeded, failed, cancelled, expired */
ngx_uint_t ngx_http_pitchey_watch_is_terminal(pt_str_t status);

/* from _zmq: news of an orchestrator, by its number */
void ngx_http_pitchey_watch_receive(const pt_event_t *event);
void ngx_http_pitchey_watch_lagged(ngx_uint_t from);
void ngx_http_pitchey_watch_connected(ngx_uint_t from);

/* from _stream: the first one opens; and each 100 ms while there are some */
void ngx_http_pitchey_watch_begin(void);
void ngx_http_pitchey_watch_tick(void);

/* per worker: init_process and exit_process */
ngx_int_t ngx_http_pitchey_watch_init(ngx_cycle_t *cycle);
void ngx_http_pitchey_watch_exit(void);


#endif /* NGX_HTTP_PITCHEY_WATCH_H */
