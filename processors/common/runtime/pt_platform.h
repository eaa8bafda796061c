/*
 * Rows of the platform's tables that an action asks for.
 *
 * A child parses what people wrote and has no connection.  Where
 * SHARE/platform/SERVICE/ACTION.sql exists, the parent runs it before the job
 * goes to its child, which finds the answer by pt_job_platform().
 *
 *     -- when: pitch_id
 *     SELECT jsonb_build_object(...) FROM pitches WHERE ...
 *
 * The first line names the member of the parameters that asks for it: a job
 * without it (or with null or false) is not queried.  $1 is the user's id,
 * $2 the role (text), $3 the parameters (jsonb).  It answers one jsonb value
 * in one row; none, or NULL: nothing found, or not the caller's.  Who may see
 * what is decided there.  The transaction is read-only and ends after
 * PT_PLATFORM_STATEMENT_MS.
 *
 * The connection is made when the first job asks, with the conninfo in
 * PITCHEY_PLATFORM_DATABASE of the environment.
 */

#ifndef PT_PLATFORM_H
#define PT_PLATFORM_H

#include <uv.h>

#include "pt_processor.h"


#define PT_PLATFORM_MAX           (1u << 20)   /* bytes of an answer */
#define PT_PLATFORM_WAIT_MS       8000         /* for connection and answer */
#define PT_PLATFORM_STATEMENT_MS  "5000"


typedef struct pt_platform_s      pt_platform_t;
typedef struct pt_platform_ask_s  pt_platform_ask_t;


/*
 * The answer, once; json is absent where there is no row, and lives for the
 * call only.
 *
 * err  PT_E_UNAVAILABLE  no database is configured, or it cannot be reached
 *      PT_E_DATABASE     it refused, or took too long
 *      PT_E_TOO_LARGE    more than PT_PLATFORM_MAX
 *      PT_E_INVALID      a value in the parameters that it cannot use
 */
typedef void (*pt_platform_done_fn)(void *ctx, pt_err_t err, pt_str_t json);


/*
 * Reads the files of all actions.
 *
 * share   the folder that holds platform/
 * conninfo  of the platform's database, NULL: none; borrowed until the close
 * answer  of all questions, instead of the database's; may be NULL
 * Errors  PT_E_INVALID, PT_E_IO (after a log line), PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_platform_open(uv_loop_t *loop,
    const pt_processor_t *processor, const char *share, const char *conninfo,
    const char *answer, pt_platform_t **ret_platform);

/* frees after another turn of the loop; nobody is answered; takes NULL */
void pt_platform_close(pt_platform_t *platform);

/* the member of an action's parameters that asks for rows, or NULL */
const char *pt_platform_when(const pt_platform_t *platform,
    const char *action);

/* whether these parameters ask for rows; not JSON: no */
bool pt_platform_wants(const pt_platform_t *platform, const char *action,
    pt_str_t params);

/*
 * Asks for what pt_platform_wants().  done does not come within the call.
 *
 * Errors  PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_platform_ask(pt_platform_t *platform,
    const char *action, pt_str_t user, pt_str_t role, pt_str_t params,
    pt_platform_done_fn done, void *ctx, pt_platform_ask_t **ret_ask);

/* done does not come any more */
void pt_platform_forget(pt_platform_ask_t *ask);


#endif /* PT_PLATFORM_H */
