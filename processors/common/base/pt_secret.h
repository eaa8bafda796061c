/*
 * Members of a job's parameters that nobody may read but the action itself:
 * those that its schema marks "writeOnly".
 *
 *   as submitted       {"title":"A","password":"p"}
 *   over the wire      {"title":"A","password":null}, and beside it
 *                      the secrets: {"/password":"p"}
 *   in the database    {"title":"A","password":null,"$sealed":"..."}
 *   for the action     {"title":"A","password":"p"}
 *
 * What is sealed is the last member, so that it is found without parsing; no
 * parameter of a caller's may have its name.  Sealing itself is pt_seal.h's.
 */

#ifndef PT_SECRET_H
#define PT_SECRET_H

#include "pt_json.h"


#define PT_SECRET_MEMBER  "$sealed"


/*
 * Writes the value at a pointer into the open object of secrets, and leaves
 * null in its place.  A pointer to nothing, or to null, writes nothing.  Of ""
 * it takes each member.
 */
void pt_secret_take(pt_json_t *params, pt_str_t pointer, pt_jsonw_t *secrets);

/*
 * The parameters with the secrets at their places, into ret.
 *
 * Errors  PT_E_INVALID (texts that are no such objects, a place that is not
 *         there or not null), PT_E_NOMEM, PT_E_TOO_LARGE (than ret's maximum)
 */
PT_MUST_CHECK pt_err_t pt_secret_put(pt_str_t params, pt_str_t secrets,
    pt_buf_t *ret);

/* the parameters, an object, with that last member, into ret; ret->err tells */
void pt_secret_attach(pt_str_t params, pt_str_t sealed, pt_buf_t *ret);

/*
 * What stands in front of the last member, without the closing brace, and its
 * value, which has letters, digits, "-" and "_" only; both borrow.  false:
 * nothing is sealed.
 */
bool pt_secret_split(pt_str_t params, pt_str_t *ret_head,
    pt_str_t *ret_sealed);


#endif /* PT_SECRET_H */
