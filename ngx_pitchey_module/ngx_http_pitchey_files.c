/* POST, GET and DELETE of /files. */

#include "ngx_http_pitchey_files.h"
#include "ngx_http_pitchey_args.h"
#include "ngx_http_pitchey_direct.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_multipart.h"
#include "ngx_http_pitchey_name.h"
#include "ngx_http_pitchey_outputs.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_upload.h"


#define NGX_HTTP_PITCHEY_FILES_PAGE      20
#define NGX_HTTP_PITCHEY_FILES_PAGE_MAX  100


/* of an upload by a form */
typedef struct {
    ngx_http_pitchey_multipart_t     parser;
    char                             name[NGX_HTTP_PITCHEY_NAME_LEN];
    size_t                           name_len;   /* of the field "name" */

    unsigned                         in_file:1;
    unsigned                         in_name:1;
    unsigned                         seen:1;     /* the file's part came */
    unsigned                         ended:1;    /* the last delimiter, too */
} ngx_http_pitchey_form_t;



/* NGX_DECLINED: nothing to refuse, else what to return */
static ngx_int_t ngx_http_pitchey_files_check(ngx_http_request_t *r);
static ngx_int_t ngx_http_pitchey_files_raw(ngx_http_pitchey_upload_t *up);
static ngx_int_t ngx_http_pitchey_files_form(ngx_http_pitchey_upload_t *up);
static ngx_int_t ngx_http_pitchey_files_arg_name(
    ngx_http_pitchey_upload_t *up);

static ngx_int_t ngx_http_pitchey_files_form_take(
    ngx_http_pitchey_upload_t *up, u_char **pos, u_char *last);
static ngx_int_t ngx_http_pitchey_files_form_part(
    ngx_http_pitchey_upload_t *up, ngx_http_pitchey_form_t *form);
static void ngx_http_pitchey_files_form_name(ngx_http_pitchey_form_t *form,
    pt_str_t data);
static ngx_int_t ngx_http_pitchey_files_form_end(
    ngx_http_pitchey_upload_t *up, ngx_http_pitchey_form_t *form);

static void ngx_http_pitchey_files_over(ngx_http_pitchey_upload_t *up);
static void ngx_http_pitchey_files_stored(ngx_http_pitchey_upload_t *up);
static ngx_int_t ngx_http_pitchey_files_added(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply);



ngx_int_t
ngx_http_pitchey_files_upload(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_int_t                   rc;
    ngx_table_elt_t            *type;
    ngx_http_pitchey_upload_t  *up;

    rc = ngx_http_pitchey_files_check(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_http_pitchey_direct_preferred(r)) {
        return ngx_http_pitchey_direct_begin(r);
    }

    up = ngx_http_pitchey_upload_new(r, NULL);
    if (up == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    up->over = ngx_http_pitchey_files_over;
    up->added = ngx_http_pitchey_files_added;

    type = r->headers_in.content_type;

    if (type && type->value.len >= 10
        && ngx_strncasecmp(type->value.data, (u_char *) "multipart/", 10) == 0)
    {
        rc = ngx_http_pitchey_files_form(up);

    } else {
        rc = ngx_http_pitchey_files_raw(up);
    }

    return rc == NGX_DECLINED ? ngx_http_pitchey_upload_receive(up) : rc;
}


/* what can be refused before a byte was read */
static ngx_int_t
ngx_http_pitchey_files_check(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_pitchey_loc_conf_t  *plcf;

    rc = ngx_http_pitchey_files_storage(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (r->headers_in.content_length_n
        > plcf->upload_max + NGX_HTTP_PITCHEY_FORM_MAX)
    {
        return ngx_http_pitchey_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                   "too_large", "A file has at most %O bytes.",
                   plcf->upload_max);
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_pitchey_files_storage(ngx_http_request_t *r)
{
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (plcf->storage.len) {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "no \"pitchey_storage\" for an upload");

    return ngx_http_pitchey_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                   "storage", "No storage is configured here.");
}


/* the body is the file: ?name= or Content-Disposition may name it */
static ngx_int_t
ngx_http_pitchey_files_raw(ngx_http_pitchey_upload_t *up)
{
    u_char                       *buf;
    ngx_int_t                     rc;
    ngx_str_t                    *header;
    ngx_http_request_t           *r;
    ngx_http_pitchey_loc_conf_t  *plcf;

    r = up->request;
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (r->headers_in.content_length_n > plcf->upload_max) {
        return ngx_http_pitchey_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                   "too_large", "A file has at most %O bytes.",
                   plcf->upload_max);
    }

    if (r->headers_in.content_type) {
        up->declared = ngx_http_pitchey_pt_str(
                                            &r->headers_in.content_type->value);
    }

    rc = ngx_http_pitchey_files_arg_name(up);
    if (rc != NGX_OK) {
        return rc;
    }

    if (up->name.len) {
        return NGX_DECLINED;
    }

    header = ngx_http_pitchey_route_header(r, "content-disposition");

    if (header) {
        buf = ngx_pnalloc(up->pool, NGX_HTTP_PITCHEY_NAME_LEN);
        if (buf == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        up->name = ngx_http_pitchey_name_parse(ngx_http_pitchey_pt_str(header),
                                               (char *) buf);
    }

    return NGX_DECLINED;
}


/* ?name=; NGX_OK, or what to return */
static ngx_int_t
ngx_http_pitchey_files_arg_name(ngx_http_pitchey_upload_t *up)
{
    char                *buf;
    pt_str_t             value;
    ngx_http_request_t  *r;

    r = up->request;

    up->name = PT_STR("");

    if (r->args.len == 0) {
        return NGX_OK;
    }

    buf = ngx_pnalloc(up->pool, ngx_max(r->args.len,
                                        NGX_HTTP_PITCHEY_NAME_LEN));
    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_pitchey_args_get(ngx_http_pitchey_pt_str(&r->args), "name",
                                  buf, &value))
    {
        up->name = ngx_http_pitchey_name_clean(value, buf);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_pitchey_files_form(ngx_http_pitchey_upload_t *up)
{
    pt_str_t                  type;
    ngx_int_t                 rc;
    ngx_http_pitchey_form_t  *form;

    form = ngx_pcalloc(up->pool, sizeof(ngx_http_pitchey_form_t));
    if (form == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    type = ngx_http_pitchey_pt_str(
                              &up->request->headers_in.content_type->value);

    if (!ngx_http_pitchey_multipart_init(&form->parser, type)) {
        return ngx_http_pitchey_problem(up->request,
                   NGX_HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type",
                   "A form is multipart/form-data with a boundary.");
    }

    up->data = form;
    up->take = ngx_http_pitchey_files_form_take;

    rc = ngx_http_pitchey_files_arg_name(up);

    return rc == NGX_OK ? NGX_DECLINED : rc;
}


static ngx_int_t
ngx_http_pitchey_files_form_take(ngx_http_pitchey_upload_t *up, u_char **pos,
    u_char *last)
{
    size_t                         room;
    pt_str_t                       data;
    ngx_int_t                      rc;
    const char                    *p;
    ngx_http_pitchey_form_t       *form;
    ngx_http_pitchey_multipart_e   event;

    form = up->data;

    while ((room = ngx_http_pitchey_upload_room(up)) != 0) {

        p = (const char *) *pos;
        event = ngx_http_pitchey_multipart_next(&form->parser, &p,
                                                (const char *) last, room,
                                                &data);
        *pos = (u_char *) p;

        rc = NGX_OK;

        switch (event) {

        case NGX_HTTP_PITCHEY_MULTIPART_MORE:
            return NGX_OK;

        case NGX_HTTP_PITCHEY_MULTIPART_PART:
            rc = ngx_http_pitchey_files_form_part(up, form);
            break;

        case NGX_HTTP_PITCHEY_MULTIPART_DATA:
            if (form->in_file) {
                rc = ngx_http_pitchey_upload_put(up,
                                        (const u_char *) data.data, data.len);

            } else if (form->in_name) {
                ngx_http_pitchey_files_form_name(form, data);
            }

            break;

        case NGX_HTTP_PITCHEY_MULTIPART_PART_END:
            form->in_file = 0;
            form->in_name = 0;
            break;

        case NGX_HTTP_PITCHEY_MULTIPART_END:
            form->ended = 1;
            break;

        case NGX_HTTP_PITCHEY_MULTIPART_BROKEN:
            rc = ngx_http_pitchey_upload_fail(up,
                     ngx_http_pitchey_problem(up->request,
                         NGX_HTTP_BAD_REQUEST, "bad_form",
                         "The body is not multipart/form-data."));
            break;
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* "file" is the file, "name" may name it, what else a form has is ignored */
static ngx_int_t
ngx_http_pitchey_files_form_part(ngx_http_pitchey_upload_t *up,
    ngx_http_pitchey_form_t *form)
{
    char      *buf;
    pt_str_t   type;

    form->in_name = pt_str_is(form->parser.name, "name");
    form->in_file = pt_str_is(form->parser.name, "file");

    if (form->in_name) {
        form->name_len = 0;
    }

    if (!form->in_file) {
        return NGX_OK;
    }

    if (form->seen) {
        return ngx_http_pitchey_upload_fail(up,
                   ngx_http_pitchey_problem(up->request, 422, "one_file",
                       "A form has one field \"file\": send one request for "
                       "each file."));
    }

    form->seen = 1;

    /* the parser's header is overwritten by the next part's */

    type = form->parser.media_type;
    buf = ngx_pnalloc(up->pool, NGX_HTTP_PITCHEY_NAME_LEN + type.len + 1);

    if (buf == NULL) {
        return ngx_http_pitchey_upload_fail(up,
                                            NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    if (type.data) {
        ngx_memcpy(buf + NGX_HTTP_PITCHEY_NAME_LEN, type.data, type.len);
        up->declared = (pt_str_t) { buf + NGX_HTTP_PITCHEY_NAME_LEN,
                                    type.len };
    }

    if (up->name.len == 0) {
        up->name = ngx_http_pitchey_name_parse(form->parser.disposition, buf);
    }

    return NGX_OK;
}


/* what does not fit is cut, as a name is */
static void
ngx_http_pitchey_files_form_name(ngx_http_pitchey_form_t *form, pt_str_t data)
{
    size_t  n;

    n = ngx_min(data.len, sizeof(form->name) - form->name_len);

    ngx_memcpy(form->name + form->name_len, data.data, n);
    form->name_len += n;
}


/* NGX_OK: the form had a file */
static ngx_int_t
ngx_http_pitchey_files_form_end(ngx_http_pitchey_upload_t *up,
    ngx_http_pitchey_form_t *form)
{
    pt_str_t  name;

    if (!form->ended) {
        return ngx_http_pitchey_upload_fail(up,
                   ngx_http_pitchey_problem(up->request, NGX_HTTP_BAD_REQUEST,
                       "bad_form", "The form ends before its last boundary."));
    }

    if (!form->seen) {
        return ngx_http_pitchey_upload_fail(up,
                   ngx_http_pitchey_problem(up->request, 422, "no_file",
                       "The form has no field \"file\"."));
    }

    name = ngx_http_pitchey_name_clean((pt_str_t) { form->name,
                                                    form->name_len },
                                       form->name);
    if (name.len) {
        up->name = name;
    }

    return NGX_OK;
}


/* all that came is written */
static void
ngx_http_pitchey_files_over(ngx_http_pitchey_upload_t *up)
{
    if (up->data && ngx_http_pitchey_files_form_end(up, up->data) != NGX_OK) {
        return;
    }

    if (up->size == 0) {
        (void) ngx_http_pitchey_upload_fail(up,
                   ngx_http_pitchey_problem(up->request, 422, "empty_file",
                                            "The file has no bytes."));
        return;
    }

    (void) ngx_http_pitchey_upload_post(up, ngx_http_pitchey_store_finish,
                                        ngx_http_pitchey_files_stored);
}


static void
ngx_http_pitchey_files_stored(ngx_http_pitchey_upload_t *up)
{
    ngx_http_request_t  *r;

    r = up->request;

    /* up may be gone by its return */

    ngx_http_finalize_request(r, ngx_http_pitchey_upload_add(up));
}


static ngx_int_t
ngx_http_pitchey_files_added(ngx_http_request_t *r,
    const ngx_http_pitchey_reply_t *reply)
{
    pt_id_t                     id;
    ngx_int_t                   rc;
    ngx_http_pitchey_ctx_t     *ctx;
    ngx_http_pitchey_upload_t  *up;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);
    up = ctx->data;
    id = up->id;

    rc = ngx_http_pitchey_upload_added(up, reply);

    ngx_http_pitchey_upload_drop(up);

    return rc == NGX_DECLINED ? ngx_http_pitchey_files_created(r, &id, reply)
                              : rc;
}


ngx_int_t
ngx_http_pitchey_files_created(ngx_http_request_t *r, const pt_id_t *id,
    const ngx_http_pitchey_reply_t *reply)
{
    char       text[PT_ID_TEXT_LEN];
    ngx_str_t  body, location;

    pt_id_format(id, text);

    if (ngx_http_pitchey_route_uri(r, "/files/",
                                   (pt_str_t) { text, PT_ID_TEXT_LEN },
                                   &location)
        != NGX_OK
        || ngx_http_pitchey_add_header(r, "Location", &location) != NGX_OK
        || ngx_http_pitchey_reply_body(r, reply, &body) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_pitchey_send_json(r, NGX_HTTP_CREATED, &body);
}


ngx_int_t
ngx_http_pitchey_files_list(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    char      *buf;
    pt_msg_t   msg;
    pt_str_t   args, value;
    unsigned   limit;

    static const char *const  names[] = { "limit", "cursor", NULL };

    args = ngx_http_pitchey_pt_str(&r->args);

    buf = ngx_pnalloc(r->pool, 2 * args.len + 1);
    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&msg, sizeof(pt_msg_t));

    msg.command = PT_CMD_FILE_LIST;
    limit = NGX_HTTP_PITCHEY_FILES_PAGE;

    if (!ngx_http_pitchey_args_are(args, names)
        || (ngx_http_pitchey_args_get(args, "limit", buf, &value)
            && !ngx_http_pitchey_args_number(value,
                                       NGX_HTTP_PITCHEY_FILES_PAGE_MAX, &limit))
        || (ngx_http_pitchey_args_get(args, "cursor", buf + args.len,
                                      &msg.u.file_list.cursor)
            && msg.u.file_list.cursor.len != PT_ID_TEXT_LEN))
    {
        return ngx_http_pitchey_problem(r, NGX_HTTP_BAD_REQUEST,
                   "bad_request",
                   "The arguments are limit=1..%d and cursor, as \"next\" has "
                   "it.", NGX_HTTP_PITCHEY_FILES_PAGE_MAX);
    }

    msg.u.file_list.limit = (uint16_t) limit;

    return ngx_http_pitchey_ask(r, &msg, NGX_HTTP_PITCHEY_DEADLINE,
                                ngx_http_pitchey_reply_json);
}


ngx_int_t
ngx_http_pitchey_files_download(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_str_t  none = ngx_null_string;

    return ngx_http_pitchey_outputs_open(r, PT_OPEN_FILE, &match->id, &none);
}


ngx_int_t
ngx_http_pitchey_files_metadata(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return ngx_http_pitchey_ask_about(r, PT_CMD_FILE_GET, &match->id,
                                      ngx_http_pitchey_reply_json);
}


ngx_int_t
ngx_http_pitchey_files_delete(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    return ngx_http_pitchey_ask_about(r, PT_CMD_FILE_DELETE, &match->id,
                                      ngx_http_pitchey_reply_none);
}


