/*
 * Names of uploads and outputs, and the headers that carry them.
 *
 * Plain C; statics are called name_*.
 */

#include "ngx_http_pitchey_name.h"

#include <strings.h>

#include "pt_wire.h"


static bool name_parameter(pt_str_t *rest, pt_str_t *ret_key,
    pt_str_t *ret_value, bool *ret_quoted);
static pt_str_t name_trim(pt_str_t s);
static bool name_extended(pt_str_t value, char *buf, size_t *ret_len);
static size_t name_unquote(pt_str_t value, char *buf);
static int name_hex(char c);
static void name_put(char *out, size_t *len, const char *data, size_t n);
static bool name_is_attr_char(unsigned char c);
static bool name_is_path(pt_str_t path, size_t max);


/* a header of nginx is at most a buffer of large_client_header_buffers; what
 * is decoded of a name before it is cut */
#define NAME_DECODED_MAX  4096


pt_str_t
ngx_http_pitchey_name_parse(pt_str_t header, char *buf)
{
    bool      quoted;
    char      decoded[NAME_DECODED_MAX];
    char      extended[NGX_HTTP_PITCHEY_NAME_LEN];
    size_t    len;
    pt_str_t  rest, key, value, name;

    name = PT_STR("");
    rest = header;

    /* the disposition's type has no "=" and is passed over with the rest */

    while (name_parameter(&rest, &key, &value, &quoted)) {

        if (value.len > sizeof(decoded)) {
            continue;
        }

        if (key.len == 9 && strncasecmp(key.data, "filename*", 9) == 0
            && !quoted && name_extended(value, decoded, &len))
        {
            value = (pt_str_t) { decoded, len };
            value = ngx_http_pitchey_name_clean(value, extended);

            if (value.len) {
                memcpy(buf, extended, value.len);
                return (pt_str_t) { buf, value.len };
            }

            continue;
        }

        if (key.len == 8 && strncasecmp(key.data, "filename", 8) == 0
            && name.len == 0)
        {
            name = value;

            if (quoted) {
                len = name_unquote(value, decoded);
                name = (pt_str_t) { decoded, len };
            }

            name = ngx_http_pitchey_name_clean(name, buf);
        }
    }

    return name;
}


/*
 * Takes one ";"-separated part of the header: a key and its value, without
 * the quotes that it may have.  False at the end.
 */
static bool
name_parameter(pt_str_t *rest, pt_str_t *ret_key, pt_str_t *ret_value,
    bool *ret_quoted)
{
    bool         quoted;
    size_t       i, eq;
    pt_str_t     part;

    if (rest->len == 0) {
        return false;
    }

    quoted = false;
    eq = 0;

    for (i = 0; i < rest->len; i++) {

        if (rest->data[i] == '\\' && quoted && i + 1 < rest->len) {
            i++;

        } else if (rest->data[i] == '"') {
            quoted = !quoted;

        } else if (rest->data[i] == '=' && eq == 0 && !quoted) {
            eq = i + 1;

        } else if (rest->data[i] == ';' && !quoted) {
            break;
        }
    }

    part = (pt_str_t) { rest->data, i };

    if (i < rest->len) {
        i++;
    }

    rest->data += i;
    rest->len -= i;

    if (eq == 0) {
        *ret_key = *ret_value = PT_STR("");
        *ret_quoted = false;
        return true;
    }

    *ret_key = name_trim((pt_str_t) { part.data, eq - 1 });
    part = name_trim((pt_str_t) { part.data + eq, part.len - eq });

    *ret_quoted = part.len >= 2 && part.data[0] == '"'
                  && part.data[part.len - 1] == '"';

    if (*ret_quoted) {
        part.data++;
        part.len -= 2;
    }

    *ret_value = part;

    return true;
}


static pt_str_t
name_trim(pt_str_t s)
{
    while (s.len && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
        s.len--;
    }

    return s;
}


/* RFC 8187: UTF-8'en'na%C3%AFve.mp4; every client writes UTF-8 */
static bool
name_extended(pt_str_t value, char *buf, size_t *ret_len)
{
    int          high, low;
    size_t       i, n;
    const char  *quote;

    if (value.len < 6 || strncasecmp(value.data, "UTF-8'", 6) != 0) {
        return false;
    }

    quote = memchr(value.data + 6, '\'', value.len - 6);
    if (quote == NULL) {
        return false;
    }

    n = 0;

    for (i = quote + 1 - value.data; i < value.len; i++) {

        if (value.data[i] != '%') {
            buf[n++] = value.data[i];
            continue;
        }

        if (value.len - i < 3) {
            return false;
        }

        high = name_hex(value.data[i + 1]);
        low = name_hex(value.data[i + 2]);

        if (high < 0 || low < 0) {
            return false;
        }

        buf[n++] = (char) (high << 4 | low);
        i += 2;
    }

    *ret_len = n;

    return true;
}


static int
name_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* a "\" that quotes nothing is a path's: Internet Explorer sent such */
static size_t
name_unquote(pt_str_t value, char *buf)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < value.len; i++) {
        if (value.data[i] == '\\' && i + 1 < value.len
            && (value.data[i + 1] == '"' || value.data[i + 1] == '\\'))
        {
            i++;
        }

        buf[n++] = value.data[i];
    }

    return n;
}


pt_str_t
ngx_http_pitchey_name_clean(pt_str_t name, char *buf)
{
    size_t  i, n, start;

    if (!pt_str_is_utf8(name)) {
        return PT_STR("");
    }

    for (start = name.len; start; start--) {
        if (name.data[start - 1] == '/' || name.data[start - 1] == '\\') {
            break;
        }
    }

    n = 0;

    for (i = start; i < name.len && n < NGX_HTTP_PITCHEY_NAME_LEN; i++) {

        if ((unsigned char) name.data[i] < 0x20 || name.data[i] == 0x7f) {
            continue;
        }

        /* C1 controls, which are two bytes */
        if ((unsigned char) name.data[i] == 0xc2
            && (unsigned char) name.data[i + 1] < 0xa0)
        {
            i++;
            continue;
        }

        buf[n++] = name.data[i];
    }

    /* not within a character */

    if (i < name.len) {
        while (n && (name.data[i] & 0xc0) == 0x80) {
            n--;
            i--;
        }
    }

    while (n && buf[n - 1] == ' ') {
        n--;
    }

    for (start = 0; start < n && buf[start] == ' '; start++) { /* void */ }

    memmove(buf, buf + start, n - start);
    n -= start;

    if ((n == 1 && buf[0] == '.') || (n == 2 && buf[0] == '.' && buf[1] == '.'))
    {
        n = 0;
    }

    return (pt_str_t) { buf, n };
}


size_t
ngx_http_pitchey_name_disposition(bool attachment, pt_str_t name, char *out)
{
    bool           plain;
    char           byte[3];
    size_t         i, len;
    unsigned char  c;

    static const char  hex[] = "0123456789ABCDEF";

    len = 0;
    plain = true;

    if (attachment) {
        name_put(out, &len, "attachment", 10);

    } else {
        name_put(out, &len, "inline", 6);
    }

    if (name.len == 0) {
        return len;
    }

    name_put(out, &len, "; filename=\"", 12);

    for (i = 0; i < name.len; i++) {
        c = (unsigned char) name.data[i];

        /* "%" too: some clients decode it in the plain form */

        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '%') {
            plain = false;

            if ((c & 0xc0) == 0x80) {
                continue;            /* one "_" for a character */
            }

            c = '_';
        }

        byte[0] = (char) c;
        name_put(out, &len, byte, 1);
    }

    name_put(out, &len, "\"", 1);

    if (plain) {
        return len;
    }

    name_put(out, &len, "; filename*=UTF-8''", 19);

    for (i = 0; i < name.len; i++) {
        c = (unsigned char) name.data[i];

        if (name_is_attr_char(c)) {
            byte[0] = (char) c;
            name_put(out, &len, byte, 1);

        } else {
            byte[0] = '%';
            byte[1] = hex[c >> 4];
            byte[2] = hex[c & 0xf];
            name_put(out, &len, byte, 3);
        }
    }

    return len;
}


static void
name_put(char *out, size_t *len, const char *data, size_t n)
{
    if (out) {
        memcpy(out + *len, data, n);
    }

    *len += n;
}


/* RFC 8187, section 3.2.1 */
static bool
name_is_attr_char(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z')
           || (c && strchr("!#$&+-.^_`|~", c) != NULL);
}


bool
ngx_http_pitchey_name_is_output(pt_str_t path)
{
    return name_is_path(path, PT_OUTPUT_NAME_MAX);
}


bool
ngx_http_pitchey_name_is_key(pt_str_t key)
{
    return name_is_path(key, PT_KEY_MAX);
}


static bool
name_is_path(pt_str_t path, size_t max)
{
    bool    first;
    char    c;
    size_t  i;

    if (path.len > max) {
        return false;
    }

    first = true;                        /* of a component */

    for (i = 0; i < path.len; i++) {
        c = path.data[i];

        if (c == '/' || c == '.') {
            if (first) {
                return false;
            }

            first = (c == '/');
            continue;
        }

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_'
            && c != '-')
        {
            return false;
        }

        first = false;
    }

    return !first;
}


void
ngx_http_pitchey_name_file_key(const pt_id_t *id,
    char out[NGX_HTTP_PITCHEY_NAME_FILE_KEY_LEN])
{
    char  text[PT_ID_TEXT_LEN];

    pt_id_format(id, text);

    memcpy(out, "files/", 6);
    memcpy(out + 6, text + PT_ID_TEXT_LEN - 2, 2);
    out[8] = '/';
    memcpy(out + 9, text, PT_ID_TEXT_LEN);
}
