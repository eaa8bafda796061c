/* Query strings, and the filters of GET /jobs in them.  Plain C. */

#ifndef NGX_HTTP_PITCHEY_QUERY_H
#define NGX_HTTP_PITCHEY_QUERY_H

#include "pt_wire.h"


#define NGX_HTTP_PITCHEY_PAGE      20
#define NGX_HTTP_PITCHEY_PAGE_MAX  100


/*
 * Takes the next argument off args.  Percent escapes are decoded into room,
 * which has as many bytes as args had at first and is moved on; "+" is itself,
 * as in a time zone.  What is no UTF-8, or has a NUL, gets an absent value.
 *
 * false: there are no more
 */
bool ngx_http_pitchey_query_next(pt_str_t *args, char **room,
    pt_str_t *ret_name, pt_str_t *ret_value);


typedef struct {
    pt_list_t  list;               /* but its rq */
    char       status[128];        /* that list borrows */

    /* one for each argument that is wrong */
    void     (*error)(void *ctx, pt_str_t parameter, const char *detail);
    void      *ctx;
} ngx_http_pitchey_query_list_t;

/* fills q->list, which borrows from args and room; false: errors were told */
bool ngx_http_pitchey_query_list(pt_str_t args, char *room,
    ngx_http_pitchey_query_list_t *q);


#endif /* NGX_HTTP_PITCHEY_QUERY_H */
