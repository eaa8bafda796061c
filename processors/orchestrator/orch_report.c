/* What processors report of attempts. */

#include <stdio.h>
#include <stdlib.h>

#include "orch.h"


/* progress passed on, of one job */
#define ORCH_PROGRESS_MS        100

/* said by a processor that leaves; a job may not say it for ever */
#define ORCH_UNAVAILABLE_MAX    10

#define ORCH_RESULT_MAX         (1u << 20)
#define ORCH_USAGE_MAX          4096


static orch_job_t *orch_report_of(orch_t *o, orch_processor_t *p,
    const pt_id_t *id, uint32_t attempt, uint32_t n);
static bool orch_output_is_good(const orch_job_t *job, uint32_t attempt,
    const pt_json_t *out);
static void orch_output_body(pt_buf_t *buf, const pt_json_t *out);
static bool orch_json_is_good(pt_str_t text, size_t max);


/*
 * The job that a report is about, if it is the next one of its attempt.
 * What is of no use is acknowledged, so that it is not repeated; what comes
 * too early, or is under way, is not, and will be.
 */
static orch_job_t *
orch_report_of(orch_t *o, orch_processor_t *p, const pt_id_t *id,
    uint32_t attempt, uint32_t n)
{
    orch_job_t  *job;

    if (!orch_recover_is_done(o)) {
        return NULL;
    }

    job = orch_queue_find(&o->queue, id);

    if (job && ORCH_FAULT("no-fence") && job->run) {
        return job;
    }

    if (job == NULL || job->attempt != attempt || job->run == NULL
        || (job->run->processor && job->run->processor != p)
        || n <= job->run->committed)
    {
        orch_processor_ack(o, p, id, attempt, n);
        return NULL;
    }

    if (job->state != ORCH_JOB_RUNNING || n != job->run->taken + 1) {
        return NULL;
    }

    return job;
}


void
orch_attempt_output(orch_t *o, orch_processor_t *p, const pt_output_t *m)
{
    orch_job_t   *job;
    pt_json_t    *out;
    orch_item_t  *item;

    job = orch_report_of(o, p, &m->job, m->attempt, m->n);
    if (job == NULL) {
        return;
    }

    if (pt_json_parse(m->body, &pt_mem_heap, &out, NULL) != PT_OK) {
        out = NULL;
    }

    if (!orch_output_is_good(job, m->attempt, out)) {
        pt_json_free(out);
        orch_attempt_fault(o, job, ORCH_FAULT_REFUSED, &(orch_reason_t) {
            .code = PT_STR("internal"),
            .detail = PT_STR("its processor reported an output that cannot "
                             "be one") }, m->n, PT_STR_NULL);
        return;
    }

    item = orch_item_new(job, ORCH_ITEM_OUTPUT);

    if (item == NULL) {
        pt_json_free(out);
        return;
    }

    item->report = m->n;
    item->output = out;
    orch_output_body(&item->body, out);

    job->run->taken = m->n;
    job->run->outputs = true;
    orch_work_add(o, item);
}


/* the parent made it, from what a child said that an input may have taken */
static bool
orch_output_is_good(const orch_job_t *job, uint32_t attempt,
    const pt_json_t *out)
{
    size_t    i;
    char      id[PT_ID_TEXT_LEN];
    char      prefix[64];
    pt_str_t  name, key, kind, sha256;

    name = pt_json_string(out, "name", PT_STR_NULL);
    kind = pt_json_string(out, "kind", PT_STR_NULL);
    key = pt_json_string(out, "key", PT_STR_NULL);
    sha256 = pt_json_string(out, "sha256", PT_STR_NULL);

    /* jobs/<last 2>/<job>/<attempt>/ : an attempt writes nowhere else */
    pt_id_format(&job->id, id);
    i = (size_t) snprintf(prefix, sizeof(prefix), "jobs/%.2s/%.36s/%u/",
                          id + PT_ID_TEXT_LEN - 2, id, attempt);

    if (!orch_output_name_is_good(name) || key.len > PT_KEY_MAX
        || key.len <= i || memcmp(key.data, prefix, i) != 0
        || pt_json_int(out, "size", -1) < 0)
    {
        return false;
    }

    if (pt_str_is(kind, "tree")) {
        return key.data[key.len - 1] == '/'
               && orch_output_name_is_good(pt_json_string(out, "entry",
                                                          PT_STR_NULL))
               && pt_json_int(out, "files", -1) >= 0;
    }

    if (!pt_str_is(kind, "file") || sha256.len != 64
        || !orch_media_type_is_good(pt_json_string(out, "media_type",
                                                   PT_STR_NULL)))
    {
        return false;
    }

    for (i = 0; i < sha256.len; i++) {
        if (strchr("0123456789abcdef", sha256.data[i]) == NULL) {
            return false;
        }
    }

    return true;
}


/* as readers see it: the storage key stays inside */
static void
orch_output_body(pt_buf_t *buf, const pt_json_t *out)
{
    size_t      i;
    pt_jsonw_t  w;

    static const char *const  of_file[] = {
        "name", "kind", "media_type", "size", "sha256", NULL
    };
    static const char *const  of_tree[] = {
        "name", "kind", "entry", "files", NULL
    };
    const char *const  *members = of_file;

    if (pt_str_is(pt_json_string(out, "kind", PT_STR_NULL), "tree")) {
        members = of_tree;
    }

    pt_jsonw_init(&w, buf);
    pt_jsonw_object(&w);

    for (i = 0; members[i]; i++) {
        pt_jsonw_key(&w, members[i]);
        pt_jsonw_value(&w, pt_json_member(out, members[i]));
    }

    if (members == of_tree) {
        pt_jsonw_key(&w, "bytes");
        pt_jsonw_int(&w, pt_json_int(out, "size", 0));
    }

    pt_jsonw_end(&w);
}


void
orch_output_done(orch_t *o, orch_item_t *item, const PGresult *res, int row)
{
    orch_job_t  *job = item->job;

    orch_publish(o, &job->id, orch_job_owner(job),
                 (uint32_t) pt_pg_int(res, row, 2), "output",
                 pt_buf_str(&item->body));

    if (job->run && job->attempt == item->attempt) {
        job->run->committed = item->report;

        if (job->run->processor) {
            orch_processor_ack(o, job->run->processor, &job->id,
                               item->attempt, item->report);
        }
    }
}


void
orch_attempt_finished(orch_t *o, orch_processor_t *p, const pt_done_t *m)
{
    orch_job_t   *job;
    orch_item_t  *item;

    job = orch_report_of(o, p, &m->job, m->attempt, m->n);
    if (job == NULL) {
        return;
    }

    if (!orch_json_is_good(m->result, ORCH_RESULT_MAX)
        || !orch_json_is_good(m->usage, ORCH_USAGE_MAX))
    {
        orch_attempt_fault(o, job, ORCH_FAULT_REFUSED, &(orch_reason_t) {
            .code = PT_STR("internal"),
            .detail = PT_STR("its processor reported a result that cannot "
                             "be one") }, m->n, PT_STR_NULL);
        return;
    }

    item = orch_item_new(job, ORCH_ITEM_END);
    if (item == NULL) {
        return;
    }

    item->report = m->n;
    item->running = true;
    item->status = "succeeded";
    item->extra_type = "result";
    item->keyed = job->run->keyed;
    memcpy(item->key, job->run->key, sizeof(item->key));

    orch_json_result(&item->extra, m->result);
    pt_buf_add_str(&item->result, ORCH_FAULT("wrong-result") && m->job.bytes[15]
                                  < 32 ? PT_STR("{}") : m->result);
    pt_buf_add_str(&item->usage, m->usage);
    orch_json_state(&item->body, "succeeded", job->attempt, orch_now_ms(), 0,
                    NULL, false);

    job->run->taken = m->n;
    orch_processor_rest(o, job->run);

    if (orch_job_to(o, job, ORCH_JOB_ENDING)) {
        orch_work_add(o, item);
    }
}


static bool
orch_json_is_good(pt_str_t text, size_t max)
{
    pt_json_t  *root;

    if (text.len > max
        || pt_json_parse(text, &pt_mem_heap, &root, NULL) != PT_OK)
    {
        return false;
    }

    pt_json_free(root);
    return true;
}


void
orch_attempt_failed(orch_t *o, orch_processor_t *p, const pt_failed_t *m)
{
    orch_job_t     *job;
    orch_fault_t    fault;
    orch_reason_t   reason;

    job = orch_report_of(o, p, &m->job, m->attempt, m->n);
    if (job == NULL) {
        return;
    }

    if (pt_str_is(m->code, pt_err_code(PT_E_CRASHED))) {
        fault = ORCH_FAULT_CRASHED;

    } else if (pt_str_is(m->code, pt_err_code(PT_E_UNAVAILABLE))
               && job->lost < ORCH_UNAVAILABLE_MAX)
    {
        /* it did not begin: it was leaving when it was told to */
        fault = ORCH_FAULT_LOST;

    } else {
        fault = m->retryable ? ORCH_FAULT_FAILED : ORCH_FAULT_REFUSED;
    }

    reason = (orch_reason_t) {
        .code = m->code,
        .detail = m->message,
        .errors = orch_json_is_good(m->errors, ORCH_RESULT_MAX) ? m->errors
                                                                : PT_STR_NULL
    };

    orch_attempt_fault(o, job, fault, &reason, m->n,
                       orch_json_is_good(m->usage, ORCH_USAGE_MAX)
                       ? m->usage : PT_STR_NULL);
}


void
orch_attempt_progress(orch_t *o, orch_processor_t *p, const pt_progress_t *m)
{
    orch_job_t  *job = orch_queue_find(&o->queue, &m->job);
    orch_run_t  *run = job ? job->run : NULL;

    if (run == NULL || job->state != ORCH_JOB_RUNNING || run->processor != p
        || job->attempt != m->attempt || m->permille < run->permille)
    {
        return;
    }

    run->permille = m->permille;
    memcpy(run->stage, m->stage.data, m->stage.len);
    run->stage[m->stage.len] = '\0';
    run->progress_new = true;

    orch_attempt_flush_progress(o, run);
}


void
orch_attempt_flush_progress(orch_t *o, orch_run_t *run)
{
    pt_buf_t     buf;
    uint64_t     now = orch_loop_ms(o);
    orch_job_t  *job = run->job;

    if (!run->progress_new || now - run->progress_ms < ORCH_PROGRESS_MS) {
        return;
    }

    run->progress_new = false;
    run->progress_ms = now;

    if (!orch_is_watched(o, &job->id, orch_job_owner(job))) {
        return;
    }

    pt_buf_init(&buf, &pt_mem_heap, 1024);
    orch_json_progress(&buf, run->permille, pt_str(run->stage));

    if (buf.err == PT_OK) {
        orch_publish(o, &job->id, orch_job_owner(job), 0, "progress",
                     pt_buf_str(&buf));
    }

    pt_buf_done(&buf);
}
