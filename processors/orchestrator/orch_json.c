/* Jobs and events as JSON. */

#include <stdio.h>
#include <time.h>

#include "orch_json.h"
#include "pt_secret.h"


static void orch_json_raw(pt_jsonw_t *w, const char *key, pt_str_t json);


static const char *const  orch_priorities[] = {
    "low", "normal", "high", "urgent"
};


void
orch_json_job(pt_jsonw_t *w, const orch_job_view_t *job)
{
    pt_jsonw_object(w);

    orch_json_id(w, "id", &job->id);
    pt_jsonw_key(w, "service");
    pt_jsonw_str(w, job->service);
    pt_jsonw_key(w, "action");
    pt_jsonw_str(w, job->action);
    pt_jsonw_key(w, "status");
    pt_jsonw_str(w, job->status);
    pt_jsonw_key(w, "priority");
    pt_jsonw_text(w, orch_priorities[job->priority & 3]);
    pt_jsonw_key(w, "progress");
    pt_jsonw_double(w, job->progress);
    pt_jsonw_key(w, "stage");
    pt_jsonw_str(w, job->stage);

    if (job->waiting.data) {
        orch_json_raw(w, "waiting", job->waiting);
    }

    pt_jsonw_key(w, "attempt");
    pt_jsonw_int(w, job->attempt);
    pt_jsonw_key(w, "max_attempts");
    pt_jsonw_int(w, job->max_attempts);

    orch_json_time(w, "created_at", job->created_ms);
    orch_json_time(w, "started_at", job->started_ms);
    orch_json_time(w, "finished_at", job->finished_ms);

    orch_json_raw(w, "outputs", job->outputs.data ? job->outputs
                                                  : PT_STR("[]"));
    if (!job->brief) {
        orch_json_raw(w, "result", job->result);
    }

    orch_json_raw(w, "error", job->error);
    pt_jsonw_key(w, "cached");
    pt_jsonw_bool(w, job->cached);
    orch_json_id(w, "batch_id", &job->batch);
    orch_json_id(w, "retry_of", &job->retry_of);
    orch_json_raw(w, "metadata", job->metadata);

    pt_jsonw_end(w);
}


void
orch_json_error(pt_buf_t *buf, const orch_reason_t *reason)
{
    char        title[PT_NAME_MAX + 1];
    size_t      i;
    pt_jsonw_t  w;

    /* the code in words: "Input broken" */
    for (i = 0; i < reason->code.len && i < PT_NAME_MAX; i++) {
        title[i] = reason->code.data[i] == '_' ? ' ' : reason->code.data[i];
    }

    if (i && title[0] >= 'a' && title[0] <= 'z') {
        title[0] = (char) (title[0] - 'a' + 'A');
    }

    pt_jsonw_init(&w, buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "type");
    pt_jsonw_text(&w, "about:blank");
    pt_jsonw_key(&w, "title");
    pt_jsonw_str(&w, (pt_str_t) { title, i });
    pt_jsonw_key(&w, "code");
    pt_jsonw_str(&w, reason->code);
    pt_jsonw_key(&w, "detail");
    pt_jsonw_str(&w, reason->detail);

    if (reason->errors.data) {
        orch_json_raw(&w, "errors", reason->errors);
    }

    pt_jsonw_end(&w);
}


void
orch_json_state(pt_buf_t *buf, const char *status, int64_t attempt,
    int64_t at_ms, int64_t retry_ms, const orch_reason_t *reason,
    bool withdrawn)
{
    pt_jsonw_t  w;

    pt_jsonw_init(&w, buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "status");
    pt_jsonw_text(&w, status);
    pt_jsonw_key(&w, "attempt");
    pt_jsonw_int(&w, attempt);
    orch_json_time(&w, "at", at_ms);

    if (retry_ms) {
        orch_json_time(&w, "retry_at", retry_ms);
    }

    if (reason) {
        pt_jsonw_key(&w, "code");
        pt_jsonw_str(&w, reason->code);
        pt_jsonw_key(&w, "detail");
        pt_jsonw_str(&w, reason->detail);
    }

    if (withdrawn) {
        pt_jsonw_key(&w, "withdrawn");
        pt_jsonw_bool(&w, true);
    }

    pt_jsonw_end(&w);
}


void
orch_json_result(pt_buf_t *buf, pt_str_t result)
{
    pt_jsonw_t  w;

    pt_jsonw_init(&w, buf);
    pt_jsonw_object(&w);
    orch_json_raw(&w, "result", result);
    pt_jsonw_end(&w);
}


void
orch_json_progress(pt_buf_t *buf, unsigned permille, pt_str_t stage)
{
    pt_jsonw_t  w;

    pt_jsonw_init(&w, buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "progress");
    pt_jsonw_double(&w, permille / 1000.0);
    pt_jsonw_key(&w, "stage");
    pt_jsonw_str(&w, stage);
    pt_jsonw_end(&w);
}


void
orch_json_id(pt_jsonw_t *w, const char *key, const pt_id_t *id)
{
    char  text[PT_ID_TEXT_LEN];

    pt_jsonw_key(w, key);

    if (pt_id_is_zero(id)) {
        pt_jsonw_null(w);
        return;
    }

    pt_id_format(id, text);
    pt_jsonw_str(w, (pt_str_t) { text, sizeof(text) });
}


void
orch_json_time(pt_jsonw_t *w, const char *key, int64_t ms)
{
    char  text[ORCH_TIME_LEN + 1];

    pt_jsonw_key(w, key);

    if (ms == 0) {
        pt_jsonw_null(w);
        return;
    }

    orch_time_format(ms, text);
    pt_jsonw_text(w, text);
}


void
orch_time_format(int64_t ms, char ret_text[ORCH_TIME_LEN + 1])
{
    time_t     s = (time_t) (ms / 1000);
    struct tm  tm;

    gmtime_r(&s, &tm);

    if (ms < 0 || tm.tm_year > 9999 - 1900
        || strftime(ret_text, ORCH_TIME_LEN + 1, "%Y-%m-%dT%H:%M:%S", &tm)
           != 19)
    {
        memcpy(ret_text, "1970-01-01T00:00:00", 20);
    }

    snprintf(ret_text + 19, ORCH_TIME_LEN + 1 - 19, ".%03uZ",
             (unsigned) (ms % 1000) % 1000);
}


void
orch_json_params(pt_jsonw_t *w, pt_str_t params)
{
    pt_str_t  head, sealed;

    if (pt_secret_split(params, &head, &sealed)) {
        pt_jsonw_raw(w, head);
        pt_buf_add_char(w->buf, '}');

    } else {
        pt_jsonw_raw(w, params);
    }
}


static void
orch_json_raw(pt_jsonw_t *w, const char *key, pt_str_t json)
{
    pt_jsonw_key(w, key);

    if (json.data) {
        pt_jsonw_raw(w, json);

    } else {
        pt_jsonw_null(w);
    }
}
