/*
 * Trees: folders that become one output, at once or bit by bit.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "pt_storage_place.h"


#define TREE_PATH_MAX   127            /* of a file in its tree */
#define SENDING_MAX     64             /* files of a tree, open at once */


typedef struct pt_tree_file_s  pt_tree_file_t;

struct pt_tree_file_s {
    UT_hash_handle    hh;
    uint64_t          size;
    unsigned          rank;            /* a smaller one is there before */
    char              path[TREE_PATH_MAX + 1];
};


struct pt_tree_s {
    pt_tree_file_t   *files;
    uint64_t          bytes;
};


typedef struct {
    pt_tree_t        *tree;
    unsigned          depth;
    char              path[TREE_PATH_MAX + 2];  /* of the folder, with "/" */
} pt_tree_walk_t;


/* files of a tree on their way to S3 */
typedef struct {
    pt_s3_file_t      files[SENDING_MAX];
    char              keys[SENDING_MAX][PT_KEY_MAX + 1];
    size_t            n;
} pt_sending_t;


static pt_err_t pt_tree_settle(int fd, pt_tree_walk_t *walk);
static pt_err_t pt_tree_entry_settle(int fd, const char *name,
    pt_tree_walk_t *walk);
static pt_err_t pt_tree_add(pt_tree_t *tree, const char *path, uint64_t size);
static unsigned pt_tree_rank(const char *path);
static int pt_tree_by_rank(pt_tree_file_t *a, pt_tree_file_t *b);
static pt_err_t pt_tree_join(const pt_place_t *place, int fd,
    const pt_tree_t *piece);
static pt_err_t pt_tree_join_file(int from, int to, const char *path);
static pt_err_t pt_tree_sync(int fd, const char *path);
static pt_err_t pt_tree_send(pt_storage_t *s, const char *key, int fd,
    const pt_tree_t *piece);
static pt_err_t pt_sending_flush(pt_storage_t *s, pt_sending_t *sending);
static pt_err_t pt_tree_take(pt_tree_t *tree, pt_tree_t *piece);
static void pt_tree_done(pt_tree_t *tree);


pt_tree_t *
pt_tree_new(void)
{
    return calloc(1, sizeof(pt_tree_t));
}


void
pt_tree_free(pt_tree_t *tree)
{
    if (tree != NULL) {
        pt_tree_done(tree);
        free(tree);
    }
}


pt_err_t
pt_storage_put_tree(pt_storage_t *s, const char *key, int dir,
    const char *path, pt_tree_t *tree, pt_stored_t *ret_stored)
{
    int             fd;
    bool            grows;
    pt_err_t        err;
    pt_tree_t       piece = { 0 };
    pt_place_t      place;
    pt_tree_walk_t  walk = { .tree = &piece };

    err = pt_place_open(s, key, &place);
    if (err != PT_OK) {
        return err;
    }

    fd = -1;
    grows = tree != NULL && tree->files != NULL;

    err = pt_source_move(dir, path, &place);

    if (err == PT_OK) {
        fd = pt_beneath(place.put, place.temp, O_RDONLY | O_DIRECTORY);

        err = fd == -1 ? PT_E_INVALID : pt_tree_settle(fd, &walk);
    }

    if (err == PT_OK && grows
        && HASH_COUNT(piece.files) + HASH_COUNT(tree->files)
           > PT_TREE_FILES_MAX)
    {
        err = PT_E_TOO_LARGE;
    }

    HASH_SORT(piece.files, pt_tree_by_rank);

    if (err == PT_OK && s->s3) {
        err = pt_tree_send(s, key, fd, &piece);

    } else if (err == PT_OK && grows) {
        err = pt_tree_join(&place, fd, &piece);
    }

    if (fd != -1) {
        pt_close(fd);
    }

    if (grows && place.folder != -1) {
        pt_place_discard(&place);      /* its files are in the tree by now */
        pt_close(place.folder);

    } else {
        err = pt_place_leave(&place, err);
    }

    if (err == PT_OK) {
        *ret_stored = (pt_stored_t) { .size = piece.bytes,
                                      .files = HASH_COUNT(piece.files) };
    }

    if (err == PT_OK && tree != NULL) {
        err = pt_tree_take(tree, &piece);

        *ret_stored = (pt_stored_t) { .size = tree->bytes,
                                      .files = HASH_COUNT(tree->files) };
    }

    pt_tree_done(&piece);

    return err;
}


/* as pt_file_settle(), for all below a folder; the folders last */
static pt_err_t
pt_tree_settle(int fd, pt_tree_walk_t *walk)
{
    DIR            *d;
    pt_err_t        err;
    struct dirent  *e;

    if (walk->depth == PT_TREE_DEPTH_MAX) {
        return PT_E_TOO_LARGE;
    }

    d = pt_folder_list(fd);
    if (d == NULL) {
        return PT_E_STORAGE;
    }

    err = PT_OK;
    walk->depth++;

    while (err == PT_OK && (e = readdir(d)) != NULL) {
        if (!pt_is_dots(e->d_name)) {
            err = pt_tree_entry_settle(fd, e->d_name, walk);
        }
    }

    walk->depth--;
    (void) closedir(d);

    if (err == PT_OK
        && (fchmod(fd, FOLDER_MODE) == -1 || fsync(fd) == -1))
    {
        err = PT_E_STORAGE;
    }

    return err;
}


static pt_err_t
pt_tree_entry_settle(int fd, const char *name, pt_tree_walk_t *walk)
{
    int          entry;
    size_t       len, more;
    uint64_t     size;
    pt_err_t     err;
    struct stat  st;

    more = strlen(name);

    if (!pt_name_is_good(name, more, false)) {
        errno = EINVAL;
        return PT_E_INVALID;
    }

    len = strlen(walk->path);

    if (more > TREE_PATH_MAX - len) {
        return PT_E_TOO_LARGE;
    }

    entry = pt_beneath(fd, name, O_RDONLY | O_NONBLOCK);
    if (entry == -1) {
        return PT_E_INVALID;
    }

    memcpy(walk->path + len, name, more + 1);

    if (fstat(entry, &st) == 0 && S_ISDIR(st.st_mode)) {
        memcpy(walk->path + len + more, "/", 2);
        err = pt_tree_settle(entry, walk);

    } else {
        err = pt_file_settle(entry, &size);

        if (err == PT_OK) {
            err = pt_tree_add(walk->tree, walk->path, size);
        }
    }

    walk->path[len] = '\0';
    (void) close(entry);

    return err;
}


static pt_err_t
pt_tree_add(pt_tree_t *tree, const char *path, uint64_t size)
{
    pt_tree_file_t  *file;

    if (HASH_COUNT(tree->files) == PT_TREE_FILES_MAX) {
        return PT_E_TOO_LARGE;
    }

    file = malloc(sizeof(*file));
    if (file == NULL) {
        return PT_E_NOMEM;
    }

    file->size = size;
    file->rank = pt_tree_rank(path);
    (void) snprintf(file->path, sizeof(file->path), "%s", path);

    HASH_ADD_STR(tree->files, path, file);
    tree->bytes += size;

    return PT_OK;
}


/* a playlist is there after what it names, the one that names playlists last */
static unsigned
pt_tree_rank(const char *path)
{
    const char  *dot;

    dot = strrchr(path, '.');

    if (dot == NULL || (strcmp(dot, ".m3u8") != 0 && strcmp(dot, ".mpd") != 0))
    {
        return 0;
    }

    return strchr(path, '/') ? 1 : 2;
}


static int
pt_tree_by_rank(pt_tree_file_t *a, pt_tree_file_t *b)
{
    return (int) a->rank - (int) b->rank;
}


/* each file takes its place by one rename: readers see the old or the new */
static pt_err_t
pt_tree_join(const pt_place_t *place, int fd, const pt_tree_t *piece)
{
    int                    to;
    pt_err_t               err;
    const pt_tree_file_t  *file, *next;

    to = openat(place->folder, place->name,
                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to == -1) {
        return PT_E_STORAGE;
    }

    err = PT_OK;

    for (file = piece->files; err == PT_OK && file; file = next) {
        next = file->hh.next;

        err = pt_tree_join_file(fd, to, file->path);

        /* one sync for neighbours in a folder */
        if (err == PT_OK
            && (next == NULL
                || strrchr(next->path, '/') == NULL
                || strncmp(file->path, next->path,
                           (size_t) (strrchr(next->path, '/') - next->path)
                           + 1) != 0))
        {
            err = pt_tree_sync(to, file->path);
        }
    }

    pt_close(to);

    return err;
}


/* both folders are out of the child's reach, and hold no links */
static pt_err_t
pt_tree_join_file(int from, int to, const char *path)
{
    char         folder[TREE_PATH_MAX + 1];
    const char  *slash;

    if (renameat(from, path, to, path) == 0) {
        return PT_OK;
    }

    if (errno != ENOENT) {
        return errno == EISDIR || errno == ENOTDIR ? PT_E_INVALID
                                                   : PT_E_STORAGE;
    }

    for (slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        (void) snprintf(folder, sizeof(folder), "%.*s", (int) (slash - path),
                        path);

        if (mkdirat(to, folder, FOLDER_MODE) == -1 && errno != EEXIST) {
            return PT_E_STORAGE;
        }

        if (pt_tree_sync(to, folder) != PT_OK) {
            return PT_E_STORAGE;
        }
    }

    return renameat(from, path, to, path) == 0 ? PT_OK : PT_E_STORAGE;
}


/* the folder that has this name in it */
static pt_err_t
pt_tree_sync(int fd, const char *path)
{
    int          folder, rc;
    char         name[TREE_PATH_MAX + 1];
    const char  *slash;

    slash = strrchr(path, '/');
    (void) snprintf(name, sizeof(name), "%.*s",
                    (int) (slash ? slash - path : 1), slash ? path : ".");

    folder = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder == -1) {
        return PT_E_STORAGE;
    }

    rc = fsync(folder);
    pt_close(folder);

    return rc == 0 ? PT_OK : PT_E_STORAGE;
}


/* all of a settled tree's folder fd to the bucket: below key, by rank */
static pt_err_t
pt_tree_send(pt_storage_t *s, const char *key, int fd, const pt_tree_t *piece)
{
    int                    entry;
    size_t                 i;
    unsigned               rank;
    pt_err_t               err;
    pt_sending_t          *sending;
    const pt_tree_file_t  *file;

    sending = malloc(sizeof(*sending));
    if (sending == NULL) {
        return PT_E_STORAGE;
    }

    err = PT_OK;
    rank = 0;
    sending->n = 0;

    for (file = piece->files; err == PT_OK && file; file = file->hh.next) {

        if (sending->n == SENDING_MAX || file->rank != rank) {
            err = pt_sending_flush(s, sending);
            rank = file->rank;
        }

        if (err == PT_OK
            && snprintf(sending->keys[sending->n], PT_KEY_MAX + 1, "%s/%s",
                        key, file->path) > PT_KEY_MAX)
        {
            err = PT_E_TOO_LARGE;
        }

        if (err != PT_OK) {
            break;
        }

        entry = pt_beneath(fd, file->path, O_RDONLY | O_NONBLOCK);

        if (entry == -1) {
            err = PT_E_STORAGE;
            break;
        }

        sending->files[sending->n] = (pt_s3_file_t) {
            sending->keys[sending->n], entry, file->size
        };
        sending->n++;
    }

    if (err == PT_OK) {
        err = pt_sending_flush(s, sending);
    }

    for (i = 0; i < sending->n; i++) {
        pt_close(sending->files[i].fd);
    }

    free(sending);

    return err;
}


static pt_err_t
pt_sending_flush(pt_storage_t *s, pt_sending_t *sending)
{
    pt_err_t  err;

    if (sending->n == 0) {
        return PT_OK;
    }

    err = pt_s3_put_many(s->s3, sending->files, sending->n);

    while (sending->n) {
        pt_close(sending->files[--sending->n].fd);
    }

    return err;
}


/* what was added, and what took the place of another */
static pt_err_t
pt_tree_take(pt_tree_t *tree, pt_tree_t *piece)
{
    pt_err_t         err;
    pt_tree_file_t  *file, *old;

    for (file = piece->files; file; file = file->hh.next) {

        HASH_FIND_STR(tree->files, file->path, old);

        if (old != NULL) {
            tree->bytes += file->size - old->size;
            old->size = file->size;
            continue;
        }

        err = pt_tree_add(tree, file->path, file->size);
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


static void
pt_tree_done(pt_tree_t *tree)
{
    pt_tree_file_t  *file, *next;

    HASH_ITER(hh, tree->files, file, next) {
        HASH_DEL(tree->files, file);
        free(file);
    }
}
