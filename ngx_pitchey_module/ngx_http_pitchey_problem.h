/*
 * Answers: JSON, and problem documents (RFC 9457) for everything that fails.
 * The one place that maps our error codes to HTTP statuses.
 */

#ifndef NGX_HTTP_PITCHEY_PROBLEM_H
#define NGX_HTTP_PITCHEY_PROBLEM_H

#include "ngx_http_pitchey_module.h"
#include "pt_err.h"


typedef struct {
    ngx_uint_t       status;
    const char      *code;          /* of pt_err.h, or the edge's own */
    ngx_str_t        detail;        /* for people; empty: none */
    ngx_str_t        errors;        /* [{"pointer","detail"}]; empty: none */
    ngx_str_t        members;       /* more of them, "\"a\":1,\"b\":2" */
    ngx_uint_t       retry_after;   /* s; 0: no such header */
} ngx_http_pitchey_problem_t;


/*
 * Each of these sends the whole answer and returns what a content handler
 * returns.  In PREACCESS finalize the request with that value, since the
 * phase would take NGX_OK as leave to go on.
 */

/* detail is a format of ngx_sprintf(); NULL: none */
ngx_int_t ngx_http_pitchey_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, const char *detail, ...);

ngx_int_t ngx_http_pitchey_problem_send(ngx_http_request_t *r,
    const ngx_http_pitchey_problem_t *problem);

/* err's code and status; Retry-After where a retry can help and none is given;
 * detail and errors may be empty */
ngx_int_t ngx_http_pitchey_problem_err(ngx_http_request_t *r, pt_err_t err,
    pt_str_t detail, pt_str_t errors, ngx_uint_t retry_after);

ngx_int_t ngx_http_pitchey_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *body);
ngx_int_t ngx_http_pitchey_send_text(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body);


/* the HTTP status of an error */
ngx_uint_t ngx_http_pitchey_problem_status(pt_err_t err);

/*
 * The document that stands for nginx's own page of that status, as the one
 * buffer of an answer; its headers are set.  NULL without memory.
 */
ngx_buf_t *ngx_http_pitchey_problem_page(ngx_http_request_t *r,
    ngx_uint_t status);

/* a header of the answer; key and value are literals or of the pool */
ngx_int_t ngx_http_pitchey_add_header(ngx_http_request_t *r, const char *key,
    const ngx_str_t *value);


#endif /* NGX_HTTP_PITCHEY_PROBLEM_H */
