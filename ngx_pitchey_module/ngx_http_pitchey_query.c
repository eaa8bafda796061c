/* Arguments are looked up in a table; each handler says what is wrong. */

#include "ngx_http_pitchey_query.h"
#include "ngx_http_pitchey_timestamp.h"
#include "pt_format.h"


#define NGX_HTTP_PITCHEY_CURSOR_MAX  128


typedef const char *(*ngx_http_pitchey_query_pt)(
    ngx_http_pitchey_query_list_t *q, pt_str_t value);


static pt_str_t ngx_http_pitchey_query_decode(pt_str_t text, char **room);
static int ngx_http_pitchey_query_hex(pt_str_t text, size_t at);

static const char *ngx_http_pitchey_query_limit(
    ngx_http_pitchey_query_list_t *q, pt_str_t value);
static const char *ngx_http_pitchey_query_cursor(
    ngx_http_pitchey_query_list_t *q, pt_str_t value);
static const char *ngx_http_pitchey_query_status(
    ngx_http_pitchey_query_list_t *q, pt_str_t value);
static bool ngx_http_pitchey_query_status_add(
    ngx_http_pitchey_query_list_t *q, pt_str_t status);
static const char *ngx_http_pitchey_query_service(
    ngx_http_pitchey_query_list_t *q, pt_str_t value);
static const char *ngx_http_pitchey_query_action(
    ngx_http_pitchey_query_list_t *q, pt_str_t value);
static bool ngx_http_pitchey_query_is_name(pt_str_t value);
static const char *ngx_http_pitchey_query_after(
    ngx_http_pitchey_query_list_t *q, pt_str_t value);
static const char *ngx_http_pitchey_query_before(
    ngx_http_pitchey_query_list_t *q, pt_str_t value);
static const char *ngx_http_pitchey_query_time(pt_str_t value, int64_t *ret_ms);
static const char *ngx_http_pitchey_query_batch(
    ngx_http_pitchey_query_list_t *q, pt_str_t value);
static const char *ngx_http_pitchey_query_user(
    ngx_http_pitchey_query_list_t *q, pt_str_t value);


static const struct {
    const char                 *name;
    ngx_http_pitchey_query_pt   handler;
} ngx_http_pitchey_query_filters[] = {
    { "limit",          ngx_http_pitchey_query_limit },
    { "cursor",         ngx_http_pitchey_query_cursor },
    { "status",         ngx_http_pitchey_query_status },
    { "service",        ngx_http_pitchey_query_service },
    { "action",         ngx_http_pitchey_query_action },
    { "created_after",  ngx_http_pitchey_query_after },
    { "created_before", ngx_http_pitchey_query_before },
    { "batch",          ngx_http_pitchey_query_batch },
    { "user",           ngx_http_pitchey_query_user },
    { NULL, NULL }
};


bool
ngx_http_pitchey_query_next(pt_str_t *args, char **room, pt_str_t *ret_name,
    pt_str_t *ret_value)
{
    size_t       len;
    pt_str_t     arg;
    const char  *p;

    do {
        if (args->len == 0) {
            return false;
        }

        p = memchr(args->data, '&', args->len);
        len = p ? (size_t) (p - args->data) : args->len;

        arg = (pt_str_t) { args->data, len };

        len += p ? 1 : 0;
        args->data += len;
        args->len -= len;

    } while (arg.len == 0);

    p = memchr(arg.data, '=', arg.len);
    len = p ? (size_t) (p - arg.data) : arg.len;

    *ret_name = ngx_http_pitchey_query_decode((pt_str_t) { arg.data, len },
                                              room);

    if (p == NULL) {
        *ret_value = PT_STR("");
        return true;
    }

    len++;
    *ret_value = ngx_http_pitchey_query_decode(
                       (pt_str_t) { arg.data + len, arg.len - len }, room);
    return true;
}


static pt_str_t
ngx_http_pitchey_query_decode(pt_str_t text, char **room)
{
    int       c;
    size_t    i;
    pt_str_t  value = { *room, 0 };

    for (i = 0; i < text.len; i++) {
        c = (unsigned char) text.data[i];

        if (c == '%') {
            c = ngx_http_pitchey_query_hex(text, i + 1);
            i += 2;
        }

        if (c <= 0) {
            return PT_STR_NULL;
        }

        *(*room)++ = (char) c;
        value.len++;
    }

    return pt_str_is_utf8(value) ? value : PT_STR_NULL;
}


/* -1: not two digits */
static int
ngx_http_pitchey_query_hex(pt_str_t text, size_t at)
{
    int     c, v = 0;
    size_t  i;

    if (text.len < 2 || at > text.len - 2) {
        return -1;
    }

    for (i = at; i < at + 2; i++) {
        c = text.data[i] | 0x20;

        if (c >= '0' && c <= '9') {
            v = v * 16 + c - '0';

        } else if (c >= 'a' && c <= 'f') {
            v = v * 16 + c - 'a' + 10;

        } else {
            return -1;
        }
    }

    return v;
}


bool
ngx_http_pitchey_query_list(pt_str_t args, char *room,
    ngx_http_pitchey_query_list_t *q)
{
    bool         good = true;
    size_t       i;
    pt_str_t     name, value;
    unsigned     seen = 0;
    const char  *wrong;

    memset(&q->list, 0, sizeof(q->list));
    q->list.limit = NGX_HTTP_PITCHEY_PAGE;

    while (ngx_http_pitchey_query_next(&args, &room, &name, &value)) {

        for (i = 0; ngx_http_pitchey_query_filters[i].name; i++) {
            if (pt_str_is(name, ngx_http_pitchey_query_filters[i].name)) {
                break;
            }
        }

        /* a filter that is not known would answer with what it was to leave
         * out; of status, several are one filter */

        if (ngx_http_pitchey_query_filters[i].name == NULL) {
            wrong = "is not known";

        } else if ((seen & 1u << i) && !pt_str_is(name, "status")) {
            wrong = "is given twice";

        } else if (value.len == 0) {
            wrong = value.data ? "is empty" : "is not UTF-8 in percent escapes";

        } else {
            wrong = ngx_http_pitchey_query_filters[i].handler(q, value);
            seen |= 1u << i;
        }

        if (wrong) {
            good = false;
            q->error(q->ctx, name.data ? name : PT_STR(""), wrong);
        }
    }

    return good;
}


static const char *
ngx_http_pitchey_query_limit(ngx_http_pitchey_query_list_t *q, pt_str_t value)
{
    size_t    i;
    unsigned  v = 0;

    for (i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9' || i == 3) {
            return "must be an integer from 1 to 100";
        }

        v = v * 10 + (unsigned) (value.data[i] - '0');
    }

    if (v < 1 || v > NGX_HTTP_PITCHEY_PAGE_MAX) {
        return "must be an integer from 1 to 100";
    }

    q->list.limit = (uint16_t) v;

    return NULL;
}


/* opaque to clients, and a job's id to us */
static const char *
ngx_http_pitchey_query_cursor(ngx_http_pitchey_query_list_t *q, pt_str_t value)
{
    pt_id_t  id;

    if (value.len > NGX_HTTP_PITCHEY_CURSOR_MAX
        || pt_id_parse(value, &id) != PT_OK)
    {
        return "must be the \"next\" of another page";
    }

    q->list.cursor = value;

    return NULL;
}


/* one, or several with commas between them */
static const char *
ngx_http_pitchey_query_status(ngx_http_pitchey_query_list_t *q, pt_str_t value)
{
    size_t       len;
    const char  *p;

    for ( ;; ) {
        p = memchr(value.data, ',', value.len);
        len = p ? (size_t) (p - value.data) : value.len;

        if (!ngx_http_pitchey_query_status_add(q,
                                          (pt_str_t) { value.data, len }))
        {
            return "must be of queued, running, retrying, succeeded, failed, "
                   "cancelled, expired";
        }

        if (p == NULL) {
            return NULL;
        }

        value.data += len + 1;
        value.len -= len + 1;
    }
}


/* each once, so that all of them have room */
static bool
ngx_http_pitchey_query_status_add(ngx_http_pitchey_query_list_t *q,
    pt_str_t status)
{
    char         *p;
    size_t        i, len;
    const char   *at, *end;

    static const char *const  names[] = {
        "queued", "running", "retrying", "succeeded", "failed", "cancelled",
        "expired"
    };

    for (i = 0; !pt_str_is(status, names[i]); i++) {
        if (i == sizeof(names) / sizeof(names[0]) - 1) {
            return false;
        }
    }

    at = q->list.status.data;

    while (at) {
        end = memchr(at, ',', (size_t) (q->status + q->list.status.len - at));
        len = end ? (size_t) (end - at)
                  : (size_t) (q->status + q->list.status.len - at);

        if (pt_str_eq(status, (pt_str_t) { at, len })) {
            return true;
        }

        at = end ? end + 1 : NULL;
    }

    p = q->status + q->list.status.len;

    if (q->list.status.len) {
        *p++ = ',';
    }

    memcpy(p, status.data, status.len);
    p += status.len;

    q->list.status = (pt_str_t) { q->status, (size_t) (p - q->status) };

    return true;
}


static const char *
ngx_http_pitchey_query_service(ngx_http_pitchey_query_list_t *q,
    pt_str_t value)
{
    if (!ngx_http_pitchey_query_is_name(value)) {
        return "must be a service's name";
    }

    q->list.service = value;

    return NULL;
}


static const char *
ngx_http_pitchey_query_action(ngx_http_pitchey_query_list_t *q, pt_str_t value)
{
    if (!ngx_http_pitchey_query_is_name(value)) {
        return "must be an action's name";
    }

    q->list.action = value;

    return NULL;
}


static bool
ngx_http_pitchey_query_is_name(pt_str_t value)
{
    char    c;
    size_t  i;

    for (i = 0; i < value.len; i++) {
        c = value.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }

    return value.len <= PT_NAME_MAX;
}


static const char *
ngx_http_pitchey_query_after(ngx_http_pitchey_query_list_t *q, pt_str_t value)
{
    return ngx_http_pitchey_query_time(value, &q->list.created_after);
}


static const char *
ngx_http_pitchey_query_before(ngx_http_pitchey_query_list_t *q, pt_str_t value)
{
    return ngx_http_pitchey_query_time(value, &q->list.created_before);
}


static const char *
ngx_http_pitchey_query_time(pt_str_t value, int64_t *ret_ms)
{
    if (pt_format_check(PT_FORMAT_DATE_TIME, value)
        && ngx_http_pitchey_timestamp_parse(value, ret_ms) && *ret_ms > 0)
    {
        return NULL;
    }

    return "must be a date-time of RFC 3339, such as 2027-01-31T09:00:00Z";
}


static const char *
ngx_http_pitchey_query_batch(ngx_http_pitchey_query_list_t *q, pt_str_t value)
{
    if (pt_id_parse(value, &q->list.batch) != PT_OK
        || pt_id_is_zero(&q->list.batch))
    {
        return "must be a batch's id";
    }

    return NULL;
}


static const char *
ngx_http_pitchey_query_user(ngx_http_pitchey_query_list_t *q, pt_str_t value)
{
    if (value.len > PT_USER_MAX) {
        return "must be a user's id";
    }

    q->list.owner = value;

    return NULL;
}
