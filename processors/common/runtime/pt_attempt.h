/*
 * Attempts: from an assignment to its last report, in the parent.
 *
 *   ASKING     the platform's database, where its parameters ask for rows
 *   WAITING    for an idle child
 *   FETCHING   a thread puts the inputs into the child's folder
 *   RUNNING    the child has the job; outputs are stored as they come, one
 *              after the other, by a thread
 *   ENDING     the verdict is known; outputs are still being stored, or the
 *              child is being ended
 *
 * Whoever made the attempt hears of it through events; done or failed is the
 * last, and after pt_attempts_cancel() nothing comes.
 */

#ifndef PT_ATTEMPT_H
#define PT_ATTEMPT_H

#include "pt_platform.h"
#include "pt_pool.h"
#include "pt_seal.h"
#include "pt_storage.h"


/* files and trees that one attempt may publish */
#define PT_OUTPUTS_MAX  4096


typedef struct pt_attempts_s  pt_attempts_t;


typedef struct {
    pt_err_t  err;
    pt_str_t  message;
    pt_str_t  errors;        /* [{"pointer","detail"}], or absent */
} pt_failure_t;


/* what they are given lives for the call only */
typedef struct {
    void  (*progress)(void *ctx, const pt_id_t *job, uint32_t attempt,
              unsigned permille, pt_str_t stage);

    /* body: as OUTPUT of pt_wire.h has it; the file is durable */
    void  (*output)(void *ctx, const pt_id_t *job, uint32_t attempt,
              pt_str_t body);

    /* usage: as DONE has it */
    void  (*done)(void *ctx, const pt_id_t *job, uint32_t attempt,
              pt_str_t result, pt_str_t usage);
    void  (*failed)(void *ctx, const pt_id_t *job, uint32_t attempt,
              const pt_failure_t *failure, pt_str_t usage);

    /* an attempt is over, also a cancelled one */
    void  (*over)(void *ctx);

    /* no attempt can be run any more */
    void  (*broken)(void *ctx, const char *why);

    /* pt_attempts_close() is complete, attempts and children are gone */
    void  (*closed)(void *ctx);

    void   *ctx;
} pt_attempt_events_t;


/*
 * zygote, scratch, storage, platform and seal are borrowed; without seal no
 * sealed parameter is opened.
 *
 * Errors  PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_attempts_open(uv_loop_t *loop,
    const pt_processor_t *processor, unsigned slots, pt_zygote_t *zygote,
    pt_scratch_t *scratch, pt_storage_t *storage, pt_platform_t *platform,
    pt_seal_t *seal, const pt_attempt_events_t *events,
    pt_attempts_t **ret_attempts);

/* ends what runs, tells nobody; events.closed follows */
void pt_attempts_close(pt_attempts_t *attempts);

/*
 * Takes one attempt; assign is borrowed for the call.
 *
 * Errors  PT_E_CONFLICT        it is here already
 *         PT_E_UNKNOWN_ACTION
 *         PT_E_INVALID         inputs that cannot be
 *         PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_attempts_start(pt_attempts_t *attempts,
    const pt_assign_t *assign);

/* stops it and deletes what it has stored; one that is over is left alone */
void pt_attempts_cancel(pt_attempts_t *attempts, const pt_id_t *job,
    uint32_t attempt);

/* deletes what an attempt that is over has stored, in the background */
void pt_attempts_discard(pt_attempts_t *attempts, const pt_id_t *job,
    uint32_t attempt);

/* how many there are, without those that were cancelled and still end */
unsigned pt_attempts_count(const pt_attempts_t *attempts);

/* whether their slots have room for one more of this action */
bool pt_attempts_have_room(const pt_attempts_t *attempts, pt_str_t action);


#endif /* PT_ATTEMPT_H */
