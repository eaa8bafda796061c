/*
 * What every answer of our locations carries: X-Request-Id, nosniff, the CORS
 * headers, and where nginx itself answers with an error, a problem document
 * in the place of its page.
 */

#include "ngx_http_pitchey_filter.h"
#include "ngx_http_pitchey_cors.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_refresh.h"


static ngx_int_t ngx_http_pitchey_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_pitchey_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_uint_t ngx_http_pitchey_is_page(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static ngx_int_t
ngx_http_pitchey_header_filter(ngx_http_request_t *r)
{
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_loc_conf_t  *plcf;
    static ngx_str_t              nosniff = ngx_string("nosniff");

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (r != r->main || (!plcf->enable && !plcf->auth)) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_pitchey_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_pitchey_cors_headers(r, ctx) != NGX_OK
        || (ctx->refreshed && ngx_http_pitchey_refresh_cookie(r, ctx)
                              != NGX_OK))
    {
        return NGX_ERROR;
    }

    /* what another handler answers behind pitchey_auth is its own */
    if (!plcf->enable && !ctx->problem) {
        return ngx_http_next_header_filter(r);
    }

    if (ngx_http_pitchey_add_header(r, "X-Request-Id", &ctx->request_id)
        != NGX_OK
        || ngx_http_pitchey_add_header(r, "X-Content-Type-Options", &nosniff)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_pitchey_is_page(r, ctx)) {
        ctx->page = ngx_http_pitchey_problem_page(r, r->headers_out.status);
        if (ctx->page == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_http_next_header_filter(r);
}


/*
 * nginx's own page of an error: neither a problem of ours, nor the page that
 * an operator's error_page leads to.
 */
static ngx_uint_t
ngx_http_pitchey_is_page(ngx_http_request_t *r, ngx_http_pitchey_ctx_t *ctx)
{
    return r->err_status >= NGX_HTTP_BAD_REQUEST
           && !r->error_page
           && !ctx->problem;
}


/* the page's buffers are dropped, and the document goes out in their place */
static ngx_int_t
ngx_http_pitchey_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t               *b;
    ngx_chain_t              out;
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    if (ctx == NULL || ctx->page == NULL || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for ( /* void */ ; in; in = in->next) {
        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;
    }

    b = ctx->page;

    if (b->last_buf) {
        /* it went out with the page's first buffers */
        return ngx_http_next_body_filter(r, NULL);
    }

    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


void
ngx_http_pitchey_filter_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_pitchey_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_pitchey_body_filter;
}
