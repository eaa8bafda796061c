/*
 * The job zone: what the orchestrator told about a job, kept in memory that
 * all workers share, so that polling a finished job costs no message.
 *
 * A finished job stays until others need its room.  Another one is dropped by
 * its EVENT, and is not believed after 250 ms.  What is served from here is
 * its owner's, or an admin's request; for anybody else nothing is here, and
 * the orchestrator answers as it does for what does not exist.
 */

#ifndef NGX_HTTP_PITCHEY_JOBZONE_H
#define NGX_HTTP_PITCHEY_JOBZONE_H

#include "ngx_http_pitchey_module.h"
#include "pt_str.h"


/*
 * Answers with the job as JSON, or with 304: a content handler, but for
 * NGX_DECLINED, which means that the orchestrator has to be asked.
 */
ngx_int_t ngx_http_pitchey_jobzone_send(ngx_http_request_t *r,
    const pt_id_t *id);

/* to be noted before the orchestrator is asked, and given to what stores */
ngx_atomic_uint_t ngx_http_pitchey_jobzone_counter(ngx_http_request_t *r);

/* stores what the orchestrator answered to this request's user, and answers
 * with it: a content handler.  json may be borrowed. */
ngx_int_t ngx_http_pitchey_jobzone_answer(ngx_http_request_t *r,
    const pt_id_t *id, pt_str_t json, ngx_atomic_uint_t counter);

/* it changes */
void ngx_http_pitchey_jobzone_drop(const pt_id_t *id);


/*
 * OPEN's answers about outputs of finished jobs.
 *
 * NGX_OK, NGX_DECLINED, or NGX_ERROR without memory
 */
ngx_int_t ngx_http_pitchey_jobzone_get_output(ngx_http_request_t *r,
    const pt_id_t *id, const ngx_str_t *name, ngx_str_t *ret_json);

void ngx_http_pitchey_jobzone_set_output(ngx_http_request_t *r,
    const pt_id_t *id, const ngx_str_t *name, const ngx_str_t *json,
    ngx_atomic_uint_t counter);


#endif /* NGX_HTTP_PITCHEY_JOBZONE_H */
