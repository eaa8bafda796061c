/* What the parts of a rendering share. */

#ifndef DOCUMENT_RENDER_H
#define DOCUMENT_RENDER_H

#include "document_markdown.h"
#include "document_template.h"
#include "document_text.h"


/* a request with more characters wrong than this is wrong enough */
#define DOCUMENT_VIOLATIONS_MAX  20
#define DOCUMENT_POINTER_MAX     512

#define DOCUMENT_GAP             (8 * PT_MM)      /* between columns */


typedef struct {
    const document_template_t  *template;
    const document_visitor_t   *visitor;
    const pt_json_t            *data;
    const document_options_t   *options;
    document_result_t          *result;
    document_signer_t           signers[DOCUMENT_SIGNERS_MAX];
    size_t                      n_signers;
    pt_room_t                   room;
    pt_flow_t                   flow;
    unsigned                    violations;
    pt_str_t                    absent[DOCUMENT_VIOLATIONS_MAX];
    size_t                      n_absent;
    size_t                      table;        /* first strip of the open one */
    int32_t                     columns[DOCUMENT_COLUMNS_MAX + 1];   /* where
                                               * they begin, and the end */
    size_t                      table_head;   /* strips of its head */
    bool                        in_table;
} document_rendering_t;


/* document_render.c */
PT_MUST_CHECK pt_err_t document_fill_one(document_rendering_t *r,
    const pt_mustache_t *mustache,
    void (*escape)(pt_buf_t *out, pt_str_t text), pt_str_t *ret_text);
void document_escape_plain(pt_buf_t *out, pt_str_t text);


/* document_check.c */
PT_MUST_CHECK pt_err_t document_check_options(document_rendering_t *r);
void document_missing(void *ctx, pt_str_t name);
void document_violation(document_rendering_t *r, pt_str_t pointer,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void document_check_value(document_rendering_t *r, const pt_json_t *value,
    char *pointer, size_t len);
PT_MUST_CHECK pt_err_t document_check_runs(document_rendering_t *r,
    const document_content_t *content);


/* document_lay.c */
PT_MUST_CHECK pt_err_t document_lay_out(document_rendering_t *r,
    const document_content_t *content);
void document_style(const document_rendering_t *r, pt_block_t *block);


/* document_figure.c */
PT_MUST_CHECK pt_err_t document_lay_image(document_rendering_t *r,
    document_block_t *block);
PT_MUST_CHECK pt_err_t document_lay_chart(document_rendering_t *r,
    document_block_t *block);


/* document_table.c */
PT_MUST_CHECK pt_err_t document_lay_row(document_rendering_t *r,
    const document_block_t *block);
void document_end_table(document_rendering_t *r);


/* document_signature.c */
PT_MUST_CHECK pt_err_t document_lay_signatures(document_rendering_t *r);


#endif /* DOCUMENT_RENDER_H */
