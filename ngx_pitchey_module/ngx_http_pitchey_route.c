/* Which concern answers: decided by what follows the location's prefix. */

#include "ngx_http_pitchey_route.h"
#include "ngx_http_pitchey_problem.h"


ngx_uint_t
ngx_http_pitchey_route_is_public(ngx_http_request_t *r)
{
    return 0;
}


ngx_int_t
ngx_http_pitchey_route_handler(ngx_http_request_t *r)
{
    return ngx_http_pitchey_problem(r, NGX_HTTP_NOT_FOUND, "not_found",
                                    "there is no such route");
}
