/*
 * The arguments of a URI, "a=1&b=x%20y": plain C.  A name counts as it is
 * written; its value is decoded.
 */

#ifndef NGX_HTTP_PITCHEY_ARGS_H
#define NGX_HTTP_PITCHEY_ARGS_H

#include "pt_str.h"


/*
 * The first argument of that name; false: there is none.  Its value lies in
 * buf, of args.len bytes, with %XX and "+" decoded; what is no escape stays.
 */
bool ngx_http_pitchey_args_get(pt_str_t args, const char *name, char *buf,
    pt_str_t *ret_value);

/*
 * Whether no argument has another name than these, whose list ends with NULL,
 * and none comes twice: a filter that is not known would answer with what it
 * was to leave out.
 */
bool ngx_http_pitchey_args_are(pt_str_t args, const char *const *names);

/* 1 to max, in digits alone */
bool ngx_http_pitchey_args_number(pt_str_t value, unsigned max,
    unsigned *ret_number);


#endif /* NGX_HTTP_PITCHEY_ARGS_H */
