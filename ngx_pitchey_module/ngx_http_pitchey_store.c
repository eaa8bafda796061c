/* Plain uploads; what both kinds share. */

#include "ngx_http_pitchey_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "ngx_http_pitchey_part.h"


/* bytes after which the kernel is told to begin writing, so that the sync at
 * the end has little left to do */
#define NGX_HTTP_PITCHEY_STORE_FLUSH  (8 * 1024 * 1024)

/* the group, pitchey's, may read files and remove them */
#define NGX_HTTP_PITCHEY_STORE_MODE   0640
#define NGX_HTTP_PITCHEY_STORE_DIR    02770


static void ngx_http_pitchey_store_flush(ngx_http_pitchey_store_t *st);
static void ngx_http_pitchey_store_direct(ngx_http_pitchey_store_t *st,
    ngx_uint_t direct);
static int ngx_http_pitchey_store_open(ngx_http_pitchey_store_t *st);
static int ngx_http_pitchey_store_name(ngx_http_pitchey_store_t *st);
static int ngx_http_pitchey_store_link(ngx_http_pitchey_store_t *st);


ngx_int_t
ngx_http_pitchey_store_init(ngx_http_pitchey_store_t *st, ngx_pool_t *pool,
    const ngx_str_t *storage, const pt_id_t *id)
{
    char     text[PT_ID_TEXT_LEN];
    size_t   len;
    u_char  *p;

    st->fd = -1;
    SHA256_Init(&st->sha);

    len = storage->len + sizeof("/files/.tmp/") + PT_ID_TEXT_LEN;

    p = ngx_pnalloc(pool, 5 * len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    pt_id_format(id, text);

    st->folder = p;
    ngx_sprintf(p, "%V/files%Z", storage);

    st->subfolder = p += len;
    ngx_sprintf(p, "%V/files/%*s%Z", storage, (size_t) 2,
                text + PT_ID_TEXT_LEN - 2);

    st->path = p += len;
    ngx_sprintf(p, "%s/%*s%Z", st->subfolder, (size_t) PT_ID_TEXT_LEN, text);

    st->temp_folder = p += len;
    ngx_sprintf(p, "%V/files/.tmp%Z", storage);

    st->temp = p += len;
    ngx_sprintf(p, "%s/%*s%Z", st->temp_folder, (size_t) PT_ID_TEXT_LEN, text);

    return NGX_OK;
}


void
ngx_http_pitchey_store_failed(ngx_http_pitchey_store_t *st, const char *what,
    const u_char *at)
{
    st->err = ngx_errno;
    st->failed = what;
    st->at = at;
}


void
ngx_http_pitchey_store_write(ngx_http_pitchey_store_t *st, const u_char *data,
    size_t len)
{
    size_t   done;
    ssize_t  n;

    if (st->fd == -1 && ngx_http_pitchey_store_open(st) == -1) {
        ngx_http_pitchey_store_failed(st, "create", st->path);
        return;
    }

    ngx_http_pitchey_store_direct(st,
        (len | st->written | (uintptr_t) data)
        % NGX_HTTP_PITCHEY_STORE_BLOCK == 0);

    for (done = 0; done < len; done += n) {
        n = pwrite(st->fd, data + done, len - done, st->written + done);

        if (n != -1) {
            continue;
        }

        n = 0;

        if (ngx_errno == NGX_EINTR) {
            continue;
        }

        if (ngx_errno == NGX_EINVAL && st->direct) {
            /* larger blocks, or none of this file system */
            ngx_http_pitchey_store_direct(st, 0);
            st->cached = 1;
            continue;
        }

        ngx_http_pitchey_store_failed(st, "write", st->path);
        return;
    }

    st->written += len;

    if (!st->direct) {
        ngx_http_pitchey_store_flush(st);
    }

    if (st->part) {
        ngx_http_pitchey_store_hash(st, data, len);
        ngx_http_pitchey_part_written(st);
    }
}


void
ngx_http_pitchey_store_hash(ngx_http_pitchey_store_t *st, const u_char *data,
    size_t len)
{
    SHA256_Update(&st->sha, data, len);
}


/* best effort: fsync() tells what could not be written */
static void
ngx_http_pitchey_store_flush(ngx_http_pitchey_store_t *st)
{
    if (st->written - st->flushed >= NGX_HTTP_PITCHEY_STORE_FLUSH) {
        (void) sync_file_range(st->fd, st->flushed, st->written - st->flushed,
                               SYNC_FILE_RANGE_WRITE);
        st->flushed = st->written;
    }
}


/*
 * A large upload goes past the page cache: it is synced before its answer in
 * any case, and this way nothing of it is left to be written then, no copy of
 * it is made, and neither other files' pages nor other programs' syncs have to
 * make way for it.
 */
static void
ngx_http_pitchey_store_direct(ngx_http_pitchey_store_t *st, ngx_uint_t direct)
{
    int  flags;

    if (direct == st->direct || st->cached) {
        return;
    }

    flags = fcntl(st->fd, F_GETFL);
    flags = direct ? flags | O_DIRECT : flags & ~O_DIRECT;

    if (fcntl(st->fd, F_SETFL, flags) == -1) {
        st->cached = 1;
        direct = 0;
    }

    st->direct = direct;
}


static int
ngx_http_pitchey_store_open(ngx_http_pitchey_store_t *st)
{
    int  flags;

    flags = O_WRONLY|O_CLOEXEC;

    st->fd = open((char *) st->folder, flags|O_TMPFILE,
                  NGX_HTTP_PITCHEY_STORE_MODE);

    if (st->fd == -1 && errno == ENOENT) {
        if (ngx_http_pitchey_store_mkdir(st->folder) == -1) {
            return -1;
        }

        st->fd = open((char *) st->folder, flags|O_TMPFILE,
                      NGX_HTTP_PITCHEY_STORE_MODE);
    }

    /* EISDIR: from a kernel's file system that does not know the flag */

    if (st->fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR)) {
        return st->fd;
    }

    if (ngx_http_pitchey_store_mkdir(st->temp_folder) == -1) {
        return -1;
    }

    st->fd = open((char *) st->temp, flags|O_CREAT|O_EXCL,
                  NGX_HTTP_PITCHEY_STORE_MODE);
    st->temp_named = (st->fd != -1);

    return st->fd;
}


/* complete: on disk first, then under its name, then the name on disk */
void
ngx_http_pitchey_store_finish(ngx_http_pitchey_store_t *st)
{
    ssize_t     n;
    SHA256_CTX  sha;

    /* of a copy: a resumable upload may be finished again */
    sha = st->sha;
    SHA256_Final(st->sha256, &sha);

    if (fsync(st->fd) == -1) {
        ngx_http_pitchey_store_failed(st, "sync", st->path);
        return;
    }

    if (st->part) {
        ngx_http_pitchey_store_direct(st, 0);

        n = pread(st->fd, st->head, sizeof(st->head), 0);
        if (n == -1) {
            ngx_http_pitchey_store_failed(st, "read", st->part);
            return;
        }

        st->head_len = n;
    }

    if (ngx_http_pitchey_store_name(st) == -1
        || ngx_http_pitchey_store_sync_folder(st->subfolder) == -1)
    {
        ngx_http_pitchey_store_failed(st, "name", st->path);
        return;
    }

    if (st->part) {
        /* its lock is held until the answer is there */
        return;
    }

    if (close(st->fd) == -1) {
        ngx_http_pitchey_store_failed(st, "close", st->path);
    }

    st->fd = -1;
}


static int
ngx_http_pitchey_store_name(ngx_http_pitchey_store_t *st)
{
    if (ngx_http_pitchey_store_link(st) == -1) {

        if (errno != ENOENT
            || ngx_http_pitchey_store_mkdir(st->folder) == -1
            || ngx_http_pitchey_store_mkdir(st->subfolder) == -1
            || ngx_http_pitchey_store_sync_folder(st->folder) == -1
            || ngx_http_pitchey_store_link(st) == -1)
        {
            return -1;
        }
    }

    st->temp_named = 0;
    st->named = 1;

    return 0;
}


static int
ngx_http_pitchey_store_link(ngx_http_pitchey_store_t *st)
{
    u_char  fd[sizeof("/proc/self/fd/") + NGX_INT_T_LEN];

    if (st->part) {

        /* finished before, and the answer was lost: a new name is a young one,
         * which the sweep leaves alone */

        if (unlink((char *) st->path) == -1 && errno != ENOENT) {
            return -1;
        }

        return link((char *) st->part, (char *) st->path);
    }

    if (st->temp_named) {
        return rename((char *) st->temp, (char *) st->path);
    }

    /* a descriptor itself can be linked by CAP_DAC_READ_SEARCH alone */
    ngx_sprintf(fd, "/proc/self/fd/%d%Z", st->fd);

    return linkat(AT_FDCWD, (char *) fd, AT_FDCWD, (char *) st->path,
                  AT_SYMLINK_FOLLOW);
}


/* one that exists is fine; nginx's umask must not take the group's rights */
int
ngx_http_pitchey_store_mkdir(const u_char *path)
{
    if (mkdir((char *) path, NGX_HTTP_PITCHEY_STORE_DIR) == -1) {
        return errno == EEXIST ? 0 : -1;
    }

    return chmod((char *) path, NGX_HTTP_PITCHEY_STORE_DIR);
}


int
ngx_http_pitchey_store_sync_folder(const u_char *path)
{
    int  fd, rc, err;

    fd = open((char *) path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    rc = fsync(fd);
    err = errno;
    close(fd);
    errno = err;

    return rc;
}


/* in a thread too, since the blocks of a large file are freed with its last
 * name */
void
ngx_http_pitchey_store_end(ngx_http_pitchey_store_t *st, ngx_log_t *log)
{
    if (st->temp_named && unlink((char *) st->temp) == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "could not remove \"%s\", ignoring", st->temp);
    }

    if (st->named && unlink((char *) st->path) == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "could not remove \"%s\", ignoring", st->path);
    }

    if (st->part) {
        ngx_http_pitchey_part_end(st, log);
    }

    if (st->fd != -1) {
        close(st->fd);
    }

    st->temp_named = 0;
    st->named = 0;
    st->fd = -1;
}
