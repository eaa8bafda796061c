/*
 * Any text is Markdown that can be read and laid out, or an error; no line
 * leaves its measure.
 */

#include <stdio.h>
#include <stdlib.h>

#include "document_markdown.h"


#define ROOM_MAX  (32 * 1024 * 1024)
#define MEASURE   (120 * PT_POINT)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static pt_typeface_t  typeface;
static pt_hyphen_t   *hyphen;


static void
load(void)
{
    pt_fonts_t  *fonts;

    if (pt_fonts_new(&fonts) != PT_OK
        || pt_fonts_family(fonts, PT_STR("Gentium Book Plus"),
                           &typeface.families[0]) != PT_OK
        || pt_hyphen_new(PT_STR("en-US"), &hyphen) != PT_OK)
    {
        abort();
    }

    typeface.n = 1;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                     error[200];
    size_t                   n;
    pt_str_t                 text = { (const char *) data, size };
    pt_room_t                room;
    pt_textline_t           *line;
    document_content_t       content;
    const document_block_t  *block;

    const pt_para_style_t    style = {
        .typeface = &typeface, .hyphen = hyphen, .size = 10 * PT_POINT,
        .width = MEASURE, .align = PT_ALIGN_JUSTIFY
    };

    if (typeface.n == 0) {
        load();
    }

    /* the edge and the loader admit nothing else */
    if (!pt_str_is_utf8(text)) {
        return 0;
    }

    pt_room_init(&room, ROOM_MAX);

    if (document_markdown_read(text, &room, &content, error, sizeof(error))
        == PT_OK)
    {
        for (block = content.blocks; block != NULL; block = block->next) {
            if (pt_para_set(block->runs, block->n, &style, &room, &line, &n)
                != PT_OK)
            {
                break;
            }

            for ( /* void */ ; line != NULL; line = line->next) {
                /* a single cluster can be wider than any measure */
                if (line->width > MEASURE && line->frags->next != NULL) {
                    abort();
                }
            }
        }
    }

    pt_room_done(&room);

    return 0;
}
