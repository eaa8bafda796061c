/*
 * Uploads: the body is streamed to storage while its SHA-256 is taken.
 *
 *     client --> nginx's buffer --> one of two buffers --> thread: hash, write
 *
 * While a thread writes one buffer, the other is filled; when both are full,
 * the client is not read from.  After the last one a thread syncs the file and
 * gives it its name, the orchestrator commits it, and the client gets its 201.
 *
 * The file has no name until it is complete (O_TMPFILE), so nothing is left of
 * an upload whose client, thread or worker dies, and storage that cannot do so
 * gets a temporary name.
 *
 * An upload lives in a pool of its own, since a thread may still write when
 * its request is gone: then the thread's completion drops it.
 */

#include "ngx_http_pitchey_files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_name.h"
#include "ngx_http_pitchey_outputs.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_sniff.h"
#include "ngx_http_pitchey_zmq.h"


/* bytes that a thread hashes and writes at once: two for each upload */
#define NGX_HTTP_PITCHEY_FILES_BUFFER  (128 * 1024)

/* bytes after which the kernel is told to begin writing, so that the sync at
 * the end has little left to do */
#define NGX_HTTP_PITCHEY_FILES_FLUSH   (8 * 1024 * 1024)

/* ms, any: how long the timer runs that keeps a worker while a thread works */
#define NGX_HTTP_PITCHEY_FILES_KEEP    60000

/* the group, pitchey's, may read files and remove them */
#define NGX_HTTP_PITCHEY_FILES_MODE    0640
#define NGX_HTTP_PITCHEY_FILES_DIR     02770


typedef enum {
    NGX_HTTP_PITCHEY_FILES_READING = 0,  /* _pump moves on at the body's end */
    NGX_HTTP_PITCHEY_FILES_STORING,      /* the last task: synced and named */
    NGX_HTTP_PITCHEY_FILES_ADDING        /* FILE_ADD is asked for */
} ngx_http_pitchey_files_state_e;


typedef struct {
    u_char                          *data;
    size_t                           len;
} ngx_http_pitchey_files_buf_t;


typedef struct {
    ngx_http_request_t              *request;    /* NULL: gone, drop it */
    ngx_pool_cleanup_t              *cleanup;    /* of the request's pool */
    ngx_pool_t                      *pool;       /* of this */
    ngx_thread_pool_t               *threads;
    ngx_thread_task_t                task;
    ngx_event_t                      keeper;     /* runs while the task does */
    ngx_http_pitchey_files_state_e   state;

    pt_id_t                          id;
    pt_str_t                         name;
    const char                      *media_type; /* NULL: not looked at yet */
    off_t                            size;       /* bytes received */
    off_t                            max;
    size_t                           cap;        /* of each buffer */
    ngx_http_pitchey_files_buf_t     bufs[2];
    ngx_uint_t                       filling;    /* the one that is filled */

    /* the thread's, while task.event.active; then ours */
    u_char                          *folder;     /* "STORAGE/files" */
    u_char                          *subfolder;  /* "STORAGE/files/5f" */
    u_char                          *path;       /* "STORAGE/files/5f/ID" */
    u_char                          *temp;       /* "STORAGE/files/.tmp/ID" */
    u_char                          *temp_folder;
    ngx_http_pitchey_files_buf_t    *writing;
    EVP_MD_CTX                      *md;
    u_char                           sha256[EVP_MAX_MD_SIZE];
    off_t                            written;
    off_t                            flushed;
    int                              fd;
    ngx_err_t                        err;        /* what failed, and why */
    const char                      *failed;

    unsigned                         temp_named:1;
    unsigned                         named:1;    /* lies at path */
} ngx_http_pitchey_files_upload_t;


static ngx_int_t ngx_http_pitchey_files_check(ngx_http_request_t *r);
static ngx_http_pitchey_files_upload_t *ngx_http_pitchey_files_new(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_pitchey_files_paths(ngx_http_request_t *r,
    ngx_http_pitchey_files_upload_t *up);
static ngx_int_t ngx_http_pitchey_files_name(ngx_http_request_t *r,
    ngx_http_pitchey_files_upload_t *up);

static void ngx_http_pitchey_files_body_handler(ngx_http_request_t *r);
static void ngx_http_pitchey_files_read_handler(ngx_http_request_t *r);
static void ngx_http_pitchey_files_pump(ngx_http_pitchey_files_upload_t *up);

/* NGX_OK; NGX_AGAIN: a thread has to finish first; NGX_ERROR: it was ended */
static ngx_int_t ngx_http_pitchey_files_end(
    ngx_http_pitchey_files_upload_t *up);
static ngx_int_t ngx_http_pitchey_files_fill(
    ngx_http_pitchey_files_upload_t *up);
static ngx_int_t ngx_http_pitchey_files_flush(
    ngx_http_pitchey_files_upload_t *up);
static ngx_int_t ngx_http_pitchey_files_sniff(
    ngx_http_pitchey_files_upload_t *up);
static ngx_int_t ngx_http_pitchey_files_post(
    ngx_http_pitchey_files_upload_t *up,
    void (*handler)(void *data, ngx_log_t *log));
static ngx_int_t ngx_http_pitchey_files_run(
    ngx_http_pitchey_files_upload_t *up,
    void (*handler)(void *data, ngx_log_t *log));
static void ngx_http_pitchey_files_keep(ngx_event_t *ev);
static void ngx_http_pitchey_files_posted(ngx_event_t *ev);
static ngx_int_t ngx_http_pitchey_files_add(
    ngx_http_pitchey_files_upload_t *up);
static ngx_int_t ngx_http_pitchey_files_added(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_files_created(ngx_http_request_t *r,
    const pt_id_t *id, const ngx_http_pitchey_reply_t *reply);

static ngx_int_t ngx_http_pitchey_files_storage_problem(
    ngx_http_pitchey_files_upload_t *up);
static ngx_int_t ngx_http_pitchey_files_fail(
    ngx_http_pitchey_files_upload_t *up, ngx_int_t rc);
static void ngx_http_pitchey_files_cleanup(void *data);
static void ngx_http_pitchey_files_drop(ngx_http_pitchey_files_upload_t *up);

/* in a thread: nothing of nginx but the upload */
static void ngx_http_pitchey_files_write(void *data, ngx_log_t *log);
static int ngx_http_pitchey_files_open(ngx_http_pitchey_files_upload_t *up);
static void ngx_http_pitchey_files_store(void *data, ngx_log_t *log);
static int ngx_http_pitchey_files_give_name(
    ngx_http_pitchey_files_upload_t *up);
static int ngx_http_pitchey_files_link(ngx_http_pitchey_files_upload_t *up);
static int ngx_http_pitchey_files_mkdir(const u_char *path);
static int ngx_http_pitchey_files_sync_folder(const u_char *path);
static void ngx_http_pitchey_files_discard(void *data, ngx_log_t *log);


static ngx_str_t  ngx_http_pitchey_files_threads = ngx_string("default");


ngx_int_t
ngx_http_pitchey_files_upload(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_int_t                         rc;
    ngx_http_pitchey_ctx_t           *ctx;
    ngx_http_pitchey_files_upload_t  *up;

    rc = ngx_http_pitchey_files_check(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    up = ngx_http_pitchey_files_new(r);
    if (up == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->data = up;

    r->connection->log->action = "receiving an upload";
    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r,
                                         ngx_http_pitchey_files_body_handler);
    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


/* what can be refused before a byte was read; NGX_DECLINED: nothing to refuse,
 * else what to return */
static ngx_int_t
ngx_http_pitchey_files_check(ngx_http_request_t *r)
{
    ngx_table_elt_t              *type;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (plcf->storage.len == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "no \"pitchey_storage\" for an upload");
        return ngx_http_pitchey_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                   "storage", "No storage is configured here.");
    }

    type = r->headers_in.content_type;

    if (type && ngx_strncasecmp(type->value.data, (u_char *) "multipart/", 10)
                == 0)
    {
        return ngx_http_pitchey_problem(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                   "multipart_unsupported",
                   "Send the file's bytes as the body, and its name "
                   "in Content-Disposition or as ?name=.");
    }

    if (r->headers_in.content_length_n > plcf->upload_max) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                   "too_large", "A file has at most %O bytes.",
                   plcf->upload_max);
    }

    return NGX_DECLINED;
}


static ngx_http_pitchey_files_upload_t *
ngx_http_pitchey_files_new(ngx_http_request_t *r)
{
    off_t                             length;
    uint8_t                           random[10];
    ngx_pool_t                       *pool;
    ngx_time_t                       *tp;
    ngx_pool_cleanup_t               *cln;
    ngx_http_pitchey_loc_conf_t      *plcf;
    ngx_http_pitchey_files_upload_t  *up;

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

    up = ngx_pcalloc(pool, sizeof(ngx_http_pitchey_files_upload_t));
    if (up == NULL) {
        goto failed;
    }

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    up->request = r;
    up->pool = pool;
    up->fd = -1;
    up->max = plcf->upload_max;

    tp = ngx_timeofday();
    up->id = pt_id_make((uint64_t) tp->sec * 1000 + tp->msec, random);

    /* a byte more: a file's last bytes are then written at its end, not when
     * its only buffer is full */

    length = r->headers_in.content_length_n;
    up->cap = (length >= 0 && length < NGX_HTTP_PITCHEY_FILES_BUFFER)
              ? (size_t) length + 1 : NGX_HTTP_PITCHEY_FILES_BUFFER;

    up->threads = ngx_thread_pool_get((ngx_cycle_t *) ngx_cycle,
                                      &ngx_http_pitchey_files_threads);
    up->task.event.log = ngx_cycle->log;
    up->task.event.data = up;
    up->task.event.handler = ngx_http_pitchey_files_posted;
    up->task.ctx = up;

    up->keeper.log = ngx_cycle->log;
    up->keeper.data = up;
    up->keeper.handler = ngx_http_pitchey_files_keep;

    if (up->threads == NULL
        || ngx_http_pitchey_files_paths(r, up) != NGX_OK
        || ngx_http_pitchey_files_name(r, up) != NGX_OK)
    {
        goto failed;
    }

    up->md = EVP_MD_CTX_new();
    if (up->md == NULL) {
        goto failed;
    }

    if (EVP_DigestInit_ex(up->md, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(up->md);
        goto failed;
    }

    cln->handler = ngx_http_pitchey_files_cleanup;
    cln->data = up;
    up->cleanup = cln;

    return up;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


static ngx_int_t
ngx_http_pitchey_files_paths(ngx_http_request_t *r,
    ngx_http_pitchey_files_upload_t *up)
{
    char                          text[PT_ID_TEXT_LEN];
    size_t                        len;
    u_char                       *p;
    ngx_str_t                    *storage;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);
    storage = &plcf->storage;

    len = storage->len + sizeof("/files/.tmp/") + PT_ID_TEXT_LEN;

    p = ngx_pnalloc(up->pool, 5 * len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    pt_id_format(&up->id, text);

    up->folder = p;
    ngx_sprintf(p, "%V/files%Z", storage);

    up->subfolder = p += len;
    ngx_sprintf(p, "%V/files/%*s%Z", storage, (size_t) 2,
                text + PT_ID_TEXT_LEN - 2);

    up->path = p += len;
    ngx_sprintf(p, "%s/%*s%Z", up->subfolder, (size_t) PT_ID_TEXT_LEN, text);

    up->temp_folder = p += len;
    ngx_sprintf(p, "%V/files/.tmp%Z", storage);

    up->temp = p += len;
    ngx_sprintf(p, "%s/%*s%Z", up->temp_folder, (size_t) PT_ID_TEXT_LEN, text);

    return NGX_OK;
}


/* ?name= or Content-Disposition; without either the file has no name */
static ngx_int_t
ngx_http_pitchey_files_name(ngx_http_request_t *r,
    ngx_http_pitchey_files_upload_t *up)
{
    u_char      *buf, *src, *dst;
    ngx_str_t    arg, *header;
    ngx_uint_t   i;

    buf = ngx_pnalloc(up->pool, NGX_HTTP_PITCHEY_NAME_LEN);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    up->name = PT_STR("");

    if (ngx_http_arg(r, (u_char *) "name", 4, &arg) == NGX_OK) {

        src = ngx_pstrdup(r->pool, &arg);
        if (src == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < arg.len; i++) {
            if (src[i] == '+') {
                src[i] = ' ';
            }
        }

        arg.data = dst = src;
        ngx_unescape_uri(&dst, &src, arg.len, 0);

        up->name = ngx_http_pitchey_name_clean(
                       (pt_str_t) { (char *) arg.data, dst - arg.data },
                       (char *) buf);
        return NGX_OK;
    }

    header = ngx_http_pitchey_route_header(r, "content-disposition");

    if (header) {
        up->name = ngx_http_pitchey_name_parse(ngx_http_pitchey_pt_str(header),
                                               (char *) buf);
    }

    return NGX_OK;
}


static void
ngx_http_pitchey_files_body_handler(ngx_http_request_t *r)
{
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    r->read_event_handler = ngx_http_pitchey_files_read_handler;
    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_pitchey_files_pump(ctx->data);
}


static void
ngx_http_pitchey_files_read_handler(ngx_http_request_t *r)
{
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    ngx_http_pitchey_files_pump(ctx->data);
}


/*
 * Reads until the client has no more to give now, both buffers are full, or
 * the body is over; goes on in _read_handler or _posted.
 */
static void
ngx_http_pitchey_files_pump(ngx_http_pitchey_files_upload_t *up)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = up->request;
    c = r->connection;

    r->read_event_handler = ngx_http_pitchey_files_read_handler;

    for ( ;; ) {
        rc = ngx_http_pitchey_files_fill(up);

        if (rc != NGX_OK || !r->reading_body) {
            break;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            (void) ngx_http_pitchey_files_fail(up, rc);
            return;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            return;
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_http_pitchey_files_end(up);
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


/* the body is over: what is left of it, and then the file's name */
static ngx_int_t
ngx_http_pitchey_files_end(ngx_http_pitchey_files_upload_t *up)
{
    if (up->bufs[up->filling].len) {
        return ngx_http_pitchey_files_flush(up);
    }

    if (up->task.event.active) {
        return NGX_AGAIN;
    }

    if (up->size == 0) {
        return ngx_http_pitchey_files_fail(up,
                   ngx_http_pitchey_problem(up->request, 422, "empty_file",
                                            "The file has no bytes."));
    }

    up->state = NGX_HTTP_PITCHEY_FILES_STORING;

    return ngx_http_pitchey_files_post(up, ngx_http_pitchey_files_store);
}


/* takes what nginx has read; NGX_AGAIN: both buffers are full */
static ngx_int_t
ngx_http_pitchey_files_fill(ngx_http_pitchey_files_upload_t *up)
{
    size_t                         n;
    ngx_buf_t                     *b;
    ngx_int_t                      rc;
    ngx_chain_t                   *cl;
    ngx_http_request_t            *r;
    ngx_http_request_body_t       *rb;
    ngx_http_pitchey_files_buf_t  *buf;

    r = up->request;
    rb = r->request_body;

    while (rb->bufs) {
        cl = rb->bufs;
        b = cl->buf;

        if (b->in_file) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "cannot store an upload whose body another module "
                          "has read");
            return ngx_http_pitchey_files_fail(up,
                                               NGX_HTTP_INTERNAL_SERVER_ERROR);
        }

        buf = &up->bufs[up->filling];

        if (buf->data == NULL) {
            buf->data = ngx_pnalloc(up->pool, up->cap);
            if (buf->data == NULL) {
                return ngx_http_pitchey_files_fail(up,
                                               NGX_HTTP_INTERNAL_SERVER_ERROR);
            }
        }

        n = ngx_min((size_t) (b->last - b->pos), up->cap - buf->len);

        if (up->size > up->max - (off_t) n) {
            return ngx_http_pitchey_files_fail(up,
                       ngx_http_pitchey_problem(r,
                           NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "too_large",
                           "A file has at most %O bytes.", up->max));
        }

        /* the last buffer of a chunked body has no bytes, and no address */

        if (n) {
            ngx_memcpy(buf->data + buf->len, b->pos, n);

            b->pos += n;
            buf->len += n;
            up->size += n;
        }

        if (b->pos == b->last) {
            rb->bufs = cl->next;
            ngx_free_chain(r->pool, cl);
            continue;
        }

        rc = ngx_http_pitchey_files_flush(up);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* hands the filled buffer to a thread; NGX_AGAIN: it still has the other */
static ngx_int_t
ngx_http_pitchey_files_flush(ngx_http_pitchey_files_upload_t *up)
{
    ngx_int_t  rc;

    if (up->media_type == NULL) {
        rc = ngx_http_pitchey_files_sniff(up);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (up->task.event.active) {
        return NGX_AGAIN;
    }

    up->writing = &up->bufs[up->filling];
    up->filling = !up->filling;

    return ngx_http_pitchey_files_post(up, ngx_http_pitchey_files_write);
}


/* the first bytes tell what it is */
static ngx_int_t
ngx_http_pitchey_files_sniff(ngx_http_pitchey_files_upload_t *up)
{
    pt_str_t                       declared;
    ngx_http_request_t            *r;
    ngx_http_pitchey_files_buf_t  *buf;

    r = up->request;
    buf = &up->bufs[up->filling];

    up->media_type = ngx_http_pitchey_sniff(buf->data, buf->len,
                                            !r->reading_body
                                            && r->request_body->bufs == NULL);

    declared = PT_STR_NULL;

    if (r->headers_in.content_type) {
        declared.data = (char *) r->headers_in.content_type->value.data;
        declared.len = r->headers_in.content_type->value.len;
    }

    if (ngx_http_pitchey_sniff_contradicts(declared, up->media_type)) {
        return ngx_http_pitchey_files_fail(up,
                   ngx_http_pitchey_problem(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                       "media_type_mismatch",
                       "The content is %s, not what Content-Type declares.",
                       up->media_type));
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_pitchey_files_post(ngx_http_pitchey_files_upload_t *up,
    void (*handler)(void *data, ngx_log_t *log))
{
    if (ngx_http_pitchey_files_run(up, handler) != NGX_OK) {
        return ngx_http_pitchey_files_fail(up, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    return NGX_OK;
}


/* a worker that is to exit waits for timers, and not for threads */
static ngx_int_t
ngx_http_pitchey_files_run(ngx_http_pitchey_files_upload_t *up,
    void (*handler)(void *data, ngx_log_t *log))
{
    up->task.handler = handler;

    if (ngx_thread_task_post(up->threads, &up->task) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_add_timer(&up->keeper, NGX_HTTP_PITCHEY_FILES_KEEP);

    return NGX_OK;
}


static void
ngx_http_pitchey_files_keep(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_HTTP_PITCHEY_FILES_KEEP);
}


/* a thread is done */
static void
ngx_http_pitchey_files_posted(ngx_event_t *ev)
{
    ngx_connection_t                 *c;
    ngx_http_request_t               *r;
    ngx_http_pitchey_files_upload_t  *up;

    up = ev->data;
    r = up->request;

    ngx_del_timer(&up->keeper);

    if (r == NULL) {
        ngx_http_pitchey_files_drop(up);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    if (up->failed) {
        (void) ngx_http_pitchey_files_fail(up,
                                   ngx_http_pitchey_files_storage_problem(up));

    } else if (up->state == NGX_HTTP_PITCHEY_FILES_STORING) {
        ngx_http_finalize_request(r, ngx_http_pitchey_files_add(up));

    } else {
        ngx_http_pitchey_files_pump(up);
    }

    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_pitchey_files_add(ngx_http_pitchey_files_upload_t *up)
{
    char      key[NGX_HTTP_PITCHEY_NAME_FILE_KEY_LEN];
    pt_msg_t  msg;

    ngx_http_pitchey_name_file_key(&up->id, key);

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_FILE_ADD;
    msg.u.file_add.id = up->id;
    msg.u.file_add.name = up->name;
    msg.u.file_add.media_type = pt_str(up->media_type);
    msg.u.file_add.size = up->size;
    msg.u.file_add.sha256 = up->sha256;
    msg.u.file_add.key = (pt_str_t) { key, sizeof(key) };

    up->state = NGX_HTTP_PITCHEY_FILES_ADDING;

    return ngx_http_pitchey_zmq_request(up->request, &msg,
                                        NGX_HTTP_PITCHEY_DEADLINE,
                                        ngx_http_pitchey_files_added);
}


static ngx_int_t
ngx_http_pitchey_files_added(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    off_t                             size;
    pt_id_t                           id;
    ngx_http_pitchey_ctx_t           *ctx;
    ngx_http_pitchey_files_upload_t  *up;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    up = ctx->data;
    id = up->id;
    size = up->size;

    /*
     * An answer that was lost, or a failure, may have been a commit: better
     * bytes without a row, which a sweep of the storage finds, than a row
     * without bytes.  Only what was refused, or never sent, is none.
     */

    if (reply->err == PT_OK
        || (reply->sent && ngx_http_pitchey_problem_status(reply->err)
                           >= NGX_HTTP_INTERNAL_SERVER_ERROR))
    {
        up->named = 0;
    }

    ngx_http_pitchey_files_drop(up);

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_UPLOADS);
    ngx_http_pitchey_metrics_add(NGX_HTTP_PITCHEY_METRIC_UPLOAD_BYTES,
                                 (ngx_uint_t) size);

    return ngx_http_pitchey_files_created(r, &id, reply);
}


static ngx_int_t
ngx_http_pitchey_files_created(ngx_http_request_t *r, const pt_id_t *id,
    const ngx_http_pitchey_reply_t *reply)
{
    char       text[PT_ID_TEXT_LEN];
    ngx_str_t  body, location;

    pt_id_format(id, text);

    if (ngx_http_pitchey_route_uri(r, "/files/",
                                   (pt_str_t) { text, PT_ID_TEXT_LEN },
                                   &location)
        != NGX_OK
        || ngx_http_pitchey_add_header(r, "Location", &location) != NGX_OK
        || ngx_http_pitchey_reply_body(r, reply, &body) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_send_json(r, NGX_HTTP_CREATED, &body);
}


static ngx_int_t
ngx_http_pitchey_files_storage_problem(ngx_http_pitchey_files_upload_t *up)
{
    ngx_log_error(NGX_LOG_CRIT, up->request->connection->log, up->err,
                  "could not %s \"%s\"", up->failed, up->path);

    if (up->err == NGX_ENOSPC || up->err == EDQUOT || up->err == EFBIG) {
        return ngx_http_pitchey_problem(up->request,
                   NGX_HTTP_INSUFFICIENT_STORAGE, "storage",
                   "The storage is full.");
    }

    return ngx_http_pitchey_problem(up->request,
               NGX_HTTP_INTERNAL_SERVER_ERROR, "storage",
               "The file could not be stored.");
}


/*
 * Ends the upload, and its request with rc: now, however long the client takes
 * to read the answer.  Returns NGX_ERROR, and neither is there any more.
 */
static ngx_int_t
ngx_http_pitchey_files_fail(ngx_http_pitchey_files_upload_t *up, ngx_int_t rc)
{
    ngx_http_request_t  *r;

    r = up->request;
    r->read_event_handler = ngx_http_block_reading;

    ngx_http_pitchey_files_drop(up);
    ngx_http_finalize_request(r, rc);

    return NGX_ERROR;
}


/* the request ends: after its answer there is nothing left to do here */
static void
ngx_http_pitchey_files_cleanup(void *data)
{
    ngx_http_pitchey_files_upload_t  *up = data;

    /* it may be committed: see _added */
    if (up->state == NGX_HTTP_PITCHEY_FILES_ADDING) {
        up->named = 0;
    }

    ngx_http_pitchey_files_drop(up);
}


/*
 * Removes what an upload has written, but for what became a file.  While a
 * thread has it, this is put off until the thread is done.
 */
static void
ngx_http_pitchey_files_drop(ngx_http_pitchey_files_upload_t *up)
{
    if (up->request) {
        up->cleanup->handler = NULL;
        up->request = NULL;
    }

    if (up->task.event.active) {
        return;
    }

    if (up->fd != -1 || up->named) {
        if (ngx_http_pitchey_files_run(up, ngx_http_pitchey_files_discard)
            == NGX_OK)
        {
            return;
        }

        ngx_http_pitchey_files_discard(up, up->pool->log);
    }

    EVP_MD_CTX_free(up->md);
    ngx_destroy_pool(up->pool);
}


static void
ngx_http_pitchey_files_write(void *data, ngx_log_t *log)
{
    size_t                            done;
    ssize_t                           n;
    ngx_http_pitchey_files_buf_t     *buf;
    ngx_http_pitchey_files_upload_t  *up = data;

    buf = up->writing;

    if (up->fd == -1 && ngx_http_pitchey_files_open(up) == -1) {
        up->err = ngx_errno;
        up->failed = "create";
        return;
    }

    if (EVP_DigestUpdate(up->md, buf->data, buf->len) != 1) {
        up->failed = "hash";
        return;
    }

    for (done = 0; done < buf->len; done += n) {
        n = write(up->fd, buf->data + done, buf->len - done);

        if (n == -1) {
            if (ngx_errno == NGX_EINTR) {
                n = 0;
                continue;
            }

            up->err = ngx_errno;
            up->failed = "write";
            return;
        }
    }

    up->written += buf->len;
    buf->len = 0;

    /* best effort: fsync() tells what could not be written */

    if (up->written - up->flushed >= NGX_HTTP_PITCHEY_FILES_FLUSH) {
        (void) sync_file_range(up->fd, up->flushed, up->written - up->flushed,
                               SYNC_FILE_RANGE_WRITE);
        up->flushed = up->written;
    }
}


static int
ngx_http_pitchey_files_open(ngx_http_pitchey_files_upload_t *up)
{
    int  flags;

    flags = O_WRONLY|O_CLOEXEC;

    up->fd = open((char *) up->folder, flags|O_TMPFILE,
                  NGX_HTTP_PITCHEY_FILES_MODE);

    if (up->fd == -1 && errno == ENOENT) {
        if (ngx_http_pitchey_files_mkdir(up->folder) == -1) {
            return -1;
        }

        up->fd = open((char *) up->folder, flags|O_TMPFILE,
                      NGX_HTTP_PITCHEY_FILES_MODE);
    }

    /* EISDIR: from a kernel's file system that does not know the flag */

    if (up->fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR)) {
        return up->fd;
    }

    if (ngx_http_pitchey_files_mkdir(up->temp_folder) == -1) {
        return -1;
    }

    up->fd = open((char *) up->temp, flags|O_CREAT|O_EXCL,
                  NGX_HTTP_PITCHEY_FILES_MODE);
    up->temp_named = (up->fd != -1);

    return up->fd;
}


/* complete: on disk first, then under its name, then the name on disk */
static void
ngx_http_pitchey_files_store(void *data, ngx_log_t *log)
{
    ngx_http_pitchey_files_upload_t  *up = data;

    if (EVP_DigestFinal_ex(up->md, up->sha256, NULL) != 1) {
        up->failed = "hash";
        return;
    }

    if (fsync(up->fd) == -1) {
        up->err = ngx_errno;
        up->failed = "sync";
        return;
    }

    if (ngx_http_pitchey_files_give_name(up) == -1
        || ngx_http_pitchey_files_sync_folder(up->subfolder) == -1)
    {
        up->err = ngx_errno;
        up->failed = "name";
        return;
    }

    if (close(up->fd) == -1) {
        up->err = ngx_errno;
        up->failed = "close";
    }

    up->fd = -1;
}


static int
ngx_http_pitchey_files_give_name(ngx_http_pitchey_files_upload_t *up)
{
    if (ngx_http_pitchey_files_link(up) == -1) {

        if (errno != ENOENT
            || ngx_http_pitchey_files_mkdir(up->subfolder) == -1
            || ngx_http_pitchey_files_sync_folder(up->folder) == -1
            || ngx_http_pitchey_files_link(up) == -1)
        {
            return -1;
        }
    }

    up->temp_named = 0;
    up->named = 1;

    return 0;
}


static int
ngx_http_pitchey_files_link(ngx_http_pitchey_files_upload_t *up)
{
    u_char  fd[sizeof("/proc/self/fd/") + NGX_INT_T_LEN];

    if (up->temp_named) {
        return rename((char *) up->temp, (char *) up->path);
    }

    /* a descriptor itself can be linked by CAP_DAC_READ_SEARCH alone */
    ngx_sprintf(fd, "/proc/self/fd/%d%Z", up->fd);

    return linkat(AT_FDCWD, (char *) fd, AT_FDCWD, (char *) up->path,
                  AT_SYMLINK_FOLLOW);
}


/* one that exists is fine; nginx's umask must not take the group's rights */
static int
ngx_http_pitchey_files_mkdir(const u_char *path)
{
    if (mkdir((char *) path, NGX_HTTP_PITCHEY_FILES_DIR) == -1) {
        return errno == EEXIST ? 0 : -1;
    }

    return chmod((char *) path, NGX_HTTP_PITCHEY_FILES_DIR);
}


static int
ngx_http_pitchey_files_sync_folder(const u_char *path)
{
    int  fd, rc, err;

    fd = open((char *) path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    rc = fsync(fd);
    err = errno;
    close(fd);
    errno = err;

    return rc;
}


/* here too, since the blocks of a large file are freed with its last name */
static void
ngx_http_pitchey_files_discard(void *data, ngx_log_t *log)
{
    ngx_http_pitchey_files_upload_t  *up = data;

    if (up->temp_named && unlink((char *) up->temp) == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "could not remove \"%s\", ignoring", up->temp);
    }

    if (up->named && unlink((char *) up->path) == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "could not remove \"%s\", ignoring", up->path);
    }

    if (up->fd != -1) {
        close(up->fd);
    }

    up->temp_named = 0;
    up->named = 0;
    up->fd = -1;
}


ngx_int_t
ngx_http_pitchey_files_download(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_str_t  none = ngx_null_string;

    return ngx_http_pitchey_outputs_open(r, PT_OPEN_FILE, &match->id, &none);
}


ngx_int_t
ngx_http_pitchey_files_init(ngx_conf_t *cf)
{
    return ngx_thread_pool_add(cf, NULL) ? NGX_OK : NGX_ERROR;
}
