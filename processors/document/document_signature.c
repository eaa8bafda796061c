/* Where the parties sign. */

#include "document_render.h"


#define DOCUMENT_SIGN_SPACE      (12 * PT_MM)     /* room for a signature */


/* what stands in a row with another signer's: who signs, where, and when */
enum { DOCUMENT_SIGN_WHO, DOCUMENT_SIGN_HERE, DOCUMENT_SIGN_DATE,
       DOCUMENT_SIGN_PARTS };


typedef struct {
    pt_block_t  *blocks;
    size_t       first[DOCUMENT_SIGN_PARTS + 1];
} document_party_t;


static pt_err_t document_lay_party(document_rendering_t *r,
    const document_signer_t *signer, document_party_t *party);


/* two beside each other, their lines level; all on one page if it can be */
pt_err_t
document_lay_signatures(document_rendering_t *r)
{
    size_t            i, k, n, part;
    int32_t           width;
    pt_err_t          err;
    pt_cell_t         cells[2];
    document_party_t  parties[2];

    width = (pt_flow_measure(&r->flow) - DOCUMENT_GAP) / 2;

    pt_flow_keep_begin(&r->flow);

    for (i = 0; i < r->n_signers; i += 2) {
        n = r->n_signers - i < 2 ? 1 : 2;

        for (k = 0; k < n; k++) {
            err = document_lay_party(r, &r->signers[i + k], &parties[k]);
            if (err != PT_OK) {
                return err;
            }
        }

        for (part = 0; part < DOCUMENT_SIGN_PARTS; part++) {
            for (k = 0; k < n; k++) {
                cells[k] = (pt_cell_t) {
                    .x = (int32_t) k * (width + DOCUMENT_GAP),
                    .width = width,
                    .blocks = parties[k].blocks + parties[k].first[part],
                    .n = parties[k].first[part + 1] - parties[k].first[part],
                };
            }

            err = pt_flow_row(&r->flow, cells, n, false);
            if (err != PT_OK) {
                return err;
            }
        }
    }

    pt_flow_keep_end(&r->flow);

    return PT_OK;
}


/* who signs, the line to sign on, name and title, the line for the date */
static pt_err_t
document_lay_party(document_rendering_t *r, const document_signer_t *signer,
    document_party_t *party)
{
    size_t       i, n = 0;
    pt_run_t    *runs;
    pt_block_t  *blocks;

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

    party->first[DOCUMENT_SIGN_HERE] = n;
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

    party->first[DOCUMENT_SIGN_DATE] = n;
    blocks[n].before = DOCUMENT_SIGN_SPACE;
    blocks[n].overline = true;
    runs[n++].text = PT_STR("Date");

    party->blocks = blocks;
    party->first[DOCUMENT_SIGN_WHO] = 0;
    party->first[DOCUMENT_SIGN_PARTS] = n;

    return PT_OK;
}
