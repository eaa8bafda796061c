/*
 * Any bytes, in pieces of any size, are messages and then an end: a text is
 * UTF-8 within the limit, a control frame is short, a code is one that may be
 * sent, and nothing follows the end.
 *
 * The first byte is the size of the pieces, the second the limit.
 */

#include <stdint.h>
#include <stdlib.h>

#include "ngx_http_pitchey_frames.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static int
check(const ngx_http_pitchey_frames_t *f,
    const ngx_http_pitchey_frames_item_t *item)
{
    switch (item->kind) {

    case NGX_HTTP_PITCHEY_FRAMES_MORE:
        return 0;

    case NGX_HTTP_PITCHEY_FRAMES_TEXT:
        if (item->payload.len > f->max || !pt_str_is_utf8(item->payload)) {
            abort();
        }
        return 1;

    case NGX_HTTP_PITCHEY_FRAMES_PING:
    case NGX_HTTP_PITCHEY_FRAMES_PONG:
        if (item->payload.len > NGX_HTTP_PITCHEY_FRAME_CONTROL) {
            abort();
        }
        return 1;

    default:
        if (!ngx_http_pitchey_frames_code_is_good(item->code) || !f->failed) {
            abort();
        }
        return 1;
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                            *piece;
    size_t                           n, step;
    ngx_http_pitchey_frames_t        f;
    ngx_http_pitchey_frames_item_t   item;

    if (size < 2) {
        return 0;
    }

    memset(&f, 0, sizeof(f));

    step = data[0] ? data[0] : size;
    f.max = 16 * (size_t) data[1];

    for (data += 2, size -= 2; size; data += n, size -= n) {
        n = size < step ? size : step;

        /* of its own, so that a byte read too far is noticed */
        piece = malloc(n);
        if (piece == NULL) {
            break;
        }

        memcpy(piece, data, n);
        ngx_http_pitchey_frames_feed(&f, piece, n);

        do {
            ngx_http_pitchey_frames_next(&f, &item);
        } while (check(&f, &item));

        if (f.left && !f.failed) {
            abort();
        }

        free(piece);
    }

    ngx_http_pitchey_frames_done(&f);

    return 0;
}
