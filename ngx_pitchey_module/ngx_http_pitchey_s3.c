/* Stored files that are in a bucket. */

#include "ngx_http_pitchey_s3.h"
#include "ngx_http_pitchey_cors.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_problem.h"

#include "pt_wire.h"


#define NGX_HTTP_PITCHEY_S3_URI_MAX  8192
#define NGX_HTTP_PITCHEY_S3_EXPIRES  300         /* s */
#define NGX_HTTP_PITCHEY_S3_WEEK     604800      /* S3's own limit */


static const char *ngx_http_pitchey_s3_option(ngx_http_pitchey_s3_t *s3,
    ngx_str_t *word, ngx_uint_t *known);
static ngx_int_t ngx_http_pitchey_s3_finish(ngx_conf_t *cf,
    ngx_http_pitchey_s3_t *s3);
static void ngx_http_pitchey_s3_wipe(void *data);
static ngx_int_t ngx_http_pitchey_s3_unset(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_pitchey_s3_sign(ngx_http_request_t *r,
    ngx_http_pitchey_s3_t *s3, pt_str_t key, const pt_s3_param_t *overrides,
    ngx_str_t *ret_uri);
static char *ngx_http_pitchey_s3_text(ngx_http_request_t *r, pt_str_t s);
static ngx_int_t ngx_http_pitchey_s3_redirect(ngx_http_request_t *r,
    ngx_http_pitchey_s3_t *s3, const ngx_str_t *uri);
static ngx_int_t ngx_http_pitchey_s3_proxy(ngx_http_request_t *r,
    ngx_http_pitchey_s3_t *s3, const ngx_str_t *uri);
static void ngx_http_pitchey_s3_set(ngx_http_request_t *r, ngx_int_t index,
    const ngx_str_t *value);


char *
ngx_http_pitchey_s3(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *value;
    pt_str_t                     *words;
    pt_s3_t                       place;
    ngx_uint_t                    i, n, known;
    const char                   *why;
    ngx_http_pitchey_s3_t        *s3;
    ngx_http_pitchey_loc_conf_t  *plcf = conf;

    if (plcf->s3 != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        plcf->s3 = NULL;
        return NGX_CONF_OK;
    }

    s3 = ngx_pcalloc(cf->pool, sizeof(ngx_http_pitchey_s3_t));
    words = ngx_pcalloc(cf->pool, cf->args->nelts * sizeof(pt_str_t));
    if (s3 == NULL || words == NULL) {
        return NGX_CONF_ERROR;
    }

    s3->expires = NGX_HTTP_PITCHEY_S3_EXPIRES;
    s3->redirect = 1;
    ngx_str_set(&s3->proxy, "@pitchey_s3");

    /* our own options, and the place's */

    for (i = 1, n = 0, why = NULL; i < cf->args->nelts && why == NULL; i++) {
        why = ngx_http_pitchey_s3_option(s3, &value[i], &known);

        if (!known) {
            words[n++] = ngx_http_pitchey_pt_str(&value[i]);
        }
    }

    if (why == NULL && pt_s3_parse(words, n, &place, &why) == PT_OK) {
        s3->s3 = place;
        why = NULL;

        if (pt_s3_credentials(&s3->s3, &why) == PT_OK) {
            why = NULL;
        }
    }

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\": %s",
                           &cmd->name, why);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_pitchey_s3_finish(cf, s3) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    plcf->s3 = s3;

    return NGX_CONF_OK;
}


/* NULL, or what is wrong */
static const char *
ngx_http_pitchey_s3_option(ngx_http_pitchey_s3_t *s3, ngx_str_t *word,
    ngx_uint_t *known)
{
    ngx_str_t  value;

    *known = 1;

    if (ngx_strcmp(word->data, "mode=redirect") == 0) {
        s3->redirect = 1;
        return NULL;
    }

    if (ngx_strcmp(word->data, "mode=proxy") == 0) {
        s3->redirect = 0;
        return NULL;
    }

    if (ngx_strncmp(word->data, "mode=", 5) == 0) {
        return "mode= is redirect or proxy";
    }

    if (ngx_strncmp(word->data, "proxy=", 6) == 0) {
        s3->proxy.data = word->data + 6;
        s3->proxy.len = word->len - 6;

        return s3->proxy.len > 1 && s3->proxy.data[0] == '@'
               ? NULL : "proxy= is a named location, such as @pitchey_s3";
    }

    if (ngx_strncmp(word->data, "expires=", 8) == 0) {
        value.data = word->data + 8;
        value.len = word->len - 8;
        s3->expires = ngx_parse_time(&value, 1);

        return s3->expires >= 1 && s3->expires <= NGX_HTTP_PITCHEY_S3_WEEK
               ? NULL : "expires= is a time from 1s to 7d";
    }

    *known = 0;

    return NULL;
}


static ngx_int_t
ngx_http_pitchey_s3_finish(ngx_conf_t *cf, ngx_http_pitchey_s3_t *s3)
{
    pt_buf_t             host;
    const pt_mem_t      *mem;
    ngx_pool_cleanup_t  *cln;

    /* a configuration's memory may be read when it is given back */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    mem = ngx_http_pitchey_mem(cf->pool);

    if (cln == NULL || mem == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_pitchey_s3_wipe;
    cln->data = s3;

    pt_buf_init(&host, mem, NGX_HTTP_PITCHEY_S3_URI_MAX);
    pt_s3_host(&s3->s3, &host);

    s3->endpoint.data = ngx_pnalloc(cf->pool, host.len + sizeof("https://"));

    if (host.err != PT_OK || s3->endpoint.data == NULL) {
        return NGX_ERROR;
    }

    s3->host.data = (u_char *) host.data;
    s3->host.len = host.len;
    s3->endpoint.len = ngx_sprintf(s3->endpoint.data, "%s://%V",
                                   s3->s3.scheme, &s3->host)
                       - s3->endpoint.data;

    return NGX_OK;
}


static void
ngx_http_pitchey_s3_wipe(void *data)
{
    ngx_http_pitchey_s3_t  *s3 = data;

    pt_s3_done(&s3->s3);
}


ngx_int_t
ngx_http_pitchey_s3_variables(ngx_conf_t *cf,
    ngx_http_pitchey_main_conf_t *pmcf)
{
    ngx_uint_t            i;
    ngx_http_variable_t  *var;

    static ngx_str_t  names[] = {
        ngx_string("pitchey_storage_uri"), ngx_string("pitchey_storage_host")
    };

    for (i = 0; i < 2; i++) {
        var = ngx_http_add_variable(cf, &names[i], 0);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_pitchey_s3_unset;

        pmcf->s3_variables[i] = ngx_http_get_variable_index(cf, &names[i]);
        if (pmcf->s3_variables[i] == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* their values are put in place, and outlive the jump to another location,
 * which a context does not */
static ngx_int_t
ngx_http_pitchey_s3_unset(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    v->not_found = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_pitchey_s3_serve(ngx_http_request_t *r, pt_str_t key, pt_str_t type,
    const ngx_str_t *disposition, const ngx_str_t *cache)
{
    ngx_int_t                     rc;
    ngx_str_t                     uri;
    ngx_uint_t                    playlist;
    pt_s3_param_t                 overrides[3];
    ngx_http_pitchey_s3_t        *s3;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);
    s3 = plcf->s3;

    overrides[0].name = "response-cache-control";
    overrides[0].value = ngx_http_pitchey_s3_text(r,
                                          ngx_http_pitchey_pt_str(cache));
    overrides[1].name = "response-content-disposition";
    overrides[1].value = ngx_http_pitchey_s3_text(r,
                                    ngx_http_pitchey_pt_str(disposition));
    overrides[2].name = "response-content-type";
    overrides[2].value = ngx_http_pitchey_s3_text(r, type);

    rc = ngx_http_pitchey_s3_sign(r, s3, key, overrides, &uri);
    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    playlist = pt_str_is(type, "application/vnd.apple.mpegurl")
               || pt_str_is(type, "application/dash+xml");

    return s3->redirect && !playlist
           ? ngx_http_pitchey_s3_redirect(r, s3, &uri)
           : ngx_http_pitchey_s3_proxy(r, s3, &uri);
}


static ngx_int_t
ngx_http_pitchey_s3_sign(ngx_http_request_t *r, ngx_http_pitchey_s3_t *s3,
    pt_str_t key, const pt_s3_param_t *overrides, ngx_str_t *ret_uri)
{
    pt_buf_t          target;
    ngx_uint_t        i;
    const pt_mem_t   *mem;
    pt_s3_request_t   request;

    ngx_memzero(&request, sizeof(pt_s3_request_t));

    request.method = r->method == NGX_HTTP_HEAD ? "HEAD" : "GET";
    request.key = ngx_http_pitchey_s3_text(r, key);
    mem = ngx_http_pitchey_mem(r->pool);

    if (request.key == NULL || mem == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < 3; i++) {
        if (overrides[i].value == NULL) {
            return NGX_ERROR;
        }

        request.query[request.nquery++] = overrides[i];
    }

    pt_buf_init(&target, mem, NGX_HTTP_PITCHEY_S3_URI_MAX);

    if (pt_s3_presign(&s3->s3, &request, ngx_time(), (unsigned) s3->expires,
                      &target)
        != PT_OK)
    {
        return NGX_ERROR;
    }

    ret_uri->data = (u_char *) target.data;
    ret_uri->len = target.len;

    return NGX_OK;
}


static char *
ngx_http_pitchey_s3_text(ngx_http_request_t *r, pt_str_t s)
{
    char  *text;

    text = ngx_pnalloc(r->pool, s.len + 1);

    if (text) {
        ngx_memcpy(text, s.data, s.len);
        text[s.len] = '\0';
    }

    return text;
}


static ngx_int_t
ngx_http_pitchey_s3_redirect(ngx_http_request_t *r, ngx_http_pitchey_s3_t *s3,
    const ngx_str_t *uri)
{
    u_char           *p;
    ngx_table_elt_t  *location;
    static ngx_str_t  no_store = ngx_string("no-store");

    location = ngx_list_push(&r->headers_out.headers);
    p = ngx_pnalloc(r->pool, s3->endpoint.len + uri->len);

    if (location == NULL || p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(location, sizeof(ngx_table_elt_t));

    location->hash = 1;
    ngx_str_set(&location->key, "Location");
    location->value.data = p;
    location->value.len = s3->endpoint.len + uri->len;

    ngx_memcpy(ngx_cpymem(p, s3->endpoint.data, s3->endpoint.len), uri->data,
               uri->len);

    /* whoever has the address has the file: it is for this client, now */

    if (ngx_http_pitchey_add_header(r, "Cache-Control", &no_store) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_MOVED_TEMPORARILY;
    r->headers_out.content_length_n = 0;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


static ngx_int_t
ngx_http_pitchey_s3_proxy(ngx_http_request_t *r, ngx_http_pitchey_s3_t *s3,
    const ngx_str_t *uri)
{
    ngx_str_t                      name;
    ngx_http_pitchey_ctx_t        *ctx;
    ngx_http_pitchey_main_conf_t  *pmcf;

    static ngx_str_t  sandbox = ngx_string("sandbox");
    static ngx_str_t  nosniff = ngx_string("nosniff");

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    pmcf = ngx_http_get_module_main_conf(r, ngx_http_pitchey_module);

    /* our header filter does not see that location: now, what it would add */

    if (ngx_http_pitchey_cors_headers(r, ctx) != NGX_OK
        || ngx_http_pitchey_add_header(r, "X-Request-Id", &ctx->request_id)
           != NGX_OK
        || ngx_http_pitchey_add_header(r, "X-Content-Type-Options", &nosniff)
           != NGX_OK
        || ngx_http_pitchey_add_header(r, "Content-Security-Policy", &sandbox)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_pitchey_s3_set(r, pmcf->s3_variables[0], uri);
    ngx_http_pitchey_s3_set(r, pmcf->s3_variables[1], &s3->host);

    name = s3->proxy;

    return ngx_http_named_location(r, &name);
}


static void
ngx_http_pitchey_s3_set(ngx_http_request_t *r, ngx_int_t index,
    const ngx_str_t *value)
{
    ngx_http_variable_value_t  *vv;

    vv = &r->variables[index];

    vv->data = value->data;
    vv->len = value->len;
    vv->valid = 1;
    vv->no_cacheable = 0;
    vv->not_found = 0;
}
