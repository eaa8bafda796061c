/*
 * What a body proposes: one job, or a batch of them.  Each is taken apart into
 * the envelope's members, which are the same for all actions, and the action's
 * own, which its schema has to accept; files that it names are found.
 *
 * The work needs nothing but the bytes: a thread may do it.
 */

#ifndef NGX_HTTP_PITCHEY_PROPOSAL_H
#define NGX_HTTP_PITCHEY_PROPOSAL_H

#include "ngx_http_pitchey_body.h"
#include "ngx_http_pitchey_schema.h"
#include "pt_wire.h"


typedef struct {
    const ngx_http_pitchey_schema_t   *schema;
    pt_submit_t                        submit;
    ngx_uint_t                         number;     /* in the batch, from 0 */
    ngx_uint_t                         place;      /* its first one */
    pt_id_t                           *inputs;     /* PT_INPUTS_MAX of them */
    ngx_uint_t                         ninputs;
} ngx_http_pitchey_proposed_t;


/* where the body names a file; the same one may stand in several */
typedef struct {
    pt_id_t                            id;
    pt_str_t                           pointer;
} ngx_http_pitchey_place_t;


typedef struct {
    /* given: the route's schema, or the set in which each job's is looked up,
     * for a user of these */
    const ngx_http_pitchey_schema_t   *schema;
    const ngx_http_pitchey_schemas_t  *schemas;
    ngx_http_pitchey_user_t            user;
    uint64_t                           now_ms;

    /* found */
    ngx_pool_t                        *pool;
    const pt_mem_t                    *mem;
    pt_err_t                           err;        /* PT_OK, PT_E_INVALID: no
                                                    * JSON; else ours */
    pt_json_error_t                    error;
    u_char                             sha256[32]; /* of the canonical body */
    unsigned                           batch:1;
    pt_id_t                            batch_id;
    ngx_array_t                        jobs;       /* of _proposed_t */
    pt_buf_t                           packed;     /* a batch's, for the wire */
    ngx_array_t                        places;     /* of _place_t */
    pt_buf_t                           secrets;    /* pointers of the job's */
    ngx_uint_t                         nerrors;
    pt_buf_t                           errors;     /* [{"pointer","detail"}] */
    pt_jsonw_t                         writer;     /* of them, until _end */

    ngx_http_pitchey_proposed_t       *job;        /* under work */
} ngx_http_pitchey_proposal_t;


/*
 * In the body's pool, with the body's work set to find all the above; schema
 * is NULL where the body says the action.  NULL without memory.
 */
ngx_http_pitchey_proposal_t *ngx_http_pitchey_proposal_new(
    ngx_http_pitchey_body_t *body, const ngx_http_pitchey_schema_t *schema,
    const ngx_http_pitchey_schemas_t *schemas,
    const ngx_http_pitchey_user_t *user);

/* one more violation, wherever it was found; beyond the hundredth none */
void ngx_http_pitchey_proposal_violation(ngx_http_pitchey_proposal_t *p,
    pt_str_t pointer, pt_str_t detail);

/* the answer to a body with violations, or that could not be worked on;
 * NGX_DECLINED: neither */
ngx_int_t ngx_http_pitchey_proposal_refuse(ngx_http_request_t *r,
    ngx_http_pitchey_proposal_t *p);

/* the answer to files that do not exist: ids at the end of each detail */
ngx_int_t ngx_http_pitchey_proposal_unknown(ngx_http_request_t *r,
    ngx_http_pitchey_proposal_t *p, pt_str_t errors);

/* an id of now; may be called by a thread */
ngx_int_t ngx_http_pitchey_proposal_id(uint64_t now_ms, pt_id_t *ret_id);


#endif /* NGX_HTTP_PITCHEY_PROPOSAL_H */
