/* The codec of the child's protocol: a table of texts for each kind. */

#include "pt_childmsg.h"
#include "pt_platform.h"


#define HEAD_LEN     (sizeof(uint32_t) + 1 + sizeof(uint64_t))
#define TEXTS_MAX    8


typedef struct {
    size_t     offset;        /* of the pt_str_t in pt_childmsg_t */
    uint32_t   max;           /* bytes */
} pt_childmsg_text_t;


typedef struct {
    uint64_t            number_max;
    size_t              n;
    pt_childmsg_text_t  texts[TEXTS_MAX];
} pt_childmsg_def_t;


static bool pt_childmsg_text_is_good(pt_str_t s, uint32_t max);


#define TEXT(field, max)  { offsetof(pt_childmsg_t, field), max }

static const pt_childmsg_def_t  pt_childmsgs[PT_CHILDMSG_COUNT_] = {

    [PT_CHILDMSG_JOB]      = { UINT32_MAX, 8, {
                                 TEXT(action, PT_NAME_MAX),
                                 TEXT(id, PT_ID_TEXT_LEN),
                                 TEXT(user, PT_USER_MAX),
                                 TEXT(role, PT_NAME_MAX),
                                 TEXT(user_type, PT_NAME_MAX),
                                 TEXT(params, PT_JSON_FRAME_MAX),
                                 TEXT(inputs, 1u << 19),
                                 TEXT(platform, PT_PLATFORM_MAX) } },

    [PT_CHILDMSG_IDLE]     = { 0, 0, { { 0, 0 } } },

    [PT_CHILDMSG_PROGRESS] = { 1000, 1, {
                                 TEXT(stage, PT_NAME_MAX) } },

    [PT_CHILDMSG_OUTPUT]   = { 0, 3, {
                                 TEXT(name, PT_OUTPUT_NAME_MAX),
                                 TEXT(media_type, 127),
                                 TEXT(path, PT_PATH_MAX) } },

    [PT_CHILDMSG_TREE]     = { 0, 3, {
                                 TEXT(name, PT_OUTPUT_NAME_MAX),
                                 TEXT(entry, PT_OUTPUT_NAME_MAX),
                                 TEXT(path, PT_PATH_MAX) } },

    [PT_CHILDMSG_LOG]      = { 0, 1, {
                                 TEXT(text, PT_LINE_MAX) } },

    [PT_CHILDMSG_DONE]     = { 0, 1, {
                                 TEXT(json, PT_RESULT_MAX) } },

    [PT_CHILDMSG_FAILED]   = { PT_E_COUNT_ - 1, 2, {
                                 TEXT(text, PT_LINE_MAX),
                                 TEXT(json, PT_RESULT_MAX) } }
};


void
pt_childmsg_write(pt_buf_t *buf, const pt_childmsg_t *m)
{
    size_t                    i;
    uint8_t                   kind;
    uint32_t                  len;
    const pt_str_t           *s;
    const pt_childmsg_def_t  *def;

    def = &pt_childmsgs[m->kind];
    kind = (uint8_t) m->kind;
    len = (uint32_t) (HEAD_LEN - sizeof(len));

    if (m->number > def->number_max) {
        buf->err = PT_E_INVALID;
    }

    for (i = 0; i < def->n; i++) {
        s = (const pt_str_t *) ((const char *) m + def->texts[i].offset);

        if (!pt_childmsg_text_is_good(*s, def->texts[i].max)) {
            buf->err = PT_E_INVALID;
            return;
        }

        len += (uint32_t) (sizeof(len) + s->len);
    }

    pt_buf_add(buf, &len, sizeof(len));
    pt_buf_add(buf, &kind, 1);
    pt_buf_add(buf, &m->number, sizeof(m->number));

    for (i = 0; i < def->n; i++) {
        s = (const pt_str_t *) ((const char *) m + def->texts[i].offset);
        len = (uint32_t) s->len;

        pt_buf_add(buf, &len, sizeof(len));
        pt_buf_add_str(buf, *s);
    }
}


pt_err_t
pt_childmsg_read(pt_str_t in, pt_childmsg_t *ret_m, size_t *ret_used)
{
    size_t                    i, left;
    uint8_t                   kind;
    uint32_t                  len;
    pt_str_t                  s;
    const char               *p;
    pt_childmsg_t             m;
    const pt_childmsg_def_t  *def;

    *ret_used = 0;

    if (in.len < sizeof(len)) {
        return PT_OK;
    }

    memcpy(&len, in.data, sizeof(len));

    if (len < HEAD_LEN - sizeof(len) || len > PT_CHILDMSG_MAX - sizeof(len)) {
        return PT_E_BAD_MESSAGE;
    }

    if (len > in.len - sizeof(len)) {
        return PT_OK;
    }

    memset(&m, 0, sizeof(m));

    p = in.data + sizeof(len);
    memcpy(&kind, p, 1);
    memcpy(&m.number, p + 1, sizeof(m.number));

    if (kind >= PT_CHILDMSG_COUNT_) {
        return PT_E_BAD_MESSAGE;
    }

    def = &pt_childmsgs[kind];
    m.kind = (pt_childmsg_kind_t) kind;

    if (m.number > def->number_max) {
        return PT_E_BAD_MESSAGE;
    }

    p = in.data + HEAD_LEN;
    left = len - (HEAD_LEN - sizeof(len));

    for (i = 0; i < def->n; i++) {

        if (left < sizeof(len)) {
            return PT_E_BAD_MESSAGE;
        }

        memcpy(&len, p, sizeof(len));
        p += sizeof(len);
        left -= sizeof(len);

        if (len > left) {
            return PT_E_BAD_MESSAGE;
        }

        s = (pt_str_t) { p, len };

        if (!pt_childmsg_text_is_good(s, def->texts[i].max)) {
            return PT_E_BAD_MESSAGE;
        }

        memcpy((char *) &m + def->texts[i].offset, &s, sizeof(s));
        p += len;
        left -= len;
    }

    if (left != 0) {
        return PT_E_BAD_MESSAGE;
    }

    *ret_used = (size_t) (p - in.data);
    *ret_m = m;

    return PT_OK;
}


/* UTF-8 without NUL: it goes into frames, file names and logs */
static bool
pt_childmsg_text_is_good(pt_str_t s, uint32_t max)
{
    return s.len <= max
           && (s.len == 0 || memchr(s.data, '\0', s.len) == NULL)
           && pt_str_is_utf8(s);
}
