/* Users of whom this worker follows all jobs. */

#include "ngx_http_pitchey_owner.h"
#include "pt_json.h"


/* ms */
#define NGX_HTTP_PITCHEY_OWNER_LIST   60000
#define NGX_HTTP_PITCHEY_OWNER_ALIVE  5000

/* in one tick: after an orchestrator's restart all are due */
#define NGX_HTTP_PITCHEY_OWNER_TURN   50

/* ms that the database's clock may differ, and an answer may take */
#define NGX_HTTP_PITCHEY_OWNER_SLACK  60000


struct ngx_http_pitchey_owner_s {
    ngx_str_node_t     node;           /* the user's id */
    ngx_queue_t        queue;
    ngx_queue_t        members;
    ngx_uint_t         pending;        /* answers to come: it stays for them */
    uint64_t           rid;            /* of CHANGED for all; 0: none */
    int64_t            asked;          /* ms since 1970: when, */
    int64_t            since;          /* and what it covers */
    int64_t            covered;        /* the last one that was answered */
    ngx_msec_t         due;            /* of the next one */
    pt_request_t       asker;
    unsigned           in_force:1;
    u_char             text[NGX_HTTP_PITCHEY_ASKER_MAX];
};


typedef struct {
    ngx_rbtree_t       tree;
    ngx_rbtree_node_t  sentinel;
    ngx_queue_t        owners;
    ngx_msec_t         alive_time;
    ngx_log_t         *log;
} ngx_http_pitchey_owners_t;


static ngx_http_pitchey_owner_t *ngx_http_pitchey_owner_find(
    const ngx_str_t *user);
static ngx_http_pitchey_owner_t *ngx_http_pitchey_owner_create(
    ngx_http_request_t *r);
static void ngx_http_pitchey_owner_unref(ngx_http_pitchey_owner_t *o);
static void ngx_http_pitchey_owner_start(ngx_http_pitchey_owner_t *o);
static void ngx_http_pitchey_owner_watch(ngx_http_pitchey_owner_t *o,
    ngx_uint_t to);
static void ngx_http_pitchey_owner_watched(void *data,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_owner_unwatch(ngx_http_pitchey_owner_t *o);
static void ngx_http_pitchey_owner_unwatched(void *data,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_owner_refuse(ngx_http_pitchey_member_t *m,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_owner_list(ngx_http_pitchey_member_t *m);
static void ngx_http_pitchey_owner_listed(void *data,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_owner_relist(ngx_http_pitchey_owner_t *o);
static void ngx_http_pitchey_owner_relisted(void *data,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_owner_jobs(ngx_http_pitchey_owner_t *o,
    ngx_http_pitchey_member_t *m, const pt_json_t *jobs);
static ngx_int_t ngx_http_pitchey_owner_ask(ngx_http_pitchey_owner_t *o,
    int64_t since, ngx_http_pitchey_call_pt handler, void *data,
    uint64_t *ret_rid);
static int64_t ngx_http_pitchey_owner_now(void);


static ngx_http_pitchey_owners_t  ngx_http_pitchey_owners;


ngx_int_t
ngx_http_pitchey_owner_join(ngx_http_pitchey_member_t *m, int64_t since)
{
    ngx_http_request_t        *r;
    ngx_http_pitchey_ctx_t    *ctx;
    ngx_http_pitchey_owner_t  *o;

    r = m->stream->request;
    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    o = ngx_http_pitchey_owner_find(&ctx->user.id);

    if (o == NULL) {
        o = ngx_http_pitchey_owner_create(r);
        if (o == NULL) {
            return NGX_ERROR;
        }
    }

    m->owner = o;
    m->since = since ? since : ngx_http_pitchey_owner_now();
    m->listed = 0;
    m->rid = 0;
    ngx_queue_insert_tail(&o->members, &m->queue);

    if (o->in_force) {
        ngx_http_pitchey_owner_list(m);

    } else if (o->pending == 0) {
        ngx_http_pitchey_owner_start(o);
    }

    return NGX_OK;
}


void
ngx_http_pitchey_owner_leave(ngx_http_pitchey_member_t *m)
{
    ngx_http_pitchey_owner_t  *o;

    o = m->owner;

    if (o == NULL) {
        return;
    }

    m->owner = NULL;
    ngx_queue_remove(&m->queue);

    if (m->rid) {
        ngx_http_pitchey_zmq_forget(m->rid);
        m->rid = 0;
    }

    ngx_http_pitchey_owner_unref(o);
}


static ngx_http_pitchey_owner_t *
ngx_http_pitchey_owner_find(const ngx_str_t *user)
{
    ngx_str_t  name;

    name = *user;
    name.len = ngx_min(name.len, PT_USER_MAX);

    return (ngx_http_pitchey_owner_t *)
               ngx_str_rbtree_lookup(&ngx_http_pitchey_owners.tree, &name,
                                     ngx_crc32_short(name.data, name.len));
}


static ngx_http_pitchey_owner_t *
ngx_http_pitchey_owner_create(ngx_http_request_t *r)
{
    ngx_http_pitchey_owner_t  *o;

    o = ngx_calloc(sizeof(ngx_http_pitchey_owner_t),
                   ngx_http_pitchey_owners.log);
    if (o == NULL) {
        return NULL;
    }

    ngx_http_pitchey_watch_asker(r, &o->asker, o->text);
    ngx_queue_init(&o->members);

    o->due = ngx_current_msec + NGX_HTTP_PITCHEY_OWNER_LIST;
    o->covered = ngx_http_pitchey_owner_now();

    o->node.str.data = (u_char *) o->asker.user.data;
    o->node.str.len = o->asker.user.len;
    o->node.node.key = ngx_crc32_short(o->node.str.data, o->node.str.len);

    ngx_rbtree_insert(&ngx_http_pitchey_owners.tree, &o->node.node);
    ngx_queue_insert_tail(&ngx_http_pitchey_owners.owners, &o->queue);

    return o;
}


static void
ngx_http_pitchey_owner_unref(ngx_http_pitchey_owner_t *o)
{
    if (o->pending || !ngx_queue_empty(&o->members)) {
        return;
    }

    if (o->rid) {
        ngx_http_pitchey_zmq_forget(o->rid);
    }

    if (o->in_force) {
        ngx_http_pitchey_owner_unwatch(o);
    }

    ngx_rbtree_delete(&ngx_http_pitchey_owners.tree, &o->node.node);
    ngx_queue_remove(&o->queue);
    ngx_free(o);
}


/* at every orchestrator, since any may run a job of the user's */
static void
ngx_http_pitchey_owner_start(ngx_http_pitchey_owner_t *o)
{
    ngx_uint_t                  i;
    ngx_queue_t                *q;
    ngx_http_pitchey_reply_t    reply;
    ngx_http_pitchey_member_t  *m;

    for (i = 0; i < ngx_http_pitchey_zmq_count(); i++) {
        if (ngx_http_pitchey_zmq_connected(i)) {
            ngx_http_pitchey_owner_watch(o, i);
        }
    }

    if (o->pending == 0) {
        ngx_http_pitchey_owner_watch(o, NGX_HTTP_PITCHEY_ZMQ_ANY);
    }

    if (o->pending) {
        return;
    }

    ngx_memzero(&reply, sizeof(ngx_http_pitchey_reply_t));
    reply.err = PT_E_UNAVAILABLE;

    /* the one who has just come: there were no others without an answer */

    q = ngx_queue_last(&o->members);
    m = ngx_queue_data(q, ngx_http_pitchey_member_t, queue);

    ngx_http_pitchey_owner_refuse(m, &reply);
}


static void
ngx_http_pitchey_owner_watch(ngx_http_pitchey_owner_t *o, ngx_uint_t to)
{
    pt_msg_t  msg;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_WATCH;
    msg.u.watch.rq = o->asker;

    if (ngx_http_pitchey_zmq_call(to, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                  ngx_http_pitchey_owner_watched, o, NULL)
        == NGX_OK)
    {
        o->pending++;
    }
}


static void
ngx_http_pitchey_owner_watched(void *data,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_queue_t                 members, *q;
    ngx_http_pitchey_member_t  *m;
    ngx_http_pitchey_owner_t   *o = data;

    if (reply->err == PT_OK) {
        o->in_force = 1;
    }

    if (!o->in_force && o->pending > 1) {
        o->pending--;
        return;
    }

    /* each of these may leave, and the last one would end it */

    ngx_queue_init(&members);

    if (!ngx_queue_empty(&o->members)) {
        ngx_queue_add(&members, &o->members);
        ngx_queue_init(&o->members);
    }

    while (!ngx_queue_empty(&members)) {
        q = ngx_queue_head(&members);
        m = ngx_queue_data(q, ngx_http_pitchey_member_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&o->members, q);

        if (m->listed || m->rid) {
            continue;
        }

        if (o->in_force) {
            ngx_http_pitchey_owner_list(m);

        } else {
            ngx_http_pitchey_owner_refuse(m, reply);
        }
    }

    o->pending--;
    ngx_http_pitchey_owner_unref(o);
}


static void
ngx_http_pitchey_owner_unwatch(ngx_http_pitchey_owner_t *o)
{
    pt_msg_t    msg;
    ngx_uint_t  i;

    for (i = 0; i < ngx_http_pitchey_zmq_count(); i++) {

        ngx_memzero(&msg, sizeof(pt_msg_t));

        msg.command = PT_CMD_UNWATCH;
        msg.u.watch.rq = o->asker;

        /* who is not there has forgotten it anyway */
        (void) ngx_http_pitchey_zmq_call(i, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                   ngx_http_pitchey_owner_unwatched, NULL,
                                   NULL);
    }
}


/* nothing hangs on the answer */
static void
ngx_http_pitchey_owner_unwatched(void *data,
    const ngx_http_pitchey_reply_t *reply)
{
}


static void
ngx_http_pitchey_owner_refuse(ngx_http_pitchey_member_t *m,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_http_pitchey_owner_leave(m);

    m->type->refused(m, reply);
}


static void
ngx_http_pitchey_owner_list(ngx_http_pitchey_member_t *m)
{
    ngx_http_pitchey_reply_t  reply;

    if (ngx_http_pitchey_owner_ask(m->owner, m->since,
                                   ngx_http_pitchey_owner_listed, m, &m->rid)
        != NGX_OK)
    {
        ngx_memzero(&reply, sizeof(ngx_http_pitchey_reply_t));
        reply.err = PT_E_UNAVAILABLE;

        ngx_http_pitchey_owner_refuse(m, &reply);
    }
}


static ngx_int_t
ngx_http_pitchey_owner_ask(ngx_http_pitchey_owner_t *o, int64_t since,
    ngx_http_pitchey_call_pt handler, void *data, uint64_t *ret_rid)
{
    pt_msg_t  msg;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_CHANGED;
    msg.u.changed.rq = o->asker;
    msg.u.changed.since = since;

    return ngx_http_pitchey_zmq_call(NGX_HTTP_PITCHEY_ZMQ_ANY, &msg,
                                     NGX_HTTP_PITCHEY_DEADLINE, handler, data,
                                     ret_rid);
}


static void
ngx_http_pitchey_owner_listed(void *data,
    const ngx_http_pitchey_reply_t *reply)
{
    pt_json_t                  *jobs;
    ngx_http_pitchey_reply_t    error;
    ngx_http_pitchey_member_t  *m = data;

    m->rid = 0;

    if (reply->err != PT_OK) {
        ngx_http_pitchey_owner_refuse(m, reply);
        return;
    }

    if (pt_json_parse(reply->body, &pt_mem_heap, &jobs, NULL) != PT_OK) {
        ngx_memzero(&error, sizeof(ngx_http_pitchey_reply_t));
        error.err = PT_E_INTERNAL;

        ngx_http_pitchey_owner_refuse(m, &error);
        return;
    }

    m->type->list(m, reply->body);
    ngx_http_pitchey_owner_jobs(m->owner, m, jobs);
    pt_json_free(jobs);

    m->listed = ngx_http_pitchey_owner_now();
    m->type->flush(m);
}


/* once for all members: what changed since the last one */
static void
ngx_http_pitchey_owner_relist(ngx_http_pitchey_owner_t *o)
{
    o->due = ngx_current_msec + NGX_HTTP_PITCHEY_OWNER_LIST;

    if (!o->in_force || o->rid) {
        return;
    }

    o->asked = ngx_http_pitchey_owner_now();
    o->since = o->covered - NGX_HTTP_PITCHEY_OWNER_SLACK;

    (void) ngx_http_pitchey_owner_ask(o, o->since,
                                      ngx_http_pitchey_owner_relisted, o,
                                      &o->rid);
}


static void
ngx_http_pitchey_owner_relisted(void *data,
    const ngx_http_pitchey_reply_t *reply)
{
    uint32_t                    known;
    pt_id_t                     id;
    pt_json_t                  *jobs;
    ngx_queue_t                 members, *q;
    const pt_json_t            *list, *job;
    ngx_http_pitchey_member_t  *m;
    ngx_http_pitchey_owner_t   *o = data;

    o->rid = 0;

    if (reply->err != PT_OK
        || pt_json_parse(reply->body, &pt_mem_heap, &jobs, NULL) != PT_OK)
    {
        return;
    }

    o->covered = o->asked;
    o->pending++;

    ngx_queue_init(&members);

    if (!ngx_queue_empty(&o->members)) {
        ngx_queue_add(&members, &o->members);
        ngx_queue_init(&o->members);
    }

    while (!ngx_queue_empty(&members)) {
        q = ngx_queue_head(&members);
        m = ngx_queue_data(q, ngx_http_pitchey_member_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&o->members, q);

        if (m->listed) {
            ngx_http_pitchey_owner_jobs(o, m, jobs);
            m->type->flush(m);
        }
    }

    /* those that were followed already may have moved */

    list = pt_json_member(jobs, "jobs");

    for (job = list ? list->first : NULL; job; job = job->next) {
        known = (uint32_t) pt_json_int(job, "seq", 0);

        if (pt_id_parse(pt_json_string(job, "job", PT_STR("")), &id) == PT_OK) {
            ngx_http_pitchey_watch_hint(&id, known);
        }
    }

    pt_json_free(jobs);

    o->pending--;
    ngx_http_pitchey_owner_unref(o);
}


/* the member's first list, or what it may have missed since */
static void
ngx_http_pitchey_owner_jobs(ngx_http_pitchey_owner_t *o,
    ngx_http_pitchey_member_t *m, const pt_json_t *jobs)
{
    pt_id_t           id;
    uint32_t          known;
    ngx_uint_t        open;
    const pt_json_t  *list, *job;

    list = pt_json_member(jobs, "jobs");

    for (job = list ? list->first : NULL; job; job = job->next) {
        known = (uint32_t) pt_json_int(job, "seq", 0);
        open = !ngx_http_pitchey_watch_is_terminal(
                                 pt_json_string(job, "status", PT_STR("")));

        if (pt_id_parse(pt_json_string(job, "job", PT_STR("")), &id) != PT_OK
            || (m->listed && !open && o->since < m->listed))
        {
            /* it may have ended before the member came */
            continue;
        }

        m->type->job(m, &id, m->listed ? 0 : known, known, open);
    }
}


void
ngx_http_pitchey_owner_receive(const pt_event_t *event)
{
    ngx_str_t                   user;
    ngx_queue_t                *q;
    ngx_http_pitchey_owner_t   *o;
    ngx_http_pitchey_member_t  *m;

    user = (ngx_str_t) { event->owner.len, (u_char *) event->owner.data };

    o = ngx_http_pitchey_owner_find(&user);

    if (o == NULL) {
        return;
    }

    for (q = ngx_queue_head(&o->members);
         q != ngx_queue_sentinel(&o->members);
         q = ngx_queue_next(q))
    {
        m = ngx_queue_data(q, ngx_http_pitchey_member_t, queue);

        if (m->listed) {
            m->type->job(m, &event->job, event->seq - 1, event->seq - 1, 1);

        } else {
            /* its list may have been read before this was committed */
            o->due = ngx_current_msec;
        }
    }
}


void
ngx_http_pitchey_owner_again(ngx_uint_t from)
{
    ngx_queue_t               *q;
    ngx_http_pitchey_owner_t  *o;

    for (q = ngx_queue_head(&ngx_http_pitchey_owners.owners);
         q != ngx_queue_sentinel(&ngx_http_pitchey_owners.owners);
         q = ngx_queue_next(q))
    {
        o = ngx_queue_data(q, ngx_http_pitchey_owner_t, queue);

        ngx_http_pitchey_owner_watch(o, from);
        o->due = ngx_current_msec;
    }
}


void
ngx_http_pitchey_owner_tick(void)
{
    ngx_uint_t                 i, turn;
    ngx_queue_t               *q, *owners;
    ngx_http_pitchey_owner_t  *o;

    owners = &ngx_http_pitchey_owners.owners;

    if (ngx_queue_empty(owners)) {
        return;
    }

    turn = 0;

    for (q = ngx_queue_head(owners);
         q != ngx_queue_sentinel(owners) && turn < NGX_HTTP_PITCHEY_OWNER_TURN;
         q = ngx_queue_next(q))
    {
        o = ngx_queue_data(q, ngx_http_pitchey_owner_t, queue);

        if ((ngx_msec_int_t) (o->due - ngx_current_msec) <= 0) {
            ngx_http_pitchey_owner_relist(o);
            turn++;
        }
    }

    if (ngx_current_msec - ngx_http_pitchey_owners.alive_time
        < NGX_HTTP_PITCHEY_OWNER_ALIVE)
    {
        return;
    }

    /* a worker that says nothing is forgotten, which SYNC prevents only where
     * there are jobs to follow */

    ngx_http_pitchey_owners.alive_time = ngx_current_msec;

    q = ngx_queue_head(owners);
    o = ngx_queue_data(q, ngx_http_pitchey_owner_t, queue);

    ngx_queue_remove(q);
    ngx_queue_insert_tail(owners, q);

    for (i = 0; i < ngx_http_pitchey_zmq_count(); i++) {
        if (ngx_http_pitchey_zmq_connected(i)) {
            ngx_http_pitchey_owner_watch(o, i);
        }
    }
}


static int64_t
ngx_http_pitchey_owner_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


void
ngx_http_pitchey_owner_init(ngx_cycle_t *cycle)
{
    ngx_rbtree_init(&ngx_http_pitchey_owners.tree,
                    &ngx_http_pitchey_owners.sentinel,
                    ngx_str_rbtree_insert_value);
    ngx_queue_init(&ngx_http_pitchey_owners.owners);

    ngx_http_pitchey_owners.log = cycle->log;
}
