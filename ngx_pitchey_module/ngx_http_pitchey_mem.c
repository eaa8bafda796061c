/* A pool of nginx's as the allocator that base takes. */

#include <stdalign.h>

#include "ngx_http_pitchey_mem.h"


static void *ngx_http_pitchey_mem_alloc(void *ctx, size_t size);


const pt_mem_t *
ngx_http_pitchey_mem(ngx_pool_t *pool)
{
    pt_mem_t  *mem;

    mem = ngx_palloc(pool, sizeof(pt_mem_t));

    if (mem != NULL) {
        mem->alloc = ngx_http_pitchey_mem_alloc;
        mem->free = NULL;
        mem->ctx = pool;
    }

    return mem;
}


/* a pool aligns for pointers, base asks for more */
static void *
ngx_http_pitchey_mem_alloc(void *ctx, size_t size)
{
    u_char  *p;

    if (size > NGX_MAX_SIZE_T_VALUE - alignof(max_align_t)) {
        return NULL;
    }

    p = ngx_palloc(ctx, size + alignof(max_align_t) - 1);

    return p ? ngx_align_ptr(p, alignof(max_align_t)) : NULL;
}
