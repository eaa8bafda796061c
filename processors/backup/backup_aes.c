/* WinZip's AES-256. */

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>

#include "backup_aes.h"


#define SALT_LEN    16
#define KEY_LEN     32
#define BLOCK       16
#define ITERATIONS  1000           /* the format's; a passphrase must be long */

/* counters that are encrypted in one call */
#define BATCH       4096


struct backup_aes_s {
    char            *passphrase;
    EVP_CIPHER_CTX  *cipher;
    EVP_MAC         *hmac;
    EVP_MAC_CTX     *mac;
    uint64_t         counter;      /* of the last block of stream */
    uint8_t          stream[BATCH];
    size_t           used;         /* bytes of it */
};


static pt_err_t aes_refill(backup_aes_t *a);


pt_err_t
backup_aes_new(pt_str_t passphrase, backup_aes_t **ret_aes)
{
    backup_aes_t  *a;

    a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    a->passphrase = strndup(passphrase.data, passphrase.len);
    a->cipher = EVP_CIPHER_CTX_new();
    a->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    a->mac = a->hmac != NULL ? EVP_MAC_CTX_new(a->hmac) : NULL;

    if (a->passphrase == NULL || a->cipher == NULL || a->mac == NULL) {
        backup_aes_free(a);
        return backup_say(PT_E_NOMEM, "no memory");
    }

    *ret_aes = a;
    return PT_OK;
}


void
backup_aes_free(backup_aes_t *a)
{
    if (a == NULL) {
        return;
    }

    if (a->passphrase != NULL) {
        sodium_memzero(a->passphrase, strlen(a->passphrase));
    }

    free(a->passphrase);
    EVP_CIPHER_CTX_free(a->cipher);
    EVP_MAC_CTX_free(a->mac);
    EVP_MAC_free(a->hmac);
    sodium_memzero(a, sizeof(*a));
    free(a);
}


pt_err_t
backup_aes_begin(backup_aes_t *a, uint8_t ret_head[BACKUP_AES_HEAD])
{
    bool        good;
    uint8_t     keys[2 * KEY_LEN + 2];
    OSSL_PARAM  params[2] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                         (char[]) { "SHA1" }, 0),
        OSSL_PARAM_construct_end()
    };

    randombytes_buf(ret_head, SALT_LEN);

    good = PKCS5_PBKDF2_HMAC_SHA1(a->passphrase, (int) strlen(a->passphrase),
                                  ret_head, SALT_LEN, ITERATIONS,
                                  sizeof(keys), keys) == 1
           && EVP_EncryptInit_ex(a->cipher, EVP_aes_256_ecb(), NULL, keys,
                                 NULL) == 1
           && EVP_MAC_init(a->mac, keys + KEY_LEN, KEY_LEN, params) == 1;

    memcpy(ret_head + SALT_LEN, keys + 2 * KEY_LEN, 2);
    sodium_memzero(keys, sizeof(keys));
    a->counter = 0;
    a->used = BATCH;

    return good ? PT_OK : backup_say(PT_E_INTERNAL, "could not encrypt");
}


pt_err_t
backup_aes_add(backup_aes_t *a, uint8_t *data, size_t len)
{
    size_t    i, n;
    pt_err_t  err;
    uint8_t  *at = data;

    for (n = len; n > 0; n--) {
        if (a->used == BATCH) {
            err = aes_refill(a);
            if (err != PT_OK) {
                return err;
            }
        }

        /* as much as there is stream for: compilers make words of this */
        i = n < BATCH - a->used ? n : BATCH - a->used;
        n -= i - 1;

        while (i-- > 0) {
            *at++ ^= a->stream[a->used++];
        }
    }

    return EVP_MAC_update(a->mac, data, len) == 1
           ? PT_OK : backup_say(PT_E_INTERNAL, "could not encrypt");
}


static pt_err_t
aes_refill(backup_aes_t *a)
{
    int       n;
    size_t    i, k;
    uint8_t   counters[BATCH];

    memset(counters, 0, sizeof(counters));

    for (i = 0; i < BATCH; i += BLOCK) {
        a->counter++;

        for (k = 0; k < sizeof(a->counter); k++) {
            counters[i + k] = (uint8_t) (a->counter >> 8 * k);
        }
    }

    a->used = 0;

    return EVP_EncryptUpdate(a->cipher, a->stream, &n, counters, BATCH) == 1
           ? PT_OK : backup_say(PT_E_INTERNAL, "could not encrypt");
}


pt_err_t
backup_aes_end(backup_aes_t *a, uint8_t ret_tail[BACKUP_AES_TAIL])
{
    size_t   n;
    uint8_t  mac[EVP_MAX_MD_SIZE];

    if (EVP_MAC_final(a->mac, mac, &n, sizeof(mac)) != 1
        || n < BACKUP_AES_TAIL)
    {
        return backup_say(PT_E_INTERNAL, "could not encrypt");
    }

    memcpy(ret_tail, mac, BACKUP_AES_TAIL);

    return PT_OK;
}
