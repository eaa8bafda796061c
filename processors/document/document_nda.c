/* generate-nda: a mutual or one-way non-disclosure agreement. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <sodium.h>

#include "document.h"


#define DOCUMENT_NDA_FILE    "nda.pdf"
#define DOCUMENT_RESULT_MAX  4096


static void document_nda_violation(void *ctx, pt_str_t pointer,
    pt_str_t detail);
static pt_err_t document_nda_write(pt_job_t *job, pt_str_t pdf);
static pt_err_t document_nda_result(pt_job_t *job,
    const document_template_t *template, const document_result_t *result,
    pt_str_t pdf);


pt_err_t
document_nda(pt_job_t *job)
{
    pt_str_t                    type;
    pt_buf_t                    pdf;
    pt_err_t                    err;
    const pt_json_t            *params = pt_job_params(job);
    document_result_t           result;
    const document_template_t  *template;

    const document_visitor_t    visitor = { document_nda_violation, job };

    type = pt_json_string(params, "type", PT_STR(""));

    template = document_template(pt_str_is(type, "one-way")
                                 ? "nda-one-way" : "nda-mutual");
    if (template == NULL) {
        return pt_job_fail(job, PT_E_INTERNAL, "no template for \"%.*s\"",
                           PT_STR_ARG(type));
    }

    pt_job_progress(job, 100, "typeset");
    pt_buf_init(&pdf, &pt_mem_heap, DOCUMENT_PDF_MAX);

    err = document_template_render(template, params, &visitor, &pdf, &result);
    if (err != PT_OK) {
        err = pt_job_fail(job, err, "%s", result.error[0] != '\0'
                          ? result.error : "could not typeset the document");
        goto done;
    }

    pt_job_progress(job, 900, "store");

    err = document_nda_write(job, pt_buf_str(&pdf));
    if (err == PT_OK) {
        err = document_nda_result(job, template, &result, pt_buf_str(&pdf));
    }

done:

    pt_buf_done(&pdf);

    return err;
}


static void
document_nda_violation(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    pt_job_fail_at(ctx, pointer, detail);
}


/* the child's current directory is the job's scratch */
static pt_err_t
document_nda_write(pt_job_t *job, pt_str_t pdf)
{
    int      fd;
    size_t   at;
    ssize_t  n;

    fd = open(DOCUMENT_NDA_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
              0640);
    if (fd == -1) {
        return pt_job_fail(job, PT_E_IO, "could not create \"%s\": %s",
                           DOCUMENT_NDA_FILE, strerror(errno));
    }

    for (at = 0; at < pdf.len; at += (size_t) n) {
        n = write(fd, pdf.data + at, pdf.len - at);

        if (n == -1) {
            (void) close(fd);
            return pt_job_fail(job, PT_E_IO, "could not write \"%s\": %s",
                               DOCUMENT_NDA_FILE, strerror(errno));
        }
    }

    if (close(fd) == -1) {
        return pt_job_fail(job, PT_E_IO, "could not write \"%s\": %s",
                           DOCUMENT_NDA_FILE, strerror(errno));
    }

    return pt_job_output(job, DOCUMENT_NDA_FILE, "application/pdf",
                         DOCUMENT_NDA_FILE);
}


static pt_err_t
document_nda_result(pt_job_t *job, const document_template_t *template,
    const document_result_t *result, pt_str_t pdf)
{
    char        hex[crypto_hash_sha256_BYTES * 2 + 1];
    uint8_t     hash[crypto_hash_sha256_BYTES];
    pt_buf_t    buf;
    pt_err_t    err;
    pt_jsonw_t  w;

    (void) crypto_hash_sha256(hash, (const uint8_t *) pdf.data, pdf.len);
    (void) sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));

    pt_buf_init(&buf, &pt_mem_heap, DOCUMENT_RESULT_MAX);

    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "title");
    pt_jsonw_text(&w, result->title);
    pt_jsonw_key(&w, "pages");
    pt_jsonw_int(&w, result->pages);
    pt_jsonw_key(&w, "words");
    pt_jsonw_int(&w, (int64_t) result->words);
    pt_jsonw_key(&w, "sha256");
    pt_jsonw_text(&w, hex);
    pt_jsonw_key(&w, "template");
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "name");
    pt_jsonw_str(&w, template->name);
    pt_jsonw_key(&w, "version");
    pt_jsonw_str(&w, template->version);
    pt_jsonw_end(&w);
    pt_jsonw_end(&w);

    err = buf.err != PT_OK ? buf.err : pt_job_result(job, pt_buf_str(&buf));
    pt_buf_done(&buf);

    return err;
}
