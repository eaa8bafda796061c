/* UUIDv7, RFC 9562 section 5.7. */

#include "pt_id.h"


static int pt_hex(char c);


pt_id_t
pt_id_make(uint64_t unix_ms, const uint8_t random[10])
{
    int      i;
    pt_id_t  id;

    for (i = 0; i < 6; i++) {
        id.bytes[i] = (uint8_t) (unix_ms >> (40 - 8 * i));
    }

    memcpy(id.bytes + 6, random, 10);

    id.bytes[6] = (id.bytes[6] & 0x0f) | 0x70;
    id.bytes[8] = (id.bytes[8] & 0x3f) | 0x80;

    return id;
}


void
pt_id_format(const pt_id_t *id, char ret_text[PT_ID_TEXT_LEN])
{
    int    i;
    char  *p = ret_text;

    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }

        *p++ = hex[id->bytes[i] >> 4];
        *p++ = hex[id->bytes[i] & 0x0f];
    }
}


pt_err_t
pt_id_parse(pt_str_t text, pt_id_t *ret_id)
{
    int      i, hi, lo;
    size_t   at;
    pt_id_t  id;

    if (text.len != PT_ID_TEXT_LEN) {
        return PT_E_INVALID;
    }

    for (i = 0, at = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (text.data[at++] != '-') {
                return PT_E_INVALID;
            }
        }

        hi = pt_hex(text.data[at++]);
        lo = pt_hex(text.data[at++]);

        if (hi < 0 || lo < 0) {
            return PT_E_INVALID;
        }

        id.bytes[i] = (uint8_t) (hi << 4 | lo);
    }

    *ret_id = id;
    return PT_OK;
}


uint64_t
pt_id_time_ms(const pt_id_t *id)
{
    int       i;
    uint64_t  ms = 0;

    for (i = 0; i < 6; i++) {
        ms = ms << 8 | id->bytes[i];
    }

    return ms;
}


static int
pt_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
