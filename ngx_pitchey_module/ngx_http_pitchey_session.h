/*
 * Who is behind a session token: the shared cache, and behind it the
 * database.  Knows nothing of HTTP; _auth and _revocation ask.
 */

#ifndef NGX_HTTP_PITCHEY_SESSION_H
#define NGX_HTTP_PITCHEY_SESSION_H

#include "ngx_http_pitchey_module.h"
#include "ngx_http_pitchey_token.h"


typedef struct ngx_http_pitchey_waiter_s  ngx_http_pitchey_waiter_t;

/*
 * The answer to a lookup, given once and never from within _lookup().
 *
 * rc    NGX_OK; NGX_DECLINED: nobody, or somebody who is banned; NGX_ERROR: the
 *       database could not be asked
 * user  if NGX_OK; valid during the call only
 * time  ngx_current_msec at which this was true
 */
typedef void (*ngx_http_pitchey_waiter_pt)(ngx_http_pitchey_waiter_t *waiter,
    ngx_int_t rc, const ngx_http_pitchey_user_t *user, ngx_msec_t time);

/* part of the asker's own structure; while it waits, removing it from its
 * queue is how to leave */
struct ngx_http_pitchey_waiter_s {
    ngx_queue_t                 queue;
    ngx_http_pitchey_waiter_pt  handler;
    void                       *data;
};


/*
 * From the cache, as far as it can be trusted now.
 *
 * NGX_OK: user is filled from the pool, and was so at ret_time; NGX_DECLINED: ask the database;
 * NGX_ERROR: no memory
 */
ngx_int_t ngx_http_pitchey_session_cached(ngx_http_pitchey_main_conf_t *pmcf,
    const u_char *hash, ngx_pool_t *pool, ngx_http_pitchey_user_t *user,
    ngx_msec_t *ret_time);

/* the same when the database cannot be asked: pitchey_session_grace */
ngx_int_t ngx_http_pitchey_session_graced(ngx_http_pitchey_main_conf_t *pmcf,
    const u_char *hash, ngx_pool_t *pool, ngx_http_pitchey_user_t *user,
    ngx_msec_t *ret_time);

/*
 * Asks the database; those who ask for one token at the same time share the
 * question.  NGX_OK: the waiter waits; NGX_ERROR: it cannot be asked
 */
ngx_int_t ngx_http_pitchey_session_lookup(ngx_http_pitchey_main_conf_t *pmcf,
    const u_char *hash, pt_str_t token, ngx_uint_t low,
    ngx_http_pitchey_waiter_t *waiter);

/*
 * Whether the database said a moment ago that nobody is behind the token.
 * What is absent lies in a zone of its own, so that a flood of tokens that
 * nobody has pushes no session out.
 */
ngx_uint_t ngx_http_pitchey_session_absent(ngx_http_pitchey_main_conf_t *pmcf,
    const u_char *hash);

/* the row's end has moved: what is cached of it follows */
void ngx_http_pitchey_session_extend(ngx_http_pitchey_main_conf_t *pmcf,
    const u_char *hash, int64_t expires_ms);

/* a revocation: of the token's hash, or of the user */
void ngx_http_pitchey_session_forget(ngx_http_pitchey_main_conf_t *pmcf,
    const u_char *hash);
void ngx_http_pitchey_session_forget_user(ngx_http_pitchey_main_conf_t *pmcf,
    const ngx_str_t *user_id);

/* "user,admin" lists "admin": the admin plugin puts commas between */
ngx_uint_t ngx_http_pitchey_session_has_role(const ngx_str_t *roles,
    const ngx_str_t *role);

/* copies all strings into the pool */
ngx_int_t ngx_http_pitchey_session_copy(ngx_pool_t *pool,
    const ngx_http_pitchey_user_t *from, ngx_http_pitchey_user_t *to);

/* milliseconds since 1970, of nginx's cached clock */
int64_t ngx_http_pitchey_session_now(void);


/* per worker: init_process */
void ngx_http_pitchey_session_init(void);


#endif /* NGX_HTTP_PITCHEY_SESSION_H */
