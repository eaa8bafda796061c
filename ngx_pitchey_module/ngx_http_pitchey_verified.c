/*
 * Verified values: one table of the worker's, each value in the one slot that
 * its bytes and a random seed name.
 */

#include "ngx_http_pitchey_verified.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>


/* a power of 2: some 4,000 clients of a worker at a time, in 1.3 MB */
#define VERIFIED_SLOTS      4096

/* bytes; the library's own are 32 and 77 to 83 */
#define VERIFIED_TOKEN_MAX  64
#define VERIFIED_VALUE_MAX  192


typedef struct {
    uint8_t        token_len;                  /* 0: nothing lies here */
    uint8_t        value_len;
    char           kind;
    unsigned char  scope[NGX_HTTP_PITCHEY_SCOPE_LEN];
    unsigned char  hash[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN];
    char           token[VERIFIED_TOKEN_MAX];
    char           value[VERIFIED_VALUE_MAX];
} verified_slot_t;


static verified_slot_t *verified_slot(pt_str_t value);


static uint64_t         verified_seed;
static verified_slot_t  verified_slots[VERIFIED_SLOTS];


bool
ngx_http_pitchey_verified_find(const unsigned char *scope, char kind,
    pt_str_t value, pt_str_t *ret_token,
    unsigned char ret_hash[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN])
{
    verified_slot_t  *slot;

    if (value.len == 0 || value.len > VERIFIED_VALUE_MAX) {
        return false;
    }

    slot = verified_slot(value);

    if (slot->token_len == 0
        || slot->value_len != value.len
        || slot->kind != kind
        || memcmp(slot->scope, scope, NGX_HTTP_PITCHEY_SCOPE_LEN) != 0
        || CRYPTO_memcmp(slot->value, value.data, value.len) != 0)
    {
        return false;
    }

    *ret_token = (pt_str_t) { slot->token, slot->token_len };
    memcpy(ret_hash, slot->hash, NGX_HTTP_PITCHEY_TOKEN_HASH_LEN);

    return true;
}


void
ngx_http_pitchey_verified_add(const unsigned char *scope, char kind,
    pt_str_t value, pt_str_t token,
    const unsigned char hash[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN])
{
    verified_slot_t  *slot;

    if (value.len == 0 || value.len > VERIFIED_VALUE_MAX
        || token.len == 0 || token.len > VERIFIED_TOKEN_MAX)
    {
        return;
    }

    slot = verified_slot(value);

    slot->token_len = (uint8_t) token.len;
    slot->value_len = (uint8_t) value.len;
    slot->kind = kind;

    memcpy(slot->scope, scope, NGX_HTTP_PITCHEY_SCOPE_LEN);
    memcpy(slot->hash, hash, NGX_HTTP_PITCHEY_TOKEN_HASH_LEN);
    memcpy(slot->token, token.data, token.len);
    memcpy(slot->value, value.data, value.len);
}


/* the seed keeps a client from choosing whom its own sessions push out */
static verified_slot_t *
verified_slot(pt_str_t value)
{
    size_t    i, n;
    uint64_t  hash, word;

    while (verified_seed == 0) {
        if (RAND_bytes((unsigned char *) &verified_seed,
                       sizeof(verified_seed))
            != 1)
        {
            verified_seed = 1;
        }
    }

    hash = verified_seed;

    for (i = 0; i < value.len; i += n) {
        n = value.len - i < sizeof(word) ? value.len - i : sizeof(word);

        word = 0;
        memcpy(&word, value.data + i, n);

        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }

    return &verified_slots[hash & (VERIFIED_SLOTS - 1)];
}
