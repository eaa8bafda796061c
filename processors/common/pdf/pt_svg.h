/* A drawing as SVG, to stand inside an HTML page or in a file of its own. */

#ifndef PT_SVG_H
#define PT_SVG_H

#include "pt_draw.h"


/*
 * Appends an <svg> element with role="img" and the drawing's alternative
 * text as its <title>.  Text stays text, in the family given (a CSS font
 * list), each label as wide as it was measured.
 */
void pt_svg_write(const pt_drawing_t *drawing, const char *family,
    pt_buf_t *buf);

/* text with the characters that markup reserves replaced by references */
void pt_svg_text(pt_str_t text, pt_buf_t *buf);


#endif /* PT_SVG_H */
