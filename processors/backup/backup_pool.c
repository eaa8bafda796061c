/* A queue, and the threads that work it off. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "backup_pool.h"


#define POOL_QUEUE  64             /* tasks */


struct backup_pool_s {
    const backup_crew_t  *crew;
    void                 *ctx;

    pthread_t             threads[BACKUP_POOL_MAX];
    unsigned              nthreads;

    pthread_mutex_t       lock;        /* of all below */
    pthread_cond_t        changed;
    unsigned char        *queue;
    size_t                head, n;
    unsigned              begun;       /* threads, for their numbers */
    bool                  closing;
    pt_err_t              err;         /* the first, and why */
    char                  reason[512];
};


static void *pool_thread(void *arg);
static pt_err_t pool_work(backup_pool_t *p, void *worker);
static bool pool_next(backup_pool_t *p, void *task);
static void pool_failed(backup_pool_t *p, pt_err_t err);


pt_err_t
backup_pool_open(const backup_crew_t *crew, void *ctx,
    backup_pool_t **ret_pool)
{
    pt_err_t        err = PT_OK;
    backup_pool_t  *p;

    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    p->crew = crew;
    p->ctx = ctx;
    (void) pthread_mutex_init(&p->lock, NULL);
    (void) pthread_cond_init(&p->changed, NULL);

    p->queue = calloc(POOL_QUEUE, crew->task);

    if (p->queue == NULL) {
        err = backup_say(PT_E_NOMEM, "no memory");
    }

    while (err == PT_OK && p->nthreads < crew->threads) {
        if (pthread_create(&p->threads[p->nthreads], NULL, pool_thread, p)
            != 0)
        {
            err = backup_say(PT_E_NOMEM, "could not start a thread");
            break;
        }

        p->nthreads++;
    }

    if (err != PT_OK) {
        (void) !backup_pool_close(p, true);
        return err;
    }

    *ret_pool = p;
    return PT_OK;
}


pt_err_t
backup_pool_add(backup_pool_t *p, const void *task)
{
    pt_err_t  err;

    (void) pthread_mutex_lock(&p->lock);

    while (p->n == POOL_QUEUE && p->err == PT_OK) {
        (void) pthread_cond_wait(&p->changed, &p->lock);
    }

    err = p->err;

    if (err == PT_OK) {
        memcpy(p->queue + (p->head + p->n++) % POOL_QUEUE * p->crew->task,
               task, p->crew->task);
        (void) pthread_cond_broadcast(&p->changed);

    } else {
        err = backup_say(err, "%s", p->reason);
    }

    (void) pthread_mutex_unlock(&p->lock);

    return err;
}


pt_err_t
backup_pool_close(backup_pool_t *p, bool failed)
{
    unsigned  i;
    pt_err_t  err = PT_OK;

    if (p == NULL) {
        return PT_OK;
    }

    (void) pthread_mutex_lock(&p->lock);

    p->closing = true;

    if (failed) {
        p->n = 0;
    }

    (void) pthread_cond_broadcast(&p->changed);
    (void) pthread_mutex_unlock(&p->lock);

    for (i = 0; i < p->nthreads; i++) {
        (void) pthread_join(p->threads[i], NULL);
    }

    if (p->err != PT_OK && !failed) {
        err = backup_say(p->err, "%s", p->reason);
    }

    (void) pthread_mutex_destroy(&p->lock);
    (void) pthread_cond_destroy(&p->changed);
    free(p->queue);
    free(p);

    return err;
}


/* ---- in a thread ---- */

static void *
pool_thread(void *arg)
{
    void           *worker = NULL;
    pt_err_t        err;
    unsigned        n;
    backup_pool_t  *p = arg;

    (void) pthread_mutex_lock(&p->lock);
    n = p->begun++;
    (void) pthread_mutex_unlock(&p->lock);

    err = p->crew->open(p->ctx, n, &worker);

    if (err == PT_OK) {
        err = pool_work(p, worker);
    }

    if (err != PT_OK) {
        pool_failed(p, err);
    }

    p->crew->close(worker);

    return NULL;
}


static pt_err_t
pool_work(backup_pool_t *p, void *worker)
{
    void      *task;
    pt_err_t   err = PT_OK;

    task = malloc(p->crew->task);
    if (task == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    while (err == PT_OK && pool_next(p, task)) {
        err = p->crew->run(p->ctx, worker, task);
    }

    free(task);

    return err;
}


static bool
pool_next(backup_pool_t *p, void *task)
{
    bool  have;

    (void) pthread_mutex_lock(&p->lock);

    while (p->n == 0 && !p->closing && p->err == PT_OK) {
        (void) pthread_cond_wait(&p->changed, &p->lock);
    }

    have = p->n != 0 && p->err == PT_OK;

    if (have) {
        memcpy(task, p->queue + p->head * p->crew->task, p->crew->task);
        p->head = (p->head + 1) % POOL_QUEUE;
        p->n--;
        (void) pthread_cond_broadcast(&p->changed);
    }

    (void) pthread_mutex_unlock(&p->lock);

    return have;
}


static void
pool_failed(backup_pool_t *p, pt_err_t err)
{
    (void) pthread_mutex_lock(&p->lock);

    if (p->err == PT_OK) {
        p->err = err;
        (void) snprintf(p->reason, sizeof(p->reason), "%s", backup_said());
    }

    (void) pthread_cond_broadcast(&p->changed);
    (void) pthread_mutex_unlock(&p->lock);
}
