/*
 * A generation, read: its manifest, the pieces of an object, the lines of its
 * index of files.
 */

#ifndef BACKUP_READ_H
#define BACKUP_READ_H

#include "backup_merkle.h"
#include "backup_store.h"


typedef struct {
    const backup_owner_t  *owner;
    backup_generation_t    name;
    pt_json_t             *json;
    backup_reader_t       *reader;
} backup_manifest_t;


/* a line of the index */
typedef struct {
    pt_str_t   key;
    uint8_t    sha256[32];
    uint64_t   size;
    pt_str_t   object;         /* absent: the file was missing */
} backup_indexed_t;


typedef pt_err_t (*backup_piece_fn)(void *ctx, pt_str_t piece);
typedef pt_err_t (*backup_indexed_fn)(void *ctx, const backup_indexed_t *file);


/*
 * The generation's manifest; wanted NULL: the newest.
 *
 * Errors  PT_E_NOT_FOUND, PT_E_INPUT_BROKEN
 */
PT_MUST_CHECK pt_err_t backup_manifest_open(const backup_owner_t *owner,
    pt_str_t wanted, backup_manifest_t *ret_manifest);
void backup_manifest_close(backup_manifest_t *m);

/*
 * Checks what a manifest says, so that nobody else has to: everything that is
 * used has its type, objects are names within the generation.
 */
PT_MUST_CHECK pt_err_t backup_manifest_check(const pt_json_t *json,
    const char *owner, const char *generation);

/*
 * Passes an object's plaintext on; visit NULL: reads it only.
 *
 * Errors  PT_E_INPUT_BROKEN, PT_E_NOT_FOUND (it is missing), or visit's
 */
PT_MUST_CHECK pt_err_t backup_object_read(const backup_manifest_t *m,
    backup_kind_t kind, const char *path, backup_piece_fn visit, void *ctx,
    backup_sum_t *ret_sum);

/* "generations/<generation>/<object>" of a member "object" */
void backup_manifest_object(const backup_manifest_t *m, const pt_json_t *part,
    char ret_path[BACKUP_PATH_MAX]);

/* every line of the index; visit must not read another object with m */
PT_MUST_CHECK pt_err_t backup_index_read(const backup_manifest_t *m,
    backup_indexed_fn visit, void *ctx, backup_sum_t *ret_sum);

/* one line; total: any bytes give a file or PT_E_INPUT_BROKEN */
PT_MUST_CHECK pt_err_t backup_index_line(pt_str_t line, pt_json_t **ret_json,
    backup_indexed_t *ret_file);


#endif /* BACKUP_READ_H */
