/* Where the parties sign. */

#include "document_render.h"


#define DOCUMENT_SIGN_SPACE      (12 * PT_MM)     /* room for a signature */


static pt_err_t document_lay_party(document_rendering_t *r,
    const document_signer_t *signer, pt_cell_t *ret_cell);


/* two beside each other, all on one page if it can hold them */
pt_err_t
document_lay_signatures(document_rendering_t *r)
{
    size_t      i, n;
    int32_t     width;
    pt_err_t    err;
    pt_cell_t   cells[2] = { { .n = 0 } };

    width = (pt_flow_measure(&r->flow) - DOCUMENT_GAP) / 2;

    pt_flow_keep_begin(&r->flow);

    for (i = 0; i < r->n_signers; i += 2) {
        n = r->n_signers - i < 2 ? 1 : 2;

        err = document_lay_party(r, &r->signers[i], &cells[0]);
        if (err == PT_OK && n == 2) {
            err = document_lay_party(r, &r->signers[i + 1], &cells[1]);
        }

        if (err != PT_OK) {
            return err;
        }

        cells[0].x = 0;
        cells[0].width = width;
        cells[1].x = width + DOCUMENT_GAP;
        cells[1].width = width;

        err = pt_flow_row(&r->flow, cells, n, false);
        if (err != PT_OK) {
            return err;
        }
    }

    pt_flow_keep_end(&r->flow);

    return PT_OK;
}


/* who signs, the line to sign on, name and title, the line for the date */
static pt_err_t
document_lay_party(document_rendering_t *r, const document_signer_t *signer,
    pt_cell_t *ret_cell)
{
    size_t            i, n = 0;
    pt_run_t         *runs;
    pt_block_t       *blocks;

    runs = pt_room_array(&r->room, 8, sizeof(pt_run_t));
    blocks = pt_room_array(&r->room, 8, sizeof(pt_block_t));

    if (runs == NULL || blocks == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < 8; i++) {
        document_style(r, &blocks[i]);
        blocks[i].style.align = PT_ALIGN_LEFT;
        blocks[i].style.hyphen = NULL;
        blocks[i].before = blocks[i].after = 0;
        blocks[i].runs = &runs[i];
        blocks[i].n = 1;
    }

    blocks[0].before = 2 * r->template->leading;
    runs[n++].text = signer->own ? PT_STR("Signed by")
                                 : PT_STR("Signed for and on behalf of");

    runs[n].style = PT_STYLE_BOLD;
    runs[n++].text = signer->name;

    blocks[n].before = DOCUMENT_SIGN_SPACE;
    blocks[n].overline = true;
    runs[n++].text = PT_STR("Signature");

    if (signer->signer.data != NULL) {
        blocks[n].before = r->template->leading / 3;
        runs[n++].text = signer->signer;
    }

    if (signer->title.data != NULL) {
        runs[n].style = PT_STYLE_ITALIC;
        runs[n++].text = signer->title;
    }

    blocks[n].before = DOCUMENT_SIGN_SPACE;
    blocks[n].overline = true;
    runs[n++].text = PT_STR("Date");

    ret_cell->blocks = blocks;
    ret_cell->n = n;

    return PT_OK;
}
