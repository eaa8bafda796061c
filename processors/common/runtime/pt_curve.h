/*
 * CURVE: who may speak to whom over tcp://.
 *
 * Each host has a pair of keys in a file (pt_curve_make()); a client knows its
 * server's public key, and a server a list of the clients that it admits.  The
 * list is what libzmq asks for by ZAP (RFC 27): without that every key would
 * be as good as another.
 */

#ifndef PT_CURVE_H
#define PT_CURVE_H

#include "pt_err.h"


#define PT_CURVE_KEY_LEN  40        /* Z85 of 32 bytes */

typedef struct {
    char  public_key[PT_CURVE_KEY_LEN + 1];
    char  secret_key[PT_CURVE_KEY_LEN + 1];
} pt_curve_t;


/* makes a pair and its file, which must not exist yet; PT_E_IO, logged */
PT_MUST_CHECK pt_err_t pt_curve_make(const char *path, pt_curve_t *ret_pair);

/* PT_E_IO, PT_E_INVALID, logged.  A file that others may read is refused. */
PT_MUST_CHECK pt_err_t pt_curve_load(const char *path, pt_curve_t *ret_pair);

bool pt_curve_is_key(pt_str_t text);

/* options of a socket, for the endpoints that it binds or connects after it */
PT_MUST_CHECK pt_err_t pt_curve_serve(void *socket, const pt_curve_t *own,
    const char *domain);
PT_MUST_CHECK pt_err_t pt_curve_call(void *socket, const pt_curve_t *own,
    const char *server_key);


/* the lists of a context, one for each domain */
typedef struct pt_zap_s  pt_zap_t;

/* before any socket of zctx serves; PT_E_NOMEM, PT_E_UNAVAILABLE */
PT_MUST_CHECK pt_err_t pt_zap_open(void *zctx, pt_zap_t **ret_zap);

/*
 * Admits the public keys of a file from now on, one a line, with anything
 * behind it for people; and no others in this domain.  On an error, logged,
 * the list stays as it was.
 */
PT_MUST_CHECK pt_err_t pt_zap_admit(pt_zap_t *zap, const char *domain,
    const char *path);

/* after zmq_ctx_term(), which ends it; takes NULL */
void pt_zap_close(pt_zap_t *zap);


#endif /* PT_CURVE_H */
