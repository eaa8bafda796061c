/* Watches and events. */

#include <stdlib.h>
#include <utlist.h>

#include "orch.h"


/* workers send SYNC every 5 s while they have streams */
#define ORCH_PEER_SILENT_MS  120000

/* jobs in one answer to CHANGED */
#define ORCH_CHANGED_MAX     1000

/* "j" and 16 bytes, or "u" and a user id */
#define ORCH_TOPIC_MAX       (1 + PT_USER_MAX)


typedef struct orch_watch_s  orch_watch_t;

struct orch_watch_s {
    orch_topic_t    *topic;
    orch_peer_t     *peer;
    orch_watch_t    *prev, *next;              /* in the topic */
    orch_watch_t    *peer_prev, *peer_next;    /* in the peer */
    unsigned         asked;                    /* by WATCHes not answered */
    bool             good;                     /* one was its owner's */
};

struct orch_topic_s {
    orch_watch_t    *watches;
    UT_hash_handle   hh;
    unsigned char    key[ORCH_TOPIC_MAX];
};

struct orch_peer_s {
    orch_watch_t    *watches;
    uint64_t         heard_ms;
    uint64_t         round;                    /* the last event it got */
    bool             lagged;                   /* its watches go, LAGGED comes */
    bool             gone;
    UT_hash_handle   hh;
    size_t           len;
    char             identity[];
};


static size_t orch_topic_key(unsigned char *key, const pt_id_t *job,
    pt_str_t owner);
static orch_topic_t *orch_topic_find(orch_t *o, const pt_id_t *job,
    pt_str_t owner);
static orch_peer_t *orch_peer_find(orch_t *o, pt_str_t identity);
static orch_peer_t *orch_peer_get(orch_t *o, pt_str_t identity);
static orch_watch_t *orch_watch_add(orch_t *o, pt_str_t identity,
    const pt_id_t *job, pt_str_t owner);
static orch_watch_t *orch_watch_find(orch_topic_t *topic, orch_peer_t *peer);
static void orch_watch_remove(orch_t *o, orch_watch_t *watch);
static void orch_watch_topic(orch_request_t *rq, const pt_id_t **ret_job,
    pt_str_t *ret_owner);
static void orch_watch_synced(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_watch_changed_done(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static bool orch_publish_to(orch_t *o, orch_topic_t *topic,
    const pt_msg_t *msg);
static void orch_peer_clear(orch_t *o, orch_peer_t *peer);
static void orch_peers_sweep(orch_t *o);


void
orch_watch_watch(orch_request_t *rq)
{
    orch_t         *o = rq->o;
    pt_str_t        owner;
    orch_watch_t   *watch;
    const pt_id_t  *job;

    orch_watch_topic(rq, &job, &owner);

    if (job == NULL && owner.len == 0) {
        orch_refuse(rq, PT_E_INVALID, "nobody to watch");
        return;
    }

    /* in force before the job is read: nothing falls between */
    watch = orch_watch_add(o, rq->peer, job, owner);

    if (job == NULL) {
        orch_reply(rq, PT_STR("{}"));
        return;
    }

    if (watch) {
        watch->asked++;
        rq->asked = true;
    }

    orch_read_job(rq, job);
}


/* a job, or all of the requesting user */
static void
orch_watch_topic(orch_request_t *rq, const pt_id_t **ret_job,
    pt_str_t *ret_owner)
{
    const pt_watch_t  *m = &rq->msg.u.watch;

    *ret_job = pt_id_is_zero(&m->job) ? NULL : &m->job;
    *ret_owner = m->rq.user;
}


void
orch_watch_answered(orch_request_t *rq, bool theirs)
{
    orch_peer_t   *peer;
    orch_topic_t  *topic;
    orch_watch_t  *watch;

    if (rq->msg.command != PT_CMD_WATCH || !rq->asked) {
        return;
    }

    topic = orch_topic_find(rq->o, &rq->msg.u.watch.job, PT_STR_NULL);
    peer = orch_peer_find(rq->o, rq->peer);
    watch = topic && peer ? orch_watch_find(topic, peer) : NULL;

    if (watch == NULL || watch->asked == 0) {
        return;
    }

    watch->asked--;
    watch->good |= theirs;

    /* the owner's own may be under way, beside a stranger's */
    if (!watch->good && watch->asked == 0) {
        orch_watch_remove(rq->o, watch);
    }
}


void
orch_watch_unwatch(orch_request_t *rq)
{
    pt_str_t        owner;
    orch_peer_t    *peer;
    orch_topic_t   *topic;
    orch_watch_t   *watch;
    const pt_id_t  *job;

    orch_watch_topic(rq, &job, &owner);

    topic = orch_topic_find(rq->o, job, owner);
    peer = orch_peer_find(rq->o, rq->peer);
    watch = topic && peer ? orch_watch_find(topic, peer) : NULL;

    if (watch) {
        orch_watch_remove(rq->o, watch);
    }

    orch_reply(rq, PT_STR("{}"));
}


void
orch_watch_sync(orch_request_t *rq)
{
    size_t           i;
    pt_id_t          id;
    pt_str_t         marks = rq->msg.u.sync.jobs;
    uint32_t         seq;
    pt_err_t         err;
    orch_watch_t    *watch;
    pt_pg_args_t     args = { .n = 0 };
    pt_pg_column_t   jobs, seqs;

    if (marks.len == 0) {
        orch_reply(rq, PT_STR(""));
        return;
    }

    pt_pg_column_init(&jobs, PT_PG_UUID);
    pt_pg_column_init(&seqs, PT_PG_INT4);

    for (i = 0; i < pt_marks_count(marks); i++) {
        pt_mark_read(marks, i, &id, &seq);
        watch = orch_watch_add(rq->o, rq->peer, &id, PT_STR_NULL);

        if (watch) {
            watch->good = true;
        }

        pt_pg_column_id(&jobs, &id);
        pt_pg_column_int4(&seqs, seq < INT32_MAX ? (int32_t) seq : INT32_MAX);
    }

    pt_pg_arg_column(&args, &jobs);
    pt_pg_arg_column(&args, &seqs);

    err = orch_db_query(rq->o, ORCH_DB_READ, ORCH_SQL_SYNC, &args,
                        orch_watch_synced, rq);

    pt_pg_column_done(&jobs);
    pt_pg_column_done(&seqs);

    if (err != PT_OK) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_watch_synced(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    int              i;
    pt_id_t          id;
    uint8_t          mark[PT_MARK_LEN];
    pt_buf_t         buf;
    orch_request_t  *rq = ctx;

    if (err != PT_OK || n != 1) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
        return;
    }

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);

    for (i = 0; i < PQntuples(results[0]); i++) {
        id = pt_pg_id(results[0], i, 0);
        pt_mark_write(mark, &id, (uint32_t) pt_pg_int(results[0], i, 1));
        pt_buf_add(&buf, mark, sizeof(mark));
    }

    if (buf.err == PT_OK) {
        orch_reply(rq, pt_buf_str(&buf));

    } else {
        orch_refuse(rq, buf.err, "out of memory");
    }

    pt_buf_done(&buf);
}


void
orch_watch_changed(orch_request_t *rq)
{
    pt_pg_args_t  args = { .n = 0 };

    pt_pg_arg_text(&args, rq->msg.u.changed.rq.user);
    pt_pg_arg_time(&args, rq->msg.u.changed.since);

    /* one more tells whether there are more */
    pt_pg_arg_int4(&args, ORCH_CHANGED_MAX + 1);

    if (orch_db_query(rq->o, ORCH_DB_READ, ORCH_SQL_CHANGED, &args,
                      orch_watch_changed_done, rq)
        != PT_OK)
    {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_watch_changed_done(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    int              i, rows;
    pt_id_t          id;
    pt_buf_t         buf;
    pt_jsonw_t       w;
    orch_request_t  *rq = ctx;

    if (err != PT_OK || n != 1) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
        return;
    }

    rows = PQntuples(results[0]);

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);

    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "jobs");
    pt_jsonw_array(&w);

    for (i = 0; i < rows && i < ORCH_CHANGED_MAX; i++) {
        id = pt_pg_id(results[0], i, 0);

        pt_jsonw_object(&w);
        orch_json_id(&w, "job", &id);
        pt_jsonw_key(&w, "seq");
        pt_jsonw_int(&w, pt_pg_int(results[0], i, 1));
        pt_jsonw_key(&w, "status");
        pt_jsonw_str(&w, pt_pg_text(results[0], i, 2));
        pt_jsonw_end(&w);
    }

    pt_jsonw_end(&w);
    pt_jsonw_key(&w, "more");
    pt_jsonw_bool(&w, rows > ORCH_CHANGED_MAX);
    pt_jsonw_end(&w);

    if (buf.err == PT_OK) {
        orch_reply(rq, pt_buf_str(&buf));

    } else {
        orch_refuse(rq, buf.err, "out of memory");
    }

    pt_buf_done(&buf);
}


void
orch_publish(orch_t *o, const pt_id_t *job, pt_str_t owner, uint32_t seq,
    const char *type, pt_str_t body)
{
    bool           failed;
    pt_msg_t       msg = { .command = PT_CMD_EVENT };
    orch_topic_t  *of_job, *of_owner;

    of_job = orch_topic_find(o, job, PT_STR_NULL);
    of_owner = orch_topic_find(o, NULL, owner);

    if (of_job == NULL && of_owner == NULL) {
        return;
    }

    if (seq > 1 && ORCH_FAULT("event-number-reused")) {
        seq--;
    }

    msg.u.event = (pt_event_t) { *job, owner, seq, pt_str(type), body };
    o->watches.round++;

    failed = orch_publish_to(o, of_job, &msg);
    failed |= orch_publish_to(o, of_owner, &msg);

    if (failed) {
        orch_peers_sweep(o);
    }
}


/* whether a peer could not take it */
static bool
orch_publish_to(orch_t *o, orch_topic_t *topic, const pt_msg_t *msg)
{
    bool           failed = false;
    pt_err_t       err;
    orch_peer_t   *peer;
    orch_watch_t  *watch;

    DL_FOREACH(topic ? topic->watches : NULL, watch) {
        peer = watch->peer;

        if (peer->round == o->watches.round || peer->lagged || peer->gone) {
            continue;
        }

        peer->round = o->watches.round;
        err = pt_zloop_send(o->edge.socket,
                            (pt_str_t) { peer->identity, peer->len }, msg);

        if (err == PT_OK) {
            continue;
        }

        failed = true;

        if (err == PT_E_QUEUE_FULL) {
            peer->lagged = true;
            o->watches.lagging = true;

        } else {
            peer->gone = true;
        }
    }

    return failed;
}


bool
orch_is_watched(orch_t *o, const pt_id_t *job, pt_str_t owner)
{
    return o->watches.topics
           && (orch_topic_find(o, job, PT_STR_NULL)
               || orch_topic_find(o, NULL, owner));
}


void
orch_watch_heard(orch_t *o, pt_str_t identity)
{
    orch_peer_t  *peer = orch_peer_find(o, identity);

    if (peer) {
        peer->heard_ms = orch_loop_ms(o);
    }
}


void
orch_watch_tick(orch_t *o)
{
    pt_msg_t      msg = { .command = PT_CMD_LAGGED };
    pt_err_t      err;
    uint64_t      now = orch_loop_ms(o);
    orch_peer_t  *peer, *next;

    if (!o->watches.lagging && o->ticks % 100 != 0) {
        return;
    }

    o->watches.lagging = false;

    HASH_ITER(hh, o->watches.peers, peer, next) {
        if (peer->lagged) {
            err = pt_zloop_send(o->edge.socket,
                                (pt_str_t) { peer->identity, peer->len },
                                &msg);
            peer->lagged = err == PT_E_QUEUE_FULL;
            peer->gone = err != PT_OK && !peer->lagged;
            o->watches.lagging |= peer->lagged;
        }

        if (now - peer->heard_ms > ORCH_PEER_SILENT_MS) {
            peer->gone = true;
        }
    }

    orch_peers_sweep(o);
}


void
orch_watch_done(orch_t *o)
{
    orch_peer_t  *peer, *next;

    HASH_ITER(hh, o->watches.peers, peer, next) {
        peer->gone = true;
    }

    orch_peers_sweep(o);
}


/* those that lag or have gone have no watches; those that have gone are not */
static void
orch_peers_sweep(orch_t *o)
{
    orch_peer_t  *peer, *next;

    HASH_ITER(hh, o->watches.peers, peer, next) {
        if (peer->lagged || peer->gone) {
            orch_peer_clear(o, peer);
        }

        if (peer->gone) {
            HASH_DEL(o->watches.peers, peer);
            free(peer);
        }
    }
}


static void
orch_peer_clear(orch_t *o, orch_peer_t *peer)
{
    while (peer->watches) {
        orch_watch_remove(o, peer->watches);
    }
}


static size_t
orch_topic_key(unsigned char *key, const pt_id_t *job, pt_str_t owner)
{
    if (job) {
        key[0] = 'j';
        memcpy(key + 1, job->bytes, sizeof(job->bytes));
        return 1 + sizeof(job->bytes);
    }

    key[0] = 'u';
    memcpy(key + 1, owner.data, owner.len);

    return 1 + owner.len;
}


static orch_topic_t *
orch_topic_find(orch_t *o, const pt_id_t *job, pt_str_t owner)
{
    size_t         len;
    orch_topic_t  *topic;
    unsigned char  key[ORCH_TOPIC_MAX];

    len = orch_topic_key(key, job, owner);
    HASH_FIND(hh, o->watches.topics, key, len, topic);

    return topic;
}


static orch_peer_t *
orch_peer_find(orch_t *o, pt_str_t identity)
{
    orch_peer_t  *peer;

    HASH_FIND(hh, o->watches.peers, identity.data, identity.len, peer);

    return peer;
}


static orch_peer_t *
orch_peer_get(orch_t *o, pt_str_t identity)
{
    orch_peer_t  *peer;

    peer = orch_peer_find(o, identity);
    if (peer) {
        return peer;
    }

    peer = calloc(1, sizeof(*peer) + identity.len);
    if (peer == NULL) {
        return NULL;
    }

    peer->len = identity.len;
    peer->heard_ms = orch_loop_ms(o);
    memcpy(peer->identity, identity.data, identity.len);
    HASH_ADD_KEYPTR(hh, o->watches.peers, peer->identity, peer->len, peer);

    return peer;
}


/* new, or there already; NULL without memory, which SYNC will mend */
static orch_watch_t *
orch_watch_add(orch_t *o, pt_str_t identity, const pt_id_t *job,
    pt_str_t owner)
{
    size_t         len;
    orch_peer_t   *peer;
    orch_topic_t  *topic;
    orch_watch_t  *watch;

    peer = orch_peer_get(o, identity);
    topic = orch_topic_find(o, job, owner);

    watch = topic && peer ? orch_watch_find(topic, peer) : NULL;

    if (peer == NULL || watch) {
        return watch;
    }

    watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        return NULL;
    }

    if (topic == NULL) {
        topic = calloc(1, sizeof(*topic));

        if (topic == NULL) {
            free(watch);
            return NULL;
        }

        len = orch_topic_key(topic->key, job, owner);
        HASH_ADD_KEYPTR(hh, o->watches.topics, topic->key, len, topic);
    }

    watch->topic = topic;
    watch->peer = peer;
    DL_APPEND(topic->watches, watch);
    DL_APPEND2(peer->watches, watch, peer_prev, peer_next);

    return watch;
}


static orch_watch_t *
orch_watch_find(orch_topic_t *topic, orch_peer_t *peer)
{
    orch_watch_t  *watch;

    /* as many as nginx has workers, at most */
    DL_FOREACH(topic->watches, watch) {
        if (watch->peer == peer) {
            return watch;
        }
    }

    return NULL;
}


static void
orch_watch_remove(orch_t *o, orch_watch_t *watch)
{
    orch_topic_t  *topic = watch->topic;

    DL_DELETE(topic->watches, watch);
    DL_DELETE2(watch->peer->watches, watch, peer_prev, peer_next);
    free(watch);

    if (topic->watches == NULL) {
        HASH_DEL(o->watches.topics, topic);
        free(topic);
    }
}
