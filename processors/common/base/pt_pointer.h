/*
 * JSON Pointer (RFC 6901).  A walk over a document keeps its place as a
 * chain of steps on the stack, which costs nothing until it is written.
 */

#ifndef PT_POINTER_H
#define PT_POINTER_H

#include "pt_json.h"


typedef struct pt_pointer_s  pt_pointer_t;

struct pt_pointer_s {
    const pt_pointer_t  *up;       /* NULL: below the whole document */
    pt_str_t             key;      /* of a member; absent: an index */
    size_t               index;
};


/* "" for NULL, the whole document */
void pt_pointer_write(const pt_pointer_t *pointer, pt_buf_t *buf);

/* the value that a pointer's text names, or NULL */
const pt_json_t *pt_pointer_find(const pt_json_t *root, pt_str_t pointer);


#endif /* PT_POINTER_H */
