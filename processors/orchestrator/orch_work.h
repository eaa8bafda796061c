/*
 * The transactions of attempts, in order, many in each commit: claims,
 * outputs, ends, returns to the queue, and ends with a result that is known.
 *
 * Claims have a connection of their own: the server works on them beside the
 * others.  A job is in one transaction at a time, except for its outputs and
 * its end, which share a connection and so stay in order.  When the outcome is
 * not known (the connection was lost, somebody else was first), the jobs
 * concerned are in doubt, and ORCH_SQL_SETTLE asks where they stand.
 */

#ifndef ORCH_WORK_H
#define ORCH_WORK_H


typedef enum {
    ORCH_ITEM_OUTPUT = 0,    /* in the order in which a batch runs them */
    ORCH_ITEM_END,
    ORCH_ITEM_REQUEUE,
    ORCH_ITEM_CACHED,
    ORCH_ITEM_CLAIM,
    ORCH_ITEM_KINDS_
} orch_item_kind_t;


typedef struct orch_item_s  orch_item_t;

struct orch_item_s {
    orch_item_t       *prev, *next;
    orch_item_kind_t   kind;
    orch_job_t        *job;
    uint32_t           attempt;

    uint32_t           report;       /* to acknowledge; 0: none */
    pt_buf_t           body;         /* of the state or output event */

    /* OUTPUT */
    pt_json_t         *output;

    /* END */
    bool               running;      /* else it ends a job that waits */
    const char        *status;
    const char        *extra_type;   /* of the event before; NULL: none */
    pt_buf_t           extra;
    pt_buf_t           result;
    pt_buf_t           usage;

    bool               keyed;        /* to be found under key */

    /* END, CACHED */
    uint8_t            key[32];

    /* CACHED */
    pt_assign_t        assign;       /* for when it is not */
    char              *kept;         /* that assign borrows */

    /* REQUEUE */
    uint32_t           crashes;      /* to add */
    uint32_t           lost;
    int64_t            run_at_ms;
};

typedef struct {
    orch_item_t       *items[ORCH_ITEM_KINDS_];
    unsigned           careful;      /* batches of one item, so many more */
    uint64_t           held_ms;      /* nothing is sent before */
} orch_work_t;


/* an item of that job at its present attempt; NULL without memory */
orch_item_t *orch_item_new(orch_job_t *job, orch_item_kind_t kind);

void orch_item_free(orch_item_t *item);

/* hands the item over */
void orch_work_add(orch_t *o, orch_item_t *item);

/* once in each turn */
void orch_work_flush(orch_t *o);

/* the database refuses for now: nothing new should begin */
bool orch_work_is_held(const orch_t *o);

/* forgets what was not sent: its jobs are in doubt */
void orch_work_drop(orch_t *o);


#endif /* ORCH_WORK_H */
