/*
 * An arena: allocations that live and end together, taken from the caller's
 * allocator in a few big chunks.
 */

#ifndef PT_ARENA_H
#define PT_ARENA_H

#include "pt_mem.h"


typedef struct pt_chunk_s  pt_chunk_t;

typedef struct {
    pt_chunk_t  *last;       /* the newest; each knows the one before it */
    char        *pos;        /* free bytes of the chunk in use */
    size_t       left;
    size_t       next;       /* bytes of the next chunk */
    pt_mem_t     mem;        /* a copy: the caller's may be gone by the end */
} pt_arena_t;


/* chunks of first bytes and then more; nothing is allocated yet */
void pt_arena_init(pt_arena_t *a, const pt_mem_t *mem, size_t first);

/* uses this buffer, which the caller owns, before any chunk */
void pt_arena_init_buffer(pt_arena_t *a, const pt_mem_t *mem, void *buffer,
    size_t size);

/* gives back every chunk */
void pt_arena_done(pt_arena_t *a);

/* aligned for any type, not zeroed; NULL: no memory */
void *pt_arena_alloc(pt_arena_t *a, size_t size);
void *pt_arena_zalloc(pt_arena_t *a, size_t size);

/* a terminated copy of bytes, not aligned; NULL: no memory */
char *pt_arena_copy(pt_arena_t *a, const void *data, size_t len);


#endif /* PT_ARENA_H */
