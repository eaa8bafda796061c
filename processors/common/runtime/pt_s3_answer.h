/*
 * What an S3 server answers in XML, as far as it is asked about: the id of an
 * upload, the names of a list.  Any bytes are an answer; names and ids point
 * into it.
 */

#ifndef PT_S3_ANSWER_H
#define PT_S3_ANSWER_H

#include "pt_str.h"


/* name: what stands behind the folder's "/", a folder's own with a "/" */
typedef void (*pt_s3_list_fn)(void *ctx, pt_str_t name);


/* what stands first between two texts; rest begins with the second */
bool pt_s3_between(pt_str_t text, const char *begin, const char *end,
    pt_str_t *ret_value, pt_str_t *ret_rest);

/* of an upload that begins; false: there is none, or one of max bytes or more,
 * or with what an address or our file of it would have to encode */
bool pt_s3_upload_id(pt_str_t answer, size_t max, pt_str_t *ret_id);

/* the keys of a list, then its folders, each without its first skip bytes */
void pt_s3_names(pt_str_t answer, size_t skip, pt_s3_list_fn fn, void *ctx);


#endif /* PT_S3_ANSWER_H */
