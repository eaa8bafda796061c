/*
 * Ids: UUIDv7 (RFC 9562), made by the edge, ordered by time of making.
 */

#ifndef PT_ID_H
#define PT_ID_H

#include <stdint.h>
#include "pt_err.h"


#define PT_ID_TEXT_LEN  36


typedef struct {
    uint8_t  bytes[16];      /* network order */
} pt_id_t;


/*
 * A new id.  unix_ms is the time, random ten bytes of a CSPRNG, whose six
 * spare bits are overwritten by version and variant.
 */
pt_id_t pt_id_make(uint64_t unix_ms, const uint8_t random[10]);

/* 36 lower-case characters, not terminated */
void pt_id_format(const pt_id_t *id, char ret_text[PT_ID_TEXT_LEN]);

/* the canonical form, hex of either case; else PT_E_INVALID */
PT_MUST_CHECK pt_err_t pt_id_parse(pt_str_t text, pt_id_t *ret_id);

/* milliseconds since 1970 that a UUIDv7 carries */
uint64_t pt_id_time_ms(const pt_id_t *id);

static inline bool
pt_id_eq(const pt_id_t *a, const pt_id_t *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static inline bool
pt_id_is_zero(const pt_id_t *id)
{
    static const pt_id_t  zero;

    return pt_id_eq(id, &zero);
}


#endif /* PT_ID_H */
