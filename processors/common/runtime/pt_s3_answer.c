/*
 * Enough of XML: what we look for holds names of ours and tokens, and an
 * element of that name is nowhere else in these answers.
 */

#include <string.h>

#include "pt_s3_answer.h"


static void s3_names_of(pt_str_t answer, const char *const *tags, size_t skip,
    pt_s3_list_fn fn, void *ctx);


bool
pt_s3_between(pt_str_t text, const char *begin, const char *end,
    pt_str_t *ret_value, pt_str_t *ret_rest)
{
    const char  *from, *to;

    from = text.len ? memmem(text.data, text.len, begin, strlen(begin)) : NULL;
    if (from == NULL) {
        return false;
    }

    from += strlen(begin);
    to = memmem(from, text.len - (size_t) (from - text.data), end,
                strlen(end));
    if (to == NULL) {
        return false;
    }

    *ret_value = (pt_str_t) { from, (size_t) (to - from) };
    *ret_rest = (pt_str_t) { to, text.len - (size_t) (to - text.data) };

    return true;
}


/* it is kept in a line of a file, as a word, and has no end there */
bool
pt_s3_upload_id(pt_str_t answer, size_t max, pt_str_t *ret_id)
{
    size_t    i;
    pt_str_t  id, rest;

    if (!pt_s3_between(answer, "<UploadId>", "</UploadId>", &id, &rest)
        || id.len == 0 || id.len >= max)
    {
        return false;
    }

    for (i = 0; i < id.len; i++) {
        if (id.data[i] <= ' ' || id.data[i] > '~' || id.data[i] == '&') {
            return false;
        }
    }

    *ret_id = id;
    return true;
}


void
pt_s3_names(pt_str_t answer, size_t skip, pt_s3_list_fn fn, void *ctx)
{
    static const char *const  keys[] = {
        "<Contents>", "</Contents>", "<Key>", "</Key>"
    };
    static const char *const  folders[] = {
        "<CommonPrefixes>", "</CommonPrefixes>", "<Prefix>", "</Prefix>"
    };

    s3_names_of(answer, keys, skip, fn, ctx);
    s3_names_of(answer, folders, skip, fn, ctx);
}


/* tags: of an item and of the name in it, begin and end */
static void
s3_names_of(pt_str_t answer, const char *const *tags, size_t skip,
    pt_s3_list_fn fn, void *ctx)
{
    pt_str_t  item, name, rest;

    while (pt_s3_between(answer, tags[0], tags[1], &item, &answer)) {
        if (pt_s3_between(item, tags[2], tags[3], &name, &rest)
            && name.len > skip)
        {
            fn(ctx, (pt_str_t) { name.data + skip, name.len - skip });
        }
    }
}
