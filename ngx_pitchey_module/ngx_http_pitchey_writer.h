/* A problem document's text (RFC 9457).  Plain C. */

#ifndef NGX_HTTP_PITCHEY_WRITER_H
#define NGX_HTTP_PITCHEY_WRITER_H

#include "pt_json.h"


typedef struct {
    unsigned   status;
    pt_str_t   code;           /* stable, and the end of the type */
    pt_str_t   title;
    pt_str_t   detail;         /* any bytes: it may quote a client; empty: none */
    pt_str_t   request_id;
    pt_str_t   errors;         /* JSON; empty: none */
    pt_str_t   members;        /* JSON's "a":1,"b":2; empty: none */
} ngx_http_pitchey_writer_t;


void ngx_http_pitchey_writer_problem(pt_buf_t *buf,
    const ngx_http_pitchey_writer_t *problem);


#endif /* NGX_HTTP_PITCHEY_WRITER_H */
