/*
 * Threads that work off a queue.  Tasks are of one size, copied in and out;
 * the first error ends the work, and whoever adds or closes learns of it.
 */

#ifndef BACKUP_POOL_H
#define BACKUP_POOL_H

#include "backup.h"


#define BACKUP_POOL_MAX  8         /* threads of one pool */


typedef struct backup_pool_s  backup_pool_t;


typedef struct {
    size_t      task;              /* bytes of one */
    unsigned    threads;

    /* in its thread: what thread n keeps from task to task */
    pt_err_t  (*open)(void *ctx, unsigned n, void **ret_worker);
    pt_err_t  (*run)(void *ctx, void *worker, void *task);

    /* also of one that was half opened; takes NULL */
    void      (*close)(void *worker);
} backup_crew_t;


/* crew and ctx live as long as the pool */
PT_MUST_CHECK pt_err_t backup_pool_open(const backup_crew_t *crew, void *ctx,
    backup_pool_t **ret_pool);

/*
 * Waits while the queue is full.
 *
 * Errors  the first one of a thread, with its reason
 */
PT_MUST_CHECK pt_err_t backup_pool_add(backup_pool_t *pool, const void *task);

/*
 * Waits for all tasks, or with failed only for those that have begun, and
 * frees.  Takes NULL.
 *
 * Errors  as above; after failed PT_OK, and the reason stays what it was
 */
PT_MUST_CHECK pt_err_t backup_pool_close(backup_pool_t *pool, bool failed);


#endif /* BACKUP_POOL_H */
