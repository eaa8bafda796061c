/*
 * A counted string that borrows its bytes; not terminated.  data == NULL is
 * an absent string, which differs from an empty one.
 */

#ifndef PT_STR_H
#define PT_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>


typedef struct {
    const char  *data;
    size_t       len;
} pt_str_t;


/* of a literal; its length is known when compiled */
#define PT_STR(literal)  ((pt_str_t) { "" literal "", sizeof(literal) - 1 })

/* for "%.*s" */
#define PT_STR_ARG(s)    (int) (s).len, (s).data ? (s).data : ""

#define PT_STR_NULL      ((pt_str_t) { NULL, 0 })


static inline pt_str_t
pt_str(const char *text)
{
    return text ? (pt_str_t) { text, strlen(text) } : PT_STR_NULL;
}


static inline bool
pt_str_eq(pt_str_t a, pt_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static inline bool
pt_str_is(pt_str_t s, const char *text)
{
    return pt_str_eq(s, pt_str(text));
}


/* well-formed UTF-8 (RFC 3629): no overlong form, surrogate or cut sequence */
bool pt_str_is_utf8(pt_str_t s);

/* bytes from the start that are well-formed UTF-8 */
size_t pt_str_utf8_len(pt_str_t s);


#endif /* PT_STR_H */
