/*
 * Files into objects, by a few threads: what is there already is not written
 * again.  Each file becomes a line of the generation's index.
 */

#ifndef BACKUP_FILES_H
#define BACKUP_FILES_H

#include <stdatomic.h>

#include "backup_merkle.h"
#include "backup_storage.h"
#include "backup_store.h"


typedef struct {
    uint64_t  count;
    uint64_t  bytes;
    uint64_t  fresh;           /* new objects, and their bytes stored */
    uint64_t  stored;
    uint64_t  missing;         /* not in storage, or not what it should be */
    uint8_t   root[32];
    uint64_t  index_bytes;
    uint64_t  index_stored;
} backup_files_sum_t;


typedef struct backup_files_s  backup_files_t;


/*
 * index    path of the index's object below its owner
 * check    objects that are there are decrypted before they are trusted
 * done     bytes so far, for progress
 */
PT_MUST_CHECK pt_err_t backup_files_open(const backup_owner_t *owner,
    const char *storage, const char *index, bool check,
    atomic_ullong *done, backup_files_t **ret_files);

/*
 * Hands over one file by its key in storage; may wait for a thread.
 *
 * sha256  of its content, or NULL: it is read for it
 * Errors  of an earlier one
 */
PT_MUST_CHECK pt_err_t backup_files_add(backup_files_t *files,
    const char *key, const uint8_t *sha256, uint64_t size);

/* all files below a folder in storage */
PT_MUST_CHECK pt_err_t backup_files_add_tree(backup_files_t *files,
    const char *key);

/* waits for all, writes the index; frees, whatever the outcome */
PT_MUST_CHECK pt_err_t backup_files_close(backup_files_t *files, bool failed,
    backup_files_sum_t *ret_sum);

#endif /* BACKUP_FILES_H */
