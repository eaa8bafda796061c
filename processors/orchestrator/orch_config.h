/*
 * The orchestrator's configuration: a file of lines, `name value
 * [key=value...]`, where # begins a comment.
 */

#ifndef ORCH_CONFIG_H
#define ORCH_CONFIG_H

#include "pt_mem.h"
#include "pt_log.h"
#include "pt_s3.h"


/* one line `processor`: a service and how to run what offers it */
typedef struct {
    char              *service;
    char              *path;            /* of the binary */
    unsigned           min;             /* processes kept, also when idle */
    unsigned           max;             /* processes at once */
    unsigned           slots;           /* jobs at once in each; 0: its own */
    unsigned           idle_ms;         /* then it is stopped; 0: never */
    unsigned           nice;            /* 0 to 19 */
    unsigned           cpu_percent;     /* of one core; 0: no limit */
    int64_t            memory_bytes;    /* of a process; 0: no limit */
} orch_config_processor_t;


/*
 * One line `limit`: of jobs that are open (queued) or run, in all and of each
 * user.  Service "*" is for those without a line of their own.  0: no limit.
 * Each orchestrator counts what it has in memory.
 */
typedef struct {
    char              *service;
    unsigned           queued;
    unsigned           running;
    unsigned           user_queued;
    unsigned           user_running;
} orch_config_limit_t;


/* one line `tier`: the highest priority of its users; "*": of all others */
typedef struct {
    char              *name;
    uint8_t            priority;
} orch_config_tier_t;


/* the values of line `keep`: for how long, in seconds */
typedef enum {
    ORCH_KEEP_JOBS = 0,        /* and their events, after their end */
    ORCH_KEEP_OUTPUTS,         /* of jobs that have ended so long ago */
    ORCH_KEEP_UPLOADS,
    ORCH_KEEP_KEYS,            /* of idempotency */
    ORCH_KEEP_COUNT_
} orch_keep_t;


typedef struct {
    char                     *database;          /* conninfo of libpq */
    char                     *platform_database; /* of trusted processors */
    char                     *edge_listen;       /* ZeroMQ endpoint */
    char                     *processor_listen;
    char                     *storage;           /* folders */
    char                     *storage_s3;        /* words of pt_s3.h; NULL */
    char                     *scratch;
    char                     *share;
    char                     *name;              /* of this orchestrator */
    char                     *cgroup;            /* a folder that is ours */
    char                     *edge_remote;       /* "tcp://..."; "": none */
    char                     *processor_remote;
    char                     *curve_file;        /* our keys */
    char                     *edge_keys;         /* who may come: files */
    char                     *processor_keys;
    char                     *sealing;           /* the file of pt_seal.h */
    char                     *webhook_secret;    /* "whsec_...", "file:..." */
    char                     *link_secret;       /* the edge's; "file:..." */
    char                     *link_base;         /* "https://..."; "": none */
    bool                      webhook_http;      /* http:// as well */
    bool                      webhook_private;   /* to private addresses too */
    pt_log_level_t            log_level;
    bool                      log_json;          /* log_format json */
    int64_t                   quota_bytes;       /* of a user's files; 0: none */
    unsigned                  orphans_ms;        /* bytes without a row live */

    orch_config_processor_t  *processors;
    size_t                    nprocessors;

    orch_config_limit_t      *limits;
    size_t                    nlimits;
    orch_config_tier_t       *tiers;
    size_t                    ntiers;

    unsigned                  keep_s[ORCH_KEEP_COUNT_];

    /* "NAME=VALUE" of lines `environment`, for processors */
    char                    **environment;
    size_t                    nenvironment;
} orch_config_t;


/*
 * ret_error  a line for people, "FILE:3: ..."; untouched on success
 * Errors     PT_E_INVALID, PT_E_IO (the file cannot be read), PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t orch_config_load(const char *path,
    orch_config_t *ret_config, pt_buf_t *ret_error);

/* the same of a text in memory; path is for messages */
PT_MUST_CHECK pt_err_t orch_config_parse(const char *path, pt_str_t text,
    orch_config_t *ret_config, pt_buf_t *ret_error);

/* the line for that service, or for all; NULL: none */
const orch_config_limit_t *orch_config_limit_of(const orch_config_t *config,
    pt_str_t service);

/* the highest priority of a tier's users */
uint8_t orch_config_priority_of(const orch_config_t *config, pt_str_t tier);

void orch_config_done(orch_config_t *config);


/* the settings that are texts: all of them are fixed once it runs */
typedef struct {
    const char      *name;
    size_t           offset;       /* of a char * in orch_config_t */
    const char      *otherwise;    /* NULL: must be given */
    bool             listens;      /* an endpoint of ours */
} orch_config_text_t;

size_t orch_config_fixed_count(void);
const orch_config_text_t *orch_config_fixed(size_t i);


#endif /* ORCH_CONFIG_H */
