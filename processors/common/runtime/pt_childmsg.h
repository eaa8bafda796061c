/*
 * What a processor's parent and its child say to each other, over the
 * socket that each child has.
 *
 * A message: len:u32 (of what follows) kind:u8 number:u64, then the texts of
 * its kind, each len:u32 and its bytes.  Integers in host order: both ends
 * are one binary.
 *
 *   parent -> child
 *     JOB        action id user role user_type params inputs platform
 *                number: the attempt;
 *                inputs: [{"id","path","media_type","name","size"}];
 *                platform: JSON, or empty where there is none
 *   child -> parent
 *     IDLE       sandboxed, waits for a job
 *     PROGRESS   stage; number: permille
 *     OUTPUT     name media_type path, the path relative to the scratch
 *     TREE       name entry path
 *     LOG        text
 *     DONE       json; the last message of a job
 *     FAILED     text json; number: pt_err_t, json: [{"pointer","detail"}]
 *                or empty; the last message of a job
 *
 * The child is not trusted: any bytes give a message, a wait for more, or an
 * error, after which the parent ends it.
 */

#ifndef PT_CHILDMSG_H
#define PT_CHILDMSG_H

#include "pt_mem.h"
#include "pt_wire.h"


#define PT_RESULT_MAX    (1u << 20)   /* a job's result, a failure's errors */
#define PT_LINE_MAX      1024         /* a log line, a failure's message */
#define PT_PATH_MAX      1024         /* of a file below a scratch directory */


typedef enum {
    PT_CHILDMSG_JOB = 0,
    PT_CHILDMSG_IDLE,
    PT_CHILDMSG_PROGRESS,
    PT_CHILDMSG_OUTPUT,
    PT_CHILDMSG_TREE,
    PT_CHILDMSG_LOG,
    PT_CHILDMSG_DONE,
    PT_CHILDMSG_FAILED,

    PT_CHILDMSG_COUNT_
} pt_childmsg_kind_t;


typedef struct {
    pt_childmsg_kind_t  kind;
    uint64_t            number;

    /* those that the kind does not have are absent */
    pt_str_t            action;
    pt_str_t            id;
    pt_str_t            user;
    pt_str_t            role;
    pt_str_t            user_type;
    pt_str_t            params;
    pt_str_t            inputs;
    pt_str_t            platform;
    pt_str_t            stage;
    pt_str_t            name;
    pt_str_t            media_type;
    pt_str_t            entry;
    pt_str_t            path;
    pt_str_t            text;
    pt_str_t            json;
} pt_childmsg_t;


/* room for the longest message */
#define PT_CHILDMSG_MAX  (PT_JSON_FRAME_MAX + (2u << 20))


/*
 * Appends one message; buf->err is PT_E_INVALID where a text is not what its
 * kind allows.
 */
void pt_childmsg_write(pt_buf_t *buf, const pt_childmsg_t *m);

/*
 * Reads the message that in begins with.  ret_m borrows from in.
 *
 * ret_used  its bytes; 0: more are needed, ret_m is untouched
 * Errors    PT_E_BAD_MESSAGE
 */
PT_MUST_CHECK pt_err_t pt_childmsg_read(pt_str_t in, pt_childmsg_t *ret_m,
    size_t *ret_used);


#endif /* PT_CHILDMSG_H */
