/*
 * A rendering, in order: fill the placeholders, read the Markdown, check that
 * each character can be set, lay the blocks out, make pages, write the PDF.
 */

#include <stdio.h>
#include <stdlib.h>

#include <uninorm.h>

#include "document_format.h"
#include "document_library.h"
#include "document_render.h"
#include "pt_pdf.h"


static pt_err_t document_read(document_rendering_t *r, pt_str_t text,
    document_content_t *ret_content);
static pt_err_t document_verification(document_rendering_t *r, pt_str_t text,
    document_content_t *ret_content);
static pt_err_t document_fill(document_rendering_t *r, pt_str_t *ret_title,
    pt_str_t *ret_text);
static pt_err_t document_filter(void *ctx, pt_str_t filter,
    const pt_json_t *value, pt_buf_t *out);
static const pt_mustache_t *document_partial(void *ctx, pt_str_t name);
static void document_escape_normal(pt_buf_t *out, pt_str_t text);
static void document_cut(pt_str_t text, char *out, size_t size);


pt_err_t
document_template_render(const document_template_t *template,
    const pt_json_t *data, const document_visitor_t *visitor,
    const document_options_t *options, pt_buf_t *pdf,
    document_result_t *ret_result)
{
    char                  pointer[DOCUMENT_POINTER_MAX] = "";
    pt_str_t              title, text;
    pt_err_t              err;
    pt_pdf_info_t         info;
    document_content_t    content;
    document_rendering_t  r = {
        .template = template, .visitor = visitor, .data = data,
        .result = ret_result
    };

    static const document_options_t  none = { 0 };

    *ret_result = (document_result_t) { 0 };
    r.options = options != NULL ? options : &none;
    pt_room_init(&r.room, DOCUMENT_ARENA_MAX);
    pt_flow_init(&r.flow, &r.room, &template->page);

    document_check_value(&r, data, pointer, 0);

    err = document_fill(&r, &title, &text);
    if (err != PT_OK) {
        goto done;
    }

    if (r.violations > 0) {
        err = PT_E_PARAMETERS;
        goto done;
    }

    if ((err = document_check_options(&r)) != PT_OK
        || (err = document_read(&r, text, &content)) != PT_OK
        || (err = document_check_runs(&r, &content)) != PT_OK
        || (err = document_lay_out(&r, &content)) != PT_OK
        || (err = pt_flow_paginate(&r.flow)) != PT_OK)
    {
        goto done;
    }

    info = (pt_pdf_info_t) {
        .title = title,
        .subject = template->subject,
        .language = template->language,
        .date = pt_json_string(data, "effective_date", PT_STR_NULL),
        .password = r.options->password,
    };

    err = pt_pdf_write(&r.flow, &info, pdf);
    if (err != PT_OK) {
        goto done;
    }

    if (r.options->html != NULL) {
        document_html_write(&content, r.signers, r.n_signers, title,
                            template->language, r.options->html);
        err = r.options->html->err;
    }

    ret_result->pages = r.flow.pages;
    ret_result->words = content.words;
    document_cut(title, ret_result->title, sizeof(ret_result->title));

done:

    pt_room_done(&r.room);

    return err;
}


/* the content, and its plain text, which is what a hash can stand for */
static pt_err_t
document_read(document_rendering_t *r, pt_str_t text,
    document_content_t *ret_content)
{
    pt_buf_t   buf;
    pt_err_t   err;

    err = document_markdown_read(text, &r->room, ret_content,
                                 r->result->error, DOCUMENT_ERROR_MAX);
    if (err != PT_OK) {
        return err;
    }

    r->n_signers = document_signers(r->template, r->data, r->signers,
                                    DOCUMENT_SIGNERS_MAX);

    pt_buf_init(&buf, &pt_mem_heap, 2 * DOCUMENT_TEXT_MAX);
    document_text_write(ret_content, r->signers, r->n_signers, &buf);
    err = buf.err;

    if (err == PT_OK) {
        document_hash(pt_buf_str(&buf), r->result->text);

        if (r->options->text != NULL) {
            pt_buf_add_str(r->options->text, pt_buf_str(&buf));
            err = r->options->text->err;
        }
    }

    pt_buf_reset(&buf);
    pt_json_canonical(r->data, &buf);
    document_hash(pt_buf_str(&buf), r->result->parameters);
    pt_buf_done(&buf);

    return err == PT_OK && r->options->verification
           ? document_verification(r, text, ret_content) : err;
}


/* a page more, in the document's own language: Markdown */
static pt_err_t
document_verification(document_rendering_t *r, pt_str_t text,
    document_content_t *ret_content)
{
    size_t                    i;
    pt_buf_t                  buf;
    pt_err_t                  err;
    const document_clause_t  *clause;

    pt_buf_init(&buf, &pt_mem_heap, 2 * DOCUMENT_TEXT_MAX);
    pt_buf_add_str(&buf, text);
    pt_buf_printf(&buf, "\n\n<!-- page break -->\n\n# Verification\n\n"
        "This page is no part of the document before it. It tells how that"
        " was made: the same template, clauses and parameters give the same"
        " text and the same file.\n\n**Template**\\\n%.*s, version ",
        PT_STR_ARG(r->template->name));
    document_escape_markdown(&buf, r->template->version);
    pt_buf_add_text(&buf, "\n\n**Clauses** (with the first digits of their"
                          " SHA-256)\\\n");

    for (i = 0; i < r->result->n_clauses; i++) {
        clause = r->result->clauses[i];
        pt_buf_add_text(&buf, i > 0 ? ", " : "");
        pt_buf_printf(&buf, "%.*s.", PT_STR_ARG(clause->name));
        document_escape_markdown(&buf, clause->variant);
        pt_buf_printf(&buf, " (%.12s)", clause->hash);
    }

    pt_buf_printf(&buf, "%s\n\n**SHA-256 of the parameters** (their RFC 8785"
        " text)\\\n%s\n\n**SHA-256 of the text** (the document as plain"
        " text, without this page)\\\n%s\n", r->result->n_clauses > 0
        ? "" : "none", r->result->parameters, r->result->text);

    err = buf.err != PT_OK ? buf.err
          : document_markdown_read(pt_buf_str(&buf), &r->room, ret_content,
                                   r->result->error, DOCUMENT_ERROR_MAX);
    pt_buf_done(&buf);

    return err;
}


static pt_err_t
document_fill(document_rendering_t *r, pt_str_t *ret_title, pt_str_t *ret_text)
{
    pt_err_t  err;

    err = document_fill_one(r, r->template->title, document_escape_plain,
                            ret_title);
    if (err != PT_OK) {
        return err;
    }

    return document_fill_one(r, r->template->content, document_escape_normal,
                             ret_text);
}


pt_err_t
document_fill_one(document_rendering_t *r, const pt_mustache_t *mustache,
    void (*escape)(pt_buf_t *out, pt_str_t text), pt_str_t *ret_text)
{
    pt_buf_t  buf;
    pt_err_t  err;

    const pt_mustache_env_t  env = {
        .escape = escape, .filter = document_filter,
        .partial = document_partial, .missing = document_missing, .ctx = r
    };

    pt_buf_init(&buf, &pt_mem_heap, DOCUMENT_TEXT_MAX);

    err = pt_mustache_render(mustache, r->data, &env, &buf);

    /* a clause that is not there */
    if (err == PT_OK && r->result->error[0] != '\0' && r->violations == 0) {
        err = PT_E_INVALID;
    }

    if (err == PT_OK) {
        *ret_text = pt_room_copy(&r->room, pt_buf_str(&buf));
        err = ret_text->data != NULL ? PT_OK : PT_E_NOMEM;
    }

    if (err == PT_E_INVALID && r->result->error[0] == '\0') {
        (void) snprintf(r->result->error, DOCUMENT_ERROR_MAX,
                        "a filter does not fit its value");
    }

    pt_buf_done(&buf);

    return err;
}


static pt_err_t
document_filter(void *ctx, pt_str_t filter, const pt_json_t *value,
    pt_buf_t *out)
{
    pt_err_t               err;
    document_rendering_t  *r = ctx;

    err = document_format(r->template->language, filter, value, out);

    if (err == PT_E_INVALID) {
        (void) snprintf(r->result->error, DOCUMENT_ERROR_MAX,
                        "\"%.*s\" does not fit the value of \"%.*s\"",
                        filter.len < 60 ? (int) filter.len : 60, filter.data,
                        value->key.len < 60 ? (int) value->key.len : 60,
                        value->key.data != NULL ? value->key.data : "");
    }

    return err;
}


/* the clause for the legal system that data or template name */
static const pt_mustache_t *
document_partial(void *ctx, pt_str_t name)
{
    size_t                    i;
    document_result_t        *result;
    document_rendering_t     *r = ctx;
    const document_clause_t  *clause = NULL;

    result = r->result;

    if (r->template->library != NULL) {
        clause = document_library_clause(r->template->library, name,
                     pt_json_string(r->data, "legal_system",
                                    r->template->jurisdiction));
    }

    for (i = 0; i < result->n_clauses && result->clauses[i] != clause; i++) {
        /* whether it is new */
    }

    if (clause == NULL || i == DOCUMENT_CLAUSES_MAX) {
        (void) snprintf(result->error, DOCUMENT_ERROR_MAX,
                        clause == NULL ? "there is no clause \"%.*s\""
                        : "too many clauses, at \"%.*s\"",
                        name.len < 80 ? (int) name.len : 80, name.data);
        return NULL;
    }

    if (i == result->n_clauses) {
        result->clauses[result->n_clauses++] = clause;
    }

    return clause->content;
}


static void
document_escape_normal(pt_buf_t *out, pt_str_t text)
{
    size_t    i, len;
    uint8_t  *normal;

    for (i = 0; i < text.len && (text.data[i] & 0x80) == 0; i++) {
        /* ASCII is in normal form */
    }

    if (i == text.len) {
        document_escape_markdown(out, text);
        return;
    }

    normal = u8_normalize(UNINORM_NFC, (const uint8_t *) text.data, text.len,
                          NULL, &len);
    if (normal == NULL) {
        out->err = PT_E_NOMEM;
        return;
    }

    document_escape_markdown(out, (pt_str_t) { (char *) normal, len });
    free(normal);
}


/* titles and running lines are no Markdown */
void
document_escape_plain(pt_buf_t *out, pt_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        pt_buf_add_char(out, strchr("\t\r\n", text.data[i]) != NULL
                             ? ' ' : text.data[i]);
    }
}


/* as many whole characters as fit, terminated */
static void
document_cut(pt_str_t text, char *out, size_t size)
{
    size_t  len = text.len;

    if (len >= size) {
        len = size - 1;

        while (len > 0 && (text.data[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    memcpy(out, text.data, len);
    out[len] = '\0';
}
