/* Uploads on their way to S3. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "orch.h"


#define ORCH_MOVE_FOLDERS  256         /* files/00 to files/ff */

/* without news: what a restart or a failure has left */
#define ORCH_MOVE_REST_MS  10000


static void orch_move_look(uv_work_t *work);
static void orch_move_doom(orch_t *o);
static void orch_move_folder(orch_move_t *m, int root, unsigned folder);
static void orch_move_looked(uv_work_t *work, int status);
static void orch_move_told(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_move_forget(orch_move_t *m, const pt_id_t *id);
static void orch_move_all(uv_work_t *work);
static void orch_move_done(uv_work_t *work, int status);


void
orch_move_added(orch_t *o)
{
    o->move.news = true;
}


bool
orch_move_delete(orch_t *o, pt_str_t key)
{
    orch_move_t  *m = &o->move;

    if (!pt_storage_is_s3(o->sweep.storage) || key.len > PT_KEY_MAX
        || m->ndoomed == ORCH_MOVE_MAX)
    {
        return false;
    }

    snprintf(m->doomed[m->ndoomed++], sizeof(orch_move_key_t), "%.*s",
             PT_STR_ARG(key));
    m->news = true;

    return true;
}


void
orch_move_tick(orch_t *o)
{
    orch_move_t  *m = &o->move;

    if (m->working || o->stop_ms || !pt_storage_is_s3(o->sweep.storage)
        || orch_loop_ms(o) < m->next_ms)
    {
        return;
    }

    /* after a failure: at its time, whatever else is new */
    if (!m->news && !m->failures && m->next_ms
        && orch_loop_ms(o) < m->next_ms + ORCH_MOVE_REST_MS)
    {
        return;
    }

    m->news = false;
    m->nfound = 0;
    m->moved = 0;
    m->ngoing = m->ndoomed;
    memcpy(m->going, m->doomed, m->ndoomed * sizeof(orch_move_key_t));
    m->ndoomed = 0;
    m->work.data = o;

    m->working = uv_queue_work(&o->loop, &m->work, orch_move_look,
                               orch_move_looked) == 0;
}


/* in a thread, which has o->move for as long as it works */
static void
orch_move_look(uv_work_t *work)
{
    int           root;
    orch_t       *o = work->data;
    unsigned      i;
    orch_move_t  *m = &o->move;

    orch_move_doom(o);

    root = open(o->config->storage, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        return;
    }

    for (i = 0; i < ORCH_MOVE_FOLDERS && m->nfound < ORCH_MOVE_MAX; i++) {
        orch_move_folder(m, root, m->folder);
        m->folder = (m->folder + 1) % ORCH_MOVE_FOLDERS;
    }

    close(root);
}


/* what fails is an object without a row, which the sweep finds */
static void
orch_move_doom(orch_t *o)
{
    unsigned      i;
    orch_move_t  *m = &o->move;

    for (i = 0; i < m->ngoing; i++) {
        if (pt_storage_delete(o->sweep.storage, m->going[i]) != PT_OK) {
            pt_log(PT_LOG_ERROR, "files", "could not remove \"%s\": %s, the "
                   "sweep will try again", m->going[i], strerror(errno));
        }
    }
}


static void
orch_move_folder(orch_move_t *m, int root, unsigned folder)
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

    while (m->nfound < ORCH_MOVE_MAX && (entry = readdir(dir)) != NULL) {
        if (pt_id_parse(pt_str(entry->d_name), &id) == PT_OK) {
            m->found[m->nfound++] = id;
        }
    }

    closedir(dir);
}


static void
orch_move_looked(uv_work_t *work, int status)
{
    pt_err_t         err;
    unsigned         i;
    orch_t          *o = work->data;
    pt_pg_args_t     args = { .n = 0 };
    pt_pg_column_t   ids;

    (void) status;

    if (o->move.nfound == 0) {
        orch_move_done(work, 0);
        return;
    }

    pt_pg_column_init(&ids, PT_PG_UUID);

    for (i = 0; i < o->move.nfound; i++) {
        pt_pg_column_id(&ids, &o->move.found[i]);
    }

    pt_pg_arg_column(&args, &ids);

    err = orch_db_query(o, ORCH_DB_READ, ORCH_SQL_FILE_UNKNOWN, &args,
                        orch_move_told, o);
    pt_pg_column_done(&ids);

    if (err != PT_OK) {
        orch_move_told(o, err, NULL, 0);
    }
}


/* an upload without a row stays: its FILE_ADD may be on its way */
static void
orch_move_told(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    int           i;
    orch_t       *o = ctx;
    pt_id_t       id;
    orch_move_t  *m = &o->move;

    if (err != PT_OK || n != 1) {
        m->nfound = 0;

    } else {
        for (i = 0; i < PQntuples(results[0]); i++) {
            id = pt_pg_id(results[0], i, 0);
            orch_move_forget(m, &id);
        }
    }

    if (m->nfound == 0
        || uv_queue_work(&o->loop, &m->work, orch_move_all, orch_move_done)
           != 0)
    {
        m->moved = m->nfound;
        orch_move_done(&m->work, 0);
    }
}


static void
orch_move_forget(orch_move_t *m, const pt_id_t *id)
{
    unsigned  i;

    for (i = 0; i < m->nfound; i++) {
        if (memcmp(m->found[i].bytes, id->bytes, sizeof(id->bytes)) == 0) {
            m->found[i] = m->found[--m->nfound];
            return;
        }
    }
}


/* in a thread; the first that cannot be moved ends it: the others could not
 * either, as a rule, and would be tried for as long */
static void
orch_move_all(uv_work_t *work)
{
    char          text[PT_ID_TEXT_LEN];
    char          key[sizeof("files/00/") + PT_ID_TEXT_LEN];
    orch_t       *o = work->data;
    pt_err_t      err;
    unsigned      i;
    orch_move_t  *m = &o->move;

    for (i = 0; i < m->nfound; i++) {
        pt_id_format(&m->found[i], text);
        snprintf(key, sizeof(key), "files/%.2s/%.*s",
                 text + PT_ID_TEXT_LEN - 2, PT_ID_TEXT_LEN, text);

        err = pt_storage_move(o->sweep.storage, key);

        if (err != PT_OK && err != PT_E_NOT_FOUND) {
            pt_log(PT_LOG_WARN, "files", "could not move \"%s\" to the "
                   "bucket, it stays in the folder: %s", key,
                   strerror(errno));
            return;
        }

        m->moved++;
    }
}


static void
orch_move_done(uv_work_t *work, int status)
{
    orch_t       *o = work->data;
    unsigned      pause;
    orch_move_t  *m = &o->move;

    (void) status;

    if (m->moved < m->nfound) {
        m->failures += m->failures < 6;

    } else {
        m->failures = 0;
    }

    /* all that a look takes: there may be more */
    if (m->nfound == ORCH_MOVE_MAX) {
        m->news = true;
    }

    pause = m->failures ? 500u << m->failures : 0;
    m->next_ms = orch_loop_ms(o) + pause;
    m->working = false;
}
