/* Cookies, bearer tokens and their signatures, as Better Auth reads them. */

#include "ngx_http_pitchey_token.h"

#include <strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>


/* bytes of an unsigned token: no platform's session id is longer */
#define TOKEN_PLAIN_MAX  256


static pt_str_t token_trim(pt_str_t s);
static pt_str_t token_unquote(pt_str_t value);
static pt_str_t token_percent_decode(pt_str_t s, char *buf);
static int token_hex(char c);
static bool token_split(pt_str_t secret, pt_str_t value, pt_str_t *ret_token);
static bool token_is_text(pt_str_t token);
static bool token_signature_holds(pt_str_t secret, pt_str_t token,
    pt_str_t signature);


bool
ngx_http_pitchey_token_cookie(pt_str_t header, pt_str_t name,
    pt_str_t *ret_value)
{
    pt_str_t     piece, left, right;
    const char  *p, *end, *last, *equals;

    p = header.data;
    last = p + header.len;

    while (p < last) {
        end = memchr(p, ';', last - p);

        if (end == NULL) {
            end = last;
        }

        piece = (pt_str_t) { p, (size_t) (end - p) };
        p = end + 1;

        equals = memchr(piece.data, '=', piece.len);
        if (equals == NULL) {
            continue;
        }

        left = (pt_str_t) { piece.data, (size_t) (equals - piece.data) };
        right = (pt_str_t) { equals + 1, (size_t) (end - equals - 1) };

        if (pt_str_eq(token_trim(left), name)) {
            *ret_value = token_trim(right);
            return true;
        }
    }

    return false;
}


bool
ngx_http_pitchey_token_verify(pt_str_t secret, pt_str_t value, char *buf,
    pt_str_t *ret_token)
{
    value = token_percent_decode(token_unquote(value), buf);

    return token_split(secret, value, ret_token);
}


bool
ngx_http_pitchey_token_plain(pt_str_t value, char *buf, pt_str_t *ret_token)
{
    value = token_percent_decode(token_unquote(value), buf);

    if (value.len == 0 || value.len > TOKEN_PLAIN_MAX
        || !token_is_text(value))
    {
        return false;
    }

    *ret_token = value;

    return true;
}


bool
ngx_http_pitchey_token_bearer(pt_str_t secret, pt_str_t header,
    bool signed_only, char *buf, pt_str_t *ret_token)
{
    pt_str_t              text;
    static const size_t   scheme = sizeof("Bearer ") - 1;

    if (header.len < scheme
        || strncasecmp(header.data, "Bearer ", scheme) != 0)
    {
        return false;
    }

    text = token_trim((pt_str_t) { header.data + scheme,
                                   header.len - scheme });
    if (text.len == 0) {
        return false;
    }

    if (memchr(text.data, '.', text.len) != NULL) {
        text = token_percent_decode(text, buf);

        if (!token_split(secret, text, &text)) {
            return false;
        }

        /* the library checks a bearer up to its first dot, a cookie up to its
         * last one: a token with a dot inside passes neither */
        if (memchr(text.data, '.', text.len) != NULL) {
            return false;
        }

    } else if (signed_only || !token_is_text(text)) {
        return false;
    }

    *ret_token = text;

    return true;
}


void
ngx_http_pitchey_token_hash(pt_str_t token,
    unsigned char ret_hash[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN])
{
    (void) SHA256((const unsigned char *) token.data, token.len, ret_hash);
}


/* the last character goes whatever it is: so does the library */
static pt_str_t
token_unquote(pt_str_t value)
{
    if (value.len >= 2 && value.data[0] == '"') {
        value.data++;
        value.len -= 2;
    }

    return value;
}


/* what counts as white space around names and values in JavaScript's trim(),
 * as far as a header can hold it */
static pt_str_t
token_trim(pt_str_t s)
{
    while (s.len && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
        s.len--;
    }

    return s;
}


/*
 * All or nothing: with one malformed escape, or when the result is no UTF-8,
 * the text stays as it is.  "+" is never a space.
 */
static pt_str_t
token_percent_decode(pt_str_t s, char *buf)
{
    int       high, low;
    size_t    i;
    pt_str_t  decoded;

    if (s.len == 0 || memchr(s.data, '%', s.len) == NULL) {
        return s;
    }

    decoded = (pt_str_t) { buf, 0 };

    for (i = 0; i < s.len; i++) {
        if (s.data[i] != '%') {
            buf[decoded.len++] = s.data[i];
            continue;
        }

        if (s.len - i < 3) {
            return s;
        }

        high = token_hex(s.data[i + 1]);
        low = token_hex(s.data[i + 2]);

        if (high < 0 || low < 0) {
            return s;
        }

        buf[decoded.len++] = (char) (high << 4 | low);
        i += 2;
    }

    return pt_str_is_utf8(decoded) ? decoded : s;
}


static int
token_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


/* TOKEN.SIGNATURE at the last dot, which is not the first character */
static bool
token_split(pt_str_t secret, pt_str_t value, pt_str_t *ret_token)
{
    pt_str_t     token, signature;
    const char  *dot;

    if (value.data == NULL || value.len == 0) {
        return false;
    }

    dot = memrchr(value.data, '.', value.len);

    if (dot == NULL || dot == value.data) {
        return false;
    }

    token = (pt_str_t) { value.data, (size_t) (dot - value.data) };
    signature = (pt_str_t) { dot + 1, value.len - token.len - 1 };

    if (!token_is_text(token)
        || !token_signature_holds(secret, token, signature))
    {
        return false;
    }

    *ret_token = token;

    return true;
}


/* anything else can be in no row, and PostgreSQL would refuse the question */
static bool
token_is_text(pt_str_t token)
{
    return memchr(token.data, '\0', token.len) == NULL
           && pt_str_is_utf8(token);
}


/*
 * The texts are compared, not the bytes: that refuses the second spelling
 * which the two unused bits of the last character allow, and which no genuine
 * client sends.
 */
static bool
token_signature_holds(pt_str_t secret, pt_str_t token, pt_str_t signature)
{
    char  text[NGX_HTTP_PITCHEY_TOKEN_SIGNATURE_LEN];

    return signature.len == sizeof(text)
           && ngx_http_pitchey_token_sign(secret, token, text)
           && CRYPTO_memcmp(text, signature.data, sizeof(text)) == 0;
}


bool
ngx_http_pitchey_token_sign(pt_str_t secret, pt_str_t token,
    char ret_signature[NGX_HTTP_PITCHEY_TOKEN_SIGNATURE_LEN])
{
    unsigned int   n;
    unsigned char  mac[EVP_MAX_MD_SIZE];
    unsigned char  text[NGX_HTTP_PITCHEY_TOKEN_SIGNATURE_LEN + 1];

    if (HMAC(EVP_sha256(), secret.data, (int) secret.len,
             (const unsigned char *) token.data, token.len, mac, &n)
        == NULL)
    {
        return false;
    }

    (void) EVP_EncodeBlock(text, mac, (int) n);
    memcpy(ret_signature, text, NGX_HTTP_PITCHEY_TOKEN_SIGNATURE_LEN);

    return true;
}
