/*
 * The session of a request, in PREACCESS: before limit_req and limit_conn, so
 * that their keys may be $pitchey_user_id.
 */

#include "ngx_http_pitchey_auth.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_revocation.h"
#include "ngx_http_pitchey_route.h"
#include "ngx_http_pitchey_session.h"
#include "ngx_http_pitchey_verified.h"


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


static ngx_int_t ngx_http_pitchey_auth_token(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);
static ngx_int_t ngx_http_pitchey_auth_cookie(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);
static ngx_int_t ngx_http_pitchey_auth_verify(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx, char kind, pt_str_t value);
static ngx_uint_t ngx_http_pitchey_auth_cookie_value(ngx_http_request_t *r,
    ngx_str_t *name, pt_str_t *value);
static ngx_int_t ngx_http_pitchey_auth_wait(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);
static void ngx_http_pitchey_auth_resume(ngx_http_pitchey_waiter_t *waiter,
    ngx_int_t rc, const ngx_http_pitchey_user_t *user, ngx_msec_t time);
static void ngx_http_pitchey_auth_cleanup(void *data);
static ngx_int_t ngx_http_pitchey_auth_verdict(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);

static ngx_int_t ngx_http_pitchey_variable_user_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  ngx_http_pitchey_auth_vars[] = {

    /* not cacheable: a log or a rewrite may ask before the session is known */
    { ngx_string("pitchey_user_id"), NULL, ngx_http_pitchey_variable_user_id,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_pitchey_auth_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_pitchey_ctx_t        *ctx;
    ngx_http_pitchey_loc_conf_t   *plcf;
    ngx_http_pitchey_main_conf_t  *pmcf;

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

    pmcf = ngx_http_get_module_main_conf(r, ngx_http_pitchey_module);

    rc = ngx_http_pitchey_auth_token(r, ctx);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->auth_state = NGX_HTTP_PITCHEY_AUTH_DONE;

    if (rc == NGX_DECLINED) {
        ctx->auth_status = NGX_HTTP_UNAUTHORIZED;
        return ngx_http_pitchey_auth_verdict(r, ctx);
    }

    ctx->session_heard = ngx_http_pitchey_revocation_heard();

    rc = ngx_http_pitchey_session_cached(pmcf, ctx->token_hash, r->pool,
                                         &ctx->user, &ctx->session_time);
    if (rc == NGX_OK) {
        ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_SESSION_HITS);
        ctx->auth_status = NGX_OK;
        return ngx_http_pitchey_auth_verdict(r, ctx);
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_SESSION_MISSES);

    return ngx_http_pitchey_auth_wait(r, ctx);
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

    if (plcf->secret.len == 0) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if (r->headers_in.authorization != NULL
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
    ngx_http_pitchey_loc_conf_t  *plcf;

    static ngx_str_t  names[] = {
        ngx_string("better-auth.session_token"),
        ngx_string("__Secure-better-auth.session_token")
    };

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (plcf->cookie.len) {
        if (!ngx_http_pitchey_auth_cookie_value(r, &plcf->cookie, &value)) {
            return NGX_DECLINED;
        }

    } else {
        secure = 0;

#if (NGX_HTTP_SSL)
        secure = (r->connection->ssl != NULL);
#endif

        if (!ngx_http_pitchey_auth_cookie_value(r, &names[secure], &value)
            && !ngx_http_pitchey_auth_cookie_value(r, &names[!secure], &value))
        {
            return NGX_DECLINED;
        }
    }

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
    pt_str_t                      secret, token;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    buf = ngx_pnalloc(r->pool, value.len + 1);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    known = ngx_http_pitchey_verified_find(plcf->scope, kind, value, &token,
                                           ctx->token_hash);
    if (known) {
        /* never longer than the value */
        ngx_memcpy(buf, token.data, token.len);

        ctx->token.data = (u_char *) buf;
        ctx->token.len = token.len;

        return NGX_OK;
    }

    secret = ngx_http_pitchey_pt_str(&plcf->secret);

    found = (kind == NGX_HTTP_PITCHEY_AUTH_BEARER)
            ? ngx_http_pitchey_token_bearer(secret, value,
                         plcf->bearer == NGX_HTTP_PITCHEY_BEARER_SIGNED,
                         buf, &token)
            : ngx_http_pitchey_token_verify(secret, value, buf, &token);

    if (!found) {
        return NGX_DECLINED;
    }

    ctx->token = ngx_http_pitchey_ngx_str(token);

    ngx_http_pitchey_token_hash(token, ctx->token_hash);

    /* what nobody signed anybody can make, and push the others out */
    if (memchr(value.data, '.', value.len) != NULL) {
        ngx_http_pitchey_verified_add(plcf->scope, kind, value, token,
                                      ctx->token_hash);
    }

    return NGX_OK;
}


static ngx_uint_t
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
                      &auth->waiter)
        != NGX_OK)
    {
        ctx->auth_status = ngx_http_pitchey_session_graced(pmcf,
                               ctx->token_hash, r->pool, &ctx->user,
                               &ctx->session_time) == NGX_OK
                           ? NGX_OK : NGX_HTTP_SERVICE_UNAVAILABLE;

        return ngx_http_pitchey_auth_verdict(r, ctx);
    }

    auth->waiting = 1;
    ctx->auth_data = auth;
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
    ngx_int_t  rc;

    switch (ctx->auth_status) {

    case NGX_OK:
        return NGX_DECLINED;

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


/* whatever decides whether a value is accepted, each with an end */
void
ngx_http_pitchey_auth_scope(ngx_http_pitchey_loc_conf_t *plcf)
{
    SHA256_CTX  sha;
    u_char      hash[SHA256_DIGEST_LENGTH];

    (void) SHA256_Init(&sha);
    (void) SHA256_Update(&sha, &plcf->bearer, sizeof(ngx_uint_t));
    (void) SHA256_Update(&sha, &plcf->secret.len, sizeof(size_t));
    (void) SHA256_Update(&sha, plcf->secret.data, plcf->secret.len);
    (void) SHA256_Final(hash, &sha);

    ngx_memcpy(plcf->scope, hash, NGX_HTTP_PITCHEY_SCOPE_LEN);
}


ngx_int_t
ngx_http_pitchey_auth_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_pitchey_auth_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_pitchey_variable_user_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    if (ctx == NULL || ctx->auth_state != NGX_HTTP_PITCHEY_AUTH_DONE
        || ctx->auth_status != NGX_OK)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = ctx->user.id.data;
    v->len = ctx->user.id.len;

    return NGX_OK;
}
