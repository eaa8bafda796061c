/* Values as Markdown that is text and nothing else. */

#include <unictype.h>

#include "document_markdown.h"


void
document_escape_markdown(pt_buf_t *out, pt_str_t text)
{
    char    c;
    bool    space = false, begun = false;
    size_t  i;

    text = document_trim(text);

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            space = begun;
            continue;
        }

        if (space) {
            pt_buf_add_char(out, ' ');
            space = false;
        }

        begun = true;

        if ((c > ' ' && c < '0') || (c > '9' && c < 'A')
            || (c > 'Z' && c < 'a') || (c > 'z' && c < 0x7f))
        {
            pt_buf_add_char(out, '\\');
        }

        pt_buf_add_char(out, c);
    }
}


/*
 * Without the white space around it, Unicode's too: "**" before or after that
 * would be no emphasis, but two asterisks in a contract.
 */
pt_str_t
document_trim(pt_str_t text)
{
    size_t    at;
    unsigned  len;

    while (text.len > 0) {
        if (!uc_is_property_white_space(pt_utf8_get(text.data, &len))) {
            break;
        }

        text.data += len;
        text.len -= len;
    }

    while (text.len > 0) {
        for (at = text.len - 1;
             at > 0 && (text.data[at] & 0xc0) == 0x80; at--)
        {
            /* to the last character's first byte */
        }

        if (!uc_is_property_white_space(pt_utf8_get(text.data + at, &len))) {
            break;
        }

        text.len = at;
    }

    return text;
}
