/*
 * A processor: what it declares, and what an action may call.
 *
 * main() of a processor is pt_processor_main() with a declaration.  The
 * runtime connects to the orchestrator, announces the service, fetches the
 * inputs of each job into a scratch directory, runs the action in a prepared
 * child, relays progress and outputs as they come, stores files, reports
 * usage, cancels, and drains on SIGTERM.
 *
 * Three processes:
 *
 *   parent   one thread of ours, libuv, ZeroMQ: never touches an input's bytes
 *     `- zygote      forked before any thread exists; load() ran in it once
 *          `- child  one for each slot in use: runs actions, sandboxed
 *
 * Everything below "in a child" runs there, and only there.
 */

#ifndef PT_PROCESSOR_H
#define PT_PROCESSOR_H

#include "pt_json.h"
#include "pt_s3.h"


typedef struct pt_job_s  pt_job_t;

struct pg_conn;            /* libpq's PGconn */


/* what prepare() may use; all of it is wiped when it returns */
typedef struct {
    const char     *conninfo;      /* NULL: no database is configured */
    const pt_s3_t  *s3;            /* NULL: no bucket, or not declared */
} pt_reach_t;


typedef struct {
    const char   *name;                        /* "generate-nda" */

    /*
     * In a child: does the work.  PT_OK: the result is what pt_job_result()
     * was given.  Else what pt_job_fail() returned.
     */
    pt_err_t    (*run)(pt_job_t *job);

    unsigned      flags;                       /* PT_ACTION_* */
} pt_action_t;

/* same parameters, inputs and version give the same outputs: may be cached */
#define PT_ACTION_CACHEABLE  0x1

/*
 * Takes milliseconds and no files, neither inputs nor outputs: a child is
 * handed several of its jobs at once and runs them one after the other,
 * without a word between them.
 */
#define PT_ACTION_LIGHT      0x2


typedef struct {
    const char          *service;              /* "video-processing" */
    const pt_action_t   *actions;              /* ends with a NULL name */

    unsigned             slots;                /* jobs at once; 0: number of cores */
    unsigned             group;                /* attempts of light actions that
                                                * share one slot; 0: 64 */
    unsigned             jobs_per_child;       /* then a fresh one; 0: 1,000 */

    /* limits of one child; 0: no limit */
    uint64_t             memory_bytes;         /* address space (RLIMIT_AS) */
    uint64_t             file_bytes;           /* one file (RLIMIT_FSIZE) */
    uint64_t             outputs_bytes;        /* all outputs of one job */
    unsigned             cpu_s;                /* of one job */
    unsigned             timeout_s;            /* of an attempt whose job names
                                                * none, from its assignment */

    /* in the zygote, before any thread: fonts, templates, models.  share is
     * the folder that holds templates/ and the like. */
    pt_err_t           (*load)(const char *share);

    /*
     * In the zygote, when nobody has asked it for anything for a while: what
     * makes jobs cheaper, and is not worth that the first one waits for it.
     * Children that are made later have it.  An error, after a log line, ends
     * nothing but a job that is run by hand.  May be NULL.
     */
    pt_err_t           (*warm)(void);

    /*
     * What besides the binary decides the outputs (fonts, templates, model):
     * writes a text that changes with it, after load().  May be NULL.  The
     * version of every action is the SHA-256 of the binary and this text.
     */
    void               (*version)(pt_buf_t *buf);

    /*
     * What a child may reach besides its scratch folder.  Only for actions
     * whose input is the platform's own rows and files: who takes a child
     * over that parses a stranger's bytes must find none of this.
     */
    unsigned             connections;          /* to the platform's database,
                                                * each child's own; opened
                                                * before its sandbox closes */
    bool                 reads_storage;        /* all that users have stored */
    bool                 writes_storage;       /* too: restored files */
    const char          *folder_env;           /* "PITCHEY_BACKUP_STORE": the
                                                * variable that names a folder
                                                * which it reads and writes */

    /*
     * In each child, last before its sandbox closes: opens what cannot be
     * opened afterwards.  May be NULL.
     */
    pt_err_t           (*prepare)(const pt_reach_t *reach);
} pt_processor_t;


/* the folder of templates, fonts and the like, unless --share names one */
#define PT_SHARE_DEFAULT  "/usr/share/pitchey"

/*
 * main(): parses the command line (--help tells), runs, returns exit status.
 * "run" as first argument runs one job without an orchestrator: see pt_run.h.
 */
int pt_processor_main(const pt_processor_t *processor, int argc, char **argv);


/* ---- in a child ---- */

typedef struct {
    pt_str_t      id;            /* the file id that the parameters name */
    const char   *path;          /* readable; not inside pt_job_scratch() */
    pt_str_t      media_type;    /* by its magic bytes, as the edge saw it */
    pt_str_t      name;          /* what the user called it */
    uint64_t      size;          /* bytes */
} pt_input_t;

/* the action's parameters, valid by its schema; borrowed from the job */
const pt_json_t *pt_job_params(const pt_job_t *job);

/*
 * What SHARE/platform/SERVICE/ACTION.sql answered (see pt_platform.h); NULL:
 * not asked, nothing found, or not the caller's.
 */
const pt_json_t *pt_job_platform(const pt_job_t *job);

/* the input of a file id, or NULL */
const pt_input_t *pt_job_input(const pt_job_t *job, pt_str_t file_id);

/* who asked */
pt_str_t pt_job_id(const pt_job_t *job);           /* UUID text */
pt_str_t pt_job_user(const pt_job_t *job);
pt_str_t pt_job_role(const pt_job_t *job);         /* may list several, with
                                                    * commas between */
pt_str_t pt_job_user_type(const pt_job_t *job);

/* whether "admin" is one of the roles */
bool pt_job_is_admin(const pt_job_t *job);

/*
 * The scratch directory: writable, absolute, without a last "/", the current
 * directory of the child, empty at first, emptied by the parent however the
 * job ended.  The sandbox lets a child open nothing outside of it but its
 * inputs: what else an action reads (fonts, templates, models, a locale, a
 * library) is loaded by load().  What Landlock does not know of (stat(), the
 * current directory) is no secret.
 */
const char *pt_job_scratch(const pt_job_t *job);

/*
 * A connection to the platform's database, 0 to pt_processor_t.connections - 1:
 * idle, outside of a transaction, with the settings that the server gave it.
 * Use it as you like, but for closing it or opening another: the sandbox has
 * no socket().  PQcancel() is out of reach likewise; the child of a cancelled
 * job is ended, and the server notices within seconds.
 *
 * Afterwards the child rolls back what is open and discards what the session
 * has set.  One that broke, in a job or between two, ends the child; the next
 * job finds a fresh one.  So a failure to be tried again is all that an action
 * makes of it:
 *     return pt_job_fail(job, PT_E_DATABASE, "%s", PQerrorMessage(conn));
 *
 * NULL: no database is configured; the job's failure (PT_E_DATABASE) says so.
 */
struct pg_conn *pt_job_connection(pt_job_t *job, unsigned n);

/* the storage's root to read below, where it is declared; else NULL */
const char *pt_job_storage(const pt_job_t *job);

/* the folder of folder_env to read and write, or NULL: none is configured */
const char *pt_job_folder(const pt_job_t *job);

/*
 * Progress, 0 to 1000, never backwards, and a short word for the stage
 * ("encode").  Cheap: call it as often as you like, ten a second are sent.
 */
void pt_job_progress(pt_job_t *job, unsigned permille, const char *stage);

/*
 * Publishes a finished file of the scratch directory: hands it over, so it
 * must not be written or removed afterwards.
 *
 * name        "contract.pdf": [a-z0-9._-], "/" between, no leading dot
 * media_type  "application/pdf", without parameters
 * path        below the scratch directory, absolute or relative to it
 * Errors      PT_E_INVALID (name, media type, or no such file), PT_E_IO
 */
PT_MUST_CHECK pt_err_t pt_job_output(pt_job_t *job, const char *name,
    const char *media_type, const char *path);

/*
 * Publishes a finished folder as one output: an HLS presentation, say.  The
 * files below it are served as outputs/NAME/... with the media type of their
 * file name's ending.
 *
 * entry       the file to open first, relative to the folder: "master.m3u8"
 *
 * A tree may grow: another call with the same name and entry adds what is in
 * another folder, and puts a file in the place of one that has its path.
 * Readers find each whole, and playlists after what they name.  Its size is
 * told anew when the job has succeeded.
 */
PT_MUST_CHECK pt_err_t pt_job_output_tree(pt_job_t *job, const char *name,
    const char *entry, const char *path);

/* the job's "result": one JSON value, at most 1 MiB; the last call counts */
PT_MUST_CHECK pt_err_t pt_job_result(pt_job_t *job, pt_str_t json);

/*
 * The reason of a failure; returns err, so that an action can end with
 *     return pt_job_fail(job, PT_E_INPUT_BROKEN, "no index");
 * Whether it is tried again follows from err.  The first reason is kept.
 */
pt_err_t pt_job_fail(pt_job_t *job, pt_err_t err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* adds a violation {"pointer","detail"} to the failure's "errors" */
void pt_job_fail_at(pt_job_t *job, pt_str_t pointer, pt_str_t detail);

/*
 * One line of log, lower case, no full stop: "cannot ..., ignoring".  The
 * runtime adds job and attempt.
 */
void pt_job_log(pt_job_t *job, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


#endif /* PT_PROCESSOR_H */
