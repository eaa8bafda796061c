/*
 * A processor without an orchestrator, for development and tests:
 *
 *     pitchey-video run ACTION --params FILE|- [--input ID=PATH:MEDIATYPE]...
 *         --out DIR [--share DIR] [--user ID] [--role ROLE]
 *         [--user-type TYPE] [--storage DIR] [--timeout SECONDS]
 *
 * One job through the same zygote, child, sandbox and storage.  Progress goes
 * to stderr, one JSON document with result or failure to stdout; the outputs
 * are left in DIR.  --storage is the platform's, for a processor that reads
 * it; its database is in PITCHEY_PLATFORM_DATABASE.
 */

#ifndef PT_RUN_H
#define PT_RUN_H

#include "pt_processor.h"


/* argv[0] is "run"; the exit status: 0 succeeded, 1 failed, 2 usage */
int pt_run_main(const pt_processor_t *processor, int argc, char **argv);


#endif /* PT_RUN_H */
