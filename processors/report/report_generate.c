/*
 * generate-analytics: who may, parameters, data to files, then the pages, in
 * the order in which it happens.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "report_files.h"
#include "report_last.h"


/* kept rows, and the layout of up to 2,000 pages */
#define REPORT_ROOM_MAX     ((size_t) 512 * 1024 * 1024)

#define REPORT_VIOLATIONS   20
#define REPORT_RESULT_MAX   (1024 * 1024)


/* while a job is done */
typedef struct {
    pt_job_t        *job;
    const pt_json_t *params;
    report_t         r;
    report_view_t    view;
    pt_room_t        room;
    report_sink_t   *json, *xlsx;      /* among r.sinks, or NULL */
    unsigned         pages;            /* of the PDF */
} report_work_t;


static pt_err_t report_admit(report_work_t *w);
static pt_err_t report_parameters(report_work_t *w);
static void report_parameter_wrong(void *ctx, pt_str_t pointer,
    pt_str_t detail);
static pt_err_t report_sinks(report_work_t *w);
static pt_err_t report_sinks_end(report_work_t *w);
static pt_err_t report_agree(report_work_t *w);
static pt_err_t report_pages(report_work_t *w);
static pt_err_t report_save(report_work_t *w, const char *name,
    const pt_buf_t *buf);
static pt_err_t report_publish(report_work_t *w);
static pt_err_t report_publish_one(report_work_t *w, const char *ending,
    const char *media_type);
static pt_err_t report_result(report_work_t *w);
static void report_result_kpis(report_work_t *w, pt_jsonw_t *out);
static bool report_wants(const report_work_t *w, const char *format);
static void report_result_last(const report_work_t *w, pt_jsonw_t *out);
static void report_result_figure(pt_jsonw_t *out, const char *key,
    const report_figure_t *figure);
static pt_err_t report_begun(void *ctx);
static void report_progress(void *ctx, size_t done, size_t all);


pt_err_t
report_generate(pt_job_t *job)
{
    size_t         i;
    pt_err_t       err;
    report_work_t  w = { .job = job, .params = pt_job_params(job) };

    pt_room_init(&w.room, REPORT_ROOM_MAX);

    w.r.room = &w.room;
    w.r.begun = report_begun;
    w.r.progress = report_progress;
    w.r.ctx = &w;

    if ((err = report_admit(&w)) == PT_OK
        && (err = report_parameters(&w)) == PT_OK
        && (err = report_sinks(&w)) == PT_OK
        && (err = report_read(&w.r)) == PT_OK
        && (err = report_check_columns(&w.r)) == PT_OK
        && (err = report_agree(&w)) == PT_OK
        && (err = report_sinks_end(&w)) == PT_OK
        && (err = report_pages(&w)) == PT_OK
        && (err = report_publish(&w)) == PT_OK)
    {
        err = report_result(&w);
    }

    if (err != PT_OK) {
        err = pt_job_fail(job, err, "%s", w.r.error[0] != '\0' ? w.r.error
                          : pt_err_code(err));
    }

    for (i = 0; i < w.r.n_sinks; i++) {
        if (w.r.sinks[i].done != NULL) {
            w.r.sinks[i].done(w.r.sinks[i].ctx);
        }
    }

    pt_json_free(w.view.data);
    pt_json_free(w.r.last.result);
    pt_room_done(&w.room);

    return err;
}


/* a report for others is one that does not exist */
static pt_err_t
report_admit(report_work_t *w)
{
    pt_str_t                    name, zone, place;
    report_t                   *r = &w->r;
    const report_definition_t  *definition;

    name = pt_json_string(w->params, "report", PT_STR(""));
    definition = report_definition(report_definitions(), name);

    r->user = pt_job_user(w->job);
    r->user_type = pt_job_user_type(w->job);
    r->role = pt_job_role(w->job);
    r->admin = pt_job_is_admin(w->job);

    if (definition == NULL
        || (!r->admin && !report_definition_is_for(definition, r->user_type)))
    {
        pt_job_fail_at(w->job, PT_STR("/report"),
                       PT_STR("there is no such report for you"));
        return report_fail(r, PT_E_PARAMETERS, "no report \"%.*s\"",
                           PT_STR_ARG(name));
    }

    r->conn = pt_job_connection(w->job, 0);
    if (r->conn == NULL) {
        return PT_E_DATABASE;
    }

    zone = pt_json_string(w->params, "timezone", PT_STR("UTC"));
    place = pt_json_string(w->params, "locale", PT_STR("en-GB"));

    r->definition = definition;
    r->timezone = zone;
    r->fiscal_month = pt_json_int(w->params, "fiscal_year_start", 1);
    r->timeout_ms = (unsigned) pt_json_int(definition->root, "timeout",
                                           REPORT_TIMEOUT) * 1000;

    w->view = (report_view_t) {
        .r = r, .room = &w->room, .typeface = report_typeface(),
        .locale = report_locale(place),
        .currency = pt_json_string(definition->root, "currency", PT_STR("")),
        .requested_by = r->user,
        .letter = pt_str_is(pt_json_string(w->params, "page_size",
                                           PT_STR("A4")), "Letter"),
    };

    return w->view.locale != NULL ? PT_OK
           : report_fail(r, PT_E_PARAMETERS, "locale \"%.*s\" is not known",
                         PT_STR_ARG(place));
}


static pt_err_t
report_parameters(report_work_t *w)
{
    pt_err_t                   err;
    static const pt_json_t     none = { .type = PT_JSON_OBJECT };
    const pt_schema_visitor_t  visitor = {
        .violation = report_parameter_wrong, .ctx = w
    };

    w->r.parameters = pt_json_member(w->params, "parameters");

    if (w->r.parameters == NULL) {
        w->r.parameters = &none;
    }

    err = pt_schema_validate(w->r.definition->parameters, w->r.parameters,
                             REPORT_VIOLATIONS, &visitor);

    return err == PT_E_INVALID ? PT_E_PARAMETERS : err;
}


static void
report_parameter_wrong(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    char            full[512];
    report_work_t  *w = ctx;

    snprintf(full, sizeof(full), "/parameters%.*s", PT_STR_ARG(pointer));
    pt_job_fail_at(w->job, pt_str(full), detail);

    if (w->r.error[0] == '\0') {
        (void) report_fail(&w->r, PT_E_PARAMETERS, "%s: %.*s", full,
                           PT_STR_ARG(detail));
    }
}


static bool
report_wants(const report_work_t *w, const char *format)
{
    const pt_json_t  *formats = pt_json_member(w->params, "formats"), *item;

    if (formats == NULL) {
        return strcmp(format, "pdf") == 0;
    }

    for (item = formats->first; item != NULL; item = item->next) {
        if (pt_str_is(item->text, format)) {
            return true;
        }
    }

    return false;
}


static pt_err_t
report_sinks(report_work_t *w)
{
    pt_err_t         err = PT_OK;
    report_t        *r = &w->r;
    const char      *scratch = pt_job_scratch(w->job);

    if (report_wants(w, "csv")) {
        err = report_csv_new(scratch, pt_json_bool(w->params,
                                                   "csv_formula_safe", true),
                             &w->room, &r->sinks[r->n_sinks++]);
    }

    if (err == PT_OK && report_wants(w, "json")) {
        w->json = &r->sinks[r->n_sinks++];
        err = report_json_new("report.json", &w->room, w->json);
    }

    if (err == PT_OK && report_wants(w, "xlsx")) {
        w->xlsx = &r->sinks[r->n_sinks++];
        err = report_xlsx_new("report.xlsx", scratch, &w->room, w->xlsx);
    }

    return err == PT_OK ? PT_OK
           : report_fail(r, err, "scratch folder: %s", strerror(errno));
}


static pt_err_t
report_sinks_end(report_work_t *w)
{
    pt_buf_t  schema;
    pt_err_t  err = PT_OK;

    if (w->json != NULL) {
        err = report_json_end(&w->r, w->json);

        if (err == PT_OK) {
            pt_buf_init(&schema, &pt_mem_heap, REPORT_RESULT_MAX);
            report_json_schema(&w->r, &schema);
            err = report_save(w, "report.schema.json", &schema);
            pt_buf_done(&schema);
        }
    }

    return err == PT_OK && w->xlsx != NULL ? report_xlsx_end(&w->r, w->xlsx)
           : err;
}


/* the control totals, whatever the formats */
static pt_err_t
report_agree(report_work_t *w)
{
    pt_err_t          err = PT_OK;
    report_check_t    total;
    const pt_json_t  *section = w->r.definition->sections->first, *check;

    for ( /* void */ ; section != NULL; section = section->next) {
        check = pt_json_member(section, "checks");

        for (check = check != NULL ? check->first : NULL;
             check != NULL && err == PT_OK; check = check->next)
        {
            err = report_view_check(&w->view, check, &total);
        }
    }

    return err;
}


static pt_err_t
report_pages(report_work_t *w)
{
    pt_buf_t  buf;
    pt_err_t  err;

    pt_job_progress(w->job, 850, "pages");

    err = report_view_data(&w->view);

    if (err == PT_OK && report_wants(w, "pdf")) {
        pt_buf_init(&buf, &pt_mem_heap, REPORT_FILE_MAX);
        err = report_pdf(&w->view, &buf, &w->pages);
        err = err == PT_OK ? report_save(w, "report.pdf", &buf) : err;
        pt_buf_done(&buf);
    }

    if (err == PT_OK && report_wants(w, "html")) {
        pt_buf_init(&buf, &pt_mem_heap, REPORT_FILE_MAX);
        err = report_html(&w->view, &buf);
        err = err == PT_OK ? report_save(w, "report.html", &buf) : err;
        pt_buf_done(&buf);
    }

    return err;
}


static pt_err_t
report_save(report_work_t *w, const char *name, const pt_buf_t *buf)
{
    FILE  *f;
    bool   good;

    if (buf->err != PT_OK) {
        return report_fail(&w->r, buf->err, "%s became too large", name);
    }

    f = fopen(name, "we");
    if (f == NULL) {
        return report_fail(&w->r, PT_E_IO, "%s: %s", name, strerror(errno));
    }

    good = fwrite(buf->data, 1, buf->len, f) == buf->len;
    good = fclose(f) == 0 && good;

    return good ? PT_OK : report_fail(&w->r, PT_E_IO, "%s: %s", name,
                                      strerror(errno));
}


static pt_err_t
report_publish(report_work_t *w)
{
    char      name[64];
    size_t    i;
    pt_err_t  err;

    pt_job_progress(w->job, 950, "store");

    if ((err = report_publish_one(w, "pdf", "application/pdf")) != PT_OK
        || (err = report_publish_one(w, "html", "text/html")) != PT_OK
        || (err = report_publish_one(w, "json", "application/json")) != PT_OK
        || (err = report_publish_one(w, "xlsx", "application/vnd."
                     "openxmlformats-officedocument.spreadsheetml.sheet"))
               != PT_OK)
    {
        return err;
    }

    if (w->json != NULL) {
        err = pt_job_output(w->job, "report.schema.json", "application/json",
                            "report.schema.json");
    }

    for (i = 0; err == PT_OK && report_wants(w, "csv")
                && i < w->r.definition->n_datasets; i++)
    {
        snprintf(name, sizeof(name), "%.*s.csv",
                 PT_STR_ARG(w->r.definition->datasets[i].name));
        err = pt_job_output(w->job, name, "text/csv", name);
    }

    return err;
}


static pt_err_t
report_publish_one(report_work_t *w, const char *ending,
    const char *media_type)
{
    char  name[32];

    if (!report_wants(w, ending)) {
        return PT_OK;
    }

    snprintf(name, sizeof(name), "report.%s", ending);

    return pt_job_output(w->job, name, media_type, name);
}


static pt_err_t
report_result(report_work_t *w)
{
    size_t      i;
    pt_buf_t    buf;
    pt_err_t    err;
    pt_jsonw_t  out;

    pt_buf_init(&buf, &pt_mem_heap, REPORT_RESULT_MAX);
    pt_jsonw_init(&out, &buf);
    pt_jsonw_object(&out);
    pt_jsonw_key(&out, "report");
    pt_jsonw_str(&out, w->r.definition->name);
    pt_jsonw_key(&out, "title");
    pt_jsonw_str(&out, w->r.definition->title);
    pt_jsonw_key(&out, "snapshot");
    pt_jsonw_str(&out, w->r.snapshot);

    if (w->pages > 0) {
        pt_jsonw_key(&out, "pages");
        pt_jsonw_int(&out, w->pages);
    }

    pt_jsonw_key(&out, "row_counts");
    pt_jsonw_object(&out);

    for (i = 0; i < w->r.definition->n_datasets; i++) {
        pt_jsonw_key_str(&out, w->r.definition->datasets[i].name);
        pt_jsonw_int(&out, (int64_t) w->r.tables[i].n_rows);
    }

    pt_jsonw_end(&out);
    pt_jsonw_key(&out, "figures");
    pt_jsonw_array(&out);
    report_result_kpis(w, &out);
    pt_jsonw_end(&out);

    if (pt_json_bool(w->params, "compare_last_run", false)) {
        report_result_last(w, &out);
    }

    pt_jsonw_key(&out, "warnings");
    pt_jsonw_array(&out);

    if (w->view.replaced > 0) {
        pt_jsonw_text(&out, "some characters are not in the report's fonts and"
                            " are shown as U+FFFD in PDF");
    }

    pt_jsonw_end(&out);
    pt_jsonw_end(&out);

    err = buf.err == PT_OK ? pt_job_result(w->job, pt_buf_str(&buf))
          : buf.err;
    pt_buf_done(&buf);

    return err;
}


/* the tiles' figures as numbers, for whoever compares two runs */
static void
report_result_kpis(report_work_t *w, pt_jsonw_t *out)
{
    report_figure_t   figure, last, change;
    const pt_json_t  *section, *item;

    for (section = w->r.definition->sections->first; section != NULL;
         section = section->next)
    {
        item = pt_json_member(section, "items");

        for (item = item != NULL ? item->first : NULL; item != NULL;
             item = item->next)
        {
            if (report_figure(&w->r, pt_json_member(item, "value"), &figure)
                != PT_OK)
            {
                continue;
            }

            pt_jsonw_object(out);
            pt_jsonw_key(out, "title");
            pt_jsonw_str(out, pt_json_string(item, "title", PT_STR("")));
            report_result_figure(out, "value", &figure);

            if (w->r.last.result != NULL) {
                last = report_last_figure(&w->r, pt_json_string(item, "title",
                                                                PT_STR("")));
                change = report_last_change(&figure, &last);
                report_result_figure(out, "last", &last);
                report_result_figure(out, "change", &change);
            }

            pt_jsonw_end(out);
        }
    }
}


static void
report_result_figure(pt_jsonw_t *out, const char *key,
    const report_figure_t *figure)
{
    pt_jsonw_key(out, key);

    if (figure->known) {
        pt_jsonw_double(out, report_decimal_double(figure->value));

    } else {
        pt_jsonw_null(out);
    }
}


static void
report_result_last(const report_work_t *w, pt_jsonw_t *out)
{
    pt_jsonw_key(out, "last_run");

    if (w->r.last.result == NULL) {
        pt_jsonw_null(out);
        return;
    }

    pt_jsonw_object(out);
    pt_jsonw_key(out, "job");
    pt_jsonw_str(out, w->r.last.job);
    pt_jsonw_key(out, "finished_at");
    pt_jsonw_str(out, w->r.last.at);
    pt_jsonw_end(out);
}


static pt_err_t
report_begun(void *ctx)
{
    report_work_t  *w = ctx;

    return pt_json_bool(w->params, "compare_last_run", false)
           ? report_last_read(&w->r, w->params) : PT_OK;
}


static void
report_progress(void *ctx, size_t done, size_t all)
{
    report_work_t  *w = ctx;

    pt_job_progress(w->job, (unsigned) (800 * done / all), "query");
}
