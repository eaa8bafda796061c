/*
 * The supervisor: starts a processor when a job for it is ready, more of them
 * when jobs wait, stops those that are idle, starts again, more and more
 * slowly, what crashes, and replaces processes when their program changes.
 * Processors survive their orchestrator.
 */

#ifndef ORCH_SUPERVISOR_H
#define ORCH_SUPERVISOR_H


typedef struct orch_pool_s  orch_pool_t;

struct orch_child_s {
    uv_process_t       process;
    orch_pool_t       *pool;
    orch_child_t      *prev, *next;
    orch_processor_t  *processor;      /* once it is READY */
    uint64_t           start_ms;
    uint64_t           term_ms;        /* SIGTERM was sent; 0: not */
    bool               leaving;        /* its end is no crash */
    bool               running;        /* process has a pid */
    char               cgroup[512];    /* its own folder; "": none */
};

/* which program a path names */
typedef struct {
    uint64_t           device;
    uint64_t           inode;
    int64_t            changed_ns;
} orch_binary_t;

struct orch_pool_s {
    orch_t                         *o;
    orch_pool_t                    *next;
    const orch_config_processor_t  *config;
    orch_service_t                 *service;
    orch_child_t                   *children;
    unsigned                        min;       /* the configuration's, or */
    unsigned                        max;       /* SCALE's */
    unsigned                        n;         /* processes, adopted as well */
    uint64_t                        next_ms;   /* not started before */
    unsigned                        delay_ms;

    unsigned                        slots;     /* of its last one */
    uint64_t                        wanted_ms; /* jobs waited then, */
    uint64_t                        waiting_ms; /* and have since */

    uint64_t                        renew_ms;  /* those before it are replaced */
    unsigned                        renew_n;   /* so many there shall be */
    orch_binary_t                   binary;    /* that runs */
    orch_binary_t                   found;     /* another, seen once */
};

typedef struct {
    orch_pool_t  *pools;
    unsigned      started;             /* children, so far */
    bool          cgroups;             /* limits are the kernel's */
} orch_supervisor_t;


PT_MUST_CHECK pt_err_t orch_supervisor_open(orch_t *o);
void orch_supervisor_close(orch_t *o);

/* frees the pools, once no child's handle is left */
void orch_supervisor_free(orch_t *o);

/* the pools follow o->config, which is new */
PT_MUST_CHECK pt_err_t orch_supervisor_configure(orch_t *o);

/* whether somebody does this service's jobs, or can be started for it */
bool orch_supervisor_offers(orch_t *o, pt_str_t service);

/* processors of the orchestrator before us may come back: starts none yet */
void orch_supervisor_hold(orch_t *o);

/*
 * A job of that service is being accepted: where no process runs one is started
 * beside the commit, not after it.
 */
void orch_supervisor_expect(orch_t *o, orch_service_t *service);

/* jobs of that service are ready and nobody has credit */
void orch_supervisor_want(orch_t *o, orch_service_t *service);

/* a processor said READY; it has gone */
void orch_supervisor_joined(orch_t *o, orch_processor_t *p);
void orch_supervisor_left(orch_t *o, orch_processor_t *p);

/* every second: pools are kept at their size, those that do not leave made to */
void orch_supervisor_tick(orch_t *o);

/* one after the other, each process is replaced by a new one; how many */
unsigned orch_pool_renew(orch_pool_t *pool);

/* all leave; true when all have */
void orch_supervisor_drain(orch_t *o);
bool orch_supervisor_is_empty(const orch_t *o);


#endif /* ORCH_SUPERVISOR_H */
