/* Signed links. */

#include "ngx_http_pitchey_links.h"
#include "ngx_http_pitchey_body.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_name.h"
#include "ngx_http_pitchey_outputs.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_ask.h"
#include "pt_json.h"
#include "pt_link.h"


/* s; how long a link lives without and with a wish */
#define NGX_HTTP_PITCHEY_LINKS_LIFE      3600
#define NGX_HTTP_PITCHEY_LINKS_LIFE_MAX  (7 * 86400)

/* bytes of the request's body */
#define NGX_HTTP_PITCHEY_LINKS_BODY      1024


typedef struct {
    pt_id_t    job;
    int64_t    life;         /* s; 0: not what it may be */
} ngx_http_pitchey_link_t;


static void ngx_http_pitchey_links_work(ngx_http_pitchey_body_t *body);
static ngx_int_t ngx_http_pitchey_links_checked(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body);
static ngx_int_t ngx_http_pitchey_links_ask(ngx_http_request_t *r,
    const pt_id_t *job, int64_t life);
static ngx_int_t ngx_http_pitchey_links_made(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_uint_t ngx_http_pitchey_links_read(
    ngx_http_pitchey_loc_conf_t *plcf, pt_str_t token, pt_id_t *ret_job,
    uint32_t *ret_expires);


ngx_int_t
ngx_http_pitchey_links_create(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_int_t                     rc;
    ngx_http_pitchey_body_t      *body;
    ngx_http_pitchey_link_t      *link;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (plcf->link_secrets == NULL) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_NOT_IMPLEMENTED,
                   "no_links", "Links are not configured here.");
    }

    if (r->headers_in.content_length_n <= 0 && !r->headers_in.chunked) {
        return ngx_http_pitchey_links_ask(r, &match->id,
                                          NGX_HTTP_PITCHEY_LINKS_LIFE);
    }

    body = ngx_http_pitchey_body_new(r, NGX_HTTP_PITCHEY_LINKS_BODY);
    if (body == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    link = ngx_pcalloc(body->pool, sizeof(ngx_http_pitchey_link_t));
    if (link == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    link->job = match->id;

    body->data = link;
    body->work = ngx_http_pitchey_links_work;
    body->done = ngx_http_pitchey_links_checked;

    rc = ngx_http_pitchey_body_check(r, body);

    return rc == NGX_DECLINED ? ngx_http_pitchey_body_read(r, body) : rc;
}


/* {"expires_in":SECONDS}, and nothing else */
static void
ngx_http_pitchey_links_work(ngx_http_pitchey_body_t *body)
{
    int64_t                   life;
    pt_json_t                *root;
    ngx_http_pitchey_link_t  *link;

    link = body->data;

    if (pt_json_parse(pt_buf_str(&body->text), body->mem, &root, NULL)
        != PT_OK
        || root->type != PT_JSON_OBJECT)
    {
        return;
    }

    life = pt_json_int(root, "expires_in",
                       root->n ? 0 : NGX_HTTP_PITCHEY_LINKS_LIFE);

    if (root->n <= 1 && life >= 1 && life <= NGX_HTTP_PITCHEY_LINKS_LIFE_MAX) {
        link->life = life;
    }
}


static ngx_int_t
ngx_http_pitchey_links_checked(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body)
{
    ngx_http_pitchey_link_t  *link;

    link = body->data;

    if (link->life == 0) {
        return ngx_http_pitchey_problem_err(r, PT_E_INVALID,
                   PT_STR("the body is {\"expires_in\":SECONDS}"),
                   PT_STR("[{\"pointer\":\"/expires_in\",\"detail\":"
                          "\"is a whole number from 1 to 604800\"}]"), 0);
    }

    return ngx_http_pitchey_links_ask(r, &link->job, link->life);
}


/* who may see the job may show it */
static ngx_int_t
ngx_http_pitchey_links_ask(ngx_http_request_t *r, const pt_id_t *job,
    int64_t life)
{
    pt_msg_t                  msg;
    ngx_http_pitchey_ctx_t   *ctx;
    ngx_http_pitchey_link_t  *link;

    link = ngx_palloc(r->pool, sizeof(ngx_http_pitchey_link_t));
    if (link == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    link->job = *job;
    link->life = life;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->data = link;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_GET;
    msg.u.get.id = *job;

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                ngx_http_pitchey_links_made);
}


static ngx_int_t
ngx_http_pitchey_links_made(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    char                          token[PT_LINK_LEN];
    time_t                        expires;
    ngx_tm_t                      tm;
    ngx_str_t                     uri, body, *secret;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_link_t      *link;
    ngx_http_pitchey_loc_conf_t  *plcf;

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    link = ctx->data;
    secret = plcf->link_secrets->elts;
    expires = ngx_time() + (time_t) link->life;

    if (!pt_link_make(ngx_http_pitchey_pt_str(secret),
                                         &link->job, (uint32_t) expires, token)
        || ngx_http_pitchey_route_uri(r, "/links/",
                                      (pt_str_t) { token, sizeof(token) },
                                      &uri)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_gmtime(expires, &tm);

    /* the location's prefix is the operator's, and nothing else is to escape */

    body.data = ngx_pnalloc(r->pool, uri.len + 80);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.len = ngx_sprintf(body.data, "{\"url\":\"%V/\",\"expires_at\":"
                           "\"%4d-%02d-%02dT%02d:%02d:%02d.000Z\"}", &uri,
                           tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                           tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec)
               - body.data;

    return ngx_http_pitchey_send_json(r, NGX_HTTP_CREATED, &body);
}


ngx_int_t
ngx_http_pitchey_links_get(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    u_char                       *slash, *last;
    pt_id_t                       job;
    pt_str_t                      token;
    uint32_t                      expires;
    ngx_str_t                     path;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_loc_conf_t  *plcf;

    static ngx_str_t  referrer = ngx_string("no-referrer");
    static ngx_str_t  nobody = ngx_string("link");

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    last = match->path.data + match->path.len;
    slash = ngx_strlchr(match->path.data, last, '/');

    token = ngx_http_pitchey_pt_str(&match->path);
    token.len = (slash ? slash : last) - match->path.data;

    path.data = slash ? slash + 1 : last;
    path.len = last - path.data;

    if (plcf->link_secrets == NULL
        || !ngx_http_pitchey_links_read(plcf, token, &job, &expires)
        || !ngx_http_pitchey_name_is_output(ngx_http_pitchey_pt_str(&path)))
    {
        return ngx_http_pitchey_problem_err(r, PT_E_NOT_FOUND,
                                            PT_STR("no such link"),
                                            PT_STR_NULL, 0);
    }

    if ((time_t) expires <= ngx_time()) {
        return ngx_http_pitchey_problem_err(r, PT_E_GONE,
                                            PT_STR("the link has expired"),
                                            PT_STR_NULL, 0);
    }

    /* the page that shows it tells nobody where it has it from */

    if (ngx_http_pitchey_add_header(r, "Referrer-Policy", &referrer)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* the token is the right, to the outputs of this one job */

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ngx_memzero(&ctx->user, sizeof(ngx_http_pitchey_user_t));
    ctx->user.id = nobody;
    ctx->user.admin = 1;

    return ngx_http_pitchey_outputs_open(r, PT_OPEN_OUTPUT, &job, &path);
}


/* an older secret is as good, as long as it is there */
static ngx_uint_t
ngx_http_pitchey_links_read(ngx_http_pitchey_loc_conf_t *plcf,
    pt_str_t token, pt_id_t *ret_job, uint32_t *ret_expires)
{
    ngx_str_t   *secret;
    ngx_uint_t   i;

    secret = plcf->link_secrets->elts;

    for (i = 0; i < plcf->link_secrets->nelts; i++) {
        if (pt_link_read(
                                        ngx_http_pitchey_pt_str(&secret[i]),
                                        token, ret_job, ret_expires))
        {
            return 1;
        }
    }

    return 0;
}
