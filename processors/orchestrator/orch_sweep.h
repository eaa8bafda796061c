/*
 * Removes from storage what no row knows: an upload whose FILE_ADD was lost or
 * refused, a file whose row went and whose bytes did not.
 *
 * A thread looks at some folders, the database tells which names are no file's,
 * a thread removes those.  Bytes are left alone for as long after they got
 * their name as the setting `orphans` says, since their FILE_ADD may be on its
 * way; in that time each folder is looked at once.  Where there is a bucket, a
 * look that found nothing in the folder asks for the next names there.
 */

#ifndef ORCH_SWEEP_H
#define ORCH_SWEEP_H


#define ORCH_SWEEP_FOUND_MAX  1024     /* of one look */

typedef struct {
    pt_storage_t     *storage;
    uv_work_t         work;
    bool              working;         /* a look, its query or its removal */
    uint64_t          next_ms;         /* of the loop's clock: the next look */
    unsigned          folder;          /* 0 to 255: where that begins */
    unsigned          s3_folder;       /* of a bucket, and its last name */
    unsigned          s3_listed;
    char              s3_after[128];
    unsigned          nfound;
    pt_id_t           found[ORCH_SWEEP_FOUND_MAX];
} orch_sweep_t;


/* opens the storage, for FILE_DELETE as well */
PT_MUST_CHECK pt_err_t orch_sweep_open(orch_t *o);

/* after the loop's last turn: its threads have ended */
void orch_sweep_close(orch_t *o);

/* every second */
void orch_sweep_tick(orch_t *o);


#endif /* ORCH_SWEEP_H */
