/*
 * A paginated flow becomes a PDF file, on libharu.
 *
 * libharu keeps the objects, the page tree, the outline and the file's
 * structure.  Fonts, text and metadata go in through its object layer, since
 * its own font embedding parses the face for each document, writes ToUnicode
 * maps that readers reject, and has no glyph positioning.
 *
 * Without a password the same flow and information give the same bytes: there
 * is no clock and no chance in them.  A libharu document serves one call and is
 * never used again.
 */

#ifndef PT_PDF_H
#define PT_PDF_H

#include "pt_flow.h"


typedef struct {
    pt_str_t    title;
    pt_str_t    author;         /* absent: none */
    pt_str_t    subject;
    pt_str_t    keywords;
    pt_str_t    language;       /* "en-GB" */
    pt_str_t    date;           /* "2026-11-23", of creation; absent: none */
    pt_str_t    password;       /* to open it; absent: none.  RC4 of 128 bits,
                                 * all that libharu has.  Such a file is never
                                 * the same twice. */
} pt_pdf_info_t;


/*
 * Reads the sRGB profile of Debian's icc-profiles-free, once for a process,
 * while it may still open files.  With it files have an output intent and are
 * PDF/A-2b, unless they have a password or an image in CMYK.
 *
 * Errors  PT_E_NOT_FOUND, PT_E_IO, PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_pdf_load_profile(void);

/* the profile's hash, where there is one: changes when the output may */
void pt_pdf_version(pt_buf_t *buf);

/*
 * Appends the file to buf, whose maximum bounds it.
 *
 * Errors  PT_E_PARAMETERS (a character without a glyph), PT_E_NOMEM,
 *         PT_E_TOO_LARGE, PT_E_INTERNAL (libharu refused)
 */
PT_MUST_CHECK pt_err_t pt_pdf_write(pt_flow_t *flow,
    const pt_pdf_info_t *info, pt_buf_t *buf);


#endif /* PT_PDF_H */
