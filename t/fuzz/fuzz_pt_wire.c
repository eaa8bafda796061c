/*
 * Any frames give a message or an error, and a message that was decoded
 * encodes to the same frames; so do the messages of a pack.  Input: frames, each after its length in two
 * bytes.
 */

#include <stdlib.h>

#include "pt_wire.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const pt_str_t *frames, size_t n);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t    n, len;
    pt_str_t  frames[PT_WIRE_FRAMES_MAX + 8];

    for (n = 0; size >= 2 && n < PT_WIRE_FRAMES_MAX + 8; n++) {
        len = (size_t) data[0] << 8 | data[1];
        data += 2;
        size -= 2;

        if (len > size) {
            len = size;
        }

        frames[n] = (pt_str_t) { (const char *) data, len };
        data += len;
        size -= len;
    }

    look(frames, n);

    return 0;
}


static void
look(const pt_str_t *frames, size_t n)
{
    size_t       i, m;
    pt_msg_t     msg;
    pt_str_t     inner[PT_WIRE_FRAMES_MAX];
    uint64_t     rid;
    pt_frames_t  again;

    if (pt_wire_decode(frames, n, &msg, &rid) != PT_OK) {
        return;
    }

    if (pt_wire_encode(&msg, &again) != PT_OK || again.n != n) {
        abort();
    }

    for (i = 0; i < n; i++) {
        if (!pt_str_eq(frames[i], again.frames[i])) {
            abort();
        }
    }

    /* which has no pack in it: no deeper than this */
    while (msg.command == PT_CMD_PACK
           && pt_pack_next(&msg.u.pack.messages, inner, &m) == PT_OK)
    {
        look(inner, m);
    }
}
