/* A form's body, part by part. */

#include "ngx_http_pitchey_multipart.h"

#include <string.h>
#include <strings.h>


#define MORE      NGX_HTTP_PITCHEY_MULTIPART_MORE
#define PART      NGX_HTTP_PITCHEY_MULTIPART_PART
#define DATA      NGX_HTTP_PITCHEY_MULTIPART_DATA
#define PART_END  NGX_HTTP_PITCHEY_MULTIPART_PART_END
#define END       NGX_HTTP_PITCHEY_MULTIPART_END
#define BROKEN    NGX_HTTP_PITCHEY_MULTIPART_BROKEN


enum {
    S_PREAMBLE = 0,     /* before the first delimiter: ignored */
    S_DELIMITER,        /* behind one: "--", or blanks and the line's end */
    S_DASH,             /* behind its first "-" */
    S_BLANKS,
    S_CR,               /* behind the CR of the delimiter's line */
    S_HEADER,
    S_CONTENT,
    S_EPILOGUE,         /* behind the last delimiter: ignored */
    S_BROKEN
};


static ngx_http_pitchey_multipart_e multipart_content(
    ngx_http_pitchey_multipart_t *m, const char **pos, const char *last,
    size_t room, pt_str_t *ret_data);
static ngx_http_pitchey_multipart_e multipart_held(
    ngx_http_pitchey_multipart_t *m, size_t room, pt_str_t *ret_data);
static ngx_http_pitchey_multipart_e multipart_delimiter(
    ngx_http_pitchey_multipart_t *m, char c);
static ngx_http_pitchey_multipart_e multipart_header(
    ngx_http_pitchey_multipart_t *m, char c);
static bool multipart_fields(ngx_http_pitchey_multipart_t *m);
static bool multipart_field(ngx_http_pitchey_multipart_t *m, pt_str_t line);
static pt_str_t multipart_param(pt_str_t value, const char *name);
static bool multipart_is_boundary(pt_str_t s);
static pt_str_t multipart_trim(pt_str_t s);


bool
ngx_http_pitchey_multipart_init(ngx_http_pitchey_multipart_t *m,
    pt_str_t content_type)
{
    pt_str_t  boundary;

    static const pt_str_t  type = { "multipart/form-data", 19 };

    if (content_type.len <= type.len
        || strncasecmp(content_type.data, type.data, type.len) != 0
        || (content_type.data[type.len] != ';'
            && content_type.data[type.len] != ' '
            && content_type.data[type.len] != '\t'))
    {
        return false;
    }

    boundary = multipart_param(content_type, "boundary");

    if (!multipart_is_boundary(boundary)) {
        return false;
    }

    memset(m, 0, sizeof(*m));
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.data, boundary.len);
    m->len = 4 + boundary.len;

    /* the first one may be the body's beginning */
    m->matched = 2;

    return true;
}


ngx_http_pitchey_multipart_e
ngx_http_pitchey_multipart_next(ngx_http_pitchey_multipart_t *m,
    const char **pos, const char *last, size_t room, pt_str_t *ret_data)
{
    ngx_http_pitchey_multipart_e  event = MORE;

    if (m->held) {
        return multipart_held(m, room, ret_data);
    }

    while (*pos < last && event == MORE) {

        switch (m->state) {

        case S_PREAMBLE:
        case S_CONTENT:
            event = multipart_content(m, pos, last, room, ret_data);
            break;

        case S_HEADER:
            event = multipart_header(m, *(*pos)++);
            break;

        case S_EPILOGUE:
            *pos = last;
            break;

        case S_BROKEN:
            return BROKEN;

        default:
            event = multipart_delimiter(m, *(*pos)++);
            break;
        }
    }

    if (event == BROKEN) {
        m->state = S_BROKEN;
    }

    return event;
}


/*
 * Content up to the next delimiter or what may be one.  A CR is in its first
 * place alone: after a mismatch, matching begins anew at the byte that was
 * wrong, and what had matched is content.
 */
static ngx_http_pitchey_multipart_e
multipart_content(ngx_http_pitchey_multipart_t *m, const char **pos,
    const char *last, size_t room, pt_str_t *ret_data)
{
    size_t       n;
    const char  *p = *pos, *cr;

    if (m->matched == 0) {
        n = (size_t) (last - p);
        n = n < room ? n : room;
        cr = memchr(p, '\r', n);
        n = cr ? (size_t) (cr - p) : n;

        if (n) {
            *pos += n;
            *ret_data = (pt_str_t) { p, n };

            return m->state == S_CONTENT ? DATA : MORE;
        }
    }

    while (p < last && m->matched < m->len && *p == m->delimiter[m->matched]) {
        p++;
        m->matched++;
    }

    *pos = p;

    if (m->matched == m->len) {
        m->matched = 0;
        n = m->state;
        m->state = S_DELIMITER;

        return n == S_CONTENT ? PART_END : MORE;
    }

    if (p == last) {
        return MORE;
    }

    n = m->matched;
    m->matched = 0;

    if (m->state == S_PREAMBLE) {
        return MORE;
    }

    m->held = n;
    m->given = 0;

    return multipart_held(m, room, ret_data);
}


static ngx_http_pitchey_multipart_e
multipart_held(ngx_http_pitchey_multipart_t *m, size_t room,
    pt_str_t *ret_data)
{
    size_t  n;

    n = m->held - m->given;
    n = n < room ? n : room;

    *ret_data = (pt_str_t) { m->delimiter + m->given, n };
    m->given += n;

    if (m->given == m->held) {
        m->held = 0;
    }

    return DATA;
}


/* the rest of the delimiter's line */
static ngx_http_pitchey_multipart_e
multipart_delimiter(ngx_http_pitchey_multipart_t *m, char c)
{
    switch (m->state) {

    case S_DELIMITER:
        if (c == '-') {
            m->state = S_DASH;
            return MORE;
        }

        m->state = S_BLANKS;

        /* fall through */

    case S_BLANKS:
        if (c == '\r') {
            m->state = S_CR;
            return MORE;
        }

        return c == ' ' || c == '\t' ? MORE : BROKEN;

    case S_DASH:
        m->state = S_EPILOGUE;
        return c == '-' ? END : BROKEN;

    default: /* S_CR */
        m->state = S_HEADER;
        m->header_len = 0;
        return c == '\n' ? MORE : BROKEN;
    }
}


/* collects the header up to its empty line */
static ngx_http_pitchey_multipart_e
multipart_header(ngx_http_pitchey_multipart_t *m, char c)
{
    const char  *h = m->header;

    if (c == '\0' || m->header_len == sizeof(m->header)) {
        return BROKEN;
    }

    m->header[m->header_len++] = c;

    if (c != '\n') {
        return MORE;
    }

    if (m->header_len < 2 || h[m->header_len - 2] != '\r') {
        return BROKEN;
    }

    if (m->header_len != 2
        && (m->header_len < 4
            || memcmp(h + m->header_len - 4, "\r\n\r\n", 4) != 0))
    {
        return MORE;
    }

    m->state = S_CONTENT;
    m->matched = 0;

    return multipart_fields(m) ? PART : BROKEN;
}


static bool
multipart_fields(ngx_http_pitchey_multipart_t *m)
{
    size_t       len;
    const char  *p = m->header, *last = p + m->header_len, *end;

    m->disposition = PT_STR_NULL;
    m->name = PT_STR_NULL;
    m->media_type = PT_STR_NULL;

    for ( /* void */ ; p < last; p = end + 1) {
        end = memchr(p, '\n', (size_t) (last - p));
        len = (size_t) (end - p) - 1;

        if (len && !multipart_field(m, (pt_str_t) { p, len })) {
            return false;
        }
    }

    /* each part of a form has a name */
    return m->name.data != NULL;
}


static bool
multipart_field(ngx_http_pitchey_multipart_t *m, pt_str_t line)
{
    pt_str_t     name, value;
    const char  *colon;

    colon = memchr(line.data, ':', line.len);

    if (colon == NULL || colon == line.data || line.data[0] == ' '
        || line.data[0] == '\t' || memchr(line.data, '\r', line.len))
    {
        /* a folded line is of an age before forms */
        return false;
    }

    name = (pt_str_t) { line.data, (size_t) (colon - line.data) };
    value = multipart_trim((pt_str_t) { colon + 1,
                                        line.len - name.len - 1 });

    if (name.len == 12 && strncasecmp(name.data, "Content-Type", 12) == 0) {
        m->media_type = value;
        return true;
    }

    if (name.len != 19
        || strncasecmp(name.data, "Content-Disposition", 19) != 0)
    {
        return true;
    }

    if (m->disposition.data || value.len < 9
        || strncasecmp(value.data, "form-data", 9) != 0)
    {
        return false;
    }

    m->disposition = value;
    m->name = multipart_param(value, "name");

    return true;
}


/*
 * The parameter of that name, without its quotes; absent where there is none.
 * A quoted string ends at its first quote: browsers write one inside as %22.
 */
static pt_str_t
multipart_param(pt_str_t value, const char *name)
{
    size_t       n;
    pt_str_t     key, v;
    const char  *p = value.data, *last = p + value.len, *end;

    p = memchr(p, ';', value.len);

    while (p != NULL) {
        p++;

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        for (end = p; end < last && *end != '=' && *end != ';'; end++) {
            /* void */
        }

        key = (pt_str_t) { p, (size_t) (end - p) };

        if (end == last || *end == ';') {
            p = end == last ? NULL : end;
            continue;
        }

        p = end + 1;

        if (p < last && *p == '"') {
            p++;
            end = memchr(p, '"', (size_t) (last - p));

            if (end == NULL) {
                return PT_STR_NULL;
            }

            v = (pt_str_t) { p, (size_t) (end - p) };
            p = end + 1;

        } else {
            end = memchr(p, ';', (size_t) (last - p));
            n = (size_t) ((end ? end : last) - p);
            v = multipart_trim((pt_str_t) { p, n });
            p += n;
        }

        if (key.len == strlen(name)
            && strncasecmp(key.data, name, key.len) == 0)
        {
            return v;
        }

        p = memchr(p, ';', (size_t) (last - p));
    }

    return PT_STR_NULL;
}


/* bchars of RFC 2046; it must not end with a blank */
static bool
multipart_is_boundary(pt_str_t s)
{
    char    c;
    size_t  i;

    if (s.len == 0 || s.len > NGX_HTTP_PITCHEY_BOUNDARY_MAX
        || s.data[s.len - 1] == ' ')
    {
        return false;
    }

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z')
            && !(c >= '0' && c <= '9')
            && (c == '\0' || strchr("'()+_,-./:=? ", c) == NULL))
        {
            return false;
        }
    }

    return true;
}


static pt_str_t
multipart_trim(pt_str_t s)
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
