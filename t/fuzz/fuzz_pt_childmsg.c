/* The child's protocol: any bytes are a message, a part of one, or an error. */

#include <stdlib.h>

#include "pt_childmsg.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         used;
    pt_buf_t       again;
    pt_str_t       in = { (const char *) data, size };
    pt_childmsg_t  m;

    while (pt_childmsg_read(in, &m, &used) == PT_OK && used != 0) {

        /* what was read is what would be written */
        pt_buf_init(&again, &pt_mem_heap, PT_CHILDMSG_MAX);
        pt_childmsg_write(&again, &m);

        if (again.err != PT_OK || again.len != used
            || memcmp(again.data, in.data, used) != 0)
        {
            abort();
        }

        pt_buf_done(&again);
        in.data += used;
        in.len -= used;
    }

    return 0;
}
