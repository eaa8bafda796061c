/*
 * The codec of PJP1: a table of fields for each command, one loop that reads
 * by it and one that writes by it.
 */

#include "pt_wire.h"


typedef enum {
    F_U8 = 0,           /* max: the largest value */
    F_U16,
    F_U32,
    F_U64,
    F_I64,
    F_ID,
    F_ID_OPT,           /* absent: a zero id */
    F_SHA256,
    F_TEXT,             /* min and max in bytes */
    F_TEXT_OPT,
    F_JSON,
    F_JSON_OPT,
    F_BYTES,
    F_IDS,              /* max in ids */
    F_JOBS,             /* max in jobs */
    F_MARKS             /* max in marks */
} pt_field_type_t;


typedef struct {
    pt_field_type_t       type;
    uint32_t              min;
    uint32_t              max;
    size_t                offset;      /* in the command's struct */
} pt_field_t;


typedef struct {
    const char           *name;
    const pt_field_t     *fields;      /* after the header, if it is a request */
    size_t                nfields;
    bool                  request;
} pt_command_def_t;


static bool pt_field_read(const pt_field_t *f, pt_str_t frame, uint8_t *base);
static bool pt_field_write(const pt_field_t *f, const uint8_t *base,
    pt_str_t *frame, uint8_t ints[8]);
static bool pt_jobs_are_good(pt_str_t jobs, size_t max);
static bool pt_text_is_good(pt_str_t s, size_t min, size_t max);
static bool pt_is_tchar(char c);
static uint64_t pt_be_read(const uint8_t *p, size_t n);
static void pt_be_write(uint8_t *p, size_t n, uint64_t v);


static const pt_field_t  request_fields[] = {
    { F_U64,      0, 0,           offsetof(pt_request_t, rid) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_request_t, deadline_ms) },
    { F_TEXT,     0, PT_USER_MAX, offsetof(pt_request_t, user) },
    { F_TEXT,     0, PT_NAME_MAX, offsetof(pt_request_t, role) },
    { F_U8,       0, 1,           offsetof(pt_request_t, admin) },
    { F_TEXT,     0, PT_NAME_MAX, offsetof(pt_request_t, tier) },
    { F_TEXT_OPT, 0, 64,          offsetof(pt_request_t, traceparent) }
};

static const pt_field_t  submit_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_submit_t, job) },
    { F_ID_OPT,   0, 0,           offsetof(pt_submit_t, batch) },
    { F_TEXT,     1, PT_NAME_MAX, offsetof(pt_submit_t, service) },
    { F_TEXT,     1, PT_NAME_MAX, offsetof(pt_submit_t, action) },
    { F_TEXT,     0, PT_NAME_MAX, offsetof(pt_submit_t, user_type) },
    { F_U8,       0, 3,           offsetof(pt_submit_t, priority) },
    { F_TEXT_OPT, 0, 255,         offsetof(pt_submit_t, idempotency_key) },
    { F_SHA256,   0, 0,           offsetof(pt_submit_t, body_sha256) },
    { F_JSON,     0, PT_JSON_FRAME_MAX, offsetof(pt_submit_t, params) },
    { F_JSON_OPT, 0, 16384,       offsetof(pt_submit_t, metadata) },
    { F_IDS,      0, PT_INPUTS_MAX, offsetof(pt_submit_t, inputs) },
    { F_I64,      0, 0,           offsetof(pt_submit_t, run_at) },
    { F_I64,      0, 0,           offsetof(pt_submit_t, expires_at) },
    { F_TEXT_OPT, 0, 2048,        offsetof(pt_submit_t, webhook_url) },
    { F_U16,      0, 100,         offsetof(pt_submit_t, max_attempts) },
    { F_U32,      0, 604800,      offsetof(pt_submit_t, timeout_s) },
    { F_ID_OPT,   0, 0,           offsetof(pt_submit_t, retry_of) },
    { F_U8,       0, 1,           offsetof(pt_submit_t, no_cache) },
    { F_JSON_OPT, 0, PT_JSON_FRAME_MAX, offsetof(pt_submit_t, secrets) }
};

static const pt_field_t  submit_batch_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_submit_batch_t, batch) },
    { F_TEXT,     0, PT_NAME_MAX, offsetof(pt_submit_batch_t, user_type) },
    { F_TEXT_OPT, 0, 255,         offsetof(pt_submit_batch_t, idempotency_key) },
    { F_SHA256,   0, 0,           offsetof(pt_submit_batch_t, body_sha256) },
    { F_JOBS,     1, PT_BATCH_MAX, offsetof(pt_submit_batch_t, jobs) },
    { F_U8,       0, 1,           offsetof(pt_submit_batch_t, no_cache) }
};

/* a job of a batch: in one frame, each field behind its length */
static const pt_field_t  batch_job_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_submit_t, job) },
    { F_TEXT,     1, PT_NAME_MAX, offsetof(pt_submit_t, service) },
    { F_TEXT,     1, PT_NAME_MAX, offsetof(pt_submit_t, action) },
    { F_U8,       0, 3,           offsetof(pt_submit_t, priority) },
    { F_JSON,     0, PT_JSON_FRAME_MAX, offsetof(pt_submit_t, params) },
    { F_JSON_OPT, 0, 16384,       offsetof(pt_submit_t, metadata) },
    { F_IDS,      0, PT_INPUTS_MAX, offsetof(pt_submit_t, inputs) },
    { F_I64,      0, 0,           offsetof(pt_submit_t, run_at) },
    { F_I64,      0, 0,           offsetof(pt_submit_t, expires_at) },
    { F_TEXT_OPT, 0, 2048,        offsetof(pt_submit_t, webhook_url) },
    { F_U16,      0, 100,         offsetof(pt_submit_t, max_attempts) },
    { F_U32,      0, 604800,      offsetof(pt_submit_t, timeout_s) },
    { F_JSON_OPT, 0, PT_JSON_FRAME_MAX, offsetof(pt_submit_t, secrets) }
};

static const pt_field_t  retry_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_retry_t, job) },
    { F_ID,       0, 0,           offsetof(pt_retry_t, retry_of) },
    { F_TEXT,     0, PT_NAME_MAX, offsetof(pt_retry_t, user_type) },
    { F_TEXT_OPT, 0, 255,         offsetof(pt_retry_t, idempotency_key) },
    { F_SHA256,   0, 0,           offsetof(pt_retry_t, body_sha256) }
};

static const pt_field_t  get_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_get_t, id) }
};

static const pt_field_t  list_fields[] = {
    { F_TEXT_OPT, 0, 128,         offsetof(pt_list_t, cursor) },
    { F_U16,      0, 100,         offsetof(pt_list_t, limit) },
    { F_TEXT_OPT, 0, 128,         offsetof(pt_list_t, status) },
    { F_TEXT_OPT, 0, PT_NAME_MAX, offsetof(pt_list_t, service) },
    { F_TEXT_OPT, 0, PT_NAME_MAX, offsetof(pt_list_t, action) },
    { F_I64,      0, 0,           offsetof(pt_list_t, created_after) },
    { F_I64,      0, 0,           offsetof(pt_list_t, created_before) },
    { F_ID_OPT,   0, 0,           offsetof(pt_list_t, batch) },
    { F_TEXT_OPT, 0, PT_USER_MAX, offsetof(pt_list_t, owner) }
};

static const pt_field_t  open_fields[] = {
    { F_U8,       0, 1,           offsetof(pt_open_t, kind) },
    { F_ID,       0, 0,           offsetof(pt_open_t, id) },
    { F_TEXT,     0, PT_OUTPUT_NAME_MAX, offsetof(pt_open_t, name) }
};

static const pt_field_t  file_add_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_file_add_t, id) },
    { F_TEXT,     0, 255,         offsetof(pt_file_add_t, name) },
    { F_TEXT,     1, 127,         offsetof(pt_file_add_t, media_type) },
    { F_U64,      0, 0,           offsetof(pt_file_add_t, size) },
    { F_SHA256,   0, 0,           offsetof(pt_file_add_t, sha256) },
    { F_TEXT,     1, PT_KEY_MAX,  offsetof(pt_file_add_t, key) }
};

static const pt_field_t  file_fetch_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_file_fetch_t, id) },
    { F_U64,      0, 0,           offsetof(pt_file_fetch_t, size) }
};

static const pt_field_t  file_list_fields[] = {
    { F_TEXT_OPT, 0, 128,         offsetof(pt_file_list_t, cursor) },
    { F_U16,      0, 100,         offsetof(pt_file_list_t, limit) }
};

static const pt_field_t  events_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_events_t, job) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_events_t, after) }
};

static const pt_field_t  watch_fields[] = {
    { F_ID_OPT,   0, 0,           offsetof(pt_watch_t, job) }
};

static const pt_field_t  sync_fields[] = {
    { F_MARKS,    0, PT_MARKS_MAX, offsetof(pt_sync_t, jobs) }
};

static const pt_field_t  schedule_add_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_schedule_add_t, id) },
    { F_TEXT_OPT, 0, 255,         offsetof(pt_schedule_add_t, name) },
    { F_TEXT,     1, 256,         offsetof(pt_schedule_add_t, cron) },
    { F_TEXT,     1, 64,          offsetof(pt_schedule_add_t, time_zone) },
    { F_TEXT,     1, PT_NAME_MAX, offsetof(pt_schedule_add_t, service) },
    { F_TEXT,     1, PT_NAME_MAX, offsetof(pt_schedule_add_t, action) },
    { F_TEXT,     0, PT_NAME_MAX, offsetof(pt_schedule_add_t, user_type) },
    { F_U8,       0, 3,           offsetof(pt_schedule_add_t, priority) },
    { F_JSON,     0, PT_JSON_FRAME_MAX, offsetof(pt_schedule_add_t, params) },
    { F_JSON_OPT, 0, 16384,       offsetof(pt_schedule_add_t, metadata) },
    { F_IDS,      0, PT_INPUTS_MAX, offsetof(pt_schedule_add_t, inputs) },
    { F_TEXT_OPT, 0, 2048,        offsetof(pt_schedule_add_t, webhook_url) },
    { F_U16,      0, 100,         offsetof(pt_schedule_add_t, max_attempts) },
    { F_U32,      0, 604800,      offsetof(pt_schedule_add_t, timeout_s) },
    { F_JSON_OPT, 0, PT_JSON_FRAME_MAX, offsetof(pt_schedule_add_t, secrets) }
};

static const pt_field_t  schedule_change_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_schedule_change_t, id) },
    { F_U8,       0, 3,           offsetof(pt_schedule_change_t, change) },
    { F_ID_OPT,   0, 0,           offsetof(pt_schedule_change_t, job) },
    { F_TEXT,     0, PT_NAME_MAX, offsetof(pt_schedule_change_t, user_type) }
};

static const pt_field_t  scale_fields[] = {
    { F_TEXT,     1, PT_NAME_MAX, offsetof(pt_scale_t, service) },
    { F_U16,      0, UINT16_MAX,  offsetof(pt_scale_t, min) },
    { F_U16,      0, UINT16_MAX,  offsetof(pt_scale_t, max) }
};

static const pt_field_t  restart_fields[] = {
    { F_TEXT_OPT, 0, PT_NAME_MAX, offsetof(pt_restart_t, service) }
};

static const pt_field_t  usage_fields[] = {
    { F_TEXT_OPT, 0, PT_USER_MAX, offsetof(pt_usage_t, owner) },
    { F_I64,      0, 0,           offsetof(pt_usage_t, month) },
    { F_U8,       0, 1,           offsetof(pt_usage_t, by_user) }
};

static const pt_field_t  changed_fields[] = {
    { F_I64,      0, 0,           offsetof(pt_changed_t, since) }
};

static const pt_field_t  ok_fields[] = {
    { F_U64,      0, 0,           offsetof(pt_ok_t, rid) },
    { F_BYTES,    0, PT_REPLY_MAX, offsetof(pt_ok_t, body) }
};

static const pt_field_t  problem_fields[] = {
    { F_U64,      0, 0,           offsetof(pt_problem_t, rid) },
    { F_TEXT,     1, 64,          offsetof(pt_problem_t, code) },
    { F_TEXT,     0, 1024,        offsetof(pt_problem_t, detail) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_problem_t, retry_after_s) },
    { F_JSON_OPT, 0, PT_JSON_FRAME_MAX, offsetof(pt_problem_t, errors) }
};

static const pt_field_t  event_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_event_t, job) },
    { F_TEXT,     1, PT_USER_MAX, offsetof(pt_event_t, owner) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_event_t, seq) },
    { F_TEXT,     1, 32,          offsetof(pt_event_t, type) },
    { F_JSON,     0, PT_JSON_FRAME_MAX, offsetof(pt_event_t, body) }
};

static const pt_field_t  ready_fields[] = {
    { F_TEXT,     1, PT_NAME_MAX, offsetof(pt_ready_t, service) },
    { F_JSON,     0, 65536,       offsetof(pt_ready_t, actions) },
    { F_U16,      0, UINT16_MAX,  offsetof(pt_ready_t, slots) },
    { F_U16,      0, UINT16_MAX,  offsetof(pt_ready_t, group) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_ready_t, pid) },
    { F_U64,      0, 0,           offsetof(pt_ready_t, start_time) },
    { F_MARKS,    0, PT_MARKS_MAX, offsetof(pt_ready_t, running) }
};

static const pt_field_t  progress_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_progress_t, job) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_progress_t, attempt) },
    { F_U16,      0, 1000,        offsetof(pt_progress_t, permille) },
    { F_TEXT,     0, PT_NAME_MAX, offsetof(pt_progress_t, stage) }
};

static const pt_field_t  output_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_output_t, job) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_output_t, attempt) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_output_t, n) },
    { F_JSON,     0, 16384,       offsetof(pt_output_t, body) }
};

static const pt_field_t  done_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_done_t, job) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_done_t, attempt) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_done_t, n) },
    { F_JSON,     0, PT_JSON_FRAME_MAX, offsetof(pt_done_t, result) },
    { F_JSON,     0, 4096,        offsetof(pt_done_t, usage) }
};

static const pt_field_t  failed_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_failed_t, job) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_failed_t, attempt) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_failed_t, n) },
    { F_TEXT,     1, 64,          offsetof(pt_failed_t, code) },
    { F_TEXT,     0, 1024,        offsetof(pt_failed_t, message) },
    { F_U8,       0, 1,           offsetof(pt_failed_t, retryable) },
    { F_JSON_OPT, 0, PT_JSON_FRAME_MAX, offsetof(pt_failed_t, errors) },
    { F_JSON,     0, 4096,        offsetof(pt_failed_t, usage) }
};

static const pt_field_t  assign_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_assign_t, job) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_assign_t, attempt) },
    { F_TEXT,     1, PT_NAME_MAX, offsetof(pt_assign_t, action) },
    { F_JSON,     0, PT_JSON_FRAME_MAX, offsetof(pt_assign_t, params) },
    { F_U64,      0, 0,           offsetof(pt_assign_t, deadline_ms) },
    { F_TEXT,     1, PT_USER_MAX, offsetof(pt_assign_t, user) },
    { F_TEXT,     0, PT_NAME_MAX, offsetof(pt_assign_t, role) },
    { F_TEXT,     0, PT_NAME_MAX, offsetof(pt_assign_t, user_type) },
    { F_TEXT_OPT, 0, 64,          offsetof(pt_assign_t, traceparent) },
    { F_JSON,     0, 65536,       offsetof(pt_assign_t, inputs) }
};

static const pt_field_t  attempt_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_attempt_ref_t, job) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_attempt_ref_t, attempt) }
};

static const pt_field_t  ack_fields[] = {
    { F_ID,       0, 0,           offsetof(pt_attempt_ref_t, job) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_attempt_ref_t, attempt) },
    { F_U32,      0, UINT32_MAX,  offsetof(pt_attempt_ref_t, n) }
};

static const pt_field_t  pack_fields[] = {
    { F_BYTES,    0, PT_PACK_MAX, offsetof(pt_pack_t, messages) }
};


#define FIELDS(a)  a, sizeof(a) / sizeof((a)[0])

static const pt_command_def_t  pt_commands[PT_CMD_COUNT_] = {
    [PT_CMD_SUBMIT]         = { "SUBMIT",    FIELDS(submit_fields),   true },
    [PT_CMD_GET]            = { "GET",       FIELDS(get_fields),      true },
    [PT_CMD_LIST]           = { "LIST",      FIELDS(list_fields),     true },
    [PT_CMD_CANCEL]         = { "CANCEL",    FIELDS(get_fields),      true },
    [PT_CMD_OPEN]           = { "OPEN",      FIELDS(open_fields),     true },
    [PT_CMD_FILE_ADD]       = { "FILE_ADD",  FIELDS(file_add_fields), true },
    [PT_CMD_FILE_GET]       = { "FILE_GET",  FIELDS(get_fields),      true },
    [PT_CMD_FILE_LIST]      = { "FILE_LIST", FIELDS(file_list_fields), true },
    [PT_CMD_FILE_DELETE]    = { "FILE_DELETE", FIELDS(get_fields),    true },
    [PT_CMD_FILE_FETCH]     = { "FILE_FETCH", FIELDS(file_fetch_fields),
                                true },
    [PT_CMD_EVENTS]         = { "EVENTS",    FIELDS(events_fields),   true },
    [PT_CMD_WATCH]          = { "WATCH",     FIELDS(watch_fields),    true },
    [PT_CMD_UNWATCH]        = { "UNWATCH",   FIELDS(watch_fields),    true },
    [PT_CMD_SYNC]           = { "SYNC",      FIELDS(sync_fields),     true },
    [PT_CMD_CHANGED]        = { "CHANGED",   FIELDS(changed_fields),  true },
    [PT_CMD_HEALTH]         = { "HEALTH",    NULL, 0,                 true },
    [PT_CMD_SCHEDULE_ADD]   = { "SCHEDULE_ADD", FIELDS(schedule_add_fields),
                                true },
    [PT_CMD_SCHEDULE_LIST]  = { "SCHEDULE_LIST", NULL, 0,             true },
    [PT_CMD_SCHEDULE_GET]   = { "SCHEDULE_GET", FIELDS(get_fields),   true },
    [PT_CMD_SCHEDULE_CHANGE] = { "SCHEDULE_CHANGE",
                                FIELDS(schedule_change_fields),       true },
    [PT_CMD_INSTANCES]      = { "INSTANCES", NULL, 0,                 true },
    [PT_CMD_SCALE]          = { "SCALE",     FIELDS(scale_fields),    true },
    [PT_CMD_RESTART]        = { "RESTART",   FIELDS(restart_fields),  true },
    [PT_CMD_USAGE]          = { "USAGE",     FIELDS(usage_fields),    true },
    [PT_CMD_SUBMIT_BATCH]   = { "SUBMIT_BATCH", FIELDS(submit_batch_fields),
                                true },
    [PT_CMD_BATCH]          = { "BATCH",     FIELDS(get_fields),      true },
    [PT_CMD_RETRY]          = { "RETRY",     FIELDS(retry_fields),    true },
    [PT_CMD_DELIVERIES]     = { "DELIVERIES", FIELDS(get_fields),     true },
    [PT_CMD_METRICS]        = { "METRICS",   NULL, 0,                 true },

    [PT_CMD_OK]             = { "OK",        FIELDS(ok_fields),       false },
    [PT_CMD_PROBLEM]        = { "PROBLEM",   FIELDS(problem_fields),  false },
    [PT_CMD_EVENT]          = { "EVENT",     FIELDS(event_fields),    false },
    [PT_CMD_LAGGED]         = { "LAGGED",    NULL, 0,                 false },

    [PT_CMD_READY]          = { "READY",     FIELDS(ready_fields),    false },
    [PT_CMD_PROGRESS]       = { "PROGRESS",  FIELDS(progress_fields), false },
    [PT_CMD_OUTPUT]         = { "OUTPUT",    FIELDS(output_fields),   false },
    [PT_CMD_DONE]           = { "DONE",      FIELDS(done_fields),     false },
    [PT_CMD_FAILED]         = { "FAILED",    FIELDS(failed_fields),   false },
    [PT_CMD_BYE]            = { "BYE",       NULL, 0,                 false },

    [PT_CMD_ASSIGN]         = { "ASSIGN",    FIELDS(assign_fields),   false },
    [PT_CMD_CANCEL_ATTEMPT] = { "CANCEL_ATTEMPT", FIELDS(attempt_fields), false },
    [PT_CMD_ACK]            = { "ACK",       FIELDS(ack_fields),      false },
    [PT_CMD_DRAIN]          = { "DRAIN",     NULL, 0,                 false },
    [PT_CMD_WHO]            = { "WHO",       NULL, 0,                 false },

    [PT_CMD_HEARTBEAT]      = { "HEARTBEAT", NULL, 0,                 false },
    [PT_CMD_PACK]           = { "PACK",      FIELDS(pack_fields),     false }
};

#define NREQUEST  (sizeof(request_fields) / sizeof(request_fields[0]))
#define NBATCH    (sizeof(batch_job_fields) / sizeof(batch_job_fields[0]))


pt_err_t
pt_wire_decode(const pt_str_t *frames, size_t n, pt_msg_t *ret_msg,
    uint64_t *ret_rid)
{
    size_t                   i, k, nheader;
    pt_msg_t                 m;
    const pt_field_t        *f;
    const pt_command_def_t  *def;

    if (ret_rid != NULL) {
        *ret_rid = 0;

        if (n > 2 && frames[2].len == 8) {
            *ret_rid = pt_be_read((const uint8_t *) frames[2].data, 8);
        }
    }

    if (n < 2 || !pt_str_eq(frames[0], PT_STR(PT_WIRE_MAGIC))) {
        return PT_E_BAD_MESSAGE;
    }

    for (k = 0; k < PT_CMD_COUNT_; k++) {
        if (pt_str_is(frames[1], pt_commands[k].name)) {
            break;
        }
    }

    if (k == PT_CMD_COUNT_) {
        return PT_E_UNKNOWN_COMMAND;
    }

    def = &pt_commands[k];
    nheader = def->request ? NREQUEST : 0;

    if (n != 2 + nheader + def->nfields) {
        return PT_E_BAD_MESSAGE;
    }

    memset(&m, 0, sizeof(m));
    m.command = (pt_command_t) k;

    for (i = 0; i < nheader + def->nfields; i++) {
        f = i < nheader ? &request_fields[i] : &def->fields[i - nheader];

        if (!pt_field_read(f, frames[2 + i], (uint8_t *) &m.u)) {
            return PT_E_BAD_MESSAGE;
        }
    }

    *ret_msg = m;
    return PT_OK;
}


pt_err_t
pt_wire_encode(const pt_msg_t *msg, pt_frames_t *ret_frames)
{
    size_t                   i, nheader;
    const pt_field_t        *f;
    const pt_command_def_t  *def;

    if ((unsigned) msg->command >= PT_CMD_COUNT_) {
        return PT_E_INVALID;
    }

    def = &pt_commands[msg->command];
    nheader = def->request ? NREQUEST : 0;

    ret_frames->frames[0] = PT_STR(PT_WIRE_MAGIC);
    ret_frames->frames[1] = pt_str(def->name);
    ret_frames->n = 2 + nheader + def->nfields;

    for (i = 0; i < nheader + def->nfields; i++) {
        f = i < nheader ? &request_fields[i] : &def->fields[i - nheader];

        if (!pt_field_write(f, (const uint8_t *) &msg->u,
                            &ret_frames->frames[2 + i],
                            ret_frames->ints[2 + i]))
        {
            return PT_E_INVALID;
        }
    }

    return PT_OK;
}


size_t
pt_pack_len(const pt_frames_t *frames)
{
    size_t  i, len = 1;

    for (i = 1; i < frames->n; i++) {
        len += 4 + frames->frames[i].len;
    }

    return len;
}


void
pt_pack_add(pt_buf_t *buf, const pt_frames_t *frames)
{
    size_t   i;
    uint8_t  len[4];

    pt_buf_add_char(buf, (char) (frames->n - 1));

    for (i = 1; i < frames->n; i++) {
        pt_be_write(len, sizeof(len), frames->frames[i].len);
        pt_buf_add(buf, len, sizeof(len));
        pt_buf_add(buf, frames->frames[i].data, frames->frames[i].len);
    }
}


pt_err_t
pt_pack_next(pt_str_t *messages, pt_str_t *frames, size_t *ret_n)
{
    size_t          i, n;
    uint64_t        len;
    const char     *at = messages->data;
    const char     *end = at + messages->len;

    n = messages->len ? (uint8_t) *at++ : 0;

    if (n == 0 || n >= PT_WIRE_FRAMES_MAX) {
        return PT_E_BAD_MESSAGE;
    }

    frames[0] = PT_STR(PT_WIRE_MAGIC);

    for (i = 1; i <= n; i++) {
        if (end - at < 4) {
            return PT_E_BAD_MESSAGE;
        }

        len = pt_be_read((const uint8_t *) at, 4);
        at += 4;

        if (len > (size_t) (end - at)) {
            return PT_E_BAD_MESSAGE;
        }

        frames[i] = (pt_str_t) { at, len };
        at += len;
    }

    if (pt_str_is(frames[1], "PACK")) {
        return PT_E_BAD_MESSAGE;
    }

    *messages = (pt_str_t) { at, (size_t) (end - at) };
    *ret_n = n + 1;

    return PT_OK;
}


const char *
pt_command_name(pt_command_t command)
{
    return (unsigned) command < PT_CMD_COUNT_ ? pt_commands[command].name : "?";
}


bool
pt_command_is_request(pt_command_t command)
{
    return (unsigned) command < PT_CMD_COUNT_ && pt_commands[command].request;
}


bool
pt_batch_job_read(pt_str_t *jobs, pt_submit_t *ret_job)
{
    size_t       i, len;
    pt_str_t     rest = *jobs;
    pt_submit_t  job;

    memset(&job, 0, sizeof(job));

    for (i = 0; i < NBATCH; i++) {
        if (rest.len < 4) {
            return false;
        }

        len = (size_t) pt_be_read((const uint8_t *) rest.data, 4);
        rest.data += 4;
        rest.len -= 4;

        if (len > rest.len
            || !pt_field_read(&batch_job_fields[i],
                              (pt_str_t) { rest.data, len }, (uint8_t *) &job))
        {
            return false;
        }

        rest.data += len;
        rest.len -= len;
    }

    *jobs = rest;
    *ret_job = job;

    return true;
}


void
pt_batch_job_write(pt_buf_t *buf, const pt_submit_t *job)
{
    size_t    i;
    uint8_t   len[4], ints[8];
    pt_str_t  frame;

    for (i = 0; i < NBATCH; i++) {
        if (!pt_field_write(&batch_job_fields[i], (const uint8_t *) job,
                            &frame, ints))
        {
            buf->err = PT_E_INVALID;
            return;
        }

        pt_be_write(len, sizeof(len), frame.len);
        pt_buf_add(buf, len, sizeof(len));
        pt_buf_add_str(buf, frame);
    }
}


static bool
pt_jobs_are_good(pt_str_t jobs, size_t max)
{
    size_t       n;
    pt_submit_t  job;

    if (jobs.len > PT_JSON_FRAME_MAX) {
        return false;
    }

    for (n = 0; jobs.len; n++) {
        if (n == max || !pt_batch_job_read(&jobs, &job)) {
            return false;
        }
    }

    return n > 0;
}


bool
pt_media_type_is_good(pt_str_t s)
{
    size_t  i, slash = 0;

    if (s.len == 0 || s.len > 127) {
        return false;
    }

    for (i = 0; i < s.len; i++) {

        if (s.data[i] == '/' && i > 0 && slash == 0) {
            slash = i;

        } else if (!pt_is_tchar(s.data[i])) {
            return false;
        }
    }

    return slash > 0 && slash < s.len - 1;
}


void
pt_mark_read(pt_str_t marks, size_t i, pt_id_t *ret_id, uint32_t *ret_n)
{
    const uint8_t  *p = (const uint8_t *) marks.data + i * PT_MARK_LEN;

    memcpy(ret_id->bytes, p, sizeof(ret_id->bytes));
    *ret_n = (uint32_t) pt_be_read(p + sizeof(ret_id->bytes), 4);
}


void
pt_mark_write(uint8_t out[PT_MARK_LEN], const pt_id_t *id, uint32_t n)
{
    memcpy(out, id->bytes, sizeof(id->bytes));
    pt_be_write(out + sizeof(id->bytes), 4, n);
}


static bool
pt_field_read(const pt_field_t *f, pt_str_t frame, uint8_t *base)
{
    void            *to = base + f->offset;
    uint64_t         v;
    const uint8_t   *p = (const uint8_t *) frame.data;

    switch (f->type) {

    case F_U8:
        if (frame.len != 1 || *p > f->max) {
            return false;
        }

        *(uint8_t *) to = *p;
        return true;

    case F_U16:
        if (frame.len != 2 || (v = pt_be_read(p, 2)) > f->max) {
            return false;
        }

        *(uint16_t *) to = (uint16_t) v;
        return true;

    case F_U32:
        if (frame.len != 4 || (v = pt_be_read(p, 4)) > f->max) {
            return false;
        }

        *(uint32_t *) to = (uint32_t) v;
        return true;

    case F_U64:
    case F_I64:
        if (frame.len != 8) {
            return false;
        }

        *(uint64_t *) to = pt_be_read(p, 8);
        return true;

    case F_ID:
        if (frame.len != sizeof(pt_id_t)) {
            return false;
        }

        memcpy(to, p, sizeof(pt_id_t));
        return !pt_id_is_zero(to);

    case F_ID_OPT:
        if (frame.len == 0) {
            memset(to, 0, sizeof(pt_id_t));
            return true;
        }

        if (frame.len != sizeof(pt_id_t)) {
            return false;
        }

        memcpy(to, p, sizeof(pt_id_t));
        return !pt_id_is_zero(to);

    case F_SHA256:
        if (frame.len != 32) {
            return false;
        }

        *(const uint8_t **) to = p;
        return true;

    case F_TEXT:
        if (!pt_text_is_good(frame, f->min, f->max)) {
            return false;
        }

        break;

    case F_TEXT_OPT:
        if (frame.len == 0) {
            *(pt_str_t *) to = PT_STR_NULL;
            return true;
        }

        if (!pt_text_is_good(frame, 1, f->max)) {
            return false;
        }

        break;

    case F_JSON_OPT:
        if (frame.len == 0) {
            *(pt_str_t *) to = PT_STR_NULL;
            return true;
        }

        /* fall through */

    case F_JSON:
        if (!pt_text_is_good(frame, 1, f->max)) {
            return false;
        }

        break;

    case F_BYTES:
        if (frame.len > f->max) {
            return false;
        }

        break;

    case F_IDS:
        if (frame.len % sizeof(pt_id_t) || frame.len / sizeof(pt_id_t) > f->max) {
            return false;
        }

        break;

    case F_JOBS:
        if (!pt_jobs_are_good(frame, f->max)) {
            return false;
        }

        break;

    case F_MARKS:
        if (frame.len % PT_MARK_LEN || frame.len / PT_MARK_LEN > f->max) {
            return false;
        }

        break;
    }

    /* an empty frame may come without an address, and is not absent */
    *(pt_str_t *) to = frame.len ? frame : PT_STR("");

    return true;
}


static bool
pt_field_write(const pt_field_t *f, const uint8_t *base, pt_str_t *frame,
    uint8_t ints[8])
{
    uint64_t     v;
    const void  *from = base + f->offset;

    switch (f->type) {

    case F_U8:
        v = *(const uint8_t *) from;
        *frame = (pt_str_t) { (char *) ints, 1 };
        break;

    case F_U16:
        v = *(const uint16_t *) from;
        *frame = (pt_str_t) { (char *) ints, 2 };
        break;

    case F_U32:
        v = *(const uint32_t *) from;
        *frame = (pt_str_t) { (char *) ints, 4 };
        break;

    case F_U64:
    case F_I64:
        pt_be_write(ints, 8, *(const uint64_t *) from);
        *frame = (pt_str_t) { (char *) ints, 8 };
        return true;

    case F_ID:
        *frame = (pt_str_t) { from, sizeof(pt_id_t) };
        return !pt_id_is_zero(from);

    case F_ID_OPT:
        *frame = pt_id_is_zero(from) ? PT_STR("")
                                     : (pt_str_t) { from, sizeof(pt_id_t) };
        return true;

    case F_SHA256:
        *frame = (pt_str_t) { *(const char *const *) from, 32 };
        return frame->data != NULL;

    case F_TEXT:
        *frame = *(const pt_str_t *) from;
        return pt_text_is_good(*frame, f->min, f->max);

    case F_TEXT_OPT:
    case F_JSON_OPT:
        *frame = *(const pt_str_t *) from;
        return frame->data == NULL || pt_text_is_good(*frame, 1, f->max);

    case F_JSON:
        *frame = *(const pt_str_t *) from;
        return pt_text_is_good(*frame, 1, f->max);

    case F_BYTES:
        *frame = *(const pt_str_t *) from;
        return frame->len <= f->max;

    case F_IDS:
        *frame = *(const pt_str_t *) from;
        return frame->len % sizeof(pt_id_t) == 0
               && frame->len / sizeof(pt_id_t) <= f->max;

    case F_JOBS:
        *frame = *(const pt_str_t *) from;
        return pt_jobs_are_good(*frame, f->max);

    case F_MARKS:
        *frame = *(const pt_str_t *) from;
        return frame->len % PT_MARK_LEN == 0
               && frame->len / PT_MARK_LEN <= f->max;

    default:
        return false;
    }

    if (v > f->max) {
        return false;
    }

    pt_be_write(ints, frame->len, v);

    return true;
}


static bool
pt_text_is_good(pt_str_t s, size_t min, size_t max)
{
    return s.len >= min && s.len <= max
           && (s.len == 0
               || (memchr(s.data, '\0', s.len) == NULL && pt_str_is_utf8(s)));
}


/* what a token of HTTP is made of */
static bool
pt_is_tchar(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9')
           || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}


static uint64_t
pt_be_read(const uint8_t *p, size_t n)
{
    uint64_t  v = 0;

    while (n--) {
        v = v << 8 | *p++;
    }

    return v;
}


static void
pt_be_write(uint8_t *p, size_t n, uint64_t v)
{
    while (n--) {
        p[n] = (uint8_t) v;
        v >>= 8;
    }
}
