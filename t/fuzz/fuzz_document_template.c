/*
 * Any text as a name, address or title gives an NDA or PT_E_PARAMETERS: never
 * a broken template, since no value can become Markdown.  Input: the values,
 * with a zero byte between.
 */

#include <stdio.h>
#include <stdlib.h>

#include "document_library.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* kept to the end: the leak checker follows them from here */
static pt_fonts_t                 *fonts;
static document_library_t         *library;
static const document_template_t  *template;


static void
ignore(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    (void) ctx;
    (void) pointer;
    (void) detail;
}


static void
load(void)
{
    char         dir[4096], error[DOCUMENT_ERROR_MAX];
    const char  *source = getenv("PITCHEY_SOURCE");

    (void) snprintf(dir, sizeof(dir), "%s/conf/templates",
                    source != NULL ? source : ".");

    if (pt_fonts_new(&fonts) != PT_OK
        || document_library_load(dir, fonts, &library, error, sizeof(error))
           != PT_OK)
    {
        fprintf(stderr, "%s\n", error);
        abort();
    }

    template = document_library_template(library, PT_STR("nda-mutual"));
}


/* the next value; the last is empty for ever */
static pt_str_t
next(pt_str_t *rest)
{
    pt_str_t     value = *rest;
    const char  *zero;

    zero = rest->len > 0 ? memchr(rest->data, '\0', rest->len) : NULL;

    if (zero != NULL) {
        value.len = (size_t) (zero - rest->data);
        rest->data = zero + 1;
        rest->len -= value.len + 1;

    } else {
        rest->len = 0;
    }

    return value;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                 k;
    pt_str_t            rest = { (const char *) data, size };
    pt_buf_t            text, pdf;
    pt_err_t            err;
    pt_json_t          *json;
    pt_jsonw_t          w;
    document_result_t   result;

    static const document_visitor_t  visitor = { ignore, NULL };

    if (template == NULL) {
        load();
    }

    pt_buf_init(&text, &pt_mem_heap, 1024 * 1024);
    pt_jsonw_init(&w, &text);
    pt_jsonw_object(&w);

    for (k = 0; k < 2; k++) {
        pt_jsonw_key(&w, k == 0 ? "disclosing_party" : "receiving_party");
        pt_jsonw_object(&w);
        pt_jsonw_key(&w, "name");
        pt_jsonw_str(&w, next(&rest));
        pt_jsonw_key(&w, "address");
        pt_jsonw_str(&w, next(&rest));
        pt_jsonw_key(&w, "representative");
        pt_jsonw_object(&w);
        pt_jsonw_key(&w, "name");
        pt_jsonw_str(&w, next(&rest));
        pt_jsonw_end(&w);
        pt_jsonw_end(&w);
    }

    pt_jsonw_key(&w, "project");
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "title");
    pt_jsonw_str(&w, next(&rest));
    pt_jsonw_key(&w, "description");
    pt_jsonw_str(&w, next(&rest));
    pt_jsonw_end(&w);
    pt_jsonw_key(&w, "effective_date");
    pt_jsonw_text(&w, "2026-11-23");
    pt_jsonw_key(&w, "term_years");
    pt_jsonw_int(&w, 2);
    pt_jsonw_key(&w, "legal_system");
    pt_jsonw_text(&w, "generic");
    pt_jsonw_key(&w, "governing_law");
    pt_jsonw_str(&w, next(&rest));
    pt_jsonw_end(&w);

    if (text.err != PT_OK
        || pt_json_parse(pt_buf_str(&text), &pt_mem_heap, &json, NULL)
           != PT_OK)
    {
        pt_buf_done(&text);
        return 0;
    }

    pt_buf_init(&pdf, &pt_mem_heap, DOCUMENT_PDF_MAX);
    err = document_template_render(template, json, &visitor, NULL, &pdf,
                                   &result);

    if (err != PT_OK && err != PT_E_PARAMETERS) {
        fprintf(stderr, "%s: %s\n", pt_err_code(err), result.error);
        abort();
    }

    if (err == PT_OK && result.pages < 3) {
        abort();
    }

    pt_buf_done(&pdf);
    pt_buf_done(&text);
    pt_json_free(json);

    return 0;
}
