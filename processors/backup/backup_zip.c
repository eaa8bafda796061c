/* ZIP, as PKWARE's APPNOTE 6.3.3 has it. */

#include <errno.h>
#include <fcntl.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "backup_aes.h"
#include "backup_zip.h"


/* of 100,000 files and more: a line of the manifest and of the directory */
#define MANIFEST_MAX     (24u << 20)
#define DIRECTORY_MAX    (16u << 20)

#define OUT              (256u << 10)  /* of an entry, before it is spooled */
#define WRITE_BACK       (8u << 20)

#define LOCAL_SIGNATURE  0x04034b50
#define ENTRY_SIGNATURE  0x02014b50
#define END_SIGNATURE    0x06054b50
#define END64_SIGNATURE  0x06064b50
#define AT64_SIGNATURE   0x07064b50

#define METHOD_STORE     0
#define METHOD_DEFLATE   8
#define METHOD_AES       99

#define FLAG_ENCRYPTED   0x0001
#define FLAG_UTF8        0x0800

#define NEEDS_DEFLATE    20
#define NEEDS_ZIP64      45
#define NEEDS_AES        51
#define MADE_BY_UNIX     (3 << 8 | 63)

#define FULL16           0xffffu       /* the value is in the ZIP64 field */
#define FULL32           0xffffffffu

/* longest: 30 bytes, name, ZIP64, AES, time */
#define HEADER_MAX       (30 + BACKUP_ZIP_NAME_MAX + 64)


struct backup_zip_s {
    int               fd;
    char              spool[64];       /* names of spool files begin so */
    char             *passphrase;
    uint32_t          time;            /* of all entries, since 1970 */
    uint32_t          dos_time;

    pthread_mutex_t   lock;            /* of all below */
    uint64_t          end;             /* where the next entry goes */
    uint64_t          total;
    uint64_t          entries;
    unsigned          spools;
    pt_buf_t          directory;
    pt_buf_t          manifest;
    pt_jsonw_t        w;
};


struct backup_member_s {
    backup_zip_t        *zip;
    EVP_MD_CTX          *hash;
    backup_aes_t        *aes;          /* NULL: in clear */
    struct isal_zstream  deflate;
    uint8_t             *level;
    int                  spool;        /* -1: not needed so far */

    char                 name[BACKUP_ZIP_NAME_MAX];
    bool                 packed;       /* deflated, and its place not known */
    uint32_t             crc;
    uint64_t             bytes;        /* so far, in clear */
    uint64_t             size;         /* as was said, or as it came out */
    uint64_t             stored;       /* written, with AES's head */
    uint64_t             at;           /* of its local header */
    uint8_t             *out;
    size_t               nout;
};


static void zip_time(backup_zip_t *z);
static uint64_t zip_reserve(backup_zip_t *z, uint64_t len);
static pt_err_t zip_write(int fd, const void *data, size_t len, uint64_t at);
static void zip_header(const backup_member_t *e, bool local, pt_buf_t *out);
static pt_err_t zip_list(backup_member_t *e);
static void zip_end(backup_zip_t *z, pt_buf_t *out, uint64_t at,
    uint64_t len);
static void zip_put(pt_buf_t *out, uint64_t value, unsigned bytes);
static pt_err_t entry_begin(backup_member_t *e, const char *name);
static pt_err_t entry_deflate(backup_member_t *e, const uint8_t *data,
    size_t len, bool end);
static pt_err_t entry_flush(backup_member_t *e);
static pt_err_t entry_place(backup_member_t *e);
static pt_err_t entry_copy(backup_member_t *e, uint64_t len, uint64_t to);
static uint64_t entry_header_len(const backup_member_t *e);
static uint64_t entry_overhead(const backup_member_t *e);
static pt_err_t zip_said(void);


/* ---- the archive ---- */

pt_err_t
backup_zip_open(const char *path, pt_str_t passphrase, backup_zip_t **ret_zip)
{
    backup_zip_t  *z;

    z = calloc(1, sizeof(*z));
    if (z == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    (void) pthread_mutex_init(&z->lock, NULL);
    pt_buf_init(&z->directory, &pt_mem_heap, DIRECTORY_MAX);
    pt_buf_init(&z->manifest, &pt_mem_heap, MANIFEST_MAX);
    (void) snprintf(z->spool, sizeof(z->spool), "%.40s", path);
    zip_time(z);

    if (passphrase.data != NULL) {
        z->passphrase = strndup(passphrase.data, passphrase.len);

        if (z->passphrase == NULL) {
            z->fd = -1;
            backup_zip_free(z);
            return backup_say(PT_E_NOMEM, "no memory");
        }
    }

    z->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

    if (z->fd == -1) {
        backup_zip_free(z);
        return zip_said();
    }

    pt_jsonw_init(&z->w, &z->manifest);
    pt_jsonw_object(&z->w);
    pt_jsonw_key(&z->w, "format");
    pt_jsonw_text(&z->w, "pitchey-export-1");
    pt_jsonw_key(&z->w, "entries");
    pt_jsonw_array(&z->w);

    *ret_zip = z;
    return PT_OK;
}


void
backup_zip_free(backup_zip_t *z)
{
    if (z == NULL) {
        return;
    }

    if (z->fd != -1) {
        (void) close(z->fd);
    }

    if (z->passphrase != NULL) {
        sodium_memzero(z->passphrase, strlen(z->passphrase));
        free(z->passphrase);
    }

    pt_buf_done(&z->directory);
    pt_buf_done(&z->manifest);
    (void) pthread_mutex_destroy(&z->lock);
    free(z);
}


/* DOS's in UTC, with two seconds' precision; the other is exact */
static void
zip_time(backup_zip_t *z)
{
    time_t     now = time(NULL);
    struct tm  tm;

    (void) gmtime_r(&now, &tm);

    z->time = (uint32_t) now;
    z->dos_time = (uint32_t) ((tm.tm_year - 80) << 25 | (tm.tm_mon + 1) << 21
                              | tm.tm_mday << 16 | tm.tm_hour << 11
                              | tm.tm_min << 5 | tm.tm_sec / 2);
}


pt_err_t
backup_zip_finish(backup_zip_t *z, backup_member_t *e,
    const backup_keys_t *keys, uint64_t *ret_total)
{
    char      text[2 * crypto_sign_BYTES + 2], at[BACKUP_TIME_LEN + 1];
    char      hex[BACKUP_HEX_LEN + 1];
    pt_buf_t  manifest;
    pt_err_t  err;
    uint64_t  start;

    backup_time(at);
    backup_hex(keys->public_key, sizeof(keys->public_key), hex);

    pt_jsonw_end(&z->w);
    pt_jsonw_key(&z->w, "made_at");
    pt_jsonw_text(&z->w, at);
    pt_jsonw_key(&z->w, "public_key");
    pt_jsonw_text(&z->w, hex);
    pt_jsonw_end(&z->w);

    if (z->manifest.err != PT_OK) {
        return backup_say(PT_E_TOO_LARGE, "too many files for one export");
    }

    /* it has no line of its own: what is listed from here on is not kept */
    manifest = z->manifest;
    pt_buf_init(&z->manifest, &pt_mem_heap, MANIFEST_MAX);

    err = backup_member_text(e, "manifest.json", pt_buf_str(&manifest));

    /* Ed25519 of the manifest's bytes, in hex */
    backup_sign(keys, manifest.data, manifest.len, text);
    (void) strcpy(text + 2 * crypto_sign_BYTES, "\n");
    pt_buf_done(&manifest);

    if (err == PT_OK) {
        err = backup_member_text(e, "manifest.json.sig", pt_str(text));
    }

    if (err != PT_OK) {
        return err;
    }

    start = z->end;
    zip_end(z, &z->directory, start, z->directory.len);

    if (z->directory.err != PT_OK) {
        return backup_say(PT_E_TOO_LARGE, "too many files for one export");
    }

    *ret_total = z->total;

    return zip_write(z->fd, z->directory.data, z->directory.len, start);
}


/* the place of the next entry */
static uint64_t
zip_reserve(backup_zip_t *z, uint64_t len)
{
    uint64_t  at;

    (void) pthread_mutex_lock(&z->lock);
    at = z->end;
    z->end += len;
    (void) pthread_mutex_unlock(&z->lock);

    return at;
}


/* of an entry, for its own place or for the directory */
static void
zip_header(const backup_member_t *e, bool local, pt_buf_t *out)
{
    bool      far = !local && e->at >= FULL32;
    bool      large = e->size >= FULL32 || e->stored >= FULL32;
    bool      aes = e->aes != NULL;
    size_t    len = strlen(e->name);
    unsigned  method = e->packed ? METHOD_DEFLATE : METHOD_STORE;
    unsigned  extra = 9 + (aes ? 11 : 0);

    extra += large || far ? 4 + (large ? 16 : 0) + (far ? 8 : 0) : 0;

    zip_put(out, local ? LOCAL_SIGNATURE : ENTRY_SIGNATURE, 4);

    if (!local) {
        zip_put(out, MADE_BY_UNIX, 2);
    }

    zip_put(out, aes ? NEEDS_AES : large || far ? NEEDS_ZIP64 : NEEDS_DEFLATE,
            2);
    zip_put(out, FLAG_UTF8 | (aes ? FLAG_ENCRYPTED : 0), 2);
    zip_put(out, aes ? METHOD_AES : method, 2);
    zip_put(out, e->zip->dos_time, 4);
    zip_put(out, aes ? 0 : e->crc, 4);         /* AE-2: the MAC is enough */
    zip_put(out, large ? FULL32 : e->stored, 4);
    zip_put(out, large ? FULL32 : e->size, 4);
    zip_put(out, len, 2);
    zip_put(out, extra, 2);

    if (!local) {
        zip_put(out, 0, 2 + 2 + 2);            /* comment, disk, internal */
        zip_put(out, 0100644u << 16, 4);
        zip_put(out, far ? FULL32 : e->at, 4);
    }

    pt_buf_add(out, e->name, len);

    if (large || far) {
        zip_put(out, 0x0001, 2);
        zip_put(out, (large ? 16 : 0) + (far ? 8 : 0), 2);
        zip_put(out, e->size, large ? 8 : 0);
        zip_put(out, e->stored, large ? 8 : 0);
        zip_put(out, e->at, far ? 8 : 0);
    }

    if (aes) {
        zip_put(out, 0x9901, 2);
        zip_put(out, 7, 2);
        zip_put(out, 2, 2);                    /* AE-2 */
        pt_buf_add(out, "AE", 2);
        zip_put(out, 3, 1);                    /* 256 bits */
        zip_put(out, method, 2);
    }

    zip_put(out, 0x5455, 2);                   /* time: seconds since 1970 */
    zip_put(out, 5, 2);
    zip_put(out, 1, 1);
    zip_put(out, e->zip->time, 4);
}


/* the directory's end, with ZIP64's where numbers are large */
static void
zip_end(backup_zip_t *z, pt_buf_t *out, uint64_t at, uint64_t len)
{
    bool  large = at >= FULL32 || len >= FULL32 || z->entries >= FULL16;

    if (large) {
        zip_put(out, END64_SIGNATURE, 4);
        zip_put(out, 44, 8);
        zip_put(out, MADE_BY_UNIX, 2);
        zip_put(out, NEEDS_ZIP64, 2);
        zip_put(out, 0, 4 + 4);                /* disks */
        zip_put(out, z->entries, 8);
        zip_put(out, z->entries, 8);
        zip_put(out, len, 8);
        zip_put(out, at, 8);

        zip_put(out, AT64_SIGNATURE, 4);
        zip_put(out, 0, 4);
        zip_put(out, at + len, 8);
        zip_put(out, 1, 4);
    }

    zip_put(out, END_SIGNATURE, 4);
    zip_put(out, 0, 2 + 2);
    zip_put(out, z->entries >= FULL16 ? FULL16 : z->entries, 2);
    zip_put(out, z->entries >= FULL16 ? FULL16 : z->entries, 2);
    zip_put(out, len >= FULL32 ? FULL32 : len, 4);
    zip_put(out, at >= FULL32 ? FULL32 : at, 4);
    zip_put(out, 0, 2);
}


/* little endian; beyond eight bytes: zeros */
static void
zip_put(pt_buf_t *out, uint64_t value, unsigned bytes)
{
    while (bytes-- > 0) {
        pt_buf_add_char(out, (char) (value & 0xff));
        value >>= 8;
    }
}


/* a line of the manifest, and of the directory */
static pt_err_t
zip_list(backup_member_t *e)
{
    char           hex[BACKUP_HEX_LEN + 1];
    bool           good;
    uint8_t        hash[32];
    backup_zip_t  *z = e->zip;

    if (EVP_DigestFinal_ex(e->hash, hash, NULL) != 1) {
        return backup_say(PT_E_INTERNAL, "could not hash");
    }

    backup_hex(hash, sizeof(hash), hex);

    (void) pthread_mutex_lock(&z->lock);
    pt_jsonw_object(&z->w);
    pt_jsonw_key(&z->w, "path");
    pt_jsonw_text(&z->w, e->name);
    pt_jsonw_key(&z->w, "size");
    pt_jsonw_int(&z->w, (int64_t) e->bytes);
    pt_jsonw_key(&z->w, "sha256");
    pt_jsonw_text(&z->w, hex);
    pt_jsonw_end(&z->w);

    zip_header(e, false, &z->directory);
    z->entries++;
    z->total += e->bytes;
    good = z->manifest.err == PT_OK && z->directory.err == PT_OK;
    (void) pthread_mutex_unlock(&z->lock);

    return good ? PT_OK : backup_say(PT_E_TOO_LARGE,
                                     "too many files for one export");
}


/* ---- an entry ---- */

pt_err_t
backup_member_new(backup_zip_t *zip, backup_member_t **ret_entry)
{
    pt_err_t         err = PT_OK;
    backup_member_t  *e;

    e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    e->zip = zip;
    e->spool = -1;
    e->hash = EVP_MD_CTX_new();
    e->level = malloc(ISAL_DEF_LVL1_DEFAULT);
    e->out = malloc(OUT);

    if (e->hash == NULL || e->level == NULL || e->out == NULL) {
        err = backup_say(PT_E_NOMEM, "no memory");
    }

    if (err == PT_OK && zip->passphrase != NULL) {
        err = backup_aes_new(pt_str(zip->passphrase), &e->aes);
    }

    if (err != PT_OK) {
        backup_member_free(e);
        return err;
    }

    *ret_entry = e;
    return PT_OK;
}


void
backup_member_free(backup_member_t *e)
{
    if (e == NULL) {
        return;
    }

    if (e->spool != -1) {
        (void) close(e->spool);
    }

    EVP_MD_CTX_free(e->hash);
    backup_aes_free(e->aes);
    free(e->level);
    free(e->out);
    free(e);
}


pt_err_t
backup_member_store(backup_member_t *e, const char *name, uint64_t size)
{
    pt_err_t  err;

    err = entry_begin(e, name);
    if (err != PT_OK) {
        return err;
    }

    e->packed = false;
    e->size = size;

    e->at = zip_reserve(e->zip, entry_header_len(e) + size
                                + entry_overhead(e));

    return PT_OK;
}


pt_err_t
backup_member_deflate(backup_member_t *e, const char *name)
{
    pt_err_t  err;

    err = entry_begin(e, name);
    if (err != PT_OK) {
        return err;
    }

    e->packed = true;
    e->size = 0;

    isal_deflate_init(&e->deflate);
    e->deflate.level = 1;
    e->deflate.level_buf = e->level;
    e->deflate.level_buf_size = ISAL_DEF_LVL1_DEFAULT;

    return PT_OK;
}


static pt_err_t
entry_begin(backup_member_t *e, const char *name)
{
    pt_err_t  err;

    if (snprintf(e->name, sizeof(e->name), "%s", name)
        >= (int) sizeof(e->name))
    {
        return backup_say(PT_E_INVALID, "the name of an entry is too long");
    }

    e->crc = 0;
    e->bytes = 0;
    e->stored = 0;
    e->nout = 0;

    if (EVP_DigestInit_ex(e->hash, EVP_sha256(), NULL) != 1) {
        return backup_say(PT_E_INTERNAL, "could not hash");
    }

    if (e->aes == NULL) {
        return PT_OK;
    }

    err = backup_aes_begin(e->aes, e->out);
    e->nout = BACKUP_AES_HEAD;

    return err;
}


uint64_t
backup_member_bytes(const backup_member_t *e)
{
    return e->bytes;
}


pt_err_t
backup_member_add(backup_member_t *e, const void *data, size_t len)
{
    size_t          n;
    pt_err_t        err;
    const uint8_t  *from = data;

    if (EVP_DigestUpdate(e->hash, data, len) != 1) {
        return backup_say(PT_E_INTERNAL, "could not hash");
    }

    e->crc = crc32_gzip_refl(e->crc, data, len);
    e->bytes += len;

    if (e->packed) {
        return entry_deflate(e, data, len, false);
    }

    if (e->bytes > e->size) {
        return backup_say(PT_E_IO, "\"%s\" is longer than it was", e->name);
    }

    while (len != 0) {
        n = OUT - e->nout < len ? OUT - e->nout : len;
        memcpy(e->out + e->nout, from, n);
        e->nout += n;
        from += n;
        len -= n;

        err = e->nout == OUT ? entry_flush(e) : PT_OK;
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


static pt_err_t
entry_deflate(backup_member_t *e, const uint8_t *data, size_t len, bool end)
{
    pt_err_t              err;
    struct isal_zstream  *d = &e->deflate;

    d->next_in = (uint8_t *) (uintptr_t) data;
    d->avail_in = (uint32_t) len;
    d->end_of_stream = end;

    do {
        d->next_out = e->out + e->nout;
        d->avail_out = (uint32_t) (OUT - e->nout);

        if (isal_deflate(d) != COMP_OK) {
            return backup_say(PT_E_INTERNAL, "could not compress");
        }

        e->nout = OUT - d->avail_out;

        /* a small one stays here until its end */
        err = e->nout == OUT ? entry_flush(e) : PT_OK;
        if (err != PT_OK) {
            return err;
        }
    } while (d->avail_out == 0 || (end && d->internal_state.state
                                          != ZSTATE_END));

    return PT_OK;
}


/* to its place, or to the spool as long as it has none */
static pt_err_t
entry_flush(backup_member_t *e)
{
    char           name[96];
    size_t         clear;
    uint64_t       at;
    pt_err_t       err = PT_OK;
    backup_zip_t  *z = e->zip;

    if (e->aes != NULL) {
        clear = e->stored == 0 ? BACKUP_AES_HEAD : 0;
        err = backup_aes_add(e->aes, e->out + clear, e->nout - clear);
    }

    if (err == PT_OK && e->packed && e->spool == -1) {
        (void) pthread_mutex_lock(&z->lock);
        (void) snprintf(name, sizeof(name), "%s.%u", z->spool, ++z->spools);
        (void) pthread_mutex_unlock(&z->lock);

        e->spool = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        err = e->spool == -1 || unlink(name) == -1 ? zip_said() : PT_OK;
    }

    if (err != PT_OK) {
        return err;
    }

    at = e->packed ? e->stored : e->at + entry_header_len(e) + e->stored;
    err = zip_write(e->packed ? e->spool : z->fd, e->out, e->nout, at);

    /* so that little is left for the sync that ends a job */
    if (err == PT_OK && !e->packed
        && e->stored / WRITE_BACK != (e->stored + e->nout) / WRITE_BACK)
    {
        (void) sync_file_range(z->fd, (off_t) e->at,
                               (off_t) (at + e->nout - e->at),
                               SYNC_FILE_RANGE_WRITE);
    }

    e->stored += e->nout;
    e->nout = 0;

    return err;
}


pt_err_t
backup_member_end(backup_member_t *e)
{
    size_t    clear;
    pt_err_t  err = PT_OK;
    uint8_t   tail[BACKUP_AES_TAIL];

    if (e->packed) {
        err = entry_deflate(e, NULL, 0, true);

    } else if (e->bytes != e->size) {
        err = backup_say(PT_E_IO, "\"%s\" is shorter than it was", e->name);
    }

    if (err == PT_OK && e->aes != NULL) {
        clear = e->stored == 0 ? BACKUP_AES_HEAD : 0;
        err = backup_aes_add(e->aes, e->out + clear, e->nout - clear);

        if (err == PT_OK) {
            err = backup_aes_end(e->aes, tail);
        }
    }

    if (err == PT_OK) {
        err = entry_place(e);
    }

    if (err == PT_OK && e->aes != NULL) {
        err = zip_write(e->zip->fd, tail, sizeof(tail),
                        e->at + entry_header_len(e) + e->stored
                        - sizeof(tail));
    }

    return err == PT_OK ? zip_list(e) : err;
}


/* what is left of it, and its header */
static pt_err_t
entry_place(backup_member_t *e)
{
    size_t         rest = e->nout;
    pt_err_t       err = PT_OK;
    pt_buf_t       header;
    uint64_t       spooled = e->stored, from;
    backup_zip_t  *z = e->zip;

    e->size = e->bytes;
    e->stored += rest + (e->aes != NULL ? BACKUP_AES_TAIL : 0);
    e->nout = 0;

    if (e->packed) {
        e->at = zip_reserve(z, entry_header_len(e) + e->stored);
    }

    from = e->at + entry_header_len(e);

    if (e->packed && spooled != 0) {
        err = entry_copy(e, spooled, from);
    }

    if (err == PT_OK) {
        err = zip_write(z->fd, e->out, rest, from + spooled);
    }

    pt_buf_init(&header, &pt_mem_heap, HEADER_MAX);
    zip_header(e, true, &header);

    if (err == PT_OK) {
        err = header.err != PT_OK ? backup_say(header.err, "no memory")
              : zip_write(z->fd, header.data, header.len, e->at);
    }

    pt_buf_done(&header);

    return err;
}


static pt_err_t
entry_copy(backup_member_t *e, uint64_t len, uint64_t to)
{
    off_t    from = 0, at = (off_t) to;
    ssize_t  n;

    while ((uint64_t) from < len) {
        n = copy_file_range(e->spool, &from, e->zip->fd, &at,
                            (size_t) (len - (uint64_t) from), 0);

        if (n <= 0) {
            return zip_said();
        }
    }

    /* on its way to the disk while others are still compressed */
    (void) sync_file_range(e->zip->fd, (off_t) to, (off_t) len,
                           SYNC_FILE_RANGE_WRITE);

    /* the next one begins anew, and needs no more room than it needs */
    return ftruncate(e->spool, 0) == 0 ? PT_OK : zip_said();
}


/* of a local header, once size and stored are what they will be */
static uint64_t
entry_header_len(const backup_member_t *e)
{
    uint64_t  stored = e->packed ? e->stored : e->size + entry_overhead(e);
    uint64_t  size = e->packed ? e->bytes : e->size;

    return 30 + strlen(e->name) + 9 + (e->aes != NULL ? 11 : 0)
           + (size >= FULL32 || stored >= FULL32 ? 20 : 0);
}


static uint64_t
entry_overhead(const backup_member_t *e)
{
    return e->aes != NULL ? BACKUP_AES_HEAD + BACKUP_AES_TAIL : 0;
}


pt_err_t
backup_member_text(backup_member_t *e, const char *name, pt_str_t text)
{
    pt_err_t  err;

    err = backup_member_deflate(e, name);

    if (err == PT_OK) {
        err = backup_member_add(e, text.data, text.len);
    }

    return err == PT_OK ? backup_member_end(e) : err;
}


static pt_err_t
zip_write(int fd, const void *data, size_t len, uint64_t at)
{
    ssize_t      n;
    const char  *from = data;

    while (len != 0) {
        n = pwrite(fd, from, len, (off_t) at);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return zip_said();
        }

        from += n;
        at += (uint64_t) n;
        len -= (size_t) n;
    }

    return PT_OK;
}


static pt_err_t
zip_said(void)
{
    return backup_say(PT_E_STORAGE, "could not write the archive: %s",
                      strerror(errno));
}
