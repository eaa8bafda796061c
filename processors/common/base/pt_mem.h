/*
 * Where base takes memory from: the module gives a pool, daemons malloc().
 */

#ifndef PT_MEM_H
#define PT_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include "pt_err.h"


typedef struct {
    /* bytes aligned for any type, or NULL */
    void  *(*alloc)(void *ctx, size_t size);

    /* gives back one alloc(); NULL where the lifetime of ctx does it */
    void   (*free)(void *ctx, void *p);

    void    *ctx;
} pt_mem_t;


/* malloc() and free() */
extern const pt_mem_t  pt_mem_heap;


/*
 * A growing byte string with a maximum.  The first failure (no memory, or
 * over max) is remembered and everything after it does nothing, so a writer
 * looks once, at the end.
 */
typedef struct {
    char            *data;       /* not terminated; NULL while empty */
    size_t           len;
    size_t           cap;
    size_t           max;        /* bytes; the reason is given where it is set */
    pt_err_t         err;        /* PT_OK, PT_E_NOMEM or PT_E_TOO_LARGE */
    const pt_mem_t  *mem;
} pt_buf_t;


void pt_buf_init(pt_buf_t *b, const pt_mem_t *mem, size_t max);
void pt_buf_done(pt_buf_t *b);             /* frees; b may be used again */
void pt_buf_reset(pt_buf_t *b);            /* empties, keeps the memory */
void pt_buf_add(pt_buf_t *b, const void *data, size_t len);
void pt_buf_add_str(pt_buf_t *b, pt_str_t s);
void pt_buf_add_text(pt_buf_t *b, const char *text);
void pt_buf_add_char(pt_buf_t *b, char c);
void pt_buf_printf(pt_buf_t *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void pt_buf_vprintf(pt_buf_t *b, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

static inline pt_str_t
pt_buf_str(const pt_buf_t *b)
{
    return (pt_str_t) { b->data ? b->data : "", b->len };
}


#endif /* PT_MEM_H */
