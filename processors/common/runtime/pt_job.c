/* What an action may call: its job's side of the child's socket. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pt_child.h"
#include "pt_storage.h"


#define PROGRESS_MS  100     /* between two messages of the same stage */


static pt_err_t pt_job_inputs_init(pt_job_t *job, pt_str_t inputs);
static pt_err_t pt_job_input_init(const pt_json_t *from, pt_input_t *input);
static void pt_job_send(pt_job_t *job, const pt_childmsg_t *m);
static const char *pt_job_relative(const pt_job_t *job, const char *path);
static size_t pt_text_fit(char *text, size_t len);
static uint64_t pt_now_ms(void);


pt_err_t
pt_job_init(pt_job_t *job, int fd, const char *scratch, const pt_childmsg_t *m)
{
    pt_err_t  err;

    memset(job, 0, sizeof(*job));

    job->fd = fd;
    job->scratch = scratch;
    job->id = m->id;
    job->user = m->user;
    job->role = m->role;
    job->user_type = m->user_type;

    (void) pthread_mutex_init(&job->lock, NULL);
    pt_buf_init(&job->send, &pt_mem_heap, PT_CHILDMSG_MAX);
    pt_buf_init(&job->result, &pt_mem_heap, PT_RESULT_MAX);
    pt_buf_init(&job->violations, &pt_mem_heap, PT_RESULT_MAX - 2);

    err = pt_json_parse(m->params, &pt_mem_heap, &job->params, NULL);

    if (err == PT_OK && m->platform.len != 0) {
        err = pt_json_parse(m->platform, &pt_mem_heap, &job->platform, NULL);
    }

    if (err == PT_OK) {
        err = pt_job_inputs_init(job, m->inputs);
    }

    return err;
}


void
pt_job_done(pt_job_t *job)
{
    size_t  i;

    pt_buf_done(&job->violations);
    pt_buf_done(&job->result);
    pt_buf_done(&job->send);
    (void) pthread_mutex_destroy(&job->lock);

    for (i = 0; i < job->ninputs; i++) {
        free((char *) (uintptr_t) job->inputs[i].path);
    }

    free(job->inputs);
    pt_json_free(job->inputs_json);
    pt_json_free(job->platform);
    pt_json_free(job->params);
}


void
pt_job_finish(pt_job_t *job, pt_err_t err)
{
    pt_buf_t       json;
    pt_childmsg_t  m = { .kind = PT_CHILDMSG_DONE };

    if (err == PT_OK && job->result.len == 0) {
        err = pt_job_result(job, PT_STR("null"));
    }

    if (err == PT_OK) {
        m.json = pt_buf_str(&job->result);
        pt_job_send(job, &m);
        return;
    }

    if (job->err != PT_OK) {
        err = job->err;
    }

    /* the limit is what was in the way: again would be the same again */
    if (err == PT_E_NOMEM && job->limited) {
        err = PT_E_RESOURCE_LIMIT;
        (void) pt_job_fail(job, err, "over its limit of memory");
    }

    pt_buf_init(&json, &pt_mem_heap, PT_RESULT_MAX);

    if (job->violations.len != 0 && job->violations.err == PT_OK) {
        pt_buf_add_char(&json, '[');
        pt_buf_add_str(&json, pt_buf_str(&job->violations));
        pt_buf_add_char(&json, ']');
    }

    m.kind = PT_CHILDMSG_FAILED;
    m.number = err;
    m.text = pt_str(job->reason);
    m.json = pt_buf_str(&json);

    pt_job_send(job, &m);
    pt_buf_done(&json);
}


const pt_json_t *
pt_job_params(const pt_job_t *job)
{
    return job->params;
}


const pt_json_t *
pt_job_platform(const pt_job_t *job)
{
    return job->platform;
}


const pt_input_t *
pt_job_input(const pt_job_t *job, pt_str_t file_id)
{
    size_t  i;

    for (i = 0; i < job->ninputs; i++) {
        if (pt_str_eq(job->inputs[i].id, file_id)) {
            return &job->inputs[i];
        }
    }

    return NULL;
}


pt_str_t
pt_job_id(const pt_job_t *job)
{
    return job->id;
}


pt_str_t
pt_job_user(const pt_job_t *job)
{
    return job->user;
}


pt_str_t
pt_job_user_type(const pt_job_t *job)
{
    return job->user_type;
}


pt_str_t
pt_job_role(const pt_job_t *job)
{
    return job->role;
}


bool
pt_job_is_admin(const pt_job_t *job)
{
    size_t    len;
    pt_str_t  rest = job->role;

    while (rest.len != 0) {
        const char  *comma = memchr(rest.data, ',', rest.len);

        len = comma != NULL ? (size_t) (comma - rest.data) : rest.len;

        if (pt_str_is((pt_str_t) { rest.data, len }, "admin")) {
            return true;
        }

        len += comma != NULL;
        rest.data += len;
        rest.len -= len;
    }

    return false;
}


struct pg_conn *
pt_job_connection(pt_job_t *job, unsigned n)
{
    PGconn  *conn = pt_connection(n);

    if (conn == NULL) {
        (void) pt_job_fail(job, PT_E_DATABASE,
                           "no platform database is configured");
    }

    return conn;
}


const char *
pt_job_storage(const pt_job_t *job)
{
    return job->access != NULL ? job->access->storage : NULL;
}


const char *
pt_job_folder(const pt_job_t *job)
{
    return job->access != NULL ? job->access->folder : NULL;
}


const char *
pt_job_scratch(const pt_job_t *job)
{
    return job->scratch;
}


void
pt_job_progress(pt_job_t *job, unsigned permille, const char *stage)
{
    char           word[PT_NAME_MAX + 1];
    uint64_t       now = pt_now_ms();
    pt_childmsg_t  m = { .kind = PT_CHILDMSG_PROGRESS };

    (void) snprintf(word, sizeof(word), "%s", stage ? stage : "");
    word[pt_text_fit(word, strlen(word))] = '\0';

    if (permille > 1000) {
        permille = 1000;
    }

    (void) pthread_mutex_lock(&job->lock);

    if (permille < job->permille) {
        permille = job->permille;
    }

    if (strcmp(word, job->stage) == 0
        && (permille == job->permille || now - job->sent_ms < PROGRESS_MS))
    {
        (void) pthread_mutex_unlock(&job->lock);
        return;
    }

    job->permille = permille;
    job->sent_ms = now;
    memcpy(job->stage, word, sizeof(word));

    (void) pthread_mutex_unlock(&job->lock);

    m.number = permille;
    m.stage = pt_str(word);
    pt_job_send(job, &m);
}


pt_err_t
pt_job_output(pt_job_t *job, const char *name, const char *media_type,
    const char *path)
{
    struct stat    st;
    pt_childmsg_t  m = { .kind = PT_CHILDMSG_OUTPUT };

    path = pt_job_relative(job, path);

    if (job->light || path == NULL
        || !pt_output_name_is_good(pt_str(name))
        || !pt_media_type_is_good(pt_str(media_type))
        || lstat(path, &st) == -1 || !S_ISREG(st.st_mode))
    {
        return pt_job_fail(job, PT_E_INVALID, "no output file for \"%s\"",
                           name);
    }

    m.name = pt_str(name);
    m.media_type = pt_str(media_type);
    m.path = pt_str(path);
    pt_job_send(job, &m);

    return PT_OK;
}


pt_err_t
pt_job_output_tree(pt_job_t *job, const char *name, const char *entry,
    const char *path)
{
    struct stat    st;
    pt_childmsg_t  m = { .kind = PT_CHILDMSG_TREE };

    path = pt_job_relative(job, path);

    if (job->light || path == NULL
        || !pt_output_name_is_good(pt_str(name))
        || !pt_output_name_is_good(pt_str(entry))
        || lstat(path, &st) == -1 || !S_ISDIR(st.st_mode))
    {
        return pt_job_fail(job, PT_E_INVALID, "no output folder for \"%s\"",
                           name);
    }

    m.name = pt_str(name);
    m.entry = pt_str(entry);
    m.path = pt_str(path);
    pt_job_send(job, &m);

    return PT_OK;
}


pt_err_t
pt_job_result(pt_job_t *job, pt_str_t json)
{
    pt_buf_reset(&job->result);
    pt_buf_add_str(&job->result, json);

    return job->result.err;
}


pt_err_t
pt_job_fail(pt_job_t *job, pt_err_t err, const char *fmt, ...)
{
    va_list  args;

    (void) pthread_mutex_lock(&job->lock);

    if (job->err == PT_OK) {
        job->err = err;

        va_start(args, fmt);
        (void) vsnprintf(job->reason, sizeof(job->reason), fmt, args);
        va_end(args);

        job->reason[pt_text_fit(job->reason, strlen(job->reason))] = '\0';
    }

    (void) pthread_mutex_unlock(&job->lock);

    return err;
}


void
pt_job_fail_at(pt_job_t *job, pt_str_t pointer, pt_str_t detail)
{
    pt_jsonw_t  w;

    (void) pthread_mutex_lock(&job->lock);

    if (job->violations.len != 0) {
        pt_buf_add_char(&job->violations, ',');
    }

    pt_jsonw_init(&w, &job->violations);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "pointer");
    pt_jsonw_str(&w, pointer);
    pt_jsonw_key(&w, "detail");
    pt_jsonw_str(&w, detail);
    pt_jsonw_end(&w);

    (void) pthread_mutex_unlock(&job->lock);
}


void
pt_job_log(pt_job_t *job, const char *fmt, ...)
{
    char           line[PT_LINE_MAX + 1];
    va_list        args;
    pt_childmsg_t  m = { .kind = PT_CHILDMSG_LOG };

    va_start(args, fmt);
    (void) vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);

    m.text = (pt_str_t) { line, pt_text_fit(line, strlen(line)) };
    pt_job_send(job, &m);
}


static pt_err_t
pt_job_inputs_init(pt_job_t *job, pt_str_t inputs)
{
    pt_err_t          err;
    const pt_json_t  *input;

    err = pt_json_parse(inputs, &pt_mem_heap, &job->inputs_json, NULL);
    if (err != PT_OK) {
        return err;
    }

    job->inputs = calloc(job->inputs_json->n + 1, sizeof(*job->inputs));
    if (job->inputs == NULL) {
        return PT_E_NOMEM;
    }

    for (input = job->inputs_json->first; input; input = input->next) {
        err = pt_job_input_init(input, &job->inputs[job->ninputs++]);
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


static pt_err_t
pt_job_input_init(const pt_json_t *from, pt_input_t *input)
{
    int64_t   size;
    pt_str_t  path;

    size = pt_json_int(from, "size", 0);
    path = pt_json_string(from, "path", PT_STR_NULL);

    *input = (pt_input_t) {
        .id = pt_json_string(from, "id", PT_STR_NULL),
        .path = path.data ? strndup(path.data, path.len) : NULL,
        .media_type = pt_json_string(from, "media_type", PT_STR("")),
        .name = pt_json_string(from, "name", PT_STR("")),
        .size = size > 0 ? (uint64_t) size : 0
    };

    return input->path && input->id.data ? PT_OK : PT_E_BAD_MESSAGE;
}


/* a parent that does not listen any more has no use for the child either */
static void
pt_job_send(pt_job_t *job, const pt_childmsg_t *m)
{
    size_t   sent;
    ssize_t  n;

    (void) pthread_mutex_lock(&job->lock);

    pt_buf_reset(&job->send);
    pt_childmsg_write(&job->send, m);

    if (job->send.err != PT_OK) {
        _exit(1);
    }

    for (sent = 0; sent < job->send.len; sent += (size_t) n) {
        n = write(job->fd, job->send.data + sent, job->send.len - sent);

        if (n == -1 && errno == EINTR) {
            n = 0;
        }

        if (n == -1) {
            _exit(1);
        }
    }

    (void) pthread_mutex_unlock(&job->lock);
}


/* the path as seen from the scratch directory, or NULL outside of it */
static const char *
pt_job_relative(const pt_job_t *job, const char *path)
{
    size_t  len = strlen(job->scratch);

    if (*path != '/') {
        return path;
    }

    return strncmp(path, job->scratch, len) == 0 && path[len] == '/'
           ? path + len + 1 : NULL;
}


/* how much of a text is UTF-8: a cut may have split its last character */
static size_t
pt_text_fit(char *text, size_t len)
{
    size_t  i;

    if (pt_str_is_utf8((pt_str_t) { text, len })) {
        return len;
    }

    for (i = 1; i < 4 && i < len; i++) {
        if (pt_str_is_utf8((pt_str_t) { text, len - i })) {
            return len - i;
        }
    }

    /* some library's bytes */
    for (i = 0; i < len; i++) {
        if ((unsigned char) text[i] >= 0x80) {
            text[i] = '?';
        }
    }

    return len;
}


static uint64_t
pt_now_ms(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);

    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}
