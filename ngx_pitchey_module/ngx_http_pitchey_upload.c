/* Receiving: the body, the two buffers, the threads, FILE_ADD. */

#include "ngx_http_pitchey_upload.h"

#include <openssl/rand.h>

#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_name.h"
#include "ngx_http_pitchey_problem.h"


/* bytes that are hashed and written at once: two such buffers an upload */
#define NGX_HTTP_PITCHEY_UPLOAD_BUFFER  (512 * 1024)

/* ms, any: how long the timer runs that keeps a worker while a thread works */
#define NGX_HTTP_PITCHEY_UPLOAD_KEEP    60000


static void ngx_http_pitchey_upload_body_handler(ngx_http_request_t *r);
static void ngx_http_pitchey_upload_read_handler(ngx_http_request_t *r);
static void ngx_http_pitchey_upload_pump(ngx_http_pitchey_upload_t *up);

/* NGX_OK; NGX_AGAIN: a thread has to finish first; NGX_ERROR: it was ended */
static ngx_int_t ngx_http_pitchey_upload_end(ngx_http_pitchey_upload_t *up);
static ngx_int_t ngx_http_pitchey_upload_fill(ngx_http_pitchey_upload_t *up);
static ngx_int_t ngx_http_pitchey_upload_flush(ngx_http_pitchey_upload_t *up);

static ngx_int_t ngx_http_pitchey_upload_run(ngx_http_pitchey_upload_t *up,
    ngx_thread_task_t *task, void (*handler)(void *data, ngx_log_t *log));
static ngx_uint_t ngx_http_pitchey_upload_busy(ngx_http_pitchey_upload_t *up);
static void ngx_http_pitchey_upload_keep(ngx_event_t *ev);
static void ngx_http_pitchey_upload_posted(ngx_event_t *ev);
static ngx_int_t ngx_http_pitchey_upload_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_upload_problem(
    ngx_http_pitchey_upload_t *up);
static void ngx_http_pitchey_upload_cleanup(void *data);

/* in a thread */
static void ngx_http_pitchey_upload_write(void *data, ngx_log_t *log);
static void ngx_http_pitchey_upload_hash(void *data, ngx_log_t *log);
static void ngx_http_pitchey_upload_work(void *data, ngx_log_t *log);
static void ngx_http_pitchey_upload_discard(void *data, ngx_log_t *log);


static ngx_str_t  ngx_http_pitchey_upload_threads = ngx_string("default");


ngx_http_pitchey_upload_t *
ngx_http_pitchey_upload_new(ngx_http_request_t *r, const pt_id_t *id)
{
    off_t                         length;
    uint8_t                       random[10];
    ngx_pool_t                   *pool;
    ngx_time_t                   *tp;
    ngx_pool_cleanup_t           *cln;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_upload_t    *up;
    ngx_http_pitchey_loc_conf_t  *plcf;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    if (RAND_bytes(random, sizeof(random)) != 1) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "could not make a file's id: RAND_bytes() failed");
        return NULL;
    }

    /* the worker's log: a connection's is gone with it */

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    up = ngx_pcalloc(pool, sizeof(ngx_http_pitchey_upload_t));
    if (up == NULL) {
        goto failed;
    }

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    up->request = r;
    up->pool = pool;
    up->max = plcf->upload_max;
    up->take = ngx_http_pitchey_upload_copy;

    tp = ngx_timeofday();
    up->id = id ? *id : pt_id_make((uint64_t) tp->sec * 1000 + tp->msec,
                                   random);

    /* a byte more: a file's last bytes are then written at its end, not when
     * its only buffer is full */

    length = r->headers_in.content_length_n;
    up->cap = (length >= 0 && length < NGX_HTTP_PITCHEY_UPLOAD_BUFFER)
              ? (size_t) length + 1 : NGX_HTTP_PITCHEY_UPLOAD_BUFFER;

    up->threads = ngx_thread_pool_get((ngx_cycle_t *) ngx_cycle,
                                      &ngx_http_pitchey_upload_threads);
    up->task.event.log = ngx_cycle->log;
    up->task.event.data = up;
    up->task.event.handler = ngx_http_pitchey_upload_posted;
    up->task.ctx = up;
    up->hashing = up->task;

    up->keeper.log = ngx_cycle->log;
    up->keeper.data = up;
    up->keeper.handler = ngx_http_pitchey_upload_keep;

    if (up->threads == NULL
        || ngx_http_pitchey_store_init(&up->store, pool, &plcf->storage,
                                       &up->id)
           != NGX_OK)
    {
        goto failed;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->data = up;

    cln->handler = ngx_http_pitchey_upload_cleanup;
    cln->data = up;
    up->cleanup = cln;

    return up;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


ngx_int_t
ngx_http_pitchey_upload_receive(ngx_http_pitchey_upload_t *up)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = up->request;

    r->connection->log->action = "receiving an upload";
    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r,
                                        ngx_http_pitchey_upload_body_handler);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static void
ngx_http_pitchey_upload_body_handler(ngx_http_request_t *r)
{
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    r->read_event_handler = ngx_http_pitchey_upload_read_handler;
    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_pitchey_upload_pump(ctx->data);
}


static void
ngx_http_pitchey_upload_read_handler(ngx_http_request_t *r)
{
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    ngx_http_pitchey_upload_pump(ctx->data);
}


/*
 * Reads until the client has no more to give now, both buffers are full, or
 * the body is over; goes on in _read_handler or when a thread is done.
 */
static void
ngx_http_pitchey_upload_pump(ngx_http_pitchey_upload_t *up)
{
    ngx_int_t            rc, broken;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = up->request;
    c = r->connection;
    broken = NGX_OK;

    r->read_event_handler = ngx_http_pitchey_upload_read_handler;

    for ( ;; ) {
        rc = ngx_http_pitchey_upload_fill(up);

        if (rc != NGX_OK || !r->reading_body) {
            break;
        }

        if (broken != NGX_OK) {
            (void) ngx_http_pitchey_upload_fail(up, broken);
            return;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            /* the last bytes may have been read with the client's end: a
             * resumable upload keeps them */
            broken = rc;
            continue;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            return;
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_http_pitchey_upload_end(up);
    }

    if (rc == NGX_ERROR) {
        return;
    }

    /* a thread is at work and will call us: the client has to wait */

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    r->read_event_handler = ngx_http_block_reading;
}


/* the body is over: what is left of it, and then the owner's turn */
static ngx_int_t
ngx_http_pitchey_upload_end(ngx_http_pitchey_upload_t *up)
{
    if (up->bufs[up->filling].len) {
        return ngx_http_pitchey_upload_flush(up);
    }

    if (ngx_http_pitchey_upload_busy(up)) {
        return NGX_AGAIN;
    }

    up->request->read_event_handler = ngx_http_block_reading;
    up->over(up);

    /* it is waiting for a thread, or gone */

    return NGX_ERROR;
}


/* takes what nginx has read; NGX_AGAIN: both buffers are full */
static ngx_int_t
ngx_http_pitchey_upload_fill(ngx_http_pitchey_upload_t *up)
{
    ngx_buf_t                *b;
    ngx_int_t                 rc;
    ngx_chain_t              *cl;
    ngx_http_request_t       *r;
    ngx_http_request_body_t  *rb;

    r = up->request;
    rb = r->request_body;

    while (rb->bufs) {
        cl = rb->bufs;
        b = cl->buf;

        if (b->in_file) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "cannot store an upload whose body another module "
                          "has read");
            return ngx_http_pitchey_upload_fail(up,
                                               NGX_HTTP_INTERNAL_SERVER_ERROR);
        }

        /* the last buffer of a chunked body has no bytes, and no address */

        if (b->pos != b->last && up->take(up, &b->pos, b->last) != NGX_OK) {
            return NGX_ERROR;
        }

        if (b->pos == b->last) {
            rb->bufs = cl->next;
            ngx_free_chain(r->pool, cl);
            continue;
        }

        rc = ngx_http_pitchey_upload_flush(up);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_pitchey_upload_copy(ngx_http_pitchey_upload_t *up, u_char **pos,
    u_char *last)
{
    size_t   n;
    u_char  *p;

    p = *pos;
    n = ngx_min((size_t) (last - p), ngx_http_pitchey_upload_room(up));
    *pos += n;

    return ngx_http_pitchey_upload_put(up, p, n);
}


size_t
ngx_http_pitchey_upload_room(ngx_http_pitchey_upload_t *up)
{
    return up->cap - up->bufs[up->filling].len;
}


ngx_int_t
ngx_http_pitchey_upload_put(ngx_http_pitchey_upload_t *up, const u_char *data,
    size_t len)
{
    ngx_http_pitchey_upload_buf_t  *buf;

    if (up->size > up->max - (off_t) len) {
        return ngx_http_pitchey_upload_fail(up,
                   ngx_http_pitchey_problem(up->request,
                       NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "too_large",
                       "A file has at most %O bytes.", up->max));
    }

    buf = &up->bufs[up->filling];

    if (buf->data == NULL) {
        /* a small one is in the pool's own block, and aligned to nothing */
        buf->data = up->cap < NGX_HTTP_PITCHEY_UPLOAD_BUFFER
                    ? ngx_pnalloc(up->pool, up->cap)
                    : ngx_pmemalign(up->pool, up->cap,
                                    NGX_HTTP_PITCHEY_STORE_BLOCK);
        if (buf->data == NULL) {
            return ngx_http_pitchey_upload_fail(up,
                                               NGX_HTTP_INTERNAL_SERVER_ERROR);
        }
    }

    ngx_memcpy(buf->data + buf->len, data, len);

    buf->len += len;
    up->size += len;

    return NGX_OK;
}


/* hands the filled buffer to threads; NGX_AGAIN: they still have the other */
static ngx_int_t
ngx_http_pitchey_upload_flush(ngx_http_pitchey_upload_t *up)
{
    ngx_int_t                       rc;
    ngx_http_pitchey_upload_buf_t  *buf;

    buf = &up->bufs[up->filling];

    if (up->media_type == NULL && up->store.part == NULL) {
        rc = ngx_http_pitchey_upload_sniff(up, buf->data, buf->len,
                                           buf->len < up->cap);
        if (rc != NGX_DECLINED) {
            return ngx_http_pitchey_upload_fail(up, rc);
        }
    }

    if (ngx_http_pitchey_upload_busy(up)) {
        return NGX_AGAIN;
    }

    up->writing = buf;
    up->filling = !up->filling;
    up->next = ngx_http_pitchey_upload_pump;

    /* a resumable one's record tells of a hash and its bytes: one thread */

    if (ngx_http_pitchey_upload_run(up, &up->task,
                                    ngx_http_pitchey_upload_write)
        != NGX_OK
        || (up->store.part == NULL
            && ngx_http_pitchey_upload_run(up, &up->hashing,
                                           ngx_http_pitchey_upload_hash)
               != NGX_OK))
    {
        return ngx_http_pitchey_upload_fail(up, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_pitchey_upload_sniff(ngx_http_pitchey_upload_t *up,
    const u_char *data, size_t len, ngx_uint_t whole)
{
    up->media_type = ngx_http_pitchey_sniff(data, len, whole);

    if (!ngx_http_pitchey_sniff_contradicts(up->declared, up->media_type)) {
        return NGX_DECLINED;
    }

    return ngx_http_pitchey_problem(up->request,
               NGX_HTTP_UNSUPPORTED_MEDIA_TYPE, "media_type_mismatch",
               "The content is %s, not what Content-Type declares.",
               up->media_type);
}


ngx_int_t
ngx_http_pitchey_upload_post(ngx_http_pitchey_upload_t *up,
    void (*work)(ngx_http_pitchey_store_t *st),
    ngx_http_pitchey_upload_pt next)
{
    up->work = work;
    up->next = next;

    if (ngx_http_pitchey_upload_run(up, &up->task,
                                    ngx_http_pitchey_upload_work)
        != NGX_OK)
    {
        return ngx_http_pitchey_upload_fail(up, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    return NGX_OK;
}


/* a worker that is to exit waits for timers, and not for threads */
static ngx_int_t
ngx_http_pitchey_upload_run(ngx_http_pitchey_upload_t *up,
    ngx_thread_task_t *task, void (*handler)(void *data, ngx_log_t *log))
{
    task->handler = handler;

    if (ngx_thread_task_post(up->threads, task) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_add_timer(&up->keeper, NGX_HTTP_PITCHEY_UPLOAD_KEEP);

    return NGX_OK;
}


/* a thread has the store, or a buffer */
static ngx_uint_t
ngx_http_pitchey_upload_busy(ngx_http_pitchey_upload_t *up)
{
    return up->task.event.active || up->hashing.event.active;
}


static void
ngx_http_pitchey_upload_keep(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_HTTP_PITCHEY_UPLOAD_KEEP);
}


/* a thread is done */
static void
ngx_http_pitchey_upload_posted(ngx_event_t *ev)
{
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_pitchey_upload_t  *up;

    up = ev->data;
    r = up->request;

    if (ngx_http_pitchey_upload_busy(up)) {
        return;
    }

    ngx_del_timer(&up->keeper);

    if (up->writing) {
        up->writing->len = 0;
        up->writing = NULL;
    }

    if (r == NULL) {
        ngx_http_pitchey_upload_drop(up);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    if (up->store.failed) {
        (void) ngx_http_pitchey_upload_fail(up,
                                          ngx_http_pitchey_upload_problem(up));

    } else {
        up->next(up);
    }

    ngx_http_run_posted_requests(c);
}


ngx_int_t
ngx_http_pitchey_upload_add(ngx_http_pitchey_upload_t *up)
{
    char      key[NGX_HTTP_PITCHEY_NAME_FILE_KEY_LEN];
    pt_msg_t  msg;

    ngx_http_pitchey_name_file_key(&up->id, key);

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_FILE_ADD;
    msg.u.file_add.id = up->id;
    msg.u.file_add.name = up->name;
    msg.u.file_add.media_type = pt_str(up->media_type);
    msg.u.file_add.size = up->store.written;
    msg.u.file_add.sha256 = up->store.sha256;
    msg.u.file_add.key = (pt_str_t) { key, sizeof(key) };

    up->adding = 1;

    return ngx_http_pitchey_ask(up->request, &msg,
                                NGX_HTTP_PITCHEY_DEADLINE,
                                ngx_http_pitchey_upload_reply);
}


static ngx_int_t
ngx_http_pitchey_upload_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_upload_t  *up;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    up = ctx->data;

    return up->added(r, reply);
}


ngx_int_t
ngx_http_pitchey_upload_added(ngx_http_pitchey_upload_t *up,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_uint_t  status;

    up->adding = 0;

    if (reply->err == PT_OK) {
        up->store.named = 0;

        ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_UPLOADS);
        ngx_http_pitchey_metrics_add(NGX_HTTP_PITCHEY_METRIC_UPLOAD_BYTES,
                                     (ngx_uint_t) up->store.written);
        return NGX_DECLINED;
    }

    /*
     * An answer that was lost, or a failure, may have been a commit: better
     * bytes without a row, which the orchestrator's sweep finds, than a row
     * without bytes.  Only what was refused, or never sent, is none.
     */

    status = ngx_http_pitchey_problem_status(reply->err);

    if (reply->sent && status >= NGX_HTTP_INTERNAL_SERVER_ERROR) {
        up->store.named = 0;

    } else if (status < NGX_HTTP_INTERNAL_SERVER_ERROR) {
        up->store.remove = 1;
    }

    /* a file that will never fit is not sent again: 413, not 429 */

    if (reply->err == PT_E_QUOTA) {
        return ngx_http_pitchey_problem(up->request,
                   NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, pt_err_code(reply->err),
                   "%*s", reply->detail.len, reply->detail.data);
    }

    return ngx_http_pitchey_reply_problem(up->request, reply);
}


static ngx_int_t
ngx_http_pitchey_upload_problem(ngx_http_pitchey_upload_t *up)
{
    ngx_log_error(NGX_LOG_CRIT, up->request->connection->log, up->store.err,
                  "could not %s \"%s\"", up->store.failed, up->store.at);

    if (up->store.err == NGX_ENOSPC || up->store.err == EDQUOT
        || up->store.err == EFBIG)
    {
        return ngx_http_pitchey_problem(up->request,
                   NGX_HTTP_INSUFFICIENT_STORAGE, "storage",
                   "The storage is full.");
    }

    return ngx_http_pitchey_problem(up->request,
               NGX_HTTP_INTERNAL_SERVER_ERROR, "storage",
               "The file could not be stored.");
}


ngx_int_t
ngx_http_pitchey_upload_fail(ngx_http_pitchey_upload_t *up, ngx_int_t rc)
{
    ngx_http_request_t  *r;

    r = up->request;
    r->read_event_handler = ngx_http_block_reading;

    ngx_http_pitchey_upload_drop(up);
    ngx_http_finalize_request(r, rc);

    return NGX_ERROR;
}


/* the request ends: after its answer there is nothing left to do here */
static void
ngx_http_pitchey_upload_cleanup(void *data)
{
    ngx_http_pitchey_upload_t  *up = data;

    /* it may be committed: see _added */
    if (up->adding) {
        up->store.named = 0;
    }

    ngx_http_pitchey_upload_drop(up);
}


/*
 * Removes what an upload has written, but for what became a file or goes on
 * later.  While a thread has it, this is put off until the thread is done.
 */
void
ngx_http_pitchey_upload_drop(ngx_http_pitchey_upload_t *up)
{
    if (up->request) {
        up->cleanup->handler = NULL;
        up->request = NULL;
    }

    if (ngx_http_pitchey_upload_busy(up)) {
        return;
    }

    if (up->store.fd != -1 || up->store.named || up->store.remove) {
        if (ngx_http_pitchey_upload_run(up, &up->task,
                                        ngx_http_pitchey_upload_discard)
            == NGX_OK)
        {
            return;
        }

        ngx_http_pitchey_upload_discard(up, up->pool->log);
    }

    ngx_destroy_pool(up->pool);
}


static void
ngx_http_pitchey_upload_write(void *data, ngx_log_t *log)
{
    ngx_http_pitchey_upload_t  *up = data;

    ngx_http_pitchey_store_write(&up->store, up->writing->data,
                                 up->writing->len);
}


/* at the same time, in another thread */
static void
ngx_http_pitchey_upload_hash(void *data, ngx_log_t *log)
{
    ngx_http_pitchey_upload_t  *up = data;

    ngx_http_pitchey_store_hash(&up->store, up->writing->data,
                                up->writing->len);
}


static void
ngx_http_pitchey_upload_work(void *data, ngx_log_t *log)
{
    ngx_http_pitchey_upload_t  *up = data;

    up->work(&up->store);
}


static void
ngx_http_pitchey_upload_discard(void *data, ngx_log_t *log)
{
    ngx_http_pitchey_upload_t      *up = data;
    ngx_http_pitchey_upload_buf_t  *buf;

    buf = &up->bufs[up->filling];

    /* what a resumable upload has received need not be sent again */

    if (up->store.part && up->store.fd != -1 && !up->store.failed && buf->len)
    {
        ngx_http_pitchey_store_write(&up->store, buf->data, buf->len);
        buf->len = 0;
    }

    ngx_http_pitchey_store_end(&up->store, log);

    up->store.remove = 0;
}


ngx_int_t
ngx_http_pitchey_upload_init(ngx_conf_t *cf)
{
    return ngx_thread_pool_add(cf, NULL) ? NGX_OK : NGX_ERROR;
}
