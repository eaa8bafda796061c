/*
 * What a child may not do, set for good before it sees an input.
 *
 *   no_new_privs   no set-user-id program gives anything back
 *   capabilities   none, also when the processor runs as root
 *   rlimits        address space, file size, no core file
 *   Landlock       reads below in/, reads and writes below out/, and what
 *                  its processor declares; nothing else
 *   seccomp        no socket, no new process, no new program, no ptrace, no
 *                  new executable memory, no change of modes, owners or
 *                  links; what is not on the list fails with EPERM.  Where
 *                  connections are open, they may be used
 *
 * Threads may be made afterwards, and are under the same rules.
 */

#ifndef PT_SANDBOX_H
#define PT_SANDBOX_H

#include <stdint.h>

#include "pt_err.h"


typedef struct {
    const char  *in;               /* folder that may be read */
    const char  *out;              /* folder that may be written, too */
    const char  *also_in;          /* others of each, or NULL */
    const char  *also_out[2];
    bool         connected;        /* sockets that are open may be used */
    uint64_t     memory_bytes;     /* 0: no limit */
    uint64_t     file_bytes;       /* 0: no limit */
} pt_sandbox_t;


/*
 * Once, while the process has one thread.  A kernel without Landlock is no
 * error: see pt_sandbox_has_landlock().
 *
 * ret_step  the step that failed, a constant text; errno says why
 * Errors    PT_E_INTERNAL
 */
PT_MUST_CHECK pt_err_t pt_sandbox_enter(const pt_sandbox_t *s,
    const char **ret_step);

/*
 * Whether the kernel keeps children to their folders.  Without, any file of
 * the processor's user is within a child's reach: a processor starts only if
 * its operator says so, and inputs are copied for its children.
 */
bool pt_sandbox_has_landlock(void);

/*
 * Loads and remembers what libraries open late and could not any more: the
 * unwinder that pthread_exit() wants, the time zone.  In the zygote.
 */
void pt_sandbox_prepare(void);


#endif /* PT_SANDBOX_H */
