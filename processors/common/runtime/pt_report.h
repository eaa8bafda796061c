/*
 * What the orchestrator has to hear about attempts, until it has said so.
 *
 * Each attempt has an entry from its assignment until the ACK of its last
 * report.  OUTPUT, DONE and FAILED are numbered 1, 2, ... in it, kept, and
 * sent in this order: again after a while, and all of them again to an
 * orchestrator that is new to us.
 */

#ifndef PT_REPORT_H
#define PT_REPORT_H

#include "pt_mem.h"
#include "pt_wire.h"


typedef struct pt_report_s        pt_report_t;
typedef struct pt_report_entry_s  pt_report_entry_t;


typedef struct {
    pt_report_entry_t  *all;         /* a table, in the order of their coming */
    unsigned            n;           /* entries */
} pt_reports_t;


/*
 * Hands one message to the connection.
 *
 * Errors  PT_E_INVALID (it cannot be sent), any other: no more can be now
 */
typedef pt_err_t (*pt_report_send_fn)(void *ctx, const pt_msg_t *msg);


void pt_reports_init(pt_reports_t *reports);
void pt_reports_done(pt_reports_t *reports);

/* an attempt has been assigned.  Errors: PT_E_CONFLICT (is here), PT_E_NOMEM */
PT_MUST_CHECK pt_err_t pt_reports_begin(pt_reports_t *reports,
    const pt_id_t *job, uint32_t attempt);

/*
 * Keeps a copy of an OUTPUT, DONE or FAILED and numbers it.
 *
 * Errors  PT_E_NOT_FOUND (no such entry), PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_reports_add(pt_reports_t *reports,
    const pt_msg_t *msg);

/*
 * Forgets the report with this number, and after the last one the entry.
 *
 * Returns the command that was acknowledged, or PT_CMD_COUNT_ for none.
 */
pt_command_t pt_reports_ack(pt_reports_t *reports, const pt_id_t *job,
    uint32_t attempt, uint32_t n);

/*
 * Nobody wants to hear of this attempt any more.
 *
 * Returns the command of its newest report, or PT_CMD_COUNT_ for none.
 */
pt_command_t pt_reports_drop(pt_reports_t *reports, const pt_id_t *job,
    uint32_t attempt);

/* the peer is another one: nothing has been sent to it */
void pt_reports_unsend(pt_reports_t *reports);

/* sends those that were not sent since age_ms, until send() has an error */
void pt_reports_send(pt_reports_t *reports, uint64_t now_ms, uint64_t age_ms,
    pt_report_send_fn send, void *ctx);

/* the same for those of msg's attempt that were never sent to the peer */
void pt_reports_send_of(pt_reports_t *reports, const pt_msg_t *msg,
    uint64_t now_ms, pt_report_send_fn send, void *ctx);

/* appends the mark (pt_wire.h) of each entry */
void pt_reports_marks(const pt_reports_t *reports, pt_buf_t *buf);


#endif /* PT_REPORT_H */
