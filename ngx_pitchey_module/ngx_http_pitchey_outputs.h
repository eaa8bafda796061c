/*
 * GET /jobs/{id}/outputs/{path}: what a job has made, out of storage; the same
 * for an upload's download.
 */

#ifndef NGX_HTTP_PITCHEY_OUTPUTS_H
#define NGX_HTTP_PITCHEY_OUTPUTS_H

#include "ngx_http_pitchey_route.h"
#include "pt_wire.h"


ngx_int_t ngx_http_pitchey_outputs_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);

/*
 * Asks where it lies and answers with its bytes: a content handler.
 *
 * kind  of pt_open_t
 * name  the output's path; empty for a file; lives as long as the request
 */
ngx_int_t ngx_http_pitchey_outputs_open(ngx_http_request_t *r,
    pt_open_kind_t kind, const pt_id_t *id, const ngx_str_t *name);


#endif /* NGX_HTTP_PITCHEY_OUTPUTS_H */
