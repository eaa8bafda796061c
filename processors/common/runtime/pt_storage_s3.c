/* Objects of an S3 bucket, by libcurl's multi interface. */

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "pt_log.h"
#include "pt_storage_s3.h"
#include "pt_wire.h"


#define S3_PARALLEL     4              /* requests of one caller */
#define S3_TRIES        6
#define S3_PAUSE_MS     200            /* doubled from try to try, */
#define S3_PAUSE_MAX    5000           /* up to this; half of it is chance */
#define S3_CONNECT_S    10
#define S3_STALL_S      20             /* without a byte to speak of */
#define S3_PART         (8u << 20)     /* S3 takes 5 MiB at least, */
#define S3_PARTS_MAX    10000          /* and so many */
#define S3_CHUNK        (64u << 10)
#define S3_ANSWER_MAX   (4u << 20)     /* a list of 1000 keys, with room */
#define S3_IDLE_MAX     4              /* sets of connections kept */
#define S3_ID_MAX       1024           /* of an upload */


struct pt_s3_client_s {
    pt_s3_t           s3;
    char              base[336];       /* scheme://host, for libcurl */
    pthread_mutex_t   lock;
    CURLM            *idle[S3_IDLE_MAX];
    unsigned          nidle;
};


typedef enum {
    S3_WAITS = 0,                      /* for its time */
    S3_FLIES,
    S3_DONE,                           /* answered by 2xx */
    S3_FAILED                          /* for good */
} s3_state_t;


/* a request with all its tries */
typedef struct {
    pt_s3_request_t     request;
    int                 fd;            /* sent from, or written to; -1 */
    uint64_t            offset;        /* in it */
    uint64_t            size;          /* bytes to send */
    pt_str_t            text;          /* sent, where there is no fd */
    bool                download;

    s3_state_t          state;
    unsigned            tries;
    int64_t             next_ms;
    uint64_t            done;          /* bytes of this try sent, or of all
                                        * tries received */
    long                status;        /* HTTP's; 0: none came */
    char                etag[80];      /* without quotes */
    char                range[48];
    char                sha256[65];
    char                md5[33];
    EVP_MD_CTX         *hash;          /* of what is received */
    pt_buf_t            answer;
    CURL               *easy;
    struct curl_slist  *headers;
    pt_s3_client_t     *client;
} s3_call_t;


/* objects to delete */
typedef struct {
    const char  *folder;
    char        *keys[PT_S3_LIST_MAX];
    size_t       n;
    bool         failed;
} s3_keys_t;


/* an upload of several parts */
typedef struct {
    pt_s3_client_t      *client;
    const pt_s3_file_t  *file;
    const char          *state;
    char                 id[S3_ID_MAX];
    uint64_t             part;         /* bytes */
    unsigned             n;
    char               (*etags)[80];   /* empty: not taken yet */
} s3_upload_t;


static CURLM *s3_multi_take(pt_s3_client_t *c);
static void s3_multi_give(pt_s3_client_t *c, CURLM *multi);
static void s3_call_init(s3_call_t *call, const char *method,
    const char *key);
static void s3_call_done(s3_call_t *call);
static void s3_call_query(s3_call_t *call, const char *name,
    const char *value);
static pt_err_t s3_run(pt_s3_client_t *c, s3_call_t *calls, size_t n);
static unsigned s3_begin_due(pt_s3_client_t *c, CURLM *multi,
    s3_call_t *calls, size_t n, int64_t *wait_ms);
static bool s3_begin(pt_s3_client_t *c, CURLM *multi, s3_call_t *call);
static bool s3_hash_body(s3_call_t *call);
static bool s3_address(pt_s3_client_t *c, s3_call_t *call);
static bool s3_headers(s3_call_t *call, const pt_buf_t *lines);
static void s3_options(s3_call_t *call);
static void s3_end(CURLM *multi, CURLMsg *msg);
static bool s3_is_good(s3_call_t *call, CURLcode rc);
static bool s3_is_whole(s3_call_t *call);
static void s3_again(s3_call_t *call);
static void s3_restart(s3_call_t *call);
static pt_err_t s3_verdict(const s3_call_t *call);
static size_t s3_send(char *to, size_t size, size_t n, void *ctx);
static int s3_rewind(void *ctx, curl_off_t offset, int origin);
static size_t s3_receive(char *data, size_t size, size_t n, void *ctx);
static size_t s3_header(char *line, size_t size, size_t n, void *ctx);
static int64_t s3_now_ms(void);
static void s3_hex(const uint8_t *hash, size_t len, char *hex);
static pt_err_t s3_put_one(pt_s3_client_t *c, const pt_s3_file_t *file);
static pt_err_t s3_upload_begin(s3_upload_t *up);
static void s3_upload_load(s3_upload_t *up);
static void s3_upload_remember(s3_upload_t *up, unsigned i);
static pt_err_t s3_upload_parts(s3_upload_t *up);
static pt_err_t s3_upload_some(s3_upload_t *up, const unsigned *parts,
    unsigned n);
static pt_err_t s3_upload_complete(s3_upload_t *up);
static bool s3_upload_is_there(s3_upload_t *up);
static void s3_upload_abort(pt_s3_client_t *c, const char *key,
    const char *id);
static pt_err_t s3_delete_keys(pt_s3_client_t *c, char *const *keys,
    size_t n);
static void s3_delete_take(void *ctx, pt_str_t name);


pt_err_t
pt_s3_client_new(const pt_s3_t *s3, pt_s3_client_t **ret_client)
{
    pt_buf_t         host;
    pt_s3_client_t  *c;

    c = calloc(1, sizeof(*c));

    if (c == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(c);
        return PT_E_NOMEM;
    }

    c->s3 = *s3;
    (void) pthread_mutex_init(&c->lock, NULL);

    pt_buf_init(&host, &pt_mem_heap, sizeof(c->base));
    pt_s3_host(s3, &host);
    (void) snprintf(c->base, sizeof(c->base), "%s://%.*s", s3->scheme,
                    (int) host.len, host.data ? host.data : "");
    pt_buf_done(&host);

    *ret_client = c;
    return PT_OK;
}


void
pt_s3_client_free(pt_s3_client_t *c)
{
    if (c == NULL) {
        return;
    }

    while (c->nidle) {
        (void) curl_multi_cleanup(c->idle[--c->nidle]);
    }

    pt_s3_done(&c->s3);
    (void) pthread_mutex_destroy(&c->lock);
    free(c);
}


/* a multi handle keeps its connections: the next caller goes on with them */
static CURLM *
s3_multi_take(pt_s3_client_t *c)
{
    CURLM  *multi = NULL;

    (void) pthread_mutex_lock(&c->lock);

    if (c->nidle) {
        multi = c->idle[--c->nidle];
    }

    (void) pthread_mutex_unlock(&c->lock);

    return multi ? multi : curl_multi_init();
}


static void
s3_multi_give(pt_s3_client_t *c, CURLM *multi)
{
    (void) pthread_mutex_lock(&c->lock);

    if (c->nidle < S3_IDLE_MAX) {
        c->idle[c->nidle++] = multi;
        multi = NULL;
    }

    (void) pthread_mutex_unlock(&c->lock);

    if (multi) {
        (void) curl_multi_cleanup(multi);
    }
}


/* ---- requests ---- */

static void
s3_call_init(s3_call_t *call, const char *method, const char *key)
{
    memset(call, 0, sizeof(*call));
    call->request.method = method;
    call->request.key = key;
    call->fd = -1;
    pt_buf_init(&call->answer, &pt_mem_heap, S3_ANSWER_MAX);
}


static void
s3_call_done(s3_call_t *call)
{
    EVP_MD_CTX_free(call->hash);
    pt_buf_done(&call->answer);
}


static void
s3_call_query(s3_call_t *call, const char *name, const char *value)
{
    call->request.query[call->request.nquery++] = (pt_s3_param_t) {
        name, value
    };
}


/* until all are done, or the first has failed for good: its verdict */
static pt_err_t
s3_run(pt_s3_client_t *c, s3_call_t *calls, size_t n)
{
    int        running;
    CURLM     *multi;
    size_t     i;
    int64_t    wait_ms;
    CURLMsg   *msg;
    unsigned   open;
    pt_err_t   err = PT_OK;

    multi = s3_multi_take(c);
    if (multi == NULL) {
        return PT_E_NOMEM;
    }

    for ( ;; ) {
        open = s3_begin_due(c, multi, calls, n, &wait_ms);

        for (i = 0; i < n && err == PT_OK; i++) {
            err = s3_verdict(&calls[i]);
        }

        if (open == 0 || err != PT_OK) {
            break;
        }

        if (curl_multi_perform(multi, &running) != CURLM_OK) {
            errno = EIO;
            err = PT_E_STORAGE;
            break;
        }

        while ((msg = curl_multi_info_read(multi, &running)) != NULL) {
            s3_end(multi, msg);
            wait_ms = 0;
        }

        (void) curl_multi_poll(multi, NULL, 0, (int) wait_ms, NULL);
    }

    running = errno;

    for (i = 0; i < n; i++) {
        if (calls[i].easy) {
            (void) curl_multi_remove_handle(multi, calls[i].easy);
            curl_easy_cleanup(calls[i].easy);
            curl_slist_free_all(calls[i].headers);
            calls[i].easy = NULL;
            calls[i].headers = NULL;
        }
    }

    s3_multi_give(c, multi);
    errno = running;

    return err;
}


/* how many are not over; wait_ms: until the next is due */
static unsigned
s3_begin_due(pt_s3_client_t *c, CURLM *multi, s3_call_t *calls, size_t n,
    int64_t *wait_ms)
{
    size_t    i;
    int64_t   now = s3_now_ms();
    unsigned  open = 0, flying = 0;

    *wait_ms = 1000;

    for (i = 0; i < n; i++) {
        flying += calls[i].state == S3_FLIES;
    }

    for (i = 0; i < n; i++) {
        if (calls[i].state == S3_WAITS && flying < S3_PARALLEL) {

            if (calls[i].next_ms > now) {
                if (calls[i].next_ms - now < *wait_ms) {
                    *wait_ms = calls[i].next_ms - now;
                }

            } else if (s3_begin(c, multi, &calls[i])) {
                flying++;

            } else {
                calls[i].state = S3_FAILED;
            }
        }

        open += calls[i].state < S3_DONE;
    }

    return open;
}


static bool
s3_begin(pt_s3_client_t *c, CURLM *multi, s3_call_t *call)
{
    call->client = c;
    call->status = 0;
    call->tries++;
    call->request.payload = PT_S3_EMPTY_SHA256;
    pt_buf_reset(&call->answer);

    if (!call->download) {
        call->done = 0;
        call->etag[0] = '\0';
    }

    if (call->fd != -1 && !call->download && call->sha256[0] == '\0'
        && !s3_hash_body(call))
    {
        return false;
    }

    if (call->text.len) {
        uint8_t  hash[32];

        if (EVP_Digest(call->text.data, call->text.len, hash, NULL,
                       EVP_sha256(), NULL) != 1)
        {
            return false;
        }

        s3_hex(hash, sizeof(hash), call->sha256);
    }

    if (call->sha256[0]) {
        call->request.payload = c->s3.unsigned_payload ? PT_S3_UNSIGNED
                                                       : call->sha256;
    }

    if (call->download && call->done) {
        (void) snprintf(call->range, sizeof(call->range), "bytes=%llu-",
                        (unsigned long long) call->done);
        call->request.range = call->range;
    }

    call->easy = curl_easy_init();

    if (call->easy == NULL || !s3_address(c, call)
        || curl_multi_add_handle(multi, call->easy) != CURLM_OK)
    {
        curl_easy_cleanup(call->easy);
        curl_slist_free_all(call->headers);
        call->easy = NULL;
        call->headers = NULL;
        return false;
    }

    call->state = S3_FLIES;

    return true;
}


/* SHA-256 for the signature, MD5 for the ETag, in one reading */
static bool
s3_hash_body(s3_call_t *call)
{
    char         *chunk;
    bool          good;
    size_t        want;
    ssize_t       n;
    uint8_t       hash[32];
    uint64_t      at = 0;
    EVP_MD_CTX   *sha256 = EVP_MD_CTX_new(), *md5 = EVP_MD_CTX_new();

    chunk = malloc(S3_CHUNK);
    good = chunk && sha256 && md5
           && EVP_DigestInit_ex(sha256, EVP_sha256(), NULL) == 1
           && EVP_DigestInit_ex(md5, EVP_md5(), NULL) == 1;

    while (good && at < call->size) {
        want = call->size - at < S3_CHUNK ? (size_t) (call->size - at)
                                          : S3_CHUNK;
        n = pread(call->fd, chunk, want, (off_t) (call->offset + at));

        good = n > 0 && EVP_DigestUpdate(sha256, chunk, (size_t) n) == 1
               && EVP_DigestUpdate(md5, chunk, (size_t) n) == 1;
        at += n > 0 ? (uint64_t) n : 0;
    }

    if (good && EVP_DigestFinal_ex(sha256, hash, NULL) == 1) {
        s3_hex(hash, 32, call->sha256);
    }

    if (good && EVP_DigestFinal_ex(md5, hash, NULL) == 1) {
        s3_hex(hash, 16, call->md5);
    }

    EVP_MD_CTX_free(sha256);
    EVP_MD_CTX_free(md5);
    free(chunk);

    return call->md5[0] != '\0';
}


/* signed anew for each try: a signature ages */
static bool
s3_address(pt_s3_client_t *c, s3_call_t *call)
{
    bool      good;
    pt_buf_t  url, headers;

    pt_buf_init(&url, &pt_mem_heap, 8192);
    pt_buf_init(&headers, &pt_mem_heap, 8192);
    pt_buf_add_text(&url, c->base);

    good = pt_s3_sign(&c->s3, &call->request, (int64_t) time(NULL), &url,
                      &headers) == PT_OK;
    pt_buf_add_char(&url, '\0');

    good = good && url.err == PT_OK && s3_headers(call, &headers)
           && curl_easy_setopt(call->easy, CURLOPT_URL, url.data) == CURLE_OK;

    if (headers.data) {
        explicit_bzero(headers.data, headers.len);
    }

    pt_buf_done(&url);
    pt_buf_done(&headers);

    if (good) {
        s3_options(call);
    }

    return good;
}


static bool
s3_headers(s3_call_t *call, const pt_buf_t *lines)
{
    size_t              at;
    struct curl_slist  *more;

    /* libcurl would announce a body and wait, and give it a type */
    more = curl_slist_append(NULL, "Expect:");
    more = more ? curl_slist_append(more, "Content-Type:") : NULL;

    for (at = 0; more && at < lines->len;
         at += strlen(lines->data + at) + 1)
    {
        call->headers = more;
        more = curl_slist_append(more, lines->data + at);
    }

    if (more) {
        call->headers = more;
    }

    return more != NULL;
}


static void
s3_options(s3_call_t *call)
{
    CURL  *easy = call->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);

    if (call->client->s3.ca[0]) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, call->client->s3.ca);
    }

    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long) S3_CONNECT_S);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 64L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long) S3_STALL_S);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, s3_receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, s3_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->request.method);

    if (strcmp(call->request.method, "PUT") == 0 || call->text.len) {
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, s3_send);
        curl_easy_setopt(easy, CURLOPT_READDATA, call);
        curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, s3_rewind);
        curl_easy_setopt(easy, CURLOPT_SEEKDATA, call);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                         (curl_off_t) (call->text.len ? call->text.len
                                                      : call->size));

    } else if (strcmp(call->request.method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, 0L);

    } else if (strcmp(call->request.method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
}


static void
s3_end(CURLM *multi, CURLMsg *msg)
{
    CURL       *easy = msg->easy_handle;
    CURLcode    rc = msg->data.result;
    s3_call_t  *call;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &call);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &call->status);

    if (s3_is_good(call, rc)) {
        call->state = S3_DONE;

    } else {
        pt_log(PT_LOG_DEBUG, "s3", "%s %s: %s status=%ld try=%u",
               call->request.method,
               call->request.key ? call->request.key : "",
               curl_easy_strerror(rc), call->status, call->tries);

        if (rc != CURLE_OK && call->status < 300) {
            call->status = 0;                  /* it broke off */
        }

        s3_again(call);
    }

    (void) curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(call->headers);
    call->easy = NULL;
    call->headers = NULL;
}


static bool
s3_is_good(s3_call_t *call, CURLcode rc)
{
    return rc == CURLE_OK && call->status >= 200 && call->status < 300
           && call->answer.err == PT_OK && s3_is_whole(call);
}


/* is what lies there, or came here, what was sent? */
static bool
s3_is_whole(s3_call_t *call)
{
    char         hex[33];
    uint8_t      hash[EVP_MAX_MD_SIZE];
    EVP_MD_CTX  *copy;

    /* an ETag with "-" is of several parts, and says nothing of the whole */
    if (call->client->s3.etag_opaque || strlen(call->etag) != 32) {
        return true;
    }

    if (!call->download) {
        return call->md5[0] == '\0' || strcasecmp(call->etag, call->md5) == 0;
    }

    copy = EVP_MD_CTX_new();
    hex[0] = '\0';

    if (copy && EVP_MD_CTX_copy_ex(copy, call->hash) == 1
        && EVP_DigestFinal_ex(copy, hash, NULL) == 1)
    {
        s3_hex(hash, 16, hex);
    }

    EVP_MD_CTX_free(copy);

    if (strcasecmp(call->etag, hex) == 0) {
        return true;
    }

    pt_log(PT_LOG_ERROR, "s3", "%s came with other bytes than its ETag says",
           call->request.key);
    s3_restart(call);

    return false;
}


static void
s3_again(s3_call_t *call)
{
    unsigned  pause = S3_PAUSE_MS << (call->tries - 1);
    bool      worth;

    worth = call->status == 0 || call->status == 408 || call->status == 429
            || call->status >= 500 || (call->status >= 200
                                       && call->status < 300);

    /* a slow upload is refused as 400 RequestTimeout */
    if (call->status == 400) {
        worth = pt_s3_between(pt_buf_str(&call->answer),
                              "<Code>RequestTimeout", "<",
                              &(pt_str_t) { 0 }, &(pt_str_t) { 0 });
    }

    if (!worth || call->tries == S3_TRIES) {
        call->state = S3_FAILED;
        return;
    }

    pause = pause < S3_PAUSE_MAX ? pause : S3_PAUSE_MAX;
    call->next_ms = s3_now_ms() + pause / 2 + arc4random_uniform(pause / 2);
    call->state = S3_WAITS;
}


/* a download from its first byte */
static void
s3_restart(s3_call_t *call)
{
    call->done = 0;
    call->etag[0] = '\0';
    call->request.range = NULL;

    if (ftruncate(call->fd, 0) == -1
        || EVP_DigestInit_ex(call->hash, EVP_md5(), NULL) != 1)
    {
        call->tries = S3_TRIES;
    }
}


/* PT_OK while it has not failed */
static pt_err_t
s3_verdict(const s3_call_t *call)
{
    if (call->state != S3_FAILED) {
        return PT_OK;
    }

    if (call->status == 404
        && (call->answer.len == 0
            || memmem(call->answer.data, call->answer.len, "NoSuchBucket", 12)
               == NULL))
    {
        errno = ENOENT;
        return PT_E_NOT_FOUND;
    }

    errno = call->status == 0 ? ETIMEDOUT
            : call->status == 401 || call->status == 403 ? EACCES
            : call->status < 300 ? EBADMSG : EIO;

    pt_log(PT_LOG_WARN, "s3", "%s of \"%s\" failed after %u tries: status=%ld",
           call->request.method, call->request.key ? call->request.key : "",
           call->tries, call->status);

    return PT_E_STORAGE;
}


static size_t
s3_send(char *to, size_t size, size_t n, void *ctx)
{
    size_t      room = size * n;
    ssize_t     got;
    uint64_t    left;
    s3_call_t  *call = ctx;

    left = (call->text.len ? call->text.len : call->size) - call->done;
    room = left < room ? (size_t) left : room;

    if (call->text.len) {
        memcpy(to, call->text.data + call->done, room);
        got = (ssize_t) room;

    } else {
        got = room ? pread(call->fd, to, room,
                           (off_t) (call->offset + call->done)) : 0;
    }

    if (got < 0) {
        return CURL_READFUNC_ABORT;
    }

    call->done += (uint64_t) got;

    return (size_t) got;
}


/* libcurl tries once more by itself where a kept connection was closed */
static int
s3_rewind(void *ctx, curl_off_t offset, int origin)
{
    s3_call_t  *call = ctx;

    if (origin != SEEK_SET) {
        return CURL_SEEKFUNC_CANTSEEK;
    }

    call->done = (uint64_t) offset;

    return CURL_SEEKFUNC_OK;
}


static size_t
s3_receive(char *data, size_t size, size_t n, void *ctx)
{
    size_t      len = size * n, at = 0;
    ssize_t     wrote;
    s3_call_t  *call = ctx;

    (void) curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE,
                             &call->status);

    if (!call->download || call->status >= 300) {
        pt_buf_add(&call->answer, data, len);
        return call->answer.err == PT_OK ? len : 0;
    }

    /* all again, though a range was asked for */
    if (call->status == 200 && call->request.range) {
        s3_restart(call);
    }

    while (at < len) {
        wrote = pwrite(call->fd, data + at, len - at, (off_t) call->done);

        if (wrote <= 0) {
            call->tries = S3_TRIES;            /* our disk, not the server */
            return 0;
        }

        if (EVP_DigestUpdate(call->hash, data + at, (size_t) wrote) != 1) {
            return 0;
        }

        at += (size_t) wrote;
        call->done += (uint64_t) wrote;
    }

    return len;
}


static size_t
s3_header(char *line, size_t size, size_t n, void *ctx)
{
    size_t      len = size * n, i, to = 0;
    s3_call_t  *call = ctx;

    if (len > 5 && strncasecmp(line, "ETag:", 5) == 0) {
        for (i = 5; i < len && to < sizeof(call->etag) - 1; i++) {
            if (line[i] > ' ' && line[i] != '"' && line[i] < 127
                && line[i] != '<' && line[i] != '&')
            {
                call->etag[to++] = line[i];
            }
        }

        call->etag[to] = '\0';
    }

    return len;
}


static int64_t
s3_now_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static void
s3_hex(const uint8_t *hash, size_t len, char *hex)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        (void) snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    }
}


/* ---- uploads ---- */

pt_err_t
pt_s3_put(pt_s3_client_t *c, const pt_s3_file_t *file, const char *state)
{
    int          saved;
    pt_err_t     err;
    s3_upload_t  up = { .client = c, .file = file, .state = state };

    if (file->size <= S3_PART) {
        return s3_put_one(c, file);
    }

    up.part = S3_PART;

    while (up.part * S3_PARTS_MAX < file->size) {
        up.part *= 2;
    }

    up.n = (unsigned) ((file->size + up.part - 1) / up.part);
    up.etags = calloc(up.n, sizeof(*up.etags));

    if (up.etags == NULL) {
        return PT_E_NOMEM;
    }

    if (state) {
        s3_upload_load(&up);
    }

    err = up.id[0] ? PT_OK : s3_upload_begin(&up);

    if (err == PT_OK) {
        err = s3_upload_parts(&up);
    }

    if (err == PT_OK) {
        err = s3_upload_complete(&up);
    }

    saved = errno;

    if (err != PT_OK && up.id[0] && state == NULL) {
        s3_upload_abort(c, file->key, up.id);
    }

    /* done, or the server knows that upload no more: the next begins anew */
    if (state && (err == PT_OK || err == PT_E_NOT_FOUND)) {
        (void) unlink(state);
    }

    free(up.etags);
    errno = err == PT_E_NOT_FOUND ? EIO : saved;

    return err == PT_E_NOT_FOUND ? PT_E_STORAGE : err;
}


static pt_err_t
s3_put_one(pt_s3_client_t *c, const pt_s3_file_t *file)
{
    pt_err_t   err;
    s3_call_t  call;

    s3_call_init(&call, "PUT", file->key);
    call.fd = file->fd;
    call.size = file->size;

    err = s3_run(c, &call, 1);
    s3_call_done(&call);

    return err == PT_E_NOT_FOUND ? PT_E_STORAGE : err;   /* no such bucket */
}


pt_err_t
pt_s3_put_many(pt_s3_client_t *c, const pt_s3_file_t *files, size_t n)
{
    size_t      i, used = 0;
    pt_err_t    err = PT_OK;
    s3_call_t  *calls;

    calls = calloc(n ? n : 1, sizeof(*calls));
    if (calls == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < n && err == PT_OK; i++) {
        if (files[i].size > S3_PART) {
            err = pt_s3_put(c, &files[i], NULL);
            continue;
        }

        s3_call_init(&calls[used], "PUT", files[i].key);
        calls[used].fd = files[i].fd;
        calls[used++].size = files[i].size;
    }

    if (err == PT_OK) {
        err = s3_run(c, calls, used);
    }

    for (i = 0; i < used; i++) {
        s3_call_done(&calls[i]);
    }

    free(calls);

    return err == PT_E_NOT_FOUND ? PT_E_STORAGE : err;
}


static pt_err_t
s3_upload_begin(s3_upload_t *up)
{
    FILE       *f;
    pt_err_t    err;
    pt_str_t    id;
    s3_call_t   call;

    s3_call_init(&call, "POST", up->file->key);
    s3_call_query(&call, "uploads", NULL);
    err = s3_run(up->client, &call, 1);

    if (err == PT_OK
        && !pt_s3_upload_id(pt_buf_str(&call.answer), sizeof(up->id), &id))
    {
        errno = EBADMSG;
        err = PT_E_STORAGE;
    }

    if (err == PT_OK) {
        memcpy(up->id, id.data, id.len);
    }

    s3_call_done(&call);

    if (err == PT_OK && up->state) {
        f = fopen(up->state, "we");

        if (f == NULL
            || fprintf(f, "%llu %s\n", (unsigned long long) up->part, up->id)
               < 0
            || fclose(f) != 0)
        {
            return PT_E_STORAGE;
        }
    }

    return err;
}


/* "PART-SIZE UPLOAD-ID", then "NUMBER ETAG" of each part that was taken; a
 * last line that was cut short has no line end */
static void
s3_upload_load(s3_upload_t *up)
{
    FILE                *f;
    char                 line[S3_ID_MAX + 32], etag[80];
    unsigned             number;
    unsigned long long   part;

    f = fopen(up->state, "re");
    if (f == NULL) {
        return;
    }

    if (fgets(line, sizeof(line), f) == NULL || strchr(line, '\n') == NULL
        || sscanf(line, "%llu %1023s", &part, up->id) != 2 || part != up->part)
    {
        up->id[0] = '\0';
    }

    while (up->id[0] && fgets(line, sizeof(line), f)) {
        if (strchr(line, '\n') && sscanf(line, "%u %79s", &number, etag) == 2
            && number >= 1 && number <= up->n)
        {
            memcpy(up->etags[number - 1], etag, sizeof(etag));
        }
    }

    (void) fclose(f);
}


/* to forget one only means to send that part again */
static void
s3_upload_remember(s3_upload_t *up, unsigned i)
{
    FILE  *f;

    f = up->state ? fopen(up->state, "ae") : NULL;

    if (f) {
        (void) fprintf(f, "%u %s\n", i + 1, up->etags[i]);
        (void) fclose(f);
    }
}


static pt_err_t
s3_upload_parts(s3_upload_t *up)
{
    pt_err_t  err = PT_OK;
    unsigned  i, n = 0, parts[S3_PARALLEL];

    for (i = 0; i < up->n && err == PT_OK; i++) {
        if (up->etags[i][0] == '\0') {
            parts[n++] = i;
        }

        if (n == S3_PARALLEL || (n && i + 1 == up->n)) {
            err = s3_upload_some(up, parts, n);
            n = 0;
        }
    }

    return err;
}


/* those that were taken are remembered, whatever became of the others */
static pt_err_t
s3_upload_some(s3_upload_t *up, const unsigned *parts, unsigned n)
{
    char        number[S3_PARALLEL][12];
    pt_err_t    err;
    unsigned    i;
    uint64_t    left;
    s3_call_t   calls[S3_PARALLEL];

    for (i = 0; i < n; i++) {
        s3_call_init(&calls[i], "PUT", up->file->key);
        (void) snprintf(number[i], sizeof(number[i]), "%u", parts[i] + 1);
        s3_call_query(&calls[i], "partNumber", number[i]);
        s3_call_query(&calls[i], "uploadId", up->id);

        calls[i].fd = up->file->fd;
        calls[i].offset = parts[i] * up->part;
        left = up->file->size - calls[i].offset;
        calls[i].size = left < up->part ? left : up->part;
    }

    err = s3_run(up->client, calls, n);

    for (i = 0; i < n; i++) {
        if (calls[i].state == S3_DONE && calls[i].etag[0]) {
            memcpy(up->etags[parts[i]], calls[i].etag, sizeof(calls[i].etag));
            s3_upload_remember(up, parts[i]);

        } else if (err == PT_OK) {
            errno = EBADMSG;
            err = PT_E_STORAGE;
        }

        s3_call_done(&calls[i]);
    }

    return err;
}


/* its answer may say 200 and be an error: S3 begins it before it knows */
static pt_err_t
s3_upload_complete(s3_upload_t *up)
{
    bool       good;
    pt_err_t   err;
    pt_buf_t   body;
    unsigned   i;
    s3_call_t  call;

    pt_buf_init(&body, &pt_mem_heap, S3_ANSWER_MAX);
    pt_buf_add_text(&body, "<CompleteMultipartUpload>");

    for (i = 0; i < up->n; i++) {
        pt_buf_printf(&body, "<Part><PartNumber>%u</PartNumber>"
                      "<ETag>\"%s\"</ETag></Part>", i + 1, up->etags[i]);
    }

    pt_buf_add_text(&body, "</CompleteMultipartUpload>");

    s3_call_init(&call, "POST", up->file->key);
    s3_call_query(&call, "uploadId", up->id);
    call.text = pt_buf_str(&body);

    err = body.err == PT_OK ? s3_run(up->client, &call, 1) : body.err;

    good = err == PT_OK && call.answer.len
           && memmem(call.answer.data, call.answer.len,
                     "<CompleteMultipartUploadResult", 30) != NULL;

    /* the try before it was taken, and its answer was lost */
    if (!good && (err == PT_OK || err == PT_E_NOT_FOUND)) {
        good = s3_upload_is_there(up);
    }

    s3_call_done(&call);
    pt_buf_done(&body);

    if (good) {
        return PT_OK;
    }

    errno = err == PT_OK ? EIO : errno;

    return err == PT_OK ? PT_E_STORAGE : err;
}


/* whole: S3 shows an object of several parts only when it is complete */
static bool
s3_upload_is_there(s3_upload_t *up)
{
    bool       good;
    s3_call_t  call;

    s3_call_init(&call, "HEAD", up->file->key);
    good = s3_run(up->client, &call, 1) == PT_OK;
    s3_call_done(&call);

    return good;
}


static void
s3_upload_abort(pt_s3_client_t *c, const char *key, const char *id)
{
    s3_call_t  call;

    s3_call_init(&call, "DELETE", key);
    s3_call_query(&call, "uploadId", id);

    if (s3_run(c, &call, 1) != PT_OK) {
        pt_log(PT_LOG_WARN, "s3", "parts of \"%s\" stay in the bucket until "
               "its rules remove them", key);
    }

    s3_call_done(&call);
}


void
pt_s3_forget(pt_s3_client_t *c, const char *key, const char *state)
{
    FILE  *f;
    char   id[S3_ID_MAX];

    f = fopen(state, "re");
    if (f == NULL) {
        return;
    }

    if (fscanf(f, "%*u %1023s", id) == 1) {
        s3_upload_abort(c, key, id);
    }

    (void) fclose(f);
    (void) unlink(state);
}


/* ---- the rest ---- */

pt_err_t
pt_s3_get(pt_s3_client_t *c, const char *key, int fd)
{
    pt_err_t   err;
    s3_call_t  call;

    s3_call_init(&call, "GET", key);
    call.fd = fd;
    call.download = true;
    call.hash = EVP_MD_CTX_new();

    if (call.hash == NULL
        || EVP_DigestInit_ex(call.hash, EVP_md5(), NULL) != 1)
    {
        s3_call_done(&call);
        return PT_E_NOMEM;
    }

    err = s3_run(c, &call, 1);
    s3_call_done(&call);

    return err;
}


pt_err_t
pt_s3_delete(pt_s3_client_t *c, const char *key)
{
    size_t      i;
    pt_err_t    err;
    s3_keys_t  *keys;

    keys = calloc(1, sizeof(*keys));
    if (keys == NULL) {
        return PT_E_NOMEM;
    }

    keys->folder = key;
    err = s3_delete_keys(c, (char *const *) &key, 1);

    /* what is listed is gone the next time */
    do {
        keys->n = 0;

        if (err == PT_OK) {
            err = pt_s3_list(c, key, "", true, s3_delete_take, keys);
        }

        if (err == PT_OK && keys->failed) {
            err = PT_E_NOMEM;
        }

        if (err == PT_OK && keys->n) {
            err = s3_delete_keys(c, keys->keys, keys->n);
        }

        for (i = 0; i < keys->n; i++) {
            free(keys->keys[i]);
        }

    } while (err == PT_OK && keys->n == PT_S3_LIST_MAX);

    free(keys);

    return err;
}


static void
s3_delete_take(void *ctx, pt_str_t name)
{
    char       *key;
    s3_keys_t  *keys = ctx;

    if (keys->n == PT_S3_LIST_MAX) {
        return;
    }

    if (asprintf(&key, "%s/%.*s", keys->folder, PT_STR_ARG(name)) == -1) {
        keys->failed = true;
        return;
    }

    keys->keys[keys->n++] = key;
}


/* one by one: DeleteObjects wants MD5 here and a CRC there */
static pt_err_t
s3_delete_keys(pt_s3_client_t *c, char *const *keys, size_t n)
{
    size_t      i;
    pt_err_t    err;
    s3_call_t  *calls;

    calls = calloc(n, sizeof(*calls));
    if (calls == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < n; i++) {
        s3_call_init(&calls[i], "DELETE", keys[i]);
    }

    err = s3_run(c, calls, n);

    for (i = 0; i < n; i++) {
        s3_call_done(&calls[i]);
    }

    free(calls);

    return err == PT_E_NOT_FOUND ? PT_OK : err;
}


pt_err_t
pt_s3_list(pt_s3_client_t *c, const char *folder, const char *after,
    bool deep, pt_s3_list_fn fn, void *ctx)
{
    char       prefix[PT_KEY_MAX + 136], start[2 * PT_KEY_MAX + 144];
    size_t     skip;
    pt_err_t   err;
    s3_call_t  call;

    (void) snprintf(prefix, sizeof(prefix), "%s%s/", c->s3.prefix, folder);
    skip = strlen(prefix);

    /* "/" is before, "0" behind all that a folder's own name may go on with */
    (void) snprintf(start, sizeof(start), "%s%s%s", prefix, after,
                    !deep && after[0] ? "0" : "");

    s3_call_init(&call, "GET", NULL);
    s3_call_query(&call, "list-type", "2");
    s3_call_query(&call, "prefix", prefix);

    if (!deep) {
        s3_call_query(&call, "delimiter", "/");
    }

    if (after[0]) {
        s3_call_query(&call, "start-after", start);
    }

    err = s3_run(c, &call, 1);

    if (err == PT_OK) {
        pt_s3_names(pt_buf_str(&call.answer), skip, fn, ctx);
    }

    s3_call_done(&call);

    return err == PT_E_NOT_FOUND ? PT_E_STORAGE : err;
}
