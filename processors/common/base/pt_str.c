/* UTF-8, as RFC 3629 has it. */

#include <stdint.h>

#include "pt_str.h"


#define PT_UTF8_HIGH_BITS  0x8080808080808080ULL


static size_t pt_utf8_char(const uint8_t *p, size_t left);


bool
pt_str_is_utf8(pt_str_t s)
{
    return pt_str_utf8_len(s) == s.len;
}


size_t
pt_str_utf8_len(pt_str_t s)
{
    size_t          n;
    uint64_t        eight;
    const uint8_t  *p, *end;

    if (s.len == 0) {
        return 0;
    }

    p = (const uint8_t *) s.data;
    end = p + s.len;

    while (p < end) {

        /* most text is ASCII */
        if (end - p >= 8) {
            memcpy(&eight, p, 8);

            if ((eight & PT_UTF8_HIGH_BITS) == 0) {
                p += 8;
                continue;
            }
        }

        n = pt_utf8_char(p, (size_t) (end - p));
        if (n == 0) {
            break;
        }

        p += n;
    }

    return s.len - (size_t) (end - p);
}


/* bytes of the character at p, 0 if there is none */
static size_t
pt_utf8_char(const uint8_t *p, size_t left)
{
    size_t    i, n;
    uint32_t  c;

    static const uint32_t  smallest[] = { 0, 0x80, 0x800, 0x10000 };

    if (*p < 0x80) {
        return 1;
    }

    if (*p >= 0xf0 && *p <= 0xf4) {
        n = 3;
        c = *p & 0x07;

    } else if (*p >= 0xe0 && *p <= 0xef) {
        n = 2;
        c = *p & 0x0f;

    } else if (*p >= 0xc2 && *p <= 0xdf) {
        n = 1;
        c = *p & 0x1f;

    } else {
        return 0;
    }

    if (n > left - 1) {
        return 0;
    }

    for (i = 1; i <= n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = c << 6 | (p[i] & 0x3f);
    }

    if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return 0;
    }

    return n + 1;
}
