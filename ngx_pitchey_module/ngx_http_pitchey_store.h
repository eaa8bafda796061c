/*
 * An upload's bytes in the local storage: all that touches its file system,
 * and so the one concern that another kind of storage replaces.
 *
 * Every function but _init() and _part_unlock() blocks: it is called in a
 * thread, which has the store as long as it works; only _hash() may run beside
 * _write().  What fails is told by failed ("write"), err and at, never by a
 * return value.
 *
 * A plain upload has no name until it is complete (O_TMPFILE, then linkat), so
 * nothing is left of one whose client, thread or worker dies.  A resumable one
 * (part) lives across requests in two files of its user's folder:
 *
 *     uploads/<hash of the user>/<id>.part   bytes; flock() keeps others away
 *     uploads/<hash of the user>/<id>.info   the record: how many of them are
 *                                            on disk, and their SHA-256 so far
 *
 * The record is replaced by a rename() after the bytes that it tells of were
 * synced.  After a crash of the worker or the machine the upload goes on from
 * there.
 */

#ifndef NGX_HTTP_PITCHEY_STORE_H
#define NGX_HTTP_PITCHEY_STORE_H

#include <ngx_config.h>
#include <ngx_core.h>

/* the state of a hash has to be stored, which EVP cannot */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "pt_id.h"
#include "ngx_http_pitchey_sniff.h"


/* bytes: what begins and ends at a multiple, in memory and in its file, goes
 * past the page cache */
#define NGX_HTTP_PITCHEY_STORE_BLOCK   4096

#define NGX_HTTP_PITCHEY_METADATA_MAX  2048

/* resumable uploads that a user may have open: more than one sends at once */
#define NGX_HTTP_PITCHEY_PARTS_MAX     32


/* of a resumable upload, as it lies in the .info file */
typedef struct {
    u_char      magic[8];
    int64_t     length;                  /* bytes that it will have */
    int64_t     offset;                  /* that are synced */
    int64_t     expires;                 /* s since 1970 */
    uint32_t    done;                    /* it is a file now */
    uint32_t    metadata_len;
    SHA256_CTX  sha;                     /* of the bytes up to offset */
    char        media_type[128];         /* "": not known yet */
    char        metadata[NGX_HTTP_PITCHEY_METADATA_MAX];
    u_char      check[SHA256_DIGEST_LENGTH];
} ngx_http_pitchey_record_t;


typedef enum {
    NGX_HTTP_PITCHEY_PART_OPEN = 0,      /* ours: locked, the record read */
    NGX_HTTP_PITCHEY_PART_DONE,          /* is a file; the record read */
    NGX_HTTP_PITCHEY_PART_NONE,          /* none, or not a usable one */
    NGX_HTTP_PITCHEY_PART_EXPIRED,       /* and removed */
    NGX_HTTP_PITCHEY_PART_LOCKED,        /* another request has it; the record
                                          * read */
    NGX_HTTP_PITCHEY_PART_TOO_MANY       /* of _part_create() */
} ngx_http_pitchey_part_e;


typedef struct {
    u_char                      *folder;     /* "STORAGE/files" */
    u_char                      *subfolder;  /* "STORAGE/files/5f" */
    u_char                      *path;       /* "STORAGE/files/5f/ID" */
    u_char                      *temp;       /* "STORAGE/files/.tmp/ID" */
    u_char                      *temp_folder;

    SHA256_CTX                   sha;
    u_char                       sha256[SHA256_DIGEST_LENGTH];
    off_t                        written;    /* bytes, from the beginning */
    off_t                        flushed;
    int                          fd;

    const char                  *failed;     /* what could not be done, */
    ngx_err_t                    err;        /* why, */
    const u_char                *at;         /* and where */

    /* of a resumable upload; part is NULL in another */
    ngx_http_pitchey_record_t   *record;
    u_char                      *part;
    u_char                      *info;
    u_char                      *info_temp;
    u_char                      *uploads;    /* "STORAGE/uploads" */
    u_char                      *user;       /* "STORAGE/uploads/<hash>" */
    time_t                       lifetime;   /* s after the last byte */
    ngx_http_pitchey_part_e      status;     /* of _part_open(), _create() */
    u_char                       head[NGX_HTTP_PITCHEY_SNIFF_LEN];
    size_t                       head_len;   /* of _finish(): the first bytes */

    unsigned                     direct:1;   /* O_DIRECT is set */
    unsigned                     cached:1;   /* and is not to be */
    unsigned                     temp_named:1;
    unsigned                     named:1;    /* lies at path */
    unsigned                     remove:1;   /* the part: _end() removes it */
    unsigned                     leave:1;    /* the part: let go of it, unless
                                              * it is complete */
} ngx_http_pitchey_store_t;


/* an upload of that id below the folder storage; NGX_ERROR: no memory */
ngx_int_t ngx_http_pitchey_store_init(ngx_http_pitchey_store_t *st,
    ngx_pool_t *pool, const ngx_str_t *storage, const pt_id_t *id);

/* makes it a resumable one of that user */
ngx_int_t ngx_http_pitchey_store_init_part(ngx_http_pitchey_store_t *st,
    ngx_pool_t *pool, const ngx_str_t *storage, const pt_id_t *id,
    const ngx_str_t *user);

/* the next bytes; those of a resumable upload are hashed, too */
void ngx_http_pitchey_store_write(ngx_http_pitchey_store_t *st,
    const u_char *data, size_t len);

/* of another: in any thread, but in the order of the bytes */
void ngx_http_pitchey_store_hash(ngx_http_pitchey_store_t *st,
    const u_char *data, size_t len);

/* complete: hashed, on disk, under its name, and the name on disk */
void ngx_http_pitchey_store_finish(ngx_http_pitchey_store_t *st);

/*
 * Lets go of it: removes what was written, and its name if named is set; of a
 * resumable upload the part stays, with its record, unless remove is set.
 */
void ngx_http_pitchey_store_end(ngx_http_pitchey_store_t *st, ngx_log_t *log);

/* a new one: length and metadata of the record are set, and its lifetime */
void ngx_http_pitchey_store_part_create(ngx_http_pitchey_store_t *st);

/* status tells what was found */
void ngx_http_pitchey_store_part_open(ngx_http_pitchey_store_t *st);

/*
 * Of one that was opened, and is refused as it is: the client's next request
 * finds it free, though a thread has yet to close it.  This one does not block.
 */
void ngx_http_pitchey_store_part_unlock(ngx_http_pitchey_store_t *st);

/* syncs the bytes, then the record */
void ngx_http_pitchey_store_part_save(ngx_http_pitchey_store_t *st);

/* opens and removes it, if it is there to be removed */
void ngx_http_pitchey_store_part_delete(ngx_http_pitchey_store_t *st);

/* the record says that it is a file; the part's name goes */
void ngx_http_pitchey_store_part_done(ngx_http_pitchey_store_t *st);

/* removes the resumable uploads of that storage whose time is over */
void ngx_http_pitchey_store_sweep(const ngx_str_t *storage, ngx_log_t *log);


#endif /* NGX_HTTP_PITCHEY_STORE_H */
