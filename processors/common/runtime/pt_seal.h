/*
 * Sealing the secrets of a job's parameters (pt_secret.h), so that a database,
 * its backups and its logs do not have them.
 *
 * To the orchestrator a key is half a key: it seals with the public one
 * (libsodium's sealed box: X25519, XSalsa20, Poly1305), and cannot open what it
 * has sealed.  Only processors have the secret one.  A file has a key on each
 * line, the newest first; the words behind it are for people:
 *
 *   seal KEY    public: the first one seals                     orchestrators
 *   hash KEY    compares repeated requests without keeping them  orchestrators
 *   open KEY    secret: each of them opens what it fits          processors
 *
 * KEY is 32 bytes in hex.  One file may serve both, where both run as one user.
 *
 *   sealed = base64url( version:1 key:8 box )      key: which one opens it
 *   box    = seal( pad64( owner 0x00 secrets ) )   the owner: a box that is
 *                                                  moved into another's job
 *                                                  does not open there
 */

#ifndef PT_SEAL_H
#define PT_SEAL_H

#include <stdint.h>
#include "pt_mem.h"


#define PT_SEAL_HASH_LEN  32

typedef struct pt_seal_s  pt_seal_t;

typedef enum {
    PT_SEAL_SEALS = 0,         /* "seal" and "hash" are needed, "open" not read */
    PT_SEAL_OPENS              /* "open" is needed, the others are not read */
} pt_seal_use_t;


/*
 * Makes a new key, and the file if it does not exist yet (mode 0600).  In one
 * that exists it becomes the first; "hash" stays.  PT_E_IO, PT_E_INVALID,
 * logged.
 */
PT_MUST_CHECK pt_err_t pt_seal_make(const char *path);

/*
 * Reads a file's keys, which stay in memory that is not swapped or dumped.
 * Errors, logged: PT_E_IO, PT_E_INVALID (a line that is none, no key for that
 * use, or a file that others may read), PT_E_NOMEM.
 */
PT_MUST_CHECK pt_err_t pt_seal_load(const char *path, pt_seal_use_t use,
    pt_seal_t **ret_seal);

/* takes NULL */
void pt_seal_free(pt_seal_t *seal);

/* params with their sealed member, into ret.  PT_E_NOMEM, PT_E_TOO_LARGE */
PT_MUST_CHECK pt_err_t pt_seal_params(const pt_seal_t *seal, pt_str_t owner,
    pt_str_t params, pt_str_t secrets, pt_buf_t *ret);

/*
 * params as they were submitted, into ret; those without a sealed member as
 * they are.  A key that is not known is looked for in the file, if that has
 * changed.  seal may be NULL: no key is known.
 *
 * Errors  PT_E_SEALING_KEY  there is no key for it
 *         PT_E_INVALID      changed on its way, or sealed for another owner
 *         PT_E_NOMEM, PT_E_TOO_LARGE
 */
PT_MUST_CHECK pt_err_t pt_seal_open(pt_seal_t *seal, pt_str_t owner,
    pt_str_t params, pt_buf_t *ret);

/* of the digest of a body with secrets: what may be stored of it */
void pt_seal_hash(const pt_seal_t *seal, pt_str_t owner,
    const uint8_t digest[PT_SEAL_HASH_LEN], uint8_t ret[PT_SEAL_HASH_LEN]);

/* overwrites and frees: for buffers that held secrets */
void pt_seal_wipe(pt_buf_t *buf);


#endif /* PT_SEAL_H */
