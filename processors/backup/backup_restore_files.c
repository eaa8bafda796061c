/* Files of a restore: those that storage does not have, by a few threads. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup_files.h"
#include "backup_pool.h"
#include "backup_restore.h"
#include "backup_storage.h"


#define FILES_THREADS  2
#define WRITE_BACK     (1u << 20)     /* bytes of a file */


typedef struct {
    char      key[BACKUP_FILE_KEY_MAX];
    char      object[BACKUP_PATH_MAX];
    uint8_t   sha256[32];
    uint64_t  size;
} restore_task_t;


/* a thread's own */
typedef struct {
    backup_manifest_t  manifest;       /* with a reader of its own */
    int                fd;             /* of the file that is being written */
    uint64_t           bytes;
} restore_worker_t;


typedef struct {
    restore_t      *r;
    backup_pool_t  *pool;
} restore_feed_t;


static pt_err_t restore_feed(void *ctx, const backup_indexed_t *file);
static pt_err_t restore_worker_open(void *ctx, unsigned n,
    void **ret_worker);
static pt_err_t restore_worker_run(void *ctx, void *worker, void *of);
static void restore_worker_close(void *worker);
static pt_err_t restore_write(restore_t *r, restore_worker_t *w,
    const restore_task_t *task);
static pt_err_t restore_piece(void *ctx, pt_str_t piece);


static const backup_crew_t  files_crew = {
    .task    = sizeof(restore_task_t),
    .threads = FILES_THREADS,
    .open    = restore_worker_open,
    .run     = restore_worker_run,
    .close   = restore_worker_close
};


pt_err_t
backup_restore_files(restore_t *r)
{
    mode_t             mask;
    pt_err_t           err, end;
    backup_sum_t       sum;
    restore_feed_t     feed = { r, NULL };
    backup_manifest_t  m = r->manifest;

    if (r->storage == NULL) {
        return backup_say(PT_E_UNAVAILABLE, "the storage is not known");
    }

    /* rows are read by another thread meanwhile */
    err = backup_reader_new(&m.reader);
    if (err != PT_OK) {
        return err;
    }

    mask = umask(BACKUP_STORAGE_UMASK);
    err = backup_pool_open(&files_crew, r, &feed.pool);

    if (err == PT_OK) {
        err = backup_index_read(&m, restore_feed, &feed, &sum);
        end = backup_pool_close(feed.pool, err != PT_OK);
        err = err != PT_OK ? err : end;
    }

    (void) umask(mask);
    backup_reader_free(m.reader);

    /* all at once, before the rows that name them are committed */
    if (err == PT_OK && atomic_load(&r->files_restored) != 0 && !r->dry_run) {
        err = backup_sync(r->storage);
    }

    return err;
}


static pt_err_t
restore_feed(void *ctx, const backup_indexed_t *file)
{
    restore_feed_t  *feed = ctx;
    restore_task_t   task = { .size = file->size };

    if (atomic_load(&feed->r->failed)) {
        return backup_say(PT_E_CANCELLED, "the rows were not restored");
    }

    if (file->object.data == NULL) {
        atomic_fetch_add(&feed->r->files_missing, 1);
        return PT_OK;
    }

    (void) snprintf(task.key, sizeof(task.key), "%.*s",
                    PT_STR_ARG(file->key));
    (void) snprintf(task.object, sizeof(task.object), "%.*s",
                    PT_STR_ARG(file->object));
    memcpy(task.sha256, file->sha256, 32);

    return backup_pool_add(feed->pool, &task);
}


/* ---- in a thread ---- */

static pt_err_t
restore_worker_open(void *ctx, unsigned n, void **ret_worker)
{
    restore_t         *r = ctx;
    restore_worker_t  *w;

    (void) n;

    w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    *ret_worker = w;
    w->manifest = r->manifest;
    w->manifest.reader = NULL;

    return backup_reader_new(&w->manifest.reader);
}


static void
restore_worker_close(void *worker)
{
    restore_worker_t  *w = worker;

    if (w != NULL) {
        backup_reader_free(w->manifest.reader);
        free(w);
    }
}


/* a stored file never changes: one that is there is the same */
static pt_err_t
restore_worker_run(void *ctx, void *worker, void *of)
{
    bool                   there;
    pt_err_t               err;
    restore_t             *r = ctx;
    const restore_task_t  *task = of;

    err = backup_storage_has(r->storage, task->key, task->size, &there);

    if (err == PT_OK && !there && !r->dry_run) {
        err = restore_write(r, worker, task);
    }

    if (err == PT_OK) {
        atomic_fetch_add(there ? &r->files_there : &r->files_restored, 1);
        atomic_fetch_add(&r->bytes_done, task->size);
        backup_restore_progress(r);
    }

    return err;
}


static pt_err_t
restore_write(restore_t *r, restore_worker_t *w, const restore_task_t *task)
{
    char          path[BACKUP_PATH_MAX], tmp[BACKUP_PATH_MAX];
    uint64_t      number;
    pt_err_t      err;
    backup_sum_t  sum;

    err = backup_storage_folders(r->storage, task->key);
    if (err != PT_OK) {
        return err;
    }

    randombytes_buf(&number, sizeof(number));
    (void) snprintf(path, sizeof(path), "%s/%s", r->storage, task->key);
    (void) snprintf(tmp, sizeof(tmp), "%s/.restore-%016llx", r->storage,
                    (unsigned long long) number);

    w->bytes = 0;
    w->fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

    if (w->fd == -1) {
        return backup_say(PT_E_STORAGE, "could not write to storage: %s",
                          strerror(errno));
    }

    err = backup_object_read(&w->manifest, BACKUP_FILE, task->object,
                             restore_piece, w, &sum);

    if (err == PT_OK && memcmp(sum.sha256, task->sha256, 32) != 0) {
        err = backup_say(PT_E_INPUT_BROKEN, "object \"%s/%s\" is not what its "
                         "index says", r->owner.name, task->object);
    }

    if (close(w->fd) == -1 && err == PT_OK) {
        err = backup_say(PT_E_STORAGE, "could not write to storage: %s",
                         strerror(errno));
    }

    if (err == PT_OK && rename(tmp, path) == -1) {
        err = backup_say(PT_E_STORAGE, "could not write \"%s\" in storage: %s",
                         task->key, strerror(errno));
    }

    if (err != PT_OK) {
        (void) unlink(tmp);
    }

    return err;
}


static pt_err_t
restore_piece(void *ctx, pt_str_t piece)
{
    ssize_t            n;
    restore_worker_t  *w = ctx;
    uint64_t           before = w->bytes;

    while (piece.len != 0) {
        n = write(w->fd, piece.data, piece.len);

        if (n == -1 && errno != EINTR) {
            return backup_say(PT_E_STORAGE, "could not write to storage: %s",
                              strerror(errno));
        }

        if (n > 0) {
            piece.data += n;
            piece.len -= (size_t) n;
            w->bytes += (uint64_t) n;
        }
    }

    /* so that little is left to do for the sync that ends it */
    if (w->bytes % WRITE_BACK < before % WRITE_BACK) {
        (void) sync_file_range(w->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    }

    return PT_OK;
}
