/* What the parts of pt_pdf share: a file while it is made. */

#ifndef PT_PDF_FILE_H
#define PT_PDF_FILE_H

#include <hpdf.h>
#include <sodium.h>
#include <zlib.h>

#include "pt_pdf.h"
#include "pt_subset.h"


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
    bool                  cmyk;      /* an image that sRGB does not describe */
    crypto_hash_sha256_state  hash;      /* over all that makes the document */
    HPDF_STATUS           status;    /* first error of libharu */
} pt_pdf_t;


/* pt_pdf.c */
void pt_pdf_hash(pt_pdf_t *pdf, const void *data, size_t len);
PT_MUST_CHECK pt_err_t pt_pdf_status(const pt_pdf_t *pdf);

/* pt_pdf_font.c: the glyphs of all lines, then their fonts */
PT_MUST_CHECK pt_err_t pt_pdf_collect(pt_pdf_t *pdf);
PT_MUST_CHECK pt_err_t pt_pdf_subsets(pt_pdf_t *pdf);
PT_MUST_CHECK pt_err_t pt_pdf_fonts(pt_pdf_t *pdf);

/* pt_pdf_page.c */
PT_MUST_CHECK pt_err_t pt_pdf_pages(pt_pdf_t *pdf);

/* pt_pdf_image.c; NULL: no memory */
HPDF_Dict pt_pdf_image_object(pt_pdf_t *pdf, const pt_image_t *image);

/*
 * pt_pdf_profile.c: colours by sRGB in the catalogue; whether the file may say
 * that it is PDF/A
 */
PT_MUST_CHECK pt_err_t pt_pdf_intent(pt_pdf_t *pdf);
bool pt_pdf_is_archival(const pt_pdf_t *pdf);

/* pt_pdf_link.c: areas that lead elsewhere, and bookmarks */
PT_MUST_CHECK pt_err_t pt_pdf_links(pt_pdf_t *pdf);
PT_MUST_CHECK pt_err_t pt_pdf_outline(pt_pdf_t *pdf);

/* pt_pdf_info.c: what a file says of itself; a text string in a dictionary */
PT_MUST_CHECK pt_err_t pt_pdf_metadata(pt_pdf_t *pdf);
void pt_pdf_set_text(pt_pdf_t *pdf, HPDF_Dict dict, const char *key,
    pt_str_t text);

/*
 * pt_pdf_stream.c: a stream object of bytes that live until the file is saved,
 * or such bytes for an object that libharu has made; then the file itself.
 */
HPDF_Dict pt_pdf_stream(pt_pdf_t *pdf, const void *data, size_t len,
    bool deflated);
PT_MUST_CHECK pt_err_t pt_pdf_borrow(pt_pdf_t *pdf, HPDF_Dict dict,
    const void *data, size_t len, bool deflated);
PT_MUST_CHECK pt_err_t pt_pdf_save(pt_pdf_t *pdf, pt_buf_t *buf);


#endif /* PT_PDF_FILE_H */
