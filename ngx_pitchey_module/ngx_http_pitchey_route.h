/* What follows the location's prefix decides who answers. */

#ifndef NGX_HTTP_PITCHEY_ROUTE_H
#define NGX_HTTP_PITCHEY_ROUTE_H

#include "ngx_http_pitchey_schema.h"


/* what a pattern's placeholders matched; borrowed from ctx->route */
struct ngx_http_pitchey_match_s {
    ngx_str_t                  service;       /* {service}, {action} */
    ngx_str_t                  action;
    const ngx_http_pitchey_schema_t
                              *schema;        /* of service and action */
    pt_id_t                    id;            /* {id}, parsed */
    ngx_str_t                  path;          /* {path}: the rest, not empty */
};


typedef ngx_int_t (*ngx_http_pitchey_route_pt)(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match);


/* no session needed: _auth lets the request pass without a cookie */
#define NGX_HTTP_PITCHEY_ROUTE_PUBLIC  0x0001

/* the handler reads the body; every other route discards it */
#define NGX_HTTP_PITCHEY_ROUTE_BODY    0x0002

/* pages of any origin may read it, without their user's cookies */
#define NGX_HTTP_PITCHEY_ROUTE_OPEN    0x0004


struct ngx_http_pitchey_route_s {
    ngx_uint_t                 methods;       /* NGX_HTTP_GET implies HEAD */
    const char                *pattern;       /* "/jobs/{id}/outputs/{path}" */
    ngx_http_pitchey_route_pt  handler;
    ngx_uint_t                 flags;
};


/* whether this request needs no session; asked in PREACCESS */
ngx_uint_t ngx_http_pitchey_route_is_public(ngx_http_request_t *r);

/* whether pages of any origin may read this resource */
ngx_uint_t ngx_http_pitchey_route_is_open(ngx_http_request_t *r);

/* the content handler of locations with "pitchey on" */
ngx_int_t ngx_http_pitchey_route_handler(ngx_http_request_t *r);

/* the rows of the table, from 0; NULL beyond the last */
const ngx_http_pitchey_route_t *ngx_http_pitchey_route_row(ngx_uint_t number);

/* the pattern of a row by ctx->route_number, for the counters: "" for 0, NULL
 * beyond the last */
const char *ngx_http_pitchey_route_pattern(ngx_uint_t number);

/*
 * For the handlers: the first header of the request with this name (in lower
 * case), or NULL.
 */
ngx_str_t *ngx_http_pitchey_route_header(ngx_http_request_t *r,
    const char *name);

/* the path of another route in this location, such as "/jobs/" and an id */
ngx_int_t ngx_http_pitchey_route_uri(ngx_http_request_t *r, const char *path,
    pt_str_t id, ngx_str_t *ret_uri);


#endif /* NGX_HTTP_PITCHEY_ROUTE_H */
