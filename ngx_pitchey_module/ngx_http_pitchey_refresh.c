/* Sliding expiry: the row's end moves, and the cookie goes out again. */

#include "ngx_http_pitchey_refresh.h"
#include "ngx_http_pitchey_auth.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_pg.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_session.h"
#include "ngx_http_pitchey_shm.h"
#include "ngx_http_pitchey_timestamp.h"


/* ms; an update that failed, or whose worker died, is tried again then */
#define NGX_HTTP_PITCHEY_REFRESH_AGAIN  60000


/*
 * The condition makes a second update of the same row one of no row, whoever
 * makes it: another nginx, or the library.
 */
static const char  ngx_http_pitchey_refresh_query[] =
    "UPDATE \"session\" SET \"updatedAt\" = now(), "
           "\"expiresAt\" = now() + $2::int * interval '1 second' "
    "WHERE token = $1 AND \"expiresAt\" >= now() "
      "AND \"expiresAt\" <= now() + ($2::int - $3::int) * interval '1 second' "
    "RETURNING \"expiresAt\" AS expires_at";


/* of an update under way; of its own memory, since the request may end */
typedef struct {
    ngx_http_pitchey_pg_query_t    query;
    ngx_http_pitchey_main_conf_t  *pmcf;
    u_char                         hash[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN];
    char                           life[NGX_INT_T_LEN + 1];
    char                           age[NGX_INT_T_LEN + 1];
    char                           token[];    /* terminated */
} ngx_http_pitchey_refresh_t;


static ngx_uint_t ngx_http_pitchey_refresh_forbidden(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx);
static void ngx_http_pitchey_refresh_done(ngx_http_pitchey_pg_query_t *query,
    PGresult *res);
static ngx_int_t ngx_http_pitchey_refresh_end(PGresult *res, int64_t *ret_ms);


void
ngx_http_pitchey_refresh(ngx_http_request_t *r, ngx_http_pitchey_ctx_t *ctx)
{
    u_char                         key[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN];
    ngx_http_pitchey_refresh_t    *refresh;
    ngx_http_pitchey_main_conf_t  *pmcf;

    pmcf = ngx_http_get_module_main_conf(r, ngx_http_pitchey_module);

    if (pmcf->refresh_life == 0
        || ctx->user.expires_ms - ngx_http_pitchey_session_now()
           > (int64_t) (pmcf->refresh_life - pmcf->refresh_age) * 1000
        || ngx_http_pitchey_refresh_forbidden(r, ctx))
    {
        return;
    }

    /* beside the token's own entry: no other token has this hash */
    ngx_memcpy(key, ctx->token_hash, sizeof(key));
    key[0] ^= 0xff;

    if (ngx_http_pitchey_shm_claim(pmcf->absent_zone, key,
                                   NGX_HTTP_PITCHEY_REFRESH_AGAIN)
        != NGX_OK)
    {
        return;
    }

    refresh = ngx_alloc(sizeof(ngx_http_pitchey_refresh_t) + ctx->token.len + 1,
                        r->connection->log);
    if (refresh == NULL) {
        return;
    }

    ngx_memzero(refresh, sizeof(ngx_http_pitchey_refresh_t));
    ngx_memcpy(refresh->hash, ctx->token_hash, sizeof(refresh->hash));
    ngx_memcpy(refresh->token, ctx->token.data, ctx->token.len);
    refresh->token[ctx->token.len] = '\0';

    (void) ngx_sprintf((u_char *) refresh->life, "%T%Z", pmcf->refresh_life);
    (void) ngx_sprintf((u_char *) refresh->age, "%T%Z", pmcf->refresh_age);

    refresh->pmcf = pmcf;
    refresh->query.sql = pmcf->refresh_query.len
                         ? (const char *) pmcf->refresh_query.data
                         : ngx_http_pitchey_refresh_query;
    refresh->query.params[0] = refresh->token;
    refresh->query.params[1] = refresh->life;
    refresh->query.params[2] = refresh->age;
    refresh->query.nparams = 3;
    refresh->query.name = "pitchey_session_refresh_query";
    refresh->query.handler = ngx_http_pitchey_refresh_done;
    refresh->query.data = refresh;

    if (ngx_http_pitchey_pg_ask(&refresh->query) != NGX_OK) {
        ngx_free(refresh);
        return;
    }

    ctx->refreshed = (ctx->cookies != NULL);
}


/* signed in for this browser session only */
static ngx_uint_t
ngx_http_pitchey_refresh_forbidden(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx)
{
    char                         *buf;
    pt_str_t                      value, token;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (plcf->unsigned_cookie
        || !ngx_http_pitchey_auth_cookie_value(r,
                                       ctx->cookies
                                       ? &ctx->cookies->dont_remember
                                       : &plcf->cookies->dont_remember,
                                       &value))
    {
        return 0;
    }

    buf = ngx_pnalloc(r->pool, value.len + 1);

    return buf == NULL
           || (ngx_http_pitchey_token_verify(
                                     ngx_http_pitchey_pt_str(&plcf->secret),
                                     value, buf, &token)
               && pt_str_is(token, "true"));
}


static void
ngx_http_pitchey_refresh_done(ngx_http_pitchey_pg_query_t *query,
    PGresult *res)
{
    int64_t                      expires_ms;
    ngx_http_pitchey_refresh_t  *refresh;

    refresh = query->data;

    if (res != NULL) {
        if (ngx_http_pitchey_refresh_end(res, &expires_ms) == NGX_OK) {
            ngx_http_pitchey_session_extend(refresh->pmcf, refresh->hash,
                                            expires_ms);

        } else {
            /* somebody else was first: the row tells */
            ngx_http_pitchey_session_forget(refresh->pmcf, refresh->hash);
        }
    }

    ngx_free(refresh);
}


/* NGX_DECLINED: no row was changed, or the statement does not tell */
static ngx_int_t
ngx_http_pitchey_refresh_end(PGresult *res, int64_t *ret_ms)
{
    int  n;

    n = PQfnumber(res, "expires_at");

    if (n == -1 || PQntuples(res) == 0
        || !ngx_http_pitchey_timestamp_parse(pt_str(PQgetvalue(res, 0, n)),
                                             ret_ms))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* signed with the secret of today, as the library would */
ngx_int_t
ngx_http_pitchey_refresh_cookie(ngx_http_request_t *r,
    ngx_http_pitchey_ctx_t *ctx)
{
    char                          signature
                                  [NGX_HTTP_PITCHEY_TOKEN_SIGNATURE_LEN];
    u_char                       *p;
    size_t                        len;
    ngx_str_t                     value, *name;
    ngx_http_pitchey_loc_conf_t  *plcf;
    ngx_http_pitchey_main_conf_t *pmcf;

    static const ngx_str_t  secure = ngx_string("__Secure-");

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);
    pmcf = ngx_http_get_module_main_conf(r, ngx_http_pitchey_module);
    name = &ctx->cookies->session;

    /* each byte may become three */
    len = name->len + 3 * ctx->token.len + 3 * sizeof(signature)
          + plcf->cookie_attributes.len + NGX_TIME_T_LEN
          + sizeof("=.; Max-Age=; ; Secure");

    value.data = ngx_pnalloc(r->pool, len);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(value.data, name->data, name->len);
    *p++ = '=';

    p = (u_char *) ngx_escape_uri(p, ctx->token.data, ctx->token.len,
                                  NGX_ESCAPE_URI_COMPONENT);

    if (!plcf->unsigned_cookie) {
        if (!ngx_http_pitchey_token_sign(
                                     ngx_http_pitchey_pt_str(&plcf->secret),
                                     ngx_http_pitchey_pt_str(&ctx->token),
                                     signature))
        {
            return NGX_ERROR;
        }

        *p++ = '.';
        p = (u_char *) ngx_escape_uri(p, (u_char *) signature,
                                      sizeof(signature),
                                      NGX_ESCAPE_URI_COMPONENT);
    }

    p = ngx_sprintf(p, "; Max-Age=%T", pmcf->refresh_life);

    if (plcf->cookie_attributes.len) {
        p = ngx_sprintf(p, "; %V", &plcf->cookie_attributes);
    }

    if (name->len > secure.len
        && ngx_strncmp(name->data, secure.data, secure.len) == 0)
    {
        p = ngx_sprintf(p, "; Secure");
    }

    value.len = p - value.data;

    return ngx_http_pitchey_add_header(r, "Set-Cookie", &value);
}


char *
ngx_http_pitchey_refresh_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    time_t                         life, age;
    ngx_str_t                     *value;
    ngx_http_pitchey_main_conf_t  *pmcf = conf;

    if (pmcf->refresh_life != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2) {
        if (ngx_strcmp(value[1].data, "off") != 0) {
            return "is \"off\" or \"LIFE AGE\"";
        }

        pmcf->refresh_life = 0;
        return NGX_CONF_OK;
    }

    life = ngx_parse_time(&value[1], 1);
    age = ngx_parse_time(&value[2], 1);

    /* so that both are integers of PostgreSQL, too */
    if (life == (time_t) NGX_ERROR || age == (time_t) NGX_ERROR
        || life > NGX_MAX_INT32_VALUE || age >= life)
    {
        return "has no LIFE that is longer than its AGE";
    }

    pmcf->refresh_life = life;
    pmcf->refresh_age = age;

    return NGX_CONF_OK;
}
