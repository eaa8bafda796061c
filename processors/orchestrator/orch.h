/*
 * The daemon as a whole: what its parts share.
 *
 *   edge socket --> edge --> accept (SUBMIT)           --> db
 *                       `--> read (GET, LIST, OPEN...) --> db
 *   queue, attempt: which job, which state             --> work --> db
 *   processor socket --> processor (credit, reports), supervisor (processes)
 *   after each commit: watch (EVENT to the edge)
 *
 * One thread.  Nothing waits: every wait is a callback of the loop.
 */

#ifndef ORCH_H
#define ORCH_H

#include "pt_log.h"
#include "pt_pg.h"
#include "pt_seal.h"
#include "pt_zloop.h"

#include "orch_config.h"
#include "orch_json.h"
#include "orch_queue.h"
#include "orch_retry.h"

typedef struct orch_s  orch_t;

#include "orch_accept.h"
#include "orch_attempt.h"
#include "orch_begin.h"
#include "orch_bulk.h"
#include "orch_db.h"
#include "orch_edge.h"
#include "orch_instances.h"
#include "orch_files.h"
#include "orch_left.h"
#include "orch_link.h"
#include "orch_metrics.h"
#include "orch_processor.h"
#include "orch_prune.h"
#include "orch_read.h"
#include "orch_recover.h"
#include "orch_redo.h"
#include "orch_reload.h"
#include "orch_schedule.h"
#include "orch_seal.h"
#include "orch_share.h"
#include "orch_storage.h"
#include "orch_supervisor.h"
#include "orch_direct.h"
#include "orch_move.h"
#include "orch_sweep.h"
#include "orch_user.h"
#include "orch_wait.h"
#include "orch_watch.h"
#include "orch_webhook.h"
#include "orch_work.h"
#include "orch_cache.h"


struct orch_s {
    uv_loop_t             loop;
    void                 *zctx;
    pt_zap_t             *zap;           /* NULL: nothing is over tcp:// */
    pt_curve_t            curve;
    pt_seal_t            *seal;          /* NULL: no secret is accepted */
    const orch_config_t  *config;
    int                   locks[2];      /* beside the two sockets; -1: none */

    uv_prepare_t          turn;          /* before the loop sleeps */
    uv_timer_t            tick;          /* every 100 ms */
    uv_signal_t           signals[4];
    uint64_t              ticks;
    bool                  ready;         /* systemd knows */
    uint64_t              stop_ms;       /* draining until then; 0: running */

    orch_db_t             db;
    orch_queue_t          queue;
    orch_edge_t           edge;
    orch_watches_t        watches;
    orch_accept_t         accept;
    orch_work_t           work;
    orch_processors_t     processors;
    orch_supervisor_t     supervisor;
    orch_recover_t        recover;
    orch_share_t          share;
    orch_storage_t        storage;
    orch_sweep_t          sweep;
    orch_left_t           left;
    orch_move_t           move;
    orch_direct_t         direct;
    orch_prune_t          prune;
    orch_metrics_t        metrics;
    orch_users_t          users;
    orch_schedules_t      schedules;
    orch_webhooks_t       webhooks;
    orch_links_t          links;
    orch_reload_t         reload;
};


/* runs until it is told to stop; the exit status */
int orch_run(const char *path, const orch_config_t *config);

/* reads the lists of keys, again */
PT_MUST_CHECK pt_err_t orch_admit(orch_t *o);

/* milliseconds since 1970; and of the loop's own clock, for waiting */
int64_t orch_now_ms(void);
uint64_t orch_loop_ms(const orch_t *o);

uint64_t orch_random(void);


/* planted faults, for the tests that must catch them */
#if PT_FAULTS
bool orch_fault(const char *name);
#define ORCH_FAULT(name)  orch_fault(name)
#else
#define ORCH_FAULT(name)  false
#endif


#endif /* ORCH_H */
