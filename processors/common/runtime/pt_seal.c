/* Keys of a file; sealing and opening with them. */

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pt_log.h"
#include "pt_seal.h"
#include "pt_secret.h"


/* one that seals, and those of years of rotation that open */
#define PT_SEAL_KEYS_MAX   64
#define PT_SEAL_FILE_MAX   (64u << 10)

#define PT_SEAL_KEY_LEN    32
#define PT_SEAL_ID_LEN     8
#define PT_SEAL_VERSION    1

/* a secret's length is told in steps of this only */
#define PT_SEAL_PAD        64

#define PT_SEAL_HEAD_LEN   (1 + PT_SEAL_ID_LEN)
#define PT_SEAL_BASE64     sodium_base64_VARIANT_URLSAFE_NO_PADDING


typedef struct {
    uint8_t         id[PT_SEAL_ID_LEN];    /* the start of public's hash */
    uint8_t         public[PT_SEAL_KEY_LEN];
    uint8_t         secret[PT_SEAL_KEY_LEN];
} pt_seal_key_t;

/* the numbers of keys are what a reader looks at: the rest is in `locked` */
typedef struct {
    pt_seal_key_t   keys[PT_SEAL_KEYS_MAX];
    size_t          n;
    uint8_t         hash[PT_SEAL_KEY_LEN];
    bool            hashes;
} pt_seal_keys_t;

struct pt_seal_s {
    char            *path;
    pt_seal_use_t    use;
    pt_seal_keys_t  *locked;         /* sodium_malloc()'s */
    struct stat      st;             /* of the file, when it was read */
};


static pt_err_t pt_seal_read(const char *path, pt_buf_t *ret_text);
static pt_err_t pt_seal_keys(const char *path, pt_seal_use_t use,
    pt_seal_keys_t **ret_keys);
static bool pt_seal_line(pt_str_t line, pt_seal_use_t use,
    pt_seal_keys_t *keys);
static void pt_seal_key_id(pt_seal_key_t *key);
static pt_err_t pt_seal_new_text(pt_str_t before, pt_buf_t *ret_text);
static pt_err_t pt_seal_write(const char *path, pt_str_t text);
static pt_err_t pt_seal_base64(const uint8_t *bytes, size_t len,
    pt_buf_t *ret);
static pt_err_t pt_seal_unbase64(pt_str_t text, uint8_t **ret_bytes,
    size_t *ret_len);
static const pt_seal_key_t *pt_seal_find(pt_seal_t *seal, const uint8_t *id);
static pt_err_t pt_seal_unbox(const pt_seal_key_t *key, const uint8_t *box,
    size_t len, pt_str_t owner, pt_str_t params, pt_buf_t *ret);
static bool pt_seal_changed(pt_seal_t *seal);


/* ---- the file ---- */

pt_err_t
pt_seal_make(const char *path)
{
    pt_err_t         err;
    pt_buf_t         before, text;
    pt_seal_keys_t  *keys;

    if (sodium_init() < 0) {
        return PT_E_INTERNAL;
    }

    pt_buf_init(&before, &pt_mem_heap, PT_SEAL_FILE_MAX);
    pt_buf_init(&text, &pt_mem_heap, PT_SEAL_FILE_MAX);

    err = PT_OK;

    if (access(path, F_OK) == 0) {

        /* it has all that a file needs, or a mistake is not made worse */
        err = pt_seal_keys(path, PT_SEAL_SEALS, &keys);

        if (err == PT_OK) {
            sodium_free(keys);
            err = pt_seal_read(path, &before);
        }
    }

    if (err == PT_OK) {
        err = pt_seal_new_text(pt_buf_str(&before), &text);
    }

    if (err == PT_OK) {
        err = pt_seal_write(path, pt_buf_str(&text));
    }

    pt_seal_wipe(&before);
    pt_seal_wipe(&text);

    return err;
}


static pt_err_t
pt_seal_new_text(pt_str_t before, pt_buf_t *ret_text)
{
    char       hex[2 * PT_SEAL_KEY_LEN + 1];
    char       date[32];
    time_t     now = time(NULL);
    uint8_t    public[PT_SEAL_KEY_LEN], secret[PT_SEAL_KEY_LEN];
    struct tm  tm;

    (void) crypto_box_keypair(public, secret);
    (void) gmtime_r(&now, &tm);
    (void) strftime(date, sizeof(date), "%Y-%m-%d", &tm);

    pt_buf_printf(ret_text, "seal %s made %s\n",
                  sodium_bin2hex(hex, sizeof(hex), public, sizeof(public)),
                  date);
    pt_buf_printf(ret_text, "open %s made %s\n",
                  sodium_bin2hex(hex, sizeof(hex), secret, sizeof(secret)),
                  date);

    if (before.len == 0) {
        randombytes_buf(secret, sizeof(secret));
        pt_buf_printf(ret_text, "hash %s made %s\n",
                      sodium_bin2hex(hex, sizeof(hex), secret,
                                     sizeof(secret)),
                      date);
    }

    pt_buf_add_str(ret_text, before);

    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(hex, sizeof(hex));

    return ret_text->err;
}


/* under another name first: a reader meets the old file, or the new one */
static pt_err_t
pt_seal_write(const char *path, pt_str_t text)
{
    int    fd, dir;
    bool   written;
    char   temporary[PATH_MAX], folder[PATH_MAX];

    if (snprintf(temporary, sizeof(temporary), "%s.new", path)
        >= (int) sizeof(temporary))
    {
        pt_log(PT_LOG_ERROR, "seal", "the name \"%s\" is too long", path);
        return PT_E_IO;
    }

    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0) {
        pt_log(PT_LOG_ERROR, "seal", "could not make \"%s\": %m", temporary);
        return PT_E_IO;
    }

    written = write(fd, text.data, text.len) == (ssize_t) text.len
              && fsync(fd) == 0;

    if (close(fd) != 0 || !written || rename(temporary, path) != 0) {
        pt_log(PT_LOG_ERROR, "seal", "could not write \"%s\": %m", path);
        (void) unlink(temporary);
        return PT_E_IO;
    }

    (void) snprintf(folder, sizeof(folder), "%s", path);
    dir = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0 || fsync(dir) != 0) {
        pt_log(PT_LOG_WARN, "seal", "could not sync the folder of \"%s\": %m",
               path);
    }

    if (dir >= 0) {
        (void) close(dir);
    }

    return PT_OK;
}


pt_err_t
pt_seal_load(const char *path, pt_seal_use_t use, pt_seal_t **ret_seal)
{
    pt_err_t    err;
    pt_seal_t  *seal;

    if (sodium_init() < 0) {
        return PT_E_INTERNAL;
    }

    seal = calloc(1, sizeof(*seal));
    if (seal == NULL) {
        return PT_E_NOMEM;
    }

    seal->use = use;
    seal->path = strdup(path);

    if (seal->path) {
        (void) pt_seal_changed(seal);
        err = pt_seal_keys(path, use, &seal->locked);

    } else {
        err = PT_E_NOMEM;
    }

    if (err != PT_OK) {
        pt_seal_free(seal);
        return err;
    }

    *ret_seal = seal;
    return PT_OK;
}


void
pt_seal_free(pt_seal_t *seal)
{
    if (seal == NULL) {
        return;
    }

    /* overwrites what it frees */
    sodium_free(seal->locked);
    free(seal->path);
    free(seal);
}


static pt_err_t
pt_seal_read(const char *path, pt_buf_t *ret_text)
{
    int          fd;
    char         bytes[4096];
    ssize_t      n = -1;
    struct stat  st;

    fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0) {
        pt_log(PT_LOG_ERROR, "seal", "could not open \"%s\": %m", path);

        if (fd >= 0) {
            (void) close(fd);
        }

        return PT_E_IO;
    }

    while (ret_text->err == PT_OK && (n = read(fd, bytes, sizeof(bytes))) > 0) {
        pt_buf_add(ret_text, bytes, (size_t) n);
    }

    (void) close(fd);
    sodium_memzero(bytes, sizeof(bytes));

    if (n != 0) {
        pt_log(PT_LOG_ERROR, "seal", "could not read \"%s\": %s", path,
               ret_text->err == PT_OK ? strerror(errno)
                                      : "it is no list of keys");
        return PT_E_IO;
    }

    if (st.st_mode & 077) {
        pt_log(PT_LOG_ERROR, "seal", "cannot use \"%s\": others may read it",
               path);
        return PT_E_INVALID;
    }

    return PT_OK;
}


static pt_err_t
pt_seal_keys(const char *path, pt_seal_use_t use, pt_seal_keys_t **ret_keys)
{
    size_t           len, number = 0;
    pt_buf_t         text;
    pt_err_t         err;
    pt_str_t         rest, line;
    pt_seal_keys_t  *keys;

    pt_buf_init(&text, &pt_mem_heap, PT_SEAL_FILE_MAX);
    err = pt_seal_read(path, &text);

    keys = sodium_malloc(sizeof(*keys));
    if (keys == NULL) {
        err = PT_E_NOMEM;

    } else {
        sodium_memzero(keys, sizeof(*keys));
    }

    for (rest = pt_buf_str(&text); rest.len && err == PT_OK; /* void */) {
        const char  *end = memchr(rest.data, '\n', rest.len);

        len = end ? (size_t) (end - rest.data) : rest.len;
        line = (pt_str_t) { rest.data, len };
        rest.data += len + (end != NULL);
        rest.len -= len + (end != NULL);
        number++;

        if (!pt_seal_line(line, use, keys)) {
            pt_log(PT_LOG_ERROR, "seal", "\"%s\", line %zu: neither \"seal\", "
                   "\"open\" or \"hash\" with 32 bytes in hex, nor one of the "
                   "first %d keys", path, number, PT_SEAL_KEYS_MAX);
            err = PT_E_INVALID;
        }
    }

    pt_seal_wipe(&text);

    if (err == PT_OK
        && (keys->n == 0 || (use == PT_SEAL_SEALS && !keys->hashes)))
    {
        pt_log(PT_LOG_ERROR, "seal", "\"%s\" has no line \"%s\"", path,
               use == PT_SEAL_OPENS ? "open" : keys->n ? "hash" : "seal");
        err = PT_E_INVALID;
    }

    if (err != PT_OK) {
        sodium_free(keys);
        return err;
    }

    *ret_keys = keys;
    return PT_OK;
}


static bool
pt_seal_line(pt_str_t line, pt_seal_use_t use, pt_seal_keys_t *keys)
{
    bool            opens, good;
    uint8_t         bytes[PT_SEAL_KEY_LEN];
    pt_str_t        hex;
    pt_seal_key_t  *key;

    if (line.len == 0 || line.data[0] == '#') {
        return true;
    }

    if (line.len < 5 + 2 * PT_SEAL_KEY_LEN || line.data[4] != ' '
        || (line.len > 5 + 2 * PT_SEAL_KEY_LEN
            && line.data[5 + 2 * PT_SEAL_KEY_LEN] != ' '))
    {
        return false;
    }

    hex = (pt_str_t) { line.data + 5, 2 * PT_SEAL_KEY_LEN };
    line.len = 4;
    good = sodium_hex2bin(bytes, sizeof(bytes), hex.data, hex.len, NULL, NULL,
                          NULL) == 0;
    opens = pt_str_is(line, "open");

    if (pt_str_is(line, "hash")) {

        if (use == PT_SEAL_SEALS && !keys->hashes && good) {
            memcpy(keys->hash, bytes, sizeof(bytes));
            keys->hashes = true;
        }

    } else if (!opens && !pt_str_is(line, "seal")) {
        good = false;

    } else if (good && opens == (use == PT_SEAL_OPENS)) {

        if (keys->n == PT_SEAL_KEYS_MAX) {
            return false;
        }

        key = &keys->keys[keys->n++];
        memcpy(opens ? key->secret : key->public, bytes, sizeof(bytes));

        if (opens) {
            good = crypto_scalarmult_base(key->public, key->secret) == 0;
        }

        pt_seal_key_id(key);
    }

    sodium_memzero(bytes, sizeof(bytes));

    return good;
}


static void
pt_seal_key_id(pt_seal_key_t *key)
{
    uint8_t  hash[crypto_generichash_BYTES];

    (void) crypto_generichash(hash, sizeof(hash), key->public,
                              sizeof(key->public), NULL, 0);
    memcpy(key->id, hash, sizeof(key->id));
}


/* ---- sealing ---- */

pt_err_t
pt_seal_params(const pt_seal_t *seal, pt_str_t owner, pt_str_t params,
    pt_str_t secrets, pt_buf_t *ret)
{
    size_t                len, padded;
    uint8_t              *plain, *sealed;
    pt_err_t              err = PT_E_NOMEM;
    pt_buf_t              text;
    const pt_seal_key_t  *key = &seal->locked->keys[0];

    len = owner.len + 1 + secrets.len;
    padded = len + PT_SEAL_PAD;

    plain = malloc(padded);
    sealed = malloc(PT_SEAL_HEAD_LEN + padded + crypto_box_SEALBYTES);
    pt_buf_init(&text, &pt_mem_heap, ret->max);

    if (plain && sealed) {
        memcpy(plain, owner.data, owner.len);
        plain[owner.len] = '\0';
        memcpy(plain + owner.len + 1, secrets.data, secrets.len);

        sealed[0] = PT_SEAL_VERSION;
        memcpy(sealed + 1, key->id, sizeof(key->id));

        if (sodium_pad(&padded, plain, len, PT_SEAL_PAD, padded) == 0
            && crypto_box_seal(sealed + PT_SEAL_HEAD_LEN, plain, padded,
                               key->public) == 0)
        {
            err = pt_seal_base64(sealed, PT_SEAL_HEAD_LEN + padded
                                         + crypto_box_SEALBYTES, &text);
        }
    }

    if (plain) {
        sodium_memzero(plain, len);
    }

    free(plain);
    free(sealed);

    if (err == PT_OK) {
        pt_secret_attach(params, pt_buf_str(&text), ret);
        err = ret->err;
    }

    pt_buf_done(&text);

    return err;
}


static pt_err_t
pt_seal_base64(const uint8_t *bytes, size_t len, pt_buf_t *ret)
{
    char    *text;
    size_t   size = sodium_base64_encoded_len(len, PT_SEAL_BASE64);

    text = malloc(size);
    if (text == NULL) {
        return PT_E_NOMEM;
    }

    pt_buf_add_text(ret, sodium_bin2base64(text, size, bytes, len,
                                           PT_SEAL_BASE64));
    free(text);

    return ret->err;
}


void
pt_seal_hash(const pt_seal_t *seal, pt_str_t owner,
    const uint8_t digest[PT_SEAL_HASH_LEN], uint8_t ret[PT_SEAL_HASH_LEN])
{
    crypto_generichash_state  state;

    (void) crypto_generichash_init(&state, seal->locked->hash, PT_SEAL_KEY_LEN,
                                   PT_SEAL_HASH_LEN);
    (void) crypto_generichash_update(&state, digest, PT_SEAL_HASH_LEN);
    (void) crypto_generichash_update(&state, (const uint8_t *) owner.data,
                                     owner.len);
    (void) crypto_generichash_final(&state, ret, PT_SEAL_HASH_LEN);
}


/* ---- opening ---- */

pt_err_t
pt_seal_open(pt_seal_t *seal, pt_str_t owner, pt_str_t params, pt_buf_t *ret)
{
    size_t                len = 0;
    uint8_t              *bytes = NULL;
    pt_buf_t              head;
    pt_err_t              err;
    pt_str_t              before, sealed;
    const pt_seal_key_t  *key;

    if (!pt_secret_split(params, &before, &sealed)) {
        pt_buf_add_str(ret, params);
        return ret->err;
    }

    if (seal == NULL) {
        return PT_E_SEALING_KEY;
    }

    pt_buf_init(&head, &pt_mem_heap, before.len + 1);
    pt_buf_add_str(&head, before);
    pt_buf_add_char(&head, '}');

    err = head.err == PT_OK ? pt_seal_unbase64(sealed, &bytes, &len)
                            : head.err;

    if (err == PT_OK && (len < PT_SEAL_HEAD_LEN + crypto_box_SEALBYTES
                         || bytes[0] != PT_SEAL_VERSION))
    {
        err = PT_E_INVALID;
    }

    if (err == PT_OK) {
        key = pt_seal_find(seal, bytes + 1);
        err = key ? pt_seal_unbox(key, bytes + PT_SEAL_HEAD_LEN,
                                  len - PT_SEAL_HEAD_LEN, owner,
                                  pt_buf_str(&head), ret)
                  : PT_E_SEALING_KEY;
    }

    free(bytes);
    pt_buf_done(&head);

    return err;
}


static pt_err_t
pt_seal_unbase64(pt_str_t text, uint8_t **ret_bytes, size_t *ret_len)
{
    size_t    size = text.len / 4 * 3 + 3;
    uint8_t  *bytes;

    bytes = malloc(size);
    if (bytes == NULL) {
        return PT_E_NOMEM;
    }

    if (sodium_base642bin(bytes, size, text.data, text.len, NULL, ret_len,
                          NULL, PT_SEAL_BASE64)
        != 0)
    {
        free(bytes);
        return PT_E_INVALID;
    }

    *ret_bytes = bytes;
    return PT_OK;
}


/* a key that was made since the file was read is in it now */
static const pt_seal_key_t *
pt_seal_find(pt_seal_t *seal, const uint8_t *id)
{
    size_t           i;
    bool             again;
    pt_seal_keys_t  *keys;

    for (again = false; /* void */; again = true) {

        for (i = 0; i < seal->locked->n; i++) {
            if (memcmp(seal->locked->keys[i].id, id, PT_SEAL_ID_LEN) == 0) {
                return &seal->locked->keys[i];
            }
        }

        if (again || !pt_seal_changed(seal)
            || pt_seal_keys(seal->path, seal->use, &keys) != PT_OK)
        {
            return NULL;
        }

        sodium_free(seal->locked);
        seal->locked = keys;
    }
}


/* since it was called, which is before the file is read */
static bool
pt_seal_changed(pt_seal_t *seal)
{
    struct stat  st;

    if (stat(seal->path, &st) != 0
        || (st.st_ino == seal->st.st_ino && st.st_size == seal->st.st_size
            && st.st_mtim.tv_sec == seal->st.st_mtim.tv_sec
            && st.st_mtim.tv_nsec == seal->st.st_mtim.tv_nsec))
    {
        return false;
    }

    seal->st = st;
    return true;
}


static pt_err_t
pt_seal_unbox(const pt_seal_key_t *key, const uint8_t *box, size_t len,
    pt_str_t owner, pt_str_t params, pt_buf_t *ret)
{
    size_t    plain_len = len - crypto_box_SEALBYTES;
    uint8_t  *plain;
    pt_err_t  err = PT_E_INVALID;

    plain = malloc(plain_len + 1);
    if (plain == NULL) {
        return PT_E_NOMEM;
    }

    if (crypto_box_seal_open(plain, box, len, key->public, key->secret) == 0
        && sodium_unpad(&plain_len, plain, plain_len, PT_SEAL_PAD) == 0
        && plain_len > owner.len
        && memcmp(plain, owner.data, owner.len) == 0
        && plain[owner.len] == '\0')
    {
        err = pt_secret_put(params, (pt_str_t) {
                                (const char *) plain + owner.len + 1,
                                plain_len - owner.len - 1 }, ret);
    }

    sodium_memzero(plain, len - crypto_box_SEALBYTES);
    free(plain);

    return err;
}


void
pt_seal_wipe(pt_buf_t *buf)
{
    if (buf->data) {
        sodium_memzero(buf->data, buf->cap);
    }

    pt_buf_done(buf);
}
