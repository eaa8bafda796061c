/* Objects: compressed, then encrypted, in pieces of 64 KiB. */

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "backup_object.h"


#define HEAD_LEN      8
#define STREAM_HEAD   crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define TAG_LEN       crypto_secretstream_xchacha20poly1305_ABYTES
#define TAG_MESSAGE   crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
#define TAG_FINAL     crypto_secretstream_xchacha20poly1305_TAG_FINAL

#define MESSAGE_LEN   65536
#define SEALED_LEN    (MESSAGE_LEN + TAG_LEN)

/* messages that go to or come from the disk in one call */
#define BATCH         8

/* what we write has a window of 2 MiB; a hostile frame gets no more than 8 */
#define WINDOW_LOG    23


typedef crypto_secretstream_xchacha20poly1305_state  stream_state_t;


struct backup_writer_s {
    int             fd;
    stream_state_t  stream;
    ZSTD_CCtx      *zstd;
    EVP_MD_CTX     *hash;
    uint8_t         ad[HEAD_LEN + BACKUP_PATH_MAX];
    size_t          nad;            /* 0 after the first message */
    backup_sum_t    sum;

    uint8_t         message[MESSAGE_LEN];
    size_t          len;
    uint8_t         out[BATCH * SEALED_LEN];
    size_t          nout;
};


struct backup_reader_s {
    int             fd;
    stream_state_t  stream;
    ZSTD_DCtx      *zstd;
    EVP_MD_CTX     *hash;
    uint8_t         ad[HEAD_LEN + BACKUP_PATH_MAX];
    size_t          nad;
    char            name[BACKUP_PATH_MAX];
    backup_sum_t    sum;

    uint8_t         in[BATCH * SEALED_LEN];
    size_t          nin;            /* bytes in it, */
    size_t          at;             /* of which so many are used */
    bool            eof;
    bool            final;          /* the last message was opened */

    uint8_t         message[MESSAGE_LEN];
    ZSTD_inBuffer   compressed;     /* in message */
    size_t          rest;           /* zstd says what is missing; 0: all there */
    uint8_t         plain[131072];
};


static pt_err_t backup_writer_compress(backup_writer_t *w, ZSTD_inBuffer *in,
    ZSTD_EndDirective how);
static pt_err_t backup_writer_seal(backup_writer_t *w, uint8_t tag);
static pt_err_t backup_writer_flush(backup_writer_t *w);
static pt_err_t backup_reader_open_message(backup_reader_t *r);
static pt_err_t backup_reader_fill(backup_reader_t *r);
static pt_err_t backup_reader_bad(const backup_reader_t *r, const char *why);
static size_t backup_object_ad(uint8_t *ad, backup_kind_t kind,
    const char *name);


/* ---- writing ---- */

pt_err_t
backup_writer_new(backup_writer_t **ret_writer)
{
    backup_writer_t  *w;

    w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    w->zstd = ZSTD_createCCtx();
    w->hash = EVP_MD_CTX_new();

    if (w->zstd == NULL || w->hash == NULL) {
        backup_writer_free(w);
        return backup_say(PT_E_NOMEM, "no memory");
    }

    *ret_writer = w;
    return PT_OK;
}


void
backup_writer_free(backup_writer_t *w)
{
    if (w == NULL) {
        return;
    }

    ZSTD_freeCCtx(w->zstd);
    EVP_MD_CTX_free(w->hash);
    sodium_memzero(w, sizeof(*w));
    free(w);
}


pt_err_t
backup_writer_begin(backup_writer_t *w, int fd,
    const backup_owner_keys_t *keys, backup_kind_t kind, const char *name,
    int level)
{
    if (strlen(name) >= BACKUP_PATH_MAX) {
        return backup_say(PT_E_INVALID, "the name of an object is too long");
    }

    w->fd = fd;
    w->len = 0;
    memset(&w->sum, 0, sizeof(w->sum));

    w->nad = backup_object_ad(w->ad, kind, name);
    memcpy(w->out, w->ad, HEAD_LEN);

    if (crypto_secretstream_xchacha20poly1305_init_push(&w->stream,
            w->out + HEAD_LEN, keys->data) != 0
        || ZSTD_isError(ZSTD_CCtx_reset(w->zstd,
                                        ZSTD_reset_session_and_parameters))
        || ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd,
                            ZSTD_c_compressionLevel, level))
        || ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag,
                                               1))
        || EVP_DigestInit_ex(w->hash, EVP_sha256(), NULL) != 1)
    {
        return backup_say(PT_E_INTERNAL, "could not begin an object");
    }

    w->nout = HEAD_LEN + STREAM_HEAD;

    return PT_OK;
}


pt_err_t
backup_writer_add(backup_writer_t *w, const void *data, size_t len)
{
    ZSTD_inBuffer  in = { data, len, 0 };

    if (EVP_DigestUpdate(w->hash, data, len) != 1) {
        return backup_say(PT_E_INTERNAL, "could not hash");
    }

    w->sum.bytes += len;

    return backup_writer_compress(w, &in, ZSTD_e_continue);
}


pt_err_t
backup_writer_end(backup_writer_t *w, backup_sum_t *ret_sum)
{
    pt_err_t       err;
    ZSTD_inBuffer  in = { NULL, 0, 0 };

    err = backup_writer_compress(w, &in, ZSTD_e_end);

    if (err == PT_OK) {
        err = backup_writer_seal(w, TAG_FINAL);
    }

    if (err == PT_OK) {
        err = backup_writer_flush(w);
    }

    if (err == PT_OK
        && EVP_DigestFinal_ex(w->hash, w->sum.sha256, NULL) != 1)
    {
        err = backup_say(PT_E_INTERNAL, "could not hash");
    }

    if (err == PT_OK) {
        *ret_sum = w->sum;
    }

    return err;
}


static pt_err_t
backup_writer_compress(backup_writer_t *w, ZSTD_inBuffer *in,
    ZSTD_EndDirective how)
{
    size_t          left;
    pt_err_t        err;
    ZSTD_outBuffer  out;

    do {
        out = (ZSTD_outBuffer) { w->message, MESSAGE_LEN, w->len };
        left = ZSTD_compressStream2(w->zstd, &out, in, how);

        if (ZSTD_isError(left)) {
            return backup_say(PT_E_NOMEM, "could not compress: %s",
                              ZSTD_getErrorName(left));
        }

        w->len = out.pos;

        /* one that is full at the end is sealed as the last, not here */
        if (w->len == MESSAGE_LEN && !(how == ZSTD_e_end && left == 0)) {
            err = backup_writer_seal(w, TAG_MESSAGE);
            if (err != PT_OK) {
                return err;
            }
        }

    } while (how == ZSTD_e_end ? left != 0 : in->pos < in->size);

    return PT_OK;
}


static pt_err_t
backup_writer_seal(backup_writer_t *w, uint8_t tag)
{
    pt_err_t            err;
    unsigned long long  n;

    if (w->nout + SEALED_LEN > sizeof(w->out)) {
        err = backup_writer_flush(w);
        if (err != PT_OK) {
            return err;
        }
    }

    if (crypto_secretstream_xchacha20poly1305_push(&w->stream,
            w->out + w->nout, &n, w->message, w->len,
            w->nad != 0 ? w->ad : NULL, w->nad, tag) != 0)
    {
        return backup_say(PT_E_INTERNAL, "could not encrypt");
    }

    w->nad = 0;
    w->nout += n;
    w->len = 0;

    return PT_OK;
}


static pt_err_t
backup_writer_flush(backup_writer_t *w)
{
    size_t   at;
    ssize_t  n;

    for (at = 0; at < w->nout; at += (size_t) n) {
        n = write(w->fd, w->out + at, w->nout - at);

        if (n == -1 && errno == EINTR) {
            n = 0;
        }

        if (n == -1) {
            return backup_say(PT_E_STORAGE, "could not write to the backup "
                              "store: %s", strerror(errno));
        }
    }

    /* so that little is left to do for the sync that ends a backup */
    if (w->nout > sizeof(w->out) / 2) {
        (void) sync_file_range(w->fd, (off_t) w->sum.stored, (off_t) w->nout,
                               SYNC_FILE_RANGE_WRITE);
    }

    w->sum.stored += w->nout;
    w->nout = 0;

    return PT_OK;
}


/* ---- reading ---- */

pt_err_t
backup_reader_new(backup_reader_t **ret_reader)
{
    backup_reader_t  *r;

    r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    r->zstd = ZSTD_createDCtx();
    r->hash = EVP_MD_CTX_new();

    if (r->zstd == NULL || r->hash == NULL
        || ZSTD_isError(ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax,
                                               WINDOW_LOG)))
    {
        backup_reader_free(r);
        return backup_say(PT_E_NOMEM, "no memory");
    }

    *ret_reader = r;
    return PT_OK;
}


void
backup_reader_free(backup_reader_t *r)
{
    if (r == NULL) {
        return;
    }

    ZSTD_freeDCtx(r->zstd);
    EVP_MD_CTX_free(r->hash);
    sodium_memzero(r, sizeof(*r));
    free(r);
}


pt_err_t
backup_reader_begin(backup_reader_t *r, int fd,
    const backup_owner_keys_t *keys, backup_kind_t kind, const char *name)
{
    pt_err_t  err;

    if (strlen(name) >= BACKUP_PATH_MAX) {
        return backup_say(PT_E_INVALID, "the name of an object is too long");
    }

    r->fd = fd;
    r->nin = r->at = 0;
    r->eof = r->final = false;
    r->rest = 1;
    r->compressed = (ZSTD_inBuffer) { r->message, 0, 0 };
    r->nad = backup_object_ad(r->ad, kind, name);
    memset(&r->sum, 0, sizeof(r->sum));
    (void) strcpy(r->name, name);

    err = backup_reader_fill(r);
    if (err != PT_OK) {
        return err;
    }

    if (r->nin < HEAD_LEN + STREAM_HEAD + TAG_LEN) {
        return backup_reader_bad(r, "is truncated");
    }

    if (memcmp(r->in, r->ad, HEAD_LEN) != 0) {
        return backup_reader_bad(r, "is no object of its kind");
    }

    if (crypto_secretstream_xchacha20poly1305_init_pull(&r->stream,
            r->in + HEAD_LEN, keys->data) != 0
        || ZSTD_isError(ZSTD_DCtx_reset(r->zstd, ZSTD_reset_session_only))
        || EVP_DigestInit_ex(r->hash, EVP_sha256(), NULL) != 1)
    {
        return backup_reader_bad(r, "cannot be begun");
    }

    r->at = HEAD_LEN + STREAM_HEAD;

    return PT_OK;
}


pt_err_t
backup_reader_next(backup_reader_t *r, pt_str_t *ret_piece)
{
    pt_err_t        err;
    ZSTD_outBuffer  out = { r->plain, sizeof(r->plain), 0 };

    for ( ;; ) {
        if (r->rest == 0 && r->compressed.pos < r->compressed.size) {
            return backup_reader_bad(r, "goes on after its end");
        }

        if (r->rest != 0) {
            r->rest = ZSTD_decompressStream(r->zstd, &out, &r->compressed);

            if (ZSTD_isError(r->rest)) {
                return backup_reader_bad(r, "does not decompress");
            }
        }

        if (out.pos != 0) {
            break;
        }

        if (r->compressed.pos < r->compressed.size) {
            continue;
        }

        if (r->final) {
            if (r->rest != 0) {
                return backup_reader_bad(r, "is truncated");
            }

            if (EVP_DigestFinal_ex(r->hash, r->sum.sha256, NULL) != 1) {
                return backup_say(PT_E_INTERNAL, "could not hash");
            }

            *ret_piece = (pt_str_t) { "", 0 };
            return PT_OK;
        }

        err = backup_reader_open_message(r);
        if (err != PT_OK) {
            return err;
        }
    }

    if (EVP_DigestUpdate(r->hash, r->plain, out.pos) != 1) {
        return backup_say(PT_E_INTERNAL, "could not hash");
    }

    r->sum.bytes += out.pos;
    *ret_piece = (pt_str_t) { (const char *) r->plain, out.pos };

    return PT_OK;
}


void
backup_reader_sum(backup_reader_t *r, backup_sum_t *ret_sum)
{
    *ret_sum = r->sum;
}


static pt_err_t
backup_reader_open_message(backup_reader_t *r)
{
    size_t              len;
    uint8_t             tag;
    pt_err_t            err;
    unsigned long long  n;

    if (r->nin - r->at < SEALED_LEN && !r->eof) {
        err = backup_reader_fill(r);
        if (err != PT_OK) {
            return err;
        }
    }

    len = r->nin - r->at;

    if (len > SEALED_LEN) {
        len = SEALED_LEN;
    }

    if (len < TAG_LEN) {
        return backup_reader_bad(r, "is truncated");
    }

    if (crypto_secretstream_xchacha20poly1305_pull(&r->stream, r->message, &n,
            &tag, r->in + r->at, len, r->nad != 0 ? r->ad : NULL, r->nad) != 0)
    {
        return backup_reader_bad(r, "does not decrypt: it is damaged, "
                                 "truncated, or not this owner's");
    }

    r->nad = 0;
    r->at += len;
    r->compressed = (ZSTD_inBuffer) { r->message, (size_t) n, 0 };
    r->final = tag == TAG_FINAL;

    if (!r->final) {
        return PT_OK;
    }

    err = r->eof ? PT_OK : backup_reader_fill(r);

    if (err == PT_OK && r->at < r->nin) {
        err = backup_reader_bad(r, "goes on after its end");
    }

    return err;
}


/* as many messages as there is room for; learns of the end of the file */
static pt_err_t
backup_reader_fill(backup_reader_t *r)
{
    ssize_t  n;

    memmove(r->in, r->in + r->at, r->nin - r->at);
    r->nin -= r->at;
    r->at = 0;

    while (!r->eof && r->nin < sizeof(r->in)) {
        n = read(r->fd, r->in + r->nin, sizeof(r->in) - r->nin);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == -1) {
            return backup_say(PT_E_IO, "could not read object \"%s\": %s",
                              r->name, strerror(errno));
        }

        r->eof = n == 0;
        r->sum.stored += (size_t) n;
        r->nin += (size_t) n;
    }

    return PT_OK;
}


static pt_err_t
backup_reader_bad(const backup_reader_t *r, const char *why)
{
    return backup_say(PT_E_INPUT_BROKEN, "object \"%s\" %s", r->name, why);
}


static size_t
backup_object_ad(uint8_t *ad, backup_kind_t kind, const char *name)
{
    size_t  len = strlen(name);

    memcpy(ad, "PBO1\0\0\0", HEAD_LEN);
    ad[4] = (uint8_t) kind;
    memcpy(ad + HEAD_LEN, name, len);

    return HEAD_LEN + len;
}
