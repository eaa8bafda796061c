/*
 * Names from outside: what a user called a file, the path of an output, and
 * the storage keys that they lead to.
 *
 * Plain C.  A user's name is a label, never part of a path.
 */

#ifndef NGX_HTTP_PITCHEY_NAME_H
#define NGX_HTTP_PITCHEY_NAME_H

#include "pt_id.h"


/* bytes of a user's name that are kept; FILE_ADD takes no more */
#define NGX_HTTP_PITCHEY_NAME_LEN  255

/* "files/" "/" and an id after its last two characters; see _name_file_key() */
#define NGX_HTTP_PITCHEY_NAME_FILE_KEY_LEN  (sizeof("files/00/") - 1          \
                                             + PT_ID_TEXT_LEN)


/*
 * The name in a Content-Disposition (RFC 6266): filename* before filename.
 * buf takes NGX_HTTP_PITCHEY_NAME_LEN bytes; the result lies there, cleaned
 * as by _name_clean(), and is empty where there is none.
 */
pt_str_t ngx_http_pitchey_name_parse(pt_str_t header, char *buf);

/*
 * The last component of a name, which may come with a client's path ("/" or
 * "\"), without control characters, cut to NGX_HTTP_PITCHEY_NAME_LEN bytes at
 * a character's border.  Empty for ".", ".." and what is not UTF-8.  buf as
 * above; it may be where name lies.
 */
pt_str_t ngx_http_pitchey_name_clean(pt_str_t name, char *buf);

/*
 * The value of a Content-Disposition with a cleaned name: an ASCII filename
 * and, where that says less, a filename*.  Returns its length; out may be NULL
 * to ask for it.
 */
size_t ngx_http_pitchey_name_disposition(bool attachment, pt_str_t name,
    char *out);

/*
 * [a-z0-9._-] with "/" between, at most PT_OUTPUT_NAME_MAX bytes: no empty
 * component, none that begins with a dot
 */
bool ngx_http_pitchey_name_is_output(pt_str_t path);

/* the same of up to PT_KEY_MAX bytes: below the storage's folder for sure */
bool ngx_http_pitchey_name_is_key(pt_str_t key);

/* "files/5f/0198c0de-....-...5f": where an upload lies */
void ngx_http_pitchey_name_file_key(const pt_id_t *id,
    char out[NGX_HTTP_PITCHEY_NAME_FILE_KEY_LEN]);


#endif /* NGX_HTTP_PITCHEY_NAME_H */
