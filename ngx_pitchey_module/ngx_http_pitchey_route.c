/*
 * The table of routes, and the one content handler that looks it up.
 *
 * nginx has decoded the path, resolved "." and ".." and refused NUL before;
 * what is left that no name of ours contains is answered 404.
 */

#include "ngx_http_pitchey_route.h"
#include "ngx_http_pitchey_admin.h"
#include "ngx_http_pitchey_direct.h"
#include "ngx_http_pitchey_events.h"
#include "ngx_http_pitchey_files.h"
#include "ngx_http_pitchey_health.h"
#include "ngx_http_pitchey_jobs.h"
#include "ngx_http_pitchey_links.h"
#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_openapi.h"
#include "ngx_http_pitchey_outputs.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_schedules.h"
#include "ngx_http_pitchey_submit.h"
#include "ngx_http_pitchey_tus.h"
#include "ngx_http_pitchey_ws.h"


static const ngx_http_pitchey_route_t *ngx_http_pitchey_route_find(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_pitchey_route_unknown(ngx_http_request_t *r);
static ngx_int_t ngx_http_pitchey_route_names(ngx_http_request_t *r,
    const ngx_http_pitchey_schemas_t *set, const ngx_str_t *service,
    ngx_str_t *ret_members);
static ngx_uint_t ngx_http_pitchey_route_match(ngx_http_request_t *r,
    const char *pattern, ngx_http_pitchey_match_t *match);
static ngx_uint_t ngx_http_pitchey_route_placeholder(const char *name,
    size_t len, ngx_str_t *value, ngx_http_pitchey_match_t *match);
static ngx_uint_t ngx_http_pitchey_route_is_plain(ngx_str_t *path);
static ngx_uint_t ngx_http_pitchey_route_methods(
    const ngx_http_pitchey_route_t *route);
static ngx_int_t ngx_http_pitchey_route_not_allowed(ngx_http_request_t *r,
    ngx_uint_t methods);


/*
 * The first pattern that matches decides; its rows stand together, one for
 * each handler.
 */
static const ngx_http_pitchey_route_t  ngx_http_pitchey_routes[] = {

    { NGX_HTTP_GET, "/health", ngx_http_pitchey_health_handler,
      NGX_HTTP_PITCHEY_ROUTE_PUBLIC },

    { NGX_HTTP_GET, "/health/ready", ngx_http_pitchey_health_ready_handler,
      NGX_HTTP_PITCHEY_ROUTE_PUBLIC },

    { NGX_HTTP_GET, "/openapi.json", ngx_http_pitchey_openapi_handler,
      NGX_HTTP_PITCHEY_ROUTE_PUBLIC },

    { NGX_HTTP_GET, "/jobs", ngx_http_pitchey_jobs_list_handler, 0 },

    { NGX_HTTP_POST, "/jobs", ngx_http_pitchey_submit_any,
      NGX_HTTP_PITCHEY_ROUTE_BODY },

    { NGX_HTTP_POST, "/process", ngx_http_pitchey_submit_any,
      NGX_HTTP_PITCHEY_ROUTE_BODY },

    { NGX_HTTP_GET, "/batches/{id}", ngx_http_pitchey_jobs_batch_handler, 0 },

    { NGX_HTTP_GET, "/jobs/{id}", ngx_http_pitchey_jobs_get_handler, 0 },

    { NGX_HTTP_DELETE, "/jobs/{id}", ngx_http_pitchey_jobs_cancel_handler, 0 },

    { NGX_HTTP_POST, "/jobs/{id}/retry", ngx_http_pitchey_jobs_retry_handler,
      0 },

    { NGX_HTTP_GET, "/jobs/{id}/events", ngx_http_pitchey_events_handler, 0 },

    { NGX_HTTP_GET, "/jobs/{id}/outputs/{path}",
      ngx_http_pitchey_outputs_handler, 0 },

    { NGX_HTTP_GET, "/ws", ngx_http_pitchey_ws_handler, 0 },

    { NGX_HTTP_POST, "/jobs/{id}/links", ngx_http_pitchey_links_create,
      NGX_HTTP_PITCHEY_ROUTE_BODY },

    { NGX_HTTP_GET, "/links/{path}", ngx_http_pitchey_links_get,
      NGX_HTTP_PITCHEY_ROUTE_PUBLIC|NGX_HTTP_PITCHEY_ROUTE_OPEN },

    { NGX_HTTP_POST, "/files", ngx_http_pitchey_files_upload,
      NGX_HTTP_PITCHEY_ROUTE_BODY },

    { NGX_HTTP_GET, "/files", ngx_http_pitchey_files_list, 0 },

    { NGX_HTTP_GET, "/files/{id}", ngx_http_pitchey_files_download, 0 },

    { NGX_HTTP_DELETE, "/files/{id}", ngx_http_pitchey_files_delete, 0 },

    { NGX_HTTP_GET, "/files/{id}/metadata", ngx_http_pitchey_files_metadata,
      0 },

    { NGX_HTTP_POST, "/files/{id}/complete", ngx_http_pitchey_direct_complete,
      NGX_HTTP_PITCHEY_ROUTE_BODY },

    { NGX_HTTP_OPTIONS, "/files/tus", ngx_http_pitchey_tus_options,
      NGX_HTTP_PITCHEY_ROUTE_PUBLIC },

    { NGX_HTTP_POST, "/files/tus", ngx_http_pitchey_tus_create,
      NGX_HTTP_PITCHEY_ROUTE_BODY },

    { NGX_HTTP_GET|NGX_HTTP_POST|NGX_HTTP_PATCH|NGX_HTTP_DELETE,
      "/files/tus/{id}", ngx_http_pitchey_tus_upload,
      NGX_HTTP_PITCHEY_ROUTE_BODY },
    { NGX_HTTP_GET, "/jobs/{id}/deliveries",
      ngx_http_pitchey_admin_deliveries_handler, 0 },

    { NGX_HTTP_POST, "/schedules", ngx_http_pitchey_schedules_add_handler,
      NGX_HTTP_PITCHEY_ROUTE_BODY },

    { NGX_HTTP_GET, "/schedules", ngx_http_pitchey_schedules_list_handler, 0 },

    { NGX_HTTP_GET, "/schedules/{id}", ngx_http_pitchey_schedules_get_handler,
      0 },

    { NGX_HTTP_DELETE, "/schedules/{id}",
      ngx_http_pitchey_schedules_delete_handler, 0 },

    { NGX_HTTP_POST, "/schedules/{id}/pause",
      ngx_http_pitchey_schedules_pause_handler, 0 },

    { NGX_HTTP_POST, "/schedules/{id}/resume",
      ngx_http_pitchey_schedules_resume_handler, 0 },

    { NGX_HTTP_POST, "/schedules/{id}/run",
      ngx_http_pitchey_schedules_run_handler, 0 },

    { NGX_HTTP_GET, "/instances", ngx_http_pitchey_admin_instances_handler,
      0 },

    { NGX_HTTP_POST, "/instances/scale", ngx_http_pitchey_admin_scale_handler,
      NGX_HTTP_PITCHEY_ROUTE_BODY },

    { NGX_HTTP_POST, "/instances/restart",
      ngx_http_pitchey_admin_restart_handler, NGX_HTTP_PITCHEY_ROUTE_BODY },

    { NGX_HTTP_GET, "/usage", ngx_http_pitchey_admin_usage_handler, 0 },

    { NGX_HTTP_GET, "/usage/users", ngx_http_pitchey_admin_users_handler, 0 },

    /* the operator's allow and deny say who may */
    { NGX_HTTP_GET, "/metrics", ngx_http_pitchey_metrics_handler,
      NGX_HTTP_PITCHEY_ROUTE_PUBLIC },

    { NGX_HTTP_POST, "/{service}/{action}", ngx_http_pitchey_submit_handler,
      NGX_HTTP_PITCHEY_ROUTE_BODY },

    { 0, NULL, NULL, 0 }
};


static const struct {
    ngx_uint_t   method;
    const char  *name;
} ngx_http_pitchey_methods[] = {
    { NGX_HTTP_GET,    "GET" },
    { NGX_HTTP_HEAD,   "HEAD" },
    { NGX_HTTP_POST,   "POST" },
    { NGX_HTTP_PUT,    "PUT" },
    { NGX_HTTP_PATCH,  "PATCH" },
    { NGX_HTTP_DELETE, "DELETE" },
    { NGX_HTTP_OPTIONS, "OPTIONS" }
};


ngx_uint_t
ngx_http_pitchey_route_is_public(ngx_http_request_t *r)
{
    ngx_http_pitchey_loc_conf_t     *plcf;
    const ngx_http_pitchey_route_t  *route, *row;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (!plcf->enable) {
        return 0;
    }

    route = ngx_http_pitchey_route_find(r);

    if (route == NULL) {
        return 0;
    }

    for (row = route;
         row->pattern && ngx_strcmp(row->pattern, route->pattern) == 0;
         row++)
    {
        if (ngx_http_pitchey_route_methods(row) & r->method) {
            return row->flags & NGX_HTTP_PITCHEY_ROUTE_PUBLIC;
        }
    }

    return route->flags & NGX_HTTP_PITCHEY_ROUTE_PUBLIC;
}


ngx_uint_t
ngx_http_pitchey_route_is_open(ngx_http_request_t *r)
{
    ngx_http_pitchey_loc_conf_t     *plcf;
    const ngx_http_pitchey_route_t  *route;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (!plcf->enable) {
        return 0;
    }

    route = ngx_http_pitchey_route_find(r);

    return route && (route->flags & NGX_HTTP_PITCHEY_ROUTE_OPEN);
}


ngx_int_t
ngx_http_pitchey_route_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_uint_t                       allowed, method;
    ngx_http_pitchey_ctx_t          *ctx;
    const ngx_http_pitchey_route_t  *route, *row;

    if (r != r->main) {
        /* our answers suspend and end requests, which a subrequest is not */
        return NGX_HTTP_NOT_FOUND;
    }

    route = ngx_http_pitchey_route_find(r);

    if (route == NULL) {
        return ngx_http_pitchey_route_unknown(r);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    method = (r->method == NGX_HTTP_HEAD) ? NGX_HTTP_GET : r->method;
    allowed = 0;

    for (row = route;
         row->pattern && ngx_strcmp(row->pattern, route->pattern) == 0;
         row++)
    {
        if (!(row->methods & method)) {
            allowed |= ngx_http_pitchey_route_methods(row);
            continue;
        }

        if (!(row->flags & NGX_HTTP_PITCHEY_ROUTE_BODY)) {
            rc = ngx_http_discard_request_body(r);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        return row->handler(r, ctx->match);
    }

    return ngx_http_pitchey_route_not_allowed(r, allowed);
}


/* 404, with the actions of the service that the path names, or the services */
static ngx_int_t
ngx_http_pitchey_route_unknown(ngx_http_request_t *r)
{
    u_char                       *p, *last;
    ngx_str_t                     name;
    ngx_uint_t                    i;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_problem_t    problem;
    ngx_http_pitchey_schema_t    *schema;
    ngx_http_pitchey_loc_conf_t  *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    ngx_memzero(&problem, sizeof(ngx_http_pitchey_problem_t));

    problem.status = NGX_HTTP_NOT_FOUND;
    problem.code = "not_found";
    ngx_str_set(&problem.detail, "There is no such resource; openapi.json "
                                 "has all of them.");

    if (plcf->schema_set == NULL || ctx == NULL || ctx->route.len == 0) {
        return ngx_http_pitchey_problem_send(r, &problem);
    }

    last = ctx->route.data + ctx->route.len;

    name.data = ctx->route.data + 1;
    p = ngx_strlchr(name.data, last, '/');
    name.len = (p ? p : last) - name.data;

    schema = plcf->schema_set->schemas.elts;

    for (i = 0; i < plcf->schema_set->schemas.nelts; i++) {
        if (schema[i].service.len == name.len
            && ngx_memcmp(schema[i].service.data, name.data, name.len) == 0)
        {
            break;
        }
    }

    if (i == plcf->schema_set->schemas.nelts) {
        name.len = 0;
    }

    if (ngx_http_pitchey_route_names(r, plcf->schema_set, &name,
                                     &problem.members)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_problem_send(r, &problem);
}


/* "actions":[...] of the service, or "services":[...] for an empty name; they
 * are sorted, and have letters, digits and "-" only */
static ngx_int_t
ngx_http_pitchey_route_names(ngx_http_request_t *r,
    const ngx_http_pitchey_schemas_t *set, const ngx_str_t *service,
    ngx_str_t *ret_members)
{
    size_t                            len;
    u_char                           *p;
    ngx_str_t                         before;
    ngx_uint_t                        i, n;
    const ngx_str_t                  *name;
    const ngx_http_pitchey_schema_t  *schema;

    schema = set->schemas.elts;
    len = sizeof("\"services\":[]");

    for (i = 0; i < set->schemas.nelts; i++) {
        len += 3 + schema[i].service.len + schema[i].action.len;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ret_members->data = p;
    p = ngx_sprintf(p, "\"%s\":[", service->len ? "actions" : "services");

    ngx_str_null(&before);
    n = 0;

    for (i = 0; i < set->schemas.nelts; i++) {
        name = service->len ? &schema[i].action : &schema[i].service;

        if (service->len
            ? (schema[i].service.len != service->len
               || ngx_memcmp(schema[i].service.data, service->data,
                             service->len) != 0)
            : (name->len == before.len
               && ngx_memcmp(name->data, before.data, before.len) == 0))
        {
            continue;
        }

        p = ngx_sprintf(p, "%s\"%V\"", n++ ? "," : "", name);
        before = *name;
    }

    *p++ = ']';
    ret_members->len = p - ret_members->data;

    return NGX_OK;
}


/* the first row whose pattern matches, or NULL; looked up once */
static const ngx_http_pitchey_route_t *
ngx_http_pitchey_route_find(ngx_http_request_t *r)
{
    ngx_http_pitchey_ctx_t          *ctx;
    ngx_http_pitchey_match_t        *match;
    const ngx_http_pitchey_route_t  *route;

    ctx = ngx_http_pitchey_ctx(r);

    if (ctx == NULL) {
        return NULL;
    }

    if (ctx->route_known) {
        return ctx->route_row;
    }

    match = ngx_palloc(r->pool, sizeof(ngx_http_pitchey_match_t));
    if (match == NULL) {
        return NULL;
    }

    ctx->route_known = 1;

    if (ctx->route.len == 0
        || !ngx_http_pitchey_route_is_plain(&ctx->route))
    {
        return NULL;
    }

    for (route = ngx_http_pitchey_routes; route->pattern; route++) {

        ngx_memzero(match, sizeof(ngx_http_pitchey_match_t));

        if (ngx_http_pitchey_route_match(r, route->pattern, match)) {
            ctx->route_number = route - ngx_http_pitchey_routes + 1;
            ctx->route_row = route;
            ctx->match = match;

            if (ngx_strncmp(route->pattern, "/jobs/{id}", 10) == 0) {
                ctx->job = match->id;
            }

            return route;
        }
    }

    return NULL;
}


const ngx_http_pitchey_route_t *
ngx_http_pitchey_route_row(ngx_uint_t number)
{
    return number < sizeof(ngx_http_pitchey_routes)
                    / sizeof(ngx_http_pitchey_routes[0]) - 1
           ? &ngx_http_pitchey_routes[number] : NULL;
}


const char *
ngx_http_pitchey_route_pattern(ngx_uint_t number)
{
    if (number == 0) {
        return "";
    }

    if (number >= sizeof(ngx_http_pitchey_routes)
                  / sizeof(ngx_http_pitchey_routes[0]))
    {
        return NULL;
    }

    return ngx_http_pitchey_routes[number - 1].pattern;
}


/* segments that are not empty, "." or "..", of characters that print */
static ngx_uint_t
ngx_http_pitchey_route_is_plain(ngx_str_t *path)
{
    u_char  *p, *start, *last;

    last = path->data + path->len;

    if (path->data[0] != '/') {
        return 0;
    }

    for (p = path->data; p < last; /* void */ ) {

        start = ++p;                            /* behind the "/" */

        while (p < last && *p != '/') {
            if (*p <= 0x20 || *p == 0x7f || *p == '\\') {
                return 0;
            }

            p++;
        }

        if (p == start
            || (p - start == 1 && start[0] == '.')
            || (p - start == 2 && start[0] == '.' && start[1] == '.'))
        {
            return 0;
        }
    }

    return 1;
}


/* walks pattern and path segment by segment */
static ngx_uint_t
ngx_http_pitchey_route_match(ngx_http_request_t *r, const char *pattern,
    ngx_http_pitchey_match_t *match)
{
    u_char                       *p, *last;
    size_t                        len;
    ngx_str_t                     value;
    const char                   *end;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_loc_conf_t  *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    p = ctx->route.data;
    last = p + ctx->route.len;

    while (*pattern == '/') {

        if (p == last) {
            return 0;
        }

        end = strchrnul(++pattern, '/');
        len = end - pattern;

        value.data = ++p;

        if (ngx_strncmp(pattern, "{path}", len) == 0) {
            p = last;

        } else {
            p = ngx_strlchr(p, last, '/');
            p = p ? p : last;
        }

        value.len = p - value.data;

        if (*pattern == '{') {
            if (!ngx_http_pitchey_route_placeholder(pattern, len, &value,
                                                    match))
            {
                return 0;
            }

        } else if (value.len != len
                   || ngx_strncmp(value.data, pattern, len) != 0)
        {
            return 0;
        }

        pattern = end;
    }

    if (p != last) {
        return 0;
    }

    if (match->action.len == 0) {
        return 1;
    }

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    match->schema = ngx_http_pitchey_schema_find(plcf->schema_set,
                                             &match->service, &match->action);
    return match->schema != NULL;
}


static ngx_uint_t
ngx_http_pitchey_route_placeholder(const char *name, size_t len,
    ngx_str_t *value, ngx_http_pitchey_match_t *match)
{
    if (ngx_strncmp(name, "{id}", len) == 0) {
        return pt_id_parse((pt_str_t) { (char *) value->data, value->len },
                           &match->id)
               == PT_OK && !pt_id_is_zero(&match->id);
    }

    if (ngx_strncmp(name, "{service}", len) == 0) {
        match->service = *value;

    } else if (ngx_strncmp(name, "{action}", len) == 0) {
        match->action = *value;

    } else {
        match->path = *value;
    }

    return value->len != 0;
}


static ngx_uint_t
ngx_http_pitchey_route_methods(const ngx_http_pitchey_route_t *route)
{
    return route->methods
           | ((route->methods & NGX_HTTP_GET) ? NGX_HTTP_HEAD : 0);
}


static ngx_int_t
ngx_http_pitchey_route_not_allowed(ngx_http_request_t *r, ngx_uint_t methods)
{
    u_char           *p;
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "Allow");

    h->value.data = ngx_pnalloc(r->pool,
                                sizeof("GET, HEAD, POST, PUT, PATCH, DELETE, "
                                       "OPTIONS"));
    if (h->value.data == NULL) {
        h->hash = 0;
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = h->value.data;

    for (i = 0;
         i < sizeof(ngx_http_pitchey_methods)
             / sizeof(ngx_http_pitchey_methods[0]);
         i++)
    {
        if (methods & ngx_http_pitchey_methods[i].method) {
            p = ngx_sprintf(p, "%s%s", p == h->value.data ? "" : ", ",
                            ngx_http_pitchey_methods[i].name);
        }
    }

    h->value.len = p - h->value.data;

    return ngx_http_pitchey_problem(r, NGX_HTTP_NOT_ALLOWED,
                                    "method_not_allowed",
                                    "The resource has no such method.");
}


ngx_str_t *
ngx_http_pitchey_route_header(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_memcmp(h[i].lowcase_key, name, len) == 0)
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_pitchey_route_uri(ngx_http_request_t *r, const char *path,
    pt_str_t id, ngx_str_t *ret_uri)
{
    size_t                   prefix;
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    prefix = r->uri.len - ctx->route.len;

    ret_uri->data = ngx_pnalloc(r->pool, prefix + ngx_strlen(path) + id.len);
    if (ret_uri->data == NULL) {
        return NGX_ERROR;
    }

    ret_uri->len = ngx_sprintf(ret_uri->data, "%*s%s%*s", prefix, r->uri.data,
                               path, id.len, id.data)
                   - ret_uri->data;

    return NGX_OK;
}
