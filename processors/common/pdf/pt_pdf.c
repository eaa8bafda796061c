/* A paginated flow to a file: its parts, in order. */

#include <stdlib.h>

#include "pt_pdf_file.h"


/* a watermark: set as one line, then scaled to the page's diagonal */
#define PT_PDF_MARK_WIDTH   (10000 * PT_POINT)
#define PT_PDF_MARK_COLOR   0xe4e4e4


static pt_err_t pt_pdf_running(pt_pdf_t *pdf);
static pt_err_t pt_pdf_watermark(pt_pdf_t *pdf);
static pt_err_t pt_pdf_open(pt_pdf_t *pdf);
static void pt_pdf_error(HPDF_STATUS error, HPDF_STATUS detail, void *data);


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


pt_err_t
pt_pdf_status(const pt_pdf_t *pdf)
{
    HPDF_STATUS  status = pdf->status;

    if (status == HPDF_OK) {
        status = HPDF_GetError(pdf->doc);
    }

    return status == HPDF_OK ? PT_OK
           : status == HPDF_FAILD_TO_ALLOC_MEM ? PT_E_NOMEM : PT_E_INTERNAL;
}


/* the file's ID is a hash of what is in it */
void
pt_pdf_hash(pt_pdf_t *pdf, const void *data, size_t len)
{
    (void) crypto_hash_sha256_update(&pdf->hash, data, len);
}
