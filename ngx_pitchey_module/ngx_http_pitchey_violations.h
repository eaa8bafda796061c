/* What is wrong with a body: collected, and told as one problem document. */

#ifndef NGX_HTTP_PITCHEY_VIOLATIONS_H
#define NGX_HTTP_PITCHEY_VIOLATIONS_H

#include "ngx_http_pitchey_module.h"
#include "pt_json.h"


/* told in one answer: enough to mend a form by */
#define NGX_HTTP_PITCHEY_VIOLATIONS  100

typedef struct {
    pt_buf_t          text;      /* [{"pointer","detail"}] */
    pt_jsonw_t        writer;
    ngx_uint_t        n;
    pt_str_t          prefix;    /* before each pointer */
    pt_json_error_t   error;     /* of a body that is no JSON */
    ngx_uint_t        broken;    /* it is not */
} ngx_http_pitchey_violations_t;


void ngx_http_pitchey_violations_init(ngx_http_pitchey_violations_t *v,
    const pt_mem_t *mem);

/* NULL: it is no JSON, which is noted, or there is no memory */
pt_json_t *ngx_http_pitchey_violations_parse(ngx_http_pitchey_violations_t *v,
    pt_str_t body);

/* the violation of a pt_schema_visitor_t whose ctx is v */
void ngx_http_pitchey_violations_add(void *ctx, pt_str_t pointer,
    pt_str_t detail);

/* NGX_DECLINED: there are none; else the request is answered, 400 or 422 */
ngx_int_t ngx_http_pitchey_violations_send(ngx_http_request_t *r,
    ngx_http_pitchey_violations_t *v);


#endif /* NGX_HTTP_PITCHEY_VIOLATIONS_H */
