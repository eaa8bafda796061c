/* The store's folders and files. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backup_store.h"


#define LOCK_TRIES      20          /* of 100 ms */
#define USER_MAX        512         /* bytes of a user's id, and more */
#define SMALL_FILE_MAX  65536

/* of an owner: the key that is being destroyed, then noise.  It says that the
 * rest may go */
#define ERASED_KEY      "key.erased"


static pt_err_t backup_store_check(backup_store_t *store);
static pt_err_t backup_store_make(backup_store_t *store, const char *path);
static pt_err_t backup_make_folder(const char *path);
static pt_err_t backup_make_parents(const backup_owner_t *owner,
    const char *path);
static pt_err_t backup_owner_lock(backup_owner_t *owner,
    backup_owner_mode_t mode);
static pt_err_t backup_owner_key(backup_owner_t *owner,
    backup_owner_mode_t mode);
static pt_err_t backup_owner_anew(const backup_owner_t *owner);
static int backup_generation_compare(const void *a, const void *b);
static int backup_remove_one(const char *path, const struct stat *st,
    int type, struct FTW *at);
static pt_err_t backup_storage_said(const char *what, const char *path);


pt_err_t
backup_store_open(const char *root, const backup_keys_t *keys,
    backup_store_t *ret_store)
{
    int       n;
    char      path[BACKUP_PATH_MAX];
    pt_err_t  err;

    memset(ret_store, 0, sizeof(*ret_store));
    ret_store->keys = *keys;

    n = snprintf(ret_store->root, sizeof(ret_store->root), "%s", root);

    if (n >= (int) sizeof(ret_store->root)) {
        return backup_say(PT_E_INVALID, "the backup store's path is too long");
    }

    (void) snprintf(path, sizeof(path), "%s/owners", root);

    err = backup_make_folder(path);

    return err != PT_OK ? err : backup_store_check(ret_store);
}


/* a store of another key is not written to */
static pt_err_t
backup_store_check(backup_store_t *store)
{
    char        path[BACKUP_PATH_MAX], key[BACKUP_HEX_LEN + 1];
    pt_buf_t    text;
    pt_err_t    err;
    pt_json_t  *json;

    (void) snprintf(path, sizeof(path), "%s/store.json", store->root);
    backup_hex(store->keys.public_key, sizeof(store->keys.public_key), key);
    pt_buf_init(&text, &pt_mem_heap, SMALL_FILE_MAX);

    err = backup_file_read(path, &text);

    if (err == PT_E_NOT_FOUND) {
        pt_buf_done(&text);
        return backup_store_make(store, path);
    }

    if (err == PT_OK) {
        err = pt_json_parse(pt_buf_str(&text), &pt_mem_heap, &json, NULL);

        if (err != PT_OK) {
            err = backup_say(PT_E_INPUT_BROKEN, "\"store.json\" is damaged");

        } else {
            if (!pt_str_is(pt_json_string(json, "format", PT_STR("")),
                           BACKUP_FORMAT)
                || !pt_str_is(pt_json_string(json, "public_key", PT_STR("")),
                              key))
            {
                err = backup_say(PT_E_INPUT_BROKEN, "\"store.json\" is damaged,"
                                 " or the store is of another operator's key");
            }

            pt_json_free(json);
        }
    }

    pt_buf_done(&text);

    return err;
}


static pt_err_t
backup_store_make(backup_store_t *store, const char *path)
{
    char  text[256], key[BACKUP_HEX_LEN + 1];

    backup_hex(store->keys.public_key, sizeof(store->keys.public_key), key);
    (void) snprintf(text, sizeof(text), "{\"format\":\"%s\",\"public_key\":"
                    "\"%s\"}\n", BACKUP_FORMAT, key);

    return backup_file_write(path, pt_str(text));
}


static pt_err_t
backup_make_folder(const char *path)
{
    if (mkdir(path, 0700) == -1 && errno != EEXIST) {
        return backup_storage_said("make", path);
    }

    return PT_OK;
}


void
backup_who(const backup_store_t *store, pt_str_t user,
    char ret_owner[BACKUP_OWNER_LEN + 1])
{
    char  who[USER_MAX];
    int   n;

    if (user.data == NULL) {
        backup_owner_name(&store->keys, PT_STR("platform"), ret_owner);
        return;
    }

    n = snprintf(who, sizeof(who), "user\n%.*s", PT_STR_ARG(user));
    backup_owner_name(&store->keys, (pt_str_t) { who, (size_t) n }, ret_owner);
}


/* ---- owners ---- */

pt_err_t
backup_owner_open(backup_store_t *store, const char *name,
    backup_owner_mode_t mode, backup_owner_t *ret_owner)
{
    char            path[BACKUP_PATH_MAX];
    pt_err_t        err;
    backup_owner_t  owner = { .store = store, .lock = -1 };

    (void) snprintf(owner.name, sizeof(owner.name), "%s", name);
    backup_owner_path(&owner, "", path);

    if (mode == BACKUP_OWNER_WRITE) {
        err = backup_make_folder(path);
        if (err != PT_OK) {
            return err;
        }

    } else if (access(path, F_OK) == -1) {
        return backup_say(PT_E_NOT_FOUND, "there is no backup");
    }

    err = backup_owner_lock(&owner, mode);

    if (err == PT_OK && mode != BACKUP_OWNER_ERASE) {
        err = backup_owner_key(&owner, mode);
    }

    if (err != PT_OK) {
        backup_owner_close(&owner);
        return err;
    }

    *ret_owner = owner;
    return PT_OK;
}


void
backup_owner_close(backup_owner_t *owner)
{
    if (owner->lock != -1) {
        (void) close(owner->lock);
        owner->lock = -1;
    }

    sodium_memzero(&owner->keys, sizeof(owner->keys));
}


static pt_err_t
backup_owner_lock(backup_owner_t *owner, backup_owner_mode_t mode)
{
    char             path[BACKUP_PATH_MAX];
    unsigned         i;
    struct timespec  wait = { 0, 100000000 };

    backup_owner_path(owner, "lock", path);

    owner->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (owner->lock == -1) {
        return backup_storage_said("open", path);
    }

    for (i = 0; i < LOCK_TRIES; i++) {
        if (flock(owner->lock, (mode == BACKUP_OWNER_READ ? LOCK_SH : LOCK_EX)
                               | LOCK_NB) == 0)
        {
            return PT_OK;
        }

        (void) nanosleep(&wait, NULL);
    }

    return backup_say(PT_E_IN_FLIGHT, "another job works on this backup");
}


static pt_err_t
backup_owner_key(backup_owner_t *owner, backup_owner_mode_t mode)
{
    char      path[BACKUP_PATH_MAX];
    uint8_t   wrapped[BACKUP_WRAPPED_LEN];
    pt_buf_t  text;
    pt_err_t  err;

    backup_owner_path(owner, "key", path);
    pt_buf_init(&text, &pt_mem_heap, SMALL_FILE_MAX);

    err = backup_file_read(path, &text);

    if (err == PT_OK) {
        err = backup_owner_key_open(&owner->store->keys, owner->name,
                                    (const uint8_t *) pt_buf_str(&text).data,
                                    text.len, &owner->keys);

    } else if (err == PT_E_NOT_FOUND && mode == BACKUP_OWNER_WRITE) {
        err = backup_owner_anew(owner);

        if (err == PT_OK) {
            backup_owner_key_make(&owner->store->keys, owner->name, wrapped,
                                  &owner->keys);
            err = backup_file_write(path, (pt_str_t) { (const char *) wrapped,
                                                       sizeof(wrapped) });
        }

    } else if (err == PT_E_NOT_FOUND) {
        err = backup_say(PT_E_NOT_FOUND, "there is no backup");
    }

    pt_buf_done(&text);

    return err;
}


/*
 * A new key is for an empty folder.  What an erasure left that did not come to
 * its end goes; what lost its key otherwise may yet be given it back.
 */
static pt_err_t
backup_owner_anew(const backup_owner_t *owner)
{
    pt_err_t  err;

    if (backup_owner_has(owner, ERASED_KEY)) {
        err = backup_owner_forget(owner);
        return err == PT_OK ? backup_owner_empty(owner) : err;
    }

    if (backup_owner_has(owner, "generations")) {
        return backup_say(PT_E_INPUT_BROKEN, "the key of the backups in "
                          "\"owners/%s\" is missing", owner->name);
    }

    return PT_OK;
}


pt_err_t
backup_owner_forget(const backup_owner_t *owner)
{
    int       fd;
    char      key[BACKUP_PATH_MAX], erased[BACKUP_PATH_MAX];
    uint8_t   noise[BACKUP_WRAPPED_LEN];
    pt_err_t  err = PT_OK;

    backup_owner_path(owner, "key", key);
    backup_owner_path(owner, ERASED_KEY, erased);

    /* first of all it is nobody's: half overwritten, it would be a broken one */
    if (rename(key, erased) == -1 && errno != ENOENT) {
        return backup_storage_said("destroy", key);
    }

    fd = open(erased, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1) {
        return errno == ENOENT ? PT_OK : backup_storage_said("destroy", key);
    }

    randombytes_buf(noise, sizeof(noise));

    if (write(fd, noise, sizeof(noise)) != (ssize_t) sizeof(noise)
        || fsync(fd) == -1)
    {
        err = backup_storage_said("destroy", key);
    }

    (void) close(fd);

    if (err != PT_OK) {
        return err;
    }

    backup_owner_path(owner, "", key);
    fd = open(key, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd == -1 || fsync(fd) == -1) {
        err = backup_storage_said("sync", key);
    }

    if (fd != -1) {
        (void) close(fd);
    }

    return err;
}


pt_err_t
backup_owner_empty(const backup_owner_t *owner)
{
    char      path[BACKUP_PATH_MAX];
    size_t    i;
    pt_err_t  err = PT_OK;

    /* the sign of the erasure last: it says that these may go */
    static const char  *const parts[] = {
        "generations", "objects", ERASED_KEY
    };

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]) && err == PT_OK; i++) {
        backup_owner_path(owner, parts[i], path);
        err = backup_remove(path);
    }

    return err;
}


void
backup_owner_path(const backup_owner_t *owner, const char *path,
    char ret_path[BACKUP_PATH_MAX])
{
    (void) snprintf(ret_path, BACKUP_PATH_MAX, "%s/owners/%s/%s",
                    owner->store->root, owner->name, path);
}


void
backup_object_path(const backup_owner_t *owner, const char *path,
    char ret_name[BACKUP_PATH_MAX])
{
    (void) snprintf(ret_name, BACKUP_PATH_MAX, "%s/%s", owner->name, path);
}


bool
backup_owner_has(const backup_owner_t *owner, const char *path)
{
    char  full[BACKUP_PATH_MAX];

    backup_owner_path(owner, path, full);

    return access(full, F_OK) == 0;
}


pt_err_t
backup_owner_read(const backup_owner_t *owner, const char *path, int *ret_fd)
{
    int   fd;
    char  full[BACKUP_PATH_MAX];

    backup_owner_path(owner, path, full);

    fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1) {
        return errno == ENOENT
               ? backup_say(PT_E_NOT_FOUND, "object \"%s/%s\" is missing",
                            owner->name, path)
               : backup_say(PT_E_IO, "could not open object \"%s/%s\": %s",
                            owner->name, path, strerror(errno));
    }

    *ret_fd = fd;
    return PT_OK;
}


/* ---- generations ---- */

bool
backup_generation_is_good(pt_str_t name)
{
    size_t  i;

    static const char  shape[] = "00000000T000000.000Z";

    if (name.len != BACKUP_GENERATION) {
        return false;
    }

    for (i = 0; i < name.len; i++) {
        if (shape[i] == '0' ? name.data[i] < '0' || name.data[i] > '9'
                            : name.data[i] != shape[i])
        {
            return false;
        }
    }

    return true;
}


pt_err_t
backup_generations(const backup_owner_t *owner, backup_generations_t *ret_list)
{
    DIR                   *d;
    char                   path[BACKUP_PATH_MAX];
    void                  *names;
    struct dirent         *e;
    backup_generations_t   list = { NULL, 0 };

    *ret_list = list;
    backup_owner_path(owner, "generations", path);

    d = opendir(path);
    if (d == NULL) {
        return errno == ENOENT ? PT_OK : backup_storage_said("read", path);
    }

    while ((e = readdir(d)) != NULL) {
        if (!backup_generation_is_good(pt_str(e->d_name))) {
            continue;
        }

        (void) snprintf(path, sizeof(path), "generations/%s/manifest",
                        e->d_name);

        if (!backup_owner_has(owner, path)) {
            continue;
        }

        names = realloc(list.names, (list.n + 1) * sizeof(*list.names));

        if (names == NULL) {
            free(list.names);
            (void) closedir(d);
            return backup_say(PT_E_NOMEM, "no memory");
        }

        list.names = names;
        (void) strcpy(list.names[list.n++], e->d_name);
    }

    (void) closedir(d);

    if (list.n != 0) {
        qsort(list.names, list.n, sizeof(*list.names),
              backup_generation_compare);
    }

    *ret_list = list;
    return PT_OK;
}


static int
backup_generation_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}


pt_err_t
backup_owner_clean(const backup_owner_t *owner, bool *ret_crashed)
{
    DIR            *d;
    char            path[BACKUP_PATH_MAX], part[BACKUP_PATH_MAX];
    pt_err_t        err = PT_OK;
    struct dirent  *e;

    *ret_crashed = false;

    backup_owner_path(owner, "", path);
    d = opendir(path);

    while (d != NULL && (e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, ".tmp-", 5) == 0) {
            *ret_crashed = true;
            (void) unlinkat(dirfd(d), e->d_name, 0);
        }
    }

    if (d != NULL) {
        (void) closedir(d);
    }

    backup_owner_path(owner, "generations", path);
    d = opendir(path);

    while (d != NULL && err == PT_OK && (e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.') {
            continue;
        }

        (void) snprintf(part, sizeof(part), "generations/%.64s/manifest",
                        e->d_name);

        if (!backup_owner_has(owner, part)) {
            *ret_crashed = true;
            (void) snprintf(part, sizeof(part), "generations/%.64s",
                            e->d_name);
            backup_owner_path(owner, part, path);
            err = backup_remove(path);
        }
    }

    if (d != NULL) {
        (void) closedir(d);
    }

    return err;
}


/* ---- writing ---- */

pt_err_t
backup_put_begin(const backup_owner_t *owner, backup_put_t *ret_put)
{
    char      name[32];
    uint64_t  number;

    randombytes_buf(&number, sizeof(number));
    (void) snprintf(name, sizeof(name), ".tmp-%016llx",
                    (unsigned long long) number);
    backup_owner_path(owner, name, ret_put->path);

    ret_put->fd = open(ret_put->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                       0600);

    return ret_put->fd == -1 ? backup_storage_said("make", ret_put->path)
                             : PT_OK;
}


pt_err_t
backup_put_commit(const backup_owner_t *owner, backup_put_t *put,
    const char *path)
{
    int       rc;
    char      full[BACKUP_PATH_MAX];
    pt_err_t  err;

    backup_owner_path(owner, path, full);

    rc = close(put->fd);
    put->fd = -1;

    if (rc == -1) {
        return backup_storage_said("write", full);
    }

    if (rename(put->path, full) == 0) {
        put->path[0] = '\0';
        return PT_OK;
    }

    err = backup_make_parents(owner, path);

    if (err == PT_OK && rename(put->path, full) == -1) {
        err = backup_storage_said("make", full);
    }

    if (err == PT_OK) {
        put->path[0] = '\0';
    }

    return err;
}


void
backup_put_abort(backup_put_t *put)
{
    if (put->fd != -1) {
        (void) close(put->fd);
        put->fd = -1;
    }

    if (put->path[0] != '\0') {
        (void) unlink(put->path);
        put->path[0] = '\0';
    }
}


static pt_err_t
backup_make_parents(const backup_owner_t *owner, const char *path)
{
    char         part[BACKUP_PATH_MAX], full[BACKUP_PATH_MAX];
    pt_err_t     err;
    const char  *slash;

    for (slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        (void) snprintf(part, sizeof(part), "%.*s", (int) (slash - path),
                        path);
        backup_owner_path(owner, part, full);

        err = backup_make_folder(full);
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


pt_err_t
backup_sync(const char *folder)
{
    int  fd, rc;

    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) {
        return backup_storage_said("open", folder);
    }

    rc = syncfs(fd);
    (void) close(fd);

    return rc == 0 ? PT_OK : backup_storage_said("sync", folder);
}


/* ---- small files ---- */

/* pt_folder_remove() changes modes on its way, which a child may not */
pt_err_t
backup_remove(const char *path)
{
    if (nftw(path, backup_remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0
        && errno != ENOENT)
    {
        return backup_storage_said("remove", path);
    }

    return PT_OK;
}


static int
backup_remove_one(const char *path, const struct stat *st, int type,
    struct FTW *at)
{
    (void) st;
    (void) type;
    (void) at;

    return remove(path);
}


pt_err_t
backup_file_read(const char *path, pt_buf_t *buf)
{
    int      fd;
    char     chunk[16384];
    ssize_t  n;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1) {
        return errno == ENOENT ? PT_E_NOT_FOUND
                               : backup_storage_said("open", path);
    }

    while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
        pt_buf_add(buf, chunk, (size_t) n);
    }

    (void) close(fd);

    if (n < 0) {
        return backup_storage_said("read", path);
    }

    return buf->err == PT_OK ? PT_OK
                             : backup_say(buf->err, "\"%s\" is too large",
                                          path);
}


/* whole and durable, or not there */
pt_err_t
backup_file_write(const char *path, pt_str_t text)
{
    int    fd, rc;
    char   tmp[BACKUP_PATH_MAX + 8];
    char  *slash;

    (void) snprintf(tmp, sizeof(tmp), "%s.new", path);

    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd == -1) {
        return backup_storage_said("make", path);
    }

    rc = write(fd, text.data, text.len) == (ssize_t) text.len && fsync(fd) == 0
         ? 0 : -1;
    rc |= close(fd);

    if (rc == -1 || rename(tmp, path) == -1) {
        return backup_storage_said("write", path);
    }

    slash = strrchr(tmp, '/');
    *slash = '\0';

    fd = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd == -1 || fsync(fd) == -1) {
        rc = -1;
    }

    if (fd != -1) {
        (void) close(fd);
    }

    return rc == 0 ? PT_OK : backup_storage_said("sync", path);
}


static pt_err_t
backup_storage_said(const char *what, const char *path)
{
    return backup_say(PT_E_STORAGE, "could not %s \"%s\": %s", what, path,
                      strerror(errno));
}
