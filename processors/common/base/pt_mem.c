/* The heap as an allocator, and the growing byte string. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "pt_mem.h"


static void *pt_heap_alloc(void *ctx, size_t size);
static void pt_heap_free(void *ctx, void *p);
static char *pt_buf_reserve(pt_buf_t *b, size_t len);


const pt_mem_t  pt_mem_heap = { pt_heap_alloc, pt_heap_free, NULL };


void
pt_buf_init(pt_buf_t *b, const pt_mem_t *mem, size_t max)
{
    *b = (pt_buf_t) { .max = max, .mem = mem };
}


void
pt_buf_done(pt_buf_t *b)
{
    if (b->data != NULL && b->mem->free != NULL) {
        b->mem->free(b->mem->ctx, b->data);
    }

    pt_buf_init(b, b->mem, b->max);
}


void
pt_buf_reset(pt_buf_t *b)
{
    b->len = 0;
    b->err = PT_OK;
}


void
pt_buf_add(pt_buf_t *b, const void *data, size_t len)
{
    char  *p;

    if (len == 0) {
        return;
    }

    p = pt_buf_reserve(b, len);
    if (p == NULL) {
        return;
    }

    memcpy(p, data, len);
    b->len += len;
}


void
pt_buf_add_str(pt_buf_t *b, pt_str_t s)
{
    pt_buf_add(b, s.data, s.len);
}


void
pt_buf_add_text(pt_buf_t *b, const char *text)
{
    pt_buf_add(b, text, strlen(text));
}


void
pt_buf_add_char(pt_buf_t *b, char c)
{
    pt_buf_add(b, &c, 1);
}


void
pt_buf_printf(pt_buf_t *b, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    pt_buf_vprintf(b, fmt, args);
    va_end(args);
}


void
pt_buf_vprintf(pt_buf_t *b, const char *fmt, va_list args)
{
    int      n;
    char    *p;
    va_list  again;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);

    /* vsnprintf() wants a place for its terminator */
    p = n < 0 ? NULL : pt_buf_reserve(b, (size_t) n + 1);

    if (p != NULL) {
        (void) vsnprintf(p, (size_t) n + 1, fmt, again);
        b->len += (size_t) n;

    } else if (n < 0) {
        b->err = PT_E_INTERNAL;
    }

    va_end(again);
}


/* a place for len bytes behind the present ones, or NULL with err set */
static char *
pt_buf_reserve(pt_buf_t *b, size_t len)
{
    char    *data;
    size_t   cap;

    if (b->err != PT_OK) {
        return NULL;
    }

    if (len > b->max - b->len) {
        b->err = PT_E_TOO_LARGE;
        return NULL;
    }

    if (len <= b->cap - b->len) {
        return b->data + b->len;
    }

    cap = b->cap < 256 ? 256 : b->cap;

    while (cap - b->len < len) {
        cap = cap > b->max / 2 ? b->max : cap * 2;
    }

    data = b->mem->alloc(b->mem->ctx, cap);
    if (data == NULL) {
        b->err = PT_E_NOMEM;
        return NULL;
    }

    if (b->data != NULL) {
        memcpy(data, b->data, b->len);

        if (b->mem->free != NULL) {
            b->mem->free(b->mem->ctx, b->data);
        }
    }

    b->data = data;
    b->cap = cap;

    return data + b->len;
}


static void *
pt_heap_alloc(void *ctx, size_t size)
{
    (void) ctx;

    return malloc(size);
}


static void
pt_heap_free(void *ctx, void *p)
{
    (void) ctx;

    free(p);
}
