/*
 * The platform's files, to read.  They lie below a folder that a child may
 * reach; or in a bucket, which it cannot: helpers can, that were forked before
 * its sandbox closed.  What is in the folder is not looked for in the bucket.
 * Any number of threads may call.
 */

#ifndef BACKUP_STORAGE_H
#define BACKUP_STORAGE_H

#include "backup.h"


#define BACKUP_FILE_KEY_MAX  512

/* of who writes there: nginx, another user of the group, uploads into the same
 * folders */
#define BACKUP_STORAGE_UMASK  0007


/* of a tree; the key lives during the call */
typedef pt_err_t (*backup_tree_fn)(void *ctx, const char *key);


/* before the sandbox closes: the helpers, where there is a bucket */
PT_MUST_CHECK pt_err_t backup_storage_prepare(const pt_reach_t *reach);

/*
 * A descriptor to read from.
 *
 * Errors  PT_E_NOT_FOUND, PT_E_IO
 */
PT_MUST_CHECK pt_err_t backup_storage_open(const char *root, const char *key,
    int *ret_fd, uint64_t *ret_size);

/* whether there is a file of that key; of the folder's, also of that size */
PT_MUST_CHECK pt_err_t backup_storage_has(const char *root, const char *key,
    uint64_t size, bool *ret_has);

/*
 * Every file below a key.
 *
 * Errors  PT_E_NOT_FOUND (there is none), PT_E_IO, or visit's
 */
PT_MUST_CHECK pt_err_t backup_storage_tree(const char *root, const char *key,
    backup_tree_fn visit, void *ctx);

/* those that a key's file lies in; under BACKUP_STORAGE_UMASK */
PT_MUST_CHECK pt_err_t backup_storage_folders(const char *root,
    const char *key);

/* [A-Za-z0-9._-] segments without a leading dot */
bool backup_file_key_is_good(pt_str_t key);


#endif /* BACKUP_STORAGE_H */
