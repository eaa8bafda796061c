/*
 * The worker's sockets to the orchestrators: calls go out, answers find who
 * waits for them, news goes to _watch.
 *
 * A call is one request of PJP1 and its one answer.  Its handler is called
 * exactly once, unless the call is forgotten before: with the answer, or with
 * an error of our own when no orchestrator answered in time.  Every command
 * may be repeated, so when a connection breaks, the calls that waited on it
 * are sent again: elsewhere, or when somebody is there again.
 */

#ifndef NGX_HTTP_PITCHEY_ZMQ_H
#define NGX_HTTP_PITCHEY_ZMQ_H

#include "ngx_http_pitchey_module.h"
#include "pt_wire.h"


/* the least busy orchestrator that is connected */
#define NGX_HTTP_PITCHEY_ZMQ_ANY  ((ngx_uint_t) -1)

/* ms that a client waits at most before it is told 503 */
#define NGX_HTTP_PITCHEY_DEADLINE     5000

/* s that it is advised to wait then, when nobody is there */
#define NGX_HTTP_PITCHEY_RETRY_AFTER  1


/* valid during the handler's call only: the strings borrow from the frames */
typedef struct {
    pt_err_t   err;             /* PT_OK; a PROBLEM's code; PT_E_UNAVAILABLE
                                 * when nobody took it, or answered in time */
    unsigned   sent:1;          /* it may have been done, whatever err says */
    pt_str_t   body;            /* if PT_OK */
    pt_str_t   detail;          /* else, for people; may be empty */
    uint32_t   retry_after_s;   /* 0: no advice */
    pt_str_t   errors;          /* [{"pointer","detail"}], or absent */
} ngx_http_pitchey_reply_t;


typedef void (*ngx_http_pitchey_call_pt)(void *data,
    const ngx_http_pitchey_reply_t *reply);


/*
 * Calls; for an HTTP request there is ngx_http_pitchey_ask().
 *
 * to       an orchestrator's number, or NGX_HTTP_PITCHEY_ZMQ_ANY
 * ret_rid  names the call for _forget(); may be NULL
 *
 * NGX_OK: the handler will be called, never from within this function.
 * NGX_BUSY: nobody is there or takes it; NGX_ERROR: msg is not valid, or no
 * memory.  The handler is not called then.
 */
ngx_int_t ngx_http_pitchey_zmq_call(ngx_uint_t to, pt_msg_t *msg,
    ngx_msec_t deadline, ngx_http_pitchey_call_pt handler, void *data,
    uint64_t *ret_rid);

/* the handler will not be called; a call that is over is no error */
void ngx_http_pitchey_zmq_forget(uint64_t rid);

/* a worker that exits waits for the answer, as for none of its own calls */
void ngx_http_pitchey_zmq_keep(uint64_t rid);

/* how many orchestrators are configured, and whether one is connected now */
ngx_uint_t ngx_http_pitchey_zmq_count(void);
ngx_uint_t ngx_http_pitchey_zmq_connected(ngx_uint_t n);


/* for nginx -t: why an endpoint is none, or NULL */
const char *ngx_http_pitchey_zmq_check(const ngx_str_t *endpoint);

/* per worker: init_process and exit_process */
ngx_int_t ngx_http_pitchey_zmq_init(ngx_cycle_t *cycle,
    ngx_http_pitchey_main_conf_t *pmcf);
void ngx_http_pitchey_zmq_exit(void);


#endif /* NGX_HTTP_PITCHEY_ZMQ_H */
