/* The arguments of a URI. */

#include "ngx_http_pitchey_args.h"

#include <string.h>


static bool args_next(pt_str_t *args, pt_str_t *name, pt_str_t *value);
static pt_str_t args_decode(pt_str_t value, char *buf);
static int args_hex(char c);


bool
ngx_http_pitchey_args_get(pt_str_t args, const char *name, char *buf,
    pt_str_t *ret_value)
{
    pt_str_t  n, v;

    while (args_next(&args, &n, &v)) {
        if (pt_str_is(n, name)) {
            *ret_value = args_decode(v, buf);
            return true;
        }
    }

    return false;
}


bool
ngx_http_pitchey_args_are(pt_str_t args, const char *const *names)
{
    size_t    i;
    unsigned  seen = 0;
    pt_str_t  n, v;

    while (args_next(&args, &n, &v)) {

        if (n.len == 0 && v.len == 0) {
            continue;
        }

        for (i = 0; names[i] && !pt_str_is(n, names[i]); i++) { /* void */ }

        if (names[i] == NULL || (seen & 1u << i)) {
            return false;
        }

        seen |= 1u << i;
    }

    return true;
}


bool
ngx_http_pitchey_args_number(pt_str_t value, unsigned max,
    unsigned *ret_number)
{
    size_t    i;
    unsigned  n = 0;

    for (i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9' || n > max / 10) {
            return false;
        }

        n = 10 * n + (unsigned) (value.data[i] - '0');
    }

    if (n < 1 || n > max) {
        return false;
    }

    *ret_number = n;
    return true;
}


/* takes the first one off args; false: there is none */
static bool
args_next(pt_str_t *args, pt_str_t *name, pt_str_t *value)
{
    size_t       len;
    const char  *end, *eq;

    if (args->len == 0) {
        return false;
    }

    end = memchr(args->data, '&', args->len);
    len = end ? (size_t) (end - args->data) : args->len;
    eq = memchr(args->data, '=', len);

    name->data = args->data;
    name->len = eq ? (size_t) (eq - args->data) : len;

    value->data = eq ? eq + 1 : args->data + len;
    value->len = (size_t) (args->data + len - value->data);

    len += (end != NULL);
    args->data += len;
    args->len -= len;

    return true;
}


static pt_str_t
args_decode(pt_str_t value, char *buf)
{
    int     high, low;
    size_t  i, n = 0;

    for (i = 0; i < value.len; i++) {

        if (value.data[i] == '+') {
            buf[n++] = ' ';
            continue;
        }

        if (value.data[i] == '%' && value.len - i > 2
            && (high = args_hex(value.data[i + 1])) >= 0
            && (low = args_hex(value.data[i + 2])) >= 0)
        {
            buf[n++] = (char) (high << 4 | low);
            i += 2;
            continue;
        }

        buf[n++] = value.data[i];
    }

    return (pt_str_t) { buf, n };
}


static int
args_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
