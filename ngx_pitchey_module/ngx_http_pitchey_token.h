/*
 * Better Auth's session token in a request: which cookie or bearer counts,
 * and whether its signature holds.  Plain C, so that tests and the fuzzer
 * call it without nginx.
 *
 * The cookie's value is TOKEN.SIGNATURE, percent-encoded; SIGNATURE is the
 * base64 of HMAC-SHA256 over TOKEN with the bytes of the secret.
 */

#ifndef NGX_HTTP_PITCHEY_TOKEN_H
#define NGX_HTTP_PITCHEY_TOKEN_H

#include "pt_str.h"


#define NGX_HTTP_PITCHEY_TOKEN_HASH_LEN  32


/*
 * The first cookie of that name in a Cookie header's value: no later one
 * counts, even if it is empty or its signature is wrong.  ret_value is as the
 * header has it; false: there is none.
 */
bool ngx_http_pitchey_token_cookie(pt_str_t header, pt_str_t name,
    pt_str_t *ret_value);

/*
 * The token of a cookie's value; false: not signed with this secret.
 *
 * buf        value.len bytes, may be the target of ret_token
 * ret_token  UTF-8 without a NUL, not empty; borrows from value or buf
 */
bool ngx_http_pitchey_token_verify(pt_str_t secret, pt_str_t value, char *buf,
    pt_str_t *ret_token);

/*
 * The token of an Authorization header's value; false: the header means
 * nothing, and cookies count.  A token without a signature is taken as it is,
 * unless signed_only.  buf is as above, of header.len bytes.
 */
bool ngx_http_pitchey_token_bearer(pt_str_t secret, pt_str_t header,
    bool signed_only, char *buf, pt_str_t *ret_token);

/*
 * The token of a cookie that nobody signed: a platform's own session id.
 * Bounded, since anybody can send it; buf is as above.
 */
bool ngx_http_pitchey_token_plain(pt_str_t value, char *buf,
    pt_str_t *ret_token);

/* the signature behind a token's dot: base64, not terminated */
#define NGX_HTTP_PITCHEY_TOKEN_SIGNATURE_LEN  44

bool ngx_http_pitchey_token_sign(pt_str_t secret, pt_str_t token,
    char ret_signature[NGX_HTTP_PITCHEY_TOKEN_SIGNATURE_LEN]);

/* SHA-256: names the session in the cache and in revocations */
void ngx_http_pitchey_token_hash(pt_str_t token,
    unsigned char ret_hash[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN]);


#endif /* NGX_HTTP_PITCHEY_TOKEN_H */
