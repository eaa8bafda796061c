/*
 * The folder that FORMAT.md describes: owners, their objects and generations.
 * Paths below an owner are relative to it: "objects/3f/3f...".
 */

#ifndef BACKUP_STORE_H
#define BACKUP_STORE_H

#include "backup_object.h"


typedef struct {
    char            root[BACKUP_PATH_MAX / 2];
    backup_keys_t   keys;
} backup_store_t;


typedef struct {
    backup_store_t       *store;
    char                  name[BACKUP_OWNER_LEN + 1];
    backup_owner_keys_t   keys;
    int                   lock;           /* -1: none */
} backup_owner_t;


typedef char  backup_generation_t[BACKUP_GENERATION + 1];

typedef struct {
    backup_generation_t  *names;          /* complete ones, oldest first */
    size_t                n;
} backup_generations_t;


/* a file that is being written; it has no name yet */
typedef struct {
    int    fd;
    char   path[BACKUP_PATH_MAX];
} backup_put_t;


/* opened shared: other readers; exclusive: whoever writes or erases */
typedef enum {
    BACKUP_OWNER_READ = 0,
    BACKUP_OWNER_WRITE,          /* makes its key if there is none */
    BACKUP_OWNER_ERASE           /* as WRITE, but makes nothing */
} backup_owner_mode_t;


/*
 * Makes the store on its first use.
 *
 * Errors  PT_E_INPUT_BROKEN (no store of this key), PT_E_STORAGE
 */
PT_MUST_CHECK pt_err_t backup_store_open(const char *root,
    const backup_keys_t *keys, backup_store_t *ret_store);

/*
 * Errors  PT_E_NOT_FOUND (there is no backup of them), PT_E_IN_FLIGHT (another
 *         job has the lock), PT_E_INPUT_BROKEN (the key), PT_E_STORAGE
 */
PT_MUST_CHECK pt_err_t backup_owner_open(backup_store_t *store,
    const char *name, backup_owner_mode_t mode, backup_owner_t *ret_owner);
void backup_owner_close(backup_owner_t *owner);

/*
 * Destroys the key, which is all that reading takes: opened to be erased.
 * What was killed on the way is ended by the next one, or by who writes.
 */
PT_MUST_CHECK pt_err_t backup_owner_forget(const backup_owner_t *owner);

/* takes away the noise that is left then */
PT_MUST_CHECK pt_err_t backup_owner_empty(const backup_owner_t *owner);

/* "<root>/owners/<owner>/<path>" */
void backup_owner_path(const backup_owner_t *owner, const char *path,
    char ret_path[BACKUP_PATH_MAX]);

/* is the path there? */
bool backup_owner_has(const backup_owner_t *owner, const char *path);

/* complete generations; free names */
PT_MUST_CHECK pt_err_t backup_generations(const backup_owner_t *owner,
    backup_generations_t *ret_list);

/*
 * Takes away what a job left that did not come to its end.
 *
 * ret_crashed  there was something: its objects may not have been synced
 */
PT_MUST_CHECK pt_err_t backup_owner_clean(const backup_owner_t *owner,
    bool *ret_crashed);

PT_MUST_CHECK pt_err_t backup_put_begin(const backup_owner_t *owner,
    backup_put_t *ret_put);

/* gives it its name, in folders that are made where they lack */
PT_MUST_CHECK pt_err_t backup_put_commit(const backup_owner_t *owner,
    backup_put_t *put, const char *path);

/* also after the commit, when it does nothing */
void backup_put_abort(backup_put_t *put);

/* all that was written to this folder's file system so far is durable */
PT_MUST_CHECK pt_err_t backup_sync(const char *folder);

/* Errors: PT_E_NOT_FOUND, PT_E_IO */
PT_MUST_CHECK pt_err_t backup_owner_read(const backup_owner_t *owner,
    const char *path, int *ret_fd);

/* a folder with all in it; what is not there is no error */
PT_MUST_CHECK pt_err_t backup_remove(const char *path);

/* a small file as a whole; below root, or of an owner's */
PT_MUST_CHECK pt_err_t backup_file_read(const char *path, pt_buf_t *buf);
PT_MUST_CHECK pt_err_t backup_file_write(const char *path, pt_str_t text);

/* "<owner>/<path>": what an object's name says to its cipher */
void backup_object_path(const backup_owner_t *owner, const char *path,
    char ret_name[BACKUP_PATH_MAX]);

/*
 * Of the request: the owner's name of "platform" or of a user.
 */
void backup_who(const backup_store_t *store, pt_str_t user,
    char ret_owner[BACKUP_OWNER_LEN + 1]);

bool backup_generation_is_good(pt_str_t name);


#endif /* BACKUP_STORE_H */
