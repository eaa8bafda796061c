/* Requests that wait for an orchestrator. */

#include "ngx_http_pitchey_ask.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_route.h"


/* an HTTP request that waits */
typedef struct {
    ngx_http_request_t        *request;
    uint64_t                   rid;           /* 0: for nothing any more */
    ngx_http_pitchey_reply_pt  handler;
} ngx_http_pitchey_ask_wait_t;


static pt_str_t ngx_http_pitchey_ask_traceparent(ngx_http_request_t *r);
static void ngx_http_pitchey_ask_resume(void *data,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_ask_leave(void *data);


ngx_int_t
ngx_http_pitchey_ask(ngx_http_request_t *r, pt_msg_t *msg,
    ngx_msec_t deadline, ngx_http_pitchey_reply_pt handler)
{
    ngx_int_t                     rc;
    ngx_http_cleanup_t           *cln;
    ngx_http_pitchey_reply_t      reply;
    ngx_http_pitchey_ask_wait_t  *wait;

    /* a request waits for one answer after the other: reuse its record */

    for (cln = r->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_pitchey_ask_leave) {
            break;
        }
    }

    if (cln == NULL) {
        cln = ngx_http_cleanup_add(r, sizeof(ngx_http_pitchey_ask_wait_t));
        if (cln == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        cln->handler = ngx_http_pitchey_ask_leave;
    }

    wait = cln->data;
    wait->request = r;
    wait->handler = handler;
    wait->rid = 0;

    ngx_http_pitchey_ask_header(r, &msg->u.request);

    rc = ngx_http_pitchey_zmq_call(NGX_HTTP_PITCHEY_ZMQ_ANY, msg, deadline,
                                   ngx_http_pitchey_ask_resume, wait,
                                   &wait->rid);

    if (rc != NGX_OK) {
        ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_CALL_FAILURES);

        ngx_memzero(&reply, sizeof(ngx_http_pitchey_reply_t));

        reply.err = (rc == NGX_BUSY) ? PT_E_UNAVAILABLE : PT_E_INTERNAL;
        reply.retry_after_s = NGX_HTTP_PITCHEY_RETRY_AFTER;

        return handler(r, &reply);
    }

    ngx_http_pitchey_zmq_keep(wait->rid);

    r->main->count++;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    r->connection->log->action = "waiting for an orchestrator";

    return NGX_DONE;
}


void
ngx_http_pitchey_ask_header(ngx_http_request_t *r, pt_request_t *rq)
{
    size_t                   len;
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    if (ctx == NULL || ctx->user.id.len == 0) {
        rq->user = PT_STR("");
        rq->role = PT_STR("");
        rq->tier = PT_STR("");

    } else {
        /* a list of roles that is too long is cut after a whole one; whether
         * it has "admin" was decided before */

        len = ctx->user.role.len;

        while (len > PT_NAME_MAX
               || (len && len < ctx->user.role.len
                   && ctx->user.role.data[len] != ','))
        {
            len--;
        }

        rq->user = ngx_http_pitchey_pt_str(&ctx->user.id);
        rq->role = ngx_http_pitchey_pt_str(&ctx->user.role);
        rq->role.len = len;
        rq->tier = ngx_http_pitchey_pt_str(&ctx->user.tier);
        rq->admin = ctx->user.admin;
    }

    rq->traceparent = ngx_http_pitchey_ask_traceparent(r);
}


/* W3C: 00-<32 hex>-<16 hex>-<2 hex>; anything else begins a new trace */
static pt_str_t
ngx_http_pitchey_ask_traceparent(ngx_http_request_t *r)
{
    u_char       ch;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = ngx_http_pitchey_route_header(r, "traceparent");

    if (value == NULL || value->len != 55) {
        return PT_STR_NULL;
    }

    for (i = 0; i < 55; i++) {
        ch = value->data[i];

        if (i == 2 || i == 35 || i == 52) {
            if (ch != '-') {
                return PT_STR_NULL;
            }

        } else if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f'))) {
            return PT_STR_NULL;
        }
    }

    return ngx_http_pitchey_pt_str(value);
}


/* the answer is here; the request is alive, else _leave() had forgotten it */
static void
ngx_http_pitchey_ask_resume(void *data, const ngx_http_pitchey_reply_t *reply)
{
    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_http_pitchey_ask_wait_t  *wait;

    wait = data;
    wait->rid = 0;

    r = wait->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    c->log->action = "sending to client";
    r->read_event_handler = ngx_http_block_reading;

    ngx_http_finalize_request(r, wait->handler(r, reply));

    ngx_http_run_posted_requests(c);
}


/* the request ends */
static void
ngx_http_pitchey_ask_leave(void *data)
{
    ngx_http_pitchey_ask_wait_t  *wait = data;

    if (wait->rid) {
        ngx_http_pitchey_zmq_forget(wait->rid);
        wait->rid = 0;
    }
}


ngx_int_t
ngx_http_pitchey_reply_problem(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    return ngx_http_pitchey_problem_err(r, reply->err, reply->detail,
                                        reply->errors, reply->retry_after_s);
}


ngx_int_t
ngx_http_pitchey_reply_body(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply, ngx_str_t *ret_body)
{
    ngx_str_t  body;

    body = ngx_http_pitchey_ngx_str(reply->body);

    ret_body->len = body.len;
    ret_body->data = ngx_pstrdup(r->pool, &body);

    return ret_body->data ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_pitchey_ask_about(ngx_http_request_t *r, pt_command_t command,
    const pt_id_t *id, ngx_http_pitchey_reply_pt handler)
{
    pt_msg_t  msg;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = command;

    if (id != NULL) {
        msg.u.get.id = *id;
    }

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE, handler);
}


ngx_int_t
ngx_http_pitchey_reply_json(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_str_t  body;

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    if (ngx_http_pitchey_reply_body(r, reply, &body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_send_json(r, NGX_HTTP_OK, &body);
}


ngx_int_t
ngx_http_pitchey_reply_none(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}
