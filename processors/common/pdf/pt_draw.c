/* Collecting shapes and labels. */

#include "pt_draw.h"


static pt_textline_t *pt_draw_set(pt_drawing_t *drawing, pt_str_t text,
    unsigned style, int32_t size);
static pt_textline_t *pt_draw_cut(pt_drawing_t *drawing, pt_str_t *text,
    unsigned style, int32_t size, int32_t max);


pt_drawing_t *
pt_drawing_new(pt_room_t *room, const pt_typeface_t *typeface, int32_t width,
    int32_t height)
{
    pt_drawing_t  *drawing;

    drawing = pt_room_alloc(room, sizeof(pt_drawing_t));
    if (drawing == NULL) {
        return NULL;
    }

    drawing->room = room;
    drawing->typeface = typeface;
    drawing->width = width;
    drawing->height = height;
    drawing->last_shape = &drawing->shapes;
    drawing->last_label = &drawing->labels;

    return drawing;
}


pt_shape_t *
pt_draw(pt_drawing_t *drawing, pt_shape_kind_t kind, const pt_point_t *points,
    size_t n, pt_color_t color)
{
    pt_shape_t  *shape;
    pt_point_t  *copy;

    shape = pt_room_alloc(drawing->room, sizeof(pt_shape_t));
    copy = pt_room_array(drawing->room, n, sizeof(pt_point_t));

    if (shape == NULL || copy == NULL) {
        drawing->err = PT_E_NOMEM;
        return NULL;
    }

    memcpy(copy, points, n * sizeof(pt_point_t));

    shape->kind = kind;
    shape->points = copy;
    shape->n = n;
    shape->color = color;

    *drawing->last_shape = shape;
    drawing->last_shape = &shape->next;

    return shape;
}


void
pt_draw_line(pt_drawing_t *drawing, int32_t x1, int32_t y1, int32_t x2,
    int32_t y2, int32_t thickness, pt_color_t color)
{
    pt_shape_t        *shape;
    const pt_point_t   points[] = { { x1, y1 }, { x2, y2 } };

    shape = pt_draw(drawing, PT_SHAPE_LINE, points, 2, color);
    if (shape != NULL) {
        shape->thickness = thickness;
    }
}


void
pt_draw_rect(pt_drawing_t *drawing, int32_t x, int32_t y, int32_t width,
    int32_t height, pt_color_t color)
{
    const pt_point_t  points[] = { { x, y }, { x + width, y + height } };

    (void) pt_draw(drawing, PT_SHAPE_RECT, points, 2, color);
}


void
pt_draw_image(pt_drawing_t *drawing, int32_t x, int32_t y, int32_t width,
    int32_t height, const pt_image_t *image)
{
    pt_shape_t  *shape;

    const pt_point_t  points[] = { { x, y }, { x + width, y + height } };

    shape = pt_draw(drawing, PT_SHAPE_IMAGE, points, 2, PT_BLACK);

    if (shape != NULL) {
        shape->image = image;
    }
}


void
pt_draw_disc(pt_drawing_t *drawing, int32_t x, int32_t y, int32_t radius,
    pt_color_t color)
{
    const pt_point_t  points[] = { { x, y }, { radius, 0 } };

    (void) pt_draw(drawing, PT_SHAPE_DISC, points, 2, color);
}


pt_label_t *
pt_draw_text(pt_drawing_t *drawing, pt_str_t text, unsigned style,
    int32_t size, int32_t x, int32_t baseline, pt_align_t align, int32_t max,
    pt_color_t color)
{
    pt_label_t     *label;
    pt_textline_t  *line;

    line = text.len > 0 ? pt_draw_set(drawing, text, style, size) : NULL;

    if (line != NULL && max > 0 && line->width > max) {
        line = pt_draw_cut(drawing, &text, style, size, max);
    }

    if (line == NULL) {
        return NULL;
    }

    label = pt_room_alloc(drawing->room, sizeof(pt_label_t));
    text = pt_room_copy(drawing->room, text);

    if (label == NULL || text.data == NULL) {
        drawing->err = PT_E_NOMEM;
        return NULL;
    }

    *label = (pt_label_t) {
        .text = text, .style = style, .size = size, .color = color,
        .baseline = baseline, .width = line->width, .line = line
    };

    label->x = align == PT_ALIGN_RIGHT ? x - line->width
               : align == PT_ALIGN_CENTER ? x - line->width / 2 : x;

    *drawing->last_label = label;
    drawing->last_label = &label->next;

    return label;
}


int32_t
pt_draw_measure(pt_drawing_t *drawing, pt_str_t text, unsigned style,
    int32_t size)
{
    pt_textline_t  *line;

    line = pt_draw_set(drawing, text, style, size);

    return line == NULL ? 0 : line->width;
}


/* NULL: failed, as drawing->err says */
static pt_textline_t *
pt_draw_set(pt_drawing_t *drawing, pt_str_t text, unsigned style,
    int32_t size)
{
    size_t           n;
    pt_err_t         err;
    pt_run_t         run = { .text = text, .style = style };
    pt_textline_t   *line;
    pt_para_style_t  para = {
        .typeface = drawing->typeface, .size = size, .width = INT32_MAX / 4,
        .align = PT_ALIGN_LEFT
    };

    err = pt_para_set(&run, 1, &para, drawing->room, &line, &n);
    if (err != PT_OK) {
        drawing->err = err;
        return NULL;
    }

    /* a line end within the text: the rest is not shown */
    line->next = NULL;

    return line;
}


/* the longest beginning that fits with an ellipsis behind it */
static pt_textline_t *
pt_draw_cut(pt_drawing_t *drawing, pt_str_t *text, unsigned style,
    int32_t size, int32_t max)
{
    size_t          low = 0, high = text->len, middle;
    pt_buf_t        buf;
    pt_str_t        best = PT_STR_NULL;
    pt_textline_t  *line, *fits = NULL;

    pt_buf_init(&buf, &pt_mem_heap, text->len + 8);

    while (low < high) {
        middle = low + (high - low + 1) / 2;
        pt_buf_reset(&buf);
        pt_buf_add(&buf, text->data, pt_str_utf8_len(
                                   (pt_str_t) { text->data, middle }));

        while (buf.len > 0 && buf.data[buf.len - 1] == ' ') {
            buf.len--;
        }

        pt_buf_add_text(&buf, "\xe2\x80\xa6");

        line = buf.err != PT_OK ? NULL
               : pt_draw_set(drawing, pt_buf_str(&buf), style, size);

        if (line == NULL) {
            drawing->err = buf.err != PT_OK ? buf.err : drawing->err;
            break;
        }

        if (line->width <= max) {
            low = middle;
            fits = line;
            best = pt_room_copy(drawing->room, pt_buf_str(&buf));

        } else {
            high = middle - 1;
        }
    }

    pt_buf_done(&buf);
    *text = best;

    return best.data != NULL ? fits : NULL;
}
