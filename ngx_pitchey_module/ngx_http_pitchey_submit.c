/*
 * Submitting: the body becomes a proposal, the proposal SUBMIT or
 * SUBMIT_BATCH, and the answer is 202 once the orchestrator has committed it.
 *
 *     handler -> body, proposal -> checked -> send -> reply
 */

#include "ngx_http_pitchey_submit.h"
#include "ngx_http_pitchey_events.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_proposal.h"
#include "ngx_http_pitchey_rate.h"
#include "ngx_http_pitchey_wait.h"


#define NGX_HTTP_PITCHEY_KEY_MAX  255


static ngx_int_t ngx_http_pitchey_submit_read(ngx_http_request_t *r,
    const ngx_http_pitchey_schema_t *schema);
static ngx_int_t ngx_http_pitchey_submit_checked(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body);
static const ngx_str_t *ngx_http_pitchey_submit_service(void *data,
    ngx_uint_t i);
static ngx_int_t ngx_http_pitchey_submit_send(ngx_http_request_t *r,
    ngx_http_pitchey_proposal_t *p, pt_str_t key);
static uint8_t ngx_http_pitchey_submit_no_cache(ngx_http_request_t *r);
static ngx_int_t ngx_http_pitchey_submit_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_submit_send_batch(ngx_http_request_t *r,
    ngx_http_pitchey_proposal_t *p, pt_str_t key);
static ngx_int_t ngx_http_pitchey_submit_batch_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_submit_answer(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply, const char *path, pt_str_t id);
static ngx_int_t ngx_http_pitchey_submit_location(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply, const char *path, pt_str_t id,
    ngx_str_t *ret_body);


ngx_int_t
ngx_http_pitchey_submit_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    if (!ngx_http_pitchey_schema_allows(match->schema, &ctx->user)) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_FORBIDDEN, "forbidden",
                                        "The action is for others.");
    }

    return ngx_http_pitchey_submit_read(r, match->schema);
}


ngx_int_t
ngx_http_pitchey_submit_any(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return ngx_http_pitchey_submit_read(r, NULL);
}


static ngx_int_t
ngx_http_pitchey_submit_read(ngx_http_request_t *r,
    const ngx_http_pitchey_schema_t *schema)
{
    size_t                        max;
    pt_str_t                      key;
    ngx_int_t                     rc;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_body_t      *body;
    ngx_http_pitchey_loc_conf_t  *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    max = plcf->body_max;

    if (schema && schema->body_max && schema->body_max < max) {
        max = schema->body_max;
    }

    body = ngx_http_pitchey_body_new(r, max);

    if (body == NULL
        || ngx_http_pitchey_proposal_new(body, schema, plcf->schema_set,
                                         &ctx->user)
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body->done = ngx_http_pitchey_submit_checked;

    rc = ngx_http_pitchey_body_check(r, body);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_pitchey_submit_key(r, &key);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    return ngx_http_pitchey_body_read(r, body);
}


ngx_int_t
ngx_http_pitchey_submit_key(ngx_http_request_t *r, pt_str_t *ret_key)
{
    ngx_str_t  *key;

    *ret_key = PT_STR_NULL;

    key = ngx_http_pitchey_route_header(r, "idempotency-key");

    if (key == NULL) {
        return NGX_DECLINED;
    }

    *ret_key = ngx_http_pitchey_pt_str(key);

    if (key->len == 0 || key->len > NGX_HTTP_PITCHEY_KEY_MAX
        || !pt_str_is_utf8(*ret_key))
    {
        return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST,
                                        "bad_request",
                                        "Idempotency-Key has 1 to %d bytes of "
                                        "UTF-8.", NGX_HTTP_PITCHEY_KEY_MAX);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_pitchey_submit_checked(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body)
{
    pt_str_t                      key;
    ngx_int_t                     rc;
    ngx_http_pitchey_proposal_t  *p = body->data;

    rc = ngx_http_pitchey_proposal_refuse(r, p);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_pitchey_submit_key(r, &key);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_pitchey_rate_jobs(r, p->jobs.nelts,
                                    ngx_http_pitchey_submit_service, p);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    return p->batch ? ngx_http_pitchey_submit_send_batch(r, p, key)
                    : ngx_http_pitchey_submit_send(r, p, key);
}


static const ngx_str_t *
ngx_http_pitchey_submit_service(void *data, ngx_uint_t i)
{
    ngx_http_pitchey_proposal_t  *p = data;
    ngx_http_pitchey_proposed_t  *job = p->jobs.elts;

    return &job[i].schema->service;
}


static ngx_int_t
ngx_http_pitchey_submit_send(ngx_http_request_t *r,
    ngx_http_pitchey_proposal_t *p, pt_str_t key)
{
    pt_msg_t                      msg;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_proposed_t  *job = p->jobs.elts;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    ctx->job = job->submit.job;

    msg.command = PT_CMD_SUBMIT;
    msg.u.submit = job->submit;

    msg.u.submit.user_type = ngx_http_pitchey_pt_str(&ctx->user.user_type);
    msg.u.submit.idempotency_key = key;
    msg.u.submit.body_sha256 = p->sha256;
    msg.u.submit.no_cache = ngx_http_pitchey_submit_no_cache(r);

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                ngx_http_pitchey_submit_reply);
}


/* Cache-Control: the client wants it done, though it was done before */
static uint8_t
ngx_http_pitchey_submit_no_cache(ngx_http_request_t *r)
{
    u_char     *p, *start, *last;
    ngx_str_t  *control;

    control = ngx_http_pitchey_route_header(r, "cache-control");

    if (control == NULL) {
        return 0;
    }

    p = control->data;
    last = p + control->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        start = p;

        while (p < last && *p != ' ' && *p != '\t' && *p != ',') {
            p++;
        }

        if (p - start == 8
            && ngx_strncasecmp(start, (u_char *) "no-cache", 8) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* committed, or not */
static ngx_int_t
ngx_http_pitchey_submit_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_int_t                     rc;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_body_t      *body;
    ngx_http_pitchey_proposal_t  *p;
    ngx_http_pitchey_proposed_t  *job;

    if (reply->err == PT_OK) {
        return ngx_http_pitchey_submit_accepted(r, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    body = ctx->data;
    p = body->data;

    if (reply->err == PT_E_UNKNOWN_FILE) {
        rc = ngx_http_pitchey_proposal_unknown(r, p, reply->errors);
        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    job = p->jobs.elts;

    return ngx_http_pitchey_submit_failed(r, reply, "job_id",
                                          &job->submit.job);
}


ngx_int_t
ngx_http_pitchey_submit_accepted(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    pt_id_t     job;
    pt_str_t    id;
    ngx_str_t   body;
    ngx_msec_t  ms;

    /* with an Idempotency-Key it may be an earlier job, of another id */

    if (!pt_json_peek(reply->body, "id", &id)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "an orchestrator answered a submission without its id");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_SUBMITS);

    if (pt_id_parse(id, &job) != PT_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ms = ngx_http_pitchey_wait_preferred(r);

    if (!ngx_http_pitchey_events_accepted(r) && ms == 0) {
        return ngx_http_pitchey_submit_answer(r, reply, "/jobs/", id);
    }

    if (ngx_http_pitchey_submit_location(r, reply, "/jobs/", id, &body)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ms ? ngx_http_pitchey_wait_send(r, &job, ms, &body)
              : ngx_http_pitchey_events_send(r, &job, 0);
}


static ngx_int_t
ngx_http_pitchey_submit_send_batch(ngx_http_request_t *r,
    ngx_http_pitchey_proposal_t *p, pt_str_t key)
{
    pt_msg_t                      msg;
    ngx_http_pitchey_ctx_t       *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    msg.command = PT_CMD_SUBMIT_BATCH;

    ngx_memzero(&msg.u.submit_batch, sizeof(pt_submit_batch_t));

    msg.u.submit_batch.batch = p->batch_id;
    msg.u.submit_batch.user_type =
                              ngx_http_pitchey_pt_str(&ctx->user.user_type);
    msg.u.submit_batch.idempotency_key = key;
    msg.u.submit_batch.body_sha256 = p->sha256;
    msg.u.submit_batch.jobs = pt_buf_str(&p->packed);
    msg.u.submit_batch.no_cache = ngx_http_pitchey_submit_no_cache(r);

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                ngx_http_pitchey_submit_batch_reply);
}


static ngx_int_t
ngx_http_pitchey_submit_batch_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    pt_str_t                      id;
    ngx_int_t                     rc;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_body_t      *body;
    ngx_http_pitchey_proposal_t  *p;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    body = ctx->data;
    p = body->data;

    if (reply->err == PT_E_UNKNOWN_FILE) {
        rc = ngx_http_pitchey_proposal_unknown(r, p, reply->errors);
        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_submit_failed(r, reply, "batch_id",
                                              &p->batch_id);
    }

    if (!pt_json_peek(reply->body, "batch_id", &id)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "an orchestrator answered a batch without its id");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_pitchey_metrics_add(NGX_HTTP_PITCHEY_METRIC_SUBMITS,
                                 p->jobs.nelts);

    return ngx_http_pitchey_submit_answer(r, reply, "/batches/", id);
}


static ngx_int_t
ngx_http_pitchey_submit_answer(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply, const char *path, pt_str_t id)
{
    ngx_str_t  body;

    if (ngx_http_pitchey_submit_location(r, reply, path, id, &body)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_send_json(r, NGX_HTTP_ACCEPTED, &body);
}


/* the reply's body in the request's pool, and a header that says where it is */
static ngx_int_t
ngx_http_pitchey_submit_location(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply, const char *path, pt_str_t id,
    ngx_str_t *ret_body)
{
    ngx_str_t  uri;

    if (ngx_http_pitchey_reply_body(r, reply, ret_body) != NGX_OK
        || ngx_http_pitchey_route_uri(r, path, id, &uri) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_pitchey_add_header(r, "Location", &uri);
}


ngx_int_t
ngx_http_pitchey_submit_failed(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply, const char *member,
    const pt_id_t *id)
{
    char                         text[PT_ID_TEXT_LEN];
    u_char                       members[sizeof("\"batch_id\":\"\"")
                                         + PT_ID_TEXT_LEN];
    ngx_uint_t                   status;
    ngx_http_pitchey_problem_t   problem;

    status = ngx_http_pitchey_problem_status(reply->err);

    if (status < NGX_HTTP_INTERNAL_SERVER_ERROR || !reply->sent
        || reply->err == PT_E_QUEUE_FULL || reply->err == PT_E_SEALING_KEY)
    {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    /* no answer came, or one of a commit that may have been done */

    pt_id_format(id, text);

    ngx_memzero(&problem, sizeof(ngx_http_pitchey_problem_t));

    problem.status = status;
    problem.code = pt_err_code(reply->err);
    problem.retry_after = reply->retry_after_s;

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE && problem.retry_after == 0) {
        problem.retry_after = 1;
    }

    ngx_str_set(&problem.detail, "The job may have been accepted: see whether "
                                 "its id exists.");

    problem.members.data = members;
    problem.members.len = ngx_sprintf(members, "\"%s\":\"%*s\"", member,
                                      (size_t) PT_ID_TEXT_LEN, text)
                          - members;

    return ngx_http_pitchey_problem_send(r, &problem);
}
