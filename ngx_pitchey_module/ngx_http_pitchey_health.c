/*
 * GET /health and GET /health/ready.  Nobody has to sign in for them, so they
 * tell which part is down and never why: that is in the logs.
 */

#include "ngx_http_pitchey_health.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_zmq.h"


/* ms; a balancer asks often and does not wait long */
#define NGX_HTTP_PITCHEY_HEALTH_DEADLINE  1000


static ngx_int_t ngx_http_pitchey_health_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);


ngx_int_t
ngx_http_pitchey_health_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    static ngx_str_t  body =
        ngx_string("{\"status\":\"ok\",\"version\":\"" PITCHEY_VERSION "\"}");

    return ngx_http_pitchey_send_json(r, NGX_HTTP_OK, &body);
}


ngx_int_t
ngx_http_pitchey_health_ready_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    pt_msg_t  msg;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_HEALTH;

    return ngx_http_pitchey_zmq_request(r, &msg,
                                        NGX_HTTP_PITCHEY_HEALTH_DEADLINE,
                                        ngx_http_pitchey_health_reply);
}


/* the orchestrator answers for its database and its storage */
static ngx_int_t
ngx_http_pitchey_health_reply(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    u_char                      *p;
    ngx_str_t                    members, body;
    pt_json_t                   *parts;
    ngx_uint_t                   orchestrator, database, storage;
    const pt_mem_t              *mem;
    ngx_http_pitchey_problem_t   problem;

    parts = NULL;
    orchestrator = 0;

    if (reply->err == PT_OK) {
        mem = ngx_http_pitchey_mem(r->pool);

        orchestrator = mem != NULL
                       && pt_json_parse(reply->body, mem, &parts, NULL)
                          == PT_OK;
    }

    database = pt_json_bool(parts, "database", false);
    storage = pt_json_bool(parts, "storage", false);

    members.data = ngx_pnalloc(r->pool, 256);
    if (members.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(members.data, "\"orchestrator\":\"%s\","
                    "\"database\":\"%s\",\"storage\":\"%s\"",
                    orchestrator ? "ok" : "unavailable",
                    database ? "ok" : orchestrator ? "unavailable" : "unknown",
                    storage ? "ok" : orchestrator ? "unavailable" : "unknown");

    members.len = p - members.data;

    if (!orchestrator || !database || !storage) {
        ngx_memzero(&problem, sizeof(ngx_http_pitchey_problem_t));

        problem.status = NGX_HTTP_SERVICE_UNAVAILABLE;
        problem.code = pt_err_code(PT_E_UNAVAILABLE);
        ngx_str_set(&problem.detail, "A part of the service is not ready.");
        problem.members = members;
        problem.retry_after = 1;

        return ngx_http_pitchey_problem_send(r, &problem);
    }

    body.data = ngx_pnalloc(r->pool, members.len + sizeof("{\"status\":"
                                                          "\"ready\",}"));
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.len = ngx_sprintf(body.data, "{\"status\":\"ready\",%V}", &members)
               - body.data;

    return ngx_http_pitchey_send_json(r, NGX_HTTP_OK, &body);
}
