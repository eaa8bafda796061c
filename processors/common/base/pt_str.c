/* UTF-8, as RFC 3629 has it. */

#include <stdint.h>

#include "pt_str.h"


bool
pt_str_is_utf8(pt_str_t s)
{
    size_t          i, n;
    uint32_t        c;
    const uint8_t  *p = (const uint8_t *) s.data, *end = p + s.len;

    static const uint32_t  smallest[] = { 0, 0x80, 0x800, 0x10000 };

    while (p < end) {

        if (*p < 0x80) {
            p++;
            continue;
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
            return false;
        }

        if (n > (size_t) (end - p) - 1) {
            return false;
        }

        for (i = 1; i <= n; i++) {
            if ((p[i] & 0xc0) != 0x80) {
                return false;
            }

            c = c << 6 | (p[i] & 0x3f);
        }

        if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
            return false;
        }

        p += n + 1;
    }

    return true;
}
