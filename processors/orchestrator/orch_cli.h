/*
 * Commands for operators: they look at files, at the database, and ask the
 * orchestrator that runs, over the edge's socket, as an admin.
 */

#ifndef ORCH_CLI_H
#define ORCH_CLI_H

#include "orch_config.h"


/* `check`: configuration, folders, programs, database; an exit status */
int orch_cli_check(const orch_config_t *config);

/* `status`: what runs and what waits */
int orch_cli_status(const orch_config_t *config);

/* `drain`: finish what runs, begin nothing, and end; waits for the end */
int orch_cli_drain(const orch_config_t *config);

/* `jobs list|show|cancel|redrive ...`; argv begins behind "jobs" */
int orch_cli_jobs(const orch_config_t *config, int argc, char **argv);


/* `keygen FILE`: our keys into FILE, the public one on stdout */
int orch_cli_keygen(const char *path);


/* `sealkey FILE`: a new key in FILE, which is made if it does not exist */
int orch_cli_sealkey(const char *path);


/* called wrongly */
#define ORCH_EXIT_USAGE  2


#endif /* ORCH_CLI_H */
