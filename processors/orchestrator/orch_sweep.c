/* Bytes without a row. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "orch.h"


#define ORCH_SWEEP_FOLDERS  256      /* files/00 to files/ff */
#define ORCH_SWEEP_STEP     64       /* of them in one look */


static void orch_sweep_look(uv_work_t *work);
static void orch_sweep_folder(orch_sweep_t *s, int root, unsigned folder,
    int64_t before);
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
    pt_err_t  err;

    o->sweep.work.data = o;

    err = pt_storage_open_local(o->config->storage, &o->sweep.storage);

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "storage", "could not open \"%s\": %s",
               o->config->storage, strerror(errno));
    }

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
