/*
 * A template: front matter, then Markdown with Mustache placeholders.
 *
 *     ---
 *     title: Mutual Non-Disclosure Agreement
 *     version: 1.0.0
 *     ...                       every key: README.md
 *     ---
 *     # {{project.title}}
 *
 * Loaded once, with its fonts; each rendering stands for itself.
 */

#ifndef DOCUMENT_TEMPLATE_H
#define DOCUMENT_TEMPLATE_H

#include "pt_flow.h"
#include "pt_json.h"
#include "pt_mustache.h"
#include "pt_schema.h"


/* peak memory of a document's layout */
#define DOCUMENT_ARENA_MAX    (128 * 1024 * 1024)
#define DOCUMENT_PDF_MAX      (64 * 1024 * 1024)
#define DOCUMENT_TEXT_MAX     (4 * 1024 * 1024)

#define DOCUMENT_PARTIES_MAX  8       /* that a front matter names */
#define DOCUMENT_CLAUSES_MAX  64      /* that one document uses */
#define DOCUMENT_ERROR_MAX    256


typedef struct document_template_s  document_template_t;
typedef struct document_library_s   document_library_t;
typedef struct document_clause_s    document_clause_t;

struct document_template_s {
    char                 *text;
    const document_library_t *library;     /* its clauses; NULL: none */
    pt_schema_t          *schema;          /* of its parameters; NULL: any */
    pt_str_t              name;            /* "nda-mutual" */

    pt_str_t              version;
    pt_str_t              language;        /* "en-GB" */
    pt_str_t              jurisdiction;
    pt_str_t              subject;

    pt_page_t             page;
    pt_typeface_t         body, heading;
    const pt_hyphen_t    *hyphen;          /* NULL: words stay whole; owned */
    int32_t               size, leading;
    pt_align_t            align;

    pt_mustache_t  *title;
    pt_mustache_t  *header[3], *footer[3];     /* NULL: nothing */
    pt_mustache_t  *content;

    pt_str_t              parties[DOCUMENT_PARTIES_MAX];   /* who sign */
    size_t                n_parties;
};


/* what the request or its data lack; both strings live for the call only */
typedef struct {
    void  (*violation)(void *ctx, pt_str_t pointer, pt_str_t detail);
    void   *ctx;
} document_visitor_t;


typedef struct {
    unsigned              pages;
    size_t                words;
    char                  title[256];      /* UTF-8, terminated, cut if longer */
    const document_clause_t  *clauses[DOCUMENT_CLAUSES_MAX];    /* used */
    size_t                n_clauses;
    char                  parameters[65];  /* SHA-256 of the data's canonical text */
    char                  text[65];        /* and of the plain text, without a
                                            * verification page */
    char                  error[DOCUMENT_ERROR_MAX];   /* the reason of a failure */
} document_result_t;


/* how a document is handed over; all but the verification page leave its
 * content as it is */
typedef struct {
    bool                  verification;    /* a last page tells of its making */
    pt_str_t              watermark;       /* absent: none */
    bool                  watermark_footer;    /* a line, not a diagonal */
    pt_str_t              password;        /* absent: none */

    /* the file that a parameter names, for the call's lifetime; NULL: none */
    pt_err_t            (*image)(void *ctx, pt_str_t id, pt_str_t *ret_bytes);
    void                 *ctx;

    pt_buf_t             *html, *text;     /* NULL: not wanted */
} document_options_t;


/*
 * Reads DIR/NAME.md and the fonts that it names; the template's name is what
 * follows the last "/" of it.
 *
 * ret_error  what is wrong, terminated, at most size bytes
 * Errors     PT_E_NOT_FOUND (file or font), PT_E_INVALID, PT_E_IO, PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t document_template_load(const char *dir,
    const char *name, pt_fonts_t *fonts, document_template_t **ret_template,
    char *ret_error, size_t size);

/*
 * A file in one piece, valid UTF-8, in normal form C, terminated; free() it.
 * Errors as above.
 */
PT_MUST_CHECK pt_err_t document_file_read(const char *path, char **ret_text,
    char *ret_error, size_t size);

/* takes NULL */
void document_template_free(document_template_t *template);

/*
 * Renders data to a PDF in pdf.  The same template, data and options give the
 * same bytes, unless there is a password.  options may be NULL.
 *
 * Errors  PT_E_PARAMETERS (each reason told to the visitor: a placeholder
 *         without a value, a character that cannot be set), PT_E_TOO_LARGE,
 *         PT_E_INVALID (the template itself), PT_E_NOMEM, PT_E_INTERNAL
 */
PT_MUST_CHECK pt_err_t document_template_render(
    const document_template_t *template, const pt_json_t *data,
    const document_visitor_t *visitor, const document_options_t *options,
    pt_buf_t *pdf, document_result_t *ret_result);


#endif /* DOCUMENT_TEMPLATE_H */
