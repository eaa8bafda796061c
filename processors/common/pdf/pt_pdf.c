/* Writing pages: content streams, fonts, outline, links, metadata. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <hpdf.h>
#include <sodium.h>
#include <zlib.h>

#include "pt_pdf.h"
#include "pt_subset.h"


/* a page of text has some 10 kB; this stops what has no reason */
#define PT_PDF_PAGE_MAX     (4 * 1024 * 1024)
#define PT_PDF_TEXT_MAX     (64 * 1024)

/* zlib's level for pages: the default takes twice the time for 4 % less */
#define PT_PDF_DEFLATE      3

/* outline levels: parts, clauses, ... */
#define PT_PDF_OUTLINE_MAX  6

/* a watermark: set as one line, then scaled to the page's diagonal */
#define PT_PDF_MARK_WIDTH   (10000 * PT_POINT)
#define PT_PDF_MARK_COLOR   0xe4e4e4
#define PT_PDF_MARK_PART    0.72     /* of the diagonal */
#define PT_PDF_MARK_SIZE    (72 * PT_POINT)    /* never larger */

/* links reach a little above and below the letters */
#define PT_PDF_LINK_UP      80       /* per cent of the size */
#define PT_PDF_LINK_DOWN    25


/* a face in this document */
typedef struct {
    pt_font_t          *font;
    pt_subset_t        *own;         /* NULL: the base subset will do */
    pt_subset_extra_t  *extra;       /* glyphs beyond the base */
    size_t              n_extra;
    size_t              extra_cap;
    bool                used;
    HPDF_Dict           dict;        /* Type0 */
} pt_pdf_font_t;


typedef struct {
    pt_flow_t            *flow;
    const pt_pdf_info_t  *info;
    pt_piece_t          **headers;   /* of each page */
    pt_piece_t          **footers;
    pt_piece_t          **notices;
    pt_piece_t           *watermark; /* of every page */

    pt_pdf_font_t        *fonts;     /* by index of the face */
    size_t                n_fonts;

    HPDF_Doc              doc;
    HPDF_Page            *pages;
    crypto_hash_sha256_state  hash;      /* over all that makes the document */
    HPDF_STATUS           status;    /* first error of libharu */
} pt_pdf_t;


/* where the pen of a content stream is */
typedef struct {
    pt_buf_t              buf;
    pt_pdf_t             *pdf;
    HPDF_Page             page;
    const pt_font_t      *font;
    int32_t               size;
    pt_color_t            color;     /* of fills and text */
    bool                  open;      /* in a TJ array */
    bool                  hex;       /* in a string of it */
    int64_t               x;         /* from the text's start */
} pt_pen_t;


static pt_err_t pt_pdf_running(pt_pdf_t *pdf);
static pt_err_t pt_pdf_watermark(pt_pdf_t *pdf);
static pt_err_t pt_pdf_collect(pt_pdf_t *pdf);
static pt_err_t pt_pdf_collect_pieces(pt_pdf_t *pdf, const pt_piece_t *piece);
static pt_err_t pt_pdf_collect_frag(pt_pdf_t *pdf, const pt_frag_t *frag);
static pt_str_t pt_pdf_glyph_text(const pt_word_t *word, uint32_t i);
static pt_err_t pt_pdf_subsets(pt_pdf_t *pdf);
static pt_err_t pt_pdf_open(pt_pdf_t *pdf);
static void pt_pdf_error(HPDF_STATUS error, HPDF_STATUS detail, void *data);
static pt_err_t pt_pdf_fonts(pt_pdf_t *pdf);
static HPDF_Dict pt_pdf_font(pt_pdf_t *pdf, pt_pdf_font_t *font);
static HPDF_Dict pt_pdf_descriptor(pt_pdf_t *pdf, const pt_pdf_font_t *font,
    const pt_subset_t *subset, const char *name);
static HPDF_Dict pt_pdf_stream(pt_pdf_t *pdf, const void *data, size_t len,
    bool deflated);
static HPDF_STATUS pt_pdf_write_filter(HPDF_Dict dict, HPDF_Stream stream);
static HPDF_STATUS pt_pdf_write_widths(HPDF_Dict dict, HPDF_Stream stream);
static pt_err_t pt_pdf_pages(pt_pdf_t *pdf);
static pt_err_t pt_pdf_page(pt_pdf_t *pdf, unsigned number, size_t *strip,
    size_t *repeat, pt_pen_t *pen);
static void pt_pdf_draw_mark(pt_pen_t *pen, const pt_piece_t *mark);
static void pt_pdf_strip(pt_pen_t *pen, const pt_strip_t *strip, int32_t y);
static void pt_pdf_picture(pt_pen_t *pen, const pt_picture_t *picture,
    int32_t y);
static void pt_pdf_alt(pt_pen_t *pen, pt_str_t alt);
static void pt_pdf_shape(pt_pen_t *pen, const pt_shape_t *shape, int32_t x,
    int32_t y);
static void pt_pdf_path(pt_pen_t *pen, const pt_shape_t *shape, int32_t x,
    int32_t y);
static void pt_pdf_image(pt_pen_t *pen, const pt_shape_t *shape, int32_t x,
    int32_t y);
static HPDF_Dict pt_pdf_image_object(pt_pdf_t *pdf, const pt_image_t *image);
static HPDF_STATUS pt_pdf_write_jpeg(HPDF_Dict dict, HPDF_Stream stream);
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
static void pt_pdf_glyph(pt_pen_t *pen, const pt_subset_t *subset,
    const pt_font_t *font, const pt_glyph_t *glyph);
static void pt_pdf_move(pt_pen_t *pen, int64_t x);
static void pt_pdf_close_array(pt_pen_t *pen);
static void pt_pdf_number(pt_buf_t *buf, int64_t thousandths);
static pt_err_t pt_pdf_links(pt_pdf_t *pdf);
static void pt_pdf_links_of(pt_pdf_t *pdf, const pt_strip_t *strip);
static void pt_pdf_link(pt_pdf_t *pdf, const pt_strip_t *strip,
    unsigned target, int32_t x, int32_t width, int32_t baseline,
    int32_t size);
static HPDF_Destination pt_pdf_destination(pt_pdf_t *pdf,
    const pt_strip_t *strip);
static pt_err_t pt_pdf_outline(pt_pdf_t *pdf);
static pt_err_t pt_pdf_metadata(pt_pdf_t *pdf);
static pt_err_t pt_pdf_password(pt_pdf_t *pdf);
static void pt_pdf_xmp(const pt_pdf_info_t *info, pt_buf_t *buf);
static void pt_pdf_xml(pt_buf_t *buf, const char *open, pt_str_t text,
    const char *close);
static void pt_pdf_set_text(pt_pdf_t *pdf, HPDF_Dict dict, const char *key,
    pt_str_t text);
static pt_err_t pt_pdf_save(pt_pdf_t *pdf, pt_buf_t *buf);
static void pt_pdf_hash(pt_pdf_t *pdf, const void *data, size_t len);
static pt_err_t pt_pdf_status(const pt_pdf_t *pdf);


pt_err_t
pt_pdf_write(pt_flow_t *flow, const pt_pdf_info_t *info, pt_buf_t *buf)
{
    size_t     i;
    pt_err_t   err;
    pt_pdf_t   pdf = { .flow = flow, .info = info };

    (void) crypto_hash_sha256_init(&pdf.hash);

    if ((err = pt_pdf_running(&pdf)) != PT_OK
        || (err = pt_pdf_collect(&pdf)) != PT_OK
        || (err = pt_pdf_subsets(&pdf)) != PT_OK
        || (err = pt_pdf_open(&pdf)) != PT_OK
        || (err = pt_pdf_fonts(&pdf)) != PT_OK
        || (err = pt_pdf_pages(&pdf)) != PT_OK
        || (err = pt_pdf_links(&pdf)) != PT_OK
        || (err = pt_pdf_outline(&pdf)) != PT_OK
        || (err = pt_pdf_metadata(&pdf)) != PT_OK
        || (err = pt_pdf_save(&pdf, buf)) != PT_OK)
    {
        goto done;
    }

done:

    HPDF_Free(pdf.doc);

    for (i = 0; i < pdf.n_fonts; i++) {
        pt_subset_free(pdf.fonts[i].own);
    }

    return err;
}


/* header and footer of each page: the number of pages is known now */
static pt_err_t
pt_pdf_running(pt_pdf_t *pdf)
{
    unsigned    i, pages = pdf->flow->pages;
    pt_err_t    err;
    pt_flow_t  *flow = pdf->flow;

    pdf->headers = pt_room_array(flow->room, pages, sizeof(pt_piece_t *));
    pdf->footers = pt_room_array(flow->room, pages, sizeof(pt_piece_t *));
    pdf->notices = pt_room_array(flow->room, pages, sizeof(pt_piece_t *));

    if (pdf->headers == NULL || pdf->footers == NULL || pdf->notices == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < pages; i++) {
        err = pt_flow_running(flow, &flow->header, i + 1, &pdf->headers[i]);
        if (err != PT_OK) {
            return err;
        }

        err = pt_flow_running(flow, &flow->footer, i + 1, &pdf->footers[i]);
        if (err != PT_OK) {
            return err;
        }

        err = pt_flow_running(flow, &flow->notice, i + 1, &pdf->notices[i]);
        if (err != PT_OK) {
            return err;
        }
    }

    return pt_pdf_watermark(pdf);
}


/* in one line, however long: it is made to fit as it is drawn */
static pt_err_t
pt_pdf_watermark(pt_pdf_t *pdf)
{
    size_t           n;
    pt_err_t         err;
    pt_run_t         run = { .text = pdf->flow->watermark.center,
                             .style = PT_STYLE_BOLD };
    pt_textline_t   *line;
    pt_para_style_t  style = pdf->flow->watermark.style;

    if (run.text.len == 0) {
        return PT_OK;
    }

    style.align = PT_ALIGN_LEFT;
    style.width = PT_PDF_MARK_WIDTH;

    err = pt_para_set(&run, 1, &style, pdf->flow->room, &line, &n);
    if (err != PT_OK) {
        return err;
    }

    pdf->watermark = pt_room_alloc(pdf->flow->room, sizeof(pt_piece_t));
    if (pdf->watermark == NULL) {
        return PT_E_NOMEM;
    }

    line->next = NULL;
    pdf->watermark->line = line;
    pdf->watermark->color = PT_PDF_MARK_COLOR;

    return PT_OK;
}


/* which faces are used, and which of their glyphs lie outside the base */
static pt_err_t
pt_pdf_collect(pt_pdf_t *pdf)
{
    size_t    i;
    pt_err_t  err = PT_OK;

    for (i = 0; err == PT_OK && i < pdf->flow->n; i++) {
        err = pt_pdf_collect_pieces(pdf, pdf->flow->strips[i].pieces);
    }

    for (i = 0; err == PT_OK && i < pdf->flow->pages; i++) {
        err = pt_pdf_collect_pieces(pdf, pdf->headers[i]);

        if (err == PT_OK) {
            err = pt_pdf_collect_pieces(pdf, pdf->footers[i]);
        }

        if (err == PT_OK) {
            err = pt_pdf_collect_pieces(pdf, pdf->notices[i]);
        }
    }

    return err != PT_OK ? err : pt_pdf_collect_pieces(pdf, pdf->watermark);
}


static pt_err_t
pt_pdf_collect_pieces(pt_pdf_t *pdf, const pt_piece_t *piece)
{
    pt_err_t          err;
    const pt_frag_t  *frag;

    for ( /* void */ ; piece != NULL; piece = piece->next) {
        for (frag = piece->line->frags; frag != NULL; frag = frag->next) {
            err = pt_pdf_collect_frag(pdf, frag);
            if (err != PT_OK) {
                return err;
            }
        }
    }

    return PT_OK;
}


static pt_err_t
pt_pdf_collect_frag(pt_pdf_t *pdf, const pt_frag_t *frag)
{
    void           *items;
    size_t          k, n;
    uint32_t        i;
    uint16_t        gid;
    pt_err_t        err;
    pt_room_t      *room = pdf->flow->room;
    pt_pdf_font_t  *font;

    if (frag->font->index >= pdf->n_fonts) {
        n = pt_fonts_count(frag->font->fonts);

        items = pt_room_array(room, n, sizeof(pt_pdf_font_t));
        if (items == NULL) {
            return PT_E_NOMEM;
        }

        pdf->fonts = items;
        pdf->n_fonts = n;
    }

    font = &pdf->fonts[frag->font->index];
    font->font = frag->font;
    font->used = true;

    if (frag->font->base == NULL) {
        err = pt_subset_new_base(frag->font, &frag->font->base);
        if (err != PT_OK) {
            return err;
        }
    }

    for (i = frag->first; i < frag->first + frag->n; i++) {
        gid = frag->word->glyphs[i].gid;

        if (frag->font->base->map[gid] != 0) {
            continue;
        }

        /* who asked pt_typeface_cover() never comes here */
        if (gid == 0) {
            return PT_E_PARAMETERS;
        }

        for (k = 0; k < font->n_extra && font->extra[k].gid != gid; k++) {
            /* seldom more than a few */
        }

        if (k < font->n_extra) {
            continue;
        }

        items = pt_room_grow(room, font->extra, font->n_extra,
                              &font->extra_cap, sizeof(pt_subset_extra_t));
        if (items == NULL) {
            return PT_E_NOMEM;
        }

        font->extra = items;
        font->extra[font->n_extra].gid = gid;
        font->extra[font->n_extra++].text = pt_pdf_glyph_text(frag->word, i);
    }

    return PT_OK;
}


/*
 * The characters that a glyph shows.  In a cluster of as many glyphs as
 * characters each has its own; in others the first has all.
 */
static pt_str_t
pt_pdf_glyph_text(const pt_word_t *word, uint32_t i)
{
    size_t    end, at, chars;
    uint32_t  first, last, k;
    unsigned  len;

    for (first = i; first > 0; first--) {
        if (word->glyphs[first - 1].start != word->glyphs[i].start) {
            break;
        }
    }

    for (last = i + 1; last < word->n; last++) {
        if (word->glyphs[last].start != word->glyphs[i].start) {
            break;
        }
    }

    end = last < word->n ? word->glyphs[last].start : word->len;

    for (at = word->glyphs[i].start, chars = 0; at < end; at += len) {
        (void) pt_utf8_get(word->text + at, &len);
        chars++;
    }

    at = word->glyphs[i].start;

    if (chars != last - first) {
        return i == first ? (pt_str_t) { word->text + at, end - at }
               : PT_STR("");
    }

    for (k = first; k < i; k++) {
        (void) pt_utf8_get(word->text + at, &len);
        at += len;
    }

    (void) pt_utf8_get(word->text + at, &len);

    return (pt_str_t) { word->text + at, len };
}


static pt_err_t
pt_pdf_subsets(pt_pdf_t *pdf)
{
    size_t          i;
    pt_err_t        err;
    pt_pdf_font_t  *font;

    for (i = 0; i < pdf->n_fonts; i++) {
        font = &pdf->fonts[i];

        if (font->n_extra == 0) {
            continue;
        }

        err = pt_subset_new(font->font, font->extra, font->n_extra,
                            &font->own);
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


static pt_err_t
pt_pdf_open(pt_pdf_t *pdf)
{
    pdf->doc = HPDF_New(pt_pdf_error, pdf);
    if (pdf->doc == NULL) {
        return PT_E_NOMEM;
    }

    /* 1.7 for XMP, languages and ToUnicode all understood alike */
    pdf->doc->pdf_version = HPDF_VER_17;

    return PT_OK;
}


/* libharu goes on after an error; its first one decides at the end */
static void
pt_pdf_error(HPDF_STATUS error, HPDF_STATUS detail, void *data)
{
    pt_pdf_t  *pdf = data;

    (void) detail;

    if (pdf->status == HPDF_OK) {
        pdf->status = error;
    }
}


static pt_err_t
pt_pdf_status(const pt_pdf_t *pdf)
{
    HPDF_STATUS  status = pdf->status;

    if (status == HPDF_OK) {
        status = HPDF_GetError(pdf->doc);
    }

    return status == HPDF_OK ? PT_OK
           : status == HPDF_FAILD_TO_ALLOC_MEM ? PT_E_NOMEM : PT_E_INTERNAL;
}


static pt_err_t
pt_pdf_fonts(pt_pdf_t *pdf)
{
    size_t  i;

    for (i = 0; i < pdf->n_fonts; i++) {
        if (!pdf->fonts[i].used) {
            continue;
        }

        pdf->fonts[i].dict = pt_pdf_font(pdf, &pdf->fonts[i]);

        if (pdf->fonts[i].dict == NULL) {
            return PT_E_NOMEM;
        }
    }

    return pt_pdf_status(pdf);
}


/* Type0 -> CIDFontType2 -> descriptor -> file (ISO 32000-1, 9.7) */
static HPDF_Dict
pt_pdf_font(pt_pdf_t *pdf, pt_pdf_font_t *font)
{
    char                name[80];
    HPDF_Doc            doc = pdf->doc;
    HPDF_Dict           type0, cid, info, descriptor, tounicode;
    HPDF_Array          descendants;
    const pt_subset_t  *subset;

    subset = font->own != NULL ? font->own : font->font->base;
    (void) snprintf(name, sizeof(name), "%s+%s", subset->tag,
                    font->font->name);
    pt_pdf_hash(pdf, name, strlen(name));
    pt_pdf_hash(pdf, font->font->sha256, sizeof(font->font->sha256));

    type0 = HPDF_Dict_New(doc->mmgr);
    cid = HPDF_Dict_New(doc->mmgr);

    if (type0 == NULL || cid == NULL
        || HPDF_Xref_Add(doc->xref, type0) != HPDF_OK
        || HPDF_Xref_Add(doc->xref, cid) != HPDF_OK)
    {
        return NULL;
    }

    descriptor = pt_pdf_descriptor(pdf, font, subset, name);
    tounicode = pt_pdf_stream(pdf, subset->tounicode, subset->tounicode_len,
                              true);
    info = HPDF_Dict_New(doc->mmgr);
    descendants = HPDF_Array_New(doc->mmgr);

    if (descriptor == NULL || tounicode == NULL || info == NULL
        || descendants == NULL)
    {
        return NULL;
    }

    HPDF_Dict_AddName(cid, "Type", "Font");
    HPDF_Dict_AddName(cid, "Subtype", "CIDFontType2");
    HPDF_Dict_AddName(cid, "BaseFont", name);
    HPDF_Dict_Add(cid, "CIDSystemInfo", info);
    HPDF_Dict_Add(info, "Registry", HPDF_String_New(doc->mmgr, "Adobe", NULL));
    HPDF_Dict_Add(info, "Ordering",
                  HPDF_String_New(doc->mmgr, "Identity", NULL));
    HPDF_Dict_AddNumber(info, "Supplement", 0);
    HPDF_Dict_Add(cid, "FontDescriptor", descriptor);
    HPDF_Dict_AddName(cid, "CIDToGIDMap", "Identity");
    cid->attr = subset->widths;
    cid->write_fn = pt_pdf_write_widths;

    HPDF_Dict_AddName(type0, "Type", "Font");
    HPDF_Dict_AddName(type0, "Subtype", "Type0");
    HPDF_Dict_AddName(type0, "BaseFont", name);
    HPDF_Dict_AddName(type0, "Encoding", "Identity-H");
    HPDF_Array_Add(descendants, cid);
    HPDF_Dict_Add(type0, "DescendantFonts", descendants);
    HPDF_Dict_Add(type0, "ToUnicode", tounicode);

    return type0;
}


static HPDF_Dict
pt_pdf_descriptor(pt_pdf_t *pdf, const pt_pdf_font_t *font,
    const pt_subset_t *subset, const char *name)
{
    int               i, flags;
    HPDF_Doc          doc = pdf->doc;
    HPDF_Dict         dict, file;
    HPDF_Array        bbox;
    const pt_font_t  *face = font->font;

    dict = HPDF_Dict_New(doc->mmgr);
    if (dict == NULL || HPDF_Xref_Add(doc->xref, dict) != HPDF_OK) {
        return NULL;
    }

    file = pt_pdf_stream(pdf, subset->file, subset->file_len, true);
    bbox = HPDF_Array_New(doc->mmgr);

    if (file == NULL || bbox == NULL) {
        return NULL;
    }

    /* ISO 32000-1, table 123; symbolic: the glyphs are named by number */
    flags = 1 << 2 | face->fixed << 0 | face->serif << 1 | face->italic << 6
            | face->bold << 18;

    HPDF_Dict_AddNumber(file, "Length1", (HPDF_INT32) subset->file_raw);

    for (i = 0; i < 4; i++) {
        HPDF_Array_AddNumber(bbox, face->bbox[i]);
    }

    HPDF_Dict_AddName(dict, "Type", "FontDescriptor");
    HPDF_Dict_AddName(dict, "FontName", name);
    HPDF_Dict_AddNumber(dict, "Flags", flags);
    HPDF_Dict_Add(dict, "FontBBox", bbox);
    HPDF_Dict_AddNumber(dict, "ItalicAngle", face->italic_angle);
    HPDF_Dict_AddNumber(dict, "Ascent", face->ascent);
    HPDF_Dict_AddNumber(dict, "Descent", face->descent);
    HPDF_Dict_AddNumber(dict, "CapHeight", face->cap_height);
    HPDF_Dict_AddNumber(dict, "StemV", face->bold ? 140 : 80);
    HPDF_Dict_Add(dict, "FontFile2", file);

    return dict;
}


static HPDF_Dict
pt_pdf_stream(pt_pdf_t *pdf, const void *data, size_t len, bool deflated)
{
    HPDF_Dict  dict;

    dict = HPDF_DictStream_New(pdf->doc->mmgr, pdf->doc->xref);
    if (dict == NULL) {
        return NULL;
    }

    if (HPDF_Stream_Write(dict->stream, data, (HPDF_UINT) len) != HPDF_OK) {
        return NULL;
    }

    if (deflated) {
        dict->write_fn = pt_pdf_write_filter;
    }

    return dict;
}


/*
 * libharu would deflate at each save what is deflated already, and removes a
 * Filter that it did not put there itself: so it is written past it.
 */
static HPDF_STATUS
pt_pdf_write_filter(HPDF_Dict dict, HPDF_Stream stream)
{
    (void) dict;

    return HPDF_Stream_WriteStr(stream, "/Filter /FlateDecode\012");
}


/* an array of some 200 numbers, made once for all documents */
static HPDF_STATUS
pt_pdf_write_widths(HPDF_Dict dict, HPDF_Stream stream)
{
    HPDF_STATUS  status;
    const char  *widths = dict->attr;

    if ((status = HPDF_Stream_WriteStr(stream, "/W ")) != HPDF_OK
        || (status = HPDF_Stream_Write(stream, (const HPDF_BYTE *) widths,
                                       (HPDF_UINT) strlen(widths)))
           != HPDF_OK)
    {
        return status;
    }

    return HPDF_Stream_WriteStr(stream, "\012");
}


static pt_err_t
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

    pt_buf_init(&pen.buf, &pt_mem_heap, PT_PDF_PAGE_MAX);

    for (i = 0; err == PT_OK && i < pdf->flow->pages; i++) {
        err = pt_pdf_page(pdf, i, &strip, &repeat, &pen);
    }

    pt_buf_done(&pen.buf);

    return err != PT_OK ? err : pt_pdf_status(pdf);
}


/* strips and repeats lie in the order of pages */
static pt_err_t
pt_pdf_page(pt_pdf_t *pdf, unsigned number, size_t *strip, size_t *repeat,
    pt_pen_t *pen)
{
    size_t        len;
    uint8_t      *data;
    pt_err_t      err;
    pt_flow_t    *flow = pdf->flow;
    HPDF_Dict     contents;
    HPDF_Page     page;
    HPDF_STATUS   status;

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

    pt_pdf_hash(pdf, pen->buf.data, pen->buf.len);

    err = pt_deflate(pen->buf.data, pen->buf.len, PT_PDF_DEFLATE,
                     &data, &len);
    if (err != PT_OK) {
        return err;
    }

    contents = ((HPDF_PageAttr) page->attr)->contents;
    status = HPDF_Stream_Write(contents->stream, data, (HPDF_UINT) len);
    contents->write_fn = pt_pdf_write_filter;
    free(data);

    return status == HPDF_OK ? PT_OK : PT_E_NOMEM;
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


/* four curves; 0.5523 makes them a circle to the eye */
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


static HPDF_Dict
pt_pdf_image_object(pt_pdf_t *pdf, const pt_image_t *image)
{
    unsigned    i;
    HPDF_Dict   dict;
    HPDF_Array  decode;

    pt_pdf_hash(pdf, image->data.data, image->data.len);

    dict = pt_pdf_stream(pdf, image->data.data, image->data.len, true);
    if (dict == NULL) {
        return NULL;
    }

    dict->header.obj_class |= HPDF_OSUBCLASS_XOBJECT;

    HPDF_Dict_AddName(dict, "Type", "XObject");
    HPDF_Dict_AddName(dict, "Subtype", "Image");
    HPDF_Dict_AddNumber(dict, "Width", (HPDF_INT32) image->width);
    HPDF_Dict_AddNumber(dict, "Height", (HPDF_INT32) image->height);
    HPDF_Dict_AddNumber(dict, "BitsPerComponent", 8);
    HPDF_Dict_AddName(dict, "ColorSpace", image->colors == 1 ? "DeviceGray"
                      : image->colors == 3 ? "DeviceRGB" : "DeviceCMYK");

    if (image->jpeg) {
        dict->write_fn = pt_pdf_write_jpeg;
    }

    if (image->inverted) {
        decode = HPDF_Array_New(pdf->doc->mmgr);
        if (decode == NULL) {
            return NULL;
        }

        for (i = 0; i < 8; i++) {
            HPDF_Array_AddNumber(decode, i % 2 == 0);
        }

        HPDF_Dict_Add(dict, "Decode", decode);
    }

    return dict;
}


static HPDF_STATUS
pt_pdf_write_jpeg(HPDF_Dict dict, HPDF_Stream stream)
{
    (void) dict;

    return HPDF_Stream_WriteStr(stream, "/Filter /DCTDecode\012");
}


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


static void
pt_pdf_glyph(pt_pen_t *pen, const pt_subset_t *subset, const pt_font_t *font,
    const pt_glyph_t *glyph)
{
    char      code[4];
    uint16_t  gid = subset->map[glyph->gid];

    static const char  digits[] = "0123456789abcdef";

    if (!pen->open) {
        pt_buf_add_char(&pen->buf, '[');
        pen->open = true;
    }

    if (!pen->hex) {
        pt_buf_add_char(&pen->buf, '<');
        pen->hex = true;
    }

    code[0] = digits[gid >> 12];
    code[1] = digits[gid >> 8 & 15];
    code[2] = digits[gid >> 4 & 15];
    code[3] = digits[gid & 15];

    pt_buf_add(&pen->buf, code, sizeof(code));

    pen->x += (int64_t) pt_font_glyph_width(font, glyph->gid) * pen->size
              / 1000;
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

    if (pen->hex) {
        pt_buf_add_char(&pen->buf, '>');
        pen->hex = false;
    }

    pt_pdf_number(&pen->buf, -by * 1000);

    pen->x += by * pen->size / 1000;
}


static void
pt_pdf_close_array(pt_pen_t *pen)
{
    if (pen->open) {
        pt_buf_add_text(&pen->buf, pen->hex ? ">]TJ\n" : "]TJ\n");
        pen->open = false;
        pen->hex = false;
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


static pt_err_t
pt_pdf_links(pt_pdf_t *pdf)
{
    size_t  i;

    for (i = 0; i < pdf->flow->n; i++) {
        pt_pdf_links_of(pdf, &pdf->flow->strips[i]);
    }

    return pt_pdf_status(pdf);
}


/* one area for each run of fragments with the same target */
static void
pt_pdf_links_of(pt_pdf_t *pdf, const pt_strip_t *strip)
{
    int32_t            begin, end;
    unsigned           target;
    const pt_frag_t   *frag;
    const pt_piece_t  *piece;

    for (piece = strip->pieces; piece != NULL; piece = piece->next) {
        frag = piece->line->frags;

        while (frag != NULL) {
            target = frag->target;
            begin = frag->x;
            end = frag->x;

            for ( /* void */ ; frag != NULL && frag->target == target;
                 frag = frag->next)
            {
                end = frag->x + frag->width;

                if (target != 0 && frag->next == NULL) {
                    pt_pdf_link(pdf, strip, target, piece->x + begin,
                                end - begin, piece->baseline, frag->size);

                } else if (target != 0 && frag->next->target != target) {
                    pt_pdf_link(pdf, strip, target, piece->x + begin,
                                end - begin, piece->baseline, frag->size);
                }
            }
        }
    }
}


static void
pt_pdf_link(pt_pdf_t *pdf, const pt_strip_t *strip, unsigned target,
    int32_t x, int32_t width, int32_t baseline, int32_t size)
{
    size_t             i;
    int32_t            y;
    HPDF_Rect          rect;
    HPDF_Annotation    annotation;
    const pt_page_t   *page = &pdf->flow->page;

    for (i = 0; i < pdf->flow->n; i++) {
        if (pdf->flow->strips[i].target == target) {
            break;
        }
    }

    if (i == pdf->flow->n) {
        return;
    }

    y = page->height - strip->y - baseline;

    rect.left = (HPDF_REAL) (page->left + x) / PT_POINT;
    rect.right = (HPDF_REAL) (page->left + x + width) / PT_POINT;
    rect.top = (HPDF_REAL) (y + size / 100 * PT_PDF_LINK_UP) / PT_POINT;
    rect.bottom = (HPDF_REAL) (y - size / 100 * PT_PDF_LINK_DOWN) / PT_POINT;

    annotation = HPDF_Page_CreateLinkAnnot(pdf->pages[strip->page - 1], rect,
        pt_pdf_destination(pdf, &pdf->flow->strips[i]));

    if (annotation != NULL) {
        HPDF_LinkAnnot_SetBorderStyle(annotation, 0, 0, 0);
    }
}


static HPDF_Destination
pt_pdf_destination(pt_pdf_t *pdf, const pt_strip_t *strip)
{
    HPDF_Page         page = pdf->pages[strip->page - 1];
    HPDF_Destination  dest;

    dest = HPDF_Page_CreateDestination(page);

    if (dest == NULL) {
        return NULL;
    }

    /* zoom 0 leaves the reader's: HPDF_Destination_SetXYZ() refuses it */
    HPDF_Array_Clear(dest);
    HPDF_Array_Add(dest, page);
    HPDF_Array_AddName(dest, "XYZ");
    HPDF_Array_AddReal(dest, 0);
    HPDF_Array_AddReal(dest,
        (HPDF_REAL) (pdf->flow->page.height - strip->y) / PT_POINT);
    HPDF_Array_AddReal(dest, 0);

    return dest;
}


static pt_err_t
pt_pdf_outline(pt_pdf_t *pdf)
{
    size_t             i;
    unsigned           level, depth = 0;
    HPDF_Outline       item, parents[PT_PDF_OUTLINE_MAX + 1] = { NULL };
    const pt_strip_t  *strip;

    for (i = 0; i < pdf->flow->n; i++) {
        strip = &pdf->flow->strips[i];

        if (strip->outline == 0) {
            continue;
        }

        /* a level that is jumped over has no item to hang below */
        level = strip->outline > depth + 1 ? depth + 1 : strip->outline;
        level = level > PT_PDF_OUTLINE_MAX ? PT_PDF_OUTLINE_MAX : level;

        item = HPDF_CreateOutline(pdf->doc, parents[level - 1], "-", NULL);
        if (item == NULL) {
            return PT_E_NOMEM;
        }

        pt_pdf_set_text(pdf, item, "Title", strip->title);
        HPDF_Outline_SetDestination(item, pt_pdf_destination(pdf, strip));

        parents[level] = item;
        depth = level;
    }

    if (depth > 0) {
        HPDF_SetPageMode(pdf->doc, HPDF_PAGE_MODE_USE_OUTLINE);
    }

    return pt_pdf_status(pdf);
}


static pt_err_t
pt_pdf_metadata(pt_pdf_t *pdf)
{
    char                  date[32];
    uint8_t               id[crypto_hash_sha256_BYTES];
    pt_buf_t              xmp;
    HPDF_Doc              doc = pdf->doc;
    HPDF_Dict             dict, preferences;
    HPDF_Array            ids;
    const pt_pdf_info_t  *info = pdf->info;

    pt_pdf_set_text(pdf, doc->info, "Producer",
                    PT_STR("Pitchey Edge " PITCHEY_VERSION " (libharu "
                           HPDF_VERSION_TEXT ")"));
    pt_pdf_set_text(pdf, doc->info, "Title", info->title);
    pt_pdf_set_text(pdf, doc->info, "Author", info->author);
    pt_pdf_set_text(pdf, doc->info, "Subject", info->subject);
    pt_pdf_set_text(pdf, doc->info, "Keywords", info->keywords);
    pt_pdf_set_text(pdf, doc->catalog, "Lang", info->language);

    if (info->date.len == 10) {
        (void) snprintf(date, sizeof(date), "D:%.4s%.2s%.2s000000Z",
                        info->date.data, info->date.data + 5,
                        info->date.data + 8);
        pt_pdf_set_text(pdf, doc->info, "CreationDate", pt_str(date));
    }

    preferences = HPDF_Dict_New(doc->mmgr);
    if (preferences == NULL) {
        return PT_E_NOMEM;
    }

    HPDF_Dict_AddBoolean(preferences, "DisplayDocTitle", HPDF_TRUE);
    HPDF_Dict_Add(doc->catalog, "ViewerPreferences", preferences);

    pt_buf_init(&xmp, &pt_mem_heap, PT_PDF_TEXT_MAX);
    pt_pdf_xmp(info, &xmp);

    if (xmp.err != PT_OK) {
        pt_buf_done(&xmp);
        return xmp.err;
    }

    pt_pdf_hash(pdf, xmp.data, xmp.len);
    dict = pt_pdf_stream(pdf, xmp.data, xmp.len, false);
    pt_buf_done(&xmp);

    ids = HPDF_Array_New(doc->mmgr);

    if (dict == NULL || ids == NULL) {
        return PT_E_NOMEM;
    }

    HPDF_Dict_AddName(dict, "Type", "Metadata");
    HPDF_Dict_AddName(dict, "Subtype", "XML");
    HPDF_Dict_Add(doc->catalog, "Metadata", dict);

    (void) crypto_hash_sha256_final(&pdf->hash, id);
    HPDF_Array_Add(ids, HPDF_Binary_New(doc->mmgr, id, 16));
    HPDF_Array_Add(ids, HPDF_Binary_New(doc->mmgr, id, 16));
    HPDF_Dict_Add(doc->trailer, "ID", ids);

    return info->password.len > 0 ? pt_pdf_password(pdf)
           : pt_pdf_status(pdf);
}


/* the owner's is nobody's: whoever opens it may do all with it */
static pt_err_t
pt_pdf_password(pt_pdf_t *pdf)
{
    char           user[HPDF_PASSWD_LEN + 1] = "", owner[33];
    uint8_t        random[16];
    pt_str_t       password = pdf->info->password;

    if (password.len > HPDF_PASSWD_LEN) {
        return PT_E_PARAMETERS;
    }

    memcpy(user, password.data, password.len);
    randombytes_buf(random, sizeof(random));
    (void) sodium_bin2hex(owner, sizeof(owner), random, sizeof(random));

    HPDF_SetPassword(pdf->doc, owner, user);
    HPDF_SetPermission(pdf->doc, HPDF_ENABLE_READ | HPDF_ENABLE_PRINT
                                 | HPDF_ENABLE_COPY);
    HPDF_SetEncryptionMode(pdf->doc, HPDF_ENCRYPT_R3, 16);

    sodium_memzero(user, sizeof(user));

    return pt_pdf_status(pdf);
}


static void
pt_pdf_xmp(const pt_pdf_info_t *info, pt_buf_t *buf)
{
    pt_buf_add_text(buf,
        "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n"
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
        "<rdf:Description rdf:about=\"\""
        " xmlns:dc=\"http://purl.org/dc/elements/1.1/\""
        " xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\""
        " xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\">\n"
        "<dc:format>application/pdf</dc:format>\n");

    pt_pdf_xml(buf, "<dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">",
               info->title, "</rdf:li></rdf:Alt></dc:title>\n");
    pt_pdf_xml(buf, "<dc:creator><rdf:Seq><rdf:li>", info->author,
               "</rdf:li></rdf:Seq></dc:creator>\n");
    pt_pdf_xml(buf,
               "<dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">",
               info->subject, "</rdf:li></rdf:Alt></dc:description>\n");
    pt_pdf_xml(buf, "<dc:language><rdf:Bag><rdf:li>", info->language,
               "</rdf:li></rdf:Bag></dc:language>\n");
    pt_pdf_xml(buf, "<pdf:Keywords>", info->keywords, "</pdf:Keywords>\n");

    if (info->date.len == 10) {
        pt_buf_printf(buf, "<xmp:CreateDate>%.10sT00:00:00Z"
                      "</xmp:CreateDate>\n", info->date.data);
    }

    pt_buf_add_text(buf,
        "<pdf:Producer>Pitchey Edge " PITCHEY_VERSION " (libharu "
        HPDF_VERSION_TEXT ")</pdf:Producer>\n"
        "</rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n"
        "<?xpacket end=\"r\"?>");
}


static void
pt_pdf_xml(pt_buf_t *buf, const char *open, pt_str_t text, const char *close)
{
    size_t  i;

    if (text.len == 0) {
        return;
    }

    pt_buf_add_text(buf, open);

    for (i = 0; i < text.len; i++) {
        switch (text.data[i]) {
        case '&':
            pt_buf_add_text(buf, "&amp;");
            break;
        case '<':
            pt_buf_add_text(buf, "&lt;");
            break;
        case '>':
            pt_buf_add_text(buf, "&gt;");
            break;
        default:
            pt_buf_add_char(buf, text.data[i]);
        }
    }

    pt_buf_add_text(buf, close);
}


/* a PDF text string: ASCII as it is, else UTF-16 with a byte order mark */
static void
pt_pdf_set_text(pt_pdf_t *pdf, HPDF_Dict dict, const char *key, pt_str_t text)
{
    bool       ascii = true;
    size_t     i, n = 0;
    uint32_t   c;
    uint8_t   *utf16;
    unsigned   len;
    pt_str_t   copy;

    if (text.len == 0) {
        return;
    }

    for (i = 0; i < text.len; i++) {
        ascii &= text.data[i] >= ' ' && text.data[i] <= '~';
    }

    if (ascii) {
        copy = pt_room_copy(pdf->flow->room, text);
        HPDF_Dict_Add(dict, key, HPDF_String_New(pdf->doc->mmgr,
                      copy.data != NULL ? copy.data : "", NULL));
        return;
    }

    /* twice the bytes at most; libharu's strings end at 65,535 */
    if (text.len > 16000) {
        text.len = 16000;
        while (text.len > 0 && (text.data[text.len] & 0xc0) == 0x80) {
            text.len--;
        }
    }

    utf16 = pt_room_alloc(pdf->flow->room, 2 * text.len + 2);
    if (utf16 == NULL) {
        pdf->status = HPDF_FAILD_TO_ALLOC_MEM;
        return;
    }

    utf16[n++] = 0xfe;
    utf16[n++] = 0xff;

    for (i = 0; i < text.len; i += len) {
        c = pt_utf8_get(text.data + i, &len);

        if (c >= 0x10000) {
            c -= 0x10000;
            utf16[n++] = (uint8_t) (0xd8 | c >> 18);
            utf16[n++] = (uint8_t) (c >> 10);
            c = 0xdc00 | (c & 0x3ff);
        }

        utf16[n++] = (uint8_t) (c >> 8);
        utf16[n++] = (uint8_t) c;
    }

    HPDF_Dict_Add(dict, key,
                  HPDF_Binary_New(pdf->doc->mmgr, utf16, (HPDF_UINT) n));
}


static pt_err_t
pt_pdf_save(pt_pdf_t *pdf, pt_buf_t *buf)
{
    pt_err_t     err;
    HPDF_BYTE    block[16384];
    HPDF_UINT32  size;
    HPDF_STATUS  status;

    if (HPDF_SaveToStream(pdf->doc) != HPDF_OK) {
        err = pt_pdf_status(pdf);
        return err != PT_OK ? err : PT_E_INTERNAL;
    }

    HPDF_ResetStream(pdf->doc);

    do {
        size = sizeof(block);
        status = HPDF_ReadFromStream(pdf->doc, block, &size);
        pt_buf_add(buf, block, size);
    } while (status == HPDF_OK && size == sizeof(block));

    return buf->err;
}


/* the file's ID is a hash of what is in it */
static void
pt_pdf_hash(pt_pdf_t *pdf, const void *data, size_t len)
{
    (void) crypto_hash_sha256_update(&pdf->hash, data, len);
}
