/* Any bytes as text, and as a title: words within it, features of words. */

#include <stdlib.h>

#include "analysis_genre.h"


static void
on_feature(void *ctx, analysis_block_t block, uint32_t hash, uint32_t word,
    uint32_t last)
{
    size_t                  end;
    const analysis_text_t  *text = ctx;

    (void) hash;
    end = text->n;

    if (block >= ANALYSIS_TITLE_STEMS) {
        end += text->ntitle;
    }

    if (block >= ANALYSIS_BLOCKS || last >= end || word > last
        || (block >= ANALYSIS_TITLE_STEMS && word < text->n))
    {
        abort();
    }
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char              buf[ANALYSIS_TITLE_MAX];
    size_t            i, half = size / 2;
    const char       *p = (const char *) data;
    analysis_text_t   text;

    if (analysis_text_init(&text) != PT_OK) {
        return 0;
    }

    if (analysis_text_add(&text, (pt_str_t) { p, half }) == PT_OK
        && analysis_text_add(&text, (pt_str_t) { p + half, size - half })
           == PT_OK
        && analysis_text_add_title(&text, (pt_str_t) { p, size }) == PT_OK)
    {
        for (i = 0; i < text.n + text.ntitle; i++) {
            if (text.words[i].offset + text.words[i].length > size
                || strlen(text.words[i].word) != text.words[i].len
                || text.words[i].len < 2
                || (i < text.n ? text.words[i].part > 1
                               : text.words[i].part != 2))
            {
                abort();
            }
        }

        analysis_text_features(&text, on_feature, &text);
    }

    if (analysis_title_fold((pt_str_t) { p, size }, buf, sizeof(buf))
        >= sizeof(buf)
        || analysis_title_stem((pt_str_t) { p, size }, buf, sizeof(buf))
           >= sizeof(buf))
    {
        abort();
    }

    analysis_text_done(&text);

    return 0;
}
