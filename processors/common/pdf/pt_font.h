/*
 * Fonts: faces found by family name, read once, shared by all documents of a
 * process.  HarfBuzz maps text to glyphs (cmap, kerning, ligatures, marks) and
 * cuts subsets.
 *
 * Lengths inside a face are in thousandths of the em, rounded once: what is
 * measured here is what a PDF viewer will draw from the widths array.
 */

#ifndef PT_FONT_H
#define PT_FONT_H

#include <hb.h>

#include "pt_room.h"


#define PT_STYLE_REGULAR    0
#define PT_STYLE_BOLD       1
#define PT_STYLE_ITALIC     2
#define PT_STYLE_FACES      4       /* the combinations */

/* a document's family and those asked for what it lacks */
#define PT_TYPEFACE_MAX     4


typedef struct {
    uint16_t              gid;
    int16_t               advance;   /* to the next glyph, kerning included */
    int16_t               dx, dy;    /* offset of a mark */
    uint32_t              start;     /* first byte of its cluster's text */
} pt_glyph_t;


/* some text in one face; lives in the face's cache or in a document's room */
typedef struct pt_word_s  pt_word_t;

struct pt_word_s {
    pt_word_t            *next;      /* in the cache */
    uint32_t              hash;
    uint32_t              len;       /* bytes of text */
    const char           *text;
    const pt_glyph_t     *glyphs;
    uint32_t              n;
    int32_t               width;
    pt_room_t           *room;     /* where it lives */

    /* by pt_hyphen: glyphs before which a hyphen may stand, ascending */
    const void           *dictionary;
    const uint16_t       *hyphens;
    uint32_t              n_hyphens;
};


typedef struct pt_subset_s  pt_subset_t;
typedef struct pt_fonts_s   pt_fonts_t;


typedef struct {
    pt_fonts_t           *fonts;
    hb_face_t            *face;
    hb_font_t            *hb;
    char                 *path;
    char                  name[64];  /* PostScript name */
    uint8_t               sha256[32];

    unsigned              upem;
    unsigned              n_glyphs;
    int32_t               ascent;    /* thousandths of the em, up is positive */
    int32_t               descent;
    int32_t               cap_height;
    int32_t               bbox[4];
    int32_t               italic_angle;
    bool                  bold, italic, serif, fixed;

    int16_t              *widths;    /* of each glyph */
    uint64_t             *covered;   /* bits: characters of the first plane */

    const pt_word_t      *space;     /* U+0020 */
    const pt_word_t      *hyphen;    /* what a broken word gets */

    pt_word_t           **words;     /* cache: chains by hash */
    size_t                n_words;
    pt_room_t            room;     /* of the cache */

    pt_subset_t          *base;      /* made when first used; else NULL */
    unsigned              index;     /* among all faces, dense */
} pt_font_t;


typedef struct {
    const char           *name;
    pt_font_t            *faces[PT_STYLE_FACES];
} pt_family_t;


typedef struct {
    const pt_family_t    *families[PT_TYPEFACE_MAX];   /* first is preferred */
    unsigned              n;
} pt_typeface_t;


PT_MUST_CHECK pt_err_t pt_fonts_new(pt_fonts_t **ret_fonts);

/* takes NULL */
void pt_fonts_free(pt_fonts_t *fonts);

/*
 * The four faces of a family, by fontconfig; read once.  A substitute that
 * fontconfig would offer instead is refused.
 *
 * Errors  PT_E_NOT_FOUND (not installed, or not TrueType outlines),
 *         PT_E_IO, PT_E_NOMEM; pt_fonts_error() tells more
 */
PT_MUST_CHECK pt_err_t pt_fonts_family(pt_fonts_t *fonts, pt_str_t name,
    const pt_family_t **ret_family);

const char *pt_fonts_error(const pt_fonts_t *fonts);

unsigned pt_fonts_count(const pt_fonts_t *fonts);

/* name and hash of each face's file: changes when the output may */
void pt_fonts_version(const pt_fonts_t *fonts, pt_buf_t *buf);


/*
 * Shapes text that has one script and no line break, left to right.  Cached
 * in the face where it is short.  NULL: no memory.
 */
const pt_word_t *pt_font_shape(pt_font_t *font, pt_str_t text,
    pt_room_t *room);

/* the width of a glyph as the widths array has it */
int32_t pt_font_glyph_width(const pt_font_t *font, uint32_t gid);

bool pt_font_covers(const pt_font_t *font, uint32_t c);

/*
 * The face for a character in a style: the first family that covers it, the
 * preferred one if none does.
 */
pt_font_t *pt_typeface_font(const pt_typeface_t *typeface, unsigned style,
    uint32_t c);


typedef enum {
    PT_COVER_OK = 0,
    PT_COVER_MISSING,          /* no family has a glyph */
    PT_COVER_SHAPING,          /* needs bidi or shaping that we do not do */
    PT_COVER_CONTROL           /* no text at all: control, unassigned, bidi */
} pt_cover_t;

/* whether a character can be set; white space and line ends can */
pt_cover_t pt_typeface_cover(const pt_typeface_t *typeface, unsigned style,
    uint32_t c);


/* the character at p and its length in bytes; the text is valid UTF-8 */
static inline uint32_t
pt_utf8_get(const char *p, unsigned *ret_len)
{
    const uint8_t  *s = (const uint8_t *) p;

    if (s[0] < 0x80) {
        *ret_len = 1;
        return s[0];
    }

    if (s[0] < 0xe0) {
        *ret_len = 2;
        return (uint32_t) (s[0] & 0x1f) << 6 | (s[1] & 0x3f);
    }

    if (s[0] < 0xf0) {
        *ret_len = 3;
        return (uint32_t) (s[0] & 0x0f) << 12 | (uint32_t) (s[1] & 0x3f) << 6
               | (s[2] & 0x3f);
    }

    *ret_len = 4;
    return (uint32_t) (s[0] & 0x07) << 18 | (uint32_t) (s[1] & 0x3f) << 12
           | (uint32_t) (s[2] & 0x3f) << 6 | (s[3] & 0x3f);
}


#endif /* PT_FONT_H */
