/* The document processor: contracts from templates, as PDF. */

#include <stdio.h>

#include <sodium.h>

#include "document.h"
#include "pt_log.h"
#include "pt_pdf.h"


static pt_err_t document_load(const char *share);
static void document_version(pt_buf_t *buf);
static pt_err_t document_warm(void);
static pt_err_t document_try(const document_template_t *template);
static void document_ignore(void *ctx, pt_str_t pointer, pt_str_t detail);


static const pt_action_t  document_actions[] = {
    { "generate-nda", document_nda, PT_ACTION_CACHEABLE },
    { "generate-contract", document_contract, PT_ACTION_CACHEABLE },
    { "generate-pitch-document", document_pitch, PT_ACTION_CACHEABLE },
    { "generate-due-diligence", document_diligence, PT_ACTION_CACHEABLE },
    { "render-template", document_any, PT_ACTION_CACHEABLE },
    { NULL, NULL, 0 }
};

static const pt_processor_t  document_processor = {
    .service        = "document-generation",
    .actions        = document_actions,
    .memory_bytes   = 512 * 1024 * 1024,   /* address space: fonts are mapped */
    .file_bytes     = DOCUMENT_PDF_MAX,
    .cpu_s          = 30,
    .timeout_s      = 60,
    .load           = document_load,       /* fonts, templates */
    .warm           = document_warm,
    .version        = document_version,
};


static pt_fonts_t          *document_fonts;
static document_library_t  *document_library;


int
main(int argc, char **argv)
{
    return pt_processor_main(&document_processor, argc, argv);
}


static pt_err_t
document_load(const char *share)
{
    char      dir[4096], error[DOCUMENT_ERROR_MAX] = "";
    pt_err_t  err;

    if (sodium_init() == -1) {
        return PT_E_INTERNAL;
    }

    err = pt_fonts_new(&document_fonts);
    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "document", "could not read the list of fonts");
        return err;
    }

    err = pt_pdf_load_profile();
    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "document", "could not read the profile of sRGB"
               " (package icc-profiles-free): %s", pt_err_code(err));
        return err;
    }

    (void) snprintf(dir, sizeof(dir), "%s/templates", share);

    err = document_library_load(dir, document_fonts, &document_library, error,
                                sizeof(error));
    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "document", "could not load templates: %s",
               error[0] != '\0' ? error : pt_err_code(err));
        return err;
    }

    return err;
}


/* the page itself is decided by fonts, templates and this program */
static void
document_version(pt_buf_t *buf)
{
    pt_fonts_version(document_fonts, buf);
    pt_pdf_version(buf);
    document_library_version(document_library, buf);
}


static pt_err_t
document_warm(void)
{
    size_t    i;
    pt_err_t  err, first = PT_OK;

    for (i = 0; i < document_library->n_templates; i++) {
        err = document_try(document_library->templates[i]);
        first = first != PT_OK ? first : err;
    }

    return first;
}


/*
 * A template's own example: it shapes and hyphenates the template's words, and
 * children find them in memory that they share.  What cannot set its own
 * example is told now, and once; a job that wants it is told why by itself.
 */
static pt_err_t
document_try(const document_template_t *template)
{
    pt_buf_t           pdf, text;
    pt_err_t           err;
    pt_json_t         *data = NULL;
    document_result_t  result = { 0 };

    static const document_visitor_t  visitor = { document_ignore, NULL };

    if (template->schema == NULL) {
        return PT_OK;
    }

    pt_buf_init(&pdf, &pt_mem_heap, DOCUMENT_PDF_MAX);
    pt_buf_init(&text, &pt_mem_heap, DOCUMENT_TEXT_MAX);

    document_sample(pt_schema_document(template->schema), &text);

    err = text.err;

    if (err == PT_OK) {
        err = pt_json_parse(pt_buf_str(&text), &pt_mem_heap, &data, NULL);
    }

    if (err == PT_OK) {
        err = document_template_render(template, data, &visitor, NULL, &pdf,
                                       &result);
    }

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "document",
               "template \"%.*s\" cannot set its own examples: %s",
               PT_STR_ARG(template->name),
               result.error[0] != '\0' ? result.error : pt_err_code(err));
    }

    pt_buf_done(&pdf);
    pt_buf_done(&text);
    pt_json_free(data);

    return err;
}


static void
document_ignore(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    (void) ctx;
    (void) pointer;
    (void) detail;
}


const document_template_t *
document_template(pt_str_t name)
{
    return document_library_template(document_library, name);
}
