/*
 * Uploads that become files of their user's, and go again: FILE_ADD, FILE_GET,
 * FILE_LIST, FILE_DELETE, and OPEN of a file.
 *
 * An upload's bytes lie in storage before its row is written, and go after the
 * row has: what a crash leaves between is bytes without a row (orch_sweep.h).
 */

#ifndef ORCH_FILES_H
#define ORCH_FILES_H

#include "pt_storage.h"


void orch_files_add(orch_request_t *rq);
void orch_files_get(orch_request_t *rq);
void orch_files_list(orch_request_t *rq);
void orch_files_delete(orch_request_t *rq);
void orch_files_open(orch_request_t *rq);


#endif /* ORCH_FILES_H */
