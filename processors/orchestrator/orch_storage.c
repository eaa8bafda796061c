/* HEALTH. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <utlist.h>

#include "orch.h"


static void orch_storage_pinged(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_storage_check(orch_request_t *rq);
static void orch_storage_try(uv_work_t *work);
static void orch_storage_tried(uv_work_t *work, int status);
static void orch_storage_answer(orch_request_t *rq);


void
orch_storage_health(orch_request_t *rq)
{
    pt_pg_args_t  args = { .n = 0 };

    if (orch_db_query(rq->o, ORCH_DB_READ, ORCH_SQL_PING, &args,
                      orch_storage_pinged, rq) != PT_OK)
    {
        orch_storage_pinged(rq, PT_E_DATABASE, NULL, 0);
    }
}


static void
orch_storage_pinged(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    orch_request_t  *rq = ctx;

    (void) results;
    (void) n;

    /* the request remembers it until the thread has looked as well */
    rq->tries = err == PT_OK && orch_db_is_ready(rq->o);
    orch_storage_check(rq);
}


/* a file system that hangs must not hang the loop: a thread asks it */
static void
orch_storage_check(orch_request_t *rq)
{
    orch_t          *o = rq->o;
    orch_storage_t  *s = &o->storage;

    DL_APPEND(s->waiting, rq);

    if (s->working) {
        return;
    }

    s->checking = s->waiting;
    s->waiting = NULL;

    snprintf(s->path, sizeof(s->path), "%s/.health", o->config->storage);
    s->work.data = o;
    s->working = uv_queue_work(&o->loop, &s->work, orch_storage_try,
                               orch_storage_tried) == 0;

    if (!s->working) {
        snprintf(s->error, sizeof(s->error), "no thread to try it in");
        orch_storage_tried(&s->work, UV_EAGAIN);
    }
}


/* in a thread: touches path and error only */
static void
orch_storage_try(uv_work_t *work)
{
    int              fd, error = 0;
    ssize_t          n;
    orch_storage_t  *s = &((orch_t *) work->data)->storage;

    static const char  block[4096];

    fd = open(s->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
              0600);

    n = fd >= 0 ? write(fd, block, sizeof(block)) : -1;

    if (n < 0 || (n == sizeof(block) && fsync(fd) != 0)) {
        error = errno;

    } else if (n < (ssize_t) sizeof(block)) {
        error = ENOSPC;
    }

    snprintf(s->error, sizeof(s->error), "%s", error ? strerror(error) : "");

    if (fd >= 0) {
        close(fd);
        unlink(s->path);
    }
}


static void
orch_storage_tried(uv_work_t *work, int status)
{
    orch_t          *o = work->data;
    orch_storage_t  *s = &o->storage;
    orch_request_t  *rq;

    (void) status;

    s->working = false;

    while ((rq = s->checking) != NULL) {
        DL_DELETE(s->checking, rq);
        orch_storage_answer(rq);
    }

    /* those who asked while it worked want to know how it is now */
    if ((rq = s->waiting) != NULL) {
        DL_DELETE(s->waiting, rq);
        orch_storage_check(rq);
    }
}


static void
orch_storage_answer(orch_request_t *rq)
{
    orch_t      *o = rq->o;
    pt_buf_t     buf;
    pt_jsonw_t   w;

    pt_buf_init(&buf, &pt_mem_heap, 4096);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);

    pt_jsonw_key(&w, "database");
    pt_jsonw_bool(&w, rq->tries);

    if (!rq->tries) {
        pt_jsonw_key(&w, "database_error");
        pt_jsonw_text(&w, o->db.reason[0] ? o->db.reason : "no connection");
    }

    pt_jsonw_key(&w, "storage");
    pt_jsonw_bool(&w, o->storage.error[0] == '\0');

    if (o->storage.error[0]) {
        pt_jsonw_key(&w, "storage_error");
        pt_jsonw_text(&w, o->storage.error);
    }

    pt_jsonw_end(&w);

    if (buf.err == PT_OK) {
        orch_reply(rq, pt_buf_str(&buf));

    } else {
        orch_refuse(rq, buf.err, "out of memory");
    }

    pt_buf_done(&buf);
}
