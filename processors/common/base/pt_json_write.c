/* Writing JSON: compact, and RFC 8785's canonical form. */

#include <math.h>
#include <stdlib.h>

#include "pt_json.h"
#include "pt_number.h"


/* objects with more members than this are sorted in allocated memory */
#define PT_JSONW_FEW  16


static void pt_jsonw_before(pt_jsonw_t *w);
static void pt_jsonw_open(pt_jsonw_t *w, bool object);
static void pt_json_put_string(pt_buf_t *buf, pt_str_t s);
static void pt_json_put_char(pt_buf_t *buf, uint8_t c);
static void pt_json_put_number(pt_buf_t *buf, double v, bool canonical);
static void pt_json_put_int(pt_buf_t *buf, int64_t v);
static void pt_json_put_value(pt_buf_t *buf, const pt_json_t *v,
    bool canonical);
static void pt_json_put_sorted(pt_buf_t *buf, const pt_json_t *object);
static void pt_json_put_member(pt_buf_t *buf, const pt_json_t *v,
    bool canonical);
static int pt_json_utf16_order(const void *a, const void *b);
static int pt_json_utf16_rank(uint8_t byte);


void
pt_jsonw_init(pt_jsonw_t *w, pt_buf_t *buf)
{
    *w = (pt_jsonw_t) { .buf = buf };
}


void
pt_jsonw_object(pt_jsonw_t *w)
{
    pt_jsonw_open(w, true);
}


void
pt_jsonw_array(pt_jsonw_t *w)
{
    pt_jsonw_open(w, false);
}


void
pt_jsonw_end(pt_jsonw_t *w)
{
    uint64_t  bit;

    if (w->depth == 0) {
        w->buf->err = PT_E_INTERNAL;
        return;
    }

    bit = 1ULL << --w->depth;

    pt_buf_add_char(w->buf, w->object & bit ? '}' : ']');
}


void
pt_jsonw_key(pt_jsonw_t *w, const char *key)
{
    pt_jsonw_key_str(w, pt_str(key));
}


void
pt_jsonw_key_str(pt_jsonw_t *w, pt_str_t key)
{
    pt_jsonw_before(w);
    pt_json_put_string(w->buf, key);
    pt_buf_add_char(w->buf, ':');
    w->after_key = true;
}


void
pt_jsonw_str(pt_jsonw_t *w, pt_str_t s)
{
    if (s.data == NULL) {
        pt_jsonw_null(w);
        return;
    }

    pt_jsonw_before(w);
    pt_json_put_string(w->buf, s);
}


void
pt_jsonw_text(pt_jsonw_t *w, const char *s)
{
    pt_jsonw_str(w, pt_str(s));
}


void
pt_jsonw_int(pt_jsonw_t *w, int64_t v)
{
    pt_jsonw_before(w);
    pt_json_put_int(w->buf, v);
}


void
pt_jsonw_double(pt_jsonw_t *w, double v)
{
    if (!isfinite(v)) {
        pt_jsonw_null(w);
        return;
    }

    pt_jsonw_before(w);
    pt_json_put_number(w->buf, v, false);
}


void
pt_jsonw_bool(pt_jsonw_t *w, bool v)
{
    pt_jsonw_before(w);
    pt_buf_add_text(w->buf, v ? "true" : "false");
}


void
pt_jsonw_null(pt_jsonw_t *w)
{
    pt_jsonw_before(w);
    pt_buf_add_text(w->buf, "null");
}


void
pt_jsonw_raw(pt_jsonw_t *w, pt_str_t json)
{
    pt_jsonw_before(w);
    pt_buf_add_str(w->buf, json);
}


void
pt_jsonw_value(pt_jsonw_t *w, const pt_json_t *value)
{
    pt_jsonw_before(w);
    pt_json_put_value(w->buf, value, false);
}


void
pt_json_canonical(const pt_json_t *value, pt_buf_t *buf)
{
    pt_json_put_value(buf, value, true);
}


/* the comma that separates what comes from what stands */
static void
pt_jsonw_before(pt_jsonw_t *w)
{
    uint64_t  bit;

    if (w->after_key) {
        w->after_key = false;
        return;
    }

    if (w->depth == 0) {
        return;
    }

    bit = 1ULL << (w->depth - 1);

    if (w->comma & bit) {
        pt_buf_add_char(w->buf, ',');
    }

    w->comma |= bit;
}


static void
pt_jsonw_open(pt_jsonw_t *w, bool object)
{
    uint64_t  bit;

    /* only hand-written nesting counts: pt_jsonw_value() brings its own */
    if (w->depth == 64) {
        w->buf->err = PT_E_INTERNAL;
        return;
    }

    pt_jsonw_before(w);

    bit = 1ULL << w->depth++;

    w->comma &= ~bit;
    w->object = object ? w->object | bit : w->object & ~bit;

    pt_buf_add_char(w->buf, object ? '{' : '[');
}


static void
pt_json_put_string(pt_buf_t *buf, pt_str_t s)
{
    size_t   i, from, good;
    uint8_t  c;

    pt_buf_add_char(buf, '"');

    while (s.len > 0) {
        good = pt_str_utf8_len(s);

        for (i = 0, from = 0; i < good; i++) {
            c = (uint8_t) s.data[i];

            if (c >= 0x20 && c != '"' && c != '\\') {
                continue;
            }

            pt_buf_add(buf, s.data + from, i - from);
            pt_json_put_char(buf, c);
            from = i + 1;
        }

        pt_buf_add(buf, s.data + from, good - from);

        if (good < s.len) {
            pt_buf_add_text(buf, "\xef\xbf\xbd");
            good++;
        }

        s.data += good;
        s.len -= good;
    }

    pt_buf_add_char(buf, '"');
}


static void
pt_json_put_char(pt_buf_t *buf, uint8_t c)
{
    char  escape[6] = { '\\', 'u', '0', '0', 0, 0 };

    static const char  hex[] = "0123456789abcdef";
    static const char  letters[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
    };

    if (c >= 0x20 || letters[c] != 0) {
        escape[1] = c >= 0x20 ? (char) c : letters[c];
        pt_buf_add(buf, escape, 2);
        return;
    }

    escape[4] = hex[c >> 4];
    escape[5] = hex[c & 0x0f];
    pt_buf_add(buf, escape, 6);
}


static void
pt_json_put_number(pt_buf_t *buf, double v, bool canonical)
{
    char    text[PT_NUMBER_TEXT_MAX];
    size_t  len;

    len = pt_number_format(v, text);
    pt_buf_add(buf, text, len);

    /* 1e20 has no "e" in ECMAScript: readers would take it for an integer */
    if (!canonical && fabs(v) > (double) PT_JSON_INT_MAX
        && memchr(text, 'e', len) == NULL)
    {
        pt_buf_add_text(buf, ".0");
    }
}


static void
pt_json_put_int(pt_buf_t *buf, int64_t v)
{
    char      text[24], *p = text + sizeof(text);
    uint64_t  u = v < 0 ? 0 - (uint64_t) v : (uint64_t) v;

    do {
        *--p = (char) ('0' + u % 10);
        u /= 10;
    } while (u > 0);

    if (v < 0) {
        *--p = '-';
    }

    pt_buf_add(buf, p, (size_t) (text + sizeof(text) - p));
}


/* recursion: parsed trees are at most PT_JSON_DEPTH_MAX deep */
static void
pt_json_put_value(pt_buf_t *buf, const pt_json_t *v, bool canonical)
{
    const pt_json_t  *child;

    switch (v->type) {

    case PT_JSON_NULL:
        pt_buf_add_text(buf, "null");
        break;

    case PT_JSON_BOOL:
        pt_buf_add_text(buf, v->boolean ? "true" : "false");
        break;

    case PT_JSON_NUMBER:
        if (v->integer) {
            pt_json_put_int(buf, v->i64);
        } else {
            pt_json_put_number(buf, v->number, canonical);
        }

        break;

    case PT_JSON_STRING:
        pt_json_put_string(buf, v->text);
        break;

    case PT_JSON_ARRAY:
        pt_buf_add_char(buf, '[');

        for (child = v->first; child != NULL; child = child->next) {
            pt_json_put_value(buf, child, canonical);

            if (child->next != NULL) {
                pt_buf_add_char(buf, ',');
            }
        }

        pt_buf_add_char(buf, ']');
        break;

    case PT_JSON_OBJECT:
        if (canonical) {
            pt_json_put_sorted(buf, v);
            break;
        }

        pt_buf_add_char(buf, '{');

        for (child = v->first; child != NULL; child = child->next) {
            pt_json_put_member(buf, child, canonical);

            if (child->next != NULL) {
                pt_buf_add_char(buf, ',');
            }
        }

        pt_buf_add_char(buf, '}');
        break;
    }
}


static void
pt_json_put_sorted(pt_buf_t *buf, const pt_json_t *object)
{
    size_t            i;
    const pt_json_t  *v, **members, *few[PT_JSONW_FEW];

    members = few;

    if (object->n > PT_JSONW_FEW) {
        members = buf->mem->alloc(buf->mem->ctx, object->n * sizeof(*members));
        if (members == NULL) {
            buf->err = buf->err == PT_OK ? PT_E_NOMEM : buf->err;
            return;
        }
    }

    for (i = 0, v = object->first; v != NULL; v = v->next) {
        members[i++] = v;
    }

    qsort(members, object->n, sizeof(*members), pt_json_utf16_order);

    pt_buf_add_char(buf, '{');

    for (i = 0; i < object->n; i++) {
        if (i > 0) {
            pt_buf_add_char(buf, ',');
        }

        pt_json_put_member(buf, members[i], true);
    }

    pt_buf_add_char(buf, '}');

    if (members != few && buf->mem->free != NULL) {
        buf->mem->free(buf->mem->ctx, members);
    }
}


static void
pt_json_put_member(pt_buf_t *buf, const pt_json_t *v, bool canonical)
{
    pt_json_put_string(buf, v->key);
    pt_buf_add_char(buf, ':');
    pt_json_put_value(buf, v, canonical);
}


static int
pt_json_utf16_order(const void *a, const void *b)
{
    size_t    i, len;
    uint8_t   ca, cb;
    pt_str_t  ka = (*(const pt_json_t *const *) a)->key;
    pt_str_t  kb = (*(const pt_json_t *const *) b)->key;

    len = ka.len < kb.len ? ka.len : kb.len;

    for (i = 0; i < len; i++) {
        ca = (uint8_t) ka.data[i];
        cb = (uint8_t) kb.data[i];

        if (ca != cb) {
            return pt_json_utf16_rank(ca) - pt_json_utf16_rank(cb);
        }
    }

    return ka.len == kb.len ? 0 : ka.len < kb.len ? -1 : 1;
}


/*
 * UTF-8's bytes sort as UTF-16's units do but for one thing: characters
 * beyond U+FFFF (from 0xf0) begin with a surrogate, which comes before U+E000
 * to U+FFFF (0xee, 0xef).
 */
static int
pt_json_utf16_rank(uint8_t byte)
{
    if (byte < 0xee) {
        return byte;
    }

    return byte >= 0xf0 ? byte - 2 : byte + 16;
}
