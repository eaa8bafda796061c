/* Batches: accepted as a whole, and looked at as a whole. */

#include <stdio.h>
#include <stdlib.h>

#include "orch.h"


/* a batch whose rivals commit at the same time is tried again */
#define ORCH_BULK_TRIES    5

/* files that its jobs may name, all together */
#define ORCH_BULK_INPUTS   4096

#define ORCH_BULK_COLUMNS  12


static const char *orch_bulk_check(orch_request_t *rq, pt_err_t *ret_err);
static void orch_bulk_files(orch_request_t *rq, pt_pg_column_t *ids);
static void orch_bulk_files_known(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_bulk_send(orch_request_t *rq);
static pt_err_t orch_bulk_send_key(orch_request_t *rq, pt_pg_t *pg);
static pt_err_t orch_bulk_send_jobs(orch_request_t *rq, pt_pg_t *pg);
static void orch_bulk_row(pt_pg_column_t *c, const pt_submit_t *job);
static void orch_bulk_done(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n);
static void orch_bulk_accepted(orch_request_t *rq);
static void orch_bulk_view(pt_jsonw_t *w, const pt_submit_t *job,
    const pt_id_t *batch);
static void orch_bulk_explain(orch_request_t *rq);
static void orch_bulk_key_known(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_bulk_read(orch_request_t *rq, const pt_id_t *batch,
    pt_pg_done_fn done);
static void orch_bulk_found(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_bulk_progress_done(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static bool orch_bulk_status_ended(pt_str_t status);
static void orch_bulk_lost(orch_request_t *rq);


/* types of $7 .. $18 of ORCH_SQL_BULK */
static const uint32_t  orch_bulk_types[ORCH_BULK_COLUMNS] = {
    PT_PG_UUID, PT_PG_TEXT, PT_PG_TEXT, PT_PG_INT4, PT_PG_TEXT, PT_PG_TEXT,
    PT_PG_BYTEA, PT_PG_TIME, PT_PG_TIME, PT_PG_INT4, PT_PG_INT4, PT_PG_TIME
};


void
orch_bulk_submit(orch_request_t *rq)
{
    size_t          i;
    pt_id_t         id;
    pt_err_t        err = PT_OK;
    pt_str_t        jobs;
    const char     *why;
    pt_submit_t     job;
    pt_pg_column_t  ids;

    why = orch_bulk_check(rq, &err);

    if (why) {
        orch_refuse_with(rq, err, why, pt_err_retryable(err) ? 1 : 0,
                         PT_STR_NULL);
        return;
    }

    if (!orch_seal_batch(rq)) {
        return;
    }

    jobs = rq->msg.u.submit_batch.jobs;
    pt_pg_column_init(&ids, PT_PG_UUID);

    while (pt_batch_job_read(&jobs, &job)) {
        for (i = 0; i < job.inputs.len; i += sizeof(id.bytes)) {
            memcpy(id.bytes, job.inputs.data + i, sizeof(id.bytes));
            pt_pg_column_id(&ids, &id);
        }
    }

    if (ids.n > ORCH_BULK_INPUTS) {
        orch_refuse(rq, PT_E_TOO_LARGE, "the batch names too many files");

    } else if (ids.n) {
        orch_bulk_files(rq, &ids);

    } else {
        orch_bulk_send(rq);
    }

    pt_pg_column_done(&ids);
}


/* why not; NULL: all right */
static const char *
orch_bulk_check(orch_request_t *rq, pt_err_t *ret_err)
{
    pt_str_t     jobs = rq->msg.u.submit_batch.jobs;
    pt_submit_t  job;

    unsigned     n = 0;
    const char  *why;

    *ret_err = PT_E_INVALID;

    if (rq->msg.u.request.user.len == 0) {
        return "a submission needs a user";
    }

    while (pt_batch_job_read(&jobs, &job)) {

        if (!orch_time_is_good(job.run_at)
            || !orch_time_is_good(job.expires_at))
        {
            return "run_at or expires_at is out of range";
        }

        if (orch_webhook_refuses(rq->o, job.webhook_url)) {
            return "nobody can be called at a webhook_url of the batch";
        }

        if (!orch_supervisor_offers(rq->o, job.service)) {
            *ret_err = PT_E_UNKNOWN_ACTION;
            return "no processor offers a service of the batch";
        }

        /* as if all of them were the same service's */
        *ret_err = orch_accept_admits(rq->o, job.service,
                                      rq->msg.u.request.user, ++n, &why);
        if (*ret_err != PT_OK) {
            return why;
        }

        *ret_err = PT_E_INVALID;
    }

    *ret_err = PT_E_DATABASE;

    return orch_db_get(rq->o, ORCH_DB_ACCEPT)
           ? NULL : "the database cannot be reached";
}


static void
orch_bulk_files(orch_request_t *rq, pt_pg_column_t *ids)
{
    pt_pg_args_t  args = { .n = 0 };

    pt_pg_arg_column(&args, ids);
    pt_pg_arg_text(&args, rq->msg.u.request.user);

    if (orch_db_query(rq->o, ORCH_DB_READ, ORCH_SQL_FILES_MISSING, &args,
                      orch_bulk_files_known, rq) != PT_OK)
    {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_bulk_files_known(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    orch_request_t  *rq = ctx;

    if (err != PT_OK || n != 1) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");

    } else if (PQntuples(results[0]) > 0) {
        orch_refuse_files(rq, results[0]);

    } else {
        orch_bulk_send(rq);
    }
}


/* its own transaction: what spoils it spoils nobody else's */
static void
orch_bulk_send(orch_request_t *rq)
{
    pt_pg_t   *pg;
    pt_err_t   err = PT_E_DATABASE;

    rq->tries++;
    rq->sent_ms = orch_loop_ms(rq->o);

    pg = orch_db_get(rq->o, ORCH_DB_ACCEPT);

    if (pg) {
        err = orch_bulk_send_key(rq, pg);
    }

    if (err == PT_OK) {
        err = orch_bulk_send_jobs(rq, pg);
    }

    if (err == PT_OK) {
        err = pt_pg_commit(pg, orch_bulk_done, rq);
    }

    if (err != PT_OK) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static pt_err_t
orch_bulk_send_key(orch_request_t *rq, pt_pg_t *pg)
{
    int                       i;
    pt_err_t                  err;
    pt_pg_args_t              args = { .n = 0 };
    pt_pg_column_t            c[4];
    const pt_submit_batch_t  *b = &rq->msg.u.submit_batch;

    if (b->idempotency_key.data == NULL) {
        return PT_OK;
    }

    pt_pg_column_init(&c[0], PT_PG_TEXT);
    pt_pg_column_init(&c[1], PT_PG_TEXT);
    pt_pg_column_init(&c[2], PT_PG_BYTEA);
    pt_pg_column_init(&c[3], PT_PG_UUID);

    pt_pg_column_text(&c[0], b->rq.user);
    pt_pg_column_text(&c[1], b->idempotency_key);
    pt_pg_column_bytes(&c[2], b->body_sha256, 32);
    pt_pg_column_id(&c[3], &b->batch);

    for (i = 0; i < 4; i++) {
        pt_pg_arg_column(&args, &c[i]);
    }

    err = pt_pg_query(pg, ORCH_SQL_ACCEPT_KEYS, &args);

    for (i = 0; i < 4; i++) {
        pt_pg_column_done(&c[i]);
    }

    return err;
}


static pt_err_t
orch_bulk_send_jobs(orch_request_t *rq, pt_pg_t *pg)
{
    int                       i;
    pt_buf_t                  body;
    pt_err_t                  err;
    pt_str_t                  jobs;
    pt_submit_t               job;
    pt_pg_args_t              args = { .n = 0 };
    pt_pg_column_t            c[ORCH_BULK_COLUMNS], ids, owners;
    const pt_submit_batch_t  *b = &rq->msg.u.submit_batch;

    pt_buf_init(&body, &pt_mem_heap, ORCH_STATE_MAX);
    orch_json_state(&body, "queued", 0, orch_now_ms(), 0, NULL, false);

    pt_pg_column_init(&ids, PT_PG_UUID);
    pt_pg_column_init(&owners, PT_PG_TEXT);

    pt_pg_arg_text(&args, b->rq.user);
    pt_pg_arg_text(&args, b->rq.role);
    pt_pg_arg_text(&args, b->user_type);
    pt_pg_arg_id(&args, &b->batch);
    pt_pg_arg_text(&args, b->idempotency_key);
    pt_pg_arg_text(&args, b->rq.traceparent);

    for (i = 0; i < ORCH_BULK_COLUMNS; i++) {
        pt_pg_column_init(&c[i], orch_bulk_types[i]);
    }

    for (jobs = b->jobs; pt_batch_job_read(&jobs, &job); /* void */) {
        job.priority = orch_accept_priority(rq->o, b->rq.tier, job.priority);
        orch_bulk_row(c, &job);
        orch_inputs_add(&ids, &owners, b->rq.user, job.inputs);
    }

    for (i = 0; i < ORCH_BULK_COLUMNS; i++) {
        pt_pg_arg_column(&args, &c[i]);
    }

    pt_pg_arg_text(&args, pt_buf_str(&body));
    pt_pg_arg_int4(&args, b->no_cache);

    err = body.err == PT_OK ? orch_inputs_keep(pg, &ids, &owners) : body.err;

    if (err == PT_OK) {
        err = pt_pg_query(pg, ORCH_SQL_BULK, &args);
    }

    for (i = 0; i < ORCH_BULK_COLUMNS; i++) {
        pt_pg_column_done(&c[i]);
    }

    pt_pg_column_done(&ids);
    pt_pg_column_done(&owners);

    pt_buf_done(&body);

    return err;
}


static void
orch_bulk_row(pt_pg_column_t *c, const pt_submit_t *job)
{
    pt_pg_column_id(c++, &job->job);
    pt_pg_column_text(c++, job->service);
    pt_pg_column_text(c++, job->action);
    pt_pg_column_int4(c++, job->priority);
    pt_pg_column_text(c++, job->params);
    pt_pg_column_text(c++, job->metadata);
    pt_pg_column_bytes(c++, job->inputs.len
                            ? (const uint8_t *) job->inputs.data : NULL,
                       job->inputs.len);
    pt_pg_column_time(c++, job->run_at);
    pt_pg_column_time(c++, job->expires_at);
    pt_pg_column_int4(c++, job->max_attempts ? job->max_attempts
                                             : ORCH_MAX_ATTEMPTS);
    pt_pg_column_int4(c++, (int32_t) job->timeout_s);
    pt_pg_column_time(c++, (int64_t) pt_id_time_ms(&job->job));
}


/* all of its rows, or none */
static void
orch_bulk_done(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    orch_request_t  *rq = ctx;

    if (err == PT_OK && n > 0 && PQntuples(results[n - 1]) > 0) {
        orch_bulk_accepted(rq);

    } else if (err == PT_OK && n > 0) {
        orch_bulk_explain(rq);

    } else if (err == PT_E_INVALID) {
        /* ids that are taken: by itself, if it was sent before */
        orch_bulk_read(rq, &rq->msg.u.submit_batch.batch, orch_bulk_found);

    } else if (err == PT_E_UNAVAILABLE && rq->tries < ORCH_BULK_TRIES) {
        orch_bulk_send(rq);

    } else {
        orch_bulk_lost(rq);
    }
}


/* it may be committed all the same */
static void
orch_bulk_lost(orch_request_t *rq)
{
    orch_recover_look(rq->o);
    orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
}


static void
orch_bulk_accepted(orch_request_t *rq)
{
    int64_t                   now_ms = orch_now_ms();
    pt_buf_t                  buf, event;
    pt_str_t                  jobs;
    pt_jsonw_t                w;
    pt_submit_t               job;
    const pt_submit_batch_t  *b = &rq->msg.u.submit_batch;

    pt_buf_init(&event, &pt_mem_heap, ORCH_STATE_MAX);
    orch_json_state(&event, "queued", 0, now_ms, 0, NULL, false);

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);
    orch_json_id(&w, "batch_id", &b->batch);
    pt_jsonw_key(&w, "jobs");
    pt_jsonw_array(&w);

    for (jobs = b->jobs; pt_batch_job_read(&jobs, &job); /* void */) {

        job.priority = orch_accept_priority(rq->o, b->rq.tier, job.priority);

        orch_job_admit(rq->o, &(orch_job_row_t) {
            .id = job.job,
            .owner = b->rq.user,
            .service = job.service,
            .action = job.action,
            .priority = job.priority,
            .max_attempts = job.max_attempts ? job.max_attempts
                                             : ORCH_MAX_ATTEMPTS,
            .timeout_s = job.timeout_s,
            .run_at_ms = job.run_at ? job.run_at : now_ms,
            .expires_at_ms = job.expires_at });

        orch_publish(rq->o, &job.job, b->rq.user, 1, "state",
                     pt_buf_str(&event));

        orch_bulk_view(&w, &job, &b->batch);
        orch_metrics_add(rq->o, ORCH_METRIC_ACCEPTED, 1);
    }

    orch_metrics_observe(rq->o, ORCH_METRIC_COMMIT,
                         orch_loop_ms(rq->o) - rq->sent_ms);
    pt_buf_done(&event);

    pt_jsonw_end(&w);
    pt_jsonw_end(&w);

    orch_read_reply(rq, &buf);
}


static void
orch_bulk_view(pt_jsonw_t *w, const pt_submit_t *job, const pt_id_t *batch)
{
    orch_job_view_t  view;

    view = (orch_job_view_t) {
        .id = job->job,
        .service = job->service,
        .action = job->action,
        .status = PT_STR("queued"),
        .priority = job->priority,
        .max_attempts = job->max_attempts ? job->max_attempts
                                          : ORCH_MAX_ATTEMPTS,
        .created_ms = (int64_t) pt_id_time_ms(&job->job),
        .metadata = job->metadata,
        .batch = *batch,
        .brief = true
    };

    orch_json_job(w, &view);
}


/* nothing was written: the key is another's */
static void
orch_bulk_explain(orch_request_t *rq)
{
    pt_pg_args_t              args = { .n = 0 };
    const pt_submit_batch_t  *b = &rq->msg.u.submit_batch;

    pt_pg_arg_text(&args, b->rq.user);
    pt_pg_arg_text(&args, b->idempotency_key);

    if (orch_db_query(rq->o, ORCH_DB_READ, ORCH_SQL_KEY, &args,
                      orch_bulk_key_known, rq) != PT_OK)
    {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_bulk_key_known(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    pt_id_t          first;
    pt_str_t         hash;
    orch_request_t  *rq = ctx;

    if (err != PT_OK || n != 1 || PQntuples(results[0]) == 0) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
        return;
    }

    hash = pt_pg_text(results[0], 0, 1);

    if (hash.len != 32
        || memcmp(hash.data, rq->msg.u.submit_batch.body_sha256, 32) != 0)
    {
        orch_refuse(rq, PT_E_IDEMPOTENCY_MISMATCH, "this idempotency key was "
                    "used with another body");
        return;
    }

    first = pt_pg_id(results[0], 0, 0);
    orch_bulk_read(rq, &first, orch_bulk_found);
}


static void
orch_bulk_read(orch_request_t *rq, const pt_id_t *batch, pt_pg_done_fn done)
{
    pt_pg_args_t  args = { .n = 0 };

    rq->batch = *batch;

    pt_pg_arg_id(&args, batch);
    pt_pg_arg_text(&args, rq->msg.u.request.user);

    if (orch_db_query(rq->o, ORCH_DB_READ, ORCH_SQL_BATCH_JOBS, &args, done,
                      rq) != PT_OK)
    {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


/* the jobs of the batch that was accepted before */
static void
orch_bulk_found(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    int              i;
    pt_buf_t         buf;
    pt_jsonw_t       w;
    orch_request_t  *rq = ctx;
    orch_job_view_t  view;

    if (err != PT_OK || n != 1) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
        return;
    }

    if (PQntuples(results[0]) == 0) {
        orch_refuse(rq, PT_E_INVALID,
                    "a value cannot be stored, or a file has gone");
        return;
    }

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);
    orch_json_id(&w, "batch_id", &rq->batch);
    pt_jsonw_key(&w, "jobs");
    pt_jsonw_array(&w);

    for (i = 0; i < PQntuples(results[0]); i++) {
        orch_read_view(rq->o, results[0], i, true, &view);
        orch_json_job(&w, &view);

        if (i == 0 && orch_queue_find(&rq->o->queue, &view.id) == NULL) {
            orch_recover_look(rq->o);
        }
    }

    pt_jsonw_end(&w);
    pt_jsonw_end(&w);

    orch_read_reply(rq, &buf);
}


void
orch_bulk_progress(orch_request_t *rq)
{
    pt_pg_args_t  args = { .n = 0 };

    pt_pg_arg_id(&args, &rq->msg.u.get.id);
    pt_pg_arg_text(&args, orch_request_owner(rq));

    if (orch_db_query(rq->o, ORCH_DB_READ, ORCH_SQL_BATCH, &args,
                      orch_bulk_progress_done, rq) != PT_OK)
    {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_bulk_progress_done(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    int              i;
    int64_t          count, ended = 0, all = 0, created = 0, finished = 0, at;
    pt_buf_t         buf;
    pt_str_t         status;
    pt_jsonw_t       w;
    orch_request_t  *rq = ctx;

    if (err != PT_OK || n != 1) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
        return;
    }

    if (PQntuples(results[0]) == 0) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no such batch");
        return;
    }

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);
    orch_json_id(&w, "batch_id", &rq->msg.u.get.id);
    pt_jsonw_key(&w, "status");
    pt_jsonw_object(&w);

    for (i = 0; i < PQntuples(results[0]); i++) {
        status = pt_pg_text(results[0], i, 0);
        count = pt_pg_int(results[0], i, 1);

        pt_jsonw_key_str(&w, status);
        pt_jsonw_int(&w, count);

        all += count;
        ended += orch_bulk_status_ended(status) ? count : 0;

        at = pt_pg_time(results[0], i, 2);
        created = created && created < at ? created : at;

        at = pt_pg_time(results[0], i, 3);
        finished = finished > at ? finished : at;
    }

    pt_jsonw_end(&w);
    pt_jsonw_key(&w, "jobs");
    pt_jsonw_int(&w, all);
    pt_jsonw_key(&w, "progress");
    pt_jsonw_double(&w, (double) ended / (double) all);
    orch_json_time(&w, "created_at", created);
    orch_json_time(&w, "finished_at", ended == all ? finished : 0);
    pt_jsonw_end(&w);

    orch_read_reply(rq, &buf);
}


static bool
orch_bulk_status_ended(pt_str_t status)
{
    return !pt_str_is(status, "queued") && !pt_str_is(status, "running")
           && !pt_str_is(status, "retrying");
}
