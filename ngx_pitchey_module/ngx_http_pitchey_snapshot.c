/* The copy of a session in a cookie: unpacked, verified, read. */

#include "ngx_http_pitchey_snapshot.h"
#include "ngx_http_pitchey_timestamp.h"
#include "ngx_http_pitchey_token.h"

#include <openssl/crypto.h>


/* characters of 32 bytes in base64url, without padding */
#define SNAPSHOT_SIGNATURE_LEN  43

/* bytes: a hundred chunks of the library's are more than nginx takes */
#define SNAPSHOT_MAX  65536


static bool snapshot_unpack(pt_str_t value, char *buf, size_t *ret_len);
static int snapshot_digit(char c);
static bool snapshot_open(char *text, size_t len, pt_str_t *ret_message,
    pt_str_t *ret_signature);
static bool snapshot_strip(pt_str_t *text, const char *end);
static bool snapshot_holds(pt_str_t secret, pt_str_t message,
    pt_str_t signature);
static bool snapshot_fill(const pt_json_t *root, pt_str_t token,
    pt_str_t version, int64_t now_ms, ngx_http_pitchey_snapshot_t *snapshot);
static bool snapshot_time(const pt_json_t *object, const char *name,
    int64_t *ret_ms);
static bool snapshot_banned(const pt_json_t *user, int64_t now_ms);


bool
ngx_http_pitchey_snapshot_read(pt_str_t secret, pt_str_t value, pt_str_t token,
    pt_str_t version, int64_t now_ms, char *buf, const pt_mem_t *mem,
    ngx_http_pitchey_snapshot_t *ret_snapshot)
{
    size_t                       len;
    pt_str_t                     message, signature;
    pt_json_t                   *root;
    ngx_http_pitchey_snapshot_t  snapshot;

    /* nothing is parsed as JSON that the library did not sign */
    if (!snapshot_unpack(value, buf, &len)
        || !snapshot_open(buf, len, &message, &signature)
        || !snapshot_holds(secret, message, signature)
        || pt_json_parse(message, mem, &root, NULL) != PT_OK)
    {
        return false;
    }

    if (!snapshot_fill(root, token, version, now_ms, &snapshot)) {
        pt_json_free(root);
        return false;
    }

    snapshot.tree = root;
    *ret_snapshot = snapshot;

    return true;
}


/* base64url without padding; bits that are left over have to be zero */
static bool
snapshot_unpack(pt_str_t value, char *buf, size_t *ret_len)
{
    int       digit;
    size_t    i, len;
    unsigned  bits, word;

    if (value.len == 0 || value.len > SNAPSHOT_MAX) {
        return false;
    }

    len = 0;
    bits = 0;
    word = 0;

    for (i = 0; i < value.len; i++) {
        digit = snapshot_digit(value.data[i]);

        if (digit < 0) {
            return false;
        }

        word = (word << 6 | (unsigned) digit) & 0xffff;
        bits += 6;

        if (bits >= 8) {
            bits -= 8;
            buf[len++] = (char) (word >> bits & 0xff);
        }
    }

    *ret_len = len;

    return bits < 6 && (word & ((1u << bits) - 1)) == 0;
}


static int
snapshot_digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return c == '-' ? 62 : c == '_' ? 63 : -1;
}


/*
 * As the library writes it, byte for byte: what others have re-formatted is
 * not its own.  The signed message is P with its last brace behind "expiresAt"
 * and E: the same bytes in another order, so they are moved in place.
 */
static bool
snapshot_open(char *text, size_t len, pt_str_t *ret_message,
    pt_str_t *ret_signature)
{
    char     *start;
    size_t    tail;
    pt_str_t  rest;

    static const char    head[] = "{\"session\":";
    static const size_t  head_len = sizeof(head) - 1;

    if (len < head_len || memcmp(text, head, head_len) != 0) {
        return false;
    }

    start = text + head_len;
    rest = (pt_str_t) { start, len - head_len };

    if (!snapshot_strip(&rest, "\"}") || rest.len < SNAPSHOT_SIGNATURE_LEN) {
        return false;
    }

    rest.len -= SNAPSHOT_SIGNATURE_LEN;
    *ret_signature = (pt_str_t) { rest.data + rest.len,
                                  SNAPSHOT_SIGNATURE_LEN };

    if (!snapshot_strip(&rest, ",\"signature\":\"")) {
        return false;
    }

    *ret_message = rest;

    while (rest.len && rest.data[rest.len - 1] >= '0'
           && rest.data[rest.len - 1] <= '9')
    {
        rest.len--;
    }

    if (rest.len == ret_message->len
        || !snapshot_strip(&rest, ",\"expiresAt\":")
        || rest.len < 2 || rest.data[rest.len - 1] != '}')
    {
        return false;
    }

    tail = ret_message->len - rest.len;

    memmove(start + rest.len - 1, start + rest.len, tail);
    start[ret_message->len - 1] = '}';

    return true;
}


static bool
snapshot_strip(pt_str_t *text, const char *end)
{
    size_t  len;

    len = strlen(end);

    if (text->len < len
        || memcmp(text->data + text->len - len, end, len) != 0)
    {
        return false;
    }

    text->len -= len;

    return true;
}


static bool
snapshot_holds(pt_str_t secret, pt_str_t message, pt_str_t signature)
{
    size_t  i;
    char    text[NGX_HTTP_PITCHEY_TOKEN_SIGNATURE_LEN];

    if (!ngx_http_pitchey_token_sign(secret, message, text)) {
        return false;
    }

    for (i = 0; i < SNAPSHOT_SIGNATURE_LEN; i++) {
        text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    }

    return CRYPTO_memcmp(text, signature.data, SNAPSHOT_SIGNATURE_LEN) == 0;
}


static bool
snapshot_fill(const pt_json_t *root, pt_str_t token, pt_str_t version,
    int64_t now_ms, ngx_http_pitchey_snapshot_t *snapshot)
{
    int64_t           until_ms;
    pt_str_t          owner;
    const pt_json_t  *session, *user;

    session = pt_json_member(root, "session");
    user = pt_json_member(root, "user");

    snapshot->session_id = pt_json_string(session, "id", PT_STR_NULL);
    owner = pt_json_string(session, "userId", PT_STR_NULL);
    snapshot->organization_id = pt_json_string(session, "activeOrganizationId",
                                               PT_STR_NULL);

    snapshot->user_id = pt_json_string(user, "id", PT_STR_NULL);
    snapshot->email = pt_json_string(user, "email", PT_STR_NULL);
    snapshot->role = pt_json_string(user, "role", PT_STR_NULL);
    snapshot->user_type = pt_json_string(user, "userType", PT_STR_NULL);
    snapshot->tier = pt_json_string(user, "tier", PT_STR_NULL);

    until_ms = pt_json_int(root, "expiresAt", -1);

    if (snapshot->session_id.len == 0
        || snapshot->user_id.len == 0
        || snapshot->email.data == NULL
        || pt_json_string(user, "name", PT_STR_NULL).data == NULL
        || pt_json_int(root, "updatedAt", -1) < 0
        || !pt_str_eq(owner, snapshot->user_id)
        || !pt_str_eq(pt_json_string(session, "token", PT_STR_NULL), token)
        || !pt_str_eq(pt_json_string(root, "version", PT_STR("1")), version)
        || !snapshot_time(session, "expiresAt", &snapshot->expires_ms)
        || snapshot->expires_ms < now_ms
        || until_ms < now_ms
        || snapshot_banned(user, now_ms))
    {
        return false;
    }

    if (until_ms < snapshot->expires_ms) {
        snapshot->expires_ms = until_ms;
    }

    return true;
}


static bool
snapshot_time(const pt_json_t *object, const char *name, int64_t *ret_ms)
{
    return ngx_http_pitchey_timestamp_parse(
                         pt_json_string(object, name, PT_STR("")), ret_ms);
}


/* as for a row: for ever, or as long as the end is not a time in the past */
static bool
snapshot_banned(const pt_json_t *user, int64_t now_ms)
{
    int64_t  until_ms;

    return pt_json_bool(user, "banned", false)
           && (!snapshot_time(user, "banExpires", &until_ms)
               || until_ms >= now_ms);
}
