/*
 * The request schemas of a folder, DIR/{service}/{action}.json, compiled when
 * nginx reads its configuration and only read afterwards.
 */

#ifndef NGX_HTTP_PITCHEY_SCHEMA_H
#define NGX_HTTP_PITCHEY_SCHEMA_H

#include "ngx_http_pitchey_module.h"
#include "pt_schema.h"


/* bytes of a service or an action; PT_NAME_MAX of the wire */
#define NGX_HTTP_PITCHEY_NAME_MAX  64


/* a schema that an operator added, for one value of a member */
typedef struct {
    ngx_str_t                  name;
    pt_schema_t               *schema;
} ngx_http_pitchey_choice_t;


typedef struct {
    ngx_str_t                  service;
    ngx_str_t                  action;
    pt_schema_t               *schema;

    /* x-pitchey of the schema's document */
    ngx_array_t                roles;         /* of ngx_str_t; empty: anyone */
    ngx_array_t                user_types;    /* of ngx_str_t; empty: anyone */
    size_t                     body_max;      /* bytes; 0: pitchey_body_max */
    ngx_str_t                  chooser;       /* "/template": a pointer to the
                                               * member; empty: none */
    ngx_array_t                choices;       /* of ngx_http_pitchey_choice_t,
                                               * by name */
} ngx_http_pitchey_schema_t;


typedef struct ngx_http_pitchey_schemas_s {
    ngx_str_t                  dir;
    ngx_array_t                schemas;       /* of ngx_http_pitchey_schema_t,
                                               * by service, then action */
} ngx_http_pitchey_schemas_t;


/*
 * The compiled folder; one that another location named before is shared.
 * NULL after it logged what is wrong with which file, for nginx -t.
 */
ngx_http_pitchey_schemas_t *ngx_http_pitchey_schema_load(ngx_conf_t *cf,
    ngx_http_pitchey_main_conf_t *pmcf, ngx_str_t *dir);

/* NULL: there is no such action */
const ngx_http_pitchey_schema_t *ngx_http_pitchey_schema_find(
    const ngx_http_pitchey_schemas_t *set, const ngx_str_t *service,
    const ngx_str_t *action);

/*
 * pt_schema_validate() by the schema, and by the one that the document
 * chooses, if it is to choose one.
 */
pt_err_t ngx_http_pitchey_schema_validate(
    const ngx_http_pitchey_schema_t *schema, const pt_json_t *document,
    size_t max, const pt_schema_visitor_t *visitor);

/* whether the schema is open to this user */
ngx_uint_t ngx_http_pitchey_schema_allows(
    const ngx_http_pitchey_schema_t *schema,
    const ngx_http_pitchey_user_t *user);


#endif /* NGX_HTTP_PITCHEY_SCHEMA_H */
