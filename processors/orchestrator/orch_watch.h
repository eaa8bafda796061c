/*
 * News for the edge: who watches what, and EVENT after each commit.
 *
 *   topic (a job, or all of an owner) -- watch -- peer (an nginx worker)
 *
 * An event goes once to each peer that watches its job or its owner.  A peer
 * that does not keep up loses its watches and is told so by LAGGED: it starts
 * over, and nothing is lost without its knowing.
 */

#ifndef ORCH_WATCH_H
#define ORCH_WATCH_H


typedef struct orch_peer_s   orch_peer_t;
typedef struct orch_topic_s  orch_topic_t;

typedef struct {
    orch_peer_t   *peers;          /* by identity */
    orch_topic_t  *topics;         /* by kind and id */
    uint64_t       round;          /* of orch_publish() */
    bool           lagging;        /* some peer has LAGGED coming */
} orch_watches_t;


void orch_watch_watch(orch_request_t *rq);
void orch_watch_unwatch(orch_request_t *rq);
void orch_watch_sync(orch_request_t *rq);
void orch_watch_changed(orch_request_t *rq);

/* the WATCH of a job: in force no longer if the job is not theirs */
void orch_watch_answered(orch_request_t *rq, bool theirs);

/* a message came from this worker: it lives */
void orch_watch_heard(orch_t *o, pt_str_t peer);

/* every 100 ms */
void orch_watch_tick(orch_t *o);

void orch_watch_done(orch_t *o);

/* an event that is committed; seq 0: progress, which never is */
void orch_publish(orch_t *o, const pt_id_t *job, pt_str_t owner, uint32_t seq,
    const char *type, pt_str_t body);

/* whether anybody would get it */
bool orch_is_watched(orch_t *o, const pt_id_t *job, pt_str_t owner);


#endif /* ORCH_WATCH_H */
