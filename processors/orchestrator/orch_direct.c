/* FILE_FETCH: files that clients have put into the bucket. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "orch.h"
#include "pt_s3.h"


#define ORCH_DIRECT_KEEP_MS   600000   /* an answer */
#define ORCH_DIRECT_FOLDERS   1000     /* users with something left, a look */
#define ORCH_DIRECT_DAY       24       /* times `orphans`, whose default is
                                        * an hour */


struct orch_direct_file_s {
    orch_t              *o;
    orch_request_t      *rq;           /* who waits, while it works */
    uv_work_t            work;
    bool                 working;
    uint64_t             ended_ms;
    pt_id_t              id;
    pt_err_t             err;
    int                  errnum;
    pt_stored_t          stored;
    size_t               head_len;
    char                 head[PT_STORAGE_HEAD];
    char                 from[PT_S3_DIRECT_LEN];
    char                 to[sizeof("files/00/") + PT_ID_TEXT_LEN];
    orch_direct_file_t  *prev, *next;
};


static orch_direct_file_t *orch_direct_find(orch_t *o, const pt_id_t *id);
static void orch_direct_begin(orch_request_t *rq, const char *from);
static void orch_direct_copy(uv_work_t *work);
static void orch_direct_copied(uv_work_t *work, int status);
static void orch_direct_answer(orch_request_t *rq, orch_direct_file_t *f);
static void orch_direct_forget(orch_t *o, orch_direct_file_t *f);
static void orch_direct_look(uv_work_t *work);
static void orch_direct_folder(void *ctx, pt_str_t name);
static void orch_direct_name(void *ctx, pt_str_t name);
static void orch_direct_looked(uv_work_t *work, int status);


void
orch_direct_fetch(orch_request_t *rq)
{
    char                    from[PT_S3_DIRECT_LEN];
    orch_t                 *o = rq->o;
    orch_direct_file_t     *f;
    const pt_file_fetch_t  *m = &rq->msg.u.file_fetch;

    if (!pt_storage_is_s3(o->sweep.storage)) {
        orch_refuse(rq, PT_E_NOT_FOUND, "there is no bucket here");
        return;
    }

    if (m->rq.user.len == 0 || m->size == 0 || m->size > PT_S3_PUT_MAX) {
        orch_refuse(rq, PT_E_INVALID, "a file needs a user and a size");
        return;
    }

    pt_s3_direct_key(m->rq.user, &m->id, from);
    f = orch_direct_find(o, &m->id);

    if (f && strcmp(f->from, from) != 0) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no such upload");
        return;
    }

    if (f == NULL) {
        orch_direct_begin(rq, from);

    } else if (f->working) {
        orch_refuse(rq, PT_E_IN_FLIGHT, "the file is being looked at");

    } else {
        orch_direct_answer(rq, f);
    }
}


static orch_direct_file_t *
orch_direct_find(orch_t *o, const pt_id_t *id)
{
    orch_direct_file_t  *f;

    DL_FOREACH(o->direct.files, f) {
        if (pt_id_eq(&f->id, id)) {
            return f;
        }
    }

    return NULL;
}


static void
orch_direct_begin(orch_request_t *rq, const char *from)
{
    char                    text[PT_ID_TEXT_LEN];
    orch_t                 *o = rq->o;
    orch_direct_file_t     *f;
    const pt_file_fetch_t  *m = &rq->msg.u.file_fetch;

    if (o->direct.working == ORCH_DIRECT_WORKING
        || o->direct.nfiles == ORCH_DIRECT_KEPT || o->stop_ms)
    {
        orch_refuse(rq, PT_E_IN_FLIGHT, "other files are being looked at");
        return;
    }

    f = calloc(1, sizeof(*f));
    if (f == NULL) {
        orch_refuse(rq, PT_E_NOMEM, "no memory");
        return;
    }

    f->o = o;
    f->rq = rq;
    f->id = m->id;
    f->work.data = f;
    memcpy(f->from, from, sizeof(f->from));

    pt_id_format(&m->id, text);
    snprintf(f->to, sizeof(f->to), "files/%.2s/%.*s",
             text + PT_ID_TEXT_LEN - 2, PT_ID_TEXT_LEN, text);

    if (uv_queue_work(&o->loop, &f->work, orch_direct_copy,
                      orch_direct_copied) != 0)
    {
        free(f);
        orch_refuse(rq, PT_E_NOMEM, "no thread to fetch it in");
        return;
    }

    f->working = true;
    o->direct.working++;
    o->direct.nfiles++;
    DL_APPEND(o->direct.files, f);
}


/* in a thread, which has f */
static void
orch_direct_copy(uv_work_t *work)
{
    orch_direct_file_t  *f = work->data;

    f->err = pt_storage_fetch(f->o->sweep.storage, f->from, f->to, &f->stored,
                              f->head, &f->head_len);
    f->errnum = errno;
}


static void
orch_direct_copied(uv_work_t *work, int status)
{
    orch_direct_file_t  *f = work->data;
    orch_t              *o = f->o;
    orch_request_t      *rq = f->rq;

    (void) status;

    f->working = false;
    f->rq = NULL;
    f->ended_ms = orch_loop_ms(o);
    o->direct.working--;

    if (f->err == PT_E_STORAGE) {
        pt_log(PT_LOG_ERROR, "files", "could not fetch \"%s\": %s", f->from,
               strerror(f->errnum));
    }

    orch_direct_answer(rq, f);
}


/* a failure is not kept: the next one tries again */
static void
orch_direct_answer(orch_request_t *rq, orch_direct_file_t *f)
{
    unsigned  i;
    uint8_t   size[8];
    pt_buf_t  buf;

    if (f->err != PT_OK) {
        orch_refuse(rq, f->err, f->err == PT_E_NOT_FOUND
                                ? "nothing was put there, or it was late"
                                : "the bucket cannot be read");
        orch_direct_forget(f->o, f);
        return;
    }

    if (f->stored.size != rq->msg.u.file_fetch.size) {
        orch_refuse(rq, PT_E_INVALID, "the file has another size");
        return;
    }

    for (i = 0; i < sizeof(size); i++) {
        size[i] = (uint8_t) (f->stored.size >> (56 - 8 * i));
    }

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_buf_add(&buf, (const char *) size, sizeof(size));
    pt_buf_add(&buf, (const char *) f->stored.sha256, 32);
    pt_buf_add(&buf, f->head, f->head_len);

    orch_read_reply(rq, &buf);
}


static void
orch_direct_forget(orch_t *o, orch_direct_file_t *f)
{
    DL_DELETE(o->direct.files, f);
    o->direct.nfiles--;
    free(f);
}


void
orch_direct_added(orch_t *o, const pt_id_t *id)
{
    orch_direct_file_t  *f = orch_direct_find(o, id);

    /* where there is no room the look for old ones removes it */
    if (f && !f->working) {
        (void) orch_move_delete(o, pt_str(f->from));
    }
}


void
orch_direct_tick(orch_t *o)
{
    orch_direct_t       *d = &o->direct;
    orch_direct_file_t  *f, *next;

    DL_FOREACH_SAFE(d->files, f, next) {
        if (!f->working
            && orch_loop_ms(o) >= f->ended_ms + ORCH_DIRECT_KEEP_MS)
        {
            orch_direct_forget(o, f);
        }
    }

    if (d->looking || o->stop_ms || !pt_storage_is_s3(o->sweep.storage)
        || orch_loop_ms(o) < d->next_ms)
    {
        return;
    }

    d->next_ms = orch_loop_ms(o) + o->config->orphans_ms;
    d->folders = calloc(ORCH_DIRECT_FOLDERS, sizeof(*d->folders));
    d->nfolders = 0;
    d->work.data = o;
    d->looking = d->folders
                 && uv_queue_work(&o->loop, &d->work, orch_direct_look,
                                  orch_direct_looked) == 0;

    if (!d->looking) {
        free(d->folders);
        d->folders = NULL;
    }
}


/* in a thread, which has d for as long as it looks */
static void
orch_direct_look(uv_work_t *work)
{
    orch_t         *o = work->data;
    unsigned        i;
    orch_direct_t  *d = &o->direct;

    if (pt_storage_list(o->sweep.storage, "direct", "", orch_direct_folder, d)
        != PT_OK)
    {
        return;
    }

    for (i = 0; i < d->nfolders; i++) {
        d->folder = d->folders[i];

        if (pt_storage_list(o->sweep.storage, d->folder, "", orch_direct_name,
                            o)
            != PT_OK)
        {
            return;
        }
    }
}


/* a user's, with a "/" at its end */
static void
orch_direct_folder(void *ctx, pt_str_t name)
{
    orch_direct_t  *d = ctx;

    if (name.len == 17 && d->nfolders < ORCH_DIRECT_FOLDERS) {
        snprintf(d->folders[d->nfolders++], sizeof(*d->folders),
                 "direct/%.16s", name.data);
    }
}


/* its id tells when its address was given */
static void
orch_direct_name(void *ctx, pt_str_t name)
{
    char      key[PT_S3_DIRECT_LEN + 8];
    orch_t   *o = ctx;
    pt_id_t   id;

    if (pt_id_parse(name, &id) != PT_OK
        || (int64_t) pt_id_time_ms(&id)
           > orch_now_ms() - (int64_t) o->config->orphans_ms * ORCH_DIRECT_DAY)
    {
        return;
    }

    snprintf(key, sizeof(key), "%s/%.*s", o->direct.folder,
             PT_STR_ARG(name));

    if (pt_storage_delete(o->sweep.storage, key) == PT_OK) {
        pt_log(PT_LOG_INFO, "files", "removed \"%s\", which nobody "
               "completed", key);
    }
}


static void
orch_direct_looked(uv_work_t *work, int status)
{
    orch_t  *o = work->data;

    (void) status;

    free(o->direct.folders);
    o->direct.folders = NULL;
    o->direct.looking = false;
}


void
orch_direct_close(orch_t *o)
{
    orch_direct_file_t  *f, *next;

    DL_FOREACH_SAFE(o->direct.files, f, next) {
        orch_direct_forget(o, f);
    }
}
