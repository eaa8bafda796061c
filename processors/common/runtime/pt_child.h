/*
 * A child: takes jobs from its socket, one after the other, and runs their
 * actions in its sandbox until the parent ends it.
 */

#ifndef PT_CHILD_H
#define PT_CHILD_H

#include <pthread.h>
#include <sys/types.h>

#include "pt_access.h"
#include "pt_childmsg.h"
#include "pt_processor.h"


/* a job, as the functions of pt_processor.h see it */
struct pt_job_s {
    int                 fd;            /* the parent; blocking */
    const char         *scratch;
    bool                limited;       /* memory is: no memory is a limit */
    const pt_access_t  *access;        /* NULL: nothing but the scratch */
    bool                light;         /* its action is: no outputs */

    pt_str_t            id;            /* these borrow from the message */
    pt_str_t            user;
    pt_str_t            role;
    pt_str_t            user_type;
    pt_json_t          *params;
    pt_json_t          *platform;      /* NULL: no row */
    pt_json_t          *inputs_json;
    pt_input_t         *inputs;
    size_t              ninputs;

    pthread_mutex_t     lock;          /* any thread may report: */
    pt_buf_t            send;          /* messages being written, */
    unsigned            permille;      /* what was sent last, */
    char                stage[PT_NAME_MAX + 1];
    uint64_t            sent_ms;       /* when; monotonic */

    pt_buf_t            result;        /* and how it ends */
    pt_err_t            err;
    char                reason[PT_LINE_MAX + 1];
    pt_buf_t            violations;    /* JSON objects with commas between */
};


/*
 * The life of a child, in a process that was just forked.
 *
 * access  what it may reach, given up before the sandbox closes
 * folder  of pt_scratch_make()
 * zygote  the pid of its parent
 * fd, log  descriptors: the socket, and where stdout and stderr go
 */
void pt_child_main(const pt_processor_t *processor, pt_access_t *access,
    const char *folder, pid_t zygote, int fd, int log) __attribute__((noreturn));

/*
 * pt_job.c: the job of a JOB message, which must live as long.
 *
 * Errors  PT_E_BAD_MESSAGE, PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_job_init(pt_job_t *job, int fd, const char *scratch,
    const pt_childmsg_t *m);
void pt_job_done(pt_job_t *job);

/* tells the parent how it ended; err is what the action returned */
void pt_job_finish(pt_job_t *job, pt_err_t err);


#endif /* PT_CHILD_H */
