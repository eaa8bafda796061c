/* The token of a signed link. */

#include "pt_link.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>


#define LINK_VERSION  1
#define LINK_SIGNED   21             /* bytes before the mac */
#define LINK_MAC      16
#define LINK_BYTES    (LINK_SIGNED + LINK_MAC)


static bool link_mac(pt_str_t secret, const uint8_t *bytes,
    uint8_t ret_mac[LINK_MAC]);
static int link_digit(char c);


static const char  link_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
                                   "pqrstuvwxyz0123456789-_";


bool
pt_link_make(pt_str_t secret, const pt_id_t *job,
    uint32_t expires, char ret_token[PT_LINK_LEN])
{
    size_t    i, bits = 0, n = 0;
    uint8_t   bytes[LINK_BYTES];
    uint32_t  v = 0;

    bytes[0] = LINK_VERSION;
    memcpy(bytes + 1, job->bytes, sizeof(job->bytes));

    for (i = 0; i < 4; i++) {
        bytes[17 + i] = (uint8_t) (expires >> (24 - 8 * i));
    }

    if (!link_mac(secret, bytes, bytes + LINK_SIGNED)) {
        return false;
    }

    for (i = 0; i < LINK_BYTES; i++) {
        v = v << 8 | bytes[i];

        for (bits += 8; bits >= 6; bits -= 6) {
            ret_token[n++] = link_digits[v >> (bits - 6) & 63];
        }
    }

    ret_token[n] = link_digits[v << (6 - bits) & 63];

    return true;
}


bool
pt_link_read(pt_str_t secret, pt_str_t token,
    pt_id_t *ret_job, uint32_t *ret_expires)
{
    int       digit;
    size_t    i, bits = 0, n = 0;
    uint8_t   bytes[LINK_BYTES], mac[LINK_MAC];
    uint32_t  v = 0;

    if (token.len != PT_LINK_LEN) {
        return false;
    }

    for (i = 0; i < token.len; i++) {
        digit = link_digit(token.data[i]);

        if (digit < 0) {
            return false;
        }

        v = v << 6 | (uint32_t) digit;
        bits += 6;

        if (bits >= 8) {
            bits -= 8;
            bytes[n++] = (uint8_t) (v >> bits);
        }
    }

    /* one token, one spelling: the last digit's spare bits are none */

    if ((v & ((1u << bits) - 1)) || bytes[0] != LINK_VERSION
        || !link_mac(secret, bytes, mac)
        || CRYPTO_memcmp(mac, bytes + LINK_SIGNED, LINK_MAC) != 0)
    {
        return false;
    }

    memcpy(ret_job->bytes, bytes + 1, sizeof(ret_job->bytes));

    *ret_expires = (uint32_t) bytes[17] << 24 | (uint32_t) bytes[18] << 16
                   | (uint32_t) bytes[19] << 8 | bytes[20];

    return true;
}


static bool
link_mac(pt_str_t secret, const uint8_t *bytes, uint8_t ret_mac[LINK_MAC])
{
    uint8_t   text[12 + LINK_SIGNED], mac[EVP_MAX_MD_SIZE];
    unsigned  len;

    memcpy(text, "pitchey link", 12);
    memcpy(text + 12, bytes, LINK_SIGNED);

    if (HMAC(EVP_sha256(), secret.data, (int) secret.len, text, sizeof(text),
             mac, &len) == NULL)
    {
        return false;
    }

    memcpy(ret_mac, mac, LINK_MAC);

    return true;
}


static int
link_digit(char c)
{
    const char  *p;

    p = c ? strchr(link_digits, c) : NULL;

    return p ? (int) (p - link_digits) : -1;
}
