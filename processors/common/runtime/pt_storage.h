/*
 * Where files live for good: uploads, and what jobs put out.
 *
 * A key is a relative path of segments [A-Za-z0-9._-] without a leading dot;
 * the module and we make them (DESIGN, section 7), nothing that a user wrote
 * becomes one.  A stored file never changes.  Everything here blocks: call it
 * from a thread of the pool.  Any number of threads may use one storage.
 *
 * Local files below a root folder; or an S3 bucket, with that folder before
 * it.  Then what is put goes to the bucket, uploads lie in the folder until
 * pt_storage_move() has taken them there, and what is read is looked for in
 * the folder first: it leaves the folder only when the bucket has it.
 */

#ifndef PT_STORAGE_H
#define PT_STORAGE_H

#include <stdint.h>

#include "pt_err.h"
#include "pt_s3.h"


typedef struct pt_storage_s  pt_storage_t;
typedef struct pt_tree_s     pt_tree_t;


typedef struct {
    uint64_t  size;              /* bytes; of a tree: their sum */
    unsigned  files;             /* 1, or those of a tree */
    uint8_t   sha256[32];        /* of a file */
} pt_stored_t;


/*
 * What a tree may hold at most: an HLS ladder of a ten-hour film in 4 s
 * segments with five renditions has 45,000 files.
 */
#define PT_TREE_FILES_MAX   65536
#define PT_TREE_DEPTH_MAX   8


/* root must exist.  Errors: PT_E_STORAGE with errno, PT_E_NOMEM */
PT_MUST_CHECK pt_err_t pt_storage_open_local(const char *root,
    pt_storage_t **ret_storage);

/*
 * the same with a bucket; s3 is copied.  A configuration line gives both
 * together: see pt_s3.h
 */
PT_MUST_CHECK pt_err_t pt_storage_open_s3(const char *root, const pt_s3_t *s3,
    pt_storage_t **ret_storage);
bool pt_storage_is_s3(const pt_storage_t *storage);

/* takes NULL */
void pt_storage_close(pt_storage_t *storage);

/*
 * Moves a file, or a folder with all in it, from below the folder dir to a
 * key that has nothing yet.  It is durable when this returns: synced, named,
 * the name synced.
 *
 * Whoever made it may be hostile: neither path nor its parts may be a link,
 * only regular files are taken, and none that is still open for writing.  In
 * a tree, each name is checked like an output's.
 *
 * Errors  PT_E_INVALID    no such file below dir, or not what may be stored
 *         PT_E_CONFLICT   the key is taken
 *         PT_E_TOO_LARGE  a tree over the limits above
 *         PT_E_STORAGE    errno says why; nothing is left under the key
 */
PT_MUST_CHECK pt_err_t pt_storage_put(pt_storage_t *storage, const char *key,
    int dir, const char *path, pt_stored_t *ret_stored);

/*
 * tree  NULL: it is complete.  Else it may grow: a later call with the same
 *       key and tree adds files, or puts one in the place of another of the
 *       same path.  Readers see each as it was or as it is: playlists come
 *       after what they name.  ret_stored is of the whole tree.  Where growing
 *       fails, some of it may be there.
 */
PT_MUST_CHECK pt_err_t pt_storage_put_tree(pt_storage_t *storage,
    const char *key, int dir, const char *path, pt_tree_t *tree,
    pt_stored_t *ret_stored);

/* what a tree that grows holds so far; NULL: no memory */
pt_tree_t *pt_tree_new(void);
void pt_tree_free(pt_tree_t *tree);

/*
 * Makes a stored file readable as the path to, which must not exist.  link:
 * it may be the stored file itself, as whoever reads cannot write there.
 *
 * Errors  PT_E_NOT_FOUND, PT_E_STORAGE with errno, PT_E_INVALID (key)
 */
PT_MUST_CHECK pt_err_t pt_storage_get(pt_storage_t *storage, const char *key,
    const char *to, bool link);

/* a descriptor to read from; errors as above */
PT_MUST_CHECK pt_err_t pt_storage_open(pt_storage_t *storage, const char *key,
    int *ret_fd);

/*
 * Removes a file, or all below a folder; what is not there is no error.
 *
 * Errors  PT_E_STORAGE with errno, PT_E_INVALID (key)
 */
PT_MUST_CHECK pt_err_t pt_storage_delete(pt_storage_t *storage,
    const char *key);

/*
 * To the bucket, and then away from the folder.  An upload of several parts
 * that failed goes on where it was, after a restart too.  What is deleted
 * meanwhile stays deleted.
 *
 * Errors  PT_E_NOT_FOUND  it is not in the folder (any more)
 *         PT_E_STORAGE    errno says why; it still is there
 */
PT_MUST_CHECK pt_err_t pt_storage_move(pt_storage_t *storage,
    const char *key);

/*
 * What a client has put into the bucket itself becomes a file of the folder,
 * as one that nginx received: synced, and named by the key to.  Where there is
 * one of that name already it stays, and is what is told of.
 *
 * ret_head  its first bytes, PT_STORAGE_HEAD at most
 * Errors    PT_E_NOT_FOUND  the bucket has no such object
 *           PT_E_STORAGE    errno says why
 */
#define PT_STORAGE_HEAD  8192

PT_MUST_CHECK pt_err_t pt_storage_fetch(pt_storage_t *storage,
    const char *from, const char *to, pt_stored_t *ret_stored,
    char ret_head[PT_STORAGE_HEAD], size_t *ret_len);

/*
 * What a bucket has in a folder, by name, from behind the name after: 1000
 * names at most, folders' with a "/" at the end.  Without a bucket: nothing.
 */
typedef void (*pt_storage_list_fn)(void *ctx, pt_str_t name);

PT_MUST_CHECK pt_err_t pt_storage_list(pt_storage_t *storage,
    const char *folder, const char *after, pt_storage_list_fn fn, void *ctx);


/* [a-z0-9._-], "/" between, no segment empty or with a leading dot */
bool pt_output_name_is_good(pt_str_t name);


#endif /* PT_STORAGE_H */
