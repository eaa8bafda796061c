/*
 * Jobs looked at, listed, cancelled and done again.  The orchestrator decides
 * who may see what: another user's job and none at all have one and the same
 * answer.
 */

#include <openssl/sha.h>

#include "ngx_http_pitchey_jobs.h"
#include "ngx_http_pitchey_jobzone.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_proposal.h"
#include "ngx_http_pitchey_query.h"
#include "ngx_http_pitchey_rate.h"
#include "ngx_http_pitchey_submit.h"
#include "ngx_http_pitchey_wait.h"
#include "ngx_http_pitchey_ask.h"


/* bytes of what is wrong with a query string */
#define NGX_HTTP_PITCHEY_JOBS_ERRORS  16384


typedef struct {
    pt_id_t            id;
    ngx_atomic_uint_t  counter;     /* of the job zone, before it was asked */
} ngx_http_pitchey_jobs_get_t;


typedef struct {
    pt_id_t            id;
    pt_id_t            job;         /* the new one */
    pt_str_t           key;
    u_char             sha256[SHA256_DIGEST_LENGTH];
} ngx_http_pitchey_jobs_retry_t;


typedef struct {
    pt_buf_t           errors;
    pt_jsonw_t         writer;
} ngx_http_pitchey_jobs_errors_t;


static ngx_int_t ngx_http_pitchey_jobs_args(ngx_http_request_t *r,
    pt_list_t *ret_list);
static void ngx_http_pitchey_jobs_args_error(void *ctx, pt_str_t parameter,
    const char *detail);
static ngx_int_t ngx_http_pitchey_jobs_get_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_jobs_cancel_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_jobs_retry_read(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static const ngx_str_t *ngx_http_pitchey_jobs_retry_service(void *data,
    ngx_uint_t i);
static ngx_int_t ngx_http_pitchey_jobs_retry_send(ngx_http_request_t *r,
    ngx_http_pitchey_jobs_retry_t *retry);
static ngx_int_t ngx_http_pitchey_jobs_retry_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);


ngx_int_t
ngx_http_pitchey_jobs_list_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    pt_msg_t                 msg;
    ngx_int_t                rc;
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_LIST;

    rc = ngx_http_pitchey_jobs_args(r, &msg.u.list);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    /* whoever names themselves asks for what they get anyway */

    if (pt_str_eq(msg.u.list.owner, ngx_http_pitchey_pt_str(&ctx->user.id))) {
        msg.u.list.owner = PT_STR_NULL;
    }

    if (msg.u.list.owner.data && !ctx->user.admin) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_FORBIDDEN, "forbidden",
                                        "Another user's jobs are for admins.");
    }

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                ngx_http_pitchey_reply_json);
}


/* NGX_DECLINED: go on; else it is answered */
static ngx_int_t
ngx_http_pitchey_jobs_args(ngx_http_request_t *r, pt_list_t *ret_list)
{
    char                            *room;
    const pt_mem_t                  *mem;
    ngx_http_pitchey_problem_t       problem;
    ngx_http_pitchey_query_list_t   *q;
    ngx_http_pitchey_jobs_errors_t   e;

    mem = ngx_http_pitchey_mem(r->pool);
    room = ngx_pnalloc(r->pool, r->args.len + 1);
    q = ngx_palloc(r->pool, sizeof(ngx_http_pitchey_query_list_t));

    if (mem == NULL || room == NULL || q == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    pt_buf_init(&e.errors, mem, NGX_HTTP_PITCHEY_JOBS_ERRORS);
    pt_jsonw_init(&e.writer, &e.errors);
    pt_jsonw_array(&e.writer);

    q->error = ngx_http_pitchey_jobs_args_error;
    q->ctx = &e;

    if (ngx_http_pitchey_query_list(ngx_http_pitchey_pt_str(&r->args), room,
                                    q))
    {
        *ret_list = q->list;
        return NGX_DECLINED;
    }

    pt_jsonw_end(&e.writer);

    ngx_memzero(&problem, sizeof(ngx_http_pitchey_problem_t));

    problem.status = NGX_HTTP_BAD_REQUEST;
    problem.code = "bad_request";
    ngx_str_set(&problem.detail, "The query string is not what the list "
                                 "accepts.");

    /* of thousands of them, none: their number is no news */

    if (e.errors.err == PT_OK) {
        problem.errors = ngx_http_pitchey_ngx_str(pt_buf_str(&e.errors));
    }

    return ngx_http_pitchey_problem_send(r, &problem);
}


static void
ngx_http_pitchey_jobs_args_error(void *ctx, pt_str_t parameter,
    const char *detail)
{
    ngx_http_pitchey_jobs_errors_t  *e = ctx;

    pt_jsonw_object(&e->writer);
    pt_jsonw_key(&e->writer, "parameter");
    pt_jsonw_str(&e->writer, parameter);
    pt_jsonw_key(&e->writer, "detail");
    pt_jsonw_text(&e->writer, detail);
    pt_jsonw_end(&e->writer);
}


ngx_int_t
ngx_http_pitchey_jobs_get_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    pt_msg_t                      msg;
    ngx_int_t                     rc;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_msec_t                    ms;
    ngx_http_pitchey_jobs_get_t  *get;

    ms = ngx_http_pitchey_wait_preferred(r);
    if (ms) {
        return ngx_http_pitchey_wait_send(r, &match->id, ms, NULL);
    }

    rc = ngx_http_pitchey_jobzone_send(r, &match->id);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    get = ngx_palloc(r->pool, sizeof(ngx_http_pitchey_jobs_get_t));
    if (get == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    get->id = match->id;
    get->counter = ngx_http_pitchey_jobzone_counter(r);

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->data = get;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_GET;
    msg.u.get.id = match->id;

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                ngx_http_pitchey_jobs_get_reply);
}


static ngx_int_t
ngx_http_pitchey_jobs_get_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_jobs_get_t  *get;

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    get = ctx->data;

    return ngx_http_pitchey_jobzone_answer(r, &get->id, reply->body,
                                           get->counter);
}


ngx_int_t
ngx_http_pitchey_jobs_cancel_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return ngx_http_pitchey_ask_about(r, PT_CMD_CANCEL, &match->id,
                                      ngx_http_pitchey_jobs_cancel_reply);
}


/* 200 once it is cancelled, 202 while its processor has to stop first */
static ngx_int_t
ngx_http_pitchey_jobs_cancel_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    pt_id_t    id;
    pt_str_t   text, status;
    ngx_str_t  body;

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    if (ngx_http_pitchey_reply_body(r, reply, &body) != NGX_OK
        || !pt_json_peek(reply->body, "id", &text)
        || !pt_json_peek(reply->body, "status", &status))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* whoever cancels and looks sees it, before any EVENT */
    if (pt_id_parse(text, &id) == PT_OK) {
        ngx_http_pitchey_jobzone_drop(&id);
    }

    return ngx_http_pitchey_send_json(r, pt_str_is(status, "cancelled")
                                         ? NGX_HTTP_OK : NGX_HTTP_ACCEPTED,
                                      &body);
}


ngx_int_t
ngx_http_pitchey_jobs_batch_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return ngx_http_pitchey_ask_about(r, PT_CMD_BATCH, &match->id,
                                      ngx_http_pitchey_reply_json);
}


/* the schema says who may do it again, and only the old job says what it is */
ngx_int_t
ngx_http_pitchey_jobs_retry_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    pt_msg_t                        msg;
    ngx_int_t                       rc;
    ngx_http_pitchey_ctx_t         *ctx;
    ngx_http_pitchey_jobs_retry_t  *retry;

    retry = ngx_palloc(r->pool, sizeof(ngx_http_pitchey_jobs_retry_t));
    if (retry == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    retry->id = match->id;

    rc = ngx_http_pitchey_submit_key(r, &retry->key);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->data = retry;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_GET;
    msg.u.get.id = match->id;

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                ngx_http_pitchey_jobs_retry_read);
}


static ngx_int_t
ngx_http_pitchey_jobs_retry_read(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    pt_str_t                          text;
    ngx_int_t                         rc;
    ngx_str_t                         service, action;
    ngx_http_pitchey_ctx_t           *ctx;
    ngx_http_pitchey_loc_conf_t      *plcf;
    const ngx_http_pitchey_schema_t  *schema;

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (!pt_json_peek(reply->body, "service", &text)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    service = ngx_http_pitchey_ngx_str(text);

    if (!pt_json_peek(reply->body, "action", &text)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    action = ngx_http_pitchey_ngx_str(text);

    schema = ngx_http_pitchey_schema_find(plcf->schema_set, &service, &action);

    if (schema == NULL) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_CONFLICT, "conflict",
                                        "The job's action does not exist any "
                                        "more.");
    }

    if (!ngx_http_pitchey_schema_allows(schema, &ctx->user)) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_FORBIDDEN, "forbidden",
                                        "The action is for others.");
    }

    rc = ngx_http_pitchey_rate_jobs(r, 1, ngx_http_pitchey_jobs_retry_service,
                                    (void *) schema);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    return ngx_http_pitchey_jobs_retry_send(r, ctx->data);
}


static const ngx_str_t *
ngx_http_pitchey_jobs_retry_service(void *data, ngx_uint_t i)
{
    const ngx_http_pitchey_schema_t  *schema = data;

    return &schema->service;
}


static ngx_int_t
ngx_http_pitchey_jobs_retry_send(ngx_http_request_t *r,
    ngx_http_pitchey_jobs_retry_t *retry)
{
    u_char                   what[sizeof("retry ") + sizeof(pt_id_t)];
    pt_msg_t                 msg;
    ngx_time_t              *tp;
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    tp = ngx_timeofday();

    if (ngx_http_pitchey_proposal_id((uint64_t) tp->sec * 1000 + tp->msec,
                                     &retry->job)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* what an Idempotency-Key compares: no body of a submission is this */

    ngx_memcpy(what, "retry ", sizeof("retry "));
    ngx_memcpy(what + sizeof("retry "), retry->id.bytes, sizeof(pt_id_t));
    SHA256(what, sizeof(what), retry->sha256);

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_RETRY;
    msg.u.retry.job = retry->job;
    msg.u.retry.retry_of = retry->id;
    msg.u.retry.user_type = ngx_http_pitchey_pt_str(&ctx->user.user_type);
    msg.u.retry.idempotency_key = retry->key;
    msg.u.retry.body_sha256 = retry->sha256;

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                ngx_http_pitchey_jobs_retry_reply);
}


static ngx_int_t
ngx_http_pitchey_jobs_retry_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_http_pitchey_ctx_t         *ctx;
    ngx_http_pitchey_jobs_retry_t  *retry;

    if (reply->err == PT_OK) {
        return ngx_http_pitchey_submit_accepted(r, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    retry = ctx->data;

    return ngx_http_pitchey_submit_failed(r, reply, "job_id", &retry->job);
}
