/* Secrets taken out of a body. */

#include "ngx_http_pitchey_secrets.h"
#include "pt_wire.h"


/* bytes of the pointers of one job */
#define NGX_HTTP_PITCHEY_SECRETS_MAX  (1u << 20)


void
ngx_http_pitchey_secrets_init(pt_buf_t *pointers)
{
    pt_buf_init(pointers, &pt_mem_heap, NGX_HTTP_PITCHEY_SECRETS_MAX);
}


void
ngx_http_pitchey_secrets_note(pt_buf_t *pointers, pt_str_t pointer)
{
    /* no member's name has a NUL: it separates */
    pt_buf_add_str(pointers, pointer);
    pt_buf_add_char(pointers, '\0');
}


pt_err_t
ngx_http_pitchey_secrets_take(const pt_buf_t *pointers, pt_json_t *params,
    const pt_mem_t *mem, pt_str_t *ret_secrets)
{
    pt_buf_t     text;
    pt_jsonw_t   w;
    const char  *p, *last;

    if (pointers->err != PT_OK) {
        return pointers->err;
    }

    if (pointers->len == 0) {
        return PT_OK;
    }

    pt_buf_init(&text, mem, PT_JSON_FRAME_MAX);
    pt_jsonw_init(&w, &text);
    pt_jsonw_object(&w);

    p = pointers->data;
    last = p + pointers->len;

    for ( /* void */ ; p < last; p += strlen(p) + 1) {
        pt_secret_take(params, pt_str(p), &w);
    }

    pt_jsonw_end(&w);

    if (text.err != PT_OK) {
        return text.err;
    }

    if (text.len > 2) {
        *ret_secrets = pt_buf_str(&text);
    }

    return PT_OK;
}
