/* A ZIP in the making: entries, each with its SHA-256 in the manifest. */

#ifndef BACKUP_EXPORT_H
#define BACKUP_EXPORT_H

#include <archive.h>
#include <openssl/evp.h>

#include "backup_session.h"


typedef struct {
    struct archive  *archive;
    EVP_MD_CTX      *hash;
    pt_buf_t         manifest;         /* of the entries so far */
    pt_jsonw_t       w;
    char             name[BACKUP_PATH_MAX];
    uint64_t         bytes;            /* of the entry */
    uint64_t         total;
} backup_zip_t;


/* passphrase: AES-256; absent: none */
PT_MUST_CHECK pt_err_t backup_zip_open(const char *path, pt_str_t passphrase,
    backup_zip_t *ret_zip);

/*
 * Begins an entry.
 *
 * size   bytes, or -1: not known yet
 * plain  stored as it is: what is compressed already
 */
PT_MUST_CHECK pt_err_t backup_zip_begin(backup_zip_t *z, const char *name,
    int64_t size, bool plain);
PT_MUST_CHECK pt_err_t backup_zip_add(backup_zip_t *z, const void *data,
    size_t len);
PT_MUST_CHECK pt_err_t backup_zip_end(backup_zip_t *z);

/* a small entry as a whole */
PT_MUST_CHECK pt_err_t backup_zip_text(backup_zip_t *z, const char *name,
    pt_str_t text);

/* the manifest and its signature, then the end; frees whatever the outcome */
PT_MUST_CHECK pt_err_t backup_zip_close(backup_zip_t *z,
    const backup_keys_t *keys, bool failed);


#endif /* BACKUP_EXPORT_H */
