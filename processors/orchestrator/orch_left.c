/* Outputs that nobody can see. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "orch.h"


#define ORCH_LEFT_FOLDERS  256       /* jobs/00 to jobs/ff */
#define ORCH_LEFT_STEP     32        /* of them in one look */


typedef struct {
    orch_t      *o;
    const char  *key;              /* of a job's outputs */
    int64_t      attempt;          /* that stays */
} orch_left_old_t;


static void orch_left_look(uv_work_t *work);
static bool orch_left_folder(orch_left_t *l, int root, int64_t before);
static void orch_left_bucket(orch_t *o);
static void orch_left_listed(void *ctx, pt_str_t name);
static void orch_left_old(void *ctx, pt_str_t name);
static int orch_left_compare(const void *a, const void *b);
static void orch_left_looked(uv_work_t *work, int status);
static void orch_left_told(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_left_remove(uv_work_t *work);
static void orch_left_job(orch_t *o, const char *key, int64_t attempt);
static void orch_left_delete(orch_t *o, const char *key);
static void orch_left_removed(uv_work_t *work, int status);


void
orch_left_tick(orch_t *o)
{
    orch_left_t  *l = &o->left;

    if (l->working || o->stop_ms || orch_loop_ms(o) < l->next_ms) {
        return;
    }

    /* each folder once in that time, unless there is much in it */
    l->next_ms = orch_loop_ms(o) + o->config->orphans_ms
                                   / (ORCH_LEFT_FOLDERS / ORCH_LEFT_STEP);
    l->n = 0;
    l->work.data = o;
    l->working = uv_queue_work(&o->loop, &l->work, orch_left_look,
                               orch_left_looked) == 0;
}


/* in a thread, which has o->left for as long as it works */
static void
orch_left_look(uv_work_t *work)
{
    int           root;
    unsigned      i;
    orch_t       *o = work->data;
    orch_left_t  *l = &o->left;

    root = open(o->config->storage, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        return;
    }

    for (i = 0; i < ORCH_LEFT_STEP; i++) {
        if (!orch_left_folder(l, root, orch_now_ms() - o->config->orphans_ms))
        {
            break;
        }

        l->folder = (l->folder + 1) % ORCH_LEFT_FOLDERS;
        l->last = (pt_id_t) { { 0 } };
    }

    close(root);

    if (l->n == 0) {
        orch_left_bucket(o);
    }
}


/* where outputs go to a bucket: the next jobs there.  One that is not known
 * never was, or is not kept: a row is older than its outputs */
static void
orch_left_bucket(orch_t *o)
{
    char          name[sizeof("jobs/00")];
    unsigned      i;
    orch_left_t  *l = &o->left;

    for (i = 0; i < ORCH_LEFT_FOLDERS && l->n == 0; i++) {
        snprintf(name, sizeof(name), "jobs/%02x", l->s3_folder & 0xff);

        if (pt_storage_list(o->sweep.storage, name, l->s3_after,
                            orch_left_listed, l)
            != PT_OK)
        {
            return;
        }

        if (l->n < ORCH_LEFT_MAX) {
            l->s3_folder = (l->s3_folder + 1) % ORCH_LEFT_FOLDERS;
            l->s3_after[0] = '\0';
        }
    }
}


static void
orch_left_listed(void *ctx, pt_str_t name)
{
    pt_id_t       id;
    orch_left_t  *l = ctx;

    if (name.len != PT_ID_TEXT_LEN + 1
        || pt_id_parse((pt_str_t) { name.data, PT_ID_TEXT_LEN }, &id) != PT_OK
        || l->n == ORCH_LEFT_MAX)
    {
        return;
    }

    snprintf(l->s3_after, sizeof(l->s3_after), "%.*s", PT_ID_TEXT_LEN,
             name.data);
    l->ids[l->n++] = id;
}


/* the least ids beyond the last one; false: it has more of them */
static bool
orch_left_folder(orch_left_t *l, int root, int64_t before)
{
    DIR            *dir;
    int             fd;
    char            name[sizeof("jobs/00")];
    pt_id_t         id, *ids = NULL, *more;
    size_t          n = 0, size = 0, room = ORCH_LEFT_MAX - l->n;
    struct stat     st;
    struct dirent  *entry;

    snprintf(name, sizeof(name), "jobs/%02x", l->folder & 0xff);

    fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (dir == NULL) {
        if (fd >= 0) {
            close(fd);
        }

        return true;
    }

    while ((entry = readdir(dir)) != NULL) {

        if (pt_id_parse(pt_str(entry->d_name), &id) != PT_OK
            || memcmp(id.bytes, l->last.bytes, sizeof(id.bytes)) <= 0
            || fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0
            || (int64_t) st.st_ctim.tv_sec * 1000 >= before)
        {
            continue;
        }

        if (n == size) {
            more = realloc(ids, (2 * size + 64) * sizeof(*ids));

            if (more == NULL) {
                break;
            }

            ids = more;
            size = 2 * size + 64;
        }

        ids[n++] = id;
    }

    closedir(dir);

    if (n) {
        qsort(ids, n, sizeof(*ids), orch_left_compare);
        size = n < room ? n : room;
        memcpy(l->ids + l->n, ids, size * sizeof(*ids));
        l->n += (unsigned) size;
        l->last = l->ids[l->n - 1];
    }

    free(ids);

    return n <= room;
}


static int
orch_left_compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(pt_id_t));
}


static void
orch_left_looked(uv_work_t *work, int status)
{
    pt_err_t         err;
    unsigned         i;
    orch_t          *o = work->data;
    pt_pg_args_t     args = { .n = 0 };
    pt_pg_column_t   ids;

    (void) status;

    if (o->left.n == 0) {
        o->left.working = false;
        return;
    }

    pt_pg_column_init(&ids, PT_PG_UUID);

    for (i = 0; i < o->left.n; i++) {
        pt_pg_column_id(&ids, &o->left.ids[i]);
    }

    pt_pg_arg_column(&args, &ids);

    err = orch_db_query(o, ORCH_DB_READ, ORCH_SQL_LEFT, &args,
                        orch_left_told, o);
    pt_pg_column_done(&ids);

    if (err != PT_OK) {
        o->left.working = false;
    }
}


static void
orch_left_told(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    int           row;
    orch_t       *o = ctx;
    pt_id_t       id, *at;
    unsigned      i;
    orch_left_t  *l = &o->left;

    l->working = false;

    if (err != PT_OK || n != 1) {
        return;
    }

    qsort(l->ids, l->n, sizeof(l->ids[0]), orch_left_compare);

    for (i = 0; i < l->n; i++) {
        l->attempts[i] = 0;
    }

    for (row = 0; row < PQntuples(results[0]); row++) {
        id = pt_pg_id(results[0], row, 0);
        at = bsearch(&id, l->ids, l->n, sizeof(id), orch_left_compare);

        if (at) {
            l->attempts[at - l->ids] = pt_pg_int(results[0], row, 1);
        }
    }

    l->removed = 0;
    l->working = uv_queue_work(&o->loop, &l->work, orch_left_remove,
                               orch_left_removed) == 0;
}


/* in a thread */
static void
orch_left_remove(uv_work_t *work)
{
    char          text[PT_ID_TEXT_LEN];
    char          key[sizeof("jobs/00/") + PT_ID_TEXT_LEN];
    unsigned      i;
    orch_t       *o = work->data;
    orch_left_t  *l = &o->left;

    for (i = 0; i < l->n; i++) {
        if (l->attempts[i] < 0) {
            continue;
        }

        pt_id_format(&l->ids[i], text);
        snprintf(key, sizeof(key), "jobs/%.2s/%.*s",
                 text + PT_ID_TEXT_LEN - 2, PT_ID_TEXT_LEN, text);

        if (l->attempts[i] == 0) {
            orch_left_delete(o, key);

        } else {
            orch_left_job(o, key, l->attempts[i]);
        }
    }
}


/* all its attempts but that one */
static void
orch_left_job(orch_t *o, const char *key, int64_t attempt)
{
    DIR            *dir;
    char            path[PT_KEY_MAX], other[PT_KEY_MAX];
    struct dirent  *entry;

    if (pt_storage_is_s3(o->sweep.storage)) {
        orch_left_old_t  old = { o, key, attempt };

        if (pt_storage_list(o->sweep.storage, key, "", orch_left_old, &old)
            != PT_OK)
        {
            return;                /* the next time */
        }
    }

    snprintf(path, sizeof(path), "%s/%s", o->config->storage, key);

    dir = opendir(path);
    if (dir == NULL) {
        return;
    }

    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9'
            && strtoll(entry->d_name, NULL, 10) != attempt
            && snprintf(other, sizeof(other), "%s/%s", key, entry->d_name)
               < (int) sizeof(other))
        {
            orch_left_delete(o, other);
        }
    }

    closedir(dir);
}


/* "2/" */
static void
orch_left_old(void *ctx, pt_str_t name)
{
    char              text[16], other[PT_KEY_MAX];
    orch_left_old_t  *old = ctx;

    snprintf(text, sizeof(text), "%.*s", PT_STR_ARG(name));

    if (text[0] >= '0' && text[0] <= '9'
        && strtoll(text, NULL, 10) != old->attempt
        && snprintf(other, sizeof(other), "%s/%.*s", old->key,
                    (int) strcspn(text, "/"), text) < (int) sizeof(other))
    {
        orch_left_delete(old->o, other);
    }
}


static void
orch_left_delete(orch_t *o, const char *key)
{
    o->left.removed++;

    if (pt_storage_delete(o->sweep.storage, key) != PT_OK) {
        pt_log(PT_LOG_WARN, "storage", "could not remove \"%s\", which "
               "nobody can see: %m", key);
    }
}


static void
orch_left_removed(uv_work_t *work, int status)
{
    orch_t  *o = work->data;

    (void) status;

    if (o->left.removed) {
        pt_log(PT_LOG_INFO, "storage", "removed outputs that nobody can see: "
               "%u", o->left.removed);
    }

    o->left.working = false;
}
