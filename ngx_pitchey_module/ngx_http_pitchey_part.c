/* Resumable uploads in storage; the layout is told in the header of _store. */

#include "ngx_http_pitchey_part.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>


/* bytes that a crash of the worker makes a client send again, at most */
#define NGX_HTTP_PITCHEY_PART_SAVE   (16 * 1024 * 1024)

/* s; a part without a record is one that could not be made */
#define NGX_HTTP_PITCHEY_PART_STRAY  3600

/* hex digits of a user's folder */
#define NGX_HTTP_PITCHEY_PART_USER   32


static ngx_int_t ngx_http_pitchey_part_read(ngx_http_pitchey_store_t *st);
static int ngx_http_pitchey_part_write(ngx_http_pitchey_store_t *st);
static void ngx_http_pitchey_part_check(const ngx_http_pitchey_record_t *rec,
    u_char check[SHA256_DIGEST_LENGTH]);
static ngx_uint_t ngx_http_pitchey_part_count(ngx_http_pitchey_store_t *st);
static int ngx_http_pitchey_part_lock(ngx_http_pitchey_store_t *st);
static void ngx_http_pitchey_part_leave(ngx_http_pitchey_store_t *st);
static void ngx_http_pitchey_part_remove(ngx_http_pitchey_store_t *st);
static void ngx_http_pitchey_part_sweep_user(const ngx_str_t *storage,
    const char *user, ngx_log_t *log);
static void ngx_http_pitchey_part_sweep_one(const ngx_str_t *storage,
    const char *user, const char *name, ngx_log_t *log);
static ngx_uint_t ngx_http_pitchey_part_is_stray(const u_char *path,
    const u_char *info);


static const u_char  ngx_http_pitchey_part_magic[8] = "PTUPLD1";


ngx_int_t
ngx_http_pitchey_store_init_part(ngx_http_pitchey_store_t *st,
    ngx_pool_t *pool, const ngx_str_t *storage, const pt_id_t *id,
    const ngx_str_t *user)
{
    char     text[PT_ID_TEXT_LEN];
    size_t   len;
    u_char  *p, hash[SHA256_DIGEST_LENGTH];
    u_char   hex[2 * SHA256_DIGEST_LENGTH];

    st->record = ngx_pcalloc(pool, sizeof(ngx_http_pitchey_record_t));
    if (st->record == NULL) {
        return NGX_ERROR;
    }

    len = storage->len + sizeof("/uploads/") + NGX_HTTP_PITCHEY_PART_USER
          + sizeof("/.part.new") + PT_ID_TEXT_LEN;

    p = ngx_pnalloc(pool, 5 * len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    SHA256(user->data, user->len, hash);
    ngx_hex_dump(hex, hash, sizeof(hash));
    pt_id_format(id, text);

    st->uploads = p;
    ngx_sprintf(p, "%V/uploads%Z", storage);

    st->user = p += len;
    ngx_sprintf(p, "%s/%*s%Z", st->uploads,
                (size_t) NGX_HTTP_PITCHEY_PART_USER, hex);

    st->part = p += len;
    ngx_sprintf(p, "%s/%*s.part%Z", st->user, (size_t) PT_ID_TEXT_LEN, text);

    st->info = p += len;
    ngx_sprintf(p, "%s/%*s.info%Z", st->user, (size_t) PT_ID_TEXT_LEN, text);

    st->info_temp = p += len;
    ngx_sprintf(p, "%s.new%Z", st->info);

    return NGX_OK;
}


void
ngx_http_pitchey_store_part_create(ngx_http_pitchey_store_t *st)
{
    if (ngx_http_pitchey_store_mkdir(st->uploads) == -1
        || ngx_http_pitchey_store_mkdir(st->user) == -1)
    {
        ngx_http_pitchey_store_failed(st, "create", st->user);
        return;
    }

    if (ngx_http_pitchey_part_count(st) >= NGX_HTTP_PITCHEY_PARTS_MAX) {
        st->status = NGX_HTTP_PITCHEY_PART_TOO_MANY;
        return;
    }

    st->fd = open((char *) st->part, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0640);

    if (st->fd == -1) {
        ngx_http_pitchey_store_failed(st, "create", st->part);
        return;
    }

    st->status = NGX_HTTP_PITCHEY_PART_OPEN;

    if (flock(st->fd, LOCK_EX|LOCK_NB) == -1) {
        ngx_http_pitchey_store_failed(st, "lock", st->part);
        return;
    }

    ngx_memcpy(st->record->magic, ngx_http_pitchey_part_magic,
               sizeof(st->record->magic));

    ngx_http_pitchey_store_part_save(st);

    if (st->failed == NULL
        && (ngx_http_pitchey_store_sync_folder(st->user) == -1
            || ngx_http_pitchey_store_sync_folder(st->uploads) == -1))
    {
        ngx_http_pitchey_store_failed(st, "sync", st->user);
    }

    if (st->failed) {
        st->remove = 1;
    }
}


/* parts that are there: what became a file has none */
static ngx_uint_t
ngx_http_pitchey_part_count(ngx_http_pitchey_store_t *st)
{
    DIR            *dir;
    size_t          len;
    ngx_uint_t      n;
    struct dirent  *entry;

    dir = opendir((char *) st->user);
    if (dir == NULL) {
        return 0;
    }

    n = 0;

    while ((entry = readdir(dir)) != NULL) {
        len = ngx_strlen(entry->d_name);
        n += len > 5 && ngx_strcmp(entry->d_name + len - 5, ".part") == 0;
    }

    closedir(dir);

    return n;
}


void
ngx_http_pitchey_store_part_open(ngx_http_pitchey_store_t *st)
{
    int  rc;

    st->status = NGX_HTTP_PITCHEY_PART_NONE;

    rc = ngx_http_pitchey_part_lock(st);

    if (rc == -1 && errno == ENOENT) {
        if (ngx_http_pitchey_part_read(st) == NGX_OK && st->record->done) {
            st->status = NGX_HTTP_PITCHEY_PART_DONE;
        }

        return;
    }

    if (rc == -1 && errno != EWOULDBLOCK) {
        ngx_http_pitchey_store_failed(st, "open", st->part);
        return;
    }

    if (ngx_http_pitchey_part_read(st) != NGX_OK) {
        return;
    }

    if (rc == -1) {
        st->status = NGX_HTTP_PITCHEY_PART_LOCKED;
        return;
    }

    if (st->record->expires <= ngx_time()) {
        st->status = NGX_HTTP_PITCHEY_PART_EXPIRED;
        st->remove = 1;
        return;
    }

    st->status = NGX_HTTP_PITCHEY_PART_OPEN;
    st->sha = st->record->sha;
    st->written = st->record->offset;
    st->flushed = st->written;

    ngx_http_pitchey_part_leave(st);
}


/* before the answer: the client's next request finds it free */
static void
ngx_http_pitchey_part_leave(ngx_http_pitchey_store_t *st)
{
    if (st->leave && st->fd != -1 && st->record->offset < st->record->length) {
        close(st->fd);
        st->fd = -1;
    }
}


void
ngx_http_pitchey_store_part_unlock(ngx_http_pitchey_store_t *st)
{
    if (st->fd != -1 && st->status == NGX_HTTP_PITCHEY_PART_OPEN) {
        (void) flock(st->fd, LOCK_UN);
    }
}


void
ngx_http_pitchey_store_part_delete(ngx_http_pitchey_store_t *st)
{
    ngx_http_pitchey_store_part_open(st);

    if (st->failed == NULL && (st->status == NGX_HTTP_PITCHEY_PART_OPEN
                               || st->status == NGX_HTTP_PITCHEY_PART_DONE))
    {
        ngx_http_pitchey_part_remove(st);
    }
}


/* 0: ours.  -1 with EWOULDBLOCK: somebody else's; with ENOENT: there is none */
static int
ngx_http_pitchey_part_lock(ngx_http_pitchey_store_t *st)
{
    int          err;
    struct stat  sb;

    st->fd = open((char *) st->part, O_RDWR|O_CLOEXEC|O_NOFOLLOW);
    if (st->fd == -1) {
        return -1;
    }

    err = 0;

    if (flock(st->fd, LOCK_EX|LOCK_NB) == -1 || fstat(st->fd, &sb) == -1) {
        err = errno;

    } else if (sb.st_nlink == 0) {
        /* removed between open() and flock() */
        err = ENOENT;
    }

    if (err) {
        close(st->fd);
        st->fd = -1;
        errno = err;
        return -1;
    }

    return 0;
}


/* NGX_ERROR: there is none, or it was not written by this release */
static ngx_int_t
ngx_http_pitchey_part_read(ngx_http_pitchey_store_t *st)
{
    int                         fd;
    u_char                      check[SHA256_DIGEST_LENGTH];
    ssize_t                     n;
    ngx_http_pitchey_record_t  *rec;

    rec = st->record;

    fd = open((char *) st->info, O_RDONLY|O_CLOEXEC|O_NOFOLLOW);
    if (fd == -1) {
        return NGX_ERROR;
    }

    n = read(fd, rec, sizeof(ngx_http_pitchey_record_t));
    close(fd);

    if (n != (ssize_t) sizeof(ngx_http_pitchey_record_t)
        || ngx_memcmp(rec->magic, ngx_http_pitchey_part_magic,
                      sizeof(rec->magic)) != 0)
    {
        return NGX_ERROR;
    }

    ngx_http_pitchey_part_check(rec, check);

    return ngx_memcmp(rec->check, check, sizeof(check)) == 0 ? NGX_OK
                                                             : NGX_ERROR;
}


static void
ngx_http_pitchey_part_check(const ngx_http_pitchey_record_t *rec,
    u_char check[SHA256_DIGEST_LENGTH])
{
    SHA256((const u_char *) rec, offsetof(ngx_http_pitchey_record_t, check),
           check);
}


void
ngx_http_pitchey_part_written(ngx_http_pitchey_store_t *st)
{
    if (st->written - st->record->offset >= NGX_HTTP_PITCHEY_PART_SAVE) {
        ngx_http_pitchey_store_part_save(st);
    }
}


void
ngx_http_pitchey_store_part_save(ngx_http_pitchey_store_t *st)
{
    ngx_http_pitchey_record_t  *rec;

    rec = st->record;

    if (fdatasync(st->fd) == -1) {
        ngx_http_pitchey_store_failed(st, "sync", st->part);
        return;
    }

    rec->offset = st->written;
    rec->sha = st->sha;
    rec->expires = ngx_time() + st->lifetime;

    if (ngx_http_pitchey_part_write(st) == -1) {
        ngx_http_pitchey_store_failed(st, "write", st->info);
        return;
    }

    ngx_http_pitchey_part_leave(st);
}


static int
ngx_http_pitchey_part_write(ngx_http_pitchey_store_t *st)
{
    int      fd, err;
    ssize_t  n;

    ngx_http_pitchey_part_check(st->record, st->record->check);

    fd = open((char *) st->info_temp, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC,
              0640);
    if (fd == -1) {
        return -1;
    }

    n = write(fd, st->record, sizeof(ngx_http_pitchey_record_t));

    err = (n == -1) ? errno
          : n != (ssize_t) sizeof(ngx_http_pitchey_record_t) ? ENOSPC
          : fdatasync(fd) == -1 ? errno : 0;

    close(fd);

    if (err == 0 && rename((char *) st->info_temp, (char *) st->info) == 0) {
        return 0;
    }

    err = err ? err : errno;
    (void) unlink((char *) st->info_temp);
    errno = err;

    return -1;
}


void
ngx_http_pitchey_store_part_done(ngx_http_pitchey_store_t *st)
{
    st->record->done = 1;

    ngx_http_pitchey_store_part_save(st);

    if (st->failed == NULL && unlink((char *) st->part) == -1) {
        ngx_http_pitchey_store_failed(st, "remove", st->part);
    }
}


/* what came is kept; a record that cannot be written tells of less */
void
ngx_http_pitchey_part_end(ngx_http_pitchey_store_t *st, ngx_log_t *log)
{
    if (st->remove) {
        ngx_http_pitchey_part_remove(st);
        return;
    }

    if (st->fd == -1 || st->record->done || st->failed
        || st->written == st->record->offset)
    {
        return;
    }

    ngx_http_pitchey_store_part_save(st);

    if (st->failed) {
        ngx_log_error(NGX_LOG_ERR, log, st->err, "could not %s \"%s\"",
                      st->failed, st->at);
    }
}


static void
ngx_http_pitchey_part_remove(ngx_http_pitchey_store_t *st)
{
    /* the record first: a part without one is none */

    (void) unlink((char *) st->info);
    (void) unlink((char *) st->part);
}


void
ngx_http_pitchey_store_sweep(const ngx_str_t *storage, ngx_log_t *log)
{
    DIR            *dir;
    u_char          path[NGX_MAX_PATH + 1];
    struct dirent  *entry;

    ngx_snprintf(path, sizeof(path), "%V/uploads%Z", storage);

    dir = opendir((char *) path);
    if (dir == NULL) {
        return;
    }

    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            ngx_http_pitchey_part_sweep_user(storage, entry->d_name, log);
        }
    }

    closedir(dir);
}


static void
ngx_http_pitchey_part_sweep_user(const ngx_str_t *storage, const char *user,
    ngx_log_t *log)
{
    DIR            *dir;
    u_char          path[NGX_MAX_PATH + 1];
    struct dirent  *entry;

    ngx_snprintf(path, sizeof(path), "%V/uploads/%s%Z", storage, user);

    dir = opendir((char *) path);
    if (dir == NULL) {
        return;
    }

    while ((entry = readdir(dir)) != NULL) {
        ngx_http_pitchey_part_sweep_one(storage, user, entry->d_name, log);
    }

    closedir(dir);
}


/* the name of a part or of a record */
static void
ngx_http_pitchey_part_sweep_one(const ngx_str_t *storage, const char *user,
    const char *name, ngx_log_t *log)
{
    u_char                     part[NGX_MAX_PATH + 1], info[NGX_MAX_PATH + 1];
    pt_id_t                    id;
    ngx_uint_t                 readable;
    ngx_http_pitchey_store_t   st;
    ngx_http_pitchey_record_t  record;

    if (ngx_strlen(name) != PT_ID_TEXT_LEN + 5
        || pt_id_parse((pt_str_t) { name, PT_ID_TEXT_LEN }, &id) != PT_OK)
    {
        return;
    }

    ngx_snprintf(part, sizeof(part), "%V/uploads/%s/%*s.part%Z", storage, user,
                 (size_t) PT_ID_TEXT_LEN, name);
    ngx_snprintf(info, sizeof(info), "%V/uploads/%s/%*s.info%Z", storage, user,
                 (size_t) PT_ID_TEXT_LEN, name);

    ngx_memzero(&st, sizeof(ngx_http_pitchey_store_t));
    st.record = &record;
    st.part = part;
    st.info = info;

    readable = (ngx_http_pitchey_part_read(&st) == NGX_OK);

    if (readable ? record.expires > ngx_time()
                 : !ngx_http_pitchey_part_is_stray(part, info))
    {
        return;
    }

    if (ngx_http_pitchey_part_lock(&st) == -1 && errno != ENOENT) {
        return;
    }

    /* saved until we had the lock */
    if (!readable || ngx_http_pitchey_part_read(&st) != NGX_OK
        || record.expires <= ngx_time())
    {
        ngx_http_pitchey_part_remove(&st);

        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "removed an upload whose time is over: \"%s\"", part);
    }

    if (st.fd != -1) {
        close(st.fd);
    }
}


static ngx_uint_t
ngx_http_pitchey_part_is_stray(const u_char *path, const u_char *info)
{
    struct stat  sb;

    return (stat((char *) path, &sb) == 0 || stat((char *) info, &sb) == 0)
           && sb.st_ctime < ngx_time() - NGX_HTTP_PITCHEY_PART_STRAY;
}
