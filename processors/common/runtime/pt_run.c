/* One job from the command line. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pt_access.h"
#include "pt_attempt.h"
#include "pt_folder.h"
#include "pt_log.h"
#include "pt_run.h"


typedef struct {
    const char           *action;
    const char           *params;          /* a file, or "-" */
    const char           *out;
    const char           *share;
    const char           *storage;         /* of the platform */
    const char           *user;
    const char           *role;
    const char           *user_type;
    const char           *platform;        /* a file, instead of the database */
    double                timeout_s;
    char                 *inputs[PT_INPUTS_MAX];
    size_t                ninputs;
} pt_run_options_t;


typedef struct {
    pt_run_options_t       options;
    const pt_processor_t  *processor;

    char                   out[PATH_MAX];      /* real path */
    char                   work[PATH_MAX];     /* below it: storage, scratch */
    pt_buf_t               params;
    pt_buf_t               inputs;
    pt_buf_t               answer;             /* the platform's */

    uv_loop_t              loop;
    uv_signal_t            signals[2];
    pt_access_t            access;
    pt_zygote_t            zygote;
    pt_scratch_t          *scratch;
    pt_storage_t          *storage;
    pt_platform_t         *platform;
    pt_attempts_t         *attempts;

    pt_id_t                job;
    pt_buf_t               outputs;            /* bodies, with commas between */
    pt_buf_t               report;
    bool                   succeeded;
} pt_run_t;


static int run_parse(pt_run_options_t *o, int argc, char **argv);
static pt_err_t run_read(const char *path, pt_buf_t *buf);
static pt_err_t run_folders(pt_run_t *r);
static pt_err_t run_import(pt_run_t *r);
static pt_err_t run_import_one(pt_run_t *r, char *input, pt_jsonw_t *w);
static pt_err_t run_copy(const char *from, const char *to);
static pt_err_t run_job(pt_run_t *r);
static pt_err_t run_start(pt_run_t *r);
static void run_stop(pt_run_t *r);
static void run_on_signal(uv_signal_t *handle, int number);
static void run_on_progress(void *ctx, const pt_id_t *job, uint32_t attempt,
    unsigned permille, pt_str_t stage);
static void run_on_output(void *ctx, const pt_id_t *job, uint32_t attempt,
    pt_str_t body);
static void run_forget_output(pt_buf_t *outputs, pt_str_t body);
static void run_on_done(void *ctx, const pt_id_t *job, uint32_t attempt,
    pt_str_t result, pt_str_t usage);
static void run_on_failed(void *ctx, const pt_id_t *job, uint32_t attempt,
    const pt_failure_t *failure, pt_str_t usage);
static void run_report_end(pt_run_t *r, pt_jsonw_t *w, pt_str_t usage);
static void run_on_over(void *ctx);
static void run_on_broken(void *ctx, const char *why);
static void run_on_closed(void *ctx);
static pt_err_t run_export(pt_run_t *r);


static const char  run_usage[] =
    "usage: %s run ACTION --params FILE|- --out DIR\n"
    "           [--input ID=PATH:MEDIATYPE]... [--share DIR]\n"
    "           [--user ID] [--role ROLE] [--user-type TYPE]\n"
    "           [--storage DIR] [--timeout SECONDS] [--platform FILE]\n";


int
pt_run_main(const pt_processor_t *processor, int argc, char **argv)
{
    char      version[PT_VERSION_LEN + 1];
    pt_run_t  r;
    pt_err_t  err;

    memset(&r, 0, sizeof(r));
    r.processor = processor;
    pt_buf_init(&r.params, &pt_mem_heap, PT_JSON_FRAME_MAX);
    pt_buf_init(&r.inputs, &pt_mem_heap, 65536);
    pt_buf_init(&r.answer, &pt_mem_heap, PT_PLATFORM_MAX);
    pt_buf_init(&r.outputs, &pt_mem_heap, 64u << 20);
    pt_buf_init(&r.report, &pt_mem_heap, 128u << 20);

    if (run_parse(&r.options, argc, argv) == -1) {
        (void) fprintf(stderr, run_usage, program_invocation_short_name);
        return 2;
    }

    if (pt_access_init(&r.access, processor, r.options.storage) != PT_OK
        || pt_zygote_start(processor, r.options.share, &r.access, true,
                           &r.zygote, version)
           != PT_OK)
    {
        return 1;
    }

    err = run_folders(&r);

    if (err == PT_OK) {
        err = run_read(r.options.params, &r.params);
    }

    if (err == PT_OK && r.options.platform != NULL) {
        err = run_read(r.options.platform, &r.answer);
        pt_buf_add_char(&r.answer, '\0');
    }

    if (err == PT_OK) {
        err = run_import(&r);
    }

    if (err == PT_OK) {
        err = run_job(&r);
    }

    if (err == PT_OK) {
        err = run_export(&r);
    }

    if (r.work[0] != '\0') {
        (void) pt_folder_remove(r.work);
    }

    pt_zygote_stop(&r.zygote);
    pt_access_done(&r.access);

    if (err == PT_OK && r.report.err == PT_OK) {
        (void) printf("%.*s\n", PT_STR_ARG(pt_buf_str(&r.report)));

    } else {
        (void) fprintf(stderr, "%s: could not run the job: %s\n",
                       program_invocation_short_name,
                       pt_err_code(err != PT_OK ? err : r.report.err));
    }

    pt_buf_done(&r.params);
    pt_buf_done(&r.inputs);
    pt_buf_done(&r.answer);
    pt_buf_done(&r.outputs);
    pt_buf_done(&r.report);

    return r.succeeded && err == PT_OK ? 0 : 1;
}


static int
run_parse(pt_run_options_t *o, int argc, char **argv)
{
    int  c;

    static const struct option  long_options[] = {
        { "params",    required_argument, NULL, 'p' },
        { "input",     required_argument, NULL, 'i' },
        { "out",       required_argument, NULL, 'o' },
        { "share",     required_argument, NULL, 's' },
        { "storage",   required_argument, NULL, 'd' },
        { "user",      required_argument, NULL, 'n' },
        { "role",      required_argument, NULL, 'r' },
        { "user-type", required_argument, NULL, 'u' },
        { "timeout",   required_argument, NULL, 't' },
        { "platform",  required_argument, NULL, 'f' },
        { NULL, 0, NULL, 0 }
    };

    o->share = PT_SHARE_DEFAULT;
    o->user = "local";
    o->role = "";
    o->user_type = "";

    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {

        switch (c) {

        case 'p':
            o->params = optarg;
            break;

        case 'i':
            if (o->ninputs == PT_INPUTS_MAX) {
                return -1;
            }

            o->inputs[o->ninputs++] = optarg;
            break;

        case 'o':
            o->out = optarg;
            break;

        case 's':
            o->share = optarg;
            break;

        case 'd':
            o->storage = optarg;
            break;

        case 'n':
            o->user = optarg;
            break;

        case 'r':
            o->role = optarg;
            break;

        case 'u':
            o->user_type = optarg;
            break;

        case 'f':
            o->platform = optarg;
            break;

        case 't':
            o->timeout_s = strtod(optarg, NULL);
            break;

        default:
            return -1;
        }
    }

    if (optind != argc - 1 || o->params == NULL || o->out == NULL) {
        return -1;
    }

    o->action = argv[optind];

    return 0;
}


static pt_err_t
run_read(const char *path, pt_buf_t *buf)
{
    int      fd;
    char     chunk[16384];
    ssize_t  n;

    fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
                                : open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        (void) fprintf(stderr, "could not open \"%s\": %s\n", path,
                       strerror(errno));
        return PT_E_IO;
    }

    while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
        pt_buf_add(buf, chunk, (size_t) n);
    }

    (void) close(fd);

    return n == 0 ? buf->err : PT_E_IO;
}


static pt_err_t
run_folders(pt_run_t *r)
{
    int          n;
    size_t       i;
    char         path[PATH_MAX];

    static const char *const  parts[] = {
        "storage", "storage/files", "scratch"
    };

    if ((mkdir(r->options.out, 0777) == -1 && errno != EEXIST)
        || realpath(r->options.out, r->out) == NULL)
    {
        (void) fprintf(stderr, "could not make \"%s\": %s\n", r->options.out,
                       strerror(errno));
        return PT_E_IO;
    }

    n = snprintf(r->work, sizeof(r->work), "%s/.run.XXXXXX", r->out);

    if (n >= (int) sizeof(r->work) || mkdtemp(r->work) == NULL) {
        r->work[0] = '\0';
        return PT_E_IO;
    }

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        n = snprintf(path, sizeof(path), "%s/%s", r->work, parts[i]);

        if (n >= (int) sizeof(path) || mkdir(path, 0700) == -1) {
            return PT_E_IO;
        }
    }

    return PT_OK;
}


static pt_err_t
run_import(pt_run_t *r)
{
    size_t      i;
    pt_err_t    err = PT_OK;
    pt_jsonw_t  w;

    pt_jsonw_init(&w, &r->inputs);
    pt_jsonw_array(&w);

    for (i = 0; i < r->options.ninputs && err == PT_OK; i++) {
        err = run_import_one(r, r->options.inputs[i], &w);
    }

    pt_jsonw_end(&w);

    return err != PT_OK ? err : r->inputs.err;
}


/* ID=PATH:MEDIATYPE, cut in place */
static pt_err_t
run_import_one(pt_run_t *r, char *input, pt_jsonw_t *w)
{
    int          n;
    char        *path, *type, to[PATH_MAX];
    pt_err_t     err;
    const char  *name;
    struct stat  st;

    path = strchr(input, '=');
    type = strrchr(input, ':');

    if (path == NULL || type == NULL || type < path) {
        (void) fprintf(stderr, "--input wants ID=PATH:MEDIATYPE\n");
        return PT_E_INVALID;
    }

    *path++ = '\0';
    *type++ = '\0';

    n = snprintf(to, sizeof(to), "%s/storage/files/%s", r->work, input);

    if (n >= (int) sizeof(to) || !pt_output_name_is_good(pt_str(input))) {
        (void) fprintf(stderr, "an input's id is of [a-z0-9._-]\n");
        return PT_E_INVALID;
    }

    err = run_copy(path, to);

    if (err != PT_OK || stat(to, &st) == -1) {
        (void) fprintf(stderr, "could not read \"%s\": %s\n", path,
                       strerror(errno));
        return PT_E_IO;
    }

    name = strrchr(path, '/');

    pt_jsonw_object(w);
    pt_jsonw_key(w, "id");
    pt_jsonw_text(w, input);
    pt_jsonw_key(w, "key");
    pt_jsonw_text(w, strstr(to, "/storage/files/") + strlen("/storage/"));
    pt_jsonw_key(w, "media_type");
    pt_jsonw_text(w, type);
    pt_jsonw_key(w, "name");
    pt_jsonw_text(w, name ? name + 1 : path);
    pt_jsonw_key(w, "size");
    pt_jsonw_int(w, st.st_size);
    pt_jsonw_end(w);

    return PT_OK;
}


static pt_err_t
run_copy(const char *from, const char *to)
{
    int  in, out;
    int  rc = -1;

    in = open(from, O_RDONLY | O_CLOEXEC);
    if (in == -1) {
        return PT_E_IO;
    }

    out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

    if (out != -1) {
        rc = pt_fd_copy(in, out);
        (void) close(out);
    }

    (void) close(in);

    return rc == 0 ? PT_OK : PT_E_IO;
}


static pt_err_t
run_job(pt_run_t *r)
{
    pt_err_t  err;

    if (uv_loop_init(&r->loop) != 0) {
        return PT_E_NOMEM;
    }

    (void) signal(SIGPIPE, SIG_IGN);
    (void) signal(SIGIO, SIG_IGN);

    err = run_start(r);

    if (err != PT_OK) {
        run_stop(r);
    }

    (void) uv_run(&r->loop, UV_RUN_DEFAULT);

    pt_scratch_close(r->scratch);
    pt_storage_close(r->storage);

    if (uv_loop_close(&r->loop) != 0) {
        err = PT_E_INTERNAL;
    }

    return err;
}


static pt_err_t
run_start(pt_run_t *r)
{
    size_t               i;
    char                 path[PATH_MAX];
    pt_err_t             err;
    pt_assign_t          assign;
    pt_attempt_events_t  events = {
        .progress = run_on_progress,
        .output = run_on_output,
        .done = run_on_done,
        .failed = run_on_failed,
        .over = run_on_over,
        .broken = run_on_broken,
        .closed = run_on_closed,
        .ctx = r
    };

    static const int  signals[] = { SIGINT, SIGTERM };

    for (i = 0; i < 2; i++) {
        (void) uv_signal_init(&r->loop, &r->signals[i]);
        r->signals[i].data = r;
        (void) uv_signal_start(&r->signals[i], run_on_signal, signals[i]);
    }

    (void) snprintf(path, sizeof(path), "%.4000s/scratch", r->work);
    err = pt_scratch_open(path, r->processor->service, &r->scratch);
    if (err != PT_OK) {
        return err;
    }

    (void) snprintf(path, sizeof(path), "%.4000s/storage", r->work);
    err = pt_storage_open_local(path, &r->storage);
    if (err != PT_OK) {
        return err;
    }

    err = pt_platform_open(&r->loop, r->processor, r->options.share,
                           r->access.conninfo, r->answer.data, &r->platform);
    if (err != PT_OK) {
        return err;
    }

    err = pt_attempts_open(&r->loop, r->processor, 1, &r->zygote, r->scratch,
                           r->storage, r->platform, NULL, &events,
                           &r->attempts);
    if (err != PT_OK) {
        return err;
    }

    memset(&assign, 0, sizeof(assign));
    assign.attempt = 1;
    assign.action = pt_str(r->options.action);
    assign.params = pt_buf_str(&r->params);
    assign.inputs = pt_buf_str(&r->inputs);
    assign.user = pt_str(r->options.user);
    assign.role = pt_str(r->options.role);
    assign.user_type = pt_str(r->options.user_type);
    assign.deadline_ms = (uint64_t) (r->options.timeout_s * 1000);

    return pt_attempts_start(r->attempts, &assign);
}


static void
run_stop(pt_run_t *r)
{
    size_t  i;

    for (i = 0; i < 2; i++) {
        if (!uv_is_closing((uv_handle_t *) &r->signals[i])) {
            uv_close((uv_handle_t *) &r->signals[i], NULL);
        }
    }

    if (r->attempts != NULL) {
        pt_attempts_close(r->attempts);
        r->attempts = NULL;
    }

    pt_platform_close(r->platform);
    r->platform = NULL;
}


static void
run_on_signal(uv_signal_t *handle, int number)
{
    (void) number;

    run_stop(handle->data);
}


static void
run_on_progress(void *ctx, const pt_id_t *job, uint32_t attempt,
    unsigned permille, pt_str_t stage)
{
    (void) ctx;
    (void) job;
    (void) attempt;

    (void) fprintf(stderr, "progress %u.%u%% %.*s\n", permille / 10,
                   permille % 10, PT_STR_ARG(stage));
}


static void
run_on_output(void *ctx, const pt_id_t *job, uint32_t attempt, pt_str_t body)
{
    pt_run_t  *r = ctx;

    (void) job;
    (void) attempt;

    run_forget_output(&r->outputs, body);

    if (r->outputs.len != 0) {
        pt_buf_add_char(&r->outputs, ',');
    }

    pt_buf_add_str(&r->outputs, body);
}


/* a tree that has grown is told once more: the last word counts */
static void
run_forget_output(pt_buf_t *outputs, pt_str_t body)
{
    char    *at, *end;
    size_t   len;

    /* {"name":"...", which no other body has in it */
    len = (size_t) ((const char *) memchr(body.data, ',', body.len)
                    - body.data) + 1;

    at = outputs->len ? memmem(outputs->data, outputs->len, body.data, len)
                      : NULL;
    if (at == NULL) {
        return;
    }

    end = memchr(at, '}', outputs->len - (size_t) (at - outputs->data)) + 1;

    if (end < outputs->data + outputs->len) {
        end++;

    } else if (at > outputs->data) {
        at--;
    }

    memmove(at, end, (size_t) (outputs->data + outputs->len - end));
    outputs->len -= (size_t) (end - at);
}


static void
run_on_done(void *ctx, const pt_id_t *job, uint32_t attempt, pt_str_t result,
    pt_str_t usage)
{
    pt_run_t    *r = ctx;
    pt_jsonw_t   w;

    (void) job;
    (void) attempt;

    r->succeeded = true;

    pt_jsonw_init(&w, &r->report);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "status");
    pt_jsonw_text(&w, "succeeded");
    pt_jsonw_key(&w, "result");
    pt_jsonw_raw(&w, result);
    run_report_end(r, &w, usage);
}


static void
run_on_failed(void *ctx, const pt_id_t *job, uint32_t attempt,
    const pt_failure_t *failure, pt_str_t usage)
{
    pt_run_t    *r = ctx;
    pt_jsonw_t   w;

    (void) job;
    (void) attempt;

    pt_jsonw_init(&w, &r->report);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "status");
    pt_jsonw_text(&w, "failed");
    pt_jsonw_key(&w, "error");
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "code");
    pt_jsonw_text(&w, pt_err_code(failure->err));
    pt_jsonw_key(&w, "detail");
    pt_jsonw_str(&w, failure->message);
    pt_jsonw_key(&w, "retryable");
    pt_jsonw_bool(&w, pt_err_retryable(failure->err));

    if (failure->errors.data != NULL) {
        pt_jsonw_key(&w, "errors");
        pt_jsonw_raw(&w, failure->errors);
    }

    pt_jsonw_end(&w);
    run_report_end(r, &w, usage);
}


static void
run_report_end(pt_run_t *r, pt_jsonw_t *w, pt_str_t usage)
{
    pt_jsonw_key(w, "outputs");
    pt_jsonw_array(w);

    if (r->outputs.len != 0) {
        pt_jsonw_raw(w, pt_buf_str(&r->outputs));
    }

    pt_jsonw_end(w);
    pt_jsonw_key(w, "usage");
    pt_jsonw_raw(w, usage);
    pt_jsonw_end(w);
}


static void
run_on_over(void *ctx)
{
    run_stop(ctx);
}


static void
run_on_broken(void *ctx, const char *why)
{
    (void) fprintf(stderr, "%s\n", why);
    run_stop(ctx);
}


static void
run_on_closed(void *ctx)
{
    (void) ctx;        /* the loop has nothing left and ends */
}


/* moves what the attempt has stored into the folder that was asked for */
static pt_err_t
run_export(pt_run_t *r)
{
    DIR            *d;
    char            from[PATH_MAX], to[PATH_MAX + NAME_MAX + 2];
    char            id[PT_ID_TEXT_LEN];
    pt_err_t        err = PT_OK;
    struct dirent  *e;

    pt_id_format(&r->job, id);
    (void) snprintf(from, sizeof(from), "%.3900s/storage/jobs/%.2s/%.*s/1",
                    r->work, id + PT_ID_TEXT_LEN - 2, PT_ID_TEXT_LEN, id);

    d = opendir(from);
    if (d == NULL) {
        return errno == ENOENT ? PT_OK : PT_E_IO;
    }

    while (err == PT_OK && (e = readdir(d)) != NULL) {

        if (e->d_name[0] == '.') {
            continue;
        }

        (void) snprintf(to, sizeof(to), "%s/%s", r->out, e->d_name);

        /* of the run before */
        if (unlink(to) == -1 && errno == EISDIR) {
            (void) pt_folder_remove(to);
        }

        if (renameat(dirfd(d), e->d_name, AT_FDCWD, to) == -1) {
            err = PT_E_IO;
        }
    }

    (void) closedir(d);
    return err;
}
