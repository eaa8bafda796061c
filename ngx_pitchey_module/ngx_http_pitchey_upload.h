/*
 * A request's body on its way into storage: read, hashed and written without
 * holding up the worker, and made a file of the user's.
 *
 *                                                          thread: hash
 *     client --> nginx's buffer --> one of two buffers --<
 *                                                          thread: write
 *
 * While threads have one buffer, the other is filled; when both are full, the
 * client is not read from.
 *
 * An upload lives in a pool of its own, since a thread may still write when
 * its request is gone: then the thread's completion drops it.  Functions that
 * return NGX_ERROR have ended the request, and the upload is gone.
 */

#ifndef NGX_HTTP_PITCHEY_UPLOAD_H
#define NGX_HTTP_PITCHEY_UPLOAD_H

#include "ngx_http_pitchey_store.h"
#include "ngx_http_pitchey_ask.h"


typedef struct ngx_http_pitchey_upload_s  ngx_http_pitchey_upload_t;

/* in the loop: goes on with the upload, or ends it */
typedef void (*ngx_http_pitchey_upload_pt)(ngx_http_pitchey_upload_t *up);

/*
 * Takes bytes of the body from *pos on, and gives those of the file to _put():
 * all of them, or as many as there is _room() for.  NGX_OK or NGX_ERROR.
 */
typedef ngx_int_t (*ngx_http_pitchey_upload_take_pt)(
    ngx_http_pitchey_upload_t *up, u_char **pos, u_char *last);


typedef struct {
    u_char                          *data;
    size_t                           len;
} ngx_http_pitchey_upload_buf_t;


struct ngx_http_pitchey_upload_s {
    ngx_http_request_t              *request;    /* NULL: gone, drop it */
    ngx_pool_cleanup_t              *cleanup;    /* of the request's pool */
    ngx_pool_t                      *pool;       /* of this */
    ngx_thread_pool_t               *threads;
    ngx_thread_task_t                task;       /* with the store */
    ngx_thread_task_t                hashing;    /* beside it, of a buffer */
    ngx_event_t                      keeper;     /* runs while they do */

    /* its owner's: how it takes a body, and what comes after */
    ngx_http_pitchey_upload_take_pt  take;
    ngx_http_pitchey_upload_pt       over;       /* all of it is written */
    ngx_http_pitchey_reply_pt        added;      /* FILE_ADD is answered */
    void                            *data;

    pt_id_t                          id;
    pt_str_t                         name;       /* "": it has none */
    pt_str_t                         declared;   /* media type; may be absent */
    const char                      *media_type; /* NULL: not looked at yet */
    off_t                            size;       /* bytes received */
    off_t                            max;
    unsigned                         adding:1;   /* FILE_ADD is under way */

    size_t                           cap;        /* of each buffer */
    ngx_http_pitchey_upload_buf_t    bufs[2];
    ngx_uint_t                       filling;    /* the one that is filled */

    /* the threads', while task or hashing is active; then ours */
    void                           (*work)(ngx_http_pitchey_store_t *st);
    ngx_http_pitchey_upload_pt       next;       /* when the work is done */
    ngx_http_pitchey_upload_buf_t   *writing;
    ngx_http_pitchey_store_t         store;
};


/*
 * A new upload of the request, which it ends with.  id may be NULL: a new one.
 * NULL: no memory.
 */
ngx_http_pitchey_upload_t *ngx_http_pitchey_upload_new(ngx_http_request_t *r,
    const pt_id_t *id);

/*
 * Reads the request's body from now on; then comes over().  Returns what a
 * content handler returns.
 */
ngx_int_t ngx_http_pitchey_upload_receive(ngx_http_pitchey_upload_t *up);

/* a body that is the file itself */
ngx_int_t ngx_http_pitchey_upload_copy(ngx_http_pitchey_upload_t *up,
    u_char **pos, u_char *last);

/* for take(): bytes that the buffer can take; more of the file's bytes */
size_t ngx_http_pitchey_upload_room(ngx_http_pitchey_upload_t *up);
ngx_int_t ngx_http_pitchey_upload_put(ngx_http_pitchey_upload_t *up,
    const u_char *data, size_t len);

/* has a thread do it, and goes on with next; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_pitchey_upload_post(ngx_http_pitchey_upload_t *up,
    void (*work)(ngx_http_pitchey_store_t *st),
    ngx_http_pitchey_upload_pt next);

/*
 * Whether content that begins so is what was declared; sets media_type.
 * whole: there is no more of it.  NGX_DECLINED: it is; else a problem was sent,
 * and this is for _fail().
 */
ngx_int_t ngx_http_pitchey_upload_sniff(ngx_http_pitchey_upload_t *up,
    const u_char *data, size_t len, ngx_uint_t whole);

/* it is complete and in storage: asks for its row, then comes added() */
ngx_int_t ngx_http_pitchey_upload_add(ngx_http_pitchey_upload_t *up);

/* for added(): settles what happens to the bytes; NGX_DECLINED: it is a file,
 * else what to return */
ngx_int_t ngx_http_pitchey_upload_added(ngx_http_pitchey_upload_t *up,
    const ngx_http_pitchey_reply_t *reply);

/*
 * Ends the upload, and its request with rc: now, however long the client takes
 * to read the answer.  Returns NGX_ERROR, and neither is there any more.
 */
ngx_int_t ngx_http_pitchey_upload_fail(ngx_http_pitchey_upload_t *up,
    ngx_int_t rc);

/* the same without its request: removes what did not become a file */
void ngx_http_pitchey_upload_drop(ngx_http_pitchey_upload_t *up);

/* postconfiguration: uploads are written in the default thread pool */
ngx_int_t ngx_http_pitchey_upload_init(ngx_conf_t *cf);


#endif /* NGX_HTTP_PITCHEY_UPLOAD_H */
