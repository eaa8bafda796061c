/* Problem documents and JSON answers; which status an error code has. */

#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_writer.h"


/* bytes of a detail; longer ones are cut */
#define NGX_HTTP_PITCHEY_DETAIL_MAX  1024

/* s; what a client waits before it tries a 503 again, without other advice */
#define NGX_HTTP_PITCHEY_RETRY_AFTER  1


static ngx_buf_t *ngx_http_pitchey_problem_create(ngx_http_request_t *r,
    const ngx_http_pitchey_problem_t *problem);
static const char *ngx_http_pitchey_problem_title(ngx_uint_t status);
static ngx_int_t ngx_http_pitchey_problem_headers(ngx_http_request_t *r,
    const ngx_http_pitchey_problem_t *problem);
static ngx_int_t ngx_http_pitchey_send(ngx_http_request_t *r,
    ngx_uint_t status, ngx_buf_t *b, ngx_str_t *type);


static ngx_str_t  ngx_http_pitchey_type_json = ngx_string("application/json");
static ngx_str_t  ngx_http_pitchey_type_problem =
    ngx_string("application/problem+json");


static const ngx_uint_t  ngx_http_pitchey_statuses[PT_E_COUNT_] = {
    [PT_OK]                     = NGX_HTTP_OK,

    [PT_E_BAD_MESSAGE]          = NGX_HTTP_INTERNAL_SERVER_ERROR,
    [PT_E_UNKNOWN_COMMAND]      = NGX_HTTP_SERVICE_UNAVAILABLE,
    [PT_E_INVALID]              = 422,
    [PT_E_TOO_LARGE]            = NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
    [PT_E_NOT_FOUND]            = NGX_HTTP_NOT_FOUND,
    [PT_E_FORBIDDEN]            = NGX_HTTP_FORBIDDEN,
    [PT_E_CONFLICT]             = NGX_HTTP_CONFLICT,
    [PT_E_IDEMPOTENCY_MISMATCH] = 422,
    [PT_E_IN_FLIGHT]            = NGX_HTTP_CONFLICT,
    [PT_E_GONE]                 = 410,
    [PT_E_UNKNOWN_FILE]         = 422,
    [PT_E_UNKNOWN_ACTION]       = NGX_HTTP_NOT_FOUND,
    [PT_E_QUOTA]                = NGX_HTTP_TOO_MANY_REQUESTS,
    [PT_E_SEALING_KEY]          = NGX_HTTP_NOT_IMPLEMENTED,

    [PT_E_INPUT_BROKEN]         = 422,
    [PT_E_INPUT_UNSUPPORTED]    = NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
    [PT_E_INPUT_LIMIT]          = 422,
    [PT_E_PARAMETERS]           = 422,

    [PT_E_CANCELLED]            = NGX_HTTP_CONFLICT,
    [PT_E_EXPIRED]              = 410,
    [PT_E_TIMEOUT]              = NGX_HTTP_SERVICE_UNAVAILABLE,
    [PT_E_CRASHED]              = NGX_HTTP_INTERNAL_SERVER_ERROR,
    [PT_E_RESOURCE_LIMIT]       = 422,

    [PT_E_NOMEM]                = NGX_HTTP_SERVICE_UNAVAILABLE,
    [PT_E_IO]                   = NGX_HTTP_SERVICE_UNAVAILABLE,
    [PT_E_STORAGE]              = NGX_HTTP_SERVICE_UNAVAILABLE,
    [PT_E_DATABASE]             = NGX_HTTP_SERVICE_UNAVAILABLE,
    [PT_E_UNAVAILABLE]          = NGX_HTTP_SERVICE_UNAVAILABLE,
    [PT_E_QUEUE_FULL]           = NGX_HTTP_SERVICE_UNAVAILABLE,
    [PT_E_INTERNAL]             = NGX_HTTP_INTERNAL_SERVER_ERROR
};


/* the statuses that nginx or we answer with, and the code of nginx's own */
static const struct {
    ngx_uint_t   status;
    const char  *title;
    const char  *code;
} ngx_http_pitchey_titles[] = {
    { 400, "Bad Request", "bad_request" },
    { 401, "Unauthorized", "unauthorized" },
    { 403, "Forbidden", "forbidden" },
    { 404, "Not Found", "not_found" },
    { 405, "Method Not Allowed", "method_not_allowed" },
    { 406, "Not Acceptable", "not_acceptable" },
    { 409, "Conflict", "conflict" },
    { 410, "Gone", "gone" },
    { 411, "Length Required", "length_required" },
    { 412, "Precondition Failed", "precondition_failed" },
    { 413, "Content Too Large", "too_large" },
    { 414, "URI Too Long", "uri_too_long" },
    { 415, "Unsupported Media Type", "unsupported_media_type" },
    { 416, "Range Not Satisfiable", "range_not_satisfiable" },
    { 417, "Expectation Failed", "expectation_failed" },
    { 421, "Misdirected Request", "misdirected_request" },
    { 422, "Unprocessable Content", "invalid" },
    { 423, "Locked", "locked" },
    { 426, "Upgrade Required", "upgrade_required" },
    { 429, "Too Many Requests", "too_many_requests" },
    { 500, "Internal Server Error", "internal" },
    { 501, "Not Implemented", "not_implemented" },
    { 502, "Bad Gateway", "bad_gateway" },
    { 503, "Service Unavailable", "unavailable" },
    { 504, "Gateway Timeout", "timeout" },
    { 505, "HTTP Version Not Supported", "http_version_not_supported" },
    { 507, "Insufficient Storage", "storage_unavailable" }
};


ngx_int_t
ngx_http_pitchey_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, const char *detail, ...)
{
    u_char                     *p, text[NGX_HTTP_PITCHEY_DETAIL_MAX];
    va_list                     args;
    ngx_http_pitchey_problem_t  problem;

    ngx_memzero(&problem, sizeof(ngx_http_pitchey_problem_t));

    problem.status = status;
    problem.code = code;

    if (detail != NULL) {
        va_start(args, detail);
        p = ngx_vslprintf(text, text + sizeof(text), detail, args);
        va_end(args);

        problem.detail.data = text;
        problem.detail.len = p - text;
    }

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        problem.retry_after = NGX_HTTP_PITCHEY_RETRY_AFTER;
    }

    return ngx_http_pitchey_problem_send(r, &problem);
}


ngx_int_t
ngx_http_pitchey_problem_err(ngx_http_request_t *r, pt_err_t err,
    pt_str_t detail, pt_str_t errors, ngx_uint_t retry_after)
{
    ngx_http_pitchey_problem_t  problem;

    ngx_memzero(&problem, sizeof(ngx_http_pitchey_problem_t));

    problem.status = ngx_http_pitchey_problem_status(err);
    problem.code = pt_err_code(err);
    problem.detail.data = (u_char *) detail.data;
    problem.detail.len = ngx_min(detail.len, NGX_HTTP_PITCHEY_DETAIL_MAX);
    problem.errors.data = (u_char *) errors.data;
    problem.errors.len = errors.len;
    problem.retry_after = retry_after;

    if (retry_after == 0 && problem.status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        problem.retry_after = NGX_HTTP_PITCHEY_RETRY_AFTER;
    }

    return ngx_http_pitchey_problem_send(r, &problem);
}


ngx_int_t
ngx_http_pitchey_problem_send(ngx_http_request_t *r,
    const ngx_http_pitchey_problem_t *problem)
{
    ngx_buf_t               *b;
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_pitchey_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = ngx_http_pitchey_problem_create(r, problem);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_pitchey_problem_headers(r, problem) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->problem = 1;

    return ngx_http_pitchey_send(r, problem->status, b,
                                 &ngx_http_pitchey_type_problem);
}


ngx_int_t
ngx_http_pitchey_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *body)
{
    return ngx_http_pitchey_send_text(r, status, &ngx_http_pitchey_type_json,
                                      body);
}


ngx_int_t
ngx_http_pitchey_send_text(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body)
{
    ngx_buf_t  *b;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = body->len ? 1 : 0;

    return ngx_http_pitchey_send(r, status, b, type);
}


static ngx_int_t
ngx_http_pitchey_send(ngx_http_request_t *r, ngx_uint_t status, ngx_buf_t *b,
    ngx_str_t *type)
{
    ngx_int_t         rc;
    ngx_chain_t       out;
    static ngx_str_t  no_store = ngx_string("no-store");

    /* an answer before the end of the body leaves the rest to nginx */
    rc = ngx_http_discard_request_body(r);

    if (r->connection->error) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        r->keepalive = 0;
    }

    r->headers_out.status = status;
    r->headers_out.status_line.len = 0;
    r->headers_out.content_length_n = b->last - b->pos;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;
    r->headers_out.content_type_lowcase = NULL;

    /* it depends on the session; no cache in between may keep it */
    if (ngx_http_pitchey_add_header(r, "Cache-Control", &no_store) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_buf_t *
ngx_http_pitchey_problem_page(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_buf_t                   *b;
    ngx_uint_t                   i;
    ngx_http_pitchey_problem_t   problem;

    ngx_memzero(&problem, sizeof(ngx_http_pitchey_problem_t));

    problem.status = status;
    problem.code = status < NGX_HTTP_INTERNAL_SERVER_ERROR ? "bad_request"
                                                           : "internal";

    for (i = 0; i < sizeof(ngx_http_pitchey_titles)
                    / sizeof(ngx_http_pitchey_titles[0]); i++)
    {
        if (ngx_http_pitchey_titles[i].status == status) {
            problem.code = ngx_http_pitchey_titles[i].code;
            break;
        }
    }

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        problem.retry_after = NGX_HTTP_PITCHEY_RETRY_AFTER;
    }

    b = ngx_http_pitchey_problem_create(r, &problem);
    if (b == NULL
        || ngx_http_pitchey_problem_headers(r, &problem) != NGX_OK)
    {
        return NULL;
    }

    r->headers_out.content_length_n = b->last - b->pos;
    r->headers_out.content_type = ngx_http_pitchey_type_problem;
    r->headers_out.content_type_len = ngx_http_pitchey_type_problem.len;
    r->headers_out.content_type_lowcase = NULL;

    return b;
}


static ngx_buf_t *
ngx_http_pitchey_problem_create(ngx_http_request_t *r,
    const ngx_http_pitchey_problem_t *problem)
{
    pt_buf_t                    text;
    ngx_buf_t                  *b;
    const pt_mem_t             *mem;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_writer_t   writer;

    ctx = ngx_http_pitchey_ctx(r);
    mem = ngx_http_pitchey_mem(r->pool);
    b = ngx_calloc_buf(r->pool);

    if (ctx == NULL || mem == NULL || b == NULL) {
        return NULL;
    }

    writer.status = (unsigned) problem->status;
    writer.code = pt_str(problem->code);
    writer.title = pt_str(ngx_http_pitchey_problem_title(problem->status));
    writer.detail = ngx_http_pitchey_pt_str(&problem->detail);
    writer.request_id = ngx_http_pitchey_pt_str(&ctx->request_id);
    writer.errors = ngx_http_pitchey_pt_str(&problem->errors);
    writer.members = ngx_http_pitchey_pt_str(&problem->members);

    /* errors and members are bounded where they are made */
    pt_buf_init(&text, mem, NGX_MAX_SIZE_T_VALUE / 2);

    ngx_http_pitchey_writer_problem(&text, &writer);

    if (text.err != PT_OK) {
        return NULL;
    }

    b->pos = (u_char *) text.data;
    b->last = b->pos + text.len;
    b->start = b->pos;
    b->end = b->last;
    b->temporary = 1;

    return b;
}


static const char *
ngx_http_pitchey_problem_title(ngx_uint_t status)
{
    ngx_uint_t  i;

    for (i = 0; i < sizeof(ngx_http_pitchey_titles)
                    / sizeof(ngx_http_pitchey_titles[0]); i++)
    {
        if (ngx_http_pitchey_titles[i].status == status) {
            return ngx_http_pitchey_titles[i].title;
        }
    }

    return "Error";
}


static ngx_int_t
ngx_http_pitchey_problem_headers(ngx_http_request_t *r,
    const ngx_http_pitchey_problem_t *problem)
{
    ngx_str_t         value;
    static ngx_str_t  bearer = ngx_string("Bearer");

    if (problem->status == NGX_HTTP_UNAUTHORIZED
        && ngx_http_pitchey_add_header(r, "WWW-Authenticate", &bearer)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (problem->retry_after == 0) {
        return NGX_OK;
    }

    value.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%ui", problem->retry_after)
                - value.data;

    return ngx_http_pitchey_add_header(r, "Retry-After", &value);
}


ngx_int_t
ngx_http_pitchey_add_header(ngx_http_request_t *r, const char *key,
    const ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) key;
    h->key.len = ngx_strlen(key);
    h->value = *value;

    return NGX_OK;
}


ngx_uint_t
ngx_http_pitchey_problem_status(pt_err_t err)
{
    if ((ngx_uint_t) err >= PT_E_COUNT_) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_statuses[err];
}
