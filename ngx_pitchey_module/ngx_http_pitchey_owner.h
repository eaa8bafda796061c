/*
 * All jobs of one user: whoever follows them hears of each new one, and takes
 * its events by a subscriber of its own.
 *
 * WATCH of the user is in force before CHANGED is asked, so no job falls
 * between the list and what is live.  CHANGED is asked again after LAGGED, a
 * new connection, and each minute: a job that was missed is found.
 */

#ifndef NGX_HTTP_PITCHEY_OWNER_H
#define NGX_HTTP_PITCHEY_OWNER_H

#include "ngx_http_pitchey_watch.h"


typedef struct ngx_http_pitchey_owner_s   ngx_http_pitchey_owner_t;
typedef struct ngx_http_pitchey_member_s  ngx_http_pitchey_member_t;


typedef struct {
    /* the first answer of CHANGED as it is; job() follows for each in it */
    void  (*list)(ngx_http_pitchey_member_t *m, pt_str_t json);

    /* it exists: follow it from that number on, unless it is followed; known
     * is the last one.  Nothing may be sent from here. */
    void  (*job)(ngx_http_pitchey_member_t *m, const pt_id_t *job,
        uint32_t after, uint32_t known, ngx_uint_t open);

    /* what came by these may be sent now; it may leave */
    void  (*flush)(ngx_http_pitchey_member_t *m);

    /* nobody can say; it has left */
    void  (*refused)(ngx_http_pitchey_member_t *m,
        const ngx_http_pitchey_reply_t *reply);
} ngx_http_pitchey_member_type_t;


/* type and stream are set, the rest is zero */
struct ngx_http_pitchey_member_s {
    const ngx_http_pitchey_member_type_t
                              *type;
    ngx_http_pitchey_stream_t *stream;        /* whose user it is */
    ngx_http_pitchey_owner_t  *owner;         /* NULL: has left */
    ngx_queue_t                queue;
    uint64_t                   rid;           /* of its first CHANGED */
    int64_t                    since;         /* ms since 1970 */
    int64_t                    listed;        /* when; 0: not yet */
};


/* NGX_OK, NGX_ERROR (no memory); refused() may come before this returns */
ngx_int_t ngx_http_pitchey_owner_join(ngx_http_pitchey_member_t *m,
    int64_t since);

/* may be called again */
void ngx_http_pitchey_owner_leave(ngx_http_pitchey_member_t *m);


/* from _watch */
void ngx_http_pitchey_owner_receive(const pt_event_t *event);
void ngx_http_pitchey_owner_again(ngx_uint_t from);
void ngx_http_pitchey_owner_tick(void);

/* per worker: init_process */
void ngx_http_pitchey_owner_init(ngx_cycle_t *cycle);


#endif /* NGX_HTTP_PITCHEY_OWNER_H */
