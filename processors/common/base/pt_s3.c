/* S3's places, and the signatures of requests to them. */

#include "pt_s3.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define S3_LINE_MAX   2304       /* of a file with credentials */
#define S3_PARAMS     (PT_S3_QUERY_MAX + 6)
#define S3_TEXT_MAX   (16u << 10)


/* what is being signed */
typedef struct {
    const pt_s3_t          *s3;
    const pt_s3_request_t  *request;
    char                    date[PT_S3_DATE_LEN + 1];
    char                    scope[80];
    pt_s3_param_t           query[S3_PARAMS];
    unsigned                nquery;
    bool                    presign;
} pt_s3_signing_t;


typedef struct {
    const char  *name;
    size_t       offset;
    size_t       size;
} pt_s3_text_t;


static bool pt_s3_location(pt_s3_t *s3, pt_str_t word);
static bool pt_s3_endpoint(pt_s3_t *s3, pt_str_t value);
static const char *pt_s3_option(pt_s3_t *s3, pt_str_t word);
static bool pt_s3_choice(pt_str_t value, const char *no, const char *yes,
    bool *ret);
static bool pt_s3_copy(char *to, size_t size, pt_str_t from,
    const char *more);
static pt_err_t pt_s3_read(pt_s3_t *s3);
static void pt_s3_line(pt_s3_t *s3, char *line);
static void pt_s3_begin(pt_s3_signing_t *sg, const pt_s3_t *s3,
    const pt_s3_request_t *request, int64_t now_s);
static void pt_s3_add(pt_s3_signing_t *sg, const char *name,
    const char *value);
static int pt_s3_compare(const void *a, const void *b);
static void pt_s3_encode(pt_buf_t *to, const char *text, bool slash);
static void pt_s3_path(pt_s3_signing_t *sg, pt_buf_t *to);
static void pt_s3_query(pt_s3_signing_t *sg, pt_buf_t *to);
static const char *pt_s3_signed(const pt_s3_signing_t *sg);
static void pt_s3_canonical(pt_s3_signing_t *sg, pt_buf_t *to);
static pt_err_t pt_s3_signature(pt_s3_signing_t *sg, char hex[65]);
static bool pt_s3_hmac(const uint8_t *key, size_t len, const char *data,
    size_t data_len, uint8_t out[32]);
static void pt_s3_hex(const uint8_t hash[32], char hex[65]);


static const pt_s3_text_t  pt_s3_secrets[] = {
    { "access_key_id", offsetof(pt_s3_t, access),
      sizeof(((pt_s3_t *) 0)->access) },
    { "secret_access_key", offsetof(pt_s3_t, secret),
      sizeof(((pt_s3_t *) 0)->secret) },
    { "session_token", offsetof(pt_s3_t, token),
      sizeof(((pt_s3_t *) 0)->token) }
};

static const char *const  pt_s3_environment[] = {
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
};


pt_err_t
pt_s3_parse(const pt_str_t *words, size_t n, pt_s3_t *ret_s3,
    const char **ret_why)
{
    size_t       i;
    pt_s3_t      s3;
    const char  *why = NULL;

    memset(&s3, 0, sizeof(s3));
    memcpy(s3.region, "us-east-1", sizeof("us-east-1"));

    if (n == 0 || !pt_s3_location(&s3, words[0])) {
        *ret_why = "the place is s3://BUCKET or s3://BUCKET/PREFIX";
        return PT_E_INVALID;
    }

    for (i = 1; i < n && why == NULL; i++) {
        why = pt_s3_option(&s3, words[i]);
    }

    if (why) {
        *ret_why = why;
        return PT_E_INVALID;
    }

    if (s3.host[0] == '\0') {
        memcpy(s3.scheme, "https", sizeof("https"));
        (void) snprintf(s3.host, sizeof(s3.host), "s3.%s.amazonaws.com",
                        s3.region);
    }

    *ret_s3 = s3;
    return PT_OK;
}


static bool
pt_s3_location(pt_s3_t *s3, pt_str_t word)
{
    size_t       i;
    pt_str_t     bucket, prefix = PT_STR("");
    const char  *slash;

    if (word.len < 6 || memcmp(word.data, "s3://", 5) != 0) {
        return false;
    }

    bucket = (pt_str_t) { word.data + 5, word.len - 5 };
    slash = memchr(bucket.data, '/', bucket.len);

    if (slash) {
        prefix.data = slash + 1;
        prefix.len = bucket.len - (size_t) (slash + 1 - bucket.data);
        bucket.len = (size_t) (slash - bucket.data);
    }

    while (prefix.len && prefix.data[prefix.len - 1] == '/') {
        prefix.len--;
    }

    for (i = 0; i < bucket.len; i++) {
        if (memchr("abcdefghijklmnopqrstuvwxyz0123456789.-", bucket.data[i],
                   38)
            == NULL)
        {
            return false;
        }
    }

    for (i = 0; i < prefix.len; i++) {
        if (prefix.data[i] <= ' ' || prefix.data[i] > '~'
            || strchr("&<>\"'?#%\\", prefix.data[i]))
        {
            return false;
        }
    }

    return bucket.len >= 3
           && pt_s3_copy(s3->bucket, sizeof(s3->bucket), bucket, "")
           && pt_s3_copy(s3->prefix, sizeof(s3->prefix), prefix,
                         prefix.len ? "/" : "");
}


/* NULL: taken, else what is wrong */
static const char *
pt_s3_option(pt_s3_t *s3, pt_str_t word)
{
    pt_str_t     key, value;
    const char  *eq = memchr(word.data, '=', word.len);

    if (eq == NULL) {
        return "an option is key=value";
    }

    key = (pt_str_t) { word.data, (size_t) (eq - word.data) };
    value = (pt_str_t) { eq + 1, word.len - key.len - 1 };

    if (pt_str_is(key, "endpoint")) {
        return pt_s3_endpoint(s3, value) ? NULL
               : "endpoint= is http://HOST[:PORT] or https://...";
    }

    if (pt_str_is(key, "region")) {
        return value.len
               && pt_s3_copy(s3->region, sizeof(s3->region), value, "")
               ? NULL : "region= has 1 to 32 characters";
    }

    if (pt_str_is(key, "credentials")) {
        return value.len && value.data[0] == '/'
               && pt_s3_copy(s3->credentials, sizeof(s3->credentials), value,
                             "")
               ? NULL : "credentials= names a file by its full path";
    }

    if (pt_str_is(key, "ca")) {
        return value.len && value.data[0] == '/'
               && pt_s3_copy(s3->ca, sizeof(s3->ca), value, "")
               ? NULL : "ca= names a file by its full path";
    }

    if (pt_str_is(key, "style")) {
        return pt_s3_choice(value, "path", "host", &s3->host_style)
               ? NULL : "style= is path or host";
    }

    if (pt_str_is(key, "payload")) {
        return pt_s3_choice(value, "signed", "unsigned",
                            &s3->unsigned_payload)
               ? NULL : "payload= is signed or unsigned";
    }

    if (pt_str_is(key, "etag")) {
        return pt_s3_choice(value, "md5", "opaque", &s3->etag_opaque)
               ? NULL : "etag= is md5 or opaque";
    }

    return "known are endpoint=, region=, style=, payload=, etag=, ca= and "
           "credentials=";
}


static bool
pt_s3_endpoint(pt_s3_t *s3, pt_str_t value)
{
    size_t  i, scheme;

    scheme = value.len > 7 && memcmp(value.data, "http://", 7) == 0 ? 4
             : value.len > 8 && memcmp(value.data, "https://", 8) == 0 ? 5
             : 0;

    if (scheme == 0) {
        return false;
    }

    (void) pt_s3_copy(s3->scheme, sizeof(s3->scheme),
                      (pt_str_t) { value.data, scheme }, "");

    value.data += scheme + 3;
    value.len -= scheme + 3;

    if (value.len && value.data[value.len - 1] == '/') {
        value.len--;
    }

    /* lower case, as clients send Host: it is part of what is signed */
    for (i = 0; i < value.len; i++) {
        if (memchr("abcdefghijklmnopqrstuvwxyz0123456789.-:[]",
                   value.data[i], 41)
            == NULL)
        {
            return false;
        }
    }

    return value.len && pt_s3_copy(s3->host, sizeof(s3->host), value, "");
}


static bool
pt_s3_choice(pt_str_t value, const char *no, const char *yes, bool *ret)
{
    *ret = pt_str_is(value, yes);

    return *ret || pt_str_is(value, no);
}


static bool
pt_s3_copy(char *to, size_t size, pt_str_t from, const char *more)
{
    if (from.len + strlen(more) >= size) {
        return false;
    }

    (void) snprintf(to, size, "%.*s%s", PT_STR_ARG(from), more);

    return true;
}


pt_err_t
pt_s3_credentials(pt_s3_t *s3, const char **ret_why)
{
    size_t       i;
    const char  *value;

    if (s3->credentials[0]) {
        if (pt_s3_read(s3) != PT_OK) {
            *ret_why = "the file with credentials cannot be read";
            return PT_E_NOT_FOUND;
        }

    } else {
        for (i = 0; i < 3; i++) {
            value = getenv(pt_s3_environment[i]);

            if (value) {
                (void) pt_s3_copy((char *) s3 + pt_s3_secrets[i].offset,
                                  pt_s3_secrets[i].size, pt_str(value), "");
            }
        }
    }

    if (s3->access[0] == '\0' || s3->secret[0] == '\0') {
        *ret_why = s3->credentials[0]
                   ? "the file has no access_key_id or no secret_access_key"
                   : "AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is missing";
        return PT_E_NOT_FOUND;
    }

    return PT_OK;
}


static pt_err_t
pt_s3_read(pt_s3_t *s3)
{
    FILE  *f;
    char   line[S3_LINE_MAX];

    f = fopen(s3->credentials, "re");
    if (f == NULL) {
        return PT_E_NOT_FOUND;
    }

    while (fgets(line, sizeof(line), f)) {
        pt_s3_line(s3, line);
    }

    explicit_bzero(line, sizeof(line));
    (void) fclose(f);

    return PT_OK;
}


/* "name value" or "name = value", with "aws_" before the name or not */
static void
pt_s3_line(pt_s3_t *s3, char *line)
{
    char    *name, *value, *rest;
    size_t   i;

    name = strtok_r(line, " \t=\r\n", &rest);
    value = name ? strtok_r(NULL, " \t\r\n", &rest) : NULL;

    if (value && strcmp(value, "=") == 0) {
        value = strtok_r(NULL, " \t\r\n", &rest);
    }

    if (value == NULL) {
        return;
    }

    name += strncmp(name, "aws_", 4) == 0 ? 4 : 0;

    for (i = 0; i < 3; i++) {
        if (strcmp(name, pt_s3_secrets[i].name) == 0) {
            (void) pt_s3_copy((char *) s3 + pt_s3_secrets[i].offset,
                              pt_s3_secrets[i].size, pt_str(value), "");
        }
    }
}


pt_err_t
pt_s3_sign(const pt_s3_t *s3, const pt_s3_request_t *request, int64_t now_s,
    pt_buf_t *target, pt_buf_t *headers)
{
    char             hex[65];
    pt_err_t         err;
    pt_s3_signing_t  sg;

    pt_s3_begin(&sg, s3, request, now_s);
    err = pt_s3_signature(&sg, hex);

    if (err != PT_OK) {
        return err;
    }

    pt_s3_path(&sg, target);

    if (sg.nquery) {
        pt_buf_add_char(target, '?');
        pt_s3_query(&sg, target);
    }

    pt_buf_printf(headers, "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s,"
                  "SignedHeaders=%s,Signature=%s", s3->access, sg.scope,
                  pt_s3_signed(&sg), hex);
    pt_buf_add_char(headers, '\0');
    pt_buf_printf(headers, "x-amz-date: %s", sg.date);
    pt_buf_add_char(headers, '\0');
    pt_buf_printf(headers, "x-amz-content-sha256: %s", request->payload);
    pt_buf_add_char(headers, '\0');

    if (request->range) {
        pt_buf_printf(headers, "Range: %s", request->range);
        pt_buf_add_char(headers, '\0');
    }

    if (s3->token[0]) {
        pt_buf_printf(headers, "x-amz-security-token: %s", s3->token);
        pt_buf_add_char(headers, '\0');
    }

    return target->err != PT_OK ? target->err : headers->err;
}


pt_err_t
pt_s3_presign(const pt_s3_t *s3, const pt_s3_request_t *request,
    int64_t now_s, unsigned expires_s, pt_buf_t *target)
{
    char             hex[65], credential[224], expires[16];
    pt_err_t         err;
    pt_s3_signing_t  sg;

    pt_s3_begin(&sg, s3, request, now_s);
    sg.presign = true;

    (void) snprintf(credential, sizeof(credential), "%s/%s", s3->access,
                    sg.scope);
    (void) snprintf(expires, sizeof(expires), "%u", expires_s);

    pt_s3_add(&sg, "X-Amz-Algorithm", "AWS4-HMAC-SHA256");
    pt_s3_add(&sg, "X-Amz-Credential", credential);
    pt_s3_add(&sg, "X-Amz-Date", sg.date);
    pt_s3_add(&sg, "X-Amz-Expires", expires);
    pt_s3_add(&sg, "X-Amz-SignedHeaders", pt_s3_signed(&sg));

    if (s3->token[0]) {
        pt_s3_add(&sg, "X-Amz-Security-Token", s3->token);
    }

    err = pt_s3_signature(&sg, hex);
    if (err != PT_OK) {
        return err;
    }

    pt_s3_path(&sg, target);
    pt_buf_add_char(target, '?');
    pt_s3_query(&sg, target);
    pt_buf_printf(target, "&X-Amz-Signature=%s", hex);

    return target->err;
}


void
pt_s3_host(const pt_s3_t *s3, pt_buf_t *host)
{
    if (s3->host_style) {
        pt_buf_add_text(host, s3->bucket);
        pt_buf_add_char(host, '.');
    }

    pt_buf_add_text(host, s3->host);
}


void
pt_s3_direct_key(pt_str_t user, const pt_id_t *id,
    char key[PT_S3_DIRECT_LEN])
{
    char     hex[65], text[PT_ID_TEXT_LEN];
    uint8_t  hash[32] = { 0 };

    /* of memory that is there: it does not fail */
    (void) EVP_Digest(user.data, user.len, hash, NULL, EVP_sha256(), NULL);
    pt_s3_hex(hash, hex);
    pt_id_format(id, text);

    (void) snprintf(key, PT_S3_DIRECT_LEN, "direct/%.16s/%.*s", hex,
                    PT_ID_TEXT_LEN, text);
}


void
pt_s3_done(pt_s3_t *s3)
{
    explicit_bzero(s3, sizeof(*s3));
}


static void
pt_s3_begin(pt_s3_signing_t *sg, const pt_s3_t *s3,
    const pt_s3_request_t *request, int64_t now_s)
{
    time_t     t = (time_t) now_s;
    unsigned   i;
    struct tm  tm;

    memset(sg, 0, sizeof(*sg));
    sg->s3 = s3;
    sg->request = request;

    (void) gmtime_r(&t, &tm);
    (void) strftime(sg->date, sizeof(sg->date), "%Y%m%dT%H%M%SZ", &tm);
    (void) snprintf(sg->scope, sizeof(sg->scope), "%.8s/%s/s3/aws4_request",
                    sg->date, s3->region);

    for (i = 0; i < request->nquery; i++) {
        pt_s3_add(sg, request->query[i].name, request->query[i].value);
    }
}


static void
pt_s3_add(pt_s3_signing_t *sg, const char *name, const char *value)
{
    sg->query[sg->nquery++] = (pt_s3_param_t) { name, value ? value : "" };

    qsort(sg->query, sg->nquery, sizeof(sg->query[0]), pt_s3_compare);
}


/* no name of ours is given twice, none needs encoding */
static int
pt_s3_compare(const void *a, const void *b)
{
    const pt_s3_param_t  *l = a, *r = b;

    return strcmp(l->name, r->name);
}


static void
pt_s3_encode(pt_buf_t *to, const char *text, bool slash)
{
    for (; *text; text++) {
        if ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z')
            || (*text >= '0' && *text <= '9')
            || *text == '-' || *text == '.' || *text == '_' || *text == '~'
            || (*text == '/' && !slash))
        {
            pt_buf_add_char(to, *text);

        } else {
            pt_buf_printf(to, "%%%02X", (unsigned char) *text);
        }
    }
}


static void
pt_s3_path(pt_s3_signing_t *sg, pt_buf_t *to)
{
    const pt_s3_t  *s3 = sg->s3;

    pt_buf_add_char(to, '/');

    if (!s3->host_style) {
        pt_buf_add_text(to, s3->bucket);

        if (sg->request->key) {
            pt_buf_add_char(to, '/');
        }
    }

    if (sg->request->key) {
        pt_s3_encode(to, s3->prefix, false);
        pt_s3_encode(to, sg->request->key, false);
    }
}


static void
pt_s3_query(pt_s3_signing_t *sg, pt_buf_t *to)
{
    unsigned  i;

    for (i = 0; i < sg->nquery; i++) {
        if (i) {
            pt_buf_add_char(to, '&');
        }

        pt_s3_encode(to, sg->query[i].name, true);
        pt_buf_add_char(to, '=');
        pt_s3_encode(to, sg->query[i].value, true);
    }
}


static const char *
pt_s3_signed(const pt_s3_signing_t *sg)
{
    bool  token = sg->s3->token[0] != '\0';

    if (sg->presign) {
        return sg->request->size ? "content-length;host" : "host";
    }

    if (sg->request->range) {
        return token ? "host;range;x-amz-content-sha256;x-amz-date;"
                       "x-amz-security-token"
                     : "host;range;x-amz-content-sha256;x-amz-date";
    }

    return token ? "host;x-amz-content-sha256;x-amz-date;x-amz-security-token"
                 : "host;x-amz-content-sha256;x-amz-date";
}


static void
pt_s3_canonical(pt_s3_signing_t *sg, pt_buf_t *to)
{
    const pt_s3_request_t  *request = sg->request;

    pt_buf_printf(to, "%s\n", request->method);
    pt_s3_path(sg, to);
    pt_buf_add_char(to, '\n');
    pt_s3_query(sg, to);
    pt_buf_add_char(to, '\n');

    if (sg->presign && request->size) {
        pt_buf_printf(to, "content-length:%llu\n",
                      (unsigned long long) request->size);
    }

    pt_buf_add_text(to, "host:");
    pt_s3_host(sg->s3, to);
    pt_buf_add_char(to, '\n');

    if (!sg->presign) {
        if (request->range) {
            pt_buf_printf(to, "range:%s\n", request->range);
        }

        pt_buf_printf(to, "x-amz-content-sha256:%s\nx-amz-date:%s\n",
                      request->payload, sg->date);

        if (sg->s3->token[0]) {
            pt_buf_printf(to, "x-amz-security-token:%s\n", sg->s3->token);
        }
    }

    pt_buf_printf(to, "\n%s\n%s", pt_s3_signed(sg),
                  sg->presign ? PT_S3_UNSIGNED : request->payload);
}


static pt_err_t
pt_s3_signature(pt_s3_signing_t *sg, char hex[65])
{
    int       n;
    bool      good;
    char      text[256], key[sizeof("AWS4") + sizeof(sg->s3->secret)];
    uint8_t   hash[32], k[32];
    pt_buf_t  canonical;

    pt_buf_init(&canonical, &pt_mem_heap, S3_TEXT_MAX);
    pt_s3_canonical(sg, &canonical);

    if (canonical.err != PT_OK) {
        pt_buf_done(&canonical);
        return canonical.err;
    }

    good = EVP_Digest(canonical.data, canonical.len, hash, NULL, EVP_sha256(),
                      NULL) == 1;
    pt_buf_done(&canonical);

    pt_s3_hex(hash, hex);
    n = snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s\n%s", sg->date,
                 sg->scope, hex);

    (void) snprintf(key, sizeof(key), "AWS4%s", sg->s3->secret);

    good = good
           && pt_s3_hmac((uint8_t *) key, strlen(key), sg->date, 8, k)
           && pt_s3_hmac(k, 32, sg->s3->region, strlen(sg->s3->region), k)
           && pt_s3_hmac(k, 32, "s3", 2, k)
           && pt_s3_hmac(k, 32, "aws4_request", 12, k)
           && pt_s3_hmac(k, 32, text, (size_t) n, hash);

    explicit_bzero(key, sizeof(key));
    explicit_bzero(k, sizeof(k));
    pt_s3_hex(hash, hex);

    return good ? PT_OK : PT_E_INTERNAL;
}


static bool
pt_s3_hmac(const uint8_t *key, size_t len, const char *data, size_t data_len,
    uint8_t out[32])
{
    uint8_t   mac[32];
    unsigned  n = sizeof(mac);

    if (HMAC(EVP_sha256(), key, (int) len, (const uint8_t *) data, data_len,
             mac, &n)
        == NULL)
    {
        return false;
    }

    memcpy(out, mac, sizeof(mac));

    return true;
}


static void
pt_s3_hex(const uint8_t hash[32], char hex[65])
{
    size_t  i;

    for (i = 0; i < 32; i++) {
        (void) snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    }
}
