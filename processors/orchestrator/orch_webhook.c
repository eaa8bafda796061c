/* Calls to others' servers, in our loop by libcurl's multi interface. */

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "orch.h"
#include "orch_address.h"


/* calls at once; and to one host */
#define ORCH_WEBHOOKS_MAX         16
#define ORCH_WEBHOOKS_HOST        4

#define ORCH_WEBHOOK_CONNECT_MS   5000
#define ORCH_WEBHOOK_TIMEOUT_MS   15000

/* an answer's body says nothing to us, and its headers little */
#define ORCH_WEBHOOK_ANSWER_MAX   65536
#define ORCH_WEBHOOK_HEADERS_MAX  32768

#define ORCH_WEBHOOK_PREFIX       "whsec_"
#define ORCH_WEBHOOK_KEY_MIN      24
#define ORCH_WEBHOOK_KEY_MAX      64

#define ORCH_WEBHOOK_PRUNE_MS     3600000


struct orch_hook_s {
    orch_hook_t        *prev, *next;
    orch_t             *o;
    pt_id_t             id;
    pt_id_t             batch;
    unsigned            attempt;
    char               *url;
    char                owner[PT_USER_MAX + 1];

    CURL               *easy;
    struct curl_slist  *headers;
    pt_buf_t            body;
    size_t              answer;        /* bytes that came */
    size_t              header;
    bool                refused;       /* the address is none of the public */
    uint64_t            start_ms;
    char                error[CURL_ERROR_SIZE];
};

/* a socket of libcurl's in our loop */
typedef struct {
    uv_poll_t      poll;
    orch_t        *o;
    curl_socket_t  fd;
} orch_hook_socket_t;


static pt_err_t orch_webhooks_secret(orch_t *o);
static void orch_webhooks_claimed(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_hook_begin(orch_t *o, const PGresult *res, int row);
static void orch_hook_told(void *ctx, pt_err_t err, pt_str_t text,
    pt_str_t errors);
static pt_err_t orch_hook_body(orch_hook_t *h, pt_str_t data, int64_t now_ms);
static pt_err_t orch_hook_headers(orch_hook_t *h, int64_t now_ms);
static pt_err_t orch_hook_header(orch_hook_t *h, const char *text);
static pt_err_t orch_hook_send(orch_hook_t *h);
static curl_socket_t orch_hook_open(void *ctx, curlsocktype purpose,
    struct curl_sockaddr *address);
static size_t orch_hook_write(char *data, size_t size, size_t n, void *ctx);
static size_t orch_hook_read_header(char *data, size_t size, size_t n,
    void *ctx);
static int orch_hooks_socket(CURL *easy, curl_socket_t fd, int what,
    void *ctx, void *socket);
static void orch_hooks_ready(uv_poll_t *poll, int status, int events);
static int orch_hooks_timer(CURLM *multi, long ms, void *ctx);
static void orch_hooks_timeout(uv_timer_t *timer);
static void orch_hooks_finished(orch_t *o);
static void orch_hook_done(orch_hook_t *h, CURLcode code);
static void orch_hook_record(orch_hook_t *h, long status, const char *error,
    bool delivered, bool final);
static void orch_hook_recorded(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_hook_free(orch_hook_t *h);
static void orch_hook_closed(uv_handle_t *handle);
static void orch_webhook_listed(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);


/* 23 hours and 45 minutes in all */
static const uint32_t  orch_webhook_delays_s[ORCH_WEBHOOK_RETRIES] = {
    5, 60, 300, 1800, 3600, 10800, 25200, 43200
};


pt_err_t
orch_webhooks_open(orch_t *o)
{
    if (o->config->webhook_secret[0] == '\0') {
        return PT_OK;
    }

    if (orch_webhooks_secret(o) != PT_OK) {
        return PT_E_INVALID;
    }

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return PT_E_NOMEM;
    }

    o->webhooks.multi = curl_multi_init();

    if (o->webhooks.multi == NULL) {
        curl_global_cleanup();
        return PT_E_NOMEM;
    }

    uv_timer_init(&o->loop, &o->webhooks.timer);
    o->webhooks.timing = true;

    curl_multi_setopt(o->webhooks.multi, CURLMOPT_SOCKETFUNCTION,
                      orch_hooks_socket);
    curl_multi_setopt(o->webhooks.multi, CURLMOPT_SOCKETDATA, o);
    curl_multi_setopt(o->webhooks.multi, CURLMOPT_TIMERFUNCTION,
                      orch_hooks_timer);
    curl_multi_setopt(o->webhooks.multi, CURLMOPT_TIMERDATA, o);
    curl_multi_setopt(o->webhooks.multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      (long) ORCH_WEBHOOKS_HOST);

    return PT_OK;
}


static pt_err_t
orch_webhooks_secret(orch_t *o)
{
    bool  good;
    char  secret[ORCH_SECRET_MAX + 1];

    if (orch_secret_read("webhook_secret", o->config->webhook_secret, secret)
        != PT_OK)
    {
        return PT_E_INVALID;
    }

    good = orch_webhook_key(pt_str(secret), o->webhooks.key,
                            &o->webhooks.key_len);

    OPENSSL_cleanse(secret, sizeof(secret));

    if (!good) {
        pt_log(PT_LOG_ERROR, "webhook", "webhook_secret is not \"whsec_\" and "
               "24 to 64 bytes in base64");
        return PT_E_INVALID;
    }

    return PT_OK;
}


bool
orch_webhook_key(pt_str_t text, uint8_t ret_key[64], size_t *ret_len)
{
    int            n;
    size_t         i, padding = 0;
    unsigned char  bytes[ORCH_WEBHOOK_KEY_MAX + 3];

    i = sizeof(ORCH_WEBHOOK_PREFIX) - 1;

    if (text.len <= i || memcmp(text.data, ORCH_WEBHOOK_PREFIX, i) != 0) {
        return false;
    }

    text.data += i;
    text.len -= i;

    if (text.len % 4 || text.len / 4 * 3 > sizeof(bytes)) {
        return false;
    }

    while (padding < 2 && text.data[text.len - 1 - padding] == '=') {
        padding++;
    }

    n = EVP_DecodeBlock(bytes, (const unsigned char *) text.data,
                        (int) text.len);

    if (n < 0 || (size_t) n - padding < ORCH_WEBHOOK_KEY_MIN
        || (size_t) n - padding > ORCH_WEBHOOK_KEY_MAX)
    {
        return false;
    }

    *ret_len = (size_t) n - padding;
    memcpy(ret_key, bytes, *ret_len);
    OPENSSL_cleanse(bytes, sizeof(bytes));

    return true;
}


void
orch_webhook_sign(const uint8_t *key, size_t len, const char *id,
    int64_t timestamp, pt_str_t body, char ret_header[64])
{
    pt_buf_t       text;
    unsigned       n = 0;
    unsigned char  mac[EVP_MAX_MD_SIZE];

    *ret_header = '\0';

    pt_buf_init(&text, &pt_mem_heap, body.len + 80);
    pt_buf_printf(&text, "%s.%lld.", id, (long long) timestamp);
    pt_buf_add_str(&text, body);

    if (text.err == PT_OK
        && HMAC(EVP_sha256(), key, (int) len, (unsigned char *) text.data,
                text.len, mac, &n))
    {
        memcpy(ret_header, "v1,", 3);
        EVP_EncodeBlock((unsigned char *) ret_header + 3, mac, (int) n);
    }

    pt_buf_done(&text);
}


uint32_t
orch_webhook_delay_s(unsigned n, uint64_t random)
{
    uint32_t  s;

    if (n == 0 || n > ORCH_WEBHOOK_RETRIES) {
        return 0;
    }

    /* a tenth later at most, so that what failed together comes apart */
    s = orch_webhook_delays_s[n - 1];

    return s + (uint32_t) (random % (s / 10 + 1));
}


void
orch_webhooks_close(orch_t *o)
{
    orch_hook_t  *h;

    if (o->webhooks.multi == NULL) {
        return;
    }

    while ((h = o->webhooks.hooks) != NULL) {
        orch_hook_free(h);
    }

    curl_multi_cleanup(o->webhooks.multi);
    o->webhooks.multi = NULL;

    uv_close((uv_handle_t *) &o->webhooks.timer, NULL);
    curl_global_cleanup();
}


const char *
orch_webhook_refuses(const orch_t *o, pt_str_t url)
{
    char        *text = NULL, *scheme = NULL, *user = NULL;
    CURLU       *u;
    const char  *why = "is no URL";

    if (url.data == NULL) {
        return NULL;
    }

    if (o->webhooks.multi == NULL) {
        return "webhooks are not available here";
    }

    u = curl_url();
    text = strndup(url.data, url.len);

    if (u && text
        && curl_url_set(u, CURLUPART_URL, text, 0) == CURLUE_OK
        && curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK)
    {
        why = NULL;

        if (strcmp(scheme, "https") != 0
            && !(o->config->webhook_http && strcmp(scheme, "http") == 0))
        {
            why = "must begin with https://";

        } else if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK) {
            why = "must not have a user in it";
        }
    }

    curl_free(scheme);
    curl_free(user);
    curl_url_cleanup(u);
    free(text);

    return why;
}


bool
orch_webhook_check(orch_request_t *rq, pt_str_t url)
{
    char         errors[160];
    const char  *why = orch_webhook_refuses(rq->o, url);

    if (why == NULL) {
        return true;
    }

    snprintf(errors, sizeof(errors), "[{\"pointer\":\"/webhook_url\","
             "\"detail\":\"%s\"}]", why);
    orch_refuse_with(rq, PT_E_INVALID, "nobody can be called there", 0,
                     pt_str(errors));

    return false;
}


void
orch_webhooks_tick(orch_t *o)
{
    uint64_t      now = orch_loop_ms(o);
    pt_pg_args_t  args = { .n = 0 }, none = { .n = 0 };

    if (o->webhooks.multi == NULL || o->stop_ms || !orch_recover_is_done(o)) {
        return;
    }

    if (now - o->webhooks.pruned_ms > ORCH_WEBHOOK_PRUNE_MS) {
        o->webhooks.pruned_ms = now;
        (void) orch_db_query(o, ORCH_DB_READ, ORCH_SQL_WEBHOOKS_PRUNE, &none,
                             orch_hook_recorded, NULL);
    }

    if (o->webhooks.asking || o->webhooks.n >= ORCH_WEBHOOKS_MAX) {
        return;
    }

    pt_pg_arg_int4(&args, (int32_t) (ORCH_WEBHOOKS_MAX - o->webhooks.n));

    o->webhooks.asking = orch_db_query(o, ORCH_DB_READ,
                                       ORCH_SQL_WEBHOOKS_CLAIM, &args,
                                       orch_webhooks_claimed, o) == PT_OK;
}


static void
orch_webhooks_claimed(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    int      row;
    orch_t  *o = ctx;

    o->webhooks.asking = false;

    if (err != PT_OK || n != 1 || o->webhooks.multi == NULL) {
        return;
    }

    for (row = 0; row < PQntuples(results[0]); row++) {
        orch_hook_begin(o, results[0], row);
    }
}


/* what it tells is the job as its owner sees it; without it, a minute later */
static void
orch_hook_begin(orch_t *o, const PGresult *res, int row)
{
    pt_msg_t      msg = { .command = PT_CMD_GET };
    pt_str_t      url = pt_pg_text(res, row, 3);
    pt_str_t      owner = pt_pg_text(res, row, 2);
    orch_hook_t  *h;

    h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return;
    }

    h->o = o;
    h->id = pt_pg_id(res, row, 0);
    h->batch = pt_pg_id(res, row, 1);
    h->url = strndup(url.data, url.len);
    h->attempt = (unsigned) pt_pg_int(res, row, 4);
    memcpy(h->owner, owner.data, owner.len < sizeof(h->owner)
                                 ? owner.len : sizeof(h->owner) - 1);
    pt_buf_init(&h->body, &pt_mem_heap, PT_REPLY_MAX);

    DL_APPEND(o->webhooks.hooks, h);
    o->webhooks.n++;

    msg.u.request = (pt_request_t) {
        .user = pt_str(h->owner), .role = PT_STR(""), .tier = PT_STR("")
    };

    if (pt_id_is_zero(&h->batch)) {
        msg.u.get.id = h->id;

    } else {
        msg.command = PT_CMD_BATCH;
        msg.u.get.id = h->batch;
    }

    if (h->url == NULL
        || orch_request_own(o, &msg, orch_hook_told, h) != PT_OK)
    {
        orch_hook_free(h);
    }
}


static void
orch_hook_told(void *ctx, pt_err_t err, pt_str_t text, pt_str_t errors)
{
    int64_t       now = orch_now_ms();
    orch_hook_t  *h = ctx;

    (void) errors;

    if (err == PT_E_NOT_FOUND) {
        orch_hook_record(h, 0, "the job is not kept any more", false, true);
        return;
    }

    if (err == PT_OK) {
        err = orch_hook_body(h, text, now);
    }

    if (err == PT_OK) {
        err = orch_hook_headers(h, now);
    }

    if (err == PT_OK) {
        err = orch_hook_send(h);
    }

    if (err != PT_OK) {
        /* ours to blame: it is due again in a minute */
        orch_hook_free(h);
    }
}


/* {"type":"job.succeeded","timestamp":"...","data":{...},"links":{...}} */
static pt_err_t
orch_hook_body(orch_hook_t *h, pt_str_t data, int64_t now_ms)
{
    char         type[80] = "batch.finished";
    pt_json_t   *job = NULL;
    pt_jsonw_t   w;

    if (pt_id_is_zero(&h->batch)) {
        if (pt_json_parse(data, &pt_mem_heap, &job, NULL) != PT_OK) {
            return PT_E_NOMEM;
        }

        snprintf(type, sizeof(type), "job.%.*s",
                 PT_STR_ARG(pt_json_string(job, "status", PT_STR("ended"))));
    }

    pt_jsonw_init(&w, &h->body);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "type");
    pt_jsonw_text(&w, type);
    orch_json_time(&w, "timestamp", now_ms);
    pt_jsonw_key(&w, "data");
    pt_jsonw_raw(&w, data);

    if (job != NULL) {
        orch_links_write(&h->o->links, &w, &h->id, job, now_ms);
        pt_json_free(job);
    }

    pt_jsonw_end(&w);

    return h->body.err;
}


static pt_err_t
orch_hook_headers(orch_hook_t *h, int64_t now_ms)
{
    char      text[160], id[PT_ID_TEXT_LEN + 1], signature[64];
    pt_err_t  err;

    pt_id_format(&h->id, id);
    id[PT_ID_TEXT_LEN] = '\0';

    orch_webhook_sign(h->o->webhooks.key, h->o->webhooks.key_len, id,
                      now_ms / 1000, pt_buf_str(&h->body), signature);

    if (signature[0] == '\0') {
        return PT_E_NOMEM;
    }

    snprintf(text, sizeof(text), "webhook-id: %s", id);
    err = orch_hook_header(h, text);

    if (err == PT_OK) {
        snprintf(text, sizeof(text), "webhook-timestamp: %lld",
                 (long long) (now_ms / 1000));
        err = orch_hook_header(h, text);
    }

    if (err == PT_OK) {
        snprintf(text, sizeof(text), "webhook-signature: %s", signature);
        err = orch_hook_header(h, text);
    }

    if (err == PT_OK) {
        err = orch_hook_header(h, "Content-Type: application/json");
    }

    /* a server that is asked first may take a second to say no */
    return err == PT_OK ? orch_hook_header(h, "Expect:") : err;
}


static pt_err_t
orch_hook_header(orch_hook_t *h, const char *text)
{
    struct curl_slist  *list;

    list = curl_slist_append(h->headers, text);
    if (list == NULL) {
        return PT_E_NOMEM;
    }

    h->headers = list;

    return PT_OK;
}


static pt_err_t
orch_hook_send(orch_hook_t *h)
{
    CURL  *c;

    h->easy = c = curl_easy_init();
    if (c == NULL) {
        return PT_E_NOMEM;
    }

    curl_easy_setopt(c, CURLOPT_PRIVATE, h);
    curl_easy_setopt(c, CURLOPT_URL, h->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR,
                     h->o->config->webhook_http ? "http,https" : "https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
                     (long) ORCH_WEBHOOK_CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long) ORCH_WEBHOOK_TIMEOUT_MS);
    curl_easy_setopt(c, CURLOPT_USERAGENT,
                     "pitchey-orchestrator/" PITCHEY_VERSION);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->error);

    /* each connection passes orch_hook_open() */
    curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, orch_hook_open);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, h);

    curl_easy_setopt(c, CURLOPT_HTTPHEADER, h->headers);
    curl_easy_setopt(c, CURLOPT_POST, 1L);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, h->body.data);
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) h->body.len);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, orch_hook_write);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, orch_hook_read_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, h);

    h->start_ms = uv_hrtime() / 1000000;

    return curl_multi_add_handle(h->o->webhooks.multi, c) == CURLM_OK
           ? PT_OK : PT_E_NOMEM;
}


/* the address that is about to be connected to, whatever DNS says elsewhere */
static curl_socket_t
orch_hook_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    orch_hook_t  *h = ctx;

    (void) purpose;

    if (!h->o->config->webhook_private
        && !orch_address_is_public(&address->addr))
    {
        h->refused = true;
        return CURL_SOCKET_BAD;
    }

    return socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
}


/* what comes is of no use; too much of it ends the call */
static size_t
orch_hook_write(char *data, size_t size, size_t n, void *ctx)
{
    orch_hook_t  *h = ctx;

    (void) data;

    h->answer += size * n;

    return h->answer > ORCH_WEBHOOK_ANSWER_MAX ? 0 : size * n;
}


static size_t
orch_hook_read_header(char *data, size_t size, size_t n, void *ctx)
{
    orch_hook_t  *h = ctx;

    (void) data;

    h->header += size * n;

    return h->header > ORCH_WEBHOOK_HEADERS_MAX ? 0 : size * n;
}


/* ---- libcurl's sockets and its one timer in our loop ---- */

static int
orch_hooks_socket(CURL *easy, curl_socket_t fd, int what, void *ctx,
    void *socket)
{
    int                  events = 0;
    orch_t              *o = ctx;
    orch_hook_socket_t  *s = socket;

    (void) easy;

    if (what == CURL_POLL_REMOVE) {
        if (s) {
            curl_multi_assign(o->webhooks.multi, fd, NULL);
            uv_poll_stop(&s->poll);
            uv_close((uv_handle_t *) &s->poll, orch_hook_closed);
        }

        return 0;
    }

    if (s == NULL) {
        s = calloc(1, sizeof(*s));

        if (s == NULL || uv_poll_init(&o->loop, &s->poll, fd) != 0) {
            free(s);
            return -1;
        }

        s->o = o;
        s->fd = fd;
        s->poll.data = s;
        curl_multi_assign(o->webhooks.multi, fd, s);
    }

    events |= what != CURL_POLL_OUT ? UV_READABLE : 0;
    events |= what != CURL_POLL_IN ? UV_WRITABLE : 0;

    uv_poll_start(&s->poll, events, orch_hooks_ready);

    return 0;
}


static void
orch_hook_closed(uv_handle_t *handle)
{
    free(handle->data);
}


static void
orch_hooks_ready(uv_poll_t *poll, int status, int events)
{
    int                  running, flags = 0;
    orch_hook_socket_t  *s = poll->data;
    orch_t              *o = s->o;

    flags |= status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;

    curl_multi_socket_action(o->webhooks.multi, s->fd, flags, &running);
    orch_hooks_finished(o);
}


static int
orch_hooks_timer(CURLM *multi, long ms, void *ctx)
{
    orch_t  *o = ctx;

    (void) multi;

    if (ms < 0) {
        uv_timer_stop(&o->webhooks.timer);

    } else {
        /* never from within libcurl's own call */
        uv_timer_start(&o->webhooks.timer, orch_hooks_timeout,
                       ms ? (uint64_t) ms : 1, 0);
    }

    return 0;
}


static void
orch_hooks_timeout(uv_timer_t *timer)
{
    int      running;
    orch_t  *o = timer->loop->data;

    curl_multi_socket_action(o->webhooks.multi, CURL_SOCKET_TIMEOUT, 0,
                             &running);
    orch_hooks_finished(o);
}


static void
orch_hooks_finished(orch_t *o)
{
    int           left;
    char         *private;
    CURLMsg      *m;
    CURLcode      code;

    while ((m = curl_multi_info_read(o->webhooks.multi, &left)) != NULL) {
        if (m->msg != CURLMSG_DONE) {
            continue;
        }

        code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
        orch_hook_done((orch_hook_t *) (void *) private, code);
    }
}


static void
orch_hook_done(orch_hook_t *h, CURLcode code)
{
    long  status = 0;

    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(h->o->webhooks.multi, h->easy);

    if (h->refused) {
        orch_hook_record(h, 0, "its address is not of the public Internet",
                         false, false);

    } else if (code == CURLE_WRITE_ERROR && status
               && h->answer > ORCH_WEBHOOK_ANSWER_MAX)
    {
        /* an answer all the same: it is long */
        orch_hook_record(h, status, NULL, status / 100 == 2, status == 410);

    } else if (code != CURLE_OK) {
        orch_hook_record(h, 0, h->error[0] ? h->error
                                           : curl_easy_strerror(code),
                         false, false);

    } else {
        orch_hook_record(h, status, NULL, status / 100 == 2, status == 410);
    }
}


static void
orch_hook_record(orch_hook_t *h, long status, const char *error,
    bool delivered, bool final)
{
    uint32_t      delay_s;
    pt_pg_args_t  args = { .n = 0 };

    delay_s = delivered || final ? 0 : orch_webhook_delay_s(h->attempt,
                                                            orch_random());

    if (!delivered) {
        pt_log(delay_s ? PT_LOG_INFO : PT_LOG_WARN, "webhook", "a call %s, "
               "%s: %s status=%ld job=%s attempt=%u",
               status ? "was not accepted" : "could not be made",
               delay_s ? "trying again" : "giving up",
               error ? error : "the answer says so", status,
               pt_log_id(&h->id), h->attempt);
    }

    pt_pg_arg_id(&args, &h->id);
    pt_pg_arg_text(&args, delivered ? PT_STR("delivered")
                          : delay_s ? PT_STR("pending") : PT_STR("failed"));
    pt_pg_arg_time(&args, delay_s ? orch_now_ms() + delay_s * 1000LL : 0);
    pt_pg_arg_int4(&args, (int32_t) h->attempt);
    pt_pg_arg_int4(&args, (int32_t) status);
    pt_pg_arg_text(&args, pt_str(error));
    pt_pg_arg_int4(&args, h->easy ? (int32_t) (uv_hrtime() / 1000000
                                               - h->start_ms) : 0);

    /* if this is lost, the call is made again in a minute */
    (void) orch_db_query(h->o, ORCH_DB_READ, ORCH_SQL_WEBHOOK_DONE, &args,
                         orch_hook_recorded, NULL);

    orch_hook_free(h);
}


static void
orch_hook_recorded(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    (void) ctx;
    (void) results;
    (void) n;

    if (err != PT_OK) {
        pt_log(PT_LOG_DEBUG, "webhook", "could not be recorded: %s",
               pt_err_code(err));
    }
}


static void
orch_hook_free(orch_hook_t *h)
{
    DL_DELETE(h->o->webhooks.hooks, h);
    h->o->webhooks.n--;

    if (h->easy) {
        curl_multi_remove_handle(h->o->webhooks.multi, h->easy);
        curl_easy_cleanup(h->easy);
    }

    curl_slist_free_all(h->headers);
    pt_buf_done(&h->body);
    free(h->url);
    free(h);
}


/* ---- the delivery log ---- */

void
orch_webhook_deliveries(orch_request_t *rq)
{
    pt_pg_args_t  args = { .n = 0 };

    pt_pg_arg_id(&args, &rq->msg.u.get.id);
    pt_pg_arg_text(&args, orch_request_owner(rq));

    if (orch_db_query(rq->o, ORCH_DB_READ, ORCH_SQL_WEBHOOK_LOG, &args,
                      orch_webhook_listed, rq) != PT_OK)
    {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_webhook_listed(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    orch_request_t  *rq = ctx;

    if (err != PT_OK || n != 1) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");

    } else if (PQntuples(results[0]) == 0) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no such job");

    } else {
        orch_reply(rq, pt_pg_text(results[0], 0, 0));
    }
}
