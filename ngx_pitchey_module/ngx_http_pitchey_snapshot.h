/*
 * Better Auth's compact cookie cache: a signed copy of session and user in a
 * second cookie, "session_data".  Plain C.
 *
 * The value is base64url of {"session":P,"expiresAt":E,"signature":"G"}: G is
 * the HMAC-SHA256 of P with ,"expiresAt":E before its last brace.
 */

#ifndef NGX_HTTP_PITCHEY_SNAPSHOT_H
#define NGX_HTTP_PITCHEY_SNAPSHOT_H

#include <stdint.h>

#include "pt_json.h"


/* strings are absent where the copy has none */
typedef struct {
    pt_str_t   session_id;
    pt_str_t   user_id;
    pt_str_t   email;
    pt_str_t   role;
    pt_str_t   user_type;
    pt_str_t   tier;
    pt_str_t   organization_id;
    int64_t    expires_ms;     /* the copy's end, or the session's before it */
    pt_json_t *tree;           /* owns them: pt_json_free() */
} ngx_http_pitchey_snapshot_t;


/*
 * Whether the value is a copy of the session of that token, signed with the
 * secret, complete, of that version, neither it nor its session past its end
 * at now_ms, and its user not banned.
 *
 * buf           value.len bytes
 * ret_snapshot  lives in mem
 */
bool ngx_http_pitchey_snapshot_read(pt_str_t secret, pt_str_t value,
    pt_str_t token, pt_str_t version, int64_t now_ms, char *buf,
    const pt_mem_t *mem, ngx_http_pitchey_snapshot_t *ret_snapshot);


#endif /* NGX_HTTP_PITCHEY_SNAPSHOT_H */
