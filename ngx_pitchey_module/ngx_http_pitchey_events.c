/*
 * Server-sent events.  An answer follows one job; one event of it is under way
 * at a time.
 */

#include "ngx_http_pitchey_events.h"
#include "ngx_http_pitchey_ask.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_stream.h"
#include "ngx_http_pitchey_watch.h"


typedef struct {
    ngx_http_pitchey_stream_t      stream;
    ngx_http_pitchey_subscriber_t  sub;

    ngx_http_pitchey_news_t       *sending;   /* NULL: nothing, or a constant */
} ngx_http_pitchey_events_t;


static ngx_int_t ngx_http_pitchey_events_after(ngx_http_request_t *r,
    uint32_t *ret_after);
static ngx_int_t ngx_http_pitchey_events_invalid(ngx_http_request_t *r);

static void ngx_http_pitchey_events_begin(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_events_ready(ngx_http_pitchey_subscriber_t *sub);
static ngx_int_t ngx_http_pitchey_events_header(ngx_http_pitchey_events_t *e);
static void ngx_http_pitchey_events_news(ngx_http_pitchey_subscriber_t *sub);
static void ngx_http_pitchey_events_advance(ngx_http_pitchey_events_t *e);
static ngx_int_t ngx_http_pitchey_events_put(ngx_http_pitchey_events_t *e,
    const char *data, size_t len);
static ngx_int_t ngx_http_pitchey_events_sent(ngx_http_pitchey_events_t *e,
    ngx_int_t rc);
static void ngx_http_pitchey_events_write_handler(ngx_http_request_t *r);
static void ngx_http_pitchey_events_end(ngx_http_pitchey_events_t *e,
    const char *farewell);
static void ngx_http_pitchey_events_refused(ngx_http_pitchey_subscriber_t *sub,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_events_gone(ngx_http_pitchey_subscriber_t *sub);

static void ngx_http_pitchey_events_beat(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_events_stop(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_events_revoked(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_events_close(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_events_free(ngx_http_pitchey_stream_t *s);


static const ngx_http_pitchey_transport_t  ngx_http_pitchey_events_transport = {
    ngx_http_pitchey_events_ready,
    ngx_http_pitchey_events_news,
    ngx_http_pitchey_events_refused,
    ngx_http_pitchey_events_gone
};


static const ngx_http_pitchey_stream_type_t  ngx_http_pitchey_events_type = {
    ngx_http_pitchey_events_begin,
    ngx_http_pitchey_events_beat,
    ngx_http_pitchey_events_stop,
    ngx_http_pitchey_events_revoked,
    ngx_http_pitchey_events_close,
    ngx_http_pitchey_events_free
};


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
    uint32_t  after;

    if (ngx_http_pitchey_events_after(r, &after) != NGX_OK) {
        return ngx_http_pitchey_events_invalid(r);
    }

    return ngx_http_pitchey_events_send(r, &match->id, after);
}


/* what the client has already: Last-Event-ID, or ?after= for the first time */
static ngx_int_t
ngx_http_pitchey_events_after(ngx_http_request_t *r, uint32_t *ret_after)
{
    ngx_int_t   n;
    ngx_str_t  *header, value;

    *ret_after = 0;

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

    *ret_after = (uint32_t) n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_pitchey_events_invalid(ngx_http_request_t *r)
{
    return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST, "bad_request",
                                    "Last-Event-ID, or the argument "
                                    "\"after\", is the number of an event.");
}


ngx_uint_t
ngx_http_pitchey_events_accepted(ngx_http_request_t *r)
{
    ngx_str_t  *accept;

    accept = ngx_http_pitchey_route_header(r, "accept");

    return accept != NULL
           && ngx_strlcasestrn(accept->data, accept->data + accept->len,
                               (u_char *) "text/event-stream",
                               sizeof("text/event-stream") - 2)
           && !ngx_strlcasestrn(accept->data, accept->data + accept->len,
                                (u_char *) "application/json",
                                sizeof("application/json") - 2);
}


ngx_int_t
ngx_http_pitchey_events_send(ngx_http_request_t *r, const pt_id_t *job,
    uint32_t after)
{
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_events_t  *e;

    e = ngx_pcalloc(r->pool, sizeof(ngx_http_pitchey_events_t));
    if (e == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    e->stream.type = &ngx_http_pitchey_events_type;
    e->stream.request = r;
    e->sub.transport = &ngx_http_pitchey_events_transport;
    e->sub.stream = &e->stream;
    e->sub.seq = after;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->job = *job;

    r->connection->log->action = "streaming events";

    return ngx_http_pitchey_stream_open(&e->stream);
}


static void
ngx_http_pitchey_events_begin(ngx_http_pitchey_stream_t *s)
{
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_events_t  *e = (ngx_http_pitchey_events_t *) s;

    ctx = ngx_http_get_module_ctx(s->request, ngx_http_pitchey_module);

    if (ngx_http_pitchey_watch_join(&e->sub, &ctx->job, e->sub.seq) != NGX_OK)
    {
        ngx_http_pitchey_stream_finalize(s, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


static void
ngx_http_pitchey_events_ready(ngx_http_pitchey_subscriber_t *sub)
{
    ngx_http_pitchey_events_t  *e;

    e = (ngx_http_pitchey_events_t *)
            ((u_char *) sub - offsetof(ngx_http_pitchey_events_t, sub));

    if (ngx_http_pitchey_events_header(e) == NGX_OK) {
        ngx_http_pitchey_events_advance(e);
    }
}


/* NGX_OK: go on; NGX_DONE: the stream has ended */
static ngx_int_t
ngx_http_pitchey_events_header(ngx_http_pitchey_events_t *e)
{
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    static ngx_str_t  no_store = ngx_string("no-store");
    static ngx_str_t  no = ngx_string("no");

    r = e->stream.request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (e->sub.resumed && ngx_http_pitchey_watch_is_over(&e->sub)) {

        /* nothing will come any more; 204 stops an EventSource */

        r->headers_out.status = NGX_HTTP_NO_CONTENT;
        r->header_only = 1;

        ngx_http_pitchey_stream_finalize(&e->stream, ngx_http_send_header(r));
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
        ngx_http_pitchey_stream_finalize(&e->stream,
                                         NGX_HTTP_INTERNAL_SERVER_ERROR);
        return NGX_DONE;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->tcp_nodelay && ngx_tcp_nodelay(c) != NGX_OK) {
        ngx_http_pitchey_stream_finalize(&e->stream, NGX_ERROR);
        return NGX_DONE;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        ngx_http_pitchey_stream_finalize(&e->stream, rc);
        return NGX_DONE;
    }

    r->write_event_handler = ngx_http_pitchey_events_write_handler;

    return ngx_http_pitchey_events_put(e, ngx_http_pitchey_greeting,
                                       sizeof(ngx_http_pitchey_greeting) - 1);
}


static void
ngx_http_pitchey_events_news(ngx_http_pitchey_subscriber_t *sub)
{
    ngx_http_pitchey_events_t  *e;

    e = (ngx_http_pitchey_events_t *)
            ((u_char *) sub - offsetof(ngx_http_pitchey_events_t, sub));

    ngx_http_pitchey_events_advance(e);
}


/* sends what there is for it, until its client has to read first */
static void
ngx_http_pitchey_events_advance(ngx_http_pitchey_events_t *e)
{
    ngx_int_t                 rc;
    ngx_http_pitchey_news_t  *news;

    while (!e->stream.blocked) {
        rc = ngx_http_pitchey_watch_take(&e->sub, &news);

        if (rc == NGX_DONE) {
            ngx_http_pitchey_events_end(e, NULL);
            return;
        }

        if (rc != NGX_OK) {
            return;
        }

        e->sending = news;

        if (ngx_http_pitchey_events_put(e, news->sse.data, news->sse.len)
            != NGX_OK)
        {
            return;
        }
    }
}


/* data is constant, or of e->sending; NGX_DONE: the stream has ended */
static ngx_int_t
ngx_http_pitchey_events_put(ngx_http_pitchey_events_t *e, const char *data,
    size_t len)
{
    return ngx_http_pitchey_events_sent(e,
                          ngx_http_pitchey_stream_put(&e->stream, data, len));
}


static ngx_int_t
ngx_http_pitchey_events_sent(ngx_http_pitchey_events_t *e, ngx_int_t rc)
{
    if (rc == NGX_ERROR) {
        ngx_http_pitchey_stream_finalize(&e->stream, NGX_ERROR);
        return NGX_DONE;
    }

    return NGX_OK;
}


static void
ngx_http_pitchey_events_write_handler(ngx_http_request_t *r)
{
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_events_t  *e;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    e = ctx->data;

    if (ngx_http_pitchey_stream_timed_out(&e->stream)) {
        ngx_http_pitchey_stream_finalize(&e->stream,
                                         NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (!e->stream.blocked) {
        return;
    }

    if (ngx_http_pitchey_events_sent(e,
                                     ngx_http_pitchey_stream_flush(&e->stream))
        == NGX_OK)
    {
        ngx_http_pitchey_events_advance(e);
    }
}


/* after the header; farewell is constant, or NULL */
static void
ngx_http_pitchey_events_end(ngx_http_pitchey_events_t *e, const char *farewell)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = e->stream.request;

    if (farewell != NULL && !e->stream.blocked
        && ngx_http_pitchey_events_put(e, farewell, ngx_strlen(farewell))
           != NGX_OK)
    {
        return;
    }

    ngx_http_set_log_request(r->connection->log, r);

    rc = ngx_http_send_special(r, NGX_HTTP_LAST);

    ngx_http_pitchey_stream_finalize(&e->stream, rc);
}


/* before the header: the answer is a problem document */
static void
ngx_http_pitchey_events_refused(ngx_http_pitchey_subscriber_t *sub,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_int_t                   rc;
    ngx_http_request_t         *r;
    ngx_http_pitchey_events_t  *e;

    r = sub->stream->request;
    e = (ngx_http_pitchey_events_t *)
            ((u_char *) sub - offsetof(ngx_http_pitchey_events_t, sub));

    ngx_http_set_log_request(r->connection->log, r);

    rc = (reply->err == PT_E_INVALID)
         ? ngx_http_pitchey_events_invalid(r)
         : ngx_http_pitchey_reply_problem(r, reply);

    ngx_http_pitchey_stream_finalize(&e->stream, rc);
}


static void
ngx_http_pitchey_events_gone(ngx_http_pitchey_subscriber_t *sub)
{
    ngx_http_pitchey_events_t  *e;

    e = (ngx_http_pitchey_events_t *)
            ((u_char *) sub - offsetof(ngx_http_pitchey_events_t, sub));

    ngx_http_pitchey_events_end(e, NULL);
}


static void
ngx_http_pitchey_events_beat(ngx_http_pitchey_stream_t *s)
{
    ngx_http_pitchey_events_t  *e = (ngx_http_pitchey_events_t *) s;

    if (e->sub.ready && !s->blocked) {
        (void) ngx_http_pitchey_events_put(e, ngx_http_pitchey_heartbeat,
                                       sizeof(ngx_http_pitchey_heartbeat) - 1);
    }
}


/*
 * Streams without a header go on until they have one: an EventSource would
 * take an error in its place as final.
 */
static void
ngx_http_pitchey_events_stop(ngx_http_pitchey_stream_t *s)
{
    ngx_uint_t                  n;
    ngx_http_pitchey_events_t  *e = (ngx_http_pitchey_events_t *) s;

    if (!e->sub.ready) {
        return;
    }

    n = (ngx_uint_t) ngx_random() % (sizeof(ngx_http_pitchey_farewells)
                                     / sizeof(ngx_http_pitchey_farewells[0]));

    ngx_http_pitchey_events_end(e, ngx_http_pitchey_farewells[n]);
}


/* a new session may go on with Last-Event-ID */
static void
ngx_http_pitchey_events_revoked(ngx_http_pitchey_stream_t *s)
{
    ngx_http_pitchey_events_t  *e = (ngx_http_pitchey_events_t *) s;

    if (e->sub.ready) {
        ngx_http_pitchey_events_end(e, NULL);

    } else {
        ngx_http_pitchey_stream_unauthorized(s);
    }
}


static void
ngx_http_pitchey_events_close(ngx_http_pitchey_stream_t *s)
{
    ngx_http_pitchey_events_t  *e = (ngx_http_pitchey_events_t *) s;

    ngx_http_pitchey_watch_leave(&e->sub);
}


static void
ngx_http_pitchey_events_free(ngx_http_pitchey_stream_t *s)
{
    ngx_http_pitchey_events_t  *e = (ngx_http_pitchey_events_t *) s;

    ngx_http_pitchey_news_unref(e->sending);
    e->sending = NULL;
}
