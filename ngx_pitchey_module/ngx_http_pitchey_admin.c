/* Processors, live, and what users have used. */

#include "ngx_http_pitchey_admin.h"
#include "ngx_http_pitchey_args.h"
#include "ngx_http_pitchey_body.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_violations.h"
#include "ngx_http_pitchey_timestamp.h"
#include "ngx_http_pitchey_ask.h"
#include "pt_format.h"


/* of one pool, in one place */
#define NGX_HTTP_PITCHEY_PROCESSES_MAX   1000

/* bytes of a body: it has a name and two numbers */
#define NGX_HTTP_PITCHEY_ADMIN_BODY_MAX  4096


typedef struct {
    pt_msg_t                        msg;
    ngx_http_pitchey_violations_t   violations;
} ngx_http_pitchey_admin_t;


static ngx_int_t ngx_http_pitchey_admin_check(ngx_http_request_t *r);
static ngx_int_t ngx_http_pitchey_admin_read(ngx_http_request_t *r,
    void (*work)(ngx_http_pitchey_body_t *body));
static void ngx_http_pitchey_admin_scale(ngx_http_pitchey_body_t *body);
static void ngx_http_pitchey_admin_restart(ngx_http_pitchey_body_t *body);
static ngx_int_t ngx_http_pitchey_admin_done(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body);
static void ngx_http_pitchey_admin_members(const pt_json_t *root,
    const char *const *names, ngx_http_pitchey_violations_t *v);
static uint16_t ngx_http_pitchey_admin_number(const pt_json_t *root,
    const char *name, ngx_http_pitchey_violations_t *v);
static ngx_int_t ngx_http_pitchey_admin_usage(ngx_http_request_t *r,
    const char *const *names, uint8_t by_user);
static bool ngx_http_pitchey_admin_month(pt_str_t month, int64_t *ret_ms);




/* NGX_DECLINED: go on */
static ngx_int_t
ngx_http_pitchey_admin_check(ngx_http_request_t *r)
{
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    if (ctx->user.admin) {
        return NGX_DECLINED;
    }

    return ngx_http_pitchey_problem(r, NGX_HTTP_FORBIDDEN, "forbidden",
                                    "The resource is for admins.");
}


ngx_int_t
ngx_http_pitchey_admin_instances_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_int_t  rc;

    rc = ngx_http_pitchey_admin_check(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    return ngx_http_pitchey_ask_about(r, PT_CMD_INSTANCES, NULL,
                                      ngx_http_pitchey_reply_json);
}


ngx_int_t
ngx_http_pitchey_admin_scale_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return ngx_http_pitchey_admin_read(r, ngx_http_pitchey_admin_scale);
}


ngx_int_t
ngx_http_pitchey_admin_restart_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return ngx_http_pitchey_admin_read(r, ngx_http_pitchey_admin_restart);
}


static ngx_int_t
ngx_http_pitchey_admin_read(ngx_http_request_t *r,
    void (*work)(ngx_http_pitchey_body_t *body))
{
    ngx_int_t                  rc;
    ngx_http_pitchey_body_t   *body;
    ngx_http_pitchey_admin_t  *a;

    rc = ngx_http_pitchey_admin_check(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    body = ngx_http_pitchey_body_new(r, NGX_HTTP_PITCHEY_ADMIN_BODY_MAX);
    if (body == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    a = ngx_pcalloc(body->pool, sizeof(ngx_http_pitchey_admin_t));
    if (a == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_pitchey_violations_init(&a->violations, body->mem);

    body->data = a;
    body->work = work;
    body->done = ngx_http_pitchey_admin_done;

    rc = ngx_http_pitchey_body_check(r, body);

    return (rc == NGX_DECLINED) ? ngx_http_pitchey_body_read(r, body) : rc;
}


/* {"service":"video-processing","min":0,"max":4} */
static void
ngx_http_pitchey_admin_scale(ngx_http_pitchey_body_t *body)
{
    pt_scale_t                     *scale;
    pt_json_t                      *root;
    ngx_http_pitchey_admin_t       *a = body->data;
    ngx_http_pitchey_violations_t  *v = &a->violations;

    static const char *const  names[] = { "service", "min", "max", NULL };

    root = ngx_http_pitchey_violations_parse(v, pt_buf_str(&body->text));
    if (root == NULL) {
        return;
    }

    ngx_http_pitchey_admin_members(root, names, v);

    a->msg.command = PT_CMD_SCALE;

    scale = &a->msg.u.scale;
    scale->service = pt_json_string(root, "service", PT_STR(""));
    scale->min = ngx_http_pitchey_admin_number(root, "min", v);
    scale->max = ngx_http_pitchey_admin_number(root, "max", v);

    if (scale->service.len == 0 || scale->service.len > PT_NAME_MAX) {
        ngx_http_pitchey_violations_add(v, PT_STR("/service"),
                                        PT_STR("must be a service's name"));
    }

    if (v->n == 0 && scale->min > scale->max) {
        ngx_http_pitchey_violations_add(v, PT_STR("/min"),
                                        PT_STR("must not be above max"));
    }
}


/* {"service":"video-processing"}, or {} for all */
static void
ngx_http_pitchey_admin_restart(ngx_http_pitchey_body_t *body)
{
    pt_json_t                      *root;
    pt_restart_t                   *restart;
    ngx_http_pitchey_admin_t       *a = body->data;
    ngx_http_pitchey_violations_t  *v = &a->violations;

    static const char *const  names[] = { "service", NULL };

    root = ngx_http_pitchey_violations_parse(v, pt_buf_str(&body->text));
    if (root == NULL) {
        return;
    }

    ngx_http_pitchey_admin_members(root, names, v);

    a->msg.command = PT_CMD_RESTART;

    restart = &a->msg.u.restart;
    restart->service = pt_json_string(root, "service", PT_STR_NULL);

    if (pt_json_member(root, "service")
        && (restart->service.len == 0 || restart->service.len > PT_NAME_MAX))
    {
        ngx_http_pitchey_violations_add(v, PT_STR("/service"),
                                        PT_STR("must be a service's name"));
    }
}


static ngx_int_t
ngx_http_pitchey_admin_done(ngx_http_request_t *r,
    ngx_http_pitchey_body_t *body)
{
    ngx_int_t                  rc;
    ngx_http_pitchey_admin_t  *a = body->data;

    rc = ngx_http_pitchey_violations_send(r, &a->violations);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    return ngx_http_pitchey_ask(r, &a->msg, NGX_HTTP_PITCHEY_DEADLINE,
                                ngx_http_pitchey_reply_json);
}


/* an object of these members and no others */
static void
ngx_http_pitchey_admin_members(const pt_json_t *root,
    const char *const *names, ngx_http_pitchey_violations_t *v)
{
    ngx_uint_t        i;
    const pt_json_t  *member;

    if (root->type != PT_JSON_OBJECT) {
        ngx_http_pitchey_violations_add(v, PT_STR(""),
                                        PT_STR("must be an object"));
        return;
    }

    for (member = root->first; member; member = member->next) {

        for (i = 0; names[i]; i++) {
            if (pt_str_is(member->key, names[i])) {
                break;
            }
        }

        if (names[i] == NULL) {
            ngx_http_pitchey_violations_add(v, PT_STR(""),
                                            PT_STR("has an unknown member"));
            return;
        }
    }
}


static uint16_t
ngx_http_pitchey_admin_number(const pt_json_t *root, const char *name,
    ngx_http_pitchey_violations_t *v)
{
    char     pointer[8];
    int64_t  n;

    n = pt_json_int(root, name, -1);

    if (n < 0 || n > NGX_HTTP_PITCHEY_PROCESSES_MAX) {
        (void) ngx_snprintf((u_char *) pointer, sizeof(pointer), "/%s%Z",
                            name);
        ngx_http_pitchey_violations_add(v, pt_str(pointer),
                                PT_STR("must be an integer from 0 to 1000"));
        return 0;
    }

    return (uint16_t) n;
}


ngx_int_t
ngx_http_pitchey_admin_usage_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    static const char *const  names[] = { "user", "month", NULL };

    return ngx_http_pitchey_admin_usage(r, names, 0);
}


ngx_int_t
ngx_http_pitchey_admin_users_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    static const char *const  names[] = { "month", NULL };

    return ngx_http_pitchey_admin_usage(r, names, 1);
}


static ngx_int_t
ngx_http_pitchey_admin_usage(ngx_http_request_t *r, const char *const *names,
    uint8_t by_user)
{
    char      *room;
    pt_msg_t   msg;
    pt_str_t   args, month, *user;

    args = ngx_http_pitchey_pt_str(&r->args);

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_USAGE;
    msg.u.usage.by_user = by_user;
    user = &msg.u.usage.owner;

    room = ngx_pnalloc(r->pool, 2 * args.len + 1);
    if (room == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ngx_http_pitchey_args_are(args, names)
        || (ngx_http_pitchey_args_get(args, "month", room, &month)
            && !ngx_http_pitchey_admin_month(month, &msg.u.usage.month))
        || (!by_user
            && ngx_http_pitchey_args_get(args, "user", room + args.len, user)
            && (user->len == 0 || user->len > PT_USER_MAX
                || !pt_str_is_utf8(*user)
                || memchr(user->data, '\0', user->len))))
    {
        return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST,
                                        "bad_request",
                                        "The query string is not what the "
                                        "route accepts: month=YYYY-MM%s.",
                                        by_user ? "" : ", user=ID");
    }

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                ngx_http_pitchey_reply_json);
}


/* "2026-11" as milliseconds since 1970 */
static bool
ngx_http_pitchey_admin_month(pt_str_t month, int64_t *ret_ms)
{
    char      text[] = "YYYY-MM-01T00:00:00Z";
    pt_str_t  time = PT_STR("");

    if (month.len != sizeof("YYYY-MM") - 1) {
        return false;
    }

    ngx_memcpy(text, month.data, month.len);

    time.data = text;
    time.len = sizeof(text) - 1;

    /* the format is strict about what the parser takes on trust */

    return pt_format_check(PT_FORMAT_DATE_TIME, time)
           && ngx_http_pitchey_timestamp_parse(time, ret_ms) && *ret_ms > 0;
}


ngx_int_t
ngx_http_pitchey_admin_deliveries_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return ngx_http_pitchey_ask_about(r, PT_CMD_DELIVERIES, &match->id,
                                      ngx_http_pitchey_reply_json);
}


