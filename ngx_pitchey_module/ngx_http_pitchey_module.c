/*
 * The module's tables and life cycle: directives, phases, filters, processes.
 * What happens to a request is in the files of the concerns.
 */

#include "ngx_http_pitchey_module.h"
#include "ngx_http_pitchey_auth.h"
#include "ngx_http_pitchey_cors.h"
#include "ngx_http_pitchey_curve.h"
#include "ngx_http_pitchey_filter.h"
#include "ngx_http_pitchey_identity.h"
#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_openapi.h"
#include "ngx_http_pitchey_pg.h"
#include "ngx_http_pitchey_rate.h"
#include "ngx_http_pitchey_refresh.h"
#include "ngx_http_pitchey_revocation.h"
#include "ngx_http_pitchey_route.h"
#include "ngx_http_pitchey_s3.h"
#include "ngx_http_pitchey_schema.h"
#include "ngx_http_pitchey_session.h"
#include "ngx_http_pitchey_shm.h"
#include "ngx_http_pitchey_stream.h"
#include "ngx_http_pitchey_watch.h"
#include "ngx_http_pitchey_tus.h"
#include "ngx_http_pitchey_upload.h"
#include "ngx_http_pitchey_zmq.h"

#include <openssl/rand.h>


/* bytes of a JSON body: 1,000 jobs of a batch with a kilobyte each */
#define NGX_HTTP_PITCHEY_BODY_MAX    (1024 * 1024)

/* bytes of an uploaded file: two hours of 1080p at 10 Mbit/s */
#define NGX_HTTP_PITCHEY_UPLOAD_MAX  ((off_t) 10 * 1024 * 1024 * 1024)

/* s after its last byte that a resumable upload is kept */
#define NGX_HTTP_PITCHEY_UPLOAD_EXPIRES  86400

/* characters of a secret below which nginx warns, as the library does */
#define NGX_HTTP_PITCHEY_SECRET_MIN  32

/* bytes of a secret's file: more is a wrong file */
#define NGX_HTTP_PITCHEY_SECRET_MAX  4096

/* s; session.expiresIn and session.updateAge of a library that is told nothing */
#define NGX_HTTP_PITCHEY_REFRESH_LIFE  (7 * 86400)
#define NGX_HTTP_PITCHEY_REFRESH_AGE   86400

/* bytes of a request's id, and how many are drawn at once */
#define NGX_HTTP_PITCHEY_REQUEST_ID  16
#define NGX_HTTP_PITCHEY_RANDOM      (64 * NGX_HTTP_PITCHEY_REQUEST_ID)

/* bytes of a zone that is not configured: some 20,000 sessions */
#define NGX_HTTP_PITCHEY_ZONE_SIZE   (8 * 1024 * 1024)


static ngx_int_t ngx_http_pitchey_request_id(ngx_http_request_t *r,
    ngx_str_t *ret_id);

static ngx_int_t ngx_http_pitchey_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_pitchey_postconfiguration(ngx_conf_t *cf);

static ngx_int_t ngx_http_pitchey_init_process(ngx_cycle_t *cycle);
static void ngx_http_pitchey_exit_process(ngx_cycle_t *cycle);

static ngx_int_t ngx_http_pitchey_preaccess_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_pitchey_content_handler(ngx_http_request_t *r);

static void *ngx_http_pitchey_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_pitchey_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_pitchey_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_pitchey_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);

static ngx_int_t ngx_http_pitchey_add_storage(ngx_conf_t *cf,
    ngx_http_pitchey_main_conf_t *pmcf, ngx_http_pitchey_loc_conf_t *conf);

static char *ngx_http_pitchey_enable(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_pitchey_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_pitchey_cookie_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_pitchey_link_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_pitchey_secret_value(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *secret);
static char *ngx_http_pitchey_secret_file(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *name, ngx_str_t *secret);
static char *ngx_http_pitchey_database(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_pitchey_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_pitchey_orchestrator(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_pitchey_folder(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_conf_enum_t  ngx_http_pitchey_auths[] = {
    { ngx_string("off"), NGX_HTTP_PITCHEY_AUTH_OFF },
    { ngx_string("on"), NGX_HTTP_PITCHEY_AUTH_ON },
    { ngx_string("optional"), NGX_HTTP_PITCHEY_AUTH_OPTIONAL },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_pitchey_caches[] = {
    { ngx_string("off"), NGX_HTTP_PITCHEY_CACHE_OFF },
    { ngx_string("verify"), NGX_HTTP_PITCHEY_CACHE_VERIFY },
    { ngx_string("trust"), NGX_HTTP_PITCHEY_CACHE_TRUST },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_pitchey_formats[] = {
    { ngx_string("signed"), 0 },
    { ngx_string("unsigned"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_pitchey_bearers[] = {
    { ngx_string("off"), NGX_HTTP_PITCHEY_BEARER_OFF },
    { ngx_string("signed"), NGX_HTTP_PITCHEY_BEARER_SIGNED },
    { ngx_string("on"), NGX_HTTP_PITCHEY_BEARER_ON },
    { ngx_null_string, 0 }
};


/*
 * In the order of the main configuration's: what zones are called without a
 * directive, and their tags, so that a reload which swaps the names of two
 * takes none over for the other purpose.
 */
static ngx_str_t  ngx_http_pitchey_zones[] = {
    ngx_string("pitchey_sessions"),
    ngx_string("pitchey_jobs"),
    ngx_string("pitchey_stats"),
    ngx_string("pitchey_rates"),
    ngx_string("pitchey_absent")
};


static ngx_conf_num_bounds_t  ngx_http_pitchey_ws_bounds = {
    ngx_conf_check_num_bounds, 1, 100000
};


static ngx_command_t  ngx_http_pitchey_commands[] = {

    { ngx_string("pitchey"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_pitchey_enable,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, enable),
      NULL },

    { ngx_string("pitchey_auth"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, auth),
      &ngx_http_pitchey_auths },

    { ngx_string("pitchey_require"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_pitchey_identity_require,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, require),
      NULL },

    { ngx_string("pitchey_auth_secret"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_pitchey_secret,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, secret),
      NULL },

    { ngx_string("pitchey_auth_cookie"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, cookie),
      NULL },

    { ngx_string("pitchey_auth_accept_old_secrets"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, accept_old),
      NULL },

    { ngx_string("pitchey_auth_cookie_format"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, unsigned_cookie),
      &ngx_http_pitchey_formats },

    { ngx_string("pitchey_auth_cookie_attributes"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, cookie_attributes),
      NULL },

    { ngx_string("pitchey_auth_cookie_cache"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_pitchey_cookie_cache,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, cookie_cache),
      &ngx_http_pitchey_caches },

    { ngx_string("pitchey_auth_bearer"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, bearer),
      &ngx_http_pitchey_bearers },

    { ngx_string("pitchey_cors_origin"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_pitchey_cors_origin,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, cors_origins),
      NULL },

    { ngx_string("pitchey_database"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_pitchey_database,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_pitchey_main_conf_t, database),
      NULL },

    { ngx_string("pitchey_database_listen"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_pitchey_database,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_pitchey_main_conf_t, database_listen),
      NULL },

    { ngx_string("pitchey_session_query"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_pitchey_main_conf_t, session_query),
      NULL },

    { ngx_string("pitchey_stream_heartbeat"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_pitchey_main_conf_t, stream_heartbeat),
      NULL },

    { ngx_string("pitchey_session_refresh"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_pitchey_refresh_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_pitchey_main_conf_t, refresh_life),
      NULL },

    { ngx_string("pitchey_session_refresh_query"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_pitchey_main_conf_t, refresh_query),
      NULL },

    { ngx_string("pitchey_session_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_pitchey_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_pitchey_main_conf_t, session_zone),
      NULL },

    { ngx_string("pitchey_job_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_pitchey_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_pitchey_main_conf_t, job_zone),
      NULL },

    { ngx_string("pitchey_stat_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_pitchey_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_pitchey_main_conf_t, stat_zone),
      NULL },

    { ngx_string("pitchey_rate_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_pitchey_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_pitchey_main_conf_t, rate_zone),
      NULL },

    { ngx_string("pitchey_rate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_pitchey_rate,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, rates),
      NULL },

    { ngx_string("pitchey_absent_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_pitchey_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_pitchey_main_conf_t, absent_zone),
      NULL },

    { ngx_string("pitchey_session_recheck"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_pitchey_main_conf_t, session_recheck),
      NULL },

    { ngx_string("pitchey_session_grace"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_pitchey_main_conf_t, session_grace),
      NULL },

    { ngx_string("pitchey_orchestrator"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE13,
      ngx_http_pitchey_orchestrator,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_pitchey_main_conf_t, orchestrators),
      NULL },

    { ngx_string("pitchey_schemas"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_pitchey_folder,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, schemas),
      NULL },

    { ngx_string("pitchey_storage"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_pitchey_folder,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, storage),
      NULL },

    { ngx_string("pitchey_storage_s3"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_pitchey_s3,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("pitchey_body_max"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, body_max),
      NULL },

    { ngx_string("pitchey_wait_max"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, wait_max),
      NULL },

    { ngx_string("pitchey_ws_message_max"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, ws_message_max),
      NULL },

    { ngx_string("pitchey_ws_rate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, ws_rate),
      &ngx_http_pitchey_ws_bounds },

    { ngx_string("pitchey_ws_subscriptions"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, ws_subscriptions),
      &ngx_http_pitchey_ws_bounds },

    { ngx_string("pitchey_link_secret"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_pitchey_link_secret,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, link_secrets),
      NULL },

    { ngx_string("pitchey_upload_max"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, upload_max),
      NULL },

    { ngx_string("pitchey_upload_expires"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_pitchey_loc_conf_t, upload_expires),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_pitchey_module_ctx = {
    ngx_http_pitchey_preconfiguration,     /* preconfiguration */
    ngx_http_pitchey_postconfiguration,    /* postconfiguration */

    ngx_http_pitchey_create_main_conf,     /* create main configuration */
    ngx_http_pitchey_init_main_conf,       /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_pitchey_create_loc_conf,      /* create location configuration */
    ngx_http_pitchey_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_pitchey_module = {
    NGX_MODULE_V1,
    &ngx_http_pitchey_module_ctx,          /* module context */
    ngx_http_pitchey_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_pitchey_init_process,         /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_pitchey_exit_process,         /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* what a worker holds that no configuration does; its helpers serve nobody */
static ngx_int_t
ngx_http_pitchey_init_process(ngx_cycle_t *cycle)
{
    ngx_http_pitchey_main_conf_t  *pmcf;

    pmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_pitchey_module);

    if (pmcf == NULL || !pmcf->used
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    ngx_http_pitchey_metrics_init_process();
    ngx_http_pitchey_session_init();

    if (ngx_http_pitchey_pg_init(cycle, pmcf->database) != NGX_OK
        || ngx_http_pitchey_revocation_init(cycle, pmcf) != NGX_OK
        || ngx_http_pitchey_watch_init(cycle) != NGX_OK
        || ngx_http_pitchey_stream_init(cycle, pmcf) != NGX_OK
        || ngx_http_pitchey_zmq_init(cycle, pmcf) != NGX_OK
        || ngx_http_pitchey_tus_init(cycle, pmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* each of these takes what was never opened */
static void
ngx_http_pitchey_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_pitchey_stream_exit();
    ngx_http_pitchey_watch_exit();
    ngx_http_pitchey_zmq_exit();
    ngx_http_pitchey_revocation_exit();
    ngx_http_pitchey_pg_exit();
}


/* cross-site requests are refused before anybody is asked who they are */
static ngx_int_t
ngx_http_pitchey_preaccess_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (!plcf->enable && !plcf->auth) {
        return NGX_DECLINED;
    }

    rc = ngx_http_pitchey_cors_handler(r);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_pitchey_auth_handler(r);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    return ngx_http_pitchey_rate_request(r);
}


static ngx_int_t
ngx_http_pitchey_content_handler(ngx_http_request_t *r)
{
    if (ngx_http_pitchey_ctx(r) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_route_handler(r);
}


ngx_http_pitchey_ctx_t *
ngx_http_pitchey_ctx(ngx_http_request_t *r)
{
    size_t                         len;
    ngx_http_pitchey_ctx_t        *ctx;
    ngx_http_pitchey_loc_conf_t   *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    if (ctx != NULL) {
        return ctx;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_pitchey_ctx_t));

    if (ctx == NULL
        || ngx_http_pitchey_request_id(r, &ctx->request_id) != NGX_OK)
    {
        return NULL;
    }

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    /* the prefix "/api" and the prefix "/api/" have the same routes */
    len = plcf->prefix.len;

    if (len && plcf->prefix.data[len - 1] == '/') {
        len--;
    }

    /* a rewrite may have left the prefix: no route then, and 404 */
    if (plcf->enable
        && r->uri.len >= len
        && ngx_strncmp(r->uri.data, plcf->prefix.data, len) == 0)
    {
        ctx->route.data = r->uri.data + len;
        ctx->route.len = r->uri.len - len;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_pitchey_module);

    return ctx;
}


/*
 * $request_id as nginx makes it, but of random bytes that are drawn for many
 * requests at once: a call into OpenSSL's generator costs more than all else
 * that a cached answer needs.  It becomes the indexed variable's value, so
 * that an access log shows the same one.
 */
static ngx_int_t
ngx_http_pitchey_request_id(ngx_http_request_t *r, ngx_str_t *ret_id)
{
    ngx_http_variable_value_t     *vv;
    ngx_http_pitchey_main_conf_t  *pmcf;

    static size_t  left;
    static u_char  bytes[NGX_HTTP_PITCHEY_RANDOM];

    pmcf = ngx_http_get_module_main_conf(r, ngx_http_pitchey_module);
    vv = &r->variables[pmcf->request_id];

    if (!vv->valid && !vv->not_found) {

        if (left < NGX_HTTP_PITCHEY_REQUEST_ID) {
            if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
                return NGX_ERROR;
            }

            left = sizeof(bytes);
        }

        vv->data = ngx_pnalloc(r->pool, 2 * NGX_HTTP_PITCHEY_REQUEST_ID);
        if (vv->data == NULL) {
            return NGX_ERROR;
        }

        left -= NGX_HTTP_PITCHEY_REQUEST_ID;
        ngx_hex_dump(vv->data, bytes + left, NGX_HTTP_PITCHEY_REQUEST_ID);

        vv->len = 2 * NGX_HTTP_PITCHEY_REQUEST_ID;
        vv->valid = 1;
        vv->no_cacheable = 0;
        vv->not_found = 0;
    }

    ret_id->data = vv->data;
    ret_id->len = vv->len;

    return vv->valid ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_pitchey_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_pitchey_main_conf_t  *pmcf;

    static ngx_str_t  name = ngx_string("request_id");

    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_pitchey_module);

    pmcf->request_id = ngx_http_get_variable_index(cf, &name);

    if (pmcf->request_id == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (ngx_http_pitchey_s3_variables(cf, pmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_pitchey_identity_variables(cf);
}


static void *
ngx_http_pitchey_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_pitchey_main_conf_t  *pmcf;

    pmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_pitchey_main_conf_t));
    if (pmcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     pmcf->database = NULL;
     *     pmcf->database_listen = NULL;
     *     pmcf->session_query = { 0, NULL };
     *     pmcf->refresh_query = { 0, NULL };
     *     pmcf->refresh_age = 0;
     *     pmcf->session_zone = NULL;
     *     pmcf->job_zone = NULL;
     *     pmcf->stat_zone = NULL;
     *     pmcf->rate_zone = NULL;
     *     pmcf->rates = NULL;
     *     pmcf->absent_zone = NULL;
     *     pmcf->orchestrators = NULL;
     *     pmcf->storages = NULL;
     *     pmcf->used = 0;
     *     pmcf->enabled = 0;
     */

    pmcf->refresh_life = NGX_CONF_UNSET;
    pmcf->session_recheck = NGX_CONF_UNSET_MSEC;
    pmcf->session_grace = NGX_CONF_UNSET_MSEC;
    pmcf->stream_heartbeat = NGX_CONF_UNSET_MSEC;

    return pmcf;
}


static char *
ngx_http_pitchey_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_pitchey_main_conf_t  *pmcf = conf;

    ngx_conf_init_msec_value(pmcf->session_recheck, 1000);
    ngx_conf_init_msec_value(pmcf->session_grace, 0);
    ngx_conf_init_msec_value(pmcf->stream_heartbeat, 15000);

    /* what the library does, as long as it is the library's own table */
    if (pmcf->refresh_life == NGX_CONF_UNSET) {
        pmcf->refresh_life = NGX_HTTP_PITCHEY_REFRESH_LIFE;
        pmcf->refresh_age = NGX_HTTP_PITCHEY_REFRESH_AGE;

        if (pmcf->session_query.len && pmcf->refresh_query.len == 0) {
            pmcf->refresh_life = 0;
        }

    } else if (pmcf->refresh_life && pmcf->session_query.len
               && pmcf->refresh_query.len == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pitchey_session_refresh\" beside a "
                           "\"pitchey_session_query\" needs a "
                           "\"pitchey_session_refresh_query\"");
        return NGX_CONF_ERROR;
    }

    if (pmcf->database_listen == NULL) {
        pmcf->database_listen = pmcf->database;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_pitchey_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_pitchey_loc_conf_t));
    if (plcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     plcf->prefix = { 0, NULL };
     *     plcf->secret = { 0, NULL };
     *     plcf->old_secrets = NULL;
     *     plcf->scope = { 0 };
     *     plcf->cookie = { 0, NULL };
     *     plcf->cookies = NULL;
     *     plcf->cookie_attributes = { 0, NULL };
     *     plcf->cache_version = { 0, NULL };
     *     plcf->schemas = { 0, NULL };
     *     plcf->schema_set = NULL;
     *     plcf->storage = { 0, NULL };
     */

    plcf->enable = NGX_CONF_UNSET;
    plcf->auth = NGX_CONF_UNSET_UINT;
    plcf->require = NGX_CONF_UNSET_PTR;
    plcf->accept_old = NGX_CONF_UNSET;
    plcf->unsigned_cookie = NGX_CONF_UNSET_UINT;
    plcf->cookie_cache = NGX_CONF_UNSET_UINT;
    plcf->bearer = NGX_CONF_UNSET_UINT;
    plcf->cors_origins = NGX_CONF_UNSET_PTR;
    plcf->rates = NGX_CONF_UNSET_PTR;
    plcf->s3 = NGX_CONF_UNSET_PTR;
    plcf->body_max = NGX_CONF_UNSET_SIZE;
    plcf->wait_max = NGX_CONF_UNSET_MSEC;
    plcf->ws_message_max = NGX_CONF_UNSET_SIZE;
    plcf->ws_rate = NGX_CONF_UNSET_UINT;
    plcf->ws_subscriptions = NGX_CONF_UNSET_UINT;
    plcf->upload_max = NGX_CONF_UNSET;
    plcf->link_secrets = NGX_CONF_UNSET_PTR;
    plcf->upload_expires = NGX_CONF_UNSET;

    return plcf;
}


static char *
ngx_http_pitchey_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_pitchey_loc_conf_t   *prev = parent;
    ngx_http_pitchey_loc_conf_t   *conf = child;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_pitchey_main_conf_t  *pmcf;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* its own, not an inherited one */
    if (conf->enable
        && (conf->auth == NGX_HTTP_PITCHEY_AUTH_OFF
            || conf->auth == NGX_HTTP_PITCHEY_AUTH_OPTIONAL))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pitchey_auth %V\" contradicts \"pitchey on\" of "
                           "location \"%V\"",
                           &ngx_http_pitchey_auths[conf->auth].name,
                           &clcf->name);
        return NGX_CONF_ERROR;
    }

    ngx_conf_merge_str_value(conf->prefix, prev->prefix, "");
    ngx_conf_merge_uint_value(conf->auth, prev->auth,
                              NGX_HTTP_PITCHEY_AUTH_OFF);

    /* nor is a role of any use where nobody is asked who it is */
    if (conf->require != NGX_CONF_UNSET_PTR && !conf->enable
        && conf->auth == NGX_HTTP_PITCHEY_AUTH_OFF && clcf->name.len)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pitchey_require\" needs \"pitchey_auth on\" in "
                           "location \"%V\"", &clcf->name);
        return NGX_CONF_ERROR;
    }

    ngx_conf_merge_ptr_value(conf->require, prev->require, NULL);
    ngx_conf_merge_uint_value(conf->bearer, prev->bearer,
                              NGX_HTTP_PITCHEY_BEARER_SIGNED);

    /* one list, current and old */
    if (conf->secret.data == NULL) {
        conf->old_secrets = prev->old_secrets;
    }

    ngx_conf_merge_str_value(conf->secret, prev->secret, "");
    ngx_conf_merge_value(conf->accept_old, prev->accept_old, 0);
    ngx_conf_merge_str_value(conf->cookie, prev->cookie, "");
    ngx_conf_merge_uint_value(conf->unsigned_cookie, prev->unsigned_cookie, 0);
    ngx_conf_merge_str_value(conf->cookie_attributes, prev->cookie_attributes,
                             "Path=/; HttpOnly; SameSite=Lax");
    ngx_conf_merge_uint_value(conf->cookie_cache, prev->cookie_cache,
                              NGX_HTTP_PITCHEY_CACHE_VERIFY);
    ngx_conf_merge_str_value(conf->cache_version, prev->cache_version, "1");
    ngx_conf_merge_ptr_value(conf->cors_origins, prev->cors_origins, NULL);
    ngx_conf_merge_str_value(conf->schemas, prev->schemas, "");
    ngx_conf_merge_str_value(conf->storage, prev->storage, "");
    ngx_conf_merge_ptr_value(conf->rates, prev->rates, NULL);
    ngx_conf_merge_ptr_value(conf->s3, prev->s3, NULL);
    ngx_conf_merge_size_value(conf->body_max, prev->body_max,
                              NGX_HTTP_PITCHEY_BODY_MAX);
    ngx_conf_merge_msec_value(conf->wait_max, prev->wait_max, 30000);
    ngx_conf_merge_size_value(conf->ws_message_max, prev->ws_message_max,
                              4096);
    ngx_conf_merge_uint_value(conf->ws_rate, prev->ws_rate, 20);
    ngx_conf_merge_uint_value(conf->ws_subscriptions, prev->ws_subscriptions,
                              100);
    ngx_conf_merge_off_value(conf->upload_max, prev->upload_max,
                             NGX_HTTP_PITCHEY_UPLOAD_MAX);
    ngx_conf_merge_ptr_value(conf->link_secrets, prev->link_secrets, NULL);
    ngx_conf_merge_sec_value(conf->upload_expires, prev->upload_expires,
                             NGX_HTTP_PITCHEY_UPLOAD_EXPIRES);

    if (!conf->enable && !conf->auth) {
        return NGX_CONF_OK;
    }

    if (ngx_http_pitchey_auth_cookies(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_pitchey_auth_scope(conf);

    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_pitchey_module);
    pmcf->used = 1;

    if (conf->unsigned_cookie && pmcf->session_query.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pitchey_auth_cookie_format unsigned\" of \"%V\" "
                           "needs a \"pitchey_session_query\"", &clcf->name);
        return NGX_CONF_ERROR;
    }

    if (conf->secret.len == 0 && !conf->unsigned_cookie && prev->enable != 1 && prev->auth != 1) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "no \"pitchey_auth_secret\" for \"%V\": "
                           "every session is refused", &clcf->name);
    }

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    pmcf->enabled = 1;

    /* inherited by nested locations, which may name a handler of their own */
    if (clcf->handler == NULL) {
        clcf->handler = ngx_http_pitchey_content_handler;
    }

    if (conf->upload_expires < 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pitchey_upload_expires\" is at least a second");
        return NGX_CONF_ERROR;
    }

    if (conf->storage.len
        && ngx_http_pitchey_add_storage(cf, pmcf, conf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->schemas.len) {
        conf->schema_set = ngx_http_pitchey_schema_load(cf, pmcf,
                                                        &conf->schemas);
        if (conf->schema_set == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_pitchey_openapi_make(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    /* our own two limits are in force here */
    clcf->client_max_body_size = ngx_max(conf->upload_max
                                         + NGX_HTTP_PITCHEY_FORM_MAX,
                                         (off_t) conf->body_max);

    return NGX_CONF_OK;
}


/* each folder once, for the sweep */
static ngx_int_t
ngx_http_pitchey_add_storage(ngx_conf_t *cf,
    ngx_http_pitchey_main_conf_t *pmcf, ngx_http_pitchey_loc_conf_t *conf)
{
    ngx_str_t   *storage;
    ngx_uint_t   i;

    if (pmcf->storages == NULL) {
        pmcf->storages = ngx_array_create(cf->pool, 1, sizeof(ngx_str_t));
        if (pmcf->storages == NULL) {
            return NGX_ERROR;
        }

        pmcf->upload_expires = conf->upload_expires;
    }

    pmcf->upload_expires = ngx_min(pmcf->upload_expires,
                                   conf->upload_expires);

    storage = pmcf->storages->elts;

    for (i = 0; i < pmcf->storages->nelts; i++) {
        if (storage[i].len == conf->storage.len
            && ngx_strncmp(storage[i].data, conf->storage.data,
                           conf->storage.len) == 0)
        {
            return NGX_OK;
        }
    }

    storage = ngx_array_push(pmcf->storages);
    if (storage == NULL) {
        return NGX_ERROR;
    }

    *storage = conf->storage;

    return NGX_OK;
}


static ngx_int_t
ngx_http_pitchey_postconfiguration(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_shm_zone_t               **zone;
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_pitchey_main_conf_t  *pmcf;

    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_pitchey_module);

    if (!pmcf->used) {
        return NGX_OK;
    }

    if (pmcf->database == NULL) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "no \"pitchey_database\": "
                           "no session can be verified");
    }

    if (pmcf->enabled && pmcf->orchestrators == NULL) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "no \"pitchey_orchestrator\": "
                           "no job can be accepted");
    }

    zone = &pmcf->session_zone;

    for (i = 0; i < 5; i++) {
        if (zone[i] != NULL) {
            continue;
        }

        zone[i] = ngx_http_pitchey_shm_add(cf, &ngx_http_pitchey_zones[i],
                                           NGX_HTTP_PITCHEY_ZONE_SIZE,
                                           &ngx_http_pitchey_zones[i]);
        if (zone[i] == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_http_pitchey_rate_init(pmcf);

    if (ngx_http_pitchey_upload_init(cf) != NGX_OK
        || ngx_http_pitchey_metrics_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_pitchey_preaccess_handler;

    ngx_http_pitchey_filter_init();

    return NGX_OK;
}


/*
 * The route is what follows the location's prefix, which a regex or a named
 * location does not have.
 */
static char *
ngx_http_pitchey_enable(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                         *rv;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_pitchey_loc_conf_t  *plcf = conf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK || !plcf->enable) {
        return rv;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->named) {
        return "cannot be used in a named location";
    }

#if (NGX_PCRE)
    if (clcf->regex) {
        return "cannot be used in a regex location";
    }
#endif

    plcf->prefix = clcf->name;

    return NGX_CONF_OK;
}


/* pitchey_auth_secret VALUE | env:NAME | file:PATH; never in a message */
static char *
ngx_http_pitchey_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *secret;
    ngx_http_pitchey_loc_conf_t  *plcf = conf;

    secret = &plcf->secret;

    /* the first is today's, as in BETTER_AUTH_SECRETS */
    if (secret->data != NULL) {

        if (plcf->old_secrets == NULL) {
            plcf->old_secrets = ngx_array_create(cf->pool, 2,
                                                 sizeof(ngx_str_t));
            if (plcf->old_secrets == NULL) {
                return NGX_CONF_ERROR;
            }
        }

        secret = ngx_array_push(plcf->old_secrets);
        if (secret == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_pitchey_secret_value(cf, cmd, secret);
}


/* pitchey_link_secret, likewise: the first one signs, each is believed */
static char *
ngx_http_pitchey_link_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *secret;
    ngx_http_pitchey_loc_conf_t  *plcf = conf;

    if (plcf->link_secrets == NGX_CONF_UNSET_PTR) {
        plcf->link_secrets = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));
        if (plcf->link_secrets == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    secret = ngx_array_push(plcf->link_secrets);
    if (secret == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_null(secret);

    return ngx_http_pitchey_secret_value(cf, cmd, secret);
}


/* VALUE | env:NAME | file:PATH */
static char *
ngx_http_pitchey_secret_value(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *secret)
{
    char       *rv;
    u_char     *env;
    ngx_str_t  *value, arg;

    value = cf->args->elts;

    if (ngx_strncmp(value[1].data, "env:", 4) == 0) {
        env = (u_char *) getenv((char *) value[1].data + 4);

        if (env == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "environment variable \"%s\" of \"%V\" "
                               "is not set; a binary upgrade keeps only what "
                               "\"env %s;\" in the main part names",
                               value[1].data + 4, &cmd->name,
                               value[1].data + 4);
            return NGX_CONF_ERROR;
        }

        arg.data = env;
        arg.len = ngx_strlen(env);

        secret->data = ngx_pstrdup(cf->pool, &arg);
        if (secret->data == NULL) {
            return NGX_CONF_ERROR;
        }

        secret->len = arg.len;

    } else if (ngx_strncmp(value[1].data, "file:", 5) == 0) {
        arg.data = value[1].data + 5;
        arg.len = value[1].len - 5;

        rv = ngx_http_pitchey_secret_file(cf, cmd, &arg, secret);
        if (rv != NGX_CONF_OK) {
            return rv;
        }

    } else {
        *secret = value[1];
    }

    if (secret->len == 0) {
        return "is empty";
    }

    if (secret->len < NGX_HTTP_PITCHEY_SECRET_MIN) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" is shorter than %d characters, "
                           "what it signs can be forged by guessing it",
                           &cmd->name, NGX_HTTP_PITCHEY_SECRET_MIN);
    }

    return NGX_CONF_OK;
}


/* pitchey_auth_cookie_cache off | verify | trust [VERSION] */
static char *
ngx_http_pitchey_cookie_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                         *rv;
    ngx_str_t                    *value;
    ngx_http_pitchey_loc_conf_t  *plcf = conf;

    rv = ngx_conf_set_enum_slot(cf, cmd, conf);

    if (rv == NGX_CONF_OK && cf->args->nelts == 3) {
        value = cf->args->elts;
        plcf->cache_version = value[2];
    }

    return rv;
}


/* the file's bytes, less the one newline that an editor leaves at the end */
static char *
ngx_http_pitchey_secret_file(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *name, ngx_str_t *secret)
{
    ssize_t    n;
    ngx_fd_t   fd;
    ngx_err_t  err;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    secret->data = ngx_pnalloc(cf->pool, NGX_HTTP_PITCHEY_SECRET_MAX + 1);
    if (secret->data == NULL) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "could not open \"%V\" of \"%V\"", name,
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, secret->data, NGX_HTTP_PITCHEY_SECRET_MAX + 1);
    err = ngx_errno;

    ngx_close_file(fd);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "could not read \"%V\" of \"%V\"", name,
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (n > NGX_HTTP_PITCHEY_SECRET_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"%V\" is longer than "
                           "%d bytes", name, &cmd->name,
                           NGX_HTTP_PITCHEY_SECRET_MAX);
        return NGX_CONF_ERROR;
    }

    if (n > 0 && secret->data[n - 1] == LF) {
        n--;

        if (n > 0 && secret->data[n - 1] == CR) {
            n--;
        }
    }

    secret->len = n;

    return NGX_CONF_OK;
}


/* pitchey_database CONNINFO, pitchey_database_listen CONNINFO */
static char *
ngx_http_pitchey_database(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t               *value;
    ngx_http_pitchey_pg_t  **database;

    database = (ngx_http_pitchey_pg_t **) (p + cmd->offset);

    if (*database != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    *database = ngx_http_pitchey_pg_parse(cf, &cmd->name, &value[1]);

    return *database ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* NAME:SIZE */
static char *
ngx_http_pitchey_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    u_char                         *colon;
    ssize_t                         size;
    ngx_str_t                      *value, name, text;
    ngx_shm_zone_t                **zone;
    ngx_http_pitchey_main_conf_t   *pmcf = conf;

    zone = (ngx_shm_zone_t **) (p + cmd->offset);

    if (*zone != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    colon = (u_char *) ngx_strchr(value[1].data, ':');

    if (colon == NULL || colon == value[1].data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is \"NAME:SIZE\", not \"%V\"",
                           &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    name.data = value[1].data;
    name.len = colon - value[1].data;

    text.data = colon + 1;
    text.len = value[1].data + value[1].len - text.data;

    size = ngx_parse_size(&text);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of \"%V\"", &text, &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "size \"%V\" of \"%V\" is less than %uz bytes",
                           &text, &cmd->name, 8 * ngx_pagesize);
        return NGX_CONF_ERROR;
    }

    *zone = ngx_http_pitchey_shm_add(cf, &name, size,
                        &ngx_http_pitchey_zones[zone - &pmcf->session_zone]);

    return *zone ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_pitchey_orchestrator(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                        *value;
    ngx_uint_t                        i;
    const char                       *error;
    ngx_http_pitchey_main_conf_t     *pmcf = conf;
    ngx_http_pitchey_orchestrator_t  *o, new;

    value = cf->args->elts;

    if (ngx_strncmp(value[1].data, "ipc://", 6) != 0
        && ngx_strncmp(value[1].data, "tcp://", 6) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is \"ipc://PATH\" or \"tcp://HOST:PORT\", "
                           "not \"%V\"", &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&new, sizeof(ngx_http_pitchey_orchestrator_t));
    new.endpoint = value[1];

    if (ngx_http_pitchey_curve_arguments(cf, &value[2], cf->args->nelts - 2,
                                         &new)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    error = ngx_http_pitchey_zmq_check(&value[1]);

    if (error != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"%V\" of \"%V\": %s",
                           &value[1], &cmd->name, error);
        return NGX_CONF_ERROR;
    }

    if (pmcf->orchestrators == NULL) {
        pmcf->orchestrators = ngx_array_create(cf->pool, 2,
                                     sizeof(ngx_http_pitchey_orchestrator_t));
        if (pmcf->orchestrators == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    o = pmcf->orchestrators->elts;

    for (i = 0; i < pmcf->orchestrators->nelts; i++) {
        if (o[i].endpoint.len == value[1].len
            && ngx_strncmp(o[i].endpoint.data, value[1].data, value[1].len)
               == 0)
        {
            return "is duplicate";
        }
    }

    o = ngx_array_push(pmcf->orchestrators);
    if (o == NULL) {
        return NGX_CONF_ERROR;
    }

    *o = new;

    return NGX_CONF_OK;
}


/* a folder, below nginx's prefix where it is relative */
static char *
ngx_http_pitchey_folder(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    char             *rv;
    ngx_str_t        *folder;
    ngx_file_info_t   fi;

    rv = ngx_conf_set_str_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    folder = (ngx_str_t *) (p + cmd->offset);

    while (folder->len > 1 && folder->data[folder->len - 1] == '/') {
        folder->data[--folder->len] = '\0';
    }

    if (ngx_conf_full_name(cf->cycle, folder, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_file_info(folder->data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "could not open \"%V\" of \"%V\"", folder,
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (!ngx_is_dir(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"%V\" is no folder", folder,
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
