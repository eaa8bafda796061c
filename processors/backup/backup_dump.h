/*
 * pg_dump, which a child in its sandbox can neither start nor connect: a
 * helper that was forked before the sandbox closed starts it when told.  It
 * knows one word, and takes a snapshot's id for it.
 */

#ifndef BACKUP_DUMP_H
#define BACKUP_DUMP_H

#include "backup_read.h"


/* prepare() of the processor */
PT_MUST_CHECK pt_err_t backup_dump_prepare(const pt_reach_t *reach);

/*
 * Passes on what pg_dump writes, in its custom format, not compressed.
 *
 * Errors  PT_E_DATABASE (it failed; its reason is in the log), or visit's
 */
PT_MUST_CHECK pt_err_t backup_dump(const char *snapshot,
    backup_piece_fn visit, void *ctx);


#endif /* BACKUP_DUMP_H */
