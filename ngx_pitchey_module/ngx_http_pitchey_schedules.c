/*
 * Schedules.  What a schedule will submit is validated when it is made, by the
 * schema of its action; who may use the action is looked at then, and again
 * when it is resumed or run by hand.
 *
 *     add: body -> its schema -> the action's schema -> SCHEDULE_ADD
 *     resume, run: SCHEDULE_GET -> may they still -> SCHEDULE_CHANGE
 */

#include <openssl/rand.h>

#include "ngx_http_pitchey_schedules.h"
#include "ngx_http_pitchey_body.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_secrets.h"
#include "ngx_http_pitchey_violations.h"
#include "ngx_http_pitchey_ask.h"


/* bytes of an object of the caller's own; a limit of the wire */
#define NGX_HTTP_PITCHEY_SCHEDULE_METADATA  16384


/* a schedule to be made: lives in its body's pool */
typedef struct {
    struct ngx_http_pitchey_schemas_s  *set;
    const ngx_http_pitchey_schema_t    *schema;       /* of its action */
    pt_schedule_add_t                   add;
    pt_id_t                             inputs[PT_INPUTS_MAX];
    ngx_uint_t                          ninputs;
    ngx_http_pitchey_violations_t       violations;
    pt_buf_t                            secrets;      /* pointers */
} ngx_http_pitchey_schedule_t;

typedef struct {
    pt_id_t                        id;
    pt_schedule_change_e           change;
} ngx_http_pitchey_schedule_change_t;


static ngx_int_t ngx_http_pitchey_schedules_compile(void);
static void ngx_http_pitchey_schedules_work(ngx_http_pitchey_body_t *body);
static void ngx_http_pitchey_schedules_validate(
    ngx_http_pitchey_schedule_t *s, const pt_json_t *root);
static void ngx_http_pitchey_schedules_params(ngx_http_pitchey_schedule_t *s,
    pt_json_t *root);
static void ngx_http_pitchey_schedules_secret(void *ctx, pt_str_t pointer);
static ngx_int_t ngx_http_pitchey_schedules_done(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body);
static void ngx_http_pitchey_schedules_violation(void *ctx, pt_str_t pointer,
    pt_str_t detail);
static void ngx_http_pitchey_schedules_file(void *ctx, pt_str_t pointer,
    pt_str_t text);
static ngx_int_t ngx_http_pitchey_schedules_text(const pt_json_t *value,
    const pt_mem_t *mem, size_t max, pt_str_t *ret_text);
static ngx_int_t ngx_http_pitchey_schedules_id(ngx_http_request_t *r,
    pt_id_t *id);
static ngx_int_t ngx_http_pitchey_schedules_added(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_schedules_change(ngx_http_request_t *r,
    const pt_id_t *id, pt_schedule_change_e change,
    ngx_http_pitchey_reply_pt handler);
static ngx_int_t ngx_http_pitchey_schedules_checked(ngx_http_request_t *r,
    const pt_id_t *id, pt_schedule_change_e change);
static ngx_int_t ngx_http_pitchey_schedules_seen(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_schedules_deleted(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_schedules_ran(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);


/* what POST /schedules accepts; params is the action's own schema's */
static const char  ngx_http_pitchey_schedule_schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"cron\",\"service\",\"action\"],\"properties\":{"
    "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":60},"
    "\"cron\":{\"type\":\"string\",\"pattern\":\"^[ -~\\\\t]{1,256}$\"},"
    "\"time_zone\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9_+/-]{1,64}$\"},"
    "\"service\":{\"type\":\"string\",\"minLength\":1},"
    "\"action\":{\"type\":\"string\",\"minLength\":1},"
    "\"params\":{\"type\":\"object\"},"
    "\"priority\":{\"enum\":[\"low\",\"normal\",\"high\",\"urgent\"]},"
    "\"metadata\":{\"type\":\"object\"},"
    "\"webhook_url\":{\"type\":\"string\",\"format\":\"uri\","
                     "\"pattern\":\"^https?://\",\"maxLength\":500},"
    "\"max_attempts\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100},"
    "\"timeout_s\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":604800}}}";


static pt_schema_t  *ngx_http_pitchey_schedules_own;


ngx_int_t
ngx_http_pitchey_schedules_add_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_int_t                     rc;
    ngx_http_pitchey_body_t      *body;
    ngx_http_pitchey_loc_conf_t  *plcf;
    ngx_http_pitchey_schedule_t  *s;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    body = ngx_http_pitchey_body_new(r, plcf->body_max);

    if (body == NULL || ngx_http_pitchey_schedules_compile() != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s = ngx_pcalloc(body->pool, sizeof(ngx_http_pitchey_schedule_t));
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->set = plcf->schema_set;
    ngx_http_pitchey_violations_init(&s->violations, body->mem);

    body->data = s;
    body->work = ngx_http_pitchey_schedules_work;
    body->done = ngx_http_pitchey_schedules_done;

    rc = ngx_http_pitchey_body_check(r, body);

    return (rc == NGX_DECLINED) ? ngx_http_pitchey_body_read(r, body) : rc;
}


/* once in a worker, before any thread needs it */
static ngx_int_t
ngx_http_pitchey_schedules_compile(void)
{
    char  error[256];

    if (ngx_http_pitchey_schedules_own == NULL
        && pt_schema_compile(pt_str(ngx_http_pitchey_schedule_schema),
                             &pt_mem_heap, &ngx_http_pitchey_schedules_own,
                             error, sizeof(error))
           != PT_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "the schema of schedules is broken: %s", error);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* may run in a thread */
static void
ngx_http_pitchey_schedules_work(ngx_http_pitchey_body_t *body)
{
    pt_json_t                    *root;
    ngx_http_pitchey_schedule_t  *s = body->data;

    root = ngx_http_pitchey_violations_parse(&s->violations,
                                             pt_buf_str(&body->text));
    if (root == NULL) {
        return;
    }

    ngx_http_pitchey_schedules_validate(s, root);

    if (s->violations.n == 0 && s->violations.text.err == PT_OK) {
        ngx_http_pitchey_schedules_params(s, root);
    }
}


/* the schedule's own members */
static void
ngx_http_pitchey_schedules_validate(ngx_http_pitchey_schedule_t *s,
    const pt_json_t *root)
{
    pt_err_t             err;
    pt_str_t             priority;
    pt_schema_visitor_t  visitor;

    visitor.violation = ngx_http_pitchey_violations_add;
    visitor.file_id = NULL;
    visitor.secret = NULL;
    visitor.ctx = &s->violations;

    err = pt_schema_validate(ngx_http_pitchey_schedules_own, root,
                             NGX_HTTP_PITCHEY_VIOLATIONS, &visitor);

    if (err != PT_OK) {
        if (err != PT_E_INVALID) {
            s->violations.text.err = err;
        }

        return;
    }

    s->add.name = pt_json_string(root, "name", PT_STR_NULL);
    s->add.cron = pt_json_string(root, "cron", PT_STR_NULL);
    s->add.time_zone = pt_json_string(root, "time_zone", PT_STR("UTC"));
    s->add.service = pt_json_string(root, "service", PT_STR_NULL);
    s->add.action = pt_json_string(root, "action", PT_STR_NULL);
    s->add.webhook_url = pt_json_string(root, "webhook_url", PT_STR_NULL);
    s->add.max_attempts = (uint16_t) pt_json_int(root, "max_attempts", 0);
    s->add.timeout_s = (uint32_t) pt_json_int(root, "timeout_s", 0);

    priority = pt_json_string(root, "priority", PT_STR("normal"));
    s->add.priority = pt_str_is(priority, "low") ? 0
                      : pt_str_is(priority, "normal") ? 1
                      : pt_str_is(priority, "high") ? 2 : 3;
}


static void
ngx_http_pitchey_schedules_params(ngx_http_pitchey_schedule_t *s,
    pt_json_t *root)
{
    pt_err_t              err;
    ngx_str_t             service, action;
    pt_json_t            *params, none = { .type = PT_JSON_OBJECT };
    const pt_json_t      *metadata;
    pt_schema_visitor_t   visitor;

    service = ngx_http_pitchey_ngx_str(s->add.service);
    action = ngx_http_pitchey_ngx_str(s->add.action);

    s->schema = ngx_http_pitchey_schema_find(s->set, &service, &action);

    if (s->schema == NULL) {
        ngx_http_pitchey_violations_add(&s->violations, PT_STR("/action"),
                                PT_STR("there is no such action of the "
                                       "service"));
        return;
    }

    /* the tree is ours */
    params = (pt_json_t *) pt_json_member(root, "params");
    params = params ? params : &none;

    s->violations.prefix = PT_STR("/params");
    ngx_http_pitchey_secrets_init(&s->secrets);

    if (pt_json_member(params, PT_SECRET_MEMBER)) {
        ngx_http_pitchey_violations_add(&s->violations,
                                        PT_STR("/" PT_SECRET_MEMBER),
                                        PT_STR("is reserved"));
    }

    visitor.violation = ngx_http_pitchey_schedules_violation;
    visitor.file_id = ngx_http_pitchey_schedules_file;
    visitor.secret = ngx_http_pitchey_schedules_secret;
    visitor.ctx = s;

    err = ngx_http_pitchey_schema_validate(s->schema, params,
                                           NGX_HTTP_PITCHEY_VIOLATIONS,
                                           &visitor);

    s->violations.prefix = PT_STR("");

    if (err == PT_OK) {
        err = ngx_http_pitchey_secrets_take(&s->secrets, params,
                                            s->violations.text.mem,
                                            &s->add.secrets);
    }

    pt_buf_done(&s->secrets);

    if ((err != PT_OK && err != PT_E_INVALID)
        || ngx_http_pitchey_schedules_text(params, s->violations.text.mem,
                                           PT_JSON_FRAME_MAX, &s->add.params)
           != NGX_OK)
    {
        s->violations.text.err = PT_E_NOMEM;
        return;
    }

    metadata = pt_json_member(root, "metadata");

    if (metadata
        && ngx_http_pitchey_schedules_text(metadata, s->violations.text.mem,
                                           NGX_HTTP_PITCHEY_SCHEDULE_METADATA,
                                           &s->add.metadata)
           != NGX_OK)
    {
        ngx_http_pitchey_violations_add(&s->violations, PT_STR("/metadata"),
                                PT_STR("must have at most 16384 bytes as "
                                       "JSON"));
    }
}


static ngx_int_t
ngx_http_pitchey_schedules_done(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body)
{
    pt_msg_t                      msg;
    ngx_int_t                     rc;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_schedule_t  *s = body->data;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    if (s->schema && !ngx_http_pitchey_schema_allows(s->schema, &ctx->user)) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_FORBIDDEN, "forbidden",
                                        "The action is for others.");
    }

    rc = ngx_http_pitchey_violations_send(r, &s->violations);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_http_pitchey_schedules_id(r, &s->add.id) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->add.user_type = ngx_http_pitchey_pt_str(&ctx->user.user_type);
    s->add.inputs = (pt_str_t) { (char *) s->inputs,
                                 s->ninputs * sizeof(pt_id_t) };

    ctx->data = s;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_SCHEDULE_ADD;
    msg.u.schedule_add = s->add;

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                ngx_http_pitchey_schedules_added);
}


static void
ngx_http_pitchey_schedules_violation(void *ctx, pt_str_t pointer,
    pt_str_t detail)
{
    ngx_http_pitchey_schedule_t  *s = ctx;

    ngx_http_pitchey_violations_add(&s->violations, pointer, detail);
}


static void
ngx_http_pitchey_schedules_secret(void *ctx, pt_str_t pointer)
{
    ngx_http_pitchey_schedule_t  *s = ctx;

    ngx_http_pitchey_secrets_note(&s->secrets, pointer);
}


/* may come more than once for one string */
static void
ngx_http_pitchey_schedules_file(void *ctx, pt_str_t pointer, pt_str_t text)
{
    pt_id_t                       id;
    ngx_uint_t                    i;
    ngx_http_pitchey_schedule_t  *s = ctx;

    if (pt_id_parse(text, &id) != PT_OK || pt_id_is_zero(&id)) {
        ngx_http_pitchey_violations_add(&s->violations, pointer,
                                        PT_STR("is not the id of a file"));
        return;
    }

    for (i = 0; i < s->ninputs; i++) {
        if (pt_id_eq(&s->inputs[i], &id)) {
            return;
        }
    }

    if (i == PT_INPUTS_MAX) {
        ngx_http_pitchey_violations_add(&s->violations, pointer,
                                PT_STR("names more files than a job takes"));
        return;
    }

    s->inputs[s->ninputs++] = id;
}


static ngx_int_t
ngx_http_pitchey_schedules_text(const pt_json_t *value, const pt_mem_t *mem,
    size_t max, pt_str_t *ret_text)
{
    pt_buf_t    text;
    pt_jsonw_t  w;

    pt_buf_init(&text, mem, max);
    pt_jsonw_init(&w, &text);
    pt_jsonw_value(&w, value);

    if (text.err != PT_OK) {
        return NGX_ERROR;
    }

    *ret_text = pt_buf_str(&text);

    return NGX_OK;
}


static ngx_int_t
ngx_http_pitchey_schedules_id(ngx_http_request_t *r, pt_id_t *id)
{
    u_char       noise[10];
    ngx_time_t  *tp;

    if (RAND_bytes(noise, sizeof(noise)) != 1) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "could not make an id: RAND_bytes() failed");
        return NGX_ERROR;
    }

    tp = ngx_timeofday();

    *id = pt_id_make((uint64_t) tp->sec * 1000 + tp->msec, noise);

    return NGX_OK;
}


static ngx_int_t
ngx_http_pitchey_schedules_added(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    char                          id[PT_ID_TEXT_LEN];
    ngx_str_t                     body, uri;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_schedule_t  *s;

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    s = ctx->data;

    pt_id_format(&s->add.id, id);

    if (ngx_http_pitchey_reply_body(r, reply, &body) != NGX_OK
        || ngx_http_pitchey_route_uri(r, "/schedules/",
                                      (pt_str_t) { id, sizeof(id) }, &uri)
           != NGX_OK
        || ngx_http_pitchey_add_header(r, "Location", &uri) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_send_json(r, NGX_HTTP_CREATED, &body);
}


ngx_int_t
ngx_http_pitchey_schedules_list_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return ngx_http_pitchey_ask_about(r, PT_CMD_SCHEDULE_LIST, NULL,
                                      ngx_http_pitchey_reply_json);
}


ngx_int_t
ngx_http_pitchey_schedules_get_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return ngx_http_pitchey_ask_about(r, PT_CMD_SCHEDULE_GET, &match->id,
                                      ngx_http_pitchey_reply_json);
}


ngx_int_t
ngx_http_pitchey_schedules_delete_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return ngx_http_pitchey_schedules_change(r, &match->id, PT_SCHEDULE_DELETE,
                                          ngx_http_pitchey_schedules_deleted);
}


ngx_int_t
ngx_http_pitchey_schedules_pause_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return ngx_http_pitchey_schedules_change(r, &match->id, PT_SCHEDULE_PAUSE,
                                            ngx_http_pitchey_reply_json);
}


ngx_int_t
ngx_http_pitchey_schedules_resume_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return ngx_http_pitchey_schedules_checked(r, &match->id,
                                              PT_SCHEDULE_RESUME);
}


ngx_int_t
ngx_http_pitchey_schedules_run_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return ngx_http_pitchey_schedules_checked(r, &match->id, PT_SCHEDULE_RUN);
}


static ngx_int_t
ngx_http_pitchey_schedules_change(ngx_http_request_t *r, const pt_id_t *id,
    pt_schedule_change_e change, ngx_http_pitchey_reply_pt handler)
{
    pt_msg_t                 msg;
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_SCHEDULE_CHANGE;
    msg.u.schedule_change.id = *id;
    msg.u.schedule_change.change = (uint8_t) change;
    msg.u.schedule_change.user_type = ngx_http_pitchey_pt_str(
                                                        &ctx->user.user_type);

    if (change == PT_SCHEDULE_RUN
        && ngx_http_pitchey_schedules_id(r, &msg.u.schedule_change.job)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                handler);
}


/* first what it does: the user may have lost the right to it */
static ngx_int_t
ngx_http_pitchey_schedules_checked(ngx_http_request_t *r, const pt_id_t *id,
    pt_schedule_change_e change)
{
    pt_msg_t                             msg;
    ngx_http_pitchey_ctx_t              *ctx;
    ngx_http_pitchey_schedule_change_t  *c;

    c = ngx_palloc(r->pool, sizeof(ngx_http_pitchey_schedule_change_t));
    if (c == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    c->id = *id;
    c->change = change;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->data = c;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_SCHEDULE_GET;
    msg.u.get.id = *id;

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                ngx_http_pitchey_schedules_seen);
}


static ngx_int_t
ngx_http_pitchey_schedules_seen(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_str_t                            service, action;
    pt_json_t                           *schedule;
    const pt_mem_t                      *mem;
    ngx_http_pitchey_ctx_t              *ctx;
    ngx_http_pitchey_loc_conf_t         *plcf;
    const ngx_http_pitchey_schema_t     *schema;
    ngx_http_pitchey_schedule_change_t  *c;

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);
    c = ctx->data;

    mem = ngx_http_pitchey_mem(r->pool);

    if (mem == NULL
        || pt_json_parse(reply->body, mem, &schedule, NULL) != PT_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    service = ngx_http_pitchey_ngx_str(pt_json_string(schedule, "service",
                                                      PT_STR("")));
    action = ngx_http_pitchey_ngx_str(pt_json_string(schedule, "action",
                                                     PT_STR("")));

    schema = ngx_http_pitchey_schema_find(plcf->schema_set, &service, &action);

    if (schema == NULL || !ngx_http_pitchey_schema_allows(schema, &ctx->user))
    {
        return ngx_http_pitchey_problem(r, NGX_HTTP_FORBIDDEN, "forbidden",
                                        "The action is for others.");
    }

    return ngx_http_pitchey_schedules_change(r, &c->id, c->change,
                                   c->change == PT_SCHEDULE_RUN
                                   ? ngx_http_pitchey_schedules_ran
                                   : ngx_http_pitchey_reply_json);
}


static ngx_int_t
ngx_http_pitchey_schedules_deleted(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_int_t  rc;

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    rc = ngx_http_send_header(r);

    return (rc == NGX_ERROR || rc > NGX_OK) ? rc : NGX_OK;
}


/* 202 and the job, like a submission's */
static ngx_int_t
ngx_http_pitchey_schedules_ran(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    pt_json_t       *job;
    ngx_str_t        body, uri;
    const pt_mem_t  *mem;

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    mem = ngx_http_pitchey_mem(r->pool);

    if (mem == NULL
        || pt_json_parse(reply->body, mem, &job, NULL) != PT_OK
        || ngx_http_pitchey_reply_body(r, reply, &body) != NGX_OK
        || ngx_http_pitchey_route_uri(r, "/jobs/",
                                      pt_json_string(job, "id", PT_STR("")),
                                      &uri)
           != NGX_OK
        || ngx_http_pitchey_add_header(r, "Location", &uri) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_send_json(r, NGX_HTTP_ACCEPTED, &body);
}
