/* The daemon: opens everything, turns, closes everything. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "orch.h"
#include "orch_notify.h"


#define ORCH_TICK_MS      100

/* on SIGTERM, attempts have this long to end; then their processors go on
 * without us, and the next orchestrator adopts them */
#define ORCH_DRAIN_MS     10000


static pt_err_t orch_open(orch_t *o);
static pt_err_t orch_open_remote(orch_t *o);
static void orch_close(orch_t *o);
static pt_err_t orch_lock(orch_t *o, const char *endpoint, int *ret_fd);
static void orch_unlock(orch_t *o);
static void orch_turn(uv_prepare_t *prepare);
static void orch_tick(uv_timer_t *timer);
static void orch_signal(uv_signal_t *handle, int number);


int
orch_run(const char *path, const orch_config_t *config)
{
    int      status = EXIT_FAILURE;
    orch_t  *o;

    o = calloc(1, sizeof(*o));
    if (o == NULL) {
        return EXIT_FAILURE;
    }

    o->config = config;
    o->reload.path = path;
    o->locks[0] = o->locks[1] = -1;

    /* calls to a bucket hold a thread for as long as it takes; processors
     * inherit it */
    if (config->storage_s3) {
        (void) setenv("UV_THREADPOOL_SIZE", "12", 0);
    }

    if (uv_loop_init(&o->loop) != 0) {
        free(o);
        return EXIT_FAILURE;
    }

    o->loop.data = o;
    signal(SIGPIPE, SIG_IGN);

    if (orch_open(o) == PT_OK) {
        pt_log(PT_LOG_INFO, "orchestrator", "accepting jobs on \"%s\" "
               "version=" PITCHEY_VERSION " pid=%d", config->edge_listen,
               (int) getpid());
        uv_run(&o->loop, UV_RUN_DEFAULT);
        status = EXIT_SUCCESS;
    }

    orch_close(o);
    orch_reload_done(o);
    free(o);

    return status;
}


static pt_err_t
orch_open(orch_t *o)
{
    size_t    i;
    pt_err_t  err;

    static const int  signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

    orch_queue_init(&o->queue, orch_accept_limits, o);

    uv_prepare_init(&o->loop, &o->turn);
    uv_timer_init(&o->loop, &o->tick);
    uv_prepare_start(&o->turn, orch_turn);
    uv_timer_start(&o->tick, orch_tick, ORCH_TICK_MS, ORCH_TICK_MS);

    for (i = 0; i < 4; i++) {
        uv_signal_init(&o->loop, &o->signals[i]);
        uv_signal_start(&o->signals[i], orch_signal, signals[i]);
    }

    o->zctx = zmq_ctx_new();

    err = o->zctx ? PT_OK : PT_E_NOMEM;

    /* the locks first: binding would take the sockets over */
    if (err == PT_OK) {
        err = orch_lock(o, o->config->edge_listen, &o->locks[0]);
    }

    if (err == PT_OK) {
        err = orch_lock(o, o->config->processor_listen, &o->locks[1]);
    }

    if (err == PT_OK) {
        err = orch_open_remote(o);
    }

    if (err == PT_OK) {
        err = orch_seal_load(o);
    }

    if (err == PT_OK) {
        err = orch_supervisor_open(o);
    }

    if (err == PT_OK) {
        err = orch_sweep_open(o);
    }

    if (err == PT_OK) {
        err = orch_links_open(o);
    }

    if (err == PT_OK) {
        err = orch_webhooks_open(o);
    }

    if (err == PT_OK) {
        err = orch_db_open(o);
    }

    if (err == PT_OK) {
        orch_users_open(o);
        err = orch_processors_open(o);
    }

    if (err == PT_OK) {
        err = orch_edge_open(o);
    }

    return err;
}


/* keys, before anybody may come with one */
static pt_err_t
orch_open_remote(orch_t *o)
{
    pt_err_t              err;
    const orch_config_t  *c = o->config;

    if (c->edge_remote[0] == '\0' && c->processor_remote[0] == '\0') {
        return PT_OK;
    }

    err = pt_curve_load(c->curve_file, &o->curve);

    if (err == PT_OK) {
        err = pt_zap_open(o->zctx, &o->zap);
    }

    if (err == PT_OK) {
        err = orch_admit(o);
    }

    return err;
}


pt_err_t
orch_admit(orch_t *o)
{
    pt_err_t              err = PT_OK;
    const orch_config_t  *c = o->config;

    if (o->zap && c->edge_remote[0]) {
        err = pt_zap_admit(o->zap, "edge", c->edge_keys);
    }

    if (o->zap && err == PT_OK && c->processor_remote[0]) {
        err = pt_zap_admit(o->zap, "processor", c->processor_keys);
    }

    return err;
}


static void
orch_close(orch_t *o)
{
    size_t  i;

    o->stop_ms = 1;

    /* requests end with their transactions */
    orch_db_close(o);
    orch_users_close(o);
    orch_webhooks_close(o);
    orch_accept_drop(o);
    orch_work_drop(o);
    orch_job_forget_all(o);
    orch_watch_done(o);
    orch_edge_close(o);
    orch_processors_close(o);
    orch_supervisor_close(o);

    uv_close((uv_handle_t *) &o->turn, NULL);
    uv_close((uv_handle_t *) &o->tick, NULL);

    for (i = 0; i < 4; i++) {
        uv_close((uv_handle_t *) &o->signals[i], NULL);
    }

    /* the handles' last callbacks */
    uv_run(&o->loop, UV_RUN_DEFAULT);
    uv_loop_close(&o->loop);

    orch_direct_close(o);
    orch_sweep_close(o);
    orch_queue_done(&o->queue);
    orch_supervisor_free(o);

    if (o->zctx) {
        zmq_ctx_term(o->zctx);
    }

    pt_zap_close(o->zap);
    pt_seal_free(o->seal);

    orch_unlock(o);
}


/* one orchestrator a socket: a second bind() would silently take it over */
static pt_err_t
orch_lock(orch_t *o, const char *endpoint, int *ret_fd)
{
    int   fd;
    char  path[512];

    (void) o;

    if (strncmp(endpoint, "ipc://", 6) != 0 || endpoint[6] == '@') {
        return PT_OK;
    }

    snprintf(path, sizeof(path), "%s.lock", endpoint + 6);

    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        pt_log(PT_LOG_ERROR, "orchestrator", "could not open \"%s\": %m",
               path);
        return PT_E_IO;
    }

    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        pt_log(PT_LOG_ERROR, "orchestrator", "cannot start: another one "
               "listens on \"%s\"", endpoint);
        close(fd);
        return PT_E_CONFLICT;
    }

    /* for "drain": the lock says that it is true */
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", (int) getpid()) < 0) {
        pt_log(PT_LOG_WARN, "orchestrator", "could not write \"%s\": %m",
               path);
    }

    *ret_fd = fd;
    return PT_OK;
}


static void
orch_unlock(orch_t *o)
{
    size_t  i;

    for (i = 0; i < 2; i++) {
        if (o->locks[i] >= 0) {
            close(o->locks[i]);
        }
    }
}


/* before the loop sleeps: what has come in since it woke */
static void
orch_turn(uv_prepare_t *prepare)
{
    orch_t  *o = prepare->loop->data;

    orch_recover_flush(o);

    /* what has ended makes room before it is filled again */
    orch_assign(o);
    orch_work_flush(o);
    orch_accept_flush(o);
}


static void
orch_tick(uv_timer_t *timer)
{
    orch_t  *o = timer->loop->data;

    o->ticks++;
    orch_watch_tick(o);
    orch_processors_progress(o);
    orch_prune_tick(o);
    orch_move_tick(o);

    if (!o->ready && orch_recover_is_done(o)) {
        o->ready = true;
        orch_notify("READY=1");
    }

    if (o->ticks % 10 == 0) {
        orch_notify_alive();
        orch_processors_beat(o);
        orch_supervisor_tick(o);
        orch_recover_tick(o);
        orch_share_tick(o);
        orch_sweep_tick(o);
        orch_direct_tick(o);
        orch_left_tick(o);
        orch_schedules_tick(o);
        orch_webhooks_tick(o);
    }

    if (o->stop_ms
        && (orch_supervisor_is_empty(o) || orch_loop_ms(o) >= o->stop_ms))
    {
        uv_stop(&o->loop);
    }
}


/* finish what runs, begin nothing; the second time: go at once */
static void
orch_signal(uv_signal_t *handle, int number)
{
    orch_t  *o = handle->loop->data;

    if (number == SIGHUP) {
        orch_reload(o);
        return;
    }

    if (o->stop_ms && number != SIGUSR1) {
        uv_stop(&o->loop);
        return;
    }

    orch_notify("STOPPING=1");

    if (number == SIGUSR1) {
        pt_log(PT_LOG_INFO, "orchestrator", "draining: processors finish what "
               "they have");
        o->stop_ms = UINT64_MAX;

    } else {
        pt_log(PT_LOG_INFO, "orchestrator", "stopping: processors finish what "
               "they have, within %d s", ORCH_DRAIN_MS / 1000);
        o->stop_ms = orch_loop_ms(o) + ORCH_DRAIN_MS;
    }

    orch_supervisor_drain(o);
}


int64_t
orch_now_ms(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_REALTIME, &now);

    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


uint64_t
orch_loop_ms(const orch_t *o)
{
    return uv_now(&o->loop);
}


uint64_t
orch_random(void)
{
    uint64_t  v;

    if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != sizeof(v)) {
        v = uv_hrtime();
    }

    return v;
}


#if PT_FAULTS

bool
orch_fault(const char *name)
{
    const char  *chosen = getenv("PITCHEY_FAULT");

    return chosen && strcmp(chosen, name) == 0;
}

#endif
