/*
 * Submitting a job: read the body, take the envelope from it, validate both,
 * send SUBMIT, and answer 202 once the orchestrator has committed it.
 *
 *     handler -> body -> parse -> envelope, params -> send -> reply
 */

#include <openssl/rand.h>
#include <openssl/sha.h>

#include "ngx_http_pitchey_submit.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_timestamp.h"
#include "ngx_http_pitchey_zmq.h"
#include "pt_format.h"


/* violations told in one answer: enough to mend a form by */
#define NGX_HTTP_PITCHEY_VIOLATIONS     100

/* bytes of their JSON text */
#define NGX_HTTP_PITCHEY_ERRORS_MAX     (256 * 1024)

/* limits of the wire (pt_wire.h) */
#define NGX_HTTP_PITCHEY_METADATA_MAX   16384
#define NGX_HTTP_PITCHEY_ATTEMPTS_MAX   100
#define NGX_HTTP_PITCHEY_TIMEOUT_MAX_S  604800
#define NGX_HTTP_PITCHEY_KEY_MAX        255

/* places in a body where files are named; an id may stand in several */
#define NGX_HTTP_PITCHEY_PLACES_MAX     256

/* random bytes are taken from OpenSSL so many at once */
#define NGX_HTTP_PITCHEY_RANDOM         1024
#define NGX_HTTP_PITCHEY_RANDOM_ID      10


/* where the body names a file */
typedef struct {
    pt_id_t             id;
    pt_str_t            pointer;
} ngx_http_pitchey_place_t;


typedef struct {
    const ngx_http_pitchey_schema_t
                       *schema;

    size_t              body_max;
    pt_buf_t            body;          /* what came so far */

    pt_json_t          *root;
    pt_submit_t         submit;
    pt_id_t             inputs[PT_INPUTS_MAX];
    ngx_uint_t          ninputs;
    ngx_array_t         places;        /* of ngx_http_pitchey_place_t */
    u_char              sha256[SHA256_DIGEST_LENGTH];

    const pt_mem_t     *mem;           /* the request's pool */
    pt_buf_t            errors;        /* [{"pointer","detail"}] */
    pt_jsonw_t          writer;
    ngx_uint_t          nerrors;
} ngx_http_pitchey_submit_t;


typedef void (*ngx_http_pitchey_envelope_pt)(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value);


static ngx_int_t ngx_http_pitchey_submit_check(ngx_http_request_t *r,
    ngx_http_pitchey_submit_t *s);
static ngx_uint_t ngx_http_pitchey_submit_is_json(ngx_http_request_t *r);
static void ngx_http_pitchey_submit_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_pitchey_submit_take(ngx_http_request_t *r,
    ngx_http_pitchey_submit_t *s);
static ngx_int_t ngx_http_pitchey_submit_parse(ngx_http_request_t *r,
    ngx_http_pitchey_submit_t *s);
static ngx_int_t ngx_http_pitchey_submit_hash(ngx_http_pitchey_submit_t *s);

static void ngx_http_pitchey_submit_envelope(ngx_http_pitchey_submit_t *s);
static void ngx_http_pitchey_submit_priority(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value);
static void ngx_http_pitchey_submit_metadata(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value);
static void ngx_http_pitchey_submit_run_at(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value);
static void ngx_http_pitchey_submit_expires_at(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value);
static void ngx_http_pitchey_submit_webhook(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value);
static void ngx_http_pitchey_submit_attempts(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value);
static void ngx_http_pitchey_submit_timeout(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value);
static int64_t ngx_http_pitchey_submit_int(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value, int64_t max);
static int64_t ngx_http_pitchey_submit_time(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value);

static ngx_int_t ngx_http_pitchey_submit_params(ngx_http_pitchey_submit_t *s);
static void ngx_http_pitchey_submit_violation(void *ctx, pt_str_t pointer,
    pt_str_t detail);
static void ngx_http_pitchey_submit_file(void *ctx, pt_str_t pointer,
    pt_str_t id);
static void ngx_http_pitchey_submit_refuse(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value, const char *detail);

static ngx_int_t ngx_http_pitchey_submit_send(ngx_http_request_t *r,
    ngx_http_pitchey_submit_t *s);
static ngx_int_t ngx_http_pitchey_submit_id(ngx_http_request_t *r,
    pt_id_t *id);
static ngx_int_t ngx_http_pitchey_submit_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_submit_failed(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_submit_unknown(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);


/* the members that are not the action's own, in the order of the design */
static const struct {
    const char                    *name;
    ngx_http_pitchey_envelope_pt   handler;
} ngx_http_pitchey_envelope[] = {
    { "priority",     ngx_http_pitchey_submit_priority },
    { "metadata",     ngx_http_pitchey_submit_metadata },
    { "run_at",       ngx_http_pitchey_submit_run_at },
    { "expires_at",   ngx_http_pitchey_submit_expires_at },
    { "webhook_url",  ngx_http_pitchey_submit_webhook },
    { "max_attempts", ngx_http_pitchey_submit_attempts },
    { "timeout_s",    ngx_http_pitchey_submit_timeout },
    { NULL, NULL }
};


static const char  *ngx_http_pitchey_priorities[] = {
    "low", "normal", "high", "urgent", NULL
};


ngx_int_t
ngx_http_pitchey_submit_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_int_t                     rc;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_submit_t    *s;
    ngx_http_pitchey_loc_conf_t  *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    s = ngx_pcalloc(r->pool, sizeof(ngx_http_pitchey_submit_t));
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->schema = match->schema;
    s->body_max = plcf->body_max;

    if (s->schema->body_max && s->schema->body_max < s->body_max) {
        s->body_max = s->schema->body_max;
    }

    s->mem = ngx_http_pitchey_mem(r->pool);

    if (s->mem == NULL
        || ngx_array_init(&s->places, r->pool, 4,
                          sizeof(ngx_http_pitchey_place_t))
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    pt_buf_init(&s->body, s->mem, s->body_max);

    rc = ngx_http_pitchey_submit_check(r, s);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    ctx->data = s;

    /* taken piece by piece, so that it never goes through a file */
    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_pitchey_submit_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


/* what can be refused before the body is read; NGX_DECLINED: nothing */
static ngx_int_t
ngx_http_pitchey_submit_check(ngx_http_request_t *r,
    ngx_http_pitchey_submit_t *s)
{
    ngx_str_t               *key;
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    if (!ngx_http_pitchey_schema_allows(s->schema, &ctx->user)) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_FORBIDDEN, "forbidden",
                                        "The action is for others.");
    }

    if (!ngx_http_pitchey_submit_is_json(r)) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                        "unsupported_media_type",
                                        "The body must be application/json.");
    }

    if (r->headers_in.content_length_n > (off_t) s->body_max) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                        "too_large",
                                        "The body is longer than %uz bytes.",
                                        s->body_max);
    }

    key = ngx_http_pitchey_route_header(r, "idempotency-key");

    if (key == NULL) {
        return NGX_DECLINED;
    }

    s->submit.idempotency_key = ngx_http_pitchey_pt_str(key);

    if (key->len == 0 || key->len > NGX_HTTP_PITCHEY_KEY_MAX
        || !pt_str_is_utf8(s->submit.idempotency_key))
    {
        return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST,
                                        "bad_request",
                                        "Idempotency-Key has 1 to %d bytes of "
                                        "UTF-8.", NGX_HTTP_PITCHEY_KEY_MAX);
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_pitchey_submit_is_json(ngx_http_request_t *r)
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


/* after nginx has read some of the body, and for each piece after it */
static void
ngx_http_pitchey_submit_body(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_submit_t  *s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    s = ctx->data;

    /* what comes after an answer is not for us */
    r->read_event_handler = ngx_http_block_reading;

    for ( ;; ) {
        rc = ngx_http_pitchey_submit_take(r, s);

        if (rc != NGX_DECLINED) {
            break;
        }

        if (!r->reading_body) {
            rc = ngx_http_pitchey_submit_parse(r, s);
            break;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            break;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            r->read_event_handler = ngx_http_pitchey_submit_body;
            return;
        }
    }

    ngx_http_finalize_request(r, rc);
}


/* NGX_DECLINED: go on; else what to finalize the request with */
static ngx_int_t
ngx_http_pitchey_submit_take(ngx_http_request_t *r,
    ngx_http_pitchey_submit_t *s)
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
            pt_buf_add(&s->body, b->pos, b->last - b->pos);
            b->pos = b->last;
        }

        ngx_free_chain(r->pool, cl);
    }

    r->request_body->bufs = NULL;

    if (s->body.err == PT_E_TOO_LARGE) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                        "too_large",
                                        "The body is longer than %uz bytes.",
                                        s->body_max);
    }

    return (s->body.err == PT_OK) ? NGX_DECLINED
                                  : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_http_pitchey_submit_parse(ngx_http_request_t *r,
    ngx_http_pitchey_submit_t *s)
{
    pt_err_t                     err;
    pt_json_error_t              error;
    ngx_http_pitchey_problem_t   problem;

    err = pt_json_parse(pt_buf_str(&s->body), s->mem, &s->root, &error);

    if (err == PT_E_INVALID) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST,
                                        "invalid_json",
                                        "The body is not JSON: %s at byte %uz.",
                                        error.message, error.offset);
    }

    if (err != PT_OK || ngx_http_pitchey_submit_hash(s) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    pt_buf_init(&s->errors, s->mem, NGX_HTTP_PITCHEY_ERRORS_MAX);
    pt_jsonw_init(&s->writer, &s->errors);
    pt_jsonw_array(&s->writer);

    ngx_http_pitchey_submit_envelope(s);

    if (ngx_http_pitchey_submit_params(s) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (s->nerrors == 0) {
        return ngx_http_pitchey_submit_send(r, s);
    }

    pt_jsonw_end(&s->writer);

    if (s->errors.err != PT_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&problem, sizeof(ngx_http_pitchey_problem_t));

    problem.status = ngx_http_pitchey_problem_status(PT_E_INVALID);
    problem.code = pt_err_code(PT_E_INVALID);
    ngx_str_set(&problem.detail, "The body is not what the action accepts.");
    problem.errors = ngx_http_pitchey_ngx_str(pt_buf_str(&s->errors));

    return ngx_http_pitchey_problem_send(r, &problem);
}


/* of the body as it came, envelope included: what Idempotency-Key compares */
static ngx_int_t
ngx_http_pitchey_submit_hash(ngx_http_pitchey_submit_t *s)
{
    pt_buf_t  text;

    /* RFC 8785 writes a number in up to 25 bytes that takes 2, "9e" apart */
    pt_buf_init(&text, s->mem, 16 * s->body_max + 64);

    pt_json_canonical(s->root, &text);

    if (text.err != PT_OK) {
        return NGX_ERROR;
    }

    SHA256((u_char *) pt_buf_str(&text).data, text.len, s->sha256);

    s->submit.body_sha256 = s->sha256;

    return NGX_OK;
}


/* takes the envelope's members out of the body; the rest is the action's */
static void
ngx_http_pitchey_submit_envelope(ngx_http_pitchey_submit_t *s)
{
    pt_json_t   *member, **link;
    ngx_uint_t   i;

    s->submit.priority = 1;

    if (s->root->type != PT_JSON_OBJECT) {
        return;
    }

    for (link = &s->root->first; *link; /* void */ ) {
        member = *link;

        for (i = 0; ngx_http_pitchey_envelope[i].name; i++) {
            if (pt_str_is(member->key, ngx_http_pitchey_envelope[i].name)) {
                break;
            }
        }

        if (ngx_http_pitchey_envelope[i].name == NULL) {
            link = &member->next;
            continue;
        }

        ngx_http_pitchey_envelope[i].handler(s, member);

        *link = member->next;
        s->root->n--;
    }
}


static void
ngx_http_pitchey_submit_priority(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value)
{
    ngx_uint_t  i;

    if (value->type == PT_JSON_STRING) {
        for (i = 0; ngx_http_pitchey_priorities[i]; i++) {
            if (pt_str_is(value->text, ngx_http_pitchey_priorities[i])) {
                s->submit.priority = (uint8_t) i;
                return;
            }
        }
    }

    ngx_http_pitchey_submit_refuse(s, value,
                             "must be \"low\", \"normal\", \"high\" or "
                             "\"urgent\"");
}


static void
ngx_http_pitchey_submit_metadata(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value)
{
    pt_buf_t    text;
    pt_jsonw_t  w;

    if (value->type != PT_JSON_OBJECT) {
        ngx_http_pitchey_submit_refuse(s, value, "must be an object");
        return;
    }

    pt_buf_init(&text, s->mem, NGX_HTTP_PITCHEY_METADATA_MAX);
    pt_jsonw_init(&w, &text);
    pt_jsonw_value(&w, value);

    if (text.err == PT_E_TOO_LARGE) {
        ngx_http_pitchey_submit_refuse(s, value,
                                 "must have at most 16384 bytes as JSON");
        return;
    }

    if (text.err != PT_OK) {
        s->errors.err = text.err;
        return;
    }

    s->submit.metadata = pt_buf_str(&text);
}


static void
ngx_http_pitchey_submit_run_at(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value)
{
    s->submit.run_at = ngx_http_pitchey_submit_time(s, value);
}


static void
ngx_http_pitchey_submit_expires_at(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value)
{
    s->submit.expires_at = ngx_http_pitchey_submit_time(s, value);
}


/* a client that waits for a call that never comes is worse than a refusal */
static void
ngx_http_pitchey_submit_webhook(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value)
{
    ngx_http_pitchey_submit_refuse(s, value,
                                   "webhooks are not available here");
}


static void
ngx_http_pitchey_submit_attempts(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value)
{
    s->submit.max_attempts = (uint16_t) ngx_http_pitchey_submit_int(s, value,
                                             NGX_HTTP_PITCHEY_ATTEMPTS_MAX);
}


static void
ngx_http_pitchey_submit_timeout(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value)
{
    s->submit.timeout_s = (uint32_t) ngx_http_pitchey_submit_int(s, value,
                                          NGX_HTTP_PITCHEY_TIMEOUT_MAX_S);
}


static int64_t
ngx_http_pitchey_submit_int(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value, int64_t max)
{
    char  detail[sizeof("must be an integer from 1 to ") + NGX_INT64_LEN];

    if (value->type == PT_JSON_NUMBER && value->integer
        && value->i64 >= 1 && value->i64 <= max)
    {
        return value->i64;
    }

    ngx_sprintf((u_char *) detail, "must be an integer from 1 to %L%Z", max);

    ngx_http_pitchey_submit_refuse(s, value, detail);

    return 0;
}


/* milliseconds since 1970 */
static int64_t
ngx_http_pitchey_submit_time(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value)
{
    int64_t  ms;

    /* the format is strict about what the parser takes on trust */

    if (value->type == PT_JSON_STRING
        && pt_format_check(PT_FORMAT_DATE_TIME, value->text)
        && ngx_http_pitchey_timestamp_parse(value->text, &ms) && ms > 0)
    {
        return ms;
    }

    ngx_http_pitchey_submit_refuse(s, value,
                             "must be a date-time of RFC 3339, such as "
                             "\"2027-01-31T09:00:00Z\"");
    return 0;
}


/* validates what the envelope left, and finds the files that it names */
static ngx_int_t
ngx_http_pitchey_submit_params(ngx_http_pitchey_submit_t *s)
{
    pt_err_t             err;
    pt_buf_t             text;
    pt_jsonw_t           w;
    pt_schema_visitor_t  visitor;

    visitor.violation = ngx_http_pitchey_submit_violation;
    visitor.file_id = ngx_http_pitchey_submit_file;
    visitor.ctx = s;

    err = pt_schema_validate(s->schema->schema, s->root,
                             NGX_HTTP_PITCHEY_VIOLATIONS, &visitor);

    if ((err != PT_OK && err != PT_E_INVALID) || s->errors.err != PT_OK) {
        return NGX_ERROR;
    }

    if (s->nerrors) {
        return NGX_OK;
    }

    pt_buf_init(&text, s->mem, PT_JSON_FRAME_MAX);
    pt_jsonw_init(&w, &text);
    pt_jsonw_value(&w, s->root);

    if (text.err != PT_OK) {
        return NGX_ERROR;
    }

    s->submit.params = pt_buf_str(&text);
    s->submit.inputs = (pt_str_t) { (char *) s->inputs,
                                    s->ninputs * sizeof(pt_id_t) };
    return NGX_OK;
}


static void
ngx_http_pitchey_submit_violation(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    ngx_http_pitchey_submit_t  *s = ctx;

    if (s->nerrors++ == NGX_HTTP_PITCHEY_VIOLATIONS) {
        return;
    }

    pt_jsonw_object(&s->writer);
    pt_jsonw_key(&s->writer, "pointer");
    pt_jsonw_str(&s->writer, pointer);
    pt_jsonw_key(&s->writer, "detail");
    pt_jsonw_str(&s->writer, detail);
    pt_jsonw_end(&s->writer);
}


/* may come more than once for one string */
static void
ngx_http_pitchey_submit_file(void *ctx, pt_str_t pointer, pt_str_t text)
{
    pt_id_t                     id;
    ngx_uint_t                  i;
    ngx_http_pitchey_place_t   *place;
    ngx_http_pitchey_submit_t  *s = ctx;

    if (pt_id_parse(text, &id) != PT_OK || pt_id_is_zero(&id)) {
        ngx_http_pitchey_submit_violation(s, pointer,
                                          PT_STR("is not the id of a file"));
        return;
    }

    place = s->places.elts;

    for (i = 0; i < s->places.nelts; i++) {
        if (pt_str_eq(place[i].pointer, pointer)) {
            return;
        }
    }

    for (i = 0; i < s->ninputs; i++) {
        if (pt_id_eq(&s->inputs[i], &id)) {
            break;
        }
    }

    if (i == PT_INPUTS_MAX
        || s->places.nelts == NGX_HTTP_PITCHEY_PLACES_MAX)
    {
        ngx_http_pitchey_submit_violation(s, pointer,
                                  PT_STR("names more files than a job takes"));
        return;
    }

    if (i == s->ninputs) {
        s->inputs[s->ninputs++] = id;
    }

    place = ngx_array_push(&s->places);
    if (place == NULL) {
        s->errors.err = PT_E_NOMEM;
        return;
    }

    /* the pointer lives for this call only */

    place->id = id;
    place->pointer.len = pointer.len;
    place->pointer.data = ngx_pnalloc(s->places.pool, pointer.len + 1);

    if (place->pointer.data == NULL) {
        s->places.nelts--;
        s->errors.err = PT_E_NOMEM;
        return;
    }

    ngx_memcpy((char *) place->pointer.data, pointer.data, pointer.len);
}


/* a violation of a member of the envelope */
static void
ngx_http_pitchey_submit_refuse(ngx_http_pitchey_submit_t *s,
    const pt_json_t *value, const char *detail)
{
    char  pointer[sizeof("/max_attempts")];

    (void) ngx_sprintf((u_char *) pointer, "/%*s%Z", value->key.len,
                       value->key.data);

    ngx_http_pitchey_submit_violation(s, pt_str(pointer), pt_str(detail));
}


static ngx_int_t
ngx_http_pitchey_submit_send(ngx_http_request_t *r,
    ngx_http_pitchey_submit_t *s)
{
    pt_msg_t                 msg;
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    if (ngx_http_pitchey_submit_id(r, &s->submit.job) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->submit.service = ngx_http_pitchey_pt_str(&s->schema->service);
    s->submit.action = ngx_http_pitchey_pt_str(&s->schema->action);
    s->submit.user_type = ngx_http_pitchey_pt_str(&ctx->user.user_type);

    msg.command = PT_CMD_SUBMIT;
    msg.u.submit = s->submit;

    return ngx_http_pitchey_zmq_request(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                        ngx_http_pitchey_submit_reply);
}


static ngx_int_t
ngx_http_pitchey_submit_id(ngx_http_request_t *r, pt_id_t *id)
{
    u_char      *p;
    ngx_time_t  *tp;

    /* filled in a worker only, so that no two processes share it */
    static u_char  random[NGX_HTTP_PITCHEY_RANDOM];
    static size_t  left;

    if (left < NGX_HTTP_PITCHEY_RANDOM_ID) {
        if (RAND_bytes(random, NGX_HTTP_PITCHEY_RANDOM) != 1) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                          "could not make a job id: RAND_bytes() failed");
            return NGX_ERROR;
        }

        left = NGX_HTTP_PITCHEY_RANDOM;
    }

    tp = ngx_timeofday();

    left -= NGX_HTTP_PITCHEY_RANDOM_ID;
    p = random + left;

    *id = pt_id_make((uint64_t) tp->sec * 1000 + tp->msec, p);

    return NGX_OK;
}


/* committed, or not */
static ngx_int_t
ngx_http_pitchey_submit_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    pt_json_t                  *job;
    ngx_str_t                   body, uri;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_submit_t  *s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    s = ctx->data;

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_submit_failed(r, reply);
    }

    /* with an Idempotency-Key it may be an earlier job, of another id */

    if (pt_json_parse(reply->body, s->mem, &job, NULL) != PT_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "an orchestrator answered SUBMIT with what is no JSON");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_SUBMITS);

    if (ngx_http_pitchey_reply_body(r, reply, &body) != NGX_OK
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


static ngx_int_t
ngx_http_pitchey_submit_failed(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    char                         id[PT_ID_TEXT_LEN];
    u_char                       member[sizeof("\"job_id\":\"\"")
                                        + PT_ID_TEXT_LEN];
    ngx_uint_t                   status;
    ngx_http_pitchey_ctx_t      *ctx;
    ngx_http_pitchey_problem_t   problem;
    ngx_http_pitchey_submit_t   *s;

    if (reply->err == PT_E_UNKNOWN_FILE) {
        return ngx_http_pitchey_submit_unknown(r, reply);
    }

    status = ngx_http_pitchey_problem_status(reply->err);

    if (status < NGX_HTTP_INTERNAL_SERVER_ERROR || !reply->sent
        || reply->err == PT_E_QUEUE_FULL)
    {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    /* no answer came, or one of a commit that may have been done */

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    s = ctx->data;

    pt_id_format(&s->submit.job, id);

    ngx_memzero(&problem, sizeof(ngx_http_pitchey_problem_t));

    problem.status = status;
    problem.code = pt_err_code(reply->err);
    problem.retry_after = reply->retry_after_s;

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE && problem.retry_after == 0) {
        problem.retry_after = 1;
    }

    ngx_str_set(&problem.detail, "The job may have been accepted: see whether "
                                 "its id exists.");

    problem.members.data = member;
    problem.members.len = ngx_sprintf(member, "\"job_id\":\"%*s\"",
                                      (size_t) PT_ID_TEXT_LEN, id)
                          - member;

    return ngx_http_pitchey_problem_send(r, &problem);
}


/*
 * The orchestrator knows which files are not the user's, each at the end of a
 * detail; the body's places are known here.
 */
static ngx_int_t
ngx_http_pitchey_submit_unknown(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    pt_id_t                     id;
    pt_str_t                    detail;
    pt_json_t                  *errors;
    ngx_uint_t                  i;
    const pt_json_t            *error;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_place_t   *place;
    ngx_http_pitchey_submit_t  *s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    s = ctx->data;
    place = s->places.elts;

    if (pt_json_parse(reply->errors, s->mem, &errors, NULL) != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    for (error = errors->first; error; error = error->next) {

        detail = pt_json_string(error, "detail", PT_STR(""));

        if (detail.len < PT_ID_TEXT_LEN) {
            continue;
        }

        detail.data += detail.len - PT_ID_TEXT_LEN;
        detail.len = PT_ID_TEXT_LEN;

        if (pt_id_parse(detail, &id) != PT_OK) {
            continue;
        }

        for (i = 0; i < s->places.nelts; i++) {
            if (pt_id_eq(&place[i].id, &id)) {
                ngx_http_pitchey_submit_violation(s, place[i].pointer,
                                            PT_STR("there is no such file"));
            }
        }
    }

    pt_jsonw_end(&s->writer);

    if (s->nerrors == 0 || s->errors.err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    return ngx_http_pitchey_problem_err(r, PT_E_UNKNOWN_FILE,
                                   PT_STR("The body names a file that does "
                                          "not exist."),
                                   pt_buf_str(&s->errors), 0);
}
