/*
 * The children of a processor: as many as it has slots, each prepared before
 * a job comes, each used for a number of jobs and then replaced.
 *
 *   STARTING --IDLE--> IDLE --take--> BUSY --give--> CLEANING --> IDLE
 *       |               |`--share--> SHARED --all done--> IDLE
 *       `---------------`---------------`----------------`------> ENDING
 *
 * A child that is shared has the jobs of several owners, who get nothing of
 * its folder: it runs them in their order, and is not cleaned after them.
 *
 * A child that ends, is ended, or says what is no message, goes to ENDING,
 * and another is asked for at once.  What it was taken for, its owner, hears
 * of it and still gives it back, so that nothing of its folder is removed
 * before.
 */

#ifndef PT_POOL_H
#define PT_POOL_H

#include <uv.h>

#include "pt_childmsg.h"
#include "pt_scratch.h"
#include "pt_zygote.h"


typedef struct pt_pool_s   pt_pool_t;
typedef struct pt_child_s  pt_child_t;


typedef struct {
    uint64_t  cpu_ms;
    uint64_t  peak_bytes;      /* resident set */
} pt_child_usage_t;


typedef struct {
    int               status;      /* of wait4() */
    bool              broken;      /* it was ended for what it said */
    bool              over_cpu;    /* it was ended for its CPU time */
    pt_child_usage_t  usage;
} pt_child_end_t;


typedef struct {
    /* a child is idle: take it */
    void  (*idle)(void *ctx);

    /* of a taken child; false: that is no message of this moment */
    bool  (*message)(void *ctx, void *owner, const pt_childmsg_t *m);

    /* a line that it printed; owner may be NULL */
    void  (*line)(void *ctx, void *owner, pt_str_t line);

    /* a taken child has ended, and all that it said has been heard */
    void  (*gone)(void *ctx, void *owner, const pt_child_end_t *end);

    /* a shared child has ended before it came to this owner's job: the owner
     * has no child any more */
    void  (*unbegun)(void *ctx, void *owner);

    /* no child can be made any more: the zygote is gone, say.  Once. */
    void  (*broken)(void *ctx, const char *why);

    /* pt_pool_close() is complete, the pool is freed */
    void  (*closed)(void *ctx);

    void   *ctx;
} pt_pool_events_t;


/* attempts of light actions that share a slot */
unsigned pt_processor_group(const pt_processor_t *processor);

/*
 * Asks for the first children.  zygote and scratch are borrowed.
 *
 * Errors  PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_pool_open(uv_loop_t *loop,
    const pt_processor_t *processor, unsigned slots, pt_zygote_t *zygote,
    pt_scratch_t *scratch, const pt_pool_events_t *events,
    pt_pool_t **ret_pool);

/* ends all children, whoever has them; events.closed follows */
void pt_pool_close(pt_pool_t *pool);

/* an idle child for owner, or NULL */
pt_child_t *pt_pool_take(pt_pool_t *pool, void *owner);

/*
 * A child for owner's light job, shared with up to group of them, or NULL.
 * It is given back by its own DONE or FAILED, which is the last of it that
 * the owner hears.
 */
pt_child_t *pt_pool_share(pt_pool_t *pool, void *owner);

/* gives a taken child back: its folder is emptied, or removed with it */
void pt_child_give(pt_child_t *child, void *owner);

/* of pt_scratch_make() */
const char *pt_child_folder(const pt_child_t *child);

/*
 * Sends a taken child its job; usage and CPU limit count from here.
 *
 * Errors  PT_E_NOMEM, PT_E_INVALID (the message)
 */
PT_MUST_CHECK pt_err_t pt_child_send_job(pt_child_t *child,
    const pt_childmsg_t *m);

/* since pt_child_send_job(), of a child that has not gone */
pt_child_usage_t pt_child_usage(pt_child_t *child);

/* ends it at once; gone follows */
void pt_child_kill(pt_child_t *child);

/*
 * Owner's job is of no use any more.  True: it had not begun, and the child
 * is no longer the owner's.  False: the child is ended, gone follows.
 */
bool pt_child_abandon(pt_child_t *child, void *owner);

/* ends those that are over cpu_s; call it a few times a second */
void pt_pool_watch(pt_pool_t *pool);


#endif /* PT_POOL_H */
