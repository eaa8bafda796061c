/* What this worker follows, and what it knows of it. */

#include "ngx_http_pitchey_watch.h"
#include "ngx_http_pitchey_ask.h"
#include "ngx_http_pitchey_owner.h"
#include "ngx_http_pitchey_problem.h"
#include "pt_json.h"


/* ms */
#define NGX_HTTP_PITCHEY_RETRY         200
#define NGX_HTTP_PITCHEY_SYNC          5000

/* lines of a full answer to EVENTS: there may be more */
#define NGX_HTTP_PITCHEY_EVENTS_FULL   1000

/* events and bytes that a watch keeps; further back is asked for again */
#define NGX_HTTP_PITCHEY_KEEP          1024
#define NGX_HTTP_PITCHEY_KEEP_BYTES    (256 * 1024)

#define NGX_HTTP_PITCHEY_BUCKETS       1024


struct ngx_http_pitchey_watch_s {
    pt_id_t                    job;
    ngx_queue_t                queue;         /* in its bucket */
    ngx_queue_t                subscribers;
    ngx_queue_t                dirty;         /* in the list of those that have
                                               * new progress */
    ngx_uint_t                 refs;          /* who goes on after a call that
                                               * may end the last subscriber */

    pt_request_t               asker;         /* the user who may watch it */
    u_char                     asker_text[NGX_HTTP_PITCHEY_ASKER_MAX];

    ngx_http_pitchey_subscriber_t
                              *starter;       /* who is told of a refusal */
    ngx_uint_t                 pending;       /* answers to WATCH to come */
    ngx_msec_t                 deadline;      /* of them all */
    ngx_event_t                retry;         /* asks again until then */

    uint32_t                   known;         /* the last number that exists */
    uint64_t                   ask;           /* rid of the EVENTS asked for
                                               * all of them; 0: none */
    uint32_t                   ask_after;

    /* events first, first + 1, ... */
    ngx_http_pitchey_news_t  **kept;
    ngx_uint_t                 nkept;
    ngx_uint_t                 size;
    size_t                     bytes;
    uint32_t                   first;

    ngx_http_pitchey_news_t   *progress;      /* the latest; NULL: none */
    uint32_t                   nprogress;     /* counts them */
    uint32_t                   nshown;        /* up to the last tick */

    unsigned                   in_force:1;
    unsigned                   terminal:1;    /* no event after "known" */
    unsigned                   stalled:1;     /* asked in vain: not before the
                                               * next SYNC or event */
};


typedef struct {
    ngx_queue_t                buckets[NGX_HTTP_PITCHEY_BUCKETS];
    ngx_uint_t                 nwatches;
    ngx_queue_t                dirty;         /* watches with new progress */
    ngx_msec_t                 sync_time;
    ngx_log_t                 *log;
} ngx_http_pitchey_watches_t;


static ngx_queue_t *ngx_http_pitchey_watch_bucket(const pt_id_t *job);
static ngx_http_pitchey_watch_t *ngx_http_pitchey_watch_find(const pt_id_t *job);
static ngx_http_pitchey_watch_t *ngx_http_pitchey_watch_create(const pt_id_t *job);
static void ngx_http_pitchey_watch_unref(ngx_http_pitchey_watch_t *w);
static void ngx_http_pitchey_watch_free(ngx_http_pitchey_watch_t *w);
static void ngx_http_pitchey_watch_start(ngx_http_pitchey_watch_t *w,
    ngx_http_pitchey_subscriber_t *sub);
static void ngx_http_pitchey_watch_at(ngx_http_pitchey_watch_t *w,
    ngx_uint_t to);
static void ngx_http_pitchey_watch_reply(void *data,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_watch_failed(ngx_http_pitchey_watch_t *w,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_watch_retry(ngx_event_t *ev);
static void ngx_http_pitchey_watch_in_force(ngx_http_pitchey_watch_t *w,
    pt_str_t body);
static void ngx_http_pitchey_watch_seed(ngx_http_pitchey_watch_t *w,
    const pt_json_t *job);
static void ngx_http_pitchey_watch_refused(ngx_http_pitchey_watch_t *w,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_watch_replay(ngx_http_pitchey_subscriber_t *sub);
static void ngx_http_pitchey_watch_replayed(void *data,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_watch_refuse_err(ngx_http_pitchey_subscriber_t *sub,
    pt_err_t err);
static void ngx_http_pitchey_watch_refuse(ngx_http_pitchey_subscriber_t *sub,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_watch_news(ngx_http_pitchey_subscriber_t *sub);
static void ngx_http_pitchey_watch_unwatch(ngx_http_pitchey_watch_t *w);
static void ngx_http_pitchey_watch_ask(ngx_http_pitchey_watch_t *w);
static void ngx_http_pitchey_watch_ask_reply(void *data,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_watch_each(ngx_http_pitchey_watch_t *w,
    void (*handler)(ngx_http_pitchey_subscriber_t *sub));
static void ngx_http_pitchey_watch_lose(ngx_http_pitchey_subscriber_t *sub);
static ngx_int_t ngx_http_pitchey_watch_fill(ngx_http_pitchey_watch_t *w,
    uint32_t after, pt_str_t body);
static ngx_int_t ngx_http_pitchey_watch_add(ngx_http_pitchey_watch_t *w,
    uint32_t seq, pt_str_t type, pt_str_t body, uint32_t needed);
static void ngx_http_pitchey_watch_drop(ngx_http_pitchey_watch_t *w,
    ngx_uint_t n);
static void ngx_http_pitchey_watch_progress(ngx_http_pitchey_watch_t *w,
    pt_str_t body);
static ngx_uint_t ngx_http_pitchey_watch_state_is_terminal(pt_str_t body);
static void ngx_http_pitchey_watch_show_progress(void);
static void ngx_http_pitchey_watch_retry_stalled(void);
static void ngx_http_pitchey_watch_sync(ngx_uint_t to);
static void ngx_http_pitchey_watch_sync_send(ngx_uint_t to, u_char *marks,
    size_t n);
static void ngx_http_pitchey_watch_synced(void *data,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_watch_moved(ngx_http_pitchey_watch_t *w,
    uint32_t known);
static void ngx_http_pitchey_watch_ignore(void *data,
    const ngx_http_pitchey_reply_t *reply);


static ngx_http_pitchey_watches_t  *ngx_http_pitchey_watches;


ngx_int_t
ngx_http_pitchey_watch_join(ngx_http_pitchey_subscriber_t *sub,
    const pt_id_t *job, uint32_t after)
{
    ngx_http_pitchey_watch_t  *w;

    if (ngx_http_pitchey_watches == NULL) {
        return NGX_ERROR;
    }

    w = ngx_http_pitchey_watch_find(job);

    if (w == NULL) {
        w = ngx_http_pitchey_watch_create(job);
        if (w == NULL) {
            return NGX_ERROR;
        }
    }

    sub->watch = w;
    sub->seq = after;
    sub->resumed = (after > 0);

    ngx_queue_insert_tail(&w->subscribers, &sub->queue);

    if (w->in_force) {
        ngx_http_pitchey_watch_replay(sub);

    } else if (w->pending == 0 && !w->retry.timer_set) {
        ngx_http_pitchey_watch_start(w, sub);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_pitchey_watch_attach(ngx_http_pitchey_subscriber_t *sub,
    const pt_id_t *job, uint32_t after, uint32_t known)
{
    ngx_http_pitchey_watch_t  *w;

    w = ngx_http_pitchey_watch_find(job);

    if (w == NULL) {
        w = ngx_http_pitchey_watch_create(job);
        if (w == NULL) {
            return NGX_ERROR;
        }

        ngx_http_pitchey_watch_asker(sub->stream->request, &w->asker,
                                     w->asker_text);
        w->in_force = 1;
    }

    if (known > w->known) {
        w->known = known;
    }

    sub->watch = w;
    sub->seq = after;
    sub->ready = w->in_force;

    ngx_queue_insert_tail(&w->subscribers, &sub->queue);

    return NGX_OK;
}


void
ngx_http_pitchey_watch_hint(const pt_id_t *job, uint32_t known)
{
    ngx_http_pitchey_watch_t  *w;

    w = ngx_http_pitchey_watch_find(job);

    if (w != NULL && known > w->known) {
        ngx_http_pitchey_watch_moved(w, known);
    }
}


void
ngx_http_pitchey_watch_leave(ngx_http_pitchey_subscriber_t *sub)
{
    ngx_http_pitchey_watch_t  *w;

    w = sub->watch;

    if (w == NULL) {
        return;
    }

    sub->watch = NULL;
    sub->ready = 0;

    if (sub->rid) {
        ngx_http_pitchey_zmq_forget(sub->rid);
        sub->rid = 0;
    }

    ngx_queue_remove(&sub->queue);

    if (w->starter == sub) {
        w->starter = NULL;
    }

    w->refs++;
    ngx_http_pitchey_watch_unref(w);
}


static ngx_queue_t *
ngx_http_pitchey_watch_bucket(const pt_id_t *job)
{
    /* the end of an id is random */
    return &ngx_http_pitchey_watches->buckets[(job->bytes[14] << 8
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
                   ngx_http_pitchey_watches->log);
    if (w == NULL) {
        return NULL;
    }

    w->job = *job;

    w->retry.handler = ngx_http_pitchey_watch_retry;
    w->retry.data = w;
    w->retry.log = ngx_http_pitchey_watches->log;
    w->retry.cancelable = 1;

    ngx_queue_init(&w->subscribers);
    ngx_queue_init(&w->dirty);

    ngx_queue_insert_tail(ngx_http_pitchey_watch_bucket(job), &w->queue);
    ngx_http_pitchey_watches->nwatches++;

    return w;
}


/* who held it is done; the last one ends a watch without subscribers */
static void
ngx_http_pitchey_watch_unref(ngx_http_pitchey_watch_t *w)
{
    if (--w->refs || !ngx_queue_empty(&w->subscribers)) {
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
    ngx_http_pitchey_watches->nwatches--;

    if (w->progress != NULL) {
        ngx_http_pitchey_news_unref(w->progress);
    }

    ngx_http_pitchey_watch_drop(w, w->nkept);

    ngx_free(w->kept);
    ngx_free(w);
}


/*
 * For the subscriber's user; at every orchestrator, since any may run the job.
 * When none is connected, at the first that is: a worker that has just started
 * is no outage.
 */
static void
ngx_http_pitchey_watch_start(ngx_http_pitchey_watch_t *w,
    ngx_http_pitchey_subscriber_t *sub)
{
    ngx_uint_t  i;

    w->starter = sub;
    w->deadline = ngx_current_msec + NGX_HTTP_PITCHEY_DEADLINE;
    ngx_http_pitchey_watch_asker(sub->stream->request, &w->asker,
                                 w->asker_text);

    for (i = 0; i < ngx_http_pitchey_zmq_count(); i++) {
        if (ngx_http_pitchey_zmq_connected(i)) {
            ngx_http_pitchey_watch_at(w, i);
        }
    }

    if (w->pending == 0) {
        ngx_http_pitchey_watch_at(w, NGX_HTTP_PITCHEY_ZMQ_ANY);
    }

    if (w->pending == 0) {
        ngx_http_pitchey_watch_refuse_err(sub, PT_E_UNAVAILABLE);
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
void
ngx_http_pitchey_watch_asker(ngx_http_request_t *r, pt_request_t *asker,
    u_char *text)
{
    size_t      max;
    pt_str_t   *strings[3];
    ngx_uint_t  i;

    ngx_memzero(asker, sizeof(pt_request_t));
    ngx_http_pitchey_ask_header(r, asker);

    asker->traceparent = PT_STR_NULL;

    strings[0] = &asker->user;
    strings[1] = &asker->role;
    strings[2] = &asker->tier;

    for (i = 0; i < 3; i++) {
        max = (i == 0) ? PT_USER_MAX : PT_NAME_MAX;

        strings[i]->len = ngx_min(strings[i]->len, max);
        if (strings[i]->len) {
            ngx_memcpy(text, strings[i]->data, strings[i]->len);
        }

        strings[i]->data = (char *) text;
        text += strings[i]->len;
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
        && left > NGX_HTTP_PITCHEY_RETRY && !ngx_queue_empty(&w->subscribers))
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

    ngx_http_pitchey_watch_each(w, ngx_http_pitchey_watch_replay);
}


/* what the job's document tells a subscriber that begins now */
static void
ngx_http_pitchey_watch_seed(ngx_http_pitchey_watch_t *w, const pt_json_t *job)
{
    pt_buf_t          body;
    pt_jsonw_t        writer;
    const pt_json_t  *progress;

    if (ngx_http_pitchey_watch_is_terminal(pt_json_string(job, "status",
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
    ngx_http_pitchey_subscriber_t  *sub;

    all = (ngx_http_pitchey_problem_status(reply->err)
           == NGX_HTTP_SERVICE_UNAVAILABLE);

    if (w->starter != NULL) {
        ngx_http_pitchey_watch_refuse(w->starter, reply);
    }

    while (w->pending == 0 && !ngx_queue_empty(&w->subscribers)) {
        q = ngx_queue_head(&w->subscribers);
        sub = ngx_queue_data(q, ngx_http_pitchey_subscriber_t, queue);

        if (all) {
            ngx_http_pitchey_watch_refuse(sub, reply);

        } else {
            ngx_http_pitchey_watch_start(w, sub);
        }
    }
}


/* as the user who joined, so that it is that user's right that counts */
static void
ngx_http_pitchey_watch_replay(ngx_http_pitchey_subscriber_t *sub)
{
    pt_msg_t  msg;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    /* with the one that the client names, which proves that it exists */

    msg.command = PT_CMD_EVENTS;
    msg.u.events.job = sub->watch->job;
    msg.u.events.after = sub->seq ? sub->seq - 1 : 0;

    ngx_http_pitchey_ask_header(sub->stream->request, &msg.u.request);

    if (ngx_http_pitchey_zmq_call(NGX_HTTP_PITCHEY_ZMQ_ANY, &msg,
                                  NGX_HTTP_PITCHEY_DEADLINE,
                                  ngx_http_pitchey_watch_replayed, sub, &sub->rid)
        != NGX_OK)
    {
        ngx_http_pitchey_watch_refuse_err(sub, PT_E_UNAVAILABLE);
    }
}


static void
ngx_http_pitchey_watch_replayed(void *data,
    const ngx_http_pitchey_reply_t *reply)
{
    uint32_t                        known;
    ngx_uint_t                      terminal;
    ngx_http_pitchey_watch_t       *w;
    ngx_http_pitchey_subscriber_t  *sub = data;

    w = sub->watch;
    known = w->known;
    terminal = w->terminal;
    sub->rid = 0;

    if (reply->err != PT_OK) {
        ngx_http_pitchey_watch_refuse(sub, reply);
        return;
    }

    if (sub->seq && reply->body.len == 0) {
        ngx_http_pitchey_watch_refuse_err(sub, PT_E_INVALID);
        return;
    }

    if (ngx_http_pitchey_watch_fill(w, sub->seq ? sub->seq - 1 : 0,
                                    reply->body)
        != NGX_OK)
    {
        ngx_http_pitchey_watch_refuse_err(sub, PT_E_INTERNAL);
        return;
    }

    w->refs++;

    sub->ready = 1;
    sub->transport->ready(sub);

    /* what it brought is not passed on when it comes as an EVENT */

    if (w->known != known || w->terminal != terminal) {
        ngx_http_pitchey_watch_each(w, ngx_http_pitchey_watch_news);
    }

    ngx_http_pitchey_watch_unref(w);
}


static void
ngx_http_pitchey_watch_refuse_err(ngx_http_pitchey_subscriber_t *sub,
    pt_err_t err)
{
    ngx_http_pitchey_reply_t  reply;

    ngx_memzero(&reply, sizeof(ngx_http_pitchey_reply_t));
    reply.err = err;

    ngx_http_pitchey_watch_refuse(sub, &reply);
}


static void
ngx_http_pitchey_watch_refuse(ngx_http_pitchey_subscriber_t *sub,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_http_pitchey_watch_leave(sub);

    sub->transport->refused(sub, reply);
}


static void
ngx_http_pitchey_watch_news(ngx_http_pitchey_subscriber_t *sub)
{
    if (sub->ready) {
        sub->transport->news(sub);
    }
}


ngx_int_t
ngx_http_pitchey_watch_take(ngx_http_pitchey_subscriber_t *sub,
    ngx_http_pitchey_news_t **ret_news)
{
    uint32_t                   next;
    ngx_http_pitchey_news_t   *news;
    ngx_http_pitchey_watch_t  *w;

    w = sub->watch;
    next = sub->seq + 1;

    if (sub->seq < w->known) {

        if (w->nkept == 0 || next < w->first || next - w->first >= w->nkept) {
            ngx_http_pitchey_watch_ask(w);
            return NGX_AGAIN;
        }

        news = w->kept[next - w->first];
        sub->seq = next;

    } else if (w->terminal) {
        return NGX_DONE;

    } else if (w->progress != NULL && sub->nprogress != w->nshown) {
        news = w->progress;
        sub->nprogress = w->nshown;

    } else {
        return NGX_AGAIN;
    }

    news->refs++;
    *ret_news = news;

    return NGX_OK;
}


ngx_uint_t
ngx_http_pitchey_watch_is_over(const ngx_http_pitchey_subscriber_t *sub)
{
    return sub->watch->terminal && sub->seq >= sub->watch->known;
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
                                  ngx_http_pitchey_watch_ignore, NULL, NULL);
    }
}


/* once for all subscribers that lack something that the watch does not keep */
static void
ngx_http_pitchey_watch_ask(ngx_http_pitchey_watch_t *w)
{
    pt_msg_t                    msg;
    ngx_queue_t                *q;
    ngx_http_pitchey_subscriber_t  *sub;

    if (w->ask || w->stalled) {
        return;
    }

    w->ask_after = w->known;

    for (q = ngx_queue_head(&w->subscribers);
         q != ngx_queue_sentinel(&w->subscribers);
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_http_pitchey_subscriber_t, queue);

        if (sub->ready && !sub->stream->blocked
            && sub->seq < w->ask_after)
        {
            w->ask_after = sub->seq;
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
        ngx_http_pitchey_watch_each(w, ngx_http_pitchey_watch_lose);

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

        ngx_http_pitchey_watch_each(w, ngx_http_pitchey_watch_news);
    }

    ngx_http_pitchey_watch_unref(w);
}


/* the handler may end any of them, and with the last one the watch */
static void
ngx_http_pitchey_watch_each(ngx_http_pitchey_watch_t *w,
    void (*handler)(ngx_http_pitchey_subscriber_t *sub))
{
    ngx_queue_t                 subscribers, *q;
    ngx_http_pitchey_subscriber_t  *sub;

    if (ngx_queue_empty(&w->subscribers)) {
        return;
    }

    w->refs++;

    ngx_queue_init(&subscribers);
    ngx_queue_add(&subscribers, &w->subscribers);
    ngx_queue_init(&w->subscribers);

    while (!ngx_queue_empty(&subscribers)) {
        q = ngx_queue_head(&subscribers);
        sub = ngx_queue_data(q, ngx_http_pitchey_subscriber_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&w->subscribers, q);

        handler(sub);
    }

    ngx_http_pitchey_watch_unref(w);
}


static void
ngx_http_pitchey_watch_lose(ngx_http_pitchey_subscriber_t *sub)
{
    /* one that is not ready has asked for itself */

    if (sub->ready) {
        ngx_http_pitchey_watch_leave(sub);
        sub->transport->gone(sub);
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

    ngx_log_error(NGX_LOG_ERR, ngx_http_pitchey_watches->log, 0,
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
    ngx_http_pitchey_news_t  *news, **kept;

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

        kept = ngx_alloc(size * sizeof(ngx_http_pitchey_news_t *),
                         ngx_http_pitchey_watches->log);
        if (kept == NULL) {
            return NGX_ERROR;
        }

        if (w->nkept) {
            ngx_memcpy(kept, w->kept,
                       w->nkept * sizeof(ngx_http_pitchey_news_t *));
        }

        ngx_free(w->kept);

        w->kept = kept;
        w->size = size;
    }

    news = ngx_http_pitchey_news_new(seq, type, body);
    if (news == NULL) {
        return NGX_ERROR;
    }

    if (w->nkept == 0) {
        w->first = seq;
    }

    w->kept[w->nkept++] = news;
    w->bytes += news->sse.len;

    if (pt_str_is(type, "state")) {

        if (w->progress != NULL) {
            ngx_http_pitchey_news_unref(w->progress);
            w->progress = NULL;
        }

        if (ngx_http_pitchey_watch_state_is_terminal(body)) {
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
        w->bytes -= w->kept[i]->sse.len;
        ngx_http_pitchey_news_unref(w->kept[i]);
    }

    w->nkept -= n;
    w->first += (uint32_t) n;

    if (w->nkept) {
        ngx_memmove(w->kept, w->kept + n,
                    w->nkept * sizeof(ngx_http_pitchey_news_t *));
    }
}


/* in the place of what the last tick has not shown yet */
static void
ngx_http_pitchey_watch_progress(ngx_http_pitchey_watch_t *w, pt_str_t body)
{
    ngx_http_pitchey_news_t  *news;

    if (w->terminal) {
        return;
    }

    news = ngx_http_pitchey_news_new(0, PT_STR("progress"), body);
    if (news == NULL) {
        return;
    }

    if (w->progress != NULL) {
        ngx_http_pitchey_news_unref(w->progress);
    }

    w->progress = news;
    w->nprogress++;

    ngx_queue_remove(&w->dirty);
    ngx_queue_insert_tail(&ngx_http_pitchey_watches->dirty, &w->dirty);
}


static ngx_uint_t
ngx_http_pitchey_watch_state_is_terminal(pt_str_t body)
{
    pt_json_t   *state;
    ngx_uint_t   terminal;

    if (pt_json_parse(body, &pt_mem_heap, &state, NULL) != PT_OK) {
        return 0;
    }

    terminal = ngx_http_pitchey_watch_is_terminal(
                                  pt_json_string(state, "status", PT_STR("")));
    pt_json_free(state);

    return terminal;
}


ngx_uint_t
ngx_http_pitchey_watch_is_terminal(pt_str_t status)
{
    return pt_str_is(status, "succeeded") || pt_str_is(status, "failed")
           || pt_str_is(status, "cancelled") || pt_str_is(status, "expired");
}


void
ngx_http_pitchey_watch_receive(const pt_event_t *event)
{
    ngx_http_pitchey_watch_t  *w;

    if (ngx_http_pitchey_watches == NULL) {
        return;
    }

    w = ngx_http_pitchey_watch_find(&event->job);

    if (event->seq == 1 || (w == NULL && event->seq)) {
        ngx_http_pitchey_owner_receive(event);
        w = ngx_http_pitchey_watch_find(&event->job);
    }

    if (w == NULL) {
        /* its last subscriber has just left */
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

    ngx_http_pitchey_watch_moved(w, event->seq);
}


void
ngx_http_pitchey_watch_lagged(ngx_uint_t from)
{
    ngx_http_pitchey_owner_again(from);
    ngx_http_pitchey_watch_sync(from);
}


void
ngx_http_pitchey_watch_connected(ngx_uint_t from)
{
    ngx_http_pitchey_owner_again(from);
    ngx_http_pitchey_watch_sync(from);
}


static void
ngx_http_pitchey_watch_show_progress(void)
{
    ngx_queue_t                dirty, *q;
    ngx_http_pitchey_watch_t  *w;

    if (ngx_queue_empty(&ngx_http_pitchey_watches->dirty)) {
        return;
    }

    ngx_queue_init(&dirty);
    ngx_queue_add(&dirty, &ngx_http_pitchey_watches->dirty);
    ngx_queue_init(&ngx_http_pitchey_watches->dirty);

    while (!ngx_queue_empty(&dirty)) {
        q = ngx_queue_head(&dirty);
        w = ngx_queue_data(q, ngx_http_pitchey_watch_t, dirty);

        ngx_queue_remove(q);
        ngx_queue_init(q);

        w->nshown = w->nprogress;

        ngx_http_pitchey_watch_each(w, ngx_http_pitchey_watch_news);
    }
}


/* what was asked in vain */
static void
ngx_http_pitchey_watch_retry_stalled(void)
{
    ngx_uint_t                 i;
    ngx_queue_t               *q, *next, *bucket;
    ngx_http_pitchey_watch_t  *w;

    for (i = 0; i < NGX_HTTP_PITCHEY_BUCKETS; i++) {
        bucket = &ngx_http_pitchey_watches->buckets[i];

        for (q = ngx_queue_head(bucket);
             q != ngx_queue_sentinel(bucket);
             q = next)
        {
            w = ngx_queue_data(q, ngx_http_pitchey_watch_t, queue);

            /* may end any watch but one that is held */
            w->refs++;

            if (w->stalled) {
                ngx_http_pitchey_watch_moved(w, w->known);
            }

            next = ngx_queue_next(q);
            ngx_http_pitchey_watch_unref(w);
        }
    }
}


/* puts the watches in force again, and asks which of them moved */
static void
ngx_http_pitchey_watch_sync(ngx_uint_t to)
{
    size_t                     n, max;
    u_char                    *marks;
    ngx_uint_t                 i;
    ngx_queue_t               *q;
    ngx_http_pitchey_watch_t  *w;

    if (ngx_http_pitchey_watches == NULL
        || ngx_http_pitchey_watches->nwatches == 0
        || !ngx_http_pitchey_zmq_connected(to))
    {
        return;
    }

    max = ngx_min(ngx_http_pitchey_watches->nwatches, PT_MARKS_MAX);

    marks = ngx_alloc(max * PT_MARK_LEN, ngx_http_pitchey_watches->log);
    if (marks == NULL) {
        return;
    }

    n = 0;

    for (i = 0; i < NGX_HTTP_PITCHEY_BUCKETS; i++) {

        for (q = ngx_queue_head(&ngx_http_pitchey_watches->buckets[i]);
             q != ngx_queue_sentinel(&ngx_http_pitchey_watches->buckets[i]);
             q = ngx_queue_next(q))
        {
            w = ngx_queue_data(q, ngx_http_pitchey_watch_t, queue);

            if (!w->in_force) {
                continue;
            }

            if (n == max) {
                ngx_http_pitchey_watch_sync_send(to, marks, n);
                n = 0;
            }

            pt_mark_write(marks + n * PT_MARK_LEN, &w->job, w->known);
            n++;
        }
    }

    if (n) {
        ngx_http_pitchey_watch_sync_send(to, marks, n);
    }

    ngx_free(marks);
}


static void
ngx_http_pitchey_watch_sync_send(ngx_uint_t to, u_char *marks, size_t n)
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
                                     ngx_http_pitchey_watch_synced, NULL,
                                     NULL);
}


static void
ngx_http_pitchey_watch_synced(void *data,
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
            ngx_http_pitchey_watch_moved(w, known);
        }
    }
}


static void
ngx_http_pitchey_watch_moved(ngx_http_pitchey_watch_t *w, uint32_t known)
{
    if (known > w->known) {
        w->known = known;
    }

    w->stalled = 0;

    ngx_http_pitchey_watch_each(w, ngx_http_pitchey_watch_news);
}


/* nothing hangs on the answer to UNWATCH */
static void
ngx_http_pitchey_watch_ignore(void *data,
    const ngx_http_pitchey_reply_t *reply)
{
}



void
ngx_http_pitchey_watch_begin(void)
{
    ngx_http_pitchey_watches->sync_time = ngx_current_msec;
}


void
ngx_http_pitchey_watch_tick(void)
{
    ngx_uint_t  i;

    ngx_http_pitchey_watch_show_progress();
    ngx_http_pitchey_owner_tick();

    if (ngx_current_msec - ngx_http_pitchey_watches->sync_time
        < NGX_HTTP_PITCHEY_SYNC)
    {
        return;
    }

    ngx_http_pitchey_watches->sync_time = ngx_current_msec;

    for (i = 0; i < ngx_http_pitchey_zmq_count(); i++) {
        ngx_http_pitchey_watch_sync(i);
    }

    ngx_http_pitchey_watch_retry_stalled();
}


ngx_int_t
ngx_http_pitchey_watch_init(ngx_cycle_t *cycle)
{
    ngx_uint_t                   i;
    ngx_http_pitchey_watches_t  *ws;

    ws = ngx_pcalloc(cycle->pool, sizeof(ngx_http_pitchey_watches_t));
    if (ws == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_PITCHEY_BUCKETS; i++) {
        ngx_queue_init(&ws->buckets[i]);
    }

    ngx_queue_init(&ws->dirty);
    ws->log = cycle->log;

    ngx_http_pitchey_owner_init(cycle);
    ngx_http_pitchey_watches = ws;

    return NGX_OK;
}


/* the streams have gone; none is left, but for one that somebody holds */
void
ngx_http_pitchey_watch_exit(void)
{
    ngx_uint_t                   i;
    ngx_queue_t                 *q;
    ngx_http_pitchey_watch_t    *w;
    ngx_http_pitchey_watches_t  *ws;

    ws = ngx_http_pitchey_watches;

    if (ws == NULL) {
        return;
    }

    for (i = 0; i < NGX_HTTP_PITCHEY_BUCKETS; i++) {

        while (!ngx_queue_empty(&ws->buckets[i])) {
            q = ngx_queue_head(&ws->buckets[i]);
            w = ngx_queue_data(q, ngx_http_pitchey_watch_t, queue);

            ngx_http_pitchey_watch_free(w);
        }
    }

    ngx_http_pitchey_watches = NULL;
}
