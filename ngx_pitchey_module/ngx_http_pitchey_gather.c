/* One METRICS to each orchestrator, and one text out of all the answers. */

#include "ngx_http_pitchey_gather.h"
#include "ngx_http_pitchey_problem.h"
#include "ngx_http_pitchey_zmq.h"


/* ms; a scraper waits for ten seconds, an orchestrator takes one of these */
#define NGX_HTTP_PITCHEY_GATHER_DEADLINE  2000

#define NGX_HTTP_PITCHEY_GATHER_HELP      "# HELP "


typedef struct ngx_http_pitchey_gather_s  ngx_http_pitchey_gather_t;

/* one orchestrator's part */
typedef struct {
    ngx_http_pitchey_gather_t  *gather;
    uint64_t                    rid;          /* 0: not asked, or answered */
    ngx_str_t                   text;         /* what is left to be merged */
} ngx_http_pitchey_gather_part_t;

struct ngx_http_pitchey_gather_s {
    ngx_http_request_t         *request;
    ngx_str_t                   own;
    ngx_str_t                  *type;
    ngx_uint_t                  n;
    ngx_uint_t                  waiting;      /* for so many answers */
    ngx_http_pitchey_gather_part_t
                               *parts;
};


static void ngx_http_pitchey_gather_ask(ngx_http_pitchey_gather_t *g);
static void ngx_http_pitchey_gather_answer(void *data,
    const ngx_http_pitchey_reply_t *reply);
static void ngx_http_pitchey_gather_leave(void *data);
static ngx_int_t ngx_http_pitchey_gather_finish(ngx_http_pitchey_gather_t *g);
static u_char *ngx_http_pitchey_gather_merge(u_char *p,
    ngx_http_pitchey_gather_t *g, ngx_uint_t first);
static ngx_str_t ngx_http_pitchey_gather_family(ngx_str_t *text);
static u_char *ngx_http_pitchey_gather_samples(u_char *p, ngx_str_t *text,
    const ngx_str_t *like);
static size_t ngx_http_pitchey_gather_heading(const ngx_str_t *family);


ngx_int_t
ngx_http_pitchey_gather_send(ngx_http_request_t *r, ngx_str_t *type,
    ngx_str_t *own)
{
    ngx_http_cleanup_t         *cln;
    ngx_http_pitchey_gather_t  *g;

    g = ngx_pcalloc(r->pool, sizeof(ngx_http_pitchey_gather_t));
    if (g == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    g->request = r;
    g->own = *own;
    g->type = type;
    g->n = ngx_http_pitchey_zmq_count();

    g->parts = ngx_pcalloc(r->pool, (g->n + 1)
                                    * sizeof(ngx_http_pitchey_gather_part_t));

    cln = ngx_http_cleanup_add(r, 0);

    if (g->parts == NULL || cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_pitchey_gather_leave;
    cln->data = g;

    ngx_http_pitchey_gather_ask(g);

    if (g->waiting == 0) {
        return ngx_http_pitchey_gather_finish(g);
    }

    r->main->count++;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_DONE;
}


/* those that are not there are seen by that they are missing */
static void
ngx_http_pitchey_gather_ask(ngx_http_pitchey_gather_t *g)
{
    pt_msg_t                         msg;
    ngx_uint_t                       i;
    ngx_http_pitchey_gather_part_t  *part;

    for (i = 0; i < g->n; i++) {

        if (!ngx_http_pitchey_zmq_connected(i)) {
            continue;
        }

        ngx_memzero(&msg, sizeof(pt_msg_t));

        msg.command = PT_CMD_METRICS;
        msg.u.request.user = PT_STR("");
        msg.u.request.role = PT_STR("");
        msg.u.request.tier = PT_STR("");

        part = &g->parts[i];
        part->gather = g;

        if (ngx_http_pitchey_zmq_call(i, &msg,
                                      NGX_HTTP_PITCHEY_GATHER_DEADLINE,
                                      ngx_http_pitchey_gather_answer, part,
                                      &part->rid)
            == NGX_OK)
        {
            g->waiting++;

        } else {
            part->rid = 0;
        }
    }
}


static void
ngx_http_pitchey_gather_answer(void *data,
    const ngx_http_pitchey_reply_t *reply)
{
    ngx_connection_t                *c;
    ngx_http_request_t              *r;
    ngx_http_pitchey_gather_t       *g;
    ngx_http_pitchey_gather_part_t  *part = data;

    g = part->gather;
    r = g->request;

    part->rid = 0;

    if (reply->err == PT_OK && reply->body.len) {
        part->text.data = ngx_pnalloc(r->pool, reply->body.len);

        if (part->text.data) {
            part->text.len = reply->body.len;
            ngx_memcpy(part->text.data, reply->body.data, reply->body.len);
        }
    }

    if (--g->waiting) {
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    ngx_http_finalize_request(r, ngx_http_pitchey_gather_finish(g));
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_pitchey_gather_leave(void *data)
{
    ngx_uint_t                  i;
    ngx_http_pitchey_gather_t  *g = data;

    for (i = 0; i < g->n; i++) {
        if (g->parts[i].rid) {
            ngx_http_pitchey_zmq_forget(g->parts[i].rid);
            g->parts[i].rid = 0;
        }
    }
}


static ngx_int_t
ngx_http_pitchey_gather_finish(ngx_http_pitchey_gather_t *g)
{
    u_char      *p;
    size_t       len;
    ngx_str_t    text;
    ngx_uint_t   i;

    len = g->own.len;

    for (i = 0; i < g->n; i++) {
        len += g->parts[i].text.len;
    }

    text.data = ngx_pnalloc(g->request->pool, len + 1);
    if (text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(text.data, g->own.data, g->own.len);

    for (i = 0; i < g->n; i++) {
        p = ngx_http_pitchey_gather_merge(p, g, i);
    }

    text.len = p - text.data;

    return ngx_http_pitchey_send_text(g->request, NGX_HTTP_OK, g->type, &text);
}


/* all families that are left of the first one, with what the others have */
static u_char *
ngx_http_pitchey_gather_merge(u_char *p, ngx_http_pitchey_gather_t *g,
    ngx_uint_t first)
{
    ngx_str_t   family;
    ngx_uint_t  i;

    for ( ;; ) {
        family = ngx_http_pitchey_gather_family(&g->parts[first].text);

        if (family.len == 0) {
            return p;
        }

        p = ngx_cpymem(p, family.data, family.len);

        for (i = first + 1; i < g->n; i++) {
            p = ngx_http_pitchey_gather_samples(p, &g->parts[i].text, &family);
        }
    }
}


/* takes the first family off, from its HELP line to the next one's */
static ngx_str_t
ngx_http_pitchey_gather_family(ngx_str_t *text)
{
    u_char     *next;
    ngx_str_t   family;

    static ngx_str_t  help = ngx_string("\n" NGX_HTTP_PITCHEY_GATHER_HELP);

    family = *text;

    if (text->len == 0) {
        return family;
    }

    next = ngx_strlcasestrn(text->data, text->data + text->len, help.data,
                            help.len - 1);
    if (next) {
        family.len = next + 1 - text->data;
    }

    text->data += family.len;
    text->len -= family.len;

    return family;
}


/* moves the samples of the family that is called like another one to p */
static u_char *
ngx_http_pitchey_gather_samples(u_char *p, ngx_str_t *text,
    const ngx_str_t *like)
{
    size_t     len;
    ngx_str_t  rest, family, samples;

    rest = *text;
    len = ngx_http_pitchey_gather_heading(like);

    do {
        family = ngx_http_pitchey_gather_family(&rest);

        if (family.len == 0) {
            return p;
        }

    } while (family.len < len
             || ngx_memcmp(family.data, like->data, len) != 0);

    samples = family;

    while (samples.len && samples.data[0] == '#') {
        do {
            samples.data++;
            samples.len--;
        } while (samples.len && samples.data[-1] != LF);
    }

    p = ngx_cpymem(p, samples.data, samples.len);

    /* what stands before it takes its place */

    ngx_memmove(text->data + family.len, text->data,
                family.data - text->data);

    text->data += family.len;
    text->len -= family.len;

    return p;
}


/* bytes of "# HELP NAME " */
static size_t
ngx_http_pitchey_gather_heading(const ngx_str_t *family)
{
    u_char  *p, *last;
    size_t   skip;

    skip = sizeof(NGX_HTTP_PITCHEY_GATHER_HELP) - 1;
    last = family->data + family->len;

    if (family->len <= skip) {
        return family->len;
    }

    p = ngx_strlchr(family->data + skip, last, ' ');

    return p ? (size_t) (p + 1 - family->data) : family->len;
}
