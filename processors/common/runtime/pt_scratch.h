/*
 * The scratch directory of a processor: one folder of its own below the
 * common one, one below that for each child.
 *
 *     SCRATCH/video-processing.1234/      locked while the processor lives
 *         7/in/                           the inputs: a child may read
 *         7/out/                          pt_job_scratch(): may write
 *
 * The lock, not the pid in the name, says whether the owner lives: a folder
 * whose lock can be had is a dead processor's and is removed at the next
 * start, whatever pid namespace it came from.
 */

#ifndef PT_SCRATCH_H
#define PT_SCRATCH_H

#include "pt_err.h"


typedef struct pt_scratch_s  pt_scratch_t;


/*
 * Makes and locks the own folder below root, which must exist, after it
 * removed what dead ones of the same service left there.
 *
 * Errors  PT_E_IO with errno, PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_scratch_open(const char *root, const char *service,
    pt_scratch_t **ret_scratch);

/* removes the own folder with all in it; takes NULL */
void pt_scratch_close(pt_scratch_t *scratch);

/*
 * A new folder with in/ and out/ for the n-th child, absolute, without links.
 *
 * ret_path  heap
 * Errors    PT_E_IO with errno, PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_scratch_make(pt_scratch_t *scratch, unsigned n,
    char **ret_path);

/* empties in/ and out/ of a child's folder; from any thread */
PT_MUST_CHECK pt_err_t pt_scratch_empty(const char *path);


#endif /* PT_SCRATCH_H */
