/*
 * A JSON body: read into memory piece by piece, then worked on, by a thread
 * where that may take longer than a worker's other clients should wait.
 *
 *     _new -> _check -> _read ... work (of the bytes alone) ... done -> answer
 *
 * A body lives in a pool of its own, since a thread may be at work on it when
 * its request is gone.
 */

#ifndef NGX_HTTP_PITCHEY_BODY_H
#define NGX_HTTP_PITCHEY_BODY_H

#include "ngx_http_pitchey_module.h"
#include "pt_mem.h"


typedef struct ngx_http_pitchey_body_s  ngx_http_pitchey_body_t;

struct ngx_http_pitchey_body_s {
    ngx_pool_t                *pool;      /* of all that the work makes */
    const pt_mem_t            *mem;       /* the same */
    pt_buf_t                   text;
    void                      *data;      /* the caller's */

    /* knows nothing of the request: it may run in a thread */
    void                     (*work)(ngx_http_pitchey_body_t *body);

    /* returns what the request is finalized with */
    ngx_int_t                (*done)(ngx_http_request_t *r,
                                     ngx_http_pitchey_body_t *body);

    ngx_http_request_t        *request;   /* NULL: gone */
    ngx_pool_cleanup_t        *cleanup;   /* of the request's pool */
    ngx_thread_task_t          task;
    ngx_event_t                keeper;    /* of the worker, while a thread works */
};


/* max: bytes.  It ends with the request.  NULL without memory. */
ngx_http_pitchey_body_t *ngx_http_pitchey_body_new(ngx_http_request_t *r,
    size_t max);

/* what can be refused by the headers; NGX_DECLINED: nothing */
ngx_int_t ngx_http_pitchey_body_check(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body);

/* for a content handler: its value is the handler's */
ngx_int_t ngx_http_pitchey_body_read(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body);


#endif /* NGX_HTTP_PITCHEY_BODY_H */
