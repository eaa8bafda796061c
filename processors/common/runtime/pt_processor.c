/*
 * The parent of a processor: its connection to the orchestrator, and the loop
 * that brings assignments to attempts and their reports back.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>
#include <zmq.h>

#include "pt_access.h"
#include "pt_attempt.h"
#include "pt_log.h"
#include "pt_report.h"
#include "pt_run.h"
#include "pt_sandbox.h"
#include "pt_zloop.h"


#define HELLO_MS         1        /* between tries to send the first READY */
#define TICK_MS          1000     /* heartbeat, repetition of reports */
#define WHO_MS           200      /* a WHO so soon after READY crossed it */
#define FAREWELL_MS      50       /* for the last messages to leave */
#define DRAIN_UNHEARD_MS 10000    /* waits so long for an orchestrator's ACKs */
#define ORPHAN_S         600      /* idle and unheard of for so long: ends */
#define SLOTS_MAX        1000     /* a thread each, of libuv's 1,024 */

/* of one orchestrator: reports and progress of all slots */
#define SEND_MAX         10000
#define RECEIVE_MAX      1000


typedef struct {
    const char             *connect;
    const char             *curve_server;    /* its public key */
    const char             *curve_file;      /* our own keys */
    const char             *sealing;         /* the file of pt_seal.h */
    const char             *storage;
    const char             *scratch;
    const char             *share;
    unsigned                slots;
    unsigned                orphan_s;
} pt_options_t;


typedef struct {
    const pt_processor_t   *declared;
    pt_options_t            options;
    char                    version[PT_VERSION_LEN + 1];
    uint64_t                start_time;      /* field 22 of /proc/self/stat */

    pt_access_t             access;
    pt_zygote_t             zygote;
    pt_scratch_t           *scratch;
    pt_storage_t           *storage;
    pt_platform_t          *platform;
    pt_seal_t              *seal;            /* NULL: no key is known */

    uv_loop_t               loop;
    uv_timer_t              hello;           /* until READY is sent */
    uv_timer_t              tick;
    uv_signal_t             signals[2];
    void                   *zctx;
    pt_zloop_t             *link;
    pt_attempts_t          *attempts;

    pt_reports_t            reports;
    bool                    ready;           /* READY is sent */
    uint64_t                ready_ms;
    uint64_t                heard_ms;        /* from an orchestrator */

    bool                    draining;        /* takes nothing new */
    bool                    stopping;        /* all is being closed */
    int                     status;          /* of main */
} processor_t;


static bool processor_may_run(const pt_processor_t *declared);
static int processor_parse(pt_options_t *o, const pt_processor_t *declared,
    int argc, char **argv);
static int processor_usage(FILE *to, const pt_processor_t *declared,
    int status);
static unsigned processor_slots(const pt_processor_t *declared);
static uint64_t processor_start_time(void);
static pt_err_t processor_open(processor_t *p);
static pt_err_t processor_open_loop(processor_t *p);
static pt_err_t processor_connect(processor_t *p);
static void processor_close(processor_t *p);

static void processor_on_message(void *ctx, pt_str_t peer,
    const pt_str_t *frames, size_t n);
static void processor_on_assign(processor_t *p, const pt_assign_t *assign);
static void processor_refuse(processor_t *p, const pt_assign_t *assign,
    pt_err_t err);
static void processor_on_ack(processor_t *p, const pt_attempt_ref_t *ack);
static void processor_on_cancel(processor_t *p,
    const pt_attempt_ref_t *cancel);
static void processor_on_hello(uv_timer_t *timer);
static void processor_on_tick(uv_timer_t *timer);
static void processor_on_signal(uv_signal_t *handle, int number);

static void processor_on_progress(void *ctx, const pt_id_t *job,
    uint32_t attempt, unsigned permille, pt_str_t stage);
static void processor_on_output(void *ctx, const pt_id_t *job,
    uint32_t attempt, pt_str_t body);
static void processor_on_done(void *ctx, const pt_id_t *job, uint32_t attempt,
    pt_str_t result, pt_str_t usage);
static void processor_on_failed(void *ctx, const pt_id_t *job,
    uint32_t attempt, const pt_failure_t *failure, pt_str_t usage);
static void processor_on_over(void *ctx);
static void processor_on_broken(void *ctx, const char *why);

static void processor_report(processor_t *p, const pt_msg_t *msg);
static pt_err_t processor_post(void *ctx, const pt_msg_t *msg);
static pt_err_t processor_send(void *ctx, const pt_msg_t *msg);
static void processor_send_reports(processor_t *p);
static void processor_say(processor_t *p, pt_command_t command);
static void processor_say_ready(processor_t *p);
static void processor_actions(const processor_t *p, pt_buf_t *buf);

static void processor_drain(processor_t *p);
static void processor_check_drained(processor_t *p);
static void processor_stop(processor_t *p, int status);
static void processor_on_closed(void *ctx);
static void processor_on_farewell(uv_timer_t *timer);


int
pt_processor_main(const pt_processor_t *declared, int argc, char **argv)
{
    int          fd;
    processor_t  p;

    /* descriptors 0 to 2 are taken, or a file would become somebody's stderr */
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd < 3);

    (void) close(fd);
    (void) umask(022);

    if (!processor_may_run(declared)) {
        return 1;
    }

    if (argc > 1 && strcmp(argv[1], "run") == 0) {
        return pt_run_main(declared, argc - 1, argv + 1);
    }

    memset(&p, 0, sizeof(p));
    p.declared = declared;
    p.zygote.fd = -1;
    pt_reports_init(&p.reports);

    if (processor_parse(&p.options, declared, argc, argv) == -1) {
        return processor_usage(stderr, declared, 2);
    }

    if (pt_access_init(&p.access, declared, p.options.storage) != PT_OK) {
        return 1;
    }

    /* first of all: no thread may exist */
    if (pt_zygote_start(declared, p.options.share, &p.access, false,
                        &p.zygote, p.version)
        != PT_OK)
    {
        return 1;
    }

    if (processor_open(&p) == PT_OK) {
        (void) uv_run(&p.loop, UV_RUN_DEFAULT);

    } else {
        p.status = 1;
    }

    processor_close(&p);

    return p.status;
}


/* without Landlock, whoever takes a child over reads what we may read */
static bool
processor_may_run(const pt_processor_t *declared)
{
    const char  *without;

    if (pt_sandbox_has_landlock()) {
        return true;
    }

    without = getenv("PITCHEY_WITHOUT_LANDLOCK");

    if (without != NULL && strcmp(without, "1") == 0) {
        pt_log(PT_LOG_WARN, declared->service, "this kernel has no Landlock:"
               " files of this user are within reach of jobs, going on");
        return true;
    }

    pt_log(PT_LOG_ERROR, declared->service, "this kernel has no Landlock, which"
           " keeps jobs to their folders (PITCHEY_WITHOUT_LANDLOCK=1 in the"
           " environment does without)");
    return false;
}


static int
processor_parse(pt_options_t *o, const pt_processor_t *declared, int argc,
    char **argv)
{
    int             c;
    pt_log_level_t  level;

    static const struct option  long_options[] = {
        { "connect",        required_argument, NULL, 'c' },
        { "curve-server",   required_argument, NULL, 'S' },
        { "curve-file",     required_argument, NULL, 'f' },
        { "sealing",        required_argument, NULL, 'k' },
        { "storage",        required_argument, NULL, 'd' },
        { "scratch",        required_argument, NULL, 't' },
        { "share",          required_argument, NULL, 's' },
        { "slots",          required_argument, NULL, 'n' },
        { "orphan-timeout", required_argument, NULL, 'o' },
        { "log-level",      required_argument, NULL, 'l' },
        { "help",           no_argument,       NULL, 'h' },
        { "version",        no_argument,       NULL, 'V' },
        { NULL, 0, NULL, 0 }
    };

    o->share = PT_SHARE_DEFAULT;
    o->slots = processor_slots(declared);
    o->orphan_s = ORPHAN_S;

    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {

        switch (c) {

        case 'c':
            o->connect = optarg;
            break;

        case 'S':
            o->curve_server = optarg;
            break;

        case 'f':
            o->curve_file = optarg;
            break;

        case 'k':
            o->sealing = optarg;
            break;

        case 'd':
            o->storage = optarg;
            break;

        case 't':
            o->scratch = optarg;
            break;

        case 's':
            o->share = optarg;
            break;

        case 'n':
            o->slots = (unsigned) strtoul(optarg, NULL, 10);
            break;

        case 'o':
            o->orphan_s = (unsigned) strtoul(optarg, NULL, 10);
            break;

        case 'l':
            if (pt_log_level_parse(pt_str(optarg), &level) != PT_OK) {
                return -1;
            }

            pt_log_set_level(level);
            break;

        case 'h':
            exit(processor_usage(stdout, declared, EXIT_SUCCESS));

        case 'V':
            (void) printf("%s " PITCHEY_VERSION "\n",
                          program_invocation_short_name);
            exit(EXIT_SUCCESS);

        default:
            return -1;
        }
    }

    /* over a network nobody speaks without keys */
    if (o->connect
        && (strncmp(o->connect, "tcp://", 6) == 0
            ? o->curve_file == NULL || o->curve_server == NULL
              || !pt_curve_is_key(pt_str(o->curve_server))
            : o->curve_file || o->curve_server))
    {
        (void) fprintf(stderr, "tcp:// takes --curve-server KEY and "
                       "--curve-file FILE, and nothing else does\n");
        return -1;
    }

    return optind == argc && o->connect && o->storage && o->scratch
           && o->slots >= 1 && o->slots <= SLOTS_MAX ? 0 : -1;
}


static int
processor_usage(FILE *to, const pt_processor_t *declared, int status)
{
    const pt_action_t  *action;

    (void) fprintf(to,
        "%s " PITCHEY_VERSION ": the actions of %s\n\n"
        "usage: %s --connect ENDPOINT --storage DIR --scratch DIR\n"
        "           [--share DIR] [--slots N] [--orphan-timeout SECONDS]\n"
        "           [--log-level error|warn|info|debug] [--sealing FILE]\n"
        "           [--curve-server KEY --curve-file FILE] for tcp://\n"
        "       %s --help | --version\n"
        "       %s run ACTION --params FILE|- --out DIR ...\n\n"
        "actions:",
        program_invocation_short_name, declared->service,
        program_invocation_short_name, program_invocation_short_name,
        program_invocation_short_name);

    for (action = declared->actions; action->name != NULL; action++) {
        (void) fprintf(to, " %s", action->name);
    }

    (void) fprintf(to, "\n");

    return status;
}


/* as declared, else one for each core that we may use */
static unsigned
processor_slots(const pt_processor_t *declared)
{
    cpu_set_t  set;

    if (declared->slots != 0) {
        return declared->slots;
    }

    if (sched_getaffinity(0, sizeof(set), &set) == -1) {
        return 1;
    }

    return (unsigned) CPU_COUNT(&set);
}


/* with the pid it names this process beyond the reuse of the pid */
static uint64_t
processor_start_time(void)
{
    int                  i;
    char                 line[1024], *at;
    FILE                *f;
    unsigned long long   ticks = 0;

    f = fopen("/proc/self/stat", "re");
    if (f == NULL) {
        return 0;
    }

    /* field 2 is a name, and may hold anything but ends the parentheses */
    if (fgets(line, sizeof(line), f) != NULL
        && (at = strrchr(line, ')')) != NULL)
    {
        for (i = 2; i < 22 && at != NULL; i++) {
            at = strchr(at + 1, ' ');
        }

        ticks = at ? strtoull(at, NULL, 10) : 0;
    }

    (void) fclose(f);

    return ticks;
}


static pt_err_t
processor_open(processor_t *p)
{
    pt_err_t             err;
    const char          *service = p->declared->service;

    p->start_time = processor_start_time();

    /* a lease on an output that somebody wants to write tells by SIGIO */
    (void) signal(SIGIO, SIG_IGN);
    (void) signal(SIGPIPE, SIG_IGN);
    (void) signal(SIGHUP, SIG_IGN);

    err = pt_scratch_open(p->options.scratch, service, &p->scratch);

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, service, "could not use scratch folder \"%s\": %s",
               p->options.scratch, strerror(errno));
        return err;
    }

    err = p->access.s3
          ? pt_storage_open_s3(p->options.storage, p->access.s3, &p->storage)
          : pt_storage_open_local(p->options.storage, &p->storage);

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, service, "could not use storage \"%s\": %s",
               p->options.storage, strerror(errno));
        return err;
    }

    /* after the zygote was made: it and its children do not have the keys */
    if (p->options.sealing) {
        err = pt_seal_load(p->options.sealing, PT_SEAL_OPENS, &p->seal);

        if (err != PT_OK) {
            return err;
        }
    }

    err = processor_open_loop(p);

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, service, "could not start: %s", pt_err_code(err));
        return err;
    }

    return processor_connect(p);
}


static pt_err_t
processor_open_loop(processor_t *p)
{
    char                 threads[16];
    size_t               i;
    pt_err_t             err;
    pt_attempt_events_t  events = {
        .progress = processor_on_progress,
        .output = processor_on_output,
        .done = processor_on_done,
        .failed = processor_on_failed,
        .over = processor_on_over,
        .broken = processor_on_broken,
        .closed = processor_on_closed,
        .ctx = p
    };

    static const int  signals[] = { SIGTERM, SIGINT };

    /* before its first use: an output may be stored for each slot at once */
    (void) snprintf(threads, sizeof(threads), "%u", p->options.slots + 2);
    (void) setenv("UV_THREADPOOL_SIZE", threads, 0);

    if (uv_loop_init(&p->loop) != 0) {
        return PT_E_NOMEM;
    }

    (void) uv_timer_init(&p->loop, &p->hello);
    (void) uv_timer_init(&p->loop, &p->tick);
    p->hello.data = p;
    p->tick.data = p;

    for (i = 0; i < 2; i++) {
        (void) uv_signal_init(&p->loop, &p->signals[i]);
        p->signals[i].data = p;
        (void) uv_signal_start(&p->signals[i], processor_on_signal,
                               signals[i]);
    }

    (void) uv_timer_start(&p->hello, processor_on_hello, 0, HELLO_MS);
    (void) uv_timer_start(&p->tick, processor_on_tick, TICK_MS, TICK_MS);
    p->heard_ms = uv_now(&p->loop);

    err = pt_platform_open(&p->loop, p->declared, p->options.share,
                           p->access.conninfo, NULL, &p->platform);
    if (err != PT_OK) {
        return err;
    }

    return pt_attempts_open(&p->loop, p->declared, p->options.slots,
                            &p->zygote, p->scratch, p->storage, p->platform,
                            p->seal, &events, &p->attempts);
}


static pt_err_t
processor_connect(processor_t *p)
{
    pt_err_t            err;
    pt_curve_t          curve;
    pt_zloop_options_t  options = {
        .type = ZMQ_DEALER,
        .endpoint = p->options.connect,
        .server_key = p->options.curve_server,
        .curve = &curve,
        .send_max = SEND_MAX,
        .receive_max = RECEIVE_MAX,
        .on_message = processor_on_message,
        .ctx = p
    };

    if (options.server_key
        && pt_curve_load(p->options.curve_file, &curve) != PT_OK)
    {
        return PT_E_UNAVAILABLE;
    }

    p->zctx = zmq_ctx_new();

    err = p->zctx == NULL ? PT_E_NOMEM
                          : pt_zloop_open(&p->loop, p->zctx, &options,
                                          &p->link);
    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, p->declared->service,
               "could not connect to \"%s\": %s", p->options.connect,
               zmq_strerror(errno));
        return err;
    }

    pt_log(PT_LOG_INFO, p->declared->service,
           "started slots=%u version=%.12s", p->options.slots, p->version);

    return PT_OK;
}


/* also after a half open, when the loop has not run */
static void
processor_close(processor_t *p)
{
    if (p->tick.data != NULL && !p->stopping) {
        processor_stop(p, 1);
        (void) uv_run(&p->loop, UV_RUN_DEFAULT);
    }

    if (p->zctx != NULL) {
        (void) zmq_ctx_term(p->zctx);
    }

    if (p->tick.data != NULL) {
        (void) uv_loop_close(&p->loop);
    }

    pt_reports_done(&p->reports);
    pt_zygote_stop(&p->zygote);
    pt_access_done(&p->access);
    pt_storage_close(p->storage);
    pt_scratch_close(p->scratch);
    pt_seal_free(p->seal);
}


/* ---- from the orchestrator ---- */

static void
processor_on_message(void *ctx, pt_str_t peer, const pt_str_t *frames,
    size_t n)
{
    pt_err_t      err;
    pt_msg_t      m;
    processor_t  *p = ctx;

    (void) peer;

    if (p->stopping) {
        return;
    }

    err = pt_wire_decode(frames, n, &m, NULL);

    if (err != PT_OK) {
        pt_log(PT_LOG_WARN, p->declared->service,
               "the orchestrator sent %s, ignoring", pt_err_code(err));
        return;
    }

    p->heard_ms = uv_now(&p->loop);

    switch (m.command) {

    case PT_CMD_ASSIGN:
        processor_on_assign(p, &m.u.assign);
        break;

    case PT_CMD_ACK:
        processor_on_ack(p, &m.u.attempt);
        break;

    case PT_CMD_CANCEL_ATTEMPT:
        processor_on_cancel(p, &m.u.attempt);
        break;

    case PT_CMD_WHO:
        if (!p->ready || uv_now(&p->loop) - p->ready_ms >= WHO_MS) {
            processor_say_ready(p);
        }

        break;

    case PT_CMD_DRAIN:
        processor_drain(p);
        break;

    case PT_CMD_HEARTBEAT:
        break;

    default:
        pt_log(PT_LOG_WARN, p->declared->service,
               "the orchestrator sent %s, ignoring",
               pt_command_name(m.command));
        break;
    }
}


static void
processor_on_assign(processor_t *p, const pt_assign_t *assign)
{
    pt_err_t  err;

    err = pt_reports_begin(&p->reports, &assign->job, assign->attempt);

    /* it asked twice: the first is running, or its end not acknowledged */
    if (err == PT_E_CONFLICT) {
        return;
    }

    /* nothing is known of it: the orchestrator will miss it in READY */
    if (err != PT_OK) {
        return;
    }

    if (p->draining || !pt_attempts_have_room(p->attempts, assign->action)) {
        err = PT_E_UNAVAILABLE;

    } else {
        err = pt_attempts_start(p->attempts, assign);
    }

    if (err != PT_OK) {
        processor_refuse(p, assign, err);
    }
}


static void
processor_refuse(processor_t *p, const pt_assign_t *assign, pt_err_t err)
{
    pt_failure_t  failure = { .err = err };

    failure.message = err == PT_E_UNAVAILABLE
                      ? PT_STR("the processor takes no more jobs now")
                      : PT_STR("cannot begin the job");

    processor_on_failed(p, &assign->job, assign->attempt, &failure,
                        PT_STR("{}"));
}


static void
processor_on_ack(processor_t *p, const pt_attempt_ref_t *ack)
{
    pt_command_t  command;

    command = pt_reports_ack(&p->reports, &ack->job, ack->attempt, ack->n);

    /* its outputs are withdrawn by now */
    if (command == PT_CMD_FAILED) {
        pt_attempts_discard(p->attempts, &ack->job, ack->attempt);
    }

    processor_check_drained(p);
}


/*
 * Whoever cancels an attempt that is over may not know how it ended: one whose
 * DONE was committed before its ACK was lost has a succeeded job's files.
 * They are deleted only where it cannot have come to that.
 */
static void
processor_on_cancel(processor_t *p, const pt_attempt_ref_t *cancel)
{
    pt_command_t  newest;

    newest = pt_reports_drop(&p->reports, &cancel->job, cancel->attempt);

    pt_attempts_cancel(p->attempts, &cancel->job, cancel->attempt);

    if (newest == PT_CMD_FAILED) {
        pt_attempts_discard(p->attempts, &cancel->job, cancel->attempt);
    }

    processor_check_drained(p);
}


/* ---- time and signals ---- */

static void
processor_on_hello(uv_timer_t *timer)
{
    processor_t  *p = timer->data;

    processor_say_ready(p);

    if (p->ready) {
        (void) uv_timer_stop(timer);
    }
}


static void
processor_on_tick(uv_timer_t *timer)
{
    uint64_t      unheard_ms;
    processor_t  *p = timer->data;

    processor_say(p, PT_CMD_HEARTBEAT);
    processor_send_reports(p);

    unheard_ms = uv_now(&p->loop) - p->heard_ms;

    if (!p->draining && p->options.orphan_s != 0
        && unheard_ms >= p->options.orphan_s * 1000ULL
        && pt_attempts_count(p->attempts) == 0)
    {
        pt_log(PT_LOG_WARN, p->declared->service,
               "no orchestrator heard for %llu s, ending",
               (unsigned long long) unheard_ms / 1000);
        processor_drain(p);
    }

    processor_check_drained(p);
}


static void
processor_on_signal(uv_signal_t *handle, int number)
{
    processor_t  *p = handle->data;

    if (p->draining) {
        pt_log(PT_LOG_WARN, p->declared->service,
               "SIG%s again, ending the running jobs", sigabbrev_np(number));
        processor_stop(p, 1);
        return;
    }

    processor_drain(p);
}


/* ---- from the attempts ---- */

static void
processor_on_progress(void *ctx, const pt_id_t *job, uint32_t attempt,
    unsigned permille, pt_str_t stage)
{
    pt_msg_t      m = { .command = PT_CMD_PROGRESS };
    processor_t  *p = ctx;

    m.u.progress.job = *job;
    m.u.progress.attempt = attempt;
    m.u.progress.permille = (uint16_t) permille;
    m.u.progress.stage = stage;

    /* the next one tells more */
    if (p->ready && processor_send(p, &m) != PT_OK) {
        return;
    }
}


static void
processor_on_output(void *ctx, const pt_id_t *job, uint32_t attempt,
    pt_str_t body)
{
    pt_msg_t  m = { .command = PT_CMD_OUTPUT };

    m.u.output.job = *job;
    m.u.output.attempt = attempt;
    m.u.output.body = body;

    processor_report(ctx, &m);
}


static void
processor_on_done(void *ctx, const pt_id_t *job, uint32_t attempt,
    pt_str_t result, pt_str_t usage)
{
    pt_msg_t  m = { .command = PT_CMD_DONE };

    m.u.done.job = *job;
    m.u.done.attempt = attempt;
    m.u.done.result = result;
    m.u.done.usage = usage;

    processor_report(ctx, &m);
}


static void
processor_on_failed(void *ctx, const pt_id_t *job, uint32_t attempt,
    const pt_failure_t *failure, pt_str_t usage)
{
    pt_msg_t      m = { .command = PT_CMD_FAILED };
    processor_t  *p = ctx;

    m.u.failed.job = *job;
    m.u.failed.attempt = attempt;
    m.u.failed.code = pt_str(pt_err_code(failure->err));
    m.u.failed.message = failure->message;
    m.u.failed.retryable = pt_err_retryable(failure->err);
    m.u.failed.errors = failure->errors;
    m.u.failed.usage = usage;

    pt_log(PT_LOG_INFO, p->declared->service,
           "attempt failed: %.*s code=%s job=%s attempt=%u",
           PT_STR_ARG(failure->message), pt_err_code(failure->err),
           pt_log_id(job), (unsigned) attempt);

    processor_report(p, &m);
}


static void
processor_on_over(void *ctx)
{
    processor_check_drained(ctx);
}


static void
processor_on_broken(void *ctx, const char *why)
{
    processor_t  *p = ctx;

    pt_log(PT_LOG_ERROR, p->declared->service, "cannot run jobs: %s", why);
    processor_stop(p, 1);
}


/* ---- to the orchestrator ---- */

static void
processor_report(processor_t *p, const pt_msg_t *msg)
{
    pt_err_t  err;

    err = pt_reports_add(&p->reports, msg);

    /* PT_E_NOT_FOUND: it was cancelled, nobody wants to know */
    if (err == PT_E_NOMEM) {
        pt_log(PT_LOG_ERROR, p->declared->service, "no memory for a report");
        processor_stop(p, 1);
        return;
    }

    if (p->ready) {
        pt_reports_send_of(&p->reports, msg, uv_now(&p->loop),
                           processor_post, p);
    }
}


/* together with what else is to be said in this turn */
static pt_err_t
processor_post(void *ctx, const pt_msg_t *msg)
{
    pt_err_t      err;
    processor_t  *p = ctx;

    err = p->link ? pt_zloop_post(p->link, PT_STR_NULL, msg)
                  : PT_E_UNAVAILABLE;

    if (err == PT_E_INVALID) {
        pt_log(PT_LOG_ERROR, p->declared->service, "cannot encode %s",
               pt_command_name(msg->command));
    }

    return err;
}


static pt_err_t
processor_send(void *ctx, const pt_msg_t *msg)
{
    pt_err_t      err;
    processor_t  *p = ctx;

    if (p->link == NULL) {
        return PT_E_UNAVAILABLE;
    }

    err = pt_zloop_send(p->link, PT_STR_NULL, msg);

    if (err == PT_E_INVALID) {
        pt_log(PT_LOG_ERROR, p->declared->service, "cannot encode %s",
               pt_command_name(msg->command));
    }

    return err;
}


/* reports of attempts that an orchestrator does not know come after READY */
static void
processor_send_reports(processor_t *p)
{
    if (p->ready) {
        pt_reports_send(&p->reports, uv_now(&p->loop), TICK_MS,
                        processor_post, p);
    }
}


/* what may get lost: it is said again */
static void
processor_say(processor_t *p, pt_command_t command)
{
    pt_msg_t  m = { .command = command };

    if (processor_send(p, &m) != PT_OK) {
        return;
    }
}


static void
processor_say_ready(processor_t *p)
{
    pt_msg_t  m = { .command = PT_CMD_READY };
    pt_buf_t  actions, running;

    pt_buf_init(&actions, &pt_mem_heap, 65536);
    pt_buf_init(&running, &pt_mem_heap, PT_MARKS_MAX * PT_MARK_LEN);

    processor_actions(p, &actions);
    pt_reports_marks(&p->reports, &running);

    /* no slots: finishes what it has and wants nothing more */
    m.u.ready.service = pt_str(p->declared->service);
    m.u.ready.actions = pt_buf_str(&actions);
    m.u.ready.slots = (uint16_t) (p->draining ? 0 : p->options.slots);
    m.u.ready.group = (uint16_t) pt_processor_group(p->declared);

    /* there, our pid would be somebody else's */
    if (p->options.curve_server == NULL) {
        m.u.ready.pid = (uint32_t) getpid();
        m.u.ready.start_time = p->start_time;
    }

    m.u.ready.running = pt_buf_str(&running);

    if (processor_send(p, &m) == PT_OK) {
        p->ready = true;
        p->ready_ms = uv_now(&p->loop);

        pt_reports_unsend(&p->reports);
        processor_send_reports(p);
    }

    pt_buf_done(&actions);
    pt_buf_done(&running);
}


static void
processor_actions(const processor_t *p, pt_buf_t *buf)
{
    pt_jsonw_t          w;
    const char         *when;
    const pt_action_t  *action;

    pt_jsonw_init(&w, buf);
    pt_jsonw_array(&w);

    for (action = p->declared->actions; action->name != NULL; action++) {
        pt_jsonw_object(&w);
        pt_jsonw_key(&w, "name");
        pt_jsonw_text(&w, action->name);
        pt_jsonw_key(&w, "version");
        pt_jsonw_text(&w, p->version);
        pt_jsonw_key(&w, "cacheable");
        pt_jsonw_bool(&w, (action->flags & PT_ACTION_CACHEABLE) != 0);
        pt_jsonw_key(&w, "light");
        pt_jsonw_bool(&w, (action->flags & PT_ACTION_LIGHT) != 0);

        /* parameters with this member read tables that others write */
        when = pt_platform_when(p->platform, action->name);

        if (when != NULL) {
            pt_jsonw_key(&w, "uncached_with");
            pt_jsonw_text(&w, when);
        }

        pt_jsonw_end(&w);
    }

    pt_jsonw_end(&w);
}


/* ---- its end ---- */

static void
processor_drain(processor_t *p)
{
    if (p->draining) {
        return;
    }

    p->draining = true;
    pt_log(PT_LOG_INFO, p->declared->service, "draining attempts=%u",
           pt_attempts_count(p->attempts));

    if (p->ready) {
        processor_say_ready(p);
    }

    processor_check_drained(p);
}


static void
processor_check_drained(processor_t *p)
{
    if (!p->draining || p->stopping || pt_attempts_count(p->attempts) != 0) {
        return;
    }

    /* reports that nobody takes: the orchestrator will start them again */
    if (p->reports.n != 0
        && uv_now(&p->loop) - p->heard_ms < DRAIN_UNHEARD_MS)
    {
        return;
    }

    processor_say(p, PT_CMD_BYE);
    processor_stop(p, 0);
}


static void
processor_stop(processor_t *p, int status)
{
    if (p->stopping) {
        return;
    }

    p->stopping = true;
    p->draining = true;
    p->status = status;

    (void) uv_timer_stop(&p->hello);
    (void) uv_timer_stop(&p->tick);

    if (p->attempts != NULL) {
        pt_attempts_close(p->attempts);

    } else {
        processor_on_closed(p);
    }

    pt_platform_close(p->platform);
}


static void
processor_on_closed(void *ctx)
{
    processor_t  *p = ctx;

    p->attempts = NULL;

    /* the socket has no linger: what was just sent must get out before */
    (void) uv_timer_start(&p->tick, processor_on_farewell, FAREWELL_MS, 0);
}


static void
processor_on_farewell(uv_timer_t *timer)
{
    size_t        i;
    processor_t  *p = timer->data;

    pt_zloop_close(p->link);
    p->link = NULL;

    uv_close((uv_handle_t *) &p->hello, NULL);
    uv_close((uv_handle_t *) &p->tick, NULL);

    for (i = 0; i < 2; i++) {
        uv_close((uv_handle_t *) &p->signals[i], NULL);
    }

    pt_log(PT_LOG_INFO, p->declared->service, "ended");
}
