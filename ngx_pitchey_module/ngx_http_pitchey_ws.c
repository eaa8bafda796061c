/*
 * WebSockets.
 *
 *     handshake -> read: frames -> messages -> subscriptions
 *                  advance: answers first, then news of each in turn -> frames
 *
 * One frame is under way at a time.  Events are taken from the watches when
 * the client has read the one before, so what a slow client costs is the same;
 * while it does not read, nothing is read from it either.
 */

#include <openssl/sha.h>

#include "ngx_http_pitchey_ws.h"
#include "ngx_http_pitchey_frames.h"
#include "ngx_http_pitchey_owner.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_timestamp.h"
#include "pt_format.h"
#include "pt_json.h"


/* bytes that one read takes */
#define NGX_HTTP_PITCHEY_WS_READ       4096

/* seconds of the rate that may come at once: a page that subscribes */
#define NGX_HTTP_PITCHEY_WS_BURST      10

/* ms that an ended job of the user's is remembered; longer than CHANGED may
 * name it (ngx_http_pitchey_owner.c) */
#define NGX_HTTP_PITCHEY_WS_ENDED      240000

/* our own close codes */
#define NGX_HTTP_PITCHEY_WS_TRY_LATER  1013
#define NGX_HTTP_PITCHEY_WS_REVOKED    4401


typedef struct ngx_http_pitchey_ws_s  ngx_http_pitchey_ws_t;


/* a job that it follows */
typedef struct {
    ngx_rbtree_node_t              node;      /* by the end of its id */
    pt_id_t                        job;
    ngx_http_pitchey_subscriber_t  sub;
    ngx_http_pitchey_ws_t         *ws;
    ngx_queue_t                    active;    /* there may be news */
    ngx_queue_t                    ended;     /* all of it was told */
    ngx_msec_t                     end_time;
    unsigned                       asked:1;   /* by its id, not with all */
} ngx_http_pitchey_ws_job_t;


/* a frame of ours that waits */
typedef struct {
    ngx_queue_t                    queue;
    size_t                         len;
    u_char                         bytes[];
} ngx_http_pitchey_ws_frame_t;


struct ngx_http_pitchey_ws_s {
    ngx_http_pitchey_stream_t      stream;
    ngx_http_pitchey_frames_t      in;

    ngx_rbtree_t                   jobs;
    ngx_rbtree_node_t              sentinel;
    ngx_queue_t                    active;    /* of jobs */
    ngx_queue_t                    ended;     /* the oldest first */
    ngx_uint_t                     nasked;
    ngx_http_pitchey_member_t      all;       /* of the user's */

    ngx_queue_t                    answers;   /* of frames */
    ngx_http_pitchey_ws_frame_t   *answer;    /* these two are being sent */
    ngx_http_pitchey_news_t       *news;
    off_t                          sent;      /* by the last beat */

    ngx_uint_t                     tokens;    /* thousandths of a message */
    ngx_msec_t                     token_time;
    ngx_msec_t                     heard;     /* when something came last */
    unsigned                       slow:1;    /* it was by the last beat */
    unsigned                       closing:1; /* a close frame is the last */
};


typedef void (*ngx_http_pitchey_ws_message_pt)(ngx_http_pitchey_ws_t *ws,
    const pt_json_t *message);


static ngx_int_t ngx_http_pitchey_ws_check(ngx_http_request_t *r,
    ngx_str_t *ret_key);
static ngx_uint_t ngx_http_pitchey_ws_names(const ngx_str_t *value,
    const char *token);
static ngx_int_t ngx_http_pitchey_ws_upgrade_required(ngx_http_request_t *r);
static ngx_int_t ngx_http_pitchey_ws_header(ngx_http_request_t *r,
    ngx_str_t *key);
static ngx_http_pitchey_ws_t *ngx_http_pitchey_ws_create(
    ngx_http_request_t *r);

static void ngx_http_pitchey_ws_read_handler(ngx_http_request_t *r);
static void ngx_http_pitchey_ws_read(ngx_http_pitchey_ws_t *ws);
static void ngx_http_pitchey_ws_input(ngx_http_pitchey_ws_t *ws, u_char *data,
    size_t len);
static ngx_uint_t ngx_http_pitchey_ws_is_flood(ngx_http_pitchey_ws_t *ws);
static void ngx_http_pitchey_ws_message(ngx_http_pitchey_ws_t *ws,
    pt_str_t text);
static void ngx_http_pitchey_ws_ping(ngx_http_pitchey_ws_t *ws,
    const pt_json_t *message);
static void ngx_http_pitchey_ws_subscribe(ngx_http_pitchey_ws_t *ws,
    const pt_json_t *message);
static void ngx_http_pitchey_ws_subscribe_job(ngx_http_pitchey_ws_t *ws,
    const pt_id_t *job, uint32_t after);
static void ngx_http_pitchey_ws_subscribe_all(ngx_http_pitchey_ws_t *ws,
    const pt_json_t *message);
static void ngx_http_pitchey_ws_unsubscribe(ngx_http_pitchey_ws_t *ws,
    const pt_json_t *message);
static ngx_int_t ngx_http_pitchey_ws_target(ngx_http_pitchey_ws_t *ws,
    const pt_json_t *message, ngx_uint_t *ret_all, pt_id_t *ret_job);

static ngx_http_pitchey_ws_job_t *ngx_http_pitchey_ws_find(
    ngx_http_pitchey_ws_t *ws, const pt_id_t *job);
static ngx_http_pitchey_ws_job_t *ngx_http_pitchey_ws_add(
    ngx_http_pitchey_ws_t *ws, const pt_id_t *job);
static void ngx_http_pitchey_ws_remove(ngx_http_pitchey_ws_job_t *j);
static void ngx_http_pitchey_ws_job_done(ngx_http_pitchey_ws_job_t *j);
static void ngx_http_pitchey_ws_ready(ngx_http_pitchey_subscriber_t *sub);
static void ngx_http_pitchey_ws_news(ngx_http_pitchey_subscriber_t *sub);
static void ngx_http_pitchey_ws_refused(ngx_http_pitchey_subscriber_t *sub,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_ws_gone(ngx_http_pitchey_subscriber_t *sub);

static void ngx_http_pitchey_ws_all_list(ngx_http_pitchey_member_t *m,
    pt_str_t json);
static void ngx_http_pitchey_ws_all_job(ngx_http_pitchey_member_t *m,
    const pt_id_t *job, uint32_t after, uint32_t known, ngx_uint_t open);
static void ngx_http_pitchey_ws_all_flush(ngx_http_pitchey_member_t *m);
static void ngx_http_pitchey_ws_all_refused(ngx_http_pitchey_member_t *m,
    const ngx_http_pitchey_reply_t *reply);

static void ngx_http_pitchey_ws_say(ngx_http_pitchey_ws_t *ws,
    const char *type, const pt_id_t *job, const char *code,
    const char *detail);
static void ngx_http_pitchey_ws_reply_error(ngx_http_pitchey_ws_t *ws,
    const pt_id_t *job, const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_ws_put(ngx_http_pitchey_ws_t *ws, uint8_t opcode,
    pt_str_t payload);
static void ngx_http_pitchey_ws_close_with(ngx_http_pitchey_ws_t *ws,
    ngx_uint_t code);
static void ngx_http_pitchey_ws_advance(ngx_http_pitchey_ws_t *ws);
static ngx_int_t ngx_http_pitchey_ws_next(ngx_http_pitchey_ws_t *ws,
    pt_str_t *ret_frame);
static ngx_int_t ngx_http_pitchey_ws_next_news(ngx_http_pitchey_ws_t *ws,
    pt_str_t *ret_frame);
static void ngx_http_pitchey_ws_write_handler(ngx_http_request_t *r);

static void ngx_http_pitchey_ws_beat(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_ws_stop(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_ws_revoked(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_ws_close(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_ws_free(ngx_http_pitchey_stream_t *s);


static const ngx_http_pitchey_transport_t  ngx_http_pitchey_ws_transport = {
    ngx_http_pitchey_ws_ready,
    ngx_http_pitchey_ws_news,
    ngx_http_pitchey_ws_refused,
    ngx_http_pitchey_ws_gone
};


static const ngx_http_pitchey_member_type_t  ngx_http_pitchey_ws_all = {
    ngx_http_pitchey_ws_all_list,
    ngx_http_pitchey_ws_all_job,
    ngx_http_pitchey_ws_all_flush,
    ngx_http_pitchey_ws_all_refused
};


static const ngx_http_pitchey_stream_type_t  ngx_http_pitchey_ws_type = {
    ngx_http_pitchey_ws_beat,
    ngx_http_pitchey_ws_stop,
    ngx_http_pitchey_ws_revoked,
    ngx_http_pitchey_ws_close,
    ngx_http_pitchey_ws_free
};


static const struct {
    const char                      *type;
    ngx_http_pitchey_ws_message_pt   handler;
} ngx_http_pitchey_ws_messages[] = {
    { "subscribe",   ngx_http_pitchey_ws_subscribe },
    { "unsubscribe", ngx_http_pitchey_ws_unsubscribe },
    { "ping",        ngx_http_pitchey_ws_ping },
    { NULL, NULL }
};


/* whether the page may is decided by _cors, whose user it is by _auth */
ngx_int_t
ngx_http_pitchey_ws_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_int_t               rc;
    ngx_str_t               key;
    ngx_http_pitchey_ws_t  *ws;

    ngx_str_null(&key);

    rc = ngx_http_pitchey_ws_check(r, &key);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    ws = ngx_http_pitchey_ws_create(r);
    if (ws == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_pitchey_ws_header(r, &key);
    if (rc != NGX_OK) {
        return rc;
    }

    r->main->count++;

    r->read_event_handler = ngx_http_pitchey_ws_read_handler;
    r->write_event_handler = ngx_http_pitchey_ws_write_handler;
    r->connection->log->action = "serving a WebSocket";

    /* what came behind the request, and maybe more */
    ngx_http_pitchey_ws_read_handler(r);

    return NGX_DONE;
}


/* NGX_DECLINED: it is a handshake; else the answer */
static ngx_int_t
ngx_http_pitchey_ws_check(ngx_http_request_t *r, ngx_str_t *ret_key)
{
    u_char      bytes[24];
    ngx_str_t  *connection, *key, *version, decoded;

    /* this nginx does not keep it in r->headers_in.connection */
    connection = ngx_http_pitchey_route_header(r, "connection");

    if (r->method != NGX_HTTP_GET || r->http_version != NGX_HTTP_VERSION_11
        || r->headers_in.upgrade == NULL
        || !ngx_http_pitchey_ws_names(&r->headers_in.upgrade->value,
                                      "websocket")
        || connection == NULL
        || !ngx_http_pitchey_ws_names(connection, "upgrade"))
    {
        return ngx_http_pitchey_ws_upgrade_required(r);
    }

    version = ngx_http_pitchey_route_header(r, "sec-websocket-version");

    if (version == NULL || version->len != 2
        || ngx_memcmp(version->data, "13", 2) != 0)
    {
        return ngx_http_pitchey_ws_upgrade_required(r);
    }

    key = ngx_http_pitchey_route_header(r, "sec-websocket-key");
    decoded.data = bytes;

    if (key == NULL || key->len != 24
        || ngx_decode_base64(&decoded, key) != NGX_OK || decoded.len != 16)
    {
        return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST, "bad_request",
                                        "Sec-WebSocket-Key is the base64 of "
                                        "16 bytes.");
    }

    *ret_key = *key;

    return NGX_DECLINED;
}


/* whether a list such as "keep-alive, Upgrade" names it */
static ngx_uint_t
ngx_http_pitchey_ws_names(const ngx_str_t *value, const char *token)
{
    u_char  *p, *start, *last;
    size_t   len;

    len = ngx_strlen(token);
    p = value->data;
    last = p + value->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        start = p;

        while (p < last && *p != ' ' && *p != '\t' && *p != ',') {
            p++;
        }

        if ((size_t) (p - start) == len
            && ngx_strncasecmp(start, (u_char *) token, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_pitchey_ws_upgrade_required(ngx_http_request_t *r)
{
    static ngx_str_t  upgrade = ngx_string("websocket");
    static ngx_str_t  version = ngx_string("13");

    if (ngx_http_pitchey_add_header(r, "Upgrade", &upgrade) != NGX_OK
        || ngx_http_pitchey_add_header(r, "Sec-WebSocket-Version", &version)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_problem(r, 426, "upgrade_required",
                                    "This is a WebSocket of version 13 over "
                                    "HTTP/1.1.");
}


static ngx_http_pitchey_ws_t *
ngx_http_pitchey_ws_create(ngx_http_request_t *r)
{
    ngx_http_pitchey_ws_t        *ws;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    ws = ngx_pcalloc(r->pool, sizeof(ngx_http_pitchey_ws_t));
    if (ws == NULL) {
        return NULL;
    }

    ws->stream.type = &ngx_http_pitchey_ws_type;
    ws->stream.request = r;
    ws->in.max = plcf->ws_message_max;
    ws->all.type = &ngx_http_pitchey_ws_all;
    ws->all.stream = &ws->stream;

    ngx_rbtree_init(&ws->jobs, &ws->sentinel, ngx_rbtree_insert_value);
    ngx_queue_init(&ws->active);
    ngx_queue_init(&ws->ended);
    ngx_queue_init(&ws->answers);

    ws->tokens = 1000 * NGX_HTTP_PITCHEY_WS_BURST * plcf->ws_rate;
    ws->token_time = ngx_current_msec;
    ws->heard = ngx_current_msec;

    if (ngx_http_pitchey_stream_open(&ws->stream) != NGX_OK) {
        return NULL;
    }

    return ws;
}


static ngx_int_t
ngx_http_pitchey_ws_header(ngx_http_request_t *r, ngx_str_t *key)
{
    u_char                     text[24 + 36];
    u_char                     hash[SHA_DIGEST_LENGTH];
    ngx_int_t                  rc;
    ngx_str_t                  accept, digest;
    ngx_connection_t          *c;
    ngx_http_core_loc_conf_t  *clcf;

    static ngx_str_t  upgrade = ngx_string("websocket");

    c = r->connection;

    ngx_memcpy(text, key->data, 24);
    ngx_memcpy(text + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    SHA1(text, sizeof(text), hash);

    digest.data = hash;
    digest.len = sizeof(hash);

    accept.data = ngx_pnalloc(r->pool, ngx_base64_encoded_length(sizeof(hash)));
    if (accept.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_encode_base64(&accept, &digest);

    /* its "Connection: upgrade" is nginx's own */

    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    r->headers_out.content_length_n = -1;
    r->keepalive = 0;

    if (ngx_http_pitchey_add_header(r, "Upgrade", &upgrade) != NGX_OK
        || ngx_http_pitchey_add_header(r, "Sec-WebSocket-Accept", &accept)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->tcp_nodelay && ngx_tcp_nodelay(c) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }

    /* the only one that is more than a piece of a buffer */
    return ngx_http_send_special(r, NGX_HTTP_FLUSH) == NGX_ERROR ? NGX_ERROR
                                                                 : NGX_OK;
}


/* what a client sends may end it: what is held stays in memory until then */
static void
ngx_http_pitchey_ws_read_handler(ngx_http_request_t *r)
{
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    ngx_http_pitchey_stream_hold(ctx->data);
    ngx_http_pitchey_ws_read(ctx->data);
    ngx_http_pitchey_stream_release(ctx->data);
}


static void
ngx_http_pitchey_ws_read(ngx_http_pitchey_ws_t *ws)
{
    u_char               buf[NGX_HTTP_PITCHEY_WS_READ];
    size_t               len;
    ssize_t              n;
    ngx_buf_t           *b;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ws->stream.request;
    c = r->connection;

    while (ws->stream.open && !ws->stream.blocked && !ws->closing) {

        b = r->header_in;
        len = b->last - b->pos;

        if (len) {
            b->pos = b->last;
            ngx_http_pitchey_ws_input(ws, b->last - len, len);
            continue;
        }

        n = c->recv(c, buf, NGX_HTTP_PITCHEY_WS_READ);

        if (n == NGX_AGAIN) {
            if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
                ngx_http_pitchey_stream_finalize(&ws->stream, NGX_ERROR);
            }

            return;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_pitchey_stream_finalize(&ws->stream,
                                             NGX_HTTP_CLIENT_CLOSED_REQUEST);
            return;
        }

        ngx_http_pitchey_ws_input(ws, buf, n);
    }
}


static void
ngx_http_pitchey_ws_input(ngx_http_pitchey_ws_t *ws, u_char *data, size_t len)
{
    ngx_http_pitchey_frames_item_t  item;

    ws->heard = ngx_current_msec;

    ngx_http_pitchey_frames_feed(&ws->in, data, len);

    while (ws->stream.open && !ws->closing) {

        ngx_http_pitchey_frames_next(&ws->in, &item);

        if (item.kind == NGX_HTTP_PITCHEY_FRAMES_MORE) {
            return;
        }

        if (item.kind == NGX_HTTP_PITCHEY_FRAMES_CLOSE
            || item.kind == NGX_HTTP_PITCHEY_FRAMES_FAILED)
        {
            ngx_http_pitchey_ws_close_with(ws, item.code);

        } else if (ngx_http_pitchey_ws_is_flood(ws)) {
            ngx_http_pitchey_ws_close_with(ws, WSLAY_CODE_POLICY_VIOLATION);

        } else if (item.kind == NGX_HTTP_PITCHEY_FRAMES_PING) {
            ngx_http_pitchey_ws_put(ws, WSLAY_PONG, item.payload);

        } else if (item.kind == NGX_HTTP_PITCHEY_FRAMES_TEXT) {
            ngx_http_pitchey_ws_message(ws, item.payload);
        }

        if (ws->stream.open) {
            ngx_http_pitchey_ws_advance(ws);
        }
    }
}


static ngx_uint_t
ngx_http_pitchey_ws_is_flood(ngx_http_pitchey_ws_t *ws)
{
    ngx_uint_t                    max, tokens;
    ngx_msec_t                    passed;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(ws->stream.request,
                                        ngx_http_pitchey_module);

    max = 1000 * NGX_HTTP_PITCHEY_WS_BURST * plcf->ws_rate;
    passed = ngx_min(ngx_current_msec - ws->token_time,
                     1000 * NGX_HTTP_PITCHEY_WS_BURST);

    tokens = ngx_min(ws->tokens + passed * plcf->ws_rate, max);

    ws->token_time = ngx_current_msec;
    ws->tokens = tokens < 1000 ? tokens : tokens - 1000;

    return tokens < 1000;
}


static void
ngx_http_pitchey_ws_message(ngx_http_pitchey_ws_t *ws, pt_str_t text)
{
    pt_str_t     type;
    pt_json_t   *message;
    ngx_uint_t   i;

    if (pt_json_parse(text, &pt_mem_heap, &message, NULL) != PT_OK) {
        ngx_http_pitchey_ws_say(ws, "error", NULL, "invalid_json",
                                "The message is not JSON.");
        return;
    }

    type = pt_json_string(message, "type", PT_STR(""));

    for (i = 0; ngx_http_pitchey_ws_messages[i].type; i++) {
        if (pt_str_is(type, ngx_http_pitchey_ws_messages[i].type)) {
            ngx_http_pitchey_ws_messages[i].handler(ws, message);
            break;
        }
    }

    if (ngx_http_pitchey_ws_messages[i].type == NULL) {
        ngx_http_pitchey_ws_say(ws, "error", NULL, "bad_message",
                                "The type is subscribe, unsubscribe or ping.");
    }

    pt_json_free(message);
}


static void
ngx_http_pitchey_ws_ping(ngx_http_pitchey_ws_t *ws, const pt_json_t *message)
{
    ngx_http_pitchey_ws_say(ws, "pong", NULL, NULL, NULL);
}


static void
ngx_http_pitchey_ws_subscribe(ngx_http_pitchey_ws_t *ws,
    const pt_json_t *message)
{
    pt_id_t           job;
    ngx_uint_t        all;
    const pt_json_t  *after;

    if (ngx_http_pitchey_ws_target(ws, message, &all, &job) != NGX_OK) {
        return;
    }

    if (all) {
        ngx_http_pitchey_ws_subscribe_all(ws, message);
        return;
    }

    after = pt_json_member(message, "after");

    if (after && (!after->integer || after->i64 < 0
                  || after->i64 > NGX_MAX_INT32_VALUE))
    {
        ngx_http_pitchey_ws_say(ws, "error", &job, "bad_message",
                                "\"after\" is the number of an event.");
        return;
    }

    ngx_http_pitchey_ws_subscribe_job(ws, &job,
                                      after ? (uint32_t) after->i64 : 0);
}


/* NGX_OK; NGX_DECLINED: was answered */
static ngx_int_t
ngx_http_pitchey_ws_target(ngx_http_pitchey_ws_t *ws,
    const pt_json_t *message, ngx_uint_t *ret_all, pt_id_t *ret_job)
{
    const pt_json_t  *job;

    job = pt_json_member(message, "job");
    *ret_all = pt_json_bool(message, "all", false);

    if (*ret_all && job == NULL) {
        return NGX_OK;
    }

    if (!*ret_all && job && job->type == PT_JSON_STRING
        && pt_id_parse(job->text, ret_job) == PT_OK
        && !pt_id_is_zero(ret_job))
    {
        return NGX_OK;
    }

    ngx_http_pitchey_ws_say(ws, "error", NULL, "bad_message",
                            "Either \"job\" is a job's id, or \"all\" is "
                            "true.");
    return NGX_DECLINED;
}


static void
ngx_http_pitchey_ws_subscribe_job(ngx_http_pitchey_ws_t *ws,
    const pt_id_t *job, uint32_t after)
{
    ngx_http_pitchey_ws_job_t    *j;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(ws->stream.request,
                                        ngx_http_pitchey_module);

    j = ngx_http_pitchey_ws_find(ws, job);

    if (j && (j->sub.watch || j->asked)) {
        ngx_http_pitchey_ws_say(ws, "error", job, "conflict",
                                "The job is subscribed already.");
        return;
    }

    if (ws->nasked == plcf->ws_subscriptions) {
        ngx_http_pitchey_ws_say(ws, "error", job, "too_many_subscriptions",
                                "Unsubscribe from others first.");
        return;
    }

    if (j) {
        ngx_http_pitchey_ws_remove(j);
    }

    j = ngx_http_pitchey_ws_add(ws, job);

    if (j) {
        j->asked = 1;
        ws->nasked++;

        /* which may refuse it, and free it, at once */
        if (ngx_http_pitchey_watch_join(&j->sub, job, after) == NGX_OK) {
            return;
        }

        ngx_http_pitchey_ws_remove(j);
    }

    ngx_http_pitchey_ws_close_with(ws, WSLAY_CODE_INTERNAL_SERVER_ERROR);
}


static void
ngx_http_pitchey_ws_subscribe_all(ngx_http_pitchey_ws_t *ws,
    const pt_json_t *message)
{
    int64_t           ms;
    const pt_json_t  *since;

    ms = 0;
    since = pt_json_member(message, "since");

    /* the format is strict about what the parser takes on trust */

    if (since && (since->type != PT_JSON_STRING
                  || !pt_format_check(PT_FORMAT_DATE_TIME, since->text)
                  || !ngx_http_pitchey_timestamp_parse(since->text, &ms)
                  || ms <= 0))
    {
        ngx_http_pitchey_ws_say(ws, "error", NULL, "bad_message",
                                "\"since\" is a date-time of RFC 3339.");
        return;
    }

    if (ws->all.owner != NULL) {
        ngx_http_pitchey_ws_say(ws, "error", NULL, "conflict",
                                "All jobs are subscribed already.");
        return;
    }

    if (ngx_http_pitchey_owner_join(&ws->all, ms) != NGX_OK) {
        ngx_http_pitchey_ws_close_with(ws, WSLAY_CODE_INTERNAL_SERVER_ERROR);
    }
}


static void
ngx_http_pitchey_ws_unsubscribe(ngx_http_pitchey_ws_t *ws,
    const pt_json_t *message)
{
    pt_id_t                     job;
    ngx_uint_t                  all;
    ngx_rbtree_node_t          *node, *next;
    ngx_http_pitchey_ws_job_t  *j;

    if (ngx_http_pitchey_ws_target(ws, message, &all, &job) != NGX_OK) {
        return;
    }

    if (!all) {
        j = ngx_http_pitchey_ws_find(ws, &job);

        if (j == NULL || !j->asked) {
            ngx_http_pitchey_ws_say(ws, "error", &job, "not_found",
                                    "The job is not subscribed.");
            return;
        }

        ngx_http_pitchey_ws_remove(j);
        ngx_http_pitchey_ws_say(ws, "unsubscribed", &job, NULL, NULL);

        return;
    }

    if (ws->all.owner == NULL) {
        ngx_http_pitchey_ws_say(ws, "error", NULL, "not_found",
                                "All jobs are not subscribed.");
        return;
    }

    ngx_http_pitchey_owner_leave(&ws->all);

    for (node = (ws->jobs.root == ws->jobs.sentinel) ? NULL
                : ngx_rbtree_min(ws->jobs.root, ws->jobs.sentinel);
         node;
         node = next)
    {
        next = ngx_rbtree_next(&ws->jobs, node);
        j = (ngx_http_pitchey_ws_job_t *) node;

        if (!j->asked) {
            ngx_http_pitchey_ws_remove(j);
        }
    }

    ngx_http_pitchey_ws_say(ws, "unsubscribed", NULL, NULL, NULL);
}


static ngx_rbtree_key_t
ngx_http_pitchey_ws_key(const pt_id_t *job)
{
    ngx_rbtree_key_t  key;

    /* the end of an id is random */
    ngx_memcpy(&key, job->bytes + sizeof(job->bytes) - sizeof(key),
               sizeof(key));

    return key;
}


static ngx_http_pitchey_ws_job_t *
ngx_http_pitchey_ws_find(ngx_http_pitchey_ws_t *ws, const pt_id_t *job)
{
    ngx_rbtree_key_t            key;
    ngx_rbtree_node_t          *node;
    ngx_http_pitchey_ws_job_t  *j;

    key = ngx_http_pitchey_ws_key(job);
    node = ws->jobs.root;

    while (node != ws->jobs.sentinel) {
        j = (ngx_http_pitchey_ws_job_t *) node;

        if (pt_id_eq(&j->job, job)) {
            return j;
        }

        /* equal keys stand to the right */
        node = (key < node->key) ? node->left : node->right;
    }

    return NULL;
}


static ngx_http_pitchey_ws_job_t *
ngx_http_pitchey_ws_add(ngx_http_pitchey_ws_t *ws, const pt_id_t *job)
{
    ngx_http_pitchey_ws_job_t  *j;

    j = ngx_calloc(sizeof(ngx_http_pitchey_ws_job_t),
                   ws->stream.request->connection->log);
    if (j == NULL) {
        return NULL;
    }

    j->job = *job;
    j->ws = ws;
    j->sub.transport = &ngx_http_pitchey_ws_transport;
    j->sub.stream = &ws->stream;

    ngx_queue_init(&j->active);
    ngx_queue_init(&j->ended);

    j->node.key = ngx_http_pitchey_ws_key(job);
    ngx_rbtree_insert(&ws->jobs, &j->node);

    return j;
}


static void
ngx_http_pitchey_ws_remove(ngx_http_pitchey_ws_job_t *j)
{
    if (j->asked) {
        j->ws->nasked--;
    }

    ngx_http_pitchey_watch_leave(&j->sub);

    ngx_queue_remove(&j->active);
    ngx_queue_remove(&j->ended);
    ngx_rbtree_delete(&j->ws->jobs, &j->node);
    ngx_free(j);
}


static void
ngx_http_pitchey_ws_ready(ngx_http_pitchey_subscriber_t *sub)
{
    ngx_http_pitchey_ws_job_t  *j;

    j = ngx_queue_data(sub, ngx_http_pitchey_ws_job_t, sub);

    if (j->asked) {
        ngx_http_pitchey_ws_say(j->ws, "subscribed", &j->job, NULL, NULL);
    }

    ngx_http_pitchey_ws_news(sub);
}


static void
ngx_http_pitchey_ws_news(ngx_http_pitchey_subscriber_t *sub)
{
    ngx_http_pitchey_ws_job_t  *j;

    j = ngx_queue_data(sub, ngx_http_pitchey_ws_job_t, sub);

    if (ngx_queue_empty(&j->active)) {
        ngx_queue_insert_tail(&j->ws->active, &j->active);
    }

    ngx_http_pitchey_ws_advance(j->ws);
}


static void
ngx_http_pitchey_ws_refused(ngx_http_pitchey_subscriber_t *sub,
    const ngx_http_pitchey_reply_t *reply)
{
    pt_id_t                     job;
    ngx_uint_t                  asked;
    ngx_http_pitchey_ws_t      *ws;
    ngx_http_pitchey_ws_job_t  *j;

    j = ngx_queue_data(sub, ngx_http_pitchey_ws_job_t, sub);

    ws = j->ws;
    job = j->job;
    asked = j->asked;

    ngx_http_pitchey_ws_remove(j);

    if (!asked) {
        /* the next CHANGED names it again */
        return;
    }

    if (reply->err == PT_E_INVALID) {
        ngx_http_pitchey_ws_say(ws, "error", &job, "bad_message",
                                "The job has no event of that number.");

    } else {
        ngx_http_pitchey_ws_reply_error(ws, &job, reply);
    }

    ngx_http_pitchey_ws_advance(ws);
}


static void
ngx_http_pitchey_ws_gone(ngx_http_pitchey_subscriber_t *sub)
{
    ngx_http_pitchey_ws_t      *ws;
    ngx_http_pitchey_ws_job_t  *j;

    j = ngx_queue_data(sub, ngx_http_pitchey_ws_job_t, sub);
    ws = j->ws;

    ngx_http_pitchey_ws_job_done(j);
    ngx_http_pitchey_ws_advance(ws);
}


/* all was told: its subscription ends */
static void
ngx_http_pitchey_ws_job_done(ngx_http_pitchey_ws_job_t *j)
{
    ngx_queue_t                *q;
    ngx_http_pitchey_ws_t      *ws;
    ngx_http_pitchey_ws_job_t  *old;

    ws = j->ws;

    if (j->asked) {
        ngx_http_pitchey_ws_say(ws, "end", &j->job, NULL, NULL);
        j->asked = 0;
        ws->nasked--;
    }

    if (ws->all.owner == NULL) {
        ngx_http_pitchey_ws_remove(j);
        return;
    }

    /* it may be named again, and was told */

    ngx_http_pitchey_watch_leave(&j->sub);
    ngx_queue_remove(&j->active);
    ngx_queue_init(&j->active);

    j->end_time = ngx_current_msec;
    ngx_queue_insert_tail(&ws->ended, &j->ended);

    for ( ;; ) {
        q = ngx_queue_head(&ws->ended);
        old = ngx_queue_data(q, ngx_http_pitchey_ws_job_t, ended);

        if (ngx_current_msec - old->end_time < NGX_HTTP_PITCHEY_WS_ENDED) {
            return;
        }

        ngx_http_pitchey_ws_remove(old);
    }
}


static void
ngx_http_pitchey_ws_all_list(ngx_http_pitchey_member_t *m, pt_str_t json)
{
    pt_buf_t                buf;
    ngx_http_pitchey_ws_t  *ws;

    ws = ngx_queue_data(m, ngx_http_pitchey_ws_t, all);

    /* an object: its members go on behind the type */

    pt_buf_init(&buf, &pt_mem_heap, json.len + 64);
    pt_buf_add_text(&buf, "{\"type\":\"jobs\",");
    pt_buf_add(&buf, json.data + 1, json.len - 1);

    if (buf.err == PT_OK) {
        ngx_http_pitchey_ws_put(ws, WSLAY_TEXT_FRAME, pt_buf_str(&buf));
    }

    pt_buf_done(&buf);
}


static void
ngx_http_pitchey_ws_all_job(ngx_http_pitchey_member_t *m, const pt_id_t *job,
    uint32_t after, uint32_t known, ngx_uint_t open)
{
    ngx_http_pitchey_ws_t      *ws;
    ngx_http_pitchey_ws_job_t  *j;

    ws = ngx_queue_data(m, ngx_http_pitchey_ws_t, all);

    if ((!open && after == known) || ws->closing
        || ngx_http_pitchey_ws_find(ws, job) != NULL)
    {
        return;
    }

    j = ngx_http_pitchey_ws_add(ws, job);

    if (j == NULL) {
        return;
    }

    if (ngx_http_pitchey_watch_attach(&j->sub, job, after, known) != NGX_OK) {
        ngx_http_pitchey_ws_remove(j);
        return;
    }

    if (j->sub.ready) {
        ngx_queue_insert_tail(&ws->active, &j->active);
    }
}


static void
ngx_http_pitchey_ws_all_flush(ngx_http_pitchey_member_t *m)
{
    ngx_http_pitchey_ws_advance(ngx_queue_data(m, ngx_http_pitchey_ws_t,
                                                all));
}


static void
ngx_http_pitchey_ws_all_refused(ngx_http_pitchey_member_t *m,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_http_pitchey_ws_t  *ws;

    ws = ngx_queue_data(m, ngx_http_pitchey_ws_t, all);

    ngx_http_pitchey_ws_reply_error(ws, NULL, reply);
    ngx_http_pitchey_ws_advance(ws);
}


/* {"type","job" or "all","code","detail"} */
static void
ngx_http_pitchey_ws_say(ngx_http_pitchey_ws_t *ws, const char *type,
    const pt_id_t *job, const char *code, const char *detail)
{
    char        id[PT_ID_TEXT_LEN];
    pt_buf_t    buf;
    pt_jsonw_t  w;

    pt_buf_init(&buf, &pt_mem_heap, 4096);
    pt_jsonw_init(&w, &buf);

    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "type");
    pt_jsonw_text(&w, type);

    if (job) {
        pt_id_format(job, id);
        pt_jsonw_key(&w, "job");
        pt_jsonw_str(&w, (pt_str_t) { id, PT_ID_TEXT_LEN });

    } else if (ngx_strcmp(type, "unsubscribed") == 0) {
        pt_jsonw_key(&w, "all");
        pt_jsonw_bool(&w, true);
    }

    if (code) {
        pt_jsonw_key(&w, "code");
        pt_jsonw_text(&w, code);
        pt_jsonw_key(&w, "detail");
        pt_jsonw_text(&w, detail);
    }

    pt_jsonw_end(&w);

    if (buf.err == PT_OK) {
        ngx_http_pitchey_ws_put(ws, WSLAY_TEXT_FRAME, pt_buf_str(&buf));

    } else {
        ngx_http_pitchey_ws_close_with(ws, WSLAY_CODE_INTERNAL_SERVER_ERROR);
    }

    pt_buf_done(&buf);
}


static void
ngx_http_pitchey_ws_reply_error(ngx_http_pitchey_ws_t *ws,
    const pt_id_t *job, const ngx_http_pitchey_reply_t *reply)
{
    const char  *detail;

    detail = (reply->err == PT_E_NOT_FOUND) ? "There is no such job."
             : pt_err_retryable(reply->err) ? "Nobody can say just now: try "
                                              "again."
                                            : "The subscription was refused.";

    ngx_http_pitchey_ws_say(ws, "error", job, pt_err_code(reply->err), detail);
}


/* a frame behind those that wait; advance() sends */
static void
ngx_http_pitchey_ws_put(ngx_http_pitchey_ws_t *ws, uint8_t opcode,
    pt_str_t payload)
{
    size_t                        header;
    u_char                        start[NGX_HTTP_PITCHEY_FRAME_HEADER];
    ngx_http_pitchey_ws_frame_t  *frame;

    if (ws->closing) {
        return;
    }

    header = ngx_http_pitchey_frames_header(opcode, payload.len, start);

    frame = header ? ngx_alloc(sizeof(ngx_http_pitchey_ws_frame_t) + header
                               + payload.len,
                               ws->stream.request->connection->log)
                   : NULL;

    if (opcode == WSLAY_CONNECTION_CLOSE) {
        ws->closing = 1;
    }

    if (frame == NULL) {
        /* without memory the last frame goes missing, and that tells enough */
        ws->closing = 1;
        return;
    }

    frame->len = header + payload.len;
    ngx_memcpy(ngx_cpymem(frame->bytes, start, header), payload.data,
               payload.len);

    ngx_queue_insert_tail(&ws->answers, &frame->queue);
}


/* code goes out behind the answers that wait; news go to nobody any more */
static void
ngx_http_pitchey_ws_close_with(ngx_http_pitchey_ws_t *ws, ngx_uint_t code)
{
    u_char  payload[2];

    payload[0] = (u_char) (code >> 8);
    payload[1] = (u_char) code;

    ngx_http_pitchey_ws_put(ws, WSLAY_CONNECTION_CLOSE,
                            (pt_str_t) { (char *) payload, 2 });
}


/* sends what there is, until the client has to read first */
static void
ngx_http_pitchey_ws_advance(ngx_http_pitchey_ws_t *ws)
{
    pt_str_t   frame;
    ngx_int_t  rc;

    while (ws->stream.open && !ws->stream.blocked) {

        rc = ngx_http_pitchey_ws_next(ws, &frame);

        if (rc == NGX_DECLINED) {
            return;
        }

        if (rc == NGX_OK) {
            rc = ngx_http_pitchey_stream_put(&ws->stream, frame.data,
                                             frame.len);
        }

        if (rc == NGX_ERROR) {
            ngx_http_pitchey_stream_finalize(&ws->stream, NGX_ERROR);
            return;
        }

        if (rc == NGX_DONE) {

            /* what the client sends until it has read the close frame must
             * not reset the connection under it */

            ws->stream.request->lingering_close = 1;
            ngx_http_pitchey_stream_finalize(&ws->stream, NGX_OK);
            return;
        }
    }
}


/* NGX_OK: the next frame; NGX_DECLINED: nothing; NGX_DONE: there was the last;
 * NGX_ERROR */
static ngx_int_t
ngx_http_pitchey_ws_next(ngx_http_pitchey_ws_t *ws, pt_str_t *ret_frame)
{
    ngx_queue_t  *q;

    if (ngx_queue_empty(&ws->answers)) {
        return ws->closing ? NGX_DONE
                           : ngx_http_pitchey_ws_next_news(ws, ret_frame);
    }

    q = ngx_queue_head(&ws->answers);
    ngx_queue_remove(q);

    ws->answer = ngx_queue_data(q, ngx_http_pitchey_ws_frame_t, queue);

    *ret_frame = (pt_str_t) { (char *) ws->answer->bytes, ws->answer->len };

    return NGX_OK;
}


/* one of each job in turn */
static ngx_int_t
ngx_http_pitchey_ws_next_news(ngx_http_pitchey_ws_t *ws, pt_str_t *ret_frame)
{
    ngx_int_t                   rc;
    ngx_queue_t                *q;
    ngx_http_pitchey_news_t    *news;
    ngx_http_pitchey_ws_job_t  *j;

    while (!ngx_queue_empty(&ws->active)) {
        q = ngx_queue_head(&ws->active);
        j = ngx_queue_data(q, ngx_http_pitchey_ws_job_t, active);

        ngx_queue_remove(q);
        ngx_queue_init(q);

        rc = ngx_http_pitchey_watch_take(&j->sub, &news);

        if (rc == NGX_DONE) {
            ngx_http_pitchey_ws_job_done(j);

            if (!ngx_queue_empty(&ws->answers)) {
                return ngx_http_pitchey_ws_next(ws, ret_frame);
            }

            continue;
        }

        if (rc != NGX_OK) {
            continue;
        }

        ngx_queue_insert_tail(&ws->active, q);

        if (!ngx_http_pitchey_news_frame(news, &j->job)) {
            ngx_http_pitchey_news_unref(news);
            return NGX_ERROR;
        }

        ws->news = news;
        *ret_frame = news->frame;

        return NGX_OK;
    }

    return NGX_DECLINED;
}


static void
ngx_http_pitchey_ws_write_handler(ngx_http_request_t *r)
{
    ngx_http_pitchey_ctx_t  *ctx;
    ngx_http_pitchey_ws_t   *ws;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ws = ctx->data;

    if (ngx_http_pitchey_stream_timed_out(&ws->stream)) {
        ngx_http_pitchey_stream_finalize(&ws->stream,
                                         NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (!ws->stream.blocked) {
        return;
    }

    ngx_http_pitchey_stream_hold(&ws->stream);

    if (ngx_http_pitchey_stream_flush(&ws->stream) == NGX_ERROR) {
        ngx_http_pitchey_stream_finalize(&ws->stream, NGX_ERROR);

    } else {
        ngx_http_pitchey_ws_advance(ws);

        /* nothing was read meanwhile */
        if (ws->stream.open && !ws->stream.blocked) {
            ngx_http_pitchey_ws_read(ws);
        }
    }

    ngx_http_pitchey_stream_release(&ws->stream);
}


static void
ngx_http_pitchey_ws_beat(ngx_http_pitchey_stream_t *s)
{
    ngx_connection_t       *c;
    ngx_http_pitchey_ws_t  *ws = (ngx_http_pitchey_ws_t *) s;

    c = s->request->connection;

    if (s->blocked) {

        /* it takes nothing: the close frame comes first when it reads again */

        if (ws->slow && c->sent == ws->sent) {
            ngx_http_pitchey_ws_close_with(ws, NGX_HTTP_PITCHEY_WS_TRY_LATER);
        }

        ws->slow = 1;
        ws->sent = c->sent;
        return;
    }

    ws->slow = 0;

    if (ngx_current_msec - ws->heard > 3 * ngx_http_pitchey_stream_heartbeat()) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client answered no ping");
        c->timedout = 1;

        ngx_http_pitchey_stream_finalize(s, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    ngx_http_pitchey_ws_put(ws, WSLAY_PING, PT_STR(""));
    ngx_http_pitchey_ws_advance(ws);
}


static void
ngx_http_pitchey_ws_stop(ngx_http_pitchey_stream_t *s)
{
    ngx_http_pitchey_ws_t  *ws = (ngx_http_pitchey_ws_t *) s;

    ngx_http_pitchey_ws_close_with(ws, WSLAY_CODE_GOING_AWAY);
    ngx_http_pitchey_ws_advance(ws);
}


static void
ngx_http_pitchey_ws_revoked(ngx_http_pitchey_stream_t *s)
{
    ngx_http_pitchey_ws_t  *ws = (ngx_http_pitchey_ws_t *) s;

    ngx_http_pitchey_ws_close_with(ws, NGX_HTTP_PITCHEY_WS_REVOKED);
    ngx_http_pitchey_ws_advance(ws);
}


static void
ngx_http_pitchey_ws_close(ngx_http_pitchey_stream_t *s)
{
    ngx_queue_t            *q;
    ngx_http_pitchey_ws_t  *ws = (ngx_http_pitchey_ws_t *) s;

    ngx_http_pitchey_owner_leave(&ws->all);

    while (ws->jobs.root != ws->jobs.sentinel) {
        ngx_http_pitchey_ws_remove(
                              (ngx_http_pitchey_ws_job_t *) ws->jobs.root);
    }

    while (!ngx_queue_empty(&ws->answers)) {
        q = ngx_queue_head(&ws->answers);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_http_pitchey_ws_frame_t, queue));
    }

    ngx_http_pitchey_frames_done(&ws->in);
}


static void
ngx_http_pitchey_ws_free(ngx_http_pitchey_stream_t *s)
{
    ngx_http_pitchey_ws_t  *ws = (ngx_http_pitchey_ws_t *) s;

    ngx_http_pitchey_news_unref(ws->news);
    ws->news = NULL;

    if (ws->answer != NULL) {
        ngx_free(ws->answer);
        ws->answer = NULL;
    }
}
