/*
 * Answers that wait for their job:  joined --> ended or too late --> asked.
 *
 * The job's watch tells of its end; what the answer says is asked for then.
 */

#include "ngx_http_pitchey_wait.h"
#include "ngx_http_pitchey_ask.h"
#include "ngx_http_pitchey_jobzone.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_route.h"
#include "ngx_http_pitchey_stream.h"
#include "ngx_http_pitchey_watch.h"
#include "pt_json.h"


typedef struct {
    ngx_http_pitchey_stream_t      stream;
    ngx_http_pitchey_subscriber_t  sub;
    ngx_event_t                    timer;
    pt_id_t                        job;
    ngx_msec_t                     ms;
    ngx_str_t                      accepted;  /* len 0: it is an old one */
    uint64_t                       rid;       /* of GET; 0: none */
    ngx_atomic_uint_t              counter;   /* of the job zone, before it */
} ngx_http_pitchey_wait_t;


static ngx_msec_t ngx_http_pitchey_wait_parse(const ngx_str_t *value);
static void ngx_http_pitchey_wait_begin(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_wait_news(ngx_http_pitchey_subscriber_t *sub);
static void ngx_http_pitchey_wait_refused(ngx_http_pitchey_subscriber_t *sub,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_wait_over(ngx_http_pitchey_subscriber_t *sub);
static void ngx_http_pitchey_wait_timer(ngx_event_t *ev);
static void ngx_http_pitchey_wait_ask(ngx_http_pitchey_wait_t *w);
static void ngx_http_pitchey_wait_reply(void *data,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_wait_answer(ngx_http_pitchey_wait_t *w,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_wait_beat(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_wait_stop(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_wait_close(ngx_http_pitchey_stream_t *s);


static const ngx_http_pitchey_transport_t  ngx_http_pitchey_wait_transport = {
    ngx_http_pitchey_wait_news,
    ngx_http_pitchey_wait_news,
    ngx_http_pitchey_wait_refused,
    ngx_http_pitchey_wait_over
};


static const ngx_http_pitchey_stream_type_t  ngx_http_pitchey_wait_type = {
    ngx_http_pitchey_wait_begin,
    ngx_http_pitchey_wait_beat,
    ngx_http_pitchey_wait_stop,
    ngx_http_pitchey_stream_unauthorized,
    ngx_http_pitchey_wait_close,
    ngx_http_pitchey_wait_beat
};


ngx_msec_t
ngx_http_pitchey_wait_preferred(ngx_http_request_t *r)
{
    ngx_str_t                    *prefer;
    ngx_msec_t                    ms;
    ngx_http_pitchey_loc_conf_t  *plcf;

    prefer = ngx_http_pitchey_route_header(r, "prefer");

    if (prefer == NULL) {
        return 0;
    }

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);
    ms = ngx_http_pitchey_wait_parse(prefer);

    return ngx_min(ms, plcf->wait_max);
}


/* "respond-async, wait=10": the first wait counts; 0 where there is none */
static ngx_msec_t
ngx_http_pitchey_wait_parse(const ngx_str_t *value)
{
    u_char     *p, *start, *last;
    ngx_int_t   n;

    p = value->data;
    last = p + value->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        start = p;

        while (p < last && *p != ',') {
            p++;
        }

        if (p - start <= 5
            || ngx_strncasecmp(start, (u_char *) "wait=", 5) != 0)
        {
            continue;
        }

        start += 5;

        for (n = 0; start < p && *start >= '0' && *start <= '9'; start++) {
            n = ngx_min(10 * n + (*start - '0'), 86400);
        }

        return (ngx_msec_t) n * 1000;
    }

    return 0;
}


ngx_int_t
ngx_http_pitchey_wait_send(ngx_http_request_t *r, const pt_id_t *job,
    ngx_msec_t ms, const ngx_str_t *accepted)
{
    ngx_str_t                 applied;
    ngx_http_pitchey_wait_t  *w;

    w = ngx_pcalloc(r->pool, sizeof(ngx_http_pitchey_wait_t));
    applied.data = ngx_pnalloc(r->pool, sizeof("wait=86400"));

    if (w == NULL || applied.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    applied.len = ngx_sprintf(applied.data, "wait=%M", (ms + 999) / 1000)
                  - applied.data;

    w->stream.type = &ngx_http_pitchey_wait_type;
    w->stream.request = r;
    w->sub.transport = &ngx_http_pitchey_wait_transport;
    w->sub.stream = &w->stream;
    w->job = *job;
    w->ms = ms;

    if (accepted) {
        w->accepted = *accepted;
    }

    w->timer.handler = ngx_http_pitchey_wait_timer;
    w->timer.data = w;
    w->timer.log = r->connection->log;

    if (ngx_http_pitchey_add_header(r, "Preference-Applied", &applied)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->connection->log->action = "waiting for a job";

    return ngx_http_pitchey_stream_open(&w->stream);
}


static void
ngx_http_pitchey_wait_begin(ngx_http_pitchey_stream_t *s)
{
    ngx_http_pitchey_wait_t  *w = (ngx_http_pitchey_wait_t *) s;

    ngx_add_timer(&w->timer, w->ms);

    if (ngx_http_pitchey_watch_join(&w->sub, &w->job, 0) != NGX_OK) {
        ngx_http_pitchey_stream_finalize(s, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


/* its events are of no interest but that there are no more */
static void
ngx_http_pitchey_wait_news(ngx_http_pitchey_subscriber_t *sub)
{
    ngx_int_t                 rc;
    ngx_http_pitchey_news_t  *news;

    for ( ;; ) {
        rc = ngx_http_pitchey_watch_take(sub, &news);

        if (rc == NGX_DONE) {
            ngx_http_pitchey_wait_over(sub);
            return;
        }

        if (rc != NGX_OK) {
            return;
        }

        ngx_http_pitchey_news_unref(news);
    }
}


static void
ngx_http_pitchey_wait_refused(ngx_http_pitchey_subscriber_t *sub,
    const ngx_http_pitchey_reply_t *reply)
{
    /* the answer to GET says why, or knows better */
    ngx_http_pitchey_wait_over(sub);
}


static void
ngx_http_pitchey_wait_over(ngx_http_pitchey_subscriber_t *sub)
{
    ngx_http_pitchey_wait_ask(ngx_queue_data(sub, ngx_http_pitchey_wait_t,
                                             sub));
}


static void
ngx_http_pitchey_wait_timer(ngx_event_t *ev)
{
    ngx_http_pitchey_wait_ask(ev->data);
}


/* may be called again: by the end of the wait, and of the worker */
static void
ngx_http_pitchey_wait_ask(ngx_http_pitchey_wait_t *w)
{
    pt_msg_t                  msg;
    ngx_http_pitchey_reply_t  reply;

    if (w->rid) {
        return;
    }

    ngx_http_pitchey_watch_leave(&w->sub);

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    w->counter = ngx_http_pitchey_jobzone_counter(w->stream.request);

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_GET;
    msg.u.get.id = w->job;

    ngx_http_pitchey_ask_header(w->stream.request, &msg.u.request);

    if (ngx_http_pitchey_zmq_call(NGX_HTTP_PITCHEY_ZMQ_ANY, &msg,
                                  NGX_HTTP_PITCHEY_DEADLINE,
                                  ngx_http_pitchey_wait_reply, w, &w->rid)
        != NGX_OK)
    {
        ngx_memzero(&reply, sizeof(ngx_http_pitchey_reply_t));
        reply.err = PT_E_UNAVAILABLE;

        ngx_http_pitchey_wait_reply(w, &reply);
    }
}


static void
ngx_http_pitchey_wait_reply(void *data, const ngx_http_pitchey_reply_t *reply)
{
    ngx_http_request_t       *r;
    ngx_http_pitchey_wait_t  *w = data;

    w->rid = 0;
    r = w->stream.request;

    ngx_http_set_log_request(r->connection->log, r);

    ngx_http_pitchey_stream_finalize(&w->stream,
                                     ngx_http_pitchey_wait_answer(w, reply));
}


static ngx_int_t
ngx_http_pitchey_wait_answer(ngx_http_pitchey_wait_t *w,
    const ngx_http_pitchey_reply_t *reply)
{
    pt_json_t           *job;
    ngx_str_t            body;
    ngx_uint_t           terminal;
    ngx_http_request_t  *r;

    r = w->stream.request;

    if (reply->err != PT_OK) {
        return w->accepted.len
               ? ngx_http_pitchey_send_json(r, NGX_HTTP_ACCEPTED, &w->accepted)
               : ngx_http_pitchey_reply_problem(r, reply);
    }

    if (pt_json_parse(reply->body, &pt_mem_heap, &job, NULL) != PT_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    terminal = ngx_http_pitchey_watch_is_terminal(
                                    pt_json_string(job, "status", PT_STR("")));
    pt_json_free(job);

    if (terminal || w->accepted.len == 0) {
        return ngx_http_pitchey_jobzone_answer(r, &w->job, reply->body,
                                               w->counter);
    }

    if (ngx_http_pitchey_reply_body(r, reply, &body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_send_json(r, NGX_HTTP_ACCEPTED, &body);
}


/* nothing is sent before the end, and nothing is kept that was */
static void
ngx_http_pitchey_wait_beat(ngx_http_pitchey_stream_t *s)
{
}


/* what is known now: the client may ask again elsewhere */
static void
ngx_http_pitchey_wait_stop(ngx_http_pitchey_stream_t *s)
{
    ngx_http_pitchey_wait_ask((ngx_http_pitchey_wait_t *) s);
}


static void
ngx_http_pitchey_wait_close(ngx_http_pitchey_stream_t *s)
{
    ngx_http_pitchey_wait_t  *w = (ngx_http_pitchey_wait_t *) s;

    ngx_http_pitchey_watch_leave(&w->sub);

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    if (w->rid) {
        ngx_http_pitchey_zmq_forget(w->rid);
        w->rid = 0;
    }
}
