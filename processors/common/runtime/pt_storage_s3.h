/*
 * Objects of an S3 bucket, for pt_storage: requests that are tried until they
 * succeed or cannot, several at a time in the caller's thread.
 *
 * All of it blocks.  Any number of threads may use one client.  What is worth
 * another try (no connection, a cut one, a stalled one, 429, 5xx) gets it after
 * a pause that doubles, with jitter; a download goes on where it was cut, an
 * upload of several parts repeats only the part that failed.
 *
 * Errors of all calls: PT_E_STORAGE with errno: EACCES credentials were
 * refused, EIO the server failed or answered nonsense, ETIMEDOUT it was not
 * reached, EBADMSG what came is not what was stored.
 */

#ifndef PT_STORAGE_S3_H
#define PT_STORAGE_S3_H

#include "pt_s3.h"
#include "pt_s3_answer.h"


#define PT_S3_LIST_MAX  1000       /* of one answer */

typedef struct pt_s3_client_s  pt_s3_client_t;


typedef struct {
    const char  *key;
    int          fd;
    uint64_t     size;
} pt_s3_file_t;


/* no thread may exist before the process's first; s3 is copied */
PT_MUST_CHECK pt_err_t pt_s3_client_new(const pt_s3_t *s3,
    pt_s3_client_t **ret_client);
void pt_s3_client_free(pt_s3_client_t *client);

/*
 * From the descriptor's beginning.  state: a file that remembers what parts
 * were taken, for another call after this one failed or its process died; NULL:
 * nothing is left of a failed upload.
 */
PT_MUST_CHECK pt_err_t pt_s3_put(pt_s3_client_t *client,
    const pt_s3_file_t *file, const char *state);

/* files of a part's size at most go together, others after one another */
PT_MUST_CHECK pt_err_t pt_s3_put_many(pt_s3_client_t *client,
    const pt_s3_file_t *files, size_t n);

/* into an empty file.  Errors: PT_E_NOT_FOUND too */
PT_MUST_CHECK pt_err_t pt_s3_get(pt_s3_client_t *client, const char *key,
    int fd);

/* that object and all below it as a folder; none is no error */
PT_MUST_CHECK pt_err_t pt_s3_delete(pt_s3_client_t *client, const char *key);

/* ends an upload of several parts that nobody will go on with */
void pt_s3_forget(pt_s3_client_t *client, const char *key, const char *state);

/*
 * What lies in a folder ("files/ab"), by name, PT_S3_LIST_MAX names at most
 * behind the name after, which may be empty; deep: all below it, not only
 * what lies in it itself.
 */
PT_MUST_CHECK pt_err_t pt_s3_list(pt_s3_client_t *client, const char *folder,
    const char *after, bool deep, pt_s3_list_fn fn, void *ctx);


#endif /* PT_STORAGE_S3_H */
