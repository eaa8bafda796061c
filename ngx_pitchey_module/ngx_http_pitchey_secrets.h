/*
 * Secrets of a body: what an action's schema marks "writeOnly" leaves the
 * parameters and goes beside them, so that the orchestrator can seal it.
 *
 * Their places are noted while the schema is applied, and looked up after it:
 * it must see the values.
 */

#ifndef NGX_HTTP_PITCHEY_SECRETS_H
#define NGX_HTTP_PITCHEY_SECRETS_H

#include "pt_secret.h"


/* a list of pointers; pt_buf_done() ends it */
void ngx_http_pitchey_secrets_init(pt_buf_t *pointers);

/* for the visitor of a schema */
void ngx_http_pitchey_secrets_note(pt_buf_t *pointers, pt_str_t pointer);

/*
 * The values at those places, as SUBMIT has them, from mem: absent if there are
 * none.  In params they are null now.
 *
 * Errors  PT_E_NOMEM, PT_E_TOO_LARGE
 */
PT_MUST_CHECK pt_err_t ngx_http_pitchey_secrets_take(const pt_buf_t *pointers,
    pt_json_t *params, const pt_mem_t *mem, pt_str_t *ret_secrets);


#endif /* NGX_HTTP_PITCHEY_SECRETS_H */
