/* Links between a document's places, and its outline. */

#include "pt_pdf_file.h"


/* outline levels: parts, clauses, ... */
#define PT_PDF_OUTLINE_MAX  6

/* links reach a little above and below the letters */
#define PT_PDF_LINK_UP      80       /* per cent of the size */
#define PT_PDF_LINK_DOWN    25

/* PDF/A wants each annotation to say that it prints (6.3.2) */
#define PT_PDF_LINK_PRINT   4


static void pt_pdf_links_of(pt_pdf_t *pdf, const pt_strip_t *strip);
static void pt_pdf_link(pt_pdf_t *pdf, const pt_strip_t *strip, unsigned
    target, int32_t x, int32_t width, int32_t baseline, int32_t size);
static HPDF_Destination pt_pdf_destination(pt_pdf_t *pdf, const pt_strip_t
    *strip);


pt_err_t
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
        HPDF_Dict_AddNumber(annotation, "F", PT_PDF_LINK_PRINT);
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


pt_err_t
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
