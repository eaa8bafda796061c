/*
 * PJP1, the protocol between edge, orchestrator and processors: its grammar,
 * its structs, one decoder and one encoder.
 *
 * A message is a ZeroMQ multipart message: frame 0 "PJP1", frame 1 the name
 * of a command, then the command's fields, each a frame:
 *
 *   u8 u16 u32 u64 i64   that many bits, network order; (..n) its largest value
 *   id                   16 bytes, a UUID;  id?  the same, or absent
 *   sha256               32 bytes
 *   text(a..b)           UTF-8 of a to b bytes, no NUL
 *   text?(b)             the same of 1 to b bytes, or absent
 *   json(b)              UTF-8 of 1 to b bytes that the sender made as JSON
 *   json?(b)             the same, or absent
 *   bytes(b)             anything of up to b bytes
 *   ids(n)               up to n ids, one after the other
 *   marks(n)             up to n pairs of id and u32, one after the other
 *   jobs(n)              1 to n jobs of a batch: each has the fields of SUBMIT
 *                        that pt_batch_job_read() names, each field with its
 *                        length as u32 before it
 *
 * Absent is a frame of no bytes.  Times are i64 milliseconds since 1970, 0
 * for "none".  A command's fields never change: what needs more becomes a new
 * command, and an unknown one is answered with PROBLEM unknown_command.
 *
 * Any bytes give a message or an error; a decoded message borrows from the
 * frames it was decoded from.
 */

#ifndef PT_WIRE_H
#define PT_WIRE_H

#include "pt_id.h"
#include "pt_mem.h"


#define PT_WIRE_MAGIC        "PJP1"
#define PT_WIRE_FRAMES_MAX   32

#define PT_USER_MAX          255        /* bytes of a user id */
#define PT_NAME_MAX          64         /* service, action, role, tier, stage */
#define PT_OUTPUT_NAME_MAX   255
#define PT_KEY_MAX           512        /* storage key */
#define PT_JSON_FRAME_MAX    (4u << 20) /* a request's parameters, a result */
#define PT_REPLY_MAX         (16u << 20)
#define PT_INPUTS_MAX        64         /* files that one job may name */
#define PT_BATCH_MAX         1000       /* jobs of one batch */
#define PT_MARKS_MAX         65536      /* streams in one SYNC, attempts in READY */
#define PT_PACK_MAX          (1u << 20) /* bytes; what is longer goes alone */


typedef enum {
    /* edge -> orchestrator; each begins with pt_request_t */
    PT_CMD_SUBMIT = 0,
    PT_CMD_GET,
    PT_CMD_LIST,
    PT_CMD_CANCEL,
    PT_CMD_OPEN,
    PT_CMD_FILE_ADD,
    PT_CMD_FILE_GET,
    PT_CMD_FILE_LIST,
    PT_CMD_FILE_DELETE,
    PT_CMD_FILE_FETCH,
    PT_CMD_EVENTS,
    PT_CMD_WATCH,
    PT_CMD_UNWATCH,
    PT_CMD_SYNC,
    PT_CMD_CHANGED,
    PT_CMD_HEALTH,
    PT_CMD_SCHEDULE_ADD,
    PT_CMD_SCHEDULE_LIST,
    PT_CMD_SCHEDULE_GET,
    PT_CMD_SCHEDULE_CHANGE,
    PT_CMD_INSTANCES,
    PT_CMD_SCALE,
    PT_CMD_RESTART,
    PT_CMD_USAGE,
    PT_CMD_SUBMIT_BATCH,
    PT_CMD_BATCH,
    PT_CMD_RETRY,
    PT_CMD_METRICS,
    PT_CMD_DELIVERIES,

    /* orchestrator -> edge */
    PT_CMD_OK,
    PT_CMD_PROBLEM,
    PT_CMD_EVENT,
    PT_CMD_LAGGED,

    /* processor -> orchestrator */
    PT_CMD_READY,
    PT_CMD_PROGRESS,
    PT_CMD_OUTPUT,
    PT_CMD_DONE,
    PT_CMD_FAILED,
    PT_CMD_BYE,

    /* orchestrator -> processor */
    PT_CMD_ASSIGN,
    PT_CMD_CANCEL_ATTEMPT,
    PT_CMD_ACK,
    PT_CMD_DRAIN,
    PT_CMD_WHO,

    /* both ways between orchestrator and processor; HEARTBEAT each second */
    PT_CMD_HEARTBEAT,
    PT_CMD_PACK,

    PT_CMD_COUNT_
} pt_command_t;


/*
 * What every request of the edge begins with, as the session has it
 *   rid:u64 deadline_ms:u32 user:text(0..255) role:text(0..64) admin:u8(..1)
 *   tier:text(0..64) traceparent:text?(64)
 *
 * The answer is OK or PROBLEM with the same rid.  After deadline_ms nobody
 * waits for it any more.
 */
typedef struct {
    uint64_t  rid;
    uint32_t  deadline_ms;
    pt_str_t  user;          /* empty only for SYNC and HEALTH */
    pt_str_t  role;          /* Better Auth's user.role */
    uint8_t   admin;
    pt_str_t  tier;
    pt_str_t  traceparent;   /* W3C Trace Context */
} pt_request_t;


/*
 * SUBMIT, edge -> orchestrator.  OK's body: the job as JSON.  The same job id
 * again is the same job.
 *   request job:id batch:id? service:text(1..64) action:text(1..64)
 *   user_type:text(0..64) priority:u8(..3) idempotency_key:text?(255)
 *   body_sha256:sha256 params:json metadata:json?(16384) inputs:ids(64)
 *   run_at:i64 expires_at:i64 webhook_url:text?(2048) max_attempts:u16(..100)
 *   timeout_s:u32(..604800) retry_of:id? no_cache:u8(..1) secrets:json?
 *
 * secrets: the values of those members of params that are sealed before they
 * are stored, by their pointers: {"/password":"..."}.  In params they are null
 * (pt_secret.h).
 */
typedef struct {
    pt_request_t    rq;
    pt_id_t         job;
    pt_id_t         batch;            /* zero: none */
    pt_str_t        service;
    pt_str_t        action;
    pt_str_t        user_type;        /* creator, investor, production, ... */
    uint8_t         priority;         /* 0 low, 1 normal, 2 high, 3 urgent */
    pt_str_t        idempotency_key;
    const uint8_t  *body_sha256;      /* of the RFC 8785 text of the body */
    pt_str_t        params;           /* the action's own members */
    pt_str_t        metadata;         /* an object of the caller's, kept as is */
    pt_str_t        inputs;           /* n * 16 bytes: file ids in params */
    int64_t         run_at;
    int64_t         expires_at;
    pt_str_t        webhook_url;
    uint16_t        max_attempts;     /* 0: the action's own */
    uint32_t        timeout_s;        /* 0: the action's own */
    pt_id_t         retry_of;         /* zero: none */
    uint8_t         no_cache;         /* 1: do it, whatever is known */
    pt_str_t        secrets;
} pt_submit_t;


/*
 * SUBMIT_BATCH, edge -> orchestrator: many jobs, all or none.  OK's body:
 * {"batch_id","jobs":[...]}, in the order of the request.  The same batch id
 * again is the same batch; an idempotency key is the whole batch's.
 *   request batch:id user_type:text(0..64) idempotency_key:text?(255)
 *   body_sha256:sha256 jobs:jobs(1000) no_cache:u8(..1)
 */
typedef struct {
    pt_request_t    rq;
    pt_id_t         batch;
    pt_str_t        user_type;
    pt_str_t        idempotency_key;
    const uint8_t  *body_sha256;
    pt_str_t        jobs;             /* up to 4 MiB */
    uint8_t         no_cache;
} pt_submit_batch_t;

/*
 * One job of a batch: of the submission these fields, and no others
 *   job:id service:text(1..64) action:text(1..64) priority:u8(..3) params:json
 *   metadata:json?(16384) inputs:ids(64) run_at:i64 expires_at:i64
 *   webhook_url:text?(2048) max_attempts:u16(..100) timeout_s:u32(..604800)
 *   secrets:json?
 *
 * _read() takes the first job off *jobs and leaves the rest; false: there is
 * none, or it is not what the grammar allows.  _write() adds one; buf->err is
 * PT_E_INVALID where a field is not what the grammar allows.
 */
bool pt_batch_job_read(pt_str_t *jobs, pt_submit_t *ret_job);
void pt_batch_job_write(pt_buf_t *buf, const pt_submit_t *job);


/*
 * GET, CANCEL, FILE_GET: one job or file.  OK's body: it as JSON.
 * FILE_DELETE: the file's row and bytes go; a conflict while an open job uses
 * it.  OK's body: {}.
 *   request id:id
 */
typedef struct {
    pt_request_t  rq;
    pt_id_t       id;
} pt_get_t;


/*
 * FILE_FETCH: what the user has put into the bucket itself is taken to where
 * files are, and looked at.  OK's body: its size:u64, its SHA-256 (32 bytes),
 * its first bytes (8192 at most); a FILE_ADD makes it a file.  not_found: it is
 * not there; in_flight: not all is here yet, ask again; invalid: another size.
 *   request id:id size:u64
 */
typedef struct {
    pt_request_t  rq;
    pt_id_t       id;
    uint64_t      size;            /* that was promised */
} pt_file_fetch_t;


/*
 * BATCH: how far a batch has come.  OK's body: {"batch_id","jobs":N,
 * "status":{"queued":n,...},"progress":0..1,"created_at","finished_at"}
 *   request id:id
 */


/*
 * RETRY: a new job like one that has ended: PROBLEM conflict for one that has
 * not.  OK's body: the new job as JSON.  The same job id again is the same job.
 *   request job:id retry_of:id user_type:text(0..64)
 *   idempotency_key:text?(255) body_sha256:sha256
 */
typedef struct {
    pt_request_t    rq;
    pt_id_t         job;
    pt_id_t         retry_of;
    pt_str_t        user_type;
    pt_str_t        idempotency_key;
    const uint8_t  *body_sha256;      /* of what names retry_of */
} pt_retry_t;


/*
 * LIST: own jobs, newest first.  OK's body: {"jobs":[...],"next":cursor|null}
 *   request cursor:text?(128) limit:u16(..100) status:text?(128) service:text?(64)
 *   action:text?(64) created_after:i64 created_before:i64 batch:id?
 *   owner:text?(255)
 *
 * status: one or more, with commas between them.  The range of times: after,
 * and before, both without the millisecond itself.  owner: of whom, if the
 * request is an admin's; absent: of the one who asks.
 */
typedef struct {
    pt_request_t  rq;
    pt_str_t      cursor;
    uint16_t      limit;
    pt_str_t      status;
    pt_str_t      service;
    pt_str_t      action;
    int64_t       created_after;
    int64_t       created_before;
    pt_id_t       batch;
    pt_str_t      owner;
} pt_list_t;


/*
 * OPEN: where an output of a job, or an uploaded file, lies.  OK's body:
 * {"key","size","sha256","media_type","name","tree":false}; of a file below
 * a tree, size and sha256 are absent and "tree" is true.  "final" is true when
 * the job has ended: the answer stays as it is.
 *   request kind:u8(..1) id:id name:text(0..255)
 */
typedef enum {
    PT_OPEN_OUTPUT = 0,      /* id is a job, name the output's path */
    PT_OPEN_FILE             /* id is a file, name is empty */
} pt_open_kind_t;

typedef struct {
    pt_request_t  rq;
    uint8_t       kind;
    pt_id_t       id;
    pt_str_t      name;
} pt_open_t;


/*
 * FILE_ADD: an upload that is complete and synced in storage becomes a file
 * of the user's, unless it is over their quota.  OK, after commit, with the
 * file as JSON; the same id again is the same file.
 *   request id:id name:text(0..255) media_type:text(1..127) size:u64
 *   sha256:sha256 key:text(1..512)
 */
typedef struct {
    pt_request_t    rq;
    pt_id_t         id;
    pt_str_t        name;             /* what the user called it; never a path */
    pt_str_t        media_type;       /* by its magic bytes */
    uint64_t        size;             /* bytes */
    const uint8_t  *sha256;
    pt_str_t        key;
} pt_file_add_t;


/*
 * FILE_LIST: own files, newest first.  OK's body:
 * {"files":[...],"next":cursor|null}
 *   request cursor:text?(128) limit:u16(..100)
 */
typedef struct {
    pt_request_t  rq;
    pt_str_t      cursor;
    uint16_t      limit;
} pt_file_list_t;


/*
 * EVENTS: the numbered events of a job after a number, at most 1,000.  OK's
 * body: a line for each, "<seq> <type> <json>\n", in order; fewer than 1,000
 * lines means that there were no more when it was read.
 *   request job:id after:u32
 */
typedef struct {
    pt_request_t  rq;
    pt_id_t       job;
    uint32_t      after;
} pt_events_t;


/*
 * WATCH, UNWATCH: from now on (the OK comes after it is in force), or no
 * longer, EVENT comes on this connection for a job, or for all jobs of the
 * request's user where job is absent.  OK's body of WATCH: the job as JSON,
 * or {}.
 *   request job:id?
 */
typedef struct {
    pt_request_t  rq;
    pt_id_t       job;
} pt_watch_t;


/*
 * SYNC: every 5 s and after each reconnect, the jobs that streams of this
 * worker follow, with the last number that they have.  It puts their watches
 * in force again.  OK's body: marks of those that have moved since.
 *   request jobs:marks(65536)
 */
typedef struct {
    pt_request_t  rq;
    pt_str_t      jobs;
} pt_sync_t;


/*
 * CHANGED: the user's jobs that are open, or ended since a time; of the newest
 * 5,000 the newest 1,000.  OK's body: {"jobs":[{"job":id,"seq":last number,
 * "status"}],"more":bool}
 *   request since:i64
 */
typedef struct {
    pt_request_t  rq;
    int64_t       since;       /* 0: those that are open */
} pt_changed_t;


/*
 * HEALTH: OK's body: {"database":true,"storage":true}; false with the reason
 * in "database_error", "storage_error".
 *   request
 */
typedef struct {
    pt_request_t  rq;
} pt_health_t;


/*
 * SCHEDULE_ADD: the job that the fields describe, again and again.  OK's body:
 * the schedule as JSON.  The same id again is the same schedule.
 *   request id:id name:text?(255) cron:text(1..256) time_zone:text(1..64)
 *   service:text(1..64) action:text(1..64) user_type:text(0..64)
 *   priority:u8(..3) params:json metadata:json?(16384) inputs:ids(64)
 *   webhook_url:text?(2048) max_attempts:u16(..100) timeout_s:u32(..604800)
 *   secrets:json?
 */
typedef struct {
    pt_request_t    rq;
    pt_id_t         id;
    pt_str_t        name;             /* for people */
    pt_str_t        cron;             /* "30 9 * * mon-fri" */
    pt_str_t        time_zone;        /* "Pacific/Auckland" */
    pt_str_t        service;          /* the rest is as in SUBMIT */
    pt_str_t        action;
    pt_str_t        user_type;
    uint8_t         priority;
    pt_str_t        params;
    pt_str_t        metadata;
    pt_str_t        inputs;
    pt_str_t        webhook_url;
    uint16_t        max_attempts;
    uint32_t        timeout_s;
    pt_str_t        secrets;
} pt_schedule_add_t;


/*
 * SCHEDULE_LIST: the user's schedules.  OK's body: {"schedules":[...]}
 *   request
 * SCHEDULE_GET: one of them.  OK's body: it as JSON
 *   request id:id
 * SCHEDULE_CHANGE: OK's body: it as JSON, or of RUN the job
 *   request id:id change:u8(..3) job:id? user_type:text(0..64)
 */
typedef enum {
    PT_SCHEDULE_DELETE = 0,
    PT_SCHEDULE_PAUSE,
    PT_SCHEDULE_RESUME,      /* with the role and user_type of this request */
    PT_SCHEDULE_RUN          /* once, now, as this job */
} pt_schedule_change_e;

typedef struct {
    pt_request_t    rq;
    pt_id_t         id;
    uint8_t         change;           /* pt_schedule_change_e */
    pt_id_t         job;              /* of RUN; else zero */
    pt_str_t        user_type;
} pt_schedule_change_t;


/*
 * INSTANCES: the processors of the orchestrators, live.  OK's body:
 * {"orchestrator":...,"pools":[...],"instances":[...]}.  For admins.
 *   request
 * SCALE: how many processes a service has at least and at most, until the
 * orchestrator's configuration is read again.  OK's body: its pool.  For admins.
 *   request service:text(1..64) min:u16 max:u16
 * RESTART: each process of a service, or of all, leaves when it has finished,
 * and a new one takes its place.  OK's body: {"restarting":n}.  For admins.
 *   request service:text?(64)
 * USAGE: what the user has used in a month, and stores; or, for admins, what
 * another has, or each.  OK's body: JSON
 *   request owner:text?(255) month:i64 by_user:u8(..1)
 *
 * month: a time in it, in UTC; 0: this one.
 */
typedef struct {
    pt_request_t    rq;
    pt_str_t        service;
    uint16_t        min;
    uint16_t        max;
} pt_scale_t;

typedef struct {
    pt_request_t    rq;
    pt_str_t        service;          /* absent: all */
} pt_restart_t;

typedef struct {
    pt_request_t    rq;
    pt_str_t        owner;            /* absent: who asks */
    int64_t         month;
    uint8_t         by_user;
} pt_usage_t;


/*
 * DELIVERIES: the calls that told of a job's end, or of its batch's.  OK's
 * body: {"webhooks":[{"id","url","state","next_at","attempts":[...]}]}
 *   request id:id
 */


/*
 * METRICS: what the orchestrator counts.  OK's body: Prometheus' text (0.0.4),
 * each family in one piece that begins with its HELP line, each sample with
 * the label orchestrator="NAME".
 *   request
 */


/*
 * OK, orchestrator -> edge: the body is what the request's comment says
 *   rid:u64 body:bytes(16 MiB)
 */
typedef struct {
    uint64_t  rid;
    pt_str_t  body;
} pt_ok_t;


/*
 * PROBLEM, orchestrator -> edge
 *   rid:u64 code:text(1..64) detail:text(0..1024) retry_after_s:u32 errors:json?
 */
typedef struct {
    uint64_t  rid;
    pt_str_t  code;            /* of pt_err.h */
    pt_str_t  detail;          /* for people */
    uint32_t  retry_after_s;   /* 0: no advice */
    pt_str_t  errors;          /* [{"pointer","detail"}] */
} pt_problem_t;


/*
 * EVENT, orchestrator -> edge: once on each connection that watches the job
 * or its owner
 *   job:id owner:text(1..255) seq:u32 type:text(1..32) body:json
 */
typedef struct {
    pt_id_t   job;
    pt_str_t  owner;
    uint32_t  seq;             /* 0: progress, which is not numbered */
    pt_str_t  type;            /* state, output, result, error, progress */
    pt_str_t  body;
} pt_event_t;


/*
 * READY, processor -> orchestrator: first message, and the answer to WHO
 *   service:text(1..64) actions:json(65536) slots:u16 group:u16 pid:u32
 *   start_time:u64 running:marks(65536)
 *
 * actions: [{"name","version","cacheable","light","uncached_with"?}]: a job whose
 * parameters have the member uncached_with (not null, not false) reads what
 * others write, and is never answered from the cache.  So many attempts may be
 * assigned at once as there are slots; group of light actions share one.  pid
 * and start_time (field 22 of
 * /proc/PID/stat) name a local process beyond the reuse of its pid; 0, 0
 * from another host.  running: the attempts it holds.
 */
typedef struct {
    pt_str_t  service;
    pt_str_t  actions;
    uint16_t  slots;
    uint16_t  group;
    uint32_t  pid;
    uint64_t  start_time;
    pt_str_t  running;
} pt_ready_t;


/*
 * PROGRESS, processor -> orchestrator, at most 10 a second per attempt
 *   job:id attempt:u32 permille:u16(..1000) stage:text(0..64)
 */
typedef struct {
    pt_id_t   job;
    uint32_t  attempt;
    uint16_t  permille;
    pt_str_t  stage;
} pt_progress_t;


/*
 * OUTPUT, processor -> orchestrator: a file or tree lies in storage; repeated
 * until the ACK with its number
 *   job:id attempt:u32 n:u32 body:json
 *
 * body: {"name","kind":"file","media_type","size","sha256","key"}, or
 * {"name","kind":"tree","entry","files","size","key"}; sizes in bytes, the
 * tree's key is the prefix that its files' keys share, with its last "/".  A
 * tree that has grown since is reported once more: the last numbers count.
 */
typedef struct {
    pt_id_t   job;
    uint32_t  attempt;
    uint32_t  n;               /* 1, 2, ... over an attempt's reports */
    pt_str_t  body;
} pt_output_t;

/* type "/" subtype of RFC 9110, at most 127 bytes: it becomes a header field */
bool pt_media_type_is_good(pt_str_t s);


/*
 * DONE, processor -> orchestrator: success, the last report of an attempt
 *   job:id attempt:u32 n:u32 result:json usage:json(4096)
 *
 * usage: {"cpu_ms","wall_ms","peak_bytes","input_bytes","output_bytes"}
 */
typedef struct {
    pt_id_t   job;
    uint32_t  attempt;
    uint32_t  n;
    pt_str_t  result;
    pt_str_t  usage;
} pt_done_t;


/*
 * FAILED, processor -> orchestrator: the last report of an attempt that has
 * no result
 *   job:id attempt:u32 n:u32 code:text(1..64) message:text(0..1024)
 *   retryable:u8(..1) errors:json? usage:json(4096)
 */
typedef struct {
    pt_id_t   job;
    uint32_t  attempt;
    uint32_t  n;
    pt_str_t  code;
    pt_str_t  message;
    uint8_t   retryable;
    pt_str_t  errors;          /* [{"pointer","detail"}] */
    pt_str_t  usage;
} pt_failed_t;


/*
 * ASSIGN, orchestrator -> processor
 *   job:id attempt:u32 action:text(1..64) params:json deadline_ms:u64
 *   user:text(1..255) role:text(0..64) user_type:text(0..64)
 *   traceparent:text?(64) inputs:json(65536)
 *
 * inputs: [{"id","key","sha256","size","media_type","name"}]
 */
typedef struct {
    pt_id_t   job;
    uint32_t  attempt;
    pt_str_t  action;
    pt_str_t  params;
    uint64_t  deadline_ms;     /* from the receipt; 0: none */
    pt_str_t  user;
    pt_str_t  role;
    pt_str_t  user_type;
    pt_str_t  traceparent;
    pt_str_t  inputs;
} pt_assign_t;


/*
 * CANCEL_ATTEMPT, orchestrator -> processor: stop it, report nothing more;
 * what it has stored is deleted, unless it has come to a DONE
 *   job:id attempt:u32
 * ACK, orchestrator -> processor: the report n is committed, or of no use
 *   job:id attempt:u32 n:u32
 */
typedef struct {
    pt_id_t   job;
    uint32_t  attempt;
    uint32_t  n;               /* 0 in CANCEL_ATTEMPT, which has no such field */
} pt_attempt_ref_t;


/* LAGGED, BYE, DRAIN, WHO, HEARTBEAT have no fields */


/*
 * PACK, both ways between orchestrator and processor: messages, none of them
 * a PACK, that would have been sent one after the other
 *   messages:bytes(1 MiB)
 *
 * messages = *( frames:u8 *( len:u32 bytes ) ), without their magic frames.
 */
typedef struct {
    pt_str_t  messages;
} pt_pack_t;


typedef struct {
    pt_command_t          command;

    union {
        pt_request_t      request;     /* of every command of the edge */
        pt_submit_t       submit;
        pt_submit_batch_t submit_batch;
        pt_retry_t        retry;
        pt_get_t          get;         /* BATCH, GET, CANCEL, FILE_GET,
                                        * FILE_DELETE, SCHEDULE_GET */
        pt_list_t         list;
        pt_open_t         open;
        pt_file_add_t     file_add;
        pt_file_list_t    file_list;
        pt_file_fetch_t   file_fetch;
        pt_events_t       events;
        pt_watch_t        watch;       /* WATCH, UNWATCH */
        pt_sync_t         sync;
        pt_changed_t      changed;
        pt_health_t       health;      /* and others without fields */
        pt_schedule_add_t     schedule_add;
        pt_schedule_change_t  schedule_change;
        pt_scale_t        scale;
        pt_restart_t      restart;
        pt_usage_t        usage;
        pt_ok_t           ok;
        pt_problem_t      problem;
        pt_event_t        event;
        pt_ready_t        ready;
        pt_progress_t     progress;
        pt_output_t       output;
        pt_done_t         done;
        pt_failed_t       failed;
        pt_assign_t       assign;
        pt_attempt_ref_t  attempt;     /* CANCEL_ATTEMPT, ACK */
        pt_pack_t         pack;
    } u;
} pt_msg_t;


/* the encoded message: frames borrow from the message and from ints */
typedef struct {
    pt_str_t  frames[PT_WIRE_FRAMES_MAX];
    size_t    n;
    uint8_t   ints[PT_WIRE_FRAMES_MAX][8];
} pt_frames_t;


/*
 * ret_msg borrows from frames and is untouched on failure.  ret_rid (may be
 * NULL) is the first field where that is a u64, else 0: it is set even on failure,
 * so that a PROBLEM can be sent.
 *
 * Errors  PT_E_BAD_MESSAGE (not PJP1; a bad, missing or surplus frame),
 *         PT_E_UNKNOWN_COMMAND
 */
PT_MUST_CHECK pt_err_t pt_wire_decode(const pt_str_t *frames, size_t n,
    pt_msg_t *ret_msg, uint64_t *ret_rid);

/* PT_E_INVALID where a field is not what the grammar allows */
PT_MUST_CHECK pt_err_t pt_wire_encode(const pt_msg_t *msg,
    pt_frames_t *ret_frames);


/* how many bytes pt_pack_add() would append */
size_t pt_pack_len(const pt_frames_t *frames);

/* appends an encoded message to a pack's messages */
void pt_pack_add(pt_buf_t *buf, const pt_frames_t *frames);

/*
 * Takes the first message off messages, as frames that pt_wire_decode() reads.
 *
 * frames   room for PT_WIRE_FRAMES_MAX of them, which borrow from messages
 * Errors   PT_E_BAD_MESSAGE: what is left is no message
 */
PT_MUST_CHECK pt_err_t pt_pack_next(pt_str_t *messages, pt_str_t *frames,
    size_t *ret_n);


/* "SUBMIT" ...; "?" beyond the last */
const char *pt_command_name(pt_command_t command);

/* whether the command begins with pt_request_t */
bool pt_command_is_request(pt_command_t command);


/* marks: the i-th pair, and writing one (20 bytes) */
#define PT_MARK_LEN  20

static inline size_t
pt_marks_count(pt_str_t marks)
{
    return marks.len / PT_MARK_LEN;
}

void pt_mark_read(pt_str_t marks, size_t i, pt_id_t *ret_id, uint32_t *ret_n);
void pt_mark_write(uint8_t out[PT_MARK_LEN], const pt_id_t *id, uint32_t n);


#endif /* PT_WIRE_H */
