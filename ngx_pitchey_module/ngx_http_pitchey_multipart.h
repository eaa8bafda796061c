/*
 * multipart/form-data (RFC 7578, RFC 2046) as it comes in pieces: plain C,
 * and total: any bytes give parts or an error.
 *
 *     while (_next(&m, &pos, last, room, &data) != MORE) { ... }
 *
 * Nothing is kept of a body but the header of a part and the beginning of what
 * may be a delimiter, however it is cut into pieces.
 */

#ifndef NGX_HTTP_PITCHEY_MULTIPART_H
#define NGX_HTTP_PITCHEY_MULTIPART_H

#include "pt_str.h"


/* RFC 2046, section 5.1.1 */
#define NGX_HTTP_PITCHEY_BOUNDARY_MAX     70

/* bytes of a part's header: a browser's has a name and a file name */
#define NGX_HTTP_PITCHEY_PART_HEADER_MAX  4096


typedef enum {
    NGX_HTTP_PITCHEY_MULTIPART_MORE = 0,   /* all is taken: give more */
    NGX_HTTP_PITCHEY_MULTIPART_PART,       /* a part begins: see its header */
    NGX_HTTP_PITCHEY_MULTIPART_DATA,       /* bytes of its content */
    NGX_HTTP_PITCHEY_MULTIPART_PART_END,
    NGX_HTTP_PITCHEY_MULTIPART_END,        /* the last delimiter was there; what
                                            * follows is taken and ignored */
    NGX_HTTP_PITCHEY_MULTIPART_BROKEN      /* and stays so */
} ngx_http_pitchey_multipart_e;


typedef struct {
    int         state;
    char        delimiter[4 + NGX_HTTP_PITCHEY_BOUNDARY_MAX];
    size_t      len;
    size_t      matched;                   /* of the delimiter */
    size_t      held;                      /* of it, to give out as content, */
    size_t      given;                     /* and given already */
    char        header[NGX_HTTP_PITCHEY_PART_HEADER_MAX];
    size_t      header_len;

    /* of the part: borrow from header; absent where there is none */
    pt_str_t    disposition;               /* the header's value */
    pt_str_t    name;                      /* of the field */
    pt_str_t    media_type;
} ngx_http_pitchey_multipart_t;


/* false: the Content-Type is not multipart/form-data with a boundary */
bool ngx_http_pitchey_multipart_init(ngx_http_pitchey_multipart_t *m,
    pt_str_t content_type);

/*
 * room      bytes of content that may be given at once; at least 1
 * ret_data  of DATA: borrows from the input or from m, until the next call
 */
ngx_http_pitchey_multipart_e ngx_http_pitchey_multipart_next(
    ngx_http_pitchey_multipart_t *m, const char **pos, const char *last,
    size_t room, pt_str_t *ret_data);


#endif /* NGX_HTTP_PITCHEY_MULTIPART_H */
