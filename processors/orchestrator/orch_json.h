/*
 * The JSON that the orchestrator makes: jobs as readers see them, and the
 * bodies of events.  The edge passes it on.
 */

#ifndef ORCH_JSON_H
#define ORCH_JSON_H

#include "pt_json.h"
#include "pt_wire.h"


#define ORCH_STATE_MAX 128       /* bytes of a "state" body without reason */
#define ORCH_TIME_LEN  24        /* 2026-11-23T12:00:00.123Z */


/* a job, whatever it was read from; absent and 0 give null */
typedef struct {
    pt_id_t    id;
    pt_str_t   service;
    pt_str_t   action;
    pt_str_t   status;
    uint8_t    priority;
    double     progress;         /* 0 to 1 */
    pt_str_t   stage;
    pt_str_t   waiting;          /* JSON of orch_wait.h; absent: left out */
    int64_t    attempt;
    int64_t    max_attempts;
    int64_t    created_ms;
    int64_t    started_ms;
    int64_t    finished_ms;
    pt_str_t   outputs;          /* JSON; absent: [] */
    pt_str_t   result;           /* JSON */
    pt_str_t   error;            /* JSON */
    pt_str_t   metadata;         /* JSON */
    pt_id_t    batch;
    pt_id_t    retry_of;
    bool       cached;           /* its result was another job's */
    bool       brief;            /* in a list: without the result */
} orch_job_view_t;

void orch_json_job(pt_jsonw_t *w, const orch_job_view_t *job);


/* why an attempt or a job ended without success */
typedef struct {
    pt_str_t   code;             /* of pt_err.h */
    pt_str_t   detail;           /* for people */
    pt_str_t   errors;           /* JSON [{"pointer","detail"}], or absent */
} orch_reason_t;

/* the members of a problem document */
void orch_json_error(pt_buf_t *buf, const orch_reason_t *reason);

/*
 * The body of a "state" event.  retry_ms, reason and withdrawn are of an
 * attempt that ended without success; 0, NULL and false leave them out.
 */
void orch_json_state(pt_buf_t *buf, const char *status, int64_t attempt,
    int64_t at_ms, int64_t retry_ms, const orch_reason_t *reason,
    bool withdrawn);

void orch_json_result(pt_buf_t *buf, pt_str_t result);

void orch_json_progress(pt_buf_t *buf, unsigned permille, pt_str_t stage);


/* stored parameters as their owner may see them: null where they are sealed */
void orch_json_params(pt_jsonw_t *w, pt_str_t params);

void orch_json_id(pt_jsonw_t *w, const char *key, const pt_id_t *id);

/* 0 gives null */
void orch_json_time(pt_jsonw_t *w, const char *key, int64_t ms);

void orch_time_format(int64_t ms, char ret_text[ORCH_TIME_LEN + 1]);


#endif /* ORCH_JSON_H */
