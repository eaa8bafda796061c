/*
 * An object: a head, then secretstream messages of one zstd frame (FORMAT.md).
 * A writer and a reader each take some 3 MiB, whatever the object's size, and
 * serve any number of objects, one after the other.
 */

#ifndef BACKUP_OBJECT_H
#define BACKUP_OBJECT_H

#include "backup_key.h"


typedef enum {
    BACKUP_ROWS = 'R',
    BACKUP_FILE = 'F',
    BACKUP_DUMP = 'D',
    BACKUP_INDEX = 'I',
    BACKUP_MANIFEST = 'M'
} backup_kind_t;


typedef struct {
    uint64_t  bytes;           /* of the plaintext */
    uint64_t  stored;          /* of the object */
    uint8_t   sha256[32];      /* of the plaintext */
} backup_sum_t;


typedef struct backup_writer_s  backup_writer_t;
typedef struct backup_reader_s  backup_reader_t;


/* Errors: PT_E_NOMEM */
PT_MUST_CHECK pt_err_t backup_writer_new(backup_writer_t **ret_writer);

/* takes NULL; an object that was begun stays as it is */
void backup_writer_free(backup_writer_t *w);

/*
 * Begins an object in fd, which stays the caller's.
 *
 * name   its path, "<owner>/objects/..."; it decrypts under no other
 * level  of zstd: 3 for text, 1 for what is compressed already
 */
PT_MUST_CHECK pt_err_t backup_writer_begin(backup_writer_t *w, int fd,
    const backup_owner_keys_t *keys, backup_kind_t kind, const char *name,
    int level);

/* Errors: PT_E_STORAGE (disk full, say) */
PT_MUST_CHECK pt_err_t backup_writer_add(backup_writer_t *w, const void *data,
    size_t len);
PT_MUST_CHECK pt_err_t backup_writer_end(backup_writer_t *w,
    backup_sum_t *ret_sum);


PT_MUST_CHECK pt_err_t backup_reader_new(backup_reader_t **ret_reader);
void backup_reader_free(backup_reader_t *r);

/* Errors of all three: PT_E_INPUT_BROKEN, PT_E_IO */
PT_MUST_CHECK pt_err_t backup_reader_begin(backup_reader_t *r, int fd,
    const backup_owner_keys_t *keys, backup_kind_t kind, const char *name);

/*
 * The next piece of plaintext, borrowed until the next call; len 0: the
 * object has ended as it should, and sum may be asked.
 */
PT_MUST_CHECK pt_err_t backup_reader_next(backup_reader_t *r,
    pt_str_t *ret_piece);
void backup_reader_sum(backup_reader_t *r, backup_sum_t *ret_sum);


#endif /* BACKUP_OBJECT_H */
