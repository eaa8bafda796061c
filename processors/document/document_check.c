/* What a rendering cannot set: values that lack, characters without glyphs. */

#include <stdarg.h>
#include <stdio.h>

#include <uniname.h>

#include "document_render.h"


static void document_check_text(document_rendering_t *r, pt_str_t text,
    pt_str_t pointer);


/* a recipient's name is set like any value */
pt_err_t
document_check_options(document_rendering_t *r)
{
    document_check_text(r, r->options->watermark, PT_STR("/watermark/text"));

    return r->violations > 0 ? PT_E_PARAMETERS : PT_OK;
}


/* a contract has no blanks */
void
document_missing(void *ctx, pt_str_t name)
{
    char                   pointer[DOCUMENT_POINTER_MAX];
    size_t                 i, n = 0;
    document_rendering_t  *r = ctx;

    pointer[n++] = '/';

    for (i = 0; i < name.len && n < sizeof(pointer); i++) {
        pointer[n++] = name.data[i] == '.' ? '/' : name.data[i];
    }

    for (i = 0; i < r->n_absent; i++) {
        if (pt_str_eq(r->absent[i], (pt_str_t) { pointer, n })) {
            return;                   /* told already */
        }
    }

    if (r->n_absent < DOCUMENT_VIOLATIONS_MAX) {
        r->absent[r->n_absent++] =
            pt_room_copy(&r->room, (pt_str_t) { pointer, n });
    }

    document_violation(r, (pt_str_t) { pointer, n },
                       "the document needs a value here");
}


void
document_violation(document_rendering_t *r, pt_str_t pointer,
    const char *fmt, ...)
{
    char     detail[256];
    va_list  args;

    if (r->violations++ >= DOCUMENT_VIOLATIONS_MAX) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);

    if (r->result->error[0] == '\0') {
        (void) snprintf(r->result->error, DOCUMENT_ERROR_MAX, "%.*s: %.180s",
                        PT_STR_ARG(pointer), detail);
    }

    r->visitor->violation(r->visitor->ctx, pointer, pt_str(detail));
}


/* every string of the parameters; pointer is its RFC 6901 pointer so far */
void
document_check_value(document_rendering_t *r, const pt_json_t *value,
    char *pointer, size_t len)
{
    int               n;
    size_t            i;
    const pt_json_t  *child;

    if (value->type == PT_JSON_STRING) {
        document_check_text(r, value->text, (pt_str_t) { pointer, len });
        return;
    }

    for (child = value->first, i = 0; child != NULL;
         child = child->next, i++)
    {
        n = value->type == PT_JSON_OBJECT
            ? snprintf(pointer + len, DOCUMENT_POINTER_MAX - len, "/%.*s",
                       PT_STR_ARG(child->key))
            : snprintf(pointer + len, DOCUMENT_POINTER_MAX - len, "/%zu", i);

        if (n > 0 && (size_t) n < DOCUMENT_POINTER_MAX - len) {
            document_check_value(r, child, pointer, len + (size_t) n);
        }

        pointer[len] = '\0';
    }
}


/* the first character that cannot be set is named; one is enough to mend it */
static void
document_check_text(document_rendering_t *r, pt_str_t text, pt_str_t pointer)
{
    char        name[UNINAME_MAX];
    size_t      i;
    uint32_t    c;
    unsigned    len;
    pt_cover_t  cover;

    static const char *const  reasons[] = {
        [PT_COVER_MISSING] = "is in none of the document's fonts",
        [PT_COVER_SHAPING] = "belongs to a script that needs shaping, which"
                             " is not supported",
        [PT_COVER_CONTROL] = "is a control character",
    };

    if (text.len > 0 && document_trim(text).len == 0) {
        document_violation(r, pointer, "is white space only");
        return;
    }

    for (i = 0; i < text.len; i += len) {
        c = pt_utf8_get(text.data + i, &len);

        cover = pt_typeface_cover(&r->template->body, PT_STYLE_REGULAR, c);
        if (cover == PT_COVER_OK) {
            cover = pt_typeface_cover(&r->template->heading, PT_STYLE_BOLD, c);
        }

        if (cover != PT_COVER_OK) {
            document_violation(r, pointer, "U+%04X %s %s", c,
                               unicode_character_name(c, name) != NULL
                               ? name : "(no name)", reasons[cover]);
            return;
        }
    }
}


/* the template's own words, too */
pt_err_t
document_check_runs(document_rendering_t *r, const document_content_t *content)
{
    size_t                   i, k;
    unsigned                 len;
    uint32_t                 c;
    pt_str_t                 text;
    const document_block_t  *block;

    for (block = content->blocks; block != NULL; block = block->next) {
        for (i = 0; i < block->n; i++) {
            text = block->runs[i].text;

            for (k = 0; k < text.len; k += len) {
                c = pt_utf8_get(text.data + k, &len);

                if (pt_typeface_cover(block->type == DOCUMENT_HEADING
                                      ? &r->template->heading
                                      : &r->template->body,
                                      block->runs[i].style, c)
                    != PT_COVER_OK)
                {
                    (void) snprintf(r->result->error, DOCUMENT_ERROR_MAX,
                                    "template \"%.*s\": U+%04X cannot be set",
                                    PT_STR_ARG(r->template->name), c);
                    return PT_E_INVALID;
                }
            }
        }
    }

    return PT_OK;
}
