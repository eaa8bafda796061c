/* POST /{service}/{action}: a body that its schema accepts becomes a job. */

#ifndef NGX_HTTP_PITCHEY_SUBMIT_H
#define NGX_HTTP_PITCHEY_SUBMIT_H

#include "ngx_http_pitchey_route.h"


ngx_int_t ngx_http_pitchey_submit_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);


#endif /* NGX_HTTP_PITCHEY_SUBMIT_H */
