/*
 * Files and folders: copying, and emptying and removing folders that somebody else filled: however deep and
 * wide, with a fixed number of descriptors and no recursion.
 */

#ifndef PT_FOLDER_H
#define PT_FOLDER_H

#include "pt_err.h"


/* Errors: PT_E_IO with errno, then something is left */
PT_MUST_CHECK pt_err_t pt_folder_empty(const char *path);

/*
 * With all in it; none there is no error.  Not must-check: where it tidies
 * up, what is left is met again.  Errors: PT_E_IO with errno
 */
pt_err_t pt_folder_remove(const char *path);

/* copies what is left of one file to another; -1 with errno */
PT_MUST_CHECK int pt_fd_copy(int from, int to);


#endif /* PT_FOLDER_H */
