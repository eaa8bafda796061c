/*
 * HEALTH: whether the database answers and storage can be written.
 */

#ifndef ORCH_STORAGE_H
#define ORCH_STORAGE_H


typedef struct {
    uv_work_t         work;
    bool              working;
    char              path[512];       /* written and removed */
    char              error[256];      /* of the last try; "": it worked */
    orch_request_t   *waiting;         /* for the database */
    orch_request_t   *checking;        /* for the thread */
} orch_storage_t;


void orch_storage_health(orch_request_t *rq);


#endif /* ORCH_STORAGE_H */
