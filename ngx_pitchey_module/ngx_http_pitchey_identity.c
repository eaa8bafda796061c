/* The user of a request as variables, and what is required of one. */

#include "ngx_http_pitchey_identity.h"
#include "ngx_http_pitchey_auth.h"
#include "ngx_http_pitchey_session.h"


static ngx_int_t ngx_http_pitchey_variable_user(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_pitchey_variable_job_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_pitchey_variable_session_copy(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_pitchey_require_values(ngx_conf_t *cf,
    ngx_str_t *list, ngx_array_t *values);


/*
 * Not cacheable: a rewrite or an early error may ask before the session is
 * known.  Not changeable either: no "set" of a configuration can forge one.
 */
static ngx_http_variable_t  ngx_http_pitchey_identity_vars[] = {

    { ngx_string("pitchey_user_id"), NULL, ngx_http_pitchey_variable_user,
      offsetof(ngx_http_pitchey_user_t, id),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pitchey_user_email"), NULL, ngx_http_pitchey_variable_user,
      offsetof(ngx_http_pitchey_user_t, email),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pitchey_user_role"), NULL, ngx_http_pitchey_variable_user,
      offsetof(ngx_http_pitchey_user_t, role),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pitchey_user_type"), NULL, ngx_http_pitchey_variable_user,
      offsetof(ngx_http_pitchey_user_t, user_type),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pitchey_session_id"), NULL, ngx_http_pitchey_variable_user,
      offsetof(ngx_http_pitchey_user_t, session_id),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pitchey_session_copy"), NULL,
      ngx_http_pitchey_variable_session_copy, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pitchey_job_id"), NULL, ngx_http_pitchey_variable_job_id, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_uint_t
ngx_http_pitchey_identity_may(ngx_http_request_t *r,
    const ngx_http_pitchey_ctx_t *ctx)
{
    ngx_str_t                    *value;
    ngx_uint_t                    i, j, holds;
    ngx_http_pitchey_require_t   *require;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (plcf->require == NULL) {
        return 1;
    }

    require = plcf->require->elts;

    for (i = 0; i < plcf->require->nelts; i++) {

        value = require[i].values.elts;
        holds = 0;

        for (j = 0; j < require[i].values.nelts && !holds; j++) {
            holds = require[i].user_type
                    ? (ctx->user.user_type.len == value[j].len
                       && ngx_strncmp(ctx->user.user_type.data, value[j].data,
                                      value[j].len)
                          == 0)
                    : ngx_http_pitchey_session_has_role(&ctx->user.role,
                                                        &value[j]);
        }

        if (!holds) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_pitchey_variable_user(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t               *s;
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    if (ctx == NULL || ctx->auth_state != NGX_HTTP_PITCHEY_AUTH_DONE
        || ctx->auth_status != NGX_OK)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    s = (ngx_str_t *) ((u_char *) &ctx->user + data);

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = s->data;
    v->len = s->len;

    return NGX_OK;
}


/* the job of the path, or the one that was submitted */
static ngx_int_t
ngx_http_pitchey_variable_job_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    if (ctx == NULL || pt_id_is_zero(&ctx->job)) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = ngx_pnalloc(r->pool, PT_ID_TEXT_LEN);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    pt_id_format(&ctx->job, (char *) v->data);

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = PT_ID_TEXT_LEN;

    return NGX_OK;
}


/* what the cookie cache says, for a log: it decides only where it is trusted */
static ngx_int_t
ngx_http_pitchey_variable_session_copy(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                     text;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_user_t       user;
    ngx_http_pitchey_loc_conf_t  *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (ctx == NULL || ctx->token.len == 0
        || plcf->cookie_cache == NGX_HTTP_PITCHEY_CACHE_OFF)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (ngx_http_pitchey_auth_copy(r, ctx, &user)) {

    case NGX_OK:
        ngx_str_set(&text, "valid");
        break;

    case NGX_DECLINED:
        ngx_str_set(&text, "invalid");
        break;

    case NGX_ABORT:
        v->not_found = 1;
        return NGX_OK;

    default:
        return NGX_ERROR;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = text.data;
    v->len = text.len;

    return NGX_OK;
}


char *
ngx_http_pitchey_identity_require(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                    *arg, list;
    ngx_uint_t                    i;
    ngx_http_pitchey_require_t   *require;
    ngx_http_pitchey_loc_conf_t  *plcf = conf;

    if (plcf->require == NGX_CONF_UNSET_PTR) {
        plcf->require = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_http_pitchey_require_t));
        if (plcf->require == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    arg = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        require = ngx_array_push(plcf->require);
        if (require == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_strncmp(arg[i].data, "role=", 5) == 0) {
            require->user_type = 0;
            list.data = arg[i].data + 5;

        } else if (ngx_strncmp(arg[i].data, "user_type=", 10) == 0) {
            require->user_type = 1;
            list.data = arg[i].data + 10;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is \"role=NAME[,NAME...]\" or "
                               "\"user_type=NAME[,NAME...]\", not \"%V\"",
                               &cmd->name, &arg[i]);
            return NGX_CONF_ERROR;
        }

        list.len = arg[i].data + arg[i].len - list.data;

        if (ngx_http_pitchey_require_values(cf, &list, &require->values)
            != NGX_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" of \"%V\" names nobody", &arg[i],
                               &cmd->name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_pitchey_require_values(ngx_conf_t *cf, ngx_str_t *list,
    ngx_array_t *values)
{
    u_char     *p, *end, *last;
    ngx_str_t  *value;

    if (ngx_array_init(values, cf->pool, 2, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    last = list->data + list->len;

    for (p = list->data; p <= last; p = end + 1) {
        end = ngx_strlchr(p, last, ',');
        end = end ? end : last;

        if (end == p) {
            /* no user has an empty one by being required to */
            return NGX_ERROR;
        }

        value = ngx_array_push(values);
        if (value == NULL) {
            return NGX_ERROR;
        }

        value->data = p;
        value->len = end - p;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_pitchey_identity_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_pitchey_identity_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}
