/*
 * Which signed values this worker has verified lately, and the token and its
 * hash of each: an HMAC and a SHA-256 that a client's next request spares.
 * Plain C.
 *
 * A value is found only by all of its bytes, compared in constant time, and
 * only under the scope in which it was verified: a hash of the secrets, so
 * that another configuration finds nothing of this one.
 */

#ifndef NGX_HTTP_PITCHEY_VERIFIED_H
#define NGX_HTTP_PITCHEY_VERIFIED_H

#include "ngx_http_pitchey_token.h"


/* bytes of a scope; a byte more tells cookies from bearers */
#define NGX_HTTP_PITCHEY_SCOPE_LEN  16


/* ret_token borrows from the cache: good until the next _add() */
bool ngx_http_pitchey_verified_find(const unsigned char *scope, char kind,
    pt_str_t value, pt_str_t *ret_token,
    unsigned char ret_hash[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN]);

/* in the place of what lies there; values that are long are not kept */
void ngx_http_pitchey_verified_add(const unsigned char *scope, char kind,
    pt_str_t value, pt_str_t token,
    const unsigned char hash[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN]);


#endif /* NGX_HTTP_PITCHEY_VERIFIED_H */
