/* Merkle trees. */

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "backup.h"
#include "backup_merkle.h"


void
backup_merkle_init(backup_merkle_t *m)
{
    m->n = 0;
}


void
backup_merkle_add(backup_merkle_t *m, const char *name,
    const uint8_t sha256[32])
{
    char         hex[BACKUP_HEX_LEN + 1];
    EVP_MD_CTX  *ctx = EVP_MD_CTX_new();

    backup_hex(sha256, 32, hex);

    /* of memory that is not there nothing can be said but nothing */
    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1
        || EVP_DigestUpdate(ctx, "", 1) != 1
        || EVP_DigestUpdate(ctx, name, strlen(name)) != 1
        || EVP_DigestUpdate(ctx, "\n", 1) != 1
        || EVP_DigestUpdate(ctx, hex, BACKUP_HEX_LEN) != 1
        || EVP_DigestFinal_ex(ctx, m->nodes[m->n], NULL) != 1)
    {
        abort();
    }

    EVP_MD_CTX_free(ctx);

    m->levels[m->n++] = 0;

    while (m->n > 1 && m->levels[m->n - 1] == m->levels[m->n - 2]) {
        backup_merkle_node(m->nodes[m->n - 2], m->nodes[m->n - 1],
                           m->nodes[m->n - 2]);
        m->levels[--m->n - 1]++;
    }
}


void
backup_merkle_root(const backup_merkle_t *m, uint8_t ret_root[32])
{
    unsigned  i;

    if (m->n == 0) {
        (void) SHA256((const uint8_t *) "", 0, ret_root);
        return;
    }

    i = m->n - 1;
    memcpy(ret_root, m->nodes[i], 32);

    while (i > 0) {
        i--;
        backup_merkle_node(m->nodes[i], ret_root, ret_root);
    }
}


void
backup_merkle_node(const uint8_t left[32], const uint8_t right[32],
    uint8_t ret_node[32])
{
    uint8_t  both[65];

    both[0] = 1;
    memcpy(both + 1, left, 32);
    memcpy(both + 33, right, 32);
    (void) SHA256(both, sizeof(both), ret_node);
}
