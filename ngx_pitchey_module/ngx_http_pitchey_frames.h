/*
 * WebSocket frames (RFC 6455) into messages, and messages into frames, for the
 * server's side without extensions.  The frames are wslay's; what a message
 * is, and what ends a connection, is decided here.  Plain C, so that tests and
 * the fuzzer call it without nginx.
 *
 * A connection that is idle holds no memory of it but this struct: wslay's
 * context and a message's bytes live while something is under way.
 */

#ifndef NGX_HTTP_PITCHEY_FRAMES_H
#define NGX_HTTP_PITCHEY_FRAMES_H

#include <stdint.h>

#include <wslay/wslay.h>

#include "pt_str.h"


/* a header of ours and a control frame's payload at most */
#define NGX_HTTP_PITCHEY_FRAME_HEADER   10
#define NGX_HTTP_PITCHEY_FRAME_CONTROL  125


typedef enum {
    NGX_HTTP_PITCHEY_FRAMES_MORE = 0,   /* all that was fed is used */
    NGX_HTTP_PITCHEY_FRAMES_TEXT,
    NGX_HTTP_PITCHEY_FRAMES_PING,       /* its payload goes back as a pong */
    NGX_HTTP_PITCHEY_FRAMES_PONG,
    NGX_HTTP_PITCHEY_FRAMES_CLOSE,      /* code: what to answer with */
    NGX_HTTP_PITCHEY_FRAMES_FAILED      /* code: why the connection ends */
} ngx_http_pitchey_frames_kind_e;


typedef struct {
    ngx_http_pitchey_frames_kind_e  kind;
    unsigned                        code;
    pt_str_t                        payload;   /* valid until the next call */
} ngx_http_pitchey_frames_item_t;


typedef struct {
    char      *data;
    size_t     len;
    size_t     size;
} ngx_http_pitchey_frames_bytes_t;


typedef struct {
    wslay_frame_context_ptr          wslay;     /* NULL between two frames */
    size_t                           max;       /* bytes of a message */
    const uint8_t                   *in;        /* fed, and not yet read */
    size_t                           left;
    uint64_t                         fed;       /* to this context */
    uint64_t                         used;      /* in whole frames of it */
    uint64_t                         got;       /* payload of this frame */
    ngx_http_pitchey_frames_bytes_t  message;   /* of one or more frames */
    ngx_http_pitchey_frames_bytes_t  control;   /* may come between those */
    ngx_http_pitchey_frames_bytes_t *spent;     /* the last item's: it goes */
    unsigned                         open:1;    /* a message is under way */
    unsigned                         failed:1;
} ngx_http_pitchey_frames_t;


/* all zero is a connection that has begun; set max then */

/* data has to stay until _next() has said MORE */
void ngx_http_pitchey_frames_feed(ngx_http_pitchey_frames_t *f,
    const void *data, size_t len);

/* after CLOSE and FAILED nothing more is read */
void ngx_http_pitchey_frames_next(ngx_http_pitchey_frames_t *f,
    ngx_http_pitchey_frames_item_t *ret_item);

void ngx_http_pitchey_frames_done(ngx_http_pitchey_frames_t *f);

/*
 * The header of a frame of ours with len bytes of payload; opcode is wslay's.
 * Its length; 0 without memory
 */
size_t ngx_http_pitchey_frames_header(uint8_t opcode, size_t len,
    uint8_t ret_header[NGX_HTTP_PITCHEY_FRAME_HEADER]);

/* whether a peer may close with it (RFC 6455, 7.4) */
int ngx_http_pitchey_frames_code_is_good(unsigned code);


#endif /* NGX_HTTP_PITCHEY_FRAMES_H */
