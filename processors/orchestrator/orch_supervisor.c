/* Processes of processors. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "orch.h"


/* between starts of what crashes: doubled each time, up to a minute */
#define ORCH_RESTART_MIN_MS    200
#define ORCH_RESTART_MAX_MS    60000

/* one that has run so long has not failed to start */
#define ORCH_STABLE_MS         30000

/* a heartbeat each second, WHO, READY */
#define ORCH_RETURN_MS         2000

/* from the start to READY: libraries, fonts, models */
#define ORCH_START_MS          60000

/* from DRAIN to SIGTERM, and from there to SIGKILL; without attempts */
#define ORCH_LEAVE_MS          10000


struct orch_child_s {
    uv_process_t       process;
    orch_pool_t       *pool;
    orch_child_t      *prev, *next;
    orch_processor_t  *processor;      /* once it is READY */
    uint64_t           start_ms;
    uint64_t           term_ms;        /* SIGTERM was sent; 0: not */
    bool               leaving;        /* its end is no crash */
    bool               running;        /* process has a pid */
};

struct orch_pool_s {
    orch_t                         *o;
    const orch_config_processor_t  *config;
    orch_service_t                 *service;
    orch_child_t                   *children;
    unsigned                        n;         /* processes, adopted as well */
    uint64_t                        next_ms;   /* not started before */
    unsigned                        delay_ms;
};


static pt_err_t orch_supervisor_environment(const orch_config_t *c);
static bool orch_pool_is_starting(const orch_pool_t *pool);
static void orch_pool_start(orch_pool_t *pool);
static int orch_child_spawn(orch_child_t *child);
static void orch_child_exited(uv_process_t *process, int64_t status,
    int signal);
static void orch_child_closed(uv_handle_t *handle);
static void orch_pool_back_off(orch_pool_t *pool);
static void orch_supervisor_idle(orch_t *o, orch_processor_t *p);
static void orch_child_tick(orch_child_t *child, uint64_t now);
static void orch_child_kill(orch_child_t *child, int signal);


pt_err_t
orch_supervisor_open(orch_t *o)
{
    size_t        i;
    orch_pool_t  *pool;

    o->supervisor.pools = calloc(o->config->nprocessors + 1, sizeof(*pool));
    if (o->supervisor.pools == NULL) {
        return PT_E_NOMEM;
    }

    if (orch_supervisor_environment(o->config) != PT_OK) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < o->config->nprocessors; i++) {
        pool = &o->supervisor.pools[i];
        pool->o = o;
        pool->config = &o->config->processors[i];
        pool->delay_ms = ORCH_RESTART_MIN_MS;
        pool->service = orch_queue_service(&o->queue,
                                           pt_str(pool->config->service));

        if (pool->service == NULL) {
            return PT_E_NOMEM;
        }

        pool->service->pool = pool;
        o->supervisor.n++;
    }

    return PT_OK;
}


/* of all processors, which inherit ours; arguments would show in ps */
static pt_err_t
orch_supervisor_environment(const orch_config_t *c)
{
    char    *value;
    size_t   i;

    if (setenv("PITCHEY_PLATFORM_DATABASE",
               c->platform_database[0] ? c->platform_database : c->database,
               1) == -1)
    {
        return PT_E_NOMEM;
    }

    for (i = 0; i < c->nenvironment; i++) {
        value = strchr(c->environment[i], '=');
        *value = '\0';

        if (setenv(c->environment[i], value + 1, 1) == -1) {
            return PT_E_NOMEM;
        }

        *value = '=';
    }

    return PT_OK;
}


/* the children live on: the next orchestrator adopts them */
void
orch_supervisor_close(orch_t *o)
{
    size_t         i;
    orch_child_t  *child;

    for (i = 0; i < o->supervisor.n; i++) {
        DL_FOREACH(o->supervisor.pools[i].children, child) {
            if (!uv_is_closing((uv_handle_t *) &child->process)) {
                uv_close((uv_handle_t *) &child->process, orch_child_closed);
            }
        }
    }
}


bool
orch_supervisor_offers(orch_t *o, pt_str_t name)
{
    orch_service_t    *service = orch_queue_find_service(&o->queue, name);
    orch_processor_t  *p, *next;

    if (service == NULL || service->pool) {
        return service != NULL;
    }

    HASH_ITER(hh, o->processors.all, p, next) {
        if (p->service == service) {
            return true;
        }
    }

    return false;
}


void
orch_supervisor_hold(orch_t *o)
{
    size_t  i;

    for (i = 0; i < o->supervisor.n; i++) {
        o->supervisor.pools[i].next_ms = orch_loop_ms(o) + ORCH_RETURN_MS;
    }
}


void
orch_supervisor_want(orch_t *o, orch_service_t *service)
{
    orch_pool_t  *pool = service->pool;

    if (pool && pool->n < pool->config->max && !orch_pool_is_starting(pool)
        && orch_loop_ms(o) >= pool->next_ms)
    {
        orch_pool_start(pool);
    }
}


/* one at a time: it may be all that is needed */
static bool
orch_pool_is_starting(const orch_pool_t *pool)
{
    orch_child_t  *child;

    DL_FOREACH(pool->children, child) {
        if (child->processor == NULL && !child->leaving) {
            return true;
        }
    }

    return false;
}


static void
orch_pool_start(orch_pool_t *pool)
{
    int            rc;
    orch_child_t  *child;

    child = calloc(1, sizeof(*child));
    if (child == NULL) {
        return;
    }

    child->pool = pool;
    child->start_ms = orch_loop_ms(pool->o);
    child->process.data = child;

    DL_APPEND(pool->children, child);
    pool->n++;

    rc = orch_child_spawn(child);

    if (rc != 0) {
        orch_pool_back_off(pool);
        pt_log(PT_LOG_ERROR, "supervisor", "could not start \"%s\", trying "
               "again in %u ms: %s service=%s", pool->config->path,
               (unsigned) (pool->next_ms - child->start_ms), uv_strerror(rc),
               pool->config->service);

        DL_DELETE(pool->children, child);
        pool->n--;

        /* a handle even when there is no process */
        uv_close((uv_handle_t *) &child->process, orch_child_closed);
        return;
    }

    child->running = true;
    pt_log(PT_LOG_INFO, "supervisor", "starting a processor service=%s "
           "pid=%d", pool->config->service, child->process.pid);
}


static int
orch_child_spawn(orch_child_t *child)
{
    char                            slots[16];
    orch_t                         *o = child->pool->o;
    const orch_config_t            *c = o->config;
    const orch_config_processor_t  *p = child->pool->config;

    char  *args[] = {
        p->path, "--connect", c->processor_listen, "--storage", c->storage,
        "--scratch", c->scratch, "--share", c->share,
        p->slots ? "--slots" : NULL, slots, NULL
    };

    /* its log is ours */
    uv_stdio_container_t  stdio[] = {
        { .flags = UV_IGNORE },
        { .flags = UV_INHERIT_FD, .data.fd = 2 },
        { .flags = UV_INHERIT_FD, .data.fd = 2 }
    };

    snprintf(slots, sizeof(slots), "%u", p->slots);

    /* a session of its own: a terminal's ^C is for the orchestrator alone */
    return uv_spawn(&o->loop, &child->process, &(uv_process_options_t) {
        .file = p->path,
        .args = args,
        .flags = UV_PROCESS_DETACHED,
        .stdio = stdio,
        .stdio_count = 3,
        .exit_cb = orch_child_exited });
}


static void
orch_child_exited(uv_process_t *process, int64_t status, int signal)
{
    char           why[128];
    bool           crash;
    orch_child_t  *child = process->data;
    orch_pool_t   *pool = child->pool;
    orch_t        *o = pool->o;

    crash = !child->leaving
            && !(child->processor && child->processor->drain_ms);

    if (signal) {
        snprintf(why, sizeof(why), "its processor was killed by signal %d",
                 signal);

    } else {
        snprintf(why, sizeof(why), "its processor ended with status %d",
                 (int) status);
    }

    if (crash) {
        if (orch_loop_ms(o) - child->start_ms > ORCH_STABLE_MS) {
            pool->delay_ms = ORCH_RESTART_MIN_MS;
        }

        orch_pool_back_off(pool);
        pt_log(PT_LOG_WARN, "supervisor", "a processor died%s: %s service=%s "
               "pid=%d", child->processor ? "" : " before it was ready", why,
               pool->config->service, process->pid);
    }

    child->running = false;

    if (child->processor) {
        orch_processor_gone(o, child->processor, ORCH_FAULT_CRASHED, why);
    }

    DL_DELETE(pool->children, child);
    pool->n--;
    uv_close((uv_handle_t *) process, orch_child_closed);
}


static void
orch_child_closed(uv_handle_t *handle)
{
    free(handle->data);
}


static void
orch_pool_back_off(orch_pool_t *pool)
{
    pool->next_ms = orch_loop_ms(pool->o) + pool->delay_ms;

    pool->delay_ms *= 2;

    if (pool->delay_ms > ORCH_RESTART_MAX_MS) {
        pool->delay_ms = ORCH_RESTART_MAX_MS;
    }
}


void
orch_supervisor_joined(orch_t *o, orch_processor_t *p)
{
    orch_pool_t   *pool = p->service->pool;
    orch_child_t  *child;

    (void) o;

    if (pool == NULL) {
        return;
    }

    DL_FOREACH(pool->children, child) {
        if ((uint32_t) child->process.pid == p->pid
            && child->processor == NULL)
        {
            child->processor = p;
            p->child = child;
            pool->delay_ms = ORCH_RESTART_MIN_MS;
            return;
        }
    }

    pool->n++;
}


void
orch_supervisor_left(orch_t *o, orch_processor_t *p)
{
    orch_pool_t  *pool = p->service->pool;

    (void) o;

    if (p->child) {
        /* of a process that is there still: it has to go, or to come back */
        p->child->processor = NULL;
        p->child->leaving = p->drain_ms != 0;
        p->child->start_ms = orch_loop_ms(o);

    } else if (pool) {
        pool->n--;
    }
}


void
orch_supervisor_tick(orch_t *o)
{
    size_t             i;
    uint64_t           now = orch_loop_ms(o);
    orch_child_t      *child, *next_child;
    orch_processor_t  *p, *next;

    HASH_ITER(hh, o->processors.all, p, next) {
        orch_supervisor_idle(o, p);
    }

    for (i = 0; i < o->supervisor.n; i++) {
        DL_FOREACH_SAFE(o->supervisor.pools[i].children, child, next_child) {
            orch_child_tick(child, now);
        }
    }
}


static void
orch_supervisor_idle(orch_t *o, orch_processor_t *p)
{
    uint64_t      now = orch_loop_ms(o);
    orch_pool_t  *pool = p->service->pool;

    if (pool == NULL || p->runs) {
        return;
    }

    if (p->drain_ms == 0) {
        if (pool->config->idle_ms && p->service->nready == 0
            && now - p->idle_ms > pool->config->idle_ms)
        {
            pt_log(PT_LOG_INFO, "supervisor", "stopping an idle processor "
                   "service=%s pid=%u", p->service->name, p->pid);
            orch_processor_drain(o, p);
        }

    } else if (now - p->drain_ms > ORCH_LEAVE_MS && p->child == NULL
               && p->pidfd)
    {
        /* adopted; the pidfd still names it, so the pid is its own */
        (void) kill((pid_t) p->pid, now - p->drain_ms > 2 * ORCH_LEAVE_MS
                                    ? SIGKILL : SIGTERM);
    }
}


static void
orch_child_tick(orch_child_t *child, uint64_t now)
{
    orch_processor_t  *p = child->processor;

    if (child->term_ms) {
        if (now - child->term_ms > ORCH_LEAVE_MS) {
            orch_child_kill(child, SIGKILL);
        }

    } else if (p == NULL && now - child->start_ms
                            > (child->leaving ? ORCH_LEAVE_MS
                                              : ORCH_START_MS))
    {
        pt_log(PT_LOG_WARN, "supervisor", "a processor neither works nor "
               "leaves, ending it service=%s pid=%d",
               child->pool->config->service, child->process.pid);
        child->term_ms = now;
        orch_child_kill(child, SIGTERM);

    } else if (p && p->drain_ms && p->runs == NULL
               && now - p->drain_ms > ORCH_LEAVE_MS)
    {
        child->term_ms = now;
        orch_child_kill(child, SIGTERM);
    }
}


static void
orch_child_kill(orch_child_t *child, int signal)
{
    if (child->running) {
        (void) uv_process_kill(&child->process, signal);
    }
}


void
orch_supervisor_drain(orch_t *o)
{
    size_t             i;
    orch_child_t      *child;
    orch_processor_t  *p, *next;

    HASH_ITER(hh, o->processors.all, p, next) {
        orch_processor_drain(o, p);
    }

    /* those not ready yet have nothing to finish */
    for (i = 0; i < o->supervisor.n; i++) {
        DL_FOREACH(o->supervisor.pools[i].children, child) {
            if (child->processor == NULL && child->term_ms == 0) {
                child->leaving = true;
                child->term_ms = orch_loop_ms(o);
                orch_child_kill(child, SIGTERM);
            }
        }
    }
}


bool
orch_supervisor_is_empty(const orch_t *o)
{
    size_t  i;

    for (i = 0; i < o->supervisor.n; i++) {
        if (o->supervisor.pools[i].n) {
            return false;
        }
    }

    return o->processors.all == NULL;
}
