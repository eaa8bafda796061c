/*
 * Paragraphs: text with styles becomes lines.
 *
 * Breaks are possible where Unicode says so (UAX #14, libunistring) and
 * inside words (libhyphen).  Among all ways to break a paragraph the one with
 * the least demerits is taken (Knuth and Plass, 1981): no hyphenation if
 * that gives good lines, then with it, then with looser ones.  A line is
 * never wider than its measure: what no rule can break is broken between
 * letters.
 *
 * All lengths are in thousandths of a point: integers, so that the same text
 * gives the same lines on any machine.
 */

#ifndef PT_PARA_H
#define PT_PARA_H

#include "pt_font.h"
#include "pt_hyphen.h"


#define PT_POINT  1000
#define PT_MM     2835          /* 72,000 / 25.4 */


typedef enum {
    PT_ALIGN_LEFT = 0,
    PT_ALIGN_JUSTIFY,
    PT_ALIGN_CENTER,
    PT_ALIGN_RIGHT
} pt_align_t;


/* a piece of text in one style */
typedef struct {
    pt_str_t              text;     /* valid UTF-8; '\n' ends a line */
    unsigned              style;    /* PT_STYLE_* */
    unsigned              target;   /* of a link: a flow's target, 0: none */
    const pt_str_t       *uri;      /* or an address: ASCII, ended; NULL: none */
} pt_run_t;


typedef struct {
    const pt_typeface_t  *typeface;
    const pt_hyphen_t    *hyphen;   /* NULL: words stay whole */
    int32_t               size;
    int32_t               width;    /* the measure */
    pt_align_t            align;
} pt_para_style_t;


/* glyphs of one word, or a space, where they stand */
typedef struct pt_frag_s  pt_frag_t;

struct pt_frag_s {
    pt_frag_t            *next;     /* to the right */
    pt_font_t            *font;
    const pt_word_t      *word;
    uint32_t              first;    /* glyph of word */
    uint32_t              n;
    int32_t               x;        /* from the line's left end */
    int32_t               width;
    int32_t               size;
    unsigned              target;
    const pt_str_t       *uri;
};


typedef struct pt_textline_s  pt_textline_t;

struct pt_textline_s {
    pt_textline_t        *next;
    pt_frag_t            *frags;
    int32_t               width;    /* of what stands in it */
};


/*
 * Sets a paragraph.  Everything lives in the room.
 *
 * ret_lines  at least one, perhaps empty
 * Errors     PT_E_NOMEM, PT_E_TOO_LARGE (one million bytes)
 */
PT_MUST_CHECK pt_err_t pt_para_set(const pt_run_t *runs, size_t n,
    const pt_para_style_t *style, pt_room_t *room,
    pt_textline_t **ret_lines, size_t *ret_n);


#endif /* PT_PARA_H */
