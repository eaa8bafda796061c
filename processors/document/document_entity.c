/* Entities that authors of contracts use, and any by its number. */

#include <stdlib.h>
#include <string.h>

#include <unistr.h>

#include "document_reader.h"


bool
document_entity(pt_str_t name, char text[5])
{
    int            len;
    size_t         i;
    unsigned long  c;

    static const struct {
        const char  *name, *text;
    } entities[] = {
        { "&amp;", "&" }, { "&lt;", "<" }, { "&gt;", ">" }, { "&quot;", "\"" },
        { "&nbsp;", "\xc2\xa0" }, { "&shy;", "\xc2\xad" },
        { "&ndash;", "\xe2\x80\x93" }, { "&mdash;", "\xe2\x80\x94" },
        { "&sect;", "\xc2\xa7" }, { "&copy;", "\xc2\xa9" },
        { "&hellip;", "\xe2\x80\xa6" }, { "&euro;", "\xe2\x82\xac" },
    };

    for (i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (pt_str_is(name, entities[i].name)) {
            (void) strcpy(text, entities[i].text);
            return true;
        }
    }

    if (name.len < 4 || name.data[1] != '#') {
        return false;
    }

    c = name.data[2] == 'x' || name.data[2] == 'X'
        ? strtoul(name.data + 3, NULL, 16) : strtoul(name.data + 2, NULL, 10);

    /* what is no character (a surrogate, zero) becomes the mark of that */
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        c = 0xfffd;
    }

    len = u8_uctomb((uint8_t *) text, (ucs4_t) c, 4);
    text[len] = '\0';

    return true;
}
