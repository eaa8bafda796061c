/* A pool of nginx's as the allocator that base takes. */

#ifndef NGX_HTTP_PITCHEY_MEM_H
#define NGX_HTTP_PITCHEY_MEM_H

#include <ngx_config.h>
#include <ngx_core.h>

#include "pt_mem.h"


/* lives in the pool itself, and frees nothing; NULL without memory */
const pt_mem_t *ngx_http_pitchey_mem(ngx_pool_t *pool);


/* the same bytes in the other side's type */

static ngx_inline pt_str_t
ngx_http_pitchey_pt_str(const ngx_str_t *s)
{
    return (pt_str_t) { s->data ? (char *) s->data : "", s->len };
}


static ngx_inline ngx_str_t
ngx_http_pitchey_ngx_str(pt_str_t s)
{
    return (ngx_str_t) { s.len, (u_char *) s.data };
}


#endif /* NGX_HTTP_PITCHEY_MEM_H */
