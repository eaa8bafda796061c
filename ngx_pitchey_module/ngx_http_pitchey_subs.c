/*
 * What a WebSocket is subscribed to.
 *
 *     message -> subscribe, unsubscribe: jobs by their ids, or all
 *     next: the news of each job in turn
 *
 * A job that comes by all may be subscribed by its id as well: it is told once
 * more from the number that the client has, and then to both as one.
 */

#include <wslay/wslay.h>

#include "ngx_http_pitchey_subs.h"
#include "ngx_http_pitchey_timestamp.h"
#include "pt_format.h"
#include "pt_json.h"


/* ms that an ended job of the user's is remembered; longer than CHANGED may
 * name it (ngx_http_pitchey_owner.c) */
#define NGX_HTTP_PITCHEY_SUBS_ENDED  240000


/* a job that it follows */
typedef struct {
    ngx_rbtree_node_t              node;      /* by the end of its id */
    pt_id_t                        job;
    ngx_http_pitchey_subscriber_t  sub;
    ngx_http_pitchey_subs_t       *subs;
    ngx_queue_t                    active;    /* there may be news */
    ngx_queue_t                    ended;     /* all of it was told */
    ngx_msec_t                     end_time;
    uint32_t                       told;      /* by all, before it was asked
                                               * for by its id */
    unsigned                       asked:1;   /* by its id, not with all */
    unsigned                       followed:1;/* with all until then */
    unsigned                       over:1;    /* and had ended */
} ngx_http_pitchey_subs_job_t;


typedef void (*ngx_http_pitchey_subs_message_pt)(
    ngx_http_pitchey_subs_t *subs, const pt_json_t *message);


static void ngx_http_pitchey_subs_ping(ngx_http_pitchey_subs_t *subs,
    const pt_json_t *message);
static void ngx_http_pitchey_subs_subscribe(ngx_http_pitchey_subs_t *subs,
    const pt_json_t *message);
static ngx_int_t ngx_http_pitchey_subs_target(ngx_http_pitchey_subs_t *subs,
    const pt_json_t *message, ngx_uint_t *ret_all, pt_id_t *ret_job);
static void ngx_http_pitchey_subs_subscribe_job(ngx_http_pitchey_subs_t *subs,
    const pt_id_t *job, uint32_t after);
static void ngx_http_pitchey_subs_rewind(ngx_http_pitchey_subs_job_t *j);
static void ngx_http_pitchey_subs_unask(ngx_http_pitchey_subs_job_t *j);
static void ngx_http_pitchey_subs_subscribe_all(ngx_http_pitchey_subs_t *subs,
    const pt_json_t *message);
static void ngx_http_pitchey_subs_unsubscribe(ngx_http_pitchey_subs_t *subs,
    const pt_json_t *message);
static ngx_rbtree_key_t ngx_http_pitchey_subs_key(const pt_id_t *job);
static ngx_http_pitchey_subs_job_t *ngx_http_pitchey_subs_find(
    ngx_http_pitchey_subs_t *subs, const pt_id_t *job);
static ngx_http_pitchey_subs_job_t *ngx_http_pitchey_subs_add(
    ngx_http_pitchey_subs_t *subs, const pt_id_t *job);
static void ngx_http_pitchey_subs_remove(ngx_http_pitchey_subs_job_t *j);
static void ngx_http_pitchey_subs_idle(ngx_http_pitchey_subs_job_t *j);
static ngx_int_t ngx_http_pitchey_subs_attach(ngx_http_pitchey_subs_job_t *j,
    uint32_t after, uint32_t known);
static void ngx_http_pitchey_subs_ready(ngx_http_pitchey_subscriber_t *sub);
static void ngx_http_pitchey_subs_news(ngx_http_pitchey_subscriber_t *sub);
static void ngx_http_pitchey_subs_refused(ngx_http_pitchey_subscriber_t *sub,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_subs_gone(ngx_http_pitchey_subscriber_t *sub);
static void ngx_http_pitchey_subs_done(ngx_http_pitchey_subs_job_t *j);
static void ngx_http_pitchey_subs_remember(ngx_http_pitchey_subs_job_t *j);
static void ngx_http_pitchey_subs_all_list(ngx_http_pitchey_member_t *m,
    pt_str_t json);
static void ngx_http_pitchey_subs_all_job(ngx_http_pitchey_member_t *m,
    const pt_id_t *job, uint32_t after, uint32_t known, ngx_uint_t open);
static void ngx_http_pitchey_subs_all_flush(ngx_http_pitchey_member_t *m);
static void ngx_http_pitchey_subs_all_refused(ngx_http_pitchey_member_t *m,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_subs_say(ngx_http_pitchey_subs_t *subs,
    const char *type, const pt_id_t *job, const char *code,
    const char *detail);
static void ngx_http_pitchey_subs_fail(ngx_http_pitchey_subs_t *subs);
static void ngx_http_pitchey_subs_reply_error(ngx_http_pitchey_subs_t *subs,
    const pt_id_t *job, const ngx_http_pitchey_reply_t *reply);


static const ngx_http_pitchey_transport_t  ngx_http_pitchey_subs_transport = {
    ngx_http_pitchey_subs_ready,
    ngx_http_pitchey_subs_news,
    ngx_http_pitchey_subs_refused,
    ngx_http_pitchey_subs_gone
};


static const ngx_http_pitchey_member_type_t  ngx_http_pitchey_subs_all = {
    ngx_http_pitchey_subs_all_list,
    ngx_http_pitchey_subs_all_job,
    ngx_http_pitchey_subs_all_flush,
    ngx_http_pitchey_subs_all_refused
};


static const struct {
    const char                        *type;
    ngx_http_pitchey_subs_message_pt   handler;
} ngx_http_pitchey_subs_messages[] = {
    { "subscribe",   ngx_http_pitchey_subs_subscribe },
    { "unsubscribe", ngx_http_pitchey_subs_unsubscribe },
    { "ping",        ngx_http_pitchey_subs_ping },
    { NULL, NULL }
};


void
ngx_http_pitchey_subs_init(ngx_http_pitchey_subs_t *subs,
    ngx_http_pitchey_ws_t *ws, ngx_http_pitchey_stream_t *stream)
{
    subs->ws = ws;
    subs->stream = stream;

    subs->all.type = &ngx_http_pitchey_subs_all;
    subs->all.stream = stream;

    ngx_rbtree_init(&subs->tree, &subs->sentinel, ngx_rbtree_insert_value);
    ngx_queue_init(&subs->active);
    ngx_queue_init(&subs->ended);
}


void
ngx_http_pitchey_subs_message(ngx_http_pitchey_subs_t *subs, pt_str_t text)
{
    pt_str_t     type;
    pt_json_t   *message;
    ngx_uint_t   i;

    if (pt_json_parse(text, &pt_mem_heap, &message, NULL) != PT_OK) {
        ngx_http_pitchey_subs_say(subs, "error", NULL, "invalid_json",
                                  "The message is not JSON.");
        return;
    }

    type = pt_json_string(message, "type", PT_STR(""));

    for (i = 0; ngx_http_pitchey_subs_messages[i].type; i++) {
        if (pt_str_is(type, ngx_http_pitchey_subs_messages[i].type)) {
            ngx_http_pitchey_subs_messages[i].handler(subs, message);
            break;
        }
    }

    if (ngx_http_pitchey_subs_messages[i].type == NULL) {
        ngx_http_pitchey_subs_say(subs, "error", NULL, "bad_message",
                                  "The type is subscribe, unsubscribe or "
                                  "ping.");
    }

    pt_json_free(message);
}


static void
ngx_http_pitchey_subs_ping(ngx_http_pitchey_subs_t *subs,
    const pt_json_t *message)
{
    ngx_http_pitchey_subs_say(subs, "pong", NULL, NULL, NULL);
}


static void
ngx_http_pitchey_subs_subscribe(ngx_http_pitchey_subs_t *subs,
    const pt_json_t *message)
{
    pt_id_t           job;
    ngx_uint_t        all;
    const pt_json_t  *after;

    if (ngx_http_pitchey_subs_target(subs, message, &all, &job) != NGX_OK) {
        return;
    }

    if (all) {
        ngx_http_pitchey_subs_subscribe_all(subs, message);
        return;
    }

    after = pt_json_member(message, "after");

    if (after && (!after->integer || after->i64 < 0
                  || after->i64 > NGX_MAX_INT32_VALUE))
    {
        ngx_http_pitchey_subs_say(subs, "error", &job, "bad_message",
                                  "\"after\" is the number of an event.");
        return;
    }

    ngx_http_pitchey_subs_subscribe_job(subs, &job,
                                        after ? (uint32_t) after->i64 : 0);
}


/* NGX_OK; NGX_DECLINED: was answered */
static ngx_int_t
ngx_http_pitchey_subs_target(ngx_http_pitchey_subs_t *subs,
    const pt_json_t *message, ngx_uint_t *ret_all, pt_id_t *ret_job)
{
    const pt_json_t  *job;

    job = pt_json_member(message, "job");
    *ret_all = pt_json_bool(message, "all", false);

    if (*ret_all && job == NULL) {
        return NGX_OK;
    }

    if (!*ret_all && job && job->type == PT_JSON_STRING
        && pt_id_parse(job->text, ret_job) == PT_OK
        && !pt_id_is_zero(ret_job))
    {
        return NGX_OK;
    }

    ngx_http_pitchey_subs_say(subs, "error", NULL, "bad_message",
                              "Either \"job\" is a job's id, or \"all\" is "
                              "true.");
    return NGX_DECLINED;
}


static void
ngx_http_pitchey_subs_subscribe_job(ngx_http_pitchey_subs_t *subs,
    const pt_id_t *job, uint32_t after)
{
    ngx_http_pitchey_subs_job_t  *j;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(subs->stream->request,
                                        ngx_http_pitchey_module);

    j = ngx_http_pitchey_subs_find(subs, job);

    if (j && j->asked) {
        ngx_http_pitchey_subs_say(subs, "error", job, "conflict",
                                  "The job is subscribed already.");
        return;
    }

    if (subs->nasked == plcf->ws_subscriptions) {
        ngx_http_pitchey_subs_say(subs, "error", job, "too_many_subscriptions",
                                  "Unsubscribe from others first.");
        return;
    }

    if (j) {
        ngx_http_pitchey_subs_rewind(j);

    } else {
        j = ngx_http_pitchey_subs_add(subs, job);
    }

    if (j) {
        j->asked = 1;
        subs->nasked++;

        /* which may refuse it, and free it, at once */
        if (ngx_http_pitchey_watch_join(&j->sub, job, after) == NGX_OK) {
            return;
        }

        ngx_http_pitchey_subs_remove(j);
    }

    ngx_http_pitchey_subs_fail(subs);
}


/* it came by all, and is told once more, from where the client says */
static void
ngx_http_pitchey_subs_rewind(ngx_http_pitchey_subs_job_t *j)
{
    j->followed = (j->sub.watch != NULL);
    j->over = !j->followed;
    j->told = j->sub.seq;

    ngx_http_pitchey_watch_leave(&j->sub);
    ngx_http_pitchey_subs_idle(j);

    ngx_memzero(&j->sub, sizeof(ngx_http_pitchey_subscriber_t));
    j->sub.transport = &ngx_http_pitchey_subs_transport;
    j->sub.stream = j->subs->stream;
}


/*
 * It is not subscribed by its id any more.  Where all are, it goes on with
 * them; if its replay did not come, from where they had it.
 */
static void
ngx_http_pitchey_subs_unask(ngx_http_pitchey_subs_job_t *j)
{
    ngx_http_pitchey_subs_t  *subs;

    subs = j->subs;

    if (subs->all.owner == NULL || !(j->sub.ready || j->followed || j->over)) {
        ngx_http_pitchey_subs_remove(j);
        return;
    }

    j->asked = 0;
    subs->nasked--;

    if (j->sub.ready) {
        return;
    }

    ngx_http_pitchey_watch_leave(&j->sub);

    if (j->over) {
        ngx_http_pitchey_subs_remember(j);

    } else if (ngx_http_pitchey_subs_attach(j, j->told, j->told) != NGX_OK) {
        ngx_http_pitchey_subs_remove(j);
    }
}


static void
ngx_http_pitchey_subs_subscribe_all(ngx_http_pitchey_subs_t *subs,
    const pt_json_t *message)
{
    int64_t           ms;
    const pt_json_t  *since;

    ms = 0;
    since = pt_json_member(message, "since");

    /* the format is strict about what the parser takes on trust */

    if (since && (since->type != PT_JSON_STRING
                  || !pt_format_check(PT_FORMAT_DATE_TIME, since->text)
                  || !ngx_http_pitchey_timestamp_parse(since->text, &ms)
                  || ms <= 0))
    {
        ngx_http_pitchey_subs_say(subs, "error", NULL, "bad_message",
                                  "\"since\" is a date-time of RFC 3339.");
        return;
    }

    if (subs->all.owner != NULL) {
        ngx_http_pitchey_subs_say(subs, "error", NULL, "conflict",
                                  "All jobs are subscribed already.");
        return;
    }

    if (ngx_http_pitchey_owner_join(&subs->all, ms) != NGX_OK) {
        ngx_http_pitchey_subs_fail(subs);
    }
}


static void
ngx_http_pitchey_subs_unsubscribe(ngx_http_pitchey_subs_t *subs,
    const pt_json_t *message)
{
    pt_id_t                       job;
    ngx_uint_t                    all;
    ngx_rbtree_node_t            *node, *next;
    ngx_http_pitchey_subs_job_t  *j;

    if (ngx_http_pitchey_subs_target(subs, message, &all, &job) != NGX_OK) {
        return;
    }

    if (!all) {
        j = ngx_http_pitchey_subs_find(subs, &job);

        if (j == NULL || !j->asked) {
            ngx_http_pitchey_subs_say(subs, "error", &job, "not_found",
                                      "The job is not subscribed.");
            return;
        }

        ngx_http_pitchey_subs_unask(j);
        ngx_http_pitchey_subs_say(subs, "unsubscribed", &job, NULL, NULL);

        return;
    }

    if (subs->all.owner == NULL) {
        ngx_http_pitchey_subs_say(subs, "error", NULL, "not_found",
                                  "All jobs are not subscribed.");
        return;
    }

    ngx_http_pitchey_owner_leave(&subs->all);

    for (node = (subs->tree.root == subs->tree.sentinel) ? NULL
                : ngx_rbtree_min(subs->tree.root, subs->tree.sentinel);
         node;
         node = next)
    {
        next = ngx_rbtree_next(&subs->tree, node);
        j = (ngx_http_pitchey_subs_job_t *) node;

        if (!j->asked) {
            ngx_http_pitchey_subs_remove(j);
        }
    }

    ngx_http_pitchey_subs_say(subs, "unsubscribed", NULL, NULL, NULL);
}


static ngx_rbtree_key_t
ngx_http_pitchey_subs_key(const pt_id_t *job)
{
    ngx_rbtree_key_t  key;

    /* the end of an id is random */
    ngx_memcpy(&key, job->bytes + sizeof(job->bytes) - sizeof(key),
               sizeof(key));

    return key;
}


static ngx_http_pitchey_subs_job_t *
ngx_http_pitchey_subs_find(ngx_http_pitchey_subs_t *subs, const pt_id_t *job)
{
    ngx_rbtree_key_t              key;
    ngx_rbtree_node_t            *node;
    ngx_http_pitchey_subs_job_t  *j;

    key = ngx_http_pitchey_subs_key(job);
    node = subs->tree.root;

    while (node != subs->tree.sentinel) {
        j = (ngx_http_pitchey_subs_job_t *) node;

        if (pt_id_eq(&j->job, job)) {
            return j;
        }

        /* equal keys stand to the right */
        node = (key < node->key) ? node->left : node->right;
    }

    return NULL;
}


static ngx_http_pitchey_subs_job_t *
ngx_http_pitchey_subs_add(ngx_http_pitchey_subs_t *subs, const pt_id_t *job)
{
    ngx_http_pitchey_subs_job_t  *j;

    j = ngx_calloc(sizeof(ngx_http_pitchey_subs_job_t),
                   subs->stream->request->connection->log);
    if (j == NULL) {
        return NULL;
    }

    j->job = *job;
    j->subs = subs;
    j->sub.transport = &ngx_http_pitchey_subs_transport;
    j->sub.stream = subs->stream;

    ngx_queue_init(&j->active);
    ngx_queue_init(&j->ended);

    j->node.key = ngx_http_pitchey_subs_key(job);
    ngx_rbtree_insert(&subs->tree, &j->node);

    return j;
}


static void
ngx_http_pitchey_subs_remove(ngx_http_pitchey_subs_job_t *j)
{
    if (j->asked) {
        j->subs->nasked--;
    }

    ngx_http_pitchey_watch_leave(&j->sub);
    ngx_http_pitchey_subs_idle(j);

    ngx_rbtree_delete(&j->subs->tree, &j->node);
    ngx_free(j);
}


/* in neither of the queues */
static void
ngx_http_pitchey_subs_idle(ngx_http_pitchey_subs_job_t *j)
{
    ngx_queue_remove(&j->active);
    ngx_queue_init(&j->active);

    ngx_queue_remove(&j->ended);
    ngx_queue_init(&j->ended);
}


static ngx_int_t
ngx_http_pitchey_subs_attach(ngx_http_pitchey_subs_job_t *j, uint32_t after,
    uint32_t known)
{
    if (ngx_http_pitchey_watch_attach(&j->sub, &j->job, after, known)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (j->sub.ready) {
        ngx_queue_insert_tail(&j->subs->active, &j->active);
    }

    return NGX_OK;
}


static void
ngx_http_pitchey_subs_ready(ngx_http_pitchey_subscriber_t *sub)
{
    ngx_http_pitchey_subs_job_t  *j;

    j = ngx_queue_data(sub, ngx_http_pitchey_subs_job_t, sub);

    if (j->asked) {
        ngx_http_pitchey_subs_say(j->subs, "subscribed", &j->job, NULL, NULL);
    }

    ngx_http_pitchey_subs_news(sub);
}


static void
ngx_http_pitchey_subs_news(ngx_http_pitchey_subscriber_t *sub)
{
    ngx_http_pitchey_subs_job_t  *j;

    j = ngx_queue_data(sub, ngx_http_pitchey_subs_job_t, sub);

    if (ngx_queue_empty(&j->active)) {
        ngx_queue_insert_tail(&j->subs->active, &j->active);
    }

    ngx_http_pitchey_ws_advance(j->subs->ws);
}


static void
ngx_http_pitchey_subs_refused(ngx_http_pitchey_subscriber_t *sub,
    const ngx_http_pitchey_reply_t *reply)
{
    pt_id_t                       job;
    ngx_http_pitchey_subs_t      *subs;
    ngx_http_pitchey_subs_job_t  *j;

    j = ngx_queue_data(sub, ngx_http_pitchey_subs_job_t, sub);

    subs = j->subs;
    job = j->job;

    if (!j->asked) {
        /* the next CHANGED names it again */
        ngx_http_pitchey_subs_remove(j);
        return;
    }

    ngx_http_pitchey_subs_unask(j);

    if (reply->err == PT_E_INVALID) {
        ngx_http_pitchey_subs_say(subs, "error", &job, "bad_message",
                                  "The job has no event of that number.");

    } else {
        ngx_http_pitchey_subs_reply_error(subs, &job, reply);
    }

    ngx_http_pitchey_ws_advance(subs->ws);
}


static void
ngx_http_pitchey_subs_gone(ngx_http_pitchey_subscriber_t *sub)
{
    ngx_http_pitchey_subs_t      *subs;
    ngx_http_pitchey_subs_job_t  *j;

    j = ngx_queue_data(sub, ngx_http_pitchey_subs_job_t, sub);
    subs = j->subs;

    ngx_http_pitchey_subs_done(j);
    ngx_http_pitchey_ws_advance(subs->ws);
}


/* all was told: its subscription ends */
static void
ngx_http_pitchey_subs_done(ngx_http_pitchey_subs_job_t *j)
{
    ngx_http_pitchey_subs_t  *subs;

    subs = j->subs;

    if (j->asked) {
        ngx_http_pitchey_subs_say(subs, "end", &j->job, NULL, NULL);
        j->asked = 0;
        subs->nasked--;
    }

    if (subs->all.owner == NULL) {
        ngx_http_pitchey_subs_remove(j);
        return;
    }

    ngx_http_pitchey_watch_leave(&j->sub);
    ngx_http_pitchey_subs_remember(j);
}


/* it has ended, and CHANGED may name it again: it was told */
static void
ngx_http_pitchey_subs_remember(ngx_http_pitchey_subs_job_t *j)
{
    ngx_queue_t                  *q;
    ngx_http_pitchey_subs_t      *subs;
    ngx_http_pitchey_subs_job_t  *old;

    subs = j->subs;

    ngx_http_pitchey_subs_idle(j);

    j->end_time = ngx_current_msec;
    ngx_queue_insert_tail(&subs->ended, &j->ended);

    for ( ;; ) {
        q = ngx_queue_head(&subs->ended);
        old = ngx_queue_data(q, ngx_http_pitchey_subs_job_t, ended);

        if (ngx_current_msec - old->end_time < NGX_HTTP_PITCHEY_SUBS_ENDED) {
            return;
        }

        ngx_http_pitchey_subs_remove(old);
    }
}


static void
ngx_http_pitchey_subs_all_list(ngx_http_pitchey_member_t *m, pt_str_t json)
{
    pt_buf_t                buf;
    ngx_http_pitchey_subs_t  *subs;

    subs = ngx_queue_data(m, ngx_http_pitchey_subs_t, all);

    /* an object: its members go on behind the type */

    pt_buf_init(&buf, &pt_mem_heap, json.len + 64);
    pt_buf_add_text(&buf, "{\"type\":\"jobs\",");
    pt_buf_add(&buf, json.data + 1, json.len - 1);

    if (buf.err == PT_OK) {
        ngx_http_pitchey_ws_text(subs->ws, pt_buf_str(&buf));
    }

    pt_buf_done(&buf);
}


static void
ngx_http_pitchey_subs_all_job(ngx_http_pitchey_member_t *m, const pt_id_t *job,
    uint32_t after, uint32_t known, ngx_uint_t open)
{
    ngx_http_pitchey_subs_t      *subs;
    ngx_http_pitchey_subs_job_t  *j;

    subs = ngx_queue_data(m, ngx_http_pitchey_subs_t, all);

    if (!open && after == known) {
        return;
    }

    j = ngx_http_pitchey_subs_find(subs, job);

    if (j) {
        if (!j->sub.ready && !j->followed && !j->over) {
            /* should its own replay be refused */
            j->followed = 1;
            j->told = after;
        }

        return;
    }

    j = ngx_http_pitchey_subs_add(subs, job);

    if (j && ngx_http_pitchey_subs_attach(j, after, known) != NGX_OK) {
        ngx_http_pitchey_subs_remove(j);
    }
}


static void
ngx_http_pitchey_subs_all_flush(ngx_http_pitchey_member_t *m)
{
    ngx_http_pitchey_subs_t  *subs;

    subs = ngx_queue_data(m, ngx_http_pitchey_subs_t, all);

    ngx_http_pitchey_ws_advance(subs->ws);
}


static void
ngx_http_pitchey_subs_all_refused(ngx_http_pitchey_member_t *m,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_http_pitchey_subs_t  *subs;

    subs = ngx_queue_data(m, ngx_http_pitchey_subs_t, all);

    ngx_http_pitchey_subs_reply_error(subs, NULL, reply);
    ngx_http_pitchey_ws_advance(subs->ws);
}


/* {"type","job" or "all","code","detail"} */
static void
ngx_http_pitchey_subs_say(ngx_http_pitchey_subs_t *subs, const char *type,
    const pt_id_t *job, const char *code, const char *detail)
{
    char        id[PT_ID_TEXT_LEN];
    pt_buf_t    buf;
    pt_jsonw_t  w;

    pt_buf_init(&buf, &pt_mem_heap, 4096);
    pt_jsonw_init(&w, &buf);

    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "type");
    pt_jsonw_text(&w, type);

    if (job) {
        pt_id_format(job, id);
        pt_jsonw_key(&w, "job");
        pt_jsonw_str(&w, (pt_str_t) { id, PT_ID_TEXT_LEN });

    } else if (ngx_strcmp(type, "unsubscribed") == 0) {
        pt_jsonw_key(&w, "all");
        pt_jsonw_bool(&w, true);
    }

    if (code) {
        pt_jsonw_key(&w, "code");
        pt_jsonw_text(&w, code);
        pt_jsonw_key(&w, "detail");
        pt_jsonw_text(&w, detail);
    }

    pt_jsonw_end(&w);

    if (buf.err == PT_OK) {
        ngx_http_pitchey_ws_text(subs->ws, pt_buf_str(&buf));

    } else {
        ngx_http_pitchey_subs_fail(subs);
    }

    pt_buf_done(&buf);
}


static void
ngx_http_pitchey_subs_fail(ngx_http_pitchey_subs_t *subs)
{
    ngx_http_pitchey_ws_close_with(subs->ws, WSLAY_CODE_INTERNAL_SERVER_ERROR);
}


static void
ngx_http_pitchey_subs_reply_error(ngx_http_pitchey_subs_t *subs,
    const pt_id_t *job, const ngx_http_pitchey_reply_t *reply)
{
    const char  *detail;

    detail = (reply->err == PT_E_NOT_FOUND) ? "There is no such job."
             : pt_err_retryable(reply->err) ? "Nobody can say just now: try "
                                              "again."
                                            : "The subscription was refused.";

    ngx_http_pitchey_subs_say(subs, "error", job, pt_err_code(reply->err),
                              detail);
}


/* one of each job in turn */
ngx_int_t
ngx_http_pitchey_subs_next(ngx_http_pitchey_subs_t *subs,
    ngx_http_pitchey_news_t **ret_news)
{
    ngx_int_t                     rc;
    ngx_queue_t                  *q;
    ngx_http_pitchey_news_t      *news;
    ngx_http_pitchey_subs_job_t  *j;

    while (!ngx_queue_empty(&subs->active)) {
        q = ngx_queue_head(&subs->active);
        j = ngx_queue_data(q, ngx_http_pitchey_subs_job_t, active);

        ngx_queue_remove(q);
        ngx_queue_init(q);

        rc = ngx_http_pitchey_watch_take(&j->sub, &news);

        if (rc == NGX_DONE) {
            ngx_http_pitchey_subs_done(j);
            return NGX_AGAIN;
        }

        if (rc != NGX_OK) {
            continue;
        }

        ngx_queue_insert_tail(&subs->active, q);

        if (!ngx_http_pitchey_news_frame(news, &j->job)) {
            ngx_http_pitchey_news_unref(news);
            return NGX_ERROR;
        }

        *ret_news = news;

        return NGX_OK;
    }

    return NGX_DECLINED;
}


void
ngx_http_pitchey_subs_close(ngx_http_pitchey_subs_t *subs)
{
    ngx_http_pitchey_owner_leave(&subs->all);

    while (subs->tree.root != subs->tree.sentinel) {
        ngx_http_pitchey_subs_remove(
                           (ngx_http_pitchey_subs_job_t *) subs->tree.root);
    }
}
