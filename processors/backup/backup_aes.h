/*
 * AES-256 in a ZIP, as WinZip defined it (AE-2): a key from passphrase and
 * salt by PBKDF2, CTR with a counter in little endian, HMAC-SHA1 cut to ten
 * bytes.  The format's choices, not ours; 7-Zip, WinZip and libarchive read it.
 */

#ifndef BACKUP_AES_H
#define BACKUP_AES_H

#include "backup.h"


#define BACKUP_AES_HEAD  18        /* salt, and two bytes to know the key by */
#define BACKUP_AES_TAIL  10


typedef struct backup_aes_s  backup_aes_t;


/* Errors: PT_E_NOMEM */
PT_MUST_CHECK pt_err_t backup_aes_new(pt_str_t passphrase,
    backup_aes_t **ret_aes);
void backup_aes_free(backup_aes_t *a);

/* begins an entry, under a salt of its own */
PT_MUST_CHECK pt_err_t backup_aes_begin(backup_aes_t *a,
    uint8_t ret_head[BACKUP_AES_HEAD]);

/* in place */
PT_MUST_CHECK pt_err_t backup_aes_add(backup_aes_t *a, uint8_t *data,
    size_t len);
PT_MUST_CHECK pt_err_t backup_aes_end(backup_aes_t *a,
    uint8_t ret_tail[BACKUP_AES_TAIL]);


#endif /* BACKUP_AES_H */
