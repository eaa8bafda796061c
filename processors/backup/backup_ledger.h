/*
 * The ledger: what was done to whose backup, and who was erased.  Lines that
 * are chained by their hashes and signed; kept in the store.
 */

#ifndef BACKUP_LEDGER_H
#define BACKUP_LEDGER_H

#include "backup_store.h"


typedef struct {
    int64_t   seq;
    pt_str_t  at;              /* RFC 3339; they compare as text */
    pt_str_t  kind;
    pt_str_t  owner;
    pt_str_t  hash;
    pt_str_t  line;            /* as it stands, without its line feed */
} backup_entry_t;


/* false ends the reading */
typedef bool (*backup_entry_fn)(void *ctx, const backup_entry_t *entry);


/*
 * Appends a line, durable when this returns.
 *
 * by        who asked, "system" for a schedule or a person at the shell
 * data      a JSON value
 * ret_line  the line as written; may be NULL
 * Errors    PT_E_INPUT_BROKEN (the last line is damaged), PT_E_STORAGE
 */
PT_MUST_CHECK pt_err_t backup_ledger_add(backup_store_t *store,
    const char *kind, const char *owner, pt_str_t by, pt_str_t data,
    pt_buf_t *ret_line);

/*
 * Every entry in order.
 *
 * check   hashes, chain and signatures too
 * Errors  PT_E_INPUT_BROKEN, which names the line
 */
PT_MUST_CHECK pt_err_t backup_ledger_read(backup_store_t *store, bool check,
    backup_entry_fn visit, void *ctx);

/*
 * When an owner was erased for the last time; "" for never.
 */
PT_MUST_CHECK pt_err_t backup_ledger_erased(backup_store_t *store,
    const char *owner, char ret_at[BACKUP_TIME_LEN + 1]);

/* whether a legal hold lies on an owner's backups: nothing is deleted */
PT_MUST_CHECK pt_err_t backup_ledger_held(backup_store_t *store,
    const char *owner, bool *ret_held);


#endif /* BACKUP_LEDGER_H */
