/* What is common to the backups of a user and of the platform. */

#ifndef BACKUP_SAVE_H
#define BACKUP_SAVE_H

#include "backup_session.h"


/*
 * Removes complete generations that a policy does not keep, and the objects
 * that no generation needs any more.
 *
 * keep         so many of the newest are kept
 * daily, ...   the newest of each of so many days, weeks, months too
 */
typedef struct {
    unsigned  last;
    unsigned  daily;
    unsigned  weekly;
    unsigned  monthly;
    unsigned  days;            /* nothing older, but for the newest; 0: all */
} backup_keep_t;

PT_MUST_CHECK pt_err_t backup_retain(const backup_owner_t *owner,
    const backup_keep_t *keep, unsigned *ret_removed);


#endif /* BACKUP_SAVE_H */
