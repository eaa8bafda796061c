/*
 * The session of a request, in PREACCESS: before limit_req and limit_conn, so
 * that their keys may be $pitchey_user_id.
 */

#include "ngx_http_pitchey_auth.h"
#include "ngx_http_pitchey_identity.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_refresh.h"
#include "ngx_http_pitchey_revocation.h"
#include "ngx_http_pitchey_route.h"
#include "ngx_http_pitchey_session.h"
#include "ngx_http_pitchey_snapshot.h"
#include "ngx_http_pitchey_verified.h"


/* of a copy: the library writes no more, and nginx takes fewer */
#define NGX_HTTP_PITCHEY_AUTH_CHUNKS  100

/* what a value was verified as */
#define NGX_HTTP_PITCHEY_AUTH_COOKIE  'c'
#define NGX_HTTP_PITCHEY_AUTH_BEARER  'b'


/* of a request that waits for the database */
typedef struct {
    ngx_http_request_t         *request;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_waiter_t   waiter;
    unsigned                    waiting:1;
} ngx_http_pitchey_auth_t;


static ngx_int_t ngx_http_pitchey_auth_lookup(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);
static ngx_int_t ngx_http_pitchey_auth_token(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);
static ngx_int_t ngx_http_pitchey_auth_cookie(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);
static ngx_int_t ngx_http_pitchey_auth_verify(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx, char kind, pt_str_t value);
static bool ngx_http_pitchey_auth_signed(ngx_http_pitchey_loc_conf_t *plcf,
    char kind, pt_str_t value, char *buf, pt_str_t *ret_token);
static ngx_int_t ngx_http_pitchey_auth_copy_value(ngx_http_request_t *r,
    ngx_str_t *name, pt_str_t *ret_value);
static ngx_int_t ngx_http_pitchey_auth_wait(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);
static void ngx_http_pitchey_auth_resume(ngx_http_pitchey_waiter_t *waiter,
    ngx_int_t rc, const ngx_http_pitchey_user_t *user, ngx_msec_t time);
static void ngx_http_pitchey_auth_cleanup(void *data);
static ngx_int_t ngx_http_pitchey_auth_verdict(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);


/* the names that the library gives its cookies, plain and over TLS */
static ngx_http_pitchey_cookies_t  ngx_http_pitchey_default_cookies[] = {
    { ngx_string("better-auth.session_token"),
      ngx_string("better-auth.session_data"),
      ngx_string("better-auth.dont_remember") },
    { ngx_string("__Secure-better-auth.session_token"),
      ngx_string("__Secure-better-auth.session_data"),
      ngx_string("__Secure-better-auth.dont_remember") }
};


ngx_int_t
ngx_http_pitchey_auth_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    ctx = ngx_http_pitchey_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (plcf->enable && ngx_http_pitchey_route_is_public(r)) {
        return NGX_DECLINED;
    }

    switch (ctx->auth_state) {

    case NGX_HTTP_PITCHEY_AUTH_WAITING:
        return NGX_AGAIN;

    case NGX_HTTP_PITCHEY_AUTH_DONE:
        return ngx_http_pitchey_auth_verdict(r, ctx);

    default:
        break;
    }

    ctx->auth_state = NGX_HTTP_PITCHEY_AUTH_DONE;

    rc = ngx_http_pitchey_auth_token(r, ctx);

    if (rc == NGX_OK) {
        rc = ngx_http_pitchey_auth_lookup(r, ctx);
    }

    switch (rc) {

    case NGX_OK:
        ctx->auth_status = NGX_OK;
        break;

    case NGX_DECLINED:
        ctx->auth_status = NGX_HTTP_UNAUTHORIZED;
        break;

    case NGX_AGAIN:
        return ngx_http_pitchey_auth_wait(r, ctx);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_auth_verdict(r, ctx);
}


/*
 * Whose token it is, as far as that is known without the database.
 * NGX_DECLINED: nobody's; NGX_AGAIN: the database has to be asked
 */
static ngx_int_t
ngx_http_pitchey_auth_lookup(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx)
{
    ngx_int_t                      rc;
    ngx_http_pitchey_loc_conf_t   *plcf;
    ngx_http_pitchey_main_conf_t  *pmcf;

    pmcf = ngx_http_get_module_main_conf(r, ngx_http_pitchey_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    ctx->session_heard = ngx_http_pitchey_revocation_heard();

    rc = ngx_http_pitchey_session_cached(pmcf, ctx->token_hash, r->pool,
                                         &ctx->user, &ctx->session_time);
    if (rc == NGX_OK) {
        ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_SESSION_HITS);
        ngx_http_pitchey_refresh(r, ctx);
    }

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (plcf->cookie_cache == NGX_HTTP_PITCHEY_CACHE_TRUST) {
        rc = ngx_http_pitchey_auth_copy(r, ctx, &ctx->user);

        if (rc == NGX_OK || rc == NGX_ERROR) {
            ctx->session_time = ngx_current_msec;
            return rc;
        }
    }

    if (ngx_http_pitchey_session_absent(pmcf, ctx->token_hash)) {
        ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_SESSION_HITS);
        return NGX_DECLINED;
    }

    ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_SESSION_MISSES);

    return NGX_AGAIN;
}


/*
 * The token that the request shows, its signature verified, and its hash.
 * NGX_DECLINED: there is none
 */
static ngx_int_t
ngx_http_pitchey_auth_token(ngx_http_request_t *r, ngx_http_pitchey_ctx_t *ctx)
{
    ngx_int_t                     rc;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (plcf->secret.len == 0 && !plcf->unsigned_cookie) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if (r->headers_in.authorization != NULL
        && plcf->secret.len != 0
        && plcf->bearer != NGX_HTTP_PITCHEY_BEARER_OFF)
    {
        rc = ngx_http_pitchey_auth_verify(r, ctx,
                                          NGX_HTTP_PITCHEY_AUTH_BEARER,
                         ngx_http_pitchey_pt_str(
                                     &r->headers_in.authorization->value));
    }

    if (rc == NGX_DECLINED) {
        rc = ngx_http_pitchey_auth_cookie(r, ctx);
    }

    return rc;
}


/*
 * Without a configured name both of the library's names are looked at, first
 * the one of the scheme: a proxy in front may have ended TLS.  The first name
 * that is there decides.
 */
static ngx_int_t
ngx_http_pitchey_auth_cookie(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx)
{
    pt_str_t                      value;
    ngx_uint_t                    secure;
    ngx_http_pitchey_cookies_t   *cookies;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);
    cookies = plcf->cookies;

    if (cookies != ngx_http_pitchey_default_cookies) {
        if (!ngx_http_pitchey_auth_cookie_value(r, &cookies->session, &value))
        {
            return NGX_DECLINED;
        }

    } else {
        secure = 0;

#if (NGX_HTTP_SSL)
        secure = (r->connection->ssl != NULL);
#endif

        cookies += secure;

        if (!ngx_http_pitchey_auth_cookie_value(r, &cookies->session, &value))
        {
            cookies = &plcf->cookies[!secure];

            if (!ngx_http_pitchey_auth_cookie_value(r, &cookies->session,
                                                    &value))
            {
                return NGX_DECLINED;
            }
        }
    }

    ctx->cookies = cookies;

    return ngx_http_pitchey_auth_verify(r, ctx, NGX_HTTP_PITCHEY_AUTH_COOKIE,
                                        value);
}


/* what this worker has verified before is not calculated again */
static ngx_int_t
ngx_http_pitchey_auth_verify(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx, char kind, pt_str_t value)
{
    bool                          known, found;
    char                         *buf;
    pt_str_t                      token;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    known = ngx_http_pitchey_verified_find(plcf->scope, kind, value, &token,
                                           ctx->token_hash);

    /* the token alone, or room for all that the value may be decoded to */
    buf = ngx_pnalloc(r->pool, known ? token.len : value.len + 1);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    if (known) {
        ngx_memcpy(buf, token.data, token.len);

        ctx->token.data = (u_char *) buf;
        ctx->token.len = token.len;
        ctx->anybody = 0;

        return NGX_OK;
    }

    if (kind == NGX_HTTP_PITCHEY_AUTH_COOKIE && plcf->unsigned_cookie) {
        found = ngx_http_pitchey_token_plain(value, buf, &token);
        ctx->anybody = 1;

    } else {
        found = ngx_http_pitchey_auth_signed(plcf, kind, value, buf, &token);

        /* no dot, no signature */
        ctx->anybody = memchr(value.data, '.', value.len) == NULL;
    }

    if (!found) {
        return NGX_DECLINED;
    }

    ctx->token = ngx_http_pitchey_ngx_str(token);

    ngx_http_pitchey_token_hash(token, ctx->token_hash);

    /* what anybody can make would push the others out */
    if (!ctx->anybody) {
        ngx_http_pitchey_verified_add(plcf->scope, kind, value, token,
                                      ctx->token_hash);
    }

    return NGX_OK;
}


/* with the current secret as the library does; with older ones if allowed */
static bool
ngx_http_pitchey_auth_signed(ngx_http_pitchey_loc_conf_t *plcf, char kind,
    pt_str_t value, char *buf, pt_str_t *ret_token)
{
    bool        found;
    pt_str_t    secret;
    ngx_str_t  *old;
    ngx_uint_t  i, n;

    old = NULL;
    n = 0;

    if (plcf->accept_old && plcf->old_secrets != NULL) {
        old = plcf->old_secrets->elts;
        n = plcf->old_secrets->nelts;
    }

    for (i = 0; i <= n; i++) {
        secret = ngx_http_pitchey_pt_str(i == 0 ? &plcf->secret : &old[i - 1]);

        found = (kind == NGX_HTTP_PITCHEY_AUTH_BEARER)
                ? ngx_http_pitchey_token_bearer(secret, value,
                           plcf->bearer == NGX_HTTP_PITCHEY_BEARER_SIGNED,
                           buf, ret_token)
                : ngx_http_pitchey_token_verify(secret, value, buf, ret_token);

        if (found) {
            return true;
        }
    }

    return false;
}


ngx_uint_t
ngx_http_pitchey_auth_cookie_value(ngx_http_request_t *r, ngx_str_t *name,
    pt_str_t *value)
{
    ngx_uint_t         i;
    ngx_table_elt_t  **h;

    h = r->headers_in.cookies.elts;

    for (i = 0; i < r->headers_in.cookies.nelts; i++) {
        if (ngx_http_pitchey_token_cookie(
                   (pt_str_t) { (char *) h[i]->value.data, h[i]->value.len },
                   (pt_str_t) { (char *) name->data, name->len }, value))
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_pitchey_auth_copy(ngx_http_request_t *r, ngx_http_pitchey_ctx_t *ctx,
    ngx_http_pitchey_user_t *user)
{
    char                         *buf;
    pt_str_t                      value;
    ngx_int_t                     rc;
    ngx_str_t                     arg;
    const pt_mem_t               *mem;
    ngx_http_pitchey_loc_conf_t  *plcf;
    ngx_http_pitchey_snapshot_t   copy;

    static ngx_str_t  admin = ngx_string("admin");

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    /* as the library is told to look at the row */
    if (plcf->secret.len == 0
        || (ngx_http_arg(r, (u_char *) "disableCookieCache",
                         sizeof("disableCookieCache") - 1, &arg) == NGX_OK
            && arg.len == 4 && ngx_strncmp(arg.data, "true", 4) == 0))
    {
        return NGX_ABORT;
    }

    rc = ngx_http_pitchey_auth_copy_value(r, ctx->cookies
                                             ? &ctx->cookies->data
                                             : &plcf->cookies->data, &value);
    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_ABORT : rc;
    }

    mem = ngx_http_pitchey_mem(r->pool);
    buf = ngx_pnalloc(r->pool, value.len + 1);

    if (mem == NULL || buf == NULL) {
        return NGX_ERROR;
    }

    if (!ngx_http_pitchey_snapshot_read(ngx_http_pitchey_pt_str(&plcf->secret),
                               value, ngx_http_pitchey_pt_str(&ctx->token),
                               ngx_http_pitchey_pt_str(&plcf->cache_version),
                               ngx_http_pitchey_session_now(), buf, mem,
                               &copy))
    {
        return NGX_DECLINED;
    }

    user->session_id = ngx_http_pitchey_ngx_str(copy.session_id);
    user->id = ngx_http_pitchey_ngx_str(copy.user_id);
    user->email = ngx_http_pitchey_ngx_str(copy.email);
    user->role = ngx_http_pitchey_ngx_str(copy.role);
    user->user_type = ngx_http_pitchey_ngx_str(copy.user_type);
    user->tier = ngx_http_pitchey_ngx_str(copy.tier);
    user->organization_id = ngx_http_pitchey_ngx_str(copy.organization_id);
    user->expires_ms = copy.expires_ms;
    user->admin = ngx_http_pitchey_session_has_role(&user->role, &admin);

    return NGX_OK;
}


/*
 * The cookie, or its chunks NAME.0, NAME.1 and so on, whatever their order in
 * the header.  NGX_DECLINED: there is none
 */
static ngx_int_t
ngx_http_pitchey_auth_copy_value(ngx_http_request_t *r, ngx_str_t *name,
    pt_str_t *ret_value)
{
    char        *p;
    size_t       len;
    pt_str_t     chunks[NGX_HTTP_PITCHEY_AUTH_CHUNKS];
    ngx_str_t    chunk;
    ngx_uint_t   i, n;

    if (ngx_http_pitchey_auth_cookie_value(r, name, ret_value)
        && ret_value->len != 0)
    {
        return NGX_OK;
    }

    chunk.data = ngx_pnalloc(r->pool, name->len + 1 + NGX_INT_T_LEN);
    if (chunk.data == NULL) {
        return NGX_ERROR;
    }

    len = 0;

    for (n = 0; n < NGX_HTTP_PITCHEY_AUTH_CHUNKS; n++) {
        chunk.len = ngx_sprintf(chunk.data, "%V.%ui", name, n) - chunk.data;

        if (!ngx_http_pitchey_auth_cookie_value(r, &chunk, &chunks[n])) {
            break;
        }

        len += chunks[n].len;
    }

    if (len == 0) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *ret_value = (pt_str_t) { p, len };

    for (i = 0; i < n; i++) {
        p = (char *) ngx_cpymem(p, chunks[i].data, chunks[i].len);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_pitchey_auth_wait(ngx_http_request_t *r, ngx_http_pitchey_ctx_t *ctx)
{
    ngx_http_cleanup_t            *cln;
    ngx_http_pitchey_auth_t       *auth;
    ngx_http_pitchey_main_conf_t  *pmcf;

    pmcf = ngx_http_get_module_main_conf(r, ngx_http_pitchey_module);

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_pitchey_auth_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    auth = cln->data;
    ngx_memzero(auth, sizeof(ngx_http_pitchey_auth_t));
    cln->handler = ngx_http_pitchey_auth_cleanup;

    auth->request = r;
    auth->ctx = ctx;
    auth->waiter.handler = ngx_http_pitchey_auth_resume;
    auth->waiter.data = auth;

    if (ngx_http_pitchey_session_lookup(pmcf, ctx->token_hash,
                      (pt_str_t) { (char *) ctx->token.data, ctx->token.len },
                      ctx->anybody, &auth->waiter)
        != NGX_OK)
    {
        ctx->auth_status = ngx_http_pitchey_session_graced(pmcf,
                               ctx->token_hash, r->pool, &ctx->user,
                               &ctx->session_time) == NGX_OK
                           ? NGX_OK : NGX_HTTP_SERVICE_UNAVAILABLE;

        return ngx_http_pitchey_auth_verdict(r, ctx);
    }

    auth->waiting = 1;
    ctx->auth_state = NGX_HTTP_PITCHEY_AUTH_WAITING;

    /* a client that leaves is noticed, and the cleanup takes it off the list */
    if (r == r->main) {
        r->read_event_handler = ngx_http_test_reading;

        if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return NGX_AGAIN;
}


/* the database's answer: the phases go on where the handler left them */
static void
ngx_http_pitchey_auth_resume(ngx_http_pitchey_waiter_t *waiter, ngx_int_t rc,
    const ngx_http_pitchey_user_t *user, ngx_msec_t time)
{
    ngx_connection_t              *c;
    ngx_http_request_t            *r;
    ngx_http_pitchey_ctx_t        *ctx;
    ngx_http_pitchey_auth_t       *auth;
    ngx_http_pitchey_main_conf_t  *pmcf;

    auth = waiter->data;
    auth->waiting = 0;

    r = auth->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ctx = auth->ctx;
    pmcf = ngx_http_get_module_main_conf(r, ngx_http_pitchey_module);

    if (rc == NGX_OK) {
        ctx->session_time = time;
        rc = ngx_http_pitchey_session_copy(r->pool, user, &ctx->user);

        if (rc == NGX_OK) {
            ngx_http_pitchey_refresh(r, ctx);
        }

    } else if (rc == NGX_ERROR
               && ngx_http_pitchey_session_graced(pmcf, ctx->token_hash,
                                                  r->pool, &ctx->user,
                                                  &ctx->session_time)
                  == NGX_OK)
    {
        rc = NGX_OK;
    }

    ctx->auth_state = NGX_HTTP_PITCHEY_AUTH_DONE;

    switch (rc) {

    case NGX_OK:
        ctx->auth_status = NGX_OK;
        break;

    case NGX_DECLINED:
        ctx->auth_status = NGX_HTTP_UNAUTHORIZED;
        break;

    default:
        ctx->auth_status = NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    if (r == r->main) {
        r->read_event_handler = ngx_http_block_reading;
    }

    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_pitchey_auth_cleanup(void *data)
{
    ngx_http_pitchey_auth_t  *auth = data;

    if (auth->waiting) {
        ngx_queue_remove(&auth->waiter.queue);
    }
}


static ngx_int_t
ngx_http_pitchey_auth_verdict(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx)
{
    ngx_int_t                     rc;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    /* who cannot be identified is nobody where anybody may come in */
    if (ctx->auth_status != NGX_OK
        && !plcf->enable
        && plcf->auth == NGX_HTTP_PITCHEY_AUTH_OPTIONAL
        && plcf->require == NULL)
    {
        return NGX_DECLINED;
    }

    switch (ctx->auth_status) {

    case NGX_OK:
        if (ngx_http_pitchey_identity_may(r, ctx)) {
            return NGX_DECLINED;
        }

        rc = ngx_http_pitchey_problem(r, NGX_HTTP_FORBIDDEN, "forbidden",
                                      "this is for other users");
        break;

    case NGX_HTTP_UNAUTHORIZED:
        ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_AUTH_REFUSED);
        rc = ngx_http_pitchey_problem(r, NGX_HTTP_UNAUTHORIZED, "unauthorized",
                                      "a valid session is required");
        break;

    default:
        ngx_http_pitchey_metrics_count(
                                NGX_HTTP_PITCHEY_METRIC_AUTH_UNAVAILABLE);
        rc = ngx_http_pitchey_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                      "database_unavailable",
                                      "the session cannot be verified now");
    }

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


/*
 * The library's names beside a configured one: in its prefix if it has the
 * library's form, else with the default prefix.
 */
ngx_int_t
ngx_http_pitchey_auth_cookies(ngx_conf_t *cf,
    ngx_http_pitchey_loc_conf_t *plcf)
{
    size_t                       len;
    ngx_str_t                    prefix, *name;
    ngx_uint_t                   secure;
    ngx_http_pitchey_cookies_t  *cookies;

    static const ngx_str_t  suffix = ngx_string("session_token");
    static const ngx_str_t  start = ngx_string("__Secure-");

    name = &plcf->cookie;

    if (name->len == 0 && plcf->unsigned_cookie) {
        ngx_str_set(name, "pitchey-session");
    }

    if (name->len == 0) {
        plcf->cookies = ngx_http_pitchey_default_cookies;
        return NGX_OK;
    }

    cookies = ngx_palloc(cf->pool, sizeof(ngx_http_pitchey_cookies_t));
    if (cookies == NULL) {
        return NGX_ERROR;
    }

    secure = name->len > start.len
             && ngx_strncmp(name->data, start.data, start.len) == 0;

    *cookies = ngx_http_pitchey_default_cookies[secure];
    cookies->session = *name;

    plcf->cookies = cookies;

    if (name->len <= suffix.len
        || ngx_strncmp(name->data + name->len - suffix.len, suffix.data,
                       suffix.len) != 0)
    {
        return NGX_OK;
    }

    prefix.data = name->data;
    prefix.len = name->len - suffix.len;
    len = prefix.len + sizeof("dont_remember");

    cookies->data.data = ngx_pnalloc(cf->pool, len);
    cookies->dont_remember.data = ngx_pnalloc(cf->pool, len);

    if (cookies->data.data == NULL || cookies->dont_remember.data == NULL) {
        return NGX_ERROR;
    }

    cookies->data.len = ngx_sprintf(cookies->data.data, "%Vsession_data",
                                    &prefix)
                        - cookies->data.data;
    cookies->dont_remember.len = ngx_sprintf(cookies->dont_remember.data,
                                             "%Vdont_remember", &prefix)
                                 - cookies->dont_remember.data;

    return NGX_OK;
}


/* whatever decides whether a signed value is accepted, each with its length */
void
ngx_http_pitchey_auth_scope(ngx_http_pitchey_loc_conf_t *plcf)
{
    SHA256_CTX   sha;
    u_char       hash[SHA256_DIGEST_LENGTH];
    ngx_str_t   *old;
    ngx_uint_t   i, n;

    n = plcf->accept_old && plcf->old_secrets ? plcf->old_secrets->nelts : 0;
    old = n ? plcf->old_secrets->elts : NULL;

    (void) SHA256_Init(&sha);
    (void) SHA256_Update(&sha, &plcf->bearer, sizeof(ngx_uint_t));
    (void) SHA256_Update(&sha, &plcf->secret.len, sizeof(size_t));
    (void) SHA256_Update(&sha, plcf->secret.data, plcf->secret.len);

    for (i = 0; i < n; i++) {
        (void) SHA256_Update(&sha, &old[i].len, sizeof(size_t));
        (void) SHA256_Update(&sha, old[i].data, old[i].len);
    }

    (void) SHA256_Final(hash, &sha);

    ngx_memcpy(plcf->scope, hash, NGX_HTTP_PITCHEY_SCOPE_LEN);
}
