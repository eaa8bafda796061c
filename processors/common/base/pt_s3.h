/*
 * S3: where a bucket is, and what signs a request for it (AWS Signature
 * Version 4).  No I/O but reading the credentials: the edge signs addresses
 * for browsers and for nginx's proxy, the daemons sign their own requests.
 *
 * libcurl signs too, but up to 7.88 neither sorts a query nor gives "?uploads"
 * its empty value, and it does not presign.
 *
 * A place is written as words, in orchestrator.conf and in nginx.conf:
 *
 *   s3://BUCKET[/PREFIX]
 *   endpoint=URL       http:// or https://, without a path; AWS's otherwise
 *   region=NAME        us-east-1; R2's is "auto"
 *   style=path|host    bucket in the path or in the host's name; path
 *   payload=signed|unsigned   is a body's SHA-256 part of the signature, so
 *                      that the server checks it; signed
 *   etag=md5|opaque    is an ETag the MD5 of what was sent, so that we check
 *                      it: yes but with SSE-KMS and SSE-C; md5
 *   ca=FILE            certificates, PEM, of those who may vouch for the
 *                      endpoint; the system's otherwise
 *   credentials=FILE   lines "access_key_id X", "secret_access_key X" and,
 *                      if any, "session_token X"; the environment's AWS_...
 *                      otherwise
 *
 * No object gets an ACL, and no header is sent that R2 or MinIO do not take.
 */

#ifndef PT_S3_H
#define PT_S3_H

#include <stdint.h>

#include "pt_id.h"
#include "pt_mem.h"
#include "pt_str.h"


#define PT_S3_QUERY_MAX    8       /* parameters of a request of ours */
#define PT_S3_DATE_LEN     16      /* 20130524T000000Z */
#define PT_S3_UNSIGNED     "UNSIGNED-PAYLOAD"

/* what one PUT may bring, to S3 as to R2 and MinIO */
#define PT_S3_PUT_MAX      (5ULL << 30)

/* direct/<16 hex digits of the user>/<id>, with its NUL */
#define PT_S3_DIRECT_LEN   (sizeof("direct/") + 16 + 1 + PT_ID_TEXT_LEN)

/* of nothing */
#define PT_S3_EMPTY_SHA256                                                   \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


/* nothing in it points anywhere: it is copied and wiped as a whole */
typedef struct {
    char  scheme[8];               /* http, https */
    char  host[256];               /* as Host has it, with a port if any */
    char  bucket[64];
    char  prefix[129];             /* empty, or with its "/" at the end */
    char  region[33];
    char  ca[256];                 /* a file; empty: the system's */
    char  credentials[256];        /* a file; empty: the environment */
    bool  host_style;
    bool  unsigned_payload;
    bool  etag_opaque;

    char  access[129];             /* secrets from here on */
    char  secret[129];
    char  token[2049];             /* empty: none */
} pt_s3_t;


/* values are not encoded yet; a NULL value is an empty one */
typedef struct {
    const char  *name;
    const char  *value;
} pt_s3_param_t;


typedef struct {
    const char     *method;
    const char     *key;           /* below the prefix; NULL: the bucket */
    pt_s3_param_t   query[PT_S3_QUERY_MAX];
    unsigned        nquery;
    const char     *range;         /* a header's value, or NULL */
    const char     *payload;       /* SHA-256 in hex, or PT_S3_UNSIGNED */
    uint64_t        size;          /* presigned: of the one body that it is
                                    * good for; 0: any */
} pt_s3_request_t;


/*
 * ret_why  what is wrong, for people; static
 * Errors   PT_E_INVALID
 */
PT_MUST_CHECK pt_err_t pt_s3_parse(const pt_str_t *words, size_t n,
    pt_s3_t *ret_s3, const char **ret_why);

/*
 * Fills in the secrets; what was of the environment stays there.
 *
 * Errors  PT_E_NOT_FOUND  ret_why says what is missing
 */
PT_MUST_CHECK pt_err_t pt_s3_credentials(pt_s3_t *s3, const char **ret_why);

/* "/BUCKET/PREFIX/KEY?QUERY" and "Authorization: ..." with the date's header
 * and others that were signed, a line each without line ends, NUL between */
PT_MUST_CHECK pt_err_t pt_s3_sign(const pt_s3_t *s3,
    const pt_s3_request_t *request, int64_t now_s, pt_buf_t *target,
    pt_buf_t *headers);

/*
 * The target alone, with the signature in its query: whoever has it may do
 * this for expires_s seconds (604800 at most).
 */
PT_MUST_CHECK pt_err_t pt_s3_presign(const pt_s3_t *s3,
    const pt_s3_request_t *request, int64_t now_s, unsigned expires_s,
    pt_buf_t *target);

/* the value of Host: with the bucket where it is in the name */
void pt_s3_host(const pt_s3_t *s3, pt_buf_t *host);

/* wipes all */
void pt_s3_done(pt_s3_t *s3);

/*
 * Where a client puts a file itself (POST /files, Prefer: direct): not where it
 * stays, for the client may put another one there while its address holds.
 * The user is part of it, so nobody else can complete it.
 */
void pt_s3_direct_key(pt_str_t user, const pt_id_t *id,
    char key[PT_S3_DIRECT_LEN]);


#endif /* PT_S3_H */
