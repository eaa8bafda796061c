/* Keys, derived, wrapped, unwrapped. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "backup_key.h"


#define KEY_TEXT_MAX   256      /* 64 digits and what surrounds them */

#define KDF_OPERATOR   "pbackup1"
#define KDF_OWNER      "pbowner1"

enum { KEY_WRAP = 1, KEY_NAME, KEY_SIGN };
enum { OWNER_DATA = 1, OWNER_NAME };

static const char  backup_wrapped_magic[] = "PBK1";


static pt_err_t backup_key_read(FILE *f, const char *from,
    uint8_t ret_key[BACKUP_KEY_LEN]);
static size_t backup_wrapped_ad(const char *owner, uint8_t *ret_ad);
static void backup_owner_derive(const uint8_t key[BACKUP_KEY_LEN],
    backup_owner_keys_t *ret_keys);


pt_err_t
backup_keys_load(backup_keys_t *ret_keys, bool *ret_have)
{
    int          status;
    FILE        *f;
    uint8_t      key[BACKUP_KEY_LEN];
    pt_err_t     err;
    const char  *path = getenv("PITCHEY_BACKUP_KEY");
    const char  *command = getenv("PITCHEY_BACKUP_KEY_COMMAND");

    *ret_have = false;

    if (sodium_init() == -1) {
        return backup_say(PT_E_INTERNAL, "libsodium does not start");
    }

    if (path == NULL && command == NULL) {
        return PT_OK;
    }

    f = path != NULL ? fopen(path, "re") : popen(command, "re");

    if (f == NULL) {
        return backup_say(PT_E_IO, "could not open the backup key \"%s\": %s",
                          path != NULL ? path : command, strerror(errno));
    }

    err = backup_key_read(f, path != NULL ? path : command, key);
    status = path != NULL ? fclose(f) : pclose(f);

    if (err == PT_OK && status != 0) {
        err = backup_say(PT_E_IO, "the command of the backup key ended with "
                         "status %d", status);
    }

    if (err == PT_OK) {
        err = backup_keys_derive(key, ret_keys);
        *ret_have = err == PT_OK;
    }

    sodium_memzero(key, sizeof(key));

    return err;
}


static pt_err_t
backup_key_read(FILE *f, const char *from, uint8_t ret_key[BACKUP_KEY_LEN])
{
    char    text[KEY_TEXT_MAX];
    bool    good;
    size_t  len;

    len = fread(text, 1, sizeof(text), f);

    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) {
        len--;
    }

    good = backup_unhex((pt_str_t) { text, len }, ret_key, BACKUP_KEY_LEN);
    sodium_memzero(text, sizeof(text));

    return good ? PT_OK
                : backup_say(PT_E_INVALID, "the backup key of \"%s\" is not "
                             "64 hexadecimal digits", from);
}


pt_err_t
backup_keys_derive(const uint8_t key[BACKUP_KEY_LEN], backup_keys_t *ret_keys)
{
    int      rc;
    uint8_t  seed[crypto_sign_SEEDBYTES];

    rc = crypto_kdf_derive_from_key(ret_keys->wrap, BACKUP_KEY_LEN, KEY_WRAP,
                                    KDF_OPERATOR, key)
         | crypto_kdf_derive_from_key(ret_keys->name, BACKUP_KEY_LEN, KEY_NAME,
                                      KDF_OPERATOR, key)
         | crypto_kdf_derive_from_key(seed, sizeof(seed), KEY_SIGN,
                                      KDF_OPERATOR, key)
         | crypto_sign_seed_keypair(ret_keys->public_key, ret_keys->secret_key,
                                    seed);

    sodium_memzero(seed, sizeof(seed));

    return rc == 0 ? PT_OK : backup_say(PT_E_INTERNAL, "no keys from the key");
}


void
backup_owner_name(const backup_keys_t *keys, pt_str_t who,
    char ret_owner[BACKUP_OWNER_LEN + 1])
{
    uint8_t  hash[32];

    (void) crypto_generichash(hash, sizeof(hash), (const uint8_t *) who.data,
                              who.len, keys->name, BACKUP_KEY_LEN);
    backup_hex(hash, BACKUP_OWNER_LEN / 2, ret_owner);
}


void
backup_owner_key_make(const backup_keys_t *keys, const char *owner,
    uint8_t ret_wrapped[BACKUP_WRAPPED_LEN], backup_owner_keys_t *ret_keys)
{
    size_t   len;
    uint8_t  key[BACKUP_KEY_LEN], ad[4 + BACKUP_OWNER_LEN];

    randombytes_buf(key, sizeof(key));
    memcpy(ret_wrapped, backup_wrapped_magic, 4);
    randombytes_buf(ret_wrapped + 4, 24);

    len = backup_wrapped_ad(owner, ad);
    (void) crypto_aead_xchacha20poly1305_ietf_encrypt(ret_wrapped + 28, NULL,
        key, sizeof(key), ad, len, NULL, ret_wrapped + 4, keys->wrap);

    backup_owner_derive(key, ret_keys);
    sodium_memzero(key, sizeof(key));
}


pt_err_t
backup_owner_key_open(const backup_keys_t *keys, const char *owner,
    const uint8_t *wrapped, size_t len, backup_owner_keys_t *ret_keys)
{
    size_t   nad;
    uint8_t  key[BACKUP_KEY_LEN], ad[4 + BACKUP_OWNER_LEN];

    nad = backup_wrapped_ad(owner, ad);

    if (len != BACKUP_WRAPPED_LEN
        || memcmp(wrapped, backup_wrapped_magic, 4) != 0
        || crypto_aead_xchacha20poly1305_ietf_decrypt(key, NULL, NULL,
               wrapped + 28, len - 28, ad, nad, wrapped + 4, keys->wrap) != 0)
    {
        return backup_say(PT_E_INPUT_BROKEN, "the key of owner %s does not "
                          "open: it is damaged, or of another operator's key",
                          owner);
    }

    backup_owner_derive(key, ret_keys);
    sodium_memzero(key, sizeof(key));

    return PT_OK;
}


static size_t
backup_wrapped_ad(const char *owner, uint8_t *ret_ad)
{
    memcpy(ret_ad, backup_wrapped_magic, 4);
    memcpy(ret_ad + 4, owner, BACKUP_OWNER_LEN);

    return 4 + BACKUP_OWNER_LEN;
}


static void
backup_owner_derive(const uint8_t key[BACKUP_KEY_LEN],
    backup_owner_keys_t *ret_keys)
{
    (void) crypto_kdf_derive_from_key(ret_keys->data, BACKUP_KEY_LEN,
                                      OWNER_DATA, KDF_OWNER, key);
    (void) crypto_kdf_derive_from_key(ret_keys->name, BACKUP_KEY_LEN,
                                      OWNER_NAME, KDF_OWNER, key);
}


void
backup_object_name(const backup_owner_keys_t *keys, const uint8_t sha256[32],
    char ret_name[BACKUP_HEX_LEN + 1])
{
    uint8_t  hash[32];

    (void) crypto_generichash(hash, sizeof(hash), sha256, 32, keys->name,
                              BACKUP_KEY_LEN);
    backup_hex(hash, sizeof(hash), ret_name);
}


void
backup_sign(const backup_keys_t *keys, const void *data, size_t len,
    char ret_hex[2 * crypto_sign_BYTES + 1])
{
    uint8_t  signature[crypto_sign_BYTES];

    (void) crypto_sign_detached(signature, NULL, data, len, keys->secret_key);
    backup_hex(signature, sizeof(signature), ret_hex);
}
