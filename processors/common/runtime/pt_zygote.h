/*
 * The zygote: a process that was forked before any thread existed, has run
 * load(), and makes children on request.  Fonts, templates and models are in
 * its memory once; its children share the pages.
 *
 * It is talked to over a SOCK_SEQPACKET pair, one struct a message.  It ends
 * with the parent, its children end with it (PR_SET_PDEATHSIG); a parent that
 * loses its zygote ends, and is started again.
 */

#ifndef PT_ZYGOTE_H
#define PT_ZYGOTE_H

#include <sys/types.h>

#include "pt_access.h"


#define PT_VERSION_LEN         64      /* SHA-256 in hex */
#define PT_CHILD_FOLDER_MAX    1024    /* bytes of its path, terminated */


typedef enum {
    PT_ZYGOTE_READY = 0,     /* load() is done */
    PT_ZYGOTE_STARTED,       /* a child exists, or could not be made */
    PT_ZYGOTE_EXITED         /* a child has ended, and its end was awaited */
} pt_zygote_event_kind_t;


typedef struct {
    pt_zygote_event_kind_t  kind;
    unsigned                child;      /* STARTED: the number asked for */
    pid_t                   pid;        /* STARTED, EXITED */
    int                     error;      /* STARTED: errno, then there is none */
    int                     status;     /* EXITED: of wait4() */
    uint64_t                cpu_ms;     /* EXITED: of its whole life */
    uint64_t                peak_bytes; /* EXITED: resident set */
    char                    version[PT_VERSION_LEN + 1];      /* READY */
} pt_zygote_event_t;


/* what comes with STARTED; close-on-exec, the receiver's */
typedef struct {
    int  socket;        /* of pt_childmsg.h; non-blocking */
    int  log;           /* what the child writes to stdout and stderr */
    int  pidfd;
} pt_child_fds_t;


typedef struct {
    int    fd;
    pid_t  pid;
} pt_zygote_t;


/*
 * Forks the zygote and waits until it has loaded.  The first thing that main
 * does.
 *
 * access       of its children; the zygote has a copy
 * eager        warm() at once, and what it cannot do is an error: who runs one
 *              job by hand wants to know
 * ret_version  of every action: the SHA-256 of binary and version() in hex
 * Errors       PT_E_INTERNAL (after a log line)
 */
PT_MUST_CHECK pt_err_t pt_zygote_start(const pt_processor_t *processor,
    const char *share, pt_access_t *access, bool eager,
    pt_zygote_t *ret_zygote, char ret_version[PT_VERSION_LEN + 1]);

/* ends it, and with it all children */
void pt_zygote_stop(pt_zygote_t *zygote);

/*
 * Asks for a child whose folder is of pt_scratch_make(); STARTED follows.
 *
 * Errors  PT_E_QUEUE_FULL, PT_E_UNAVAILABLE (the zygote is gone)
 */
PT_MUST_CHECK pt_err_t pt_zygote_spawn(pt_zygote_t *zygote, unsigned child,
    const char *folder);

/*
 * The next event without waiting.
 *
 * ret_fds  -1 each, but after STARTED without error
 * Errors   PT_E_NOT_FOUND (none now), PT_E_UNAVAILABLE (the zygote is gone)
 */
PT_MUST_CHECK pt_err_t pt_zygote_event(pt_zygote_t *zygote,
    pt_zygote_event_t *ret_event, pt_child_fds_t *ret_fds);


#endif /* PT_ZYGOTE_H */
