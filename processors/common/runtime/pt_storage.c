/*
 * Storage in local files, and on the way to S3.
 *
 * What is put is first moved to a folder of our own in the storage's root.
 * There a child cannot reach it any more (Landlock judges by where a file lies
 * now), so what is checked, hashed and synced from then on is what will be
 * read.  The folder is locked as long as its process lives; what one that was
 * killed has left there goes when the next opens the storage.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pt_folder.h"
#include "pt_storage_place.h"
#include "pt_wire.h"


#define CHUNK           (256u << 10)   /* bytes read at once */
#define PUT             ".put."        /* no key begins with a dot */
#define MOVING          ".moving"      /* what parts of uploads S3 has taken */
#define PUT_TRIES       10             /* each lost to somebody who tidies up */


static pt_err_t pt_storage_put_open(pt_storage_t *s, const char *root);
static int pt_storage_put_lock(pt_storage_t *s);
static void pt_storage_put_tidy(const pt_storage_t *s);
static bool pt_key_is_good(const char *key);
static pt_err_t pt_local_open(pt_storage_t *s, const char *key, int *ret_fd);
static pt_err_t pt_s3_fetch(pt_storage_t *s, const char *key, const char *to);
static void pt_moving_path(pt_storage_t *s, const char *key,
    char path[PATH_MAX]);
static pt_err_t pt_place_finish(const pt_place_t *place);
static pt_err_t pt_folder_enter(int folder, const char *name, int *ret_fd);
static pt_err_t pt_source_copy(int dir, const char *path,
    const pt_place_t *place);
static bool pt_file_has_writer(int fd);
static pt_err_t pt_fetch_name(pt_storage_t *s, int fd, const char *to);
static int pt_fetch_folder(pt_storage_t *s, const char *to);
static pt_err_t pt_file_hash(int fd, uint8_t sha256[32]);
static pt_err_t pt_tree_copy(int from, int to, unsigned depth);
static pt_err_t pt_tree_entry_copy(int from, int to, const char *name,
    unsigned depth);
static pt_err_t pt_file_copy(int from, int folder, const char *name);


pt_err_t
pt_storage_open_local(const char *root, pt_storage_t **ret_storage)
{
    int            saved;
    pt_err_t       err;
    pt_storage_t  *s;

    s = malloc(sizeof(*s));
    if (s == NULL) {
        return PT_E_NOMEM;
    }

    s->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->root == -1) {
        free(s);
        return PT_E_STORAGE;
    }

    s->s3 = NULL;
    pt_storage_put_tidy(s);

    err = pt_storage_put_open(s, root);

    if (err != PT_OK) {
        saved = errno;
        (void) close(s->root);
        free(s);
        errno = saved;
        return err;
    }

    *ret_storage = s;
    return PT_OK;
}


pt_err_t
pt_storage_open_s3(const char *root, const pt_s3_t *s3,
    pt_storage_t **ret_storage)
{
    pt_err_t       err;
    pt_storage_t  *s;

    err = pt_storage_open_local(root, &s);
    if (err != PT_OK) {
        return err;
    }

    err = pt_s3_client_new(s3, &s->s3);

    if (err == PT_OK && mkdirat(s->root, MOVING, 0700) == -1
        && errno != EEXIST)
    {
        err = PT_E_STORAGE;
    }

    if (err != PT_OK) {
        pt_storage_close(s);
        return err;
    }

    *ret_storage = s;
    return PT_OK;
}


bool
pt_storage_is_s3(const pt_storage_t *s)
{
    return s->s3 != NULL;
}


void
pt_storage_close(pt_storage_t *s)
{
    if (s != NULL) {
        pt_s3_client_free(s->s3);
        (void) pt_folder_remove(s->put_path);
        (void) close(s->put);
        (void) close(s->root);
        free(s);
    }
}


pt_err_t
pt_storage_put(pt_storage_t *s, const char *key, int dir, const char *path,
    pt_stored_t *ret_stored)
{
    int          fd;
    pt_err_t     err;
    pt_place_t   place;
    pt_stored_t  stored = { .files = 1 };

    err = pt_place_open(s, key, &place);
    if (err != PT_OK) {
        return err;
    }

    err = pt_source_move(dir, path, &place);

    if (err == PT_OK) {
        fd = pt_beneath(place.put, place.temp, O_RDONLY | O_NONBLOCK);

        err = fd == -1 ? PT_E_INVALID : pt_file_settle(fd, &stored.size);

        if (err == PT_OK) {
            err = pt_file_hash(fd, stored.sha256);
        }

        if (err == PT_OK && s->s3) {
            err = pt_s3_put(s->s3, &(pt_s3_file_t) { key, fd, stored.size },
                            NULL);
        }

        if (fd != -1) {
            pt_close(fd);
        }
    }

    err = pt_place_leave(&place, err);

    if (err == PT_OK) {
        *ret_stored = stored;
    }

    return err;
}


pt_err_t
pt_storage_get(pt_storage_t *s, const char *key, const char *to, bool link)
{
    int       fd;
    pt_err_t  err;

    if (!pt_key_is_good(key)) {
        return PT_E_INVALID;
    }

    /* another file system, or a file that the kernel will not let us link */
    if (link && linkat(s->root, key, AT_FDCWD, to, 0) == 0) {
        return PT_OK;
    }

    err = pt_local_open(s, key, &fd);

    if (err == PT_E_NOT_FOUND && s->s3) {
        return pt_s3_fetch(s, key, to);
    }

    if (err != PT_OK) {
        return err;
    }

    err = pt_file_copy(fd, AT_FDCWD, to);
    pt_close(fd);

    return err;
}


/* whole, or not at all */
static pt_err_t
pt_s3_fetch(pt_storage_t *s, const char *key, const char *to)
{
    int       fd;
    pt_err_t  err;

    fd = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd == -1) {
        return PT_E_STORAGE;
    }

    err = pt_s3_get(s->s3, key, fd);
    pt_close(fd);

    if (err != PT_OK) {
        int  saved = errno;

        (void) unlink(to);
        errno = saved;
    }

    return err;
}


pt_err_t
pt_storage_open(pt_storage_t *s, const char *key, int *ret_fd)
{
    int       fd;
    pt_err_t  err;

    if (!pt_key_is_good(key)) {
        return PT_E_INVALID;
    }

    err = pt_local_open(s, key, ret_fd);

    if (err != PT_E_NOT_FOUND || s->s3 == NULL) {
        return err;
    }

    /* a copy without a name: it goes with its descriptor */
    fd = openat(s->put, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    if (fd == -1) {
        return PT_E_STORAGE;
    }

    err = pt_s3_get(s->s3, key, fd);

    if (err != PT_OK) {
        pt_close(fd);
        return err;
    }

    *ret_fd = fd;
    return PT_OK;
}


static pt_err_t
pt_local_open(pt_storage_t *s, const char *key, int *ret_fd)
{
    int          fd;
    struct stat  st;

    fd = pt_beneath(s->root, key, O_RDONLY | O_NONBLOCK);
    if (fd == -1) {
        return errno == ENOENT || errno == ENOTDIR ? PT_E_NOT_FOUND
                                                   : PT_E_STORAGE;
    }

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
        (void) close(fd);
        return PT_E_NOT_FOUND;
    }

    *ret_fd = fd;
    return PT_OK;
}


pt_err_t
pt_storage_delete(pt_storage_t *s, const char *key)
{
    char  path[PATH_MAX];

    if (!pt_key_is_good(key)) {
        return PT_E_INVALID;
    }

    if (unlinkat(s->root, key, 0) == -1 && errno != ENOENT && errno != ENOTDIR)
    {
        if (errno != EISDIR) {
            return PT_E_STORAGE;
        }

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", s->root,
                        key);

        if (pt_folder_remove(path) != PT_OK) {
            return PT_E_STORAGE;
        }
    }

    if (s->s3 == NULL) {
        return PT_OK;
    }

    pt_moving_path(s, key, path);
    pt_s3_forget(s->s3, key, path);

    return pt_s3_delete(s->s3, key);
}


pt_err_t
pt_storage_move(pt_storage_t *s, const char *key)
{
    int          fd;
    char         state[PATH_MAX];
    pt_err_t     err;
    struct stat  st;

    if (s->s3 == NULL || !pt_key_is_good(key)) {
        return PT_E_INVALID;
    }

    err = pt_local_open(s, key, &fd);
    if (err != PT_OK) {
        return err;
    }

    pt_moving_path(s, key, state);

    err = fstat(fd, &st) == -1
          ? PT_E_STORAGE
          : pt_s3_put(s->s3, &(pt_s3_file_t) { key, fd, (uint64_t) st.st_size },
                      state);
    pt_close(fd);

    if (err != PT_OK) {
        return err;
    }

    if (unlinkat(s->root, key, 0) == 0) {
        return PT_OK;
    }

    /* somebody has deleted it, and may have been before us there */
    return errno == ENOENT ? pt_s3_delete(s->s3, key) : PT_E_STORAGE;
}


pt_err_t
pt_storage_fetch(pt_storage_t *s, const char *from, const char *to,
    pt_stored_t *ret_stored, char ret_head[PT_STORAGE_HEAD], size_t *ret_len)
{
    int          fd;
    ssize_t      n;
    pt_err_t     err;
    struct stat  st;

    if (s->s3 == NULL || !pt_key_is_good(from) || !pt_key_is_good(to)) {
        return PT_E_INVALID;
    }

    err = pt_local_open(s, to, &fd);

    if (err == PT_E_NOT_FOUND) {
        fd = openat(s->root, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
        err = fd == -1 ? PT_E_STORAGE : pt_s3_get(s->s3, from, fd);

        if (err == PT_OK) {
            err = pt_fetch_name(s, fd, to);
        }

        pt_close(fd);

        /* not ours perhaps: somebody else's that was faster */
        if (err == PT_OK) {
            err = pt_local_open(s, to, &fd);
        }
    }

    if (err != PT_OK) {
        return err;
    }

    err = fstat(fd, &st) == -1 ? PT_E_STORAGE
                               : pt_file_hash(fd, ret_stored->sha256);
    n = err == PT_OK ? pread(fd, ret_head, PT_STORAGE_HEAD, 0) : 0;
    pt_close(fd);

    ret_stored->size = (uint64_t) st.st_size;
    ret_stored->files = 1;
    *ret_len = n > 0 ? (size_t) n : 0;

    return n < 0 ? PT_E_STORAGE : err;
}


static pt_err_t
pt_fetch_name(pt_storage_t *s, int fd, const char *to)
{
    int          folder;
    char         path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
    pt_err_t     err = PT_E_STORAGE;
    const char  *name = strrchr(to, '/');

    folder = pt_fetch_folder(s, to);
    if (folder == -1) {
        return PT_E_STORAGE;
    }

    (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

    if (fchmod(fd, FILE_MODE) == 0 && fsync(fd) == 0
        && (linkat(AT_FDCWD, path, folder, name + 1, AT_SYMLINK_FOLLOW) == 0
            || errno == EEXIST)
        && fsync(folder) == 0)
    {
        err = PT_OK;
    }

    pt_close(folder);

    return err;
}


/* files/ab, which is nginx's to write in, too: its modes are the edge's */
static int
pt_fetch_folder(pt_storage_t *s, const char *to)
{
    char  path[PATH_MAX], *slash;

    (void) snprintf(path, sizeof(path), "%s", to);

    for (slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';

        if (mkdirat(s->root, path, 0770) == 0) {
            if (fchmodat(s->root, path, 02770, 0) == -1) {
                return -1;
            }

        } else if (errno != EEXIST) {
            return -1;
        }

        *slash = '/';
    }

    *strrchr(path, '/') = '\0';

    return pt_beneath(s->root, path, O_RDONLY | O_DIRECTORY);
}


/* keys have no blank, a file's name has no "/" */
static void
pt_moving_path(pt_storage_t *s, const char *key, char path[PATH_MAX])
{
    char  *p;

    p = path + snprintf(path, PATH_MAX, "/proc/self/fd/%d/" MOVING "/",
                        s->root);

    (void) snprintf(p, (size_t) (path + PATH_MAX - p), "%s", key);

    while ((p = strchr(p, '/')) != NULL) {
        *p = ' ';
    }
}


pt_err_t
pt_storage_list(pt_storage_t *s, const char *folder, const char *after,
    pt_storage_list_fn fn, void *ctx)
{
    if (s->s3 == NULL) {
        return PT_OK;
    }

    return pt_s3_list(s->s3, folder, after, false, fn, ctx);
}


bool
pt_output_name_is_good(pt_str_t name)
{
    size_t       len;
    const char  *p, *slash, *end = name.data + name.len;

    if (name.len == 0 || name.len > PT_OUTPUT_NAME_MAX) {
        return false;
    }

    for (p = name.data; ; p = slash + 1) {
        slash = memchr(p, '/', (size_t) (end - p));
        len = (size_t) ((slash ? slash : end) - p);

        if (!pt_name_is_good(p, len, false)) {
            return false;
        }

        if (slash == NULL) {
            return true;
        }
    }
}


static pt_err_t
pt_storage_put_open(pt_storage_t *s, const char *root)
{
    int   i;
    char  path[PATH_MAX];

    if (realpath(root, path) == NULL) {
        return PT_E_STORAGE;
    }

    for (i = 0; i < PUT_TRIES; i++) {
        if (snprintf(s->put_path, sizeof(s->put_path), "%s/" PUT "XXXXXX",
                     path) >= (int) sizeof(s->put_path))
        {
            errno = ENAMETOOLONG;
            return PT_E_STORAGE;
        }

        if (mkdtemp(s->put_path) == NULL) {
            return PT_E_STORAGE;
        }

        if (pt_storage_put_lock(s) == 0) {
            return PT_OK;
        }
    }

    return PT_E_STORAGE;
}


/* -1: somebody took it for a dead one's before it was locked */
static int
pt_storage_put_lock(pt_storage_t *s)
{
    struct stat  by_fd, by_path;

    s->put = open(s->put_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->put == -1) {
        return -1;
    }

    /* a file system that cannot lock folders: nobody tidies up there */
    if ((flock(s->put, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        && fstat(s->put, &by_fd) == 0 && stat(s->put_path, &by_path) == 0
        && by_path.st_ino == by_fd.st_ino)
    {
        return 0;
    }

    (void) close(s->put);

    return -1;
}


/* removes what those have left who were killed in the middle of a put */
static void
pt_storage_put_tidy(const pt_storage_t *s)
{
    int             fd;
    DIR            *d;
    char            path[PATH_MAX];
    struct dirent  *e;

    d = pt_folder_list(s->root);
    if (d == NULL) {
        return;
    }

    while ((e = readdir(d)) != NULL) {

        if (strncmp(e->d_name, PUT, strlen(PUT)) != 0) {
            continue;
        }

        fd = openat(s->root, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW
                    | O_CLOEXEC);
        if (fd == -1) {
            continue;
        }

        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            (void) snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", s->root,
                            e->d_name);
            (void) pt_folder_remove(path);
        }

        (void) close(fd);
    }

    (void) closedir(d);
}


static bool
pt_key_is_good(const char *key)
{
    size_t  len;

    if (strlen(key) > PT_KEY_MAX) {
        return false;
    }

    for ( ;; ) {
        len = strcspn(key, "/");

        if (!pt_name_is_good(key, len, true)) {
            return false;
        }

        if (key[len] == '\0') {
            return true;
        }

        key += len + 1;
    }
}


bool
pt_name_is_good(const char *name, size_t len, bool upper)
{
    char    c;
    size_t  i;

    if (len == 0 || len > NAME_MAX || name[0] == '.') {
        return false;
    }

    for (i = 0; i < len; i++) {
        c = name[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
              || (upper && c >= 'A' && c <= 'Z')
              || c == '.' || c == '_' || c == '-'))
        {
            return false;
        }
    }

    return true;
}


pt_err_t
pt_place_open(pt_storage_t *s, const char *key, pt_place_t *ret_place)
{
    int          fd, next;
    char         name[NAME_MAX + 1];
    size_t       len;
    pt_err_t     err;
    const char  *p;

    static atomic_uint  n;

    if (!pt_key_is_good(key)) {
        return PT_E_INVALID;
    }

    ret_place->put = s->put;
    (void) snprintf(ret_place->temp, sizeof(ret_place->temp), "%u",
                    atomic_fetch_add(&n, 1));

    if (s->s3) {
        ret_place->folder = -1;
        return PT_OK;
    }

    fd = fcntl(s->root, F_DUPFD_CLOEXEC, 3);
    if (fd == -1) {
        return PT_E_STORAGE;
    }

    for (p = key; p[len = strcspn(p, "/")] != '\0'; p += len + 1) {
        memcpy(name, p, len);
        name[len] = '\0';

        err = pt_folder_enter(fd, name, &next);
        (void) close(fd);

        if (err != PT_OK) {
            return err;
        }

        fd = next;
    }

    ret_place->folder = fd;
    ret_place->name = p;

    return PT_OK;
}


/* opens a folder of the storage, made and synced where it is missing */
static pt_err_t
pt_folder_enter(int folder, const char *name, int *ret_fd)
{
    if (mkdirat(folder, name, FOLDER_MODE) == 0) {
        if (fsync(folder) == -1) {
            return PT_E_STORAGE;
        }

    } else if (errno != EEXIST) {
        return PT_E_STORAGE;
    }

    *ret_fd = openat(folder, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*ret_fd != -1) {
        return PT_OK;
    }

    return errno == ENOTDIR || errno == ELOOP ? PT_E_CONFLICT : PT_E_STORAGE;
}


pt_err_t
pt_place_leave(const pt_place_t *place, pt_err_t err)
{
    if (err == PT_OK && place->folder != -1) {
        err = pt_place_finish(place);
    }

    if (err != PT_OK || place->folder == -1) {
        pt_place_discard(place);
    }

    if (place->folder != -1) {
        pt_close(place->folder);
    }

    return err;
}


void
pt_close(int fd)
{
    int  saved = errno;

    (void) close(fd);
    errno = saved;
}


static pt_err_t
pt_place_finish(const pt_place_t *place)
{
    if (renameat2(place->put, place->temp, place->folder, place->name,
                  RENAME_NOREPLACE) == -1)
    {
        return errno == EEXIST ? PT_E_CONFLICT : PT_E_STORAGE;
    }

    return fsync(place->folder) == 0 ? PT_OK : PT_E_STORAGE;
}


void
pt_place_discard(const pt_place_t *place)
{
    int   saved = errno;
    char  path[PATH_MAX];

    if (unlinkat(place->put, place->temp, 0) == -1 && errno == EISDIR) {
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d/%s",
                        place->put, place->temp);
        (void) pt_folder_remove(path);
    }

    errno = saved;
}


int
pt_beneath(int dir, const char *path, unsigned flags)
{
    struct open_how  how = {
        .flags = flags | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
                   | RESOLVE_NO_MAGICLINKS
    };

    return (int) syscall(SYS_openat2, dir, path, &how, sizeof(how));
}


pt_err_t
pt_source_move(int dir, const char *path, const pt_place_t *place)
{
    int          rc, parent;
    char         folder[PATH_MAX];
    const char  *slash, *name;

    slash = strrchr(path, '/');
    name = slash ? slash + 1 : path;

    if (strlen(path) >= sizeof(folder) || *name == '\0' || pt_is_dots(name)) {
        errno = ENOENT;
        return PT_E_INVALID;
    }

    (void) snprintf(folder, sizeof(folder), "./%.*s",
                    (int) (slash ? slash - path : 0), path);

    parent = pt_beneath(dir, folder, O_PATH | O_DIRECTORY);
    if (parent == -1) {
        return PT_E_INVALID;
    }

    rc = renameat2(parent, name, place->put, place->temp, RENAME_NOREPLACE);
    (void) close(parent);

    if (rc == 0) {
        return PT_OK;
    }

    if (errno == EXDEV) {
        return pt_source_copy(dir, path, place);
    }

    return errno == ENOENT || errno == ENOTDIR ? PT_E_INVALID : PT_E_STORAGE;
}


/* the scratch directory lies on another file system */
static pt_err_t
pt_source_copy(int dir, const char *path, const pt_place_t *place)
{
    int          from, to;
    pt_err_t     err;
    struct stat  st;

    from = pt_beneath(dir, path, O_RDONLY | O_NONBLOCK);
    if (from == -1) {
        return PT_E_INVALID;
    }

    if (fstat(from, &st) == -1 || !S_ISDIR(st.st_mode)) {
        err = S_ISREG(st.st_mode) ? pt_file_copy(from, place->put, place->temp)
                                  : PT_E_INVALID;
        (void) close(from);
        return err;
    }

    err = pt_folder_enter(place->put, place->temp, &to);

    if (err == PT_OK) {
        err = pt_tree_copy(from, to, 0);
        (void) close(to);
    }

    (void) close(from);
    return err;
}


pt_err_t
pt_file_settle(int fd, uint64_t *ret_size)
{
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return PT_E_STORAGE;
    }

    if (!S_ISREG(st.st_mode) || st.st_nlink != 1) {
        errno = EINVAL;
        return PT_E_INVALID;
    }

    if (pt_file_has_writer(fd)) {
        errno = EBUSY;
        return PT_E_INVALID;
    }

    if (fchmod(fd, FILE_MODE) == -1 || fsync(fd) == -1) {
        return PT_E_STORAGE;
    }

    *ret_size = (uint64_t) st.st_size;
    return PT_OK;
}


/*
 * A read lease is refused while anybody has the file open for writing.  It is
 * given back at once; the caller's process ignores SIGIO, which would tell of
 * somebody who wants to write.
 */
static bool
pt_file_has_writer(int fd)
{
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == -1) {
        return errno == EAGAIN;
    }

    (void) fcntl(fd, F_SETLEASE, F_UNLCK);

    return false;
}


static pt_err_t
pt_file_hash(int fd, uint8_t sha256[32])
{
    char        *chunk;
    ssize_t      n;
    pt_err_t     err;
    EVP_MD_CTX  *ctx;

    chunk = malloc(CHUNK);
    ctx = EVP_MD_CTX_new();

    if (chunk == NULL || ctx == NULL
        || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
    {
        err = PT_E_NOMEM;
        goto done;
    }

    while ((n = read(fd, chunk, CHUNK)) > 0) {
        if (EVP_DigestUpdate(ctx, chunk, (size_t) n) != 1) {
            err = PT_E_INTERNAL;
            goto done;
        }
    }

    err = n == 0 && EVP_DigestFinal_ex(ctx, sha256, NULL) == 1 ? PT_OK
                                                               : PT_E_STORAGE;

done:

    EVP_MD_CTX_free(ctx);
    free(chunk);

    return err;
}


static pt_err_t
pt_tree_copy(int from, int to, unsigned depth)
{
    DIR            *d;
    pt_err_t        err = PT_OK;
    struct dirent  *e;

    if (depth == PT_TREE_DEPTH_MAX) {
        return PT_E_TOO_LARGE;
    }

    d = pt_folder_list(from);
    if (d == NULL) {
        return PT_E_STORAGE;
    }

    while (err == PT_OK && (e = readdir(d)) != NULL) {
        if (!pt_is_dots(e->d_name)) {
            err = pt_tree_entry_copy(from, to, e->d_name, depth);
        }
    }

    (void) closedir(d);
    return err;
}


static pt_err_t
pt_tree_entry_copy(int from, int to, const char *name, unsigned depth)
{
    int          entry, folder;
    pt_err_t     err;
    struct stat  st;

    entry = pt_beneath(from, name, O_RDONLY | O_NONBLOCK);
    if (entry == -1 || fstat(entry, &st) == -1) {
        return PT_E_INVALID;
    }

    if (S_ISREG(st.st_mode)) {
        err = pt_file_copy(entry, to, name);

    } else if (S_ISDIR(st.st_mode)) {
        err = pt_folder_enter(to, name, &folder);

        if (err == PT_OK) {
            err = pt_tree_copy(entry, folder, depth + 1);
            (void) close(folder);
        }

    } else {
        err = PT_E_INVALID;
    }

    (void) close(entry);
    return err;
}


static pt_err_t
pt_file_copy(int from, int folder, const char *name)
{
    int  to, rc;

    to = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                FILE_MODE);
    if (to == -1) {
        return PT_E_STORAGE;
    }

    rc = pt_fd_copy(from, to);

    /* some file systems tell of a full disk only here */
    if (close(to) == -1) {
        rc = -1;
    }

    return rc == 0 ? PT_OK : PT_E_STORAGE;
}


/* reads the entries of fd, which stays the caller's */
DIR *
pt_folder_list(int fd)
{
    int   own;
    DIR  *d;

    own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own == -1) {
        return NULL;
    }

    d = fdopendir(own);
    if (d == NULL) {
        (void) close(own);
    }

    return d;
}


bool
pt_is_dots(const char *name)
{
    return name[0] == '.'
           && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}
