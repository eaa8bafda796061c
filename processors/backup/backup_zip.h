/*
 * A ZIP that is written by several threads.  An entry whose size is known is
 * stored straight into its place in the file; another is deflated into memory
 * or a spool file, and takes its place when it ends.  So every header has its
 * sizes and CRC, and any program reads it.
 *
 * Our own, as libarchive writes a ZIP by one thread and with zlib, slower than
 * the rows come; it still reads ours in the tests.
 */

#ifndef BACKUP_ZIP_H
#define BACKUP_ZIP_H

#include "backup_key.h"


#define BACKUP_ZIP_NAME_MAX  512


typedef struct backup_zip_s    backup_zip_t;
typedef struct backup_member_s  backup_member_t;


/*
 * path        below the current folder, where spool files lie too
 * passphrase  AES-256 as WinZip has it (AE-2); absent: none
 */
PT_MUST_CHECK pt_err_t backup_zip_open(const char *path, pt_str_t passphrase,
    backup_zip_t **ret_zip);

/* a thread's own: for any number of entries, one after the other */
PT_MUST_CHECK pt_err_t backup_member_new(backup_zip_t *zip,
    backup_member_t **ret_entry);
void backup_member_free(backup_member_t *e);

/*
 * Errors of all three: PT_E_STORAGE (disk full, say), PT_E_TOO_LARGE (too many
 * entries)
 */
PT_MUST_CHECK pt_err_t backup_member_store(backup_member_t *e, const char *name,
    uint64_t size);
PT_MUST_CHECK pt_err_t backup_member_deflate(backup_member_t *e,
    const char *name);
PT_MUST_CHECK pt_err_t backup_member_add(backup_member_t *e, const void *data,
    size_t len);

/* Errors: PT_E_IO too: it is not as long as was said */
PT_MUST_CHECK pt_err_t backup_member_end(backup_member_t *e);

/* bytes of the entry so far */
uint64_t backup_member_bytes(const backup_member_t *e);

/* a small entry as a whole */
PT_MUST_CHECK pt_err_t backup_member_text(backup_member_t *e, const char *name,
    pt_str_t text);

/*
 * The manifest, its signature, the end.  entry: any, of no thread any more.
 *
 * ret_total  bytes of all entries
 */
PT_MUST_CHECK pt_err_t backup_zip_finish(backup_zip_t *zip,
    backup_member_t *entry, const backup_keys_t *keys, uint64_t *ret_total);

/* takes NULL; what was not finished is no ZIP */
void backup_zip_free(backup_zip_t *zip);


#endif /* BACKUP_ZIP_H */
