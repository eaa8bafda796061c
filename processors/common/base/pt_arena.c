/* Bump allocation in chunks that double in size. */

#include <stdalign.h>

#include "pt_arena.h"


#define PT_ARENA_ALIGN      alignof(max_align_t)

/* beyond this a chunk holds thousands of nodes: doubling saves nothing */
#define PT_ARENA_CHUNK_MAX  (1u << 20)


struct pt_chunk_s {
    alignas(max_align_t) pt_chunk_t  *before;
};


static bool pt_arena_reserve(pt_arena_t *a, size_t size);


void
pt_arena_init(pt_arena_t *a, const pt_mem_t *mem, size_t first)
{
    *a = (pt_arena_t) { .next = first, .mem = *mem };
}


void
pt_arena_init_buffer(pt_arena_t *a, const pt_mem_t *mem, void *buffer,
    size_t size)
{
    *a = (pt_arena_t) { .pos = buffer, .left = size, .next = size,
                        .mem = *mem };
}


void
pt_arena_done(pt_arena_t *a)
{
    pt_chunk_t  *chunk, *before;

    /* the arena itself may lie in its first chunk */
    pt_mem_t     mem = a->mem;

    for (chunk = a->last; chunk != NULL; chunk = before) {
        before = chunk->before;

        if (mem.free != NULL) {
            mem.free(mem.ctx, chunk);
        }
    }
}


void *
pt_arena_alloc(pt_arena_t *a, size_t size)
{
    char    *p;
    size_t   pad;

    pad = -(uintptr_t) a->pos & (PT_ARENA_ALIGN - 1);

    if (pad > a->left || size > a->left - pad) {
        if (!pt_arena_reserve(a, size)) {
            return NULL;
        }

        pad = 0;
    }

    p = a->pos + pad;
    a->pos = p + size;
    a->left -= pad + size;

    return p;
}


void *
pt_arena_zalloc(pt_arena_t *a, size_t size)
{
    void  *p;

    p = pt_arena_alloc(a, size);

    return p == NULL ? NULL : memset(p, 0, size);
}


char *
pt_arena_copy(pt_arena_t *a, const void *data, size_t len)
{
    char  *p;

    if (len >= a->left && !pt_arena_reserve(a, len + 1)) {
        return NULL;
    }

    p = a->pos;
    a->pos += len + 1;
    a->left -= len + 1;

    if (len > 0) {
        memcpy(p, data, len);
    }

    p[len] = '\0';

    return p;
}


/* begins a chunk with room for size bytes; what is left of the last is lost */
static bool
pt_arena_reserve(pt_arena_t *a, size_t size)
{
    size_t       room;
    pt_chunk_t  *chunk;

    room = a->next > size ? a->next : size;

    if (room > SIZE_MAX - sizeof(*chunk)) {
        return false;
    }

    chunk = a->mem.alloc(a->mem.ctx, sizeof(*chunk) + room);
    if (chunk == NULL) {
        return false;
    }

    chunk->before = a->last;
    a->last = chunk;
    a->pos = (char *) (chunk + 1);
    a->left = room;

    if (a->next < PT_ARENA_CHUNK_MAX) {
        a->next *= 2;
    }

    return true;
}
