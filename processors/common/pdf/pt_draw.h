/*
 * Drawings: filled and stroked shapes with labels above them, in a box.  One
 * drawing goes into a page of a PDF (pt_flow_drawing) and into SVG (pt_svg).
 *
 * Coordinates are in thousandths of a point, from the box's top left corner,
 * y down.  All lives in the room.  The functions remember the first failure,
 * so who draws looks once, at the end.
 */

#ifndef PT_DRAW_H
#define PT_DRAW_H

#include "pt_image.h"
#include "pt_para.h"


typedef uint32_t  pt_color_t;          /* 0xRRGGBB, sRGB */

#define PT_BLACK  0x000000
#define PT_WHITE  0xffffff


typedef struct {
    int32_t            x, y;
} pt_point_t;


typedef enum {
    PT_SHAPE_LINE = 0,                 /* open, stroked */
    PT_SHAPE_POLYGON,                  /* closed, filled, even-odd */
    PT_SHAPE_RECT,                     /* filled; two points: corners */
    PT_SHAPE_DISC,                     /* filled; center, and (radius, 0) */
    PT_SHAPE_IMAGE                     /* two points: corners */
} pt_shape_kind_t;


typedef struct pt_shape_s  pt_shape_t;

struct pt_shape_s {
    pt_shape_t        *next;           /* drawn above this one */
    pt_shape_kind_t    kind;
    const pt_point_t  *points;
    size_t             n;
    pt_color_t         color;
    int32_t            thickness;      /* of a line */
    int32_t            dash;           /* length of dashes and gaps; 0: solid */
    const pt_image_t  *image;          /* borrowed */
};


/* a line of text at its place */
typedef struct pt_label_s  pt_label_t;

struct pt_label_s {
    pt_label_t        *next;
    pt_str_t           text;
    unsigned           style;          /* PT_STYLE_* */
    int32_t            size;
    pt_color_t         color;
    int32_t            x, baseline;    /* of its left end */
    int32_t            width;
    pt_textline_t     *line;
};


typedef struct {
    pt_room_t            *room;
    const pt_typeface_t  *typeface;
    int32_t               width, height;
    pt_str_t              alt;         /* what it shows, in words */

    pt_shape_t           *shapes;
    pt_shape_t          **last_shape;
    pt_label_t           *labels;
    pt_label_t          **last_label;
    pt_err_t              err;         /* PT_OK, PT_E_NOMEM, PT_E_TOO_LARGE */
} pt_drawing_t;


/* NULL: no memory */
pt_drawing_t *pt_drawing_new(pt_room_t *room, const pt_typeface_t *typeface,
    int32_t width, int32_t height);

/* points are copied */
pt_shape_t *pt_draw(pt_drawing_t *drawing, pt_shape_kind_t kind,
    const pt_point_t *points, size_t n, pt_color_t color);

void pt_draw_line(pt_drawing_t *drawing, int32_t x1, int32_t y1, int32_t x2,
    int32_t y2, int32_t thickness, pt_color_t color);
void pt_draw_rect(pt_drawing_t *drawing, int32_t x, int32_t y, int32_t width,
    int32_t height, pt_color_t color);
void pt_draw_image(pt_drawing_t *drawing, int32_t x, int32_t y, int32_t width,
    int32_t height, const pt_image_t *image);
void pt_draw_disc(pt_drawing_t *drawing, int32_t x, int32_t y, int32_t radius,
    pt_color_t color);

/*
 * One line of text, with its left end, center or right end at x, as align
 * says.  What is wider than max is cut, with an ellipsis; 0: no limit.
 * Returns NULL on failure, and for an empty text.
 */
pt_label_t *pt_draw_text(pt_drawing_t *drawing, pt_str_t text, unsigned style,
    int32_t size, int32_t x, int32_t baseline, pt_align_t align, int32_t max,
    pt_color_t color);

/* the width of a line of text; 0 on failure */
int32_t pt_draw_measure(pt_drawing_t *drawing, pt_str_t text, unsigned style,
    int32_t size);


#endif /* PT_DRAW_H */
