/*
 * An allocator for tests: memory comes filled with junk and is filled again
 * before it goes, what is held is counted, and the n-th allocation can fail.
 */

#ifndef JUNK_MEM_H
#define JUNK_MEM_H

#include <stdlib.h>

#include "pt_mem.h"


typedef struct {
    size_t     held;        /* allocations not freed yet */
    size_t     made;
    size_t     fail_at;     /* 1: the first; 0: never */
    pt_mem_t   mem;
} junk_mem_t;


#define JUNK_HEAD  16


static inline void *
junk_alloc(void *ctx, size_t size)
{
    char        *p;
    junk_mem_t  *junk = ctx;

    junk->made++;

    if (junk->made == junk->fail_at) {
        return NULL;
    }

    p = malloc(JUNK_HEAD + size);
    if (p == NULL) {
        abort();
    }

    memcpy(p, &size, sizeof(size));
    memset(p + JUNK_HEAD, 0xa5, size);
    junk->held++;

    return p + JUNK_HEAD;
}


static inline void
junk_free(void *ctx, void *data)
{
    char        *p = (char *) data - JUNK_HEAD;
    size_t       size;
    junk_mem_t  *junk = ctx;

    memcpy(&size, p, sizeof(size));
    memset(p + JUNK_HEAD, 0x5a, size);
    junk->held--;
    free(p);
}


static inline void
junk_init(junk_mem_t *junk, size_t fail_at)
{
    *junk = (junk_mem_t) { .fail_at = fail_at,
                           .mem = { junk_alloc, junk_free, junk } };
}


#endif /* JUNK_MEM_H */
