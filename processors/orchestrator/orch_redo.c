/* A new job like one that has ended. */

#include <stdlib.h>

#include "orch.h"


/* of ORCH_SQL_REDO */
enum {
    COL_OWNER = 0, COL_ROLE, COL_USER_TYPE, COL_SERVICE, COL_ACTION,
    COL_PRIORITY, COL_PARAMS, COL_METADATA, COL_INPUTS, COL_WEBHOOK_URL,
    COL_MAX_ATTEMPTS, COL_TIMEOUT_S, COL_ENDED, COLUMNS
};


static void orch_redo_read(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n);
static bool orch_redo_submission(orch_request_t *rq, const PGresult *res);


void
orch_redo_retry(orch_request_t *rq)
{
    pt_pg_args_t  args = { .n = 0 };

    pt_pg_arg_id(&args, &rq->msg.u.retry.retry_of);
    pt_pg_arg_text(&args, orch_request_owner(rq));

    if (orch_db_query(rq->o, ORCH_DB_READ, ORCH_SQL_REDO, &args,
                      orch_redo_read, rq) != PT_OK)
    {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_redo_read(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    orch_request_t  *rq = ctx;

    if (err != PT_OK || n != 1) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");

    } else if (PQntuples(results[0]) == 0) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no such job");

    } else if (!pt_pg_bool(results[0], 0, COL_ENDED)) {
        orch_refuse(rq, PT_E_CONFLICT, "the job has not ended yet");

    } else if (!orch_redo_submission(rq, results[0])) {
        orch_refuse(rq, PT_E_NOMEM, "out of memory");

    } else {
        orch_accept_submit(rq);
    }
}


/*
 * The request becomes the submission of the job's owner.  One's own job is
 * done with the role that one has now; an admin does not lend theirs.
 */
static bool
orch_redo_submission(orch_request_t *rq, const PGresult *res)
{
    int           i;
    char         *p;
    size_t        len = 0;
    pt_str_t      text[COLUMNS];
    pt_retry_t    retry = rq->msg.u.retry;
    pt_submit_t  *s = &rq->msg.u.submit;

    for (i = 0; i < COLUMNS; i++) {
        text[i] = pt_pg_text(res, 0, i);
        len += text[i].len;
    }

    p = malloc(len + 1);
    if (p == NULL) {
        return false;
    }

    free(rq->more);
    rq->more = p;

    for (i = 0; i < COLUMNS; i++) {
        if (text[i].data) {
            memcpy(p, text[i].data, text[i].len);
            text[i].data = p;
            p += text[i].len;
        }
    }

    if (!pt_str_eq(text[COL_OWNER], retry.rq.user)) {
        retry.rq.user = text[COL_OWNER];
        retry.rq.role = text[COL_ROLE];
        retry.user_type = text[COL_USER_TYPE];
    }

    rq->msg.command = PT_CMD_SUBMIT;

    *s = (pt_submit_t) {
        .rq = retry.rq,
        .job = retry.job,
        .service = text[COL_SERVICE],
        .action = text[COL_ACTION],
        .user_type = retry.user_type,
        .priority = (uint8_t) pt_pg_int(res, 0, COL_PRIORITY),
        .idempotency_key = retry.idempotency_key,
        .body_sha256 = retry.body_sha256,
        .params = text[COL_PARAMS],
        .metadata = text[COL_METADATA],
        .inputs = text[COL_INPUTS],
        .webhook_url = text[COL_WEBHOOK_URL],
        .max_attempts = (uint16_t) pt_pg_int(res, 0, COL_MAX_ATTEMPTS),
        .timeout_s = (uint32_t) pt_pg_int(res, 0, COL_TIMEOUT_S),
        .retry_of = retry.retry_of,
        .no_cache = 1              /* done again, not told again */
    };

    return true;
}
