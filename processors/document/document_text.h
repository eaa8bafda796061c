/*
 * The same content as plain text and as one HTML file: what a page shows,
 * without pages.
 */

#ifndef DOCUMENT_TEXT_H
#define DOCUMENT_TEXT_H

#include "document_markdown.h"
#include "document_template.h"


#define DOCUMENT_SIGNERS_MAX  64


/* who signs; borrows from the data */
typedef struct {
    pt_str_t  name;              /* the party's */
    pt_str_t  signer, title;     /* its representative's; absent: none */
    bool      own;               /* signs for no one else */
} document_signer_t;


/*
 * The parties that the template's front matter names; an array's members
 * sign one after the other.  Returns their number.
 */
size_t document_signers(const document_template_t *template,
    const pt_json_t *data, document_signer_t *signers, size_t max);

/* lines of at most 78 columns, of "\n" */
void document_text_write(const document_content_t *content,
    const document_signer_t *signers, size_t n, pt_buf_t *out);

/* needs no other file, runs no script; drawings of blocks become SVG */
void document_html_write(const document_content_t *content,
    const document_signer_t *signers, size_t n, pt_str_t title,
    pt_str_t language, pt_buf_t *out);

/* "a.b" of the data, or NULL */
const pt_json_t *document_member(const pt_json_t *value, pt_str_t name);


#endif /* DOCUMENT_TEXT_H */
