/*
 * tus 1.0.0.  A request asks a thread for the upload (its lock, its record),
 * then receives, if there is a body, and answers:
 *
 *     POST     create -> [receive -> save -> [finish -> FILE_ADD -> done]]
 *     PATCH    open   ->  receive -> save -> [finish -> FILE_ADD -> done]
 *     HEAD     open   -> [finish -> FILE_ADD -> done]
 *     DELETE   open and remove
 *
 * A HEAD finds an upload complete that is no file when a worker died between,
 * or FILE_ADD had no answer: it goes on there, since no PATCH will come.
 */

#include "ngx_http_pitchey_tus.h"
#include "ngx_http_pitchey_files.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_name.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_tushead.h"
#include "ngx_http_pitchey_upload.h"


/* ms between two looks for uploads that have expired, at most */
#define NGX_HTTP_PITCHEY_TUS_SWEEP  600000


typedef struct {
    ngx_uint_t                      method;
    int64_t                         offset;     /* Upload-Offset of a PATCH */
    unsigned                        body:1;
    unsigned                        looked:1;   /* at the first bytes */
} ngx_http_pitchey_tus_t;


static ngx_int_t ngx_http_pitchey_tus_check(ngx_http_request_t *r);
static ngx_uint_t ngx_http_pitchey_tus_has_body(ngx_http_request_t *r);
static ngx_uint_t ngx_http_pitchey_tus_is_octets(ngx_http_request_t *r);
static ngx_int_t ngx_http_pitchey_tus_header(ngx_http_request_t *r,
    const char *name, int64_t *ret_number);
static ngx_http_pitchey_upload_t *ngx_http_pitchey_tus_new(
    ngx_http_request_t *r, const pt_id_t *id, ngx_uint_t method);
static ngx_int_t ngx_http_pitchey_tus_post(ngx_http_pitchey_upload_t *up,
    void (*work)(ngx_http_pitchey_store_t *st),
    ngx_http_pitchey_upload_pt next);
static ngx_uint_t ngx_http_pitchey_tus_method(ngx_http_request_t *r);

static void ngx_http_pitchey_tus_created(ngx_http_pitchey_upload_t *up);
static ngx_int_t ngx_http_pitchey_tus_patch(ngx_http_request_t *r,
    const pt_id_t *id);
static void ngx_http_pitchey_tus_opened(ngx_http_pitchey_upload_t *up);
static ngx_int_t ngx_http_pitchey_tus_refuse(ngx_http_pitchey_upload_t *up);
static void ngx_http_pitchey_tus_looked(ngx_http_pitchey_upload_t *up);
static void ngx_http_pitchey_tus_deleted(ngx_http_pitchey_upload_t *up);

static void ngx_http_pitchey_tus_receive(ngx_http_pitchey_upload_t *up);
static ngx_int_t ngx_http_pitchey_tus_take(ngx_http_pitchey_upload_t *up,
    u_char **pos, u_char *last);
static void ngx_http_pitchey_tus_over(ngx_http_pitchey_upload_t *up);
static void ngx_http_pitchey_tus_saved(ngx_http_pitchey_upload_t *up);
static void ngx_http_pitchey_tus_finish(ngx_http_pitchey_upload_t *up);
static void ngx_http_pitchey_tus_finished(ngx_http_pitchey_upload_t *up);
static ngx_int_t ngx_http_pitchey_tus_added(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_tus_answer(ngx_http_pitchey_upload_t *up);
static ngx_int_t ngx_http_pitchey_tus_headers(ngx_http_request_t *r,
    ngx_http_pitchey_upload_t *up);
static ngx_int_t ngx_http_pitchey_tus_number(ngx_http_request_t *r,
    const char *name, int64_t number);
static pt_str_t ngx_http_pitchey_tus_meta(ngx_http_pitchey_upload_t *up,
    const char *key, const char *other);

static void ngx_http_pitchey_tus_sweep(ngx_event_t *ev);
static void ngx_http_pitchey_tus_sweeping(void *data, ngx_log_t *log);
static void ngx_http_pitchey_tus_swept(ngx_event_t *ev);


static ngx_str_t  ngx_http_pitchey_tus_version = ngx_string("1.0.0");
static ngx_str_t  ngx_http_pitchey_tus_no_store = ngx_string("no-store");


/* of the worker that sweeps */
static struct {
    ngx_event_t          timer;
    ngx_thread_task_t    task;
    ngx_array_t         *storages;
    ngx_msec_t           interval;
} ngx_http_pitchey_tus_sweeper;


/* discovery: for anyone */
ngx_int_t
ngx_http_pitchey_tus_options(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_http_pitchey_loc_conf_t  *plcf;

    static ngx_str_t  extensions = ngx_string("creation,creation-with-upload,"
                                              "termination,expiration");

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (ngx_http_pitchey_add_header(r, "Tus-Resumable",
                                    &ngx_http_pitchey_tus_version) != NGX_OK
        || ngx_http_pitchey_add_header(r, "Tus-Version",
                                       &ngx_http_pitchey_tus_version) != NGX_OK
        || ngx_http_pitchey_add_header(r, "Tus-Extension", &extensions)
           != NGX_OK
        || ngx_http_pitchey_tus_number(r, "Tus-Max-Size", plcf->upload_max)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


ngx_int_t
ngx_http_pitchey_tus_create(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    int64_t                       length;
    pt_str_t                      metadata;
    ngx_int_t                     rc;
    ngx_str_t                    *header;
    ngx_http_pitchey_upload_t    *up;
    ngx_http_pitchey_record_t    *rec;
    ngx_http_pitchey_loc_conf_t  *plcf;

    rc = ngx_http_pitchey_tus_check(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_http_pitchey_tus_header(r, "upload-length", &length) != NGX_OK) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST,
                   "bad_upload_length",
                   "Upload-Length is the number of bytes that will come; it "
                   "cannot be deferred.");
    }

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (length == 0) {
        return ngx_http_pitchey_problem(r, 422, "empty_file",
                                        "The file has no bytes.");
    }

    if (length > plcf->upload_max) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                   "too_large", "A file has at most %O bytes.",
                   plcf->upload_max);
    }

    header = ngx_http_pitchey_route_header(r, "upload-metadata");
    metadata = header ? ngx_http_pitchey_pt_str(header) : PT_STR("");

    if (metadata.len > NGX_HTTP_PITCHEY_METADATA_MAX
        || !ngx_http_pitchey_tus_metadata_is_good(metadata))
    {
        return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST,
                   "bad_upload_metadata",
                   "Upload-Metadata is pairs of a key and a value in base64, "
                   "%d bytes at most.", NGX_HTTP_PITCHEY_METADATA_MAX);
    }

    up = ngx_http_pitchey_tus_new(r, NULL, NGX_HTTP_POST);
    if (up == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rec = up->store.record;
    rec->length = length;
    rec->metadata_len = (uint32_t) metadata.len;
    ngx_memcpy(rec->metadata, metadata.data, metadata.len);

    return ngx_http_pitchey_tus_post(up, ngx_http_pitchey_store_part_create,
                                     ngx_http_pitchey_tus_created);
}


/* what every request but OPTIONS needs; NGX_DECLINED: it has it */
static ngx_int_t
ngx_http_pitchey_tus_check(ngx_http_request_t *r)
{
    ngx_int_t   rc;
    ngx_str_t  *version;

    if (ngx_http_pitchey_add_header(r, "Tus-Resumable",
                                    &ngx_http_pitchey_tus_version) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    version = ngx_http_pitchey_route_header(r, "tus-resumable");

    if (r->method != NGX_HTTP_GET
        && (version == NULL
            || version->len != ngx_http_pitchey_tus_version.len
            || ngx_strncmp(version->data, ngx_http_pitchey_tus_version.data,
                           version->len) != 0))
    {
        if (ngx_http_pitchey_add_header(r, "Tus-Version",
                                       &ngx_http_pitchey_tus_version)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_pitchey_problem(r, NGX_HTTP_PRECONDITION_FAILED,
                   "tus_version", "Tus-Resumable is 1.0.0.");
    }

    rc = ngx_http_pitchey_files_storage(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    if ((r->method & (NGX_HTTP_POST|NGX_HTTP_PATCH))
        && ngx_http_pitchey_tus_has_body(r)
        && !ngx_http_pitchey_tus_is_octets(r))
    {
        return ngx_http_pitchey_problem(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                   "unsupported_media_type",
                   "The body is application/offset+octet-stream.");
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_pitchey_tus_has_body(ngx_http_request_t *r)
{
    return r->headers_in.content_length_n > 0 || r->headers_in.chunked;
}


static ngx_uint_t
ngx_http_pitchey_tus_is_octets(ngx_http_request_t *r)
{
    ngx_table_elt_t   *type;
    static ngx_str_t   octets = ngx_string("application/offset+octet-stream");

    type = r->headers_in.content_type;

    return type && type->value.len == octets.len
           && ngx_strncasecmp(type->value.data, octets.data, octets.len) == 0;
}


/* NGX_DECLINED: there is none, or it is no number */
static ngx_int_t
ngx_http_pitchey_tus_header(ngx_http_request_t *r, const char *name,
    int64_t *ret_number)
{
    ngx_str_t  *header;

    header = ngx_http_pitchey_route_header(r, name);

    return header
           && ngx_http_pitchey_tus_number_parse(ngx_http_pitchey_pt_str(header),
                                                ret_number)
           ? NGX_OK : NGX_DECLINED;
}


static ngx_http_pitchey_upload_t *
ngx_http_pitchey_tus_new(ngx_http_request_t *r, const pt_id_t *id,
    ngx_uint_t method)
{
    ngx_http_pitchey_ctx_t       *ctx;
    ngx_http_pitchey_tus_t       *tus;
    ngx_http_pitchey_upload_t    *up;
    ngx_http_pitchey_loc_conf_t  *plcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    up = ngx_http_pitchey_upload_new(r, id);
    if (up == NULL) {
        return NULL;
    }

    tus = ngx_pcalloc(up->pool, sizeof(ngx_http_pitchey_tus_t));

    if (tus == NULL
        || ngx_http_pitchey_store_init_part(&up->store, up->pool,
                                            &plcf->storage, &up->id,
                                            &ctx->user.id)
           != NGX_OK)
    {
        return NULL;
    }

    tus->method = method;
    tus->body = ngx_http_pitchey_tus_has_body(r);

    up->store.lifetime = plcf->upload_expires;
    up->store.leave = !(tus->body
                        && (method & (NGX_HTTP_POST|NGX_HTTP_PATCH)));

    up->data = tus;
    up->take = ngx_http_pitchey_tus_take;
    up->over = ngx_http_pitchey_tus_over;
    up->added = ngx_http_pitchey_tus_added;

    return up;
}


/* a handler's end: the request waits for a thread */
static ngx_int_t
ngx_http_pitchey_tus_post(ngx_http_pitchey_upload_t *up,
    void (*work)(ngx_http_pitchey_store_t *st),
    ngx_http_pitchey_upload_pt next)
{
    ngx_http_request_t  *r;

    r = up->request;

    r->main->count++;
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    (void) ngx_http_pitchey_upload_post(up, work, next);

    return NGX_DONE;
}


static void
ngx_http_pitchey_tus_created(ngx_http_pitchey_upload_t *up)
{
    ngx_http_pitchey_tus_t  *tus;

    tus = up->data;

    if (up->store.status == NGX_HTTP_PITCHEY_PART_TOO_MANY) {
        (void) ngx_http_pitchey_upload_fail(up,
                   ngx_http_pitchey_problem(up->request,
                       NGX_HTTP_TOO_MANY_REQUESTS, "too_many_uploads",
                       "You have %d uploads that are not complete: finish or "
                       "delete some.", NGX_HTTP_PITCHEY_PARTS_MAX));
        return;
    }

    if (tus->body) {
        ngx_http_pitchey_tus_receive(up);

    } else {
        ngx_http_pitchey_tus_answer(up);
    }
}


ngx_int_t
ngx_http_pitchey_tus_upload(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_int_t                   rc;
    ngx_http_pitchey_upload_t  *up;

    rc = ngx_http_pitchey_tus_check(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    switch (ngx_http_pitchey_tus_method(r)) {

    case NGX_HTTP_PATCH:
        return ngx_http_pitchey_tus_patch(r, &match->id);

    case NGX_HTTP_HEAD:
        up = ngx_http_pitchey_tus_new(r, &match->id, NGX_HTTP_HEAD);
        if (up == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_pitchey_tus_post(up, ngx_http_pitchey_store_part_open,
                                         ngx_http_pitchey_tus_looked);

    case NGX_HTTP_DELETE:
        up = ngx_http_pitchey_tus_new(r, &match->id, NGX_HTTP_DELETE);
        if (up == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_pitchey_tus_post(up,
                                         ngx_http_pitchey_store_part_delete,
                                         ngx_http_pitchey_tus_deleted);

    default:
        return ngx_http_pitchey_problem(r, NGX_HTTP_NOT_ALLOWED,
                   "method_not_allowed", "An upload has HEAD, PATCH and "
                   "DELETE, or POST with X-HTTP-Method-Override.");
    }
}


/* some clients can send POST alone; GET is told what HEAD is */
static ngx_uint_t
ngx_http_pitchey_tus_method(ngx_http_request_t *r)
{
    ngx_str_t   *override;
    ngx_uint_t   i;

    static const struct {
        ngx_str_t    name;
        ngx_uint_t   method;
    } methods[] = {
        { ngx_string("PATCH"), NGX_HTTP_PATCH },
        { ngx_string("DELETE"), NGX_HTTP_DELETE },
        { ngx_string("HEAD"), NGX_HTTP_HEAD }
    };

    if (r->method != NGX_HTTP_POST) {
        return r->method == NGX_HTTP_GET ? NGX_HTTP_HEAD : r->method;
    }

    override = ngx_http_pitchey_route_header(r, "x-http-method-override");

    for (i = 0; override && i < 3; i++) {
        if (override->len == methods[i].name.len
            && ngx_strncmp(override->data, methods[i].name.data,
                           override->len) == 0)
        {
            return methods[i].method;
        }
    }

    return NGX_HTTP_POST;
}


static ngx_int_t
ngx_http_pitchey_tus_patch(ngx_http_request_t *r, const pt_id_t *id)
{
    int64_t                     offset;
    ngx_http_pitchey_tus_t     *tus;
    ngx_http_pitchey_upload_t  *up;

    if (!ngx_http_pitchey_tus_is_octets(r)) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                   "unsupported_media_type",
                   "The body is application/offset+octet-stream.");
    }

    if (ngx_http_pitchey_tus_header(r, "upload-offset", &offset) != NGX_OK) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST,
                   "bad_upload_offset",
                   "Upload-Offset is the number of bytes that are there.");
    }

    up = ngx_http_pitchey_tus_new(r, id, NGX_HTTP_PATCH);
    if (up == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    tus = up->data;
    tus->offset = offset;

    return ngx_http_pitchey_tus_post(up, ngx_http_pitchey_store_part_open,
                                     ngx_http_pitchey_tus_opened);
}


/* of a PATCH */
static void
ngx_http_pitchey_tus_opened(ngx_http_pitchey_upload_t *up)
{
    ngx_int_t                   rc;
    ngx_http_request_t         *r;
    ngx_http_pitchey_tus_t     *tus;
    ngx_http_pitchey_record_t  *rec;

    r = up->request;
    tus = up->data;
    rec = up->store.record;

    rc = ngx_http_pitchey_tus_refuse(up);

    if (rc == NGX_DECLINED
        && up->store.status == NGX_HTTP_PITCHEY_PART_LOCKED)
    {
        rc = ngx_http_pitchey_problem(r, 423, "upload_locked",
                                      "Another request writes this upload.");

    } else if (rc == NGX_DECLINED && tus->offset != rec->offset) {
        rc = ngx_http_pitchey_problem(r, NGX_HTTP_CONFLICT, "offset_conflict",
                                      "%L bytes are there.", rec->offset);

    } else if (rc == NGX_DECLINED
               && r->headers_in.content_length_n > rec->length - rec->offset)
    {
        rc = ngx_http_pitchey_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                      "too_large",
                                      "%L bytes are there of %L.",
                                      rec->offset, rec->length);
    }

    if (rc != NGX_DECLINED) {
        ngx_http_pitchey_store_part_unlock(&up->store);
        (void) ngx_http_pitchey_upload_fail(up, rc);

    } else if (up->store.fd == -1) {
        /* a file already, or nothing is sent */
        ngx_http_pitchey_tus_answer(up);

    } else if (tus->body) {
        ngx_http_pitchey_tus_receive(up);

    } else {
        ngx_http_pitchey_tus_finish(up);
    }
}


/* there is no such upload; NGX_DECLINED: there is one */
static ngx_int_t
ngx_http_pitchey_tus_refuse(ngx_http_pitchey_upload_t *up)
{
    switch (up->store.status) {

    case NGX_HTTP_PITCHEY_PART_NONE:
        return ngx_http_pitchey_problem_err(up->request, PT_E_NOT_FOUND,
                                            PT_STR("no such upload"),
                                            PT_STR_NULL, 0);

    case NGX_HTTP_PITCHEY_PART_EXPIRED:
        return ngx_http_pitchey_problem_err(up->request, PT_E_GONE,
                                            PT_STR("the upload has expired"),
                                            PT_STR_NULL, 0);

    default:
        return NGX_DECLINED;
    }
}


/* of a HEAD */
static void
ngx_http_pitchey_tus_looked(ngx_http_pitchey_upload_t *up)
{
    ngx_int_t  rc;

    rc = ngx_http_pitchey_tus_refuse(up);

    if (rc != NGX_DECLINED) {
        (void) ngx_http_pitchey_upload_fail(up, rc);

    } else if (up->store.fd != -1) {
        ngx_http_pitchey_tus_finish(up);

    } else {
        ngx_http_pitchey_tus_answer(up);
    }
}


static void
ngx_http_pitchey_tus_deleted(ngx_http_pitchey_upload_t *up)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = up->request;

    rc = ngx_http_pitchey_tus_refuse(up);

    if (rc == NGX_DECLINED
        && up->store.status == NGX_HTTP_PITCHEY_PART_LOCKED)
    {
        rc = ngx_http_pitchey_problem(r, 423, "upload_locked",
                                      "Another request writes this upload.");
    }

    if (rc == NGX_DECLINED) {
        r->headers_out.status = NGX_HTTP_NO_CONTENT;
        r->header_only = 1;
        rc = ngx_http_send_header(r);
    }

    (void) ngx_http_pitchey_upload_fail(up, rc);
}


/* the body's own count keeps the request; the thread's is given back */
static void
ngx_http_pitchey_tus_receive(ngx_http_pitchey_upload_t *up)
{
    ngx_http_request_t  *r;

    r = up->request;

    up->size = up->store.written;
    up->max = up->store.record->length;

    ngx_http_finalize_request(r, ngx_http_pitchey_upload_receive(up));
}


/* the first bytes may tell at once what the end would */
static ngx_int_t
ngx_http_pitchey_tus_take(ngx_http_pitchey_upload_t *up, u_char **pos,
    u_char *last)
{
    ngx_int_t                       rc;
    ngx_http_pitchey_tus_t         *tus;
    ngx_http_pitchey_upload_buf_t  *buf;

    tus = up->data;

    rc = ngx_http_pitchey_upload_copy(up, pos, last);

    if (rc != NGX_OK || tus->looked || up->store.record->offset > 0
        || up->size < NGX_HTTP_PITCHEY_SNIFF_LEN)
    {
        return rc;
    }

    tus->looked = 1;

    buf = &up->bufs[up->filling];

    if ((off_t) buf->len != up->size) {
        return NGX_OK;
    }

    up->declared = ngx_http_pitchey_tus_meta(up, "filetype", "type");

    rc = ngx_http_pitchey_upload_sniff(up, buf->data, buf->len, 0);

    if (rc != NGX_DECLINED) {
        up->store.remove = 1;
        return ngx_http_pitchey_upload_fail(up, rc);
    }

    return NGX_OK;
}


static void
ngx_http_pitchey_tus_over(ngx_http_pitchey_upload_t *up)
{
    up->store.leave = 1;

    (void) ngx_http_pitchey_upload_post(up, ngx_http_pitchey_store_part_save,
                                        ngx_http_pitchey_tus_saved);
}


static void
ngx_http_pitchey_tus_saved(ngx_http_pitchey_upload_t *up)
{
    if (up->store.fd != -1) {
        ngx_http_pitchey_tus_finish(up);

    } else {
        ngx_http_pitchey_tus_answer(up);
    }
}


static void
ngx_http_pitchey_tus_finish(ngx_http_pitchey_upload_t *up)
{
    (void) ngx_http_pitchey_upload_post(up, ngx_http_pitchey_store_finish,
                                        ngx_http_pitchey_tus_finished);
}


static void
ngx_http_pitchey_tus_finished(ngx_http_pitchey_upload_t *up)
{
    char                *buf;
    pt_str_t             name;
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = up->request;

    up->declared = ngx_http_pitchey_tus_meta(up, "filetype", "type");

    rc = ngx_http_pitchey_upload_sniff(up, up->store.head, up->store.head_len,
                                       (off_t) up->store.head_len
                                       == up->store.written);
    if (rc != NGX_DECLINED) {
        up->store.remove = 1;
        (void) ngx_http_pitchey_upload_fail(up, rc);
        return;
    }

    name = ngx_http_pitchey_tus_meta(up, "filename", "name");

    buf = ngx_pnalloc(up->pool, NGX_HTTP_PITCHEY_NAME_LEN);
    if (buf == NULL) {
        (void) ngx_http_pitchey_upload_fail(up,
                                            NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    up->name = ngx_http_pitchey_name_clean(name.data ? name : PT_STR(""), buf);

    /* up may be gone by its return */

    ngx_http_finalize_request(r, ngx_http_pitchey_upload_add(up));
}


static ngx_int_t
ngx_http_pitchey_tus_added(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_int_t                   rc;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_upload_t  *up;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    up = ctx->data;

    rc = ngx_http_pitchey_upload_added(up, reply);

    if (rc != NGX_DECLINED) {
        ngx_http_pitchey_upload_drop(up);
        return rc;
    }

    return ngx_http_pitchey_tus_post(up, ngx_http_pitchey_store_part_done,
                                     ngx_http_pitchey_tus_answer);
}


/* how far it is */
static void
ngx_http_pitchey_tus_answer(ngx_http_pitchey_upload_t *up)
{
    ngx_int_t                rc;
    ngx_http_request_t      *r;
    ngx_http_pitchey_tus_t  *tus;

    r = up->request;
    tus = up->data;

    if (ngx_http_pitchey_tus_headers(r, up) != NGX_OK) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else {
        r->headers_out.status = (tus->method == NGX_HTTP_POST)
                                ? NGX_HTTP_CREATED
                                : (tus->method == NGX_HTTP_HEAD)
                                  ? NGX_HTTP_OK : NGX_HTTP_NO_CONTENT;
        r->headers_out.content_length_n = 0;
        r->header_only = 1;

        rc = ngx_http_send_header(r);
    }

    (void) ngx_http_pitchey_upload_fail(up, rc);
}


static ngx_int_t
ngx_http_pitchey_tus_headers(ngx_http_request_t *r,
    ngx_http_pitchey_upload_t *up)
{
    char                        text[PT_ID_TEXT_LEN];
    ngx_str_t                   value, uri;
    ngx_http_pitchey_tus_t     *tus;
    ngx_http_pitchey_record_t  *rec;

    tus = up->data;
    rec = up->store.record;

    pt_id_format(&up->id, text);

    if (ngx_http_pitchey_tus_number(r, "Upload-Offset", rec->offset) != NGX_OK
        || ngx_http_pitchey_add_header(r, "Cache-Control",
                                       &ngx_http_pitchey_tus_no_store)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    value.data = ngx_pnalloc(r->pool, sizeof("Mon, 28 Sep 1970 06:00:00 GMT"));
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_http_time(value.data, (time_t) rec->expires) - value.data;

    if (ngx_http_pitchey_add_header(r, "Upload-Expires", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rec->done) {
        value.len = PT_ID_TEXT_LEN;
        value.data = ngx_pnalloc(r->pool, value.len);
        if (value.data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(value.data, text, value.len);

        if (ngx_http_pitchey_route_uri(r, "/files/",
                                       (pt_str_t) { text, PT_ID_TEXT_LEN },
                                       &uri)
            != NGX_OK
            || ngx_http_pitchey_add_header(r, "Pitchey-File-Id", &value)
               != NGX_OK
            || ngx_http_pitchey_add_header(r, "Content-Location", &uri)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (tus->method == NGX_HTTP_POST) {
        if (ngx_http_pitchey_route_uri(r, "/files/tus/",
                                       (pt_str_t) { text, PT_ID_TEXT_LEN },
                                       &uri)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ngx_http_pitchey_add_header(r, "Location", &uri);
    }

    if (tus->method != NGX_HTTP_HEAD) {
        return NGX_OK;
    }

    if (ngx_http_pitchey_tus_number(r, "Upload-Length", rec->length)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (rec->metadata_len == 0) {
        return NGX_OK;
    }

    value.len = rec->metadata_len;
    value.data = ngx_pnalloc(r->pool, value.len);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(value.data, rec->metadata, value.len);

    return ngx_http_pitchey_add_header(r, "Upload-Metadata", &value);
}


static ngx_int_t
ngx_http_pitchey_tus_number(ngx_http_request_t *r, const char *name,
    int64_t number)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%L", number) - value.data;

    return ngx_http_pitchey_add_header(r, name, &value);
}


/* what the client said of the file, by one of two names; absent: nothing */
static pt_str_t
ngx_http_pitchey_tus_meta(ngx_http_pitchey_upload_t *up, const char *key,
    const char *other)
{
    char      *buf;
    pt_str_t   header, value;

    header.data = up->store.record->metadata;
    header.len = up->store.record->metadata_len;

    buf = ngx_pnalloc(up->pool, header.len + 1);

    if (buf != NULL
        && (ngx_http_pitchey_tus_metadata(header, key, buf, &value)
            || ngx_http_pitchey_tus_metadata(header, other, buf, &value)))
    {
        return value;
    }

    return PT_STR_NULL;
}


ngx_int_t
ngx_http_pitchey_tus_init(ngx_cycle_t *cycle,
    ngx_http_pitchey_main_conf_t *pmcf)
{
    ngx_event_t  *ev;

    if (pmcf->storages == NULL
        || (ngx_process == NGX_PROCESS_WORKER && ngx_worker != 0))
    {
        return NGX_OK;
    }

    ngx_memzero(&ngx_http_pitchey_tus_sweeper,
                sizeof(ngx_http_pitchey_tus_sweeper));

    ngx_http_pitchey_tus_sweeper.storages = pmcf->storages;
    ngx_http_pitchey_tus_sweeper.interval =
        ngx_min((ngx_msec_t) pmcf->upload_expires * 1000 / 2,
                NGX_HTTP_PITCHEY_TUS_SWEEP);

    ev = &ngx_http_pitchey_tus_sweeper.task.event;
    ev->log = cycle->log;
    ev->handler = ngx_http_pitchey_tus_swept;
    ngx_http_pitchey_tus_sweeper.task.handler = ngx_http_pitchey_tus_sweeping;

    ev = &ngx_http_pitchey_tus_sweeper.timer;
    ev->log = cycle->log;
    ev->data = &ngx_http_pitchey_tus_sweeper;
    ev->handler = ngx_http_pitchey_tus_sweep;
    ev->cancelable = 1;

    ngx_add_timer(ev, ngx_http_pitchey_tus_sweeper.interval);

    return NGX_OK;
}


static void
ngx_http_pitchey_tus_sweep(ngx_event_t *ev)
{
    ngx_thread_pool_t  *threads;
    static ngx_str_t    name = ngx_string("default");

    threads = ngx_thread_pool_get((ngx_cycle_t *) ngx_cycle, &name);

    if (threads == NULL
        || ngx_thread_task_post(threads, &ngx_http_pitchey_tus_sweeper.task)
           != NGX_OK)
    {
        ngx_http_pitchey_tus_swept(ev);
    }
}


/* in a thread */
static void
ngx_http_pitchey_tus_sweeping(void *data, ngx_log_t *log)
{
    ngx_str_t   *storages;
    ngx_uint_t   i;

    storages = ngx_http_pitchey_tus_sweeper.storages->elts;

    for (i = 0; i < ngx_http_pitchey_tus_sweeper.storages->nelts; i++) {
        ngx_http_pitchey_store_sweep(&storages[i], log);
    }
}


static void
ngx_http_pitchey_tus_swept(ngx_event_t *ev)
{
    if (!ngx_exiting) {
        ngx_add_timer(&ngx_http_pitchey_tus_sweeper.timer,
                      ngx_http_pitchey_tus_sweeper.interval);
    }
}
