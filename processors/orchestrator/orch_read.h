/*
 * What is answered from the database alone: jobs, lists, events, and where
 * outputs lie.  What is somebody else's is answered like what does not exist.
 */

#ifndef ORCH_READ_H
#define ORCH_READ_H


void orch_read_get(orch_request_t *rq);
void orch_read_list(orch_request_t *rq);
void orch_read_events(orch_request_t *rq);
void orch_read_open(orch_request_t *rq);

/* answers any request with that job, if it is theirs to see */
void orch_read_job(orch_request_t *rq, const pt_id_t *id);

/* one statement on a connection for reading; refuses the request without one */
void orch_read_query(orch_request_t *rq, orch_sql_t sql,
    const pt_pg_args_t *args, pt_pg_done_fn done);

/* the last result; or NULL, and the request is answered */
const PGresult *orch_read_result(orch_request_t *rq, pt_err_t err,
    PGresult *const *results, size_t n);

/*
 * Answers with a page: {NAME: [...], "next"}, of rows whose first column is
 * their id.  One row more than limit tells that there is another page.
 */
void orch_read_page(orch_request_t *rq, const PGresult *res, const char *name,
    unsigned limit, void (*write)(orch_t *o, pt_jsonw_t *w,
                                  const PGresult *res, int row));

/* answers with the buffer, and frees it */
void orch_read_reply(orch_request_t *rq, pt_buf_t *buf);

/*
 * The media type that a file's name promises; for files of trees, which have
 * no row of their own.
 */
pt_str_t orch_media_type(pt_str_t name);

/* whether it may stand in a header */
bool orch_media_type_is_good(pt_str_t type);

/* an output's name: [a-z0-9._-], "/" between, no leading dot, 1 to 255 */
bool orch_output_name_is_good(pt_str_t name);


/* the least id that can be made at that time, or later */
pt_id_t orch_id_of_time(int64_t ms);

/* a row of a job's columns, brief or whole */
void orch_read_view(orch_t *o, const PGresult *res, int row, bool brief,
    orch_job_view_t *ret_view);


#endif /* ORCH_READ_H */
