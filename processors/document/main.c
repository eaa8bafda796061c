/* The document processor: contracts from templates, as PDF. */

#include <stdio.h>

#include <sodium.h>

#include "document.h"
#include "pt_log.h"


static pt_err_t document_load(const char *share);
static void document_version(pt_buf_t *buf);
static pt_err_t document_warm(const document_template_t *template);
static void document_ignore(void *ctx, pt_str_t pointer, pt_str_t detail);


static const pt_action_t  document_actions[] = {
    { "generate-nda", document_nda, PT_ACTION_CACHEABLE },
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
    .version        = document_version,
};


/* the templates of the actions above */
static const char *const  document_names[] = { "nda-mutual", "nda-one-way" };

#define DOCUMENT_TEMPLATES  (sizeof(document_names) / sizeof(char *))

static pt_fonts_t           *document_fonts;
static document_template_t  *document_templates[DOCUMENT_TEMPLATES];


int
main(int argc, char **argv)
{
    return pt_processor_main(&document_processor, argc, argv);
}


static pt_err_t
document_load(const char *share)
{
    char      dir[4096], error[DOCUMENT_ERROR_MAX] = "";
    size_t    i;
    pt_err_t  err;

    if (sodium_init() == -1) {
        return PT_E_INTERNAL;
    }

    err = pt_fonts_new(&document_fonts);
    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "document", "could not read the list of fonts");
        return err;
    }

    (void) snprintf(dir, sizeof(dir), "%s/templates", share);

    for (i = 0; i < DOCUMENT_TEMPLATES; i++) {
        err = document_template_load(dir, document_names[i], document_fonts,
                                     &document_templates[i], error,
                                     sizeof(error));
        if (err == PT_OK) {
            err = document_warm(document_templates[i]);
        }

        if (err != PT_OK) {
            pt_log(PT_LOG_ERROR, "document",
                   "could not load template \"%s\": %s", document_names[i],
                   error[0] != '\0' ? error : pt_err_code(err));
            return err;
        }
    }

    return PT_OK;
}


/* the page itself is decided by fonts, templates and this program */
static void
document_version(pt_buf_t *buf)
{
    size_t  i;

    pt_fonts_version(document_fonts, buf);

    for (i = 0; i < DOCUMENT_TEMPLATES; i++) {
        pt_buf_printf(buf, "template %s\n", document_names[i]);
        pt_buf_add_text(buf, document_templates[i]->text);
    }
}


/*
 * One document before the fork: it shapes and hyphenates the template's own
 * words, and the children find them in memory that they share.
 */
static pt_err_t
document_warm(const document_template_t *template)
{
    pt_buf_t           pdf;
    pt_err_t           err;
    pt_json_t         *data;
    document_result_t  result;

    static const document_visitor_t  visitor = { document_ignore, NULL };

    static const char  sample[] =
        "{\"type\":\"mutual\",\"disclosing_party\":{\"name\":\"A\","
        "\"address\":\"B\"},\"receiving_party\":{\"name\":\"C\","
        "\"address\":\"D\"},\"project\":{\"title\":\"E\"},"
        "\"effective_date\":\"2026-01-01\",\"term_years\":2,"
        "\"governing_law\":\"F\",\"jurisdiction\":\"G\"}";

    err = pt_json_parse(pt_str(sample), &pt_mem_heap, &data, NULL);
    if (err != PT_OK) {
        return err;
    }

    pt_buf_init(&pdf, &pt_mem_heap, DOCUMENT_PDF_MAX);
    err = document_template_render(template, data, &visitor, &pdf, &result);

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "document", "template \"%.*s\": %s",
               PT_STR_ARG(template->name), result.error);
    }

    pt_buf_done(&pdf);
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
document_template(const char *name)
{
    size_t  i;

    for (i = 0; i < DOCUMENT_TEMPLATES; i++) {
        if (strcmp(document_names[i], name) == 0) {
            return document_templates[i];
        }
    }

    return NULL;
}
