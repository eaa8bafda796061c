/* JSON bodies, read without a file and worked on without blocking. */

#include "ngx_http_pitchey_body.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_problem.h"


/*
 * Bytes that are worked on at once: the most hostile ones take a millisecond,
 * and a form's ones some 20 us, for which no thread should be woken.
 */
#define NGX_HTTP_PITCHEY_BODY_INLINE  8192

/* ms, any: how long the timer runs that keeps a worker while a thread works */
#define NGX_HTTP_PITCHEY_BODY_KEEP    60000


static ngx_uint_t ngx_http_pitchey_body_is_json(ngx_http_request_t *r);
static void ngx_http_pitchey_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_pitchey_body_take(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body);
static ngx_int_t ngx_http_pitchey_body_work(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body);
static void ngx_http_pitchey_body_thread(void *data, ngx_log_t *log);
static void ngx_http_pitchey_body_worked(ngx_event_t *ev);
static void ngx_http_pitchey_body_keep(ngx_event_t *ev);
static void ngx_http_pitchey_body_cleanup(void *data);


static ngx_str_t  ngx_http_pitchey_body_threads = ngx_string("default");


ngx_http_pitchey_body_t *
ngx_http_pitchey_body_new(ngx_http_request_t *r, size_t max)
{
    ngx_pool_t               *pool;
    ngx_pool_cleanup_t       *cln;
    ngx_http_pitchey_body_t  *body;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    body = ngx_pcalloc(pool, sizeof(ngx_http_pitchey_body_t));

    if (body == NULL
        || (body->mem = ngx_http_pitchey_mem(pool)) == NULL)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    body->pool = pool;
    body->request = r;
    body->cleanup = cln;

    body->task.ctx = body;
    body->task.handler = ngx_http_pitchey_body_thread;
    body->task.event.data = body;
    body->task.event.handler = ngx_http_pitchey_body_worked;

    body->keeper.data = body;
    body->keeper.log = ngx_cycle->log;
    body->keeper.handler = ngx_http_pitchey_body_keep;

    pt_buf_init(&body->text, body->mem, max);

    cln->handler = ngx_http_pitchey_body_cleanup;
    cln->data = body;

    return body;
}


ngx_int_t
ngx_http_pitchey_body_check(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body)
{
    if (!ngx_http_pitchey_body_is_json(r)) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                        "unsupported_media_type",
                                        "The body must be application/json.");
    }

    if (r->headers_in.content_length_n > (off_t) body->text.max) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                        "too_large",
                                        "The body is longer than %uz bytes.",
                                        body->text.max);
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_pitchey_body_is_json(ngx_http_request_t *r)
{
    size_t      len;
    ngx_str_t  *type;

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = &r->headers_in.content_type->value;

    for (len = 0; len < type->len; len++) {
        if (type->data[len] == ';' || type->data[len] == ' ') {
            break;
        }
    }

    return len == sizeof("application/json") - 1
           && ngx_strncasecmp(type->data, (u_char *) "application/json", len)
              == 0;
}


ngx_int_t
ngx_http_pitchey_body_read(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body)
{
    ngx_int_t                rc;
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->data = body;

    /* taken piece by piece, so that it never goes through a file */
    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_pitchey_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


/* after nginx has read some of the body, and for each piece after it */
static void
ngx_http_pitchey_body_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_http_pitchey_ctx_t   *ctx;
    ngx_http_pitchey_body_t  *body;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    body = ctx->data;

    /* what comes after an answer is not for us */
    r->read_event_handler = ngx_http_block_reading;

    for ( ;; ) {
        rc = ngx_http_pitchey_body_take(r, body);

        if (rc != NGX_DECLINED) {
            break;
        }

        if (!r->reading_body) {
            rc = ngx_http_pitchey_body_work(r, body);
            break;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            break;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            r->read_event_handler = ngx_http_pitchey_body_handler;
            return;
        }
    }

    ngx_http_finalize_request(r, rc);
}


/* NGX_DECLINED: go on; else what to finalize the request with */
static ngx_int_t
ngx_http_pitchey_body_take(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *next;

    for (cl = r->request_body->bufs; cl; cl = next) {
        next = cl->next;
        b = cl->buf;

        if (!ngx_buf_in_memory(b) && !ngx_buf_special(b)) {

            /* another module had nginx read the body before us */

            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "could not use the request body: it lies in a file");
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (ngx_buf_in_memory(b)) {
            pt_buf_add(&body->text, b->pos, b->last - b->pos);
            b->pos = b->last;
        }

        ngx_free_chain(r->pool, cl);
    }

    r->request_body->bufs = NULL;

    if (body->text.err == PT_E_TOO_LARGE) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                        "too_large",
                                        "The body is longer than %uz bytes.",
                                        body->text.max);
    }

    return (body->text.err == PT_OK) ? NGX_DECLINED
                                     : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_http_pitchey_body_work(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body)
{
    ngx_thread_pool_t  *threads;

    if (body->text.len <= NGX_HTTP_PITCHEY_BODY_INLINE) {
        body->work(body);
        return body->done(r, body);
    }

    threads = ngx_thread_pool_get((ngx_cycle_t *) ngx_cycle,
                                  &ngx_http_pitchey_body_threads);

    if (threads == NULL
        || ngx_thread_task_post(threads, &body->task) != NGX_OK)
    {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    /* a worker that is to exit waits for timers, and not for threads */
    ngx_add_timer(&body->keeper, NGX_HTTP_PITCHEY_BODY_KEEP);

    r->main->count++;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    r->connection->log->action = "checking a request body";

    return NGX_DONE;
}


static void
ngx_http_pitchey_body_thread(void *data, ngx_log_t *log)
{
    ngx_http_pitchey_body_t  *body = data;

    body->work(body);
}


/* a thread is done */
static void
ngx_http_pitchey_body_worked(ngx_event_t *ev)
{
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_http_pitchey_body_t  *body;

    body = ev->data;
    r = body->request;

    ngx_del_timer(&body->keeper);

    if (r == NULL) {
        ngx_destroy_pool(body->pool);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    ngx_http_finalize_request(r, body->done(r, body));
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_pitchey_body_keep(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_HTTP_PITCHEY_BODY_KEEP);
}


/* the request ends; a thread that is at work ends the body */
static void
ngx_http_pitchey_body_cleanup(void *data)
{
    ngx_http_pitchey_body_t  *body = data;

    body->request = NULL;

    if (!body->task.event.active) {
        ngx_destroy_pool(body->pool);
    }
}
