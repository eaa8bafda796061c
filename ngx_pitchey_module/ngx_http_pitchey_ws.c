/*
 * WebSockets.
 *
 *     handshake -> read: frames -> messages -> what they ask for (_subs)
 *                  advance: answers first, then news -> frames
 *
 * One frame is under way at a time.  Events are taken from the watches when
 * the client has read the one before, so what a slow client costs is the same;
 * while it does not read, nothing is read from it either.
 */

#include <openssl/sha.h>

#include "ngx_http_pitchey_ws.h"
#include "ngx_http_pitchey_frames.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_subs.h"


/* bytes that one read takes */
#define NGX_HTTP_PITCHEY_WS_READ       4096

/* seconds of the rate that may come at once: a page that subscribes */
#define NGX_HTTP_PITCHEY_WS_BURST      10

/* our own close codes */
#define NGX_HTTP_PITCHEY_WS_TRY_LATER  1013
#define NGX_HTTP_PITCHEY_WS_REVOKED    4401


/* a frame of ours that waits */
typedef struct {
    ngx_queue_t                    queue;
    size_t                         len;
    u_char                         bytes[];
} ngx_http_pitchey_ws_frame_t;


struct ngx_http_pitchey_ws_s {
    ngx_http_pitchey_stream_t      stream;
    ngx_http_pitchey_frames_t      in;
    ngx_http_pitchey_subs_t        subs;

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


static void ngx_http_pitchey_ws_begin(ngx_http_pitchey_stream_t *s);
static ngx_int_t ngx_http_pitchey_ws_check(ngx_http_request_t *r);
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
static void ngx_http_pitchey_ws_put(ngx_http_pitchey_ws_t *ws, uint8_t opcode,
    pt_str_t payload);
static ngx_int_t ngx_http_pitchey_ws_next(ngx_http_pitchey_ws_t *ws,
    pt_str_t *ret_frame);
static void ngx_http_pitchey_ws_write_handler(ngx_http_request_t *r);

static void ngx_http_pitchey_ws_beat(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_ws_stop(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_ws_revoked(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_ws_close(ngx_http_pitchey_stream_t *s);
static void ngx_http_pitchey_ws_free(ngx_http_pitchey_stream_t *s);


static const ngx_http_pitchey_stream_type_t  ngx_http_pitchey_ws_type = {
    ngx_http_pitchey_ws_begin,
    ngx_http_pitchey_ws_beat,
    ngx_http_pitchey_ws_stop,
    ngx_http_pitchey_ws_revoked,
    ngx_http_pitchey_ws_close,
    ngx_http_pitchey_ws_free
};


/* whether the page may is decided by _cors, whose user it is by _auth */
ngx_int_t
ngx_http_pitchey_ws_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_int_t               rc;
    ngx_http_pitchey_ws_t  *ws;

    rc = ngx_http_pitchey_ws_check(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    ws = ngx_http_pitchey_ws_create(r);
    if (ws == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->connection->log->action = "serving a WebSocket";

    return ngx_http_pitchey_stream_open(&ws->stream);
}


static void
ngx_http_pitchey_ws_begin(ngx_http_pitchey_stream_t *s)
{
    ngx_int_t               rc;
    ngx_http_request_t     *r;
    ngx_http_pitchey_ws_t  *ws = (ngx_http_pitchey_ws_t *) s;

    r = s->request;

    rc = ngx_http_pitchey_ws_header(r,
                        ngx_http_pitchey_route_header(r, "sec-websocket-key"));
    if (rc != NGX_OK) {
        ngx_http_pitchey_stream_finalize(s, rc);
        return;
    }

    r->read_event_handler = ngx_http_pitchey_ws_read_handler;
    r->write_event_handler = ngx_http_pitchey_ws_write_handler;

    ws->heard = ngx_current_msec;

    /* what came behind the request, and maybe more */
    ngx_http_pitchey_ws_read(ws);
}


/* NGX_DECLINED: it is a handshake; else the answer */
static ngx_int_t
ngx_http_pitchey_ws_check(ngx_http_request_t *r)
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

    ngx_http_pitchey_subs_init(&ws->subs, ws, &ws->stream);
    ngx_queue_init(&ws->answers);

    ws->tokens = 1000 * NGX_HTTP_PITCHEY_WS_BURST * plcf->ws_rate;
    ws->token_time = ngx_current_msec;
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
            ngx_http_pitchey_subs_message(&ws->subs, item.payload);
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


void
ngx_http_pitchey_ws_text(ngx_http_pitchey_ws_t *ws, pt_str_t text)
{
    ngx_http_pitchey_ws_put(ws, WSLAY_TEXT_FRAME, text);
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


void
ngx_http_pitchey_ws_close_with(ngx_http_pitchey_ws_t *ws, ngx_uint_t code)
{
    u_char  payload[2];

    payload[0] = (u_char) (code >> 8);
    payload[1] = (u_char) code;

    ngx_http_pitchey_ws_put(ws, WSLAY_CONNECTION_CLOSE,
                            (pt_str_t) { (char *) payload, 2 });
}


void
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
    ngx_int_t     rc;
    ngx_queue_t  *q;

    while (ngx_queue_empty(&ws->answers)) {

        if (ws->closing) {
            return NGX_DONE;
        }

        rc = ngx_http_pitchey_subs_next(&ws->subs, &ws->news);

        if (rc == NGX_OK) {
            *ret_frame = ws->news->frame;
        }

        if (rc != NGX_AGAIN) {
            return rc;
        }
    }

    q = ngx_queue_head(&ws->answers);
    ngx_queue_remove(q);

    ws->answer = ngx_queue_data(q, ngx_http_pitchey_ws_frame_t, queue);

    *ret_frame = (pt_str_t) { (char *) ws->answer->bytes, ws->answer->len };

    return NGX_OK;
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

    ngx_http_pitchey_subs_close(&ws->subs);

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
