/* The machine of attempts. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>

#include "pt_attempt.h"
#include "pt_log.h"
#include "pt_sandbox.h"


#define TICK_MS    100      /* ten progress messages a second, deadlines */
#define LINES_MAX  1000     /* of log that one attempt may write */

#define ATTEMPT_KEY_LEN  (offsetof(pt_attempt_t, n) + sizeof(uint32_t)        \
                          - offsetof(pt_attempt_t, job))


typedef enum {
    ATTEMPT_WAITING = 0,     /* attempts_serve() finds it a child */
    ATTEMPT_ASKING,          /* until attempt_on_rows() */
    ATTEMPT_FETCHING,        /* until the thread is back */
    ATTEMPT_RUNNING,         /* until there is a verdict */
    ATTEMPT_ENDING           /* attempt_advance() ends it */
} pt_attempt_state_t;


typedef enum {
    VERDICT_NONE = 0,
    VERDICT_DONE,            /* holds once all outputs are stored */
    VERDICT_FAILED,
    VERDICT_CANCELLED
} pt_verdict_t;


typedef struct pt_output_item_s  pt_output_item_t;

struct pt_output_item_s {
    pt_output_item_t  *next;
    char              *name;
    char              *path;
    char              *detail;     /* a file's media type, a tree's entry */
    pt_tree_t         *tree;       /* NULL: a file, or a piece */
    pt_output_item_t  *grows;      /* the tree that this is a piece of */
    bool               grown;      /* this tree, since it was published */
    pt_stored_t        stored;     /* of a tree: with all pieces so far */
};


typedef struct pt_attempt_s  pt_attempt_t;

struct pt_attempt_s {
    pt_attempts_t       *attempts;
    pt_attempt_t        *prev, *next;  /* while WAITING, in order of coming */
    pt_attempt_state_t   state;

    pt_id_t              job;          /* these two are the key, */
    uint32_t             n;            /* without a gap between them */
    UT_hash_handle       hh;

    bool                 light;        /* its action is */
    char                *action;
    char                *user;
    char                *role;
    char                *user_type;
    char                *params;       /* sealed ones still are */
    pt_json_t           *inputs;
    pt_platform_ask_t   *ask;          /* while ASKING */
    char                *platform;     /* its answer; NULL: no row */
    uint64_t             started_ms;   /* of the loop's clock */
    uint64_t             deadline_ms;  /* UINT64_MAX: none */

    pt_child_t          *child;
    bool                 child_busy;   /* it has the job and has not ended it */

    unsigned             permille;
    char                 stage[PT_NAME_MAX + 1];
    bool                 progressed;   /* since the last report of it */
    unsigned             lines;        /* logged */

    pt_output_item_t    *outputs;      /* all of them: names are used once */
    pt_output_item_t   **outputs_end;
    pt_output_item_t    *store;        /* the next that is to be stored */
    unsigned             noutputs;
    unsigned             npieces;      /* that trees grow by */

    bool                 working;      /* a thread has it */
    uv_work_t            work;
    pt_err_t             work_err;
    int                  work_errno;
    pt_stored_t          stored;

    pt_verdict_t         verdict;
    pt_err_t             err;
    char                 message[PT_LINE_MAX + 1];
    char                *json;         /* result, or errors */
    pt_child_usage_t     usage;
    uint64_t             input_bytes;
    uint64_t             output_bytes;
};


struct pt_attempts_s {
    uv_loop_t              *loop;
    const pt_processor_t   *processor;
    pt_pool_t              *pool;
    pt_storage_t           *storage;
    pt_platform_t          *platform;
    pt_seal_t             *seal;
    pt_attempt_events_t     events;
    uv_timer_t              tick;
    pt_attempt_t           *all;
    pt_attempt_t           *waiting;
    unsigned                live;        /* those that were not cancelled, */
    unsigned                light;       /* and the light ones of them */
    unsigned                slots;
    unsigned                discards;    /* deletions under way */
    bool                    pool_closed;
};


/* deletes what lies under an attempt's key */
typedef struct {
    uv_work_t        work;
    pt_attempts_t   *attempts;
    char             key[PT_KEY_MAX + 1];
} pt_discard_t;


static const pt_action_t *attempt_action(const pt_processor_t *processor,
    pt_str_t name);
static pt_attempt_t *attempt_find(const pt_attempts_t *attempts,
    const pt_id_t *job, uint32_t n);
static void attempt_count(const pt_attempt_t *a, int by);
static pt_err_t attempt_copy(pt_attempt_t *a, const pt_assign_t *assign);
static uint64_t attempt_deadline(const pt_attempt_t *a, uint64_t ms);
static bool attempt_inputs_are_good(const pt_json_t *inputs);
static char *attempt_strdup(pt_str_t s);

static void attempt_ask(pt_attempt_t *a);
static void attempt_on_rows(void *ctx, pt_err_t err, pt_str_t json);
static void attempt_wait(pt_attempt_t *a);
static void attempts_serve(void *ctx);
static void attempt_fetch(pt_attempt_t *a);
static void attempt_do_fetch(uv_work_t *work);
static void attempt_after_fetch(uv_work_t *work, int status);
static void attempt_run(pt_attempt_t *a);
static void attempt_inputs_write(pt_attempt_t *a, pt_buf_t *buf);

static bool attempts_on_message(void *ctx, void *owner,
    const pt_childmsg_t *m);
static void attempt_on_progress(pt_attempt_t *a, const pt_childmsg_t *m);
static bool attempt_on_output(pt_attempt_t *a, const pt_childmsg_t *m);
static pt_output_item_t *attempt_tree(const pt_attempt_t *a,
    const pt_childmsg_t *m);
static bool attempt_name_is_free(const pt_attempt_t *a, pt_str_t name);
static bool attempt_on_end(pt_attempt_t *a, const pt_childmsg_t *m);
static pt_err_t attempt_json_check(const pt_childmsg_t *m);
static void attempts_on_line(void *ctx, void *owner, pt_str_t line);
static void attempts_on_gone(void *ctx, void *owner,
    const pt_child_end_t *end);
static void attempts_on_unbegun(void *ctx, void *owner);
static void attempt_blame(pt_attempt_t *a, const pt_child_end_t *end);
static void attempts_on_broken(void *ctx, const char *why);
static void attempts_on_pool_closed(void *ctx);
static void attempts_on_tick(uv_timer_t *timer);

static void attempt_store(pt_attempt_t *a);
static void attempt_do_store(uv_work_t *work);
static void attempt_after_store(uv_work_t *work, int status);
static void attempt_publish(pt_attempt_t *a, const pt_output_item_t *item);
static void attempt_publish_grown(pt_attempt_t *a);
static void attempt_refuse(pt_attempt_t *a, const pt_output_item_t *item);

static void attempt_fail(pt_attempt_t *a, pt_err_t err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void attempt_end(pt_attempt_t *a, pt_verdict_t verdict);
static void attempt_advance(pt_attempt_t *a);
static void attempt_finish(pt_attempt_t *a);
static void attempt_report(pt_attempt_t *a);
static void attempt_free(pt_attempt_t *a);
static void attempt_key(const pt_id_t *job, uint32_t n, const char *name,
    char *key, size_t size);
static void attempts_do_discard(uv_work_t *work);
static void attempts_after_discard(uv_work_t *work, int status);
static void attempts_check_closed(pt_attempts_t *attempts);
static void attempts_on_closed(uv_handle_t *handle);


pt_err_t
pt_attempts_open(uv_loop_t *loop, const pt_processor_t *processor,
    unsigned slots, pt_zygote_t *zygote, pt_scratch_t *scratch,
    pt_storage_t *storage, pt_platform_t *platform, pt_seal_t *seal,
    const pt_attempt_events_t *events, pt_attempts_t **ret_attempts)
{
    pt_err_t          err;
    pt_attempts_t    *attempts;
    pt_pool_events_t  pool_events = {
        .idle = attempts_serve,
        .message = attempts_on_message,
        .line = attempts_on_line,
        .gone = attempts_on_gone,
        .unbegun = attempts_on_unbegun,
        .broken = attempts_on_broken,
        .closed = attempts_on_pool_closed
    };

    attempts = calloc(1, sizeof(*attempts));
    if (attempts == NULL) {
        return PT_E_NOMEM;
    }

    attempts->loop = loop;
    attempts->processor = processor;
    attempts->slots = slots;
    attempts->storage = storage;
    attempts->platform = platform;
    attempts->seal = seal;
    attempts->events = *events;
    pool_events.ctx = attempts;

    err = pt_pool_open(loop, processor, slots, zygote, scratch, &pool_events,
                       &attempts->pool);
    if (err != PT_OK) {
        free(attempts);
        return err;
    }

    (void) uv_timer_init(loop, &attempts->tick);
    attempts->tick.data = attempts;

    *ret_attempts = attempts;
    return PT_OK;
}


void
pt_attempts_close(pt_attempts_t *attempts)
{
    pt_attempt_t  *a, *next;

    HASH_ITER(hh, attempts->all, a, next) {
        attempt_end(a, VERDICT_CANCELLED);
    }

    pt_pool_close(attempts->pool);
}


pt_err_t
pt_attempts_start(pt_attempts_t *attempts, const pt_assign_t *assign)
{
    pt_err_t            err;
    pt_attempt_t       *a;
    const pt_action_t  *action;

    if (attempt_find(attempts, &assign->job, assign->attempt) != NULL) {
        return PT_E_CONFLICT;
    }

    action = attempt_action(attempts->processor, assign->action);
    if (action == NULL) {
        return PT_E_UNKNOWN_ACTION;
    }

    a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return PT_E_NOMEM;
    }

    err = attempt_copy(a, assign);

    if (err != PT_OK) {
        attempt_free(a);
        return err;
    }

    a->attempts = attempts;
    a->state = ATTEMPT_ASKING;
    a->light = (action->flags & PT_ACTION_LIGHT) != 0 && a->inputs->n == 0;
    a->outputs_end = &a->outputs;
    a->started_ms = uv_now(attempts->loop);
    a->deadline_ms = attempt_deadline(a, assign->deadline_ms);

    HASH_ADD(hh, attempts->all, job, ATTEMPT_KEY_LEN, a);
    attempt_count(a, 1);

    if (!uv_is_active((uv_handle_t *) &attempts->tick)) {
        (void) uv_timer_start(&attempts->tick, attempts_on_tick, TICK_MS,
                              TICK_MS);
    }

    /* withdrawn already; whoever was killed in it has not removed it */
    if (a->n > 1) {
        pt_attempts_discard(attempts, &a->job, a->n - 1);
    }

    if (pt_platform_wants(attempts->platform, a->action, pt_str(a->params))) {
        attempt_ask(a);

    } else {
        attempt_wait(a);
    }

    return PT_OK;
}


void
pt_attempts_cancel(pt_attempts_t *attempts, const pt_id_t *job, uint32_t n)
{
    pt_attempt_t  *a;

    a = attempt_find(attempts, job, n);

    if (a != NULL) {
        attempt_end(a, VERDICT_CANCELLED);
    }
}


void
pt_attempts_discard(pt_attempts_t *attempts, const pt_id_t *job, uint32_t n)
{
    pt_discard_t  *d;

    d = calloc(1, sizeof(*d));
    if (d == NULL) {
        return;        /* space is lost, no more: no job names these files */
    }

    d->attempts = attempts;
    d->work.data = d;
    attempt_key(job, n, NULL, d->key, sizeof(d->key));

    attempts->discards++;

    (void) uv_queue_work(attempts->loop, &d->work, attempts_do_discard,
                         attempts_after_discard);
}


unsigned
pt_attempts_count(const pt_attempts_t *attempts)
{
    return attempts->live;
}


bool
pt_attempts_have_room(const pt_attempts_t *attempts, pt_str_t name)
{
    unsigned            group = pt_processor_group(attempts->processor);
    unsigned            used, wanted;
    const pt_action_t  *action = attempt_action(attempts->processor, name);

    /* a light one takes one part of its slot, another all of them */
    used = attempts->light + (attempts->live - attempts->light) * group;
    wanted = action && action->flags & PT_ACTION_LIGHT ? 1 : group;

    return used + wanted <= attempts->slots * group;
}


static void
attempt_count(const pt_attempt_t *a, int by)
{
    a->attempts->live += (unsigned) by;

    if (a->light) {
        a->attempts->light += (unsigned) by;
    }
}


/* ---- its beginning ---- */

static const pt_action_t *
attempt_action(const pt_processor_t *processor, pt_str_t name)
{
    const pt_action_t  *action;

    for (action = processor->actions; action->name != NULL; action++) {
        if (pt_str_is(name, action->name)) {
            return action;
        }
    }

    return NULL;
}


static pt_attempt_t *
attempt_find(const pt_attempts_t *attempts, const pt_id_t *job, uint32_t n)
{
    pt_attempt_t  *a, key = { .job = *job, .n = n };

    HASH_FIND(hh, attempts->all, &key.job, ATTEMPT_KEY_LEN, a);

    return a;
}


static pt_err_t
attempt_copy(pt_attempt_t *a, const pt_assign_t *assign)
{
    pt_err_t  err;

    a->job = assign->job;
    a->n = assign->attempt;
    a->action = attempt_strdup(assign->action);
    a->user = attempt_strdup(assign->user);
    a->role = attempt_strdup(assign->role);
    a->user_type = attempt_strdup(assign->user_type);
    a->params = attempt_strdup(assign->params);

    if (a->action == NULL || a->user == NULL || a->user_type == NULL
        || a->role == NULL || a->params == NULL)
    {
        return PT_E_NOMEM;
    }

    err = pt_json_parse(assign->inputs, &pt_mem_heap, &a->inputs, NULL);
    if (err != PT_OK) {
        return err;
    }

    return attempt_inputs_are_good(a->inputs) ? PT_OK : PT_E_INVALID;
}


/* as its job wants it, else as its processor does */
static uint64_t
attempt_deadline(const pt_attempt_t *a, uint64_t ms)
{
    if (ms == 0) {
        ms = a->attempts->processor->timeout_s * 1000ULL;
    }

    return ms == 0 || ms > UINT64_MAX - a->started_ms ? UINT64_MAX
                                                      : a->started_ms + ms;
}


static bool
attempt_inputs_are_good(const pt_json_t *inputs)
{
    pt_str_t          id;
    const pt_json_t  *input;

    if (inputs->type != PT_JSON_ARRAY || inputs->n > PT_INPUTS_MAX) {
        return false;
    }

    for (input = inputs->first; input != NULL; input = input->next) {
        id = pt_json_string(input, "id", PT_STR(""));

        /* it becomes a file name */
        if (!pt_output_name_is_good(id) || memchr(id.data, '/', id.len)
            || pt_json_string(input, "key", PT_STR("")).len == 0)
        {
            return false;
        }
    }

    return true;
}


static char *
attempt_strdup(pt_str_t s)
{
    return strndup(s.data ? s.data : "", s.len);
}


static void
attempt_ask(pt_attempt_t *a)
{
    a->state = ATTEMPT_ASKING;

    if (pt_platform_ask(a->attempts->platform, a->action, pt_str(a->user),
                        pt_str(a->role), pt_str(a->params), attempt_on_rows,
                        a, &a->ask)
        != PT_OK)
    {
        attempt_fail(a, PT_E_NOMEM, "no memory for a question");
    }
}


static void
attempt_on_rows(void *ctx, pt_err_t err, pt_str_t json)
{
    pt_attempt_t  *a = ctx;

    a->ask = NULL;

    if (err == PT_OK && json.data != NULL) {
        a->platform = attempt_strdup(json);
        err = a->platform == NULL ? PT_E_NOMEM : PT_OK;
    }

    if (err != PT_OK) {
        attempt_fail(a, err == PT_E_INVALID ? PT_E_PARAMETERS : err,
                     "could not read the platform's rows: %s",
                     pt_err_code(err));
        return;
    }

    attempt_wait(a);
}


static void
attempt_wait(pt_attempt_t *a)
{
    a->state = ATTEMPT_WAITING;
    DL_APPEND(a->attempts->waiting, a);

    attempts_serve(a->attempts);
}


/* gives the waiting ones their children, the oldest first */
static void
attempts_serve(void *ctx)
{
    pt_attempt_t   *a;
    pt_attempts_t  *attempts = ctx;

    while ((a = attempts->waiting) != NULL) {
        a->child = a->light ? pt_pool_share(attempts->pool, a)
                            : pt_pool_take(attempts->pool, a);

        if (a->child == NULL) {
            return;
        }

        DL_DELETE(attempts->waiting, a);
        attempt_fetch(a);
    }
}


static void
attempt_fetch(pt_attempt_t *a)
{
    a->state = ATTEMPT_FETCHING;

    if (a->inputs->n == 0) {
        attempt_run(a);
        return;
    }

    a->working = true;
    a->work.data = a;
    (void) uv_queue_work(a->attempts->loop, &a->work, attempt_do_fetch,
                         attempt_after_fetch);
}


static void
attempt_do_fetch(uv_work_t *work)
{
    bool              link = pt_sandbox_has_landlock();
    char              key[PT_KEY_MAX + 1], to[PATH_MAX];
    pt_err_t          err = PT_OK;
    pt_str_t          s;
    pt_attempt_t     *a = work->data;
    const pt_json_t  *input;

    for (input = a->inputs->first; input && err == PT_OK; input = input->next) {
        s = pt_json_string(input, "key", PT_STR(""));
        (void) snprintf(key, sizeof(key), "%.*s", PT_STR_ARG(s));

        s = pt_json_string(input, "id", PT_STR(""));
        (void) snprintf(to, sizeof(to), "%s/in/%.*s",
                        pt_child_folder(a->child), PT_STR_ARG(s));

        err = pt_storage_get(a->attempts->storage, key, to, link);
    }

    a->work_err = err;
    a->work_errno = errno;
}


static void
attempt_after_fetch(uv_work_t *work, int status)
{
    pt_attempt_t  *a = work->data;

    (void) status;
    a->working = false;

    if (a->verdict != VERDICT_NONE) {
        attempt_advance(a);
        return;
    }

    switch (a->work_err) {

    case PT_OK:
        attempt_run(a);
        return;

    case PT_E_NOT_FOUND:
        attempt_fail(a, PT_E_GONE, "an input file does not exist any more");
        return;

    default:
        attempt_fail(a, PT_E_STORAGE, "could not fetch the input files: %s",
                     strerror(a->work_errno));
        return;
    }
}


static void
attempt_run(pt_attempt_t *a)
{
    char           id[PT_ID_TEXT_LEN];
    pt_err_t       err;
    pt_buf_t       inputs, params;
    pt_childmsg_t  m = {
        .kind = PT_CHILDMSG_JOB,
        .number = a->n,
        .action = pt_str(a->action),
        .id = { id, sizeof(id) },
        .user = pt_str(a->user),
        .role = pt_str(a->role),
        .user_type = pt_str(a->user_type),
        .platform = a->platform ? pt_str(a->platform) : PT_STR("")
    };

    /* nobody but the child gets them open: not even the platform's queries */
    pt_buf_init(&params, &pt_mem_heap, PT_JSON_FRAME_MAX);
    err = pt_seal_open(a->attempts->seal, pt_str(a->user), pt_str(a->params),
                       &params);

    if (err != PT_OK) {
        pt_seal_wipe(&params);
        attempt_fail(a, err, err == PT_E_SEALING_KEY
                     ? "a parameter is sealed by a key that this processor "
                       "does not have"
                     : "a sealed parameter does not open");
        return;
    }

    m.params = pt_buf_str(&params);

    pt_id_format(&a->job, id);
    pt_buf_init(&inputs, &pt_mem_heap, 1u << 19);
    attempt_inputs_write(a, &inputs);
    m.inputs = pt_buf_str(&inputs);

    err = inputs.err;

    if (err == PT_OK) {
        a->state = ATTEMPT_RUNNING;
        a->child_busy = true;
        err = pt_child_send_job(a->child, &m);
        a->child_busy = err == PT_OK;
    }

    pt_buf_done(&inputs);
    pt_seal_wipe(&params);

    if (err != PT_OK) {
        attempt_fail(a, err, "could not hand the job to its child");
    }
}


static void
attempt_inputs_write(pt_attempt_t *a, pt_buf_t *buf)
{
    char              path[PATH_MAX];
    int64_t           size;
    pt_str_t          id;
    pt_jsonw_t        w;
    const pt_json_t  *input;

    pt_jsonw_init(&w, buf);
    pt_jsonw_array(&w);

    for (input = a->inputs->first; input != NULL; input = input->next) {
        id = pt_json_string(input, "id", PT_STR(""));
        size = pt_json_int(input, "size", 0);
        (void) snprintf(path, sizeof(path), "%s/in/%.*s",
                        pt_child_folder(a->child), PT_STR_ARG(id));

        a->input_bytes += size > 0 ? (uint64_t) size : 0;

        pt_jsonw_object(&w);
        pt_jsonw_key(&w, "id");
        pt_jsonw_str(&w, id);
        pt_jsonw_key(&w, "path");
        pt_jsonw_text(&w, path);
        pt_jsonw_key(&w, "media_type");
        pt_jsonw_str(&w, pt_json_string(input, "media_type", PT_STR("")));
        pt_jsonw_key(&w, "name");
        pt_jsonw_str(&w, pt_json_string(input, "name", PT_STR("")));
        pt_jsonw_key(&w, "size");
        pt_jsonw_int(&w, size);
        pt_jsonw_end(&w);
    }

    pt_jsonw_end(&w);
}


/* ---- what its child says ---- */

static bool
attempts_on_message(void *ctx, void *owner, const pt_childmsg_t *m)
{
    pt_attempt_t  *a = owner;

    (void) ctx;

    if (!a->child_busy) {
        return false;
    }

    switch (m->kind) {

    case PT_CHILDMSG_PROGRESS:
        attempt_on_progress(a, m);
        return true;

    case PT_CHILDMSG_OUTPUT:
    case PT_CHILDMSG_TREE:
        return attempt_on_output(a, m);

    case PT_CHILDMSG_LOG:
        attempts_on_line(a->attempts, a, m->text);
        return true;

    case PT_CHILDMSG_DONE:
    case PT_CHILDMSG_FAILED:
        return attempt_on_end(a, m);

    default:
        return false;
    }
}


/* told at the next tick, and only the latest */
static void
attempt_on_progress(pt_attempt_t *a, const pt_childmsg_t *m)
{
    if (m->number > a->permille) {
        a->permille = (unsigned) m->number;
    }

    memcpy(a->stage, m->stage.data, m->stage.len);
    a->stage[m->stage.len] = '\0';
    a->progressed = true;
}


static bool
attempt_on_output(pt_attempt_t *a, const pt_childmsg_t *m)
{
    bool               tree;
    pt_output_item_t  *item, *grows;

    if (a->light || !pt_output_name_is_good(m->name)
        || !(m->kind == PT_CHILDMSG_TREE
             ? pt_output_name_is_good(m->entry)
             : pt_media_type_is_good(m->media_type)))
    {
        return false;
    }

    if (a->verdict != VERDICT_NONE) {
        return true;
    }

    grows = m->kind == PT_CHILDMSG_TREE ? attempt_tree(a, m) : NULL;

    if (grows ? a->npieces == PT_TREE_FILES_MAX
              : a->noutputs == PT_OUTPUTS_MAX)
    {
        attempt_fail(a, PT_E_RESOURCE_LIMIT, "more than %u outputs",
                     grows ? PT_TREE_FILES_MAX : PT_OUTPUTS_MAX);
        return true;
    }

    if (grows == NULL && !attempt_name_is_free(a, m->name)) {
        attempt_fail(a, PT_E_INVALID, "output \"%.*s\" was published before",
                     PT_STR_ARG(m->name));
        return true;
    }

    item = calloc(1, sizeof(*item));
    if (item == NULL) {
        attempt_fail(a, PT_E_NOMEM, "no memory for an output");
        return true;
    }

    tree = m->kind == PT_CHILDMSG_TREE && grows == NULL;

    item->grows = grows;
    item->tree = tree ? pt_tree_new() : NULL;
    item->name = attempt_strdup(m->name);
    item->path = attempt_strdup(m->path);
    item->detail = attempt_strdup(m->kind == PT_CHILDMSG_TREE ? m->entry
                                                              : m->media_type);

    *a->outputs_end = item;
    a->outputs_end = &item->next;
    *(grows ? &a->npieces : &a->noutputs) += 1;

    if (a->store == NULL) {
        a->store = item;
    }

    if (item->name == NULL || item->path == NULL || item->detail == NULL
        || (tree && item->tree == NULL))
    {
        attempt_fail(a, PT_E_NOMEM, "no memory for an output");
        return true;
    }

    attempt_advance(a);
    return true;
}


/* the tree that a message adds to, or NULL: it is a new one */
static pt_output_item_t *
attempt_tree(const pt_attempt_t *a, const pt_childmsg_t *m)
{
    pt_output_item_t  *item;

    for (item = a->outputs; item != NULL; item = item->next) {
        if (item->tree && pt_str_is(m->name, item->name)
            && pt_str_is(m->entry, item->detail))
        {
            return item;
        }
    }

    return NULL;
}


/* no output twice, and none inside of another */
static bool
attempt_name_is_free(const pt_attempt_t *a, pt_str_t name)
{
    size_t                   len, common;
    const pt_output_item_t  *item;

    for (item = a->outputs; item != NULL; item = item->next) {
        len = strlen(item->name);
        common = len < name.len ? len : name.len;

        if (memcmp(item->name, name.data, common) == 0
            && (len == name.len
                || (len < name.len ? name.data[len] : item->name[name.len])
                   == '/'))
        {
            return false;
        }
    }

    return true;
}


static bool
attempt_on_end(pt_attempt_t *a, const pt_childmsg_t *m)
{
    pt_err_t  err;

    err = attempt_json_check(m);
    if (err == PT_E_INVALID) {
        return false;
    }

    a->child_busy = false;
    a->usage = pt_child_usage(a->child);

    if (a->verdict != VERDICT_NONE) {
        attempt_advance(a);
        return true;
    }

    if (err == PT_OK) {
        a->json = attempt_strdup(m->json);
    }

    if (a->json == NULL) {
        attempt_fail(a, PT_E_NOMEM, "no memory for the result");
        return true;
    }

    if (m->kind == PT_CHILDMSG_DONE) {
        attempt_end(a, VERDICT_DONE);

    } else {
        attempt_fail(a, m->number == PT_OK ? PT_E_INTERNAL
                                           : (pt_err_t) m->number,
                     "%.*s", PT_STR_ARG(m->text));
    }

    return true;
}


/* what is said by one that was taken over goes no further unless it is JSON */
static pt_err_t
attempt_json_check(const pt_childmsg_t *m)
{
    pt_err_t    err;
    pt_json_t  *root;

    if (m->kind == PT_CHILDMSG_FAILED && m->json.len == 0) {
        return PT_OK;
    }

    err = pt_json_parse(m->json, &pt_mem_heap, &root, NULL);
    if (err != PT_OK) {
        return err;
    }

    if (m->kind == PT_CHILDMSG_FAILED && root->type != PT_JSON_ARRAY) {
        err = PT_E_INVALID;
    }

    pt_json_free(root);

    return err;
}


static void
attempts_on_line(void *ctx, void *owner, pt_str_t line)
{
    pt_attempt_t   *a = owner;
    pt_attempts_t  *attempts = ctx;

    if (a == NULL) {
        pt_log(PT_LOG_INFO, attempts->processor->service, "%.*s",
               PT_STR_ARG(line));
        return;
    }

    if (a->lines > LINES_MAX) {
        return;
    }

    if (a->lines++ == LINES_MAX) {
        line = PT_STR("says too much, ignoring the rest");
    }

    pt_log(PT_LOG_INFO, attempts->processor->service,
           "%.*s job=%s attempt=%u", PT_STR_ARG(line), pt_log_id(&a->job),
           (unsigned) a->n);
}


static void
attempts_on_gone(void *ctx, void *owner, const pt_child_end_t *end)
{
    pt_attempt_t  *a = owner;

    (void) ctx;

    if (a->child_busy) {
        a->child_busy = false;
        a->usage = end->usage;
    }

    if (a->verdict == VERDICT_NONE) {
        attempt_blame(a, end);

    } else {
        attempt_advance(a);
    }
}


/* nobody asked for this end */
static void
attempt_blame(pt_attempt_t *a, const pt_child_end_t *end)
{
    const pt_processor_t  *p = a->attempts->processor;

    if (end->over_cpu) {
        attempt_fail(a, PT_E_RESOURCE_LIMIT, "over its %u s of CPU time",
                     p->cpu_s);

    } else if (end->broken) {
        attempt_fail(a, PT_E_CRASHED, "broke the protocol of its child");

    } else if (!WIFSIGNALED(end->status)) {
        attempt_fail(a, PT_E_CRASHED, "ended without a result, status %d",
                     WEXITSTATUS(end->status));

    } else if (WTERMSIG(end->status) == SIGXFSZ) {
        attempt_fail(a, PT_E_RESOURCE_LIMIT,
                     "wrote a file of more than %llu bytes",
                     (unsigned long long) p->file_bytes);

    } else {
        attempt_fail(a, PT_E_CRASHED, "ended by SIG%s",
                     sigabbrev_np(WTERMSIG(end->status)));
    }
}


/* as if it had not been given to that child */
static void
attempts_on_unbegun(void *ctx, void *owner)
{
    pt_attempt_t   *a = owner;
    pt_attempts_t  *attempts = ctx;

    a->child = NULL;
    a->child_busy = false;
    a->state = ATTEMPT_WAITING;

    DL_PREPEND(attempts->waiting, a);
}


static void
attempts_on_broken(void *ctx, const char *why)
{
    pt_attempts_t  *attempts = ctx;

    attempts->events.broken(attempts->events.ctx, why);
}


static void
attempts_on_tick(uv_timer_t *timer)
{
    pt_attempt_t               *a, *next;
    pt_attempts_t              *attempts = timer->data;
    const pt_attempt_events_t  *events = &attempts->events;

    pt_pool_watch(attempts->pool);

    HASH_ITER(hh, attempts->all, a, next) {

        if (a->verdict != VERDICT_NONE && a->verdict != VERDICT_DONE) {
            continue;
        }

        if (a->progressed) {
            a->progressed = false;
            events->progress(events->ctx, &a->job, a->n, a->permille,
                             pt_str(a->stage));
        }

        if (uv_now(attempts->loop) >= a->deadline_ms) {
            attempt_fail(a, PT_E_TIMEOUT, "not finished within %.1f s",
                         (double) (a->deadline_ms - a->started_ms) / 1000);
        }
    }
}


/* ---- its outputs ---- */

static void
attempt_store(pt_attempt_t *a)
{
    a->working = true;
    a->work.data = a;

    (void) uv_queue_work(a->attempts->loop, &a->work, attempt_do_store,
                         attempt_after_store);
}


static void
attempt_do_store(uv_work_t *work)
{
    int                      dir, fd;
    char                     key[PT_KEY_MAX + 1], path[PATH_MAX];
    pt_err_t                 err;
    pt_attempt_t            *a = work->data;
    pt_storage_t            *storage = a->attempts->storage;
    const pt_output_item_t  *item = a->store, *tree;

    tree = item->grows ? item->grows : item->tree ? item : NULL;

    (void) snprintf(path, sizeof(path), "%s/out", pt_child_folder(a->child));
    attempt_key(&a->job, a->n, item->name, key, sizeof(key));

    dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    err = dir == -1 ? PT_E_STORAGE
          : tree ? pt_storage_put_tree(storage, key, dir, item->path,
                                       tree->tree, &a->stored)
                 : pt_storage_put(storage, key, dir, item->path, &a->stored);
    a->work_errno = errno;

    if (dir != -1) {
        (void) close(dir);
    }

    /* a tree without its entry opens nothing; it goes with the attempt */
    if (err == PT_OK && item->tree) {
        (void) snprintf(path, sizeof(path), "%s/%s", key, item->detail);

        err = pt_storage_open(storage, path, &fd);
        a->work_errno = ENOENT;

        if (err == PT_OK) {
            (void) close(fd);
        }
    }

    a->work_err = err;
}


static void
attempt_after_store(uv_work_t *work, int status)
{
    pt_attempt_t      *a = work->data;
    uint64_t           max = a->attempts->processor->outputs_bytes;
    pt_output_item_t  *item = a->store, *tree;

    (void) status;
    a->working = false;
    a->store = item->next;
    tree = item->grows;

    if (a->verdict == VERDICT_NONE || a->verdict == VERDICT_DONE) {
        if (a->work_err != PT_OK) {
            attempt_refuse(a, item);
            return;
        }

        /* of a tree that has grown, it is the whole */
        a->output_bytes += a->stored.size - (tree ? tree->stored.size : 0);

        if (max != 0 && a->output_bytes > max) {
            attempt_fail(a, PT_E_RESOURCE_LIMIT, "its outputs have more than "
                         "%llu bytes", (unsigned long long) max);
            return;
        }

        if (tree) {
            tree->stored = a->stored;
            tree->grown = true;

        } else {
            item->stored = a->stored;
            attempt_publish(a, item);
        }
    }

    attempt_advance(a);
}


static void
attempt_publish(pt_attempt_t *a, const pt_output_item_t *item)
{
    char                        key[PT_KEY_MAX + 1], hex[65];
    size_t                      i;
    pt_buf_t                    body;
    pt_jsonw_t                  w;
    const pt_attempt_events_t  *events = &a->attempts->events;

    attempt_key(&a->job, a->n, item->name, key, sizeof(key) - 1);

    pt_buf_init(&body, &pt_mem_heap, 16384);
    pt_jsonw_init(&w, &body);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "name");
    pt_jsonw_text(&w, item->name);
    pt_jsonw_key(&w, "kind");
    pt_jsonw_text(&w, item->tree ? "tree" : "file");
    pt_jsonw_key(&w, item->tree ? "entry" : "media_type");
    pt_jsonw_text(&w, item->detail);

    if (item->tree) {
        pt_jsonw_key(&w, "files");
        pt_jsonw_int(&w, item->stored.files);
        (void) strcat(key, "/");

    } else {
        for (i = 0; i < sizeof(item->stored.sha256); i++) {
            (void) snprintf(hex + 2 * i, 3, "%02x", item->stored.sha256[i]);
        }

        pt_jsonw_key(&w, "sha256");
        pt_jsonw_text(&w, hex);
    }

    pt_jsonw_key(&w, "size");
    pt_jsonw_int(&w, (int64_t) item->stored.size);
    pt_jsonw_key(&w, "key");
    pt_jsonw_text(&w, key);
    pt_jsonw_end(&w);

    if (body.err == PT_OK) {
        events->output(events->ctx, &a->job, a->n, pt_buf_str(&body));

    } else {
        attempt_fail(a, body.err, "no memory for an output");
    }

    pt_buf_done(&body);
}


/* once more, as large as they have become */
static void
attempt_publish_grown(pt_attempt_t *a)
{
    pt_output_item_t  *item;

    /* a failure here must not end it under our feet */
    a->working = true;

    for (item = a->outputs; item != NULL; item = item->next) {
        if (item->grown) {
            item->grown = false;
            attempt_publish(a, item);
        }
    }

    a->working = false;
}


static void
attempt_refuse(pt_attempt_t *a, const pt_output_item_t *item)
{
    switch (a->work_err) {

    case PT_E_STORAGE:
        attempt_fail(a, PT_E_STORAGE, "could not store output \"%s\": %s",
                     item->name, strerror(a->work_errno));
        return;

    case PT_E_TOO_LARGE:
        attempt_fail(a, PT_E_RESOURCE_LIMIT,
                     "cannot store output \"%s\": too many files or folders",
                     item->name);
        return;

    default:
        attempt_fail(a, PT_E_INVALID, "cannot store output \"%s\": %s",
                     item->name,
                     a->work_errno == EBUSY ? "still open for writing"
                                            : strerror(a->work_errno));
        return;
    }
}


/* ---- its end ---- */

static void
attempt_fail(pt_attempt_t *a, pt_err_t err, const char *fmt, ...)
{
    size_t   len;
    va_list  args;

    /* the first reason is kept; outputs that fail after DONE undo it */
    if (a->verdict == VERDICT_NONE || a->verdict == VERDICT_DONE) {
        a->err = err;

        va_start(args, fmt);
        (void) vsnprintf(a->message, sizeof(a->message), fmt, args);
        va_end(args);

        /* the cut may have split a character, and frames are UTF-8 */
        len = strlen(a->message);

        while (!pt_str_is_utf8((pt_str_t) { a->message, len })) {
            len--;
        }

        a->message[len] = '\0';

        if (a->verdict == VERDICT_DONE) {
            free(a->json);
            a->json = NULL;
        }
    }

    attempt_end(a, VERDICT_FAILED);
}


static void
attempt_end(pt_attempt_t *a, pt_verdict_t verdict)
{
    if (a->state == ATTEMPT_WAITING) {
        DL_DELETE(a->attempts->waiting, a);
    }

    a->state = ATTEMPT_ENDING;

    if (verdict == VERDICT_CANCELLED && a->verdict != VERDICT_CANCELLED) {
        attempt_count(a, -1);
    }

    if (verdict > a->verdict) {
        a->verdict = verdict;
    }

    if (a->ask != NULL) {
        pt_platform_forget(a->ask);
        a->ask = NULL;
    }

    /* whatever it is still doing is of no use */
    if (a->child_busy && pt_child_abandon(a->child, a)) {
        a->child = NULL;
        a->child_busy = false;
    }

    attempt_advance(a);
}


/* the next step, after any change */
static void
attempt_advance(pt_attempt_t *a)
{
    if (a->working) {
        return;
    }

    switch (a->verdict) {

    case VERDICT_NONE:
        if (a->store != NULL) {
            attempt_store(a);
        }

        return;

    case VERDICT_DONE:
        if (a->store != NULL) {
            attempt_store(a);
            return;
        }

        attempt_publish_grown(a);
        break;

    default:
        if (a->child_busy) {
            return;
        }

        break;
    }

    attempt_finish(a);
}


static void
attempt_finish(pt_attempt_t *a)
{
    pt_attempts_t  *attempts = a->attempts;

    HASH_DEL(attempts->all, a);

    if (a->verdict != VERDICT_CANCELLED) {
        attempt_count(a, -1);
    }

    if (attempts->all == NULL) {
        (void) uv_timer_stop(&attempts->tick);
    }

    if (a->child != NULL) {
        pt_child_give(a->child, a);
    }

    if (a->verdict == VERDICT_CANCELLED) {
        pt_attempts_discard(attempts, &a->job, a->n);

    } else {
        attempt_report(a);
    }

    attempt_free(a);

    attempts->events.over(attempts->events.ctx);
    attempts_check_closed(attempts);
}


static void
attempt_report(pt_attempt_t *a)
{
    char                        usage[256];
    pt_str_t                    text;
    pt_failure_t                failure;
    pt_attempts_t              *attempts = a->attempts;
    const pt_attempt_events_t  *events = &attempts->events;

    text = (pt_str_t) { usage, 0 };
    text.len = (size_t) snprintf(usage, sizeof(usage),
                   "{\"cpu_ms\":%llu,\"wall_ms\":%llu,\"peak_bytes\":%llu,"
                   "\"input_bytes\":%llu,\"output_bytes\":%llu}",
                   (unsigned long long) a->usage.cpu_ms,
                   (unsigned long long) (uv_now(attempts->loop)
                                         - a->started_ms),
                   (unsigned long long) a->usage.peak_bytes,
                   (unsigned long long) a->input_bytes,
                   (unsigned long long) a->output_bytes);

    if (a->verdict == VERDICT_DONE) {
        events->done(events->ctx, &a->job, a->n, pt_str(a->json), text);
        return;
    }

    failure = (pt_failure_t) {
        .err = a->err,
        .message = pt_str(a->message),
        .errors = a->json && *a->json ? pt_str(a->json) : PT_STR_NULL
    };

    events->failed(events->ctx, &a->job, a->n, &failure, text);
}


static void
attempt_free(pt_attempt_t *a)
{
    pt_output_item_t  *item;

    while ((item = a->outputs) != NULL) {
        a->outputs = item->next;
        free(item->name);
        free(item->path);
        free(item->detail);
        pt_tree_free(item->tree);
        free(item);
    }

    pt_json_free(a->inputs);
    free(a->action);
    free(a->user);
    free(a->role);
    free(a->user_type);
    free(a->params);
    free(a->platform);
    free(a->json);
    free(a);
}


/* DESIGN, section 7; name NULL: of all that the attempt has stored */
static void
attempt_key(const pt_id_t *job, uint32_t n, const char *name, char *key,
    size_t size)
{
    char  id[PT_ID_TEXT_LEN];

    pt_id_format(job, id);

    (void) snprintf(key, size, "jobs/%.2s/%.*s/%u%s%s",
                    id + PT_ID_TEXT_LEN - 2, PT_ID_TEXT_LEN, id, (unsigned) n,
                    name ? "/" : "", name ? name : "");
}


static void
attempts_do_discard(uv_work_t *work)
{
    pt_discard_t  *d = work->data;

    if (pt_storage_delete(d->attempts->storage, d->key) != PT_OK) {
        d->key[0] = '\0';
    }
}


static void
attempts_after_discard(uv_work_t *work, int status)
{
    pt_discard_t   *d = work->data;
    pt_attempts_t  *attempts = d->attempts;

    (void) status;

    if (d->key[0] == '\0') {
        pt_log(PT_LOG_WARN, attempts->processor->service,
               "could not delete the files of an ended attempt, ignoring");
    }

    free(d);
    attempts->discards--;
    attempts_check_closed(attempts);
}


static void
attempts_on_pool_closed(void *ctx)
{
    pt_attempts_t  *attempts = ctx;

    attempts->pool_closed = true;
    attempts_check_closed(attempts);
}


static void
attempts_check_closed(pt_attempts_t *attempts)
{
    if (attempts->pool_closed && attempts->all == NULL
        && attempts->discards == 0
        && !uv_is_closing((uv_handle_t *) &attempts->tick))
    {
        uv_close((uv_handle_t *) &attempts->tick, attempts_on_closed);
    }
}


static void
attempts_on_closed(uv_handle_t *handle)
{
    pt_attempts_t        *attempts = handle->data;
    pt_attempt_events_t   events = attempts->events;

    free(attempts);
    events.closed(events.ctx);
}
