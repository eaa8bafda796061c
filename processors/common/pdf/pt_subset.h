/*
 * Subsets: a face cut down to the glyphs of a document, ready to be put into
 * a PDF as a CIDFontType2 with Identity-H: the compressed font file, the
 * widths array and the ToUnicode map.
 *
 * Each face has a base subset (Latin-1, the punctuation of good typography,
 * ligatures), made once and shared by all documents that need no more.  What
 * a document gets depends on its own text alone, never on earlier ones.
 */

#ifndef PT_SUBSET_H
#define PT_SUBSET_H

#include "pt_font.h"


struct pt_subset_s {
    uint16_t   *map;            /* glyph of the face -> of the subset; 0: none */
    char        tag[7];         /* "ABCDEF", by the glyphs it has */

    uint8_t    *file;           /* deflated TrueType */
    size_t      file_len;
    size_t      file_raw;       /* bytes before */

    uint8_t    *tounicode;      /* deflated CMap */
    size_t      tounicode_len;

    char       *widths;         /* "[0 [...]]", terminated */
};


/* a glyph beyond the base subset, and the text that it stands for */
typedef struct {
    uint16_t    gid;
    pt_str_t    text;           /* UTF-8; empty: shown, but no text of its own */
} pt_subset_extra_t;


PT_MUST_CHECK pt_err_t pt_subset_new_base(pt_font_t *font,
    pt_subset_t **ret_subset);

/* the base and n more glyphs */
PT_MUST_CHECK pt_err_t pt_subset_new(pt_font_t *font,
    const pt_subset_extra_t *extra, size_t n, pt_subset_t **ret_subset);

/* takes NULL */
void pt_subset_free(pt_subset_t *subset);

/* zlib at its best: what is deflated once is sent often */
PT_MUST_CHECK pt_err_t pt_deflate(const void *data, size_t len, int level,
    uint8_t **ret_data, size_t *ret_len);


#endif /* PT_SUBSET_H */
