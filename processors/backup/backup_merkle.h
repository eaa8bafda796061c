/*
 * A Merkle tree's root from leaves that come one by one: no more than a hash
 * for each level is kept.  FORMAT.md has the definition.
 */

#ifndef BACKUP_MERKLE_H
#define BACKUP_MERKLE_H

#include <stddef.h>
#include <stdint.h>


typedef struct {
    uint8_t   nodes[64][32];
    unsigned  levels[64];
    unsigned  n;
} backup_merkle_t;


void backup_merkle_init(backup_merkle_t *m);

/* leaf of a name and a hash */
void backup_merkle_add(backup_merkle_t *m, const char *name,
    const uint8_t sha256[32]);
void backup_merkle_root(const backup_merkle_t *m, uint8_t ret_root[32]);

/* of two roots, or of two nodes */
void backup_merkle_node(const uint8_t left[32], const uint8_t right[32],
    uint8_t ret_node[32]);


#endif /* BACKUP_MERKLE_H */
