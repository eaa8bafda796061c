/* Files of storage into objects. */

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "backup_files.h"
#include "backup_pool.h"


#define FILES_THREADS   2
#define CHUNK           (256u << 10)

/* below this gain, its first bytes say, compressing harder is in vain */
#define SAMPLE          (32u << 10)
#define SAMPLE_GAIN     32          /* one part in */

#define LEVEL_TEXT      3
#define LEVEL_MEDIA     (-5)


typedef struct {
    char      key[BACKUP_FILE_KEY_MAX];
    bool      known;
    uint8_t   sha256[32];
    uint64_t  size;
} file_task_t;


struct backup_files_s {
    const backup_owner_t  *owner;
    const char            *storage;
    char                   index[BACKUP_PATH_MAX];
    bool                   check;
    atomic_ullong         *done;
    backup_pool_t         *pool;

    pthread_mutex_t        lock;       /* of all below */
    pthread_cond_t         changed;
    const file_task_t     *busy[FILES_THREADS];    /* being looked at */

    backup_writer_t       *writer;     /* of the index */
    backup_put_t           put;
    backup_merkle_t        merkle;
    backup_files_sum_t     sum;
};


/* a thread's own */
typedef struct {
    backup_files_t   *files;
    backup_writer_t  *writer;
    backup_reader_t  *reader;
    uint8_t          *chunk;
    uint8_t          *sample;
} file_worker_t;


static pt_err_t files_worker_open(void *ctx, unsigned n, void **ret_worker);
static void files_worker_close(void *worker);
static pt_err_t files_save(void *ctx, void *worker, void *of);
static pt_err_t files_open(file_worker_t *w, const char *key, int *ret_fd,
    bool *ret_good);
static unsigned files_claim(backup_files_t *f, const file_task_t *task);
static pt_err_t files_hash(file_worker_t *w, int fd, file_task_t *task);
static pt_err_t files_write(file_worker_t *w, int fd, file_task_t *task,
    const char *path, bool *ret_good);
static bool files_object_is_good(file_worker_t *w, const char *path,
    const file_task_t *task);
static int files_level(file_worker_t *w, size_t len);
static pt_err_t files_note(backup_files_t *f, const file_task_t *task,
    const char *path);
static pt_err_t files_tree(void *ctx, const char *key);


static const backup_crew_t  files_crew = {
    .task    = sizeof(file_task_t),
    .threads = FILES_THREADS,
    .open    = files_worker_open,
    .run     = files_save,
    .close   = files_worker_close
};


pt_err_t
backup_files_open(const backup_owner_t *owner, const char *storage,
    const char *index, bool check, atomic_ullong *done,
    backup_files_t **ret_files)
{
    char             name[BACKUP_PATH_MAX];
    pt_err_t         err;
    backup_files_t  *f;

    f = calloc(1, sizeof(*f));
    if (f == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    f->owner = owner;
    f->storage = storage;
    f->check = check;
    f->done = done;
    f->put.fd = -1;
    (void) snprintf(f->index, sizeof(f->index), "%s", index);
    (void) pthread_mutex_init(&f->lock, NULL);
    (void) pthread_cond_init(&f->changed, NULL);
    backup_merkle_init(&f->merkle);

    err = backup_writer_new(&f->writer);

    if (err == PT_OK) {
        err = backup_put_begin(owner, &f->put);
    }

    if (err == PT_OK) {
        backup_object_path(owner, index, name);
        err = backup_writer_begin(f->writer, f->put.fd, &owner->keys,
                                  BACKUP_INDEX, name, LEVEL_TEXT);
    }

    if (err == PT_OK) {
        err = backup_pool_open(&files_crew, f, &f->pool);
    }

    if (err != PT_OK) {
        (void) !backup_files_close(f, true, NULL);
        return err;
    }

    *ret_files = f;
    return PT_OK;
}


pt_err_t
backup_files_add(backup_files_t *f, const char *key, const uint8_t *sha256,
    uint64_t size)
{
    file_task_t  task = { .size = size, .known = sha256 != NULL };

    if (!backup_file_key_is_good(pt_str(key))) {
        return backup_say(PT_E_INVALID, "a row names file \"%.100s\", which "
                          "is no key of storage", key);
    }

    (void) snprintf(task.key, sizeof(task.key), "%s", key);

    if (sha256 != NULL) {
        memcpy(task.sha256, sha256, 32);
    }

    return backup_pool_add(f->pool, &task);
}


pt_err_t
backup_files_add_tree(backup_files_t *f, const char *key)
{
    pt_err_t  err;

    err = backup_storage_tree(f->storage, key, files_tree, f);

    /* what is not there is a missing file of that name */
    return err == PT_E_NOT_FOUND ? backup_files_add(f, key, NULL, 0) : err;
}


static pt_err_t
files_tree(void *ctx, const char *key)
{
    return backup_files_add(ctx, key, NULL, 0);
}


pt_err_t
backup_files_close(backup_files_t *f, bool failed, backup_files_sum_t *ret_sum)
{
    pt_err_t      err;
    backup_sum_t  sum;

    err = backup_pool_close(f->pool, failed);

    if (failed) {
        err = PT_E_CANCELLED;
    }

    if (err == PT_OK) {
        err = backup_writer_end(f->writer, &sum);
    }

    if (err == PT_OK) {
        err = backup_put_commit(f->owner, &f->put, f->index);
    }

    if (err == PT_OK) {
        backup_merkle_root(&f->merkle, f->sum.root);
        f->sum.index_bytes = sum.bytes;
        f->sum.index_stored = sum.stored;
        *ret_sum = f->sum;
    }

    backup_put_abort(&f->put);
    backup_writer_free(f->writer);
    (void) pthread_mutex_destroy(&f->lock);
    (void) pthread_cond_destroy(&f->changed);
    free(f);

    return err;
}


/* ---- in a thread ---- */

static pt_err_t
files_worker_open(void *ctx, unsigned n, void **ret_worker)
{
    pt_err_t        err;
    file_worker_t  *w;

    (void) n;

    w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return backup_say(PT_E_NOMEM, "no memory");
    }

    *ret_worker = w;
    w->files = ctx;
    w->chunk = malloc(CHUNK);
    w->sample = malloc(ZSTD_compressBound(SAMPLE));

    err = w->chunk == NULL || w->sample == NULL
          ? backup_say(PT_E_NOMEM, "no memory") : PT_OK;

    if (err == PT_OK) {
        err = backup_writer_new(&w->writer);
    }

    return err == PT_OK ? backup_reader_new(&w->reader) : err;
}


static void
files_worker_close(void *worker)
{
    file_worker_t  *w = worker;

    if (w != NULL) {
        backup_writer_free(w->writer);
        backup_reader_free(w->reader);
        free(w->chunk);
        free(w->sample);
        free(w);
    }
}


static pt_err_t
files_save(void *ctx, void *worker, void *of)
{
    int              fd;
    bool             good = true;
    char             path[BACKUP_PATH_MAX], name[BACKUP_HEX_LEN + 1];
    pt_err_t         err = PT_OK;
    unsigned         slot;
    file_task_t     *task = of;
    file_worker_t   *w = worker;
    backup_files_t  *f = ctx;

    fd = -1;

    if (!task->known) {
        err = files_open(w, task->key, &fd, &good);

        if (err == PT_OK && good) {
            err = files_hash(w, fd, task);
        }
    }

    if (err == PT_OK && good) {
        backup_object_name(&f->owner->keys, task->sha256, name);
        (void) snprintf(path, sizeof(path), "objects/%.2s/%s", name, name);

        slot = files_claim(f, task);

        if (!backup_owner_has(f->owner, path)
            || (f->check && !files_object_is_good(w, path, task)))
        {
            err = files_write(w, fd, task, path, &good);
        }

        (void) pthread_mutex_lock(&f->lock);
        f->busy[slot] = NULL;
        (void) pthread_cond_broadcast(&f->changed);
        (void) pthread_mutex_unlock(&f->lock);

        atomic_fetch_add(f->done, task->size);
    }

    if (fd != -1) {
        (void) close(fd);
    }

    return err == PT_OK ? files_note(f, task, good ? path : NULL) : err;
}


/* ret_good false: there is no such file */
static pt_err_t
files_open(file_worker_t *w, const char *key, int *ret_fd, bool *ret_good)
{
    pt_err_t  err;
    uint64_t  size;

    err = backup_storage_open(w->files->storage, key, ret_fd, &size);
    *ret_good = err == PT_OK;

    return err == PT_E_NOT_FOUND ? PT_OK : err;
}


/* one thread at a time for one content: the second finds it there */
static unsigned
files_claim(backup_files_t *f, const file_task_t *task)
{
    bool      taken;
    unsigned  i, slot;

    (void) pthread_mutex_lock(&f->lock);

    do {
        taken = false;
        slot = 0;

        for (i = 0; i < FILES_THREADS; i++) {
            if (f->busy[i] == NULL) {
                slot = i;

            } else if (memcmp(f->busy[i]->sha256, task->sha256, 32) == 0) {
                taken = true;
            }
        }

        if (taken) {
            (void) pthread_cond_wait(&f->changed, &f->lock);
        }
    } while (taken);

    f->busy[slot] = task;
    (void) pthread_mutex_unlock(&f->lock);

    return slot;
}


static pt_err_t
files_hash(file_worker_t *w, int fd, file_task_t *task)
{
    ssize_t      n;
    pt_err_t     err = PT_OK;
    EVP_MD_CTX  *ctx = EVP_MD_CTX_new();

    task->size = 0;

    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        return backup_say(PT_E_NOMEM, "no memory");
    }

    while ((n = read(fd, w->chunk, CHUNK)) > 0) {
        (void) EVP_DigestUpdate(ctx, w->chunk, (size_t) n);
        task->size += (uint64_t) n;
    }

    if (n == -1 || EVP_DigestFinal_ex(ctx, task->sha256, NULL) != 1
        || lseek(fd, 0, SEEK_SET) == -1)
    {
        err = backup_say(PT_E_IO, "could not read \"%s\" in storage: %s",
                         task->key, strerror(errno));
    }

    EVP_MD_CTX_free(ctx);

    return err;
}


/* ret_good false: storage does not have what the row says */
static pt_err_t
files_write(file_worker_t *w, int fd, file_task_t *task, const char *path,
    bool *ret_good)
{
    int              from = fd;
    char             name[BACKUP_PATH_MAX];
    ssize_t          n;
    pt_err_t         err;
    backup_put_t     put = { .fd = -1, .path = "" };
    backup_sum_t     sum;
    backup_files_t  *f = w->files;

    if (from == -1) {
        err = files_open(w, task->key, &from, ret_good);

        if (err != PT_OK || !*ret_good) {
            return err;
        }
    }

    (void) posix_fadvise(from, 0, 0, POSIX_FADV_SEQUENTIAL);

    err = backup_put_begin(f->owner, &put);
    n = err == PT_OK ? read(from, w->chunk, CHUNK) : 0;

    if (err == PT_OK) {
        backup_object_path(f->owner, path, name);
        err = backup_writer_begin(w->writer, put.fd, &f->owner->keys,
                                  BACKUP_FILE, name,
                                  files_level(w, n > 0 ? (size_t) n : 0));
    }

    while (err == PT_OK && n > 0) {
        err = backup_writer_add(w->writer, w->chunk, (size_t) n);
        n = read(from, w->chunk, CHUNK);
    }

    if (err == PT_OK && n == -1) {
        err = backup_say(PT_E_IO, "could not read \"%s\" in storage: %s",
                         task->key, strerror(errno));
    }

    if (err == PT_OK) {
        err = backup_writer_end(w->writer, &sum);
    }

    if (err == PT_OK) {
        *ret_good = memcmp(sum.sha256, task->sha256, 32) == 0;

        if (*ret_good) {
            err = backup_put_commit(f->owner, &put, path);
        }
    }

    if (err == PT_OK && *ret_good) {
        (void) pthread_mutex_lock(&f->lock);
        f->sum.fresh++;
        f->sum.stored += sum.stored;
        (void) pthread_mutex_unlock(&f->lock);
    }

    backup_put_abort(&put);

    if (from != fd) {
        (void) close(from);
    }

    return err;
}


/* one of a job that crashed may not have reached the disk as it was written */
static bool
files_object_is_good(file_worker_t *w, const char *path,
    const file_task_t *task)
{
    int              fd;
    char             name[BACKUP_PATH_MAX];
    pt_err_t         err;
    pt_str_t         piece;
    backup_sum_t     sum;
    backup_files_t  *f = w->files;

    if (backup_owner_read(f->owner, path, &fd) != PT_OK) {
        return false;
    }

    backup_object_path(f->owner, path, name);
    err = backup_reader_begin(w->reader, fd, &f->owner->keys, BACKUP_FILE,
                              name);

    do {
        piece.len = 0;

        if (err == PT_OK) {
            err = backup_reader_next(w->reader, &piece);
        }
    } while (err == PT_OK && piece.len != 0);

    (void) close(fd);

    backup_reader_sum(w->reader, &sum);

    return err == PT_OK && memcmp(sum.sha256, task->sha256, 32) == 0;
}


/* media is compressed already: zstd's fastest way through it is as good */
static int
files_level(file_worker_t *w, size_t len)
{
    size_t  n;

    if (len > SAMPLE) {
        len = SAMPLE;
    }

    n = ZSTD_compress(w->sample, ZSTD_compressBound(SAMPLE), w->chunk, len, 1);

    return ZSTD_isError(n) || n > len - len / SAMPLE_GAIN ? LEVEL_MEDIA
                                                          : LEVEL_TEXT;
}


/* path NULL: there is no such file */
static pt_err_t
files_note(backup_files_t *f, const file_task_t *task, const char *path)
{
    char        hex[BACKUP_HEX_LEN + 1];
    pt_buf_t    line;
    pt_err_t    err;
    pt_jsonw_t  w;

    pt_buf_init(&line, &pt_mem_heap, 4096);
    pt_jsonw_init(&w, &line);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "key");
    pt_jsonw_text(&w, task->key);

    if (task->known || path != NULL) {
        backup_hex(task->sha256, 32, hex);
        pt_jsonw_key(&w, "sha256");
        pt_jsonw_text(&w, hex);
    }

    pt_jsonw_key(&w, "size");
    pt_jsonw_int(&w, (int64_t) task->size);

    if (path != NULL) {
        pt_jsonw_key(&w, "object");
        pt_jsonw_text(&w, path);

    } else {
        pt_jsonw_key(&w, "missing");
        pt_jsonw_bool(&w, true);
    }

    pt_jsonw_end(&w);
    pt_buf_add_char(&line, '\n');

    (void) pthread_mutex_lock(&f->lock);

    err = line.err != PT_OK ? backup_say(line.err, "no memory")
                            : backup_writer_add(f->writer, line.data,
                                                line.len);
    if (path != NULL) {
        backup_merkle_add(&f->merkle, task->key, task->sha256);
        f->sum.count++;
        f->sum.bytes += task->size;

    } else {
        f->sum.missing++;
    }

    (void) pthread_mutex_unlock(&f->lock);
    pt_buf_done(&line);

    return err;
}
