/*
 * Errors: one table of stable codes for the module and the daemons.
 *
 * A function that can fail returns pt_err_t and gives its result through a
 * ret_ parameter, which is untouched on failure.  The code's text goes over
 * the wire, into the database and into problem documents, and never changes
 * its meaning.  Only the module maps codes to HTTP statuses.
 */

#ifndef PT_ERR_H
#define PT_ERR_H

#include <stdbool.h>
#include "pt_str.h"


#define PT_MUST_CHECK  __attribute__((warn_unused_result))


typedef enum {
    PT_OK = 0,

    /* the request is at fault: repeating it changes nothing */
    PT_E_BAD_MESSAGE,         /* bytes that are no message of PJP1 */
    PT_E_UNKNOWN_COMMAND,     /* PJP1, but a command we do not know */
    PT_E_INVALID,             /* a value outside what it may be */
    PT_E_TOO_LARGE,           /* over a limit that its owner states */
    PT_E_NOT_FOUND,           /* does not exist, or is somebody else's */
    PT_E_FORBIDDEN,           /* the route is for other roles */
    PT_E_CONFLICT,            /* not possible in the present state */
    PT_E_IDEMPOTENCY_MISMATCH,/* same key, another body */
    PT_E_IN_FLIGHT,           /* same key, first request not answered yet */
    PT_E_GONE,                /* existed, was withdrawn or has expired */
    PT_E_UNKNOWN_FILE,        /* names a file that is not the caller's */
    PT_E_UNKNOWN_ACTION,      /* no processor offers it */
    PT_E_QUOTA,               /* over the user's quota */
    PT_E_SEALING_KEY,         /* none to seal with, or to open with */

    /* the input of a job is at fault */
    PT_E_INPUT_BROKEN,        /* damaged beyond use */
    PT_E_INPUT_UNSUPPORTED,   /* understood, and refused */
    PT_E_INPUT_LIMIT,         /* more pixels, seconds, pages than allowed */
    PT_E_PARAMETERS,          /* parameters that contradict the data */

    /* the work ended early */
    PT_E_CANCELLED,           /* somebody asked for it */
    PT_E_EXPIRED,             /* past expires_at before its start */
    PT_E_TIMEOUT,             /* over its deadline */
    PT_E_CRASHED,             /* the child died: a signal, or no result */
    PT_E_RESOURCE_LIMIT,      /* memory, CPU time or file size exceeded */

    /* we are at fault, or something we stand on: a retry may help */
    PT_E_NOMEM,
    PT_E_IO,                  /* a file could not be read or written */
    PT_E_STORAGE,             /* storage refused or is full */
    PT_E_DATABASE,            /* no connection, or the statement failed */
    PT_E_UNAVAILABLE,         /* nobody there to do it now */
    PT_E_QUEUE_FULL,          /* back-pressure */
    PT_E_INTERNAL,            /* a broken invariant of ours */

    PT_E_COUNT_
} pt_err_t;


/* the stable code, for example "queue_full"; "internal" for a stray value */
const char *pt_err_code(pt_err_t err);

/* whether doing the same again later may succeed */
bool pt_err_retryable(pt_err_t err);

/* the error of a code; PT_E_INTERNAL for one this release does not know */
pt_err_t pt_err_from_code(pt_str_t code);


#endif /* PT_ERR_H */
