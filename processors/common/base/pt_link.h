/*
 * The token of a signed link: which job, until when, and an HMAC over both.
 * Plain C.  It is all there is: nobody keeps a list of links.
 *
 *     base64url( version:1 = 1  job:16  expires:u32  mac:16 )
 *
 * expires is in seconds since 1970, mac the first half of the HMAC-SHA256 over
 * "pitchey link" and what stands before it.
 */

#ifndef PT_LINK_H
#define PT_LINK_H

#include "pt_id.h"


/* characters: 37 bytes without padding */
#define PT_LINK_LEN  50


/* false: OpenSSL could not */
bool pt_link_make(pt_str_t secret, const pt_id_t *job,
    uint32_t expires, char ret_token[PT_LINK_LEN]);

/*
 * The job and the end of a token; false: it was not made with this secret.
 * How long it takes does not depend on where it differs.
 */
bool pt_link_read(pt_str_t secret, pt_str_t token,
    pt_id_t *ret_job, uint32_t *ret_expires);


#endif /* PT_LINK_H */
