/*
 * Jobs and the places of their outputs in shared memory.
 *
 * An entry is a record, its owner's id, and JSON that goes out as it is.
 */

#include "ngx_http_pitchey_jobzone.h"

#include <openssl/evp.h>

#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_shm.h"
#include "pt_json.h"


/* ms that an unfinished job is believed without an EVENT */
#define NGX_HTTP_PITCHEY_JOBZONE_FRESH  250

/* bytes of an entry: a job with a larger result is asked for each time */
#define NGX_HTTP_PITCHEY_JOBZONE_MAX    16384

/* bytes of a job with an ETag: to hash and parse more would hold others up */
#define NGX_HTTP_PITCHEY_JOBZONE_HASHED (64 * 1024)

/* a quoted ETag of 64 bits of SHA-256 */
#define NGX_HTTP_PITCHEY_JOBZONE_ETAG   (16 + 2)


typedef struct {
    uint8_t   finished;
    uint8_t   owner_len;
    u_char    etag[NGX_HTTP_PITCHEY_JOBZONE_ETAG];
    u_char    text[];                  /* the owner's id, then JSON */
} ngx_http_pitchey_jobzone_entry_t;


static ngx_int_t ngx_http_pitchey_jobzone_read(ngx_http_request_t *r,
    const u_char *key, ngx_http_pitchey_jobzone_entry_t **ret_entry,
    ngx_str_t *ret_json);
static void ngx_http_pitchey_jobzone_store(ngx_http_request_t *r,
    const pt_id_t *id, const u_char *key, const u_char *etag,
    ngx_uint_t finished, const ngx_str_t *json, ngx_atomic_uint_t counter);
static ngx_int_t ngx_http_pitchey_jobzone_reply(ngx_http_request_t *r,
    u_char *etag, ngx_str_t *json);
static ngx_uint_t ngx_http_pitchey_jobzone_finished(pt_str_t json);
static void ngx_http_pitchey_jobzone_job_key(const pt_id_t *id, u_char *key);
static ngx_int_t ngx_http_pitchey_jobzone_output_key(const pt_id_t *id,
    const ngx_str_t *name, u_char *key);
static uint64_t ngx_http_pitchey_jobzone_group(const pt_id_t *id);


/* whoever polls has to ask again, and is told 304 */
static ngx_str_t  ngx_http_pitchey_jobzone_cache =
    ngx_string("private, no-cache");


ngx_int_t
ngx_http_pitchey_jobzone_send(ngx_http_request_t *r, const pt_id_t *id)
{
    u_char                             key[NGX_HTTP_PITCHEY_SHM_KEY_LEN];
    ngx_int_t                          rc;
    ngx_str_t                          json;
    ngx_http_pitchey_jobzone_entry_t  *e;

    ngx_http_pitchey_jobzone_job_key(id, key);

    rc = ngx_http_pitchey_jobzone_read(r, key, &e, &json);

    if (rc != NGX_OK) {
        ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_JOB_MISSES);
        return (rc == NGX_DECLINED) ? rc : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_JOB_HITS);

    return ngx_http_pitchey_jobzone_reply(r, e->etag, &json);
}


/* NGX_OK; NGX_DECLINED: nothing that this user may have; NGX_ERROR */
static ngx_int_t
ngx_http_pitchey_jobzone_read(ngx_http_request_t *r, const u_char *key,
    ngx_http_pitchey_jobzone_entry_t **ret_entry, ngx_str_t *ret_json)
{
    size_t                             len;
    u_char                            *buf;
    ngx_msec_t                         time;
    ngx_http_pitchey_ctx_t            *ctx;
    ngx_http_pitchey_main_conf_t      *pmcf;
    ngx_http_pitchey_jobzone_entry_t  *e;

    /* of the worker: a request's pool takes just what there is */
    static u_char  room[NGX_HTTP_PITCHEY_JOBZONE_MAX];

    pmcf = ngx_http_get_module_main_conf(r, ngx_http_pitchey_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    len = sizeof(room);

    /* nothing larger is ever stored */
    if (ngx_http_pitchey_shm_read(pmcf->job_zone, key, room, &len, &time)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    e = (ngx_http_pitchey_jobzone_entry_t *) room;

    if (!e->finished
        && ngx_current_msec - time > NGX_HTTP_PITCHEY_JOBZONE_FRESH)
    {
        return NGX_DECLINED;
    }

    if (!ctx->user.admin
        && (ctx->user.id.len != e->owner_len
            || ngx_memcmp(ctx->user.id.data, e->text, e->owner_len) != 0))
    {
        return NGX_DECLINED;
    }

    buf = ngx_pnalloc(r->pool, len);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(buf, room, len);
    e = (ngx_http_pitchey_jobzone_entry_t *) buf;

    ret_json->data = e->text + e->owner_len;
    ret_json->len = buf + len - ret_json->data;
    *ret_entry = e;

    return NGX_OK;
}


ngx_atomic_uint_t
ngx_http_pitchey_jobzone_counter(ngx_http_request_t *r)
{
    ngx_http_pitchey_main_conf_t  *pmcf;

    pmcf = ngx_http_get_module_main_conf(r, ngx_http_pitchey_module);

    return ngx_http_pitchey_shm_counter(pmcf->job_zone);
}


ngx_int_t
ngx_http_pitchey_jobzone_answer(ngx_http_request_t *r, const pt_id_t *id,
    pt_str_t json, ngx_atomic_uint_t counter)
{
    u_char      key[NGX_HTTP_PITCHEY_SHM_KEY_LEN];
    u_char      hash[EVP_MAX_MD_SIZE];
    u_char     *etag;
    ngx_str_t   body;

    if (json.len > NGX_HTTP_PITCHEY_JOBZONE_HASHED) {
        body.len = json.len;
        body.data = ngx_pnalloc(r->pool, json.len);
        if (body.data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memcpy(body.data, json.data, json.len);

        return ngx_http_pitchey_send_json(r, NGX_HTTP_OK, &body);
    }

    etag = ngx_pnalloc(r->pool, NGX_HTTP_PITCHEY_JOBZONE_ETAG + json.len);
    if (etag == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = etag + NGX_HTTP_PITCHEY_JOBZONE_ETAG;
    body.len = json.len;
    ngx_memcpy(body.data, json.data, json.len);

    if (EVP_Digest(json.data, json.len, hash, NULL, EVP_sha256(), NULL) != 1) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    etag[0] = '"';
    ngx_hex_dump(etag + 1, hash, (NGX_HTTP_PITCHEY_JOBZONE_ETAG - 2) / 2);
    etag[NGX_HTTP_PITCHEY_JOBZONE_ETAG - 1] = '"';

    ngx_http_pitchey_jobzone_job_key(id, key);
    ngx_http_pitchey_jobzone_store(r, id, key, etag,
                                   ngx_http_pitchey_jobzone_finished(json),
                                   &body, counter);

    return ngx_http_pitchey_jobzone_reply(r, etag, &body);
}


/* whose it is, is known only if its owner asked */
static void
ngx_http_pitchey_jobzone_store(ngx_http_request_t *r, const pt_id_t *id,
    const u_char *key, const u_char *etag, ngx_uint_t finished,
    const ngx_str_t *json, ngx_atomic_uint_t counter)
{
    u_char                            *p;
    ngx_str_t                          value, *owner;
    ngx_http_pitchey_ctx_t            *ctx;
    ngx_http_pitchey_main_conf_t      *pmcf;
    ngx_http_pitchey_jobzone_entry_t  *e;

    pmcf = ngx_http_get_module_main_conf(r, ngx_http_pitchey_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    owner = &ctx->user.id;

    value.len = sizeof(ngx_http_pitchey_jobzone_entry_t) + owner->len
                + json->len;

    if (ctx->user.admin || owner->len == 0 || owner->len > 255
        || value.len > NGX_HTTP_PITCHEY_JOBZONE_MAX)
    {
        return;
    }

    value.data = ngx_palloc(r->pool, value.len);
    if (value.data == NULL) {
        return;
    }

    e = (ngx_http_pitchey_jobzone_entry_t *) value.data;

    e->finished = (uint8_t) finished;
    e->owner_len = (uint8_t) owner->len;
    ngx_memcpy(e->etag, etag, NGX_HTTP_PITCHEY_JOBZONE_ETAG);

    p = ngx_cpymem(e->text, owner->data, owner->len);
    ngx_memcpy(p, json->data, json->len);

    /* what is finished was not overtaken by whatever moved the counter */

    if (finished) {
        counter = ngx_http_pitchey_shm_counter(pmcf->job_zone);
    }

    (void) ngx_http_pitchey_shm_set(pmcf->job_zone, key,
                                    ngx_http_pitchey_jobzone_group(id),
                                    &value, ngx_current_msec, counter);
}


static ngx_int_t
ngx_http_pitchey_jobzone_reply(ngx_http_request_t *r, u_char *etag,
    ngx_str_t *json)
{
    ngx_buf_t        *b;
    ngx_int_t         rc;
    ngx_chain_t       out;
    ngx_table_elt_t  *h;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = json->len;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "ETag");
    h->value.data = etag;
    h->value.len = NGX_HTTP_PITCHEY_JOBZONE_ETAG;

    r->headers_out.etag = h;

    b = ngx_calloc_buf(r->pool);

    if (b == NULL
        || ngx_http_pitchey_add_header(r, "Cache-Control",
                                       &ngx_http_pitchey_jobzone_cache)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->pos = json->data;
    b->last = json->data + json->len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_uint_t
ngx_http_pitchey_jobzone_finished(pt_str_t json)
{
    pt_str_t  status;

    /* it stands before whatever a processor or a user wrote */

    if (!pt_json_peek(json, "status", &status)) {
        return 0;
    }

    return pt_str_is(status, "succeeded") || pt_str_is(status, "failed")
           || pt_str_is(status, "cancelled") || pt_str_is(status, "expired");
}


void
ngx_http_pitchey_jobzone_drop(const pt_id_t *id)
{
    u_char                         key[NGX_HTTP_PITCHEY_SHM_KEY_LEN];
    ngx_http_pitchey_main_conf_t  *pmcf;

    pmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_pitchey_module);

    ngx_http_pitchey_jobzone_job_key(id, key);
    ngx_http_pitchey_shm_remove(pmcf->job_zone, key);
}


ngx_int_t
ngx_http_pitchey_jobzone_get_output(ngx_http_request_t *r, const pt_id_t *id,
    const ngx_str_t *name, ngx_str_t *ret_json)
{
    u_char                             key[NGX_HTTP_PITCHEY_SHM_KEY_LEN];
    ngx_http_pitchey_jobzone_entry_t  *e;

    if (ngx_http_pitchey_jobzone_output_key(id, name, key) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_pitchey_jobzone_read(r, key, &e, ret_json);
}


void
ngx_http_pitchey_jobzone_set_output(ngx_http_request_t *r, const pt_id_t *id,
    const ngx_str_t *name, const ngx_str_t *json, ngx_atomic_uint_t counter)
{
    u_char  key[NGX_HTTP_PITCHEY_SHM_KEY_LEN];

    static const u_char  none[NGX_HTTP_PITCHEY_JOBZONE_ETAG];

    if (ngx_http_pitchey_jobzone_output_key(id, name, key) == NGX_OK) {
        ngx_http_pitchey_jobzone_store(r, id, key, none, 1, json, counter);
    }
}


/* a job's id and nothing */
static void
ngx_http_pitchey_jobzone_job_key(const pt_id_t *id, u_char *key)
{
    ngx_memcpy(key, id->bytes, sizeof(id->bytes));
    ngx_memzero(key + sizeof(id->bytes),
                NGX_HTTP_PITCHEY_SHM_KEY_LEN - sizeof(id->bytes));
}


/* a job's id, and half of the SHA-256 of the output's path */
static ngx_int_t
ngx_http_pitchey_jobzone_output_key(const pt_id_t *id, const ngx_str_t *name,
    u_char *key)
{
    u_char  hash[EVP_MAX_MD_SIZE];

    if (EVP_Digest(name->data, name->len, hash, NULL, EVP_sha256(), NULL) != 1)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(key, id->bytes, sizeof(id->bytes));
    ngx_memcpy(key + sizeof(id->bytes), hash,
               NGX_HTTP_PITCHEY_SHM_KEY_LEN - sizeof(id->bytes));

    return NGX_OK;
}


/* the random half of the id: all entries of a job */
static uint64_t
ngx_http_pitchey_jobzone_group(const pt_id_t *id)
{
    uint64_t  group;

    ngx_memcpy(&group, id->bytes + sizeof(id->bytes) - sizeof(group),
               sizeof(group));

    return group;
}
