/* Links between a document's places and out of it, and its outline. */

#include "pt_pdf_file.h"


/* outline levels: parts, clauses, ... */
#define PT_PDF_OUTLINE_MAX  6

/* links reach a little above and below the letters */
#define PT_PDF_LINK_UP      80       /* per cent of the size */
#define PT_PDF_LINK_DOWN    25

/* PDF/A wants each annotation to say that it prints (6.3.2) */
#define PT_PDF_LINK_PRINT   4


static void pt_pdf_links_of(pt_pdf_t *pdf, const pt_strip_t *strip);
static void pt_pdf_link(pt_pdf_t *pdf, const pt_strip_t *strip,
    const pt_piece_t *piece, const pt_frag_t *first, const pt_frag_t *last);
static HPDF_Annotation pt_pdf_link_in(pt_pdf_t *pdf, HPDF_Page page,
    HPDF_Rect rect, unsigned target);
static HPDF_Annotation pt_pdf_link_out(pt_pdf_t *pdf, HPDF_Page page,
    HPDF_Rect rect, const pt_str_t *uri);
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


/* one area for each run of fragments that lead to the same place */
static void
pt_pdf_links_of(pt_pdf_t *pdf, const pt_strip_t *strip)
{
    const pt_frag_t   *first, *last;
    const pt_piece_t  *piece;

    for (piece = strip->pieces; piece != NULL; piece = piece->next) {
        for (first = piece->line->frags; first != NULL; first = last->next) {

            for (last = first;
                 last->next != NULL && last->next->target == first->target
                 && last->next->uri == first->uri;
                 last = last->next)
            {
                /* to the last of them */
            }

            if (first->target != 0 || first->uri != NULL) {
                pt_pdf_link(pdf, strip, piece, first, last);
            }
        }
    }
}


static void
pt_pdf_link(pt_pdf_t *pdf, const pt_strip_t *strip, const pt_piece_t *piece,
    const pt_frag_t *first, const pt_frag_t *last)
{
    int32_t           x, y;
    HPDF_Page         page = pdf->pages[strip->page - 1];
    HPDF_Rect         rect;
    HPDF_Annotation   annotation;

    x = pdf->flow->page.left + piece->x;
    y = pdf->flow->page.height - strip->y - piece->baseline;

    rect.left = (HPDF_REAL) (x + first->x) / PT_POINT;
    rect.right = (HPDF_REAL) (x + last->x + last->width) / PT_POINT;
    rect.top = (HPDF_REAL) (y + last->size / 100 * PT_PDF_LINK_UP) / PT_POINT;
    rect.bottom = (HPDF_REAL) (y - last->size / 100 * PT_PDF_LINK_DOWN)
                  / PT_POINT;

    annotation = first->uri != NULL
                 ? pt_pdf_link_out(pdf, page, rect, first->uri)
                 : pt_pdf_link_in(pdf, page, rect, first->target);

    if (annotation != NULL) {
        HPDF_LinkAnnot_SetBorderStyle(annotation, 0, 0, 0);
        HPDF_Dict_AddNumber(annotation, "F", PT_PDF_LINK_PRINT);
    }
}


static HPDF_Annotation
pt_pdf_link_in(pt_pdf_t *pdf, HPDF_Page page, HPDF_Rect rect, unsigned target)
{
    size_t  i;

    for (i = 0; i < pdf->flow->n; i++) {
        if (pdf->flow->strips[i].target == target) {
            return HPDF_Page_CreateLinkAnnot(page, rect,
                pt_pdf_destination(pdf, &pdf->flow->strips[i]));
        }
    }

    return NULL;
}


/* no page shows the address: the file's ID has to know of it, too */
static HPDF_Annotation
pt_pdf_link_out(pt_pdf_t *pdf, HPDF_Page page, HPDF_Rect rect,
    const pt_str_t *uri)
{
    pt_pdf_hash(pdf, uri->data, uri->len + 1);

    return HPDF_Page_CreateURILinkAnnot(page, rect, uri->data);
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
