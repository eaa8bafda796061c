/* Processes of processors. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "orch.h"
#include "orch_cgroup.h"


/* between starts of what crashes: doubled each time, up to a minute */
#define ORCH_RESTART_MIN_MS    200
#define ORCH_RESTART_MAX_MS    60000

/* one that has run so long has not failed to start */
#define ORCH_STABLE_MS         30000

/* a heartbeat each second, WHO, READY */
#define ORCH_RETURN_MS         2000

/* jobs wait so long for those that run before there is another process */
#define ORCH_GROW_MS           50

/* between two looks at a queue that is still waiting: a tick, and some */
#define ORCH_WAITING_MS        300

/* from the start to READY: libraries, fonts, models */
#define ORCH_START_MS          60000

/* from DRAIN to SIGTERM, and from there to SIGKILL; without attempts */
#define ORCH_LEAVE_MS          10000


static pt_err_t orch_supervisor_environment(const orch_config_t *c);
static orch_pool_t *orch_pool_new(orch_t *o, orch_service_t *service);
static void orch_pool_configure(orch_pool_t *pool,
    const orch_config_processor_t *config);
static unsigned orch_pool_starting(const orch_pool_t *pool);
static unsigned orch_pool_live(const orch_pool_t *pool);
static void orch_pool_start(orch_pool_t *pool);
static int orch_child_spawn(orch_child_t *child);
static void orch_child_exited(uv_process_t *process, int64_t status,
    int signal);
static void orch_child_closed(uv_handle_t *handle);
static void orch_pool_back_off(orch_pool_t *pool);
static void orch_supervisor_idle(orch_t *o, orch_processor_t *p);
static void orch_pool_tick(orch_pool_t *pool);
static void orch_pool_look(orch_pool_t *pool);
static orch_binary_t orch_binary_of(const char *path);
static bool orch_binary_eq(const orch_binary_t *a, const orch_binary_t *b);
static void orch_pool_replace(orch_pool_t *pool, unsigned live);
static orch_processor_t *orch_pool_spare(orch_pool_t *pool,
    uint64_t before_ms);
static uint64_t orch_processor_since(const orch_processor_t *p);
static void orch_child_tick(orch_child_t *child, uint64_t now);
static void orch_child_kill(orch_child_t *child, int signal);


pt_err_t
orch_supervisor_open(orch_t *o)
{
    if (orch_supervisor_environment(o->config) != PT_OK) {
        return PT_E_NOMEM;
    }

    o->supervisor.cgroups = o->config->cgroup[0]
                            && orch_cgroup_open(o->config->cgroup);

    return orch_supervisor_configure(o);
}


/* a pool that is configured no longer has room for nobody */
pt_err_t
orch_supervisor_configure(orch_t *o)
{
    size_t           i;
    orch_pool_t     *pool;
    orch_service_t  *service;

    LL_FOREACH(o->supervisor.pools, pool) {
        pool->min = pool->max = 0;
    }

    for (i = 0; i < o->config->nprocessors; i++) {
        service = orch_queue_service(&o->queue,
                                     pt_str(o->config->processors[i].service));
        pool = service ? service->pool : NULL;

        if (service && pool == NULL) {
            pool = orch_pool_new(o, service);
        }

        if (pool == NULL) {
            return PT_E_NOMEM;
        }

        orch_pool_configure(pool, &o->config->processors[i]);
    }

    return PT_OK;
}


static orch_pool_t *
orch_pool_new(orch_t *o, orch_service_t *service)
{
    orch_pool_t  *pool;

    pool = calloc(1, sizeof(*pool));
    if (pool == NULL) {
        return NULL;
    }

    pool->o = o;
    pool->service = service;
    pool->delay_ms = ORCH_RESTART_MIN_MS;

    service->pool = pool;
    LL_APPEND(o->supervisor.pools, pool);

    return pool;
}


static void
orch_pool_configure(orch_pool_t *pool, const orch_config_processor_t *config)
{
    const orch_config_processor_t  *old = pool->config;

    pool->config = config;
    pool->min = config->min;
    pool->max = config->max;

    if (old == NULL) {
        pool->binary = orch_binary_of(config->path);

    } else if (strcmp(old->path, config->path) != 0
               || old->slots != config->slots || old->nice != config->nice
               || old->memory_bytes != config->memory_bytes
               || old->cpu_percent != config->cpu_percent)
    {
        pool->binary = orch_binary_of(config->path);
        (void) orch_pool_renew(pool);
    }
}


void
orch_supervisor_free(orch_t *o)
{
    orch_pool_t  *pool;

    while ((pool = o->supervisor.pools) != NULL) {
        LL_DELETE(o->supervisor.pools, pool);
        free(pool);
    }
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

    if (c->storage_s3 && setenv("PITCHEY_STORAGE_S3", c->storage_s3, 1) == -1)
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
    orch_pool_t   *pool;
    orch_child_t  *child;

    LL_FOREACH(o->supervisor.pools, pool) {
        DL_FOREACH(pool->children, child) {
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

    if (service == NULL) {
        return false;
    }

    if (service->pool && ((orch_pool_t *) service->pool)->max) {
        return true;
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
    orch_pool_t  *pool;

    LL_FOREACH(o->supervisor.pools, pool) {
        pool->next_ms = orch_loop_ms(o) + ORCH_RETURN_MS;
    }
}


/*
 * The first process at once; more of them, as many as the queue is deep, when
 * those that run have let it wait.
 */
void
orch_supervisor_expect(orch_t *o, orch_service_t *service)
{
    orch_pool_t  *pool = service->pool;

    if (pool && pool->n == 0 && pool->max > 0
        && orch_loop_ms(o) >= pool->next_ms)
    {
        orch_pool_start(pool);
    }
}


void
orch_supervisor_want(orch_t *o, orch_service_t *service)
{
    size_t        wanted;
    uint64_t      now = orch_loop_ms(o);
    unsigned      slots, starting;
    orch_pool_t  *pool = service->pool;

    if (pool == NULL) {
        return;
    }

    if (now - pool->wanted_ms > ORCH_WAITING_MS) {
        pool->waiting_ms = now;
    }

    pool->wanted_ms = now;
    starting = orch_pool_starting(pool);

    if (now < pool->next_ms
        || (pool->n > starting && now - pool->waiting_ms < ORCH_GROW_MS))
    {
        return;
    }

    slots = pool->slots ? pool->slots : 1;
    wanted = (service->nready + slots - 1) / slots;

    while (starting < wanted && pool->n < pool->max && now >= pool->next_ms) {
        orch_pool_start(pool);
        starting++;
    }
}


/* processes that are not READY yet */
static unsigned
orch_pool_starting(const orch_pool_t *pool)
{
    unsigned       n = 0;
    orch_child_t  *child;

    DL_FOREACH(pool->children, child) {
        n += child->processor == NULL && !child->leaving;
    }

    return n;
}


/* and all that work, or may */
static unsigned
orch_pool_live(const orch_pool_t *pool)
{
    unsigned           n = orch_pool_starting(pool);
    orch_processor_t  *p, *next;

    HASH_ITER(hh, pool->o->processors.all, p, next) {
        n += p->service == pool->service && p->pid && p->drain_ms == 0;
    }

    return n;
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

        /* no handle where access() said no; else one without a process */
        if (child->process.loop) {
            uv_close((uv_handle_t *) &child->process, orch_child_closed);

        } else {
            free(child);
        }

        return;
    }

    child->running = true;
    pt_log(PT_LOG_INFO, "supervisor", "starting a processor service=%s "
           "pid=%d", pool->config->service, child->process.pid);
}


/* where there are limits, by way of our own program, which becomes it */
static int
orch_child_spawn(orch_child_t *child)
{
    bool                            limits;
    char                            slots[16], nice[16], memory[24];
    orch_t                         *o = child->pool->o;
    const orch_config_t            *c = o->config;
    const orch_config_processor_t  *p = child->pool->config;
    char                           *slot = p->slots ? "--slots" : NULL;

    char  *args[] = {
        "pitchey-orchestrator", "launch", nice, memory, child->cgroup,
        p->path, "--connect", c->processor_listen, "--storage", c->storage,
        "--scratch", c->scratch, "--share", c->share,
        c->sealing[0] ? "--sealing" : slot, c->sealing[0] ? c->sealing : slots,
        c->sealing[0] ? slot : NULL, slots, NULL
    };

    /* its log is ours */
    uv_stdio_container_t  stdio[] = {
        { .flags = UV_IGNORE },
        { .flags = UV_INHERIT_FD, .data.fd = 2 },
        { .flags = UV_INHERIT_FD, .data.fd = 2 }
    };

    /* what cannot run is known here, not by the launcher's end */
    if (access(p->path, X_OK) != 0) {
        return uv_translate_sys_error(errno);
    }

    snprintf(slots, sizeof(slots), "%u", p->slots);
    snprintf(nice, sizeof(nice), "%u", p->nice);
    snprintf(memory, sizeof(memory), "%lld", (long long) p->memory_bytes);

    if (o->supervisor.cgroups) {
        orch_cgroup_make(c->cgroup, p, ++o->supervisor.started,
                         child->cgroup, sizeof(child->cgroup));
    }

    /* to link all our libraries first takes milliseconds of a first job */
    limits = p->nice || p->memory_bytes || child->cgroup[0];

    /* a session of its own: a terminal's ^C is for the orchestrator alone */
    return uv_spawn(&o->loop, &child->process, &(uv_process_options_t) {
        .file = limits ? "/proc/self/exe" : p->path,
        .args = limits ? args : args + ORCH_LAUNCH_WORDS - 1,
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

    orch_cgroup_remove(child->cgroup);

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

    p->joined_ms = orch_loop_ms(o);

    if (pool == NULL || p->pid == 0) {
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

    } else if (pool && p->pid) {
        pool->n--;
    }
}


void
orch_supervisor_tick(orch_t *o)
{
    uint64_t           now = orch_loop_ms(o);
    orch_pool_t       *pool;
    orch_child_t      *child, *next_child;
    orch_processor_t  *p, *next;

    HASH_ITER(hh, o->processors.all, p, next) {
        orch_supervisor_idle(o, p);
    }

    LL_FOREACH(o->supervisor.pools, pool) {
        orch_pool_tick(pool);

        DL_FOREACH_SAFE(pool->children, child, next_child) {
            orch_child_tick(child, now);
        }
    }
}


static void
orch_supervisor_idle(orch_t *o, orch_processor_t *p)
{
    uint64_t      now = orch_loop_ms(o);
    orch_pool_t  *pool = p->service->pool;

    /* what runs on another host is started and stopped there */
    if (pool == NULL || p->runs || p->pid == 0) {
        return;
    }

    if (p->drain_ms == 0) {
        if (pool->config->idle_ms && p->service->nready == 0
            && now - p->idle_ms > pool->config->idle_ms
            && pool->renew_ms == 0 && orch_pool_live(pool) > pool->min)
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


/* never fewer than min, never more than max, but for one that replaces */
static void
orch_pool_tick(orch_pool_t *pool)
{
    orch_t            *o = pool->o;
    unsigned           live = orch_pool_live(pool);
    orch_processor_t  *p;

    if (o->stop_ms || !orch_recover_is_done(o)) {
        return;
    }

    orch_pool_look(pool);

    while (live < pool->min && orch_loop_ms(o) >= pool->next_ms) {
        orch_pool_start(pool);
        live++;
    }

    if (pool->renew_ms) {
        orch_pool_replace(pool, live);

    } else if (live > pool->max) {
        p = orch_pool_spare(pool, UINT64_MAX);

        if (p) {
            orch_processor_drain(o, p);
        }
    }
}


/* another program under the same path, and the same one a second later */
static void
orch_pool_look(orch_pool_t *pool)
{
    orch_binary_t  now = orch_binary_of(pool->config->path);

    if (now.inode == 0 || orch_binary_eq(&now, &pool->binary)) {
        return;
    }

    if (orch_binary_eq(&now, &pool->found)) {
        pool->binary = now;
        pt_log(PT_LOG_INFO, "supervisor", "a new program, replacing "
               "processors=%u service=%s", orch_pool_renew(pool),
               pool->service->name);
    }

    pool->found = now;
}


static orch_binary_t
orch_binary_of(const char *path)
{
    struct stat  st;

    if (stat(path, &st) != 0) {
        return (orch_binary_t) { 0, 0, 0 };
    }

    return (orch_binary_t) { st.st_dev, st.st_ino,
        (int64_t) st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec };
}


static bool
orch_binary_eq(const orch_binary_t *a, const orch_binary_t *b)
{
    return a->device == b->device && a->inode == b->inode
           && a->changed_ns == b->changed_ns;
}


unsigned
orch_pool_renew(orch_pool_t *pool)
{
    unsigned  live = orch_pool_live(pool);

    /* its start counts from a later millisecond than theirs */
    pool->renew_ms = live ? orch_loop_ms(pool->o) + 1 : 0;
    pool->renew_n = live;

    return live;
}


/* a new one first; when it is READY, an old one leaves */
static void
orch_pool_replace(orch_pool_t *pool, unsigned live)
{
    orch_t            *o = pool->o;
    orch_processor_t  *p = orch_pool_spare(pool, pool->renew_ms);

    if (orch_pool_starting(pool)) {
        return;
    }

    if (p == NULL) {
        pool->renew_ms = 0;

    } else if (live > pool->renew_n
               || (p->runs == NULL && live > pool->min && live > 0
                   && pool->service->nready == 0))
    {
        /* one that has nothing to do needs no successor */
        pool->renew_n -= live <= pool->renew_n;
        orch_processor_drain(o, p);

    } else if (orch_loop_ms(o) >= pool->next_ms) {
        orch_pool_start(pool);
    }
}


/* the one with least to do of those that began before */
static orch_processor_t *
orch_pool_spare(orch_pool_t *pool, uint64_t before_ms)
{
    orch_processor_t  *p, *next, *best = NULL;

    HASH_ITER(hh, pool->o->processors.all, p, next) {
        if (p->service == pool->service && p->pid && p->drain_ms == 0
            && orch_processor_since(p) < before_ms
            && (best == NULL || p->used < best->used))
        {
            best = p;
        }
    }

    return best;
}


static uint64_t
orch_processor_since(const orch_processor_t *p)
{
    return p->child ? p->child->start_ms : p->joined_ms;
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
    orch_pool_t       *pool;
    orch_child_t      *child;
    orch_processor_t  *p, *next;

    HASH_ITER(hh, o->processors.all, p, next) {
        orch_processor_drain(o, p);
    }

    /* those not ready yet have nothing to finish */
    LL_FOREACH(o->supervisor.pools, pool) {
        DL_FOREACH(pool->children, child) {
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
    orch_pool_t  *pool;

    LL_FOREACH(o->supervisor.pools, pool) {
        if (pool->n) {
            return false;
        }
    }

    return o->processors.all == NULL;
}
