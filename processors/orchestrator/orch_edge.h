/*
 * The edge's socket: requests come, each is answered once, by its deadline or
 * not at all.
 */

#ifndef ORCH_EDGE_H
#define ORCH_EDGE_H


/* text is OK's body, or a problem's detail; valid during the call */
typedef void (*orch_answer_fn)(void *ctx, pt_err_t err, pt_str_t text,
    pt_str_t errors);

/* a request that is being answered: owned by whoever works on it */
struct orch_request_s {
    orch_t           *o;
    orch_request_t   *prev, *next;     /* in its owner's list */
    pt_str_t          peer;
    pt_msg_t          msg;
    uint64_t          deadline_ms;     /* of the loop's clock; 0: none */

    orch_answer_fn    answer;          /* of a request of our own */
    void             *ctx;

    char             *key;             /* orch_accept's: in flight under it */
    UT_hash_handle    hh;
    unsigned          tries;           /* batches that it was in */
    bool              begun;           /* orch_accept's: its job has a slot */
    bool              asked;           /* orch_watch's: counted there */
    pt_id_t           batch;           /* orch_bulk's: that is read */
    uint64_t          sent_ms;         /* orch_bulk's: to the database */
    char             *more;            /* that msg borrows too: orch_redo's,
                                        * or orch_seal's */
    uint8_t           digest[PT_SEAL_HASH_LEN];  /* orch_seal's: the same */

    size_t            len;
    char              bytes[];         /* that peer and msg borrow */
};

typedef struct {
    pt_zloop_t       *socket;
    unsigned          open;            /* requests not answered yet */
    size_t            bytes;           /* that they hold */
} orch_edge_t;


PT_MUST_CHECK pt_err_t orch_edge_open(orch_t *o);
void orch_edge_close(orch_t *o);

/*
 * A request of our own, as if it came from the edge, answered by a call: once,
 * within this call or after it.  On an error it is not.
 *
 * Errors  PT_E_INVALID (it breaks the grammar), PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t orch_request_own(orch_t *o, const pt_msg_t *msg,
    orch_answer_fn answer, void *ctx);

/* both free the request */
void orch_reply(orch_request_t *rq, pt_str_t body);
void orch_refuse(orch_request_t *rq, pt_err_t err, const char *detail);
void orch_refuse_with(orch_request_t *rq, pt_err_t err, const char *detail,
    uint32_t retry_after_s, pt_str_t errors);

/* for a planted fault only: answers, and lets it go on */
void orch_reply_early(orch_request_t *rq, pt_str_t body);

/* the owner that a row must have: absent for an admin, who may see all */
pt_str_t orch_request_owner(const orch_request_t *rq);


#endif /* ORCH_EDGE_H */
