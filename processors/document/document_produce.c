/* A job's document: its data, its rendering, its files, its result. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "document.h"


#define DOCUMENT_RESULT_MAX      16384
#define DOCUMENT_DATA_MAX        (4 * 1024 * 1024)
#define DOCUMENT_VIOLATIONS      50
#define DOCUMENT_HTML_MAX        (32 * 1024 * 1024)


typedef struct {
    pt_job_t                   *job;
    const document_template_t  *template;
    const char                 *name;
    const char                 *pointer;     /* of the template's parameters */
    pt_json_t                  *data;
    char                       *image[8];    /* files that were read */
    size_t                      n_images;
    bool                        pdf, html, text;
    pt_buf_t                    pdf_file, html_file, text_file;
    document_result_t           result;
} document_production_t;


static pt_err_t document_data(document_production_t *p,
    const pt_json_t *params);
static void document_merge(pt_jsonw_t *w, const pt_json_t *params,
    const pt_json_t *row, bool top);
static bool document_is_option(pt_str_t key);
static void document_formats(document_production_t *p);
static pt_err_t document_render(document_production_t *p);
static void document_violated(void *ctx, pt_str_t pointer, pt_str_t detail);
static pt_err_t document_image(void *ctx, pt_str_t id, pt_str_t *ret_bytes);
static pt_err_t document_store(document_production_t *p);
static pt_err_t document_write(document_production_t *p, const char *end,
    const char *type, const pt_buf_t *data);
static pt_err_t document_result(document_production_t *p);


pt_err_t
document_produce(pt_job_t *job, const document_template_t *template,
    const char *name, const pt_json_t *params, const char *pointer)
{
    size_t                 i;
    pt_err_t               err;
    document_production_t  p = { .job = job, .template = template,
                                 .name = name, .pointer = pointer };

    pt_buf_init(&p.pdf_file, &pt_mem_heap, DOCUMENT_PDF_MAX);
    pt_buf_init(&p.html_file, &pt_mem_heap, DOCUMENT_HTML_MAX);
    pt_buf_init(&p.text_file, &pt_mem_heap, DOCUMENT_HTML_MAX);

    document_formats(&p);

    if ((err = document_data(&p, params)) != PT_OK
        || (err = document_render(&p)) != PT_OK
        || (err = document_store(&p)) != PT_OK
        || (err = document_result(&p)) != PT_OK)
    {
        goto done;
    }

done:

    for (i = 0; i < p.n_images; i++) {
        free(p.image[i]);
    }

    pt_buf_done(&p.pdf_file);
    pt_buf_done(&p.html_file);
    pt_buf_done(&p.text_file);
    pt_json_free(p.data);

    return err;
}


/* what the request says, and below it what the platform's row does */
static pt_err_t
document_data(document_production_t *p, const pt_json_t *params)
{
    pt_buf_t             buf;
    pt_err_t             err;
    pt_jsonw_t           w;
    const pt_json_t     *row = pt_job_platform(p->job), *own;
    pt_schema_visitor_t  visitor = { .violation = document_violated,
                                     .ctx = p };

    own = pt_job_params(p->job);

    if (row != NULL && row->type != PT_JSON_OBJECT) {
        row = NULL;
    }

    if (row == NULL && (pt_json_member(own, "pitch_id") != NULL
                        || pt_json_member(own, "nda_id") != NULL))
    {
        pt_job_fail_at(p->job, pt_json_member(own, "nda_id") != NULL
                       ? PT_STR("/nda_id") : PT_STR("/pitch_id"),
                       PT_STR("does not exist, or is not yours to use"));
        return pt_job_fail(p->job, PT_E_PARAMETERS,
                           "what the request refers to was not found");
    }

    pt_buf_init(&buf, &pt_mem_heap, DOCUMENT_DATA_MAX);
    pt_jsonw_init(&w, &buf);
    document_merge(&w, params, row, params == own);

    err = buf.err != PT_OK ? buf.err
          : pt_json_parse(pt_buf_str(&buf), &pt_mem_heap, &p->data, NULL);
    pt_buf_done(&buf);

    if (err != PT_OK) {
        return pt_job_fail(p->job, err, "could not put the data together");
    }

    /* an action's own was asked at the edge; any other template's here */
    if (params == own || p->template->schema == NULL) {
        return PT_OK;
    }

    err = pt_schema_validate(p->template->schema, p->data,
                             DOCUMENT_VIOLATIONS, &visitor);

    return err == PT_OK ? PT_OK
           : pt_job_fail(p->job, err == PT_E_INVALID ? PT_E_PARAMETERS : err,
                         "the parameters do not fit the template");
}


/* objects in each other; anything else is the request's where it has it */
static void
document_merge(pt_jsonw_t *w, const pt_json_t *params, const pt_json_t *row,
    bool top)
{
    const pt_json_t  *item, *other;

    pt_jsonw_object(w);

    for (item = params != NULL ? params->first : NULL; item != NULL;
         item = item->next)
    {
        if (top && document_is_option(item->key)) {
            continue;
        }

        other = pt_json_member_str(row, item->key);
        pt_jsonw_key_str(w, item->key);

        if (other != NULL && other->type == PT_JSON_OBJECT
            && item->type == PT_JSON_OBJECT)
        {
            document_merge(w, item, other, false);
        } else {
            pt_jsonw_value(w, item);
        }
    }

    for (item = row != NULL ? row->first : NULL; item != NULL;
         item = item->next)
    {
        if (pt_json_member_str(params, item->key) == NULL) {
            pt_jsonw_key_str(w, item->key);
            pt_jsonw_value(w, item);
        }
    }

    pt_jsonw_end(w);
}


/* what says how a document is handed over is no part of it */
static bool
document_is_option(pt_str_t key)
{
    size_t  i;

    static const char *const  options[] = {
        "formats", "watermark", "password", "verification", "rederive",
    };

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (pt_str_is(key, options[i])) {
            return true;
        }
    }

    return false;
}


static void
document_formats(document_production_t *p)
{
    const pt_json_t  *list, *item;

    list = pt_json_member(pt_job_params(p->job), "formats");
    p->pdf = list == NULL;

    for (item = list != NULL ? list->first : NULL; item != NULL;
         item = item->next)
    {
        p->pdf |= pt_str_is(item->text, "pdf");
        p->html |= pt_str_is(item->text, "html");
        p->text |= pt_str_is(item->text, "text");
    }
}


static pt_err_t
document_render(document_production_t *p)
{
    pt_err_t                  err;
    const pt_json_t          *params = pt_job_params(p->job), *mark;
    document_options_t        options = { 0 };
    const document_visitor_t  visitor = { document_violated, p };

    mark = pt_json_member(params, "watermark");

    options.verification = pt_json_bool(params, "verification", false);
    options.watermark = pt_json_string(mark, "text", PT_STR_NULL);
    options.watermark_footer = pt_str_is(
        pt_json_string(mark, "style", PT_STR("diagonal")), "footer");
    options.password = pt_json_string(params, "password", PT_STR_NULL);
    options.image = document_image;
    options.ctx = p;
    options.html = p->html ? &p->html_file : NULL;
    options.text = p->text ? &p->text_file : NULL;

    pt_job_progress(p->job, 100, "typeset");

    err = document_template_render(p->template, p->data, &visitor, &options,
                                   &p->pdf_file, &p->result);

    return err == PT_OK ? PT_OK
           : pt_job_fail(p->job, err, "%s", p->result.error[0] != '\0'
                         ? p->result.error : err == PT_E_TOO_LARGE || err == PT_E_NOMEM
                         ? "the document would be too large"
                         : "could not typeset the document");
}


static void
document_violated(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    char                    text[1024];
    document_production_t  *p = ctx;

    (void) snprintf(text, sizeof(text), "%s%.*s",
                    pt_str_is(pointer, "/watermark/text") ? "" : p->pointer,
                    pointer.len < 900 ? (int) pointer.len : 900,
                    pointer.data != NULL ? pointer.data : "");
    pt_job_fail_at(p->job, pt_str(text), detail);
}


/* an input's bytes; the job holds them until it ends */
static pt_err_t
document_image(void *ctx, pt_str_t id, pt_str_t *ret_bytes)
{
    FILE                   *file;
    size_t                  n;
    const pt_input_t       *input;
    document_production_t  *p = ctx;

    input = pt_job_input(p->job, id);

    if (input == NULL || p->n_images == 8) {
        return PT_E_INPUT_UNSUPPORTED;
    }

    if (input->size > PT_IMAGE_BYTES_MAX) {
        return PT_E_INPUT_LIMIT;
    }

    file = fopen(input->path, "re");
    if (file == NULL) {
        return PT_E_IO;
    }

    p->image[p->n_images] = malloc((size_t) input->size + 1);

    if (p->image[p->n_images] == NULL) {
        (void) fclose(file);
        return PT_E_NOMEM;
    }

    n = fread(p->image[p->n_images], 1, (size_t) input->size, file);
    *ret_bytes = (pt_str_t) { p->image[p->n_images++], n };
    (void) fclose(file);

    return n == input->size ? PT_OK : PT_E_IO;
}


static pt_err_t
document_store(document_production_t *p)
{
    pt_err_t  err = PT_OK;

    pt_job_progress(p->job, 900, "store");

    if (p->pdf) {
        err = document_write(p, "pdf", "application/pdf", &p->pdf_file);
    }

    if (err == PT_OK && p->html) {
        err = document_write(p, "html", "text/html", &p->html_file);
    }

    if (err == PT_OK && p->text) {
        err = document_write(p, "txt", "text/plain", &p->text_file);
    }

    return err;
}


/* the child's current directory is the job's scratch */
static pt_err_t
document_write(document_production_t *p, const char *end, const char *type,
    const pt_buf_t *data)
{
    int      fd;
    char     file[80];
    size_t   at;
    ssize_t  n;

    (void) snprintf(file, sizeof(file), "%s.%s", p->name, end);

    fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd == -1) {
        return pt_job_fail(p->job, PT_E_IO, "could not create \"%s\": %s",
                           file, strerror(errno));
    }

    for (at = 0; at < data->len; at += (size_t) n) {
        n = write(fd, data->data + at, data->len - at);

        if (n == -1) {
            (void) close(fd);
            return pt_job_fail(p->job, PT_E_IO, "could not write \"%s\": %s",
                               file, strerror(errno));
        }
    }

    if (close(fd) == -1) {
        return pt_job_fail(p->job, PT_E_IO, "could not write \"%s\": %s",
                           file, strerror(errno));
    }

    return pt_job_output(p->job, file, type, file);
}


static pt_err_t
document_result(document_production_t *p)
{
    char                 hex[DOCUMENT_HASH_HEX];
    size_t               i;
    pt_buf_t             buf;
    pt_err_t             err;
    pt_str_t             before;
    pt_jsonw_t           w;
    document_result_t   *result = &p->result;

    document_hash(pt_buf_str(&p->pdf_file), hex);
    before = pt_json_string(pt_job_params(p->job), "rederive", PT_STR_NULL);

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
    pt_jsonw_key(&w, "text_sha256");
    pt_jsonw_text(&w, result->text);
    pt_jsonw_key(&w, "parameters_sha256");
    pt_jsonw_text(&w, result->parameters);

    if (before.data != NULL) {
        pt_jsonw_key(&w, "rederived");
        pt_jsonw_bool(&w, pt_str_is(before, hex));
    }

    pt_jsonw_key(&w, "template");
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "name");
    pt_jsonw_str(&w, p->template->name);
    pt_jsonw_key(&w, "version");
    pt_jsonw_str(&w, p->template->version);
    pt_jsonw_end(&w);

    pt_jsonw_key(&w, "clauses");
    pt_jsonw_array(&w);

    for (i = 0; i < result->n_clauses; i++) {
        pt_jsonw_object(&w);
        pt_jsonw_key(&w, "name");
        pt_jsonw_str(&w, result->clauses[i]->name);
        pt_jsonw_key(&w, "variant");
        pt_jsonw_str(&w, result->clauses[i]->variant);
        pt_jsonw_key(&w, "sha256");
        pt_jsonw_text(&w, result->clauses[i]->hash);
        pt_jsonw_end(&w);
    }

    pt_jsonw_end(&w);
    pt_jsonw_end(&w);

    err = buf.err != PT_OK ? buf.err
          : pt_job_result(p->job, pt_buf_str(&buf));
    pt_buf_done(&buf);

    return err;
}
