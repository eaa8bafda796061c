/*
 * Takes in what clients have put into the bucket themselves.
 *
 * nginx gave an address for one PUT, below direct/.  What lies there is copied
 * to the storage's folder, where it cannot change any more, and looked at;
 * from FILE_ADD on it is a file as any other, and goes to the bucket like one.
 * That takes as long as it takes: who asks again is told so, and the answer is
 * kept for a while.  What is never asked for is removed after a day.
 */

#ifndef ORCH_DIRECT_H
#define ORCH_DIRECT_H


#define ORCH_DIRECT_WORKING  2         /* threads of libuv's four */
#define ORCH_DIRECT_KEPT     64        /* answers */

typedef struct orch_direct_file_s  orch_direct_file_t;

typedef struct {
    orch_direct_file_t  *files;
    unsigned             nfiles;
    unsigned             working;
    uint64_t             next_ms;      /* of the loop's clock: a look for old
                                        * ones */
    bool                 looking;
    uv_work_t            work;
    unsigned             nfolders;     /* the look's */
    char               (*folders)[32];
    const char          *folder;       /* that is listed */
} orch_direct_t;


/* FILE_FETCH */
void orch_direct_fetch(orch_request_t *rq);

/* it is a file: what the client had put is of no use any more */
void orch_direct_added(orch_t *o, const pt_id_t *id);

/* every second */
void orch_direct_tick(orch_t *o);

/* after the loop's last turn: its threads have ended */
void orch_direct_close(orch_t *o);


#endif /* ORCH_DIRECT_H */
