/* Violations of a body.  Nothing but _send() knows the request. */

#include "ngx_http_pitchey_violations.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_problem.h"


/* bytes of their text, and of one pointer with its prefix */
#define NGX_HTTP_PITCHEY_VIOLATIONS_MAX  (256 * 1024)
#define NGX_HTTP_PITCHEY_POINTER_MAX     (64 * 1024)


void
ngx_http_pitchey_violations_init(ngx_http_pitchey_violations_t *v,
    const pt_mem_t *mem)
{
    ngx_memzero(v, sizeof(ngx_http_pitchey_violations_t));

    v->prefix = PT_STR("");

    pt_buf_init(&v->text, mem, NGX_HTTP_PITCHEY_VIOLATIONS_MAX);
    pt_jsonw_init(&v->writer, &v->text);
    pt_jsonw_array(&v->writer);
}


pt_json_t *
ngx_http_pitchey_violations_parse(ngx_http_pitchey_violations_t *v,
    pt_str_t body)
{
    pt_err_t    err;
    pt_json_t  *root;

    err = pt_json_parse(body, v->text.mem, &root, &v->error);

    if (err == PT_E_INVALID) {
        v->broken = 1;
        return NULL;
    }

    if (err != PT_OK) {
        v->text.err = err;
        return NULL;
    }

    return root;
}


void
ngx_http_pitchey_violations_add(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    pt_buf_t                        text;
    ngx_http_pitchey_violations_t  *v = ctx;

    if (v->n++ >= NGX_HTTP_PITCHEY_VIOLATIONS) {
        return;
    }

    pt_buf_init(&text, v->text.mem, NGX_HTTP_PITCHEY_POINTER_MAX);
    pt_buf_add_str(&text, v->prefix);
    pt_buf_add_str(&text, pointer);

    pt_jsonw_object(&v->writer);
    pt_jsonw_key(&v->writer, "pointer");
    pt_jsonw_str(&v->writer, pt_buf_str(&text));
    pt_jsonw_key(&v->writer, "detail");
    pt_jsonw_str(&v->writer, detail);
    pt_jsonw_end(&v->writer);

    pt_buf_done(&text);
}


ngx_int_t
ngx_http_pitchey_violations_send(ngx_http_request_t *r,
    ngx_http_pitchey_violations_t *v)
{
    if (v->broken) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST,
                                        "invalid_json",
                                        "The body is not JSON: %s at byte %uz.",
                                        v->error.message, v->error.offset);
    }

    if (v->n == 0 && v->text.err == PT_OK) {
        return NGX_DECLINED;
    }

    pt_jsonw_end(&v->writer);

    if (v->text.err != PT_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_problem_err(r, PT_E_INVALID,
                                 PT_STR("The body is not what the resource "
                                        "accepts."),
                                 pt_buf_str(&v->text), 0);
}
