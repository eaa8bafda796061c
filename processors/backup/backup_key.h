/*
 * Keys: the operator's, and one for each owner, wrapped by it.  FORMAT.md has
 * the derivations.
 */

#ifndef BACKUP_KEY_H
#define BACKUP_KEY_H

#include <sodium.h>

#include "backup.h"


#define BACKUP_KEY_LEN      32
#define BACKUP_WRAPPED_LEN  (4 + 24 + BACKUP_KEY_LEN + 16)


/* of the operator's key */
typedef struct {
    uint8_t  wrap[BACKUP_KEY_LEN];
    uint8_t  name[BACKUP_KEY_LEN];
    uint8_t  public_key[crypto_sign_PUBLICKEYBYTES];
    uint8_t  secret_key[crypto_sign_SECRETKEYBYTES];
} backup_keys_t;

/* of an owner's key */
typedef struct {
    uint8_t  data[BACKUP_KEY_LEN];
    uint8_t  name[BACKUP_KEY_LEN];
} backup_owner_keys_t;


/*
 * The operator's key from the file that PITCHEY_BACKUP_KEY names, or from the
 * standard output of PITCHEY_BACKUP_KEY_COMMAND (a vault's client, age, gpg):
 * 64 hexadecimal digits.  Before any sandbox.
 *
 * ret_have  false: neither is set
 * Errors    PT_E_INVALID, PT_E_IO
 */
PT_MUST_CHECK pt_err_t backup_keys_load(backup_keys_t *ret_keys,
    bool *ret_have);

PT_MUST_CHECK pt_err_t backup_keys_derive(const uint8_t key[BACKUP_KEY_LEN],
    backup_keys_t *ret_keys);

/* who: "platform", or "user\n" and the id */
void backup_owner_name(const backup_keys_t *keys, pt_str_t who,
    char ret_owner[BACKUP_OWNER_LEN + 1]);

/* a new owner's key, and how it is stored */
void backup_owner_key_make(const backup_keys_t *keys, const char *owner,
    uint8_t ret_wrapped[BACKUP_WRAPPED_LEN], backup_owner_keys_t *ret_keys);

/* Errors: PT_E_INPUT_BROKEN (damaged, another owner's, or the wrong key) */
PT_MUST_CHECK pt_err_t backup_owner_key_open(const backup_keys_t *keys,
    const char *owner, const uint8_t *wrapped, size_t len,
    backup_owner_keys_t *ret_keys);

/* how a file's object is called */
void backup_object_name(const backup_owner_keys_t *keys,
    const uint8_t sha256[32], char ret_name[BACKUP_HEX_LEN + 1]);

/* Ed25519 over a few bytes, in hex */
void backup_sign(const backup_keys_t *keys, const void *data, size_t len,
    char ret_hex[2 * crypto_sign_BYTES + 1]);


#endif /* BACKUP_KEY_H */
