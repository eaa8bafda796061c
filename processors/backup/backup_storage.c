/* Files of the platform's storage: of its folder, else of its bucket. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup_helper.h"
#include "backup_storage.h"
#include "pt_storage_s3.h"


#define TREE_DEPTH   8             /* of pt_storage.h */
#define HELPERS      2             /* as many threads read at once */


typedef enum {
    REMOTE_GET = 1,                /* into the file path */
    REMOTE_LIST                    /* all below the folder key, behind path */
} remote_op_t;

/* to a helper; back comes a remote_answer_t and so many bytes */
typedef struct {
    remote_op_t  op;
    char         key[BACKUP_FILE_KEY_MAX];
    char         path[BACKUP_PATH_MAX];
} remote_request_t;

typedef struct {
    pt_err_t  err;
    int       why;                 /* errno */
    uint32_t  len;                 /* of the names, each ended by a NUL */
} remote_answer_t;


static void remote_helper(int fd, const pt_reach_t *reach);
static pt_err_t remote_get(pt_s3_client_t *s3, const remote_request_t *q);
static void remote_name(void *ctx, pt_str_t name);
static pt_err_t remote_ask(const remote_request_t *request, pt_buf_t *names);
static pt_err_t remote_open(const char *key, int *ret_fd);
static pt_err_t remote_list(const char *folder, const char *after,
    pt_buf_t *ret_names);
static pt_err_t remote_tree(const char *key, backup_tree_fn visit, void *ctx);
static pt_err_t local_tree(const char *root, const char *key, unsigned depth,
    backup_tree_fn visit, void *ctx);


/* a child's; busy and what follows under the lock */
static int              remote_fds[HELPERS];
static unsigned         remote_n;          /* 0: there is no bucket */
static bool             remote_busy[HELPERS];
static unsigned         remote_files;      /* for names in scratch */
static pthread_mutex_t  remote_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t   remote_free = PTHREAD_COND_INITIALIZER;


pt_err_t
backup_storage_prepare(const pt_reach_t *reach)
{
    pt_err_t  err = PT_OK;

    while (err == PT_OK && reach->s3 != NULL && remote_n < HELPERS) {
        err = backup_helper_start("pt-bucket", remote_helper, reach,
                                  &remote_fds[remote_n]);
        remote_n += err == PT_OK;
    }

    return err;
}


pt_err_t
backup_storage_folders(const char *root, const char *key)
{
    char         path[BACKUP_PATH_MAX];
    const char  *slash;

    for (slash = strchr(key, '/'); slash; slash = strchr(slash + 1, '/')) {
        (void) snprintf(path, sizeof(path), "%s/%.*s", root,
                        (int) (slash - key), key);

        if (mkdir(path, 0770) == -1 && errno != EEXIST) {
            return backup_say(PT_E_STORAGE, "could not make \"%s\": %s", path,
                              strerror(errno));
        }
    }

    return PT_OK;
}


bool
backup_file_key_is_good(pt_str_t key)
{
    char    c, before = '/';
    size_t  i;

    for (i = 0; i < key.len; i++) {
        c = key.data[i];

        if (c == '/' ? before == '/'
                     : !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                         || (c >= '0' && c <= '9') || c == '-' || c == '_'
                         || (c == '.' && before != '/')))
        {
            return false;
        }

        before = c;
    }

    return key.len > 0 && key.len < BACKUP_FILE_KEY_MAX && before != '/';
}


pt_err_t
backup_storage_open(const char *root, const char *key, int *ret_fd,
    uint64_t *ret_size)
{
    int          fd;
    char         path[BACKUP_PATH_MAX];
    pt_err_t     err = PT_OK;
    struct stat  st;

    (void) snprintf(path, sizeof(path), "%s/%s", root, key);

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd == -1 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
        return backup_say(PT_E_IO, "could not open \"%s\" in storage: %s",
                          key, strerror(errno));
    }

    if (fd == -1) {
        err = remote_open(key, &fd);
    }

    if (err == PT_OK && (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))) {
        (void) close(fd);
        err = PT_E_NOT_FOUND;
    }

    if (err == PT_OK) {
        *ret_fd = fd;
        *ret_size = (uint64_t) st.st_size;
    }

    return err;
}


pt_err_t
backup_storage_has(const char *root, const char *key, uint64_t size,
    bool *ret_has)
{
    char         path[BACKUP_PATH_MAX], folder[BACKUP_FILE_KEY_MAX], *name;
    size_t       at;
    pt_buf_t     names;
    pt_err_t     err;
    struct stat  st;

    (void) snprintf(path, sizeof(path), "%s/%s", root, key);

    *ret_has = stat(path, &st) == 0 && S_ISREG(st.st_mode)
               && (uint64_t) st.st_size == size;

    if (*ret_has || remote_n == 0 || strchr(key, '/') == NULL) {
        return PT_OK;
    }

    /* what is behind all of its name but the last byte: it, or nothing */
    (void) snprintf(folder, sizeof(folder), "%s", key);
    name = strrchr(folder, '/');
    *name++ = '\0';
    name[strlen(name) - 1] = '\0';

    pt_buf_init(&names, &pt_mem_heap, 1u << 20);
    err = remote_list(folder, name, &names);

    for (at = 0; at < names.len && !*ret_has; at += strlen(names.data + at) + 1)
    {
        *ret_has = strcmp(names.data + at, strrchr(key, '/') + 1) == 0;
    }

    pt_buf_done(&names);

    return err;
}


pt_err_t
backup_storage_tree(const char *root, const char *key, backup_tree_fn visit,
    void *ctx)
{
    pt_err_t  err;

    err = local_tree(root, key, 0, visit, ctx);

    return err == PT_E_NOT_FOUND && remote_n != 0
           ? remote_tree(key, visit, ctx) : err;
}


static pt_err_t
local_tree(const char *root, const char *key, unsigned depth,
    backup_tree_fn visit, void *ctx)
{
    DIR            *d;
    char            path[BACKUP_PATH_MAX], part[BACKUP_FILE_KEY_MAX];
    pt_err_t        err = PT_OK;
    struct stat     st;
    struct dirent  *e;

    (void) snprintf(path, sizeof(path), "%s/%s", root, key);

    d = depth < TREE_DEPTH ? opendir(path) : NULL;

    if (d == NULL) {
        return backup_say(PT_E_NOT_FOUND, "storage has no \"%s\"", key);
    }

    while (err == PT_OK && (e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.'
            || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1)
        {
            continue;
        }

        if (snprintf(part, sizeof(part), "%s/%s", key, e->d_name)
            >= (int) sizeof(part))
        {
            err = backup_say(PT_E_INVALID, "a name in storage is too long");

        } else {
            err = S_ISDIR(st.st_mode)
                  ? local_tree(root, part, depth + 1, visit, ctx)
                  : visit(ctx, part);
        }
    }

    (void) closedir(d);

    return err;
}


/* ---- the bucket, in the child ---- */

/* into a file of scratch that has no name any more */
static pt_err_t
remote_open(const char *key, int *ret_fd)
{
    int               fd;
    char              cwd[BACKUP_PATH_MAX / 2];
    pt_err_t          err;
    unsigned          number;
    remote_request_t  request = { .op = REMOTE_GET };

    if (remote_n == 0) {
        return backup_say(PT_E_NOT_FOUND, "storage has no \"%s\"", key);
    }

    if (getcwd(cwd, sizeof(cwd)) == NULL) {
        return backup_say(PT_E_INTERNAL, "there is no scratch folder");
    }

    (void) pthread_mutex_lock(&remote_lock);
    number = remote_files++;
    (void) pthread_mutex_unlock(&remote_lock);

    (void) snprintf(request.key, sizeof(request.key), "%s", key);
    (void) snprintf(request.path, sizeof(request.path), "%s/.bucket-%u", cwd,
                    number);

    err = remote_ask(&request, NULL);
    if (err != PT_OK) {
        return err;
    }

    fd = open(request.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    (void) unlink(request.path);

    if (fd == -1) {
        return backup_say(PT_E_IO, "could not open \"%s\" of the bucket: %s",
                          key, strerror(errno));
    }

    *ret_fd = fd;
    return PT_OK;
}


static pt_err_t
remote_list(const char *folder, const char *after, pt_buf_t *ret_names)
{
    remote_request_t  request = { .op = REMOTE_LIST };

    (void) snprintf(request.key, sizeof(request.key), "%s", folder);
    (void) snprintf(request.path, sizeof(request.path), "%s", after);

    return remote_ask(&request, ret_names);
}


static pt_err_t
remote_tree(const char *key, backup_tree_fn visit, void *ctx)
{
    char      part[BACKUP_FILE_KEY_MAX], after[BACKUP_FILE_KEY_MAX] = "";
    bool      some = false;
    size_t    at;
    pt_buf_t  names;
    pt_err_t  err;

    pt_buf_init(&names, &pt_mem_heap, 1u << 20);

    for ( ;; ) {
        pt_buf_reset(&names);
        err = remote_list(key, after, &names);

        if (err != PT_OK || names.len == 0) {
            break;
        }

        for (at = 0; err == PT_OK && at < names.len;
             at += strlen(names.data + at) + 1)
        {
            (void) snprintf(after, sizeof(after), "%s", names.data + at);

            if (snprintf(part, sizeof(part), "%s/%s", key, after)
                >= (int) sizeof(part)
                || !backup_file_key_is_good(pt_str(part)))
            {
                err = backup_say(PT_E_INVALID, "a name in the bucket is none "
                                 "of storage's: \"%.100s\"", part);
            } else {
                err = visit(ctx, part);
            }
        }

        some = true;

        if (err != PT_OK) {
            break;
        }
    }

    pt_buf_done(&names);

    return err != PT_OK || some
           ? err : backup_say(PT_E_NOT_FOUND, "storage has no \"%s\"", key);
}


/* of a helper that has nothing else to do */
static pt_err_t
remote_ask(const remote_request_t *request, pt_buf_t *names)
{
    int              fd;
    bool             good;
    char             piece[4096];
    size_t           n;
    unsigned         i;
    remote_answer_t  answer;

    (void) pthread_mutex_lock(&remote_lock);

    for ( ;; ) {
        for (i = 0; i < remote_n && remote_busy[i]; i++) {
            /* void */
        }

        if (i < remote_n) {
            break;
        }

        (void) pthread_cond_wait(&remote_free, &remote_lock);
    }

    remote_busy[i] = true;
    fd = remote_fds[i];
    (void) pthread_mutex_unlock(&remote_lock);

    good = backup_helper_write(fd, request, sizeof(*request))
           && backup_helper_read(fd, &answer, sizeof(answer));

    while (good && answer.len != 0) {
        n = answer.len < sizeof(piece) ? answer.len : sizeof(piece);
        good = backup_helper_read(fd, piece, n);
        answer.len -= (uint32_t) n;

        if (good && names != NULL) {
            pt_buf_add(names, piece, n);
        }
    }

    (void) pthread_mutex_lock(&remote_lock);
    remote_busy[i] = false;
    (void) pthread_cond_signal(&remote_free);
    (void) pthread_mutex_unlock(&remote_lock);

    if (!good || (names != NULL && names->err != PT_OK)) {
        return backup_say(PT_E_IO, "the bucket's helper has ended");
    }

    /* a file that has other bytes by now is not there any more */
    if (answer.err == PT_E_NOT_FOUND
        || (answer.err == PT_E_STORAGE && answer.why == EBADMSG))
    {
        return backup_say(PT_E_NOT_FOUND, "storage has no \"%s\"",
                          request->key);
    }

    return answer.err == PT_OK
           ? PT_OK : backup_say(PT_E_IO, "could not read \"%s\" in the "
                                "bucket: %s", request->key,
                                strerror(answer.why));
}


/* ---- in a helper ---- */

static void
remote_helper(int fd, const pt_reach_t *reach)
{
    pt_buf_t          names;
    pt_s3_client_t   *s3;
    remote_answer_t   answer;
    remote_request_t  q;

    if (pt_s3_client_new(reach->s3, &s3) != PT_OK) {
        return;
    }

    pt_buf_init(&names, &pt_mem_heap, 1u << 20);

    while (backup_helper_read(fd, &q, sizeof(q))) {
        q.key[sizeof(q.key) - 1] = '\0';
        q.path[sizeof(q.path) - 1] = '\0';
        pt_buf_reset(&names);

        errno = 0;
        answer.err = q.op == REMOTE_GET
                     ? remote_get(s3, &q)
                     : pt_s3_list(s3, q.key, q.path, true, remote_name,
                                  &names);
        answer.why = errno;
        answer.len = answer.err == PT_OK ? (uint32_t) names.len : 0;

        if (names.err != PT_OK
            || !backup_helper_write(fd, &answer, sizeof(answer))
            || !backup_helper_write(fd, names.data, answer.len))
        {
            break;
        }
    }

    pt_buf_done(&names);
    pt_s3_client_free(s3);
}


static pt_err_t
remote_get(pt_s3_client_t *s3, const remote_request_t *q)
{
    int       fd;
    pt_err_t  err;

    fd = open(q->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd == -1) {
        return PT_E_STORAGE;
    }

    err = pt_s3_get(s3, q->key, fd);
    (void) close(fd);

    if (err != PT_OK) {
        (void) unlink(q->path);
    }

    return err;
}


static void
remote_name(void *ctx, pt_str_t name)
{
    pt_buf_add_str(ctx, name);
    pt_buf_add_char(ctx, '\0');
}
