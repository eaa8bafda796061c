/* Rows of the platform's tables, asked for in the parent. */

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "pt_log.h"
#include "pt_pg.h"
#include "pt_platform.h"


#define PLATFORM_SQL_MAX   65536    /* bytes of a file */
#define PLATFORM_WHEN_MAX  63

/* it is 4 MiB on the wire; jsonb puts a version before it */
#define PLATFORM_PARAMS_MAX  ((4u << 20) + 1)

#define PLATFORM_JSON   114
#define PLATFORM_JSONB  3802

/* statement 0; those of the actions follow */
#define PLATFORM_LIMITS                                                     \
    "SELECT set_config('transaction_read_only', 'on', true),"               \
    "       set_config('statement_timeout', '" PT_PLATFORM_STATEMENT_MS     \
    "', true)"


typedef struct {
    const char  *action;
    char        *sql;
    char         when[PLATFORM_WHEN_MAX + 1];
} pt_platform_file_t;


struct pt_platform_ask_s {
    pt_platform_ask_t    *next;
    pt_platform_t        *platform;
    unsigned              statement;
    char                 *user;
    char                 *role;
    pt_buf_t              params;       /* as jsonb's binary form has them */
    uint64_t              until_ms;
    bool                  sent;
    pt_platform_done_fn   done;         /* NULL: forgotten */
    void                 *ctx;
};


struct pt_platform_s {
    uv_loop_t            *loop;
    uv_timer_t            timer;        /* asks that wait, fixed answers */
    const char           *service;
    const char           *conninfo;     /* NULL: none is configured */
    char                 *answer;
    pt_platform_file_t   *files;
    size_t                n;
    const char          **statements;
    pt_pg_t              *pg;
    bool                  complained;   /* of this outage */
    pt_platform_ask_t    *asks;         /* in order; sent ones too */
};


static pt_err_t platform_load(pt_platform_t *platform, const char *share,
    const char *action);
static pt_err_t platform_read(const char *path, pt_buf_t *buf);
static bool platform_parse_when(pt_platform_file_t *file);
static const pt_platform_file_t *platform_find(const pt_platform_t *platform,
    const char *action);
static pt_err_t platform_connect(pt_platform_t *platform);
static void platform_on_state(void *ctx, bool ready, const char *reason);
static void platform_on_timer(uv_timer_t *timer);
static void platform_send(pt_platform_ask_t *ask);
static void platform_on_rows(void *ctx, pt_err_t err,
    PGresult *const *results, size_t n);
static pt_err_t platform_value(const PGresult *res, pt_str_t *ret_json);
static void platform_answer(pt_platform_ask_t *ask, pt_err_t err,
    pt_str_t json);
static void platform_ask_free(pt_platform_ask_t *ask);
static void platform_free(pt_platform_t *platform);
static void platform_on_closed(uv_handle_t *handle);


/* user, role, parameters: a statement need not use them all */
static const unsigned  platform_types[] = {
    PT_PG_TEXT, PT_PG_TEXT, PLATFORM_JSONB
};


pt_err_t
pt_platform_open(uv_loop_t *loop, const pt_processor_t *processor,
    const char *share, const char *conninfo, const char *answer,
    pt_platform_t **ret_platform)
{
    size_t              n = 0;
    pt_err_t            err = PT_OK;
    pt_platform_t      *platform;
    const pt_action_t  *action;

    platform = calloc(1, sizeof(*platform));
    if (platform == NULL) {
        return PT_E_NOMEM;
    }

    platform->loop = loop;
    platform->service = processor->service;
    platform->conninfo = conninfo;

    for (action = processor->actions; action->name != NULL; action++) {
        n++;
    }

    platform->files = calloc(n + 1, sizeof(*platform->files));
    platform->statements = calloc(n + 1, sizeof(*platform->statements));

    if (answer != NULL) {
        platform->answer = strdup(answer);
    }

    if (platform->files == NULL || platform->statements == NULL
        || (answer != NULL && platform->answer == NULL))
    {
        platform_free(platform);
        return PT_E_NOMEM;
    }

    platform->statements[0] = PLATFORM_LIMITS;

    for (action = processor->actions; action->name != NULL; action++) {
        err = platform_load(platform, share, action->name);

        if (err != PT_OK) {
            platform_free(platform);
            return err;
        }
    }

    (void) uv_timer_init(loop, &platform->timer);
    platform->timer.data = platform;

    *ret_platform = platform;
    return PT_OK;
}


static pt_err_t
platform_load(pt_platform_t *platform, const char *share, const char *action)
{
    int                  n;
    char                 path[PATH_MAX];
    pt_err_t             err;
    pt_buf_t             buf;
    pt_platform_file_t  *file = &platform->files[platform->n];

    n = snprintf(path, sizeof(path), "%s/platform/%s/%s.sql", share,
                 platform->service, action);

    if (n >= (int) sizeof(path)) {
        return PT_E_INVALID;
    }

    pt_buf_init(&buf, &pt_mem_heap, PLATFORM_SQL_MAX);
    err = platform_read(path, &buf);

    if (err == PT_E_NOT_FOUND) {
        pt_buf_done(&buf);
        return PT_OK;
    }

    if (err == PT_OK) {
        file->action = action;
        file->sql = strndup(pt_buf_str(&buf).data, buf.len);
        err = file->sql == NULL ? PT_E_NOMEM
              : platform_parse_when(file) ? PT_OK : PT_E_INVALID;

        /* owned either way: platform_free() finds it */
        platform->statements[++platform->n] = file->sql;
    }

    pt_buf_done(&buf);

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, platform->service, "could not use \"%s\": %s",
               path, err == PT_E_INVALID
                     ? "it does not begin with \"-- when: MEMBER\""
                     : err == PT_E_TOO_LARGE ? "too long" : strerror(errno));
    }

    return err;
}


static pt_err_t
platform_read(const char *path, pt_buf_t *buf)
{
    FILE    *f;
    char     chunk[4096];
    size_t   n;
    bool     failed;

    f = fopen(path, "re");
    if (f == NULL) {
        return errno == ENOENT || errno == ENOTDIR ? PT_E_NOT_FOUND : PT_E_IO;
    }

    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        pt_buf_add(buf, chunk, n);
    }

    failed = ferror(f) != 0;
    (void) fclose(f);

    return failed ? PT_E_IO : buf->err;
}


/* "-- when: pitch_id" */
static bool
platform_parse_when(pt_platform_file_t *file)
{
    size_t       n = 0;
    const char  *p = file->sql;

    static const char  head[] = "-- when:";

    if (strncmp(p, head, sizeof(head) - 1) != 0) {
        return false;
    }

    for (p += sizeof(head) - 1; *p == ' '; p++) { /* void */ }

    while (n < PLATFORM_WHEN_MAX
           && (isalnum((unsigned char) *p) || *p == '_'))
    {
        file->when[n++] = *p++;
    }

    return n != 0 && *p == '\n';
}


void
pt_platform_close(pt_platform_t *platform)
{
    pt_platform_ask_t  *ask;

    if (platform == NULL || uv_is_closing((uv_handle_t *) &platform->timer)) {
        return;
    }

    for (ask = platform->asks; ask != NULL; ask = ask->next) {
        ask->done = NULL;
    }

    /* those that were sent end within this call */
    pt_pg_close(platform->pg);
    platform->pg = NULL;

    uv_close((uv_handle_t *) &platform->timer, platform_on_closed);
}


const char *
pt_platform_when(const pt_platform_t *platform, const char *action)
{
    const pt_platform_file_t  *file = platform_find(platform, action);

    return file ? file->when : NULL;
}


bool
pt_platform_wants(const pt_platform_t *platform, const char *action,
    pt_str_t params)
{
    bool                       wants;
    pt_json_t                 *json;
    const pt_json_t           *member;
    const pt_platform_file_t  *file = platform_find(platform, action);

    if (file == NULL || pt_json_parse(params, &pt_mem_heap, &json, NULL)
                        != PT_OK)
    {
        return false;
    }

    member = pt_json_member(json, file->when);
    wants = member != NULL && member->type != PT_JSON_NULL
            && !(member->type == PT_JSON_BOOL && !member->boolean);

    pt_json_free(json);

    return wants;
}


static const pt_platform_file_t *
platform_find(const pt_platform_t *platform, const char *action)
{
    size_t  i;

    for (i = 0; i < platform->n; i++) {
        if (strcmp(platform->files[i].action, action) == 0) {
            return &platform->files[i];
        }
    }

    return NULL;
}


pt_err_t
pt_platform_ask(pt_platform_t *platform, const char *action, pt_str_t user,
    pt_str_t role, pt_str_t params, pt_platform_done_fn done, void *ctx,
    pt_platform_ask_t **ret_ask)
{
    pt_platform_ask_t  *ask, **last;

    ask = calloc(1, sizeof(*ask));
    if (ask == NULL) {
        return PT_E_NOMEM;
    }

    ask->platform = platform;
    ask->statement = (unsigned) (platform_find(platform, action)
                                 - platform->files) + 1;
    ask->user = strndup(user.data ? user.data : "", user.len);
    ask->role = strndup(role.data ? role.data : "", role.len);

    pt_buf_init(&ask->params, &pt_mem_heap, PLATFORM_PARAMS_MAX);
    pt_buf_add_char(&ask->params, 1);
    pt_buf_add_str(&ask->params, params);

    if (ask->user == NULL || ask->role == NULL || ask->params.err != PT_OK) {
        platform_ask_free(ask);
        return PT_E_NOMEM;
    }

    ask->until_ms = uv_now(platform->loop) + PT_PLATFORM_WAIT_MS;
    ask->done = done;
    ask->ctx = ctx;

    for (last = &platform->asks; *last != NULL; last = &(*last)->next) {
        /* void */
    }

    *last = ask;

    (void) uv_timer_start(&platform->timer, platform_on_timer, 0, 100);

    *ret_ask = ask;
    return PT_OK;
}


void
pt_platform_forget(pt_platform_ask_t *ask)
{
    ask->done = NULL;
}


static pt_err_t
platform_connect(pt_platform_t *platform)
{
    pt_pg_options_t  options = {
        .conninfo = platform->conninfo,
        .application_name = platform->service,
        .statements = platform->statements,
        .nstatements = platform->n + 1,
        .types = platform_types,
        .ntypes = sizeof(platform_types) / sizeof(platform_types[0]),
        .on_state = platform_on_state,
        .ctx = platform
    };

    if (options.conninfo == NULL) {
        return PT_E_UNAVAILABLE;
    }

    return pt_pg_open(platform->loop, &options, &platform->pg);
}


static void
platform_on_state(void *ctx, bool ready, const char *reason)
{
    pt_platform_t  *platform = ctx;

    if (ready) {
        platform->complained = false;
        (void) uv_timer_start(&platform->timer, platform_on_timer, 0, 100);
        return;
    }

    if (!platform->complained) {
        platform->complained = true;
        pt_log(PT_LOG_WARN, platform->service,
               "no connection to the platform's database, trying again: %s",
               reason);
    }
}


/* while somebody waits: sends what can be sent, ends what waited too long */
static void
platform_on_timer(uv_timer_t *timer)
{
    pt_err_t            err = PT_OK;
    uint64_t            now;
    pt_platform_t      *platform = timer->data;
    pt_platform_ask_t  *ask, *next;

    now = uv_now(platform->loop);

    if (platform->answer == NULL && platform->pg == NULL
        && platform->asks != NULL)
    {
        err = platform_connect(platform);
    }

    for (ask = platform->asks; ask != NULL; ask = next) {
        next = ask->next;

        if (ask->sent) {
            continue;
        }

        if (ask->done == NULL || err != PT_OK || now >= ask->until_ms) {
            platform_answer(ask, PT_E_UNAVAILABLE, PT_STR_NULL);

        } else if (platform->answer != NULL) {
            platform_answer(ask, PT_OK, pt_str(platform->answer));

        } else if (pt_pg_ready(platform->pg)) {
            platform_send(ask);
        }
    }

    if (platform->asks == NULL) {
        (void) uv_timer_stop(timer);
    }
}


static void
platform_send(pt_platform_ask_t *ask)
{
    pt_pg_t       *pg = ask->platform->pg;
    pt_pg_args_t   args = { .n = 0 };

    pt_pg_arg_text(&args, pt_str(ask->user));
    pt_pg_arg_text(&args, pt_str(ask->role));
    pt_pg_arg_text(&args, pt_buf_str(&ask->params));

    /* a connection that breaks just now: it waits for the next */
    ask->sent = pt_pg_query(pg, 0, &args) == PT_OK
                && pt_pg_query(pg, ask->statement, &args) == PT_OK
                && pt_pg_commit(pg, platform_on_rows, ask) == PT_OK;
}


static void
platform_on_rows(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    pt_str_t            json = PT_STR_NULL;
    pt_platform_ask_t  *ask = ctx;

    if (err == PT_OK) {
        err = n == 2 ? platform_value(results[1], &json) : PT_E_DATABASE;
    }

    platform_answer(ask, err, json);
}


static pt_err_t
platform_value(const PGresult *res, pt_str_t *ret_json)
{
    Oid       type;
    pt_str_t  s;

    if (PQntuples(res) == 0 || PQgetisnull(res, 0, 0)) {
        *ret_json = PT_STR_NULL;
        return PT_OK;
    }

    type = PQftype(res, 0);
    s = pt_pg_text(res, 0, 0);

    if (PQntuples(res) > 1 || PQnfields(res) != 1
        || (type != PLATFORM_JSON && type != PLATFORM_JSONB) || s.len < 2)
    {
        pt_log(PT_LOG_ERROR, "platform",
               "a platform statement does not answer one jsonb value");
        return PT_E_DATABASE;
    }

    /* the version of jsonb's binary form */
    if (type == PLATFORM_JSONB) {
        s.data++;
        s.len--;
    }

    if (s.len > PT_PLATFORM_MAX) {
        return PT_E_TOO_LARGE;
    }

    *ret_json = s;
    return PT_OK;
}


static void
platform_answer(pt_platform_ask_t *ask, pt_err_t err, pt_str_t json)
{
    pt_platform_ask_t  **p;

    for (p = &ask->platform->asks; *p != ask; p = &(*p)->next) { /* void */ }

    *p = ask->next;

    if (ask->done != NULL) {
        ask->done(ask->ctx, err, json);
    }

    platform_ask_free(ask);
}


static void
platform_ask_free(pt_platform_ask_t *ask)
{
    pt_buf_done(&ask->params);
    free(ask->user);
    free(ask->role);
    free(ask);
}


static void
platform_free(pt_platform_t *platform)
{
    size_t              i;
    pt_platform_ask_t  *ask;

    while ((ask = platform->asks) != NULL) {
        platform->asks = ask->next;
        platform_ask_free(ask);
    }

    for (i = 0; platform->files != NULL && i < platform->n; i++) {
        free(platform->files[i].sql);
    }

    free(platform->files);
    free((void *) platform->statements);
    free(platform->answer);
    free(platform);
}


static void
platform_on_closed(uv_handle_t *handle)
{
    platform_free(handle->data);
}
