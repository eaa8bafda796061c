/* FILE_ADD, FILE_GET, FILE_LIST, FILE_DELETE, OPEN of a file. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "orch.h"


#define ORCH_FILES_PAGE  20


/* of ORCH_SQL_FILE and ORCH_SQL_FILE_LIST */
enum {
    COL_ID = 0, COL_NAME, COL_MEDIA_TYPE, COL_SIZE, COL_SHA256, COL_KEY,
    COL_CREATED, COL_EXPIRES
};


/* bytes whose row is gone */
typedef struct {
    orch_request_t   *rq;
    uv_work_t         work;
    pt_err_t          err;
    int               errnum;
    char              key[PT_KEY_MAX + 1];
} orch_files_removal_t;


static pt_err_t orch_files_send_add(orch_request_t *rq);
static void orch_files_added(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_files_query(orch_request_t *rq, const pt_id_t *id,
    pt_pg_done_fn done);
static void orch_files_got(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n);
static void orch_files_reply(orch_request_t *rq, const PGresult *res);
static void orch_files_write(orch_t *o, pt_jsonw_t *w, const PGresult *res,
    int row);
static void orch_files_listed(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static unsigned orch_files_limit(const pt_file_list_t *list);
static void orch_files_deleted(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_files_remove(orch_request_t *rq, pt_str_t key);
static void orch_files_removing(uv_work_t *work);
static void orch_files_removed(uv_work_t *work, int status);
static void orch_files_opened(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);


void
orch_files_add(orch_request_t *rq)
{
    const pt_file_add_t  *m = &rq->msg.u.file_add;

    if (m->rq.user.len == 0 || m->size > INT64_MAX) {
        orch_refuse(rq, PT_E_INVALID, "a file needs a user and a size");
        return;
    }

    if (orch_files_send_add(rq) != PT_OK) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


/* the lock is a statement of its own: the next one's snapshot comes after it */
static pt_err_t
orch_files_send_add(orch_request_t *rq)
{
    pt_err_t              err;
    pt_pg_t              *pg;
    pt_pg_args_t          room = { .n = 0 }, add = { .n = 0 }, get = { .n = 0 };
    const pt_file_add_t  *m = &rq->msg.u.file_add;

    pg = orch_db_get(rq->o, ORCH_DB_READ);
    if (pg == NULL) {
        return PT_E_DATABASE;
    }

    pt_pg_arg_text(&room, m->rq.user);

    pt_pg_arg_id(&add, &m->id);
    pt_pg_arg_text(&add, m->rq.user);
    pt_pg_arg_text(&add, m->name);
    pt_pg_arg_text(&add, m->media_type);
    pt_pg_arg_int8(&add, (int64_t) m->size);
    pt_pg_arg_bytes(&add, m->sha256, 32);
    pt_pg_arg_text(&add, m->key);

    if (rq->o->config->quota_bytes) {
        pt_pg_arg_int8(&add, rq->o->config->quota_bytes);

    } else {
        pt_pg_arg_text(&add, PT_STR_NULL);
    }

    pt_pg_arg_id(&get, &m->id);
    pt_pg_arg_text(&get, m->rq.user);

    err = pt_pg_query(pg, ORCH_SQL_FILE_ROOM, &room);

    if (err == PT_OK) {
        err = pt_pg_query(pg, ORCH_SQL_FILE_ADD, &add);
    }

    if (err == PT_OK) {
        err = pt_pg_query(pg, ORCH_SQL_FILE, &get);
    }

    return err == PT_OK ? pt_pg_commit(pg, orch_files_added, rq) : err;
}


/* new or added before: the answer is the row; without one there was no room */
static void
orch_files_added(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    char             text[128];
    int64_t          quota;
    orch_request_t  *rq = ctx;
    const PGresult  *res;

    res = orch_read_result(rq, err, results, n);
    if (res == NULL) {
        return;
    }

    if (PQntuples(res) > 0) {
        orch_move_added(rq->o);
        orch_direct_added(rq->o, &rq->msg.u.file_add.id);
        orch_files_reply(rq, res);
        return;
    }

    quota = rq->o->config->quota_bytes;

    if (quota == 0) {
        orch_refuse(rq, PT_E_CONFLICT, "the file's id is taken");
        return;
    }

    snprintf(text, sizeof(text), "your files may have %lld bytes in all; "
             "with this one they would have more", (long long) quota);
    orch_refuse(rq, PT_E_QUOTA, text);
}


void
orch_files_get(orch_request_t *rq)
{
    orch_files_query(rq, &rq->msg.u.get.id, orch_files_got);
}


static void
orch_files_query(orch_request_t *rq, const pt_id_t *id, pt_pg_done_fn done)
{
    pt_pg_args_t  args = { .n = 0 };

    /* uploads are their owner's only: an admin's right is to jobs */
    pt_pg_arg_id(&args, id);
    pt_pg_arg_text(&args, rq->msg.u.request.user);

    orch_read_query(rq, ORCH_SQL_FILE, &args, done);
}


static void
orch_files_got(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    orch_request_t  *rq = ctx;
    const PGresult  *res;

    res = orch_read_result(rq, err, results, n);
    if (res == NULL) {
        return;
    }

    if (PQntuples(res) == 0) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no such file");
        return;
    }

    orch_files_reply(rq, res);
}


static void
orch_files_reply(orch_request_t *rq, const PGresult *res)
{
    pt_buf_t    buf;
    pt_jsonw_t  w;

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    orch_files_write(rq->o, &w, res, 0);

    orch_read_reply(rq, &buf);
}


static void
orch_files_write(orch_t *o, pt_jsonw_t *w, const PGresult *res, int row)
{
    pt_id_t  id = pt_pg_id(res, row, COL_ID);

    (void) o;

    pt_jsonw_object(w);
    orch_json_id(w, "id", &id);
    pt_jsonw_key(w, "size");
    pt_jsonw_int(w, pt_pg_int(res, row, COL_SIZE));
    pt_jsonw_key(w, "sha256");
    pt_jsonw_str(w, pt_pg_text(res, row, COL_SHA256));
    pt_jsonw_key(w, "media_type");
    pt_jsonw_str(w, pt_pg_text(res, row, COL_MEDIA_TYPE));
    pt_jsonw_key(w, "name");
    pt_jsonw_str(w, pt_pg_text(res, row, COL_NAME));
    orch_json_time(w, "created_at", pt_pg_time(res, row, COL_CREATED));
    orch_json_time(w, "expires_at", pt_pg_time(res, row, COL_EXPIRES));
    pt_jsonw_end(w);
}


void
orch_files_list(orch_request_t *rq)
{
    pt_id_t                below;
    pt_pg_args_t           args = { .n = 0 };
    const pt_file_list_t  *list = &rq->msg.u.file_list;

    memset(&below, 0xff, sizeof(below));

    if (list->cursor.data && pt_id_parse(list->cursor, &below) != PT_OK) {
        orch_refuse(rq, PT_E_INVALID, "the cursor is not one of ours");
        return;
    }

    pt_pg_arg_text(&args, list->rq.user);
    pt_pg_arg_id(&args, &below);

    /* one more tells whether there is another page */
    pt_pg_arg_int4(&args, (int32_t) orch_files_limit(list) + 1);

    orch_read_query(rq, ORCH_SQL_FILE_LIST, &args, orch_files_listed);
}


static unsigned
orch_files_limit(const pt_file_list_t *list)
{
    return list->limit ? list->limit : ORCH_FILES_PAGE;
}


static void
orch_files_listed(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    orch_request_t  *rq = ctx;
    const PGresult  *res;

    res = orch_read_result(rq, err, results, n);

    if (res) {
        orch_read_page(rq, res, "files",
                       orch_files_limit(&rq->msg.u.file_list),
                       orch_files_write);
    }
}


void
orch_files_delete(orch_request_t *rq)
{
    pt_err_t         err;
    pt_pg_t         *pg;
    pt_pg_args_t     args = { .n = 0 };
    const pt_get_t  *m = &rq->msg.u.get;

    pg = orch_db_get(rq->o, ORCH_DB_READ);
    if (pg == NULL) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
        return;
    }

    pt_pg_arg_id(&args, &m->id);
    pt_pg_arg_text(&args, m->rq.user);

    err = pt_pg_query(pg, ORCH_SQL_FILE_HOLD, &args);

    if (err == PT_OK) {
        err = pt_pg_query(pg, ORCH_SQL_FILE_DELETE, &args);
    }

    if (err == PT_OK) {
        err = pt_pg_commit(pg, orch_files_deleted, rq);
    }

    if (err != PT_OK) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_files_deleted(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    orch_request_t  *rq = ctx;
    const PGresult  *res;

    res = orch_read_result(rq, err, results, n);
    if (res == NULL) {
        return;
    }

    if (n != 2 || PQntuples(results[0]) == 0) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no such file");

    } else if (PQntuples(res) == 0) {
        orch_refuse(rq, PT_E_CONFLICT, "a job that has not ended uses the "
                    "file");

    } else {
        orch_files_remove(rq, pt_pg_text(res, 0, 0));
    }
}


/* it is nobody's any more; what happens to its bytes changes no answer */
static void
orch_files_remove(orch_request_t *rq, pt_str_t key)
{
    orch_files_removal_t  *removal;

    if (orch_move_delete(rq->o, key)) {
        orch_reply(rq, PT_STR("{}"));
        return;
    }

    removal = calloc(1, sizeof(*removal));

    if (removal && !pt_storage_is_s3(rq->o->sweep.storage)
        && key.len <= PT_KEY_MAX) {
        removal->rq = rq;
        removal->work.data = removal;
        memcpy(removal->key, key.data, key.len);

        if (uv_queue_work(&rq->o->loop, &removal->work, orch_files_removing,
                          orch_files_removed) == 0)
        {
            return;
        }
    }

    /* the sweep finds them */
    free(removal);
    orch_reply(rq, PT_STR("{}"));
}


/* in a thread: the blocks of a large file are freed with its last name */
static void
orch_files_removing(uv_work_t *work)
{
    orch_files_removal_t  *removal = work->data;

    removal->err = pt_storage_delete(removal->rq->o->sweep.storage,
                                     removal->key);
    removal->errnum = errno;
}


static void
orch_files_removed(uv_work_t *work, int status)
{
    orch_files_removal_t  *removal = work->data;

    (void) status;

    if (removal->err != PT_OK) {
        pt_log(PT_LOG_ERROR, "files", "could not remove \"%s\": %s, the sweep "
               "will try again", removal->key, strerror(removal->errnum));
    }

    orch_reply(removal->rq, PT_STR("{}"));
    free(removal);
}


void
orch_files_open(orch_request_t *rq)
{
    orch_files_query(rq, &rq->msg.u.open.id, orch_files_opened);
}


static void
orch_files_opened(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    pt_buf_t         buf;
    pt_jsonw_t       w;
    orch_request_t  *rq = ctx;
    const PGresult  *res;

    res = orch_read_result(rq, err, results, n);
    if (res == NULL) {
        return;
    }

    if (PQntuples(res) == 0) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no such file");
        return;
    }

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "key");
    pt_jsonw_str(&w, pt_pg_text(res, 0, COL_KEY));
    pt_jsonw_key(&w, "size");
    pt_jsonw_int(&w, pt_pg_int(res, 0, COL_SIZE));
    pt_jsonw_key(&w, "sha256");
    pt_jsonw_str(&w, pt_pg_text(res, 0, COL_SHA256));
    pt_jsonw_key(&w, "media_type");
    pt_jsonw_str(&w, pt_pg_text(res, 0, COL_MEDIA_TYPE));
    pt_jsonw_key(&w, "name");
    pt_jsonw_str(&w, pt_pg_text(res, 0, COL_NAME));
    pt_jsonw_key(&w, "tree");
    pt_jsonw_bool(&w, false);
    pt_jsonw_end(&w);

    orch_read_reply(rq, &buf);
}
