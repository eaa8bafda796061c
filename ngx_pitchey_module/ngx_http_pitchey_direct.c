/* Uploads to the bucket itself. */

#include "ngx_http_pitchey_direct.h"

#include <openssl/rand.h>

#include "ngx_http_pitchey_args.h"
#include "ngx_http_pitchey_files.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_name.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_ask.h"
#include "ngx_http_pitchey_s3.h"
#include "ngx_http_pitchey_sniff.h"
#include "pt_json.h"


#define NGX_HTTP_PITCHEY_DIRECT_TEXT_MAX  16384
#define NGX_HTTP_PITCHEY_DIRECT_TYPE_MAX  127

/* of FILE_FETCH's answer: its size, its SHA-256, its beginning */
#define NGX_HTTP_PITCHEY_DIRECT_HEAD      (8 + 32)


/* what a URL's arguments say of a file */
typedef struct {
    pt_id_t    id;
    uint64_t   size;
    pt_str_t   name;
    pt_str_t   type;                   /* declared; absent: none */
} ngx_http_pitchey_direct_t;


/* NGX_OK, or what to return */
static ngx_int_t ngx_http_pitchey_direct_args(ngx_http_request_t *r,
    ngx_http_pitchey_direct_t *d);
static ngx_uint_t ngx_http_pitchey_direct_size(pt_str_t value,
    uint64_t *ret_size);
static ngx_int_t ngx_http_pitchey_direct_sign(ngx_http_request_t *r,
    ngx_http_pitchey_direct_t *d, pt_buf_t *url);
static ngx_int_t ngx_http_pitchey_direct_send(ngx_http_request_t *r,
    ngx_http_pitchey_direct_t *d, const pt_buf_t *url);
static void ngx_http_pitchey_direct_escape(pt_buf_t *to, pt_str_t text);
static ngx_int_t ngx_http_pitchey_direct_known(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_direct_fetched(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);
static ngx_int_t ngx_http_pitchey_direct_added(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);


ngx_uint_t
ngx_http_pitchey_direct_preferred(ngx_http_request_t *r)
{
    u_char                       *p, *last, *start;
    ngx_str_t                    *prefer;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);
    prefer = ngx_http_pitchey_route_header(r, "prefer");

    if (prefer == NULL || plcf->s3 == NULL) {
        return 0;
    }

    p = prefer->data;
    last = p + prefer->len;

    while (p < last) {
        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        start = p;

        while (p < last && *p != ',' && *p != ' ' && *p != '\t') {
            p++;
        }

        if (p - start == 6
            && ngx_strncasecmp(start, (u_char *) "direct", 6) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_pitchey_direct_begin(ngx_http_request_t *r)
{
    uint8_t                     random[10];
    pt_buf_t                    url;
    ngx_int_t                   rc;
    ngx_time_t                 *tp;
    const pt_mem_t             *mem;
    ngx_http_pitchey_direct_t   d;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_pitchey_direct_args(r, &d);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    mem = ngx_http_pitchey_mem(r->pool);

    if (mem == NULL || RAND_bytes(random, sizeof(random)) != 1) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    tp = ngx_timeofday();
    d.id = pt_id_make((uint64_t) tp->sec * 1000 + tp->msec, random);

    pt_buf_init(&url, mem, NGX_HTTP_PITCHEY_DIRECT_TEXT_MAX);

    if (ngx_http_pitchey_direct_sign(r, &d, &url) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_direct_send(r, &d, &url);
}


/* NGX_DECLINED: they are good; else a problem was sent */
static ngx_int_t
ngx_http_pitchey_direct_args(ngx_http_request_t *r,
    ngx_http_pitchey_direct_t *d)
{
    char                         *buf, *clean;
    pt_str_t                      args, value;
    ngx_http_pitchey_loc_conf_t  *plcf;

    static const char *const  names[] = { "name", "size", "type", NULL };

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);
    args = ngx_http_pitchey_pt_str(&r->args);

    ngx_memzero(d, sizeof(ngx_http_pitchey_direct_t));

    d->name = PT_STR("");
    buf = ngx_pnalloc(r->pool, 3 * args.len + NGX_HTTP_PITCHEY_NAME_LEN + 1);

    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    clean = buf + 3 * args.len;

    if (!ngx_http_pitchey_args_are(args, names)
        || !ngx_http_pitchey_args_get(args, "size", buf, &value)
        || !ngx_http_pitchey_direct_size(value, &d->size))
    {
        return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST,
                   "bad_request",
                   "The arguments are size, in bytes, name and type.");
    }

    if (d->size > (uint64_t) ngx_min(plcf->upload_max, (off_t) PT_S3_PUT_MAX)) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                   "too_large", "A file has at most %O bytes.",
                   ngx_min(plcf->upload_max, (off_t) PT_S3_PUT_MAX));
    }

    if (ngx_http_pitchey_args_get(args, "name", buf + args.len, &value)) {
        d->name = ngx_http_pitchey_name_clean(value, clean);
    }

    if (ngx_http_pitchey_args_get(args, "type", buf + 2 * args.len, &d->type)
        && d->type.len > NGX_HTTP_PITCHEY_DIRECT_TYPE_MAX)
    {
        d->type.len = NGX_HTTP_PITCHEY_DIRECT_TYPE_MAX;
    }

    return NGX_DECLINED;
}


/* 1 and more, in digits alone */
static ngx_uint_t
ngx_http_pitchey_direct_size(pt_str_t value, uint64_t *ret_size)
{
    off_t  size;

    if (value.len == 0 || value.len > NGX_OFF_T_LEN) {
        return 0;
    }

    size = ngx_atoof((u_char *) value.data, value.len);

    *ret_size = (uint64_t) size;

    return size > 0;
}


static ngx_int_t
ngx_http_pitchey_direct_sign(ngx_http_request_t *r,
    ngx_http_pitchey_direct_t *d, pt_buf_t *url)
{
    char                          key[PT_S3_DIRECT_LEN];
    pt_request_t                  who;
    pt_s3_request_t               request;
    ngx_http_pitchey_s3_t        *s3;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);
    s3 = plcf->s3;

    ngx_memzero(&who, sizeof(pt_request_t));
    ngx_http_pitchey_ask_header(r, &who);
    pt_s3_direct_key(who.user, &d->id, key);

    ngx_memzero(&request, sizeof(pt_s3_request_t));
    request.method = "PUT";
    request.key = key;
    request.size = d->size;

    pt_buf_add(url, (char *) s3->endpoint.data, s3->endpoint.len);

    return pt_s3_presign(&s3->s3, &request, ngx_time(),
                         (unsigned) s3->expires, url) == PT_OK
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_pitchey_direct_send(ngx_http_request_t *r,
    ngx_http_pitchey_direct_t *d, const pt_buf_t *url)
{
    char                          text[PT_ID_TEXT_LEN];
    ngx_tm_t                      tm;
    u_char                        expires[sizeof("2026-11-23T12:00:00.000Z")];
    pt_buf_t                      complete, buf;
    ngx_str_t                     uri, body;
    pt_jsonw_t                    w;
    ngx_http_pitchey_s3_t        *s3;
    ngx_http_pitchey_loc_conf_t  *plcf;

    static ngx_str_t  applied = ngx_string("direct");
    static ngx_str_t  no_store = ngx_string("no-store");

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);
    s3 = plcf->s3;

    pt_id_format(&d->id, text);

    if (ngx_http_pitchey_route_uri(r, "/files/",
                                   (pt_str_t) { text, PT_ID_TEXT_LEN }, &uri)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_gmtime(ngx_time() + s3->expires, &tm);
    ngx_sprintf(expires, "%4d-%02d-%02dT%02d:%02d:%02d.000Z%Z",
                tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday, tm.ngx_tm_hour,
                tm.ngx_tm_min, tm.ngx_tm_sec);

    pt_buf_init(&complete, ngx_http_pitchey_mem(r->pool),
                NGX_HTTP_PITCHEY_DIRECT_TEXT_MAX);
    pt_buf_add(&complete, (char *) uri.data, uri.len);
    pt_buf_printf(&complete, "/complete?size=%llu",
                  (unsigned long long) d->size);

    if (d->name.len) {
        pt_buf_add_text(&complete, "&name=");
        ngx_http_pitchey_direct_escape(&complete, d->name);
    }

    if (d->type.len) {
        pt_buf_add_text(&complete, "&type=");
        ngx_http_pitchey_direct_escape(&complete, d->type);
    }

    pt_buf_init(&buf, ngx_http_pitchey_mem(r->pool),
                4 * NGX_HTTP_PITCHEY_DIRECT_TEXT_MAX);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "id");
    pt_jsonw_str(&w, (pt_str_t) { text, PT_ID_TEXT_LEN });
    pt_jsonw_key(&w, "method");
    pt_jsonw_str(&w, PT_STR("PUT"));
    pt_jsonw_key(&w, "url");
    pt_jsonw_str(&w, pt_buf_str(url));
    pt_jsonw_key(&w, "size");
    pt_jsonw_int(&w, (int64_t) d->size);
    pt_jsonw_key(&w, "expires_at");
    pt_jsonw_str(&w, pt_str((char *) expires));
    pt_jsonw_key(&w, "complete");
    pt_jsonw_str(&w, pt_buf_str(&complete));
    pt_jsonw_end(&w);

    if (complete.err != PT_OK || buf.err != PT_OK
        || ngx_http_pitchey_add_header(r, "Preference-Applied", &applied)
           != NGX_OK
        || ngx_http_pitchey_add_header(r, "Cache-Control", &no_store)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = (u_char *) buf.data;
    body.len = buf.len;

    return ngx_http_pitchey_send_json(r, NGX_HTTP_OK, &body);
}


static void
ngx_http_pitchey_direct_escape(pt_buf_t *to, pt_str_t text)
{
    size_t  i;
    u_char  ch;

    for (i = 0; i < text.len; i++) {
        ch = (u_char) text.data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
            || (ch >= '0' && ch <= '9') || ch == '.' || ch == '-'
            || ch == '_')
        {
            pt_buf_add_char(to, (char) ch);

        } else {
            pt_buf_printf(to, "%%%02X", ch);
        }
    }
}


/* first of all: it may be complete, and the answer was lost */
ngx_int_t
ngx_http_pitchey_direct_complete(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    pt_msg_t                    msg;
    ngx_int_t                   rc;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_direct_t  *d;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    d = ngx_palloc(r->pool, sizeof(ngx_http_pitchey_direct_t));
    if (d == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_pitchey_direct_args(r, d);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    d->id = match->id;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    ctx->data = d;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_FILE_GET;
    msg.u.get.id = d->id;

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                        ngx_http_pitchey_direct_known);
}


static ngx_int_t
ngx_http_pitchey_direct_known(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    pt_msg_t                    msg;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_direct_t  *d;

    if (reply->err != PT_E_NOT_FOUND) {
        return ngx_http_pitchey_direct_added(r, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    d = ctx->data;

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_FILE_FETCH;
    msg.u.file_fetch.id = d->id;
    msg.u.file_fetch.size = d->size;

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                        ngx_http_pitchey_direct_fetched);
}


/* the bytes decide what it is, as in an upload */
static ngx_int_t
ngx_http_pitchey_direct_fetched(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    char                        key[NGX_HTTP_PITCHEY_NAME_FILE_KEY_LEN];
    size_t                      len;
    uint8_t                     sha256[32];
    pt_msg_t                    msg;
    const char                 *type;
    const u_char               *head;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_direct_t  *d;

    if (reply->err != PT_OK
        || reply->body.len < NGX_HTTP_PITCHEY_DIRECT_HEAD)
    {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    d = ctx->data;

    head = (const u_char *) reply->body.data + NGX_HTTP_PITCHEY_DIRECT_HEAD;
    len = reply->body.len - NGX_HTTP_PITCHEY_DIRECT_HEAD;
    ngx_memcpy(sha256, reply->body.data + 8, 32);

    type = ngx_http_pitchey_sniff(head, len, len == d->size);

    if (ngx_http_pitchey_sniff_contradicts(d->type, type)) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                   "media_type_mismatch",
                   "The content is %s, not what was declared.", type);
    }

    ngx_http_pitchey_name_file_key(&d->id, key);

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_FILE_ADD;
    msg.u.file_add.id = d->id;
    msg.u.file_add.name = d->name;
    msg.u.file_add.media_type = pt_str(type);
    msg.u.file_add.size = d->size;
    msg.u.file_add.sha256 = sha256;
    msg.u.file_add.key = (pt_str_t) { key, sizeof(key) };

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                        ngx_http_pitchey_direct_added);
}


static ngx_int_t
ngx_http_pitchey_direct_added(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_direct_t  *d;

    /* a file that will never fit is not sent again: 413, not 429 */

    if (reply->err == PT_E_QUOTA) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                   pt_err_code(reply->err), "%*s", reply->detail.len,
                   reply->detail.data);
    }

    if (reply->err != PT_OK) {
        return ngx_http_pitchey_reply_problem(r, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    d = ctx->data;

    return ngx_http_pitchey_files_created(r, &d->id, reply);
}
