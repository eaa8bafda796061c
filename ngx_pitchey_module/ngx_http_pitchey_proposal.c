/*
 * From the bytes of a body to jobs that can be sent, or to all that is wrong
 * with them.
 *
 *     work -> parse -> hash -> one, or each of a batch:
 *                 what (service, action) -> envelope -> params -> pack
 */

#include <openssl/rand.h>
#include <openssl/sha.h>

#include "ngx_http_pitchey_proposal.h"
#include "ngx_http_pitchey_secrets.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_timestamp.h"
#include "ngx_http_pitchey_mem.h"
#include "pt_format.h"
#include "pt_pointer.h"


/* violations told in one answer: enough to mend a form by */
#define NGX_HTTP_PITCHEY_VIOLATIONS     100

/* bytes of their JSON text */
#define NGX_HTTP_PITCHEY_ERRORS_MAX     (256 * 1024)

/* limits of the wire (pt_wire.h) */
#define NGX_HTTP_PITCHEY_METADATA_MAX   16384
#define NGX_HTTP_PITCHEY_WEBHOOK_MAX    2048
#define NGX_HTTP_PITCHEY_ATTEMPTS_MAX   100
#define NGX_HTTP_PITCHEY_TIMEOUT_MAX_S  604800

/* places in a job where files are named, and in a batch: each is compared
 * with every file that turns out not to exist */
#define NGX_HTTP_PITCHEY_PLACES_MAX     256
#define NGX_HTTP_PITCHEY_PLACES_ALL     4096

#define NGX_HTTP_PITCHEY_RANDOM_ID      10

/* of "/jobs/999" */
#define NGX_HTTP_PITCHEY_WHERE_LEN      16


typedef void (*ngx_http_pitchey_envelope_pt)(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value);


static void ngx_http_pitchey_proposal_work(ngx_http_pitchey_body_t *body);
static void ngx_http_pitchey_proposal_root(ngx_http_pitchey_proposal_t *p,
    pt_json_t *root);
static pt_err_t ngx_http_pitchey_proposal_hash(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *root, size_t len);
static void ngx_http_pitchey_proposal_batch(ngx_http_pitchey_proposal_t *p,
    pt_json_t *root, const pt_json_t *jobs);
static void ngx_http_pitchey_proposal_one(ngx_http_pitchey_proposal_t *p,
    pt_json_t *value, ngx_uint_t number);
static ngx_uint_t ngx_http_pitchey_proposal_what(
    ngx_http_pitchey_proposal_t *p, pt_json_t *value);
static pt_str_t ngx_http_pitchey_proposal_take(pt_json_t *object,
    const char *key);
static ngx_int_t ngx_http_pitchey_proposal_number(
    ngx_http_pitchey_proposal_t *p);

static void ngx_http_pitchey_proposal_envelope(ngx_http_pitchey_proposal_t *p,
    pt_json_t *value);
static void ngx_http_pitchey_proposal_priority(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value);
static void ngx_http_pitchey_proposal_metadata(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value);
static void ngx_http_pitchey_proposal_run_at(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value);
static void ngx_http_pitchey_proposal_expires_at(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value);
static void ngx_http_pitchey_proposal_webhook(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value);
static void ngx_http_pitchey_proposal_attempts(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value);
static void ngx_http_pitchey_proposal_timeout(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value);
static int64_t ngx_http_pitchey_proposal_int(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value, int64_t max);
static int64_t ngx_http_pitchey_proposal_time(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value);
static void ngx_http_pitchey_proposal_mind(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value, const char *detail);

static void ngx_http_pitchey_proposal_params(ngx_http_pitchey_proposal_t *p,
    pt_json_t *value);
static void ngx_http_pitchey_proposal_secret(void *ctx, pt_str_t pointer);
static void ngx_http_pitchey_proposal_invalid(void *ctx, pt_str_t pointer,
    pt_str_t detail);
static void ngx_http_pitchey_proposal_file(void *ctx, pt_str_t pointer,
    pt_str_t text);
static ngx_uint_t ngx_http_pitchey_proposal_input(
    ngx_http_pitchey_proposal_t *p, const pt_id_t *id);
static pt_str_t ngx_http_pitchey_proposal_pointer(
    ngx_http_pitchey_proposal_t *p, pt_str_t pointer);
static ngx_int_t ngx_http_pitchey_proposal_errors(
    ngx_http_pitchey_proposal_t *p, ngx_str_t *ret_errors);


/* the members that are not the action's own, in the order of the design */
static const struct {
    const char                    *name;
    ngx_http_pitchey_envelope_pt   handler;
} ngx_http_pitchey_envelope[] = {
    { "priority",     ngx_http_pitchey_proposal_priority },
    { "metadata",     ngx_http_pitchey_proposal_metadata },
    { "run_at",       ngx_http_pitchey_proposal_run_at },
    { "expires_at",   ngx_http_pitchey_proposal_expires_at },
    { "webhook_url",  ngx_http_pitchey_proposal_webhook },
    { "max_attempts", ngx_http_pitchey_proposal_attempts },
    { "timeout_s",    ngx_http_pitchey_proposal_timeout },
    { NULL, NULL }
};


static const char  *ngx_http_pitchey_priorities[] = {
    "low", "normal", "high", "urgent", NULL
};


ngx_http_pitchey_proposal_t *
ngx_http_pitchey_proposal_new(ngx_http_pitchey_body_t *body,
    const ngx_http_pitchey_schema_t *schema,
    const ngx_http_pitchey_schemas_t *schemas,
    const ngx_http_pitchey_user_t *user)
{
    ngx_time_t                   *tp;
    ngx_http_pitchey_proposal_t  *p;

    p = ngx_pcalloc(body->pool, sizeof(ngx_http_pitchey_proposal_t));

    if (p == NULL
        || ngx_array_init(&p->jobs, body->pool, 1,
                          sizeof(ngx_http_pitchey_proposed_t))
           != NGX_OK
        || ngx_array_init(&p->places, body->pool, 4,
                          sizeof(ngx_http_pitchey_place_t))
           != NGX_OK)
    {
        return NULL;
    }

    p->schema = schema;
    p->schemas = schemas;
    p->pool = body->pool;
    p->mem = body->mem;

    /* the request, whose strings these are, may be gone before the work is */

    p->user.role.data = ngx_pstrdup(p->pool, (ngx_str_t *) &user->role);
    p->user.role.len = user->role.len;
    p->user.user_type.data = ngx_pstrdup(p->pool,
                                         (ngx_str_t *) &user->user_type);
    p->user.user_type.len = user->user_type.len;

    if (p->user.role.data == NULL || p->user.user_type.data == NULL) {
        return NULL;
    }

    tp = ngx_timeofday();
    p->now_ms = (uint64_t) tp->sec * 1000 + tp->msec;

    pt_buf_init(&p->errors, p->mem, NGX_HTTP_PITCHEY_ERRORS_MAX);
    pt_jsonw_init(&p->writer, &p->errors);
    pt_jsonw_array(&p->writer);

    body->data = p;
    body->work = ngx_http_pitchey_proposal_work;

    return p;
}


/* the tree is ten times its text: not in the pool, which only the end frees */
static void
ngx_http_pitchey_proposal_work(ngx_http_pitchey_body_t *body)
{
    pt_json_t                    *root;
    ngx_http_pitchey_proposal_t  *p = body->data;

    p->err = pt_json_parse(pt_buf_str(&body->text), &pt_mem_heap, &root,
                           &p->error);
    if (p->err != PT_OK) {
        return;
    }

    p->err = ngx_http_pitchey_proposal_hash(p, root, body->text.len);

    if (p->err == PT_OK) {
        ngx_http_pitchey_proposal_root(p, root);
    }

    pt_json_free(root);

    if (p->err == PT_OK && p->nerrors == 0
        && ngx_http_pitchey_proposal_number(p) != NGX_OK && p->err == PT_OK)
    {
        p->err = PT_E_INTERNAL;
    }
}


/* of the body as it came, envelope included: what Idempotency-Key compares */
static pt_err_t
ngx_http_pitchey_proposal_hash(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *root, size_t len)
{
    pt_err_t  err;
    pt_buf_t  text;

    /* RFC 8785 writes a number in up to 25 bytes that takes 2, "9e" apart */
    pt_buf_init(&text, &pt_mem_heap, 16 * len + 64);

    pt_json_canonical(root, &text);
    err = text.err;

    if (err == PT_OK) {
        SHA256((u_char *) pt_buf_str(&text).data, text.len, p->sha256);
    }

    pt_buf_done(&text);

    return err;
}


static void
ngx_http_pitchey_proposal_root(ngx_http_pitchey_proposal_t *p,
    pt_json_t *root)
{
    const pt_json_t  *jobs;

    jobs = pt_json_member(root, "jobs");

    if (p->schema == NULL && jobs && pt_json_member(root, "service") == NULL) {
        p->batch = 1;
        ngx_http_pitchey_proposal_batch(p, root, jobs);
        return;
    }

    ngx_http_pitchey_proposal_one(p, root, 0);
}


static void
ngx_http_pitchey_proposal_batch(ngx_http_pitchey_proposal_t *p,
    pt_json_t *root, const pt_json_t *jobs)
{
    ngx_uint_t        i;
    pt_json_t        *job;
    const pt_json_t  *member;

    /* jobs, not the batch, have envelopes */

    for (member = root->first; member; member = member->next) {
        if (member != jobs) {
            ngx_http_pitchey_proposal_mind(p, member,
                                           "is not known beside \"jobs\"");
        }
    }

    if (jobs->type != PT_JSON_ARRAY || jobs->n < 1
        || jobs->n > PT_BATCH_MAX)
    {
        ngx_http_pitchey_proposal_mind(p, jobs,
                                       "must be an array of 1 to 1000 jobs");
        return;
    }

    for (job = jobs->first, i = 0; job; job = job->next, i++) {

        if (p->err != PT_OK || p->nerrors > NGX_HTTP_PITCHEY_VIOLATIONS) {
            return;
        }

        ngx_http_pitchey_proposal_one(p, job, i);
    }
}


static void
ngx_http_pitchey_proposal_one(ngx_http_pitchey_proposal_t *p,
    pt_json_t *value, ngx_uint_t number)
{
    p->job = ngx_array_push(&p->jobs);
    if (p->job == NULL) {
        p->err = PT_E_NOMEM;
        return;
    }

    ngx_memzero(p->job, sizeof(ngx_http_pitchey_proposed_t));

    p->job->schema = p->schema;
    p->job->number = number;
    p->job->place = p->places.nelts;
    p->job->submit.priority = 1;

    if (p->schema == NULL && !ngx_http_pitchey_proposal_what(p, value)) {
        return;
    }

    ngx_http_pitchey_proposal_envelope(p, value);
    ngx_http_pitchey_proposal_params(p, value);
}


/* takes service and action out, and finds their schema; 0: violations */
static ngx_uint_t
ngx_http_pitchey_proposal_what(ngx_http_pitchey_proposal_t *p,
    pt_json_t *value)
{
    pt_str_t                          name;
    ngx_str_t                         service, action;
    const ngx_http_pitchey_schema_t  *schema;

    if (value->type != PT_JSON_OBJECT) {
        ngx_http_pitchey_proposal_invalid(p, PT_STR(""),
                                          PT_STR("must be an object"));
        return 0;
    }

    name = ngx_http_pitchey_proposal_take(value, "service");
    service.data = (u_char *) name.data;
    service.len = name.len;

    name = ngx_http_pitchey_proposal_take(value, "action");
    action.data = (u_char *) name.data;
    action.len = name.len;

    if (service.len == 0) {
        ngx_http_pitchey_proposal_invalid(p, PT_STR("/service"),
                                          PT_STR("must name a service"));
    }

    if (action.len == 0) {
        ngx_http_pitchey_proposal_invalid(p, PT_STR("/action"),
                                          PT_STR("must name an action"));
    }

    if (service.len == 0 || action.len == 0) {
        return 0;
    }

    schema = ngx_http_pitchey_schema_find(p->schemas, &service, &action);

    if (schema == NULL) {
        ngx_http_pitchey_proposal_invalid(p, PT_STR("/action"),
                               PT_STR("there is no such action of the service"));
        return 0;
    }

    if (!ngx_http_pitchey_schema_allows(schema, &p->user)) {
        ngx_http_pitchey_proposal_invalid(p, PT_STR("/action"),
                                          PT_STR("is for others"));
        return 0;
    }

    p->job->schema = schema;

    return 1;
}


/* the member's string, without the member; empty: none, or no string */
static pt_str_t
ngx_http_pitchey_proposal_take(pt_json_t *object, const char *key)
{
    pt_json_t  *member, **link;

    for (link = &object->first; (member = *link) != NULL;
         link = &member->next)
    {
        if (pt_str_is(member->key, key)) {
            *link = member->next;
            object->n--;

            return member->type == PT_JSON_STRING ? member->text : PT_STR("");
        }
    }

    return PT_STR("");
}


/* takes the envelope's members out of the body; the rest is the action's */
static void
ngx_http_pitchey_proposal_envelope(ngx_http_pitchey_proposal_t *p,
    pt_json_t *value)
{
    pt_json_t   *member, **link;
    ngx_uint_t   i;

    if (value->type != PT_JSON_OBJECT) {
        return;
    }

    for (link = &value->first; *link; /* void */ ) {
        member = *link;

        for (i = 0; ngx_http_pitchey_envelope[i].name; i++) {
            if (pt_str_is(member->key, ngx_http_pitchey_envelope[i].name)) {
                break;
            }
        }

        if (ngx_http_pitchey_envelope[i].name == NULL) {

            if (pt_str_is(member->key, PT_SECRET_MEMBER)) {
                ngx_http_pitchey_proposal_mind(p, member, "is reserved");
            }

            link = &member->next;
            continue;
        }

        ngx_http_pitchey_envelope[i].handler(p, member);

        *link = member->next;
        value->n--;
    }
}


static void
ngx_http_pitchey_proposal_priority(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value)
{
    ngx_uint_t  i;

    if (value->type == PT_JSON_STRING) {
        for (i = 0; ngx_http_pitchey_priorities[i]; i++) {
            if (pt_str_is(value->text, ngx_http_pitchey_priorities[i])) {
                p->job->submit.priority = (uint8_t) i;
                return;
            }
        }
    }

    ngx_http_pitchey_proposal_mind(p, value,
                             "must be \"low\", \"normal\", \"high\" or "
                             "\"urgent\"");
}


static void
ngx_http_pitchey_proposal_metadata(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value)
{
    pt_buf_t    text;
    pt_jsonw_t  w;

    if (value->type != PT_JSON_OBJECT) {
        ngx_http_pitchey_proposal_mind(p, value, "must be an object");
        return;
    }

    pt_buf_init(&text, p->mem, NGX_HTTP_PITCHEY_METADATA_MAX);
    pt_jsonw_init(&w, &text);
    pt_jsonw_value(&w, value);

    if (text.err == PT_E_TOO_LARGE) {
        ngx_http_pitchey_proposal_mind(p, value,
                                 "must have at most 16384 bytes as JSON");
        return;
    }

    if (text.err != PT_OK) {
        p->err = text.err;
        return;
    }

    p->job->submit.metadata = pt_buf_str(&text);
}


static void
ngx_http_pitchey_proposal_run_at(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value)
{
    p->job->submit.run_at = ngx_http_pitchey_proposal_time(p, value);
}


static void
ngx_http_pitchey_proposal_expires_at(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value)
{
    p->job->submit.expires_at = ngx_http_pitchey_proposal_time(p, value);
}


/* whether somebody can be called there is the orchestrator's to say */
static void
ngx_http_pitchey_proposal_webhook(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value)
{
    pt_buf_t  text;

    if (value->type == PT_JSON_STRING
        && value->text.len <= NGX_HTTP_PITCHEY_WEBHOOK_MAX
        && pt_format_check(PT_FORMAT_URI, value->text))
    {
        /* the body's tree does not live until it is sent */
        pt_buf_init(&text, p->mem, NGX_HTTP_PITCHEY_WEBHOOK_MAX);
        pt_buf_add_str(&text, value->text);

        if (text.err != PT_OK) {
            p->err = text.err;
            return;
        }

        p->job->submit.webhook_url = pt_buf_str(&text);
        return;
    }

    ngx_http_pitchey_proposal_mind(p, value, "must be a URL of at most 2048 "
                                             "bytes");
}


static void
ngx_http_pitchey_proposal_attempts(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value)
{
    p->job->submit.max_attempts = (uint16_t) ngx_http_pitchey_proposal_int(p, value,
                                             NGX_HTTP_PITCHEY_ATTEMPTS_MAX);
}


static void
ngx_http_pitchey_proposal_timeout(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value)
{
    p->job->submit.timeout_s = (uint32_t) ngx_http_pitchey_proposal_int(p, value,
                                          NGX_HTTP_PITCHEY_TIMEOUT_MAX_S);
}


static int64_t
ngx_http_pitchey_proposal_int(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value, int64_t max)
{
    char  detail[sizeof("must be an integer from 1 to ") + NGX_INT64_LEN];

    if (value->type == PT_JSON_NUMBER && value->integer
        && value->i64 >= 1 && value->i64 <= max)
    {
        return value->i64;
    }

    ngx_sprintf((u_char *) detail, "must be an integer from 1 to %L%Z", max);

    ngx_http_pitchey_proposal_mind(p, value, detail);

    return 0;
}


/* milliseconds since 1970 */
static int64_t
ngx_http_pitchey_proposal_time(ngx_http_pitchey_proposal_t *p,
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

    ngx_http_pitchey_proposal_mind(p, value,
                             "must be a date-time of RFC 3339, such as "
                             "\"2027-01-31T09:00:00Z\"");
    return 0;
}


/* a violation of a member that is no schema's */
static void
ngx_http_pitchey_proposal_mind(ngx_http_pitchey_proposal_t *p,
    const pt_json_t *value, const char *detail)
{
    pt_buf_t      pointer;
    pt_pointer_t  step = { NULL, value->key, 0 };

    pt_buf_init(&pointer, p->mem, NGX_HTTP_PITCHEY_ERRORS_MAX);
    pt_pointer_write(&step, &pointer);

    if (pointer.err != PT_OK) {
        p->err = (pointer.err == PT_E_NOMEM) ? PT_E_NOMEM : p->err;
        return;
    }

    ngx_http_pitchey_proposal_invalid(p, pt_buf_str(&pointer),
                                      pt_str(detail));
}


/*
 * Validates what the envelope left, finds the files that it names, and takes
 * its secrets out.
 */
static void
ngx_http_pitchey_proposal_params(ngx_http_pitchey_proposal_t *p,
    pt_json_t *value)
{
    pt_err_t             err;
    pt_buf_t             text;
    pt_jsonw_t           w;
    pt_schema_visitor_t  visitor;

    visitor.violation = ngx_http_pitchey_proposal_invalid;
    visitor.file_id = ngx_http_pitchey_proposal_file;
    visitor.secret = ngx_http_pitchey_proposal_secret;
    visitor.ctx = p;

    ngx_http_pitchey_secrets_init(&p->secrets);

    err = ngx_http_pitchey_schema_validate(p->job->schema, value,
                                           NGX_HTTP_PITCHEY_VIOLATIONS,
                                           &visitor);

    if (err == PT_OK && p->nerrors == 0) {
        err = ngx_http_pitchey_secrets_take(&p->secrets, value, p->mem,
                                            &p->job->submit.secrets);
    }

    pt_buf_done(&p->secrets);

    if (err != PT_OK && err != PT_E_INVALID) {
        p->err = err;
        return;
    }

    if (p->nerrors) {
        return;
    }

    pt_buf_init(&text, p->mem, PT_JSON_FRAME_MAX);
    pt_jsonw_init(&w, &text);
    pt_jsonw_value(&w, value);

    if (text.err != PT_OK) {
        p->err = text.err;
        return;
    }

    /* of the route itself _submit has seen to it before */

    if (p->schema == NULL && p->job->schema->body_max
        && text.len + p->job->submit.secrets.len > p->job->schema->body_max)
    {
        ngx_http_pitchey_proposal_invalid(p, PT_STR(""),
                              PT_STR("is longer than the action accepts"));
        return;
    }

    p->job->submit.params = pt_buf_str(&text);
    p->job->submit.inputs = (pt_str_t) { (char *) p->job->inputs,
                                         p->job->ninputs * sizeof(pt_id_t) };
}


static void
ngx_http_pitchey_proposal_invalid(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    ngx_http_pitchey_proposal_t  *p = ctx;

    ngx_http_pitchey_proposal_violation(p,
                               ngx_http_pitchey_proposal_pointer(p, pointer),
                               detail);
}


void
ngx_http_pitchey_proposal_violation(ngx_http_pitchey_proposal_t *p,
    pt_str_t pointer, pt_str_t detail)
{
    if (p->nerrors++ >= NGX_HTTP_PITCHEY_VIOLATIONS) {
        return;
    }

    pt_jsonw_object(&p->writer);
    pt_jsonw_key(&p->writer, "pointer");
    pt_jsonw_str(&p->writer, pointer);
    pt_jsonw_key(&p->writer, "detail");
    pt_jsonw_str(&p->writer, detail);
    pt_jsonw_end(&p->writer);
}


/* the pointer from the body's root on */
static pt_str_t
ngx_http_pitchey_proposal_pointer(ngx_http_pitchey_proposal_t *p,
    pt_str_t pointer)
{
    pt_buf_t  whole;

    if (!p->batch || p->job == NULL) {
        return pointer;
    }

    pt_buf_init(&whole, p->mem, pointer.len + NGX_HTTP_PITCHEY_WHERE_LEN);
    pt_buf_printf(&whole, "/jobs/%u", (unsigned) p->job->number);
    pt_buf_add_str(&whole, pointer);

    if (whole.err != PT_OK) {
        p->err = whole.err;
    }

    return pt_buf_str(&whole);
}


static void
ngx_http_pitchey_proposal_secret(void *ctx, pt_str_t pointer)
{
    ngx_http_pitchey_proposal_t  *p = ctx;

    ngx_http_pitchey_secrets_note(&p->secrets, pointer);
}


/* may come more than once for one string */
static void
ngx_http_pitchey_proposal_file(void *ctx, pt_str_t pointer, pt_str_t text)
{
    pt_id_t                       id;
    pt_str_t                      whole;
    ngx_uint_t                    i;
    ngx_http_pitchey_place_t     *place;
    ngx_http_pitchey_proposal_t  *p = ctx;

    if (pt_id_parse(text, &id) != PT_OK || pt_id_is_zero(&id)) {
        ngx_http_pitchey_proposal_invalid(p, pointer,
                                          PT_STR("is not the id of a file"));
        return;
    }

    whole = ngx_http_pitchey_proposal_pointer(p, pointer);
    place = p->places.elts;

    for (i = p->job->place; i < p->places.nelts; i++) {
        if (pt_str_eq(place[i].pointer, whole)) {
            return;
        }
    }

    if (p->places.nelts - p->job->place == NGX_HTTP_PITCHEY_PLACES_MAX
        || p->places.nelts == NGX_HTTP_PITCHEY_PLACES_ALL
        || !ngx_http_pitchey_proposal_input(p, &id))
    {
        ngx_http_pitchey_proposal_violation(p, whole,
                                  PT_STR("names more files than a job takes"));
        return;
    }

    place = ngx_array_push(&p->places);

    if (place == NULL) {
        p->err = PT_E_NOMEM;
        return;
    }

    /* the pointer lives for this call only */

    place->id = id;
    place->pointer.len = whole.len;
    place->pointer.data = ngx_pnalloc(p->pool, whole.len + 1);

    if (place->pointer.data == NULL) {
        p->places.nelts--;
        p->err = PT_E_NOMEM;
        return;
    }

    ngx_memcpy((char *) place->pointer.data, whole.data, whole.len);
}


/* 0: the job names as many as it may */
static ngx_uint_t
ngx_http_pitchey_proposal_input(ngx_http_pitchey_proposal_t *p,
    const pt_id_t *id)
{
    ngx_uint_t                    i;
    ngx_http_pitchey_proposed_t  *job = p->job;

    if (job->inputs == NULL) {
        job->inputs = ngx_palloc(p->pool, PT_INPUTS_MAX * sizeof(pt_id_t));
        if (job->inputs == NULL) {
            p->err = PT_E_NOMEM;
            return 1;
        }
    }

    for (i = 0; i < job->ninputs; i++) {
        if (pt_id_eq(&job->inputs[i], id)) {
            return 1;
        }
    }

    if (i == PT_INPUTS_MAX) {
        return 0;
    }

    job->inputs[job->ninputs++] = *id;

    return 1;
}


/*
 * Ids, in the order of the jobs: those of one millisecond are ordered by the
 * 12 bits behind it, which hold more than a batch has.
 */
static ngx_int_t
ngx_http_pitchey_proposal_number(ngx_http_pitchey_proposal_t *p)
{
    ngx_uint_t                    i;
    ngx_http_pitchey_proposed_t  *job;

    job = p->jobs.elts;

    for (i = 0; i < p->jobs.nelts; i++) {

        if (ngx_http_pitchey_proposal_id(p->now_ms, &job[i].submit.job)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (p->batch) {
            job[i].submit.job.bytes[6] = (uint8_t) (0x70 | i >> 8);
            job[i].submit.job.bytes[7] = (uint8_t) i;
        }

        job[i].submit.service = ngx_http_pitchey_pt_str(
                                                    &job[i].schema->service);
        job[i].submit.action = ngx_http_pitchey_pt_str(
                                                    &job[i].schema->action);
    }

    if (!p->batch) {
        return NGX_OK;
    }

    pt_buf_init(&p->packed, p->mem, PT_JSON_FRAME_MAX);

    for (i = 0; i < p->jobs.nelts; i++) {
        pt_batch_job_write(&p->packed, &job[i].submit);
    }

    if (p->packed.err != PT_OK) {
        p->err = p->packed.err;
    }

    return ngx_http_pitchey_proposal_id(p->now_ms, &p->batch_id);
}


ngx_int_t
ngx_http_pitchey_proposal_id(uint64_t now_ms, pt_id_t *ret_id)
{
    u_char  random[NGX_HTTP_PITCHEY_RANDOM_ID];

    if (RAND_bytes(random, sizeof(random)) != 1) {
        return NGX_ERROR;
    }

    *ret_id = pt_id_make(now_ms, random);

    return NGX_OK;
}


ngx_int_t
ngx_http_pitchey_proposal_refuse(ngx_http_request_t *r,
    ngx_http_pitchey_proposal_t *p)
{
    ngx_http_pitchey_problem_t  problem;

    if (p->err == PT_E_INVALID) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST,
                                        "invalid_json",
                                        "The body is not JSON: %s at byte %uz.",
                                        p->error.message, p->error.offset);
    }

    if (p->err == PT_E_TOO_LARGE) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                        "too_large",
                                        "The body is longer than one message "
                                        "to an orchestrator may be.");
    }

    if (p->err != PT_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "could not check a request body: %s",
                      pt_err_code(p->err));
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (p->nerrors == 0) {
        return NGX_DECLINED;
    }

    ngx_memzero(&problem, sizeof(ngx_http_pitchey_problem_t));

    problem.status = ngx_http_pitchey_problem_status(PT_E_INVALID);
    problem.code = pt_err_code(PT_E_INVALID);
    ngx_str_set(&problem.detail, "The body is not what the action accepts.");

    if (ngx_http_pitchey_proposal_errors(p, &problem.errors) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_problem_send(r, &problem);
}


/* none of them where all of them would be too long */
static ngx_int_t
ngx_http_pitchey_proposal_errors(ngx_http_pitchey_proposal_t *p,
    ngx_str_t *ret_errors)
{
    pt_jsonw_end(&p->writer);

    ngx_str_null(ret_errors);

    if (p->errors.err == PT_OK) {
        *ret_errors = ngx_http_pitchey_ngx_str(pt_buf_str(&p->errors));
    }

    return (p->errors.err == PT_E_NOMEM) ? NGX_ERROR : NGX_OK;
}


/*
 * The orchestrator knows which files are not the user's, each at the end of a
 * detail; the body's places are known here.
 */
ngx_int_t
ngx_http_pitchey_proposal_unknown(ngx_http_request_t *r,
    ngx_http_pitchey_proposal_t *p, pt_str_t errors)
{
    pt_id_t                    id;
    pt_str_t                   detail;
    ngx_str_t                  text;
    pt_json_t                 *root;
    ngx_uint_t                 i;
    const pt_json_t           *error;
    ngx_http_pitchey_place_t  *place;

    place = p->places.elts;

    if (pt_json_parse(errors, p->mem, &root, NULL) != PT_OK) {
        return NGX_DECLINED;
    }

    for (error = root->first; error; error = error->next) {

        detail = pt_json_string(error, "detail", PT_STR(""));

        if (detail.len < PT_ID_TEXT_LEN) {
            continue;
        }

        detail.data += detail.len - PT_ID_TEXT_LEN;
        detail.len = PT_ID_TEXT_LEN;

        if (pt_id_parse(detail, &id) != PT_OK) {
            continue;
        }

        for (i = 0; i < p->places.nelts; i++) {
            if (pt_id_eq(&place[i].id, &id)) {
                ngx_http_pitchey_proposal_violation(p, place[i].pointer,
                                            PT_STR("there is no such file"));
            }
        }
    }

    if (p->nerrors == 0
        || ngx_http_pitchey_proposal_errors(p, &text) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_http_pitchey_problem_err(r, PT_E_UNKNOWN_FILE,
                                   PT_STR("The body names a file that does "
                                          "not exist."),
                                   ngx_http_pitchey_pt_str(&text), 0);
}
