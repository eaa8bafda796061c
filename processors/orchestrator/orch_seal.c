/* Secrets of requests. */

#include <sodium.h>
#include <stdlib.h>

#include "orch.h"
#include "pt_secret.h"


/* a batch's jobs, when the secrets in them have grown by sealing */
#define ORCH_SEALED_BATCH_MAX  (4 * PT_JSON_FRAME_MAX)


static bool orch_seal_members(orch_request_t *rq, pt_str_t *params,
    pt_str_t *secrets);
static void orch_seal_digest(orch_request_t *rq, const uint8_t **digest);
static void orch_seal_forget(pt_str_t *secrets);
static bool orch_seal_refuse(orch_request_t *rq, pt_err_t err);


pt_err_t
orch_seal_load(orch_t *o)
{
    pt_err_t    err;
    pt_seal_t  *seal;

    if (o->config->sealing[0] == '\0') {
        return PT_OK;
    }

    err = pt_seal_load(o->config->sealing, PT_SEAL_SEALS, &seal);

    if (err == PT_OK) {
        pt_seal_free(o->seal);
        o->seal = seal;
    }

    return err;
}


bool
orch_seal_submit(orch_request_t *rq)
{
    pt_submit_t  *s = &rq->msg.u.submit;

    if (s->secrets.data == NULL) {
        return true;
    }

    if (!orch_seal_members(rq, &s->params, &s->secrets)) {
        return false;
    }

    orch_seal_digest(rq, &s->body_sha256);

    return true;
}


bool
orch_seal_schedule(orch_request_t *rq)
{
    pt_schedule_add_t  *s = &rq->msg.u.schedule_add;

    return s->secrets.data == NULL
           || orch_seal_members(rq, &s->params, &s->secrets);
}


/* the jobs, each with its own seal, are packed again */
bool
orch_seal_batch(orch_request_t *rq)
{
    bool                secrets = false;
    pt_buf_t            jobs, params;
    pt_str_t            rest;
    pt_err_t            err = PT_OK;
    pt_submit_t         job;
    pt_submit_batch_t  *b = &rq->msg.u.submit_batch;

    for (rest = b->jobs; pt_batch_job_read(&rest, &job); /* void */) {
        secrets = secrets || job.secrets.data != NULL;
    }

    if (!secrets) {
        return true;
    }

    if (rq->o->seal == NULL) {
        return orch_seal_refuse(rq, PT_E_SEALING_KEY);
    }

    pt_buf_init(&jobs, &pt_mem_heap, ORCH_SEALED_BATCH_MAX);

    for (rest = b->jobs;
         err == PT_OK && pt_batch_job_read(&rest, &job); /* void */)
    {
        pt_buf_init(&params, &pt_mem_heap, PT_JSON_FRAME_MAX);

        if (job.secrets.data) {
            err = pt_seal_params(rq->o->seal, b->rq.user, job.params,
                                 job.secrets, &params);
            orch_seal_forget(&job.secrets);
            job.params = pt_buf_str(&params);
        }

        pt_batch_job_write(&jobs, &job);
        pt_buf_done(&params);
    }

    if (err == PT_OK) {
        err = jobs.err;
    }

    if (err != PT_OK) {
        pt_buf_done(&jobs);
        return orch_seal_refuse(rq, err);
    }

    free(rq->more);
    rq->more = jobs.data;
    b->jobs = pt_buf_str(&jobs);

    orch_seal_digest(rq, &b->body_sha256);

    return true;
}


static bool
orch_seal_members(orch_request_t *rq, pt_str_t *params, pt_str_t *secrets)
{
    pt_buf_t  sealed;
    pt_err_t  err = PT_E_SEALING_KEY;

    pt_buf_init(&sealed, &pt_mem_heap, PT_JSON_FRAME_MAX);

    if (rq->o->seal) {
        err = pt_seal_params(rq->o->seal, rq->msg.u.request.user, *params,
                             *secrets, &sealed);
    }

    orch_seal_forget(secrets);

    if (err != PT_OK) {
        pt_buf_done(&sealed);
        return orch_seal_refuse(rq, err);
    }

    free(rq->more);
    rq->more = sealed.data;
    *params = pt_buf_str(&sealed);

    return true;
}


/* who reads the table could try passwords against a plain digest */
static void
orch_seal_digest(orch_request_t *rq, const uint8_t **digest)
{
    pt_seal_hash(rq->o->seal, rq->msg.u.request.user, *digest, rq->digest);
    *digest = rq->digest;
}


/* the bytes are the request's own */
static void
orch_seal_forget(pt_str_t *secrets)
{
    sodium_memzero((char *) secrets->data, secrets->len);
    *secrets = PT_STR_NULL;
}


static bool
orch_seal_refuse(orch_request_t *rq, pt_err_t err)
{
    switch (err) {

    case PT_E_SEALING_KEY:
        orch_refuse(rq, err, "this server has no key to seal what the action "
                    "keeps secret: leave it out");
        break;

    case PT_E_TOO_LARGE:
        orch_refuse(rq, err, "the parameters are too large with their secrets "
                    "sealed");
        break;

    default:
        orch_refuse(rq, PT_E_NOMEM, "out of memory");
    }

    return false;
}
