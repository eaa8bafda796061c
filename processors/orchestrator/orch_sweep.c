/* Bytes without a row. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "orch.h"


#define ORCH_SWEEP_FOLDERS  256      /* files/00 to files/ff */
#define ORCH_SWEEP_STEP     64       /* of them in one look */
#define ORCH_SWEEP_LISTED   1000     /* a bucket's answer that has more */


static pt_err_t orch_sweep_s3(const char *text, pt_s3_t *s3);
static void orch_sweep_look(uv_work_t *work);
static void orch_sweep_folder(orch_sweep_t *s, int root, unsigned folder,
    int64_t before);
static void orch_sweep_bucket(orch_sweep_t *s);
static void orch_sweep_listed(void *ctx, pt_str_t name);
static bool orch_sweep_is_old(int fd, const char *name, int64_t before);
static void orch_sweep_looked(uv_work_t *work, int status);
static void orch_sweep_ask(orch_t *o);
static void orch_sweep_told(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_sweep_remove(uv_work_t *work);
static void orch_sweep_removed(uv_work_t *work, int status);


pt_err_t
orch_sweep_open(orch_t *o)
{
    pt_s3_t   s3;
    pt_err_t  err;

    o->sweep.work.data = o;

    if (o->config->storage_s3) {
        err = orch_sweep_s3(o->config->storage_s3, &s3);

        if (err == PT_OK) {
            err = pt_storage_open_s3(o->config->storage, &s3,
                                     &o->sweep.storage);
        }

        pt_s3_done(&s3);

    } else {
        err = pt_storage_open_local(o->config->storage, &o->sweep.storage);
    }

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "storage", "could not open \"%s\": %s",
               o->config->storage, strerror(errno));
    }

    return err;
}


/* the words were checked when they were read */
static pt_err_t
orch_sweep_s3(const char *text, pt_s3_t *s3)
{
    char        *copy, *rest, *word;
    size_t       n = 0;
    pt_err_t     err;
    pt_str_t     words[16];
    const char  *why = "";

    copy = strdup(text);
    if (copy == NULL) {
        return PT_E_NOMEM;
    }

    for (word = strtok_r(copy, " ", &rest); word && n < 16;
         word = strtok_r(NULL, " ", &rest))
    {
        words[n++] = pt_str(word);
    }

    err = pt_s3_parse(words, n, s3, &why);

    if (err == PT_OK) {
        err = pt_s3_credentials(s3, &why);
    }

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "storage", "cannot use the bucket: %s", why);
        errno = EACCES;
    }

    free(copy);

    return err;
}


void
orch_sweep_close(orch_t *o)
{
    pt_storage_close(o->sweep.storage);
    o->sweep.storage = NULL;
}


void
orch_sweep_tick(orch_t *o)
{
    orch_sweep_t  *s = &o->sweep;

    if (s->working || o->stop_ms || orch_loop_ms(o) < s->next_ms) {
        return;
    }

    s->next_ms = orch_loop_ms(o) + o->config->orphans_ms
                                   / (ORCH_SWEEP_FOLDERS / ORCH_SWEEP_STEP);
    s->nfound = 0;

    s->working = uv_queue_work(&o->loop, &s->work, orch_sweep_look,
                               orch_sweep_looked) == 0;
}


/* in a thread, which has s for as long as it works */
static void
orch_sweep_look(uv_work_t *work)
{
    int            root;
    int64_t        before;
    unsigned       i;
    orch_t        *o = work->data;
    orch_sweep_t  *s = &o->sweep;

    before = orch_now_ms() - o->config->orphans_ms;

    root = open(o->config->storage, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        return;
    }

    for (i = 0; i < ORCH_SWEEP_STEP; i++) {
        orch_sweep_folder(s, root, s->folder, before);

        /* a folder with more of them is looked at again */
        if (s->nfound == ORCH_SWEEP_FOUND_MAX) {
            break;
        }

        s->folder = (s->folder + 1) % ORCH_SWEEP_FOLDERS;
    }

    close(root);

    if (s->nfound == 0 && pt_storage_is_s3(s->storage)) {
        orch_sweep_bucket(s);
    }
}


/*
 * The next names that the bucket has.  Only files of rows were moved there: one
 * without is nobody's any more, however young it is.
 */
static void
orch_sweep_bucket(orch_sweep_t *s)
{
    char      name[sizeof("files/00")];
    unsigned  i, n;

    for (i = 0; i < ORCH_SWEEP_FOLDERS && s->nfound == 0; i++) {
        snprintf(name, sizeof(name), "files/%02x", s->s3_folder & 0xff);
        s->s3_listed = 0;

        if (pt_storage_list(s->storage, name, s->s3_after, orch_sweep_listed,
                            s)
            != PT_OK)
        {
            return;
        }

        n = s->s3_listed;

        if (n < ORCH_SWEEP_LISTED) {
            s->s3_folder = (s->s3_folder + 1) % ORCH_SWEEP_FOLDERS;
            s->s3_after[0] = '\0';
        }
    }
}


static void
orch_sweep_listed(void *ctx, pt_str_t name)
{
    pt_id_t        id;
    orch_sweep_t  *s = ctx;

    s->s3_listed++;
    snprintf(s->s3_after, sizeof(s->s3_after), "%.*s", PT_STR_ARG(name));

    if (pt_id_parse(name, &id) == PT_OK && s->nfound < ORCH_SWEEP_FOUND_MAX) {
        s->found[s->nfound++] = id;
    }
}


static void
orch_sweep_folder(orch_sweep_t *s, int root, unsigned folder, int64_t before)
{
    DIR            *dir;
    int             fd;
    char            name[sizeof("files/00")];
    pt_id_t         id;
    struct dirent  *entry;

    snprintf(name, sizeof(name), "files/%02x", folder & 0xff);

    fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (dir == NULL) {
        if (fd >= 0) {
            close(fd);
        }

        return;
    }

    while (s->nfound < ORCH_SWEEP_FOUND_MAX && (entry = readdir(dir)) != NULL) {
        if (pt_id_parse(pt_str(entry->d_name), &id) == PT_OK
            && orch_sweep_is_old(fd, entry->d_name, before))
        {
            s->found[s->nfound++] = id;
        }
    }

    closedir(dir);
}


/* a name that is given or taken changes st_ctime, which nobody can set */
static bool
orch_sweep_is_old(int fd, const char *name, int64_t before)
{
    struct stat  st;

    return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0
           && S_ISREG(st.st_mode)
           && (int64_t) st.st_ctim.tv_sec * 1000
              + st.st_ctim.tv_nsec / 1000000 < before;
}


static void
orch_sweep_looked(uv_work_t *work, int status)
{
    orch_t  *o = work->data;

    (void) status;

    if (o->sweep.nfound == 0) {
        o->sweep.working = false;

    } else {
        orch_sweep_ask(o);
    }
}


static void
orch_sweep_ask(orch_t *o)
{
    pt_err_t         err;
    unsigned         i;
    pt_pg_args_t     args = { .n = 0 };
    pt_pg_column_t   ids;

    pt_pg_column_init(&ids, PT_PG_UUID);

    for (i = 0; i < o->sweep.nfound; i++) {
        pt_pg_column_id(&ids, &o->sweep.found[i]);
    }

    pt_pg_arg_column(&args, &ids);

    err = orch_db_query(o, ORCH_DB_READ, ORCH_SQL_FILE_UNKNOWN, &args,
                        orch_sweep_told, o);
    pt_pg_column_done(&ids);

    if (err != PT_OK) {
        o->sweep.working = false;
    }
}


static void
orch_sweep_told(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    int            i;
    orch_t        *o = ctx;
    orch_sweep_t  *s = &o->sweep;

    s->nfound = 0;

    if (err == PT_OK && n == 1) {
        for (i = 0; i < PQntuples(results[0]); i++) {
            s->found[s->nfound++] = pt_pg_id(results[0], i, 0);
        }
    }

    s->working = s->nfound
                 && uv_queue_work(&o->loop, &s->work, orch_sweep_remove,
                                  orch_sweep_removed) == 0;
}


/* in a thread */
static void
orch_sweep_remove(uv_work_t *work)
{
    char           text[PT_ID_TEXT_LEN];
    char           key[sizeof("files/00/") + PT_ID_TEXT_LEN];
    unsigned       i;
    orch_t        *o = work->data;
    orch_sweep_t  *s = &o->sweep;

    for (i = 0; i < s->nfound; i++) {
        pt_id_format(&s->found[i], text);
        snprintf(key, sizeof(key), "files/%.2s/%.*s",
                 text + PT_ID_TEXT_LEN - 2, PT_ID_TEXT_LEN, text);

        if (pt_storage_delete(s->storage, key) != PT_OK) {
            pt_log(PT_LOG_WARN, "storage", "could not remove \"%s\", which is "
                   "no file's: %m", key);
        }
    }
}


static void
orch_sweep_removed(uv_work_t *work, int status)
{
    orch_t  *o = work->data;

    (void) status;

    pt_log(PT_LOG_INFO, "storage", "removed uploads that are no file's: %u",
           o->sweep.nfound);

    o->sweep.working = false;
}
