/*
 * What an HTTP request asks an orchestrator: it is suspended until the answer
 * comes, which for many is passed on as it is.
 */

#ifndef NGX_HTTP_PITCHEY_ASK_H
#define NGX_HTTP_PITCHEY_ASK_H

#include "ngx_http_pitchey_zmq.h"


/* returns what a content handler returns; the request is finalized with it */
typedef ngx_int_t (*ngx_http_pitchey_reply_pt)(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);

/*
 * Asks on behalf of the request's user and suspends the request: rid,
 * deadline and user of msg's header are filled in here.  Return its value from
 * a content handler, from another reply handler, or give it to
 * ngx_http_finalize_request() after reading a body.  When nobody can be asked,
 * the handler is called before this returns, and its value returned.  A client
 * that leaves is noticed, and the answer then finds nobody.
 */
ngx_int_t ngx_http_pitchey_ask(ngx_http_request_t *r, pt_msg_t *msg,
    ngx_msec_t deadline, ngx_http_pitchey_reply_pt handler);

/* for reply handlers: a reply that is none as a problem document */
ngx_int_t ngx_http_pitchey_reply_problem(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);

/* the reply's body in the request's pool: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_pitchey_reply_body(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply, ngx_str_t *ret_body);

/* the part of a command's header that says who asks */
void ngx_http_pitchey_ask_header(ngx_http_request_t *r, pt_request_t *rq);


/* the same, of a command that has an id behind its header; NULL: it has none */
ngx_int_t ngx_http_pitchey_ask_about(ngx_http_request_t *r,
    pt_command_t command, const pt_id_t *id,
    ngx_http_pitchey_reply_pt handler);

/* reply handlers: 200 with the reply's document, and 204 without it */
ngx_int_t ngx_http_pitchey_reply_json(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
ngx_int_t ngx_http_pitchey_reply_none(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);


#endif /* NGX_HTTP_PITCHEY_ASK_H */
