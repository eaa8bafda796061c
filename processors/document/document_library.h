/*
 * All templates and clauses of a folder:
 *
 *     nda-mutual.md              a template
 *     clauses/NAME.VARIANT.md    a clause: {{>NAME}} in any template
 *     local/...                  the same; what is here goes first
 *
 * A clause has a variant for each legal system that needs its own words, and
 * one named generic for all others.
 */

#ifndef DOCUMENT_LIBRARY_H
#define DOCUMENT_LIBRARY_H

#include "document_template.h"


#define DOCUMENT_LIBRARY_MAX  1000     /* files of each kind */
#define DOCUMENT_HASH_HEX     65       /* SHA-256, terminated */


struct document_clause_s {
    pt_str_t          name, variant;   /* "governing-law", "US-NY" */
    char             *text;
    pt_mustache_t    *content;
    char              hash[DOCUMENT_HASH_HEX];    /* of its file */
};

struct document_library_s {
    document_template_t  *templates[DOCUMENT_LIBRARY_MAX];
    size_t                n_templates;
    document_clause_t    *clauses[DOCUMENT_LIBRARY_MAX];
    size_t                n_clauses;
};


/*
 * Reads the folder.  Files whose names are not of a-z, 0-9 and "-" before
 * their ".md" are nobody's.
 *
 * ret_error  the file and what is wrong with it, terminated
 * Errors     those of document_template_load(), PT_E_TOO_LARGE
 */
PT_MUST_CHECK pt_err_t document_library_load(const char *dir,
    pt_fonts_t *fonts, document_library_t **ret_library, char *ret_error,
    size_t size);

/* takes NULL */
void document_library_free(document_library_t *library);

/* NULL: there is none */
const document_template_t *document_library_template(
    const document_library_t *library, pt_str_t name);

/* the variant of a legal system, else the generic one, else NULL */
const document_clause_t *document_library_clause(
    const document_library_t *library, pt_str_t name, pt_str_t system);

/* writes every text in it, for the version */
void document_library_version(const document_library_t *library,
    pt_buf_t *buf);

/*
 * Parameters that a schema's own examples make: what a reader of the schema
 * would try first.
 */
void document_sample(const pt_json_t *schema, pt_buf_t *out);

/* the SHA-256 of data as hexadecimal digits */
void document_hash(pt_str_t data, char hex[DOCUMENT_HASH_HEX]);


#endif /* DOCUMENT_LIBRARY_H */
