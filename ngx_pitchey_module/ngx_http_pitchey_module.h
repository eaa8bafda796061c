/*
 * What the module's concerns share: configuration, the request's context and
 * the order of the phases.  Each concern has its own header for the rest.
 *
 *   PREACCESS   cors (preflight, cross-site) -> auth (session or 401)
 *   CONTENT     route -> schema -> submit | jobs | events | files | outputs
 *   filters     CORS and security headers on every answer, and a problem
 *               document in the place of nginx's error pages
 */

#ifndef NGX_HTTP_PITCHEY_MODULE_H
#define NGX_HTTP_PITCHEY_MODULE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "pt_id.h"


typedef struct ngx_http_pitchey_pg_s   ngx_http_pitchey_pg_t;
typedef struct ngx_http_pitchey_zmq_s  ngx_http_pitchey_zmq_t;
typedef struct ngx_http_pitchey_route_s  ngx_http_pitchey_route_t;
typedef struct ngx_http_pitchey_match_s  ngx_http_pitchey_match_t;


typedef struct {
    ngx_str_t                  endpoint;      /* "ipc:///run/pitchey/edge.sock" */
    ngx_str_t                  server_key;    /* over tcp://: CURVE keys, Z85, */
    ngx_str_t                  public_key;    /* terminated */
    ngx_str_t                  secret_key;
} ngx_http_pitchey_orchestrator_t;


/* http{}: one database, one set of zones and orchestrators for all */
typedef struct {
    ngx_http_pitchey_pg_t     *database;      /* NULL: none */
    ngx_http_pitchey_pg_t     *database_listen;
    ngx_str_t                  session_query;
    ngx_msec_t                 session_recheck;
    ngx_msec_t                 session_grace;
    ngx_msec_t                 stream_heartbeat;

    ngx_str_t                  refresh_query;
    time_t                     refresh_life;  /* s; a refreshed session's life; 0:
                                               * none is refreshed */
    time_t                     refresh_age;   /* s; of one to be refreshed */

    ngx_int_t                  s3_variables[2];

    ngx_shm_zone_t            *session_zone;
    ngx_shm_zone_t            *job_zone;
    ngx_shm_zone_t            *stat_zone;
    ngx_shm_zone_t            *rate_zone;
    ngx_shm_zone_t            *absent_zone;

    ngx_array_t               *orchestrators; /* of ngx_http_pitchey_orchestrator_t */
    ngx_array_t               *storages;      /* of ngx_str_t: where uploads lie */
    time_t                     upload_expires;/* s; the smallest of them */
    ngx_array_t               *rates;         /* owned by ngx_http_pitchey_rate.c */
    ngx_array_t               *schema_sets;   /* of ngx_http_pitchey_schemas_t * */

    ngx_int_t                  request_id;    /* index of $request_id */
    ngx_uint_t                 used;          /* pitchey or pitchey_auth is on somewhere */
    ngx_uint_t                 enabled;       /* pitchey is */
} ngx_http_pitchey_main_conf_t;


/* the names of the cookies that belong together */
typedef struct {
    ngx_str_t                  session;       /* "better-auth.session_token" */
    ngx_str_t                  data;
    ngx_str_t                  dont_remember;
} ngx_http_pitchey_cookies_t;


/* pitchey_auth */
#define NGX_HTTP_PITCHEY_AUTH_OFF       0
#define NGX_HTTP_PITCHEY_AUTH_ON        1
#define NGX_HTTP_PITCHEY_AUTH_OPTIONAL  2

/* pitchey_auth_cookie_cache: of the copy in the cookie session_data */
#define NGX_HTTP_PITCHEY_CACHE_OFF      0     /* not looked at */
#define NGX_HTTP_PITCHEY_CACHE_VERIFY   1     /* $pitchey_session_copy tells */
#define NGX_HTTP_PITCHEY_CACHE_TRUST    2     /* stands for its row */

/* pitchey_auth_bearer: which tokens an Authorization header may hold */
#define NGX_HTTP_PITCHEY_BEARER_OFF     0
#define NGX_HTTP_PITCHEY_BEARER_SIGNED  1
#define NGX_HTTP_PITCHEY_BEARER_ON      2


/* bytes that a form has beside its file: boundaries, headers, other fields */
#define NGX_HTTP_PITCHEY_FORM_MAX       (64 * 1024)


/* http{}, server{}, location{} */
typedef struct {
    ngx_flag_t                 enable;        /* pitchey on: the API lives here */
    ngx_str_t                  prefix;        /* of the location that says so:
                                               * what the route follows */
    ngx_uint_t                 auth;          /* pitchey_auth; enable asks for
                                               * a session without it */
    ngx_uint_t                 bearer;        /* pitchey_auth_bearer */
    ngx_array_t               *require;       /* of ngx_http_pitchey_require_t */

    ngx_str_t                  secret;        /* pitchey_auth_secret */
    ngx_array_t               *old_secrets;   /* of ngx_str_t: the later ones */
    ngx_flag_t                 accept_old;
    u_char                     scope[16];     /* of what it has signed: a hash
                                               * of it and what else counts */
    ngx_str_t                  cookie;        /* empty: the default names */
    ngx_uint_t                 unsigned_cookie; /* pitchey_auth_cookie_format */
    ngx_http_pitchey_cookies_t
                              *cookies;       /* one; or two: plain, __Secure- */
    ngx_str_t                  cookie_attributes;
    ngx_uint_t                 cookie_cache;
    ngx_str_t                  cache_version; /* of the copy */
    ngx_array_t               *cors_origins;  /* of ngx_http_pitchey_origin_t */

    ngx_str_t                  schemas;       /* folder */
    struct ngx_http_pitchey_schemas_s
                              *schema_set;    /* compiled; shared by equal folders */
    ngx_str_t                  openapi;       /* the contract of this location */
    ngx_str_t                  openapi_etag;

    ngx_array_t               *rates;         /* owned by ngx_http_pitchey_rate.c */

    ngx_str_t                  storage;       /* folder of the local store */
    struct ngx_http_pitchey_s3_s
                              *s3;            /* what has left it; NULL: none */
    size_t                     body_max;      /* bytes of a JSON body */
    size_t                     ws_message_max;/* bytes of a WebSocket message */
    ngx_uint_t                 ws_rate;       /* of them a second, in the long run */
    ngx_uint_t                 ws_subscriptions;
    ngx_msec_t                 wait_max;      /* Prefer: wait; 0: not at all */
    ngx_array_t               *link_secrets;  /* of ngx_str_t: the first signs */
    off_t                      upload_max;    /* bytes of a file */
    time_t                     upload_expires;/* s; of a resumable upload,
                                               * after its last byte */
} ngx_http_pitchey_loc_conf_t;


/* the session's owner; all strings live in the request's pool */
typedef struct {
    ngx_str_t                  session_id;
    ngx_str_t                  id;
    ngx_str_t                  email;
    ngx_str_t                  role;          /* as the row has it: "user,admin" */
    ngx_str_t                  user_type;
    ngx_str_t                  tier;
    ngx_str_t                  organization_id;
    int64_t                    expires_ms;    /* since 1970 */
    unsigned                   admin:1;       /* role lists "admin" */
} ngx_http_pitchey_user_t;


typedef enum {
    NGX_HTTP_PITCHEY_AUTH_NEW = 0,
    NGX_HTTP_PITCHEY_AUTH_WAITING,            /* for the database; its reply resumes */
    NGX_HTTP_PITCHEY_AUTH_DONE                /* auth_status holds the verdict */
} ngx_http_pitchey_auth_state_e;


/* per request */
typedef struct {
    ngx_str_t                  request_id;    /* 32 hex digits, nginx's $request_id */

    ngx_http_pitchey_auth_state_e
                               auth_state;
    ngx_int_t                  auth_status;   /* NGX_OK, 401, 503 */
    ngx_str_t                  token;         /* verified; a secret */
    ngx_http_pitchey_cookies_t
                              *cookies;       /* where it was; NULL: a bearer */
    ngx_http_pitchey_user_t    user;          /* valid if auth_status is NGX_OK */
    ngx_msec_t                 session_time;  /* and when it was true */
    ngx_uint_t                 session_heard; /* revocations heard before */
    u_char                     token_hash[32];/* SHA-256 of the session's token:
                                               * what a revocation names */

    ngx_str_t                  route;         /* behind the location's prefix,
                                               * from its "/" on */
    ngx_uint_t                 route_number;  /* its row for the counters; 0:
                                               * none was looked up or found */
    const ngx_http_pitchey_route_t
                              *route_row;     /* the first that matches; NULL:
                                               * none, if route_known */
    const ngx_http_pitchey_match_t
                              *match;
    void                      *data;          /* of the concern that answers */
    ngx_buf_t                 *page;          /* in the place of nginx's own */

    pt_id_t                    job;           /* which this is about; or zero */

    unsigned                   anybody:1;     /* can make such a token */
    unsigned                   refreshed:1;   /* the cookie goes out again */
    unsigned                   cors_checked:1;
    unsigned                   cors_allowed:1;/* Origin is listed: echo it */
    unsigned                   route_known:1;
    unsigned                   problem:1;     /* the body is ours: keep it */
    unsigned                   download:1;    /* the body is a stored file */
} ngx_http_pitchey_ctx_t;


extern ngx_module_t  ngx_http_pitchey_module;


/* the request's context, made on first use; NULL without memory */
ngx_http_pitchey_ctx_t *ngx_http_pitchey_ctx(ngx_http_request_t *r);


#endif /* NGX_HTTP_PITCHEY_MODULE_H */
