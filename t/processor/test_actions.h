/* The actions of pitchey-test. */

#ifndef TEST_ACTIONS_H
#define TEST_ACTIONS_H

#include "pt_processor.h"


/* test_actions.c: what a good action does */
pt_err_t test_noop(pt_job_t *job);
pt_err_t test_clock(pt_job_t *job);
pt_err_t test_echo(pt_job_t *job);
pt_err_t test_sleep(pt_job_t *job);
pt_err_t test_secret(pt_job_t *job);
pt_err_t test_output(pt_job_t *job);
pt_err_t test_tree(pt_job_t *job);
pt_err_t test_fail(pt_job_t *job);
pt_err_t test_read_file(pt_job_t *job);

/* test_harm.c: what a child that was taken over would do */
pt_err_t test_crash(pt_job_t *job);
pt_err_t test_hog(pt_job_t *job);
pt_err_t test_escape(pt_job_t *job);
pt_err_t test_linger(pt_job_t *job);


#endif /* TEST_ACTIONS_H */
