/*
 * Removes from storage the outputs that nobody can see any more: those of
 * jobs that are not kept, of jobs that ended without success, of attempts that
 * were killed before they could report or clear them.
 *
 * A thread looks at some folders, the database tells which attempt of each job
 * counts, a thread removes the others.  Folders are left alone until they are
 * as old as the setting `orphans` says.
 */

#ifndef ORCH_LEFT_H
#define ORCH_LEFT_H


#define ORCH_LEFT_MAX  512               /* jobs of one look */

typedef struct {
    uv_work_t     work;
    bool          working;               /* a look, its query or its removal */
    uint64_t      next_ms;
    unsigned      folder;                /* 0 to 255 */
    pt_id_t       last;                  /* of that folder; zero: none */
    unsigned      s3_folder;             /* of a bucket, and its last name */
    char          s3_after[PT_ID_TEXT_LEN + 1];
    unsigned      n;
    unsigned      removed;
    pt_id_t       ids[ORCH_LEFT_MAX];
    int64_t       attempts[ORCH_LEFT_MAX];   /* that stay; -1: all, 0: none */
} orch_left_t;


/* every second */
void orch_left_tick(orch_t *o);


#endif /* ORCH_LEFT_H */
