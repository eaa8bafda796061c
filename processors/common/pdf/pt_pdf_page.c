/* Content streams: text, rules and shapes of each page. */

#include <math.h>
#include <stdlib.h>

#include "pt_pdf_file.h"


/* a page of text has some 10 kB; this stops what has no reason */
#define PT_PDF_PAGE_MAX     (4 * 1024 * 1024)

/* zlib's level for pages: the default takes twice the time for 4 % less */
#define PT_PDF_DEFLATE      3

#define PT_PDF_MARK_PART    0.72     /* of the diagonal */
#define PT_PDF_MARK_SIZE    (72 * PT_POINT)    /* never larger */


/* where the pen of a content stream is */
typedef struct {
    pt_buf_t              buf;
    pt_pdf_t             *pdf;
    HPDF_Page             page;
    const pt_font_t      *font;
    int32_t               size;
    pt_color_t            color;     /* of fills and text */
    bool                  open;      /* in a TJ array */
    bool                  text;      /* in a string of it */
    int64_t               x;         /* from the text's start */

    z_stream              z;         /* one for all pages: making it takes as
                                      * long as a page */
    pt_buf_t              packed;
} pt_pen_t;


static pt_err_t pt_pdf_page(pt_pdf_t *pdf, unsigned number, size_t *strip,
    size_t *repeat, pt_pen_t *pen);
static pt_err_t pt_pdf_pack(pt_pen_t *pen, pt_str_t *ret_data);
static void pt_pdf_draw_mark(pt_pen_t *pen, const pt_piece_t *mark);
static void pt_pdf_strip(pt_pen_t *pen, const pt_strip_t *strip, int32_t y);
static void pt_pdf_picture(pt_pen_t *pen, const pt_picture_t *picture, int32_t
    y);
static void pt_pdf_alt(pt_pen_t *pen, pt_str_t alt);
static void pt_pdf_shape(pt_pen_t *pen, const pt_shape_t *shape, int32_t x,
    int32_t y);
static void pt_pdf_path(pt_pen_t *pen, const pt_shape_t *shape, int32_t x,
    int32_t y);
static void pt_pdf_image(pt_pen_t *pen, const pt_shape_t *shape, int32_t x,
    int32_t y);
static void pt_pdf_disc(pt_pen_t *pen, int32_t x, int32_t y, int32_t r);
static void pt_pdf_pair(pt_buf_t *buf, int32_t x, int32_t y);
static void pt_pdf_color(pt_pen_t *pen, pt_color_t color);
static void pt_pdf_rgb(pt_buf_t *buf, pt_color_t color, const char *operator);
static void pt_pdf_rule(pt_pen_t *pen, int32_t x, int32_t y, int32_t width,
    int32_t thickness);
static void pt_pdf_pieces(pt_pen_t *pen, const pt_piece_t *piece, int32_t y);
static void pt_pdf_line(pt_pen_t *pen, const pt_textline_t *line, int32_t x,
    int32_t y);
static void pt_pdf_frag(pt_pen_t *pen, const pt_frag_t *frag);
static void pt_pdf_glyph(pt_pen_t *pen, const pt_subset_t *subset, const
    pt_font_t *font, const pt_glyph_t *glyph);
static void pt_pdf_octet(pt_buf_t *buf, uint8_t octet);
static void pt_pdf_move(pt_pen_t *pen, int64_t x);
static void pt_pdf_close_array(pt_pen_t *pen);
static void pt_pdf_number(pt_buf_t *buf, int64_t thousandths);


pt_err_t
pt_pdf_pages(pt_pdf_t *pdf)
{
    size_t     strip = 0, repeat = 0;
    unsigned   i;
    pt_err_t   err = PT_OK;
    pt_pen_t   pen = { .pdf = pdf };

    pdf->pages = pt_room_array(pdf->flow->room, pdf->flow->pages,
                                sizeof(HPDF_Page));
    if (pdf->pages == NULL) {
        return PT_E_NOMEM;
    }

    if (deflateInit(&pen.z, PT_PDF_DEFLATE) != Z_OK) {
        return PT_E_NOMEM;
    }

    pt_buf_init(&pen.buf, &pt_mem_heap, PT_PDF_PAGE_MAX);
    pt_buf_init(&pen.packed, &pt_mem_heap, 2 * PT_PDF_PAGE_MAX);

    for (i = 0; err == PT_OK && i < pdf->flow->pages; i++) {
        err = pt_pdf_page(pdf, i, &strip, &repeat, &pen);
    }

    pt_buf_done(&pen.buf);
    pt_buf_done(&pen.packed);
    (void) deflateEnd(&pen.z);

    return err != PT_OK ? err : pt_pdf_status(pdf);
}


/* strips and repeats lie in the order of pages */
static pt_err_t
pt_pdf_page(pt_pdf_t *pdf, unsigned number, size_t *strip, size_t *repeat,
    pt_pen_t *pen)
{
    pt_err_t      err;
    pt_str_t      copy;
    pt_flow_t    *flow = pdf->flow;
    HPDF_Page     page;

    page = HPDF_AddPage(pdf->doc);
    if (page == NULL) {
        return PT_E_NOMEM;
    }

    pdf->pages[number] = page;
    HPDF_Page_SetWidth(page, (HPDF_REAL) flow->page.width / PT_POINT);
    HPDF_Page_SetHeight(page, (HPDF_REAL) flow->page.height / PT_POINT);

    pt_buf_reset(&pen->buf);
    pen->page = page;
    pen->font = NULL;
    pen->size = 0;
    pen->color = PT_BLACK;

    if (pdf->watermark != NULL) {
        pt_pdf_draw_mark(pen, pdf->watermark);
    }

    pt_pdf_pieces(pen, pdf->headers[number], 0);
    pt_pdf_pieces(pen, pdf->notices[number], 0);

    if (flow->header.rule_y != 0) {
        pt_pdf_rule(pen, 0, flow->header.rule_y, pt_flow_measure(flow),
                    PT_POINT / 2);
    }

    for ( /* void */ ; *repeat < flow->n_repeats
                       && flow->repeats[*repeat].page == number + 1;
         (*repeat)++)
    {
        pt_pdf_strip(pen, &flow->strips[flow->repeats[*repeat].strip],
                     flow->repeats[*repeat].y);
    }

    for ( /* void */ ; *strip < flow->n
                       && flow->strips[*strip].page == number + 1;
         (*strip)++)
    {
        pt_pdf_strip(pen, &flow->strips[*strip], flow->strips[*strip].y);
    }

    if (flow->footer.rule_y != 0) {
        pt_pdf_rule(pen, 0, flow->footer.rule_y, pt_flow_measure(flow),
                    PT_POINT / 2);
    }

    pt_pdf_pieces(pen, pdf->footers[number], 0);

    if (pen->buf.err != PT_OK) {
        return pen->buf.err;
    }

    err = pt_pdf_pack(pen, &copy);
    if (err != PT_OK) {
        return err;
    }

    pt_pdf_hash(pdf, copy.data, copy.len);

    return pt_pdf_borrow(pdf, ((HPDF_PageAttr) page->attr)->contents,
                         copy.data, copy.len, true);
}


/* the page's content, deflated, to live as long as the document */
static pt_err_t
pt_pdf_pack(pt_pen_t *pen, pt_str_t *ret_data)
{
    int    status;
    Bytef  block[8192];

    pt_buf_reset(&pen->packed);
    pen->z.next_in = (Bytef *) pen->buf.data;
    pen->z.avail_in = (uInt) pen->buf.len;

    do {
        pen->z.next_out = block;
        pen->z.avail_out = sizeof(block);
        status = deflate(&pen->z, Z_FINISH);
        pt_buf_add(&pen->packed, block, sizeof(block) - pen->z.avail_out);

    } while (status == Z_OK);

    if (status != Z_STREAM_END || pen->packed.err != PT_OK) {
        return status != Z_STREAM_END ? PT_E_INTERNAL : pen->packed.err;
    }

    *ret_data = pt_room_copy(pen->pdf->flow->room, pt_buf_str(&pen->packed));
    (void) deflateReset(&pen->z);

    return ret_data->data != NULL ? PT_OK : PT_E_NOMEM;
}


/* along the diagonal that goes up, about the page's middle */
static void
pt_pdf_draw_mark(pt_pen_t *pen, const pt_piece_t *mark)
{
    double            diagonal, cosine, sine, scale, x, y;
    int32_t           size = mark->line->frags != NULL
                             ? mark->line->frags->size : 0;
    pt_page_t        *page = &pen->pdf->flow->page;

    if (mark->line->width <= 0 || size <= 0) {
        return;
    }

    diagonal = sqrt((double) page->width * page->width
                    + (double) page->height * page->height);
    cosine = page->width / diagonal;
    sine = page->height / diagonal;
    scale = PT_PDF_MARK_PART * diagonal / mark->line->width;

    if (scale * size > PT_PDF_MARK_SIZE) {
        scale = (double) PT_PDF_MARK_SIZE / size;
    }

    /* half its length back, half a capital's height down */
    x = page->width / 2.0 - scale * (cosine * mark->line->width / 2
                                     - sine * size * 0.35);
    y = page->height / 2.0 - scale * (sine * mark->line->width / 2
                                      + cosine * size * 0.35);

    pt_buf_add_text(&pen->buf, "q ");
    pt_pdf_number(&pen->buf, llround(cosine * scale * 1000));
    pt_buf_add_char(&pen->buf, ' ');
    pt_pdf_number(&pen->buf, llround(sine * scale * 1000));
    pt_buf_add_char(&pen->buf, ' ');
    pt_pdf_number(&pen->buf, llround(-sine * scale * 1000));
    pt_buf_add_char(&pen->buf, ' ');
    pt_pdf_number(&pen->buf, llround(cosine * scale * 1000));
    pt_buf_add_char(&pen->buf, ' ');
    pt_pdf_number(&pen->buf, llround(x));
    pt_buf_add_char(&pen->buf, ' ');
    pt_pdf_number(&pen->buf, llround(y));
    pt_buf_add_text(&pen->buf, " cm\n");

    pt_pdf_color(pen, mark->color);
    pt_pdf_line(pen, mark->line, -page->left, page->height);

    pt_buf_add_text(&pen->buf, "Q\n");
    pen->font = NULL;
    pen->size = 0;
    pen->color = PT_BLACK;
}


/* y is the strip's top, down from the page's top */
static void
pt_pdf_strip(pt_pen_t *pen, const pt_strip_t *strip, int32_t y)
{
    const pt_rule_t     *rule;
    const pt_picture_t  *picture;

    for (picture = strip->pictures; picture != NULL; picture = picture->next)
    {
        pt_pdf_picture(pen, picture, y);
    }

    for (rule = strip->rules; rule != NULL; rule = rule->next) {
        pt_pdf_rule(pen, rule->x, y + rule->y, rule->width, rule->thickness);
    }

    pt_pdf_pieces(pen, strip->pieces, y);
}


static void
pt_pdf_picture(pt_pen_t *pen, const pt_picture_t *picture, int32_t y)
{
    const pt_page_t   *page = &pen->pdf->flow->page;
    const pt_shape_t  *shape;

    if (picture->shapes == NULL) {
        return;
    }

    if (picture->alt.len > 0) {
        pt_pdf_alt(pen, picture->alt);
    }

    for (shape = picture->shapes; shape != NULL; shape = shape->next) {
        pt_pdf_shape(pen, shape, page->left + picture->x,
                     page->height - y - picture->y);
    }

    if (picture->alt.len > 0) {
        pt_buf_add_text(&pen->buf, "EMC\n");
    }
}


/* what the shapes show, for who hears the page: UTF-16 */
static void
pt_pdf_alt(pt_pen_t *pen, pt_str_t alt)
{
    size_t    i;
    uint32_t  c;
    unsigned  len;

    pt_buf_add_text(&pen->buf, "/Span <</Alt <feff");

    for (i = 0; i < alt.len; i += len) {
        c = pt_utf8_get(alt.data + i, &len);

        if (c >= 0x10000) {
            pt_buf_printf(&pen->buf, "%04x%04x",
                          0xd800 + ((c - 0x10000) >> 10),
                          0xdc00 + (c & 0x3ff));

        } else {
            pt_buf_printf(&pen->buf, "%04x", c);
        }
    }

    pt_buf_add_text(&pen->buf, ">>> BDC\n");
}


/* x, y: of the drawing's top left corner, y up from the page's bottom */
static void
pt_pdf_shape(pt_pen_t *pen, const pt_shape_t *shape, int32_t x, int32_t y)
{
    pt_buf_t          *buf = &pen->buf;
    const pt_point_t  *p = shape->points;

    if (shape->kind != PT_SHAPE_LINE && shape->kind != PT_SHAPE_IMAGE) {
        pt_pdf_color(pen, shape->color);
    }

    switch (shape->kind) {

    case PT_SHAPE_RECT:
        pt_pdf_pair(buf, x + p[0].x, y - p[1].y);
        pt_pdf_pair(buf, p[1].x - p[0].x, p[1].y - p[0].y);
        pt_buf_add_text(buf, "re f\n");
        break;

    case PT_SHAPE_IMAGE:
        pt_pdf_image(pen, shape, x, y);
        break;

    case PT_SHAPE_DISC:
        pt_pdf_disc(pen, x + p[0].x, y - p[0].y, p[1].x);
        break;

    case PT_SHAPE_POLYGON:
        pt_pdf_path(pen, shape, x, y);
        pt_buf_add_text(buf, "f*\n");
        break;

    case PT_SHAPE_LINE:
        pt_pdf_rgb(buf, shape->color, "RG");
        pt_pdf_number(buf, shape->thickness);
        pt_buf_add_text(buf, " w 1 j [");

        if (shape->dash != 0) {
            pt_pdf_number(buf, shape->dash);
        }

        pt_buf_add_text(buf, "] 0 d\n");
        pt_pdf_path(pen, shape, x, y);
        pt_buf_add_text(buf, "S\n");
        break;
    }
}


static void
pt_pdf_path(pt_pen_t *pen, const pt_shape_t *shape, int32_t x, int32_t y)
{
    size_t  i;

    for (i = 0; i < shape->n; i++) {
        pt_pdf_pair(&pen->buf, x + shape->points[i].x,
                    y - shape->points[i].y);
        pt_buf_add_text(&pen->buf, i == 0 ? "m\n" : "l\n");
    }
}


static void
pt_pdf_image(pt_pen_t *pen, const pt_shape_t *shape, int32_t x, int32_t y)
{
    HPDF_Dict          object;
    const char        *name = NULL;
    const pt_point_t  *p = shape->points;

    object = pt_pdf_image_object(pen->pdf, shape->image);

    if (object != NULL) {
        name = HPDF_Page_GetXObjectName(pen->page, object);
    }

    if (name == NULL) {
        pen->buf.err = PT_E_NOMEM;
        return;
    }

    pt_buf_add_text(&pen->buf, "q ");
    pt_pdf_number(&pen->buf, p[1].x - p[0].x);
    pt_buf_add_text(&pen->buf, " 0 0 ");
    pt_pdf_number(&pen->buf, p[1].y - p[0].y);
    pt_buf_add_char(&pen->buf, ' ');
    pt_pdf_pair(&pen->buf, x + p[0].x, y - p[1].y);
    pt_buf_printf(&pen->buf, "cm /%s Do Q\n", name);
}


/* four curves; 0.5523 makes them a circle to the eye */
static void
pt_pdf_disc(pt_pen_t *pen, int32_t x, int32_t y, int32_t r)
{
    int        i;
    int32_t    k = (int32_t) ((int64_t) r * 5523 / 10000);
    pt_buf_t  *buf = &pen->buf;

    const pt_point_t  curves[] = {
        { r, k }, { k, r }, { 0, r },
        { -k, r }, { -r, k }, { -r, 0 },
        { -r, -k }, { -k, -r }, { 0, -r },
        { k, -r }, { r, -k }, { r, 0 }
    };

    pt_pdf_pair(buf, x + r, y);
    pt_buf_add_text(buf, "m\n");

    for (i = 0; i < 12; i++) {
        pt_pdf_pair(buf, x + curves[i].x, y + curves[i].y);

        if (i % 3 == 2) {
            pt_buf_add_text(buf, "c\n");
        }
    }

    pt_buf_add_text(buf, "f\n");
}


static void
pt_pdf_pair(pt_buf_t *buf, int32_t x, int32_t y)
{
    pt_pdf_number(buf, x);
    pt_buf_add_char(buf, ' ');
    pt_pdf_number(buf, y);
    pt_buf_add_char(buf, ' ');
}


static void
pt_pdf_color(pt_pen_t *pen, pt_color_t color)
{
    if (pen->color != color) {
        pen->color = color;
        pt_pdf_rgb(&pen->buf, color, "rg");
    }
}


static void
pt_pdf_rgb(pt_buf_t *buf, pt_color_t color, const char *operator)
{
    int  shift;

    for (shift = 16; shift >= 0; shift -= 8) {
        pt_pdf_number(buf, (int64_t) (color >> shift & 0xff) * 1000 / 255);
        pt_buf_add_char(buf, ' ');
    }

    pt_buf_add_text(buf, operator);
    pt_buf_add_char(buf, '\n');
}


static void
pt_pdf_rule(pt_pen_t *pen, int32_t x, int32_t y, int32_t width,
    int32_t thickness)
{
    pt_buf_t         *buf = &pen->buf;
    const pt_page_t  *page = &pen->pdf->flow->page;

    pt_pdf_color(pen, PT_BLACK);
    pt_pdf_number(buf, page->left + x);
    pt_buf_add_char(buf, ' ');
    pt_pdf_number(buf, page->height - y - thickness);
    pt_buf_add_char(buf, ' ');
    pt_pdf_number(buf, width);
    pt_buf_add_char(buf, ' ');
    pt_pdf_number(buf, thickness);
    pt_buf_add_text(buf, " re f\n");
}


static void
pt_pdf_pieces(pt_pen_t *pen, const pt_piece_t *piece, int32_t y)
{
    for ( /* void */ ; piece != NULL; piece = piece->next) {
        pt_pdf_color(pen, piece->color);
        pt_pdf_line(pen, piece->line, piece->x, y + piece->baseline);
    }
}


static void
pt_pdf_line(pt_pen_t *pen, const pt_textline_t *line, int32_t x, int32_t y)
{
    pt_buf_t         *buf = &pen->buf;
    const pt_frag_t  *frag;
    const pt_page_t  *page = &pen->pdf->flow->page;

    if (line->frags == NULL) {
        return;
    }

    pt_buf_add_text(buf, "BT\n1 0 0 1 ");
    pt_pdf_number(buf, page->left + x + line->frags->x);
    pt_buf_add_char(buf, ' ');
    pt_pdf_number(buf, page->height - y);
    pt_buf_add_text(buf, " Tm\n");

    pen->x = line->frags->x;

    for (frag = line->frags; frag != NULL; frag = frag->next) {
        pt_pdf_frag(pen, frag);
    }

    pt_pdf_close_array(pen);
    pt_buf_add_text(buf, "ET\n");
}


static void
pt_pdf_frag(pt_pen_t *pen, const pt_frag_t *frag)
{
    int64_t             x, sum;
    uint32_t            i;
    const char         *name;
    pt_pdf_font_t      *font = &pen->pdf->fonts[frag->font->index];
    const pt_glyph_t   *glyph;
    const pt_subset_t  *subset;

    if (pen->font != frag->font || pen->size != frag->size) {
        pt_pdf_close_array(pen);
        pen->font = frag->font;
        pen->size = frag->size;

        name = HPDF_Page_GetLocalFontName(pen->page, font->dict);
        if (name == NULL) {
            pen->buf.err = PT_E_NOMEM;
            return;
        }

        pt_buf_add_char(&pen->buf, '/');
        pt_buf_add_text(&pen->buf, name);
        pt_buf_add_char(&pen->buf, ' ');
        pt_pdf_number(&pen->buf, frag->size);
        pt_buf_add_text(&pen->buf, " Tf\n");
    }

    subset = font->own != NULL ? font->own : frag->font->base;

    for (i = frag->first, sum = 0; i < frag->first + frag->n; i++) {
        glyph = &frag->word->glyphs[i];
        x = frag->x + (sum + glyph->dx) * frag->size / 1000;

        pt_pdf_move(pen, x);

        if (glyph->dy != 0) {
            pt_pdf_close_array(pen);
            pt_pdf_number(&pen->buf, (int64_t) glyph->dy * frag->size / 1000);
            pt_buf_add_text(&pen->buf, " Ts\n");
        }

        pt_pdf_glyph(pen, subset, frag->font, glyph);

        if (glyph->dy != 0) {
            pt_pdf_close_array(pen);
            pt_buf_add_text(&pen->buf, "0 Ts\n");
        }

        sum += glyph->advance;
    }
}


/* two octets in a literal string: half of what hexadecimal digits take */
static void
pt_pdf_glyph(pt_pen_t *pen, const pt_subset_t *subset, const pt_font_t *font,
    const pt_glyph_t *glyph)
{
    uint16_t  gid = subset->map[glyph->gid];

    if (!pen->open) {
        pt_buf_add_char(&pen->buf, '[');
        pen->open = true;
    }

    if (!pen->text) {
        pt_buf_add_char(&pen->buf, '(');
        pen->text = true;
    }

    pt_pdf_octet(&pen->buf, (uint8_t) (gid >> 8));
    pt_pdf_octet(&pen->buf, (uint8_t) gid);

    pen->x += (int64_t) pt_font_glyph_width(font, glyph->gid) * pen->size
              / 1000;
}


/* a line end would be read as a line feed, whatever it is (7.3.4.2) */
static void
pt_pdf_octet(pt_buf_t *buf, uint8_t octet)
{
    switch (octet) {
    case '(':
    case ')':
    case '\\':
        pt_buf_add_char(buf, '\\');
        pt_buf_add_char(buf, (char) octet);
        break;

    case '\r':
        pt_buf_add_text(buf, "\\r");
        break;

    default:
        pt_buf_add_char(buf, (char) octet);
    }
}


/*
 * To x, where the viewer's pen is not there yet: kerning, and the spaces of
 * a justified line.  Less than a thousandth of an em is left for the next.
 */
static void
pt_pdf_move(pt_pen_t *pen, int64_t x)
{
    int64_t  by;

    by = (x - pen->x) * 1000 / pen->size;

    if (by == 0) {
        return;
    }

    if (!pen->open) {
        pt_buf_add_char(&pen->buf, '[');
        pen->open = true;
    }

    if (pen->text) {
        pt_buf_add_char(&pen->buf, ')');
        pen->text = false;
    }

    pt_pdf_number(&pen->buf, -by * 1000);

    pen->x += by * pen->size / 1000;
}


static void
pt_pdf_close_array(pt_pen_t *pen)
{
    if (pen->open) {
        pt_buf_add_text(&pen->buf, pen->text ? ")]TJ\n" : "]TJ\n");
        pen->open = false;
        pen->text = false;
    }
}


/* printf() would be slow, and would ask the locale for the point */
static void
pt_pdf_number(pt_buf_t *buf, int64_t thousandths)
{
    char      text[32], *p = text + sizeof(text);
    int       i;
    bool      negative = thousandths < 0;
    uint64_t  v = negative ? (uint64_t) -thousandths : (uint64_t) thousandths;
    uint64_t  fraction = v % 1000;

    v /= 1000;

    if (fraction != 0) {
        for (i = 0; i < 3; i++, fraction /= 10) {
            if (fraction % 10 != 0 || p < text + sizeof(text)) {
                *--p = (char) ('0' + fraction % 10);
            }
        }

        *--p = '.';
    }

    do {
        *--p = (char) ('0' + v % 10);
        v /= 10;
    } while (v != 0);

    if (negative) {
        *--p = '-';
    }

    pt_buf_add(buf, p, (size_t) (text + sizeof(text) - p));
}
