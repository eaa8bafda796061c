/*
 * GET /jobs, GET /jobs/{id}, DELETE /jobs/{id}.  The orchestrator decides who
 * may see what: another user's job and none at all have one and the same
 * answer.
 */

#include "ngx_http_pitchey_jobs.h"
#include "ngx_http_pitchey_jobzone.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_zmq.h"


#define NGX_HTTP_PITCHEY_PAGE       20
#define NGX_HTTP_PITCHEY_PAGE_MAX   100

/* bytes, as the wire has them */
#define NGX_HTTP_PITCHEY_CURSOR_MAX 128


typedef struct {
    pt_id_t            id;
    ngx_atomic_uint_t  counter;     /* of the job zone, before it was asked */
} ngx_http_pitchey_jobs_get_t;


static ngx_uint_t ngx_http_pitchey_jobs_args_known(ngx_http_request_t *r);
static ngx_int_t ngx_http_pitchey_jobs_limit(ngx_http_request_t *r,
    uint16_t *ret_limit);
static ngx_int_t ngx_http_pitchey_jobs_arg(ngx_http_request_t *r,
    const char *name, size_t max, pt_str_t *ret_value);
static ngx_int_t ngx_http_pitchey_jobs_list_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_jobs_get_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_jobs_cancel_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);


ngx_int_t
ngx_http_pitchey_jobs_list_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    pt_msg_t  msg;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_LIST;

    if (!ngx_http_pitchey_jobs_args_known(r)
        || ngx_http_pitchey_jobs_limit(r, &msg.u.list.limit) != NGX_OK
        || ngx_http_pitchey_jobs_arg(r, "cursor", NGX_HTTP_PITCHEY_CURSOR_MAX,
                                     &msg.u.list.cursor)
           != NGX_OK
        || ngx_http_pitchey_jobs_arg(r, "status", PT_NAME_MAX,
                                     &msg.u.list.status)
           != NGX_OK
        || ngx_http_pitchey_jobs_arg(r, "service", PT_NAME_MAX,
                                     &msg.u.list.service)
           != NGX_OK)
    {
        return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST,
                            "bad_request",
                            "The arguments are limit=1..%d, cursor, status "
                            "and service.", NGX_HTTP_PITCHEY_PAGE_MAX);
    }

    return ngx_http_pitchey_zmq_request(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                        ngx_http_pitchey_jobs_list_reply);
}


/* a filter that is not known would answer with what it was to leave out */
static ngx_uint_t
ngx_http_pitchey_jobs_args_known(ngx_http_request_t *r)
{
    u_char      *p, *end, *last;
    ngx_str_t    name;
    ngx_uint_t   i;

    static const ngx_str_t  names[] = {
        ngx_string("limit"), ngx_string("cursor"), ngx_string("status"),
        ngx_string("service"), ngx_null_string
    };

    last = r->args.data + r->args.len;

    for (p = r->args.data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '&');
        end = end ? end : last;

        name.data = p;
        p = ngx_strlchr(p, end, '=');
        name.len = (p ? p : end) - name.data;

        if (end == name.data) {
            continue;
        }

        for (i = 0; names[i].len; i++) {
            if (name.len == names[i].len
                && ngx_strncasecmp(name.data, names[i].data, name.len) == 0)
            {
                break;
            }
        }

        if (names[i].len == 0) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_pitchey_jobs_limit(ngx_http_request_t *r, uint16_t *ret_limit)
{
    ngx_int_t  limit;
    ngx_str_t  arg;

    *ret_limit = NGX_HTTP_PITCHEY_PAGE;

    if (ngx_http_arg(r, (u_char *) "limit", sizeof("limit") - 1, &arg)
        != NGX_OK)
    {
        return NGX_OK;
    }

    limit = ngx_atoi(arg.data, arg.len);

    if (limit < 1 || limit > NGX_HTTP_PITCHEY_PAGE_MAX) {
        return NGX_ERROR;
    }

    *ret_limit = (uint16_t) limit;

    return NGX_OK;
}


/* none of them needs an escape, so one that has some is none of ours */
static ngx_int_t
ngx_http_pitchey_jobs_arg(ngx_http_request_t *r, const char *name, size_t max,
    pt_str_t *ret_value)
{
    u_char      ch;
    ngx_str_t   arg;
    ngx_uint_t  i;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &arg) != NGX_OK) {
        return NGX_OK;
    }

    if (arg.len == 0 || arg.len > max) {
        return NGX_ERROR;
    }

    for (i = 0; i < arg.len; i++) {
        ch = arg.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9')
              || ch == '-' || ch == '_' || ch == '.'))
        {
            return NGX_ERROR;
        }
    }

    *ret_value = ngx_http_pitchey_pt_str(&arg);

    return NGX_OK;
}


static ngx_int_t
ngx_http_pitchey_jobs_list_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_str_t  body;

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    if (ngx_http_pitchey_reply_body(r, reply, &body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_send_json(r, NGX_HTTP_OK, &body);
}


ngx_int_t
ngx_http_pitchey_jobs_get_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    pt_msg_t                      msg;
    ngx_int_t                     rc;
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_jobs_get_t  *get;

    rc = ngx_http_pitchey_jobzone_send(r, &match->id);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    get = ngx_palloc(r->pool, sizeof(ngx_http_pitchey_jobs_get_t));
    if (get == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    get->id = match->id;
    get->counter = ngx_http_pitchey_jobzone_counter(r);

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->data = get;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_GET;
    msg.u.get.id = match->id;

    return ngx_http_pitchey_zmq_request(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                        ngx_http_pitchey_jobs_get_reply);
}


static ngx_int_t
ngx_http_pitchey_jobs_get_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_jobs_get_t  *get;

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    get = ctx->data;

    return ngx_http_pitchey_jobzone_answer(r, &get->id, reply->body,
                                           get->counter);
}


ngx_int_t
ngx_http_pitchey_jobs_cancel_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    pt_msg_t  msg;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_CANCEL;
    msg.u.get.id = match->id;

    return ngx_http_pitchey_zmq_request(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                        ngx_http_pitchey_jobs_cancel_reply);
}


/* 200 once it is cancelled, 202 while its processor has to stop first */
static ngx_int_t
ngx_http_pitchey_jobs_cancel_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    pt_id_t          id;
    pt_str_t         status;
    pt_json_t       *job;
    ngx_str_t        body;
    const pt_mem_t  *mem;

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    mem = ngx_http_pitchey_mem(r->pool);

    if (mem == NULL
        || ngx_http_pitchey_reply_body(r, reply, &body) != NGX_OK
        || pt_json_parse(reply->body, mem, &job, NULL) != PT_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* whoever cancels and looks sees it, before any EVENT */
    if (pt_id_parse(pt_json_string(job, "id", PT_STR("")), &id) == PT_OK) {
        ngx_http_pitchey_jobzone_drop(&id);
    }

    status = pt_json_string(job, "status", PT_STR(""));

    return ngx_http_pitchey_send_json(r, pt_str_is(status, "cancelled")
                                         ? NGX_HTTP_OK : NGX_HTTP_ACCEPTED,
                                      &body);
}
