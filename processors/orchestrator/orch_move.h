/*
 * Takes uploads from the storage's folder to its bucket, where there is one.
 *
 * nginx receives an upload into the folder and its row is committed, as without
 * a bucket: that is when the client has its 201.  A thread looks at the
 * folder, the database tells which names are files', a thread moves those, and
 * what could not be moved is there for the next look: the folder itself is the
 * queue, and it outlives us.  What is deleted goes the same way, in the same
 * thread, so that no delete waits for S3 and none is overtaken by a move.
 */

#ifndef ORCH_MOVE_H
#define ORCH_MOVE_H


#define ORCH_MOVE_MAX  256             /* files of one look */

typedef char  orch_move_key_t[PT_KEY_MAX + 1];

typedef struct {
    uv_work_t         work;
    bool              working;         /* a look, its query or its moves */
    bool              news;            /* a file was added */
    uint64_t          next_ms;         /* of the loop's clock: without news */
    unsigned          failures;        /* in a row */
    unsigned          folder;          /* 0 to 255: where a look begins */
    unsigned          nfound;
    unsigned          moved;
    pt_id_t           found[ORCH_MOVE_MAX];

    unsigned          ndoomed;         /* the loop's */
    orch_move_key_t   doomed[ORCH_MOVE_MAX];
    unsigned          ngoing;          /* the thread's */
    orch_move_key_t   going[ORCH_MOVE_MAX];
} orch_move_t;


/* a file has its row */
void orch_move_added(orch_t *o);

/* false: there is no bucket, or no room: the caller or the sweep removes it */
bool orch_move_delete(orch_t *o, pt_str_t key);

/* ten times a second */
void orch_move_tick(orch_t *o);


#endif /* ORCH_MOVE_H */
