/*
 * Answers that last: what every open stream of this worker has in common,
 * whatever its transport.  Heartbeats, the end of its session and the end of
 * the worker come by the functions of a table.
 */

#ifndef NGX_HTTP_PITCHEY_STREAM_H
#define NGX_HTTP_PITCHEY_STREAM_H

#include "ngx_http_pitchey_module.h"


typedef struct ngx_http_pitchey_stream_s  ngx_http_pitchey_stream_t;


typedef struct {
    /* once, maybe before _open() returns: its session is good */
    void  (*begin)(ngx_http_pitchey_stream_t *s);

    /* each pitchey_stream_heartbeat */
    void  (*beat)(ngx_http_pitchey_stream_t *s);

    /* the worker exits, and waits: each 100 ms until the stream has ended */
    void  (*stop)(ngx_http_pitchey_stream_t *s);

    /* its session has ended */
    void  (*revoked)(ngx_http_pitchey_stream_t *s);

    /* it has ended: nothing is sent any more, and r is not to be called */
    void  (*close)(ngx_http_pitchey_stream_t *s);

    /* what was being sent is not needed any more */
    void  (*free)(ngx_http_pitchey_stream_t *s);
} ngx_http_pitchey_stream_type_t;


/* what is being sent; an idle stream has none */
typedef struct {
    ngx_buf_t                  buf;
    ngx_chain_t                chain;
} ngx_http_pitchey_piece_t;


/* the first member of what a transport keeps, which is ctx->data */
struct ngx_http_pitchey_stream_s {
    const ngx_http_pitchey_stream_type_t
                              *type;
    ngx_http_request_t        *request;
    ngx_queue_t                queue;
    ngx_http_pitchey_piece_t  *piece;
    ngx_msec_t                 beat_time;     /* of the last one */
    unsigned                   open:1;
    unsigned                   blocked:1;     /* the client does not read */
    unsigned                   held:1;
    unsigned                   doubted:1;     /* its session may have ended:
                                               * not begun */
    unsigned                   kept:1;        /* the piece, for the next one */
};


/*
 * type and request are set.  Begins when it is certain that the session has not
 * ended since it was looked up.  Returns what a content handler returns.
 */
ngx_int_t ngx_http_pitchey_stream_open(ngx_http_pitchey_stream_t *s);

/* it has ended, for whatever reason; may be called again */
void ngx_http_pitchey_stream_close(ngx_http_pitchey_stream_t *s);

/*
 * Passes on bytes that stay as they are until free(); none while the stream is
 * blocked.  NGX_OK: the client has them; NGX_AGAIN: it has to read first, and
 * the request's write handler comes then, or after send_timeout; NGX_ERROR: it
 * is gone.
 */
ngx_int_t ngx_http_pitchey_stream_put(ngx_http_pitchey_stream_t *s,
    const void *data, size_t len);

/* what is still under way; returns the same */
ngx_int_t ngx_http_pitchey_stream_flush(ngx_http_pitchey_stream_t *s);

/* for write handlers: whether the client took nothing for send_timeout */
ngx_uint_t ngx_http_pitchey_stream_timed_out(ngx_http_pitchey_stream_t *s);

/* ends the request; s is gone then, unless it is held */
void ngx_http_pitchey_stream_finalize(ngx_http_pitchey_stream_t *s,
    ngx_int_t rc);

/* the same with a 401: nothing was sent */
void ngx_http_pitchey_stream_unauthorized(ngx_http_pitchey_stream_t *s);

/* ms between two beats */
ngx_msec_t ngx_http_pitchey_stream_heartbeat(void);

/* s stays in memory between these two, though it may end */
void ngx_http_pitchey_stream_hold(ngx_http_pitchey_stream_t *s);
void ngx_http_pitchey_stream_release(ngx_http_pitchey_stream_t *s);


/* per worker: init_process and exit_process */
ngx_int_t ngx_http_pitchey_stream_init(ngx_cycle_t *cycle,
    ngx_http_pitchey_main_conf_t *pmcf);
void ngx_http_pitchey_stream_exit(void);


#endif /* NGX_HTTP_PITCHEY_STREAM_H */
