/*
 * Serving stored files: the orchestrator tells whose it is and where it lies,
 * or the job zone remembers what it told; nginx's cached open, its Range
 * filter and sendfile() do the rest.
 *
 * What users and processors made is untrusted: it goes out with a sandbox, and
 * as an attachment unless it can hold no script.
 */

#include "ngx_http_pitchey_outputs.h"
#include "ngx_http_pitchey_jobzone.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_name.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_s3.h"
#include "ngx_http_pitchey_sniff.h"
#include "ngx_http_pitchey_ask.h"
#include "pt_json.h"

#include <ctype.h>


#define NGX_HTTP_PITCHEY_SHA256_HEX  64

/* characters of a media type with its parameters */
#define NGX_HTTP_PITCHEY_TYPE_MAX    127


/* what is asked for, and the answer: strings live as long as the request */
typedef struct {
    pt_open_kind_t     kind;
    pt_id_t            id;
    ngx_str_t          name;
    ngx_atomic_uint_t  counter;     /* of the job zone, before it was asked */

    pt_str_t           key;
    pt_str_t           sha256;      /* hex; empty: below a tree */
    pt_str_t           media_type;  /* empty: by the name's ending */
    pt_str_t           label;       /* what the user called it */
    off_t              size;        /* -1: below a tree */
    ngx_file_uniq_t    uniq;        /* of the file that was opened */
    bool               final;       /* the job has ended, and with it this
                                     * answer */
} ngx_http_pitchey_output_t;


static ngx_int_t ngx_http_pitchey_outputs_opened(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_outputs_parse(ngx_http_request_t *r,
    ngx_http_pitchey_output_t *out, pt_str_t body);
static bool ngx_http_pitchey_outputs_is_type(pt_str_t type);
static ngx_int_t ngx_http_pitchey_outputs_serve(ngx_http_request_t *r,
    ngx_http_pitchey_output_t *out);
static ngx_int_t ngx_http_pitchey_outputs_file(ngx_http_request_t *r,
    ngx_http_pitchey_output_t *out, ngx_str_t *path,
    ngx_open_file_info_t *of);
static ngx_int_t ngx_http_pitchey_outputs_remote(ngx_http_request_t *r,
    ngx_http_pitchey_output_t *out);
static pt_str_t ngx_http_pitchey_outputs_type(
    ngx_http_pitchey_output_t *out);
static ngx_str_t *ngx_http_pitchey_outputs_cache(
    ngx_http_pitchey_output_t *out, pt_str_t type);
static ngx_int_t ngx_http_pitchey_outputs_headers(ngx_http_request_t *r,
    ngx_http_pitchey_output_t *out);
static ngx_int_t ngx_http_pitchey_outputs_etag(ngx_http_request_t *r,
    ngx_http_pitchey_output_t *out);
static ngx_int_t ngx_http_pitchey_outputs_disposition(ngx_http_request_t *r,
    ngx_http_pitchey_output_t *out, pt_str_t type, ngx_str_t *ret_value);
static void ngx_http_pitchey_outputs_uncache(ngx_http_request_t *r);


/* a playlist may grow, a job that runs may be attempted again, and whose file
 * an upload is may change: ask again */
static ngx_str_t  ngx_http_pitchey_outputs_revalidate =
    ngx_string("private, no-cache");

/* of a job that has ended: no other attempt takes the place of this one */
static ngx_str_t  ngx_http_pitchey_outputs_immutable =
    ngx_string("private, max-age=31536000, immutable");

static ngx_str_t  ngx_http_pitchey_outputs_sandbox = ngx_string("sandbox");


ngx_int_t
ngx_http_pitchey_outputs_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    if (!ngx_http_pitchey_name_is_output(ngx_http_pitchey_pt_str(
                                                              &match->path)))
    {
        return ngx_http_pitchey_problem_err(r, PT_E_NOT_FOUND,
                                            PT_STR("no such output"),
                                            PT_STR_NULL, 0);
    }

    return ngx_http_pitchey_outputs_open(r, PT_OPEN_OUTPUT, &match->id,
                                         &match->path);
}


ngx_int_t
ngx_http_pitchey_outputs_open(ngx_http_request_t *r, pt_open_kind_t kind,
    const pt_id_t *id, const ngx_str_t *name)
{
    pt_msg_t                    msg;
    ngx_int_t                   rc;
    ngx_str_t                   body;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_output_t  *out;

    out = ngx_pcalloc(r->pool, sizeof(ngx_http_pitchey_output_t));
    if (out == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    out->kind = kind;
    out->id = *id;
    out->name = *name;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->data = out;

    if (kind == PT_OPEN_OUTPUT) {
        rc = ngx_http_pitchey_jobzone_get_output(r, id, name, &body);

        if (rc == NGX_OK
            && ngx_http_pitchey_outputs_parse(r, out,
                                              ngx_http_pitchey_pt_str(&body))
               == NGX_OK)
        {
            return ngx_http_pitchey_outputs_serve(r, out);
        }

        out->counter = ngx_http_pitchey_jobzone_counter(r);
    }

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_OPEN;
    msg.u.open.kind = kind;
    msg.u.open.id = *id;
    msg.u.open.name = ngx_http_pitchey_pt_str(name);

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                ngx_http_pitchey_outputs_opened);
}


static ngx_int_t
ngx_http_pitchey_outputs_opened(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_str_t                   body;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_output_t  *out;

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    out = ctx->data;

    if (ngx_http_pitchey_outputs_parse(r, out, reply->body) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "cannot use the orchestrator's answer \"%*s\"",
                      ngx_min(reply->body.len, 512), reply->body.data);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (out->kind == PT_OPEN_OUTPUT && out->final) {
        body = ngx_http_pitchey_ngx_str(reply->body);
        ngx_http_pitchey_jobzone_set_output(r, &out->id, &out->name, &body,
                                            out->counter);
    }

    return ngx_http_pitchey_outputs_serve(r, out);
}


/* OPEN's body */
static ngx_int_t
ngx_http_pitchey_outputs_parse(ngx_http_request_t *r,
    ngx_http_pitchey_output_t *out, pt_str_t body)
{
    pt_json_t       *root;
    const pt_mem_t  *mem;

    mem = ngx_http_pitchey_mem(r->pool);

    /* the tree's strings are the pool's: nothing is freed before it */

    if (mem == NULL || pt_json_parse(body, mem, &root, NULL) != PT_OK) {
        return NGX_ERROR;
    }

    out->key = pt_json_string(root, "key", PT_STR(""));
    out->sha256 = pt_json_string(root, "sha256", PT_STR(""));
    out->media_type = pt_json_string(root, "media_type", PT_STR(""));
    out->label = pt_json_string(root, "name", PT_STR(""));
    out->size = (off_t) pt_json_int(root, "size", -1);
    out->final = pt_json_bool(root, "final", false);

    if (!ngx_http_pitchey_name_is_key(out->key)
        || !ngx_http_pitchey_outputs_is_type(out->media_type)
        || (out->sha256.len && out->sha256.len != NGX_HTTP_PITCHEY_SHA256_HEX))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* a processor may have written it, and it becomes a header: no line ends */
static bool
ngx_http_pitchey_outputs_is_type(pt_str_t type)
{
    size_t  i;

    if (type.len > NGX_HTTP_PITCHEY_TYPE_MAX) {
        return false;
    }

    for (i = 0; i < type.len; i++) {
        if (!isalnum((unsigned char) type.data[i])
            && memchr("!#$&^_/;=.+- ", type.data[i], 13) == NULL)
        {
            return false;
        }
    }

    return true;
}


static ngx_int_t
ngx_http_pitchey_outputs_serve(ngx_http_request_t *r,
    ngx_http_pitchey_output_t *out)
{
    ngx_buf_t               *b;
    ngx_int_t                rc;
    ngx_str_t                path;
    ngx_chain_t              chain;
    ngx_open_file_info_t     of;
    ngx_http_pitchey_ctx_t  *ctx;

    rc = ngx_http_pitchey_outputs_file(r, out, &path, &of);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    r->connection->log->action = "sending a file";

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = of.size;
    r->headers_out.last_modified_time = of.mtime;
    r->allow_ranges = 1;
    out->uniq = of.uniq;

    if (ngx_http_pitchey_outputs_headers(r, out) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* all memory before the header is sent */

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
    if (b->file == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_HTTP_RANGE_NOT_SATISFIABLE) {
        ngx_http_pitchey_outputs_uncache(r);
    }

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->file_pos = 0;
    b->file_last = of.size;

    b->in_file = b->file_last ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;
    b->sync = (b->last_buf || b->in_file) ? 0 : 1;

    b->file->fd = of.fd;
    b->file->name = path;
    b->file->log = r->connection->log;
    b->file->directio = of.is_directio;

    ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_DOWNLOADS);

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->download = 1;

    chain.buf = b;
    chain.next = NULL;

    return ngx_http_output_filter(r, &chain);
}


/*
 * Opens what lies under the key.  NGX_DECLINED: it is open, answer with it;
 * else what to return.
 */
static ngx_int_t
ngx_http_pitchey_outputs_file(ngx_http_request_t *r,
    ngx_http_pitchey_output_t *out, ngx_str_t *path,
    ngx_open_file_info_t *of)
{
    ngx_open_file_cache_t        *cache;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_pitchey_loc_conf_t  *plcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (plcf->storage.len == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "no \"pitchey_storage\" for a stored file");
        return ngx_http_pitchey_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                   "storage", "No storage is configured here.");
    }

    path->len = plcf->storage.len + 1 + out->key.len;
    path->data = ngx_pnalloc(r->pool, path->len + 1);
    if (path->data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_sprintf(path->data, "%V/%*s%Z", &plcf->storage, out->key.len,
                out->key.data);

    ngx_memzero(of, sizeof(ngx_open_file_info_t));

    of->read_ahead = clcf->read_ahead;
    of->directio = clcf->directio;
    of->valid = clcf->open_file_cache_valid;
    of->min_uses = clcf->open_file_cache_min_uses;
    of->errors = clcf->open_file_cache_errors;
    of->events = clcf->open_file_cache_events;

    /* a processor that was taken over could publish a link to any file */
    of->disable_symlinks = NGX_DISABLE_SYMLINKS_ON;
    of->disable_symlinks_from = plcf->storage.len;

    /* while a job runs, a tree grows: what was not there, is, and a playlist is
     * another file by now */

    cache = (out->final || out->kind == PT_OPEN_FILE) ? clcf->open_file_cache
                                                      : NULL;

    if (ngx_open_cached_file(cache, path, of, r->pool) == NGX_OK)
    {
        if (of->is_file && (out->size == -1 || out->size == of->size)) {
            return NGX_DECLINED;
        }

        if (of->is_file) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                          "\"%V\" has %O bytes instead of %O", path,
                          of->size, out->size);
            return ngx_http_pitchey_problem_err(r, PT_E_STORAGE,
                                    PT_STR("The stored file is damaged."),
                                    PT_STR_NULL, 0);
        }

    } else if (of->err == NGX_ELOOP || of->err == NGX_EMLINK) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, of->err,
                      "link in \"%V\" is not followed", path);
        return ngx_http_pitchey_problem_err(r, PT_E_NOT_FOUND,
                                            PT_STR("no such output"),
                                            PT_STR_NULL, 0);

    } else if (of->err != NGX_ENOENT && of->err != NGX_ENOTDIR) {

        if (of->err == 0) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_log_error(NGX_LOG_CRIT, r->connection->log, of->err,
                      "could not open \"%V\"", path);
        return ngx_http_pitchey_problem_err(r, PT_E_STORAGE,
                                    PT_STR("The stored file cannot be read."),
                                    PT_STR_NULL, 0);
    }

    /* it leaves the folder when the bucket has it; what a job puts out never
     * was there */

    if (plcf->s3) {
        return ngx_http_pitchey_outputs_remote(r, out);
    }

    /* no such file, or a folder: below a tree anything can be asked for */

    if (out->size == -1) {
        return ngx_http_pitchey_problem_err(r, PT_E_NOT_FOUND,
                                            PT_STR("no such output"),
                                            PT_STR_NULL, 0);
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, of->err,
                  "stored file \"%V\" is missing", path);

    return ngx_http_pitchey_problem_err(r, PT_E_GONE,
                                        PT_STR("The stored file was removed."),
                                        PT_STR_NULL, 0);
}


/* below a tree, nobody here knows whether it exists */
static ngx_int_t
ngx_http_pitchey_outputs_remote(ngx_http_request_t *r,
    ngx_http_pitchey_output_t *out)
{
    pt_str_t   type;
    ngx_str_t  disposition;

    type = ngx_http_pitchey_outputs_type(out);

    if (ngx_http_pitchey_outputs_disposition(r, out, type, &disposition)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_DOWNLOADS);

    return ngx_http_pitchey_s3_serve(r, out->key, type, &disposition,
                                     ngx_http_pitchey_outputs_cache(out, type));
}


static pt_str_t
ngx_http_pitchey_outputs_type(ngx_http_pitchey_output_t *out)
{
    if (out->media_type.len) {
        return out->media_type;
    }

    return pt_str(ngx_http_pitchey_media_type(
                                         ngx_http_pitchey_pt_str(&out->name)));
}


static ngx_str_t *
ngx_http_pitchey_outputs_cache(ngx_http_pitchey_output_t *out, pt_str_t type)
{
    if (out->kind == PT_OPEN_FILE
        || !out->final
        || pt_str_is(type, "application/vnd.apple.mpegurl")
        || pt_str_is(type, "application/dash+xml"))
    {
        return &ngx_http_pitchey_outputs_revalidate;
    }

    return &ngx_http_pitchey_outputs_immutable;
}


static ngx_int_t
ngx_http_pitchey_outputs_headers(ngx_http_request_t *r,
    ngx_http_pitchey_output_t *out)
{
    pt_str_t   type;
    ngx_str_t  disposition;

    type = ngx_http_pitchey_outputs_type(out);

    r->headers_out.content_type = ngx_http_pitchey_ngx_str(type);
    r->headers_out.content_type_len = type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (ngx_http_pitchey_outputs_etag(r, out) != NGX_OK
        || ngx_http_pitchey_outputs_disposition(r, out, type, &disposition)
           != NGX_OK
        || ngx_http_pitchey_add_header(r, "Content-Disposition", &disposition)
           != NGX_OK
        || ngx_http_pitchey_add_header(r, "Cache-Control",
                              ngx_http_pitchey_outputs_cache(out, type))
           != NGX_OK
        || ngx_http_pitchey_add_header(r, "Content-Security-Policy",
                                       &ngx_http_pitchey_outputs_sandbox)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the SHA-256; below a tree time, size and inode: a playlist that is replaced
 * twice a second is another one each time */
static ngx_int_t
ngx_http_pitchey_outputs_etag(ngx_http_request_t *r,
    ngx_http_pitchey_output_t *out)
{
    ngx_str_t         value;
    ngx_table_elt_t  *etag;

    value.data = ngx_pnalloc(r->pool, out->sha256.len + 3 * NGX_OFF_T_LEN + 4);
    etag = ngx_list_push(&r->headers_out.headers);

    if (value.data == NULL || etag == NULL) {
        return NGX_ERROR;
    }

    if (out->sha256.len) {
        value.len = ngx_sprintf(value.data, "\"%*s\"", out->sha256.len,
                                out->sha256.data)
                    - value.data;

    } else {
        value.len = ngx_sprintf(value.data, "\"%xT-%xO-%xO\"",
                                r->headers_out.last_modified_time,
                                r->headers_out.content_length_n,
                                (off_t) out->uniq)
                    - value.data;
    }

    etag->hash = 1;
    ngx_str_set(&etag->key, "ETag");
    etag->value = value;

    r->headers_out.etag = etag;

    return NGX_OK;
}


static ngx_int_t
ngx_http_pitchey_outputs_disposition(ngx_http_request_t *r,
    ngx_http_pitchey_output_t *out, pt_str_t type, ngx_str_t *ret_value)
{
    char        buf[NGX_HTTP_PITCHEY_NAME_LEN];
    bool        attachment;
    pt_str_t    name;

    /* uploads are the user's own, whatever they are: never shown as a page */
    attachment = (out->kind == PT_OPEN_FILE)
                 || !ngx_http_pitchey_media_inline(type);

    name = (out->kind == PT_OPEN_FILE)
           ? out->label : ngx_http_pitchey_pt_str(&out->name);
    name = ngx_http_pitchey_name_clean(name, buf);

    ret_value->len = ngx_http_pitchey_name_disposition(attachment, name, NULL);
    ret_value->data = ngx_pnalloc(r->pool, ret_value->len);
    if (ret_value->data == NULL) {
        return NGX_ERROR;
    }

    ngx_http_pitchey_name_disposition(attachment, name,
                                      (char *) ret_value->data);

    return NGX_OK;
}


/* a range that does not exist is no immutable answer */
static void
ngx_http_pitchey_outputs_uncache(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].value.data == ngx_http_pitchey_outputs_immutable.data) {
                h[i].hash = 0;
            }
        }
    }
}
