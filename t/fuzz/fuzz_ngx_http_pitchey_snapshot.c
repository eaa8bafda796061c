/*
 * Nobody without the secret makes a copy of a session that is believed; and
 * whatever content is signed is read without harm, and only for its token.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ngx_http_pitchey_snapshot.h"
#include "ngx_http_pitchey_token.h"


#define NOW  INT64_C(1795000000000)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_copy(pt_str_t secret, pt_str_t value);
static pt_str_t sign(pt_str_t secret, pt_str_t content);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_str_t  input, value;

    input = (pt_str_t) { (const char *) data, size };

    if (read_copy(PT_STR("not in the corpus"), input)) {
        abort();
    }

    if (size == 0 || size > 16384) {
        return 0;
    }

    value = sign(PT_STR("known here"), input);

    if (value.data != NULL) {
        (void) read_copy(PT_STR("known here"), value);
        free((char *) value.data);
    }

    return 0;
}


static bool
read_copy(pt_str_t secret, pt_str_t value)
{
    bool                         found;
    char                        *buf;
    ngx_http_pitchey_snapshot_t  copy;

    /* exactly as large as promised, so that a byte more is noticed */
    buf = malloc(value.len ? value.len : 1);
    if (buf == NULL) {
        return false;
    }

    found = ngx_http_pitchey_snapshot_read(secret, value, PT_STR("token"),
                                           PT_STR("1"), NOW, buf, &pt_mem_heap,
                                           &copy);

    if (found && (copy.session_id.len == 0 || copy.user_id.len == 0
                  || copy.expires_ms < NOW))
    {
        abort();
    }

    if (found) {
        pt_json_free(copy.tree);
    }

    free(buf);

    return found;
}


/* the input as P, in the library's frame; its last byte stands for P's brace */
static pt_str_t
sign(pt_str_t secret, pt_str_t content)
{
    int       n;
    char     *text, *value, signature[NGX_HTTP_PITCHEY_TOKEN_SIGNATURE_LEN];
    size_t    i, len, out;
    unsigned  word;

    static const char  end[] = ",\"expiresAt\":1895000000000";
    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_";

    text = malloc(content.len + 256);
    value = malloc(2 * content.len + 512);

    if (text == NULL || value == NULL) {
        free(text);
        free(value);
        return PT_STR_NULL;
    }

    memcpy(text, content.data, content.len - 1);
    n = sprintf(text + content.len - 1, "%s}", end);

    (void) ngx_http_pitchey_token_sign(secret,
                   (pt_str_t) { text, content.len - 1 + (size_t) n },
                   signature);

    for (i = 0; i < sizeof(signature); i++) {
        signature[i] = signature[i] == '+' ? '-'
                       : signature[i] == '/' ? '_' : signature[i];
    }

    n = sprintf(text, "{\"session\":");
    memcpy(text + n, content.data, content.len - 1);
    len = (size_t) n + content.len - 1;
    len += (size_t) sprintf(text + len, "}%s,\"signature\":\"%.43s\"}", end,
                            signature);

    for (i = 0, out = 0; i < len * 8; i += 6) {
        word = (unsigned) (unsigned char) text[i / 8] << 8;
        word |= i / 8 + 1 < len ? (unsigned char) text[i / 8 + 1] : 0u;
        value[out++] = digits[word >> (10 - i % 8) & 63];
    }

    free(text);

    return (pt_str_t) { value, out };
}
