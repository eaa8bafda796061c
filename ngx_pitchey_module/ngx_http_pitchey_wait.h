/* "Prefer: wait=N" (RFC 7240): the answer waits until its job has ended. */

#ifndef NGX_HTTP_PITCHEY_WAIT_H
#define NGX_HTTP_PITCHEY_WAIT_H

#include "ngx_http_pitchey_module.h"


/*
 * For how many ms the request prefers to wait, within pitchey_wait_max; 0: not
 * at all.
 */
ngx_msec_t ngx_http_pitchey_wait_preferred(ngx_http_request_t *r);

/*
 * Answers with the job once it has ended (200), or after that time with what
 * it is then: 200 for one that was asked for, 202 for one that was submitted.
 * For a content or reply handler, which returns its value.
 *
 * accepted  the new job in the request's pool, which goes out if nobody can
 *           say more; NULL: it is an old one
 */
ngx_int_t ngx_http_pitchey_wait_send(ngx_http_request_t *r,
    const pt_id_t *job, ngx_msec_t ms, const ngx_str_t *accepted);


#endif /* NGX_HTTP_PITCHEY_WAIT_H */
