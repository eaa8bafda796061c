/* Requests that only read. */

#include "orch.h"


#define ORCH_MEDIA_TYPE_MAX  127


/* of ORCH_SQL_JOB_COLUMNS */
enum {
    COL_ID = 0, COL_OWNER, COL_SERVICE, COL_ACTION, COL_STATUS, COL_PRIORITY,
    COL_ATTEMPT, COL_MAX_ATTEMPTS, COL_LAST_SEQ, COL_CREATED, COL_STARTED,
    COL_FINISHED, COL_ERROR, COL_METADATA, COL_BATCH, COL_RETRY_OF,
    COL_CACHED, COL_OUTPUTS, COL_RESULT
};


static void orch_read_job_done(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_read_list_done(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_read_list_bounds(const pt_list_t *list, pt_id_t *ret_below,
    pt_id_t *ret_from);
static void orch_read_list_job(orch_t *o, pt_jsonw_t *w, const PGresult *res,
    int row);
static unsigned orch_list_limit(const pt_list_t *list);
static void orch_read_events_done(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_read_output_done(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static void orch_read_output(orch_request_t *rq, const PGresult *res);
static void orch_read_place(orch_request_t *rq, const PGresult *res,
    pt_str_t rest);


void
orch_read_get(orch_request_t *rq)
{
    orch_read_job(rq, &rq->msg.u.get.id);
}


void
orch_read_job(orch_request_t *rq, const pt_id_t *id)
{
    pt_pg_args_t  args = { .n = 0 };

    pt_pg_arg_id(&args, id);
    pt_pg_arg_text(&args, orch_request_owner(rq));

    orch_read_query(rq, ORCH_SQL_JOB, &args, orch_read_job_done);
}


void
orch_read_query(orch_request_t *rq, orch_sql_t sql, const pt_pg_args_t *args,
    pt_pg_done_fn done)
{
    if (orch_db_query(rq->o, ORCH_DB_READ, sql, args, done, rq) != PT_OK) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


const PGresult *
orch_read_result(orch_request_t *rq, pt_err_t err, PGresult *const *results,
    size_t n)
{
    if (err == PT_OK && n > 0) {
        return results[n - 1];
    }

    if (err == PT_E_INVALID) {
        orch_refuse(rq, PT_E_INVALID, "a value is out of range");

    } else {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }

    return NULL;
}


void
orch_read_reply(orch_request_t *rq, pt_buf_t *buf)
{
    if (buf->err == PT_OK) {
        orch_reply(rq, pt_buf_str(buf));

    } else {
        orch_refuse(rq, buf->err, "the answer is too large");
    }

    pt_buf_done(buf);
}


static void
orch_read_job_done(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    pt_buf_t         buf, waiting;
    pt_jsonw_t       w;
    orch_request_t  *rq = ctx;
    const PGresult  *res;
    orch_job_view_t  view;

    res = orch_read_result(rq, err, results, n);
    if (res == NULL) {
        return;
    }

    orch_watch_answered(rq, PQntuples(res) > 0);

    if (PQntuples(res) == 0) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no such job");
        return;
    }

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    orch_read_view(rq->o, res, 0, false, &view);

    pt_buf_init(&waiting, &pt_mem_heap, 256);

    if (!pt_str_is(view.status, "running") && view.finished_ms == 0) {
        orch_wait_write(rq->o, &view.id, &waiting);
        view.waiting = waiting.len && waiting.err == PT_OK
                       ? pt_buf_str(&waiting) : PT_STR_NULL;
    }

    orch_json_job(&w, &view);
    pt_buf_done(&waiting);

    orch_read_reply(rq, &buf);
}


void
orch_read_view(orch_t *o, const PGresult *res, int row, bool brief,
    orch_job_view_t *ret_view)
{
    orch_job_t  *job;

    *ret_view = (orch_job_view_t) {
        .id = pt_pg_id(res, row, COL_ID),
        .service = pt_pg_text(res, row, COL_SERVICE),
        .action = pt_pg_text(res, row, COL_ACTION),
        .status = pt_pg_text(res, row, COL_STATUS),
        .priority = (uint8_t) pt_pg_int(res, row, COL_PRIORITY),
        .attempt = pt_pg_int(res, row, COL_ATTEMPT),
        .max_attempts = pt_pg_int(res, row, COL_MAX_ATTEMPTS),
        .created_ms = pt_pg_time(res, row, COL_CREATED),
        .started_ms = pt_pg_time(res, row, COL_STARTED),
        .finished_ms = pt_pg_time(res, row, COL_FINISHED),
        .outputs = pt_pg_text(res, row, COL_OUTPUTS),
        .error = pt_pg_text(res, row, COL_ERROR),
        .metadata = pt_pg_text(res, row, COL_METADATA),
        .batch = pt_pg_id(res, row, COL_BATCH),
        .retry_of = pt_pg_id(res, row, COL_RETRY_OF),
        .cached = pt_pg_bool(res, row, COL_CACHED),
        .brief = brief
    };

    if (!brief) {
        ret_view->result = pt_pg_text(res, row, COL_RESULT);
    }

    if (pt_str_is(ret_view->status, "succeeded")) {
        ret_view->progress = 1;
        return;
    }

    job = orch_queue_find(&o->queue, &ret_view->id);

    /* progress lives here alone, and only while the attempt does */
    if (job && job->run && job->attempt == ret_view->attempt
        && pt_str_is(ret_view->status, "running"))
    {
        ret_view->progress = job->run->permille / 1000.0;
        ret_view->stage = job->run->stage[0] ? pt_str(job->run->stage)
                                             : PT_STR_NULL;
    }
}


void
orch_read_list(orch_request_t *rq)
{
    pt_id_t           below, from;
    pt_pg_args_t      args = { .n = 0 };
    const pt_list_t  *list = &rq->msg.u.list;

    if (list->cursor.data && pt_id_parse(list->cursor, &below) != PT_OK) {
        orch_refuse(rq, PT_E_INVALID, "the cursor is not one of ours");
        return;
    }

    if (list->owner.data && !list->rq.admin) {
        orch_refuse(rq, PT_E_FORBIDDEN, "another's jobs are for admins");
        return;
    }

    orch_read_list_bounds(list, &below, &from);

    pt_pg_arg_text(&args, list->owner.data ? list->owner : list->rq.user);
    pt_pg_arg_id(&args, &below);
    pt_pg_arg_id(&args, &from);
    pt_pg_arg_text(&args, list->status);
    pt_pg_arg_text(&args, list->service);
    pt_pg_arg_text(&args, list->action);

    /* one more tells whether there is another page */
    pt_pg_arg_int4(&args, (int32_t) orch_list_limit(list) + 1);

    if (pt_id_is_zero(&list->batch)) {
        orch_read_query(rq, ORCH_SQL_LIST, &args, orch_read_list_done);
        return;
    }

    pt_pg_arg_id(&args, &list->batch);
    orch_read_query(rq, ORCH_SQL_LIST_BATCH, &args, orch_read_list_done);
}


/* ids carry their time: the range of times is a range of ids */
static void
orch_read_list_bounds(const pt_list_t *list, pt_id_t *ret_below,
    pt_id_t *ret_from)
{
    pt_id_t  cursor;

    memset(ret_below, 0xff, sizeof(*ret_below));
    memset(ret_from, 0, sizeof(*ret_from));

    if (list->created_before > 0) {
        *ret_below = orch_id_of_time(list->created_before);
    }

    if (list->created_after > 0) {
        *ret_from = orch_id_of_time(list->created_after + 1);
    }

    if (list->cursor.data && pt_id_parse(list->cursor, &cursor) == PT_OK
        && memcmp(cursor.bytes, ret_below->bytes, sizeof(cursor.bytes)) < 0)
    {
        *ret_below = cursor;
    }
}


pt_id_t
orch_id_of_time(int64_t ms)
{
    int      i;
    pt_id_t  id = { { 0 } };

    if (ms > 0xffffffffffffLL) {
        ms = 0xffffffffffffLL;
    }

    if (ms < 0) {
        ms = 0;
    }

    for (i = 0; i < 6; i++) {
        id.bytes[i] = (uint8_t) (ms >> (40 - 8 * i));
    }

    return id;
}


static unsigned
orch_list_limit(const pt_list_t *list)
{
    return list->limit ? list->limit : 20;
}


static void
orch_read_list_done(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    orch_request_t  *rq = ctx;
    const PGresult  *res;

    res = orch_read_result(rq, err, results, n);

    if (res) {
        orch_read_page(rq, res, "jobs", orch_list_limit(&rq->msg.u.list),
                       orch_read_list_job);
    }
}


static void
orch_read_list_job(orch_t *o, pt_jsonw_t *w, const PGresult *res, int row)
{
    orch_job_view_t  view;

    orch_read_view(o, res, row, true, &view);
    orch_json_job(w, &view);
}


void
orch_read_page(orch_request_t *rq, const PGresult *res, const char *name,
    unsigned limit, void (*write)(orch_t *o, pt_jsonw_t *w,
                                  const PGresult *res, int row))
{
    int         i, max = (int) limit;
    pt_id_t     last = { { 0 } };
    pt_buf_t    buf;
    pt_jsonw_t  w;

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, name);
    pt_jsonw_array(&w);

    for (i = 0; i < PQntuples(res) && i < max; i++) {
        write(rq->o, &w, res, i);
    }

    pt_jsonw_end(&w);

    if (PQntuples(res) > max) {
        last = pt_pg_id(res, max - 1, 0);
    }

    orch_json_id(&w, "next", &last);
    pt_jsonw_end(&w);

    orch_read_reply(rq, &buf);
}


void
orch_read_events(orch_request_t *rq)
{
    pt_err_t            err;
    pt_pg_t            *pg;
    pt_pg_args_t        owned = { .n = 0 }, args = { .n = 0 };
    const pt_events_t  *m = &rq->msg.u.events;

    pg = orch_db_get(rq->o, ORCH_DB_READ);

    if (pg == NULL || m->after > INT32_MAX) {
        orch_refuse(rq, pg ? PT_E_INVALID : PT_E_DATABASE,
                    pg ? "no such event" : "the database cannot be reached");
        return;
    }

    pt_pg_arg_id(&owned, &m->job);
    pt_pg_arg_text(&owned, orch_request_owner(rq));
    pt_pg_arg_id(&args, &m->job);
    pt_pg_arg_int4(&args, (int32_t) m->after);

    err = pt_pg_query(pg, ORCH_SQL_OWNED, &owned);

    if (err == PT_OK) {
        err = pt_pg_query(pg, ORCH_SQL_EVENTS, &args);
    }

    if (err == PT_OK) {
        err = pt_pg_commit(pg, orch_read_events_done, rq);
    }

    if (err != PT_OK) {
        orch_refuse(rq, PT_E_DATABASE, "the database cannot be reached");
    }
}


static void
orch_read_events_done(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    int              i;
    size_t           at;
    pt_buf_t         buf;
    orch_request_t  *rq = ctx;
    const PGresult  *res;

    res = orch_read_result(rq, err, results, n);
    if (res == NULL) {
        return;
    }

    if (n != 2 || PQntuples(results[0]) == 0) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no such job");
        return;
    }

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);

    for (i = 0; i < PQntuples(res); i++) {
        pt_buf_printf(&buf, "%lld ", (long long) pt_pg_int(res, i, 0));
        pt_buf_add_str(&buf, pt_pg_text(res, i, 1));
        pt_buf_add_char(&buf, ' ');

        at = buf.len;
        pt_buf_add_str(&buf, pt_pg_text(res, i, 2));

        /* a processor may write its JSON in lines; an event is one line */
        for ( /* void */ ; at < buf.len; at++) {
            if (buf.data[at] == '\n') {
                buf.data[at] = ' ';
            }
        }

        pt_buf_add_char(&buf, '\n');
    }

    orch_read_reply(rq, &buf);
}


void
orch_read_open(orch_request_t *rq)
{
    pt_pg_args_t      args = { .n = 0 };
    const pt_open_t  *m = &rq->msg.u.open;

    if (m->kind == PT_OPEN_FILE) {
        orch_files_open(rq);
        return;
    }

    if (!orch_output_name_is_good(m->name)) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no such output");
        return;
    }

    pt_pg_arg_id(&args, &m->id);
    pt_pg_arg_text(&args, m->name);
    pt_pg_arg_text(&args, orch_request_owner(rq));

    orch_read_query(rq, ORCH_SQL_OPEN_OUTPUT, &args, orch_read_output_done);
}


static void
orch_read_output_done(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n)
{
    orch_request_t  *rq = ctx;
    const PGresult  *res;

    res = orch_read_result(rq, err, results, n);
    if (res == NULL) {
        return;
    }

    if (PQntuples(res) == 0) {
        orch_refuse(rq, PT_E_NOT_FOUND, "no such output");

    } else if (pt_pg_bool(res, 0, 6)) {
        orch_refuse(rq, PT_E_GONE, "the output was withdrawn");

    } else {
        orch_read_output(rq, res);
    }
}


static void
orch_read_output(orch_request_t *rq, const PGresult *res)
{
    pt_str_t  name, rest = PT_STR_NULL;

    if (pt_pg_bool(res, 0, 0)) {
        /* behind the tree's name and its "/" */
        name = pt_pg_text(res, 0, 5);
        rest = rq->msg.u.open.name;
        rest.data += name.len + 1;
        rest.len -= name.len + 1;
    }

    orch_read_place(rq, res, rest);
}


/* rest is present in a tree: what follows its key */
static void
orch_read_place(orch_request_t *rq, const PGresult *res, pt_str_t rest)
{
    pt_buf_t    buf, key;
    pt_jsonw_t  w;

    pt_buf_init(&key, &pt_mem_heap, PT_KEY_MAX);
    pt_buf_add_str(&key, pt_pg_text(res, 0, 1));
    pt_buf_add_str(&key, rest);

    if (key.err != PT_OK) {
        pt_buf_done(&key);
        orch_refuse(rq, PT_E_NOT_FOUND, "no such output");
        return;
    }

    pt_buf_init(&buf, &pt_mem_heap, PT_REPLY_MAX);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "key");
    pt_jsonw_str(&w, pt_buf_str(&key));

    if (rest.data == NULL) {
        pt_jsonw_key(&w, "size");
        pt_jsonw_int(&w, pt_pg_int(res, 0, 2));
        pt_jsonw_key(&w, "sha256");
        pt_jsonw_str(&w, pt_pg_text(res, 0, 3));
    }

    pt_jsonw_key(&w, "media_type");
    pt_jsonw_str(&w, rest.data ? orch_media_type(rest)
                               : pt_pg_text(res, 0, 4));
    pt_jsonw_key(&w, "name");
    pt_jsonw_str(&w, rq->msg.u.open.name);
    pt_jsonw_key(&w, "tree");
    pt_jsonw_bool(&w, rest.data != NULL);
    pt_jsonw_key(&w, "final");
    pt_jsonw_bool(&w, pt_pg_bool(res, 0, 7));
    pt_jsonw_end(&w);

    pt_buf_done(&key);
    orch_read_reply(rq, &buf);
}


bool
orch_output_name_is_good(pt_str_t name)
{
    char    c, before = '/';
    size_t  i;

    if (name.len == 0 || name.len > PT_OUTPUT_NAME_MAX) {
        return false;
    }

    for (i = 0; i < name.len; i++, before = c) {
        c = name.data[i];

        if (before == '/' && (c == '.' || c == '/')) {
            return false;
        }

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')
            && c != '.' && c != '_' && c != '-' && c != '/')
        {
            return false;
        }
    }

    return before != '/';
}


/* type "/" subtype, each a token of RFC 9110: it becomes a header's value */
bool
orch_media_type_is_good(pt_str_t type)
{
    char    c;
    size_t  i, slash = 0;

    for (i = 0; i < type.len; i++) {
        c = type.data[i];

        if (c == '/' && slash == 0 && i > 0) {
            slash = i;

        } else if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z')
                   && !(c >= '0' && c <= '9')
                   && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
        {
            return false;
        }
    }

    return slash && slash + 1 < type.len && type.len <= ORCH_MEDIA_TYPE_MAX;
}


pt_str_t
orch_media_type(pt_str_t name)
{
    size_t    i;
    pt_str_t  ending;

    static const struct {
        const char  *ending;
        const char  *media_type;
    } types[] = {
        { ".m3u8", "application/vnd.apple.mpegurl" },
        { ".mpd",  "application/dash+xml" },
        { ".m4s",  "video/iso.segment" },
        { ".mp4",  "video/mp4" },
        { ".m4a",  "audio/mp4" },
        { ".ts",   "video/mp2t" },
        { ".vtt",  "text/vtt" },
        { ".jpg",  "image/jpeg" },
        { ".png",  "image/png" },
        { ".webp", "image/webp" },
        { ".pdf",  "application/pdf" },
        { ".json", "application/json" },
        { ".txt",  "text/plain" },
        { ".csv",  "text/csv" }
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        ending = pt_str(types[i].ending);

        if (name.len > ending.len
            && memcmp(name.data + name.len - ending.len, ending.data,
                      ending.len) == 0)
        {
            return pt_str(types[i].media_type);
        }
    }

    return PT_STR("application/octet-stream");
}
