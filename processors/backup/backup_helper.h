/*
 * Processes that are forked before a child's sandbox closes and do for it what
 * it may not any more: start pg_dump, speak to a bucket.  They end with it.
 */

#ifndef BACKUP_HELPER_H
#define BACKUP_HELPER_H

#include "backup.h"


/* fd: a stream to the child; the process ends when this returns */
typedef void (*backup_helper_fn)(int fd, const pt_reach_t *reach);

/* ret_fd: the stream to the helper */
PT_MUST_CHECK pt_err_t backup_helper_start(const char *name,
    backup_helper_fn run, const pt_reach_t *reach, int *ret_fd);

/* all of len bytes, or false: the other side has gone */
bool backup_helper_read(int fd, void *data, size_t len);
bool backup_helper_write(int fd, const void *data, size_t len);


#endif /* BACKUP_HELPER_H */
