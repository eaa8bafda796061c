/*
 * Event streams.  A watch is a job that streams of this worker follow; it
 * keeps the bytes of the latest events, made once for all of its streams.  A
 * stream is a request and the number of the last event it has sent.
 *
 *     stream:  WATCHING --> REPLAYING --> LIVE --> end
 *
 * A stream takes the next number from the watch when its client has taken the
 * one before, so nothing piles up for a slow one: what the watch has dropped
 * in the meantime is asked for again.  The order WATCH, its answer, EVENTS,
 * its answer leaves no gap, and a number is sent once, so there is no repeat.
 *
 * A watch ends with its last stream.
 */

#include "ngx_http_pitchey_events.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_revocation.h"
#include "ngx_http_pitchey_zmq.h"


/* ms; one timer for all that is done from time to time */
#define NGX_HTTP_PITCHEY_TICK          100
#define NGX_HTTP_PITCHEY_RETRY         200
#define NGX_HTTP_PITCHEY_HEARTBEAT     15000
#define NGX_HTTP_PITCHEY_SYNC          5000

/* lines of a full answer to EVENTS: there may be more */
#define NGX_HTTP_PITCHEY_EVENTS_FULL   1000

/* events and bytes that a watch keeps; further back is asked for again */
#define NGX_HTTP_PITCHEY_KEEP          1024
#define NGX_HTTP_PITCHEY_KEEP_BYTES    (256 * 1024)

#define NGX_HTTP_PITCHEY_BUCKETS       1024


typedef enum {
    NGX_HTTP_PITCHEY_STREAM_WATCHING = 0,     /* the watch is not in force */
    NGX_HTTP_PITCHEY_STREAM_REPLAYING,        /* asked for what it missed */
    NGX_HTTP_PITCHEY_STREAM_LIVE              /* header sent */
} ngx_http_pitchey_stream_state_e;


typedef struct ngx_http_pitchey_stream_s  ngx_http_pitchey_stream_t;


/* an event as it goes out; counted by the watch and by streams sending it */
typedef struct {
    ngx_uint_t                 refs;
    size_t                     len;
    u_char                     bytes[];
} ngx_http_pitchey_sse_t;


typedef struct {
    pt_id_t                    job;
    ngx_queue_t                queue;         /* in its bucket */
    ngx_queue_t                streams;
    ngx_queue_t                dirty;         /* in the hub's list, if it has
                                               * new progress */
    ngx_uint_t                 refs;          /* who goes on after a call that
                                               * may end the last stream */

    pt_request_t               asker;         /* the user who may watch it */
    u_char                     asker_text[PT_USER_MAX + 2 * PT_NAME_MAX];

    ngx_http_pitchey_stream_t *starter;       /* who is told of a refusal */
    ngx_uint_t                 pending;       /* answers to WATCH to come */
    ngx_msec_t                 deadline;      /* of them all */
    ngx_event_t                retry;         /* asks again until then */

    uint32_t                   known;         /* the last number that exists */
    uint64_t                   ask;           /* rid of the EVENTS asked for
                                               * all streams; 0: none */
    uint32_t                   ask_after;

    /* events first, first + 1, ... */
    ngx_http_pitchey_sse_t   **kept;
    ngx_uint_t                 nkept;
    ngx_uint_t                 size;
    size_t                     bytes;
    uint32_t                   first;

    ngx_http_pitchey_sse_t    *progress;      /* the latest; NULL: none */
    ngx_uint_t                 nprogress;     /* counts them */
    ngx_uint_t                 nshown;        /* up to the last tick */

    unsigned                   in_force:1;
    unsigned                   terminal:1;    /* no event after "known" */
    unsigned                   stalled:1;     /* asked in vain: not before the
                                               * next SYNC or event */
} ngx_http_pitchey_watch_t;


struct ngx_http_pitchey_stream_s {
    ngx_http_request_t        *request;
    ngx_http_pitchey_watch_t  *watch;         /* NULL: ended */
    ngx_queue_t                queue;         /* in the watch */
    ngx_queue_t                beat;          /* in the hub */
    ngx_msec_t                 beat_time;     /* of the last one */

    ngx_http_pitchey_stream_state_e
                               state;
    uint64_t                   rid;           /* of EVENTS; 0: none */
    uint32_t                   seq;           /* the last number sent */
    ngx_uint_t                 nprogress;     /* the last one sent */

    /* one event is under way at a time */
    ngx_http_pitchey_sse_t    *sending;
    ngx_buf_t                  buf;
    ngx_chain_t                chain;

    unsigned                   blocked:1;     /* the client does not read */
    unsigned                   resumed:1;     /* came with a Last-Event-ID */
};


typedef struct {
    ngx_queue_t                watches[NGX_HTTP_PITCHEY_BUCKETS];
    ngx_uint_t                 nwatches;

    ngx_queue_t                dirty;         /* watches with new progress */
    ngx_queue_t                beats;         /* all streams, in the order of
                                               * their next heartbeat */
    ngx_event_t                timer;
    ngx_msec_t                 sync_time;
    ngx_log_t                 *log;
} ngx_http_pitchey_hub_t;


static ngx_int_t ngx_http_pitchey_events_after(ngx_http_request_t *r,
    ngx_http_pitchey_stream_t *s);
static ngx_int_t ngx_http_pitchey_events_invalid(ngx_http_request_t *r);
static void ngx_http_pitchey_stream_leave(void *data);
static void ngx_http_pitchey_stream_free(void *data);
static void ngx_http_pitchey_stream_replay(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_stream_reply(void *data,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_stream_fail(ngx_http_pitchey_stream_t *s,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_stream_header(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_stream_advance(ngx_http_pitchey_stream_t *s);
static ngx_int_t ngx_http_pitchey_stream_send(ngx_http_pitchey_stream_t *s,
    ngx_http_pitchey_sse_t *sse);
static ngx_int_t ngx_http_pitchey_stream_output(ngx_http_pitchey_stream_t *s,
    ngx_chain_t *out);
static void ngx_http_pitchey_stream_write_handler(ngx_http_request_t *r);
static void ngx_http_pitchey_stream_end(ngx_http_pitchey_stream_t *s,
    const char *farewell);
static void ngx_http_pitchey_stream_finalize(ngx_http_pitchey_stream_t *s,
    ngx_int_t rc);

static ngx_queue_t *ngx_http_pitchey_watch_bucket(const pt_id_t *job);
static ngx_http_pitchey_watch_t *ngx_http_pitchey_watch_find(
    const pt_id_t *job);
static ngx_http_pitchey_watch_t *ngx_http_pitchey_watch_create(
    const pt_id_t *job);
static void ngx_http_pitchey_watch_unref(ngx_http_pitchey_watch_t *w);
static void ngx_http_pitchey_watch_free(ngx_http_pitchey_watch_t *w);
static void ngx_http_pitchey_watch_start(ngx_http_pitchey_watch_t *w,
    ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_watch_at(ngx_http_pitchey_watch_t *w,
    ngx_uint_t to);
static void ngx_http_pitchey_watch_asker(ngx_http_pitchey_watch_t *w,
    ngx_http_request_t *r);
static void ngx_http_pitchey_watch_reply(void *data,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_watch_failed(ngx_http_pitchey_watch_t *w,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_watch_retry(ngx_event_t *ev);
static void ngx_http_pitchey_watch_in_force(ngx_http_pitchey_watch_t *w,
    pt_str_t job);
static void ngx_http_pitchey_watch_seed(ngx_http_pitchey_watch_t *w,
    const pt_json_t *job);
static void ngx_http_pitchey_watch_refused(ngx_http_pitchey_watch_t *w,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_watch_unwatch(ngx_http_pitchey_watch_t *w);
static void ngx_http_pitchey_watch_ask(ngx_http_pitchey_watch_t *w);
static void ngx_http_pitchey_watch_ask_reply(void *data,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_watch_each(ngx_http_pitchey_watch_t *w,
    void (*handler)(ngx_http_pitchey_stream_t *s));
static void ngx_http_pitchey_watch_end(ngx_http_pitchey_stream_t *s);

static ngx_int_t ngx_http_pitchey_watch_fill(ngx_http_pitchey_watch_t *w,
    uint32_t after, pt_str_t body);
static ngx_int_t ngx_http_pitchey_watch_add(ngx_http_pitchey_watch_t *w,
    uint32_t seq, pt_str_t type, pt_str_t body, uint32_t needed);
static void ngx_http_pitchey_watch_drop(ngx_http_pitchey_watch_t *w,
    ngx_uint_t n);
static void ngx_http_pitchey_watch_progress(ngx_http_pitchey_watch_t *w,
    pt_str_t body);
static ngx_uint_t ngx_http_pitchey_state_is_terminal(pt_str_t body);
static ngx_uint_t ngx_http_pitchey_status_is_terminal(pt_str_t status);

static ngx_http_pitchey_sse_t *ngx_http_pitchey_sse_new(uint32_t seq,
    pt_str_t type, pt_str_t body);
static void ngx_http_pitchey_sse_unref(ngx_http_pitchey_sse_t *sse);

static void ngx_http_pitchey_events_revoked(ngx_http_request_t *r);
static void ngx_http_pitchey_events_tick(ngx_event_t *ev);
static void ngx_http_pitchey_events_show_progress(void);
static void ngx_http_pitchey_events_retry(void);
static void ngx_http_pitchey_events_beat(void);
static void ngx_http_pitchey_events_stop(void);
static void ngx_http_pitchey_events_sync(ngx_uint_t to);
static void ngx_http_pitchey_events_sync_send(ngx_uint_t to, u_char *marks,
    size_t n);
static void ngx_http_pitchey_events_sync_reply(void *data,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_events_moved(ngx_http_pitchey_watch_t *w,
    uint32_t known);
static void ngx_http_pitchey_events_ignore(void *data,
    const ngx_http_pitchey_reply_t *reply);


static ngx_http_pitchey_hub_t  *ngx_http_pitchey_hub;


/* said to a stream of a worker that exits, so that not all come back at once */
static const char  *ngx_http_pitchey_farewells[] = {
    "retry: 250\n\n", "retry: 500\n\n", "retry: 750\n\n", "retry: 1000\n\n",
    "retry: 1250\n\n", "retry: 1500\n\n", "retry: 1750\n\n", "retry: 2000\n\n"
};

static const char  ngx_http_pitchey_greeting[] = "retry: 1000\n\n";
static const char  ngx_http_pitchey_heartbeat[] = ":\n\n";


ngx_int_t
ngx_http_pitchey_events_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_http_cleanup_t         *cln;
    ngx_pool_cleanup_t         *pool_cln;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_watch_t   *w;
    ngx_http_pitchey_stream_t  *s;

    if (ngx_http_pitchey_hub == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s = ngx_pcalloc(r->pool, sizeof(ngx_http_pitchey_stream_t));
    cln = ngx_http_cleanup_add(r, 0);
    pool_cln = ngx_pool_cleanup_add(r->pool, 0);

    if (s == NULL || cln == NULL || pool_cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->data = s;

    s->request = r;

    if (ngx_http_pitchey_events_after(r, s) != NGX_OK) {
        return ngx_http_pitchey_events_invalid(r);
    }

    w = ngx_http_pitchey_watch_find(&match->id);

    if (w == NULL) {
        w = ngx_http_pitchey_watch_create(&match->id);
        if (w == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (ngx_http_pitchey_auth_watch(r, ngx_http_pitchey_events_revoked)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_STREAMS_OPENED);
    ngx_http_pitchey_metrics_streams(1);

    s->watch = w;
    s->beat_time = ngx_current_msec;

    ngx_queue_insert_tail(&w->streams, &s->queue);
    ngx_queue_insert_tail(&ngx_http_pitchey_hub->beats, &s->beat);

    /*
     * The stream leaves the watch when the request ends, but the bytes that
     * are being sent may be needed until the pool is destroyed: HTTP/2 keeps
     * a request until its frames have left.
     */

    cln->handler = ngx_http_pitchey_stream_leave;
    cln->data = s;
    pool_cln->handler = ngx_http_pitchey_stream_free;
    pool_cln->data = s;

    if (!ngx_http_pitchey_hub->timer.timer_set) {
        ngx_http_pitchey_hub->sync_time = ngx_current_msec;
        ngx_add_timer(&ngx_http_pitchey_hub->timer, NGX_HTTP_PITCHEY_TICK);
    }

    r->main->count++;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    r->connection->log->action = "streaming events";

    if (w->in_force) {
        ngx_http_pitchey_stream_replay(s);

    } else if (w->pending == 0 && !w->retry.timer_set) {
        ngx_http_pitchey_watch_start(w, s);
    }

    return NGX_DONE;
}


/* what the client has already: Last-Event-ID, or ?after= for the first time */
static ngx_int_t
ngx_http_pitchey_events_after(ngx_http_request_t *r,
    ngx_http_pitchey_stream_t *s)
{
    ngx_int_t   n;
    ngx_str_t  *header, value;

    header = ngx_http_pitchey_route_header(r, "last-event-id");

    if (header != NULL) {
        value = *header;

    } else if (ngx_http_arg(r, (u_char *) "after", sizeof("after") - 1,
                            &value)
               != NGX_OK)
    {
        return NGX_OK;
    }

    if (value.len == 0) {
        return NGX_OK;
    }

    n = ngx_atoi(value.data, value.len);

    if (n == NGX_ERROR || n > NGX_MAX_INT32_VALUE) {
        return NGX_ERROR;
    }

    s->seq = (uint32_t) n;
    s->resumed = (n > 0);

    return NGX_OK;
}


static ngx_int_t
ngx_http_pitchey_events_invalid(ngx_http_request_t *r)
{
    return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST, "bad_request",
                                    "Last-Event-ID, or the argument "
                                    "\"after\", is the number of an event.");
}


/* the request ends, for whatever reason */
static void
ngx_http_pitchey_stream_leave(void *data)
{
    ngx_http_pitchey_watch_t   *w;
    ngx_http_pitchey_stream_t  *s = data;

    w = s->watch;

    if (w == NULL) {
        return;
    }

    ngx_http_pitchey_metrics_streams(-1);

    s->watch = NULL;

    if (s->rid) {
        ngx_http_pitchey_zmq_forget(s->rid);
        s->rid = 0;
    }

    ngx_queue_remove(&s->queue);
    ngx_queue_remove(&s->beat);

    if (w->starter == s) {
        w->starter = NULL;
    }

    w->refs++;
    ngx_http_pitchey_watch_unref(w);
}


static void
ngx_http_pitchey_stream_free(void *data)
{
    ngx_http_pitchey_stream_t  *s = data;

    if (s->sending != NULL) {
        ngx_http_pitchey_sse_unref(s->sending);
        s->sending = NULL;
    }
}


/* as the user of this stream, so that it is the user's right that counts */
static void
ngx_http_pitchey_stream_replay(ngx_http_pitchey_stream_t *s)
{
    pt_msg_t                  msg;
    ngx_http_pitchey_reply_t  reply;

    s->state = NGX_HTTP_PITCHEY_STREAM_REPLAYING;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    /* with the one that the client names, which proves that it exists */

    msg.command = PT_CMD_EVENTS;
    msg.u.events.job = s->watch->job;
    msg.u.events.after = s->seq ? s->seq - 1 : 0;

    ngx_http_pitchey_zmq_header(s->request, &msg.u.request);

    if (ngx_http_pitchey_zmq_call(NGX_HTTP_PITCHEY_ZMQ_ANY, &msg,
                                  NGX_HTTP_PITCHEY_DEADLINE,
                                  ngx_http_pitchey_stream_reply, s, &s->rid)
        != NGX_OK)
    {
        ngx_memzero(&reply, sizeof(ngx_http_pitchey_reply_t));
        reply.err = PT_E_UNAVAILABLE;

        ngx_http_pitchey_stream_fail(s, &reply);
    }
}


static void
ngx_http_pitchey_stream_reply(void *data,
    const ngx_http_pitchey_reply_t *reply)
{
    uint32_t                    known;
    ngx_uint_t                  terminal;
    ngx_http_pitchey_watch_t   *w;
    ngx_http_pitchey_reply_t    error;
    ngx_http_pitchey_stream_t  *s = data;

    w = s->watch;
    known = w->known;
    terminal = w->terminal;
    s->rid = 0;

    if (reply->err != PT_OK) {
        ngx_http_pitchey_stream_fail(s, reply);
        return;
    }

    if (s->seq && reply->body.len == 0) {
        ngx_http_set_log_request(s->request->connection->log, s->request);
        ngx_http_pitchey_stream_finalize(s,
                                  ngx_http_pitchey_events_invalid(s->request));
        return;
    }

    if (ngx_http_pitchey_watch_fill(w, s->seq ? s->seq - 1 : 0, reply->body)
        != NGX_OK)
    {
        ngx_memzero(&error, sizeof(ngx_http_pitchey_reply_t));
        error.err = PT_E_INTERNAL;

        ngx_http_pitchey_stream_fail(s, &error);
        return;
    }

    w->refs++;

    if (ngx_http_pitchey_stream_header(s) == NGX_OK) {
        ngx_http_pitchey_stream_advance(s);
    }

    /* what it brought is not passed on when it comes as an EVENT */

    if (w->known != known || w->terminal != terminal) {
        ngx_http_pitchey_watch_each(w, ngx_http_pitchey_stream_advance);
    }

    ngx_http_pitchey_watch_unref(w);
}


/* before the header: the answer is a problem document */
static void
ngx_http_pitchey_stream_fail(ngx_http_pitchey_stream_t *s,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_http_set_log_request(s->request->connection->log, s->request);

    ngx_http_pitchey_stream_finalize(s,
                           ngx_http_pitchey_reply_problem(s->request, reply));
}


/* NGX_OK: go on; NGX_DONE: the stream has ended */
static ngx_int_t
ngx_http_pitchey_stream_header(ngx_http_pitchey_stream_t *s)
{
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    static ngx_str_t  no_store = ngx_string("no-store");
    static ngx_str_t  no = ngx_string("no");

    r = s->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (s->resumed && s->watch->terminal && s->seq >= s->watch->known) {

        /* nothing will come any more; 204 stops an EventSource */

        r->headers_out.status = NGX_HTTP_NO_CONTENT;
        r->header_only = 1;

        ngx_http_pitchey_stream_finalize(s, ngx_http_send_header(r));
        return NGX_DONE;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = -1;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    /* a compressor would wait for more, and so would a proxy before us */

    r->gzip_tested = 1;
    r->gzip_ok = 0;

    if (ngx_http_pitchey_add_header(r, "Cache-Control", &no_store) != NGX_OK
        || ngx_http_pitchey_add_header(r, "X-Accel-Buffering", &no) != NGX_OK)
    {
        ngx_http_pitchey_stream_finalize(s, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return NGX_DONE;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->tcp_nodelay && ngx_tcp_nodelay(c) != NGX_OK) {
        ngx_http_pitchey_stream_finalize(s, NGX_ERROR);
        return NGX_DONE;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        ngx_http_pitchey_stream_finalize(s, rc);
        return NGX_DONE;
    }

    s->state = NGX_HTTP_PITCHEY_STREAM_LIVE;
    r->write_event_handler = ngx_http_pitchey_stream_write_handler;

    s->buf.pos = (u_char *) ngx_http_pitchey_greeting;
    s->buf.last = s->buf.pos + sizeof(ngx_http_pitchey_greeting) - 1;

    return ngx_http_pitchey_stream_send(s, NULL);
}


/* sends what there is for it, until its client has to read first */
static void
ngx_http_pitchey_stream_advance(ngx_http_pitchey_stream_t *s)
{
    uint32_t                   next;
    ngx_http_pitchey_sse_t    *sse;
    ngx_http_pitchey_watch_t  *w;

    while (s->watch != NULL && s->state == NGX_HTTP_PITCHEY_STREAM_LIVE
           && !s->blocked)
    {
        w = s->watch;
        next = s->seq + 1;

        if (s->seq < w->known) {

            if (w->nkept == 0 || next < w->first
                || next - w->first >= w->nkept)
            {
                ngx_http_pitchey_watch_ask(w);
                return;
            }

            sse = w->kept[next - w->first];
            s->seq = next;

        } else if (w->terminal) {
            ngx_http_pitchey_stream_end(s, NULL);
            return;

        } else if (w->progress != NULL && s->nprogress != w->nshown) {
            sse = w->progress;
            s->nprogress = w->nshown;

        } else {
            return;
        }

        s->buf.pos = sse->bytes;
        s->buf.last = sse->bytes + sse->len;

        if (ngx_http_pitchey_stream_send(s, sse) != NGX_OK) {
            return;
        }
    }
}


/* sends s->buf, which lies in sse or is constant; NGX_DONE: it has ended */
static ngx_int_t
ngx_http_pitchey_stream_send(ngx_http_pitchey_stream_t *s,
    ngx_http_pitchey_sse_t *sse)
{
    if (sse != NULL) {
        sse->refs++;
        s->sending = sse;
    }

    s->buf.memory = 1;
    s->buf.flush = 1;

    s->chain.buf = &s->buf;
    s->chain.next = NULL;

    return ngx_http_pitchey_stream_output(s, &s->chain);
}


static ngx_int_t
ngx_http_pitchey_stream_output(ngx_http_pitchey_stream_t *s, ngx_chain_t *out)
{
    ngx_int_t                  rc;
    ngx_event_t               *wev;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = s->request;
    c = r->connection;
    wev = c->write;

    ngx_http_set_log_request(c->log, r);

    rc = ngx_http_output_filter(r, out);

    if (rc == NGX_ERROR || c->error) {
        ngx_http_pitchey_stream_finalize(s, NGX_ERROR);
        return NGX_DONE;
    }

    s->blocked = (r->buffered || r->postponed || c->buffered) ? 1 : 0;

    if (!s->blocked) {
        ngx_http_pitchey_stream_free(s);

        if (wev->timer_set) {
            ngx_del_timer(wev);
        }

        return NGX_OK;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        ngx_http_pitchey_stream_finalize(s, NGX_ERROR);
        return NGX_DONE;
    }

    return NGX_OK;
}


static void
ngx_http_pitchey_stream_write_handler(ngx_http_request_t *r)
{
    ngx_event_t                *wev;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_stream_t  *s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    s = ctx->data;
    wev = r->connection->write;

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "client timed out");
        r->connection->timedout = 1;

        ngx_http_pitchey_stream_finalize(s, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (!s->blocked) {
        return;
    }

    if (ngx_http_pitchey_stream_output(s, NULL) == NGX_OK) {
        ngx_http_pitchey_stream_advance(s);
    }
}


/* after the header; farewell is constant, or NULL */
static void
ngx_http_pitchey_stream_end(ngx_http_pitchey_stream_t *s, const char *farewell)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = s->request;

    if (farewell != NULL && !s->blocked) {
        s->buf.pos = (u_char *) farewell;
        s->buf.last = s->buf.pos + ngx_strlen(farewell);

        if (ngx_http_pitchey_stream_send(s, NULL) != NGX_OK) {
            return;
        }
    }

    ngx_http_set_log_request(r->connection->log, r);

    rc = ngx_http_send_special(r, NGX_HTTP_LAST);

    ngx_http_pitchey_stream_finalize(s, rc);
}


static void
ngx_http_pitchey_stream_finalize(ngx_http_pitchey_stream_t *s, ngx_int_t rc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = s->request;
    c = r->connection;

    /* not a second time, whatever is called below */
    ngx_http_pitchey_stream_leave(s);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_queue_t *
ngx_http_pitchey_watch_bucket(const pt_id_t *job)
{
    /* the end of an id is random */
    return &ngx_http_pitchey_hub->watches[(job->bytes[14] << 8
                                           | job->bytes[15])
                                          % NGX_HTTP_PITCHEY_BUCKETS];
}


static ngx_http_pitchey_watch_t *
ngx_http_pitchey_watch_find(const pt_id_t *job)
{
    ngx_queue_t               *q, *bucket;
    ngx_http_pitchey_watch_t  *w;

    bucket = ngx_http_pitchey_watch_bucket(job);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        w = ngx_queue_data(q, ngx_http_pitchey_watch_t, queue);

        if (pt_id_eq(&w->job, job)) {
            return w;
        }
    }

    return NULL;
}


static ngx_http_pitchey_watch_t *
ngx_http_pitchey_watch_create(const pt_id_t *job)
{
    ngx_http_pitchey_watch_t  *w;

    w = ngx_calloc(sizeof(ngx_http_pitchey_watch_t),
                   ngx_http_pitchey_hub->log);
    if (w == NULL) {
        return NULL;
    }

    w->job = *job;

    w->retry.handler = ngx_http_pitchey_watch_retry;
    w->retry.data = w;
    w->retry.log = ngx_http_pitchey_hub->log;
    w->retry.cancelable = 1;

    ngx_queue_init(&w->streams);
    ngx_queue_init(&w->dirty);

    ngx_queue_insert_tail(ngx_http_pitchey_watch_bucket(job), &w->queue);
    ngx_http_pitchey_hub->nwatches++;

    return w;
}


/* who held it is done; the last one ends a watch without streams */
static void
ngx_http_pitchey_watch_unref(ngx_http_pitchey_watch_t *w)
{
    if (--w->refs || !ngx_queue_empty(&w->streams)) {
        return;
    }

    if (w->in_force) {
        ngx_http_pitchey_watch_unwatch(w);
    }

    ngx_http_pitchey_watch_free(w);
}


static void
ngx_http_pitchey_watch_free(ngx_http_pitchey_watch_t *w)
{
    if (w->ask) {
        ngx_http_pitchey_zmq_forget(w->ask);
    }

    if (w->retry.timer_set) {
        ngx_del_timer(&w->retry);
    }

    ngx_queue_remove(&w->queue);
    ngx_queue_remove(&w->dirty);
    ngx_http_pitchey_hub->nwatches--;

    if (w->progress != NULL) {
        ngx_http_pitchey_sse_unref(w->progress);
    }

    ngx_http_pitchey_watch_drop(w, w->nkept);

    ngx_free(w->kept);
    ngx_free(w);
}


/*
 * For the user of s; at every orchestrator, since any may run the job.  When
 * none is connected, at the first that is: a worker that has just started is
 * no outage.
 */
static void
ngx_http_pitchey_watch_start(ngx_http_pitchey_watch_t *w,
    ngx_http_pitchey_stream_t *s)
{
    ngx_uint_t                i;
    ngx_http_pitchey_reply_t  reply;

    w->starter = s;
    w->deadline = ngx_current_msec + NGX_HTTP_PITCHEY_DEADLINE;
    ngx_http_pitchey_watch_asker(w, s->request);

    for (i = 0; i < ngx_http_pitchey_zmq_count(); i++) {
        if (ngx_http_pitchey_zmq_connected(i)) {
            ngx_http_pitchey_watch_at(w, i);
        }
    }

    if (w->pending == 0) {
        ngx_http_pitchey_watch_at(w, NGX_HTTP_PITCHEY_ZMQ_ANY);
    }

    if (w->pending == 0) {
        ngx_memzero(&reply, sizeof(ngx_http_pitchey_reply_t));
        reply.err = PT_E_UNAVAILABLE;

        ngx_http_pitchey_stream_fail(s, &reply);
    }
}


static void
ngx_http_pitchey_watch_at(ngx_http_pitchey_watch_t *w, ngx_uint_t to)
{
    pt_msg_t        msg;
    ngx_msec_int_t  left;

    left = (ngx_msec_int_t) (w->deadline - ngx_current_msec);

    if (left <= 0) {
        return;
    }

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_WATCH;
    msg.u.watch.rq = w->asker;
    msg.u.watch.job = w->job;

    if (ngx_http_pitchey_zmq_call(to, &msg, (ngx_msec_t) left,
                                  ngx_http_pitchey_watch_reply, w, NULL)
        == NGX_OK)
    {
        w->refs++;
        w->pending++;
    }
}


/* the strings outlive the request */
static void
ngx_http_pitchey_watch_asker(ngx_http_pitchey_watch_t *w,
    ngx_http_request_t *r)
{
    u_char     *p;
    size_t      max;
    pt_str_t   *strings[3];
    ngx_uint_t  i;

    ngx_memzero(&w->asker, sizeof(pt_request_t));
    ngx_http_pitchey_zmq_header(r, &w->asker);

    w->asker.traceparent = PT_STR_NULL;

    strings[0] = &w->asker.user;
    strings[1] = &w->asker.role;
    strings[2] = &w->asker.tier;

    p = w->asker_text;

    for (i = 0; i < 3; i++) {
        max = (i == 0) ? PT_USER_MAX : PT_NAME_MAX;

        strings[i]->len = ngx_min(strings[i]->len, max);
        if (strings[i]->len) {
            ngx_memcpy(p, strings[i]->data, strings[i]->len);
        }

        strings[i]->data = (char *) p;
        p += strings[i]->len;
    }
}


static void
ngx_http_pitchey_watch_reply(void *data, const ngx_http_pitchey_reply_t *reply)
{
    ngx_http_pitchey_watch_t  *w = data;

    w->pending--;

    /* the first that says yes is enough: what the others know, SYNC tells */

    if (!w->in_force) {
        if (reply->err == PT_OK) {
            ngx_http_pitchey_watch_in_force(w, reply->body);

        } else if (w->pending == 0) {
            ngx_http_pitchey_watch_failed(w, reply);
        }
    }

    ngx_http_pitchey_watch_unref(w);
}


/*
 * All said no.  Who has no time now, or was lost, is asked again for a while:
 * an EventSource would take the 503 as final.
 */
static void
ngx_http_pitchey_watch_failed(ngx_http_pitchey_watch_t *w,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_msec_int_t  left;

    left = (ngx_msec_int_t) (w->deadline - ngx_current_msec);

    if (ngx_http_pitchey_problem_status(reply->err)
        == NGX_HTTP_SERVICE_UNAVAILABLE
        && left > NGX_HTTP_PITCHEY_RETRY && !ngx_queue_empty(&w->streams))
    {
        ngx_add_timer(&w->retry, NGX_HTTP_PITCHEY_RETRY);
        return;
    }

    ngx_http_pitchey_watch_refused(w, reply);
}


static void
ngx_http_pitchey_watch_retry(ngx_event_t *ev)
{
    ngx_http_pitchey_reply_t   reply;
    ngx_http_pitchey_watch_t  *w;

    w = ev->data;
    w->refs++;

    ngx_http_pitchey_watch_at(w, NGX_HTTP_PITCHEY_ZMQ_ANY);

    if (w->pending == 0) {
        ngx_memzero(&reply, sizeof(ngx_http_pitchey_reply_t));
        reply.err = PT_E_UNAVAILABLE;

        ngx_http_pitchey_watch_refused(w, &reply);
    }

    ngx_http_pitchey_watch_unref(w);
}


static void
ngx_http_pitchey_watch_in_force(ngx_http_pitchey_watch_t *w, pt_str_t body)
{
    pt_json_t  *job;

    w->in_force = 1;
    w->starter = NULL;

    if (pt_json_parse(body, &pt_mem_heap, &job, NULL) == PT_OK) {
        ngx_http_pitchey_watch_seed(w, job);
        pt_json_free(job);
    }

    ngx_http_pitchey_watch_each(w, ngx_http_pitchey_stream_replay);
}


/* what the job's document tells a stream that begins now */
static void
ngx_http_pitchey_watch_seed(ngx_http_pitchey_watch_t *w, const pt_json_t *job)
{
    pt_buf_t          body;
    pt_jsonw_t        writer;
    const pt_json_t  *progress;

    if (ngx_http_pitchey_status_is_terminal(pt_json_string(job, "status",
                                                           PT_STR(""))))
    {
        w->terminal = 1;
        return;
    }

    progress = pt_json_member(job, "progress");

    if (w->progress != NULL || progress == NULL
        || progress->type != PT_JSON_NUMBER || progress->number <= 0)
    {
        return;
    }

    pt_buf_init(&body, &pt_mem_heap, 1024);
    pt_jsonw_init(&writer, &body);

    pt_jsonw_object(&writer);
    pt_jsonw_key(&writer, "progress");
    pt_jsonw_double(&writer, progress->number);
    pt_jsonw_key(&writer, "stage");
    pt_jsonw_str(&writer, pt_json_string(job, "stage", PT_STR_NULL));
    pt_jsonw_end(&writer);

    if (body.err == PT_OK) {
        ngx_http_pitchey_watch_progress(w, pt_buf_str(&body));
    }

    pt_buf_done(&body);
}


/*
 * For the one who started it, where another user may have more luck; for all
 * of them if nobody can say.
 */
static void
ngx_http_pitchey_watch_refused(ngx_http_pitchey_watch_t *w,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_uint_t                  all;
    ngx_queue_t                *q;
    ngx_http_pitchey_stream_t  *s;

    all = (ngx_http_pitchey_problem_status(reply->err)
           == NGX_HTTP_SERVICE_UNAVAILABLE);

    if (w->starter != NULL) {
        ngx_http_pitchey_stream_fail(w->starter, reply);
    }

    while (w->pending == 0 && !ngx_queue_empty(&w->streams)) {
        q = ngx_queue_head(&w->streams);
        s = ngx_queue_data(q, ngx_http_pitchey_stream_t, queue);

        if (all) {
            ngx_http_pitchey_stream_fail(s, reply);

        } else {
            ngx_http_pitchey_watch_start(w, s);
        }
    }
}


static void
ngx_http_pitchey_watch_unwatch(ngx_http_pitchey_watch_t *w)
{
    pt_msg_t    msg;
    ngx_uint_t  i;

    for (i = 0; i < ngx_http_pitchey_zmq_count(); i++) {

        ngx_memzero(&msg, sizeof(pt_msg_t));

        msg.command = PT_CMD_UNWATCH;
        msg.u.watch.rq = w->asker;
        msg.u.watch.job = w->job;

        /* who is not there has forgotten it anyway */
        (void) ngx_http_pitchey_zmq_call(i, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                  ngx_http_pitchey_events_ignore, NULL, NULL);
    }
}


/* once for all streams that lack something that the watch does not keep */
static void
ngx_http_pitchey_watch_ask(ngx_http_pitchey_watch_t *w)
{
    pt_msg_t                    msg;
    ngx_queue_t                *q;
    ngx_http_pitchey_stream_t  *s;

    if (w->ask || w->stalled) {
        return;
    }

    w->ask_after = w->known;

    for (q = ngx_queue_head(&w->streams);
         q != ngx_queue_sentinel(&w->streams);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_pitchey_stream_t, queue);

        if (s->state == NGX_HTTP_PITCHEY_STREAM_LIVE && !s->blocked
            && s->seq < w->ask_after)
        {
            w->ask_after = s->seq;
        }
    }

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_EVENTS;
    msg.u.events.rq = w->asker;
    msg.u.events.job = w->job;
    msg.u.events.after = w->ask_after;

    if (ngx_http_pitchey_zmq_call(NGX_HTTP_PITCHEY_ZMQ_ANY, &msg,
                                  NGX_HTTP_PITCHEY_DEADLINE,
                                  ngx_http_pitchey_watch_ask_reply, w,
                                  &w->ask)
        != NGX_OK)
    {
        w->stalled = 1;
    }
}


static void
ngx_http_pitchey_watch_ask_reply(void *data,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_http_pitchey_watch_t  *w = data;

    w->ask = 0;
    w->refs++;

    if (reply->err == PT_E_NOT_FOUND) {

        /* gone since; whoever comes back hears 404 */
        ngx_http_pitchey_watch_each(w, ngx_http_pitchey_watch_end);

    } else if (reply->err != PT_OK
               || ngx_http_pitchey_watch_fill(w, w->ask_after, reply->body)
                  != NGX_OK)
    {
        w->stalled = 1;

    } else {

        if (reply->body.len == 0) {

            /* the answer before was full, and there were no more */

            if (w->known == w->ask_after + 1) {
                w->known = w->ask_after;
            }

            w->stalled = 1;
        }

        ngx_http_pitchey_watch_each(w, ngx_http_pitchey_stream_advance);
    }

    ngx_http_pitchey_watch_unref(w);
}


/* the handler may end any stream, and with the last one the watch */
static void
ngx_http_pitchey_watch_each(ngx_http_pitchey_watch_t *w,
    void (*handler)(ngx_http_pitchey_stream_t *s))
{
    ngx_queue_t                 streams, *q;
    ngx_http_pitchey_stream_t  *s;

    if (ngx_queue_empty(&w->streams)) {
        return;
    }

    w->refs++;

    ngx_queue_init(&streams);
    ngx_queue_add(&streams, &w->streams);
    ngx_queue_init(&w->streams);

    while (!ngx_queue_empty(&streams)) {
        q = ngx_queue_head(&streams);
        s = ngx_queue_data(q, ngx_http_pitchey_stream_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&w->streams, q);

        handler(s);
    }

    ngx_http_pitchey_watch_unref(w);
}


static void
ngx_http_pitchey_watch_end(ngx_http_pitchey_stream_t *s)
{
    /* one without a header has asked for itself */
    if (s->state == NGX_HTTP_PITCHEY_STREAM_LIVE) {
        ngx_http_pitchey_stream_end(s, NULL);
    }
}


/* lines "<seq> <type> <json>\n", numbered after + 1, after + 2, ... */
static ngx_int_t
ngx_http_pitchey_watch_fill(ngx_http_pitchey_watch_t *w, uint32_t after,
    pt_str_t body)
{
    pt_str_t     type, json;
    uint32_t     seq;
    ngx_int_t    n;
    ngx_uint_t   lines;
    const char  *p, *last, *eol, *end;

    /* what is kept must go on from there, or begin anew */

    if (body.len && w->nkept
        && (after + 1 < w->first || after + 1 > w->first + w->nkept))
    {
        ngx_http_pitchey_watch_drop(w, w->nkept);
    }

    p = body.data;
    last = p + body.len;
    seq = after;

    for (lines = 0; p < last; lines++, p = eol + 1) {

        eol = memchr(p, '\n', last - p);
        end = eol ? memchr(p, ' ', eol - p) : NULL;

        n = end ? ngx_atoi((u_char *) p, end - p) : NGX_ERROR;

        if (n != (ngx_int_t) seq + 1) {
            goto failed;
        }

        seq++;

        type.data = end + 1;
        end = memchr(type.data, ' ', eol - type.data);

        if (end == NULL) {
            goto failed;
        }

        type.len = end - type.data;

        json.data = end + 1;
        json.len = eol - json.data;

        if (ngx_http_pitchey_watch_add(w, seq, type, json, after + 1)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }
    }

    /* without a line it is only what was asked for */

    if (lines && seq > w->known) {
        w->known = seq;
    }

    if (lines == NGX_HTTP_PITCHEY_EVENTS_FULL && w->known == seq) {
        w->known++;
    }

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_ERR, ngx_http_pitchey_hub->log, 0,
                  "an orchestrator answered EVENTS with what are no events "
                  "after %uD", after);
    return NGX_ERROR;
}


/*
 * Keeps an event behind the others, dropping old ones before "needed" to stay
 * within the limits.  NGX_DECLINED: it is there, or does not follow, or there
 * is no room now; it can be asked for again.
 */
static ngx_int_t
ngx_http_pitchey_watch_add(ngx_http_pitchey_watch_t *w, uint32_t seq,
    pt_str_t type, pt_str_t body, uint32_t needed)
{
    ngx_uint_t               size;
    ngx_http_pitchey_sse_t  *sse, **kept;

    if (w->nkept && seq != w->first + w->nkept) {
        return NGX_DECLINED;
    }

    while (w->nkept && w->first < needed
           && (w->nkept == NGX_HTTP_PITCHEY_KEEP
               || w->bytes + body.len > NGX_HTTP_PITCHEY_KEEP_BYTES))
    {
        ngx_http_pitchey_watch_drop(w, 1);
    }

    if (w->nkept == NGX_HTTP_PITCHEY_KEEP
        || (w->nkept && w->bytes + body.len > NGX_HTTP_PITCHEY_KEEP_BYTES))
    {
        return NGX_DECLINED;
    }

    if (w->nkept == w->size) {
        size = w->size ? 2 * w->size : 8;

        kept = ngx_alloc(size * sizeof(ngx_http_pitchey_sse_t *),
                         ngx_http_pitchey_hub->log);
        if (kept == NULL) {
            return NGX_ERROR;
        }

        if (w->nkept) {
            ngx_memcpy(kept, w->kept,
                       w->nkept * sizeof(ngx_http_pitchey_sse_t *));
        }

        ngx_free(w->kept);

        w->kept = kept;
        w->size = size;
    }

    sse = ngx_http_pitchey_sse_new(seq, type, body);
    if (sse == NULL) {
        return NGX_ERROR;
    }

    if (w->nkept == 0) {
        w->first = seq;
    }

    w->kept[w->nkept++] = sse;
    w->bytes += sse->len;

    if (pt_str_is(type, "state")) {

        if (w->progress != NULL) {
            ngx_http_pitchey_sse_unref(w->progress);
            w->progress = NULL;
        }

        if (ngx_http_pitchey_state_is_terminal(body)) {
            w->terminal = 1;
        }
    }

    return NGX_OK;
}


/* the n oldest */
static void
ngx_http_pitchey_watch_drop(ngx_http_pitchey_watch_t *w, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        w->bytes -= w->kept[i]->len;
        ngx_http_pitchey_sse_unref(w->kept[i]);
    }

    w->nkept -= n;
    w->first += (uint32_t) n;

    if (w->nkept) {
        ngx_memmove(w->kept, w->kept + n,
                    w->nkept * sizeof(ngx_http_pitchey_sse_t *));
    }
}


/* in the place of what the last tick has not shown yet */
static void
ngx_http_pitchey_watch_progress(ngx_http_pitchey_watch_t *w, pt_str_t body)
{
    ngx_http_pitchey_sse_t  *sse;

    if (w->terminal) {
        return;
    }

    sse = ngx_http_pitchey_sse_new(0, PT_STR("progress"), body);
    if (sse == NULL) {
        return;
    }

    if (w->progress != NULL) {
        ngx_http_pitchey_sse_unref(w->progress);
    }

    w->progress = sse;
    w->nprogress++;

    ngx_queue_remove(&w->dirty);
    ngx_queue_insert_tail(&ngx_http_pitchey_hub->dirty, &w->dirty);
}


static ngx_uint_t
ngx_http_pitchey_state_is_terminal(pt_str_t body)
{
    pt_json_t   *state;
    ngx_uint_t   terminal;

    if (pt_json_parse(body, &pt_mem_heap, &state, NULL) != PT_OK) {
        return 0;
    }

    terminal = ngx_http_pitchey_status_is_terminal(
                                  pt_json_string(state, "status", PT_STR("")));
    pt_json_free(state);

    return terminal;
}


static ngx_uint_t
ngx_http_pitchey_status_is_terminal(pt_str_t status)
{
    return pt_str_is(status, "succeeded") || pt_str_is(status, "failed")
           || pt_str_is(status, "cancelled") || pt_str_is(status, "expired");
}


/* "id: 7\nevent: state\ndata: {...}\n\n"; without the id if it has no number */
static ngx_http_pitchey_sse_t *
ngx_http_pitchey_sse_new(uint32_t seq, pt_str_t type, pt_str_t body)
{
    u_char                  *p, *start;
    ngx_http_pitchey_sse_t  *sse;

    sse = ngx_alloc(sizeof(ngx_http_pitchey_sse_t)
                    + sizeof("id: \nevent: \ndata: \n\n") + NGX_INT32_LEN
                    + type.len + body.len,
                    ngx_http_pitchey_hub->log);
    if (sse == NULL) {
        return NULL;
    }

    sse->refs = 1;

    p = sse->bytes;

    if (seq) {
        p = ngx_sprintf(p, "id: %uD\n", seq);
    }

    p = ngx_cpymem(p, "event: ", sizeof("event: ") - 1);
    p = ngx_cpymem(p, type.data, type.len);
    p = ngx_cpymem(p, "\ndata: ", sizeof("\ndata: ") - 1);

    start = p;
    p = ngx_cpymem(p, body.data, body.len);

    /* line ends are white space in JSON, and would end the field here */

    for ( /* void */ ; start < p; start++) {
        if (*start == LF || *start == CR) {
            *start = ' ';
        }
    }

    *p++ = LF;
    *p++ = LF;

    sse->len = p - sse->bytes;

    return sse;
}


static void
ngx_http_pitchey_sse_unref(ngx_http_pitchey_sse_t *sse)
{
    if (--sse->refs == 0) {
        ngx_free(sse);
    }
}


void
ngx_http_pitchey_events_receive(const pt_event_t *event)
{
    ngx_http_pitchey_watch_t  *w;

    if (ngx_http_pitchey_hub == NULL) {
        return;
    }

    w = ngx_http_pitchey_watch_find(&event->job);

    if (w == NULL) {
        /* its last stream has just left */
        return;
    }

    if (event->seq == 0) {
        ngx_http_pitchey_watch_progress(w, event->body);
        return;
    }

    if (event->seq <= w->known) {
        return;
    }

    /* one that leaves a hole is asked for, with what is missing */

    if (event->seq == w->known + 1) {
        (void) ngx_http_pitchey_watch_add(w, event->seq, event->type,
                                          event->body, event->seq);
    }

    ngx_http_pitchey_events_moved(w, event->seq);
}


void
ngx_http_pitchey_events_lagged(ngx_uint_t from)
{
    ngx_http_pitchey_events_sync(from);
}


void
ngx_http_pitchey_events_connected(ngx_uint_t from)
{
    ngx_http_pitchey_events_sync(from);
}


/* the stream's session ended; a new one may go on with Last-Event-ID */
static void
ngx_http_pitchey_events_revoked(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_stream_t  *s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    s = ctx->data;

    if (s->watch == NULL) {
        /* its last bytes are still under way */
        return;
    }

    if (s->state == NGX_HTTP_PITCHEY_STREAM_LIVE) {
        ngx_http_pitchey_stream_end(s, NULL);
        return;
    }

    ngx_http_set_log_request(r->connection->log, r);

    rc = ngx_http_pitchey_problem(r, NGX_HTTP_UNAUTHORIZED, "unauthorized",
                                  "The session has ended.");

    ngx_http_pitchey_stream_finalize(s, rc);
}


ngx_int_t
ngx_http_pitchey_events_init(ngx_cycle_t *cycle)
{
    ngx_uint_t               i;
    ngx_http_pitchey_hub_t  *hub;

    hub = ngx_pcalloc(cycle->pool, sizeof(ngx_http_pitchey_hub_t));
    if (hub == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_PITCHEY_BUCKETS; i++) {
        ngx_queue_init(&hub->watches[i]);
    }

    ngx_queue_init(&hub->dirty);
    ngx_queue_init(&hub->beats);

    hub->log = cycle->log;
    hub->timer.handler = ngx_http_pitchey_events_tick;
    hub->timer.data = hub;
    hub->timer.log = cycle->log;

    ngx_http_pitchey_hub = hub;

    return NGX_OK;
}


/* before the sockets are closed; what the requests hold goes with them */
void
ngx_http_pitchey_events_exit(void)
{
    ngx_uint_t                  i;
    ngx_queue_t                *q;
    ngx_http_pitchey_hub_t     *hub;
    ngx_http_pitchey_watch_t   *w;
    ngx_http_pitchey_stream_t  *s;

    hub = ngx_http_pitchey_hub;

    if (hub == NULL) {
        return;
    }

    while (!ngx_queue_empty(&hub->beats)) {
        q = ngx_queue_head(&hub->beats);
        s = ngx_queue_data(q, ngx_http_pitchey_stream_t, beat);

        ngx_queue_remove(q);
        s->watch = NULL;

        ngx_http_pitchey_stream_free(s);
    }

    for (i = 0; i < NGX_HTTP_PITCHEY_BUCKETS; i++) {

        while (!ngx_queue_empty(&hub->watches[i])) {
            q = ngx_queue_head(&hub->watches[i]);
            w = ngx_queue_data(q, ngx_http_pitchey_watch_t, queue);

            ngx_http_pitchey_watch_free(w);
        }
    }

    if (hub->timer.timer_set) {
        ngx_del_timer(&hub->timer);
    }

    ngx_http_pitchey_hub = NULL;
}


/*
 * Runs while there are streams.  It is not cancelable: it has to keep a
 * worker that exits until it has ended them.
 */
static void
ngx_http_pitchey_events_tick(ngx_event_t *ev)
{
    ngx_uint_t               i;
    ngx_http_pitchey_hub_t  *hub;

    hub = ngx_http_pitchey_hub;

    if (ngx_exiting) {
        ngx_http_pitchey_events_stop();
    }

    ngx_http_pitchey_events_show_progress();
    ngx_http_pitchey_events_beat();

    if (ngx_current_msec - hub->sync_time >= NGX_HTTP_PITCHEY_SYNC) {
        hub->sync_time = ngx_current_msec;

        for (i = 0; i < ngx_http_pitchey_zmq_count(); i++) {
            ngx_http_pitchey_events_sync(i);
        }

        ngx_http_pitchey_events_retry();
    }

    if (!ngx_queue_empty(&hub->beats)) {
        ngx_add_timer(&hub->timer, NGX_HTTP_PITCHEY_TICK);
    }
}


static void
ngx_http_pitchey_events_show_progress(void)
{
    ngx_queue_t                dirty, *q;
    ngx_http_pitchey_hub_t    *hub;
    ngx_http_pitchey_watch_t  *w;

    hub = ngx_http_pitchey_hub;

    if (ngx_queue_empty(&hub->dirty)) {
        return;
    }

    ngx_queue_init(&dirty);
    ngx_queue_add(&dirty, &hub->dirty);
    ngx_queue_init(&hub->dirty);

    while (!ngx_queue_empty(&dirty)) {
        q = ngx_queue_head(&dirty);
        w = ngx_queue_data(q, ngx_http_pitchey_watch_t, dirty);

        ngx_queue_remove(q);
        ngx_queue_init(q);

        w->nshown = w->nprogress;

        ngx_http_pitchey_watch_each(w, ngx_http_pitchey_stream_advance);
    }
}


/* what was asked in vain */
static void
ngx_http_pitchey_events_retry(void)
{
    ngx_uint_t                 i;
    ngx_queue_t               *q, *next, *bucket;
    ngx_http_pitchey_watch_t  *w;

    for (i = 0; i < NGX_HTTP_PITCHEY_BUCKETS; i++) {
        bucket = &ngx_http_pitchey_hub->watches[i];

        for (q = ngx_queue_head(bucket);
             q != ngx_queue_sentinel(bucket);
             q = next)
        {
            next = ngx_queue_next(q);
            w = ngx_queue_data(q, ngx_http_pitchey_watch_t, queue);

            if (w->stalled) {
                ngx_http_pitchey_events_moved(w, w->known);
            }
        }
    }
}


static void
ngx_http_pitchey_events_beat(void)
{
    ngx_queue_t                *q;
    ngx_http_pitchey_hub_t     *hub;
    ngx_http_pitchey_stream_t  *s;

    hub = ngx_http_pitchey_hub;

    while (!ngx_queue_empty(&hub->beats)) {
        q = ngx_queue_head(&hub->beats);
        s = ngx_queue_data(q, ngx_http_pitchey_stream_t, beat);

        if (ngx_current_msec - s->beat_time < NGX_HTTP_PITCHEY_HEARTBEAT) {
            return;
        }

        s->beat_time = ngx_current_msec;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&hub->beats, q);

        if (s->state == NGX_HTTP_PITCHEY_STREAM_LIVE && !s->blocked) {
            s->buf.pos = (u_char *) ngx_http_pitchey_heartbeat;
            s->buf.last = s->buf.pos + sizeof(ngx_http_pitchey_heartbeat) - 1;

            (void) ngx_http_pitchey_stream_send(s, NULL);
        }
    }
}


/*
 * The worker exits.  Streams without a header go on until they have one: an
 * EventSource would take an error in its place as final.
 */
static void
ngx_http_pitchey_events_stop(void)
{
    ngx_uint_t                  n;
    ngx_queue_t                 beats, *q;
    ngx_http_pitchey_hub_t     *hub;
    ngx_http_pitchey_stream_t  *s;

    hub = ngx_http_pitchey_hub;

    if (hub == NULL || ngx_queue_empty(&hub->beats)) {
        return;
    }

    ngx_queue_init(&beats);
    ngx_queue_add(&beats, &hub->beats);
    ngx_queue_init(&hub->beats);

    while (!ngx_queue_empty(&beats)) {
        q = ngx_queue_head(&beats);
        s = ngx_queue_data(q, ngx_http_pitchey_stream_t, beat);

        /* in the order that they had */
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&hub->beats, q);

        if (s->state == NGX_HTTP_PITCHEY_STREAM_LIVE) {
            n = (ngx_uint_t) ngx_random()
                % (sizeof(ngx_http_pitchey_farewells)
                   / sizeof(ngx_http_pitchey_farewells[0]));

            ngx_http_pitchey_stream_end(s, ngx_http_pitchey_farewells[n]);
        }
    }
}


/* puts the watches in force again, and asks which of them moved */
static void
ngx_http_pitchey_events_sync(ngx_uint_t to)
{
    size_t                     n, max;
    u_char                    *marks;
    ngx_uint_t                 i;
    ngx_queue_t               *q;
    ngx_http_pitchey_hub_t    *hub;
    ngx_http_pitchey_watch_t  *w;

    hub = ngx_http_pitchey_hub;

    if (hub == NULL || hub->nwatches == 0
        || !ngx_http_pitchey_zmq_connected(to))
    {
        return;
    }

    max = ngx_min(hub->nwatches, PT_MARKS_MAX);

    marks = ngx_alloc(max * PT_MARK_LEN, hub->log);
    if (marks == NULL) {
        return;
    }

    n = 0;

    for (i = 0; i < NGX_HTTP_PITCHEY_BUCKETS; i++) {

        for (q = ngx_queue_head(&hub->watches[i]);
             q != ngx_queue_sentinel(&hub->watches[i]);
             q = ngx_queue_next(q))
        {
            w = ngx_queue_data(q, ngx_http_pitchey_watch_t, queue);

            if (!w->in_force) {
                continue;
            }

            if (n == max) {
                ngx_http_pitchey_events_sync_send(to, marks, n);
                n = 0;
            }

            pt_mark_write(marks + n * PT_MARK_LEN, &w->job, w->known);
            n++;
        }
    }

    if (n) {
        ngx_http_pitchey_events_sync_send(to, marks, n);
    }

    ngx_free(marks);
}


static void
ngx_http_pitchey_events_sync_send(ngx_uint_t to, u_char *marks, size_t n)
{
    pt_msg_t  msg;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_SYNC;
    msg.u.sync.rq.user = PT_STR("");
    msg.u.sync.rq.role = PT_STR("");
    msg.u.sync.rq.tier = PT_STR("");
    msg.u.sync.jobs.data = (char *) marks;
    msg.u.sync.jobs.len = n * PT_MARK_LEN;

    /* the next one comes in time if this one fails */
    (void) ngx_http_pitchey_zmq_call(to, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                     ngx_http_pitchey_events_sync_reply, NULL,
                                     NULL);
}


static void
ngx_http_pitchey_events_sync_reply(void *data,
    const ngx_http_pitchey_reply_t *reply)
{
    size_t                     i;
    pt_id_t                    job;
    uint32_t                   known;
    ngx_http_pitchey_watch_t  *w;

    if (reply->err != PT_OK || reply->body.len % PT_MARK_LEN) {
        return;
    }

    for (i = 0; i < pt_marks_count(reply->body); i++) {
        pt_mark_read(reply->body, i, &job, &known);

        w = ngx_http_pitchey_watch_find(&job);

        if (w != NULL) {
            ngx_http_pitchey_events_moved(w, known);
        }
    }
}


static void
ngx_http_pitchey_events_moved(ngx_http_pitchey_watch_t *w, uint32_t known)
{
    if (known > w->known) {
        w->known = known;
    }

    w->stalled = 0;

    ngx_http_pitchey_watch_each(w, ngx_http_pitchey_stream_advance);
}


/* nothing hangs on the answer to UNWATCH */
static void
ngx_http_pitchey_events_ignore(void *data,
    const ngx_http_pitchey_reply_t *reply)
{
}
