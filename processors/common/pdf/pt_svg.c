/* Shapes and labels as elements. */

#include "pt_svg.h"


static void pt_svg_shape(const pt_shape_t *shape, pt_buf_t *buf);
static void pt_svg_points(const pt_shape_t *shape, pt_buf_t *buf);
static void pt_svg_label(const pt_label_t *label, pt_buf_t *buf);
static void pt_svg_attribute(pt_buf_t *buf, const char *name,
    int32_t thousandths);


void
pt_svg_write(const pt_drawing_t *drawing, const char *family, pt_buf_t *buf)
{
    const pt_label_t  *label;
    const pt_shape_t  *shape;

    pt_buf_printf(buf, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
                  "viewBox=\"0 0 %.3f %.3f\"",
                  drawing->width / 1000.0, drawing->height / 1000.0);
    pt_svg_attribute(buf, "width", drawing->width);
    pt_svg_attribute(buf, "height", drawing->height);
    pt_buf_add_text(buf, " font-family=\"");
    pt_svg_text(pt_str(family), buf);
    pt_buf_add_text(buf, "\">\n<title>");
    pt_svg_text(drawing->alt, buf);
    pt_buf_add_text(buf, "</title>\n");

    for (shape = drawing->shapes; shape != NULL; shape = shape->next) {
        pt_svg_shape(shape, buf);
    }

    for (label = drawing->labels; label != NULL; label = label->next) {
        pt_svg_label(label, buf);
    }

    pt_buf_add_text(buf, "</svg>\n");
}


static void
pt_svg_shape(const pt_shape_t *shape, pt_buf_t *buf)
{
    const pt_point_t  *p = shape->points;

    switch (shape->kind) {

    case PT_SHAPE_RECT:
        pt_buf_add_text(buf, "<rect");
        pt_svg_attribute(buf, "x", p[0].x);
        pt_svg_attribute(buf, "y", p[0].y);
        pt_svg_attribute(buf, "width", p[1].x - p[0].x);
        pt_svg_attribute(buf, "height", p[1].y - p[0].y);
        break;

    case PT_SHAPE_DISC:
        pt_buf_add_text(buf, "<circle");
        pt_svg_attribute(buf, "cx", p[0].x);
        pt_svg_attribute(buf, "cy", p[0].y);
        pt_svg_attribute(buf, "r", p[1].x);
        break;

    case PT_SHAPE_IMAGE:
        return;                       /* pages only */

    case PT_SHAPE_POLYGON:
        pt_buf_add_text(buf, "<polygon fill-rule=\"evenodd\"");
        pt_svg_points(shape, buf);
        break;

    case PT_SHAPE_LINE:
        pt_buf_add_text(buf, "<polyline fill=\"none\" stroke-linejoin=\"round\"");
        pt_svg_points(shape, buf);
        pt_svg_attribute(buf, "stroke-width", shape->thickness);

        if (shape->dash != 0) {
            pt_svg_attribute(buf, "stroke-dasharray", shape->dash);
        }

        pt_buf_printf(buf, " stroke=\"#%06x\"/>\n", shape->color);
        return;
    }

    pt_buf_printf(buf, " fill=\"#%06x\"/>\n", shape->color);
}


static void
pt_svg_points(const pt_shape_t *shape, pt_buf_t *buf)
{
    size_t  i;

    pt_buf_add_text(buf, " points=\"");

    for (i = 0; i < shape->n; i++) {
        pt_buf_printf(buf, "%s%.6g,%.6g", i == 0 ? "" : " ",
                      shape->points[i].x / 1000.0,
                      shape->points[i].y / 1000.0);
    }

    pt_buf_add_char(buf, '"');
}


static void
pt_svg_label(const pt_label_t *label, pt_buf_t *buf)
{
    pt_buf_add_text(buf, "<text");
    pt_svg_attribute(buf, "x", label->x);
    pt_svg_attribute(buf, "y", label->baseline);
    pt_svg_attribute(buf, "font-size", label->size);

    /* another face of the family may be there: it may not grow wider */
    pt_svg_attribute(buf, "textLength", label->width);

    if (label->style & PT_STYLE_BOLD) {
        pt_buf_add_text(buf, " font-weight=\"bold\"");
    }

    if (label->style & PT_STYLE_ITALIC) {
        pt_buf_add_text(buf, " font-style=\"italic\"");
    }

    pt_buf_printf(buf, " fill=\"#%06x\">", label->color);
    pt_svg_text(label->text, buf);
    pt_buf_add_text(buf, "</text>\n");
}


static void
pt_svg_attribute(pt_buf_t *buf, const char *name, int32_t thousandths)
{
    pt_buf_printf(buf, " %s=\"%.6g\"", name, thousandths / 1000.0);
}


void
pt_svg_text(pt_str_t text, pt_buf_t *buf)
{
    size_t       i, start;
    const char  *reference;

    for (i = start = 0; i < text.len; i++) {
        reference = text.data[i] == '&' ? "&amp;"
                    : text.data[i] == '<' ? "&lt;"
                    : text.data[i] == '>' ? "&gt;"
                    : text.data[i] == '"' ? "&quot;" : NULL;

        if (reference != NULL) {
            pt_buf_add(buf, text.data + start, i - start);
            pt_buf_add_text(buf, reference);
            start = i + 1;
        }
    }

    pt_buf_add(buf, text.data + start, text.len - start);
}
