/* What comes in on a WebSocket, message by message. */

#include "ngx_http_pitchey_frames.h"

#include <stdlib.h>


static ssize_t ngx_http_pitchey_frames_read(uint8_t *buf, size_t len,
    int flags, void *data);
static int ngx_http_pitchey_frames_frame(ngx_http_pitchey_frames_t *f,
    const struct wslay_frame_iocb *frame,
    ngx_http_pitchey_frames_item_t *ret_item);
static unsigned ngx_http_pitchey_frames_check(
    const ngx_http_pitchey_frames_t *f, const struct wslay_frame_iocb *frame);
static int ngx_http_pitchey_frames_add(ngx_http_pitchey_frames_bytes_t *b,
    const struct wslay_frame_iocb *frame);
static void ngx_http_pitchey_frames_drop(ngx_http_pitchey_frames_bytes_t *b);
static void ngx_http_pitchey_frames_control(ngx_http_pitchey_frames_t *f,
    uint8_t opcode, ngx_http_pitchey_frames_item_t *ret_item);
static void ngx_http_pitchey_frames_close(ngx_http_pitchey_frames_t *f,
    ngx_http_pitchey_frames_item_t *ret_item);
static void ngx_http_pitchey_frames_fail(ngx_http_pitchey_frames_t *f,
    unsigned code, ngx_http_pitchey_frames_item_t *ret_item);
static ssize_t ngx_http_pitchey_frames_write(const uint8_t *data, size_t len,
    int flags, void *out);


void
ngx_http_pitchey_frames_feed(ngx_http_pitchey_frames_t *f, const void *data,
    size_t len)
{
    f->in = data;
    f->left = len;
}


void
ngx_http_pitchey_frames_next(ngx_http_pitchey_frames_t *f,
    ngx_http_pitchey_frames_item_t *ret_item)
{
    ssize_t                                    n;
    struct wslay_frame_iocb                    frame;
    static const struct wslay_frame_callbacks  callbacks = {
        NULL, ngx_http_pitchey_frames_read, NULL
    };

    memset(ret_item, 0, sizeof(*ret_item));

    if (f->spent) {
        ngx_http_pitchey_frames_drop(f->spent);
        f->spent = NULL;
    }

    while (!f->failed) {

        if (f->wslay == NULL) {

            if (f->left == 0) {
                return;
            }

            if (wslay_frame_context_init(&f->wslay, &callbacks, f) != 0) {
                f->wslay = NULL;
                ngx_http_pitchey_frames_fail(f,
                                         WSLAY_CODE_INTERNAL_SERVER_ERROR,
                                         ret_item);
                return;
            }

            f->fed = 0;
            f->used = 0;
        }

        memset(&frame, 0, sizeof(frame));
        n = wslay_frame_recv(f->wslay, &frame);

        if (n == WSLAY_ERR_WANT_READ) {
            if (f->left) {
                /* it reads only once for a header that comes in pieces */
                continue;
            }

            return;
        }

        if (n < 0) {
            ngx_http_pitchey_frames_fail(f, WSLAY_CODE_PROTOCOL_ERROR,
                                         ret_item);
            return;
        }

        if (ngx_http_pitchey_frames_frame(f, &frame, ret_item)) {
            return;
        }
    }
}


/* wslay takes up to what its buffer holds; 0 is "want read" to it */
static ssize_t
ngx_http_pitchey_frames_read(uint8_t *buf, size_t len, int flags, void *data)
{
    ngx_http_pitchey_frames_t  *f = data;

    (void) flags;

    if (len > f->left) {
        len = f->left;
    }

    if (len) {
        memcpy(buf, f->in, len);
    }

    f->in += len;
    f->left -= len;
    f->fed += len;

    return (ssize_t) len;
}


/* a frame, or a part of one; whether it made an item */
static int
ngx_http_pitchey_frames_frame(ngx_http_pitchey_frames_t *f,
    const struct wslay_frame_iocb *frame,
    ngx_http_pitchey_frames_item_t *ret_item)
{
    int       control;
    unsigned  code;

    control = wslay_is_ctrl_frame(frame->opcode);

    code = ngx_http_pitchey_frames_check(f, frame);

    if (code == 0
        && !ngx_http_pitchey_frames_add(control ? &f->control : &f->message,
                                        frame))
    {
        code = WSLAY_CODE_INTERNAL_SERVER_ERROR;
    }

    if (code) {
        ngx_http_pitchey_frames_fail(f, code, ret_item);
        return 1;
    }

    f->got += frame->data_length;

    if (!control) {
        f->open = 1;
    }

    if (f->got < frame->payload_length) {
        return 0;
    }

    /* header, length, mask; wslay refuses lengths that are not the shortest */

    f->used += 2 + 4 + frame->payload_length;

    if (frame->payload_length > 65535) {
        f->used += 8;

    } else if (frame->payload_length > 125) {
        f->used += 2;
    }

    f->got = 0;

    if (f->fed == f->used) {
        wslay_frame_context_free(f->wslay);
        f->wslay = NULL;
    }

    if (control) {
        ngx_http_pitchey_frames_control(f, frame->opcode, ret_item);
        return 1;
    }

    if (!frame->fin) {
        return 0;
    }

    f->open = 0;
    f->spent = &f->message;

    ret_item->kind = NGX_HTTP_PITCHEY_FRAMES_TEXT;
    ret_item->payload = (pt_str_t) { f->message.data ? f->message.data : "",
                                     f->message.len };

    if (!pt_str_is_utf8(ret_item->payload)) {
        ngx_http_pitchey_frames_fail(f, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA,
                                     ret_item);
    }

    return 1;
}


/* the code that it ends the connection with, or 0 */
static unsigned
ngx_http_pitchey_frames_check(const ngx_http_pitchey_frames_t *f,
    const struct wslay_frame_iocb *frame)
{
    int  first;

    first = (f->got == 0);

    if (frame->rsv || !frame->mask) {
        return WSLAY_CODE_PROTOCOL_ERROR;
    }

    switch (frame->opcode) {

    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG:
        return 0;

    case WSLAY_CONTINUATION_FRAME:
        if (!f->open) {
            return WSLAY_CODE_PROTOCOL_ERROR;
        }

        break;

    case WSLAY_TEXT_FRAME:
    case WSLAY_BINARY_FRAME:
        if (first && f->open) {
            return WSLAY_CODE_PROTOCOL_ERROR;
        }

        if (frame->opcode == WSLAY_BINARY_FRAME) {
            return WSLAY_CODE_UNSUPPORTED_DATA;
        }

        break;

    default:
        return WSLAY_CODE_PROTOCOL_ERROR;
    }

    /* before its bytes are here */

    if (first && frame->payload_length > f->max - f->message.len) {
        return WSLAY_CODE_MESSAGE_TOO_BIG;
    }

    return 0;
}


static int
ngx_http_pitchey_frames_add(ngx_http_pitchey_frames_bytes_t *b,
    const struct wslay_frame_iocb *frame)
{
    char    *data;
    size_t   need;

    if (frame->data_length == 0) {
        return 1;
    }

    need = b->len + frame->data_length;

    if (need > b->size) {
        data = realloc(b->data, need);
        if (data == NULL) {
            return 0;
        }

        b->data = data;
        b->size = need;
    }

    memcpy(b->data + b->len, frame->data, frame->data_length);
    b->len += frame->data_length;

    return 1;
}


static void
ngx_http_pitchey_frames_drop(ngx_http_pitchey_frames_bytes_t *b)
{
    free(b->data);
    memset(b, 0, sizeof(*b));
}


static void
ngx_http_pitchey_frames_control(ngx_http_pitchey_frames_t *f, uint8_t opcode,
    ngx_http_pitchey_frames_item_t *ret_item)
{
    f->spent = &f->control;

    ret_item->payload = (pt_str_t) { f->control.data ? f->control.data : "",
                                     f->control.len };

    if (opcode == WSLAY_CONNECTION_CLOSE) {
        ngx_http_pitchey_frames_close(f, ret_item);
        return;
    }

    ret_item->kind = (opcode == WSLAY_PING) ? NGX_HTTP_PITCHEY_FRAMES_PING
                                            : NGX_HTTP_PITCHEY_FRAMES_PONG;
}


static void
ngx_http_pitchey_frames_close(ngx_http_pitchey_frames_t *f,
    ngx_http_pitchey_frames_item_t *ret_item)
{
    pt_str_t        reason;
    const uint8_t  *p;

    p = (const uint8_t *) ret_item->payload.data;

    f->failed = 1;
    ret_item->kind = NGX_HTTP_PITCHEY_FRAMES_CLOSE;
    ret_item->code = WSLAY_CODE_NORMAL_CLOSURE;

    if (ret_item->payload.len == 0) {
        return;
    }

    if (ret_item->payload.len >= 2) {
        ret_item->code = p[0] << 8 | p[1];
    }

    if (ret_item->payload.len == 1
        || !ngx_http_pitchey_frames_code_is_good(ret_item->code))
    {
        ngx_http_pitchey_frames_fail(f, WSLAY_CODE_PROTOCOL_ERROR, ret_item);
        return;
    }

    reason.data = ret_item->payload.data + 2;
    reason.len = ret_item->payload.len - 2;

    if (!pt_str_is_utf8(reason)) {
        ngx_http_pitchey_frames_fail(f, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA,
                                     ret_item);
    }
}


int
ngx_http_pitchey_frames_code_is_good(unsigned code)
{
    /* 1004 is reserved, 1005, 1006 and 1015 never stand in a frame */

    return (code >= 1000 && code <= 1003)
           || (code >= 1007 && code <= 1014)
           || (code >= 3000 && code <= 4999);
}


static void
ngx_http_pitchey_frames_fail(ngx_http_pitchey_frames_t *f, unsigned code,
    ngx_http_pitchey_frames_item_t *ret_item)
{
    f->failed = 1;

    ret_item->kind = NGX_HTTP_PITCHEY_FRAMES_FAILED;
    ret_item->code = code;
    ret_item->payload = PT_STR("");
}


void
ngx_http_pitchey_frames_done(ngx_http_pitchey_frames_t *f)
{
    if (f->wslay != NULL) {
        wslay_frame_context_free(f->wslay);
        f->wslay = NULL;
    }

    ngx_http_pitchey_frames_drop(&f->message);
    ngx_http_pitchey_frames_drop(&f->control);

    f->failed = 1;
}


typedef struct {
    uint8_t  *data;
    size_t    len;
} ngx_http_pitchey_frames_out_t;


size_t
ngx_http_pitchey_frames_header(uint8_t opcode, size_t len,
    uint8_t ret_header[NGX_HTTP_PITCHEY_FRAME_HEADER])
{
    ssize_t                                    rc;
    struct wslay_frame_iocb                    frame;
    wslay_frame_context_ptr                    wslay;
    ngx_http_pitchey_frames_out_t              out;
    static const struct wslay_frame_callbacks  callbacks = {
        ngx_http_pitchey_frames_write, NULL, NULL
    };

    out.data = ret_header;
    out.len = 0;

    if (wslay_frame_context_init(&wslay, &callbacks, &out) != 0) {
        return 0;
    }

    memset(&frame, 0, sizeof(frame));

    frame.fin = 1;
    frame.opcode = opcode;
    frame.payload_length = len;

    /* the payload goes its own way, without a copy */
    rc = wslay_frame_send(wslay, &frame);

    wslay_frame_context_free(wslay);

    return rc < 0 ? 0 : out.len;
}


static ssize_t
ngx_http_pitchey_frames_write(const uint8_t *data, size_t len, int flags,
    void *arg)
{
    ngx_http_pitchey_frames_out_t  *out = arg;

    (void) flags;

    memcpy(out->data + out->len, data, len);
    out->len += len;

    return (ssize_t) len;
}
