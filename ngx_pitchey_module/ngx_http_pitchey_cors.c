/* CORS, and the refusal of cross-site changes. */

#include "ngx_http_pitchey_cors.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_route.h"


/* bytes of Access-Control-Request-Headers that are allowed as they came */
#define NGX_HTTP_PITCHEY_CORS_HEADERS_MAX  1024


static ngx_int_t ngx_http_pitchey_cors_preflight(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);
static ngx_int_t ngx_http_pitchey_cors_preflight_headers(
    ngx_http_request_t *r);
static void ngx_http_pitchey_cors_check(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);
static ngx_uint_t ngx_http_pitchey_cors_matches(
    const ngx_http_pitchey_origin_t *origin, const ngx_str_t *text);
static ngx_uint_t ngx_http_pitchey_cors_is_change(ngx_http_request_t *r);
static ngx_uint_t ngx_http_pitchey_cors_is_cross_site(ngx_http_request_t *r);
static ngx_uint_t ngx_http_pitchey_cors_is_same_origin(ngx_http_request_t *r,
    const ngx_str_t *origin);


ngx_int_t
ngx_http_pitchey_cors_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_loc_conf_t  *plcf;

    ctx = ngx_http_pitchey_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r != r->main || ctx->auth_state != NGX_HTTP_PITCHEY_AUTH_NEW) {
        /* asked already: the phase goes on after a wait */
        return NGX_DECLINED;
    }

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    ngx_http_pitchey_cors_check(r, ctx);

    if (r->method == NGX_HTTP_OPTIONS
        && (plcf->enable || plcf->cors_origins != NULL)
        && ngx_http_pitchey_route_header(r, "access-control-request-method"))
    {
        return ngx_http_pitchey_cors_preflight(r, ctx);
    }

    if (ctx->cors_allowed
        || !ngx_http_pitchey_cors_is_change(r)
        || !ngx_http_pitchey_cors_is_cross_site(r))
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_pitchey_problem(r, NGX_HTTP_FORBIDDEN, "cross_site",
                                  "the origin of this page may change nothing "
                                  "here");
    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


/* 204 for any origin; only a listed one finds its leave in the headers, or who
 * asks for what is open to all */
static ngx_int_t
ngx_http_pitchey_cors_preflight(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx)
{
    if ((ctx->cors_allowed || ngx_http_pitchey_route_is_open(r))
        && ngx_http_pitchey_cors_preflight_headers(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    ngx_http_finalize_request(r, ngx_http_send_header(r));

    return NGX_DONE;
}


static ngx_int_t
ngx_http_pitchey_cors_preflight_headers(ngx_http_request_t *r)
{
    ngx_str_t         *asked, *allowed;

    static ngx_str_t  methods = ngx_string("GET, HEAD, POST, PUT, PATCH, "
                                           "DELETE");
    static ngx_str_t  headers = ngx_string("Authorization, Content-Type");
    static ngx_str_t  vary = ngx_string("Access-Control-Request-Headers");

    /* s; no browser keeps it longer */
    static ngx_str_t  max_age = ngx_string("7200");

    /* a page that is listed may send what it likes: tracing headers, say */
    asked = ngx_http_pitchey_route_header(r, "access-control-request-headers");
    allowed = asked && asked->len <= NGX_HTTP_PITCHEY_CORS_HEADERS_MAX
              ? asked : &headers;

    if (ngx_http_pitchey_add_header(r, "Access-Control-Allow-Methods",
                                    &methods) != NGX_OK
        || ngx_http_pitchey_add_header(r, "Access-Control-Allow-Headers",
                                       allowed) != NGX_OK
        || ngx_http_pitchey_add_header(r, "Access-Control-Max-Age",
                                       &max_age) != NGX_OK
        || ngx_http_pitchey_add_header(r, "Vary", &vary) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_pitchey_cors_headers(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx)
{
    ngx_str_t                    *origin;
    ngx_http_pitchey_loc_conf_t  *plcf;

    static ngx_str_t  vary = ngx_string("Origin");
    static ngx_str_t  yes = ngx_string("true");
    static ngx_str_t  any = ngx_string("*");
    static ngx_str_t  exposed = ngx_string("Location, ETag, Retry-After, "
        "RateLimit, RateLimit-Policy, "
        "Content-Disposition, Content-Range, Accept-Ranges, X-Request-Id, "
        "Content-Location, Pitchey-File-Id, Tus-Resumable, Tus-Version, "
        "Tus-Extension, Tus-Max-Size, Upload-Offset, Upload-Length, "
        "Upload-Metadata, Upload-Expires");

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (!plcf->enable && plcf->cors_origins == NULL) {
        return NGX_OK;
    }

    /* no page reads the headers of a handshake, and each WebSocket keeps its */
    if (r->headers_out.status == NGX_HTTP_SWITCHING_PROTOCOLS) {
        return NGX_OK;
    }

    if (ngx_http_pitchey_add_header(r, "Vary", &vary) != NGX_OK) {
        return NGX_ERROR;
    }

    /* an error may have come before PREACCESS */
    ngx_http_pitchey_cors_check(r, ctx);

    origin = ngx_http_pitchey_route_header(r, "origin");

    if (!ctx->cors_allowed) {

        /* such an answer is the same for everybody: no credentials */

        if (origin == NULL || !ngx_http_pitchey_route_is_open(r)) {
            return NGX_OK;
        }

        if (ngx_http_pitchey_add_header(r, "Access-Control-Allow-Origin",
                                        &any) != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ngx_http_pitchey_add_header(r, "Access-Control-Expose-Headers",
                                           &exposed);
    }

    if (ngx_http_pitchey_add_header(r, "Access-Control-Allow-Origin", origin)
        != NGX_OK
        || ngx_http_pitchey_add_header(r, "Access-Control-Allow-Credentials",
                                       &yes) != NGX_OK
        || ngx_http_pitchey_add_header(r, "Access-Control-Expose-Headers",
                                       &exposed) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_pitchey_cors_check(ngx_http_request_t *r, ngx_http_pitchey_ctx_t *ctx)
{
    ngx_str_t                    *text;
    ngx_uint_t                    i;
    ngx_http_pitchey_origin_t    *origins;
    ngx_http_pitchey_loc_conf_t  *plcf;

    if (ctx->cors_checked) {
        return;
    }

    ctx->cors_checked = 1;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);
    text = ngx_http_pitchey_route_header(r, "origin");

    if (text == NULL || plcf->cors_origins == NULL) {
        return;
    }

    origins = plcf->cors_origins->elts;

    for (i = 0; i < plcf->cors_origins->nelts; i++) {
        if (ngx_http_pitchey_cors_matches(&origins[i], text)) {
            ctx->cors_allowed = 1;
            return;
        }
    }
}


/* browsers send origins in lower case; the labels that a wildcard stands for
 * are those of a host name, so that nothing else can end in its suffix */
static ngx_uint_t
ngx_http_pitchey_cors_matches(const ngx_http_pitchey_origin_t *origin,
    const ngx_str_t *text)
{
    u_char  *p, *last;
    size_t   rest;

    if (text->len <= origin->scheme.len
        || ngx_memcmp(text->data, origin->scheme.data, origin->scheme.len)
           != 0)
    {
        return 0;
    }

    p = text->data + origin->scheme.len;
    last = text->data + text->len;
    rest = last - p;

    if (!origin->wildcard) {
        return rest == origin->host.len
               && ngx_memcmp(p, origin->host.data, rest) == 0;
    }

    if (rest <= origin->host.len
        || ngx_memcmp(last - origin->host.len, origin->host.data,
                      origin->host.len) != 0)
    {
        return 0;
    }

    for (last -= origin->host.len; p < last; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')
              || *p == '-' || *p == '.'))
        {
            return 0;
        }
    }

    return 1;
}


/* a WebSocket is opened by GET, without a preflight, and with the cookie */
static ngx_uint_t
ngx_http_pitchey_cors_is_change(ngx_http_request_t *r)
{
    return !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS))
           || r->headers_in.upgrade != NULL;
}


static ngx_uint_t
ngx_http_pitchey_cors_is_cross_site(ngx_http_request_t *r)
{
    ngx_str_t   *origin, *site;
    ngx_uint_t   cross;

    site = ngx_http_pitchey_route_header(r, "sec-fetch-site");
    cross = site && site->len == 10
            && ngx_strncasecmp(site->data, (u_char *) "cross-site", 10) == 0;

    origin = ngx_http_pitchey_route_header(r, "origin");

    if (origin == NULL || cross) {
        /* without an Origin it is no browser, or an old one's form */
        return cross;
    }

    return !ngx_http_pitchey_cors_is_same_origin(r, origin);
}


/*
 * The origin's host and port are those of the request.  The scheme is compared
 * where TLS ends here; before a proxy that ends it either may be right.
 */
static ngx_uint_t
ngx_http_pitchey_cors_is_same_origin(ngx_http_request_t *r,
    const ngx_str_t *origin)
{
    ngx_str_t   host, own, port;
    ngx_uint_t  secure;

    if (r->headers_in.host == NULL) {
        return 0;
    }

    host = *origin;
    own = r->headers_in.host->value;

    if (host.len > 8 && ngx_strncmp(host.data, "https://", 8) == 0) {
        secure = 1;
        host.data += 8;
        host.len -= 8;
        ngx_str_set(&port, ":443");

    } else if (host.len > 7 && ngx_strncmp(host.data, "http://", 7) == 0) {
        secure = 0;
        host.data += 7;
        host.len -= 7;
        ngx_str_set(&port, ":80");

    } else {
        return 0;
    }

#if (NGX_HTTP_SSL)
    if (r->connection->ssl != NULL && !secure) {
        return 0;
    }
#else
    (void) secure;
#endif

    if (own.len > port.len
        && ngx_memcmp(own.data + own.len - port.len, port.data, port.len) == 0)
    {
        own.len -= port.len;
    }

    return own.len == host.len
           && ngx_strncasecmp(own.data, host.data, host.len) == 0;
}


char *
ngx_http_pitchey_cors_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char                       *p, *last, *slashes;
    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_http_pitchey_origin_t    *origin;
    ngx_http_pitchey_loc_conf_t  *plcf = conf;

    if (plcf->cors_origins == NGX_CONF_UNSET_PTR) {
        plcf->cors_origins = ngx_array_create(cf->pool, 4,
                                           sizeof(ngx_http_pitchey_origin_t));
        if (plcf->cors_origins == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        origin = ngx_array_push(plcf->cors_origins);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(origin, sizeof(ngx_http_pitchey_origin_t));
        ngx_strlow(value[i].data, value[i].data, value[i].len);

        last = value[i].data + value[i].len;
        slashes = (u_char *) ngx_strstr(value[i].data, "://");

        if (slashes == NULL || slashes == value[i].data) {
            goto invalid;
        }

        origin->scheme.data = value[i].data;
        origin->scheme.len = slashes + 3 - value[i].data;

        p = slashes + 3;

        if (last - p > 2 && p[0] == '*' && p[1] == '.') {
            origin->wildcard = 1;
            p++;
        }

        origin->host.data = p;
        origin->host.len = last - p;

        if (origin->host.len <= origin->wildcard) {
            goto invalid;
        }

        for ( /* void */ ; p < last; p++) {
            if (*p <= ' ' || *p == '/' || *p == '*' || *p == ',') {
                goto invalid;
            }
        }
    }

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" is \"SCHEME://HOST[:PORT]\" or "
                       "\"SCHEME://*.HOST[:PORT]\", not \"%V\"",
                       &cmd->name, &value[i]);

    return NGX_CONF_ERROR;
}
