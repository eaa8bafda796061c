/*
 * What is answered from the database alone: jobs, lists, events, where
 * outputs and files lie, and uploads that become files.  What is somebody
 * else's is answered like what does not exist.
 */

#ifndef ORCH_READ_H
#define ORCH_READ_H


void orch_read_get(orch_request_t *rq);
void orch_read_list(orch_request_t *rq);
void orch_read_events(orch_request_t *rq);
void orch_read_open(orch_request_t *rq);
void orch_read_file_add(orch_request_t *rq);
void orch_read_file_get(orch_request_t *rq);

/* answers any request with that job, if it is theirs to see */
void orch_read_job(orch_request_t *rq, const pt_id_t *id);

/*
 * The media type that a file's name promises; for files of trees, which have
 * no row of their own.
 */
pt_str_t orch_media_type(pt_str_t name);

/* whether it may stand in a header */
bool orch_media_type_is_good(pt_str_t type);

/* an output's name: [a-z0-9._-], "/" between, no leading dot, 1 to 255 */
bool orch_output_name_is_good(pt_str_t name);


#endif /* ORCH_READ_H */
