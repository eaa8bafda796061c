/*
 * Limits of processors: a control group (v2) for each of them where the
 * operator has given us a folder with the controllers, and rlimits and
 * niceness always.
 */

#ifndef ORCH_CGROUP_H
#define ORCH_CGROUP_H

#include "orch_config.h"


/* whether FOLDER can have groups with limits of memory and CPU; logs if not */
bool orch_cgroup_open(const char *folder);

/* a new group with the limits of p; ret_path is "" where there is none */
void orch_cgroup_make(const char *folder, const orch_config_processor_t *p,
    unsigned number, char *ret_path, size_t size);

/* takes "" */
void orch_cgroup_remove(const char *path);

/*
 * `pitchey-orchestrator launch NICE MEMORY GROUP PROGRAM ARGUMENT...`: sets
 * the limits on itself and becomes PROGRAM.  MEMORY 0: none; GROUP "": none.
 * Returns an exit status.
 */
#define ORCH_LAUNCH_WORDS  6      /* with our own name and PROGRAM */

int orch_launch(int argc, char **argv);


#endif /* ORCH_CGROUP_H */
