/* The headers of tus 1.0.0. */

#include "ngx_http_pitchey_tushead.h"

#include <string.h>


static bool tus_next(pt_str_t *header, pt_str_t *key, pt_str_t *value);
static bool tus_decode(pt_str_t text, char *buf, size_t *ret_len);
static int tus_digit(char c);


bool
ngx_http_pitchey_tus_number_parse(pt_str_t text, int64_t *ret_number)
{
    int      digit;
    size_t   i;
    int64_t  n = 0;

    for (i = 0; i < text.len; i++) {
        digit = text.data[i] - '0';

        if (digit < 0 || digit > 9 || n > (INT64_MAX - digit) / 10) {
            return false;
        }

        n = 10 * n + digit;
    }

    if (text.len == 0) {
        return false;
    }

    *ret_number = n;
    return true;
}


bool
ngx_http_pitchey_tus_metadata_is_good(pt_str_t header)
{
    size_t    i, len;
    pt_str_t  key, value, rest, other, ignored;

    /* an empty header tells nothing, which is fine */

    while (header.len) {
        if (!tus_next(&header, &key, &value)
            || key.len == 0 || !tus_decode(value, NULL, &len))
        {
            return false;
        }

        for (i = 0; i < key.len; i++) {
            if (key.data[i] <= ' ' || key.data[i] >= 0x7f) {
                return false;
            }
        }

        for (rest = header; rest.len; /* void */ ) {
            if (!tus_next(&rest, &other, &ignored) || pt_str_eq(key, other)) {
                return false;
            }
        }
    }

    return true;
}


bool
ngx_http_pitchey_tus_metadata(pt_str_t header, const char *key, char *buf,
    pt_str_t *ret_value)
{
    size_t    len;
    pt_str_t  k, value;

    while (header.len && tus_next(&header, &k, &value)) {
        if (pt_str_is(k, key) && value.len && tus_decode(value, buf, &len)) {
            *ret_value = (pt_str_t) { buf, len };
            return true;
        }
    }

    return false;
}


/* takes the first pair off header; false: a comma with nothing behind */
static bool
tus_next(pt_str_t *header, pt_str_t *key, pt_str_t *value)
{
    size_t       len;
    const char  *p, *end, *blank;

    while (header->len && header->data[0] == ' ') {
        header->data++;
        header->len--;
    }

    p = header->data;
    end = header->len ? memchr(p, ',', header->len) : NULL;
    len = end ? (size_t) (end - p) : header->len;
    blank = len ? memchr(p, ' ', len) : NULL;

    *key = (pt_str_t) { p, blank ? (size_t) (blank - p) : len };
    *value = (pt_str_t) { blank ? blank + 1 : p + len,
                          blank ? len - key->len - 1 : 0 };

    if (end && header->len == len + 1) {
        return false;
    }

    len += (end != NULL);
    header->data += len;
    header->len -= len;

    return true;
}


/* base64 (RFC 4648, section 4) with its padding; buf may be NULL */
static bool
tus_decode(pt_str_t text, char *buf, size_t *ret_len)
{
    int       digit;
    size_t    i, pad = 0, n = 0;
    uint32_t  bits = 0;

    if (text.len % 4) {
        return false;
    }

    while (pad < 2 && pad < text.len && text.data[text.len - 1 - pad] == '=') {
        pad++;
    }

    for (i = 0; i < text.len - pad; i++) {
        digit = tus_digit(text.data[i]);

        if (digit < 0) {
            return false;
        }

        bits = bits << 6 | (uint32_t) digit;

        if (i % 4) {
            if (buf) {
                buf[n] = (char) (bits >> (6 - 2 * (i % 4)));
            }

            n++;
        }
    }

    *ret_len = n;
    return true;
}


static int
tus_digit(char c)
{
    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
                                  "qrstuvwxyz0123456789+/";
    const char  *p;

    p = c ? strchr(digits, c) : NULL;

    return p ? (int) (p - digits) : -1;
}
