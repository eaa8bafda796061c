/*
 * The streams of this worker, in the order of their next heartbeat, and the
 * one timer for all that is done from time to time.
 */

#include "ngx_http_pitchey_stream.h"
#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_revocation.h"
#include "ngx_http_pitchey_watch.h"


/* ms */
#define NGX_HTTP_PITCHEY_TICK  100


typedef struct {
    ngx_queue_t    streams;
    ngx_event_t    timer;
    ngx_msec_t     heartbeat;
} ngx_http_pitchey_streams_t;


static void ngx_http_pitchey_stream_session(ngx_http_request_t *r,
    ngx_int_t rc);
static void ngx_http_pitchey_stream_leave(void *data);
static void ngx_http_pitchey_stream_free(void *data);
static ngx_int_t ngx_http_pitchey_stream_output(ngx_http_pitchey_stream_t *s,
    ngx_chain_t *out);
static void ngx_http_pitchey_stream_tick(ngx_event_t *ev);
static void ngx_http_pitchey_stream_stop_all(void);
static void ngx_http_pitchey_stream_beat_all(void);


static ngx_http_pitchey_streams_t  *ngx_http_pitchey_streams;


ngx_int_t
ngx_http_pitchey_stream_open(ngx_http_pitchey_stream_t *s)
{
    ngx_int_t                rc;
    ngx_http_cleanup_t      *cln;
    ngx_http_request_t      *r;
    ngx_pool_cleanup_t      *pool_cln;
    ngx_http_pitchey_ctx_t  *ctx;

    r = s->request;
    cln = ngx_http_cleanup_add(r, 0);
    pool_cln = ngx_pool_cleanup_add(r->pool, 0);

    if (ngx_http_pitchey_streams == NULL || cln == NULL || pool_cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->data = s;

    rc = ngx_http_pitchey_auth_watch(r, ngx_http_pitchey_stream_session);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /*
     * The stream ends with the request, but the bytes that are being sent may
     * be needed until the pool is destroyed: HTTP/2 keeps a request until its
     * frames have left.
     */

    cln->handler = ngx_http_pitchey_stream_leave;
    cln->data = s;
    pool_cln->handler = ngx_http_pitchey_stream_free;
    pool_cln->data = s;

    s->open = 1;
    s->beat_time = ngx_current_msec;
    ngx_queue_insert_tail(&ngx_http_pitchey_streams->streams, &s->queue);

    ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_STREAMS_OPENED);
    ngx_http_pitchey_metrics_streams(1);

    if (!ngx_http_pitchey_streams->timer.timer_set) {
        ngx_http_pitchey_watch_begin();
        ngx_add_timer(&ngx_http_pitchey_streams->timer,
                      NGX_HTTP_PITCHEY_TICK);
    }

    r->main->count++;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (rc == NGX_AGAIN) {
        s->doubted = 1;
        return NGX_DONE;
    }

    /* who called the content handler runs what is posted: r lives until then */

    s->held = 1;
    s->type->begin(s);
    s->held = 0;

    return NGX_DONE;
}


static void
ngx_http_pitchey_stream_session(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_stream_t  *s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    s = ctx->data;

    if (!s->open) {
        /* its last bytes are still under way */
        return;
    }

    if (rc == NGX_OK) {
        s->doubted = 0;

        ngx_http_pitchey_stream_hold(s);
        s->type->begin(s);
        ngx_http_pitchey_stream_release(s);

    } else if (rc == NGX_ERROR) {
        ngx_http_pitchey_stream_finalize(s,
                  ngx_http_pitchey_problem_err(r, PT_E_UNAVAILABLE,
                                               PT_STR("sessions cannot be "
                                                      "looked up now"),
                                               PT_STR_NULL, 0));

    } else if (s->doubted) {
        ngx_http_pitchey_stream_unauthorized(s);

    } else {
        s->type->revoked(s);
    }
}


static void
ngx_http_pitchey_stream_leave(void *data)
{
    ngx_http_pitchey_stream_t  *s = data;

    ngx_http_pitchey_stream_close(s);
}


static void
ngx_http_pitchey_stream_free(void *data)
{
    ngx_http_pitchey_stream_t  *s = data;

    s->type->free(s);

    if (s->piece != NULL) {
        ngx_free(s->piece);
        s->piece = NULL;
    }
}


void
ngx_http_pitchey_stream_close(ngx_http_pitchey_stream_t *s)
{
    if (!s->open) {
        return;
    }

    s->open = 0;
    ngx_queue_remove(&s->queue);
    ngx_http_pitchey_metrics_streams(-1);

    s->type->close(s);
}


/*
 * The piece of a client that had to be waited for is kept: the filters still
 * have it in their lists of what is busy, and look at it the next time.
 */
ngx_int_t
ngx_http_pitchey_stream_put(ngx_http_pitchey_stream_t *s, const void *data,
    size_t len)
{
    ngx_int_t                  rc;
    ngx_http_pitchey_piece_t  *piece;

    piece = s->piece;

    if (piece == NULL) {
        piece = ngx_alloc(sizeof(ngx_http_pitchey_piece_t),
                          s->request->connection->log);
        if (piece == NULL) {
            return NGX_ERROR;
        }

        s->piece = piece;
    }

    ngx_memzero(piece, sizeof(ngx_http_pitchey_piece_t));

    piece->buf.pos = (u_char *) data;
    piece->buf.last = piece->buf.pos + len;
    piece->buf.memory = 1;
    piece->buf.flush = 1;
    piece->chain.buf = &piece->buf;

    rc = ngx_http_pitchey_stream_output(s, &piece->chain);

    if (rc != NGX_OK) {
        s->kept = 1;

    } else if (!s->kept) {
        ngx_free(piece);
        s->piece = NULL;
    }

    return rc;
}


ngx_int_t
ngx_http_pitchey_stream_flush(ngx_http_pitchey_stream_t *s)
{
    return ngx_http_pitchey_stream_output(s, NULL);
}


static ngx_int_t
ngx_http_pitchey_stream_output(ngx_http_pitchey_stream_t *s, ngx_chain_t *out)
{
    ngx_int_t                  rc;
    ngx_event_t               *wev;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = s->request;
    c = r->connection;
    wev = c->write;

    ngx_http_set_log_request(c->log, r);

    rc = ngx_http_output_filter(r, out);

    if (rc == NGX_ERROR || c->error) {
        return NGX_ERROR;
    }

    s->blocked = (r->buffered || r->postponed || c->buffered) ? 1 : 0;

    if (!s->blocked) {
        s->type->free(s);

        if (wev->timer_set) {
            ngx_del_timer(wev);
        }

        return NGX_OK;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


ngx_uint_t
ngx_http_pitchey_stream_timed_out(ngx_http_pitchey_stream_t *s)
{
    ngx_connection_t  *c;

    c = s->request->connection;

    if (!c->write->timedout) {
        return 0;
    }

    ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT, "client timed out");
    c->timedout = 1;

    return 1;
}


void
ngx_http_pitchey_stream_finalize(ngx_http_pitchey_stream_t *s, ngx_int_t rc)
{
    ngx_uint_t           held;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = s->request;
    c = r->connection;
    held = s->held;

    /* not a second time, whatever is called below */
    ngx_http_pitchey_stream_close(s);

    ngx_http_finalize_request(r, rc);

    if (!held) {
        ngx_http_run_posted_requests(c);
    }
}


void
ngx_http_pitchey_stream_unauthorized(ngx_http_pitchey_stream_t *s)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = s->request;

    ngx_http_set_log_request(r->connection->log, r);

    rc = ngx_http_pitchey_problem(r, NGX_HTTP_UNAUTHORIZED, "unauthorized",
                                  "The session has ended.");

    ngx_http_pitchey_stream_finalize(s, rc);
}


ngx_msec_t
ngx_http_pitchey_stream_heartbeat(void)
{
    return ngx_http_pitchey_streams->heartbeat;
}


void
ngx_http_pitchey_stream_hold(ngx_http_pitchey_stream_t *s)
{
    s->held = 1;
    s->request->main->count++;
}


void
ngx_http_pitchey_stream_release(ngx_http_pitchey_stream_t *s)
{
    ngx_connection_t  *c;

    c = s->request->connection;

    s->held = 0;

    ngx_http_finalize_request(s->request, NGX_DONE);
    ngx_http_run_posted_requests(c);
}


ngx_int_t
ngx_http_pitchey_stream_init(ngx_cycle_t *cycle,
    ngx_http_pitchey_main_conf_t *pmcf)
{
    ngx_http_pitchey_streams_t  *streams;

    streams = ngx_pcalloc(cycle->pool, sizeof(ngx_http_pitchey_streams_t));
    if (streams == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&streams->streams);

    streams->heartbeat = pmcf->stream_heartbeat;
    streams->timer.handler = ngx_http_pitchey_stream_tick;
    streams->timer.data = streams;
    streams->timer.log = cycle->log;

    ngx_http_pitchey_streams = streams;

    return NGX_OK;
}


/* before the sockets are closed; what the requests hold goes with them */
void
ngx_http_pitchey_stream_exit(void)
{
    ngx_queue_t                *q;
    ngx_http_pitchey_stream_t  *s;

    if (ngx_http_pitchey_streams == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ngx_http_pitchey_streams->streams)) {
        q = ngx_queue_head(&ngx_http_pitchey_streams->streams);
        s = ngx_queue_data(q, ngx_http_pitchey_stream_t, queue);

        ngx_http_pitchey_stream_close(s);
        ngx_http_pitchey_stream_free(s);
    }

    if (ngx_http_pitchey_streams->timer.timer_set) {
        ngx_del_timer(&ngx_http_pitchey_streams->timer);
    }

    ngx_http_pitchey_streams = NULL;
}


/*
 * Runs while there are streams.  It is not cancelable: it has to keep a
 * worker that exits until it has ended them.
 */
static void
ngx_http_pitchey_stream_tick(ngx_event_t *ev)
{
    if (ngx_exiting) {
        ngx_http_pitchey_stream_stop_all();
    }

    ngx_http_pitchey_watch_tick();
    ngx_http_pitchey_stream_beat_all();

    if (!ngx_queue_empty(&ngx_http_pitchey_streams->streams)) {
        ngx_add_timer(&ngx_http_pitchey_streams->timer,
                      NGX_HTTP_PITCHEY_TICK);
    }
}


static void
ngx_http_pitchey_stream_stop_all(void)
{
    ngx_queue_t                 streams, *q;
    ngx_http_pitchey_stream_t  *s;

    if (ngx_queue_empty(&ngx_http_pitchey_streams->streams)) {
        return;
    }

    ngx_queue_init(&streams);
    ngx_queue_add(&streams, &ngx_http_pitchey_streams->streams);
    ngx_queue_init(&ngx_http_pitchey_streams->streams);

    while (!ngx_queue_empty(&streams)) {
        q = ngx_queue_head(&streams);
        s = ngx_queue_data(q, ngx_http_pitchey_stream_t, queue);

        /* in the order that they had */
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&ngx_http_pitchey_streams->streams, q);

        if (!s->doubted) {
            s->type->stop(s);
        }
    }
}


static void
ngx_http_pitchey_stream_beat_all(void)
{
    ngx_queue_t                *q, *streams;
    ngx_http_pitchey_stream_t  *s;

    streams = &ngx_http_pitchey_streams->streams;

    while (!ngx_queue_empty(streams)) {
        q = ngx_queue_head(streams);
        s = ngx_queue_data(q, ngx_http_pitchey_stream_t, queue);

        if (ngx_current_msec - s->beat_time
            < ngx_http_pitchey_streams->heartbeat)
        {
            return;
        }

        s->beat_time = ngx_current_msec;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(streams, q);

        if (!s->doubted) {
            s->type->beat(s);
        }
    }
}
