/* `pitchey-orchestrator migrate`: brings the schema up to date. */

#ifndef ORCH_MIGRATE_H
#define ORCH_MIGRATE_H

#include "orch_config.h"


/*
 * Applies SHARE/sql/NNNN_NAME.sql in order, each that is not recorded in
 * pitchey.migration, each in a transaction of its own.  May run on several
 * hosts at once.  Blocks; logs what it does.
 *
 * Errors  PT_E_IO (files), PT_E_DATABASE, PT_E_CONFLICT (a file has changed
 *         since it was applied), PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t orch_migrate(const orch_config_t *config);

/*
 * Whether the database has every migration of SHARE/sql: PT_OK, or
 * PT_E_CONFLICT when `migrate` has to run first.
 */
PT_MUST_CHECK pt_err_t orch_migrate_check(const orch_config_t *config);


#endif /* ORCH_MIGRATE_H */
