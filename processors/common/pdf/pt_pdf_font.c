/* The faces of a document: the glyphs that it uses, as objects of the file. */

#include <stdio.h>

#include "pt_pdf_file.h"


static pt_err_t pt_pdf_collect_pieces(pt_pdf_t *pdf, const pt_piece_t *piece);
static pt_err_t pt_pdf_collect_frag(pt_pdf_t *pdf, const pt_frag_t *frag);
static pt_str_t pt_pdf_glyph_text(const pt_word_t *word, uint32_t i);
static HPDF_Dict pt_pdf_font(pt_pdf_t *pdf, pt_pdf_font_t *font);
static HPDF_Dict pt_pdf_descriptor(pt_pdf_t *pdf, const pt_pdf_font_t *font,
    const pt_subset_t *subset, const char *name);
static HPDF_STATUS pt_pdf_write_widths(HPDF_Dict dict, HPDF_Stream stream);


/* which faces are used, and which of their glyphs lie outside the base */
pt_err_t
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


pt_err_t
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


pt_err_t
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
