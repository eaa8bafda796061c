/*
 * What a WebSocket follows: jobs by their ids, or all of its user's, as its
 * client's messages say.
 */

#ifndef NGX_HTTP_PITCHEY_SUBS_H
#define NGX_HTTP_PITCHEY_SUBS_H

#include "ngx_http_pitchey_owner.h"
#include "ngx_http_pitchey_ws.h"


typedef struct {
    ngx_http_pitchey_ws_t         *ws;
    ngx_http_pitchey_stream_t     *stream;

    ngx_rbtree_t                   tree;      /* of jobs */
    ngx_rbtree_node_t              sentinel;
    ngx_queue_t                    active;    /* of those with news */
    ngx_queue_t                    ended;     /* the oldest first */
    ngx_uint_t                     nasked;
    ngx_http_pitchey_member_t      all;       /* of the user's */
} ngx_http_pitchey_subs_t;


/* subs is zero */
void ngx_http_pitchey_subs_init(ngx_http_pitchey_subs_t *subs,
    ngx_http_pitchey_ws_t *ws, ngx_http_pitchey_stream_t *stream);

/* from the client */
void ngx_http_pitchey_subs_message(ngx_http_pitchey_subs_t *subs,
    pt_str_t text);

/*
 * What is to be told next.  NGX_OK: with a reference, and its frame;
 * NGX_AGAIN: ask again, what was said meanwhile goes first; NGX_DECLINED:
 * nothing; NGX_ERROR
 */
ngx_int_t ngx_http_pitchey_subs_next(ngx_http_pitchey_subs_t *subs,
    ngx_http_pitchey_news_t **ret_news);

void ngx_http_pitchey_subs_close(ngx_http_pitchey_subs_t *subs);


#endif /* NGX_HTTP_PITCHEY_SUBS_H */
