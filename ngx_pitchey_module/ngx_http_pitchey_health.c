/*
 * GET /health and GET /health/ready.  Nobody has to sign in for them, so they
 * tell which part is down and never why: that is in the logs.
 */

#include "ngx_http_pitchey_health.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_pg.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_revocation.h"
#include "ngx_http_pitchey_ask.h"


/* ms; a balancer asks often and does not wait long */
#define NGX_HTTP_PITCHEY_HEALTH_DEADLINE  1000


/* whether the sessions' database answers; lives until it has */
typedef struct {
    ngx_http_pitchey_pg_query_t  query;
    ngx_http_request_t          *request;      /* NULL: has gone */
    ngx_uint_t                   answered;
} ngx_http_pitchey_health_probe_t;


static void ngx_http_pitchey_health_leave(void *data);
static void ngx_http_pitchey_health_probed(ngx_http_pitchey_pg_query_t *query,
    PGresult *res);
static ngx_int_t ngx_http_pitchey_health_ask(ngx_http_request_t *r,
    ngx_uint_t sessions);
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


/* sessions first: the orchestrator cannot know whether we can read them */
ngx_int_t
ngx_http_pitchey_health_ready_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_http_cleanup_t               *cln;
    ngx_http_pitchey_main_conf_t     *pmcf;
    ngx_http_pitchey_health_probe_t  *probe;

    pmcf = ngx_http_get_module_main_conf(r, ngx_http_pitchey_module);

    if (pmcf->database == NULL) {
        return ngx_http_pitchey_health_ask(r, 0);
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* not of the request's pool, which may go before the answer comes */

    probe = ngx_calloc(sizeof(ngx_http_pitchey_health_probe_t),
                       r->connection->log);
    if (probe == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    probe->request = r;
    probe->query.sql = "select";
    probe->query.name = "the probe of pitchey_database";
    probe->query.handler = ngx_http_pitchey_health_probed;
    probe->query.data = probe;

    if (ngx_http_pitchey_pg_ask(&probe->query) != NGX_OK) {
        ngx_free(probe);
        return ngx_http_pitchey_health_ask(r, 0);
    }

    cln->handler = ngx_http_pitchey_health_leave;
    cln->data = probe;

    r->main->count++;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_DONE;
}


static void
ngx_http_pitchey_health_leave(void *data)
{
    ngx_http_pitchey_health_probe_t  *probe = data;

    probe->request = NULL;

    if (probe->answered) {
        ngx_free(probe);
    }
}


static void
ngx_http_pitchey_health_probed(ngx_http_pitchey_pg_query_t *query,
    PGresult *res)
{
    ngx_connection_t                 *c;
    ngx_http_request_t               *r;
    ngx_http_pitchey_health_probe_t  *probe;

    probe = query->data;
    r = probe->request;

    if (r == NULL) {
        ngx_free(probe);
        return;
    }

    /* from now on it is freed with the request */
    probe->answered = 1;

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    ngx_http_finalize_request(r, ngx_http_pitchey_health_ask(r, res != NULL));
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_pitchey_health_ask(ngx_http_request_t *r, ngx_uint_t sessions)
{
    pt_msg_t                 msg;
    ngx_http_pitchey_ctx_t  *ctx;

    static ngx_uint_t  yes = 1;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->data = sessions ? &yes : NULL;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_HEALTH;

    return ngx_http_pitchey_ask(r, &msg,
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
    ngx_http_pitchey_ctx_t      *ctx;
    ngx_http_pitchey_problem_t   problem;

    parts = NULL;
    orchestrator = 0;

    if (reply->err == PT_OK) {
        mem = ngx_http_pitchey_mem(r->pool);

        orchestrator = mem != NULL
                       && pt_json_parse(reply->body, mem, &parts, NULL)
                          == PT_OK;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    database = ctx->data != NULL
               && pt_json_bool(parts, "database", !orchestrator);
    storage = pt_json_bool(parts, "storage", false);

    members.data = ngx_pnalloc(r->pool, 256);
    if (members.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* without it sessions are asked for more often, and still answered */
    p = ngx_sprintf(members.data, "\"revocations\":\"%s\","
                    "\"orchestrator\":\"%s\","
                    "\"database\":\"%s\",\"storage\":\"%s\"",
                    ngx_http_pitchey_revocation_alive() ? "ok"
                                                        : "unavailable",
                    orchestrator ? "ok" : "unavailable",
                    database ? "ok" : "unavailable",
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
