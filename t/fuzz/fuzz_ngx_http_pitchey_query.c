/*
 * Any query string gives filters that the wire takes, or names of arguments
 * that are wrong; what is decoded fits into the room of what was there.
 */

#include <stdlib.h>

#include "ngx_http_pitchey_query.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void told(void *ctx, pt_str_t parameter, const char *detail);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                          *room;
    unsigned                       errors = 0;
    pt_msg_t                       msg;
    pt_frames_t                    frames;
    ngx_http_pitchey_query_list_t  q = { .error = told, .ctx = &errors };

    room = malloc(size ? size : 1);
    if (room == NULL) {
        return 0;
    }

    memset(&msg, 0, sizeof(msg));

    if (ngx_http_pitchey_query_list((pt_str_t) { (const char *) data, size },
                                    room, &q)
        != (errors == 0))
    {
        abort();
    }

    if (errors == 0) {
        msg.command = PT_CMD_LIST;
        msg.u.list = q.list;
        msg.u.list.rq.user = msg.u.list.rq.role = msg.u.list.rq.tier =
            PT_STR("u");

        if (pt_wire_encode(&msg, &frames) != PT_OK) {
            abort();
        }
    }

    free(room);

    return 0;
}


static void
told(void *ctx, pt_str_t parameter, const char *detail)
{
    unsigned  *errors = ctx;

    if (!pt_str_is_utf8(parameter) || detail == NULL) {
        abort();
    }

    ++*errors;
}
