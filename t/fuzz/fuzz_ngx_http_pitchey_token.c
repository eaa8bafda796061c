/*
 * Any header gives a token that a row could hold, or none; and without the
 * secret nobody makes a signed one.
 */

#include <stdint.h>
#include <stdlib.h>

#include "ngx_http_pitchey_timestamp.h"
#include "ngx_http_pitchey_token.h"
#include "ngx_http_pitchey_verified.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(pt_str_t token)
{
    if (token.len == 0 || memchr(token.data, '\0', token.len) != NULL
        || !pt_str_is_utf8(token))
    {
        abort();
    }
}


/* kept as it is, or not at all; and nothing like it is found */
static void
check_verified(pt_str_t value)
{
    pt_str_t       token;
    unsigned char  hash[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN];

    static const unsigned char  scope[2][NGX_HTTP_PITCHEY_SCOPE_LEN] = {
        "one", "other"
    };

    ngx_http_pitchey_token_hash(value, hash);
    ngx_http_pitchey_verified_add(scope[0], 'c', value, PT_STR("token"), hash);

    if (ngx_http_pitchey_verified_find(scope[0], 'c', value, &token, hash)
        && !pt_str_is(token, "token"))
    {
        abort();
    }

    if (ngx_http_pitchey_verified_find(scope[1], 'c', value, &token, hash)
        || ngx_http_pitchey_verified_find(scope[0], 'b', value, &token, hash))
    {
        abort();
    }

    if (value.len > 0) {
        value.len--;

        if (ngx_http_pitchey_verified_find(scope[0], 'c', value, &token, hash)
            && !pt_str_is(token, "token"))
        {
            abort();
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char      *buf;
    int64_t    ms;
    pt_str_t   input, value, token;

    input = (pt_str_t) { (const char *) data, size };

    /* exactly as large as promised, so that a byte more is noticed */
    buf = malloc(size ? size : 1);
    if (buf == NULL) {
        return 0;
    }

    if (ngx_http_pitchey_token_cookie(input, PT_STR("s"), &value)
        && ngx_http_pitchey_token_verify(PT_STR("not in the corpus"), value,
                                         buf, &token))
    {
        abort();
    }

    if (ngx_http_pitchey_token_verify(PT_STR("in the corpus"), input, buf,
                                      &token))
    {
        check(token);
    }

    if (ngx_http_pitchey_token_bearer(PT_STR("in the corpus"), input, false,
                                      buf, &token))
    {
        check(token);
    }

    if (ngx_http_pitchey_token_plain(input, buf, &token)) {
        check(token);
    }

    check_verified(input);

    free(buf);

    (void) ngx_http_pitchey_timestamp_parse(input, &ms);

    return 0;
}
