/* What the files of the PDF share: its state, and how text looks. */

#ifndef REPORT_PDF_H
#define REPORT_PDF_H

#include "pt_flow.h"
#include "report_view.h"


#define REPORT_CELL          (8 * PT_POINT)      /* text of tables and tiles */
#define REPORT_GAP           (6 * PT_POINT)      /* between columns */

#define REPORT_INK_LIGHT     0x595959
#define REPORT_GOOD          0x00614a            /* 7:1 on the tile */
#define REPORT_BAD           0xa03000

#define REPORT_CONTENTS_MAX  256


typedef struct {
    report_view_t    *view;
    report_t         *r;
    pt_room_t        *room;
    pt_flow_t         flow;
    pt_drawing_t     *ruler;           /* measures; never drawn */
    unsigned          targets;

    struct {
        size_t        strip;           /* of the contents' line */
        unsigned      target;
    } contents[REPORT_CONTENTS_MAX];
    size_t            n_contents;
} report_pdf_t;


/*
 * A table of the first rows of a dataset; section NULL: all columns, as behind
 * a chart.  PT_E_PARAMETERS, with r->error: no room for so many columns.
 */
PT_MUST_CHECK pt_err_t report_pdf_table(report_pdf_t *p,
    const report_table_t *table, const pt_json_t *section, uint64_t rows);

PT_MUST_CHECK pt_err_t report_pdf_para(report_pdf_t *p, pt_str_t text,
    unsigned style, int32_t size, pt_color_t color, int32_t before,
    int32_t after);

/* of one run, which the caller keeps until the block is in the flow */
pt_block_t report_pdf_block(report_pdf_t *p, pt_run_t *run, int32_t size);


#endif /* REPORT_PDF_H */
